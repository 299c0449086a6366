//! Octets ⇄ bits, one bit per element, most significant first.

/// Writes the bits of `bytes` into `bits`, most significant first; stops at the end of the shorter.
pub fn unpack(bytes: &[u8], bits: &mut [u8]) {
    let (octets, rest) = bits.as_chunks_mut::<8>();
    for (octet, &byte) in octets.iter_mut().zip(bytes) {
        *octet = unpacked(byte);
    }
    let last = bytes.get(octets.len()).map_or([0; 8], |&byte| unpacked(byte));
    if octets.len() < bytes.len() {
        rest.copy_from_slice(&last[..rest.len()]);
    }
}

/// Packs `bits` into `bytes`, most significant first; bits that are missing count as zero.
pub fn pack(bits: &[u8], bytes: &mut [u8]) {
    bytes.fill(0);
    for (byte, bits) in bytes.iter_mut().zip(bits.chunks(8)) {
        let packed = bits.iter().fold(0, |packed, bit| packed << 1 | bit & 1);
        *byte = packed << (8 - bits.len());
    }
}

fn unpacked(byte: u8) -> [u8; 8] {
    core::array::from_fn(|n| byte >> (7 - n) & 1)
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

    #[test]
    fn what_is_not_a_whole_octet_ends_where_it_ends() {
        let mut bits = [2; 11];
        unpack(&[0xFF, 0x5F], &mut bits);
        assert_eq!(bits, [1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0]);
        unpack(&[0x00], &mut bits);
        assert_eq!(bits, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
        let mut bytes = [0xFF; 3];
        pack(&[1, 1, 0, 0, 0, 0, 0, 1, 1, 0, 1], &mut bytes);
        assert_eq!(bytes, [0xC1, 0xA0, 0x00]);
    }
}
