//! Drawings of constellations and spectra.

use crate::constellation::Scatter;
use crate::density::decibels;
use crate::emission::Emission;
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
    for point in frame.keying.points() {
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

/// Left edge, upper edge, width and height of the field of a spectrum.
const FIELD: [f64; 4] = [60.0, 24.0, 820.0, 380.0];
/// Levels of a spectrum in dB, the average carrier having 0.
const LEVELS: [f64; 2] = [-100.0, 20.0];
/// Colours of mean and peak, per spectrum.
const COLOURS: [[&str; 2]; 2] = [["#1f77b4", "#aec7e8"], ["#d62728", "#ff9896"]];

/// Mean and peak of each emission over frequency.
pub(crate) fn spectra(emissions: &[Emission]) -> String {
    let [left, upper, width, height] = FIELD;
    let half = emissions.iter().map(|e| f64::from(e.plan.sample_rate_hz) / 2.0).fold(0.0, f64::max);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        left + width + 20.0,
        upper + height + 46.0
    );
    grid(&mut svg, half);
    for (emission, [mean, peak]) in emissions.iter().zip(COLOURS) {
        let level = emission.level();
        let curve = |of: fn((f64, f64, f64)) -> f64| {
            let place = |point: (f64, f64, f64)| {
                let (x, y) = (across(point.0, half), down(decibels(of(point) / level)));
                format!("{x:.1},{y:.1}")
            };
            emission.density.points().map(place).collect::<Vec<_>>().join(" ")
        };
        for (points, colour) in [(curve(|point| point.2), peak), (curve(|point| point.1), mean)] {
            _ = writeln!(svg, "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\"/>");
        }
    }
    for (row, (emission, [mean, _])) in emissions.iter().zip(COLOURS).enumerate() {
        let (x, y) = (left + width - 10.0, upper + 18.0 + 16.0 * row as f64);
        let name = emission.name();
        _ = writeln!(
            svg,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\" fill=\"{mean}\">{name}: mean, and peak in a lighter shade</text>"
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn grid(svg: &mut String, half: f64) {
    let [left, upper, width, height] = FIELD;
    let step = if half > 300e3 { 50e3 } else { 10e3 };
    for hz in (0..).map(|n| f64::from(n) * step).take_while(|&hz| hz <= half) {
        let (x, y) = (across(hz, half), upper + height);
        _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {upper}V{y}\" stroke=\"#ddd\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            y + 16.0,
            hz / 1e3
        );
    }
    for db in (LEVELS[0] as i32..=LEVELS[1] as i32).step_by(10) {
        let (x, y) = (left + width, down(f64::from(db)));
        _ = writeln!(
            svg,
            "<path d=\"M{left} {y:.1}H{x}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{db}</text>",
            left - 6.0,
            y + 4.0
        );
    }
    _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">kHz; power in 200 Hz in dB, the average carrier having 0</text>",
        left + width / 2.0,
        upper + height + 36.0
    );
}

fn across(hz: f64, half: f64) -> f64 {
    FIELD[0] + FIELD[2] * hz / half
}

fn down(db: f64) -> f64 {
    let [low, high] = LEVELS;
    FIELD[1] + FIELD[3] * (high - db.clamp(low, high)) / (high - low)
}
