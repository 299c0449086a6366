//! What a MAC is built from.

use crate::wire::ToneMapLayout;
use crate::{Adaptation, Timing, specs};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use plc_core::sap::FrameGeometry;
use plc_core::{Eui64, Seed, ShortAddress};

/// Everything that a [`Mac`](crate::Mac) is built from.
#[derive(Clone)]
pub struct MacConfig {
    /// The extended address.
    pub eui64: Eui64,
    /// The arithmetic of frames of the band.
    pub geometry: &'static dyn FrameGeometry,
    /// The intervals of channel access.
    pub timing: Timing,
    /// The PIB attributes at the start.
    pub pib: Pib,
    /// How requests for a tone map are answered.
    pub adaptation: Adaptation,
    /// The choices where sources of the standard differ.
    pub interop: Interop,
    /// Bounds of queues and tables.
    pub bounds: Bounds,
    /// Entropy: backoffs, beacon delays, the first DSN.
    pub seed: Seed,
    /// macFrameCounter 0x77: the first counter that was certainly never used, from durable storage.
    pub frame_counter: u32,
    /// How many counters one `Persist` reserves; zero counts as one.
    pub frame_counter_block: u32,
    /// macDeviceTable 0x73 as it was made durable before a restart.
    pub device_counters: Vec<DeviceCounter>,
    /// Received counters of a source for one `Persist`; 0, the default: received counters are not made durable.
    pub device_counter_block: u32,
    /// What such a record says.
    pub after_restart: AfterRestart,
}

/// A source and the smallest frame counter of it that is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceCounter {
    /// The source.
    pub short: ShortAddress,
    /// The slot of the key.
    pub key_index: u8,
    /// The smallest counter to accept.
    pub accept_from: u32,
}

/// What becomes, after a power cut, of counters between those that were made durable and those that were really
/// received. After an orderly stop (`Mac::device_counters`) there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AfterRestart {
    /// They are refused: a record is written before the first counter of a block and names its end. No frame is ever
    /// accepted twice. It costs up to a block of frames of each source, which are acknowledged and dropped.
    #[default]
    RefuseUncertain,
    /// They are accepted: a record names the counter that it was written for. No fresh frame is refused. It costs that
    /// up to a block of the latest frames of each source can be replayed once.
    AcceptUncertain,
}

impl MacConfig {
    /// The defaults of the standard for this node.
    pub fn new(eui64: Eui64, geometry: &'static dyn FrameGeometry, seed: Seed, frame_counter: u32) -> Self {
        Self {
            eui64,
            geometry,
            timing: Timing::new(geometry),
            pib: Pib::default(),
            adaptation: Adaptation::default(),
            interop: Interop::default(),
            bounds: Bounds::default(),
            seed,
            frame_counter,
            frame_counter_block: 1024,
            device_counters: Vec::new(),
            device_counter_block: 0,
            after_restart: AfterRestart::default(),
        }
    }

    /// The layout of tone map responses in the band: by the number of its groups.
    pub(crate) fn tone_map_layout(&self) -> ToneMapLayout {
        let narrow = self.geometry.robust().tone_map.0 < 1 << 6;
        let seven = self.interop.seven_octets;
        if narrow { ToneMapLayout::Cenelec { seven } } else { ToneMapLayout::Wide }
    }
}

impl fmt::Debug for MacConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MacConfig")
            .field("eui64", &self.eui64)
            .field("pib", &self.pib)
            .finish_non_exhaustive()
    }
}

/// PIB attributes that are no interval \[G3 MAC 1.9\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pib {
    /// macMinBE 0x4F: the smallest window is 2^this slots.
    pub mac_min_be: u8,
    /// macMaxBE 0x47: the largest window is 2^this slots.
    pub mac_max_be: u8,
    /// macMaxCSMABackoffs 0x4E.
    pub mac_max_csma_backoffs: u8,
    /// macMaxFrameRetries 0x59: transmissions beyond the first, for each segment.
    pub mac_max_frame_retries: u8,
    /// macCSMAFairnessLimit 0x10C.
    pub mac_csma_fairness_limit: u8,
    /// macA 0x112.
    pub mac_a: u8,
    /// macK 0x113; zero counts as one.
    pub mac_k: u8,
    /// macMinCWAttempts 0x114.
    pub mac_min_cw_attempts: u8,
    /// macBroadcastMaxCWEnabled 0x11E: broadcasts use the largest window.
    pub mac_broadcast_max_cw_enabled: bool,
    /// macPOSTableEntryTTL 0x10E: how long a node counts as present after its last frame.
    pub mac_pos_table_entry_ttl: Duration,
    /// macPOSRecentEntryThreshold 0x121: how long it counts as heard recently.
    pub mac_pos_recent_entry_threshold: Duration,
}

impl Default for Pib {
    fn default() -> Self {
        Self {
            mac_min_be: specs::MIN_BE,
            mac_max_be: specs::MAX_BE,
            mac_max_csma_backoffs: specs::MAX_CSMA_BACKOFFS,
            mac_max_frame_retries: specs::MAX_FRAME_RETRIES,
            mac_csma_fairness_limit: specs::CSMA_FAIRNESS_LIMIT,
            mac_a: specs::A,
            mac_k: specs::K,
            mac_min_cw_attempts: specs::MIN_CW_ATTEMPTS,
            mac_broadcast_max_cw_enabled: false,
            mac_pos_table_entry_ttl: specs::POS_TABLE_ENTRY_TTL,
            mac_pos_recent_entry_threshold: specs::POS_RECENT_ENTRY_THRESHOLD,
        }
    }
}

/// The order of the two octets of RC_COORD in a beacon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OctetOrder {
    /// Least significant octet first.
    #[default]
    Little,
    /// Most significant octet first.
    Big,
}

/// The choices where sources of the standard differ or are silent \[G3 MAC 12\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interop {
    /// RC_COORD in beacons \[confidence C\].
    pub rc_coord_order: OctetOrder,
    /// Answer a frame to this node whose FCS is wrong with a NACK \[confidence C\]. Default: no.
    pub nack: bool,
    /// Double the contention window after a missing acknowledgement too, not only when the channel was
    /// busy: collisions are the usual reason where a preamble takes longer than a slot to be noticed
    /// \[confidence C\]. Default: yes.
    pub widen_after_no_ack: bool,
    /// Hold off for EIFS also when the header was understood but the payload was not; its end is known
    /// then \[confidence C\]. Default: no.
    pub eifs_after_bad_payload: bool,
    /// Hold off for EIFS when the MAC is first used: somebody may be speaking \[confidence C\]. Default: yes.
    pub eifs_at_start: bool,
    /// Hold off, after a segment or acknowledgement that announces another one, until the header of that would have
    /// been heard: a preamble is noticed later than the contention-free slot ends \[confidence C\]. Default: yes.
    pub yield_to_bursts: bool,
    /// Ask neighbours for tone map responses. Without, everything is sent in ROBO; the requests of others are answered
    /// all the same. Default: yes.
    pub tone_map_requests: bool,
    /// Write the tone map response of CENELEC with seven octets instead of six \[confidence B\]. Default: no.
    pub seven_octets: bool,
    /// Failures of a segment after which the rest of its MSDU is sent in ROBO \[confidence C\]. Default: 3.
    pub robo_after_failures: u8,
    /// Answers to a beacon request, of nodes as close to the coordinator, after which an own one that still waits is left
    /// out; 0: never. The standard lets every joined node answer, which is the same to the one that asks as beacons that
    /// are lost \[ours; confidence C\]. Default: 3.
    pub beacons_enough: u8,
    /// Cut a segment anew that is too long for ROBO, with the same number. A receiver that has it already, but whose
    /// acknowledgements were all lost, must take the newer one or the whole MSDU for known; ours does. Without, such a
    /// segment keeps the parameters with which it was cut \[confidence C\]. Default: yes.
    pub recut: bool,
}

impl Default for Interop {
    fn default() -> Self {
        Self {
            rc_coord_order: OctetOrder::Little,
            nack: false,
            widen_after_no_ack: true,
            eifs_after_bad_payload: false,
            eifs_at_start: true,
            yield_to_bursts: true,
            tone_map_requests: true,
            seven_octets: false,
            robo_after_failures: 3,
            beacons_enough: 3,
            recut: true,
        }
    }
}

/// How much the MAC may hold. Zero of anything counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// MCPS-DATA requests that wait.
    pub requests: usize,
    /// MSDUs in reassembly at once.
    pub reassemblies: usize,
    /// MSDUs remembered for duplicate detection.
    pub duplicates: usize,
    /// macDeviceTable 0x73: sources with their last frame counter.
    pub devices: usize,
    /// macNeighbourTable 0x10A: neighbours with their transmission parameters.
    pub neighbours: usize,
    /// macPOSTable 0x120: nodes heard.
    pub pos: usize,
    /// Neighbours whose frames are measured for tone map responses.
    pub links: usize,
    /// Beacons reported in one scan.
    pub scan_results: usize,
}

impl Bounds {
    /// A device: all of it in less than 24 KiB. Above stands an adaptation layer that has one request under way.
    pub const DEVICE: Self = Self {
        requests: 3,
        reassemblies: 6,
        duplicates: 16,
        devices: 128,
        neighbours: 32,
        pos: 64,
        links: 32,
        scan_results: 32,
    };

    /// A coordinator of 2000 meters, all of which it might hear.
    pub const COORDINATOR: Self = Self {
        requests: 32,
        reassemblies: 32,
        duplicates: 64,
        devices: 2048,
        neighbours: 2048,
        pos: 2048,
        links: 2048,
        scan_results: 64,
    };
}

impl Default for Bounds {
    fn default() -> Self {
        Self::DEVICE
    }
}
