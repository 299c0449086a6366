//! From the carriers of a whole payload to soft bits.

use super::heard::{Anchor, Heard};
use crate::dsp::lanes::{powers, sum};
use crate::dsp::{Complex, Kernel, TURNS_MAX, Turns, body};
use crate::fec::Viterbi;
use crate::g3::BandPlan;
use crate::g3::specs::FFT_LEN;
use crate::ofdm::Dpsk;
use alloc::vec;
use alloc::vec::Vec;
use plc_core::sap::ToneMap;

/// Room for one payload.
#[derive(Debug)]
pub(super) struct Demapper {
    /// Soft bits before they are quantised.
    pub(super) values: Vec<f32>,
    /// Energy of each symbol over what is expected, then its noise over the usual one.
    pub(super) noise: Vec<f32>,
    sorted: Vec<f32>,
    /// Positions of the carriers with data.
    active: Vec<usize>,
    pub(super) kernel: Kernel,
    /// Products of one symbol with the one before, real and imaginary parts apart; then those of the active carriers alone.
    products: [Vec<f32>; 2],
    active_products: [Vec<f32>; 2],
    /// Turns of the carriers of one symbol.
    turns: Turns,
    /// The last symbol of the header.
    last: Vec<Complex<f32>>,
    /// Factors from product to soft bit, for the noise that they were made for.
    weights: Vec<f32>,
    weighed: Option<(f32, f32)>,
}

/// Energy over the usual that chance brings.
const CHANCE: f32 = 1.4;
/// Root mean square of the soft bits of a frame, of 127.
const SOFT_RMS: f32 = Viterbi::SOFT_RMS;
/// A carrier counts as no better than this signal-to-noise ratio, so that weaker ones keep a voice.
const SNR_MAX: f32 = 300.0;

impl Demapper {
    /// For payloads of at most `symbols` symbols of `carriers` carriers and `bits` bits.
    pub(super) fn new(symbols: usize, carriers: usize, bits: usize) -> Self {
        Self {
            values: vec![0.0; bits],
            noise: vec![0.0; symbols],
            sorted: vec![0.0; symbols],
            active: vec![0; carriers],
            kernel: Kernel::fastest(),
            products: [vec![0.0; carriers], vec![0.0; carriers]],
            active_products: [vec![0.0; carriers], vec![0.0; carriers]],
            turns: Turns::new(),
            last: vec![Complex::default(); carriers],
            weights: vec![0.0; carriers],
            weighed: None,
        }
    }

    /// Soft bits of the data carriers of a differential payload, in the order of symbols and carriers; positive means 0.
    /// Their root mean square over the frame is fixed.
    pub(super) fn demap(
        &mut self,
        heard: &Heard,
        plan: &BandPlan,
        map: ToneMap,
        keying: Dpsk,
        soft: &mut [i8],
    ) {
        self.find_noise(heard);
        let mut carriers = 0;
        for position in (0..plan.carriers()).filter(|&position| plan.is_active(map, position)) {
            self.active[carriers] = position;
            carriers += 1;
        }
        (0..plan.carriers()).for_each(|position| self.last[position] = heard.anchor.last(position));
        let (mut values, kernel) = (core::mem::take(&mut self.values), self.kernel);
        self.weighed = None;
        for (symbol, values) in values[..soft.len()].chunks_exact_mut(carriers * keying.bits()).enumerate() {
            let before = symbol.checked_sub(1).map(|n| self.noise[n]);
            self.weigh(&heard.anchor, self.noise[symbol], before);
            kernel.run::<Multiply, _>((&mut *self, heard, plan.first_carrier, symbol));
            self.select(carriers);
            let [re, im] = self.active_products.each_ref().map(|part| &part[..carriers]);
            kernel.run::<Key, _>((keying, re, im, values));
        }
        kernel.run::<QuantiseAll, _>((&values[..soft.len()], soft));
        self.values = values;
    }

    /// Products of `symbol` with the one before, weighed.
    #[inline(always)]
    fn multiply((this, heard, first, symbol): (&mut Self, &Heard, usize, usize)) {
        let step = -core::f32::consts::TAU / FFT_LEN as f32 * heard.gained(symbol);
        let (re, im) = this.turns.set(step * first as f32, step, this.weights.len());
        let before = symbol.checked_sub(1).map_or(&this.last[..], |before| heard.symbol(before));
        let factors = re.iter().zip(im).zip(&this.weights);
        let [to_re, to_im] = &mut this.products;
        let to = to_re.iter_mut().zip(to_im);
        for ((((&re, &im), &weight), (carrier, before)), (to_re, to_im)) in
            factors.zip(heard.symbol(symbol).iter().zip(before)).zip(to)
        {
            let product = carrier * (Complex { re, im } * weight) * before.conj();
            (*to_re, *to_im) = (product.re, product.im);
        }
    }

    /// Leaves the products of the first `carriers` active positions.
    #[inline(always)]
    fn select(&mut self, carriers: usize) {
        for (from, to) in self.products.iter().zip(&mut self.active_products) {
            if carriers == from.len() {
                to.copy_from_slice(from);
            } else {
                let active = self.active[..carriers].iter();
                to.iter_mut().zip(active).for_each(|(to, &position)| *to = from[position]);
            }
        }
    }

    /// Weights for the noise of a symbol and the one before; most symbols share those of the symbols before them.
    fn weigh(&mut self, anchor: &Anchor, now: f32, before: Option<f32>) {
        let noises = (now, before.unwrap_or(REFERENCE_NOISE));
        if self.weighed == Some(noises) {
            return;
        }
        let weigher = Weigher::new(now, before);
        self.weights.iter_mut().enumerate().for_each(|(n, weight)| *weight = weigher.weight(anchor, n));
        self.weighed = Some(noises);
    }

    /// The noise of each symbol over the usual one. Energy over the usual counts as noise, and so does what the blanked part
    /// of a window lacks.
    pub(super) fn find_noise(&mut self, heard: &Heard) {
        let symbols = heard.symbols();
        let (noise, sorted) = (&mut self.noise[..symbols], &mut self.sorted[..symbols]);
        heard.anchor.find_noise(self.kernel, |n| (heard.symbol(n), heard.kept(n)), noise, sorted);
    }
}

impl Anchor {
    /// The noise over the usual one of each of the symbols that `symbol` gives, with the share of its window that was kept.
    ///
    /// The symbol in the middle, by energy, tells the noise of symbols that nothing has struck: what preamble and header tell
    /// may be mixed from loud and quiet parts of the mains cycle. `sorted` is room for as many values as `noise`.
    pub(super) fn find_noise<'a>(
        &self,
        kernel: Kernel,
        symbol: impl Fn(usize) -> (&'a [Complex<f32>], f32),
        noise: &mut [f32],
        sorted: &mut [f32],
    ) {
        for (n, energy) in noise.iter_mut().enumerate() {
            *energy = kernel.run::<Energy, _>((self, symbol(n).0));
        }
        sorted.copy_from_slice(noise);
        let (_, median, _) = sorted.select_nth_unstable_by(noise.len() / 2, f32::total_cmp);
        let usual = median.max(f32::MIN_POSITIVE);
        let snr = self.mean_snr();
        let over = |energy: f32| energy.min(1e6 * usual) * (snr + 1.0) - snr;
        let base = over(usual).clamp(BASE_MIN, 1.0);
        for (n, noise) in noise.iter_mut().enumerate() {
            let own = if *noise > CHANCE * usual { over(*noise).max(base) } else { base };
            *noise = own.max(lacking(symbol(n).1, snr / base) * base);
        }
    }
}

body!(Multiply = Demapper::multiply, (&mut Demapper, &Heard, usize, usize) => ());
body!(Key = key, (Dpsk, &[f32], &[f32], &mut [f32]) => ());
body!(Energy = Anchor::energy, (&Anchor, &[Complex<f32>]) => f32);
body!(QuantiseAll = quantise_all, (&[f32], &mut [i8]) => ());

/// Soft bits of products with the real parts `re` and the imaginary parts `im`.
#[inline(always)]
fn key((keying, re, im, values): (Dpsk, &[f32], &[f32], &mut [f32])) {
    let products = re.iter().zip(im).map(|(&re, &im)| Complex { re, im });
    match keying.bits() {
        1 => values.copy_from_slice(re),
        2 => {
            for (values, product) in values.as_chunks_mut::<2>().0.iter_mut().zip(products) {
                let [a, b, _] = Dpsk::new(2).soft(product);
                *values = [a, b];
            }
        }
        _ => {
            for (values, product) in values.as_chunks_mut().0.iter_mut().zip(products) {
                *values = Dpsk::new(3).soft(product);
            }
        }
    }
}

/// The noise of symbols that nothing has struck is no less than this, over that of preamble and header.
const BASE_MIN: f32 = 0.3;

/// Noise of a symbol over the usual one when the share `kept` of its window is all that is left.
fn lacking(kept: f32, snr: f32) -> f32 {
    (1.0 + (1.0 - kept) * snr) / kept
}

/// Weighs the products of one symbol with the one before.
struct Weigher {
    sum: f32,
    product: f32,
}

impl Weigher {
    /// For noise over the usual of `now` and `before`; no symbol before means a reference that is well known.
    fn new(now: f32, before: Option<f32>) -> Self {
        let before = before.unwrap_or(REFERENCE_NOISE);
        Self { sum: now + before, product: now * before }
    }

    /// A product of two symbols has the signal power S as its mean and S(σ₁² + σ₂²) + σ₁²σ₂² as its variance, which makes
    /// 4S / variance the factor from product to log-likelihood ratio.
    fn weight(&self, anchor: &Anchor, position: usize) -> f32 {
        let power = anchor.gains[position].norm_sqr();
        let noise = anchor.noise[position].max(power / SNR_MAX);
        4.0 * power / (noise * (power * self.sum + noise * self.product)).max(f32::MIN_POSITIVE)
    }
}

/// Noise of the reference of the first symbol over that of a symbol: it is a mean over the header.
const REFERENCE_NOISE: f32 = 0.04;

impl Heard {
    /// By how many samples `symbol` is later than the one before.
    fn gained(&self, symbol: usize) -> f32 {
        self.late()[symbol] - if symbol == 0 { 0.0 } else { self.late()[symbol - 1] }
    }
}

impl Anchor {
    /// The carrier at `position` in the last symbol of the header, without its noise.
    fn last(&self, position: usize) -> Complex<f32> {
        if self.opposite[position] { -self.gains[position] } else { self.gains[position] }
    }

    /// Energy of `carriers` over what is expected of them, all carriers weighing the same.
    #[inline(always)]
    fn energy((anchor, carriers): (&Self, &[Complex<f32>])) -> f32 {
        let mut ratios = [0f32; TURNS_MAX];
        let ratios = &mut ratios[..carriers.len()];
        powers(carriers, ratios);
        for ((ratio, gain), noise) in ratios.iter_mut().zip(&anchor.gains).zip(&anchor.noise) {
            let share = *ratio / (gain.norm_sqr() + noise);
            *ratio = if share < 1e6 { share } else { 1e6 };
        }
        sum(ratios) / carriers.len() as f32
    }

    /// Mean signal-to-noise ratio over the carriers, none counting more than 15 dB.
    fn mean_snr(&self) -> f32 {
        (0..self.gains.len()).map(|position| self.snr(position).min(30.0)).sum::<f32>()
            / self.gains.len() as f32
    }
}

/// Eight bits each, with a fixed root mean square over all.
#[inline(always)]
fn quantise_all((values, soft): (&[f32], &mut [i8])) {
    let (mut power, mut squares) = (0.0, [0f32; PART]);
    for values in values.chunks(PART) {
        let squares = &mut squares[..values.len()];
        squares.iter_mut().zip(values).for_each(|(square, value)| *square = value * value);
        power += sum(squares);
    }
    let power = power / values.len() as f32;
    let scale = SOFT_RMS / libm::sqrtf(power.max(f32::MIN_POSITIVE));
    soft.iter_mut().zip(values).for_each(|(soft, value)| *soft = quantise(value * scale));
}

/// Soft bits whose squares are added up together.
const PART: usize = 256;

/// A soft bit of eight bits.
#[inline(always)]
pub(super) fn quantise(value: f32) -> i8 {
    // The lowest octet of a number this large is the nearest whole number.
    (value.clamp(-127.0, 127.0) + 12_582_912.0).to_bits() as i8
}
