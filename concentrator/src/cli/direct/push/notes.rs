//! Lines on standard error about what was not heard: anybody can bring them about, so only so many are written.

use crate::clock::Monotonic;
use plc_core::Instant;
use plc_core::time::Duration;
use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// The lines of one listener.
pub(super) struct Notes {
    clock: Monotonic,
    is_silent: bool,
    pace: Mutex<Pace>,
}

impl Notes {
    pub(super) fn new() -> Self {
        Self {
            clock: Monotonic::start(),
            is_silent: false,
            pace: Mutex::new(Pace { used: 0, refills_at: None, left_out: 0 }),
        }
    }

    /// Counts the lines, and writes none.
    pub(super) fn silent() -> Self {
        Self { is_silent: true, ..Self::new() }
    }

    /// Lines that were written and count still.
    #[cfg(test)]
    pub(super) fn written(&self) -> u32 {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).used
    }

    /// Writes a line, unless too many were written; and before it how many were not.
    pub(super) fn tell(&self, text: fmt::Arguments<'_>) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(left_out) = pace.admits(self.clock.now()) else { return };
        if self.is_silent {
            return;
        }
        // Nobody's reading is no reason to stop.
        let mut out = std::io::stderr();
        if left_out > 0 {
            let _ = writeln!(out, "{left_out} more lines like these were left out");
        }
        let _ = writeln!(out, "{text}");
    }
}

/// How many lines may be written.
#[derive(Debug)]
struct Pace {
    used: u32,
    /// When one of them ceases to count.
    refills_at: Option<Instant>,
    left_out: u64,
}

impl Pace {
    /// Whether a line may be written now, and how many were not since the last.
    fn admits(&mut self, now: Instant) -> Option<u64> {
        while let Some(at) = self.refills_at.filter(|&at| at <= now) {
            self.used -= 1;
            self.refills_at = (self.used > 0).then(|| at + INTERVAL);
        }
        if self.used >= LINES_MAX {
            self.left_out += 1;
            return None;
        }
        self.used += 1;
        self.refills_at.get_or_insert(now + INTERVAL);
        Some(std::mem::take(&mut self.left_out))
    }
}

/// Lines at once.
const LINES_MAX: u32 = 32;
/// And then one each.
const INTERVAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_lines_is_cut_and_what_was_left_out_is_counted() {
        let mut pace = Pace { used: 0, refills_at: None, left_out: 0 };
        let t0 = Instant::from_secs(5);
        let written = (0..1000).filter(|_| pace.admits(t0).is_some()).count();
        assert_eq!(written, LINES_MAX as usize);
        assert_eq!(pace.admits(t0 + INTERVAL), Some(1000 - u64::from(LINES_MAX)));
        assert_eq!(pace.admits(t0 + INTERVAL), None);
        assert_eq!(pace.admits(t0 + 100 * INTERVAL), Some(1));
        assert_eq!((1..1000).filter(|_| pace.admits(t0 + 100 * INTERVAL).is_some()).count(), 31);
    }
}
