//! A value that is served in blocks.

use super::session::Terms;
use crate::apdu::{
    ActionResult, AnyActionResponse, Conformance, DataAccessResult, DataBlock, GetResponse, InvokeId, Pdu,
};
use crate::specs::blocks::PBLOCK_OVERHEAD;
use crate::specs::get::BLOCK_OVERHEAD;
use alloc::vec::Vec;

/// A value of which a block was sent; it stays as it was when the request came.
#[derive(Debug)]
pub(super) struct Transfer {
    service: Service,
    invoke_id: InvokeId,
    value: Vec<u8>,
    piece_max: usize,
    /// The block that was sent last, from 1.
    current: u32,
}

/// Which service is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Get,
    Action,
}

impl Service {
    const fn overhead(self) -> usize {
        match self {
            Self::Get => BLOCK_OVERHEAD,
            Self::Action => PBLOCK_OVERHEAD,
        }
    }

    const fn conformance(self) -> Conformance {
        match self {
            Self::Get => Conformance::BLOCK_GET,
            Self::Action => Conformance::BLOCK_ACTION,
        }
    }

    /// The answer to a request for a block that cannot be sent.
    pub(super) fn refusal(self, invoke_id: InvokeId, block: u32, result: DataAccessResult) -> Vec<u8> {
        match self {
            Self::Get => {
                GetResponse::WithDataBlock { invoke_id, last: true, block, result: Err(result) }.to_vec()
            }
            Self::Action => {
                let result = match result {
                    DataAccessResult::NoLongGetInProgress => ActionResult::NoLongActionInProgress,
                    _ => ActionResult::LongActionAborted,
                };
                super::services::action_failed(invoke_id, result)
            }
        }
    }
}

/// Serves `value` in blocks of at most `budget` octets; `None` if the client cannot join them.
pub(super) fn begin(
    service: Service,
    invoke_id: InvokeId,
    value: Vec<u8>,
    budget: usize,
    terms: &Terms,
) -> Option<(Vec<u8>, Transfer)> {
    let piece_max = budget.saturating_sub(service.overhead());
    if !terms.conformance.has(service.conformance()) || piece_max == 0 {
        return None;
    }
    let transfer = Transfer { service, invoke_id, value, piece_max, current: 1 };
    Some((transfer.block(1), transfer))
}

impl Transfer {
    /// The block after `received`: the next, or the current one again because it was lost.
    /// `None` for a request that comes late: it was served already.
    pub(super) fn after(
        &mut self,
        service: Service,
        invoke_id: InvokeId,
        received: u32,
    ) -> Result<Option<Vec<u8>>, DataAccessResult> {
        if service != self.service || invoke_id.number() != self.invoke_id.number() {
            return Err(DataAccessResult::NoLongGetInProgress);
        }
        if received == self.current && !self.is_last() {
            self.current += 1;
        } else if received >= self.current {
            return Err(DataAccessResult::DataBlockNumberInvalid);
        } else if received + 1 < self.current {
            return Ok(None);
        }
        Ok(Some(self.block(self.current)))
    }

    /// The first block again, for a request that came twice.
    pub(super) fn first(&self) -> Vec<u8> {
        self.block(1)
    }

    const fn is_last(&self) -> bool {
        self.ends_with(self.current)
    }

    const fn ends_with(&self, block: u32) -> bool {
        block as usize * self.piece_max >= self.value.len()
    }

    /// `block` has been sent or is to be sent now, so it begins within the value.
    fn block(&self, block: u32) -> Vec<u8> {
        let start = (block as usize - 1) * self.piece_max;
        let end = (start + self.piece_max).min(self.value.len());
        let raw = &self.value[start..end];
        let (invoke_id, last) = (self.invoke_id, self.ends_with(block));
        match self.service {
            Service::Get => GetResponse::WithDataBlock { invoke_id, last, block, result: Ok(raw) }.to_vec(),
            Service::Action => {
                let block = DataBlock { last, number: block, raw };
                AnyActionResponse::WithPblock { invoke_id, block }.to_vec()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const ID: InvokeId = InvokeId(0x43);

    const TERMS: Terms = Terms { max_pdu: 22, conformance: Conformance::OURS, joined_max: 0 };

    fn transfer() -> Transfer {
        begin(Service::Get, ID, vec![7; 25], 22, &TERMS).expect("blocks").1
    }

    fn number(apdu: &[u8]) -> (u32, bool, usize) {
        match GetResponse::from_bytes(apdu) {
            Ok(GetResponse::WithDataBlock { block, last, result: Ok(piece), .. }) => {
                (block, last, piece.len())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_last_block_is_served_again_and_nothing_behind_it() {
        let mut transfer = transfer();
        assert_eq!(number(&transfer.after(Service::Get, ID, 1).unwrap().unwrap()), (2, false, 10));
        assert_eq!(number(&transfer.after(Service::Get, ID, 1).unwrap().unwrap()), (2, false, 10));
        assert_eq!(number(&transfer.after(Service::Get, ID, 2).unwrap().unwrap()), (3, true, 5));
        assert_eq!(number(&transfer.after(Service::Get, ID, 2).unwrap().unwrap()), (3, true, 5));
        assert_eq!(transfer.after(Service::Get, ID, 1), Ok(None));
        assert_eq!(transfer.after(Service::Get, ID, 3), Err(DataAccessResult::DataBlockNumberInvalid));
    }

    #[test]
    fn skipped_blocks_and_other_transfers_are_refused() {
        assert_eq!(transfer().after(Service::Get, ID, 2), Err(DataAccessResult::DataBlockNumberInvalid));
        assert_eq!(
            transfer().after(Service::Get, ID, u32::MAX),
            Err(DataAccessResult::DataBlockNumberInvalid)
        );
        assert_eq!(
            transfer().after(Service::Get, InvokeId(0x44), 1),
            Err(DataAccessResult::NoLongGetInProgress)
        );
        assert_eq!(transfer().after(Service::Get, ID, 0).map(|block| number(&block.unwrap()).0), Ok(1));
    }

    #[test]
    fn a_transfer_of_one_service_does_not_answer_the_other() {
        let none = Err(DataAccessResult::NoLongGetInProgress);
        assert_eq!(transfer().after(Service::Action, ID, 1), none);
        let deaf = Terms { conformance: Conformance::GET, ..TERMS };
        assert!(begin(Service::Get, ID, vec![7; 25], 22, &deaf).is_none());
    }

    #[test]
    fn every_apdu_keeps_within_the_budget() {
        for budget in 13..80 {
            let begun = begin(Service::Get, ID, vec![1; 300], budget, &TERMS);
            let (first, mut transfer) = begun.expect("blocks");
            assert!(first.len() <= budget);
            let mut received = 1;
            while let Ok(Some(block)) = transfer.after(Service::Get, ID, received) {
                assert!(block.len() <= budget);
                received += 1;
            }
            assert!(transfer.is_last());
        }
    }
}
