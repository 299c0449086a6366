//! Register activation, class 6 \[BB 4.3.5\].

use super::object::{attributes, parameter, stored_attributes};
use super::value::structure;
use super::{Effects, List, Moment, Object, Octets, Value};
use crate::apdu::{ActionResult, DataAccessResult};
use crate::axdr::Data;
use crate::cosem::LogicalName;
use crate::specs::objects::{MASKS_MAX, NAME_LEN_MAX, REGISTERS_MAX};

structure! {
    /// object_definition.
    AssignedRegister {
        /// The interface class.
        class_id: u16,
        /// The object.
        logical_name: LogicalName,
    }
}

structure! {
    /// register_act_mask.
    Mask {
        /// Its name.
        name: Octets<NAME_LEN_MAX>,
        /// Which of the assigned registers count, from 1.
        indices: List<u8, REGISTERS_MAX>,
    }
}

attributes! {
    /// Which of a group of registers count: the tariff.
    RegisterActivation: REGISTER_ACTIVATION {
        /// The group.
        [2] register_assignment: List<AssignedRegister, REGISTERS_MAX>,
        /// The masks.
        [3] mask_list: List<Mask, MASKS_MAX>,
        /// The name of the mask in force; empty for none.
        [4] active_mask: Octets<NAME_LEN_MAX>,
    } kept {} volatile {}
}

impl RegisterActivation {
    /// An empty group.
    pub fn new() -> Self {
        Self {
            register_assignment: List::default(),
            mask_list: List::default(),
            active_mask: Octets::default(),
        }
    }

    /// Whether an assigned register counts at present; a register that is not assigned always does.
    pub fn is_active(&self, logical_name: LogicalName) -> bool {
        let place =
            self.register_assignment.iter().position(|register| register.logical_name == logical_name);
        let Some(place) = place else { return true };
        let mask = self.mask_list.iter().find(|mask| mask.name == self.active_mask);
        mask.is_some_and(|mask| mask.indices.iter().any(|&index| usize::from(index) == place + 1))
    }
}

impl Default for RegisterActivation {
    fn default() -> Self {
        Self::new()
    }
}

impl Object for RegisterActivation {
    stored_attributes!();

    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        _: &Moment,
        _: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        if attribute == 4 {
            let name = Octets::<NAME_LEN_MAX>::from_data(value).ok_or(DataAccessResult::OtherReason)?;
            let exists = name.as_slice().is_empty() || self.mask_list.iter().any(|mask| mask.name == name);
            if !exists {
                return Err(DataAccessResult::OtherReason);
            }
        }
        self.store(attribute, value)
    }

    fn invoke(
        &mut self,
        method: i8,
        data: &Data<'_>,
        _: &Moment,
        _: &mut Effects,
    ) -> Result<(), ActionResult> {
        let done = match method {
            1 => {
                let register: AssignedRegister = parameter(data)?;
                self.register_assignment.put(register.clone(), |held| *held == register)
            }
            2 => {
                let mask: Mask = parameter(data)?;
                let name = mask.name.clone();
                self.mask_list.put(mask, |held| held.name == name)
            }
            _ => {
                let name: Octets<NAME_LEN_MAX> = parameter(data)?;
                self.mask_list.retain(|mask| mask.name != name)
            }
        };
        if done { Ok(()) } else { Err(ActionResult::OtherReason) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::test;

    const RATES: [LogicalName; 2] = [LogicalName([1, 0, 1, 8, 1, 255]), LogicalName([1, 0, 1, 8, 2, 255])];

    fn act(object: &mut RegisterActivation, method: i8, parameter: &impl Value) -> Result<(), ActionResult> {
        let parameter = parameter.to_value();
        object.invoke(method, &Data::from_bytes(&parameter).unwrap(), &test::UNSET, &mut Effects::default())
    }

    fn name(text: &str) -> Octets<NAME_LEN_MAX> {
        Octets::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_mask_in_force_says_which_registers_count() {
        let mut object = RegisterActivation::new();
        for logical_name in RATES {
            assert_eq!(act(&mut object, 1, &AssignedRegister { class_id: 3, logical_name }), Ok(()));
        }
        for (text, index) in [("day", 1), ("night", 2)] {
            let indices = List::new(alloc::vec![index]).unwrap();
            assert_eq!(act(&mut object, 2, &Mask { name: name(text), indices }), Ok(()));
        }
        let active = |object: &RegisterActivation| RATES.map(|rate| object.is_active(rate));
        assert_eq!(active(&object), [false, false]);
        assert_eq!(test::write(&mut object, 4, &name("night").to_value()), Ok(()));
        assert_eq!(active(&object), [false, true]);
        assert!(object.is_active(LogicalName([1, 0, 1, 8, 0, 255])), "the total is not assigned");
        let unknown = test::write(&mut object, 4, &name("noon").to_value());
        assert_eq!((unknown, active(&object)), (Err(DataAccessResult::OtherReason), [false, true]));
        test::check(&object, &test::UNSET);
        assert_eq!(act(&mut object, 3, &name("night")), Ok(()));
        assert_eq!(active(&object), [false, false]);
        assert_eq!(act(&mut object, 3, &name("night")), Err(ActionResult::OtherReason));
    }
}
