//! The rows of a profile, as people and programs want them.

use super::args::ProfileArgs;
use super::meaning::{Meaning, scaler_request};
use super::output::Results;
use super::session::Session;
use anyhow::anyhow;
use dlms::classes::profile::{BUFFER, CAPTURE_OBJECTS, CLASS_ID, Rows, capture_objects};
use dlms::cosem::{AttributeRequest, CaptureObject, ClockStatus, ClockTime, Selector};
use plc_core::Utc;

/// Reads a profile and prints it: numbers under their scalers, times as times, states in hexadecimal; or with `--raw` as they came.
pub(super) fn print(args: &ProfileArgs) -> anyhow::Result<()> {
    let mut session = Session::open(&args.meter)?;
    let objects = session.get(AttributeRequest::new(CLASS_ID, args.name, CAPTURE_OBJECTS))?;
    let objects = capture_objects(&objects).ok_or_else(|| anyhow!("capture objects: none that are known"))?;
    let columns = columns(&mut session, objects, args.raw)?;
    let mut request = AttributeRequest::new(CLASS_ID, args.name, BUFFER);
    request.selector = range(args.from, args.to);
    let buffer = session.get(request)?;
    let rows = Rows::from_value(&buffer).ok_or_else(|| anyhow!("buffer: not an array of rows"))?;
    let mut results = Results::new(columns.iter().map(Column::head));
    for row in rows.iter() {
        results.push(row.zip(&columns).map(|(cell, column)| column.meaning.cell(&cell)).collect());
    }
    Ok(results.print(args.meter.format())?)
}

/// The captures from `from` on and before `to`; all without either.
fn range(from: Option<Utc>, to: Option<Utc>) -> Option<Selector> {
    if from.is_none() && to.is_none() {
        return None;
    }
    let bound = |utc: Utc| ClockTime::from_utc(utc, 0, ClockStatus::OK);
    let last = to.map_or(ClockTime::UNSPECIFIED, |to| bound(Utc::from_millis(to.as_millis() - 1000)));
    Some(Selector::between(from.map_or(ClockTime::UNSPECIFIED, bound), last))
}

/// The columns with how their cells are read. Each register is asked for its scaler and unit once.
fn columns(session: &mut Session, objects: Vec<CaptureObject>, is_raw: bool) -> anyhow::Result<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::with_capacity(objects.len());
    for object in objects {
        let known = columns.iter().find(|known| known.has_scaler_of(&object)).map(|known| known.meaning);
        let meaning = match known {
            _ if is_raw => Meaning::Raw,
            Some(meaning) => meaning,
            None => Meaning::ask(session, &object)?,
        };
        columns.push(Column { object, meaning });
    }
    Ok(columns)
}

/// A column of a profile.
struct Column {
    object: CaptureObject,
    meaning: Meaning,
}

impl Column {
    fn has_scaler_of(&self, object: &CaptureObject) -> bool {
        scaler_request(&self.object).is_some_and(|request| scaler_request(object) == Some(request))
    }

    /// Its name: the object, the attribute, and the unit of what is printed.
    fn head(&self) -> String {
        let CaptureObject { logical_name, attribute, data_index, .. } = self.object;
        let element = if data_index == 0 { String::new() } else { format!(".{data_index}") };
        let unit = self.meaning.unit().map_or_else(String::new, |unit| format!(" ({unit})"));
        format!("{logical_name}/{attribute}{element}{unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlms::cosem::{LogicalName, ScalerUnit, Unit};

    #[test]
    fn a_column_is_named_after_its_object_and_the_unit_of_its_numbers() {
        let head = |unit, data_index| {
            let meaning = Meaning::Scaled(ScalerUnit { scaler: -3, unit });
            let object = CaptureObject::new(3, LogicalName([1, 0, 1, 8, 0, 255]), 2);
            Column { object: CaptureObject { data_index, ..object }, meaning }.head()
        };
        assert_eq!(head(Unit::WATT_HOUR, 0), "1-0:1.8.0.255/2 (Wh)");
        assert_eq!(head(Unit::COUNT, 0), "1-0:1.8.0.255/2");
        assert_eq!(head(Unit(99), 3), "1-0:1.8.0.255/2.3 (unit 99)");
    }
}
