//! The characters of the opening, and nothing else \[62056-21 6.3, annex E; confidence B where not said\].

#![allow(missing_docs)]

pub const START: u8 = b'/';
pub const REQUEST: u8 = b'?';
pub const END: u8 = b'!';
pub const ACK: u8 = 0x06;
pub const CR: u8 = 0x0D;
pub const LF: u8 = 0x0A;
/// Before the character of an enhanced mode in an identification.
pub const ENHANCED: u8 = b'\\';
/// Binary mode, HDLC: in an identification \[6.3.2, item 24; confidence A\], and as protocol and mode in an
/// acknowledgement.
pub const BINARY_HDLC: u8 = b'2';
/// The characters that the rates of mode E have: 300, 600, 1200, 2400, 4800, 9600, 19200.
pub const RATES: [(u8, u32); 7] =
    [(b'0', 300), (b'1', 600), (b'2', 1200), (b'3', 2400), (b'4', 4800), (b'5', 9600), (b'6', 19_200)];
pub const ADDRESS_LEN_MAX: usize = 32;
pub const MAKER_LEN: usize = 3;
pub const IDENTIFICATION_LEN_MAX: usize = 16;
/// The longest message: an identification with two enhanced modes \[a bound of this crate\].
pub const MESSAGE_LEN_MAX: usize = 48;
/// Outputs that may wait for the driver \[a bound of this crate\].
pub const OUTPUTS_MAX: usize = 8;
