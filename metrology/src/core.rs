//! The measurement of one phase.

use crate::crossing::{CrossingDetector, Lag};
use crate::dc::DcBlocker;
use crate::energy::{EnergyMeter, Registers};
use crate::frequency::FrequencyMeter;
use crate::ratings::{RatingError, Ratings};
use crate::specs;
use crate::window::{Instantaneous, Window};

/// What went wrong, counted since construction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Samples of the voltage beyond ±[`specs::SAMPLE_MAX`], which were limited to it.
    pub u_overrange: u64,
    /// Samples of the current beyond ±[`specs::SAMPLE_MAX`], which were limited to it.
    pub i_overrange: u64,
}

/// The measurement of one phase.
///
/// The registers and values depend on the samples alone, not on how they are cut into blocks.
#[derive(Clone, Debug)]
pub struct MeterCore {
    ratings: Ratings,
    u_dc: DcBlocker,
    i_dc: DcBlocker,
    crossing: CrossingDetector,
    frequency: FrequencyMeter,
    window: Window,
    /// Whole cycles since the window began.
    cycles: u32,
    energy: EnergyMeter,
    values: Instantaneous,
    counters: Counters,
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
        ratings.check()?;
        let rate = ratings.sample_rate_hz;
        Ok(Self {
            u_dc: DcBlocker::new(rate),
            i_dc: DcBlocker::new(rate),
            crossing: CrossingDetector::new(hysteresis(&ratings), rate),
            frequency: FrequencyMeter::new(rate),
            window: Window::beginning(0),
            cycles: 0,
            energy: EnergyMeter::new(&ratings, registers),
            values: Instantaneous::default(),
            counters: Counters::default(),
            ratings,
        })
    }

    /// The ratings.
    pub const fn ratings(&self) -> &Ratings {
        &self.ratings
    }

    /// Measures a block of samples, `u[n]` and `i[n]` taken at the same moment; of blocks that differ in
    /// length the shorter counts.
    pub fn process(&mut self, u: &[i32], i: &[i32]) {
        for (&u, &i) in u.iter().zip(i) {
            self.on_sample(u, i);
        }
    }

    /// Brings the registers up to the last sample, for reading them at the end of a capture period.
    ///
    /// They otherwise stand where the last whole window left them, up to a fifth of a second back.
    /// Nothing is counted twice, and registers never go back: what flows against the direction of the
    /// last window (a part of a cycle of a reactive load) waits for what comes after it.
    pub fn settle(&mut self) {
        self.energy.settle(self.window.ui());
    }

    /// Another metrology has counted up to `registers`: goes on from there. What the samples so far still owe is dropped.
    pub fn adopt(&mut self, registers: Registers) {
        self.energy = EnergyMeter::new(&self.ratings, registers);
    }

    /// The energy registers.
    pub const fn registers(&self) -> Registers {
        self.energy.registers()
    }

    /// The values of the last window.
    pub const fn instantaneous(&self) -> Instantaneous {
        Instantaneous { frequency_mhz: self.frequency.millihertz(), ..self.values }
    }

    /// What went wrong.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    fn on_sample(&mut self, u: i32, i: i32) {
        let (u, u_over) = self.u_dc.filter(u);
        let (i, i_over) = self.i_dc.filter(i);
        self.counters.u_overrange += u64::from(u_over);
        self.counters.i_overrange += u64::from(i_over);
        let crossing = self.crossing.on_sample(u);
        self.frequency.on_sample(crossing);
        match crossing {
            Some(lag) => self.on_crossing(lag),
            None if self.window.samples() >= self.longest_window() => self.end_window(0),
            None => {}
        }
        self.window.add(u, i);
    }

    fn on_crossing(&mut self, lag: Lag) {
        self.cycles += 1;
        if self.cycles >= specs::CYCLES_PER_WINDOW {
            self.end_window(lag);
        }
    }

    /// The next sample lags the end of the window by `end`.
    fn end_window(&mut self, end: Lag) {
        self.values = self.window.instantaneous(end, &self.ratings);
        self.energy.on_window(self.window.ui(), self.values.active_power_mw);
        self.window = Window::beginning(end);
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
