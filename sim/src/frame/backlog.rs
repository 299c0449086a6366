//! What a node hears while nothing depends on it.

use plc_core::Instant;
use plc_core::sap::{CarrierSense, PdAckIndication, PdOverheard, PhyIndication, PhyLoss, Withheld};
use std::collections::VecDeque;

/// Something that passes a node by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// A preamble.
    Preamble,
    /// A header.
    Header {
        /// End of the payload.
        ends: Instant,
        /// Whether it asks for an acknowledgement.
        response_expected: bool,
    },
    /// A frame for another node.
    Overheard(PdOverheard),
    /// An acknowledgement.
    Ack(PdAckIndication),
    /// What began with a preamble was lost.
    Lost(PhyLoss),
    /// What looked like a preamble leads nowhere.
    FalsePreamble,
}

/// What has passed by and was not told yet.
///
/// A frame for others makes three events: preamble, header and end. A MAC that is told them late sees only the last ones: what a
/// preamble and a header say of the channel, the end of the frame says again. They are left out as soon as they are said again,
/// so that one entry is left of a frame (two if its payload was lost). `sim/tests/town` holds this to a run that withholds nothing.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    entries: VecDeque<(Instant, Passing)>,
    /// The line is idle again, which the MAC has not been told.
    idle: Option<Instant>,
}

/// Entries kept at most.
const ENTRIES: usize = 64;

impl Backlog {
    pub(super) fn push(&mut self, now: Instant, event: Passing) {
        match event {
            Passing::Preamble => {}
            Passing::Header { .. } | Passing::Lost(_) => self.drop_last(|last| last == Passing::Preamble),
            Passing::Overheard(_) | Passing::Ack(_) => {
                self.drop_last(|last| matches!(last, Passing::Preamble | Passing::Header { .. }));
            }
            Passing::FalsePreamble => {
                self.drop_last(|last| last == Passing::Preamble);
                self.idle = Some(now);
                return;
            }
        }
        self.idle = None;
        self.entries.push_back((now, event));
    }

    /// Whether it must be emptied before more is put into it.
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= ENTRIES
    }

    /// The next indication for the MAC.
    pub(super) fn pop(&mut self) -> Option<(Instant, Withheld)> {
        if let Some(at) = self.idle.filter(|_| self.entries.is_empty()) {
            self.idle = None;
            return Some((at, sense(CarrierSense::Idle)));
        }
        let (at, event) = self.entries.pop_front()?;
        Some((
            at,
            match event {
                Passing::Preamble => sense(CarrierSense::Preamble),
                Passing::Header { ends, response_expected } => {
                    sense(CarrierSense::Frame { ends, response_expected })
                }
                Passing::Overheard(frame) => self.over(at, Withheld::Overheard(frame)),
                Passing::Ack(ack) => self.over(at, Withheld::Indication(PhyIndication::Ack(ack))),
                Passing::Lost(loss) => {
                    self.over(at, Withheld::Indication(PhyIndication::Lost { loss, ended: at }))
                }
                Passing::FalsePreamble => sense(CarrierSense::Idle),
            },
        ))
    }

    /// Behind the last frame the line is idle.
    fn over(&mut self, at: Instant, told: Withheld) -> Withheld {
        if self.entries.is_empty() {
            // Later still, when a preamble has broken off after it.
            self.idle = Some(self.idle.map_or(at, |idle| idle.max(at)));
        }
        told
    }

    fn drop_last(&mut self, superseded: impl Fn(Passing) -> bool) {
        while self.entries.back().is_some_and(|&(_, last)| superseded(last)) {
            self.entries.pop_back();
        }
    }
}

const fn sense(sense: CarrierSense) -> Withheld {
    Withheld::Indication(PhyIndication::CarrierSense(sense))
}

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::sap::Lqi;
    use plc_core::{MacAddress, PanId, ShortAddress};
    use proptest::prelude::*;

    const HEADER: Passing = Passing::Header { ends: Instant::from_secs(9), response_expected: true };

    fn at(second: u64) -> Instant {
        Instant::from_secs(second)
    }

    fn ack(fcs: u16) -> Passing {
        let (more_segments, negative, ended) = (false, false, at(4));
        Passing::Ack(PdAckIndication { fcs, more_segments, negative, lqi: Lqi(9), ended })
    }

    fn overheard(short: u16) -> Passing {
        let src = (PanId(1), MacAddress::Short(ShortAddress(short)));
        let (response_expected, contention_free) = (true, false);
        Passing::Overheard(PdOverheard { src, response_expected, contention_free, lqi: Lqi(9), ended: at(4) })
    }

    /// What is told of events that come a second apart.
    fn told(events: &[Passing]) -> Vec<(u64, Withheld)> {
        let mut backlog = Backlog::default();
        (1..).zip(events).for_each(|(second, &event)| backlog.push(at(second), event));
        let mut all = Vec::new();
        while let Some((at, what)) = backlog.pop() {
            all.push((at.as_nanos() / 1_000_000_000, what));
        }
        all
    }

    fn indication(event: Passing, ended: u64) -> Withheld {
        match event {
            Passing::Ack(ack) => Withheld::Indication(PhyIndication::Ack(ack)),
            Passing::Overheard(frame) => Withheld::Overheard(frame),
            Passing::Lost(loss) => Withheld::Indication(PhyIndication::Lost { loss, ended: at(ended) }),
            Passing::Header { ends, response_expected } => {
                sense(CarrierSense::Frame { ends, response_expected })
            }
            Passing::Preamble => sense(CarrierSense::Preamble),
            Passing::FalsePreamble => sense(CarrierSense::Idle),
        }
    }

    #[test]
    fn the_end_of_a_frame_takes_the_place_of_its_preamble_and_its_header_and_the_line_is_idle_after_it() {
        let frame = overheard(5);
        let expected = vec![(3, indication(frame, 3)), (3, sense(CarrierSense::Idle))];
        assert_eq!(told(&[Passing::Preamble, HEADER, frame]), expected);
        let expected = vec![(2, indication(ack(7), 2)), (2, sense(CarrierSense::Idle))];
        assert_eq!(told(&[Passing::Preamble, ack(7)]), expected);
    }

    #[test]
    fn a_lost_payload_leaves_the_header_that_announced_it() {
        let lost = Passing::Lost(PhyLoss::Payload);
        let expected =
            vec![(2, indication(HEADER, 2)), (3, indication(lost, 3)), (3, sense(CarrierSense::Idle))];
        assert_eq!(told(&[Passing::Preamble, HEADER, lost]), expected);
        let lost = Passing::Lost(PhyLoss::Header);
        assert_eq!(
            told(&[Passing::Preamble, lost]),
            [(2, indication(lost, 2)), (2, sense(CarrierSense::Idle))]
        );
    }

    #[test]
    fn only_behind_the_last_frame_the_line_is_idle() {
        let frames = [overheard(5), ack(7), overheard(6)];
        let mut expected: Vec<_> =
            (1..).zip(frames).map(|(second, frame)| (second, indication(frame, second))).collect();
        expected.push((3, sense(CarrierSense::Idle)));
        assert_eq!(told(&frames), expected);
    }

    #[test]
    fn what_is_still_on_the_line_is_told_as_it_stands_and_then_the_line_is_not_idle() {
        assert_eq!(told(&[Passing::Preamble]), [(1, sense(CarrierSense::Preamble))]);
        assert_eq!(told(&[Passing::Preamble, HEADER]), [(2, indication(HEADER, 2))]);
        let frame = overheard(5);
        let expected = vec![(1, indication(frame, 1)), (2, sense(CarrierSense::Preamble))];
        assert_eq!(told(&[frame, Passing::Preamble]), expected);
    }

    #[test]
    fn a_preamble_that_breaks_off_leaves_an_idle_line_and_nothing_else() {
        assert_eq!(told(&[Passing::Preamble, Passing::FalsePreamble]), [(2, sense(CarrierSense::Idle))]);
        let frame = overheard(5);
        let expected = vec![(1, indication(frame, 1)), (3, sense(CarrierSense::Idle))];
        assert_eq!(told(&[frame, Passing::Preamble, Passing::FalsePreamble]), expected);
    }

    #[test]
    fn it_is_full_when_it_holds_what_it_may_and_not_before() {
        let mut backlog = Backlog::default();
        for n in 1..=ENTRIES as u64 {
            assert!(!backlog.is_full());
            backlog.push(at(n), Passing::Preamble);
            backlog.push(at(n), overheard(5));
        }
        assert!(backlog.is_full());
        assert!(backlog.pop().is_some() && !backlog.is_full());
    }

    proptest! {
        #[test]
        fn every_whole_frame_is_told_once_in_its_order_and_time_never_goes_back(
            kinds in prop::collection::vec(0u8..6, 0..40),
        ) {
            let event = |(n, kind): (usize, &u8)| match kind {
                0 => Passing::Preamble,
                1 => HEADER,
                2 => overheard(n as u16),
                3 => ack(n as u16),
                4 => Passing::Lost(PhyLoss::Payload),
                _ => Passing::FalsePreamble,
            };
            let events: Vec<Passing> = kinds.iter().enumerate().map(event).collect();
            let all = told(&events);
            prop_assert!(all.windows(2).all(|pair| pair[0].0 <= pair[1].0));
            let whole = |what: &Passing| matches!(what, Passing::Overheard(_) | Passing::Ack(_) | Passing::Lost(_));
            let expected = (1..).zip(&events).filter(|(_, what)| whole(what));
            let expected: Vec<_> = expected.map(|(n, what)| (n, indication(*what, n))).collect();
            let is_sense = |what: &Withheld| {
                matches!(what, Withheld::Indication(PhyIndication::CarrierSense(_)))
            };
            let found: Vec<_> = all.into_iter().filter(|(_, what)| !is_sense(what)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
