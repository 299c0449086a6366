//! Cursors over bytes. A reader never reads past its end, a writer never grows.

use core::fmt;

/// Why bytes could not be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// Fewer octets than the format needs.
    Truncated,
    /// Octets after the end of the format.
    TrailingBytes,
    /// A field whose value the format forbids.
    Invalid(&'static str),
    /// No room left to write.
    NoRoom,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("truncated"),
            Self::TrailingBytes => f.write_str("trailing bytes"),
            Self::Invalid(what) => write!(f, "invalid {what}"),
            Self::NoRoom => f.write_str("no room to write"),
        }
    }
}

impl core::error::Error for WireError {}

/// Reads a borrowed slice from the front.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader over all of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Octets left.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether everything has been read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes the next `len` octets.
    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        let (head, tail) = self.rest.split_at_checked(len).ok_or(WireError::Truncated)?;
        self.rest = tail;
        Ok(head)
    }

    /// Takes everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }

    /// Takes the next `N` octets.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, tail) = self.rest.split_first_chunk().ok_or(WireError::Truncated)?;
        self.rest = tail;
        Ok(*head)
    }

    /// The next octet, without taking it.
    pub fn peek(&self) -> Result<u8, WireError> {
        self.rest.first().copied().ok_or(WireError::Truncated)
    }

    /// Takes one octet.
    pub fn u8(&mut self) -> Result<u8, WireError> {
        Ok(self.array::<1>()?[0])
    }

    /// Takes a big-endian number.
    pub fn u16_be(&mut self) -> Result<u16, WireError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// Takes a little-endian number.
    pub fn u16_le(&mut self) -> Result<u16, WireError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Takes a big-endian number.
    pub fn u32_be(&mut self) -> Result<u32, WireError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// Takes a little-endian number.
    pub fn u32_le(&mut self) -> Result<u32, WireError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Takes a big-endian number.
    pub fn u64_be(&mut self) -> Result<u64, WireError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// Takes a little-endian number.
    pub fn u64_le(&mut self) -> Result<u64, WireError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Refuses octets that nobody has read.
    pub fn finish(self) -> Result<(), WireError> {
        if self.rest.is_empty() { Ok(()) } else { Err(WireError::TrailingBytes) }
    }
}

/// Writes into a borrowed slice from the front.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    /// A writer over all of `buffer`.
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// Octets written.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was written.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What was written.
    pub fn written(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// What was written, for patching lengths.
    pub fn written_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.len]
    }

    /// Appends `bytes`, all or nothing.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let end = self.len + bytes.len();
        self.buffer.get_mut(self.len..end).ok_or(WireError::NoRoom)?.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    /// Appends one octet.
    pub fn u8(&mut self, value: u8) -> Result<(), WireError> {
        self.bytes(&[value])
    }

    /// Appends a big-endian number.
    pub fn u16_be(&mut self, value: u16) -> Result<(), WireError> {
        self.bytes(&value.to_be_bytes())
    }

    /// Appends a little-endian number.
    pub fn u16_le(&mut self, value: u16) -> Result<(), WireError> {
        self.bytes(&value.to_le_bytes())
    }

    /// Appends a big-endian number.
    pub fn u32_be(&mut self, value: u32) -> Result<(), WireError> {
        self.bytes(&value.to_be_bytes())
    }

    /// Appends a little-endian number.
    pub fn u32_le(&mut self, value: u32) -> Result<(), WireError> {
        self.bytes(&value.to_le_bytes())
    }

    /// Appends a big-endian number.
    pub fn u64_be(&mut self, value: u64) -> Result<(), WireError> {
        self.bytes(&value.to_be_bytes())
    }

    /// Appends a little-endian number.
    pub fn u64_le(&mut self, value: u64) -> Result<(), WireError> {
        self.bytes(&value.to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn unread_octets_are_refused() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.u16_be(), Ok(0x0102));
        assert_eq!(reader.finish(), Err(WireError::TrailingBytes));
    }

    #[test]
    fn a_write_that_does_not_fit_writes_nothing() {
        let mut buffer = [0; 3];
        let mut writer = Writer::new(&mut buffer);
        writer.u16_le(0x0102).unwrap();
        assert_eq!(writer.u16_le(0x0304), Err(WireError::NoRoom));
        assert_eq!(writer.written(), [2, 1]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(a: u8, b: u16, c: u32, d: u64) {
            let mut buffer = [0; 29];
            let mut w = Writer::new(&mut buffer);
            w.u8(a).unwrap();
            w.u16_be(b).unwrap();
            w.u16_le(b).unwrap();
            w.u32_be(c).unwrap();
            w.u32_le(c).unwrap();
            w.u64_be(d).unwrap();
            w.u64_le(d).unwrap();
            let mut r = Reader::new(w.written());
            prop_assert_eq!((r.u8(), r.u16_be(), r.u16_le()), (Ok(a), Ok(b), Ok(b)));
            prop_assert_eq!((r.u32_be(), r.u32_le()), (Ok(c), Ok(c)));
            prop_assert_eq!((r.u64_be(), r.u64_le()), (Ok(d), Ok(d)));
            prop_assert_eq!(r.finish(), Ok(()));
        }
    }
}
