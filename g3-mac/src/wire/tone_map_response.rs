//! The tone map response of the CENELEC bands.

use core::fmt;
use plc_core::sap::{Lqi, Modulation, ModulationScheme, ToneMap, TxParameters};
use plc_core::wire::{Reader, WireError, Writer};

/// The tone map response of the CENELEC bands, after its command identifier \[G3 MAC 1.4; confidence B:
/// one source decodes six octets and marks seven\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToneMapResponse {
    /// Modulation, scheme and sub-bands (6 bits) to use towards the sender of the response.
    pub tx: TxParameters,
    /// TXRES: gain steps of 3 dB instead of 6 dB.
    pub fine_gain: bool,
    /// TXGAIN in steps, 0..=15.
    pub gain: u8,
    /// How well the sender of the response has heard the other.
    pub lqi: Lqi,
    /// TXCOEF in steps, 0..=15, for each sub-band, lowest first.
    pub coefficients: [u8; 6],
}

impl ToneMapResponse {
    /// Reads the response, with or without a seventh octet, whose meaning is unknown.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let head = reader.u8()?;
        let tone_map = ToneMap(u32::from(reader.u8()? & SUB_BANDS));
        let lqi = Lqi(reader.u8()?);
        let packed: [u8; 3] = reader.array()?;
        if reader.remaining() == 1 {
            reader.rest();
        }
        let nibble = |n: usize| if n.is_multiple_of(2) { packed[n / 2] >> 4 } else { packed[n / 2] & 0x0F };
        Ok(Self {
            tx: TxParameters { modulation: modulation(head >> 1 & 3), scheme: scheme(head & 1), tone_map },
            fine_gain: head & 0x80 != 0,
            gain: head >> 3 & 0x0F,
            lqi,
            coefficients: core::array::from_fn(nibble),
        })
    }

    /// Writes the response. A modulation, tone map or gain that the fields cannot hold is invalid.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let modulation = self.tx.modulation as u8;
        let fits = modulation <= 3 && self.tx.tone_map.0 <= u32::from(SUB_BANDS) && self.gain <= 15;
        if !fits || self.coefficients.iter().any(|&c| c > 15) {
            return Err(WireError::Invalid("tone map response"));
        }
        let gain = self.gain << 3 | u8::from(self.fine_gain) << 7;
        writer.u8(gain | modulation << 1 | self.tx.scheme as u8)?;
        writer.u8(self.tx.tone_map.0 as u8)?;
        writer.u8(self.lqi.0)?;
        self.coefficients.chunks_exact(2).try_for_each(|pair| writer.u8(pair[0] << 4 | pair[1]))
    }

    /// Octets on the wire.
    pub const fn wire_len(&self) -> usize {
        6
    }
}

impl fmt::Display for ToneMapResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TxParameters { modulation, scheme, tone_map } = self.tx;
        write!(f, "tone map response {modulation:?} {scheme:?} {tone_map:?} lqi {}", self.lqi.0)
    }
}

const SUB_BANDS: u8 = 0x3F;

const fn modulation(bits: u8) -> Modulation {
    match bits {
        0 => Modulation::Robo,
        1 => Modulation::Bpsk,
        2 => Modulation::Qpsk,
        _ => Modulation::Psk8,
    }
}

const fn scheme(bit: u8) -> ModulationScheme {
    if bit == 0 { ModulationScheme::Differential } else { ModulationScheme::Coherent }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::emitted;
    use std::string::ToString;

    #[test]
    fn the_fields_lie_where_the_standard_puts_them() {
        let bytes = [0x80 | 5 << 3 | 2 << 1 | 1, 0x2A, 90, 0x12, 0x34, 0x56];
        let response = ToneMapResponse::parse(&mut Reader::new(&bytes)).unwrap();
        assert_eq!((response.fine_gain, response.gain, response.lqi), (true, 5, Lqi(90)));
        assert_eq!(response.tx.modulation, Modulation::Qpsk);
        assert_eq!(response.tx.scheme, ModulationScheme::Coherent);
        assert_eq!(response.coefficients, [1, 2, 3, 4, 5, 6]);
        assert_eq!(emitted(|w| response.emit(w)), bytes);
        let mut longer = bytes.to_vec();
        longer.push(0);
        let mut reader = Reader::new(&longer);
        assert_eq!(ToneMapResponse::parse(&mut reader), Ok(response));
        assert!(reader.is_empty());
        assert_eq!(response.to_string(), "tone map response Qpsk Coherent 00002a lqi 90");
    }
}
