//! Services of an open association, protected and not.

use super::associate;
use super::builtin::Builtin;
use super::caller::Caller;
use super::getting::Getting;
use super::proving::Proving;
use super::services::Services;
use super::session::{Phase, Terms};
use super::{AssociationContext, ObjectModel};
use crate::apdu::{
    ActionRequest, Ciphered, Envelope, ExceptionResponse, GetRequest, Pdu, ServiceError, SetRequest,
    StateError,
};
use crate::client::REPLY_TO_HLS;
use crate::security::{Suite0, open, overhead};
use crate::specs::apdu_tag;
use alloc::vec::Vec;

/// Serves one APDU that asks for a service.
pub(super) struct Serving<'c, 's> {
    pub(super) caller: &'c mut Caller<'s>,
    pub(super) objects: &'c mut dyn ObjectModel,
}

/// What a service has to say: an answer, nothing, or that it is no service.
type Answer = Result<Option<Vec<u8>>, ExceptionResponse>;

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
            let session = self.caller.new_session(Phase::Plain, &Terms { max_pdu, block_get: true });
            self.caller.sessions.admit(session);
        }
    }

    /// Whether the APDU keeps to what the server said it takes.
    fn is_short_enough(&mut self, apdu: &[u8]) -> bool {
        let fits = apdu.len() <= usize::from(associate::server_max_pdu(self.caller.config));
        if !fits {
            self.caller.voice.counters.too_long += 1;
            self.caller.refuse(TOO_LONG);
        }
        fits
    }

    /// The answer to a service, in at most `budget` octets.
    fn answer(&mut self, apdu: &[u8], budget: usize) -> Answer {
        let (now, config, association) = (self.caller.now, self.caller.config, self.caller.association);
        let Some(session) = self.caller.session() else { return Ok(None) };
        let context = AssociationContext {
            now,
            client_sap: association.client_sap,
            access: association.access,
            ciphered: !session.is_plain(),
        };
        let client_title = session.handshake().map_or([0; 8], |handshake| handshake.client_title);
        let max_pdu = session.terms.max_pdu;
        let builtin = Builtin { config, association, context: &context, client_title, max_pdu };
        let mut services = Services { builtin, objects: self.objects, budget };
        match apdu.first() {
            Some(&apdu_tag::GET_REQUEST) => {
                let request = GetRequest::from_bytes(apdu).map_err(|_| UNKNOWN_SERVICE)?;
                Getting { session, services: &mut services }.on_request(&request)
            }
            Some(&apdu_tag::SET_REQUEST) => {
                let request = SetRequest::from_bytes(apdu).map_err(|_| UNKNOWN_SERVICE)?;
                Ok(Some(services.set(&request).to_vec()))
            }
            Some(&apdu_tag::ACTION_REQUEST) => {
                let request = ActionRequest::from_bytes(apdu).map_err(|_| UNKNOWN_SERVICE)?;
                Ok(Some(services.action(&request)))
            }
            _ => Err(UNKNOWN_SERVICE),
        }
    }
}

/// A service, or a form of one, that the server does not know.
const UNKNOWN_SERVICE: ExceptionResponse =
    ExceptionResponse { state: StateError::ServiceUnknown, service: ServiceError::ServiceNotSupported };
/// More octets than the server takes.
const TOO_LONG: ExceptionResponse =
    ExceptionResponse { state: StateError::ServiceNotAllowed, service: ServiceError::PduTooLong };
