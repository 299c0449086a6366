//! Arrays and structures that have been checked, as borrowed sequences.

use super::Data;
use plc_core::wire::Reader;

/// The elements of an array or structure, checked when it was parsed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sequence<'a> {
    pub(super) count: usize,
    pub(super) depth: usize,
    pub(super) bytes: &'a [u8],
}

impl<'a> Sequence<'a> {
    /// Number of elements.
    pub const fn len(&self) -> usize {
        self.count
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
    pub fn iter(&self) -> Elements<'a> {
        Elements { left: self.count, depth: self.depth, reader: Reader::new(self.bytes) }
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
        (self.count == N).then_some(fixed)
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
    left: usize,
    depth: usize,
    reader: Reader<'a>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Data<'a>;

    fn next(&mut self) -> Option<Data<'a>> {
        self.left = self.left.checked_sub(1)?;
        Data::parse_at(&mut self.reader, self.depth).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Elements<'_> {}
