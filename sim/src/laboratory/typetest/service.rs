//! Rows about service and other quantities: starting, no load, repeatability, constant; reactive energy; MID and OIML R46.

use super::super::wave::Load;
use super::plan::Plan;
use super::row::{Pf, Point, Quantity, Row, Span, Task};
use super::specs;
use metrology::{AccuracyClass, Wiring};
use std::f64::consts::{FRAC_PI_2, PI};

/// The longest test without a load that a short plan has, in minutes.
const SHORT_MINUTES: f64 = 10.0;

impl Plan {
    /// Starting, no load, repeatability, constant.
    pub(super) fn service(&self) -> Vec<Row> {
        let class = self.percent_of_class();
        let start = self.design.ratings.starting_current_ua() as f64 * 1e-6 / self.rated;
        let starts = [("import", 0.0), ("export", PI)].map(|(name, phi)| {
            let mut point = self.point(start, name, self.load(start, phi));
            point.circumstances.measured_s = 10.0;
            point
        });
        let what = format!("starts at {start} {}, both directions; registers within a tenth", self.unit());
        let mut rows = vec![self.row("62053-2x 8.3.3", what, (10.0, 'C'), Task::Start(starts.into()))];
        rows.extend(self.no_load());
        let repeats = [(0.05, Pf::UNITY), (1.0, Pf::UNITY), (1.0, Pf::inductive(0.5)), (self.max, Pf::UNITY)];
        let repeats = repeats.map(|(x, pf)| self.repeats(x, pf)).into();
        let what = "repeatability: spread of 3 within a tenth of the class".into();
        rows.push(self.row("62053-2x", what, (class / 10.0, 'C'), Task::Spread(repeats)));
        let mut point = self.point(self.max, "Imax", self.load(self.max, 0.0));
        point.circumstances.measured_s = 60.0;
        let what = "meter constant: pulses and register within a tenth of the class".into();
        rows.push(self.row("62053-2x 8.4", what, (class / 10.0, 'C'), Task::Pulses(point)));
        rows
    }

    fn percent_of_class(&self) -> f64 {
        match self.design.ratings.class {
            AccuracyClass::Two => 2.0,
            AccuracyClass::One => 1.0,
            AccuracyClass::HalfS => 0.5,
            AccuracyClass::FifthS => 0.2,
        }
    }

    fn repeats(&self, x: f64, pf: Pf) -> Vec<Point> {
        let point = |seed: u64| {
            let mut point = self.point(x, &format!("repetition, PF {}", pf.name()), self.load(x, pf.phi()));
            (point.circumstances.seed, point.circumstances.measured_s) = (seed * 31, 5.0);
            point
        };
        (1..=3).map(point).collect()
    }

    /// Both rules: of the older editions at 1.15 Un, and of the newer ones by the starting current at 1.1 Un.
    fn no_load(&self) -> Vec<Row> {
        let ratings = &self.design.ratings;
        let (constant, elements) = (f64::from(ratings.constant_imp_per_kwh), self.elements as f64);
        let imax = f64::from(ratings.imax_ma) / 1000.0;
        let old = specs::NO_LOAD.of(ratings.class).map_or(0.0, |limit| limit.0);
        let minutes = old * 1e6 / (constant * elements * self.un * imax);
        let row = |clause, what: String, minutes: f64, volts: f64| Row {
            unit: "pulses",
            ..self.row(clause, what, (1.0, 'C'), Task::NoLoad(minutes, volts))
        };
        let old = row("62053-2x 8.3.2", format!("no load, 1.15 Un, {minutes:.1} min"), minutes, 1.15);
        let start = ratings.starting_current_ua() as f64 * 1e-6;
        let minutes = 240e3 / (constant * elements * self.un * 1.1 * start);
        let new = row("62052-11:2020", format!("no load, 1.1 Un, {minutes:.1} min"), minutes, 1.1);
        let few = |row: &Row| matches!(row.task, Task::NoLoad(minutes, _) if minutes <= SHORT_MINUTES);
        [old, new].into_iter().filter(|row| self.is_whole() || few(row)).collect()
    }

    /// Reactive energy: classes 2 and 3, of meters behind transformers also 0.5S and 1S of the fundamental.
    pub(super) fn reactive(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (class, name) in ["2", "3"].iter().enumerate() {
            for (direct, transformer, sine, percent) in &specs::REACTIVE {
                let span = if self.direct { direct } else { transformer };
                rows.push(self.reactive_row("62053-23 t.6", name, span, *sine, percent[class]));
            }
            rows.extend(self.reactive_influences(class, name));
            let start = specs::REACTIVE_START[class];
            let x = if self.direct { start.0 } else { start.1 };
            let points = vec![self.point(x, "inductive", self.load(x, FRAC_PI_2))];
            let what = format!("reactive class {name}: starts at {x} {}", self.unit());
            rows.push(reactive(self.row("62053-23 8.3.3", what, (10.0, 'C'), Task::Error(points))));
        }
        if !self.direct {
            for (span, sine, percent) in &specs::REACTIVE_05S {
                rows.push(self.reactive_row("62053-24", "0.5S", span, *sine, *percent));
                rows.push(self.reactive_row("62053-24", "1S", span, *sine, *percent * 2.0));
            }
            rows.push(self.reactive_harmonics());
        }
        rows
    }

    fn reactive_row(&self, clause: &'static str, class: &str, span: &Span, sine: f64, percent: f64) -> Row {
        let points = self.currents(span).into_iter().flat_map(|x| {
            let phi = sine.asin();
            let series = |side: &str| format!("reactive {side}, sin φ {sine}");
            [
                self.point(x, &series("ind"), self.load(x, phi)),
                self.point(x, &series("cap"), self.load(x, -phi)),
            ]
        });
        let what = format!("reactive class {class}: {}, sin φ {sine}", span.name(self.unit()));
        let task = Task::Error(points.collect());
        reactive(self.row(clause, what, (percent, 'C'), task))
    }

    fn reactive_influences(&self, class: usize, name: &str) -> Vec<Row> {
        let mut rows = Vec::new();
        for (n, sine) in [1.0f64, 0.5].into_iter().enumerate() {
            let phi = sine.asin();
            let load = |volts: f64, hz: f64| {
                Load::balanced(self.elements, self.un * volts, self.rated, phi).at_hz(hz)
            };
            let pair = |series: &str, load: Load| {
                (self.point(1.0, "reference", self.load(1.0, phi)), self.point(1.0, series, load))
            };
            let about = |at: usize| {
                format!("reactive class {name}: {}, sin φ {sine}", specs::REACTIVE_INFLUENCE[at].0)
            };
            let limit = |at: usize| (specs::REACTIVE_INFLUENCE[at].1[n][class], 'C');
            let warm = |celsius: f64| {
                let mut point = self.point(1.0, &format!("reactive, {celsius} °C"), self.load(1.0, phi));
                point.circumstances.celsius = celsius;
                point
            };
            let task = Task::PerKelvin(vec![[-25.0, 0.0, 23.0, 55.0].map(warm).into()]);
            rows.push(Row { unit: "%/K", ..self.row("62053-23 8.2", about(0), limit(0), task) });
            let task = Task::Shift(vec![pair("0.9 Un", load(0.9, 50.0)), pair("1.1 Un", load(1.1, 50.0))]);
            rows.push(self.row("62053-23 8.2", about(1), limit(1), task));
            let task = Task::Shift(vec![pair("49 Hz", load(1.0, 49.0)), pair("51 Hz", load(1.0, 51.0))]);
            rows.push(self.row("62053-23 8.2", about(2), limit(2), task));
        }
        rows.into_iter().map(reactive).collect()
    }

    /// Harmonics of voltage and current must not count: the fundamental alone is reactive energy here.
    fn reactive_harmonics(&self) -> Row {
        let load = self.load(1.0, PI / 6.0).shaped(
            |u| u.with(3.0, 0.0435, 0.7).with(5.0, 0.1, 0.0),
            |i| i.with(3.0, 0.4, 0.3).with(5.0, 0.2, -1.2),
        );
        let pair =
            (self.point(1.0, "reference", self.load(1.0, PI / 6.0)), self.point(1.0, "harmonics", load));
        let what = "reactive class 0.5S: harmonics in U and I do not count".into();
        reactive(self.row("62053-24", what, (0.5, 'C'), Task::Shift(vec![pair])))
    }

    /// MID, EN 50470-3, OIML R46: the class that corresponds.
    pub(super) fn european(&self) -> Vec<Row> {
        let class = match self.design.ratings.class {
            AccuracyClass::Two => 0,
            AccuracyClass::One => 1,
            AccuracyClass::HalfS => 2,
            AccuracyClass::FifthS => 3,
        };
        let mut rows = self.international(class);
        if class < 3 {
            rows.extend(self.reference_errors(class));
            rows.extend(self.composites(class));
        }
        rows
    }

    /// Imin and Itr in multiples of the reference current: direct Iref = 10 Itr, behind transformers 20 Itr.
    const fn transitional(&self) -> (f64, f64) {
        if self.direct { (0.05, 0.1) } else { (0.01, 0.05) }
    }

    fn range(&self, from: f64, to: f64, pfs: &[Pf]) -> Vec<Point> {
        let span = Span { from, to, inclusive: to.is_infinite() };
        let each = self.currents(&span).into_iter().flat_map(|x| pfs.iter().map(move |&pf| (x, pf)));
        each.map(|(x, pf)| self.point(x, &format!("balanced, PF {}", pf.name()), self.load(x, pf.phi())))
            .collect()
    }

    fn reference_errors(&self, class: usize) -> Vec<Row> {
        let (imin, itr) = self.transitional();
        let name = ["A", "B", "C"][class];
        let (unity, others) = ([Pf::UNITY], [Pf::inductive(0.5), Pf::capacitive(0.8)]);
        let rows = [
            ("Imin ≤ I < Itr, PF 1", self.range(imin, itr, &unity)),
            ("Itr ≤ I ≤ Imax, PF 1", self.range(itr, f64::INFINITY, &unity)),
            ("Itr ≤ I ≤ Imax, PF 0.5 ind, 0.8 cap", self.range(itr, f64::INFINITY, &others)),
        ];
        let rows = rows.into_iter().enumerate().map(|(n, (what, points))| {
            let limit = (specs::EN_50470[n][class], 'C');
            self.row("EN 50470-3 t.4", format!("class {name}: {what}"), limit, Task::Error(points))
        });
        rows.collect()
    }

    fn international(&self, class: usize) -> Vec<Row> {
        let (imin, itr) = self.transitional();
        let name = ["A", "B", "C", "D"][class];
        let (unity, others) = ([Pf::UNITY], [Pf::inductive(0.5), Pf::capacitive(0.8)]);
        let start = self.design.ratings.starting_current_ua() as f64 * 1e-6 / self.rated;
        let mut rows = vec![
            ("Itr ≤ I ≤ Imax, PF 1", self.range(itr, f64::INFINITY, &unity)),
            ("Itr ≤ I ≤ Imax, PF 0.5 ind, 0.8 cap", self.range(itr, f64::INFINITY, &others)),
            ("Imin ≤ I < Itr, PF 1", self.range(imin, itr, &unity)),
            ("Imin ≤ I < Itr, PF 0.5 ind, 0.8 cap", self.range(imin, itr, &others)),
        ];
        // The limit of the range below Imin grows as the current falls: its lower end has the widest, its upper end the one of Imin.
        rows.push(("just below Imin, PF 1", self.range(imin * 0.98, imin, &unity)));
        let mut rows: Vec<Row> = rows
            .into_iter()
            .enumerate()
            .map(|(n, (what, points))| {
                let limit = (specs::R46[n][class], 'C');
                self.row("OIML R46 t.2", format!("class {name}: {what}"), limit, Task::Error(points))
            })
            .collect();
        let limit = (specs::R46[4][class] * imin / start, 'C');
        let points = self.range(start, start * 1.01, &unity);
        rows.push(self.row("OIML R46 t.2", format!("class {name}: Ist, PF 1"), limit, Task::Error(points)));
        rows
    }

    fn composites(&self, class: usize) -> Vec<Row> {
        let (imin, itr) = self.transitional();
        let name = ["A", "B", "C"][class];
        let mut rows = Vec::new();
        for ((cold, warm), limits) in specs::MID {
            let pfs = [Pf::UNITY, Pf::inductive(0.5), Pf::capacitive(0.8)];
            // The whole range of currents has been run above: its ends and one between tell of the influences.
            let few = |points: Vec<Point>| thinned(points, 3 * pfs.len());
            let mut kinds = vec![
                ("balanced, Imin ≤ I < Itr", few(self.range(imin, itr, &pfs)), 'B'),
                ("balanced, Itr ≤ I ≤ Imax", few(self.range(itr, f64::INFINITY, &pfs)), 'B'),
            ];
            if self.design.ratings.wiring == Wiring::ThreePhaseFourWire {
                let single = few(self.range(itr, f64::INFINITY, &pfs));
                let single = single.into_iter().map(|point| Point { load: point.load.single(1), ..point });
                kinds.push(("one phase loaded, Itr ≤ I ≤ Imax", single.collect(), 'C'));
            }
            for (n, (what, points, mark)) in kinds.into_iter().enumerate() {
                let sets = points.into_iter().map(|point| with_influences(point, cold, warm)).collect();
                let what = format!("class {name} composite, {cold} to {warm} °C, {what}");
                rows.push(self.row("MID V t.2", what, (limits[n][class], mark), Task::Composite(sets)));
            }
        }
        rows
    }
}

/// A point with the extremes of temperature, voltage and frequency of rated operating conditions.
fn with_influences(mut point: Point, cold: f64, warm: f64) -> (Point, Vec<Vec<Point>>) {
    (point.circumstances.before_s, point.circumstances.measured_s) = (1.0, 1.0);
    let at = |celsius: f64| {
        let mut other = point.clone();
        other.circumstances.celsius = celsius;
        other
    };
    let volts = |by: f64| {
        let scaled = point.load.clone().shaped(
            |mut u| {
                u.parts.iter_mut().for_each(|part| part.rms *= by);
                u
            },
            |i| i,
        );
        Point { load: scaled, ..point.clone() }
    };
    let hertz = |hz: f64| Point { load: point.load.clone().at_hz(hz), ..point.clone() };
    let influences =
        vec![vec![at(cold), at(warm)], vec![volts(0.9), volts(1.1)], vec![hertz(49.0), hertz(51.0)]];
    (point, influences)
}

/// At most so many of the points: as many at the beginning as at the end, and as many about the middle.
fn thinned(points: Vec<Point>, most: usize) -> Vec<Point> {
    if points.len() <= most {
        return points;
    }
    let third = most / 3;
    let middle = (points.len() / 2) / third * third;
    let chosen = (0..third).chain(middle..middle + third).chain(points.len() - third..points.len());
    chosen.map(|n| points[n].clone()).collect()
}

fn reactive(row: Row) -> Row {
    Row { quantity: Quantity::Reactive, ..row }
}
