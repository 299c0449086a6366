//! What stands in lists \[GB 9.5\]: descriptors, values, results. Counts are checked against the octets that
//! are there before anything is stored.

use super::{DataAccessResult, take_value};
use crate::axdr::{Data, emit_length, length_len, parse_length};
use crate::cosem::{AttributeRequest, MethodRequest};
use crate::specs::get::DESCRIPTOR_LEN_MIN;
use alloc::vec::Vec;
use plc_core::wire::{Reader, WireError, Writer};

/// SEQUENCE OF Data: checked when parsed, walked without copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Values<'a> {
    count: usize,
    encoded: &'a [u8],
}

impl<'a> Values<'a> {
    /// The list that fills all of `bytes`, its count ahead.
    ///
    /// # Errors
    /// A count that the octets do not bear out, values that are none, trailing octets.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let values = Self::parse(&mut reader)?;
        reader.finish()?;
        Ok(values)
    }

    /// A list of values that are encoded each, with its count ahead.
    pub(crate) fn joined<'v>(values: impl ExactSizeIterator<Item = &'v [u8]>) -> Vec<u8> {
        let mut bytes = counted(values.len());
        values.for_each(|value| bytes.extend_from_slice(value));
        bytes
    }

    /// Number of values.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Walks the values: one whole encoded value each.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = Reader::new(self.encoded);
        (0..self.count).map_while(move |_| take_value(&mut reader).ok())
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let count = parse_length(reader)?;
        if count > reader.remaining() {
            return Err(WireError::Truncated);
        }
        let mut ahead = *reader;
        for _ in 0..count {
            Data::parse(&mut ahead)?;
        }
        let encoded = reader.bytes(reader.remaining() - ahead.remaining())?;
        Ok(Self { count, encoded })
    }

    pub(super) fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        emit_length(writer, self.count)?;
        writer.bytes(self.encoded)
    }

    pub(super) const fn wire_len(&self) -> usize {
        length_len(self.count) + self.encoded.len()
    }
}

/// SEQUENCE OF Data-Access-Result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessResults<'a> {
    codes: &'a [u8],
}

impl<'a> AccessResults<'a> {
    /// Of one code for each result.
    pub(crate) const fn new(codes: &'a [u8]) -> Self {
        Self { codes }
    }

    /// Number of results.
    pub const fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Walks the results.
    pub fn iter(&self) -> impl Iterator<Item = DataAccessResult> + use<'a> {
        self.codes.iter().map(|&code| DataAccessResult::from_code(code))
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let count = parse_length(reader)?;
        Ok(Self { codes: reader.bytes(count)? })
    }

    pub(super) fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        emit_length(writer, self.codes.len())?;
        writer.bytes(self.codes)
    }

    pub(super) const fn wire_len(&self) -> usize {
        length_len(self.codes.len()) + self.codes.len()
    }
}

/// The octets of a count.
pub(crate) fn counted(count: usize) -> Vec<u8> {
    let mut octets = [0; 5];
    let mut writer = Writer::new(&mut octets);
    emit_length(&mut writer, count).map_or_else(|_| Vec::new(), |()| writer.written().to_vec())
}

/// Takes a list whose elements take at least `len_min` octets each.
pub(super) fn parse_list<T>(
    reader: &mut Reader<'_>,
    len_min: usize,
    parse: impl Fn(&mut Reader<'_>) -> Result<T, WireError>,
) -> Result<Vec<T>, WireError> {
    let count = parse_length(reader)?;
    if count > reader.remaining() / len_min {
        return Err(WireError::Truncated);
    }
    (0..count).map(|_| parse(reader)).collect()
}

pub(super) fn parse_attributes(reader: &mut Reader<'_>) -> Result<Vec<AttributeRequest>, WireError> {
    parse_list(reader, DESCRIPTOR_LEN_MIN, AttributeRequest::parse)
}

pub(super) fn emit_attributes(
    writer: &mut Writer<'_>,
    attributes: &[AttributeRequest],
) -> Result<(), WireError> {
    emit_length(writer, attributes.len())?;
    attributes.iter().try_for_each(|attribute| attribute.emit(writer))
}

pub(super) fn attributes_len(attributes: &[AttributeRequest]) -> usize {
    length_len(attributes.len()) + attributes.iter().map(AttributeRequest::wire_len).sum::<usize>()
}

pub(super) fn parse_methods(reader: &mut Reader<'_>) -> Result<Vec<MethodRequest>, WireError> {
    parse_list(reader, METHOD_LEN, MethodRequest::parse)
}

pub(super) fn emit_methods(writer: &mut Writer<'_>, methods: &[MethodRequest]) -> Result<(), WireError> {
    emit_length(writer, methods.len())?;
    methods.iter().try_for_each(|method| method.emit(writer))
}

pub(super) const fn methods_len(methods: &[MethodRequest]) -> usize {
    length_len(methods.len()) + methods.len() * METHOD_LEN
}

/// A cosem-method-descriptor.
const METHOD_LEN: usize = 2 + 6 + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_walked_in_order_and_lying_counts_refused() {
        let bytes = Values::joined([&[0][..], &[0x11, 5], &[9, 2, 1, 2]].into_iter());
        let values = Values::from_bytes(&bytes).unwrap();
        assert!(values.iter().eq([&[0][..], &[0x11, 5], &[9, 2, 1, 2]]));
        for wrong in [&[2, 0][..], &[0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0], &[1, 0, 0], &[1, 0x20], &[]] {
            assert!(Values::from_bytes(wrong).is_err(), "{wrong:02x?}");
        }
    }
}
