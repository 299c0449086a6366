//! The wishes of procedures, waiting to be carried out.

use crate::action::{Action, Entry};
use crate::config::Limits;
use crate::counters::Drop;
use crate::transmit::{Frame, Purpose, Transmitter};
use crate::wire::LoadngMessage;
use alloc::collections::VecDeque;
use plc_core::sap::{AdpmIndication, LinkQuality, MlmeRequest, Msdu, Persist};
use plc_core::{MacAddress, ShortAddress};

/// Wishes in the order in which they must be carried out. What is large stands beside the order, in fewer places.
#[derive(Debug)]
pub(crate) struct Actions {
    order: Bounded<Slot>,
    requests: Bounded<MlmeRequest>,
    frames: Bounded<Frame>,
    /// An input leads to one at most.
    report: Option<Msdu>,
    indications: Bounded<AdpmIndication>,
    messages: Bounded<(MacAddress, LoadngMessage, Purpose)>,
    dropped: u32,
}

#[derive(Debug)]
enum Slot {
    Send,
    Report,
    Tell,
    Loadng,
    Mlme,
    Persist(Persist),
    Partner(ShortAddress, LinkQuality),
    RouteFound(ShortAddress),
    RouteFailed(ShortAddress),
    UseKey(u8),
    DropKey(u8),
    Count(Drop),
    Enter(Entry),
    Leave,
}

impl Actions {
    /// Messages of LOADng that may wait.
    const MESSAGES: usize = 6;
    /// Requests for the MAC: a PAN that is started takes five.
    const REQUESTS: usize = 8;
    /// Frames and messages for the coordinator.
    const FRAMES: usize = 2;
    /// Things to tell management, besides the end of every join.
    const INDICATIONS: usize = 4;
    /// Wishes of all kinds that one input leads to, besides those below.
    const BESIDES: usize = 16;

    /// Room for what the procedures of a node with these limits may want at a time: every join may end, and no route be
    /// found for anything that waits, which is counted.
    pub(crate) fn new(limits: &Limits) -> Self {
        let waiting = limits.frames + Transmitter::packet_limit(limits.datagrams);
        Self {
            order: Bounded::new(Self::BESIDES + Self::MESSAGES + 2 * waiting + 3 * limits.parallel_joins),
            requests: Bounded::new(Self::REQUESTS),
            frames: Bounded::new(Self::FRAMES + limits.parallel_joins),
            report: None,
            indications: Bounded::new(Self::INDICATIONS + limits.parallel_joins),
            messages: Bounded::new(Self::MESSAGES),
            dropped: 0,
        }
    }

    /// Appends a wish. Without room it is given up, and counted.
    pub(crate) fn push(&mut self, action: Action) {
        let slot = if self.order.is_full() { None } else { self.place(action) };
        self.dropped += u32::from(!slot.is_some_and(|slot| self.order.push(slot)));
    }

    /// Appends wishes.
    pub(crate) fn extend(&mut self, actions: impl IntoIterator<Item = Action>) {
        actions.into_iter().for_each(|action| self.push(action));
    }

    /// Takes the oldest.
    pub(crate) fn pop(&mut self) -> Option<Action> {
        Some(match self.order.pop()? {
            Slot::Send => Action::Send(self.frames.pop()?),
            Slot::Report => Action::Report(self.report.take()?),
            Slot::Tell => Action::Tell(self.indications.pop()?),
            Slot::Loadng => {
                let (to, message, purpose) = self.messages.pop()?;
                Action::Loadng { to, message, purpose }
            }
            Slot::Mlme => Action::Mlme(self.requests.pop()?),
            Slot::Persist(record) => Action::Persist(record),
            Slot::Partner(short, link) => Action::Partner(short, link),
            Slot::RouteFound(short) => Action::RouteFound(short),
            Slot::RouteFailed(short) => Action::RouteFailed(short),
            Slot::UseKey(index) => Action::UseKey(index),
            Slot::DropKey(index) => Action::DropKey(index),
            Slot::Count(reason) => Action::Count(reason),
            Slot::Enter(entry) => Action::Enter(entry),
            Slot::Leave => Action::Leave,
        })
    }

    /// Wishes that wait.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.order.len() == 0
    }

    /// Whether LOADng should not send more before these are carried out.
    pub(crate) fn is_crowded(&self) -> bool {
        2 * self.messages.len() >= Self::MESSAGES
    }

    /// Wishes given up since the last time that it was asked.
    pub(crate) const fn take_dropped(&mut self) -> u32 {
        core::mem::replace(&mut self.dropped, 0)
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        let large = self.frames.footprint() + self.indications.footprint() + self.messages.footprint();
        self.order.footprint() + self.requests.footprint() + large
    }

    fn place(&mut self, action: Action) -> Option<Slot> {
        match action {
            Action::Send(frame) => self.frames.push(frame).then_some(Slot::Send),
            Action::Report(message) => {
                let room = self.report.is_none();
                room.then(|| self.report = Some(message)).map(|()| Slot::Report)
            }
            Action::Tell(indication) => self.indications.push(indication).then_some(Slot::Tell),
            Action::Loadng { to, message, purpose } => {
                self.messages.push((to, message, purpose)).then_some(Slot::Loadng)
            }
            Action::Mlme(request) => self.requests.push(request).then_some(Slot::Mlme),
            Action::Persist(record) => Some(Slot::Persist(record)),
            Action::Partner(short, link) => Some(Slot::Partner(short, link)),
            Action::RouteFound(short) => Some(Slot::RouteFound(short)),
            Action::RouteFailed(short) => Some(Slot::RouteFailed(short)),
            Action::UseKey(index) => Some(Slot::UseKey(index)),
            Action::DropKey(index) => Some(Slot::DropKey(index)),
            Action::Count(reason) => Some(Slot::Count(reason)),
            Action::Enter(entry) => Some(Slot::Enter(entry)),
            Action::Leave => Some(Slot::Leave),
        }
    }
}

/// A queue that takes all its memory when it is built.
#[derive(Debug)]
struct Bounded<T> {
    queue: VecDeque<T>,
    bound: usize,
}

impl<T> Bounded<T> {
    fn new(bound: usize) -> Self {
        Self { queue: VecDeque::with_capacity(bound), bound }
    }

    /// Returns whether there was room.
    fn push(&mut self, item: T) -> bool {
        let room = !self.is_full();
        if room {
            self.queue.push_back(item);
        }
        room
    }

    fn pop(&mut self) -> Option<T> {
        self.queue.pop_front()
    }

    fn len(&self) -> usize {
        self.queue.len()
    }

    fn is_full(&self) -> bool {
        self.queue.len() >= self.bound
    }

    fn footprint(&self) -> usize {
        self.queue.capacity() * size_of::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange;
    use crate::wire::LbpCode;
    use alloc::vec::Vec;
    use plc_core::{Eui64, PanId};

    fn all_kinds() -> Vec<Action> {
        let message = exchange::bare(LbpCode::Kick, Eui64::from_u64(7));
        let short = ShortAddress(5);
        alloc::vec![
            Action::Leave,
            Action::Report(message),
            Action::Mlme(MlmeRequest::SetPanId(PanId(3))),
            Action::Tell(AdpmIndication::Left),
            Action::RouteFound(short),
            Action::RouteFailed(short),
            Action::UseKey(1),
            Action::DropKey(0),
            Action::Count(Drop::Misuse),
            Action::Persist(Persist::LoadngSequence { reserved_to: 9 }),
            Action::Enter(Entry { pan_id: PanId(3), short, key_index: 0, lba: None }),
            Action::Tell(AdpmIndication::StartFailed),
        ]
    }

    #[test]
    fn wishes_of_all_kinds_come_out_in_their_order() {
        let mut actions = Actions::new(&Limits::DEVICE);
        actions.extend(all_kinds());
        assert_eq!(actions.len(), all_kinds().len());
        let out: Vec<_> = core::iter::from_fn(|| actions.pop()).collect();
        assert_eq!((out, actions.take_dropped()), (all_kinds(), 0));
    }

    #[test]
    fn what_has_no_room_is_counted_and_no_memory_is_taken_for_it() {
        let mut actions = Actions::new(&Limits::DEVICE);
        let footprint = actions.footprint();
        (0..100).for_each(|_| actions.push(Action::Tell(AdpmIndication::Left)));
        assert_eq!((actions.len(), actions.take_dropped()), (4, 96));
        (0..100).for_each(|_| actions.push(Action::Leave));
        assert_eq!(actions.take_dropped(), 100 + 4 - actions.len() as u32);
        assert_eq!(actions.footprint(), footprint);
        assert_eq!(core::iter::from_fn(|| actions.pop()).count(), 16 + 6 + 2 * 16);
    }
}
