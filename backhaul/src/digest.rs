//! Digests of sets of readings, or of values of tasks: two sides that hold the same have the same digest, whatever the order in which
//! they got it.

use crate::{Reading, TaskValue};
use alloc::collections::BTreeMap;
use core::fmt;
use plc_core::time::Duration;
use plc_core::{Eui64, Utc};
use sha2::{Digest as _, Sha256};

/// Count and sum of what is held of a range.
///
/// The sum is modulo 2^128, over the first 16 octets (big-endian) of the SHA-256 of the canonical octets of each ([`Canonical`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Readings, or values.
    pub count: u64,
    /// Sum of their hashes.
    pub sum: u128,
}

/// Digests by meter and by bucket of capture time, which is named by its beginning: all of them, or a page. However much is added, no more
/// is held than a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    bucket: Duration,
    after: Option<Range>,
    limit: usize,
    all: BTreeMap<Range, Digest>,
    more: bool,
}

/// A meter, and the beginning of a bucket.
pub type Range = (Eui64, Utc);

/// Of what there are digests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Digested {
    /// Readings of the load profile.
    #[default]
    Readings,
    /// Values that tasks have read.
    Values,
}

/// What has canonical octets: every field but when the concentrator received it, all numbers big-endian.
pub trait Canonical {
    /// An array of octets.
    type Octets: AsRef<[u8]>;
    /// The octets.
    fn canonical(&self) -> Self::Octets;
    /// Whose it is, and when the meter captured it.
    fn place(&self) -> (Eui64, Utc);
}

impl Digest {
    /// Adds a reading or a value.
    pub fn add(&mut self, one: &impl Canonical) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(hash(one.canonical().as_ref()));
    }

    /// Adds what another digest stands for.
    pub const fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

impl Digested {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Readings, Self::Values];

    /// Its word, as in the JSON of digests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Readings => "readings",
            Self::Values => "values",
        }
    }

    /// What the word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|digested| digested.as_str() == word)
    }
}

/// EUI-64 (8 octets), logical name (6), capture in milliseconds (8), value (8), scaler (1), unit (1), status (4).
impl Canonical for Reading {
    type Octets = [u8; 36];

    fn canonical(&self) -> [u8; 36] {
        let mut octets = [0; 36];
        octets[..8].copy_from_slice(&self.meter.0);
        octets[8..14].copy_from_slice(&self.logical_name);
        octets[14..22].copy_from_slice(&self.capture.as_millis().to_be_bytes());
        octets[22..30].copy_from_slice(&self.value.to_be_bytes());
        octets[30..32].copy_from_slice(&[self.scaler.cast_unsigned(), self.unit]);
        octets[32..].copy_from_slice(&self.status.to_be_bytes());
        octets
    }

    fn place(&self) -> (Eui64, Utc) {
        (self.meter, self.capture)
    }
}

/// EUI-64 (8 octets), source (6), logical name (6), capture in milliseconds (8), ordinal (2), value (8), scaler (1), unit (1), status (4).
impl Canonical for TaskValue {
    type Octets = [u8; 44];

    fn canonical(&self) -> [u8; 44] {
        let mut octets = [0; 44];
        octets[..8].copy_from_slice(&self.meter.0);
        octets[8..14].copy_from_slice(&self.source);
        octets[14..20].copy_from_slice(&self.logical_name);
        octets[20..28].copy_from_slice(&self.capture.as_millis().to_be_bytes());
        octets[28..30].copy_from_slice(&self.ordinal.to_be_bytes());
        octets[30..38].copy_from_slice(&self.value.to_be_bytes());
        octets[38..40].copy_from_slice(&[self.scaler.cast_unsigned(), self.unit]);
        octets[40..].copy_from_slice(&self.status.to_be_bytes());
        octets
    }

    fn place(&self) -> (Eui64, Utc) {
        (self.meter, self.capture)
    }
}

impl Digests {
    /// All of them, by buckets of this length.
    pub const fn all(bucket: Duration) -> Self {
        Self::page(bucket, None, usize::MAX)
    }

    /// At most `limit` of them, the first that come after a range.
    pub const fn page(bucket: Duration, after: Option<Range>, limit: usize) -> Self {
        Self { bucket, after, limit, all: BTreeMap::new(), more: false }
    }

    /// Adds a reading or a value to the digest of its meter and its bucket of capture time, if that is on the page.
    pub fn add(&mut self, one: &impl Canonical) {
        let (meter, capture) = one.place();
        let range = (meter, capture.floor(self.bucket));
        if self.after.is_some_and(|after| range <= after) {
            return;
        }
        if let Some(digest) = self.all.get_mut(&range) {
            return digest.add(one);
        }
        if self.all.len() >= self.limit {
            self.more = true;
            // What has left the page comes behind everything that is on it, so it does not come back.
            if self.all.last_key_value().is_none_or(|(last, _)| range > *last) {
                return;
            }
            self.all.pop_last();
        }
        self.all.entry(range).or_default().add(one);
    }

    /// Whether there are others behind the last of the page.
    pub const fn has_more(&self) -> bool {
        self.more
    }

    /// In order of meter and time.
    pub fn iter(&self) -> impl Iterator<Item = (Range, Digest)> + '_ {
        self.all.iter().map(|(range, digest)| (*range, *digest))
    }
}

impl<'a, T: Canonical + 'a> FromIterator<&'a T> for Digest {
    fn from_iter<I: IntoIterator<Item = &'a T>>(all: I) -> Self {
        let mut digest = Self::default();
        all.into_iter().for_each(|one| digest.add(one));
        digest
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x} of {}", self.sum, self.count)
    }
}

impl fmt::Display for Digested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn hash(octets: &[u8]) -> u128 {
    let mut first = [0; 16];
    first.copy_from_slice(&Sha256::digest(octets)[..16]);
    u128::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

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

    fn value(value: i64, ordinal: u16) -> TaskValue {
        TaskValue {
            meter: Eui64::from_u64(0x0011_2233_4455_6677),
            source: [1, 0, 98, 1, 0, 255],
            logical_name: [1, 0, 1, 8, 0, 255],
            capture: Utc::from_millis(1_795_342_500_123),
            ordinal,
            value,
            scaler: -1,
            unit: 30,
            status: 4,
            received: Utc::from_millis(1),
        }
    }

    fn of<T: Canonical>(one: &T) -> Digest {
        [one].into_iter().collect()
    }

    /// Computed with another implementation of SHA-256.
    #[test]
    fn the_digest_of_two_known_readings() {
        let digest: Digest = [&reading(12_345), &reading(-1)].into_iter().collect();
        assert_eq!(alloc::format!("{digest}"), "7d5bfb8237287588c6ee2c6616bc169d of 2");
    }

    /// Computed with another implementation: `hashlib` of Python over `struct.pack(">8s6s6sqHqbBI", …)`.
    #[test]
    fn the_digest_of_two_known_values() {
        let digest: Digest = [&value(12_345, 0), &value(-1, 300)].into_iter().collect();
        assert_eq!(alloc::format!("{digest}"), "231f1303657b96e694f6a1f084851afc of 2");
    }

    #[test]
    fn order_does_not_count_and_every_field_of_a_reading_but_the_reception_does() {
        let (a, b) = (reading(1), reading(2));
        assert_eq!([&a, &b].into_iter().collect::<Digest>(), [&b, &a].into_iter().collect());
        let late = Reading { received: Utc::from_millis(9), ..a };
        assert_eq!(of(&late), of(&a));
        for other in [
            Reading { meter: Eui64::from_u64(1), ..a },
            Reading { logical_name: [1, 0, 2, 8, 0, 255], ..a },
            Reading { capture: Utc::from_millis(0), ..a },
            Reading { value: 3, ..a },
            Reading { scaler: 1, ..a },
            Reading { unit: 27, ..a },
            Reading { status: 5, ..a },
        ] {
            assert_ne!(of(&other), of(&a), "{other:?}");
        }
    }

    #[test]
    fn order_does_not_count_and_every_field_of_a_value_but_the_reception_does() {
        let (a, b) = (value(1, 0), value(2, 1));
        assert_eq!([&a, &b].into_iter().collect::<Digest>(), [&b, &a].into_iter().collect());
        let late = TaskValue { received: Utc::from_millis(9), ..a };
        assert_eq!(of(&late), of(&a));
        for other in [
            TaskValue { meter: Eui64::from_u64(1), ..a },
            TaskValue { source: [1, 0, 98, 2, 0, 255], ..a },
            TaskValue { logical_name: [1, 0, 2, 8, 0, 255], ..a },
            TaskValue { capture: Utc::from_millis(0), ..a },
            TaskValue { ordinal: 1, ..a },
            TaskValue { value: 3, ..a },
            TaskValue { scaler: 1, ..a },
            TaskValue { unit: 27, ..a },
            TaskValue { status: 5, ..a },
        ] {
            assert_ne!(of(&other), of(&a), "{other:?}");
        }
    }

    #[test]
    fn one_twice_is_not_the_same_as_once() {
        let (a, b) = (reading(1), value(1, 0));
        assert_ne!([&a, &a].into_iter().collect::<Digest>(), of(&a));
        assert_ne!([&b, &b].into_iter().collect::<Digest>(), of(&b));
    }

    #[test]
    fn each_meter_and_each_bucket_has_a_digest_of_its_own() {
        let (a, day) = (value(1, 0), Duration::from_secs(86_400));
        let next = TaskValue { capture: a.capture.floor(day) + day, ..a };
        let other = TaskValue { meter: Eui64::from_u64(1), ..a };
        let mut digests = Digests::all(day);
        [a, next, other, a].iter().for_each(|value| digests.add(value));
        let midnight = a.capture.floor(day);
        let twice: Digest = [&a, &a].into_iter().collect();
        let expected = [
            ((other.meter, midnight), of(&other)),
            ((a.meter, midnight), twice),
            ((a.meter, midnight + day), of(&next)),
        ];
        assert_eq!(digests.iter().collect::<Vec<_>>(), expected);
        assert!(!digests.has_more());
    }

    proptest! {
        /// Whatever the order in which things are found, and however small the pages.
        #[test]
        fn pages_one_after_the_other_are_the_whole_and_none_is_too_long(
            places in prop::collection::vec((0u64..4, 0i64..6), 0..40),
            limit in 1usize..5,
        ) {
            let second = Duration::from_secs(1);
            let one = |&(meter, secs): &(u64, i64)| TaskValue {
                meter: Eui64::from_u64(meter),
                capture: Utc::from_secs(secs),
                ..value(1, 0)
            };
            let filled = |mut digests: Digests| {
                places.iter().for_each(|place| digests.add(&one(place)));
                digests
            };
            let whole: Vec<_> = filled(Digests::all(second)).iter().collect();
            let mut pages: Vec<(Range, Digest)> = Vec::new();
            loop {
                let after = pages.last().map(|(range, _)| *range);
                let page = filled(Digests::page(second, after, limit));
                let found: Vec<_> = page.iter().collect();
                prop_assert!(found.len() <= limit);
                pages.extend(found);
                prop_assert_eq!(page.has_more(), pages.len() < whole.len());
                if !page.has_more() {
                    break;
                }
            }
            prop_assert_eq!(pages, whole);
        }
    }

    #[test]
    fn the_words_are_known_again_and_no_other_is() {
        for digested in Digested::ALL {
            assert_eq!(Digested::from_word(digested.as_str()), Some(digested));
        }
        assert_eq!(Digested::from_word("events"), None);
    }
}
