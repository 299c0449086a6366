//! The flash of a meter in a file: what was programmed before a program was killed is there in its next life.

use meter::journal::{Flash, FlashError};
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Pages of NOR flash, in memory and in a file.
#[derive(Debug)]
pub(super) struct FlashFile {
    octets: Vec<u8>,
    file: File,
    /// Whether each change waits for the disk.
    is_durable: bool,
}

const PAGE: usize = 4096;
const ERASED: u8 = 0xFF;

impl FlashFile {
    /// Octets of so many pages.
    pub(super) const fn len(pages: usize) -> u64 {
        (PAGE * pages) as u64
    }

    /// So many pages in this file. What lies behind its end is erased.
    ///
    /// # Errors
    /// The file cannot be opened, read or written.
    pub(super) fn open(path: &Path, pages: usize) -> io::Result<Self> {
        let mut options = File::options();
        // It may hold keys and passwords.
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.try_lock()
            .map_err(|error| io::Error::other(format!("{error}, expected one meter at a time")))?;
        let held = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX).min(PAGE * pages);
        let mut octets = vec![ERASED; PAGE * pages];
        file.read_exact_at(&mut octets[..held], 0)?;
        // A file that were longer than what was written to it would hold zeros in between, which is not what erased flash reads.
        file.write_all_at(&octets[held..], held as u64)?;
        Ok(Self { octets, file, is_durable: false })
    }

    /// From now on each change waits for the disk, as all before do now.
    ///
    /// # Errors
    /// The disk fails.
    pub(super) fn make_durable(&mut self) -> io::Result<()> {
        self.is_durable = true;
        self.file.sync_all()
    }

    fn write(&self, from: usize, len: usize) -> Result<(), FlashError> {
        let written = self.file.write_all_at(&self.octets[from..from + len], from as u64);
        let synced = written.and_then(|()| if self.is_durable { self.file.sync_data() } else { Ok(()) });
        synced.map_err(|_| FlashError)
    }
}

impl Flash for FlashFile {
    fn page_len(&self) -> usize {
        PAGE
    }

    fn pages(&self) -> usize {
        self.octets.len() / PAGE
    }

    fn read(&self, address: usize, octets: &mut [u8]) {
        octets.fill(ERASED);
        let held = self.octets.get(address..).unwrap_or_default();
        let len = held.len().min(octets.len());
        octets[..len].copy_from_slice(&held[..len]);
    }

    fn program(&mut self, address: usize, octets: &[u8]) -> Result<(), FlashError> {
        let place = self.octets.get_mut(address..address + octets.len()).ok_or(FlashError)?;
        place.iter_mut().zip(octets).for_each(|(held, octet)| *held &= octet);
        self.write(address, octets.len())
    }

    fn erase(&mut self, page: usize) -> Result<(), FlashError> {
        self.octets.get_mut(page * PAGE..(page + 1) * PAGE).ok_or(FlashError)?.fill(ERASED);
        self.write(page * PAGE, PAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGES: usize = 8;

    #[test]
    fn what_was_programmed_is_there_in_the_next_life_and_bits_are_only_cleared() {
        let path = std::env::temp_dir().join(format!("desk-flash-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let mut flash = FlashFile::open(&path, PAGES).expect("made");
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it may hold keys");
        flash.program(PAGE + 1, &[0xF0, 0x12]).expect("programmed");
        flash.program(PAGE + 1, &[0x3F]).expect("programmed");
        flash.program(5 * PAGE, &[0]).expect("programmed");
        flash.erase(5).expect("erased");
        drop(flash);
        let mut flash = FlashFile::open(&path, PAGES).expect("opened");
        let mut octets = [0; 4];
        flash.read(PAGE, &mut octets);
        assert_eq!(octets, [ERASED, 0x30, 0x12, ERASED]);
        flash.read(5 * PAGE, &mut octets);
        assert_eq!(octets, [ERASED; 4]);
        flash.read(PAGES * PAGE - 1, &mut octets);
        assert_eq!(octets, [ERASED; 4], "beyond the end");
        assert_eq!(flash.program(PAGES * PAGE - 1, &[0, 0]), Err(FlashError));
        assert_eq!(flash.erase(PAGES), Err(FlashError));
        std::fs::remove_file(&path).expect("removed");
    }
}
