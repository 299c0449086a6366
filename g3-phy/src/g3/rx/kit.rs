//! The memory and the tools that the states share.

use super::again::Again;
use super::blanker::Blanker;
use super::demap::Demapper;
use super::estimate::Estimate;
use super::heard::Heard;
use super::preamble::Preamble;
use super::tone::Tone;
use crate::dsp::Complex;
use crate::fec::Viterbi;
use crate::g3::payload::{PayloadCodec, STEPS_MAX, carried_bits_max};
use crate::g3::preamble::syncp_carriers;
use crate::g3::route::Route;
use crate::g3::specs::{FCH_REPETITION, FFT_LEN, S_SYMBOLS};
use crate::g3::tx::header_chain;
use crate::g3::{BandPlan, Interop};
use crate::ofdm::Spectrum;
use alloc::vec;
use alloc::vec::Vec;

/// A window of a preamble of which less was kept was struck.
const KEPT_MIN: f32 = 0.9;
/// Windows that the search adds up.
pub(super) const SEARCH_DEPTH: usize = 3;

/// Allocated when built, used by one state at a time.
#[derive(Debug)]
pub(super) struct Kit {
    pub(super) plan: &'static BandPlan,
    /// Positions of the carriers that send something.
    pub(super) used: Vec<usize>,
    /// Whether headers are keyed against SYNCP.
    pub(super) coherent_header: bool,
    pub(super) interop: Interop,
    pub(super) spectrum: Spectrum,
    /// Conjugates of the carriers of SYNCP.
    pub(super) pattern: Vec<Complex<f32>>,
    pub(super) blanker: Blanker,
    /// Symbols look like pulses themselves, so no window is blanked.
    pulsed: bool,
    pub(super) tone: Tone,
    /// Carriers of the window at hand.
    pub(super) carriers: Vec<Complex<f32>>,
    /// Sum of the phases of several windows, those of SYNCP taken off.
    pub(super) phases: Vec<Complex<f32>>,
    /// How many windows that are.
    pub(super) windows: usize,
    /// The SYNCP heard so far.
    pub(super) preamble: Preamble,
    /// The last windows of the search, phases only.
    pub(super) history: [Vec<Complex<f32>>; SEARCH_DEPTH],
    /// All symbols of the header.
    pub(super) header: Vec<Complex<f32>>,
    /// The share of the window of each of them that was kept.
    pub(super) header_kept: Vec<f32>,
    /// What each of them counts for.
    pub(super) header_trust: Vec<f32>,
    /// Room to sort them.
    pub(super) header_sorted: Vec<f32>,
    pub(super) heard: Heard,
    pub(super) estimate: Estimate,
    pub(super) demapper: Demapper,
    pub(super) header_route: Route,
    /// The coded header, when it is known.
    pub(super) sent: Vec<u8>,
    pub(super) soft: Vec<i8>,
    pub(super) coded: Vec<i8>,
    pub(super) bits: Vec<u8>,
    pub(super) viterbi: Viterbi,
    pub(super) codec: PayloadCodec,
    pub(super) again: Again,
}

impl Kit {
    pub(super) fn new(plan: &'static BandPlan, interop: Interop, iterations: usize) -> Self {
        let carriers = plan.carriers();
        let zeros = || vec![Complex::default(); carriers];
        let pattern: Vec<_> = syncp_carriers(plan).iter().map(Complex::conj).collect();
        let header = plan.fch_symbols() * carriers;
        let steps = STEPS_MAX.max(header / (2 * FCH_REPETITION));
        Self {
            plan,
            used: (0..carriers).filter(|&position| plan.is_used(position)).collect(),
            coherent_header: interop.coherent_header(plan),
            interop,
            spectrum: Spectrum::new(FFT_LEN, plan.first_carrier),
            pattern: pattern.clone(),
            blanker: Blanker::new(plan.first_carrier, carriers),
            pulsed: looks_pulsed(plan),
            tone: Tone::new(plan.first_carrier),
            carriers: zeros(),
            phases: zeros(),
            windows: 0,
            preamble: Preamble::new(carriers),
            history: core::array::from_fn(|_| zeros()),
            header: vec![Complex::default(); header],
            header_kept: vec![1.0; plan.fch_symbols()],
            header_trust: vec![1.0; plan.fch_symbols()],
            header_sorted: vec![0.0; plan.fch_symbols()],
            heard: Heard::new(carriers, plan.symbols_max() + S_SYMBOLS, plan.first_carrier),
            estimate: Estimate::new(pattern, plan.first_carrier, plan.fch_symbols()),
            demapper: Demapper::new(plan.symbols_max() + S_SYMBOLS, carriers, carried_bits_max(plan)),
            header_route: Route::of(header_chain(plan, &interop)),
            sent: vec![0; plan.fch_symbols() * plan.used_carriers()],
            soft: vec![0; carried_bits_max(plan).max(header)],
            coded: vec![0; 2 * steps],
            bits: vec![0; steps],
            viterbi: Viterbi::new(steps),
            codec: PayloadCodec::new(plan, interop),
            again: Again::new(plan, iterations),
        }
    }

    /// Forgets the windows of the search.
    pub(super) fn forget(&mut self) {
        self.history.iter_mut().for_each(|window| window.fill(Complex::default()));
    }

    /// The carriers of `window`, which begins at sample `start`, without impulses and tones; at hand from now on. Masked
    /// ones are zero.
    pub(super) fn analyse(&mut self, window: &[f32], start: u64) {
        let window = if self.pulsed { window } else { self.blanker.clean(window) };
        self.spectrum.analyse(window, &mut self.carriers);
        self.tone.clean(&mut self.carriers, start);
        let kept = self.blanker.kept();
        if kept < 1.0 {
            self.carriers.iter_mut().for_each(|carrier| *carrier *= 1.0 / kept);
        }
        if self.used.len() < self.carriers.len() {
            self.carriers
                .iter_mut()
                .zip(&self.pattern)
                .for_each(|(carrier, sent)| *carrier *= sent.norm_sqr());
        }
    }

    /// Whether a pulse has struck the window at hand, of a preamble.
    pub(super) fn is_struck(&self) -> bool {
        self.blanker.kept() < KEPT_MIN || self.preamble.is_struck(&self.carriers)
    }

    /// Forgets the sum of phases.
    pub(super) fn restart_phases(&mut self) {
        self.phases.fill(Complex::default());
        self.windows = 0;
    }

    /// Adds the phases of the window at hand, with those of SYNCP taken off, and with `sign`.
    pub(super) fn add_phases(&mut self, sign: f32) {
        let Self { phases, carriers, pattern, .. } = self;
        for ((sum, &carrier), &sent) in phases.iter_mut().zip(carriers.iter()).zip(pattern.iter()) {
            *sum += direction(carrier) * sent * sign;
        }
        self.windows += 1;
    }

    /// How far into a cycle of SYNCP the windows begin whose phases were added up, and the squared height of the peak, over
    /// its mean at one delay in noise.
    pub(super) fn peak_of_phases(&mut self) -> (usize, f32) {
        let (delay, height) = self.spectrum.peak(&self.phases);
        (delay, height / (self.windows * self.used.len()) as f32)
    }
}

/// `z` on the unit circle, or zero.
pub(super) fn direction(z: Complex<f32>) -> Complex<f32> {
    let power = z.norm_sqr();
    if power > f32::MIN_POSITIVE { z * (1.0 / libm::sqrtf(power)) } else { Complex::default() }
}

/// Whether the blanker would take symbols of so few carriers for pulses: it is shown SYNCP and symbols with the signs of
/// some carriers turned.
fn looks_pulsed(plan: &BandPlan) -> bool {
    if plan.used_carriers() >= WIDE {
        return false;
    }
    let circle: Vec<_> = (0..FFT_LEN).map(|n| turn(n as f32 / FFT_LEN as f32)).collect();
    let syncp = syncp_carriers(plan);
    let symbol = |number: usize| -> Vec<f32> {
        let sample = |n: usize| {
            let carrier = |(p, &sent): (usize, &Complex<f32>)| {
                let sign = if number > 0 && (p * p * 7 + p * number * 3 + number).is_multiple_of(3) {
                    -1.0
                } else {
                    1.0
                };
                (sent * circle[(plan.first_carrier + p) * n % FFT_LEN]).re * sign
            };
            syncp.iter().enumerate().map(carrier).sum()
        };
        (0..FFT_LEN).map(sample).collect()
    };
    let known = symbol(0);
    let mut blanker = Blanker::new(plan.first_carrier, plan.carriers());
    (0..SHOWN).any(|number| {
        blanker.forget();
        (0..3).for_each(|_| blanker.follow(&known));
        blanker.clean(&symbol(number));
        blanker.kept() < 1.0
    })
}

/// With so many carriers no symbol is taken for a pulse.
const WIDE: usize = 30;
/// Symbols that the blanker is shown.
const SHOWN: usize = 24;

/// The point of the unit circle after `share` of a turn.
fn turn(share: f32) -> Complex<f32> {
    let angle = core::f32::consts::TAU * share;
    Complex::new(libm::cosf(angle), libm::sinf(angle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CENELEC_A, FCC_1A, FCC_1B, ToneMask};

    #[test]
    fn symbols_of_six_carriers_look_like_pulses_and_those_of_named_bands_do_not() {
        let narrow = CENELEC_A.with_mask(ToneMask::carriers(23, 29, 58)).expect("six carriers are enough");
        assert!(looks_pulsed(&narrow));
        assert!([&CENELEC_A, &FCC_1A, &FCC_1B].into_iter().all(|plan| !looks_pulsed(plan)));
    }
}
