//! A head-end that is asked to stop sends its boxes away with a time to come back, and ends although one does not go.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test")]

use concentrator_proto::v1;
use concentrator_proto::v1::backhaul_client::BackhaulClient;
use concentrator_proto::v1::deliver_request::Word as Request;
use concentrator_proto::v1::deliver_response::Word as Answer;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tonic::Streaming;
use tonic::transport::Channel;

/// The program, and where it listens.
fn head_end(store: &Path) -> (Child, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_concentrator-headend"))
        .args(["--listen", "127.0.0.1:0", "--plain-text", "--store", store.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
    (program, address)
}

/// A box that has said hello, says no more, and does not hang up.
async fn welcome(channel: Channel, box_id: &str) -> Streaming<v1::DeliverResponse> {
    let hello = v1::Hello { box_id: box_id.into(), epoch: 1, ..v1::Hello::default() };
    let hello = v1::DeliverRequest { word: Some(Request::Hello(hello)) };
    let words = tokio_stream::StreamExt::chain(tokio_stream::once(hello), tokio_stream::pending());
    let mut answers = BackhaulClient::new(channel).deliver(words).await.unwrap().into_inner();
    let first = answers.message().await.unwrap().unwrap();
    assert!(matches!(first.word, Some(Answer::Welcome(_))), "{first:?}");
    answers
}

#[test]
fn a_head_end_that_stops_says_farewell_and_ends_although_a_box_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("head.sqlite");
    let (mut program, address) = head_end(&store);
    for file in [store.clone(), folder.path().join("head.sqlite-wal")] {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}: {mode:o}", file.display());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let farewell = runtime.block_on(async {
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        let mut answers = welcome(channel, "box-1").await;
        let asked = Command::new("kill").args(["-TERM", &program.id().to_string()]).status().unwrap();
        assert!(asked.success());
        answers.message().await.unwrap().unwrap().word
    });
    let Some(Answer::Farewell(farewell)) = farewell else { panic!("{farewell:?}") };
    assert_eq!((farewell.reason.as_str(), farewell.retry_after_ms), ("the head-end stops", 2000));
    // The box answers nothing any more: its runtime does not run.
    let ended = (0..600).find_map(|_| {
        std::thread::sleep(Duration::from_millis(100));
        program.try_wait().unwrap()
    });
    assert_eq!(ended.and_then(|ended| ended.code()), Some(0));
}
