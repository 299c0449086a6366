//! A meter on a desk, read over TCP, with the wrapper and with HDLC.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use dlms::apdu::ActionResult;
use dlms::axdr::Data;
use dlms::classes::profile::Rows;
use dlms::client::*;
use dlms::cosem::{AttributeRequest, ClockStatus, ClockTime, LogicalName, MethodRequest, Selector};
use dlms::hdlc::*;
use dlms::security::Suite0;
use dlms::wrapper::WpduStream;
use plc_core::time::Duration;
use plc_core::{Instant, Machine, Seed, Utc};
use sim::desk::*;
use std::net::{IpAddr, Ipv4Addr};

/// Where every client is that is nowhere else.
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const MIDNIGHT: i64 = 1_795_305_600;
const IMPORT: AttributeRequest = AttributeRequest::new(3, LogicalName([1, 0, 1, 8, 0, 255]), 2);
const LDN: AttributeRequest = AttributeRequest::new(1, LogicalName([0, 0, 42, 0, 0, 255]), 2);
const POWER: AttributeRequest = AttributeRequest::new(3, LogicalName([1, 0, 1, 7, 0, 255]), 2);
const VOLTAGE: AttributeRequest = AttributeRequest::new(3, LogicalName([1, 0, 32, 7, 0, 255]), 2);
const PROFILE: AttributeRequest = AttributeRequest::new(7, LogicalName([1, 0, 99, 1, 0, 255]), 2);

fn desk_config(hdlc_address: Address) -> DeskConfig {
    DeskConfig {
        customer: 3,
        seed: 1,
        history_days: 2,
        hdlc_address,
        state: None,
        notified: Some(1),
        plan: TestPlan::default(),
    }
}

fn desk(now: Instant) -> Desk {
    Desk::new(desk_config(Address::two(1, 17).unwrap()), now, Utc::from_secs(MIDNIGHT)).unwrap()
}

fn client_config(secure: bool, first_invocation_counter: u32) -> ClientConfig {
    let keys = Suite0::new(&std::array::from_fn(|n| n as u8), &std::array::from_fn(|n| 0xD0 + n as u8));
    ClientConfig {
        client_sap: if secure { 1 } else { 16 },
        server_sap: 1,
        client_title: *b"PLCDC001",
        authentication: if secure {
            ClientAuthentication::HlsGmac { keys }
        } else {
            ClientAuthentication::None
        },
        ciphering: CipheringForm::ServiceSpecific,
        first_invocation_counter,
        counter_block: 100,
        last_server_counter: None,
        max_receive_pdu: 500,
        max_value_len: 100_000,
        response_timeout: Duration::from_secs(30),
        retries: 2,
        request_limit: Duration::from_secs(3600),
        quirks: Quirks::default(),
        seed: Seed::from_u64(u64::from(first_invocation_counter)),
    }
}

/// A client at the desk, over either carrier. Octets arrive at once, in pieces of a few.
enum Guest {
    Wrapper(Client, WpduStream),
    Hdlc(HdlcClient),
}

impl Guest {
    fn wrapper(secure: bool) -> Self {
        Self::Wrapper(Client::new(client_config(secure, 1)), WpduStream::new(2000))
    }

    fn hdlc(secure: bool) -> Self {
        Self::Hdlc(
            HdlcClient::new(HdlcClientConfig {
                client: client_config(secure, 1),
                server: ServerStation::Two(17),
                parameters: Parameters::symmetric(256, 4),
                link_timeout: Duration::from_secs(2),
                link_retries: 3,
                poll_interval: Duration::from_secs(5),
                inter_octet_timeout: Duration::from_secs(1),
            })
            .unwrap(),
        )
    }

    const fn kind(&self) -> CarrierKind {
        match self {
            Self::Wrapper(..) => CarrierKind::Wrapper,
            Self::Hdlc(_) => CarrierKind::Hdlc,
        }
    }

    fn ask(&mut self, now: Instant, desk: &mut Desk, input: ClientInput<'_>) -> ClientOutput {
        match self {
            Self::Wrapper(client, _) => client.handle(now, input),
            Self::Hdlc(client) => client.handle(now, HdlcClientInput::User(input)),
        }
        for _ in 0..10_000 {
            match self.poll() {
                Some(Ok(octets)) => octets
                    .chunks(7)
                    .for_each(|octets| desk.handle(now, DeskInput::Octets { connection: 1, octets })),
                Some(Err(ClientOutput::Persist { .. } | ClientOutput::ServerCounter(_))) => {}
                Some(Err(event)) => return event,
                None => self.take(now, desk),
            }
        }
        panic!("no answer");
    }

    /// The next octets to send, or what the user is told.
    fn poll(&mut self) -> Option<Result<Vec<u8>, ClientOutput>> {
        Some(match self {
            Self::Wrapper(client, _) => match client.poll()? {
                ClientOutput::Datagram(bytes) => Ok(bytes),
                event => Err(event),
            },
            Self::Hdlc(client) => match client.poll()? {
                HdlcClientOutput::Octets(octets) => Ok(octets),
                HdlcClientOutput::User(event) => Err(event),
                other => panic!("{other:?}"),
            },
        })
    }

    fn take(&mut self, now: Instant, desk: &mut Desk) {
        while let Some(output) = desk.poll() {
            let DeskOutput::Octets { connection: 1, octets } = output else { continue };
            match self {
                Self::Wrapper(client, stream) => {
                    let mut rest = &octets[..];
                    while let Some(pdu) = stream.take(&mut rest).unwrap() {
                        client.handle(now, ClientInput::Datagram(&pdu));
                    }
                }
                Self::Hdlc(client) => client.handle(now, HdlcClientInput::Octets(&octets)),
            }
        }
    }
}

#[test]
fn both_carriers_bring_the_same_registers_and_the_same_profile() {
    let mut answers = Vec::new();
    for mut guest in [Guest::wrapper(true), Guest::hdlc(true)] {
        let now = Instant::from_secs(10 * 86_400);
        let mut desk = desk(now);
        desk.handle(now, DeskInput::Opened { connection: 1, kind: guest.kind(), host: HOST });
        assert_eq!(guest.ask(now, &mut desk, ClientInput::Connect), ClientOutput::Connected);
        let ClientOutput::Value(energy) = guest.ask(now, &mut desk, ClientInput::Get(IMPORT)) else {
            panic!()
        };
        let at = |s| ClockTime::from_utc(Utc::from_secs(s), 0, ClockStatus::OK);
        let selector = Some(Selector::between(at(MIDNIGHT - 86_400 + 1), at(MIDNIGHT)));
        let day = ClientInput::Get(AttributeRequest { selector, ..PROFILE });
        let ClientOutput::Value(day) = guest.ask(now, &mut desk, day) else { panic!() };
        assert_eq!(Rows::from_value(&day).unwrap().len(), 96);
        assert!(Data::from_bytes(&energy).unwrap().as_u64().unwrap() > 0);
        answers.push((energy, day));
    }
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn the_meter_measures_while_it_is_served() {
    let mut now = Instant::from_secs(10 * 86_400);
    let mut desk = desk(now);
    let mut guest = Guest::wrapper(true);
    desk.handle(now, DeskInput::Opened { connection: 1, kind: CarrierKind::Wrapper, host: HOST });
    guest.ask(now, &mut desk, ClientInput::Connect);
    let mut read = |now, desk: &mut Desk, attribute: AttributeRequest| {
        let ClientOutput::Value(value) = guest.ask(now, desk, ClientInput::Get(attribute)) else { panic!() };
        Data::from_bytes(&value).unwrap().as_u64().unwrap()
    };
    let before = read(now, &mut desk, IMPORT);
    while now < Instant::from_secs(10 * 86_400 + 120) {
        now = desk.deadline().unwrap();
        desk.tick(now);
    }
    assert!(read(now, &mut desk, IMPORT) > before);
    let decivolts = read(now, &mut desk, VOLTAGE);
    assert!(decivolts > 0, "{decivolts}");
}

#[test]
fn what_a_closed_connection_has_opened_is_closed_for_the_next_one() {
    let now = Instant::from_secs(10 * 86_400);
    let clock = ClientInput::Get(AttributeRequest::new(8, LogicalName([0, 0, 1, 0, 0, 255]), 2));
    let mut desk = desk(now);
    let mut guest = Guest::wrapper(false);
    desk.handle(now, DeskInput::Opened { connection: 1, kind: CarrierKind::Wrapper, host: HOST });
    guest.ask(now, &mut desk, ClientInput::Connect);
    assert!(matches!(guest.ask(now, &mut desk, clock.clone()), ClientOutput::Value(_)));
    desk.handle(now, DeskInput::Closed { connection: 1 });
    desk.handle(now, DeskInput::Opened { connection: 1, kind: CarrierKind::Wrapper, host: HOST });
    let refused = guest.ask(now, &mut desk, clock.clone());
    assert!(matches!(refused, ClientOutput::Failed(ClientFailure::Exception(_))), "{refused:?}");
    // Not even where nobody has said that the first one is gone.
    let mut heir = Guest::wrapper(false);
    desk.handle(now, DeskInput::Opened { connection: 1, kind: CarrierKind::Wrapper, host: HOST });
    heir.ask(now, &mut desk, ClientInput::Connect);
    desk.handle(now, DeskInput::Opened { connection: 1, kind: CarrierKind::Wrapper, host: HOST });
    let refused = heir.ask(now, &mut desk, clock);
    assert!(matches!(refused, ClientOutput::Failed(_)), "{refused:?}");
}

#[test]
fn a_stream_that_is_none_is_closed_and_connections_are_bounded() {
    let now = Instant::from_secs(10 * 86_400);
    let mut desk = desk(now);
    for connection in 0..66 {
        desk.handle(now, DeskInput::Opened { connection, kind: CarrierKind::Wrapper, host: HOST });
    }
    let closed = std::iter::from_fn(|| desk.poll()).filter(|o| matches!(o, DeskOutput::Close { .. })).count();
    assert_eq!((closed, desk.occupancy()), (2, (64, 64)));
    desk.handle(now, DeskInput::Octets { connection: 3, octets: b"GET / HTTP/1.1\r\n" });
    let Some(DeskOutput::Close { connection: 3, reason }) = desk.poll() else { panic!("closed") };
    assert_eq!((reason.as_str(), desk.occupancy().0), ("wrapper version 18245, expected 1", 63));
}

/// What becomes of an association of client 17 over a new connection from `host`.
fn with_password(now: Instant, desk: &mut Desk, host: u8, octets: &[u8]) -> ClientOutput {
    let password = dlms::security::Secret::new(octets);
    let config = ClientConfig {
        client_sap: 17,
        authentication: ClientAuthentication::Lls { password, keys: None },
        ..client_config(false, 1)
    };
    let mut guest = Guest::Wrapper(Client::new(config), WpduStream::new(2000));
    let host = IpAddr::V4(Ipv4Addr::new(192, 0, 2, host));
    desk.handle(now, DeskInput::Opened { connection: 1, kind: guest.kind(), host });
    let said = guest.ask(now, desk, ClientInput::Connect);
    desk.handle(now, DeskInput::Closed { connection: 1 });
    said
}

#[test]
fn wrong_passwords_over_many_connections_of_a_host_keep_out_that_host_alone_and_not_for_good() {
    let now = Instant::from_secs(10 * 86_400);
    let mut desk = desk(now);
    let failed = |result| {
        let failure = ClientFailure::Rejected(result, dlms::apdu::Diagnostic::AuthenticationFailure);
        ClientOutput::Failed(failure)
    };
    let wrong = failed(dlms::apdu::AssociationResult::RejectedPermanent);
    let unheard = failed(dlms::apdu::AssociationResult::RejectedTransient);
    let said: Vec<_> = (0..100).map(|_| with_password(now, &mut desk, 1, b"87654321")).collect();
    assert_eq!((&said[..5], &said[5..]), (&vec![wrong.clone(); 5][..], &vec![unheard.clone(); 95][..]));
    assert_eq!(with_password(now, &mut desk, 1, b"12345678"), unheard);
    assert_eq!(with_password(now, &mut desk, 2, b"12345678"), ClientOutput::Connected);
    let minute = now + Duration::from_secs(60);
    assert_eq!(with_password(minute, &mut desk, 1, b"87654321"), wrong);
    assert_eq!(with_password(minute, &mut desk, 1, b"12345678"), unheard, "one attempt a minute");
    let next = minute + Duration::from_secs(60);
    assert_eq!(with_password(next, &mut desk, 1, b"12345678"), ClientOutput::Connected);
}

#[test]
fn a_customer_that_the_feeder_does_not_have_is_named() {
    let config = DeskConfig { customer: 99, ..desk_config(Address::one(1).unwrap()) };
    let error = Desk::new(config, Instant::from_secs(10 * 86_400), Utc::from_secs(MIDNIGHT)).unwrap_err();
    assert_eq!(error.to_string(), "customer 99: expected 1 to 55");
}

/// What a meter has left that was switched off as soon as it was open for clients.
fn memory_of_a_first_life(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("desk-{name}-{}", std::process::id()));
    let first = folder.join("first");
    let ports = DeskPorts { state: Some(first.clone()), ..DeskPorts::default() };
    let (open, is_open) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        serve(desk_config(Address::one(1).unwrap()), ports, |_, line| {
            if line.event == DeskEvent::Open {
                open.send(()).unwrap();
            }
        })
    });
    is_open.recv_timeout(Duration::from_secs(60)).unwrap();
    for file in ["records", "flash", "images"] {
        std::fs::copy(first.join(file), folder.join(file)).unwrap();
    }
    folder
}

#[test]
fn a_desk_is_served_on_real_sockets_and_keeps_its_counters() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let folder = memory_of_a_first_life("counters");
    let path = folder.join("records");
    // Customer 3 of seed 1 has this title.
    let records = "meter 53494d0000000003\nahead 0\nsend 77\nreceive 1 4\n";
    let check = plc_core::crc::record_crc(records.as_bytes());
    std::fs::write(&path, format!("{records}check {check:08x}\n")).unwrap();
    let ports = DeskPorts { wrapper: Some(listener), state: Some(folder.clone()), ..DeskPorts::default() };
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        serve(desk_config(Address::one(1).unwrap()), ports, |_, line| tell.send(line.to_string()).unwrap())
    });
    let mut caller = Caller::to(address, client_config(true, 5));
    assert_eq!(caller.ask(ClientInput::Connect), ClientOutput::Connected);
    assert!(matches!(caller.ask(ClientInput::Get(PROFILE)), ClientOutput::Value(_)));
    let from = caller.socket.local_addr().unwrap();
    let lines: Vec<String> = told.try_iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
    let (came, opened) = ("wrapper: has come", "wrapper: client 1 has opened its association");
    assert_eq!(lines[1..], [format!("{from} {came}"), format!("{from} {opened}")], "{lines:?}");
    let kept = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let counter =
        |of: &str| kept.lines().find_map(|line| line.strip_prefix(of)?.parse::<u32>().ok()).unwrap();
    assert!(counter("send ") > 77 + 3 && counter("receive 1 ") >= 5, "{kept}");
}

#[test]
fn connections_that_ask_for_nothing_make_room_and_end() {
    let now = Instant::from_secs(300_000);
    let mut desk = desk(now);
    let mut guest = Guest::wrapper(false);
    desk.handle(now, DeskInput::Opened { connection: 1, kind: guest.kind(), host: HOST });
    assert_eq!(guest.ask(now, &mut desk, ClientInput::Connect), ClientOutput::Connected);
    let (_, most) = desk.occupancy();
    let closed = |desk: &mut Desk| {
        let outputs = std::iter::from_fn(|| desk.poll());
        let closed = outputs.filter_map(|output| match output {
            DeskOutput::Close { connection, .. } => Some(connection),
            _ => None,
        });
        closed.collect::<Vec<_>>()
    };
    let later = |seconds| now + Duration::from_secs(seconds);
    for silent in 2..=most as u16 {
        desk.handle(later(1), DeskInput::Opened { connection: silent, kind: CarrierKind::Hdlc, host: HOST });
        // Half a frame is no request.
        desk.handle(later(1), DeskInput::Octets { connection: silent, octets: &[0x7E, 0xA0] });
    }
    assert_eq!((desk.occupancy(), closed(&mut desk)), ((most, most), vec![]));
    desk.handle(later(2), DeskInput::Opened { connection: 1000, kind: CarrierKind::Wrapper, host: HOST });
    assert_eq!(
        (desk.occupancy().0, closed(&mut desk)),
        (most, vec![2]),
        "the first that came and was silent"
    );
    desk.tick(later(30));
    let mut gone = closed(&mut desk);
    gone.sort_unstable();
    assert_eq!(gone.len(), most - 1, "all that were silent");
    assert!(!gone.contains(&1) && desk.occupancy().0 == 1);
    assert!(matches!(guest.ask(later(31), &mut desk, ClientInput::Get(LDN)), ClientOutput::Value(_)));
    assert!(desk.deadline().is_some_and(|at| at > later(31)));
    desk.tick(later(31 + 180));
    assert_eq!(closed(&mut desk), [1], "and at last who has asked, and asks no more");
}

#[test]
fn who_sends_too_long_an_apdu_over_tcp_is_told_so_and_then_the_connection_is_closed() {
    let now = Instant::from_secs(300_000);
    let mut desk = desk(now);
    desk.handle(now, DeskInput::Opened { connection: 7, kind: CarrierKind::Wrapper, host: HOST });
    while desk.poll().is_some() {}
    // Nothing but the header of 65535 octets has come.
    desk.handle(now, DeskInput::Octets { connection: 7, octets: &[0, 1, 0, 16, 0, 1, 0xFF, 0xFF] });
    let outputs: Vec<DeskOutput> = std::iter::from_fn(|| desk.poll()).collect();
    let [DeskOutput::Octets { connection: 7, octets }, DeskOutput::Close { connection: 7, reason }] =
        &outputs[..]
    else {
        panic!("{outputs:?}")
    };
    assert_eq!(octets[..], [0, 1, 0, 1, 0, 16, 0, 3, 0xD8, 1, 4]);
    assert!(reason.contains("65535"), "{reason}");
    assert_eq!(desk.occupancy().0, 0);
}

fn closed(desk: &mut Desk) -> Vec<u16> {
    let outputs = std::iter::from_fn(|| desk.poll());
    let closed = outputs.filter_map(|output| match output {
        DeskOutput::Close { connection, .. } => Some(connection),
        _ => None,
    });
    closed.collect()
}

const NOTHING: &[u8] = &[0, 1, 0, 16, 0, 1, 0, 0];
/// A request without association.
const REQUEST: &[u8] = &[0, 1, 0, 16, 0, 1, 0, 13, 192, 1, 193, 0, 8, 0, 0, 1, 0, 0, 255, 2, 0];

#[test]
fn who_has_opened_no_association_makes_room_whatever_he_sends_and_who_has_proved_himself_last() {
    let now = Instant::from_secs(300_000);
    let later = |seconds| now + Duration::from_secs(seconds);
    let mut desk = desk(now);
    let mut guest = Guest::wrapper(true);
    desk.handle(now, DeskInput::Opened { connection: 1, kind: guest.kind(), host: HOST });
    assert_eq!(guest.ask(now, &mut desk, ClientInput::Connect), ClientOutput::Connected);
    let (_, most) = desk.occupancy();
    for other in 2..=most as u16 {
        desk.handle(
            later(1),
            DeskInput::Opened { connection: other, kind: CarrierKind::Wrapper, host: HOST },
        );
        let octets = if other % 2 == 0 { NOTHING } else { REQUEST };
        desk.handle(later(1), DeskInput::Octets { connection: other, octets });
    }
    assert_eq!((desk.occupancy().0, closed(&mut desk)), (most, vec![]));
    for comes in 0..most as u16 - 1 {
        desk.handle(
            later(2),
            DeskInput::Opened { connection: 1000 + comes, kind: CarrierKind::Hdlc, host: HOST },
        );
        assert_eq!(closed(&mut desk), [2 + comes]);
    }
    let value = guest.ask(later(3), &mut desk, ClientInput::Get(LDN));
    assert!(matches!(value, ClientOutput::Value(_)), "{value:?}");
}

#[test]
fn where_all_have_opened_an_association_who_has_proved_nothing_makes_room_and_who_has_after_a_silence() {
    const PUBLIC: [u8; 39] = [
        0, 1, 0, 16, 0, 1, 0, 31, 0x60, 0x1D, 0xA1, 0x09, 0x06, 0x07, 0x60, 0x85, 0x74, 0x05, 0x08, 0x01,
        0x01, 0xBE, 0x10, 0x04, 0x0E, 0x01, 0x00, 0x00, 0x00, 0x06, 0x5F, 0x1F, 0x04, 0x00, 0x00, 0x18, 0x1F,
        0xFF, 0xFF,
    ];
    let now = Instant::from_secs(300_000);
    let later = |seconds| now + Duration::from_secs(seconds);
    let mut desk = desk(now);
    let mut guest = Guest::wrapper(true);
    desk.handle(now, DeskInput::Opened { connection: 1, kind: guest.kind(), host: HOST });
    assert_eq!(guest.ask(now, &mut desk, ClientInput::Connect), ClientOutput::Connected);
    let most = desk.occupancy().1 as u16;
    for other in 2..=most {
        desk.handle(
            later(1),
            DeskInput::Opened { connection: other, kind: CarrierKind::Wrapper, host: HOST },
        );
        desk.handle(later(1), DeskInput::Octets { connection: other, octets: &PUBLIC });
    }
    while desk.poll().is_some() {}
    // He who comes asks for an association as well, so that the next takes the place of another.
    for comes in 0..most - 1 {
        let connection = 1000 + comes;
        desk.handle(later(2), DeskInput::Opened { connection, kind: CarrierKind::Wrapper, host: HOST });
        desk.handle(later(2), DeskInput::Octets { connection, octets: &PUBLIC });
        assert_eq!(closed(&mut desk), [2 + comes]);
    }
    let value = guest.ask(later(3), &mut desk, ClientInput::Get(LDN));
    assert!(matches!(value, ClientOutput::Value(_)), "{value:?}");
}

#[test]
fn datagrams_take_no_place_of_a_connection_and_their_senders_are_bounded_by_the_same_rule() {
    let now = Instant::from_secs(300_000);
    let mut desk = desk(now);
    let (_, most) = desk.occupancy();
    for sender in 0..2 * most as u16 {
        desk.handle(
            now,
            DeskInput::Opened { connection: 100 + sender, kind: CarrierKind::Datagrams, host: HOST },
        );
        desk.handle(now, DeskInput::Octets { connection: 100 + sender, octets: REQUEST });
    }
    assert_eq!(closed(&mut desk).len(), most, "the rest stays");
    for connection in 0..most as u16 {
        desk.handle(now, DeskInput::Opened { connection, kind: CarrierKind::Wrapper, host: HOST });
    }
    assert_eq!((closed(&mut desk), desk.occupancy().0), (vec![], most));
}

fn number(guest: &mut Guest, desk: &mut Desk, now: Instant, attribute: AttributeRequest) -> i64 {
    let ClientOutput::Value(value) = guest.ask(now, desk, ClientInput::Get(attribute)) else {
        panic!("a value")
    };
    Data::from_bytes(&value).unwrap().as_i64().unwrap()
}

/// Invokes a method of the disconnector: 1 opens, 2 closes.
fn switch(guest: &mut Guest, desk: &mut Desk, now: Instant, method: i8) {
    let request = MethodRequest { class_id: 70, logical_name: LogicalName([0, 0, 96, 3, 10, 255]), method };
    let done = guest.ask(now, desk, ClientInput::Action(request, Some(&[15, 0])));
    assert_eq!(done, ClientOutput::ActionResult(ActionResult::Success, None));
}

#[test]
fn a_load_that_is_disconnected_takes_neither_power_nor_energy_until_it_is_connected_again() {
    let start = Instant::from_secs(10 * 86_400);
    let (mut desk, mut guest) = (desk(start), Guest::wrapper(true));
    desk.handle(start, DeskInput::Opened { connection: 1, kind: guest.kind(), host: HOST });
    assert_eq!(guest.ask(start, &mut desk, ClientInput::Connect), ClientOutput::Connected);
    let at = |seconds| start + Duration::from_secs(seconds);
    assert!(number(&mut guest, &mut desk, at(10), POWER) > 0);
    switch(&mut guest, &mut desk, at(11), 1);
    assert_eq!(number(&mut guest, &mut desk, at(20), POWER), 0);
    let open = number(&mut guest, &mut desk, at(20), IMPORT);
    assert_eq!(number(&mut guest, &mut desk, at(120), IMPORT), open);
    assert!(number(&mut guest, &mut desk, at(120), VOLTAGE) > 0, "the meter itself is on the mains");
    switch(&mut guest, &mut desk, at(121), 2);
    assert!(number(&mut guest, &mut desk, at(130), POWER) > 0);
}

#[test]
fn the_plan_of_a_meter_shows_the_keys_that_clients_have_changed_in_earlier_lives() {
    use dlms::security::{Curve, KeyId, KeyUse, PrivateKey, Secret};
    use dlms::server::ServerPersist;
    let private = PrivateKey::from_octets(Curve::P256, &[7; 32]).unwrap();
    let mut meter = meter::MeterState::default();
    for record in [
        ServerPersist::Key { client_sap: 1, id: KeyId::Unicast, key: Secret::new(&[0xA1; 16]) },
        ServerPersist::Key { client_sap: 4, id: KeyId::Authentication, key: Secret::new(&[0xA2; 32]) },
        ServerPersist::Key { client_sap: 1, id: KeyId::Master, key: Secret::new(&[0xA3; 16]) },
        ServerPersist::KeyPair { client_sap: 3, key_use: KeyUse::Agreement, private },
    ] {
        meter.security.keep(&record);
    }
    let plain = desk_config(Address::one(1).unwrap());
    let state = Some(DeskState { meter, ahead_ms: 0 });
    let changed = DeskConfig { state, ..plain.clone() };
    let now = Instant::from_secs(10 * 86_400);
    let printed = |config| Desk::new(config, now, Utc::from_secs(MIDNIGHT)).unwrap().plan().to_toml();
    let (before, after) = (printed(plain), printed(changed));
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    assert_eq!(before.len(), after.len());
    let changed: Vec<&str> = after.iter().zip(&before).filter(|(a, b)| a != b).map(|(a, _)| *a).collect();
    let counted = |digits: &str, octets| digits.repeat(octets);
    assert_eq!(
        changed[..4],
        [
            format!("encryption_key = \"{}\"", counted("a1", 16)),
            format!("master_key = \"{}\"", counted("a3", 16)),
            format!("server_agreement_key = \"{}\"", counted("07", 32)),
            changed[3].to_owned(),
        ]
    );
    assert!(changed[3].starts_with("server_agreement_public_key"), "{changed:?}");
    assert_eq!(changed[4..], [format!("authentication_key = \"{}\"", counted("a2", 32))]);
}

#[test]
fn a_meter_that_has_lived_pushes_that_its_supply_is_back() {
    use dlms::classes::{DataObject, PushSetup, Snapshot};
    use meter::objects::names;
    let host = "192.0.2.1:4061";
    let mut setup = PushSetup::new(LogicalName([0, 0, 25, 9, 0, 255]), 1);
    let destination = [&[2, 3, 0x16, 0, 9, host.len() as u8][..], host.as_bytes(), &[0x16, 0]].concat();
    let destination = Data::from_bytes(&destination).unwrap();
    assert!(dlms::classes::Attributes::absorb(&mut setup, 3, &destination));
    let filter = DataObject::new(&u32::MAX);
    let objects = vec![Snapshot::of(names::PUSH_ALARM, &setup), Snapshot::of(names::ALARM_FILTER_2, &filter)];
    let meter = meter::MeterState { objects, ..meter::MeterState::default() };
    let state = Some(DeskState { meter, ahead_ms: 0 });
    let config = DeskConfig { state, ..desk_config(Address::one(1).unwrap()) };
    let now = Instant::from_secs(10 * 86_400);
    let mut desk = Desk::new(config, now, Utc::from_secs(MIDNIGHT)).unwrap();
    let mut hosts = Vec::new();
    for second in 0..300 {
        hosts.extend(std::iter::from_fn(|| desk.poll()).filter_map(|output| match output {
            DeskOutput::Push { host, .. } => Some(host.address),
            _ => None,
        }));
        desk.tick(now + Duration::from_secs(second));
    }
    assert_eq!(hosts.first().map(String::as_str), Some(host), "{hosts:?}");
}

/// The name and the value of an alarm that a client is notified of.
fn alarm_in(output: ClientOutput) -> (LogicalName, Option<u64>) {
    let ClientOutput::EventNotification { time, attribute, value } = output else { panic!("{output:?}") };
    assert!(time.is_some(), "says when");
    (attribute.logical_name, Data::from_bytes(&value).unwrap().as_u64())
}

const FILTER: AttributeRequest = AttributeRequest::new(1, LogicalName([0, 0, 97, 98, 10, 255]), 2);
const WRITTEN: ClientOutput = ClientOutput::AccessResult(dlms::apdu::DataAccessResult::Success);
/// Lets all alarms through.
const ALL: &[u8] = &[6, 0xFF, 0xFF, 0xFF, 0xFF];
/// The descriptor of alarms, and the bit of an attempt at the meter.
const FRAUD: (LogicalName, Option<u64>) =
    (LogicalName([0, 0, 97, 98, 20, 255]), Some(meter::specs::alarm::FRAUD_ATTEMPT as u64));

/// A client on a real socket.
struct Caller {
    client: Client,
    stream: WpduStream,
    socket: std::net::TcpStream,
}

impl Caller {
    fn to(address: std::net::SocketAddr, config: ClientConfig) -> Self {
        let socket = std::net::TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { client: Client::new(config), stream: WpduStream::new(2000), socket }
    }

    fn ask(&mut self, input: ClientInput<'_>) -> ClientOutput {
        self.client.handle(Instant::from_secs(1), input);
        self.hears()
    }

    /// What its user is told next.
    fn hears(&mut self) -> ClientOutput {
        use std::io::{Read, Write};
        let mut buffer = [0; 512];
        loop {
            while let Some(output) = self.client.poll() {
                match output {
                    ClientOutput::Datagram(bytes) => self.socket.write_all(&bytes).unwrap(),
                    ClientOutput::Persist { .. } | ClientOutput::ServerCounter(_) => {}
                    event => return event,
                }
            }
            let len = self.socket.read(&mut buffer).unwrap();
            let mut rest = &buffer[..len];
            while let Some(pdu) = self.stream.take(&mut rest).unwrap() {
                self.client.handle(Instant::from_secs(1), ClientInput::Datagram(&pdu));
            }
        }
    }
}

#[test]
fn a_client_with_an_open_association_is_notified_of_an_alarm_over_a_real_socket() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let ports = DeskPorts { wrapper: Some(listener), ..DeskPorts::default() };
    std::thread::spawn(move || serve(desk_config(Address::one(1).unwrap()), ports, |_, _| ()));
    let mut manager = Caller::to(address, client_config(true, 5));
    assert_eq!(manager.ask(ClientInput::Connect), ClientOutput::Connected);
    assert_eq!(manager.ask(ClientInput::Set(FILTER, ALL)), WRITTEN);
    let password = dlms::security::Secret::new(b"87654321");
    let guesser = ClientConfig {
        client_sap: 17,
        authentication: ClientAuthentication::Lls { password, keys: None },
        ..client_config(false, 1)
    };
    let said = Caller::to(address, guesser).ask(ClientInput::Connect);
    assert!(matches!(said, ClientOutput::Failed(ClientFailure::Rejected(..))), "{said:?}");
    assert_eq!(alarm_in(manager.hears()), FRAUD);
}

#[test]
fn over_hdlc_a_client_is_notified_of_an_alarm_when_it_has_given_the_turn_and_nobody_else_is() {
    let now = Instant::from_secs(10 * 86_400);
    let mut desk = desk(now);
    let mut guest = Guest::hdlc(true);
    desk.handle(now, DeskInput::Opened { connection: 1, kind: guest.kind(), host: HOST });
    assert_eq!(guest.ask(now, &mut desk, ClientInput::Connect), ClientOutput::Connected);
    assert_eq!(guest.ask(now, &mut desk, ClientInput::Set(FILTER, ALL)), WRITTEN);
    // A wrong password over another connection.
    let aarq = "601d a109 0607 60857405080101 8a02 0780 8b07 60857405080201 ac0a 8008 3837363534333231 be10 040e 01000000065f1f0400007e1fffff";
    let octets: String = aarq.split(' ').collect();
    let mut apdu: Vec<u8> =
        (0..octets.len()).step_by(2).map(|n| u8::from_str_radix(&octets[n..n + 2], 16).unwrap()).collect();
    apdu[1] = (apdu.len() - 2) as u8;
    let datagram = [&[0, 1, 0, 17, 0, 1, 0, apdu.len() as u8][..], &apdu].concat();
    desk.handle(now, DeskInput::Opened { connection: 2, kind: CarrierKind::Wrapper, host: HOST });
    desk.handle(now, DeskInput::Octets { connection: 2, octets: &datagram });
    let said: Vec<DeskOutput> = std::iter::from_fn(|| desk.poll()).collect();
    let of_other = said.iter().filter(|o| matches!(o, DeskOutput::Octets { connection: 2, .. })).count();
    assert_eq!(of_other, 1, "the refusal and no more: {said:?}");
    assert!(!said.iter().any(|o| matches!(o, DeskOutput::Octets { connection: 1, .. })), "has not the turn");
    assert_eq!(alarm_in(guest.ask(now, &mut desk, ClientInput::Get(IMPORT))), FRAUD);
}
