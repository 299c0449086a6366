//! Who has guessed wrong, and how seldom he is listened to.

use super::Origin;
use crate::specs::conversation::{FAILING_ORIGINS_MAX, GUESSES_FACTOR};
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::Instant;

/// The failed proofs of one association, by origin: from where too many came, only one is heard now and then, and nobody else is kept
/// out by it.
///
/// A guesser may have more origins than are remembered. So all that find no place together have an allowance of failures; when it is
/// used up, they are heard one by one as it slowly grows again: no faster than one origin by itself may guess. Senders whose address
/// nobody has checked have places of their own.
#[derive(Debug)]
pub(super) struct Failures {
    checked: Places,
    claimed: Places,
}

/// How much guessing is borne.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Failures of one origin in a row behind which it is heard only now and then.
    pub(super) most: u8,
    /// In how long it may fail as often again.
    pub(super) lockout: Duration,
}

impl Patience {
    const fn most(self) -> u8 {
        if self.most == 0 { 1 } else { self.most }
    }

    fn allowance(self) -> u32 {
        u32::from(self.most()) * GUESSES_FACTOR
    }

    /// How long one failure counts.
    fn interval(self) -> Duration {
        (self.lockout / u32::from(self.most())).max(Duration::from_millis(1))
    }
}

impl Failures {
    pub(super) fn new() -> Self {
        Self { checked: Places::new(), claimed: Places::new() }
    }

    /// Whether nobody listens to what comes from `origin` now.
    pub(super) fn is_locked(&mut self, now: Instant, origin: Origin, patience: Patience) -> bool {
        self.places(origin).is_locked(now, origin.place, patience)
    }

    pub(super) fn on_proved(&mut self, now: Instant, origin: Origin, patience: Patience) {
        self.places(origin).on_proved(now, origin.place, patience);
    }

    /// Returns whether the origin is locked from now on.
    pub(super) fn on_failed(&mut self, now: Instant, origin: Origin, patience: Patience) -> bool {
        self.places(origin).on_failed(now, origin.place, patience)
    }

    const fn places(&mut self, origin: Origin) -> &mut Places {
        if origin.is_checked { &mut self.checked } else { &mut self.claimed }
    }
}

/// A bounded number of origins.
#[derive(Debug)]
struct Places {
    known: Vec<Known>,
    /// The failures of all that found no place.
    others: Fading,
}

/// What is known of one origin.
#[derive(Debug)]
struct Known {
    place: u64,
    failed: Fading,
    has_proved: bool,
    last: Instant,
}

/// Failures that cease to count one by one.
#[derive(Clone, Copy, Debug, Default)]
struct Fading {
    count: u32,
    /// When the first of them ceases to count.
    fades_at: Option<Instant>,
}

impl Fading {
    fn fade(&mut self, now: Instant, interval: Duration) {
        while let Some(at) = self.fades_at.filter(|&at| at <= now) {
            self.count = self.count.saturating_sub(1);
            self.fades_at = (self.count > 0).then(|| at + interval);
        }
    }

    /// One more, of at most so many.
    fn add(&mut self, now: Instant, interval: Duration, most: u32) {
        self.count = (self.count + 1).min(most);
        self.fades_at.get_or_insert(now + interval);
    }
}

impl Places {
    fn new() -> Self {
        Self { known: Vec::with_capacity(FAILING_ORIGINS_MAX), others: Fading::default() }
    }

    fn is_locked(&mut self, now: Instant, place: u64, patience: Patience) -> bool {
        self.fade(now, patience);
        if let Some(known) = self.known.iter().find(|known| known.place == place) {
            return known.failed.count >= u32::from(patience.most());
        }
        self.room(false).is_none() && self.others.count >= patience.allowance()
    }

    fn on_proved(&mut self, now: Instant, place: u64, patience: Patience) {
        self.fade(now, patience);
        if let Some(known) = self.place(now, place, true) {
            *known = Known { place, failed: Fading::default(), has_proved: true, last: now };
        }
    }

    fn on_failed(&mut self, now: Instant, place: u64, patience: Patience) -> bool {
        self.fade(now, patience);
        let (interval, most) = (patience.interval(), u32::from(patience.most()));
        if let Some(known) = self.place(now, place, false) {
            known.last = now;
            known.failed.add(now, interval, most);
            return known.failed.count >= most;
        }
        self.others.add(now, interval, patience.allowance());
        self.others.count >= patience.allowance()
    }

    fn fade(&mut self, now: Instant, patience: Patience) {
        let interval = patience.interval();
        self.known.iter_mut().for_each(|known| known.failed.fade(now, interval));
        self.others.fade(now, interval);
    }

    /// The place of an origin: its own, a free one, or one of which no failure counts any more.
    fn place(&mut self, now: Instant, place: u64, has_proved: bool) -> Option<&mut Known> {
        let new = Known { place, failed: Fading::default(), has_proved: false, last: now };
        if let Some(at) = self.known.iter().position(|known| known.place == place) {
            return self.known.get_mut(at);
        }
        match self.room(has_proved)? {
            at if at == self.known.len() => self.known.push(new),
            at => *self.known.get_mut(at)? = new,
        }
        self.known.iter_mut().find(|known| known.place == place)
    }

    /// Where another origin finds room: behind the last, or in the place of the one without failures that was heard longest ago. One
    /// that has proved itself makes room only for another that has.
    fn room(&self, has_proved: bool) -> Option<usize> {
        if self.known.len() < FAILING_ORIGINS_MAX {
            return Some(self.known.len());
        }
        let makes_room = |known: &Known| known.failed.count == 0 && (has_proved || !known.has_proved);
        let free = self.known.iter().enumerate().filter(|(_, known)| makes_room(known));
        free.min_by_key(|(_, known)| (known.has_proved, known.last)).map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { most: 3, lockout: Duration::from_secs(600) };
    const T0: Instant = Instant::from_secs(1000);

    const fn at(place: u64) -> Origin {
        Origin { place, is_checked: true }
    }

    #[test]
    fn who_guesses_is_heard_now_and_then_and_nobody_else_is_kept_out() {
        let mut failures = Failures::new();
        let told: Vec<bool> = (0..3).map(|_| failures.on_failed(T0, at(7), PATIENCE)).collect();
        assert_eq!(told, [false, false, true]);
        assert!(failures.is_locked(T0, at(7), PATIENCE) && !failures.is_locked(T0, at(8), PATIENCE));
        let (before, after) = (T0 + Duration::from_millis(199_999), T0 + Duration::from_secs(200));
        assert!(failures.is_locked(before, at(7), PATIENCE) && !failures.is_locked(after, at(7), PATIENCE));
        assert!(failures.on_failed(after, at(7), PATIENCE), "one guess, no more");
        assert!(failures.is_locked(after, at(7), PATIENCE));
    }

    #[test]
    fn a_proof_forgives_the_failures_before_it() {
        let mut failures = Failures::new();
        for _ in 0..5 {
            assert!(!failures.on_failed(T0, at(7), PATIENCE) && !failures.on_failed(T0, at(7), PATIENCE));
            failures.on_proved(T0, at(7), PATIENCE);
        }
        assert!(!failures.is_locked(T0, at(7), PATIENCE));
    }

    /// How many guesses are heard in ten hours, one a second, from so many origins in turn.
    fn guesses_heard(origins: u64) -> u64 {
        let (mut failures, mut guesses) = (Failures::new(), 0);
        failures.on_proved(T0, at(1), PATIENCE);
        for second in 0..36_000 {
            let (now, guesser) = (T0 + Duration::from_secs(second), at(100 + second % origins));
            assert!(!failures.is_locked(now, at(1), PATIENCE), "who has proved himself is heard");
            if !failures.is_locked(now, guesser, PATIENCE) {
                guesses += 1;
                failures.on_failed(now, guesser, PATIENCE);
            }
            if second % 100 == 0 {
                failures.on_proved(now, at(1), PATIENCE);
            }
            assert!(failures.checked.known.len() <= FAILING_ORIGINS_MAX);
        }
        guesses
    }

    #[test]
    fn origins_guess_slowly_and_however_many_there_are_no_faster_than_as_many_as_are_remembered() {
        let alone = 36_000 / 200;
        assert!((alone..=alone + 3).contains(&guesses_heard(1)));
        let burst = u64::from(3 * GUESSES_FACTOR);
        let (places, guesses) = (FAILING_ORIGINS_MAX as u64, guesses_heard(36_000));
        assert!((alone..=(alone + 3) * (places + 1) + burst).contains(&guesses), "{guesses} guesses");
    }

    #[test]
    fn who_has_not_failed_is_heard_while_others_guess_and_finds_a_place_when_their_failures_count_no_more() {
        let mut failures = Failures::new();
        for guesser in 1..FAILING_ORIGINS_MAX as u64 {
            (0..9).for_each(|_| {
                failures.on_failed(T0, at(100 + guesser), PATIENCE);
            });
        }
        assert!(!failures.is_locked(T0, at(1), PATIENCE), "one place is left");
        failures.on_failed(T0, at(99), PATIENCE);
        assert!(!failures.is_locked(T0, at(1), PATIENCE), "the allowance of the others is left");
        for guesser in 0..3 * u64::from(GUESSES_FACTOR) {
            failures.on_failed(T0, at(1000 + guesser), PATIENCE);
        }
        assert!(failures.is_locked(T0, at(1), PATIENCE), "more origins guess than are remembered");
        assert!(
            !failures.is_locked(T0, Origin { place: 1, is_checked: false }, PATIENCE),
            "places of their own"
        );
        assert!(!failures.is_locked(T0 + PATIENCE.lockout / 3, at(1), PATIENCE), "one has faded");
        assert_eq!(failures.checked.known.len(), FAILING_ORIGINS_MAX);
    }
}
