//! Connections, of which there may be a limited number.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::{Connected, TcpConnectInfo};

/// Connections that may be open at the same time; the next is closed at once.
pub const MAX_CONNECTIONS: usize = 64;

/// A connection with its place.
#[derive(Debug)]
pub(super) struct Seat {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
}

/// Accepts connections as long as somebody takes them.
pub(super) fn seats(listener: TcpListener) -> ReceiverStream<io::Result<Seat>> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = sender.closed() => return,
            };
            let seat = accepted.and_then(|(stream, _)| {
                stream.set_nodelay(true)?;
                Ok(Arc::clone(&places).try_acquire_owned().ok().map(|place| Seat { stream, _place: place }))
            });
            match seat {
                Ok(None) => tracing::warn!("a connection refused: {MAX_CONNECTIONS} are open"),
                Ok(Some(seat)) => {
                    if sender.send(Ok(seat)).await.is_err() {
                        return;
                    }
                }
                // No descriptors, or the other end has gone: neither is the end of the interface.
                Err(error) => {
                    tracing::warn!("a connection was not accepted: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    });
    ReceiverStream::new(receiver)
}

/// After a connection that could not be accepted.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

impl Connected for Seat {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Seat {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Seat {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
