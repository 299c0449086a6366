//! How the driver reaches the hosts to which the meter pushes.

use super::driver::{Client, Connected, Driver, Event};
use super::{CarrierKind, Desk, DeskEvent, DeskInput, DeskLine, DeskPeer};
use meter::objects::PushHost;
use plc_core::time::Duration;
use plc_core::{Instant, Machine};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::sync::mpsc::SyncSender;

/// A host that was called.
pub(super) struct Call {
    host: PushHost,
    /// Nobody knows yet whether it answers.
    is_ringing: bool,
}

impl Driver {
    /// Sends a push over the connection that there is, or calls the host for one, in a thread: nobody else waits for it.
    pub(super) fn push(&mut self, connection: u16, host: PushHost, octets: Vec<u8>) {
        match self.hosts.get(&connection) {
            // What is not sent now is repeated as its setup says.
            Some(call) if call.is_ringing => {
                return self.on_left(connection, false);
            }
            Some(call) if call.host == host => {
                let sent = self.clients.get(&connection).is_some_and(|client| client.send(octets));
                return self.on_left(connection, sent);
            }
            Some(_) => self.close(connection),
            None => {}
        }
        let (events, socket) = (self.events.clone(), self.socket.clone());
        let called = host.clone();
        let thread = std::thread::Builder::new().name(String::from("call"));
        if thread.spawn(move || call(connection, &called, socket.as_deref(), octets, &events)).is_ok() {
            self.hosts.insert(connection, Call { host, is_ringing: true });
        } else {
            self.on_left(connection, false);
        }
    }

    pub(super) fn on_called(
        &mut self,
        now: Instant,
        connection: u16,
        reached: io::Result<Reached>,
        octets: Vec<u8>,
        log: &mut impl FnMut(&Desk, &DeskLine),
    ) {
        let Some(call) = self.hosts.get_mut(&connection) else { return };
        call.is_ringing = false;
        let address = call.host.address.clone();
        let client = match reached {
            Ok(Reached::Datagram(address)) => {
                if !self.await_datagrams(now, address, connection) {
                    self.hosts.remove(&connection);
                }
                return self.on_left(connection, true);
            }
            Ok(Reached::Connection(stream)) => stream.peer_addr().and_then(|address| {
                let peer = DeskPeer { address, kind: CarrierKind::Wrapper };
                Ok((address.ip(), Connected::new(stream, peer, connection, &self.events)?))
            }),
            Err(error) => Err(error),
        };
        match client {
            Ok((host, client)) => {
                self.desk.handle(now, DeskInput::Opened { connection, kind: CarrierKind::Wrapper, host });
                let client = Client::Connection(client);
                let sent = client.send(octets);
                self.clients.insert(connection, client);
                self.on_left(connection, sent);
            }
            Err(error) => {
                self.tell(log, None, DeskEvent::NotReached(format!("{address}: {error}")));
                self.hosts.remove(&connection);
                self.on_left(connection, false);
            }
        }
    }

    fn on_left(&mut self, connection: u16, reached: bool) {
        let now = self.clock.now();
        self.desk.handle(now, DeskInput::PushLeft { connection, reached });
    }
}

/// How a host was reached.
pub(super) enum Reached {
    /// There is a connection to it.
    Connection(TcpStream),
    /// The datagram has left for this address.
    Datagram(SocketAddr),
}

/// Reaches a host: a connection to it, or over UDP the datagram sent, from the socket of the meter if it has one.
fn call(
    connection: u16,
    host: &PushHost,
    socket: Option<&UdpSocket>,
    octets: Vec<u8>,
    events: &SyncSender<Event>,
) {
    let reached = if host.over_tcp {
        connect(&host.address).map(Reached::Connection)
    } else {
        send(host, socket, &octets).map(Reached::Datagram)
    };
    // A driver that is gone waits for nobody.
    let _ = events.send(Event::Called(connection, reached, octets));
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "expected a host that has an address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn send(host: &PushHost, socket: Option<&UdpSocket>, octets: &[u8]) -> io::Result<SocketAddr> {
    let address = host.address.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    if let Some(socket) = socket {
        return socket.send_to(octets, address).map(|_| address);
    }
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    UdpSocket::bind(any)?.send_to(octets, address).map(|_| address)
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
