//! The only reader of the machine's entropy.

use plc_core::Seed;
use std::fs::File;
use std::io::{self, Read};

/// A seed that nobody has had before.
///
/// # Errors
/// The kernel's source cannot be read.
pub fn seed() -> io::Result<Seed> {
    let mut seed = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut seed)?;
    Ok(Seed(seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_seeds_differ() {
        assert_ne!(seed().unwrap().0, seed().unwrap().0);
    }
}
