//! Data, class 1, as a server keeps it \[BB 4.3.1\].

use super::object::{attributes, stored_attributes};
use super::{AnyValue, Effects, Moment, Object, Value};
use crate::apdu::DataAccessResult;
use crate::axdr::Data;

attributes! {
    /// A value that clients may write. Its type stays what it was.
    DataObject: DATA {
        /// The value.
        [2] value: AnyValue,
    } kept {} volatile {}
}

impl DataObject {
    /// Holds `value`.
    pub fn new(value: &impl Value) -> Self {
        Self { value: AnyValue::of(value) }
    }

    /// Replaces the value.
    pub fn put(&mut self, value: &impl Value) {
        self.value = AnyValue::of(value);
    }
}

impl Object for DataObject {
    stored_attributes!();

    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        _: &Moment,
        _: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        if !self.value.is_like(value) {
            return Err(DataAccessResult::TypeUnmatched);
        }
        self.store(attribute, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::test;

    #[test]
    fn a_value_is_replaced_by_one_of_its_type_and_of_bounded_length() {
        let mut object = DataObject::new(&7u32);
        assert_eq!(test::write(&mut object, 2, &[6, 0, 0, 0, 9]), Ok(()));
        assert_eq!(object.value.number(), Some(9));
        assert_eq!(test::write(&mut object, 2, &[17, 9]), Err(DataAccessResult::TypeUnmatched));
        test::check(&object, &test::UNSET);
        let mut text = DataObject { value: AnyValue::of(&super::super::Octets::<8>::default()) };
        let long = [&[9, 0x81, 200][..], &[0; 200]].concat();
        assert_eq!(test::write(&mut text, 2, &long), Err(DataAccessResult::OtherReason));
    }
}
