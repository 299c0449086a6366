//! One association with one meter over TCP.

use super::carrier::{Carrier, CarrierOutput};
use super::keys::{Counters, Keys};
use crate::cli::args::MeterArgs;
use crate::clock::Monotonic;
use crate::entropy;
use anyhow::{Context, anyhow, bail};
use dlms::axdr::Data;
use dlms::client::{
    CipheringForm, ClientAuthentication, ClientConfig, ClientFailure, ClientInput, ClientOutput,
};
use dlms::cosem::{AttributeRequest, LogicalName};
use dlms::hdlc::ServerStation;
use plc_core::time::Duration;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// An open association.
pub(super) struct Session {
    carrier: Carrier,
    socket: TcpStream,
    clock: Monotonic,
    counters: Option<Counters>,
}

impl Session {
    /// Connects and associates: as the public client, or with keys as the management client.
    pub(super) fn open(args: &MeterArgs) -> anyhow::Result<Self> {
        let (Some(path), Some(state)) = (&args.keys, &args.state) else {
            return Self::associate(args, client_config(args, None, None)?, None);
        };
        let (keys, mut counters) = (Keys::read(path)?, Counters::read(state)?);
        if counters.send.is_none() {
            counters.send = Some(next_counter(args)?);
        }
        let config = client_config(args, Some(keys), Some(&counters))?;
        Self::associate(args, config, Some(counters))
    }

    fn associate(args: &MeterArgs, config: ClientConfig, counters: Option<Counters>) -> anyhow::Result<Self> {
        let (address, carrier) = match (args.wrapper, args.hdlc) {
            (Some(address), _) => (address, Carrier::wrapper(config)),
            (None, Some(address)) => {
                let station = args.physical.map_or(ServerStation::Alone, ServerStation::Two);
                (address, Carrier::hdlc(config, station)?)
            }
            (None, None) => bail!("expected --wrapper or --hdlc"),
        };
        let socket = connect(address)?;
        let mut session = Self { carrier, socket, clock: Monotonic::start(), counters };
        match session.ask(ClientInput::Connect)? {
            ClientOutput::Connected => Ok(session),
            other => Err(unexpected(&other)),
        }
    }

    /// Reads an attribute: one whole encoded value.
    pub(super) fn get(&mut self, request: AttributeRequest) -> anyhow::Result<Vec<u8>> {
        let (name, attribute) = (request.logical_name, request.attribute);
        match self.ask(ClientInput::Get(request))? {
            ClientOutput::Value(value) => Ok(value),
            ClientOutput::AccessResult(result) => {
                Err(anyhow!("{name}, attribute {attribute}: the meter says {result:?}"))
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Closes the association. What was read is read, whether the meter confirms or not.
    pub(super) fn close(mut self) {
        let _ = self.ask(ClientInput::Release);
    }

    /// Asks, and waits for the answer.
    fn ask(&mut self, input: ClientInput<'_>) -> anyhow::Result<ClientOutput> {
        self.carrier.ask(self.clock.now(), input);
        loop {
            while let Some(output) = self.carrier.poll() {
                match output {
                    CarrierOutput::Octets(octets) => self.socket.write_all(&octets)?,
                    CarrierOutput::User(ClientOutput::Persist { reserved_to }) => {
                        self.keep(|counters| counters.send = Some(reserved_to))?;
                    }
                    CarrierOutput::User(ClientOutput::ServerCounter(last)) => {
                        self.keep(|counters| counters.server = Some(last))?;
                    }
                    CarrierOutput::User(answer) => return Ok(answer),
                }
            }
            self.wait()?;
        }
    }

    fn keep(&mut self, change: impl FnOnce(&mut Counters)) -> anyhow::Result<()> {
        let Some(counters) = &mut self.counters else { return Ok(()) };
        change(counters);
        counters.write()
    }

    /// Waits for octets, or for the time of the client's next deadline.
    fn wait(&mut self) -> anyhow::Result<()> {
        let deadline = self.carrier.deadline().ok_or_else(|| anyhow!("the client waits for nothing"))?;
        let wait = deadline.since(self.clock.now());
        self.socket.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
        let mut buffer = [0; 4096];
        match self.socket.read(&mut buffer) {
            Ok(0) => bail!("the meter has closed the connection"),
            Ok(len) => self.carrier.take(self.clock.now(), &buffer[..len]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                self.carrier.tick(self.clock.now());
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The counter with which the management client has to begin, as the meter tells the public client.
///
/// Nobody vouches for that number. It is used once, for a client that has never spoken: from then on the own file says
/// which counters are unused.
fn next_counter(args: &MeterArgs) -> anyhow::Result<u32> {
    let mut public = Session::associate(args, client_config(args, None, None)?, None)?;
    let value =
        public.get(RECEIVE_COUNTER).context("no --state yet, and the meter does not tell its counter")?;
    public.close();
    let last = Data::from_bytes(&value)?.as_u64().and_then(|last| u32::try_from(last).ok());
    last.and_then(|last| last.checked_add(1))
        .ok_or_else(|| anyhow!("{}: not a counter", RECEIVE_COUNTER.logical_name))
}

fn client_config(
    args: &MeterArgs,
    keys: Option<Keys>,
    counters: Option<&Counters>,
) -> anyhow::Result<ClientConfig> {
    let (client_title, authentication, client_sap) = match keys {
        None => ([0; 8], ClientAuthentication::None, PUBLIC_CLIENT),
        Some(keys) => (
            keys.client_title,
            ClientAuthentication::HlsGmac { keys: keys.suite },
            args.client.unwrap_or(MANAGEMENT_CLIENT),
        ),
    };
    Ok(ClientConfig {
        client_sap,
        server_sap: args.server,
        client_title,
        authentication,
        ciphering: CipheringForm::ServiceSpecific,
        first_invocation_counter: counters.and_then(|counters| counters.send).unwrap_or(1),
        counter_block: COUNTER_BLOCK,
        last_server_counter: counters.and_then(|counters| counters.server),
        max_receive_pdu: MAX_PDU,
        max_value_len: MAX_VALUE_LEN,
        response_timeout: RESPONSE_TIMEOUT,
        retries: RETRIES,
        seed: entropy::seed()?,
    })
}

fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let socket = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT);
    let socket = socket.map_err(|error| anyhow!("{address}: {error}, expected a meter"))?;
    socket.set_nodelay(true)?;
    socket.set_write_timeout(Some(CONNECT_TIMEOUT))?;
    Ok(socket)
}

/// What the meter has said instead, in one line.
fn unexpected(output: &ClientOutput) -> anyhow::Error {
    match output {
        ClientOutput::Failed(ClientFailure::NoAnswer) => anyhow!("the meter does not answer"),
        ClientOutput::Failed(ClientFailure::Rejected(result, diagnostic)) => {
            anyhow!("the meter refuses the association: {result:?}, {diagnostic:?}")
        }
        ClientOutput::Failed(ClientFailure::Exception(exception)) => anyhow!("the meter says {exception:?}"),
        ClientOutput::Failed(failure) => anyhow!("{failure:?}"),
        other => anyhow!("unexpected: {other:?}"),
    }
}

const RECEIVE_COUNTER: AttributeRequest = AttributeRequest::new(1, LogicalName([0, 0, 43, 1, 0, 255]), 2);
const PUBLIC_CLIENT: u16 = 16;
const MANAGEMENT_CLIENT: u16 = 1;
const COUNTER_BLOCK: u32 = 32;
const MAX_PDU: u16 = 4096;
const MAX_VALUE_LEN: usize = 16 << 20;
/// Above all that a link below spends on its own retries.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(15);
const RETRIES: u8 = 1;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
