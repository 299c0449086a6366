//! The request under way, whatever it is.

use super::ear::Ear;
use super::exchange::{self, Exchange};
use super::handshake::{self, Handshake};
use super::voice::{self, Voice};
use super::{AnswerFault, CipheringForm, ClientConfig, ClientFailure, ClientOutput};
use crate::apdu::{ActionResponse, ApduKind, Conformance, InvokeId};
use crate::specs::apdu_tag;
use crate::specs::conversation::RETRIES_MAX;
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::Instant;

/// A request and how long it is waited for.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) job: Job,
    pub(super) left: u8,
    pub(super) deadline: Instant,
    /// When it is given up, whatever is heard.
    pub(super) limit: Instant,
    /// What is told if no answer comes.
    pub(super) hint: ClientFailure,
}

/// What the server said of itself when it opened the association.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServerTerms {
    /// The longest APDU that it takes, in octets.
    pub(super) max_pdu: usize,
    /// What it can do.
    pub(super) conformance: Conformance,
}

/// What is being done.
#[derive(Debug)]
pub(super) enum Job {
    /// AARQ sent.
    Associate(Handshake),
    /// Pass 3 sent.
    Prove(Proving),
    /// A service asked for.
    Exchange(Exchange),
    /// RLRQ sent.
    Release,
}

/// The second half of a handshake; any of the numbers issued may bring the answer.
#[derive(Debug)]
pub(super) struct Proving {
    handshake: Handshake,
    issued: u16,
    latest: u8,
}

impl Pending {
    pub(super) fn new(now: Instant, job: Job, config: &ClientConfig) -> Self {
        let left = config.retries.min(RETRIES_MAX);
        let limit = now + config.request_limit.max(config.response_timeout).max(Duration::from_millis(1));
        Self { job, left, deadline: now, limit, hint: ClientFailure::NoAnswer }
    }

    /// The server is heard to go on.
    pub(super) fn progressed(&mut self, config: &ClientConfig) {
        self.left = config.retries.min(RETRIES_MAX);
        self.hint = ClientFailure::NoAnswer;
    }

    /// An answer to something else: if no better one comes, that explains why there is none.
    pub(super) fn on_stray(&mut self, fault: AnswerFault) {
        if self.hint == ClientFailure::NoAnswer {
            self.hint = ClientFailure::Answer(fault);
        }
    }

    /// What is told when the time is over.
    pub(super) const fn timed_out(&self) -> ClientOutput {
        match (&self.job, self.hint) {
            (Job::Release, _) => ClientOutput::Released,
            (_, ClientFailure::NoAnswer) => ClientOutput::Failed(ClientFailure::TimedOut),
            (_, hint) => ClientOutput::Failed(hint),
        }
    }

    /// Takes one repetition off those that are left. What has not gone out in full may always be repeated.
    pub(super) fn may_repeat(&mut self, is_partial: bool) -> bool {
        let may = self.left > 0 && (is_partial || self.job.is_repeatable());
        self.left = self.left.saturating_sub(1);
        may
    }

    /// What is told when nobody answers: whoever wanted to go has gone.
    pub(super) const fn given_up(&self) -> ClientOutput {
        match self.job {
            Job::Release => ClientOutput::Released,
            _ => ClientOutput::Failed(self.hint),
        }
    }
}

impl Job {
    /// What would answer it.
    pub(super) const fn expected(&self) -> ApduKind {
        ApduKind(match self {
            Self::Associate(_) => apdu_tag::AARE,
            Self::Prove(_) => apdu_tag::ACTION_RESPONSE,
            Self::Exchange(exchange) => return exchange.expected(),
            Self::Release => apdu_tag::RLRE,
        })
    }

    /// The APDU to send now.
    pub(super) fn apdu(
        &mut self,
        config: &ClientConfig,
        voice: &mut Voice,
        ear: &Ear,
        server: ServerTerms,
    ) -> Result<Vec<u8>, ClientFailure> {
        match self {
            Self::Associate(handshake) => Ok(handshake.aarq(config, voice.send_counter(config)?)),
            Self::Prove(proving) => proving.apdu(config, voice, ear),
            Self::Exchange(exchange) => {
                let fresh = if exchange.needs_fresh() { voice.next_number() } else { voice.number() };
                let room = server.max_pdu.saturating_sub(voice::overhead(config));
                let terms = exchange::Terms { room, conformance: server.conformance };
                voice.protect(config, ear, config.ciphering, exchange.apdu(fresh, terms)?)
            }
            Self::Release => Ok(handshake::rlrq(config, voice.send_counter(config)?)),
        }
    }

    fn is_repeatable(&self) -> bool {
        match self {
            Self::Exchange(exchange) => exchange.is_repeatable(),
            _ => true,
        }
    }
}

impl Proving {
    pub(super) const fn new(handshake: Handshake) -> Self {
        Self { handshake, issued: 0, latest: 0 }
    }

    /// Pass 3, under the global key even if there is a dedicated one.
    fn apdu(
        &mut self,
        config: &ClientConfig,
        voice: &mut Voice,
        ear: &Ear,
    ) -> Result<Vec<u8>, ClientFailure> {
        let number = voice.next_number();
        self.issued |= 1 << number;
        self.latest = number;
        let hls = config.authentication.hls().ok_or(ClientFailure::WrongState)?;
        let inner = if hls.needs_counter() { voice.send_counter(config)? } else { 0 };
        let pass_3 = self.handshake.pass_3(config, inner, number).ok_or(ClientFailure::WrongState)?;
        let dedicated = config.ciphering.is_dedicated();
        let ciphering = if dedicated { CipheringForm::ServiceSpecific } else { config.ciphering };
        voice.protect(config, ear, ciphering, pass_3)
    }

    /// The number that was issued last.
    pub(super) const fn number(&self) -> u8 {
        self.latest
    }

    /// Whether a response has one of the numbers that were issued.
    pub(super) const fn is_issued(&self, invoke_id: InvokeId) -> bool {
        self.issued & 1 << invoke_id.number() != 0
    }

    /// Pass 4: whether the server has proved that it knows the keys.
    pub(super) fn is_proved(&self, config: &ClientConfig, response: &ActionResponse<'_>) -> bool {
        self.handshake.is_proved(config, response)
    }
}
