//! The client: one association with one server, one request at a time.
//!
//! Datagrams may be lost, doubled and reordered. An unanswered request is repeated with a new
//! invocation counter and a new invoke-id; answers are taken only with a counter above all earlier ones
//! and an invoke-id of the request under way.

mod config;
mod counters;
mod ear;
mod exchange;
mod failure;
mod fault;
mod handshake;
mod hearing;
mod listening;
mod pending;
mod quirks;
mod request;
mod sending;
mod voice;

pub use config::{
    CipheringForm, ClientAuthentication, ClientConfig, ClientFailure, ClientInput, ClientOutput,
};
pub use counters::ClientCounters;
pub use fault::{AareFault, AnswerFault};
pub(crate) use handshake::{REPLY_TO_HLS, octet_string, octets_in};
pub use quirks::{Quirks, TrailingOctets};

use crate::apdu::{Conformance, LongInvokeId};
use crate::block_transfer::BlockTransfer;
use crate::invocation::InvocationCounter;
use crate::security::{SecurityContext, SystemTitle};
use crate::specs::get::LIST_MAX;
use alloc::vec::Vec;
use core::time::Duration;
use ear::Ear;
use exchange::{Exchange, Step};
use handshake::Handshake;
use pending::{Job, Pending, ServerTerms};
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
    /// The title that the server has said last.
    said_title: Option<SystemTitle>,
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
            said_title: None,
            counters: ClientCounters::default(),
            config,
        }
    }

    /// Send counters below `reserved_to` need no reservation any more: one from before, of which some were left.
    pub fn with_reserved(mut self, reserved_to: u32) -> Self {
        self.voice.reserve(reserved_to);
        self
    }

    /// The first send counter that was not used.
    pub const fn next_send_counter(&self) -> u64 {
        self.voice.next_counter()
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

    /// The title that the server has said of itself in answer to the AARQ. It is proved once the association is open, where keys or
    /// HLS prove anything.
    pub const fn server_title(&self) -> Option<SystemTitle> {
        self.said_title
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
        (self.is_open, self.said_title) = (false, None);
        if let Some(title) = self.config.authentication.pre_established() {
            self.ear.on_known(title);
            return self.on_connected();
        }
        let handshake = Handshake::new(&self.config, &mut self.voice.entropy);
        self.begin(now, Job::Associate(handshake));
    }

    fn on_connected(&mut self) {
        self.is_open = true;
        self.done(ClientOutput::Connected);
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
            Some(None) => self.fail(ClientFailure::NotAValue),
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

    fn on_step(&mut self, now: Instant, step: Step) {
        match step {
            Step::Stray(fault) => self.on_stray(fault),
            Step::Next => {
                if let Some(pending) = &mut self.pending {
                    pending.progressed(&self.config);
                }
                self.transmit(now);
            }
            Step::Restart => self.repeat(now),
            Step::Done(output) => self.done(output),
        }
    }

    /// Gives up what is not done in the time that it may take in all, whatever was heard meanwhile.
    fn expire(&mut self, now: Instant) {
        if let Some(pending) = self.pending.take_if(|pending| pending.limit <= now) {
            let output = pending.timed_out();
            self.is_open &= output != ClientOutput::Released;
            self.done(output);
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
            ClientInput::Datagram(bytes) => {
                self.expire(now);
                self.on_datagram(now, bytes);
            }
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
        self.expire(now);
        if self.pending.as_ref().is_some_and(|pending| pending.deadline <= now) {
            self.repeat(now);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.pending.as_ref().map(|pending| pending.deadline.min(pending.limit))
    }

    fn poll(&mut self) -> Option<ClientOutput> {
        self.voice.poll()
    }
}
