//! What a meter has made durable: its journal, and the blocks of an image under way, each in flash of its own.

use super::flash::Pages;
use meter::journal::{ImageBank, Journal};
use meter::{MeterPersist, MeterState, ProfileSizes};
use std::collections::BTreeMap;

/// The flash of a meter.
#[derive(Debug)]
pub(crate) struct Memory {
    journal: Journal<Pages>,
    images: ImageBank<Pages>,
    sizes: ProfileSizes,
    /// How often each block of an image has come, by its offset.
    blocks: BTreeMap<u32, u32>,
}

impl Memory {
    /// Of a meter that has never lived.
    pub(crate) fn new(sizes: ProfileSizes) -> Self {
        let (journal, images) = (Journal::open(Pages::new(), sizes), ImageBank::open(Pages::new()));
        Self { journal, images, sizes, blocks: BTreeMap::new() }
    }

    /// Makes a record durable: those of an image among its blocks, all others in the journal. Whether the flash has taken it.
    pub(crate) fn keep(&mut self, record: &MeterPersist) -> bool {
        if let MeterPersist::ImageBlock { offset, .. } = record {
            *self.blocks.entry(*offset).or_default() += 1;
        }
        match self.images.append(record) {
            Ok(true) => true,
            Ok(false) => self.journal.append(record).is_ok(),
            Err(_) => false,
        }
    }

    /// All that the flash holds, as a new life finds it: nothing is taken from memory.
    pub(crate) fn awake(&mut self) -> MeterState {
        let before = std::mem::replace(self, Self::new(self.sizes));
        self.journal = Journal::open(before.journal.into_flash(), self.sizes);
        self.images = ImageBank::open(before.images.into_flash());
        self.blocks = before.blocks;
        self.with_image(self.journal.state().clone())
    }

    /// A state with the image that is held here.
    pub(crate) fn with_image(&self, state: MeterState) -> MeterState {
        MeterState { image: self.images.image(), ..state }
    }

    /// How often each block of an image has come, by its offset.
    pub(crate) const fn blocks(&self) -> &BTreeMap<u32, u32> {
        &self.blocks
    }
}
