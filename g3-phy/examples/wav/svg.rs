//! Drawings of constellations.

use crate::constellation::Scatter;
use std::fmt::Write;

/// Panels of one drawing.
pub(crate) const PANELS_MAX: usize = 6;
/// Points of one panel; more are thinned out.
const POINTS_MAX: usize = 3000;
/// Width and height of a panel.
const SIZE: f32 = 300.0;
/// Where the axes end.
const REACH: f32 = 1.8;

/// One panel per frame.
pub(crate) fn constellations(frames: &[Scatter]) -> String {
    let (width, height) = (SIZE * frames.len() as f32, SIZE + 40.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (number, frame) in frames.iter().enumerate() {
        _ = writeln!(svg, "<g transform=\"translate({}, 0)\">", SIZE * number as f32);
        panel(&mut svg, number + 1, frame);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, number: usize, frame: &Scatter) {
    let middle = SIZE / 2.0;
    _ = writeln!(
        svg,
        "<text x=\"{middle}\" y=\"16\" text-anchor=\"middle\">frame {number} at {:.4} s</text>\
         <text x=\"{middle}\" y=\"33\" text-anchor=\"middle\">modulation error ratio {:.1} dB</text>",
        frame.started,
        frame.error_ratio_db()
    );
    _ = writeln!(svg, "<g transform=\"translate({middle}, {})\">", middle + 40.0);
    axes(svg);
    let step = frame.points.len().div_ceil(POINTS_MAX).max(1);
    svg.push_str("<g fill=\"#1f77b4\" fill-opacity=\"0.35\">");
    for point in frame.points.iter().step_by(step) {
        let (x, y) = (place(point.re), place(-point.im));
        _ = write!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"1.4\"/>");
    }
    svg.push_str("</g>\n<g stroke=\"#d62728\" stroke-width=\"1.5\">");
    for value in 0..1u8 << frame.keying.bits() {
        let point = g3_phy::ofdm::unit(frame.keying.shift(value));
        let (x, y) = (place(point.re), place(-point.im));
        _ = write!(svg, "<path d=\"M{:.1} {y:.1}h8M{x:.1} {:.1}v8\"/>", x - 4.0, y - 4.0);
    }
    svg.push_str("</g>\n</g>\n");
}

fn axes(svg: &mut String) {
    let (reach, radius) = (place(REACH), place(1.0));
    _ = writeln!(
        svg,
        "<path d=\"M{0} 0H{reach}M0 {0}V{reach}\" stroke=\"#999\" stroke-width=\"0.7\"/>\
         <circle r=\"{radius}\" fill=\"none\" stroke=\"#ccc\"/>",
        -reach
    );
}

/// Where a coordinate stands in a panel.
fn place(value: f32) -> f32 {
    value.clamp(-REACH, REACH) / REACH * (SIZE / 2.0 - 8.0)
}
