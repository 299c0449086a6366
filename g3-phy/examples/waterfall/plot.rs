//! Curves as SVG: a logarithmic axis of error rates over one of decibels, a white ground, a legend.

use std::fmt::Write;

/// A picture.
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) x_label: String,
    pub(crate) y_label: String,
    pub(crate) series: Vec<Series>,
    /// A horizontal line with a word at it.
    pub(crate) mark: Option<(f64, &'static str)>,
}

/// A line in it.
pub(crate) struct Series {
    pub(crate) label: String,
    pub(crate) style: Style,
    pub(crate) points: Vec<Dot>,
}

/// A point with its interval. Values that the logarithm cannot show are left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dot {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Dashed, no points: what theory says.
    Theory,
    /// Rings, no line: points from elsewhere.
    Rings,
    /// The measurement, number so and so, with points and intervals.
    Measured(usize),
}

const SIZE: (f64, f64) = (720.0, 460.0);
/// Left, top, right, bottom.
const MARGIN: [f64; 4] = [68.0, 40.0, 16.0, 48.0];
const COLOURS: [&str; 5] = ["#0a58ca", "#c2410c", "#15803d", "#7e22ce", "#a16207"];
const INK: &str = "#222222";
const GRID: &str = "#d4d4d4";
/// The least that the axis of rates reaches down to, and the most.
const BOTTOM: (f64, f64) = (1e-2, 1e-6);
/// Distances between grid lines that people like, and how many there may be.
const STEPS: [f64; 6] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0];
const LINES_MAX: f64 = 12.0;

/// Where things stand.
struct Frame {
    x: (f64, f64),
    /// Exponents of ten, the upper one first.
    y: (i32, i32),
    step: f64,
}

impl Plot {
    /// The picture as a file.
    pub(crate) fn svg(&self) -> String {
        let frame = Frame::around(&self.series);
        let mut out = String::new();
        let (width, height) = SIZE;
        line(
            &mut out,
            format_args!(
                r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" fill="{INK}">"##
            ),
        );
        line(&mut out, format_args!(r##"<rect width="{width}" height="{height}" fill="#ffffff"/>"##));
        self.axes(&frame, &mut out);
        self.series.iter().for_each(|series| series.draw(&frame, &mut out));
        self.legend(&mut out);
        out.push_str("</svg>\n");
        out
    }

    fn axes(&self, frame: &Frame, out: &mut String) {
        let [left, top, right, bottom] = frame.edges();
        let mut x = frame.x.0;
        while x <= frame.x.1 + 1e-9 {
            let at = frame.across(x);
            stroke(out, [at, top, at, bottom], GRID);
            text(out, at, bottom + 16.0, "middle", &format!("{x}"));
            x += frame.step;
        }
        for exponent in frame.y.1..=frame.y.0 {
            let at = frame.down(10f64.powi(exponent));
            stroke(out, [left, at, right, at], GRID);
            text(
                out,
                left - 6.0,
                at + 4.0,
                "end",
                &format!("{:.*}", exponent.unsigned_abs() as usize, 10f64.powi(exponent)),
            );
        }
        line(
            out,
            format_args!(
                r#"<rect x="{left}" y="{top}" width="{:.1}" height="{:.1}" fill="none" stroke="{INK}"/>"#,
                right - left,
                bottom - top
            ),
        );
        if let Some((y, word)) = self.mark {
            stroke(out, [left, frame.down(y), right, frame.down(y)], "#888888");
            text(out, left + 4.0, frame.down(y) - 4.0, "start", word);
        }
        text(out, SIZE.0 / 2.0, 24.0, "middle", &self.title);
        text(out, (left + right) / 2.0, SIZE.1 - 10.0, "middle", &self.x_label);
        let middle = (top + bottom) / 2.0;
        line(
            out,
            format_args!(
                r#"<text x="16" y="{middle:.1}" text-anchor="middle" transform="rotate(-90 16 {middle:.1})">{}</text>"#,
                escape(&self.y_label)
            ),
        );
    }

    /// At the lower left, where waterfalls leave room.
    fn legend(&self, out: &mut String) {
        let (left, row) = (MARGIN[0] + 12.0, 18.0);
        let first = SIZE.1 - MARGIN[3] - 10.0 - row * self.series.len() as f64;
        let longest = self.series.iter().map(|series| series.label.chars().count()).max().unwrap_or(0) as f64;
        line(
            out,
            format_args!(
                r##"<rect x="{left}" y="{first:.1}" width="{:.1}" height="{:.1}" fill="#ffffff" fill-opacity="0.9" stroke="{GRID}"/>"##,
                50.0 + 6.6 * longest,
                row * self.series.len() as f64 + 4.0
            ),
        );
        for (n, series) in self.series.iter().enumerate() {
            let y = first + row * n as f64 + 11.0;
            match series.style {
                Style::Rings => ring(out, left + 22.0, y),
                style => line(
                    out,
                    format_args!(r#"<path d="M{:.1} {y:.1}h28" {}/>"#, left + 8.0, style.attributes()),
                ),
            }
            text(out, left + 42.0, y + 4.0, "start", &series.label);
        }
    }
}

impl Series {
    fn draw(&self, frame: &Frame, out: &mut String) {
        let mut path = String::new();
        for dot in self.points.iter().filter(|dot| frame.shows(dot.y)) {
            let command = if path.is_empty() { 'M' } else { 'L' };
            write!(path, "{command}{:.1} {:.1}", frame.across(dot.x), frame.down(dot.y))
                .expect("a string grows");
        }
        match self.style {
            Style::Rings => {
                self.points.iter().for_each(|dot| ring(out, frame.across(dot.x), frame.down(dot.y)))
            }
            style => line(out, format_args!(r#"<path d="{path}" {}/>"#, style.attributes())),
        }
        if let Style::Measured(_) = self.style {
            self.points.iter().for_each(|dot| self.whisker(dot, frame, out));
        }
    }

    /// The interval, and the point if there is one; a point without losses is an interval open below.
    fn whisker(&self, dot: &Dot, frame: &Frame, out: &mut String) {
        let (x, colour) = (frame.across(dot.x), self.style.colour());
        let floor = 10f64.powi(frame.y.1);
        if dot.high > floor {
            stroke(out, [x, frame.down(dot.high), x, frame.down(dot.low.max(floor))], colour);
        }
        if frame.shows(dot.y) {
            let y = frame.down(dot.y);
            line(out, format_args!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#));
        }
    }
}

impl Style {
    const fn colour(self) -> &'static str {
        match self {
            Self::Theory | Self::Rings => INK,
            Self::Measured(number) => COLOURS[number % COLOURS.len()],
        }
    }

    fn attributes(self) -> String {
        let dash = if self == Self::Theory { r#" stroke-dasharray="6 4""# } else { "" };
        format!(r#"fill="none" stroke="{}" stroke-width="1.6"{dash}"#, self.colour())
    }
}

impl Frame {
    fn around(series: &[Series]) -> Self {
        let dots = || series.iter().flat_map(|series| &series.points);
        let low = dots().map(|dot| dot.x).fold(f64::INFINITY, f64::min);
        let high = dots().map(|dot| dot.x).fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = if low < high { (low, high) } else { (low.min(0.0), low.min(0.0) + 1.0) };
        let fits = |step: &f64| (high - low) / step <= LINES_MAX;
        let step = STEPS.into_iter().find(fits).unwrap_or(50.0);
        let least = dots().map(|dot| dot.y).filter(|y| *y > 0.0).fold(BOTTOM.0, f64::min).max(BOTTOM.1);
        let x = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { x, y: (0, least.log10().floor() as i32), step }
    }

    fn edges(&self) -> [f64; 4] {
        [MARGIN[0], MARGIN[1], SIZE.0 - MARGIN[2], SIZE.1 - MARGIN[3]]
    }

    fn across(&self, x: f64) -> f64 {
        let [left, _, right, _] = self.edges();
        left + (right - left) * (x - self.x.0) / (self.x.1 - self.x.0)
    }

    fn down(&self, y: f64) -> f64 {
        let [_, top, _, bottom] = self.edges();
        let (upper, lower) = (f64::from(self.y.0), f64::from(self.y.1));
        top + (bottom - top) * (upper - y.log10()) / (upper - lower)
    }

    fn shows(&self, y: f64) -> bool {
        y >= 10f64.powi(self.y.1) * 0.999
    }
}

fn ring(out: &mut String, x: f64, y: f64) {
    line(out, format_args!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="5" fill="none" stroke="{INK}"/>"#));
}

fn line(out: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(out, "{content}").expect("a string grows");
}

fn stroke(out: &mut String, [x1, y1, x2, y2]: [f64; 4], colour: &str) {
    line(out, format_args!(r#"<path d="M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}" stroke="{colour}"/>"#));
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, content: &str) {
    line(
        out,
        format_args!(r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{}</text>"#, escape(content)),
    );
}

fn escape(content: &str) -> String {
    content.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: &[(f64, f64)]) -> Series {
        let dots = points.iter().map(|&(x, y)| Dot { x, y, low: y / 2.0, high: y * 2.0 }).collect();
        Series { label: "a < b".into(), style: Style::Measured(0), points: dots }
    }

    #[test]
    fn the_axes_stand_round_the_points_on_lines_of_the_grid() {
        let frame = Frame::around(&[series(&[(-2.25, 0.9), (1.6, 3e-4)])]);
        assert_eq!((frame.x, frame.y, frame.step), ((-2.5, 2.0), (0, -4), 0.5));
        let [left, top, right, bottom] = frame.edges();
        assert!((frame.across(-2.5) - left).abs() < 1e-9 && (frame.across(2.0) - right).abs() < 1e-9);
        assert!((frame.down(1.0) - top).abs() < 1e-9 && (frame.down(1e-4) - bottom).abs() < 1e-9);
        assert!((frame.down(1e-2) - (top + bottom) / 2.0).abs() < 1e-9);
    }

    #[test]
    fn wide_ranges_get_wide_steps() {
        assert_eq!(Frame::around(&[series(&[(0.0, 1.0), (30.0, 0.1)])]).step, 5.0);
    }

    #[test]
    fn a_point_without_losses_is_an_interval_and_no_circle() {
        let mut plot = Plot {
            title: "t".into(),
            x_label: "x".into(),
            y_label: "y".into(),
            series: vec![series(&[(0.0, 0.1), (1.0, 0.0)])],
            mark: None,
        };
        plot.series[0].points[1].high = 0.05;
        let svg = plot.svg();
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(svg.contains("a &lt; b") && !svg.contains("NaN") && !svg.contains("inf"));
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
    }

    #[test]
    fn a_picture_without_points_is_a_picture() {
        let plot = Plot {
            title: String::new(),
            x_label: String::new(),
            y_label: String::new(),
            series: vec![series(&[])],
            mark: None,
        };
        let svg = plot.svg();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
