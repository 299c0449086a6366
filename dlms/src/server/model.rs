//! The objects behind a server.

use super::Access;
use crate::apdu::{ActionResult, DataAccessResult};
use crate::axdr::{Data, Encoder};
use crate::classes::profile;
use crate::cosem::{AttributeRequest, LogicalName, MethodRequest};
use plc_core::{Instant, Utc};

/// Who is asking, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssociationContext {
    /// When the request arrived.
    pub now: Instant,
    /// The wrapper port of the client.
    pub client_sap: u16,
    /// What the association may do.
    pub access: Access,
    /// Whether the client has proved itself and its APDUs are ciphered.
    pub ciphered: bool,
}

/// An object as object_list shows it to one association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectEntry {
    /// The interface class.
    pub class_id: u16,
    /// Its version.
    pub version: u8,
    /// The object.
    pub logical_name: LogicalName,
    /// Number of attributes, from 1.
    pub attributes: u8,
    /// Attributes that may be read; bit n is attribute n.
    pub readable: u32,
    /// Attributes that may be written.
    pub writable: u32,
    /// Number of methods, from 1.
    pub methods: u8,
    /// Methods that may be invoked.
    pub callable: u32,
}

impl ObjectEntry {
    /// An object of which everything may be read and nothing else done.
    pub const fn read_only(class_id: u16, version: u8, logical_name: LogicalName, attributes: u8) -> Self {
        let readable = ((1u64 << (attributes as u32 + 1)) - 2) as u32;
        Self { class_id, version, logical_name, attributes, readable, writable: 0, methods: 0, callable: 0 }
    }

    /// The same, but these attributes may not be read.
    #[must_use]
    pub const fn unreadable(mut self, mask: u32) -> Self {
        self.readable &= !mask;
        self
    }

    /// The same, and these attributes may be written.
    #[must_use]
    pub const fn writable(mut self, mask: u32) -> Self {
        self.writable = mask;
        self
    }

    /// The same, with `methods` methods of which those in `mask` may be invoked.
    #[must_use]
    pub const fn methods(mut self, methods: u8, mask: u32) -> Self {
        self.methods = methods;
        self.callable = mask;
        self
    }

    /// Whether a selector may choose a part of this attribute.
    pub const fn is_selectable(&self, attribute: i8) -> bool {
        self.class_id == profile::CLASS_ID && attribute == profile::BUFFER
    }
}

/// The objects of a logical device. The server adds the current association, the SAP assignment and the
/// security setup by itself, checks that an object exists for the association, is of the class asked for
/// and grants the right, refuses selectors where there is nothing to select, and answers attribute 1.
pub trait ObjectModel {
    /// The object at `index` in the list of what this association may see; `None` behind the last.
    fn object(&self, index: usize, association: &AssociationContext) -> Option<ObjectEntry>;

    /// The object of this name. The default searches the list.
    fn find(&self, logical_name: LogicalName, association: &AssociationContext) -> Option<ObjectEntry> {
        (0..)
            .map_while(|index| self.object(index, association))
            .find(|entry| entry.logical_name == logical_name)
    }

    /// Civil time, where the device knows it: without it no certificate is believed.
    fn utc(&self, _now: Instant) -> Option<Utc> {
        None
    }

    /// Writes the value of an attribute, exactly one.
    ///
    /// # Errors
    /// The result that the client is told.
    fn get(
        &mut self,
        request: &AttributeRequest,
        association: &AssociationContext,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult>;

    /// Takes a value for an attribute.
    ///
    /// # Errors
    /// The result that the client is told.
    fn set(
        &mut self,
        _request: &AttributeRequest,
        _value: &Data<'_>,
        _association: &AssociationContext,
    ) -> Result<(), DataAccessResult> {
        Err(DataAccessResult::ReadWriteDenied)
    }

    /// Invokes a method; writes what it returns, one value or none.
    ///
    /// # Errors
    /// The result that the client is told.
    fn action(
        &mut self,
        _request: &MethodRequest,
        _parameter: Option<&Data<'_>>,
        _association: &AssociationContext,
        _out: &mut Encoder<'_>,
    ) -> Result<(), ActionResult> {
        Err(ActionResult::ReadWriteDenied)
    }
}
