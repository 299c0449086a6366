//! What becomes of an image: its octets come, it is verified, it is to run, and it runs or does not.

use super::board::Slot;
use super::events::EventGroup;
use super::{Note, Objects};
use crate::firmware::{Activation, BootReport};
use crate::journal::KeptImage;
use crate::specs::event;
use alloc::vec::Vec;
use dlms::classes::{Bits, ImageStatus, ImageTransfer, List};
use plc_core::Instant;

impl Objects<'_> {
    pub(super) fn verify_image(&mut self, now: Instant) {
        let board = &mut *self.board;
        let signature = board.images.verified();
        let code = if signature.is_some() { event::IMAGE_READY } else { event::IMAGE_VERIFICATION_FAILED };
        board.slots.image.on_verified(signature);
        board.mark(Slot::Image);
        self.log(EventGroup::Standard, code, now);
    }

    /// A verified image is to run. A meter with two banks is told later what becomes of it; one without runs it at once.
    pub(super) fn activate_image(&mut self, now: Instant) {
        self.board.mark(Slot::Image);
        match self.board.boot {
            Some(BootReport { trials, .. }) => {
                self.board.wanted = Some(trials);
                self.board.images.want(trials);
            }
            None => self.on_image_runs(true, now),
        }
        self.notes.push(Note::ImageActivated);
    }

    /// The image on trial has passed its self-check, or it has not and the one before it runs. An event needs a time: before the clock
    /// is set, it waits for that.
    pub(crate) fn on_activation(&mut self, activation: Activation, now: Instant) {
        if let (None, Some(boot)) = (self.measurement.clock().utc(now), &mut self.board.boot) {
            boot.activation = activation;
            return;
        }
        if self.board.slots.image.status != ImageStatus::ActivationInitiated {
            return;
        }
        match activation {
            Activation::Committed => self.on_image_runs(true, now),
            Activation::RolledBack => self.on_image_runs(false, now),
            Activation::None | Activation::OnTrial => {}
        }
    }

    /// The time is known: an activation whose outcome the boot record tells has ended; one that was cut before it was recorded is
    /// wanted again.
    pub(crate) fn resume_activation(&mut self, now: Instant) {
        let Some(BootReport { activation, trials }) = self.board.boot else { return };
        if self.board.slots.image.status != ImageStatus::ActivationInitiated {
            return;
        }
        if self.board.wanted == Some(trials) {
            self.notes.push(Note::ImageActivated);
        } else {
            self.on_activation(activation, now);
        }
    }

    fn on_image_runs(&mut self, runs: bool, now: Instant) {
        self.board.slots.image.on_activated(runs);
        self.board.mark(Slot::Image);
        let has_trial = self.board.boot.is_some();
        if runs && has_trial {
            self.log(EventGroup::Standard, event::SELF_CHECK_PASSED, now);
        }
        let code = if runs { event::IMAGE_ACTIVATED } else { event::IMAGE_VERIFICATION_FAILED };
        self.log(EventGroup::Standard, code, now);
    }
}

/// What a transfer is after a restart that `kept` has outlasted: those of its blocks that are still here. Without them it was never
/// begun; one whose image was to run already needs them no more.
pub(super) fn resumed(transfer: &ImageTransfer, kept: &KeptImage) -> ImageTransfer {
    let (_, size) = transfer.under_way();
    if size == 0 || is_over(transfer.status) {
        return transfer.clone();
    }
    if (kept.octets.len(), kept.block_len) != (size as usize, transfer.block_size) {
        return transfer.forgotten();
    }
    let here = |(number, &here): (usize, &bool)| here && transfer.transferred_blocks.has(number);
    let blocks: Vec<bool> = kept.blocks.iter().enumerate().map(here).collect();
    let missing = blocks.iter().position(|here| !here);
    let mut resumed = transfer.clone();
    resumed.transferred_blocks = Bits::of(&blocks);
    resumed.first_not_transferred = missing.unwrap_or(blocks.len()) as u32;
    // Whatever was under way when the power went is to be asked for again.
    if missing.is_some() || transfer.status == ImageStatus::VerificationInitiated {
        (resumed.status, resumed.to_activate) = (ImageStatus::Initiated, List::default());
    }
    resumed
}

/// Whether an image was to run, whatever has become of it.
const fn is_over(status: ImageStatus) -> bool {
    use ImageStatus::{ActivationFailed, ActivationInitiated, ActivationSuccessful};
    matches!(status, ActivationInitiated | ActivationSuccessful | ActivationFailed)
}
