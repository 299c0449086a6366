//! Frequency of the mains.

use crate::crossing::Lag;
use crate::specs;

/// Averages the frequency over [`specs::CYCLES_PER_FREQUENCY`] whole cycles.
#[derive(Clone, Debug)]
pub(crate) struct FrequencyMeter {
    sample_rate_hz: u32,
    /// Samples since the sample at which the interval began.
    samples: u64,
    /// Samples since the last crossing.
    gap: u32,
    /// By how much the first sample of the interval lagged its crossing; `None` before any.
    start: Option<Lag>,
    cycles: u32,
    millihertz: Option<u32>,
}

impl FrequencyMeter {
    pub(crate) const fn new(sample_rate_hz: u32) -> Self {
        Self { sample_rate_hz, samples: 0, gap: 0, start: None, cycles: 0, millihertz: None }
    }

    /// The last result, in mHz; `None` while there is no voltage.
    pub(crate) const fn millihertz(&self) -> Option<u32> {
        self.millihertz
    }

    /// A sample has passed, at a crossing or not. Tells whether the voltage is gone.
    pub(crate) fn on_sample(&mut self, crossing: Option<Lag>) -> bool {
        self.samples += 1;
        self.gap += 1;
        match crossing {
            Some(lag) => self.on_crossing(lag),
            None if self.gap > self.sample_rate_hz / specs::FREQUENCY_MIN_HZ => {
                self.on_loss();
                return true;
            }
            None => {}
        }
        false
    }

    fn on_crossing(&mut self, lag: Lag) {
        self.gap = 0;
        let Some(start) = self.start else { return self.restart(lag) };
        self.cycles += 1;
        if self.cycles == specs::CYCLES_PER_FREQUENCY {
            let duration = (self.samples << 16) + u64::from(start) - u64::from(lag);
            let cycles = u64::from(self.cycles) * u64::from(self.sample_rate_hz) * 1000;
            self.millihertz = u32::try_from(((cycles << 16) + duration / 2) / duration).ok();
            self.restart(lag);
        }
    }

    fn on_loss(&mut self) {
        *self = Self::new(self.sample_rate_hz);
    }

    fn restart(&mut self, lag: Lag) {
        (self.samples, self.cycles, self.start) = (0, 0, Some(lag));
    }
}
