//! Where curves are, and how many frames each of their points is worth.

use super::{Bench, Outcome, Shot, Sweep};
use crate::frame::Curve;

/// Whether a part of a frame was lost; `None` of a frame of which that cannot be said.
pub(super) type Lost = fn(&Outcome) -> Option<bool>;

/// What came of the frames at one ratio.
pub(super) struct Point {
    pub(super) snr_db: f64,
    pub(super) outcomes: Vec<Outcome>,
}

/// dB between two ratios.
pub(super) const STEP_DB: f64 = 0.5;
/// Where payloads begin, dB; and the first ratio that is not tried.
pub(super) const PAYLOADS_DB: (f64, f64) = (-10.0, 24.0);
/// Ratios in a row without a loss that end a curve.
const CLEAR: usize = 2;
/// Where less than one of so many is lost, the foot of the curve, frames are [`FOOT_TIMES`] as many; where the first one of so many
/// frames are all lost, there are no more.
const TENTH: u32 = 10;
/// See [`TENTH`].
pub(super) const FOOT_TIMES: u32 = 4;
/// The most frames that are sent for one that can be judged.
const SHOTS: u32 = 4;
/// The fewest judged frames that say on which side of a half a ratio is.
const FEW: u32 = 12;
/// Standard deviations from a half that make sure of the side.
const SURE: f64 = 3.0;
/// How close the half is found, dB.
const CLOSE_DB: f64 = 0.15;

impl Point {
    /// At a ratio, with so many frames.
    pub(super) fn new(bench: &mut Bench, shot: &Shot, snr_db: f64, frames: u32) -> Self {
        Self { snr_db, outcomes: (0..frames).map(|_| bench.shoot(shot, snr_db)).collect() }
    }

    /// Frames that could be judged, and those lost of them.
    pub(super) fn counts(&self, lost: Lost) -> (u32, u32) {
        let judged = self.outcomes.iter().filter_map(lost);
        judged.fold((0, 0), |(frames, losses), lost| (frames + 1, losses + u32::from(lost)))
    }

    /// Sends until `frames` can be judged, or more where the curve has its foot.
    fn fill(&mut self, bench: &mut Bench, shot: &Shot, frames: u32, lost: Lost) {
        let (mut judged, mut losses) = self.counts(lost);
        while (self.outcomes.len() as u32) < SHOTS * frames {
            let is_foot = losses * TENTH < frames;
            if judged >= if is_foot { FOOT_TIMES * frames } else { frames } {
                return;
            }
            let outcome = bench.shoot(shot, self.snr_db);
            if let Some(lost) = lost(&outcome) {
                (judged, losses) = (judged + 1, losses + u32::from(lost));
            }
            self.outcomes.push(outcome);
        }
    }
}

/// Payloads from the last ratio at which all are lost, upwards until none is.
pub(super) fn walk(bench: &mut Bench, shot: &Shot, sweep: Sweep) -> Vec<Point> {
    let lost: Lost = Outcome::payload_lost;
    let tenth = sweep.frames / TENTH;
    let (mut points, mut falls, mut clear) = (Vec::<Point>::new(), false, 0);
    let mut snr_db = PAYLOADS_DB.0;
    while snr_db < PAYLOADS_DB.1 && clear < CLEAR {
        let point = Point::new(bench, shot, snr_db, tenth);
        falls |= point.outcomes.iter().any(|outcome| outcome.payload);
        if !falls {
            points.clear();
        }
        points.push(point);
        if falls {
            points.iter_mut().for_each(|point| point.fill(bench, shot, sweep.frames, lost));
            clear = points.iter().rev().take_while(|point| point.counts(lost).1 == 0).count();
        }
        snr_db += STEP_DB;
    }
    // Too few headers were understood there to tell.
    let told = points.iter().position(|point| point.counts(lost).0 >= tenth);
    points.split_off(told.unwrap_or(0))
}

/// The curve of points that are [`STEP_DB`] apart. It ends where nothing is lost any more: points that follow would hold it up at the half
/// loss that a point without one may stand for.
pub(super) fn curve(first_db: f64, mut points: Vec<(u32, u32)>) -> Curve {
    let end = points.iter().rposition(|point| point.1 > 0).map_or(0, |last| last + 1) + CLEAR;
    points.truncate(end);
    // Headers that no preamble has announced are none.
    points.iter_mut().filter(|point| point.0 == 0).for_each(|point| *point = (1, 1));
    Curve::new(first_db, STEP_DB, points)
}

/// The ratio at which half is lost, by bisection between two ratios; `frames` where it is close.
pub(super) fn half_db(
    bench: &mut Bench,
    shot: &Shot,
    frames: u32,
    lost: Lost,
    (mut low, mut high): (f64, f64),
) -> f64 {
    while high - low > CLOSE_DB {
        let middle = (low + high) / 2.0;
        if most_arrive(bench, shot, frames, lost, middle) { high = middle } else { low = middle }
    }
    (low + high) / 2.0
}

/// Whether more than half arrive: by `frames`, or fewer where it is plain.
fn most_arrive(bench: &mut Bench, shot: &Shot, frames: u32, lost: Lost, snr_db: f64) -> bool {
    let (mut judged, mut balance) = (0, 0);
    for _ in 0..frames * SHOTS / 2 {
        if let Some(lost) = lost(&bench.shoot(shot, snr_db)) {
            (judged, balance) = (judged + 1, balance + if lost { -1 } else { 1 });
        }
        let plain = judged >= FEW && f64::from(i32::abs(balance)) > SURE * f64::from(judged).sqrt();
        if plain || judged >= frames {
            break;
        }
    }
    judged >= FEW && balance > 0
}
