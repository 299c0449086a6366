//! What a link is told, what it tells.

use super::{Address, Parameters};
use alloc::vec::Vec;
use core::time::Duration;

/// Configuration of a [`super::Primary`].
#[derive(Clone, Debug)]
pub struct PrimaryConfig {
    /// The own address, one octet: the client's service access point.
    pub client: Address,
    /// The server: its logical device in the upper part, the device on a shared line in the lower one.
    pub server: Address,
    /// What the client can send and take.
    pub parameters: Parameters,
    /// The longest APDU that is joined from segments, in octets.
    pub max_apdu_len: usize,
    /// How long an answer may take, from the first octet of the question to the last of a frame.
    pub response_timeout: Duration,
    /// How many answers in a row may fail before the link is given up.
    pub retries: u8,
    /// How long after the last answer the server is asked for more. It cannot speak unasked.
    pub poll_interval: Duration,
    /// A frame with a longer pause between two octets is none.
    pub inter_octet_timeout: Duration,
}

/// Configuration of a [`super::Secondary`].
#[derive(Clone, Debug)]
pub struct SecondaryConfig {
    /// The own address: logical device and, on a shared line, device. Clients must use as many octets.
    pub address: Address,
    /// What the server can send and take.
    pub parameters: Parameters,
    /// The longest APDU that is joined from segments, in octets.
    pub max_apdu_len: usize,
    /// A link without a frame of its client for so long is closed; zero for never.
    pub inactivity_timeout: Duration,
    /// A frame with a longer pause between two octets is none.
    pub inter_octet_timeout: Duration,
}

/// What happens to a [`super::Primary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrimaryInput<'a> {
    /// Open the link.
    Connect,
    /// Send this APDU over the link.
    Send(&'a [u8]),
    /// Send this APDU without link; nobody will say whether it has arrived.
    SendUnnumbered(&'a [u8]),
    /// Close the link.
    Disconnect,
    /// Octets have come from the line.
    Octets(&'a [u8]),
    /// Whether the user of the link wants no more APDUs for now.
    Busy(bool),
    /// The line itself is gone.
    LineLost,
}

/// What happens to a [`super::Secondary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondaryInput<'a> {
    /// Send this APDU over the link, when the client asks.
    Send(&'a [u8]),
    /// Send this APDU to a client without link and unasked, where the line allows that.
    SendUnnumbered {
        /// To whom.
        client: Address,
        /// The APDU.
        apdu: &'a [u8],
    },
    /// Octets have come from the line.
    Octets(&'a [u8]),
    /// Whether the user of the link wants no more APDUs for now.
    Busy(bool),
    /// The line itself is gone.
    LineLost,
}

/// What a link wants done or known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkOutput {
    /// Send these octets: one or several whole frames.
    Octets(Vec<u8>),
    /// The link is open.
    Connected {
        /// The other end.
        peer: Address,
        /// What holds on this link, as this end sees it.
        parameters: Parameters,
    },
    /// An APDU has come over the link, whole and in order.
    Apdu(Vec<u8>),
    /// An APDU has come without link: anyone may have sent it.
    Unnumbered {
        /// Who says to have sent it.
        source: Address,
        /// The APDU.
        apdu: Vec<u8>,
    },
    /// The link is closed, or could not be opened. What was not acknowledged may be lost.
    Disconnected(LinkEnd),
}

/// Why a link is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEnd {
    /// The own user wanted it so.
    Requested,
    /// The other end wanted it so, or has no link.
    ByPeer,
    /// The server refuses a link.
    Refused,
    /// No valid answer after all repetitions.
    NoAnswer,
    /// The server cannot go on: it has rejected a frame.
    Rejected,
    /// The client has been silent for too long.
    Inactive,
    /// The client has opened the link anew.
    Reopened,
    /// The line is gone.
    LineLost,
}
