//! What was heard of one frame: every carrier of every payload symbol, and what is known about them.

use crate::dsp::{Complex, Kernel, body};
use crate::g3::specs::FFT_LEN;
use alloc::vec;
use alloc::vec::Vec;

/// The payload of one frame as its carriers, all in one frame of reference.
///
/// Carrier `k` (its index in the transform) of symbol `t` is `gain·exp(iφ)·exp(2πik·late/256)` and noise of mean
/// power `noise`: φ is what was sent, counted from the phase of SYNCP, and `late` is by how many samples the window
/// of the symbol would have come late, had the windows kept their distance of one symbol from the last header symbol on.
#[derive(Debug)]
pub(crate) struct Heard {
    width: usize,
    symbols: usize,
    carriers: Vec<Complex<f32>>,
    late: Vec<f32>,
    /// Share of each symbol's window that no impulse has struck.
    kept: Vec<f32>,
    /// What the header tells about the line.
    pub(crate) anchor: Anchor,
    /// exp(-2πin/256).
    turns: Vec<Complex<f32>>,
    first: usize,
    kernel: Kernel,
    /// What takes the last move off each carrier, and how many samples it was.
    back: Vec<Complex<f32>>,
    moved: i64,
}

/// What preamble and header tell about each carrier, by position; true at the last header symbol.
#[derive(Debug)]
pub(crate) struct Anchor {
    /// How a carrier with the phase of SYNCP is received, at the level of header and payload.
    pub(crate) gains: Vec<Complex<f32>>,
    /// Mean power of the noise on a carrier.
    pub(crate) noise: Vec<f32>,
    /// Whether the last header symbol has sent the opposite of SYNCP: a differential payload counts from there.
    pub(crate) opposite: Vec<bool>,
    /// By how many samples per sample the windows come later and later.
    pub(crate) rate: f32,
}

impl Heard {
    /// For frames of at most `symbols` payload symbols of `width` carriers, the lowest of index `first`.
    pub(super) fn new(width: usize, symbols: usize, first: usize) -> Self {
        let angle = |n: usize| -core::f32::consts::TAU * n as f32 / FFT_LEN as f32;
        let turns: Vec<_> =
            (0..FFT_LEN).map(|n| Complex::new(libm::cosf(angle(n)), libm::sinf(angle(n)))).collect();
        Self {
            width,
            symbols: 0,
            carriers: vec![Complex::default(); width * symbols],
            late: vec![0.0; symbols],
            kept: vec![1.0; symbols],
            anchor: Anchor {
                gains: vec![Complex::default(); width],
                noise: vec![0.0; width],
                opposite: vec![false; width],
                rate: 0.0,
            },
            back: vec![turns[0]; width],
            turns,
            first,
            kernel: Kernel::fastest(),
            moved: 0,
        }
    }

    /// Payload symbols that are in.
    pub(crate) const fn symbols(&self) -> usize {
        self.symbols
    }

    /// The carriers of all payload symbols, one after the other.
    pub(crate) fn carriers(&self) -> &[Complex<f32>] {
        &self.carriers[..self.symbols * self.width]
    }

    /// The carriers of payload symbol `symbol`.
    pub(crate) fn symbol(&self, symbol: usize) -> &[Complex<f32>] {
        &self.carriers[symbol * self.width..][..self.width]
    }

    /// By how many samples the window of each payload symbol was late, as far as it was followed.
    pub(crate) fn late(&self) -> &[f32] {
        &self.late[..self.symbols]
    }

    /// exp(-2πikm/256) of the carrier at `position` for a window that began `moved` = m samples later: takes the move off.
    pub(super) fn turn_back(&self, position: usize, moved: i64) -> Complex<f32> {
        let turns = (self.first + position) as i64 * moved;
        self.turns[turns.rem_euclid(FFT_LEN as i64) as usize]
    }

    /// A new payload.
    pub(super) fn restart(&mut self) {
        self.symbols = 0;
    }

    /// Share of the window of `symbol` that no impulse has struck.
    pub(crate) fn kept(&self, symbol: usize) -> f32 {
        self.kept[symbol]
    }

    /// Takes the next symbol, whose window began `moved` samples later than the regular distance asks for, and of which
    /// the share `kept` was used.
    pub(super) fn push(&mut self, carriers: &[Complex<f32>], moved: i64, kept: f32) {
        self.kept[self.symbols] = kept;
        if self.moved != moved {
            self.moved = moved;
            (0..self.width).for_each(|position| self.back[position] = self.turn_back(position, moved));
        }
        let to = &mut self.carriers[self.symbols * self.width..][..self.width];
        self.kernel.run::<Multiply, _>((carriers, &self.back, to));
        self.symbols += 1;
    }

    /// The last symbol was `late` samples late.
    pub(super) fn set_late(&mut self, late: f32) {
        self.late[self.symbols - 1] = late;
    }
}

/// Carriers of one symbol.
type Points = [Complex<f32>];

body!(Multiply = multiply, (&Points, &Points, &mut Points) => ());

/// Products of `carriers` and `turns`.
#[inline(always)]
fn multiply((carriers, turns, to): (&Points, &Points, &mut Points)) {
    to.iter_mut().zip(carriers.iter().zip(turns)).for_each(|(to, (carrier, turn))| *to = carrier * turn);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_that_has_moved_is_turned_back() {
        let mut heard = Heard::new(3, 2, 40);
        let turned = |k: usize, samples: f32| {
            let angle = core::f32::consts::TAU * k as f32 * samples / 256.0;
            Complex::new(libm::cosf(angle), libm::sinf(angle))
        };
        heard.push(&[turned(40, 0.0), turned(41, 0.0), turned(42, 0.0)], 0, 1.0);
        heard.push(&[turned(40, -3.0), turned(41, -3.0), turned(42, -3.0)], -3, 1.0);
        for position in 0..3 {
            assert!((heard.symbol(1)[position] - heard.symbol(0)[position]).norm() < 1e-5);
        }
        heard.set_late(0.25);
        assert_eq!((heard.symbols(), heard.late()), (2, &[0.0, 0.25][..]));
    }
}
