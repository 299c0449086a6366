//! The driver of a desk: sockets, threads, the clock of the machine.

use super::calling::Call;
use super::{CarrierKind, Desk, DeskConfig, DeskCounters, DeskError, DeskInput, DeskOutput};
use meter::MeterEvent;
use meter::objects::DESTINATION_FIRST;
use plc_core::time::Duration;
use plc_core::{Instant, Machine, Utc};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use thiserror::Error;

/// Where clients find the meter, and where its counters are kept.
#[derive(Debug)]
pub struct DeskPorts {
    /// For the wrapper.
    pub wrapper: Option<TcpListener>,
    /// For HDLC.
    pub hdlc: Option<TcpListener>,
    /// The file of the counters.
    pub counters: Option<PathBuf>,
}

/// Why a desk is not served, or no longer.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The desk cannot be opened.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// The counters cannot be read or kept: without them the meter must not answer.
    #[error("{}: {reason}", path.display())]
    Counters {
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
    mut log: impl FnMut(&Desk, DeskEvent),
) -> Result<(), ServeError> {
    if let Some(path) = &ports.counters {
        config.counters = read_counters(path)?.or(config.counters);
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
    log(&desk, DeskEvent::Open);
    let counters = config.counters.clone().unwrap_or_default();
    let mut driver = Driver {
        desk,
        clock,
        events,
        clients: BTreeMap::new(),
        next: 0,
        hosts: BTreeMap::new(),
        path: ports.counters,
        counters,
    };
    driver.run(&inbox, &mut log)
}

/// What a desk tells its log.
#[derive(Debug)]
pub enum DeskEvent {
    /// Clients may come.
    Open,
    /// A client has come.
    Came(SocketAddr),
    /// A connection was closed, and why.
    Dropped(String),
    /// Of the meter.
    Meter(MeterEvent),
}

/// What the threads tell.
pub(super) enum Event {
    Came(TcpStream, SocketAddr, CarrierKind),
    Octets(u16, Vec<u8>),
    Gone(u16),
    /// A host was asked for a connection, to send this.
    Called(u16, io::Result<Option<TcpStream>>, Vec<u8>),
}

pub(super) struct Driver {
    pub(super) desk: Desk,
    pub(super) clock: Clock,
    pub(super) events: SyncSender<Event>,
    pub(super) clients: BTreeMap<u16, Client>,
    next: u16,
    /// The hosts to which there are connections, or are being made.
    pub(super) hosts: BTreeMap<u16, Call>,
    path: Option<PathBuf>,
    counters: DeskCounters,
}

impl Driver {
    fn run(
        &mut self,
        inbox: &Receiver<Event>,
        log: &mut impl FnMut(&Desk, DeskEvent),
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

    fn on_event(&mut self, event: Event, log: &mut impl FnMut(&Desk, DeskEvent)) {
        let now = self.clock.now();
        match event {
            Event::Came(stream, from, kind) => {
                log(&self.desk, DeskEvent::Came(from));
                self.on_came(now, stream, kind);
            }
            Event::Octets(connection, octets) => {
                self.desk.handle(now, DeskInput::Octets { connection, octets: &octets });
            }
            Event::Called(connection, stream, octets) => {
                self.on_called(now, connection, stream, octets, log);
            }
            Event::Gone(connection) => {
                self.clients.remove(&connection);
                self.hosts.remove(&connection);
                self.desk.handle(now, DeskInput::Closed { connection });
            }
        }
    }

    fn on_came(&mut self, now: Instant, stream: TcpStream, kind: CarrierKind) {
        let Some(connection) = free_number(self.next, &self.clients) else { return };
        if let Ok(client) = Client::new(stream, connection, &self.events) {
            self.next = connection.wrapping_add(1);
            self.clients.insert(connection, client);
            self.desk.handle(now, DeskInput::Opened { connection, kind });
        }
    }

    fn drain(&mut self, log: &mut impl FnMut(&Desk, DeskEvent)) -> Result<(), ServeError> {
        while let Some(output) = self.desk.poll() {
            match output {
                DeskOutput::Octets { connection, octets } => {
                    let Some(client) = self.clients.get(&connection) else { continue };
                    if !client.send(octets) {
                        log(&self.desk, DeskEvent::Dropped(String::from("does not take its answers")));
                        self.close(connection);
                    }
                }
                DeskOutput::Push { connection, host, octets } => self.push(connection, host, octets),
                DeskOutput::Close { connection, reason } => {
                    log(&self.desk, DeskEvent::Dropped(reason));
                    self.close(connection);
                }
                DeskOutput::Persist(record) => {
                    self.counters.keep(&record);
                    if let Some(path) = &self.path {
                        write_counters(path, &self.counters)?;
                    }
                }
                DeskOutput::Event(event) => log(&self.desk, DeskEvent::Meter(event)),
            }
        }
        Ok(())
    }

    /// The reader sees the end and tells the desk.
    pub(super) fn close(&mut self, connection: u16) {
        self.hosts.remove(&connection);
        if let Some(client) = self.clients.remove(&connection) {
            let _ = client.stream.shutdown(Shutdown::Both);
        }
    }
}

/// One connection: a thread that reads, and one that writes, so that who does not read holds up nobody else.
pub(super) struct Client {
    stream: TcpStream,
    answers: SyncSender<Vec<u8>>,
}

impl Client {
    pub(super) fn new(stream: TcpStream, connection: u16, events: &SyncSender<Event>) -> io::Result<Self> {
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let (answers, queue) = sync_channel(ANSWERS_MAX);
        let (reader, writer, events) = (stream.try_clone()?, stream.try_clone()?, events.clone());
        let named = |name: &str| std::thread::Builder::new().name(String::from(name));
        named("write").spawn(move || write(writer, &queue))?;
        named("read").spawn(move || read(reader, connection, &events))?;
        Ok(Self { stream, answers })
    }

    /// Returns whether there was room for the octets.
    pub(super) fn send(&self, octets: Vec<u8>) -> bool {
        self.answers.try_send(octets).is_ok()
    }
}

/// Writes until the connection or the driver is gone.
fn write(mut stream: TcpStream, queue: &Receiver<Vec<u8>>) {
    while let Ok(octets) = queue.recv() {
        if stream.write_all(&octets).is_err() {
            // The reader sees the end and tells.
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
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

fn read(mut stream: TcpStream, connection: u16, events: &SyncSender<Event>) {
    let mut buffer = [0; 2048];
    while let Ok(len @ 1..) = stream.read(&mut buffer) {
        if events.send(Event::Octets(connection, buffer[..len].to_vec())).is_err() {
            return;
        }
    }
    let _ = events.send(Event::Gone(connection));
}

/// The send counter, and the receive counters of clients.
fn read_counters(path: &Path) -> Result<Option<DeskCounters>, ServeError> {
    let failed = |reason: String| ServeError::Counters { path: path.to_owned(), reason };
    match std::fs::read_to_string(path) {
        Ok(text) => parse_counters(&text).map(Some).ok_or_else(|| {
            failed(String::from("expected the send counter, and client=counter of each client heard"))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn parse_counters(text: &str) -> Option<DeskCounters> {
    let mut words = text.split_whitespace();
    let send = words.next()?.parse().ok()?;
    let counter = |word: &str| {
        let (client, last) = word.split_once('=')?;
        Some((client.parse().ok()?, last.parse().ok()?))
    };
    Some(DeskCounters { send, receive: words.map(counter).collect::<Option<_>>()? })
}

/// Keeps them such that a crash leaves the old ones or the new.
fn write_counters(path: &Path, counters: &DeskCounters) -> Result<(), ServeError> {
    let receive =
        counters.receive.iter().map(|(client, last)| format!(" {client}={last}")).collect::<String>();
    let beside = path.with_extension("new");
    let written = std::fs::File::create(&beside)
        .and_then(|mut file| {
            writeln!(file, "{}{receive}", counters.send)?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| ServeError::Counters { path: path.to_owned(), reason: error.to_string() })
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
/// A client that does not take its answers for so long has gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The first number from `next` on that no connection has and that no host of a push is to have: who came first keeps its association for itself.
fn free_number<T>(next: u16, taken: &BTreeMap<u16, T>) -> Option<u16> {
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
        let client = Client::new(listener.accept().expect("accepted").0, 7, &events).expect("started");
        // Sixteen times what a socket holds: a blocking write would stop long before.
        let accepted = (0..16_384).take_while(|_| client.send(vec![0; 65_536])).count();
        assert!((ANSWERS_MAX..16_384).contains(&accepted), "{accepted}");
        assert!(inbox.try_recv().is_err(), "nothing has come");
    }

    #[test]
    fn counters_are_read_back_and_a_file_that_holds_none_is_named() {
        let path = std::env::temp_dir().join(format!("desk-counters-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        assert!(matches!(read_counters(&path), Ok(None)));
        for (send, receive) in [(7, &[][..]), (4_000_000_000, &[(1, 9), (3, u32::MAX)])] {
            let counters = DeskCounters { send, receive: receive.iter().copied().collect() };
            write_counters(&path, &counters).expect("written");
            assert_eq!(read_counters(&path).expect("read"), Some(counters));
        }
        for bad in ["", "7 8", "7 1=2=3", "x", "5000000000", "7 70000=1"] {
            std::fs::write(&path, bad).expect("written");
            let error = read_counters(&path).expect_err(bad).to_string();
            assert!(
                error.contains("expected the send counter") && error.contains("desk-counters"),
                "{error}"
            );
        }
        std::fs::remove_file(&path).expect("removed");
    }
}
