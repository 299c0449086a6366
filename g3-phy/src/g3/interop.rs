//! What is not certain about the standard, in one place.

pub use crate::fec::{InterleaverOrder, RepetitionOrder};

/// Where the five check bits of the CENELEC header stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckPlacement {
    /// Bits 3..0 first, then bit 4, as a shipped modem does.
    #[default]
    HighestLast,
    /// Bit 4 first, in natural order.
    HighestFirst,
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
    /// Order of the check bits in the CENELEC header \[G3 PHY 5.1; confidence B\].
    pub check_placement: CheckPlacement,
    /// Order of repeated bits \[G3 PHY 3.5; confidence C\].
    pub repetition: RepetitionOrder,
    /// Which of the two row steps of the interleaver is the larger \[G3 PHY 3.6; confidence A\].
    pub interleaver: InterleaverOrder,
    /// Whether the row steps are exchanged when element (1, 0) would stay in column 0 \[G3 PHY 3.6; confidence B\].
    pub interleaver_swap: bool,
    /// The value of the bits that fill up the last symbols \[G3 PHY 3.7; confidence C\].
    pub pad_bit: bool,
}

impl Default for Interop {
    fn default() -> Self {
        Self {
            fch_scrambled: true,
            payload_restarts_scrambler: true,
            check_placement: CheckPlacement::HighestLast,
            repetition: RepetitionOrder::BitByBit,
            interleaver: InterleaverOrder::LargerFirst,
            interleaver_swap: true,
            pad_bit: false,
        }
    }
}
