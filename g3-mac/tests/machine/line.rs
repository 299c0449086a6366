//! An ideal line for a few nodes: every node hears every other, frames last as long as they really do,
//! what overlaps is lost, nobody hears while it speaks, and the modem notices everything a little late.

use crate::geometry::GEOMETRY;
use g3_mac::{Mac, MacConfig, MacInput, MacOutput};
use plc_core::sap::*;
use plc_core::{Eui64, Instant, MacAddress, Machine, PanId, Seed, ShortAddress};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const PAN: PanId = PanId(0x781D);
pub(crate) const GMK: Key = Key(*b"\xAF\x4D\x6D\xCC\xF1\x4D\xE7\xC1\xC4\x23\x5E\x6F\xEF\x6C\x15\x1F");

/// From the first sample of a preamble until carrier sense reports it.
const PREAMBLE_LATENCY: Duration = Duration::from_micros(2500);
/// From the end of anything until the modem reports it.
const BLOCK_LATENCY: Duration = Duration::from_micros(700);

/// What the line does to one reception.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// The payload, or the whole acknowledgement, is lost.
    Lose,
    /// One bit of the payload is wrong and nobody notices.
    Flip,
}

/// How well the groups arrive: sender and receiver.
type Levels = Box<dyn Fn(usize, usize) -> [Lqi; 6]>;

/// Decides on each reception: transmission, its number, and receiver.
type Faults = Box<dyn FnMut(&Sent, usize, usize) -> Fault>;

/// A transmission.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) from: usize,
    pub(crate) start: Instant,
    pub(crate) end: Instant,
    pub(crate) request: PhyRequest,
}

impl Sent {
    /// The payload, unless it is an acknowledgement.
    pub(crate) fn psdu(&self) -> Option<&Psdu> {
        match &self.request {
            PhyRequest::Data(data) => Some(&data.psdu),
            PhyRequest::Ack(_) => None,
        }
    }
}

#[derive(Clone, Copy)]
enum Event {
    Preamble(usize),
    Header(usize),
    End(usize),
    Confirm(usize),
    /// Begin the pending transmission of this node.
    Begin(usize),
}

pub(crate) struct Line {
    pub(crate) now: Instant,
    pub(crate) macs: Vec<Mac>,
    /// Everything but transmissions that each node has put out.
    pub(crate) out: Vec<Vec<MacOutput>>,
    /// Every transmission.
    pub(crate) sent: Vec<Sent>,
    /// What happens to receptions.
    pub(crate) fault: Faults,
    pub(crate) levels: Levels,
    pending: Vec<Option<PhyRequest>>,
    events: BTreeMap<(Instant, u64), Event>,
    sequence: u64,
    /// Who has understood the header of each transmission.
    heard: Vec<Vec<bool>>,
}

pub(crate) fn config(node: u16) -> MacConfig {
    let seed = Seed::from_u64(7).derive("node", u64::from(node));
    let eui64 = Eui64::from_u64(0x1122_3344_5566_0000 + u64::from(node));
    let mut config = MacConfig::new(eui64, &GEOMETRY, seed, 0);
    // Tests of the exchange itself count frames; those of the adaptation turn it on.
    config.interop.tone_map_requests = false;
    // They ask for more at a time than an adaptation layer does.
    config.bounds.requests = 8;
    config
}

pub(crate) fn short(node: u16) -> MacAddress {
    MacAddress::Short(ShortAddress(node))
}

/// A secured request to `dst` with `len` octets.
pub(crate) fn request(handle: Handle, dst: MacAddress, len: usize) -> McpsDataRequest {
    McpsDataRequest {
        handle,
        extended_source: false,
        dst_pan: PAN,
        dst,
        msdu: (0..len).map(|n| (n as u16 * 7).wrapping_add(handle) as u8).collect(),
        security: MacSecurity::EncMic32 { key_index: 0 },
        priority: Priority::Normal,
    }
}

/// Gives a MAC its address and key.
pub(crate) fn join(mac: &mut Mac, now: Instant, node: u16) {
    let steps = [
        MlmeRequest::SetPanId(PAN),
        MlmeRequest::SetShortAddress(ShortAddress(node)),
        MlmeRequest::SetKey { index: 0, key: Some(GMK) },
        MlmeRequest::SetRcCoord(node),
    ];
    steps.into_iter().for_each(|step| mac.handle(now, MacInput::Mlme(step)));
}

impl Line {
    /// `nodes` nodes that have joined; node n has the short address n.
    pub(crate) fn joined(nodes: u16) -> Self {
        let mut line = Self::of((0..nodes).map(config).collect());
        let now = line.now;
        (0..nodes).for_each(|n| join(&mut line.macs[usize::from(n)], now, n));
        line
    }

    /// Nodes that know nothing yet.
    pub(crate) fn of(configs: Vec<MacConfig>) -> Self {
        let macs: Vec<_> = configs.into_iter().map(Mac::new).collect();
        let nodes = macs.len();
        Self {
            now: Instant::from_secs(1),
            macs,
            out: vec![Vec::new(); nodes],
            sent: Vec::new(),
            fault: Box::new(|_, _, _| Fault::None),
            levels: Box::new(|_, _| [LQI; 6]),
            pending: vec![None; nodes],
            events: BTreeMap::new(),
            sequence: 0,
            heard: Vec::new(),
        }
    }

    pub(crate) fn give(&mut self, node: usize, input: MacInput) {
        self.macs[node].handle(self.now, input);
        self.drain(node);
    }

    pub(crate) fn ask(&mut self, node: usize, request: McpsDataRequest) {
        self.give(node, MacInput::Data(request));
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.next().filter(|&at| at <= until) {
            self.now = self.now.max(at);
            self.step();
        }
        self.now = until;
    }

    /// Confirms of a node, and clears nothing.
    pub(crate) fn confirms(&self, node: usize) -> Vec<McpsDataConfirm> {
        self.out[node]
            .iter()
            .filter_map(|o| if let MacOutput::DataConfirm(c) = o { Some(*c) } else { None })
            .collect()
    }

    pub(crate) fn indications(&self, node: usize) -> Vec<McpsDataIndication> {
        let pick = |o: &MacOutput| if let MacOutput::DataIndication(i) = o { Some(i.clone()) } else { None };
        self.out[node].iter().filter_map(pick).collect()
    }

    pub(crate) fn statuses(&self, node: usize) -> Vec<(MacAddress, MacStatus)> {
        let pick = |o: &MacOutput| match o {
            MacOutput::Mlme(MlmeIndication::CommStatus { src, status }) => Some((*src, *status)),
            _ => None,
        };
        self.out[node].iter().filter_map(pick).collect()
    }

    /// Puts a frame on the line as if `from` had sent it.
    pub(crate) fn inject(&mut self, from: usize, psdu: Psdu, response_expected: bool) {
        let tx = GEOMETRY.robust();
        let at = self.now;
        self.begin(
            from,
            PhyRequest::Data(PdDataRequest { psdu, tx, gain: TxGain::default(), response_expected, at }),
        );
    }

    fn next(&self) -> Option<Instant> {
        let event = self.events.keys().next().map(|&(at, _)| at);
        self.macs.iter().filter_map(Machine::deadline).chain(event).min()
    }

    fn step(&mut self) {
        if let Some(entry) = self.events.first_entry().filter(|e| e.key().0 <= self.now) {
            let event = entry.remove();
            return self.on_event(event);
        }
        for node in 0..self.macs.len() {
            if self.macs[node].deadline().is_some_and(|at| at <= self.now) {
                self.macs[node].tick(self.now);
                self.drain(node);
            }
        }
    }

    fn drain(&mut self, node: usize) {
        while let Some(output) = self.macs[node].poll() {
            match output {
                MacOutput::Phy(request) => self.on_request(node, request),
                other => self.out[node].push(other),
            }
        }
        assert!(self.macs[node].deadline().is_none_or(|at| at > self.now), "node {node} is not quiescent");
    }

    fn on_request(&mut self, node: usize, request: PhyRequest) {
        assert!(self.pending[node].is_none() && !self.speaking(node), "one transmission at a time");
        let at = match &request {
            PhyRequest::Data(data) => data.at,
            PhyRequest::Ack(ack) => ack.at,
        };
        self.pending[node] = Some(request);
        self.at(at.max(self.now), Event::Begin(node));
    }

    fn at(&mut self, at: Instant, event: Event) {
        self.sequence += 1;
        self.events.insert((at, self.sequence), event);
    }

    fn speaking(&self, node: usize) -> bool {
        self.sent.iter().any(|s| s.from == node && s.start <= self.now && self.now < s.end)
    }

    fn begin(&mut self, from: usize, request: PhyRequest) {
        let ack = GEOMETRY.ack();
        let duration = match &request {
            PhyRequest::Data(data) => {
                let fit = GEOMETRY.fit(&data.tx, data.psdu.len()).expect("a frame of this band");
                assert_eq!(fit.psdu_len, data.psdu.len(), "the PSDU has a length that the frame holds");
                fit.duration
            }
            PhyRequest::Ack(_) => ack,
        };
        let (id, start, end) = (self.sent.len(), self.now, self.now + duration);
        self.sent.push(Sent { from, start, end, request });
        self.heard.push(vec![false; self.macs.len()]);
        self.at(start + PREAMBLE_LATENCY, Event::Preamble(id));
        self.at(start + ack + BLOCK_LATENCY, Event::Header(id));
        self.at(end + BLOCK_LATENCY, Event::End(id));
        self.at(end + BLOCK_LATENCY, Event::Confirm(id));
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Begin(node) => {
                let request = self.pending[node].take().expect("a request is pending");
                self.begin(node, request);
            }
            Event::Confirm(id) => {
                let Sent { from, end, .. } = self.sent[id];
                let confirm = PhyIndication::Confirm { status: PdStatus::Success, ended: end };
                self.give(from, MacInput::Phy(confirm));
            }
            Event::Preamble(id) => self.each(id, Self::on_preamble),
            Event::Header(id) => self.each(id, Self::on_header),
            Event::End(id) => self.each(id, Self::on_end),
        }
    }

    fn each(&mut self, id: usize, hear: impl Fn(&mut Self, usize, usize)) {
        let from = self.sent[id].from;
        (0..self.macs.len()).filter(|&node| node != from).for_each(|node| hear(self, id, node));
    }

    /// Whether something else was on the air during transmission `id`, as far as it has come.
    fn clobbered(&self, id: usize) -> bool {
        let (start, end) = (self.sent[id].start, self.sent[id].end.min(self.now));
        self.sent.iter().enumerate().any(|(n, s)| n != id && s.start < end && start < s.end)
    }

    fn sense(&mut self, node: usize, sense: CarrierSense) {
        self.give(node, MacInput::Phy(PhyIndication::CarrierSense(sense)));
    }

    fn on_preamble(&mut self, id: usize, node: usize) {
        if !self.clobbered(id) {
            self.sense(node, CarrierSense::Preamble);
        }
    }

    fn on_header(&mut self, id: usize, node: usize) {
        let sent = self.sent[id].clone();
        if self.speaking(node) {
            return;
        }
        let ended = sent.start + GEOMETRY.ack();
        if self.clobbered(id) {
            self.give(node, MacInput::Phy(PhyIndication::Lost { loss: PhyLoss::Header, ended }));
            return self.sense(node, CarrierSense::Idle);
        }
        match &sent.request {
            PhyRequest::Data(data) => {
                self.heard[id][node] = true;
                let response_expected = data.response_expected;
                self.sense(node, CarrierSense::Frame { ends: sent.end, response_expected });
            }
            PhyRequest::Ack(ack) => {
                if (self.fault)(&sent, id, node) == Fault::None {
                    let PdAckRequest { fcs, more_segments, negative, .. } = *ack;
                    let ack = PdAckIndication { fcs, more_segments, negative, lqi: LQI, ended };
                    self.give(node, MacInput::Phy(PhyIndication::Ack(ack)));
                }
                self.sense(node, CarrierSense::Idle);
            }
        }
    }

    fn on_end(&mut self, id: usize, node: usize) {
        let sent = self.sent[id].clone();
        let (PhyRequest::Data(data), true) = (&sent.request, self.heard[id][node]) else { return };
        let fault = if self.clobbered(id) { Fault::Lose } else { (self.fault)(&sent, id, node) };
        let mut psdu = data.psdu.clone();
        if fault == Fault::Flip {
            psdu[10] ^= 4;
        }
        let indication = if fault == Fault::Lose {
            PhyIndication::Lost { loss: PhyLoss::Payload, ended: sent.end }
        } else {
            let levels = (self.levels)(sent.from, node);
            PhyIndication::Data(PdDataIndication {
                psdu,
                tx: data.tx,
                response_expected: data.response_expected,
                lqi: mean(&levels),
                group_lqi: levels.into_iter().collect(),
                phase_difference: PhaseDifference(0),
                corrected_octets: 0,
                started: sent.start,
                ended: sent.end,
            })
        };
        self.give(node, MacInput::Phy(indication));
        self.sense(node, CarrierSense::Idle);
    }
}

pub(crate) const LQI: Lqi = Lqi(88);

fn mean(levels: &[Lqi; 6]) -> Lqi {
    Lqi((levels.iter().map(|lqi| u32::from(lqi.0)).sum::<u32>() / 6) as u8)
}
