//! The way of an image to a meter, as far as one session brings it.
//!
//! ```text
//! version, status ─┬─ nothing of it there ─► block size ─► enabled? ─► initiate ─► blocks ─► all there? ─► verify ─► whose? ─► activate
//!                  ├─ blocks are missing ──► block size ─► which? ───────────────► blocks ─► …
//!                  ├─ verified ────────────────────────────────────────────────────────────────────────────► whose? ─► activate
//!                  └─ was activated ───────► what became of it
//! ```
//!
//! A session carries a part, so that those who are read wait no longer than that; the next session asks where it was.

use super::procedure::{Reply, Verdict};
use crate::image::{Image, ImageFault, ImageStage};
use crate::order::{Answer, Denial, OrderEnd, Step};
use crate::specs::{FIRMWARE_VERSION, IMAGE_TRANSFER, attribute, class, image as specs, method};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use dlms::apdu::ActionResult;
use dlms::classes::{Bits, ImageBlock, ImageInfo, ImageInitiate, ImageStatus, List, Octets, Value};
use dlms::cosem::{AttributeRequest, MethodRequest};
use dlms::specs::objects::{IMAGE_BLOCK_LEN_MAX, IMAGE_BLOCKS_MAX, IMAGES_MAX};
use plc_core::Instant;

/// One part of the way of an image.
#[derive(Debug)]
pub(super) struct Transfer {
    asks: Ask,
    /// The firmware that runs now.
    version: Vec<u8>,
    block_len: u32,
    /// Blocks that the meter has not, the last first.
    missing: Vec<u32>,
    /// Whether the missing blocks were asked for again after all were sent.
    rechecked: bool,
    /// How long blocks are sent in this part.
    part: Duration,
    /// When this part is over: known with the first of its blocks, so that each part brings at least one.
    until: Option<Instant>,
    /// How it has ended.
    end: Option<OrderEnd>,
}

/// The question that is asked next, or was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Version,
    Status,
    BlockLen,
    Enabled,
    Enable,
    Initiate,
    Which,
    Block(u32),
    FirstMissing,
    Verify,
    WhyNotVerified,
    Ready,
    Activate,
}

impl Transfer {
    /// A part that sends blocks for so long.
    pub(super) const fn new(part: Duration) -> Self {
        Self {
            asks: Ask::Version,
            version: Vec::new(),
            block_len: 0,
            missing: Vec::new(),
            rechecked: false,
            part,
            until: None,
            end: None,
        }
    }

    /// What to ask the meter now.
    pub(super) fn next(&mut self, image: &mut Image, now: Instant) -> Verdict {
        if let (Ask::Activate, None) = (self.asks, &self.end) {
            if image.activate_from > now {
                self.end = Some(OrderEnd::Partly { pause: image.activate_from.since(now) });
            } else {
                // Known before it is said: whoever goes on after a loss looks what has become of it.
                image.progress.stage = ImageStage::Activating;
            }
        }
        let over = matches!(self.asks, Ask::Block(_)) && self.is_over(now);
        match self.end.take() {
            Some(end) => Verdict::End(end),
            None if over => Verdict::End(OrderEnd::Partly { pause: Duration::ZERO }),
            None => Verdict::Ask(self.step(image)),
        }
    }

    fn is_over(&mut self, now: Instant) -> bool {
        let part = self.part;
        let first = self.until.is_none();
        now >= *self.until.get_or_insert_with(|| now + part) && !first
    }

    fn step(&self, image: &Image) -> Step {
        let get = |n| Step::Get(AttributeRequest::new(class::IMAGE_TRANSFER, IMAGE_TRANSFER, n));
        let act = |n, parameter| {
            let method =
                MethodRequest { class_id: class::IMAGE_TRANSFER, logical_name: IMAGE_TRANSFER, method: n };
            Step::Act(method, Some(parameter))
        };
        match self.asks {
            Ask::Version => Step::Get(AttributeRequest::new(class::DATA, FIRMWARE_VERSION, attribute::VALUE)),
            Ask::Status | Ask::WhyNotVerified => get(specs::STATUS),
            Ask::BlockLen => get(specs::BLOCK_SIZE),
            Ask::Enabled => get(specs::ENABLED),
            Ask::Enable => {
                let enabled = AttributeRequest::new(class::IMAGE_TRANSFER, IMAGE_TRANSFER, specs::ENABLED);
                Step::Set(enabled, true.to_value())
            }
            Ask::Initiate => act(method::IMAGE_INITIATE, initiate(image)),
            Ask::Which => get(specs::TRANSFERRED_BLOCKS),
            Ask::Block(number) => act(method::IMAGE_BLOCK, self.block(image, number)),
            Ask::FirstMissing => get(specs::FIRST_NOT_TRANSFERRED),
            Ask::Verify => act(method::IMAGE_VERIFY, 0i8.to_value()),
            Ask::Ready => get(specs::TO_ACTIVATE),
            Ask::Activate => act(method::IMAGE_ACTIVATE, 0i8.to_value()),
        }
    }

    fn block(&self, image: &Image, number: u32) -> Vec<u8> {
        let begin = number as usize * self.block_len as usize;
        let octets = image.octets.get(begin..).unwrap_or_default();
        let octets = &octets[..octets.len().min(self.block_len as usize)];
        ImageBlock { number, value: Octets::new(octets).unwrap_or_default() }.to_value()
    }

    /// The meter has answered.
    pub(super) fn on_reply(&mut self, image: &mut Image, reply: &Reply<'_>) {
        let outcome = match *reply {
            Reply::Value(value) => self.on_value(image, value),
            Reply::Written => Ok(Ask::Initiate),
            Reply::Acted => Ok(self.on_acted(image)),
            Reply::Denied(denial) => self.on_denied(denial),
        };
        match outcome {
            Ok(asks) => self.asks = asks,
            Err(end) => self.end = Some(end),
        }
    }

    fn on_value(&mut self, image: &mut Image, value: &[u8]) -> Result<Ask, OrderEnd> {
        match self.asks {
            Ask::Version => {
                self.version = octets_of(value).unwrap_or_default();
                if image.progress.stage == ImageStage::New {
                    image.progress.version.clone_from(&self.version);
                }
                Ok(Ask::Status)
            }
            Ask::Status => self.on_status(image, parsed(value)?),
            Ask::BlockLen => self.on_block_len(image, parsed(value)?),
            Ask::Enabled => Ok(if parsed(value)? { Ask::Initiate } else { Ask::Enable }),
            Ask::Which => Ok(self.on_which(image, &parsed(value)?)),
            Ask::FirstMissing => self.on_first_missing(image, parsed(value)?),
            Ask::WhyNotVerified => match parsed(value)? {
                ImageStatus::VerificationFailed => Err(fault(ImageFault::NotBelieved)),
                ImageStatus::VerificationInitiated => Err(OrderEnd::Partly { pause: specs::PATIENCE }),
                _ => Err(OrderEnd::Denied(0, Denial::Action(ActionResult::OtherReason))),
            },
            Ask::Ready => on_ready(image, &parsed(value)?),
            other => Ok(other),
        }
    }

    /// Goes on where the meter says that it is.
    fn on_status(&self, image: &mut Image, status: ImageStatus) -> Result<Ask, OrderEnd> {
        use ImageStatus as Is;
        match (image.progress.stage, status) {
            (ImageStage::New, _) => Ok(Ask::BlockLen),
            (ImageStage::Activating, Is::ActivationInitiated) | (_, Is::VerificationInitiated) => {
                Err(OrderEnd::Partly { pause: specs::PATIENCE })
            }
            (_, Is::VerificationSuccessful) => Ok(Ask::Ready),
            (_, Is::VerificationFailed) => Err(fault(ImageFault::NotBelieved)),
            (ImageStage::Activating, Is::ActivationSuccessful) => Err(self.runs()),
            (ImageStage::Activating, Is::ActivationFailed) => Err(self.rolled_back()),
            // It has forgotten the transfer over its restart: the version tells.
            (ImageStage::Activating, _) if self.version != image.progress.version => Err(self.runs()),
            (ImageStage::Activating, _) => Err(self.rolled_back()),
            // Blocks are taken, or it has lost what it had.
            (ImageStage::Begun | ImageStage::Verified, _) => {
                if status != Is::Initiated {
                    image.progress.stage = ImageStage::New;
                }
                Ok(Ask::BlockLen)
            }
        }
    }

    fn on_block_len(&mut self, image: &mut Image, len: u32) -> Result<Ask, OrderEnd> {
        let all = image.octets.len().div_ceil((len as usize).max(1));
        if !(1..=IMAGE_BLOCK_LEN_MAX as u32).contains(&len) || all > IMAGE_BLOCKS_MAX {
            return Err(fault(ImageFault::BlockLength(len)));
        }
        self.block_len = len;
        image.progress.all = all as u32;
        Ok(if image.progress.stage == ImageStage::New { Ask::Enabled } else { Ask::Which })
    }

    /// Which blocks are missing of the transfer under way; if that is not ours, it begins anew.
    fn on_which(&mut self, image: &mut Image, there: &Bits<IMAGE_BLOCKS_MAX>) -> Ask {
        if there.len() != image.progress.all as usize {
            image.progress.stage = ImageStage::New;
            return Ask::Enabled;
        }
        self.missing = (0..image.progress.all).rev().filter(|&n| !there.has(n as usize)).collect();
        image.progress.done = image.progress.all - self.missing.len() as u32;
        self.next_block()
    }

    fn next_block(&self) -> Ask {
        self.missing.last().map_or(Ask::FirstMissing, |&number| Ask::Block(number))
    }

    fn on_acted(&mut self, image: &mut Image) -> Ask {
        match self.asks {
            Ask::Initiate => {
                (image.progress.stage, image.progress.done) = (ImageStage::Begun, 0);
                self.missing = (0..image.progress.all).rev().collect();
                self.next_block()
            }
            Ask::Block(_) => {
                self.missing.pop();
                image.progress.done = image.progress.all - self.missing.len() as u32;
                self.next_block()
            }
            Ask::Verify => Ask::Ready,
            // What becomes of it is asked when the meter had time to restart.
            Ask::Activate => {
                self.end = Some(OrderEnd::Partly { pause: specs::PATIENCE });
                Ask::Activate
            }
            other => other,
        }
    }

    fn on_first_missing(&mut self, image: &mut Image, first: u32) -> Result<Ask, OrderEnd> {
        if first >= image.progress.all {
            return Ok(Ask::Verify);
        }
        if core::mem::replace(&mut self.rechecked, true) {
            return Err(fault(ImageFault::Incomplete));
        }
        Ok(Ask::Which)
    }

    fn on_denied(&self, denial: Denial) -> Result<Ask, OrderEnd> {
        let takes_time = denial == Denial::Action(ActionResult::TemporaryFailure);
        match self.asks {
            // A meter that does not name its firmware may take another all the same.
            Ask::Version => Ok(Ask::Status),
            Ask::Verify | Ask::Activate if takes_time => Err(OrderEnd::Partly { pause: specs::PATIENCE }),
            Ask::Verify => Ok(Ask::WhyNotVerified),
            _ => Err(OrderEnd::Denied(0, denial)),
        }
    }

    fn runs(&self) -> OrderEnd {
        let version = Octets::<VERSION_LEN_MAX>::new(&self.version).unwrap_or_default();
        OrderEnd::Done(vec![Answer::Value(version.to_value())])
    }

    fn rolled_back(&self) -> OrderEnd {
        fault(ImageFault::RolledBack(self.version.clone()))
    }
}

/// What is ready to be activated must be what was sent.
fn on_ready(image: &mut Image, ready: &List<ImageInfo, IMAGES_MAX>) -> Result<Ask, OrderEnd> {
    let ours = |info: &ImageInfo| {
        info.size as usize == image.octets.len() && info.identification.as_slice() == image.identifier
    };
    if !ready.as_slice().iter().any(ours) {
        return Err(fault(ImageFault::Another));
    }
    image.progress.stage = image.progress.stage.max(ImageStage::Verified);
    image.progress.done = image.progress.all;
    Ok(Ask::Activate)
}

fn initiate(image: &Image) -> Vec<u8> {
    let identifier = Octets::new(&image.identifier).unwrap_or_default();
    ImageInitiate { identifier, size: image.octets.len() as u32 }.to_value()
}

fn parsed<T: Value>(value: &[u8]) -> Result<T, OrderEnd> {
    T::from_value(value).ok_or_else(|| fault(ImageFault::Unexpected))
}

/// A version is a text or octets, at most [`VERSION_LEN_MAX`].
fn octets_of(value: &[u8]) -> Option<Vec<u8>> {
    let data = dlms::axdr::Data::from_bytes(value).ok()?;
    let octets = data.as_octets().or(match data {
        dlms::axdr::Data::VisibleString(text) => Some(text),
        _ => None,
    })?;
    Some(octets[..octets.len().min(VERSION_LEN_MAX)].to_vec())
}

const fn fault(fault: ImageFault) -> OrderEnd {
    OrderEnd::Image(fault)
}

/// Octets of a version that are kept.
const VERSION_LEN_MAX: usize = 64;
