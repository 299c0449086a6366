//! The report as a page of its own: no script, no other file.

use super::map::map;
use super::svg::{Plot, escaped, histogram};
use super::{PeriodFigures, Report};
use std::fmt::Write;

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;max-width:74rem;margin:2rem auto;padding:0 1rem;color:#1d2733;background:#fff}\
h1{font-size:1.5rem}h2{font-size:1.05rem;margin:1.6rem 0 .4rem}pre{background:#f4f6f8;padding:1rem;overflow-x:auto}\
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(24rem,1fr));gap:1.2rem}svg{width:100%;height:auto}\
svg text{font:11px system-ui,sans-serif;fill:#51606f}.grid{stroke:#e3e8ed}.bar{fill:#3274b5}polyline{fill:none;stroke-width:1.6}\
.half{stroke:#3274b5}.all{stroke:#c2582a}.share{stroke:#2f8f5b}\
circle.half{fill:#3274b5}circle.all{fill:#c2582a}circle.share{fill:#2f8f5b}.way{stroke:#b9c4cf;stroke-width:.7}.hub{fill:#1d2733}\
.lost{fill:#fff;stroke:#c0392b}.hop1{fill:#2f8f5b}.hop2{fill:#3274b5}.hop3{fill:#8e6bbf}.hop4{fill:#c2582a}.hop5{fill:#c0392b}\
.key span{display:inline-block;margin-right:1.2rem}.key i{display:inline-block;width:.7rem;height:.7rem;border-radius:50%;margin-right:.35rem}";

impl Report {
    /// The report as a page.
    pub fn html(&self) -> String {
        let name = escaped(&self.name);
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{name}</title>\n<style>{STYLE}</style></head>\n<body>\n<h1>{name}</h1>\n<p>{}</p>\n<div class=\"plots\">\n",
            escaped(&self.about)
        );
        for (title, plot) in self.plots() {
            // Writing to a string cannot fail.
            let _ = write!(page, "<div><h2>{title}</h2>\n{plot}</div>\n");
        }
        let _ = write!(page, "</div>\n<h2>Map of the mesh</h2>\n{}{}", key(), map(self, self.busbar));
        let _ = write!(page, "<h2>Figures</h2>\n<pre>{}</pre>\n</body></html>\n", escaped(&self.text()));
        page
    }

    fn plots(&self) -> Vec<(&'static str, String)> {
        vec![
            ("Join times", histogram("seconds from power to join", &self.join_times_s(), 24)),
            ("Hops", self.hop_plot()),
            ("Cycle time: half (blue) and all (red) read after", self.cycle_plot()),
            ("Share of meters read in each period", self.share_plot()),
            (
                "Retries per hundred frames in each period",
                self.period_plot("%", "share", PeriodFigures::retries_percent),
            ),
            ("Line in each period: busy (blue) and time on air of all frames (red)", self.line_plot()),
            (
                "Collisions in each period: receptions (blue) and frames (red) lost to another frame",
                self.collision_plot(),
            ),
            ("Retries per hundred frames, by meter", self.retry_plot()),
            ("Time on air by meter", self.airtime_plot()),
        ]
    }

    fn hop_plot(&self) -> String {
        let hops = self.hop_histogram();
        let most = hops.iter().map(|hop| hop.1).max().unwrap_or(1);
        let far = hops.last().map_or(1, |hop| hop.0);
        let mut plot = Plot::new("hops", "meters", (0.5, f64::from(far) + 0.5), (0.0, most as f64));
        for (hop, count) in hops {
            let at = f64::from(hop);
            plot.bar(at - 0.4, at + 0.4, count as f64, &format!("{hop}: {count}"));
        }
        plot.finish()
    }

    fn hour(&self, period: &PeriodFigures) -> f64 {
        (period.capture.as_millis() - self.start.as_millis()) as f64 / 3.6e6
    }

    fn cycle_plot(&self) -> String {
        let points = |pick: fn((f64, f64)) -> f64| -> Vec<(f64, f64)> {
            self.periods
                .iter()
                .filter_map(|period| Some((self.hour(period), pick(period.seconds?))))
                .collect()
        };
        self.lines("seconds", &[("half", points(|seconds| seconds.0)), ("all", points(|seconds| seconds.1))])
    }

    fn share_plot(&self) -> String {
        let share = |period: &PeriodFigures| 100.0 * period.read.0 as f64 / period.read.1.max(1) as f64;
        let points = self.points(share);
        let least = points.iter().map(|point| point.1).fold(99.0, f64::min);
        let mut plot = Plot::new("hours", "%", self.hours(), (least, 100.0));
        plot.line("share", &points);
        plot.finish()
    }

    fn period_plot(&self, unit: &str, class: &str, of: impl Fn(&PeriodFigures) -> f64) -> String {
        self.lines(unit, &[(class, self.points(of))])
    }

    fn line_plot(&self) -> String {
        let on_air =
            |period: &PeriodFigures| 100.0 * period.line.airtime.as_secs_f64() / self.every.as_secs_f64();
        let busy = |period: &PeriodFigures| self.busy_percent(period);
        self.lines("% of the time", &[("all", self.points(on_air)), ("half", self.points(busy))])
    }

    fn collision_plot(&self) -> String {
        let receptions = self.points(|period| period.line.collisions as f64);
        let frames = self.points(|period| period.line.collided as f64);
        self.lines("lost", &[("half", receptions), ("all", frames)])
    }

    /// A point for each period, where it begins.
    fn points(&self, of: impl Fn(&PeriodFigures) -> f64) -> Vec<(f64, f64)> {
        self.periods.iter().map(|period| (self.hour(period), of(period))).collect()
    }

    fn hours(&self) -> (f64, f64) {
        (0.0, self.duration.as_secs_f64() / 3600.0)
    }

    /// Lines over the time, from zero up.
    fn lines(&self, unit: &str, lines: &[(&str, Vec<(f64, f64)>)]) -> String {
        let all = lines.iter().flat_map(|(_, points)| points);
        // With a little room, so that what is level with the highest is seen.
        let most = 1.05 * all.map(|point| point.1).fold(0.0, f64::max);
        let mut plot = Plot::new("hours", unit, self.hours(), (0.0, most));
        lines.iter().for_each(|(class, points)| plot.line(class, points));
        plot.finish()
    }

    fn retry_plot(&self) -> String {
        let of =
            |meter: &super::MeterFigures| 100.0 * meter.node.retries as f64 / meter.node.frames.max(1) as f64;
        let mut values: Vec<f64> = self.meters.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        histogram("retries per hundred frames", &values, 24)
    }

    fn airtime_plot(&self) -> String {
        let mut values: Vec<f64> = self.meters.iter().map(|meter| meter.node.airtime.as_secs_f64()).collect();
        values.sort_by(f64::total_cmp);
        histogram("seconds on air", &values, 24)
    }
}

fn key() -> String {
    let entry =
        |colour: &str, text: &str| format!("<span><i style=\"background:{colour}\"></i>{text}</span>");
    let hops = ["#2f8f5b", "#3274b5", "#8e6bbf", "#c2582a", "#c0392b"].iter().zip([
        "1 hop",
        "2",
        "3",
        "4",
        "5 and more",
    ]);
    let hops: String = hops.map(|(colour, text)| entry(colour, text)).collect();
    format!("<p class=\"key\">{hops}{}</p>\n", entry("#fff;border:1px solid #c0392b", "never heard"))
}
