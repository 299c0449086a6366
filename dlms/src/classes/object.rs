//! What all objects of a server have in common: attributes, methods, time, and what they want done.

use super::{Schema, ScriptReference, Value};
use crate::apdu::{ActionResult, DataAccessResult};
use crate::axdr::{Data, Encoder};
use crate::cosem::{LogicalName, Wall};
use crate::specs::objects::EFFECTS_MAX;
use alloc::vec::Vec;
use core::fmt;
use plc_core::{Instant, Utc};

/// When something happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The driver's clock.
    pub now: Instant,
    /// Civil time; `None` while the clock is not set.
    pub utc: Option<Utc>,
    /// The same on the wall.
    pub wall: Option<Wall>,
}

/// The stored attributes of a class: what a server keeps, and what a client makes of what it has read.
pub trait Attributes {
    /// The numbers of the stored attributes, in their order.
    fn stored(&self) -> &'static [i8];

    /// Takes an attribute as it was read; returns whether it is of the type of the class and within its bounds.
    fn absorb(&mut self, attribute: i8, value: &Data<'_>) -> bool;

    /// Writes an attribute; returns whether it is stored.
    fn encode_attribute(&self, attribute: i8, out: &mut Encoder<'_>) -> bool;
}

/// What an object wants done: it knows no other object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Execute a script.
    Script(ScriptReference),
    /// Set the clock.
    SetTime(Utc),
    /// Close the circuit, or open it.
    Switch {
        /// Whether it is to be closed.
        connected: bool,
    },
    /// Push what the push setup of this name lists.
    Push,
    /// Forget what was kept of an image, and make room for one of so many octets.
    ImageBegin {
        /// Octets.
        size: u32,
    },
    /// Keep a piece of the image.
    ImageBlock {
        /// Where it begins.
        offset: u32,
        /// The piece.
        octets: Vec<u8>,
    },
    /// Check the whole image, then tell [`super::ImageTransfer::on_verified`].
    ImageVerify,
    /// Run the image, then tell [`super::ImageTransfer::on_activated`].
    ImageActivate,
    /// Begin anew what a demand register averages.
    DemandReset,
    /// Close the period of a demand register.
    DemandNextPeriod,
    /// An amount was credited or charged: for the log.
    Accounted {
        /// What was added; negative when taken off.
        amount: i32,
    },
}

/// Effects in their order, bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    list: Vec<Effect>,
}

impl Effects {
    /// Appends one; returns whether there was room.
    pub fn push(&mut self, effect: Effect) -> bool {
        let has_room = self.list.len() < EFFECTS_MAX;
        if has_room {
            self.list.push(effect);
        }
        has_room
    }

    /// Takes all.
    pub fn take(&mut self) -> Vec<Effect> {
        core::mem::take(&mut self.list)
    }

    /// Those that wait.
    pub fn as_slice(&self) -> &[Effect] {
        &self.list
    }
}

/// An object of a server. Rights, selectors and types are checked by [`write()`] and [`invoke`], not by it.
pub trait Object: fmt::Debug {
    /// Its class.
    fn schema(&self) -> &'static Schema;

    /// Writes an attribute from 2 on.
    ///
    /// # Errors
    /// There is no such attribute.
    fn get(&self, attribute: i8, at: &Moment, out: &mut Encoder<'_>) -> Result<(), DataAccessResult>;

    /// Takes a value of the right type.
    ///
    /// # Errors
    /// The object cannot hold it.
    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        at: &Moment,
        effects: &mut Effects,
    ) -> Result<(), DataAccessResult>;

    /// Does what a method says.
    ///
    /// # Errors
    /// It cannot be done in the present state, or not with this parameter.
    fn invoke(
        &mut self,
        _method: i8,
        _parameter: &Data<'_>,
        _at: &Moment,
        _effects: &mut Effects,
    ) -> Result<(), ActionResult> {
        Err(ActionResult::ReadWriteDenied)
    }

    /// Writes all that must survive a restart, as one value.
    fn snapshot(&self, out: &mut Encoder<'_>);

    /// Takes what [`Object::snapshot`] has written; returns whether it was that. What is volatile begins anew.
    fn restore(&mut self, snapshot: &Data<'_>) -> bool;
}

/// All that must survive a restart of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The interface class.
    pub class_id: u16,
    /// Its version: what another version has kept is not taken.
    pub version: u8,
    /// The object.
    pub logical_name: LogicalName,
    /// Its state, one encoded value.
    pub state: Vec<u8>,
}

impl Snapshot {
    /// Of an object.
    pub fn of(logical_name: LogicalName, object: &dyn Object) -> Self {
        let mut state = Vec::new();
        object.snapshot(&mut Encoder::new(&mut state, usize::MAX));
        let Schema { class_id, version, .. } = *object.schema();
        Self { class_id, version, logical_name, state }
    }

    /// Gives the state back; returns whether `object` is of this class and version and has taken it.
    pub fn restore(&self, object: &mut dyn Object) -> bool {
        let schema = object.schema();
        let same = (schema.class_id, schema.version) == (self.class_id, self.version);
        same && Data::from_bytes(&self.state).is_ok_and(|state| object.restore(&state))
    }
}

/// Writes an attribute if it exists, may be written and has this type.
///
/// # Errors
/// The result that the client is told.
pub fn write(
    object: &mut dyn Object,
    attribute: i8,
    value: &Data<'_>,
    at: &Moment,
    effects: &mut Effects,
) -> Result<(), DataAccessResult> {
    match object.schema().attribute(attribute) {
        None => Err(DataAccessResult::ObjectUndefined),
        Some(described) if !described.writable => Err(DataAccessResult::ReadWriteDenied),
        Some(described) if !described.kind.fits(value) => Err(DataAccessResult::TypeUnmatched),
        Some(_) => object.set(attribute, value, at, effects),
    }
}

/// Invokes a method if it exists. A parameter that was left out counts as null-data.
///
/// # Errors
/// The result that the client is told.
pub fn invoke(
    object: &mut dyn Object,
    method: i8,
    parameter: Option<&Data<'_>>,
    at: &Moment,
    effects: &mut Effects,
) -> Result<(), ActionResult> {
    if object.schema().method(method).is_none() {
        return Err(ActionResult::ObjectUndefined);
    }
    object.invoke(method, parameter.unwrap_or(&Data::Null), at, effects)
}

/// A parameter of a known type.
pub(crate) fn parameter<T: Value>(data: &Data<'_>) -> Result<T, ActionResult> {
    T::from_data(data).ok_or(ActionResult::TypeUnmatched)
}

/// The parameter of methods that have none: integer 0 \[BB 4.1.3; confidence A\]. Many clients send null-data or
/// nothing, which is taken as well.
pub(crate) const fn no_parameter(data: &Data<'_>) -> Result<(), ActionResult> {
    match data {
        Data::I8(0) | Data::Null => Ok(()),
        _ => Err(ActionResult::TypeUnmatched),
    }
}

/// The attributes of a class, with what else must survive a restart and what need not.
macro_rules! attributes {
    ($(#[$doc:meta])* $name:ident: $schema:ident {
        $($(#[$field_doc:meta])* [$n:literal] $field:ident: $type:ty,)+
    } kept { $($(#[$kept_doc:meta])* $kept:ident: $kept_type:ty,)* }
    volatile { $($(#[$volatile_doc:meta])* $volatile:ident: $volatile_type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)+
            $($(#[$kept_doc])* $kept: $kept_type,)*
            $($(#[$volatile_doc])* $volatile: $volatile_type,)*
        }

        impl $name {
            /// Its class.
            pub const SCHEMA: &'static $crate::classes::Schema = &$crate::specs::schemas::$schema;

            /// Writes a stored attribute.
            pub(crate) fn read(
                &self, attribute: i8, out: &mut $crate::axdr::Encoder<'_>,
            ) -> Result<(), $crate::apdu::DataAccessResult> {
                match attribute {
                    $($n => $crate::classes::Value::encode(&self.$field, out),)+
                    _ => return Err($crate::apdu::DataAccessResult::ObjectUndefined),
                }
                Ok(())
            }

            /// Stores an attribute.
            pub(crate) fn store(
                &mut self, attribute: i8, value: &$crate::axdr::Data<'_>,
            ) -> Result<(), $crate::apdu::DataAccessResult> {
                const BEYOND: $crate::apdu::DataAccessResult = $crate::classes::value::BEYOND_BOUNDS;
                match attribute {
                    $($n => self.$field = $crate::classes::Value::from_data(value).ok_or(BEYOND)?,)+
                    _ => return Err($crate::apdu::DataAccessResult::ObjectUndefined),
                }
                Ok(())
            }

            /// All that must survive a restart.
            pub(crate) fn keep(&self, out: &mut $crate::axdr::Encoder<'_>) {
                out.structure([$(stringify!($field),)+ $(stringify!($kept),)*].len());
                $($crate::classes::Value::encode(&self.$field, out);)+
                $($crate::classes::Value::encode(&self.$kept, out);)*
            }

            /// Takes what was kept.
            pub(crate) fn resume(&mut self, kept: &$crate::axdr::Data<'_>) -> bool {
                let resumed = (|| {
                    let fields = kept.as_structure()?;
                    let mut values = fields.iter();
                    let resumed = Self {
                        $($field: $crate::classes::Value::from_data(&values.next()?)?,)+
                        $($kept: $crate::classes::Value::from_data(&values.next()?)?,)*
                        $($volatile: Default::default(),)*
                    };
                    values.next().is_none().then_some(resumed)
                })();
                resumed.map(|resumed| *self = resumed).is_some()
            }
        }

        impl $crate::classes::Attributes for $name {
            fn stored(&self) -> &'static [i8] {
                &[$($n),+]
            }
            fn absorb(&mut self, attribute: i8, value: &$crate::axdr::Data<'_>) -> bool {
                self.store(attribute, value).is_ok()
            }
            fn encode_attribute(&self, attribute: i8, out: &mut $crate::axdr::Encoder<'_>) -> bool {
                self.read(attribute, out).is_ok()
            }
        }
    };
}

/// The methods of [`Object`] that every class with stored attributes has alike.
macro_rules! object_basics {
    () => {
        fn schema(&self) -> &'static $crate::classes::Schema {
            Self::SCHEMA
        }
        fn snapshot(&self, out: &mut $crate::axdr::Encoder<'_>) {
            self.keep(out);
        }
        fn restore(&mut self, snapshot: &$crate::axdr::Data<'_>) -> bool {
            self.resume(snapshot)
        }
    };
}

/// The same, and attributes that are read as they are stored.
macro_rules! stored_attributes {
    () => {
        $crate::classes::object::object_basics!();
        fn get(
            &self,
            attribute: i8,
            _: &$crate::classes::Moment,
            out: &mut $crate::axdr::Encoder<'_>,
        ) -> Result<(), $crate::apdu::DataAccessResult> {
            self.read(attribute, out)
        }
    };
}

/// A class that keeps what it is told, and of which `reset` may put all back as it was made.
macro_rules! kept_object {
    ($name:ident) => {
        impl $crate::classes::Object for $name {
            $crate::classes::object::stored_attributes!();
            $crate::classes::object::kept_object!(@set);
        }
    };
    ($name:ident, reset) => {
        impl $crate::classes::Object for $name {
            $crate::classes::object::stored_attributes!();
            $crate::classes::object::kept_object!(@set);
            fn invoke(
                &mut self,
                _: i8,
                data: &$crate::axdr::Data<'_>,
                _: &$crate::classes::Moment,
                _: &mut $crate::classes::Effects,
            ) -> Result<(), $crate::apdu::ActionResult> {
                $crate::classes::object::no_parameter(data)?;
                *self = Self::default();
                Ok(())
            }
        }
    };
    (@set) => {
        fn set(
            &mut self,
            attribute: i8,
            value: &$crate::axdr::Data<'_>,
            _: &$crate::classes::Moment,
            _: &mut $crate::classes::Effects,
        ) -> Result<(), $crate::apdu::DataAccessResult> {
            self.store(attribute, value)
        }
    };
}

pub(crate) use {attributes, kept_object, object_basics, stored_attributes};
