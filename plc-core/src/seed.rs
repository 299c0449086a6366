//! Named random streams from one seed.
//!
//! Entropy is an argument: a driver gives each machine a [`Seed`]; in the simulator they all derive
//! from one number, so that the same seed gives the same town and a new node disturbs no other.

use crate::crc::Crc;
pub use rand_chacha::ChaCha12Rng as Stream;
use rand_core::{Rng, SeedableRng};

/// 256 bits of entropy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub [u8; 32]);

impl Seed {
    /// The seed of a simulated world.
    pub fn from_u64(seed: u64) -> Self {
        let mut stream = Stream::seed_from_u64(seed);
        let mut bytes = [0; 32];
        stream.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The seed of the part called `name` and numbered `index`.
    pub fn derive(&self, name: &str, index: u64) -> Self {
        const NAME: Crc<u64> = Crc::<u64>::new(&::crc::CRC_64_XZ);
        let mut stream = Stream::from_seed(self.0);
        stream.set_stream(NAME.checksum(name.as_bytes()) ^ index.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut bytes = [0; 32];
        stream.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The random stream of this seed.
    pub fn stream(&self) -> Stream {
        Stream::from_seed(self.0)
    }
}

impl core::fmt::Debug for Seed {
    /// Never prints entropy that keys may come from.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// A uniform number in `0..bound`, without modulo bias. A bound of zero gives zero.
pub fn uniform(stream: &mut impl Rng, bound: u32) -> u32 {
    ((u64::from(stream.next_u32()) * u64::from(bound)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_different_names_and_numbers_differ_and_repeat() {
        let world = Seed::from_u64(1);
        assert_eq!(world.derive("meter", 3).0, world.derive("meter", 3).0);
        assert_ne!(world.derive("meter", 3).0, world.derive("meter", 4).0);
        assert_ne!(world.derive("meter", 3).0, world.derive("noise", 3).0);
        assert_ne!(world.derive("meter", 3).0, Seed::from_u64(2).derive("meter", 3).0);
    }

    #[test]
    fn a_uniform_number_stays_below_its_bound() {
        let mut stream = Seed::from_u64(7).stream();
        assert!((0..1000).all(|_| uniform(&mut stream, 7) < 7));
        assert_eq!(uniform(&mut stream, 0), 0);
    }
}
