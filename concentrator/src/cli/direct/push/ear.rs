//! Pushes out of the octets of one connection.

use super::confirmer::Confirmer;
use super::counters::{PushCounters, Stale};
use super::notes::Notes;
use super::{Push, Told};
use crate::cli::direct::keys::Identity;
use crate::cli::direct::trace::{Sender, Stream, Trace};
use crate::hex::hex;
use dlms::apdu::{
    Ciphered, DataNotification, DataNotificationConfirm, Envelope, EventNotification, GeneralBlockTransfer,
    Pdu,
};
use dlms::security::{Control, SystemTitle};
use dlms::wrapper::Wpdu;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

/// What is known of one connection.
pub(super) struct Ear<'l> {
    identity: &'l Identity,
    counters: &'l Mutex<PushCounters>,
    notes: &'l Notes,
    confirmer: Option<&'l Confirmer>,
    stream: Stream,
    trace: Option<Trace>,
    joined: Joined,
}

/// What was heard.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) pushes: Vec<Told>,
    /// Wrapper PDUs for the meter.
    pub(super) confirmations: Vec<u8>,
    /// Whether nothing can be heard any more over this connection.
    pub(super) is_lost: bool,
}

/// A ciphered APDU, opened: who has sent it, under what, and what is in it.
struct Opened {
    title: SystemTitle,
    control: Control,
    counter: u32,
    plain: Vec<u8>,
}

impl<'l> Ear<'l> {
    pub(super) const fn new(
        identity: &'l Identity,
        counters: &'l Mutex<PushCounters>,
        notes: &'l Notes,
        stream: Stream,
        trace: Option<Trace>,
    ) -> Self {
        Self { identity, counters, notes, confirmer: None, stream, trace, joined: Joined::new() }
    }

    /// The same that confirms what came under keys as well.
    pub(super) const fn confirming(mut self, confirmer: Option<&'l Confirmer>) -> Self {
        self.confirmer = confirmer;
        self
    }

    /// Octets that go on where the last ones ended.
    pub(super) fn take(&mut self, from: SocketAddr, octets: &[u8]) -> Heard {
        if let Some(trace) = &mut self.trace {
            trace.on_octets(Sender::Meter, octets);
        }
        let mut apdus = Vec::new();
        let fault = self.stream.take(octets, |carried, apdu| {
            apdus.extend(apdu.map(|apdu| (carried.ports, apdu.to_vec())));
        });
        let mut heard = Heard::default();
        if let Err(fault) = fault {
            self.notes.tell(format_args!("{from}: {fault}"));
            heard.is_lost = !self.stream.finds_its_way();
        }
        for (ports, apdu) in apdus {
            self.on_apdu(from, ports, &apdu, &mut heard);
        }
        heard
    }

    /// A datagram: it stands alone, but for the general blocks that it may hold.
    pub(super) fn take_datagram(&mut self, from: SocketAddr, octets: &[u8]) -> Heard {
        self.stream = Stream::new(false);
        let heard = self.take(from, octets);
        if self.stream.is_inside() {
            self.notes.tell(format_args!("{from}: a datagram that ends within a wrapper PDU"));
        }
        heard
    }

    fn on_apdu(&mut self, from: SocketAddr, ports: Option<(u16, u16)>, apdu: &[u8], heard: &mut Heard) {
        if let Ok(block) = GeneralBlockTransfer::from_bytes(apdu) {
            match self.joined.take(&block) {
                Ok(Some(whole)) => self.on_apdu(from, ports, &whole, heard),
                Ok(None) => {}
                Err(why) => self.notes.tell(format_args!("{from}: {why}")),
            }
            return;
        }
        let opened = match Ciphered::from_bytes(apdu) {
            Err(_) => None,
            Ok(ciphered) => match self.open(&ciphered) {
                Ok(opened) => Some(opened),
                Err(why) => return self.notes.tell(format_args!("{from}: {why}")),
            },
        };
        let plain = opened.as_ref().map_or(apdu, |opened| &opened.plain);
        let Some(push) = read(from, plain, opened.as_ref()) else {
            return self.notes.tell(format_args!("{from}: {} octets that are no push", plain.len()));
        };
        match opened.as_ref().map(|opened| self.is_fresh(opened)) {
            None | Some(Ok(())) => heard.pushes.push(Ok(push)),
            Some(Err(Stale::NotKept(error))) => heard.pushes.push(Err(error)),
            Some(Err(stale)) => {
                let title = opened.map(|opened| hex(&opened.title)).unwrap_or_default();
                return self.notes.tell(format_args!("{from}: a push of {title} is refused: {stale}"));
            }
        }
        let Some((confirmation, (source, destination))) = confirmation(plain).zip(ports) else { return };
        let apdu = match opened.as_ref().zip(self.confirmer) {
            None if opened.is_some() => return,
            None => confirmation,
            Some((opened, confirmer)) => {
                match confirmer.seal(self.identity, opened.title, opened.control, &confirmation) {
                    Ok(sealed) => sealed,
                    Err(error) => {
                        return self.notes.tell(format_args!("{from}: a push is not confirmed: {error:#}"));
                    }
                }
            }
        };
        // The other way.
        let wpdu = Wpdu { source: destination, destination: source, apdu: &apdu };
        heard.confirmations.extend(wpdu.to_vec());
    }

    /// What is in a ciphered APDU under the keys that are known.
    fn open(&self, ciphered: &Ciphered<'_>) -> Result<Opened, String> {
        let said: Option<SystemTitle> = match ciphered.envelope {
            Envelope::General(title) => title,
            _ => None,
        };
        let expected = self.identity.meter_title;
        if let Some((said, expected)) = said.zip(expected).filter(|(said, expected)| said != expected) {
            return Err(format!("a push of the meter {}, expected {}", hex(&said), hex(&expected)));
        }
        self.unprotect(ciphered, said.or(expected))
            .ok_or_else(|| String::from("a push that these keys do not open"))
    }

    fn unprotect(&self, ciphered: &Ciphered<'_>, title: Option<SystemTitle>) -> Option<Opened> {
        let (title, keys) = (title?, self.identity.authentication.keys()?);
        let Ciphered { control, counter, text, .. } = *ciphered;
        // An envelope that protects nothing would make anybody's push look like one under keys.
        if !control.is_authenticated() && !control.is_encrypted() {
            return None;
        }
        let plain = keys.unprotect(control, &title, counter, text).ok()?;
        Some(Opened { title, control, counter, plain })
    }

    fn is_fresh(&self, opened: &Opened) -> Result<(), Stale> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters.take(opened.title, opened.control, opened.counter)
    }
}

/// A push, if this is one.
fn read(from: SocketAddr, plain: &[u8], opened: Option<&Opened>) -> Option<Push> {
    let (title, protection) = (opened.map(|opened| opened.title), protection(opened));
    if let Ok(event) = EventNotification::from_bytes(plain) {
        let time = event.time.map(|time| time.to_string());
        return Some(Push { from, title, time, protection, body: event.value.to_vec() });
    }
    let push = DataNotification::from_bytes(plain).ok()?;
    let time = push.date_time.map(|time| time.to_string());
    Some(Push { from, title, time, protection, body: push.body.to_vec() })
}

/// The confirmation of a push that wants one.
fn confirmation(plain: &[u8]) -> Option<Vec<u8>> {
    let push = DataNotification::from_bytes(plain).ok().filter(|push| push.invoke_id.is_confirmed())?;
    Some(DataNotificationConfirm { invoke_id: push.invoke_id, date_time: None }.to_vec())
}

fn protection(opened: Option<&Opened>) -> &'static str {
    match opened.map(|opened| (opened.control.is_authenticated(), opened.control.is_encrypted())) {
        None | Some((false, false)) => "none",
        Some((true, false)) => "authenticated",
        Some((false, true)) => "encrypted",
        Some((true, true)) => "authenticated and encrypted",
    }
}

/// General blocks in their order.
struct Joined {
    octets: Vec<u8>,
    /// The block that was taken last; none while the rest of a broken transfer passes.
    last: Option<u16>,
}

impl Joined {
    const fn new() -> Self {
        Self { octets: Vec::new(), last: None }
    }

    /// The APDU that a block completes.
    ///
    /// # Errors
    /// Why a transfer is given up, once: what follows of it passes unheard.
    fn take(&mut self, block: &GeneralBlockTransfer<'_>) -> Result<Option<Vec<u8>>, &'static str> {
        if block.number == 1 {
            *self = Self { octets: Vec::new(), last: Some(0) };
        }
        let Some(last) = self.last else { return Ok(None) };
        if block.number == last && last > 0 {
            return Ok(None);
        }
        if Some(block.number) != last.checked_add(1) {
            *self = Self::new();
            return Err("a push in blocks is given up: a block is missing");
        }
        if self.octets.len() + block.piece.len() > JOINED_MAX {
            *self = Self::new();
            return Err("a push in blocks is given up: too long");
        }
        self.octets.extend_from_slice(block.piece);
        self.last = Some(block.number);
        if !block.last {
            return Ok(None);
        }
        let whole = std::mem::replace(self, Self::new()).octets;
        // Blocks in blocks are not taken apart.
        Ok(GeneralBlockTransfer::from_bytes(&whole).is_err().then_some(whole))
    }
}

/// The longest push that is joined from blocks.
const JOINED_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use dlms::client::ClientAuthentication;
    use dlms::security::SecurityContext;

    const TITLE: SystemTitle = *b"MTR00001";
    /// A DataNotification of the number 5.
    const PLAIN: [u8; 8] = [0x0F, 0, 0, 0, 1, 0, 17, 5];

    fn identity() -> Identity {
        let keys = SecurityContext::new(&[1; 16], &[2; 16]);
        Identity { authentication: ClientAuthentication::HlsGmac { keys }, ..Identity::public() }
    }

    fn sealed(control: Control, counter: u32) -> Vec<u8> {
        let keys = SecurityContext::new(&[1; 16], &[2; 16]);
        let text = keys.protect(control, &TITLE, counter, &PLAIN).unwrap();
        let envelope = Envelope::General(Some(TITLE));
        Ciphered { envelope, control, counter, text: &text }.to_vec()
    }

    fn hear(ear: &mut Ear<'_>, apdu: &[u8]) -> Vec<&'static str> {
        let wpdu = Wpdu { source: 1, destination: 1, apdu }.to_vec();
        let heard = ear.take(SocketAddr::from(([127, 0, 0, 1], 1)), &wpdu);
        heard.pushes.into_iter().map(|push| push.unwrap()).map(|push| push.protection).collect()
    }

    #[test]
    fn a_push_that_is_played_again_is_refused_over_whichever_connection() {
        let (identity, counters) = (identity(), Mutex::new(PushCounters::read(None).unwrap()));
        let notes = Notes::new();
        let ear = || Ear::new(&identity, &counters, &notes, Stream::new(false), None);
        let (mut one, mut other) = (ear(), ear());
        let push = sealed(Control::AUTHENTICATED_ENCRYPTED, 7);
        assert_eq!(hear(&mut one, &push), ["authenticated and encrypted"]);
        assert!(hear(&mut one, &push).is_empty() && hear(&mut other, &push).is_empty());
        assert!(hear(&mut other, &sealed(Control::ENCRYPTED, 7)).is_empty());
        assert_eq!(hear(&mut other, &sealed(Control::AUTHENTICATED_ENCRYPTED, 8)).len(), 1);
        assert_eq!(hear(&mut other, &PLAIN), ["none"], "said to be without protection");
        let envelope = Envelope::General(Some(TITLE));
        let bare = Ciphered { envelope, control: Control(0), counter: 100, text: &PLAIN }.to_vec();
        assert!(hear(&mut other, &bare).is_empty(), "an envelope that protects nothing");
        let mut forged = sealed(Control::AUTHENTICATED_ENCRYPTED, 9);
        *forged.last_mut().unwrap() ^= 1;
        assert!(hear(&mut one, &forged).is_empty());
        assert_eq!(hear(&mut one, &sealed(Control::AUTHENTICATED_ENCRYPTED, 9)).len(), 1);
    }

    #[test]
    fn a_push_of_another_meter_is_refused_where_the_title_is_known() {
        let other = Identity { meter_title: Some(*b"MTR00002"), ..identity() };
        let (counters, notes) = (Mutex::new(PushCounters::read(None).unwrap()), Notes::new());
        let mut ear = Ear::new(&other, &counters, &notes, Stream::new(false), None);
        assert!(hear(&mut ear, &sealed(Control::AUTHENTICATED_ENCRYPTED, 7)).is_empty());
        let own = Identity { meter_title: Some(TITLE), ..identity() };
        let mut ear = Ear::new(&own, &counters, &notes, Stream::new(false), None);
        let wpdu = |apdu: &[u8]| Wpdu { source: 1, destination: 1, apdu }.to_vec();
        let push = wpdu(&sealed(Control::AUTHENTICATED_ENCRYPTED, 7));
        let heard = ear.take(SocketAddr::from(([127, 0, 0, 1], 1)), &push);
        assert_eq!(heard.pushes.into_iter().next().unwrap().unwrap().title, Some(TITLE));
    }

    #[test]
    fn a_connection_that_brings_no_wrapper_pdus_is_lost_and_one_that_brings_no_frames_finds_its_way() {
        let from = SocketAddr::from(([127, 0, 0, 1], 1));
        let (identity, counters) = (identity(), Mutex::new(PushCounters::read(None).unwrap()));
        let notes = Notes::new();
        let ear = |is_hdlc| Ear::new(&identity, &counters, &notes, Stream::new(is_hdlc), None);
        let mut wrapper = ear(false);
        let push = Wpdu { source: 1, destination: 1, apdu: &PLAIN }.to_vec();
        let heard = wrapper.take(from, &[&push[..], b"GET / HTTP/1.1"].concat());
        assert!(heard.is_lost && heard.pushes.len() == 1, "what came before is heard");
        assert_eq!(notes.written(), 1);
        let mut hdlc = ear(true);
        let heard = hdlc.take(from, b"GET / HTTP/1.1");
        assert!(!heard.is_lost && heard.pushes.is_empty());
        assert_eq!(notes.written(), 2);
        assert!(!hdlc.take(from, &[0x7E]).is_lost);
        assert_eq!(notes.written(), 2, "a flag is no fault");
        assert!(ear(false).take_datagram(from, &push[..9]).pushes.is_empty());
        assert_eq!(notes.written(), 3, "a datagram that was cut");
        // Encrypted under another key, and not authenticated: it opens to anything.
        let keys = SecurityContext::new(&[9; 16], &[2; 16]);
        let text = keys.protect(Control::ENCRYPTED, &TITLE, 7, &PLAIN).unwrap();
        let envelope = Envelope::General(Some(TITLE));
        let other = Ciphered { envelope, control: Control::ENCRYPTED, counter: 7, text: &text }.to_vec();
        assert!(hear(&mut ear(false), &other).is_empty());
        assert_eq!(notes.written(), 4);
    }

    fn block(number: u16, last: bool, piece: &[u8]) -> GeneralBlockTransfer<'_> {
        GeneralBlockTransfer { last, streaming: true, window: 1, number, acknowledged: 0, piece }
    }

    #[test]
    fn blocks_are_joined_in_order_and_a_transfer_with_a_gap_is_never_told() {
        let mut joined = Joined::new();
        assert_eq!(
            joined.take(&block(2, true, b"torn")),
            Ok(None),
            "of a transfer whose begin was not heard"
        );
        assert_eq!(joined.take(&block(1, false, b"wh")), Ok(None));
        assert_eq!(joined.take(&block(1, false, b"wh")), Ok(None), "begun again");
        assert_eq!(joined.take(&block(2, false, b"ol")), Ok(None));
        assert_eq!(joined.take(&block(2, false, b"ol")), Ok(None), "twice");
        assert_eq!(joined.take(&block(3, true, b"e")), Ok(Some(b"whole".to_vec())));
        assert_eq!(joined.take(&block(1, false, b"to")), Ok(None));
        assert!(joined.take(&block(3, true, b"rn")).is_err());
        assert_eq!(joined.take(&block(4, true, b"rest")), Ok(None));
        assert_eq!(joined.take(&block(1, false, &vec![0; JOINED_MAX])), Ok(None));
        assert!(joined.take(&block(2, false, &[0])).is_err());
        assert_eq!(joined.take(&block(3, true, &[0])), Ok(None), "the rest of what was too long");
    }
}
