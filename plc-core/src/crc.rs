//! The checksums of the wire formats, as parameters of the `crc` crate.

use crc::{Algorithm, CRC_16_IBM_SDLC, CRC_16_XMODEM, CRC_32_ISCSI, CRC_32_ISO_HDLC};
pub use crc::{Crc, NoTable, Table};

/// CRC-5 of the CENELEC frame control header: x⁵+x²+1, preset ones, inverted \[G3 FCH; confidence A\].
pub const CRC5_FCH: Algorithm<u8> = Algorithm {
    width: 5,
    poly: 0x05,
    init: 0x1F,
    refin: false,
    refout: false,
    xorout: 0x1F,
    check: 0,
    residue: 0,
};

/// CRC-8 of the FCC and ARIB frame control header: x⁸+x²+x+1, preset ones, inverted \[G3 FCH; confidence B\].
pub const CRC8_FCH: Algorithm<u8> = Algorithm {
    width: 8,
    poly: 0x07,
    init: 0xFF,
    refin: false,
    refout: false,
    xorout: 0xFF,
    check: 0,
    residue: 0,
};

/// The FCS of a G3 MAC frame: CRC-16/XMODEM \[G3 MAC FCS; confidence B, the reflected form of
/// 802.15.4 is the other candidate\].
pub const CRC16_G3_FCS: Algorithm<u16> = CRC_16_XMODEM;

/// The check of a block of stored readings: CRC-32C.
pub const CRC32_BLOCK: Algorithm<u32> = CRC_32_ISCSI;

/// HCS and FCS of HDLC: CRC-16/X-25 \[ISO/IEC 13239\].
pub const CRC16_HDLC: Algorithm<u16> = CRC_16_IBM_SDLC;

/// The FCS of a G3 MAC frame over `bytes`.
pub fn g3_fcs(bytes: &[u8]) -> u16 {
    const CRC: Crc<u16> = Crc::<u16>::new(&CRC16_G3_FCS);
    CRC.checksum(bytes)
}

/// The check sequence of HDLC over `bytes`.
pub fn hdlc_fcs(bytes: &[u8]) -> u16 {
    const CRC: Crc<u16> = Crc::<u16>::new(&CRC16_HDLC);
    CRC.checksum(bytes)
}

/// The checksum of records in a memory of our own: CRC-32/ISO-HDLC.
pub fn record_crc(bytes: &[u8]) -> u32 {
    const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
    CRC.checksum(bytes)
}

/// A CRC of at most eight bits over the first `bits` bits of `bytes`, most significant bit first.
///
/// The frame control header is not a whole number of octets, which table-driven code cannot digest.
/// Bits beyond the end of `bytes` count as zero.
pub fn crc_bits(algorithm: &Algorithm<u8>, bytes: &[u8], bits: usize) -> u8 {
    let top = 1u16 << (algorithm.width - 1);
    let mask = (top << 1) - 1;
    let step = |crc: u16, n: usize| {
        let bit = bytes.get(n / 8).is_some_and(|byte| byte >> (7 - n % 8) & 1 == 1);
        let feedback = (crc & top != 0) != bit;
        (crc << 1 & mask) ^ if feedback { u16::from(algorithm.poly) } else { 0 }
    };
    ((0..bits).fold(u16::from(algorithm.init), step) ^ u16::from(algorithm.xorout)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn published_check_values_hold() {
        assert_eq!(g3_fcs(b"123456789"), 0x31C3);
        assert_eq!(hdlc_fcs(b"123456789"), 0x906E);
    }

    #[test]
    fn the_usb_crc5_relative_of_the_fch_is_reproduced() {
        // PDC 00, MOD 1, FL 10, TM 3F, differential, DT 0 over 28 bits.
        assert_eq!(crc_bits(&CRC5_FCH, &[0x00, 0x4A, 0x3F, 0x00], 28), 0x12);
        assert_eq!(crc_bits(&CRC5_FCH, &[0xA5, 0x3F, 0x3F, 0x10], 28), 0x02);
    }

    #[test]
    fn the_crc8_of_an_fcc_header_is_reproduced() {
        assert_eq!(crc_bits(&CRC8_FCH, &[0x00, 0x20, 0x28, 0xFF, 0xFF, 0xFF, 0x10, 0x00], 58), 0x84);
    }

    proptest! {
        #[test]
        fn on_whole_octets_the_bitwise_crc_equals_the_table(bytes: Vec<u8>) {
            let table = Crc::<u8>::new(&CRC8_FCH).checksum(&bytes);
            prop_assert_eq!(crc_bits(&CRC8_FCH, &bytes, bytes.len() * 8), table);
        }
    }

    use alloc::vec::Vec;
}
