//! A PHY whose medium is whole frames.

use super::backlog::{Backlog, Passing};
use super::{Body, Frame, FrameEvent, Quality};
use g3_phy::g3::PayloadShape;
use g3_phy::{BandPlan, Counters};
use heapless::Deque;
use plc_core::sap::{
    CarrierSense, PdAckIndication, PdDataIndication, PdDataRequest, PdStatus, Phy, PhyIndication, PhyLoss,
    PhyRequest, Withheld,
};
use plc_core::time::Duration;
use plc_core::{Instant, SampleClock};

/// The PHY of a node at frame fidelity: it says what [`g3_phy::Modem`] would say, when the air ([`super::Air`]) tells it what a
/// modem would have heard.
///
/// Frames start on the sample grid of the band and last as long as those of the modem.
#[derive(Debug)]
pub struct FramePhy {
    plan: &'static BandPlan,
    clock: SampleClock,
    /// Waits for its start.
    pending: Option<Box<Frame>>,
    sending: bool,
    out: Indications,
    backlog: Backlog,
    counters: Counters,
}

/// Indications that wait for the node, which takes them after every call. Most are small; a received frame, of which
/// there is one at a time, has a place beside them.
#[derive(Debug, Default)]
struct Indications {
    order: Deque<Indication, 8>,
    frame: Option<PdDataIndication>,
    dropped: u64,
}

#[derive(Debug)]
enum Indication {
    Data,
    Ack(PdAckIndication),
    Confirm { status: PdStatus, ended: Instant },
    CarrierSense(CarrierSense),
    Lost { loss: PhyLoss, ended: Instant },
}

impl Indications {
    fn push(&mut self, indication: Indication) {
        self.dropped += u64::from(self.order.push_back(indication).is_err());
    }

    fn push_frame(&mut self, frame: PdDataIndication) {
        if self.frame.is_some() || self.order.is_full() {
            self.dropped += 1;
        } else {
            self.frame = Some(frame);
            self.push(Indication::Data);
        }
    }

    fn pop(&mut self) -> Option<PhyIndication> {
        Some(match self.order.pop_front()? {
            Indication::Data => PhyIndication::Data(self.frame.take()?),
            Indication::Ack(ack) => PhyIndication::Ack(ack),
            Indication::Confirm { status, ended } => PhyIndication::Confirm { status, ended },
            Indication::CarrierSense(sense) => PhyIndication::CarrierSense(sense),
            Indication::Lost { loss, ended } => PhyIndication::Lost { loss, ended },
        })
    }
}

impl FramePhy {
    /// A silent PHY.
    pub fn new(plan: &'static BandPlan) -> Self {
        Self {
            plan,
            clock: SampleClock::new(plan.sample_rate_hz, Instant::EPOCH, 0),
            pending: None,
            sending: false,
            out: Indications::default(),
            backlog: Backlog::default(),
            counters: Counters::default(),
        }
    }

    /// When the pending frame leaves.
    pub fn next_transmission(&self) -> Option<Instant> {
        self.pending.as_ref().map(|frame| frame.start)
    }

    /// What has happened since construction.
    pub fn counters(&self) -> Counters {
        Counters { dropped_indications: self.out.dropped, ..self.counters }
    }

    fn on_data(&mut self, now: Instant, request: PdDataRequest) {
        let len = request.psdu.len();
        let shape = PayloadShape::fitting(self.plan, &request.tx, len)
            .filter(|shape| shape.psdu_len == len && len > 0);
        let Some(shape) = shape else { return self.confirm(PdStatus::InvalidParameters, now) };
        let PdDataRequest { psdu, tx, gain, response_expected, at } = request;
        let body = Body::Data { psdu, tx, gain, response_expected };
        self.schedule(now, at, body, shape.symbols_on_air());
    }

    /// Keeps for later what the node need not know yet, because its MAC is idle ([`g3_mac::Mac::is_idle`]). Returns whether it
    /// must be told now, because no more can be kept.
    #[must_use]
    pub fn withhold(&mut self, now: Instant, event: Passing) -> bool {
        match event {
            Passing::Lost(PhyLoss::Header) => self.counters.header_losses += 1,
            Passing::Lost(PhyLoss::Payload) => self.counters.payload_losses += 1,
            Passing::Lost(PhyLoss::Unsupported) => self.counters.unsupported_headers += 1,
            Passing::FalsePreamble => self.counters.false_preambles += 1,
            Passing::Overheard(_) | Passing::Ack(_) => self.counters.frames_received += 1,
            Passing::Preamble | Passing::Header { .. } => {}
        }
        self.backlog.push(now, event);
        self.backlog.is_full()
    }

    /// The first sample that is not before `at` and `now`, as the modem has it.
    fn schedule(&mut self, now: Instant, at: Instant, body: Body, symbols: usize) {
        let first = self.clock.index(at.max(now));
        let after = |samples: usize| self.clock.instant(first + samples as u64);
        let plan = self.plan;
        self.pending = Some(Box::new(Frame {
            start: after(0),
            preamble_ends: after(plan.preamble_len()),
            header_ends: after(plan.frame_len(0)),
            ends: after(plan.frame_len(symbols)),
            body,
        }));
    }

    fn start(&mut self) -> Option<Box<Frame>> {
        let frame = self.pending.take();
        self.sending = frame.is_some();
        frame
    }

    fn sent(&mut self, now: Instant) {
        self.sending = false;
        self.counters.frames_sent += 1;
        self.confirm(PdStatus::Success, now);
    }

    fn received(&mut self, frame: &Frame, quality: &Quality) {
        self.counters.frames_received += 1;
        match &frame.body {
            Body::Ack { fcs, more_segments, negative } => self.out.push(Indication::Ack(PdAckIndication {
                fcs: *fcs,
                more_segments: *more_segments,
                negative: *negative,
                lqi: quality.lqi,
                ended: frame.ends,
            })),
            Body::Data { psdu, tx, response_expected, .. } => self.out.push_frame(PdDataIndication {
                psdu: psdu.clone(),
                tx: *tx,
                response_expected: *response_expected,
                lqi: quality.lqi,
                group_lqi: quality.group_lqi.clone(),
                phase_difference: quality.phase_difference,
                corrected_octets: 0,
                started: frame.start,
                ended: frame.ends,
            }),
        }
        self.sense(CarrierSense::Idle);
    }

    fn lost(&mut self, now: Instant, loss: PhyLoss) {
        match loss {
            PhyLoss::Header => self.counters.header_losses += 1,
            PhyLoss::Payload => self.counters.payload_losses += 1,
            PhyLoss::Unsupported => self.counters.unsupported_headers += 1,
        }
        self.out.push(Indication::Lost { loss, ended: now });
        self.sense(CarrierSense::Idle);
    }

    fn false_preamble(&mut self) {
        self.counters.false_preambles += 1;
        self.sense(CarrierSense::Idle);
    }

    fn sense(&mut self, sense: CarrierSense) {
        self.out.push(Indication::CarrierSense(sense));
    }

    fn confirm(&mut self, status: PdStatus, ended: Instant) {
        self.out.push(Indication::Confirm { status, ended });
    }
}

impl Phy for FramePhy {
    type Medium<'a> = FrameEvent<'a>;

    fn on_medium(&mut self, now: Instant, medium: FrameEvent<'_>) {
        match medium {
            FrameEvent::Start(frame) => *frame = self.start(),
            FrameEvent::Sent => self.sent(now),
            FrameEvent::Preamble => self.sense(CarrierSense::Preamble),
            FrameEvent::Header { ends, response_expected } => {
                self.sense(CarrierSense::Frame { ends, response_expected });
            }
            FrameEvent::Received { frame, quality } => self.received(frame, quality),
            FrameEvent::Lost(loss) => self.lost(now, loss),
            FrameEvent::FalsePreamble => self.false_preamble(),
        }
    }

    fn on_request(&mut self, now: Instant, request: PhyRequest) {
        if self.pending.is_some() || self.sending {
            return self.confirm(PdStatus::TxBusy, now);
        }
        match request {
            PhyRequest::Data(data) => self.on_data(now, data),
            PhyRequest::Ack(ack) => {
                let body =
                    Body::Ack { fcs: ack.fcs, more_segments: ack.more_segments, negative: ack.negative };
                self.schedule(now, ack.at, body, 0);
            }
        }
    }

    fn tick(&mut self, _now: Instant) {}

    /// None: the start of a frame is the air's affair; see [`Self::next_transmission`].
    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn poll(&mut self) -> Option<PhyIndication> {
        self.out.pop()
    }

    fn withheld(&mut self) -> Option<(Instant, Withheld)> {
        self.backlog.pop()
    }
}

/// Time on air of a frame.
pub(crate) fn airtime(frame: &Frame) -> Duration {
    frame.ends.since(frame.start)
}
