//! A value that is served in blocks.

use crate::apdu::{DataAccessResult, GetResponse, InvokeId, Pdu};
use crate::specs::get::{BLOCK_OVERHEAD, NORMAL_OVERHEAD};
use alloc::vec::Vec;

/// A value of which a block was sent; it stays as it was when the request came.
#[derive(Debug)]
pub(super) struct Transfer {
    invoke_id: InvokeId,
    value: Vec<u8>,
    piece_max: usize,
    /// The block that was sent last, from 1.
    current: u32,
}

/// What becomes of a value.
#[derive(Debug)]
pub(super) enum Served {
    /// It fits one APDU.
    Whole(Vec<u8>),
    /// Its first block, and the transfer.
    Blocks(Vec<u8>, Transfer),
}

/// Serves `value` in APDUs of at most `budget` octets.
pub(super) fn serve(
    invoke_id: InvokeId,
    value: Vec<u8>,
    budget: usize,
    block_get: bool,
) -> Result<Served, DataAccessResult> {
    if NORMAL_OVERHEAD + value.len() <= budget {
        return Ok(Served::Whole(GetResponse::Normal { invoke_id, result: Ok(&value) }.to_vec()));
    }
    let piece_max = budget.saturating_sub(BLOCK_OVERHEAD);
    if !block_get || piece_max == 0 {
        return Err(DataAccessResult::OtherReason);
    }
    let transfer = Transfer { invoke_id, value, piece_max, current: 1 };
    Ok(Served::Blocks(transfer.block(1), transfer))
}

impl Transfer {
    /// The block after `received`: the next, or the current one again because it was lost.
    /// `None` for a request that comes late: it was served already.
    pub(super) fn after(
        &mut self,
        invoke_id: InvokeId,
        received: u32,
    ) -> Result<Option<Vec<u8>>, DataAccessResult> {
        if invoke_id.number() != self.invoke_id.number() {
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
        let result = Ok(&self.value[start..end]);
        let (invoke_id, last) = (self.invoke_id, self.ends_with(block));
        GetResponse::WithDataBlock { invoke_id, last, block, result }.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const ID: InvokeId = InvokeId(0x43);

    fn transfer() -> Transfer {
        let Ok(Served::Blocks(_, transfer)) = serve(ID, vec![7; 25], 22, true) else { panic!("blocks") };
        transfer
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
        assert_eq!(number(&transfer.after(ID, 1).unwrap().unwrap()), (2, false, 10));
        assert_eq!(number(&transfer.after(ID, 1).unwrap().unwrap()), (2, false, 10));
        assert_eq!(number(&transfer.after(ID, 2).unwrap().unwrap()), (3, true, 5));
        assert_eq!(number(&transfer.after(ID, 2).unwrap().unwrap()), (3, true, 5));
        assert_eq!(transfer.after(ID, 1), Ok(None));
        assert_eq!(transfer.after(ID, 3), Err(DataAccessResult::DataBlockNumberInvalid));
    }

    #[test]
    fn skipped_blocks_and_other_transfers_are_refused() {
        assert_eq!(transfer().after(ID, 2), Err(DataAccessResult::DataBlockNumberInvalid));
        assert_eq!(transfer().after(ID, u32::MAX), Err(DataAccessResult::DataBlockNumberInvalid));
        assert_eq!(transfer().after(InvokeId(0x44), 1), Err(DataAccessResult::NoLongGetInProgress));
        assert_eq!(transfer().after(ID, 0).map(|block| number(&block.unwrap()).0), Ok(1));
    }

    #[test]
    fn every_apdu_keeps_within_the_budget() {
        for budget in 13..80 {
            let Ok(Served::Blocks(first, mut transfer)) = serve(ID, vec![1; 300], budget, true) else {
                panic!("blocks")
            };
            assert!(first.len() <= budget);
            let mut received = 1;
            while let Ok(Some(block)) = transfer.after(ID, received) {
                assert!(block.len() <= budget);
                received += 1;
            }
            assert!(transfer.is_last());
        }
    }
}
