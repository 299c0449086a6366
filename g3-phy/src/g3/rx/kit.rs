//! The memory and the tools that the states share.

use super::estimate::Estimate;
use crate::dsp::Complex;
use crate::fec::Viterbi;
use crate::g3::chain::Chain;
use crate::g3::payload::{PayloadCodec, STEPS_MAX, carried_bits_max};
use crate::g3::preamble::syncp_carriers;
use crate::g3::specs::{FCH_REPETITION, FFT_LEN};
use crate::g3::tx::header_chain;
use crate::g3::{BandPlan, Interop};
use crate::ofdm::Spectrum;
use alloc::vec;
use alloc::vec::Vec;

/// Windows that the search adds up.
pub(super) const SEARCH_DEPTH: usize = 3;

/// Allocated when built, used by one state at a time.
#[derive(Debug)]
pub(super) struct Kit {
    pub(super) plan: &'static BandPlan,
    pub(super) interop: Interop,
    pub(super) spectrum: Spectrum,
    /// Conjugates of the carriers of SYNCP.
    pub(super) pattern: Vec<Complex<f32>>,
    /// Carriers of the window at hand.
    pub(super) carriers: Vec<Complex<f32>>,
    /// Carriers of the symbol before.
    pub(super) previous: Vec<Complex<f32>>,
    /// Sum of the SYNCP heard so far.
    pub(super) reference: Vec<Complex<f32>>,
    /// Room for one more set of carriers.
    pub(super) spare: Vec<Complex<f32>>,
    /// The last windows of the search, phases only.
    pub(super) history: [Vec<Complex<f32>>; SEARCH_DEPTH],
    /// All symbols of the header.
    pub(super) header: Vec<Complex<f32>>,
    pub(super) estimate: Estimate,
    pub(super) header_chain: Chain,
    /// The coded header, when it is known.
    pub(super) sent: Vec<u8>,
    pub(super) soft: Vec<i8>,
    pub(super) coded: Vec<i8>,
    pub(super) bits: Vec<u8>,
    pub(super) viterbi: Viterbi,
    pub(super) codec: PayloadCodec,
    /// exp(2πi·k/256) of each carrier: one sample of delay.
    turns: Vec<Complex<f32>>,
}

impl Kit {
    pub(super) fn new(plan: &'static BandPlan, interop: Interop) -> Self {
        let carriers = plan.carriers();
        let zeros = || vec![Complex::default(); carriers];
        let header = plan.fch_symbols() * carriers;
        let steps = STEPS_MAX.max(header / (2 * FCH_REPETITION));
        let angle = |k: usize| core::f32::consts::TAU * (plan.first_carrier + k) as f32 / FFT_LEN as f32;
        Self {
            plan,
            interop,
            spectrum: Spectrum::new(FFT_LEN, plan.first_carrier),
            pattern: syncp_carriers(plan).iter().map(Complex::conj).collect(),
            carriers: zeros(),
            previous: zeros(),
            reference: zeros(),
            spare: zeros(),
            history: core::array::from_fn(|_| zeros()),
            header: vec![Complex::default(); header],
            estimate: Estimate::new(carriers, plan.fch_symbols()),
            header_chain: header_chain(plan, &interop),
            sent: vec![0; header],
            soft: vec![0; carried_bits_max(plan).max(header)],
            coded: vec![0; 2 * steps],
            bits: vec![0; steps],
            viterbi: Viterbi::new(steps),
            codec: PayloadCodec::new(interop),
            turns: (0..carriers).map(|k| Complex::new(libm::cosf(angle(k)), libm::sinf(angle(k)))).collect(),
        }
    }

    /// Forgets the windows of the search.
    pub(super) fn forget(&mut self) {
        self.history.iter_mut().for_each(|window| window.fill(Complex::default()));
    }

    /// The carriers of `window`, at hand from now on.
    pub(super) fn analyse(&mut self, window: &[f32]) {
        self.spectrum.analyse(window, &mut self.carriers);
    }

    /// Turns `previous` to where it would be had its window begun `samples` later.
    pub(super) fn delay_previous(&mut self, samples: i64) {
        for (carrier, turn) in self.previous.iter_mut().zip(&self.turns) {
            let turn = if samples < 0 { turn.conj() } else { *turn };
            (0..samples.unsigned_abs()).for_each(|_| *carrier *= turn);
        }
    }
}

/// `z` on the unit circle, or zero.
pub(super) fn direction(z: Complex<f32>) -> Complex<f32> {
    let power = z.norm_sqr();
    if power > f32::MIN_POSITIVE { z * (1.0 / libm::sqrtf(power)) } else { Complex::default() }
}
