//! What the server remembers of one client.

use super::recent::Recent;
use super::transfer::Transfer;
use crate::security::SystemTitle;
use alloc::vec::Vec;
use plc_core::Instant;

/// An association that is open or being opened.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) peer: u16,
    /// Index into the configured associations.
    pub(super) association: usize,
    pub(super) phase: Phase,
    /// The largest APDU for this client.
    pub(super) max_pdu: usize,
    /// Whether the client can join blocks.
    pub(super) block_get: bool,
    pub(super) last_heard: Instant,
    pub(super) transfer: Option<Transfer>,
    pub(super) recent: Recent,
}

/// How far the association has come.
#[derive(Debug)]
pub(super) enum Phase {
    /// No security.
    Plain,
    /// The AARQ was authentic; the client has yet to answer the challenge.
    Challenged(Handshake),
    /// The client has answered the challenge. It may do so again: the answer to it may be lost.
    Proved(Handshake),
}

/// The secrets of one attempt to associate.
#[derive(Clone, Debug)]
pub(super) struct Handshake {
    pub(super) client_title: SystemTitle,
    pub(super) client_challenge: Vec<u8>,
    pub(super) challenge: [u8; 16],
    /// The counter of the AARQ: proofs have higher ones.
    pub(super) counter: u32,
}

impl Session {
    pub(super) const fn is_plain(&self) -> bool {
        matches!(self.phase, Phase::Plain)
    }

    pub(super) const fn handshake(&self) -> Option<&Handshake> {
        match &self.phase {
            Phase::Plain => None,
            Phase::Challenged(handshake) | Phase::Proved(handshake) => Some(handshake),
        }
    }
}
