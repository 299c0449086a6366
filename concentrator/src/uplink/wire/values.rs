//! Values of tasks as batches, and back.

use super::{MAX_ROWS, Malformed};
use crate::store::{StoredValue, TaskValue};
use backhaul::Span;
use concentrator_proto::v1;
use plc_core::{Eui64, Utc};
use std::collections::BTreeMap;

/// Values as a batch. Values of the range that are not held any more are left out.
pub fn emit_values(span: Span, values: &[StoredValue]) -> v1::ValueBatch {
    let mut batch = v1::ValueBatch { first: span.first, last: span.last, ..v1::ValueBatch::default() };
    let mut places = BTreeMap::new();
    let (mut capture, mut received) = (0i64, 0i64);
    for StoredValue { value, .. } in values {
        let series = (value.meter, value.source, value.logical_name, value.scaler, value.unit);
        let next = batch.series_list.len() as u32;
        let place = *places.entry(series).or_insert(next);
        if place == next {
            batch.series_list.push(emit_series(value));
        }
        batch.series.push(place);
        batch.capture_ms.push(value.capture.as_millis().wrapping_sub(capture));
        batch.ordinal.push(value.ordinal.into());
        batch.value.push(value.value);
        batch.status.push(value.status);
        batch.received_ms.push(value.received.as_millis().wrapping_sub(received));
        (capture, received) = (value.capture.as_millis(), value.received.as_millis());
    }
    batch
}

fn emit_series(value: &TaskValue) -> v1::ValueSeries {
    v1::ValueSeries {
        eui64: value.meter.as_u64(),
        source: value.source.to_vec(),
        logical_name: value.logical_name.to_vec(),
        scaler: value.scaler.into(),
        unit: value.unit.into(),
    }
}

/// The values of a batch, in its order.
///
/// # Errors
/// The batch is malformed.
pub fn parse_values(batch: &v1::ValueBatch) -> Result<Vec<TaskValue>, Malformed> {
    let (first, last) = (batch.first, batch.last);
    let rows = rows(batch)?;
    let series = batch.series_list.iter().enumerate();
    let series = series.map(|(at, series)| parse_series(series).ok_or(Malformed::Series(first, last, at)));
    let series = series.collect::<Result<Vec<_>, _>>()?;
    let (mut capture, mut received) = (0i64, 0i64);
    let mut values = Vec::with_capacity(rows);
    for row in 0..rows {
        let (place, ordinal) = (batch.series[row], batch.ordinal[row]);
        let of = series.get(place as usize).ok_or(Malformed::Place(first, last, place))?;
        capture = capture.wrapping_add(batch.capture_ms[row]);
        received = received.wrapping_add(batch.received_ms[row]);
        values.push(TaskValue {
            capture: Utc::from_millis(capture),
            ordinal: ordinal.try_into().map_err(|_| Malformed::Ordinal(first, last, ordinal))?,
            value: batch.value[row],
            status: batch.status[row],
            received: Utc::from_millis(received),
            ..*of
        });
    }
    Ok(values)
}

/// How many there are: every column has as many.
fn rows(batch: &v1::ValueBatch) -> Result<usize, Malformed> {
    let (first, last, rows) = (batch.first, batch.last, batch.series.len());
    let v1::ValueBatch { capture_ms, ordinal, value, status, received_ms, .. } = batch;
    let lengths = [capture_ms.len(), ordinal.len(), value.len(), status.len(), received_ms.len()];
    if lengths.iter().any(|length| *length != rows) {
        return Err(Malformed::Columns(first, last));
    }
    if rows > MAX_ROWS { Err(Malformed::Rows(first, last, rows)) } else { Ok(rows) }
}

/// A value with what the series tells of it.
fn parse_series(series: &v1::ValueSeries) -> Option<TaskValue> {
    Some(TaskValue {
        meter: Eui64::from_u64(series.eui64),
        source: series.source.as_slice().try_into().ok()?,
        logical_name: series.logical_name.as_slice().try_into().ok()?,
        scaler: series.scaler.try_into().ok()?,
        unit: series.unit.try_into().ok()?,
        capture: Utc::from_millis(0),
        ordinal: 0,
        value: 0,
        status: 0,
        received: Utc::from_millis(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Cursor;
    use proptest::prelude::*;

    prop_compose! {
        fn any_value()(
            meter in 0u64..3, e in 0u8..3, ordinal: u16, fields: (i64, i64, i8, u8, u32, i64),
        ) -> TaskValue {
            let (capture, value, scaler, unit, status, received) = fields;
            TaskValue {
                meter: Eui64::from_u64(meter), source: [0, 0, 99, 98, e, 255], logical_name: [0, 0, 96, 11, e / 2, 255],
                capture: Utc::from_millis(capture), ordinal, value, scaler: scaler % 2, unit: unit % 2, status,
                received: Utc::from_millis(received),
            }
        }
    }

    proptest! {
        #[test]
        fn a_batch_comes_back_as_it_was(values in prop::collection::vec(any_value(), 0..40)) {
            let stored = values.iter().zip(7..).map(|(value, n)| StoredValue { cursor: Cursor(n), value: *value });
            let batch = emit_values(Span { first: 7, last: 99 }, &stored.collect::<Vec<_>>());
            prop_assert_eq!((batch.first, batch.last), (7, 99));
            prop_assert_eq!(parse_values(&batch), Ok(values));
        }

        #[test]
        fn no_batch_makes_it_panic(
            series in prop::collection::vec(0u32..3, 0..4), value in prop::collection::vec(any::<i64>(), 0..4),
            scaler in any::<i32>(), unit in any::<u32>(), name in prop::collection::vec(any::<u8>(), 0..8),
        ) {
            let list = v1::ValueSeries { eui64: 1, source: name.clone(), logical_name: name, scaler, unit };
            let numbers = value.iter().map(|v| *v as u32).collect::<Vec<_>>();
            let batch = v1::ValueBatch { first: 0, last: 0, series_list: vec![list], series, capture_ms: value.clone(),
                ordinal: numbers.clone(), received_ms: value.clone(), status: numbers, value };
            let _ = parse_values(&batch);
        }
    }

    #[test]
    fn what_is_wrong_with_a_batch_is_named() {
        let good = v1::ValueSeries {
            eui64: 1,
            source: vec![0, 0, 99, 98, 0, 255],
            logical_name: vec![0, 0, 96, 11, 0, 255],
            scaler: 0,
            unit: 255,
        };
        let row = v1::ValueBatch {
            first: 3,
            last: 4,
            series_list: vec![good.clone()],
            series: vec![0],
            capture_ms: vec![1],
            ordinal: vec![65_535],
            value: vec![2],
            status: vec![0],
            received_ms: vec![3],
        };
        assert!(parse_values(&row).is_ok());
        let missing = v1::ValueBatch { ordinal: vec![], ..row.clone() };
        assert_eq!(parse_values(&missing), Err(Malformed::Columns(3, 4)));
        let place = v1::ValueBatch { series: vec![1], ..row.clone() };
        assert_eq!(parse_values(&place), Err(Malformed::Place(3, 4, 1)));
        let late = v1::ValueBatch { ordinal: vec![65_536], ..row.clone() };
        assert_eq!(parse_values(&late), Err(Malformed::Ordinal(3, 4, 65_536)));
        let short = v1::ValueSeries { source: vec![0], ..good };
        let short = v1::ValueBatch { series_list: vec![short], ..row };
        assert_eq!(parse_values(&short), Err(Malformed::Series(3, 4, 0)));
    }
}
