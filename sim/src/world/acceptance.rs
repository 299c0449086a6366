//! No frame is accepted twice.
//!
//! What that means is well defined below the adaptation layer alone, in three cases:
//!
//! - A secured MSDU bears a frame counter, and a receiver takes only what is above the newest counter of its sender under that key
//!   [G3 MAC 4]: neither a repetition nor a replay gets by, however late it comes. So long as the receiver lives and is not reset.
//! - An MSDU in clear bears nothing but macDSN: it is not taken again within macDuplicateDetectionTTL [G3 MAC 1.7]. Whoever
//!   sends it again later is believed, as the standard has it.
//! - An answer of a meter bears an invocation counter, which the collector must see rise (`super::concentrator`).
//!
//! A unicast packet in a mesh header bears no number: when the acknowledgements of all attempts are lost, it may come a second time
//! over another way, and the invocation counters above tell.

use super::record::Record;
use g3_mac::specs::DUPLICATE_DETECTION_TTL;
use g3_mac::wire::FrameType;
use g3_mac::{Accepted, Mac};
use plc_core::{Instant, MacAddress, PanId, ShortAddress};
use std::collections::{BTreeMap, VecDeque};

/// What every node has accepted.
#[derive(Debug)]
pub(super) struct Acceptances(Vec<Listener>);

/// What one node has accepted in its life.
#[derive(Clone, Debug, Default)]
struct Listener {
    count: u64,
    resets: u32,
    /// By sender and key: the newest frame counter.
    secured: BTreeMap<(ShortAddress, u8), u32>,
    /// What came in clear within the time in which it may not come again, oldest first.
    clear: VecDeque<(Instant, Clear)>,
}

/// What tells one MSDU in clear from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Clear {
    src: (PanId, MacAddress),
    frame_type: FrameType,
    dsn: u8,
}

impl Acceptances {
    pub(super) fn new(nodes: usize) -> Self {
        Self(vec![Listener::default(); nodes])
    }

    /// A node begins a new life, which knows nothing of the last one.
    pub(super) fn on_life(&mut self, node: u32) {
        self.0[node as usize] = Listener::default();
    }

    /// A node was told of a frame; `mac` is what it has become.
    pub(super) fn on_frame(&mut self, now: Instant, node: u32, mac: &Mac, record: &mut Record) {
        if let Some(accepted) = mac.accepted() {
            self.on_accepted(now, node, accepted, record);
        }
    }

    fn on_accepted(&mut self, now: Instant, node: u32, accepted: &Accepted, record: &mut Record) {
        let listener = &mut self.0[node as usize];
        if accepted.count == listener.count {
            return;
        }
        if accepted.count != listener.count + 1 {
            record.violate(format!("node {node} has accepted several frames as one"));
        }
        listener.count = accepted.count;
        if accepted.resets != listener.resets {
            (listener.resets, listener.secured) = (accepted.resets, BTreeMap::new());
            listener.clear.clear();
        }
        if !listener.is_new(now, accepted) {
            record.violate(format!("node {node} has accepted a frame twice: {accepted:?}"));
        }
    }
}

impl Listener {
    /// Notes it; returns whether it may be accepted.
    fn is_new(&mut self, now: Instant, accepted: &Accepted) -> bool {
        match (accepted.src, accepted.secured) {
            (Some((_, MacAddress::Short(src))), Some((key_index, counter))) => {
                let before = self.secured.insert((src, key_index), counter);
                before.is_none_or(|before| before < counter)
            }
            (Some(src), None) => {
                let id = Clear { src, frame_type: accepted.frame_type, dsn: accepted.dsn };
                while self.clear.front().is_some_and(|(at, _)| now.since(*at) >= DUPLICATE_DETECTION_TTL) {
                    self.clear.pop_front();
                }
                let known = self.clear.iter().any(|(_, known)| *known == id);
                self.clear.push_back((now, id));
                !known
            }
            // Who is secured has a short address; a beacon request has no sender.
            (_, secured) => secured.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(count: u64, dsn: u8, secured: Option<(u8, u32)>) -> Accepted {
        let src = Some((PanId(1), MacAddress::Short(ShortAddress(7))));
        Accepted { count, resets: 0, src, frame_type: FrameType::Data, dsn, secured }
    }

    /// Violations after each of the frames, accepted so many seconds after the beginning.
    fn violations(frames: &[(u64, Accepted)]) -> Vec<u64> {
        let (mut all, mut record) = (Acceptances::new(2), Record::default());
        let mut after = |&(second, ref accepted): &(u64, Accepted)| {
            all.on_accepted(Instant::from_secs(second), 1, accepted, &mut record);
            record.violation_count
        };
        frames.iter().map(&mut after).collect()
    }

    #[test]
    fn a_frame_counter_that_is_accepted_must_be_above_all_that_were_before_it_under_its_key() {
        let secured = |count, key, counter| (count * 1000, accepted(count, 1, Some((key, counter))));
        let frames =
            [secured(1, 0, 5), secured(2, 0, 6), secured(3, 1, 5), secured(4, 0, 6), secured(5, 0, 4)];
        assert_eq!(violations(&frames), [0, 0, 0, 1, 2]);
        let other = Accepted {
            src: Some((PanId(1), MacAddress::Short(ShortAddress(8)))),
            ..accepted(2, 1, Some((0, 5)))
        };
        assert_eq!(violations(&[secured(1, 0, 5), (9, other)]), [0, 0]);
        let reset = Accepted { resets: 1, ..accepted(2, 1, Some((0, 5))) };
        assert_eq!(violations(&[secured(1, 0, 5), (9, reset)]), [0, 0]);
    }

    #[test]
    fn what_is_in_clear_may_come_again_after_its_time_and_no_earlier() {
        let clear = |second, count, dsn| (second, accepted(count, dsn, None));
        assert_eq!(violations(&[clear(1, 1, 9), clear(2, 2, 8), clear(3, 3, 9)]), [0, 0, 1]);
        assert_eq!(violations(&[clear(1, 1, 9), clear(4, 2, 9)]), [0, 0]);
        assert_eq!(violations(&[clear(1, 1, 9), clear(1, 1, 9)]), [0, 0], "nothing new was accepted");
        assert_eq!(violations(&[clear(1, 1, 9), clear(1, 3, 8)]), [0, 1], "one was not looked at");
    }
}
