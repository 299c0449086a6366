//! The shapes that carriers take on at the edges of their symbols, found by least squares.

use super::SPAN;
use crate::dsp::{Complex, raised_cosine};
use crate::g3::BandPlan;
use crate::g3::specs::{FFT_LEN, OVERLAP};
use alloc::vec;
use alloc::vec::Vec;

/// How a symbol gives way to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// By the ramps of the standard.
    Ramp,
    /// At once.
    Flip,
}

/// What each carrier adds to the samples from an edge on: when it ends there, and when it begins.
#[derive(Debug)]
pub(super) struct Shape {
    falling: Vec<Wave>,
    rising: Vec<Wave>,
}

/// Samples for a carrier of phase 0 at the edge, and what a quarter of a turn makes of them.
#[derive(Clone, Debug, Default)]
struct Wave {
    re: [f32; SPAN],
    im: [f32; SPAN],
}

/// Power of what is added, against what is left in the notches: more of it makes shapes smaller and notches less deep.
const POWER: f64 = 0.2;
/// The same where no prefix hides what is added.
const POWER_UNHIDDEN: f64 = 3.0;
/// Power outside of the band, against what is left in the notches.
const OUTSIDE: f64 = 1.0;
/// What an edge leaks outside of the band counts as no less than this.
const OUTSIDE_LEAST: f64 = 0.002;
/// Distance between frequencies that are looked at, in carriers.
const STEP: f64 = 0.5;
/// How often the deepest parts of the notches give weight to the others.
const ROUNDS: usize = 8;

impl Shape {
    /// For the masked carriers of `plan`.
    pub(super) fn new(plan: &BandPlan, edge: Edge) -> Self {
        let used: Vec<usize> = (0..plan.carriers()).filter(|&position| plan.is_used(position)).collect();
        let problem = Problem::new(plan, edge, &used);
        let mut solutions = problem.solve().into_iter();
        let mut waves = || {
            let mut waves = vec![Wave::default(); plan.carriers()];
            for &position in &used {
                let mut next = || solutions.next().map_or([0.0; SPAN], |solution| solution.map(|s| s as f32));
                waves[position] = Wave { re: next(), im: next() };
            }
            waves
        };
        Self { falling: waves(), rising: waves() }
    }

    /// Adds to `samples` what carriers do that have `ended` and `began`, by their phases at the first sample, but no more
    /// than makes them as high as `peak`.
    pub(super) fn add(&self, ended: &[Complex<f32>], began: &[Complex<f32>], peak: f32, samples: &mut [f32]) {
        let mut sums = [0.0; SPAN];
        let falling = self.falling.iter().zip(ended);
        for (wave, carrier) in falling.chain(self.rising.iter().zip(began)) {
            let parts = wave.re.iter().zip(&wave.im);
            sums.iter_mut().zip(parts).for_each(|(sum, (re, im))| *sum += carrier.re * re + carrier.im * im);
        }
        for (sample, sum) in samples.iter_mut().zip(sums) {
            let highest = sample.abs().max(peak);
            *sample = (*sample + sum).clamp(-highest, highest);
        }
    }
}

/// What leaks into the notches, and what the added samples can do about it. Sources are carriers that end and carriers
/// that begin, each with phase 0 and with a quarter of a turn.
struct Problem {
    /// Frequencies in the notches, in radians per sample.
    frequencies: Vec<f64>,
    /// By source: its spectrum at these frequencies.
    leaks: Vec<Vec<Complex<f64>>>,
    /// What keeps the added samples small.
    least: Matrix,
}

type Matrix = [[f64; SPAN]; SPAN];

impl Problem {
    fn new(plan: &BandPlan, edge: Edge, used: &[usize]) -> Self {
        let frequencies = notches(plan);
        let index = |&position: &usize| plan.first_carrier + position;
        let sources: Vec<_> = [false, true]
            .into_iter()
            .flat_map(|rising| used.iter().map(index).map(move |k| (rising, k)))
            .flat_map(|(rising, k)| [Complex::new(1.0, 0.0), Complex::new(0.0, 1.0)].map(|z| (rising, k, z)))
            .collect();
        let leak = |&(rising, k, z): &(bool, usize, Complex<f64>), w: f64| {
            edge.leak(rising, radians(k as f64), z, w)
        };
        let leaks =
            sources.iter().map(|source| frequencies.iter().map(|&w| leak(source, w)).collect()).collect();
        let power = |w: f64| sources.iter().map(|source| leak(source, w).norm_sqr()).sum::<f64>();
        let mean = |w: f64| power(w) / used.len() as f64;
        let least = least(plan, if edge == Edge::Ramp { POWER } else { POWER_UNHIDDEN }, mean);
        Self { frequencies, leaks, least }
    }

    /// The samples that each source adds.
    fn solve(&self) -> Vec<[f64; SPAN]> {
        let mut weights = vec![1.0 / self.frequencies.len() as f64; self.frequencies.len()];
        let mut solutions = self.weighed(&weights);
        for _ in 0..ROUNDS {
            let left = self.left(&solutions);
            weights.iter_mut().zip(left).for_each(|(weight, left)| *weight *= libm::sqrt(left));
            let sum: f64 = weights.iter().sum();
            weights.iter_mut().for_each(|weight| *weight /= sum);
            solutions = self.weighed(&weights);
        }
        solutions
    }

    /// The least squares at `weights` of the frequencies.
    fn weighed(&self, weights: &[f64]) -> Vec<[f64; SPAN]> {
        let mut matrix = self.least;
        add_frequencies(&mut matrix, self.frequencies.iter().copied().zip(weights.iter().copied()));
        let root = cholesky(&matrix);
        let of = |leaks: &Vec<Complex<f64>>| {
            let mut side = [0.0; SPAN];
            for ((&w, &weight), leak) in self.frequencies.iter().zip(weights).zip(leaks) {
                let (step, mut turned) = (cis(w), leak * -weight);
                side.iter_mut().for_each(|side| {
                    *side += turned.re;
                    turned *= step;
                });
            }
            substitute(&root, side)
        };
        self.leaks.iter().map(of).collect()
    }

    /// Power that is left at each frequency.
    fn left(&self, solutions: &[[f64; SPAN]]) -> Vec<f64> {
        let at = |(n, &w): (usize, &f64)| {
            let step = cis(-w);
            let rest = |(leaks, solution): (&Vec<Complex<f64>>, &[f64; SPAN])| {
                // Horner's scheme, from the last sample on.
                let added = solution.iter().rev().fold(Complex::default(), |sum, sample| sum * step + sample);
                (leaks[n] + added).norm_sqr()
            };
            self.leaks.iter().zip(solutions).map(rest).sum()
        };
        self.frequencies.iter().enumerate().map(at).collect()
    }
}

impl Edge {
    /// The spectrum at `w` of the cosine of frequency `carrier` and phase that of `z` that ends at this edge, or begins
    /// there. It never began, or never ends.
    fn leak(self, rising: bool, carrier: f64, z: Complex<f64>, w: f64) -> Complex<f64> {
        (z * self.spectrum(rising, w - carrier) + z.conj() * self.spectrum(rising, w + carrier)) * 0.5
    }

    /// The spectrum of the edge itself, at an angle other than zero.
    fn spectrum(self, rising: bool, angle: f64) -> Complex<f64> {
        let value = |n: usize| match (self, rising) {
            (Self::Ramp, true) => f64::from(raised_cosine(n, OVERLAP)),
            (Self::Ramp, false) => f64::from(raised_cosine(OVERLAP - 1 - n, OVERLAP)),
            (Self::Flip, true) => 1.0,
            (Self::Flip, false) => 0.0,
        };
        let ramp: Complex<f64> = (0..OVERLAP).map(|n| cis(-angle * n as f64) * value(n)).sum();
        let (beyond, step) =
            if rising { (cis(-angle * OVERLAP as f64), cis(-angle)) } else { (cis(angle), cis(angle)) };
        ramp + beyond / (Complex::new(1.0, 0.0) - step)
    }
}

/// Frequencies in the notches. The outer half spacings next to the outermost masked carriers are left out: where the
/// next carrier begins, depth costs most, and those who need a notch leave room at its edges.
fn notches(plan: &BandPlan) -> Vec<f64> {
    let masked = |position: usize| position < plan.carriers() && !plan.is_used(position);
    let mut frequencies = Vec::new();
    for position in (0..plan.carriers()).filter(|&position| masked(position)) {
        let (index, next) = ((plan.first_carrier + position) as f64, masked(position + 1));
        let last = position > 0 && masked(position - 1);
        if last == next {
            frequencies.push(radians(index));
        }
        if next {
            frequencies.push(radians(index + STEP));
        }
    }
    frequencies
}

/// What keeps samples small: their power, and more so that outside of the band where the edges themselves have little.
fn least(plan: &BandPlan, power: f64, mean: impl Fn(f64) -> f64) -> Matrix {
    let mut least = [[0.0; SPAN]; SPAN];
    (0..SPAN).for_each(|n| least[n][n] = power);
    let band = plan.first_carrier as f64 - 1.0..=(plan.first_carrier + plan.carriers()) as f64;
    let indices = (1..FFT_LEN).map(|n| n as f64 * STEP).filter(|index| !band.contains(index));
    let outside: Vec<_> = indices.map(radians).map(|w| (w, 1.0 / (mean(w) + OUTSIDE_LEAST))).collect();
    let sum: f64 = outside.iter().map(|(_, weight)| weight).sum();
    add_frequencies(&mut least, outside.into_iter().map(|(w, weight)| (w, OUTSIDE * weight / sum)));
    least
}

/// Adds the power at frequencies of different weight.
fn add_frequencies(matrix: &mut Matrix, frequencies: impl Iterator<Item = (f64, f64)>) {
    let mut lags = [0.0; SPAN];
    for (w, weight) in frequencies {
        lags.iter_mut().enumerate().for_each(|(lag, sum)| *sum += weight * libm::cos(w * lag as f64));
    }
    for (i, row) in matrix.iter_mut().enumerate() {
        row.iter_mut().enumerate().for_each(|(j, value)| *value += lags[i.abs_diff(j)]);
    }
}

/// The lower triangle whose square a positive matrix is.
fn cholesky(matrix: &Matrix) -> Matrix {
    let mut root = [[0.0; SPAN]; SPAN];
    for i in 0..SPAN {
        for j in 0..=i {
            let rest = matrix[i][j] - (0..j).map(|k| root[i][k] * root[j][k]).sum::<f64>();
            root[i][j] = if i == j { libm::sqrt(rest) } else { rest / root[j][j] };
        }
    }
    root
}

/// Solves with a triangle and its mirror.
fn substitute(root: &Matrix, mut side: [f64; SPAN]) -> [f64; SPAN] {
    for i in 0..SPAN {
        side[i] = (side[i] - (0..i).map(|k| root[i][k] * side[k]).sum::<f64>()) / root[i][i];
    }
    for i in (0..SPAN).rev() {
        side[i] = (side[i] - (i + 1..SPAN).map(|k| root[k][i] * side[k]).sum::<f64>()) / root[i][i];
    }
    side
}

/// The frequency of a carrier of that index, in radians per sample.
fn radians(index: f64) -> f64 {
    core::f64::consts::TAU * index / FFT_LEN as f64
}

fn cis(angle: f64) -> Complex<f64> {
    Complex::new(libm::cos(angle), libm::sin(angle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::g3::{CENELEC_A, ToneMask};

    /// A cosine whose edge is at sample 4096 of 8192 and whose other end fades out slowly, by definition.
    fn slow(edge: Edge, rising: bool, carrier: f64, z: Complex<f64>, w: f64) -> Complex<f64> {
        let ramp = |n: i32| match (edge, rising) {
            (Edge::Ramp, true) => f64::from(raised_cosine(n as usize, OVERLAP)),
            (Edge::Ramp, false) => f64::from(raised_cosine(OVERLAP - 1 - n as usize, OVERLAP)),
            (Edge::Flip, rising) => f64::from(u8::from(rising)),
        };
        let value = |n: i32| match n {
            0..8 => ramp(n),
            _ if (n >= 8) == rising => 0.5 * (1.0 + libm::cos(core::f64::consts::PI * f64::from(n) / 4096.0)),
            _ => 0.0,
        };
        (-4096..4096).map(|n| cis(-w * f64::from(n)) * (z * cis(carrier * f64::from(n))).re * value(n)).sum()
    }

    #[test]
    fn the_spectrum_of_an_edge_is_the_sum_over_its_samples() {
        let z = Complex::new(0.6, 0.8);
        for (edge, rising) in
            [(Edge::Ramp, true), (Edge::Ramp, false), (Edge::Flip, true), (Edge::Flip, false)]
        {
            for index in [35.0, 37.5, 40.0] {
                let (carrier, w) = (radians(33.0), radians(index));
                let (fast, slow) = (edge.leak(rising, carrier, z, w), slow(edge, rising, carrier, z, w));
                assert!(
                    (fast - slow).norm() < 1e-2 * slow.norm(),
                    "{edge:?} {rising} {index}: {fast} {slow}"
                );
            }
        }
    }

    #[test]
    fn a_factored_matrix_solves_what_it_was_made_from() {
        let plan = CENELEC_A.with_mask(ToneMask::carriers(23, 35, 40)).unwrap();
        let matrix = least(&plan, POWER, |_| 1.0);
        let side: [f64; SPAN] = core::array::from_fn(|n| n as f64 - 7.0);
        let found = substitute(&cholesky(&matrix), side);
        for (row, side) in matrix.iter().zip(side) {
            let product: f64 = row.iter().zip(found).map(|(a, b)| a * b).sum();
            assert!((product - side).abs() < 1e-9, "{product} for {side}");
        }
    }
}
