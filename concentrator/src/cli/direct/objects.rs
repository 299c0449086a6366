//! The objects that an association shows, and which of them a command means.

use super::args::{MeterArgs, ObjectArgs};
use super::fault::{Blame, Fault};
use super::output::{Cell, Results};
use super::session::Session;
use anyhow::{Context, anyhow};
use dlms::axdr::Data;
use dlms::classes::association::{ListedObject, ObjectList, Rights};
use dlms::cosem::{AttributeRequest, LogicalName};
use dlms::specs::schemas;

/// Prints the objects of the association.
pub(super) fn print(args: &MeterArgs) -> anyhow::Result<()> {
    let mut session = Session::open(args)?;
    let list = session.get(OBJECT_LIST)?;
    let value = Data::from_bytes(&list).context("the value of the meter")?;
    let elements =
        value.as_array().ok_or_else(|| anyhow!("object list: expected an array, found {value}"))?;
    let version = ObjectList::from_value(&list).map_or(1, |list| list.association_version());
    let mut results =
        Results::new(["class", "version", "logical_name", "class_name", "read", "write", "invoke"]);
    for element in elements.iter() {
        let object = ListedObject::from_data(&element, version)
            .ok_or_else(|| anyhow!("object list: not an object: {element}"))?;
        results.push(row(&object));
    }
    Ok(results.print(args.format())?)
}

/// An object and what this client may do with it.
fn row(object: &ListedObject) -> Vec<Cell> {
    let schema = schemas::ALL.iter().find(|schema| schema.class_id == object.class_id);
    let may = |may: fn(&Rights) -> bool| {
        let granted = object.attributes.iter().filter(|access| may(&access.rights));
        numbers(granted.map(|access| access.attribute))
    };
    let invocable = object.methods.iter().filter(|access| access.may_invoke).map(|access| access.method);
    vec![
        Cell::number(object.class_id.into()),
        Cell::number(object.version.into()),
        Cell::text(object.logical_name.to_string()),
        Cell::text(schema.map_or("", |schema| schema.name)),
        may(|rights| rights.read),
        may(|rights| rights.write),
        numbers(invocable),
    ]
}

/// Numbers of attributes or methods.
fn numbers(numbers: impl Iterator<Item = i8>) -> Cell {
    let numbers: Vec<i8> = numbers.collect();
    let text: Vec<String> = numbers.iter().map(i8::to_string).collect();
    Cell { text: text.join(" "), value: numbers.into() }
}

/// The class of the object that a command means: the one that was said, or else what the meter's list of objects says.
pub(super) fn class_of(session: &mut Session, object: ObjectArgs) -> anyhow::Result<u16> {
    if let Some(class) = object.class {
        return Ok(class);
    }
    let name = object.name;
    let list = session
        .get(OBJECT_LIST)
        .with_context(|| format!("{name}: its class is in the meter's list of objects: expected --class"))?;
    class_in(&list, name)
}

/// The class of the object of this name in an encoded object list.
fn class_in(list: &[u8], name: LogicalName) -> anyhow::Result<u16> {
    let list = ObjectList::from_value(list)
        .ok_or_else(|| anyhow!("object list: expected an array; --class does without it"))?;
    let count = list.len();
    let object = list.find(name).ok_or_else(|| {
        Fault::error(
            Blame::Refused,
            format!("{name}: not among the {count} objects that the meter shows this client"),
        )
    })?;
    Ok(object.class_id)
}

const OBJECT_LIST: AttributeRequest = AttributeRequest::new(15, LogicalName([0, 0, 40, 0, 0, 255]), 2);

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock, as an association of version 1 lists it, without rights.
    fn list() -> Vec<u8> {
        let clock = [2, 4, 0x12, 0, 8, 0x11, 0, 9, 6, 0, 0, 1, 0, 0, 255, 2, 2, 1, 0, 1, 0];
        [&[1, 1][..], &clock].concat()
    }

    #[test]
    fn the_class_is_the_one_that_the_list_says_and_what_is_not_listed_is_named() {
        assert_eq!(class_in(&list(), LogicalName([0, 0, 1, 0, 0, 255])).unwrap(), 8);
        let missing = class_in(&list(), LogicalName([1, 0, 1, 8, 0, 255])).unwrap_err().to_string();
        assert_eq!(missing, "1-0:1.8.0.255: not among the 1 objects that the meter shows this client");
        let none = class_in(&[0], LogicalName([1, 0, 1, 8, 0, 255])).unwrap_err().to_string();
        assert!(none.contains("expected an array"), "{none}");
    }
}
