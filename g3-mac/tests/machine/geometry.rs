//! A band for tests inside the crate.

use core::time::Duration;
use plc_core::sap::{FrameFit, FrameGeometry, Modulation, ModulationScheme, ToneMap, TxParameters};

/// CENELEC A: 36 carriers, frames in steps of four symbols, one Reed-Solomon block.
pub(crate) struct CenelecA;

pub(crate) static GEOMETRY: CenelecA = CenelecA;

impl CenelecA {
    /// Octets of the PSDU that a payload of `symbols` symbols holds.
    fn psdu(tx: &TxParameters, symbols: usize) -> usize {
        let (bits, repeat, parity) = match tx.modulation {
            Modulation::Robo => (1, 4, 8),
            Modulation::Bpsk => (1, 1, 16),
            Modulation::Qpsk => (2, 1, 16),
            Modulation::Psk8 => (3, 1, 16),
            Modulation::Qam16 => return 0,
        };
        let carriers = 6 * (tx.tone_map.0 & 0x3F).count_ones() as usize;
        let codeword = (symbols * carriers * bits).saturating_sub(12 * repeat) / (16 * repeat);
        if codeword > 255 { 0 } else { codeword.saturating_sub(parity) }
    }
}

impl FrameGeometry for CenelecA {
    fn fit(&self, tx: &TxParameters, len: usize) -> Option<FrameFit> {
        let symbols = (1..=63).map(|fl| 4 * fl).find(|&n| Self::psdu(tx, n) >= len.max(1))?;
        let psdu_len = Self::psdu(tx, symbols);
        Some(FrameFit { psdu_len, duration: self.ack() + self.symbol() * symbols as u32 })
    }
    fn max_psdu(&self, tx: &TxParameters) -> usize {
        (1..=63).map(|fl| Self::psdu(tx, 4 * fl)).max().unwrap_or(0)
    }
    fn robust(&self) -> TxParameters {
        let (modulation, scheme) = (Modulation::Robo, ModulationScheme::Differential);
        TxParameters { modulation, scheme, tone_map: ToneMap::all(6) }
    }
    fn symbol(&self) -> Duration {
        Duration::from_micros(695)
    }
    fn ack(&self) -> Duration {
        Duration::from_micros(6_080) + self.symbol() * 13
    }
}

/// FCC: 72 carriers in 24 groups, one or two Reed-Solomon blocks, frames in steps of one symbol.
#[allow(dead_code, reason = "the tests of the machine are about CENELEC")]
pub(crate) struct Fcc;

#[allow(dead_code, reason = "the tests of the machine are about CENELEC")]
pub(crate) static FCC: Fcc = Fcc;

#[allow(dead_code, reason = "the tests of the machine are about CENELEC")]
impl Fcc {
    fn psdu(tx: &TxParameters, symbols: usize, blocks: usize) -> usize {
        let (bits, repeat, parity) = match (tx.modulation, tx.scheme) {
            (Modulation::Robo, _) => (1, 4, 8),
            (Modulation::Bpsk, _) => (1, 1, 16),
            (Modulation::Qpsk, _) => (2, 1, 16),
            (Modulation::Psk8, _) => (3, 1, 16),
            (Modulation::Qam16, ModulationScheme::Coherent) => (4, 1, 16),
            (Modulation::Qam16, ModulationScheme::Differential) => return 0,
        };
        let carriers = 3 * (tx.tone_map.0 & 0xFF_FFFF).count_ones() as usize;
        let word = (symbols / blocks * carriers * bits).saturating_sub(12 * repeat) / (16 * repeat);
        if word > 255 || !symbols.is_multiple_of(blocks) { 0 } else { blocks * word.saturating_sub(parity) }
    }

    fn shapes(tx: &TxParameters) -> impl Iterator<Item = (usize, usize)> {
        (1..=2).flat_map(move |blocks| (1..=511).map(move |n| (n, Self::psdu(tx, n, blocks))))
    }
}

impl FrameGeometry for Fcc {
    fn fit(&self, tx: &TxParameters, len: usize) -> Option<FrameFit> {
        let (symbols, psdu_len) = Self::shapes(tx).find(|&(_, psdu)| psdu >= len.max(1))?;
        Some(FrameFit { psdu_len, duration: self.ack() + self.symbol() * symbols as u32 })
    }
    fn max_psdu(&self, tx: &TxParameters) -> usize {
        Self::shapes(tx).map(|(_, psdu)| psdu).max().unwrap_or(0)
    }
    fn robust(&self) -> TxParameters {
        let (modulation, scheme) = (Modulation::Robo, ModulationScheme::Differential);
        TxParameters { modulation, scheme, tone_map: ToneMap::all(24) }
    }
    fn symbol(&self) -> Duration {
        Duration::from_nanos(231_667)
    }
    fn ack(&self) -> Duration {
        Duration::from_micros(2_027) + self.symbol() * 12
    }
    fn group_carriers(&self) -> u32 {
        3
    }
}

#[test]
fn the_published_capacities_hold() {
    let tx = |modulation| TxParameters { modulation, ..GEOMETRY.robust() };
    let max = |modulation| GEOMETRY.max_psdu(&tx(modulation));
    assert_eq!((max(Modulation::Robo), max(Modulation::Bpsk)), (133, 235));
    assert_eq!((max(Modulation::Qpsk), max(Modulation::Psk8)), (235, 226));
}
