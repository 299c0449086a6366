//! One box that opens connections without end, and those that never introduce themselves, keep no other box out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use concentrator::pki;
use concentrator::uplink::TlsFiles;
use concentrator_proto::v1;
use concentrator_proto::v1::backhaul_client::BackhaulClient;
use concentrator_proto::v1::deliver_request::Word as Request;
use concentrator_proto::v1::deliver_response::Word as Answer;
use concentrator_proto::v1::ledger_client::LedgerClient;
use headend::service::{CONNECTIONS_OF_ONE, serve};
use headend::{Committer, HeadStore};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

async fn channel(pki: &Path, address: SocketAddr, name: &str) -> Channel {
    let identity =
        Identity::from_pem(read(&pki.join(format!("{name}.pem"))), read(&pki.join(format!("{name}.key"))));
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(&pki.join("ca.pem"))))
        .identity(identity)
        .domain_name("localhost");
    let endpoint = Channel::from_shared(format!("https://{address}")).unwrap().tls_config(tls).unwrap();
    endpoint.connect().await.unwrap()
}

/// Whether the head-end welcomes the box on this connection.
async fn welcomed(channel: Channel, box_id: &str) -> bool {
    let hello = v1::Hello { box_id: box_id.into(), epoch: 1, ..v1::Hello::default() };
    let hello = v1::DeliverRequest { word: Some(Request::Hello(hello)) };
    let mut answers =
        BackhaulClient::new(channel).deliver(tokio_stream::once(hello)).await.unwrap().into_inner();
    let first = answers.message().await.unwrap().unwrap();
    matches!(first.word, Some(Answer::Welcome(_)))
}

#[test]
fn a_box_is_welcome_whatever_another_opens_and_whoever_stays_silent() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path().join("pki");
    pki::init(&pki, &["localhost".into()], &["box-1".into(), "box-2".into()], &[]).unwrap();
    let file = |name: &str| read(&pki.join(name));
    let tls =
        TlsFiles { authority: file("ca.pem"), certificate: file("head-end.pem"), key: file("head-end.key") };
    let store = folder.path().join("head.sqlite");
    let (committer, _writer) = Committer::start(HeadStore::open(&store).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, committer, store, Some(tls), std::future::pending()));
        let mut greedy = Vec::new();
        for _ in 0..5 * CONNECTIONS_OF_ONE {
            greedy.push(channel(&pki, address, "box-2").await);
        }
        let mut bare = Vec::new();
        for _ in 0..300 {
            bare.push(TcpStream::connect(address).await.unwrap());
        }
        let other = async { welcomed(channel(&pki, address, "box-1").await, "box-1").await };
        assert_eq!(tokio::time::timeout(Duration::from_secs(2), other).await, Ok(true));
        // The greedy one has its share left, the newest.
        let newest = greedy.pop().unwrap();
        let mut ledger = LedgerClient::new(newest.clone());
        let question = v1::LedgerDigestsRequest { bucket_ms: 1000, ..Default::default() };
        assert!(ledger.digests(question).await.is_ok());
        assert!(welcomed(newest, "box-2").await);
    });
}
