//! Search: is there a preamble?

use super::State;
use super::kit::{Kit, SEARCH_DEPTH, direction};
use super::reports::Reports;
use super::sync::Sync;
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

/// Squared coherence, 1 for a clean preamble, from which on there is one. Noise reaches it with a
/// probability of about 256·exp(-108·0.22) ≈ 1e-8 per window of 36 carriers.
const COHERENCE: f32 = 0.22;

impl Search {
    /// From sample `start` on.
    pub(super) const fn from(start: u64) -> Self {
        Self { start, slot: 0 }
    }

    pub(super) const fn window_start(&self) -> u64 {
        self.start
    }

    pub(super) fn step(self, window: &[f32], oldest: u64, kit: &mut Kit, reports: &mut Reports) -> State {
        kit.analyse(window);
        let Kit { carriers, pattern, history, .. } = kit;
        for ((phase, &carrier), &sent) in
            history[self.slot].iter_mut().zip(carriers.iter()).zip(pattern.iter())
        {
            *phase = direction(carrier) * sent;
        }
        match self.delay(kit) {
            Some(delay) => self.found(delay, oldest, kit, reports),
            None => State::Search(Self {
                start: self.start + FFT_LEN as u64,
                slot: (self.slot + 1) % SEARCH_DEPTH,
            }),
        }
    }

    /// How far into a cycle of SYNCP the window begins, if it does.
    fn delay(&self, kit: &mut Kit) -> Option<usize> {
        for (k, sum) in kit.spare.iter_mut().enumerate() {
            *sum = kit.history.iter().map(|window| window[k]).sum();
        }
        let (delay, height) = kit.spectrum.peak(&kit.spare);
        let most = (SEARCH_DEPTH * kit.spare.len()) as f32;
        (height > COHERENCE * most * most).then_some(delay)
    }

    /// Hands over to [`Sync`], which begins with the cycle in which this window began.
    fn found(self, delay: usize, oldest: u64, kit: &mut Kit, reports: &mut Reports) -> State {
        reports.sense(CarrierSense::Preamble);
        kit.forget();
        let back = (delay + WINDOW_ADVANCE) as u64;
        let cycles = (oldest + back).saturating_sub(self.start).div_ceil(FFT_LEN as u64);
        State::Sync(Sync::from(self.start + cycles * FFT_LEN as u64 - back))
    }
}
