//! The interface over a real port, with a real client and a real store.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use concentrator::grpc::{Access, GrpcError, Server};
use concentrator::live::{ClockKind, Live, MeterState, Node, NodeState};
use concentrator::store::{Event, EventKind, Reading, Store};
use concentrator_proto::v1;
use concentrator_proto::v1::concentrator_client::ConcentratorClient;
use concentrator_proto::v1::events_client::EventsClient;
use concentrator_proto::v1::meters_client::MetersClient;
use concentrator_proto::v1::network_client::NetworkClient;
use concentrator_proto::v1::readings_client::ReadingsClient;
use plc_core::{Eui64, PanId, ShortAddress, Utc};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_stream::StreamExt;
use tonic::transport::Channel;
use tonic::{Code, Streaming};

const METER: Eui64 = Eui64::from_u64(0x0011_2233_4455_6677);
const OTHER: Eui64 = Eui64::from_u64(2);

struct Fixture {
    store: Store,
    live: Arc<Live>,
    server: Server,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store.sqlite"), Utc::default()).unwrap();
        let expected = [(METER, "flat-1".to_owned()), (OTHER, "flat-2".to_owned())];
        let live = Arc::new(Live::new(ClockKind::Simulated, Utc::from_secs(1000), expected));
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::start(anywhere, &Access::PlainText, Arc::clone(&live), store.path()).unwrap();
        Self { store, live, server, _folder: folder }
    }

    /// As the thread of the power line does it.
    fn insert(&mut self, meter: Eui64, captures: std::ops::Range<i64>) {
        let batch: Vec<_> = captures.map(|capture| reading(meter, capture)).collect();
        let report = self.store.insert_readings(&batch).unwrap();
        self.live.committed(report.newest);
    }

    async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.server.address())).unwrap().connect().await.unwrap()
    }

    async fn client(&self) -> ConcentratorClient<Channel> {
        ConcentratorClient::new(self.channel().await)
    }

    async fn readings(&self) -> ReadingsClient<Channel> {
        ReadingsClient::new(self.channel().await)
    }

    async fn meters(&self) -> MetersClient<Channel> {
        MetersClient::new(self.channel().await)
    }

    async fn events(&self) -> EventsClient<Channel> {
        EventsClient::new(self.channel().await)
    }
}

fn reading(meter: Eui64, capture: i64) -> Reading {
    Reading {
        meter,
        logical_name: [1, 0, 1, 8, 0, 255],
        capture: Utc::from_secs(capture * 900),
        value: -capture,
        scaler: -1,
        unit: 30,
        status: 4,
        received: Utc::from_secs(7),
    }
}

/// Runs the client's part of a test; the fixture itself is used from outside any runtime, as in the daemon.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

async fn captures(stream: &mut Streaming<v1::Reading>, count: usize) -> Vec<i64> {
    let mut captures = Vec::new();
    while captures.len() < count {
        captures.push(stream.message().await.unwrap().unwrap().capture_time_ms / 900_000);
    }
    captures
}

async fn list(fixture: &Fixture, request: v1::ListReadingsRequest) -> Vec<v1::Reading> {
    let stream = fixture.readings().await.list_readings(request).await.unwrap().into_inner();
    stream.map(Result::unwrap).collect().await
}

#[test]
fn readings_are_listed_with_all_their_fields_and_filtered() {
    let mut fixture = Fixture::new();
    fixture.insert(METER, 0..1200);
    fixture.insert(OTHER, 0..3);
    block_on(async {
        let all = list(&fixture, v1::ListReadingsRequest::default()).await;
        assert_eq!(all.iter().map(|r| r.cursor).collect::<Vec<_>>(), (1..=1203).collect::<Vec<_>>());
        let expected = v1::Reading {
            cursor: 6,
            meter_id: "flat-1".into(),
            eui64: "0011223344556677".into(),
            obis: "1-0:1.8.0*255".into(),
            capture_time_ms: 4_500_000,
            value: -5,
            scaler: -1,
            unit: 30,
            status: 4,
            received_ms: 7000,
        };
        assert_eq!(all[5], expected);
        let by_meter = v1::ListReadingsRequest { meter_id: "flat-2".into(), limit: 2, ..Default::default() };
        assert_eq!(list(&fixture, by_meter).await.iter().map(|r| r.cursor).collect::<Vec<_>>(), [1201, 1202]);
        let by_time = v1::ListReadingsRequest {
            meter_id: METER.to_string(),
            from_ms: Some(900_000),
            to_ms: Some(2_700_000),
            ..Default::default()
        };
        assert_eq!(list(&fixture, by_time).await.iter().map(|r| r.cursor).collect::<Vec<_>>(), [2, 3]);
    });
}

#[test]
fn a_follower_gets_the_new_readings_and_resumes_where_it_was() {
    let mut fixture = Fixture::new();
    fixture.insert(METER, 0..3);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut client = runtime.block_on(fixture.readings());
    let request = v1::WatchReadingsRequest { meter_id: String::new(), after_cursor: None };
    let mut stream = runtime.block_on(client.watch_readings(request)).unwrap().into_inner();
    fixture.insert(METER, 3..5);
    assert_eq!(runtime.block_on(captures(&mut stream, 2)), [3, 4]);
    drop(stream);
    fixture.insert(OTHER, 0..2);
    fixture.insert(METER, 5..1000);
    let request = v1::WatchReadingsRequest { meter_id: "flat-1".into(), after_cursor: Some(5) };
    let mut stream = runtime.block_on(client.watch_readings(request)).unwrap().into_inner();
    assert_eq!(runtime.block_on(captures(&mut stream, 995)), (5..1000).collect::<Vec<_>>());
    fixture.insert(METER, 1000..1001);
    assert_eq!(runtime.block_on(captures(&mut stream, 1)), [1000]);
}

#[test]
fn a_cursor_of_another_store_and_a_strange_meter_are_refused() {
    let fixture = Fixture::new();
    block_on(async {
        let mut client = fixture.readings().await;
        let request = v1::WatchReadingsRequest { meter_id: String::new(), after_cursor: Some(9) };
        assert_eq!(client.watch_readings(request).await.unwrap_err().code(), Code::OutOfRange);
        for name in ["flat-9", "00000000000000ff"] {
            let request = v1::ListReadingsRequest { meter_id: name.into(), ..Default::default() };
            assert_eq!(client.list_readings(request).await.unwrap_err().code(), Code::NotFound, "{name}");
        }
    });
}

/// It has joined, next to the concentrator.
fn tell_of_one_meter(live: &Live) {
    live.update_meter(METER, |meter| {
        meter.state = MeterState::Joined;
        meter.short_address = Some(ShortAddress(1));
        meter.counters.retries = 3;
    });
    let node = Node {
        eui64: METER,
        short_address: Some(ShortAddress(1)),
        parent: Some(ShortAddress::COORDINATOR),
        hops: Some(1),
        link_quality: Some(80),
        last_heard: Some(Utc::from_secs(2)),
        state: NodeState::Joined,
    };
    live.set_topology(vec![node]);
    live.update_status(|status| {
        status.now = Utc::from_secs(1060);
        status.pan_id = Some(PanId(0x1001));
        status.counters.insert("mac.frames_sent".into(), 12);
    });
}

#[test]
fn meters_topology_status_and_events_show_what_was_told() {
    let mut fixture = Fixture::new();
    fixture.insert(METER, 0..2);
    tell_of_one_meter(&fixture.live);
    let event =
        Event { time: Utc::from_secs(3), kind: EventKind::MeterJoined, meter: Some(METER), text: "x".into() };
    fixture.store.append_event(&event).unwrap();
    fixture.store.register_meter(Eui64::from_u64(9), None).unwrap();
    block_on(async {
        let mut client = fixture.client().await;
        let meters =
            fixture.meters().await.list_meters(v1::ListMetersRequest {}).await.unwrap().into_inner().meters;
        let ids: Vec<_> = meters.iter().map(|m| (m.id.as_str(), m.state(), m.short_address)).collect();
        let (expected, joined) = (v1::MeterState::Expected, v1::MeterState::Joined);
        assert_eq!(
            ids,
            [("flat-2", expected, None), ("0000000000000009", expected, None), ("flat-1", joined, Some(1))]
        );
        assert_eq!(meters[2].counters.unwrap().retries, 3);
        let nodes = NetworkClient::new(fixture.channel().await)
            .topology(v1::TopologyRequest {})
            .await
            .unwrap()
            .into_inner()
            .nodes;
        assert_eq!(
            (nodes[0].meter_id.as_str(), nodes[0].parent_short_address, nodes[0].hops),
            ("flat-1", Some(0), Some(1))
        );
        assert_eq!((nodes[0].link_quality, nodes[0].last_heard_ms), (Some(80), Some(2000)));
        let status = client.status(v1::StatusRequest {}).await.unwrap().into_inner();
        assert_eq!(
            (status.clock(), status.uptime_ms, status.pan_id),
            (v1::Clock::Simulated, 60_000, Some(0x1001))
        );
        assert_eq!((status.expected, status.joined, status.newest_cursor), (2, 1, 2));
        assert_eq!(status.counters, [v1::Counter { name: "mac.frames_sent".into(), value: 12 }]);
        let events = fixture
            .events()
            .await
            .list_events(v1::ListEventsRequest::default())
            .await
            .unwrap()
            .into_inner()
            .events;
        assert_eq!((events[0].kind.as_str(), events[0].meter_id.as_str()), ("meter-joined", "flat-1"));
    });
}

#[test]
fn the_status_is_followed() {
    let fixture = Fixture::new();
    block_on(async {
        let mut client = fixture.client().await;
        let mut stream = client.watch_status(v1::WatchStatusRequest {}).await.unwrap().into_inner();
        assert_eq!(stream.message().await.unwrap().unwrap().joined, 0);
        fixture.live.update_meter(METER, |meter| meter.state = MeterState::Reading);
        assert_eq!(stream.message().await.unwrap().unwrap().joined, 1);
    });
}

#[test]
fn health_says_serving() {
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    let fixture = Fixture::new();
    block_on(async {
        let mut client = HealthClient::new(fixture.channel().await);
        for service in ["", "concentrator.v1.Concentrator"] {
            let request = HealthCheckRequest { service: service.into() };
            let status = client.check(request).await.unwrap().into_inner().status();
            assert_eq!(status, ServingStatus::Serving, "{service:?}");
        }
    });
}

#[test]
fn reflection_lists_the_service() {
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    let fixture = Fixture::new();
    let request = tonic_reflection::pb::v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    block_on(async {
        let mut client = ServerReflectionClient::new(fixture.channel().await);
        let stream = client.server_reflection_info(tokio_stream::once(request)).await.unwrap();
        let answer = stream.into_inner().message().await.unwrap().unwrap().message_response;
        let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
        let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
        assert!(names.contains(&"concentrator.v1.Concentrator".to_owned()), "{names:?}");
        assert!(names.contains(&"grpc.health.v1.Health".to_owned()), "{names:?}");
    });
}

#[test]
fn stopping_ends_the_followers_with_a_reason() {
    let fixture = Fixture::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut stream = runtime.block_on(async {
        let mut client = fixture.readings().await;
        client.watch_readings(v1::WatchReadingsRequest::default()).await.unwrap().into_inner()
    });
    let address = fixture.server.address();
    fixture.server.stop().unwrap();
    assert_eq!(runtime.block_on(stream.message()).unwrap_err().code(), Code::Unavailable);
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn stopping_is_told_to_those_who_watch_the_health() {
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    let fixture = Fixture::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut stream = runtime.block_on(async {
        let mut client = HealthClient::new(fixture.channel().await);
        client.watch(HealthCheckRequest { service: String::new() }).await.unwrap().into_inner()
    });
    let mut next = || runtime.block_on(stream.message()).unwrap().unwrap().status();
    assert_eq!(next(), ServingStatus::Serving);
    fixture.live.shutdown.trigger();
    assert_eq!(next(), ServingStatus::NotServing);
}

#[test]
fn a_busy_port_is_named() {
    let fixture = Fixture::new();
    let address = fixture.server.address();
    let error = Server::start(address, &Access::PlainText, Arc::clone(&fixture.live), fixture.store.path())
        .unwrap_err();
    assert!(matches!(error, GrpcError::Busy(_)));
    assert_eq!(
        error.to_string(),
        format!("address {address}: in use by another program, expected a free port")
    );
}

#[test]
fn too_many_streams_are_refused() {
    let fixture = Fixture::new();
    block_on(async {
        let mut client = fixture.readings().await;
        let mut streams = Vec::new();
        for _ in 0..concentrator::grpc::MAX_STREAMS {
            streams.push(client.watch_readings(v1::WatchReadingsRequest::default()).await.unwrap());
        }
        let refused = client.watch_readings(v1::WatchReadingsRequest::default()).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
    });
}

#[test]
fn a_meter_is_explained_from_the_ground_up_with_names_instead_of_addresses() {
    use collector::{CollectorEvent, SessionFailure};
    use dlms::client::ClientFailure;
    let fixture = Fixture::new();
    let explain = |name: &'static str| {
        block_on(async {
            let request = v1::ExplainRequest { meter_id: name.into() };
            fixture.meters().await.explain(request).await.map(tonic::Response::into_inner)
        })
    };
    let live = &fixture.live;
    assert_eq!(explain("flat-1").unwrap().verdict, "network-not-started");
    live.diagnose(|diagnosis| {
        use plc_core::sap::AdpmIndication::{DeviceJoined, Started};
        diagnosis.on_clock();
        diagnosis.on_network(Utc::from_secs(1000), &Started { pan_id: PanId(1) });
        for (eui64, short) in [(METER, ShortAddress(1)), (OTHER, ShortAddress(2))] {
            diagnosis.on_network(Utc::from_secs(1001), &DeviceJoined { eui64, short });
            diagnosis.on_status(&collector::MeterStatus {
                eui64,
                short: Some(short),
                state: collector::MeterState::Retrying,
                last_capture: None,
                sessions: 3,
                failures: 3,
                retries: 2,
                gaps: 0,
                captures_lost: 0,
                last_failure: None,
                next_attempt: None,
                due: false,
                one_way: false,
            });
            let reason = SessionFailure::Association(ClientFailure::NoAnswer);
            let failed = CollectorEvent::SessionFailed { meter: eui64, reason, failures: 3 };
            diagnosis.on_event(Utc::from_secs(1002), &failed);
        }
        diagnosis.on_route(ShortAddress(1), ShortAddress(2));
    });
    let told = explain("flat-1").unwrap();
    assert_eq!((told.verdict.as_str(), told.good), ("relay-silent", false));
    assert!(told.summary.contains("flat-2"), "{}", told.summary);
    assert!(told.findings.iter().any(|finding| finding.time_ms == Some(1_002_000)), "{:?}", told.findings);
    assert_eq!(explain("0011223344556677").unwrap(), told);
    assert_eq!(explain("00000000000000aa").unwrap().verdict, "not-expected");
    assert_eq!(explain("flat-9").unwrap_err().code(), Code::NotFound);
}

#[test]
fn a_follower_of_events_gets_those_that_are_kept_and_then_the_new_ones() {
    let mut fixture = Fixture::new();
    let note = |fixture: &mut Fixture, text: &str| {
        let time = Utc::from_secs(1);
        let event = Event { time, kind: EventKind::Clock, meter: Some(METER), text: text.into() };
        fixture.store.append_event(&event).unwrap();
        fixture.live.noted();
    };
    note(&mut fixture, "one");
    note(&mut fixture, "two");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut client = runtime.block_on(fixture.events());
    let request = v1::WatchEventsRequest { after_cursor: Some(1) };
    let mut stream = runtime.block_on(client.watch_events(request)).unwrap().into_inner();
    let mut next = || runtime.block_on(stream.message()).unwrap().unwrap();
    assert_eq!((next().text.as_str(), 2), ("two", 2));
    note(&mut fixture, "three");
    let event = next();
    assert_eq!((event.text.as_str(), event.cursor, event.meter_id.as_str()), ("three", 3, "flat-1"));
    let request = v1::WatchEventsRequest { after_cursor: Some(4) };
    assert_eq!(runtime.block_on(client.watch_events(request)).unwrap_err().code(), Code::OutOfRange);
}

#[test]
fn in_plain_text_idle_connections_make_room_for_the_next() {
    let fixture = Fixture::new();
    block_on(async {
        let mut bare = Vec::new();
        for _ in 0..300 {
            bare.push(tokio::net::TcpStream::connect(fixture.server.address()).await.unwrap());
        }
        let asked = async { fixture.client().await.status(v1::StatusRequest {}).await };
        let answer = tokio::time::timeout(std::time::Duration::from_secs(2), asked).await;
        assert!(answer.unwrap().is_ok());
    });
}
