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
        let failed = |path: &Path, error: &dyn std::fmt::Display| (path.to_owned(), error.to_string());
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| failed(folder, &error))?;
        let (flash, images) = (folder.join(FLASH), folder.join(IMAGES));
        let kept = folder.join(RECORDS);
        let records = match fs::read_to_string(&kept) {
            Ok(text) => Some(Records::parse(&text).map_err(|fault| failed(&kept, &fault))?),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&kept, &error)),
        };
        if let Some(held) = records.as_ref().map(|records| records.meter).filter(|held| *held != meter) {
            let [held, meter] = [held, meter].map(|title| super::plan_file::hex(&title));
            return Err(failed(&kept, &format!("is of the meter {held}, expected {meter}")));
        }
        if records.is_none() {
            // A first life that was cut short before it had answered anybody.
            for path in [&flash, &images] {
                match fs::remove_file(path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(path, &error)),
                    _ => {}
                }
            }
        }
        let pages = FlashFile::open(&flash, FLASH_PAGES).map_err(|error| failed(&flash, &error))?;
        let bank = FlashFile::open(&images, IMAGES_PAGES).map_err(|error| failed(&images, &error))?;
        let (is_old, fresh) = (records.is_some(), Records { meter, ..Records::default() });
        let (journal, images) = (Journal::open(pages, sizes), ImageBank::open(bank));
        let folder = folder.to_owned();
        Ok(Self { folder, journal, images, sizes, records: records.unwrap_or(fresh), is_old })
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
        let Self { folder, journal, images, sizes, records, .. } = self;
        let (mut pages, mut bank) = (journal.into_flash(), images.into_flash());
        let durable = pages.make_durable().and_then(|()| bank.make_durable());
        durable.map_err(|error| (folder.clone(), error.to_string()))?;
        let (journal, images) = (Journal::open(pages, sizes), ImageBank::open(bank));
        let memory = Self { folder, journal, images, sizes, records, is_old: true };
        memory.write()?;
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

const FLASH: &str = "flash";
/// Two halves of 256 kB, as [`meter::journal`] says.
const FLASH_PAGES: usize = 128;
const IMAGES: &str = "images";
/// The largest image that a meter takes, and its head.
const IMAGES_PAGES: usize = 80;
const RECORDS: &str = "records";
const UNFINISHED: &str = "records.new";
