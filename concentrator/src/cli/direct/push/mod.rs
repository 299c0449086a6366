//! What meters push, as it comes.

use super::args::ListenArgs;
use super::keys::Identity;
use super::output::{Cell, Results};
use super::trace::{Sender, Stream, Trace};
use anyhow::{Context, anyhow};
use dlms::apdu::{
    Ciphered, DataNotification, DataNotificationConfirm, Envelope, EventNotification, GeneralBlockTransfer,
    Pdu,
};
use dlms::axdr::Data;
use dlms::security::SystemTitle;
use dlms::wrapper::Wpdu;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

/// Prints pushes until `--count` of them have come.
///
/// A push that wants to be confirmed is confirmed if it came without ciphering, over a connection with the wrapper. Nobody keeps the
/// counters of ciphered ones: a push that is played again is printed again.
pub(super) fn listen(args: &ListenArgs) -> anyhow::Result<()> {
    let identity = args.keys.as_ref().map(|path| Identity::read(path, args.client)).transpose()?;
    let listener =
        Arc::new(Listener { args: args.clone(), identity: identity.unwrap_or(Identity::public()) });
    let (pushes, inbox) = sync_channel(INBOX);
    match (args.wrapper, args.hdlc, args.udp) {
        (Some(address), _, _) | (None, Some(address), _) => listener.connections(address, pushes)?,
        (None, None, Some(address)) => listener.datagrams(address, pushes)?,
        (None, None, None) => return Err(anyhow!("expected --wrapper, --udp or --hdlc")),
    }
    let mut is_first = true;
    for push in inbox.iter().take(usize::try_from(args.count.unwrap_or(u64::MAX)).unwrap_or(usize::MAX)) {
        push.results(is_first)?.print(args.format)?;
        is_first = false;
    }
    Ok(())
}

struct Listener {
    args: ListenArgs,
    identity: Identity,
}

/// A push, deciphered.
struct Push {
    from: SocketAddr,
    time: Option<String>,
    /// One whole encoded value.
    body: Vec<u8>,
}

impl Push {
    fn results(&self, with_head: bool) -> anyhow::Result<Results> {
        let body = Data::from_bytes(&self.body).context("the body of a push")?;
        let mut results = Results::new(["from", "time", "value"]);
        let time = self.time.as_ref().map_or_else(|| Cell::text("-"), Cell::text);
        results.push(vec![Cell::text(self.from.to_string()), time, Cell::data(&body)]);
        Ok(if with_head { results } else { results.without_head() })
    }
}

impl Listener {
    fn connections(self: Arc<Self>, address: SocketAddr, pushes: SyncSender<Push>) -> anyhow::Result<()> {
        let listener = TcpListener::bind(address).with_context(|| address.to_string())?;
        announce(listener.local_addr()?);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (listener, pushes) = (self.clone(), pushes.clone());
                std::thread::spawn(move || listener.serve(stream, &pushes));
            }
        });
        Ok(())
    }

    fn serve(&self, mut stream: TcpStream, pushes: &SyncSender<Push>) -> Option<()> {
        let from = stream.peer_addr().ok()?;
        let mut ear = self.ear();
        let mut buffer = [0; 4096];
        loop {
            let len = stream.read(&mut buffer).ok().filter(|len| *len > 0)?;
            let heard = ear.take(from, &buffer[..len]);
            for push in heard.pushes {
                pushes.send(push).ok()?;
            }
            stream.write_all(&heard.confirmations).ok()?;
        }
    }

    fn datagrams(self: Arc<Self>, address: SocketAddr, pushes: SyncSender<Push>) -> anyhow::Result<()> {
        let socket = UdpSocket::bind(address).with_context(|| address.to_string())?;
        announce(socket.local_addr()?);
        std::thread::spawn(move || {
            let mut buffer = [0; 65_535];
            while let Ok((len, from)) = socket.recv_from(&mut buffer) {
                let heard = self.ear().take(from, &buffer[..len]);
                if heard.pushes.into_iter().any(|push| pushes.send(push).is_err()) {
                    return;
                }
                let _ = socket.send_to(&heard.confirmations, from);
            }
        });
        Ok(())
    }

    fn ear(&self) -> Ear<'_> {
        let is_hdlc = self.args.hdlc.is_some();
        let keys = self.identity.authentication.keys();
        let trace = self.args.trace.then(|| Trace::new(is_hdlc, keys, [None, self.identity.meter_title]));
        Ear { identity: &self.identity, stream: Stream::new(is_hdlc), trace, joined: Vec::new() }
    }
}

/// Tells where meters can connect, for whoever has asked for any port.
fn announce(address: SocketAddr) {
    let _ = writeln!(std::io::stderr(), "listening on {address}");
}

/// What is known of one connection.
struct Ear<'l> {
    identity: &'l Identity,
    stream: Stream,
    trace: Option<Trace>,
    /// What general blocks have brought so far.
    joined: Vec<u8>,
}

#[derive(Default)]
struct Heard {
    pushes: Vec<Push>,
    /// Wrapper PDUs for the meter.
    confirmations: Vec<u8>,
}

impl Ear<'_> {
    fn take(&mut self, from: SocketAddr, octets: &[u8]) -> Heard {
        if let Some(trace) = &mut self.trace {
            trace.on_octets(Sender::Meter, octets);
        }
        let mut apdus = Vec::new();
        self.stream.take(octets, |wpdu, apdu| {
            apdus.extend(apdu.map(|apdu| (wpdu.ports, apdu.to_vec())));
        });
        let mut heard = Heard::default();
        for (ports, apdu) in apdus {
            self.on_apdu(from, ports, &apdu, &mut heard);
        }
        heard
    }

    fn on_apdu(&mut self, from: SocketAddr, ports: Option<(u16, u16)>, apdu: &[u8], heard: &mut Heard) {
        if let Ok(block) = GeneralBlockTransfer::from_bytes(apdu) {
            if let Some(whole) = self.joined(&block) {
                self.on_apdu(from, ports, &whole, heard);
            }
            return;
        }
        let plain = self.plain(apdu);
        let inside = plain.as_deref().unwrap_or(apdu);
        if let Ok(event) = EventNotification::from_bytes(inside) {
            let time = event.time.map(|time| time.to_string());
            return heard.pushes.push(Push { from, time, body: event.value.to_vec() });
        }
        let Ok(push) = DataNotification::from_bytes(inside) else { return };
        let time = push.date_time.map(|time| time.to_string());
        heard.pushes.push(Push { from, time, body: push.body.to_vec() });
        if let Some((source, destination)) =
            ports.filter(|_| push.invoke_id.is_confirmed() && plain.is_none())
        {
            let confirm = DataNotificationConfirm { invoke_id: push.invoke_id, date_time: None }.to_vec();
            let wpdu = Wpdu { source: destination, destination: source, apdu: &confirm };
            heard.confirmations.extend(wpdu.to_vec());
        }
    }

    /// The APDU that a block completes.
    fn joined(&mut self, block: &GeneralBlockTransfer<'_>) -> Option<Vec<u8>> {
        if block.number == 1 {
            self.joined.clear();
        }
        if self.joined.len() + block.piece.len() <= JOINED_MAX {
            self.joined.extend_from_slice(block.piece);
        }
        let whole = block.last.then(|| std::mem::take(&mut self.joined))?;
        // Blocks in blocks are not taken apart.
        GeneralBlockTransfer::from_bytes(&whole).is_err().then_some(whole)
    }

    /// What is in a ciphered APDU under the keys that are known, if it is one.
    fn plain(&self, apdu: &[u8]) -> Option<Vec<u8>> {
        let ciphered = Ciphered::from_bytes(apdu).ok()?;
        let said: Option<SystemTitle> = match ciphered.envelope {
            Envelope::General(title) => title,
            _ => None,
        };
        let title = said.or(self.identity.meter_title)?;
        let keys = self.identity.authentication.keys()?;
        keys.unprotect(ciphered.control, &title, ciphered.counter, ciphered.text).ok()
    }
}

/// Pushes that may wait to be printed; more make their connections wait.
const INBOX: usize = 64;
/// The longest push that is joined from blocks.
const JOINED_MAX: usize = 1 << 20;
