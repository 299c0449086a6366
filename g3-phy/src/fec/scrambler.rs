//! The additive scrambler x⁷+x⁴+1, preset with ones.

/// A running scrambler; the same object descrambles. Period 127 bits.
#[derive(Clone, Debug)]
pub struct Scrambler {
    register: u8,
}

impl Scrambler {
    /// At the start of its sequence.
    pub const fn new() -> Self {
        Self { register: 0x7F }
    }

    /// The next bit of the sequence.
    pub const fn bit(&mut self) -> u8 {
        let bit = (self.register >> 6 ^ self.register >> 3) & 1;
        self.register = (self.register << 1 | bit) & 0x7F;
        bit
    }

    /// Combines `bytes` with the sequence, most significant bit first.
    pub fn apply(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte ^= (0..8).fold(0, |octet, _| octet << 1 | self.bit());
        }
    }

    /// Combines single bits with the sequence.
    pub fn apply_bits(&mut self, bits: &mut [u8]) {
        for bit in bits {
            *bit ^= self.bit();
        }
    }
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
    fn the_first_octets_are_the_published_ones() {
        let mut bytes = [0; 16];
        Scrambler::new().apply(&mut bytes);
        let published =
            [0x0E, 0xF2, 0xC9, 0x02, 0x26, 0x2E, 0xB6, 0x0C, 0xD4, 0xE7, 0xB4, 0x2A, 0xFA, 0x51, 0xB8, 0xFE];
        assert_eq!(bytes, published);
    }
}
