//! One datagram's client: what is known of it, and how it is answered.

use super::failures::Patience;
use super::guard::Guard;
use super::pushing::Pushes;
use super::session::{Channel, Phase, Session, Terms};
use super::sessions::Sessions;
use super::voice::Voice;
use super::{AssociationConfig, Origin, SecurityErrors, ServerConfig, ServerEvent, ServerPersist};
use crate::apdu::{ExceptionResponse, ServiceError, StateError};
use crate::security::{End, Form, Mark, OpenFault, SecurityContext, Wrap};
use crate::wrapper::Wpdu;
use alloc::sync::Arc;
use plc_core::Instant;

/// What a procedure works with while it serves one datagram.
#[derive(Debug)]
pub(super) struct Caller<'s> {
    pub(super) now: Instant,
    pub(super) peer: u16,
    /// Where the datagram came from.
    pub(super) origin: Origin,
    /// Index of the association.
    pub(super) index: usize,
    pub(super) association: &'s AssociationConfig,
    pub(super) config: &'s ServerConfig,
    pub(super) guard: &'s mut Guard,
    pub(super) sessions: &'s mut Sessions,
    pub(super) voice: &'s mut Voice,
    pub(super) pushes: &'s mut Pushes,
    /// Whether the APDU came in general blocks.
    pub(super) joined: bool,
    /// Whether the APDU is one that nothing is said to.
    pub(super) is_mute: bool,
    /// Whether a host is told something that has opened no association.
    pub(super) to_host: bool,
}

impl<'s> Caller<'s> {
    /// The keys of the association; `None` for one without ciphering.
    pub(super) fn keys(&self) -> Option<Arc<SecurityContext>> {
        self.guard.keys.clone()
    }

    /// Octets of a challenge, if the association has high level security.
    pub(super) fn hls_challenge_len(&self) -> Option<usize> {
        let keys = self.guard.keys.as_deref();
        self.association.authentication.hls(keys).map(|hls| hls.challenge_len())
    }

    /// Takes note of an authentic APDU. Keys of single APDUs begin with no association, so that what was
    /// heard under them must outlast all associations.
    pub(super) fn accept(&mut self, mark: Mark) {
        self.guard.heard.accept(mark);
        let last = match mark {
            Mark::SingleUse(counter) => counter.into(),
            Mark::Transaction(number) => number,
            Mark::Global(last) if self.association.authentication.pre_established().is_some() => {
                let client_sap = self.association.client_sap;
                return self.voice.persist(ServerPersist::ReceiveCounter { client_sap, last });
            }
            Mark::Global(_) | Mark::Dedicated(_) | Mark::None => return,
        };
        self.voice.persist(ServerPersist::SingleUse { client_sap: self.association.client_sap, last });
    }

    /// The client, in a ciphered context: that of the session, or the one that needs no AARQ.
    pub(super) fn channel(&mut self) -> Option<Channel> {
        let known = self.association.authentication.pre_established();
        let of_session = self.session().and_then(|session| session.channel.clone());
        of_session.or_else(|| known.map(|client_title| Channel { client_title, dedicated: None }))
    }

    pub(super) fn session(&mut self) -> Option<&mut Session> {
        self.sessions.find(self.index, self.peer)
    }

    pub(super) fn forget_session(&mut self) {
        self.sessions.remove(self.index, self.peer);
    }

    /// A session of this client that begins now.
    pub(super) fn new_session(&self, phase: Phase, terms: &Terms) -> Session {
        Session::new(self.now, self.peer, self.index, phase, terms)
    }

    /// Takes the session in, or counts that there is no room.
    pub(super) fn admit(&mut self, session: Session) -> bool {
        let admitted = self.sessions.admit(session);
        self.voice.counters.unassociated += u64::from(!admitted);
        admitted
    }

    /// Answers, in general blocks if that is the only way.
    pub(super) fn reply(&mut self, apdu: &[u8]) {
        let session = self.session().filter(|session| session.is_open());
        let max_pdu = session.map(|session| session.terms.general_over());
        match max_pdu {
            Some(max_pdu) if apdu.len() > max_pdu => self.reply_in_blocks(apdu, max_pdu),
            _ => self.send(apdu),
        }
    }

    fn reply_in_blocks(&mut self, apdu: &[u8], max_pdu: usize) {
        let joined = self.joined;
        let Some(session) = self.session() else { return };
        if !joined {
            // Blocks of an earlier request are not acknowledged to this one.
            session.blocks.reset();
        }
        if session.blocks.begin(apdu.to_vec(), max_pdu) {
            self.send_burst();
        } else {
            self.refuse(TOO_LONG);
        }
    }

    /// Sends the general blocks that the client waits for.
    pub(super) fn send_burst(&mut self) {
        let burst = self.session().map(|session| session.blocks.burst()).unwrap_or_default();
        burst.iter().for_each(|apdu| self.send(apdu));
    }

    fn send(&mut self, apdu: &[u8]) {
        let (source, destination) = (self.config.server_sap, self.association.client_sap);
        let bytes = self.voice.buffers.write(&Wpdu { source, destination, apdu });
        self.voice.datagram(self.peer, bytes);
    }

    /// Answers under protection, in the form asked, unless the send counter has ended.
    pub(super) fn reply_protected(
        &mut self,
        keys: &SecurityContext,
        channel: &Channel,
        apdu: &[u8],
        form: &Form,
    ) {
        let counter = if form.wrap == Wrap::Bare { Some(0) } else { self.voice.send_counter() };
        let Some(counter) = counter else { return };
        let (own, peer) = (&self.config.server_title, &channel.client_title);
        let end = End { context: keys, dedicated: channel.dedicated.as_deref(), own, peer };
        match end.protect(form, counter, &mut self.voice.entropy, apdu) {
            Ok(protected) => {
                self.reply(&protected);
                self.voice.buffers.give(protected);
            }
            Err(_) => self.voice.counters.key_missing += 1,
        }
    }

    pub(super) fn refuse(&mut self, exception: ExceptionResponse) {
        if self.is_mute {
            return self.voice.counters.unasked += 1;
        }
        let apdu = self.voice.buffers.write(&exception);
        self.reply(&apdu);
        self.voice.buffers.give(apdu);
    }

    pub(super) fn on_unassociated(&mut self) {
        self.voice.counters.unassociated += 1;
        self.refuse(NOT_ASSOCIATED);
    }

    pub(super) fn on_unprotected(&mut self) {
        self.voice.counters.unprotected += 1;
        self.refuse(NOT_ASSOCIATED);
    }

    /// An envelope that would not open.
    pub(super) fn on_fault(&mut self, fault: OpenFault) {
        match fault {
            OpenFault::Policy => self.on_under_protected(),
            OpenFault::Key => {
                self.voice.counters.no_such_key += 1;
                self.report(UNDECIPHERABLE);
            }
            OpenFault::Title | OpenFault::Tag | OpenFault::Contents => self.on_unauthentic(),
        }
    }

    /// Ciphered, or to be so, with less protection than the association demands. What it has is written on its outside, so that
    /// the answer tells nobody anything of the keys.
    pub(super) fn on_under_protected(&mut self) {
        self.voice.counters.unprotected += 1;
        self.report(NOT_ASSOCIATED);
    }

    /// Something that begins like a ciphered APDU, or a release, and is none.
    pub(super) fn on_malformed(&mut self) {
        self.voice.counters.malformed += 1;
        self.report(MALFORMED);
    }

    /// Refuses, unless errors of security are met with silence.
    fn report(&mut self, exception: ExceptionResponse) {
        if self.config.security_errors != SecurityErrors::Silent {
            self.refuse(exception);
        }
    }

    pub(super) fn on_unauthentic(&mut self) {
        self.voice.counters.unauthentic += 1;
        self.voice.tell(ServerEvent::AuthenticationFailure { client_sap: self.association.client_sap });
        self.report(UNDECIPHERABLE);
    }

    const fn patience(&self) -> Patience {
        Patience { most: self.config.max_failed_proofs, lockout: self.config.lockout }
    }

    /// Whether too many wrong guesses came from there.
    pub(super) fn is_locked(&mut self) -> bool {
        let patience = self.patience();
        self.guard.failures.is_locked(self.now, self.origin, patience)
    }

    pub(super) fn on_proved(&mut self) {
        let patience = self.patience();
        self.guard.failures.on_proved(self.now, self.origin, patience);
    }

    /// A wrong proof or password: where so many of them come from is heard only now and then.
    pub(super) fn on_failed_proof(&mut self) {
        let patience = self.patience();
        let locked = self.guard.failures.on_failed(self.now, self.origin, patience);
        let client_sap = self.association.client_sap;
        self.voice.counters.unauthentic += 1;
        self.voice.tell(ServerEvent::AuthenticationFailure { client_sap });
        if locked {
            self.voice.tell(ServerEvent::Locked { client_sap });
        }
    }

    pub(super) fn on_replay(&mut self) {
        self.voice.counters.replayed += 1;
        self.voice.tell(ServerEvent::Replay { client_sap: self.association.client_sap });
        if self.config.security_errors != SecurityErrors::WithCounter {
            return self.report(UNDECIPHERABLE);
        }
        let expected = self.guard.heard.global.last().map_or(Some(0), |last| last.checked_add(1));
        self.report(expected.map_or(EXHAUSTED, |expected| ExceptionResponse {
            state: StateError::ServiceNotAllowed,
            service: ServiceError::InvocationCounter(expected),
        }));
    }
}

/// No association is open.
pub(super) const NOT_ASSOCIATED: ExceptionResponse =
    ExceptionResponse { state: StateError::ServiceNotAllowed, service: ServiceError::OperationNotPossible };
/// The answer is longer than can be told.
const TOO_LONG: ExceptionResponse =
    ExceptionResponse { state: StateError::ServiceNotAllowed, service: ServiceError::PduTooLong };
/// What came is no APDU, or asks for nothing.
pub(super) const MALFORMED: ExceptionResponse =
    ExceptionResponse { state: StateError::ServiceNotAllowed, service: ServiceError::OtherReason };
/// The counters of the key are used up: it has to be renewed, since no counter is expected any more.
const EXHAUSTED: ExceptionResponse = MALFORMED;
/// What came is not authentic, or under a key that is not there.
const UNDECIPHERABLE: ExceptionResponse =
    ExceptionResponse { state: StateError::ServiceNotAllowed, service: ServiceError::DecipheringError };
