//! Signal and noise of each carrier, learnt from what is known to have been sent.

use super::heard::{Anchor, Heard};
use super::preamble::Preamble;
use crate::dsp::{self, Complex, turn};
use crate::g3::specs::{FFT_LEN, PREAMBLE_GAIN, SYMBOL_HOP, WINDOW_ADVANCE};
use alloc::vec;
use alloc::vec::Vec;

/// Room for estimates.
#[derive(Debug)]
pub(super) struct Estimate {
    first: usize,
    /// Conjugates of what a line without echoes makes of SYNCP.
    pattern: Vec<Complex<f32>>,
    /// Sums over the header, by carrier.
    sums: Vec<Complex<f32>>,
    /// Squared distances from what is expected, by carrier.
    scatter: Vec<f32>,
    sorted: Vec<f32>,
    /// Energy of each symbol of the header.
    energies: Vec<f32>,
}

/// Least weight of the typical noise of the band in the noise of a carrier, in symbols.
const PRIOR: f32 = 3.0;
/// The greatest.
const PRIOR_MAX: f32 = 100.0;
/// A carrier's scatter that is so many standard deviations above the median is no chance.
const OUTLIER: f32 = 5.0;
/// Standard deviations from the first to the third quartile.
const QUARTILES: f32 = 1.349;
/// Weights of a carrier and its neighbours in a smooth gain.
const KERNEL: [f32; 3] = [3.0, 2.0, 1.0];
/// No neighbour counts for more than this because it has less noise.
const CLEARER_MAX: f32 = 1e3;
/// Signal-to-noise ratio of a gain at which smoothing it is as wrong as its noise.
const SMOOTH_ERROR: f32 = 600.0;
/// A symbol of the header with so many times the median energy was struck by a pulse.
const STRUCK: f32 = 2.0;
/// What is known of the difference of two clocks beforehand: its standard deviation, in samples per sample.
const DRIFT_USUAL: f32 = 30e-6;
/// Reports below this are as good as this, in dB.
const SNR_FLOOR_DB: f32 = -10.0;
/// Reports above this are as good as this, in dB.
const SNR_CEILING_DB: f32 = 60.0;

impl Estimate {
    /// For carriers of the index `first` and up, with the conjugates of SYNCP in `pattern`, and headers of `rows` symbols.
    pub(super) fn new(pattern: Vec<Complex<f32>>, first: usize, rows: usize) -> Self {
        let carriers = pattern.len();
        // Windows begin in the prefix: with that delay off, a line without echoes has the same gain on all carriers.
        let delay = core::f32::consts::TAU * WINDOW_ADVANCE as f32 / FFT_LEN as f32;
        let turned = |(position, sent): (usize, Complex<f32>)| sent * turn(delay * (first + position) as f32);
        Self {
            first,
            pattern: pattern.into_iter().enumerate().map(turned).collect(),
            sums: vec![Complex::default(); carriers],
            scatter: vec![0.0; carriers],
            sorted: vec![0.0; carriers],
            energies: vec![0.0; rows],
        }
    }

    /// What the preamble alone tells.
    pub(super) fn assume(&mut self, preamble: &Preamble, anchor: &mut Anchor) {
        for (position, scatter) in self.scatter.iter_mut().enumerate() {
            anchor.gains[position] = preamble.mean(position);
            *scatter = preamble.scatter(position);
        }
        let degrees = preamble.windows().saturating_sub(1) as f32;
        self.spread_noise(degrees, &mut anchor.noise);
        anchor.rate = 0.0;
    }

    /// What preamble and header tell together. `symbols` are those of the header, one after the other, with their data
    /// taken off; the centre of the preamble is `age` samples before the first of them.
    pub(super) fn learn(
        &mut self,
        symbols: &[Complex<f32>],
        preamble: &Preamble,
        age: f32,
        heard: &mut Heard,
    ) {
        let anchor = &mut heard.anchor;
        self.find_struck(symbols);
        let rows = self.add_up(symbols, 0.0);
        anchor.rate = self.rate(preamble, &anchor.noise, rows, age);
        let rows = self.add_up(symbols, anchor.rate);
        self.find_gains(preamble, anchor, rows, age);
        self.find_noise(symbols, preamble, anchor, rows);
        let symbols = rows + preamble.windows() as f32 * PREAMBLE_GAIN * PREAMBLE_GAIN;
        self.smooth_gains(anchor, symbols);
    }

    /// Energies of the symbols; those of struck ones become infinite.
    fn find_struck(&mut self, symbols: &[Complex<f32>]) {
        let width = self.sums.len();
        for (energy, symbol) in self.energies.iter_mut().zip(symbols.chunks_exact(width)) {
            *energy = symbol.iter().map(Complex::norm_sqr).sum();
        }
        self.energies.sort_unstable_by(f32::total_cmp);
        let limit = STRUCK * self.energies[self.energies.len() / 2];
        for (energy, symbol) in self.energies.iter_mut().zip(symbols.chunks_exact(width)) {
            *energy = symbol.iter().map(Complex::norm_sqr).sum();
            *energy = if *energy > limit { f32::INFINITY } else { *energy };
        }
    }

    /// Sums of all symbols that were not struck, each turned to the last one; how many they are.
    fn add_up(&mut self, symbols: &[Complex<f32>], rate: f32) -> f32 {
        self.sums.fill(Complex::default());
        let (width, last) = (self.sums.len(), self.energies.len() - 1);
        let (mut rows, mut turns) = (0.0, dsp::Turns::new());
        for (n, symbol) in symbols.chunks_exact(width).enumerate() {
            if self.energies[n].is_finite() {
                let (re, im) = row(&mut turns, rate * ((last - n) * SYMBOL_HOP) as f32, self.first, width);
                for ((sum, carrier), (&re, &im)) in self.sums.iter_mut().zip(symbol).zip(re.iter().zip(im)) {
                    *sum += carrier * Complex { re, im };
                }
                rows += 1.0;
            }
        }
        rows
    }

    /// How fast the windows come late, from the phases of the header against those of the preamble.
    fn rate(&self, preamble: &Preamble, noise: &[f32], rows: f32, age: f32) -> f32 {
        let scale = core::f32::consts::TAU / FFT_LEN as f32;
        let lever = age + 0.5 * ((self.energies.len() - 1) * SYMBOL_HOP) as f32;
        let windows = preamble.windows() as f32 * PREAMBLE_GAIN * PREAMBLE_GAIN;
        let (mut turned, mut straight, mut certainty) = (0.0, 0.0, 0.0);
        for (position, (&sum, &noise)) in self.sums.iter().zip(noise).enumerate() {
            let k = (self.first + position) as f32 * scale * lever;
            let product = sum * (preamble.mean(position) * rows).conj() / (noise * rows * rows);
            turned += k * product.im;
            straight += k * k * product.re;
            certainty += k * k * product.re * 2.0 / (1.0 / windows + 1.0 / rows);
        }
        let certainty = certainty.max(0.0);
        let rate = turned / straight * certainty / (certainty + 1.0 / (DRIFT_USUAL * DRIFT_USUAL));
        if rate.is_finite() { rate.clamp(-3.0 * DRIFT_USUAL, 3.0 * DRIFT_USUAL) } else { 0.0 }
    }

    /// Gains at the last symbol of the header.
    fn find_gains(&self, preamble: &Preamble, anchor: &mut Anchor, rows: f32, age: f32) {
        let windows = preamble.windows() as f32 * PREAMBLE_GAIN * PREAMBLE_GAIN;
        let from_preamble = age + ((self.energies.len() - 1) * SYMBOL_HOP) as f32;
        let mut turns = Turns::new(anchor.rate * from_preamble, self.first);
        for (position, gain) in anchor.gains.iter_mut().enumerate() {
            let before = preamble.mean(position) * turns.next() * windows;
            *gain = (self.sums[position] + before) / (rows + windows);
        }
    }

    fn find_noise(&mut self, symbols: &[Complex<f32>], preamble: &Preamble, anchor: &mut Anchor, rows: f32) {
        let (width, last) = (self.sums.len(), self.energies.len() - 1);
        for (position, scatter) in self.scatter.iter_mut().enumerate() {
            *scatter = preamble.scatter(position);
        }
        let mut turns = dsp::Turns::new();
        for (n, symbol) in symbols.chunks_exact(width).enumerate() {
            if self.energies[n].is_finite() {
                let delay = anchor.rate * ((last - n) * SYMBOL_HOP) as f32;
                let (re, im) = row(&mut turns, delay, self.first, width);
                let turns = re.iter().zip(im).map(|(&re, &im)| Complex { re, im });
                let known = symbol.iter().zip(turns).zip(&anchor.gains);
                for (scatter, ((carrier, turn), gain)) in self.scatter.iter_mut().zip(known) {
                    *scatter += (carrier * turn - gain).norm_sqr();
                }
            }
        }
        let windows = preamble.windows() as f32 * PREAMBLE_GAIN * PREAMBLE_GAIN;
        let degrees = preamble.windows() as f32 - 1.0 + rows * (1.0 - 1.0 / (rows + windows));
        self.spread_noise(degrees, &mut anchor.noise);
    }

    /// Noise of each carrier from its scatter of `degrees` of freedom, drawn towards the median of the band: the more the
    /// less carriers differ, but for those that stand out.
    fn spread_noise(&mut self, degrees: f32, noise: &mut [f32]) {
        self.sorted.copy_from_slice(&self.scatter);
        self.sorted.sort_unstable_by(f32::total_cmp);
        let degrees = degrees.max(1.0);
        // Masked carriers have none, and come first.
        let masked = self.sorted.iter().filter(|&&scatter| scatter == 0.0).count();
        let sorted = if masked < self.sorted.len() { &self.sorted[masked..] } else { &self.sorted[..] };
        let quantile = |share: f32| sorted[(share * (sorted.len() - 1) as f32) as usize];
        let median = quantile(0.5) / degrees;
        let deviation = libm::logf(quantile(0.75) / quantile(0.25)) / QUARTILES;
        let variance = (deviation * deviation - 1.0 / degrees).max(1.0 / PRIOR_MAX);
        let prior = (1.0 / variance).clamp(PRIOR, PRIOR_MAX);
        let limit = median * degrees * (1.0 + OUTLIER / libm::sqrtf(degrees));
        for (noise, &scatter) in noise.iter_mut().zip(&self.scatter) {
            let prior = if scatter > limit { PRIOR } else { prior };
            *noise = ((scatter + prior * median) / (degrees + prior)).max(f32::MIN_POSITIVE);
        }
    }

    /// Draws each gain towards those of its neighbours, as far as noise makes it doubtful: echoes are short, so gains
    /// change little from carrier to carrier once the phases of SYNCP are off.
    fn smooth_gains(&mut self, anchor: &mut Anchor, symbols: f32) {
        let sent = |position: usize| self.pattern[position];
        for (position, sum) in self.sums.iter_mut().enumerate() {
            *sum = anchor.gains[position] * sent(position);
        }
        for position in 0..self.sums.len() {
            let doubt = 1.0 / (1.0 + anchor.snr(position) * symbols / SMOOTH_ERROR);
            let first = position.saturating_sub(KERNEL.len() - 1);
            let last = (position + KERNEL.len()).min(self.sums.len());
            let (mut sum, mut weight) = (Complex::new(0.0f32, 0.0), f32::MIN_POSITIVE);
            for n in first..last {
                let clear = (anchor.noise[position] / anchor.noise[n]).min(CLEARER_MAX);
                let share = KERNEL[n.abs_diff(position)] * clear * self.pattern[n].norm_sqr();
                sum += self.sums[n] * share;
                weight += share;
            }
            let smooth = sum * sent(position).conj() / weight;
            anchor.gains[position] = anchor.gains[position] * (1.0 - doubt) + smooth * doubt;
        }
    }
}

/// exp(2πikd/256) for a row of carriers: what a window hears that begins `delay` = d samples later.
fn row(turns: &mut dsp::Turns, delay: f32, first: usize, width: usize) -> (&[f32], &[f32]) {
    let step = core::f32::consts::TAU * delay / FFT_LEN as f32;
    turns.set(step * first as f32, step, width)
}

/// exp(2πikd/256) for one carrier after the other: what a window hears that begins d samples later.
pub(super) struct Turns {
    turn: Complex<f32>,
    step: Complex<f32>,
}

impl Turns {
    pub(super) fn new(delay: f32, first: usize) -> Self {
        let step = core::f32::consts::TAU * delay / FFT_LEN as f32;
        Self { turn: turn(step * first as f32), step: turn(step) }
    }

    pub(super) fn next(&mut self) -> Complex<f32> {
        let turn = self.turn;
        self.turn *= self.step;
        turn
    }
}

impl Anchor {
    /// Power of carrier `position` over that of its noise.
    pub(crate) fn snr(&self, position: usize) -> f32 {
        self.gains[position].norm_sqr() / self.noise[position]
    }

    /// Signal-to-noise ratio of carrier `position` in dB.
    pub(super) fn snr_db(&self, position: usize) -> f32 {
        (10.0 * libm::log10f(self.snr(position).max(f32::MIN_POSITIVE))).clamp(SNR_FLOOR_DB, SNR_CEILING_DB)
    }
}
