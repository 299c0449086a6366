//! How many files and connections this process may have open (RLIMIT_NOFILE, getrlimit(2)).

use super::Rules;
use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, once, at the start; what waits with `select` alone would not bear that, and nothing here does.
/// A system that refuses leaves it as it is, and says so in the log.
pub fn raise() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!("the limit of open files cannot be raised: {error}");
    }
}

/// Rules that fit into the limit, of which `reserve` descriptors are for the rest of the program: beyond the limit nobody is let in, and no database
/// is opened. Fewer places than were meant are said in the log.
pub fn fitting(meant: Rules, reserve: usize) -> Rules {
    let limit = getrlimit(Resource::Nofile)
        .current
        .map_or(usize::MAX, |limit| limit.try_into().unwrap_or(usize::MAX));
    let rules = meant.within(limit.saturating_sub(reserve));
    if rules != meant {
        tracing::warn!(
            "{limit} files may be open, {reserve} of them for the program itself: {} connections at once instead of {}, and {} that have not introduced themselves instead of {}",
            rules.places,
            meant.places,
            rules.waiting,
            meant.waiting
        );
    }
    rules
}
