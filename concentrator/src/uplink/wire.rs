//! What crosses the backhaul, in the messages of the interface and back.

mod digests;
mod values;

pub use digests::{BUCKET_MS_MAX, DIGESTS_MAX, emit_digested, emit_digests, page, parse_digested};
pub use values::{emit_values, parse_values};

use crate::store::{Cursor, Event, EventKind, Reading, StoredEvent, StoredReading};
use backhaul::{Intake, Lot, Span, Spans};
use concentrator_proto::v1;
use plc_core::{Eui64, Utc};
use std::collections::BTreeMap;
use thiserror::Error;

/// What is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// The columns of a batch differ in length.
    #[error("batch {0}-{1}: columns of different lengths, expected one number for each row")]
    Columns(u64, u64),
    /// A batch is too long.
    #[error("batch {0}-{1}: {2} rows, expected at most {MAX_ROWS}")]
    Rows(u64, u64, usize),
    /// A register is none.
    #[error(
        "batch {0}-{1}: register {2}: expected 6 octets of a logical name, a scaler of 8 bits and a unit of 8 bits"
    )]
    Register(u64, u64, usize),
    /// A row names no register or series of the batch.
    #[error("batch {0}-{1}: register or series {2} of a row: expected a place in the list of the batch")]
    Place(u64, u64, u32),
    /// A series of values is none.
    #[error(
        "batch {0}-{1}: series {2}: expected 6 octets of source and of logical name, a scaler of 8 bits and a unit of 8 bits"
    )]
    Series(u64, u64, usize),
    /// An event is not of the batch, or not in its place.
    #[error("batch {0}-{1}: event {2}: expected cursors of the batch, in order, each once")]
    Event(u64, u64, u64),
    /// A row has too great a place among those of its time.
    #[error("batch {0}-{1}: ordinal {2}: expected at most 65535")]
    Ordinal(u64, u64, u32),
    /// Ranges are in disorder or too many.
    #[error("ranges: expected at most 64, from 1, in order")]
    Ranges,
    /// The kind of things is not known.
    #[error("lot {0}: expected events, readings or values")]
    Lot(i32),
    /// There are no digests of that.
    #[error("lot {0}: expected 2 (readings) or 3 (values): there are no digests of others")]
    NotDigested(i32),
}

/// Rows of a batch at most.
pub const MAX_ROWS: usize = 10_000;

/// Readings as a batch. Readings of the range that cannot be read any more are left out.
pub fn emit_readings(span: Span, readings: &[StoredReading]) -> v1::ReadingBatch {
    let mut batch = v1::ReadingBatch { first: span.first, last: span.last, ..v1::ReadingBatch::default() };
    let mut places = BTreeMap::new();
    let (mut capture, mut received) = (0i64, 0i64);
    for StoredReading { reading, .. } in readings {
        let series = (reading.register(), reading.scaler, reading.unit);
        let next = batch.registers.len() as u32;
        let place = *places.entry(series).or_insert(next);
        if place == next {
            batch.registers.push(v1::Register {
                eui64: reading.meter.as_u64(),
                logical_name: reading.logical_name.to_vec(),
                scaler: reading.scaler.into(),
                unit: reading.unit.into(),
            });
        }
        batch.register.push(place);
        batch.capture_ms.push(reading.capture.as_millis().wrapping_sub(capture));
        batch.value.push(reading.value);
        batch.status.push(reading.status);
        batch.received_ms.push(reading.received.as_millis().wrapping_sub(received));
        (capture, received) = (reading.capture.as_millis(), reading.received.as_millis());
    }
    batch
}

/// The readings of a batch.
///
/// # Errors
/// The batch is malformed.
pub fn parse_readings(batch: &v1::ReadingBatch) -> Result<Vec<Reading>, Malformed> {
    let (first, last, rows) = (batch.first, batch.last, batch.register.len());
    let lengths = [batch.capture_ms.len(), batch.value.len(), batch.status.len(), batch.received_ms.len()];
    if lengths.iter().any(|length| *length != rows) {
        return Err(Malformed::Columns(first, last));
    }
    if rows > MAX_ROWS {
        return Err(Malformed::Rows(first, last, rows));
    }
    let registers = batch.registers.iter().enumerate();
    let registers =
        registers.map(|(at, register)| parse_register(register).ok_or(Malformed::Register(first, last, at)));
    let registers = registers.collect::<Result<Vec<_>, _>>()?;
    let (mut capture, mut received) = (0i64, 0i64);
    let mut readings = Vec::with_capacity(rows);
    for row in 0..rows {
        let place = batch.register[row];
        let register = registers.get(place as usize).ok_or(Malformed::Place(first, last, place))?;
        capture = capture.wrapping_add(batch.capture_ms[row]);
        received = received.wrapping_add(batch.received_ms[row]);
        readings.push(Reading {
            capture: Utc::from_millis(capture),
            value: batch.value[row],
            status: batch.status[row],
            received: Utc::from_millis(received),
            ..*register
        });
    }
    Ok(readings)
}

/// A reading with what the register tells of it.
fn parse_register(register: &v1::Register) -> Option<Reading> {
    Some(Reading {
        meter: Eui64::from_u64(register.eui64),
        logical_name: register.logical_name.as_slice().try_into().ok()?,
        scaler: register.scaler.try_into().ok()?,
        unit: register.unit.try_into().ok()?,
        capture: Utc::from_millis(0),
        value: 0,
        status: 0,
        received: Utc::from_millis(0),
    })
}

/// Events as a batch.
pub fn emit_events(span: Span, events: Vec<StoredEvent>) -> v1::EventBatch {
    let row = |StoredEvent { cursor, event }: StoredEvent| v1::EventRow {
        cursor: cursor.0,
        time_ms: event.time.as_millis(),
        kind: event.kind.as_str().to_owned(),
        eui64: event.meter.map(Eui64::as_u64),
        text: event.text,
    };
    v1::EventBatch { first: span.first, last: span.last, events: events.into_iter().map(row).collect() }
}

/// The events of a batch.
///
/// # Errors
/// The batch is malformed.
pub fn parse_events(batch: v1::EventBatch) -> Result<Vec<StoredEvent>, Malformed> {
    let (first, last) = (batch.first, batch.last);
    let mut next = first;
    for row in &batch.events {
        if !(next..=last).contains(&row.cursor) {
            return Err(Malformed::Event(first, last, row.cursor));
        }
        next = row.cursor.saturating_add(1);
    }
    Ok(batch.events.into_iter().map(parse_event).collect())
}

/// An event of a batch.
fn parse_event(row: v1::EventRow) -> StoredEvent {
    let event = Event {
        time: Utc::from_millis(row.time_ms),
        kind: EventKind::from_name(&row.kind),
        meter: row.eui64.map(Eui64::from_u64),
        text: row.text,
    };
    StoredEvent { cursor: Cursor(row.cursor), event }
}

/// Ranges as messages.
pub fn emit_spans(spans: &Spans) -> Vec<v1::CursorRange> {
    spans.spans().iter().map(|span| v1::CursorRange { first: span.first, last: span.last }).collect()
}

/// Ranges from messages.
///
/// # Errors
/// They are in disorder, or too many.
pub fn parse_spans(ranges: &[v1::CursorRange]) -> Result<Spans, Malformed> {
    let mut before = 0;
    for range in ranges {
        if range.first <= before || range.last < range.first || ranges.len() > backhaul::MAX_SPANS {
            return Err(Malformed::Ranges);
        }
        before = range.last;
    }
    Ok(ranges.iter().map(|range| Span { first: range.first, last: range.last }).collect())
}

/// The first word of the head-end: what is held, and that values are taken.
pub fn emit_welcome(held: &Intake) -> v1::Welcome {
    v1::Welcome {
        events: emit_spans(held.held(Lot::Events)),
        readings: emit_spans(held.held(Lot::Readings)),
        takes: vec![v1::Lot::Values.into()],
        values: emit_spans(held.held(Lot::Values)),
    }
}

/// What the head-end holds, and whether it takes values: one that does not say so does not.
///
/// # Errors
/// The ranges are in disorder, or too many.
pub fn parse_welcome(welcome: &v1::Welcome) -> Result<(Intake, bool), Malformed> {
    let held = [&welcome.events, &welcome.readings, &welcome.values].map(|ranges| parse_spans(ranges));
    let [events, readings, values] = held;
    // Kinds that are not known here mean nothing.
    let takes_values = welcome.takes.contains(&v1::Lot::Values.into());
    Ok((Intake::new(events?, readings?, values?), takes_values))
}

/// The kind of things.
pub const fn emit_lot(lot: Lot) -> v1::Lot {
    match lot {
        Lot::Events => v1::Lot::Events,
        Lot::Readings => v1::Lot::Readings,
        Lot::Values => v1::Lot::Values,
    }
}

/// The kind of things.
///
/// # Errors
/// It is not known.
pub fn parse_lot(lot: i32) -> Result<Lot, Malformed> {
    match v1::Lot::try_from(lot) {
        Ok(v1::Lot::Events) => Ok(Lot::Events),
        Ok(v1::Lot::Readings) => Ok(Lot::Readings),
        Ok(v1::Lot::Values) => Ok(Lot::Values),
        _ => Err(Malformed::Lot(lot)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        fn any_reading()(meter in 0u64..3, e in 1u8..3, fields: (i64, i64, i8, u8, u32, i64)) -> Reading {
            let (capture, value, scaler, unit, status, received) = fields;
            Reading {
                meter: Eui64::from_u64(meter), logical_name: [1, 0, e, 8, 0, 255], capture: Utc::from_millis(capture), value,
                scaler: scaler % 2, unit: unit % 2, status, received: Utc::from_millis(received),
            }
        }
    }

    #[test]
    fn events_out_of_their_place_are_refused_by_name_and_a_batch_may_lack_some() {
        let of = |(first, last), cursors: &[u64]| {
            let row = |cursor: &u64| v1::EventRow { cursor: *cursor, ..v1::EventRow::default() };
            let batch = v1::EventBatch { first, last, events: cursors.iter().map(row).collect() };
            parse_events(batch).map(|events| events.iter().map(|event| event.cursor.0).collect::<Vec<_>>())
        };
        assert_eq!(of((3, 9), &[3, 4, 9]), Ok(vec![3, 4, 9]));
        assert_eq!(of((1, u64::MAX), &[u64::MAX]), Ok(vec![u64::MAX]));
        assert_eq!(of((3, 9), &[]), Ok(vec![]));
        for (span, cursors, wrong) in [
            ((1, 1), &[5][..], 5),
            ((3, 9), &[2], 2),
            ((3, 9), &[4, 4], 4),
            ((3, 9), &[5, 4], 4),
            ((9, 3), &[5], 5),
        ] {
            assert_eq!(of(span, cursors), Err(Malformed::Event(span.0, span.1, wrong)));
        }
    }

    proptest! {
        #[test]
        fn a_batch_comes_back_as_it_was(readings in prop::collection::vec(any_reading(), 0..40)) {
            let stored = readings.iter().zip(7..).map(|(reading, n)| StoredReading { cursor: Cursor(n), reading: *reading });
            let batch = emit_readings(Span { first: 7, last: 99 }, &stored.collect::<Vec<_>>());
            prop_assert_eq!((batch.first, batch.last), (7, 99));
            prop_assert_eq!(parse_readings(&batch), Ok(readings));
        }

        #[test]
        fn no_batch_makes_it_panic(
            register in prop::collection::vec(0u32..3, 0..4), value in prop::collection::vec(any::<i64>(), 0..4),
            scaler in any::<i32>(), unit in any::<u32>(), name in prop::collection::vec(any::<u8>(), 0..8),
        ) {
            let registers = vec![v1::Register { eui64: 1, logical_name: name, scaler, unit }];
            let capture_ms = value.clone();
            let batch = v1::ReadingBatch { first: 0, last: 0, registers, register, received_ms: capture_ms.clone(),
                status: capture_ms.iter().map(|v| *v as u32).collect(), capture_ms, value };
            let _ = parse_readings(&batch);
        }

        #[test]
        fn ranges_come_back_and_disorder_is_refused(spans in prop::collection::vec((1u64..50, 0u64..5), 0..9)) {
            let set: Spans = spans.iter().map(|&(first, more)| Span { first, last: first + more }).collect();
            let mut ranges = emit_spans(&set);
            prop_assert_eq!(parse_spans(&ranges), Ok(set));
            ranges.push(v1::CursorRange { first: 1, last: 60 });
            prop_assert_eq!(parse_spans(&ranges).is_ok(), ranges.len() == 1);
        }
    }

    #[test]
    fn a_head_end_takes_values_only_when_it_says_so_whatever_else_it_takes() {
        let held = Intake::new(Spans::through(3), Spans::through(5), Spans::through(7));
        let new = emit_welcome(&held);
        assert_eq!(parse_welcome(&new), Ok((held.clone(), true)));
        // An older one knows neither the field nor the ranges.
        let old = v1::Welcome { takes: vec![], values: vec![], ..new.clone() };
        let of_old = Intake::new(Spans::through(3), Spans::through(5), Spans::new());
        assert_eq!(parse_welcome(&old), Ok((of_old, false)));
        let later = v1::Welcome { takes: vec![1, 77, v1::Lot::Values.into()], ..new.clone() };
        assert_eq!(parse_welcome(&later), Ok((held, true)), "a kind from the future is no fault");
        let wrong = v1::Welcome { values: vec![v1::CursorRange { first: 0, last: 1 }], ..new };
        assert_eq!(parse_welcome(&wrong), Err(Malformed::Ranges));
    }

    /// The first fields of the welcome, as an older box or head-end knows it.
    #[derive(Clone, PartialEq, prost::Message)]
    struct OldWelcome {
        #[prost(message, repeated, tag = "1")]
        events: Vec<v1::CursorRange>,
        #[prost(message, repeated, tag = "2")]
        readings: Vec<v1::CursorRange>,
    }

    #[test]
    fn an_older_box_reads_what_it_knows_of_the_welcome_and_an_older_head_end_is_understood() {
        use prost::Message as _;
        let held = Intake::new(Spans::through(3), Spans::through(5), Spans::through(7));
        let old = OldWelcome::decode(emit_welcome(&held).encode_to_vec().as_slice()).unwrap();
        assert_eq!(parse_spans(&old.events), Ok(Spans::through(3)));
        assert_eq!(parse_spans(&old.readings), Ok(Spans::through(5)));
        let said = v1::Welcome::decode(old.encode_to_vec().as_slice()).unwrap();
        let (understood, takes_values) = parse_welcome(&said).unwrap();
        assert_eq!((understood.held(Lot::Readings), takes_values), (&Spans::through(5), false));
    }

    #[test]
    fn what_is_wrong_with_a_batch_is_named() {
        let good = v1::Register { eui64: 1, logical_name: vec![1, 0, 1, 8, 0, 255], scaler: 0, unit: 30 };
        let row = v1::ReadingBatch {
            first: 3,
            last: 4,
            registers: vec![good.clone()],
            register: vec![0],
            capture_ms: vec![1],
            value: vec![2],
            status: vec![0],
            received_ms: vec![3],
        };
        assert!(parse_readings(&row).is_ok());
        let missing = v1::ReadingBatch { value: vec![], ..row.clone() };
        assert_eq!(parse_readings(&missing), Err(Malformed::Columns(3, 4)));
        let place = v1::ReadingBatch { register: vec![1], ..row.clone() };
        assert_eq!(parse_readings(&place), Err(Malformed::Place(3, 4, 1)));
        let wide = v1::ReadingBatch { registers: vec![v1::Register { unit: 256, ..good }], ..row };
        assert_eq!(parse_readings(&wide), Err(Malformed::Register(3, 4, 0)));
    }
}
