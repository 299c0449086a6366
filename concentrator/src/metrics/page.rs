//! The page: `GET /metrics`, over HTTP/1.1, for a few who ask in turn.

use super::families::{self, Held};
use crate::live::Live;
use http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use plc_core::time::Duration;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Why the page cannot be served.
#[derive(Debug, Error)]
pub enum MetricsError {
    /// The address is taken or not of this machine.
    #[error("metrics.listen {address}: {error}; expected a free port of an address of this machine")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The system gave no thread.
    #[error("thread of the metrics: {0}")]
    Runtime(io::Error),
}

/// The page that is being served, until [`Live::shutdown`].
#[derive(Debug)]
pub struct Page {
    address: SocketAddr,
    thread: JoinHandle<()>,
}

impl Page {
    /// Serves on `listen`, on a thread of its own.
    ///
    /// # Errors
    /// The address cannot be had; the system gives no thread.
    pub fn start(listen: SocketAddr, live: Arc<Live>, store: PathBuf) -> Result<Self, MetricsError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(MetricsError::Runtime)?;
        let bind = |error| MetricsError::Bind { address: listen, error };
        let listener = runtime.block_on(TcpListener::bind(listen)).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let body = move || {
            runtime.block_on(serve(listener, live, store));
            // A disk that does not answer holds nobody up.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name(String::from("metrics")).spawn(body);
        let thread = thread.map_err(MetricsError::Runtime)?;
        tracing::info!("metrics on http://{address}/metrics");
        Ok(Self { address, thread })
    }

    /// Where it is served; the port is real also when 0 was asked.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for its end, which follows the shutdown.
    pub fn join(self) {
        // A panic of the page has been said by the panic itself.
        let _ = self.thread.join();
    }
}

async fn serve(listener: TcpListener, live: Arc<Live>, store: PathBuf) {
    let (shutdown, places) = (live.shutdown.clone(), Arc::new(Semaphore::new(CONNECTIONS)));
    let disk = Arc::new(Semaphore::new(1));
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.triggered() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                // Whoever is one too many is not kept waiting.
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
                let (live, store, disk) = (Arc::clone(&live), store.clone(), Arc::clone(&disk));
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(PATIENCE, answer(stream, live, store, disk)).await;
                    drop(place);
                });
            }
            // Too many files are open: that passes.
            Err(error) => {
                tracing::warn!("metrics: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// One question, one answer.
async fn answer(stream: TcpStream, live: Arc<Live>, store: PathBuf, disk: Arc<Semaphore>) {
    let service = service_fn(move |request| {
        let (live, store, disk) = (Arc::clone(&live), store.clone(), Arc::clone(&disk));
        async move { Ok::<_, Infallible>(respond(&request, &live, held(store, disk).await)) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .keep_alive(false)
        .max_buf_size(MAX_REQUEST)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!("metrics: {error}");
    }
}

/// What the disk says, unless it takes long. One question waits for it at a time.
async fn held(store: PathBuf, disk: Arc<Semaphore>) -> Option<Held> {
    let asked = async {
        let turn = disk.acquire_owned().await.ok()?;
        let ask = move || {
            let held = Held::of(&store);
            drop(turn);
            held
        };
        tokio::task::spawn_blocking(ask).await.ok()
    };
    tokio::time::timeout(DISK, asked).await.ok().flatten()
}

fn respond(request: &Request<Incoming>, live: &Arc<Live>, held: Option<Held>) -> Response<String> {
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            let mut page = String::new();
            match families::write(live, held, &mut page) {
                Ok(()) => (StatusCode::OK, OPEN_METRICS, page),
                Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, PLAIN, format!("{error}\n")),
            }
        }
        (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, PLAIN, String::from("expected GET /metrics\n")),
        _ => (StatusCode::NOT_FOUND, PLAIN, String::from("expected GET /metrics\n")),
    };
    let mut response = Response::new(text);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";
/// Connections at the same time.
const CONNECTIONS: usize = 8;
/// How long a question and its answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the disk may take.
const DISK: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(200);
/// Octets of a request.
const MAX_REQUEST: usize = 16 * 1024;
