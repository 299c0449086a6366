//! What meters push, as it comes.

mod confirmer;
mod counters;
mod ear;
mod guests;
mod notes;

use super::args::ListenArgs;
use super::keys::Identity;
use super::output::{Cell, Results};
use super::parsers::PushKind;
use super::trace::{Stream, Trace};
use crate::hex::hex;
use anyhow::{Context, anyhow};
use confirmer::Confirmer;
use counters::PushCounters;
use dlms::axdr::Data;
use dlms::client::ClientAuthentication;
use dlms::security::{SecurityContext, SystemTitle};
use ear::{Ear, Heard};
use guests::{CONNECTIONS_MAX, Guests};
use notes::Notes;
use plc_core::time::Duration;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

/// Prints pushes until `--count` of them have come.
///
/// A push that wants to be confirmed is confirmed over a connection with the wrapper; if it came ciphered, only with
/// `--confirm-state`, since that uses up send counters. A ciphered push whose counter was heard before is refused, also by
/// the next listener with the same `--state`.
pub(super) fn listen(args: &ListenArgs) -> anyhow::Result<()> {
    let identity = args.keys.as_ref().map(|path| Identity::read(path, args.client)).transpose()?;
    let counters = PushCounters::read(args.state.as_deref())?;
    let identity = identity.unwrap_or(Identity::public());
    let confirmer = args.confirm_state.clone().map(|path| Confirmer::new(path, &identity)).transpose()?;
    let listener = Arc::new(Listener {
        args: args.clone(),
        identity,
        confirmer,
        counters: Mutex::new(counters),
        guests: Guests::default(),
        notes: Notes::new(),
    });
    let (pushes, inbox) = sync_channel(INBOX);
    match (args.wrapper, args.hdlc, args.udp) {
        (Some(address), _, _) | (None, Some(address), _) => listener.connections(address, pushes)?,
        (None, None, Some(address)) => listener.datagrams(address, pushes)?,
        (None, None, None) => return Err(anyhow!("expected --wrapper, --udp or --hdlc")),
    }
    let mut is_first = true;
    for push in inbox.iter().take(usize::try_from(args.count.unwrap_or(u64::MAX)).unwrap_or(usize::MAX)) {
        let (push, confirm) = push;
        push?.results(is_first)?.print(args.format())?;
        confirm();
        is_first = false;
    }
    Ok(())
}

struct Listener {
    args: ListenArgs,
    identity: Identity,
    counters: Mutex<PushCounters>,
    confirmer: Option<Confirmer>,
    guests: Guests,
    notes: Notes,
}

/// A push, deciphered.
struct Push {
    from: SocketAddr,
    /// The meter that its keys prove, of one under keys.
    title: Option<SystemTitle>,
    time: Option<String>,
    /// How it was protected.
    protection: &'static str,
    /// One whole encoded value.
    body: Vec<u8>,
}

/// A push, or what keeps the listener from hearing any: counters that cannot be kept.
type Told = anyhow::Result<Push>;

/// The same, and what is to be done when it is printed: what is confirmed was not lost.
type Delivery = (Told, Box<dyn FnOnce() + Send>);

/// What was heard, the confirmations behind the last push.
fn deliveries(heard: Heard, confirm: impl FnOnce(&[u8]) + Send + 'static) -> Vec<Delivery> {
    let Heard { pushes, confirmations, .. } = heard;
    let mut deliveries: Vec<Delivery> = pushes.into_iter().map(|push| (push, Box::new(|| ()) as _)).collect();
    if let Some((_, then)) = deliveries.last_mut() {
        *then = Box::new(move || confirm(&confirmations));
    }
    deliveries
}

impl Push {
    fn results(&self, with_head: bool) -> anyhow::Result<Results> {
        let body = Data::from_bytes(&self.body).context("the body of a push")?;
        let mut results = Results::new(["from", "meter", "time", "protection", "value"]);
        let time = self.time.as_ref().map_or_else(|| Cell::text("-"), Cell::text);
        let from = Cell::text(self.from.to_string());
        let meter = Cell::text(self.title.map_or_else(|| String::from("-"), |title| hex(&title)));
        results.push(vec![from, meter, time, Cell::text(self.protection), Cell::data(&body)]);
        Ok(if with_head { results } else { results.without_head() })
    }
}

impl Listener {
    fn connections(self: Arc<Self>, address: SocketAddr, pushes: SyncSender<Delivery>) -> anyhow::Result<()> {
        let listener = TcpListener::bind(address).with_context(|| address.to_string())?;
        announce(listener.local_addr()?);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Ok(held) = stream.try_clone() else { continue };
                let number = self.guests.admit(held);
                let (listener, pushes) = (self.clone(), pushes.clone());
                std::thread::spawn(move || {
                    listener.serve(stream, number, &pushes);
                    listener.guests.leave(number);
                });
            }
        });
        Ok(())
    }

    fn serve(&self, mut stream: TcpStream, number: u64, pushes: &SyncSender<Delivery>) -> Option<()> {
        stream.set_read_timeout(Some(SILENCE_MAX)).ok()?;
        let from = stream.peer_addr().ok()?;
        let mut ear = self.ear();
        let mut buffer = [0; 4096];
        loop {
            let len = stream.read(&mut buffer).ok().filter(|len| *len > 0)?;
            self.guests.on_heard(number);
            let heard = ear.take(from, &buffer[..len]);
            let is_lost = heard.is_lost;
            let mut writer = stream.try_clone().ok()?;
            // A connection that is gone is seen by the next read.
            let confirm = move |octets: &[u8]| drop(writer.write_all(octets));
            deliveries(heard, confirm).into_iter().try_for_each(|push| pushes.send(push)).ok()?;
            if is_lost {
                let _ = stream.shutdown(Shutdown::Both);
                return None;
            }
        }
    }

    fn datagrams(self: Arc<Self>, address: SocketAddr, pushes: SyncSender<Delivery>) -> anyhow::Result<()> {
        let socket = UdpSocket::bind(address).with_context(|| address.to_string())?;
        announce(socket.local_addr()?);
        std::thread::spawn(move || {
            let mut buffer = [0; 65_535];
            let mut ears = BTreeMap::new();
            while let Ok((len, from)) = socket.recv_from(&mut buffer) {
                if ears.len() >= CONNECTIONS_MAX && !ears.contains_key(&from) {
                    ears.clear();
                }
                let ear = ears.entry(from).or_insert_with(|| self.ear());
                let heard = ear.take_datagram(from, &buffer[..len]);
                let Ok(writer) = socket.try_clone() else { return };
                let confirm = move |octets: &[u8]| drop(writer.send_to(octets, from));
                if deliveries(heard, confirm).into_iter().any(|push| pushes.send(push).is_err()) {
                    return;
                }
            }
        });
        Ok(())
    }

    fn ear(&self) -> Ear<'_> {
        let is_hdlc = self.args.hdlc.is_some();
        let keys = self.identity.authentication.keys();
        let trace = self.args.trace.then(|| Trace::new(is_hdlc, keys, [None, self.identity.meter_title]));
        Ear::new(&self.identity, &self.counters, &self.notes, Stream::new(is_hdlc), trace)
            .confirming(self.confirmer.as_ref())
    }
}

/// How many pushes are heard in octets that come in pieces, under these keys; see [`super::parsers::pushes`].
pub(super) fn hear(
    kind: PushKind,
    piece: usize,
    octets: &[u8],
    keys: SecurityContext,
) -> anyhow::Result<usize> {
    let authentication = ClientAuthentication::HlsGmac { keys };
    let identity = Identity { authentication, ..Identity::public() };
    let (counters, notes) = (Mutex::new(PushCounters::read(None)?), Notes::silent());
    let mut ear = Ear::new(&identity, &counters, &notes, Stream::new(kind == PushKind::Hdlc), None);
    let (from, mut heard) = (SocketAddr::from(([127, 0, 0, 1], 1)), 0);
    for piece in octets.chunks(piece.max(1)) {
        let told =
            if kind == PushKind::Datagrams { ear.take_datagram(from, piece) } else { ear.take(from, piece) };
        for push in told.pushes {
            let _ = push?.results(false)?;
            heard += 1;
        }
        if told.is_lost {
            break;
        }
    }
    Ok(heard)
}

/// Tells where meters can connect, for whoever has asked for any port.
fn announce(address: SocketAddr) {
    let _ = writeln!(std::io::stderr(), "listening on {address}");
}

/// Pushes that may wait to be printed; more make their connections wait.
const INBOX: usize = 64;
/// A connection over which nothing comes for so long is closed.
const SILENCE_MAX: Duration = Duration::from_secs(600);
