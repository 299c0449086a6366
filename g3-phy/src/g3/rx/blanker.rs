//! Blanking of impulses, before the transform spreads them over all carriers.

use super::fill::Fill;
use crate::dsp::lanes::{greatest, sum};
use crate::dsp::{Kernel, body};
use crate::g3::specs::FFT_LEN;
use core::ops::Range;

/// Sets samples to zero that stand out of their window, or of the frame. What counts are differences between samples two
/// apart: they leave out the low frequencies, where a line is loudest and no band is.
#[derive(Debug)]
pub(super) struct Blanker {
    /// Differences that end at each sample, and after the last two those that begin there.
    differences: [f32; FFT_LEN + APART],
    /// Which samples stand out.
    struck: [bool; FFT_LEN],
    window: [f32; FFT_LEN],
    fill: Fill,
    kernel: Kernel,
    /// Usual power of a difference in the frame at hand, once known.
    usual: Option<f32>,
    /// That of the last windows of a preamble, and how many there were.
    levels: [f32; LEVELS],
    heard: usize,
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
/// A difference counts for a burst as far as it is above this over the usual power, and against it below,
const BURST: f32 = 3.0;
/// but none counts as more than this: impulses side by side are no burst.
const BURST_CLIP: f32 = 8.0;
/// Differences in a row that count for so much are a burst.
const BURST_SUM: f32 = 40.0;
/// A burst of fewer samples is impulses side by side.
const BURST_MIN: usize = 20;
/// Windows of a preamble that are remembered.
const LEVELS: usize = 5;
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
            struck: [false; FFT_LEN],
            window: [0.0; FFT_LEN],
            fill: Fill::new(first, carriers),
            kernel: Kernel::fastest(),
            usual: None,
            levels: [0.0; LEVELS],
            heard: 0,
            kept: 1.0,
        }
    }

    /// Every window stands for itself.
    pub(super) const fn forget(&mut self) {
        (self.usual, self.heard) = (None, 0);
    }

    /// A window of a preamble comes next. The middle one of the last windows tells what is usual; of an even number, the
    /// louder one in the middle: the first may begin before the preamble does.
    pub(super) fn follow(&mut self, window: &[f32]) {
        differences(window, &mut self.differences);
        self.levels[self.heard % LEVELS] = self.kernel.run::<Level, &[f32]>(&self.differences);
        self.heard += 1;
        let count = self.heard.min(LEVELS);
        let mut sorted = self.levels;
        sorted[..count].sort_unstable_by(f32::total_cmp);
        self.usual = Some(sorted[count / 2]).filter(|_| count > 1);
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

    /// An impulse stands out from the samples on both sides, and a burst by the sum of its differences.
    fn blank<'a>(&'a mut self, window: &'a [f32], reference: f32) -> &'a [f32] {
        let (worst, kernel) = (self.strike(reference), self.kernel);
        if let Some(usual) = self.usual {
            let burst = self.burst(usual);
            if burst.len() >= BURST_MIN {
                return self.mute(window, burst);
            }
            return match self.fill.fill(window, |differences| kernel.run::<Level, _>(differences)) {
                Some((filled, kept)) => {
                    self.kept = kept;
                    filled
                }
                None => window,
            };
        }
        if worst < CERTAIN * reference { window } else { self.mute(window, 0..0) }
    }

    /// Marks the samples that stand out on both sides; the largest power.
    fn strike(&mut self, level: f32) -> f32 {
        let (before, after) = (&self.differences[..FFT_LEN], &self.differences[APART..]);
        let impulse = if self.usual.is_some() { IMPULSE } else { ALONE };
        let mut worst = 0f32;
        for ((struck, before), after) in self.struck.iter_mut().zip(before).zip(after) {
            let power = (before * before).min(after * after);
            *struck = power > impulse * level;
            worst = worst.max(power);
        }
        worst
    }

    /// The samples that stand out most together, from the part of the differences that counts for a burst most.
    fn burst(&self, usual: f32) -> Range<usize> {
        let (mut sum, mut start, mut most, mut burst) = (0.0, 0, BURST_SUM, 0..0);
        for (n, difference) in self.differences[..FFT_LEN].iter().enumerate() {
            sum += (difference * difference / usual).min(BURST_CLIP) - BURST;
            if sum <= 0.0 {
                (sum, start) = (0.0, n + 1);
            } else if sum > most {
                (most, burst) = (sum, start..n + 1);
            }
        }
        burst
    }

    /// Sets what was struck and the `burst` to zero.
    fn mute<'a>(&'a mut self, window: &'a [f32], burst: Range<usize>) -> &'a [f32] {
        let mut lost = 0;
        for (n, (to, &sample)) in self.window.iter_mut().zip(window).enumerate() {
            let blank = self.struck[n] || burst.contains(&n);
            *to = if blank { 0.0 } else { sample };
            lost += usize::from(blank);
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
        (4..6).for_each(|seed| blanker.follow(&noise(seed)));
        assert!(struck(blanker.clean(&window)) > 120);
    }

    #[test]
    fn a_burst_that_is_not_much_louder_than_the_frame_is_taken_out_whole() {
        let mut blanker = Blanker::new(23, 36);
        let (mut taken, mut spoilt) = (0, 0);
        for seed in 0..50 {
            let mut window = noise(seed);
            window[100..200].iter_mut().for_each(|sample| *sample *= 4.0);
            blanker.forget();
            (100..102).for_each(|seed| blanker.follow(&noise(seed)));
            let cleaned = blanker.clean(&window);
            let zeros = |range: Range<usize>| cleaned[range].iter().filter(|sample| **sample == 0.0).count();
            taken += zeros(100..200);
            spoilt += zeros(0..90) + zeros(210..256);
        }
        assert!(taken > 4600 && spoilt < 100, "{taken} of 5000, {spoilt} beside");
    }

    #[test]
    fn impulses_side_by_side_are_no_burst() {
        let mut blanker = Blanker::new(23, 36);
        (1..3).for_each(|seed| blanker.follow(&noise(seed)));
        let mut window = noise(3);
        [40, 55, 75, 90, 110, 130].into_iter().for_each(|n| window[n] += 40.0);
        blanker.clean(&window);
        assert!(blanker.kept() > 0.97, "{}", blanker.kept());
    }

    #[test]
    fn struck_windows_of_a_preamble_do_not_tell_what_is_usual() {
        let mut blanker = Blanker::new(23, 36);
        let loud: Vec<f32> = noise(9).iter().map(|sample| sample * 10.0).collect();
        let quiet: Vec<f32> = noise(8).iter().map(|sample| sample * 0.01).collect();
        [&quiet, &noise(1), &noise(2), &loud, &loud].into_iter().for_each(|window| blanker.follow(window));
        let mut window = noise(3);
        window[100..200].iter_mut().for_each(|sample| *sample *= 10.0);
        blanker.clean(&window);
        assert!((0.55..0.65).contains(&blanker.kept()), "{}", blanker.kept());
    }

    #[test]
    fn a_line_that_has_become_louder_is_heard_again() {
        let mut blanker = Blanker::new(23, 36);
        (1..3).for_each(|seed| blanker.follow(&noise(seed)));
        let loud = |seed: u64| noise(seed).iter().map(|sample| sample * 10.0).collect::<Vec<_>>();
        (0..200).for_each(|seed| _ = blanker.clean(&loud(seed)));
        let window = loud(500);
        assert_eq!(blanker.clean(&window), &window[..]);
    }
}
