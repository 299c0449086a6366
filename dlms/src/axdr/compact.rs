//! Compact arrays: one type description for all elements, then their contents without tags.

use super::{Data, Encoder, Sequence, emit_length, length_len, parse_length};
use crate::specs::{AXDR_DEPTH_MAX, tag};
use alloc::vec::Vec;
use plc_core::wire::{Reader, WireError, Writer};

/// A compact array whose contents have been checked against its type description.
#[derive(Clone, Copy, Debug)]
pub struct CompactArray<'a> {
    /// The description, the length of the contents, the contents.
    encoded: &'a [u8],
    count: u32,
    description_len: u32,
}

impl<'a> CompactArray<'a> {
    /// Number of elements.
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there is no element.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Writes the same value as an ordinary array.
    pub fn expand(&self, out: &mut Encoder<'_>) {
        out.array(self.len());
        let mut contents = Reader::new(self.contents());
        for _ in 0..self.count {
            let mut description = Reader::new(self.description());
            if expand_one(&mut description, &mut contents, out).is_err() || out.is_faulty() {
                return;
            }
        }
    }

    pub(super) fn parse_at(reader: &mut Reader<'a>, depth: usize) -> Result<Self, WireError> {
        let mut ahead = *reader;
        let narrowest = check_description(&mut ahead, depth + 1)?;
        let description = { *reader }.bytes(reader.remaining() - ahead.remaining())?;
        let len = parse_length(&mut ahead)?;
        let contents = ahead.bytes(len)?;
        if narrowest == 0 && !contents.is_empty() {
            return Err(WireError::Invalid("compact-array of empty elements"));
        }
        let count = count_elements(description, contents)?;
        let encoded = reader.bytes(reader.remaining() - ahead.remaining())?;
        // Lengths have 32 bits, and no element is empty.
        Ok(Self { encoded, count: count as u32, description_len: description.len() as u32 })
    }

    fn description(&self) -> &'a [u8] {
        &self.encoded[..self.description_len as usize]
    }

    fn contents(&self) -> &'a [u8] {
        let mut reader = Reader::new(&self.encoded[self.description_len as usize..]);
        parse_length(&mut reader).map_or(&[], |_| reader.rest())
    }

    pub(super) fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(self.description())?;
        emit_length(writer, self.contents().len())?;
        writer.bytes(self.contents())
    }

    pub(super) fn wire_len(&self) -> usize {
        let contents = self.contents().len();
        self.description().len() + length_len(contents) + contents
    }
}

impl PartialEq for CompactArray<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.description(), self.contents()) == (other.description(), other.contents())
    }
}

impl Eq for CompactArray<'_> {}

/// Reads a type description; returns the least octets that an element of it takes.
///
/// An array of elements that may take no octets is refused: its length would cost nothing to claim.
fn check_description(reader: &mut Reader<'_>, depth: usize) -> Result<usize, WireError> {
    if depth >= AXDR_DEPTH_MAX {
        return Err(WireError::Invalid("depth"));
    }
    match reader.u8()? {
        tag::ARRAY => {
            let count = usize::from(reader.u16_be()?);
            let element = check_description(reader, depth + 1)?;
            let empty = element == 0 && count > 0;
            if empty {
                Err(WireError::Invalid("array of empty elements"))
            } else {
                Ok(count.saturating_mul(element))
            }
        }
        tag::STRUCTURE => {
            let count = parse_length(reader)?;
            (0..count)
                .try_fold(0usize, |sum, _| Ok(sum.saturating_add(check_description(reader, depth + 1)?)))
        }
        scalar => narrowest_scalar(scalar),
    }
}

/// The least octets of a scalar without its tag.
fn narrowest_scalar(tag: u8) -> Result<usize, WireError> {
    /// Zeros parse as the shortest value of every type.
    const ZEROS: [u8; 12] = [0; 12];
    let mut reader = Reader::new(&ZEROS);
    Data::parse_scalar(tag, &mut reader)?;
    Ok(ZEROS.len() - reader.remaining())
}

fn count_elements(description: &[u8], contents: &[u8]) -> Result<usize, WireError> {
    let mut contents = Reader::new(contents);
    let mut count = 0;
    while !contents.is_empty() {
        skip_one(&mut Reader::new(description), &mut contents)?;
        count += 1;
    }
    Ok(count)
}

/// Walks over one element; leaves `description` behind the type that it has used.
fn skip_one(description: &mut Reader<'_>, contents: &mut Reader<'_>) -> Result<(), WireError> {
    match description.u8()? {
        tag::ARRAY => {
            let count = description.u16_be()?;
            let element = *description;
            check_description(description, 0)?;
            (0..count).try_for_each(|_| skip_one(&mut element.clone(), contents))
        }
        tag::STRUCTURE => {
            let count = parse_length(description)?;
            (0..count).try_for_each(|_| skip_one(description, contents))
        }
        scalar => Data::parse_scalar(scalar, contents).map(drop),
    }
}

fn expand_one(
    description: &mut Reader<'_>,
    contents: &mut Reader<'_>,
    out: &mut Encoder<'_>,
) -> Result<(), WireError> {
    match description.u8()? {
        tag::ARRAY => {
            let count = description.u16_be()?;
            let element = *description;
            check_description(description, 0)?;
            out.array(usize::from(count));
            (0..count).try_for_each(|_| expand_one(&mut element.clone(), contents, out))
        }
        tag::STRUCTURE => {
            let count = parse_length(description)?;
            out.structure(count);
            (0..count).try_for_each(|_| expand_one(description, contents, out))
        }
        scalar => {
            out.data(&Data::parse_scalar(scalar, contents)?);
            Ok(())
        }
    }
}

/// The description that all elements share, and their contents without tags; `None` if they share none, or
/// if there is no element.
pub(super) fn compacted(array: &Sequence<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut description = Vec::new();
    describe(&array.get(0)?, &mut description)?;
    let (mut contents, mut other) = (Vec::new(), Vec::new());
    for element in array.iter() {
        other.clear();
        describe(&element, &mut other).filter(|()| other == description)?;
        strip(&element, &mut contents)?;
    }
    (!contents.is_empty()).then_some((description, contents))
}

/// Appends the type of a value.
fn describe(value: &Data<'_>, out: &mut Vec<u8>) -> Option<()> {
    match value {
        Data::Structure(fields) => {
            out.push(tag::STRUCTURE);
            push_length(fields.len(), out)?;
            fields.iter().try_for_each(|field| describe(&field, out))
        }
        Data::Array(elements) => {
            let mut first = Vec::new();
            describe(&elements.get(0)?, &mut first)?;
            let mut other = Vec::new();
            let alike = elements.iter().all(|element| {
                other.clear();
                describe(&element, &mut other).is_some() && other == first
            });
            out.push(tag::ARRAY);
            out.extend_from_slice(&u16::try_from(elements.len()).ok().filter(|_| alike)?.to_be_bytes());
            out.extend_from_slice(&first);
            Some(())
        }
        Data::CompactArray(_) => None,
        scalar => {
            out.push(scalar.tag());
            Some(())
        }
    }
}

/// Appends a value without its tags and counts.
fn strip(value: &Data<'_>, out: &mut Vec<u8>) -> Option<()> {
    match value {
        Data::Structure(elements) | Data::Array(elements) => {
            elements.iter().try_for_each(|element| strip(&element, out))
        }
        scalar => {
            let start = out.len();
            out.resize(start + scalar.wire_len(), 0);
            scalar.emit(&mut Writer::new(&mut out[start..])).ok()?;
            out.remove(start);
            Some(())
        }
    }
}

fn push_length(length: usize, out: &mut Vec<u8>) -> Option<()> {
    let mut octets = [0; 5];
    let mut writer = Writer::new(&mut octets);
    emit_length(&mut writer, length).ok()?;
    out.extend_from_slice(writer.written());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::hex;

    #[test]
    fn arrays_are_compacted_as_the_published_ones_are_and_expand_to_themselves() {
        let cases = [
            ("0103 1101 1102 1103", "131103010203"),
            ("0102 0202 1101 120102 0202 1102 120304", "13020211120601010202 0304"),
            ("0102 0101 0901AA 0101 0902BBCC", "1301000109 05 01AA 02BBCC"),
        ];
        for (array, compact) in cases {
            let (array, mut out) = (hex(array), Vec::new());
            let elements = Data::from_bytes(&array).unwrap().as_array().unwrap();
            let mut encoder = Encoder::new(&mut out, 100);
            encoder.compacted(&elements);
            assert_eq!(encoder.finish(), Ok(()));
            assert_eq!(out, hex(compact));
            let Ok(Data::CompactArray(read)) = Data::from_bytes(&out) else { panic!("compact") };
            let mut expanded = Vec::new();
            read.expand(&mut Encoder::new(&mut expanded, 100));
            assert_eq!(expanded, array);
        }
    }

    #[test]
    fn arrays_of_unlike_elements_and_of_nothing_stay_as_they_are() {
        for text in ["0102 1101 120102", "0100", "0102 0000", "0102 0202 1101 1102 0201 1101"] {
            let (array, mut out) = (hex(text), Vec::new());
            Encoder::new(&mut out, 100).compacted(&Data::from_bytes(&array).unwrap().as_array().unwrap());
            assert_eq!(out, array, "{text}");
        }
    }

    #[test]
    fn arrays_of_arrays_that_claim_more_than_a_number_holds_are_refused() {
        let mut bytes = Vec::from([tag::COMPACT_ARRAY]);
        (0..8).for_each(|_| bytes.extend([tag::ARRAY, 0xFF, 0xFF]));
        bytes.extend([17, 1, 0]);
        assert!(Data::from_bytes(&bytes).is_err());
    }
}
