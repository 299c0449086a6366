//! Walking over values without looking into them: the check of everything that is parsed.

use super::{CompactArray, Data, parse_length};
use crate::specs::{AXDR_DEPTH_MAX, tag};
use plc_core::wire::{Reader, WireError};

/// Walks over `count` values that stand `depth` levels down, and returns what is behind them. Every octet is
/// visited once however deep it stands.
pub(super) fn skip(mut rest: &[u8], count: usize, depth: usize) -> Result<&[u8], WireError> {
    for _ in 0..count {
        let (&tag, contents) = rest.split_first().ok_or(WireError::Truncated)?;
        let fixed = usize::from(CONTENTS_LEN[usize::from(tag)]);
        rest = if fixed < VARIABLE as usize {
            contents.get(fixed..).ok_or(WireError::Truncated)?
        } else {
            skip_variable(tag, contents, depth)?
        };
    }
    Ok(rest)
}

fn skip_variable(tag: u8, contents: &[u8], depth: usize) -> Result<&[u8], WireError> {
    match (tag, contents) {
        (tag::OCTET_STRING | tag::VISIBLE_STRING, [len @ 0..0x80, rest @ ..]) => {
            rest.get(usize::from(*len)..).ok_or(WireError::Truncated)
        }
        (tag::ARRAY | tag::STRUCTURE, _) => {
            let (count, rest) = open(contents, depth)?;
            skip(rest, count, depth + 1)
        }
        _ => {
            let mut reader = Reader::new(contents);
            match tag {
                tag::COMPACT_ARRAY => CompactArray::parse_at(&mut reader, depth).map(drop)?,
                _ => Data::parse_scalar(tag, &mut reader).map(drop)?,
            }
            Ok(reader.rest())
        }
    }
}

/// The count of a sequence that stands `depth` levels down, and what is behind it. Each element takes an
/// octet at least.
pub(super) fn open(contents: &[u8], depth: usize) -> Result<(usize, &[u8]), WireError> {
    let mut reader = Reader::new(contents);
    let count = parse_length(&mut reader)?;
    if depth + 1 >= AXDR_DEPTH_MAX {
        return Err(WireError::Invalid("depth"));
    }
    if count > reader.remaining() {
        return Err(WireError::Truncated);
    }
    Ok((count, reader.rest()))
}

/// Octets behind the tag, for types that have always the same.
const CONTENTS_LEN: [u8; 256] = {
    let mut len = [VARIABLE; 256];
    let fixed = [
        (tag::NULL, 0),
        (tag::DONT_CARE, 0),
        (tag::BOOLEAN, 1),
        (tag::BCD, 1),
        (tag::I8, 1),
        (tag::U8, 1),
        (tag::ENUM, 1),
        (tag::I16, 2),
        (tag::U16, 2),
        (tag::I32, 4),
        (tag::U32, 4),
        (tag::F32, 4),
        (tag::TIME, 4),
        (tag::DATE, 5),
        (tag::I64, 8),
        (tag::U64, 8),
        (tag::F64, 8),
        (tag::DATE_TIME, 12),
        (tag::DELTA_I8, 1),
        (tag::DELTA_U8, 1),
        (tag::DELTA_I16, 2),
        (tag::DELTA_U16, 2),
        (tag::DELTA_I32, 4),
        (tag::DELTA_U32, 4),
    ];
    let mut at = 0;
    while at < fixed.len() {
        len[fixed[at].0 as usize] = fixed[at].1;
        at += 1;
    }
    len
};

/// The length stands with the value, or there is no such type.
const VARIABLE: u8 = 0xFF;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The slow truth: parse each value.
    fn parsed(bytes: &[u8], count: usize) -> Result<usize, WireError> {
        let mut reader = Reader::new(bytes);
        for _ in 0..count {
            let tag = reader.u8()?;
            match tag {
                tag::ARRAY | tag::STRUCTURE | tag::COMPACT_ARRAY => return Err(WireError::Invalid("nested")),
                _ => Data::parse_scalar(tag, &mut reader).map(drop)?,
            }
        }
        Ok(reader.remaining())
    }

    proptest! {
        #[test]
        fn skipping_ends_where_parsing_does(bytes in prop::collection::vec(0u8..36, 0..60), count in 0usize..8) {
            let slow = parsed(&bytes, count);
            if slow != Err(WireError::Invalid("nested")) {
                prop_assert_eq!(skip(&bytes, count, 0).map(<[u8]>::len), slow);
            }
        }
    }
}
