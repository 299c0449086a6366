//! Where a sender is.

use core::net::IpAddr;

/// Where a sender is, as far as guessing at passwords goes: all that come from one place share their failures, whatever connections
/// they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Any number that names the place.
    pub place: u64,
    /// Whether an answer to that place has been seen to arrive. Anybody can claim another one in a datagram, so these are counted by
    /// themselves.
    pub is_checked: bool,
}

impl Origin {
    /// A sender whose number as a peer is its address.
    pub const fn of_peer(peer: u16) -> Self {
        Self { place: peer as u64, is_checked: true }
    }

    /// A host on IP: of IPv6 its network of 64 bits, within which anybody takes the address that he likes.
    pub const fn of_host(address: IpAddr, is_checked: bool) -> Self {
        let place = match address.to_canonical() {
            IpAddr::V4(address) => address.to_bits() as u64,
            IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
        };
        Self { place, is_checked }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn hosts_of_one_network_of_ipv6_share_their_place_and_those_of_ipv4_do_not() {
        let of = |address| Origin::of_host(address, true);
        let v6 = |network, host| of(IpAddr::V6(Ipv6Addr::new(0x2001, 0xDB8, 0, network, 0, 0, 0, host)));
        assert_eq!(v6(1, 1), v6(1, 2));
        assert_ne!(v6(1, 1), v6(2, 1));
        let v4 = Ipv4Addr::new(192, 0, 2, 1);
        assert_eq!(of(IpAddr::V4(v4)), of(IpAddr::V6(v4.to_ipv6_mapped())));
        assert_ne!(of(IpAddr::V4(v4)), of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2))));
        assert_ne!(of(IpAddr::V4(v4)), Origin::of_host(IpAddr::V4(v4), false));
    }
}
