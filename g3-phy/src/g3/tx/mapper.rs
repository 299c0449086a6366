//! Bits to points of the carriers, symbol by symbol.

use crate::dsp::Complex;
use crate::fec::Scrambler;
use crate::g3::layout::{Layout, Role, dummies};
use crate::g3::specs::PILOT_BITS;
use crate::g3::{BandPlan, Interop, PayloadShape};
use crate::ofdm::{Dpsk, PHASES, Qam16Map, unit};
use alloc::vec;
use alloc::vec::Vec;
use plc_core::sap::{ModulationScheme, ToneMap, TxParameters};

/// The keying of one frame. Points have mean power 1; masked carriers are zero.
#[derive(Debug)]
pub(super) struct Mapper {
    plan: &'static BandPlan,
    coherent_header: bool,
    qam: Qam16Map,
    /// Phase of each carrier in the last symbol, in π/8.
    phases: Vec<u8>,
    points: Vec<Complex<f32>>,
    layout: Layout,
    dummies: Scrambler,
    bits: usize,
    carriers: usize,
    scheme: ModulationScheme,
}

impl Mapper {
    pub(super) fn new(plan: &'static BandPlan, interop: &Interop) -> Self {
        Self {
            plan,
            coherent_header: interop.coherent_header(plan),
            qam: interop.qam16,
            phases: vec![0; plan.carriers()],
            points: vec![Complex::default(); plan.carriers()],
            layout: Layout::new(plan, ToneMap::all(plan.groups as u32), ModulationScheme::Differential),
            dummies: Scrambler::new(),
            bits: 1,
            carriers: 0,
            scheme: ModulationScheme::Differential,
        }
    }

    /// A frame of `shape`.
    pub(super) fn start(&mut self, tx: &TxParameters, shape: &PayloadShape) {
        self.start_alone();
        self.layout = Layout::new(self.plan, tx.tone_map, tx.scheme);
        self.dummies = dummies(self.plan);
        (self.bits, self.carriers, self.scheme) = (shape.bits, shape.carriers, shape.scheme);
    }

    /// A frame without payload.
    pub(super) fn start_alone(&mut self) {
        self.points.fill(Complex::default());
        self.phases.copy_from_slice(self.plan.preamble);
    }

    /// SYNCP, or SYNCM with a `sign` of -1.
    pub(super) fn syncp(&mut self, sign: f32) -> &[Complex<f32>] {
        for (position, point) in self.points.iter_mut().enumerate() {
            let used = self.plan.is_used(position);
            *point = if used { unit(self.plan.preamble[position]) * sign } else { Complex::default() };
        }
        &self.points
    }

    /// Symbol `symbol` of the header, whose bits are all in `bits`.
    pub(super) fn header(&mut self, symbol: usize, bits: &[u8]) -> &[Complex<f32>] {
        let mut bits = bits[symbol * self.plan.used_carriers()..].iter();
        for (position, phase) in self.phases.iter_mut().enumerate() {
            if !self.plan.is_used(position) {
                self.points[position] = Complex::default();
                continue;
            }
            let before = if self.coherent_header { self.plan.preamble[position] } else { *phase };
            *phase = (before + Dpsk::new(1).shift(bits.next().copied().unwrap_or(0))) % PHASES;
            self.points[position] = unit(*phase);
        }
        &self.points
    }

    /// Symbol `symbol` of the payload, whose bits are all in `bits`. Symbols must come in order.
    pub(super) fn payload(&mut self, symbol: usize, bits: &[u8]) -> &[Complex<f32>] {
        match (self.scheme, self.bits) {
            (ModulationScheme::Differential, 1) => self.differential::<1>(symbol, bits),
            (ModulationScheme::Differential, 2) => self.differential::<2>(symbol, bits),
            (ModulationScheme::Differential, 3) => self.differential::<3>(symbol, bits),
            _ => self.payload_by_roles(symbol, bits),
        }
    }

    /// A differential symbol of `N` bits a carrier: first the carriers with data, then the others, if there are any.
    fn differential<const N: usize>(&mut self, symbol: usize, bits: &[u8]) -> &[Complex<f32>] {
        let Self { layout, dummies, phases, points, .. } = self;
        let mut key = |position: usize, value: u8| {
            phases[position] = (phases[position] + Dpsk::new(N).shift(value)) % PHASES;
            points[position] = unit(phases[position]);
        };
        let bits = bits[symbol * self.carriers * N..].as_chunks::<N>().0;
        for (&position, bits) in layout.active().iter().zip(bits) {
            key(usize::from(position), value_of(bits));
        }
        if layout.active().len() < self.plan.carriers() {
            let roles = layout.walk(symbol, N, dummies).take(self.plan.carriers()).enumerate();
            for (position, (_, value)) in roles.filter(|(_, (role, _))| *role == Role::Dummy) {
                key(position, value);
            }
        }
        &self.points
    }

    /// A symbol whose carriers each do what their role says.
    fn payload_by_roles(&mut self, symbol: usize, bits: &[u8]) -> &[Complex<f32>] {
        let Self { plan, qam, phases, points, layout, dummies, bits: count, carriers, scheme, .. } = self;
        let mut bits = bits[symbol * *carriers * *count..].chunks_exact(*count);
        let roles = layout.walk(symbol, *count, dummies);
        for (position, (role, value)) in roles.take(plan.carriers()).enumerate() {
            let (value, count) = match role {
                Role::Masked => {
                    points[position] = Complex::default();
                    continue;
                }
                Role::Pilot => (value, PILOT_BITS),
                Role::Dummy => (value, *count),
                Role::Data => (bits.next().map_or(0, value_of), *count),
            };
            let reference = match scheme {
                ModulationScheme::Differential => &mut phases[position],
                ModulationScheme::Coherent => &mut { plan.preamble[position] },
            };
            if count == Qam16Map::BITS {
                points[position] = qam.point(value) * unit(*reference);
            } else {
                *reference = (*reference + Dpsk::new(count).shift(value)) % PHASES;
                points[position] = unit(*reference);
            }
        }
        points
    }
}

/// Bits as a value, the first in bit 0.
fn value_of(bits: &[u8]) -> u8 {
    bits.iter().rev().fold(0, |value, bit| value << 1 | bit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::g3::{CENELEC_A, FCC, ToneMask};
    use plc_core::sap::{FrameGeometry, Modulation};
    use proptest::prelude::*;
    use std::boxed::Box;

    proptest! {
        #[test]
        fn a_differential_symbol_is_what_the_roles_of_its_carriers_make_of_it(
            map in 1u32..64,
            mode in 0usize..4,
            notched: bool,
            wide: bool,
            data in proptest::collection::vec(0u8..2, 6 * 72 * 3),
        ) {
            let modulation = [Modulation::Robo, Modulation::Bpsk, Modulation::Qpsk, Modulation::Psk8][mode];
            let plan = if wide { &FCC } else { &CENELEC_A };
            let mask = ToneMask::carriers(plan.first_carrier, 40, 49);
            let plan: &'static BandPlan =
                if notched { Box::leak(Box::new(plan.with_mask(mask).unwrap())) } else { plan };
            let tx = TxParameters { modulation, tone_map: ToneMap(map), ..plan.robust() };
            let Some(shape) = PayloadShape::fitting(plan, &tx, 10) else { return Ok(()) };
            let (mut fast, mut slow) =
                (Mapper::new(plan, &Interop::default()), Mapper::new(plan, &Interop::default()));
            fast.start(&tx, &shape);
            slow.start(&tx, &shape);
            for symbol in 0..6 {
                prop_assert_eq!(fast.payload(symbol, &data), slow.payload_by_roles(symbol, &data));
            }
        }
    }
}
