//! Where a push goes that leaves the network: a host and a port.

use super::Slot;
use super::board::PUSHES;
use crate::specs::{TRANSPORT_TCP, TRANSPORT_UDP};
use alloc::string::String;
use core::str::from_utf8;
use dlms::classes::Destination;
use plc_core::ShortAddress;

/// Where a push goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushHost {
    /// Over TCP, or else UDP.
    pub over_tcp: bool,
    /// The host and its port, `host:port`.
    pub address: String,
}

impl PushHost {
    /// What a push setup names; `None` for another transport, and for what is no `host:port`.
    pub(crate) fn of(destination: &Destination) -> Option<Self> {
        let over_tcp = match destination.transport.0 {
            TRANSPORT_TCP => true,
            TRANSPORT_UDP => false,
            _ => return None,
        };
        let address = from_utf8(destination.address.as_slice()).ok()?;
        let (host, port) = address.rsplit_once(':')?;
        let is_lawful = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control());
        port.parse::<u16>().ok().filter(|&port| is_lawful && port > 0)?;
        Some(Self { over_tcp, address: String::from(address) })
    }
}

/// The number under which the host of a push setup is a peer: above the short addresses of a network, below broadcast.
pub(crate) fn destination_number(slot: Slot) -> Option<ShortAddress> {
    let place = PUSHES.iter().position(|&push| push == slot)?;
    u16::try_from(place).ok().map(|place| ShortAddress(DESTINATION_FIRST + place))
}

/// The number of the first destination. A choice of this crate.
pub const DESTINATION_FIRST: u16 = 0xFFF0;

#[cfg(test)]
mod tests {
    use super::*;
    use dlms::classes::{Enumerated, Octets};

    fn host(transport: u8, address: &str) -> Option<PushHost> {
        let address = Octets::new(address.as_bytes()).unwrap();
        let (transport, message) = (Enumerated(transport), Enumerated(0));
        PushHost::of(&Destination { transport, address, message })
    }

    #[test]
    fn a_host_and_a_port_are_a_destination_and_a_short_address_is_none() {
        for address in ["127.0.0.1:4061", "[::1]:4061", "head-end.example:1"] {
            let there = |over_tcp| Some(PushHost { over_tcp, address: String::from(address) });
            assert_eq!((host(0, address), host(1, address)), (there(true), there(false)));
            assert_eq!(host(2, address), None, "FTP");
        }
        for none in ["", "\0\x05", "host", "host:", ":4061", "host:0", "host:65536", "a b:1"] {
            assert_eq!(host(0, none), None, "{none:?}");
        }
    }
}
