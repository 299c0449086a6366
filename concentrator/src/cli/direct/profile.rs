//! The rows of a profile, as people and programs want them.

use super::args::ProfileArgs;
use super::meaning::{Meaning, scaler_request};
use super::output::Results;
use super::session::Session;
use anyhow::{anyhow, bail};
use dlms::axdr::Data;
use dlms::classes::profile::{
    BUFFER, CAPTURE_OBJECTS, CAPTURE_PERIOD, CLASS_ID, NullCells, Restoring, Rows, SortMethod,
    capture_objects,
};
use dlms::cosem::{AttributeRequest, CaptureObject, ClockStatus, ClockTime, Selector};
use plc_core::Utc;
use std::borrow::Cow;

/// Reads a profile and prints it: numbers under their scalers, times as times, states in hexadecimal; or with `--raw` as they came.
pub(super) fn print(args: &ProfileArgs) -> anyhow::Result<()> {
    if let Some((from, to)) = args.from.zip(args.to).filter(|(from, to)| from >= to) {
        bail!("--from {from} --to {to}: expected a time before --to");
    }
    let mut session = Session::open(&args.meter)?;
    let objects = session.get(AttributeRequest::new(CLASS_ID, args.name, CAPTURE_OBJECTS))?;
    let objects = capture_objects(&objects).ok_or_else(|| anyhow!("capture objects: none that are known"))?;
    let columns = columns(&mut session, objects, args.raw)?;
    let mut request = AttributeRequest::new(CLASS_ID, args.name, BUFFER);
    request.selector = range(args.from, args.to);
    let buffer = session.get(request)?;
    let buffer = whole(&mut session, args, &columns, &buffer)?;
    let rows = Rows::from_value(&buffer).ok_or_else(|| anyhow!("buffer: not an array of rows"))?;
    let mut results = Results::new(columns.iter().map(Column::head));
    for row in rows.iter() {
        results.push(row.zip(&columns).map(|(cell, column)| column.meaning.cell(&cell)).collect());
    }
    Ok(results.print(args.meter.format())?)
}

/// The buffer with the cells that its meter has left out because they follow from the row before.
fn whole<'b>(
    session: &mut Session,
    args: &ProfileArgs,
    columns: &[Column],
    buffer: &'b [u8],
) -> anyhow::Result<Cow<'b, [u8]>> {
    let of_family = args.meter.companion.map_or(NullCells::NoValue, |family| family.null_cells);
    let null_cells = if args.compressed { NullCells::FromRowBefore } else { of_family };
    if null_cells == NullCells::NoValue || args.raw {
        return Ok(Cow::Borrowed(buffer));
    }
    let mut number = |attribute| -> anyhow::Result<u64> {
        let value = session.get(AttributeRequest::new(CLASS_ID, args.name, attribute))?;
        let number = Data::from_bytes(&value).ok().and_then(|value| value.as_u64());
        number.ok_or_else(|| anyhow!("{}, attribute {attribute}: expected a number", args.name))
    };
    let capture_period_s = u32::try_from(number(CAPTURE_PERIOD)?).unwrap_or(0);
    let sort_method =
        if number(SORT_METHOD)? == SortMethod::Lifo as u64 { SortMethod::Lifo } else { SortMethod::Fifo };
    let columns: Vec<CaptureObject> = columns.iter().map(|column| column.object).collect();
    let with = Restoring { columns: &columns, capture_period_s, sort_method, len_max: RESTORED_LEN_MAX };
    Ok(null_cells.restore(buffer, &with)?)
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

/// The longest buffer with all its cells, in octets.
const RESTORED_LEN_MAX: usize = 64 << 20;
/// sort_method \[BB 4.3.6; confidence A\].
const SORT_METHOD: i8 = 5;

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
