//! The additive scrambler x⁷+x⁴+1, preset with ones.

/// A running scrambler; the same object descrambles. Period 127 bits.
#[derive(Clone, Debug)]
pub struct Scrambler {
    /// Bits of the period that have passed.
    passed: u8,
}

/// Bits after which the sequence repeats.
const PERIOD: u8 = 127;
/// The eight bits of the sequence from each of its bits on, the first in time at the top.
static OCTETS: [u8; PERIOD as usize] = octets();

impl Scrambler {
    /// At the start of its sequence.
    pub const fn new() -> Self {
        Self { passed: 0 }
    }

    /// The next bit of the sequence.
    pub const fn bit(&mut self) -> u8 {
        let bit = OCTETS[self.passed as usize] >> 7;
        self.pass(1);
        bit
    }

    /// Combines `bytes` with the sequence, most significant bit first.
    pub fn apply(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte ^= OCTETS[usize::from(self.passed)];
            self.pass(8);
        }
    }

    /// Combines single bits with the sequence.
    pub fn apply_bits(&mut self, bits: &mut [u8]) {
        for bit in bits {
            *bit ^= self.bit();
        }
    }

    const fn pass(&mut self, bits: u8) {
        let passed = self.passed + bits;
        self.passed = if passed < PERIOD { passed } else { passed - PERIOD };
    }
}

const fn octets() -> [u8; PERIOD as usize] {
    let (mut octets, mut register, mut n) = ([0u8; PERIOD as usize], 0x7Fu8, 0);
    // Twice round: the octets at the end of the period reach into the next.
    while n < 2 * PERIOD as usize {
        let bit = (register >> 6 ^ register >> 3) & 1;
        register = (register << 1 | bit) & 0x7F;
        let mut back = 0;
        while back < 8 {
            octets[(n + PERIOD as usize - back) % PERIOD as usize] |= bit << (7 - back);
            back += 1;
        }
        n += 1;
    }
    octets
}

impl Default for Scrambler {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one_and_repeats_after_127_bits() {
        let published = "0000111011110010110010010000001000100110001011101011011000001100110101001110011110110100001010101111101001010001101110001111111";
        let mut scrambler = Scrambler::new();
        for _ in 0..2 {
            assert!(published.bytes().all(|c| scrambler.bit() == c - b'0'));
        }
    }

    #[test]
    fn bits_octets_and_their_mixture_are_one_sequence() {
        let (mut mixed, mut single) = (Scrambler::new(), Scrambler::new());
        for _ in 0..300 {
            let mut octet = [0];
            mixed.apply(&mut octet);
            assert_eq!(octet[0], (0..8).fold(0, |octet, _| octet << 1 | single.bit()));
            assert_eq!(mixed.bit(), single.bit());
        }
    }

    #[test]
    fn the_first_octets_are_the_published_ones() {
        let mut bytes = [0; 16];
        Scrambler::new().apply(&mut bytes);
        let published =
            [0x0E, 0xF2, 0xC9, 0x02, 0x26, 0x2E, 0xB6, 0x0C, 0xD4, 0xE7, 0xB4, 0x2A, 0xFA, 0x51, 0xB8, 0xFE];
        assert_eq!(bytes, published);
    }
}
