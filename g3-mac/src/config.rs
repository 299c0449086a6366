//! What a MAC is built from.

use crate::{Timing, specs};
use core::fmt;
use plc_core::sap::FrameGeometry;
use plc_core::{Eui64, Seed};

/// Everything that a [`Mac`](crate::Mac) is built from.
#[derive(Clone)]
pub struct MacConfig {
    /// The extended address.
    pub eui64: Eui64,
    /// The arithmetic of frames of the band.
    pub geometry: &'static dyn FrameGeometry,
    /// The intervals of channel access.
    pub timing: Timing,
    /// The PIB attributes that stay constant.
    pub pib: Pib,
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
}

impl MacConfig {
    /// The defaults of the standard for this node.
    pub fn new(eui64: Eui64, geometry: &'static dyn FrameGeometry, seed: Seed, frame_counter: u32) -> Self {
        Self {
            eui64,
            geometry,
            timing: Timing::new(geometry),
            pib: Pib::default(),
            interop: Interop::default(),
            bounds: Bounds::default(),
            seed,
            frame_counter,
            frame_counter_block: 1024,
        }
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

/// PIB attributes that stay constant while the MAC runs \[G3 MAC 1.9\].
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
}

impl Default for Interop {
    fn default() -> Self {
        Self {
            rc_coord_order: OctetOrder::Little,
            nack: false,
            widen_after_no_ack: true,
            eifs_after_bad_payload: false,
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
    /// Segments remembered for duplicate detection.
    pub duplicates: usize,
    /// macDeviceTable 0x73: sources with their last frame counter.
    pub devices: usize,
    /// macNeighbourTable 0x10A: neighbours with their transmission parameters.
    pub neighbours: usize,
    /// Beacons reported in one scan.
    pub scan_results: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { requests: 8, reassemblies: 8, duplicates: 32, devices: 128, neighbours: 64, scan_results: 32 }
    }
}
