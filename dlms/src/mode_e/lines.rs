//! Messages out of the octets of the opening.

use super::specs;
use heapless::Vec;

/// One message, from its first character to its line feed.
pub(super) type Line = Vec<u8, { specs::MESSAGE_LEN_MAX }>;

/// Finds messages: each begins with a slash or ACK and ends with a line feed. What stands between them,
/// wake-up characters for instance, is skipped.
#[derive(Debug, Default)]
pub(super) struct Lines {
    line: Line,
    /// Octets that were no message.
    pub(super) noise: u64,
}

impl Lines {
    /// Takes octets from the front until a message is whole.
    pub(super) fn take(&mut self, octets: &mut &[u8]) -> Option<Line> {
        while let Some((&octet, rest)) = octets.split_first() {
            *octets = rest;
            self.on_octet(octet);
            if self.line.last() == Some(&specs::LF) {
                return Some(core::mem::take(&mut self.line));
            }
        }
        None
    }

    /// What was begun will not be finished.
    pub(super) fn clear(&mut self) {
        self.noise += self.line.len() as u64;
        self.line.clear();
    }

    fn on_octet(&mut self, octet: u8) {
        let starts = octet == specs::START || octet == specs::ACK;
        if starts {
            self.clear();
        }
        let outside = !starts && self.line.is_empty();
        if outside || self.line.push(octet).is_err() {
            self.clear();
            self.noise += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_between_noise_and_too_long_ones_are_left() {
        let mut lines = Lines::default();
        let stream =
            [&[0; 20][..], b"/?!\r\n", b"junk/x/?1!\r\n", b"/", &[b'y'; 100], b"\n\x06252\r\n"].concat();
        let mut octets = &stream[..];
        let found: alloc::vec::Vec<Line> = core::iter::from_fn(|| lines.take(&mut octets)).collect();
        assert_eq!(found, [&b"/?!\r\n"[..], b"/?1!\r\n", b"\x06252\r\n"]);
        assert_eq!(lines.noise, 20 + 4 + 2 + 100 + 1 + 1);
    }
}
