//! Search: is there a preamble?

use super::State;
use super::kit::{Kit, SEARCH_DEPTH, direction};
use super::reports::Reports;
use super::sync::Sync;
use crate::dsp::Complex;
use crate::g3::specs::{FFT_LEN, WINDOW_ADVANCE};
use plc_core::sap::CarrierSense;

/// Windows of 256 samples on a grid of their own. In a preamble they all hold the same cycle: the phases of
/// the carriers, with those of SYNCP taken off, add up over the last windows, and over the carriers at the
/// delay between grid and cycle. Amplitudes are left out, so neither level nor a strong tone matters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    start: u64,
    slot: usize,
}

/// Squared sum of phases over their number from which on there is a preamble. For noise at one delay it is exponentially
/// distributed with a mean of one, so that noise reaches it with a probability of about 256·exp(-24) ≈ 1e-8 per window.
pub(super) const COHERENCE: f32 = 24.0;
/// The same, from which on it is worth a closer look.
const SUSPICION: f32 = 15.0;
/// Squared coherence of neighbours in one window over its mean in noise below which a window alone cannot be sure.
const NEIGHBOURS: f32 = 6.0;
/// Powers of the sums over the windows, over their mean in noise, below which they cannot hold the same cycle.
const SIMILARITY: f32 = 1.15;

impl Search {
    /// From sample `start` on.
    pub(super) const fn from(start: u64) -> Self {
        Self { start, slot: 0 }
    }

    pub(super) const fn window_start(&self) -> u64 {
        self.start
    }

    pub(super) fn step(self, window: &[f32], oldest: u64, kit: &mut Kit, reports: &mut Reports) -> State {
        kit.blanker.forget();
        kit.analyse(window, self.start);
        let Kit { carriers, pattern, history, .. } = kit;
        for ((phase, &carrier), &sent) in
            history[self.slot].iter_mut().zip(carriers.iter()).zip(pattern.iter())
        {
            *phase = direction(carrier) * sent;
        }
        if let Some((delay, height)) = self.delay(kit) {
            return self.found(delay + FFT_LEN, height, oldest, kit, reports);
        }
        match self.delay_at_once(kit) {
            Some((delay, height)) => self.found(delay, height, oldest, kit, reports),
            None => State::Search(Self {
                start: self.start + FFT_LEN as u64,
                slot: (self.slot + 1) % SEARCH_DEPTH,
            }),
        }
    }

    /// How far into a cycle of SYNCP the window begins, if it does, and how sure that is.
    fn delay(&self, kit: &mut Kit) -> Option<(usize, f32)> {
        let mut power = 0.0;
        kit.windows = SEARCH_DEPTH;
        for (k, sum) in kit.phases.iter_mut().enumerate() {
            *sum = kit.history.iter().map(|window| window[k]).sum();
            power += sum.norm_sqr();
        }
        if power < SIMILARITY * (SEARCH_DEPTH * kit.used.len()) as f32 {
            return None;
        }
        Some(kit.peak_of_phases()).filter(|(_, height)| *height > SUSPICION)
    }

    /// The same from this window alone, for a line so clear that it is enough: a station that waits for its turn must
    /// hear within a slot, which is hardly longer than two windows, that another one has begun.
    fn delay_at_once(&self, kit: &mut Kit) -> Option<(usize, f32)> {
        let window = &kit.history[self.slot];
        let pairs = window.iter().zip(&window[1..]);
        let coherence = pairs.map(|(a, b)| a * b.conj()).sum::<Complex<f32>>().norm_sqr();
        if coherence < NEIGHBOURS * kit.used.len() as f32 {
            return None;
        }
        kit.windows = 1;
        kit.phases.copy_from_slice(window);
        Some(kit.peak_of_phases()).filter(|(_, height)| *height > COHERENCE)
    }

    /// Hands over to [`Sync`], which begins `back` samples before this window, with a cycle: where several windows were
    /// needed the one before the cycle in which this window began.
    fn found(self, back: usize, height: f32, oldest: u64, kit: &mut Kit, reports: &mut Reports) -> State {
        let sure = height > COHERENCE;
        if sure {
            reports.sense(CarrierSense::Preamble);
        }
        kit.forget();
        let back = (back + WINDOW_ADVANCE) as u64;
        let cycles = (oldest + back).saturating_sub(self.start).div_ceil(FFT_LEN as u64);
        State::Sync(Sync::from(self.start + cycles * FFT_LEN as u64 - back, sure))
    }
}
