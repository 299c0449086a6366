//! A number that must not repeat across restarts.

use crate::specs;
use plc_core::sap::Persist;

/// A sequence number, counted without end; its low bits go on the wire. Blocks are made durable before use
/// \[G3 ADP 4: to be restored after a power cycle; confidence B\].
#[derive(Debug)]
pub(crate) struct Sequence {
    next: u32,
    reserved_to: u32,
    block: u32,
    record: fn(u32) -> Persist,
}

impl Sequence {
    /// Of route messages.
    pub(crate) fn of_routes(first: u32) -> Self {
        let record = |reserved_to| Persist::LoadngSequence { reserved_to };
        Self { next: first, reserved_to: first, block: specs::SEQUENCE_BLOCK, record }
    }

    /// Of broadcasts.
    pub(crate) fn of_broadcasts(first: u32) -> Self {
        let record = |reserved_to| Persist::BroadcastSequence { reserved_to };
        Self { next: first, reserved_to: first, block: specs::BROADCAST_BLOCK, record }
    }

    /// A number that was never used, and what must be durable before it is.
    pub(crate) fn take(&mut self) -> (u32, Option<Persist>) {
        let mut record = None;
        if self.next == self.reserved_to {
            self.reserved_to = self.next.wrapping_add(self.block);
            record = Some((self.record)(self.reserved_to));
        }
        let number = self.next;
        self.next = number.wrapping_add(1);
        (number, record)
    }

    /// Nobody has answered: others may hold a number of an earlier life that looks newer. A quarter of the circle of
    /// 16 bits further, this one does, after two failures at the latest.
    pub(crate) fn leap(&mut self) {
        self.next = self.next.wrapping_add(u32::from(specs::SEQUENCE_WINDOW / 2 + 1));
        self.reserved_to = self.next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loadng::table::age;
    use core::cmp::Ordering;

    #[test]
    fn no_number_is_used_before_a_higher_one_is_durable() {
        for (mut sequence, block) in [(Sequence::of_routes(100), 64), (Sequence::of_broadcasts(100), 16)] {
            let mut durable = 0;
            for n in 100..400 {
                let (number, record) = sequence.take();
                match record {
                    Some(
                        Persist::LoadngSequence { reserved_to } | Persist::BroadcastSequence { reserved_to },
                    ) => {
                        durable = reserved_to;
                    }
                    other => assert_eq!(other, None),
                }
                assert_eq!(number, n);
                assert!((1..=block).contains(&(durable - n)));
            }
        }
    }

    #[test]
    fn two_leaps_pass_any_number_of_an_earlier_life() {
        for earlier in 0..=u16::MAX {
            let mut sequence = Sequence::of_routes(7);
            let newer = (0..3).any(|_| {
                let newer = age(sequence.take().0 as u16, earlier) == Ordering::Greater;
                sequence.leap();
                newer
            });
            assert!(newer, "{earlier}");
        }
    }
}
