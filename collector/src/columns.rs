//! The columns of a meter's load profile.

use crate::Unexpected;
use crate::specs::{attribute, class, is_profile_status};
use dlms::axdr::Data;
use dlms::cosem::{AttributeRequest, CaptureObject, ScalerUnit, Unit};
use heapless::Vec;

/// Columns that a load profile may have.
pub(crate) const COLUMNS_MAX: usize = 32;

/// The columns of a load profile: one clock, and registers each of which occurs once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    columns: Vec<Column, COLUMNS_MAX>,
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// What is captured.
    pub object: CaptureObject,
    /// What that means here.
    pub kind: ColumnKind,
}

/// What a column means to the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    /// When the row was captured.
    Clock,
    /// What the meter says about the row.
    Status,
    /// A number; its scaler and unit once they are known.
    Value(Option<ScalerUnit>),
    /// Something that is not collected.
    Other,
}

impl Columns {
    /// From the attribute capture_objects.
    ///
    /// # Errors
    /// Not an array of capture objects, too many of them, no clock or several, no register, or the same register or a
    /// status twice.
    pub(crate) fn from_data(data: &Data<'_>) -> Result<Self, Unexpected> {
        let objects = data.as_array().ok_or(Unexpected::Columns)?;
        let mut columns = Vec::new();
        for object in objects {
            let object = CaptureObject::from_data(&object).ok_or(Unexpected::Columns)?;
            columns.push(Column { object, kind: kind(&object) }).map_err(|_| Unexpected::Columns)?;
        }
        let columns = Self { columns };
        if columns.is_readable() { Ok(columns) } else { Err(Unexpected::Columns) }
    }

    /// From left to right.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Column> {
        self.columns.iter()
    }

    /// Columns that hold readings.
    pub(crate) fn values(&self) -> usize {
        self.columns.iter().filter(|column| column.is_value()).count()
    }

    /// The attribute that says scaler and unit of the first register where they are not known yet.
    pub(crate) fn unscaled(&self) -> Option<AttributeRequest> {
        let column = self.columns.iter().find(|column| column.kind == ColumnKind::Value(None))?;
        let CaptureObject { class_id, logical_name, .. } = column.object;
        Some(AttributeRequest::new(class_id, logical_name, scaler_attribute(class_id)))
    }

    /// The answer to [`Columns::unscaled`].
    pub(crate) fn scale(&mut self, scaler_unit: ScalerUnit) {
        let unscaled = self.columns.iter_mut().find(|column| column.kind == ColumnKind::Value(None));
        if let Some(column) = unscaled {
            column.kind = ColumnKind::Value(Some(scaler_unit));
        }
    }

    fn is_readable(&self) -> bool {
        let count = |kind| self.columns.iter().filter(|column| column.kind == kind).count();
        let names = || self.columns.iter().filter(|column| column.is_value()).map(|c| c.object.logical_name);
        let repeated = names().enumerate().any(|(n, name)| names().skip(n + 1).any(|other| other == name));
        count(ColumnKind::Clock) == 1 && count(ColumnKind::Status) <= 1 && self.values() > 0 && !repeated
    }
}

impl Column {
    fn is_value(&self) -> bool {
        matches!(self.kind, ColumnKind::Value(_))
    }
}

fn kind(object: &CaptureObject) -> ColumnKind {
    if *object == CaptureObject::CLOCK {
        return ColumnKind::Clock;
    }
    match (object.class_id, object.attribute, object.data_index) {
        (class::REGISTER | class::EXTENDED_REGISTER, attribute::VALUE, 0) => ColumnKind::Value(None),
        (class::DEMAND_REGISTER, attribute::DEMAND_LAST_AVERAGE, 0) => ColumnKind::Value(None),
        (class::DATA, attribute::VALUE, 0) if is_profile_status(object.logical_name) => ColumnKind::Status,
        // A count of electricity (A is 1) has no scaler to ask for.
        (class::DATA, attribute::VALUE, 0) if object.logical_name.0[0] == 1 => ColumnKind::Value(Some(COUNT)),
        _ => ColumnKind::Other,
    }
}

const COUNT: ScalerUnit = ScalerUnit { scaler: 0, unit: Unit::COUNT };

fn scaler_attribute(class_id: u16) -> i8 {
    if class_id == class::DEMAND_REGISTER { attribute::DEMAND_SCALER_UNIT } else { attribute::SCALER_UNIT }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::specs;
    use dlms::axdr::Encoder;
    use dlms::cosem::LogicalName;

    pub(crate) const STATUS: CaptureObject = CaptureObject::new(1, LogicalName([0, 0, 96, 10, 1, 255]), 2);
    pub(crate) const IMPORT: CaptureObject = CaptureObject::new(3, LogicalName([1, 0, 1, 8, 0, 255]), 2);
    pub(crate) const EXPORT: CaptureObject = CaptureObject::new(3, LogicalName([1, 0, 2, 8, 0, 255]), 2);
    pub(crate) const WATT_HOUR: ScalerUnit = ScalerUnit { scaler: 0, unit: Unit::WATT_HOUR };

    pub(crate) fn columns(objects: &[CaptureObject]) -> Result<Columns, Unexpected> {
        let mut bytes = alloc::vec::Vec::new();
        let mut out = Encoder::new(&mut bytes, 4096);
        out.array(objects.len());
        objects.iter().for_each(|object| object.encode(&mut out));
        out.finish().unwrap();
        Columns::from_data(&Data::from_bytes(&bytes).unwrap())
    }

    #[test]
    fn each_register_is_asked_for_its_scaler_once() {
        let mut columns = columns(&[CaptureObject::CLOCK, STATUS, IMPORT, EXPORT]).unwrap();
        for object in [IMPORT, EXPORT] {
            let expected = AttributeRequest::new(class::REGISTER, object.logical_name, 3);
            assert_eq!(columns.unscaled(), Some(expected));
            columns.scale(WATT_HOUR);
        }
        assert_eq!(columns.unscaled(), None);
        let kinds: alloc::vec::Vec<_> = columns.iter().map(|column| column.kind).collect();
        let value = ColumnKind::Value(Some(WATT_HOUR));
        assert_eq!(kinds, [ColumnKind::Clock, ColumnKind::Status, value, value]);
    }

    #[test]
    fn a_count_of_electricity_is_a_value_whose_unit_is_known() {
        let dips = CaptureObject::new(class::DATA, LogicalName([1, 0, 12, 32, 0, 255]), 2);
        let other = CaptureObject::new(class::DATA, LogicalName([0, 0, 96, 7, 21, 255]), 2);
        let mut columns = columns(&[CaptureObject::CLOCK, STATUS, IMPORT, dips, other]).unwrap();
        columns.scale(WATT_HOUR);
        assert_eq!(columns.unscaled(), None);
        let kinds: alloc::vec::Vec<_> = columns.iter().map(|column| column.kind).skip(2).collect();
        assert_eq!(
            kinds,
            [ColumnKind::Value(Some(WATT_HOUR)), ColumnKind::Value(Some(COUNT)), ColumnKind::Other]
        );
    }

    #[test]
    fn a_profile_that_names_no_reading_uniquely_is_refused() {
        let clock = CaptureObject::CLOCK;
        let element = CaptureObject { data_index: 1, ..IMPORT };
        for wrong in [
            &[][..],
            &[clock],
            &[IMPORT],
            &[clock, clock, IMPORT],
            &[clock, IMPORT, IMPORT],
            &[clock, element],
            &[clock, STATUS, STATUS, IMPORT],
        ] {
            assert_eq!(columns(wrong), Err(Unexpected::Columns), "{wrong:?}");
        }
        assert_eq!(Columns::from_data(&Data::Null), Err(Unexpected::Columns));
        assert_eq!(columns(&[clock; COLUMNS_MAX + 1]), Err(Unexpected::Columns));
        assert!(columns(&[clock, IMPORT, element]).is_ok());
    }

    #[test]
    fn the_clock_column_is_the_clock_of_the_meter() {
        assert_eq!(CaptureObject::CLOCK, CaptureObject::new(class::CLOCK, specs::CLOCK, attribute::TIME));
    }
}
