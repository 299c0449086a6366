//! Digests of sets of readings: two sides that hold the same have the same digest, whatever the order in which they got it.

use crate::Reading;
use core::fmt;
use sha2::{Digest as _, Sha256};

/// Count and sum of what is held of a range.
///
/// The sum is modulo 2^128, over the first 16 octets (big-endian) of the SHA-256 of each reading: EUI-64, logical name, capture in
/// milliseconds, value (all big-endian, 8 + 6 + 8 + 8 octets), scaler, unit, status (1 + 1 + 4). When the concentrator received it
/// does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Readings.
    pub count: u64,
    /// Sum of their hashes.
    pub sum: u128,
}

impl Digest {
    /// Adds a reading.
    pub fn add(&mut self, reading: &Reading) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(hash(reading));
    }

    /// Adds what another digest stands for.
    pub const fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

impl<'a> FromIterator<&'a Reading> for Digest {
    fn from_iter<I: IntoIterator<Item = &'a Reading>>(readings: I) -> Self {
        let mut digest = Self::default();
        readings.into_iter().for_each(|reading| digest.add(reading));
        digest
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x} of {}", self.sum, self.count)
    }
}

fn hash(reading: &Reading) -> u128 {
    let mut octets = [0; 36];
    octets[..8].copy_from_slice(&reading.meter.0);
    octets[8..14].copy_from_slice(&reading.logical_name);
    octets[14..22].copy_from_slice(&reading.capture.as_millis().to_be_bytes());
    octets[22..30].copy_from_slice(&reading.value.to_be_bytes());
    octets[30..32].copy_from_slice(&[reading.scaler.cast_unsigned(), reading.unit]);
    octets[32..].copy_from_slice(&reading.status.to_be_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&Sha256::digest(octets)[..16]);
    u128::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::{Eui64, Utc};

    fn reading(value: i64) -> Reading {
        Reading {
            meter: Eui64::from_u64(0x0011_2233_4455_6677),
            logical_name: [1, 0, 1, 8, 0, 255],
            capture: Utc::from_millis(1_795_342_500_000),
            value,
            scaler: -1,
            unit: 30,
            status: 4,
            received: Utc::from_millis(1),
        }
    }

    /// Computed with another implementation of SHA-256.
    #[test]
    fn the_digest_of_two_known_readings() {
        let digest: Digest = [&reading(12_345), &reading(-1)].into_iter().collect();
        assert_eq!(alloc::format!("{digest}"), "7d5bfb8237287588c6ee2c6616bc169d of 2");
    }

    #[test]
    fn order_does_not_count_and_every_field_but_the_reception_does() {
        let (a, b) = (reading(1), reading(2));
        assert_eq!([&a, &b].into_iter().collect::<Digest>(), [&b, &a].into_iter().collect());
        let of = |reading: Reading| [&reading].into_iter().collect::<Digest>();
        let late = Reading { received: Utc::from_millis(9), ..a };
        assert_eq!(of(late), of(a));
        for other in [
            Reading { meter: Eui64::from_u64(1), ..a },
            Reading { logical_name: [1, 0, 2, 8, 0, 255], ..a },
            Reading { capture: Utc::from_millis(0), ..a },
            Reading { value: 3, ..a },
            Reading { scaler: 1, ..a },
            Reading { unit: 27, ..a },
            Reading { status: 5, ..a },
        ] {
            assert_ne!(of(other), of(a), "{other:?}");
        }
    }

    #[test]
    fn one_reading_twice_is_not_the_same_as_once() {
        let a = reading(1);
        assert_ne!([&a, &a].into_iter().collect::<Digest>(), [&a].into_iter().collect());
    }
}
