//! What a meter on a desk keeps over its lives, in a folder: rows, registers, objects and logs in its journal, the image under way in
//! pages of its own, and beside them, for nobody else to read, counters, keys and certificates.

use super::flash_file::FlashFile;
use super::records::Records;
use dlms::security::SystemTitle;
use meter::journal::{ImageBank, Journal};
use meter::{ClockShift, MeterEvent, MeterPersist, MeterState, ProfileSizes};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What an earlier life has left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeskState {
    /// All but the time.
    pub meter: MeterState,
    /// Milliseconds that the clock of the meter is ahead.
    pub ahead_ms: i64,
}

/// The memory of one meter.
#[derive(Debug)]
pub(super) struct Memory {
    folder: PathBuf,
    journal: Journal<FlashFile>,
    images: ImageBank<FlashFile>,
    sizes: ProfileSizes,
    records: Records,
    /// Whether an earlier life has left anything.
    is_old: bool,
}

/// Why a memory is of no use.
pub(super) type Fault = (PathBuf, String);

impl Memory {
    /// The memory of the meter with this title in this folder, which is made if there is none.
    ///
    /// # Errors
    /// It cannot be read, is in use, or is that of another meter.
    pub(super) fn open(folder: &Path, meter: SystemTitle, sizes: ProfileSizes) -> Result<Self, Fault> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| failed(folder, &format_args!("{error}, expected a folder, or nothing yet")))?;
        let (flash, images) = (folder.join(FLASH), folder.join(IMAGES));
        let records = records_in(folder, meter)?;
        let is_old = records.is_some();
        if !is_old {
            begin_first_life(folder, &flash, &images, sizes)?;
        }
        let (pages, bank) =
            (pages_in(&flash, FLASH_PAGES, is_old)?, pages_in(&images, IMAGES_PAGES, is_old)?);
        let (journal, images) = (Journal::open(pages, sizes), ImageBank::open(bank));
        if is_old && !journal.is_begun() {
            return Err(failed(
                &flash,
                &format_args!(
                    "holds nothing that a meter has kept, expected what belongs to {RECORDS}; {ANEW}"
                ),
            ));
        }
        refuse_what_is_lost(&flash, &journal)?;
        let records = records.unwrap_or(Records { meter, ..Records::default() });
        Ok(Self { folder: folder.to_owned(), journal, images, sizes, records, is_old })
    }

    /// Records of the flash in which a bit had flipped and was put back.
    pub(super) const fn mended(&self) -> u32 {
        self.journal.damage().mended
    }

    /// What the earlier lives have left; `None` before the first one.
    pub(super) fn state(&self) -> Option<DeskState> {
        let mut meter = self.journal.state().clone();
        // The journal knows nothing of keys, with which counters begin anew.
        (meter.send_counter, meter.receive_counter) = (1, None);
        meter.image = self.images.image();
        for record in self.records.server.iter() {
            meter.keep(&MeterPersist::Server(record.clone()), &self.sizes);
        }
        self.is_old.then_some(DeskState { meter, ahead_ms: self.records.ahead_ms })
    }

    /// Makes a record durable.
    ///
    /// # Errors
    /// It could not: the meter must not go on.
    pub(super) fn keep(&mut self, record: &MeterPersist) -> Result<(), Fault> {
        if let MeterPersist::Server(record) = record {
            self.records.server.keep(record);
            return if self.is_old { self.write() } else { Ok(()) };
        }
        let is_image = self.images.append(record);
        let failed = |_| (self.folder.join(IMAGES), String::from("the image is not kept"));
        if is_image.map_err(failed)? {
            return Ok(());
        }
        let kept = self.journal.append(record).map(|_| ());
        kept.map_err(|error| (self.folder.join(FLASH), error.to_string()))
    }

    /// The meter is ready for clients: all that it has kept so far becomes durable, and from now on each record by itself.
    ///
    /// # Errors
    /// It could not.
    pub(super) fn begin(self) -> Result<Self, Fault> {
        let Self { folder, mut journal, images, sizes, records, .. } = self;
        journal.begin().map_err(|error| (folder.join(FLASH), error.to_string()))?;
        let (mut pages, mut bank) = (journal.into_flash(), images.into_flash());
        let durable = pages.make_durable().and_then(|()| bank.make_durable());
        durable.map_err(|error| (folder.clone(), error.to_string()))?;
        let (journal, images) = (Journal::open(pages, sizes), ImageBank::open(bank));
        let memory = Self { folder, journal, images, sizes, records, is_old: true };
        memory.write()?;
        absent(&memory.folder.join(FIRST_LIFE))?;
        Ok(memory)
    }

    /// Somebody has set the clock of the meter.
    ///
    /// # Errors
    /// That could not be kept.
    pub(super) fn on_event(&mut self, event: &MeterEvent) -> Result<(), Fault> {
        let MeterEvent::ClockSet(ClockShift::Millis(ms)) = event else { return Ok(()) };
        self.records.ahead_ms = self.records.ahead_ms.saturating_add(*ms);
        if *ms == 0 { Ok(()) } else { self.write() }
    }

    /// Such that a crash leaves the old records or the new, for the owner alone to read.
    fn write(&self) -> Result<(), Fault> {
        let path = self.folder.join(RECORDS);
        self.replace(&path).map_err(|error| (path, error.to_string()))
    }

    fn replace(&self, path: &Path) -> io::Result<()> {
        let beside = self.folder.join(UNFINISHED);
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        write!(file, "{}", self.records)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(&self.folder)?.sync_all()
    }
}

/// Nothing is there, or what a first life has left that was cut short before it had answered anybody.
fn begin_first_life(folder: &Path, flash: &Path, images: &Path, sizes: ProfileSizes) -> Result<(), Fault> {
    let mark = folder.join(FIRST_LIFE);
    let is_whole =
        fs::metadata(flash).is_ok_and(|file| file.is_file() && file.len() == FlashFile::len(FLASH_PAGES));
    if !mark.exists() && is_whole {
        let pages = FlashFile::open(flash, FLASH_PAGES).map_err(|error| failed(flash, &error))?;
        if Journal::open(pages, sizes).is_begun() {
            let gone = format_args!("is gone, expected what belongs to {FLASH}; {ANEW}");
            return Err(failed(&folder.join(RECORDS), &gone));
        }
    }
    File::create(&mark).map_err(|error| failed(&mark, &error))?;
    absent(flash)?;
    absent(images)
}

/// Removes a file if it is there.
fn absent(path: &Path) -> Result<(), Fault> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(path, &error)),
        _ => Ok(()),
    }
}

/// A meter whose flash has lost what it had measured does not go on as if nothing had been there.
fn refuse_what_is_lost(flash: &Path, journal: &Journal<FlashFile>) -> Result<(), Fault> {
    match journal.damage().lost {
        0 => Ok(()),
        lost => Err(failed(
            flash,
            &format_args!("records are damaged at {lost} places, expected them as they were written; {ANEW}"),
        )),
    }
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> Fault {
    (path.to_owned(), error.to_string())
}

/// The records in a folder; `None` if no life has left any.
fn records_in(folder: &Path, meter: SystemTitle) -> Result<Option<Records>, Fault> {
    let kept = folder.join(RECORDS);
    let octets = match fs::read(&kept) {
        Ok(octets) => octets,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(failed(&kept, &format_args!("{error}, expected a file of records; {ANEW}")));
        }
    };
    let records =
        Records::from_octets(&octets).map_err(|fault| failed(&kept, &format_args!("{fault}; {ANEW}")))?;
    if records.meter != meter {
        let [held, meter] = [records.meter, meter].map(|title| super::plan_file::hex(&title));
        return Err(failed(&kept, &format_args!("is of the meter {held}, expected {meter}")));
    }
    Ok(Some(records))
}

/// The pages in a file, which a life that has left records has made as long as they are.
fn pages_in(path: &Path, pages: usize, is_old: bool) -> Result<FlashFile, Fault> {
    let expected = FlashFile::len(pages);
    let whole = match fs::metadata(path) {
        Ok(file) if file.is_file() && (!is_old || file.len() == expected) => Ok(()),
        Ok(file) if file.is_file() => Err(format!("has {} octets", file.len())),
        Ok(_) => Err(String::from("is no file")),
        Err(error) if error.kind() == ErrorKind::NotFound && !is_old => Ok(()),
        Err(error) => Err(error.to_string()),
    };
    let opened = whole.and_then(|()| FlashFile::open(path, pages).map_err(|error| error.to_string()));
    opened
        .map_err(|fault| failed(path, &format_args!("{fault}, expected a file of {expected} octets; {ANEW}")))
}

/// The way out where something is broken.
const ANEW: &str = "a meter begins anew in an empty folder";
const FLASH: &str = "flash";
/// Two halves of 256 kB, as [`meter::journal`] says.
const FLASH_PAGES: usize = 128;
const IMAGES: &str = "images";
/// The largest image that a meter takes, and its head.
const IMAGES_PAGES: usize = 80;
const RECORDS: &str = "records";
const UNFINISHED: &str = "records.new";
/// There from the beginning of a first life until it has left records.
const FIRST_LIFE: &str = "first-life";

#[cfg(test)]
mod tests {
    use super::*;

    const METER: SystemTitle = *b"SIM\0\0\0\0\x03";

    fn open(folder: &Path) -> Result<Memory, Fault> {
        Memory::open(folder, METER, ProfileSizes::default())
    }

    /// A folder that holds what a first life has left, which has measured nothing yet.
    fn lived(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("desk-memory-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("made");
        fs::write(folder.join(FLASH), [0x5A; 300]).expect("a first life that was cut short");
        open(&folder).expect("replaces what belongs to nobody").begin().expect("durable");
        folder
    }

    fn changed(path: &Path, octets: std::ops::Range<usize>) -> Vec<u8> {
        let mut whole = fs::read(path).expect("there");
        whole[octets].iter_mut().for_each(|octet| *octet ^= 1);
        whole
    }

    /// All lines but the last.
    fn cut(path: &Path) -> Vec<u8> {
        let whole = fs::read_to_string(path).expect("there");
        whole.lines().next().expect("the meter").to_owned().into_bytes()
    }

    #[test]
    fn a_bit_that_flips_in_the_flash_is_put_back_and_records_that_are_gone_are_missed() {
        let folder = lived("flip");
        let mut flash = fs::read(folder.join(FLASH)).expect("there");
        flash[40] ^= 0x10;
        fs::write(folder.join(FLASH), &flash).expect("flipped");
        assert_eq!(open(&folder).expect("is mended").mended(), 1);
        fs::rename(folder.join(RECORDS), folder.join("aside")).expect("moved");
        let (named, fault) = open(&folder).expect_err("is gone");
        assert!(named == folder.join(RECORDS) && fault.contains("is gone"), "{fault}");
        assert_eq!(fs::read(folder.join(FLASH)).expect("there"), flash, "is left as it is");
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn what_is_broken_is_refused_by_name_with_what_was_expected_and_left_as_it_is() {
        let folder = lived("broken");
        drop(open(&folder).expect("is whole"));
        let noise: Vec<u8> = (0..300u32).map(|n| (n * 167 % 251) as u8).collect();
        let whole = FlashFile::len(FLASH_PAGES) as usize;
        for (file, broken, said) in [
            (FLASH, noise.clone(), "has 300 octets, expected a file of 524288 octets"),
            (
                FLASH,
                noise.iter().copied().cycle().take(whole).collect(),
                "holds nothing that a meter has kept",
            ),
            (
                FLASH,
                vec![0xFF; whole],
                "holds nothing that a meter has kept, expected what belongs to records",
            ),
            (IMAGES, noise.clone(), "has 300 octets, expected a file of 327680 octets"),
            (FLASH, changed(&folder.join(FLASH), 30..70), "records are damaged at 1 places"),
            (RECORDS, vec![b'm', 0xFF], "lines of text, found other octets at 1"),
            (RECORDS, cut(&folder.join(RECORDS)), "expected a check behind the records"),
            (RECORDS, changed(&folder.join(RECORDS), 20..21), "expected"),
            (RECORDS, b"junk\n".to_vec(), "expected a record of a meter, found \"junk\""),
        ] {
            let path = folder.join(file);
            let before = fs::read(&path).expect("there");
            fs::write(&path, &broken).expect("broken");
            let (named, fault) = open(&folder).expect_err(said);
            assert_eq!(named, path);
            assert!(fault.contains(said) && fault.ends_with(ANEW), "{fault}");
            assert!(fs::read(&path).expect("there") == broken, "{file} is left as it is");
            fs::write(&path, before).expect("mended");
            drop(open(&folder).expect("is whole again"));
        }
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn a_file_where_a_folder_is_to_be_and_a_folder_where_a_file_is_say_so() {
        let folder = lived("kinds");
        let (_, fault) = open(&folder.join(RECORDS)).expect_err("a file");
        assert!(fault.contains("expected a folder"), "{fault}");
        for (file, said) in
            [(FLASH, "is no file, expected a file of"), (RECORDS, "expected a file of records")]
        {
            let path = folder.join(file);
            fs::rename(&path, folder.join("aside")).expect("moved");
            fs::create_dir(&path).expect("made");
            let (named, fault) = open(&folder).expect_err("a folder");
            assert!(named == path && fault.contains(said), "{fault}");
            fs::remove_dir(&path).expect("removed");
            fs::rename(folder.join("aside"), &path).expect("moved back");
        }
        fs::remove_file(folder.join(FLASH)).expect("removed");
        let (named, fault) = open(&folder).expect_err("is gone");
        assert!(named == folder.join(FLASH) && fault.contains("No such file"), "{fault}");
        fs::remove_dir_all(&folder).expect("removed");
    }
}
