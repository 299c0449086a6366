//! Values of tasks at the head-end's end: each once, whoever sends it again; and boxes and head-ends of different versions with each other.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use backhaul::{Lot, Span, Spans, UplinkConfig};
use concentrator::live::{ClockKind, Live};
use concentrator::store::{Cursor, Limits, Reading, Store, TaskValue};
use concentrator::uplink::{self, UplinkSettings, wire};
use concentrator_proto::v1;
use concentrator_proto::v1::backhaul_client::BackhaulClient;
use concentrator_proto::v1::backhaul_server::{Backhaul, BackhaulServer};
use concentrator_proto::v1::deliver_request::Word as Request;
use concentrator_proto::v1::deliver_response::Word as Answer;
use headend::service::serve;
use headend::{BoxLife, Committer, HeadStore, HeadStoreError, Parcel, Rows};
use plc_core::{Eui64, Seed, Utc};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::Server;
use tonic::{Response, Status, Streaming};

const METER: Eui64 = Eui64::from_u64(0x0011_2233_4455_6677);

fn value(secs: i64, ordinal: u16, number: i64) -> TaskValue {
    TaskValue {
        meter: METER,
        source: [0, 0, 99, 98, 0, 255],
        logical_name: [0, 0, 96, 11, 0, 255],
        capture: Utc::from_secs(secs),
        ordinal,
        value: number,
        scaler: -1,
        unit: 255,
        status: 3,
        received: Utc::from_secs(secs + 9),
    }
}

fn reading(secs: i64) -> Reading {
    Reading {
        meter: METER,
        logical_name: [1, 0, 1, 8, 0, 255],
        capture: Utc::from_secs(secs),
        value: secs,
        scaler: 0,
        unit: 30,
        status: 0,
        received: Utc::from_secs(secs + 1),
    }
}

fn life(epoch: u64) -> BoxLife {
    BoxLife { box_id: "box-1".into(), epoch }
}

fn parcel(epoch: u64, first: u64, values: &[TaskValue]) -> Parcel {
    let last = first + values.len() as u64 - 1;
    Parcel { life: life(epoch), span: Span { first, last }, rows: Rows::Values(values.to_vec()) }
}

fn held(path: &Path, meter: Option<Eui64>) -> Vec<TaskValue> {
    let mut held = Vec::new();
    let all = HeadStore::values(path, meter, |value| {
        held.push(value);
        Ok::<(), HeadStoreError>(())
    });
    all.unwrap();
    held
}

#[test]
fn a_value_is_kept_once_whatever_box_or_epoch_brings_it_and_what_contradicts_it_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("head.sqlite");
    let mut store = HeadStore::open(&path).unwrap();
    let values = [value(5, 0, 7), value(5, 1, 7), value(9, 0, i64::MIN)];
    assert_eq!(store.commit(&[parcel(1, 1, &values)]).unwrap(), 0);
    // A replaced box counts anew, has read again, and has something more.
    let again = values.map(|value| TaskValue { received: Utc::from_secs(99), ..value });
    let more = [again.as_slice(), &[value(10, 0, 1)]].concat();
    assert_eq!(store.commit(&[parcel(2, 1, &more)]).unwrap(), 0, "the same again is no contradiction");
    assert_eq!(store.commit(&[parcel(2, 5, &[value(5, 1, 8)])]).unwrap(), 1);
    let expected = [values.as_slice(), &[value(10, 0, 1)]].concat();
    assert_eq!(held(&path, None), expected, "what came first stays");
    assert_eq!(held(&path, Some(Eui64::from_u64(1))), []);
    drop(store);
    let mut store = HeadStore::open(&path).unwrap();
    assert_eq!(
        store.intake(&life(1)).unwrap().held(Lot::Values),
        &Spans::through(3),
        "as durable as the values"
    );
    assert_eq!(store.intake(&life(2)).unwrap().held(Lot::Values), &Spans::through(5));
    assert_eq!(store.intake(&life(2)).unwrap().held(Lot::Readings), &Spans::new());
}

#[test]
fn a_store_of_a_head_end_that_took_no_values_takes_them_and_keeps_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("head.sqlite");
    let mut store = HeadStore::open(&path).unwrap();
    let rows = Rows::Readings(vec![reading(900)]);
    store.commit(&[Parcel { life: life(1), span: Span { first: 1, last: 1 }, rows }]).unwrap();
    drop(store);
    let older = "DROP TABLE task_values; DROP TABLE value_lives";
    rusqlite::Connection::open(&path).unwrap().execute_batch(older).unwrap();
    let mut store = HeadStore::open(&path).unwrap();
    assert_eq!(store.intake(&life(1)).unwrap().held(Lot::Readings), &Spans::through(1));
    assert_eq!(store.commit(&[parcel(1, 1, &[value(5, 0, 7)])]).unwrap(), 0);
    assert_eq!((held(&path, None), HeadStore::readings(&path).unwrap().len()), (vec![value(5, 0, 7)], 1));
}

/// A head-end from before there were values: its welcome says nothing of them, and a word that it does not know ends the stream.
struct OldHeadEnd {
    /// Readings that it has acknowledged, and words that it does not know.
    readings: Arc<AtomicUsize>,
    unknown: Arc<AtomicUsize>,
    /// Whether it begins to answer only when it has something to say, as many servers do.
    shy: bool,
}

#[tonic::async_trait]
impl Backhaul for OldHeadEnd {
    type DeliverStream = ReceiverStream<Result<v1::DeliverResponse, Status>>;

    async fn deliver(
        &self,
        request: tonic::Request<Streaming<v1::DeliverRequest>>,
    ) -> Result<Response<Self::DeliverStream>, Status> {
        let (answers, stream) = mpsc::channel(64);
        let (readings, unknown) = (Arc::clone(&self.readings), Arc::clone(&self.unknown));
        let mut requests = request.into_inner();
        let mut first = if self.shy { requests.message().await? } else { None };
        tokio::spawn(async move {
            loop {
                let next = match first.take() {
                    Some(first) => Ok(Some(first)),
                    None => requests.message().await,
                };
                let Ok(Some(request)) = next else { return };
                let answer = match request.word {
                    Some(Request::Hello(_)) => Answer::Welcome(v1::Welcome::default()),
                    Some(Request::Readings(batch)) => {
                        readings.fetch_add(batch.value.len(), Ordering::Relaxed);
                        acknowledgement(Lot::Readings, batch.last)
                    }
                    Some(Request::Events(batch)) => acknowledgement(Lot::Events, batch.last),
                    Some(Request::Heartbeat(_)) => Answer::Heartbeat(v1::Heartbeat {}),
                    _ => {
                        unknown.fetch_add(1, Ordering::Relaxed);
                        return;
                    }
                };
                let _ = answers.send(Ok(v1::DeliverResponse { word: Some(answer) })).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

fn acknowledgement(lot: Lot, last: u64) -> Answer {
    let held = wire::emit_spans(&Spans::through(last));
    Answer::Acknowledgement(v1::Acknowledgement { lot: wire::emit_lot(lot).into(), held })
}

/// A head-end of this version on a port of its own.
fn head_end(runtime: &Runtime, path: PathBuf) -> SocketAddr {
    let (committer, _writer) = Committer::start(HeadStore::open(&path).unwrap()).unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(serve(listener, committer, path, None, std::future::pending()));
    address
}

fn other_head_end(runtime: &Runtime, other: OldHeadEnd) -> SocketAddr {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().add_service(BackhaulServer::new(other));
    runtime.spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    address
}

/// Delivers what a store has to a head-end until `done`.
fn deliver(store: &Store, address: SocketAddr, mut done: impl FnMut(&Live) -> bool) -> Arc<Live> {
    let live = Arc::new(Live::new(ClockKind::Real, Utc::default(), []));
    let config =
        UplinkConfig { heartbeat: Duration::from_millis(50), ..UplinkConfig::new(Seed::from_u64(1)) };
    let head_end = format!("http://{address}").parse().unwrap();
    let settings = UplinkSettings { head_end, box_id: "box-1".into(), tls: None, config };
    let (path, stop) = (store.path().to_owned(), live.shutdown.clone());
    let uplink = uplink::start(settings, Arc::clone(&live), path, store.delivered(), stop).unwrap();
    let mut looks = 0;
    while !done(&live) {
        looks += 1;
        assert!(looks < 6000, "waited in vain: {:?}", live.delivery().borrow());
        live.shutdown.wait(Duration::from_millis(10));
    }
    live.shutdown.trigger();
    uplink.join().unwrap();
    live
}

#[test]
fn an_old_head_end_is_sent_no_values_and_a_new_one_gets_them_all_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("box.sqlite"), Utc::default()).unwrap();
    store.set_limits(Limits::default()).unwrap();
    let readings: Vec<_> = (1..=250).map(|n| reading(n * 900)).collect();
    store.insert_readings(&readings).unwrap();
    let values: Vec<_> = (1..=250).map(|n| value(n, (n % 3) as u16, n - 100)).collect();
    store.insert_values(&values, &[]).unwrap();
    let runtime = Runtime::new().unwrap();

    let (taken, unknown) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let old = OldHeadEnd { readings: Arc::clone(&taken), unknown: Arc::clone(&unknown), shy: false };
    let address = other_head_end(&runtime, old);
    let mut after = 0;
    let live = deliver(&store, address, |live| {
        // Some heartbeats longer than it takes until nothing but values is left.
        let delivery = live.delivery().borrow().clone();
        after += u32::from(delivery.linked && delivery.readings == Spans::through(250));
        after > 20
    });
    assert_eq!((taken.load(Ordering::Relaxed), unknown.load(Ordering::Relaxed)), (250, 0));
    assert!(!live.delivery().borrow().takes_values && live.delivery().borrow().values.is_empty());
    assert_eq!(
        store.delivered().values(),
        Cursor(u64::MAX),
        "they may make room, as where there is no head-end"
    );

    let path = folder.path().join("head.sqlite");
    let address = head_end(&runtime, path.clone());
    let live = deliver(&store, address, |live| live.delivery().borrow().values == Spans::through(250));
    assert!(live.delivery().borrow().takes_values);
    assert_eq!(store.delivered().values(), Cursor(250));
    assert_eq!(held(&path, None), values);
}

#[test]
fn a_box_says_hello_without_waiting_for_a_server_that_answers_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("box.sqlite"), Utc::default()).unwrap();
    let readings: Vec<_> = (1..=250).map(|n| reading(n * 900)).collect();
    store.insert_readings(&readings).unwrap();
    let runtime = Runtime::new().unwrap();
    let taken = Arc::new(AtomicUsize::new(0));
    let shy = OldHeadEnd { readings: Arc::clone(&taken), unknown: Arc::default(), shy: true };
    let address = other_head_end(&runtime, shy);
    deliver(&store, address, |live| live.delivery().borrow().readings == Spans::through(250));
    assert_eq!(taken.load(Ordering::Relaxed), 250);
}

#[test]
fn an_old_box_delivers_to_a_new_head_end_and_hears_nothing_that_it_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("head.sqlite");
    let runtime = Runtime::new().unwrap();
    let address = head_end(&runtime, path.clone());
    runtime.block_on(async {
        let (requests, queue) = mpsc::channel(8);
        let send = async |word| requests.send(v1::DeliverRequest { word: Some(word) }).await.unwrap();
        let mut client = BackhaulClient::connect(format!("http://{address}")).await.unwrap();
        send(Request::Hello(v1::Hello { box_id: "box-1".into(), epoch: 1, version: "0.0.1".into() })).await;
        let mut answers = client.deliver(ReceiverStream::new(queue)).await.unwrap().into_inner();
        let Some(Answer::Welcome(welcome)) = answers.message().await.unwrap().unwrap().word else { panic!() };
        assert_eq!((welcome.events, welcome.readings), (vec![], vec![]));
        let stored = backhaul::StoredReading { cursor: Cursor(1), reading: reading(900) };
        send(Request::Readings(wire::emit_readings(Span { first: 1, last: 1 }, &[stored]))).await;
        let word = answers.message().await.unwrap().unwrap().word;
        assert_eq!(word, Some(acknowledgement(Lot::Readings, 1)));
        send(Request::Heartbeat(v1::Heartbeat {})).await;
        let word = answers.message().await.unwrap().unwrap().word;
        assert_eq!(word, Some(Answer::Heartbeat(v1::Heartbeat {})));
    });
    assert_eq!(HeadStore::readings(&path).unwrap().len(), 1);
}
