//! The gRPC interface, on a runtime of its own, with health and reflection.
//!
//! [`Server::start`] may be called from any thread; the interface reads [`Live`] and the store through its own
//! connections and never touches the thread of the power line.

mod access;
mod beside;
mod config;
mod convert;
mod jobs;
mod ledger;
mod network;
mod places;
mod role;
mod service;
mod stream;
mod tasks;
mod upload;

pub use access::{Access, CONNECTIONS_OF_ONE, MAX_CONNECTIONS};
pub use convert::obis;
pub use jobs::parse_job;
pub use places::{MAX_STREAMS, STREAMS_OF_ONE};
pub use role::{Caller, Role};
pub use tasks::parse_task;

use crate::live::Live;
use crate::pulse::Pipeline;
use crate::seats::{CertificateError, Counted, seats};
use crate::settings::Settings;
use crate::store::StoreReader;
use access::Guarded;
use concentrator_proto::FILE_DESCRIPTOR_SET;
use concentrator_proto::v1::concentrator_server::ConcentratorServer;
use concentrator_proto::v1::config_server::ConfigServer;
use concentrator_proto::v1::events_server::EventsServer;
use concentrator_proto::v1::jobs_server::JobsServer;
use concentrator_proto::v1::ledger_server::LedgerServer;
use concentrator_proto::v1::meters_server::MetersServer;
use concentrator_proto::v1::network_server::NetworkServer;
use concentrator_proto::v1::readings_server::ReadingsServer;
use concentrator_proto::v1::tasks_server::TasksServer;
use config::ConfigService;
use jobs::JobService;
use ledger::LedgerService;
use service::Service;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tasks::TaskService;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tonic::transport;
use tonic::transport::server::Router;
pub(crate) use upload::PIECE_MAX;

/// Why the interface cannot be served.
#[derive(Debug, Error)]
pub enum GrpcError {
    /// Another program listens there.
    #[error("address {0}: in use by another program, expected a free port")]
    Busy(SocketAddr),
    /// The system refused the address.
    #[error("address {address}: {error}, expected an address of this machine")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// Plain text, and others could hear it.
    #[error(
        "address {0}: plain text only on this machine, expected a loopback address such as 127.0.0.1:50051, or certificates"
    )]
    PlainText(SocketAddr),
    /// The certificates cannot be used.
    #[error("certificates of the interface: {0}, expected an authority, a certificate and its key in PEM")]
    Certificates(#[from] CertificateError),
    /// The system gave no threads or no signals.
    #[error("runtime of the interface: {0}")]
    Runtime(io::Error),
    /// The description of the interface is damaged.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The server ended by itself.
    #[error("interface: {0}")]
    Transport(#[from] transport::Error),
}

/// The running interface. Dropping it ends it at once; [`Server::stop`] lets the answers finish.
#[derive(Debug)]
pub struct Server {
    runtime: Runtime,
    task: JoinHandle<Result<(), transport::Error>>,
    address: SocketAddr,
    live: Arc<Live>,
}

impl Server {
    /// Serves on `listen` until [`Live::shutdown`]. The store must exist.
    ///
    /// # Errors
    /// The address is taken, or is not one for plain text; the certificates cannot be used; the system refused.
    pub fn start(
        listen: SocketAddr,
        access: &Access,
        live: Arc<Live>,
        store: &Path,
    ) -> Result<Self, GrpcError> {
        if !access.suits(listen) {
            return Err(GrpcError::PlainText(listen));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .max_blocking_threads(BLOCKING)
            .thread_name("grpc")
            .enable_all()
            .build()
            .map_err(GrpcError::Runtime)?;
        let listener = runtime.block_on(TcpListener::bind(listen)).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => GrpcError::Busy(listen),
            _ => GrpcError::Bind { address: listen, error },
        })?;
        let address = listener.local_addr().map_err(GrpcError::Runtime)?;
        let task = runtime.block_on(spawn(listener, access, Arc::clone(&live), store.to_owned()))?;
        runtime.spawn(beat(Arc::clone(&live), store.to_owned()));
        tracing::info!("interface on {address}");
        Ok(Self { runtime, task, address, live })
    }

    /// Where it is served; the port is real also when 0 was asked.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on SIGHUP has the configuration read again.
    ///
    /// # Errors
    /// The system gives no signals.
    pub fn reload_on_signal(&self, settings: Arc<Settings>) -> Result<(), GrpcError> {
        use tokio::signal::unix::{SignalKind, signal};
        let _context = self.runtime.enter();
        let mut hangup = signal(SignalKind::hangup()).map_err(GrpcError::Runtime)?;
        self.runtime.spawn(async move {
            while hangup.recv().await.is_some() {
                settings.ask();
            }
        });
        Ok(())
    }

    /// From now on SIGINT and SIGTERM trigger [`Live::shutdown`].
    ///
    /// # Errors
    /// The system gives no signals.
    pub fn stop_on_signals(&self) -> Result<(), GrpcError> {
        use tokio::signal::unix::{SignalKind, signal};
        let _context = self.runtime.enter();
        let mut interrupt = signal(SignalKind::interrupt()).map_err(GrpcError::Runtime)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(GrpcError::Runtime)?;
        let shutdown = self.live.shutdown.clone();
        self.runtime.spawn(async move {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            tracing::info!("asked to stop");
            shutdown.trigger();
        });
        Ok(())
    }

    /// Triggers [`Live::shutdown`], lets the answers under way finish for a while, and ends.
    ///
    /// # Errors
    /// The server had ended by itself.
    pub fn stop(self) -> Result<(), GrpcError> {
        self.live.shutdown.trigger();
        let ended = self.runtime.block_on(async { tokio::time::timeout(GRACE, self.task).await });
        self.runtime.shutdown_background();
        match ended {
            Ok(Ok(result)) => Ok(result?),
            // Somebody does not take the answer: not waited for.
            Ok(Err(_)) | Err(_) => Ok(()),
        }
    }
}

/// Starts to serve; the task ends after the shutdown.
async fn spawn(
    listener: TcpListener,
    access: &Access,
    live: Arc<Live>,
    store: PathBuf,
) -> Result<JoinHandle<Result<(), transport::Error>>, GrpcError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<ConcentratorServer<Service>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let shutdown = live.shutdown.clone();
    let router = builder()
        .add_service(Counted(Guarded::new(access, health_service)))
        .add_service(Counted(Guarded::new(access, reflection)));
    let router = add_own(router, access, &Arc::new(Service::new(live, store, access.streams_of_one())));
    let seats = seats(listener, access.door()?);
    let stopping = async move {
        shutdown.triggered().await;
        health.set_service_status("", tonic_health::ServingStatus::NotServing).await;
        health.set_not_serving::<ConcentratorServer<Service>>().await;
    };
    Ok(tokio::spawn(router.serve_with_incoming_shutdown(seats, stopping)))
}

/// What bounds a connection.
fn builder() -> transport::Server {
    transport::Server::builder()
        .max_concurrent_streams(MAX_STREAMS_PER_CONNECTION)
        .http2_max_header_list_size(MAX_HEADERS)
        .http2_max_pending_accept_reset_streams(Some(MAX_RESETS))
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
}

/// The services of the concentrator, each behind its guard.
fn add_own(router: Router, access: &Access, service: &Arc<Service>) -> Router {
    macro_rules! guarded {
        ($server:ident, $service:expr) => {
            guarded!($server, $service, MAX_REQUEST)
        };
        ($server:ident, $service:expr, $octets:expr) => {
            Counted(Guarded::new(access, $server::from_arc($service).max_decoding_message_size($octets)))
        };
    }
    router
        .add_service(guarded!(ConcentratorServer, Arc::clone(service)))
        .add_service(guarded!(MetersServer, Arc::clone(service)))
        .add_service(guarded!(ReadingsServer, Arc::clone(service)))
        .add_service(guarded!(NetworkServer, Arc::clone(service)))
        .add_service(guarded!(EventsServer, Arc::clone(service)))
        .add_service(guarded!(ConfigServer, Arc::new(ConfigService(Arc::clone(service))), MAX_CONFIG))
        .add_service(guarded!(JobsServer, Arc::new(JobService::new(Arc::clone(service))), MAX_JOB))
        .add_service(guarded!(TasksServer, Arc::new(TaskService(Arc::clone(service)))))
        .add_service(guarded!(LedgerServer, Arc::new(LedgerService(Arc::clone(service)))))
}

/// Tells that the runtime runs and the store can be read, as long as that is so.
async fn beat(live: Arc<Live>, store: PathBuf) {
    while !live.shutdown.is_triggered() {
        let path = store.clone();
        let read = move || StoreReader::open(&path).and_then(|reader| reader.newest());
        match tokio::task::spawn_blocking(read).await {
            // A store that fails at once is a fault, and not one that a restart mends.
            Ok(read) => {
                if let Err(error) = read {
                    tracing::error!("the interface cannot read the store: {error}");
                }
                live.beat(Pipeline::Interface);
            }
            Err(error) => tracing::error!("the interface cannot read the store: {error}"),
        }
        let _ = tokio::time::timeout(BEAT, live.shutdown.triggered()).await;
    }
    live.rest(Pipeline::Interface);
}

/// Pause between two looks at the own health.
const BEAT: Duration = Duration::from_secs(5);
const WORKERS: usize = 2;
const BLOCKING: usize = 16;
/// Octets of a request.
const MAX_REQUEST: usize = 64 * 1024;
/// The same of one that names the meters of a job: more than there may be, so that who names too many is told so.
const MAX_JOB: usize = 1 << 20;
/// The same of one with a configuration.
const MAX_CONFIG: usize = 4 << 20;
const MAX_STREAMS_PER_CONNECTION: u32 = 128;
/// Octets of the headers of a request.
const MAX_HEADERS: u32 = 16 * 1024;
/// Streams that a client may open and give up before anybody has looked at them.
const MAX_RESETS: usize = 32;
/// A connection whose other end is silent that long twice is closed.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// How long answers under way may take to finish.
const GRACE: Duration = Duration::from_secs(3);
