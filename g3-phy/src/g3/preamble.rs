//! The carriers of the preamble.

use super::BandPlan;
use crate::dsp::Complex;
use crate::ofdm::unit;
use alloc::vec::Vec;

/// The carriers of SYNCP, of unit amplitude; masked ones are zero, the others keep the phase of their position
/// \[G3 PHY 2; confidence B\].
pub(crate) fn syncp_carriers(plan: &BandPlan) -> Vec<Complex<f32>> {
    let carrier = |(position, &phase)| if plan.is_used(position) { unit(phase) } else { Complex::default() };
    plan.preamble.iter().enumerate().map(carrier).collect()
}
