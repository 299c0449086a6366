//! Codes against errors. Knows no standard: every parameter is an argument.

mod bits;
mod convolutional;
mod galois;
mod interleaver;
mod reed_solomon;
mod repetition;
mod scrambler;
mod siso;
mod viterbi;

pub use bits::{pack, unpack};
pub use convolutional::{CONSTRAINT_TAIL, ConvolutionalEncoder};
pub use interleaver::{Interleaver, InterleaverOrder};
pub use reed_solomon::{ReedSolomon, Uncorrectable};
pub use repetition::{RepetitionOrder, combine, copy_position};
pub use scrambler::Scrambler;
pub use siso::Siso;
pub use viterbi::{ExactViterbi, Viterbi};
