//! A line between two modems, for tests: noise with a fixed seed, level, echoes, clock difference.
#![allow(dead_code, clippy::unwrap_used, reason = "shared by tests; each uses a part")]

use g3_phy::{BandPlan, CENELEC_A, Exchange, Modem, ModemConfig};
use plc_core::sap::*;
use plc_core::{Instant, Seed};
use rand_core::Rng;

/// Gaussian noise that repeats.
pub(crate) struct Noise(plc_core::seed::Stream);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Seed::from_u64(seed).stream())
    }

    pub(crate) fn uniform(&mut self) -> f64 {
        (f64::from(self.0.next_u32()) + 0.5) / 4_294_967_296.0
    }

    pub(crate) fn octets(&mut self, len: usize) -> Psdu {
        let mut psdu = Psdu::new();
        (0..len).for_each(|_| psdu.push(self.0.next_u32() as u8).unwrap());
        psdu
    }

    /// Box and Muller.
    pub(crate) fn gauss(&mut self) -> f32 {
        let (u, v) = (self.uniform(), self.uniform());
        ((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()) as f32
    }

    /// Adds noise that leaves `snr_db` per carrier of a signal of level 1: with 36 carriers of power 1/36 each, and
    /// Es = A²N/4 per real sample variance, σ² = 256 / (72·SNR).
    pub(crate) fn add(&mut self, samples: &mut [f32], snr_db: f64) {
        let sigma = (256.0 / (72.0 * 10f64.powf(snr_db / 10.0))).sqrt() as f32;
        samples.iter_mut().for_each(|s| *s += sigma * self.gauss());
    }
}

pub(crate) fn tx(modulation: Modulation, map: u32) -> TxParameters {
    TxParameters { modulation, scheme: ModulationScheme::Differential, tone_map: ToneMap(map) }
}

pub(crate) fn modem() -> Modem {
    modem_of(&CENELEC_A)
}

pub(crate) fn modem_of(plan: &'static BandPlan) -> Modem {
    Modem::new(plan, ModemConfig::of(plan))
}

pub(crate) fn data(psdu: &Psdu, tx: TxParameters) -> PhyRequest {
    let (psdu, at) = (psdu.clone(), Instant::EPOCH);
    PhyRequest::Data(PdDataRequest { psdu, tx, gain: TxGain::default(), response_expected: true, at })
}

/// The samples of `request` with `before` zeros before and a few after them.
pub(crate) fn waveform(request: PhyRequest, before: usize) -> Vec<f32> {
    waveform_of(&mut modem(), request, before)
}

/// The samples of `request` as `talker` sends it.
pub(crate) fn waveform_of(talker: &mut Modem, request: PhyRequest, before: usize) -> Vec<f32> {
    talker.on_request(Instant::EPOCH, request);
    let mut samples = vec![0.0; before];
    let (silence, mut block) = ([0.0; 500], [0.0; 500]);
    while talker.is_transmitting() {
        let now = Instant::EPOCH;
        talker.on_medium(now, Exchange::Block { received: &silence, transmitted: &mut block });
        samples.extend_from_slice(&block);
    }
    samples.resize(samples.len() + 300, 0.0);
    samples
}

/// Everything that `listener` says about `samples`, handed over in blocks of `size`.
pub(crate) fn listen_with(listener: &mut Modem, samples: &[f32], size: usize) -> Vec<PhyIndication> {
    let mut said = Vec::new();
    let mut mute = vec![0.0; size];
    for block in samples.chunks(size) {
        let transmitted = &mut mute[..block.len()];
        listener.on_medium(Instant::EPOCH, Exchange::Block { received: block, transmitted });
        said.extend(std::iter::from_fn(|| Phy::poll(listener)));
    }
    said
}

pub(crate) fn listen(samples: &[f32]) -> Vec<PhyIndication> {
    listen_with(&mut modem(), samples, 1000)
}

/// The data indications among `said`.
pub(crate) fn received(said: &[PhyIndication]) -> Vec<PdDataIndication> {
    said.iter().filter_map(|i| if let PhyIndication::Data(d) = i { Some(d.clone()) } else { None }).collect()
}

/// A PSDU of the largest legal length that is not above `len`.
pub(crate) fn psdu(noise: &mut Noise, tx: &TxParameters, len: usize) -> Psdu {
    let fit = CENELEC_A.fit(tx, len.min(CENELEC_A.max_psdu(tx))).unwrap();
    noise.octets(fit.psdu_len)
}
