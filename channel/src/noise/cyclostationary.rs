//! Gaussian noise that repeats its statistics every half mains cycle.

use super::{key, white_density};
use crate::gauss::{BLOCK, white};
use crate::mains::half_cycle;
use crate::{Complex64, specs};
use core::f64::consts::TAU;
use core::ops::Range;
use plc_core::Seed;

/// Three regions of half a mains cycle, each with a level and a filter; the last is the impulsive one.
///
/// The coefficients are used at the rate of the samples as they are printed, so the colour scales with the
/// rate. The whole is normalised to a mean power [confidence C].
#[derive(Clone, Debug)]
pub struct Cyclostationary {
    key: u64,
    rate: f64,
    period: u64,
    /// Samples from the start of the noise's cycle to the first sample of the medium.
    offset: u64,
    regions: [Region; 3],
    history: History,
    /// The block that `history` leads up to.
    next: Option<u64>,
}

/// A part of the half cycle.
#[derive(Clone, Debug)]
struct Region {
    span: Range<u64>,
    b: [f32; 4],
    a: [f32; 2],
    share: f64,
}

/// The last inputs and outputs, newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct History {
    inputs: [f32; 3],
    outputs: [f32; 2],
}

impl Cyclostationary {
    /// The site LV14 with a mean of `rms` volts at `rate` Hz (a multiple of 100); `phase` (0..1) is the part of
    /// the half mains cycle that has passed at sample 0.
    pub fn lv14(rate: u32, rms: f64, phase: f64, seed: &Seed) -> Self {
        let period = half_cycle(rate);
        let regions = regions(period, rms);
        let offset = (phase.rem_euclid(1.0) * period as f64) as u64 % period;
        let key = key(seed, "cyclostationary");
        let history = History::default();
        Self { key, rate: f64::from(rate), period, offset, regions, history, next: None }
    }

    /// The same noise without its impulsive region, during which that of the first region goes on. The other two keep
    /// their level.
    pub fn without_impulses(mut self) -> Self {
        let [first, _, last] = &mut self.regions;
        (last.b, last.a) = (first.b, first.a);
        self
    }

    /// Mean power density at `hz`, V²/Hz.
    pub fn density(&self, hz: f64) -> f64 {
        let omega = TAU * hz / self.rate;
        let power: f64 = self.regions.iter().map(|region| region.share * region.power_at(omega)).sum();
        power * white_density(1.0, self.rate)
    }

    /// The samples of the half cycle that each region takes, and its power density at `hz`, V²/Hz.
    pub fn regions(&self, hz: f64) -> [(Range<u64>, f64); 3] {
        let omega = TAU * hz / self.rate;
        let white = white_density(1.0, self.rate);
        core::array::from_fn(|n| (self.regions[n].span.clone(), self.regions[n].power_at(omega) * white))
    }

    /// Each block starts from the filters run over the previous one from rest: it depends on nothing else.
    pub(super) fn add_block(&mut self, number: u64, out: &mut [f32; BLOCK]) {
        if self.next != Some(number) {
            self.settle(number.wrapping_sub(1));
        }
        self.run(number, out);
        self.settle(number);
        self.next = Some(number.wrapping_add(1));
    }

    fn settle(&mut self, number: u64) {
        self.history = History::default();
        self.run(number, &mut [0.0; BLOCK]);
    }

    /// Runs the filters over the white noise of a block, from the history.
    fn run(&mut self, number: u64, out: &mut [f32; BLOCK]) {
        let mut block = [0f32; BLOCK];
        white(self.key, number, &mut block);
        let start = number.wrapping_mul(BLOCK as u64).wrapping_add(self.offset) % self.period;
        let mut done = 0;
        while done < BLOCK {
            let at = (start + done as u64) % self.period;
            let region =
                self.regions.iter().find(|r| r.span.contains(&at)).expect("the regions cover the period");
            let end = BLOCK.min(done + (region.span.end - at) as usize);
            for (out, white) in out[done..end].iter_mut().zip(&block[done..end]) {
                *out += self.history.step(region, *white);
            }
            done = end;
        }
    }
}

impl History {
    #[inline(always)]
    fn step(&mut self, region: &Region, input: f32) -> f32 {
        let [x1, x2, x3] = self.inputs;
        let [y1, y2] = self.outputs;
        let (b, a) = (&region.b, &region.a);
        let output = b[0] * input + b[1] * x1 + b[2] * x2 + b[3] * x3 - a[0] * y1 - a[1] * y2;
        *self = Self { inputs: [input, x1, x2], outputs: [output, y1] };
        output
    }
}

impl Region {
    /// Squared magnitude of the filter, with the level in it.
    fn power_at(&self, omega: f64) -> f64 {
        let z = |n: usize| Complex64::from_polar(1.0, -omega * n as f64);
        let b: Complex64 = self.b.iter().enumerate().map(|(n, b)| z(n) * f64::from(*b)).sum();
        let a: Complex64 = self.a.iter().enumerate().map(|(n, a)| z(n + 1) * f64::from(*a)).sum();
        (b / (a + 1.0)).norm_sqr()
    }

    /// Power of the output for white noise of power one: the energy of the impulse response.
    fn power(&self) -> f64 {
        let mut history = History::default();
        let impulse = core::iter::once(1.0).chain(core::iter::repeat_n(0.0, 4 * BLOCK));
        impulse.map(|input| f64::from(history.step(self, input)).powi(2)).sum()
    }
}

/// The regions of LV14 over `period` samples, normalised to `rms`.
fn regions(period: u64, rms: f64) -> [Region; 3] {
    let first = (specs::LV14_SHARE[0] * period as f64).round() as u64;
    let last = period - (specs::LV14_SHARE[2] * period as f64).round() as u64;
    let spans = [0..first, first..last, last..period];
    let mut regions: [Region; 3] = core::array::from_fn(|n| {
        let level = specs::LV14_VARIANCE[n].sqrt();
        let span = spans[n].clone();
        let share = (span.end - span.start) as f64 / period as f64;
        let b = specs::LV14_B[n].map(|b| (b * level) as f32);
        Region { span, b, a: specs::LV14_A[n].map(|a| a as f32), share }
    });
    let power: f64 = regions.iter().map(|region| region.share * region.power()).sum();
    let scale = (rms / power.sqrt()) as f32;
    regions.iter_mut().for_each(|region| region.b.iter_mut().for_each(|b| *b *= scale));
    regions
}

#[cfg(test)]
mod tests {
    use super::super::tests::{rms, seed};
    use super::*;
    use crate::{Noise, NoiseSource};

    fn noise(phase: f64) -> Noise {
        let source = Cyclostationary::lv14(400_000, 2e-3, phase, &seed());
        Noise::silent().with(NoiseSource::Cyclostationary(source))
    }

    #[test]
    fn the_mean_power_is_the_one_asked_for() {
        assert!((rms(&mut noise(0.0), 4_000_000) / 2e-3 - 1.0).abs() < 0.02);
    }

    #[test]
    fn the_impulsive_region_comes_every_ten_milliseconds_and_is_much_louder() {
        let mut samples = vec![0f32; 400_000];
        noise(0.0).fill(0, &mut samples);
        let power = |span: Range<usize>| {
            let cycles = samples.chunks_exact(4000);
            cycles.map(|cycle| cycle[span.clone()].iter().map(|x| f64::from(x * x)).sum::<f64>()).sum::<f64>()
                / (100 * span.len()) as f64
        };
        let (quiet, loud) = (power(100..3100), power(3880..4000));
        assert!(10.0 * (loud / quiet).log10() > 12.0, "{quiet} {loud}");
    }

    #[test]
    fn without_impulses_the_last_region_is_as_quiet_as_the_first() {
        let with = Cyclostationary::lv14(400_000, 2e-3, 0.0, &seed());
        let mut samples = [vec![0f32; 400_000], vec![0f32; 400_000]];
        for (source, out) in [with.clone(), with.without_impulses()].into_iter().zip(&mut samples) {
            Noise::silent().with(NoiseSource::Cyclostationary(source)).fill(0, out);
        }
        let power = |samples: &[f32], span: Range<usize>| {
            let cycles = samples.chunks_exact(4000);
            cycles.map(|cycle| cycle[span.clone()].iter().map(|x| f64::from(x * x)).sum::<f64>()).sum::<f64>()
                / (100 * span.len()) as f64
        };
        let [with, without] = samples;
        let ratio = power(&without, 3890..4000) / power(&without, 100..3100);
        assert!((ratio - 1.0).abs() < 0.1, "{ratio}");
        assert_eq!(power(&with, 300..3100), power(&without, 300..3100));
    }

    #[test]
    fn the_phase_moves_the_regions() {
        let loudest = |phase| {
            let mut samples = vec![0f32; 4000];
            noise(phase).fill(0, &mut samples);
            let power =
                |n: &usize| samples[n * 100..(n + 1) * 100].iter().map(|x| f64::from(x * x)).sum::<f64>();
            (0..40).max_by(|a, b| power(a).total_cmp(&power(b)))
        };
        assert_eq!(loudest(0.0), Some(39));
        assert_eq!(loudest(0.5), Some(19));
    }

    #[test]
    fn the_regions_cover_the_half_cycle_and_their_mean_is_the_density() {
        let source = Cyclostationary::lv14(400_000, 2e-3, 0.0, &seed());
        let regions = source.regions(60e3);
        assert_eq!((regions[0].0.start, regions[2].0.end), (0, 4000));
        assert!(regions.windows(2).all(|pair| pair[0].0.end == pair[1].0.start));
        let mean: f64 =
            regions.iter().map(|(span, power)| (span.end - span.start) as f64 * power / 4000.0).sum();
        assert!((mean / source.density(60e3) - 1.0).abs() < 1e-9);
        assert!(regions[2].1 > 10.0 * regions[1].1 && regions[1].1 > 3.0 * regions[0].1);
    }

    #[test]
    fn the_density_integrates_to_the_mean_power() {
        let source = Cyclostationary::lv14(400_000, 2e-3, 0.0, &seed());
        let power: f64 = (0..2000).map(|k| source.density(50.0 + 100.0 * f64::from(k)) * 100.0).sum();
        assert!((power.sqrt() / 2e-3 - 1.0).abs() < 0.01);
    }
}
