//! The line of one block: gain and noise of each carrier, delay as a straight line over time, pulses.

use super::Received;
use crate::dsp::Complex;
use crate::g3::BandPlan;
use crate::g3::specs::{FFT_LEN, SYMBOL_HOP};
use alloc::vec;
use alloc::vec::Vec;

/// What is known of the line so far. Times are in symbols from the first of the block. Allocates when built only.
#[derive(Debug)]
pub(super) struct Channel {
    /// Radians of each carrier for a sample of delay.
    turns: Vec<f32>,
    /// Mean of the SYNCP, at the level of header and payload.
    reference: Vec<Complex<f32>>,
    /// How a carrier of phase 0 is received at time 0.
    gains: Vec<Complex<f32>>,
    noise: Vec<f32>,
    /// Samples by which each symbol is later than the one before.
    rate: f32,
    /// Noise of each symbol over that of its carriers.
    strain: Vec<f32>,
    /// Rotations of the carriers of one symbol.
    rotation: Vec<Complex<f32>>,
    sums: Vec<Complex<f32>>,
    residues: Vec<f32>,
}

/// No clock drifts faster, in samples per symbol: twice the 50 ppm of two clocks at the edge of the standard.
const RATE_MAX: f32 = 100e-6 * SYMBOL_HOP as f32;
/// Phase of the highest carrier at the end of the block between two rates that are tried, in radians.
const RATE_STEP: f32 = 0.6;
/// Weight of the typical noise of the band in the noise of a carrier, in symbols.
const PRIOR: f32 = 6.0;
/// The least noise of a carrier over its power.
const NOISE_MIN: f32 = 1e-3;
/// A symbol has a pulse when its noise is above the usual by so many times what chance brings.
const CHANCE: f32 = 5.0;

impl Channel {
    /// For blocks of at most `symbols_max` symbols on the carriers of `plan`.
    pub(super) fn new(plan: &BandPlan, symbols_max: usize) -> Self {
        let carriers = plan.carriers();
        let turn = |k: usize| core::f32::consts::TAU * (plan.first_carrier + k) as f32 / FFT_LEN as f32;
        Self {
            turns: (0..carriers).map(turn).collect(),
            reference: vec![Complex::default(); carriers],
            gains: vec![Complex::default(); carriers],
            noise: vec![0.0; carriers],
            rate: 0.0,
            strain: vec![1.0; symbols_max],
            rotation: vec![Complex::default(); carriers],
            sums: vec![Complex::default(); carriers],
            residues: vec![0.0; carriers],
        }
    }

    /// A first estimate from the pilots, and from the block the rate that makes it likeliest, whatever it says.
    pub(super) fn assume(&mut self, received: &Received<'_>) {
        self.rate = 0.0;
        let level = |sum: &Complex<f32>| sum * received.reference_scale;
        self.reference.iter_mut().zip(received.reference).for_each(|(to, sum)| *to = level(sum));
        self.noise.copy_from_slice(received.noise);
        self.find_gains_of_pilots(received);
        self.limit_noise();
        self.find_pulses(received.symbols);
        let span = received.symbols.len() as f32 / self.turns.len() as f32 - received.reference_at;
        let step = RATE_STEP / (self.turns[self.turns.len() - 1] * span);
        let most = libm::ceilf(RATE_MAX / step) as i32;
        let (mut best, mut rate) = (f32::MIN, 0.0);
        for n in -most..=most {
            self.rate = n as f32 * step;
            let likelihood = self.find_gains_of_pilots(received) + self.likelihood(received);
            if likelihood > best {
                (best, rate) = (likelihood, self.rate);
            }
        }
        self.rate = rate;
        self.find_gains_of_pilots(received);
    }

    /// Turns the symbols of the block into the points of the trellis: twice the phasor over the gain, times power over
    /// noise.
    pub(super) fn points(&mut self, received: &Received<'_>, points: &mut [Complex<f32>]) {
        let carriers = self.turns.len();
        let rows = received.symbols.chunks_exact(carriers).zip(points.chunks_exact_mut(carriers));
        for (n, (symbol, points)) in rows.enumerate() {
            self.rotate(-(n as f32) * self.rate);
            self.weigh(symbol, 2.0 / self.strain[n], points);
        }
    }

    /// Learns from the pilots and from the block with what it is thought to have `sent` in the mean.
    pub(super) fn learn(&mut self, received: &Received<'_>, sent: &[Complex<f32>]) {
        self.learn_rate(received, sent);
        self.learn_gains(received, sent);
        self.learn_noise(received, sent);
    }

    /// Samples by which each symbol is later than the one before.
    #[cfg(test)]
    pub(super) const fn rate(&self) -> f32 {
        self.rate
    }

    /// The rotations for `delay` samples.
    fn rotate(&mut self, delay: f32) {
        let step = if self.turns.len() > 1 { self.turns[1] - self.turns[0] } else { 0.0 };
        let (mut phasor, step) = (cis(self.turns[0] * delay), cis(step * delay));
        for rotation in &mut self.rotation {
            *rotation = phasor;
            phasor *= step;
        }
    }

    /// The carriers of a symbol whose rotation is ready, against gain and noise, times `factor`.
    fn weigh(&self, symbol: &[Complex<f32>], factor: f32, points: &mut [Complex<f32>]) {
        let line = self.rotation.iter().zip(&self.gains).zip(&self.noise);
        for ((point, carrier), ((rotation, gain), noise)) in points.iter_mut().zip(symbol).zip(line) {
            *point = carrier * rotation * gain.conj() * (factor / noise);
        }
    }

    /// Gains from the pilots at the present rate; their log-likelihood but for a constant.
    fn find_gains_of_pilots(&mut self, received: &Received<'_>) -> f32 {
        let carriers = self.turns.len();
        let rows = received.pilots.len() / carriers;
        self.rotate(-received.reference_at * self.rate);
        let scale = received.reference_weight;
        for ((gain, reference), turn) in self.gains.iter_mut().zip(&self.reference).zip(&self.rotation) {
            *gain = reference * turn * scale;
        }
        for (n, symbol) in received.pilots.chunks_exact(carriers).enumerate() {
            self.rotate((rows - n) as f32 * self.rate);
            for ((gain, carrier), turn) in self.gains.iter_mut().zip(symbol).zip(&self.rotation) {
                *gain += carrier * turn;
            }
        }
        let weight = received.known();
        self.gains.iter_mut().for_each(|gain| *gain *= 1.0 / weight);
        self.gains.iter().zip(&self.noise).map(|(gain, noise)| gain.norm_sqr() * weight / noise).sum()
    }

    /// Log-likelihood of the block when nothing is known of its data, about and but for a constant.
    fn likelihood(&mut self, received: &Received<'_>) -> f32 {
        let carriers = self.turns.len();
        let mut points = core::mem::take(&mut self.sums);
        let mut sum = 0.0;
        for (n, symbol) in received.symbols.chunks_exact(carriers).enumerate() {
            self.rotate(-(n as f32) * self.rate);
            self.weigh(symbol, 2.0 / self.strain[n], &mut points);
            sum += match received.keying.bits() {
                1 => points.iter().map(|point| log_cosh(point.re)).sum::<f32>(),
                2 => points.iter().map(of_four).sum(),
                _ => points.iter().map(|point| of_four(point).max(of_four(&(point * EIGHTH)))).sum(),
            };
        }
        self.sums = points;
        sum
    }

    fn learn_rate(&mut self, received: &Received<'_>, sent: &[Complex<f32>]) {
        let carriers = self.turns.len();
        let mut line = Line::default();
        self.rotate(-received.reference_at * self.rate);
        line.add(received.reference_at, received.reference_weight, self.slope(&self.reference, None));
        let rows = received.pilots.len() / carriers;
        for (n, symbol) in received.pilots.chunks_exact(carriers).enumerate() {
            let at = n as f32 - rows as f32;
            self.rotate(-at * self.rate);
            line.add(at, 1.0, self.slope(symbol, None));
        }
        for (n, (symbol, sent)) in
            received.symbols.chunks_exact(carriers).zip(sent.chunks_exact(carriers)).enumerate()
        {
            self.rotate(-(n as f32) * self.rate);
            line.add(n as f32, 1.0 / self.strain[n], self.slope(symbol, Some(sent)));
        }
        self.rate = (self.rate + line.gradient()).clamp(-RATE_MAX, RATE_MAX);
    }

    /// How much later a symbol is than the line says, times the weight of that; and the weight. Its rotation must be
    /// ready; `None` was sent means phase 0.
    fn slope(&self, symbol: &[Complex<f32>], sent: Option<&[Complex<f32>]>) -> (f32, f32) {
        let (mut slope, mut weight) = (0.0, 0.0);
        for (k, carrier) in symbol.iter().enumerate() {
            let sent = sent.map_or(Complex::new(1.0, 0.0), |sent| sent[k]);
            let lever = self.turns[k] / self.noise[k];
            slope += lever * (carrier * sent.conj() * self.rotation[k] * self.gains[k].conj()).im;
            weight += lever * self.turns[k] * self.gains[k].norm_sqr() * sent.norm_sqr();
        }
        (slope, weight)
    }

    fn learn_gains(&mut self, received: &Received<'_>, sent: &[Complex<f32>]) {
        let carriers = self.turns.len();
        self.find_gains_of_pilots(received);
        let mut total = received.known();
        self.sums.iter_mut().zip(&self.gains).for_each(|(sum, gain)| *sum = gain * total);
        for (n, (symbol, sent)) in
            received.symbols.chunks_exact(carriers).zip(sent.chunks_exact(carriers)).enumerate()
        {
            let weight = 1.0 / self.strain[n];
            total += weight;
            self.rotate(-(n as f32) * self.rate);
            let turned = symbol.iter().zip(sent).zip(&self.rotation);
            for (sum, ((carrier, sent), turn)) in self.sums.iter_mut().zip(turned) {
                *sum += carrier * sent.conj() * turn * weight;
            }
        }
        self.gains.iter_mut().zip(&self.sums).for_each(|(gain, sum)| *gain = sum * (1.0 / total));
    }

    fn learn_noise(&mut self, received: &Received<'_>, sent: &[Complex<f32>]) {
        let carriers = self.turns.len();
        self.residues.fill(0.0);
        for (n, (symbol, sent)) in
            received.symbols.chunks_exact(carriers).zip(sent.chunks_exact(carriers)).enumerate()
        {
            self.rotate(-(n as f32) * self.rate);
            let (mut ratio, weight) = (0.0, 1.0 / self.strain[n]);
            for (k, (carrier, sent)) in symbol.iter().zip(sent).enumerate() {
                let likeness = (carrier * sent.conj() * self.rotation[k] * self.gains[k].conj()).re;
                let residue = carrier.norm_sqr() - 2.0 * likeness + self.gains[k].norm_sqr();
                self.residues[k] += residue * weight;
                ratio += residue / self.noise[k];
            }
            self.strain[n] = strain(ratio / carriers as f32, 0.0, carriers);
        }
        let symbols = (received.symbols.len() / carriers) as f32;
        self.noise.iter_mut().zip(&self.residues).for_each(|(noise, sum)| *noise = sum / symbols);
        self.smooth_noise(symbols);
    }

    /// Pulses from the energy of symbols whose data is unknown.
    fn find_pulses(&mut self, symbols: &[Complex<f32>]) {
        let carriers = self.turns.len();
        let snr = self.gains.iter().zip(&self.noise).map(|(gain, noise)| gain.norm_sqr() / noise);
        let snr = snr.sum::<f32>() / carriers as f32;
        for (strain_of, symbol) in self.strain.iter_mut().zip(symbols.chunks_exact(carriers)) {
            let line = self.gains.iter().zip(&self.noise);
            let excess =
                symbol.iter().zip(line).map(|(c, (gain, noise))| (c.norm_sqr() - gain.norm_sqr()) / noise);
            *strain_of = strain(excess.sum::<f32>() / carriers as f32, snr, carriers);
        }
    }

    /// Draws the noise of each carrier, measured over `symbols` symbols, towards the median of the band.
    fn smooth_noise(&mut self, symbols: f32) {
        self.residues.copy_from_slice(&self.noise);
        self.residues.sort_unstable_by(f32::total_cmp);
        let median = self.residues[self.residues.len() / 2];
        for noise in &mut self.noise {
            *noise = (*noise * symbols + median * PRIOR) / (symbols + PRIOR);
        }
        self.limit_noise();
    }

    fn limit_noise(&mut self) {
        for (noise, gain) in self.noise.iter_mut().zip(&self.gains) {
            *noise = noise.max(NOISE_MIN * gain.norm_sqr()).max(NOISE_LEAST);
        }
    }
}

/// Noise is never below this: keeps quotients finite for samples within the limits of the receiver.
const NOISE_LEAST: f32 = 1e-12;

/// The noise of a symbol over the usual from a measurement on `carriers` carriers of that ratio.
fn strain(ratio: f32, snr: f32, carriers: usize) -> f32 {
    let chance = CHANCE * libm::sqrtf((1.0 + 2.0 * snr) / carriers as f32);
    if ratio > 1.0 + chance { ratio } else { 1.0 }
}

/// A straight line through measurements of different weight.
#[derive(Debug, Default)]
struct Line {
    weight: f32,
    times: f32,
    squares: f32,
    values: f32,
    products: f32,
}

impl Line {
    /// A measurement at time `at` that counts `factor` times; the value comes times its weight.
    fn add(&mut self, at: f32, factor: f32, (value, weight): (f32, f32)) {
        self.weight += factor * weight;
        self.times += factor * weight * at;
        self.squares += factor * weight * at * at;
        self.values += factor * value;
        self.products += factor * value * at;
    }

    fn gradient(&self) -> f32 {
        let spread = self.weight * self.squares - self.times * self.times;
        let gradient = (self.weight * self.products - self.times * self.values) / spread;
        if gradient.is_finite() { gradient } else { 0.0 }
    }
}

/// Turns by an eighth of the circle.
const EIGHTH: Complex<f32> = Complex::new(core::f32::consts::FRAC_1_SQRT_2, core::f32::consts::FRAC_1_SQRT_2);

/// ln cosh x: right for small x, and its slope for large.
fn log_cosh(x: f32) -> f32 {
    x * x / (2.0 + x.abs())
}

/// Log of the mean likelihood of four phases.
fn of_four(point: &Complex<f32>) -> f32 {
    log_cosh(0.5 * (point.re + point.im)) + log_cosh(0.5 * (point.re - point.im))
}

fn cis(angle: f32) -> Complex<f32> {
    Complex::new(libm::cosf(angle), libm::sinf(angle))
}
