//! What stands between the two modems of a measurement.

use channel::noise::{Background, BernoulliGaussian, Cyclostationary, Tone};
use channel::skew::Resampler;
use channel::{Echo, FirDesign, Link, Multipath, Noise, NoiseSource};
use plc_core::Seed;

const RATE: u32 = 400_000;

/// One kind of line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// White noise.
    White,
    /// White noise, one sample in a hundred 30 dB louder.
    Impulses,
    /// Noise of site LV14; the ratio counts its mean power.
    Lv14,
    /// The same without its impulses: their part of the half cycle is as loud in the band as the second loudest.
    Lv14Calm,
    /// White noise and a tone 20 dB over the signal, on a carrier or between two.
    Tone(f64),
    /// Echoes, white noise.
    Echoes(usize),
}

impl Kind {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "white" => Self::White,
            "impulses" => Self::Impulses,
            "lv14" => Self::Lv14,
            "lv14-calm" => Self::Lv14Calm,
            "tone" => Self::Tone(40.0),
            "tone-between" => Self::Tone(40.5),
            "tone-edge" => Self::Tone(24.3),
            "echoes-4" => Self::Echoes(4),
            "echoes-11" => Self::Echoes(11),
            "echoes-15" => Self::Echoes(15),
            "echoes-fade" => Self::Echoes(3),
            _ => return None,
        })
    }

    /// Passes a frame of level 1 through the line.
    pub(crate) fn pass(self, samples: &mut Vec<f32>, snr_db: f64, ppm: f64, seed: u64) {
        if ppm != 0.0 {
            Resampler::new(ppm).run(0, samples);
        }
        if let Self::Echoes(paths) = self {
            *samples = filter(samples, paths);
        }
        let sigma = (256.0 / (72.0 * 10f64.powf(snr_db / 10.0))).sqrt();
        let mut noise = vec![0.0; samples.len()];
        self.noise(sigma, seed).add(0, &mut noise);
        if self == Self::Lv14Calm {
            calm(&mut noise, phase(&Seed::from_u64(seed)));
        }
        samples.iter_mut().zip(&noise).for_each(|(sample, noise)| *sample += noise);
    }

    /// Noise of `sigma` volts, or its equal in power.
    fn noise(self, sigma: f64, seed: u64) -> Noise {
        let seed = Seed::from_u64(seed);
        let white = Background::white(RATE, sigma / f64::from(RATE / 2).sqrt(), &seed);
        let white = NoiseSource::Background(white);
        match self {
            Self::White | Self::Echoes(_) => Noise::silent().with(white),
            Self::Impulses => {
                let impulses = BernoulliGaussian::new(RATE, 0.01, sigma * 10f64.powf(1.5), &seed);
                Noise::silent().with(white).with(NoiseSource::BernoulliGaussian(impulses))
            }
            Self::Lv14 | Self::Lv14Calm => {
                let source = Cyclostationary::lv14(RATE, sigma, phase(&seed), &seed);
                Noise::silent().with(NoiseSource::Cyclostationary(source))
            }
            Self::Tone(carrier) => {
                let tone = Tone::new(RATE, carrier * 1562.5, 10.0, 0.0, 0.0, &seed);
                Noise::silent().with(white).with(NoiseSource::Tone(tone))
            }
        }
    }
}

/// The part of the half mains cycle that has passed at the first sample.
fn phase(seed: &Seed) -> f64 {
    f64::from(seed.derive("phase", 0).0[0]) / 256.0
}

/// Takes the impulses out of the noise of LV14: 14 dB in the band.
fn calm(noise: &mut [f32], phase: f64) {
    let period = RATE as usize / 100;
    let impulses = period - (channel::specs::LV14_SHARE[2] * period as f64) as usize;
    let offset = (phase * period as f64) as usize;
    let loud = |n: usize| (n + offset) % period >= impulses;
    noise.iter_mut().enumerate().filter(|(n, _)| loud(*n)).for_each(|(_, noise)| *noise *= 0.2);
}

/// The reference channel, with a mean power gain of one over the band.
fn filter(samples: &[f32], paths: usize) -> Vec<f32> {
    let multipath = match paths {
        4 => Multipath::four_path(),
        11 => eleven_path(),
        15 => Multipath::fifteen_path(),
        _ => Multipath { echoes: FADE.map(|(gain, metres)| Echo { gain, metres }).to_vec(), ..eleven_path() },
    };
    let fir = Link::from_multipath(&multipath, &FirDesign::cenelec(64)).fir().clone();
    let power = |k: u32| fir.response(f64::from(k) * 1562.5, f64::from(RATE)).norm_sqr();
    let gain = (36.0 / (23..59).map(power).sum::<f64>()).sqrt() as f32;
    let taps: Vec<f32> = fir.taps.iter().map(|tap| tap * gain).collect();
    let at =
        |n: usize| taps.iter().enumerate().filter_map(|(d, t)| Some(t * samples[n.checked_sub(d)?])).sum();
    (0..samples.len()).map(at).collect()
}

/// The bad variant of eleven paths.
fn eleven_path() -> Multipath {
    let echoes = ELEVEN.map(|(gain, metres)| Echo { gain, metres }).to_vec();
    Multipath { echoes, a1: 8.8e-10, ..Multipath::four_path() }
}

const ELEVEN: [(f64, f64); 11] = [
    (0.064, 200.0),
    (0.038, 222.4),
    (-0.015, 244.8),
    (0.005, 267.5),
    (-0.002, 290.0),
    (-0.003, 350.0),
    (-0.005, 428.0),
    (-0.006, 440.0),
    (-0.005, 452.0),
    (0.002, 630.0),
    (-0.004, 680.0),
];

/// Two waves that cancel each other at 62 kHz, and a third.
const FADE: [(f64, f64); 3] = [(0.5, 200.0), (0.47, 200.0 + 1.5e8 / 62e3 / 2.0), (0.05, 4000.0)];
