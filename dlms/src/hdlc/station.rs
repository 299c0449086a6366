//! What both ends of a link have.

use super::control::Number;
use super::receiving::{Arrival, Receiving};
use super::sending::Sending;
use super::specs::{bounds, llc};
use super::{Address, Control, Deframer, Frame, FrameFault, Function, LinkCounters, LinkOutput, Parameters};
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::{Instant, Outbox};

/// One end of a link: its halves, its counters, its outputs.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) own: Address,
    pub(super) sending: Sending,
    pub(super) receiving: Receiving,
    pub(super) counters: LinkCounters,
    pub(super) out: Outbox<LinkOutput, { bounds::OUTPUTS_MAX }>,
    /// The user wants no more APDUs.
    pub(super) is_busy: bool,
    /// The peer wants no more frames.
    pub(super) is_peer_busy: bool,
    /// What holds on the link.
    pub(super) terms: Parameters,
    deframer: Deframer,
    inter_octet_timeout: Duration,
    silence_at: Option<Instant>,
    direction: Direction,
    max_apdu_len: usize,
}

/// The LLC headers of a station.
#[derive(Clone, Copy, Debug)]
pub(super) struct Direction {
    send: [u8; llc::LEN],
    receive: [u8; llc::LEN],
}

impl Direction {
    pub(super) const CLIENT: Self = Self { send: llc::COMMAND, receive: llc::RESPONSE };
    pub(super) const SERVER: Self = Self { send: llc::RESPONSE, receive: llc::COMMAND };
}

impl Station {
    pub(super) fn new(
        own: Address,
        direction: Direction,
        max_apdu_len: usize,
        inter_octet_timeout: Duration,
    ) -> Self {
        Self {
            own,
            sending: Sending::new(0, 0),
            receiving: Receiving::new(direction.receive, max_apdu_len, 1),
            counters: LinkCounters::default(),
            out: Outbox::new(),
            is_busy: false,
            is_peer_busy: false,
            terms: Parameters::DEFAULT,
            deframer: Deframer::new(),
            inter_octet_timeout: inter_octet_timeout.max(SHORTEST),
            silence_at: None,
            direction,
            max_apdu_len,
        }
    }

    /// A link begins under these terms, or has ended: nothing of the old one is left.
    pub(super) fn reset(&mut self, terms: Parameters) {
        self.terms = terms;
        self.sending = Sending::new(terms.max_info_transmit, terms.window_transmit);
        self.receiving = Receiving::new(self.direction.receive, self.max_apdu_len, terms.window_receive);
        self.is_peer_busy = false;
    }

    pub(super) const fn deframer(&self) -> &Deframer {
        &self.deframer
    }

    /// The next whole frame in `octets`; counts those for which there is no room.
    pub(super) fn next_frame(&mut self, now: Instant, octets: &mut &[u8]) -> Option<Vec<u8>> {
        while let Some(frame) = self.deframer.take(octets) {
            if self.out.room() >= bounds::OUTPUTS_PER_FRAME {
                return Some(frame);
            }
            self.counters.overrun += 1;
        }
        let within = self.deframer.is_within_frame();
        self.silence_at = within.then(|| now + self.inter_octet_timeout);
        None
    }

    /// The frame in `octets`, if they are one.
    pub(super) fn read<'f>(&mut self, octets: &'f [u8]) -> Option<Frame<'f>> {
        let counters = &mut self.counters;
        let counter = match Frame::read(octets) {
            Ok(frame) => return Some(frame),
            Err(FrameFault::Short) => &mut counters.short,
            Err(FrameFault::Format | FrameFault::Length) => &mut counters.format,
            Err(FrameFault::Address) => &mut counters.address,
            Err(FrameFault::HeaderCheck) => &mut counters.header_check,
            Err(FrameFault::FrameCheck) => &mut counters.frame_check,
        };
        *counter += 1;
        None
    }

    /// When the pause within a frame is too long.
    pub(super) const fn silence_at(&self) -> Option<Instant> {
        self.silence_at
    }

    pub(super) fn on_silence(&mut self, now: Instant) {
        if self.silence_at.is_some_and(|at| at <= now) {
            self.forget_octets();
        }
    }

    pub(super) fn forget_octets(&mut self) {
        self.silence_at = None;
        self.deframer.on_silence();
    }

    /// Takes an APDU of the user in, to be sent over the link.
    pub(super) fn offer(&mut self, apdu: &[u8]) {
        let framed = [&self.direction.send[..], apdu].concat();
        if !self.sending.offer(framed) {
            self.counters.unsent += 1;
        }
    }

    /// An acknowledgement; returns whether it says something new, `None` for one of what was never sent.
    pub(super) fn on_acknowledgement(&mut self, receive: Number) -> Option<bool> {
        let count = self.sending.on_acknowledgement(receive);
        self.counters.receive_number += u64::from(count.is_none());
        count.map(|count| count > 0)
    }

    /// An information frame that keeps to the terms. Returns what it was, its APDU told.
    pub(super) fn on_information(&mut self, send: Number, frame: &Frame<'_>) -> Taken {
        if self.is_busy {
            self.counters.busy += 1;
            return Taken::No;
        }
        let taken = match self.receiving.on_information(send, frame.segmented, frame.information) {
            Arrival::Segment => return Taken::Yes,
            Arrival::Apdu(apdu) => {
                self.out.push(LinkOutput::Apdu(apdu));
                return Taken::Yes;
            }
            Arrival::TooLong => (Taken::Yes, &mut self.counters.apdu_too_long),
            Arrival::WrongHeader => (Taken::Yes, &mut self.counters.llc),
            Arrival::Gap => (Taken::No, &mut self.counters.gaps),
            Arrival::Repeat => (Taken::Repeat, &mut self.counters.repeats),
        };
        *taken.1 += 1;
        taken.0
    }

    /// An APDU without link.
    pub(super) fn on_unnumbered(&mut self, frame: &Frame<'_>) {
        let apdu = frame.information.strip_prefix(&self.direction.receive);
        let Some(apdu) = apdu.filter(|_| !frame.segmented) else { return self.counters.llc += 1 };
        let (source, apdu) = (frame.source, apdu.to_vec());
        self.out.push(LinkOutput::Unnumbered { source, apdu });
    }

    /// Sends an APDU without link.
    pub(super) fn send_unnumbered(&mut self, destination: Address, apdu: &[u8]) {
        let information = [&self.direction.send[..], apdu].concat();
        let control = Control { function: Function::UnnumberedInformation, poll_final: false };
        if information.len() > usize::from(self.terms.max_info_transmit) {
            self.counters.unsent += 1;
        } else {
            self.transmit(destination, control, &information);
        }
    }

    pub(super) fn transmit(&mut self, destination: Address, control: Control, information: &[u8]) {
        let source = self.own;
        let frame = Frame { destination, source, control, segmented: false, information };
        let mut octets = Vec::with_capacity(frame.overhead() + information.len() + 2);
        frame.append_to(&mut octets);
        self.out.push(LinkOutput::Octets(octets));
    }

    /// Sends what the window allows; the last frame hands the turn over.
    pub(super) fn transmit_segments(&mut self, destination: Address) {
        let (source, receive) = (self.own, self.receiving.expected());
        let mut octets = Vec::new();
        while let Some((send, segment)) = self.sending.take() {
            let poll_final = !self.sending.is_ready();
            let control = Control { function: Function::Information { send, receive }, poll_final };
            let (segmented, information) = (segment.more_follow, &segment.information[..]);
            Frame { destination, source, control, segmented, information }.append_to(&mut octets);
        }
        self.out.push(LinkOutput::Octets(octets));
    }

    /// Sends RR, or RNR when the user wants no more.
    pub(super) fn transmit_ready(&mut self, destination: Address) {
        let receive = self.receiving.expected();
        let function = match self.is_busy {
            false => Function::ReceiveReady { receive },
            true => Function::ReceiveNotReady { receive },
        };
        self.transmit(destination, Control::last(function), &[]);
    }

    /// What was sent and not acknowledged by the peer's last frame is lost.
    pub(super) fn look_back(&mut self) {
        self.counters.resent += self.sending.look_back() as u64;
    }
}

/// What became of an information frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was the next one.
    Yes,
    /// It was not, or there was no room: the peer has to send again.
    No,
    /// It had come before.
    Repeat,
}

/// No timer is shorter.
pub(super) const SHORTEST: Duration = Duration::from_millis(1);
