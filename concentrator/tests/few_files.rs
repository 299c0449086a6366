//! A daemon that may have few files open keeps its interface and its store served, while connections are opened without end.
#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(clippy::disallowed_methods, reason = "the daemon lives by the clock of the machine")]

use concentrator::store::Store;
use plc_core::{Eui64, Utc};
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// 234 are for the program itself, 6 for those that wait, 8 for those that go.
const LIMIT: u32 = 260;
const PLACES: &str = "260 files may be open, 234 of them for the program itself: 12 connections at once instead of 64, and 6 that have not introduced themselves instead of 64";
const CONNECTIONS: usize = 600;

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Daemon {
    fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.0.id())).unwrap().count()
    }
}

/// What the interface says of the meters, which it has from the daemon, and of its readings, for which it opens the store.
fn is_served(listen: SocketAddr) -> bool {
    let url = format!("http://{listen}");
    ["status", "readings"].iter().all(|question| {
        let mut asked = Command::new(env!("CARGO_BIN_EXE_concentrator"));
        asked.args([question, "--address", &url]).output().unwrap().status.success()
    })
}

#[test]
fn whoever_opens_connections_without_end_keeps_nobody_out_and_the_store_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("box.sqlite");
    let mut store = Store::open(&path, Utc::default()).unwrap();
    store.register_meter(Eui64::from_u64(7), None).unwrap();
    store.close().unwrap();
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = format!("[store]\npath = {path:?}\n[grpc]\nlisten = \"{listen}\"\nplain_text = true\n");
    fs::write(folder.path().join("c.toml"), text).unwrap();
    let command = format!("ulimit -n {LIMIT}; exec \"$0\" run --config c.toml 2>said.log");
    let daemon = Command::new("sh")
        .args(["-c", &command, env!("CARGO_BIN_EXE_concentrator")])
        .current_dir(folder.path())
        .spawn()
        .unwrap();
    let daemon = Daemon(daemon);
    let begun = Instant::now();
    while !is_served(listen) {
        assert!(begun.elapsed() < Duration::from_secs(120), "it does not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    let (mut flood, mut most) = (Vec::new(), 0);
    for number in 0..CONNECTIONS {
        // The system takes them for the program; who has lost its place is closed.
        flood.push(TcpStream::connect(listen).unwrap());
        if number % 100 == 99 {
            assert!(is_served(listen), "after {number} connections");
            most = most.max(daemon.open_files());
        }
    }
    drop(daemon);
    let said = fs::read_to_string(folder.path().join("said.log")).unwrap();
    assert!(most <= LIMIT as usize, "{most}");
    assert!(said.contains(PLACES), "{said}");
    assert!(!said.contains("was not accepted") && !said.contains("unable to open"), "{said}");
}
