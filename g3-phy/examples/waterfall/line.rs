//! What lies between the modems: a frequency response, noise, and what disturbs.

use crate::channels::{Channel, Response};
use crate::link::waveform;
use crate::random::{Words, octets, ziggurat};
use channel::convolve::add_convolution;
use channel::levels::ratio_from_db;
use channel::noise::Cyclostationary;
use channel::{Noise, NoiseSource};
use g3_phy::dsp::Complex;
use g3_phy::g3::specs::{CYCLIC_PREFIX, FFT_LEN, OVERLAP, SYMBOL_HOP, WINDOW_ADVANCE};
use g3_phy::ofdm::Spectrum;
use g3_phy::{BandPlan, Modem};
use plc_core::Seed;
use plc_core::sap::{FrameGeometry, TxParameters};
use std::f64::consts::TAU;

/// What comes on top of white noise, or stands in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Disturbance {
    /// White noise alone.
    None,
    /// Impulses of single samples with a probability, so many dB above the white noise.
    Impulses { probability: f64, db: f64 },
    /// Noise of site LV14 instead of white noise, with or without its impulsive region. The ratio is that to the
    /// noise without that region, as a mean over time and carriers.
    Lv14 { impulses: bool },
    /// A sinusoid so many dB above the whole signal at a carrier index, whole or not.
    Tone { index: f64, db: f64 },
}

/// A line for one kind of frame.
pub(crate) struct Line {
    pub(crate) channel: Channel,
    disturbance: Disturbance,
    rate: u32,
    /// Variance of white noise at 0 dB.
    power: f64,
    /// Mean power of the signal.
    signal: f64,
    /// Mean over the carriers of what LV14 without impulses and of level 1 counts for, as a variance of white noise.
    lv14: f64,
}

impl Line {
    /// For frames of `tx` as `talker` sends them.
    pub(crate) fn new(
        talker: &mut Modem,
        tx: TxParameters,
        response: Response,
        disturbance: Disturbance,
    ) -> Self {
        let plan = talker.plan();
        let powers = carrier_powers(talker, tx);
        let most = powers.iter().copied().fold(0.0, f64::max);
        let sent: Vec<usize> = (0..powers.len()).filter(|&position| powers[position] > 1e-3 * most).collect();
        let power = sent.iter().map(|&position| powers[position]).sum::<f64>() / sent.len() as f64;
        let carriers: Vec<usize> = sent.iter().map(|position| plan.first_carrier + position).collect();
        Self {
            disturbance,
            rate: plan.sample_rate_hz,
            power,
            signal: 2.0 * power * sent.len() as f64 / FFT_LEN as f64,
            lv14: lv14_level(plan, &carriers),
            channel: Channel::new(response, plan, carriers),
        }
    }

    /// What arrives of `samples`.
    pub(crate) fn pass(&self, samples: Vec<f32>, words: &mut Words) -> Vec<f32> {
        let Some(fir) = self.channel.draw(words) else { return samples };
        let mut input = vec![0.0; fir.taps.len() - 1];
        input.extend_from_slice(&samples);
        let mut arriving = vec![0.0; samples.len()];
        add_convolution(&fir.taps, &input, &mut arriving);
        arriving
    }

    /// Adds noise and disturbance.
    pub(crate) fn disturb(&self, snr_db: f64, samples: &mut [f32], words: &mut Words) {
        let deviation = (self.power * 10f64.powf(-snr_db / 10.0)).sqrt();
        match self.disturbance {
            Disturbance::None => white(deviation, samples, words),
            Disturbance::Impulses { probability, db } => {
                white(deviation, samples, words);
                impulses(probability, deviation * ratio_from_db(db), samples, words);
            }
            Disturbance::Lv14 { impulses } => self.cyclostationary(deviation, impulses, samples, words),
            Disturbance::Tone { index, db } => {
                white(deviation, samples, words);
                tone(index, (2.0 * self.signal).sqrt() * ratio_from_db(db), samples, words);
            }
        }
    }

    fn cyclostationary(&self, deviation: f64, impulses: bool, samples: &mut [f32], words: &mut Words) {
        let seed = Seed::from_u64(words.word());
        let source = Cyclostationary::lv14(self.rate, deviation / self.lv14.sqrt(), words.uniform(), &seed);
        let source = if impulses { source } else { source.without_impulses() };
        Noise::silent().with(NoiseSource::Cyclostationary(source)).add(0, samples);
    }
}

fn white(deviation: f64, samples: &mut [f32], words: &mut Words) {
    let (layers, deviation) = (ziggurat(), deviation as f32);
    samples.iter_mut().for_each(|sample| *sample += deviation * words.gaussian(layers));
}

fn impulses(probability: f64, deviation: f64, samples: &mut [f32], words: &mut Words) {
    let mut at = 0;
    loop {
        // The distance to the next impulse has a geometric distribution.
        at += (words.uniform().ln() / (1.0 - probability).ln()) as usize;
        let Some(sample) = samples.get_mut(at) else { return };
        *sample += deviation as f32 * words.gaussian(ziggurat());
        at += 1;
    }
}

fn tone(index: f64, amplitude: f64, samples: &mut [f32], words: &mut Words) {
    let start = words.uniform();
    for (n, sample) in samples.iter_mut().enumerate() {
        *sample += (amplitude * (TAU * (start + index * n as f64 / FFT_LEN as f64)).cos()) as f32;
    }
}

/// Mean over the carriers of what LV14 without impulses and of level 1 counts for, as a variance of white noise.
pub(crate) fn lv14_level(plan: &BandPlan, carriers: &[usize]) -> f64 {
    let rate = f64::from(plan.sample_rate_hz);
    let source = Cyclostationary::lv14(plan.sample_rate_hz, 1.0, 0.0, &Seed::from_u64(0)).without_impulses();
    let density = |&k: &usize| source.density(k as f64 * rate / FFT_LEN as f64);
    carriers.iter().map(density).sum::<f64>() / carriers.len() as f64 * rate / 2.0
}

/// Mean of |X|²/256 of each carrier over the symbols of a payload.
fn carrier_powers(talker: &mut Modem, tx: TxParameters) -> Vec<f64> {
    let plan = talker.plan();
    let psdu = octets(&mut Words::new(0, 0), plan.max_psdu(&tx));
    let samples = waveform(talker, &psdu, tx);
    let mut spectrum = Spectrum::new(FFT_LEN, plan.first_carrier);
    let mut carriers = vec![Complex::default(); plan.carriers()];
    let mut powers = vec![0.0; plan.carriers()];
    let first =
        plan.preamble_len() + plan.fch_symbols() * SYMBOL_HOP - OVERLAP + CYCLIC_PREFIX - WINDOW_ADVANCE;
    // The last blocks hold silence, and the symbols before the payload may be louder: eight in the middle will do.
    let symbols = 2..10;
    for symbol in symbols.clone() {
        spectrum.analyse(&samples[first + symbol * SYMBOL_HOP..][..FFT_LEN], &mut carriers);
        powers.iter_mut().zip(&carriers).for_each(|(power, x)| *power += f64::from(x.norm_sqr()));
    }
    powers.iter().map(|power| power / (symbols.len() * FFT_LEN) as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use g3_phy::{CENELEC_A, ModemConfig};

    fn line(disturbance: Disturbance) -> Line {
        let mut talker = Modem::new(&CENELEC_A, ModemConfig::default());
        Line::new(&mut talker, CENELEC_A.robust(), Response::Flat, disturbance)
    }

    fn power(samples: &[f32]) -> f64 {
        samples.iter().map(|s| f64::from(s * s)).sum::<f64>() / samples.len() as f64
    }

    fn disturbed(disturbance: Disturbance, snr_db: f64, samples: usize) -> Vec<f32> {
        let mut noise = vec![0.0; samples];
        line(disturbance).disturb(snr_db, &mut noise, &mut Words::new(5, 6));
        noise
    }

    #[test]
    fn thirty_six_carriers_of_level_one_need_256_over_72_at_0_db() {
        let line = line(Disturbance::None);
        assert!((line.power / (256.0 / 72.0) - 1.0).abs() < 1e-3, "{}", line.power);
        assert!((line.signal - 1.0).abs() < 1e-3);
        let noise = disturbed(Disturbance::None, 10.0, 200_000);
        assert!((power(&noise) / (25.6 / 72.0) - 1.0).abs() < 0.02);
    }

    #[test]
    fn impulses_have_their_probability_and_strength() {
        let noise = disturbed(Disturbance::Impulses { probability: 0.01, db: 30.0 }, 0.0, 1_000_000);
        let loud = noise.iter().filter(|s| s.abs() > 5.0 * 1.8857).count() as f64;
        // A Gaussian impulse 30 dB up exceeds five deviations of the background with a probability of 0.874.
        assert!((loud / 8740.0 - 1.0).abs() < 0.04, "{loud}");
        assert!((power(&noise) / (11.0 * 256.0 / 72.0) - 1.0).abs() < 0.06);
    }

    #[test]
    fn a_tone_stands_above_the_whole_signal_by_what_was_asked_for() {
        let noise = disturbed(Disturbance::Tone { index: 41.5, db: 20.0 }, 40.0, 100_000);
        assert!((power(&noise) / 100.0 - 1.0).abs() < 0.01);
    }

    #[test]
    fn lv14_without_impulses_has_the_noise_of_the_ratio_in_the_band() {
        let samples = disturbed(Disturbance::Lv14 { impulses: false }, 0.0, 400 * 4000);
        let mut spectrum = Spectrum::new(FFT_LEN, 23);
        let (mut carriers, mut sum) = (vec![Complex::default(); 36], 0.0);
        for body in samples.chunks_exact(FFT_LEN) {
            spectrum.analyse(body, &mut carriers);
            sum += carriers.iter().map(|x| f64::from(x.norm_sqr())).sum::<f64>();
        }
        let level = sum / (samples.len() as f64 * 36.0);
        assert!((level / (256.0 / 72.0) - 1.0).abs() < 0.03, "{level}");
    }
}
