//! Octets as hexadecimal digits, and back.

/// Lower-case hexadecimal digits, two for each octet.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Octets from hexadecimal digits in either case; `None` where anything else stands, or half an octet.
pub(crate) fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pair = |pair: &[u8]| Some(value(*pair.first()?)? << 4 | value(*pair.get(1)?)?);
    digits.chunks(2).map(pair).collect()
}

/// Exactly `N` octets from `2 * N` hexadecimal digits.
pub(crate) fn array<const N: usize>(digits: &str) -> Option<[u8; N]> {
    unhex(digits)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_pairs_of_digits_are_octets() {
        assert_eq!(unhex("00fFA5"), Some(vec![0, 0xFF, 0xA5]));
        assert_eq!(unhex(""), Some(vec![]));
        for wrong in ["0", "0g", "+1", " 00", "00 ", "0x00", "ä", "\u{ff10}\u{ff11}"] {
            assert_eq!(unhex(wrong), None, "{wrong:?}");
        }
        assert_eq!(array::<2>("0102"), Some([1, 2]));
        assert_eq!((array::<2>("01"), array::<2>("010203")), (None, None));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(octets: Vec<u8>) {
            prop_assert_eq!(unhex(&hex(&octets)), Some(octets));
        }

        #[test]
        fn no_text_is_too_strange(text: String) {
            let read = unhex(&text);
            prop_assert!(read.is_none_or(|octets| hex(&octets) == text.to_ascii_lowercase()));
        }
    }
}
