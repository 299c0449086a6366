//! What clients read of the ports below: HDLC, TCP and UDP, IPv6, and the address of a MAC, classes 23, 41, 48 and 43 \[BB 4.7.2, 4.9.1,
//! 4.9.3, 4.9.4\].

use super::object::{attributes, kept_object};
use super::value::structure;
use super::{Enumerated, List, Octets, OctetsOf};
use crate::cosem::LogicalName;
use crate::specs::objects::ADDRESSES_MAX;

attributes! {
    /// Class 23: a port on which HDLC is spoken.
    #[derive(Default)]
    HdlcSetup: HDLC_SETUP {
        /// The rate, by the numbers of [`super::PortRate`].
        [2] comm_speed: Enumerated,
        /// Frames that may be sent without acknowledgement, 1 to 7.
        [3] window_size_transmit: u8,
        /// Frames that are taken without acknowledgement, 1 to 7.
        [4] window_size_receive: u8,
        /// Octets of an information field that is sent.
        [5] max_info_field_length_transmit: u16,
        /// Octets of an information field that is taken.
        [6] max_info_field_length_receive: u16,
        /// Milliseconds between two octets of a frame.
        [7] inter_octet_time_out: u16,
        /// Seconds without a frame after which a link is closed; 0 for never.
        [8] inactivity_time_out: u16,
        /// The physical device address.
        [9] device_address: u16,
    } kept {} volatile {}
}

attributes! {
    /// Class 41: a port on TCP or UDP.
    #[derive(Default)]
    TcpUdpSetup: TCP_UDP_SETUP {
        /// Its number.
        [2] tcp_udp_port: u16,
        /// The IP setup below it.
        [3] ip_reference: LogicalName,
        /// Octets of the longest segment.
        [4] mss: u16,
        /// Connections at the same time.
        [5] nb_of_sim_conn: u8,
        /// Seconds without traffic after which a connection is closed; 0 for never.
        [6] inactivity_time_out: u16,
    } kept {} volatile {}
}

attributes! {
    /// Class 43: the address of a MAC, as long as the medium has them.
    #[derive(Default)]
    MacAddressSetup: MAC_ADDRESS_SETUP {
        /// The address.
        [2] mac_address: Octets<16>,
    } kept {} volatile {}
}

structure! {
    /// How routers are looked for, and how often they tell of themselves \[BB 4.9.3.2.10\] (confidence B).
    NeighborDiscovery {
        /// Router solicitations until one gives up.
        rs_max_retry: u8,
        /// Milliseconds between two of them.
        rs_retry_wait_time: u16,
        /// Seconds between two router advertisements.
        ra_send_period: u32,
    }
}

attributes! {
    /// Class 48: the addresses of IPv6.
    #[derive(Default)]
    Ipv6Setup: IPV6_SETUP {
        /// The setup of the layer below.
        [2] dl_reference: LogicalName,
        /// 0 automatic, 1 DHCPv6, 2 manual, 3 neighbour discovery.
        [3] address_config_mode: Enumerated,
        /// The own addresses.
        [4] unicast_ipv6_addresses: List<OctetsOf<16>, ADDRESSES_MAX>,
        /// Groups.
        [5] multicast_ipv6_addresses: List<OctetsOf<16>, ADDRESSES_MAX>,
        /// Routers.
        [6] gateway_ipv6_addresses: List<OctetsOf<16>, ADDRESSES_MAX>,
        /// Who resolves names; empty for nobody.
        [7] primary_dns_address: Octets<16>,
        /// Who does when that one does not.
        [8] secondary_dns_address: Octets<16>,
        /// The traffic class of what is sent.
        [9] traffic_class: u8,
        /// How neighbours are looked for.
        [10] neighbor_discovery_setup: List<NeighborDiscovery, ADDRESSES_MAX>,
    } kept {} volatile {}
}

kept_object!(HdlcSetup);
kept_object!(TcpUdpSetup);
kept_object!(MacAddressSetup);
kept_object!(Ipv6Setup);
