//! What a link did not take.

/// Frames and APDUs that were not taken, and why; and what was done again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Frames too short for their fields.
    pub short: u64,
    /// Frames whose format field does not fit them.
    pub format: u64,
    /// Addresses of three octets, or of more than four.
    pub address: u64,
    /// Wrong header check sequences.
    pub header_check: u64,
    /// Wrong frame check sequences.
    pub frame_check: u64,
    /// Frames to or from others.
    pub not_for_us: u64,
    /// Frames of a client without the link, while another client has it.
    pub foreign: u64,
    /// Frames of a link that is not open.
    pub unlinked: u64,
    /// Frames to all stations that are not for all stations.
    pub broadcast: u64,
    /// SNRM or DISC without poll bit.
    pub unpolled: u64,
    /// SNRM or UA with a negotiation that makes no sense.
    pub parameters: u64,
    /// Frames that nobody may send now, and unknown ones.
    pub unexpected: u64,
    /// Acknowledgements of what was never sent.
    pub receive_number: u64,
    /// Frames behind one that is missing.
    pub gaps: u64,
    /// Frames that had come before.
    pub repeats: u64,
    /// Frames whose information field is longer than agreed.
    pub info_too_long: u64,
    /// APDUs that are longer than the station takes.
    pub apdu_too_long: u64,
    /// APDUs without the LLC header of the other end.
    pub llc: u64,
    /// Frames that came while the station wanted none.
    pub busy: u64,
    /// Frames for whose outputs there was no room.
    pub overrun: u64,
    /// APDUs of the own user that could not be sent: no link, no room, too long.
    pub unsent: u64,
    /// Answers that did not come in time.
    pub timeouts: u64,
    /// Segments that were sent again.
    pub resent: u64,
}
