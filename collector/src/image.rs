//! Images of firmware on their way to a meter: what is wanted, and how far it is.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use dlms::specs::objects::{IMAGE_BLOCKS_MAX, IMAGE_IDENTIFICATION_LEN_MAX};
use plc_core::Instant;

/// Octets of the largest image that is taken: as many blocks as a status can tell, of a kilobyte each.
pub const IMAGE_LEN_MAX: usize = IMAGE_BLOCKS_MAX * 1024;

/// An image that shall run in a meter, with how far that is. Whoever keeps [`ImageProgress`] may order it again after any loss: what is over
/// there already is not sent again.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// Its name for the meter: 1 to 64 octets.
    pub identifier: Vec<u8>,
    /// All of it, with its signature: 1 to [`IMAGE_LEN_MAX`] octets.
    pub octets: Arc<[u8]>,
    /// When it may be activated at the earliest.
    pub activate_from: Instant,
    /// How far it is.
    pub progress: ImageProgress,
}

/// How far an image is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageProgress {
    /// The step of the way.
    pub stage: ImageStage,
    /// Blocks that the meter has.
    pub done: u32,
    /// Blocks of the image; 0 when the meter has not told how long a block is.
    pub all: u32,
    /// The firmware that ran before, as the meter names it; empty when it tells none.
    pub version: Vec<u8>,
}

/// The steps of the way of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageStage {
    /// The meter knows nothing of it.
    #[default]
    New,
    /// The transfer was begun.
    Begun,
    /// The meter has the whole of it, and has found its signature to be right.
    Verified,
    /// The meter was, or may have been, told to run it.
    Activating,
}

/// Why an image does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageFault {
    /// The meter has found it to be forged, damaged, or not for it.
    NotBelieved,
    /// It did not pass its self-check: the firmware before runs again, of this version.
    RolledBack(Vec<u8>),
    /// What is ready to be activated is another image: somebody else has transferred one.
    Another,
    /// The meter takes blocks of so many octets, of which the image has too many.
    BlockLength(u32),
    /// The meter does not say that it has all blocks, although it took each of them.
    Incomplete,
    /// The meter has answered something that is not of the type of the attribute.
    Unexpected,
}

impl Image {
    /// Whether there is anything in it that a meter could take.
    pub(crate) fn is_sound(&self) -> bool {
        let named = (1..=IMAGE_IDENTIFICATION_LEN_MAX).contains(&self.identifier.len());
        named && (1..=IMAGE_LEN_MAX).contains(&self.octets.len())
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Image");
        fields.field("octets", &self.octets.len()).field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl fmt::Display for ImageStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::New => "new",
            Self::Begun => "begun",
            Self::Verified => "verified",
            Self::Activating => "activating",
        })
    }
}

impl fmt::Display for ImageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBelieved => f.write_str("the meter has refused the image: its signature is not right"),
            Self::RolledBack(version) => {
                let version = version.escape_ascii();
                write!(f, "rolled back: the new image did not pass its self-check, firmware {version} runs")
            }
            Self::Another => f.write_str("the meter holds the image of somebody else"),
            Self::BlockLength(len) => {
                write!(f, "blocks of {len} octets, expected 1 to 1024, and no more than 8192 of them")
            }
            Self::Incomplete => f.write_str("the meter misses blocks that it has taken"),
            Self::Unexpected => f.write_str("an answer about the image is malformed"),
        }
    }
}
