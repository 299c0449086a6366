//! The server: the associations of one logical device.
//!
//! One association per client port. An association with high level security has at most one session,
//! which only an authentic AARQ with a fresh counter replaces; one without security has a session per
//! peer. What cannot be served is dropped and counted; what may be told without helping an attacker is
//! answered with an exception.

mod associate;
mod builtin;
mod config;
mod guard;
mod model;
mod recent;
mod services;
mod session;
mod transfer;

pub use config::{
    Access, AssociationConfig, ServerAuthentication, ServerConfig, ServerEvent, ServerInput, ServerOutput,
    ServerPersist,
};
pub use model::{AssociationContext, ObjectEntry, ObjectModel};

use crate::apdu::{
    Aarq, ActionRequest, ActionResponse, ActionResult, AssociationResult, Ciphered, DataAccessResult,
    Diagnostic, Envelope, ExceptionResponse, GetRequest, GetResponse, InvokeId, Pdu, Rlre, Rlrq,
    ServiceError, SetRequest, StateError, is_ciphered,
};
use crate::client::{REPLY_TO_HLS, proof, verify};
use crate::cosem::AttributeRequest;
use crate::invocation::InvocationCounter;
use crate::security::{OpenFault, Suite0, open, overhead, seal};
use crate::specs::apdu_tag;
use crate::wrapper::Wpdu;
use alloc::vec::Vec;
use associate::{Authentic, Refusal, Terms};
use builtin::Builtin;
use core::time::Duration;
use guard::Guard;
use plc_core::{Instant, Machine, Outbox};
use rand_core::Rng;
use recent::{Recent, Sighting};
use services::Services;
use session::{Handshake, Phase, Session};
use transfer::Served;

/// Requests that were not served, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerCounters {
    /// Not the wrapper PDU of a known APDU for this server.
    pub malformed: u64,
    /// A client port without association.
    pub unknown_client: u64,
    /// A counter that is not above all earlier ones.
    pub replayed: u64,
    /// A wrong tag, title or proof.
    pub unauthentic: u64,
    /// Less protection than the association demands.
    pub unprotected: u64,
    /// No session, or no room for one.
    pub unassociated: u64,
    /// Requests for blocks that were served before.
    pub stale_blocks: u64,
    /// Answers not sent because the send counter has ended.
    pub counter_exhausted: u64,
}

/// The associations of one logical device, over datagrams.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    guards: Vec<Guard>,
    sessions: Vec<Session>,
    send: InvocationCounter,
    challenges: plc_core::seed::Stream,
    counters: ServerCounters,
    out: Outbox<ServerOutput, 16>,
}

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
struct Origin {
    now: Instant,
    peer: u16,
    association: usize,
}

const NOT_ASSOCIATED: ExceptionResponse =
    ExceptionResponse { state: StateError::ServiceNotAllowed, service: ServiceError::OperationNotPossible };
const UNKNOWN_SERVICE: ExceptionResponse =
    ExceptionResponse { state: StateError::ServiceUnknown, service: ServiceError::ServiceNotSupported };
const UNDECIPHERABLE: ExceptionResponse =
    ExceptionResponse { state: StateError::ServiceNotAllowed, service: ServiceError::DecipheringError };

impl Server {
    /// A server without sessions.
    pub fn new(config: ServerConfig) -> Self {
        Self {
            guards: config.associations.iter().map(Guard::new).collect(),
            sessions: Vec::with_capacity(config.max_sessions.max(1)),
            send: InvocationCounter::new(config.first_invocation_counter, config.counter_block),
            challenges: config.seed.stream(),
            counters: ServerCounters::default(),
            out: Outbox::new(),
            config,
        }
    }

    /// Serves one datagram from `peer`; outputs follow from `poll`.
    pub fn serve(&mut self, now: Instant, peer: u16, bytes: &[u8], objects: &mut dyn ObjectModel) {
        let Ok(wpdu) = Wpdu::from_bytes(bytes) else { return self.counters.malformed += 1 };
        if wpdu.destination != self.config.server_sap {
            return self.counters.malformed += 1;
        }
        let known = self.config.associations.iter().position(|a| a.client_sap == wpdu.source);
        let Some(association) = known else { return self.counters.unknown_client += 1 };
        self.expire(now);
        self.on_apdu(Origin { now, peer, association }, wpdu.apdu, objects);
    }

    /// What the server was told.
    pub const fn config(&self) -> &ServerConfig {
        &self.config
    }

    /// What was dropped.
    pub const fn counters(&self) -> &ServerCounters {
        &self.counters
    }

    /// Sessions held, and the most that may be.
    pub fn occupancy(&self) -> (usize, usize) {
        (self.sessions.len(), self.config.max_sessions.max(1))
    }

    fn on_apdu(&mut self, from: Origin, apdu: &[u8], objects: &mut dyn ObjectModel) {
        match apdu.first() {
            Some(&apdu_tag::AARQ) => self.on_aarq(from, apdu),
            Some(&apdu_tag::RLRQ) => self.on_rlrq(from, apdu),
            Some(&tag) if is_ciphered(tag) => self.on_ciphered(from, apdu, objects),
            Some(_) => self.on_plain(from, apdu, objects),
            None => self.counters.malformed += 1,
        }
    }

    fn on_aarq(&mut self, from: Origin, apdu: &[u8]) {
        let Ok(aarq) = Aarq::from_bytes(apdu) else { return self.counters.malformed += 1 };
        if self.guards[from.association].is_locked(from.now) {
            let (result, diagnostic) =
                (AssociationResult::RejectedTransient, Diagnostic::AuthenticationFailure);
            let aare =
                associate::reject(&self.config.associations[from.association], result, diagnostic, None);
            return self.reply(from, &aare);
        }
        let outcome = match self.keys(from.association).cloned() {
            None => associate::judge_plain(&self.config, &aarq).map(|terms| self.open_plain(from, &terms)),
            Some(keys) => {
                let receive = &self.guards[from.association].receive;
                associate::judge_hls(&self.config, &keys, receive, &aarq)
                    .map(|authentic| self.challenge(from, &keys, authentic))
            }
        };
        if let Err(refusal) = outcome {
            self.refuse(from, refusal);
        }
    }

    /// Opens an association without security. Its AARQ may be a late twin, so what the session knows of
    /// requests under way stays.
    fn open_plain(&mut self, from: Origin, terms: &Terms) {
        let mut session = self.session(from, Phase::Plain, terms);
        if let Some(at) = self.position(from) {
            session.transfer = self.sessions[at].transfer.take();
            session.recent = core::mem::take(&mut self.sessions[at].recent);
        }
        if self.admit(session) {
            let aare = associate::accept_plain(&self.config);
            self.reply(from, &aare);
        }
    }

    /// Answers an authentic AARQ with a challenge; a repeated one with the same challenge, so that
    /// whichever answer arrives is the right one.
    fn challenge(&mut self, from: Origin, keys: &Suite0, authentic: Authentic) {
        let Authentic { terms, client_title, client_challenge, counter } = authentic;
        self.guards[from.association].receive.accept(counter);
        let client_sap = self.config.associations[from.association].client_sap;
        self.out.push(ServerOutput::Persist(ServerPersist::ReceiveCounter { client_sap, last: counter }));
        let repeated = self.position(from).and_then(|at| match &self.sessions[at].phase {
            Phase::Challenged(earlier) => Some(earlier),
            _ => None,
        });
        let same =
            repeated.filter(|h| h.client_title == client_title && h.client_challenge == client_challenge);
        let challenge = same.map(|handshake| handshake.challenge);
        let challenge = challenge.unwrap_or_else(|| self.fresh_challenge());
        let handshake = Handshake { client_title, client_challenge, challenge, counter };
        let session = self.session(from, Phase::Challenged(handshake.clone()), &terms);
        if !self.admit(session) {
            return;
        }
        if let Some(counter) = self.send_counter() {
            let aare = associate::accept_hls(&self.config, keys, &handshake, counter);
            self.reply(from, &aare);
        }
    }

    fn fresh_challenge(&mut self) -> [u8; 16] {
        let mut challenge = [0; 16];
        self.challenges.fill_bytes(&mut challenge);
        challenge
    }

    fn refuse(&mut self, from: Origin, refusal: Refusal) {
        let association = &self.config.associations[from.association];
        let result = AssociationResult::RejectedPermanent;
        match refusal {
            Refusal::Diagnostic(diagnostic) => {
                let aare = associate::reject(association, result, diagnostic, None);
                self.reply(from, &aare);
            }
            Refusal::Initiate(error) => {
                let aare = associate::reject(association, result, Diagnostic::NoReasonGiven, Some(&error));
                self.reply(from, &aare);
            }
            Refusal::Replay => self.on_replay(from),
            Refusal::Unauthentic => self.on_unauthentic(from),
        }
    }

    fn on_rlrq(&mut self, from: Origin, apdu: &[u8]) {
        let Ok(rlrq) = Rlrq::from_bytes(apdu) else { return self.counters.malformed += 1 };
        let plain = Rlre { reason: Some(0), user_information: None }.to_vec();
        let Some(at) = self.position(from) else { return self.reply(from, &plain) };
        let keys = self.keys(from.association).cloned();
        let (Some(keys), Some(handshake)) = (keys, self.sessions[at].handshake()) else {
            self.sessions.swap_remove(at);
            return self.reply(from, &plain);
        };
        let Some(sealed) = rlrq.user_information else { return self.counters.unprotected += 1 };
        let receive = &self.guards[from.association].receive;
        let tag = apdu_tag::GLO_INITIATE_REQUEST;
        match associate::open_initiate(&keys, &handshake.client_title, receive, sealed, tag) {
            Ok((counter, _)) => self.release(from, at, &keys, counter),
            Err(Refusal::Replay) => self.on_replay(from),
            Err(_) => self.on_unauthentic(from),
        }
    }

    fn release(&mut self, from: Origin, at: usize, keys: &Suite0, counter: u32) {
        self.guards[from.association].receive.accept(counter);
        self.sessions.swap_remove(at);
        if let Some(counter) = self.send_counter() {
            let sealed = associate::sealed_response(&self.config, keys, counter);
            let rlre = Rlre { reason: Some(0), user_information: Some(&sealed) }.to_vec();
            self.reply(from, &rlre);
        }
    }

    fn on_plain(&mut self, from: Origin, apdu: &[u8], objects: &mut dyn ObjectModel) {
        if self.keys(from.association).is_some() {
            self.counters.unprotected += 1;
            return self.reply(from, &NOT_ASSOCIATED.to_vec());
        }
        if self.position(from).is_none() && self.config.associations[from.association].pre_established {
            let max_pdu = usize::from(associate::server_max_pdu(&self.config));
            let session = self.session(from, Phase::Plain, &Terms { max_pdu, block_get: true });
            self.admit(session);
        }
        let Some(at) = self.position(from) else {
            self.counters.unassociated += 1;
            return self.reply(from, &NOT_ASSOCIATED.to_vec());
        };
        self.sessions[at].last_heard = from.now;
        let budget = self.sessions[at].max_pdu;
        match self.answer(from, at, apdu, budget, objects) {
            Ok(Some(answer)) => self.reply(from, &answer),
            Ok(None) => self.counters.stale_blocks += 1,
            Err(exception) => self.reply(from, &exception.to_vec()),
        }
    }

    fn on_ciphered(&mut self, from: Origin, apdu: &[u8], objects: &mut dyn ObjectModel) {
        let Ok(ciphered) = Ciphered::from_bytes(apdu) else { return self.counters.malformed += 1 };
        let keys = self.keys(from.association).cloned();
        let (Some(keys), Some(at)) = (keys, self.position(from)) else {
            self.counters.unassociated += 1;
            return self.reply(from, &NOT_ASSOCIATED.to_vec());
        };
        let Some(handshake) = self.sessions[at].handshake() else { return self.counters.unassociated += 1 };
        if !self.guards[from.association].receive.is_fresh(ciphered.counter) {
            return self.on_replay(from);
        }
        match open(&keys, &handshake.client_title, &ciphered) {
            Ok(plain) => self.on_opened(from, at, &keys, &ciphered, &plain, objects),
            Err(OpenFault::Policy) => self.counters.unprotected += 1,
            Err(OpenFault::Title | OpenFault::Tag | OpenFault::Contents) => self.on_unauthentic(from),
        }
    }

    /// An authentic and fresh APDU of the session at `at`.
    fn on_opened(
        &mut self,
        from: Origin,
        at: usize,
        keys: &Suite0,
        ciphered: &Ciphered<'_>,
        plain: &[u8],
        objects: &mut dyn ObjectModel,
    ) {
        self.guards[from.association].receive.accept(ciphered.counter);
        self.sessions[at].last_heard = from.now;
        let form = ciphered.envelope;
        if let Some(request) = ActionRequest::from_bytes(plain).ok().filter(|r| r.method == REPLY_TO_HLS) {
            let answer = self.on_pass_3(from, at, keys, &request, ciphered.counter);
            return self.reply_sealed(from, keys, answer, form);
        }
        if !matches!(self.sessions[at].phase, Phase::Proved(_)) {
            self.counters.unassociated += 1;
            return self.reply(from, &NOT_ASSOCIATED.to_vec());
        }
        let budget = self.sessions[at].max_pdu.saturating_sub(overhead(form));
        match self.answer(from, at, plain, budget, objects) {
            Ok(answer) => self.reply_sealed(from, keys, answer, form),
            Err(exception) => self.reply(from, &exception.to_vec()),
        }
    }

    /// Pass 3 of the handshake; the answer is pass 4.
    fn on_pass_3(
        &mut self,
        from: Origin,
        at: usize,
        keys: &Suite0,
        request: &ActionRequest<'_>,
        outer: u32,
    ) -> Option<Vec<u8>> {
        let handshake = self.sessions[at].handshake()?.clone();
        let value = request.parameter.unwrap_or_default();
        let inner = verify(keys, &handshake.client_title, value, &handshake.challenge);
        let Some(inner) = inner.filter(|&inner| inner > handshake.counter && inner != outer) else {
            self.on_failed_proof(from, at);
            return Some(services::action_failed(request.invoke_id, ActionResult::OtherReason));
        };
        let guard = &mut self.guards[from.association];
        guard.receive.accept(inner);
        guard.on_proved();
        if matches!(self.sessions[at].phase, Phase::Challenged(_)) {
            let client_sap = self.config.associations[from.association].client_sap;
            self.out.push(ServerOutput::Event(ServerEvent::Associated { client_sap }));
        }
        let counter = self.send_counter()?;
        let value = proof(keys, &self.config.server_title, counter, &handshake.client_challenge);
        self.sessions[at].phase = Phase::Proved(handshake);
        let (invoke_id, result) = (request.invoke_id, ActionResult::Success);
        Some(ActionResponse { invoke_id, result, returned: Some(Ok(&value)) }.to_vec())
    }

    fn on_failed_proof(&mut self, from: Origin, at: usize) {
        self.sessions.swap_remove(at);
        let (most, lockout) = (self.config.max_failed_proofs, self.config.lockout);
        let locked = self.guards[from.association].on_failed_proof(from.now, most, lockout);
        let client_sap = self.config.associations[from.association].client_sap;
        self.counters.unauthentic += 1;
        self.out.push(ServerOutput::Event(ServerEvent::AuthenticationFailure { client_sap }));
        if locked {
            self.out.push(ServerOutput::Event(ServerEvent::Locked { client_sap }));
        }
    }

    /// The answer to a service of an open association; `None` when there is nothing to say.
    fn answer(
        &mut self,
        from: Origin,
        at: usize,
        apdu: &[u8],
        budget: usize,
        objects: &mut dyn ObjectModel,
    ) -> Result<Option<Vec<u8>>, ExceptionResponse> {
        let context = self.context(from, at);
        let session = &mut self.sessions[at];
        let client_title = session.handshake().map_or([0; 8], |handshake| handshake.client_title);
        let builtin = Builtin {
            config: &self.config,
            association: &self.config.associations[from.association],
            context: &context,
            client_title,
            max_pdu: session.max_pdu,
        };
        let mut services = Services { builtin, objects };
        match apdu.first() {
            Some(&apdu_tag::GET_REQUEST) => match GetRequest::from_bytes(apdu) {
                Ok(request) => get(session, &mut services, &request, budget),
                Err(_) => Err(UNKNOWN_SERVICE),
            },
            Some(&apdu_tag::SET_REQUEST) => match SetRequest::from_bytes(apdu) {
                Ok(request) => Ok(Some(services.set(&request).to_vec())),
                Err(_) => Err(UNKNOWN_SERVICE),
            },
            Some(&apdu_tag::ACTION_REQUEST) => match ActionRequest::from_bytes(apdu) {
                Ok(request) => Ok(Some(services.action(&request))),
                Err(_) => Err(UNKNOWN_SERVICE),
            },
            _ => Err(UNKNOWN_SERVICE),
        }
    }

    fn context(&self, from: Origin, at: usize) -> AssociationContext {
        let association = &self.config.associations[from.association];
        AssociationContext {
            now: from.now,
            client_sap: association.client_sap,
            access: association.access,
            ciphered: !self.sessions[at].is_plain(),
        }
    }

    fn on_replay(&mut self, from: Origin) {
        self.counters.replayed += 1;
        let client_sap = self.config.associations[from.association].client_sap;
        self.out.push(ServerOutput::Event(ServerEvent::Replay { client_sap }));
        if self.config.report_security_errors {
            let last = self.guards[from.association].receive.last();
            let service = ServiceError::InvocationCounter(last.map_or(0, |last| last.saturating_add(1)));
            self.reply(from, &ExceptionResponse { state: StateError::ServiceNotAllowed, service }.to_vec());
        }
    }

    fn on_unauthentic(&mut self, from: Origin) {
        self.counters.unauthentic += 1;
        let client_sap = self.config.associations[from.association].client_sap;
        self.out.push(ServerOutput::Event(ServerEvent::AuthenticationFailure { client_sap }));
        if self.config.report_security_errors {
            self.reply(from, &UNDECIPHERABLE.to_vec());
        }
    }

    fn keys(&self, association: usize) -> Option<&Suite0> {
        match &self.config.associations[association].authentication {
            ServerAuthentication::None => None,
            ServerAuthentication::HlsGmac { keys, .. } => Some(keys),
        }
    }

    fn session(&self, from: Origin, phase: Phase, terms: &Terms) -> Session {
        let Origin { now, peer, association } = from;
        let (max_pdu, block_get) = (terms.max_pdu, terms.block_get);
        Session {
            peer,
            association,
            phase,
            max_pdu,
            block_get,
            last_heard: now,
            transfer: None,
            recent: Recent::default(),
        }
    }

    /// The session that a request belongs to. A ciphered one may change its address.
    fn position(&self, from: Origin) -> Option<usize> {
        self.sessions
            .iter()
            .position(|s| s.association == from.association && (!s.is_plain() || s.peer == from.peer))
    }

    /// Takes a session in: in the place of the same one, of a free place, or of the plain session that
    /// has been silent longest. An authentic one may also replace the most silent of all.
    fn admit(&mut self, session: Session) -> bool {
        let same = Origin { now: session.last_heard, peer: session.peer, association: session.association };
        let place = self.position(same).or_else(|| {
            (self.sessions.len() >= self.config.max_sessions.max(1))
                .then(|| self.most_silent(session.is_plain()))?
        });
        match place {
            Some(at) => self.sessions[at] = session,
            None if self.sessions.len() < self.config.max_sessions.max(1) => self.sessions.push(session),
            None => {
                self.counters.unassociated += 1;
                return false;
            }
        }
        true
    }

    fn most_silent(&self, only_plain: bool) -> Option<usize> {
        let candidates = self.sessions.iter().enumerate().filter(|(_, s)| s.is_plain() || !only_plain);
        candidates.min_by_key(|(_, s)| (!s.is_plain(), s.last_heard)).map(|(at, _)| at)
    }

    fn send_counter(&mut self) -> Option<u32> {
        let Ok((counter, persist)) = self.send.next() else {
            self.counters.counter_exhausted += 1;
            return None;
        };
        if let Some(reserved_to) = persist {
            self.out.push(ServerOutput::Persist(ServerPersist::SendCounter { reserved_to }));
        }
        Some(counter)
    }

    fn reply_sealed(&mut self, from: Origin, keys: &Suite0, answer: Option<Vec<u8>>, form: Envelope) {
        let Some(answer) = answer else { return self.counters.stale_blocks += 1 };
        if let Some(counter) = self.send_counter() {
            let sealed = seal(keys, &self.config.server_title, counter, &answer, form);
            self.reply(from, &sealed);
        }
    }

    fn reply(&mut self, from: Origin, apdu: &[u8]) {
        let source = self.config.server_sap;
        let destination = self.config.associations[from.association].client_sap;
        let bytes = Wpdu { source, destination, apdu }.to_vec();
        self.out.push(ServerOutput::Datagram { peer: from.peer, bytes });
    }

    fn expire(&mut self, now: Instant) {
        let timeout = self.session_timeout();
        self.sessions.retain(|session| session.last_heard + timeout > now);
    }

    fn session_timeout(&self) -> Duration {
        self.config.session_timeout.max(Duration::from_millis(1))
    }
}

/// GET in all its forms.
fn get(
    session: &mut Session,
    services: &mut Services<'_>,
    request: &GetRequest,
    budget: usize,
) -> Result<Option<Vec<u8>>, ExceptionResponse> {
    match request {
        GetRequest::Normal { invoke_id, attribute } => {
            Ok(read(session, services, *invoke_id, attribute, budget))
        }
        GetRequest::Next { invoke_id, block } => Ok(next_block(session, *invoke_id, *block)),
        GetRequest::WithList { .. } => Err(UNKNOWN_SERVICE),
    }
}

/// Reads an attribute, unless the request came twice and its value still stands.
fn read(
    session: &mut Session,
    services: &mut Services<'_>,
    invoke_id: InvokeId,
    attribute: &AttributeRequest,
    budget: usize,
) -> Option<Vec<u8>> {
    let now = services.builtin.context.now;
    let sighting =
        if session.is_plain() { session.recent.sight(now, invoke_id, attribute) } else { Sighting::New };
    match (sighting, &session.transfer) {
        (Sighting::New, _) => {}
        (Sighting::Latest, Some(transfer)) => return Some(transfer.first()),
        (Sighting::Latest | Sighting::Displaced, _) => return None,
    }
    let value = services.get(attribute);
    match value.and_then(|value| transfer::serve(invoke_id, value, budget, session.block_get)) {
        Ok(Served::Whole(apdu)) => Some(apdu),
        Ok(Served::Blocks(first, transfer)) => {
            session.transfer = Some(transfer);
            session.recent.note(now, invoke_id, attribute);
            Some(first)
        }
        Err(result) => Some(GetResponse::Normal { invoke_id, result: Err(result) }.to_vec()),
    }
}

fn next_block(session: &mut Session, invoke_id: InvokeId, block: u32) -> Option<Vec<u8>> {
    let after = match &mut session.transfer {
        None => Err(DataAccessResult::NoLongGetInProgress),
        Some(transfer) => transfer.after(invoke_id, block),
    };
    match after {
        Ok(apdu) => apdu,
        Err(result) => {
            if result == DataAccessResult::DataBlockNumberInvalid {
                session.transfer = None;
                session.recent.forget_latest();
            }
            Some(GetResponse::WithDataBlock { invoke_id, last: true, block, result: Err(result) }.to_vec())
        }
    }
}

impl Machine for Server {
    type Input<'a> = ServerInput<'a>;
    type Output = ServerOutput;

    fn handle(&mut self, now: Instant, input: ServerInput<'_>) {
        self.serve(now, input.peer, input.bytes, input.objects);
    }

    fn tick(&mut self, now: Instant) {
        self.expire(now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.sessions.iter().map(|session| session.last_heard + self.session_timeout()).min()
    }

    fn poll(&mut self) -> Option<ServerOutput> {
        self.out.pop()
    }
}
