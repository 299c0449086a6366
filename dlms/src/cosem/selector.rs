//! Selective access to the buffer of a profile generic \[BB 4.3.6\].

use super::{ClockTime, LogicalName};
use crate::axdr::{Data, Encoder};
use crate::specs::{SELECTED_COLUMNS_MAX, SELECTOR_LEN_MAX, selector};
use alloc::vec::Vec;
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// capture_object_definition: a column of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureObject {
    /// The interface class.
    pub class_id: u16,
    /// The object.
    pub logical_name: LogicalName,
    /// The attribute that is captured.
    pub attribute: i8,
    /// 0 the whole attribute, n its n-th element.
    pub data_index: u16,
}

impl CaptureObject {
    /// The whole of an attribute.
    pub const fn new(class_id: u16, logical_name: LogicalName, attribute: i8) -> Self {
        Self { class_id, logical_name, attribute, data_index: 0 }
    }

    /// The time of the clock object 0-0:1.0.0.255.
    pub const CLOCK: Self = Self::new(8, LogicalName([0, 0, 1, 0, 0, 255]), 2);

    /// From the structure that capture_objects and selectors hold.
    pub fn from_data(data: &Data<'_>) -> Option<Self> {
        let [class_id, name, attribute, data_index] = data.as_structure()?.exactly()?;
        Some(Self {
            class_id: u16::try_from(class_id.as_u64()?).ok()?,
            logical_name: LogicalName(name.as_octets()?.try_into().ok()?),
            attribute: i8::try_from(attribute.as_i64()?).ok()?,
            data_index: u16::try_from(data_index.as_u64()?).ok()?,
        })
    }

    /// Writes the structure.
    pub fn encode(&self, out: &mut Encoder<'_>) {
        out.structure(4);
        out.u16(self.class_id);
        out.logical_name(self.logical_name);
        out.i8(self.attribute);
        out.u16(self.data_index);
    }
}

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A time, on a clock column.
    Time(ClockTime),
    /// A number, on any other column.
    Number(i64),
}

impl Bound {
    fn from_data(data: &Data<'_>) -> Option<Self> {
        data.as_clock_time().map(Self::Time).or_else(|| data.as_i64().map(Self::Number))
    }

    fn encode(&self, out: &mut Encoder<'_>) {
        match *self {
            Self::Time(time) => out.clock_time(&time),
            Self::Number(number) => match u32::try_from(number) {
                Ok(number) => out.u32(number),
                Err(_) => out.i64(number),
            },
        }
    }
}

/// What part of a buffer is wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Selector {
    /// range_descriptor, access selector 1: rows whose restricting value lies within `from..=to`.
    Range {
        /// The column that is compared.
        restricting: CaptureObject,
        /// Oldest or smallest wanted.
        from: Bound,
        /// Newest or largest wanted.
        to: Bound,
        /// Columns wanted; empty for all.
        columns: Vec<CaptureObject>,
    },
    /// entry_descriptor, access selector 2: rows and columns by number, from 1. A last of 0 means the
    /// highest that exists.
    Entry {
        /// First row.
        from_entry: u32,
        /// Last row.
        to_entry: u32,
        /// First column.
        from_column: u16,
        /// Last column.
        to_column: u16,
    },
    /// A selector of another class, or one whose parameters this crate does not know.
    Other {
        /// The access selector.
        number: u8,
        /// One whole encoded value.
        parameters: Vec<u8>,
    },
}

impl Selector {
    /// All columns of the rows of a clock column within `from..=to`.
    pub const fn between(from: ClockTime, to: ClockTime) -> Self {
        let (from, to) = (Bound::Time(from), Bound::Time(to));
        Self::Range { restricting: CaptureObject::CLOCK, from, to, columns: Vec::new() }
    }

    pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let number = reader.u8()?;
        let whole = *reader;
        let parameters = Data::parse(reader)?;
        let known = parameters.as_structure().and_then(|fields| match number {
            selector::RANGE => Self::range(fields.exactly()?),
            selector::ENTRY => Self::entry(fields.exactly()?),
            _ => None,
        });
        let len = whole.remaining() - reader.remaining();
        match known {
            Some(known) => Ok(known),
            None if len > SELECTOR_LEN_MAX => Err(WireError::Invalid("selector")),
            None => Ok(Self::Other { number, parameters: { whole }.bytes(len)?.to_vec() }),
        }
    }

    fn range([restricting, from, to, columns]: [Data<'_>; 4]) -> Option<Self> {
        let columns = columns.as_array()?;
        if columns.len() > SELECTED_COLUMNS_MAX {
            return None;
        }
        Some(Self::Range {
            restricting: CaptureObject::from_data(&restricting)?,
            from: Bound::from_data(&from)?,
            to: Bound::from_data(&to)?,
            columns: columns.iter().map(|column| CaptureObject::from_data(&column)).collect::<Option<_>>()?,
        })
    }

    fn entry([from_entry, to_entry, from_column, to_column]: [Data<'_>; 4]) -> Option<Self> {
        Some(Self::Entry {
            from_entry: u32::try_from(from_entry.as_u64()?).ok()?,
            to_entry: u32::try_from(to_entry.as_u64()?).ok()?,
            from_column: u16::try_from(from_column.as_u64()?).ok()?,
            to_column: u16::try_from(to_column.as_u64()?).ok()?,
        })
    }

    pub(crate) fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&self.encoded())
    }

    pub(crate) fn wire_len(&self) -> usize {
        self.encoded().len()
    }

    fn encoded(&self) -> Vec<u8> {
        let mut bytes = Vec::from([self.number()]);
        if let Self::Other { parameters, .. } = self {
            bytes.extend_from_slice(parameters);
            return bytes;
        }
        let mut out = Encoder::new(&mut bytes, SELECTOR_LEN_MAX);
        out.structure(4);
        match self {
            Self::Range { restricting, from, to, columns } => {
                restricting.encode(&mut out);
                from.encode(&mut out);
                to.encode(&mut out);
                let columns = &columns[..columns.len().min(SELECTED_COLUMNS_MAX)];
                out.array(columns.len());
                columns.iter().for_each(|column| column.encode(&mut out));
            }
            Self::Entry { from_entry, to_entry, from_column, to_column } => {
                out.u32(*from_entry);
                out.u32(*to_entry);
                out.u16(*from_column);
                out.u16(*to_column);
            }
            Self::Other { .. } => {}
        }
        bytes
    }

    const fn number(&self) -> u8 {
        match self {
            Self::Range { .. } => selector::RANGE,
            Self::Entry { .. } => selector::ENTRY,
            Self::Other { number, .. } => *number,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range { from, to, columns, .. } => {
                write!(f, "range {from:?}..={to:?} columns {}", columns.len())
            }
            Self::Entry { from_entry, to_entry, from_column, to_column } => {
                write!(f, "entries {from_entry}..={to_entry} columns {from_column}..={to_column}")
            }
            Self::Other { number, parameters } => write!(f, "selector {number} {} octets", parameters.len()),
        }
    }
}
