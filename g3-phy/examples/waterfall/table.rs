//! Results as CSV and as tables.

use crate::curves::{Against, Curve, Frames, Goal};
use crate::stats::{Crossing, Point, Tally, crossing};
use std::fmt::Write;

/// A line of the summary.
pub(crate) struct Row {
    pub(crate) title: String,
    /// What was measured, with its unit.
    pub(crate) measured: String,
    /// What it is compared with.
    pub(crate) reference: String,
    /// How far they are apart.
    pub(crate) gap: String,
    pub(crate) goal: String,
    pub(crate) verdict: Verdict,
    /// Where frames were lost, over all points.
    pub(crate) losses: String,
}

/// How a measurement stands to its goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Reached,
    /// Within the interval of the measurement.
    Near,
    Missed,
    /// There is nothing to compare.
    Open,
}

/// The crossing that counts.
pub(crate) const FER: f64 = 0.01;

const HEADINGS: [&str; 7] =
    ["curve", "measured", "reference", "gap", "goal", "verdict", "lost: preamble/header/payload/wrong"];

impl Verdict {
    /// `gap` dB, ± `margin` on either side, against `goal`.
    pub(crate) fn of(gap: f64, margin: f64, goal: f64) -> Self {
        // A hundredth of a decibel is not measured.
        let goal = goal + 0.005;
        if gap + margin <= goal {
            Self::Reached
        } else if gap - margin <= goal {
            Self::Near
        } else {
            Self::Missed
        }
    }

    /// A point that must not lose more than `rate`.
    pub(crate) fn of_floor(tally: &Tally, rate: f64) -> Self {
        let (low, high) = tally.interval();
        if tally.rate() <= rate && high <= 2.0 * rate {
            Self::Reached
        } else if low <= rate {
            Self::Near
        } else {
            Self::Missed
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Near => "within error",
            Self::Missed => "missed",
            Self::Open => "-",
        }
    }
}

impl Row {
    /// The row of `curve`, whose points are `here`, compared with `there`.
    pub(crate) fn compare(curve: &Curve, frames: &Frames, here: &[Point], there: &[Point]) -> Self {
        let (found, known) = (crossing(here, FER), crossing(there, FER));
        let apart = found.zip(known).map(|(found, known)| distance(found, known));
        let against = match frames.against {
            Against::Reference => " (ideal)".into(),
            Against::Curve(name) => format!(" ({name})"),
        };
        Self {
            title: curve.title.into(),
            measured: decibels(found),
            reference: decibels(known) + &against,
            gap: apart.map_or("-".into(), |(gap, margin)| format!("{gap:+.2} ±{margin:.2} dB")),
            goal: goal(frames.goal),
            verdict: verdict(frames.goal, here, apart),
            losses: losses(here),
        }
    }

    fn cells(&self) -> [String; 7] {
        [
            self.title.clone(),
            self.measured.clone(),
            self.reference.clone(),
            self.gap.clone(),
            self.goal.clone(),
            self.verdict.word().into(),
            self.losses.clone(),
        ]
    }
}

fn decibels(crossing: Option<Crossing>) -> String {
    crossing.map_or("-".into(), |crossing| format!("{:.2} dB", crossing.at))
}

fn goal(goal: Goal) -> String {
    match goal {
        Goal::Within(db) => format!("{db:+.1} dB"),
        Goal::Floor(rate) => format!("falls to {rate:.0e}"),
        Goal::None => "-".into(),
    }
}

fn verdict(goal: Goal, here: &[Point], apart: Option<(f64, f64)>) -> Verdict {
    match (goal, apart, here.last()) {
        (Goal::Within(db), Some((gap, margin)), _) => Verdict::of(gap, margin, db),
        (Goal::Within(_), None, _) => Verdict::Missed,
        (Goal::Floor(rate), _, Some(last)) => Verdict::of_floor(&last.tally, rate),
        _ => Verdict::Open,
    }
}

/// How far two crossings are apart, and how sure that is.
fn distance(here: Crossing, there: Crossing) -> (f64, f64) {
    (here.at - there.at, half_width(here).hypot(half_width(there)))
}

/// Half of the interval, as far as it is known.
fn half_width(crossing: Crossing) -> f64 {
    let sides = [crossing.at - crossing.low, crossing.high - crossing.at];
    sides.into_iter().filter(|side| side.is_finite()).fold(0.0, f64::max)
}

/// Losses of all points by where they happened.
pub(crate) fn losses(points: &[Point]) -> String {
    let mut total = Tally::default();
    points.iter().for_each(|point| total += point.tally);
    format!("{}/{}/{}/{}", total.preamble, total.header, total.payload, total.wrong)
}

/// The table for a terminal.
pub(crate) fn text(rows: &[Row]) -> String {
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    let width =
        |n: usize| cells.iter().map(|c| c[n].chars().count()).max().unwrap_or(0).max(HEADINGS[n].len());
    let widths: [usize; 7] = core::array::from_fn(width);
    let mut out = String::new();
    for line in std::iter::once(HEADINGS.map(str::to_owned)).chain(cells) {
        for (cell, width) in line.iter().zip(widths) {
            write!(out, "{cell:<width$}  ").expect("a string grows");
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out
}

/// The table for a book.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut out = format!("| {} |\n|{}\n", HEADINGS.join(" | "), "---|".repeat(HEADINGS.len()));
    for row in rows {
        writeln!(out, "| {} |", row.cells().join(" | ")).expect("a string grows");
    }
    out
}

/// The points of a curve and of what it is compared with. `eb_db` is Eb/N0 over the ratio per carrier.
pub(crate) fn csv(series: &[(&str, &[Point])], eb_db: f64) -> String {
    let mut out = String::from(
        "series,snr_per_carrier_db,eb_n0_db,frames,lost,fer,fer_low_95,fer_high_95,lost_preamble,lost_header,lost_payload,wrong_payload\n",
    );
    for (name, points) in series {
        for Point { snr_db, tally } in *points {
            let ((low, high), eb) = (tally.interval(), snr_db + eb_db);
            let Tally { frames, preamble, header, payload, wrong } = *tally;
            let (lost, rate) = (tally.lost(), tally.rate());
            writeln!(
                out,
                "{name},{snr_db:.2},{eb:.2},{frames},{lost},{rate:.3e},{low:.3e},{high:.3e},{preamble},{header},{payload},{wrong}"
            )
            .expect("a string grows");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_knows_its_error() {
        assert_eq!(Verdict::of(0.30, 0.0, 0.3), Verdict::Reached);
        assert_eq!(Verdict::of(0.25, 0.1, 0.3), Verdict::Near);
        assert_eq!(Verdict::of(0.36, 0.1, 0.3), Verdict::Near);
        assert_eq!(Verdict::of(0.46, 0.1, 0.3), Verdict::Missed);
        assert_eq!(Verdict::of(-3.1, 0.1, -3.0), Verdict::Reached);
        assert_eq!(Verdict::of(-3.1, 0.2, -3.0), Verdict::Near);
        assert_eq!(Verdict::of(-2.5, 0.1, -3.0), Verdict::Missed);
    }

    #[test]
    fn a_floor_is_only_excluded_by_enough_frames() {
        let tally = |payload, frames| Tally { frames, payload, ..Tally::default() };
        assert_eq!(Verdict::of_floor(&tally(0, 400), 1e-3), Verdict::Near);
        assert_eq!(Verdict::of_floor(&tally(15, 20_000), 1e-3), Verdict::Reached);
        assert_eq!(Verdict::of_floor(&tally(100, 20_000), 1e-3), Verdict::Missed);
    }

    #[test]
    fn a_line_of_the_file_holds_both_ratios_and_all_losses() {
        let tally = Tally { frames: 200, preamble: 1, header: 2, payload: 3, wrong: 0 };
        let csv = csv(&[("modem", &[Point { snr_db: 2.5, tally }])], 3.0103);
        let line = csv.lines().nth(1).unwrap();
        assert!(line.starts_with("modem,2.50,5.51,200,6,3.000e-2,") && line.ends_with(",1,2,3,0"), "{line}");
        assert_eq!(csv.lines().next().unwrap().split(',').count(), line.split(',').count());
    }
}
