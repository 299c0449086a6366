//! The delivery ledger: in which one state every expected interval of a meter is.
//!
//! Nothing is written for it. What is held ([`Runs`]), what was delivered, what the collector has in hand and what it has given
//! up answer for every interval; the first that knows of it decides, the best state first.

use crate::Runs;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use plc_core::Utc;

/// Where an interval stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It is over, and nothing of it is here.
    Due,
    /// The meter has given it; it is not durable yet.
    Read,
    /// It survives a power cut.
    Durable,
    /// It is on its way to the head-end.
    Sent,
    /// The head-end has made it durable.
    Acknowledged,
    /// It will not come.
    Lost(Reason),
}

/// Why an interval is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The meter had no row for it, however often it was asked.
    NotGiven,
    /// The meter only pushes, and has not pushed it in time.
    NeverPushed,
    /// What was stored of it is damaged.
    Damaged,
    /// A reason that this version does not know.
    Unknown,
}

/// Captures that are durable and that the head-end has not acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Not all of it was sent.
    pub unsent: Runs,
    /// Some of it was sent.
    pub sent: Runs,
}

/// What a ledger is derived from, for one meter.
#[derive(Clone, Debug)]
pub struct Account<'a> {
    /// Time between two captures. Not zero.
    pub period: Duration,
    /// Captures that are durable, or were until the head-end had them.
    pub held: &'a Runs,
    /// Of those, the ones that the head-end has not acknowledged.
    pub open: &'a Open,
    /// Captures that the collector has in hand.
    pub in_hand: &'a BTreeSet<Utc>,
    /// What was given up: from, to (both included), why.
    pub lost: &'a [(Utc, Utc, Reason)],
}

/// Neighbouring intervals in the same state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Capture time of the first.
    pub from: Utc,
    /// Capture time of the last.
    pub to: Utc,
    /// How many.
    pub intervals: u64,
    /// Where they stand.
    pub state: State,
}

impl Account<'_> {
    /// The state of the interval that ends at `capture`.
    pub fn state(&self, capture: Utc) -> State {
        if self.open.unsent.contains(capture) {
            return State::Durable;
        }
        if self.open.sent.contains(capture) {
            return State::Sent;
        }
        if self.held.contains(capture) {
            return State::Acknowledged;
        }
        if self.in_hand.contains(&capture) {
            return State::Read;
        }
        let lost = self.lost.iter().find(|(from, to, _)| (*from..=*to).contains(&capture));
        lost.map_or(State::Due, |(.., reason)| State::Lost(*reason))
    }

    /// Every interval that ends in `from..=to`, neighbours in the same state together.
    pub fn lines(&self, from: Utc, to: Utc) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        let floor = from.floor(self.period);
        let mut capture = if floor < from { floor + self.period } else { floor };
        while capture <= to {
            let state = self.state(capture);
            match lines.last_mut().filter(|line| line.state == state) {
                Some(line) => (line.to, line.intervals) = (capture, line.intervals + 1),
                None => lines.push(Line { from: capture, to: capture, intervals: 1, state }),
            }
            capture = capture + self.period;
        }
        lines
    }
}

impl State {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Read => "read",
            Self::Durable => "durable",
            Self::Sent => "sent",
            Self::Acknowledged => "acknowledged",
            Self::Lost(_) => "lost",
        }
    }
}

impl Reason {
    /// The word for it, also in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotGiven => "not-given",
            Self::NeverPushed => "never-pushed",
            Self::Damaged => "damaged",
            Self::Unknown => "unknown",
        }
    }

    /// The reason of that word.
    pub fn from_word(word: &str) -> Self {
        [Self::NotGiven, Self::NeverPushed, Self::Damaged]
            .into_iter()
            .find(|reason| reason.as_str() == word)
            .unwrap_or(Self::Unknown)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(reason) => write!(f, "lost: {}", reason.as_str()),
            other => f.write_str(other.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(900);

    fn at(n: i64) -> Utc {
        Utc::from_secs(n * 900)
    }

    #[test]
    fn every_interval_is_in_exactly_one_state_and_the_best_one_counts() {
        let mut held = Runs::new();
        (1..=6).for_each(|n| {
            held.insert(at(n));
        });
        let runs = |of: &[i64]| {
            let mut runs = Runs::new();
            of.iter().for_each(|n| _ = runs.insert(at(*n)));
            runs
        };
        // One register of the sixth capture was sent, the other was not.
        let open = Open { unsent: runs(&[6]), sent: runs(&[5, 6]) };
        let in_hand = BTreeSet::from([at(7), at(6)]);
        let lost = [(at(4), at(8), Reason::NotGiven)];
        let account = Account { period: PERIOD, held: &held, open: &open, in_hand: &in_hand, lost: &lost };
        let line = |from, to, intervals, state| Line { from: at(from), to: at(to), intervals, state };
        let expected = [
            line(0, 0, 1, State::Due),
            line(1, 4, 4, State::Acknowledged),
            line(5, 5, 1, State::Sent),
            line(6, 6, 1, State::Durable),
            line(7, 7, 1, State::Read),
            line(8, 8, 1, State::Lost(Reason::NotGiven)),
            line(9, 10, 2, State::Due),
        ];
        assert_eq!(account.lines(at(0), at(10)), expected);
        // The beginning need not be a boundary.
        assert_eq!(account.lines(at(8) + Duration::from_secs(1), at(10)), expected[6..]);
        assert_eq!(account.lines(at(2), at(1)), []);
    }

    #[test]
    fn every_reason_is_found_by_its_word() {
        for reason in [Reason::NotGiven, Reason::Damaged, Reason::Unknown] {
            assert_eq!(Reason::from_word(reason.as_str()), reason);
        }
    }
}
