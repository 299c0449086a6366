//! G3-PLC setup as a client reads it, classes 90, 91 and 92 \[BB 4.13.3 to 4.13.5\]: the attributes of a node with the rows of its
//! tables. Servers show theirs through [`super::G3Setup`].

use super::object::{attributes, kept_object};
use super::value::structure;
use super::{AnyValue, Bits, Enumerated, List, Octets};
use crate::specs::objects::{ADDRESSES_MAX, NETWORK_ROWS_MAX};

attributes! {
    /// Class 90: what the MAC has sent and received.
    #[derive(Default)]
    G3MacCounters: G3_MAC_COUNTERS {
        /// Data frames sent.
        [2] mac_tx_data_packet_count: u32,
        /// Data frames received.
        [3] mac_rx_data_packet_count: u32,
        /// Command frames sent.
        [4] mac_tx_cmd_packet_count: u32,
        /// Command frames received.
        [5] mac_rx_cmd_packet_count: u32,
        /// Frames for which the channel was never free.
        [6] mac_csma_fail_count: u32,
        /// Frames that nobody acknowledged.
        [7] mac_csma_no_ack_count: u32,
        /// Frames with a wrong CRC.
        [8] mac_bad_crc_count: u32,
        /// Broadcasts sent.
        [9] mac_tx_data_broadcast_count: u32,
        /// Broadcasts received.
        [10] mac_rx_data_broadcast_count: u32,
    } kept {} volatile {}
}

structure! {
    /// A key of the MAC. Servers show none.
    G3Key {
        /// Its index.
        id: u8,
        /// The key.
        key: Octets<16>,
    }
}

structure! {
    /// How a neighbour is sent to, and was heard \[confidence C\].
    G3Neighbour {
        /// Its short address.
        short_address: u16,
        /// Whether it is sent to coherently, and not differentially.
        payload_modulation_scheme: bool,
        /// The groups of tones that are used.
        tone_map: Bits<72>,
        /// 0 ROBO, 1 BPSK, 2 QPSK, 3 8PSK.
        modulation: Enumerated,
        /// The gain, in steps.
        tx_gain: i8,
        /// The step: 0 for 6 dB, 1 for 3 dB.
        tx_res: Enumerated,
        /// The gain of each group of tones, 4 bits each.
        tx_coeff: Bits<96>,
        /// How well the other side hears: -10 dB + 0.25 dB for each.
        lqi: u8,
        /// The phases between both, in steps of 60 degrees.
        phase_differential: i8,
        /// Minutes for which the tone map holds.
        tmr_valid_time: u8,
        /// Minutes for which the entry holds.
        neighbour_valid_time: u8,
    }
}

structure! {
    /// A node that is heard.
    G3PosEntry {
        /// Its short address.
        short_address: u16,
        /// How well it is heard: -10 dB + 0.25 dB for each.
        lqi: u8,
        /// Minutes for which the entry holds.
        valid_time: u8,
    }
}

attributes! {
    /// Class 91: how the MAC behaves, and who is around it.
    #[derive(Default)]
    G3MacSetup: G3_MAC_SETUP {
        /// The own short address; FFFF for none.
        [2] mac_short_address: u16,
        /// The cost of the route to the coordinator.
        [3] mac_rc_coord: u16,
        /// The network.
        [4] mac_pan_id: u16,
        /// Keys.
        [5] mac_key_table: List<G3Key, 2>,
        /// The frame counter.
        [6] mac_frame_counter: u32,
        /// Tones that are used.
        [7] mac_tone_mask: Bits<72>,
        /// Minutes for which a tone map holds.
        [8] mac_tmr_ttl: u8,
        /// How often a frame is repeated.
        [9] mac_max_frame_retries: u8,
        /// Minutes for which a neighbour is remembered.
        [10] mac_neighbour_table_entry_ttl: u8,
        /// Neighbours.
        [11] mac_neighbour_table: List<G3Neighbour, NETWORK_ROWS_MAX>,
        /// Slots of the window of high priority.
        [12] mac_high_priority_window_size: u8,
        /// Failed attempts after which the window shrinks again.
        [13] mac_csma_fairness_limit: u8,
        /// Seconds over which beacons are spread.
        [14] mac_beacon_randomization_window_length: u8,
        /// By how much the window shrinks.
        [15] mac_a: u8,
        /// How often it shrinks.
        [16] mac_k: u8,
        /// Attempts with the smallest window before the largest is taken.
        [17] mac_min_cw_attempts: u8,
        /// Whether nodes of older versions in CENELEC bands are understood.
        [18] mac_cenelec_legacy_mode: u8,
        /// Whether nodes of older versions in FCC bands are understood.
        [19] mac_fcc_legacy_mode: u8,
        /// The largest exponent of the window.
        [20] mac_max_be: u8,
        /// Attempts to find the channel free.
        [21] mac_max_csma_backoffs: u8,
        /// The smallest exponent of the window.
        [22] mac_min_be: u8,
        /// Whether broadcasts take the largest window.
        [23] mac_broadcast_max_cw_enabled: bool,
        /// Attenuation of what is sent, in dB.
        [24] mac_transmit_atten: u8,
        /// Nodes that are heard.
        [25] mac_pos_table: List<G3PosEntry, NETWORK_ROWS_MAX>,
        /// Seconds for which a frame is known again.
        [26] mac_duplicate_detection_ttl: u8,
    } kept {} volatile {}
}

structure! {
    /// How routes are found: an element of adp_routing_configuration \[confidence C\].
    G3RoutingConfiguration {
        /// Seconds that a message takes through the network.
        net_traversal_time: u8,
        /// Minutes for which a route holds.
        routing_table_entry_ttl: u16,
        /// Weight of ROBO.
        kr: u8,
        /// Weight of the modulation.
        km: u8,
        /// Weight of the tones that are not used.
        kc: u8,
        /// Weight of the quality of the link.
        kq: u8,
        /// Weight of a hop.
        kh: u8,
        /// Weight of the routes of a node.
        krt: u8,
        /// How often a route request is repeated.
        rreq_retries: u8,
        /// Seconds between route requests.
        rreq_wait: u8,
        /// Minutes for which a neighbour is avoided.
        blacklist_table_entry_ttl: u16,
        /// Whether route requests go to one neighbour where a route is known.
        unicast_rreq_gen_enable: bool,
        /// Whether the other side of a link is asked for its cost.
        rlc_enabled: bool,
        /// What is added for the other side where it was not asked.
        add_rev_link_cost: u8,
    }
}

structure! {
    /// A route.
    G3Route {
        /// To whom.
        destination: u16,
        /// Through whom.
        next_hop: u16,
        /// Its cost.
        route_cost: u16,
        /// Its hops.
        hop_count: u8,
        /// Those of them over weak links.
        weak_link_count: u8,
        /// Minutes for which it holds.
        valid_time: u16,
    }
}

structure! {
    /// A context of the compression of addresses.
    G3Context {
        /// Its number.
        id: Bits<4>,
        /// Bits of its prefix.
        context_length: u8,
        /// The prefix.
        context: Octets<16>,
        /// Whether it is used to compress, and not only to expand.
        compresses: bool,
        /// Minutes for which it holds.
        valid_lifetime: u16,
    }
}

structure! {
    /// A neighbour that is avoided.
    G3Blacklisted {
        /// Its short address.
        short_address: u16,
        /// Minutes for which it is.
        valid_time: u16,
    }
}

structure! {
    /// A broadcast that is known again.
    G3Broadcast {
        /// Who has sent it.
        source: u16,
        /// Its number.
        sequence_number: u8,
        /// Minutes for which it is.
        valid_time: u16,
    }
}

attributes! {
    /// Class 92: how the adaptation layer behaves, its routes and contexts.
    #[derive(Default)]
    G3Adaptation: G3_ADAPTATION_SETUP {
        /// Hops of a message.
        [2] adp_max_hops: u8,
        /// The quality below which a link is weak.
        [3] adp_weak_lqi_value: u8,
        /// 5 for encrypted and authenticated.
        [4] adp_security_level: u8,
        /// Prefixes.
        [5] adp_prefix_table: List<AnyValue, ADDRESSES_MAX>,
        /// How routes are found.
        [6] adp_routing_configuration: List<G3RoutingConfiguration, ADDRESSES_MAX>,
        /// Minutes for which a broadcast is known again.
        [7] adp_broadcast_log_table_entry_ttl: u16,
        /// Routes.
        [8] adp_routing_table: List<G3Route, NETWORK_ROWS_MAX>,
        /// Contexts.
        [9] adp_context_information_table: List<G3Context, ADDRESSES_MAX>,
        /// Neighbours that are avoided.
        [10] adp_blacklist_table: List<G3Blacklisted, NETWORK_ROWS_MAX>,
        /// Broadcasts.
        [11] adp_broadcast_log_table: List<G3Broadcast, NETWORK_ROWS_MAX>,
        /// Groups that it belongs to.
        [12] adp_group_table: List<u16, NETWORK_ROWS_MAX>,
        /// Seconds that joining may take.
        [13] adp_max_join_wait_time: u16,
        /// Seconds that the discovery of a path may take.
        [14] adp_path_discovery_time: u8,
        /// The key in use.
        [15] adp_active_key_index: u8,
        /// What routes are compared by.
        [16] adp_metric_type: u8,
        /// The coordinator.
        [17] adp_coord_short_address: u16,
        /// Whether it finds no routes by itself.
        [18] adp_disable_default_routing: bool,
        /// 0 device, 1 coordinator, 2 not defined.
        [19] adp_device_type: Enumerated,
        /// Whether it has a route to the coordinator from the first.
        [20] adp_default_coord_route_enabled: bool,
        /// Addresses that it takes messages for.
        [21] adp_destination_address_set: List<u16, NETWORK_ROWS_MAX>,
        /// The quality below which a link is unreliable.
        [22] adp_low_lqi_value: u8,
        /// The quality above which a link is reliable.
        [23] adp_high_lqi_value: u8,
    } kept {} volatile {}
}

kept_object!(G3MacCounters, reset);
kept_object!(G3MacSetup);
kept_object!(G3Adaptation);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axdr::Data;
    use crate::classes::{Attributes, test};
    use crate::hex::hex;
    use alloc::string::String;

    fn take(object: &mut impl Attributes, attribute: i8, value: &str) -> bool {
        let value = value.split_whitespace().collect::<String>();
        object.absorb(attribute, &Data::from_bytes(&hex(&value)).unwrap())
    }

    #[test]
    fn a_client_makes_of_what_it_reads_of_a_node_who_is_around_it() {
        let mut mac = G3MacSetup::default();
        let neighbour = "020B 12000A 0301 04 06 FC 1602 0F02 1600 04 18 123456 11A0 0F03 110A 11FF";
        assert!(take(&mut mac, 11, &["0101", neighbour].concat()));
        let [row] = mac.mac_neighbour_table.as_slice() else { panic!("one neighbour") };
        assert_eq!((row.short_address, row.modulation.0, row.lqi, row.tmr_valid_time), (10, 2, 160, 10));
        assert_eq!(row.tone_map.ones().count(), 6);
        assert!(take(&mut mac, 25, "0102 0203 12000A 11A0 1178 0203 12000B 1120 1101"));
        assert_eq!(mac.mac_pos_table.iter().map(|row| row.short_address).max(), Some(11));
        assert!(take(&mut mac, 26, "1103") && mac.mac_duplicate_detection_ttl == 3);
        assert!(!take(&mut mac, 25, "0101 0202 12000A 11A0"), "another version of the row");
        test::check(&mac, &test::UNSET);
    }

    #[test]
    fn a_client_makes_of_what_it_reads_of_a_node_its_routes_and_contexts() {
        let mut adp = G3Adaptation::default();
        assert!(take(&mut adp, 8, "0101 0206 120000 120007 12001C 1102 1101 120167"));
        let [route] = adp.adp_routing_table.as_slice() else { panic!("one route") };
        assert_eq!(
            (route.next_hop, route.hop_count, route.weak_link_count, route.valid_time),
            (7, 2, 1, 359)
        );
        assert!(take(&mut adp, 9, "0101 0205 0404 10 1150 090A FE800000000000007 81D 0301 12FFFF"));
        let [context] = adp.adp_context_information_table.as_slice() else { panic!("one context") };
        assert_eq!(
            (context.id.ones().next(), context.context_length, context.compresses),
            (Some(3), 80, true)
        );
        assert!(take(
            &mut adp,
            6,
            "0101 020E 1114 120168 1100 1100 1100 110A 1104 1100 1100 111E 12000A 0301 0300 1100"
        ));
        let configuration = &adp.adp_routing_configuration.as_slice()[0];
        assert_eq!(
            (configuration.kq, configuration.rreq_wait, configuration.unicast_rreq_gen_enable),
            (10, 30, true)
        );
        assert!(take(&mut adp, 22, "1100") && take(&mut adp, 23, "11FF"));
        assert_eq!((adp.adp_low_lqi_value, adp.adp_high_lqi_value), (0, 255));
        test::check(&adp, &test::UNSET);
    }
}
