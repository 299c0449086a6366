//! The map of the mesh.

use super::svg::escaped;
use super::{MeterFigures, Report};
use std::fmt::Write;

/// Size of one feeder on the map.
const SIDE: f64 = 320.0;
/// Room around it.
const EDGE: f64 = 16.0;
/// Feeders beside each other.
const ROW: usize = 4;

/// Where things are drawn.
struct Frame {
    from: (f64, f64),
    scale: f64,
}

/// The meters where they stand, feeder by feeder, coloured by their hops, with a line to the node that they send through; the
/// concentrator is the square.
pub(super) fn map(report: &Report, busbar: (f64, f64)) -> String {
    let frame = frame(report, busbar);
    let columns = report.feeders.min(ROW);
    let rows = report.feeders.div_ceil(ROW);
    let size = SIDE + 2.0 * EDGE;
    let mut svg = format!(
        "<svg class=\"map\" viewBox=\"0 0 {:.0} {:.0}\" role=\"img\">\n",
        size * columns as f64,
        size * rows as f64
    );
    let corner_of = |feeder: usize| ((feeder % ROW) as f64 * size, (feeder / ROW) as f64 * size);
    for feeder in 0..report.feeders {
        let corner = corner_of(feeder);
        let at = |position: (f64, f64)| frame.at(corner, position);
        let here = at(busbar);
        for meter in report.meters.iter().filter(|meter| meter.feeder == feeder) {
            let to = match meter.parent {
                Some(0) => Some(here),
                Some(n) => {
                    let parent = &report.meters[n - 1];
                    Some(frame.at(corner_of(parent.feeder), parent.position))
                }
                None => None,
            };
            draw_meter(&mut svg, meter, at(meter.position), to);
        }
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<rect class=\"hub\" x=\"{:.1}\" y=\"{:.1}\" width=\"9\" height=\"9\"/>",
            here.0 - 4.5,
            here.1 - 4.5
        );
    }
    svg + "</svg>\n"
}

fn draw_meter(svg: &mut String, meter: &MeterFigures, (x, y): (f64, f64), to: Option<(f64, f64)>) {
    if let Some((to_x, to_y)) = to {
        let _ = writeln!(
            svg,
            "<line class=\"way\" x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{to_x:.1}\" y2=\"{to_y:.1}\"/>"
        );
    }
    let class = match meter.hops {
        None => "lost".to_owned(),
        Some(hops) => format!("hop{}", hops.min(5)),
    };
    let hops = meter.hops.map_or("never heard".into(), |hops| format!("{hops} hops"));
    let snr = meter.snr_db.map_or("none".into(), |db| format!("{db:.1} dB"));
    let title = format!(
        "{}: phase {}, {hops}, from the concentrator {snr}, {} captures, {} retries",
        meter.id, meter.phase, meter.captures, meter.node.retries
    );
    // Meters of one house stand beside each other.
    let x = x + 3.0 * (meter.phase as f64 - 2.0);
    let _ = writeln!(
        svg,
        "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"><title>{}</title></circle>",
        escaped(&title)
    );
}

fn frame(report: &Report, busbar: (f64, f64)) -> Frame {
    let points = || report.meters.iter().map(|meter| meter.position).chain([busbar]);
    let least = |pick: fn((f64, f64)) -> f64| points().map(pick).fold(f64::INFINITY, f64::min);
    let most = |pick: fn((f64, f64)) -> f64| points().map(pick).fold(f64::NEG_INFINITY, f64::max);
    let (from, to) = ((least(|p| p.0), least(|p| p.1)), (most(|p| p.0), most(|p| p.1)));
    Frame { from, scale: SIDE / (to.0 - from.0).max(to.1 - from.1).max(1.0) }
}

impl Frame {
    fn at(&self, corner: (f64, f64), (x, y): (f64, f64)) -> (f64, f64) {
        let (x, y) = ((x - self.from.0) * self.scale, (y - self.from.1) * self.scale);
        (corner.0 + EDGE + x, corner.1 + EDGE + SIDE - y)
    }
}
