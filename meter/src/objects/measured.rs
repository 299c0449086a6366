//! What is measured, as registers.

use super::Objects;
use super::catalogue::{Angle, Content, EnergyKind, Measured, PowerKind, TallyPart};
use super::rates::{Counted, counted};
use crate::measurement::Measurement;
use crate::specs;
use dlms::axdr::Data;
use dlms::cosem::{ScalerUnit, Unit};
use metrology::{Account, Apparent, ElementValues, Ledger, Wiring};

impl Objects<'_> {
    /// The value of a register.
    pub(super) fn register_value(&mut self, content: Content) -> Option<(Data<'static>, ScalerUnit)> {
        self.measurement.settle();
        let scaled = |(value, unit)| (value, ScalerUnit { scaler: specs::SCALER, unit });
        match content {
            Content::Measured(measured) => self.measured(measured),
            Content::Credited => {
                let ledger = self.measurement.ledger();
                let [import, export, ..] = counted(&ledger);
                let phases = phase_imports(&ledger, self.measurement.ratings().wiring);
                let credited = self.crediting().credited(import, export, phases);
                Some(scaled((Data::I64(credited), Unit::WATT_HOUR)))
            }
            Content::Rate(kind, rate) => {
                let counted = self.board.rates.by_rate.get(rate)?;
                Some(scaled((energy(kind, counted), kind.unit())))
            }
            Content::Tally(kind, phase, part) => {
                let tally = self.board.quality.tally(kind, phase);
                let thresholds = self.measurement.thresholds();
                let volts = |mv| scaled((Data::U32(mv), Unit::VOLT));
                Some(match part {
                    TallyPart::Threshold => volts(kind.threshold_mv(&thresholds)),
                    TallyPart::Duration => scaled((Data::U32(tally.duration_ms), Unit::SECOND)),
                    TallyPart::Magnitude => volts(tally.magnitude_mv),
                    TallyPart::Count => return None,
                })
            }
            _ => None,
        }
    }

    fn measured(&self, measured: Measured) -> Option<(Data<'static>, ScalerUnit)> {
        let (measurement, wiring) = (&*self.measurement, self.measurement.ratings().wiring);
        let of = |phase| element(phase, wiring);
        let (value, unit) = match measured {
            Measured::Energy(kind, 0) => (energy(kind, &counted(&measurement.ledger())), kind.unit()),
            Measured::Energy(kind, phase) => {
                let account = measurement.ledger().elements[of(phase)?];
                (energy(kind, &counted_of(&account)), kind.unit())
            }
            Measured::Power(kind, 0) => (total_power(kind, measurement), kind.unit()),
            Measured::Power(kind, phase) => {
                (element_power(kind, &measurement.values().elements[of(phase)?]), kind.unit())
            }
            Measured::Voltage(phase) => {
                (thousandths(measurement.values().elements[of(phase)?].u_uv), Unit::VOLT)
            }
            Measured::Current(phase) => {
                (thousandths(measurement.values().elements[of(phase)?].i_ua), Unit::AMPERE)
            }
            Measured::Neutral => (thousandths(neutral_ua(measurement)), Unit::AMPERE),
            Measured::Frequency => (Data::U32(measurement.frequency_mhz().unwrap_or(0)), Unit::HERTZ),
            Measured::Angle(angle) => (show_angle(angle, measurement)?, Unit::DEGREE),
            Measured::Distortion { phase, of_current } => {
                let ppm = measurement.distortion_ppm(of(phase)?);
                let value = ppm.map_or(Data::Null, |ppm| Data::U32(ppm[usize::from(of_current)]));
                let scaler_unit = ScalerUnit { scaler: specs::DISTORTION_SCALER, unit: Unit::PERCENT };
                return Some((value, scaler_unit));
            }
        };
        Some((value, ScalerUnit { scaler: specs::SCALER, unit }))
    }
}

/// The element that measures a phase. Of three wires, phases 1 and 3 have one each.
pub(super) const fn element(phase: u8, wiring: Wiring) -> Option<usize> {
    match (wiring, phase) {
        (_, 1) => Some(0),
        (Wiring::ThreePhaseFourWire, 2 | 3) => Some(phase as usize - 1),
        (Wiring::ThreePhaseThreeWire, 3) => Some(1),
        _ => None,
    }
}

/// What each phase has imported, in mWh. Where the elements are no phases there is one import, that of all.
const fn phase_imports(ledger: &Ledger, wiring: Wiring) -> [u64; 3] {
    let [all, ..] = counted(ledger);
    match (wiring, ledger.elements) {
        (Wiring::ThreePhaseFourWire, [one, two, three]) => {
            let ([one, ..], [two, ..], [three, ..]) =
                (counted_of(&one), counted_of(&two), counted_of(&three));
            [one, two, three]
        }
        _ => [all, 0, 0],
    }
}

const fn counted_of(account: &Account) -> Counted {
    counted(&Ledger { total: *account, elements: [*account; 3] })
}

/// An energy in thousandths of its unit.
const fn energy(kind: EnergyKind, counted: &Counted) -> Data<'static> {
    let [import, export, q1, q2, q3, q4, apparent_import, apparent_export] = *counted;
    Data::U64(match kind {
        EnergyKind::ActiveImport => import,
        EnergyKind::ActiveExport => export,
        EnergyKind::ReactiveImport => q1.wrapping_add(q2),
        EnergyKind::ReactiveExport => q3.wrapping_add(q4),
        EnergyKind::Q1 => q1,
        EnergyKind::Q2 => q2,
        EnergyKind::Q3 => q3,
        EnergyKind::Q4 => q4,
        EnergyKind::ApparentImport => apparent_import,
        EnergyKind::ApparentExport => apparent_export,
        EnergyKind::Sum => import.saturating_add(export),
        EnergyKind::Net => return Data::I64(import.wrapping_sub(export) as i64),
    })
}

fn total_power(kind: PowerKind, measurement: &Measurement) -> Data<'static> {
    let values = measurement.values();
    let apparent = match measurement.ratings().apparent {
        Apparent::Arithmetic => values.apparent_arithmetic_uva,
        Apparent::Vector => values.apparent_vector_uva,
    };
    power(kind, (values.active_uw, values.reactive_uvar, apparent), values.power_factor_per_mille())
}

fn element_power(kind: PowerKind, values: &ElementValues) -> Data<'static> {
    let micro = (values.active_uw, values.reactive_uvar, values.apparent_uva);
    power(kind, micro, values.power_factor_per_mille())
}

fn power(kind: PowerKind, micro: (i64, i64, u64), factor: Option<i32>) -> Data<'static> {
    let (active, reactive, apparent) = (micro.0 / 1000, micro.1 / 1000, micro.2 / 1000);
    let positive = |milli: i64| Data::U32(u32::try_from(milli.max(0)).unwrap_or(u32::MAX));
    match kind {
        PowerKind::ActiveImport => positive(active),
        PowerKind::ActiveExport => positive(active.saturating_neg()),
        PowerKind::ReactiveImport => positive(reactive),
        PowerKind::ReactiveExport => positive(reactive.saturating_neg()),
        PowerKind::Apparent => Data::U32(u32::try_from(apparent).unwrap_or(u32::MAX)),
        PowerKind::Factor => factor.map_or(Data::Null, Data::I32),
        PowerKind::Net => {
            Data::I32(i32::try_from(active).unwrap_or(if active < 0 { i32::MIN } else { i32::MAX }))
        }
    }
}

/// What the neutral carries: as measured, or where nothing measures it, what the phases leave.
fn neutral_ua(measurement: &Measurement) -> u64 {
    let values = measurement.values();
    if values.neutral_ua > 0 { values.neutral_ua } else { values.residual_ua }
}

/// An angle in thousandths of a degree; nothing without what it is the angle of.
fn show_angle(angle: Angle, measurement: &Measurement) -> Option<Data<'static>> {
    let (values, wiring) = (measurement.values(), measurement.ratings().wiring);
    Some(match angle {
        Angle::Voltage(phase) => Data::I32(values.voltage_lag_mdeg(element(phase, wiring)?)),
        Angle::Current(phase) => {
            values.elements[element(phase, wiring)?].lag_mdeg().map_or(Data::Null, Data::I32)
        }
    })
}

fn thousandths(millionths: u64) -> Data<'static> {
    Data::U32(u32::try_from((millionths + 500) / 1000).unwrap_or(u32::MAX))
}
