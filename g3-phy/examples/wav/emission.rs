//! What a modem of a band sends, as a spectrum and in figures.

use crate::density::{Density, decibels};
use g3_phy::g3::specs::FFT_LEN;
use g3_phy::{BandPlan, Exchange, Modem};
use plc_core::Instant;
use plc_core::sap::{FrameGeometry, PdDataRequest, Phy, PhyRequest, Psdu, TxGain};

/// Frames of a drawing, one after the other.
pub(crate) const FRAMES: usize = 4;

/// The spectrum of one band plan.
#[derive(Clone, Debug)]
pub(crate) struct Emission {
    /// What sent it.
    pub(crate) plan: &'static BandPlan,
    /// Highest sample over the rms value.
    pub(crate) crest: f64,
    /// What was measured.
    pub(crate) density: Density,
}

impl Emission {
    /// Of `modem`, sending `count` frames of ROBO of the greatest length; `octet` gives what they carry.
    pub(crate) fn of(modem: &mut Modem, count: usize, octet: impl FnMut() -> u8) -> Self {
        Self::of_samples(modem.plan(), &frames(modem, count, octet))
    }

    /// Of what a modem of `plan` has sent.
    pub(crate) fn of_samples(plan: &'static BandPlan, samples: &[f32]) -> Self {
        let power =
            samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / samples.len() as f64;
        let highest = samples.iter().fold(0.0, |highest: f64, &sample| highest.max(f64::from(sample.abs())));
        let density = Density::of(samples, f64::from(plan.sample_rate_hz));
        Self { plan, crest: highest / power.sqrt(), density }
    }

    /// Distance of carriers in Hz.
    pub(crate) fn spacing(&self) -> f64 {
        f64::from(self.plan.sample_rate_hz) / FFT_LEN as f64
    }

    /// The frequency of the carrier of index `k`.
    pub(crate) fn frequency(&self, k: usize) -> f64 {
        k as f64 * self.spacing()
    }

    /// The power in 200 Hz that the average carrier in use has, averaged over its cell of one spacing.
    pub(crate) fn level(&self) -> f64 {
        let cells: Vec<_> = self.cells().collect();
        cells.iter().sum::<f64>() / cells.len() as f64
    }

    /// How far the carriers in use are from their average, in dB: the lowest and the highest.
    pub(crate) fn flatness_db(&self) -> (f64, f64) {
        let level = self.level();
        let deviations = self.cells().map(|cell| decibels(cell / level));
        deviations.fold((0.0, 0.0), |(low, high), db| (f64::min(low, db), f64::max(high, db)))
    }

    /// Mean power around `hz`, over one carrier spacing, against the carriers in use, in dB.
    pub(crate) fn relative_db(&self, hz: f64) -> f64 {
        let half = 0.5 * self.spacing();
        decibels(self.density.mean(hz - half, hz + half) / self.level())
    }

    /// How far the carrier of index `k`, which is masked, is below the carriers in use, in dB: within a quarter of a
    /// spacing around its frequency.
    pub(crate) fn depth_db(&self, k: f64) -> f64 {
        let (hz, half) = (k * self.spacing(), 0.25 * self.spacing());
        -decibels(self.density.mean(hz - half, hz + half) / self.level())
    }

    /// The least depth of the notch of carriers `from` to `to`. It reaches half a spacing beyond its outer carriers; one
    /// spacing at either edge does not count.
    pub(crate) fn least_depth_db(&self, from: usize, to: usize) -> f64 {
        let steps = (to - from - 1) * 8 - 4;
        let at = |n: usize| self.depth_db(from as f64 + 0.75 + n as f64 / 8.0);
        (0..=steps).map(at).fold(f64::INFINITY, f64::min)
    }

    /// The name of the band, with its notches.
    pub(crate) fn name(&self) -> String {
        let notches = self.notches().map(|(from, to)| format!(" without {from}..{to}"));
        std::iter::once(self.plan.name.to_owned()).chain(notches).collect()
    }

    /// First and last index of each run of masked carriers.
    pub(crate) fn notches(&self) -> impl Iterator<Item = (usize, usize)> {
        let masked = |position: usize| position < self.plan.carriers() && !self.plan.is_used(position);
        let begins = move |position: &usize| masked(*position) && (*position == 0 || !masked(*position - 1));
        let first = self.plan.first_carrier;
        (0..self.plan.carriers()).filter(begins).map(move |from| {
            let len = (from..).take_while(|&position| masked(position)).count();
            (first + from, first + from + len - 1)
        })
    }

    fn cells(&self) -> impl Iterator<Item = f64> {
        let used = (0..self.plan.carriers()).filter(|&position| self.plan.is_used(position));
        used.map(|position| {
            let (hz, half) = (self.frequency(self.plan.first_carrier + position), 0.5 * self.spacing());
            self.density.mean(hz - half, hz + half)
        })
    }
}

fn frames(modem: &mut Modem, count: usize, mut octet: impl FnMut() -> u8) -> Vec<f32> {
    let tx = modem.plan().robust();
    let len = modem.plan().max_psdu(&tx);
    let (silence, mut block, mut samples) = ([0.0; 64], [0.0; 64], Vec::new());
    for _ in 0..count {
        let psdu: Psdu = (0..len).map(|_| octet()).collect();
        let request =
            PdDataRequest { psdu, tx, gain: TxGain::default(), response_expected: false, at: Instant::EPOCH };
        modem.on_request(Instant::EPOCH, PhyRequest::Data(request));
        while modem.is_transmitting() {
            modem.on_medium(Instant::EPOCH, Exchange::Block { received: &silence, transmitted: &mut block });
            samples.extend_from_slice(&block);
            while Phy::poll(modem).is_some() {}
        }
    }
    samples
}
