//! Profile generic, class 7 \[BB 4.3.6\].

mod null_cells;

pub use null_cells::{NullCells, RestoreFault, Restoring};

use crate::apdu::DataAccessResult;
use crate::axdr::{Data, Elements, Encoder, Sequence};
use crate::cosem::{Bound, CaptureObject, LogicalName, Selector};
use alloc::vec::Vec;
use core::ops::Range;

/// The interface class Profile generic.
pub const CLASS_ID: u16 = 7;
/// The attribute buffer.
pub const BUFFER: i8 = 2;
/// The attribute capture_objects.
pub const CAPTURE_OBJECTS: i8 = 3;
/// The attribute capture_period.
pub const CAPTURE_PERIOD: i8 = 4;
/// The attribute entries_in_use.
pub const ENTRIES_IN_USE: i8 = 7;
/// The attribute profile_entries.
pub const PROFILE_ENTRIES: i8 = 8;

/// How the rows of a buffer are sorted \[BB 4.3.6; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SortMethod {
    /// First in, first out.
    Fifo = 1,
    /// Last in, first out.
    Lifo = 2,
}

/// What a server has to offer of a profile, besides its rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProfileDescription<'a> {
    /// The object.
    pub logical_name: LogicalName,
    /// The columns.
    pub capture_objects: &'a [CaptureObject],
    /// Seconds between rows; 0 when captured by other means.
    pub capture_period_s: u32,
    /// The order of the rows.
    pub sort_method: SortMethod,
    /// Rows that the buffer can hold.
    pub profile_entries: u32,
}

/// The rows of a profile, the first first.
pub trait RowSource {
    /// Rows in the buffer.
    fn rows(&self) -> u32;
    /// The place of a cell in the order of its column: for a clock column seconds since 1970, for others
    /// the number itself. `None` when the cell has no such place.
    fn key(&self, row: u32, column: usize) -> Option<i64>;
    /// Writes one cell, one value.
    fn cell(&self, row: u32, column: usize, out: &mut Encoder<'_>);
}

/// Writes an attribute of a profile generic, the buffer with its selective access.
///
/// # Errors
/// The result that the client is told: an attribute that does not exist, a selector that names no column
/// of this profile or no row at all.
pub fn encode(
    attribute: i8,
    selector: Option<&Selector>,
    profile: &ProfileDescription<'_>,
    rows: &dyn RowSource,
    out: &mut Encoder<'_>,
) -> Result<(), DataAccessResult> {
    if selector.is_some() && attribute != BUFFER {
        return Err(DataAccessResult::ScopeOfAccessViolated);
    }
    match attribute {
        1 => out.logical_name(profile.logical_name),
        BUFFER => return encode_buffer(selector, profile, rows, out),
        CAPTURE_OBJECTS => {
            out.array(profile.capture_objects.len());
            profile.capture_objects.iter().for_each(|column| column.encode(out));
        }
        CAPTURE_PERIOD => out.u32(profile.capture_period_s),
        5 => out.enumeration(profile.sort_method as u8),
        6 => profile.capture_objects.first().unwrap_or(&NO_OBJECT).encode(out),
        ENTRIES_IN_USE => out.u32(rows.rows()),
        PROFILE_ENTRIES => out.u32(profile.profile_entries),
        _ => return Err(DataAccessResult::ObjectUndefined),
    }
    Ok(())
}

/// sort_object when rows are in no order.
const NO_OBJECT: CaptureObject = CaptureObject::new(0, LogicalName([0; 6]), 0);

fn encode_buffer(
    selector: Option<&Selector>,
    profile: &ProfileDescription<'_>,
    rows: &dyn RowSource,
    out: &mut Encoder<'_>,
) -> Result<(), DataAccessResult> {
    let chosen = Choice::of(selector, profile.capture_objects, rows)?;
    out.array(chosen.rows.len());
    for row in chosen.rows.iter() {
        out.structure(chosen.columns.len());
        chosen.columns.iter().for_each(|column| rows.cell(row as u32, column, out));
        if out.is_faulty() {
            break;
        }
    }
    Ok(())
}

/// The rows and columns that a selector chooses.
struct Choice {
    rows: Chosen,
    columns: Chosen,
}

/// Numbers: one behind the other, which takes no memory, or those that are listed.
enum Chosen {
    Span(Range<usize>),
    Listed(Vec<usize>),
}

impl Chosen {
    fn len(&self) -> usize {
        match self {
            Self::Span(span) => span.len(),
            Self::Listed(all) => all.len(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let (span, listed) = match self {
            Self::Span(span) => (span.clone(), &[][..]),
            Self::Listed(all) => (0..0, &all[..]),
        };
        span.chain(listed.iter().copied())
    }
}

impl Choice {
    fn of(
        selector: Option<&Selector>,
        objects: &[CaptureObject],
        source: &dyn RowSource,
    ) -> Result<Self, DataAccessResult> {
        match selector {
            None => Ok(Self {
                rows: Chosen::Span(0..source.rows() as usize),
                columns: Chosen::Span(0..objects.len()),
            }),
            Some(Selector::Range { restricting, from, to, columns }) => {
                Self::range(restricting, (from, to), columns, objects, source)
            }
            Some(&Selector::Entry { from_entry, to_entry, from_column, to_column }) => {
                Self::entry((from_entry, to_entry), (from_column, to_column), objects, source)
            }
            Some(Selector::Other { .. }) => Err(DataAccessResult::ScopeOfAccessViolated),
        }
    }

    fn range(
        restricting: &CaptureObject,
        (from, to): (&Bound, &Bound),
        columns: &[CaptureObject],
        objects: &[CaptureObject],
        source: &dyn RowSource,
    ) -> Result<Self, DataAccessResult> {
        let column = position(objects, restricting)?;
        let (from, to) = (key(from, i64::MIN)?, key(to, i64::MAX)?);
        let within =
            |row: &usize| source.key(*row as u32, column).is_some_and(|key| (from..=to).contains(&key));
        let columns = match columns {
            [] => Chosen::Span(0..objects.len()),
            named => Chosen::Listed(
                named.iter().map(|object| position(objects, object)).collect::<Result<_, _>>()?,
            ),
        };
        Ok(Self { rows: Chosen::Listed((0..source.rows() as usize).filter(within).collect()), columns })
    }

    /// Rows and columns count from 1; a last of 0 means the highest.
    fn entry(
        (from_row, to_row): (u32, u32),
        (from_column, to_column): (u16, u16),
        objects: &[CaptureObject],
        source: &dyn RowSource,
    ) -> Result<Self, DataAccessResult> {
        if from_row == 0 || from_column == 0 {
            return Err(DataAccessResult::ScopeOfAccessViolated);
        }
        let last_row = if to_row == 0 { source.rows() } else { to_row.min(source.rows()) };
        let highest = objects.len();
        let last_column = if to_column == 0 { highest } else { usize::from(to_column).min(highest) };
        let columns = Chosen::Span(usize::from(from_column) - 1..last_column);
        Ok(Self { rows: Chosen::Span(from_row as usize - 1..last_row as usize), columns })
    }
}

fn position(objects: &[CaptureObject], wanted: &CaptureObject) -> Result<usize, DataAccessResult> {
    objects.iter().position(|object| object == wanted).ok_or(DataAccessResult::ScopeOfAccessViolated)
}

/// The place of a bound in the order of a column; a date that says nothing at all is no bound.
fn key(bound: &Bound, open: i64) -> Result<i64, DataAccessResult> {
    match bound {
        Bound::Number(number) => Ok(*number),
        Bound::Time(time) if time.octets()[..8] == [0xFF; 8] => Ok(open),
        Bound::Time(time) => {
            time.utc_assuming(0).map(|utc| utc.as_secs()).ok_or(DataAccessResult::TypeUnmatched)
        }
    }
}

/// The rows of a received buffer, walked without copies.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    rows: Sequence<'a>,
}

impl<'a> Rows<'a> {
    /// The rows of an encoded buffer: an array of structures. `None` when it is anything else.
    pub fn from_value(encoded: &'a [u8]) -> Option<Self> {
        let rows = Data::from_bytes(encoded).ok()?.as_array()?;
        rows.iter().all(|row| row.as_structure().is_some()).then_some(Self { rows })
    }

    /// Number of rows.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Walks the rows; each walks its cells.
    pub fn iter(&self) -> impl Iterator<Item = Elements<'a>> + use<'a> {
        self.rows.iter().filter_map(|row| row.as_structure().map(|cells| cells.iter()))
    }
}

/// The columns of an encoded capture_objects attribute.
pub fn capture_objects(encoded: &[u8]) -> Option<Vec<CaptureObject>> {
    let columns = Data::from_bytes(encoded).ok()?.as_array()?;
    columns.iter().map(|column| CaptureObject::from_data(&column)).collect()
}
