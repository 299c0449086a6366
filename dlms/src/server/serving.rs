//! Services of an open association, protected and not.

use super::associate;
use super::builtin::Builtin;
use super::caller::Caller;
use super::dispatch::{Answer, Dispatch, is_unconfirmed};
use super::negotiated::needed;
use super::proving::Proving;
use super::pushing::Pushing;
use super::services::Services;
use super::session::{Channel, Phase, Terms};
use super::setup::{self, Setup};
use super::voice::Voice;
use super::{AssociationContext, ObjectModel, ServerPersist};
use crate::apdu::{
    ActionRequest, Ciphered, Conformance, Envelope, ExceptionResponse, GeneralBlockTransfer, Pdu,
    ServiceError, StateError, is_ciphered, is_general, is_never_answered,
};
use crate::block_transfer::Taken;
use crate::client::REPLY_TO_HLS;
use crate::security::{Control, Demand, End, Form, Mark, Opened, SecurityContext, Unopened};
use crate::specs::apdu_tag;
use alloc::vec::Vec;

/// Serves one APDU that asks for a service.
pub(super) struct Serving<'c, 's> {
    pub(super) caller: &'c mut Caller<'s>,
    pub(super) objects: &'c mut dyn ObjectModel,
}

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
            Ok(Some(answer)) => {
                self.caller.reply(&answer);
                self.caller.voice.buffers.give(answer);
            }
            Ok(None) => {}
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
        self.caller.is_mute = apdu.first().is_some_and(|&tag| is_never_answered(tag));
        match apdu.first() {
            Some(&tag) if is_ciphered(tag) || is_general(tag) => self.on_ciphered(apdu),
            _ => self.on_plain(apdu),
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
        let Some(channel) = self.caller.channel() else { return self.on_confirmation(keys, apdu) };
        if !self.is_short_enough(apdu) {
            return;
        }
        let (own, peer) = (&self.caller.config.server_title, &channel.client_title);
        let end = End { context: keys, dedicated: channel.dedicated.as_deref(), own, peer };
        match end.open(&self.caller.guard.heard, Demand::of_requests(keys), apdu) {
            Ok(opened) => self.on_opened(keys, &channel, &opened),
            Err(Unopened::Malformed) => self.caller.on_malformed(),
            Err(Unopened::Replay) => self.caller.on_replay(),
            Err(Unopened::Fault(fault)) => self.caller.on_fault(fault),
        }
    }

    /// What a host says that has opened no association: it may confirm a push, under its own name.
    fn on_confirmation(&mut self, keys: &SecurityContext, apdu: &[u8]) {
        let client_sap = self.caller.association.client_sap;
        let awaited = self.caller.pushes.awaits(self.caller.peer, client_sap);
        let own = &self.caller.config.server_title;
        let named = Ciphered::from_bytes(apdu).ok().and_then(|ciphered| match ciphered.envelope {
            Envelope::General(title) => title,
            _ => None,
        });
        let Some(peer) = named.filter(|title| awaited && title != own) else {
            return self.caller.on_unassociated();
        };
        let end = End { context: keys, dedicated: None, own, peer: &peer };
        match end.open(&self.caller.guard.heard, Demand::of_requests(keys), apdu) {
            Ok(Opened { plain, mark: Mark::Global(last), .. })
                if plain.first() == Some(&apdu_tag::DATA_NOTIFICATION_CONFIRM) =>
            {
                self.caller.guard.heard.accept(Mark::Global(last));
                // No AARQ stands between the lives of the server.
                self.caller.voice.persist(ServerPersist::ReceiveCounter { client_sap, last });
                Pushing { caller: self.caller }.on_confirm(&plain);
            }
            Ok(_) => self.caller.on_unassociated(),
            Err(Unopened::Malformed) => self.caller.on_malformed(),
            Err(Unopened::Replay) => self.caller.on_replay(),
            Err(Unopened::Fault(fault)) => self.caller.on_fault(fault),
        }
    }

    /// An authentic and fresh APDU of this client's session.
    fn on_opened(&mut self, keys: &SecurityContext, channel: &Channel, opened: &Opened) {
        let (form, now) = (opened.form.of_answer(keys.policy()), self.caller.now);
        self.caller.accept(opened.mark);
        self.caller.is_mute |= opened.plain.first().is_some_and(|&tag| is_never_answered(tag));
        if self.caller.session().is_none() {
            self.establish_ciphered(channel);
        }
        let Some(session) = self.caller.session() else { return };
        session.last_heard = now;
        let overhead = form.overhead(keys.suite());
        let (is_open, budget) = (session.is_open(), session.terms.max_pdu.saturating_sub(overhead));
        let is_known = session.terms.conformance.has(needed(&opened.plain));
        if let Some(request) = pass_3(&opened.plain) {
            let answer = Proving { caller: self.caller }.on_pass_3(&request, opened.mark);
            return self.reply_protected(keys, channel, answer, &form);
        }
        if !is_open {
            return self.caller.on_unassociated();
        }
        if let Some(request) = setup::request(&opened.plain).filter(|_| is_known) {
            let utc = self.objects.utc(now);
            let answer = Setup { caller: self.caller, keys, utc }.on_action(&request);
            let answer = Some(answer).filter(|_| !is_unconfirmed(&opened.plain));
            return self.reply_protected(keys, channel, answer, &form);
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
        if let Some(answer) = answer {
            self.caller.reply_protected(keys, channel, &answer, form);
            self.caller.voice.buffers.give(answer);
        }
    }

    /// Opens an association that needs no AARQ, if this is one.
    fn establish(&mut self) {
        if self.caller.association.pre_established && self.caller.session().is_none() {
            let max_pdu = usize::from(associate::server_max_pdu(self.caller.config));
            let terms = Terms::new(self.caller.config, max_pdu, Conformance::OURS);
            let session = self.caller.new_session(Phase::Open, &terms);
            self.caller.sessions.admit(session);
        }
    }

    /// Opens a ciphered association that needs no AARQ, for a client that has shown that it has the keys.
    fn establish_ciphered(&mut self, channel: &Channel) {
        let max_pdu = usize::from(associate::server_max_pdu(self.caller.config));
        let terms = Terms::new(self.caller.config, max_pdu, Conformance::OURS);
        let session = self.caller.new_session(Phase::Open, &terms).ciphered(Some(channel.clone()));
        self.caller.admit(session);
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
        if apdu.first() == Some(&apdu_tag::DATA_NOTIFICATION_CONFIRM) {
            Pushing { caller: self.caller }.on_confirm(apdu);
            return Ok(None);
        }
        let (now, config, association) = (self.caller.now, self.caller.config, self.caller.association);
        let (joined, keys) = (self.caller.joined, self.caller.keys());
        let (index, peer) = (self.caller.index, self.caller.peer);
        let open = self.caller.sessions.open();
        let Some(session) = self.caller.sessions.find(index, peer) else { return Ok(None) };
        let context = AssociationContext {
            now,
            client_sap: association.client_sap,
            access: association.access,
            ciphered: !session.is_plain(),
        };
        let client_title = session.client_title();
        let (max_pdu, limit) = (session.terms.max_pdu, session.terms.limit(config, budget));
        // Whoever asks in general blocks is answered in them.
        let budget = if joined { limit } else { budget };
        let keys = keys.as_deref();
        let (user_id, open) = (session.user_id, &open);
        let builtin =
            Builtin { config, association, context: &context, client_title, max_pdu, keys, user_id, open };
        let selects = session.terms.conformance.has(Conformance::SELECTIVE_ACCESS);
        let Voice { counters, buffers, .. } = &mut *self.caller.voice;
        let services = Services { builtin, objects: self.objects, selects, budget, limit, buffers };
        let answer = Dispatch { session, services, counters }.answer(apdu);
        let asked = matches!(apdu.first(), Some(&apdu_tag::GET_REQUEST | &apdu_tag::ACTION_REQUEST));
        self.caller.voice.counters.stale_blocks +=
            u64::from(asked && !is_unconfirmed(apdu) && answer == Ok(None));
        answer
    }
}

/// The request, if it is pass 3 of high level security.
fn pass_3(apdu: &[u8]) -> Option<ActionRequest<'_>> {
    ActionRequest::from_bytes(apdu).ok().filter(|request| request.method == REPLY_TO_HLS)
}

/// No protection is demanded.
const BARE: Demand = Demand { control: Control(0), signed: false };
/// A service, or a form of one, that the server does not know.
pub(super) const UNKNOWN_SERVICE: ExceptionResponse =
    ExceptionResponse { state: StateError::ServiceUnknown, service: ServiceError::ServiceNotSupported };
/// More octets than the server takes.
const TOO_LONG: ExceptionResponse =
    ExceptionResponse { state: StateError::ServiceNotAllowed, service: ServiceError::PduTooLong };
/// More objects than are served at once, or than the client has room for.
pub(super) const LIST_TOO_LONG: ExceptionResponse = TOO_LONG;
