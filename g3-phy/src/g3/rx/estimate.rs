//! Signal and noise of each carrier, and what they make of soft bits.

use crate::dsp::Complex;
use alloc::vec;
use alloc::vec::Vec;

/// Estimates per carrier, for symbols at the level of header and payload.
#[derive(Debug)]
pub(super) struct Estimate {
    /// Sum of squared differences between symbols that should be equal.
    differences: Vec<f32>,
    /// How many differences were added.
    count: usize,
    power: Vec<f32>,
    noise: Vec<f32>,
    weights: Vec<f32>,
    sorted: Vec<f32>,
    /// Room for one value per symbol of the header.
    rows: Vec<f32>,
}

/// Weight of the typical noise of the band in the noise of a carrier, in differences.
const PRIOR: f32 = 3.0;
/// A carrier counts as no better than this signal-to-noise ratio, so that weaker ones keep a voice.
const SNR_MAX: f32 = 30.0;
/// Where a clear bit of an average carrier stands among 8-bit soft bits.
const SOFT_SCALE: f32 = 32.0;
/// A symbol of the header with so many times the median energy was struck by a pulse.
const STRUCK: f32 = 2.0;
/// Reports below this are as good as this, in dB.
const SNR_FLOOR_DB: f32 = -10.0;
/// Reports above this are as good as this, in dB.
const SNR_CEILING_DB: f32 = 60.0;

impl Estimate {
    /// For `carriers` carriers and headers of `rows` symbols.
    pub(super) fn new(carriers: usize, rows: usize) -> Self {
        let zeros = || vec![0.0; carriers];
        Self {
            differences: zeros(),
            count: 0,
            power: zeros(),
            noise: zeros(),
            weights: zeros(),
            sorted: zeros(),
            rows: vec![0.0; rows],
        }
    }

    /// A new frame.
    pub(super) fn restart(&mut self) {
        self.differences.fill(0.0);
        self.count = 0;
    }

    /// Two symbols in a row that should be equal.
    pub(super) fn add_differences(&mut self, now: &[Complex<f32>], before: &[Complex<f32>]) {
        for ((sum, a), b) in self.differences.iter_mut().zip(now).zip(before) {
            *sum += (a - b).norm_sqr();
        }
        self.count += 1;
    }

    /// Estimates from `mean`, an average over `symbols` preamble symbols (3 dB above the header).
    pub(super) fn assume(&mut self, mean: &[Complex<f32>], symbols: usize) {
        self.update_noise(mean);
        for ((power, carrier), noise) in self.power.iter_mut().zip(mean).zip(&self.noise) {
            *power = (carrier.norm_sqr() - noise * 0.5 / symbols as f32).max(0.01 * noise);
        }
        self.update_weights();
    }

    /// Estimates from the symbols of the header in `symbols`, one after the other, once their data is removed.
    /// Symbols that a pulse has struck are left out.
    pub(super) fn learn(&mut self, symbols: &[Complex<f32>]) {
        let carriers = self.power.len();
        let limit = STRUCK * self.median_energy(symbols);
        let sound = |symbol: &&[Complex<f32>]| energy(symbol) <= limit;
        let mut before: Option<&[Complex<f32>]> = None;
        for symbol in symbols.chunks_exact(carriers) {
            let symbol = Some(symbol).filter(sound);
            if let (Some(now), Some(before)) = (symbol, before) {
                self.add_differences(now, before);
            }
            before = symbol;
        }
        self.update_noise(&symbols[..carriers]);
        let rows = symbols.chunks_exact(carriers).filter(sound).count() as f32;
        for (k, (power, noise)) in self.power.iter_mut().zip(&self.noise).enumerate() {
            let sum: f32 =
                symbols.chunks_exact(carriers).filter(sound).map(|symbol| symbol[k].norm_sqr()).sum();
            *power = (sum / rows - noise).max(0.01 * noise);
        }
        self.update_weights();
    }

    /// The median of the energies of the symbols in `symbols`.
    fn median_energy(&mut self, symbols: &[Complex<f32>]) -> f32 {
        let rows = &mut self.rows[..symbols.len() / self.power.len()];
        rows.iter_mut().zip(symbols.chunks_exact(self.power.len())).for_each(|(row, s)| *row = energy(s));
        rows.sort_unstable_by(f32::total_cmp);
        rows[rows.len() / 2]
    }

    /// Noise of each carrier, drawn towards the median of the band; `mean` stands in when nothing is known.
    fn update_noise(&mut self, mean: &[Complex<f32>]) {
        if self.count == 0 {
            let power = mean.iter().map(Complex::norm_sqr).sum::<f32>() / mean.len() as f32;
            return self.noise.fill(power.max(f32::MIN_POSITIVE));
        }
        let count = self.count as f32;
        self.sorted.copy_from_slice(&self.differences);
        self.sorted.sort_unstable_by(f32::total_cmp);
        let median = self.sorted[self.sorted.len() / 2] * 0.5 / count;
        for (noise, sum) in self.noise.iter_mut().zip(&self.differences) {
            *noise = ((sum * 0.5 + PRIOR * median) / (count + PRIOR)).max(f32::MIN_POSITIVE);
        }
    }

    /// A product of two symbols has the signal power S as its mean and 2Sσ² + σ⁴ as its variance, which
    /// makes 4γ²/(2γ + 1) / S the factor from product to log-likelihood, with γ = S/σ².
    fn update_weights(&mut self) {
        let mut clear = 0.0;
        for ((weight, &power), &noise) in self.weights.iter_mut().zip(&self.power).zip(&self.noise) {
            let snr = (power / noise).min(SNR_MAX);
            let value = 4.0 * snr * snr / (2.0 * snr + 1.0);
            *weight = value / power.max(f32::MIN_POSITIVE);
            clear += value;
        }
        let scale = SOFT_SCALE * self.weights.len() as f32 / clear.max(f32::MIN_POSITIVE);
        self.weights.iter_mut().for_each(|weight| *weight *= scale);
    }

    /// Factor from the product of two symbols of a carrier to a soft bit of eight bits.
    pub(super) fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Energy of `carriers` over what is expected of them, all carriers weighing the same.
    pub(super) fn energy(&self, carriers: &[Complex<f32>]) -> f32 {
        let expected = self.power.iter().zip(&self.noise).map(|(power, noise)| power + noise);
        let ratio = |(carrier, expected): (&Complex<f32>, f32)| (carrier.norm_sqr() / expected).min(1e6);
        carriers.iter().zip(expected).map(ratio).sum::<f32>() / carriers.len() as f32
    }

    /// Mean signal-to-noise ratio over the carriers, none counting more than 15 dB.
    pub(super) fn snr(&self) -> f32 {
        let snr = |(power, noise): (&f32, &f32)| (power / noise).min(SNR_MAX);
        self.power.iter().zip(&self.noise).map(snr).sum::<f32>() / self.power.len() as f32
    }

    /// Signal-to-noise ratio of carrier `position` in dB.
    pub(super) fn snr_db(&self, position: usize) -> f32 {
        let snr = self.power[position] / self.noise[position];
        (10.0 * libm::log10f(snr.max(f32::MIN_POSITIVE))).clamp(SNR_FLOOR_DB, SNR_CEILING_DB)
    }
}

/// Energy of all carriers of one symbol.
fn energy(symbol: &[Complex<f32>]) -> f32 {
    symbol.iter().map(Complex::norm_sqr).sum()
}
