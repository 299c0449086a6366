//! What a client sends in blocks: the values of a SET, the parameters of an ACTION.

use crate::apdu::{DataBlock, InvokeId};
use crate::cosem::{AttributeRequest, MethodRequest};
use alloc::vec::Vec;

/// A transfer that is under way, or the answer to one that is over: its last block may come again.
#[derive(Debug)]
pub(super) struct Incoming {
    invoke_id: InvokeId,
    target: Target,
    /// The block that was received last.
    received: u32,
    value: Vec<u8>,
    answer: Option<Vec<u8>>,
}

/// What the value is for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target {
    Set(AttributeRequest),
    SetList(Vec<AttributeRequest>),
    Action(MethodRequest),
    ActionList(Vec<MethodRequest>),
}

impl Target {
    /// Whether it belongs to SET, or else to ACTION.
    pub(super) const fn is_set(&self) -> bool {
        matches!(self, Self::Set(_) | Self::SetList(_))
    }
}

/// What a block means.
#[derive(Debug, PartialEq)]
pub(super) enum Arrival {
    /// The next is wanted.
    More,
    /// All is there: carry out, and tell [`Incoming::on_answered`] what was answered.
    Whole(Target, Vec<u8>),
    /// The last block again: this was answered.
    Again(Vec<u8>),
    /// Not the block that is due; the transfer is over.
    WrongNumber,
    /// No such transfer.
    None,
    /// More than is joined; the transfer is over.
    TooLong,
}

impl Incoming {
    /// A transfer that begins; the first block is yet to be taken.
    pub(super) const fn new(invoke_id: InvokeId, target: Target) -> Self {
        Self { invoke_id, target, received: 0, value: Vec::new(), answer: None }
    }

    /// What is held.
    #[cfg(test)]
    pub(super) const fn held(&self) -> usize {
        self.value.len()
    }

    /// Whether a block of this service and number belongs here.
    pub(super) fn is_for(&self, is_set: bool, invoke_id: InvokeId) -> bool {
        self.target.is_set() == is_set && self.invoke_id.number() == invoke_id.number()
    }

    /// Takes a block of at most `value_max` octets in all.
    pub(super) fn on_block(&mut self, block: &DataBlock<'_>, value_max: usize) -> Arrival {
        if block.number == self.received && self.received > 0 {
            return self.answer.clone().map_or(Arrival::More, Arrival::Again);
        }
        if self.answer.is_some() {
            return Arrival::None;
        }
        if Some(block.number) != self.received.checked_add(1) {
            return Arrival::WrongNumber;
        }
        if self.value.len().saturating_add(block.raw.len()) > value_max {
            return Arrival::TooLong;
        }
        self.value.extend_from_slice(block.raw);
        self.received = block.number;
        if block.last {
            Arrival::Whole(self.target.clone(), core::mem::take(&mut self.value))
        } else {
            Arrival::More
        }
    }

    /// The transfer was answered so.
    pub(super) fn on_answered(&mut self, answer: &[u8]) {
        self.answer = Some(answer.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosem::LogicalName;

    const ID: InvokeId = InvokeId(0x41);

    fn incoming() -> Incoming {
        let attribute = AttributeRequest::new(1, LogicalName([0, 0, 96, 1, 0, 255]), 2);
        Incoming::new(ID, Target::Set(attribute))
    }

    fn block(number: u32, last: bool, raw: &[u8]) -> DataBlock<'_> {
        DataBlock { last, number, raw }
    }

    #[test]
    fn blocks_are_joined_once_and_in_order() {
        let mut incoming = incoming();
        assert_eq!(incoming.on_block(&block(1, false, &[9, 2]), 10), Arrival::More);
        assert_eq!(incoming.on_block(&block(1, false, &[9, 2]), 10), Arrival::More, "its answer was lost");
        let Arrival::Whole(target, value) = incoming.on_block(&block(2, true, &[7, 8]), 10) else {
            panic!("whole")
        };
        assert!(target.is_set());
        assert_eq!((value, incoming.held()), (Vec::from([9, 2, 7, 8]), 0));
        incoming.on_answered(&[0xC5]);
        assert_eq!(incoming.on_block(&block(2, true, &[7, 8]), 10), Arrival::Again(Vec::from([0xC5])));
        assert_eq!(incoming.on_block(&block(3, true, &[7]), 10), Arrival::None);
    }

    #[test]
    fn skipped_and_oversize_blocks_are_refused() {
        for wrong in [0, 2, u32::MAX] {
            assert_eq!(incoming().on_block(&block(wrong, false, &[]), 10), Arrival::WrongNumber);
        }
        let mut incoming = incoming();
        assert_eq!(incoming.on_block(&block(1, false, &[0; 10]), 10), Arrival::More);
        assert_eq!(incoming.on_block(&block(2, false, &[0]), 10), Arrival::TooLong);
        assert!(incoming.is_for(true, InvokeId(0xC1)) && !incoming.is_for(false, ID));
        assert!(!incoming.is_for(true, InvokeId(0x42)));
    }
}
