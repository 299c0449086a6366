//! What an adaptation layer is told when it is built.

use crate::specs;
use core::time::Duration;
use heapless::Vec;
use plc_core::sap::Key;
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
        Self { eui64, seed, role, limits, ib: InformationBase::default(), interop: Interop::default() }
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
    /// Coordinator: devices that may join at the same time, at most 16.
    pub parallel_joins: usize,
    /// Device: beacons remembered during a scan.
    pub candidates: usize,
}

impl Limits {
    /// Enough for a meter.
    pub const DEVICE: Self = Self {
        datagrams: 4,
        frames: 8,
        reassemblies: 4,
        broadcast_log: 32,
        neighbours: 64,
        devices: 0,
        parallel_joins: 0,
        candidates: 16,
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
    };
}

/// The part of the ADP information base that this layer uses, with the standard's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct InformationBase {
    /// adpBroadcastLogTableEntryTTL 0x02.
    pub adp_broadcast_log_table_entry_ttl: Duration,
    /// adpLowLQIValue 0x04.
    pub adp_low_lqi_value: u8,
    /// adpHighLQIValue 0x05.
    pub adp_high_lqi_value: u8,
    /// adpContextInformationTable 0x07. Context 0 follows from the PAN when its entry is empty.
    pub adp_context_information_table: [Option<Context>; specs::CONTEXTS],
    /// adpCoordShortAddress 0x08.
    pub adp_coord_short_address: ShortAddress,
    /// adpGroupTable 0x0E: group addresses 0x8000..=0x9FFF that this node belongs to.
    pub adp_group_table: Vec<ShortAddress, { specs::GROUPS }>,
    /// adpMaxHops 0x0F, 1..=14.
    pub adp_max_hops: u8,
    /// adpKq 0x16.
    pub adp_kq: u8,
    /// adpKh 0x17.
    pub adp_kh: u8,
    /// adpMaxJoinWaitTime 0x20.
    pub adp_max_join_wait_time: Duration,
    /// adpDefaultCoordRouteEnabled 0x24: after joining, the LBA is the next hop to the coordinator.
    pub adp_default_coord_route_enabled: bool,
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

impl Default for InformationBase {
    fn default() -> Self {
        Self {
            adp_broadcast_log_table_entry_ttl: specs::BROADCAST_LOG_TTL,
            adp_low_lqi_value: specs::LOW_LQI,
            adp_high_lqi_value: specs::HIGH_LQI,
            adp_context_information_table: [None; specs::CONTEXTS],
            adp_coord_short_address: ShortAddress::COORDINATOR,
            adp_group_table: Vec::new(),
            adp_max_hops: specs::MAX_HOPS,
            adp_kq: specs::KQ,
            adp_kh: specs::KH,
            adp_max_join_wait_time: specs::MAX_JOIN_WAIT,
            adp_default_coord_route_enabled: false,
            reassembly_timeout: specs::REASSEMBLY_TIMEOUT,
            scan_duration: specs::SCAN_DURATION,
            join_watchdog: specs::JOIN_WATCHDOG,
            lbp_message_timeout: specs::LBP_MESSAGE_TIMEOUT,
            lbp_retries: specs::LBP_RETRIES,
        }
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
        }
    }
}
