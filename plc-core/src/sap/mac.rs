//! MCPS and MLME: between the adaptation layer and the MAC.

use super::phy::{Lqi, Modulation, PhaseDifference, TxParameters};
use super::pib::{PibAttribute, PibValue};
use crate::{MacAddress, PanId, ShortAddress};
use core::time::Duration;
use heapless::Vec;

/// aMaxMACPayloadSize \[G3 MAC 1.2; confidence A\].
pub const MSDU_MAX: usize = 400;

/// A MAC service data unit.
pub type Msdu = Vec<u8, MSDU_MAX>;

/// Names a request in its confirm.
pub type Handle = u16;

/// A 128-bit key. Never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(pub [u8; 16]);

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Channel access priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// The normal contention window.
    #[default]
    Normal,
    /// The high priority window before it.
    High,
}

/// Whether a MAC frame is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacSecurity {
    /// Level 0: in clear. Only for beacons, scans and a device that has not joined.
    None,
    /// Level 5, ENC-MIC-32, with the group key in this slot.
    EncMic32 {
        /// 0 or 1.
        key_index: u8,
    },
}

/// MCPS-DATA.request.
#[derive(Clone, Debug, PartialEq)]
pub struct McpsDataRequest {
    /// Comes back in the confirm.
    pub handle: Handle,
    /// Whether the source is the extended address (a device that has not joined) or the short one.
    pub extended_source: bool,
    /// PAN of the destination.
    pub dst_pan: PanId,
    /// Next hop, or broadcast (which is never acknowledged).
    pub dst: MacAddress,
    /// The payload, in clear.
    pub msdu: Msdu,
    /// Protection.
    pub security: MacSecurity,
    /// Priority.
    pub priority: Priority,
}

/// The status of a MAC service, with the codes of the standard \[G3 MAC 1.8\].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum MacStatus {
    /// Done; acknowledged if an acknowledgement was asked for.
    Success = 0x00,
    /// Another PAN was heard.
    AlternatePanIdDetection = 0x80,
    /// No room to keep the request.
    QueueFull = 0xD0,
    /// The frame counter would repeat, or did.
    CounterError = 0xDB,
    /// The medium was busy for too long.
    ChannelAccessFailure = 0xE1,
    /// A security operation failed.
    SecurityError = 0xE4,
    /// The payload fits no frame.
    FrameTooLong = 0xE5,
    /// A parameter is out of range.
    InvalidParameter = 0xE8,
    /// Never acknowledged, after all retries.
    NoAck = 0xE9,
    /// A scan heard no beacon.
    NoBeacon = 0xEA,
    /// There is no short address yet.
    NoShortAddress = 0xEC,
    /// No group key in the slot asked for, or keys cannot be read.
    UnavailableKey = 0xF3,
    /// There is no such attribute.
    UnsupportedAttribute = 0xF4,
    /// The table has no entry with this index.
    InvalidIndex = 0xF9,
    /// The attribute cannot be written.
    ReadOnly = 0xFB,
    /// A scan is under way.
    ScanInProgress = 0xFC,
}

/// MCPS-DATA.confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct McpsDataConfirm {
    /// Of the request.
    pub handle: Handle,
    /// How it ended.
    pub status: MacStatus,
    /// Transmissions beyond the first, over all segments.
    pub retries: u16,
}

/// MCPS-DATA.indication.
#[derive(Clone, Debug, PartialEq)]
pub struct McpsDataIndication {
    /// PAN of the source.
    pub src_pan: PanId,
    /// Who sent it.
    pub src: MacAddress,
    /// To whom: an own address or broadcast.
    pub dst: MacAddress,
    /// The payload, in clear, checked.
    pub msdu: Msdu,
    /// How it was protected.
    pub security: MacSecurity,
    /// The link over which it came, as the last segment shows it.
    pub link: LinkQuality,
}

/// One direction of a link: what its receiver has measured, and how frames are sent over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkDirection {
    /// Signal quality at the receiver.
    pub lqi: Lqi,
    /// Modulation of the payload.
    pub modulation: Modulation,
    /// Groups of carriers that carry data.
    pub groups_active: u8,
    /// Groups of carriers that the band has.
    pub groups: u8,
}

impl LinkDirection {
    /// The direction over which frames with `tx` arrive with `lqi`; the most robust parameters of the band use all
    /// of its groups.
    pub const fn new(lqi: Lqi, tx: &TxParameters, robust: &TxParameters) -> Self {
        let (active, all) = (tx.tone_map.0.count_ones(), robust.tone_map.0.count_ones());
        Self { lqi, modulation: tx.modulation, groups_active: active as u8, groups: all as u8 }
    }
}

/// A link to a neighbour in both directions, from which its cost follows \[G3 ADP 6.2\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkQuality {
    /// From the neighbour to this node, as measured on a received frame.
    pub forward: LinkDirection,
    /// From this node to the neighbour, as its last tone map response has told; `None` without one.
    pub reverse: Option<LinkDirection>,
    /// Mains phase here against that at the neighbour.
    pub phase_difference: PhaseDifference,
}

impl LinkQuality {
    /// Signal quality of what was received.
    pub const fn lqi(&self) -> Lqi {
        self.forward.lqi
    }

    /// A link of which only the quality of a received frame of the most robust kind is known.
    pub const fn robust(lqi: Lqi) -> Self {
        let forward = LinkDirection { lqi, modulation: Modulation::Robo, groups_active: 6, groups: 6 };
        Self { forward, reverse: None, phase_difference: PhaseDifference(0) }
    }
}

/// What the adaptation layer asks of the MAC besides data.
#[derive(Clone, Debug, PartialEq)]
pub enum MlmeRequest {
    /// MLME-SCAN.request: send a beacon request and listen.
    Scan {
        /// How long to listen.
        duration: Duration,
    },
    /// MLME-START.request: be the coordinator of this PAN, with short address 0.
    Start {
        /// The PAN.
        pan_id: PanId,
    },
    /// MLME-RESET.request: forget addresses, keys and tables. Counters stay.
    Reset,
    /// macPANId 0x50.
    SetPanId(PanId),
    /// macShortAddress 0x53. `BROADCAST` means none.
    SetShortAddress(ShortAddress),
    /// macRCCoord 0x10F.
    SetRcCoord(u16),
    /// macKeyTable 0x71: fill (or empty) a slot.
    SetKey {
        /// 0 or 1.
        index: u8,
        /// The group key.
        key: Option<Key>,
    },
    /// MLME-GET.request.
    Get {
        /// Which attribute.
        attribute: PibAttribute,
        /// Which entry of a table; 0 for what is no table.
        index: u16,
    },
    /// MLME-SET.request.
    Set {
        /// Which attribute.
        attribute: PibAttribute,
        /// Which entry of a table; 0 for what is no table.
        index: u16,
        /// What it shall be.
        value: PibValue,
    },
}

/// What a beacon says about a PAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PanDescriptor {
    /// The PAN.
    pub pan_id: PanId,
    /// The node that sent the beacon: a candidate for LBA.
    pub lba: ShortAddress,
    /// Signal quality of the beacon.
    pub lqi: Lqi,
    /// Route cost from that node to the coordinator; 0x7FFF joined without a route, 0xFFFF not joined.
    pub rc_coord: u16,
}

/// MLME confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MlmeConfirm {
    /// The scan has ended: `Success` or `NoBeacon`.
    Scan(MacStatus),
    /// The PAN was started.
    Start(MacStatus),
    /// MLME-GET.confirm.
    Get {
        /// Of the request.
        attribute: PibAttribute,
        /// Of the request.
        index: u16,
        /// The value, or why there is none.
        result: Result<PibValue, MacStatus>,
    },
    /// MLME-SET.confirm.
    Set {
        /// Of the request.
        attribute: PibAttribute,
        /// Of the request.
        index: u16,
        /// Whether the attribute has the value now.
        status: MacStatus,
    },
}

/// MLME indications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MlmeIndication {
    /// MLME-BEACON-NOTIFY.indication, during a scan, or before the node has joined.
    BeaconNotify(PanDescriptor),
    /// MLME-COMM-STATUS.indication: a frame from `src` was refused.
    CommStatus {
        /// Who sent it.
        src: MacAddress,
        /// Why it was refused.
        status: MacStatus,
    },
    /// MLME-SYNC-LOSS.indication with status 0x80 (ALTERNATE_PANID_DETECTION): a frame of another PAN was heard. Told
    /// once in a while for each PAN.
    PanConflict {
        /// The other PAN.
        pan_id: PanId,
    },
}
