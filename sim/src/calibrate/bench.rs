//! One frame through two modems and the noise between them.

use crate::street::{noise_of_port, signal_of_band};
use channel::gauss::{self, BLOCK, Words};
use channel::levels::ratio_from_db;
use channel::{Link, Noise};
use g3_phy::g3::specs::FFT_LEN;
use g3_phy::{BandPlan, Exchange, Modem, ModemConfig};
use plc_core::sap::{
    CarrierSense, PdAckRequest, PdDataRequest, Phy, PhyIndication, PhyLoss, PhyRequest, Psdu, TxGain,
    TxParameters,
};
use plc_core::{Instant, Seed};

/// What is sent.
#[derive(Clone, Debug)]
pub enum Shot {
    /// A header alone.
    Ack,
    /// A payload of so many octets, which must fit `tx` exactly.
    Data {
        /// How.
        tx: TxParameters,
        /// How loud each group.
        gain: TxGain,
        /// Length.
        octets: usize,
    },
}

/// What lies between.
#[derive(Clone, Debug)]
pub enum Line {
    /// White noise.
    White,
    /// The background of the street's noise, coloured.
    Background,
    /// The whole noise of the street, with its impulses and its tone.
    Street,
}

/// How a frame ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Samples from its start to the carrier sense of its preamble.
    pub sensed: Option<u32>,
    /// Whether the header was understood.
    pub header: bool,
    /// Whether the payload was delivered as it was sent.
    pub payload: bool,
    /// Signal quality of all carriers in use, dB.
    pub lqi_db: Option<f64>,
    /// Signal quality of each group, dB.
    pub group_db: Vec<f64>,
}

/// Two modems.
pub struct Bench {
    plan: &'static BandPlan,
    line: Line,
    talker: Modem,
    listener: Modem,
    words: Words,
    noise: Noise,
    /// Background over the level of a transmitter, dB.
    background_db: f64,
    /// Samples that have passed.
    at: u64,
    key: u64,
    block: usize,
}

impl Bench {
    /// A bench on which the same `seed` gives the same noise, hearing `block` samples at once: the grain of
    /// [`Outcome::sensed`].
    pub fn new(plan: &'static BandPlan, line: Line, seed: u64, block: usize) -> Self {
        let config = ModemConfig::of(plan);
        let noise = noise_of_port(&Seed::from_u64(seed), 1, plan.sample_rate_hz);
        let flat = Link::flat(1.0, plan.sample_rate_hz);
        Self {
            plan,
            background_db: signal_of_band(plan).mean_background_snr_db(&flat, &noise),
            noise: if matches!(line, Line::Background) { noise.background_alone() } else { noise },
            line,
            talker: Modem::new(plan, config),
            listener: Modem::new(plan, config),
            words: Words::new(seed, 1),
            at: 0,
            key: seed,
            block,
        }
    }

    /// Sends a frame at a mean ratio per carrier of `snr_db`, before the gains of its groups.
    pub fn shoot(&mut self, shot: &Shot, snr_db: f64) -> Outcome {
        let (psdu, sent) = self.waveform(shot);
        let lead = 800 + (self.words.word() % 600) as usize;
        let mut samples = vec![0.0; lead];
        samples.extend_from_slice(&sent);
        samples.resize(samples.len() + 600, 0.0);
        self.disturb(snr_db, &mut samples);
        self.hear(&samples, lead, &psdu)
    }

    fn waveform(&mut self, shot: &Shot) -> (Vec<u8>, Vec<f32>) {
        let at = Instant::EPOCH;
        let (psdu, request) = match shot {
            Shot::Ack => {
                let fcs = self.words.word() as u16;
                (vec![], PhyRequest::Ack(PdAckRequest { fcs, more_segments: false, negative: false, at }))
            }
            Shot::Data { tx, gain, octets } => {
                let octets: Vec<u8> = (0..*octets).map(|_| self.words.word() as u8).collect();
                let psdu = Psdu::from_slice(&octets).expect("no shot is longer than a Psdu");
                let request = PdDataRequest { psdu, tx: *tx, gain: *gain, response_expected: false, at };
                (octets, PhyRequest::Data(request))
            }
        };
        self.talker.on_request(at, request);
        let (silence, mut block, mut samples) = ([0.0; 1000], [0.0; 1000], Vec::new());
        while self.talker.is_transmitting() {
            self.talker.on_medium(at, Exchange::Block { received: &silence, transmitted: &mut block });
            samples.extend_from_slice(&block);
        }
        while Phy::poll(&mut self.talker).is_some() {}
        (psdu, samples)
    }

    fn disturb(&mut self, snr_db: f64, samples: &mut [f32]) {
        // A part of the noise of its own for each frame, far from the others.
        self.at +=
            (samples.len() as u64).next_multiple_of(BLOCK as u64) + BLOCK as u64 * (self.words.word() % 4096);
        if matches!(self.line, Line::White) {
            return self.whiten(snr_db, samples);
        }
        let gain = ratio_from_db(snr_db - self.background_db) as f32;
        samples.iter_mut().for_each(|sample| *sample *= gain);
        self.noise.add(self.at, samples);
        samples.iter_mut().for_each(|sample| *sample /= gain);
    }

    /// Es/N0 per carrier is FFT_LEN / 2 over the number of carriers and the variance per sample, for a signal of level one.
    fn whiten(&mut self, snr_db: f64, samples: &mut [f32]) {
        let variance = FFT_LEN as f64 / 2.0 / self.plan.used_carriers() as f64 / 10f64.powf(snr_db / 10.0);
        let sigma = variance.sqrt() as f32;
        for (n, samples) in samples.chunks_mut(BLOCK).enumerate() {
            let mut white = [0.0; BLOCK];
            gauss::white(self.key, self.at / BLOCK as u64 + n as u64, &mut white);
            samples.iter_mut().zip(&white).for_each(|(sample, white)| *sample += sigma * white);
        }
    }

    fn hear(&mut self, samples: &[f32], lead: usize, psdu: &[u8]) -> Outcome {
        let mut outcome = Outcome::default();
        let mut mute = vec![0.0; self.block];
        let mut heard = 0;
        for block in samples.chunks(self.block) {
            let transmitted = &mut mute[..block.len()];
            self.listener.on_medium(Instant::EPOCH, Exchange::Block { received: block, transmitted });
            heard += block.len();
            while let Some(indication) = Phy::poll(&mut self.listener) {
                outcome.on(&indication, heard.saturating_sub(lead) as u32, psdu);
            }
        }
        self.listener.on_medium(Instant::EPOCH, Exchange::Gap { samples: 4000 });
        while Phy::poll(&mut self.listener).is_some() {}
        outcome
    }
}

impl Outcome {
    /// Whether the preamble was missed; every frame has one.
    pub fn preamble_lost(&self) -> Option<bool> {
        Some(self.sensed.is_none())
    }

    /// Whether the header was lost, of a frame whose preamble was heard.
    pub fn header_lost(&self) -> Option<bool> {
        self.sensed.map(|_| !self.header)
    }

    /// Whether the payload was lost, of a frame whose header was understood.
    pub fn payload_lost(&self) -> Option<bool> {
        self.header.then_some(!self.payload)
    }

    fn on(&mut self, indication: &PhyIndication, since: u32, psdu: &[u8]) {
        match indication {
            PhyIndication::CarrierSense(CarrierSense::Preamble) => _ = self.sensed.get_or_insert(since),
            PhyIndication::CarrierSense(CarrierSense::Frame { .. }) => self.header = !psdu.is_empty(),
            PhyIndication::Ack(ack) if psdu.is_empty() => {
                self.header = true;
                self.lqi_db = Some(f64::from(ack.lqi.snr_db()));
            }
            PhyIndication::Data(data) if data.psdu[..] == *psdu => {
                self.payload = true;
                self.lqi_db = Some(f64::from(data.lqi.snr_db()));
                self.group_db = data.group_lqi.iter().map(|lqi| f64::from(lqi.snr_db())).collect();
            }
            PhyIndication::Lost { loss: PhyLoss::Header | PhyLoss::Unsupported, .. } => self.header = false,
            _ => {}
        }
    }
}
