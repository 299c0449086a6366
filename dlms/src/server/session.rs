//! What the server remembers of one client.

use super::recent::Recent;
use super::transfer::Transfer;
use crate::security::{SecurityContext, SystemTitle};
use alloc::sync::Arc;
use alloc::vec::Vec;
use plc_core::Instant;

/// An association that is open or being opened.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) peer: u16,
    /// Index into the configured associations.
    pub(super) association: usize,
    pub(super) phase: Phase,
    /// In a ciphered context.
    pub(super) channel: Option<Channel>,
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
    /// No high level security: open as soon as the AARQ was accepted.
    Open,
    /// The client has yet to answer the challenge.
    Challenged(Handshake),
    /// The client has answered the challenge. It may do so again: the answer to it may be lost.
    Proved(Handshake),
}

/// The secrets of one attempt to associate.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Handshake {
    pub(super) client_title: SystemTitle,
    pub(super) client_challenge: Vec<u8>,
    pub(super) challenge: Vec<u8>,
    /// The counter of the AARQ, in a ciphered context: proofs have higher ones.
    pub(super) counter: Option<u32>,
}

/// The client of a ciphered context.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) client_title: SystemTitle,
    pub(super) dedicated: Option<Arc<SecurityContext>>,
}

impl Session {
    pub(super) fn new(now: Instant, peer: u16, association: usize, phase: Phase, terms: &Terms) -> Self {
        let (transfer, recent) = (None, Recent::default());
        Self { peer, association, phase, channel: None, terms: *terms, last_heard: now, transfer, recent }
    }

    /// The same in a ciphered context.
    pub(super) fn ciphered(mut self, channel: Option<Channel>) -> Self {
        self.channel = channel;
        self
    }

    pub(super) const fn is_plain(&self) -> bool {
        self.channel.is_none()
    }

    /// Whether services may be asked for.
    pub(super) const fn is_open(&self) -> bool {
        !matches!(self.phase, Phase::Challenged(_))
    }

    pub(super) const fn handshake(&self) -> Option<&Handshake> {
        match &self.phase {
            Phase::Open => None,
            Phase::Challenged(handshake) | Phase::Proved(handshake) => Some(handshake),
        }
    }

    /// The title of the client; zeros where it need not say it.
    pub(super) fn client_title(&self) -> SystemTitle {
        let channel = self.channel.as_ref().map(|channel| channel.client_title);
        channel.or_else(|| self.handshake().map(|handshake| handshake.client_title)).unwrap_or_default()
    }

    /// The client has answered the challenge; returns whether that opens the association.
    pub(super) fn on_proved(&mut self) -> bool {
        let phase = core::mem::replace(&mut self.phase, Phase::Open);
        let opens = matches!(phase, Phase::Challenged(_));
        self.phase = match phase {
            Phase::Challenged(handshake) | Phase::Proved(handshake) => Phase::Proved(handshake),
            Phase::Open => Phase::Open,
        };
        opens
    }
}
