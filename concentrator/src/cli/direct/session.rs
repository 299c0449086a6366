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
use crate::hex::hex;
use anyhow::{Context, anyhow, bail};
use dlms::apdu::{ActionResult, DataAccessResult};
use dlms::axdr::Data;
use dlms::client::{
    CipheringForm, ClientAuthentication, ClientConfig, ClientFailure, ClientInput, ClientOutput, Quirks,
};
use dlms::cosem::{AttributeRequest, ClockTime, LogicalName, MethodRequest};
use dlms::hdlc::ServerStation;
use dlms::security::{KeySource, SystemTitle};
use plc_core::Instant;
use plc_core::time::Duration;
use std::io::{self, Write};

/// An open association; it is released when it is dropped. So whoever prints what was read does it first: a meter that does not
/// confirm the release keeps nobody from a value, and is told of in the trace only.
pub(super) struct Session {
    carrier: Carrier,
    line: Line,
    clock: Monotonic,
    counters: Option<Counters>,
    /// Who the meter has to be.
    expected: Option<Expected>,
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
        let Some(owner) = identity.owner() else { return Self::associate(args, &identity, None) };
        let state = args.security.state.as_ref();
        let state = state.ok_or_else(|| {
            anyhow!("expected --state, where the invocation counters of this client are kept")
        })?;
        let mut counters = Counters::open(state, owner)?;
        let note = match args.security.counter {
            Some(counter) => counters.begin_with(counter)?,
            None if counters.next().is_none() => {
                let told = next_counter(args, &identity).with_context(|| state.display().to_string())?;
                Some(counters.begin_as_told(told))
            }
            None => None,
        };
        if let Some(note) = note {
            writeln!(io::stderr(), "{note}")?;
        }
        Self::associate(args, &identity, Some(counters))
    }

    fn associate(args: &MeterArgs, identity: &Identity, counters: Option<Counters>) -> anyhow::Result<Self> {
        let expected = Expected::of(args, identity, counters.as_ref());
        let authentication = identity.proof(expected.as_ref().map(|expected| expected.title))?;
        let config = client_config(args, identity, authentication, counters.as_ref())?;
        let clock = Monotonic::start();
        let (mut line, carrier) = way(args, config)?;
        if let Some(address) = &args.mode_e {
            opening::open(&mut line, clock, address, args.baud)?;
        }
        let trace = args.trace.then(|| {
            let titles = [Some(identity.title), expected.as_ref().map(|expected| expected.title)];
            Trace::new(args.hdlc.is_some() || args.serial.is_some(), identity.authentication.keys(), titles)
        });
        let mut session =
            Self { carrier, line, clock, counters, expected, trace, is_open: false, farewell: None };
        let answer = session.ask(ClientInput::Connect)?;
        session.check_title()?;
        match answer {
            ClientOutput::Connected => session.is_open = true,
            other => return Err(not_associated(&other, &session.carrier)),
        }
        session.meet(identity)?;
        Ok(session)
    }

    /// Whether the meter says that it is the one that was expected.
    fn check_title(&self) -> anyhow::Result<()> {
        match (&self.expected, self.carrier.client().server_title()) {
            (Some(expected), Some(title)) => expected.check(title),
            _ => Ok(()),
        }
    }

    /// The meter has proved who it is, or is to be believed: the counters are those with it from now on.
    fn meet(&mut self, identity: &Identity) -> anyhow::Result<()> {
        let said = self.carrier.client().server_title();
        let known = identity.is_pre_established().then_some(self.expected.as_ref()).flatten();
        let Some(title) = said.or(known.map(|expected| expected.title)) else { return Ok(()) };
        self.keep(|counters| counters.meet(title))
    }

    /// Reads an attribute: one whole encoded value.
    pub(super) fn get(&mut self, request: AttributeRequest) -> anyhow::Result<Vec<u8>> {
        let (name, attribute) = (request.logical_name, request.attribute);
        match self.ask(ClientInput::Get(request))? {
            ClientOutput::Value(value) => Ok(value),
            ClientOutput::AccessResult(result) => Err(refused(name, "attribute", attribute, &result)),
            other => Err(not_served(&other, &self.carrier)),
        }
    }

    /// Writes an attribute: one whole encoded value.
    pub(super) fn set(&mut self, request: AttributeRequest, value: &[u8]) -> anyhow::Result<()> {
        let (name, attribute) = (request.logical_name, request.attribute);
        match self.ask(ClientInput::Set(request, value))? {
            ClientOutput::AccessResult(DataAccessResult::Success) => Ok(()),
            ClientOutput::AccessResult(result) => Err(refused(name, "attribute", attribute, &result)),
            other => Err(not_served(&other, &self.carrier)),
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
            other => Err(not_served(&other, &self.carrier)),
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
                        self.check_title()?;
                        self.keep(|counters| counters.hear(last))?;
                    }
                    // Pushes between answers are for listeners.
                    CarrierOutput::User(ClientOutput::DataNotification { .. }) => {}
                    CarrierOutput::User(ClientOutput::EventNotification { time, attribute, value }) => {
                        writeln!(io::stderr(), "{}", notified(time.as_ref(), &attribute, &value))?;
                    }
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
        self.show(Sender::Client, octets);
        self.line.send(octets)
    }

    fn show(&mut self, sender: Sender, octets: &[u8]) {
        match (&mut self.trace, &self.carrier) {
            (Some(trace), Carrier::Datagrams(..)) => trace.on_datagram(sender, octets),
            (Some(trace), _) => trace.on_octets(sender, octets),
            (None, _) => {}
        }
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
        // A datagram that is longer loses its end.
        let mut buffer = [0; 65_535];
        if let Heard::Octets(len) = self.line.receive(&mut buffer, until.since(self.clock.now()))? {
            self.show(Sender::Meter, &buffer[..len]);
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
            && self.carrier.client().counters().trailing_octets > 0
        {
            let answers = self.carrier.client().counters().trailing_octets;
            trace.note(&format!("octets behind the end of {answers} answers, tolerated"));
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
fn next_counter(args: &MeterArgs, identity: &Identity) -> anyhow::Result<u32> {
    let public = Identity::public();
    let (client, meter_title) = (identity.client, identity.meter_title);
    let client_sap = args.companion.map_or(public.client, |family| family.public_sap);
    let mut public = Session::associate(args, &Identity { client: client_sap, meter_title, ..public }, None)?;
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
        value.context("no such file yet, and the meter does not tell its counter: expected --counter with a number above all that were used")?;
    drop(public);
    let last = Data::from_bytes(&value)?.as_u64().and_then(|last| u32::try_from(last).ok());
    last.and_then(|last| last.checked_add(1))
        .ok_or_else(|| anyhow!("{}: not a counter", receive_counter(0).logical_name))
}

/// Where meters show the public client the highest counter that they have accepted.
const fn receive_counter(instance: u8) -> AttributeRequest {
    AttributeRequest::new(1, LogicalName([0, 0, 43, 1, instance, 255]), 2)
}

/// The line to the meter, and who speaks over it.
fn way(args: &MeterArgs, config: ClientConfig) -> anyhow::Result<(Line, Carrier)> {
    Ok(match (args.wrapper, args.udp, args.hdlc, &args.serial) {
        (Some(address), ..) => (Line::tcp(address)?, Carrier::wrapper(config)),
        (_, Some(address), ..) => (Line::udp(address)?, Carrier::datagrams(config)),
        (_, _, Some(address), _) => {
            let carrier = Carrier::hdlc(config, station(args)?)?;
            (Line::tcp(address)?, carrier)
        }
        (_, _, _, Some(device)) => {
            let carrier = Carrier::hdlc(config, station(args)?)?;
            (Line::serial(device, args.baud)?, carrier)
        }
        (None, None, None, None) => bail!("expected --wrapper, --udp, --hdlc or --serial"),
    })
}

fn station(args: &MeterArgs) -> anyhow::Result<ServerStation> {
    let physical = args.physical;
    match (args.address_length(), physical, physical.and_then(|lower| u8::try_from(lower).ok())) {
        (1, None, _) => Ok(ServerStation::Alone),
        (2, _, Some(lower)) => Ok(ServerStation::Two(lower)),
        (4, Some(lower), _) => Ok(ServerStation::Four(lower)),
        (1, Some(_), _) => {
            bail!("--address-length 1: expected no --physical, which has no room in one octet")
        }
        (length, None, _) => bail!("--address-length {length}: expected --physical"),
        (length, Some(lower), _) => bail!("--address-length {length}: --physical {lower}: expected 1 to 127"),
    }
}

/// Who the meter has to be, and who says so.
struct Expected {
    title: SystemTitle,
    by: String,
}

impl Expected {
    fn of(args: &MeterArgs, identity: &Identity, counters: Option<&Counters>) -> Option<Self> {
        if let Some(title) = identity.meter_title {
            let keys = args.security.keys.as_ref().filter(|_| args.meter_title.is_none());
            let by = keys.map_or(String::from("--meter-title"), |keys| keys.display().to_string());
            return Some(Self { title, by });
        }
        let counters = counters?;
        Some(Self { title: counters.meter()?, by: counters.path().display().to_string() })
    }

    fn check(&self, said: SystemTitle) -> anyhow::Result<()> {
        if said == self.title {
            return Ok(());
        }
        let (said, expected, by) = (hex(&said), hex(&self.title), &self.by);
        Err(Fault::error(
            Blame::Stranger,
            format!("another meter: its system title is {said}, expected {expected} as {by} says"),
        ))
    }
}

fn client_config(
    args: &MeterArgs,
    identity: &Identity,
    authentication: ClientAuthentication,
    counters: Option<&Counters>,
) -> anyhow::Result<ClientConfig> {
    Ok(ClientConfig {
        client_sap: identity.client,
        server_sap: args.server,
        client_title: identity.title,
        authentication,
        ciphering: form(args.security.ciphering),
        first_invocation_counter: counters.and_then(Counters::next).unwrap_or(1),
        counter_block: COUNTER_BLOCK,
        last_server_counter: counters.and_then(Counters::server),
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

/// What a meter has told of itself while it was asked for something else.
fn notified(time: Option<&ClockTime>, attribute: &AttributeRequest, value: &[u8]) -> String {
    let value = Data::from_bytes(value).map_or_else(|_| hex(value), |value| value.to_string());
    let time = time.map(|time| format!(", {time}")).unwrap_or_default();
    format!("the meter notifies: {attribute}: {value}{time}")
}

const MANAGEMENT: u8 = 1;
const COUNTER_BLOCK: u32 = 32;
const MAX_VALUE_LEN: usize = 16 << 20;
const RETRIES: u8 = 1;
/// How long a meter may take to confirm that the association and the link are closed.
const FAREWELL: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_between_answers_is_told_with_its_object_value_and_time() {
        let alarm = AttributeRequest::new(1, LogicalName([0, 0, 97, 98, 20, 255]), 2);
        assert_eq!(
            notified(None, &alarm, &[6, 0, 0, 0, 2]),
            "the meter notifies: 1/0-0:97.98.20.255 attribute 2: 2"
        );
        let time = ClockTime::from_utc(plc_core::Utc::from_secs(0), 0, dlms::cosem::ClockStatus::OK);
        assert!(notified(Some(&time), &alarm, &[0x99]).ends_with(&format!("attribute 2: 99, {time}")));
    }
}
