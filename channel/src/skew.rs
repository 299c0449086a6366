//! The clocks of both ends: a delay that slides with time.
//!
//! A transmitter whose clock is fast by ε sends its sample m at m / (1 + ε) of the receiver's clock. The
//! difference counts from the beginning of a burst, since between bursts the stacks count their own time; so
//! the delay starts at [`MARGIN`] samples in each burst and slides by ε per sample until it has used the
//! margin up (0.5 s at 100 ppm and 400 kHz), where it stays. A burst begins with the first block in which a port
//! sends after its line has fallen silent.

use core::f64::consts::PI;
use std::sync::LazyLock;

/// Delay of a skewed link beyond that of its filter, at the beginning of a burst, in samples.
pub const MARGIN: usize = 32;

/// Samples that one interpolated value is made of: an error below -60 dB up to 0.41 of the rate.
pub const TAPS: usize = 24;

/// Fractions of a sample that are tabulated; in between the filters are interpolated linearly.
const PHASES: usize = 256;

/// Samples of the past that the slide may reach back to.
const HISTORY: usize = 2 * MARGIN;

/// Largest slide in either direction, samples.
const LIMIT: f64 = (MARGIN - TAPS / 2) as f64;

/// Shape of the Kaiser window.
const KAISER_BETA: f64 = 6.5;

/// The sliding delay of one link.
#[derive(Clone, Debug)]
pub struct Resampler {
    per_sample: f64,
    buffer: Vec<f32>,
}

impl Resampler {
    /// For a transmitter that is fast by `ppm` (slow when negative).
    pub fn new(ppm: f64) -> Self {
        Self { per_sample: ppm * 1e-6, buffer: vec![0.0; HISTORY] }
    }

    /// Forgets the past: silence came before.
    pub fn reset(&mut self) {
        self.buffer.clear();
        self.buffer.resize(HISTORY, 0.0);
    }

    /// Replaces the `block` that begins `since` samples (negative: before) after the burst's first one.
    pub fn run(&mut self, since: i64, block: &mut [f32]) {
        self.buffer.extend_from_slice(block);
        for (n, out) in block.iter_mut().enumerate() {
            let slide = (self.per_sample * (since + n as i64).max(0) as f64).clamp(-LIMIT, LIMIT);
            let position = (HISTORY - MARGIN + n) as f64 + slide;
            *out = interpolate(&self.buffer, position);
        }
        self.buffer.drain(..block.len());
    }
}

/// The value at `position` between samples; at least TAPS/2 samples stand on either side of it.
fn interpolate(samples: &[f32], position: f64) -> f32 {
    let whole = position.floor();
    let phase = (position - whole) * PHASES as f64;
    let (row, part) = (phase as usize, phase.fract() as f32);
    let first = whole as usize + 1 - TAPS / 2;
    let window = &samples[first..first + TAPS];
    let dot = |row: &[f32; TAPS]| row.iter().zip(window).map(|(tap, x)| tap * x).sum::<f32>();
    let (low, high) = (dot(&FILTERS[row]), dot(&FILTERS[row + 1]));
    low + part * (high - low)
}

/// A filter per tabulated fraction, the last one for the whole sample.
static FILTERS: LazyLock<Vec<[f32; TAPS]>> = LazyLock::new(|| (0..=PHASES).map(filter).collect());

fn filter(phase: usize) -> [f32; TAPS] {
    let centre = (TAPS / 2 - 1) as f64 + phase as f64 / PHASES as f64;
    let raw: [f64; TAPS] = core::array::from_fn(|n| windowed_sinc(n as f64 - centre));
    let sum: f64 = raw.iter().sum();
    raw.map(|tap| (tap / sum) as f32)
}

fn windowed_sinc(x: f64) -> f64 {
    let edge = x / (TAPS / 2) as f64;
    let window = bessel_i0(KAISER_BETA * (1.0 - edge * edge).max(0.0).sqrt()) / bessel_i0(KAISER_BETA);
    if x == 0.0 { window } else { window * (PI * x).sin() / (PI * x) }
}

/// Modified Bessel function of order zero, by its series.
fn bessel_i0(x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..40 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::TAU;

    fn slid(ppm: f64, turns: f64, length: usize) -> f64 {
        let tone = |t: f64| (TAU * turns * t).sin();
        let mut block: Vec<f32> = (0..length).map(|n| tone(n as f64) as f32).collect();
        Resampler::new(ppm).run(0, &mut block);
        let expected = |n: usize| tone(n as f64 * (1.0 + ppm * 1e-6) - MARGIN as f64);
        (100..length).map(|n| (f64::from(block[n]) - expected(n)).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn a_tone_changes_its_frequency_by_the_skew() {
        for turns in [0.09, 0.15, 0.2266] {
            for ppm in [-100.0, 50.0, 0.0] {
                let error = slid(ppm, turns, 100_000);
                assert!(error < 1e-3, "{turns} {ppm}: {error}");
            }
        }
        assert!(slid(50.0, 0.41, 100_000) < 5e-3);
    }

    #[test]
    fn cutting_the_time_into_blocks_changes_nothing() {
        let signal: Vec<f32> = (0..5000).map(|n| ((n * n) as f32 * 0.01).sin()).collect();
        let (mut whole, mut parts) = (signal.clone(), signal);
        Resampler::new(80.0).run(-10, &mut whole);
        let mut resampler = Resampler::new(80.0);
        for (k, part) in parts.chunks_mut(77).enumerate() {
            resampler.run(k as i64 * 77 - 10, part);
        }
        assert_eq!(whole, parts);
    }

    #[test]
    fn a_slide_beyond_the_margin_stays_within_the_samples_that_there_are() {
        let mut block = vec![1f32; 3000];
        for ppm in [1e6, -1e6] {
            Resampler::new(ppm).run(0, &mut block);
            assert!(block.iter().skip(200).all(|x| (x - 1.0).abs() < 1e-3));
        }
    }
}
