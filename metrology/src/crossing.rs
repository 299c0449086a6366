//! Zero crossings of the voltage.

use crate::specs;

/// Finds the upward zero crossings of the voltage, between samples.
///
/// Noise and harmonics near zero cannot cross twice: the voltage must have been clearly negative since,
/// and a shortest cycle must have passed.
#[derive(Clone, Debug)]
pub(crate) struct CrossingDetector {
    hysteresis: i32,
    shortest: u32,
    armed: bool,
    previous: i32,
    since: u32,
}

impl CrossingDetector {
    /// A detector that arms below minus `hysteresis` steps.
    pub(crate) const fn new(hysteresis: i32, sample_rate_hz: u32) -> Self {
        let shortest = sample_rate_hz / specs::FREQUENCY_MAX_HZ;
        Self { hysteresis, shortest, armed: false, previous: 0, since: u32::MAX }
    }

    /// Samples since the last crossing.
    pub(crate) const fn since(&self) -> u32 {
        self.since
    }

    /// Takes the next sample. If the voltage has crossed zero upwards since the one before, by how much
    /// this sample lags the crossing: below 1, with 16 fractional bits.
    pub(crate) fn on_sample(&mut self, u: i32) -> Option<Lag> {
        let crossed = self.armed && u >= 0 && self.since >= self.shortest;
        let before = ::core::mem::replace(&mut self.previous, u);
        self.since = self.since.saturating_add(1);
        self.armed = !crossed && (self.armed || u < -self.hysteresis);
        if !crossed {
            return None;
        }
        self.since = 1;
        Some(lag(before, u))
    }
}

/// A part of a sample interval, with 16 fractional bits.
pub(crate) type Lag = u32;

/// Linear interpolation between a sample before the crossing and the first after it. When the crossing
/// was seen late (held back as noise) the sample itself stands for it.
fn lag(before: i32, after: i32) -> Lag {
    if before >= 0 {
        return 0;
    }
    let rise = i64::from(after) - i64::from(before);
    ((i64::from(after) << 16) / rise) as Lag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crossings(samples: &[i32]) -> ([usize; 4], usize) {
        let mut detector = CrossingDetector::new(100, 400);
        let (mut at, mut count) = ([0; 4], 0);
        for (n, &u) in samples.iter().enumerate() {
            if detector.on_sample(u).is_some() {
                at[count] = n;
                count += 1;
            }
        }
        (at, count)
    }

    #[test]
    fn a_crossing_lies_between_its_samples() {
        let mut detector = CrossingDetector::new(100, 8000);
        assert_eq!(detector.on_sample(-300), None);
        assert_eq!(detector.on_sample(100), Some(1 << 14));
    }

    #[test]
    fn noise_around_zero_crosses_once() {
        let samples = [-200, -50, 3, -4, 5, 200, 10, -10, 20, -99, 7, -101, -50, 60];
        assert_eq!(crossings(&samples), ([2, 13, 0, 0], 2));
    }

    #[test]
    fn cycles_faster_than_any_mains_are_not_counted() {
        let samples = [-200, 200, -200, 200, -200, 200, -200, 200, -200, 200, -200, 200];
        assert_eq!(crossings(&samples), ([1, 7, 0, 0], 2));
    }
}
