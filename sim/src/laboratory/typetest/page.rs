//! The report as a page of its own: no script, no other file.

use super::plot::{Bound, Curve, key, plot};
use super::report::{Report, Tested, number, outcome, signed};
use super::row::{Quantity, Row, Task, Verdict};
use std::fmt::Write;

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;max-width:78rem;margin:2rem auto;padding:0 1rem;color:#1d2733;background:#fff}\
h1{font-size:1.5rem}h2{font-size:1.2rem;margin:2.2rem 0 .4rem}h3{font-size:1rem;margin:1rem 0 .2rem}\
table{border-collapse:collapse;width:100%;font-size:13px}th,td{text-align:left;padding:.16rem .5rem;border-bottom:1px solid #e3e8ed}\
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}tr.FAIL td{background:#fbe4e1}tr.not td{color:#8693a0}\
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(26rem,1fr));gap:1.2rem}svg{width:100%;height:auto}\
svg text{font:11px system-ui,sans-serif;fill:#51606f}.grid{stroke:#e3e8ed}.zero{stroke:#9aa7b3}.bound{stroke:#c0392b;stroke-width:1.4;stroke-dasharray:5 3}\
polyline{fill:none;stroke-width:1.5}.key span{display:inline-block;margin-right:1.1rem;font-size:13px}\
.key i{display:inline-block;width:.7rem;height:.7rem;border-radius:50%;margin-right:.35rem}";

const ABOUT: &str = "Waves are synthesised, go through models of sensors and of a sigma-delta converter with their errors, and are measured by the \
integer core, whose calibration constants were found by the procedure of the product. The truth is computed apart in floating point from the \
waves themselves. Marks: A, two independent sources of the limit; B, one; C, not checked against the text of the standard. Rows that are not run \
need a field, a magnet or a surge. This is a test of models and arithmetic, and no type approval.";

impl Report {
    /// The report as a page.
    pub fn html(&self) -> String {
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Type test</title>\n<style>{STYLE}</style></head>\n<body>\n<h1>Type test of the metrology</h1>\n<p>{ABOUT}</p>\n"
        );
        page.push_str(&self.summary());
        for (n, tested) in self.tested.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(page, "<h2 id=\"d{n}\">{}</h2>", tested.name);
            page.push_str(&tested.plots());
            page.push_str(&tested.table());
        }
        page.push_str("</body></html>\n");
        page
    }

    fn summary(&self) -> String {
        let mut table = "<table><tr><th>Design<th class=\"n\">Passed<th class=\"n\">Failed<th class=\"n\">Not run<th class=\"n\">Worst, of its limit</tr>\n".to_string();
        for (n, tested) in self.tested.iter().enumerate() {
            let (passed, failed, other) = tested.counts();
            let class = if failed > 0 { "FAIL" } else { "" };
            let _ = writeln!(
                table,
                "<tr class=\"{class}\"><td><a href=\"#d{n}\">{}</a><td class=\"n\">{passed}<td class=\"n\">{failed}<td class=\"n\">{other}<td class=\"n\">{:.0} %</tr>",
                tested.name,
                tested.worst_share() * 100.0
            );
        }
        table + "</table>\n"
    }
}

impl Tested {
    fn plots(&self) -> String {
        let balanced = self.curves(Quantity::Active, "balanced");
        let single = self.curves(Quantity::Active, "phase");
        let reactive = self.curves(Quantity::Reactive, "reactive");
        let bounds = |start: &str| self.bounds(start);
        let x = "current, multiples of the reference current";
        let mut page = "<div class=\"plots\">\n".to_string();
        let mut add = |title: &str, curves: &[Curve], bounds: &[Bound]| {
            if !curves.is_empty() {
                let _ =
                    write!(page, "<div><h3>{title}</h3>\n{}{}</div>\n", plot(curves, bounds, x), key(curves));
            }
        };
        add("Balanced load, with the limits at power factor 1", &balanced, &bounds("balanced"));
        add("Balanced load, enlarged", &balanced, &[]);
        add("One phase loaded", &single, &bounds("one phase"));
        add("Reactive energy", &reactive, &[]);
        page + "</div>\n"
    }

    /// Curves of errors whose series begin with `start`, each sorted by current.
    fn curves(&self, quantity: Quantity, start: &str) -> Vec<Curve> {
        let rows = self.rows.iter().zip(&self.verdicts);
        let rows = rows.filter(|(row, _)| {
            row.quantity == quantity
                && matches!(row.task, Task::Error(_))
                && (row.clause.starts_with("62053") || row.clause == "goal")
        });
        let mut curves: Vec<Curve> = Vec::new();
        for (series, x, percent) in
            rows.flat_map(|(_, verdict)| &verdict.curve).filter(|point| point.0.starts_with(start))
        {
            match curves.iter_mut().find(|curve| curve.0 == *series) {
                Some(curve) => curve.1.push((*x, *percent)),
                None => curves.push((series.clone(), vec![(*x, *percent)])),
            }
        }
        curves.iter_mut().for_each(|curve| curve.1.sort_by(|a, b| a.0.total_cmp(&b.0)));
        curves
    }

    fn bounds(&self, start: &str) -> Vec<Bound> {
        let rows = self.rows.iter().filter(|row| {
            row.what.starts_with(start)
                && row.what.ends_with("PF 1")
                && (row.clause.starts_with("62053") || row.clause == "goal")
        });
        let bound = |row: &Row| match &row.task {
            Task::Error(points) => {
                let x = || points.iter().map(|point| point.x);
                Some((x().fold(f64::MAX, f64::min), x().fold(0.0, f64::max), row.limit))
            }
            _ => None,
        };
        rows.filter_map(bound).collect()
    }

    fn table(&self) -> String {
        let mut table = "<table><tr><th>Clause<th>Test<th class=\"n\">Limit<th class=\"n\">Measured<th>Unit<th>Verdict<th>Mark</tr>\n".to_string();
        for (row, verdict) in self.rows.iter().zip(&self.verdicts) {
            let _ = writeln!(table, "{}", line(row, verdict));
        }
        table + "</table>\n"
    }
}

fn line(row: &Row, verdict: &Verdict) -> String {
    let what = row.what.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<tr class=\"{}\"><td>{}<td>{what}<td class=\"n\">±{}<td class=\"n\">{}<td>{}<td>{}<td>{}</tr>",
        outcome(verdict).split(' ').next().unwrap_or_default(),
        row.clause,
        number(row.limit),
        verdict.measured.map_or("–".into(), signed),
        row.unit,
        outcome(verdict),
        row.mark
    )
}
