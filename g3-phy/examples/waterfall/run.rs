//! From one trial to a curve: which ratios to visit, how many frames at each, on how many threads.

use crate::progress::Progress;
use crate::stats::{Point, Tally};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An experiment that can be repeated. The outcome of a frame depends on its number and the ratio alone.
pub(crate) trait Trial: Sync {
    fn run(&self, snr_db: f64, frames: Range<u64>) -> Tally;
}

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// A point ends with so many losses,
    pub(crate) losses: u64,
    /// or after so many frames.
    pub(crate) frames: u64,
    /// A curve ends at the first point with no higher an error rate.
    pub(crate) floor: f64,
    /// Hours of noise without a signal.
    pub(crate) noise_hours: f64,
    /// Distance between points, in dB.
    pub(crate) step_db: f64,
    pub(crate) threads: usize,
}

/// Frames that one thread takes at a time, through one modem.
const BATCH: u64 = 8;
/// Batches before the first look whether it is enough.
const FIRST_ROUND: u64 = 8;
/// Batches between later looks.
const ROUND_MAX: u64 = 128;
/// Above this error rate the walk takes large steps.
const HOPELESS: f64 = 0.9;
/// A curve that keeps more than this share of its losses from step to step is gone along in large steps.
const SLOW: f64 = 0.8;
/// Large step, in dB.
const STRIDE_DB: f64 = 1.0;
/// A large step in which losses fall by more than this factor is gone again in small ones.
const CLIFF: f64 = 3.0;
/// The walk goes down until more than this is lost.
const TOP: f64 = 0.5;
/// The walk gives up so far above and below its start, in dB.
const REACH_DB: f64 = 15.0;

/// The curve of `trial`, looked for from `start_db` on.
pub(crate) fn curve(trial: &impl Trial, start_db: f64, limits: &Limits, progress: &Progress) -> Vec<Point> {
    let start_db = (start_db / limits.step_db).round() * limits.step_db;
    let mut points: Vec<Point> = Vec::new();
    while let Some(snr_db) = next(&points, start_db, limits) {
        let tally = point(trial, snr_db, limits, progress);
        let place = points.partition_point(|point| point.snr_db < snr_db);
        points.insert(place, Point { snr_db, tally });
    }
    points
}

/// The ratio to visit after `points`, which are in ascending order.
fn next(points: &[Point], start_db: f64, limits: &Limits) -> Option<f64> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Some(start_db) };
    if last.tally.rate() > limits.floor {
        let stride = if is_slow(points, limits) { STRIDE_DB.max(limits.step_db) } else { limits.step_db };
        return Some(last.snr_db + stride).filter(|up| *up <= start_db + REACH_DB);
    }
    if let Some(pair) = points.windows(2).find(|pair| is_cliff(pair, limits)) {
        return Some(pair[1].snr_db - limits.step_db);
    }
    let down = first.snr_db - limits.step_db;
    (first.tally.rate() < TOP && down >= start_db - REACH_DB).then_some(down)
}

/// Whether the last points have hardly fallen.
fn is_slow(points: &[Point], limits: &Limits) -> bool {
    match points {
        [.., before, last] if last.tally.rate() <= HOPELESS => {
            let per_step = limits.step_db / (last.snr_db - before.snr_db);
            (last.tally.rate() / before.tally.rate()).powf(per_step) > SLOW
        }
        [.., last] => last.tally.rate() > HOPELESS,
        [] => false,
    }
}

/// Whether much has happened between two points that are more than a step apart.
fn is_cliff(pair: &[Point], limits: &Limits) -> bool {
    let (high, low) = (pair[0].tally.rate(), pair[1].tally.rate());
    pair[1].snr_db - pair[0].snr_db > 1.5 * limits.step_db
        && low < TOP
        && high > CLIFF * low.max(limits.floor)
}

/// Frames at one ratio until the limits are reached. Rounds are as long whatever the number of threads.
pub(crate) fn point(trial: &impl Trial, snr_db: f64, limits: &Limits, progress: &Progress) -> Tally {
    let (mut tally, mut batches) = (Tally::default(), FIRST_ROUND);
    while tally.lost() < limits.losses && tally.frames < limits.frames {
        batches = batches.min((limits.frames - tally.frames).div_ceil(BATCH));
        tally += round(trial, snr_db, tally.frames, batches, limits.threads);
        batches = (batches * 2).min(ROUND_MAX);
        progress.point(snr_db, &tally);
    }
    tally
}

fn round(trial: &impl Trial, snr_db: f64, first: u64, batches: u64, threads: usize) -> Tally {
    let taken = AtomicUsize::new(0);
    let work = || {
        let mut tally = Tally::default();
        loop {
            let batch = taken.fetch_add(1, Ordering::Relaxed) as u64;
            if batch >= batches {
                return tally;
            }
            let start = first + batch * BATCH;
            tally += trial.run(snr_db, start..start + BATCH);
        }
    };
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().for_each(|worker| tally += worker.join().expect("a trial does not panic"));
    });
    tally
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn limits(threads: usize) -> Limits {
        Limits { losses: 50, frames: 4000, floor: 3e-3, noise_hours: 0.0, step_db: 0.5, threads }
    }

    /// Loses every frame below 0 dB, none above 3 dB, and the share 10^-snr in between.
    struct Slope;

    impl Trial for Slope {
        fn run(&self, snr_db: f64, frames: Range<u64>) -> Tally {
            let every = 10f64.powf(snr_db.max(0.0)) as u64;
            let lost = frames.clone().filter(|n| snr_db < 3.0 && n % every == 0).count();
            Tally { frames: frames.end - frames.start, payload: lost as u64, ..Tally::default() }
        }
    }

    #[test]
    fn the_walk_finds_the_slope_from_below_from_above_and_from_within() {
        for start in [-9.0, 1.2, 9.0] {
            let points = curve(&Slope, start, &limits(1), &Progress::silent());
            let ratios: Vec<f64> = points.iter().map(|point| point.snr_db).collect();
            for wanted in [0.5, 1.0, 1.5, 2.0] {
                assert!(ratios.contains(&wanted), "from {start}: {ratios:?} lacks {wanted}");
            }
            assert!(ratios.is_sorted() && points.last().unwrap().tally.rate() <= 3e-3);
        }
    }

    /// Loses one frame in ten, whatever the ratio.
    struct Floor;

    impl Trial for Floor {
        fn run(&self, _: f64, frames: Range<u64>) -> Tally {
            let lost = frames.clone().filter(|n| n % 10 == 0).count() as u64;
            Tally { frames: frames.end - frames.start, payload: lost, ..Tally::default() }
        }
    }

    #[test]
    fn a_floor_is_gone_along_in_large_steps_until_the_walk_gives_up() {
        let points = curve(&Floor, 1.0, &limits(1), &Progress::silent());
        assert!(points.len() <= 30 && points.last().unwrap().snr_db > 15.0, "{}", points.len());
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let curve = |threads| curve(&Slope, 1.0, &limits(threads), &Progress::silent());
        assert_eq!(curve(1), curve(3));
    }

    #[test]
    fn a_point_ends_with_enough_losses_or_frames() {
        let tally = |snr| point(&Slope, snr, &limits(2), &Progress::silent());
        assert!((50..200).contains(&tally(0.0).lost()) && tally(0.0).frames < 200);
        assert_eq!(tally(4.0).frames, 4000);
    }
}
