//! Counting frames: confidence intervals and crossing points.

use std::ops::AddAssign;

/// What became of frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Frames sent.
    pub(crate) frames: u64,
    /// The receiver never reached the header, or began at the wrong place.
    pub(crate) preamble: u64,
    /// The header was wrong.
    pub(crate) header: u64,
    /// The payload could not be corrected.
    pub(crate) payload: u64,
    /// A payload was delivered that had not been sent.
    pub(crate) wrong: u64,
}

/// Frames at one signal-to-noise ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// Per carrier, in dB.
    pub(crate) snr_db: f64,
    pub(crate) tally: Tally,
}

/// Where a curve crosses an error rate, and the interval of that place, in dB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Crossing {
    pub(crate) at: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Standard deviations on either side of an interval of 95 %.
const Z: f64 = 1.96;

impl Tally {
    pub(crate) const fn lost(&self) -> u64 {
        self.preamble + self.header + self.payload + self.wrong
    }

    /// Frame error rate.
    pub(crate) fn rate(&self) -> f64 {
        self.lost() as f64 / self.frames.max(1) as f64
    }

    /// The interval of 95 % around the frame error rate.
    pub(crate) fn interval(&self) -> (f64, f64) {
        wilson(self.lost(), self.frames)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.frames += other.frames;
        self.preamble += other.preamble;
        self.header += other.header;
        self.payload += other.payload;
        self.wrong += other.wrong;
    }
}

/// Wilson's score interval of 95 % for `hits` of `trials`.
pub(crate) fn wilson(hits: u64, trials: u64) -> (f64, f64) {
    if trials == 0 {
        return (0.0, 1.0);
    }
    let (n, p) = (trials as f64, hits as f64 / trials as f64);
    let scale = 1.0 / (1.0 + Z * Z / n);
    let centre = (p + Z * Z / (2.0 * n)) * scale;
    let half = Z * scale * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// The rate (events per unit of `exposure`) above which `events` or fewer are seen in 1 case of 20 only.
pub(crate) fn poisson_bound(events: u64, exposure: f64) -> f64 {
    let (mut low, mut high) = (0.0, 10.0 * (events + 1) as f64 + 10.0);
    for _ in 0..60 {
        let mean = 0.5 * (low + high);
        if poisson_cdf(events, mean) > 0.05 { low = mean } else { high = mean }
    }
    high / exposure
}

fn poisson_cdf(events: u64, mean: f64) -> f64 {
    let terms = (0..=events).scan((-mean).exp(), |term, k| {
        let now = *term;
        *term *= mean / (k + 1) as f64;
        Some(now)
    });
    terms.sum()
}

/// Where `points`, in ascending order, fall through `rate`: straight lines in dB and the logarithm of the rate.
/// A point without a loss stands at half a loss.
pub(crate) fn crossing(points: &[Point], rate: f64) -> Option<Crossing> {
    let at = fall(points, rate, |tally| tally.rate().max(0.5 / tally.frames.max(1) as f64))?;
    let low = fall(points, rate, |tally| tally.interval().0.max(1e-9)).unwrap_or(f64::NEG_INFINITY);
    let high = fall(points, rate, |tally| tally.interval().1).unwrap_or(f64::INFINITY);
    Some(Crossing { at, low: low.min(at), high: high.max(at) })
}

fn fall(points: &[Point], rate: f64, value: impl Fn(&Tally) -> f64) -> Option<f64> {
    let pair =
        points.windows(2).rfind(|pair| value(&pair[0].tally) > rate && value(&pair[1].tally) <= rate)?;
    let [above, below] = [pair[0], pair[1]].map(|point| (point.snr_db, value(&point.tally).ln()));
    Some(above.0 + (below.0 - above.0) * (above.1 - rate.ln()) / (above.1 - below.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(snr_db: f64, lost: u64, frames: u64) -> Point {
        Point { snr_db, tally: Tally { frames, payload: lost, ..Tally::default() } }
    }

    #[test]
    fn the_interval_of_wilson_is_the_published_one() {
        let (low, high) = wilson(10, 100);
        assert!((low - 0.0552).abs() < 1e-4 && (high - 0.1744).abs() < 1e-4, "{low} {high}");
        let (low, high) = wilson(0, 100);
        assert!(low == 0.0 && (high - 0.0370).abs() < 1e-4, "{high}");
    }

    #[test]
    fn the_interval_holds_the_true_rate_in_about_95_of_100_cases() {
        let binomial = |k: u64| {
            let choose = (0..k).map(|n| (50 - n) as f64 / (n + 1) as f64).product::<f64>();
            choose * 0.2f64.powi(k as i32) * 0.8f64.powi(50 - k as i32)
        };
        let covered = (0..=50).filter(|&k| wilson(k, 50).0 <= 0.2 && 0.2 <= wilson(k, 50).1);
        let coverage: f64 = covered.map(binomial).sum();
        assert!((0.93..0.97).contains(&coverage), "{coverage}");
    }

    #[test]
    fn the_bound_of_a_rate_is_the_rule_of_three_and_its_successors() {
        for (events, bound) in [(0, 2.9957), (1, 4.7439), (5, 10.5130)] {
            assert!((poisson_bound(events, 1.0) - bound).abs() < 1e-3);
            assert!((poisson_bound(events, 10.0) - bound / 10.0).abs() < 1e-4);
        }
    }

    #[test]
    fn a_straight_line_on_the_logarithmic_scale_crosses_where_it_should() {
        let points = [point(1.0, 10_000, 100_000), point(2.0, 100, 100_000)];
        let crossing = crossing(&points, 1e-2).unwrap();
        assert!((crossing.at - 1.5).abs() < 1e-9);
        assert!(crossing.low < 1.5 && crossing.high > 1.5 && crossing.high - crossing.low < 0.1);
    }

    #[test]
    fn a_curve_that_never_falls_so_low_has_no_crossing() {
        assert_eq!(crossing(&[point(1.0, 50, 100), point(2.0, 40, 100)], 1e-2), None);
        assert_eq!(crossing(&[point(1.0, 0, 1000), point(2.0, 0, 1000)], 1e-2), None);
    }

    #[test]
    fn a_point_without_losses_counts_as_half_a_loss() {
        let found = crossing(&[point(0.0, 100, 1000), point(1.0, 0, 500)], 1e-2).unwrap();
        assert!((found.at - 0.5).abs() < 1e-9);
    }
}
