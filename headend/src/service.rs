//! The services of the head-end.

use crate::committer::{Committer, Refusal, Seat};
use crate::store::{BoxLife, HeadStore, Parcel, Rows};
use archive::Filter;
use backhaul::{Intake, Lot, Span};
use concentrator::seats::{self, CertificateError, Counted, Door, Occupant, Party, Rules};
use concentrator::uplink::{TlsFiles, wire};
use concentrator::words::Quoted;
use concentrator_proto::v1;
use concentrator_proto::v1::backhaul_server::{Backhaul, BackhaulServer};
use concentrator_proto::v1::deliver_request::Word as Request;
use concentrator_proto::v1::deliver_response::Word as Answer;
use concentrator_proto::v1::ledger_server::{Ledger, LedgerServer};
use plc_core::time::Duration;
use plc_core::{Eui64, Utc};
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::{Response, Status, Streaming};

/// Why boxes cannot be served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The certificates cannot be used.
    #[error("certificates: {0}")]
    Certificates(#[from] CertificateError),
    /// The server ended by itself.
    #[error(transparent)]
    Transport(#[from] tonic::transport::Error),
}

/// Serves boxes until `stop` is done. Without certificates in plain text: the caller sees to it that only this machine is served.
///
/// # Errors
/// The certificates cannot be used; the server ended by itself.
pub async fn serve(
    listener: TcpListener,
    committer: Committer,
    store: PathBuf,
    tls: Option<TlsFiles>,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let named = tls.is_some();
    let tls = tls.as_ref().map(seats::acceptor).transpose()?;
    // In plain text everybody on this machine is one party.
    let share = if named { CONNECTIONS_OF_ONE } else { MAX_CONNECTIONS };
    let rules = Rules { places: MAX_CONNECTIONS, share, newest_wins: true, waiting: seats::WAITING };
    let rules = seats::fitting(rules, OTHER_DESCRIPTORS);
    let seats = seats::seats(listener, Door { tls, rules, party });
    let (stopping, stopped) = watch::channel(false);
    let stop = async move {
        stop.await;
        stopping.send_replace(true);
    };
    let mut server = Server::builder()
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .max_concurrent_streams(STREAMS);
    let backhaul = BackhaulServer::new(Receiver { committer, named, stopped: stopped.clone() })
        .max_decoding_message_size(MAX_BATCH);
    let served = server
        .add_service(Counted(backhaul))
        .add_service(Counted(LedgerServer::new(Digests { store, digesting: Semaphore::new(1) })))
        .serve_with_incoming_shutdown(seats, stop);
    tokio::select! {
        served = served => Ok(served?),
        // Who does not go by himself is left.
        () = a_while_after(stopped) => Ok(()),
    }
}

async fn is_stopped(stopped: &mut watch::Receiver<bool>) {
    // Its sender goes with the server.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn a_while_after(mut stopped: watch::Receiver<bool>) {
    is_stopped(&mut stopped).await;
    tokio::time::sleep(GRACE).await;
}

/// One party for each certificate.
fn party(certificate: Option<&[u8]>) -> Party {
    Party { name: certificate.unwrap_or_default().to_vec(), rank: 0 }
}

struct Receiver {
    committer: Committer,
    /// Whether certificates name the boxes.
    named: bool,
    /// Becomes true.
    stopped: watch::Receiver<bool>,
}

type Answers = mpsc::Sender<Result<v1::DeliverResponse, Status>>;

#[tonic::async_trait]
impl Backhaul for Receiver {
    type DeliverStream = ReceiverStream<Result<v1::DeliverResponse, Status>>;

    async fn deliver(
        &self,
        request: tonic::Request<Streaming<v1::DeliverRequest>>,
    ) -> Result<Response<Self::DeliverStream>, Status> {
        let occupant = request.extensions().get::<Occupant>();
        let certificate = occupant.and_then(|occupant| occupant.certificate.clone());
        if self.named && certificate.is_none() {
            return Err(Status::unauthenticated("no certificate: expected one that names the box"));
        }
        let (answers, stream) = mpsc::channel(QUEUE);
        let (committer, stopped) = (self.committer.clone(), self.stopped.clone());
        let talk = Talk { committer, certificate, answers, requests: request.into_inner(), stopped };
        tokio::spawn(talk.run());
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

/// One connection of a box.
struct Talk {
    committer: Committer,
    certificate: Option<Arc<[u8]>>,
    answers: Answers,
    requests: Streaming<v1::DeliverRequest>,
    stopped: watch::Receiver<bool>,
}

impl Talk {
    async fn run(mut self) {
        let answers = self.answers.clone();
        if let Err(status) = self.converse().await {
            // A box that has gone does not hear it.
            let _ = answers.try_send(Err(status));
        }
    }

    async fn converse(&mut self) -> Result<(), Status> {
        let life = self.greet().await?;
        let Seat { mut held } = self.committer.sit(life.clone()).await.map_err(Status::unavailable)?;
        let first = held.borrow_and_update().clone();
        let Ok(mut told) = first else { return Ok(()) };
        tracing::info!(box_id = life.box_id, epoch = life.epoch, "welcome");
        self.say(Answer::Welcome(wire::emit_welcome(&told))).await?;
        let mut stopped = self.stopped.clone();
        loop {
            tokio::select! {
                biased;
                changed = held.changed() => {
                    changed.map_err(|_| Status::unavailable("stopping"))?;
                    let news = held.borrow_and_update().clone();
                    match news {
                        Ok(news) => self.acknowledge(&mut told, news).await?,
                        Err(refusal) => return self.farewell(refusal).await,
                    }
                }
                () = is_stopped(&mut stopped) => return self.farewell(Refusal::Stopping).await,
                request = tokio::time::timeout(SILENCE, self.requests.message()) => {
                    let request = request.map_err(|_| Status::deadline_exceeded("silent for long"))??;
                    let Some(request) = request else { return Ok(()) };
                    self.on_request(&life, &told, request).await?;
                }
            }
        }
    }

    /// Who is there.
    async fn greet(&mut self) -> Result<BoxLife, Status> {
        let first = tokio::time::timeout(GREETING, self.requests.message()).await;
        let first = first.map_err(|_| Status::deadline_exceeded("no hello"))??;
        let Some(Request::Hello(hello)) = first.and_then(|request| request.word) else {
            return Err(Status::invalid_argument("expected hello first"));
        };
        let v1::Hello { box_id, epoch, .. } = hello;
        let valid = (1..=63).contains(&box_id.len())
            && box_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !valid {
            return Err(Status::invalid_argument("box_id: expected 1 to 63 letters, digits or hyphens"));
        }
        if self.certificate.as_ref().is_some_and(|certificate| !names(certificate, &box_id)) {
            return Err(Status::unauthenticated(format!("the certificate does not name {box_id}")));
        }
        Ok(BoxLife { box_id, epoch })
    }

    async fn on_request(
        &self,
        life: &BoxLife,
        intake: &Intake,
        request: v1::DeliverRequest,
    ) -> Result<(), Status> {
        let malformed = |error: wire::Malformed| Status::invalid_argument(error.to_string());
        let (span, rows) = match request.word {
            Some(Request::Readings(batch)) => {
                let readings = wire::parse_readings(&batch).map_err(malformed)?;
                (Span { first: batch.first, last: batch.last }, Rows::Readings(readings))
            }
            Some(Request::Events(batch)) => {
                let span = Span { first: batch.first, last: batch.last };
                (span, Rows::Events(wire::parse_events(batch).map_err(malformed)?))
            }
            Some(Request::Values(batch)) => {
                let values = wire::parse_values(&batch).map_err(malformed)?;
                (Span { first: batch.first, last: batch.last }, Rows::Values(values))
            }
            Some(Request::Heartbeat(_)) => return self.say(Answer::Heartbeat(v1::Heartbeat {})).await,
            Some(Request::Hello(_)) | None => {
                return Err(Status::invalid_argument("expected a batch or a heartbeat"));
            }
        };
        intake
            .examine(rows.lot(), span, rows.len())
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let taken = self.committer.take(Parcel { life: life.clone(), span, rows }).await;
        taken.then_some(()).ok_or_else(|| Status::unavailable("stopping"))
    }

    async fn acknowledge(&self, told: &mut Intake, news: Intake) -> Result<(), Status> {
        for lot in Lot::ALL {
            if told.held(lot) != news.held(lot) {
                let (lot, held) = (wire::emit_lot(lot).into(), wire::emit_spans(news.held(lot)));
                self.say(Answer::Acknowledgement(v1::Acknowledgement { lot, held })).await?;
            }
        }
        *told = news;
        Ok(())
    }

    async fn farewell(&self, refusal: Refusal) -> Result<(), Status> {
        let (reason, retry_after) = match refusal {
            Refusal::Replaced => (String::from("a newer connection of this box is there"), Duration::ZERO),
            Refusal::Stopping => (String::from("the head-end stops"), RETRY_AFTER),
            Refusal::Store(text) => (text, RETRY_AFTER),
        };
        let retry_after_ms = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX);
        self.say(Answer::Farewell(v1::Farewell { reason, retry_after_ms })).await
    }

    async fn say(&self, word: Answer) -> Result<(), Status> {
        let answer = v1::DeliverResponse { word: Some(word) };
        let sent = self.answers.send_timeout(Ok(answer), SILENCE).await;
        sent.map_err(|_| Status::deadline_exceeded("the box takes nothing"))
    }
}

/// Whether a certificate, which the handshake has verified, is of this box.
fn names(certificate: &[u8], box_id: &str) -> bool {
    let der = rustls_pki_types::CertificateDer::from(certificate);
    let Ok(certificate) = webpki::EndEntityCert::try_from(&der) else { return false };
    let Ok(name) = rustls_pki_types::ServerName::try_from(box_id) else { return false };
    certificate.verify_is_valid_for_subject_name(&name).is_ok()
}

struct Digests {
    store: PathBuf,
    /// One at a time: everything that is held is read.
    digesting: Semaphore,
}

#[tonic::async_trait]
impl Ledger for Digests {
    async fn list(
        &self,
        _: tonic::Request<v1::LedgerListRequest>,
    ) -> Result<Response<v1::LedgerListResponse>, Status> {
        Err(Status::unimplemented("the head-end does not know what is expected; ask the box"))
    }

    async fn digests(
        &self,
        request: tonic::Request<v1::LedgerDigestsRequest>,
    ) -> Result<Response<v1::LedgerDigestsResponse>, Status> {
        let request = request.into_inner();
        let v1::LedgerDigestsRequest { meter_id, from_ms, to_ms, lot, limit, .. } = &request;
        let of = wire::parse_digested(*lot).map_err(|error| Status::invalid_argument(error.to_string()))?;
        let meter = if meter_id.is_empty() { None } else { Some(Eui64::parse_hex(meter_id)) };
        if meter == Some(None) {
            return Err(Status::not_found(format!(
                "meter {}: expected 16 hexadecimal digits",
                Quoted(meter_id)
            )));
        }
        let filter = Filter {
            meter: meter.flatten(),
            from: from_ms.map(Utc::from_millis),
            to: to_ms.map(Utc::from_millis),
        };
        let (store, page) = (self.store.clone(), wire::page(&request)?);
        let _alone = self.digesting.acquire().await.map_err(|_| Status::unavailable("stopping"))?;
        let digests = tokio::task::spawn_blocking(move || HeadStore::digests(&store, of, &filter, page));
        let digests = digests.await.map_err(|error| Status::internal(error.to_string()))?;
        let digests = digests.map_err(|error| Status::internal(error.to_string()))?;
        Ok(Response::new(wire::emit_digests(of, &digests, *limit)?))
    }
}

/// Connections that may be open at the same time.
pub const MAX_CONNECTIONS: usize = 1024;
/// The same with one certificate; the newest wins.
pub const CONNECTIONS_OF_ONE: usize = 4;
/// Questions to the store that are answered at the same time, each on a thread with a connection to the database of its own.
pub const QUESTIONS: usize = 16;
/// Descriptors besides the connections: two for each question; 48 for the database, the log and the runtime.
const OTHER_DESCRIPTORS: usize = 2 * QUESTIONS + 48;
/// Octets of a batch at most.
const MAX_BATCH: usize = 1 << 20;
/// Octets on their way from a box at most.
const WINDOW: u32 = 1 << 20;
/// Streams of a connection.
const STREAMS: u32 = 8;
/// Answers that wait for a box.
const QUEUE: usize = 64;
const KEEPALIVE: Duration = Duration::from_secs(20);
/// A box that says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a box may take to say hello.
const GREETING: Duration = Duration::from_secs(10);
/// A head-end that stops lets boxes say goodbye for so long.
const GRACE: Duration = Duration::from_secs(3);
/// A head-end whose disk is full, or that stops, sends the boxes away for so long.
const RETRY_AFTER: Duration = Duration::from_secs(2);
