//! Invocation counters: never sent twice, never accepted twice, whatever the power does.

use crate::specs::security::COUNTER_END;

/// The counter of what is sent under one key. Reserved in blocks, so that it is made durable once per
/// block and never goes back after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvocationCounter {
    next: u64,
    reserved_to: u64,
    block: u32,
}

/// All 2^32 - 1 counters of a key were used; it needs a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterExhausted;

impl InvocationCounter {
    /// Counters from `first_unused` (what was made durable last; 0 counts as 1), reserved `block` at a
    /// time.
    pub const fn new(first_unused: u32, block: u32) -> Self {
        let first = if first_unused == 0 { 1 } else { first_unused as u64 };
        Self { next: first, reserved_to: first, block: if block == 0 { 1 } else { block } }
    }

    /// Counters below `reserved_to` are reserved already, in an earlier life of this counter that this process remembers.
    pub const fn reserved(mut self, reserved_to: u32) -> Self {
        let reserved_to = reserved_to as u64;
        if reserved_to > self.reserved_to {
            self.reserved_to = reserved_to;
        }
        self
    }

    /// The next counter, and, if a new block begins with it, the first counter beyond that block, which
    /// must be durable before this one is used. A block that ends the key reserves up to `u32::MAX`,
    /// and then `u32::MAX` itself is not used.
    ///
    /// # Errors
    /// The key is worn out.
    pub fn take(&mut self) -> Result<(u32, Option<u32>), CounterExhausted> {
        let value =
            u32::try_from(self.next).ok().filter(|&value| value < u32::MAX).ok_or(CounterExhausted)?;
        let persist = self.next >= self.reserved_to;
        if persist {
            self.reserved_to = (self.next + u64::from(self.block)).min(COUNTER_END - 1);
        }
        self.next += 1;
        Ok((value, persist.then_some(self.reserved_to as u32)))
    }

    /// The counter that [`InvocationCounter::take`] will give.
    pub const fn peek(&self) -> u64 {
        self.next
    }
}

/// The highest counter that was accepted from a peer under one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceiveCounter {
    last: Option<u32>,
}

impl ReceiveCounter {
    /// Everything up to and including `last` counts as received.
    pub const fn new(last: Option<u32>) -> Self {
        Self { last }
    }

    /// The highest counter that was accepted.
    pub const fn last(&self) -> Option<u32> {
        self.last
    }

    /// Whether `counter` has not been seen.
    pub fn is_fresh(&self, counter: u32) -> bool {
        self.last.is_none_or(|last| counter > last)
    }

    /// Takes note of a counter whose tag has been verified. Older ones change nothing.
    pub fn accept(&mut self, counter: u32) {
        if self.is_fresh(counter) {
            self.last = Some(counter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_counter_is_not_wrapped() {
        let mut counter = InvocationCounter::new(u32::MAX - 2, 100);
        assert_eq!(counter.take(), Ok((u32::MAX - 2, Some(u32::MAX))));
        assert_eq!(counter.take(), Ok((u32::MAX - 1, None)));
        assert_eq!(counter.take(), Err(CounterExhausted));
        assert_eq!(InvocationCounter::new(u32::MAX, 100).take(), Err(CounterExhausted));
    }

    #[test]
    fn zero_is_never_sent() {
        assert_eq!(InvocationCounter::new(0, 8).take(), Ok((1, Some(9))));
    }

    #[test]
    fn equal_lower_and_replayed_counters_are_refused() {
        let mut counter = ReceiveCounter::new(Some(10));
        assert!(!counter.is_fresh(10) && !counter.is_fresh(9) && counter.is_fresh(11));
        counter.accept(u32::MAX);
        counter.accept(5);
        assert!(!counter.is_fresh(u32::MAX) && !counter.is_fresh(6));
        assert!(ReceiveCounter::default().is_fresh(0));
    }

    proptest! {
        /// A power cut may come after any use: the next life starts from what was made durable.
        #[test]
        fn no_counter_is_used_twice_over_restarts(
            first in 1u32..1000, block in 0u32..20, lives in prop::collection::vec(0usize..50, 1..10)
        ) {
            let (mut durable, mut highest) = (first, 0);
            for uses in lives {
                let mut counter = InvocationCounter::new(durable, block);
                for _ in 0..uses {
                    let (value, persist) = counter.take().unwrap();
                    durable = persist.unwrap_or(durable);
                    prop_assert!(value > highest && value < durable);
                    highest = value;
                }
            }
        }
    }
}
