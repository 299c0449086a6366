//! Lengths and counts of A-XDR.

use plc_core::wire::{Reader, WireError, Writer};

/// Takes a length: one octet below 128, otherwise the number of octets that follow, then those.
///
/// # Errors
/// Indefinite lengths and lengths above 32 bits are refused.
pub fn parse_length(reader: &mut Reader<'_>) -> Result<usize, WireError> {
    let first = reader.u8()?;
    let long = match first {
        0..=0x7F => return Ok(usize::from(first)),
        0x81..=0x84 => reader.bytes(usize::from(first & 0x7F))?,
        _ => return Err(WireError::Invalid("length")),
    };
    let value = long.iter().fold(0u32, |sum, &octet| sum << 8 | u32::from(octet));
    usize::try_from(value).map_err(|_| WireError::Invalid("length"))
}

/// Writes a length in its shortest form.
///
/// # Errors
/// No room, or a length of 2^32 and above.
pub fn emit_length(writer: &mut Writer<'_>, length: usize) -> Result<(), WireError> {
    let (octets, used) = encode_length(length)?;
    writer.bytes(&octets[..used])
}

/// Octets that the shortest form of `length` takes.
pub const fn length_len(length: usize) -> usize {
    match length {
        0..=0x7F => 1,
        0x80..=0xFF => 2,
        0x100..=0xFFFF => 3,
        0x1_0000..=0xFF_FFFF => 4,
        _ => 5,
    }
}

/// The shortest form of `length` and the number of octets in it.
pub(super) fn encode_length(length: usize) -> Result<([u8; 5], usize), WireError> {
    let value = u32::try_from(length).map_err(|_| WireError::Invalid("length"))?;
    let used = length_len(length);
    let mut octets = [0; 5];
    if used == 1 {
        octets[0] = value as u8;
        return Ok((octets, 1));
    }
    octets[0] = 0x80 | (used - 1) as u8;
    octets[1..used].copy_from_slice(&value.to_be_bytes()[5 - used..]);
    Ok((octets, used))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_have_the_forms_of_the_standard() {
        let forms: [(usize, &[u8]); 4] =
            [(5, &[5]), (127, &[0x7F]), (128, &[0x81, 0x80]), (256, &[0x82, 0x01, 0x00])];
        for (length, form) in forms {
            let (octets, used) = encode_length(length).unwrap();
            assert_eq!(&octets[..used], form);
            assert_eq!(parse_length(&mut Reader::new(form)), Ok(length));
        }
    }

    #[test]
    fn indefinite_and_oversized_lengths_are_refused() {
        for form in [&[0x80][..], &[0x85, 0, 0, 0, 0, 1], &[0xFF], &[0x84, 0xFF, 0xFF], &[]] {
            assert!(parse_length(&mut Reader::new(form)).is_err(), "{form:02x?}");
        }
    }

    proptest! {
        #[test]
        fn a_length_is_read_back(length in 0usize..=u32::MAX as usize) {
            let (octets, used) = encode_length(length).unwrap();
            let mut reader = Reader::new(&octets[..used]);
            prop_assert_eq!(parse_length(&mut reader), Ok(length));
            prop_assert!(reader.is_empty());
            prop_assert_eq!(used, length_len(length));
        }
    }
}
