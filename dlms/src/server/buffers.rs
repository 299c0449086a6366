//! Memory that answers are written into, again and again.

use crate::apdu::Pdu;
use alloc::vec::Vec;

/// Buffers that wait to be used. A server that is given back what it has sent needs no more memory for further answers.
#[derive(Debug)]
pub(super) struct Buffers {
    spare: Vec<Vec<u8>>,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self { spare: Vec::with_capacity(SPARE_MAX) }
    }

    /// An empty buffer, with the most room that there is.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let roomiest = self.spare.iter().enumerate().max_by_key(|(_, buffer)| buffer.capacity());
        let at = roomiest.map(|(at, _)| at);
        at.map_or_else(Vec::new, |at| self.spare.swap_remove(at))
    }

    /// A PDU as octets.
    pub(super) fn write<'a>(&mut self, pdu: &impl Pdu<'a>) -> Vec<u8> {
        let mut buffer = self.take();
        pdu.write_to(&mut buffer);
        buffer
    }

    /// Takes a buffer that is not needed any more, in the place of the least one if there are too many. What it held is not kept.
    pub(super) fn give(&mut self, mut buffer: Vec<u8>) {
        if !(1..=CAPACITY_MAX).contains(&buffer.capacity()) {
            return;
        }
        buffer.clear();
        if self.spare.len() < SPARE_MAX {
            self.spare.push(buffer);
        } else if let Some(least) = self.spare.iter_mut().min_by_key(|buffer| buffer.capacity())
            && least.capacity() < buffer.capacity()
        {
            *least = buffer;
        }
    }
}

/// Buffers that are kept: a value, an APDU and a datagram, and datagrams that are under way.
const SPARE_MAX: usize = 6;
/// Octets of a buffer that is kept.
const CAPACITY_MAX: usize = 0x1_0000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_and_neither_too_many_nor_too_long_ones_are_kept() {
        let mut buffers = Buffers::new();
        let mut buffer = buffers.take();
        assert_eq!((buffer.len(), buffer.capacity()), (0, 0));
        buffer.extend_from_slice(&[7; 100]);
        let place = buffer.as_ptr();
        buffers.give(buffer);
        let again = buffers.take();
        assert_eq!((again.len(), again.as_ptr()), (0, place));
        buffers.give(Vec::with_capacity(CAPACITY_MAX + 1));
        buffers.give(Vec::new());
        assert!(buffers.spare.is_empty());
        (0..10).for_each(|n| buffers.give(Vec::with_capacity(10 + n)));
        assert_eq!(buffers.spare.len(), SPARE_MAX);
        let kept: Vec<usize> = (0..SPARE_MAX).map(|_| buffers.take().capacity()).collect();
        assert_eq!(kept, [19, 18, 17, 16, 15, 14], "those with the most room");
    }
}
