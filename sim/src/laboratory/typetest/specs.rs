//! Limits of the standards, as rows. Currents are multiples of the reference current (Ib of direct meters, In of others); marks say how
//! sure the numbers are: A two independent sources, B one, C not checked against the text.

use super::row::{Pf, Span};
use metrology::AccuracyClass::{self, FifthS, HalfS, One, Two};

const UNITY: Pf = Pf::UNITY;
const IND_05: Pf = Pf::inductive(0.5);
const CAP_08: Pf = Pf::capacitive(0.8);
const IND_025: Pf = Pf::inductive(0.25);
const CAP_05: Pf = Pf::capacitive(0.5);

/// Limit of the error of active energy in a range of currents.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Clause and table.
    pub clause: &'static str,
    /// Class.
    pub class: AccuracyClass,
    /// Range for direct meters.
    pub direct: Option<Span>,
    /// Range for meters behind transformers.
    pub transformer: Option<Span>,
    /// Power factor.
    pub pf: Pf,
    /// Limit, in percent.
    pub percent: f64,
    /// Confidence.
    pub mark: char,
}

type L = (AccuracyClass, Option<Span>, Option<Span>, Pf, f64, char);

const fn row(clause: &'static str, (class, direct, transformer, pf, percent, mark): L) -> Limit {
    Limit { clause, class, direct, transformer, pf, percent, mark }
}

const fn to(from: f64, below: f64) -> Option<Span> {
    Some(Span { from, to: below, inclusive: false })
}

const fn up(from: f64) -> Option<Span> {
    Some(Span { from, to: f64::INFINITY, inclusive: true })
}

const fn incl(from: f64, last: f64) -> Option<Span> {
    Some(Span { from, to: last, inclusive: true })
}

const T21: &str = "62053-21 t.7";
const T22: &str = "62053-22 t.4";

/// Balanced loads \[62053-21 table 7, 62053-22 table 4\].
pub const BALANCED: [Limit; 24] = [
    row(T21, (Two, to(0.05, 0.1), to(0.02, 0.05), UNITY, 2.5, 'A')),
    row(T21, (Two, up(0.1), up(0.05), UNITY, 2.0, 'A')),
    row(T21, (Two, to(0.1, 0.2), to(0.05, 0.1), IND_05, 2.5, 'A')),
    row(T21, (Two, up(0.2), up(0.1), IND_05, 2.0, 'A')),
    row(T21, (One, to(0.05, 0.1), to(0.02, 0.05), UNITY, 1.5, 'A')),
    row(T21, (One, up(0.1), up(0.05), UNITY, 1.0, 'A')),
    row(T21, (One, to(0.1, 0.2), to(0.05, 0.1), IND_05, 1.5, 'A')),
    row(T21, (One, to(0.1, 0.2), to(0.05, 0.1), CAP_08, 1.5, 'A')),
    row(T21, (One, up(0.2), up(0.1), IND_05, 1.0, 'A')),
    row(T21, (One, up(0.2), up(0.1), CAP_08, 1.0, 'A')),
    row(T21, (One, incl(0.2, 1.0), incl(0.1, 1.0), IND_025, 3.5, 'C')),
    row(T21, (One, incl(0.2, 1.0), incl(0.1, 1.0), CAP_05, 2.5, 'C')),
    row(T22, (HalfS, None, to(0.01, 0.05), UNITY, 1.0, 'C')),
    row(T22, (HalfS, None, up(0.05), UNITY, 0.5, 'C')),
    row(T22, (HalfS, None, to(0.02, 0.1), IND_05, 1.0, 'C')),
    row(T22, (HalfS, None, to(0.02, 0.1), CAP_08, 1.0, 'C')),
    row(T22, (HalfS, None, up(0.1), IND_05, 0.6, 'C')),
    row(T22, (HalfS, None, up(0.1), CAP_08, 0.6, 'C')),
    row(T22, (HalfS, None, up(0.1), IND_025, 1.0, 'C')),
    row(T22, (HalfS, None, up(0.1), CAP_05, 1.0, 'C')),
    row(T22, (FifthS, None, to(0.01, 0.05), UNITY, 0.4, 'C')),
    row(T22, (FifthS, None, up(0.05), UNITY, 0.2, 'C')),
    row(T22, (FifthS, None, to(0.02, 0.1), IND_05, 0.5, 'C')),
    row(T22, (FifthS, None, to(0.02, 0.1), CAP_08, 0.5, 'C')),
];

/// Balanced loads of class 0.2S at the higher currents.
pub const BALANCED_UPPER: [Limit; 4] = [
    row(T22, (FifthS, None, up(0.1), IND_05, 0.3, 'C')),
    row(T22, (FifthS, None, up(0.1), CAP_08, 0.3, 'C')),
    row(T22, (FifthS, None, up(0.1), IND_025, 0.5, 'C')),
    row(T22, (FifthS, None, up(0.1), CAP_05, 0.5, 'C')),
];

/// One phase loaded, balanced voltages.
pub const SINGLE: [Limit; 8] = [
    row("62053-21 t.8", (Two, up(0.1), up(0.05), UNITY, 3.0, 'A')),
    row("62053-21 t.8", (Two, up(0.2), up(0.1), IND_05, 3.0, 'A')),
    row("62053-21 t.8", (One, up(0.1), up(0.05), UNITY, 2.0, 'A')),
    row("62053-21 t.8", (One, up(0.2), up(0.1), IND_05, 2.0, 'A')),
    row("62053-22 t.5", (HalfS, None, up(0.05), UNITY, 0.6, 'C')),
    row("62053-22 t.5", (HalfS, None, up(0.1), IND_05, 1.0, 'C')),
    row("62053-22 t.5", (FifthS, None, up(0.05), UNITY, 0.3, 'C')),
    row("62053-22 t.5", (FifthS, None, up(0.1), IND_05, 0.4, 'C')),
];

/// Limits of one kind for the four classes: 1, 2, 0.5S, 0.2S, in percent (per kelvin for temperature); `None` where there is none.
#[derive(Clone, Copy, Debug)]
pub struct ByClass {
    /// Class 1, 2, 0.5S, 0.2S.
    pub percent: [Option<f64>; 4],
    /// Confidence for classes 1 and 2, and for the S classes.
    pub marks: (char, char),
}

impl ByClass {
    const fn all(one: f64, two: f64, half: f64, fifth: f64) -> Self {
        Self { percent: [Some(one), Some(two), Some(half), Some(fifth)], marks: ('A', 'C') }
    }

    const fn unsure(mut self) -> Self {
        self.marks.0 = 'C';
        self
    }

    /// The limit for a class and its confidence.
    pub const fn of(&self, class: AccuracyClass) -> Option<(f64, char)> {
        let (at, mark) = match class {
            One => (0, self.marks.0),
            Two => (1, self.marks.0),
            HalfS => (2, self.marks.1),
            FifthS => (3, self.marks.1),
        };
        match self.percent[at] {
            Some(percent) => Some((percent, mark)),
            None => None,
        }
    }
}

/// Difference between single-phase and balanced load at the reference current.
pub const SINGLE_TO_BALANCED: ByClass = ByClass::all(1.5, 2.5, 1.0, 0.4).unsure();
/// Temperature coefficient at power factor 1 and 0.5 inductive, in percent per kelvin.
pub const TEMPERATURE: [ByClass; 2] =
    [ByClass::all(0.05, 0.10, 0.03, 0.01), ByClass::all(0.07, 0.15, 0.05, 0.02)];
/// Voltage ±10 % at power factor 1 and 0.5 inductive. From -20 % and up to +15 % three times as much.
pub const VOLTAGE: [ByClass; 2] = [ByClass::all(0.7, 1.0, 0.2, 0.1), ByClass::all(1.0, 1.5, 0.4, 0.2)];
/// Frequency ±2 % at power factor 1 and 0.5 inductive.
pub const FREQUENCY: [ByClass; 2] = [ByClass::all(0.5, 0.8, 0.2, 0.1), ByClass::all(0.7, 1.0, 0.2, 0.1)];
/// Reversed phase sequence.
pub const SEQUENCE: ByClass = ByClass::all(1.5, 1.5, 0.1, 0.05);
/// One or two phases interrupted.
pub const INTERRUPTED: ByClass = ByClass::all(2.0, 4.0, 1.0, 0.5);
/// Fifth harmonic in voltage and current.
pub const FIFTH_HARMONIC: ByClass = ByClass::all(0.8, 1.0, 0.5, 0.4);
/// DC and even harmonics in the current, direct meters alone.
pub const DC_EVEN: ByClass = ByClass { percent: [Some(3.0), Some(6.0), None, None], marks: ('A', 'C') };
/// Odd harmonics in the current (phase-fired).
pub const ODD: ByClass = ByClass { percent: [Some(3.0), Some(6.0), None, None], marks: ('C', 'C') };
/// Sub-harmonics in the current (burst-fired).
pub const SUB: ByClass = ByClass::all(3.0, 6.0, 1.5, 0.6).unsure();
/// Quadriform and peaked currents \[OIML R46\], classes B, A, C, D.
pub const R46_SHAPES: ByClass = ByClass::all(0.6, 1.0, 0.3, 0.2).unsure();
/// Constant of the no-load test of the older editions, by class: test time in minutes = this · 10^6 / (k·m·Un·Imax).
pub const NO_LOAD: ByClass = ByClass::all(600.0, 480.0, 600.0, 900.0).unsure();
/// Influences that no samples can show: they need a chamber, a magnet, a field, a surge.
pub const NOT_OF_SAMPLES: [(&str, ByClass); 8] = [
    ("continuous external magnet", ByClass::all(2.0, 3.0, 2.0, 2.0).unsure()),
    ("external AC field 0.5 mT", ByClass::all(2.0, 3.0, 1.0, 0.5).unsure()),
    ("RF electromagnetic field", ByClass::all(2.0, 3.0, 2.0, 1.0).unsure()),
    ("conducted RF", ByClass::all(2.0, 3.0, 2.0, 1.0).unsure()),
    ("fast transients", ByClass::all(4.0, 6.0, 2.0, 1.0).unsure()),
    ("operation of accessories", ByClass::all(0.5, 1.0, 0.1, 0.05).unsure()),
    ("auxiliary supply ±15 %", ByClass { percent: [None, None, Some(0.1), Some(0.05)], marks: ('C', 'C') }),
    ("2 kHz to 150 kHz in the current", ByClass::all(2.0, 2.0, 2.0, 2.0).unsure()),
];

/// Reactive limits: direct range, range behind transformers, sin φ, class 2, class 3 \[62053-23; confidence C\].
pub const REACTIVE: [(Span, Span, f64, [f64; 2]); 5] = [
    (span(0.05, 0.1, false), span(0.02, 0.05, false), 1.0, [2.5, 4.0]),
    (span(0.1, f64::INFINITY, true), span(0.05, f64::INFINITY, true), 1.0, [2.0, 3.0]),
    (span(0.1, 0.2, false), span(0.05, 0.1, false), 0.5, [2.5, 4.0]),
    (span(0.2, f64::INFINITY, true), span(0.1, f64::INFINITY, true), 0.5, [2.0, 3.0]),
    (span(0.2, f64::INFINITY, true), span(0.1, f64::INFINITY, true), 0.25, [2.5, 4.0]),
];

/// Reactive limits of class 0.5S: range, sin φ, percent \[62053-24; confidence C\]. Class 1S has twice them.
pub const REACTIVE_05S: [(Span, f64, f64); 2] =
    [(span(0.01, 0.05, false), 1.0, 1.0), (span(0.05, f64::INFINITY, true), 1.0, 0.5)];

/// Influence on reactive energy, classes 2 and 3, at sin φ 1 and 0.5: temperature (%/K), voltage ±10 %, frequency ±2 %
/// \[62053-23; confidence C\].
pub const REACTIVE_INFLUENCE: [(&str, [[f64; 2]; 2]); 3] = [
    ("temperature coefficient", [[0.10, 0.15], [0.15, 0.25]]),
    ("voltage ±10 %", [[1.0, 2.0], [1.5, 3.0]]),
    ("frequency ±2 %", [[2.5, 2.5], [2.5, 2.5]]),
];

const fn span(from: f64, to: f64, inclusive: bool) -> Span {
    Span { from, to, inclusive }
}

/// Starting currents of reactive classes 2 and 3, in parts of Ib and In \[62053-23; confidence C\].
pub const REACTIVE_START: [(f64, f64); 2] = [(0.005, 0.003), (0.01, 0.005)];

/// A range of temperatures, in °C.
pub type Celsius = (f64, f64);

/// MID: maximum permissible errors in percent, by temperature range and class A, B, C; balanced below Itr, balanced from Itr, one
/// phase loaded \[2014/32/EU Annex V table 2\]. The last is of confidence C, the others of B.
pub const MID: [(Celsius, [[f64; 3]; 3]); 4] = [
    ((5.0, 30.0), [[3.5, 2.0, 1.0], [3.5, 2.0, 0.7], [4.0, 2.5, 1.0]]),
    ((-10.0, 40.0), [[5.0, 2.5, 1.3], [4.5, 2.5, 1.0], [5.0, 3.0, 1.3]]),
    ((-25.0, 55.0), [[7.0, 3.5, 1.7], [7.0, 3.5, 1.3], [7.0, 4.0, 1.7]]),
    ((-40.0, 70.0), [[9.0, 4.0, 2.0], [9.0, 4.0, 1.5], [9.0, 4.5, 2.0]]),
];

/// EN 50470-3 at reference conditions: from Imin, from Itr at power factor 1, from Itr at 0.5 inductive and 0.8 capacitive; classes A, B, C
/// \[confidence C\].
pub const EN_50470: [[f64; 3]; 3] = [[2.5, 1.5, 1.0], [2.0, 1.0, 0.5], [2.0, 1.0, 0.6]];

/// OIML R46 base errors: from Itr, from Itr at power factors below 1, from Imin, from Imin below 1, from Ist (times Imin/I); classes A, B,
/// C, D \[confidence C\].
pub const R46: [[f64; 4]; 5] = [
    [2.0, 1.0, 0.5, 0.2],
    [2.5, 1.5, 0.6, 0.3],
    [2.5, 1.5, 1.0, 0.4],
    [2.5, 1.8, 1.0, 0.5],
    [2.5, 1.5, 1.0, 0.4],
];
