//! Which of two images runs: a new one is on trial until it has passed its self-check, else the old one is back.
//!
//! ```text
//! image verified ─► begin_trial ─► [restart] boot: one attempt less, durable, then the new image runs
//!                                   ├─ self-check passed ─► committed: it boots from now on
//!                                   ├─ self-check failed ─► rolled back: the old one boots from now on
//!                                   └─ it hangs, or power is cut ─► boot again; without attempts left: rolled back
//! ```
//!
//! What drives a meter carries out all that it says before it judges a trial, tells it [`Firmware::report`] when it starts and the
//! outcome of the self-check when there is one ([`crate::ApplicationInput::Activation`]): clients see it as image_transfer_status and in
//! the log.
//!
//! The boot record stands in two pages of flash, appended, the newest that is whole counts. A write that is cut leaves the one
//! before it, so that an image that was committed is never lost, and one on trial never runs more often than it may.

use crate::application::MeterApplication;
use crate::config::MeterState;
use crate::journal::{Flash, FlashError};
use crate::objects::names;
use crate::specs::TRIALS;
use core::fmt;
use dlms::cosem::LogicalName;
use plc_core::crc::record_crc;

/// A place for an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bank {
    /// The first; a new meter runs it.
    A,
    /// The second.
    B,
}

impl Bank {
    /// The other one: where a new image goes while this one runs.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// What has become of the image that was to be activated last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// There was none.
    None,
    /// It is on trial.
    OnTrial,
    /// It has passed its self-check and runs.
    Committed,
    /// It has not, and the image before it runs.
    RolledBack,
}

/// What the boot record says, for the image that runs: see [`crate::MeterConfig::boot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootReport {
    /// What has become of the image that was to be activated last.
    pub activation: Activation,
    /// Trials that were ever begun, modulo 256: tells that one from those before it.
    pub trials: u8,
}

/// Why no image can be run or judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirmwareError {
    /// The flash has failed: what was to be recorded is not.
    Flash(FlashError),
    /// Neither bank holds a sound image.
    NoImage,
    /// No image is on trial.
    NotOnTrial,
}

impl fmt::Display for FirmwareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flash(_) => "the flash of the boot record has failed",
            Self::NoImage => "neither bank holds a sound image, expected one that does",
            Self::NotOnTrial => "a self-check was judged, expected an image on trial",
        })
    }
}

impl core::error::Error for FirmwareError {}

impl From<FlashError> for FirmwareError {
    fn from(error: FlashError) -> Self {
        Self::Flash(error)
    }
}

/// The boot record of a meter with two banks.
#[derive(Debug)]
pub struct Firmware<F> {
    flash: F,
    record: Record,
    /// Where the next record goes: a page and a slot in it.
    next: (usize, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    sequence: u32,
    confirmed: Bank,
    activation: Activation,
    /// Starts that an image on trial still has.
    attempts: u8,
    /// Trials that were ever begun, modulo 256.
    trials: u8,
}

/// Octets of a record: sequence, bank, activation, attempts, trials, checksum.
const LEN: usize = 12;
/// Pages of the record: when one is full, the other is erased and taken.
const PAGES: usize = 2;

impl<F: Flash> Firmware<F> {
    /// Finds the boot record in the first two pages of `flash`; where there is none, bank A is confirmed.
    pub fn open(flash: F) -> Self {
        let record =
            Record { sequence: 0, confirmed: Bank::A, activation: Activation::None, attempts: 0, trials: 0 };
        let mut firmware = Self { flash, record, next: (0, usize::MAX) };
        let mut found = false;
        for page in 0..PAGES {
            for slot in 0..firmware.slots() {
                let Some(record) = Record::parse(&firmware.read(page, slot)) else { continue };
                // Sequences are never far apart: the one that is ahead is the newer.
                if !found || record.sequence.wrapping_sub(firmware.record.sequence) as i32 > 0 {
                    (firmware.record, firmware.next, found) = (record, (page, slot + 1), true);
                }
            }
        }
        firmware
    }

    /// The bank that boots when nothing is on trial.
    pub const fn confirmed(&self) -> Bank {
        self.record.confirmed
    }

    /// What has become of the image that was to be activated last.
    pub const fn activation(&self) -> Activation {
        self.record.activation
    }

    /// What the image that runs is to be told when it starts.
    pub const fn report(&self) -> BootReport {
        BootReport { activation: self.record.activation, trials: self.record.trials }
    }

    /// The flash, back.
    pub fn into_flash(self) -> F {
        self.flash
    }

    /// A verified image stands in the other bank: the next [`Self::boot`] runs it on trial.
    ///
    /// # Errors
    /// The flash has failed; the image is not on trial.
    pub fn begin_trial(&mut self) -> Result<(), FirmwareError> {
        let trials = self.record.trials.wrapping_add(1);
        self.put(Record { activation: Activation::OnTrial, attempts: TRIALS, trials, ..self.record })
    }

    /// The meter starts: the bank to run. An attempt of an image on trial is recorded before it runs.
    ///
    /// # Errors
    /// Neither bank is sound. A flash that fails is none: the confirmed image runs, which needs no record.
    pub fn boot(&mut self, is_sound: impl Fn(Bank) -> bool) -> Result<Bank, FirmwareError> {
        let (confirmed, on_trial) = (self.record.confirmed, self.record.confirmed.other());
        if self.record.activation == Activation::OnTrial {
            let attempts = self.record.attempts.checked_sub(1).filter(|_| is_sound(on_trial));
            let recorded = match attempts {
                Some(attempts) => self.put(Record { attempts, ..self.record }),
                None => self.put(Record { activation: Activation::RolledBack, attempts: 0, ..self.record }),
            };
            if attempts.is_some() && recorded.is_ok() {
                return Ok(on_trial);
            }
        }
        [confirmed, on_trial].into_iter().find(|&bank| is_sound(bank)).ok_or(FirmwareError::NoImage)
    }

    /// The image on trial runs and has checked itself. After a failure the meter is to be restarted.
    ///
    /// # Errors
    /// No image is on trial, or the flash has failed: then it stays on trial.
    pub fn on_self_check(&mut self, passed: bool) -> Result<Activation, FirmwareError> {
        if self.record.activation != Activation::OnTrial {
            return Err(FirmwareError::NotOnTrial);
        }
        let (confirmed, activation) = if passed {
            (self.record.confirmed.other(), Activation::Committed)
        } else {
            (self.record.confirmed, Activation::RolledBack)
        };
        self.put(Record { confirmed, activation, attempts: 0, ..self.record })?;
        Ok(activation)
    }

    fn slots(&self) -> usize {
        self.flash.page_len() / LEN
    }

    fn read(&self, page: usize, slot: usize) -> [u8; LEN] {
        let mut octets = [0; LEN];
        self.flash.read(page * self.flash.page_len() + slot * LEN, &mut octets);
        octets
    }

    /// Makes a record durable; only then it counts.
    fn put(&mut self, record: Record) -> Result<(), FirmwareError> {
        let record = Record { sequence: self.record.sequence.wrapping_add(1), ..record };
        let (mut page, mut slot) = self.next;
        // A record that was cut leaves a slot that nothing can be written to.
        while slot < self.slots() && self.read(page, slot) != [0xFF; LEN] {
            slot += 1;
        }
        if slot >= self.slots() {
            (page, slot) = (PAGES - 1 - page, 0);
            self.flash.erase(page)?;
        }
        self.flash.program(page * self.flash.page_len() + slot * LEN, &record.octets())?;
        (self.record, self.next) = (record, (page, slot + 1));
        Ok(())
    }
}

impl Record {
    fn octets(self) -> [u8; LEN] {
        let mut octets = [0; LEN];
        octets[..4].copy_from_slice(&self.sequence.to_le_bytes());
        octets[4] = self.confirmed as u8;
        octets[5] = self.activation as u8;
        octets[6] = self.attempts;
        octets[7] = self.trials;
        let crc = record_crc(&octets[..8]);
        octets[8..].copy_from_slice(&crc.to_le_bytes());
        octets
    }

    fn parse(octets: &[u8; LEN]) -> Option<Self> {
        const ACTIVATIONS: [Activation; 4] =
            [Activation::None, Activation::OnTrial, Activation::Committed, Activation::RolledBack];
        let record = Self {
            sequence: u32::from_le_bytes([octets[0], octets[1], octets[2], octets[3]]),
            confirmed: *[Bank::A, Bank::B].get(usize::from(octets[4]))?,
            activation: *ACTIVATIONS.get(usize::from(octets[5]))?,
            attempts: octets[6],
            trials: octets[7],
        };
        (record.octets() == *octets).then_some(record)
    }
}

/// What a new image has lost of what the meter had kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfCheckError {
    /// The registers are not those that were kept.
    Registers,
    /// A profile is not what was kept.
    Profiles,
    /// An object did not take back the state that was kept of it.
    Object(LogicalName),
}

impl fmt::Display for SelfCheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registers => f.write_str("registers, expected those that were kept"),
            Self::Profiles => f.write_str("profiles, expected the rows that were kept"),
            Self::Object(name) => write!(f, "object {name}, expected the state that was kept"),
        }
    }
}

impl core::error::Error for SelfCheckError {}

/// The self-check of an image on trial, before the first input: whether `app`, which was built with `kept`, has taken back all
/// that the image before it had kept. The image transfer is left out, because its blocks may be gone.
///
/// # Errors
/// The first thing that was lost.
pub fn self_check(app: &mut MeterApplication, kept: &MeterState) -> Result<(), SelfCheckError> {
    let state = app.state();
    if (state.ledger, state.rates) != (kept.ledger, kept.rates) {
        return Err(SelfCheckError::Registers);
    }
    if (&state.load, &state.daily, &state.monthly) != (&kept.load, &kept.daily, &kept.monthly) {
        return Err(SelfCheckError::Profiles);
    }
    let shown = app.board().snapshots();
    let lost = kept
        .objects
        .iter()
        .find(|&object| object.logical_name != names::IMAGE_TRANSFER && !shown.contains(object));
    lost.map_or(Ok(()), |object| Err(SelfCheckError::Object(object.logical_name)))
}
