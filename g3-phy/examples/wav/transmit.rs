//! `wav tx`: frames into a file.

use crate::args::Args;
use crate::noise::Noise;
use crate::{Fault, mode, recording};
use g3_phy::g3::specs::FFT_LEN;
use g3_phy::{BandPlan, Exchange, Interop, Modem};
use plc_core::Instant;
use plc_core::crc::g3_fcs;
use plc_core::sap::{FrameGeometry, PdDataRequest, Phy, PhyRequest, Psdu, TxGain, TxParameters};

/// What is to be written.
struct Order {
    plan: &'static BandPlan,
    interop: Interop,
    tx: TxParameters,
    content: Content,
    frames: usize,
    snr_db: Option<f64>,
    seed: u64,
}

/// What the frames carry.
enum Content {
    /// A PSDU, filled up with zeros.
    Psdu(Vec<u8>),
    /// What stands before padding and FCS.
    Body(Vec<u8>),
    /// The same, of random octets.
    Random,
}

pub(crate) fn run(mut args: Args) -> Result<String, Fault> {
    let order = Order::read(&mut args)?;
    let float = args.flag("--float");
    let path = args.file("the WAV file to write")?;
    let psdus = order.psdus()?;
    let mut samples = order.line(&psdus);
    if let Some(snr_db) = order.snr_db {
        order.add_noise(&mut samples, snr_db);
    }
    settle(&mut samples);
    recording::write(&path, order.plan, &samples, float)?;
    Ok(order.report(&samples, &psdus))
}

impl Order {
    fn read(args: &mut Args) -> Result<Self, Fault> {
        let plan = mode::band(args)?;
        let interop = mode::reading(args, plan)?;
        let tx = mode::tx_parameters(args, plan)?;
        let content = Content::read(args)?;
        let frames = args.value("--frames", 1, "a whole number from 1 to 10000")?;
        if !(1..=10_000).contains(&frames) {
            return Err(format!("--frames {frames}: expected a whole number from 1 to 10000"));
        }
        let snr_db: Option<f64> = args.optional("--snr", "decibels, such as 12 or -1.5")?;
        if let Some(ratio) = snr_db.filter(|ratio| !(-30.0..=100.0).contains(ratio)) {
            return Err(format!("--snr {ratio}: expected decibels from -30 to 100"));
        }
        let seed = args.value("--seed", 1, "a whole number")?;
        Ok(Self { plan, interop, tx, content, frames, snr_db, seed })
    }

    /// What each frame carries, filled up to a length that a frame can have.
    fn psdus(&self) -> Result<Vec<Psdu>, Fault> {
        let mut noise = Noise::new(self.seed);
        let random = RANDOM_LEN.min(self.plan.max_psdu(&self.tx).saturating_sub(FCS_LEN)).max(1);
        let each = |_| match &self.content {
            Content::Psdu(octets) => self.filled(octets, octets.len()),
            Content::Body(octets) => self.closed(octets),
            Content::Random => self.closed(&noise.octets(random)),
        };
        (0..self.frames).map(each).collect()
    }

    /// `octets` and zeros, at least `len` together.
    fn filled(&self, octets: &[u8], len: usize) -> Result<Psdu, Fault> {
        let fit = self.plan.fit(&self.tx, len).ok_or_else(|| {
            let (name, most) = (mode::name(&self.tx), self.plan.max_psdu(&self.tx));
            let map = self.tx.tone_map;
            format!(
                "{len} octets do not fit a frame: {name} with tone map {map:?} carries {most} in {}",
                self.plan.name
            )
        })?;
        let mut psdu = Psdu::from_slice(octets).expect("what fits a frame fits a Psdu");
        psdu.resize(fit.psdu_len, 0).expect("no frame is longer than a Psdu");
        Ok(psdu)
    }

    /// `octets`, zeros and the FCS of both, as a MAC sends them.
    fn closed(&self, octets: &[u8]) -> Result<Psdu, Fault> {
        let mut psdu = self.filled(octets, octets.len() + FCS_LEN)?;
        let (body, fcs) = psdu.split_last_chunk_mut::<FCS_LEN>().expect("it was asked to hold the FCS");
        *fcs = g3_fcs(body).to_le_bytes();
        Ok(psdu)
    }

    /// One frame for each of `psdus`, with silence around them.
    fn line(&self, psdus: &[Psdu]) -> Vec<f32> {
        let Self { plan, interop, tx, .. } = *self;
        let mut modem = mode::modem(plan, interop, LEVEL);
        let gap = vec![0.0; plan.sample_rate_hz as usize / GAPS_PER_SECOND];
        let mut samples = gap.clone();
        for psdu in psdus {
            let (psdu, at) = (psdu.clone(), Instant::EPOCH);
            let request = PdDataRequest { psdu, tx, gain: TxGain::default(), response_expected: false, at };
            modem.on_request(Instant::EPOCH, PhyRequest::Data(request));
            send(&mut modem, &mut samples);
            samples.extend_from_slice(&gap);
        }
        samples
    }

    /// White noise `snr_db` below the carriers of header and payload. A carrier of amplitude A makes A²N²/4 in a
    /// transform of N samples, noise of variance σ² makes Nσ².
    fn add_noise(&self, samples: &mut [f32], snr_db: f64) {
        let amplitude = LEVEL * (2.0 / self.plan.used_carriers() as f32).sqrt();
        let ratio = 10f64.powf(snr_db / 20.0) as f32;
        let sigma = amplitude * (FFT_LEN as f32).sqrt() / (2.0 * ratio);
        let mut noise = Noise::new(self.seed.wrapping_add(1));
        samples.iter_mut().for_each(|sample| *sample += sigma * noise.gauss());
    }

    fn report(&self, samples: &[f32], psdus: &[Psdu]) -> String {
        let seconds = samples.len() as f64 / f64::from(self.plan.sample_rate_hz);
        let (name, map) = (mode::name(&self.tx), self.tx.tone_map);
        let octets = psdus.first().map_or(0, |psdu| psdu.len());
        let (frames, band) = (psdus.len(), self.plan.name);
        format!("{frames} frames of {octets} octets, {band} {name}, tone map {map:?}, in {seconds:.3} s\n")
    }
}

impl Content {
    fn read(args: &mut Args) -> Result<Self, Fault> {
        match (args.option("--psdu")?, args.option("--text")?) {
            (Some(_), Some(_)) => Err("--psdu and --text are both given: expected one of them".to_owned()),
            (Some(digits), None) => octets(&digits).map(Self::Psdu),
            (None, Some(text)) if text.is_empty() => {
                Err("--text is empty: expected at least one octet".to_owned())
            }
            (None, Some(text)) => Ok(Self::Body(text.into_bytes())),
            (None, None) => Ok(Self::Random),
        }
    }
}

fn octets(digits: &str) -> Result<Vec<u8>, Fault> {
    let wrong = || format!("--psdu {digits}: expected pairs of hexadecimal digits");
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return Err(wrong());
    }
    let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| wrong());
    (0..digits.len()).step_by(2).map(pair).collect()
}

fn send(modem: &mut Modem, samples: &mut Vec<f32>) {
    let (silence, mut block) = ([0.0; 500], [0.0; 500]);
    while modem.is_transmitting() {
        modem.on_medium(Instant::EPOCH, Exchange::Block { received: &silence, transmitted: &mut block });
        samples.extend_from_slice(&block);
        while Phy::poll(modem).is_some() {}
    }
}

/// Lowers everything until the highest peak is within full scale.
fn settle(samples: &mut [f32]) {
    let peak = samples.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    if peak > PEAK_MAX {
        samples.iter_mut().for_each(|sample| *sample *= PEAK_MAX / peak);
    }
}

/// Rms value of header and payload over full scale.
const LEVEL: f32 = 0.1;
/// Highest peak over full scale.
const PEAK_MAX: f32 = 0.95;
/// Silence around frames, as a part of a second.
const GAPS_PER_SECOND: usize = 50;
/// Octets of a frame when nothing is said about its content.
const RANDOM_LEN: usize = 100;
/// Octets of the FCS that closes a frame of the MAC.
pub(crate) const FCS_LEN: usize = 2;
