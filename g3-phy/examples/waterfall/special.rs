//! Measurements that are not frames over a line: the yardstick, headers alone, noise alone.

use crate::alone::{Headers, Quiet};
use crate::anchors::{AGREEMENT_DB, ANCHORS, Anchor, AnchorTrial};
use crate::curves::{Curve, Frames};
use crate::plot::{Dot, Series, Style};
use crate::run::{Limits, curve as measure, point};
use crate::stats::{Crossing, Point, Tally, crossing, poisson_bound};
use crate::suite::{Suite, drawn, line, start};
use crate::table::{FER, Row, Verdict, csv, losses};

/// No more headers than this may be lost where ROBO loses 1 % of its frames.
const HEADERS_LOST: f64 = 1e-3;
/// No more preambles may be heard in an hour of noise.
const FALSE_PER_HOUR: f64 = 1.0;
/// Headers are short and ideal reception is simple: at least so many frames in the quick setting too.
const FRAMES_MIN: u64 = 4000;

impl Suite<'_> {
    pub(crate) fn anchors(&self, curve: &Curve) -> Result<Vec<Row>, String> {
        let limits = Limits { frames: self.limits.frames.max(FRAMES_MIN), losses: 100, ..self.limits };
        let (mut rows, mut results) = (Vec::new(), Vec::new());
        for anchor in ANCHORS {
            let trial = AnchorTrial { seed: self.seed, anchor };
            let points = measure(&trial, anchor.published_db, &limits, &self.progress);
            rows.push(anchor_row(&anchor, crossing(&points, FER)));
            results.push((anchor.name, points));
        }
        let series: Vec<(&str, &[Point])> =
            results.iter().map(|(name, points)| (*name, &points[..])).collect();
        self.write(&format!("{}.csv", curve.name), &csv(&series, 0.0))?;
        let lines =
            series.iter().enumerate().map(|(n, (name, points))| drawn(name, Style::Measured(n), points));
        self.draw(curve, "Eb/N0, dB", lines.chain([published()]).collect())?;
        Ok(rows)
    }

    /// How many preambles and headers are lost, and how many where ROBO loses 1 % of its frames.
    pub(crate) fn headers(
        &mut self,
        curve: &Curve,
        frames: &Frames,
        robo: &'static str,
    ) -> Result<Row, String> {
        let robo = start(&self.named(robo));
        let (plan, config) = (frames.plan, frames.config);
        let trial = Headers { seed: self.seed, plan, config, line: line(frames) };
        let limits = Limits { frames: self.limits.frames.max(FRAMES_MIN), losses: 100, ..self.limits };
        let points = measure(&trial, robo - 2.0, &limits, &self.progress);
        let snr_db = (robo / limits.step_db).floor() * limits.step_db;
        let tally = point(&trial, snr_db, &limits, &self.progress);
        self.write(&format!("{}.csv", curve.name), &csv(&[("headers", &points)], 0.0))?;
        self.draw(curve, "SNR per carrier (Es/N0), dB", parts(&points))?;
        let (low, high) = tally.interval();
        Ok(Row {
            title: curve.title.into(),
            measured: format!("{:.3} % at {snr_db:.2} dB", 100.0 * tally.rate()),
            reference: "where ROBO loses 1 %".into(),
            gap: format!("{:.3} to {:.3} %", 100.0 * low, 100.0 * high),
            goal: format!("{:.1} %", 100.0 * HEADERS_LOST),
            verdict: Verdict::of_floor(&tally, HEADERS_LOST),
            losses: losses(&[Point { snr_db, tally }]),
        })
    }

    /// How often noise is taken for a preamble.
    pub(crate) fn quiet(&mut self, curve: &Curve, frames: &Frames, share: f64) -> Result<Row, String> {
        let (plan, config) = (frames.plan, frames.config);
        let trial = Quiet { seed: self.seed, plan, config, line: line(frames) };
        let pieces = (self.limits.noise_hours * share / trial.hours(1)).ceil() as u64;
        let limits = Limits { frames: pieces, losses: u64::MAX, ..self.limits };
        let tally = point(&trial, 0.0, &limits, &self.progress);
        let points = [Point { snr_db: 0.0, tally }];
        self.write(&format!("{}.csv", curve.name), &csv(&[("pieces of noise", &points)], 0.0))?;
        let (alarms, hours) = (tally.preamble, trial.hours(tally.frames));
        let bound = poisson_bound(alarms, hours);
        Ok(Row {
            title: curve.title.into(),
            measured: format!("{alarms} in {hours:.1} h"),
            reference: "-".into(),
            gap: format!("at most {bound:.1} per h"),
            goal: format!("{FALSE_PER_HOUR:.0} per h"),
            verdict: verdict(alarms as f64 / hours, bound),
            losses: losses(&points),
        })
    }
}

fn verdict(rate: f64, bound: f64) -> Verdict {
    if bound <= FALSE_PER_HOUR {
        Verdict::Reached
    } else if rate <= FALSE_PER_HOUR {
        Verdict::Near
    } else {
        Verdict::Missed
    }
}

/// Preambles missed, and headers that were wrong when the preamble was not missed.
fn parts(points: &[Point]) -> Vec<Series> {
    let part = |keep: fn(&Tally) -> Tally| -> Vec<Point> {
        points.iter().map(|point| Point { tally: keep(&point.tally), ..*point }).collect()
    };
    let missed = part(|t| Tally { frames: t.frames, preamble: t.preamble, ..Tally::default() });
    let wrong = part(|t| Tally { frames: t.frames, header: t.header + t.wrong, ..Tally::default() });
    vec![
        drawn("preamble missed", Style::Measured(0), &missed),
        drawn("header wrong", Style::Measured(1), &wrong),
    ]
}

fn published() -> Series {
    let dot = |anchor: &Anchor| Dot { x: anchor.published_db, y: FER, low: FER, high: FER };
    Series { label: "published".into(), style: Style::Rings, points: ANCHORS.iter().map(dot).collect() }
}

fn anchor_row(anchor: &Anchor, found: Option<Crossing>) -> Row {
    let (measured, gap, verdict) = match found {
        Some(found) => {
            let gap = found.at - anchor.published_db;
            (
                format!("{:.2} dB", found.at),
                format!("{gap:+.2} dB"),
                Verdict::of(gap.abs(), 0.0, AGREEMENT_DB),
            )
        }
        None => ("-".into(), "-".into(), Verdict::Open),
    };
    Row {
        title: format!("Yardstick: {}, Eb/N0", anchor.name),
        measured,
        reference: format!("{:.1} dB (published)", anchor.published_db),
        gap,
        goal: format!("±{AGREEMENT_DB:.1} dB"),
        verdict,
        losses: "-".into(),
    }
}
