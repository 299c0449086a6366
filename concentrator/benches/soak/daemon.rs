//! The daemon's end: everything that `concentrator run` has, but modem and node.

use super::wire::{self, Hello};
use collector::{Collector, CollectorConfig};
use concentrator::grpc::{Access, Server};
use concentrator::live::{ClockKind, Live};
use concentrator::metrics::Page;
use concentrator::plc::{Application, LiveObserver, MeterAccess};
use concentrator::store::Store;
use plc_core::sap::Key;
use plc_core::{Eui64, Instant, PanId, Seed, UtcAnchor};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

pub(super) fn run(socket: &str, store: &str) {
    let mut stream = UnixStream::connect(socket).unwrap();
    let hello = Hello::parse(&wire::receive(&mut stream).unwrap());
    let mut store = Store::open(Path::new(store), hello.start).unwrap();
    let expected = hello.meters.iter().map(|(eui64, _)| (*eui64, format!("meter-{eui64}")));
    let live = Arc::new(Live::new(ClockKind::Simulated, hello.start, expected));
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::start(anywhere, &Access::PlainText, Arc::clone(&live), store.path()).unwrap();
    let page = Page::start(anywhere, Arc::clone(&live), store.path().to_owned()).unwrap();
    let collector = Collector::new(CollectorConfig {
        every: hello.every,
        delay: hello.delay,
        spread: hello.spread,
        sessions: hello.sessions,
        rows: hello.rows,
        meters: hello.meters.len(),
        ..CollectorConfig::new(Seed::from_u64(1))
    });
    let access = |(eui64, [psk, encryption_key, authentication_key]): &(Eui64, [Key; 3])| MeterAccess {
        eui64: *eui64,
        psk: *psk,
        encryption_key: *encryption_key,
        authentication_key: *authentication_key,
        master_key: None,
    };
    let meters: Vec<_> = hello.meters.iter().map(access).collect();
    let anchor = UtcAnchor { at: Instant::EPOCH, utc: hello.start };
    let observer = LiveObserver::new(Arc::clone(&live), Eui64::from_u64(0x0251_4D00_00FF_FFFE));
    let mut application =
        Application::new(collector, &mut store, anchor, PanId(0x781D), &meters, observer).unwrap();
    while let Some(turn) = wire::receive(&mut stream) {
        let answer = application.turn(wire::parse_turn(&turn)).unwrap();
        wire::send(&mut stream, &wire::emit_answer(&answer));
    }
    let read = live.meters().borrow().values().filter(|meter| meter.last_success.is_some()).count();
    println!("{} readings durable; {read} of {} meters read", live.newest().borrow().0, meters.len());
    drop(application);
    server.stop().unwrap();
    page.join();
    store.close().unwrap();
}
