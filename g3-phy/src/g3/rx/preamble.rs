//! What the SYNCP of a preamble add up to.

use crate::dsp::Complex;
use crate::g3::specs::PREAMBLE_GAIN;
use alloc::vec;
use alloc::vec::Vec;

/// Sums over windows in step with the cycles of the preamble.
#[derive(Debug)]
pub(super) struct Preamble {
    /// The first windows: they may begin before the preamble does.
    early: [Vec<Complex<f32>>; EARLY],
    /// Sum of all windows.
    sum: Vec<Complex<f32>>,
    /// Sum of their powers.
    powers: Vec<f32>,
    windows: usize,
    /// Sum of the numbers of the windows that `sum` is made of.
    numbers: usize,
    /// Number of the last window.
    last: usize,
    /// Sum of the energies of the windows after the first, and how many they are.
    whole: (f32, f32),
}

/// Windows that may begin before the preamble does.
pub(super) const EARLY: usize = 2;
/// A window with so many times the mean energy of the others was struck by a pulse.
const STRUCK: f32 = 2.5;
/// A window that lacks more than this share of the preamble is left out, however much noise there is.
const LACK_MAX: f32 = 0.15;
/// A window that lacks no more than this is whole, however little noise there is.
const LACK_MIN: f32 = 0.002;

impl Preamble {
    pub(super) fn new(carriers: usize) -> Self {
        let zeros = || vec![Complex::default(); carriers];
        Self {
            early: [zeros(), zeros()],
            sum: zeros(),
            powers: vec![0.0; carriers],
            windows: 0,
            numbers: 0,
            last: 0,
            whole: (0.0, 0.0),
        }
    }

    /// A new preamble.
    pub(super) fn restart(&mut self) {
        self.sum.fill(Complex::default());
        self.powers.fill(0.0);
        (self.windows, self.numbers, self.last) = (0, 0, 0);
        self.whole = (0.0, 0.0);
    }

    /// Windows that were added.
    pub(super) const fn windows(&self) -> usize {
        self.windows
    }

    /// Sum of all windows.
    pub(super) fn sum(&self) -> &[Complex<f32>] {
        &self.sum
    }

    /// Passes over a window that is not like the others.
    pub(super) fn skip(&mut self) {
        self.last += 1;
    }

    /// Takes one more window.
    pub(super) fn add(&mut self, window: &[Complex<f32>]) {
        if self.last < EARLY {
            self.early[self.last].copy_from_slice(window);
        } else {
            self.whole = (self.whole.0 + energy(window), self.whole.1 + 1.0);
        }
        self.count(window, self.last, true);
        self.last += 1;
    }

    /// Whether a pulse has struck `window`, as far as windows after the first tell.
    pub(super) fn is_struck(&self, window: &[Complex<f32>]) -> bool {
        let (sum, count) = self.whole;
        energy(window) * count > STRUCK * sum && count > 0.0
    }

    /// How much of the mean of the windows is in `window`, which is none of them.
    pub(super) fn share_of(&self, window: &[Complex<f32>]) -> f32 {
        let (mut common, mut power) = (0.0, 0.0);
        for (&sum, &carrier) in self.sum.iter().zip(window) {
            common += (carrier * sum.conj()).re;
            power += sum.norm_sqr();
        }
        common * self.windows as f32 / power.max(f32::MIN_POSITIVE)
    }

    fn count(&mut self, window: &[Complex<f32>], number: usize, add: bool) {
        let sign = if add { 1.0 } else { -1.0 };
        self.sum.iter_mut().zip(window).for_each(|(sum, carrier)| *sum += carrier * sign);
        self.powers.iter_mut().zip(window).for_each(|(sum, carrier)| *sum += carrier.norm_sqr() * sign);
        if add {
            (self.windows, self.numbers) = (self.windows + 1, self.numbers + number);
        } else {
            (self.windows, self.numbers) = (self.windows - 1, self.numbers - number);
        }
    }

    /// Takes early windows out again that are not whole.
    pub(super) fn settle(&mut self) {
        for number in 0..EARLY {
            let share_min = 1.0 - (2.0 * self.share_deviation()).clamp(LACK_MIN, LACK_MAX);
            let early = core::mem::take(&mut self.early[number]);
            if self.windows > EARLY && (self.share(&early) < share_min || self.is_struck(&early)) {
                self.count(&early, number, false);
            }
            self.early[number] = early;
        }
    }

    /// Multiplies every carrier by its `turn`.
    pub(super) fn turn(&mut self, turn: impl Fn(usize) -> Complex<f32>) {
        self.sum.iter_mut().enumerate().for_each(|(position, sum)| *sum *= turn(position));
    }

    /// Standard deviation of the share of a whole window, from noise alone.
    fn share_deviation(&self) -> f32 {
        let scatter: f32 = (0..self.sum.len()).map(|position| self.scatter(position)).sum();
        let power: f32 = self.sum.iter().map(Complex::norm_sqr).sum();
        let (windows, carriers) = (self.windows.max(2) as f32, self.sum.len() as f32);
        let noise = scatter / (carriers * (windows - 1.0));
        libm::sqrtf(0.5 * noise * windows * windows / power.max(f32::MIN_POSITIVE))
    }

    /// How much of the other windows' mean is in `window`, which is one of them.
    fn share(&self, window: &[Complex<f32>]) -> f32 {
        let (mut common, mut power) = (0.0, 0.0);
        for (&sum, &carrier) in self.sum.iter().zip(window) {
            let others = sum - carrier;
            common += (carrier * others.conj()).re;
            power += others.norm_sqr();
        }
        common * (self.windows - 1) as f32 / power.max(f32::MIN_POSITIVE)
    }

    /// Windows from the centre of those in the sum to the last one.
    pub(super) fn age(&self) -> f32 {
        self.last.saturating_sub(1) as f32 - self.numbers as f32 / self.windows.max(1) as f32
    }

    /// What brings the sum to the level of header and payload.
    pub(super) fn scale(&self) -> f32 {
        1.0 / (self.windows.max(1) as f32 * PREAMBLE_GAIN)
    }

    /// How many symbols of header and payload the sum is worth.
    pub(super) fn worth(&self) -> f32 {
        self.windows as f32 * PREAMBLE_GAIN * PREAMBLE_GAIN
    }

    /// A carrier's mean at the level of header and payload.
    pub(super) fn mean(&self, position: usize) -> Complex<f32> {
        self.sum[position] * self.scale()
    }

    /// Sum of squared distances of a carrier from its mean: on average its noise times one less than the windows.
    pub(super) fn scatter(&self, position: usize) -> f32 {
        let mean = self.sum[position].norm_sqr() / self.windows.max(1) as f32;
        (self.powers[position] - mean).max(0.0)
    }
}

fn energy(window: &[Complex<f32>]) -> f32 {
    window.iter().map(Complex::norm_sqr).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(level: f32) -> Vec<Complex<f32>> {
        (0..36).map(|k| Complex::new(level, level * k as f32 / 36.0)).collect()
    }

    #[test]
    fn windows_that_begin_before_the_preamble_are_taken_out_again() {
        let mut preamble = Preamble::new(36);
        [0.1, 0.6, 1.0, 1.0, 1.0].into_iter().for_each(|level| preamble.add(&window(level)));
        preamble.settle();
        assert_eq!(preamble.windows(), 3);
        assert!((preamble.mean(9).re * PREAMBLE_GAIN - 1.0).abs() < 1e-5 && preamble.scatter(9) < 1e-4);
        assert!((preamble.age() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn an_early_window_that_is_struck_is_taken_out_and_a_later_one_is_known() {
        let mut preamble = Preamble::new(36);
        [3.0, 1.0, 1.0, 1.0, 1.0].into_iter().for_each(|level| preamble.add(&window(level)));
        assert!(preamble.is_struck(&window(2.0)) && !preamble.is_struck(&window(1.2)));
        preamble.settle();
        assert_eq!(preamble.windows(), 4);
    }

    #[test]
    fn half_a_turned_window_is_known_as_such() {
        let mut preamble = Preamble::new(36);
        (0..4).for_each(|_| preamble.add(&window(1.0)));
        assert!((preamble.share_of(&window(-0.5)) + 0.5).abs() < 1e-4);
    }

    #[test]
    fn whole_windows_stay_however_noisy() {
        for noise in [0.0, 0.03, 0.3] {
            let mut preamble = Preamble::new(36);
            for number in 0..4 {
                let mut noisy = window(1.0);
                let sign = |k: usize| if (k + number).is_multiple_of(2) { noise } else { -noise };
                noisy.iter_mut().enumerate().for_each(|(k, carrier)| *carrier *= 1.0 + sign(k));
                preamble.add(&noisy);
            }
            preamble.settle();
            assert_eq!(preamble.windows(), 4, "{noise}");
        }
    }
}
