//! Octets as text, for dissection.

use core::fmt;

/// Shows octets as lower-case hexadecimal digits.
#[derive(Clone, Copy)]
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// Octets from hexadecimal digits, spaces ignored.
#[cfg(test)]
pub(crate) fn hex(text: &str) -> alloc::vec::Vec<u8> {
    let digits: alloc::vec::Vec<u8> =
        text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
