//! The header of the CENELEC bands \[G3 PHY 5.1; confidence A\].

use super::{CheckPlacement, Fch, Sof, scheme};
use crate::g3::specs::{FCH_CHECKED_BITS_CENELEC, FCH_OCTETS_CENELEC};
use plc_core::crc::{CRC5_FCH, crc_bits};
use plc_core::sap::{Modulation, ToneMap, TxParameters};
use plc_core::wire::WireError;

type Octets = [u8; FCH_OCTETS_CENELEC];

pub(super) fn parse(octets: &Octets, placement: CheckPlacement) -> Result<Fch, WireError> {
    let (low, last) = check(octets, placement);
    if octets[3] & 0x0F != low || octets[4] != last {
        return Err(WireError::Invalid("check sequence"));
    }
    match octets[3] >> 4 & 7 {
        delimiter @ 0..=1 => parse_sof(octets, delimiter == 1),
        delimiter @ 2..=3 => parse_ack(octets, delimiter == 3),
        delimiter => {
            let mut fields = [0; Fch::LEN_MAX];
            fields[..4].copy_from_slice(&[octets[0], octets[1], octets[2], octets[3] & 0x80]);
            Ok(Fch::Reserved { delimiter, fields })
        }
    }
}

fn parse_sof(octets: &Octets, response_expected: bool) -> Result<Fch, WireError> {
    let modulation = match octets[1] >> 6 {
        0 => Modulation::Robo,
        1 => Modulation::Bpsk,
        2 => Modulation::Qpsk,
        _ => Modulation::Psk8,
    };
    if octets[2] == 0 || octets[2] & 0xC0 != 0 {
        return Err(WireError::Invalid("tone map"));
    }
    let tone_map = ToneMap(u32::from(octets[2]));
    let tx = TxParameters { modulation, scheme: scheme(octets[3] & 0x80 != 0), tone_map };
    let units = u16::from(octets[1] & 0x3F);
    Ok(Fch::Sof(Sof { pdc: octets[0], tx, units, blocks: 1, response_expected }))
}

fn parse_ack(octets: &Octets, negative: bool) -> Result<Fch, WireError> {
    if octets[1] & 0x7F != 0 || octets[3] & 0x80 != 0 {
        return Err(WireError::Invalid("acknowledgement"));
    }
    let fcs = u16::from_le_bytes([octets[0], octets[2]]);
    Ok(Fch::Ack { fcs, more_segments: octets[1] & 0x80 != 0, negative })
}

pub(super) fn octets(fch: &Fch, placement: CheckPlacement) -> Result<Octets, WireError> {
    let mut octets = match *fch {
        Fch::Sof(sof) => sof_octets(&sof)?,
        Fch::Ack { fcs, more_segments, negative } => {
            let [low, high] = fcs.to_le_bytes();
            [low, u8::from(more_segments) << 7, high, 0x20 | u8::from(negative) << 4, 0]
        }
        Fch::Reserved { delimiter: delimiter @ 4..=7, fields: [a, b, c, d, ..] } => {
            [a, b, c, d & 0x80 | delimiter << 4, 0]
        }
        Fch::Reserved { .. } => return Err(WireError::Invalid("delimiter")),
    };
    let (low, last) = check(&octets, placement);
    octets[3] |= low;
    octets[4] = last;
    Ok(octets)
}

fn sof_octets(sof: &Sof) -> Result<Octets, WireError> {
    if sof.tx.modulation > Modulation::Psk8 {
        return Err(WireError::Invalid("modulation"));
    }
    if sof.units > 0x3F || sof.blocks != 1 {
        return Err(WireError::Invalid("frame length"));
    }
    if sof.tx.tone_map.0 == 0 || sof.tx.tone_map.0 > 0x3F {
        return Err(WireError::Invalid("tone map"));
    }
    let scheme = (sof.tx.scheme as u8) << 7;
    let modulation = (sof.tx.modulation as u8) << 6;
    let delimiter = u8::from(sof.response_expected) << 4;
    Ok([sof.pdc, modulation | sof.units as u8, sof.tx.tone_map.0 as u8, scheme | delimiter, 0])
}

/// The check bits of octets 3 and 4.
pub(super) fn check(octets: &Octets, placement: CheckPlacement) -> (u8, u8) {
    let crc = crc_bits(&CRC5_FCH, octets, FCH_CHECKED_BITS_CENELEC);
    match placement {
        CheckPlacement::HighestLast => (crc & 0x0F, crc >> 4 << 7),
        CheckPlacement::HighestFirst => (crc >> 1, crc << 7),
    }
}
