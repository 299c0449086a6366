//! The rows of the standards for one design.

use super::super::bench::Circumstances;
use super::super::specimen::{Design, Principle};
use super::super::wave::{Gate, Load};
use super::class_a::Case;
use super::row::{Pf, Point, Quantity, Row, Span, Task};
use super::specs::{self, ByClass};
use metrology::{AccuracyClass, Connection, Wiring};

/// How much is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// A selection for every day.
    Short,
    /// Everything.
    Whole,
}

/// Makes rows for a design.
pub struct Plan {
    pub(super) design: Design,
    extent: Extent,
    pub(super) direct: bool,
    pub(super) elements: usize,
    pub(super) un: f64,
    pub(super) rated: f64,
    /// Imax in multiples of the reference current.
    pub(super) max: f64,
}

impl Plan {
    /// A plan for a design.
    pub fn new(design: &Design, extent: Extent) -> Self {
        let ratings = &design.ratings;
        Self {
            design: *design,
            extent,
            direct: ratings.connection == Connection::Direct,
            elements: ratings.wiring.elements(),
            un: f64::from(ratings.un_mv) / 1000.0,
            rated: f64::from(ratings.ib_ma) / 1000.0,
            max: f64::from(ratings.imax_ma) / f64::from(ratings.ib_ma),
        }
    }

    /// All rows.
    pub fn rows(&self) -> Vec<Row> {
        if self.design.principle == Principle::Ideal {
            return self.four_decades();
        }
        let mut rows = self.balanced();
        rows.extend(self.single());
        rows.extend(self.influences());
        rows.extend(self.shapes());
        rows.extend(self.service());
        if self.extent == Extent::Whole {
            rows.extend(self.temperature());
            rows.extend(self.reactive());
            rows.extend(self.european());
            rows.extend(self.quality());
            rows.extend(self.elsewhere());
        }
        rows
    }

    /// Whether everything is to be run.
    pub(super) fn is_whole(&self) -> bool {
        self.extent == Extent::Whole
    }

    /// The currents of a span; a short plan takes its ends.
    pub(super) fn currents(&self, span: &Span) -> Vec<f64> {
        let all = span.currents(self.max);
        match self.extent {
            Extent::Whole => all,
            Extent::Short => vec![all[0], all[all.len() - 1]],
        }
    }

    pub(super) fn load(&self, x: f64, phi: f64) -> Load {
        Load::balanced(self.elements, self.un, self.rated * x, phi)
    }

    pub(super) fn point(&self, x: f64, series: &str, load: Load) -> Point {
        Point { load, circumstances: Circumstances::default(), x, series: series.into() }
    }

    pub(super) const fn unit(&self) -> &'static str {
        if self.direct { "Ib" } else { "In" }
    }

    pub(super) fn row(
        &self,
        clause: &'static str,
        what: String,
        (limit, mark): (f64, char),
        task: Task,
    ) -> Row {
        Row { clause, what, quantity: Quantity::Active, limit, unit: "%", mark, task }
    }

    fn balanced(&self) -> Vec<Row> {
        let limits = specs::BALANCED.iter().chain(&specs::BALANCED_UPPER);
        let rows = limits.filter(|limit| limit.class == self.design.ratings.class).filter_map(|limit| {
            let span = if self.direct { limit.direct } else { limit.transformer }?;
            let series = format!("balanced, PF {}", limit.pf.name());
            let points = self.currents(&span).into_iter();
            let points = points.map(|x| self.point(x, &series, self.load(x, limit.pf.phi()))).collect();
            let what = format!("balanced, {}, PF {}", span.name(self.unit()), limit.pf.name());
            Some(self.row(limit.clause, what, (limit.percent, limit.mark), Task::Error(points)))
        });
        rows.collect()
    }

    /// The digital core has a goal of its own over four decades of current.
    fn four_decades(&self) -> Vec<Row> {
        let span = Span { from: self.max / 1e4, to: f64::INFINITY, inclusive: true };
        let mut rows = Vec::new();
        for pf in [Pf::UNITY, Pf::inductive(0.5), Pf::capacitive(0.8)] {
            for quantity in [Quantity::Active, Quantity::Reactive] {
                if quantity == Quantity::Reactive && pf == Pf::UNITY {
                    continue;
                }
                let name = if quantity == Quantity::Active { "balanced" } else { "reactive" };
                let series = format!("{name}, PF {}", pf.name());
                // Not at 50 Hz, where the steps of a converter fall on the same places in every cycle and are no noise.
                let load = |x: f64| self.load(x, pf.phi()).at_hz(50.017);
                let points = self.currents(&span).into_iter();
                let points = points.map(|x| self.point(x, &series, load(x))).collect();
                let what = format!("{name}, Imax/10 000 ≤ I ≤ Imax, PF {}", pf.name());
                let row = self.row("goal", what, (0.02, '-'), Task::Error(points));
                rows.push(Row { quantity, ..row });
            }
        }
        rows
    }

    /// Power quality within class A, on a four-wire meter of class 0.2S.
    fn quality(&self) -> Vec<Row> {
        let measures = self.design.ratings.class == AccuracyClass::FifthS
            && self.design.ratings.wiring == Wiring::ThreePhaseFourWire;
        let rows = Case::ALL.iter().filter(|_| measures).map(|case| {
            let (what, limit, unit, mark) = case.limit();
            Row { unit, ..self.row(case.clause(), what.into(), (limit, mark), Task::ClassA(*case)) }
        });
        rows.collect()
    }

    fn single(&self) -> Vec<Row> {
        if self.design.ratings.wiring != Wiring::ThreePhaseFourWire {
            return Vec::new();
        }
        let mut rows = Vec::new();
        for limit in specs::SINGLE.iter().filter(|limit| limit.class == self.design.ratings.class) {
            let Some(span) = (if self.direct { limit.direct } else { limit.transformer }) else { continue };
            let currents = self.currents(&span);
            let points = (0..3).flat_map(|n| currents.iter().map(move |&x| (n, x))).map(|(n, x)| {
                let series = format!("phase {} alone, PF {}", n + 1, limit.pf.name());
                self.point(x, &series, self.load(x, limit.pf.phi()).single(n))
            });
            let what = format!("one phase loaded, {}, PF {}", span.name(self.unit()), limit.pf.name());
            rows.push(self.row(
                limit.clause,
                what,
                (limit.percent, limit.mark),
                Task::Error(points.collect()),
            ));
        }
        let pairs = (0..3).map(|n| {
            let one = self.point(1.0, &format!("phase {} alone", n + 1), self.load(1.0, 0.0).single(n));
            (self.point(1.0, "balanced", self.load(1.0, 0.0)), one)
        });
        rows.extend(self.by_class(
            "62053-2x 8.1",
            "one phase loaded less balanced",
            &specs::SINGLE_TO_BALANCED,
            Task::Shift(pairs.collect()),
        ));
        rows
    }

    /// A row whose limit depends on the class, if it has one.
    pub(super) fn by_class(
        &self,
        clause: &'static str,
        what: &str,
        limits: &ByClass,
        task: Task,
    ) -> Option<Row> {
        let limit = limits.of(self.design.ratings.class)?;
        Some(self.row(clause, what.into(), limit, task))
    }

    /// The currents and power factors of influences: from the lowest at PF 1, and a step higher at 0.5 inductive.
    fn influence_spans(&self, low: bool) -> [(Span, Pf); 2] {
        let from = |direct: f64, transformer: f64| if self.direct { direct } else { transformer };
        let span = |from: f64| Span { from, to: f64::INFINITY, inclusive: true };
        let at = if low { [from(0.05, 0.02), from(0.1, 0.05)] } else { [from(0.1, 0.05), from(0.2, 0.1)] };
        [(span(at[0]), Pf::UNITY), (span(at[1]), Pf::inductive(0.5))]
    }

    /// Pairs of the reference and of what `change` makes of it.
    fn changed(&self, span: &Span, pf: Pf, changes: &[(&str, &dyn Fn(Load) -> Load)]) -> Task {
        let mut pairs = Vec::new();
        for x in self.currents(span) {
            for (name, change) in changes {
                let load = self.load(x, pf.phi());
                pairs.push((self.point(x, "reference", load.clone()), self.point(x, name, change(load))));
            }
        }
        Task::Shift(pairs)
    }

    fn voltage(&self, by: f64) -> impl Fn(Load) -> Load {
        move |load| {
            load.shaped(
                |mut u| {
                    u.parts.iter_mut().for_each(|part| part.rms *= by);
                    u
                },
                |i| i,
            )
        }
    }

    fn influences(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (n, (span, pf)) in self.influence_spans(true).into_iter().enumerate() {
            let about = |what: &str| format!("{what}, {}, PF {}", span.name(self.unit()), pf.name());
            let (low, high) = (self.voltage(0.9), self.voltage(1.1));
            let task = self.changed(&span, pf, &[("0.9 Un", &low), ("1.1 Un", &high)]);
            rows.extend(self.by_class("62053-2x 8.2", &about("voltage ±10 %"), &specs::VOLTAGE[n], task));
            let (lowest, highest) = (self.voltage(0.8), self.voltage(1.15));
            let task = self.changed(&span, pf, &[("0.8 Un", &lowest), ("1.15 Un", &highest)]);
            let wide =
                self.by_class("62053-2x 8.2", &about("voltage -20 %, +15 %"), &specs::VOLTAGE[n], task);
            rows.extend(wide.map(|row| Row { limit: row.limit * 3.0, mark: 'C', ..row }));
            let (slow, fast) = (|load: Load| load.at_hz(49.0), |load: Load| load.at_hz(51.0));
            let task = self.changed(&span, pf, &[("49 Hz", &slow), ("51 Hz", &fast)]);
            rows.extend(self.by_class("62053-2x 8.2", &about("frequency ±2 %"), &specs::FREQUENCY[n], task));
        }
        let points = [0.7, 0.5, 0.3, 0.15]
            .map(|by| self.point(1.0, &format!("{by} Un"), self.voltage(by)(self.load(1.0, 0.0))));
        let what = "voltage below 0.8 Un: error between -100 % and +10 %".into();
        rows.push(self.row("62053-2x 8.2", what, (10.0, 'C'), Task::Between(points.into(), -100.0, 10.0)));
        rows
    }

    fn shapes(&self) -> Vec<Row> {
        let at = |x: f64| Span { from: x, to: x, inclusive: true };
        let mut rows = Vec::new();
        let mut add = |what: &str, limits: &ByClass, x: f64, change: &dyn Fn(Load) -> Load| {
            let task = self.changed(&at(x), Pf::UNITY, &[(what, change)]);
            rows.extend(self.by_class("62053-2x 8.2", what, limits, task));
        };
        let fifth = |load: Load| load.shaped(|u| u.with(5.0, 0.1, 0.0), |i| i.with(5.0, 0.4, 0.0));
        add(
            "5th harmonic, 10 % of U and 40 % of I, 0.5 Imax",
            &specs::FIFTH_HARMONIC,
            self.max / 2.0,
            &fifth,
        );
        if self.direct {
            let half = |load: Load| load.shaped(|u| u, |i| i.gated(Gate::HalfWave));
            add("DC and even harmonics, half waves of Imax", &specs::DC_EVEN, self.max, &half);
        }
        let fired = |load: Load| load.shaped(|u| u, |i| i.gated(Gate::PhaseFired));
        add("odd harmonics, phase-fired at the reference current", &specs::ODD, 1.0, &fired);
        let burst = |load: Load| load.shaped(|u| u, |i| i.gated(Gate::Burst));
        add("sub-harmonics, burst-fired at the reference current", &specs::SUB, 1.0, &burst);
        let ten_itr = if self.direct { 1.0 } else { 0.5 };
        add("quadriform waves, 10 Itr", &specs::R46_SHAPES, ten_itr, &|load| quadriform(load));
        add("peaked waves, 10 Itr", &specs::R46_SHAPES, ten_itr, &|load| peaked(load));
        if self.design.ratings.wiring == Wiring::ThreePhaseFourWire {
            let low = 0.1;
            add(
                "reversed phase sequence, a tenth of the reference current",
                &specs::SEQUENCE,
                low,
                &Load::reversed,
            );
            add("phase 3 interrupted", &specs::INTERRUPTED, 1.0, &|load| load.interrupted(&[2]));
            add("phase 1 interrupted", &specs::INTERRUPTED, 1.0, &|load| load.interrupted(&[0]));
            add("phases 1 and 3 interrupted", &specs::INTERRUPTED, 1.0, &|load| load.interrupted(&[0, 2]));
        }
        rows
    }

    fn temperature(&self) -> Vec<Row> {
        let curve = |x: f64, pf: Pf| -> Vec<Point> {
            let at = |celsius: f64| {
                let mut point =
                    self.point(x, &format!("{celsius} °C, PF {}", pf.name()), self.load(x, pf.phi()));
                point.circumstances.celsius = celsius;
                point
            };
            [-25.0, -5.0, 15.0, 35.0, 55.0].map(at).into()
        };
        let spans = self.influence_spans(false).into_iter().enumerate();
        let rows = spans.filter_map(|(n, (span, pf))| {
            let what = format!("temperature coefficient, {}, PF {}", span.name(self.unit()), pf.name());
            let curves = self.currents(&span).into_iter().map(|x| curve(x, pf)).collect();
            let row =
                self.by_class("62053-2x 8.2", &what, &specs::TEMPERATURE[n], Task::PerKelvin(curves))?;
            Some(Row { unit: "%/K", ..row })
        });
        rows.collect()
    }

    fn elsewhere(&self) -> Vec<Row> {
        let rows = specs::NOT_OF_SAMPLES.iter();
        rows.filter_map(|(what, limits)| self.by_class("62053-2x 8.2", what, limits, Task::Elsewhere))
            .collect()
    }
}

/// Orders and shares of the harmonics of OIML R46, current and voltage.
const R46_HARMONICS: [(f64, f64, f64); 5] =
    [(3.0, 0.30, 0.038), (5.0, 0.18, 0.024), (7.0, 0.14, 0.017), (11.0, 0.09, 0.010), (13.0, 0.05, 0.008)];

/// Quadriform: harmonics of the current in phase, those of the voltage against it \[OIML R46; confidence C\].
fn quadriform(load: Load) -> Load {
    let half = std::f64::consts::PI;
    let u = |u| R46_HARMONICS.iter().fold(u, |u: super::super::wave::Wave, h| u.with(h.0, h.2, half));
    load.shaped(u, |i| R46_HARMONICS.iter().fold(i, |i, h| i.with(h.0, h.1, 0.0)))
}

/// Peaked: the third, seventh and eleventh harmonic of the current turned \[OIML R46; confidence C\].
fn peaked(load: Load) -> Load {
    let half = std::f64::consts::PI;
    let turned = |order: f64| if [3.0, 7.0, 11.0].contains(&order) { half } else { 0.0 };
    let u = |u| {
        R46_HARMONICS.iter().fold(u, |u: super::super::wave::Wave, h| u.with(h.0, h.2, half - turned(h.0)))
    };
    load.shaped(u, |i| R46_HARMONICS.iter().fold(i, |i, h| i.with(h.0, h.1, turned(h.0))))
}
