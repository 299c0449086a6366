//! Samples from those around them: a band takes only a part of the spectrum, so that a sample holds little that is new.

use crate::dsp::lanes::greatest;
use crate::dsp::{Kernel, body};
use crate::g3::specs::FFT_LEN;

/// Foretells each sample from its neighbours, and puts that in the place of those that are far from it.
#[derive(Debug)]
pub(super) struct Fill {
    kernel: Kernel,
    /// Weights of the neighbours at one, two, … samples on both sides.
    taps: [f32; REACH],
    /// The window, with zeros on both sides.
    samples: [f32; FFT_LEN + 2 * REACH],
    /// How far each sample is from what its neighbours foretell.
    surprise: [f32; FFT_LEN + 2 * REACH],
    struck: [bool; FFT_LEN],
}

/// Neighbours on either side that foretell a sample.
const REACH: usize = 6;
/// Density of the noise below the band, over that of the signal, for which the weights are best.
const LOW: f64 = 0.3;
/// Power of white noise over that of the signal, for which the weights are best.
const WHITE: f64 = 0.5;
/// A window is touched only if a sample's squared surprise has so many times the usual power.
const CERTAIN: f32 = 20.0;
/// In such a window, a sample with so many times the usual power is an impulse.
const IMPULSE: f32 = 12.0;
/// The same near the ends of a window, where neighbours are missing.
const IMPULSE_AT_END: f32 = 36.0;
/// Share of the largest squared surprise that makes a sample an impulse too; the neighbours of an impulse have less.
const AS_LARGE: f32 = 0.9;
/// Rounds of filling; windows that need more are no windows with impulses.
const ROUNDS: usize = 64;
/// Rounds in which replaced samples that are neighbours settle.
const SETTLING: usize = 4;
/// Share of the signal that a sample lacks that was foretold.
const LACKS: f32 = 0.15;
/// No window has more impulses.
const COUNT_MAX: usize = 40;

impl Fill {
    /// For a band of `carriers` from carrier `first` on.
    pub(super) fn new(first: usize, carriers: usize) -> Self {
        Self {
            kernel: Kernel::fastest(),
            taps: taps(first, carriers),
            samples: [0.0; FFT_LEN + 2 * REACH],
            surprise: [0.0; FFT_LEN + 2 * REACH],
            struck: [false; FFT_LEN],
        }
    }

    /// `window` with its impulses replaced, and the share of the signal that is left; nothing if there are none, or too many.
    /// `level` tells the usual power among surprises.
    pub(super) fn fill(
        &mut self,
        window: &[f32],
        level: impl FnOnce(&[f32]) -> f32,
    ) -> Option<(&[f32], f32)> {
        self.samples[REACH..REACH + FFT_LEN].copy_from_slice(window);
        self.kernel.run::<FindSurprise, _>(&mut *self);
        let level = level(&self.surprise[REACH..REACH + FFT_LEN]);
        let largest = self.kernel.run::<Largest, _>(&*self);
        if largest < CERTAIN * level {
            return None;
        }
        self.struck.fill(false);
        let mut rounds = 0;
        while rounds < ROUNDS && self.kernel.run::<Largest, _>(&*self) > IMPULSE * level {
            rounds += 1;
            let limit = (AS_LARGE * self.kernel.run::<Largest, _>(&*self)).max(IMPULSE * level);
            (0..FFT_LEN).for_each(|n| self.strike(n, limit));
        }
        let count = self.struck.iter().filter(|struck| **struck).count();
        if count == 0 || count > COUNT_MAX || self.largest() > IMPULSE * level {
            return None;
        }
        for _ in 0..SETTLING {
            (0..FFT_LEN).for_each(|n| {
                if self.struck[n] {
                    self.replace(n)
                }
            });
        }
        let kept = 1.0 - LACKS * count as f32 / FFT_LEN as f32;
        Some((&self.samples[REACH..REACH + FFT_LEN], kept))
    }

    #[inline(always)]
    fn find_surprise(&mut self) {
        for (n, surprise) in self.surprise[REACH..REACH + FFT_LEN].iter_mut().enumerate() {
            let around = &self.samples[n..n + 2 * REACH + 1];
            let foretold =
                |sum, k: usize| sum + self.taps[k] * (around[REACH + 1 + k] + around[REACH - 1 - k]);
            *surprise = around[REACH] - (0..REACH).fold(0.0, foretold);
        }
    }

    /// The largest squared surprise, those near the ends counting less.
    #[inline(always)]
    fn largest(&self) -> f32 {
        let square = |largest: f32, surprise: &f32| largest.max(surprise * surprise);
        let (first, rest) = self.surprise[REACH..REACH + FFT_LEN].split_at(REACH);
        let (inner, last) = rest.split_at(FFT_LEN - 2 * REACH);
        let ends = first.iter().chain(last).fold(0.0, square);
        let ends = ends * (IMPULSE / IMPULSE_AT_END);
        let mut squares = [0.0; FFT_LEN];
        squares.iter_mut().zip(inner).for_each(|(square, surprise)| *square = surprise * surprise);
        let largest = greatest(&squares);
        if largest > ends { largest } else { ends }
    }

    /// Replaces sample `n` if its squared surprise is above `limit`.
    fn strike(&mut self, n: usize, limit: f32) {
        let inner = (REACH..FFT_LEN - REACH).contains(&n);
        let scale = if inner { 1.0 } else { IMPULSE / IMPULSE_AT_END };
        let surprise = self.surprise[n + REACH];
        if surprise * surprise * scale > limit {
            self.struck[n] = true;
            self.replace(n);
        }
    }

    /// Puts what its neighbours foretell in the place of sample `n`.
    fn replace(&mut self, n: usize) {
        let at = n + REACH;
        let surprise = core::mem::take(&mut self.surprise[at]);
        self.samples[at] -= surprise;
        for (k, tap) in self.taps.iter().enumerate() {
            self.surprise[at + 1 + k] += tap * surprise;
            self.surprise[at - 1 - k] += tap * surprise;
        }
        // What lies outside the window foretells nothing.
        self.surprise[..REACH].fill(0.0);
        self.surprise[REACH + FFT_LEN..].fill(0.0);
    }
}

body!(FindSurprise = Fill::find_surprise, &mut Fill => ());
body!(Largest = Fill::largest, &Fill => f32);

/// The weights that foretell a sample of the band, of noise below it, and of white noise, with the least squared error.
fn taps(first: usize, carriers: usize) -> [f32; REACH] {
    let (low, high) = (first as f64 / FFT_LEN as f64, (first + carriers) as f64 / FFT_LEN as f64);
    let below = |edge: f64, lag: f64| {
        let angle = core::f64::consts::TAU * edge * lag;
        if lag == 0.0 { 2.0 * edge } else { 2.0 * edge * libm::sin(angle) / angle }
    };
    let power = 2.0 * (high - low);
    let likeness = |lag: f64| (below(high, lag) - (1.0 - LOW) * below(low, lag)) / power;
    let mut rows = [[0.0; REACH + 1]; REACH];
    for (i, row) in rows.iter_mut().enumerate() {
        for (j, cell) in row[..REACH].iter_mut().enumerate() {
            *cell = likeness(i as f64 - j as f64) + likeness((i + j + 2) as f64);
        }
        row[i] += WHITE;
        row[REACH] = likeness((i + 1) as f64);
    }
    solve(rows)
}

/// Elimination. The matrix is that of a covariance, so no pivot is zero.
fn solve(mut rows: [[f64; REACH + 1]; REACH]) -> [f32; REACH] {
    for pivot in 0..REACH {
        let scale = rows[pivot][pivot];
        rows[pivot].iter_mut().for_each(|cell| *cell /= scale);
        let row = rows[pivot];
        for (_, other) in rows.iter_mut().enumerate().filter(|(n, _)| *n != pivot) {
            let factor = other[pivot];
            other.iter_mut().zip(&row).for_each(|(cell, above)| *cell -= factor * above);
        }
    }
    rows.map(|row| row[REACH] as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Tones in the band of CENELEC-A and one below it.
    fn signal() -> Vec<f32> {
        let tone = |k: f32, n: usize| libm::sinf(core::f32::consts::TAU * k * n as f32 / 256.0 + k);
        (0..FFT_LEN).map(|n| tone(30.3, n) + tone(41.0, n) + tone(52.6, n) + tone(5.2, n)).collect()
    }

    #[test]
    fn struck_samples_come_back_nearly_as_they_were() {
        let (sent, mut fill) = (signal(), Fill::new(23, 36));
        let mut window = sent.clone();
        [40, 41, 90, 200].into_iter().for_each(|n| window[n] += 40.0 - n as f32 / 2.0);
        window[150] -= 5.0;
        let (filled, kept) = fill.fill(&window, |_| 0.5).unwrap();
        let worst = filled.iter().zip(&sent).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 2.5 && kept > 0.99, "{worst} {kept}");
        let alike = filled.iter().zip(&window).filter(|(a, b)| a == b).count();
        assert!((FFT_LEN - 8..=FFT_LEN - 5).contains(&alike), "{alike}");
    }

    #[test]
    fn a_window_without_impulses_stays_as_it_is() {
        assert!(Fill::new(23, 36).fill(&signal(), |_| 0.5).is_none());
    }
}
