//! A meter that takes images: the object of the class, signatures, a restart into the new image or back into the old one.

use dlms::apdu::{ActionResult, DataAccessResult};
use dlms::axdr::{Data, Encoder};
use dlms::classes::{self, Effect, Effects, ImageTransfer, Moment, Object};
use dlms::cosem::{AttributeRequest, LogicalName, MethodRequest};
use dlms::security::{Curve, PrivateKey};
use dlms::server::ObjectEntry;
use plc_core::{Instant, Seed};

pub const IMAGE_TRANSFER: LogicalName = LogicalName([0, 0, 44, 0, 0, 255]);
pub const FIRMWARE: LogicalName = LogicalName([1, 0, 0, 2, 0, 255]);
pub const BLOCK_LEN: usize = 100;
const SIGNATURE_LEN: usize = 64;

/// What becomes of an image that was activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It runs, and the object says so.
    Runs,
    /// It does not pass its self-check, and the object says so.
    RollsBack,
    /// As [`Self::Runs`]; the object has forgotten it over the restart.
    RunsForgotten,
    /// As [`Self::RollsBack`]; the object has forgotten it over the restart.
    RollsBackForgotten,
}

/// The place for an image in a meter.
pub struct ImageDouble {
    pub transfer: ImageTransfer,
    pub octets: Vec<u8>,
    /// Each block that was taken from the line, in order; one that came again counts again.
    pub taken: Vec<u32>,
    pub version: Vec<u8>,
    pub fate: Fate,
}

fn maker() -> PrivateKey {
    PrivateKey::random(Curve::P256, &mut Seed::from_u64(8).stream())
}

/// An image of `len` octets, signed by who makes the meters.
pub fn signed(len: usize) -> Vec<u8> {
    let mut image: Vec<u8> = (0..len - SIGNATURE_LEN).map(|n| (n / 3) as u8).collect();
    let signature = maker().sign(&image);
    image.extend(&signature[..]);
    image
}

impl Default for ImageDouble {
    fn default() -> Self {
        Self {
            transfer: ImageTransfer::new(BLOCK_LEN as u32, 100_000),
            octets: Vec::new(),
            taken: Vec::new(),
            version: b"1.0".to_vec(),
            fate: Fate::Runs,
        }
    }
}

impl ImageDouble {
    pub fn entries() -> [ObjectEntry; 2] {
        let transfer = ObjectEntry::read_only(18, 0, IMAGE_TRANSFER, 7).writable(1 << 5).methods(4, 0b11110);
        [transfer, ObjectEntry::read_only(1, 0, FIRMWARE, 2)]
    }

    pub fn get(&self, attribute: i8, now: Instant, out: &mut Encoder<'_>) -> Result<(), DataAccessResult> {
        self.transfer.get(attribute, &moment(now), out)
    }

    pub fn set(
        &mut self,
        request: &AttributeRequest,
        value: &Data<'_>,
        now: Instant,
    ) -> Result<(), DataAccessResult> {
        classes::write(&mut self.transfer, request.attribute, value, &moment(now), &mut Effects::default())
    }

    pub fn act(
        &mut self,
        request: &MethodRequest,
        parameter: Option<&Data<'_>>,
        now: Instant,
    ) -> Result<(), ActionResult> {
        let mut effects = Effects::default();
        if let (2, Some(Data::Structure(block))) = (request.method, parameter) {
            self.taken.push(block.iter().next().unwrap().as_u64().unwrap() as u32);
        }
        classes::invoke(&mut self.transfer, request.method, parameter, &moment(now), &mut effects)?;
        effects.take().into_iter().try_for_each(|effect| self.follow(effect))
    }

    fn follow(&mut self, effect: Effect) -> Result<(), ActionResult> {
        match effect {
            Effect::ImageBegin { size } => self.octets = vec![0; size as usize],
            Effect::ImageBlock { offset, octets } => {
                self.octets[offset as usize..][..octets.len()].copy_from_slice(&octets);
            }
            Effect::ImageVerify => {
                let (image, signature) = self.octets.split_at(self.octets.len() - SIGNATURE_LEN);
                let believed = maker().public_key().verify(image, signature);
                self.transfer.on_verified(believed.then_some(signature));
                return if believed { Ok(()) } else { Err(ActionResult::OtherReason) };
            }
            Effect::ImageActivate => self.restart(),
            _ => {}
        }
        Ok(())
    }

    fn restart(&mut self) {
        let runs = matches!(self.fate, Fate::Runs | Fate::RunsForgotten);
        if runs {
            self.version = b"2.0".to_vec();
        }
        self.transfer.on_activated(runs);
        if matches!(self.fate, Fate::RunsForgotten | Fate::RollsBackForgotten) {
            self.transfer = self.transfer.forgotten();
        }
    }
}

const fn moment(now: Instant) -> Moment {
    Moment { now, utc: None, wall: None }
}
