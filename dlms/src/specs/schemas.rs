//! The interface classes, one declared version each \[BB 4.3 to 4.9\].
//!
//! Confidence A: classes 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 17, 18, 20, 21, 22, 23, 64, 70, 71. Confidence B: 19, 40, 41, 43, 48, 68,
//! 80 to 84, 86, 90, 111, 112, 113, 115, whose tables independent implementations agree on. Confidence C: the rows of the tables of 85,
//! and that 91 and 92 have in version 4 the attributes that they have in version 3 (which are B): what version 4 adds is not known here.

use crate::classes::{
    Attribute,
    Kind::{self, *},
    Schema,
};

const fn r(name: &'static str, kind: Kind) -> Attribute {
    Attribute { name, kind, writable: false }
}

const fn w(name: &'static str, kind: Kind) -> Attribute {
    Attribute { name, kind, writable: true }
}

/// The first attribute of every class.
pub const LOGICAL_NAME: Attribute = r("logical_name", NAME);
const NAME: Kind = OctetsOf(6);
const DATE_TIME: Kind = OctetsOf(12);
const DATE: Kind = OctetsOf(5);
const TIME: Kind = OctetsOf(4);
/// script_logical_name and script_selector.
const SCRIPT: Kind = Structure(&[NAME, U16]);
/// class_id, logical_name and attribute_index.
const REFERENCE: Kind = Structure(&[U16, NAME, I8]);
const SCALER_UNIT: Kind = Structure(&[I8, Enum]);
/// class_id, logical_name, attribute_index and data_index.
const CAPTURE_OBJECT: Kind = Structure(&[U16, NAME, I8, U16]);

macro_rules! schemas {
    ($($(#[$doc:meta])* $id:ident = $class:literal, $version:literal, $name:literal:
        [$($attribute:expr),* $(,)?], [$($method:literal),* $(,)?];)+) => {
        $($(#[$doc])* pub const $id: Schema = Schema {
            class_id: $class,
            version: $version,
            name: $name,
            attributes: &[$($attribute),*],
            methods: &[$($method),*],
        };)+
        /// All of them, in the order of their numbers.
        pub const ALL: &[&Schema] = &[$(&$id),+];
    };
}

schemas! {
    /// \[BB 4.3.1\]
    DATA = 1, 0, "Data": [w("value", Any)], [];
    /// \[BB 4.3.2\]
    REGISTER = 3, 0, "Register": [r("value", Any), r("scaler_unit", SCALER_UNIT)], ["reset"];
    /// \[BB 4.3.3\]
    EXTENDED_REGISTER = 4, 0, "Extended register": [
        r("value", Any), r("scaler_unit", SCALER_UNIT), r("status", Any), r("capture_time", DATE_TIME),
    ], ["reset"];
    /// \[BB 4.3.4\]
    DEMAND_REGISTER = 5, 0, "Demand register": [
        r("current_average_value", Any), r("last_average_value", Any), r("scaler_unit", SCALER_UNIT),
        r("status", Any), r("capture_time", DATE_TIME), r("start_time_current", DATE_TIME), w("period", U32),
        w("number_of_periods", U16),
    ], ["reset", "next_period"];
    /// \[BB 4.3.5\]
    REGISTER_ACTIVATION = 6, 0, "Register activation": [
        w("register_assignment", Array(&Structure(&[U16, NAME]))),
        w("mask_list", Array(&Structure(&[Octets, Array(&U8)]))), w("active_mask", Octets),
    ], ["add_register", "add_mask", "delete_mask"];
    /// \[BB 4.3.6\]
    PROFILE_GENERIC = 7, 1, "Profile generic": [
        r("buffer", OneOf(&[Array(&Any), Null])), r("capture_objects", Array(&CAPTURE_OBJECT)), r("capture_period", U32),
        r("sort_method", Enum), r("sort_object", CAPTURE_OBJECT), r("entries_in_use", U32), r("profile_entries", U32),
    ], ["reset", "capture"];
    /// \[BB 4.5.1\]
    CLOCK = 8, 0, "Clock": [
        w("time", DATE_TIME), w("time_zone", I16), r("status", U8), w("daylight_savings_begin", DATE_TIME),
        w("daylight_savings_end", DATE_TIME), w("daylight_savings_deviation", I8), w("daylight_savings_enabled", Bool),
        r("clock_base", Enum),
    ], [
        "adjust_to_quarter", "adjust_to_measuring_period", "adjust_to_minute", "adjust_to_preset_time",
        "preset_adjusting_time", "shift_time",
    ];
    /// \[BB 4.5.2\]
    SCRIPT_TABLE = 9, 0, "Script table": [
        w("scripts", Array(&Structure(&[U16, Array(&Structure(&[Enum, U16, NAME, I8, Any]))]))),
    ], ["execute"];
    /// \[BB 4.5.3\]
    SCHEDULE = 10, 0, "Schedule": [
        w("entries", Array(&Structure(&[U16, Bool, NAME, U16, TIME, U16, Bits, Bits, DATE, DATE]))),
    ], ["enable/disable", "insert", "delete"];
    /// \[BB 4.5.4\]
    SPECIAL_DAYS = 11, 0, "Special days table": [w("entries", Array(&Structure(&[U16, DATE, U8])))], ["insert", "delete"];
    /// \[BB 4.4.4\]
    ASSOCIATION_LN = 15, 2, "Association LN": [
        r("object_list", OneOf(&[Array(&Structure(&[U16, U8, NAME, Structure(&[
            Array(&Structure(&[I8, Enum, OneOf(&[Null, Array(&I8)])])), Array(&Structure(&[I8, Enum])),
        ])])), Null])),
        r("associated_partners_id", Structure(&[I8, U16])), r("application_context_name", Octets),
        r("xDLMS_context_info", Structure(&[Bits, U16, U16, U8, I8, Octets])),
        r("authentication_mechanism_name", Octets), r("secret", Octets), r("association_status", Enum),
        r("security_setup_reference", NAME), r("user_list", Array(&Structure(&[U8, Utf8]))),
        r("current_user", Structure(&[U8, Utf8])),
    ], ["reply_to_HLS_authentication", "change_HLS_secret", "add_object", "remove_object", "add_user", "remove_user"];
    /// \[BB 4.4.5\]
    SAP_ASSIGNMENT = 17, 0, "SAP assignment": [r("SAP_assignment_list", Array(&Structure(&[U16, Octets])))], ["connect_logical_device"];
    /// \[BB 4.4.6\]
    IMAGE_TRANSFER = 18, 0, "Image transfer": [
        r("image_block_size", U32), r("image_transferred_blocks_status", Bits),
        r("image_first_not_transferred_block_number", U32), w("image_transfer_enabled", Bool),
        r("image_transfer_status", Enum), r("image_to_activate_info", Array(&Structure(&[U32, Octets, Octets]))),
    ], ["image_transfer_initiate", "image_block_transfer", "image_verify", "image_activate"];
    /// \[BB 4.7.1\]
    LOCAL_PORT_SETUP = 19, 1, "IEC local port setup": [
        w("default_mode", Enum), w("default_baud", Enum), w("prop_baud", Enum), w("response_time", Enum), w("device_addr", Octets),
        w("pass_p1", Octets), w("pass_p2", Octets), w("pass_w5", Octets),
    ], [];
    /// \[BB 4.5.5\]
    ACTIVITY_CALENDAR = 20, 0, "Activity calendar": [
        r("calendar_name_active", Octets), r("season_profile_active", SEASONS), r("week_profile_table_active", WEEKS),
        r("day_profile_table_active", DAYS), w("calendar_name_passive", Octets), w("season_profile_passive", SEASONS),
        w("week_profile_table_passive", WEEKS), w("day_profile_table_passive", DAYS),
        w("activate_passive_calendar_time", DATE_TIME),
    ], ["activate_passive_calendar"];
    /// \[BB 4.5.6\]
    REGISTER_MONITOR = 21, 0, "Register monitor": [
        w("thresholds", Array(&Any)), w("monitored_value", REFERENCE), w("actions", Array(&Structure(&[SCRIPT, SCRIPT]))),
    ], [];
    /// \[BB 4.5.7\]
    SINGLE_ACTION_SCHEDULE = 22, 0, "Single action schedule": [
        w("executed_script", SCRIPT), r("type", Enum), w("execution_time", Array(&Structure(&[TIME, DATE]))),
    ], [];
    /// \[BB 4.7.2\]
    HDLC_SETUP = 23, 1, "IEC HDLC setup": [
        w("comm_speed", Enum), w("window_size_transmit", U8), w("window_size_receive", U8), w("max_info_field_length_transmit", U16),
        w("max_info_field_length_receive", U16), w("inter_octet_time_out", U16), w("inactivity_time_out", U16), w("device_address", U16),
    ], [];
    /// \[BB 4.4.8\]
    PUSH_SETUP = 40, 2, "Push setup": [
        w("push_object_list", Array(&Structure(&[U16, NAME, I8, U16, Structure(&[Enum, Any]), Array(&CAPTURE_OBJECT)]))),
        w("send_destination_and_method", Structure(&[Enum, Octets, Enum])),
        w("communication_window", Array(&Structure(&[DATE_TIME, DATE_TIME]))), w("randomisation_start_interval", U16),
        w("number_of_retries", U8), w("repetition_delay", Structure(&[U16, U16, U16])), r("port_reference", NAME),
        r("push_client_SAP", I8), r("push_protection_parameters", Array(&Any)), w("push_operation_method", Enum),
        w("confirmation_parameters", Structure(&[DATE_TIME, U32])), r("last_confirmation_date_time", DATE_TIME),
    ], ["push", "reset"];
    /// \[BB 4.9.1\]
    TCP_UDP_SETUP = 41, 0, "TCP-UDP setup": [
        w("TCP-UDP_port", U16), w("IP_reference", NAME), w("MSS", U16), w("nb_of_sim_conn", U8), w("inactivity_time_out", U16),
    ], [];
    /// \[BB 4.9.4\]
    MAC_ADDRESS_SETUP = 43, 0, "MAC address setup": [w("MAC_address", Octets)], [];
    /// \[BB 4.9.3\]
    IPV6_SETUP = 48, 0, "IPv6 setup": [
        w("DL_reference", NAME), w("address_config_mode", Enum), w("unicast_IPv6_addresses", Array(&OctetsOf(16))),
        w("multicast_IPv6_addresses", Array(&OctetsOf(16))), w("gateway_IPv6_addresses", Array(&OctetsOf(16))),
        w("primary_DNS_address", Octets), w("secondary_DNS_address", Octets), w("traffic_class", U8),
        w("neighbor_discovery_setup", Array(&Structure(&[U8, U16, U32]))),
    ], [];
    /// \[BB 4.4.7\]
    SECURITY_SETUP = 64, 1, "Security setup": [
        r("security_policy", Enum), r("security_suite", Enum), r("client_system_title", Octets), r("server_system_title", Octets),
        r("certificates", Array(&Structure(&[Enum, Enum, Octets, Octets, Octets, Octets]))),
    ], [
        "security_activate", "key_transfer", "key_agreement", "generate_key_pair", "generate_certificate_request",
        "import_certificate", "export_certificate", "remove_certificate",
    ];
    /// \[BB 4.5.12\]
    ARBITRATOR = 68, 0, "Arbitrator": [
        w("actions", Array(&SCRIPT)), w("permissions_table", Array(&Bits)), w("weightings_table", Array(&Array(&U16))),
        r("most_recent_requests_table", Array(&Bits)), r("last_outcome", U8),
    ], ["request_action", "reset"];
    /// \[BB 4.5.8\]
    DISCONNECT_CONTROL = 70, 0, "Disconnect control": [r("output_state", Bool), r("control_state", Enum), w("control_mode", Enum)],
        ["remote_disconnect", "remote_reconnect"];
    /// \[BB 4.5.9\]
    LIMITER = 71, 0, "Limiter": [
        w("monitored_value", REFERENCE), r("threshold_active", Any), w("threshold_normal", Any), w("threshold_emergency", Any),
        w("min_over_threshold_duration", U32), w("min_under_threshold_duration", U32),
        w("emergency_profile", Structure(&[U16, DATE_TIME, U32])), w("emergency_profile_group_id_list", Array(&U16)),
        r("emergency_profile_active", Bool), w("actions", Structure(&[SCRIPT, SCRIPT])),
    ], [];
    /// \[BB 4.12.3\]
    PRIME_LLC_SETUP = 80, 0, "61334-4-32 LLC SSCS setup": [r("service_node_address", U16), r("base_node_address", U16)], ["reset"];
    /// \[BB 4.12.4\]
    PRIME_PHY_COUNTERS = 81, 0, "PRIME NB OFDM PLC physical layer counters": [
        r("phy_stats_crc_incorrect_count", U16), r("phy_stats_crc_fail_count", U16), r("phy_stats_tx_drop_count", U16),
        r("phy_stats_rx_drop_count", U16),
    ], ["reset"];
    /// \[BB 4.12.5\]
    PRIME_MAC_SETUP = 82, 0, "PRIME NB OFDM PLC MAC setup": [
        w("mac_min_switch_search_time", U8), w("mac_max_promotion_pdu", U8), w("mac_promotion_pdu_tx_period", U8),
        w("mac_beacons_per_frame", U8), w("mac_scp_max_tx_attempts", U8), w("mac_ctl_re_tx_timer", U8), w("mac_max_ctl_re_tx", U8),
    ], [];
    /// \[BB 4.12.6\]
    PRIME_MAC_FUNCTIONAL = 83, 0, "PRIME NB OFDM PLC MAC functional parameters": [
        r("mac_LNID", I16), r("mac_LSID", U8), r("mac_SID", U8), r("mac_SNA", OctetsOf(6)), r("mac_state", Enum), r("mac_scp_length", I16),
        r("mac_node_hierarchy_level", U8), r("mac_beacon_slot_count", U8), r("mac_beacon_rx_slot", U8), r("mac_beacon_tx_slot", U8),
        r("mac_beacon_rx_frequency", U8), r("mac_beacon_tx_frequency", U8), r("mac_capabilities", U16),
    ], [];
    /// \[BB 4.12.7\]
    PRIME_MAC_COUNTERS = 84, 0, "PRIME NB OFDM PLC MAC counters": [
        r("mac_tx_data_pkt_count", U32), r("mac_rx_data_pkt_count", U32), r("mac_tx_ctrl_pkt_count", U32),
        r("mac_rx_ctrl_pkt_count", U32), r("mac_csma_fail_count", U32), r("mac_csma_ch_busy_count", U32),
    ], ["reset"];
    /// \[BB 4.12.8\]
    PRIME_NETWORK_ADMINISTRATION = 85, 0, "PRIME NB OFDM PLC MAC network administration data": [
        r("mac_list_multicast_entries", Array(&Structure(&[I8, I16]))), r("mac_list_switch_table", Array(&I16)),
        r("mac_list_direct_table", Array(&Structure(&[I16, I16, I16, I16, I16, I16, OctetsOf(6)]))),
        r("mac_list_available_switches", Array(&Structure(&[OctetsOf(6), I16, I8, I8, I8]))),
        r("mac_list_phy_comm", Array(&Structure(&[OctetsOf(6), I8, I8, I8, I8, I8, I8, I8, I8]))),
    ], ["reset"];
    /// \[BB 4.12.9\]
    PRIME_APPLICATIONS_IDENTIFICATION = 86, 0, "PRIME NB OFDM PLC application identification": [
        r("firmware_version", Octets), r("vendor_ID", U16), r("product_ID", U16),
    ], [];
    /// \[BB 4.13.3\]
    G3_MAC_COUNTERS = 90, 1, "G3-PLC MAC layer counters": [
        r("mac_Tx_data_packet_count", U32), r("mac_Rx_data_packet_count", U32), r("mac_Tx_cmd_packet_count", U32),
        r("mac_Rx_cmd_packet_count", U32), r("mac_CSMA_fail_count", U32), r("mac_CSMA_no_ACK_count", U32),
        r("mac_bad_CRC_count", U32), r("mac_Tx_data_broadcast_count", U32), r("mac_Rx_data_broadcast_count", U32),
    ], ["reset"];
    /// \[BB 4.13.4\]
    G3_MAC_SETUP = 91, 4, "G3-PLC MAC setup": [
        r("mac_short_address", U16), r("mac_RC_coord", U16), r("mac_PAN_id", U16), r("mac_key_table", Array(&Structure(&[U8, Octets]))),
        r("mac_frame_counter", U32), r("mac_tone_mask", Bits), r("mac_TMR_TTL", U8), r("mac_max_frame_retries", U8),
        r("mac_neighbour_table_entry_TTL", U8),
        r("mac_neighbour_table", Array(&NEIGHBOUR)),
        r("mac_high_priority_window_size", U8), r("mac_CSMA_fairness_limit", U8),
        r("mac_beacon_randomization_window_length", U8), r("mac_A", U8), r("mac_K", U8), r("mac_min_CW_attempts", U8),
        r("mac_cenelec_legacy_mode", U8), r("mac_FCC_legacy_mode", U8), r("mac_max_BE", U8), r("mac_max_CSMA_backoffs", U8),
        r("mac_min_BE", U8), r("mac_broadcast_max_CW_enabled", Bool), r("mac_transmit_atten", U8),
        r("mac_POS_table", Array(&Structure(&[U16, U8, U8]))), r("mac_duplicate_detection_TTL", U8),
    ], ["mac_get_neighbour_table_entry"];
    /// \[BB 4.13.5\]
    G3_ADAPTATION_SETUP = 92, 4, "G3-PLC 6LoWPAN adaptation layer setup": [
        r("adp_max_hops", U8), r("adp_weak_LQI_value", U8), r("adp_security_level", U8), r("adp_prefix_table", Array(&Any)),
        r("adp_routing_configuration", Array(&ROUTING)),
        r("adp_broadcast_log_table_entry_TTL", U16),
        r("adp_routing_table", Array(&Structure(&[U16, U16, U16, U8, U8, U16]))),
        r("adp_context_information_table", Array(&Structure(&[Bits, U8, Octets, Bool, U16]))),
        r("adp_blacklist_table", Array(&Structure(&[U16, U16]))), r("adp_broadcast_log_table", Array(&Structure(&[U16, U8, U16]))),
        r("adp_group_table", Array(&U16)), r("adp_max_join_wait_time", U16), r("adp_path_discovery_time", U8),
        r("adp_active_key_index", U8), r("adp_metric_type", U8), r("adp_coord_short_address", U16),
        r("adp_disable_default_routing", Bool), r("adp_device_type", Enum), r("adp_default_coord_route_enabled", Bool),
        r("adp_destination_address_set", Array(&U16)), r("adp_low_LQI_value", U8), r("adp_high_LQI_value", U8),
    ], [];
    /// \[BB 4.6.2\]
    ACCOUNT = 111, 0, "Account": [
        r("account_mode_and_status", Structure(&[Enum, Enum])), r("current_credit_in_use", U8), r("current_credit_status", Bits),
        r("available_credit", I32), r("amount_to_clear", I32), w("clearance_threshold", I32), r("aggregated_debt", I32),
        r("credit_reference_list", Array(&NAME)), r("charge_reference_list", Array(&NAME)),
        w("credit_charge_configuration", Array(&Structure(&[NAME, NAME, Bits]))),
        w("token_gateway_configuration", Array(&Structure(&[NAME, U8]))), r("account_activation_time", DATE_TIME),
        r("account_closure_time", DATE_TIME), w("currency", Structure(&[Utf8, I8, Enum])), w("low_credit_threshold", I32),
        w("next_credit_available_threshold", I32), w("max_provision", U16), w("max_provision_period", I32),
    ], ["activate_account", "close_account", "reset_account"];
    /// \[BB 4.6.3\]
    CREDIT = 112, 0, "Credit": [
        r("current_credit_amount", I32), r("credit_type", Enum), w("priority", U8), w("warning_threshold", I32), w("limit", I32),
        w("credit_configuration", Bits), r("credit_status", Enum), w("preset_credit_amount", I32),
        w("credit_available_threshold", I32), w("period", DATE_TIME),
    ], ["update_amount", "set_amount_to_value", "invoke_credit"];
    /// \[BB 4.6.4\]
    CHARGE = 113, 0, "Charge": [
        r("total_amount_paid", I32), r("charge_type", Enum), w("priority", U8), r("unit_charge_active", UNIT_CHARGE),
        w("unit_charge_passive", UNIT_CHARGE), w("unit_charge_activation_time", DATE_TIME), w("period", U32),
        w("charge_configuration", Bits), r("last_collection_time", DATE_TIME), r("last_collection_amount", I32),
        r("total_amount_remaining", I32), w("proportion", U16),
    ], [
        "update_unit_charge", "activate_passive_unit_charge", "collect", "update_total_amount_remaining",
        "set_total_amount_remaining",
    ];
    /// \[BB 4.6.5\]
    TOKEN_GATEWAY = 115, 0, "Token gateway": [
        r("token", Octets), r("token_time", DATE_TIME), r("token_description", Array(&Octets)), r("token_delivery_method", Enum),
        r("token_status", Structure(&[Enum, Bits])),
    ], ["enter"];
}

/// short_address, payload_modulation_scheme, tone_map, modulation, tx_gain, tx_res, tx_coeff, LQI, phase_differential,
/// TMR_valid_time, neighbour_valid_time \[confidence C\].
const NEIGHBOUR: Kind = Structure(&[U16, Bool, Bits, Enum, I8, Enum, Bits, U8, I8, U8, U8]);
/// net_traversal_time, routing_table_entry_TTL, Kr, Km, Kc, Kq, Kh, Krt, RREQ_retries, RREQ_wait,
/// blacklist_table_entry_TTL, unicast_RREQ_gen_enable, RLC_enabled, add_rev_link_cost \[confidence C\].
const ROUTING: Kind = Structure(&[U8, U16, U8, U8, U8, U8, U8, U8, U8, U8, U16, Bool, Bool, U8]);
const SEASONS: Kind = Array(&Structure(&[Octets, DATE_TIME, Octets]));
const WEEKS: Kind = Array(&Structure(&[Octets, U8, U8, U8, U8, U8, U8, U8]));
const DAYS: Kind = Array(&Structure(&[U8, Array(&Structure(&[TIME, NAME, U16]))]));
const UNIT_CHARGE: Kind = Structure(&[Structure(&[I8, I8]), REFERENCE, Array(&Structure(&[Octets, I16]))]);
