//! Flicker \[61000-4-15\]: how much people are annoyed by lamps at this voltage.
//!
//! The square of the voltage, relative to its mean over half a minute, goes through a high-pass, a low-pass and the response of lamp, eye and
//! brain; its square, smoothed, is what is felt at a moment. How that is spread over ten minutes is Pst.

use crate::specs::flicker::{
    BUTTERWORTH_E6, EYE_F1, EYE_F2, EYE_F3, EYE_F4, EYE_GAIN_E5, EYE_LAMBDA, HIGH_PASS, LOW_PASS, MEAN_MS,
    SMOOTHING_MS, UNIT, WEIGHTS_E4,
};

/// Values a second that the filters work on, if the sample rate is a multiple of it; more, up to twice as many, if not.
const RATE: u32 = 800;
/// Of them, one in so many is counted.
const COUNTED: u32 = 8;
/// Seconds after the first sample before anything is counted: the filters have settled.
const SETTLING_S: u32 = 10;
/// Fractional bits of signals: one is the mean square of the voltage.
const FRACTION: u32 = 28;
/// Fractional bits of coefficients.
const COEFFICIENT: u32 = 29;
/// Signals stay within plus and minus this, four times the mean square: the square of a sine alone reaches twice its mean.
const LARGEST: i64 = 1 << (FRACTION + 2);

/// Samples of the voltage of which a value is made.
pub(crate) fn samples_per_value(sample_rate_hz: u32) -> u32 {
    (sample_rate_hz / RATE).max(1)
}

/// A flickermeter of one voltage of 230 V at 50 Hz.
#[derive(Clone, Debug)]
pub(crate) struct Flicker {
    /// The running sum of squares at the last value.
    square: u64,
    /// Mean over half a minute of sums of squares; zero before the first block.
    mean: u64,
    /// Its reciprocal, with 96 fractional bits.
    reciprocal: u64,
    /// Values since the mean has followed, and their sum.
    block: (u32, u64),
    /// Values that a mean lasts.
    mean_values: u64,
    sections: [Section; 6],
    /// What is felt, with [`SMOOTHED`] fractional bits.
    felt: i64,
    /// The part of a new value in it, in 2^-16.
    smoothing: i64,
    /// Values until one is counted.
    wait: u32,
    classes: Classes,
}

/// Fractional bits of what is felt: the square of a signal has 56.
const SMOOTHED: u32 = 50;
/// Values after which the mean follows, eight half cycles: a division is what costs here.
const BLOCK: u32 = 64;
/// No sum of squares is taken to be smaller than this: some 2^15 steps.
const MEAN_MIN: u64 = 1 << 33;

impl Flicker {
    pub(crate) fn new(sample_rate_hz: u32) -> Self {
        let every = samples_per_value(sample_rate_hz);
        // In 1e-5 Hz: what a step of s is worth, divided by 2π.
        let kappa = i128::from(sample_rate_hz) * 100_000 * 1_000_000_000 / (i128::from(every) * PI_E9);
        let values = |ms: u64| u64::from(sample_rate_hz) * ms / (u64::from(every) * 1000);
        Self {
            square: 0,
            mean: 0,
            reciprocal: 0,
            block: (0, 0),
            mean_values: values(MEAN_MS),
            sections: sections(kappa),
            felt: 0,
            smoothing: (65_536 / values(SMOOTHING_MS)) as i64,
            wait: values(u64::from(SETTLING_S) * 1000) as u32,
            classes: Classes::new(),
        }
    }

    /// [`samples_per_value`] samples have passed since the last time; `total` is the running sum of squares.
    #[inline(never)]
    pub(crate) fn on_value(&mut self, total: u64) {
        // Only the relation of a mean to the mean matters: the sum does.
        let square = total.wrapping_sub(self.square);
        self.square = total;
        self.follow(square);
        if self.mean == 0 {
            return;
        }
        let relative = (u128::from(square) * u128::from(self.reciprocal)) >> (96 - FRACTION);
        let mut signal = i64::try_from(relative).unwrap_or(LARGEST).min(LARGEST) - (1 << FRACTION);
        for section in &mut self.sections {
            signal = section.step(signal);
        }
        let felt = signal.pow(2) >> (2 * FRACTION - SMOOTHED);
        self.felt += ((felt - self.felt) * self.smoothing) >> 16;
        self.wait -= 1;
        if self.wait == 0 {
            self.wait = COUNTED;
            self.classes.count(self.felt.unsigned_abs());
        }
    }

    /// The mean follows the values, block by block; the first block is the first mean.
    fn follow(&mut self, square: u64) {
        let (values, sum) = (self.block.0 + 1, self.block.1 + square);
        self.block = (values, sum);
        if values == BLOCK {
            self.renew(sum / u64::from(BLOCK));
        }
    }

    #[inline(never)]
    fn renew(&mut self, block: u64) {
        let part = |mean: u64| mean / self.mean_values * u64::from(BLOCK);
        let mean = if self.mean == 0 { block } else { self.mean + part(block) - part(self.mean) };
        self.mean = mean.max(MEAN_MIN);
        self.reciprocal = ((1u128 << 96) / u128::from(self.mean)) as u64;
        self.block = (0, 0);
    }

    /// Pst of the time since it was taken last, in thousandths; `None` if nothing was counted.
    pub(crate) fn take(&mut self) -> Option<u32> {
        let pst = self.classes.pst_per_mille();
        self.classes = Classes::new();
        pst
    }

    /// What is felt now, in thousandths of what is just felt.
    #[cfg(test)]
    fn felt_per_mille(&self) -> u64 {
        self.felt.unsigned_abs() * 1000 / UNIT
    }
}

/// π.
const PI_E9: i128 = 3_141_592_654;

/// The filters, from the analogue ones by the bilinear transform with `kappa`.
fn sections(kappa: i128) -> [Section; 6] {
    let high_pass = Section::new([0, 1, 0], [0, 1, HIGH_PASS], kappa);
    let low_pass = BUTTERWORTH_E6.map(|inverse_q| {
        let square = LOW_PASS * LOW_PASS;
        Section::new([0, 0, square], [1, LOW_PASS * inverse_q / 1_000_000, square], kappa)
    });
    let band = [0, EYE_GAIN_E5 * EYE_F1 / 100_000, 0];
    let eye = Section::new(band, [1, 2 * EYE_LAMBDA, EYE_F1 * EYE_F1], kappa);
    let product = EYE_F3 * EYE_F4;
    let brain = Section::new([0, product / EYE_F2, product], [1, EYE_F3 + EYE_F4, product], kappa);
    let [first, second, third] = low_pass;
    [high_pass, first, second, third, eye, brain]
}

/// A filter of second order. What rounding takes from a value it gives to the next.
#[derive(Clone, Copy, Debug)]
struct Section {
    b: [i64; 3],
    a: [i64; 2],
    x: [i64; 2],
    y: [i64; 2],
    rest: i64,
}

impl Section {
    /// From `num` and `den` in s/2π, highest power first.
    fn new(num: [i128; 3], den: [i128; 3], kappa: i128) -> Self {
        let [b2, b1, b0] = num;
        let [a2, a1, a0] = den;
        let (square, first_order) = (kappa * kappa, a2 == 0);
        let of = |p2: i128, p1: i128, p0: i128| {
            if first_order {
                [p1 * kappa + p0, p0 - p1 * kappa, 0]
            } else {
                [p2 * square + p1 * kappa + p0, 2 * (p0 - p2 * square), p2 * square - p1 * kappa + p0]
            }
        };
        let (b, a) = (of(b2, b1, b0), of(a2, a1, a0));
        let scaled = |value: i128| (((value << (COEFFICIENT + 1)) / a[0] + 1) >> 1) as i64;
        Self { b: b.map(scaled), a: [a[1], a[2]].map(scaled), x: [0; 2], y: [0; 2], rest: 0 }
    }

    /// Signals and coefficients are of 32 bits: a product is one instruction.
    #[inline(always)]
    fn step(&mut self, x: i64) -> i64 {
        let product = |a: i64, b: i64| i64::from(a as i32) * i64::from(b as i32);
        let sum =
            self.rest + product(self.b[0], x) + product(self.b[1], self.x[0]) + product(self.b[2], self.x[1])
                - product(self.a[0], self.y[0])
                - product(self.a[1], self.y[1]);
        let y = (sum >> COEFFICIENT).clamp(-LARGEST + 1, LARGEST - 1);
        self.rest = sum & ((1 << COEFFICIENT) - 1);
        (self.x, self.y) = ([x, self.x[0]], [y, self.y[0]]);
        y
    }
}

/// Classes of what is felt in an octave.
const PER_OCTAVE: usize = 16;
/// Classes: of every number of 64 bits.
const CLASSES: usize = 48 * PER_OCTAVE;

/// How often what is felt was in each class: sixteen in an octave, each as wide as the others of its octave.
#[derive(Clone, Debug)]
struct Classes {
    counts: [u16; CLASSES],
    total: u32,
}

impl Classes {
    const fn new() -> Self {
        Self { counts: [0; CLASSES], total: 0 }
    }

    /// An hour of values at most: a class holds no more.
    #[inline(never)]
    fn count(&mut self, felt: u64) {
        let class = class(felt);
        if let Some(count) = self.counts.get_mut(class).filter(|count| **count < u16::MAX) {
            *count += 1;
            self.total += 1;
        }
    }

    /// What is exceeded for so many ten-thousandths of the time.
    fn exceeded(&self, share_e4: u64) -> u64 {
        let wanted = u64::from(self.total) * share_e4;
        let mut above = 0;
        for (class, &count) in self.counts.iter().enumerate().rev() {
            let with = above + u64::from(count) * 10_000;
            if with >= wanted && count > 0 {
                let (low, high) = (lower_edge(class), lower_edge(class + 1));
                let part = ((with - wanted) / 100) * 1000 / (u64::from(count) * 100);
                return low + ((high - low) / 1000) * part;
            }
            above = with;
        }
        0
    }

    fn pst_per_mille(&self) -> Option<u32> {
        if self.total == 0 {
            return None;
        }
        let mean = |shares: &[u64]| {
            shares.iter().map(|&share| self.exceeded(share)).sum::<u64>() / shares.len() as u64
        };
        let weighted =
            WEIGHTS_E4.iter().map(|&(weight, shares)| u128::from(weight) * u128::from(mean(shares)));
        let sum: u128 = weighted.sum();
        u32::try_from((sum * 100 / u128::from(UNIT)).isqrt()).ok()
    }
}

/// Bits below which everything is one class: a thousandth of what is just felt and less.
const SMALLEST: u32 = 16;

fn class(felt: u64) -> usize {
    let felt = felt.max(1 << SMALLEST);
    let octave = felt.ilog2();
    let part = (felt >> (octave - PER_OCTAVE.ilog2())) as usize & (PER_OCTAVE - 1);
    (octave - SMALLEST) as usize * PER_OCTAVE + part
}

fn lower_edge(class: usize) -> u64 {
    let octave = (class / PER_OCTAVE) as u32 + SMALLEST;
    if octave > 63 {
        return u64::MAX;
    }
    (1 << octave) + ((class % PER_OCTAVE) as u64) * (1 << (octave - PER_OCTAVE.ilog2()))
}

/// Plt of twelve values of Pst in a row, in thousandths: the cubic mean \[61000-4-15 5.8\].
pub fn plt_per_mille(pst_per_mille: &[u32; 12]) -> u32 {
    let cubes: u128 = pst_per_mille.iter().map(|&pst| u128::from(pst).pow(3)).sum();
    let mean = cubes / 12;
    // The root of a cube below 2^96, bit by bit.
    (0..32).rev().fold(0u32, |root, bit| {
        let next = root | 1 << bit;
        if u128::from(next).pow(3) <= mean { next } else { root }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::TAU;

    const HZ: f64 = 1600.0;

    /// A flickermeter after `seconds` of 230 V, modulated.
    fn felt(seconds: f64, modulation: impl Fn(f64) -> f64) -> (Flicker, u64) {
        let mut flicker = Flicker::new(HZ as u32);
        let (mut most, mut total) = (0, 0u64);
        for n in 0..(seconds * HZ) as u64 {
            let t = n as f64 / HZ;
            let u = 4e6 * (50.0 * t * TAU).sin() * (1.0 + modulation(t));
            total += (u.round() as i64).pow(2) as u64;
            if (n + 1) % u64::from(samples_per_value(HZ as u32)) == 0 {
                flicker.on_value(total);
            }
            if t > 20.0 {
                most = most.max(flicker.felt_per_mille());
            }
        }
        (flicker, most)
    }

    /// The gain of the filters at `f`, from their analogue definition.
    fn gain(f: f64) -> f64 {
        let over = |num: (f64, f64), den: (f64, f64)| num.0.hypot(num.1) / den.0.hypot(den.1);
        let high = over((0.0, f), (0.05, f));
        let low = 1.0 / (1.0 + (f / 35.0f64).powi(12)).sqrt();
        let eye = over((0.0, 1.74802 * 9.15494 * f), (9.15494f64.powi(2) - f * f, 2.0 * 4.05981 * f));
        let brain = over((1.0, f / 2.27979), (1.0, f / 1.22535)) / 1f64.hypot(f / 21.9);
        high * low * eye * brain
    }

    #[test]
    fn sines_are_felt_as_lamp_eye_and_brain_feel_them() {
        // What is felt most of a sinusoidal modulation: the mean and the ripple that the smoothing leaves of it.
        let expected = |f: f64, peak: f64| {
            let ripple = 1.0 / (1.0 + (2.0 * TAU * f * 0.3).powi(2)).sqrt();
            (gain(f) * 2.0 * peak).powi(2) / 2.0 * (1.0 + ripple)
        };
        let one = expected(8.8, 0.00125);
        for (f, peak) in
            [(0.5, 0.0116), (1.5, 0.0054), (4.0, 0.0025), (8.8, 0.00125), (15.0, 0.002), (25.0, 0.005)]
        {
            let (_, most) = felt(40.0, |t| peak * (f * t * TAU).sin());
            let wanted = expected(f, peak) / one * 1000.0;
            assert!((most as f64 / wanted - 1.0).abs() < 0.02, "{f} Hz: {most}, expected {wanted:.0}");
        }
    }

    #[test]
    fn rectangular_changes_of_the_table_have_a_pst_of_one() {
        // Changes in a minute and their size in percent, of lamps of 230 V at 50 Hz [61000-4-15 table 5; confidence C].
        for (changes, percent) in
            [(1.0, 2.715), (2.0, 2.191), (7.0, 1.450), (39.0, 0.894), (110.0, 0.722), (1620.0, 0.407)]
        {
            let half = percent / 200.0;
            let (mut flicker, _) =
                felt(610.0, |t| if ((t * changes / 60.0) as u64).is_multiple_of(2) { half } else { -half });
            let pst = flicker.take().expect("ten minutes were counted");
            assert!((950..=1050).contains(&pst), "{changes} changes of {percent} %: {pst}");
            assert_eq!(flicker.take(), None, "each once");
        }
    }

    #[test]
    fn pst_is_proportional_to_the_changes_and_steady_voltage_has_none() {
        let pst = |scale: f64| {
            let rectangle =
                |t: f64| if ((t * 110.0 / 60.0) as u64).is_multiple_of(2) { 0.00361 } else { -0.00361 };
            felt(310.0, |t| scale * rectangle(t)).0.take().expect("minutes were counted")
        };
        let one = f64::from(pst(1.0));
        for scale in [0.2, 2.0, 10.0] {
            let ratio = f64::from(pst(scale)) / one;
            assert!((ratio / scale - 1.0).abs() < 0.05, "{scale}: {ratio}");
        }
        assert!(pst(0.0) < 30, "{}", pst(0.0));
    }

    #[test]
    fn percentiles_are_those_of_a_sorted_list() {
        let mut classes = Classes::new();
        let mut all: std::vec::Vec<u64> = (1..5000u64).map(|n| (n * n % 4999 + 1) << 24).collect();
        all.iter().for_each(|&felt| classes.count(felt));
        all.sort_unstable();
        for share in [10, 100, 1000, 5000, 8000] {
            let place = all.len() - all.len() * share as usize / 10_000;
            let (is, want) = (classes.exceeded(share) as f64, all[place.min(all.len() - 1)] as f64);
            assert!((is / want - 1.0).abs() < 0.03, "{share}: {is} {want}");
        }
    }

    #[test]
    fn two_hours_are_the_cubic_mean_of_twelve_values() {
        assert_eq!(plt_per_mille(&[1000; 12]), 1000);
        let mut one = [0; 12];
        one[3] = 2000;
        // 2 / 12^(1/3).
        assert_eq!(plt_per_mille(&one), 873);
        assert_eq!(plt_per_mille(&[u32::MAX; 12]), u32::MAX);
    }
}
