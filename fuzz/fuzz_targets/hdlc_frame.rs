//! Frames, negotiations and the messages of an opening: what is read is written and read again the same.
//!
//! Check sequences are made right, or random octets would never come behind them.
#![no_main]

use dlms::apdu::Pdu;
use dlms::hdlc::{Frame, Parameters};
use dlms::mode_e::{Identification, OptionSelect, SignOn};
use libfuzzer_sys::fuzz_target;
use plc_core::crc::hdlc_fcs;

/// The frame of these octets with the length and the check sequences that it should have.
fn mended(octets: &[u8]) -> Vec<u8> {
    let mut frame = octets.to_vec();
    frame.extend([0, 0]);
    let len = frame.len() as u16;
    if let [high, low, ..] = &mut frame[..] {
        (*high, *low) = (0xA0 | *high & 0x08 | (len >> 8) as u8 & 0x07, len as u8);
    }
    let end = |from: usize| frame.iter().skip(from).position(|octet| octet & 1 == 1).map(|at| from + at + 1);
    if let Some(header) = end(2).and_then(end).map(|at| at + 1).filter(|at| at + 4 <= frame.len()) {
        let check = hdlc_fcs(&frame[..header]).to_le_bytes();
        frame[header..header + 2].copy_from_slice(&check);
    }
    let body = frame.len() - 2;
    let check = hdlc_fcs(&frame[..body]).to_le_bytes();
    frame[body..].copy_from_slice(&check);
    frame
}

fuzz_target!(|octets: &[u8]| {
    if octets.len() < 2040 {
        let frame = mended(octets);
        if let Ok(read) = Frame::read(&frame) {
            assert!(!read.to_string().is_empty());
            let emitted = read.to_vec();
            assert_eq!(emitted.len(), read.wire_len());
            assert_eq!(Frame::read(&emitted), Ok(read));
        }
    }
    if let Ok(parameters) = Parameters::from_bytes(octets) {
        assert_eq!(Parameters::from_bytes(&parameters.to_vec()), Ok(parameters));
        assert_eq!(parameters, parameters.lawful());
    }
    if let Ok(choice) = OptionSelect::from_bytes(octets) {
        assert_eq!(choice.to_vec(), octets);
    }
    if let Ok(sign_on) = SignOn::from_bytes(octets) {
        assert_eq!(sign_on.to_vec(), octets);
    }
    if let Ok(identification) = Identification::from_bytes(octets) {
        assert_eq!(identification.to_vec(), octets);
    }
});
