//! Clients of the desk that send datagrams: each address is a client, with a number like that of a connection.

use super::driver::{Client, Driver, Event, free_number};
use super::{CarrierKind, Desk, DeskEvent, DeskInput, DeskLine, DeskPeer};
use plc_core::{Instant, Machine};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

/// Where a client is that sends datagrams.
pub(super) struct Peer {
    socket: Arc<UdpSocket>,
    address: SocketAddr,
}

impl Peer {
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns whether the datagram has left: nobody knows more.
    pub(super) fn send(&self, octets: &[u8]) -> bool {
        self.socket.send_to(octets, self.address).is_ok()
    }
}

impl Driver {
    pub(super) fn on_datagram(
        &mut self,
        now: Instant,
        from: SocketAddr,
        octets: &[u8],
        log: &mut impl FnMut(&Desk, &DeskLine),
    ) {
        let known = self.peers.get(&from).copied();
        let Some(connection) = known.or_else(|| self.on_stranger(now, from, log)) else { return };
        self.desk.handle(now, DeskInput::Octets { connection, octets });
    }

    /// What comes from `address` now answers a push that has left for it; not without a socket to which it could come.
    pub(super) fn await_datagrams(&mut self, now: Instant, address: SocketAddr, connection: u16) -> bool {
        let Some(socket) = self.socket.clone() else { return false };
        if let Some(before) = self.peers.insert(address, connection) {
            self.clients.remove(&before);
            self.desk.handle(now, DeskInput::Closed { connection: before });
        }
        self.clients.insert(connection, Client::Peer(Peer { socket, address }));
        self.desk
            .handle(now, DeskInput::Opened { connection, kind: CarrierKind::Datagrams, host: address.ip() });
        true
    }

    /// The desk bounds how many there are: it closes what is one too many.
    fn on_stranger(
        &mut self,
        now: Instant,
        from: SocketAddr,
        log: &mut impl FnMut(&Desk, &DeskLine),
    ) -> Option<u16> {
        let socket = self.socket.clone()?;
        let connection = free_number(self.next, &self.clients)?;
        let peer = DeskPeer { address: from, kind: CarrierKind::Datagrams };
        self.tell(log, Some(peer), DeskEvent::Came);
        self.next = connection.wrapping_add(1);
        self.clients.insert(connection, Client::Peer(Peer { socket, address: from }));
        self.peers.insert(from, connection);
        self.desk
            .handle(now, DeskInput::Opened { connection, kind: CarrierKind::Datagrams, host: from.ip() });
        Some(connection)
    }
}

/// Tells of each datagram until the driver is gone.
pub(super) fn receive(socket: &UdpSocket, events: &SyncSender<Event>) {
    let mut buffer = [0; DATAGRAM_MAX];
    loop {
        // An error is of a datagram that did not arrive somewhere, and none of this socket.
        let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
        if events.send(Event::Datagram(from, buffer[..len].to_vec())).is_err() {
            return;
        }
    }
}

const DATAGRAM_MAX: usize = 65_535;
