//! What a meter has measured, kept in flash: no loss of power takes a row that was stored.
//!
//! The pages are two halves. One holds a snapshot of the state and behind it the records that came after; when it is full, a new
//! snapshot is written to the other, and becomes valid with its header, which is written last. Whatever is cut, one half is whole:
//!
//! ```text
//! half A  [header 7][snapshot …][record][record][record]        valid, sequence 7
//! half B  [ erased ][snapshot … under way                       becomes valid with header 8
//! ```
//!
//! A record has a checksum, so one that was cut is none; and one in which a bit has flipped is put back, or left out with what stands behind it
//! kept, and told ([`Journal::damage`]). A meter that captures every quarter of an hour writes some 110 kB a day; with
//! two halves of 256 kB every page is erased about once in five days, a thousand times in fifteen years, where NOR flash takes ten thousand.
//!
//! The octets of an image under way have pages of their own: [`ImageBank`].
//!
//! Keys and certificates that clients have changed are not kept here: they belong into a memory that nobody reads out.

mod image_bank;
mod item;
mod repair;

use crate::application::MeterPersist;
use crate::config::MeterState;
use crate::profiles::ProfileSizes;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
pub use image_bank::{ImageBank, KeptImage};
pub use item::{Counter, Item, Profile};
use plc_core::crc::record_crc;
use plc_core::wire::{Reader, WireError, Writer};
pub use repair::Damage;

/// Pages of NOR flash: erasing sets all bits of a page, programming clears bits.
pub trait Flash {
    /// Octets of a page.
    fn page_len(&self) -> usize;

    /// Pages there are.
    fn pages(&self) -> usize;

    /// Reads from an address, counted from the first page. What lies beyond the end reads as erased.
    fn read(&self, address: usize, octets: &mut [u8]);

    /// Clears the bits that are zero in `octets`, from the first octet on.
    ///
    /// # Errors
    /// The flash has failed, or power is going: how far it came is not known.
    fn program(&mut self, address: usize, octets: &[u8]) -> Result<(), FlashError>;

    /// Sets all bits of a page.
    ///
    /// # Errors
    /// The flash has failed, or power is going: what the page holds is not known.
    fn erase(&mut self, page: usize) -> Result<(), FlashError>;
}

/// The flash did not do what it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlashError;

/// Why a record was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalError {
    /// The flash has failed.
    Flash(FlashError),
    /// The state does not fit a half.
    Full {
        /// Octets that the state takes.
        needed: usize,
        /// Octets that there are.
        room: usize,
    },
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(_) => f.write_str("the flash has failed"),
            Self::Full { needed, room } => {
                write!(f, "the state takes {needed} octets, expected at most {room}, half of the flash")
            }
        }
    }
}

impl core::error::Error for JournalError {}

impl From<FlashError> for JournalError {
    fn from(error: FlashError) -> Self {
        Self::Flash(error)
    }
}

/// The journal of a meter.
#[derive(Debug)]
pub struct Journal<F> {
    flash: F,
    sizes: ProfileSizes,
    state: MeterState,
    /// The valid half; `None` while there is none.
    half: Option<usize>,
    sequence: u32,
    /// Where the next record goes, in the valid half.
    end: usize,
    /// Something stands there already: a record that was cut.
    torn: bool,
    damage: Damage,
}

/// Octets before the snapshot: magic, sequence, checksum.
const HEADER: usize = 12;
const MAGIC: u32 = 0x4D4A_0002;
/// Octets before a record: length and checksum.
const RECORD_HEADER: usize = 6;
/// The longest record.
const RECORD_MAX: usize = 4096;

impl<F: Flash> Journal<F> {
    /// Finds what was kept before, with no more rows than `sizes` allows.
    pub fn open(flash: F, sizes: ProfileSizes) -> Self {
        let mut journal = Self {
            flash,
            sizes,
            state: MeterState::default(),
            half: None,
            sequence: 0,
            end: HEADER,
            torn: false,
            damage: Damage::default(),
        };
        let newest = [0, 1].into_iter().filter_map(|half| Some((journal.header(half)?, half)));
        // Sequences are never far apart: the one that is ahead is the newer.
        let newest = newest.reduce(|a, b| if (b.0.wrapping_sub(a.0) as i32) > 0 { b } else { a });
        if let Some((sequence, half)) = newest {
            (journal.sequence, journal.half) = (sequence, Some(half));
            journal.replay(half);
        }
        journal
    }

    /// All that is kept.
    pub const fn state(&self) -> &MeterState {
        &self.state
    }

    /// Whether anything was ever kept. A flash of which nothing is sound holds no state either.
    pub const fn is_begun(&self) -> bool {
        self.half.is_some()
    }

    /// Makes the state durable as it is, if nothing was kept yet.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn begin(&mut self) -> Result<(), JournalError> {
        if self.is_begun() { Ok(()) } else { self.begin_half() }
    }

    /// What was not as it had been written when the journal was opened.
    pub const fn damage(&self) -> Damage {
        self.damage
    }

    /// The flash.
    pub const fn flash(&self) -> &F {
        &self.flash
    }

    /// The flash, back from the journal.
    pub fn into_flash(self) -> F {
        self.flash
    }

    /// Makes a record durable; returns whether it is one that is kept here. After an error nothing more is known of the record, and
    /// whatever was kept before is.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn append(&mut self, record: &MeterPersist) -> Result<bool, JournalError> {
        let Some(item) = Item::of(record) else { return Ok(false) };
        let framed = framed(&item);
        item.apply(&mut self.state, &self.sizes);
        match self.half.filter(|_| !self.torn && self.end + framed.len() <= self.room()) {
            Some(half) => {
                // Until it has succeeded, nobody knows what stands there.
                self.torn = true;
                self.flash.program(self.base(half) + self.end, &framed)?;
                (self.end, self.torn) = (self.end + framed.len(), false);
            }
            None => self.begin_half()?,
        }
        Ok(true)
    }

    /// Octets of a half.
    fn room(&self) -> usize {
        self.flash.pages() / 2 * self.flash.page_len()
    }

    const fn other(half: Option<usize>) -> usize {
        match half {
            Some(0) => 1,
            _ => 0,
        }
    }

    fn base(&self, half: usize) -> usize {
        half * self.room()
    }

    /// Writes a snapshot to the other half, which becomes the valid one.
    fn begin_half(&mut self) -> Result<(), JournalError> {
        let snapshot: Vec<u8> = Item::all_of(&self.state).iter().flat_map(framed).collect();
        let (half, room) = (Self::other(self.half), self.room());
        let end = HEADER + snapshot.len();
        if end > room {
            return Err(JournalError::Full { needed: end, room });
        }
        let pages = self.flash.pages() / 2;
        (half * pages..(half + 1) * pages).try_for_each(|page| self.flash.erase(page))?;
        let base = self.base(half);
        self.flash.program(base + HEADER, &snapshot)?;
        let sequence = self.sequence.wrapping_add(1);
        self.flash.program(base, &header(sequence))?;
        (self.half, self.sequence, self.end, self.torn) = (Some(half), sequence, end, false);
        Ok(())
    }

    /// The sequence of a half, if it is valid, also with a flipped bit.
    fn header(&self, half: usize) -> Option<u32> {
        let octets = self.header_octets(half);
        let sequence = u32::from_le_bytes([octets[4], octets[5], octets[6], octets[7]]);
        (octets == header(sequence)).then_some(sequence).or_else(|| Self::mended_header(&octets))
    }

    fn header_octets(&self, half: usize) -> [u8; HEADER] {
        let mut octets = [0; HEADER];
        self.flash.read(self.base(half), &mut octets);
        octets
    }

    /// Takes everything from a half, up to its end or to a record that was cut. Nothing is ever written behind one that was cut: a record that
    /// is not sound, with sound ones behind it, was whole once.
    fn replay(&mut self, half: usize) {
        let written = self.written(half);
        self.damage.mended += u32::from(self.header_octets(half) != header(self.sequence));
        loop {
            if let Some((item, len)) = self.item_at(half, self.end) {
                self.take(&item, len);
            } else if self.end >= written {
                break;
            } else if let Some((item, len)) = self.mended_at(half, self.end) {
                self.damage.mended += 1;
                self.take(&item, len);
            } else if let Some(next) = self.next_sound(half, self.end + 1, written) {
                self.damage.lost += 1;
                self.end = next;
            } else {
                break;
            }
        }
        // What is damaged is written anew with the next record.
        self.torn = self.end < written || self.damage != Damage::default();
    }

    fn take(&mut self, item: &Item, len: usize) {
        item.apply(&mut self.state, &self.sizes);
        self.end += len;
    }

    /// The record at an offset of a half, and its length.
    fn item_at(&self, half: usize, at: usize) -> Option<(Item, usize)> {
        let mut head = [0; RECORD_HEADER];
        if at + RECORD_HEADER > self.room() {
            return None;
        }
        self.flash.read(self.base(half) + at, &mut head);
        let len = usize::from(u16::from_le_bytes([head[0], head[1]]));
        let whole = RECORD_HEADER + len;
        if len > RECORD_MAX || at + whole > self.room() {
            return None;
        }
        let mut octets = vec![0; whole];
        self.flash.read(self.base(half) + at, &mut octets);
        sound(&octets)
    }
}

/// The record with which octets begin, if it is sound, and its length.
fn sound(octets: &[u8]) -> Option<(Item, usize)> {
    let (head, rest) = octets.split_at_checked(RECORD_HEADER)?;
    let len = usize::from(u16::from_le_bytes([head[0], head[1]]));
    let body = rest.get(..len)?;
    let item = (record_crc(body).to_le_bytes() == head[2..]).then(|| Item::parse_all(body).ok())??;
    Some((item, RECORD_HEADER + len))
}

fn header(sequence: u32) -> [u8; HEADER] {
    let mut octets = [0; HEADER];
    octets[..4].copy_from_slice(&MAGIC.to_le_bytes());
    octets[4..8].copy_from_slice(&sequence.to_le_bytes());
    let crc = record_crc(&octets[..8]);
    octets[8..].copy_from_slice(&crc.to_le_bytes());
    octets
}

/// A record with its length and checksum. Items are bounded: see [`Item::emit`].
fn framed(item: &Item) -> Vec<u8> {
    let mut buffer = vec![0; RECORD_MAX];
    let mut out = Writer::new(&mut buffer);
    let len = if item.emit(&mut out).is_ok() { out.len() } else { 0 };
    let body = &buffer[..len];
    let mut framed = Vec::with_capacity(RECORD_HEADER + len);
    framed.extend((len as u16).to_le_bytes());
    framed.extend(record_crc(body).to_le_bytes());
    framed.extend(body);
    framed
}

impl Item {
    fn parse_all(octets: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(octets);
        let item = Self::parse(&mut reader)?;
        reader.finish()?;
        Ok(item)
    }
}
