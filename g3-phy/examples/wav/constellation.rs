//! The data carriers of a frame as points, straight from the samples: a second opinion on the receiver.

use g3_phy::BandPlan;
use g3_phy::dsp::Complex;
use g3_phy::g3::specs::{CYCLIC_PREFIX, FFT_LEN, OVERLAP, SYMBOL_HOP, WINDOW_ADVANCE};
use g3_phy::ofdm::{Dpsk, Spectrum};
use plc_core::Instant;
use plc_core::sap::{Modulation, PdDataIndication};

/// Points of a frame around those that were sent.
#[derive(Clone, Debug)]
pub(crate) struct Scatter {
    /// When the frame began, in seconds.
    pub(crate) started: f64,
    /// How its carriers are keyed.
    pub(crate) keying: Dpsk,
    /// One point per data carrier and symbol; what was sent has amplitude 1.
    pub(crate) points: Vec<Complex<f32>>,
}

impl Scatter {
    /// Modulation error ratio in dB: power of what was sent over that of what came on top of it.
    pub(crate) fn error_ratio_db(&self) -> f32 {
        let error = |&point: &Complex<f32>| (point - self.keying.nearest(point)).norm_sqr();
        let errors: f32 = self.points.iter().map(error).sum();
        10.0 * (self.points.len() as f32 / errors.max(f32::MIN_POSITIVE)).log10()
    }
}

/// The points of `frame`, which stands in `samples`: products of each carrier with the symbol before.
pub(crate) fn scatter(plan: &'static BandPlan, samples: &[f32], frame: &PdDataIndication) -> Scatter {
    let keying = Dpsk::new(bits(frame.tx.modulation));
    let symbols = carriers(plan, samples, frame);
    let mut products = products(plan, &symbols);
    turn_back(plan, &mut products, keying);
    let active = |position: &usize| plan.is_active(frame.tx.tone_map, *position);
    let positions: Vec<_> = (0..plan.carriers()).filter(active).collect();
    let points = products.iter().flat_map(|row| positions.iter().map(|&position| row[position])).collect();
    let started = frame.started.since(Instant::EPOCH).as_secs_f64();
    Scatter { started, keying, points }
}

const fn bits(modulation: Modulation) -> usize {
    match modulation {
        Modulation::Robo | Modulation::Bpsk => 1,
        Modulation::Qpsk => 2,
        _ => 3,
    }
}

/// All carriers of the last symbol of the header and of every symbol of the payload that is in `samples`.
fn carriers(plan: &BandPlan, samples: &[f32], frame: &PdDataIndication) -> Vec<Vec<Complex<f32>>> {
    let index = |at: Instant| {
        (at.since(Instant::EPOCH).as_secs_f64() * f64::from(plan.sample_rate_hz)).round() as usize
    };
    let (start, end) = (index(frame.started), index(frame.ended));
    let first = start + plan.frame_len(0) - SYMBOL_HOP + CYCLIC_PREFIX - OVERLAP - WINDOW_ADVANCE;
    let mut spectrum = Spectrum::new(FFT_LEN, plan.first_carrier);
    let windows = (first..end).step_by(SYMBOL_HOP).map_while(|at| samples.get(at..at + FFT_LEN));
    let of = |window: &[f32]| {
        let mut carriers = vec![Complex::default(); plan.carriers()];
        spectrum.analyse(window, &mut carriers);
        carriers
    };
    windows.map(of).collect()
}

/// Each carrier times the conjugate of the one before, over the mean power of the carrier.
fn products(plan: &BandPlan, symbols: &[Vec<Complex<f32>>]) -> Vec<Vec<Complex<f32>>> {
    let power = |k: usize| symbols.iter().map(|row| row[k].norm_sqr()).sum::<f32>() / symbols.len() as f32;
    let scale: Vec<f32> = (0..plan.carriers()).map(|k| 1.0 / power(k).max(f32::MIN_POSITIVE)).collect();
    let of = |pair: &[Vec<Complex<f32>>]| {
        let product = |k: usize| pair[1][k] * pair[0][k].conj() * scale[k];
        (0..plan.carriers()).map(product).collect()
    };
    symbols.windows(2).map(of).collect()
}

/// Takes off what the difference of two clocks does: the same small delay from each symbol to the next.
fn turn_back(plan: &BandPlan, products: &mut [Vec<Complex<f32>>], keying: Dpsk) {
    let (mut turned, mut lever) = (0.0, 0.0);
    for (position, point) in products.iter().flat_map(|row| row.iter().enumerate()) {
        let (k, rest) = ((plan.first_carrier + position) as f32, point * keying.nearest(*point).conj());
        turned += k * rest.im;
        lever += k * k * rest.re;
    }
    let slope = if lever > 0.0 { turned / lever } else { 0.0 };
    for (position, point) in products.iter_mut().flat_map(|row| row.iter_mut().enumerate()) {
        *point *= Complex::from_polar(1.0, -slope * (plan.first_carrier + position) as f32);
    }
}
