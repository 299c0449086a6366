//! Walking over values without looking into them: the check of everything that is parsed.

use super::{CompactArray, Data, parse_length};
use crate::specs::{AXDR_DEPTH_MAX, tag};
use plc_core::wire::{Reader, WireError};

/// Walks over `count` values that stand `depth` levels down, and returns what is behind them. Every octet is
/// visited once however deep it stands.
#[inline]
pub(super) fn skip(mut rest: &[u8], count: usize, depth: usize) -> Result<&[u8], WireError> {
    for _ in 0..count {
        rest = match *rest {
            // What profiles are made of. Lengths that stand in the code and not in a table let a processor run ahead of what it
            // reads: where a value ends does not wait for its tag.
            [tag::OCTET_STRING, CLOCK_TIME_LEN, ref contents @ ..] => {
                behind::<{ CLOCK_TIME_LEN as usize }>(contents)?
            }
            [tag::U32 | tag::I32, ref contents @ ..] => behind::<4>(contents)?,
            [tag::U8 | tag::ENUM, ref contents @ ..] => behind::<1>(contents)?,
            [tag::U16 | tag::I16, ref contents @ ..] => behind::<2>(contents)?,
            [tag::U64 | tag::I64, ref contents @ ..] => behind::<8>(contents)?,
            [tag, ref contents @ ..] => skip_any(tag, contents, depth)?,
            [] => return Err(WireError::Truncated),
        };
    }
    Ok(rest)
}

/// What is behind `N` octets.
#[inline]
fn behind<const N: usize>(contents: &[u8]) -> Result<&[u8], WireError> {
    contents.get(N..).ok_or(WireError::Truncated)
}

/// Walks over the contents of any value.
fn skip_any(tag: u8, contents: &[u8], depth: usize) -> Result<&[u8], WireError> {
    match CONTENTS_LEN[usize::from(tag)] {
        VARIABLE => skip_variable(tag, contents, depth),
        fixed => contents.get(usize::from(fixed)..).ok_or(WireError::Truncated),
    }
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

/// Octets of a date-time in an octet-string.
pub(super) const CLOCK_TIME_LEN: u8 = 12;
/// The length stands with the value, or there is no such type.
const VARIABLE: u8 = 0xFF;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The types that profiles are made of, and some more of fixed length.
    const TAGS: [u8; 10] = [9, 6, 5, 17, 22, 18, 16, 21, 20, 0];

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
        /// Values that profiles are made of, cut anywhere: the short ways end where the table and the parser do.
        #[test]
        fn the_short_ways_over_a_row_end_where_parsing_does(
            cells in prop::collection::vec((prop::sample::select(&TAGS[..]), 0u8..16), 0..8),
            cut in 0usize..60,
        ) {
            let mut row = alloc::vec::Vec::new();
            for (tag, len) in &cells {
                row.push(*tag);
                let octets = if *tag == tag::OCTET_STRING { row.push(*len); *len } else { CONTENTS_LEN[usize::from(*tag)] };
                row.extend(core::iter::repeat_n(6, octets.into()));
            }
            let whole = skip(&row, cells.len(), 0).map(<[u8]>::len);
            prop_assert_eq!((whole, parsed(&row, cells.len())), (Ok(0), Ok(0)));
            let cut = &row[..cut.min(row.len())];
            prop_assert_eq!(skip(cut, cells.len(), 0).map(<[u8]>::len), parsed(cut, cells.len()));
        }

        #[test]
        fn skipping_ends_where_parsing_does(bytes in prop::collection::vec(0u8..36, 0..60), count in 0usize..8) {
            let slow = parsed(&bytes, count);
            if slow != Err(WireError::Invalid("nested")) {
                prop_assert_eq!(skip(&bytes, count, 0).map(<[u8]>::len), slow);
            }
        }
    }
}
