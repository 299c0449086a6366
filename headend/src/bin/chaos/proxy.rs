//! A line between box and head-end that can be cut and slowed down.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The line.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Debug)]
struct State {
    target: Mutex<SocketAddr>,
    /// Changes when all connections are cut.
    cut: watch::Sender<u64>,
    /// Pause after each piece, microseconds.
    slow_us: AtomicU64,
    /// Octets of a piece.
    piece: AtomicU32,
}

impl Proxy {
    pub(crate) fn start() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            target: Mutex::new(address),
            cut: watch::Sender::new(0),
            slow_us: AtomicU64::new(0),
            piece: AtomicU32::new(FAST),
        });
        let shared = Arc::clone(&state);
        runtime.spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(join(near, Arc::clone(&shared)));
            }
        });
        Ok(Self { address, state, _runtime: runtime })
    }

    /// Where the head-end listens now.
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        if let Ok(mut held) = self.state.target.lock() {
            *held = target;
        }
    }

    /// Ends all connections.
    pub(crate) fn cut(&self) {
        self.state.cut.send_modify(|count| *count += 1);
    }

    /// Small pieces with pauses, or all at once.
    pub(crate) fn slow(&self, slow: bool) {
        self.state.slow_us.store(if slow { 2000 } else { 0 }, Ordering::Relaxed);
        self.state.piece.store(if slow { 700 } else { FAST }, Ordering::Relaxed);
    }
}

async fn join(near: TcpStream, state: Arc<State>) {
    let Ok(target) = state.target.lock().map(|target| *target) else { return };
    let Ok(far) = TcpStream::connect(target).await else { return };
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    let mut cut = state.cut.subscribe();
    tokio::select! {
        () = carry(near_in, far_out, &state) => {}
        () = carry(far_in, near_out, &state) => {}
        _ = cut.changed() => {}
    }
}

async fn carry(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, state: &State) {
    let mut octets = vec![0; FAST as usize];
    loop {
        let piece = state.piece.load(Ordering::Relaxed) as usize;
        let Ok(count @ 1..) = from.read(&mut octets[..piece]).await else { return };
        let pause = state.slow_us.load(Ordering::Relaxed);
        if pause > 0 {
            tokio::time::sleep(Duration::from_micros(pause)).await;
        }
        if to.write_all(&octets[..count]).await.is_err() {
            return;
        }
    }
}

const FAST: u32 = 64 * 1024;
