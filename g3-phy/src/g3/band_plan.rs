//! Band plans as data, and the arithmetic of their frames.

use super::payload::PayloadShape;
use super::specs;
use core::time::Duration;
use plc_core::sap::{FrameFit, FrameGeometry, Modulation, ModulationScheme, ToneMap, TxParameters};

/// One band of G3-PLC: which carriers, how they are grouped, what a header looks like.
///
/// All nodes of a network share one plan. A network with another number of SYNCP uses
/// `BandPlan { syncp: 10, ..CENELEC_A }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BandPlan {
    /// Name for people.
    pub name: &'static str,
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// Index of the lowest carrier; carrier spacing is the sample rate over 256.
    pub first_carrier: usize,
    /// Phase of each carrier in SYNCP, in π/8, lowest first; its length is the number of carriers.
    pub preamble: &'static [u8],
    /// SYNCP symbols in a preamble.
    pub syncp: usize,
    /// Groups of the tone map, of equal size.
    pub groups: usize,
    /// Information bits of the header.
    pub fch_bits: usize,
    /// OFDM symbols that one step of the frame length stands for.
    pub symbol_unit: usize,
    /// Longest payload in steps of the frame length.
    pub units_max: usize,
}

/// CENELEC-A: 36 carriers from 35.9 to 90.6 kHz at 400 kHz \[G3 PHY 1; confidence A\].
pub static CENELEC_A: BandPlan = BandPlan {
    name: "CENELEC-A",
    sample_rate_hz: 400_000,
    first_carrier: 23,
    preamble: &specs::PREAMBLE_CENELEC_A,
    syncp: specs::SYNCP_COUNT,
    groups: 6,
    fch_bits: specs::FCH_BITS_CENELEC,
    symbol_unit: 4,
    units_max: 63,
};

impl BandPlan {
    /// Carriers of the band.
    pub const fn carriers(&self) -> usize {
        self.preamble.len()
    }

    /// Carriers of one group of the tone map.
    pub const fn group_size(&self) -> usize {
        self.carriers() / self.groups
    }

    /// Whether the carrier at `position` (0 is the lowest) carries data under `map`.
    pub const fn is_active(&self, map: ToneMap, position: usize) -> bool {
        map.0 >> (position / self.group_size()) & 1 == 1
    }

    /// Whether `map` names at least one group and only groups of this band.
    pub const fn is_legal(&self, map: ToneMap) -> bool {
        map.0 != 0 && map.0 & !ToneMap::all(self.groups as u32).0 == 0
    }

    /// Symbols of the frame control header.
    pub const fn fch_symbols(&self) -> usize {
        ((self.fch_bits + specs::TAIL_BITS) * 2 * specs::FCH_REPETITION).div_ceil(self.carriers())
    }

    /// Samples of the preamble.
    pub const fn preamble_len(&self) -> usize {
        self.syncp * specs::FFT_LEN + specs::SYNCM_LEN
    }

    /// Samples of a frame with `symbols` payload symbols.
    pub const fn frame_len(&self, symbols: usize) -> usize {
        self.preamble_len() + specs::SYMBOL_HOP * (self.fch_symbols() + symbols)
    }

    /// The longest payload in symbols.
    pub const fn symbols_max(&self) -> usize {
        self.symbol_unit * self.units_max
    }

    fn duration(&self, samples: usize) -> Duration {
        Duration::from_nanos(samples as u64 * 1_000_000_000 / u64::from(self.sample_rate_hz))
    }
}

impl FrameGeometry for BandPlan {
    fn fit(&self, tx: &TxParameters, len: usize) -> Option<FrameFit> {
        let shape = PayloadShape::fitting(self, tx, len)?;
        Some(FrameFit { psdu_len: shape.psdu_len, duration: self.duration(self.frame_len(shape.symbols)) })
    }

    fn max_psdu(&self, tx: &TxParameters) -> usize {
        let shapes = (1..=self.units_max).filter_map(|units| PayloadShape::of(self, tx, units));
        shapes.map(|shape| shape.psdu_len).max().unwrap_or(0)
    }

    fn robust(&self) -> TxParameters {
        TxParameters {
            modulation: Modulation::Robo,
            scheme: ModulationScheme::Differential,
            tone_map: ToneMap::all(self.groups as u32),
        }
    }

    fn symbol(&self) -> Duration {
        self.duration(specs::SYMBOL_HOP)
    }

    fn ack(&self) -> Duration {
        self.duration(self.frame_len(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tx(modulation: Modulation) -> TxParameters {
        TxParameters { modulation, ..CENELEC_A.robust() }
    }

    #[test]
    fn the_largest_psdus_of_cenelec_a_are_the_published_ones() {
        use Modulation::*;
        let largest = [Robo, Bpsk, Qpsk, Psk8, Qam16].map(|m| CENELEC_A.max_psdu(&tx(m)));
        assert_eq!(largest, [133, 235, 235, 226, 0]);
    }

    #[test]
    fn frame_lengths_follow_the_published_table() {
        let psdu = |m, units| PayloadShape::of(&CENELEC_A, &tx(m), units).map(|s| s.psdu_len);
        use Modulation::*;
        assert_eq!((psdu(Psk8, 3), psdu(Qpsk, 3), psdu(Bpsk, 3)), (Some(64), Some(37), Some(10)));
        assert_eq!((psdu(Psk8, 5), psdu(Qpsk, 5), psdu(Bpsk, 5)), (Some(118), Some(73), Some(28)));
        assert_eq!((psdu(Bpsk, 10), psdu(Robo, 10)), (Some(73), Some(13)));
        assert_eq!((psdu(Qpsk, 13), psdu(Bpsk, 13), psdu(Robo, 13)), (Some(217), Some(100), Some(20)));
        assert_eq!((psdu(Bpsk, 28), psdu(Robo, 28), psdu(Robo, 63)), (Some(235), Some(54), Some(133)));
    }

    #[test]
    fn air_time_and_header_are_those_of_the_standard() {
        assert_eq!(CENELEC_A.fch_symbols(), 13);
        assert_eq!(CENELEC_A.symbol(), Duration::from_micros(695));
        assert_eq!(CENELEC_A.ack(), Duration::from_nanos(15_115_000));
        assert_eq!(CENELEC_A.frame_len(252), 2432 + 278 * 265);
    }

    #[test]
    fn parameters_of_another_band_fit_nothing() {
        let foreign = TxParameters { tone_map: ToneMap(0x40), ..CENELEC_A.robust() };
        assert_eq!(CENELEC_A.fit(&foreign, 1), None);
        assert_eq!(CENELEC_A.fit(&TxParameters { tone_map: ToneMap(0), ..foreign }, 1), None);
        assert_eq!(CENELEC_A.fit(&CENELEC_A.robust(), 134), None);
    }

    proptest! {
        #[test]
        fn a_fit_holds_what_was_asked_and_fits_itself(len in 1usize..236, map in 1u32..64, m in 0usize..4) {
            let modulation = [Modulation::Robo, Modulation::Bpsk, Modulation::Qpsk, Modulation::Psk8][m];
            let tx = TxParameters { tone_map: ToneMap(map), ..tx(modulation) };
            match CENELEC_A.fit(&tx, len) {
                Some(fit) => {
                    prop_assert!(fit.psdu_len >= len && fit.psdu_len <= CENELEC_A.max_psdu(&tx));
                    prop_assert_eq!(CENELEC_A.fit(&tx, fit.psdu_len), Some(fit));
                }
                None => prop_assert!(len > CENELEC_A.max_psdu(&tx)),
            }
        }
    }
}
