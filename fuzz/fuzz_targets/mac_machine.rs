//! Two MACs on a line of which the fuzzer decides everything: what is asked of them, what is lost, damaged, doubled or
//! late, and what strangers send. Whatever happens, both are quiescent when drained and inside their bounds, no request
//! is confirmed twice, and what a secured frame delivers was sent, and comes once.
#![no_main]

use fuzz::Script;
use g3_mac::{Adaptation, Bounds, Mac, MacConfig, MacInput, MacOutput};
use g3_phy::CENELEC_A;
use libfuzzer_sys::fuzz_target;
use plc_core::sap::*;
use plc_core::{Eui64, Instant, MacAddress, Machine, PanId, Seed, ShortAddress};
use std::collections::BTreeSet;
use std::time::Duration;

const PAN: PanId = PanId(0x781D);
const KEY: Key = Key([7; 16]);

fuzz_target!(|bytes: &[u8]| {
    let mut script = Script(bytes);
    let mut line = Line::new(&mut script);
    while !script.is_empty() {
        line.step(&mut script);
    }
    line.end();
});

/// A MAC and what it has done.
struct Node {
    mac: Mac,
    /// What it wants to send.
    pending: Option<PhyRequest>,
    /// Requests without a confirm.
    open: BTreeSet<Handle>,
    /// Handles of the MSDUs that the other has delivered out of secured frames.
    delivered: BTreeSet<Handle>,
}

struct Line {
    now: Instant,
    nodes: [Node; 2],
    next: Handle,
    /// Frames that were sent, to be played back.
    heard: Vec<(Psdu, TxParameters)>,
}

impl Line {
    fn new(script: &mut Script<'_>) -> Self {
        let small = script.octet() & 1 == 1;
        let nodes = [0, 1].map(|n| Node {
            mac: Mac::new(config(n, small)),
            pending: None,
            open: BTreeSet::new(),
            delivered: BTreeSet::new(),
        });
        let mut line = Self { now: Instant::from_secs(1), nodes, next: 0, heard: Vec::new() };
        for n in 0..2 {
            let short = ShortAddress(n as u16);
            line.give(n, MacInput::Mlme(MlmeRequest::SetPanId(PAN)));
            line.give(n, MacInput::Mlme(MlmeRequest::SetShortAddress(short)));
            line.give(n, MacInput::Mlme(MlmeRequest::SetKey { index: 0, key: Some(KEY) }));
        }
        line
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let (op, n) = (script.octet(), usize::from(script.octet() & 1));
        match op % 8 {
            0 => self.ask(n, script),
            1 | 2 => self.carry(n, script),
            3 | 4 => self.advance(n),
            5 => self.pass(Duration::from_micros(u64::from(script.word()) * 50)),
            6 => self.manage(n, script),
            _ => self.strange(n, script),
        }
    }

    fn ask(&mut self, n: usize, script: &mut Script<'_>) {
        let (kind, len) = (script.octet(), 2 + usize::from(script.word()) % 399);
        let dst = if kind & 1 == 0 { short(1 - n) } else { MacAddress::BROADCAST };
        let priority = if kind & 2 == 0 { Priority::Normal } else { Priority::High };
        let handle = self.next;
        self.next = self.next.wrapping_add(1);
        if handle == Handle::MAX {
            return;
        }
        let octets = handle.to_le_bytes().into_iter().chain((2..len).map(|at| at as u8 ^ handle as u8));
        let security = MacSecurity::EncMic32 { key_index: 0 };
        let (extended_source, dst_pan, msdu) = (false, PAN, octets.collect());
        let request = McpsDataRequest { handle, extended_source, dst_pan, dst, msdu, security, priority };
        self.nodes[n].open.insert(handle);
        self.give(n, MacInput::Data(request));
    }

    /// The transmission that `n` has asked for happens, in some way.
    fn carry(&mut self, n: usize, script: &mut Script<'_>) {
        let Some(request) = self.nodes[n].pending.take() else { return };
        let (at, duration) = match &request {
            PhyRequest::Data(data) => (data.at, duration(data)),
            PhyRequest::Ack(ack) => (ack.at, CENELEC_A.ack()),
        };
        let (fate, ended) = (script.octet(), at.max(self.now) + duration);
        self.pass(ended.since(self.now));
        self.deliver(n, &request, ended, fate, script);
        let confirm = |status| MacInput::Phy(PhyIndication::Confirm { status, ended });
        match fate >> 6 {
            0 | 1 => self.give(n, confirm(PdStatus::Success)),
            2 => self.give(n, confirm(PdStatus::TxBusy)),
            _ => {}
        }
    }

    fn deliver(&mut self, n: usize, request: &PhyRequest, ended: Instant, fate: u8, script: &mut Script<'_>) {
        let indication = match request {
            PhyRequest::Ack(ack) => {
                let PdAckRequest { fcs, more_segments, negative, .. } = *ack;
                PhyIndication::Ack(PdAckIndication { fcs, more_segments, negative, lqi: Lqi(90), ended })
            }
            PhyRequest::Data(data) => {
                self.heard.push((data.psdu.clone(), data.tx));
                let mut psdu = data.psdu.clone();
                if fate & 8 != 0 {
                    damage(&mut psdu, fate & 16 != 0, script);
                }
                frame(psdu, data.tx, data.response_expected, ended, script.octet())
            }
        };
        match fate & 7 {
            0 => {}
            1 => self.hear(1 - n, PhyIndication::Lost { loss: PhyLoss::Payload, ended }),
            2 => {
                self.hear(1 - n, indication.clone());
                self.hear(1 - n, indication);
            }
            3 => {
                let (ends, response_expected) = (ended, true);
                self.hear(1 - n, PhyIndication::CarrierSense(CarrierSense::Frame { ends, response_expected }));
                self.hear(1 - n, indication);
            }
            _ => self.hear(1 - n, indication),
        }
    }

    /// Somebody else sends something, or plays back what was heard.
    fn strange(&mut self, n: usize, script: &mut Script<'_>) {
        let (kind, ended) = (script.octet(), self.now);
        let indication = match kind % 5 {
            0 if !self.heard.is_empty() => {
                let (mut psdu, tx) = self.heard[usize::from(script.word()) % self.heard.len()].clone();
                if kind & 0x80 != 0 {
                    damage(&mut psdu, true, script);
                }
                frame(psdu, tx, true, ended, script.octet())
            }
            1 => PhyIndication::Lost { loss: PhyLoss::Header, ended },
            2 => PhyIndication::CarrierSense(CarrierSense::Preamble),
            3 => PhyIndication::CarrierSense(CarrierSense::Idle),
            _ => {
                let len = usize::from(script.octet());
                let mut psdu: Psdu = (0..len).map(|_| script.octet()).collect();
                seal(&mut psdu);
                frame(psdu, CENELEC_A.robust(), kind & 0x80 != 0, ended, script.octet())
            }
        };
        self.hear(n, indication);
    }

    fn manage(&mut self, n: usize, script: &mut Script<'_>) {
        let (kind, index) = (script.octet(), 0);
        let attribute = PibAttribute(if kind & 0x80 == 0 { 0x47 + u16::from(script.octet() % 64) } else { 0x100 + u16::from(script.octet() % 64) });
        // Who a node is stays, so that the laws of delivery hold.
        let identity =
            [PibAttribute::PAN_ID, PibAttribute::SHORT_ADDRESS, PibAttribute::KEY_TABLE, PibAttribute::FRAME_COUNTER];
        let request = match kind % 4 {
            0 => MlmeRequest::Scan { duration: Duration::from_millis(u64::from(script.word())) },
            1 if !identity.contains(&attribute) => {
                MlmeRequest::Set { attribute, index, value: PibValue::Unsigned8(script.octet()) }
            }
            2 => MlmeRequest::SetRcCoord(script.word()),
            _ => MlmeRequest::Get { attribute, index: script.octet().into() },
        };
        self.give(n, MacInput::Mlme(request));
    }

    /// To the next deadline of `n`.
    fn advance(&mut self, n: usize) {
        if let Some(at) = self.nodes[n].mac.deadline() {
            self.pass(at.since(self.now));
        }
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        for _ in 0..200 {
            let next = self.nodes.iter().filter_map(|node| node.mac.deadline()).min();
            let Some(at) = next.filter(|&at| at <= until) else { break };
            self.now = self.now.max(at);
            for n in 0..2 {
                self.nodes[n].mac.tick(self.now);
                self.drain(n);
            }
        }
        self.now = self.now.max(until);
        for n in 0..2 {
            self.nodes[n].mac.tick(self.now);
            self.drain(n);
        }
    }

    fn hear(&mut self, n: usize, indication: PhyIndication) {
        self.give(n, MacInput::Phy(indication));
    }

    fn give(&mut self, n: usize, input: MacInput) {
        self.nodes[n].mac.handle(self.now, input);
        self.drain(n);
    }

    fn drain(&mut self, n: usize) {
        while let Some(output) = self.nodes[n].mac.poll() {
            match output {
                MacOutput::Phy(request) => self.nodes[n].pending = Some(request),
                MacOutput::DataConfirm(confirm) => {
                    assert!(self.nodes[n].open.remove(&confirm.handle), "a confirm without a request, or a second one");
                }
                MacOutput::DataIndication(indication) => self.on_delivered(n, &indication),
                _ => {}
            }
        }
        let mac = &self.nodes[n].mac;
        assert!(mac.deadline().is_none_or(|at| at > self.now), "not quiescent");
        let (held, bound) = mac.occupancy();
        assert!(held <= bound && mac.outputs_dropped() == 0);
    }

    fn on_delivered(&mut self, n: usize, indication: &McpsDataIndication) {
        if indication.security == MacSecurity::None {
            return;
        }
        let [low, high, rest @ ..] = &indication.msdu[..] else { panic!("nobody sent that") };
        let handle = u16::from_le_bytes([*low, *high]);
        assert!(handle < self.next && (2usize..).zip(rest).all(|(at, &octet)| octet == at as u8 ^ handle as u8));
        assert!(self.nodes[1 - n].delivered.insert(handle), "delivered twice");
    }

    /// A reset answers everything that is open.
    fn end(mut self) {
        for n in 0..2 {
            self.give(n, MacInput::Mlme(MlmeRequest::Reset));
            assert!(self.nodes[n].open.is_empty(), "a request without a confirm");
        }
    }
}

fn config(n: u16, small: bool) -> MacConfig {
    let mut config = MacConfig::new(Eui64::from_u64(100 + u64::from(n)), &CENELEC_A, Seed::from_u64(n.into()), 0);
    (config.interop.nack, config.device_counter_block) = (true, 4);
    config.adaptation = Adaptation { attenuate_beyond: Some(20), ..Adaptation::default() };
    if small {
        let one = 1;
        config.bounds = Bounds {
            requests: one,
            reassemblies: one,
            duplicates: one,
            devices: 4,
            neighbours: one,
            pos: one,
            links: one,
            scan_results: one,
        };
    }
    config
}

fn short(n: usize) -> MacAddress {
    MacAddress::Short(ShortAddress(n as u16))
}

fn duration(data: &PdDataRequest) -> Duration {
    let fit = CENELEC_A.fit(&data.tx, data.psdu.len()).expect("the MAC sends frames of the band");
    assert_eq!(fit.psdu_len, data.psdu.len());
    fit.duration
}

fn damage(psdu: &mut Psdu, sealed: bool, script: &mut Script<'_>) {
    let at = usize::from(script.word());
    if let Some(octet) = psdu.iter_mut().nth(at % 256) {
        *octet ^= script.octet();
    }
    if sealed {
        seal(psdu);
    }
}

fn seal(psdu: &mut Psdu) {
    if let Some((body, tail)) = psdu.split_last_chunk_mut::<2>() {
        *tail = plc_core::crc::g3_fcs(body).to_le_bytes();
    }
}

fn frame(psdu: Psdu, tx: TxParameters, response_expected: bool, ended: Instant, level: u8) -> PhyIndication {
    let levels = (0..6u8).map(|group| Lqi(level.wrapping_add(group.wrapping_mul(level))));
    PhyIndication::Data(PdDataIndication {
        psdu,
        tx,
        response_expected,
        lqi: Lqi(level),
        group_lqi: levels.collect(),
        phase_difference: PhaseDifference(level),
        corrected_octets: level & 7,
        started: ended,
        ended,
    })
}
