//! Images of firmware beside the store: `images/<SHA-256>`, each whole and what its name says, or not there.

use crate::hex;
use collector::IMAGE_LEN_MAX;
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use thiserror::Error;

/// The SHA-256 of an image, which names it.
pub type ImageHash = [u8; 32];

/// Why an image is not kept, or not given.
#[derive(Debug, Error)]
pub enum ImageError {
    /// The file system refused.
    #[error("images {}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is empty or too long.
    #[error("image of {0} octets: expected 1 to {IMAGE_LEN_MAX}")]
    Length(usize),
    /// It is not what was announced.
    #[error("image: SHA-256 is {}, expected {}", hex(.0), hex(.1))]
    Other(ImageHash, ImageHash),
    /// There are too many that jobs want.
    #[error("{KEPT} images are wanted by jobs, expected fewer")]
    Many,
    /// There is none.
    #[error("image {}: not here, expected one that was uploaded", hex(.0))]
    Unknown(ImageHash),
}

/// The folder of images.
#[derive(Debug)]
pub(super) struct Images {
    folder: PathBuf,
    /// The one that was given last.
    given: Option<(ImageHash, Arc<[u8]>)>,
}

impl Images {
    /// Those in the folder `images` of this one.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.join(FOLDER), given: None }
    }

    /// Keeps an image, durable when this returns. Where there are too many, the oldest that is not `wanted` makes room.
    pub(super) fn keep(&self, octets: &[u8], wanted: &[ImageHash]) -> Result<ImageHash, ImageError> {
        if !(1..=IMAGE_LEN_MAX).contains(&octets.len()) {
            return Err(ImageError::Length(octets.len()));
        }
        let hash = hash(octets);
        let io = |error| ImageError::Io { path: self.folder.clone(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(io)?;
        if self.load_from_disk(&hash).is_ok() {
            return Ok(hash);
        }
        self.make_room(wanted)?;
        let unfinished = self.folder.join(UNFINISHED);
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished).map_err(io)?;
        file.write_all(octets).and_then(|()| file.sync_all()).map_err(io)?;
        fs::rename(&unfinished, self.path(&hash)).map_err(io)?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        Ok(hash)
    }

    /// Whether there is one of this name.
    pub(super) fn has(&self, hash: &ImageHash) -> bool {
        self.path(hash).is_file()
    }

    /// An image, proved to be what its name says.
    pub(super) fn give(&mut self, hash: &ImageHash) -> Result<Arc<[u8]>, ImageError> {
        if let Some((_, octets)) = self.given.as_ref().filter(|(known, _)| known == hash) {
            return Ok(Arc::clone(octets));
        }
        let octets: Arc<[u8]> = self.load_from_disk(hash)?.into();
        self.given = Some((*hash, Arc::clone(&octets)));
        Ok(octets)
    }

    fn load_from_disk(&self, wanted: &ImageHash) -> Result<Vec<u8>, ImageError> {
        let path = self.path(wanted);
        let octets = fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ImageError::Unknown(*wanted),
            _ => ImageError::Io { path, error },
        })?;
        match hash(&octets) {
            found if found == *wanted => Ok(octets),
            found => Err(ImageError::Other(found, *wanted)),
        }
    }

    fn make_room(&self, wanted: &[ImageHash]) -> Result<(), ImageError> {
        let io = |error| ImageError::Io { path: self.folder.clone(), error };
        let mut held = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            if entry.file_name() != UNFINISHED {
                let changed = entry.metadata().and_then(|file| file.modified());
                held.push((changed.unwrap_or(SystemTime::UNIX_EPOCH), entry.path()));
            }
        }
        held.sort();
        let is_wanted = |path: &Path| wanted.iter().any(|hash| self.path(hash) == path);
        while held.len() >= KEPT {
            let oldest = held.iter().position(|(_, path)| !is_wanted(path)).ok_or(ImageError::Many)?;
            fs::remove_file(held.remove(oldest).1).map_err(io)?;
        }
        Ok(())
    }

    fn path(&self, hash: &ImageHash) -> PathBuf {
        self.folder.join(hex(hash))
    }
}

/// The name of an image.
pub fn hash(octets: &[u8]) -> ImageHash {
    Sha256::digest(octets).into()
}

/// A hash in 64 hexadecimal digits.
pub fn hex(hash: &ImageHash) -> String {
    hex::hex(hash)
}

/// The hash of 64 hexadecimal digits.
pub fn unhex(text: &str) -> Option<ImageHash> {
    hex::array(text)
}

/// The folder of images in the folder of the store.
const FOLDER: &str = "images";
const UNFINISHED: &str = "unfinished";
/// Images that are kept.
const KEPT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_image_is_given_as_it_was_kept_and_one_that_was_changed_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let name = Images::new(folder.path()).keep(b"firmware", &[]).unwrap();
        let mut images = Images::new(folder.path());
        assert!(images.has(&name));
        assert_eq!(images.give(&name).unwrap()[..], *b"firmware");
        let path = images.path(&name);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, b"firmwarE").unwrap();
        let mut images = Images::new(folder.path());
        assert!(matches!(images.give(&name), Err(ImageError::Other(..))));
        assert_eq!(images.keep(b"firmware", &[]).unwrap(), name, "uploaded again it is mended");
        assert_eq!(images.give(&name).unwrap()[..], *b"firmware");
        assert!(matches!(images.give(&[0; 32]), Err(ImageError::Unknown(_))));
    }

    #[test]
    fn the_oldest_that_nobody_wants_makes_room_and_lengths_are_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let images = Images::new(folder.path());
        let keep = |n: u8, wanted: &[ImageHash]| images.keep(&[n; 9], wanted);
        let all: Vec<_> = (0..KEPT as u8).map(|n| keep(n, &[]).unwrap()).collect();
        assert!(matches!(keep(100, &all), Err(ImageError::Many)));
        let another = keep(100, &all[1..]).unwrap();
        assert!(!images.has(&all[0]) && images.has(&all[1]) && images.has(&another));
        assert!(matches!(images.keep(&[], &[]), Err(ImageError::Length(0))));
        assert!(matches!(images.keep(&vec![0; IMAGE_LEN_MAX + 1], &[]), Err(ImageError::Length(_))));
    }

    #[test]
    fn a_name_is_read_back_and_nothing_else_is() {
        let name = hash(b"x");
        assert_eq!(unhex(&hex(&name)), Some(name));
        for wrong in ["", "00", &hex(&name)[1..], &format!("{}0", hex(&name)), &"g0".repeat(32)] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}
