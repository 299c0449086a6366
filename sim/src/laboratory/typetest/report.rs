//! The report of a type test: text, CSV and a page.

use super::row::{Row, Verdict};
use metrology::AccuracyClass;
use std::fmt::Write;

/// One design with its rows and what came of them.
pub struct Tested {
    /// Name of the design.
    pub name: &'static str,
    /// Its class.
    pub class: AccuracyClass,
    /// Its rows.
    pub rows: Vec<Row>,
    /// Their verdicts, in the same order.
    pub verdicts: Vec<Verdict>,
}

impl Tested {
    /// Rows passed, failed, and not run.
    pub fn counts(&self) -> (usize, usize, usize) {
        let with =
            |passed: Option<bool>| self.verdicts.iter().filter(|verdict| verdict.passed == passed).count();
        (with(Some(true)), with(Some(false)), with(None))
    }

    /// The largest measured value as a part of its limit, among rows in percent.
    pub fn worst_share(&self) -> f64 {
        let shares = self.rows.iter().zip(&self.verdicts).filter(|(row, _)| row.unit.starts_with('%'));
        shares.filter_map(|(row, verdict)| Some(verdict.measured?.abs() / row.limit)).fold(0.0, f64::max)
    }
}

/// A whole report.
pub struct Report {
    /// What was tested.
    pub tested: Vec<Tested>,
}

impl Report {
    /// A table of all rows and one of all designs.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for tested in &self.tested {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\n{}\n{}", tested.name, "-".repeat(tested.name.len()));
            for (row, verdict) in tested.rows.iter().zip(&tested.verdicts) {
                let _ = writeln!(
                    text,
                    "{:<15} {:<76} {:>9} {:>11} {:<7} {:<7} {}",
                    row.clause,
                    row.what,
                    format!("±{}", number(row.limit)),
                    verdict.measured.map_or("-".into(), signed),
                    row.unit,
                    outcome(verdict),
                    row.mark
                );
            }
        }
        let _ = writeln!(
            text,
            "\n{:<34} {:>6} {:>6} {:>9} {:>16}",
            "design", "passed", "failed", "elsewhere", "worst of limit"
        );
        for tested in &self.tested {
            let (passed, failed, other) = tested.counts();
            let share = format!("{:.0} %", tested.worst_share() * 100.0);
            let _ = writeln!(text, "{:<34} {passed:>6} {failed:>6} {other:>9} {share:>16}", tested.name);
        }
        text
    }

    /// Every row as a line of comma-separated values.
    pub fn csv(&self) -> String {
        let mut csv = "design,clause,test,limit,unit,measured,verdict,confidence\n".to_string();
        for tested in &self.tested {
            for (row, verdict) in tested.rows.iter().zip(&tested.verdicts) {
                let measured = verdict.measured.map_or(String::new(), |value| format!("{value:.5}"));
                let cells = [
                    tested.name,
                    row.clause,
                    &row.what,
                    &row.limit.to_string(),
                    row.unit,
                    &measured,
                    outcome(verdict),
                    &row.mark.to_string(),
                ];
                let line: Vec<String> =
                    cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
                csv.push_str(&line.join(","));
                csv.push('\n');
            }
        }
        csv
    }

    /// Whether no row has failed.
    pub fn passed(&self) -> bool {
        self.tested.iter().all(|tested| tested.counts().1 == 0)
    }
}

pub(super) const fn outcome(verdict: &Verdict) -> &'static str {
    match verdict.passed {
        Some(true) => "pass",
        Some(false) => "FAIL",
        None => "not run",
    }
}

/// As many digits as a limit has.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

pub(super) fn signed(value: f64) -> String {
    format!("{value:+.4}")
}
