//! Writing A-XDR values.

use super::length::encode_length;
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
    open: Stack<usize, AXDR_DEPTH_MAX>,
    values: usize,
    fault: Option<EncodeFault>,
}

impl<'v> Encoder<'v> {
    /// Appends to `out`, which may grow to `limit` octets in all.
    pub fn new(out: &'v mut Vec<u8>, limit: usize) -> Self {
        Self { out, limit, open: Stack::new(), values: 0, fault: None }
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
            None if self.values != 1 || !self.open.is_empty() => Err(EncodeFault::Unbalanced),
            None => Ok(()),
        }
    }

    /// null-data.
    pub fn null(&mut self) {
        self.scalar(tag::NULL, &[]);
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
        self.scalar(tag::BOOLEAN, &[u8::from(value)]);
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
        self.scalar(tag::I32, &value.to_be_bytes());
    }

    /// double-long-unsigned.
    pub fn u32(&mut self, value: u32) {
        self.scalar(tag::U32, &value.to_be_bytes());
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
        self.scalar(tag::BCD, &[value]);
    }

    /// integer.
    pub fn i8(&mut self, value: i8) {
        self.scalar(tag::I8, &value.to_be_bytes());
    }

    /// long.
    pub fn i16(&mut self, value: i16) {
        self.scalar(tag::I16, &value.to_be_bytes());
    }

    /// unsigned.
    pub fn u8(&mut self, value: u8) {
        self.scalar(tag::U8, &[value]);
    }

    /// long-unsigned.
    pub fn u16(&mut self, value: u16) {
        self.scalar(tag::U16, &value.to_be_bytes());
    }

    /// long64.
    pub fn i64(&mut self, value: i64) {
        self.scalar(tag::I64, &value.to_be_bytes());
    }

    /// long64-unsigned.
    pub fn u64(&mut self, value: u64) {
        self.scalar(tag::U64, &value.to_be_bytes());
    }

    /// enum.
    pub fn enumeration(&mut self, value: u8) {
        self.scalar(tag::ENUM, &[value]);
    }

    /// float32.
    pub fn f32(&mut self, value: f32) {
        self.scalar(tag::F32, &value.to_bits().to_be_bytes());
    }

    /// float64.
    pub fn f64(&mut self, value: f64) {
        self.scalar(tag::F64, &value.to_bits().to_be_bytes());
    }

    /// date-time, under its own tag.
    pub fn date_time(&mut self, time: &ClockTime) {
        self.scalar(tag::DATE_TIME, &time.octets());
    }

    /// A date-time as the octet-string that most attributes want.
    pub fn clock_time(&mut self, time: &ClockTime) {
        self.octet_string(&time.octets());
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

    fn scalar(&mut self, tag: u8, contents: &[u8]) {
        if self.begin(1 + contents.len()) {
            self.out.push(tag);
            self.out.extend_from_slice(contents);
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
        let Ok((prefix, used)) = encode_length(count) else { return self.fail(EncodeFault::TooLong) };
        if self.open.len() + 2 > AXDR_DEPTH_MAX {
            return self.fail(EncodeFault::TooDeep);
        }
        if !self.begin(1 + used) {
            return;
        }
        self.out.push(tag);
        self.out.extend_from_slice(&prefix[..used]);
        if count == 0 {
            self.close();
        } else if self.open.push(count).is_err() {
            self.fail(EncodeFault::TooDeep);
        }
    }

    /// Whether a value of `len` octets may begin here.
    fn begin(&mut self, len: usize) -> bool {
        if self.fault.is_none() && self.open.is_empty() && self.values > 0 {
            self.fail(EncodeFault::Unbalanced);
        }
        if self.fault.is_none() && self.out.len().saturating_add(len) > self.limit {
            self.fail(EncodeFault::TooLong);
        }
        self.fault.is_none()
    }

    /// A value is complete: so may be the sequences around it.
    fn close(&mut self) {
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return;
            }
            self.open.pop();
        }
        self.values += 1;
    }

    fn fail(&mut self, fault: EncodeFault) {
        self.fault.get_or_insert(fault);
    }
}
