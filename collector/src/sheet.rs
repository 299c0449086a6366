//! The columns and rows of a profile whose rows come when they come: daily and monthly values, logs of events.

use crate::specs::{CLOCK, attribute, class, is_event_code, is_profile_status};
use crate::{CaptureRange, Unexpected, Value};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use dlms::axdr::{Data, Sequence};
use dlms::cosem::{AttributeRequest, CaptureObject, LogicalName, ScalerUnit, Unit};
use plc_core::{Eui64, Utc};

/// Columns that such a profile may have.
pub(crate) const COLUMNS_MAX: usize = 64;
/// Rows of one answer.
pub(crate) const ROWS_MAX: usize = 1024;

/// The columns of such a profile: one clock, and others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sheet {
    columns: Vec<Column>,
}

/// What a column means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    /// When the row was captured.
    Clock,
    /// What the meter says about the row.
    Status,
    /// A register, with the attribute that says its scaler and unit.
    Register(LogicalName, u16, i8),
    /// A number that has no unit: the code of an event, a count.
    Count(LogicalName),
    /// Something that is not collected.
    Other,
}

/// Rows that were believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entries {
    /// In the order of the answer.
    pub values: Vec<Value>,
    /// When the newest row was captured.
    pub newest: Option<Utc>,
    /// Rows that name no time and were left out.
    pub timeless: u32,
}

impl Sheet {
    /// From the attribute capture_objects.
    ///
    /// # Errors
    /// Not an array of capture objects, too many of them, no clock or several, nothing beside it, or the same register or a status twice.
    pub(crate) fn from_data(data: &Data<'_>) -> Result<Self, Unexpected> {
        let objects = data.as_array().filter(|objects| objects.len() <= COLUMNS_MAX);
        let object = |object| CaptureObject::from_data(&object).map(|object| column(&object));
        let columns = objects.ok_or(Unexpected::Columns)?.iter().map(object).collect::<Option<Vec<_>>>();
        let sheet = Self { columns: columns.ok_or(Unexpected::Columns)? };
        if sheet.is_readable() { Ok(sheet) } else { Err(Unexpected::Columns) }
    }

    /// The registers, and the attribute that says scaler and unit of each.
    pub(crate) fn scalers(&self) -> impl Iterator<Item = (LogicalName, AttributeRequest)> {
        self.columns.iter().filter_map(|column| match *column {
            Column::Register(name, class, scaler) => Some((name, AttributeRequest::new(class, name, scaler))),
            _ => None,
        })
    }

    /// Reads the rows of `meter` that were asked for, with the scalers that are known. A register without one is left out.
    ///
    /// # Errors
    /// The first thing that cannot be believed.
    pub(crate) fn read(
        &self,
        buffer: &Data<'_>,
        (meter, source): (Eui64, LogicalName),
        asked: CaptureRange,
        scaler: impl Fn(LogicalName) -> Option<ScalerUnit>,
    ) -> Result<Entries, Unexpected> {
        let rows = buffer.as_array().ok_or(Unexpected::Profile)?;
        if rows.len() > ROWS_MAX {
            return Err(Unexpected::TooManyRows);
        }
        let (mut entries, mut times) = (Entries::default(), BTreeMap::<Utc, u16>::new());
        for row in rows.iter() {
            let cells = row.as_structure().filter(|cells| cells.len() == self.columns.len());
            let cells = cells.ok_or(Unexpected::RowShape)?;
            let Some(capture) = self.capture(&cells)? else {
                entries.timeless += 1;
                continue;
            };
            if !asked.contains(capture) {
                return Err(Unexpected::RowOutside);
            }
            let seen = times.entry(capture).or_default();
            let row = Row { meter, source, capture, ordinal: *seen, status: self.status(&cells)? };
            *seen += 1;
            self.values(&row, &cells, &scaler, &mut entries.values)?;
        }
        entries.newest = times.into_keys().next_back();
        Ok(entries)
    }

    fn values(
        &self,
        row: &Row,
        cells: &Sequence<'_>,
        scaler: &impl Fn(LogicalName) -> Option<ScalerUnit>,
        out: &mut Vec<Value>,
    ) -> Result<(), Unexpected> {
        for (column, cell) in self.columns.iter().zip(cells.iter()) {
            let known = match *column {
                Column::Register(name, ..) => scaler(name).map(|scaler| (name, scaler)),
                Column::Count(name) => Some((name, COUNT)),
                _ => None,
            };
            if let Some((logical_name, ScalerUnit { scaler, unit })) = known {
                let Row { meter, source, capture, ordinal, status } = *row;
                let value = number(&cell).ok_or(Unexpected::RowValue)?;
                let unit = unit.0;
                out.push(Value {
                    meter,
                    source,
                    logical_name,
                    capture,
                    ordinal,
                    value,
                    scaler,
                    unit,
                    status,
                });
            }
        }
        Ok(())
    }

    /// When a row was captured; `None` where it names no time.
    fn capture(&self, cells: &Sequence<'_>) -> Result<Option<Utc>, Unexpected> {
        let cell = self.cell(cells, Column::Clock).ok_or(Unexpected::RowShape)?;
        Ok(cell.as_clock_time().ok_or(Unexpected::RowClock)?.utc())
    }

    fn status(&self, cells: &Sequence<'_>) -> Result<u32, Unexpected> {
        let Some(cell) = self.cell(cells, Column::Status) else { return Ok(0) };
        cell.as_u64().and_then(|status| u32::try_from(status).ok()).ok_or(Unexpected::RowStatus)
    }

    fn cell<'a>(&self, cells: &Sequence<'a>, column: Column) -> Option<Data<'a>> {
        cells.get(self.columns.iter().position(|other| *other == column)?)
    }

    fn is_readable(&self) -> bool {
        let count = |column| self.columns.iter().filter(|other| **other == column).count();
        let values = || self.columns.iter().filter_map(|column| column.name());
        let repeated = values().enumerate().any(|(n, name)| values().skip(n + 1).any(|other| other == name));
        count(Column::Clock) == 1 && count(Column::Status) <= 1 && values().next().is_some() && !repeated
    }
}

/// What the values of a row have in common.
struct Row {
    meter: Eui64,
    source: LogicalName,
    capture: Utc,
    ordinal: u16,
    status: u32,
}

impl Column {
    /// What it holds values of.
    const fn name(&self) -> Option<LogicalName> {
        match *self {
            Self::Register(name, ..) | Self::Count(name) => Some(name),
            _ => None,
        }
    }
}

fn column(object: &CaptureObject) -> Column {
    let CaptureObject { class_id, logical_name: name, attribute, data_index } = *object;
    match (class_id, attribute, data_index) {
        (class::CLOCK, attribute::TIME, 0) if name == CLOCK => Column::Clock,
        (class::REGISTER | class::EXTENDED_REGISTER, attribute::VALUE, 0) => {
            Column::Register(name, class_id, attribute::SCALER_UNIT)
        }
        (class::DEMAND_REGISTER, attribute::DEMAND_LAST_AVERAGE, 0) => {
            Column::Register(name, class_id, attribute::DEMAND_SCALER_UNIT)
        }
        (class::DATA, attribute::VALUE, 0) if is_profile_status(name) => Column::Status,
        // A count of electricity (A is 1) and the code of an event have no scaler to ask for.
        (class::DATA, attribute::VALUE, 0) if name.0[0] == 1 || is_event_code(name) => Column::Count(name),
        _ => Column::Other,
    }
}

/// A register counts in integers; an enumeration, a text or an empty cell is none.
pub(crate) fn number(cell: &Data<'_>) -> Option<i64> {
    if matches!(cell, Data::Enum(_)) { None } else { cell.as_i64() }
}

/// What has no scaler.
const COUNT: ScalerUnit = ScalerUnit { scaler: 0, unit: Unit::COUNT };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unexpected;
    use alloc::vec;
    use dlms::axdr::Encoder;
    use dlms::cosem::{ClockStatus, ClockTime};
    use proptest::prelude::*;

    const METER: Eui64 = Eui64::from_u64(7);
    const LOG: LogicalName = LogicalName([0, 0, 99, 98, 0, 255]);
    const CODE: LogicalName = LogicalName([0, 0, 96, 11, 0, 255]);
    const IMPORT: LogicalName = LogicalName([1, 0, 1, 8, 0, 255]);

    fn sheet(objects: &[CaptureObject]) -> Result<Sheet, Unexpected> {
        let mut bytes = vec![];
        let mut out = Encoder::new(&mut bytes, 4096);
        out.array(objects.len());
        objects.iter().for_each(|object| object.encode(&mut out));
        out.finish().unwrap();
        Sheet::from_data(&Data::from_bytes(&bytes).unwrap())
    }

    fn at(secs: i64) -> Utc {
        Utc::from_secs(1_800_000_000 + secs)
    }

    fn log() -> Sheet {
        sheet(&[CaptureObject::CLOCK, CaptureObject::new(1, CODE, 2)]).unwrap()
    }

    fn rows(rows: &[(ClockTime, u8)]) -> Vec<u8> {
        let mut bytes = vec![];
        let mut out = Encoder::new(&mut bytes, 4096);
        out.array(rows.len());
        for (time, code) in rows {
            out.structure(2);
            out.clock_time(time);
            out.u8(*code);
        }
        out.finish().unwrap();
        bytes
    }

    fn clock(secs: i64) -> ClockTime {
        ClockTime::from_utc(at(secs), 0, ClockStatus::OK)
    }

    fn read(sheet: &Sheet, bytes: &[u8]) -> Result<Entries, Unexpected> {
        let asked = CaptureRange::new(at(0), at(100)).unwrap();
        let scaler = ScalerUnit { scaler: -1, unit: Unit::WATT_HOUR };
        sheet.read(&Data::from_bytes(bytes).unwrap(), (METER, LOG), asked, |name| {
            (name == IMPORT).then_some(scaler)
        })
    }

    #[test]
    fn events_of_the_same_second_are_told_apart() {
        let entries = read(&log(), &rows(&[(clock(5), 1), (clock(5), 1), (clock(7), 2)])).unwrap();
        let told: Vec<_> = entries.values.iter().map(|v| (v.capture, v.ordinal, v.value, v.unit)).collect();
        assert_eq!(told, [(at(5), 0, 1, 255), (at(5), 1, 1, 255), (at(7), 0, 2, 255)]);
        assert!(entries.values.iter().all(|value| (value.source, value.logical_name) == (LOG, CODE)));
        assert_eq!(entries.newest, Some(at(7)));
    }

    #[test]
    fn a_row_without_a_time_is_left_out_and_one_that_was_not_asked_for_spoils_all() {
        let lost = ClockTime::UNSPECIFIED;
        let entries = read(&log(), &rows(&[(lost, 1), (clock(7), 2)])).unwrap();
        assert_eq!((entries.values.len(), entries.timeless), (1, 1));
        assert_eq!(read(&log(), &rows(&[(clock(7), 2), (clock(101), 2)])), Err(Unexpected::RowOutside));
        assert_eq!(read(&log(), &[0]), Err(Unexpected::Profile));
    }

    #[test]
    fn a_register_has_its_scaler_and_one_without_is_left_out() {
        let other = LogicalName([1, 0, 2, 8, 0, 255]);
        let registers = [IMPORT, other].map(|name| CaptureObject::new(3, name, 2));
        let sheet = sheet(&[CaptureObject::CLOCK, registers[0], registers[1]]).unwrap();
        assert_eq!(sheet.scalers().map(|(name, _)| name).collect::<Vec<_>>(), [IMPORT, other]);
        let mut bytes = vec![];
        let mut out = Encoder::new(&mut bytes, 4096);
        out.array(1);
        out.structure(3);
        out.clock_time(&clock(9));
        out.u32(1234);
        out.u32(5);
        out.finish().unwrap();
        let values = read(&sheet, &bytes).unwrap().values;
        let told: Vec<_> = values.iter().map(|v| (v.logical_name, v.value, v.scaler, v.unit)).collect();
        assert_eq!(told, [(IMPORT, 1234, -1, 30)]);
    }

    #[test]
    fn a_profile_that_names_no_time_or_nothing_uniquely_is_refused() {
        let (clock, code) = (CaptureObject::CLOCK, CaptureObject::new(1, CODE, 2));
        for wrong in [&[][..], &[clock], &[code], &[clock, clock, code], &[clock, code, code]] {
            assert_eq!(sheet(wrong), Err(Unexpected::Columns), "{wrong:?}");
        }
        assert_eq!(sheet(&[clock; COLUMNS_MAX + 1]), Err(Unexpected::Columns));
    }

    proptest! {
        #[test]
        fn no_answer_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(data) = Data::from_bytes(&bytes) {
                let _ = Sheet::from_data(&data);
                let asked = CaptureRange::new(at(0), at(100)).unwrap();
                let _ = log().read(&data, (METER, LOG), asked, |_| None);
            }
        }
    }
}
