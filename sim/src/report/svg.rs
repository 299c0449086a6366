//! Plots, as plain SVG.

use std::fmt::Write;

/// Size of a plot, in its own units.
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 240.0;
/// Room for the axes: left, bottom, top.
const MARGIN: (f64, f64, f64) = (52.0, 34.0, 12.0);

/// A plot: axes with their names and what is drawn between them.
pub(super) struct Plot {
    body: String,
    x: (f64, f64),
    y: (f64, f64),
}

impl Plot {
    /// A plot of these ranges; an empty range is widened.
    pub(super) fn new(x_name: &str, y_name: &str, x: (f64, f64), y: (f64, f64)) -> Self {
        let widen = |(from, to): (f64, f64)| (from, if to > from { to } else { from + 1.0 });
        let mut plot = Self { body: String::new(), x: widen(x), y: widen(y) };
        plot.axes(x_name, y_name);
        plot
    }

    /// A bar from zero.
    pub(super) fn bar(&mut self, from: f64, to: f64, value: f64, title: &str) {
        let (left, right, top, bottom) =
            (self.at_x(from), self.at_x(to), self.at_y(value), self.at_y(self.y.0));
        self.add(&format!(
            "<rect class=\"bar\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{title}</title></rect>",
            (right - left - 1.0).max(0.5),
            (bottom - top).max(0.0)
        ));
    }

    /// A line through points, of a class that the page gives a colour.
    pub(super) fn line(&mut self, class: &str, points: &[(f64, f64)]) {
        let points: Vec<String> =
            points.iter().map(|&(x, y)| format!("{:.1},{:.1}", self.at_x(x), self.at_y(y))).collect();
        self.add(&format!("<polyline class=\"{class}\" points=\"{}\"/>", points.join(" ")));
        // A single point makes no line.
        for point in &points {
            let at = point.split_once(',').unwrap_or_default();
            self.add(&format!("<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"2\"/>", at.0, at.1));
        }
    }

    /// The whole.
    pub(super) fn finish(self) -> String {
        format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n{}</svg>\n", self.body)
    }

    fn axes(&mut self, x_name: &str, y_name: &str) {
        let (left, bottom) = (MARGIN.0, HEIGHT - MARGIN.1);
        for n in 0..=4 {
            let share = f64::from(n) / 4.0;
            let (x, y) = (self.x.0 + share * (self.x.1 - self.x.0), self.y.0 + share * (self.y.1 - self.y.0));
            let (at_x, at_y) = (self.at_x(x), self.at_y(y));
            self.add(&format!(
                "<line class=\"grid\" x1=\"{left}\" x2=\"{:.1}\" y1=\"{at_y:.1}\" y2=\"{at_y:.1}\"/>",
                WIDTH - 8.0
            ));
            // The last one ends where the plot does.
            let (at_x, anchor) = if n == 4 { (WIDTH - 2.0, "end") } else { (at_x, "middle") };
            self.add(&format!(
                "<text x=\"{at_x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
                bottom + 14.0,
                tick(x)
            ));
            self.add(&format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 5.0,
                at_y + 4.0,
                tick(y)
            ));
        }
        self.add(&format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{x_name}</text>",
            (left + WIDTH) / 2.0,
            HEIGHT - 4.0
        ));
        self.add(&format!(
            "<text transform=\"translate(12 {:.1}) rotate(-90)\" text-anchor=\"middle\">{y_name}</text>",
            (bottom + MARGIN.2) / 2.0
        ));
    }

    fn add(&mut self, element: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.body, "{element}");
    }

    fn at_x(&self, x: f64) -> f64 {
        MARGIN.0 + (x - self.x.0) / (self.x.1 - self.x.0) * (WIDTH - 8.0 - MARGIN.0)
    }

    fn at_y(&self, y: f64) -> f64 {
        HEIGHT - MARGIN.1 - (y - self.y.0) / (self.y.1 - self.y.0) * (HEIGHT - MARGIN.1 - MARGIN.2)
    }
}

/// A number with as many digits as an axis needs.
fn tick(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 || v == v.trunc() => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A histogram of ascending values in so many bars.
pub(super) fn histogram(x_name: &str, values: &[f64], bars: usize) -> String {
    let to = values.last().copied().unwrap_or(1.0).max(1e-9);
    let width = to / bars as f64;
    let mut counts = vec![0usize; bars];
    values.iter().for_each(|value| counts[((value / width) as usize).min(bars - 1)] += 1);
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    let mut plot = Plot::new(x_name, "meters", (0.0, to), (0.0, most as f64));
    for (n, &count) in counts.iter().enumerate() {
        let (from, to) = (n as f64 * width, (n + 1) as f64 * width);
        plot.bar(from, to, count as f64, &format!("{from:.0} to {to:.0}: {count}"));
    }
    plot.finish()
}

/// Text as it may stand in a page.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bars_of_a_histogram_hold_every_value() {
        let values: Vec<f64> = (0..37).map(f64::from).collect();
        let svg = histogram("seconds", &values, 5);
        let counts =
            svg.split(": ").skip(1).map(|rest| rest.split('<').next().unwrap().parse::<usize>().unwrap());
        assert_eq!(counts.sum::<usize>(), 37);
        assert_eq!(svg.matches("<rect").count(), 5);
        assert!(histogram("seconds", &[], 3).ends_with("</svg>\n"));
        assert_eq!(escaped("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
    }

    #[test]
    fn lines_and_their_points_lie_between_the_axes_and_the_highest_is_drawn_highest() {
        let mut plot = Plot::new("hours", "%", (0.0, 2.0), (0.0, 8.0));
        plot.line("share", &[(0.0, 0.0), (1.0, 8.0), (2.0, 4.0)]);
        let svg = plot.finish();
        let points = svg.split("points=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        assert_eq!(points, "52.0,206.0 302.0,12.0 552.0,109.0");
        assert_eq!(svg.matches("<circle class=\"share\"").count(), 3);
        assert!(svg.contains("<circle class=\"share\" cx=\"302.0\" cy=\"12.0\" r=\"2\"/>"));
        let mut empty = Plot::new("hours", "%", (0.0, 0.0), (0.0, 0.0));
        empty.line("share", &[(0.0, 0.0)]);
        assert!(!empty.finish().contains("NaN"));
    }
}
