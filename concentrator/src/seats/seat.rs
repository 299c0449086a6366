//! A connection with its place.

use super::hall::{Hall, Party};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

/// A connection with its place. It ends, with an error of the stream, when it has to make room.
#[derive(Debug)]
pub struct Seat {
    stream: Stream,
    occupant: Occupant,
    leave: oneshot::Receiver<()>,
    dismissed: bool,
    /// Given back after the stream is closed.
    _ticket: Ticket,
}

/// The right to a descriptor.
pub(super) type Ticket = OwnedSemaphorePermit;

#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Who is on a connection: an extension of each of its requests.
#[derive(Clone, Debug)]
pub struct Occupant {
    /// The first certificate of the other end (DER), which was verified; none in plain text.
    pub certificate: Option<Arc<[u8]>>,
    place: Arc<Held>,
}

/// A place in the hall, given back at the end.
#[derive(Debug)]
struct Held {
    hall: Arc<Mutex<Hall>>,
    id: u64,
}

/// A call under way: as long as it is there its connection is in use.
#[derive(Debug)]
pub(super) struct Call(Occupant);

impl Seat {
    /// The connection takes a place; `None` when nobody makes room.
    pub(super) fn take(
        hall: &Arc<Mutex<Hall>>,
        (stream, ticket): (Stream, Ticket),
        party: Party,
    ) -> Option<Self> {
        let (sender, leave) = oneshot::channel();
        let id = locked(hall).enter(party, sender)?;
        let certificate = stream.certificate();
        let place = Arc::new(Held { hall: Arc::clone(hall), id });
        Some(Self {
            stream,
            occupant: Occupant { certificate, place },
            leave,
            dismissed: false,
            _ticket: ticket,
        })
    }

    /// Whether it may go on.
    fn stays(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        self.dismissed = self.dismissed || Pin::new(&mut self.leave).poll(context).is_ready();
        if self.dismissed { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

impl Stream {
    pub(super) fn certificate(&self) -> Option<Arc<[u8]>> {
        let Self::Tls(stream) = self else { return None };
        stream.get_ref().1.peer_certificates()?.first().map(|der| der.as_ref().into())
    }
}

impl Occupant {
    /// A call begins.
    pub(super) fn call(&self) -> Call {
        locked(&self.place.hall).begin(self.place.id);
        Call(self.clone())
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        locked(&self.0.place.hall).end(self.0.place.id);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        locked(&self.hall).leave(self.id);
    }
}

/// Each change of the hall is whole when its method ends, so one that panicked has left nothing half done.
fn locked(hall: &Mutex<Hall>) -> MutexGuard<'_, Hall> {
    hall.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connected for Seat {
    type ConnectInfo = Occupant;

    fn connect_info(&self) -> Occupant {
        self.occupant.clone()
    }
}

/// Calls a method of whichever stream it is.
macro_rules! either {
    ($seat:expr, $stream:ident => $call:expr) => {
        match &mut $seat.stream {
            Stream::Plain(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Stream::Tls(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Seat {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stays(context)?;
        either!(self, stream => stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Seat {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stays(context)?;
        either!(self, stream => stream.poll_write(context, octets))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stays(context)?;
        either!(self, stream => stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stays(context)?;
        either!(self, stream => stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Farewells of one that was dismissed are not waited for.
        if self.stays(context).is_err() {
            return Poll::Ready(Ok(()));
        }
        either!(self, stream => stream.poll_shutdown(context))
    }
}
