//! What the server remembers of one client.

use super::recent::Recent;
use super::transfer::Transfer;
use crate::security::SystemTitle;
use crate::specs::security::CHALLENGE_LEN;
use alloc::vec::Vec;
use plc_core::Instant;

/// An association that is open or being opened.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) peer: u16,
    /// Index into the configured associations.
    pub(super) association: usize,
    pub(super) phase: Phase,
    pub(super) terms: Terms,
    pub(super) last_heard: Instant,
    pub(super) transfer: Option<Transfer>,
    pub(super) recent: Recent,
}

/// What an AARQ has settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// The largest APDU for the client, in octets.
    pub(super) max_pdu: usize,
    /// Whether the client can join blocks.
    pub(super) block_get: bool,
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
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Handshake {
    pub(super) client_title: SystemTitle,
    pub(super) client_challenge: Vec<u8>,
    pub(super) challenge: [u8; CHALLENGE_LEN],
    /// The counter of the AARQ: proofs have higher ones.
    pub(super) counter: u32,
}

impl Session {
    pub(super) fn new(now: Instant, peer: u16, association: usize, phase: Phase, terms: &Terms) -> Self {
        let (transfer, recent) = (None, Recent::default());
        Self { peer, association, phase, terms: *terms, last_heard: now, transfer, recent }
    }

    pub(super) const fn is_plain(&self) -> bool {
        matches!(self.phase, Phase::Plain)
    }

    /// Whether services may be asked for.
    pub(super) const fn is_open(&self) -> bool {
        !matches!(self.phase, Phase::Challenged(_))
    }

    pub(super) const fn handshake(&self) -> Option<&Handshake> {
        match &self.phase {
            Phase::Plain => None,
            Phase::Challenged(handshake) | Phase::Proved(handshake) => Some(handshake),
        }
    }

    /// The client has answered the challenge; returns whether that opens the association.
    pub(super) fn on_proved(&mut self) -> bool {
        let phase = core::mem::replace(&mut self.phase, Phase::Plain);
        let opens = matches!(phase, Phase::Challenged(_));
        self.phase = match phase {
            Phase::Challenged(handshake) | Phase::Proved(handshake) => Phase::Proved(handshake),
            Phase::Plain => Phase::Plain,
        };
        opens
    }
}
