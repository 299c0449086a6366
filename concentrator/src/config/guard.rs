//! `[jobs]`: what keeps a mistake from reaching every meter.

use super::changes::Effect;
use super::section::{Findings, Section, Show};
use super::{set, value};
use crate::jobs::Guard;

/// The section.
pub(super) fn take(mut section: Section<'_>, found: &mut Findings) -> Guard {
    let mut guard = Guard::default();
    let mut number = |key, expected, range, into: &mut usize| {
        let number = section.take(key, expected, Show::Value, found, |v| value::integer(v, range));
        set(into, number.and_then(|number| usize::try_from(number).ok()));
    };
    number("approval_above", "a number, 0 to 100000", 0..=100_000, &mut guard.approval_above);
    number("canaries", "a number, 0 to 1000", 0..=1000, &mut guard.canary);
    number("halt_at_failed_percent", "a number, 0 to 100", 0..=100, &mut guard.failed_percent);
    number("halt_at_lost_percent", "a number, 0 to 100", 0..=100, &mut guard.lost_percent);
    number("meters", "a number, 1 to 100000", 1..=100_000, &mut guard.meters_max);
    number("at_the_same_time", "a number, 1 to 64", 1..=64, &mut guard.in_hand);
    section.finish(found);
    guard
}

/// Every key with its value and what a change of it takes.
pub(super) fn rows(guard: &Guard) -> [(&'static str, String, Effect); 6] {
    let row = |key, number: usize| (key, number.to_string(), Effect::AtOnce);
    [
        row("jobs.approval_above", guard.approval_above),
        row("jobs.canaries", guard.canary),
        row("jobs.halt_at_failed_percent", guard.failed_percent),
        row("jobs.halt_at_lost_percent", guard.lost_percent),
        row("jobs.meters", guard.meters_max),
        row("jobs.at_the_same_time", guard.in_hand),
    ]
}

/// The section of a file.
pub(super) fn text(guard: &Guard) -> String {
    let Guard { approval_above, canary, failed_percent, lost_percent, meters_max, in_hand } = guard;
    format!(
        "[jobs]
# Meters of a job that changes something, above which a second person must approve it.
approval_above = {approval_above}
# Meters that go first; the others wait until all of these have ended.
canaries = {canary}
# Failures in percent of the meters that have ended, above which a job is halted.
halt_at_failed_percent = {failed_percent}
# Loss in percent of the meters that were in the network when a job began, above which it is halted.
halt_at_lost_percent = {lost_percent}
# Meters of one job at most.
meters = {meters_max}
# Meters of jobs that are asked at the same time, 1 to 64.
at_the_same_time = {in_hand}
"
    )
}
