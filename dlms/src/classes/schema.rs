//! Interface classes as tables: which attributes of which types, which methods.

use crate::axdr::Data;
use crate::specs::schemas;

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// null-data.
    Null,
    /// boolean.
    Bool,
    /// integer.
    I8,
    /// long.
    I16,
    /// double-long.
    I32,
    /// unsigned.
    U8,
    /// long-unsigned.
    U16,
    /// double-long-unsigned.
    U32,
    /// long64-unsigned.
    U64,
    /// enum.
    Enum,
    /// octet-string.
    Octets,
    /// octet-string of so many octets.
    OctetsOf(usize),
    /// utf8-string.
    Utf8,
    /// bit-string.
    Bits,
    /// CHOICE: any type.
    Any,
    /// array of one type.
    Array(&'static Kind),
    /// structure.
    Structure(&'static [Kind]),
    /// CHOICE of these.
    OneOf(&'static [Kind]),
}

impl Kind {
    /// Whether `data` is of this type.
    pub fn fits(&self, data: &Data<'_>) -> bool {
        match (self, data) {
            (Self::Any, _)
            | (Self::Null, Data::Null)
            | (Self::Bool, Data::Boolean(_))
            | (Self::I8, Data::I8(_))
            | (Self::I16, Data::I16(_))
            | (Self::I32, Data::I32(_))
            | (Self::U8, Data::U8(_))
            | (Self::U16, Data::U16(_))
            | (Self::U32, Data::U32(_))
            | (Self::U64, Data::U64(_))
            | (Self::Enum, Data::Enum(_))
            | (Self::Octets, Data::OctetString(_))
            | (Self::Utf8, Data::Utf8String(_))
            | (Self::Bits, Data::BitString(_)) => true,
            (Self::OctetsOf(len), Data::OctetString(octets)) => octets.len() == *len,
            (Self::Array(kind), Data::Array(elements)) => elements.iter().all(|element| kind.fits(&element)),
            (Self::Structure(kinds), Data::Structure(fields)) => {
                kinds.len() == fields.len()
                    && kinds.iter().zip(fields.iter()).all(|(kind, field)| kind.fits(&field))
            }
            (Self::OneOf(kinds), data) => kinds.iter().any(|kind| kind.fits(data)),
            _ => false,
        }
    }
}

/// An attribute of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name in the standard.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether a client may be given the right to write it.
    pub writable: bool,
}

/// A version of an interface class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The class.
    pub class_id: u16,
    /// The version that this crate speaks.
    pub version: u8,
    /// Its name in the standard.
    pub name: &'static str,
    /// Its attributes from 2; the first is always the logical name.
    pub attributes: &'static [Attribute],
    /// Its methods from 1.
    pub methods: &'static [&'static str],
}

impl Schema {
    /// The version of a class that this crate speaks; `None` for a class that it does not know.
    pub fn of(class_id: u16) -> Option<&'static Self> {
        schemas::ALL.iter().copied().find(|schema| schema.class_id == class_id)
    }

    /// An attribute by its number, from 1.
    pub fn attribute(&self, number: i8) -> Option<Attribute> {
        match usize::try_from(number).ok()? {
            0 => None,
            1 => Some(schemas::LOGICAL_NAME),
            n => self.attributes.get(n - 2).copied(),
        }
    }

    /// The name of a method by its number, from 1.
    pub fn method(&self, number: i8) -> Option<&'static str> {
        self.methods.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
    }

    /// How many attributes there are, the logical name among them.
    pub const fn attribute_count(&self) -> u8 {
        self.attributes.len() as u8 + 1
    }

    /// The attributes that a client may be given the right to write, as the bits of a mask.
    pub const fn writable(&self) -> u32 {
        let (mut mask, mut n) = (0, 0);
        while n < self.attributes.len() {
            mask |= (self.attributes[n].writable as u32) << (n + 2);
            n += 1;
        }
        mask
    }

    /// All methods as the bits of a mask.
    pub const fn callable(&self) -> u32 {
        ((1u32 << self.methods.len()) - 1) << 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_in_order_and_each_is_found_once() {
        assert!(schemas::ALL.is_sorted_by(|a, b| a.class_id < b.class_id));
        for schema in schemas::ALL {
            assert_eq!(Schema::of(schema.class_id), Some(*schema));
            assert!(schema.attributes.len() <= 30 && schema.methods.len() <= 30, "{}", schema.name);
        }
        assert_eq!(Schema::of(9999), None);
    }

    #[test]
    fn numbers_of_attributes_begin_with_the_logical_name() {
        let register = Schema::of(3).unwrap();
        assert_eq!(register.attribute(1).unwrap().name, "logical_name");
        assert_eq!(register.attribute(3).unwrap().name, "scaler_unit");
        assert_eq!(
            (register.attribute(4), register.attribute(0), register.attribute(-1)),
            (None, None, None)
        );
        assert_eq!((register.method(1), register.method(2), register.method(0)), (Some("reset"), None, None));
    }

    #[test]
    fn a_structure_fits_field_by_field() {
        let kind = Kind::Structure(&[Kind::U8, Kind::Array(&Kind::Bool)]);
        let fits = |bytes: &[u8]| kind.fits(&Data::from_bytes(bytes).unwrap());
        assert!(fits(&[2, 2, 17, 1, 1, 2, 3, 0, 3, 1]));
        assert!(!fits(&[2, 2, 17, 1, 1, 1, 17, 0]) && !fits(&[2, 1, 17, 1]) && !fits(&[17, 1]));
    }
}
