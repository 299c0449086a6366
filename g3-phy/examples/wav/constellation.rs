//! The data carriers of a frame as points, straight from the samples: a second opinion beside the receiver's.

use g3_phy::BandPlan;
use g3_phy::dsp::Complex;
use g3_phy::g3::specs::{
    CYCLIC_PREFIX, FFT_LEN, OVERLAP, PILOT_SPACING, PILOT_STEP, PREAMBLE_GAIN, SYMBOL_HOP, WINDOW_ADVANCE,
};
use g3_phy::ofdm::{Dpsk, Qam16Map, Spectrum, unit};
use plc_core::Instant;
use plc_core::sap::{Modulation, ModulationScheme, PdDataIndication};

/// Points of a frame around those that were sent.
#[derive(Clone, Debug)]
pub(crate) struct Scatter {
    /// When the frame began, in seconds.
    pub(crate) started: f64,
    /// How its carriers are keyed.
    pub(crate) keying: Keying,
    /// One point per data carrier and symbol; what was sent has a mean power of 1.
    pub(crate) points: Vec<Complex<f32>>,
}

/// The points that can be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keying {
    /// On a circle.
    Phase(Dpsk),
    /// On a square.
    Square(Qam16Map),
}

impl Keying {
    const fn of(modulation: Modulation) -> Self {
        match modulation {
            Modulation::Robo | Modulation::Bpsk => Self::Phase(Dpsk::new(1)),
            Modulation::Qpsk => Self::Phase(Dpsk::new(2)),
            Modulation::Psk8 => Self::Phase(Dpsk::new(3)),
            Modulation::Qam16 => Self::Square(Qam16Map::PairPerAxis),
        }
    }

    /// The point next to `point`.
    pub(crate) fn nearest(self, point: Complex<f32>) -> Complex<f32> {
        match self {
            Self::Phase(keying) => keying.nearest(point),
            Self::Square(map) => map.nearest(point),
        }
    }

    /// All points.
    pub(crate) fn points(self) -> Vec<Complex<f32>> {
        match self {
            Self::Phase(keying) => (0..1 << keying.bits()).map(|value| unit(keying.shift(value))).collect(),
            Self::Square(map) => (0..16).map(|value| map.point(value)).collect(),
        }
    }
}

impl Scatter {
    /// The points of `frame`, which stands in `samples`: of a differential payload the products of each carrier with the
    /// symbol before, of a coherent one the carriers over what S1 and S2 have shown of the line.
    pub(crate) fn of(plan: &'static BandPlan, samples: &[f32], frame: &PdDataIndication) -> Self {
        let keying = Keying::of(frame.tx.modulation);
        let symbols = symbols(plan, samples, frame);
        let rows = match frame.tx.scheme {
            ModulationScheme::Differential => differential(plan, &symbols, keying),
            ModulationScheme::Coherent => coherent(plan, &symbols, frame, keying),
        };
        let points = rows.iter().enumerate().flat_map(|(symbol, row)| {
            data_positions(plan, frame, symbol).into_iter().map(move |position| row[position])
        });
        let started = frame.started.since(Instant::EPOCH).as_secs_f64();
        Self { started, keying, points: points.collect() }
    }

    /// Modulation error ratio in dB: power of what was sent over that of what came on top of it.
    pub(crate) fn error_ratio_db(&self) -> f32 {
        let error = |&point: &Complex<f32>| (point - self.keying.nearest(point)).norm_sqr();
        let errors: f32 = self.points.iter().map(error).sum();
        10.0 * (self.points.len() as f32 / errors.max(f32::MIN_POSITIVE)).log10()
    }
}

/// Positions of the carriers that carry data in payload symbol `symbol`: pilots do not.
fn data_positions(plan: &BandPlan, frame: &PdDataIndication, symbol: usize) -> Vec<usize> {
    let pilots = pilot_positions(plan, frame, symbol);
    active_positions(plan, frame).filter(|position| !pilots.contains(position)).collect()
}

/// Positions of the pilots in payload symbol `symbol`.
fn pilot_positions(plan: &BandPlan, frame: &PdDataIndication, symbol: usize) -> Vec<usize> {
    if frame.tx.scheme == ModulationScheme::Differential {
        return Vec::new();
    }
    let active: Vec<_> = active_positions(plan, frame).collect();
    let place = |pilot| (plan.pilot_offset + PILOT_SPACING * pilot + PILOT_STEP * symbol) % active.len();
    (0..active.len().div_ceil(PILOT_SPACING)).map(|pilot| active[place(pilot)]).collect()
}

fn active_positions(plan: &BandPlan, frame: &PdDataIndication) -> impl Iterator<Item = usize> {
    (0..plan.carriers()).filter(|&position| plan.is_active(frame.tx.tone_map, position))
}

/// All carriers of the last symbol of the header and of every symbol after it that is in `samples`.
fn symbols(plan: &BandPlan, samples: &[f32], frame: &PdDataIndication) -> Vec<Vec<Complex<f32>>> {
    let rate = f64::from(plan.sample_rate_hz);
    let index = |at: Instant| (at.since(Instant::EPOCH).as_secs_f64() * rate).round() as usize;
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

/// Each carrier times the conjugate of the one before, over the mean power of the carrier. The difference of two clocks
/// delays each symbol by the same little bit, which is taken off.
fn differential(plan: &BandPlan, symbols: &[Vec<Complex<f32>>], keying: Keying) -> Vec<Vec<Complex<f32>>> {
    let power = |k: usize| symbols.iter().map(|row| row[k].norm_sqr()).sum::<f32>() / symbols.len() as f32;
    let scale: Vec<f32> = (0..plan.carriers()).map(|k| 1.0 / power(k).max(f32::MIN_POSITIVE)).collect();
    let of = |pair: &[Vec<Complex<f32>>]| -> Vec<_> {
        let product = |k: usize| pair[1][k] * pair[0][k].conj() * scale[k];
        (0..plan.carriers()).map(product).collect()
    };
    let mut rows: Vec<Vec<_>> = symbols.windows(2).map(of).collect();
    let turn = slope(plan, rows.iter().flatten().copied(), |_, point| keying.nearest(point));
    rows.iter_mut().for_each(|row| turn_back(plan, row, turn));
    rows
}

/// Carriers over the line that S1 and S2 have shown, with their phase in SYNCP taken off; the line and the delay are
/// followed from symbol to symbol. Pilots are points of QPSK, however the data is keyed.
fn coherent(
    plan: &BandPlan,
    symbols: &[Vec<Complex<f32>>],
    frame: &PdDataIndication,
    keying: Keying,
) -> Vec<Vec<Complex<f32>>> {
    let [_, first, second, payload @ ..] = symbols else { return Vec::new() };
    let gain = 0.5 / PREAMBLE_GAIN;
    let mut line: Vec<_> = first.iter().zip(second).map(|(syncm, syncp)| (syncp - syncm) * gain).collect();
    let (mut delay, mut rate, mut rows) = (0.0, 0.0, Vec::new());
    for (number, symbol) in payload.iter().enumerate() {
        let pilots = pilot_positions(plan, frame, number);
        let nearest = |position: usize, point: Complex<f32>| match pilots.contains(&position) {
            true => PILOT.nearest(point),
            false => keying.nearest(point),
        };
        delay += rate;
        let mut row: Vec<_> = symbol.iter().zip(&line).map(|(carrier, line)| carrier / line).collect();
        row.iter_mut()
            .filter(|point| !point.norm_sqr().is_finite())
            .for_each(|point| *point = Complex::default());
        turn_back(plan, &mut row, delay);
        let late = slope(plan, row.iter().copied(), nearest);
        delay += DELAY_GAIN * late;
        rate += RATE_GAIN * late;
        for (position, (point, line)) in row.iter().zip(&mut line).enumerate() {
            let sent = nearest(position, *point);
            *line += *line * (point - sent) * sent.conj() * LINE_GAIN;
        }
        rows.push(row);
    }
    // The line was learnt with the phases of SYNCP in it, and so the data are clear of them.
    rows
}

/// How much further each carrier has turned than the one below it, in radians, with the data taken off.
fn slope(
    plan: &BandPlan,
    points: impl Iterator<Item = Complex<f32>>,
    nearest: impl Fn(usize, Complex<f32>) -> Complex<f32>,
) -> f32 {
    let (mut turned, mut lever) = (0.0, 0.0);
    for (n, point) in points.enumerate() {
        let position = n % plan.carriers();
        if plan.is_used(position) {
            let k = (plan.first_carrier + position) as f32;
            let rest = point * nearest(position, point).conj();
            turned += k * rest.im;
            lever += k * k * rest.re;
        }
    }
    if lever > 0.0 { turned / lever } else { 0.0 }
}

fn turn_back(plan: &BandPlan, row: &mut [Complex<f32>], slope: f32) {
    for (position, point) in row.iter_mut().enumerate() {
        *point *= Complex::from_polar(1.0, -slope * (plan.first_carrier + position) as f32);
    }
}

/// Share of what a symbol says of the delay that is believed at once.
const DELAY_GAIN: f32 = 0.3;
/// Share of it that changes how fast the delay grows.
const RATE_GAIN: f32 = 0.05;
/// Share of what a symbol says of the line that is believed.
const LINE_GAIN: f32 = 0.05;
/// How pilots are keyed.
const PILOT: Keying = Keying::Phase(Dpsk::new(2));
