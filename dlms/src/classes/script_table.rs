//! Script table, class 9 \[BB 4.5.2\].

use super::object::{attributes, parameter, stored_attributes};
use super::value::{enumeration, structure};
use super::{AnyValue, Effect, Effects, List, Moment, Object, ScriptReference};
use crate::apdu::{ActionResult, DataAccessResult};
use crate::axdr::Data;
use crate::cosem::LogicalName;
use crate::specs::objects::{SCRIPT_ACTIONS_MAX, SCRIPTS_MAX};
use alloc::vec::Vec;

enumeration! {
    /// service_id.
    Service {
        /// Nothing is done \[confidence C\].
        Nothing = 0,
        /// Write an attribute.
        Write = 1,
        /// Invoke a method.
        Execute = 2,
    }
}

structure! {
    /// action_specification: one step of a script.
    ScriptAction {
        /// What is done.
        service: Service,
        /// The interface class.
        class_id: u16,
        /// The object.
        logical_name: LogicalName,
        /// The attribute or the method.
        index: i8,
        /// The value or the parameter.
        parameter: AnyValue,
    }
}

structure! {
    /// A script: actions that are executed one after the other.
    Script {
        /// Its number, from 1.
        identifier: u16,
        /// Its actions.
        actions: List<ScriptAction, SCRIPT_ACTIONS_MAX>,
    }
}

attributes! {
    /// Scripts, by which one object acts on others.
    ScriptTable: SCRIPT_TABLE {
        /// The scripts.
        [2] scripts: List<Script, SCRIPTS_MAX>,
    } kept {
        /// The own name, by which the scripts are asked for.
        name: LogicalName,
    } volatile {}
}

impl ScriptTable {
    /// A table of these scripts.
    pub fn new(name: LogicalName, scripts: Vec<Script>) -> Self {
        Self { scripts: List::new(scripts).unwrap_or_default(), name }
    }

    /// The actions of a script; `None` if there is no such script.
    pub fn actions(&self, selector: u16) -> Option<&[ScriptAction]> {
        self.scripts
            .iter()
            .find(|script| script.identifier == selector)
            .map(|script| script.actions.as_slice())
    }
}

impl Script {
    /// A script of these actions.
    pub fn new(identifier: u16, actions: Vec<ScriptAction>) -> Self {
        Self { identifier, actions: List::new(actions).unwrap_or_default() }
    }
}

impl Object for ScriptTable {
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
        _: i8,
        data: &Data<'_>,
        _: &Moment,
        effects: &mut Effects,
    ) -> Result<(), ActionResult> {
        let selector = parameter(data)?;
        if self.actions(selector).is_none() {
            return Err(ActionResult::ObjectUnavailable);
        }
        effects.push(Effect::Script(ScriptReference { table: self.name, selector }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::{Value, test};

    const NAME: LogicalName = LogicalName([0, 0, 10, 0, 100, 255]);

    fn table() -> ScriptTable {
        let action = |index| ScriptAction {
            service: Service::Write,
            class_id: 6,
            logical_name: LogicalName([0, 0, 14, 0, 0, 255]),
            index,
            parameter: AnyValue::of(&7u8),
        };
        ScriptTable::new(
            NAME,
            Vec::from([Script::new(1, Vec::from([action(4)])), Script::new(9, Vec::new())]),
        )
    }

    #[test]
    fn a_script_is_executed_by_its_number_and_only_if_there_is_one() {
        let (mut table, mut effects) = (table(), Effects::default());
        assert_eq!(table.invoke(1, &Data::U16(9), &test::UNSET, &mut effects), Ok(()));
        assert_eq!(effects.take(), [Effect::Script(ScriptReference { table: NAME, selector: 9 })]);
        let none = table.invoke(1, &Data::U16(2), &test::UNSET, &mut effects);
        assert_eq!(none, Err(ActionResult::ObjectUnavailable));
        assert_eq!(
            table.invoke(1, &Data::U8(1), &test::UNSET, &mut effects),
            Err(ActionResult::TypeUnmatched)
        );
        assert_eq!(effects.take(), []);
    }

    #[test]
    fn scripts_are_written_whole_and_more_than_there_is_room_for_are_refused() {
        let mut table = table();
        test::check(&table, &test::UNSET);
        let scripts = Vec::from([Script::new(3, Vec::new())]);
        let written = List::<_, 99>::new(scripts.clone()).unwrap().to_value();
        assert_eq!(test::write(&mut table, 2, &written), Ok(()));
        assert_eq!(table.scripts.as_slice(), scripts);
        let many =
            List::<_, 99>::new((1..20).map(|n| Script::new(n, Vec::new())).collect()).unwrap().to_value();
        assert_eq!(test::write(&mut table, 2, &many), Err(DataAccessResult::OtherReason));
        assert_eq!(test::write(&mut table, 2, &[17, 1]), Err(DataAccessResult::TypeUnmatched));
        assert_eq!(table.scripts.as_slice(), scripts);
    }
}
