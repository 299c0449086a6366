//! Who comes in through the interface, and how far: with real certificates over a real port.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use concentrator::grpc::{Access, CONNECTIONS_OF_ONE, GrpcError, MAX_CONNECTIONS, Role, Server};
use concentrator::jobs::{Guard, Jobs};
use concentrator::live::{ClockKind, Live};
use concentrator::pki;
use concentrator::store::Store;
use concentrator::uplink::TlsFiles;
use concentrator_proto::FILE_DESCRIPTOR_SET;
use concentrator_proto::v1;
use concentrator_proto::v1::concentrator_client::ConcentratorClient;
use plc_core::{Eui64, Utc};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

struct Fixture {
    server: Server,
    live: Arc<Live>,
    _store: Store,
    folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(viewers: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut people = Role::ALL.map(|role| (role.as_str().to_owned(), role)).to_vec();
        people.extend(viewers.iter().map(|name| (name.clone(), Role::Viewer)));
        people.push((String::from("second"), Role::Administrator));
        pki::init(&folder.path().join("pki"), &[], &["box-1".into()], &people).unwrap();
        pki::init(&folder.path().join("foreign"), &[], &["box-1".into()], &people).unwrap();
        let store = Store::open(&folder.path().join("store.sqlite"), Utc::default()).unwrap();
        let meters = (1..=12).map(|n| (Eui64::from_u64(n), format!("flat-{n}")));
        let live = Arc::new(Live::new(ClockKind::Simulated, Utc::from_secs(1000), meters));
        let jobs = Jobs::open(folder.path(), Guard::default(), Utc::from_secs(1000)).unwrap();
        live.take_jobs(Arc::new(jobs));
        let access = Access::Mutual(TlsFiles {
            authority: read(&folder.path().join("pki/ca.pem")),
            certificate: read(&folder.path().join("pki/box-1.pem")),
            key: read(&folder.path().join("pki/box-1.key")),
        });
        let server = Server::start(ANYWHERE, &access, Arc::clone(&live), store.path()).unwrap();
        Self { server, live, _store: store, folder }
    }

    async fn channel(&self, pki: &str, name: Option<&str>) -> Result<Channel, tonic::transport::Error> {
        let folder = self.folder.path();
        let ca = Certificate::from_pem(read(&folder.join("pki/ca.pem")));
        let mut tls = ClientTlsConfig::new().ca_certificate(ca).domain_name("box-1");
        if let Some(name) = name {
            let file = |kind: &str| read(&folder.join(format!("{pki}/{name}.{kind}")));
            tls = tls.identity(Identity::from_pem(file("pem"), file("key")));
        }
        let url = format!("https://{}", self.server.address());
        Channel::from_shared(url).unwrap().tls_config(tls)?.connect().await
    }

    async fn status(&self, pki: &str, name: Option<&str>) -> Result<(), Code> {
        let channel = self.channel(pki, name).await.map_err(|_| Code::Unavailable)?;
        let answer = ConcentratorClient::new(channel).status(v1::StatusRequest {}).await;
        answer.map(drop).map_err(|status| status.code())
    }

    /// The command with the certificates of this fixture: its exit code and what it said.
    fn command(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let address = format!("https://{}", self.server.address());
        let pki = self.folder.path().join("pki");
        let output = Command::new(env!("CARGO_BIN_EXE_concentrator"))
            .args(arguments)
            .args(["--address", &address, "--pki", pki.to_str().unwrap()])
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn whoever_has_a_certificate_of_the_authority_with_a_role_comes_in_and_nobody_else() {
    let fixture = Fixture::new();
    block_on(async {
        for role in Role::ALL {
            assert_eq!(fixture.status("pki", Some(role.as_str())).await, Ok(()), "{role}");
        }
        // Ended by TLS, so no answer of the interface says why.
        let ended = [Err(Code::Unavailable), Err(Code::Cancelled), Err(Code::Unknown)];
        assert!(ended.contains(&fixture.status("pki", None).await), "no certificate");
        assert!(ended.contains(&fixture.status("foreign", Some("administrator")).await), "another authority");
        assert_eq!(fixture.status("pki", Some("box-1")).await, Err(Code::Unauthenticated), "no role");
        let plain = Channel::from_shared(format!("http://{}", fixture.server.address())).unwrap();
        let answer = match plain.connect().await {
            Ok(channel) => ConcentratorClient::new(channel).status(v1::StatusRequest {}).await.map(drop),
            Err(_) => Err(tonic::Status::unavailable("")),
        };
        assert!(answer.is_err(), "plain text");
    });
}

#[test]
fn a_command_comes_in_with_its_certificates() {
    let fixture = Fixture::new();
    let (code, said) = fixture.command(&["status", "--json"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("\"clock\":\"simulated\""), "{said}");
    let (code, said) = fixture.command(&["status", "--as", "nobody"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("nobody.pem: expected a readable PEM file"), "{said}");
    let (code, said) = fixture.command(&["status", "--as", "box-1"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("expected viewer, operator or administrator"), "{said}");
}

#[test]
fn a_viewer_looks_an_operator_reads_and_an_administrator_disconnects() {
    let fixture = Fixture::new();
    let submit = |name, kind| fixture.command(&["jobs", "submit", kind, "flat-1", "--as", name]);
    let (code, said) = submit("viewer", "read");
    assert_eq!(code, Some(1));
    assert!(said.contains("viewer is viewer, expected operator or more"), "{said}");
    assert_eq!(submit("operator", "read").0, Some(0));
    let (code, said) = submit("operator", "disconnect");
    assert_eq!(code, Some(1));
    assert!(said.contains("disconnect: operator is operator, expected administrator or more"), "{said}");
    assert_eq!(submit("administrator", "disconnect").0, Some(0));
    let (code, said) = fixture.command(&["jobs", "--json"]);
    assert_eq!((code, said.lines().count()), (Some(0), 2), "{said}");
    assert!(said.contains("\"asked_by\":\"operator\"") && said.contains("\"kind\":\"disconnect\""), "{said}");
}

#[test]
fn what_reaches_many_meters_is_previewed_and_needs_two_people() {
    let fixture = Fixture::new();
    let administrator = |words: &[&str]| fixture.command(&[words, &["--as", "administrator"]].concat());
    let (code, said) = administrator(&["jobs", "preview", "disconnect", "--all"]);
    assert!(code == Some(0) && said.contains("    12      2  needed"), "{said}");
    let (code, said) = administrator(&["jobs", "submit", "disconnect", "--all", "--wait"]);
    assert_eq!(code, Some(7), "{said}");
    assert!(said.contains("awaiting-approval"), "{said}");
    let (code, said) = administrator(&["jobs", "approve", "1"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("expected the approval of a second person"), "{said}");
    let (code, said) = fixture.command(&["jobs", "approve", "1", "--as", "second"]);
    assert!(code == Some(0) && said.contains("running"), "{said}");
    let (code, said) = administrator(&["jobs", "cancel", "1"]);
    assert!(code == Some(0) && said.contains("cancelled by administrator"), "{said}");
    assert_eq!(administrator(&["jobs", "show", "1"]).0, Some(6));
    assert!(administrator(&["jobs", "show", "9"]).1.contains("job 9: not known"));
    assert!(
        administrator(&["jobs", "submit", "limit", "flat-77", "--watt", "5"])
            .1
            .contains("\"flat-77\": not configured")
    );
}

#[test]
fn plain_text_is_refused_on_an_address_that_others_reach() {
    let fixture = Fixture::new();
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let store = fixture.folder.path().join("store.sqlite");
    let error = Server::start(everywhere, &Access::PlainText, Arc::clone(&fixture.live), &store).unwrap_err();
    assert!(matches!(error, GrpcError::PlainText(address) if address == everywhere), "{error}");
    assert!(error.to_string().contains("expected a loopback address"), "{error}");
}

#[test]
fn every_procedure_has_its_least_role() {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let mut seen = 0;
    for file in set.file.iter().filter(|file| file.package() == "concentrator.v1") {
        // The head-end serves it.
        for service in file.service.iter().filter(|service| service.name() != "Backhaul") {
            for method in &service.method {
                let path = format!("/concentrator.v1.{}/{}", service.name(), method.name());
                assert!(Role::least(&path).is_some(), "{path}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 20, "{seen}");
}

#[test]
fn an_oversize_request_is_refused_and_the_connection_lives_on() {
    let fixture = Fixture::new();
    block_on(async {
        let channel = fixture.channel("pki", Some("viewer")).await.unwrap();
        let mut client = v1::meters_client::MetersClient::new(channel);
        let request = v1::ExplainRequest { meter_id: "x".repeat(100_000) };
        assert_eq!(client.explain(request).await.unwrap_err().code(), Code::OutOfRange);
        let request = v1::ExplainRequest { meter_id: "0011223344556677".into() };
        assert!(client.explain(request).await.is_ok());
    });
}

/// As many connections as nobody needs, none of which introduces itself.
async fn bare(fixture: &Fixture) -> Vec<TcpStream> {
    let mut bare = Vec::new();
    for _ in 0..300 {
        bare.push(TcpStream::connect(fixture.server.address()).await.unwrap());
    }
    bare
}

/// The connections among these that the other end has not closed.
async fn open(streams: &mut [TcpStream]) -> usize {
    let mut open = 0;
    for stream in streams {
        // The other end has nothing to say to them but farewell.
        let read = tokio::time::timeout(Duration::from_millis(1), stream.read_u8()).await;
        open += usize::from(read.is_err());
    }
    open
}

#[test]
fn idle_viewers_and_those_who_do_not_introduce_themselves_shut_nobody_out() {
    let fixture = Fixture::new();
    block_on(async {
        let mut idle = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            idle.push(fixture.channel("pki", Some("viewer")).await.unwrap());
        }
        let mut bare = bare(&fixture).await;
        for name in ["administrator", "operator", "viewer"] {
            let answer =
                tokio::time::timeout(Duration::from_secs(2), fixture.status("pki", Some(name))).await;
            assert_eq!(answer, Ok(Ok(())), "{name}");
        }
        let waiting = open(&mut bare).await;
        assert!(waiting <= 32, "{waiting} of one address wait to introduce themselves");
        // Those that wait have only a few seconds.
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(open(&mut bare).await, 0);
    });
}

#[test]
fn a_viewer_who_uses_all_of_its_share_is_refused_more_and_is_alone_in_that() {
    let fixture = Fixture::new();
    block_on(async {
        let mut used = Vec::new();
        for _ in 0..CONNECTIONS_OF_ONE {
            let mut client = ConcentratorClient::new(fixture.channel("pki", Some("viewer")).await.unwrap());
            let stream = client.watch_status(v1::WatchStatusRequest {}).await.unwrap().into_inner();
            used.push((client, stream));
        }
        assert!(fixture.status("pki", Some("viewer")).await.is_err());
        assert_eq!(fixture.status("pki", Some("operator")).await, Ok(()));
        // Nothing that was in use had to go.
        for (client, stream) in &mut used {
            assert!(stream.message().await.unwrap().is_some());
            assert!(client.status(v1::StatusRequest {}).await.is_ok());
        }
        used.pop();
        while fixture.status("pki", Some("viewer")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
}

#[test]
fn where_everything_is_in_use_an_administrator_still_comes_in() {
    let viewers: Vec<String> = (0..MAX_CONNECTIONS / CONNECTIONS_OF_ONE).map(|n| format!("v{n}")).collect();
    let fixture = Fixture::with(&viewers);
    block_on(async {
        let mut used = Vec::new();
        for name in viewers.iter().cycle().take(MAX_CONNECTIONS) {
            let mut client = ConcentratorClient::new(fixture.channel("pki", Some(name)).await.unwrap());
            let stream = client.watch_status(v1::WatchStatusRequest {}).await.unwrap().into_inner();
            used.push((client, stream));
        }
        assert!(fixture.status("pki", Some("viewer")).await.is_err());
        assert_eq!(fixture.status("pki", Some("administrator")).await, Ok(()));
    });
}
