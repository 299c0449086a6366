//! Octets ⇄ bits, one bit per element, most significant first.

/// Writes the bits of `bytes` into `bits`, most significant first; stops at the end of the shorter.
pub fn unpack(bytes: &[u8], bits: &mut [u8]) {
    for (n, bit) in bits.iter_mut().enumerate().take(bytes.len() * 8) {
        *bit = bytes[n / 8] >> (7 - n % 8) & 1;
    }
}

/// Packs `bits` into `bytes`, most significant first; bits that are missing count as zero.
pub fn pack(bits: &[u8], bytes: &mut [u8]) {
    bytes.fill(0);
    for (n, bit) in bits.iter().enumerate().take(bytes.len() * 8) {
        bytes[n / 8] |= (bit & 1) << (7 - n % 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_go_out_most_significant_first_and_come_back() {
        let mut bits = [0; 16];
        unpack(&[0xA0, 0x01], &mut bits);
        assert_eq!(bits, [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        let mut bytes = [0xFF; 2];
        pack(&bits, &mut bytes);
        assert_eq!(bytes, [0xA0, 0x01]);
    }
}
