//! The waiting room: connections that have not introduced themselves. They never take a place of one that has.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The waiting room. Dropping it closes what waits.
#[derive(Debug)]
pub(super) struct WaitingRoom {
    /// How many may wait.
    bound: usize,
    tasks: JoinSet<()>,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    id: Id,
    origin: IpAddr,
    /// Whether it has begun to introduce itself.
    spoken: Arc<AtomicBool>,
    abort: AbortHandle,
}

impl WaitingRoom {
    pub(super) fn new(bound: usize) -> Self {
        Self { bound, tasks: JoinSet::new(), waiting: Vec::new() }
    }

    /// Lets `stream` introduce itself; `then` has it when it has done so in time. Where too many wait, the one that has waited longest
    /// goes: of the same origin where that has its share, else of the origin that has most, and first one that has said nothing.
    pub(super) fn admit<F: Future<Output = ()> + Send>(
        &mut self,
        stream: TcpStream,
        acceptor: TlsAcceptor,
        then: impl FnOnce(TlsStream<TcpStream>) -> F + Send + 'static,
    ) {
        let Ok(peer) = stream.peer_addr() else { return };
        let origin = origin(peer.ip());
        self.make_room(origin);
        let spoken = Arc::new(AtomicBool::new(false));
        let says = Arc::clone(&spoken);
        let abort = self.tasks.spawn(async move {
            match tokio::time::timeout(INTRODUCTION, introduce(stream, acceptor, &says)).await {
                Ok(Ok(stream)) => then(stream).await,
                Ok(Err(error)) => tracing::info!("{peer} has not introduced itself: {error}"),
                Err(_) => tracing::info!("{peer} has not introduced itself in {INTRODUCTION:?}"),
            }
        });
        self.waiting.push(Waiting { id: abort.id(), origin, spoken, abort });
    }

    /// Waits until one of them has ended.
    pub(super) async fn ended(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => self.waiting.retain(|waiting| waiting.id != id),
            Some(Err(error)) => self.waiting.retain(|waiting| waiting.id != error.id()),
            None => std::future::pending().await,
        }
    }

    fn make_room(&mut self, origin: IpAddr) {
        let held = |of: IpAddr| self.waiting.iter().filter(|waiting| waiting.origin == of).count();
        let of = if held(origin) >= self.bound.div_ceil(2) {
            Some(origin)
        } else if self.waiting.len() >= self.bound {
            self.waiting.iter().map(|waiting| waiting.origin).max_by_key(|of| held(*of))
        } else {
            None
        };
        let Some(of) = of else { return };
        let candidates = self.waiting.iter().enumerate().filter(|(_, waiting)| waiting.origin == of);
        // The oldest stand first.
        let victim = candidates.min_by_key(|(at, waiting)| (waiting.spoken.load(Ordering::Relaxed), *at));
        if let Some((at, _)) = victim {
            let Waiting { abort, .. } = self.waiting.remove(at);
            abort.abort();
            tracing::warn!(
                "{of}: too many connections have not introduced themselves; the oldest was closed"
            );
        }
    }
}

async fn introduce(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    spoken: &AtomicBool,
) -> io::Result<TlsStream<TcpStream>> {
    stream.readable().await?;
    spoken.store(true, Ordering::Relaxed);
    acceptor.accept(stream).await
}

/// Where a connection comes from: an address, or the network of 64 bits that one machine may have for itself.
fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

/// How long an introduction (TLS) may take.
const INTRODUCTION: Duration = Duration::from_secs(5);
/// Connections that may be about to introduce themselves, half of them of one origin.
pub const WAITING: usize = 64;
