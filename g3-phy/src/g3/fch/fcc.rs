//! The header of FCC and ARIB \[G3 PHY 5.2; confidence B\].

use super::{Fch, Sof, scheme};
use crate::g3::specs::{FCH_CHECKED_BITS_FCC, FCH_OCTETS_FCC};
use plc_core::crc::{CRC8_FCH, crc_bits};
use plc_core::sap::{Modulation, ToneMap, TxParameters};
use plc_core::wire::WireError;

type Octets = [u8; FCH_OCTETS_FCC];

/// Set in octet 6 when there is one code word, in bands that may have two.
const ONE_BLOCK: u8 = 0x10;

/// Reads a header of a band that may have two code words, or always has one.
pub(super) fn parse(octets: &Octets, two: bool) -> Result<Fch, WireError> {
    let (high, low) = check(octets);
    if octets[7] != high || octets[8] != low {
        return Err(WireError::Invalid("check sequence"));
    }
    match octets[1] >> 1 & 7 {
        delimiter @ 0..=1 => parse_sof(octets, two, delimiter == 1),
        delimiter @ 2..=3 => parse_ack(octets, delimiter == 3),
        delimiter => {
            let mut fields = *octets;
            fields[1] &= !0x0E;
            fields[7..].fill(0);
            Ok(Fch::Reserved { delimiter, fields })
        }
    }
}

fn parse_sof(octets: &Octets, two: bool, response_expected: bool) -> Result<Fch, WireError> {
    let modulation = match octets[1] >> 5 {
        0 => Modulation::Robo,
        1 => Modulation::Bpsk,
        2 => Modulation::Qpsk,
        3 => Modulation::Psk8,
        4 => Modulation::Qam16,
        _ => return Err(WireError::Invalid("modulation")),
    };
    let tone_map = ToneMap(u32::from_le_bytes([octets[3], octets[4], octets[5], 0]));
    if tone_map.0 == 0 || octets[6] & !(if two { ONE_BLOCK } else { 0 }) != 0 {
        return Err(WireError::Invalid("tone map"));
    }
    let tx = TxParameters { modulation, scheme: scheme(octets[1] & 0x10 != 0), tone_map };
    let units = u16::from_be_bytes([octets[1] & 1, octets[2]]);
    let blocks = if two && octets[6] & ONE_BLOCK == 0 { 2 } else { 1 };
    Ok(Fch::Sof(Sof { pdc: octets[0], tx, units, blocks, response_expected }))
}

fn parse_ack(octets: &Octets, negative: bool) -> Result<Fch, WireError> {
    if octets[1] & 0x71 != 0 || octets[3..7] != [0; 4] {
        return Err(WireError::Invalid("acknowledgement"));
    }
    let fcs = u16::from_le_bytes([octets[0], octets[2]]);
    Ok(Fch::Ack { fcs, more_segments: octets[1] & 0x80 != 0, negative })
}

pub(super) fn octets(fch: &Fch, two: bool) -> Result<Octets, WireError> {
    let mut octets = match *fch {
        Fch::Sof(sof) => sof_octets(&sof, two)?,
        Fch::Ack { fcs, more_segments, negative } => {
            let [low, high] = fcs.to_le_bytes();
            let delimiter = 0x04 | u8::from(negative) << 1;
            [low, u8::from(more_segments) << 7 | delimiter, high, 0, 0, 0, 0, 0, 0]
        }
        Fch::Reserved { delimiter: delimiter @ 4..=7, mut fields } => {
            fields[1] = fields[1] & !0x0E | delimiter << 1;
            fields[7..].fill(0);
            fields
        }
        Fch::Reserved { .. } => return Err(WireError::Invalid("delimiter")),
    };
    (octets[7], octets[8]) = check(&octets);
    Ok(octets)
}

fn sof_octets(sof: &Sof, two: bool) -> Result<Octets, WireError> {
    if sof.units > 0x1FF {
        return Err(WireError::Invalid("frame length"));
    }
    if sof.tx.tone_map.0 == 0 || sof.tx.tone_map.0 > 0xFF_FFFF {
        return Err(WireError::Invalid("tone map"));
    }
    let blocks = match sof.blocks {
        1 if two => ONE_BLOCK,
        1 => 0,
        2 if two => 0,
        _ => return Err(WireError::Invalid("code words")),
    };
    let keying = (sof.tx.modulation as u8) << 5 | (sof.tx.scheme as u8) << 4;
    let [high, low] = sof.units.to_be_bytes();
    let [a, b, c, _] = sof.tx.tone_map.0.to_le_bytes();
    Ok([sof.pdc, keying | u8::from(sof.response_expected) << 1 | high, low, a, b, c, blocks, 0, 0])
}

/// Octets 7 and 8: two reserved bits, the check bits, the tail. The reserved bits are covered, and zero.
pub(super) fn check(octets: &Octets) -> (u8, u8) {
    let mut covered = *octets;
    covered[7] = 0;
    let crc = crc_bits(&CRC8_FCH, &covered, FCH_CHECKED_BITS_FCC);
    (crc >> 2, crc << 6)
}
