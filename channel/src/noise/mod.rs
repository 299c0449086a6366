//! What a receiver hears besides transmitters, by sample index.
//!
//! Every source is a pure function of its seed and the index of the sample: a gap costs nothing, and the same
//! index gives the same voltage, however the time is cut into blocks.

mod background;
mod cyclostationary;
mod impulses;
mod tone;

pub use background::Background;
pub use cyclostationary::Cyclostationary;
pub use impulses::{BernoulliGaussian, Bursts, MiddletonA};
pub use tone::Tone;

use crate::gauss::BLOCK;
use plc_core::Seed;

/// One source.
#[derive(Clone, Debug)]
pub enum NoiseSource {
    /// Gaussian, falling with frequency.
    Background(Background),
    /// Gaussian whose level and colour follow the mains.
    Cyclostationary(Cyclostationary),
    /// Impulses of single samples by a coin toss.
    BernoulliGaussian(BernoulliGaussian),
    /// Impulses of single samples by class A.
    MiddletonA(MiddletonA),
    /// Bursts at random times.
    Bursts(Bursts),
    /// A broadcast or a switching power supply.
    Tone(Tone),
}

/// The noise of one receiver: the sum of its sources.
#[derive(Clone, Debug)]
pub struct Noise {
    sources: Vec<NoiseSource>,
    cached: Option<u64>,
    block: Box<[f32; BLOCK]>,
}

impl Noise {
    /// No noise at all.
    pub fn silent() -> Self {
        Self { sources: Vec::new(), cached: None, block: Box::new([0.0; BLOCK]) }
    }

    /// With one source more. Two sources of the same kind need seeds of their own, and so do receivers: equal
    /// seeds make equal noise.
    pub fn with(mut self, source: NoiseSource) -> Self {
        self.sources.push(source);
        self.cached = None;
        self
    }

    /// The sources.
    pub fn sources(&self) -> &[NoiseSource] {
        &self.sources
    }

    /// Adds the noise from sample `start` on to `out`.
    pub fn add(&mut self, start: u64, out: &mut [f32]) {
        if self.sources.is_empty() {
            return;
        }
        let (mut at, mut rest) = (start, out);
        while !rest.is_empty() {
            self.prepare(at / BLOCK as u64);
            let first = (at % BLOCK as u64) as usize;
            let taken = (BLOCK - first).min(rest.len());
            let (now, later) = rest.split_at_mut(taken);
            now.iter_mut().zip(&self.block[first..]).for_each(|(out, noise)| *out += noise);
            (at, rest) = (at + taken as u64, later);
        }
    }

    /// Overwrites `out` with the noise from sample `start` on.
    pub fn fill(&mut self, start: u64, out: &mut [f32]) {
        out.fill(0.0);
        self.add(start, out);
    }

    /// Mean power density at `hz` (one-sided), V²/Hz, as a receiver with bins of `resolution_hz` sees it.
    pub fn density(&self, hz: f64, resolution_hz: f64) -> f64 {
        self.sources.iter().map(|source| source.density(hz, resolution_hz)).sum()
    }

    /// Power density of the background alone at `hz`, V²/Hz.
    pub fn background_density(&self, hz: f64) -> f64 {
        self.backgrounds().map(|background| background.density(hz)).sum()
    }

    /// The same without anything but its backgrounds.
    pub fn background_alone(&self) -> Self {
        let is_background = |source: &&NoiseSource| matches!(source, NoiseSource::Background(_));
        self.sources.iter().filter(is_background).cloned().fold(Self::silent(), Self::with)
    }

    /// Whether there is a background to scale.
    pub fn has_background(&self) -> bool {
        self.backgrounds().next().is_some()
    }

    /// Multiplies the voltage of the background by `ratio`; the other sources stay.
    pub fn scale_background(&mut self, ratio: f64) {
        self.cached = None;
        for source in &mut self.sources {
            if let NoiseSource::Background(background) = source {
                background.scale(ratio);
            }
        }
    }

    fn backgrounds(&self) -> impl Iterator<Item = &Background> {
        self.sources.iter().filter_map(|source| match source {
            NoiseSource::Background(background) => Some(background),
            _ => None,
        })
    }

    fn prepare(&mut self, number: u64) {
        if self.cached == Some(number) {
            return;
        }
        self.block.fill(0.0);
        for source in &mut self.sources {
            source.add_block(number, &mut self.block);
        }
        self.cached = Some(number);
    }
}

impl NoiseSource {
    fn add_block(&mut self, number: u64, out: &mut [f32; BLOCK]) {
        match self {
            Self::Background(source) => source.add_block(number, out),
            Self::Cyclostationary(source) => source.add_block(number, out),
            Self::BernoulliGaussian(source) => source.add_block(number, out),
            Self::MiddletonA(source) => source.add_block(number, out),
            Self::Bursts(source) => source.add_block(number, out),
            Self::Tone(source) => source.add_block(number, out),
        }
    }

    fn density(&self, hz: f64, resolution_hz: f64) -> f64 {
        match self {
            Self::Background(source) => source.density(hz),
            Self::Cyclostationary(source) => source.density(hz),
            Self::BernoulliGaussian(source) => source.density(),
            Self::MiddletonA(source) => source.density(),
            Self::Bursts(source) => source.density(),
            Self::Tone(source) => source.density(hz, resolution_hz),
        }
    }
}

/// The key of a source's own stream.
fn key(seed: &Seed, name: &str) -> u64 {
    let bytes = seed.derive(name, 0).0;
    u64::from_le_bytes(core::array::from_fn(|n| bytes[n]))
}

/// One-sided density (V²/Hz) of white noise of `rms` volts at `rate` Hz.
fn white_density(rms: f64, rate: f64) -> f64 {
    2.0 * rms * rms / rate
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rustfft::FftPlanner;
    use rustfft::num_complex::Complex32;

    const RATE: u32 = 400_000;

    pub(crate) fn seed() -> Seed {
        Seed::from_u64(11)
    }

    /// Mean one-sided density over whole transforms of `size`, by bin.
    pub(crate) fn spectrum(noise: &mut Noise, rate: f64, size: usize, transforms: usize) -> Vec<f64> {
        let transform = FftPlanner::new().plan_fft_forward(size);
        let mut sums = vec![0.0; size / 2];
        for number in 0..transforms {
            let mut samples = vec![0f32; size];
            noise.fill((number * size) as u64, &mut samples);
            let mut bins: Vec<_> = samples.iter().map(|x| Complex32::new(*x, 0.0)).collect();
            transform.process(&mut bins);
            sums.iter_mut().zip(&bins).for_each(|(sum, bin)| *sum += f64::from(bin.norm_sqr()));
        }
        sums.iter().map(|sum| 2.0 * sum / (transforms as f64 * size as f64 * rate)).collect()
    }

    pub(crate) fn rms(noise: &mut Noise, samples: usize) -> f64 {
        let mut out = vec![0f32; samples];
        noise.fill(0, &mut out);
        (out.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>() / samples as f64).sqrt()
    }

    fn everything() -> Noise {
        Noise::silent()
            .with(NoiseSource::Background(Background::residential(RATE, &seed())))
            .with(NoiseSource::Cyclostationary(Cyclostationary::lv14(RATE, 1e-3, 0.3, &seed())))
            .with(NoiseSource::BernoulliGaussian(BernoulliGaussian::ordinary(RATE, 1e-3, &seed())))
            .with(NoiseSource::MiddletonA(MiddletonA::ordinary(RATE, 1e-3, &seed())))
            .with(NoiseSource::Bursts(Bursts::new(RATE, 20.0, 300e-6, 0.1, &seed())))
            .with(NoiseSource::Tone(Tone::new(RATE, 61e3, 1e-2, 0.3, 3.0, &seed())))
    }

    #[test]
    fn noise_depends_on_the_index_alone_and_not_on_blocks_or_gaps() {
        let mut whole = vec![0f32; 20_000];
        everything().fill(12_345, &mut whole);
        let mut noise = everything();
        let mut at = 0;
        for length in [1, 255, 256, 257, 1000, 4096, 13].into_iter().cycle() {
            let end = (at + length).min(whole.len());
            let mut part = vec![0f32; end - at];
            noise.fill(12_345 + at as u64, &mut part);
            assert_eq!(part, whole[at..end]);
            at = end + 97;
            if at >= whole.len() {
                break;
            }
        }
    }

    #[test]
    fn another_seed_is_another_noise() {
        let noise = |seed: u64| {
            let mut out = vec![0f32; 100];
            let background = Background::residential(RATE, &Seed::from_u64(seed));
            Noise::silent().with(NoiseSource::Background(background)).fill(0, &mut out);
            out
        };
        assert_ne!(noise(1), noise(2));
    }

    #[test]
    fn no_source_at_all_is_silence() {
        let mut out = vec![1f32; 300];
        Noise::silent().fill(0, &mut out);
        assert!(out.iter().all(|x| *x == 0.0));
    }
}
