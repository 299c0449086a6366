//! Services of an open association, protected and not.

use super::associate;
use super::builtin::Builtin;
use super::caller::Caller;
use super::dispatch::{Answer, Dispatch};
use super::proving::Proving;
use super::services::Services;
use super::session::{Phase, Terms};
use super::{AssociationContext, ObjectModel};
use crate::apdu::{
    ActionRequest, Ciphered, Conformance, Envelope, ExceptionResponse, GeneralBlockTransfer, Pdu,
    ServiceError, StateError, is_ciphered,
};
use crate::block_transfer::Taken;
use crate::client::REPLY_TO_HLS;
use crate::security::{Suite0, open, overhead};
use alloc::vec::Vec;

/// Serves one APDU that asks for a service.
pub(super) struct Serving<'c, 's> {
    pub(super) caller: &'c mut Caller<'s>,
    pub(super) objects: &'c mut dyn ObjectModel,
}

impl Serving<'_, '_> {
    /// An APDU without protection.
    pub(super) fn on_plain(&mut self, apdu: &[u8]) {
        if self.caller.keys().is_some() {
            return self.caller.on_unprotected();
        }
        self.establish();
        let now = self.caller.now;
        let Some(session) = self.caller.session() else { return self.caller.on_unassociated() };
        session.last_heard = now;
        let budget = session.terms.max_pdu;
        if !self.is_short_enough(apdu) {
            return;
        }
        match self.answer(apdu, budget) {
            Ok(Some(answer)) => self.caller.reply(&answer),
            Ok(None) => self.caller.voice.counters.stale_blocks += 1,
            Err(exception) => self.caller.refuse(exception),
        }
    }

    /// A general block, of an APDU or acknowledging one.
    pub(super) fn on_general_block(&mut self, apdu: &[u8]) {
        let Ok(block) = GeneralBlockTransfer::from_bytes(apdu) else {
            return self.caller.voice.counters.malformed += 1;
        };
        self.establish();
        let general = Conformance::GENERAL_BLOCK_TRANSFER;
        let Some(session) = self.caller.session() else { return self.caller.on_unassociated() };
        if !session.is_open() || !session.terms.conformance.has(general) {
            return self.caller.refuse(UNKNOWN_SERVICE);
        }
        match session.blocks.on_block(&block) {
            Taken::Wait => {}
            Taken::Answer => self.caller.send_burst(),
            Taken::Whole(joined) => self.on_joined(&joined),
            Taken::Stray => self.caller.voice.counters.stale_blocks += 1,
            Taken::TooLong => {
                self.caller.voice.counters.aborted_transfers += 1;
                self.caller.refuse(TOO_LONG);
            }
        }
    }

    /// An APDU that came in general blocks; none may hold blocks itself.
    fn on_joined(&mut self, apdu: &[u8]) {
        self.caller.joined = true;
        match apdu.first() {
            Some(&tag) if is_ciphered(tag) => self.on_ciphered(apdu),
            _ => self.on_plain(apdu),
        }
    }

    /// An APDU in a ciphered envelope.
    pub(super) fn on_ciphered(&mut self, apdu: &[u8]) {
        let Ok(ciphered) = Ciphered::from_bytes(apdu) else {
            return self.caller.voice.counters.malformed += 1;
        };
        let keys = self.caller.keys();
        let title = self.caller.session().and_then(|session| session.handshake()).map(|h| h.client_title);
        let (Some(keys), Some(title)) = (keys, title) else { return self.caller.on_unassociated() };
        if !self.caller.guard.receive.is_fresh(ciphered.counter) {
            return self.caller.on_replay();
        }
        if !self.is_short_enough(apdu) {
            return;
        }
        match open(keys, &title, &ciphered) {
            Ok(plain) => self.on_opened(keys, &ciphered, &plain),
            Err(fault) => self.caller.on_fault(fault),
        }
    }

    /// An authentic and fresh APDU of this client's session.
    fn on_opened(&mut self, keys: &Suite0, ciphered: &Ciphered<'_>, plain: &[u8]) {
        let (form, now) = (ciphered.envelope, self.caller.now);
        self.caller.guard.receive.accept(ciphered.counter);
        let Some(session) = self.caller.session() else { return };
        session.last_heard = now;
        let (is_open, budget) = (session.is_open(), session.terms.max_pdu.saturating_sub(overhead(form)));
        if let Some(request) = ActionRequest::from_bytes(plain).ok().filter(|r| r.method == REPLY_TO_HLS) {
            let answer = Proving { caller: self.caller, keys }.on_pass_3(&request, ciphered.counter);
            return self.reply_sealed(keys, answer, form);
        }
        if !is_open {
            return self.caller.on_unassociated();
        }
        match self.answer(plain, budget) {
            Ok(answer) => self.reply_sealed(keys, answer, form),
            Err(exception) => self.caller.refuse(exception),
        }
    }

    fn reply_sealed(&mut self, keys: &Suite0, answer: Option<Vec<u8>>, form: Envelope) {
        match answer {
            Some(answer) => self.caller.reply_sealed(keys, &answer, form),
            None => self.caller.voice.counters.stale_blocks += 1,
        }
    }

    /// Opens an association that needs no AARQ, if this is one.
    fn establish(&mut self) {
        if self.caller.association.pre_established && self.caller.session().is_none() {
            let max_pdu = usize::from(associate::server_max_pdu(self.caller.config));
            let terms = Terms::new(self.caller.config, max_pdu, Conformance::OURS);
            let session = self.caller.new_session(Phase::Plain, &terms);
            self.caller.sessions.admit(session);
        }
    }

    /// Whether the APDU keeps to what the server said it takes.
    fn is_short_enough(&mut self, apdu: &[u8]) -> bool {
        let most = usize::from(associate::server_max_pdu(self.caller.config));
        let fits = self.caller.joined || apdu.len() <= most;
        if !fits {
            self.caller.voice.counters.too_long += 1;
            self.caller.refuse(TOO_LONG);
        }
        fits
    }

    /// The answer to a service, in at most `budget` octets.
    fn answer(&mut self, apdu: &[u8], budget: usize) -> Answer {
        let (now, config, association) = (self.caller.now, self.caller.config, self.caller.association);
        let joined = self.caller.joined;
        let (index, peer) = (self.caller.index, self.caller.peer);
        let Some(session) = self.caller.sessions.find(index, peer) else { return Ok(None) };
        let context = AssociationContext {
            now,
            client_sap: association.client_sap,
            access: association.access,
            ciphered: !session.is_plain(),
        };
        let client_title = session.handshake().map_or([0; 8], |handshake| handshake.client_title);
        let (max_pdu, limit) = (session.terms.max_pdu, session.terms.limit(config, budget));
        // Whoever asks in general blocks is answered in them.
        let budget = if joined { limit } else { budget };
        let builtin = Builtin { config, association, context: &context, client_title, max_pdu };
        let services = Services { builtin, objects: self.objects, budget, limit };
        Dispatch { session, services, counters: &mut self.caller.voice.counters }.answer(apdu)
    }
}

/// A service, or a form of one, that the server does not know.
pub(super) const UNKNOWN_SERVICE: ExceptionResponse =
    ExceptionResponse { state: StateError::ServiceUnknown, service: ServiceError::ServiceNotSupported };
/// More octets than the server takes.
const TOO_LONG: ExceptionResponse =
    ExceptionResponse { state: StateError::ServiceNotAllowed, service: ServiceError::PduTooLong };
/// More objects than are served at once, or than the client has room for.
pub(super) const LIST_TOO_LONG: ExceptionResponse = TOO_LONG;
