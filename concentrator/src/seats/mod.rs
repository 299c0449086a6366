//! Connections to a server, of which there may be a limited number, and a fair share for each who comes.
//!
//! A connection first waits until it has introduced itself with a certificate (`waiting`), a few seconds at most and apart from those
//! that have. Then it has a place (`hall`): a share for each party; what is idle makes room for what comes. In plain text nobody
//! introduces itself, and everybody is one party.

mod counted;
mod descriptors;
mod hall;
mod seat;
mod tls;
mod waiting;

pub use counted::Counted;
pub use descriptors::{fitting, raise};
pub use hall::{Party, Rules};
pub use seat::{Occupant, Seat};
pub use tls::{CertificateError, acceptor};
pub use waiting::WAITING;

use hall::Hall;
use seat::{Stream, Ticket};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use waiting::WaitingRoom;

/// How connections come in.
#[derive(Clone)]
pub struct Door {
    /// With TLS, or in plain text.
    pub tls: Option<TlsAcceptor>,
    /// How places are shared.
    pub rules: Rules,
    /// Whose certificate (DER) it is; in plain text `None` asks.
    pub party: fn(Option<&[u8]>) -> Party,
}

/// Accepts connections as long as somebody takes them.
pub fn seats(listener: TcpListener, door: Door) -> ReceiverStream<io::Result<Seat>> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(usher(listener, door, sender));
    ReceiverStream::new(receiver)
}

async fn usher(listener: TcpListener, door: Door, sender: mpsc::Sender<io::Result<Seat>>) {
    let hall = Arc::new(Mutex::new(Hall::new(door.rules)));
    let mut room = WaitingRoom::new(door.rules.waiting);
    // Who has to go is closed a moment later; so many are open at the same time, and never more.
    let tickets = Arc::new(Semaphore::new(door.rules.descriptors()));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &tickets) => accepted,
            () = room.ended() => continue,
            () = sender.closed() => return,
        };
        match accepted {
            Ok(accepted) => welcome(accepted, &door, &hall, &mut room, &sender).await,
            // No descriptors, or the other end has gone: neither is the end of the interface.
            Err(error) => {
                tracing::warn!("a connection was not accepted: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn accept(listener: &TcpListener, tickets: &Arc<Semaphore>) -> io::Result<(TcpStream, Ticket)> {
    let ticket = Arc::clone(tickets).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, ticket))
}

async fn welcome(
    (stream, ticket): (TcpStream, Ticket),
    door: &Door,
    hall: &Arc<Mutex<Hall>>,
    room: &mut WaitingRoom,
    sender: &mpsc::Sender<io::Result<Seat>>,
) {
    let (hall, sender, party) = (Arc::clone(hall), sender.clone(), door.party);
    match &door.tls {
        None => seat(&hall, (Stream::Plain(stream), ticket), party, &sender).await,
        Some(acceptor) => room.admit(stream, acceptor.clone(), async move |stream| {
            seat(&hall, (Stream::Tls(Box::new(stream)), ticket), party, &sender).await;
        }),
    }
}

async fn seat(
    hall: &Arc<Mutex<Hall>>,
    (stream, ticket): (Stream, Ticket),
    party: fn(Option<&[u8]>) -> Party,
    sender: &mpsc::Sender<io::Result<Seat>>,
) {
    let party = party(stream.certificate().as_deref());
    let label = party.to_string();
    match Seat::take(hall, (stream, ticket), party) {
        Some(seat) => drop(sender.send(Ok(seat)).await),
        None => tracing::warn!("a connection of {label} refused: all places that it may have are in use"),
    }
}

/// After a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(50);
