//! Band plans as data, and the arithmetic of their frames.

use super::payload::PayloadShape;
use super::{HeaderFormat, specs};
use core::fmt;
use core::time::Duration;
use plc_core::sap::{FrameFit, FrameGeometry, Modulation, ModulationScheme, ToneMap, TxParameters};

/// One band of G3-PLC: which carriers, how they are grouped, what a header looks like.
///
/// All nodes of a network share one plan. A network with another number of SYNCP uses
/// `CENELEC_A.with_syncp(10)`, one with a notch `CENELEC_A.with_mask(mask)`.
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
    /// Carriers that send nothing at all.
    pub(crate) mask: ToneMask,
    /// SYNCP symbols in a preamble.
    pub(crate) syncp: usize,
    /// Groups of the tone map, of equal size.
    pub groups: usize,
    /// Layout of the frame control header.
    pub header: HeaderFormat,
    /// Whether the header is keyed against SYNCP instead of against the symbol before.
    pub coherent_header: bool,
    /// OFDM symbols that one step of the frame length stands for.
    pub symbol_unit: usize,
    /// Longest payload in steps of the frame length.
    pub units_max: usize,
    /// Reed-Solomon code words that a frame may hold.
    pub blocks_max: usize,
    /// The densest modulation.
    pub modulation_max: Modulation,
    /// Active carrier of the first pilot in the first symbol of a coherent payload.
    pub pilot_offset: usize,
}

/// Carriers that send nothing, in preamble, header and payload: bit `n` is the carrier at position `n` of the band,
/// 0 the lowest. A constant of the network: both ends must know it \[G3 PHY 1; confidence A\].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ToneMask(pub u128);

impl ToneMask {
    /// Nothing is masked.
    pub const NONE: Self = Self(0);

    /// Masks the carriers of indices `from..=to` of a band whose lowest carrier is `first`. An index below `first` or
    /// more than 126 above it, or a range that is empty, makes a mask that [`BandPlan::with_mask`] refuses.
    pub const fn carriers(first: usize, from: usize, to: usize) -> Self {
        if from < first || to < from || to - first >= 127 {
            return Self::OUTSIDE;
        }
        let above = u128::MAX << (from - first);
        Self(above & !(u128::MAX << (to - first + 1)))
    }

    /// A carrier that no band has.
    const OUTSIDE: Self = Self(1 << 127);
}

impl fmt::Debug for ToneMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// CENELEC-A: 36 carriers from 35.9 to 90.6 kHz at 400 kHz \[G3 PHY 1; confidence A\].
pub static CENELEC_A: BandPlan = BandPlan {
    name: "CENELEC-A",
    sample_rate_hz: 400_000,
    first_carrier: 23,
    preamble: &specs::PREAMBLE_CENELEC_A,
    mask: ToneMask::NONE,
    syncp: specs::SYNCP_COUNT,
    groups: 6,
    header: HeaderFormat::Cenelec,
    coherent_header: false,
    symbol_unit: 4,
    units_max: 63,
    blocks_max: 1,
    modulation_max: Modulation::Psk8,
    pilot_offset: specs::PILOT_OFFSET_CENELEC,
};

/// FCC: 72 carriers from 154.7 to 487.5 kHz at 1.2 MHz \[G3 PHY 1; confidence A\].
pub static FCC: BandPlan = BandPlan {
    name: "FCC",
    sample_rate_hz: 1_200_000,
    first_carrier: 33,
    preamble: &specs::PREAMBLE_FCC,
    mask: ToneMask::NONE,
    syncp: specs::SYNCP_COUNT,
    groups: 24,
    header: HeaderFormat::Fcc,
    coherent_header: true,
    symbol_unit: 1,
    units_max: 511,
    blocks_max: 2,
    modulation_max: Modulation::Qam16,
    pilot_offset: specs::PILOT_OFFSET_FCC,
};

/// FCC-1.a: the lower 24 carriers of FCC, up to 262.5 kHz \[G3 PHY 1; confidence C\].
pub static FCC_1A: BandPlan = BandPlan { name: "FCC-1.a", mask: ToneMask::carriers(33, 57, 104), ..FCC };

/// FCC-1.b: the upper 40 carriers of FCC, from 304.7 kHz \[G3 PHY 1; confidence C\].
pub static FCC_1B: BandPlan = BandPlan { name: "FCC-1.b", mask: ToneMask::carriers(33, 33, 64), ..FCC };

/// ARIB: 54 carriers from 154.7 to 403.1 kHz at 1.2 MHz \[G3 PHY 1; confidence A; longest frame B\].
pub static ARIB: BandPlan = BandPlan {
    name: "ARIB",
    preamble: &specs::PREAMBLE_ARIB,
    groups: 18,
    coherent_header: false,
    blocks_max: 1,
    modulation_max: Modulation::Psk8,
    ..FCC
};

/// Why there is no such band plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BandError {
    /// No band has this name.
    Unknown,
    /// The phases of the CENELEC-B preamble are not publicly known; [`BandPlan::cenelec_b`] takes them.
    PhasesOfCenelecB,
    /// A mask leaves fewer carriers than a frame needs.
    Masked {
        /// Carriers that would be left.
        left: usize,
    },
    /// The mask names a carrier that the band does not have.
    OutsideOfTheBand,
    /// A preamble of so many SYNCP would not be heard, or not be a preamble of a network.
    Syncp {
        /// How many.
        count: usize,
    },
    /// A preamble phase is not among 0 to 15.
    Phase {
        /// The phase.
        phase: u8,
    },
}

impl fmt::Display for BandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => {
                write!(f, "unknown band: expected one of CENELEC-A, CENELEC-B, FCC, FCC-1.a, FCC-1.b, ARIB")
            }
            Self::PhasesOfCenelecB => write!(
                f,
                "CENELEC-B needs the 16 phases of its preamble from ITU-T G.9903, which this program does not have: give them as a table"
            ),
            Self::Masked { left } => {
                write!(f, "the tone mask leaves {left} carriers: expected at least {CARRIERS_MIN}")
            }
            Self::OutsideOfTheBand => write!(f, "the tone mask names a carrier that the band does not have"),
            Self::Syncp { count } => {
                write!(f, "{count} SYNCP in a preamble: expected {SYNCP_MIN} to {SYNCP_MAX}")
            }
            Self::Phase { phase } => write!(f, "preamble phase {phase}: expected 0 to 15, in steps of π/8"),
        }
    }
}

impl core::error::Error for BandError {}

/// Carriers that a mask must leave \[G3 PHY 1; confidence B\].
pub const CARRIERS_MIN: usize = 6;

/// The fewest SYNCP that the receiver finds a preamble by.
pub const SYNCP_MIN: usize = 4;
/// The most SYNCP in a preamble.
pub const SYNCP_MAX: usize = 64;

impl BandPlan {
    /// CENELEC-B: 16 carriers from 98.4 to 121.9 kHz at 400 kHz \[G3 PHY 1; confidence B\], with the `phases` of its
    /// preamble, in π/8, lowest carrier first.
    ///
    /// # Errors
    /// [`BandError::Phase`].
    pub fn cenelec_b(phases: &'static [u8; specs::CARRIERS_CENELEC_B]) -> Result<Self, BandError> {
        match phases.iter().find(|&&phase| phase > 15) {
            Some(&phase) => Err(BandError::Phase { phase }),
            None => {
                Ok(Self { name: "CENELEC-B", first_carrier: 63, preamble: phases, groups: 4, ..CENELEC_A })
            }
        }
    }

    /// The plan called `name`, in capitals or not.
    ///
    /// # Errors
    /// [`BandError::Unknown`]; [`BandError::PhasesOfCenelecB`].
    pub fn named(name: &str) -> Result<&'static Self, BandError> {
        let plans = [&CENELEC_A, &FCC, &FCC_1A, &FCC_1B, &ARIB];
        match plans.into_iter().find(|plan| plan.name.eq_ignore_ascii_case(name)) {
            Some(plan) => Ok(plan),
            None if name.eq_ignore_ascii_case("CENELEC-B") => Err(BandError::PhasesOfCenelecB),
            None => Err(BandError::Unknown),
        }
    }

    /// The same band with the carriers of `mask` silent, besides those that are silent already.
    ///
    /// # Errors
    /// [`BandError::OutsideOfTheBand`]; [`BandError::Masked`].
    pub const fn with_mask(self, mask: ToneMask) -> Result<Self, BandError> {
        if mask.0 >> self.carriers() != 0 {
            return Err(BandError::OutsideOfTheBand);
        }
        let plan = Self { mask: ToneMask(self.mask.0 | mask.0), ..self };
        if plan.used_carriers() < CARRIERS_MIN {
            return Err(BandError::Masked { left: plan.used_carriers() });
        }
        Ok(plan)
    }

    /// The same band with preambles of `count` SYNCP, [`SYNCP_MIN`] to [`SYNCP_MAX`].
    ///
    /// # Errors
    /// [`BandError::Syncp`].
    pub const fn with_syncp(self, count: usize) -> Result<Self, BandError> {
        if count < SYNCP_MIN || count > SYNCP_MAX {
            return Err(BandError::Syncp { count });
        }
        Ok(Self { syncp: count, ..self })
    }

    /// Carriers of the band, masked ones included.
    pub const fn carriers(&self) -> usize {
        self.preamble.len()
    }

    /// Whether the carrier at `position` (0 is the lowest) sends anything.
    pub const fn is_used(&self, position: usize) -> bool {
        self.mask.0 >> position & 1 == 0
    }

    /// The carriers that send something, one bit each, bit 0 for the lowest of the band.
    pub(crate) const fn used(&self) -> u128 {
        !self.mask.0 & ((1 << self.carriers()) - 1)
    }

    /// Carriers that send something.
    pub const fn used_carriers(&self) -> usize {
        self.used().count_ones() as usize
    }

    /// Carriers of one group of the tone map.
    pub const fn group_size(&self) -> usize {
        self.carriers() / self.groups
    }

    /// Whether the carrier at `position` (0 is the lowest) carries data or a pilot under `map`.
    pub const fn is_active(&self, map: ToneMap, position: usize) -> bool {
        self.is_used(position) && map.0 >> (position / self.group_size()) & 1 == 1
    }

    /// Carriers with data or pilots under `map`.
    pub fn active_carriers(&self, map: ToneMap) -> usize {
        (0..self.carriers()).filter(|&position| self.is_active(map, position)).count()
    }

    /// Whether `map` names only groups of this band, and leaves a carrier that is not masked.
    pub fn is_legal(&self, map: ToneMap) -> bool {
        map.0 & !ToneMap::all(self.groups as u32).0 == 0 && self.active_carriers(map) > 0
    }

    /// Information bits of the header.
    pub const fn fch_bits(&self) -> usize {
        self.header.bits()
    }

    /// Symbols of the frame control header.
    pub const fn fch_symbols(&self) -> usize {
        ((self.fch_bits() + specs::TAIL_BITS) * 2 * specs::FCH_REPETITION).div_ceil(self.used_carriers())
    }

    /// Samples of the preamble.
    pub const fn preamble_len(&self) -> usize {
        self.syncp * specs::FFT_LEN + specs::SYNCM_LEN
    }

    /// Samples of a frame with `symbols` symbols after the header.
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
        let samples = self.frame_len(shape.symbols_on_air());
        Some(FrameFit { psdu_len: shape.psdu_len, duration: self.duration(samples) })
    }

    fn max_psdu(&self, tx: &TxParameters) -> usize {
        PayloadShape::all(self, tx).map(|shape| shape.psdu_len).max().unwrap_or(0)
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

    fn group_carriers(&self) -> u32 {
        self.group_size() as u32
    }

    fn tone_mask(&self) -> [u8; 9] {
        core::array::from_fn(|octet| (self.used() >> (8 * octet)) as u8)
    }

    fn freq_notching(&self) -> bool {
        self.mask != ToneMask::NONE
    }

    fn preamble_symbols(&self) -> u8 {
        self.syncp as u8
    }
}

#[cfg(test)]
mod tests;
