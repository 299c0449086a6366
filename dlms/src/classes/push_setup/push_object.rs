//! What is pushed: an attribute, or the rows and columns of a buffer, or one element.

use crate::apdu::DataAccessResult;
use crate::axdr::{Data, Encoder};
use crate::classes::profile::{self, Rows};
use crate::classes::value::structure;
use crate::classes::{AnyValue, Enumerated, List};
use crate::cosem::{AttributeRequest, CaptureObject, ClockTime, LogicalName, Selector};
use crate::specs::objects::PUSH_OBJECTS_MAX;
use crate::specs::restriction;
use alloc::vec::Vec;

structure! {
    /// restriction_element.
    Restriction {
        /// 0 none, 1 by date, 2 by entry.
        kind: Enumerated,
        /// null-data for none, or a structure of the first and the last date-time or entry.
        value: AnyValue,
    }
}

structure! {
    /// push_object.
    PushObject {
        /// The interface class.
        class_id: u16,
        /// The object.
        logical_name: LogicalName,
        /// The attribute.
        attribute: i8,
        /// 0 the whole attribute, n its n-th element.
        data_index: u16,
        /// Which rows of a buffer.
        restriction: Restriction,
        /// Which columns of a buffer; empty for all.
        columns: List<CaptureObject, PUSH_OBJECTS_MAX>,
    }
}

impl PushObject {
    /// Whether this can be pushed as it says.
    ///
    /// # Errors
    /// The result that the client is told: a restriction that the standard does not know or whose value is of another type, rows or
    /// columns of what is no buffer, an element of a buffer.
    pub fn check(&self) -> Result<(), DataAccessResult> {
        let is_lawful = if self.is_buffer() { self.data_index == 0 } else { self.columns.is_empty() };
        self.request().filter(|_| is_lawful).map(|_| ()).ok_or(DataAccessResult::TypeUnmatched)
    }

    /// What to read: the attribute, of a buffer the rows that are wanted. `None` for a restriction that makes no sense.
    pub fn request(&self) -> Option<AttributeRequest> {
        let whole = AttributeRequest::new(self.class_id, self.logical_name, self.attribute);
        let selector = match self.restriction.kind.0 {
            restriction::NONE => return Some(whole),
            _ if !self.is_buffer() => return None,
            restriction::BY_DATE => self.by_date()?,
            restriction::BY_ENTRY => self.by_entry()?,
            _ => return None,
        };
        Some(AttributeRequest { selector: Some(selector), ..whole })
    }

    /// What tells the columns, where only some of them are wanted.
    pub fn columns_request(&self) -> Option<AttributeRequest> {
        let request = AttributeRequest::new(self.class_id, self.logical_name, profile::CAPTURE_OBJECTS);
        (!self.columns.is_empty()).then_some(request)
    }

    /// Writes the part that is wanted of an encoded value. `captured` are the columns of the buffer, where only some are wanted.
    /// `None`, and nothing written, when the value has no such part.
    pub fn write_part(&self, value: &[u8], captured: &[CaptureObject], out: &mut Encoder<'_>) -> Option<()> {
        if !self.columns.is_empty() {
            return self.write_columns(value, captured, out);
        }
        match self.data_index.checked_sub(1) {
            None => out.encoded(value),
            Some(index) => {
                let value = Data::from_bytes(value).ok()?;
                let elements = value.as_structure().or(value.as_array())?;
                out.data(&elements.get(index.into())?);
            }
        }
        Some(())
    }

    fn write_columns(&self, value: &[u8], captured: &[CaptureObject], out: &mut Encoder<'_>) -> Option<()> {
        let position = |wanted: &CaptureObject| captured.iter().position(|column| column == wanted);
        let positions = self.columns.iter().map(position).collect::<Option<Vec<_>>>()?;
        let rows = Rows::from_value(value)?;
        let is_whole = |cells: Vec<Data<'_>>| positions.iter().all(|&position| position < cells.len());
        if !rows.iter().all(|row| is_whole(row.collect())) {
            return None;
        }
        out.array(rows.len());
        for row in rows.iter() {
            let cells: Vec<Data<'_>> = row.collect();
            out.structure(positions.len());
            positions.iter().filter_map(|&position| cells.get(position)).for_each(|cell| out.data(cell));
        }
        Some(())
    }

    fn by_date(&self) -> Option<Selector> {
        let value = self.restriction.value.data();
        let [from, to]: [Option<ClockTime>; 2] =
            value.as_structure()?.exactly::<2>()?.map(|bound| bound.as_clock_time());
        Some(Selector::between(from?, to?))
    }

    fn by_entry(&self) -> Option<Selector> {
        let value = self.restriction.value.data();
        let [from, to] = value.as_structure()?.exactly::<2>()?.map(|entry| match entry {
            Data::U32(entry) => Some(entry),
            _ => None,
        });
        let (from_entry, to_entry) = (from.filter(|&from| from > 0)?, to?);
        Some(Selector::Entry { from_entry, to_entry, from_column: 1, to_column: 0 })
    }

    fn is_buffer(&self) -> bool {
        (self.class_id, self.attribute) == (profile::CLASS_ID, profile::BUFFER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::Value;
    use crate::cosem::ClockStatus;
    use plc_core::Utc;

    const LOAD: LogicalName = LogicalName([1, 0, 99, 1, 0, 255]);

    fn object(class_id: u16, kind: u8, value: &[u8]) -> PushObject {
        let value = AnyValue::from_data(&Data::from_bytes(value).unwrap()).unwrap();
        let restriction = Restriction { kind: Enumerated(kind), value };
        let columns = List::default();
        PushObject { class_id, logical_name: LOAD, attribute: 2, data_index: 0, restriction, columns }
    }

    fn part(object: &PushObject, value: &[u8], captured: &[CaptureObject]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, 1000);
        object.write_part(value, captured, &mut encoder)?;
        encoder.finish().ok()?;
        Some(out)
    }

    #[test]
    fn rows_are_restricted_by_date_and_by_entry() {
        let time = |hour| {
            ClockTime::from_utc(Utc::from_civil(2026, 11, 22, hour, 0, 0).unwrap(), 0, ClockStatus::OK)
        };
        let dates = [&[2, 2, 9, 12][..], &time(1).octets(), &[9, 12], &time(2).octets()].concat();
        let selector = |object: PushObject| object.request().unwrap().selector;
        assert_eq!(selector(object(7, 1, &dates)), Some(Selector::between(time(1), time(2))));
        let entries = [2, 2, 6, 0, 0, 0, 3, 6, 0, 0, 0, 0];
        let entry = Selector::Entry { from_entry: 3, to_entry: 0, from_column: 1, to_column: 0 };
        assert_eq!(selector(object(7, 2, &entries)), Some(entry));
        assert_eq!(selector(object(7, 0, &[0])), None);
        assert_eq!(object(7, 2, &entries).check(), Ok(()));
    }

    #[test]
    fn restrictions_of_other_types_and_of_what_has_no_rows_are_refused() {
        let unmatched = Err(DataAccessResult::TypeUnmatched);
        let entries = [2, 2, 6, 0, 0, 0, 3, 6, 0, 0, 0, 0];
        for (class_id, kind, value) in [
            (7, 1, &[0][..]),
            (7, 1, &entries),
            (7, 2, &[0]),
            (7, 2, &[2, 2, 6, 0, 0, 0, 0, 6, 0, 0, 0, 0]),
            (7, 2, &[2, 1, 6, 0, 0, 0, 1]),
            (7, 3, &[0]),
            (3, 2, &entries),
        ] {
            assert_eq!(object(class_id, kind, value).check(), unmatched, "{class_id} {kind} {value:02x?}");
        }
        let columns = List::new(Vec::from([CaptureObject::CLOCK])).unwrap();
        assert_eq!(PushObject { columns, ..object(3, 0, &[0]) }.check(), unmatched);
        assert_eq!(PushObject { data_index: 1, ..object(7, 0, &[0]) }.check(), unmatched);
        assert_eq!(PushObject { data_index: 1, ..object(3, 0, &[0]) }.check(), Ok(()));
    }

    #[test]
    fn columns_and_elements_are_picked_and_what_is_not_there_is_not_pushed() {
        let energy = CaptureObject::new(3, LogicalName([1, 0, 1, 8, 0, 255]), 2);
        let captured = [CaptureObject::CLOCK, energy];
        let rows = [1, 2, 2, 2, 17, 1, 17, 2, 2, 2, 17, 3, 17, 4];
        let columns = List::new(Vec::from([energy])).unwrap();
        let picked = PushObject { columns, ..object(7, 0, &[0]) };
        assert_eq!(part(&picked, &rows, &captured), Some([1, 2, 2, 1, 17, 2, 2, 1, 17, 4].to_vec()));
        assert_eq!(part(&picked, &rows, &captured[..1]), None);
        assert_eq!(part(&picked, &[1, 1, 2, 1, 17, 1], &captured), None, "a row that is too short");
        assert_eq!(picked.columns_request().map(|request| request.attribute), Some(3));
        let second = PushObject { data_index: 2, ..object(3, 0, &[0]) };
        assert_eq!(part(&second, &[2, 2, 15, 0xFD, 22, 30], &[]), Some([22, 30].to_vec()));
        assert_eq!(part(&second, &[2, 1, 15, 0xFD], &[]), None);
        assert_eq!(part(&second, &[17, 5], &[]), None);
        assert_eq!(part(&object(3, 0, &[0]), &[17, 5], &[]), Some([17, 5].to_vec()));
        let written = second.to_value();
        assert_eq!(PushObject::from_value(&written), Some(second));
    }
}
