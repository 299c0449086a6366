//! The transform of real values through a complex one of half the length: even samples stand as real parts, odd ones as
//! imaginary parts, and a step of our own takes apart (or puts together) what belongs to each.

use super::fft::{Complex, Fft};
use super::kernel::{Kernel, as_points, as_points_mut, body};
use alloc::vec;
use alloc::vec::Vec;

/// Both transforms between `N` real values and the points 0 to `N`/2 of their spectrum, unscaled. Allocates when
/// built only.
#[derive(Debug)]
pub struct RealFft {
    fft: Fft,
    kernel: Kernel,
    /// Points of the transform of half the length, and behind the last of them point 0 again.
    half: Vec<Complex<f32>>,
    turns: Turns,
}

/// -i/2·exp(-2πi·k/N) for k from 0 to N/2, ready to be multiplied: the real part twice, the imaginary part with both signs.
#[derive(Debug)]
struct Turns {
    re: Vec<[f32; 2]>,
    im: Vec<[f32; 2]>,
}

impl RealFft {
    /// Transforms of `len` real values, a power of two of at least 8.
    pub fn new(len: usize) -> Self {
        assert!(len.is_power_of_two() && len >= 8, "pairs of points at both ends need a transform of 8");
        let half = vec![Complex::default(); len / 2 + 1];
        Self { fft: Fft::new(len / 2), kernel: Kernel::fastest(), half, turns: Turns::new(len) }
    }

    /// X\[k\] = Σ x\[n\]·exp(-2πi·kn/N) for k from 0 to N/2.
    pub fn forward(&mut self, samples: &[f32], spectrum: &mut [Complex<f32>]) {
        assert_eq!(
            spectrum.len(),
            self.half.len(),
            "a real spectrum has one point more than half the samples"
        );
        self.transform(samples);
        self.kernel.run::<Split, _>((&self.half, &self.turns, spectrum));
    }

    /// The points X\[k\] from k = `first` on, as many as `band` has room for.
    pub fn forward_band(&mut self, samples: &[f32], first: usize, band: &mut [Complex<f32>]) {
        self.transform(samples);
        let (count, end) = (band.len(), self.half.len() - first);
        let halves = (&self.half[first..first + count], &self.half[end - count..end]);
        self.kernel.run::<SplitBand, _>((halves, self.turns.from(first), band));
    }

    /// x\[n\] = Σ X\[k\]·exp(+2πi·kn/N) over all N points of the spectrum whose points 0 to N/2 are given.
    pub fn inverse(&mut self, spectrum: &[Complex<f32>], samples: &mut [f32]) {
        let half = self.half.len() - 1;
        assert_eq!(spectrum.len(), half + 1, "a real spectrum has one point more than half the samples");
        let (zero, last) = (spectrum[0].re, spectrum[half].re);
        self.half.fill(Complex::default());
        self.half[0] = Complex::new(zero + last, zero - last);
        self.kernel.run::<Merge, _>((&spectrum[1..half], 1, &self.turns, &mut self.half[..half]));
        self.transform_back(samples);
    }

    /// The same for a spectrum that is zero but for `band`, whose first point is X\[`first`\]; neither 0 nor N/2 are in it.
    pub fn inverse_band(&mut self, band: &[Complex<f32>], first: usize, samples: &mut [f32]) {
        let half = self.half.len() - 1;
        self.half.fill(Complex::default());
        self.kernel.run::<Merge, _>((band, first, &self.turns, &mut self.half[..half]));
        self.transform_back(samples);
    }

    fn transform(&mut self, samples: &[f32]) {
        let half = self.half.len() - 1;
        assert_eq!(samples.len(), 2 * half, "the transform was planned for another length");
        self.fft.forward_into(as_points(samples), &mut self.half[..half]);
        self.half[half] = self.half[0];
    }

    fn transform_back(&mut self, samples: &mut [f32]) {
        let half = self.half.len() - 1;
        assert_eq!(samples.len(), 2 * half, "the transform was planned for another length");
        self.fft.inverse_into(&self.half[..half], as_points_mut(samples));
    }
}

impl Turns {
    fn new(len: usize) -> Self {
        let angle = |k: usize| core::f64::consts::TAU * k as f64 / len as f64;
        let re = |k| [-libm::sin(angle(k)) as f32 / 2.0; 2];
        let im = |k| -libm::cos(angle(k)) as f32 / 2.0;
        let im = |k| [-im(k), im(k)];
        Self { re: (0..=len / 2).map(re).collect(), im: (0..=len / 2).map(im).collect() }
    }

    fn from(&self, first: usize) -> Parts<'_> {
        (&self.re[first..], &self.im[first..])
    }
}

/// [`Turns`] from some k on.
type Parts<'a> = (&'a [[f32; 2]], &'a [[f32; 2]]);

body!(Split = split, (&Vec<Complex<f32>>, &Turns, &mut [Complex<f32>]) => ());
body!(SplitBand = split_band, ((&[Complex<f32>], &[Complex<f32>]), Parts<'_>, &mut [Complex<f32>]) => ());
body!(Merge = merge, (&[Complex<f32>], usize, &Turns, &mut [Complex<f32>]) => ());

/// From the transform of half the length, with point 0 at both ends, to the spectrum: from both ends to the middle.
#[inline(always)]
fn split((from, turns, to): (&Vec<Complex<f32>>, &Turns, &mut [Complex<f32>])) {
    let middle = from.len() / 2;
    let (low, high) = to.split_at_mut(middle);
    let (centre, high) = high.split_at_mut(1);
    centre[0] = from[middle].conj();
    let (ahead, behind) = (&from[..middle], &from[middle + 1..]);
    if middle < STEP {
        return split_few::<2>(ahead, behind, turns, low, high);
    }
    split_few::<STEP>(ahead, behind, turns, low, high);
}

/// Takes `N` points from both ends at a time.
#[inline(always)]
fn split_few<const N: usize>(
    ahead: &[Complex<f32>],
    behind: &[Complex<f32>],
    turns: &Turns,
    low: &mut [Complex<f32>],
    high: &mut [Complex<f32>],
) {
    let to = low.as_chunks_mut::<N>().0.iter_mut().zip(high.as_chunks_mut::<N>().0.iter_mut().rev());
    let from = ahead.as_chunks::<N>().0.iter().zip(behind.as_chunks::<N>().0.iter().rev());
    let turns = turns.re.as_chunks::<N>().0.iter().zip(turns.im.as_chunks::<N>().0);
    for (((low, high), (a, b)), turns) in to.zip(from).zip(turns) {
        let (sums, turned) = halves(a, b, turns);
        for n in 0..N {
            low[n] = sums[n] + turned[n];
            high[N - 1 - n] = (sums[n] - turned[n]).conj();
        }
    }
}

/// A part of the spectrum, from the same part of that transform and the part that mirrors it.
#[inline(always)]
fn split_band(
    ((ahead, behind), (re, im), band): ((&[Complex<f32>], &[Complex<f32>]), Parts<'_>, &mut [Complex<f32>]),
) {
    let (from, rest) = ahead.as_chunks::<STEP>();
    let (few, mirrors) = behind.as_rchunks::<STEP>();
    let (to, last) = band.as_chunks_mut::<STEP>();
    let turns = re.as_chunks::<STEP>().0.iter().zip(im.as_chunks::<STEP>().0);
    for ((to, (a, b)), turns) in to.iter_mut().zip(from.iter().zip(mirrors.iter().rev())).zip(turns) {
        let (sums, turned) = halves(a, b, turns);
        *to = core::array::from_fn(|n| sums[n] + turned[n]);
    }
    let (re, im) = (&re[from.len() * STEP..], &im[from.len() * STEP..]);
    for (n, (to, a)) in last.iter_mut().zip(rest).enumerate() {
        let ([sum], [turned]) = halves(&[*a], &[few[few.len() - 1 - n]], (&[re[n]], &[im[n]]));
        *to = sum + turned;
    }
}

/// Adds the part of the spectrum from point `first` on to the input of the inverse transform of half the length.
#[inline(always)]
fn merge((band, first, turns, to): (&[Complex<f32>], usize, &Turns, &mut [Complex<f32>])) {
    let (parts, rest) = band.as_chunks::<STEP>();
    for (n, points) in parts.iter().enumerate() {
        merge_few(points, first + STEP * n, turns, to);
    }
    let first = first + STEP * parts.len();
    for (n, point) in rest.iter().enumerate() {
        merge_few(&[*point], first + n, turns, to);
    }
}

/// Adds `N` points from `k` on.
#[inline(always)]
fn merge_few<const N: usize>(points: &[Complex<f32>; N], k: usize, turns: &Turns, to: &mut [Complex<f32>]) {
    let fits = "the band ends before the middle";
    let re: &[[f32; 2]; N] = turns.re[k..].first_chunk().expect(fits);
    let im: &[[f32; 2]; N] = turns.im[k..].first_chunk().expect(fits);
    let turned: [Complex<f32>; N] = core::array::from_fn(|n| {
        let doubled = points[n] + points[n];
        Complex::new(
            re[n][0] * doubled.re - im[n][0] * doubled.im,
            re[n][1] * doubled.im - im[n][1] * doubled.re,
        )
    });
    let mirrored = to.len() + 1 - k - N;
    let ahead: &mut [Complex<f32>; N] = to[k..].first_chunk_mut().expect(fits);
    (0..N).for_each(|n| ahead[n] += points[n] + turned[n]);
    let behind: &mut [Complex<f32>; N] = to[mirrored..].first_chunk_mut().expect(fits);
    (0..N).for_each(|n| behind[N - 1 - n] += (points[n] - turned[n]).conj());
}

/// Half the sum of points `a` and the mirrored `b`, and their difference times `turns`.
#[inline(always)]
fn halves<const N: usize>(
    a: &[Complex<f32>; N],
    b: &[Complex<f32>; N],
    (re, im): (&[[f32; 2]; N], &[[f32; 2]; N]),
) -> ([Complex<f32>; N], [Complex<f32>; N]) {
    let mirrored: [_; N] = core::array::from_fn(|n| b[N - 1 - n].conj());
    let differences: [_; N] = core::array::from_fn(|n| a[n] - mirrored[n]);
    let turned = |n: usize| {
        let difference: Complex<f32> = differences[n];
        Complex::new(
            re[n][0] * difference.re + im[n][0] * difference.im,
            re[n][1] * difference.im + im[n][1] * difference.re,
        )
    };
    (core::array::from_fn(|n| (a[n] + mirrored[n]) * 0.5), core::array::from_fn(turned))
}

/// Points that are taken together, so that compilers make vectors of them.
const STEP: usize = 4;

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
