//! The transform of real values through a complex one of half the length: even samples stand as real parts, odd ones as
//! imaginary parts, and a step of our own takes apart (or puts together) what belongs to each.

use super::fft::{Complex, Fft};
use super::kernel::{Kernel, as_points, as_points_mut};
use alloc::vec;
use alloc::vec::Vec;
use core::array::{from_mut, from_ref};

/// Both transforms between `N` real values and the points 0 to `N`/2 of their spectrum, unscaled. Allocates when
/// built only.
#[derive(Debug)]
pub struct RealFft {
    fft: Fft,
    kernel: Kernel,
    /// Points of the transform of half the length, and behind the last of them point 0 again.
    half: Vec<Complex<f32>>,
    turns: Table,
}

/// -i/2·exp(-2πi·k/N) for `N` k in a row, ready to be multiplied: the real part twice, the imaginary part with both signs.
#[derive(Clone, Copy)]
pub(super) struct Turns<'a, const N: usize> {
    pub(super) re: &'a [[f32; 2]; N],
    pub(super) im: &'a [[f32; 2]; N],
}

/// The same for k from 0 to N/2.
#[derive(Debug)]
struct Table {
    re: Vec<[f32; 2]>,
    im: Vec<[f32; 2]>,
}

/// Points that are taken together.
pub(super) type Four = [Complex<f32>; 4];

/// From two parts of the transform of half the length, of which the second mirrors the first, to the points of the spectrum
/// that stand at `low`, and mirrored at `high` if that is not empty.
pub(super) struct Split<'a> {
    ahead: &'a [Complex<f32>],
    behind: &'a [Complex<f32>],
    turns: (&'a [[f32; 2]], &'a [[f32; 2]]),
    low: &'a mut [Complex<f32>],
    high: &'a mut [Complex<f32>],
}

/// Adds the part of the spectrum from point `first` on to the input of the inverse transform of half the length.
pub(super) struct Merge<'a> {
    band: &'a [Complex<f32>],
    first: usize,
    turns: (&'a [[f32; 2]], &'a [[f32; 2]]),
    to: &'a mut [Complex<f32>],
}

impl RealFft {
    /// Transforms of `len` real values, a power of two of at least 8.
    pub fn new(len: usize) -> Self {
        Self::with_kernel(Kernel::fastest(), len)
    }

    /// The same with a kernel of choice; every kernel gives the same points.
    pub fn with_kernel(kernel: Kernel, len: usize) -> Self {
        assert!(len.is_power_of_two() && len >= 8, "pairs of points at both ends need a transform of 8");
        let half = vec![Complex::default(); len / 2 + 1];
        Self { fft: Fft::new(len / 2), kernel, half, turns: Table::new(len) }
    }

    /// X\[k\] = Σ x\[n\]·exp(-2πi·kn/N) for k from 0 to N/2.
    pub fn forward(&mut self, samples: &[f32], spectrum: &mut [Complex<f32>]) {
        assert_eq!(
            spectrum.len(),
            self.half.len(),
            "a real spectrum has one point more than half the samples"
        );
        self.transform(samples);
        let (middle, turns) = (self.half.len() / 2, self.turns.from(0));
        let (ahead, behind) = (&self.half[..middle], &self.half[middle + 1..]);
        let (low, high) = spectrum.split_at_mut(middle);
        let (centre, high) = high.split_at_mut(1);
        centre[0] = self.half[middle].conj();
        self.kernel.split(Split { ahead, behind, turns, low, high });
    }

    /// The points X\[k\] from k = `first` on, as many as `band` has room for.
    pub fn forward_band(&mut self, samples: &[f32], first: usize, band: &mut [Complex<f32>]) {
        self.transform(samples);
        let (count, end) = (band.len(), self.half.len() - first);
        let (ahead, behind) = (&self.half[first..first + count], &self.half[end - count..end]);
        let turns = self.turns.from(first);
        self.kernel.split(Split { ahead, behind, turns, low: band, high: &mut [] });
    }

    /// x\[n\] = Σ X\[k\]·exp(+2πi·kn/N) over all N points of the spectrum whose points 0 to N/2 are given.
    pub fn inverse(&mut self, spectrum: &[Complex<f32>], samples: &mut [f32]) {
        let half = self.half.len() - 1;
        assert_eq!(spectrum.len(), half + 1, "a real spectrum has one point more than half the samples");
        let (zero, last) = (spectrum[0].re, spectrum[half].re);
        self.half.fill(Complex::default());
        self.half[0] = Complex::new(zero + last, zero - last);
        self.add(&spectrum[1..half], 1);
        self.transform_back(samples);
    }

    /// The same for a spectrum that is zero but for `band`, whose first point is X\[`first`\]; neither 0 nor N/2 are in it.
    pub fn inverse_band(&mut self, band: &[Complex<f32>], first: usize, samples: &mut [f32]) {
        self.half.fill(Complex::default());
        self.add(band, first);
        self.transform_back(samples);
    }

    fn transform(&mut self, samples: &[f32]) {
        let half = self.half.len() - 1;
        assert_eq!(samples.len(), 2 * half, "the transform was planned for another length");
        self.fft.forward_into(as_points(samples), &mut self.half[..half]);
        self.half[half] = self.half[0];
    }

    fn add(&mut self, band: &[Complex<f32>], first: usize) {
        let half = self.half.len() - 1;
        let turns = self.turns.from(first);
        self.kernel.merge(Merge { band, first, turns, to: &mut self.half[..half] });
    }

    fn transform_back(&mut self, samples: &mut [f32]) {
        let half = self.half.len() - 1;
        assert_eq!(samples.len(), 2 * half, "the transform was planned for another length");
        self.fft.inverse_into(&self.half[..half], as_points_mut(samples));
    }
}

impl Table {
    fn new(len: usize) -> Self {
        let angle = |k: usize| core::f64::consts::TAU * k as f64 / len as f64;
        let re = |k| [-libm::sin(angle(k)) as f32 / 2.0; 2];
        let im = |k| libm::cos(angle(k)) as f32 / 2.0;
        Self { re: (0..=len / 2).map(re).collect(), im: (0..=len / 2).map(|k| [im(k), -im(k)]).collect() }
    }

    fn from(&self, first: usize) -> (&[[f32; 2]], &[[f32; 2]]) {
        (&self.re[first..], &self.im[first..])
    }
}

/// The body of every kernel: four points at a time by `four`, and those that are left one by one.
#[inline(always)]
pub(super) fn split_with(
    split: Split<'_>,
    mut four: impl FnMut(&Four, &Four, Turns<'_, 4>, &mut Four, &mut Four),
) {
    let Split { ahead, behind, turns: (re, im), low, high } = split;
    let (ahead, ahead_rest) = ahead.as_chunks::<4>();
    let (behind_rest, behind) = behind.as_rchunks::<4>();
    let (low, low_rest) = low.as_chunks_mut::<4>();
    let (high_rest, high) = high.as_rchunks_mut::<4>();
    let turns = |n: usize| Turns { re: from_ref(&re[n]), im: from_ref(&im[n]) };
    let done = 4 * ahead.len();
    let (mut highs, mut unused) = (high.iter_mut().rev(), [Complex::default(); 4]);
    for ((a, b), (low, (re, im))) in ahead
        .iter()
        .zip(behind.iter().rev())
        .zip(low.iter_mut().zip(re.as_chunks().0.iter().zip(im.as_chunks().0)))
    {
        four(a, b, Turns { re, im }, low, highs.next().unwrap_or(&mut unused));
    }
    let mut highs = high_rest.iter_mut().rev();
    for (n, (a, b)) in ahead_rest.iter().zip(behind_rest.iter().rev()).enumerate() {
        let high = highs.next().unwrap_or(&mut unused[0]);
        split_points(from_ref(a), from_ref(b), turns(done + n), from_mut(&mut low_rest[n]), from_mut(high));
    }
}

/// What four points become.
pub(super) fn split_four(a: &Four, b: &Four, turns: Turns<'_, 4>, low: &mut Four, high: &mut Four) {
    split_points(a, b, turns, low, high);
}

/// Half the sum of `a` and the mirrored `b`, and their difference times `turns`: their sum and, mirrored, their difference.
#[inline(always)]
fn split_points<const N: usize>(
    a: &[Complex<f32>; N],
    b: &[Complex<f32>; N],
    turns: Turns<'_, N>,
    low: &mut [Complex<f32>; N],
    high: &mut [Complex<f32>; N],
) {
    for n in 0..N {
        let mirrored = b[N - 1 - n].conj();
        let (half, difference) = ((a[n] + mirrored) * 0.5, a[n] - mirrored);
        let ([re, _], [im, minus_im]) = (turns.re[n], turns.im[n]);
        let turned = Complex::new(
            re * difference.re + im * difference.im,
            re * difference.im + minus_im * difference.re,
        );
        low[n] = half + turned;
        high[N - 1 - n] = (half - turned).conj();
    }
}

/// The body of every kernel: four points at a time by `four`, and those that are left one by one.
#[inline(always)]
pub(super) fn merge_with(merge: Merge<'_>, mut four: impl FnMut(&Four, Turns<'_, 4>, &mut Four, &mut Four)) {
    let Merge { band, first, turns: (re, im), to } = merge;
    let (parts, rest) = band.as_chunks::<4>();
    let mut k = first;
    for ((points, re), im) in parts.iter().zip(re.as_chunks().0).zip(im.as_chunks().0) {
        let (mut ahead, mut behind) = ([Complex::default(); 4], [Complex::default(); 4]);
        four(points, Turns { re, im }, &mut ahead, &mut behind);
        add(to, k, &ahead);
        add(to, to.len() - 3 - k, &behind);
        k += 4;
    }
    for (n, point) in rest.iter().enumerate() {
        let turns = Turns { re: from_ref(&re[k - first + n]), im: from_ref(&im[k - first + n]) };
        let (mut ahead, mut behind) = ([Complex::default()], [Complex::default()]);
        merge_points(from_ref(point), turns, &mut ahead, &mut behind);
        add(to, k + n, &ahead);
        add(to, to.len() - k - n, &behind);
    }
}

/// Adds `points` to those from `at` on.
#[inline(always)]
fn add<const N: usize>(to: &mut [Complex<f32>], at: usize, points: &[Complex<f32>; N]) {
    let to: &mut [_; N] = to[at..].first_chunk_mut().expect("the band ends before the middle");
    to.iter_mut().zip(points).for_each(|(to, point)| *to += point);
}

/// What four points become.
pub(super) fn merge_four(four: &Four, turns: Turns<'_, 4>, ahead: &mut Four, behind: &mut Four) {
    merge_points(four, turns, ahead, behind);
}

/// Points plus and, mirrored, less their turned doubles.
#[inline(always)]
fn merge_points<const N: usize>(
    points: &[Complex<f32>; N],
    turns: Turns<'_, N>,
    ahead: &mut [Complex<f32>; N],
    behind: &mut [Complex<f32>; N],
) {
    for n in 0..N {
        let doubled = points[n] + points[n];
        let ([re, _], [im, minus_im]) = (turns.re[n], turns.im[n]);
        let turned = Complex::new(re * doubled.re - im * doubled.im, re * doubled.im - minus_im * doubled.re);
        ahead[n] = points[n] + turned;
        behind[N - 1 - n] = (points[n] - turned).conj();
    }
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
    fn every_kernel_gives_the_same_points_to_the_last_bit() {
        for (len, first, count) in [(8, 1, 3), (16, 2, 5), (256, 23, 36), (256, 33, 72), (512, 1, 255)] {
            let outcome = |kernel: Kernel| {
                let mut fft = RealFft::with_kernel(kernel, len);
                let (mut spectrum, mut band) =
                    (vec![Complex::default(); len / 2 + 1], vec![Complex::default(); count]);
                fft.forward(&noise(len), &mut spectrum);
                fft.forward_band(&noise(len), first, &mut band);
                let (mut whole, mut part) = (vec![0.0; len], vec![0.0; len]);
                fft.inverse(&spectrum, &mut whole);
                fft.inverse_band(&band, first, &mut part);
                let points = spectrum.iter().chain(&band).flat_map(|point| [point.re, point.im]);
                points.chain(whole).chain(part).map(f32::to_bits).collect::<Vec<_>>()
            };
            let mut outcomes = Kernel::available().map(outcome);
            let scalar = outcomes.next().unwrap();
            assert!(outcomes.all(|outcome| outcome == scalar), "{len} {first} {count}");
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
