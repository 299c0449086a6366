//! What is done about flash that has changed by itself: a bit that has flipped is put back by the checksum, and what cannot be put back takes
//! nothing along that stands behind it.

use super::{Flash, HEADER, Item, Journal, RECORD_HEADER, RECORD_MAX, header, sound};
use alloc::vec;
use alloc::vec::Vec;

/// What of a journal was not as it had been written, although it had been written as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Records that were put back.
    pub mended: u32,
    /// Places at which records were lost: behind each there are sound ones.
    pub lost: u32,
}

/// The longest record with its header.
const WHOLE_MAX: usize = RECORD_HEADER + RECORD_MAX;

impl<F: Flash> Journal<F> {
    /// The sequence in a header of which one bit has flipped.
    pub(super) fn mended_header(octets: &[u8; HEADER]) -> Option<u32> {
        let mut octets = *octets;
        (0..HEADER * 8).find_map(|bit| {
            flip(&mut octets, bit);
            let sequence = u32::from_le_bytes([octets[4], octets[5], octets[6], octets[7]]);
            let found = (octets == header(sequence)).then_some(sequence);
            flip(&mut octets, bit);
            found
        })
    }

    /// The record at an offset of a half of which one bit has flipped, and its length.
    pub(super) fn mended_at(&self, half: usize, at: usize) -> Option<(Item, usize)> {
        let mut octets = vec![0; WHOLE_MAX.min(self.room().saturating_sub(at))];
        self.flash.read(self.base(half) + at, &mut octets);
        let len = usize::from(u16::from_le_bytes([*octets.first()?, *octets.get(1)?]));
        // Where the length is wrong, only a bit of it can be the one.
        let bits = if RECORD_HEADER + len <= octets.len() { RECORD_HEADER + len } else { 2 } * 8;
        (0..bits).find_map(|bit| {
            flip(&mut octets, bit);
            let found = sound(&octets);
            flip(&mut octets, bit);
            found
        })
    }

    /// Where the next sound record of a half is, from an offset on and before `end`.
    pub(super) fn next_sound(&self, half: usize, from: usize, end: usize) -> Option<usize> {
        (from..end).find(|&at| self.item_at(half, at).is_some())
    }

    /// Where what stands in a half ends: behind it all is erased.
    pub(super) fn written(&self, half: usize) -> usize {
        const CHUNK: usize = 256;
        let mut octets = [0; CHUNK];
        let chunks: Vec<usize> = (0..self.room()).step_by(CHUNK).collect();
        for &at in chunks.iter().rev() {
            let len = CHUNK.min(self.room() - at);
            self.flash.read(self.base(half) + at, &mut octets[..len]);
            if let Some(last) = octets[..len].iter().rposition(|&octet| octet != 0xFF) {
                return at + last + 1;
            }
        }
        0
    }
}

fn flip(octets: &mut [u8], bit: usize) {
    if let Some(octet) = octets.get_mut(bit / 8) {
        *octet ^= 1 << (bit % 8);
    }
}
