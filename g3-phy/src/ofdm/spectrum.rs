//! Between one symbol body and its carriers.

use crate::dsp::{Complex, Fft};
use alloc::vec;
use alloc::vec::Vec;

/// The transform of a symbol, seen through the carriers of one band.
#[derive(Debug)]
pub struct Spectrum {
    fft: Fft,
    points: Vec<Complex<f32>>,
    first: usize,
}

impl Spectrum {
    /// Symbols of `len` samples with carriers from index `first` on.
    pub fn new(len: usize, first: usize) -> Self {
        Self { fft: Fft::new(len), points: vec![Complex::default(); len], first }
    }

    /// Carriers of the real `body`: c\[k\] = Σ x\[n\]·exp(-2πi·kn/N) for the band's indices k.
    pub fn analyse(&mut self, body: &[f32], carriers: &mut [Complex<f32>]) {
        for (point, &sample) in self.points.iter_mut().zip(body) {
            *point = Complex::new(sample, 0.0);
        }
        self.fft.forward(&mut self.points);
        carriers.copy_from_slice(&self.points[self.first..self.first + carriers.len()]);
    }

    /// The real body x\[n\] = Re Σ c\[k\]·exp(2πi·kn/N), a cosine of amplitude |c| per carrier.
    pub fn synthesise(&mut self, carriers: impl Iterator<Item = Complex<f32>>, body: &mut [f32]) {
        self.points.fill(Complex::default());
        for (point, carrier) in self.points[self.first..].iter_mut().zip(carriers) {
            *point = carrier;
        }
        self.fft.inverse(&mut self.points);
        for (sample, point) in body.iter_mut().zip(&self.points) {
            *sample = point.re;
        }
    }

    /// The delay at which `carriers`, divided by what was sent, add up best: the index of the peak of their
    /// correlation over all cyclic delays, and its squared height.
    pub fn peak(&mut self, carriers: &[Complex<f32>]) -> (usize, f32) {
        self.points.fill(Complex::default());
        self.points[..carriers.len()].copy_from_slice(carriers);
        self.fft.forward(&mut self.points);
        let higher = |best: (usize, f32), (n, height)| if height > best.1 { (n, height) } else { best };
        self.points.iter().map(Complex::norm_sqr).enumerate().fold((0, -1.0), higher)
    }
}
