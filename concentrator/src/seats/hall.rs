//! Who has a place: a fair share for each, and what is idle makes room.

use std::fmt;
use tokio::sync::oneshot;

/// How places are shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Connections that have introduced themselves, of all together.
    pub places: usize,
    /// The same of one party.
    pub share: usize,
    /// Whether a party that has its share loses its oldest connection, in use or not, to its newest. Otherwise only one without a
    /// running call makes room.
    pub newest_wins: bool,
    /// Connections that have not introduced themselves, of all together.
    pub waiting: usize,
}

impl Rules {
    /// Connections that are not waiting any more or have lost their place, and are about to be closed.
    const LEAVING: usize = 8;

    /// Descriptors that all connections together take at most.
    pub(super) const fn descriptors(&self) -> usize {
        self.places.saturating_add(self.waiting).saturating_add(Self::LEAVING)
    }

    /// The same rules with as many places as fit into so many descriptors; always one of each kind.
    #[must_use]
    pub fn within(self, descriptors: usize) -> Self {
        if self.descriptors() <= descriptors {
            return self;
        }
        let room = descriptors.saturating_sub(Self::LEAVING);
        let waiting = self.waiting.min(descriptors / 4).min(room.saturating_sub(1)).max(1);
        let places = self.places.min(room.saturating_sub(waiting)).max(1);
        Self { places, share: self.share.min(places), waiting, ..self }
    }
}

/// Whose connection it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Who, for instance the name in the certificate.
    pub name: Vec<u8>,
    /// Whoever ranks higher finds a place before those who rank lower, even if their connections are in use.
    pub rank: u8,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(&self.name) {
            Ok("") => f.write_str("nobody"),
            Ok(name) => write!(f, "{name:?}"),
            Err(_) => f.write_str("a certificate"),
        }
    }
}

/// The places.
#[derive(Debug)]
pub(super) struct Hall {
    rules: Rules,
    places: Vec<Place>,
    /// Grows with each arrival and each end of a call: the order of what happened, without a clock.
    turn: u64,
}

#[derive(Debug)]
struct Place {
    id: u64,
    party: Party,
    calls: usize,
    /// The turn of its arrival, or of the end of its last call.
    since: u64,
    leave: oneshot::Sender<()>,
}

impl Hall {
    pub(super) const fn new(rules: Rules) -> Self {
        Self { rules, places: Vec::new(), turn: 0 }
    }

    /// A place for a connection of this party, which has to go when `leave` says so; `None` when nobody makes room.
    pub(super) fn enter(&mut self, party: Party, leave: oneshot::Sender<()>) -> Option<u64> {
        let own = self.held(&party);
        if own >= self.rules.share {
            let victim = self.own_victim(&party)?;
            self.dismiss(victim);
        } else if self.places.len() >= self.rules.places {
            let victim = self.idle_victim().or_else(|| self.lesser_victim(party.rank))?;
            self.dismiss(victim);
        }
        let id = self.next_turn();
        self.places.push(Place { id, party, calls: 0, since: id, leave });
        Some(id)
    }

    /// A call of that connection has begun.
    pub(super) fn begin(&mut self, id: u64) {
        if let Some(place) = self.places.iter_mut().find(|place| place.id == id) {
            place.calls += 1;
        }
    }

    /// A call of that connection has ended.
    pub(super) fn end(&mut self, id: u64) {
        let since = self.next_turn();
        if let Some(place) = self.places.iter_mut().find(|place| place.id == id) {
            place.calls = place.calls.saturating_sub(1);
            place.since = since;
        }
    }

    /// That connection has gone.
    pub(super) fn leave(&mut self, id: u64) {
        self.places.retain(|place| place.id != id);
    }

    fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }

    fn held(&self, party: &Party) -> usize {
        self.places.iter().filter(|place| place.party.name == party.name).count()
    }

    /// The connection of this party that makes room for another one of it.
    fn own_victim(&self, party: &Party) -> Option<u64> {
        let own = || self.places.iter().filter(|place| place.party.name == party.name);
        let idle = own().filter(|place| place.calls == 0).min_by_key(|place| place.since);
        let oldest = || own().min_by_key(|place| place.id).filter(|_| self.rules.newest_wins);
        idle.or_else(oldest).map(|place| place.id)
    }

    /// The connection that is idle for the longest time of the party that holds most.
    fn idle_victim(&self) -> Option<u64> {
        let idle = self.places.iter().filter(|place| place.calls == 0);
        idle.max_by_key(|place| (self.held(&place.party), u64::MAX - place.since)).map(|place| place.id)
    }

    /// The oldest connection, in use, of the party that holds most of those that rank lower.
    fn lesser_victim(&self, rank: u8) -> Option<u64> {
        let lesser = self.places.iter().filter(|place| place.party.rank < rank);
        lesser.max_by_key(|place| (self.held(&place.party), u64::MAX - place.id)).map(|place| place.id)
    }

    fn dismiss(&mut self, id: u64) {
        if let Some(at) = self.places.iter().position(|place| place.id == id) {
            // Who has gone already does not hear it.
            let _ = self.places.swap_remove(at).leave.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: Rules = Rules { places: 6, share: 3, newest_wins: false, waiting: 2 };

    struct Guests {
        hall: Hall,
        ears: Vec<(u64, oneshot::Receiver<()>)>,
    }

    impl Guests {
        fn new(rules: Rules) -> Self {
            Self { hall: Hall::new(rules), ears: Vec::new() }
        }

        fn enter(&mut self, name: &str, rank: u8) -> Option<u64> {
            let (leave, ear) = oneshot::channel();
            let id = self.hall.enter(Party { name: name.into(), rank }, leave)?;
            self.ears.push((id, ear));
            Some(id)
        }

        fn dismissed(&mut self) -> Vec<u64> {
            self.ears.iter_mut().filter_map(|(id, ear)| ear.try_recv().is_ok().then_some(*id)).collect()
        }
    }

    #[test]
    fn beyond_its_share_a_party_loses_the_connection_that_it_has_not_used_for_longest() {
        let mut guests = Guests::new(RULES);
        let [first, second, third] = [0; 3].map(|_| guests.enter("eve", 0).unwrap());
        guests.hall.begin(first);
        guests.hall.end(first);
        guests.hall.begin(third);
        assert!(guests.enter("eve", 0).is_some());
        assert_eq!(guests.dismissed(), [second]);
        assert!(guests.enter("ann", 0).is_some());
        assert!(guests.dismissed().is_empty());
    }

    #[test]
    fn whoever_uses_all_of_its_share_is_refused_unless_its_newest_connection_wins() {
        let mut guests = Guests::new(RULES);
        let ids = [0; 3].map(|_| guests.enter("eve", 0).unwrap());
        ids.iter().for_each(|id| guests.hall.begin(*id));
        assert_eq!(guests.enter("eve", 0), None);
        assert!(guests.dismissed().is_empty());
        let mut guests = Guests::new(Rules { newest_wins: true, ..RULES });
        let ids = [0; 3].map(|_| guests.enter("box", 0).unwrap());
        ids.iter().for_each(|id| guests.hall.begin(*id));
        assert!(guests.enter("box", 0).is_some());
        assert_eq!(guests.dismissed(), [ids[0]]);
    }

    #[test]
    fn in_a_full_hall_the_longest_idle_of_whoever_holds_most_makes_room() {
        let mut guests = Guests::new(RULES);
        guests.enter("ann", 0).unwrap();
        guests.enter("ann", 0).unwrap();
        let eves = [0; 3].map(|_| guests.enter("eve", 0).unwrap());
        guests.enter("bob", 0).unwrap();
        guests.hall.begin(eves[0]);
        assert!(guests.enter("cat", 0).is_some());
        assert_eq!(guests.dismissed(), [eves[1]]);
    }

    #[test]
    fn where_everything_is_in_use_whoever_ranks_higher_comes_in_and_an_equal_does_not() {
        let mut guests = Guests::new(RULES);
        let all: Vec<u64> =
            ["ann", "eve", "eve", "eve", "bob", "bob"].map(|name| guests.enter(name, 0).unwrap()).into();
        all.iter().for_each(|id| guests.hall.begin(*id));
        assert_eq!(guests.enter("cat", 0), None);
        assert!(guests.enter("root", 2).is_some());
        assert_eq!(guests.dismissed(), [all[1]]);
    }

    #[test]
    fn rules_that_fit_are_as_they_were_and_others_leave_one_place_of_each_kind() {
        let meant = Rules { places: 1024, share: 4, newest_wins: true, waiting: 64 };
        assert_eq!(meant.within(1096), meant);
        assert_eq!(meant.within(1095), Rules { places: 1023, ..meant });
        assert_eq!(meant.within(48), Rules { places: 28, waiting: 12, ..meant });
        assert_eq!(meant.within(0), Rules { places: 1, share: 1, waiting: 1, ..meant });
        let all = Rules { share: 1024, ..meant };
        assert_eq!(all.within(48), Rules { places: 28, share: 28, waiting: 12, ..all });
    }

    proptest! {
        #[test]
        fn what_fits_never_takes_more_descriptors_than_there_are(
            (places, share, waiting) in (1usize..3000, 1usize..3000, 1usize..200),
            descriptors in 10usize..5000,
        ) {
            let meant = Rules { places, share, newest_wins: true, waiting };
            let fits = meant.within(descriptors);
            prop_assert!(fits.descriptors() <= descriptors.max(10));
            prop_assert!(fits.places <= places && fits.waiting <= waiting && fits.share <= share);
        }

        #[test]
        fn nobody_has_more_than_the_share_and_all_together_not_more_than_there_are(
            steps in prop::collection::vec((0u8..4, 0u8..3, 0usize..12), 0..80), newest_wins in any::<bool>(),
        ) {
            let mut guests = Guests::new(Rules { newest_wins, ..RULES });
            for (step, who, which) in steps {
                let id = guests.hall.places.get(which).map_or(0, |place| place.id);
                match step {
                    0 => guests.hall.begin(id),
                    1 => guests.hall.end(id),
                    2 => guests.hall.leave(id),
                    _ => {
                        let before = guests.hall.places.len();
                        let entered = guests.enter(&who.to_string(), who);
                        prop_assert!(entered.is_some() || before == guests.hall.places.len());
                        // Room, and less than the share: nobody is refused, nobody has to go.
                        prop_assert!(entered.is_some() || before >= RULES.share);
                    }
                }
                prop_assert!(guests.hall.places.len() <= RULES.places);
                for place in &guests.hall.places {
                    prop_assert!(guests.hall.held(&place.party) <= RULES.share);
                }
            }
        }
    }
}
