//! Depth of notches: a masked carrier sends nothing, but where one symbol gives way to the next, its neighbours leak.
//!
//! The first samples of a prefix belong to nobody: receivers leave them out, since echoes of the symbol before are in
//! them. So they are free to hold what makes the two ends that meet there cancel each other at the masked carriers:
//! for each carrier a short shape ([`design`]), which stands beside the ramps of the standard and follows them by a few
//! samples. The windows in which receivers listen stay as they were.

mod design;

use crate::dsp::Complex;
use crate::g3::BandPlan;
use crate::g3::specs::{FFT_LEN, OVERLAP, SYMBOL_HOP, SYNCM_LEN};
use alloc::vec;
use alloc::vec::Vec;
use design::{Edge, Shape};

/// Samples from the beginning of a symbol that may change. The usual window begins at sample 19.
pub(super) const SPAN: usize = 17;

/// Highest sample that may come of it, over the rms value: symbols have such peaks anyway, so that no driver needs to be
/// stronger.
const PEAK: f32 = 4.0;

/// What carriers add to the beginning of a symbol. Allocates when built only.
#[derive(Debug)]
pub(super) struct Notch {
    /// Between symbols.
    ramp: Shape,
    /// From SYNCP to SYNCM, which follow each other without a ramp.
    flip: Shape,
    /// exp(2πin/256).
    roots: Vec<Complex<f32>>,
    first: usize,
    /// Nothing is added that makes a sample higher than this.
    peak: f32,
    /// The carriers of SYNCP.
    syncp: Vec<Complex<f32>>,
    /// The carriers of what ends where the next symbol begins, with their phases there.
    ended: Vec<Complex<f32>>,
    /// The same of what begins there.
    began: Vec<Complex<f32>>,
}

impl Notch {
    /// For `plan`, if it masks anything; `level` is the rms value of header and payload at full gain.
    pub(super) fn of(plan: &BandPlan, level: f32) -> Option<Self> {
        let angle = |n: usize| core::f32::consts::TAU * n as f32 / FFT_LEN as f32;
        let carriers = || vec![Complex::default(); plan.carriers()];
        (plan.used_carriers() < plan.carriers()).then(|| Self {
            ramp: Shape::new(plan, Edge::Ramp),
            flip: Shape::new(plan, Edge::Flip),
            roots: (0..FFT_LEN).map(|n| Complex::new(libm::cosf(angle(n)), libm::sinf(angle(n)))).collect(),
            first: plan.first_carrier,
            peak: (PEAK * level).max(0.0),
            syncp: carriers(),
            ended: carriers(),
            began: carriers(),
        })
    }

    /// Frames begin with `carriers` from now on.
    pub(super) fn set_syncp(&mut self, carriers: impl Iterator<Item = Complex<f32>>) {
        self.syncp.iter_mut().zip(carriers).for_each(|(to, from)| *to = from);
    }

    /// `samples` are the first SYNCP of a frame.
    pub(super) fn start(&mut self, samples: &mut [f32]) {
        self.ended.fill(Complex::default());
        self.began.copy_from_slice(&self.syncp);
        self.ramp.add(&self.ended, &self.began, self.peak, samples);
    }

    /// `samples` are the first SYNCM.
    pub(super) fn turn(&mut self, samples: &mut [f32]) {
        self.ended.copy_from_slice(&self.syncp);
        self.began.iter_mut().zip(&self.syncp).for_each(|(to, from)| *to = -from);
        self.flip.add(&self.ended, &self.began, self.peak, samples);
        self.pass(SYNCM_LEN - OVERLAP);
    }

    /// `samples` are a symbol of `carriers` with its prefix.
    pub(super) fn symbol(&mut self, carriers: impl Iterator<Item = Complex<f32>>, samples: &mut [f32]) {
        self.began.iter_mut().zip(carriers).for_each(|(to, from)| *to = from);
        let body = SYMBOL_HOP + OVERLAP - FFT_LEN;
        turn(&mut self.began, &self.roots, self.first, FFT_LEN - body);
        self.ramp.add(&self.ended, &self.began, self.peak, samples);
        self.pass(SYMBOL_HOP);
    }

    /// What has begun ends `samples` later.
    fn pass(&mut self, samples: usize) {
        self.ended.copy_from_slice(&self.began);
        turn(&mut self.ended, &self.roots, self.first, samples);
    }
}

/// Turns carriers, the lowest of index `first`, on by `samples` samples.
fn turn(carriers: &mut [Complex<f32>], roots: &[Complex<f32>], first: usize, samples: usize) {
    for (position, carrier) in carriers.iter_mut().enumerate() {
        *carrier *= roots[(first + position) * samples % FFT_LEN];
    }
}

#[cfg(test)]
mod tests;
