//! Frequency responses of the line, normalised so that the mean of their power over the carriers is 1.

use crate::random::{Words, ziggurat};
use channel::{Complex64, Echo, Fir, FirDesign, Multipath};
use g3_phy::BandPlan;
use g3_phy::g3::specs::FFT_LEN;

/// A kind of line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Response {
    /// Nothing but noise.
    Flat,
    /// Four echoes of Zimmermann and Dostert.
    FourPaths,
    /// The "bad" variant with eleven echoes.
    ElevenPaths,
    /// Fifteen echoes of Zimmermann and Dostert.
    FifteenPaths,
    /// Ten echoes of random strength and length, drawn anew for each frame.
    Random,
}

/// A kind of line as filters for one band.
pub(crate) struct Channel {
    response: Response,
    rate: f64,
    /// Indices of the carriers that are sent.
    carriers: Vec<usize>,
    design: FirDesign,
}

/// Taps of the filters.
const TAPS: usize = 96;
/// How far the filters are exact beyond the outermost carriers, in Hz.
const MARGIN_HZ: f64 = 8e3;

/// Attenuation of the eleven-path channel, s/m, and its echoes: gain and length in metres \[G3 PHY 10; confidence B\].
const ELEVEN_A1: f64 = 8.8e-10;
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

/// The random narrowband channel \[G3 PHY 10; confidence B\]: echoes, mean and deviation of their lengths in metres,
/// attenuation, speed in m/s.
const RANDOM_ECHOES: usize = 10;
const RANDOM_METRES: (f64, f64) = (1000.0, 400.0);
const RANDOM_A0: f64 = 1e-3;
const RANDOM_A1: f64 = 2.5e-9;
const RANDOM_VELOCITY: f64 = 0.75e8;

impl Channel {
    /// Of `response`, for the carriers of `plan` with these indices.
    pub(crate) fn new(response: Response, plan: &BandPlan, carriers: Vec<usize>) -> Self {
        let (rate, last) = (f64::from(plan.sample_rate_hz), plan.first_carrier + plan.carriers() - 1);
        let hz = |k: usize| k as f64 * rate / FFT_LEN as f64;
        let band = hz(plan.first_carrier) - MARGIN_HZ..=hz(last) + MARGIN_HZ;
        Self { response, rate, carriers, design: FirDesign::new(plan.sample_rate_hz, TAPS, band) }
    }

    /// Indices of the carriers that are sent.
    pub(crate) fn carriers(&self) -> &[usize] {
        &self.carriers
    }

    /// The filter of one frame; `None` when the line is flat.
    pub(crate) fn draw(&self, words: &mut Words) -> Option<Fir> {
        let model = match self.response {
            Response::Flat => return None,
            Response::FourPaths => Multipath::four_path(),
            Response::ElevenPaths => eleven_paths(),
            Response::FifteenPaths => Multipath::fifteen_path(),
            Response::Random => random(words),
        };
        let mut fir = self.design.design(model.delay_s(), |hz| model.response(hz));
        let power: f64 = self.gains(&fir).map(|gain| gain.norm_sqr()).sum();
        let scale = (self.carriers.len() as f64 / power).sqrt() as f32;
        fir.taps.iter_mut().for_each(|tap| *tap *= scale);
        Some(fir)
    }

    /// Amplitude of each carrier that is sent, for one frame.
    pub(crate) fn amplitudes(&self, words: &mut Words) -> Vec<f32> {
        match self.draw(words) {
            Some(fir) => self.gains(&fir).map(|gain| gain.norm() as f32).collect(),
            None => vec![1.0; self.carriers.len()],
        }
    }

    fn gains<'a>(&'a self, fir: &'a Fir) -> impl Iterator<Item = Complex64> + 'a {
        self.carriers.iter().map(|&k| fir.response(k as f64 * self.rate / FFT_LEN as f64, self.rate))
    }
}

fn eleven_paths() -> Multipath {
    let echoes = ELEVEN.iter().map(|&(gain, metres)| Echo { gain, metres }).collect();
    Multipath { echoes, a1: ELEVEN_A1, ..Multipath::four_path() }
}

fn random(words: &mut Words) -> Multipath {
    let mut gauss = || f64::from(words.gaussian(ziggurat()));
    let (mean, deviation) = RANDOM_METRES;
    let echoes =
        (0..RANDOM_ECHOES).map(|_| Echo { gain: gauss(), metres: (mean + deviation * gauss()).max(0.0) });
    Multipath { echoes: echoes.collect(), a0: RANDOM_A0, a1: RANDOM_A1, k: 1.0, velocity: RANDOM_VELOCITY }
}

#[cfg(test)]
mod tests {
    use super::*;
    use g3_phy::CENELEC_A;

    #[test]
    fn every_line_leaves_the_mean_power_of_the_carriers_as_it_was() {
        let mut words = Words::new(1, 1);
        for response in [Response::Flat, Response::ElevenPaths, Response::FifteenPaths, Response::Random] {
            let amplitudes = Channel::new(response, &CENELEC_A, (23..59).collect()).amplitudes(&mut words);
            let power = amplitudes.iter().map(|a| a * a).sum::<f32>() / 36.0;
            assert!((power - 1.0).abs() < 1e-4, "{response:?}: {power}");
        }
    }

    #[test]
    fn random_lines_fade_and_differ() {
        let channel = Channel::new(Response::Random, &CENELEC_A, (23..59).collect());
        let mut words = Words::new(1, 1);
        let mut deepest = || channel.amplitudes(&mut words).into_iter().fold(f32::MAX, f32::min);
        let depths: Vec<f32> = (0..50).map(|_| deepest()).collect();
        assert!(
            depths.iter().any(|depth| *depth < 0.1) && depths.iter().any(|depth| *depth > 0.5),
            "{depths:?}"
        );
    }
}
