//! One A-XDR value.

use super::skip::{open, skip};
use super::{CompactArray, Sequence, emit_length, length_len, parse_length};
use crate::cosem::ClockTime;
use crate::specs::tag;
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// The common data types \[BB 4.1.5; GB 9.5\].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Data<'a> {
    /// null-data 0.
    Null,
    /// array 1.
    Array(Sequence<'a>),
    /// structure 2.
    Structure(Sequence<'a>),
    /// boolean 3.
    Boolean(bool),
    /// bit-string 4.
    BitString(BitString<'a>),
    /// double-long 5.
    I32(i32),
    /// double-long-unsigned 6.
    U32(u32),
    /// octet-string 9.
    OctetString(&'a [u8]),
    /// visible-string 10, not checked to be ASCII.
    VisibleString(&'a [u8]),
    /// utf8-string 12.
    Utf8String(&'a str),
    /// bcd 13.
    Bcd(u8),
    /// integer 15.
    I8(i8),
    /// long 16.
    I16(i16),
    /// unsigned 17.
    U8(u8),
    /// long-unsigned 18.
    U16(u16),
    /// compact-array 19.
    CompactArray(CompactArray<'a>),
    /// long64 20.
    I64(i64),
    /// long64-unsigned 21.
    U64(u64),
    /// enum 22.
    Enum(u8),
    /// float32 23.
    F32(f32),
    /// float64 24.
    F64(f64),
    /// date-time 25.
    DateTime([u8; 12]),
    /// date 26.
    Date([u8; 5]),
    /// time 27.
    Time([u8; 4]),
    /// delta-integer 28: what is to be added to the value before.
    DeltaI8(i8),
    /// delta-long 29.
    DeltaI16(i16),
    /// delta-double-long 30.
    DeltaI32(i32),
    /// delta-unsigned 31.
    DeltaU8(u8),
    /// delta-long-unsigned 32.
    DeltaU16(u16),
    /// delta-double-long-unsigned 33.
    DeltaU32(u32),
    /// don't-care 255.
    DontCare,
}

/// Bits, the first in the most significant place of the first octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitString<'a> {
    /// Number of bits.
    pub len: usize,
    /// The octets that hold them; unused bits are zero.
    pub octets: &'a [u8],
}

impl<'a> Data<'a> {
    /// Takes one value and checks all of it.
    ///
    /// # Errors
    /// Truncated or unknown encodings, counts that the rest of the bytes cannot hold, more than 16
    /// levels.
    pub fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        Self::parse_at(reader, 0)
    }

    /// Takes one value that fills all of `bytes`.
    ///
    /// # Errors
    /// As [`Data::parse`], and for trailing bytes.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let data = Self::parse(&mut reader)?;
        reader.finish()?;
        Ok(data)
    }

    /// One value that fills all of `bytes`, and that this crate has checked before: a value out of a response,
    /// the result of a client. Elements of other bytes end where they cease to be values.
    pub fn from_checked(bytes: &'a [u8]) -> Self {
        let sequence = |contents| {
            open(contents, 0).map(|(count, bytes)| Sequence::new(count, 1, bytes)).unwrap_or_default()
        };
        match bytes {
            [tag::ARRAY, contents @ ..] => Self::Array(sequence(contents)),
            [tag::STRUCTURE, contents @ ..] => Self::Structure(sequence(contents)),
            _ => Self::parse(&mut Reader::new(bytes)).unwrap_or(Self::Null),
        }
    }

    /// Any integer type (and enum, bcd not) as a number.
    #[inline]
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::I8(v) => Some(v.into()),
            Self::I16(v) => Some(v.into()),
            Self::I32(v) => Some(v.into()),
            Self::I64(v) => Some(v),
            Self::U8(v) | Self::Enum(v) => Some(v.into()),
            Self::U16(v) => Some(v.into()),
            Self::U32(v) => Some(v.into()),
            Self::U64(v) => i64::try_from(v).ok(),
            _ => None,
        }
    }

    /// Any integer type as a number that is not negative.
    #[inline]
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::U64(v) => Some(v),
            _ => self.as_i64().and_then(|v| u64::try_from(v).ok()),
        }
    }

    /// What a delta adds to the value before it.
    pub fn delta(&self) -> Option<i64> {
        match *self {
            Self::DeltaI8(v) => Some(v.into()),
            Self::DeltaI16(v) => Some(v.into()),
            Self::DeltaI32(v) => Some(v.into()),
            Self::DeltaU8(v) => Some(v.into()),
            Self::DeltaU16(v) => Some(v.into()),
            Self::DeltaU32(v) => Some(v.into()),
            _ => None,
        }
    }

    /// The octets of an octet-string or visible-string.
    pub const fn as_octets(&self) -> Option<&'a [u8]> {
        match *self {
            Self::OctetString(v) | Self::VisibleString(v) => Some(v),
            _ => None,
        }
    }

    /// The elements of a structure.
    pub const fn as_structure(&self) -> Option<Sequence<'a>> {
        match *self {
            Self::Structure(v) => Some(v),
            _ => None,
        }
    }

    /// The elements of an array.
    pub const fn as_array(&self) -> Option<Sequence<'a>> {
        match *self {
            Self::Array(v) => Some(v),
            _ => None,
        }
    }

    /// A date-time, or an octet-string of its length.
    pub fn as_clock_time(&self) -> Option<ClockTime> {
        match *self {
            Self::DateTime(v) => Some(ClockTime::from_octets(v)),
            Self::OctetString(v) => v.try_into().ok().map(ClockTime::from_octets),
            _ => None,
        }
    }

    /// Whether both are of the same type; what sequences hold is not compared.
    pub const fn is_like(&self, other: &Data<'_>) -> bool {
        self.tag() == other.tag()
    }

    /// Writes the value.
    ///
    /// # Errors
    /// No room.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u8(self.tag())?;
        match *self {
            Self::Array(s) | Self::Structure(s) => {
                emit_length(writer, s.len())?;
                writer.bytes(s.encoded())
            }
            Self::BitString(b) => {
                emit_length(writer, b.len)?;
                writer.bytes(b.octets)
            }
            Self::OctetString(v) | Self::VisibleString(v) => emit_octets(writer, v),
            Self::Utf8String(v) => emit_octets(writer, v.as_bytes()),
            Self::CompactArray(v) => v.emit(writer),
            _ => self.emit_fixed(writer),
        }
    }

    /// Octets that [`Data::emit`] writes.
    pub fn wire_len(&self) -> usize {
        1 + match *self {
            Self::Null | Self::DontCare => 0,
            Self::Array(s) | Self::Structure(s) => length_len(s.len()) + s.encoded().len(),
            Self::BitString(b) => length_len(b.len) + b.octets.len(),
            Self::OctetString(v) | Self::VisibleString(v) => length_len(v.len()) + v.len(),
            Self::Utf8String(v) => length_len(v.len()) + v.len(),
            Self::CompactArray(v) => v.wire_len(),
            Self::Boolean(_) | Self::Bcd(_) | Self::I8(_) | Self::U8(_) | Self::Enum(_) => 1,
            Self::DeltaI8(_) | Self::DeltaU8(_) => 1,
            Self::I16(_) | Self::U16(_) | Self::DeltaI16(_) | Self::DeltaU16(_) => 2,
            Self::DeltaI32(_) | Self::DeltaU32(_) => 4,
            Self::I32(_) | Self::U32(_) | Self::F32(_) | Self::Time(_) => 4,
            Self::Date(_) => 5,
            Self::I64(_) | Self::U64(_) | Self::F64(_) => 8,
            Self::DateTime(_) => 12,
        }
    }

    /// Takes a value that stands `depth` levels down.
    pub(super) fn parse_at(reader: &mut Reader<'a>, depth: usize) -> Result<Self, WireError> {
        let tag = reader.u8()?;
        match tag {
            tag::ARRAY => Ok(Self::Array(parse_sequence(reader, depth)?)),
            tag::STRUCTURE => Ok(Self::Structure(parse_sequence(reader, depth)?)),
            tag::COMPACT_ARRAY => Ok(Self::CompactArray(CompactArray::parse_at(reader, depth)?)),
            _ => Self::parse_scalar(tag, reader),
        }
    }

    /// Takes the contents of any type that holds no other values.
    pub(super) fn parse_scalar(tag: u8, reader: &mut Reader<'a>) -> Result<Self, WireError> {
        Ok(match tag {
            tag::NULL => Self::Null,
            tag::BOOLEAN => Self::Boolean(reader.u8()? != 0),
            tag::BIT_STRING => Self::BitString(parse_bits(reader)?),
            tag::I32 => Self::I32(reader.u32_be()? as i32),
            tag::U32 => Self::U32(reader.u32_be()?),
            tag::OCTET_STRING => Self::OctetString(parse_octets(reader)?),
            tag::VISIBLE_STRING => Self::VisibleString(parse_octets(reader)?),
            tag::UTF8_STRING => Self::Utf8String(
                core::str::from_utf8(parse_octets(reader)?).map_err(|_| WireError::Invalid("utf8-string"))?,
            ),
            tag::BCD => Self::Bcd(reader.u8()?),
            tag::I8 => Self::I8(reader.u8()? as i8),
            tag::I16 => Self::I16(reader.u16_be()? as i16),
            tag::U8 => Self::U8(reader.u8()?),
            tag::U16 => Self::U16(reader.u16_be()?),
            tag::I64 => Self::I64(reader.u64_be()? as i64),
            tag::U64 => Self::U64(reader.u64_be()?),
            tag::ENUM => Self::Enum(reader.u8()?),
            tag::F32 => Self::F32(f32::from_bits(reader.u32_be()?)),
            tag::F64 => Self::F64(f64::from_bits(reader.u64_be()?)),
            tag::DATE_TIME => Self::DateTime(reader.array()?),
            tag::DATE => Self::Date(reader.array()?),
            tag::TIME => Self::Time(reader.array()?),
            tag::DELTA_I8 => Self::DeltaI8(reader.u8()? as i8),
            tag::DELTA_I16 => Self::DeltaI16(reader.u16_be()? as i16),
            tag::DELTA_I32 => Self::DeltaI32(reader.u32_be()? as i32),
            tag::DELTA_U8 => Self::DeltaU8(reader.u8()?),
            tag::DELTA_U16 => Self::DeltaU16(reader.u16_be()?),
            tag::DELTA_U32 => Self::DeltaU32(reader.u32_be()?),
            tag::DONT_CARE => Self::DontCare,
            _ => return Err(WireError::Invalid("data type")),
        })
    }

    fn emit_fixed(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        match *self {
            Self::Boolean(v) => writer.u8(u8::from(v)),
            Self::I32(v) | Self::DeltaI32(v) => writer.u32_be(v as u32),
            Self::U32(v) | Self::DeltaU32(v) => writer.u32_be(v),
            Self::Bcd(v) | Self::U8(v) | Self::Enum(v) | Self::DeltaU8(v) => writer.u8(v),
            Self::I8(v) | Self::DeltaI8(v) => writer.u8(v as u8),
            Self::I16(v) | Self::DeltaI16(v) => writer.u16_be(v as u16),
            Self::U16(v) | Self::DeltaU16(v) => writer.u16_be(v),
            Self::I64(v) => writer.u64_be(v as u64),
            Self::U64(v) => writer.u64_be(v),
            Self::F32(v) => writer.u32_be(v.to_bits()),
            Self::F64(v) => writer.u64_be(v.to_bits()),
            Self::DateTime(v) => writer.bytes(&v),
            Self::Date(v) => writer.bytes(&v),
            Self::Time(v) => writer.bytes(&v),
            _ => Ok(()),
        }
    }

    pub(crate) const fn tag(&self) -> u8 {
        match self {
            Self::Null => tag::NULL,
            Self::Array(_) => tag::ARRAY,
            Self::Structure(_) => tag::STRUCTURE,
            Self::Boolean(_) => tag::BOOLEAN,
            Self::BitString(_) => tag::BIT_STRING,
            Self::I32(_) => tag::I32,
            Self::U32(_) => tag::U32,
            Self::OctetString(_) => tag::OCTET_STRING,
            Self::VisibleString(_) => tag::VISIBLE_STRING,
            Self::Utf8String(_) => tag::UTF8_STRING,
            Self::Bcd(_) => tag::BCD,
            Self::I8(_) => tag::I8,
            Self::I16(_) => tag::I16,
            Self::U8(_) => tag::U8,
            Self::U16(_) => tag::U16,
            Self::CompactArray(_) => tag::COMPACT_ARRAY,
            Self::I64(_) => tag::I64,
            Self::U64(_) => tag::U64,
            Self::Enum(_) => tag::ENUM,
            Self::F32(_) => tag::F32,
            Self::F64(_) => tag::F64,
            Self::DateTime(_) => tag::DATE_TIME,
            Self::Date(_) => tag::DATE,
            Self::Time(_) => tag::TIME,
            Self::DeltaI8(_) => tag::DELTA_I8,
            Self::DeltaI16(_) => tag::DELTA_I16,
            Self::DeltaI32(_) => tag::DELTA_I32,
            Self::DeltaU8(_) => tag::DELTA_U8,
            Self::DeltaU16(_) => tag::DELTA_U16,
            Self::DeltaU32(_) => tag::DELTA_U32,
            Self::DontCare => tag::DONT_CARE,
        }
    }
}

fn parse_octets<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], WireError> {
    let len = parse_length(reader)?;
    reader.bytes(len)
}

fn parse_bits<'a>(reader: &mut Reader<'a>) -> Result<BitString<'a>, WireError> {
    let len = parse_length(reader)?;
    let octets = reader.bytes(len.div_ceil(8))?;
    let padding = octets.len() * 8 - len;
    let dirty = octets.last().is_some_and(|last| last & ((1u16 << padding) - 1) as u8 != 0);
    if dirty { Err(WireError::Invalid("bit-string padding")) } else { Ok(BitString { len, octets }) }
}

/// Checks the elements by walking over them, then borrows what was walked.
fn parse_sequence<'a>(reader: &mut Reader<'a>, depth: usize) -> Result<Sequence<'a>, WireError> {
    let (count, rest) = open({ *reader }.rest(), depth)?;
    let behind = skip(rest, count, depth + 1)?;
    let bytes = &rest[..rest.len() - behind.len()];
    *reader = Reader::new(behind);
    Ok(Sequence::new(count, depth + 1, bytes))
}

fn emit_octets(writer: &mut Writer<'_>, octets: &[u8]) -> Result<(), WireError> {
    emit_length(writer, octets.len())?;
    writer.bytes(octets)
}

impl fmt::Display for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Array(s) => display_sequence(f, s, '[', ']'),
            Self::Structure(s) => display_sequence(f, s, '{', '}'),
            Self::Boolean(v) => write!(f, "{v}"),
            Self::BitString(b) => write!(f, "bits{}:{}", b.len, crate::hex::Hex(b.octets)),
            Self::OctetString([]) => f.write_str("''"),
            Self::OctetString(v) => write!(f, "{}", crate::hex::Hex(v)),
            Self::VisibleString(v) => write!(f, "\"{}\"", v.escape_ascii()),
            Self::Utf8String(v) => write!(f, "{v:?}"),
            Self::Bcd(v) => write!(f, "bcd {v:02x}"),
            Self::CompactArray(_) => f.write_str("compact-array"),
            Self::F32(v) => write!(f, "{v}"),
            Self::F64(v) => write!(f, "{v}"),
            Self::DateTime(v) => write!(f, "{}", ClockTime::from_octets(*v)),
            Self::Date(v) => write!(f, "date {}", crate::hex::Hex(v)),
            Self::Time(v) => write!(f, "time {}", crate::hex::Hex(v)),
            Self::U64(v) => write!(f, "{v}"),
            _ if self.delta().is_some() => write!(f, "{:+}", self.delta().unwrap_or_default()),
            Self::DontCare => f.write_str("-"),
            _ => write!(f, "{}", self.as_i64().unwrap_or_default()),
        }
    }
}

fn display_sequence(f: &mut fmt::Formatter<'_>, s: &Sequence<'_>, open: char, close: char) -> fmt::Result {
    write!(f, "{open}")?;
    for (n, element) in s.iter().enumerate() {
        let comma = if n == 0 { "" } else { ", " };
        write!(f, "{comma}{element}")?;
    }
    write!(f, "{close}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axdr::Encoder;
    use crate::hex::hex;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn depth_bombs_and_lying_counts_are_refused() {
        let bomb: Vec<u8> = [2, 1].repeat(50_000);
        assert!(Data::from_bytes(&bomb).is_err());
        for text in
            ["0184FFFFFFFF", "0984FFFFFFFF00", "0203 0000", "0404A1", "13020004 01020304", "1301FFFF00 0101"]
        {
            assert!(Data::from_bytes(&hex(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn published_compact_arrays_expand() {
        for (text, count) in [("131103010203", 3), ("13020211120601010202 0304", 2)] {
            let bytes = hex(text);
            let Ok(Data::CompactArray(array)) = Data::from_bytes(&bytes) else { panic!("{text}") };
            assert_eq!(array.len(), count);
            let mut out = Vec::new();
            let mut encoder = Encoder::new(&mut out, 100);
            array.expand(&mut encoder);
            assert_eq!(encoder.finish(), Ok(()));
            assert_eq!(Data::from_bytes(&out).unwrap().as_array().unwrap().len(), count);
        }
    }

    proptest! {
        #[test]
        fn what_parses_is_written_the_same(bytes in prop::collection::vec(0u8..36, 0..60)) {
            let mut reader = Reader::new(&bytes);
            if let Ok(data) = Data::parse(&mut reader) {
                let _ = alloc::format!("{data}");
                let mut buffer = alloc::vec![0; data.wire_len()];
                let mut writer = Writer::new(&mut buffer);
                data.emit(&mut writer).unwrap();
                prop_assert_eq!(writer.len(), data.wire_len());
                prop_assert_eq!(Data::from_bytes(&buffer), Ok(data));
            }
        }
    }
}
