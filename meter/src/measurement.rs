//! Samples, cut at the boundaries of capture periods.

use crate::clock::{ClockShift, MeterClock};
use crate::engine::{Block, Engine, Plan, STRIDE};
use crate::profiles::{Begins, Mains, PhaseValues, ProfileSizes, Profiles, Row};
use crate::specs::{CLOCK_SHIFT_LIMIT, SAMPLE_GAP_MAX, status};
use core::time::Duration;
use dlms::classes::WallClock;
use metrology::quality::{QualityEvent, Thresholds};
use metrology::{
    Calibration, Diagnosis, Ledger, RatingError, Ratings, Registers, Steady, Tamper, TamperEvent,
    TamperInputs, TamperLimits, TamperWatch, Values, Wiring, WiringWatch,
};
use plc_core::{Instant, Outbox, Utc, UtcAnchor};

/// Rows that may wait to be taken: what one block of samples completes.
const CAPTURED_MAX: usize = 8;
/// Findings that may wait to be taken.
const FINDINGS_MAX: usize = 32;
/// Nominal length of a window, in µs: how often a steady load is looked at for signs of tampering.
const WINDOW_US: u64 = 200_000;
/// Windows after which whoever watches the wiring has said what there is to say: five seconds.
const WIRING_WINDOWS: u32 = 25;

/// What is measured and how.
#[derive(Clone, Debug)]
pub struct MeasurementSetup {
    /// Ratings and wiring.
    pub ratings: Ratings,
    /// Constants of the channels.
    pub calibration: Calibration,
    /// Whether samples are analysed for power quality too: harmonics, dips, swells, interruptions.
    pub power_quality: bool,
    /// What counts as tampering.
    pub tamper: TamperLimits,
    /// Sizes of the profiles.
    pub profiles: ProfileSizes,
}

/// Something about the mains or the installation that somebody should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// An event of power quality is over.
    Quality {
        /// The event; its times are numbers of samples.
        event: QualityEvent,
        /// End of the half cycle that began it.
        began: Instant,
        /// End of the half cycle that ended it.
        ended: Instant,
    },
    /// A sign of tampering has come or gone.
    Tamper {
        /// Which.
        event: TamperEvent,
        /// When that was certain.
        at: Instant,
    },
    /// The wiring was looked at and is another than what was told before.
    Wiring {
        /// What was found.
        diagnosis: Diagnosis,
        /// When that was certain.
        at: Instant,
    },
}

/// The measurement with its clock and its profiles.
#[derive(Debug)]
pub struct Measurement {
    plan: Plan,
    engine: Engine,
    clock: MeterClock,
    profiles: Profiles,
    /// End of the last block.
    ended: Option<Instant>,
    captured: Outbox<(Row, Begins), CAPTURED_MAX>,
    tamper: TamperWatch,
    may_export: bool,
    wiring: WiringWatch,
    diagnosis: Option<Diagnosis>,
    /// Dips, swells and interruptions so far, as whoever counts them has told.
    counts: [u32; 3],
    findings: Outbox<Finding, FINDINGS_MAX>,
    /// Windows after which all has been said of a load that does not change.
    windows_enough: u64,
}

impl Measurement {
    /// A measurement that goes on from `ledger`, with empty profiles.
    ///
    /// # Errors
    /// See [`Ratings::check`].
    pub fn new(setup: MeasurementSetup, ledger: Ledger) -> Result<Self, RatingError> {
        let MeasurementSetup { ratings, calibration, power_quality, tamper, profiles } = setup;
        let plan = Plan { ratings, calibration, power_quality };
        Ok(Self {
            engine: Engine::new(&plan, ledger)?,
            plan,
            clock: MeterClock::default(),
            profiles: Profiles::new(profiles, status::POWER_DOWN),
            ended: None,
            captured: Outbox::new(),
            may_export: !tamper.import_only,
            windows_enough: u64::from(tamper.windows.clamp(WIRING_WINDOWS, u32::from(u8::MAX))),
            tamper: TamperWatch::new(tamper),
            wiring: WiringWatch::default(),
            diagnosis: None,
            counts: [0; 3],
            findings: Outbox::new(),
        })
    }

    /// The ratings.
    pub const fn ratings(&self) -> &Ratings {
        &self.plan.ratings
    }

    /// The thresholds of events of power quality.
    pub fn thresholds(&self) -> Thresholds {
        self.plan.thresholds()
    }

    /// The registers of the total active energy.
    pub fn registers(&self) -> Registers {
        self.engine.registers()
    }

    /// All registers.
    pub fn ledger(&self) -> Ledger {
        self.engine.ledger()
    }

    /// The values of the last window.
    pub const fn values(&self) -> &Values {
        self.engine.values()
    }

    /// The frequency in mHz; `None` while there is no voltage.
    pub const fn frequency_mhz(&self) -> Option<u32> {
        self.engine.frequency_mhz()
    }

    /// Total harmonic distortion of voltage and current of an element, in millionths; `None` where power quality is not measured.
    pub fn distortion_ppm(&self, element: usize) -> Option<[u32; 2]> {
        self.engine.distortion_ppm(element)
    }

    /// What was found about the wiring last; `None` before it has stood for five seconds.
    pub const fn diagnosis(&self) -> Option<&Diagnosis> {
        self.diagnosis.as_ref()
    }

    /// Whether the contract knows export.
    pub const fn may_export(&self) -> bool {
        self.may_export
    }

    /// Whether a sign of tampering is there.
    pub const fn is_tampered(&self, tamper: Tamper) -> bool {
        self.tamper.is_present(tamper)
    }

    /// The clock.
    pub const fn clock(&self) -> &MeterClock {
        &self.clock
    }

    /// Whether everything up to `now` is measured, or nothing ever was.
    pub fn is_up_to(&self, now: Instant) -> bool {
        self.ended.is_none_or(|ended| ended >= now)
    }

    /// The profiles.
    pub const fn profiles(&self) -> &Profiles {
        &self.profiles
    }

    /// Local time follows these rules from now on: rows of billing are captured at its midnights.
    pub fn follow(&mut self, wall: &WallClock) {
        self.profiles.follow(wall);
    }

    /// The profiles, to give back rows after a restart.
    pub(crate) const fn profiles_mut(&mut self) -> &mut Profiles {
        &mut self.profiles
    }

    /// Brings the registers up to the last sample.
    pub fn settle(&mut self) {
        self.engine.settle();
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

    /// The oldest row that was captured and not taken, and what it begins. The profiles keep it, taken or not.
    pub fn take_captured(&mut self) -> Option<(Row, Begins)> {
        self.captured.pop()
    }

    /// Rows that the profile keeps but that could not wait to be taken.
    pub const fn rows_not_taken(&self) -> u64 {
        self.captured.dropped()
    }

    /// The oldest finding that was not taken.
    pub fn take_finding(&mut self) -> Option<Finding> {
        self.findings.pop()
    }

    /// Findings that could not wait to be taken.
    pub const fn findings_not_taken(&self) -> u64 {
        self.findings.dropped()
    }

    /// A block of samples has ended at `now`: the last was taken one sample period earlier. Rows that it
    /// completes can be taken afterwards.
    pub fn on_samples(&mut self, now: Instant, block: &Block<'_>) {
        let len = block.len();
        self.mark_gaps(now, len);
        let mut done = 0;
        while let Some(after) = self.samples_after_boundary(now).filter(|&after| after <= len - done) {
            let split = len - after;
            self.process(now, block, done, split);
            self.capture();
            done = split;
        }
        self.process(now, block, done, len);
        self.ended = Some(now);
    }

    /// Voltages, currents and frequency have been like this since the last input, or for the first one since now: for simulations,
    /// which have no samples. Rows get the registers of their boundaries exactly, as with samples.
    pub fn on_steady(&mut self, now: Instant, steady: &Steady) {
        let began = self.ended.unwrap_or(now);
        if self.clock.utc(began).is_none() {
            self.profiles.mark(status::CLOCK_INVALID);
        }
        let mut done = began;
        while let Some(boundary) = self.next_boundary().filter(|&boundary| boundary <= now) {
            self.advance(done, boundary.max(done), steady);
            self.capture();
            done = boundary.max(done);
        }
        self.advance(done, now, steady);
        self.ended = Some(now.max(began));
        self.watch(now, (now.since(began).as_micros() as u64 / WINDOW_US).clamp(1, self.windows_enough));
    }

    /// The switches and sensors against tampering say so now; also without mains.
    pub fn on_inputs(&mut self, now: Instant, inputs: &TamperInputs) {
        self.tamper.on_inputs(inputs);
        self.take_tampers(now);
    }

    /// A metrology of its own, such as a chip beside the processor, has counted up to `now`. Whoever reports for it does so
    /// at each [`Self::next_boundary`], because a row gets the registers of the first report that is not before its boundary.
    /// Boundaries without a report, but for the last, get no row.
    pub fn on_registers(&mut self, now: Instant, registers: Registers) {
        self.engine.adopt(&self.plan, registers);
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
        self.engine.settle();
        Some(self.profiles.close(utc, &self.engine.registers()))
    }

    /// When the next boundary is reached; `None` while the clock is not set.
    pub fn next_boundary(&self) -> Option<Instant> {
        self.clock.instant(self.profiles.next()?)
    }

    /// Measures a part of a block that ends at `now`.
    fn process(&mut self, now: Instant, block: &Block<'_>, from: usize, to: usize) {
        let mut done = from;
        while done < to {
            let next = to.min(done + STRIDE);
            let windows = self.engine.windows();
            self.engine.process(&self.plan, block, done, next);
            done = next;
            if self.engine.windows() != windows {
                self.watch(now - self.duration(block.len() - done), 1);
            }
            self.take_events(now - self.duration(block.len() - done));
        }
    }

    /// Counts a steady load from one instant to another, in whole microseconds of the clock, so that nothing is lost between.
    fn advance(&mut self, from: Instant, to: Instant, steady: &Steady) {
        let us = (to.as_nanos() / 1000).saturating_sub(from.as_nanos() / 1000);
        self.engine.advance(&self.plan, steady, us);
    }

    /// `windows` windows have ended up to `at` with the values that stand there.
    fn watch(&mut self, at: Instant, windows: u64) {
        (0..windows).for_each(|_| self.tamper.on_window(self.engine.values(), &self.plan.ratings));
        // What was told and still holds is not told again, however long it stands.
        let is_known =
            windows > 1 && self.diagnosis == Some(Diagnosis::new(self.engine.values(), &self.plan.ratings));
        for _ in 0..if is_known { 1 } else { windows } {
            if let Some(diagnosis) = self.wiring.on_window(self.engine.values(), &self.plan.ratings) {
                self.diagnosis = Some(diagnosis);
                self.findings.push(Finding::Wiring { diagnosis, at });
            }
        }
        self.take_tampers(at);
    }

    fn take_tampers(&mut self, at: Instant) {
        while let Some(event) = self.tamper.take_event() {
            self.findings.push(Finding::Tamper { event, at });
        }
    }

    /// Events of power quality that have ended before the sample at `at`.
    fn take_events(&mut self, at: Instant) {
        while let Some((event, back)) = self.engine.take_event() {
            let [began, ended] = back.map(|samples| at - self.duration(samples as usize));
            self.findings.push(Finding::Quality { event, began, ended });
        }
    }

    /// So many dips, swells and interruptions were counted so far: rows from now on bear that.
    pub(crate) const fn note_counts(&mut self, counts: [u32; 3]) {
        self.counts = counts;
    }

    /// The mains as a row of the load profile shows them: of three phases and four wires alone.
    fn mains(&self) -> Mains {
        if self.plan.ratings.wiring != Wiring::ThreePhaseFourWire {
            return Mains::default();
        }
        let milli = |micro: u64| u32::try_from((micro + 500) / 1000).unwrap_or(u32::MAX);
        let phase = |n: usize| {
            let values = &self.engine.values().elements[n];
            PhaseValues {
                u_mv: milli(values.u_uv),
                i_ma: milli(values.i_ua),
                factor_per_mille: values.power_factor_per_mille().map_or(0, |factor| factor as i16),
                thd_ppm: self.engine.distortion_ppm(n).map_or(0, |ppm| ppm[0]),
            }
        };
        Mains { phases: [0, 1, 2].map(phase), counts: self.counts }
    }

    /// The next boundary has been reached.
    fn capture(&mut self) {
        self.engine.settle();
        let mains = self.mains();
        if let Some(row) = self.profiles.capture(&self.engine.registers(), mains) {
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
            let rate = u128::from(self.plan.ratings.sample_rate_hz);
            let samples = (now.since(boundary).as_nanos() * rate + 500_000_000) / 1_000_000_000;
            usize::try_from(samples).unwrap_or(usize::MAX)
        })
    }

    fn duration(&self, samples: usize) -> Duration {
        let rate = u64::from(self.plan.ratings.sample_rate_hz);
        Duration::from_nanos((samples as u64).saturating_mul(1_000_000_000) / rate)
    }
}
