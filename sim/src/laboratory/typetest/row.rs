//! A row of a type test: what is to be done, and within which limit.

use super::super::bench::Circumstances;
use super::super::wave::Load;

/// A power factor and its side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pf {
    /// Cosine (for reactive energy, sine) of the angle.
    pub factor: f64,
    /// -1 when the current leads.
    side: f64,
}

impl Pf {
    /// 1.
    pub const UNITY: Self = Self { factor: 1.0, side: 1.0 };

    /// The current lags.
    pub const fn inductive(factor: f64) -> Self {
        Self { factor, side: 1.0 }
    }

    /// The current leads.
    pub const fn capacitive(factor: f64) -> Self {
        Self { factor, side: -1.0 }
    }

    /// By how much the current lags, in radians.
    pub fn phi(&self) -> f64 {
        self.side * self.factor.acos()
    }

    /// Name in a report.
    pub fn name(&self) -> String {
        match (self.factor, self.side) {
            (1.0, _) => "1".into(),
            (factor, side) => format!("{factor} {}", if side > 0.0 { "ind" } else { "cap" }),
        }
    }
}

/// A range of currents, in multiples of the reference current.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Its lower end.
    pub from: f64,
    /// Its upper end; infinite for Imax.
    pub to: f64,
    /// Whether the upper end belongs to it.
    pub inclusive: bool,
}

impl Span {
    /// Currents of the range, its ends included, at most a factor of about 2.5 apart; `max` is Imax.
    pub fn currents(&self, max: f64) -> Vec<f64> {
        let to = if self.to.is_finite() { self.to } else { max };
        let to = if self.inclusive { to } else { to * 0.999 };
        let steps = ((to / self.from).ln() / 2.5f64.ln()).ceil().max(1.0) as i32;
        (0..=steps).map(|n| self.from * (to / self.from).powf(f64::from(n) / f64::from(steps))).collect()
    }

    /// Name in a report.
    pub fn name(&self, unit: &str) -> String {
        let sign = if self.inclusive { "≤" } else { "<" };
        match self.to.is_finite() {
            true => format!("{}{unit} ≤ I {sign} {}{unit}", self.from, self.to),
            false => format!("{}{unit} ≤ I ≤ Imax", self.from),
        }
    }
}

/// One measurement.
#[derive(Clone, Debug)]
pub struct Point {
    /// What is fed.
    pub load: Load,
    /// In which circumstances.
    pub circumstances: Circumstances,
    /// Where on the curves it stands: current in multiples of the reference current.
    pub x: f64,
    /// Of which curve it is.
    pub series: String,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Active energy.
    Active,
    /// Reactive energy.
    Reactive,
}

/// What a row does.
#[derive(Clone, Debug)]
pub enum Task {
    /// The largest error.
    Error(Vec<Point>),
    /// The largest change of the error from the first to the second point of a pair.
    Shift(Vec<(Point, Point)>),
    /// The largest change of the error per kelvin, between neighbours of each curve of temperatures.
    PerKelvin(Vec<Vec<Point>>),
    /// The error stays between these two percentages.
    Between(Vec<Point>, f64, f64),
    /// Largest less smallest error of repetitions.
    Spread(Vec<Vec<Point>>),
    /// The composite error: reference, then each influence as a set of points of which the worst counts.
    Composite(Vec<(Point, Vec<Vec<Point>>)>),
    /// The meter starts, and registers within half of the truth: limit in percent.
    Start(Vec<Point>),
    /// At most one pulse in this time, in minutes, at this voltage in multiples of Un.
    NoLoad(f64, f64),
    /// Pulses and register advance together: limit in percent.
    Pulses(Point),
    /// Power quality.
    ClassA(super::class_a::Case),
    /// Needs what no samples can show.
    Elsewhere,
}

/// A row of a type test.
#[derive(Clone, Debug)]
pub struct Row {
    /// Clause and table.
    pub clause: &'static str,
    /// What is tested.
    pub what: String,
    /// Active or reactive energy.
    pub quantity: Quantity,
    /// Limit, in `unit`.
    pub limit: f64,
    /// Unit of limit and result.
    pub unit: &'static str,
    /// How sure the limit is: A, B or C.
    pub mark: char,
    /// What is to be done.
    pub task: Task,
}

/// The result of a row.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The measured value that counts, in the unit of the limit; `None` when it was not run.
    pub measured: Option<f64>,
    /// Whether it is within the limit; `None` when it was not run.
    pub passed: Option<bool>,
    /// Curves: series, current, error in percent.
    pub curve: Vec<(String, f64, f64)>,
}
