//! Blanking of impulses, before the transform spreads them over all carriers.

use super::fill::Fill;
use crate::dsp::lanes::{greatest, sum};
use crate::dsp::{Kernel, body};
use crate::g3::specs::FFT_LEN;

/// Sets samples to zero that stand out of their window, or of the frame. What counts are differences between samples two
/// apart: they leave out the low frequencies, where a line is loudest and no band is.
#[derive(Debug)]
pub(super) struct Blanker {
    /// Differences that end at each sample, and after the last two those that begin there.
    differences: [f32; FFT_LEN + APART],
    /// Which samples stand out, with room on both sides.
    struck: [u8; FFT_LEN + 2 * REACH],
    window: [f32; FFT_LEN],
    fill: Fill,
    kernel: Kernel,
    /// Usual power of a difference in the frame at hand, once known.
    usual: Option<f32>,
    /// Share of the last window that was kept.
    kept: f32,
}

/// Distance of the samples of a difference.
const APART: usize = 2;
/// A window whose largest difference has less than this over its mean power is left alone, as the peaks of a symbol are.
const CREST: f32 = 12.0;
/// One sample whose differences on both sides have so many times the usual power makes a window struck: peaks of a symbol
/// do not reach it.
const CERTAIN: f32 = 16.0;
/// In a window that was struck, a sample with so many times the usual power is an impulse.
const IMPULSE: f32 = 6.5;
/// The same where no frame tells what is usual: a window may be loud in part because a frame begins in it.
const ALONE: f32 = 11.0;
/// Samples on either side of one that may belong to the same burst.
const REACH: usize = 4;
/// So many impulses within reach make a burst.
const BURST: u8 = 3;
/// Fewer samples in bursts are impulses side by side.
const BURST_MIN: usize = 20;
/// Differences with more than this over the estimate do not count in the next, better one.
const TRIM: f32 = 8.0;
/// Share of a Gaussian's power that trimming leaves.
const TRIMMED: f32 = 0.955;
/// Rounds of trimming.
const ROUNDS: usize = 4;
/// A window of a frame may be so much louder than usual before it counts as struck as a whole.
const LOUDER: f32 = 2.0;
/// How fast the usual power follows, per window. It moves by steps of this size towards the median.
const STEP: f32 = 1.05;
/// A window of which less is left is not blanked at all.
const KEPT_MIN: f32 = 0.3;

impl Blanker {
    /// For a band of `carriers` from carrier `first` on.
    pub(super) fn new(first: usize, carriers: usize) -> Self {
        Self {
            differences: [0.0; FFT_LEN + APART],
            struck: [0; FFT_LEN + 2 * REACH],
            window: [0.0; FFT_LEN],
            fill: Fill::new(first, carriers),
            kernel: Kernel::fastest(),
            usual: None,
            kept: 1.0,
        }
    }

    /// Every window stands for itself.
    pub(super) const fn forget(&mut self) {
        self.usual = None;
    }

    /// Windows of a frame like this one follow.
    pub(super) fn follow(&mut self, window: &[f32]) {
        differences(window, &mut self.differences);
        self.usual = Some(self.kernel.run::<Level, &[f32]>(&self.differences));
    }

    /// Share of the last window that was kept.
    pub(super) const fn kept(&self) -> f32 {
        self.kept
    }

    /// `window` without its impulses.
    pub(super) fn clean<'a>(&'a mut self, window: &'a [f32]) -> &'a [f32] {
        self.kept = 1.0;
        let (power, peak) = self.kernel.run::<Survey, _>((window, &mut self.differences));
        let quiet = self.usual.is_none_or(|usual| peak < CERTAIN * usual);
        if peak <= CREST * power && quiet {
            self.adapt(power);
            return window;
        }
        let own = self.kernel.run::<Level, &[f32]>(&self.differences);
        let reference = self.usual.map_or(own, |usual| own.min(LOUDER * usual));
        self.adapt(own);
        self.blank(window, reference)
    }

    /// An impulse stands out from the samples on both sides, and a burst among many that do.
    fn blank<'a>(&'a mut self, window: &'a [f32], reference: f32) -> &'a [f32] {
        let (worst, kernel) = (self.strike(reference), self.kernel);
        if self.usual.is_some() && self.bursts() < BURST_MIN {
            return match self.fill.fill(window, |differences| kernel.run::<Level, _>(differences)) {
                Some((filled, kept)) => {
                    self.kept = kept;
                    filled
                }
                None => window,
            };
        }
        if worst < CERTAIN * reference { window } else { self.mute(window) }
    }

    /// Marks the samples that stand out on both sides; the largest power.
    fn strike(&mut self, level: f32) -> f32 {
        let (before, after) = (&self.differences[..FFT_LEN], &self.differences[APART..]);
        let impulse = if self.usual.is_some() { IMPULSE } else { ALONE };
        let mut worst = 0f32;
        for ((struck, before), after) in self.struck[REACH..].iter_mut().zip(before).zip(after) {
            let power = (before * before).min(after * after);
            *struck = u8::from(power > impulse * level);
            worst = worst.max(power);
        }
        worst
    }

    /// Samples in bursts.
    fn bursts(&self) -> usize {
        let mut around: u8 = self.struck[..2 * REACH].iter().sum();
        let (mut count, mut pairs) = (0, self.struck.iter().zip(&self.struck[2 * REACH..]));
        pairs.by_ref().for_each(|(first, last)| {
            around += last;
            count += usize::from(around >= BURST);
            around -= first;
        });
        count
    }

    /// Sets what was struck to zero.
    fn mute<'a>(&'a mut self, window: &'a [f32]) -> &'a [f32] {
        let burst = if self.usual.is_some() { BURST } else { u8::MAX };
        let mut lost = 0;
        let mut around: u8 = self.struck[..2 * REACH].iter().sum();
        for (n, (to, &sample)) in self.window.iter_mut().zip(window).enumerate() {
            around += self.struck[n + 2 * REACH];
            let blank = self.struck[n + REACH] == 1 || around >= burst;
            *to = if blank { 0.0 } else { sample };
            lost += usize::from(blank);
            around -= self.struck[n];
        }
        let kept = 1.0 - lost as f32 / FFT_LEN as f32;
        if kept < KEPT_MIN {
            return window;
        }
        self.kept = kept;
        &self.window
    }

    fn adapt(&mut self, power: f32) {
        if let Some(usual) = &mut self.usual {
            *usual *= if power > *usual { STEP } else { 1.0 / STEP };
        }
    }
}

/// Differences of the samples of `window`; at both ends those nearest to them.
#[inline(always)]
fn differences(window: &[f32], differences: &mut [f32; FFT_LEN + APART]) {
    let pairs = window.iter().zip(&window[APART..]);
    differences[APART..].iter_mut().zip(pairs).for_each(|(to, (before, after))| *to = after - before);
    for n in 0..APART {
        differences[n] = differences[n + APART];
        differences[FFT_LEN + n] = differences[FFT_LEN + n - APART];
    }
}

body!(Survey = survey, (&[f32], &mut [f32; FFT_LEN + APART]) => (f32, f32));
body!(Level = level, &[f32] => f32);

/// Differences of the samples of `window`, and their mean and largest power.
#[inline(always)]
fn survey((window, to): (&[f32], &mut [f32; FFT_LEN + APART])) -> (f32, f32) {
    differences(window, to);
    power_and_peak(to)
}

/// Mean and largest power of the differences.
#[inline(always)]
fn power_and_peak(differences: &[f32; FFT_LEN + APART]) -> (f32, f32) {
    let mut powers = squares(differences);
    let peak = greatest(&powers);
    (sum(&mut powers) / differences.len() as f32, peak)
}

/// Power of the differences that are no impulses.
#[inline(always)]
fn level(differences: &[f32]) -> f32 {
    let mut sizes = [0.0; FFT_LEN];
    sizes.iter_mut().zip(differences).for_each(|(size, difference)| *size = difference.abs());
    let (powers, mean) = (squares(differences), sum(&mut sizes) / differences.len() as f32);
    let mut level = mean * mean * core::f32::consts::FRAC_PI_2;
    for _ in 0..ROUNDS {
        let (sum, count) = trimmed(&powers, TRIM * level);
        if count > 0 {
            level = sum / (count as f32 * TRIMMED);
        }
    }
    level
}

/// Powers of the first differences, as many as a window has samples.
#[inline(always)]
fn squares(differences: &[f32]) -> [f32; FFT_LEN] {
    let mut squares = [0.0; FFT_LEN];
    squares.iter_mut().zip(differences).for_each(|(square, difference)| *square = difference * difference);
    squares
}

/// Sum and count of the powers up to `limit`.
#[inline(always)]
fn trimmed(powers: &[f32; FFT_LEN], limit: f32) -> (f32, u32) {
    let mut kept = [0.0; FFT_LEN];
    kept.iter_mut().zip(powers).for_each(|(kept, &power)| *kept = if power <= limit { power } else { 0.0 });
    let count = powers.iter().map(|&power| u32::from(power <= limit)).sum();
    (sum(&mut kept), count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::Seed;
    use rand_core::Rng;
    use std::vec::Vec;

    /// Nearly Gaussian samples of power one.
    fn noise(seed: u64) -> Vec<f32> {
        let mut stream = Seed::from_u64(seed).stream();
        let mut uniform = || stream.next_u32() as f32 / u32::MAX as f32 - 0.5;
        (0..FFT_LEN).map(|_| (0..12).map(|_| uniform()).sum()).collect()
    }

    #[test]
    fn an_impulse_is_taken_out_and_nothing_else() {
        let (mut blanker, mut window) = (Blanker::new(23, 36), noise(1));
        (window[7], window[100]) = (30.0, -9.0);
        let cleaned = blanker.clean(&window).to_vec();
        let differ: Vec<usize> = (0..FFT_LEN).filter(|&n| cleaned[n] != window[n]).collect();
        assert_eq!((differ, cleaned[7]), (std::vec![7, 100], 0.0));
        assert!((blanker.kept() - 254.0 / 256.0).abs() < 1e-6);
    }

    #[test]
    fn ordinary_windows_are_left_alone() {
        let mut blanker = Blanker::new(23, 36);
        let touched = (0..1000).filter(|&seed| {
            let window = noise(seed);
            blanker.clean(&window) != &window[..]
        });
        assert!(touched.count() < 30);
    }

    #[test]
    fn a_burst_over_half_a_window_of_a_frame_is_taken_out_but_not_the_start_of_a_frame() {
        let (mut blanker, mut window) = (Blanker::new(23, 36), noise(3));
        window[128..].iter_mut().for_each(|sample| *sample *= 30.0);
        let struck = |cleaned: &[f32]| cleaned[128..].iter().filter(|sample| **sample == 0.0).count();
        assert!(struck(blanker.clean(&window)) < 12);
        blanker.follow(&noise(4));
        assert!(struck(blanker.clean(&window)) > 100);
    }

    #[test]
    fn a_line_that_has_become_louder_is_heard_again() {
        let mut blanker = Blanker::new(23, 36);
        blanker.follow(&noise(1));
        let loud = |seed: u64| noise(seed).iter().map(|sample| sample * 10.0).collect::<Vec<_>>();
        (0..200).for_each(|seed| _ = blanker.clean(&loud(seed)));
        let window = loud(500);
        assert_eq!(blanker.clean(&window), &window[..]);
    }
}
