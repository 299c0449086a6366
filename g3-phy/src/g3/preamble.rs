//! The preamble: its carriers, and its one cycle of samples.

use super::BandPlan;
use super::specs::FFT_LEN;
use crate::dsp::Complex;
use crate::ofdm::{Spectrum, unit};
use alloc::vec;
use alloc::vec::Vec;

/// The carriers of SYNCP, of unit amplitude.
pub(crate) fn syncp_carriers(plan: &BandPlan) -> Vec<Complex<f32>> {
    plan.preamble.iter().map(|&phase| unit(phase)).collect()
}

/// One SYNCP with carriers of `amplitude`.
pub(crate) fn syncp_samples(plan: &BandPlan, spectrum: &mut Spectrum, amplitude: f32) -> Vec<f32> {
    let mut samples = vec![0.0; FFT_LEN];
    spectrum.synthesise(syncp_carriers(plan).into_iter().map(|c| c * amplitude), &mut samples);
    samples
}
