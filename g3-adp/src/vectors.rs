//! The values of the interoperability suite, for tests.

use alloc::vec::Vec;
use plc_core::sap::Key;
use plc_core::{Eui64, PanId, ShortAddress};

pub(crate) const PSK: Key =
    Key([0xAB, 0x10, 0x34, 0x11, 0x45, 0x11, 0x1B, 0xC3, 0xC1, 0x2D, 0xE8, 0xFF, 0x11, 0x14, 0x22, 0x04]);
pub(crate) const GMK: Key =
    Key([0xAF, 0x4D, 0x6D, 0xCC, 0xF1, 0x4D, 0xE7, 0xC1, 0xC4, 0x23, 0x5E, 0x6F, 0xEF, 0x6C, 0x15, 0x1F]);
pub(crate) const KDK: &str = "97405263d14cd0990cc652b97745f2db";
pub(crate) const RAND_P: [u8; 16] =
    [0x1A, 0x58, 0xCD, 0xB3, 0x53, 0xE3, 0xE4, 0x0C, 0x5A, 0x2C, 0xEE, 0xB5, 0x9B, 0x01, 0x0A, 0xF6];
pub(crate) const RAND_S: [u8; 16] =
    [0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF];
pub(crate) const DEVICE: Eui64 = Eui64::from_u64(0x1122_3344_5566_7788);
pub(crate) const SERVER: Eui64 = Eui64::from_u64(0x8172_6354_4536_2718);
pub(crate) const PAN: PanId = PanId(0x781D);
pub(crate) const SHORT: ShortAddress = ShortAddress(0x00ED);

/// The six frames of a join, in order.
pub(crate) const JOIN: [&str; 6] = [
    "400210001122334455667788",
    "4002a00011223344556677880400001e2f0000112233445566778899aabbccddeeff8172635445362718",
    "4002100011223344556677880800003e2f4000112233445566778899aabbccddeeff1a58cdb353e3e40c5a2ceeb59b010af6a73b7a2b65b9c2e74678b8763f9f45f61122334455667788",
    "4002a0001122334455667788040100562f8000112233445566778899aabbccddeeffd749be8e083512a1525fb592f2f3ddce00000000be61bbd2dd6bf85df991383b695dbb2b1431ae2dafd9ac442d0c7e55b29b891bf19845c5a888ab4f898d6c56",
    "400210001122334455667788080100302fc000112233445566778899aabbccddeeff000000013d73556cbedf567f0062abef196b39384584a0201ec5",
    "4002900011223344556677880c020004",
];

/// The octets of hexadecimal digits.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digit = |c: u8| (c as char).to_digit(16).expect("a hexadecimal digit") as u8;
    digits.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
