//! Where an image is kept until it is activated, and how it is checked.

use super::activating;
use crate::application::MeterPersist;
use crate::config::ImageCheck;
use crate::journal::KeptImage;
use alloc::vec::Vec;
use dlms::classes::ImageTransfer;
use plc_core::Outbox;

/// Records that may wait to be taken: a request begins an image, or brings a block.
const RECORDS_MAX: usize = 4;

/// The image under way, in memory.
#[derive(Debug)]
pub(super) struct ImageStore {
    check: ImageCheck,
    kept: KeptImage,
    records: Outbox<MeterPersist, RECORDS_MAX>,
}

impl ImageStore {
    pub(super) fn new(check: ImageCheck) -> Self {
        Self { check, kept: KeptImage::default(), records: Outbox::new() }
    }

    /// Makes room for an image; [`ImageTransfer`] bounds its size.
    pub(super) fn begin(&mut self, size: u32, block_len: u32) {
        self.kept = KeptImage::empty(size, block_len);
        self.records.push(MeterPersist::ImageBegin { size, block_len });
    }

    pub(super) fn write(&mut self, offset: u32, octets: Vec<u8>) {
        self.kept.put(offset, &octets);
        self.records.push(MeterPersist::ImageBlock { offset, octets });
    }

    /// It is to run, after so many trials of others.
    pub(super) fn want(&mut self, trials: u8) {
        self.records.push(MeterPersist::ImageWanted { trials });
    }

    /// What is to be made durable, before anybody is told that it has come.
    pub(super) fn take_record(&mut self) -> Option<MeterPersist> {
        self.records.pop()
    }

    /// All that has come.
    pub(super) const fn kept(&self) -> &KeptImage {
        &self.kept
    }

    /// The signature at the end of the image, if the image is what it should be.
    pub(super) fn verified(&self) -> Option<&[u8]> {
        match &self.check {
            ImageCheck::NoKey => None,
            ImageCheck::Complete => Some(&[]),
            ImageCheck::Signed(key) => {
                let octets = &self.kept.octets;
                let split = octets.len().checked_sub(key.curve().pair_len())?;
                let (image, signature) = octets.split_at(split);
                key.verify(image, signature).then_some(signature)
            }
        }
    }

    /// What an earlier life has kept is here again, and the transfer goes on from there.
    pub(super) fn restore(&mut self, transfer: &mut ImageTransfer, kept: KeptImage) {
        *transfer = activating::resumed(transfer, &kept);
        self.kept = kept;
    }
}
