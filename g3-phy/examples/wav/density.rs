//! Power spectral density as a measuring receiver with a bandwidth of 200 Hz sees it.

use g3_phy::dsp::{Complex, Fft};

/// Bandwidth of the measurement, in Hz: that of CISPR 16 below 150 kHz.
pub(crate) const BANDWIDTH_HZ: f64 = 200.0;
/// Coefficients of the window after Blackman and Harris: side lobes below -92 dB.
const WINDOW: [f64; 4] = [0.358_75, -0.488_29, 0.141_28, -0.011_68];
/// Equivalent noise bandwidth of that window, in steps of a transform of its length.
const NOISE_BANDWIDTH: f64 = 2.0044;
/// Windows begin so often within the length of one.
const OVERLAP: usize = 8;

/// Power in 200 Hz around each frequency; a full-scale sine has 0.5.
#[derive(Clone, Debug)]
pub(crate) struct Density {
    step_hz: f64,
    mean: Vec<f64>,
    peak: Vec<f64>,
}

impl Density {
    /// Of `samples`, `rate` of them in a second, by Welch's method. At least 10 ms of them.
    pub(crate) fn of(samples: &[f32], rate: f64) -> Self {
        let len = (NOISE_BANDWIDTH * rate / BANDWIDTH_HZ).round() as usize;
        let window: Vec<f64> = (0..len).map(|n| blackman_harris(n, len)).collect();
        let sum: f64 = window.iter().sum();
        let points = len.next_power_of_two();
        let (mut mean, mut peak) = (vec![0.0; points / 2], vec![0.0f64; points / 2]);
        let (mut fft, mut room) = (Fft::new(points), vec![Complex::default(); points]);
        let pieces = samples.windows(len).step_by(len / OVERLAP);
        let count = pieces.len();
        for piece in pieces {
            room.fill(Complex::default());
            for ((to, sample), weight) in room.iter_mut().zip(piece).zip(&window) {
                to.re = sample * *weight as f32;
            }
            fft.forward(&mut room);
            for ((mean, peak), point) in mean.iter_mut().zip(&mut peak).zip(&room) {
                let power = 2.0 * f64::from(point.norm_sqr()) / (sum * sum);
                *mean += power / count as f64;
                *peak = peak.max(power);
            }
        }
        Self { step_hz: rate / points as f64, mean, peak }
    }

    /// Frequencies with mean power and highest power in 200 Hz.
    pub(crate) fn points(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        self.mean
            .iter()
            .zip(&self.peak)
            .enumerate()
            .map(|(n, (&mean, &peak))| (n as f64 * self.step_hz, mean, peak))
    }

    /// Mean power in 200 Hz, averaged over a range of frequencies.
    pub(crate) fn mean(&self, from_hz: f64, to_hz: f64) -> f64 {
        let (sum, count) =
            self.within(from_hz, to_hz).fold((0.0, 0), |(sum, n), (mean, _)| (sum + mean, n + 1));
        sum / f64::from(count)
    }

    /// The highest mean power in 200 Hz within a range of frequencies.
    pub(crate) fn highest(&self, from_hz: f64, to_hz: f64) -> f64 {
        self.within(from_hz, to_hz).fold(0.0, |highest, (mean, _)| highest.max(mean))
    }

    /// The highest power in 200 Hz that ever was within a range of frequencies.
    pub(crate) fn peak(&self, from_hz: f64, to_hz: f64) -> f64 {
        self.within(from_hz, to_hz).fold(0.0, |highest, (_, peak)| highest.max(peak))
    }

    /// All power within a range of frequencies.
    pub(crate) fn total(&self, from_hz: f64, to_hz: f64) -> f64 {
        self.within(from_hz, to_hz).map(|(mean, _)| mean).sum::<f64>() * self.step_hz / BANDWIDTH_HZ
    }

    /// The range of frequencies that holds all but `share` of the power, half of that share on either side.
    pub(crate) fn occupied(&self, share: f64) -> (f64, f64) {
        let all: f64 = self.mean.iter().sum();
        let reached = |part: f64| {
            let mut sum = 0.0;
            let at = self.mean.iter().position(|mean| {
                sum += mean;
                sum >= part * all
            });
            at.unwrap_or(self.mean.len()) as f64 * self.step_hz
        };
        (reached(share / 2.0), reached(1.0 - share / 2.0))
    }

    fn within(&self, from_hz: f64, to_hz: f64) -> impl Iterator<Item = (f64, f64)> {
        let range = from_hz - 0.5 * self.step_hz..to_hz + 0.5 * self.step_hz;
        self.points().filter(move |(hz, ..)| range.contains(hz)).map(|(_, mean, peak)| (mean, peak))
    }
}

/// A ratio of powers in dB.
pub(crate) fn decibels(ratio: f64) -> f64 {
    10.0 * ratio.log10()
}

fn blackman_harris(n: usize, len: usize) -> f64 {
    let angle = std::f64::consts::TAU * n as f64 / len as f64;
    WINDOW.iter().enumerate().map(|(order, coefficient)| coefficient * (angle * order as f64).cos()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_has_its_power_and_white_noise_its_density() {
        let mut noise = crate::noise::Noise::new(5);
        let samples: Vec<f32> = (0..400_000)
            .map(|n| (std::f64::consts::TAU * 0.125 * f64::from(n)).sin() as f32 + 0.01 * noise.gauss())
            .collect();
        let density = Density::of(&samples, 400e3);
        assert!((density.highest(49e3, 51e3) - 0.5).abs() < 0.01);
        assert!((density.peak(49e3, 51e3) - 0.5).abs() < 0.02);
        // Variance 1e-4 over 200 kHz: 1e-7 in 200 Hz.
        assert!(decibels(density.mean(60e3, 190e3) / 1e-7).abs() < 0.1);
        assert!(decibels(density.total(0.0, 200e3) / 0.5001).abs() < 0.05);
        assert!(decibels(density.mean(45e3, 49e3) / 1e-7).abs() < 0.5, "side lobes");
        let (from, to) = density.occupied(0.01);
        assert!((49.7e3..50e3).contains(&from) && (50e3..50.3e3).contains(&to), "{from} {to}");
    }
}
