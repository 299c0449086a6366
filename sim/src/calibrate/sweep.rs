//! Ratio by ratio.

use super::fit::{self, Uneven};
use super::quality::{self, quality};
use super::walk::{FOOT_TIMES, Lost, Point, STEP_DB, curve, half_db, walk};
use super::{Bench, Line, Outcome, Shot};
use crate::frame::{Curve, ErrorTable, Payload};
use g3_phy::BandPlan;
use plc_core::sap::{FrameGeometry, Modulation, ModulationScheme, ToneMap, TxGain, TxParameters, TxStep};
use rayon::prelude::*;

/// How thorough a calibration is.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// Frames at each ratio where some are lost and some are not; fewer where all are lost, four times as many where few are. Twenty or more.
    pub frames: u32,
    /// The same seed gives the same table.
    pub seed: u64,
}

/// The range in which headers alone are sent, dB.
const HEADERS_DB: (f64, f64) = (-14.0, 6.0);
/// Samples that the listener gets at once where the time of carrier sense counts.
const FINE: usize = 16;
/// Samples otherwise.
const COARSE: usize = 1000;
/// Steps of 3 dB that the groups are attenuated by, cyclically: a slope, a comb, a hole.
const SHAPES: [[u8; 6]; 3] = [[0, 1, 2, 3, 4, 5], [0, 4, 0, 4, 0, 4], [0, 0, 0, 0, 0, 6]];
/// Where the floor that impulses leave is measured: dB above half of the frames lost.
const CLEARLY_DB: f64 = 12.0;

/// Makes the table of `plan`, none of whose carriers is masked; `told` hears of each curve that is done.
pub fn calibrate(plan: &'static BandPlan, sweep: Sweep, told: &(dyn Fn(&str) + Sync)) -> ErrorTable {
    let lab = Lab { plan, sweep };
    let headers = lab.headers();
    let counts = |lost: Lost| headers.iter().map(|point| point.counts(lost)).collect();
    let mut preamble = curve(HEADERS_DB.0, counts(Outcome::preamble_lost));
    let mut header = curve(HEADERS_DB.0, counts(Outcome::header_lost));
    let (beta, error_db) = lab.header_beta(&header);
    header.beta = beta;
    (header.impulse_db, header.floor) = lab.impulses(&Shot::Ack, Outcome::header_lost, header.snr_db(0.5));
    (preamble.beta, preamble.impulse_db) = (header.beta, header.impulse_db);
    told(&line("headers", &header, error_db));
    let mut made: Vec<_> = lab.kinds().par_iter().map(|kind| lab.payload(kind, told)).collect();
    let points: Vec<Point> = made.iter_mut().flat_map(|made| std::mem::take(&mut made.points)).collect();
    let (lqi, group_lqi) = quality(&points);
    ErrorTable {
        band: plan.name.into(),
        preamble,
        header,
        payloads: made.into_iter().map(|made| (made.payload, made.curve)).collect(),
        sense_samples: sense_samples(&headers),
        lqi,
        group_lqi,
        lqi_axis: quality::AXIS,
    }
}

/// The earliest and the latest carrier sense of frames that are well heard, but for one in a hundred on either side.
fn sense_samples(headers: &[Point]) -> (u32, u32) {
    let heard = headers.iter().filter(|point| point.snr_db >= 0.0).flat_map(|point| &point.outcomes);
    let mut sensed: Vec<u32> = heard.filter_map(|outcome| outcome.sensed).collect();
    sensed.sort_unstable();
    let at = |place: usize| sensed.get(place).copied().unwrap_or(0);
    (at(sensed.len() / 100), at((sensed.len() * 99 / 100).saturating_sub(1)))
}

/// What is told of a curve.
fn line(name: &str, curve: &Curve, beta_error_db: f64) -> String {
    let Curve { beta, impulse_db, floor, .. } = curve;
    let half = curve.snr_db(0.5);
    format!(
        "{name}: half lost at {half:.1} dB, β {beta:.2} within {beta_error_db:.1} dB, impulses {impulse_db:.1} dB, floor {floor:.4}"
    )
}

struct Lab {
    plan: &'static BandPlan,
    sweep: Sweep,
}

struct Made {
    payload: Payload,
    curve: Curve,
    points: Vec<Point>,
}

impl Lab {
    fn bench(&self, line: Line, salt: u64, block: usize) -> Bench {
        Bench::new(self.plan, line, self.sweep.seed ^ salt, block)
    }

    /// Modulations and lengths: a short PSDU, a middle one, the longest.
    fn kinds(&self) -> Vec<(TxParameters, usize)> {
        use Modulation::{Bpsk, Psk8, Qam16, Qpsk, Robo};
        let plan = self.plan;
        let tone_map = ToneMap::all(plan.groups as u32);
        let tx = |modulation, scheme| TxParameters { modulation, scheme, tone_map };
        let schemes = [ModulationScheme::Differential, ModulationScheme::Coherent];
        let all =
            schemes.into_iter().flat_map(|scheme| [Robo, Bpsk, Qpsk, Psk8, Qam16].map(|m| tx(m, scheme)));
        all.flat_map(|tx| {
            let longest = plan.max_psdu(&tx);
            let fit = move |octets| plan.fit(&tx, octets).map(|fit| (tx, fit.psdu_len));
            [18, longest / 2, longest].into_iter().filter_map(fit).collect::<Vec<_>>()
        })
        .collect()
    }

    fn headers(&self) -> Vec<Point> {
        let count = ((HEADERS_DB.1 - HEADERS_DB.0) / STEP_DB) as u64;
        let ratio = |n: u64| {
            let mut bench = self.bench(Line::White, n << 32, FINE);
            let snr_db = HEADERS_DB.0 + n as f64 * STEP_DB;
            Point::new(&mut bench, &Shot::Ack, snr_db, self.sweep.frames * FOOT_TIMES)
        };
        (0..=count).into_par_iter().map(ratio).collect()
    }

    fn payload(&self, &(tx, octets): &(TxParameters, usize), told: &(dyn Fn(&str) + Sync)) -> Made {
        let lost: Lost = Outcome::payload_lost;
        let mut bench = self.bench(Line::White, octets as u64, COARSE);
        let shot = Shot::Data { tx, gain: TxGain::default(), octets };
        let points = walk(&mut bench, &shot, self.sweep);
        let counts = points.iter().map(|point| point.counts(lost)).collect();
        let mut curve = curve(points.first().map_or(0.0, |point| point.snr_db), counts);
        let half = curve.snr_db(0.5);
        let (beta, error_db) = self.beta(tx, octets, lost, half);
        curve.beta = beta;
        (curve.impulse_db, curve.floor) = self.impulses(&shot, lost, half);
        told(&line(&format!("{:?} {:?} {octets} octets", tx.modulation, tx.scheme), &curve, error_db));
        Made { payload: Payload { modulation: tx.modulation, scheme: tx.scheme, octets }, curve, points }
    }

    /// From data frames whose payload is stronger than their header.
    fn header_beta(&self, header: &Curve) -> (f64, f64) {
        let tx = self.plan.robust();
        let octets = self.plan.fit(&tx, 18).map_or(18, |fit| fit.psdu_len);
        self.beta(tx, octets, Outcome::header_lost, header.snr_db(0.5))
    }

    /// β, and the error in dB that it leaves, by frames whose groups are unevenly strong; half of even ones are lost at `half`.
    fn beta(&self, tx: TxParameters, octets: usize, lost: Lost, half: f64) -> (f64, f64) {
        let of = |shape: &[u8; 6]| {
            let shot = Shot::Data { tx, gain: gain(shape, self.plan), octets };
            let mut bench = self.bench(Line::White, 0xBE7A, COARSE);
            let around = (half - 1.0, half + 16.0);
            let half_db = half_db(&mut bench, &shot, self.sweep.frames, lost, around);
            Uneven { gains_db: shape.iter().map(|&steps| -3.0 * f64::from(steps)).collect(), half_db }
        };
        fit::beta(half, &SHAPES.iter().map(of).collect::<Vec<_>>())
    }

    /// What the noise of the street costs against its background alone, dB, and the share that is lost far above that.
    fn impulses(&self, shot: &Shot, lost: Lost, half: f64) -> (f64, f64) {
        let at = |line| {
            let mut bench = self.bench(line, 0x1A9, COARSE);
            half_db(&mut bench, shot, self.sweep.frames, lost, (half - 4.0, half + 14.0))
        };
        let (background, street) = (at(Line::Background), at(Line::Street));
        let mut bench = self.bench(Line::Street, 0xF100, COARSE);
        let far = Point::new(&mut bench, shot, street + CLEARLY_DB, self.sweep.frames * FOOT_TIMES);
        let (judged, losses) = far.counts(lost);
        (street - background, f64::from(losses) / f64::from(judged.max(1)))
    }
}

/// The gain that makes groups unevenly strong.
fn gain(shape: &[u8; 6], plan: &BandPlan) -> TxGain {
    let mut gain = TxGain { step: TxStep::ThreeDb, ..TxGain::default() };
    (0..plan.groups).for_each(|group| gain.group_steps[group] = shape[group * 6 / plan.groups]);
    gain
}
