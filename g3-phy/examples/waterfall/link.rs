//! One frame through two modems and what lies between them.
//!
//! The ratio on every axis is Es/N0 per carrier: the mean of |X|² over the carriers that are sent, X being the 256-point
//! transform of a symbol body as it arrives, over 256·σ², the variance that white noise of variance σ² per sample has
//! in that transform. It is measured on the waveform, so it holds for any band, tone map and channel.

use crate::line::Line;
use crate::random::{Words, key, octets};
use crate::run::Trial;
use crate::stats::Tally;
use channel::skew;
use g3_phy::g3::specs::FFT_LEN;
use g3_phy::g3::{BandPlan, PayloadShape};
use g3_phy::{Exchange, Modem, ModemConfig};
use plc_core::Instant;
use plc_core::sap::{
    CarrierSense, FrameGeometry, PdDataRequest, Phy, PhyIndication, PhyLoss, PhyRequest, Psdu, TxGain,
    TxParameters,
};
use std::ops::Range;

/// Frames of one kind over one line, through the whole modem.
pub(crate) struct Link {
    pub(crate) seed: u64,
    pub(crate) name: &'static str,
    pub(crate) plan: &'static BandPlan,
    pub(crate) tx: TxParameters,
    pub(crate) config: ModemConfig,
    pub(crate) line: Line,
}

/// Difference of both clocks: 25 ppm at each end, one fast, one slow.
const CLOCK_PPM: f64 = 50.0;
/// Samples per exchange with a modem.
const BLOCK: usize = 1000;
/// Noise before a frame: the shortest, and how much longer it may be.
pub(crate) const LEAD: (u64, u64) = (600, 800);
/// Noise after a frame.
const TRAIL: usize = 700;
/// Samples that are new to the listener between frames, as a gap.
const GAP: u64 = 4000;

/// How a frame ended at the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Delivered,
    Preamble,
    Header,
    Payload,
    Wrong,
}

impl Trial for Link {
    fn run(&self, snr_db: f64, frames: Range<u64>) -> Tally {
        let mut tally = Tally { frames: frames.end - frames.start, ..Tally::default() };
        let (mut talker, mut listener) =
            (Modem::new(self.plan, self.config), Modem::new(self.plan, self.config));
        let key = key(self.seed, self.name, snr_db);
        for frame in frames {
            let mut words = Words::new(key, frame);
            match self.frame(snr_db, &mut words, &mut talker, &mut listener) {
                Fate::Delivered => {}
                Fate::Preamble => tally.preamble += 1,
                Fate::Header => tally.header += 1,
                Fate::Payload => tally.payload += 1,
                Fate::Wrong => tally.wrong += 1,
            }
        }
        tally
    }
}

impl Link {
    /// The longest payload of these parameters.
    pub(crate) fn shape(&self) -> PayloadShape {
        PayloadShape::fitting(self.plan, &self.tx, self.plan.max_psdu(&self.tx))
            .expect("the longest PSDU fits")
    }

    fn frame(&self, snr_db: f64, words: &mut Words, talker: &mut Modem, listener: &mut Modem) -> Fate {
        let psdu = octets(words, self.plan.max_psdu(&self.tx));
        let sent = waveform(talker, &psdu, self.tx);
        let start = (LEAD.0 + words.word() % LEAD.1) as usize;
        let mut samples = self.line.pass(slid(&sent, start, words), words);
        self.line.disturb(snr_db, &mut samples, words);
        let first = listener.position() + start as u64;
        let said = heard(listener, &samples);
        self.fate(&said, &psdu, first)
    }

    fn fate(&self, said: &[PhyIndication], psdu: &[u8], first: u64) -> Fate {
        let data =
            said.iter().find_map(|i| if let PhyIndication::Data(data) = i { Some(data) } else { None });
        if let Some(data) = data {
            return if data.psdu[..] == *psdu { Fate::Delivered } else { Fate::Wrong };
        }
        let lost =
            |wanted| said.iter().any(|i| matches!(i, PhyIndication::Lost { loss, .. } if *loss == wanted));
        if lost(PhyLoss::Payload) {
            return if self.header_was_right(said, first) { Fate::Payload } else { Fate::Header };
        }
        if lost(PhyLoss::Header) || lost(PhyLoss::Unsupported) { Fate::Header } else { Fate::Preamble }
    }

    /// Whether the listener expected the end of the frame where it is, within a symbol.
    fn header_was_right(&self, said: &[PhyIndication], first: u64) -> bool {
        let end = first + self.plan.frame_len(self.shape().symbols_on_air()) as u64;
        said.iter().any(|indication| match indication {
            PhyIndication::CarrierSense(CarrierSense::Frame { ends, .. }) => {
                self.config.clock.index(*ends).abs_diff(end) < FFT_LEN as u64
            }
            _ => false,
        })
    }
}

/// A frame with `psdu`, from its first sample to its last.
pub(crate) fn waveform(talker: &mut Modem, psdu: &[u8], tx: TxParameters) -> Vec<f32> {
    let psdu = Psdu::from_slice(psdu).expect("no frame is longer than a Psdu");
    let request =
        PdDataRequest { psdu, tx, gain: TxGain::default(), response_expected: false, at: Instant::EPOCH };
    talker.on_request(Instant::EPOCH, PhyRequest::Data(request));
    emitted(talker)
}

/// What a modem with a pending frame sends.
pub(crate) fn emitted(talker: &mut Modem) -> Vec<f32> {
    let (silence, mut block, mut samples) = ([0.0; BLOCK], [0.0; BLOCK], Vec::new());
    while talker.is_transmitting() {
        talker.on_medium(Instant::EPOCH, Exchange::Block { received: &silence, transmitted: &mut block });
        samples.extend_from_slice(&block);
    }
    while Phy::poll(talker).is_some() {}
    samples
}

/// A waveform after `start` samples of silence, at the clock of the listener.
pub(crate) fn slid(sent: &[f32], start: usize, words: &mut Words) -> Vec<f32> {
    let ppm = if words.word() >> 63 == 0 { CLOCK_PPM } else { -CLOCK_PPM };
    // The slide begins somewhere within one sample.
    let since = (words.uniform() * 1e6 / CLOCK_PPM) as i64;
    let mut samples = vec![0.0; start];
    samples.extend_from_slice(sent);
    samples.resize(samples.len() + TRAIL, 0.0);
    skew::Resampler::new(ppm).run(since, &mut samples);
    samples
}

/// Everything that `listener` says about `samples`, which come after a gap.
pub(crate) fn heard(listener: &mut Modem, samples: &[f32]) -> Vec<PhyIndication> {
    let (mut said, mut mute) = (Vec::new(), [0.0; BLOCK]);
    for block in samples.chunks(BLOCK) {
        let transmitted = &mut mute[..block.len()];
        listener.on_medium(Instant::EPOCH, Exchange::Block { received: block, transmitted });
        said.extend(std::iter::from_fn(|| Phy::poll(listener)));
    }
    listener.on_medium(Instant::EPOCH, Exchange::Gap { samples: GAP });
    while Phy::poll(listener).is_some() {}
    said
}
