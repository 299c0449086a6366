//! The driver of a desk: sockets, threads, the clock of the machine.

use super::calling::{Call, Reached};
use super::datagrams::Peer;
use super::memory::Memory;
use super::{
    CarrierKind, Desk, DeskConfig, DeskError, DeskEvent, DeskInput, DeskLine, DeskOutput, DeskPeer, datagrams,
};
use meter::ProfileSizes;
use meter::objects::DESTINATION_FIRST;
use plc_core::time::Duration;
use plc_core::{Instant, Machine, Utc};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use thiserror::Error;

/// Where clients find the meter, and where it keeps what it takes through a restart.
#[derive(Debug, Default)]
pub struct DeskPorts {
    /// For the wrapper.
    pub wrapper: Option<TcpListener>,
    /// For HDLC.
    pub hdlc: Option<TcpListener>,
    /// For the wrapper in datagrams.
    pub udp: Option<UdpSocket>,
    /// The folder for what is kept: counters, keys, rows, registers, objects, logs, by how much the clock was set. Without one
    /// nothing is.
    pub state: Option<PathBuf>,
}

/// Why a desk is not served, or no longer.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The desk cannot be opened.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// What an earlier life has left cannot be read, or what this one leaves cannot be kept: without it the meter must not answer.
    #[error("{}: {reason}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A listener or a thread.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Serves a desk for ever. Tells `log` what happens.
///
/// # Errors
/// What keeps the meter from answering at all; a client that goes away does not.
pub fn serve(
    mut config: DeskConfig,
    ports: DeskPorts,
    mut log: impl FnMut(&Desk, &DeskLine),
) -> Result<(), ServeError> {
    let title = config.system_title();
    let opened = ports.state.as_deref().map(|folder| Memory::open(folder, title, ProfileSizes::default()));
    let memory = opened.transpose().map_err(not_kept)?;
    let mended = memory.as_ref().map_or(0, Memory::mended);
    if let Some(memory) = &memory {
        config.state = memory.state();
    }
    let clock = Clock::new(config.history_days);
    let desk = Desk::new(config.clone(), clock.now(), clock.utc())?;
    let (events, inbox) = sync_channel(INBOX);
    for (listener, kind) in [(ports.wrapper, CarrierKind::Wrapper), (ports.hdlc, CarrierKind::Hdlc)] {
        let Some(listener) = listener else { continue };
        let events = events.clone();
        std::thread::Builder::new()
            .name(String::from("accept"))
            .spawn(move || accept(&listener, kind, &events))?;
    }
    let socket = ports.udp.map(Arc::new);
    if let Some(socket) = socket.clone() {
        let events = events.clone();
        let thread = std::thread::Builder::new().name(String::from("datagrams"));
        thread.spawn(move || datagrams::receive(&socket, &events))?;
    }
    let mut driver = Driver {
        desk,
        clock,
        events,
        clients: BTreeMap::new(),
        next: 0,
        hosts: BTreeMap::new(),
        socket,
        peers: BTreeMap::new(),
        memory,
    };
    // All that was kept so far, at once.
    driver.drain(&mut log)?;
    driver.memory = driver.memory.take().map(Memory::begin).transpose().map_err(not_kept)?;
    if mended > 0 {
        driver.tell(&mut log, None, DeskEvent::Mended(mended));
    }
    driver.tell(&mut log, None, DeskEvent::Open);
    driver.run(&inbox, &mut log)
}

/// What the threads tell.
pub(super) enum Event {
    Came(TcpStream, SocketAddr, CarrierKind),
    Octets(u16, u64, Vec<u8>),
    Datagram(SocketAddr, Vec<u8>),
    Gone(u16, u64),
    /// A host was to be reached, to send this.
    Called(u16, io::Result<Reached>, Vec<u8>),
}

pub(super) struct Driver {
    pub(super) desk: Desk,
    pub(super) clock: Clock,
    pub(super) events: SyncSender<Event>,
    pub(super) clients: BTreeMap<u16, Client>,
    pub(super) next: u16,
    /// The hosts to which there are connections, or are being made.
    pub(super) hosts: BTreeMap<u16, Call>,
    /// Where datagrams come and go, and who has sent any.
    pub(super) socket: Option<Arc<UdpSocket>>,
    pub(super) peers: BTreeMap<SocketAddr, u16>,
    memory: Option<Memory>,
}

impl Driver {
    fn run(
        &mut self,
        inbox: &Receiver<Event>,
        log: &mut impl FnMut(&Desk, &DeskLine),
    ) -> Result<(), ServeError> {
        loop {
            let wait = self.desk.deadline().map_or(IDLE, |at| at.since(self.clock.now()));
            match inbox.recv_timeout(wait) {
                Ok(event) => self.on_event(event, log),
                Err(RecvTimeoutError::Timeout) => self.desk.tick(self.clock.now()),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.drain(log)?;
        }
    }

    fn on_event(&mut self, event: Event, log: &mut impl FnMut(&Desk, &DeskLine)) {
        let now = self.clock.now();
        match event {
            Event::Came(stream, from, kind) => {
                let peer = DeskPeer { address: from, kind };
                self.tell(log, Some(peer), DeskEvent::Came);
                self.on_came(now, stream, peer);
            }
            Event::Octets(connection, socket, _) if !self.has(connection, socket) => {}
            Event::Octets(connection, _, octets) => {
                self.desk.handle(now, DeskInput::Octets { connection, octets: &octets });
            }
            Event::Datagram(from, octets) => self.on_datagram(now, from, &octets, log),
            Event::Called(connection, reached, octets) => {
                self.on_called(now, connection, reached, octets, log);
            }
            Event::Gone(connection, socket) => {
                // One that was closed here has been taken from its place already, and another may have come since.
                if self.has(connection, socket) {
                    self.clients.remove(&connection);
                    self.hosts.remove(&connection);
                    self.desk.handle(now, DeskInput::Closed { connection });
                }
            }
        }
    }

    /// Whether this socket is that of the connection.
    fn has(&self, connection: u16, socket: u64) -> bool {
        matches!(self.clients.get(&connection), Some(Client::Connection(client)) if client.socket == socket)
    }

    fn on_came(&mut self, now: Instant, stream: TcpStream, peer: DeskPeer) {
        let Some(connection) = free_number(self.next, &self.clients) else { return };
        if let Ok(client) = Connected::new(stream, peer, connection, &self.events) {
            self.next = connection.wrapping_add(1);
            self.clients.insert(connection, Client::Connection(client));
            let DeskPeer { address, kind } = peer;
            self.desk.handle(now, DeskInput::Opened { connection, kind, host: address.ip() });
        }
    }

    fn drain(&mut self, log: &mut impl FnMut(&Desk, &DeskLine)) -> Result<(), ServeError> {
        while let Some(output) = self.desk.poll() {
            match output {
                DeskOutput::Octets { connection, octets } => {
                    let Some(client) = self.clients.get(&connection) else { continue };
                    if !client.send(octets) {
                        let reason = String::from("does not take its answers");
                        self.tell(log, self.peer(connection), DeskEvent::Dropped(reason));
                        self.close(connection);
                    }
                }
                DeskOutput::Push { connection, host, octets } => self.push(connection, host, octets),
                DeskOutput::Close { connection, reason } => {
                    self.tell(log, self.peer(connection), DeskEvent::Dropped(reason));
                    self.finish(connection);
                }
                DeskOutput::Persist(record) => {
                    self.memory.as_mut().map_or(Ok(()), |memory| memory.keep(&record)).map_err(not_kept)?;
                }
                DeskOutput::Event { connection, event } => {
                    self.memory
                        .as_mut()
                        .map_or(Ok(()), |memory| memory.on_event(&event))
                        .map_err(not_kept)?;
                    let peer = connection.and_then(|connection| self.peer(connection));
                    self.tell(log, peer, DeskEvent::Meter(event));
                }
            }
        }
        Ok(())
    }

    pub(super) fn tell(
        &self,
        log: &mut impl FnMut(&Desk, &DeskLine),
        peer: Option<DeskPeer>,
        event: DeskEvent,
    ) {
        log(&self.desk, &DeskLine { utc: self.desk.utc(self.clock.now()), peer, event });
    }

    /// Who is at the other end of a connection.
    fn peer(&self, connection: u16) -> Option<DeskPeer> {
        self.clients.get(&connection).map(Client::peer)
    }

    /// What was answered already leaves first.
    fn finish(&mut self, connection: u16) {
        if let Some(Client::Connection(client)) = self.clients.get(&connection) {
            client.take_leave();
            self.hosts.remove(&connection);
            self.clients.remove(&connection);
            self.desk.handle(self.clock.now(), DeskInput::Closed { connection });
        } else {
            self.close(connection);
        }
    }

    /// Nothing more is known of it at once.
    pub(super) fn close(&mut self, connection: u16) {
        self.hosts.remove(&connection);
        match self.clients.remove(&connection) {
            Some(Client::Connection(client)) => {
                let _ = client.stream.shutdown(Shutdown::Both);
            }
            Some(Client::Peer(peer)) => {
                self.peers.remove(&peer.address());
            }
            None => return,
        }
        self.desk.handle(self.clock.now(), DeskInput::Closed { connection });
    }
}

fn not_kept((path, reason): (PathBuf, String)) -> ServeError {
    ServeError::State { path, reason }
}

/// Who is answered.
pub(super) enum Client {
    Connection(Connected),
    Peer(Peer),
}

impl Client {
    const fn peer(&self) -> DeskPeer {
        match self {
            Self::Connection(client) => client.peer,
            Self::Peer(peer) => DeskPeer { address: peer.address(), kind: CarrierKind::Datagrams },
        }
    }

    /// Returns whether there was room for the octets.
    pub(super) fn send(&self, octets: Vec<u8>) -> bool {
        match self {
            Self::Connection(client) => client.send(octets),
            Self::Peer(peer) => peer.send(&octets),
        }
    }
}

/// One connection: a thread that reads, and one that writes, so that who does not read holds up nobody else.
pub(super) struct Connected {
    stream: TcpStream,
    peer: DeskPeer,
    answers: SyncSender<Vec<u8>>,
    /// Tells it from every other that has or had its number.
    socket: u64,
    /// Whether it is to end as soon as all answers have left.
    leaving: Arc<AtomicBool>,
}

impl Connected {
    pub(super) fn new(
        stream: TcpStream,
        peer: DeskPeer,
        connection: u16,
        events: &SyncSender<Event>,
    ) -> io::Result<Self> {
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let (answers, queue) = sync_channel(ANSWERS_MAX);
        let (reader, writer, events) = (stream.try_clone()?, stream.try_clone()?, events.clone());
        let named = |name: &str| std::thread::Builder::new().name(String::from(name));
        let leaving = Arc::new(AtomicBool::new(false));
        let (ends, stops) = (Arc::clone(&leaving), Arc::clone(&leaving));
        named("write").spawn(move || write(writer, &queue, &ends))?;
        let socket = SOCKETS.fetch_add(1, Ordering::Relaxed);
        named("read").spawn(move || read(reader, (connection, socket), &events, &stops))?;
        Ok(Self { stream, peer, answers, socket, leaving })
    }

    /// Nothing more is answered when this is dropped; what was has some seconds to leave.
    fn take_leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
        // A socket that takes no limit is gone already.
        let _ =
            self.stream.set_write_timeout(Some(FAREWELL)).and(self.stream.set_read_timeout(Some(FAREWELL)));
    }

    /// Returns whether there was room for the octets.
    fn send(&self, octets: Vec<u8>) -> bool {
        self.answers.try_send(octets).is_ok()
    }
}

/// Writes until the connection or the driver is gone. Whoever is left has heard everything, or takes nothing.
fn write(mut stream: TcpStream, queue: &Receiver<Vec<u8>>, leaving: &AtomicBool) {
    let mut left = FAREWELL_STEPS;
    while let Ok(octets) = queue.recv() {
        let mut rest = octets.as_slice();
        while !rest.is_empty() {
            left -= u32::from(leaving.load(Ordering::Relaxed));
            match stream.write(rest) {
                Ok(len @ 1..) if left > 0 => rest = rest.get(len..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => {
                    // The reader sees the end and tells.
                    let _ = stream.shutdown(Shutdown::Both);
                    return;
                }
            }
        }
    }
    let how = if leaving.load(Ordering::Relaxed) { Shutdown::Write } else { Shutdown::Both };
    let _ = stream.shutdown(how);
}

fn accept(listener: &TcpListener, kind: CarrierKind, events: &SyncSender<Event>) {
    loop {
        match listener.accept() {
            Ok((stream, from)) => {
                if events.send(Event::Came(stream, from, kind)).is_err() {
                    return;
                }
            }
            // Out of descriptors, for instance: there may be some again.
            Err(_) => pause(),
        }
    }
}

/// What comes after the last answer is read and forgotten for a while: octets that nobody reads would take the answer with them.
fn read(
    mut stream: TcpStream,
    (connection, socket): (u16, u64),
    events: &SyncSender<Event>,
    leaving: &AtomicBool,
) {
    let mut buffer = [0; 2048];
    let mut left = FAREWELL_STEPS;
    while let Ok(len @ 1..) = stream.read(&mut buffer) {
        if leaving.load(Ordering::Relaxed) {
            left -= 1;
            if left == 0 {
                break;
            }
        } else if events.send(Event::Octets(connection, socket, buffer[..len].to_vec())).is_err() {
            return;
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
    let _ = events.send(Event::Gone(connection, socket));
}

/// The time of the machine as the desk sees it: it was opened after its days.
pub(super) struct Clock {
    started: std::time::Instant,
    opened: Instant,
}

impl Clock {
    #[allow(clippy::disallowed_methods, reason = "a driver reads the clock")]
    fn new(history_days: u32) -> Self {
        let opened = Instant::from_secs((u64::from(history_days) + 1) * 86_400);
        Self { started: std::time::Instant::now(), opened }
    }

    pub(super) fn now(&self) -> Instant {
        self.opened + self.started.elapsed()
    }

    #[allow(clippy::disallowed_methods, reason = "a driver reads the clock")]
    fn utc(&self) -> Utc {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Utc::from_millis(i64::try_from(since.as_millis()).unwrap_or_default())
    }
}

#[allow(clippy::disallowed_methods, reason = "a driver waits")]
fn pause() {
    std::thread::sleep(Duration::from_millis(100));
}

/// Events that may wait; more make their threads wait.
const INBOX: usize = 64;
/// Pieces of answers that a client may leave untaken: four times the longest burst of general blocks.
const ANSWERS_MAX: usize = 256;
const IDLE: Duration = Duration::from_secs(1);
/// How long each step of a farewell may take, and how many there are.
const FAREWELL: Duration = Duration::from_secs(1);
const FAREWELL_STEPS: u32 = 64;
/// Sockets that there were.
static SOCKETS: AtomicU64 = AtomicU64::new(0);
/// A client that does not take its answers for so long has gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The first number from `next` on that no connection has and that no host of a push is to have: who came first keeps its association for itself.
pub(super) fn free_number<T>(next: u16, taken: &BTreeMap<u16, T>) -> Option<u16> {
    let is_free = |number: &u16| *number < DESTINATION_FIRST && !taken.contains_key(number);
    (0..=u16::MAX).map(|step| next.wrapping_add(step)).find(is_free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_a_connection_has_is_given_to_no_other_however_often_numbers_have_gone_round() {
        let taken = BTreeMap::from([(0, ()), (1, ()), (u16::MAX, ())]);
        assert_eq!(free_number(5, &taken), Some(5));
        assert_eq!(free_number(u16::MAX, &taken), Some(2));
        assert_eq!(free_number(DESTINATION_FIRST, &taken), Some(2), "the hosts of pushes have theirs");
        let all = (0..=u16::MAX).map(|number| (number, ())).collect();
        assert_eq!(free_number(7, &all), None);
    }

    #[test]
    fn who_does_not_take_its_answers_is_refused_and_nobody_waits_for_it() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let _deaf = TcpStream::connect(listener.local_addr().expect("bound")).expect("connected");
        let (events, inbox) = sync_channel(1);
        let (stream, address) = listener.accept().expect("accepted");
        let peer = DeskPeer { address, kind: CarrierKind::Wrapper };
        let client = Connected::new(stream, peer, 7, &events).expect("started");
        // Sixteen times what a socket holds: a blocking write would stop long before.
        let accepted = (0..16_384).take_while(|_| client.send(vec![0; 65_536])).count();
        assert!((ANSWERS_MAX..16_384).contains(&accepted), "{accepted}");
        assert!(inbox.try_recv().is_err(), "nothing has come");
    }
}
