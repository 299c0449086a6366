//! The client's end of a link, which gives the turns.

use super::control::Number;
use super::station::{Direction, SHORTEST, Station, Taken};
use super::{
    Control, DeframerCounters, Frame, Function, LinkCounters, LinkEnd, LinkOutput, Parameters, PrimaryConfig,
    PrimaryInput,
};
use crate::apdu::Pdu;
use plc_core::{Instant, Machine};

/// The client's end of a link in normal response mode.
///
/// It asks with the poll bit and is answered with the final bit; only between these does the server
/// speak. What an answer does not acknowledge is sent again; an answer that does not come is asked for
/// with RR, so that nothing is sent twice that has arrived.
#[derive(Debug)]
pub struct Primary {
    config: PrimaryConfig,
    station: Station,
    phase: Phase,
    /// When the answer is late, while one is awaited.
    late_at: Option<Instant>,
    /// When to ask an idle server for more.
    poll_at: Option<Instant>,
    /// Answers that may still fail.
    left: u8,
    /// The last answer had a gap.
    has_gap: bool,
    /// The time of the last input.
    now: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Down,
    /// SNRM sent.
    Connecting,
    Up,
    /// The user wants the link closed; the server has the turn.
    Closing,
    /// DISC sent.
    Disconnecting,
}

impl Primary {
    /// An end without link.
    pub fn new(config: PrimaryConfig) -> Self {
        let timeout = config.inter_octet_timeout;
        Self {
            station: Station::new(config.client, Direction::CLIENT, config.max_apdu_len, timeout),
            config,
            phase: Phase::Down,
            late_at: None,
            poll_at: None,
            left: 0,
            has_gap: false,
            now: Instant::EPOCH,
        }
    }

    /// What the link was told.
    pub const fn config(&self) -> &PrimaryConfig {
        &self.config
    }

    /// Whether APDUs can be sent.
    pub fn is_connected(&self) -> bool {
        self.phase == Phase::Up
    }

    /// Whether there is no link, and none is being opened.
    pub fn is_down(&self) -> bool {
        self.phase == Phase::Down
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

    fn on_connect(&mut self) {
        if self.phase == Phase::Down {
            self.ask(Phase::Connecting);
        }
    }

    fn on_send(&mut self, apdu: &[u8]) {
        match self.phase {
            Phase::Up => self.station.offer(apdu),
            _ => self.station.counters.unsent += 1,
        }
    }

    fn on_send_unnumbered(&mut self, apdu: &[u8]) {
        match self.late_at {
            None => self.station.send_unnumbered(self.config.server, apdu),
            Some(_) => self.station.counters.unsent += 1,
        }
    }

    fn on_disconnect(&mut self) {
        match self.phase {
            Phase::Up => self.phase = Phase::Closing,
            Phase::Connecting => self.end(LinkEnd::Requested),
            Phase::Down | Phase::Closing | Phase::Disconnecting => {}
        }
    }

    fn on_line_lost(&mut self) {
        self.station.forget_octets();
        if self.phase != Phase::Down {
            self.end(LinkEnd::LineLost);
        }
    }

    /// Sends SNRM or DISC and waits for the answer.
    fn ask(&mut self, phase: Phase) {
        self.phase = phase;
        self.left = self.config.retries;
        self.repeat_question();
    }

    fn repeat_question(&mut self) {
        let server = self.config.server;
        match self.phase {
            Phase::Down => {}
            Phase::Connecting => {
                let information = self.config.parameters.lawful().to_vec();
                let control = Control::last(Function::SetNormalResponseMode);
                self.station.transmit(server, control, &information);
            }
            Phase::Up | Phase::Closing => self.station.transmit_ready(server),
            Phase::Disconnecting => {
                self.station.transmit(server, Control::last(Function::Disconnect), &[]);
            }
        }
        self.await_answer();
    }

    fn await_answer(&mut self) {
        self.late_at = Some(self.now + self.config.response_timeout.max(SHORTEST));
        self.poll_at = None;
    }

    fn on_octets(&mut self, mut octets: &[u8]) {
        while let Some(frame) = self.station.next_frame(self.now, &mut octets) {
            if let Some(frame) = self.station.read(&frame) {
                self.on_frame(&frame);
            }
        }
    }

    fn on_frame(&mut self, frame: &Frame<'_>) {
        if (frame.source, frame.destination) != (self.config.server, self.config.client) {
            return self.station.counters.not_for_us += 1;
        }
        let is_final = frame.control.poll_final;
        match (self.phase, frame.control.function) {
            (_, Function::UnnumberedInformation) => self.station.on_unnumbered(frame),
            (Phase::Connecting, Function::UnnumberedAcknowledge) => self.on_accepted(frame),
            (Phase::Connecting, Function::DisconnectedMode) => self.end(LinkEnd::Refused),
            (Phase::Disconnecting, Function::UnnumberedAcknowledge | Function::DisconnectedMode) => {
                self.end(LinkEnd::Requested);
            }
            (Phase::Up | Phase::Closing, Function::DisconnectedMode) => self.end(LinkEnd::ByPeer),
            (Phase::Up | Phase::Closing, Function::FrameReject) => self.end(LinkEnd::Rejected),
            (Phase::Up | Phase::Closing, Function::Information { send, receive }) => {
                self.on_information(send, receive, frame);
            }
            (Phase::Up | Phase::Closing, Function::ReceiveReady { receive }) => {
                self.on_supervisory(receive, false, is_final);
            }
            (Phase::Up | Phase::Closing, Function::ReceiveNotReady { receive }) => {
                self.on_supervisory(receive, true, is_final);
            }
            _ => self.station.counters.unexpected += 1,
        }
    }

    fn on_accepted(&mut self, frame: &Frame<'_>) {
        let own = self.config.parameters.lawful();
        let Ok(said) = Parameters::from_information(frame.information) else {
            return self.station.counters.parameters += 1;
        };
        let parameters = own.settle(said);
        self.station.reset(parameters);
        self.phase = Phase::Up;
        (self.late_at, self.left, self.has_gap) = (None, self.config.retries, false);
        self.station.out.push(LinkOutput::Connected { peer: self.config.server, parameters });
    }

    fn on_supervisory(&mut self, receive: Number, is_busy: bool, is_final: bool) {
        let Some(news) = self.station.on_acknowledgement(receive) else { return };
        self.station.is_peer_busy = is_busy;
        if is_final {
            self.on_final(news);
        }
    }

    fn on_information(&mut self, send: Number, receive: Number, frame: &Frame<'_>) {
        if frame.information.len() > usize::from(self.station.terms.max_info_receive) {
            return self.station.counters.info_too_long += 1;
        }
        let Some(news) = self.station.on_acknowledgement(receive) else { return };
        self.station.is_peer_busy = false;
        let taken = self.station.on_information(send, frame);
        self.has_gap |= taken == Taken::No;
        let news = news || taken == Taken::Yes;
        // An answer that was heard before ends no turn: the one that is awaited is still under way.
        if frame.control.poll_final && (news || taken != Taken::Repeat) {
            self.on_final(news);
        } else if self.late_at.is_some() && news {
            self.await_answer();
        }
    }

    /// The server has given the turn back.
    fn on_final(&mut self, news: bool) {
        if self.late_at.take().is_none() {
            return self.station.counters.unexpected += 1;
        }
        let idle = self.station.sending.is_idle() && !self.has_gap && !self.station.receiving.is_open();
        if news || idle || self.station.is_peer_busy || self.station.is_busy {
            self.left = self.config.retries;
        } else if self.left == 0 {
            return self.end(LinkEnd::NoAnswer);
        } else {
            self.left -= 1;
        }
        self.station.look_back();
    }

    /// Uses the turn, if it is the client's.
    fn take_turn(&mut self) {
        if self.late_at.is_some() {
            return;
        }
        match self.phase {
            Phase::Closing => self.ask(Phase::Disconnecting),
            Phase::Up if self.station.sending.is_ready() && !self.station.is_peer_busy => {
                self.station.transmit_segments(self.config.server);
                self.has_gap = false;
                self.await_answer();
            }
            Phase::Up if self.wants_more() => self.solicit(),
            Phase::Up if self.poll_at.is_none() => {
                self.poll_at = Some(self.now + self.config.poll_interval.max(SHORTEST));
            }
            _ => {}
        }
    }

    fn wants_more(&self) -> bool {
        !self.station.is_busy && (self.has_gap || self.station.receiving.is_open())
    }

    /// Asks for what the server has.
    fn solicit(&mut self) {
        self.has_gap = false;
        self.repeat_question();
    }

    fn on_late(&mut self) {
        self.station.counters.timeouts += 1;
        if self.left > 0 {
            self.left -= 1;
            return self.repeat_question();
        }
        // Whoever wanted to go has gone.
        let closing = matches!(self.phase, Phase::Closing | Phase::Disconnecting);
        self.end(if closing { LinkEnd::Requested } else { LinkEnd::NoAnswer });
    }

    fn end(&mut self, end: LinkEnd) {
        self.phase = Phase::Down;
        (self.late_at, self.poll_at) = (None, None);
        self.station.reset(Parameters::DEFAULT);
        self.station.out.push(LinkOutput::Disconnected(end));
    }

    fn deadlines(&self) -> impl Iterator<Item = Instant> {
        [self.late_at, self.poll_at, self.station.silence_at()].into_iter().flatten()
    }
}

impl Machine for Primary {
    type Input<'a> = PrimaryInput<'a>;
    type Output = LinkOutput;

    fn handle(&mut self, now: Instant, input: PrimaryInput<'_>) {
        self.now = now;
        match input {
            PrimaryInput::Connect => self.on_connect(),
            PrimaryInput::Send(apdu) => self.on_send(apdu),
            PrimaryInput::SendUnnumbered(apdu) => self.on_send_unnumbered(apdu),
            PrimaryInput::Disconnect => self.on_disconnect(),
            PrimaryInput::Octets(octets) => self.on_octets(octets),
            PrimaryInput::Busy(is_busy) => self.station.is_busy = is_busy,
            PrimaryInput::LineLost => self.on_line_lost(),
        }
    }

    fn tick(&mut self, now: Instant) {
        if self.deadline().is_none_or(|at| at > now) {
            return;
        }
        self.now = now;
        self.station.on_silence(now);
        if self.late_at.is_some_and(|at| at <= now) {
            self.on_late();
        }
        if self.poll_at.take_if(|at| *at <= now).is_some() {
            self.solicit();
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadlines().min()
    }

    /// The next output. The turn is used when all that came before was taken: a question that the user
    /// asks upon an answer goes out with the acknowledgement of that answer.
    fn poll(&mut self) -> Option<LinkOutput> {
        if self.station.out.is_empty() {
            self.take_turn();
        }
        self.station.out.pop()
    }
}
