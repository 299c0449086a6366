//! Readings that became durable together, packed.
//!
//! ```text
//! version (1) | count | rows | CRC-32/ISCSI over all before, little-endian
//! row: marks (1) | series, unless NEXT_SERIES | capture, unless SAME_CAPTURE | value | status, unless SAME_STATUS
//!      | received, unless SAME_RECEIVED
//! ```
//!
//! Numbers are varints. Series, capture and received are differences to the row before; a value is the difference to the
//! value before of the same series in the block, or the value itself.

use crate::varint;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use plc_core::Utc;
use plc_core::crc::Crc;
use plc_core::wire::{Reader, WireError};

/// Rows of a block at most.
pub const BLOCK_ROWS: usize = 256;

/// One reading in a block. The series number stands for meter, logical name, scaler and unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The number of the series.
    pub series: u32,
    /// When the meter captured the value.
    pub capture: Utc,
    /// The value.
    pub value: i64,
    /// The status bits.
    pub status: u32,
    /// When the concentrator received it.
    pub received: Utc,
}

/// The octets of a block.
///
/// # Errors
/// No rows, or more than [`BLOCK_ROWS`].
pub fn emit(rows: &[Row]) -> Result<Vec<u8>, WireError> {
    if rows.is_empty() || rows.len() > BLOCK_ROWS {
        return Err(WireError::NoRoom);
    }
    let mut out = Vec::with_capacity(16 + rows.len() * 12);
    out.push(VERSION);
    varint::push(&mut out, rows.len() as u64);
    let mut before = Before::default();
    rows.iter().for_each(|row| emit_row(&mut out, row, &mut before));
    let check = CRC.checksum(&out);
    out.extend_from_slice(&check.to_le_bytes());
    Ok(out)
}

/// The rows of a block.
///
/// # Errors
/// The octets are damaged or of another format.
pub fn parse(octets: &[u8]) -> Result<Vec<Row>, WireError> {
    let (body, check) = octets.split_last_chunk().ok_or(WireError::Truncated)?;
    if CRC.checksum(body) != u32::from_le_bytes(*check) {
        return Err(WireError::Invalid("checksum of a block"));
    }
    let mut reader = Reader::new(body);
    if reader.u8()? != VERSION {
        return Err(WireError::Invalid("version of a block"));
    }
    let count = varint::take(&mut reader)?;
    let count = usize::try_from(count).ok().filter(|count| (1..=BLOCK_ROWS).contains(count));
    let count = count.ok_or(WireError::Invalid("count of a block"))?;
    let mut before = Before::default();
    let mut rows = Vec::with_capacity(count);
    for _ in 0..count {
        rows.push(parse_row(&mut reader, &mut before)?);
    }
    reader.finish()?;
    Ok(rows)
}

/// What the next row is told apart from.
#[derive(Debug, Default)]
struct Before {
    series: u32,
    capture: i64,
    status: u32,
    received: i64,
    values: BTreeMap<u32, i64>,
}

impl Before {
    fn advance(&mut self, row: &Row) {
        self.series = row.series;
        self.capture = row.capture.as_millis();
        self.status = row.status;
        self.received = row.received.as_millis();
        self.values.insert(row.series, row.value);
    }

    fn value(&self, series: u32) -> i64 {
        self.values.get(&series).copied().unwrap_or(0)
    }
}

fn emit_row(out: &mut Vec<u8>, row: &Row, before: &mut Before) {
    let (capture, received) = (row.capture.as_millis(), row.received.as_millis());
    let mark = |same: bool, bit: u8| if same { bit } else { 0 };
    let marks = mark(row.series == before.series.wrapping_add(1), NEXT_SERIES)
        | mark(capture == before.capture, SAME_CAPTURE)
        | mark(row.status == before.status, SAME_STATUS)
        | mark(received == before.received, SAME_RECEIVED);
    out.push(marks);
    if marks & NEXT_SERIES == 0 {
        varint::push_signed(out, i64::from(row.series) - i64::from(before.series));
    }
    if marks & SAME_CAPTURE == 0 {
        varint::push_signed(out, capture.wrapping_sub(before.capture));
    }
    varint::push_signed(out, row.value.wrapping_sub(before.value(row.series)));
    if marks & SAME_STATUS == 0 {
        varint::push(out, row.status.into());
    }
    if marks & SAME_RECEIVED == 0 {
        varint::push_signed(out, received.wrapping_sub(before.received));
    }
    before.advance(row);
}

fn parse_row(reader: &mut Reader<'_>, before: &mut Before) -> Result<Row, WireError> {
    let marks = reader.u8()?;
    if marks & !(NEXT_SERIES | SAME_CAPTURE | SAME_STATUS | SAME_RECEIVED) != 0 {
        return Err(WireError::Invalid("marks of a row"));
    }
    let series = if marks & NEXT_SERIES != 0 {
        before.series.wrapping_add(1)
    } else {
        let number = i64::from(before.series).checked_add(varint::take_signed(reader)?);
        number.and_then(|number| u32::try_from(number).ok()).ok_or(WireError::Invalid("series"))?
    };
    let capture = time(reader, marks & SAME_CAPTURE != 0, before.capture)?;
    let value = before.value(series).wrapping_add(varint::take_signed(reader)?);
    let status = if marks & SAME_STATUS != 0 {
        before.status
    } else {
        u32::try_from(varint::take(reader)?).map_err(|_| WireError::Invalid("status"))?
    };
    let received = time(reader, marks & SAME_RECEIVED != 0, before.received)?;
    let row = Row { series, capture, value, status, received };
    before.advance(&row);
    Ok(row)
}

fn time(reader: &mut Reader<'_>, same: bool, before: i64) -> Result<Utc, WireError> {
    let difference = if same { 0 } else { varint::take_signed(reader)? };
    Ok(Utc::from_millis(before.wrapping_add(difference)))
}

const CRC: Crc<u32> = Crc::<u32>::new(&plc_core::crc::CRC32_BLOCK);
const VERSION: u8 = 1;
const NEXT_SERIES: u8 = 1;
const SAME_CAPTURE: u8 = 2;
const SAME_STATUS: u8 = 4;
const SAME_RECEIVED: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let small = (0u32..4, 0i64..3, 0i64..100, 0u32..2, 0i64..3);
        let any = (any::<u32>(), any::<i64>(), any::<i64>(), any::<u32>(), any::<i64>());
        let row = prop_oneof![small, any].prop_map(|(series, capture, value, status, received)| Row {
            series,
            capture: Utc::from_millis(capture),
            value,
            status,
            received: Utc::from_millis(received),
        });
        prop::collection::vec(row, 1..40)
    }

    #[test]
    fn a_quarter_of_an_hour_of_fifty_meters_takes_seven_octets_per_reading() {
        let row = |n: u32| Row {
            series: 7 + n,
            capture: Utc::from_secs(1_795_343_400),
            value: 4_000_000 + i64::from(n) * 37_123,
            status: 0,
            received: Utc::from_millis(1_795_343_460_000 + i64::from(n / 2) * 1500),
        };
        let rows: Vec<_> = (0..100).map(row).collect();
        let octets = emit(&rows).unwrap();
        assert!(octets.len() < 700, "{}", octets.len());
        assert_eq!(parse(&octets).unwrap(), rows);
    }

    #[test]
    fn a_block_of_nothing_or_of_too_much_is_refused() {
        let row = Row {
            series: 1,
            capture: Utc::from_millis(0),
            value: 0,
            status: 0,
            received: Utc::from_millis(0),
        };
        assert_eq!(emit(&[]), Err(WireError::NoRoom));
        assert_eq!(emit(&[row; BLOCK_ROWS + 1]), Err(WireError::NoRoom));
        assert!(emit(&[row; BLOCK_ROWS]).is_ok());
    }

    proptest! {
        #[test]
        fn a_block_comes_back_as_it_was(rows in rows()) {
            prop_assert_eq!(parse(&emit(&rows).unwrap()), Ok(rows));
        }

        #[test]
        fn one_wrong_bit_is_noticed(rows in rows(), at: prop::sample::Index, bit in 0u8..8) {
            let mut octets = emit(&rows).unwrap();
            let at = at.index(octets.len());
            octets[at] ^= 1 << bit;
            prop_assert!(parse(&octets).is_err());
        }

        #[test]
        fn no_octets_make_it_panic(mut octets in prop::collection::vec(any::<u8>(), 0..60), sealed: bool) {
            if sealed {
                octets.insert(0, VERSION);
                let check = CRC.checksum(&octets);
                octets.extend_from_slice(&check.to_le_bytes());
            }
            let _ = parse(&octets);
        }
    }
}
