//! Special days table, class 11 \[BB 4.5.4\].

use super::object::{attributes, parameter, stored_attributes};
use super::value::structure;
use super::{Effects, List, Moment, Object};
use crate::apdu::{ActionResult, DataAccessResult};
use crate::axdr::Data;
use crate::cosem::{Date, Wall};
use crate::specs::objects::SPECIAL_DAYS_MAX;

structure! {
    /// spec_day_entry.
    SpecialDay {
        /// By which it is found.
        index: u16,
        /// When it is; parts may be left open.
        date: Date,
        /// The day profile of the calendar that is in force.
        day_id: u8,
    }
}

attributes! {
    /// The days on which another day profile is in force.
    SpecialDays: SPECIAL_DAYS {
        /// The days.
        [2] entries: List<SpecialDay, SPECIAL_DAYS_MAX>,
    } kept {} volatile {}
}

impl SpecialDays {
    /// No special days.
    pub fn new() -> Self {
        Self { entries: List::default() }
    }

    /// The day profile in force on a special day; `None` on any other. Of two entries the first is taken.
    pub fn day_id(&self, wall: Wall) -> Option<u8> {
        self.entries.iter().find(|entry| entry.date.names(wall)).map(|entry| entry.day_id)
    }

    /// The index of the special day.
    pub fn index(&self, wall: Wall) -> Option<u16> {
        self.entries.iter().find(|entry| entry.date.names(wall)).map(|entry| entry.index)
    }
}

impl Default for SpecialDays {
    fn default() -> Self {
        Self::new()
    }
}

impl Object for SpecialDays {
    stored_attributes!();

    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        _: &Moment,
        _: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        self.store(attribute, value)
    }

    fn invoke(
        &mut self,
        method: i8,
        data: &Data<'_>,
        _: &Moment,
        _: &mut Effects,
    ) -> Result<(), ActionResult> {
        if method == 1 {
            let entry: SpecialDay = parameter(data)?;
            let index = entry.index;
            let has_room = self.entries.put(entry, |held| held.index == index);
            return if has_room { Ok(()) } else { Err(ActionResult::OtherReason) };
        }
        let index: u16 = parameter(data)?;
        let removed = self.entries.retain(|entry| entry.index != index);
        if removed { Ok(()) } else { Err(ActionResult::ObjectUnavailable) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::{Value, test};

    #[test]
    fn days_are_inserted_replaced_found_and_deleted() {
        let (mut table, mut effects, now) =
            (SpecialDays::new(), Effects::default(), test::at(12, 25, 10, 0, 0));
        let mut insert = |index, day_id| {
            let entry = SpecialDay { index, date: Date::from_octets([0xFF, 0xFF, 12, 25, 0xFF]), day_id };
            let value = entry.to_value();
            table.invoke(1, &Data::from_bytes(&value).unwrap(), &now, &mut effects).map(|()| table.clone())
        };
        insert(1, 7).unwrap();
        let mut table = insert(1, 8).unwrap();
        assert_eq!((table.day_id(now.wall.unwrap()), table.entries.len()), (Some(8), 1));
        assert_eq!(table.day_id(test::at(12, 24, 10, 0, 0).wall.unwrap()), None);
        test::check(&table, &now);
        assert_eq!(table.invoke(2, &Data::U16(1), &now, &mut effects), Ok(()));
        assert_eq!(table.invoke(2, &Data::U16(1), &now, &mut effects), Err(ActionResult::ObjectUnavailable));
        for index in 0..SPECIAL_DAYS_MAX as u16 {
            let entry = SpecialDay { index, date: Date::from_octets([0xFF; 5]), day_id: 1 }.to_value();
            assert_eq!(table.invoke(1, &Data::from_bytes(&entry).unwrap(), &now, &mut effects), Ok(()));
        }
        let entry = SpecialDay { index: 999, date: Date::from_octets([0xFF; 5]), day_id: 1 }.to_value();
        let full = table.invoke(1, &Data::from_bytes(&entry).unwrap(), &now, &mut effects);
        assert_eq!(full, Err(ActionResult::OtherReason));
    }
}
