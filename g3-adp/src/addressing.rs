//! Interface identifiers, link-local addresses and group addresses \[G3 ADP 5.3; RFC 9354; RFC 4944 9\].

use crate::specs;
use plc_core::{Eui64, PanId, ShortAddress};

/// The octets of an IPv6 address.
pub type Ipv6Address = [u8; 16];

/// fe80::/64.
pub const LINK_LOCAL: [u8; 8] = [0xFE, 0x80, 0, 0, 0, 0, 0, 0];

/// The interface identifier of a node: PAN, 00ff:fe00, short address \[G3 ADP 5.3; confidence A\].
pub const fn iid(pan_id: PanId, short: ShortAddress) -> [u8; 8] {
    let ([p, q], [s, t]) = (pan_id.0.to_be_bytes(), short.0.to_be_bytes());
    [p, q, 0x00, 0xFF, 0xFE, 0x00, s, t]
}

/// The interface identifier of a node that has no short address \[RFC 4291 A; confidence A\].
pub const fn iid_of_eui64(eui64: Eui64) -> [u8; 8] {
    let mut iid = eui64.0;
    iid[0] ^= 0x02;
    iid
}

/// The link-local address of a node.
pub fn link_local(pan_id: PanId, short: ShortAddress) -> Ipv6Address {
    join(LINK_LOCAL, iid(pan_id, short))
}

/// The short address inside the interface identifier of a node of this PAN.
pub fn short_of_iid(pan_id: PanId, iid: &[u8]) -> Option<ShortAddress> {
    let (fixed, short) = iid.split_last_chunk::<2>()?;
    let [p, q] = pan_id.0.to_be_bytes();
    (*fixed == [p, q, 0x00, 0xFF, 0xFE, 0x00]).then(|| ShortAddress(u16::from_be_bytes(*short)))
}

/// The group address that stands for a multicast address: 100 and its low 13 bits \[RFC 4944 9; confidence A\].
pub const fn group(address: &Ipv6Address) -> ShortAddress {
    ShortAddress(0x8000 | u16::from_be_bytes([address[14] & 0x1F, address[15]]))
}

/// Whether a short address stands for a group or for everybody.
pub const fn is_group(short: ShortAddress) -> bool {
    matches!(short.0, 0x8000..=0x9FFF) || short.0 == ShortAddress::BROADCAST.0
}

/// The PAN as it stands in addresses.
pub const fn address_pan(pan_id: PanId, masked: bool) -> PanId {
    if masked { PanId(pan_id.0 & specs::PAN_ID_MASK) } else { pan_id }
}

/// An address from its halves.
pub fn join(prefix: [u8; 8], iid: [u8; 8]) -> Ipv6Address {
    let mut address = [0; 16];
    address[..8].copy_from_slice(&prefix);
    address[8..].copy_from_slice(&iid);
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{PAN, hex};

    #[test]
    fn a_link_local_address_holds_pan_and_short_address_and_gives_them_back() {
        let address = link_local(PAN, ShortAddress(0x00ED));
        assert_eq!(address, hex("fe80000000000000781d00fffe0000ed")[..]);
        assert_eq!(short_of_iid(PAN, &address[8..]), Some(ShortAddress(0x00ED)));
        assert_eq!(short_of_iid(PanId(0x781E), &address[8..]), None);
    }

    #[test]
    fn multicast_addresses_map_to_their_low_thirteen_bits() {
        let mut address = [0; 16];
        address[0] = 0xFF;
        address[1] = 0x02;
        address[15] = 1;
        assert_eq!(group(&address), ShortAddress(specs::ALL_NODES));
        address[14] = 0xFF;
        assert_eq!(group(&address), ShortAddress(0x9F01));
        assert!(is_group(group(&address)) && is_group(ShortAddress::BROADCAST));
        assert!(!is_group(ShortAddress(0x7FFF)) && !is_group(ShortAddress(0xA000)));
    }

    #[test]
    fn the_identifier_of_an_extended_address_inverts_its_local_bit() {
        assert_eq!(iid_of_eui64(Eui64::from_u64(0x1122_3344_5566_7788)), hex("1322334455667788")[..]);
    }
}
