//! The way out: queue, channel access, acknowledgements, repetitions.

use crate::channel::AirKind;
use crate::compose::Composer;
use crate::csma::{Contender, Csma};
use crate::env::{Env, count};
use crate::frame_counter::FrameCounter;
use crate::mac::MacOutput;
use crate::outgoing::{FallBack, Origin, Outgoing};
use crate::queue::{Answer, Next, Queue};
use plc_core::Instant;
use plc_core::sap::{
    MacStatus, McpsDataConfirm, McpsDataRequest, PdAckIndication, PdDataRequest, PdStatus, PhyRequest,
};
use plc_core::seed::uniform;

/// Sends one MSDU after another, segment by segment, stop and wait \[G3 MAC 1.7, 2\].
pub(crate) struct Sender {
    pub(crate) composer: Composer,
    csma: Csma,
    queue: Queue,
    current: Option<Outgoing>,
    phase: Phase,
    /// FCS of the present segment, once it was sent.
    fcs: Option<u16>,
}

/// Where the present segment stands. Without one the phase is `Deferring`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Waits for the channel to become quiet.
    Deferring,
    /// Has drawn a slot.
    Counting { slot: Instant },
    /// Is with the PHY.
    OnAir,
    /// Was sent; the acknowledgement is due by then. `extended` once a late one was heard to begin.
    AwaitingAck { until: Instant, extended: bool },
    /// Follows its predecessor without contention.
    Continuing { at: Instant },
}

impl Sender {
    pub(crate) fn new(env: &mut Env) -> Self {
        let (dsn, bsn) = (uniform(&mut env.stream, 256) as u8, uniform(&mut env.stream, 256) as u8);
        let config = &env.config;
        let frame_counter = FrameCounter::new(config.frame_counter, config.frame_counter_block);
        Self {
            composer: Composer::new(dsn, bsn, frame_counter),
            csma: Csma::new(&config.pib),
            queue: Queue::new(config.bounds.requests),
            current: None,
            phase: Phase::Deferring,
            fcs: None,
        }
    }

    /// MCPS-DATA.request.
    pub(crate) fn on_request(&mut self, request: McpsDataRequest, env: &mut Env) {
        if let Err(refused) = self.queue.push(request) {
            count(&mut env.counters.drops.queue_full);
            confirm(refused.handle, MacStatus::QueueFull, 0, env);
        }
    }

    /// A scan wants a beacon request sent.
    pub(crate) fn on_scan(&mut self) {
        self.queue.push_beacon_request();
    }

    /// Another node wants a beacon.
    pub(crate) fn on_beacon_due(&mut self) {
        self.queue.push_beacon();
    }

    /// Nobody needs the beacon of this node any more; returns whether one waited, for its turn or for the channel.
    #[must_use]
    pub(crate) fn spare_beacon(&mut self) -> bool {
        let waits = matches!(self.phase, Phase::Deferring | Phase::Counting { .. });
        let beacon = |outgoing: &Outgoing| matches!(outgoing.origin, Origin::Beacon);
        if waits && self.current.as_ref().is_some_and(beacon) {
            (self.current, self.phase) = (None, Phase::Deferring);
            return true;
        }
        self.queue.drop_beacon()
    }

    /// A neighbour wants a tone map response.
    pub(crate) fn on_tone_map_request(&mut self, answer: Answer, env: &mut Env) {
        if !self.queue.push_answer(answer) {
            count(&mut env.counters.drops.tone_map_answer);
        }
    }

    /// Whether a beacon request waits or is being sent.
    pub(crate) fn requesting_beacons(&self) -> bool {
        let current = self.current.as_ref().is_some_and(|out| out.origin == Origin::BeaconRequest);
        current || self.queue.holds_beacon_request()
    }

    /// Gives up everything, each request with its confirm. A transmission on the air ends by itself.
    pub(crate) fn reset(&mut self, env: &mut Env) {
        if self.current.is_some() {
            self.finish(MacStatus::NoShortAddress, env);
        }
        while let Some(next) = self.queue.pop() {
            if let Next::Data(request) = next {
                confirm(request.handle, MacStatus::NoShortAddress, 0, env);
            }
        }
    }

    /// The PHY has ended the transmission of a frame.
    pub(crate) fn on_sent(&mut self, status: PdStatus, ended: Instant, env: &mut Env) {
        if self.current.is_none() || self.phase != Phase::OnAir {
            return;
        }
        match status {
            PdStatus::Success => self.on_left(ended, env),
            PdStatus::TxBusy => self.on_failure(env),
            PdStatus::InvalidParameters => self.finish(MacStatus::InvalidParameter, env),
        }
    }

    /// An acknowledgement was heard; it may also come after we have begun to contend again.
    pub(crate) fn on_ack(&mut self, ack: &PdAckIndication, env: &mut Env) {
        let awaited = self.current.as_ref().is_some_and(Outgoing::acknowledged) && self.fcs == Some(ack.fcs);
        if !awaited || self.phase == Phase::OnAir {
            return count(&mut env.counters.drops.stray_ack);
        }
        match (ack.negative, self.phase) {
            (false, _) => self.on_segment_done(ack.ended, env),
            (true, Phase::AwaitingAck { .. }) => self.on_failure(env),
            (true, _) => {}
        }
    }

    /// Does one thing that is due at `now`; returns whether there was one.
    pub(crate) fn advance(&mut self, now: Instant, env: &mut Env) -> bool {
        if self.current.is_none() {
            return self.begin(now, env);
        }
        match self.phase {
            Phase::Deferring if env.channel.quiet(now) => self.draw(now, env),
            Phase::Counting { slot } if slot <= now => self.on_slot(now, slot, env),
            Phase::AwaitingAck { until, extended } if until <= now => {
                self.on_no_ack(now, until, extended, env)
            }
            Phase::Continuing { at } if at <= now => self.on_contention_free(now, at, env),
            _ => return false,
        }
        true
    }

    /// When something will be due.
    pub(crate) fn deadline(&self, env: &Env) -> Option<Instant> {
        self.current.as_ref()?;
        match self.phase {
            Phase::Deferring if env.channel.transmitting() => None,
            Phase::Deferring => env.channel.quiet_at(),
            Phase::Counting { slot } => Some(slot),
            Phase::OnAir => None,
            Phase::AwaitingAck { until, .. } => Some(until),
            Phase::Continuing { at } => Some(at),
        }
    }

    /// Nothing is to be sent.
    pub(crate) fn is_idle(&self) -> bool {
        self.current.is_none() && self.queue.is_empty()
    }

    pub(crate) fn occupancy(&self) -> (usize, usize) {
        self.queue.occupancy()
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.queue.footprint()
    }

    fn begin(&mut self, now: Instant, env: &mut Env) -> bool {
        let Some(next) = self.queue.pop() else { return false };
        match self.compose(now, &next, env) {
            Ok(outgoing) => {
                self.current = Some(outgoing);
                self.contend();
            }
            Err(status) => match next {
                Next::Data(request) => confirm(request.handle, status, 0, env),
                Next::ToneMapResponse(_) => count(&mut env.counters.drops.tone_map_answer),
                Next::BeaconRequest | Next::Beacon => {}
            },
        }
        true
    }

    fn compose(&mut self, now: Instant, next: &Next, env: &mut Env) -> Result<Outgoing, MacStatus> {
        match next {
            Next::Data(request) => self.composer.data(now, request, env),
            Next::ToneMapResponse(answer) => self.composer.tone_map_response(now, *answer, env),
            Next::BeaconRequest => self.composer.beacon_request(env),
            Next::Beacon => self.composer.beacon(env),
        }
    }

    /// A new channel access for the present segment.
    fn contend(&mut self) {
        self.csma.begin();
        self.phase = Phase::Deferring;
    }

    fn draw(&mut self, now: Instant, env: &mut Env) {
        let Some(contender) = self.contender() else { return };
        let config = &env.config;
        let slots = self.csma.draw(contender, &config.pib, &config.timing, &mut env.stream);
        let window = env.channel.window(now, contender.priority);
        self.phase = Phase::Counting { slot: window + env.config.timing.slot * slots };
    }

    fn on_slot(&mut self, now: Instant, slot: Instant, env: &mut Env) {
        let Some(contender) = self.contender() else { return };
        if env.channel.free(now, slot, contender.priority) {
            return self.transmit(now, slot, env);
        }
        count(&mut env.counters.backoffs);
        if self.csma.on_busy(contender.priority, &env.config.pib) {
            self.phase = Phase::Deferring;
        } else {
            count(&mut env.counters.csma_fail);
            self.finish(MacStatus::ChannelAccessFailure, env);
        }
    }

    fn on_contention_free(&mut self, now: Instant, at: Instant, env: &mut Env) {
        if env.channel.quiet(now) { self.transmit(now, at, env) } else { self.contend() }
    }

    fn transmit(&mut self, now: Instant, at: Instant, env: &mut Env) {
        let Some(outgoing) = &self.current else { return };
        let ready = match outgoing.ready(env.geometry()) {
            Ok(ready) => ready,
            Err(status) => return self.finish(status, env),
        };
        let (response_expected, tx, gain) = (outgoing.acknowledged(), outgoing.tx, outgoing.gain);
        if outgoing.tone_map_request {
            count(&mut env.counters.tone_map_requests);
        }
        (self.fcs, self.phase) = (Some(ready.fcs), Phase::OnAir);
        count(&mut env.counters.tx_frames);
        let request = PdDataRequest { psdu: ready.psdu, tx, gain, response_expected, at };
        let kind = AirKind::Frame { response_expected };
        env.transmit(now, PhyRequest::Data(request), kind, ready.duration);
    }

    fn on_left(&mut self, ended: Instant, env: &mut Env) {
        if self.current.as_ref().is_some_and(Outgoing::acknowledged) {
            let until = ended + env.config.timing.ack_wait;
            self.phase = Phase::AwaitingAck { until, extended: false };
        } else {
            self.on_segment_done(ended, env);
        }
    }

    /// A preamble under way when the wait ends may be the acknowledgement: it is heard out, once.
    fn on_no_ack(&mut self, now: Instant, until: Instant, extended: bool, env: &mut Env) {
        if !extended && !env.channel.quiet(now) {
            let until = now.max(until) + env.config.timing.ack;
            self.phase = Phase::AwaitingAck { until, extended: true };
            return;
        }
        count(&mut env.counters.csma_no_ack);
        self.on_failure(env);
    }

    fn on_failure(&mut self, env: &mut Env) {
        let Some(outgoing) = &mut self.current else { return };
        if outgoing.failures >= env.config.pib.mac_max_frame_retries {
            if let Some(short) = outgoing.neighbour() {
                env.neighbours.forget(short);
            }
            return self.finish(MacStatus::NoAck, env);
        }
        outgoing.failures += 1;
        outgoing.retries += 1;
        count(&mut env.counters.retries);
        if outgoing.failures >= env.config.interop.robo_after_failures {
            fall_back(outgoing, env);
        }
        if env.config.interop.widen_after_no_ack {
            self.csma.on_no_ack(outgoing.priority, &env.config.pib);
        }
        self.contend();
    }

    fn on_segment_done(&mut self, ended: Instant, env: &mut Env) {
        self.fcs = None;
        let Some(outgoing) = &mut self.current else { return };
        if outgoing.advance() {
            self.phase = Phase::Continuing { at: ended + env.config.timing.cifs };
        } else {
            self.csma.on_success(outgoing.priority, &env.config.pib);
            self.finish(MacStatus::Success, env);
        }
    }

    fn finish(&mut self, status: MacStatus, env: &mut Env) {
        let Some(outgoing) = self.current.take() else { return };
        (self.phase, self.fcs) = (Phase::Deferring, None);
        let counters = &mut env.counters;
        match (outgoing.origin, status) {
            (Origin::Data(_), MacStatus::Success) if outgoing.broadcast() => {
                count(&mut counters.tx_data_broadcast)
            }
            (Origin::Data(_), MacStatus::Success) => count(&mut counters.tx_data),
            (Origin::BeaconRequest, MacStatus::Success) => count(&mut counters.tx_command),
            (Origin::Beacon, MacStatus::Success) => count(&mut counters.tx_beacons),
            (Origin::ToneMapResponse { tx, gain, at }, MacStatus::Success) => {
                count(&mut counters.tx_command);
                count(&mut counters.tone_map_responses);
                outgoing.neighbour().into_iter().for_each(|dst| env.links.on_told(at, dst, tx, gain));
            }
            _ => {}
        }
        if let Origin::Data(handle) = outgoing.origin {
            confirm(handle, status, outgoing.retries, env);
        }
    }

    fn contender(&self) -> Option<Contender> {
        let outgoing = self.current.as_ref()?;
        Some(Contender { priority: outgoing.priority, broadcast: outgoing.broadcast() })
    }
}

/// Late repetitions use the most robust parameters, and ask what the neighbour wants now.
fn fall_back(outgoing: &mut Outgoing, env: &mut Env) {
    let fallen = outgoing.fall_back(env.geometry(), env.config.interop.recut);
    if fallen == FallBack::None {
        return;
    }
    count(&mut env.counters.fallbacks);
    if fallen == FallBack::Recut {
        count(&mut env.counters.recuts);
    }
    outgoing.tone_map_request = env.config.interop.tone_map_requests;
    if let Some(short) = outgoing.neighbour() {
        env.neighbours.doubt(Instant::EPOCH, short);
    }
}

fn confirm(handle: u16, status: MacStatus, retries: u16, env: &mut Env) {
    env.out.push(MacOutput::DataConfirm(McpsDataConfirm { handle, status, retries }));
}
