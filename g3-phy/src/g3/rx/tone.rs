//! A strong tone: its leakage is taken off the carriers around it.

use crate::dsp::lanes::{greatest, powers, sum};
use crate::dsp::{Complex, Kernel, body};
use crate::g3::specs::FFT_LEN;

/// Follows one tone that dominates the band. Its share in every carrier follows from frequency and amplitude; the
/// amplitude is measured anew in each window, so that it may vary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tone {
    kernel: Kernel,
    first: usize,
    /// In carriers.
    frequency: f32,
    /// Amplitude at the first sample of the last window that it was seen in.
    amplitude: Complex<f32>,
    /// Where that window began.
    start: u64,
    /// Windows in which the same tone was seen.
    seen: u32,
}

/// Share of two neighbours in the power of all carriers from which on they may be a tone.
const SHARE: f32 = 0.35;
/// Frequencies this far apart may be those of one tone: as two carriers tell them, in carriers.
const COARSE: f32 = 0.15;
/// The same, as the phases of two windows tell them.
const FINE: f32 = 0.05;
/// Windows in which a tone must be seen before it is believed.
const SEEN_MIN: u32 = 2;
/// Windows over which the frequency is averaged.
const SEEN_MAX: u32 = 16;
/// Windows further apart than this, in samples, do not tell a frequency.
const APART_MAX: u64 = 1024;

impl Tone {
    /// No tone yet; the lowest carrier has index `first`.
    pub(super) fn new(first: usize) -> Self {
        let kernel = Kernel::fastest();
        Self { kernel, first, frequency: 0.0, amplitude: Complex::new(0.0, 0.0), start: 0, seen: 0 }
    }

    /// Takes the tone off the `carriers` of the window that begins at sample `start`, if there is one.
    pub(super) fn clean(&mut self, carriers: &mut [Complex<f32>], start: u64) {
        let Some((peak, coarse)) = self.candidate(carriers) else {
            self.seen = self.seen.saturating_sub(1);
            return;
        };
        let refined = self.refine(coarse, carriers, peak, start);
        match refined {
            Some(frequency) if self.seen == 0 => (self.frequency, self.seen) = (frequency, 1),
            Some(frequency) if (frequency - self.frequency).abs() < FINE => {
                self.seen = (self.seen + 1).min(SEEN_MAX);
                self.frequency += (frequency - self.frequency) / (self.seen - 1) as f32;
            }
            _ => (self.frequency, self.seen) = (coarse, 0),
        }
        self.amplitude = self.measure(carriers, peak);
        self.start = start;
        if self.seen >= SEEN_MIN {
            self.subtract(carriers);
        }
    }

    /// The position of the stronger of two neighbours that dominate, and a first estimate of the frequency.
    fn candidate(&self, carriers: &[Complex<f32>]) -> Option<(usize, f32)> {
        let (mut power, mut pairs) = ([0f32; CARRIERS_MAX + 1], [0f32; CARRIERS_MAX]);
        let (power, pairs) = (&mut power[..=carriers.len()], &mut pairs[..carriers.len()]);
        let (total, best) = self.kernel.run::<Survey, _>((carriers, &mut *power, &mut *pairs));
        if best < SHARE * total {
            return None;
        }
        let above = pairs.iter().position(|&pair| pair == best).unwrap_or(0);
        let peak = if power[above + 1] > power[above] { above } else { above.saturating_sub(1) };
        Some((peak, (self.first + peak) as f32 + offset(carriers, peak)))
    }

    /// The frequency as the phases of this window and the one before tell it.
    fn refine(&self, coarse: f32, carriers: &[Complex<f32>], peak: usize, start: u64) -> Option<f32> {
        let apart = start.abs_diff(self.start);
        if !(FFT_LEN as u64 / 2..=APART_MAX).contains(&apart) || self.amplitude.norm_sqr() == 0.0 {
            return None;
        }
        let known = if self.seen > 0 { self.frequency } else { coarse };
        let guess = Self { frequency: known, ..*self };
        let cycles = apart as f32 / FFT_LEN as f32;
        // A tone has whole cycles that do not matter: only the fraction keeps its precision.
        let whole = (libm::floorf(known) as u64 * apart) % FFT_LEN as u64;
        let turns = whole as f32 / FFT_LEN as f32 + (known - libm::floorf(known)) * cycles;
        let expected = turn(if start > self.start { turns } else { -turns });
        let surprise = guess.measure(carriers, peak) * (self.amplitude * expected).conj();
        let ahead = surprise.arg() / core::f32::consts::TAU / cycles;
        let frequency = known + if start > self.start { ahead } else { -ahead };
        Some(frequency).filter(|frequency| (frequency - coarse).abs() < COARSE)
    }

    /// The amplitude at the start of the window, from the carriers on both sides of the frequency.
    fn measure(&self, carriers: &[Complex<f32>], peak: usize) -> Complex<f32> {
        let (mut sum, mut weight) = (Complex::default(), f32::MIN_POSITIVE);
        for (position, &carrier) in carriers.iter().enumerate().take(peak + 2).skip(peak.saturating_sub(1)) {
            let distance = self.frequency - (self.first + position) as f32;
            if distance.abs() < 1.0 {
                let leak = leakage(distance);
                sum += carrier * leak.conj();
                weight += leak.norm_sqr();
            }
        }
        sum / weight
    }

    fn subtract(&self, carriers: &mut [Complex<f32>]) {
        for (position, carrier) in carriers.iter_mut().enumerate() {
            let k = (self.first + position) as f32;
            *carrier -= self.amplitude * leakage(self.frequency - k);
            *carrier -= self.amplitude.conj() * leakage(-self.frequency - k);
        }
    }
}

body!(Survey = survey, (&[Complex<f32>], &mut [f32], &mut [f32]) => (f32, f32));

/// Powers of the `carriers` from the second entry of `power` on, and the sum of each with the one before; the sum of all
/// and the largest of those of two.
#[inline(always)]
fn survey((carriers, power, pairs): (&[Complex<f32>], &mut [f32], &mut [f32])) -> (f32, f32) {
    powers(carriers, &mut power[1..]);
    let neighbours = power[1..].iter().zip(&power[..]);
    pairs.iter_mut().zip(neighbours).for_each(|(pair, (own, before))| *pair = own + before);
    let (mut terms, count) = ([0f32; CARRIERS_MAX], carriers.len());
    terms[..count].copy_from_slice(&power[1..]);
    (sum(&mut terms[..count]), greatest(pairs))
}

/// No band has more carriers.
const CARRIERS_MAX: usize = 128;

/// How far the frequency is from carrier `peak`, from the ratio of the stronger neighbour to it.
fn offset(carriers: &[Complex<f32>], peak: usize) -> f32 {
    let power =
        |position: Option<usize>| position.and_then(|n| carriers.get(n)).map_or(0.0, Complex::norm_sqr);
    let above = power(Some(peak + 1)) > power(peak.checked_sub(1));
    let neighbour = if above { carriers[peak + 1] } else { carriers[peak.saturating_sub(1)] };
    let ratio = (neighbour * carriers[peak].conj()).re / carriers[peak].norm_sqr().max(f32::MIN_POSITIVE);
    let distance = (ratio / (ratio - 1.0)).clamp(0.0, 1.0);
    if above { distance } else { -distance }
}

/// The sum of exp(2πi·distance·n/256) over a window.
fn leakage(distance: f32) -> Complex<f32> {
    let len = FFT_LEN as f32;
    if distance.abs() < 1e-4 {
        return Complex::new(len, 0.0);
    }
    let angle = core::f32::consts::PI * distance;
    turn(distance * (len - 1.0) / (2.0 * len)) * (libm::sinf(angle) / libm::sinf(angle / len))
}

/// exp(2πi·turns).
fn turn(turns: f32) -> Complex<f32> {
    let angle = core::f32::consts::TAU * (turns - libm::floorf(turns));
    Complex::new(libm::cosf(angle), libm::sinf(angle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ofdm::Spectrum;
    use std::vec;
    use std::vec::Vec;

    /// The carriers 23 to 58 of a cosine of `frequency` carriers in the window from `start` on, and of smaller cosines
    /// of amplitude `level` on each carrier.
    fn carriers(frequency: f64, level: f64, start: u64) -> Vec<Complex<f32>> {
        let angle = |k: f64, n: u64| core::f64::consts::TAU * (k * n as f64 / 256.0).fract();
        let sample = |n: u64| {
            let sum: f64 = (23..59).map(|k| libm::cos(angle(f64::from(k), n) + f64::from(k * k))).sum();
            (libm::cos(angle(frequency, n) + 1.0) + level * sum) as f32
        };
        let window: Vec<f32> = (start..start + 256).map(sample).collect();
        let mut carriers = vec![Complex::default(); 36];
        Spectrum::new(FFT_LEN, 23).analyse(&window, &mut carriers);
        carriers
    }

    /// Largest distance of the cleaned carriers from those without the tone, two on either side left out, over their level.
    fn residue(frequency: f64, level: f64) -> f32 {
        let mut tone = Tone::new(23);
        let mut last = vec![];
        for n in 0..12u64 {
            last = carriers(frequency, level, n * 278);
            tone.clean(&mut last, n * 278);
        }
        let mut alone = vec![Complex::default(); 36];
        let window: Vec<f32> = (11 * 278u64..11 * 278 + 256)
            .map(|n| {
                let angle = |k: u64| core::f64::consts::TAU * ((k * n % 256) as f64 / 256.0) + (k * k) as f64;
                (level * (23..59).map(|k| libm::cos(angle(k))).sum::<f64>()) as f32
            })
            .collect();
        Spectrum::new(FFT_LEN, 23).analyse(&window, &mut alone);
        let far = |k: &usize| ((k + 23) as f64 - frequency).abs() > 2.0;
        let distances = (0..36).filter(far).map(|k| (last[k] - alone[k]).norm());
        distances.fold(0.0, f32::max) / (128.0 * level) as f32
    }

    #[test]
    fn the_leakage_of_a_tone_goes_and_the_carriers_stay() {
        for frequency in [40.0, 40.5, 24.3, 57.71, 33.1] {
            // Twenty decibels over all carriers together.
            let residue = residue(frequency, 0.1 / 6.0);
            assert!(residue < 0.35, "{frequency}: {residue}");
        }
    }

    #[test]
    fn carriers_of_equal_strength_are_left_alone() {
        let mut tone = Tone::new(23);
        let before = carriers(40.5, 10.0, 0);
        let mut after = before.clone();
        tone.clean(&mut after, 0);
        assert_eq!(before, after);
    }
}
