//! Client against server in memory: over a line that loses, doubles and reorders, and under attack.
#![allow(clippy::unwrap_used, clippy::panic)]

use dlms::apdu::{Ciphered, Conformance, DataAccessResult, Pdu};
use dlms::axdr::{Data, Encoder};
use dlms::classes::profile::{self, ProfileDescription, RowSource, Rows, SortMethod};
use dlms::client::*;
use dlms::cosem::{
    AttributeRequest, CaptureObject, ClockStatus, ClockTime, LogicalName, MethodRequest, Selector,
};
use dlms::security::Suite0;
use dlms::server::*;
use dlms::wrapper::Wpdu;
use plc_core::laws::{self, Durability, Subject};
use plc_core::seed::uniform;
use plc_core::{Instant, Machine, Seed, Utc};
use proptest::prelude::*;
use std::time::Duration;

const ENERGY: LogicalName = LogicalName([1, 0, 1, 8, 0, 255]);
const PROFILE: LogicalName = LogicalName([1, 0, 99, 1, 0, 255]);
const PEER: u16 = 7;
const COLUMNS: [CaptureObject; 4] = [
    CaptureObject::CLOCK,
    CaptureObject::new(3, LogicalName([1, 0, 1, 8, 0, 255]), 2),
    CaptureObject::new(3, LogicalName([1, 0, 2, 8, 0, 255]), 2),
    CaptureObject::new(3, LogicalName([1, 0, 32, 7, 0, 255]), 2),
];

/// A meter whose every reading differs from the one before: mixed readings show.
#[derive(Default)]
struct Meter {
    reading: u64,
    written: Vec<u8>,
    invoked: u32,
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
        _: &mut Encoder<'_>,
    ) -> Result<(), dlms::apdu::ActionResult> {
        self.invoked += 1;
        Ok(())
    }
}

fn keys() -> Suite0 {
    Suite0::new(
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        &std::array::from_fn(|n| 0xD0 + n as u8),
    )
}

fn client_config(secure: bool, seed: u64) -> ClientConfig {
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
        seed: Seed::from_u64(seed),
    }
}

fn server_config() -> ServerConfig {
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
        report_security_errors: false,
        seed: Seed::from_u64(99),
    }
}

/// How a line treats datagrams, in per cent.
#[derive(Clone, Copy)]
struct Line {
    loss: u32,
    doubling: u32,
    delay_max_ms: u32,
}

const PERFECT: Line = Line { loss: 0, doubling: 0, delay_max_ms: 1 };

struct World {
    now: Instant,
    client: Client,
    server: Server,
    meter: Meter,
    line: Line,
    random: plc_core::seed::Stream,
    flying: Vec<(Instant, bool, Vec<u8>)>,
    events: Vec<ClientOutput>,
    sent: Vec<(bool, Vec<u8>)>,
    client_durable: u32,
    server_durable: u32,
    alerts: Vec<ServerEvent>,
}

impl World {
    fn new(secure: bool, line: Line, seed: u64) -> Self {
        Self::with(client_config(secure, seed), line, seed)
    }

    fn with(config: ClientConfig, line: Line, seed: u64) -> Self {
        Self {
            now: Instant::from_secs(1),
            client: Client::new(config),
            server: Server::new(server_config()),
            meter: Meter::default(),
            line,
            random: Seed::from_u64(seed).stream(),
            flying: Vec::new(),
            events: Vec::new(),
            sent: Vec::new(),
            client_durable: 1,
            server_durable: 1,
            alerts: Vec::new(),
        }
    }

    fn send(&mut self, to_server: bool, bytes: Vec<u8>) {
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

    fn drain(&mut self) {
        while let Some(output) = self.client.poll() {
            match output {
                ClientOutput::Datagram(bytes) => self.send(true, bytes),
                ClientOutput::Persist { reserved_to } => self.client_durable = reserved_to,
                ClientOutput::ServerCounter(_) => {}
                event => self.events.push(event),
            }
        }
        while let Some(output) = self.server.poll() {
            match output {
                ServerOutput::Datagram { bytes, .. } => self.send(false, bytes),
                ServerOutput::Persist(ServerPersist::SendCounter { reserved_to }) => {
                    self.server_durable = reserved_to
                }
                ServerOutput::Persist(_) => {}
                ServerOutput::Event(event) => self.alerts.push(event),
            }
        }
    }

    /// Runs until the request is answered.
    fn ask(&mut self, input: ClientInput<'_>) -> ClientOutput {
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

    fn step(&mut self) {
        let due = self.flying.iter().position(|flight| flight.0 <= self.now);
        if let Some(at) = due {
            let (_, to_server, bytes) = self.flying.remove(at);
            self.deliver(to_server, &bytes);
        } else {
            self.client.tick(self.now);
            self.drain();
        }
    }

    fn deliver(&mut self, to_server: bool, bytes: &[u8]) {
        if to_server {
            self.server.serve(self.now, PEER, bytes, &mut self.meter);
        } else {
            self.client.handle(self.now, ClientInput::Datagram(bytes));
        }
        self.drain();
    }

    /// Gives `bytes` to the server and returns what it answers at once.
    fn probe(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let before = self.sent.len();
        self.deliver(true, bytes);
        self.flying.clear();
        self.sent[before..].iter().map(|(_, bytes)| bytes.clone()).collect()
    }
}

fn energy() -> AttributeRequest {
    AttributeRequest::new(3, ENERGY, 2)
}

fn buffer() -> AttributeRequest {
    AttributeRequest::new(7, PROFILE, 2)
}

/// All rows of a buffer must come from one reading, in order, none missing.
fn check_profile(value: &[u8], rows: usize) -> u64 {
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

#[test]
fn a_secure_association_reads_writes_acts_and_ends() {
    for ciphering in [CipheringForm::ServiceSpecific, CipheringForm::General] {
        let mut world = World::with(ClientConfig { ciphering, ..client_config(true, 1) }, PERFECT, 1);
        assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
        assert_eq!(world.alerts, [ServerEvent::Associated { client_sap: 1 }]);
        let ClientOutput::Value(value) = world.ask(ClientInput::Get(energy())) else { panic!("a value") };
        assert_eq!(Data::from_bytes(&value).unwrap().as_u64(), Some(1));
        let written = world.ask(ClientInput::Set(energy(), &[9, 2, 5, 6]));
        assert_eq!(written, ClientOutput::AccessResult(DataAccessResult::Success));
        assert_eq!(world.meter.written, [5, 6]);
        let reset = MethodRequest { class_id: 3, logical_name: ENERGY, method: 1 };
        let acted = world.ask(ClientInput::Action(reset, None));
        assert_eq!(acted, ClientOutput::ActionResult(dlms::apdu::ActionResult::Success, None));
        assert_eq!(world.ask(ClientInput::Release), ClientOutput::Released);
        assert_eq!(world.ask(ClientInput::Get(energy())), ClientOutput::Failed(ClientFailure::WrongState));
        let tag = if ciphering == CipheringForm::General { 0xDB } else { 0xCC };
        let answers = world.sent.iter().filter(|(to_server, bytes)| !to_server && bytes[8] == tag).count();
        assert!(answers > 0, "the server answers in the form asked");
    }
}

#[test]
fn a_day_of_rows_goes_in_blocks_that_keep_to_the_size_of_the_client() {
    for secure in [false, true] {
        let mut world = World::new(secure, PERFECT, 2);
        world.ask(ClientInput::Connect);
        let ClientOutput::Value(value) = world.ask(ClientInput::Get(buffer())) else { panic!("a value") };
        assert_eq!(check_profile(&value, 96), 1);
        let answers = world.sent.iter().filter(|(to_server, _)| !to_server);
        assert!(answers.clone().count() > 20);
        assert!(answers.clone().all(|(_, bytes)| bytes.len() <= 200 + 8));
    }
}

#[test]
fn a_range_and_entries_choose_rows_and_columns() {
    let mut world = World::new(true, PERFECT, 3);
    world.ask(ClientInput::Connect);
    let at = |row: i64| ClockTime::from_utc(Utc::from_secs(row * 900), -60, ClockStatus::OK);
    let mut count = |selector: Selector| {
        let request = AttributeRequest { selector: Some(selector), ..buffer() };
        match world.ask(ClientInput::Get(request)) {
            ClientOutput::Value(value) => {
                let rows = Rows::from_value(&value).unwrap();
                Ok((rows.len(), rows.iter().next().map_or(0, |row| row.count())))
            }
            other => Err(other),
        }
    };
    assert_eq!(count(Selector::between(at(10), at(12))), Ok((3, 4)));
    assert_eq!(count(Selector::between(at(12), at(10))), Ok((0, 0)));
    let entry = |from_entry, to_entry, from_column, to_column| Selector::Entry {
        from_entry,
        to_entry,
        from_column,
        to_column,
    };
    assert_eq!(count(entry(1, 1, 2, 2)), Ok((1, 1)));
    assert_eq!(count(entry(90, 0, 1, 0)), Ok((7, 4)));
    assert_eq!(count(entry(90, 4_000_000_000, 3, 60_000)), Ok((7, 2)));
    assert!(count(entry(0, 5, 1, 0)).is_err());
    let two = Selector::Range {
        restricting: CaptureObject::CLOCK,
        from: dlms::cosem::Bound::Time(at(0)),
        to: dlms::cosem::Bound::Time(ClockTime::UNSPECIFIED),
        columns: vec![COLUMNS[3], COLUMNS[1]],
    };
    assert_eq!(count(two), Ok((96, 2)));
}

#[test]
fn the_built_in_objects_can_be_read() {
    let mut world = World::new(true, PERFECT, 4);
    world.ask(ClientInput::Connect);
    let name = |last| LogicalName([0, 0, last, 0, 0, 255]);
    for (class_id, logical_name, attributes) in [(15, name(40), 11), (17, name(41), 2), (64, name(43), 6)] {
        for attribute in 1..=attributes {
            let request = AttributeRequest::new(class_id, logical_name, attribute);
            let answer = world.ask(ClientInput::Get(request));
            assert!(matches!(answer, ClientOutput::Value(_)), "{class_id} {attribute}: {answer:?}");
        }
    }
    let list = AttributeRequest::new(15, name(40), 2);
    let ClientOutput::Value(list) = world.ask(ClientInput::Get(list)) else { panic!("a list") };
    assert_eq!(Data::from_bytes(&list).unwrap().as_array().unwrap().len(), 5);
}

#[test]
fn rights_classes_and_names_are_checked() {
    let mut world = World::new(false, PERFECT, 5);
    world.ask(ClientInput::Connect);
    let mut get = |class_id, name, attribute| {
        world.ask(ClientInput::Get(AttributeRequest::new(class_id, name, attribute)))
    };
    let refused = ClientOutput::AccessResult;
    assert_eq!(get(1, ENERGY, 2), refused(DataAccessResult::ObjectClassInconsistent));
    assert_eq!(get(3, LogicalName([9; 6]), 2), refused(DataAccessResult::ObjectUndefined));
    assert_eq!(get(3, ENERGY, 9), refused(DataAccessResult::ReadWriteDenied));
    assert_eq!(get(3, ENERGY, -1), refused(DataAccessResult::ReadWriteDenied));
    assert_eq!(world.ask(ClientInput::Set(energy(), &[0])), refused(DataAccessResult::ReadWriteDenied));
}

#[test]
fn every_recorded_datagram_is_refused_when_it_is_played_again() {
    let mut world = World::new(true, PERFECT, 6);
    world.ask(ClientInput::Connect);
    world.ask(ClientInput::Set(energy(), &[9, 1, 1]));
    world.meter.written.clear();
    let recorded: Vec<_> = world.sent.iter().filter(|sent| sent.0).map(|sent| sent.1.clone()).collect();
    for bytes in &recorded {
        assert!(world.probe(bytes).is_empty());
    }
    assert!(world.meter.written.is_empty());
    assert_eq!(world.server.counters().replayed, recorded.len() as u64);
    assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)), "the session lives on");
}

#[test]
fn nothing_unprotected_is_served_on_a_ciphered_association() {
    let mut world = World::new(true, PERFECT, 7);
    world.ask(ClientInput::Connect);
    let wrap = |apdu: &[u8]| Wpdu { source: 1, destination: 1, apdu }.to_vec();
    let get = [0xC0, 1, 0x41, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0];
    let read = world.meter.reading;
    assert_eq!(world.probe(&wrap(&get)), [wrap(&[0xD8, 1, 1])]);
    for control in [dlms::security::Control::AUTHENTICATED, dlms::security::Control::ENCRYPTED] {
        let text = keys().protect(control, b"PLCDC001", 500, &get).unwrap();
        let envelope = dlms::apdu::Envelope::Specific(0xC8);
        let apdu = Ciphered { envelope, control, counter: 500, text: &text }.to_vec();
        assert!(world.probe(&wrap(&apdu)).is_empty());
    }
    let plain_aarq = dlms::apdu::Aarq {
        context: dlms::apdu::ApplicationContext::LOGICAL_NAMES,
        client_title: None,
        mechanism: None,
        authentication_value: None,
        user_information: Some(&dlms::apdu::InitiateRequest::new(Conformance::OURS, 0).to_vec()),
    };
    let answers = world.probe(&wrap(&plain_aarq.to_vec()));
    let aare = Wpdu::from_bytes(&answers[0]).unwrap().apdu.to_vec();
    let aare = dlms::apdu::Aare::from_bytes(&aare).unwrap();
    assert_eq!(aare.result, dlms::apdu::AssociationResult::RejectedPermanent);
    assert!(world.probe(&wrap(&[0x62, 3, 0x80, 1, 0])).is_empty(), "an unprotected release ends nothing");
    assert_eq!(world.meter.reading, read);
    assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)));
}

#[test]
fn other_keys_open_nothing_and_own_titles_are_refused() {
    let wrong = ClientAuthentication::HlsGmac { keys: Suite0::new(&[1; 16], &[2; 16]) };
    let mut world = World::with(ClientConfig { authentication: wrong, ..client_config(true, 8) }, PERFECT, 8);
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Failed(ClientFailure::NoAnswer));
    assert_eq!(world.server.counters().unauthentic, 6);
    let mirrored = ClientConfig { client_title: *b"MTR00001", ..client_config(true, 8) };
    let mut world = World::with(mirrored, PERFECT, 8);
    assert!(matches!(world.ask(ClientInput::Connect), ClientOutput::Failed(ClientFailure::Rejected(..))));
}

#[test]
fn without_an_association_nothing_is_read() {
    let mut world = World::new(false, PERFECT, 9);
    let get = [0xC0, 1, 0x41, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0];
    let wrap = |source, apdu: &[u8]| Wpdu { source, destination: 1, apdu }.to_vec();
    assert_eq!(
        world.probe(&wrap(16, &get)),
        [Wpdu { source: 1, destination: 16, apdu: &[0xD8, 1, 1] }.to_vec()]
    );
    assert!(world.probe(&wrap(77, &get)).is_empty());
    assert_eq!((world.meter.reading, world.server.counters().unknown_client), (0, 1));
}

#[test]
fn counters_survive_restarts_of_both_ends() {
    let mut world = World::new(true, PERFECT, 10);
    let mut used = std::collections::BTreeSet::new();
    for life in 0..5 {
        assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
        assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)));
        for (to_server, bytes) in world.sent.drain(..) {
            let wpdu = Wpdu::from_bytes(&bytes).unwrap();
            if let Ok(ciphered) = Ciphered::from_bytes(wpdu.apdu) {
                assert!(
                    used.insert((to_server, ciphered.counter)),
                    "counter {} came twice",
                    ciphered.counter
                );
            }
        }
        let first_invocation_counter = world.client_durable;
        world.client =
            Client::new(ClientConfig { first_invocation_counter, ..client_config(true, 20 + life) });
        let first_invocation_counter = world.server_durable;
        world.server = Server::new(ServerConfig { first_invocation_counter, ..server_config() });
    }
}

/// Asks for much over a bad line: what arrives is right, whatever is lost.
fn survive(secure: bool, line: Line, seed: u64) -> u32 {
    let mut world = World::new(secure, line, seed);
    let mut values = 0;
    let mut highest = 0;
    for round in 0..12 {
        if !world.client.is_open() && world.ask(ClientInput::Connect) != ClientOutput::Connected {
            continue;
        }
        let (before, request) = (world.meter.reading, if round % 3 == 0 { buffer() } else { energy() });
        let ClientOutput::Value(value) = world.ask(ClientInput::Get(request.clone())) else { continue };
        let reading = match request.class_id {
            7 => check_profile(&value, 96),
            _ => Data::from_bytes(&value).unwrap().as_u64().unwrap(),
        };
        assert!(
            reading > before.min(highest) && reading <= world.meter.reading,
            "a value of an earlier request"
        );
        assert!(reading > before, "a value from before the request");
        highest = reading;
        values += 1;
    }
    values
}

#[test]
fn a_moderately_bad_line_still_brings_most_values() {
    let line = Line { loss: 10, doubling: 10, delay_max_ms: 3_000 };
    let values: u32 = (0..10).map(|seed| survive(true, line, seed)).sum();
    assert!(values > 100, "{values} of 120");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_bad_line_never_brings_a_wrong_value(
        secure: bool, loss in 0u32..40, doubling in 0u32..50, delay_max_ms in 1u32..25_000, seed: u64,
    ) {
        survive(secure, Line { loss, doubling, delay_max_ms }, seed);
    }
}

/// A step of the laws of the server: a datagram made from a recorded one, or from nothing.
#[derive(Clone, Debug)]
struct Shot {
    recorded: usize,
    changes: Vec<(usize, u8)>,
    random: Option<Vec<u8>>,
    peer: u16,
}

fn shots() -> impl Strategy<Value = Vec<(Duration, Shot)>> {
    let changes = prop::collection::vec((any::<usize>(), any::<u8>()), 0..3);
    let random = prop::option::weighted(0.2, prop::collection::vec(any::<u8>(), 0..60));
    let shot = (any::<usize>(), changes, random, 0u16..3)
        .prop_map(|(recorded, changes, random, peer)| Shot { recorded, changes, random, peer });
    prop::collection::vec(((0u64..2_000_000).prop_map(Duration::from_millis), shot), 0..40)
}

fn ammunition(shot: &Shot, recorded: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = match &shot.random {
        Some(bytes) => bytes.clone(),
        None => recorded[shot.recorded % recorded.len()].clone(),
    };
    let len = bytes.len().max(1);
    shot.changes.iter().for_each(|&(at, octet)| {
        if let Some(place) = bytes.get_mut(at % len) {
            *place = octet;
        }
    });
    bytes
}

/// Everything that was sent to a server in one session of each kind.
fn recording(to_server: bool) -> Vec<Vec<u8>> {
    let mut recorded = Vec::new();
    for secure in [true, false] {
        let mut world = World::new(secure, PERFECT, 11);
        world.ask(ClientInput::Connect);
        world.ask(ClientInput::Get(buffer()));
        world.ask(ClientInput::Get(energy()));
        world.ask(ClientInput::Release);
        recorded.extend(world.sent.into_iter().filter(|sent| sent.0 == to_server).map(|sent| sent.1));
    }
    recorded
}

struct ServerLaws(Vec<Vec<u8>>);

impl Subject for ServerLaws {
    type Machine = Server;
    type Step = Shot;
    fn build(&self) -> Server {
        Server::new(ServerConfig { report_security_errors: true, max_sessions: 2, ..server_config() })
    }
    fn apply(&self, server: &mut Server, now: Instant, shot: &Shot) {
        server.serve(now, shot.peer, &ammunition(shot, &self.0), &mut Meter::default());
    }
    fn describe(&self, output: &ServerOutput) -> String {
        format!("{output:?}")
    }
    fn durability(&self, output: &ServerOutput) -> Durability {
        match output {
            ServerOutput::Persist(ServerPersist::SendCounter { reserved_to }) => {
                Durability::Persists(u64::from(*reserved_to))
            }
            ServerOutput::Datagram { bytes, .. } => counter_of(bytes),
            _ => Durability::Free,
        }
    }
    fn durable_at_start(&self) -> u64 {
        1
    }
    fn occupancy(&self, server: &Server) -> (usize, usize) {
        server.occupancy()
    }
}

fn counter_of(bytes: &[u8]) -> Durability {
    let apdu = Wpdu::from_bytes(bytes).unwrap().apdu;
    Ciphered::from_bytes(apdu).map_or(Durability::Free, |c| Durability::ReliesOn(u64::from(c.counter)))
}

struct ClientLaws(Vec<Vec<u8>>, bool);

impl Subject for ClientLaws {
    type Machine = Client;
    type Step = Shot;
    fn build(&self) -> Client {
        Client::new(client_config(self.1, 11))
    }
    fn apply(&self, client: &mut Client, now: Instant, shot: &Shot) {
        match shot.peer {
            0 => client.handle(now, ClientInput::Connect),
            1 if shot.recorded.is_multiple_of(4) => client.handle(now, ClientInput::Get(buffer())),
            _ => client.handle(now, ClientInput::Datagram(&ammunition(shot, &self.0))),
        }
    }
    fn describe(&self, output: &ClientOutput) -> String {
        format!("{output:?}")
    }
    fn durability(&self, output: &ClientOutput) -> Durability {
        match output {
            ClientOutput::Persist { reserved_to } => Durability::Persists(u64::from(*reserved_to)),
            ClientOutput::Datagram(bytes) => counter_of(bytes),
            _ => Durability::Free,
        }
    }
    fn durable_at_start(&self) -> u64 {
        1
    }
    fn occupancy(&self, client: &Client) -> (usize, usize) {
        client.occupancy()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_server_keeps_the_laws(steps in shots()) {
        prop_assert_eq!(laws::check(&ServerLaws(recording(true)), &steps), Ok(()));
    }

    #[test]
    fn the_client_keeps_the_laws(steps in shots(), secure: bool) {
        prop_assert_eq!(laws::check(&ClientLaws(recording(false), secure), &steps), Ok(()));
    }
}
