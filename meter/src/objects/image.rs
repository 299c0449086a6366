//! Where an image is kept until it is activated, and how it is checked.

use crate::config::ImageCheck;
use alloc::vec::Vec;
use dlms::classes::ImageTransfer;

/// The image under way, in memory.
#[derive(Debug)]
pub(super) struct ImageStore {
    check: ImageCheck,
    octets: Vec<u8>,
}

impl ImageStore {
    pub(super) const fn new(check: ImageCheck) -> Self {
        Self { check, octets: Vec::new() }
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Makes room for an image; [`ImageTransfer`] bounds its size.
    pub(super) fn begin(&mut self, size: u32) {
        self.octets.clear();
        self.octets.resize(size as usize, 0);
    }

    pub(super) fn write(&mut self, offset: u32, octets: &[u8]) {
        let start = offset as usize;
        if let Some(place) = self.octets.get_mut(start..start + octets.len()) {
            place.copy_from_slice(octets);
        }
    }

    /// The signature at the end of the image, if the image is what it should be.
    pub(super) fn verified(&self) -> Option<&[u8]> {
        match &self.check {
            ImageCheck::NoKey => None,
            ImageCheck::Complete => Some(&[]),
            ImageCheck::Signed(key) => {
                let split = self.octets.len().checked_sub(key.curve().pair_len())?;
                let (image, signature) = self.octets.split_at(split);
                key.verify(image, signature).then_some(signature)
            }
        }
    }

    /// The memory of an earlier life is gone, and with it the blocks that had come.
    pub(super) fn restore(&mut self, transfer: &mut ImageTransfer) {
        let (_, size) = transfer.under_way();
        self.begin(0);
        if size > 0 {
            *transfer = transfer.forgotten();
        }
    }
}
