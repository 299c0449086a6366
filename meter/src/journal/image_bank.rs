//! The octets of an image under way, in flash: a loss of power takes no block that was acknowledged.
//!
//! ```text
//! head    [magic][size][octets of a block][checksum][an octet for each block: FF not here, 00 here]   whole pages
//! octets  the image, from the next page on
//! ```
//!
//! A transfer begins with its head made invalid, then everything is erased, then the head is written: a head that is sound has erased
//! pages behind it. A block counts as soon as its octet in the head is zero, which is written after it.

use super::{Flash, FlashError};
use crate::application::MeterPersist;
use alloc::vec;
use alloc::vec::Vec;
use plc_core::crc::record_crc;

/// What is kept of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptImage {
    /// Octets of a block.
    pub block_len: u32,
    /// The image, with zeros where a block is not here.
    pub octets: Vec<u8>,
    /// Which blocks are here.
    pub blocks: Vec<bool>,
}

impl KeptImage {
    /// Room for an image of which nothing is here.
    pub fn empty(size: u32, block_len: u32) -> Self {
        let blocks = size.div_ceil(block_len.max(1)) as usize;
        Self { block_len, octets: vec![0; size as usize], blocks: vec![false; blocks] }
    }

    /// A block is here. One that lies elsewhere than a block does is left out.
    pub fn put(&mut self, offset: u32, octets: &[u8]) {
        let (start, number) = (offset as usize, (offset / self.block_len.max(1)) as usize);
        let place = self.octets.get_mut(start..start.saturating_add(octets.len()));
        if let (Some(place), Some(block)) = (place, self.blocks.get_mut(number)) {
            place.copy_from_slice(octets);
            *block = true;
        }
    }
}

/// Where an image is kept while it comes: pages of its own, such as those of the bank that does not run.
#[derive(Debug)]
pub struct ImageBank<F> {
    flash: F,
    /// Size and octets of a block, of the image whose head is sound.
    head: Option<(u32, u32)>,
}

/// Octets before the map of blocks.
const HEAD: usize = 16;
const MAGIC: u32 = 0x4D49_0001;
/// What stands in the map for a block that is here.
const HERE: u8 = 0;

impl<F: Flash> ImageBank<F> {
    /// Finds what was kept before.
    pub fn open(flash: F) -> Self {
        let mut octets = [0; HEAD];
        flash.read(0, &mut octets);
        let word =
            |at: usize| u32::from_le_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]]);
        let (size, block_len) = (word(4), word(8));
        let is_sound = octets == head(size, block_len) && block_len > 0;
        let mut bank = Self { flash, head: is_sound.then_some((size, block_len)) };
        if bank.head.is_some_and(|(size, block_len)| bank.pages(size, block_len) > bank.flash.pages()) {
            bank.head = None;
        }
        bank
    }

    /// Makes a record durable; returns whether it is one that is kept here.
    ///
    /// # Errors
    /// The flash has failed, or the image does not fit: nothing is known of this record then, and whatever came before it is kept,
    /// but for the image before one that begins.
    pub fn append(&mut self, record: &MeterPersist) -> Result<bool, FlashError> {
        match record {
            MeterPersist::ImageBegin { size, block_len } => self.begin(*size, *block_len).map(|()| true),
            MeterPersist::ImageBlock { offset, octets } => self.put(*offset, octets).map(|()| true),
            _ => Ok(false),
        }
    }

    /// What is kept, for [`crate::MeterState::image`].
    pub fn image(&self) -> KeptImage {
        let Some((size, block_len)) = self.head else { return KeptImage::default() };
        let mut kept = KeptImage::empty(size, block_len);
        let (base, len) = (self.base(size, block_len), block_len as usize);
        for (number, octets) in kept.octets.chunks_mut(len).enumerate() {
            let mut mark = [0xFF];
            self.flash.read(HEAD + number, &mut mark);
            kept.blocks[number] = mark[0] == HERE;
            if kept.blocks[number] {
                self.flash.read(base + number * len, octets);
            }
        }
        kept
    }

    /// The flash.
    pub const fn flash(&self) -> &F {
        &self.flash
    }

    /// The flash, back.
    pub fn into_flash(self) -> F {
        self.flash
    }

    fn begin(&mut self, size: u32, block_len: u32) -> Result<(), FlashError> {
        self.head = None;
        let pages = self.pages(size, block_len);
        if block_len == 0 || pages > self.flash.pages() {
            return Err(FlashError);
        }
        self.flash.program(0, &[0; HEAD])?;
        (0..pages).try_for_each(|page| self.flash.erase(page))?;
        self.flash.program(0, &head(size, block_len))?;
        self.head = Some((size, block_len));
        Ok(())
    }

    fn put(&mut self, offset: u32, octets: &[u8]) -> Result<(), FlashError> {
        let (size, block_len) = self.head.ok_or(FlashError)?;
        let is_block = offset.is_multiple_of(block_len)
            && offset < size
            && octets.len() == block_len.min(size - offset) as usize;
        if !is_block {
            return Err(FlashError);
        }
        self.flash.program(self.base(size, block_len) + offset as usize, octets)?;
        self.flash.program(HEAD + (offset / block_len) as usize, &[HERE])
    }

    /// Where the octets of the image begin.
    fn base(&self, size: u32, block_len: u32) -> usize {
        let blocks = size.div_ceil(block_len.max(1)) as usize;
        (HEAD + blocks).next_multiple_of(self.flash.page_len())
    }

    /// Pages that an image takes.
    fn pages(&self, size: u32, block_len: u32) -> usize {
        (self.base(size, block_len) + size as usize).div_ceil(self.flash.page_len())
    }
}

fn head(size: u32, block_len: u32) -> [u8; HEAD] {
    let mut octets = [0; HEAD];
    octets[..4].copy_from_slice(&MAGIC.to_le_bytes());
    octets[4..8].copy_from_slice(&size.to_le_bytes());
    octets[8..12].copy_from_slice(&block_len.to_le_bytes());
    let crc = record_crc(&octets[..12]);
    octets[12..].copy_from_slice(&crc.to_le_bytes());
    octets
}
