//! Writing A-XDR values.

use super::length::encode_length;
use super::skip::CLOCK_TIME_LEN;
use super::{Data, Sequence, compact};
use crate::cosem::{ClockTime, LogicalName};
use crate::specs::{AXDR_DEPTH_MAX, tag};
use alloc::vec::Vec;
use core::fmt;
use heapless::Vec as Stack;

/// Why what an [`Encoder`] wrote is not one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeFault {
    /// More octets than the limit.
    TooLong,
    /// More than 16 levels.
    TooDeep,
    /// An array or structure has fewer elements than it said, or there is not exactly one value.
    Unbalanced,
}

impl fmt::Display for EncodeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "a value longer than its limit",
            Self::TooDeep => return write!(f, "a value with more than {AXDR_DEPTH_MAX} levels"),
            Self::Unbalanced => {
                "not one value: expected as many elements as every array and structure has said"
            }
        })
    }
}

impl core::error::Error for EncodeFault {}

/// Writes one value into a `Vec`, never more octets than its limit.
///
/// Sequences announce their number of elements and take the values that follow:
/// `encoder.structure(2); encoder.u8(1); encoder.null();`. A fault sticks: later calls write nothing
/// and [`Encoder::finish`] names it.
#[derive(Debug)]
pub struct Encoder<'v> {
    out: &'v mut Vec<u8>,
    limit: usize,
    /// Elements that the innermost sequence wants still; none where none is open.
    left: usize,
    /// The same of those around it.
    open: Stack<usize, AXDR_DEPTH_MAX>,
    values: usize,
    fault: Option<EncodeFault>,
}

impl<'v> Encoder<'v> {
    /// Appends to `out`, which may grow to `limit` octets in all.
    pub fn new(out: &'v mut Vec<u8>, limit: usize) -> Self {
        Self { out, limit, left: 0, open: Stack::new(), values: 0, fault: None }
    }

    /// Whether a fault has occurred.
    pub const fn is_faulty(&self) -> bool {
        self.fault.is_some()
    }

    /// Whether nothing was written.
    pub const fn is_unused(&self) -> bool {
        self.values == 0 && self.fault.is_none()
    }

    /// Checks that exactly one whole value was written.
    ///
    /// # Errors
    /// The first fault.
    pub fn finish(self) -> Result<(), EncodeFault> {
        match self.fault {
            Some(fault) => Err(fault),
            None if self.values != 1 || self.left > 0 => Err(EncodeFault::Unbalanced),
            None => Ok(()),
        }
    }

    /// null-data.
    pub fn null(&mut self) {
        self.whole([tag::NULL]);
    }

    /// Opens an array of `count` elements.
    pub fn array(&mut self, count: usize) {
        self.sequence(tag::ARRAY, count);
    }

    /// Opens a structure of `count` elements.
    pub fn structure(&mut self, count: usize) {
        self.sequence(tag::STRUCTURE, count);
    }

    /// boolean.
    pub fn boolean(&mut self, value: bool) {
        self.whole([tag::BOOLEAN, u8::from(value)]);
    }

    /// bit-string of the first `len` bits of `octets`; bits beyond are written as zero.
    pub fn bit_string(&mut self, len: usize, octets: &[u8]) {
        let used = len.div_ceil(8);
        if octets.len() < used {
            return self.fail(EncodeFault::Unbalanced);
        }
        self.prefixed(tag::BIT_STRING, len, &octets[..used]);
        let padding = used * 8 - len;
        if let (false, Some(last)) = (self.is_faulty() || used == 0, self.out.last_mut()) {
            *last &= !(((1u16 << padding) - 1) as u8);
        }
    }

    /// double-long.
    pub fn i32(&mut self, value: i32) {
        let [a, b, c, d] = value.to_be_bytes();
        self.whole([tag::I32, a, b, c, d]);
    }

    /// double-long-unsigned.
    pub fn u32(&mut self, value: u32) {
        let [a, b, c, d] = value.to_be_bytes();
        self.whole([tag::U32, a, b, c, d]);
    }

    /// octet-string.
    pub fn octet_string(&mut self, octets: &[u8]) {
        self.prefixed(tag::OCTET_STRING, octets.len(), octets);
    }

    /// visible-string.
    pub fn visible_string(&mut self, text: &str) {
        self.prefixed(tag::VISIBLE_STRING, text.len(), text.as_bytes());
    }

    /// utf8-string.
    pub fn utf8_string(&mut self, text: &str) {
        self.prefixed(tag::UTF8_STRING, text.len(), text.as_bytes());
    }

    /// bcd.
    pub fn bcd(&mut self, value: u8) {
        self.whole([tag::BCD, value]);
    }

    /// integer.
    pub fn i8(&mut self, value: i8) {
        let [a] = value.to_be_bytes();
        self.whole([tag::I8, a]);
    }

    /// long.
    pub fn i16(&mut self, value: i16) {
        let [a, b] = value.to_be_bytes();
        self.whole([tag::I16, a, b]);
    }

    /// unsigned.
    pub fn u8(&mut self, value: u8) {
        self.whole([tag::U8, value]);
    }

    /// long-unsigned.
    pub fn u16(&mut self, value: u16) {
        let [a, b] = value.to_be_bytes();
        self.whole([tag::U16, a, b]);
    }

    /// long64.
    pub fn i64(&mut self, value: i64) {
        let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
        self.whole([tag::I64, a, b, c, d, e, f, g, h]);
    }

    /// long64-unsigned.
    pub fn u64(&mut self, value: u64) {
        let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
        self.whole([tag::U64, a, b, c, d, e, f, g, h]);
    }

    /// enum.
    pub fn enumeration(&mut self, value: u8) {
        self.whole([tag::ENUM, value]);
    }

    /// float32.
    pub fn f32(&mut self, value: f32) {
        let [a, b, c, d] = value.to_bits().to_be_bytes();
        self.whole([tag::F32, a, b, c, d]);
    }

    /// float64.
    pub fn f64(&mut self, value: f64) {
        let [a, b, c, d, e, f, g, h] = value.to_bits().to_be_bytes();
        self.whole([tag::F64, a, b, c, d, e, f, g, h]);
    }

    /// date-time, under its own tag.
    pub fn date_time(&mut self, time: &ClockTime) {
        let mut whole = [tag::DATE_TIME; 1 + CLOCK_TIME_LEN as usize];
        whole[1..].copy_from_slice(&time.octets());
        self.whole(whole);
    }

    /// A date-time as the octet-string that most attributes want.
    pub fn clock_time(&mut self, time: &ClockTime) {
        let mut whole = [CLOCK_TIME_LEN; 2 + CLOCK_TIME_LEN as usize];
        whole[0] = tag::OCTET_STRING;
        whole[2..].copy_from_slice(&time.octets());
        self.whole(whole);
    }

    /// A logical name as octet-string.
    pub fn logical_name(&mut self, name: LogicalName) {
        self.octet_string(&name.0);
    }

    /// A value received or built elsewhere.
    pub fn data(&mut self, data: &Data<'_>) {
        if !self.begin(data.wire_len()) {
            return;
        }
        let start = self.out.len();
        self.out.resize(start + data.wire_len(), 0);
        let mut writer = plc_core::wire::Writer::new(&mut self.out[start..]);
        if data.emit(&mut writer).is_err() {
            self.fail(EncodeFault::TooLong);
        }
        self.close();
    }

    /// A value that is already encoded; it is checked.
    pub fn encoded(&mut self, value: &[u8]) {
        match Data::from_bytes(value) {
            Ok(data) => self.data(&data),
            Err(_) => self.fail(EncodeFault::Unbalanced),
        }
    }

    /// A compact-array of what is described so, its elements without their tags; it is checked.
    pub fn compact_array(&mut self, description: &[u8], contents: &[u8]) {
        let Ok((prefix, used)) = encode_length(contents.len()) else {
            return self.fail(EncodeFault::TooLong);
        };
        self.encoded(&[&[tag::COMPACT_ARRAY], description, &prefix[..used], contents].concat());
    }

    /// The elements of an array as a compact-array, or as they are if they have not all the same type.
    pub fn compacted(&mut self, array: &Sequence<'_>) {
        match compact::compacted(array) {
            Some((description, contents)) => self.compact_array(&description, &contents),
            None => self.data(&Data::Array(*array)),
        }
    }

    /// A value whose octets are all at hand. How many they are is known where this is called, so that they are written at once.
    #[inline]
    fn whole<const N: usize>(&mut self, octets: [u8; N]) {
        if self.begin(N) {
            self.out.extend_from_slice(&octets);
            self.close();
        }
    }

    fn prefixed(&mut self, tag: u8, length: usize, contents: &[u8]) {
        let Ok((prefix, used)) = encode_length(length) else { return self.fail(EncodeFault::TooLong) };
        if self.begin(1 + used + contents.len()) {
            self.out.push(tag);
            self.out.extend_from_slice(&prefix[..used]);
            self.out.extend_from_slice(contents);
            self.close();
        }
    }

    fn sequence(&mut self, tag: u8, count: usize) {
        let depth = self.open.len() + usize::from(self.left > 0);
        if depth + 2 > AXDR_DEPTH_MAX {
            return self.fail(EncodeFault::TooDeep);
        }
        if !self.head(tag, count) {
            return;
        }
        if count == 0 {
            self.close();
        } else if self.left > 0 && self.open.push(self.left).is_err() {
            self.fail(EncodeFault::TooDeep);
        } else {
            self.left = count;
        }
    }

    /// Writes the tag and the count of a sequence, if it may begin here. Most have few elements.
    #[inline]
    fn head(&mut self, tag: u8, count: usize) -> bool {
        if let Ok(count @ ..0x80) = u8::try_from(count) {
            let begins = self.begin(2);
            if begins {
                self.out.extend_from_slice(&[tag, count]);
            }
            return begins;
        }
        let Ok((prefix, used)) = encode_length(count) else {
            self.fail(EncodeFault::TooLong);
            return false;
        };
        let begins = self.begin(1 + used);
        if begins {
            self.out.push(tag);
            self.out.extend_from_slice(&prefix[..used]);
        }
        begins
    }

    /// Whether a value of `len` octets may begin here.
    #[inline]
    fn begin(&mut self, len: usize) -> bool {
        let is_wanted = self.left > 0 || self.values == 0;
        let has_room = self.out.len().saturating_add(len) <= self.limit;
        if self.fault.is_none() && is_wanted && has_room {
            return true;
        }
        self.fail(if is_wanted { EncodeFault::TooLong } else { EncodeFault::Unbalanced });
        false
    }

    /// A value is complete: so may be the sequences around it.
    #[inline]
    fn close(&mut self) {
        if self.left > 1 {
            self.left -= 1;
        } else {
            self.close_around();
        }
    }

    /// The last element of a sequence is complete, or the only value.
    fn close_around(&mut self) {
        self.left = 0;
        while let Some(left) = self.open.pop() {
            self.left = left - 1;
            if self.left > 0 {
                return;
            }
        }
        self.values += 1;
    }

    #[cold]
    fn fail(&mut self, fault: EncodeFault) {
        self.fault.get_or_insert(fault);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Tree {
        Null,
        U8(u8),
        I64(i64),
        Text(Vec<u8>),
        Time([u8; 12]),
        Sequence(bool, Vec<Tree>),
    }

    fn tree() -> impl Strategy<Value = Tree> {
        let leaf = prop_oneof![
            Just(Tree::Null),
            any::<u8>().prop_map(Tree::U8),
            any::<i64>().prop_map(Tree::I64),
            prop::collection::vec(any::<u8>(), 0..200).prop_map(Tree::Text),
            any::<[u8; 12]>().prop_map(Tree::Time),
        ];
        leaf.prop_recursive(5, 200, 140, |inner| {
            (any::<bool>(), prop::collection::vec(inner, 0..140))
                .prop_map(|(is_array, elements)| Tree::Sequence(is_array, elements))
        })
    }

    fn length(len: usize) -> Vec<u8> {
        if len < 0x80 { vec![len as u8] } else { [&[0x81][..], &[len as u8]].concat() }
    }

    /// The slow truth, by the book: tag, length where there is one, contents.
    fn by_the_book(tree: &Tree) -> Vec<u8> {
        match tree {
            Tree::Null => vec![0],
            Tree::U8(value) => vec![17, *value],
            Tree::I64(value) => [&[20][..], &value.to_be_bytes()].concat(),
            Tree::Text(octets) => [&[9][..], &length(octets.len()), octets].concat(),
            Tree::Time(octets) => [&[9, 12][..], octets].concat(),
            Tree::Sequence(is_array, elements) => {
                let head = [&[if *is_array { 1 } else { 2 }][..], &length(elements.len())].concat();
                head.into_iter().chain(elements.iter().flat_map(by_the_book)).collect()
            }
        }
    }

    fn write(tree: &Tree, out: &mut Encoder<'_>) {
        match tree {
            Tree::Null => out.null(),
            Tree::U8(value) => out.u8(*value),
            Tree::I64(value) => out.i64(*value),
            Tree::Text(octets) => out.octet_string(octets),
            Tree::Time(octets) => out.clock_time(&ClockTime::from_octets(*octets)),
            Tree::Sequence(is_array, elements) => {
                if *is_array {
                    out.array(elements.len())
                } else {
                    out.structure(elements.len())
                }
                elements.iter().for_each(|element| write(element, out));
            }
        }
    }

    proptest! {
        #[test]
        fn values_are_written_by_the_book_and_never_beyond_their_limit(tree in tree(), short in 1usize..20) {
            let expected = by_the_book(&tree);
            let mut out = Vec::new();
            let mut encoder = Encoder::new(&mut out, expected.len());
            write(&tree, &mut encoder);
            prop_assert_eq!(encoder.finish(), Ok(()));
            prop_assert_eq!(&out, &expected);
            let (mut out, limit) = (Vec::new(), expected.len().saturating_sub(short));
            let mut encoder = Encoder::new(&mut out, limit);
            write(&tree, &mut encoder);
            prop_assert_eq!(encoder.finish(), Err(EncodeFault::TooLong));
            prop_assert!(out.len() <= limit && expected.starts_with(&out));
        }
    }

    fn written(write: impl FnOnce(&mut Encoder<'_>)) -> (Vec<u8>, Result<(), EncodeFault>) {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, 1000);
        write(&mut encoder);
        let finished = encoder.finish();
        (out, finished)
    }

    #[test]
    fn a_sequence_has_as_many_elements_as_it_says_and_there_is_one_value() {
        let unbalanced = Err(EncodeFault::Unbalanced);
        assert_eq!(written(|_| ()).1, unbalanced, "none");
        assert_eq!(written(|out| out.structure(1)).1, unbalanced, "one is missing");
        let nested = |out: &mut Encoder<'_>| {
            out.array(2);
            out.structure(1);
            out.null();
        };
        assert_eq!(written(nested).1, unbalanced, "the second of the outer is missing");
        let second = written(|out| {
            out.array(0);
            out.u8(1);
        });
        assert_eq!(second, (vec![1, 0], unbalanced), "two values");
        let closed = written(|out| {
            nested(out);
            out.u8(5);
        });
        assert_eq!(closed, (vec![1, 2, 2, 1, 0, 17, 5], Ok(())));
    }

    #[test]
    fn there_are_no_more_levels_than_are_read() {
        let nest = |levels: usize| {
            written(|out| {
                (1..levels).for_each(|_| out.array(1));
                out.null();
            })
        };
        let (deepest, whole) = nest(AXDR_DEPTH_MAX);
        assert!(whole.is_ok() && Data::from_bytes(&deepest).is_ok());
        assert_eq!(nest(AXDR_DEPTH_MAX + 1).1, Err(EncodeFault::TooDeep));
    }
}
