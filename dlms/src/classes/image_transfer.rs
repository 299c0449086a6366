//! Image transfer, class 18 \[BB 4.4.6\].

use super::object::{attributes, no_parameter, parameter, stored_attributes};
use super::value::{enumeration, structure};
use super::{Bits, Effect, Effects, List, Moment, Object, Octets};
use crate::apdu::{ActionResult, DataAccessResult};
use crate::axdr::Data;
use crate::specs::objects::{
    IMAGE_BLOCK_LEN_MAX, IMAGE_BLOCKS_MAX, IMAGE_IDENTIFICATION_LEN_MAX, IMAGES_MAX, SIGNATURE_LEN_MAX,
};

enumeration! {
    /// image_transfer_status.
    ImageStatus {
        /// Nothing was begun.
        NotInitiated = 0,
        /// Blocks are taken.
        Initiated = 1,
        /// The image is being verified.
        VerificationInitiated = 2,
        /// It is what it should be.
        VerificationSuccessful = 3,
        /// It is not.
        VerificationFailed = 4,
        /// It is being activated.
        ActivationInitiated = 5,
        /// It runs.
        ActivationSuccessful = 6,
        /// It does not run.
        ActivationFailed = 7,
    }
}

structure! {
    /// image_to_activate_info_element.
    ImageInfo {
        /// Octets.
        size: u32,
        /// Which image it is.
        identification: Octets<IMAGE_IDENTIFICATION_LEN_MAX>,
        /// Its signature.
        signature: Octets<SIGNATURE_LEN_MAX>,
    }
}

structure! {
    /// The parameter of image_transfer_initiate.
    ImageInitiate {
        /// Which image it is.
        identifier: Octets<IMAGE_IDENTIFICATION_LEN_MAX>,
        /// Octets.
        size: u32,
    }
}

structure! {
    /// The parameter of image_block_transfer.
    ImageBlock {
        /// Its number, from 0.
        number: u32,
        /// Its octets: as many as a block has, but for the last.
        value: Octets<IMAGE_BLOCK_LEN_MAX>,
    }
}

attributes! {
    /// An image in blocks that may come in any order and more than once; where the image is kept is for the meter.
    ImageTransfer: IMAGE_TRANSFER {
        /// Octets of a block.
        [2] block_size: u32,
        /// Which blocks have come.
        [3] transferred_blocks: Bits<IMAGE_BLOCKS_MAX>,
        /// The first that has not come.
        [4] first_not_transferred: u32,
        /// Whether images are taken at all.
        [5] enabled: bool,
        /// How far it is.
        [6] status: ImageStatus,
        /// What is ready to be activated.
        [7] to_activate: List<ImageInfo, IMAGES_MAX>,
    } kept {
        /// Octets of the image under way.
        size: u32,
        /// Which image is under way.
        identifier: Octets<IMAGE_IDENTIFICATION_LEN_MAX>,
        /// Octets of the largest image that is taken.
        size_max: u32,
    } volatile {}
}

impl ImageTransfer {
    /// Takes images of at most `size_max` octets in blocks of `block_size`, which are at most
    /// [`IMAGE_BLOCK_LEN_MAX`].
    pub fn new(block_size: u32, size_max: u32) -> Self {
        let block_size = block_size.clamp(1, IMAGE_BLOCK_LEN_MAX as u32);
        Self {
            block_size,
            transferred_blocks: Bits::zeros(0),
            first_not_transferred: 0,
            enabled: true,
            status: ImageStatus::NotInitiated,
            to_activate: List::default(),
            size: 0,
            identifier: Octets::default(),
            size_max: size_max.min(block_size.saturating_mul(IMAGE_BLOCKS_MAX as u32)),
        }
    }

    /// The verification has ended: what the image says of itself, or nothing if it is not what it should be.
    pub fn on_verified(&mut self, signature: Option<&[u8]>) {
        let info = signature.and_then(|signature| {
            let signature = Octets::new(signature)?;
            List::new(alloc::vec![ImageInfo {
                size: self.size,
                identification: self.identifier.clone(),
                signature
            }])
        });
        self.status = if info.is_some() {
            ImageStatus::VerificationSuccessful
        } else {
            ImageStatus::VerificationFailed
        };
        self.to_activate = info.unwrap_or_default();
    }

    /// The activation has ended.
    pub const fn on_activated(&mut self, runs: bool) {
        self.status = if runs { ImageStatus::ActivationSuccessful } else { ImageStatus::ActivationFailed };
    }

    /// The same transfer before anything was begun: what was kept of the image is gone.
    #[must_use]
    pub fn forgotten(&self) -> Self {
        Self { enabled: self.enabled, ..Self::new(self.block_size, self.size_max) }
    }

    /// What is being transferred, and how many octets it has.
    pub fn under_way(&self) -> (&[u8], u32) {
        (self.identifier.as_slice(), self.size)
    }

    fn initiate(&mut self, request: &ImageInitiate, effects: &mut Effects) -> Result<(), ActionResult> {
        if request.size == 0 || request.size > self.size_max {
            return Err(ActionResult::OtherReason);
        }
        let blocks = request.size.div_ceil(self.block_size);
        self.transferred_blocks = Bits::zeros(blocks as usize);
        (self.first_not_transferred, self.status) = (0, ImageStatus::Initiated);
        (self.size, self.identifier) = (request.size, request.identifier.clone());
        self.to_activate = List::default();
        effects.push(Effect::ImageBegin { size: request.size });
        Ok(())
    }

    /// A block that has come already is taken again: who resumes need not know.
    fn block(&mut self, block: &ImageBlock, effects: &mut Effects) -> Result<(), ActionResult> {
        let number = block.number as usize;
        if self.status != ImageStatus::Initiated {
            return Err(ActionResult::OtherReason);
        }
        if number >= self.transferred_blocks.len() {
            return Err(ActionResult::ScopeOfAccessViolated);
        }
        let offset = block.number * self.block_size;
        let octets = block.value.as_slice();
        if octets.len() != self.block_size.min(self.size - offset) as usize {
            return Err(ActionResult::OtherReason);
        }
        if !self.transferred_blocks.has(number) {
            self.transferred_blocks.put(number, true);
            effects.push(Effect::ImageBlock { offset, octets: octets.to_vec() });
        }
        let missing = (0..self.transferred_blocks.len()).find(|&n| !self.transferred_blocks.has(n));
        self.first_not_transferred = missing.unwrap_or(self.transferred_blocks.len()) as u32;
        Ok(())
    }

    fn verify(&mut self, effects: &mut Effects) -> Result<(), ActionResult> {
        let complete = self.first_not_transferred as usize == self.transferred_blocks.len();
        let begun = matches!(
            self.status,
            ImageStatus::Initiated | ImageStatus::VerificationFailed | ImageStatus::VerificationSuccessful
        );
        if !begun || !complete {
            return Err(ActionResult::OtherReason);
        }
        self.status = ImageStatus::VerificationInitiated;
        effects.push(Effect::ImageVerify);
        Ok(())
    }

    /// Only what was verified is activated.
    fn activate(&mut self, effects: &mut Effects) -> Result<(), ActionResult> {
        if self.status != ImageStatus::VerificationSuccessful {
            return Err(ActionResult::OtherReason);
        }
        self.status = ImageStatus::ActivationInitiated;
        effects.push(Effect::ImageActivate);
        Ok(())
    }
}

impl Object for ImageTransfer {
    stored_attributes!();

    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        _: &Moment,
        _: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        self.store(attribute, value)
    }

    fn invoke(
        &mut self,
        method: i8,
        data: &Data<'_>,
        _: &Moment,
        effects: &mut Effects,
    ) -> Result<(), ActionResult> {
        if !self.enabled {
            return Err(ActionResult::OtherReason);
        }
        match method {
            1 => self.initiate(&parameter(data)?, effects),
            2 => self.block(&parameter(data)?, effects),
            3 => no_parameter(data).and_then(|()| self.verify(effects)),
            _ => no_parameter(data).and_then(|()| self.activate(effects)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::{Value, test};
    use alloc::vec::Vec;

    fn act(
        image: &mut ImageTransfer,
        method: i8,
        parameter: &impl Value,
    ) -> Result<Vec<Effect>, ActionResult> {
        let (parameter, mut effects) = (parameter.to_value(), Effects::default());
        image.invoke(method, &Data::from_bytes(&parameter).unwrap(), &test::UNSET, &mut effects)?;
        Ok(effects.take())
    }

    fn block(number: u32, len: usize) -> ImageBlock {
        ImageBlock { number, value: Octets::new(&alloc::vec![number as u8; len]).unwrap() }
    }

    /// An image of three blocks of 100, 100 and 50 octets.
    fn begun() -> ImageTransfer {
        let mut image = ImageTransfer::new(100, 1000);
        let initiate = ImageInitiate { identifier: Octets::new(b"fw-2").unwrap(), size: 250 };
        assert_eq!(act(&mut image, 1, &initiate), Ok(Vec::from([Effect::ImageBegin { size: 250 }])));
        image
    }

    #[test]
    fn blocks_come_in_any_order_and_the_first_missing_is_told() {
        let mut image = begun();
        assert_eq!(act(&mut image, 2, &block(2, 50)).map(|effects| effects.len()), Ok(1));
        assert_eq!((image.first_not_transferred, image.transferred_blocks.has(2)), (0, true));
        assert_eq!(act(&mut image, 2, &block(0, 100)).map(|effects| effects.len()), Ok(1));
        assert_eq!(image.first_not_transferred, 1);
        assert_eq!(act(&mut image, 2, &block(0, 100)), Ok(Vec::new()), "once more changes nothing");
        let kept = crate::classes::Snapshot::of(crate::specs::classes::CLOCK_NAME, &image);
        let mut resumed = ImageTransfer::new(100, 1000);
        assert!(kept.restore(&mut resumed));
        assert_eq!((resumed.first_not_transferred, resumed.transferred_blocks.has(1)), (1, false));
        let last = act(&mut resumed, 2, &block(1, 100)).unwrap();
        assert_eq!(last, [Effect::ImageBlock { offset: 100, octets: alloc::vec![1; 100] }]);
        assert_eq!(resumed.first_not_transferred, 3);
        test::check(&resumed, &test::UNSET);
    }

    #[test]
    fn only_a_whole_image_is_verified_and_only_a_verified_one_activated() {
        let mut image = begun();
        assert_eq!(act(&mut image, 4, &0i8), Err(ActionResult::OtherReason));
        assert_eq!(act(&mut image, 3, &0i8), Err(ActionResult::OtherReason));
        for (number, len) in [(0, 100), (1, 100), (2, 50)] {
            assert!(act(&mut image, 2, &block(number, len)).is_ok());
        }
        assert_eq!(act(&mut image, 3, &0i8), Ok(Vec::from([Effect::ImageVerify])));
        image.on_verified(None);
        assert_eq!(image.status, ImageStatus::VerificationFailed);
        assert_eq!(act(&mut image, 4, &0i8), Err(ActionResult::OtherReason));
        assert!(act(&mut image, 3, &0i8).is_ok());
        image.on_verified(Some(&[7; 64]));
        assert_eq!(image.to_activate.as_slice()[0].signature.as_slice(), [7; 64]);
        assert_eq!(act(&mut image, 4, &0i8), Ok(Vec::from([Effect::ImageActivate])));
        image.on_activated(true);
        assert_eq!(image.status, ImageStatus::ActivationSuccessful);
    }

    #[test]
    fn blocks_of_wrong_number_or_length_and_images_of_wrong_size_are_refused() {
        let mut image = begun();
        assert_eq!(act(&mut image, 2, &block(3, 50)), Err(ActionResult::ScopeOfAccessViolated));
        assert_eq!(act(&mut image, 2, &block(u32::MAX, 50)), Err(ActionResult::ScopeOfAccessViolated));
        for (number, len) in [(0, 99), (0, 101), (2, 51), (2, 0)] {
            assert_eq!(act(&mut image, 2, &block(number, len)), Err(ActionResult::OtherReason));
        }
        for size in [0, 1001, u32::MAX] {
            let initiate = ImageInitiate { identifier: Octets::default(), size };
            assert_eq!(act(&mut image, 1, &initiate), Err(ActionResult::OtherReason), "{size}");
        }
        assert_eq!(test::write(&mut image, 5, &[3, 0]), Ok(()));
        assert_eq!(act(&mut image, 2, &block(0, 100)), Err(ActionResult::OtherReason), "not enabled");
        let never = &mut ImageTransfer::new(100, 1000);
        assert_eq!(act(never, 2, &block(0, 100)), Err(ActionResult::OtherReason));
    }
}
