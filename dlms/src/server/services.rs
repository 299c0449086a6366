//! Reading, writing and invoking, one object at a time.

use super::buffers::Buffers;
use super::builtin::{Builtin, has};
use super::{AssociationContext, ObjectEntry, ObjectModel};
use crate::apdu::{ActionResponse, ActionResult, DataAccessResult, InvokeId, Pdu};
use crate::axdr::{Data, Encoder};
use crate::cosem::{AttributeRequest, LogicalName, MethodRequest};
use alloc::vec::Vec;

/// Serves requests of one association.
pub(super) struct Services<'s> {
    pub(super) builtin: Builtin<'s>,
    pub(super) objects: &'s mut dyn ObjectModel,
    /// Whether selective access was negotiated.
    pub(super) selects: bool,
    /// The most octets that an answer in one APDU may have.
    pub(super) budget: usize,
    /// The most octets that an answer may have by any means but blocks of its own service.
    pub(super) limit: usize,
    /// For values and answers.
    pub(super) buffers: &'s mut Buffers,
}

impl Services<'_> {
    /// The encoded value of an attribute, of at most `len_max` octets.
    pub(super) fn get(
        &mut self,
        request: &AttributeRequest,
        len_max: usize,
    ) -> Result<Vec<u8>, DataAccessResult> {
        let mut value = self.buffers.take();
        match self.write_value(request, len_max, &mut value) {
            Ok(()) => Ok(value),
            Err(result) => {
                self.buffers.give(value);
                Err(result)
            }
        }
    }

    fn write_value(
        &mut self,
        request: &AttributeRequest,
        len_max: usize,
        value: &mut Vec<u8>,
    ) -> Result<(), DataAccessResult> {
        let entry = self.entry(request.class_id, request.logical_name)?;
        if !has(entry.readable, request.attribute) {
            return Err(DataAccessResult::ReadWriteDenied);
        }
        self.check_selector(&entry, request)?;
        let mut out = Encoder::new(value, len_max.min(self.builtin.config.max_value_len));
        if request.attribute == 1 {
            out.logical_name(request.logical_name);
        } else if self.builtin.find(request.logical_name).is_some() {
            self.builtin.get(request, self.objects, &mut out)?;
        } else {
            self.objects.get(request, self.builtin.context, &mut out)?;
        }
        out.finish().map_err(|_| DataAccessResult::OtherReason)
    }

    /// Whether an attribute may be written, before its value is there.
    pub(super) fn check_write(&self, attribute: &AttributeRequest) -> Result<(), DataAccessResult> {
        let entry = self.entry(attribute.class_id, attribute.logical_name)?;
        if !has(entry.writable, attribute.attribute) || self.builtin.find(attribute.logical_name).is_some() {
            return Err(DataAccessResult::ReadWriteDenied);
        }
        self.check_selector(&entry, attribute)
    }

    /// Only the buffer of a profile generic has selective access, and only for who has said that it knows it.
    fn check_selector(
        &self,
        entry: &ObjectEntry,
        request: &AttributeRequest,
    ) -> Result<(), DataAccessResult> {
        let lawful = request.selector.is_none() || self.selects && entry.is_selectable(request.attribute);
        if lawful { Ok(()) } else { Err(UNSELECTABLE) }
    }

    /// Writes one whole encoded value.
    pub(super) fn set(&mut self, attribute: &AttributeRequest, value: &[u8]) -> DataAccessResult {
        self.write(attribute, value).err().unwrap_or(DataAccessResult::Success)
    }

    fn write(&mut self, attribute: &AttributeRequest, value: &[u8]) -> Result<(), DataAccessResult> {
        self.check_write(attribute)?;
        let value = Data::from_bytes(value).map_err(|_| DataAccessResult::TypeUnmatched)?;
        self.objects.set(attribute, &value, self.builtin.context)
    }

    /// Whether a method may be invoked, before its parameter is there.
    pub(super) fn check_invoke(&self, method: &MethodRequest) -> Result<(), ActionResult> {
        let entry = self.entry(method.class_id, method.logical_name).map_err(as_action_result)?;
        if !has(entry.callable, method.method) || self.builtin.find(method.logical_name).is_some() {
            return Err(ActionResult::ReadWriteDenied);
        }
        Ok(())
    }

    /// Invokes a method; what it returns is one whole encoded value, or nothing.
    pub(super) fn invoke(
        &mut self,
        method: &MethodRequest,
        parameter: Option<&[u8]>,
    ) -> Result<Vec<u8>, ActionResult> {
        self.check_invoke(method)?;
        let parameter = parameter.map(Data::from_bytes).transpose();
        let parameter = parameter.map_err(|_| ActionResult::TypeUnmatched)?;
        let mut value = Vec::new();
        let mut out = Encoder::new(&mut value, self.builtin.config.max_value_len);
        self.objects.action(method, parameter.as_ref(), self.builtin.context, &mut out)?;
        let finished = if out.is_unused() { Ok(()) } else { out.finish() };
        finished.map_err(|_| ActionResult::OtherReason)?;
        Ok(value)
    }

    fn entry(&self, class_id: u16, logical_name: LogicalName) -> Result<ObjectEntry, DataAccessResult> {
        let context: &AssociationContext = self.builtin.context;
        let entry = self.builtin.find(logical_name).or_else(|| self.objects.find(logical_name, context));
        match entry.ok_or(DataAccessResult::ObjectUndefined)? {
            entry if entry.class_id != class_id => Err(DataAccessResult::ObjectClassInconsistent),
            entry => Ok(entry),
        }
    }
}

/// The result for a selector where there is nothing to select, or where selective access was not negotiated: the
/// selector is a part of the reference, so the object answers and not the service \[GB 9.4.2.2; confidence C\].
const UNSELECTABLE: DataAccessResult = DataAccessResult::ScopeOfAccessViolated;

/// An action-response without a value.
pub(super) fn action_failed(invoke_id: InvokeId, result: ActionResult) -> Vec<u8> {
    ActionResponse { invoke_id, result, returned: None }.to_vec()
}

const fn as_action_result(result: DataAccessResult) -> ActionResult {
    ActionResult::from_code(result.code())
}
