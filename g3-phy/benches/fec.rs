//! Codes: `cargo bench -p g3-phy --bench fec`.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use g3_phy::dsp::Kernel;
use g3_phy::fec::{CONSTRAINT_TAIL, ConvolutionalEncoder, ReedSolomon, Viterbi};

fn main() {
    divan::main();
}

/// A word of 255 octets with `errors` wrong ones.
fn word(parity: usize, errors: usize) -> Vec<u8> {
    let mut word: Vec<u8> = (0..255u8).map(|n| n.wrapping_mul(113)).collect();
    ReedSolomon::new(parity).encode(&mut word);
    (0..errors).for_each(|n| word[n * 29 + 3] ^= 0x11 * (n as u8 + 1));
    word
}

#[divan::bench(sample_count = 200, sample_size = 100, args = [8, 16])]
fn reed_solomon_encode(bencher: Bencher, parity: usize) {
    let (code, mut word) = (ReedSolomon::new(parity), word(parity, 0));
    bencher.counter(BytesCount::new(255 - parity)).bench_local(|| code.encode(divan::black_box(&mut word)));
}

#[divan::bench(sample_count = 200, sample_size = 100, args = [(8, 0), (8, 4), (16, 0), (16, 4), (16, 8)])]
fn reed_solomon_decode(bencher: Bencher, (parity, errors): (usize, usize)) {
    let (code, damaged) = (ReedSolomon::new(parity), word(parity, errors));
    let mut word = damaged.clone();
    bencher.counter(BytesCount::new(255 - parity)).bench_local(|| {
        word.copy_from_slice(&damaged);
        assert_eq!(code.decode(divan::black_box(&mut word)), Ok(errors));
    });
}

/// 2000 bits and a tail, with every seventh coded bit wrong and weak; the items are information bits.
#[divan::bench(sample_count = 200, sample_size = 10, args = Kernel::available())]
fn viterbi_decode(bencher: Bencher, kernel: Kernel) {
    const BITS: usize = 2000;
    let mut encoder = ConvolutionalEncoder::new();
    let sent = (0..BITS).map(|n| (n * n / 3 % 2) as u8).chain([0; CONSTRAINT_TAIL]);
    let coded: Vec<u8> = sent.clone().flat_map(|bit| encoder.push(bit)).collect();
    let level = |(n, &bit): (usize, &u8)| (1 - 2 * bit as i8) * if n % 7 == 3 { -10 } else { 40 };
    let soft: Vec<i8> = coded.iter().enumerate().map(level).collect();
    let mut decoder = Viterbi::with_kernel(kernel, BITS + CONSTRAINT_TAIL);
    let mut bits = vec![0; BITS + CONSTRAINT_TAIL];
    bencher.counter(ItemsCount::new(BITS)).bench_local(|| decoder.decode(divan::black_box(&soft), &mut bits));
    assert!(sent.eq(bits));
}
