//! The results of a get-response-with-list.

use super::{DataAccessResult, take_value};
use crate::axdr::{emit_length, length_len, parse_length};
use crate::specs::get::RESULT_LEN_MIN;
use alloc::vec::Vec;
use plc_core::wire::{Reader, WireError, Writer};

/// Values and refusals, in the order of the request: checked when parsed, walked without copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetResults<'a> {
    count: usize,
    encoded: &'a [u8],
}

impl<'a> GetResults<'a> {
    /// Of what [`GetResults::push`] has written.
    pub(crate) const fn new(count: usize, encoded: &'a [u8]) -> Self {
        Self { count, encoded }
    }

    /// Appends one result to those in `encoded`.
    pub(crate) fn push(encoded: &mut Vec<u8>, result: Result<&[u8], DataAccessResult>) {
        match result {
            Ok(value) => {
                encoded.push(VALUE);
                encoded.extend_from_slice(value);
            }
            Err(result) => encoded.extend_from_slice(&[REFUSAL, result.code()]),
        }
    }

    /// The results that fill all of `bytes`, their count ahead.
    pub(crate) fn from_bytes(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let results = Self::parse(&mut reader)?;
        reader.finish()?;
        Ok(results)
    }

    /// Number of results.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Octets of all results.
    pub const fn encoded_len(&self) -> usize {
        self.encoded.len()
    }

    /// Walks the results: one whole encoded value each, or why there is none.
    pub fn iter(&self) -> impl Iterator<Item = Result<&'a [u8], DataAccessResult>> + use<'a> {
        let mut reader = Reader::new(self.encoded);
        (0..self.count).map_while(move |_| parse_result(&mut reader, take_value).ok())
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let count = parse_length(reader)?;
        if count > reader.remaining() / RESULT_LEN_MIN {
            return Err(WireError::Truncated);
        }
        let mut ahead = *reader;
        for _ in 0..count {
            let _ = parse_result(&mut ahead, take_value)?;
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

/// The choice of a value in Get-Data-Result.
const VALUE: u8 = 0;
/// The choice of a data-access-result.
const REFUSAL: u8 = 1;

/// Takes a Get-Data-Result, or a block of one.
pub(super) fn parse_result<'a>(
    reader: &mut Reader<'a>,
    take: fn(&mut Reader<'a>) -> Result<&'a [u8], WireError>,
) -> Result<Result<&'a [u8], DataAccessResult>, WireError> {
    match reader.u8()? {
        VALUE => take(reader).map(Ok),
        REFUSAL => Ok(Err(DataAccessResult::from_code(reader.u8()?))),
        _ => Err(WireError::Invalid("result")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_back_in_order() {
        let mut encoded = Vec::new();
        let results = [Ok(&[6, 0, 0, 0, 1][..]), Err(DataAccessResult::ObjectUndefined), Ok(&[0])];
        results.iter().for_each(|result| GetResults::push(&mut encoded, *result));
        let written = GetResults::new(3, &encoded);
        assert!(written.iter().eq(results));
        let bytes = [&[3], &encoded[..]].concat();
        assert_eq!(GetResults::parse(&mut Reader::new(&bytes)), Ok(written));
    }

    #[test]
    fn counts_that_lie_are_refused_before_anything_is_read() {
        for bytes in [&[0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0][..], &[2, 0, 0, 1], &[1, 2, 0], &[1, 0]] {
            assert!(GetResults::parse(&mut Reader::new(bytes)).is_err(), "{bytes:02x?}");
        }
    }
}
