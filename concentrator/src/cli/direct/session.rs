//! One association with one meter.

use super::args::{Form, MeterArgs};
use super::carrier::{Carrier, CarrierOutput};
use super::counters::Counters;
use super::fault::{Blame, Fault, not_associated, not_served};
use super::keys::Identity;
use super::line::{Heard, Line};
use super::opening;
use super::trace::{Sender, Trace};
use crate::clock::Monotonic;
use crate::entropy;
use anyhow::{Context, anyhow, bail};
use dlms::apdu::{ActionResult, DataAccessResult};
use dlms::axdr::Data;
use dlms::client::{CipheringForm, ClientConfig, ClientFailure, ClientInput, ClientOutput, Quirks};
use dlms::cosem::{AttributeRequest, LogicalName, MethodRequest};
use dlms::hdlc::ServerStation;
use dlms::security::KeySource;
use plc_core::Instant;
use plc_core::time::Duration;

/// An open association; it is released when it is dropped. So whoever prints what was read does it first: a meter that does not
/// confirm the release keeps nobody from a value, and is told of in the trace only.
pub(super) struct Session {
    carrier: Carrier,
    line: Line,
    clock: Monotonic,
    counters: Option<Counters>,
    trace: Option<Trace>,
    /// Whether there is something to release.
    is_open: bool,
    /// Until when the farewell is waited for, once it is said.
    farewell: Option<Instant>,
}

impl Session {
    /// Connects and associates as the client of the command line.
    pub(super) fn open(args: &MeterArgs) -> anyhow::Result<Self> {
        let identity = Identity::of(args)?;
        if identity.authentication.keys().is_none() {
            return Self::associate(args, &identity, None);
        }
        let state = args.security.state.as_ref();
        let state = state.ok_or_else(|| {
            anyhow!("expected --state, where the invocation counters of this client are kept")
        })?;
        let mut counters = Counters::read(state)?;
        match args.security.counter {
            Some(counter) => counters.begin_with(counter)?,
            None if counters.send.is_none() => counters.send = Some(next_counter(args, identity.client)?),
            None => {}
        }
        Self::associate(args, &identity, Some(counters))
    }

    fn associate(args: &MeterArgs, identity: &Identity, counters: Option<Counters>) -> anyhow::Result<Self> {
        let config = client_config(args, identity, counters.as_ref())?;
        let clock = Monotonic::start();
        let (mut line, carrier) = match (args.wrapper, args.hdlc, &args.serial) {
            (Some(address), _, _) => (Line::tcp(address)?, Carrier::wrapper(config)),
            (None, Some(address), _) => (Line::tcp(address)?, Carrier::hdlc(config, station(args))?),
            (None, None, Some(device)) => {
                (Line::serial(device, args.baud)?, Carrier::hdlc(config, station(args))?)
            }
            (None, None, None) => bail!("expected --wrapper, --hdlc or --serial"),
        };
        if let Some(address) = &args.mode_e {
            opening::open(&mut line, clock, address, args.baud)?;
        }
        let trace = args.trace.then(|| {
            let titles = [Some(identity.title), identity.meter_title];
            Trace::new(args.wrapper.is_none(), identity.authentication.keys(), titles)
        });
        let mut session = Self { carrier, line, clock, counters, trace, is_open: false, farewell: None };
        match session.ask(ClientInput::Connect)? {
            ClientOutput::Connected => session.is_open = true,
            other => return Err(not_associated(&other)),
        }
        Ok(session)
    }

    /// Reads an attribute: one whole encoded value.
    pub(super) fn get(&mut self, request: AttributeRequest) -> anyhow::Result<Vec<u8>> {
        let (name, attribute) = (request.logical_name, request.attribute);
        match self.ask(ClientInput::Get(request))? {
            ClientOutput::Value(value) => Ok(value),
            ClientOutput::AccessResult(result) => Err(refused(name, "attribute", attribute, &result)),
            other => Err(not_served(&other)),
        }
    }

    /// Writes an attribute: one whole encoded value.
    pub(super) fn set(&mut self, request: AttributeRequest, value: &[u8]) -> anyhow::Result<()> {
        let (name, attribute) = (request.logical_name, request.attribute);
        match self.ask(ClientInput::Set(request, value))? {
            ClientOutput::AccessResult(DataAccessResult::Success) => Ok(()),
            ClientOutput::AccessResult(result) => Err(refused(name, "attribute", attribute, &result)),
            other => Err(not_served(&other)),
        }
    }

    /// Invokes a method: what it returns, one whole encoded value.
    pub(super) fn action(
        &mut self,
        method: MethodRequest,
        parameter: Option<&[u8]>,
    ) -> anyhow::Result<Option<Vec<u8>>> {
        let (name, number) = (method.logical_name, method.method);
        match self.ask(ClientInput::Action(method, parameter))? {
            ClientOutput::ActionResult(ActionResult::Success, returned) => Ok(returned),
            ClientOutput::ActionResult(result, _) => Err(refused(name, "method", number, &result)),
            other => Err(not_served(&other)),
        }
    }

    fn release(&mut self) -> anyhow::Result<()> {
        self.farewell = Some(self.clock.now() + FAREWELL);
        self.ask(ClientInput::Release)?;
        // The link is closed behind the association, or whoever comes next over the same line would not be heard.
        while self.carrier.is_linked() {
            while let Some(output) = self.carrier.poll() {
                if let CarrierOutput::Octets(octets) = output {
                    self.send(&octets)?;
                }
            }
            if self.carrier.is_linked() {
                self.wait()?;
            }
        }
        Ok(())
    }

    /// Asks, and waits for the answer.
    fn ask(&mut self, input: ClientInput<'_>) -> anyhow::Result<ClientOutput> {
        self.carrier.ask(self.clock.now(), input);
        loop {
            while let Some(output) = self.carrier.poll() {
                match output {
                    CarrierOutput::Octets(octets) => self.send(&octets)?,
                    CarrierOutput::User(ClientOutput::Persist { reserved_to }) => {
                        self.keep(|counters| counters.reserve(reserved_to))?;
                    }
                    CarrierOutput::User(ClientOutput::ServerCounter(last)) => {
                        self.keep(|counters| counters.hear(last))?;
                    }
                    // Pushes between answers are for listeners.
                    CarrierOutput::User(
                        ClientOutput::DataNotification { .. } | ClientOutput::EventNotification { .. },
                    ) => {}
                    CarrierOutput::User(answer) => {
                        // Whoever does not answer will not answer to a release either.
                        self.is_open &= answer != ClientOutput::Failed(ClientFailure::NoAnswer);
                        return Ok(answer);
                    }
                }
            }
            self.wait()?;
        }
    }

    fn send(&mut self, octets: &[u8]) -> anyhow::Result<()> {
        if let Some(trace) = &mut self.trace {
            trace.on_octets(Sender::Client, octets);
        }
        self.line.send(octets)
    }

    fn keep(&mut self, change: impl FnOnce(&mut Counters) -> anyhow::Result<()>) -> anyhow::Result<()> {
        self.counters.as_mut().map_or(Ok(()), change)
    }

    /// Waits for octets, or for the time of the client's next deadline, which comes whatever is heard.
    fn wait(&mut self) -> anyhow::Result<()> {
        let deadline = self.carrier.deadline().ok_or_else(|| anyhow!("the client waits for nothing"))?;
        if self.farewell.is_some_and(|until| until <= self.clock.now()) {
            bail!("the meter does not confirm within {} s", FAREWELL.as_secs());
        }
        let until = self.farewell.map_or(deadline, |until| until.min(deadline));
        let mut buffer = [0; 4096];
        if let Heard::Octets(len) = self.line.receive(&mut buffer, until.since(self.clock.now()))? {
            if let Some(trace) = &mut self.trace {
                trace.on_octets(Sender::Meter, &buffer[..len]);
            }
            self.carrier.take(self.clock.now(), &buffer[..len])?;
        }
        if deadline <= self.clock.now() {
            self.carrier.tick(self.clock.now());
        }
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(trace) = &self.trace
            && self.carrier.trailing_octets() > 0
        {
            trace.note(&format!(
                "octets behind the end of {} answers, tolerated",
                self.carrier.trailing_octets()
            ));
        }
        if std::mem::take(&mut self.is_open)
            && let Err(error) = self.release()
            && let Some(trace) = &self.trace
        {
            trace.note(&format!("release: {error:#}"));
        }
    }
}

/// The counter with which a client has to begin, as the meter tells the public client.
///
/// Nobody vouches for that number. It is used once, for a client that has never spoken: from then on the own file says
/// which counters are unused.
fn next_counter(args: &MeterArgs, client: u16) -> anyhow::Result<u32> {
    let client_sap = args.companion.map_or(Identity::public().client, |family| family.public_sap);
    let mut public = Session::associate(args, &Identity { client: client_sap, ..Identity::public() }, None)?;
    let own = u8::try_from(client).unwrap_or(0);
    let instance = match args.companion {
        Some(family) => family.counter_of(client),
        None if own == MANAGEMENT => 0,
        None => own,
    };
    let value = match public.get(receive_counter(instance)) {
        Err(_) if instance > 0 => public.get(receive_counter(0)),
        told => told,
    };
    let value =
        value.context("no --state yet, and the meter does not tell its counter: expected --counter")?;
    drop(public);
    let last = Data::from_bytes(&value)?.as_u64().and_then(|last| u32::try_from(last).ok());
    last.and_then(|last| last.checked_add(1))
        .ok_or_else(|| anyhow!("{}: not a counter", receive_counter(0).logical_name))
}

/// Where meters show the public client the highest counter that they have accepted.
const fn receive_counter(instance: u8) -> AttributeRequest {
    AttributeRequest::new(1, LogicalName([0, 0, 43, 1, instance, 255]), 2)
}

fn station(args: &MeterArgs) -> ServerStation {
    args.physical.map_or(ServerStation::Alone, ServerStation::Two)
}

fn client_config(
    args: &MeterArgs,
    identity: &Identity,
    counters: Option<&Counters>,
) -> anyhow::Result<ClientConfig> {
    Ok(ClientConfig {
        client_sap: identity.client,
        server_sap: args.server,
        client_title: identity.title,
        authentication: identity.authentication.clone(),
        ciphering: form(args.security.ciphering),
        first_invocation_counter: counters.and_then(|counters| counters.send).unwrap_or(1),
        counter_block: COUNTER_BLOCK,
        last_server_counter: counters.and_then(|counters| counters.server),
        max_receive_pdu: args.max_pdu,
        max_value_len: MAX_VALUE_LEN,
        response_timeout: Duration::from_secs(args.timeout.into()),
        retries: RETRIES,
        request_limit: Duration::from_secs(args.limit().into()),
        quirks: args.companion.map_or(Quirks::default(), |family| family.quirks),
        seed: entropy::seed()?,
    })
}

const fn form(form: Form) -> CipheringForm {
    match form {
        Form::Glo => CipheringForm::ServiceSpecific,
        Form::GeneralGlo => CipheringForm::General,
        Form::Ded => CipheringForm::Dedicated,
        Form::GeneralDed => CipheringForm::GeneralDedicated,
        Form::General => CipheringForm::GeneralCiphering(KeySource::Identified),
        Form::GeneralWrapped => CipheringForm::GeneralCiphering(KeySource::Wrapped),
        Form::GeneralOnePass => CipheringForm::GeneralCiphering(KeySource::OnePass),
        Form::GeneralStatic => CipheringForm::GeneralCiphering(KeySource::StaticUnified),
    }
}

/// What the meter has said of an object, in the words of the standard.
fn refused(name: LogicalName, what: &str, number: i8, result: &dyn std::fmt::Display) -> anyhow::Error {
    Fault::error(Blame::Refused, format!("{name}, {what} {number}: the meter says {result}"))
}

const MANAGEMENT: u8 = 1;
const COUNTER_BLOCK: u32 = 32;
const MAX_VALUE_LEN: usize = 16 << 20;
const RETRIES: u8 = 1;
/// How long a meter may take to confirm that the association and the link are closed.
const FAREWELL: Duration = Duration::from_secs(2);
