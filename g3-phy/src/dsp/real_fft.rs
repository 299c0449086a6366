//! The transform of real values through a complex one of half the length: even samples stand as real parts, odd ones as
//! imaginary parts, and a step of our own takes apart (or puts together) what belongs to each.

use super::fft::{Complex, Fft};
use super::kernel::{Kernel, body};
use alloc::vec;
use alloc::vec::Vec;

/// Both transforms between `N` real values and the points 0 to `N`/2 of their spectrum, unscaled. Allocates when
/// built only.
#[derive(Debug)]
pub struct RealFft {
    fft: Fft,
    kernel: Kernel,
    /// Input of the transform of half the length.
    input: Vec<Complex<f32>>,
    /// Its output, and point 0 again behind the last.
    output: Vec<Complex<f32>>,
    /// For k from 0 to N/2.
    turns: Vec<Turn>,
}

/// -i/2·exp(-2πi·k/N), ready to be multiplied: its real part twice, its imaginary part with both signs.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    re: [f32; 2],
    im: [f32; 2],
}

impl RealFft {
    /// Transforms of `len` real values, a power of two of at least 8.
    pub fn new(len: usize) -> Self {
        assert!(len.is_power_of_two() && len >= 8, "pairs of points at both ends need a transform of 8");
        let (input, output) = (vec![Complex::default(); len / 2], vec![Complex::default(); len / 2 + 1]);
        let turns = (0..=len / 2).map(|k| Turn::new(k, len)).collect();
        Self { fft: Fft::new(len / 2), kernel: Kernel::fastest(), input, output, turns }
    }

    /// X\[k\] = Σ x\[n\]·exp(-2πi·kn/N) for k from 0 to N/2.
    pub fn forward(&mut self, samples: &[f32], spectrum: &mut [Complex<f32>]) {
        self.transform(samples);
        self.kernel.run::<Split, _>((&self.output, &self.turns, spectrum));
    }

    /// The points X\[k\] from k = `first` on, as many as `band` has room for.
    pub fn forward_band(&mut self, samples: &[f32], first: usize, band: &mut [Complex<f32>]) {
        self.transform(samples);
        let end = self.output.len() - first;
        let ahead = &self.output[first..first + band.len()];
        let behind = &self.output[end - band.len()..end];
        self.kernel.run::<SplitBand, _>((ahead, behind, &self.turns[first..], band));
    }

    /// x\[n\] = Σ X\[k\]·exp(+2πi·kn/N) over all N points of the spectrum whose points 0 to N/2 are given.
    pub fn inverse(&mut self, spectrum: &[Complex<f32>], samples: &mut [f32]) {
        let half = self.input.len();
        assert_eq!(spectrum.len(), half + 1, "a real spectrum has one point more than half the samples");
        let (zero, last) = (spectrum[0].re, spectrum[half].re);
        self.input.fill(Complex::default());
        self.input[0] = Complex::new(zero + last, zero - last);
        self.kernel.run::<MergeBand, _>((&spectrum[1..half], 1, &self.turns, &mut self.input));
        self.transform_back(samples);
    }

    /// The same for a spectrum that is zero but for `band`, whose first point is X\[`first`\]; neither 0 nor N/2 are in it.
    pub fn inverse_band(&mut self, band: &[Complex<f32>], first: usize, samples: &mut [f32]) {
        self.input.fill(Complex::default());
        self.kernel.run::<MergeBand, _>((band, first, &self.turns, &mut self.input));
        self.transform_back(samples);
    }

    fn transform(&mut self, samples: &[f32]) {
        let half = self.input.len();
        assert_eq!(samples.len(), 2 * half, "the transform was planned for another length");
        for (point, &[re, im]) in self.input.iter_mut().zip(samples.as_chunks().0) {
            *point = Complex { re, im };
        }
        self.fft.forward_into(&mut self.input, &mut self.output[..half]);
        self.output[half] = self.output[0];
    }

    fn transform_back(&mut self, samples: &mut [f32]) {
        let half = self.input.len();
        assert_eq!(samples.len(), 2 * half, "the transform was planned for another length");
        self.fft.inverse_into(&mut self.input, &mut self.output[..half]);
        for (pair, point) in samples.as_chunks_mut().0.iter_mut().zip(&self.output) {
            *pair = [point.re, point.im];
        }
    }
}

impl Turn {
    fn new(k: usize, len: usize) -> Self {
        let angle = core::f64::consts::TAU * k as f64 / len as f64;
        let (re, im) = (-libm::sin(angle) as f32 / 2.0, -libm::cos(angle) as f32 / 2.0);
        Self { re: [re, re], im: [-im, im] }
    }
}

body!(Split = split, (&[Complex<f32>], &[Turn], &mut [Complex<f32>]) => ());
body!(SplitBand = split_band, (&[Complex<f32>], &[Complex<f32>], &[Turn], &mut [Complex<f32>]) => ());
body!(MergeBand = merge_band, (&[Complex<f32>], usize, &[Turn], &mut [Complex<f32>]) => ());

/// From the transform of half the length, with point 0 at both ends, to the spectrum: from both ends to the middle.
#[inline(always)]
fn split((from, turns, to): (&[Complex<f32>], &[Turn], &mut [Complex<f32>])) {
    assert_eq!(to.len(), from.len(), "a real spectrum has one point more than half the samples");
    let middle = from.len() / 2;
    let (low, high) = to.split_at_mut(middle);
    let (centre, high) = high.split_at_mut(1);
    centre[0] = from[middle].conj();
    let to = low.as_chunks_mut().0.iter_mut().zip(high.as_chunks_mut().0.iter_mut().rev());
    let from = from[..middle].as_chunks().0.iter().zip(from[middle + 1..].as_chunks().0.iter().rev());
    for (((low, high), (a, b)), turns) in to.zip(from).zip(turns.as_chunks().0) {
        let (sum, turned) = halves(pair(a), pair(b), turns);
        *low = points(plus(sum, turned));
        *high = points(mirrored_difference(sum, turned));
    }
}

/// A part of the spectrum, from the same part of that transform and the part that mirrors it.
#[inline(always)]
fn split_band(
    (ahead, behind, turns, band): (&[Complex<f32>], &[Complex<f32>], &[Turn], &mut [Complex<f32>]),
) {
    if let ([.., to], [.., a], [b, ..], true) = (&mut *band, ahead, behind, ahead.len() % 2 == 1) {
        let (a, b, turn) = ([*a; 2], [*b; 2], [turns[ahead.len() - 1]; 2]);
        let (sum, turned) = halves(pair(&a), pair(&b), &turn);
        *to = points(plus(sum, turned))[0];
    }
    let from = ahead.as_chunks().0.iter().zip(behind.as_rchunks().1.iter().rev());
    for ((to, (a, b)), turns) in band.as_chunks_mut().0.iter_mut().zip(from).zip(turns.as_chunks().0) {
        let (sum, turned) = halves(pair(a), pair(b), turns);
        *to = points(plus(sum, turned));
    }
}

/// Adds the part of the spectrum from point `first` on to the input of the inverse transform of half the length.
#[inline(always)]
fn merge_band((band, first, turns, to): (&[Complex<f32>], usize, &[Turn], &mut [Complex<f32>])) {
    let (pairs, last) = band.as_chunks();
    for (n, points) in pairs.iter().enumerate() {
        merge(points, first + 2 * n, turns, to);
    }
    // The partner of the last point is zero, and may lie where no point has a mirror.
    if let ([point], k) = (last, first + band.len() - 1) {
        let turned = *point * Complex::new(turns[k].re[0], turns[k].im[0]) * 2.0;
        let half = to.len();
        to[k] += point + turned;
        to[half - k] += (point - turned).conj();
    }
}

/// Adds points `k` and `k + 1`.
#[inline(always)]
fn merge(two: &[Complex<f32>; 2], k: usize, turns: &[Turn], to: &mut [Complex<f32>]) {
    let (two, (re, im)) = (pair(two), factors(&[turns[k], turns[k + 1]]));
    let doubled = plus(two, two);
    let turned = minus(times(re, doubled), times(im, crossed(doubled)));
    let mirrored = to.len() - k - 1;
    for (at, change) in [(k, plus(two, turned)), (mirrored, mirrored_difference(two, turned))] {
        let to: &mut [Complex<f32>; 2] = to[at..].first_chunk_mut().expect("the band ends before the middle");
        *to = points(plus(pair(to), change));
    }
}

/// Half the sum of `a` and the mirrored `b`, and their difference times `turns`.
#[inline(always)]
fn halves(a: Pair, b: Pair, turns: &[Turn; 2]) -> (Pair, Pair) {
    let (b, (re, im)) = (mirrored(b), factors(turns));
    let difference = minus(a, b);
    (times([0.5; 4], plus(a, b)), plus(times(re, difference), times(im, crossed(difference))))
}

/// Two points: real and imaginary part of the one, then of the other. Steps of four, so that compilers make vectors.
type Pair = [f32; 4];

#[inline(always)]
fn pair(points: &[Complex<f32>; 2]) -> Pair {
    [points[0].re, points[0].im, points[1].re, points[1].im]
}

#[inline(always)]
fn points(pair: Pair) -> [Complex<f32>; 2] {
    [Complex::new(pair[0], pair[1]), Complex::new(pair[2], pair[3])]
}

#[inline(always)]
fn factors([t, u]: &[Turn; 2]) -> (Pair, Pair) {
    ([t.re[0], t.re[1], u.re[0], u.re[1]], [t.im[0], t.im[1], u.im[0], u.im[1]])
}

#[inline(always)]
fn crossed(a: Pair) -> Pair {
    [a[1], a[0], a[3], a[2]]
}

/// Both points exchanged and conjugated.
#[inline(always)]
fn mirrored(a: Pair) -> Pair {
    [a[2], -a[3], a[0], -a[1]]
}

/// `a` less `b`, mirrored.
#[inline(always)]
fn mirrored_difference(a: Pair, b: Pair) -> Pair {
    [a[2] - b[2], b[3] - a[3], a[0] - b[0], b[1] - a[1]]
}

#[inline(always)]
fn plus(a: Pair, b: Pair) -> Pair {
    core::array::from_fn(|n| a[n] + b[n])
}

#[inline(always)]
fn minus(a: Pair, b: Pair) -> Pair {
    core::array::from_fn(|n| a[n] - b[n])
}

#[inline(always)]
fn times(a: Pair, b: Pair) -> Pair {
    core::array::from_fn(|n| a[n] * b[n])
}

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::Seed;
    use rand_core::Rng;

    fn noise(len: usize) -> Vec<f32> {
        let mut stream = Seed::from_u64(len as u64).stream();
        (0..len).map(|_| stream.next_u32() as f32 / u32::MAX as f32 - 0.5).collect()
    }

    /// One point of the spectrum by definition, in double precision.
    fn slow(samples: &[f32], k: usize) -> Complex<f32> {
        let term = |(n, &sample): (usize, &f32)| {
            let angle = -core::f64::consts::TAU * ((k * n) % samples.len()) as f64 / samples.len() as f64;
            Complex::new(libm::cos(angle), libm::sin(angle)) * f64::from(sample)
        };
        let sum: Complex<f64> = samples.iter().enumerate().map(term).sum();
        Complex::new(sum.re as f32, sum.im as f32)
    }

    fn assert_near(a: &[Complex<f32>], b: &[Complex<f32>]) {
        assert!(a.iter().zip(b).all(|(x, y)| (x - y).norm() < 1e-4), "{a:?} {b:?}");
    }

    #[test]
    fn the_forward_transform_agrees_with_the_definition() {
        for len in [8, 16, 256, 512] {
            let (samples, mut fft) = (noise(len), RealFft::new(len));
            let mut spectrum = vec![Complex::default(); len / 2 + 1];
            fft.forward(&samples, &mut spectrum);
            for (k, point) in spectrum.into_iter().enumerate() {
                assert!((point - slow(&samples, k)).norm() < 1e-4, "{len} points, {k}");
            }
        }
    }

    #[test]
    fn the_inverse_transform_undoes_the_forward_one_times_the_length() {
        for len in [8, 16, 256, 512] {
            let (samples, mut fft) = (noise(len), RealFft::new(len));
            let mut spectrum = vec![Complex::default(); len / 2 + 1];
            fft.forward(&samples, &mut spectrum);
            let mut back = vec![0.0; len];
            fft.inverse(&spectrum, &mut back);
            let near = |(a, b): (&f32, &f32)| (a * len as f32 - b).abs() < 1e-3;
            assert!(samples.iter().zip(&back).all(near), "{len} points");
        }
    }

    #[test]
    fn a_band_is_a_part_of_the_spectrum_in_both_directions() {
        for (first, count) in [(1, 127), (23, 36), (33, 72), (23, 35), (127, 1), (64, 1), (5, 0)] {
            let (samples, mut fft) = (noise(256), RealFft::new(256));
            let (mut spectrum, mut band) = ([Complex::default(); 129], vec![Complex::default(); count]);
            fft.forward(&samples, &mut spectrum);
            fft.forward_band(&samples, first, &mut band);
            assert_near(&band, &spectrum[first..first + count]);
            let (mut whole, mut part) = ([0.0; 256], [0.0; 256]);
            spectrum[..first].fill(Complex::default());
            spectrum[first + count..].fill(Complex::default());
            fft.inverse(&spectrum, &mut whole);
            fft.inverse_band(&band, first, &mut part);
            let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-3;
            assert!(whole.iter().zip(&part).all(near), "{count} points from {first} on");
        }
    }
}
