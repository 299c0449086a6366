//! What the server remembers of one client.

use super::ServerConfig;
use super::incoming::Incoming;
use super::recent::Recent;
use super::transfer::Transfer;
use crate::apdu::Conformance;
use crate::block_transfer::BlockTransfer;
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
    /// Which user of the client it is, if it has said so.
    pub(super) user_id: Option<u8>,
    pub(super) last_heard: Instant,
    /// What is sent in blocks.
    pub(super) transfer: Option<Transfer>,
    /// What is received in blocks.
    pub(super) incoming: Option<Incoming>,
    /// APDUs in general blocks, both ways.
    pub(super) blocks: BlockTransfer,
    pub(super) recent: Recent,
}

/// What an AARQ has settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// The largest APDU for the client, in octets.
    pub(super) max_pdu: usize,
    /// What client and server can both do.
    pub(super) conformance: Conformance,
    /// The longest APDU that is joined from general blocks, in octets.
    pub(super) joined_max: usize,
}

impl Terms {
    /// For a client that can do what `conformance` says.
    pub(super) fn new(config: &ServerConfig, max_pdu: usize, conformance: Conformance) -> Self {
        let joined_max = config.max_value_len.saturating_add(JOINED_OVERHEAD);
        Self { max_pdu, conformance: conformance & Conformance::OURS, joined_max }
    }

    /// The octets beyond which an APDU goes in general blocks.
    pub(super) const fn general_over(&self) -> usize {
        if self.conformance.has(Conformance::GENERAL_BLOCK_TRANSFER) { self.max_pdu } else { usize::MAX }
    }

    /// The most octets that an answer may have if `budget` fit one APDU: general blocks carry more.
    pub(super) fn limit(&self, config: &ServerConfig, budget: usize) -> usize {
        let general = self.conformance.has(Conformance::GENERAL_BLOCK_TRANSFER);
        if general { budget.max(config.max_value_len) } else { budget }
    }
}

/// What an APDU may hold besides a value of the longest kind: descriptors, selectors, protection.
const JOINED_OVERHEAD: usize = 1024;

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
        Self {
            peer,
            association,
            phase,
            channel: None,
            terms: *terms,
            user_id: None,
            last_heard: now,
            transfer: None,
            incoming: None,
            blocks: BlockTransfer::new(terms.joined_max),
            recent: Recent::default(),
        }
    }

    /// The same in a ciphered context.
    pub(super) fn ciphered(mut self, channel: Option<Channel>) -> Self {
        self.channel = channel;
        self
    }

    /// The same of this user.
    pub(super) const fn of_user(mut self, user_id: Option<u8>) -> Self {
        self.user_id = user_id;
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
