//! The objects of what is measured: names follow from quantity, phase and rate \[metering OBIS codes: BB 7.5; confidence A\].

use super::catalogue::{Content, Known, Needs, Place, entry};
use super::names;
use super::quality::{KINDS, QualityKind};
use crate::specs::RATES;
use dlms::classes::Schema;
use dlms::cosem::{LogicalName, Unit};
use dlms::specs::schemas;
use metrology::quality::Thresholds;

/// A quantity. Phases count from 1; 0 is the total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measured {
    Energy(EnergyKind, u8),
    Power(PowerKind, u8),
    Voltage(u8),
    Current(u8),
    Neutral,
    Frequency,
    Angle(Angle),
    Distortion { phase: u8, of_current: bool },
}

/// An energy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EnergyKind {
    ActiveImport,
    ActiveExport,
    ReactiveImport,
    ReactiveExport,
    Q1,
    Q2,
    Q3,
    Q4,
    ApparentImport,
    ApparentExport,
    Sum,
    Net,
}

/// A power, or a ratio of powers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PowerKind {
    ActiveImport,
    ActiveExport,
    ReactiveImport,
    ReactiveExport,
    Apparent,
    Factor,
    Net,
}

/// An angle: by how much the voltage of a phase lags that of phase 1, or its current its own voltage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Angle {
    Voltage(u8),
    Current(u8),
}

/// What is told of dips and the like, in the order of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TallyPart {
    Threshold,
    Count,
    Duration,
    Magnitude,
}

impl EnergyKind {
    pub(super) const fn unit(self) -> Unit {
        match self {
            Self::ActiveImport | Self::ActiveExport | Self::Sum | Self::Net => Unit::WATT_HOUR,
            Self::ApparentImport | Self::ApparentExport => Unit::VOLT_AMPERE_HOUR,
            _ => Unit::VAR_HOUR,
        }
    }
}

impl PowerKind {
    pub(super) const fn unit(self) -> Unit {
        match self {
            Self::ActiveImport | Self::ActiveExport | Self::Net => Unit::WATT,
            Self::ReactiveImport | Self::ReactiveExport => Unit::VAR,
            Self::Apparent => Unit::VOLT_AMPERE,
            Self::Factor => Unit::COUNT,
        }
    }
}

impl QualityKind {
    /// In mV.
    pub(super) fn threshold_mv(self, thresholds: &Thresholds) -> u32 {
        let uv = match self {
            Self::Dip => thresholds.dip_uv,
            Self::Swell => thresholds.swell_uv,
            Self::Interruption => thresholds.interruption_uv,
        };
        u32::try_from(uv / 1000).unwrap_or(u32::MAX)
    }
}

/// Energies, and C of their totals; D is 8.
const ENERGIES: [(EnergyKind, u8); 12] = [
    (EnergyKind::ActiveImport, 1),
    (EnergyKind::ActiveExport, 2),
    (EnergyKind::ReactiveImport, 3),
    (EnergyKind::ReactiveExport, 4),
    (EnergyKind::Q1, 5),
    (EnergyKind::Q2, 6),
    (EnergyKind::Q3, 7),
    (EnergyKind::Q4, 8),
    (EnergyKind::ApparentImport, 9),
    (EnergyKind::ApparentExport, 10),
    (EnergyKind::Sum, 15),
    (EnergyKind::Net, 16),
];
/// Powers, and C of their totals; D is 7.
const POWERS: [(PowerKind, u8); 7] = [
    (PowerKind::ActiveImport, 1),
    (PowerKind::ActiveExport, 2),
    (PowerKind::ReactiveImport, 3),
    (PowerKind::ReactiveExport, 4),
    (PowerKind::Apparent, 9),
    (PowerKind::Factor, 13),
    (PowerKind::Net, 16),
];
const VOLTAGE: u8 = 12;
const CURRENT: u8 = 11;
/// E of total harmonic distortion.
const DISTORTION: u8 = 124;
const PARTS: [TallyPart; 4] =
    [TallyPart::Threshold, TallyPart::Count, TallyPart::Duration, TallyPart::Magnitude];
/// Angles with what has them.
const ANGLES: [(Angle, LogicalName, Needs); 5] = [
    (Angle::Current(1), names::angle(4, 0), Needs::Neutral),
    (Angle::Voltage(2), names::angle(1, 0), Needs::FourWires),
    (Angle::Voltage(3), names::angle(2, 0), Needs::FourWires),
    (Angle::Current(2), names::angle(5, 1), Needs::FourWires),
    (Angle::Current(3), names::angle(6, 2), Needs::FourWires),
];

const BY_PHASE: usize = 4;
const ENERGY: usize = ENERGIES.len() * BY_PHASE;
const POWER: usize = ENERGY + POWERS.len() * BY_PHASE;
const RATE: usize = POWER + ENERGIES.len() * RATES as usize;
const LINES: usize = RATE + 3 * 4;
const TALLY: usize = LINES + KINDS.len() * BY_PHASE * PARTS.len();
const ANGLE: usize = TALLY + ANGLES.len();
const LOGS: usize = ANGLE + KINDS.len();
/// Objects of what is measured.
pub(super) const MEASURED: usize = LOGS + 3;

/// One of them.
pub(super) const fn measured(n: usize) -> Known {
    match n {
        0..ENERGY => {
            let ((kind, code), phase) = (ENERGIES[n / BY_PHASE], (n % BY_PHASE) as u8);
            let content = Content::Measured(Measured::Energy(kind, phase));
            register(content, names::of_phase(phase, code, 8, 0), of_phases(phase))
        }
        ENERGY..POWER => {
            let ((kind, code), phase) = (POWERS[(n - ENERGY) / BY_PHASE], (n % BY_PHASE) as u8);
            let content = Content::Measured(Measured::Power(kind, phase));
            register(content, names::of_phase(phase, code, 7, 0), of_phases(phase))
        }
        POWER..RATE => {
            let (kind, code) = ENERGIES[(n - POWER) / RATES as usize];
            let rate = (n - POWER) % RATES as usize;
            register(Content::Rate(kind, rate), names::of_phase(0, code, 8, rate as u8 + 1), Needs::Nothing)
        }
        RATE..LINES => of_line((n - RATE) as u8),
        LINES..TALLY => of_tally(n - LINES),
        TALLY..ANGLE => {
            let (angle, name, needs) = ANGLES[n - TALLY];
            register(Content::Measured(Measured::Angle(angle)), name, needs)
        }
        ANGLE..LOGS => {
            let kind = KINDS[n - ANGLE];
            known(Content::QualityLog(kind), &schemas::PROFILE_GENERIC, kind.log(), Needs::Nothing)
        }
        _ => other(n - LOGS),
    }
}

/// Voltage, current and their distortion by phase.
const fn of_line(n: u8) -> Known {
    let (phase, which) = (n / 4 + 1, n % 4);
    let (content, code, e) = match which {
        0 => (Measured::Voltage(phase), VOLTAGE, 0),
        1 => (Measured::Current(phase), CURRENT, 0),
        2 => (Measured::Distortion { phase, of_current: false }, VOLTAGE, DISTORTION),
        _ => (Measured::Distortion { phase, of_current: true }, CURRENT, DISTORTION),
    };
    register(Content::Measured(content), names::of_phase(phase, code, 7, e), of_voltage(phase))
}

const fn of_tally(n: usize) -> Known {
    let (kind, phase) = (KINDS[n / (BY_PHASE * PARTS.len())], (n / PARTS.len() % BY_PHASE) as u8);
    let part = PARTS[n % PARTS.len()];
    let name = names::of_phase(phase, VOLTAGE, kind.group() + part as u8, 0);
    let schema = if matches!(part, TallyPart::Count) { &schemas::DATA } else { &schemas::REGISTER };
    known(Content::Tally(kind, phase, part), schema, name, of_voltage(phase))
}

const fn other(n: usize) -> Known {
    match n {
        0 => register(Content::Measured(Measured::Frequency), names::FREQUENCY, Needs::Nothing),
        1 => register(Content::Measured(Measured::Neutral), names::NEUTRAL_CURRENT, Needs::Neutral),
        _ => known(Content::Diagnosis, &schemas::DATA, names::WIRING_DIAGNOSIS, Needs::Polyphase),
    }
}

const fn of_phases(phase: u8) -> Needs {
    if phase == 0 { Needs::Nothing } else { Needs::FourWires }
}

/// Of three wires there are the voltages of phases 1 and 3 against phase 2.
const fn of_voltage(phase: u8) -> Needs {
    match phase {
        0 | 1 => Needs::Nothing,
        2 => Needs::FourWires,
        _ => Needs::Polyphase,
    }
}

const fn register(content: Content, name: LogicalName, needs: Needs) -> Known {
    known(content, &schemas::REGISTER, name, needs)
}

const fn known(content: Content, schema: &Schema, name: LogicalName, needs: Needs) -> Known {
    Known { place: Place::Content(content), entry: entry(schema, name), needs }
}
