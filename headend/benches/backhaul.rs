//! The backhaul on loopback with mutual TLS, in batches of 100: `cargo bench -p headend --bench backhaul`. Readings per second from the
//! store of a box to what the head-end has committed and acknowledged, both in this process.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a measurement")]

use backhaul::UplinkConfig;
use concentrator::live::{ClockKind, Live};
use concentrator::store::{Reading, Store};
use concentrator::uplink::{self, TlsFiles, UplinkSettings};
use headend::service::serve;
use headend::{Committer, HeadStore};
use plc_core::{Eui64, Seed, Utc};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const READINGS: u64 = 2_000_000;
const BATCH: u64 = 100;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("box.sqlite");
    let mut store = Store::open(&path, Utc::default()).unwrap();
    for first in (0..READINGS).step_by(10_000) {
        store.insert_readings(&(first..first + 10_000).map(reading).collect::<Vec<_>>()).unwrap();
    }
    let pki = folder.path().join("pki");
    concentrator::pki::init(&pki, &["127.0.0.1".into()], &["box-1".into()], &[]).unwrap();
    let head_path = folder.path().join("head-end.sqlite");
    let (committer, _writer) = Committer::start(HeadStore::open(&head_path).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let head_end = format!("https://{}", listener.local_addr().unwrap()).parse().unwrap();
    let files = head_files(&pki);
    runtime.spawn(serve(listener, committer, head_path, Some(files), std::future::pending()));
    let live = Arc::new(Live::new(ClockKind::Real, Utc::default(), []));
    live.committed(store.reader().newest().unwrap());
    let tls = Some(box_files(&pki));
    let config = UplinkConfig { batch: BATCH, ..UplinkConfig::new(Seed::from_u64(1)) };
    let settings = UplinkSettings { head_end, box_id: "box-1".into(), tls, config };
    let started = Instant::now();
    let uplink =
        uplink::start(settings, Arc::clone(&live), path, store.delivered(), live.shutdown.clone()).unwrap();
    while store.delivered().get().0 < READINGS {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{READINGS} readings in batches of {BATCH}, mutual TLS, loopback: {:.0} readings/s",
        READINGS as f64 / seconds
    );
    live.shutdown.trigger();
    uplink.join().unwrap();
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn box_files(pki: &Path) -> TlsFiles {
    TlsFiles {
        authority: read(pki, "ca.pem"),
        certificate: read(pki, "box-1.pem"),
        key: read(pki, "box-1.key"),
    }
}

fn head_files(pki: &Path) -> TlsFiles {
    TlsFiles {
        authority: read(pki, "ca.pem"),
        certificate: read(pki, "head-end.pem"),
        key: read(pki, "head-end.key"),
    }
}

fn reading(n: u64) -> Reading {
    let (register, meter, quarter) = (n % 4, n / 4 % 1000, n / 4000);
    Reading {
        meter: Eui64::from_u64(0x0011_2233_0000_0000 + meter),
        logical_name: [1, 0, 1 + register as u8, 8, 0, 255],
        capture: Utc::from_secs(1_795_305_600 + 900 * quarter as i64),
        value: 1_000_000 + (meter * 12_345 + quarter * 250 + n % 97) as i64,
        scaler: -1,
        unit: 30,
        status: 0,
        received: Utc::from_secs(1_795_305_660 + 900 * quarter as i64),
    }
}
