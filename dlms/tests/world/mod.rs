//! Client and server in memory, and the line between them.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

pub(crate) mod certificates;
pub(crate) mod insider;
pub(crate) mod security;

use dlms::apdu::{ActionResult, Ciphered, DataAccessResult, Pdu};
use dlms::axdr::{Data, Encoder};
use dlms::classes::profile::{self, ProfileDescription, RowSource, Rows, SortMethod};
use dlms::client::*;
use dlms::cosem::{AttributeRequest, CaptureObject, ClockStatus, ClockTime, LogicalName, MethodRequest};
use dlms::security::Suite0;
use dlms::server::*;
use dlms::wrapper::Wpdu;
use plc_core::seed::uniform;
use plc_core::{Instant, Machine, Seed, Utc};
use std::time::Duration;

pub(crate) const ENERGY: LogicalName = LogicalName([1, 0, 1, 8, 0, 255]);
pub(crate) const PROFILE: LogicalName = LogicalName([1, 0, 99, 1, 0, 255]);
pub(crate) const PEER: u16 = 7;
pub(crate) const COLUMNS: [CaptureObject; 4] = [
    CaptureObject::CLOCK,
    CaptureObject::new(3, LogicalName([1, 0, 1, 8, 0, 255]), 2),
    CaptureObject::new(3, LogicalName([1, 0, 2, 8, 0, 255]), 2),
    CaptureObject::new(3, LogicalName([1, 0, 32, 7, 0, 255]), 2),
];

/// A meter whose every reading differs from the one before: mixed readings show.
#[derive(Default)]
pub(crate) struct Meter {
    pub(crate) reading: u64,
    pub(crate) written: Vec<u8>,
    pub(crate) invoked: u32,
    /// Octets that the method returns.
    pub(crate) returned_len: usize,
    pub(crate) utc: Option<Utc>,
}

struct Day(u64);

impl RowSource for Day {
    fn rows(&self) -> u32 {
        96
    }
    fn key(&self, row: u32, column: usize) -> Option<i64> {
        (column == 0).then_some(i64::from(row) * 900)
    }
    fn cell(&self, row: u32, column: usize, out: &mut Encoder<'_>) {
        match column {
            0 => {
                out.clock_time(&ClockTime::from_utc(Utc::from_secs(i64::from(row) * 900), 0, ClockStatus::OK))
            }
            _ => out.u64(self.0 * 1000 + u64::from(row)),
        }
    }
}

impl ObjectModel for Meter {
    fn object(&self, index: usize, association: &AssociationContext) -> Option<ObjectEntry> {
        let writable = if association.access == Access::Management { 1 << 2 } else { 0 };
        [
            ObjectEntry::read_only(3, 0, ENERGY, 3).writable(writable).methods(1, 1 << 1),
            ObjectEntry::read_only(7, 1, PROFILE, 8),
        ]
        .get(index)
        .copied()
    }
    fn utc(&self, _: Instant) -> Option<Utc> {
        self.utc
    }
    fn get(
        &mut self,
        request: &AttributeRequest,
        _: &AssociationContext,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        self.reading += 1;
        if request.logical_name == ENERGY {
            out.u64(self.reading);
            return Ok(());
        }
        let description = ProfileDescription {
            logical_name: PROFILE,
            capture_objects: &COLUMNS,
            capture_period_s: 900,
            sort_method: SortMethod::Fifo,
            profile_entries: 96,
        };
        profile::encode(request.attribute, request.selector.as_ref(), &description, &Day(self.reading), out)
    }
    fn set(
        &mut self,
        _: &AttributeRequest,
        value: &Data<'_>,
        _: &AssociationContext,
    ) -> Result<(), DataAccessResult> {
        self.written = value.as_octets().ok_or(DataAccessResult::TypeUnmatched)?.to_vec();
        Ok(())
    }
    fn action(
        &mut self,
        _: &MethodRequest,
        _: Option<&Data<'_>>,
        _: &AssociationContext,
        out: &mut Encoder<'_>,
    ) -> Result<(), ActionResult> {
        self.invoked += 1;
        if self.returned_len > 0 {
            out.octet_string(&vec![7; self.returned_len]);
        }
        Ok(())
    }
}

pub(crate) fn keys() -> Suite0 {
    Suite0::new(
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        &std::array::from_fn(|n| 0xD0 + n as u8),
    )
}

pub(crate) fn client_config(secure: bool, seed: u64) -> ClientConfig {
    ClientConfig {
        client_sap: if secure { 1 } else { 16 },
        server_sap: 1,
        client_title: *b"PLCDC001",
        authentication: if secure {
            ClientAuthentication::HlsGmac { keys: keys() }
        } else {
            ClientAuthentication::None
        },
        ciphering: CipheringForm::ServiceSpecific,
        first_invocation_counter: 1,
        counter_block: 10,
        last_server_counter: None,
        max_receive_pdu: 200,
        max_value_len: 10_000,
        response_timeout: Duration::from_secs(10),
        retries: 5,
        request_limit: Duration::from_secs(3600),
        quirks: Quirks::default(),
        seed: Seed::from_u64(seed),
    }
}

pub(crate) fn server_config() -> ServerConfig {
    let hls = ServerAuthentication::HlsGmac { keys: keys(), last_client_counter: None };
    ServerConfig {
        server_sap: 1,
        server_title: *b"MTR00001",
        logical_device_name: *b"MTR0000000000001",
        associations: vec![
            AssociationConfig {
                client_sap: 1,
                authentication: hls,
                access: Access::Management,
                pre_established: false,
            },
            AssociationConfig {
                client_sap: 16,
                authentication: ServerAuthentication::None,
                access: Access::Public,
                pre_established: false,
            },
        ],
        max_pdu: 1024,
        max_value_len: 10_000,
        max_sessions: 4,
        first_invocation_counter: 1,
        counter_block: 10,
        session_timeout: Duration::from_secs(3600),
        max_failed_proofs: 3,
        lockout: Duration::from_secs(600),
        security_errors: SecurityErrors::Silent,
        seed: Seed::from_u64(99),
    }
}

/// How a line treats datagrams, in per cent.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    pub(crate) loss: u32,
    pub(crate) doubling: u32,
    pub(crate) delay_max_ms: u32,
}

pub(crate) const PERFECT: Line = Line { loss: 0, doubling: 0, delay_max_ms: 1 };

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) client: Client,
    pub(crate) server: Server,
    pub(crate) meter: Meter,
    pub(crate) line: Line,
    pub(crate) random: plc_core::seed::Stream,
    pub(crate) flying: Vec<(Instant, bool, Vec<u8>)>,
    pub(crate) events: Vec<ClientOutput>,
    pub(crate) sent: Vec<(bool, Vec<u8>)>,
    pub(crate) client_durable: u32,
    pub(crate) server_durable: u32,
    pub(crate) alerts: Vec<ServerEvent>,
    /// What the server made durable besides its send counter.
    pub(crate) records: Vec<ServerPersist>,
    /// Whether the last record came before the datagram that was sent last.
    pub(crate) persisted_before_answer: bool,
}

impl World {
    pub(crate) fn new(secure: bool, line: Line, seed: u64) -> Self {
        Self::with(client_config(secure, seed), line, seed)
    }

    pub(crate) fn with(config: ClientConfig, line: Line, seed: u64) -> Self {
        Self::between(config, server_config(), line, seed)
    }

    pub(crate) fn between(config: ClientConfig, server: ServerConfig, line: Line, seed: u64) -> Self {
        Self {
            now: Instant::from_secs(1),
            client_durable: config.first_invocation_counter,
            server_durable: server.first_invocation_counter,
            client: Client::new(config),
            server: Server::new(server),
            meter: Meter::default(),
            line,
            random: Seed::from_u64(seed).stream(),
            flying: Vec::new(),
            events: Vec::new(),
            sent: Vec::new(),
            alerts: Vec::new(),
            records: Vec::new(),
            persisted_before_answer: false,
        }
    }

    pub(crate) fn send(&mut self, to_server: bool, bytes: Vec<u8>) {
        self.check_counter(to_server, &bytes);
        self.sent.push((to_server, bytes.clone()));
        let copies = if uniform(&mut self.random, 100) < self.line.loss { 0 } else { 1 };
        let copies = copies + u32::from(copies == 1 && uniform(&mut self.random, 100) < self.line.doubling);
        for _ in 0..copies {
            let delay = uniform(&mut self.random, self.line.delay_max_ms);
            self.flying.push((self.now + Duration::from_millis(delay.into()), to_server, bytes.clone()));
        }
    }

    /// Whatever is on the line uses a counter that was made durable before.
    fn check_counter(&self, to_server: bool, bytes: &[u8]) {
        let apdu = Wpdu::from_bytes(bytes).unwrap().apdu;
        if let Ok(ciphered) = Ciphered::from_bytes(apdu) {
            let durable = if to_server { self.client_durable } else { self.server_durable };
            assert!(ciphered.counter < durable, "counter {} is not durable", ciphered.counter);
        }
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.client.poll() {
            match output {
                ClientOutput::Datagram(bytes) => self.send(true, bytes),
                ClientOutput::Persist { reserved_to } => self.client_durable = reserved_to,
                ClientOutput::ServerCounter(_) => {}
                event => self.events.push(event),
            }
        }
        let mut recorded = false;
        while let Some(output) = self.server.poll() {
            match output {
                ServerOutput::Datagram { bytes, .. } => {
                    self.persisted_before_answer |= recorded;
                    self.send(false, bytes);
                }
                ServerOutput::Persist(ServerPersist::SendCounter { reserved_to }) => {
                    self.server_durable = reserved_to
                }
                ServerOutput::Persist(record) => {
                    recorded = true;
                    self.records.push(record);
                }
                ServerOutput::Event(event) => self.alerts.push(event),
            }
        }
    }

    /// Runs until the request is answered.
    pub(crate) fn ask(&mut self, input: ClientInput<'_>) -> ClientOutput {
        self.client.handle(self.now, input);
        self.drain();
        while self.events.is_empty() {
            let arrival = self.flying.iter().map(|flight| flight.0).min();
            let next = [arrival, self.client.deadline()].into_iter().flatten().min().expect("somebody waits");
            self.now = self.now.max(next);
            self.step();
        }
        self.events.remove(0)
    }

    pub(crate) fn step(&mut self) {
        let due = self.flying.iter().position(|flight| flight.0 <= self.now);
        if let Some(at) = due {
            let (_, to_server, bytes) = self.flying.remove(at);
            self.deliver(to_server, &bytes);
        } else {
            self.client.tick(self.now);
            self.drain();
        }
    }

    pub(crate) fn deliver(&mut self, to_server: bool, bytes: &[u8]) {
        if to_server {
            self.server.serve(self.now, PEER, bytes, &mut self.meter);
        } else {
            self.client.handle(self.now, ClientInput::Datagram(bytes));
        }
        self.drain();
    }

    /// Gives `bytes` to the server and returns what it answers at once.
    pub(crate) fn probe(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let before = self.sent.len();
        self.deliver(true, bytes);
        self.flying.clear();
        self.sent[before..].iter().map(|(_, bytes)| bytes.clone()).collect()
    }
}

pub(crate) fn energy() -> AttributeRequest {
    AttributeRequest::new(3, ENERGY, 2)
}

pub(crate) fn buffer() -> AttributeRequest {
    AttributeRequest::new(7, PROFILE, 2)
}

/// All rows of a buffer must come from one reading, in order, none missing.
pub(crate) fn check_profile(value: &[u8], rows: usize) -> u64 {
    let buffer = Rows::from_value(value).expect("an array of structures");
    assert_eq!(buffer.len(), rows);
    let mut readings: Vec<u64> = Vec::new();
    for (n, row) in buffer.iter().enumerate() {
        let cells: Vec<_> = row.collect();
        assert_eq!(cells.len(), 4);
        assert_eq!(cells[0].as_clock_time().unwrap().utc(), Some(Utc::from_secs(n as i64 * 900)));
        readings.extend(cells[1..].iter().map(|cell| cell.as_u64().unwrap() - n as u64));
    }
    readings.dedup();
    assert_eq!(readings.len(), 1, "rows of several readings");
    readings[0] / 1000
}

pub(crate) fn reset() -> MethodRequest {
    MethodRequest { class_id: 3, logical_name: ENERGY, method: 1 }
}

/// A datagram for the server.
pub(crate) fn wrap(source: u16, apdu: &[u8]) -> Vec<u8> {
    Wpdu { source, destination: 1, apdu }.to_vec()
}

/// The APDU in a datagram.
pub(crate) fn unwrap(bytes: &[u8]) -> &[u8] {
    Wpdu::from_bytes(bytes).unwrap().apdu
}

/// The management association with this security, and its client.
pub(crate) fn secured(
    (client, server): (ClientAuthentication, ServerAuthentication),
    ciphering: CipheringForm,
) -> (ClientConfig, ServerConfig) {
    let client =
        ClientConfig { authentication: client, ciphering, max_receive_pdu: 600, ..client_config(true, 1) };
    let mut config = server_config();
    config.associations[0].authentication = server;
    (client, config)
}

impl World {
    /// Another client asks for something and gets this answer.
    pub(crate) fn converse_with(
        &mut self,
        client: &mut Client,
        input: ClientInput<'_>,
        expected: &ClientOutput,
    ) {
        client.handle(self.now, input);
        let mut answered = None;
        while let Some(output) = client.poll() {
            match output {
                ClientOutput::Datagram(bytes) => {
                    let peer = client.config().client_sap;
                    self.server.serve(self.now, peer, &bytes, &mut self.meter);
                }
                ClientOutput::Persist { .. } | ClientOutput::ServerCounter(_) => {}
                event => answered = Some(event),
            }
            while let Some(output) = self.server.poll() {
                if let ServerOutput::Datagram { bytes, .. } = output {
                    client.handle(self.now, ClientInput::Datagram(&bytes));
                }
            }
        }
        assert_eq!(answered.as_ref(), Some(expected));
    }
}
