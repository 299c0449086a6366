//! Coherent payloads: S1 and S2, and soft bits against the gains of the line.

use super::demap::{Demapper, QuantiseAll};
use super::estimate::Turns;
use super::heard::{Anchor, Heard};
use crate::g3::BandPlan;
use crate::g3::layout::{Layout, Role};
use crate::g3::specs::{PREAMBLE_GAIN, S_SYMBOLS};
use crate::ofdm::Keying;

/// Symbols at the level of the header that the gains of the anchor are a mean of: eight SYNCP of twice their power, and
/// the header itself.
const ANCHOR_WEIGHT: f32 = 28.0;
/// Symbols at the level of the header that S1 or S2 is worth.
const S_WEIGHT: f32 = PREAMBLE_GAIN * PREAMBLE_GAIN;
/// A window of which less than this was left after blanking teaches nothing.
const KEPT_MIN: f32 = 0.9;

impl Heard {
    /// Draws S1 and S2, the first two symbols, into the gains.
    pub(super) fn learn_s_symbols(&mut self, plan: &BandPlan) {
        let mut weight = ANCHOR_WEIGHT;
        for (symbol, sign) in [-1.0, 1.0].into_iter().enumerate().take(S_SYMBOLS) {
            if self.kept(symbol) < KEPT_MIN {
                continue;
            }
            let mut turns = Turns::new(-self.late()[symbol], plan.first_carrier);
            for position in 0..plan.carriers() {
                let heard = self.symbol(symbol)[position] * turns.next() * (sign / PREAMBLE_GAIN);
                let gain = &mut self.anchor.gains[position];
                *gain = (*gain * weight + heard * S_WEIGHT) / (weight + S_WEIGHT);
            }
            weight += S_WEIGHT;
        }
    }
}

impl Demapper {
    /// Soft bits of the data carriers of a coherent payload behind S1 and S2, in the order of symbols and carriers;
    /// positive means 0. Their root mean square over the frame is fixed.
    pub(super) fn demap_coherent(
        &mut self,
        heard: &Heard,
        plan: &BandPlan,
        layout: &Layout,
        keying: Keying,
        soft: &mut [i8],
    ) {
        self.find_noise(heard);
        let mut values = self.values[..soft.len()].chunks_exact_mut(keying.bits());
        for symbol in S_SYMBOLS..heard.symbols() {
            let mut turns = Turns::new(-heard.late()[symbol], plan.first_carrier);
            let roles = layout.roles(symbol - S_SYMBOLS);
            for ((position, &carrier), role) in heard.symbol(symbol).iter().enumerate().zip(roles) {
                let turn = turns.next();
                if role == Role::Data {
                    let product = carrier * turn * heard.anchor.gains[position].conj();
                    let power = heard.anchor.gains[position].norm_sqr();
                    let weight = heard.anchor.weight(position, self.noise[symbol]);
                    let slots = values.next().into_iter().flatten();
                    slots.zip(keying.soft(product, power)).for_each(|(slot, value)| *slot = value * weight);
                }
            }
        }
        self.kernel.run::<QuantiseAll, _>((&self.values[..soft.len()], soft));
    }
}

impl Anchor {
    /// The factor from a product of a carrier with its gain to a log-likelihood ratio, where a symbol's noise is `over` the
    /// usual.
    fn weight(&self, position: usize, over: f32) -> f32 {
        let least = self.gains[position].norm_sqr() / SNR_MAX;
        4.0 / (self.noise[position] * over).max(least).max(f32::MIN_POSITIVE)
    }
}

/// A carrier counts as no better than this signal-to-noise ratio, so that weaker ones keep a voice.
const SNR_MAX: f32 = 1000.0;
