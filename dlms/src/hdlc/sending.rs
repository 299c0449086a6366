//! What a station sends: APDUs in segments, and the window of those without acknowledgement.

use super::control::Number;
use super::specs::bounds::QUEUE_MAX;
use super::specs::sequence::WINDOW_MAX;
use alloc::vec::Vec;
use heapless::Deque;

/// A piece of an APDU, as it goes into one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) more_follow: bool,
    pub(super) information: Vec<u8>,
}

/// The sending half of a link.
#[derive(Debug)]
pub(super) struct Sending {
    max_info: usize,
    window: usize,
    /// APDUs with their LLC header, of which nothing or not everything was cut.
    queue: Deque<Vec<u8>, QUEUE_MAX>,
    /// Octets cut from the first of the queue.
    offset: usize,
    /// Segments sent at least once and not acknowledged.
    sent: Deque<Segment, { WINDOW_MAX as usize }>,
    /// The number of the first of them: V(S) when all are acknowledged.
    first: Number,
    /// How many of them were sent since the last look back.
    next: usize,
}

impl Sending {
    pub(super) fn new(max_info: u16, window: u8) -> Self {
        Self {
            max_info: usize::from(max_info).max(1),
            window: usize::from(window.clamp(1, WINDOW_MAX)),
            queue: Deque::new(),
            offset: 0,
            sent: Deque::new(),
            first: Number::default(),
            next: 0,
        }
    }

    /// Takes an APDU with its LLC header in; returns whether there was room.
    pub(super) fn offer(&mut self, apdu: Vec<u8>) -> bool {
        self.queue.push_back(apdu).is_ok()
    }

    /// The number of the next segment: V(S).
    pub(super) fn number(&self) -> Number {
        self.first.plus(self.next as u8)
    }

    /// Whether `take` would give a segment.
    pub(super) fn is_ready(&self) -> bool {
        self.next < self.sent.len() || (self.sent.len() < self.window && !self.queue.is_empty())
    }

    /// Whether everything was sent and acknowledged.
    pub(super) fn is_idle(&self) -> bool {
        self.sent.is_empty() && self.queue.is_empty()
    }

    /// The next segment and its number.
    pub(super) fn take(&mut self) -> Option<(Number, Segment)> {
        if self.next == self.sent.len() {
            self.cut()?;
        }
        let number = self.number();
        let segment = self.sent.iter().nth(self.next)?.clone();
        self.next += 1;
        Some((number, segment))
    }

    /// All before `receive` have arrived. Returns how many of them that says anew; `None` for a number
    /// that was never sent.
    pub(super) fn on_acknowledgement(&mut self, receive: Number) -> Option<usize> {
        let count = usize::from(receive.since(self.first));
        if count > self.sent.len() {
            return None;
        }
        (0..count).for_each(|_| drop(self.sent.pop_front()));
        self.first = receive;
        self.next = self.next.saturating_sub(count);
        Some(count)
    }

    /// What was not acknowledged is lost: it is sent again. Returns how many segments that are.
    pub(super) fn look_back(&mut self) -> usize {
        core::mem::take(&mut self.next)
    }

    /// Cuts a segment from the first APDU of the queue, if the window has room.
    fn cut(&mut self) -> Option<()> {
        if self.sent.len() >= self.window {
            return None;
        }
        let apdu = self.queue.front()?;
        let end = apdu.len().min(self.offset + self.max_info);
        let information = apdu[self.offset..end].to_vec();
        let more_follow = end < apdu.len();
        self.offset = if more_follow { end } else { 0 };
        if !more_follow {
            self.queue.pop_front();
        }
        self.sent.push_back(Segment { more_follow, information }).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take_all(sending: &mut Sending) -> Vec<(u8, usize, bool)> {
        core::iter::from_fn(|| sending.take())
            .map(|(number, segment)| (number.value(), segment.information.len(), segment.more_follow))
            .collect()
    }

    #[test]
    fn an_apdu_goes_in_segments_as_the_window_allows() {
        let mut sending = Sending::new(10, 2);
        assert!(sending.offer(alloc::vec![7; 35]));
        assert_eq!(take_all(&mut sending), [(0, 10, true), (1, 10, true)]);
        assert!(!sending.is_ready());
        assert_eq!(sending.on_acknowledgement(Number::new(1)), Some(1));
        assert_eq!(take_all(&mut sending), [(2, 10, true)]);
        assert_eq!(sending.on_acknowledgement(Number::new(3)), Some(2));
        assert_eq!(take_all(&mut sending), [(3, 5, false)]);
        assert_eq!(sending.on_acknowledgement(Number::new(4)), Some(1));
        assert!(sending.is_idle());
    }

    #[test]
    fn what_was_lost_is_sent_again_and_no_more() {
        let mut sending = Sending::new(10, 7);
        assert!(sending.offer(alloc::vec![7; 65]));
        assert_eq!(take_all(&mut sending).len(), 7);
        assert_eq!(sending.on_acknowledgement(Number::new(4)), Some(4));
        assert_eq!(sending.look_back(), 3);
        assert_eq!(take_all(&mut sending), [(4, 10, true), (5, 10, true), (6, 5, false)]);
        assert_eq!(sending.on_acknowledgement(Number::new(7)), Some(3));
    }

    #[test]
    fn numbers_that_were_never_sent_are_not_acknowledged() {
        let mut sending = Sending::new(10, 3);
        assert_eq!(sending.on_acknowledgement(Number::new(1)), None);
        assert!(sending.offer(alloc::vec![7; 25]));
        assert_eq!(take_all(&mut sending).len(), 3);
        assert_eq!(sending.on_acknowledgement(Number::new(4)), None);
        assert_eq!(sending.on_acknowledgement(Number::new(7)), None);
        assert_eq!(sending.on_acknowledgement(Number::new(3)), Some(3));
    }

    #[test]
    fn a_full_queue_takes_no_more() {
        let mut sending = Sending::new(10, 1);
        let taken = (0..10).filter(|_| sending.offer(alloc::vec![1])).count();
        assert_eq!(taken, QUEUE_MAX);
    }
}
