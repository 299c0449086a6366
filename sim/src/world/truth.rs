//! What a meter was fed with when it captured a row.

use meter::objects::names::{ACTIVE_EXPORT, ACTIVE_IMPORT};
use metrology::Registers;
use plc_core::Utc;
use std::collections::BTreeMap;

use dlms::cosem::LogicalName;

/// The registers that a meter was given, by the time stamp that its row must bear. A clock that is set back lives through a boundary
/// twice: either row is true.
#[derive(Clone, Debug, Default)]
pub(super) struct Truth(BTreeMap<Utc, Vec<Registers>>);

/// What is captured in every row, besides its time and its status.
pub(super) const QUANTITIES: [LogicalName; 2] = [ACTIVE_IMPORT, ACTIVE_EXPORT];

impl Truth {
    /// A row that bears this time holds these registers.
    pub(super) fn note(&mut self, stamp: Utc, registers: Registers) {
        self.0.entry(stamp).or_default().push(registers);
    }

    /// What is wrong with a reading of `value` (mWh), if anything is.
    pub(super) fn fault(&self, name: LogicalName, stamp: Utc, value: i64) -> Option<String> {
        if !QUANTITIES.contains(&name) {
            return Some(format!("{name}: nothing of the kind is captured"));
        }
        let Some(fed) = self.0.get(&stamp) else {
            return Some(format!("{name}: the meter has captured nothing at that time"));
        };
        let of = |registers: &Registers| match name {
            ACTIVE_IMPORT => registers.import.milliwatt_hours(),
            _ => registers.export.milliwatt_hours(),
        };
        let put_in: Vec<u64> = fed.iter().map(of).collect();
        let held = u64::try_from(value).is_ok_and(|value| put_in.contains(&value));
        (!held).then(|| format!("{name}: read {value} mWh, put in {put_in:?} mWh"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrology::Energy;

    #[test]
    fn a_reading_must_be_of_a_quantity_a_time_and_a_value_that_were_put_in() {
        let registers = |import, export| Registers {
            import: Energy::from_milliwatt_hours(import),
            export: Energy::from_milliwatt_hours(export),
        };
        let (noon, later) = (Utc::from_secs(43_200), Utc::from_secs(44_100));
        let mut truth = Truth::default();
        truth.note(noon, registers(70, 3));
        truth.note(noon, registers(90, 4));
        for (name, value, good) in [
            (ACTIVE_IMPORT, 70, true),
            (ACTIVE_IMPORT, 90, true),
            (ACTIVE_EXPORT, 4, true),
            (ACTIVE_EXPORT, 70, false),
            (ACTIVE_IMPORT, 3, false),
            (ACTIVE_IMPORT, -70, false),
            (LogicalName([1, 0, 3, 8, 0, 255]), 70, false),
        ] {
            assert_eq!(truth.fault(name, noon, value).is_none(), good, "{name} {value}");
        }
        assert!(truth.fault(ACTIVE_IMPORT, later, 70).is_some_and(|text| text.contains("at that time")));
    }
}
