//! Extended register, class 4, as a maximum \[BB 4.3.3\].

use super::object::{attributes, no_parameter, stored_attributes};
use super::{Effects, Moment, Object};
use crate::apdu::{ActionResult, DataAccessResult};
use crate::axdr::Data;
use crate::cosem::{ClockTime, ScalerUnit};

attributes! {
    /// The greatest of the values shown to it since it was reset, and when that was.
    ExtendedRegister: EXTENDED_REGISTER {
        /// The maximum.
        [2] value: u32,
        /// Its scaler and unit.
        [3] scaler_unit: ScalerUnit,
        /// The status of the value.
        [4] status: u8,
        /// When it was reached.
        [5] capture_time: ClockTime,
    } kept {} volatile {}
}

impl ExtendedRegister {
    /// No value was seen yet.
    pub const fn new(scaler_unit: ScalerUnit) -> Self {
        Self { value: 0, scaler_unit, status: 0, capture_time: ClockTime::UNSPECIFIED }
    }

    /// A value; returns whether it is a new maximum.
    pub fn raise(&mut self, value: u32, status: u8, time: ClockTime) -> bool {
        let higher = value > self.value;
        if higher {
            (self.value, self.status, self.capture_time) = (value, status, time);
        }
        higher
    }
}

impl Object for ExtendedRegister {
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

    fn invoke(&mut self, _: i8, data: &Data<'_>, _: &Moment, _: &mut Effects) -> Result<(), ActionResult> {
        no_parameter(data)?;
        *self = Self::new(self.scaler_unit);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::test;
    use crate::cosem::Unit;

    #[test]
    fn a_maximum_keeps_its_time_until_it_is_reset() {
        let mut maximum = ExtendedRegister::new(ScalerUnit { scaler: -3, unit: Unit::WATT });
        let time = |hour| ClockTime::of_wall(test::at(11, 22, hour, 0, 0).wall.unwrap());
        assert!(
            maximum.raise(100, 0, time(1))
                && !maximum.raise(100, 0, time(2))
                && maximum.raise(101, 0, time(3))
        );
        assert_eq!((maximum.value, maximum.capture_time), (101, time(3)));
        test::check(&maximum, &test::UNSET);
        assert_eq!(maximum.invoke(1, &Data::I8(0), &test::UNSET, &mut Effects::default()), Ok(()));
        assert_eq!((maximum.value, maximum.capture_time), (0, ClockTime::UNSPECIFIED));
    }
}
