//! A receiver on real frames that the fuzzer damages, so that it meets every state: samples of any value, pieces
//! missing, doubled or louder, blocks of any length. It must not panic, carrier sense must begin and end in
//! turns, and the next good frame must be heard.
#![no_main]

use g3_phy::{ARIB, BandPlan, CENELEC_A, Exchange, FCC, Modem, ModemConfig};
use libfuzzer_sys::fuzz_target;
use plc_core::Instant;
use plc_core::sap::*;
use std::sync::OnceLock;

fuzz_target!(|bytes: &[u8]| {
    let mut script = Script(bytes);
    let band = usize::from(script.octet()) % BANDS.len();
    let (frames, mut samples) = (&frames()[band], Vec::new());
    for _ in 0..=script.octet() % 3 {
        let mut frame = frames[usize::from(script.octet()) % frames.len()].clone();
        for _ in 0..script.octet() % 8 {
            damage(&mut frame, &mut script);
        }
        samples.extend(frame);
    }
    let mut listener = Listener::new(BANDS[band]);
    let mut rest = &samples[..];
    while !rest.is_empty() {
        let len = usize::from(script.octet()) * usize::from(script.octet()) / 8 + 1;
        let (block, later) = rest.split_at(len.min(rest.len()));
        listener.hear(block);
        rest = later;
    }
    listener.recovers(&frames[0]);
});

/// The octets of the fuzzer as decisions; zeros when they have run out.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn octet(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn place(&mut self, len: usize) -> usize {
        usize::from(u16::from_le_bytes([self.octet(), self.octet()])) * len / 65_536
    }

    fn sample(&mut self) -> f32 {
        f32::from_bits(u32::from_le_bytes([self.octet(), self.octet(), self.octet(), self.octet()]))
    }
}

/// One fault in `frame`.
fn damage(frame: &mut Vec<f32>, script: &mut Script) {
    let from = script.place(frame.len());
    let to = (from + script.place(frame.len()) / 4).min(frame.len());
    let (kind, value) = (script.octet() % 9, script.sample());
    let piece = &mut frame[from..to];
    match kind {
        0 => piece.fill(value),
        1 => piece.iter_mut().for_each(|sample| *sample *= value),
        2 => piece.iter_mut().for_each(|sample| *sample += value),
        3 => piece.reverse(),
        4 => drop(frame.drain(from..to)),
        5 => {
            let twice = piece.to_vec();
            frame.splice(from..from, twice);
        }
        6 => piece.iter_mut().step_by(7).for_each(|sample| *sample = script.sample()),
        7 => piece.iter_mut().for_each(|sample| *sample = -*sample),
        _ => piece.iter_mut().for_each(|sample| *sample += f32::from(script.octet() as i8) / 32.0),
    }
}

/// A modem that listens, with what its carrier sense has said last.
struct Listener {
    modem: Modem,
    busy: bool,
}

impl Listener {
    fn new(plan: &'static BandPlan) -> Self {
        Self { modem: Modem::new(plan, ModemConfig::of(plan)), busy: false }
    }

    /// Takes a block; whether an acknowledgement was in it.
    fn hear(&mut self, block: &[f32]) -> bool {
        let (mut mute, mut found) = (vec![0.0; block.len()], false);
        let medium = Exchange::Block { received: block, transmitted: &mut mute };
        self.modem.on_medium(Instant::EPOCH, medium);
        assert!(mute.iter().all(|&sample| sample == 0.0), "nobody has asked for a frame");
        while let Some(indication) = Phy::poll(&mut self.modem) {
            found |= matches!(indication, PhyIndication::Ack(_));
            self.follow(&indication);
        }
        found
    }

    fn follow(&mut self, indication: &PhyIndication) {
        let busy = match indication {
            PhyIndication::CarrierSense(CarrierSense::Preamble) => {
                assert!(!self.busy, "two preambles without an end");
                true
            }
            PhyIndication::CarrierSense(CarrierSense::Idle) => false,
            _ => true,
        };
        assert!(busy || self.busy, "an end without a beginning");
        self.busy = busy;
    }

    /// Hears `good`, an acknowledgement.
    fn recovers(mut self, good: &[f32]) {
        self.modem.on_medium(Instant::EPOCH, Exchange::Gap { samples: 1 });
        while let Some(indication) = Phy::poll(&mut self.modem) {
            self.follow(&indication);
        }
        assert!(!self.busy && !self.modem.is_receiving(), "a gap ends every reception");
        let heard = good.chunks(1000).fold(false, |found, block| found | self.hear(block));
        assert!(heard, "after all that a good frame is not heard");
        assert_eq!(self.modem.counters().dropped_indications, 0);
    }
}

/// The bands whose receivers are fed.
const BANDS: [&BandPlan; 3] = [&CENELEC_A, &FCC, &ARIB];

/// Good frames of each band: an acknowledgement, and short payloads of every modulation.
fn frames() -> &'static [Vec<Vec<f32>>] {
    static FRAMES: OnceLock<Vec<Vec<Vec<f32>>>> = OnceLock::new();
    FRAMES.get_or_init(|| {
        BANDS.into_iter().map(|plan| requests(plan).map(|r| waveform(plan, r)).collect()).collect()
    })
}

fn requests(plan: &'static BandPlan) -> impl Iterator<Item = PhyRequest> {
    let ack = PdAckRequest { fcs: 0x5843, more_segments: true, negative: false, at: Instant::EPOCH };
    let schemes = [ModulationScheme::Differential, ModulationScheme::Coherent];
    let modulations =
        [Modulation::Robo, Modulation::Bpsk, Modulation::Qpsk, Modulation::Psk8, Modulation::Qam16];
    let modes =
        schemes.into_iter().flat_map(move |scheme| modulations.map(|modulation| (modulation, scheme)));
    let payloads = modes.filter_map(move |(modulation, scheme)| {
        let tx = TxParameters { modulation, scheme, ..plan.robust() };
        let psdu =
            Psdu::from_slice(&vec![0x5A; plan.fit(&tx, 9)?.psdu_len]).expect("what fits a frame fits a Psdu");
        let (gain, at) = (TxGain::default(), Instant::EPOCH);
        Some(PhyRequest::Data(PdDataRequest { psdu, tx, gain, response_expected: false, at }))
    });
    std::iter::once(PhyRequest::Ack(ack)).chain(payloads)
}

fn waveform(plan: &'static BandPlan, request: PhyRequest) -> Vec<f32> {
    let mut talker = Modem::new(plan, ModemConfig::of(plan));
    talker.on_request(Instant::EPOCH, request);
    let (silence, mut block, mut samples) = ([0.0; 500], [0.0; 500], vec![0.0; 700]);
    while talker.is_transmitting() {
        talker.on_medium(Instant::EPOCH, Exchange::Block { received: &silence, transmitted: &mut block });
        samples.extend_from_slice(&block);
    }
    samples.resize(samples.len() + 300, 0.0);
    samples
}
