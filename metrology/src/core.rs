//! The measurement of all elements.

use crate::calibration::{Calibration, Channel, Conditioner};
use crate::crossing::{CrossingDetector, Lag};
use crate::energy::Registers;
use crate::frequency::FrequencyMeter;
use crate::ledger::{Ledger, LedgerKeeper};
use crate::oscillator::Oscillator;
use crate::ratings::{RatingError, Ratings, Wiring};
use crate::specs;
use crate::values::{Instantaneous, Values};
use crate::window::{Finished, Window};

/// One sample of each channel, in steps of the converters, all taken at the same moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Voltages of the elements.
    pub u: [i32; 3],
    /// Currents of the elements, and of the neutral where it is measured.
    pub i: [i32; 4],
}

/// What went wrong, counted since construction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Samples of a voltage beyond ±[`specs::SAMPLE_MAX`], which were limited to it.
    pub u_overrange: u64,
    /// Samples of a current beyond ±[`specs::SAMPLE_MAX`], which were limited to it.
    pub i_overrange: u64,
}

/// What a sample has become: input of the power quality.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Step {
    /// Voltage and current of each element, calibrated, without DC.
    pub(crate) pairs: [[i32; 2]; 3],
    /// Phase of the oscillator at this sample.
    pub(crate) phase: u32,
    /// The window that ended before this sample; its values can be read.
    pub(crate) window: Option<WindowEnd>,
}

/// The end of a window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WindowEnd {
    /// By how much the sample after it lags it.
    pub(crate) lag: Lag,
    /// Its duration, in samples with 16 fractional bits.
    pub(crate) duration: u64,
    /// Whether it is ten cycles from crossing to crossing.
    pub(crate) whole: bool,
}

/// The measurement of a meter of any [`Wiring`].
///
/// The registers and values depend on the samples alone, not on how they are cut into blocks.
#[derive(Clone, Debug)]
pub struct MeterCore {
    ratings: Ratings,
    conditioners: [Conditioner; 3],
    neutral: Channel,
    crossings: [CrossingDetector; 3],
    /// The element whose voltage cuts the windows.
    sync: usize,
    /// Phase of the oscillator at a crossing of that voltage.
    sync_phase: u32,
    oscillator: Oscillator,
    frequency: FrequencyMeter,
    window: Window,
    /// Whole cycles since the window began.
    cycles: u32,
    ledger: LedgerKeeper,
    values: Values,
    /// Windows that have ended.
    windows: u64,
}

impl MeterCore {
    /// A new meter with registers of zero.
    ///
    /// # Errors
    /// See [`Ratings::check`].
    pub fn new(ratings: Ratings) -> Result<Self, RatingError> {
        Self::resume(ratings, Registers::default())
    }

    /// A meter that goes on from `registers` after a restart.
    ///
    /// # Errors
    /// See [`Ratings::check`].
    pub fn resume(ratings: Ratings, registers: Registers) -> Result<Self, RatingError> {
        let mut ledger = Ledger::default();
        ledger.total.active = registers;
        Self::calibrated(ratings, &Calibration::default(), ledger)
    }

    /// A calibrated meter that goes on from `ledger`.
    ///
    /// # Errors
    /// See [`Ratings::check`].
    pub fn calibrated(
        ratings: Ratings,
        calibration: &Calibration,
        ledger: Ledger,
    ) -> Result<Self, RatingError> {
        ratings.check()?;
        let rate = ratings.sample_rate_hz;
        let delays = calibration.delays();
        let detector = CrossingDetector::new(hysteresis(&ratings), rate);
        Ok(Self {
            conditioners: calibration.elements.map(|element| Conditioner::new(element, delays, rate)),
            neutral: Channel::new(&calibration.neutral, rate),
            crossings: ::core::array::from_fn(|_| detector.clone()),
            sync: 0,
            sync_phase: 0,
            oscillator: Oscillator::new(specs::NOMINAL_HZ, rate),
            frequency: FrequencyMeter::new(rate),
            window: Window::beginning(None),
            cycles: 0,
            ledger: LedgerKeeper::new(&ratings, ledger),
            values: Values::default(),
            windows: 0,
            ratings,
        })
    }

    /// The ratings.
    pub const fn ratings(&self) -> &Ratings {
        &self.ratings
    }

    /// Measures a block of samples of element 0, `u[n]` and `i[n]` taken at the same moment; of blocks that differ in length the
    /// shorter counts. Other elements, where the wiring has some, get zeros.
    pub fn process(&mut self, u: &[i32], i: &[i32]) {
        for (&u, &i) in u.iter().zip(i) {
            self.step(&Frame { u: [u, 0, 0], i: [i, 0, 0, 0] });
        }
    }

    /// Measures a block of samples of all channels.
    pub fn process_frames(&mut self, frames: &[Frame]) {
        for frame in frames {
            self.step(frame);
        }
    }

    /// Brings the active energy up to the last sample, for reading it at the end of a capture period.
    ///
    /// The registers otherwise stand where the last whole window left them, up to a fifth of a second back; reactive and
    /// apparent energy do so always. Nothing is counted twice, and registers never go back: what flows against the direction of
    /// the last window (a part of a cycle of a reactive load) waits for what comes after it.
    pub fn settle(&mut self) {
        let mut open = [0; 3];
        for (n, open) in open.iter_mut().enumerate() {
            *open = self.window.ui(n, self.conditioners[n].calibration());
        }
        self.ledger.settle(&open);
    }

    /// Another metrology has counted up to `registers`: goes on from there. What the samples so far still owe is dropped.
    pub fn adopt(&mut self, registers: Registers) {
        let mut ledger = self.ledger();
        ledger.total.active = registers;
        self.ledger = LedgerKeeper::new(&self.ratings, ledger);
    }

    /// The registers of the total active energy.
    pub fn registers(&self) -> Registers {
        self.ledger.registers()
    }

    /// All registers.
    pub fn ledger(&self) -> Ledger {
        self.ledger.ledger()
    }

    /// The values of the last window, in short.
    pub const fn instantaneous(&self) -> Instantaneous {
        let element = &self.values.elements[0];
        Instantaneous {
            u_uv: element.u_uv,
            i_ua: element.i_ua,
            active_power_mw: self.values.active_uw / 1000,
            frequency_mhz: self.frequency.millihertz(),
        }
    }

    /// The values of the last window.
    pub const fn values(&self) -> &Values {
        &self.values
    }

    /// Windows that have ended since construction.
    pub const fn windows(&self) -> u64 {
        self.windows
    }

    /// What went wrong.
    pub fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        for (u, i) in self.conditioners.iter().map(Conditioner::limited) {
            counters.u_overrange += u;
            counters.i_overrange += i;
        }
        counters
    }

    /// One sample.
    pub(crate) fn step(&mut self, frame: &Frame) -> Step {
        match self.ratings.wiring {
            Wiring::OnePhaseTwoWire => self.on_frame::<1>(frame),
            Wiring::ThreePhaseThreeWire => self.on_frame::<2>(frame),
            Wiring::ThreePhaseFourWire => self.on_frame::<3>(frame),
        }
    }

    /// How far a sample advances the phase of the oscillator.
    pub(crate) const fn phase_step(&self) -> u32 {
        self.oscillator.step()
    }

    fn on_frame<const N: usize>(&mut self, frame: &Frame) -> Step {
        let (mut pairs, mut crossing) = ([[0; 2]; 3], None);
        for (n, pair) in pairs.iter_mut().enumerate().take(N) {
            let (u, i) = self.conditioners[n].filter(frame.u[n], frame.i[n]);
            *pair = [u, i];
            let crossed = self.crossings[n].on_sample(u);
            crossing = if n == self.sync { crossed } else { crossing };
        }
        let neutral = self.neutral.filter(frame.i[3]);
        if self.frequency.on_sample(crossing) && N > 1 {
            self.choose_sync(N);
        }
        let window = self.cut(crossing);
        let phase = self.oscillator.phase();
        self.window.add::<N>(&pairs, neutral, phase);
        self.oscillator.advance();
        Step { pairs, phase, window }
    }

    /// Ends the window if it is to end before this sample.
    fn cut(&mut self, crossing: Option<Lag>) -> Option<WindowEnd> {
        let (end, at_crossing) = match crossing {
            Some(lag) => {
                self.cycles += 1;
                (lag, self.cycles >= specs::CYCLES_PER_WINDOW)
            }
            None => (0, false),
        };
        if at_crossing || self.window.samples() >= self.longest_window() {
            return Some(self.end_window(end, at_crossing));
        }
        None
    }

    /// The next sample lags the end of the window by `end`.
    #[inline(never)]
    fn end_window(&mut self, end: Lag, at_crossing: bool) -> WindowEnd {
        let calibrations = [0, 1, 2].map(|n| self.conditioners[n].calibration());
        let finished = self.window.finish(end, calibrations);
        let mut reactive = [0; 3];
        for (n, reactive) in reactive.iter_mut().enumerate() {
            *reactive = finished.elements[n].reactive(finished.samples, calibrations[n].reactive_offset);
        }
        self.values = Values::new(&finished, &reactive, &self.ratings);
        self.ledger.on_window(&finished, &reactive, &self.values);
        for (conditioner, element) in self.conditioners.iter_mut().zip(&self.values.elements) {
            conditioner.follow(element.i_ua);
        }
        if at_crossing {
            self.lock(&finished, end);
        }
        self.window = Window::beginning(at_crossing.then_some(end));
        self.cycles = 0;
        self.windows += 1;
        WindowEnd { lag: end, duration: finished.duration, whole: at_crossing && finished.whole }
    }

    fn lock(&mut self, finished: &Finished, end: Lag) {
        if finished.whole {
            self.oscillator.lock(self.cycles, finished.duration, self.sync_phase, end);
        }
    }

    /// The voltage that cut the windows is gone: another one that is there does so from now on, and the oscillator keeps its
    /// phase by the angle that was last measured between them.
    #[inline(never)]
    fn choose_sync(&mut self, elements: usize) {
        let longest = self.ratings.sample_rate_hz / specs::FREQUENCY_MIN_HZ;
        let Some(other) = (0..elements).find(|&n| self.crossings[n].since() <= longest) else { return };
        self.sync = other;
        self.sync_phase = self.values.elements[other].voltage.angle().wrapping_neg();
        self.window.forget_start();
        self.cycles = 0;
    }

    const fn longest_window(&self) -> u32 {
        self.ratings.sample_rate_hz / specs::WINDOW_TIMEOUT_DIVISOR
    }
}

/// How far below zero the voltage must have been before it can cross, in steps.
fn hysteresis(ratings: &Ratings) -> i32 {
    let un_pv = u64::from(ratings.un_mv) * 1_000_000_000;
    let steps = un_pv / ratings.u_pv_per_lsb / specs::CROSSING_HYSTERESIS_DIVISOR;
    i32::try_from(steps).map_or(specs::SAMPLE_MAX, |steps| steps.min(specs::SAMPLE_MAX))
}
