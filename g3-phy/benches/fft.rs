//! Transforms: `cargo bench -p g3-phy --bench fft`.

use divan::Bencher;
use g3_phy::dsp::{Complex, Fft, RealFft};
use g3_phy::ofdm::Spectrum;

/// Samples of a symbol.
const LEN: usize = 256;
/// First carrier and number of carriers: CENELEC-A, FCC.
const BANDS: [(usize, usize); 2] = [(23, 36), (33, 72)];

fn main() {
    divan::main();
}

fn samples() -> [f32; LEN] {
    core::array::from_fn(|n| (n * n % 97) as f32 / 97.0 - 0.5)
}

fn carriers(count: usize) -> Vec<Complex<f32>> {
    (0..count).map(|n| Complex::new(1.0, (n % 7) as f32)).collect()
}

#[divan::bench(sample_count = 200, sample_size = 100)]
fn complex_256(bencher: Bencher) {
    let (mut fft, mut data) = (Fft::new(LEN), [Complex::default(); LEN]);
    bencher.bench_local(|| fft.forward(divan::black_box(&mut data)));
}

#[divan::bench(sample_count = 200, sample_size = 100)]
fn real_256(bencher: Bencher) {
    let (mut fft, samples, mut spectrum) = (RealFft::new(LEN), samples(), [Complex::default(); LEN / 2 + 1]);
    bencher.bench_local(|| fft.forward(divan::black_box(&samples), &mut spectrum));
}

#[divan::bench(sample_count = 200, sample_size = 100)]
fn real_256_inverse(bencher: Bencher) {
    let (mut fft, mut samples, spectrum) = (RealFft::new(LEN), samples(), carriers(LEN / 2 + 1));
    bencher.bench_local(|| fft.inverse(divan::black_box(&spectrum), &mut samples));
}

#[divan::bench(sample_count = 200, sample_size = 100, args = BANDS)]
fn analyse(bencher: Bencher, (first, count): (usize, usize)) {
    let (mut spectrum, samples, mut carriers) = (Spectrum::new(LEN, first), samples(), carriers(count));
    bencher.bench_local(|| spectrum.analyse(divan::black_box(&samples), &mut carriers));
}

#[divan::bench(sample_count = 200, sample_size = 100, args = BANDS)]
fn synthesise(bencher: Bencher, (first, count): (usize, usize)) {
    let (mut spectrum, mut samples, carriers) = (Spectrum::new(LEN, first), samples(), carriers(count));
    bencher.bench_local(|| spectrum.synthesise(divan::black_box(&carriers).iter().copied(), &mut samples));
}

#[divan::bench(sample_count = 200, sample_size = 100, args = BANDS)]
fn peak(bencher: Bencher, (first, count): (usize, usize)) {
    let (mut spectrum, carriers) = (Spectrum::new(LEN, first), carriers(count));
    bencher.bench_local(|| spectrum.peak(divan::black_box(&carriers)));
}
