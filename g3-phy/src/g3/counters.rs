//! What a modem has done since it was built.

/// Events since construction. Counters wrap after 2⁶⁴.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames sent to their last sample, acknowledgements included.
    pub frames_sent: u64,
    /// Frames received with a consistent payload, and acknowledgements.
    pub frames_received: u64,
    /// Headers whose check sequence or content was wrong, or whose reception was cut off.
    pub header_losses: u64,
    /// Headers that this receiver cannot follow.
    pub unsupported_headers: u64,
    /// Payloads that could not be corrected, or whose reception was cut off.
    pub payload_losses: u64,
    /// Octets that the Reed-Solomon decoder has put right.
    pub corrected_octets: u64,
    /// Preambles that turned out to be noise, or broke off.
    pub false_preambles: u64,
    /// Indications refused because the driver did not drain.
    pub dropped_indications: u64,
}
