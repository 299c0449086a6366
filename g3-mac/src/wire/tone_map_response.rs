//! The tone map response.

use core::fmt;
use plc_core::sap::{Lqi, Modulation, ModulationScheme, ToneMap, TxGain, TxParameters, TxStep};
use plc_core::wire::{Reader, WireError, Writer};

/// The layout of a tone map response, which the band decides \[G3 MAC 1.4\].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToneMapLayout {
    /// CENELEC: six groups, coefficients of four bits. One source decodes six octets and marks seven; both are read,
    /// and zero follows the coefficients if `seven` octets are to be written \[confidence B\].
    Cenelec {
        /// Write a seventh octet.
        seven: bool,
    },
    /// FCC and ARIB: up to 24 groups, coefficients of two bits, twelve octets \[confidence B\].
    #[default]
    Wide,
}

/// The tone map response, after its command identifier \[G3 MAC 1.4; confidence B\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToneMapResponse {
    /// Modulation, scheme and groups to use towards the sender of the response.
    pub tx: TxParameters,
    /// TXRES, TXGAIN (0..=15) and TXCOEF (0..=15 for CENELEC, 0..=3 else).
    pub gain: TxGain,
    /// How well the sender of the response has heard the other.
    pub lqi: Lqi,
}

impl ToneMapResponse {
    /// Reads the response.
    pub fn parse(reader: &mut Reader<'_>, layout: ToneMapLayout) -> Result<Self, WireError> {
        match layout {
            ToneMapLayout::Cenelec { .. } => Self::parse_cenelec(reader),
            ToneMapLayout::Wide => Self::parse_wide(reader),
        }
    }

    /// Writes the response. A modulation, tone map or gain that the fields cannot hold is invalid.
    pub fn emit(&self, writer: &mut Writer<'_>, layout: ToneMapLayout) -> Result<(), WireError> {
        if !self.fits(layout) {
            return Err(WireError::Invalid("tone map response"));
        }
        match layout {
            ToneMapLayout::Cenelec { seven } => self.emit_cenelec(writer, seven),
            ToneMapLayout::Wide => self.emit_wide(writer),
        }
    }

    /// Octets on the wire.
    pub const fn wire_len(&self, layout: ToneMapLayout) -> usize {
        match layout {
            ToneMapLayout::Cenelec { seven } => 6 + seven as usize,
            ToneMapLayout::Wide => 12,
        }
    }

    fn parse_cenelec(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let head = reader.u8()?;
        let tone_map = ToneMap(u32::from(reader.u8()? & 0x3F));
        let lqi = Lqi(reader.u8()?);
        let packed: [u8; 3] = reader.array()?;
        if reader.remaining() == 1 {
            reader.rest();
        }
        let (modulation, scheme) = (modulation(head >> 1 & 3)?, scheme(head & 1));
        let mut gain = gain(head);
        for (octet, steps) in packed.iter().zip(gain.group_steps.chunks_exact_mut(2)) {
            steps.copy_from_slice(&[octet >> 4, octet & 0x0F]);
        }
        Ok(Self { tx: TxParameters { modulation, scheme, tone_map }, gain, lqi })
    }

    fn parse_wide(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let head = reader.u8()?;
        let [m0, m1, m2]: [u8; 3] = reader.array()?;
        let tone_map = ToneMap(u32::from_le_bytes([m0, m1, m2, 0]));
        let lqi = Lqi(reader.u8()?);
        let packed: [u8; 6] = reader.array()?;
        let (modulation, scheme) = (modulation(head & 7)?, scheme(reader.u8()? >> 7));
        let mut gain = gain(head);
        for (octet, steps) in packed.iter().zip(gain.group_steps.chunks_exact_mut(4)) {
            steps.copy_from_slice(&[octet >> 6, octet >> 4 & 3, octet >> 2 & 3, octet & 3]);
        }
        Ok(Self { tx: TxParameters { modulation, scheme, tone_map }, gain, lqi })
    }

    fn emit_cenelec(&self, writer: &mut Writer<'_>, seven: bool) -> Result<(), WireError> {
        writer.u8(self.head() | (self.tx.modulation as u8) << 1 | self.tx.scheme as u8)?;
        writer.u8(self.tx.tone_map.0 as u8)?;
        writer.u8(self.lqi.0)?;
        let pairs = self.gain.group_steps[..6].chunks_exact(2);
        pairs.into_iter().try_for_each(|pair| writer.u8(pair[0] << 4 | pair[1]))?;
        if seven { writer.u8(0) } else { Ok(()) }
    }

    fn emit_wide(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u8(self.head() | self.tx.modulation as u8)?;
        writer.bytes(&self.tx.tone_map.0.to_le_bytes()[..3])?;
        writer.u8(self.lqi.0)?;
        let fours = self.gain.group_steps.chunks_exact(4);
        fours.into_iter().try_for_each(|s| writer.u8(s[0] << 6 | s[1] << 4 | s[2] << 2 | s[3]))?;
        writer.u8((self.tx.scheme as u8) << 7)
    }

    fn head(&self) -> u8 {
        (self.gain.step as u8) << 7 | self.gain.steps << 3
    }

    fn fits(&self, layout: ToneMapLayout) -> bool {
        let (groups, steps_max, modulation_max) = match layout {
            ToneMapLayout::Cenelec { .. } => (6, 15, Modulation::Psk8),
            ToneMapLayout::Wide => (24, 3, Modulation::Qam16),
        };
        let (used, unused) = self.gain.group_steps.split_at(groups);
        self.tx.modulation <= modulation_max
            && self.tx.tone_map.0 <= ToneMap::all(groups as u32).0
            && self.gain.steps <= 15
            && used.iter().all(|&steps| steps <= steps_max)
            && unused.iter().all(|&steps| steps == 0)
    }
}

impl fmt::Display for ToneMapResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TxParameters { modulation, scheme, tone_map } = self.tx;
        write!(f, "tone map response {modulation:?} {scheme:?} {tone_map:?} lqi {}", self.lqi.0)
    }
}

fn modulation(bits: u8) -> Result<Modulation, WireError> {
    match bits {
        0 => Ok(Modulation::Robo),
        1 => Ok(Modulation::Bpsk),
        2 => Ok(Modulation::Qpsk),
        3 => Ok(Modulation::Psk8),
        4 => Ok(Modulation::Qam16),
        _ => Err(WireError::Invalid("modulation")),
    }
}

const fn scheme(bit: u8) -> ModulationScheme {
    if bit == 0 { ModulationScheme::Differential } else { ModulationScheme::Coherent }
}

/// TXRES and TXGAIN of the first octet.
fn gain(head: u8) -> TxGain {
    let step = if head & 0x80 == 0 { TxStep::SixDb } else { TxStep::ThreeDb };
    TxGain { step, steps: head >> 3 & 0x0F, ..TxGain::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::emitted;
    use proptest::prelude::*;
    use std::string::ToString;
    use std::vec::Vec;

    const CENELEC: ToneMapLayout = ToneMapLayout::Cenelec { seven: false };

    #[test]
    fn the_fields_lie_where_the_standard_puts_them() {
        let bytes = [0x80 | 5 << 3 | 2 << 1 | 1, 0x2A, 90, 0x12, 0x34, 0x56];
        let response = ToneMapResponse::parse(&mut Reader::new(&bytes), CENELEC).unwrap();
        assert_eq!((response.gain.step, response.gain.steps, response.lqi), (TxStep::ThreeDb, 5, Lqi(90)));
        assert_eq!(response.tx.modulation, Modulation::Qpsk);
        assert_eq!(response.tx.scheme, ModulationScheme::Coherent);
        assert_eq!(response.gain.group_steps[..7], [1, 2, 3, 4, 5, 6, 0]);
        assert_eq!(emitted(|w| response.emit(w, CENELEC)), bytes);
        let mut longer = bytes.to_vec();
        longer.push(0);
        let mut reader = Reader::new(&longer);
        assert_eq!(ToneMapResponse::parse(&mut reader, CENELEC), Ok(response));
        assert!(reader.is_empty());
        assert_eq!(emitted(|w| response.emit(w, ToneMapLayout::Cenelec { seven: true })), longer);
        assert_eq!(response.to_string(), "tone map response Qpsk Coherent 00002a lqi 90");
    }

    #[test]
    fn fcc_has_24_groups_of_two_bits_and_the_scheme_at_the_end() {
        let bytes = [0x80 | 5 << 3 | 4, 0x01, 0x02, 0x83, 90, 0b00_01_10_11, 0, 0, 0, 0, 0x03, 0x80];
        let response = ToneMapResponse::parse(&mut Reader::new(&bytes), ToneMapLayout::Wide).unwrap();
        assert_eq!(
            (response.tx.modulation, response.tx.scheme),
            (Modulation::Qam16, ModulationScheme::Coherent)
        );
        assert_eq!((response.tx.tone_map, response.gain.steps), (ToneMap(0x83_0201), 5));
        assert_eq!((&response.gain.group_steps[..4], response.gain.group_steps[23]), (&[0, 1, 2, 3][..], 3));
        assert_eq!(emitted(|w| response.emit(w, ToneMapLayout::Wide)), bytes);
        assert!(response.emit(&mut Writer::new(&mut [0; 20]), CENELEC).is_err());
        let reserved = [5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(ToneMapResponse::parse(&mut Reader::new(&reserved), ToneMapLayout::Wide).is_err());
    }

    proptest! {
        #[test]
        fn what_is_parsed_is_emitted_and_parsed_the_same(bytes: Vec<u8>, wide: bool, seven: bool) {
            let layout = if wide { ToneMapLayout::Wide } else { ToneMapLayout::Cenelec { seven } };
            if let Ok(response) = ToneMapResponse::parse(&mut Reader::new(&bytes), layout) {
                let again = emitted(|w| response.emit(w, layout));
                prop_assert_eq!(again.len(), response.wire_len(layout));
                prop_assert_eq!(ToneMapResponse::parse(&mut Reader::new(&again), layout), Ok(response));
            }
        }
    }
}
