//! What the server says: answers, records and events, in order.

use super::buffers::Buffers;
use super::{ServerCounters, ServerEvent, ServerOutput, ServerPersist};
use crate::invocation::InvocationCounter;
use crate::specs::conversation::OUTPUTS_MAX;
use alloc::vec::Vec;
use plc_core::Outbox;
use plc_core::seed::Stream;

/// The outputs of a server, and the counter and the entropy that go into the ciphered ones.
#[derive(Debug)]
pub(super) struct Voice {
    send: InvocationCounter,
    out: Outbox<ServerOutput, OUTPUTS_MAX>,
    pub(super) entropy: Stream,
    pub(super) counters: ServerCounters,
    pub(super) buffers: Buffers,
}

impl Voice {
    pub(super) fn new(send: InvocationCounter, entropy: Stream) -> Self {
        Self {
            send,
            out: Outbox::new(),
            entropy,
            counters: ServerCounters::default(),
            buffers: Buffers::new(),
        }
    }

    /// The next send counter, with its reservation ahead of it; `None` when the key is worn out.
    pub(super) fn send_counter(&mut self) -> Option<u32> {
        let Ok((counter, persist)) = self.send.take() else {
            self.counters.counter_exhausted += 1;
            return None;
        };
        if let Some(reserved_to) = persist {
            self.persist(ServerPersist::SendCounter { reserved_to });
        }
        Some(counter)
    }

    pub(super) fn persist(&mut self, record: ServerPersist) {
        self.out.push(ServerOutput::Persist(record));
    }

    pub(super) fn tell(&mut self, event: ServerEvent) {
        self.out.push(ServerOutput::Event(event));
    }

    pub(super) fn datagram(&mut self, peer: u16, bytes: Vec<u8>) {
        self.out.push(ServerOutput::Datagram { peer, bytes });
    }

    pub(super) fn poll(&mut self) -> Option<ServerOutput> {
        self.out.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(first: u32) -> Voice {
        Voice::new(InvocationCounter::new(first, 2), plc_core::Seed::from_u64(1).stream())
    }

    #[test]
    fn a_reservation_is_told_before_its_first_counter_is_given() {
        let mut voice = voice(7);
        assert_eq!((voice.send_counter(), voice.send_counter()), (Some(7), Some(8)));
        let reserved = |to| Some(ServerOutput::Persist(ServerPersist::SendCounter { reserved_to: to }));
        assert_eq!((voice.poll(), voice.poll()), (reserved(9), None));
    }

    #[test]
    fn a_worn_out_key_gives_no_counter_and_is_counted() {
        let mut voice = voice(u32::MAX);
        assert_eq!((voice.send_counter(), voice.send_counter(), voice.poll()), (None, None, None));
        assert_eq!(voice.counters.counter_exhausted, 2);
    }
}
