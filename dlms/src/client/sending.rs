//! A request that is too long for one APDU, sent in blocks.

use super::request::Request;
use crate::apdu::DataBlock;
use alloc::vec::Vec;

/// How far the blocks have come.
#[derive(Debug)]
pub(super) struct Sending {
    number: u8,
    first_max: usize,
    piece_max: usize,
    /// The block that was sent last, from 1.
    block: u32,
}

impl Sending {
    /// Blocks of at most `room` octets; `None` if no piece fits.
    pub(super) fn new(request: &Request, number: u8, room: usize) -> Option<Self> {
        let first_max = room.checked_sub(request.first_overhead()).filter(|&max| max > 0)?;
        let piece_max = room.checked_sub(Request::further_overhead())?;
        Some(Self { number, first_max, piece_max, block: 1 })
    }

    /// The number of the transfer.
    pub(super) const fn number(&self) -> u8 {
        self.number
    }

    /// The number of the block that was sent last.
    pub(super) const fn block(&self) -> u32 {
        self.block
    }

    /// The block to send now.
    pub(super) fn apdu(&self, request: &Request) -> Vec<u8> {
        let payload = request.payload().map_or(&[][..], |(payload, _)| payload);
        let (start, end) = (self.start(), self.end().min(payload.len()));
        let raw = payload.get(start..end).unwrap_or_default();
        request.block(self.number, DataBlock { last: self.is_last(request), number: self.block, raw })
    }

    /// Whether the block that was sent last is the last of all.
    pub(super) fn is_last(&self, request: &Request) -> bool {
        request.payload().is_none_or(|(payload, _)| self.end() >= payload.len())
    }

    /// The server has received `block`; returns whether the next is due.
    pub(super) fn on_received(&mut self, request: &Request, number: u8, block: u32) -> bool {
        let due = number == self.number && block == self.block && !self.is_last(request);
        self.block += u32::from(due);
        due
    }

    const fn start(&self) -> usize {
        match self.block {
            1 => 0,
            further => self.first_max + (further as usize - 2) * self.piece_max,
        }
    }

    const fn end(&self) -> usize {
        self.first_max + (self.block as usize - 1) * self.piece_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::{Pdu, SetRequest};
    use crate::cosem::{AttributeRequest, LogicalName};

    #[test]
    fn blocks_keep_to_the_room_and_join_to_the_value() {
        let attribute = AttributeRequest::new(1, LogicalName([0; 6]), 2);
        let value: Vec<u8> = [&[9, 0x81, 200][..], &[7; 200]].concat();
        let request = Request::Set(attribute, value.clone());
        for room in 40..120 {
            let mut sending = Sending::new(&request, 3, room).unwrap();
            let (mut joined, mut number) = (Vec::new(), 1);
            loop {
                let apdu = sending.apdu(&request);
                assert!(apdu.len() <= room);
                let block = match SetRequest::from_bytes(&apdu).unwrap() {
                    SetRequest::WithFirstDataBlock { block, .. } if number == 1 => block,
                    SetRequest::WithDataBlock { block, .. } if number > 1 => block,
                    other => panic!("{other:?}"),
                };
                assert_eq!(block.number, number);
                joined.extend_from_slice(block.raw);
                if block.last {
                    break;
                }
                assert!(!sending.on_received(&request, 3, number + 1), "never sent");
                assert!(!sending.on_received(&request, 4, number), "another transfer");
                assert!(sending.on_received(&request, 3, number));
                number += 1;
            }
            assert_eq!(joined, value);
            assert!(!sending.on_received(&request, 3, number), "there is no block after the last");
        }
        assert!(Sending::new(&request, 3, 21).is_none());
    }
}
