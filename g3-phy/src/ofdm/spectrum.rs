//! Between one symbol body and its carriers.

use crate::dsp::{Complex, Fft, RealFft};
use alloc::vec;
use alloc::vec::Vec;

/// The transform of a symbol, seen through the carriers of one band.
#[derive(Debug)]
pub struct Spectrum {
    real: RealFft,
    fft: Fft,
    points: Vec<Complex<f32>>,
    first: usize,
}

impl Spectrum {
    /// Symbols of `len` samples with carriers from index `first` on, which is at least 1; the last is below `len`/2.
    pub fn new(len: usize, first: usize) -> Self {
        let points = vec![Complex::default(); len];
        Self { real: RealFft::new(len), fft: Fft::new(len), points, first }
    }

    /// Carriers of the real `body`: c\[k\] = Σ x\[n\]·exp(-2πi·kn/N) for the band's indices k.
    pub fn analyse(&mut self, body: &[f32], carriers: &mut [Complex<f32>]) {
        self.real.forward_band(body, self.first, carriers);
    }

    /// The real body x\[n\] = Re Σ c\[k\]·exp(2πi·kn/N), a cosine of amplitude |c| per carrier.
    pub fn synthesise(&mut self, carriers: impl Iterator<Item = Complex<f32>>, body: &mut [f32]) {
        let mut count = 0;
        for (point, carrier) in self.points.iter_mut().zip(carriers) {
            *point = carrier * 0.5;
            count += 1;
        }
        self.real.inverse_band(&self.points[..count], self.first, body);
    }

    /// The delay at which `carriers`, divided by what was sent, add up best: the index of the peak of their
    /// correlation over all cyclic delays, and its squared height.
    pub fn peak(&mut self, carriers: &[Complex<f32>]) -> (usize, f32) {
        self.points.fill(Complex::default());
        self.points[..carriers.len()].copy_from_slice(carriers);
        self.fft.forward(&mut self.points);
        let highest = highest(&self.points);
        (self.points.iter().position(|point| point.norm_sqr() == highest).unwrap_or(0), highest)
    }
}

/// The largest squared magnitude. Several maxima side by side, so that compilers make vectors of them.
fn highest(points: &[Complex<f32>]) -> f32 {
    let mut highest = [0.0f32; 8];
    for eight in points.as_chunks::<8>().0 {
        let heights = eight.map(|point| point.norm_sqr());
        highest = core::array::from_fn(|n| if heights[n] > highest[n] { heights[n] } else { highest[n] });
    }
    highest.into_iter().fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turned(delay: usize) -> Vec<Complex<f32>> {
        let angle = |k: usize| core::f32::consts::TAU * ((k * delay) % 256) as f32 / 256.0;
        (0..36).map(|k| Complex::new(libm::cosf(angle(k)), libm::sinf(angle(k)))).collect()
    }

    #[test]
    fn carriers_that_turn_steadily_peak_at_their_delay() {
        for delay in [0, 1, 100, 255] {
            let (found, height) = Spectrum::new(256, 23).peak(&turned(delay));
            assert_eq!(found, delay);
            assert!((height - 36.0 * 36.0).abs() < 0.1, "{height}");
        }
    }

    #[test]
    fn a_carrier_is_a_cosine_of_its_amplitude_and_comes_back() {
        let (mut spectrum, mut body) = (Spectrum::new(256, 23), [0.0; 256]);
        let sent: Vec<_> = turned(7).into_iter().enumerate().map(|(n, z)| z * n as f32).collect();
        spectrum.synthesise(sent.iter().copied(), &mut body);
        for (n, sample) in body.iter().enumerate() {
            let wave = |k: usize| {
                let angle = core::f32::consts::TAU * (((23 + k) * n) % 256) as f32 / 256.0;
                sent[k].re * libm::cosf(angle) - sent[k].im * libm::sinf(angle)
            };
            assert!(((0..36).map(wave).sum::<f32>() - sample).abs() < 1e-3, "sample {n}");
        }
        let mut carriers = [Complex::default(); 36];
        spectrum.analyse(&body, &mut carriers);
        assert!(carriers.iter().zip(&sent).all(|(a, b)| (a / 128.0 - b).norm() < 1e-4));
    }
}
