//! The nodes that this one hears, and what is known of the links to them.

use crate::specs;
use alloc::vec::Vec;
use plc_core::sap::LinkQuality;
use plc_core::{Instant, ShortAddress};

/// A node that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Neighbour {
    pub(crate) address: ShortAddress,
    /// Of the last frame.
    pub(crate) lqi: u8,
    /// Whether it is known to hear this node.
    pub(crate) confirmed: bool,
    /// The cost of the other direction, as the neighbour has told.
    pub(crate) told: Option<u8>,
    /// The slot of the group key that it uses, if that is not the one in use here, and since when.
    pub(crate) other_key: Option<(u8, Instant)>,
    /// When it was heard last.
    pub(crate) heard: Instant,
}

/// How a neighbour was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Whether it has spoken to this node alone: then it has found it before.
    pub(crate) unicast: bool,
    /// The slot of the group key, if that is not the one in use here.
    pub(crate) other_key: Option<u8>,
}

/// The nodes heard, sorted by address. A full table forgets the one that has been silent longest; the coordinator last of
/// all.
#[derive(Debug)]
pub(crate) struct Neighbours {
    all: Vec<Neighbour>,
    limit: usize,
}

impl Neighbours {
    pub(crate) fn new(limit: usize) -> Self {
        Self { all: Vec::with_capacity(limit), limit }
    }

    /// A protected frame of this node was heard.
    pub(crate) fn on_heard(&mut self, now: Instant, address: ShortAddress, link: &LinkQuality, heard: Heard) {
        let confirmed = link.reverse.is_some() || heard.unicast;
        let other_key = heard.other_key.map(|index| (index, now));
        let fresh = Neighbour { address, lqi: link.lqi().0, confirmed, told: None, other_key, heard: now };
        match self.locate(address) {
            Ok(at) => {
                let known = self.all[at];
                let recent = |since: &(u8, Instant)| now.since(since.1) < specs::OTHER_KEY_PAUSE;
                let other_key = other_key.and(known.other_key.filter(recent)).or(other_key);
                let confirmed = confirmed || known.confirmed;
                self.all[at] = Neighbour { confirmed, other_key, told: known.told, ..fresh };
            }
            Err(at) => self.insert(at, fresh),
        }
    }

    /// The slot of the group key in which this node must be spoken to, if that is not the one in use here. For a while
    /// only: two nodes that both know the new key must not keep each other on the old one.
    pub(crate) fn other_key_of(&self, now: Instant, address: ShortAddress) -> Option<u8> {
        let (index, since) = self.find(address)?.other_key?;
        (now.since(since) < specs::OTHER_KEY_TIME).then_some(index)
    }

    /// A frame to this node was acknowledged, or none of several.
    pub(crate) fn on_tried(&mut self, address: ShortAddress, acknowledged: bool) {
        if let Ok(at) = self.locate(address) {
            self.all[at].confirmed = acknowledged;
        }
    }

    /// The neighbour has told what the direction from here costs.
    pub(crate) fn on_told(&mut self, address: ShortAddress, cost: u8) {
        if let Ok(at) = self.locate(address) {
            self.all[at].told = Some(cost);
        }
    }

    /// Nobody can use any other key than the active one.
    pub(crate) fn on_key_gone(&mut self) {
        self.all.iter_mut().for_each(|neighbour| neighbour.other_key = None);
    }

    pub(crate) fn find(&self, address: ShortAddress) -> Option<&Neighbour> {
        self.locate(address).ok().map(|at| &self.all[at])
    }

    /// Whether a frame to this node has a good chance.
    pub(crate) fn is_confirmed(&self, address: ShortAddress) -> bool {
        self.find(address).is_some_and(|neighbour| neighbour.confirmed)
    }

    /// How many were heard with this signal or a better one.
    pub(crate) fn heard_at_least(&self, lqi: u8) -> usize {
        self.all.iter().filter(|neighbour| neighbour.lqi >= lqi).count()
    }

    pub(crate) fn all(&self) -> &[Neighbour] {
        &self.all
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.all.capacity() * size_of::<Neighbour>()
    }

    pub(crate) fn occupancy(&self) -> (usize, usize) {
        (self.all.len(), self.limit)
    }

    fn insert(&mut self, mut at: usize, fresh: Neighbour) {
        if self.limit == 0 {
            return;
        }
        if self.all.len() >= self.limit {
            let home = |neighbour: &Neighbour| neighbour.address == ShortAddress::COORDINATOR;
            let rank = |neighbour: &Neighbour| (home(neighbour), neighbour.heard);
            let silent = self.all.iter().enumerate().min_by_key(|(_, neighbour)| rank(neighbour));
            let gone = silent.map_or(0, |(gone, _)| gone);
            self.all.remove(gone);
            at -= usize::from(gone < at);
        }
        self.all.insert(at, fresh);
    }

    fn locate(&self, address: ShortAddress) -> Result<usize, usize> {
        self.all.binary_search_by_key(&address, |neighbour| neighbour.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::sap::Lqi;

    const BROADCAST: Heard = Heard { unicast: false, other_key: None };

    #[test]
    fn a_full_table_forgets_who_has_been_silent_longest() {
        let mut neighbours = Neighbours::new(3);
        for (second, address) in [(1, 5), (2, 3), (3, 9), (4, 5), (5, 4)] {
            let link = LinkQuality::robust(Lqi(second as u8));
            neighbours.on_heard(Instant::from_secs(second), ShortAddress(address), &link, BROADCAST);
        }
        let left: Vec<_> = neighbours.all().iter().map(|n| (n.address.0, n.lqi)).collect();
        assert_eq!(left, [(4, 5), (5, 4), (9, 3)]);
    }

    #[test]
    fn a_full_table_keeps_the_coordinator() {
        let mut neighbours = Neighbours::new(3);
        for address in [0, 10, 11, 12, 13] {
            let (link, at) = (LinkQuality::robust(Lqi(80)), Instant::from_secs(u64::from(address)));
            neighbours.on_heard(at, ShortAddress(address), &link, BROADCAST);
        }
        let left: Vec<_> = neighbours.all().iter().map(|n| n.address.0).collect();
        assert_eq!(left, [0, 12, 13]);
    }

    #[test]
    fn a_link_is_confirmed_by_an_acknowledgement_or_a_tone_map_response_until_it_fails() {
        let (mut neighbours, node) = (Neighbours::new(3), ShortAddress(1));
        let mut link = LinkQuality::robust(Lqi(80));
        neighbours.on_heard(Instant::EPOCH, node, &link, BROADCAST);
        assert!(!neighbours.is_confirmed(node));
        neighbours.on_tried(node, true);
        neighbours.on_told(node, 7);
        neighbours.on_heard(Instant::EPOCH, node, &link, BROADCAST);
        assert!(neighbours.is_confirmed(node));
        assert_eq!(neighbours.find(node).unwrap().told, Some(7));
        neighbours.on_tried(node, false);
        assert!(!neighbours.is_confirmed(node));
        link.reverse = Some(link.forward);
        neighbours.on_heard(Instant::EPOCH, node, &link, BROADCAST);
        assert!(neighbours.is_confirmed(node));
    }

    #[test]
    fn a_neighbour_is_spoken_to_in_its_own_key_for_a_while_at_a_time() {
        let (mut neighbours, node) = (Neighbours::new(3), ShortAddress(1));
        let link = LinkQuality::robust(Lqi(80));
        let heard = Heard { other_key: Some(1), ..BROADCAST };
        let mut spoken = [0u64, 60, 119, 120, 700, 720].map(|second| {
            let now = Instant::from_secs(second);
            neighbours.on_heard(now, node, &link, heard);
            neighbours.other_key_of(now, node).is_some()
        });
        assert_eq!(spoken, [true, true, true, false, false, true]);
        neighbours.on_heard(Instant::from_secs(721), node, &link, BROADCAST);
        spoken[0] = neighbours.other_key_of(Instant::from_secs(721), node).is_some();
        assert!(!spoken[0]);
    }
}
