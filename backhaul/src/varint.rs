//! Numbers of as few octets as they need: seven bits per octet, the lowest first, the top bit set on all but the last.

use alloc::vec::Vec;
use plc_core::wire::{Reader, WireError};

/// Appends a number.
pub fn push(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a number that may be negative; small ones of both signs are short.
pub fn push_signed(out: &mut Vec<u8>, value: i64) {
    push(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Takes a number. One that is longer than it must be is refused, so that every value has one form.
pub fn take(reader: &mut Reader<'_>) -> Result<u64, WireError> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let octet = reader.u8()?;
        let bits = u64::from(octet & 0x7F);
        if shift == 63 && bits > 1 || octet == 0 && shift > 0 {
            return Err(WireError::Invalid("number"));
        }
        value |= bits << shift;
        if octet & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(WireError::Invalid("number"))
}

/// Takes a number that may be negative.
pub fn take_signed(reader: &mut Reader<'_>) -> Result<i64, WireError> {
    let value = take(reader)?;
    Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_number_comes_back(value: u64, signed: i64, small in -70i64..70) {
            let mut out = Vec::new();
            push(&mut out, value);
            push_signed(&mut out, signed);
            push_signed(&mut out, small);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(take(&mut reader), Ok(value));
            prop_assert_eq!(take_signed(&mut reader), Ok(signed));
            prop_assert_eq!(take_signed(&mut reader), Ok(small));
            prop_assert!(reader.is_empty());
        }
    }

    #[test]
    fn a_number_has_one_form_and_fits_64_bits() {
        for bad in [&[0x80, 0x00][..], &[0xFF; 10], &[0x80; 3], &[]] {
            assert!(take(&mut Reader::new(bad)).is_err(), "{bad:?}");
        }
    }
}
