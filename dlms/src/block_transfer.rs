//! General block transfer \[GB 9.3.13\]: APDUs that are longer than the peer takes, in numbered blocks.
//!
//! Both ends are the same machine. A sender streams as many blocks as the peer takes in one go, and then waits
//! to be told which was the last that came in order; what follows it is sent again. The blocks are not
//! authentic by themselves: what is joined must prove itself, and until then costs a bounded amount of
//! memory.

use crate::apdu::{GeneralBlockTransfer, Pdu};
use crate::specs::general_block as specs;
use alloc::vec::Vec;

/// What is sent and what is received, of one conversation.
#[derive(Debug)]
pub(crate) struct BlockTransfer {
    outgoing: Option<Outgoing>,
    /// The highest number that was sent, for acknowledgements that come late.
    sent: u16,
    /// The number of the last mere acknowledgement since: the peer may acknowledge it like any other block.
    said: u16,
    peer_window: u8,
    joined: Vec<u8>,
    /// The block that was received last, in order.
    received: u16,
    /// Whether blocks are missing.
    is_joining: bool,
    joined_max: usize,
}

/// An APDU of which blocks are to be sent or to be acknowledged.
#[derive(Debug)]
struct Outgoing {
    apdu: Vec<u8>,
    piece_max: usize,
    count: u16,
    acknowledged: u16,
    sent: u16,
}

/// What a block means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// More follow by themselves.
    Wait,
    /// The peer waits: send [`BlockTransfer::burst`].
    Answer,
    /// All is there.
    Whole(Vec<u8>),
    /// More than is joined; it was dropped.
    TooLong,
    /// It belongs to nothing that is under way.
    Stray,
}

impl BlockTransfer {
    /// Joins APDUs of at most `joined_max` octets.
    pub(crate) const fn new(joined_max: usize) -> Self {
        Self {
            outgoing: None,
            sent: 0,
            said: 0,
            peer_window: 1,
            joined: Vec::new(),
            received: 0,
            is_joining: false,
            joined_max,
        }
    }

    /// Forgets what is under way, but not what the peer takes.
    pub(crate) fn reset(&mut self) {
        *self = Self { peer_window: self.peer_window, ..Self::new(self.joined_max) };
    }

    /// Octets held.
    pub(crate) fn held(&self) -> usize {
        self.joined.len()
    }

    /// Takes an APDU to send in blocks of at most `max_pdu` octets; returns whether they can be numbered.
    pub(crate) fn begin(&mut self, apdu: Vec<u8>, max_pdu: usize) -> bool {
        let piece_max = max_pdu.saturating_sub(specs::OVERHEAD).max(1);
        let Ok(count) = u16::try_from(apdu.len().div_ceil(piece_max)) else { return false };
        self.outgoing = Some(Outgoing { apdu, piece_max, count, acknowledged: 0, sent: 0 });
        (self.sent, self.said) = (0, 0);
        true
    }

    /// Whether something is under way in either direction.
    pub(crate) const fn is_active(&self) -> bool {
        self.outgoing.is_some() || self.is_joining
    }

    /// Whether the peer cannot have all of what is sent, or was heard to answer it.
    pub(crate) fn is_partial(&self) -> bool {
        self.is_joining || self.outgoing.as_ref().is_some_and(|outgoing| outgoing.sent < outgoing.count)
    }

    /// Blocks that have arrived, here and there.
    pub(crate) fn progress(&self) -> (u16, u16) {
        (self.received, self.outgoing.as_ref().map_or(u16::MAX, |outgoing| outgoing.acknowledged))
    }

    /// Nobody has answered: what was not acknowledged is to be sent again.
    pub(crate) const fn rewind(&mut self) {
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.sent = outgoing.acknowledged;
        }
    }

    /// The next blocks, or a mere acknowledgement if there is nothing to send.
    pub(crate) fn burst(&mut self) -> Vec<Vec<u8>> {
        let received = self.received;
        let Some(outgoing) = &mut self.outgoing else {
            let number = self.sent.saturating_add(1);
            self.said = number;
            return Vec::from([block(true, false, number, received, &[])]);
        };
        let first = outgoing.sent + 1;
        let window = u16::from(self.peer_window).clamp(1, specs::BURST_MAX);
        let last = outgoing.sent.saturating_add(window).min(outgoing.count);
        outgoing.sent = last;
        self.sent = self.sent.max(last);
        let blocks = first..=last;
        blocks.map(|n| block(n == outgoing.count, n < last, n, received, outgoing.piece(n))).collect()
    }

    /// Takes a block.
    pub(crate) fn on_block(&mut self, block: &GeneralBlockTransfer<'_>) -> Taken {
        if block.acknowledged > self.sent.max(self.said) {
            return Taken::Stray;
        }
        self.peer_window = block.window;
        self.on_acknowledged(block);
        let is_data = !block.piece.is_empty() || self.is_joining && block.number == self.received + 1;
        match is_data {
            true => self.on_piece(block),
            false if self.outgoing.is_some() => Taken::Answer,
            false => Taken::Wait,
        }
    }

    /// What has arrived in order at the peer is not sent again; what was sent behind it is, since the peer
    /// waits.
    fn on_acknowledged(&mut self, block: &GeneralBlockTransfer<'_>) {
        let Some(outgoing) = &mut self.outgoing else { return };
        if block.acknowledged < outgoing.acknowledged {
            return;
        }
        outgoing.acknowledged = block.acknowledged;
        if !block.streaming {
            outgoing.sent = block.acknowledged;
        }
        if outgoing.acknowledged >= outgoing.count {
            self.outgoing = None;
        }
    }

    fn on_piece(&mut self, block: &GeneralBlockTransfer<'_>) -> Taken {
        if block.number == 1 && !self.is_repeated_first(block.piece) {
            self.joined.clear();
            self.received = 0;
            self.is_joining = true;
        }
        let due = self.is_joining && block.number == self.received.saturating_add(1);
        if !due && block.number > self.received && !self.is_joining {
            return Taken::Stray;
        }
        if due {
            if self.joined.len() + block.piece.len() > self.joined_max {
                self.is_joining = false;
                self.joined = Vec::new();
                return Taken::TooLong;
            }
            self.joined.extend_from_slice(block.piece);
            self.received = block.number;
        }
        match (due && block.last, block.streaming) {
            (true, _) => {
                self.is_joining = false;
                Taken::Whole(core::mem::take(&mut self.joined))
            }
            (false, true) => Taken::Wait,
            (false, false) => Taken::Answer,
        }
    }

    /// Whether a first block is the one that what is being joined began with.
    fn is_repeated_first(&self, piece: &[u8]) -> bool {
        self.is_joining && self.received > 0 && self.joined.starts_with(piece)
    }
}

impl Outgoing {
    /// The piece in block `number`.
    fn piece(&self, number: u16) -> &[u8] {
        let start = (usize::from(number) - 1) * self.piece_max;
        let end = (start + self.piece_max).min(self.apdu.len());
        &self.apdu[start..end]
    }
}

fn block(last: bool, streaming: bool, number: u16, acknowledged: u16, piece: &[u8]) -> Vec<u8> {
    let window = specs::WINDOW_OURS;
    GeneralBlockTransfer { last, streaming, window, number, acknowledged, piece }.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX_PDU: usize = 64;

    fn apdu(len: usize) -> Vec<u8> {
        (0..len).map(|n| (n * 7 % 251) as u8 + 1).collect()
    }

    /// Carries `len` octets from one end to the other over a line that keeps what `lost` does not want;
    /// whoever waits for too long is asked to go on.
    fn carry(len: usize, mut lost: impl FnMut() -> bool) -> (Vec<u8>, usize) {
        let (mut sender, mut receiver) = (BlockTransfer::new(0), BlockTransfer::new(len));
        assert!(sender.begin(apdu(len), MAX_PDU));
        let mut sent = 0;
        for _ in 0..10_000 {
            let mut acknowledge = false;
            for bytes in sender.burst() {
                assert!(bytes.len() <= MAX_PDU);
                sent += 1;
                if lost() {
                    continue;
                }
                match receiver.on_block(&GeneralBlockTransfer::from_bytes(&bytes).unwrap()) {
                    Taken::Whole(joined) => return (joined, sent),
                    Taken::Answer => acknowledge = true,
                    other => assert_eq!(other, Taken::Wait),
                }
            }
            let answers = if acknowledge { receiver.burst() } else { Vec::new() };
            let heard: Vec<_> = answers.into_iter().filter(|_| !lost()).collect();
            heard.iter().for_each(|bytes| {
                let _ = sender.on_block(&GeneralBlockTransfer::from_bytes(bytes).unwrap());
            });
            if heard.is_empty() {
                sender.rewind();
            }
        }
        panic!("never whole")
    }

    #[test]
    fn after_the_first_answer_blocks_are_streamed() {
        let (joined, sent) = carry(1000, || false);
        assert_eq!((joined, sent), (apdu(1000), 1000_usize.div_ceil(MAX_PDU - 9)));
        let mut sender = BlockTransfer::new(0);
        sender.begin(apdu(1000), MAX_PDU);
        assert_eq!(sender.burst().len(), 1, "what the peer takes is not known yet");
        let answer = GeneralBlockTransfer::from_bytes(&block(true, false, 1, 1, &[])).unwrap().to_vec();
        assert_eq!(sender.on_block(&GeneralBlockTransfer::from_bytes(&answer).unwrap()), Taken::Answer);
        let burst = sender.burst();
        let flags = burst.iter().map(|bytes| GeneralBlockTransfer::from_bytes(bytes).unwrap().streaming);
        assert_eq!(flags.collect::<Vec<_>>(), [true, true, true, true, true, true, true, false]);
    }

    #[test]
    fn a_window_of_63_does_not_make_us_send_more_than_8() {
        let mut sender = BlockTransfer::new(0);
        sender.begin(apdu(10_000), MAX_PDU);
        sender.burst();
        let wide = GeneralBlockTransfer {
            last: true,
            streaming: false,
            window: 63,
            number: 1,
            acknowledged: 1,
            piece: &[],
        };
        assert_eq!(sender.on_block(&wide), Taken::Answer);
        assert_eq!(sender.burst().len(), 8);
        let none = GeneralBlockTransfer { window: 0, acknowledged: 9, ..wide };
        assert_eq!(sender.on_block(&none), Taken::Answer);
        assert_eq!(sender.burst().len(), 1, "no window is one block");
    }

    #[test]
    fn an_acknowledgement_of_blocks_that_were_never_sent_changes_nothing() {
        let mut sender = BlockTransfer::new(100);
        sender.begin(apdu(300), MAX_PDU);
        sender.burst();
        let future = GeneralBlockTransfer {
            last: true,
            streaming: false,
            window: 5,
            number: 1,
            acknowledged: 2,
            piece: &[1],
        };
        assert_eq!(sender.on_block(&future), Taken::Stray);
        assert_eq!((sender.held(), sender.peer_window), (0, 1));
    }

    #[test]
    fn a_mere_acknowledgement_may_be_acknowledged_itself() {
        let mut receiver = BlockTransfer::new(100);
        let at = |number, acknowledged, last| GeneralBlockTransfer {
            last,
            streaming: false,
            window: 1,
            number,
            acknowledged,
            piece: &[7],
        };
        assert_eq!(receiver.on_block(&at(1, 1, false)), Taken::Stray, "nothing was said yet");
        assert_eq!(receiver.on_block(&at(1, 0, false)), Taken::Answer);
        let answer = receiver.burst().remove(0);
        assert_eq!(GeneralBlockTransfer::from_bytes(&answer).unwrap().number, 1);
        assert_eq!(receiver.on_block(&at(2, 2, false)), Taken::Stray, "only one block was said");
        assert_eq!(receiver.on_block(&at(2, 1, true)), Taken::Whole(Vec::from([7, 7])));
    }

    #[test]
    fn blocks_without_beginning_and_blocks_without_end_cost_no_more_than_the_limit() {
        let mut receiver = BlockTransfer::new(100);
        let piece = [7; 30];
        let at = |number, piece| GeneralBlockTransfer {
            last: false,
            streaming: true,
            window: 1,
            number,
            acknowledged: 0,
            piece,
        };
        assert_eq!(receiver.on_block(&at(5, &piece[..])), Taken::Stray);
        for n in 1..=3 {
            assert_eq!(receiver.on_block(&at(n, &piece)), Taken::Wait);
        }
        for _ in 0..1000 {
            assert_eq!(receiver.on_block(&at(3, &piece)), Taken::Wait, "a storm of what is there");
            assert_eq!(receiver.on_block(&at(63, &piece)), Taken::Wait, "and of what is not due");
        }
        assert_eq!(receiver.held(), 90);
        assert_eq!(receiver.on_block(&at(4, &piece)), Taken::TooLong);
        assert_eq!((receiver.held(), receiver.is_active()), (0, false));
    }

    #[test]
    fn a_first_block_that_is_another_begins_anew() {
        let mut receiver = BlockTransfer::new(100);
        let at = |number, last, piece| GeneralBlockTransfer {
            last,
            streaming: false,
            window: 1,
            number,
            acknowledged: 0,
            piece,
        };
        assert_eq!(receiver.on_block(&at(1, false, &[1, 2])), Taken::Answer);
        assert_eq!(receiver.on_block(&at(1, false, &[1, 2])), Taken::Answer, "its answer was lost");
        assert_eq!(receiver.on_block(&at(1, false, &[3, 4])), Taken::Answer);
        assert_eq!(receiver.on_block(&at(2, true, &[5])), Taken::Whole(Vec::from([3, 4, 5])));
        assert_eq!(receiver.on_block(&at(2, true, &[5])), Taken::Answer, "the peer missed the answer");
        assert_eq!(receiver.on_block(&at(3, true, &[5])), Taken::Stray);
    }

    #[test]
    fn more_blocks_than_have_numbers_are_not_begun() {
        assert!(!BlockTransfer::new(0).begin(apdu(70_000), 10));
    }

    /// Carries `len` octets over a line on which blocks of a burst overtake each other and come twice.
    fn carry_disordered(len: usize, mut random: impl FnMut(usize) -> usize) -> Vec<u8> {
        let (mut sender, mut receiver) = (BlockTransfer::new(0), BlockTransfer::new(len));
        assert!(sender.begin(apdu(len), MAX_PDU));
        for _ in 0..10_000 {
            let mut burst = sender.burst();
            let twin = burst[random(burst.len())].clone();
            burst.push(twin);
            let count = burst.len();
            (0..count).for_each(|n| burst.swap(n, random(count)));
            let mut answers = Vec::new();
            for bytes in burst {
                match receiver.on_block(&GeneralBlockTransfer::from_bytes(&bytes).unwrap()) {
                    Taken::Whole(joined) => return joined,
                    Taken::Answer => answers.extend(receiver.burst()),
                    other => assert!(matches!(other, Taken::Wait | Taken::Stray), "{other:?}"),
                }
            }
            answers.iter().for_each(|bytes| {
                let _ = sender.on_block(&GeneralBlockTransfer::from_bytes(bytes).unwrap());
            });
            if answers.is_empty() {
                sender.rewind();
            }
        }
        panic!("never whole")
    }

    proptest! {
        #[test]
        fn blocks_that_overtake_each_other_are_joined_in_their_order(len in 1usize..3000, seed: u64) {
            let mut state = seed;
            let joined = carry_disordered(len, |below| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as usize % below
            });
            prop_assert_eq!(joined, apdu(len));
        }

        #[test]
        fn lost_blocks_and_lost_answers_are_recovered(len in 1usize..3000, seed: u64, loss in 0u64..60) {
            let mut state = seed;
            let joined = carry(len, || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % 100 < loss
            });
            prop_assert_eq!(joined.0, apdu(len));
        }
    }
}
