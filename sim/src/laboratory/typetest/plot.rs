//! Error curves: percent over current, on a logarithmic axis.

use std::fmt::Write;

/// Size of a plot and room for its axes, in its own units.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 36.0;

/// Colours of curves, in turn.
const COLOURS: [&str; 8] =
    ["#3274b5", "#c2582a", "#2f8f5b", "#8e6bbf", "#b8860b", "#0e8a93", "#c0392b", "#51606f"];

/// A curve: its name and its points, current (multiples of the reference) and percent.
pub(super) type Curve = (String, Vec<(f64, f64)>);
/// A limit: from this to that current, ± so many percent.
pub(super) type Bound = (f64, f64, f64);

/// A plot of curves within bounds.
pub(super) fn plot(curves: &[Curve], bounds: &[Bound], x_name: &str) -> String {
    let points = || curves.iter().flat_map(|curve| curve.1.iter());
    let low = points().map(|p| p.0).fold(f64::MAX, f64::min);
    let high = points().map(|p| p.0).fold(low * 1.01, f64::max);
    let top = points().map(|p| p.1.abs()).chain(bounds.iter().map(|b| b.2)).fold(1e-4, f64::max) * 1.1;
    let frame = Frame { low: low.ln(), high: high.ln(), top };
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n");
    frame.axes(&mut svg, x_name);
    for (from, to, percent) in bounds {
        for side in [-percent, *percent] {
            let (x1, x2, y) = (frame.x(from.max(low)), frame.x(to.min(high)), frame.y(side));
            // Writing to a string cannot fail.
            let _ = writeln!(
                svg,
                "<line class=\"bound\" x1=\"{x1:.1}\" x2=\"{x2:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            );
        }
    }
    for (n, (name, points)) in curves.iter().enumerate() {
        let colour = COLOURS[n % COLOURS.len()];
        let at: Vec<String> =
            points.iter().map(|p| format!("{:.1},{:.1}", frame.x(p.0), frame.y(p.1))).collect();
        let _ = writeln!(
            svg,
            "<polyline stroke=\"{colour}\" points=\"{}\"><title>{name}</title></polyline>",
            at.join(" ")
        );
        for p in points {
            let (x, y) = (frame.x(p.0), frame.y(p.1));
            let _ = writeln!(
                svg,
                "<circle r=\"2\" fill=\"{colour}\" cx=\"{x:.1}\" cy=\"{y:.1}\"><title>{name}: {:.4} × {:+.4} %</title></circle>",
                p.0, p.1
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// What the colours of curves mean.
pub(super) fn key(curves: &[Curve]) -> String {
    let entry = |(n, (name, _)): (usize, &Curve)| {
        format!("<span><i style=\"background:{}\"></i>{name}</span>", COLOURS[n % COLOURS.len()])
    };
    format!("<p class=\"key\">{}</p>\n", curves.iter().enumerate().map(entry).collect::<String>())
}

struct Frame {
    low: f64,
    high: f64,
    top: f64,
}

impl Frame {
    fn x(&self, current: f64) -> f64 {
        LEFT + (current.ln() - self.low) / (self.high - self.low) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, percent: f64) -> f64 {
        TOP + (self.top - percent) / (2.0 * self.top) * (HEIGHT - TOP - BOTTOM)
    }

    fn axes(&self, svg: &mut String, x_name: &str) {
        for n in -2..=2 {
            let percent = f64::from(n) / 2.0 * self.top / 1.1;
            let y = self.y(percent);
            let class = if n == 0 { "zero" } else { "grid" };
            let right = WIDTH - RIGHT;
            let _ = writeln!(
                svg,
                "<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            );
            let (x, y) = (LEFT - 5.0, y + 4.0);
            let digits = if self.top < 0.1 { 3 } else { 2 };
            let _ =
                writeln!(svg, "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{percent:+.digits$}</text>");
        }
        let (from, to) = (self.low.exp() * 0.9999, self.high.exp() * 1.0001);
        let ticks = (-5..4).flat_map(|decade| [1.0, 2.0, 5.0].map(|n| n * 10f64.powi(decade)));
        for tick in ticks.filter(|tick| (from..=to).contains(tick)) {
            let (x, y) = (self.x(tick), HEIGHT - BOTTOM);
            let _ =
                writeln!(svg, "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{y}\"/>");
            let name = super::report::number(tick);
            let _ =
                writeln!(svg, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{name}</text>", y + 14.0);
        }
        let (x, y) = ((LEFT + WIDTH) / 2.0, HEIGHT - 5.0);
        let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{x_name}</text>");
        let middle = (TOP + HEIGHT - BOTTOM) / 2.0;
        let _ = writeln!(
            svg,
            "<text transform=\"translate(11 {middle}) rotate(-90)\" text-anchor=\"middle\">error, %</text>"
        );
    }
}
