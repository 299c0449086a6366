//! What was wrong with the voltage: counts, the last of each kind, and a log.

use super::names;
use super::shown::LogRow;
use crate::ring::Ring;
use crate::specs::QUALITY_ROWS_MAX;
use dlms::axdr::Encoder;
use dlms::classes::profile::{ProfileDescription, SortMethod};
use dlms::classes::register;
use dlms::cosem::{CaptureObject, LogicalName};
use metrology::quality::EventKind;
use plc_core::Utc;

/// What can be wrong with the voltage for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QualityKind {
    /// Too low.
    Dip,
    /// Too high.
    Swell,
    /// Gone.
    Interruption,
}

/// All kinds.
pub const KINDS: [QualityKind; 3] = [QualityKind::Dip, QualityKind::Swell, QualityKind::Interruption];

impl QualityKind {
    /// Of an event; rapid changes of the voltage are counted nowhere.
    pub const fn of(kind: EventKind) -> Option<Self> {
        match kind {
            EventKind::Dip => Some(Self::Dip),
            EventKind::Swell => Some(Self::Swell),
            EventKind::Interruption => Some(Self::Interruption),
            EventKind::RapidChange => None,
        }
    }

    const fn place(self) -> usize {
        match self {
            Self::Dip => 0,
            Self::Swell => 1,
            Self::Interruption => 2,
        }
    }

    /// D of the name of its threshold; count, duration and magnitude follow.
    pub(super) const fn group(self) -> u8 {
        31 + 4 * self.place() as u8
    }

    /// The name of its log.
    pub const fn log(self) -> LogicalName {
        names::quality_log(self.place() as u8 + 1)
    }

    /// The columns of its log: clock, duration, magnitude.
    pub const fn columns(self) -> [CaptureObject; 3] {
        [
            CaptureObject::CLOCK,
            CaptureObject::new(register::CLASS_ID, names::of_phase(0, 12, self.group() + 2, 0), 2),
            CaptureObject::new(register::CLASS_ID, names::of_phase(0, 12, self.group() + 3, 0), 2),
        ]
    }

    pub(super) const fn description<'c>(self, columns: &'c [CaptureObject]) -> ProfileDescription<'c> {
        ProfileDescription {
            logical_name: self.log(),
            capture_objects: columns,
            capture_period_s: 0,
            sort_method: SortMethod::Fifo,
            profile_entries: QUALITY_ROWS_MAX as u32,
        }
    }
}

/// A dip, swell or interruption that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QualityRow {
    /// Which of them.
    pub kind: QualityKind,
    /// When it began.
    pub utc: Utc,
    /// How long it lasted, in ms.
    pub duration_ms: u32,
    /// The lowest voltage, or of a swell the highest, in mV.
    pub magnitude_mv: u32,
    /// Phases that took part, a bit each.
    pub phases: u8,
}

/// How often something has happened, and the last time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often; wraps.
    pub count: u32,
    /// How long it lasted, in ms.
    pub duration_ms: u32,
    /// How far it went, in mV.
    pub magnitude_mv: u32,
}

/// Tallies by kind; of any phase, then of each.
pub type Tallies = [[Tally; 4]; KINDS.len()];

/// Counts one more.
pub(crate) fn count(tallies: &mut Tallies, row: &QualityRow) {
    for (n, tally) in tallies[row.kind.place()].iter_mut().enumerate() {
        if n == 0 || row.phases & 1 << (n - 1) != 0 {
            let (duration_ms, magnitude_mv) = (row.duration_ms, row.magnitude_mv);
            *tally = Tally { count: tally.count.wrapping_add(1), duration_ms, magnitude_mv };
        }
    }
}

/// Counts and logs of power quality.
#[derive(Debug)]
pub struct QualityBook {
    tallies: Tallies,
    rows: [Ring<QualityRow>; KINDS.len()],
}

impl QualityBook {
    /// Nothing has happened.
    pub fn new() -> Self {
        Self { tallies: Tallies::default(), rows: core::array::from_fn(|_| Ring::new(QUALITY_ROWS_MAX)) }
    }

    /// Gives back what was counted and kept before a restart.
    pub(crate) fn restore(&mut self, tallies: Tallies, rows: &[QualityRow]) {
        self.tallies = tallies;
        rows.iter().for_each(|row| self.rows[row.kind.place()].push(*row));
    }

    /// One more.
    pub(super) fn note(&mut self, row: QualityRow) {
        count(&mut self.tallies, &row);
        self.rows[row.kind.place()].push(row);
    }

    /// Of a kind: of any phase (0), or of one from 1.
    pub fn tally(&self, kind: QualityKind, phase: u8) -> Tally {
        self.tallies[kind.place()].get(usize::from(phase)).copied().unwrap_or_default()
    }

    /// How often each kind has happened on any phase.
    pub(crate) fn counts(&self) -> [u32; KINDS.len()] {
        KINDS.map(|kind| self.tally(kind, 0).count)
    }

    /// The log of a kind, oldest first.
    pub const fn rows(&self, kind: QualityKind) -> &Ring<QualityRow> {
        &self.rows[kind.place()]
    }
}

impl Default for QualityBook {
    fn default() -> Self {
        Self::new()
    }
}

impl LogRow for QualityRow {
    fn utc(&self) -> Utc {
        self.utc
    }

    fn key(&self, column: usize) -> i64 {
        self.field(column).into()
    }

    fn emit(&self, column: usize, out: &mut Encoder<'_>) {
        out.u32(self.field(column));
    }
}

impl QualityRow {
    const fn field(&self, column: usize) -> u32 {
        if column == 1 { self.duration_ms } else { self.magnitude_mv }
    }
}
