//! All measurements that were asked for, in order, with their files.

use crate::curves::{Against, Curve, Frames, Kind, all};
use crate::line::{Disturbance, Line};
use crate::link::Link;
use crate::noises::Noises;
use crate::options::Options;
use crate::plot::{Dot, Plot, Series, Style};
use crate::progress::Progress;
use crate::reference::Reference;
use crate::run::{Limits, curve as measure};
use crate::stats::{Point, crossing};
use crate::table::{FER, Row, csv, markdown, text};
use g3_phy::Modem;
use g3_phy::g3::PayloadShape;
use std::collections::BTreeMap;
use std::path::Path;

/// Runs what `options` ask for.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let curves = all();
    if options.list {
        curves.iter().for_each(|curve| println!("{:24} {}", curve.name, curve.title));
        return Ok(());
    }
    let wanted: Vec<&Curve> = curves.iter().filter(|curve| options.wants(curve.name)).collect();
    if wanted.is_empty() {
        return Err(format!("no curve is called {}; --list names them", options.curves.join(", ")));
    }
    std::fs::create_dir_all(&options.out).map_err(|fault| format!("{}: {fault}", options.out.display()))?;
    let mut suite = Suite::new(options, &curves, Progress::new(wanted.len()));
    let (setting, mut rows) = (if options.full { "Full" } else { "Quick" }, Vec::new());
    for curve in wanted {
        suite.progress.begin(curve.name);
        rows.extend(suite.measure(curve)?);
        // After each curve, so that a run that is cut short leaves its table.
        suite.write(
            "summary.md",
            &format!("{setting} setting, seed {}.\n\n{}", options.seed, markdown(&rows)),
        )?;
        suite.progress.end();
    }
    print!("{}", text(&rows));
    Ok(())
}

/// A suite in work.
pub(crate) struct Suite<'a> {
    pub(crate) limits: Limits,
    pub(crate) seed: u64,
    out: &'a Path,
    curves: &'a [Curve],
    pub(crate) progress: Progress,
    /// Curves that others may be compared with.
    points: BTreeMap<&'static str, Vec<Point>>,
}

impl<'a> Suite<'a> {
    fn new(options: &'a Options, curves: &'a [Curve], progress: Progress) -> Self {
        let (losses, frames, floor, noise_hours) =
            if options.full { (100, 20_000, 1e-3, 10.0) } else { (40, 400, 5e-3, 1.0) };
        let limits = Limits { losses, frames, floor, noise_hours, step_db: 0.25, threads: options.threads };
        Self { limits, seed: options.seed, out: &options.out, curves, progress, points: BTreeMap::new() }
    }

    fn measure(&mut self, curve: &Curve) -> Result<Vec<Row>, String> {
        match &curve.kind {
            Kind::Anchors => self.anchors(curve),
            Kind::Headers { frames, robo } => self.headers(curve, frames, robo).map(|row| vec![row]),
            Kind::Quiet { frames, share } => self.quiet(curve, frames, *share).map(|row| vec![row]),
            Kind::Frames(frames) => self.frames(curve, frames).map(|row| vec![row]),
            Kind::Limit(frames) => self.limit(curve, frames).map(|row| vec![row]),
        }
    }

    fn frames(&mut self, curve: &Curve, frames: &Frames) -> Result<Row, String> {
        let shape = shape(frames);
        let there = self.against(frames, &shape);
        let here = self.points(curve.name, frames, start(&there));
        let theory = match frames.against {
            Against::Reference => "ideal synchronisation",
            Against::Curve(name) => name,
        };
        let eb_db = -10.0 * (shape.bits as f64 / (2 * shape.repetition) as f64).log10();
        self.write(&format!("{}.csv", curve.name), &csv(&[("modem", &here), (theory, &there)], eb_db))?;
        let series = vec![drawn(theory, Style::Theory, &there), drawn("modem", Style::Measured(0), &here)];
        self.draw(curve, "SNR per carrier (Es/N0), dB", series)?;
        Ok(Row::compare(curve, frames, &here, &there))
    }

    /// Ideal reception of `frames` with impulses and without.
    fn limit(&self, curve: &Curve, frames: &Frames) -> Result<Row, String> {
        let shape = shape(frames);
        let free = Frames { disturbance: Disturbance::Lv14 { impulses: false }, ..frames.clone() };
        let (here, there) = (self.reference(frames, &shape), self.reference(&free, &shape));
        self.write(&format!("{}.csv", curve.name), &csv(&[("with", &here), ("without", &there)], 0.0))?;
        let series = vec![drawn("without", Style::Theory, &there), drawn("with", Style::Measured(0), &here)];
        self.draw(curve, "SNR per carrier (Es/N0), dB", series)?;
        Ok(Row::compare(curve, frames, &here, &there))
    }

    /// The curve that `frames` are compared with.
    fn against(&mut self, frames: &Frames, shape: &PayloadShape) -> Vec<Point> {
        match frames.against {
            Against::Reference => self.reference(frames, shape),
            Against::Curve(name) => self.named(name),
        }
    }

    /// The curve called `name`.
    pub(crate) fn named(&mut self, name: &'static str) -> Vec<Point> {
        let other = self.curves.iter().find(|curve| curve.name == name).map(|curve| &curve.kind);
        let Some(Kind::Frames(other)) = other else { return Vec::new() };
        let start = start(&self.against(other, &shape(other)));
        self.points(name, other, start)
    }

    fn reference(&self, frames: &Frames, shape: &PayloadShape) -> Vec<Point> {
        let channel = line(frames).channel;
        let noises = Noises::new(frames.disturbance, frames.plan, channel.carriers());
        let reference = Reference::new(self.seed, *shape, channel, noises);
        // Ideal reception costs little: more frames than the modem gets.
        let step_db = frames.step_db;
        let limits = Limits { frames: self.limits.frames.max(2000), losses: 100, step_db, ..self.limits };
        measure(&reference, 2.0, &limits, &self.progress)
    }

    /// The curve of the modem, measured once.
    fn points(&mut self, name: &'static str, frames: &Frames, start: f64) -> Vec<Point> {
        if let Some(points) = self.points.get(name) {
            return points.clone();
        }
        let (tx, config) = (frames.tx(), frames.config);
        let link = Link { seed: self.seed, name, plan: frames.plan, tx, config, line: line(frames) };
        let limits = Limits { step_db: frames.step_db, ..self.limits };
        let points = measure(&link, start, &limits, &self.progress);
        self.points.insert(name, points.clone());
        points
    }

    pub(crate) fn draw(&self, curve: &Curve, x_label: &str, series: Vec<Series>) -> Result<(), String> {
        let (x_label, y_label) = (x_label.into(), "frame error rate".into());
        let plot = Plot { title: curve.title.into(), x_label, y_label, series, mark: Some((FER, "1 %")) };
        self.write(&format!("{}.svg", curve.name), &plot.svg())
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> Result<(), String> {
        let path = self.out.join(name);
        std::fs::write(&path, content).map_err(|fault| format!("{}: {fault}", path.display()))
    }
}

fn shape(frames: &Frames) -> PayloadShape {
    let Frames { plan, .. } = frames;
    let tx = frames.tx();
    let longest = plc_core::sap::FrameGeometry::max_psdu(*plan, &tx);
    PayloadShape::fitting(plan, &tx, longest).expect("the longest PSDU fits")
}

pub(crate) fn line(frames: &Frames) -> Line {
    Line::new(&mut Modem::new(frames.plan, frames.config), frames.tx(), frames.response, frames.disturbance)
}

/// Where to look for a curve that is compared with `points`.
pub(crate) fn start(points: &[Point]) -> f64 {
    crossing(points, FER).map_or(0.0, |crossing| crossing.at)
}

/// `points` as a line, without what lies left of the last point that loses everything.
pub(crate) fn drawn(label: &str, style: Style, points: &[Point]) -> Series {
    let dot = |point: &Point| {
        let (low, high) = point.tally.interval();
        Dot { x: point.snr_db, y: point.tally.rate(), low, high }
    };
    let hopeless = points.iter().take_while(|point| point.tally.rate() > 0.99).count();
    let points = points.iter().skip(hopeless.saturating_sub(1)).map(dot).collect();
    Series { label: label.into(), style, points }
}
