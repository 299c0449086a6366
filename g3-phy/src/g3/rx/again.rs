//! What plain decoding has failed on, once more: the iterative receiver on a header or a payload.

use super::heard::Heard;
use super::preamble::Preamble;
use crate::dsp::Complex;
use crate::g3::BandPlan;
use crate::g3::chain::Chain;
use crate::g3::payload::{STEPS_MAX, carried_bits_max};
use crate::g3::specs::SYMBOL_HOP;
use crate::g3::turbo::{Received, Turbo};
use crate::ofdm::Dpsk;
use plc_core::sap::ToneMap;

/// The iterative receiver, if there is one.
#[derive(Debug)]
pub(super) struct Again {
    turbo: Option<Turbo>,
    iterations: usize,
}

/// The line of the block, as far as preamble and header tell.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) plan: &'a BandPlan,
    pub(super) preamble: &'a Preamble,
    pub(super) heard: &'a Heard,
    /// All symbols of the header.
    pub(super) header: &'a [Complex<f32>],
    /// Samples from the centre of the preamble to the first symbol of the header.
    pub(super) age: f32,
}

impl Again {
    /// With at most `iterations` iterations; none takes no memory.
    pub(super) fn new(plan: &BandPlan, iterations: usize) -> Self {
        let symbols = plan.symbols_max().max(plan.fch_symbols());
        let carried = carried_bits_max(plan).max(plan.fch_symbols() * plan.carriers());
        let turbo = || Turbo::new(plan, symbols, carried, STEPS_MAX * plan.blocks_max);
        Self { turbo: (iterations > 0).then(turbo), iterations }
    }

    /// Whether there is one.
    pub(super) const fn is_there(&self) -> bool {
        self.turbo.is_some()
    }

    /// Decodes the header; gives what `accept` makes of the information bits.
    pub(super) fn header<T>(
        &mut self,
        line: Line<'_>,
        chain: Chain,
        accept: impl FnMut(&[u8]) -> Option<T>,
    ) -> Option<T> {
        let received = Received {
            chain,
            keying: Dpsk::new(1),
            active: &|position| line.plan.is_used(position),
            opposite: &|_| false,
            symbols: line.header,
            reference_at: -line.age / SYMBOL_HOP as f32,
            pilots: &[],
            ..line.received(chain)
        };
        self.run(&received, accept)
    }

    /// Decodes a payload of `keying` on the carriers of `map`; gives what `accept` makes of the information bits, tails
    /// included, code word by code word.
    pub(super) fn payload<T>(
        &mut self,
        line: Line<'_>,
        (keying, map): (Dpsk, ToneMap),
        chain: Chain,
        accept: impl FnMut(&[u8]) -> Option<T>,
    ) -> Option<T> {
        let received = Received {
            keying,
            active: &|position| line.plan.is_active(map, position),
            opposite: &|position| line.heard.anchor.opposite[position],
            ..line.received(chain)
        };
        self.run(&received, accept)
    }

    fn run<T>(&mut self, received: &Received<'_>, mut accept: impl FnMut(&[u8]) -> Option<T>) -> Option<T> {
        let turbo = self.turbo.as_mut()?;
        turbo.begin(received);
        (0..self.iterations).find_map(|_| accept(turbo.iterate(received)))
    }
}

impl<'a> Line<'a> {
    /// The payload, of one bit on each carrier.
    fn received(&self, chain: Chain) -> Received<'a> {
        let rows = self.plan.fch_symbols() as f32;
        Received {
            chain,
            keying: Dpsk::new(1),
            active: &|_| true,
            opposite: &|_| false,
            symbols: self.heard.carriers(),
            reference: self.preamble.sum(),
            reference_scale: self.preamble.scale(),
            reference_at: -rows - self.age / SYMBOL_HOP as f32,
            reference_weight: self.preamble.worth(),
            pilots: self.header,
            noise: &self.heard.anchor.noise,
        }
    }
}
