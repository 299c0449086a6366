//! The convolutional code of rate 1/2 and constraint length 7, generators 171 and 133 (octal).

/// Zero bits that bring the encoder back to its first state.
pub const CONSTRAINT_TAIL: usize = 6;

/// Taps of generator 171, bit 0 for the newest input.
pub(super) const TAPS_A: u8 = 0o171u8.reverse_bits() >> 1;
/// Taps of generator 133, bit 0 for the newest input.
pub(super) const TAPS_B: u8 = 0o133u8.reverse_bits() >> 1;

/// A running encoder, at first in state zero.
#[derive(Clone, Debug, Default)]
pub struct ConvolutionalEncoder {
    register: u8,
}

impl ConvolutionalEncoder {
    /// In state zero.
    pub const fn new() -> Self {
        Self { register: 0 }
    }

    /// Takes one bit; gives the bit of generator 171 and that of 133.
    pub const fn push(&mut self, bit: u8) -> [u8; 2] {
        self.register = (self.register << 1 | bit & 1) & 0x7F;
        OUTPUTS[self.register as usize]
    }
}

/// The coded bits of every register.
static OUTPUTS: [[u8; 2]; 128] = {
    let (mut table, mut register) = ([[0; 2]; 128], 0);
    while register < 128 {
        table[register] = outputs(register as u8);
        register += 1;
    }
    table
};

/// The coded bits of a register of seven bits, newest in bit 0.
pub(super) const fn outputs(register: u8) -> [u8; 2] {
    [((register & TAPS_A).count_ones() & 1) as u8, ((register & TAPS_B).count_ones() & 1) as u8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_impulse_response_is_the_published_one() {
        let mut encoder = ConvolutionalEncoder::new();
        let response = [1, 0, 0, 0, 0, 0, 0].map(|bit| encoder.push(bit));
        assert_eq!(response, [[1, 1], [1, 0], [1, 1], [1, 1], [0, 0], [0, 1], [1, 1]]);
    }
}
