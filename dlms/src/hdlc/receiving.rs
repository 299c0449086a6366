//! What a station receives: segments in order, joined to APDUs.

use super::control::Number;
use super::specs::llc;
use alloc::vec::Vec;

/// The receiving half of a link.
#[derive(Debug)]
pub(super) struct Receiving {
    /// V(R).
    expected: Number,
    window: u8,
    header: [u8; llc::LEN],
    max_apdu_len: usize,
    joined: Vec<u8>,
    /// Segments of the APDU have come, and its last has not.
    is_open: bool,
    /// The APDU is too long: its segments are acknowledged and forgotten.
    is_too_long: bool,
}

/// What an information frame was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// A segment, and more follow.
    Segment,
    /// The last of an APDU.
    Apdu(Vec<u8>),
    /// The last of an APDU that is too long.
    TooLong,
    /// The last of an APDU without the LLC header of the other end.
    WrongHeader,
    /// A frame before it is missing.
    Gap,
    /// A frame that has come before.
    Repeat,
}

impl Receiving {
    /// Takes APDUs behind this LLC header, of at most so many octets.
    pub(super) const fn new(header: [u8; llc::LEN], max_apdu_len: usize, window: u8) -> Self {
        let expected = Number::new(0);
        let joined = Vec::new();
        Self { expected, window, header, max_apdu_len, joined, is_open: false, is_too_long: false }
    }

    /// V(R): all before it have arrived.
    pub(super) const fn expected(&self) -> Number {
        self.expected
    }

    /// Whether the rest of an APDU is missing.
    pub(super) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Octets held for the APDU that is being joined, and the most that they may be.
    pub(super) const fn occupancy(&self) -> (usize, usize) {
        (self.joined.len(), self.max_apdu_len + llc::LEN)
    }

    pub(super) fn on_information(&mut self, send: Number, more_follow: bool, information: &[u8]) -> Arrival {
        if send != self.expected {
            let ahead = send.since(self.expected);
            return if ahead < self.window { Arrival::Gap } else { Arrival::Repeat };
        }
        self.expected = self.expected.plus(1);
        self.join(information);
        self.is_open = more_follow;
        if more_follow { Arrival::Segment } else { self.finish() }
    }

    fn join(&mut self, information: &[u8]) {
        let fits = self.joined.len() + information.len() <= self.max_apdu_len + llc::LEN;
        if fits && !self.is_too_long {
            self.joined.extend_from_slice(information);
        } else {
            self.is_too_long = true;
            self.joined = Vec::new();
        }
    }

    fn finish(&mut self) -> Arrival {
        let mut joined = core::mem::take(&mut self.joined);
        if core::mem::take(&mut self.is_too_long) {
            return Arrival::TooLong;
        }
        if !joined.starts_with(&self.header) {
            return Arrival::WrongHeader;
        }
        joined.drain(..llc::LEN);
        Arrival::Apdu(joined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiving() -> Receiving {
        Receiving::new(llc::COMMAND, 10, 3)
    }

    #[test]
    fn segments_are_joined_behind_the_header() {
        let mut receiving = receiving();
        assert_eq!(receiving.on_information(Number::new(0), true, &[0xE6, 0xE6]), Arrival::Segment);
        assert!(receiving.is_open());
        assert_eq!(receiving.on_information(Number::new(1), true, &[0, 1]), Arrival::Segment);
        assert_eq!(receiving.on_information(Number::new(2), false, &[2]), Arrival::Apdu(alloc::vec![1, 2]));
        assert!(!receiving.is_open());
        assert_eq!(
            receiving.on_information(Number::new(3), false, &[0xE6, 0xE7, 0, 1]),
            Arrival::WrongHeader
        );
    }

    #[test]
    fn a_frame_out_of_order_changes_nothing() {
        let mut receiving = receiving();
        receiving.on_information(Number::new(0), true, &llc::COMMAND);
        assert_eq!(receiving.on_information(Number::new(2), false, &[9]), Arrival::Gap);
        assert_eq!(receiving.on_information(Number::new(0), true, &[9]), Arrival::Repeat);
        assert_eq!(receiving.expected().value(), 1);
        assert_eq!(receiving.on_information(Number::new(1), false, &[1]), Arrival::Apdu(alloc::vec![1]));
    }

    #[test]
    fn an_apdu_without_end_holds_no_more_than_the_longest() {
        let mut receiving = receiving();
        for n in 0..200 {
            assert_eq!(receiving.on_information(Number::new(n), true, &[0xE6; 5]), Arrival::Segment);
            let (held, most) = receiving.occupancy();
            assert!(held <= most);
        }
        assert_eq!(receiving.on_information(Number::new(200), false, &[1]), Arrival::TooLong);
        let next = receiving.on_information(Number::new(201), false, &[0xE6, 0xE6, 0, 5]);
        assert_eq!(next, Arrival::Apdu(alloc::vec![5]));
    }
}
