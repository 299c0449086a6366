//! Power quality within class A of IEC 61000-4-30, through the sensors and converters of a specimen.

use super::super::specimen::{Calibrated, Specimen};
use super::super::wave::Load;
use super::run::worst;
use metrology::quality::{EventKind, QualityCore, QualityEvent, Thresholds};
use metrology::{Ledger, MeterCore};
use rayon::prelude::*;

/// A quantity of power quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Frequency over ten seconds, 42.5 to 57.5 Hz.
    Frequency,
    /// RMS voltage, 10 to 150 % of the declared one, 42.5 to 57.5 Hz.
    Voltage,
    /// Harmonics of 5 % (RMS) from the 2nd to the 40th, one at a time.
    Harmonics,
    /// Harmonics of 0.5 %.
    SmallHarmonics,
    /// Total distortion of voltages with several harmonics.
    Distortion,
    /// Negative and zero sequence of 0.5 to 5 %.
    Unbalance,
    /// Residual voltage of dips.
    DipVoltage,
    /// Duration of dips.
    DipDuration,
    /// Largest voltage of swells.
    SwellVoltage,
    /// Duration of interruptions.
    InterruptionDuration,
    /// Pst of rectangular changes that have one of 1: the pattern of this number of `PST_ONE`.
    Flicker(usize),
}

/// Rectangular changes of the voltage of lamps of 230 V at 50 Hz whose Pst is 1: what they are called, changes in a minute, their size in
/// percent \[61000-4-15 table 5; confidence C\].
const PST_ONE: [(&str, f64, f64); 6] = [
    ("Pst of 1 change a minute of 2.715 %: 1.00", 1.0, 2.715),
    ("Pst of 2 changes a minute of 2.191 %: 1.00", 2.0, 2.191),
    ("Pst of 7 changes a minute of 1.450 %: 1.00", 7.0, 1.450),
    ("Pst of 39 changes a minute of 0.894 %: 1.00", 39.0, 0.894),
    ("Pst of 110 changes a minute of 0.722 %: 1.00", 110.0, 0.722),
    ("Pst of 1620 changes a minute of 0.407 %: 1.00", 1620.0, 0.407),
];

impl Case {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Frequency,
        Self::Voltage,
        Self::Harmonics,
        Self::SmallHarmonics,
        Self::Distortion,
        Self::Unbalance,
        Self::DipVoltage,
        Self::DipDuration,
        Self::SwellVoltage,
        Self::InterruptionDuration,
        Self::Flicker(0),
        Self::Flicker(1),
        Self::Flicker(2),
        Self::Flicker(3),
        Self::Flicker(4),
        Self::Flicker(5),
    ];

    /// The standard that has the limit.
    pub const fn clause(&self) -> &'static str {
        match self {
            Self::Flicker(_) => "61000-4-15 t.5",
            _ => "61000-4-30 A",
        }
    }

    /// What it is, its limit, the unit of that, and how sure it is.
    pub const fn limit(&self) -> (&'static str, f64, &'static str, char) {
        match self {
            Self::Frequency => ("frequency over 10 s, 42.5 to 57.5 Hz", 10.0, "mHz", 'B'),
            Self::Voltage => ("RMS voltage, 10 to 150 % of Udin, 42.5 to 57.5 Hz", 0.1, "% Udin", 'C'),
            Self::Harmonics => ("harmonics of 5 %, 2nd to 40th", 5.0, "% of it", 'C'),
            Self::SmallHarmonics => ("harmonics of 0.5 %, 2nd to 40th", 0.05, "% Un", 'C'),
            Self::Distortion => ("total distortion (THDS), 42.5 to 57.5 Hz", 5.0, "% of it", 'C'),
            Self::Unbalance => ("unbalance u2 and u0, 0.5 to 5 %", 0.15, "%", 'A'),
            Self::DipVoltage => ("residual voltage of dips, 10 to 85 %", 0.2, "% Udin", 'C'),
            Self::DipDuration => ("duration of dips, 1.5 to 50 cycles", 1.0, "cycles", 'A'),
            Self::SwellVoltage => ("largest voltage of swells, 115 to 140 %", 0.2, "% Udin", 'C'),
            Self::InterruptionDuration => ("duration of interruptions, 5 to 75 cycles", 2.0, "cycles", 'C'),
            Self::Flicker(pattern) => (PST_ONE[*pattern].0, 5.0, "%", 'C'),
        }
    }

    /// The worst deviation that is found.
    pub fn worst(&self, calibrated: &Calibrated) -> f64 {
        let bench = Bench { calibrated };
        match self {
            Self::Frequency => bench.frequency(),
            Self::Voltage => bench.voltage(),
            Self::Harmonics => bench.harmonics(0.05, |found, share| (found / share - 1.0) * 100.0),
            Self::SmallHarmonics => bench.harmonics(0.005, |found, share| (found - share) * 100.0),
            Self::Distortion => bench.distortion(),
            Self::Unbalance => bench.unbalance(),
            Self::DipVoltage => bench.dips(Bench::residual),
            Self::DipDuration => bench.dips(Bench::duration),
            Self::SwellVoltage => bench.swells(),
            Self::InterruptionDuration => bench.interruptions(),
            Self::Flicker(pattern) => bench.flicker(PST_ONE[*pattern].1, PST_ONE[*pattern].2),
        }
    }
}

/// Ten minutes, and ten seconds before.
const FLICKER_S: f64 = 610.0;
/// Frequencies of class A.
const HERTZ: [f64; 5] = [42.5, 47.0, 50.0, 51.3, 57.5];

struct Bench<'a> {
    calibrated: &'a Calibrated,
}

/// A change of the voltages: which, to what part, from when and for how many half cycles after two seconds.
#[derive(Clone, Copy)]
struct Change {
    factors: [f64; 3],
    from: f64,
    halves: f64,
}

impl Bench<'_> {
    fn un(&self) -> f64 {
        f64::from(self.calibrated.design.ratings.un_mv) / 1000.0
    }

    fn load(&self, hz: f64) -> Load {
        Load::balanced(3, self.un(), 1.0, 0.3).at_hz(hz)
    }

    /// Measures a load for some seconds.
    fn run(
        &self,
        load: &Load,
        seconds: f64,
        change: Option<Change>,
    ) -> (Box<QualityCore>, Vec<QualityEvent>) {
        self.modulated(load, seconds, |at| match change {
            Some(change) if (0.0..change.halves).contains(&((at - 2.0) * 2.0 * load.hz - change.from)) => {
                change.factors
            }
            _ => [1.0; 3],
        })
    }

    /// Measures a load for some seconds whose voltages are multiplied at each moment, in seconds from the beginning.
    fn modulated(
        &self,
        load: &Load,
        seconds: f64,
        factors: impl Fn(f64) -> [f64; 3],
    ) -> (Box<QualityCore>, Vec<QualityEvent>) {
        let design = &self.calibrated.design;
        let core = MeterCore::calibrated(design.ratings, &self.calibrated.calibration, Ledger::default())
            .expect("ratings of a design are valid");
        let declared = u64::from(design.ratings.un_mv) * 1000;
        let mut quality = Box::new(QualityCore::new(core, Thresholds::of_declared(declared)));
        let (mut specimen, mut events) = (Specimen::new(design), Vec::new());
        specimen.settle(load, super::super::sensor::REFERENCE_CELSIUS, 5);
        let rate = f64::from(design.ratings.sample_rate_hz);
        for n in 0..(seconds * rate) as u64 {
            specimen.dim(factors(n as f64 / rate));
            quality.process_frames(&[specimen.sample().0]);
            events.extend(std::iter::from_fn(|| quality.take_event()));
        }
        (quality, events)
    }

    fn frequency(&self) -> f64 {
        let one = |&hz: &f64| {
            let (mut quality, _) = self.run(&self.load(hz), 13.0, None);
            quality.take_frequency_mhz().map_or(f64::INFINITY, |mhz| f64::from(mhz) - hz * 1000.0)
        };
        worst(HERTZ.par_iter().map(one).collect::<Vec<f64>>())
    }

    /// By how much, in percent, the Pst of ten minutes is apart from 1; the filters have settled before.
    fn flicker(&self, changes: f64, percent: f64) -> f64 {
        let factor = |at: f64| {
            let is_high = ((at * changes / 60.0) as u64).is_multiple_of(2);
            1.0 + if is_high { percent / 200.0 } else { -percent / 200.0 }
        };
        let (mut quality, _) = self.modulated(&self.load(50.0), FLICKER_S, |at| [factor(at); 3]);
        let pst = quality.take_ten_minutes().pst_per_mille;
        worst(pst.map(|pst| pst.map_or(f64::INFINITY, |pst| f64::from(pst) / 10.0 - 100.0)))
    }

    fn voltage(&self) -> f64 {
        let points: Vec<_> =
            HERTZ.iter().flat_map(|&hz| [0.1, 0.5, 1.0, 1.5].map(|share| (hz, share))).collect();
        let one = |&(hz, share): &(f64, f64)| {
            let load = self.load(hz).shaped(
                |mut u| {
                    u.parts[0].rms *= share;
                    u
                },
                |i| i,
            );
            let (quality, _) = self.run(&load, 4.0, None);
            let elements = quality.core().values().elements;
            worst(elements.map(|e| (e.u_uv as f64 * 1e-6 / self.un() - share) * 100.0))
        };
        worst(points.par_iter().map(one).collect::<Vec<f64>>())
    }

    fn harmonics(&self, share: f64, deviation: fn(f64, f64) -> f64) -> f64 {
        let one = |order: usize| {
            let load = self.load(50.02).shaped(|u| u.with(order as f64, share, 0.4), |i| i);
            let (quality, _) = self.run(&load, 2.0, None);
            let found = |n: usize| f64::from(quality.voltage_spectrum(n).harmonic_ppm(order)) * 1e-6;
            worst((0..3).map(|n| deviation(found(n), share)))
        };
        worst((2..=40).into_par_iter().map(one).collect::<Vec<f64>>())
    }

    fn distortion(&self) -> f64 {
        let one = |&hz: &f64| {
            let load = self
                .load(hz)
                .shaped(|u| u.with(3.0, 0.05, 0.4).with(5.0, 0.06, 2.0).with(11.0, 0.03, 1.0), |i| i);
            let truth = 0.05f64.hypot(0.06).hypot(0.03);
            let (quality, _) = self.run(&load, 3.0, None);
            let found = |n: usize| f64::from(quality.voltage_spectrum(n).thd_ppm()) * 1e-6;
            worst((0..3).map(|n| (found(n) / truth - 1.0) * 100.0))
        };
        worst(HERTZ.par_iter().map(one).collect::<Vec<f64>>())
    }

    /// One voltage lower by d: u2 = u0 = d / (3 - d).
    fn unbalance(&self) -> f64 {
        let one = |&lower: &f64| {
            let mut load = self.load(50.0);
            load.u[1].parts[0].rms *= 1.0 - lower;
            let truth = lower / (3.0 - lower) * 100.0;
            let found = self.run(&load, 3.0, None).0.unbalance();
            worst([found.negative_ppm, found.zero_ppm].map(|ppm| f64::from(ppm) * 1e-4 - truth))
        };
        worst([0.015, 0.05, 0.1, 0.143].par_iter().map(one).collect::<Vec<f64>>())
    }

    /// Dips of one phase, of all depths and durations, begun anywhere in a half cycle.
    fn dips(&self, deviation: fn(&Self, &QualityEvent, &Change) -> f64) -> f64 {
        let mut changes = Vec::new();
        for residual in [0.1, 0.4, 0.7, 0.85] {
            for halves in [3.0, 10.0, 100.0] {
                changes.extend([0.0, 0.35, 0.8].map(|from| Change {
                    factors: [1.0, residual, 1.0],
                    from,
                    halves,
                }));
            }
        }
        self.changes(&changes, EventKind::Dip, deviation)
    }

    fn swells(&self) -> f64 {
        let change = |part: f64| Change { factors: [part, 1.0, 1.0], from: 0.35, halves: 20.0 };
        self.changes(&[1.15, 1.25, 1.4].map(change), EventKind::Swell, |bench, event, change| {
            (event.extreme_uv as f64 * 1e-6 / bench.un() - change.factors[0]) * 100.0
        })
    }

    fn interruptions(&self) -> f64 {
        let mut changes = Vec::new();
        for halves in [10.0, 50.0, 150.0] {
            changes.extend([0.0, 0.35, 0.8].map(|from| Change { factors: [0.01; 3], from, halves }));
        }
        self.changes(&changes, EventKind::Interruption, Self::duration)
    }

    fn changes(
        &self,
        changes: &[Change],
        kind: EventKind,
        deviation: fn(&Self, &QualityEvent, &Change) -> f64,
    ) -> f64 {
        let one = |change: &Change| {
            let (_, events) = self.run(&self.load(50.0), 4.0, Some(*change));
            let mut events = events.iter().filter(|event| event.kind == kind);
            match (events.next(), events.next()) {
                (Some(event), None) => deviation(self, event, change),
                _ => f64::INFINITY,
            }
        };
        worst(changes.par_iter().map(one).collect::<Vec<f64>>())
    }

    fn residual(&self, event: &QualityEvent, change: &Change) -> f64 {
        (event.extreme_uv as f64 * 1e-6 / self.un() - change.factors[1]) * 100.0
    }

    fn duration(&self, event: &QualityEvent, change: &Change) -> f64 {
        let rate = f64::from(self.calibrated.design.ratings.sample_rate_hz);
        (event.end - event.start) as f64 / rate * 50.0 - change.halves / 2.0
    }
}
