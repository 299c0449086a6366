//! What a client asks, and the APDUs that ask it.

use crate::apdu::{
    AccessOperation, AccessRequest, ActionRequest, AnyActionRequest, Conformance, DataBlock, GetRequest,
    InvokeId, LongInvokeId, Pdu, SetRequest, Values,
};
use crate::axdr::Data;
use crate::cosem::{AttributeRequest, MethodRequest};
use crate::specs::blocks::DATA_BLOCK_OVERHEAD;
use alloc::vec::Vec;

/// What was asked. Lists of values have their count ahead.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Get(AttributeRequest),
    GetList(Vec<AttributeRequest>),
    Set(AttributeRequest, Vec<u8>),
    SetList(Vec<AttributeRequest>, Vec<u8>),
    Action(MethodRequest, Option<Vec<u8>>),
    ActionList(Vec<MethodRequest>, Vec<u8>),
    Access(Vec<AccessOperation>, Vec<u8>),
}

impl Request {
    /// `None` if a value is none.
    pub(super) fn set_list(pairs: Vec<(AttributeRequest, Vec<u8>)>) -> Option<Self> {
        let values = checked(pairs.iter().map(|(_, value)| Some(&value[..])))?;
        Some(Self::SetList(pairs.into_iter().map(|(attribute, _)| attribute).collect(), values))
    }

    /// `None` if a parameter is no value.
    pub(super) fn action_list(pairs: Vec<(MethodRequest, Option<Vec<u8>>)>) -> Option<Self> {
        let parameters = checked(pairs.iter().map(|(_, parameter)| parameter.as_deref()))?;
        Some(Self::ActionList(pairs.into_iter().map(|(method, _)| method).collect(), parameters))
    }

    /// `None` if a datum is no value.
    pub(super) fn access(pairs: Vec<(AccessOperation, Option<Vec<u8>>)>) -> Option<Self> {
        let data = checked(pairs.iter().map(|(_, datum)| datum.as_deref()))?;
        Some(Self::Access(pairs.into_iter().map(|(operation, _)| operation).collect(), data))
    }

    /// Whether it invokes a method, and so must not be asked twice.
    pub(super) fn is_action(&self) -> bool {
        match self {
            Self::Action(..) | Self::ActionList(..) => true,
            Self::Access(operations, _) => {
                operations.iter().any(|operation| matches!(operation, AccessOperation::Action(_)))
            }
            _ => false,
        }
    }

    /// What the server must have said that it can do.
    pub(super) fn needed(&self) -> Conformance {
        let selecting = |attributes: &[AttributeRequest]| {
            let selects = attributes.iter().any(|attribute| attribute.selector.is_some());
            if selects { Conformance::SELECTIVE_ACCESS } else { Conformance::default() }
        };
        match self {
            Self::Get(attribute) => Conformance::GET | selecting(core::slice::from_ref(attribute)),
            Self::GetList(list) => Conformance::GET | Conformance::MULTIPLE_REFERENCES | selecting(list),
            Self::Set(attribute, _) => Conformance::SET | selecting(core::slice::from_ref(attribute)),
            Self::SetList(list, _) => Conformance::SET | Conformance::MULTIPLE_REFERENCES | selecting(list),
            Self::Action(..) => Conformance::ACTION,
            Self::ActionList(..) => Conformance::ACTION | Conformance::MULTIPLE_REFERENCES,
            Self::Access(operations, _) => {
                let selects = |operation: &AccessOperation| operation.selector().is_some();
                let selective = operations.iter().any(selects);
                Conformance::ACCESS
                    | if selective { Conformance::SELECTIVE_ACCESS } else { Conformance::default() }
            }
        }
    }

    /// Whether it belongs to SET.
    pub(super) const fn is_set(&self) -> bool {
        matches!(self, Self::Set(..) | Self::SetList(..))
    }

    /// The value or parameter that may be sent in blocks, and what the server must be able to do then.
    pub(super) fn payload(&self) -> Option<(&[u8], Conformance)> {
        match self {
            Self::Set(_, value) | Self::SetList(_, value) => Some((value, Conformance::BLOCK_SET)),
            Self::Action(_, Some(value)) | Self::ActionList(_, value) => {
                Some((value, Conformance::BLOCK_ACTION))
            }
            _ => None,
        }
    }

    /// All of it in one APDU.
    pub(super) fn whole(&self, number: u8) -> Vec<u8> {
        let invoke_id = InvokeId::confirmed(number);
        match self {
            Self::Get(attribute) => GetRequest::Normal { invoke_id, attribute: attribute.clone() }.to_vec(),
            Self::GetList(attributes) => {
                GetRequest::WithList { invoke_id, attributes: attributes.clone() }.to_vec()
            }
            Self::Set(attribute, value) => {
                SetRequest::Normal { invoke_id, attribute: attribute.clone(), value }.to_vec()
            }
            Self::SetList(attributes, values) => {
                let (attributes, values) = (attributes.clone(), counted(values));
                SetRequest::WithList { invoke_id, attributes, values }.to_vec()
            }
            Self::Action(method, parameter) => {
                ActionRequest { invoke_id, method: *method, parameter: parameter.as_deref() }.to_vec()
            }
            Self::ActionList(methods, parameters) => {
                let (methods, parameters) = (methods.clone(), counted(parameters));
                AnyActionRequest::WithList { invoke_id, methods, parameters }.to_vec()
            }
            Self::Access(operations, data) => {
                let invoke_id = LongInvokeId::confirmed(number.into());
                let (operations, data) = (operations.clone(), counted(data));
                AccessRequest { invoke_id, date_time: None, operations, data }.to_vec()
            }
        }
    }

    /// One block of it.
    pub(super) fn block(&self, number: u8, block: DataBlock<'_>) -> Vec<u8> {
        let invoke_id = InvokeId::confirmed(number);
        match self {
            _ if block.number > 1 && self.is_set() => SetRequest::WithDataBlock { invoke_id, block }.to_vec(),
            _ if block.number > 1 => AnyActionRequest::WithPblock { invoke_id, block }.to_vec(),
            Self::Set(attribute, _) => {
                let attribute = attribute.clone();
                SetRequest::WithFirstDataBlock { invoke_id, attribute, block }.to_vec()
            }
            Self::SetList(attributes, _) => {
                let attributes = attributes.clone();
                SetRequest::WithListAndFirstDataBlock { invoke_id, attributes, block }.to_vec()
            }
            Self::Action(method, _) => {
                AnyActionRequest::WithFirstPblock { invoke_id, method: *method, block }.to_vec()
            }
            Self::ActionList(methods, _) => {
                let methods = methods.clone();
                AnyActionRequest::WithListAndFirstPblock { invoke_id, methods, block }.to_vec()
            }
            Self::Get(_) | Self::GetList(_) | Self::Access(..) => Vec::new(),
        }
    }

    /// Octets of the first block besides its piece.
    pub(super) fn first_overhead(&self) -> usize {
        let empty = DataBlock { last: false, number: 1, raw: &[] };
        // The empty piece has a length of one octet, a long one of three.
        self.block(0, empty).len() + 2
    }

    /// Octets of further blocks besides their pieces.
    pub(super) const fn further_overhead() -> usize {
        3 + DATA_BLOCK_OVERHEAD
    }
}

/// The values in a list, null-data where there is none; `None` unless each is one whole value.
fn checked<'v>(values: impl ExactSizeIterator<Item = Option<&'v [u8]>> + Clone) -> Option<Vec<u8>> {
    let whole = |value: Option<&[u8]>| value.is_none_or(|value| Data::from_bytes(value).is_ok());
    values.clone().all(whole).then(|| Values::joined(values.map(|value| value.unwrap_or(&[0]))))
}

/// A list that this crate has put together.
fn counted(values: &[u8]) -> Values<'_> {
    Values::from_bytes(values).expect("lists of values are checked when they are asked for")
}
