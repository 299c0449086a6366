//! Services of an open association, protected and not.

use super::associate;
use super::builtin::Builtin;
use super::caller::Caller;
use super::getting::Getting;
use super::proving::Proving;
use super::services::Services;
use super::session::{Channel, Phase, Terms};
use super::setup::{self, Setup};
use super::{AssociationContext, ObjectModel};
use crate::apdu::{ActionRequest, ExceptionResponse, GetRequest, Pdu, ServiceError, SetRequest, StateError};
use crate::client::REPLY_TO_HLS;
use crate::security::{Control, Demand, End, Form, Mark, Opened, SecurityContext, Unopened};
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
        if let Some(keys) = self.caller.keys() {
            return match Demand::of_requests(&keys) {
                BARE => self.on_protected(&keys, apdu),
                _ => self.caller.on_unprotected(),
            };
        }
        self.establish();
        let now = self.caller.now;
        let Some(session) = self.caller.session() else { return self.caller.on_unassociated() };
        session.last_heard = now;
        let (is_open, budget) = (session.is_open(), session.terms.max_pdu);
        if !self.is_short_enough(apdu) {
            return;
        }
        if let Some(request) = pass_3(apdu) {
            return match (Proving { caller: self.caller }.on_pass_3(&request, Mark::None)) {
                Some(answer) => self.caller.reply(&answer),
                None => self.caller.on_unassociated(),
            };
        }
        if !is_open {
            return self.caller.on_unassociated();
        }
        match self.answer(apdu, budget) {
            Ok(Some(answer)) => self.caller.reply(&answer),
            Ok(None) => self.caller.voice.counters.stale_blocks += 1,
            Err(exception) => self.caller.refuse(exception),
        }
    }

    /// An APDU in a ciphered envelope.
    pub(super) fn on_ciphered(&mut self, apdu: &[u8]) {
        match self.caller.keys() {
            Some(keys) => self.on_protected(&keys, apdu),
            None => self.caller.on_unassociated(),
        }
    }

    /// An APDU in a ciphered context.
    fn on_protected(&mut self, keys: &SecurityContext, apdu: &[u8]) {
        let Some(channel) = self.caller.channel() else { return self.caller.on_unassociated() };
        if !self.is_short_enough(apdu) {
            return;
        }
        let (own, peer) = (&self.caller.config.server_title, &channel.client_title);
        let end = End { context: keys, dedicated: channel.dedicated.as_deref(), own, peer };
        match end.open(&self.caller.guard.heard, Demand::of_requests(keys), apdu) {
            Ok(opened) => self.on_opened(keys, &channel, &opened),
            Err(Unopened::Malformed) => self.caller.voice.counters.malformed += 1,
            Err(Unopened::Replay) => self.caller.on_replay(),
            Err(Unopened::Fault(fault)) => self.caller.on_fault(fault),
        }
    }

    /// An authentic and fresh APDU of this client's session.
    fn on_opened(&mut self, keys: &SecurityContext, channel: &Channel, opened: &Opened) {
        let (form, now) = (opened.form.of_answer(keys.policy()), self.caller.now);
        self.caller.guard.heard.accept(opened.mark);
        let Some(session) = self.caller.session() else { return };
        session.last_heard = now;
        let overhead = form.overhead(keys.suite());
        let (is_open, budget) = (session.is_open(), session.terms.max_pdu.saturating_sub(overhead));
        if let Some(request) = pass_3(&opened.plain) {
            let answer = Proving { caller: self.caller }.on_pass_3(&request, opened.mark);
            return self.reply_protected(keys, channel, answer, &form);
        }
        if !is_open {
            return self.caller.on_unassociated();
        }
        if let Some(request) = setup::request(&opened.plain) {
            let utc = self.objects.utc(now);
            let answer = Setup { caller: self.caller, keys, utc }.on_action(&request);
            return self.reply_protected(keys, channel, Some(answer), &form);
        }
        match self.answer(&opened.plain, budget) {
            Ok(answer) => self.reply_protected(keys, channel, answer, &form),
            Err(exception) => self.caller.refuse(exception),
        }
    }

    fn reply_protected(
        &mut self,
        keys: &SecurityContext,
        channel: &Channel,
        answer: Option<Vec<u8>>,
        form: &Form,
    ) {
        match answer {
            Some(answer) => self.caller.reply_protected(keys, channel, &answer, form),
            None => self.caller.voice.counters.stale_blocks += 1,
        }
    }

    /// Opens an association that needs no AARQ, if this is one.
    fn establish(&mut self) {
        if self.caller.association.pre_established && self.caller.session().is_none() {
            let max_pdu = usize::from(associate::server_max_pdu(self.caller.config));
            let session = self.caller.new_session(Phase::Open, &Terms { max_pdu, block_get: true });
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
        let keys = self.caller.keys();
        let Some(session) = self.caller.session() else { return Ok(None) };
        let context = AssociationContext {
            now,
            client_sap: association.client_sap,
            access: association.access,
            ciphered: !session.is_plain(),
        };
        let client_title = session.client_title();
        let max_pdu = session.terms.max_pdu;
        let builtin =
            Builtin { config, association, context: &context, client_title, max_pdu, keys: keys.as_deref() };
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

/// The request, if it is pass 3 of high level security.
fn pass_3(apdu: &[u8]) -> Option<ActionRequest<'_>> {
    ActionRequest::from_bytes(apdu).ok().filter(|request| request.method == REPLY_TO_HLS)
}

/// No protection is demanded.
const BARE: Demand = Demand { control: Control(0), signed: false };
/// A service, or a form of one, that the server does not know.
const UNKNOWN_SERVICE: ExceptionResponse =
    ExceptionResponse { state: StateError::ServiceUnknown, service: ServiceError::ServiceNotSupported };
/// More octets than the server takes.
const TOO_LONG: ExceptionResponse =
    ExceptionResponse { state: StateError::ServiceNotAllowed, service: ServiceError::PduTooLong };
