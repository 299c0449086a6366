//! A head-end that may have few files open keeps boxes and its store served, while connections are opened without end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]
#![allow(clippy::disallowed_methods, reason = "connections are opened in real time")]

use concentrator_proto::v1;
use concentrator_proto::v1::backhaul_client::BackhaulClient;
use concentrator_proto::v1::deliver_request::Word as Request;
use concentrator_proto::v1::deliver_response::Word as Answer;
use concentrator_proto::v1::ledger_client::LedgerClient;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::TcpStream;
use tonic::transport::Channel;

/// Files that the head-end may have open: 80 are for itself, 12 for those that wait, 8 for those that go.
const LIMIT: u32 = 128;
const PLACES: &str = "128 files may be open, 80 of them for the program itself: 28 connections at once instead of 1024, and 12 that have not introduced themselves instead of 64";
/// Connections that are opened, many times what there is.
const CONNECTIONS: usize = 600;

struct HeadEnd {
    child: Child,
    address: SocketAddr,
}

impl HeadEnd {
    /// With a limit that it cannot raise.
    fn start(folder: &Path) -> Self {
        let command = format!(
            "ulimit -n {LIMIT}; exec \"$0\" --listen 127.0.0.1:0 --plain-text --store head.sqlite 2>said.log"
        );
        let mut child = Command::new("sh")
            .args(["-c", &command, env!("CARGO_BIN_EXE_concentrator-headend")])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { child, address }
    }

    fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// What it has said, at its end.
    fn said(mut self, folder: &Path) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::fs::read_to_string(folder.join("said.log")).unwrap()
    }
}

/// A box is welcomed, which the store must know, and whoever asks for digests has them read from it.
async fn is_served(address: SocketAddr, number: u64) {
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let hello = v1::Hello { box_id: format!("box-{number}"), epoch: 1, ..v1::Hello::default() };
    let hello = v1::DeliverRequest { word: Some(Request::Hello(hello)) };
    let mut answers =
        BackhaulClient::new(channel.clone()).deliver(tokio_stream::once(hello)).await.unwrap().into_inner();
    let first = answers.message().await.unwrap().unwrap();
    assert!(matches!(first.word, Some(Answer::Welcome(_))), "box {number}");
    let question = v1::LedgerDigestsRequest { bucket_ms: 1000, ..Default::default() };
    LedgerClient::new(channel).digests(question).await.unwrap();
}

#[test]
fn whoever_opens_connections_without_end_keeps_no_box_out_and_the_store_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let head_end = HeadEnd::start(folder.path());
    let address = head_end.address;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let most = runtime.block_on(async {
        let mut flood = Vec::new();
        let mut most = 0;
        for number in 0..CONNECTIONS {
            // The system takes them for the program; who has lost its place is closed.
            flood.push(TcpStream::connect(address).await.unwrap());
            if number % 60 == 59 {
                let box_number = number as u64 / 60;
                let served = tokio::time::timeout(Duration::from_secs(20), is_served(address, box_number));
                assert!(served.await.is_ok(), "after {number} connections");
                most = most.max(head_end.open_files());
            }
        }
        most
    });
    let said = head_end.said(folder.path());
    assert!(most <= LIMIT as usize, "{most}");
    assert!(said.contains(PLACES), "{said}");
    assert!(!said.contains("was not accepted"), "{said}");
    assert!(!said.contains("unable to open"), "{said}");
}
