//! The server's end of a link, which speaks when asked.

use super::address::Reach;
use super::control::Number;
use super::specs::{control, reject};
use super::station::{Direction, SHORTEST, Station};
use super::{
    Address, Control, DeframerCounters, Frame, Function, LinkCounters, LinkEnd, LinkOutput, Parameters,
    SecondaryConfig, SecondaryInput,
};
use crate::apdu::Pdu;
use plc_core::{Instant, Machine};

/// The server's end of a link in normal response mode.
///
/// One client at a time has the link. Another one is answered with DM, whatever it sends, until the
/// client with the link closes it or has been silent for the inactivity timeout: nobody takes a link
/// over. The same client may open the link anew; what was under way is then forgotten. Source addresses
/// can be forged on a shared line, so this keeps order among honest clients; what protects against the
/// others is the ciphering of APDUs.
///
/// Frames to other stations, and those to all stations that are not UI, are met with silence.
#[derive(Debug)]
pub struct Secondary {
    config: SecondaryConfig,
    station: Station,
    phase: Phase,
    /// The client has given the turn.
    has_turn: bool,
    inactive_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Normal disconnected mode.
    Disconnected,
    /// Normal response mode.
    Connected { client: Address },
    /// The client must open the link anew: it has sent a frame that makes no sense.
    Rejecting { client: Address, why: [u8; reject::LEN] },
}

impl Secondary {
    /// An end without link.
    pub fn new(config: SecondaryConfig) -> Self {
        let timeout = config.inter_octet_timeout;
        Self {
            station: Station::new(config.address, Direction::SERVER, config.max_apdu_len, timeout),
            config,
            phase: Phase::Disconnected,
            has_turn: false,
            inactive_at: None,
        }
    }

    /// What the link was told.
    pub const fn config(&self) -> &SecondaryConfig {
        &self.config
    }

    /// Who has the link.
    pub const fn client(&self) -> Option<Address> {
        match self.phase {
            Phase::Disconnected => None,
            Phase::Connected { client } | Phase::Rejecting { client, .. } => Some(client),
        }
    }

    /// What was dropped.
    pub const fn counters(&self) -> &LinkCounters {
        &self.station.counters
    }

    /// What was no frame.
    pub const fn deframer_counters(&self) -> &DeframerCounters {
        self.station.deframer().counters()
    }

    /// Octets held of the APDU that is being received, and the most that may be.
    pub const fn occupancy(&self) -> (usize, usize) {
        self.station.receiving.occupancy()
    }

    fn on_send(&mut self, apdu: &[u8]) {
        match self.phase {
            Phase::Connected { .. } => self.station.offer(apdu),
            Phase::Disconnected | Phase::Rejecting { .. } => self.station.counters.unsent += 1,
        }
    }

    fn on_line_lost(&mut self) {
        self.station.forget_octets();
        if self.phase != Phase::Disconnected {
            self.end(LinkEnd::LineLost);
        }
    }

    fn on_octets(&mut self, now: Instant, mut octets: &[u8]) {
        while let Some(frame) = self.station.next_frame(now, &mut octets) {
            if let Some(frame) = self.station.read(&frame) {
                self.on_frame(now, &frame);
            }
        }
    }

    fn on_frame(&mut self, now: Instant, frame: &Frame<'_>) {
        let is_unnumbered = frame.control.function == Function::UnnumberedInformation;
        let is_client = frame.source.wire_len() == 1 && frame.source.upper() != 0;
        match frame.destination.reaches(self.config.address) {
            _ if !is_client => self.station.counters.not_for_us += 1,
            Reach::Nobody => self.station.counters.not_for_us += 1,
            Reach::All if is_unnumbered => self.station.on_unnumbered(frame),
            Reach::All => self.station.counters.broadcast += 1,
            Reach::Station => self.on_own(now, frame),
        }
    }

    /// A frame of a client to this station alone.
    fn on_own(&mut self, now: Instant, frame: &Frame<'_>) {
        match (self.client(), frame.control.function) {
            (_, Function::UnnumberedAcknowledge | Function::DisconnectedMode | Function::FrameReject) => {
                self.station.counters.unexpected += 1
            }
            (_, Function::UnnumberedInformation) => self.station.on_unnumbered(frame),
            (Some(client), _) if client != frame.source => {
                self.station.counters.foreign += 1;
                self.disown(frame);
            }
            (_, Function::SetNormalResponseMode) => self.on_open(now, frame),
            (None, _) => {
                self.station.counters.unlinked += 1;
                self.disown(frame);
            }
            (Some(client), function) => {
                self.stay_active(now);
                self.on_linked(client, function, frame);
            }
        }
    }

    /// There is no link with this client.
    fn disown(&mut self, frame: &Frame<'_>) {
        if frame.control.poll_final {
            self.station.transmit(frame.source, Control::last(Function::DisconnectedMode), &[]);
        }
    }

    fn on_open(&mut self, now: Instant, frame: &Frame<'_>) {
        if !frame.control.poll_final {
            return self.station.counters.unpolled += 1;
        }
        let Ok(asked) = Parameters::from_information(frame.information) else {
            return self.station.counters.parameters += 1;
        };
        if self.phase != Phase::Disconnected {
            self.end(LinkEnd::Reopened);
        }
        let (client, parameters) = (frame.source, self.config.parameters.lawful().settle(asked));
        self.station.reset(parameters);
        self.phase = Phase::Connected { client };
        self.stay_active(now);
        let accepted = Control::last(Function::UnnumberedAcknowledge);
        self.station.transmit(client, accepted, &parameters.to_vec());
        self.station.out.push(LinkOutput::Connected { peer: client, parameters });
    }

    /// A frame of the client that has the link.
    fn on_linked(&mut self, client: Address, function: Function, frame: &Frame<'_>) {
        match function {
            Function::Disconnect if frame.control.poll_final => {
                self.station.transmit(client, Control::last(Function::UnnumberedAcknowledge), &[]);
                self.end(LinkEnd::ByPeer);
            }
            Function::Disconnect => self.station.counters.unpolled += 1,
            _ if matches!(self.phase, Phase::Rejecting { .. }) => {
                self.station.counters.unexpected += 1;
                self.has_turn |= frame.control.poll_final;
            }
            Function::Information { send, receive } => self.on_information(send, receive, frame),
            Function::ReceiveReady { receive } => self.on_supervisory(receive, false, frame),
            Function::ReceiveNotReady { receive } => self.on_supervisory(receive, true, frame),
            _ => {
                self.station.counters.unexpected += 1;
                self.reject(frame, reject::CONTROL_UNKNOWN);
            }
        }
    }

    fn on_information(&mut self, send: Number, receive: Number, frame: &Frame<'_>) {
        if frame.information.len() > usize::from(self.station.terms.max_info_receive) {
            self.station.counters.info_too_long += 1;
            return self.reject(frame, reject::INFORMATION_TOO_LONG);
        }
        if self.station.on_acknowledgement(receive).is_none() {
            return self.reject(frame, reject::RECEIVE_NUMBER_INVALID);
        }
        self.station.is_peer_busy = false;
        self.station.on_information(send, frame);
        self.on_poll(frame);
    }

    fn on_supervisory(&mut self, receive: Number, is_busy: bool, frame: &Frame<'_>) {
        if !frame.information.is_empty() {
            self.station.counters.unexpected += 1;
            return self.reject(frame, reject::CONTROL_UNKNOWN | reject::INFORMATION_NOT_PERMITTED);
        }
        if self.station.on_acknowledgement(receive).is_none() {
            return self.reject(frame, reject::RECEIVE_NUMBER_INVALID);
        }
        self.station.is_peer_busy = is_busy;
        self.on_poll(frame);
    }

    /// With the turn comes the knowledge what the client has not heard.
    fn on_poll(&mut self, frame: &Frame<'_>) {
        if frame.control.poll_final {
            self.has_turn = true;
            self.station.look_back();
        }
    }

    fn reject(&mut self, frame: &Frame<'_>, reason: u8) {
        let (send, receive) = (self.station.sending.number(), self.station.receiving.expected());
        let state = receive.value() << control::RECEIVE_SHIFT | send.value() << control::SEND_SHIFT;
        let why = [frame.control.octet(), state, reason];
        self.phase = Phase::Rejecting { client: frame.source, why };
        self.has_turn |= frame.control.poll_final;
    }

    /// Answers, if the client has asked.
    fn take_turn(&mut self) {
        if !core::mem::take(&mut self.has_turn) {
            return;
        }
        match self.phase {
            Phase::Disconnected => {}
            Phase::Rejecting { client, why } => {
                self.station.transmit(client, Control::last(Function::FrameReject), &why);
            }
            Phase::Connected { client } if self.station.sending.is_ready() && !self.station.is_peer_busy => {
                self.station.transmit_segments(client);
            }
            Phase::Connected { client } => self.station.transmit_ready(client),
        }
    }

    fn stay_active(&mut self, now: Instant) {
        let timeout = self.config.inactivity_timeout;
        self.inactive_at = (!timeout.is_zero()).then(|| now + timeout.max(SHORTEST));
    }

    fn end(&mut self, end: LinkEnd) {
        self.phase = Phase::Disconnected;
        (self.has_turn, self.inactive_at) = (false, None);
        self.station.reset(Parameters::DEFAULT);
        self.station.out.push(LinkOutput::Disconnected(end));
    }
}

impl Machine for Secondary {
    type Input<'a> = SecondaryInput<'a>;
    type Output = LinkOutput;

    fn handle(&mut self, now: Instant, input: SecondaryInput<'_>) {
        match input {
            SecondaryInput::Send(apdu) => self.on_send(apdu),
            SecondaryInput::SendUnnumbered { client, apdu } => self.station.send_unnumbered(client, apdu),
            SecondaryInput::Octets(octets) => self.on_octets(now, octets),
            SecondaryInput::Busy(is_busy) => self.station.is_busy = is_busy,
            SecondaryInput::LineLost => self.on_line_lost(),
        }
    }

    fn tick(&mut self, now: Instant) {
        self.station.on_silence(now);
        if self.inactive_at.is_some_and(|at| at <= now) {
            self.end(LinkEnd::Inactive);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        [self.inactive_at, self.station.silence_at()].into_iter().flatten().min()
    }

    /// The next output. The turn is used when all that came before was taken: an answer that the user
    /// gives upon an APDU goes out with the acknowledgement of that APDU.
    fn poll(&mut self) -> Option<LinkOutput> {
        if self.station.out.is_empty() {
            self.take_turn();
        }
        self.station.out.pop()
    }
}
