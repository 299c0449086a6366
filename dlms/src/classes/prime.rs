//! PRIME setup, classes 80 to 86 \[BB 4.12.3 to 4.12.9\]: what the layers of a node know of themselves, as a client reads it, and as a
//! server shows it that is told by its node.

use super::object::{attributes, kept_object};
use super::value::{enumeration, structure};
use super::{List, Octets, OctetsOf};
use crate::specs::objects::{NETWORK_ROWS_MAX, VERSION_LEN_MAX};

attributes! {
    /// Class 80: the addresses of the convergence sublayer for IEC 61334-4-32.
    PrimeLlcSetup: PRIME_LLC_SETUP {
        /// Of this node.
        [2] service_node_address: u16,
        /// Of its base node.
        [3] base_node_address: u16,
    } kept {} volatile {}
}

impl Default for PrimeLlcSetup {
    /// A node that was given no address.
    fn default() -> Self {
        Self { service_node_address: NEW_ADDRESS, base_node_address: 0 }
    }
}

/// The address of a node that has none yet: NEW \[BB 4.12.3; confidence C\].
pub(crate) const NEW_ADDRESS: u16 = 0x0FFE;

attributes! {
    /// Class 81: what the physical layer has lost.
    #[derive(Default)]
    PrimePhyCounters: PRIME_PHY_COUNTERS {
        /// Bursts with a wrong CRC.
        [2] phy_stats_crc_incorrect_count: u16,
        /// Bursts whose CRC was right and whose header was not.
        [3] phy_stats_crc_fail_count: u16,
        /// Bursts that there was no room to send.
        [4] phy_stats_tx_drop_count: u16,
        /// Bursts that there was no room to receive.
        [5] phy_stats_rx_drop_count: u16,
    } kept {} volatile {}
}

attributes! {
    /// Class 82: how the MAC is to behave.
    #[derive(Default)]
    PrimeMacSetup: PRIME_MAC_SETUP {
        /// Seconds that a node looks for switches before it asks for promotions.
        [2] mac_min_switch_search_time: u8,
        /// Requests for promotion.
        [3] mac_max_promotion_pdu: u8,
        /// Seconds between them.
        [4] mac_promotion_pdu_tx_period: u8,
        /// Beacons that a frame has room for.
        [5] mac_beacons_per_frame: u8,
        /// Attempts to send in the shared contention period.
        [6] mac_scp_max_tx_attempts: u8,
        /// Seconds after which a control packet is sent again.
        [7] mac_ctl_re_tx_timer: u8,
        /// How often.
        [8] mac_max_ctl_re_tx: u8,
    } kept {} volatile {}
}

enumeration! {
    /// What a node is in its subnetwork: mac_state \[BB 4.12.6; confidence B\].
    PrimeState {
        /// Of none.
        Disconnected = 0,
        /// A terminal.
        Terminal = 1,
        /// A switch.
        Switch = 2,
        /// The base node.
        Base = 3,
    }
}

attributes! {
    /// Class 83: the place of a node in its subnetwork.
    PrimeMacFunctional: PRIME_MAC_FUNCTIONAL {
        /// Its local node identifier.
        [2] mac_lnid: i16,
        /// Its local switch identifier.
        [3] mac_lsid: u8,
        /// The identifier of the switch that it is reached through.
        [4] mac_sid: u8,
        /// The subnetwork: the EUI-48 of its base node.
        [5] mac_sna: OctetsOf<6>,
        /// What it is.
        [6] mac_state: PrimeState,
        /// Symbols of the shared contention period.
        [7] mac_scp_length: i16,
        /// Switches between it and the base node.
        [8] mac_node_hierarchy_level: u8,
        /// Beacon slots of a frame.
        [9] mac_beacon_slot_count: u8,
        /// The slot in which its switch sends its beacon.
        [10] mac_beacon_rx_slot: u8,
        /// The slot in which it sends its own.
        [11] mac_beacon_tx_slot: u8,
        /// Frames between the beacons of its switch.
        [12] mac_beacon_rx_frequency: u8,
        /// Frames between its own.
        [13] mac_beacon_tx_frequency: u8,
        /// What it can do, as bits.
        [14] mac_capabilities: u16,
    } kept {} volatile {}
}

impl Default for PrimeMacFunctional {
    /// A node of no subnetwork.
    fn default() -> Self {
        Self {
            mac_lnid: 0,
            mac_lsid: 0,
            mac_sid: 0,
            mac_sna: OctetsOf([0; 6]),
            mac_state: PrimeState::Disconnected,
            mac_scp_length: 0,
            mac_node_hierarchy_level: 0,
            mac_beacon_slot_count: 0,
            mac_beacon_rx_slot: 0,
            mac_beacon_tx_slot: 0,
            mac_beacon_rx_frequency: 0,
            mac_beacon_tx_frequency: 0,
            mac_capabilities: 0,
        }
    }
}

attributes! {
    /// Class 84: what the MAC has sent and received.
    #[derive(Default)]
    PrimeMacCounters: PRIME_MAC_COUNTERS {
        /// Data packets sent.
        [2] mac_tx_data_pkt_count: u32,
        /// Data packets received.
        [3] mac_rx_data_pkt_count: u32,
        /// Control packets sent.
        [4] mac_tx_ctrl_pkt_count: u32,
        /// Control packets received.
        [5] mac_rx_ctrl_pkt_count: u32,
        /// Packets that could not be sent for want of a free channel.
        [6] mac_csma_fail_count: u32,
        /// How often the channel was busy.
        [7] mac_csma_ch_busy_count: u32,
    } kept {} volatile {}
}

structure! {
    /// A multicast connection of a switch.
    PrimeMulticastEntry {
        /// Its local connection identifier.
        lcid: i8,
        /// Nodes that belong to it.
        members: i16,
    }
}

structure! {
    /// A direct connection that a switch carries.
    PrimeDirectEntry {
        /// The switch of its source.
        source_sid: i16,
        /// The source.
        source_lnid: i16,
        /// The connection of the source.
        source_lcid: i16,
        /// The switch of its destination.
        destination_sid: i16,
        /// The destination.
        destination_lnid: i16,
        /// The connection of the destination.
        destination_lcid: i16,
        /// The EUI-48 of the direct switch.
        did: OctetsOf<6>,
    }
}

structure! {
    /// A switch whose beacons are heard.
    PrimeSwitchEntry {
        /// Its subnetwork.
        sna: OctetsOf<6>,
        /// Its local switch identifier.
        lsid: i16,
        /// Switches between it and the base node.
        level: i8,
        /// How strong it is heard.
        rx_level: i8,
        /// How far above the noise.
        rx_snr: i8,
    }
}

structure! {
    /// How a node is heard and answered.
    PrimePhyCommunication {
        /// Its EUI-48.
        eui: OctetsOf<6>,
        /// The level at which it is sent to.
        tx_power: i8,
        /// The coding with which it is sent to.
        tx_coding: i8,
        /// The coding in which it was heard.
        rx_coding: i8,
        /// How strong it was heard.
        rx_level: i8,
        /// How far above the noise.
        snr: i8,
        /// How often the level was changed.
        tx_power_changes: i8,
        /// How often the coding to it was changed.
        tx_coding_changes: i8,
        /// How often the coding from it was changed.
        rx_coding_changes: i8,
    }
}

attributes! {
    /// Class 85: the tables of a base node or switch.
    #[derive(Default)]
    PrimeNetworkAdministration: PRIME_NETWORK_ADMINISTRATION {
        /// Multicast connections.
        [2] mac_list_multicast_entries: List<PrimeMulticastEntry, NETWORK_ROWS_MAX>,
        /// Identifiers of the switches below it.
        [3] mac_list_switch_table: List<i16, NETWORK_ROWS_MAX>,
        /// Direct connections.
        [4] mac_list_direct_table: List<PrimeDirectEntry, NETWORK_ROWS_MAX>,
        /// Switches that are heard.
        [5] mac_list_available_switches: List<PrimeSwitchEntry, NETWORK_ROWS_MAX>,
        /// Nodes that are heard.
        [6] mac_list_phy_comm: List<PrimePhyCommunication, NETWORK_ROWS_MAX>,
    } kept {} volatile {}
}

attributes! {
    /// Class 86: who made the node.
    #[derive(Default)]
    PrimeApplicationsIdentification: PRIME_APPLICATIONS_IDENTIFICATION {
        /// The version of its firmware.
        [2] firmware_version: Octets<VERSION_LEN_MAX>,
        /// Its maker.
        [3] vendor_id: u16,
        /// What it is to its maker.
        [4] product_id: u16,
    } kept {} volatile {}
}

kept_object!(PrimeLlcSetup, reset);
kept_object!(PrimePhyCounters, reset);
kept_object!(PrimeMacSetup);
kept_object!(PrimeMacFunctional);
kept_object!(PrimeMacCounters, reset);
kept_object!(PrimeNetworkAdministration, reset);
kept_object!(PrimeApplicationsIdentification);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::{ActionResult, DataAccessResult};
    use crate::axdr::Data;
    use crate::classes::{Attributes, Effects, invoke, test};
    use crate::hex::hex;
    use alloc::vec::Vec;

    #[test]
    fn a_client_makes_of_what_it_reads_of_a_terminal_its_place_in_the_subnetwork() {
        let mut node = PrimeMacFunctional::default();
        for (attribute, value) in
            [(2, "100123"), (5, "0906001122334455"), (6, "1601"), (8, "1102"), (14, "12000F")]
        {
            assert!(node.absorb(attribute, &Data::from_bytes(&hex(value)).unwrap()), "{attribute}");
        }
        assert_eq!(
            (node.mac_lnid, node.mac_state, node.mac_node_hierarchy_level),
            (0x123, PrimeState::Terminal, 2)
        );
        assert_eq!((node.mac_sna.0.as_slice(), node.mac_capabilities), (&hex("001122334455")[..], 15));
        assert!(!node.absorb(6, &Data::Enum(4)) && !node.absorb(2, &Data::U16(1)));
        test::check(&node, &test::UNSET);
    }

    #[test]
    fn a_client_reads_the_tables_of_a_switch_row_by_row() {
        let mut tables = PrimeNetworkAdministration::default();
        let switches = hex("0101 0205 0906001122334455 100007 0F01 0FD3 0F14".replace(' ', "").as_str());
        assert!(tables.absorb(5, &Data::from_bytes(&switches).unwrap()));
        let [switch] = tables.mac_list_available_switches.as_slice() else { panic!("one") };
        assert_eq!((switch.lsid, switch.level, switch.rx_level, switch.rx_snr), (7, 1, -45, 20));
        assert_eq!(test::read(&tables, 5, &test::UNSET), switches);
        let too_few = hex("01010204090600112233445510000 70F010FD3".replace(' ', "").as_str());
        assert!(!tables.absorb(5, &Data::from_bytes(&too_few).unwrap()));
        assert_eq!(invoke(&mut tables, 1, None, &test::UNSET, &mut Effects::default()), Ok(()));
        assert_eq!(tables, PrimeNetworkAdministration::default());
    }

    #[test]
    fn counters_begin_anew_when_they_are_reset_and_nobody_writes_them() {
        let mut phy = PrimePhyCounters { phy_stats_rx_drop_count: 9, ..Default::default() };
        assert_eq!(test::write(&mut phy, 5, &[18, 0, 0]), Err(DataAccessResult::ReadWriteDenied));
        let parameter = Data::U8(1);
        let refused = invoke(&mut phy, 1, Some(&parameter), &test::UNSET, &mut Effects::default());
        assert_eq!((refused, phy.phy_stats_rx_drop_count), (Err(ActionResult::TypeUnmatched), 9));
        assert_eq!(invoke(&mut phy, 1, None, &test::UNSET, &mut Effects::default()), Ok(()));
        assert_eq!(phy, PrimePhyCounters::default());
        let mut llc = PrimeLlcSetup { service_node_address: 5, base_node_address: 1 };
        assert_eq!(invoke(&mut llc, 1, Some(&Data::I8(0)), &test::UNSET, &mut Effects::default()), Ok(()));
        let read: Vec<_> = (2..=3).map(|n| test::read(&llc, n, &test::UNSET)).collect();
        assert_eq!(read, [hex("120FFE"), hex("120000")]);
    }

    #[test]
    fn a_setup_is_written_and_kept() {
        let mut setup = PrimeMacSetup::default();
        assert_eq!(test::write(&mut setup, 8, &[17, 3]), Ok(()));
        assert_eq!(test::write(&mut setup, 8, &[18, 0, 3]), Err(DataAccessResult::TypeUnmatched));
        assert_eq!(setup.mac_max_ctl_re_tx, 3);
        test::check(&setup, &test::UNSET);
    }
}
