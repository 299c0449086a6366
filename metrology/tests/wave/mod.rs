//! Generated mains and the truth about them, in floating point.
#![allow(dead_code)]

use metrology::Ratings;
use std::f64::consts::{SQRT_2, TAU};

/// Steady mains: a fundamental and harmonics in both channels, noise, DC.
#[derive(Clone)]
pub(crate) struct Wave {
    pub(crate) hz: f64,
    /// (order, RMS in V, phase in radians).
    pub(crate) u: Vec<(f64, f64, f64)>,
    /// (order, RMS in A, phase in radians).
    pub(crate) i: Vec<(f64, f64, f64)>,
    /// DC of voltage (V) and current (A).
    pub(crate) dc: (f64, f64),
    /// Noise of voltage and current, in steps, uniform and triangular around zero.
    pub(crate) noise: f64,
}

impl Wave {
    /// A sine of `volts` and one of `amps` that lags by `phi`.
    pub(crate) fn sine(hz: f64, volts: f64, amps: f64, phi: f64) -> Self {
        Self { hz, u: vec![(1.0, volts, 0.3)], i: vec![(1.0, amps, 0.3 - phi)], dc: (0.0, 0.0), noise: 0.0 }
    }

    /// Mean active power in W.
    pub(crate) fn power_w(&self) -> f64 {
        let pairs = self.u.iter().flat_map(|u| self.i.iter().map(move |i| (u, i)));
        pairs.filter(|(u, i)| u.0 == i.0).map(|(u, i)| u.1 * i.1 * (u.2 - i.2).cos()).sum()
    }

    pub(crate) fn u_rms(&self) -> f64 {
        self.u.iter().map(|u| u.1 * u.1).sum::<f64>().sqrt()
    }

    pub(crate) fn i_rms(&self) -> f64 {
        self.i.iter().map(|i| i.1 * i.1).sum::<f64>().sqrt()
    }

    /// Samples `from..from + len` as the converters give them, and the energy of their AC part in Wh.
    pub(crate) fn samples(&self, ratings: &Ratings, from: u64, len: usize) -> (Vec<i32>, Vec<i32>, f64) {
        let rate = f64::from(ratings.sample_rate_hz);
        let (u_step, i_step) = (ratings.u_pv_per_lsb as f64 * 1e-12, ratings.i_pa_per_lsb as f64 * 1e-12);
        let (mut us, mut is, mut joule) = (Vec::with_capacity(len), Vec::with_capacity(len), 0.0);
        let mut noise = Noise(from.wrapping_mul(0x2545_F491_4F6C_DD1D) | 1);
        for n in from..from + len as u64 {
            let angle = (n as f64 * self.hz / rate).fract() * TAU;
            let sum = |parts: &[(f64, f64, f64)]| -> f64 {
                parts.iter().map(|&(h, rms, phase)| rms * SQRT_2 * (h * angle + phase).sin()).sum()
            };
            let (u, i) = (sum(&self.u), sum(&self.i));
            joule += u * i / rate;
            us.push(((u + self.dc.0) / u_step + self.noise * noise.next()).round() as i32);
            is.push(((i + self.dc.1) / i_step + self.noise * noise.next()).round() as i32);
        }
        (us, is, joule / 3600.0)
    }
}

/// Triangular noise in -1..1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.uniform() - self.uniform()
    }

    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}
