//! The discrete Fourier transform, unscaled in both directions.

#[cfg(feature = "std")]
use alloc::vec;
use alloc::vec::Vec;
pub use num_complex::Complex;

/// Both transforms of one power-of-two length, planned once. Allocates when built only.
pub struct Fft {
    #[cfg(feature = "std")]
    forward: alloc::sync::Arc<dyn rustfft::Fft<f32>>,
    #[cfg(feature = "std")]
    inverse: alloc::sync::Arc<dyn rustfft::Fft<f32>>,
    #[cfg(feature = "std")]
    scratch: Vec<Complex<f32>>,
    #[cfg(not(feature = "std"))]
    plain: RadixTwo,
}

impl core::fmt::Debug for Fft {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Fft")
    }
}

#[cfg(feature = "std")]
impl Fft {
    /// Transforms of `len` points, a power of two.
    pub fn new(len: usize) -> Self {
        let mut planner = rustfft::FftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(len), planner.plan_fft_inverse(len));
        let plans = [&forward, &inverse];
        let scratch = |plan: &&alloc::sync::Arc<dyn rustfft::Fft<f32>>| {
            plan.get_inplace_scratch_len().max(plan.get_immutable_scratch_len())
        };
        let scratch = plans.iter().map(scratch).max().unwrap_or(0);
        Self { forward, inverse, scratch: vec![Complex::default(); scratch] }
    }

    /// X\[k\] = Σ x\[n\]·exp(-2πi·kn/N), in place.
    pub fn forward(&mut self, data: &mut [Complex<f32>]) {
        self.forward.process_with_scratch(data, &mut self.scratch);
    }

    /// x\[n\] = Σ X\[k\]·exp(+2πi·kn/N), in place.
    pub fn inverse(&mut self, data: &mut [Complex<f32>]) {
        self.inverse.process_with_scratch(data, &mut self.scratch);
    }

    /// [`forward`](Self::forward) from `data` into `to`.
    pub(super) fn forward_into(&mut self, data: &[Complex<f32>], to: &mut [Complex<f32>]) {
        self.forward.process_immutable_with_scratch(data, to, &mut self.scratch);
    }

    /// [`inverse`](Self::inverse) from `data` into `to`.
    pub(super) fn inverse_into(&mut self, data: &[Complex<f32>], to: &mut [Complex<f32>]) {
        self.inverse.process_immutable_with_scratch(data, to, &mut self.scratch);
    }
}

#[cfg(not(feature = "std"))]
impl Fft {
    /// Transforms of `len` points, a power of two.
    pub fn new(len: usize) -> Self {
        Self { plain: RadixTwo::new(len) }
    }

    /// X\[k\] = Σ x\[n\]·exp(-2πi·kn/N), in place.
    pub fn forward(&mut self, data: &mut [Complex<f32>]) {
        self.plain.forward(data);
    }

    /// x\[n\] = Σ X\[k\]·exp(+2πi·kn/N), in place.
    pub fn inverse(&mut self, data: &mut [Complex<f32>]) {
        self.plain.inverse(data);
    }

    /// [`forward`](Self::forward) from `data` into `to`.
    pub(super) fn forward_into(&mut self, data: &[Complex<f32>], to: &mut [Complex<f32>]) {
        to.copy_from_slice(data);
        self.plain.forward(to);
    }

    /// [`inverse`](Self::inverse) from `data` into `to`.
    pub(super) fn inverse_into(&mut self, data: &[Complex<f32>], to: &mut [Complex<f32>]) {
        to.copy_from_slice(data);
        self.plain.inverse(to);
    }
}

/// The plain transform: decimation in time, twiddles from a table. Serves where there is no standard library.
#[derive(Clone, Debug)]
pub struct RadixTwo {
    twiddles: Vec<Complex<f32>>,
}

impl RadixTwo {
    /// Transforms of `len` points, a power of two of at least 2.
    pub fn new(len: usize) -> Self {
        assert!(len.is_power_of_two() && len > 1, "radix two transforms powers of two");
        let angle = |k: usize| -2.0 * core::f64::consts::PI * k as f64 / len as f64;
        let twiddle = |k| Complex::new(libm::cos(angle(k)) as f32, libm::sin(angle(k)) as f32);
        Self { twiddles: (0..len / 2).map(twiddle).collect() }
    }

    /// X\[k\] = Σ x\[n\]·exp(-2πi·kn/N), in place. `data` must have the planned length.
    pub fn forward(&self, data: &mut [Complex<f32>]) {
        let len = self.twiddles.len() * 2;
        assert_eq!(data.len(), len, "the transform was planned for another length");
        reverse_bits(data);
        let mut half = 1;
        while half < len {
            for block in data.chunks_exact_mut(2 * half) {
                self.butterflies(block, len / (2 * half));
            }
            half *= 2;
        }
    }

    /// x\[n\] = Σ X\[k\]·exp(+2πi·kn/N), in place. `data` must have the planned length.
    pub fn inverse(&self, data: &mut [Complex<f32>]) {
        self.forward(data);
        data[1..].reverse();
    }

    fn butterflies(&self, block: &mut [Complex<f32>], stride: usize) {
        let (low, high) = block.split_at_mut(block.len() / 2);
        for ((a, b), w) in low.iter_mut().zip(high).zip(self.twiddles.iter().step_by(stride)) {
            let turned = *b * w;
            (*a, *b) = (*a + turned, *a - turned);
        }
    }
}

fn reverse_bits(data: &mut [Complex<f32>]) {
    let shift = usize::BITS - data.len().trailing_zeros();
    for n in 0..data.len() {
        let mirror = n.reverse_bits() >> shift;
        if n < mirror {
            data.swap(n, mirror);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::Seed;
    use rand_core::Rng;

    /// The definition, in double precision.
    fn slow(data: &[Complex<f32>], sign: f64) -> Vec<Complex<f32>> {
        let n = data.len();
        let term = |k: usize, i: usize| {
            let angle = sign * 2.0 * core::f64::consts::PI * ((k * i) % n) as f64 / n as f64;
            Complex::new(f64::from(data[i].re), f64::from(data[i].im))
                * Complex::new(libm::cos(angle), libm::sin(angle))
        };
        let point = |k| (0..n).map(|i| term(k, i)).sum::<Complex<f64>>();
        (0..n).map(point).map(|z| Complex::new(z.re as f32, z.im as f32)).collect()
    }

    fn noise(len: usize) -> Vec<Complex<f32>> {
        let mut stream = Seed::from_u64(len as u64).stream();
        let mut value = || stream.next_u32() as f32 / u32::MAX as f32 - 0.5;
        (0..len).map(|_| Complex::new(value(), value())).collect()
    }

    fn assert_near(a: &[Complex<f32>], b: &[Complex<f32>]) {
        assert!(a.iter().zip(b).all(|(x, y)| (x - y).norm() < 1e-4), "{a:?} {b:?}");
    }

    #[test]
    fn both_transforms_agree_with_the_definition() {
        for len in [2, 8, 256] {
            let (data, mut fft, plain) = (noise(len), Fft::new(len), RadixTwo::new(len));
            let (mut a, mut b) = (data.clone(), data.clone());
            fft.forward(&mut a);
            plain.forward(&mut b);
            assert_near(&a, &slow(&data, -1.0));
            assert_near(&b, &slow(&data, -1.0));
            (a, b) = (data.clone(), data.clone());
            fft.inverse(&mut a);
            plain.inverse(&mut b);
            assert_near(&a, &slow(&data, 1.0));
            assert_near(&b, &slow(&data, 1.0));
        }
    }
}
