//! What is not certain about the standard, in one place.

use super::{BandPlan, HeaderFormat};
pub use crate::fec::{InterleaverOrder, RepetitionOrder};
pub use crate::ofdm::Qam16Map;
use core::fmt;

/// Where the five check bits of the CENELEC header stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckPlacement {
    /// Bits 3..0 first, then bit 4, as a shipped modem does.
    #[default]
    HighestLast,
    /// Bit 4 first, in natural order.
    HighestFirst,
}

/// What one interleaver spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InterleaverSpan {
    /// The whole code word, with a row for each bit of each symbol.
    #[default]
    FullBlock,
    /// One bit of the carriers; the first interleaver feeds the first bit. Devices of the first edition.
    PerBit,
}

/// How the header is keyed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FchKeying {
    /// As the band says: coherent on FCC, differential elsewhere.
    #[default]
    OfTheBand,
    /// The other way: differential on FCC (devices of the first edition), coherent on ARIB.
    Opposite,
}

/// Which way TXGAIN and TXCOEF count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GainSign {
    /// Steps down from full level.
    #[default]
    Attenuation,
    /// Steps up, ending at full level with 15.
    Amplification,
}

/// The readings of the standard that one capture of a certified device would settle. Both ends of a line
/// must agree on all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interop {
    /// Whether the header passes the scrambler \[G3 PHY 3.1; confidence B\].
    pub fch_scrambled: bool,
    /// Whether the scrambler starts anew for the payload, or goes on where a scrambled header left it
    /// \[G3 PHY 3.2; confidence C\].
    pub payload_restarts_scrambler: bool,
    /// Whether it starts anew for a second code word \[G3 PHY 3.2; confidence B\].
    pub block_restarts_scrambler: bool,
    /// Order of the check bits in the CENELEC header \[G3 PHY 5.1; confidence B\].
    pub check_placement: CheckPlacement,
    /// How the header is keyed on FCC and ARIB \[G3 PHY 2; confidence A for FCC, B for ARIB\].
    pub fch_keying: FchKeying,
    /// Order of repeated bits \[G3 PHY 3.5; confidence C\].
    pub repetition: RepetitionOrder,
    /// Which of the two row steps of the interleaver is the larger \[G3 PHY 3.6; confidence A\].
    pub interleaver: InterleaverOrder,
    /// Whether the row steps are exchanged when element (1, 0) would stay in column 0 \[G3 PHY 3.6; confidence B\].
    pub interleaver_swap: bool,
    /// What one interleaver spans \[G3 PHY 3.6; confidence B\].
    pub interleaver_span: InterleaverSpan,
    /// The value of the bits that fill up the last symbols \[G3 PHY 3.7; confidence C\].
    pub pad_bit: bool,
    /// Which bits of 16-QAM choose which axis \[G3 PHY 4.2; confidence C\].
    pub qam16: Qam16Map,
    /// Which way the gain of a tone map response counts \[G3 MAC 1.4; confidence C\]. No recording tells.
    pub gain_sign: GainSign,
}

impl Default for Interop {
    fn default() -> Self {
        Self {
            fch_scrambled: true,
            payload_restarts_scrambler: true,
            block_restarts_scrambler: false,
            check_placement: CheckPlacement::HighestLast,
            fch_keying: FchKeying::OfTheBand,
            repetition: RepetitionOrder::BitByBit,
            interleaver: InterleaverOrder::LargerFirst,
            interleaver_swap: true,
            interleaver_span: InterleaverSpan::FullBlock,
            pad_bit: false,
            qam16: Qam16Map::PairPerAxis,
            gain_sign: GainSign::Attenuation,
        }
    }
}

/// Fields that [`Interop::readings`] may vary.
const FIELDS: usize = 11;

impl Interop {
    /// Every combination of the readings that make a difference to frames of `plan`, the default first.
    pub fn readings(plan: &BandPlan) -> impl Iterator<Item = Self> + use<> {
        let varied = [
            true,
            true,
            plan.blocks_max > 1,
            plan.header == HeaderFormat::Cenelec,
            plan.header != HeaderFormat::Cenelec,
            true,
            true,
            true,
            true,
            true,
            plan.modulation_max == plc_core::sap::Modulation::Qam16,
        ];
        let fixed = (0..FIELDS).fold(0u32, |bits, n| bits | u32::from(!varied[n]) << n);
        (0..1u32 << FIELDS).filter(move |choice| choice & fixed == 0).map(Self::chosen)
    }

    /// The combination that differs from the default in the fields whose bits are set in `choice`.
    fn chosen(choice: u32) -> Self {
        let other = |n: u32| choice >> n & 1 == 1;
        Self {
            fch_scrambled: !other(0),
            payload_restarts_scrambler: !other(1),
            block_restarts_scrambler: other(2),
            check_placement: if other(3) {
                CheckPlacement::HighestFirst
            } else {
                CheckPlacement::HighestLast
            },
            fch_keying: if other(4) { FchKeying::Opposite } else { FchKeying::OfTheBand },
            repetition: if other(5) { RepetitionOrder::BlockByBlock } else { RepetitionOrder::BitByBit },
            interleaver: if other(6) {
                InterleaverOrder::SmallerFirst
            } else {
                InterleaverOrder::LargerFirst
            },
            interleaver_swap: !other(7),
            interleaver_span: if other(8) { InterleaverSpan::PerBit } else { InterleaverSpan::FullBlock },
            pad_bit: other(9),
            qam16: if other(10) { Qam16Map::AlternatingAxes } else { Qam16Map::PairPerAxis },
            gain_sign: GainSign::default(),
        }
    }

    /// Whether headers of `plan` are keyed against SYNCP.
    pub fn coherent_header(&self, plan: &BandPlan) -> bool {
        plan.coherent_header != (self.fch_keying == FchKeying::Opposite)
    }
}

impl fmt::Display for Interop {
    /// The fields that differ from the default, or "default".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = Self::default();
        let marks = [
            (self.fch_scrambled != default.fch_scrambled, "header not scrambled"),
            (
                self.payload_restarts_scrambler != default.payload_restarts_scrambler,
                "scrambler runs on into the payload",
            ),
            (
                self.block_restarts_scrambler != default.block_restarts_scrambler,
                "scrambler restarts with each code word",
            ),
            (self.check_placement != default.check_placement, "highest check bit first"),
            (self.fch_keying != default.fch_keying, "header keyed the other way"),
            (self.repetition != default.repetition, "repetition block by block"),
            (self.interleaver != default.interleaver, "smaller row step first"),
            (self.interleaver_swap != default.interleaver_swap, "row steps never exchanged"),
            (self.interleaver_span != default.interleaver_span, "an interleaver per bit"),
            (self.pad_bit != default.pad_bit, "padding of ones"),
            (self.qam16 != default.qam16, "16-QAM bits on alternating axes"),
            (self.gain_sign != default.gain_sign, "gain steps amplify"),
        ];
        let mut differing = marks.iter().filter(|(differs, _)| *differs).map(|(_, name)| name);
        match differing.next() {
            None => f.write_str("default"),
            Some(first) => {
                f.write_str(first)?;
                differing.try_for_each(|name| write!(f, ", {name}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ARIB, CENELEC_A, FCC};
    use super::*;
    use std::collections::BTreeSet;
    use std::string::{String, ToString};
    use std::vec::Vec;

    #[test]
    fn readings_begin_with_the_default_and_differ_from_each_other() {
        for (plan, count) in [(&CENELEC_A, 256), (&ARIB, 256), (&FCC, 1024)] {
            let readings: Vec<Interop> = Interop::readings(plan).collect();
            assert_eq!((readings[0], readings.len()), (Interop::default(), count), "{}", plan.name);
            let names: BTreeSet<String> = readings.iter().map(ToString::to_string).collect();
            assert_eq!(names.len(), count);
        }
    }

    #[test]
    fn a_reading_names_what_differs() {
        let interop = Interop { pad_bit: true, fch_scrambled: false, ..Interop::default() };
        assert_eq!(interop.to_string(), "header not scrambled, padding of ones");
        assert_eq!(Interop::default().to_string(), "default");
    }
}
