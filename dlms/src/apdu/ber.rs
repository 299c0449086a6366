//! The little BER that the association APDUs need \[GB 9.4.2; ISO 8650\].

pub(super) use crate::specs::ber::{INTEGER, OBJECT_IDENTIFIER, OCTET_STRING};

use crate::axdr::{emit_length, length_len, parse_length};
use heapless::Vec;
use plc_core::wire::{Reader, WireError, Writer};

/// Takes one element: its tag and its contents.
pub(super) fn element<'a>(reader: &mut Reader<'a>) -> Result<(u8, &'a [u8]), WireError> {
    let tag = reader.u8()?;
    let len = parse_length(reader)?;
    Ok((tag, reader.bytes(len)?))
}

/// The contents of the only element in `bytes`, which must have `tag`.
pub(super) fn only(bytes: &[u8], tag: u8) -> Result<&[u8], WireError> {
    let mut reader = Reader::new(bytes);
    let (found, contents) = element(&mut reader)?;
    reader.finish()?;
    if found == tag { Ok(contents) } else { Err(WireError::Invalid("element")) }
}

/// The number in the only element in `bytes`, an integer of one octet.
pub(super) fn only_integer(bytes: &[u8]) -> Result<u8, WireError> {
    match only(bytes, INTEGER)? {
        [number] => Ok(*number),
        _ => Err(WireError::Invalid("integer")),
    }
}

/// Writes one element.
pub(super) fn emit(writer: &mut Writer<'_>, tag: u8, contents: &[u8]) -> Result<(), WireError> {
    writer.u8(tag)?;
    emit_length(writer, contents.len())?;
    writer.bytes(contents)
}

/// Writes an element that holds one other.
pub(super) fn emit_nested(
    writer: &mut Writer<'_>,
    outer: u8,
    inner: u8,
    contents: &[u8],
) -> Result<(), WireError> {
    writer.u8(outer)?;
    emit_length(writer, element_len(contents.len()))?;
    emit(writer, inner, contents)
}

/// Octets of an element with contents of `len`.
pub(super) const fn element_len(len: usize) -> usize {
    1 + length_len(len) + len
}

/// Octets of an element that holds an element with contents of `len`.
pub(super) const fn nested_len(len: usize) -> usize {
    element_len(element_len(len))
}

/// Octets of an optional nested element.
pub(super) fn optional_nested_len(contents: Option<&[u8]>) -> usize {
    contents.map_or(0, |contents| nested_len(contents.len()))
}

/// Writes an optional nested element.
pub(super) fn emit_optional(
    writer: &mut Writer<'_>,
    outer: u8,
    inner: u8,
    contents: Option<&[u8]>,
) -> Result<(), WireError> {
    contents.map_or(Ok(()), |contents| emit_nested(writer, outer, inner, contents))
}

/// The contents of an integer that is not negative.
pub(super) fn unsigned(number: u8) -> Vec<u8, 2> {
    if number < 0x80 { Vec::from_array([number]) } else { Vec::from_array([0, number]) }
}
