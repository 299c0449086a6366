//! What a meter was fed with when it captured a row.

use meter::objects::names::{ACTIVE_EXPORT, ACTIVE_IMPORT};
use plc_core::Utc;
use std::collections::BTreeMap;

use dlms::cosem::LogicalName;

/// What a meter was given, by the time stamp that its row must bear. A clock that is set back lives through a boundary twice: either
/// row is true.
#[derive(Clone, Debug, Default)]
pub(super) struct Truth(BTreeMap<Utc, Vec<Put>>);

/// What a row must hold, besides its time and its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Put(BTreeMap<LogicalName, (i64, i64)>);

impl Put {
    /// Both active energies, in mWh: all that a meter of one phase captures.
    pub(super) fn energies(import: i64, export: i64) -> Self {
        Self(BTreeMap::from([(ACTIVE_IMPORT, (import, 0)), (ACTIVE_EXPORT, (export, 0))]))
    }

    /// A quantity besides, give or take `tolerance`.
    pub(super) fn expect(&mut self, name: LogicalName, value: i64, tolerance: i64) {
        self.0.insert(name, (value, tolerance));
    }

    /// How many quantities it has.
    pub(super) fn quantities(&self) -> usize {
        self.0.len()
    }
}

impl Truth {
    /// A row that bears this time holds this.
    pub(super) fn note(&mut self, stamp: Utc, put: Put) {
        self.0.entry(stamp).or_default().push(put);
    }

    /// What is wrong with a reading of `value`, if anything is.
    pub(super) fn fault(&self, name: LogicalName, stamp: Utc, value: i64) -> Option<String> {
        let Some(puts) = self.0.get(&stamp) else {
            return Some(format!("{name}: the meter has captured nothing at that time"));
        };
        let put_in: Vec<(i64, i64)> = puts.iter().filter_map(|put| put.0.get(&name)).copied().collect();
        if put_in.is_empty() {
            return Some(format!("{name}: nothing of the kind is captured"));
        }
        let held = put_in.iter().any(|&(put, tolerance)| value.abs_diff(put) <= tolerance.unsigned_abs());
        (!held).then(|| format!("{name}: read {value}, put in {put_in:?} (value, tolerance)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_must_be_of_a_quantity_a_time_and_a_value_that_were_put_in() {
        let registers = Put::energies;
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
