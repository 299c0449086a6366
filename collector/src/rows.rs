//! The buffer of a load profile: rows that are believed, or an answer that is not.

use crate::columns::{Column, ColumnKind, Columns};
use crate::specs::SAME_TIME_MAX;
use crate::{CaptureRange, Reading, Unexpected};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;
use dlms::axdr::{Data, Sequence};
use dlms::cosem::ClockStatus;
use plc_core::{Eui64, Utc};

/// An answer all of whose rows were believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    /// When the rows were captured, ascending.
    pub captures: Vec<Utc>,
    /// What they hold, in order of capture, then of column.
    pub readings: Vec<Reading>,
}

/// What an answer is measured against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// Who was asked.
    pub meter: Eui64,
    /// Which captures were asked for.
    pub asked: CaptureRange,
    /// The capture period.
    pub period: Duration,
    /// The columns of the meter, with scalers and units.
    pub columns: &'a Columns,
}

impl Question<'_> {
    /// Reads the answer, all of it or nothing. Rows may come in any order, for some meters sort theirs; and of those that bear the
    /// same time the last one counts: a meter whose clock was set back captures boundaries again.
    ///
    /// # Errors
    /// The first thing that cannot be believed.
    pub(crate) fn read(&self, buffer: &Data<'_>) -> Result<Rows, Unexpected> {
        let rows = buffer.as_array().ok_or(Unexpected::Profile)?;
        if rows.len() as u64 > self.asked.captures(self.period).saturating_mul(SAME_TIME_MAX) {
            return Err(Unexpected::TooManyRows);
        }
        let mut read = BTreeMap::new();
        for row in rows.iter() {
            let (capture, readings) = self.row(&row)?;
            read.insert(capture, readings);
        }
        Ok(Rows {
            captures: read.keys().copied().collect(),
            readings: read.into_values().flatten().collect(),
        })
    }

    fn row(&self, row: &Data<'_>) -> Result<(Utc, Vec<Reading>), Unexpected> {
        let cells = row.as_structure().filter(|cells| cells.len() == self.columns.iter().len());
        let cells = cells.ok_or(Unexpected::RowShape)?;
        let (capture, status) = (self.capture(&cells)?, self.status(&cells)?);
        let mut readings = Vec::with_capacity(self.columns.values());
        for (column, cell) in self.columns.iter().zip(cells) {
            if let ColumnKind::Value(_) = column.kind {
                readings.push(self.reading(capture, status, column, &cell)?);
            }
        }
        Ok((capture, readings))
    }

    fn capture(&self, cells: &Sequence<'_>) -> Result<Utc, Unexpected> {
        let clock = self.cell(cells, ColumnKind::Clock).and_then(|cell| cell.as_clock_time());
        let clock = clock.filter(|clock| !clock.status().has(ClockStatus::INVALID));
        let capture = clock.and_then(|clock| clock.utc()).ok_or(Unexpected::RowClock)?;
        match capture {
            capture if capture.floor(self.period) != capture => Err(Unexpected::RowMisaligned),
            capture if !self.asked.contains(capture) => Err(Unexpected::RowOutside),
            capture => Ok(capture),
        }
    }

    fn status(&self, cells: &Sequence<'_>) -> Result<u32, Unexpected> {
        let Some(cell) = self.cell(cells, ColumnKind::Status) else { return Ok(0) };
        cell.as_u64().and_then(|status| u32::try_from(status).ok()).ok_or(Unexpected::RowStatus)
    }

    fn reading(
        &self,
        capture: Utc,
        status: u32,
        column: &Column,
        cell: &Data<'_>,
    ) -> Result<Reading, Unexpected> {
        let ColumnKind::Value(Some(scaler_unit)) = column.kind else { return Err(Unexpected::ScalerUnit) };
        Ok(Reading {
            meter: self.meter,
            logical_name: column.object.logical_name,
            capture,
            value: number(cell).ok_or(Unexpected::RowValue)?,
            scaler: scaler_unit.scaler,
            unit: scaler_unit.unit.0,
            status,
        })
    }

    fn cell<'a>(&self, cells: &Sequence<'a>, kind: ColumnKind) -> Option<Data<'a>> {
        let at = self.columns.iter().position(|column| column.kind == kind)?;
        cells.get(at)
    }
}

/// A register counts in integers; an enumeration, a text or an empty cell is none.
fn number(cell: &Data<'_>) -> Option<i64> {
    if matches!(cell, Data::Enum(_)) { None } else { cell.as_i64() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::tests::{EXPORT, IMPORT, STATUS, WATT_HOUR, columns};
    use dlms::axdr::Encoder;
    use dlms::cosem::{CaptureObject, ClockTime};
    use proptest::prelude::*;

    const PERIOD: Duration = Duration::from_secs(900);
    const METER: Eui64 = Eui64::from_u64(7);

    fn at(n: u32) -> Utc {
        Utc::from_secs(1_800_000_000) + PERIOD * n
    }

    fn asked() -> CaptureRange {
        CaptureRange::new(at(1), at(4)).unwrap()
    }

    fn meter_columns() -> Columns {
        let mut columns = columns(&[CaptureObject::CLOCK, STATUS, IMPORT, EXPORT]).unwrap();
        columns.scale(WATT_HOUR);
        columns.scale(WATT_HOUR);
        columns
    }

    fn read(bytes: &[u8]) -> Result<Rows, Unexpected> {
        let columns = meter_columns();
        let question = Question { meter: METER, asked: asked(), period: PERIOD, columns: &columns };
        question.read(&Data::from_bytes(bytes).map_err(|_| Unexpected::Profile)?)
    }

    type Cells = fn(&mut Encoder<'_>);

    fn encode(clocks: &[ClockTime], cells: Cells) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut out = Encoder::new(&mut bytes, 4096);
        out.array(clocks.len());
        for clock in clocks {
            out.structure(4);
            out.clock_time(clock);
            cells(&mut out);
        }
        out.finish().unwrap();
        bytes
    }

    fn clock(utc: Utc) -> ClockTime {
        ClockTime::from_utc(utc, -60, ClockStatus::OK)
    }

    const GOOD: Cells = |out| {
        out.u8(8);
        out.u32(1000);
        out.i64(-5);
    };

    #[test]
    fn a_row_becomes_a_reading_per_register() {
        let rows = read(&encode(&[clock(at(1)), clock(at(3))], GOOD)).unwrap();
        assert_eq!(rows.captures, [at(1), at(3)]);
        let expected = |object: CaptureObject, n, value| Reading {
            meter: METER,
            logical_name: object.logical_name,
            capture: at(n),
            value,
            scaler: 0,
            unit: 30,
            status: 8,
        };
        let [import, export] = [1, 3].map(|n| [expected(IMPORT, n, 1000), expected(EXPORT, n, -5)]);
        assert_eq!(rows.readings, [import, export].concat());
        assert_eq!(read(&encode(&[], GOOD)).unwrap().captures, []);
    }

    #[test]
    fn one_row_with_a_wrong_time_spoils_the_answer() {
        let misaligned = clock(at(2) + Duration::from_secs(1));
        let invalid = ClockTime::from_utc(at(2), 0, ClockStatus::INVALID);
        for (second, fault) in [
            (clock(at(0)), Unexpected::RowOutside),
            (clock(at(5)), Unexpected::RowOutside),
            (misaligned, Unexpected::RowMisaligned),
            (invalid, Unexpected::RowClock),
            (ClockTime::UNSPECIFIED, Unexpected::RowClock),
        ] {
            assert_eq!(read(&encode(&[clock(at(1)), second], GOOD)), Err(fault), "{second:?}");
        }
        assert_eq!(read(&encode(&[clock(at(1)); 13], GOOD)), Err(Unexpected::TooManyRows));
    }

    #[test]
    fn rows_may_descend_and_of_those_of_one_time_the_last_one_counts() {
        let descending = read(&encode(&[clock(at(3)), clock(at(1))], GOOD)).unwrap();
        assert_eq!(descending, read(&encode(&[clock(at(1)), clock(at(3))], GOOD)).unwrap());
        let mut bytes = encode(&[clock(at(1)), clock(at(2)), clock(at(1))], GOOD);
        let last = bytes.len() - 1;
        bytes[last] = 99;
        let rows = read(&bytes).unwrap();
        assert_eq!(rows.captures, [at(1), at(2)]);
        let values: Vec<_> = rows.readings.iter().map(|reading| reading.value).collect();
        assert_eq!(values, [1000, -157, 1000, -5]);
    }

    #[test]
    fn a_cell_of_the_wrong_type_spoils_the_answer() {
        let cases: [(Cells, Unexpected); 6] = [
            (
                |out| {
                    out.u8(0);
                    out.u32(1);
                    out.null()
                },
                Unexpected::RowValue,
            ),
            (
                |out| {
                    out.u8(0);
                    out.f32(1.0);
                    out.u32(1)
                },
                Unexpected::RowValue,
            ),
            (
                |out| {
                    out.u8(0);
                    out.enumeration(1);
                    out.u32(1)
                },
                Unexpected::RowValue,
            ),
            (
                |out| {
                    out.u8(0);
                    out.u64(u64::MAX);
                    out.u32(1)
                },
                Unexpected::RowValue,
            ),
            (
                |out| {
                    out.i8(-1);
                    out.u32(1);
                    out.u32(1)
                },
                Unexpected::RowStatus,
            ),
            (
                |out| {
                    out.u64(1 << 32);
                    out.u32(1);
                    out.u32(1)
                },
                Unexpected::RowStatus,
            ),
        ];
        for (cells, fault) in cases {
            assert_eq!(read(&encode(&[clock(at(1))], cells)), Err(fault));
        }
    }

    #[test]
    fn what_is_no_table_of_four_columns_is_refused() {
        assert_eq!(read(&[0]), Err(Unexpected::Profile));
        assert_eq!(read(&[1, 1, 0]), Err(Unexpected::RowShape));
        assert_eq!(read(&[1, 1, 2, 0]), Err(Unexpected::RowShape));
        assert_eq!(read(&[1, 1, 2, 5, 0, 0, 0, 0, 0]), Err(Unexpected::RowShape));
        assert_eq!(read(&[1, 1, 2, 4, 0, 0, 0, 0]), Err(Unexpected::RowClock));
    }

    proptest! {
        #[test]
        fn no_octets_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn a_changed_octet_never_gives_a_capture_that_was_not_asked(place in 0usize..200, value: u8) {
            let mut bytes = encode(&[clock(at(1)), clock(at(2)), clock(at(4))], GOOD);
            let place = place % bytes.len();
            bytes[place] = value;
            if let Ok(rows) = read(&bytes) {
                prop_assert!(rows.captures.iter().all(|&capture| asked().contains(capture)));
                prop_assert_eq!(rows.readings.len(), 2 * rows.captures.len());
            }
        }
    }
}
