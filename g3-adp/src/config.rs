//! What an adaptation layer is told when it is built.

use crate::specs;
use alloc::collections::BTreeMap;
use core::time::Duration;
use heapless::Vec;
use plc_core::sap::{IbOctets, Key, KeyUse, Persist, StoredRoute};
use plc_core::{Eui64, Seed, ShortAddress};

/// Everything that an [`crate::Adp`] is told when it is built.
#[derive(Clone, Debug)]
pub struct AdpConfig {
    /// The own extended address.
    pub eui64: Eui64,
    /// Where random numbers come from: EAP-PSK challenges, back-offs, first sequence numbers.
    pub seed: Seed,
    /// Coordinator or device.
    pub role: Role,
    /// Sizes of tables and queues.
    pub limits: Limits,
    /// The information base.
    pub ib: InformationBase,
    /// Choices where sources disagree.
    pub interop: Interop,
    /// What was made durable before a restart.
    pub memory: Memory,
}

/// What was made durable before a restart; empty for a new node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The last `reserved_to` of [`Persist::LoadngSequence`].
    pub loadng_sequence: Option<u32>,
    /// The last `reserved_to` of [`Persist::BroadcastSequence`].
    pub broadcast_sequence: Option<u32>,
    /// Coordinator: the group keys by slot. An active one stands above that of the role.
    pub keys: [Option<(Key, KeyUse)>; specs::GMK_SLOTS as usize],
    /// Coordinator: the routes, one for each destination.
    pub routes: BTreeMap<ShortAddress, StoredRoute>,
}

impl Memory {
    /// Takes note of a record. What concerns other layers, or devices one by one, changes nothing: addresses come back
    /// with [`plc_core::sap::AdpmRequest::Allow`].
    pub fn learn(&mut self, record: &Persist) {
        match *record {
            Persist::LoadngSequence { reserved_to } => self.loadng_sequence = Some(reserved_to),
            Persist::BroadcastSequence { reserved_to } => self.broadcast_sequence = Some(reserved_to),
            Persist::GroupKey { index, key } => {
                if let Some(slot) = self.keys.get_mut(usize::from(index)) {
                    *slot = key;
                }
            }
            Persist::Route(route) => {
                self.routes.insert(route.destination, route);
            }
            _ => {}
        }
    }

    /// The active group key and its slot.
    pub(crate) fn active_key(&self) -> Option<(u8, Key)> {
        self.key_for(KeyUse::Active)
    }

    /// The group key for this and its slot.
    pub(crate) fn key_for(&self, wanted: KeyUse) -> Option<(u8, Key)> {
        (0u8..).zip(&self.keys).find_map(|(index, slot)| match slot {
            Some((key, purpose)) if *purpose == wanted => Some((index, *key)),
            _ => None,
        })
    }
}

impl AdpConfig {
    /// A coordinator with the standard's defaults and this group master key in slot `key_index` (0 or 1).
    pub fn coordinator(eui64: Eui64, seed: Seed, gmk: Key, key_index: u8) -> Self {
        Self::new(eui64, seed, Role::Coordinator { gmk, key_index }, Limits::COORDINATOR)
    }

    /// A device with the standard's defaults and this pre-shared key.
    pub fn device(eui64: Eui64, seed: Seed, psk: Key) -> Self {
        Self::new(eui64, seed, Role::Device { psk }, Limits::DEVICE)
    }

    fn new(eui64: Eui64, seed: Seed, role: Role, limits: Limits) -> Self {
        let (ib, interop, memory) = (InformationBase::default(), Interop::default(), Memory::default());
        Self { eui64, seed, role, limits, ib, interop, memory }
    }
}

/// What a node is in its PAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Starts the PAN and admits devices to it.
    Coordinator {
        /// The group master key that every admitted device receives.
        gmk: Key,
        /// The slot of that key, 0 or 1; higher numbers count as 1.
        key_index: u8,
    },
    /// Joins a PAN, and relays the joining of its neighbours.
    Device {
        /// The key that it shares with the coordinator.
        psk: Key,
    },
}

/// Sizes of tables and queues. Each excess is a counted drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// IPv6 packets waiting to be sent, at most 16.
    pub datagrams: usize,
    /// LBP messages and relayed frames waiting to be sent.
    pub frames: usize,
    /// Datagrams being reassembled.
    pub reassemblies: usize,
    /// Entries of the broadcast log.
    pub broadcast_log: usize,
    /// Neighbours remembered for routing.
    pub neighbours: usize,
    /// Coordinator: devices that may join at all.
    pub devices: usize,
    /// Coordinator: devices that may join at the same time, at most 10.
    pub parallel_joins: usize,
    /// Device: beacons remembered during a scan, at most 16.
    pub candidates: usize,
    /// Entries of the routing table.
    pub routes: usize,
    /// Neighbours that are known to have failed.
    pub blacklist: usize,
    /// Nodes that are looked for, or wait to be.
    pub searches: usize,
    /// Route requests of others that wait to be answered, or were a short while ago.
    pub answers: usize,
    /// Route requests of others that wait to be passed on.
    pub passing: usize,
}

impl Limits {
    /// Enough for a meter.
    pub const DEVICE: Self = Self {
        datagrams: 4,
        frames: 12,
        reassemblies: 3,
        broadcast_log: 32,
        neighbours: 64,
        devices: 0,
        parallel_joins: 0,
        candidates: 16,
        routes: 150,
        blacklist: 20,
        searches: 6,
        answers: 4,
        passing: 12,
    };

    /// Enough for a concentrator of 2000 meters.
    pub const COORDINATOR: Self = Self {
        datagrams: 16,
        frames: 32,
        reassemblies: 32,
        broadcast_log: 64,
        neighbours: 256,
        devices: 2048,
        parallel_joins: specs::PARALLEL_JOINS,
        candidates: 0,
        routes: 2048,
        blacklist: 64,
        searches: 64,
        answers: 64,
        passing: 32,
    };
}

/// The ADP information base, with the standard's defaults \[G3 ADP 5.6\].
#[derive(Clone, Debug, PartialEq)]
pub struct InformationBase {
    /// adpPrefixTable 0x01. Kept for management: addresses follow from the PAN.
    pub adp_prefix_table: Vec<IbOctets, 4>,
    /// adpBroadcastLogTableEntryTTL 0x02.
    pub adp_broadcast_log_table_entry_ttl: Duration,
    /// adpMetricType 0x03: 0x00 hop count, 0x0E capacity, 0x0F composite.
    pub adp_metric_type: u8,
    /// adpLowLQIValue 0x04.
    pub adp_low_lqi_value: u8,
    /// adpHighLQIValue 0x05.
    pub adp_high_lqi_value: u8,
    /// adpRREPWait 0x06: from the first request for this node to the reply.
    pub adp_rrep_wait: Duration,
    /// adpContextInformationTable 0x07. Context 0 follows from the PAN when its entry is empty.
    pub adp_context_information_table: [Option<Context>; specs::CONTEXTS],
    /// adpCoordShortAddress 0x08.
    pub adp_coord_short_address: ShortAddress,
    /// adpRLCEnabled 0x09: neighbours are asked for the cost of the other direction.
    pub adp_rlc_enabled: bool,
    /// adpAddRevLinkCost 0x0A: added to the cost of a link of which only one direction is known.
    pub adp_add_rev_link_cost: u8,
    /// adpUnicastRREQGenEnable 0x0D: requests of this node may be passed on along known routes.
    pub adp_unicast_rreq_gen_enable: bool,
    /// adpGroupTable 0x0E: group addresses 0x8000..=0x9FFF that this node belongs to.
    pub adp_group_table: Vec<ShortAddress, { specs::GROUPS }>,
    /// adpMaxHops 0x0F, 1..=14.
    pub adp_max_hops: u8,
    /// adpNetTraversalTime 0x11: the longest way of a message through the network.
    pub adp_net_traversal_time: Duration,
    /// adpRoutingTableEntryTTL 0x12.
    pub adp_routing_table_entry_ttl: Duration,
    /// adpKr 0x13: cost of ROBO.
    pub adp_kr: u8,
    /// adpKm 0x14: cost of slow modulations.
    pub adp_km: u8,
    /// adpKc 0x15: cost of carriers that cannot be used.
    pub adp_kc: u8,
    /// adpKq 0x16: cost of a weak signal.
    pub adp_kq: u8,
    /// adpKh 0x17: cost of a hop.
    pub adp_kh: u8,
    /// adpRREQRetries 0x18.
    pub adp_rreq_retries: u8,
    /// adpRREQWait 0x19: between two requests of this node.
    pub adp_rreq_wait: Duration,
    /// adpWeakLQIValue 0x1A: links below are weak.
    pub adp_weak_lqi_value: u8,
    /// adpKrt 0x1B: cost of a node that many routes cross.
    pub adp_krt: u8,
    /// adpSnifferMode 0x1D. Kept for management; this layer has no sniffer.
    pub adp_sniffer_mode: bool,
    /// adpBlacklistTableEntryTTL 0x1F.
    pub adp_blacklist_table_entry_ttl: Duration,
    /// adpMaxJoinWaitTime 0x20.
    pub adp_max_join_wait_time: Duration,
    /// adpPathDiscoveryTime 0x21.
    pub adp_path_discovery_time: Duration,
    /// adpDestinationAddressSet 0x23: further addresses that this node answers for.
    pub adp_destination_address_set: Vec<ShortAddress, { specs::DESTINATIONS }>,
    /// adpDefaultCoordRouteEnabled 0x24: after joining, the LBA is the next hop to the coordinator.
    pub adp_default_coord_route_enabled: bool,
    /// adpDelayLowLQI 0x25: before a request that came over a poor link is passed on.
    pub adp_delay_low_lqi: Duration,
    /// adpDelayHighLQI 0x26: before a request that came over a good link is passed on.
    pub adp_delay_high_lqi: Duration,
    /// adpRREQJitterLowLQI 0x27: links below are poor.
    pub adp_rreq_jitter_low_lqi: u8,
    /// adpRREQJitterHighLQI 0x28: links above are good.
    pub adp_rreq_jitter_high_lqi: u8,
    /// adpTrickleDataEnabled 0x29. This and the other adpTrickle attributes are kept for management: every broadcast is
    /// repeated.
    pub adp_trickle_data_enabled: bool,
    /// adpTrickleLQIThresholdLow 0x2A.
    pub adp_trickle_lqi_threshold_low: u8,
    /// adpTrickleStep 0x2B.
    pub adp_trickle_step: u8,
    /// adpTrickleFactorImax 0x2C. Kept for management: one interval is enough for one broadcast.
    pub adp_trickle_factor_imax: u8,
    /// adpTrickleImin 0x2D.
    pub adp_trickle_imin: Duration,
    /// adpTrickleMaxKi 0x2E.
    pub adp_trickle_max_ki: u8,
    /// adpTrickleAdaptiveImin 0x2F.
    pub adp_trickle_adaptive_imin: bool,
    /// adpTrickleAdaptiveKi 0x30.
    pub adp_trickle_adaptive_ki: bool,
    /// adpClusterTrickleEnabled 0x31.
    pub adp_cluster_trickle_enabled: bool,
    /// adpClusterMinLQI 0x32.
    pub adp_cluster_min_lqi: u8,
    /// adpClusterTrickleK 0x33.
    pub adp_cluster_trickle_k: u8,
    /// adpClusterRCDeviation 0x34.
    pub adp_cluster_rc_deviation: u16,
    /// adpClusterTrickleI 0x35.
    pub adp_cluster_trickle_i: Duration,
    /// adpTrickleLQIThresholdHigh 0x36.
    pub adp_trickle_lqi_threshold_high: u8,
    /// adpDisableDefaultRouting 0xF0: no route is looked for, and none that others look for is passed on.
    pub adp_disable_default_routing: bool,
    /// The largest gap between two fragments.
    pub reassembly_timeout: Duration,
    /// Device: how long a scan listens.
    pub scan_duration: Duration,
    /// Device: after so long without a protected frame of its PAN it leaves and joins again, as after KICK.
    /// Zero: it waits for ever. Not of the standard.
    pub join_watchdog: Duration,
    /// Coordinator: how long to wait for each answer of a joining device.
    pub lbp_message_timeout: Duration,
    /// Coordinator: repetitions of an unanswered message.
    pub lbp_retries: u8,
}

impl InformationBase {
    /// The standard's defaults.
    pub const DEFAULT: Self = Self {
        adp_prefix_table: Vec::new(),
        adp_broadcast_log_table_entry_ttl: specs::BROADCAST_LOG_TTL,
        adp_metric_type: specs::METRIC_COMPOSITE,
        adp_low_lqi_value: specs::LOW_LQI,
        adp_high_lqi_value: specs::HIGH_LQI,
        adp_rrep_wait: specs::RREP_WAIT,
        adp_context_information_table: [None; specs::CONTEXTS],
        adp_coord_short_address: ShortAddress::COORDINATOR,
        adp_rlc_enabled: false,
        adp_add_rev_link_cost: 0,
        adp_unicast_rreq_gen_enable: true,
        adp_group_table: Vec::new(),
        adp_max_hops: specs::MAX_HOPS,
        adp_net_traversal_time: specs::NET_TRAVERSAL_TIME,
        adp_routing_table_entry_ttl: specs::ROUTING_TABLE_ENTRY_TTL,
        adp_kr: 0,
        adp_km: 0,
        adp_kc: 0,
        adp_kq: specs::KQ,
        adp_kh: specs::KH,
        adp_rreq_retries: 0,
        adp_rreq_wait: specs::RREQ_WAIT,
        adp_weak_lqi_value: specs::WEAK_LQI,
        adp_krt: 0,
        adp_sniffer_mode: false,
        adp_blacklist_table_entry_ttl: specs::BLACKLIST_TTL,
        adp_max_join_wait_time: specs::MAX_JOIN_WAIT,
        adp_path_discovery_time: specs::PATH_DISCOVERY_TIME,
        adp_destination_address_set: Vec::new(),
        adp_default_coord_route_enabled: false,
        adp_delay_low_lqi: Duration::ZERO,
        adp_delay_high_lqi: Duration::ZERO,
        adp_rreq_jitter_low_lqi: specs::JITTER_LOW_LQI,
        adp_rreq_jitter_high_lqi: specs::JITTER_HIGH_LQI,
        adp_trickle_data_enabled: false,
        adp_trickle_lqi_threshold_low: specs::TRICKLE_LQI_LOW,
        adp_trickle_step: 1,
        adp_trickle_factor_imax: 0,
        adp_trickle_imin: specs::TRICKLE_IMIN,
        adp_trickle_max_ki: specs::TRICKLE_MAX_KI,
        adp_trickle_adaptive_imin: true,
        adp_trickle_adaptive_ki: false,
        adp_cluster_trickle_enabled: false,
        adp_cluster_min_lqi: specs::CLUSTER_MIN_LQI,
        adp_cluster_trickle_k: specs::CLUSTER_K,
        adp_cluster_rc_deviation: specs::CLUSTER_RC_DEVIATION,
        adp_cluster_trickle_i: specs::CLUSTER_I,
        adp_trickle_lqi_threshold_high: specs::TRICKLE_LQI_HIGH,
        adp_disable_default_routing: false,
        reassembly_timeout: specs::REASSEMBLY_TIMEOUT,
        scan_duration: specs::SCAN_DURATION,
        join_watchdog: specs::JOIN_WATCHDOG,
        lbp_message_timeout: specs::LBP_MESSAGE_TIMEOUT,
        lbp_retries: specs::LBP_RETRIES,
    };
}

impl Default for InformationBase {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A prefix that both ends know \[RFC 6282 3.1.2\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The prefix, from the top; bits beyond `bits` are zero.
    pub prefix: [u8; 16],
    /// Its length in bits, 1..=128.
    pub bits: u8,
    /// Whether it may be used to compress, and not only to decompress (the C flag).
    pub compress: bool,
}

impl Context {
    /// The bits of an address that the prefix decides.
    pub(crate) const fn mask(&self) -> u128 {
        match self.bits {
            0 => 0,
            bits if bits >= 128 => u128::MAX,
            bits => u128::MAX << (128 - bits as u32),
        }
    }

    /// Whether an address begins with the prefix.
    pub(crate) fn covers(&self, address: &[u8; 16]) -> bool {
        (u128::from_be_bytes(self.prefix) ^ u128::from_be_bytes(*address)) & self.mask() == 0
    }
}

/// Choices where sources disagree or are silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interop {
    /// Parameter-result carries the result code before the attribute \[G3 LBP 7.1; two sources to one\].
    pub result_before_attribute: bool,
    /// Only the bits 0xFCFF of the PAN take part in addresses \[G3 ADP 5.3; confidence C\].
    pub mask_pan_id: bool,
    /// Broadcasts of groups that this node is not in are repeated \[G3 ADP 5.2; confidence C\].
    pub forward_foreign_groups: bool,
    /// The LBA speaks to a joining device from its extended address instead of the short one.
    pub lba_extended_source: bool,
    /// Packets are sent compressed with contexts; otherwise stateless.
    pub compress_with_contexts: bool,
    /// Packets are sent compressed at all; otherwise behind dispatch 0x41.
    pub compress: bool,
    /// The coordinator believes a KICK in clear, relayed by an LBA. Anybody can forge it.
    pub accept_relayed_leave: bool,
    /// Requests for contention-free access are granted, although nothing is reserved \[G3 ADP 5.1; confidence C\].
    pub grant_contention_free_access: bool,
    /// A device that hears another PAN tells its coordinator, as older editions want \[G3 LBP 7.1; confidence B\].
    pub report_pan_conflict: bool,
    /// A route request over a link whose other direction has carried frames makes a route that may be used at
    /// once; otherwise only a reply that was acknowledged does \[G3 ADP 6.4.3; confidence B\].
    pub acknowledged_links_suffice: bool,
    /// Every node that hears a request with the unicast flag by broadcast and knows the way passes it on along its own way.
    /// Where many do, all of them speak to the same neighbour at once and drown each other, so by default the flag
    /// counts only for the one that is spoken to alone, and is set only where one is \[G3 ADP 6.4.6; confidence C\].
    pub everybody_passes_unicast: bool,
    /// The random part of the delay before a route request is passed on \[G3 ADP 6.4; confidence C\].
    pub rreq_jitter: Duration,
    /// A node that is told that its own frame could not go on gives up the route, whichever neighbour has passed the news on; the
    /// standard's reading, that it must have come from the next hop, leaves nodes unreachable for good whose errors come back another
    /// way \[G3 ADP 6.4.8; ours, confidence C\].
    pub originator_believes_errors: bool,
    /// A frame whose next hop has not answered, although it has before and was well heard, goes to it once more after a pause of
    /// the first time and a random part of the second; only then the route counts as broken. `None`: at once, as the
    /// standard has it \[G3 ADP 6.5; ours, confidence C\].
    pub second_chance: Option<(Duration, Duration)>,
    /// A device whose frames do not get through while it joins pauses longer each time, beyond what the standard gives as the longest
    /// pauses: when the power comes back to a thousand meters at once they keep the line busy with collisions for ever
    /// otherwise \[G3 LBP 7.3.3; ours, confidence C\].
    pub yields_when_crowded: bool,
    /// A device that has failed before, and that has heard beacons for others while it has waited for its next scan, needs none of
    /// its own \[ours, confidence C\].
    pub beacons_for_others_serve: bool,
    /// Relayed frames, and not only messages of LOADng, prolong the routes that they use \[G3 ADP 6.3;
    /// confidence C\].
    pub traffic_refreshes_routes: bool,
}

impl Default for Interop {
    fn default() -> Self {
        Self {
            result_before_attribute: true,
            mask_pan_id: false,
            forward_foreign_groups: true,
            lba_extended_source: false,
            compress_with_contexts: false,
            compress: true,
            accept_relayed_leave: false,
            grant_contention_free_access: false,
            report_pan_conflict: false,
            acknowledged_links_suffice: true,
            everybody_passes_unicast: false,
            rreq_jitter: specs::RREQ_JITTER,
            originator_believes_errors: true,
            second_chance: Some(specs::SECOND_CHANCE),
            yields_when_crowded: true,
            beacons_for_others_serve: true,
            traffic_refreshes_routes: true,
        }
    }
}
