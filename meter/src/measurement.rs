//! Samples, cut at the boundaries of capture periods.

use crate::clock::{ClockShift, MeterClock};
use crate::profiles::{ProfileSizes, Profiles, Row};
use crate::specs::{CLOCK_SHIFT_LIMIT, SAMPLE_GAP_MAX, status};
use core::time::Duration;
use metrology::{MeterCore, RatingError, Ratings, Registers};
use plc_core::{Instant, Outbox, Utc, UtcAnchor};

/// Rows that may wait to be taken: what one block of samples completes.
const CAPTURED_MAX: usize = 8;

/// The measurement with its clock and its profiles.
#[derive(Debug)]
pub struct Measurement {
    core: MeterCore,
    clock: MeterClock,
    profiles: Profiles,
    /// End of the last block.
    ended: Option<Instant>,
    captured: Outbox<Row, CAPTURED_MAX>,
}

impl Measurement {
    /// A measurement that goes on from `registers`, with empty profiles.
    ///
    /// # Errors
    /// See [`Ratings::check`].
    pub fn new(ratings: Ratings, sizes: ProfileSizes, registers: Registers) -> Result<Self, RatingError> {
        let profiles = Profiles::new(sizes, status::POWER_DOWN);
        let core = MeterCore::resume(ratings, registers)?;
        Ok(Self { core, clock: MeterClock::default(), profiles, ended: None, captured: Outbox::new() })
    }

    /// The registers and values.
    pub const fn core(&self) -> &MeterCore {
        &self.core
    }

    /// The clock.
    pub const fn clock(&self) -> &MeterClock {
        &self.clock
    }

    /// The profiles.
    pub const fn profiles(&self) -> &Profiles {
        &self.profiles
    }

    /// The profiles, to give back rows after a restart.
    pub(crate) const fn profiles_mut(&mut self) -> &mut Profiles {
        &mut self.profiles
    }

    /// Brings the registers up to the last sample.
    pub fn settle(&mut self) {
        self.core.settle();
    }

    /// The clock is set. Tells by how much. A boundary that it jumps over gets its row now; of several,
    /// the last.
    pub fn on_clock(&mut self, anchor: UtcAnchor) -> ClockShift {
        let shift = self.clock.set(anchor);
        match shift {
            ClockShift::Millis(0) => return shift,
            ClockShift::Millis(ms) if ms.unsigned_abs() > CLOCK_SHIFT_LIMIT.as_millis() as u64 => {
                self.profiles.mark(status::CLOCK_ADJUSTED);
            }
            ClockShift::Millis(_) | ClockShift::First => {}
        }
        if self.profiles.next().is_some_and(|next| next < anchor.utc) {
            self.profiles.advance_to(anchor.utc);
            self.capture();
        }
        self.profiles.resume_at(anchor.utc);
        shift
    }

    /// The oldest row that was captured and not taken. The profile keeps it, taken or not.
    pub fn take_captured(&mut self) -> Option<Row> {
        self.captured.pop()
    }

    /// Rows that the profile keeps but that could not wait to be taken.
    pub const fn rows_not_taken(&self) -> u64 {
        self.captured.dropped()
    }

    /// A block of samples has ended at `now`: the last was taken one sample period earlier. Rows that it
    /// completes can be taken afterwards.
    pub fn on_samples(&mut self, now: Instant, u: &[i32], i: &[i32]) {
        let len = u.len().min(i.len());
        self.mark_gaps(now, len);
        let mut done = 0;
        while let Some(after) = self.samples_after_boundary(now).filter(|&after| after <= len - done) {
            let split = len - after;
            self.core.process(&u[done..split], &i[done..split]);
            self.capture();
            done = split;
        }
        self.core.process(&u[done..len], &i[done..len]);
        self.ended = Some(now);
    }

    /// A metrology of its own, such as a chip beside the processor, has counted up to `now`. Whoever reports for it does so
    /// at each [`Self::next_boundary`], because a row gets the registers of the first report that is not before its boundary.
    /// Boundaries without a report, but for the last, get no row.
    pub fn on_registers(&mut self, now: Instant, registers: Registers) {
        self.core.adopt(registers);
        self.ended = Some(now);
        let Some(utc) = self.clock.utc(now) else {
            return self.profiles.mark(status::CLOCK_INVALID);
        };
        let Some(next) = self.profiles.next().filter(|&next| next <= utc) else { return };
        if next + self.profiles.period() <= utc {
            self.profiles.mark(status::POWER_DOWN);
            self.profiles.advance_to(utc);
        }
        self.capture();
    }

    /// Closes the billing period at `now`, before its time: a row of the monthly profile. `None` while the clock is not
    /// set.
    pub fn close(&mut self, now: Instant) -> Option<Row> {
        let utc = self.clock.utc(now)?;
        self.core.settle();
        Some(self.profiles.close(utc, &self.core.registers()))
    }

    /// When the next boundary is reached; `None` while the clock is not set.
    pub fn next_boundary(&self) -> Option<Instant> {
        self.clock.instant(self.profiles.next()?)
    }

    /// The next boundary has been reached.
    fn capture(&mut self) {
        self.core.settle();
        if let Some(row) = self.profiles.capture(&self.core.registers()) {
            self.captured.push(row);
        }
    }

    /// What the next row must say about the time before and during this block.
    fn mark_gaps(&mut self, now: Instant, len: usize) {
        let begin = now - self.duration(len);
        if self.ended.is_some_and(|ended| begin.since(ended) > SAMPLE_GAP_MAX) {
            self.profiles.mark(status::POWER_DOWN);
        }
        match self.clock.utc(begin) {
            None => self.profiles.mark(status::CLOCK_INVALID),
            Some(utc) if self.samples_after_boundary(now).is_some_and(|after| after > len) => {
                self.pass_over_missed(utc);
            }
            Some(_) => {}
        }
    }

    /// Boundaries before `begin`, when the block began, have passed without samples: they get no row.
    fn pass_over_missed(&mut self, begin: Utc) {
        self.profiles.mark(status::POWER_DOWN);
        self.profiles.resume_at(begin + Duration::from_millis(1));
    }

    /// How many samples of a block that ends at `now` were taken at or after the next boundary; `None`
    /// when it lies after `now`.
    fn samples_after_boundary(&self, now: Instant) -> Option<usize> {
        let boundary = self.clock.instant(self.profiles.next()?)?;
        (boundary <= now).then(|| {
            let rate = u128::from(self.core.ratings().sample_rate_hz);
            let samples = (now.since(boundary).as_nanos() * rate + 500_000_000) / 1_000_000_000;
            usize::try_from(samples).unwrap_or(usize::MAX)
        })
    }

    fn duration(&self, samples: usize) -> Duration {
        Duration::from_nanos(samples as u64 * 1_000_000_000 / u64::from(self.core.ratings().sample_rate_hz))
    }
}
