//! Ratio by ratio.

use super::fit::{self, Uneven};
use super::{Bench, Line, Outcome, Shot};
use crate::frame::{Curve, ErrorTable, Payload};
use g3_phy::BandPlan;
use plc_core::sap::{FrameGeometry, Modulation, ModulationScheme, ToneMap, TxGain, TxParameters, TxStep};
use rayon::prelude::*;

/// How thorough a calibration is.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// Frames at each ratio.
    pub frames: u32,
    /// The same seed gives the same table.
    pub seed: u64,
}

/// dB between two ratios.
const STEP_DB: f64 = 0.5;
/// The range in which headers alone are sent, dB.
const HEADERS_DB: (f64, f64) = (-14.0, 6.0);
/// Where payloads begin, dB; and the first ratio that is not tried.
const PAYLOADS_DB: (f64, f64) = (-10.0, 24.0);
/// Ratios in a row without a loss that end a curve.
const CLEAR: usize = 2;
/// Samples that the listener gets at once where the time of carrier sense counts.
const FINE: usize = 16;
/// Samples otherwise.
const COARSE: usize = 1000;
/// Steps of 3 dB that the groups are attenuated by, cyclically: a slope, a comb, a hole.
const SHAPES: [[u8; 6]; 3] = [[0, 1, 2, 3, 4, 5], [0, 4, 0, 4, 0, 4], [0, 0, 0, 0, 0, 6]];
/// Where the floor that impulses leave is measured: dB above half of the frames lost.
const CLEARLY_DB: f64 = 12.0;

struct Point {
    snr_db: f64,
    outcomes: Vec<Outcome>,
}

/// Makes the table of `plan`; `told` hears of each curve that is done.
pub fn calibrate(plan: &'static BandPlan, sweep: Sweep, told: &(dyn Fn(&str) + Sync)) -> ErrorTable {
    let headers = headers(plan, sweep);
    told("headers");
    let kinds = kinds(plan);
    let mut made: Vec<_> = kinds.par_iter().map(|kind| payload(plan, sweep, kind, told)).collect();
    let points: Vec<Point> = made.iter_mut().flat_map(|made| std::mem::take(&mut made.points)).collect();
    let (lqi_axis, lqi, group_lqi) = quality(&points);
    let sensed =
        || headers.iter().filter(|p| p.snr_db >= 0.0).flat_map(|p| &p.outcomes).filter_map(|o| o.sensed);
    let count = |ok: fn(&Outcome) -> bool, of: fn(&Outcome) -> bool| {
        let point = |p: &Point| {
            let all: Vec<_> = p.outcomes.iter().filter(|o| of(o)).collect();
            (all.len() as u32, all.iter().filter(|o| !ok(o)).count() as u32)
        };
        headers.iter().map(point).collect::<Vec<_>>()
    };
    let mut preamble = curve(HEADERS_DB.0, count(|o| o.sensed.is_some(), |_| true));
    let mut header = curve(HEADERS_DB.0, count(|o| o.header, |o| o.sensed.is_some()));
    header.beta = header_beta(plan, sweep, &header);
    (header.impulse_db, header.floor) = impulses(plan, sweep, &Shot::Ack, |o| o.header, header.snr_db(0.5));
    (preamble.beta, preamble.impulse_db) = (header.beta, header.impulse_db);
    told("headers in impulses");
    ErrorTable {
        band: plan.name.into(),
        preamble,
        header,
        payloads: made.into_iter().map(|made| (made.payload, made.curve)).collect(),
        sense_samples: (sensed().min().unwrap_or(0), sensed().max().unwrap_or(0)),
        lqi,
        group_lqi,
        lqi_axis,
    }
}

struct Made {
    payload: Payload,
    curve: Curve,
    points: Vec<Point>,
}

/// Modulations and lengths: a short PSDU, a middle one, the longest.
fn kinds(plan: &'static BandPlan) -> Vec<(TxParameters, usize)> {
    use Modulation::{Bpsk, Psk8, Qpsk, Robo};
    let tone_map = ToneMap::all(plan.groups as u32);
    let tx = |modulation, scheme| TxParameters { modulation, scheme, tone_map };
    let schemes = [ModulationScheme::Differential, ModulationScheme::Coherent];
    let all = schemes.into_iter().flat_map(|scheme| [Robo, Bpsk, Qpsk, Psk8].map(|m| tx(m, scheme)));
    all.flat_map(|tx| {
        let longest = plan.max_psdu(&tx);
        let fit = move |octets| plan.fit(&tx, octets).map(|fit| (tx, fit.psdu_len));
        [18, longest / 2, longest].into_iter().filter_map(fit).collect::<Vec<_>>()
    })
    .collect()
}

fn headers(plan: &'static BandPlan, sweep: Sweep) -> Vec<Point> {
    let count = ((HEADERS_DB.1 - HEADERS_DB.0) / STEP_DB) as u64;
    let ratio = |n: u64| {
        let mut bench = Bench::new(plan, Line::White, sweep.seed ^ n << 32, FINE);
        let snr_db = HEADERS_DB.0 + n as f64 * STEP_DB;
        let shoot = |_| bench.shoot(&Shot::Ack, snr_db);
        Point { snr_db, outcomes: (0..sweep.frames * 4).map(shoot).collect() }
    };
    (0..=count).into_par_iter().map(ratio).collect()
}

fn payload(
    plan: &'static BandPlan,
    sweep: Sweep,
    kind: &(TxParameters, usize),
    told: &(dyn Fn(&str) + Sync),
) -> Made {
    let &(tx, octets) = kind;
    let mut bench = Bench::new(plan, Line::White, sweep.seed ^ octets as u64, COARSE);
    let shot = Shot::Data { tx, gain: TxGain::default(), octets };
    let points = walk(&mut bench, &shot, sweep.frames);
    let counts = points.iter().map(counts).collect();
    let mut curve = curve(points.first().map_or(0.0, |point| point.snr_db), counts);
    let half = curve.snr_db(0.5);
    let uneven: Vec<_> = SHAPES.iter().map(|shape| uneven(plan, sweep, &tx, octets, shape, half)).collect();
    let (beta, error) = fit::beta(half, &uneven);
    curve.beta = beta;
    (curve.impulse_db, curve.floor) = impulses(plan, sweep, &shot, |o| o.payload, half);
    told(&format!(
        "{:?} {:?} {octets} octets: half lost at {half:.1} dB, β {beta:.2} within {error:.1} dB, impulses {:.1} dB",
        tx.modulation, tx.scheme, curve.impulse_db
    ));
    Made { payload: Payload { modulation: tx.modulation, scheme: tx.scheme, octets }, curve, points }
}

/// Payloads sent whose header was understood, and those lost of them.
fn counts(point: &Point) -> (u32, u32) {
    let heard = point.outcomes.iter().filter(|o| o.header);
    let lost = heard.clone().filter(|o| !o.payload).count();
    (heard.count() as u32, lost as u32)
}

/// Upwards from where everything is lost until nothing is.
fn walk(bench: &mut Bench, shot: &Shot, frames: u32) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let mut snr_db = PAYLOADS_DB.0;
    while snr_db < PAYLOADS_DB.1 {
        let try_out: Vec<_> = (0..frames / 10).map(|_| bench.shoot(shot, snr_db)).collect();
        let hopeless = !try_out.iter().any(|outcome| outcome.payload);
        let mut point = Point { snr_db, outcomes: try_out };
        if !hopeless {
            point.outcomes.extend((0..frames).map(|_| bench.shoot(shot, snr_db)));
        }
        if counts(&point).0 > 0 {
            points.push(point);
        }
        let clear = points.iter().rev().take_while(|point| counts(point).1 == 0).count();
        if clear >= CLEAR && !hopeless {
            break;
        }
        snr_db += STEP_DB;
    }
    points
}

fn curve(first_db: f64, mut points: Vec<(u32, u32)>) -> Curve {
    // Headers that no preamble has announced are none.
    points.iter_mut().filter(|point| point.0 == 0).for_each(|point| *point = (1, 1));
    Curve::new(first_db, STEP_DB, points)
}

/// The ratio at which half is lost, by bisection.
fn half_db(
    bench: &mut Bench,
    shot: &Shot,
    frames: u32,
    ok: fn(&Outcome) -> bool,
    around_db: (f64, f64),
) -> f64 {
    let (mut low, mut high) = around_db;
    while high - low > 0.2 {
        let middle = (low + high) / 2.0;
        let good = (0..frames).filter(|_| ok(&bench.shoot(shot, middle))).count();
        if good * 2 > frames as usize { high = middle } else { low = middle }
    }
    (low + high) / 2.0
}

fn gain(shape: &[u8; 6], plan: &BandPlan) -> TxGain {
    let mut gain = TxGain { step: TxStep::ThreeDb, ..TxGain::default() };
    (0..plan.groups).for_each(|group| gain.group_steps[group] = shape[group * 6 / plan.groups]);
    gain
}

fn uneven(
    plan: &'static BandPlan,
    sweep: Sweep,
    tx: &TxParameters,
    octets: usize,
    shape: &[u8; 6],
    half: f64,
) -> Uneven {
    let gain = gain(shape, plan);
    let shot = Shot::Data { tx: *tx, gain, octets };
    let mut bench = Bench::new(plan, Line::White, sweep.seed ^ 0xBE7A, COARSE);
    let around = (half - 1.0, half + 16.0);
    let half_db = half_db(&mut bench, &shot, (sweep.frames / 4).max(12), |o| o.payload, around);
    Uneven { gains_db: shape.iter().map(|&steps| -3.0 * f64::from(steps)).collect(), half_db }
}

/// From data frames whose payload is stronger than their header.
fn header_beta(plan: &'static BandPlan, sweep: Sweep, header: &Curve) -> f64 {
    let tx = plan.robust();
    let octets = plan.fit(&tx, 18).map_or(18, |fit| fit.psdu_len);
    let even = header.snr_db(0.5);
    let of = |shape: &[u8; 6]| {
        let shot = Shot::Data { tx, gain: gain(shape, plan), octets };
        let mut bench = Bench::new(plan, Line::White, sweep.seed ^ 0x4EAD, COARSE);
        let half_db = half_db(&mut bench, &shot, sweep.frames / 2, |o| o.header, (even - 1.0, even + 16.0));
        Uneven { gains_db: shape.iter().map(|&steps| -3.0 * f64::from(steps)).collect(), half_db }
    };
    fit::beta(even, &SHAPES.iter().map(of).collect::<Vec<_>>()).0
}

/// What the noise of the street costs against its background alone, dB, and the share that is lost far above that.
fn impulses(
    plan: &'static BandPlan,
    sweep: Sweep,
    shot: &Shot,
    ok: fn(&Outcome) -> bool,
    half: f64,
) -> (f64, f64) {
    let frames = (sweep.frames / 2).max(20);
    let at = |line| {
        let mut bench = Bench::new(plan, line, sweep.seed ^ 0x1A9, COARSE);
        half_db(&mut bench, shot, frames, ok, (half - 4.0, half + 14.0))
    };
    let (background, street) = (at(Line::Background), at(Line::Street));
    let mut bench = Bench::new(plan, Line::Street, sweep.seed ^ 0xF100, COARSE);
    let tried = sweep.frames * 2;
    let lost = (0..tried).filter(|_| !ok(&bench.shoot(shot, street + CLEARLY_DB))).count();
    (street - background, lost as f64 / f64::from(tried))
}

/// First ratio and step, then the error of what is reported: mean and deviation at each ratio.
type Quality = ((f64, f64), Vec<(f64, f64)>, Vec<(f64, f64)>);

fn quality(points: &[Point]) -> Quality {
    let step = 2.0;
    let (first, last) = (-6.0, PAYLOADS_DB.1 - step);
    let bins = ((last - first) / step) as usize + 1;
    let mut errors = vec![(Vec::new(), Vec::new()); bins];
    for point in points {
        let bin = ((point.snr_db - first) / step).round().max(0.0) as usize;
        let (all, groups) = &mut errors[bin.min(bins - 1)];
        for outcome in &point.outcomes {
            all.extend(outcome.lqi_db.map(|db| db - point.snr_db));
            groups.extend(outcome.group_db.iter().map(|db| db - point.snr_db));
        }
    }
    let mut last = ((0.0, 0.5), (0.0, 1.0));
    let entries: Vec<_> = errors
        .iter()
        .map(|(all, groups)| {
            if all.len() > 30 {
                last = (spread(all), spread(groups));
            }
            last
        })
        .collect();
    let (lqi, groups) = entries.into_iter().unzip();
    ((first, step), lqi, groups)
}

fn spread(errors: &[f64]) -> (f64, f64) {
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    let square = errors.iter().map(|error| (error - mean).powi(2)).sum::<f64>() / errors.len() as f64;
    (mean, square.sqrt())
}
