//! Compensation of phase errors: the current is delayed against the voltage by a part of a sample.

/// One sample of delay in the unit of delays.
pub const DELAY_ONE: i32 = 1 << 16;
/// The largest delay, either way, in that unit: three samples, 6.75° at 50 Hz and 8 kHz.
pub const DELAY_MAX: i32 = 3 * DELAY_ONE;

/// By how many samples the voltage is delayed; the current is by that and its own delay.
const VOLTAGE_DELAY: usize = 4;
/// Room for a delay of `VOLTAGE_DELAY + 3`.
const RING: usize = 8;

/// Delays the samples of one element.
///
/// Whole samples by a ring; the fraction by a first-order all-pass (Thiran), whose gain is one at every frequency, so that it
/// changes neither energy nor RMS values, and whose delay is flat to 1e-4 of itself at the mains.
#[derive(Clone, Debug)]
pub(crate) struct Aligner {
    u: [i32; RING],
    i: [i32; RING],
    at: usize,
    /// Whole samples by which the current is delayed before the all-pass.
    whole: usize,
    /// Coefficient of the all-pass, with 30 fractional bits: at most a third.
    a: i32,
    /// Last input and output of the all-pass, and what rounding took from the output: the next one gets it.
    x: i32,
    y: i32,
    rest: u32,
}

impl Aligner {
    /// An aligner without a delay of the current.
    pub(crate) const fn new() -> Self {
        Self { u: [0; RING], i: [0; RING], at: 0, whole: VOLTAGE_DELAY - 1, a: 0, x: 0, y: 0, rest: HALF }
    }

    /// Sets the delay of the current against the voltage, of which [`DELAY_ONE`] is a sample; more than [`DELAY_MAX`] is limited.
    pub(crate) fn set(&mut self, delay: i32) {
        let delay = delay.clamp(-DELAY_MAX, DELAY_MAX);
        let whole = (delay + DELAY_ONE / 2).div_euclid(DELAY_ONE);
        let rest = i64::from(delay - whole * DELAY_ONE);
        self.whole = (VOLTAGE_DELAY as i32 - 1 + whole) as usize;
        // The all-pass delays by 1 + rest: a = -rest / (2 + rest).
        self.a = (-(rest << FRACTION) / (2 * i64::from(DELAY_ONE) + rest)) as i32;
    }

    /// The delayed pair, of samples within ±[`SAMPLE_MAX`](crate::specs::SAMPLE_MAX). The all-pass may reach twice that for a moment.
    #[inline(always)]
    pub(crate) fn filter(&mut self, u: i32, i: i32) -> (i32, i32) {
        self.at = (self.at + 1) % RING;
        (self.u[self.at], self.i[self.at]) = (u, i);
        let before = |n: usize| self.at.wrapping_sub(n) % RING;
        let (u, x) = (self.u[before(VOLTAGE_DELAY)], self.i[before(self.whole)]);
        let sum = i64::from(self.rest) + i64::from(self.a) * i64::from(x - self.y);
        self.y = self.x + (sum >> FRACTION) as i32;
        self.rest = sum as u32 & ((1 << FRACTION) - 1);
        self.x = x;
        (u, self.y)
    }
}

/// Fractional bits of the coefficient.
const FRACTION: u32 = 30;
const HALF: u32 = 1 << (FRACTION - 1);

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::TAU;

    #[test]
    fn without_a_delay_the_samples_are_the_same_four_later() {
        let mut aligner = Aligner::new();
        let pairs = (0..20).map(|n| aligner.filter(n * 1000 + 7, -n * 1000));
        assert!(pairs.skip(4).eq((0..16).map(|n| (n * 1000 + 7, -n * 1000))));
    }

    #[test]
    fn any_delay_is_kept_to_a_thousandth_of_a_degree_and_changes_no_size() {
        for delay in (-30..=30).map(|n| n * DELAY_ONE / 10) {
            let mut aligner = Aligner::new();
            aligner.set(delay);
            let (mut uc, mut us, mut ic, mut is) = (0.0, 0.0, 0.0, 0.0);
            for n in 0..8000 {
                let angle = f64::from(n) * TAU / 160.0;
                let wave = (angle.sin() * 8e6).round() as i32;
                let (u, i) = aligner.filter(wave, wave);
                if n >= 160 {
                    uc += f64::from(u) * angle.cos();
                    us += f64::from(u) * angle.sin();
                    ic += f64::from(i) * angle.cos();
                    is += f64::from(i) * angle.sin();
                }
            }
            let lag = (uc.atan2(us) - ic.atan2(is)).to_degrees();
            let wanted = f64::from(delay) / f64::from(DELAY_ONE) * 2.25;
            assert!((lag - wanted).abs() < 1e-3, "{delay}: {lag} for {wanted}");
            let gain = ic.hypot(is) / uc.hypot(us);
            assert!((gain - 1.0).abs() < 1e-7, "{gain}");
        }
    }

    #[test]
    fn more_than_three_samples_are_limited() {
        let (mut far, mut limit) = (Aligner::new(), Aligner::new());
        far.set(i32::MAX);
        limit.set(DELAY_MAX);
        assert!((0..100).all(|n| far.filter(n, n * n) == limit.filter(n, n * n)));
        far.set(i32::MIN);
        limit.set(-DELAY_MAX);
        assert!((0..100).all(|n| far.filter(n, n * n) == limit.filter(n, n * n)));
    }
}
