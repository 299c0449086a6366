//! Data, Register, Extended register and Demand register, classes 1, 3, 4 and 5 \[BB 4.3.1 to 4.3.4\]: what of
//! them makes a reading, and the reading.

use crate::axdr::Data;
use crate::cosem::{AttributeRequest, ClockTime, LogicalName, Quantity, ScalerUnit};

/// The interface class Data.
pub const DATA: u16 = 1;
/// The interface class Register.
pub const REGISTER: u16 = 3;
/// The interface class Extended register.
pub const EXTENDED_REGISTER: u16 = 4;
/// The interface class Demand register.
pub const DEMAND_REGISTER: u16 = 5;

/// Where a register keeps what belongs to a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The attribute that holds the value.
    pub value: i8,
    /// The one that holds its scaler and unit.
    pub scaler_unit: Option<i8>,
    /// The one that holds the state in which it was captured.
    pub status: Option<i8>,
    /// The one that holds the time at which it was captured.
    pub capture_time: Option<i8>,
}

impl Layout {
    /// Of an interface class; `None` for one that is no register.
    pub fn of(class_id: u16) -> Option<Self> {
        LAYOUTS.into_iter().find(|(class, _)| *class == class_id).map(|(_, layout)| layout)
    }

    /// The attributes that make a reading of one object.
    pub fn requests(
        self,
        class_id: u16,
        logical_name: LogicalName,
    ) -> impl Iterator<Item = AttributeRequest> {
        let attributes = [Some(self.value), self.scaler_unit, self.status, self.capture_time];
        let named = move |attribute| AttributeRequest::new(class_id, logical_name, attribute);
        attributes.into_iter().flatten().map(named)
    }
}

/// The layouts of the classes, as data: one more class is one more line.
const LAYOUTS: [(u16, Layout); 4] = [
    (DATA, Layout { value: 2, scaler_unit: None, status: None, capture_time: None }),
    (REGISTER, Layout { value: 2, scaler_unit: Some(3), status: None, capture_time: None }),
    (EXTENDED_REGISTER, Layout { value: 2, scaler_unit: Some(3), status: Some(4), capture_time: Some(5) }),
    (DEMAND_REGISTER, Layout { value: 3, scaler_unit: Some(4), status: Some(5), capture_time: Some(6) }),
];

/// A value with what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegisterReading<'a> {
    /// The value as it stands on the wire.
    pub value: Data<'a>,
    /// Its scaler and unit.
    pub scaler_unit: Option<ScalerUnit>,
    /// The state in which it was captured.
    pub status: Option<Data<'a>>,
    /// When it was captured.
    pub capture_time: Option<ClockTime>,
}

impl<'a> RegisterReading<'a> {
    /// From the encoded values of [`Layout::requests`], in their order; a value that was refused is `None`.
    /// `None` without a value.
    pub fn from_values(layout: Layout, values: impl IntoIterator<Item = Option<&'a [u8]>>) -> Option<Self> {
        let mut values = values.into_iter().map(|value| Data::from_bytes(value?).ok());
        let value = values.next()??;
        let mut next = |has: Option<i8>| has.and_then(|_| values.next()?);
        Some(Self {
            value,
            scaler_unit: next(layout.scaler_unit).and_then(|data| ScalerUnit::from_data(&data)),
            status: next(layout.status),
            capture_time: next(layout.capture_time).and_then(|data| data.as_clock_time()),
        })
    }

    /// The value as a number with its unit, if it is one.
    pub fn quantity(&self) -> Option<Quantity> {
        Quantity::new(&self.value, self.scaler_unit?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::hex;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    #[test]
    fn each_class_is_asked_for_what_it_has() {
        let name = LogicalName([1, 0, 1, 6, 0, 255]);
        let asked = |class_id| {
            let requests = Layout::of(class_id).unwrap().requests(class_id, name);
            requests.map(|request| request.attribute).collect::<Vec<_>>()
        };
        assert_eq!([asked(1), asked(3)], [Vec::from([2]), Vec::from([2, 3])]);
        assert_eq!([asked(4), asked(5)], [[2, 3, 4, 5], [3, 4, 5, 6]]);
        assert_eq!(Layout::of(7), None);
    }

    #[test]
    fn a_maximum_has_its_value_unit_state_and_time() {
        let values = ["06000004D2", "02020FFE161B", "1108", "090C07EA0B160705110700000000"].map(hex);
        let layout = Layout::of(EXTENDED_REGISTER).unwrap();
        let reading = RegisterReading::from_values(layout, values.iter().map(|v| Some(&v[..]))).unwrap();
        assert_eq!(reading.quantity().unwrap().to_string(), "12.34 W");
        assert_eq!(reading.status, Some(Data::U8(8)));
        assert!(reading.capture_time.unwrap().utc().is_some());
        let refused = [Some(&values[0][..]), None, None, None];
        let bare = RegisterReading::from_values(layout, refused).unwrap();
        assert_eq!((bare.quantity(), bare.capture_time), (None, None));
        assert_eq!(RegisterReading::from_values(layout, [None]), None);
    }
}
