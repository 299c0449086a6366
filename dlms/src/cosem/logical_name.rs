//! Logical names (OBIS codes).

use core::fmt;
use core::str::FromStr;
use plc_core::wire::WireError;

/// The logical name of an object: the six groups A to F of its OBIS code \[BB 6\].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogicalName(pub [u8; 6]);

impl fmt::Display for LogicalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a}-{b}:{c}.{d}.{e}.{g}")
    }
}

impl FromStr for LogicalName {
    type Err = WireError;

    /// Six numbers between any of `.`, `-`, `:` and `*`.
    fn from_str(text: &str) -> Result<Self, WireError> {
        const INVALID: WireError = WireError::Invalid("logical name");
        let mut groups = text.split(['.', '-', ':', '*']);
        let mut name = [0; 6];
        for group in &mut name {
            *group = groups.next().and_then(|digits| digits.parse().ok()).ok_or(INVALID)?;
        }
        if groups.next().is_none() { Ok(Self(name)) } else { Err(INVALID) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn both_spellings_of_a_name_are_read() {
        let energy = LogicalName([1, 0, 1, 8, 0, 255]);
        assert_eq!("1.0.1.8.0.255".parse(), Ok(energy));
        assert_eq!(energy.to_string(), "1-0:1.8.0.255");
        for wrong in ["", "1.0.1.8.0", "1.0.1.8.0.255.1", "1.0.1.8.0.256", "1.0.x.8.0.255"] {
            assert!(wrong.parse::<LogicalName>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_displayed_is_read_back(name: [u8; 6]) {
            prop_assert_eq!(LogicalName(name).to_string().parse(), Ok(LogicalName(name)));
        }
    }
}
