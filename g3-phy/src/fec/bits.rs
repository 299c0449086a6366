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
    let (octets, rest) = bits.as_chunks();
    bytes.iter_mut().zip(octets).for_each(|(byte, &octet)| *byte = packed(octet));
    if let (Some(byte), false) = (bytes.get_mut(octets.len()), rest.is_empty()) {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        *byte = packed(last);
    }
}

/// One multiplication moves the lowest bit of every octet into the highest octet, none onto another.
fn packed(bits: [u8; 8]) -> u8 {
    (((u64::from_be_bytes(bits) & 0x0101_0101_0101_0101).wrapping_mul(0x0102_0408_1020_4080)) >> 56) as u8
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
