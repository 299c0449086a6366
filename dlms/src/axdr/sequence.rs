//! Arrays and structures that have been checked, as borrowed sequences.

use super::Data;
use super::skip::skip;
use crate::specs::{AXDR_DEPTH_MAX, tag};
use plc_core::wire::Reader;

/// The elements of an array or structure, checked when it was parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sequence<'a> {
    bytes: &'a [u8],
    // Narrow, so that a value fits four registers.
    count: u32,
    depth: u8,
}

impl<'a> Sequence<'a> {
    /// Of `count` elements that stand `depth` levels down. No more than octets, so they can be counted.
    #[inline]
    pub(super) const fn new(count: usize, depth: usize, bytes: &'a [u8]) -> Self {
        Self { bytes, count: count as u32, depth: depth as u8 }
    }

    /// Number of elements.
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there is no element.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The elements as they stand on the wire, one after the other.
    pub const fn encoded(&self) -> &'a [u8] {
        self.bytes
    }

    /// Walks the elements.
    #[inline]
    pub fn iter(&self) -> Elements<'a> {
        Elements { left: self.count, depth: self.depth, rest: self.bytes }
    }

    /// The element at `index`, found by walking.
    pub fn get(&self, index: usize) -> Option<Data<'a>> {
        self.iter().nth(index)
    }

    /// The elements of a structure of exactly `N`.
    pub fn exactly<const N: usize>(&self) -> Option<[Data<'a>; N]> {
        let mut elements = self.iter();
        let mut fixed = [Data::Null; N];
        for place in &mut fixed {
            *place = elements.next()?;
        }
        (self.len() == N).then_some(fixed)
    }
}

impl<'a> IntoIterator for Sequence<'a> {
    type Item = Data<'a>;
    type IntoIter = Elements<'a>;
    fn into_iter(self) -> Elements<'a> {
        self.iter()
    }
}

/// Walks the elements of a [`Sequence`].
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    rest: &'a [u8],
    left: u32,
    depth: u8,
}

impl<'a> Elements<'a> {
    /// Any type, at leisure.
    fn next_of_any(&mut self) -> Option<Data<'a>> {
        let mut reader = Reader::new(self.rest);
        let data = Data::parse_at(&mut reader, usize::from(self.depth)).ok()?;
        self.rest = reader.rest();
        Some(data)
    }

    /// What stands in the next `N` octets behind the tag.
    #[inline]
    fn fixed<const N: usize>(&mut self, contents: &'a [u8]) -> Option<[u8; N]> {
        let (octets, rest) = contents.split_first_chunk()?;
        self.rest = rest;
        Some(*octets)
    }

    /// The elements of a sequence that is one of ours.
    #[inline]
    fn sequence(&mut self, count: u8, contents: &'a [u8]) -> Option<Sequence<'a>> {
        let depth = usize::from(self.depth) + 1;
        let behind = skip(contents, usize::from(count), depth).ok().filter(|_| depth < AXDR_DEPTH_MAX)?;
        self.rest = behind;
        Some(Sequence::new(count.into(), depth, &contents[..contents.len() - behind.len()]))
    }

    /// The next `len` octets.
    #[inline]
    fn octets(&mut self, len: u8, contents: &'a [u8]) -> Option<&'a [u8]> {
        let (octets, rest) = contents.split_at_checked(usize::from(len))?;
        self.rest = rest;
        Some(octets)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Data<'a>;

    /// What profiles are made of comes first and without detours; [`Data::parse`] is the truth for all types.
    #[inline]
    fn next(&mut self) -> Option<Data<'a>> {
        self.left = self.left.checked_sub(1)?;
        match *self.rest {
            [tag::U32, ref contents @ ..] => self.fixed(contents).map(|n| Data::U32(u32::from_be_bytes(n))),
            [tag::I32, ref contents @ ..] => self.fixed(contents).map(|n| Data::I32(i32::from_be_bytes(n))),
            [tag::U64, ref contents @ ..] => self.fixed(contents).map(|n| Data::U64(u64::from_be_bytes(n))),
            [tag::U16, ref contents @ ..] => self.fixed(contents).map(|n| Data::U16(u16::from_be_bytes(n))),
            [tag::U8, ref contents @ ..] => self.fixed(contents).map(|[n]| Data::U8(n)),
            [tag::NULL, ref contents @ ..] => self.fixed(contents).map(|[]| Data::Null),
            // A date-time: its length is known before it is read.
            [tag::OCTET_STRING, 12, ref contents @ ..] => self.octets(12, contents).map(Data::OctetString),
            [tag::OCTET_STRING, len @ 0..0x80, ref contents @ ..] => {
                self.octets(len, contents).map(Data::OctetString)
            }
            [tag::STRUCTURE, count @ 0..0x80, ref contents @ ..] => {
                self.sequence(count, contents).map(Data::Structure)
            }
            _ => self.next_of_any(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Elements<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_short_way_to_an_element_leads_where_parsing_does(
            bytes in prop::collection::vec(0u8..36, 0..60), count in 0usize..8
        ) {
            let mut reader = Reader::new(&bytes);
            let elements = Sequence::new(count, 1, &bytes);
            for element in elements.iter() {
                let slow = Data::parse_at(&mut reader, 1);
                // Not every float equals itself.
                prop_assert_eq!(alloc::format!("{:?}", Ok::<_, plc_core::wire::WireError>(element)), alloc::format!("{slow:?}"));
            }
        }
    }
}
