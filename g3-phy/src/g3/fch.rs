//! The frame control header of the CENELEC bands.

use super::interop::CheckPlacement;
use super::specs::{FCH_CHECKED_BITS_CENELEC, FCH_OCTETS_CENELEC};
use core::fmt;
use plc_core::crc::{CRC5_FCH, crc_bits};
use plc_core::sap::{Modulation, ModulationScheme, ToneMap, TxParameters};
use plc_core::wire::{Reader, WireError, Writer};

/// The header of a frame with a payload \[G3 PHY 5.1; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sof {
    /// Phase detection counter of the sender.
    pub pdc: u8,
    /// How the payload is sent.
    pub tx: TxParameters,
    /// Length of the payload in steps of four symbols, at most 63.
    pub units: u8,
    /// Whether an acknowledgement is asked for.
    pub response_expected: bool,
}

/// A frame control header: five octets, of which the last six bits are the tail of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fch {
    /// A payload follows.
    Sof(Sof),
    /// An ACK or NACK; nothing follows \[G3 PHY 5.4; confidence B\].
    Ack {
        /// FCS of the frame that is acknowledged.
        fcs: u16,
        /// Whether more segments are expected (SSCA).
        more_segments: bool,
        /// NACK.
        negative: bool,
    },
    /// A delimiter that the standard keeps for later.
    Reserved {
        /// 4 to 7.
        delimiter: u8,
        /// The three octets before it, as received.
        fields: [u8; 3],
        /// The bit beside it.
        scheme: bool,
    },
}

impl Fch {
    /// Octets of a header.
    pub const LEN: usize = FCH_OCTETS_CENELEC;

    /// Reads a header and checks it.
    ///
    /// # Errors
    /// [`WireError::Truncated`]; [`WireError::Invalid`] for a wrong check sequence, a tone map of zero, or bits
    /// set where the format has none.
    pub fn parse(reader: &mut Reader<'_>, placement: CheckPlacement) -> Result<Self, WireError> {
        let octets: [u8; FCH_OCTETS_CENELEC] = reader.array()?;
        if octets[3] & 0x0F != check(&octets, placement).0 || octets[4] != check(&octets, placement).1 {
            return Err(WireError::Invalid("check sequence"));
        }
        let scheme = octets[3] & 0x80 != 0;
        match octets[3] >> 4 & 7 {
            delimiter @ 0..=1 => Self::parse_sof(&octets, scheme, delimiter == 1),
            delimiter @ 2..=3 => Self::parse_ack(&octets, delimiter == 3),
            delimiter => Ok(Self::Reserved { delimiter, fields: [octets[0], octets[1], octets[2]], scheme }),
        }
    }

    fn parse_sof(octets: &[u8; 5], coherent: bool, response_expected: bool) -> Result<Self, WireError> {
        let modulation = match octets[1] >> 6 {
            0 => Modulation::Robo,
            1 => Modulation::Bpsk,
            2 => Modulation::Qpsk,
            _ => Modulation::Psk8,
        };
        if octets[2] == 0 || octets[2] & 0xC0 != 0 {
            return Err(WireError::Invalid("tone map"));
        }
        let scheme = if coherent { ModulationScheme::Coherent } else { ModulationScheme::Differential };
        let tx = TxParameters { modulation, scheme, tone_map: ToneMap(u32::from(octets[2])) };
        Ok(Self::Sof(Sof { pdc: octets[0], tx, units: octets[1] & 0x3F, response_expected }))
    }

    fn parse_ack(octets: &[u8; 5], negative: bool) -> Result<Self, WireError> {
        if octets[1] & 0x7F != 0 || octets[3] & 0x80 != 0 {
            return Err(WireError::Invalid("acknowledgement"));
        }
        let fcs = u16::from_le_bytes([octets[0], octets[2]]);
        Ok(Self::Ack { fcs, more_segments: octets[1] & 0x80 != 0, negative })
    }

    /// Writes the header with its check sequence and tail.
    ///
    /// # Errors
    /// [`WireError::NoRoom`]; [`WireError::Invalid`] for a value that its field cannot hold.
    pub fn emit(&self, writer: &mut Writer<'_>, placement: CheckPlacement) -> Result<(), WireError> {
        let mut octets = match *self {
            Self::Sof(sof) => sof.octets()?,
            Self::Ack { fcs, more_segments, negative } => {
                let [low, high] = fcs.to_le_bytes();
                [low, u8::from(more_segments) << 7, high, 0x20 | u8::from(negative) << 4, 0]
            }
            Self::Reserved { delimiter: delimiter @ 4..=7, fields: [a, b, c], scheme } => {
                [a, b, c, u8::from(scheme) << 7 | delimiter << 4, 0]
            }
            Self::Reserved { .. } => return Err(WireError::Invalid("delimiter")),
        };
        let (low, last) = check(&octets, placement);
        octets[3] |= low;
        octets[4] = last;
        writer.bytes(&octets)
    }

    /// Octets that [`emit`](Self::emit) writes.
    pub const fn wire_len(&self) -> usize {
        Self::LEN
    }
}

impl Sof {
    fn octets(&self) -> Result<[u8; FCH_OCTETS_CENELEC], WireError> {
        if self.tx.modulation > Modulation::Psk8 {
            return Err(WireError::Invalid("modulation"));
        }
        if self.units > 0x3F {
            return Err(WireError::Invalid("frame length"));
        }
        if self.tx.tone_map.0 == 0 || self.tx.tone_map.0 > 0x3F {
            return Err(WireError::Invalid("tone map"));
        }
        let scheme = (self.tx.scheme as u8) << 7;
        let modulation = (self.tx.modulation as u8) << 6;
        let delimiter = u8::from(self.response_expected) << 4;
        Ok([self.pdc, modulation | self.units, self.tx.tone_map.0 as u8, scheme | delimiter, 0])
    }
}

/// The check bits of octets 3 and 4.
fn check(octets: &[u8; FCH_OCTETS_CENELEC], placement: CheckPlacement) -> (u8, u8) {
    let crc = crc_bits(&CRC5_FCH, octets, FCH_CHECKED_BITS_CENELEC);
    match placement {
        CheckPlacement::HighestLast => (crc & 0x0F, crc >> 4 << 7),
        CheckPlacement::HighestFirst => (crc >> 1, crc << 7),
    }
}

impl fmt::Display for Fch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sof(Sof {
                pdc,
                tx: TxParameters { modulation, scheme, tone_map },
                units,
                response_expected,
            }) => {
                let response = if *response_expected { ", response expected" } else { "" };
                write!(
                    f,
                    "SOF pdc {pdc}, {modulation:?} {scheme:?}, tone map {tone_map:?}, FL {units}{response}"
                )
            }
            Self::Ack { fcs, more_segments, negative } => {
                let name = if *negative { "NACK" } else { "ACK" };
                write!(f, "{name} of FCS {fcs:04x}{}", if *more_segments { ", more segments" } else { "" })
            }
            Self::Reserved { delimiter, fields, .. } => {
                write!(f, "reserved delimiter {delimiter}, {fields:02x?}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    fn sof(
        pdc: u8,
        modulation: Modulation,
        scheme: ModulationScheme,
        units: u8,
        response_expected: bool,
    ) -> Fch {
        let tx = TxParameters { modulation, scheme, tone_map: ToneMap(0x3F) };
        Fch::Sof(Sof { pdc, tx, units, response_expected })
    }

    fn emitted(fch: Fch, placement: CheckPlacement) -> [u8; 5] {
        let mut octets = [0; 5];
        fch.emit(&mut Writer::new(&mut octets), placement).unwrap();
        octets
    }

    #[test]
    fn published_headers_are_reproduced() {
        use {Modulation::*, ModulationScheme::*};
        let vectors = [
            (sof(0x00, Bpsk, Differential, 10, false), [0x00, 0x4A, 0x3F, 0x02, 0x80]),
            (sof(0xA5, Robo, Differential, 63, true), [0xA5, 0x3F, 0x3F, 0x12, 0x00]),
            (sof(0x80, Psk8, Coherent, 9, false), [0x80, 0xC9, 0x3F, 0x83, 0x80]),
            (sof(0x55, Robo, Differential, 10, true), [0x55, 0x0A, 0x3F, 0x12, 0x00]),
            (Fch::Ack { fcs: 0x5843, more_segments: false, negative: false }, [0x43, 0x00, 0x58, 0x29, 0x80]),
        ];
        for (fch, octets) in vectors {
            assert_eq!(emitted(fch, CheckPlacement::HighestLast), octets, "{fch}");
            assert_eq!(Fch::parse(&mut Reader::new(&octets), CheckPlacement::HighestLast), Ok(fch));
        }
    }

    #[test]
    fn the_other_placement_puts_the_highest_check_bit_first() {
        // Check value 0x12 = 10010.
        let fch = sof(0, Modulation::Bpsk, ModulationScheme::Differential, 10, false);
        assert_eq!(emitted(fch, CheckPlacement::HighestFirst), [0x00, 0x4A, 0x3F, 0x09, 0x00]);
    }

    #[test]
    fn an_empty_tone_map_is_no_header_even_with_a_right_check() {
        let mut octets = [0, 0x4A, 0, 0, 0];
        (octets[3], octets[4]) = check(&octets, CheckPlacement::HighestLast);
        let parsed = Fch::parse(&mut Reader::new(&octets), CheckPlacement::HighestLast);
        assert_eq!(parsed, Err(WireError::Invalid("tone map")));
    }

    #[test]
    fn a_header_reads_as_one_line() {
        let fch = sof(0x55, Modulation::Robo, ModulationScheme::Differential, 10, true);
        assert_eq!(
            fch.to_string(),
            "SOF pdc 85, Robo Differential, tone map 00003f, FL 10, response expected"
        );
    }

    fn any_fch() -> impl Strategy<Value = Fch> {
        let modulation = prop_oneof![
            Just(Modulation::Robo),
            Just(Modulation::Bpsk),
            Just(Modulation::Qpsk),
            Just(Modulation::Psk8)
        ];
        let scheme = prop_oneof![Just(ModulationScheme::Differential), Just(ModulationScheme::Coherent)];
        prop_oneof![
            (any::<u8>(), modulation, scheme, 1u32..64, 0u8..64, any::<bool>()).prop_map(
                |(pdc, modulation, scheme, map, units, response_expected)| {
                    let tx = TxParameters { modulation, scheme, tone_map: ToneMap(map) };
                    Fch::Sof(Sof { pdc, tx, units, response_expected })
                }
            ),
            (any::<u16>(), any::<bool>(), any::<bool>())
                .prop_map(|(fcs, more_segments, negative)| Fch::Ack { fcs, more_segments, negative }),
            (4u8..8, any::<[u8; 3]>(), any::<bool>()).prop_map(|(delimiter, fields, scheme)| Fch::Reserved {
                delimiter,
                fields,
                scheme
            }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_emitted_is_parsed(fch in any_fch(), first: bool) {
            let placement = if first { CheckPlacement::HighestFirst } else { CheckPlacement::HighestLast };
            let octets = emitted(fch, placement);
            prop_assert_eq!(octets.len(), fch.wire_len());
            prop_assert_eq!(Fch::parse(&mut Reader::new(&octets), placement), Ok(fch));
        }

        #[test]
        fn any_octets_parse_or_are_refused_and_what_parses_is_emitted_again(octets: [u8; 5], len in 0usize..6) {
            let parsed = Fch::parse(&mut Reader::new(&octets[..len]), CheckPlacement::HighestLast);
            if let Ok(fch) = parsed {
                prop_assert_eq!(emitted(fch, CheckPlacement::HighestLast), octets);
            }
        }

        #[test]
        fn every_single_wrong_bit_is_noticed(fch in any_fch(), bit in 0usize..33) {
            let mut octets = emitted(fch, CheckPlacement::HighestLast);
            octets[bit / 8] ^= 0x80 >> (bit % 8);
            prop_assert!(Fch::parse(&mut Reader::new(&octets), CheckPlacement::HighestLast).is_err());
        }
    }
}
