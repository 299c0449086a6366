//! A-XDR \[IEC 61334-6; GB 9.5\]: a borrowed walk over received values, and an encoder for values to send.
//!
//! [`Data::parse`] checks a whole value once (lengths, counts, depth); walking it afterwards cannot
//! fail. [`Encoder`] writes values into a bounded `Vec`.

mod compact;
mod data;
mod encoder;
mod length;
mod sequence;
mod skip;

pub use compact::CompactArray;
pub use data::{BitString, Data};
pub use encoder::{EncodeFault, Encoder};
pub use length::{emit_length, length_len, parse_length};
pub use sequence::{Elements, Sequence};
