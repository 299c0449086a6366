//! The client: one association with one server, one request at a time.
//!
//! Datagrams may be lost, doubled and reordered. An unanswered request is repeated with a new
//! invocation counter and a new invoke-id; answers are taken only with a counter above all earlier ones
//! and an invoke-id of the request under way.

mod config;
mod exchange;
mod handshake;

pub use config::{
    CipheringForm, ClientAuthentication, ClientConfig, ClientFailure, ClientInput, ClientOutput,
};
pub(crate) use handshake::{REPLY_TO_HLS, proof, verify};

use crate::apdu::{
    Aare, ActionResponse, Ciphered, Envelope, ExceptionResponse, GetResponse, Pdu, SetResponse, is_ciphered,
};
use crate::invocation::{CounterExhausted, InvocationCounter, ReceiveCounter};
use crate::security::{SPECIFIC, Suite0, SystemTitle, open, seal};
use crate::specs::apdu_tag;
use crate::wrapper::Wpdu;
use alloc::vec::Vec;
use exchange::{Exchange, Request, Step};
use handshake::Handshake;
use plc_core::{Instant, Machine, Outbox};
use rand_core::Rng;

/// Repetitions of a request are bounded so that those of two requests in a row have different numbers.
const RETRIES_MAX: u8 = 7;

/// Datagrams that were not taken, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientCounters {
    /// Not the wrapper PDU of an APDU that is expected from this server now.
    pub malformed: u64,
    /// A counter that is not above all earlier ones.
    pub replayed: u64,
    /// A wrong tag, title or protection.
    pub unauthentic: u64,
    /// Answers to other requests, or that came twice.
    pub unexpected: u64,
    /// Requests that were repeated.
    pub repeated: u64,
}

/// One association with one server, over datagrams that may be lost, doubled and reordered.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    send: InvocationCounter,
    receive: ReceiveCounter,
    told_counter: Option<u32>,
    challenges: plc_core::seed::Stream,
    server_title: Option<SystemTitle>,
    is_open: bool,
    pending: Option<Pending>,
    number: u8,
    counters: ClientCounters,
    out: Outbox<ClientOutput, 16>,
}

/// The request under way.
#[derive(Debug)]
struct Pending {
    job: Job,
    left: u8,
    deadline: Instant,
    hint: ClientFailure,
}

#[derive(Debug)]
enum Job {
    Associate(Handshake),
    Prove { handshake: Handshake, issued: u16 },
    Exchange(Exchange),
    Release,
}

impl Client {
    /// A client that is not connected.
    pub fn new(config: ClientConfig) -> Self {
        Self {
            send: InvocationCounter::new(config.first_invocation_counter, config.counter_block),
            receive: ReceiveCounter::new(config.last_server_counter),
            told_counter: config.last_server_counter,
            challenges: config.seed.stream(),
            server_title: None,
            is_open: false,
            pending: None,
            number: 0,
            counters: ClientCounters::default(),
            out: Outbox::new(),
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
        (held, self.config.max_value_len)
    }

    fn on_connect(&mut self, now: Instant) {
        let mut challenge = [0; 16];
        self.challenges.fill_bytes(&mut challenge);
        self.is_open = false;
        self.begin(now, Job::Associate(Handshake::new(challenge)));
    }

    fn on_request(&mut self, now: Instant, request: Request) {
        if self.is_open {
            let value_max = self.config.max_value_len;
            self.begin(now, Job::Exchange(Exchange::new(request, value_max)));
        } else {
            self.fail(ClientFailure::WrongState);
        }
    }

    fn on_release(&mut self, now: Instant) {
        if self.is_open { self.begin(now, Job::Release) } else { self.fail(ClientFailure::WrongState) }
    }

    fn begin(&mut self, now: Instant, job: Job) {
        if self.pending.is_some() {
            return self.fail(ClientFailure::Busy);
        }
        let repeatable = !matches!(&job, Job::Exchange(exchange) if !exchange.is_repeatable());
        let left = if repeatable { self.config.retries.min(RETRIES_MAX) } else { 0 };
        self.pending = Some(Pending { job, left, deadline: now, hint: ClientFailure::NoAnswer });
        self.transmit(now);
    }

    /// Sends what the pending job wants sent now, and waits for an answer.
    fn transmit(&mut self, now: Instant) {
        let Some(mut pending) = self.pending.take() else { return };
        pending.deadline = now + self.config.response_timeout.max(core::time::Duration::from_millis(1));
        match self.apdu(&mut pending.job) {
            Ok(apdu) => {
                self.pending = Some(pending);
                self.send_apdu(&apdu);
            }
            Err(CounterExhausted) => self.fail(ClientFailure::CounterExhausted),
        }
    }

    fn apdu(&mut self, job: &mut Job) -> Result<Vec<u8>, CounterExhausted> {
        match job {
            Job::Associate(handshake) => {
                let counter = self.send_counter()?;
                Ok(handshake.aarq(&self.config, counter))
            }
            Job::Prove { handshake, issued } => self.pass_3(handshake, issued),
            Job::Exchange(exchange) => {
                let fresh = if exchange.needs_fresh() { self.next_number() } else { self.number };
                let plain = exchange.apdu(fresh);
                self.sealed(plain)
            }
            Job::Release => {
                let counter = self.send_counter()?;
                Ok(handshake::rlrq(&self.config, counter))
            }
        }
    }

    fn pass_3(&mut self, handshake: &Handshake, issued: &mut u16) -> Result<Vec<u8>, CounterExhausted> {
        let number = self.next_number();
        *issued |= 1 << number;
        let inner = self.send_counter()?;
        let plain = match self.keys() {
            Some(keys) => handshake.pass_3(keys, &self.config.client_title, inner, number),
            None => Vec::new(),
        };
        self.sealed(plain)
    }

    /// The next counter; a new block is told before it is used. Without keys there is none.
    fn send_counter(&mut self) -> Result<u32, CounterExhausted> {
        if self.keys().is_none() {
            return Ok(0);
        }
        let (counter, persist) = self.send.next()?;
        if let Some(reserved_to) = persist {
            self.out.push(ClientOutput::Persist { reserved_to });
        }
        Ok(counter)
    }

    fn sealed(&mut self, plain: Vec<u8>) -> Result<Vec<u8>, CounterExhausted> {
        let counter = self.send_counter()?;
        let form = match self.config.ciphering {
            CipheringForm::ServiceSpecific => SPECIFIC,
            CipheringForm::General => Envelope::General(None),
        };
        Ok(match self.keys() {
            None => plain,
            Some(keys) => seal(keys, &self.config.client_title, counter, &plain, form),
        })
    }

    fn send_apdu(&mut self, apdu: &[u8]) {
        let (source, destination) = (self.config.client_sap, self.config.server_sap);
        if apdu.len() > usize::from(u16::MAX) {
            self.pending = None;
            return self.fail(ClientFailure::TooLong);
        }
        self.out.push(ClientOutput::Datagram(Wpdu { source, destination, apdu }.to_vec()));
    }

    fn next_number(&mut self) -> u8 {
        self.number = (self.number + 1) & 0x0F;
        self.number
    }

    const fn keys(&self) -> Option<&Suite0> {
        match &self.config.authentication {
            ClientAuthentication::None => None,
            ClientAuthentication::HlsGmac { keys } => Some(keys),
        }
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
            Some(&tag) if is_ciphered(tag) => self.on_ciphered(now, apdu),
            Some(_) if self.keys().is_none() => self.on_service(now, apdu),
            _ => self.counters.unauthentic += 1,
        }
    }

    fn on_aare(&mut self, now: Instant, apdu: &[u8]) {
        let Ok(aare) = Aare::from_bytes(apdu) else { return self.counters.malformed += 1 };
        let Some(Pending { job: Job::Associate(handshake), .. }) = &mut self.pending else {
            return self.counters.unexpected += 1;
        };
        match handshake.on_aare(&self.config, &aare) {
            Ok(accepted) => match accepted.proof {
                None => self.on_connected(),
                Some((title, counter)) => self.on_accepted(now, title, counter),
            },
            Err(failure) => self.on_refusal(failure),
        }
    }

    fn on_accepted(&mut self, now: Instant, title: SystemTitle, counter: u32) {
        if !self.receive.is_fresh(counter) {
            return self.counters.replayed += 1;
        }
        self.receive.accept(counter);
        self.server_title = Some(title);
        if let Some(Pending { job: Job::Associate(handshake), .. }) = self.pending.take() {
            self.begin(now, Job::Prove { handshake, issued: 0 });
        }
    }

    fn on_connected(&mut self) {
        self.is_open = true;
        self.done(ClientOutput::Connected);
    }

    fn on_rlre(&mut self) {
        if matches!(self.pending, Some(Pending { job: Job::Release, .. })) {
            self.on_released();
        } else {
            self.counters.unexpected += 1;
        }
    }

    fn on_released(&mut self) {
        self.is_open = false;
        self.done(ClientOutput::Released);
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

    fn on_ciphered(&mut self, now: Instant, apdu: &[u8]) {
        let Ok(ciphered) = Ciphered::from_bytes(apdu) else { return self.counters.malformed += 1 };
        let (Some(keys), Some(title)) = (self.keys(), &self.server_title) else {
            return self.counters.unexpected += 1;
        };
        if !self.receive.is_fresh(ciphered.counter) {
            return self.counters.replayed += 1;
        }
        let Ok(plain) = open(keys, title, &ciphered) else { return self.counters.unauthentic += 1 };
        self.receive.accept(ciphered.counter);
        self.on_service(now, &plain);
    }

    fn on_service(&mut self, now: Instant, apdu: &[u8]) {
        match &self.pending {
            Some(Pending { job: Job::Prove { .. }, .. }) => self.on_pass_4(apdu),
            Some(Pending { job: Job::Exchange(_), .. }) => self.on_answer(now, apdu),
            _ => self.counters.unexpected += 1,
        }
    }

    fn on_pass_4(&mut self, apdu: &[u8]) {
        let Some(Pending { job: Job::Prove { handshake, issued }, .. }) = &self.pending else { return };
        let mine = |response: &ActionResponse<'_>| issued & 1 << response.invoke_id.number() != 0;
        let Some(response) = ActionResponse::from_bytes(apdu).ok().filter(mine) else {
            return self.counters.unexpected += 1;
        };
        let (Some(keys), Some(title)) = (self.keys(), &self.server_title) else { return };
        if handshake.is_proved(keys, title, &response) {
            self.on_connected();
        } else {
            self.done(ClientOutput::Failed(ClientFailure::Authentication));
        }
    }

    fn on_answer(&mut self, now: Instant, apdu: &[u8]) {
        let Some(Pending { job: Job::Exchange(exchange), .. }) = &mut self.pending else { return };
        let step = match apdu.first() {
            Some(&apdu_tag::GET_RESPONSE) => {
                GetResponse::from_bytes(apdu).map(|r| exchange.on_get_response(&r))
            }
            Some(&apdu_tag::SET_RESPONSE) => {
                SetResponse::from_bytes(apdu).map(|r| exchange.on_set_response(r))
            }
            Some(&apdu_tag::ACTION_RESPONSE) => {
                ActionResponse::from_bytes(apdu).map(|r| exchange.on_action_response(&r))
            }
            _ => Ok(Step::Ignore),
        };
        match step {
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
        if pending.left > 0 {
            pending.left -= 1;
            self.counters.repeated += 1;
            return self.transmit(now);
        }
        match pending.job {
            Job::Release => self.on_released(),
            _ => {
                let hint = pending.hint;
                self.done(ClientOutput::Failed(hint));
            }
        }
    }

    /// The pending request is answered.
    fn done(&mut self, output: ClientOutput) {
        self.pending = None;
        let last = self.receive.last();
        if let Some(last) = last.filter(|_| last != self.told_counter) {
            self.told_counter = Some(last);
            self.out.push(ClientOutput::ServerCounter(last));
        }
        self.out.push(output);
    }

    fn fail(&mut self, failure: ClientFailure) {
        self.out.push(ClientOutput::Failed(failure));
    }
}

impl Machine for Client {
    type Input<'a> = ClientInput<'a>;
    type Output = ClientOutput;

    fn handle(&mut self, now: Instant, input: ClientInput<'_>) {
        match input {
            ClientInput::Datagram(bytes) => self.on_datagram(now, bytes),
            _ if self.pending.is_some() => self.fail(ClientFailure::Busy),
            ClientInput::Connect => self.on_connect(now),
            ClientInput::Get(attribute) => self.on_request(now, Request::Get(attribute)),
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
        self.out.pop()
    }
}
