//! The client: one association with one server, one request at a time.
//!
//! Datagrams may be lost, doubled and reordered. An unanswered request is repeated with a new
//! invocation counter and a new invoke-id; answers are taken only with a counter above all earlier ones
//! and an invoke-id of the request under way.

mod config;
mod counters;
mod ear;
mod exchange;
mod handshake;
mod listening;
mod pending;
mod request;
mod sending;
mod voice;

pub use config::{
    CipheringForm, ClientAuthentication, ClientConfig, ClientFailure, ClientInput, ClientOutput,
};
pub use counters::ClientCounters;
pub(crate) use handshake::{REPLY_TO_HLS, octet_string, octets_in};

use crate::apdu::{
    Aare, ActionResponse, Conformance, ExceptionResponse, GeneralBlockTransfer, LongInvokeId, Pdu,
    is_ciphered, is_general,
};
use crate::block_transfer::{BlockTransfer, Taken};
use crate::invocation::InvocationCounter;
use crate::security::SecurityContext;
use crate::specs::apdu_tag;
use crate::specs::conversation::RETRIES_MAX;
use crate::specs::get::LIST_MAX;
use crate::wrapper::Wpdu;
use alloc::vec::Vec;
use core::time::Duration;
use ear::Ear;
use exchange::{Exchange, Step};
use handshake::{Accepted, Handshake};
use pending::{Job, Pending, Proving, ServerTerms};
use plc_core::{Instant, Machine};
use request::Request;
use voice::Voice;

/// What an answer may hold besides a value of the longest kind: results, protection.
const JOINED_OVERHEAD: usize = 1024;

/// One association with one server, over datagrams that may be lost, doubled and reordered.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    is_open: bool,
    pending: Option<Pending>,
    ear: Ear,
    voice: Voice,
    blocks: BlockTransfer,
    /// The push that was confirmed last.
    last_push: Option<LongInvokeId>,
    counters: ClientCounters,
}

impl Client {
    /// A client that is not connected.
    pub fn new(config: ClientConfig) -> Self {
        Self {
            is_open: false,
            pending: None,
            ear: Ear::new(
                config.last_server_counter,
                config.first_invocation_counter,
                config.authentication.keys(),
            ),
            voice: Voice::new(
                InvocationCounter::new(config.first_invocation_counter, config.counter_block),
                config.seed.stream(),
            ),
            blocks: BlockTransfer::new(config.max_value_len.saturating_add(JOINED_OVERHEAD)),
            last_push: None,
            counters: ClientCounters::default(),
            config,
        }
    }

    /// What the client was told.
    pub const fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// Whether an association is open, as far as the client knows.
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether a request is under way.
    pub const fn is_busy(&self) -> bool {
        self.pending.is_some()
    }

    /// What the server says that it can do, once it has opened an association.
    pub const fn server_conformance(&self) -> Option<Conformance> {
        self.ear.server_conformance()
    }

    /// What was dropped.
    pub const fn counters(&self) -> &ClientCounters {
        &self.counters
    }

    /// Octets held for a value that is being joined, and the most that they may be.
    pub fn occupancy(&self) -> (usize, usize) {
        let held = match &self.pending {
            Some(Pending { job: Job::Exchange(exchange), .. }) => exchange.held(),
            _ => 0,
        };
        // What is joined from general blocks becomes an answer only when it is whole.
        (held.max(self.blocks.held()), self.config.max_value_len.saturating_add(JOINED_OVERHEAD))
    }

    fn on_connect(&mut self, now: Instant) {
        self.is_open = false;
        if let Some(title) = self.config.authentication.pre_established() {
            self.ear.on_known(title);
            return self.on_connected();
        }
        let handshake = Handshake::new(&self.config, &mut self.voice.entropy);
        self.begin(now, Job::Associate(handshake));
    }

    fn on_request(&mut self, now: Instant, request: Request) {
        let negotiated = self.negotiated();
        if !self.is_open {
            self.fail(ClientFailure::WrongState);
        } else if !negotiated.has(request.needed()) {
            self.fail(ClientFailure::NotNegotiated);
        } else {
            self.begin(now, Job::Exchange(Exchange::new(request, self.config.max_value_len)));
        }
    }

    /// What both ends can do; without an AARQ, what both are made for.
    fn negotiated(&self) -> Conformance {
        let known = self.config.authentication.pre_established().is_some();
        let said = self.ear.server_conformance();
        said.unwrap_or(if known { Conformance::OURS } else { Conformance::default() })
    }

    /// Asks for several things at once.
    fn on_list(&mut self, now: Instant, count: usize, request: impl FnOnce() -> Option<Request>) {
        let request = (1..=LIST_MAX).contains(&count).then(request);
        match request {
            Some(Some(request)) => self.on_request(now, request),
            Some(None) => self.fail(ClientFailure::Protocol),
            None => self.fail(ClientFailure::TooLong),
        }
    }

    fn on_release(&mut self, now: Instant) {
        if !self.is_open {
            return self.fail(ClientFailure::WrongState);
        }
        if self.config.authentication.pre_established().is_some() {
            self.is_open = false;
            return self.done(ClientOutput::Released);
        }
        self.begin(now, Job::Release);
    }

    fn on_connection_lost(&mut self) {
        self.is_open = false;
        if let Some(pending) = &self.pending {
            let output = pending.given_up();
            self.done(output);
        }
    }

    fn begin(&mut self, now: Instant, job: Job) {
        self.blocks.reset();
        self.pending = Some(Pending::new(now, job, &self.config));
        self.transmit(now);
    }

    /// Sends what the pending job wants sent now, and waits for an answer.
    fn transmit(&mut self, now: Instant) {
        let conformance = self.negotiated();
        let Some(pending) = &mut self.pending else { return };
        pending.deadline = now + self.config.response_timeout.max(Duration::from_millis(1));
        let server = ServerTerms { max_pdu: self.ear.server_max_pdu(), conformance };
        let apdu = pending.job.apdu(&self.config, &mut self.voice, &self.ear, server);
        if let Err(failure) = apdu.and_then(|apdu| self.send(apdu, server)) {
            self.pending = None;
            self.fail(failure);
        }
    }

    /// Sends an APDU, in general blocks if that is the only way.
    fn send(&mut self, apdu: Vec<u8>, server: ServerTerms) -> Result<(), ClientFailure> {
        let general = server.conformance.has(Conformance::GENERAL_BLOCK_TRANSFER);
        if !general || apdu.len() <= server.max_pdu {
            return self.voice.send(&self.config, &apdu);
        }
        if self.blocks.begin(apdu, server.max_pdu) { self.send_burst() } else { Err(ClientFailure::TooLong) }
    }

    /// Sends the general blocks that the server waits for.
    fn send_burst(&mut self) -> Result<(), ClientFailure> {
        let burst = self.blocks.burst();
        burst.iter().try_for_each(|apdu| self.voice.send(&self.config, apdu))
    }

    const fn keys(&self) -> Option<&SecurityContext> {
        self.config.authentication.keys()
    }

    fn on_datagram(&mut self, now: Instant, bytes: &[u8]) {
        let expected = (self.config.server_sap, self.config.client_sap);
        match Wpdu::from_bytes(bytes) {
            Ok(wpdu) if (wpdu.source, wpdu.destination) == expected => self.on_apdu(now, wpdu.apdu),
            _ => self.counters.malformed += 1,
        }
    }

    fn on_apdu(&mut self, now: Instant, apdu: &[u8]) {
        match apdu.first() {
            Some(&apdu_tag::AARE) => self.on_aare(now, apdu),
            Some(&apdu_tag::RLRE) => self.on_rlre(),
            Some(&apdu_tag::EXCEPTION_RESPONSE) => self.on_exception(apdu),
            Some(&apdu_tag::GENERAL_BLOCK_TRANSFER) => self.on_general_block(now, apdu),
            Some(&tag) if self.keys().is_none() && (is_ciphered(tag) || is_general(tag)) => {
                self.counters.unexpected += 1;
            }
            Some(_) if self.keys().is_none() => self.on_service(now, apdu),
            Some(_) => self.on_protected(now, apdu),
            None => self.counters.malformed += 1,
        }
    }

    fn on_general_block(&mut self, now: Instant, apdu: &[u8]) {
        let Ok(block) = GeneralBlockTransfer::from_bytes(apdu) else { return self.counters.malformed += 1 };
        let before = self.blocks.progress();
        let taken = self.blocks.on_block(&block);
        if self.blocks.progress() > before {
            self.on_progress(now);
        }
        match taken {
            Taken::Wait => {}
            Taken::Answer => {
                let _ = self.send_burst();
            }
            // Blocks in blocks are not taken apart.
            Taken::Whole(joined) if joined.first() == Some(&apdu_tag::GENERAL_BLOCK_TRANSFER) => {
                self.counters.malformed += 1;
            }
            Taken::Whole(joined) => self.on_apdu(now, &joined),
            Taken::TooLong => self.on_refusal(ClientFailure::TooLong),
            Taken::Stray => self.counters.unexpected += 1,
        }
    }

    /// The server is heard to go on.
    fn on_progress(&mut self, now: Instant) {
        if let Some(pending) = &mut self.pending {
            pending.left = self.config.retries.min(RETRIES_MAX);
            pending.deadline = now + self.config.response_timeout.max(Duration::from_millis(1));
        }
    }

    fn on_aare(&mut self, now: Instant, apdu: &[u8]) {
        let Ok(aare) = Aare::from_bytes(apdu) else { return self.counters.malformed += 1 };
        let Some(Pending { job: Job::Associate(handshake), .. }) = &mut self.pending else {
            return self.counters.unexpected += 1;
        };
        match handshake.on_aare(&self.config, &aare) {
            Ok(accepted) => self.on_accepted(now, &accepted),
            Err(failure) => self.on_refusal(failure),
        }
    }

    fn on_accepted(&mut self, now: Instant, accepted: &Accepted) {
        let Some(Pending { job: Job::Associate(handshake), .. }) = &self.pending else { return };
        if let Some(counter) = accepted.counter {
            let dedicated = handshake.dedicated(&self.config);
            if !self.ear.on_server(accepted.server_title, counter, dedicated) {
                return self.counters.replayed += 1;
            }
        }
        self.ear.on_initiate(&accepted.initiate);
        if self.config.authentication.hls().is_none() {
            return self.on_connected();
        }
        if let Some(Pending { job: Job::Associate(handshake), .. }) = self.pending.take() {
            self.begin(now, Job::Prove(Proving::new(handshake)));
        }
    }

    fn on_connected(&mut self) {
        self.is_open = true;
        self.done(ClientOutput::Connected);
    }

    fn on_rlre(&mut self) {
        if matches!(self.pending, Some(Pending { job: Job::Release, .. })) {
            self.is_open = false;
            self.done(ClientOutput::Released);
        } else {
            self.counters.unexpected += 1;
        }
    }

    fn on_exception(&mut self, apdu: &[u8]) {
        match ExceptionResponse::from_bytes(apdu) {
            Ok(exception) => self.on_refusal(ClientFailure::Exception(exception)),
            Err(_) => self.counters.malformed += 1,
        }
    }

    /// A refusal without proof ends a request without security; otherwise anyone could end it, so it
    /// only explains a missing answer.
    fn on_refusal(&mut self, failure: ClientFailure) {
        let ciphered = self.keys().is_some();
        match &mut self.pending {
            None => self.counters.unexpected += 1,
            Some(pending) if ciphered => {
                self.counters.unauthentic += 1;
                pending.hint = failure;
            }
            Some(_) => self.done(ClientOutput::Failed(failure)),
        }
    }

    fn on_protected(&mut self, now: Instant, apdu: &[u8]) {
        let Some(keys) = self.config.authentication.keys() else { return };
        if let Some(plain) = self.ear.open(keys, &self.config.client_title, apdu, &mut self.counters) {
            self.on_service(now, &plain);
        }
    }

    fn on_service(&mut self, now: Instant, apdu: &[u8]) {
        match apdu.first() {
            Some(&apdu_tag::DATA_NOTIFICATION) => return self.on_data_notification(apdu),
            Some(&apdu_tag::EVENT_NOTIFICATION_REQUEST) => return self.on_event_notification(apdu),
            _ => {}
        }
        match &self.pending {
            Some(Pending { job: Job::Prove(_), .. }) => self.on_pass_4(apdu),
            Some(Pending { job: Job::Exchange(_), .. }) => self.on_answer(now, apdu),
            _ => self.counters.unexpected += 1,
        }
    }

    fn on_pass_4(&mut self, apdu: &[u8]) {
        let Some(Pending { job: Job::Prove(proving), .. }) = &self.pending else { return };
        let response = ActionResponse::from_bytes(apdu).ok();
        let Some(response) = response.filter(|response| proving.is_issued(response.invoke_id)) else {
            return self.counters.unexpected += 1;
        };
        if proving.is_proved(&self.config, &response) {
            self.on_connected();
        } else {
            self.done(ClientOutput::Failed(ClientFailure::Authentication));
        }
    }

    fn on_answer(&mut self, now: Instant, apdu: &[u8]) {
        let Some(Pending { job: Job::Exchange(exchange), .. }) = &mut self.pending else { return };
        match exchange.on_apdu(apdu) {
            Ok(step) => self.on_step(now, step),
            // An authentic answer that nobody understands will not get better by asking again.
            Err(_) if self.keys().is_some() => self.done(ClientOutput::Failed(ClientFailure::Protocol)),
            Err(_) => self.counters.malformed += 1,
        }
    }

    fn on_step(&mut self, now: Instant, step: Step) {
        match step {
            Step::Ignore => self.counters.unexpected += 1,
            Step::Next => {
                let retries = self.config.retries.min(RETRIES_MAX);
                if let Some(pending) = &mut self.pending {
                    pending.left = retries;
                }
                self.transmit(now);
            }
            Step::Restart => self.repeat(now),
            Step::Done(output) => self.done(output),
        }
    }

    /// Asks again, or gives up.
    fn repeat(&mut self, now: Instant) {
        let Some(pending) = &mut self.pending else { return };
        if pending.may_repeat(self.blocks.is_partial()) {
            self.counters.repeated += 1;
            return if self.blocks.is_active() { self.resume(now) } else { self.transmit(now) };
        }
        let output = pending.given_up();
        self.is_open &= output != ClientOutput::Released;
        self.done(output);
    }

    /// Goes on with general blocks where they were heard last.
    fn resume(&mut self, now: Instant) {
        if let Some(pending) = &mut self.pending {
            pending.deadline = now + self.config.response_timeout.max(Duration::from_millis(1));
        }
        self.blocks.rewind();
        let _ = self.send_burst();
    }

    /// The pending request is answered.
    fn done(&mut self, output: ClientOutput) {
        self.pending = None;
        self.blocks.reset();
        if let Some(last) = self.ear.news() {
            self.voice.tell(ClientOutput::ServerCounter(last));
        }
        self.voice.tell(output);
    }

    fn fail(&mut self, failure: ClientFailure) {
        self.voice.tell(ClientOutput::Failed(failure));
    }
}

impl Machine for Client {
    type Input<'a> = ClientInput<'a>;
    type Output = ClientOutput;

    fn handle(&mut self, now: Instant, input: ClientInput<'_>) {
        match input {
            ClientInput::Datagram(bytes) => self.on_datagram(now, bytes),
            ClientInput::ConnectionLost => self.on_connection_lost(),
            _ if self.pending.is_some() => self.fail(ClientFailure::Busy),
            ClientInput::Connect => self.on_connect(now),
            ClientInput::Get(attribute) => self.on_request(now, Request::Get(attribute)),
            ClientInput::GetList(attributes) => {
                self.on_list(now, attributes.len(), || Some(Request::GetList(attributes)));
            }
            ClientInput::SetList(pairs) => self.on_list(now, pairs.len(), || Request::set_list(pairs)),
            ClientInput::ActionList(pairs) => self.on_list(now, pairs.len(), || Request::action_list(pairs)),
            ClientInput::Access(pairs) => self.on_list(now, pairs.len(), || Request::access(pairs)),
            ClientInput::Set(attribute, value) => {
                self.on_request(now, Request::Set(attribute, value.to_vec()))
            }
            ClientInput::Action(method, parameter) => {
                self.on_request(now, Request::Action(method, parameter.map(<[u8]>::to_vec)));
            }
            ClientInput::Release => self.on_release(now),
        }
    }

    fn tick(&mut self, now: Instant) {
        if self.pending.as_ref().is_some_and(|pending| pending.deadline <= now) {
            self.repeat(now);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.pending.as_ref().map(|pending| pending.deadline)
    }

    fn poll(&mut self) -> Option<ClientOutput> {
        self.voice.poll()
    }
}
