//! What the MAC has counted since it was built. Counters wrap; a reset does not clear them.

use core::time::Duration;

/// Counters 0x101 to 0x109 of the PIB \[G3 MAC 1.9; the order is confidence C\], and our own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// macTxDataPacketCount 0x101: unicast MSDUs acknowledged.
    pub tx_data: u32,
    /// macRxDataPacketCount 0x102: unicast MSDUs delivered.
    pub rx_data: u32,
    /// macTxCmdPacketCount 0x103: command frames sent.
    pub tx_command: u32,
    /// macRxCmdPacketCount 0x104: command frames received.
    pub rx_command: u32,
    /// macCSMAFailCount 0x105: frames given up because the channel was busy.
    pub csma_fail: u32,
    /// macCSMANoAckCount 0x106: transmissions without the acknowledgement they asked for.
    pub csma_no_ack: u32,
    /// macRxDataBroadcastCount 0x107: broadcast MSDUs delivered.
    pub rx_data_broadcast: u32,
    /// macTxDataBroadcastCount 0x108: broadcast MSDUs sent.
    pub tx_data_broadcast: u32,
    /// macBadCRCCount 0x109: frames whose FCS was wrong.
    pub bad_crc: u32,
    /// Transmissions of data or command frames, each segment and repetition.
    pub tx_frames: u32,
    /// Repetitions among them.
    pub retries: u32,
    /// Acknowledgements sent.
    pub acks_sent: u32,
    /// Beacons sent.
    pub tx_beacons: u32,
    /// Beacons left out, because enough others had answered.
    pub beacons_spared: u32,
    /// Beacons received.
    pub rx_beacons: u32,
    /// Slots in which the channel turned out to be busy.
    pub backoffs: u32,
    /// Frames sent with a request for a tone map response.
    pub tone_map_requests: u32,
    /// Tone map responses sent and acknowledged.
    pub tone_map_responses: u32,
    /// Tone map responses received that changed how a neighbour is spoken to.
    pub tone_maps_told: u32,
    /// MSDUs of which the rest was sent in ROBO after failures.
    pub fallbacks: u32,
    /// Segments cut anew by that.
    pub recuts: u32,
    /// Frames of other PANs heard.
    pub foreign_frames: u32,
    /// Time on air of everything that was sent.
    pub airtime: Duration,
    /// Why frames and requests were dropped.
    pub drops: Drops,
}

/// Why frames and requests were dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// Requests refused because the queue was full.
    pub queue_full: u32,
    /// Frames lost in the PHY: header.
    pub phy_header: u32,
    /// Frames lost in the PHY: payload or unsupported.
    pub phy_payload: u32,
    /// Frames that no parser understood.
    pub malformed: u32,
    /// Frames for other nodes or PANs.
    pub not_for_us: u32,
    /// Frames that carry our own address as their source.
    pub own_source: u32,
    /// Segments heard again; acknowledged, not delivered.
    pub duplicate: u32,
    /// Segments without their predecessors.
    pub out_of_order: u32,
    /// Unfinished MSDUs that timed out, were superseded or made room for a newer one.
    pub unfinished: u32,
    /// MSDUs longer than the standard allows.
    pub too_long: u32,
    /// Frames without the protection they need, or whose MIC was wrong.
    pub security: u32,
    /// Frames for a key slot that is empty.
    pub unavailable_key: u32,
    /// Frames whose counter was not fresh.
    pub replayed: u32,
    /// Sources forgotten because the device table was full.
    pub device_evicted: u32,
    /// Neighbours forgotten because macNeighbourTable was full.
    pub neighbour_evicted: u32,
    /// Nodes forgotten because macPOSTable was full.
    pub pos_evicted: u32,
    /// Measured links forgotten because their table was full.
    pub link_evicted: u32,
    /// Requests for a tone map response that were not answered: too many waited, or this node had left.
    pub tone_map_answer: u32,
    /// Tone map responses with parameters that no frame of the band has.
    pub tone_map_illegal: u32,
    /// Foreign PANs heard but not told of, because they were told of not long ago or there are too many.
    pub pan_conflict: u32,
    /// Beacons beyond the bound of a scan, or outside a scan.
    pub beacon: u32,
    /// Acknowledgements not sent: too late, or a transmission was under way.
    pub ack: u32,
    /// Transmissions that the PHY refused or never confirmed.
    pub phy_refused: u32,
    /// Acknowledgements heard that name no frame of ours.
    pub stray_ack: u32,
}
