//! Streams that are open, of which each person has a share.

use super::role::{Caller, Role};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tonic::Status;

/// Streams that may be open at the same time; administrators together find as many more as one person may have.
pub const MAX_STREAMS: usize = 64;
/// The same of one person. In plain text, where everybody is the same person, all of them.
pub const STREAMS_OF_ONE: usize = 16;

/// The places of streams.
#[derive(Debug)]
pub(super) struct StreamPlaces {
    held: Arc<Mutex<BTreeMap<String, usize>>>,
    share: usize,
}

/// The place of one stream, given back at its end.
#[derive(Debug)]
pub(super) struct StreamPlace {
    held: Arc<Mutex<BTreeMap<String, usize>>>,
    name: String,
}

impl StreamPlaces {
    /// Of which one person may have `share`.
    pub(super) fn new(share: usize) -> Self {
        Self { held: Arc::default(), share }
    }

    /// A place for a stream of this person.
    ///
    /// # Errors
    /// The person has its share, or all places are taken.
    pub(super) fn take(&self, who: &Caller) -> Result<StreamPlace, Status> {
        let mut held = locked(&self.held);
        let own = held.get(&who.name).copied().unwrap_or(0);
        if own >= self.share {
            let text = format!("{own} streams of {} are open, expected fewer", who.name);
            return Err(Status::resource_exhausted(text));
        }
        let reserve =
            if who.role == Role::Administrator && self.share < MAX_STREAMS { self.share } else { 0 };
        if held.values().sum::<usize>() >= MAX_STREAMS + reserve {
            return Err(Status::resource_exhausted(format!(
                "{MAX_STREAMS} streams are open, expected fewer"
            )));
        }
        held.insert(who.name.clone(), own + 1);
        Ok(StreamPlace { held: Arc::clone(&self.held), name: who.name.clone() })
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut held = locked(&self.held);
        match held.get_mut(&self.name) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(held.remove(&self.name)),
        }
    }
}

/// Each change is one insertion or removal, so one that panicked has left nothing half done.
fn locked(held: &Mutex<BTreeMap<String, usize>>) -> MutexGuard<'_, BTreeMap<String, usize>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str, role: Role) -> Caller {
        Caller { name: name.into(), role }
    }

    #[test]
    fn one_person_has_a_share_and_what_is_given_back_can_be_taken_again() {
        let places = StreamPlaces::new(STREAMS_OF_ONE);
        let eve = person("eve", Role::Viewer);
        let mut taken: Vec<_> = (0..STREAMS_OF_ONE).map(|_| places.take(&eve).unwrap()).collect();
        assert!(places.take(&eve).unwrap_err().message().contains("16 streams of eve"));
        assert!(places.take(&person("ann", Role::Viewer)).is_ok());
        taken.pop();
        assert!(places.take(&eve).is_ok());
    }

    #[test]
    fn an_administrator_finds_a_place_where_viewers_have_taken_all() {
        let places = StreamPlaces::new(STREAMS_OF_ONE);
        let names: Vec<_> = (0..MAX_STREAMS).map(|n| format!("viewer-{}", n / STREAMS_OF_ONE)).collect();
        let _all: Vec<_> =
            names.iter().map(|name| places.take(&person(name, Role::Viewer)).unwrap()).collect();
        assert!(places.take(&person("bob", Role::Operator)).is_err());
        let root = person("root", Role::Administrator);
        let _own: Vec<_> = (0..STREAMS_OF_ONE).map(|_| places.take(&root).unwrap()).collect();
        assert!(places.take(&root).is_err());
        assert!(places.take(&person("second", Role::Administrator)).is_err());
    }

    #[test]
    fn in_plain_text_one_may_have_all_and_no_more() {
        let places = StreamPlaces::new(MAX_STREAMS);
        let _all: Vec<_> = (0..MAX_STREAMS).map(|_| places.take(&Caller::local()).unwrap()).collect();
        assert!(places.take(&Caller::local()).is_err());
    }
}
