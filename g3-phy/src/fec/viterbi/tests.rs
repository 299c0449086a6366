use super::super::ConvolutionalEncoder;
use super::*;
use proptest::prelude::*;

fn encode(bits: &[u8]) -> Vec<u8> {
    let mut encoder = ConvolutionalEncoder::new();
    bits.iter().flat_map(|&bit| encoder.push(bit)).collect()
}

fn correlation(coded: &[u8], soft: &[i8]) -> i32 {
    coded.iter().zip(soft).map(|(&c, &s)| (1 - 2 * i32::from(c)) * i32::from(s)).sum()
}

/// The correlation of the best of all words of ten bits and a tail.
fn best(soft: &[i8]) -> i32 {
    let words = (0u16..1 << 10).map(|word| {
        let bits: Vec<u8> = (0..16).map(|n| (word >> n & 1) as u8).collect();
        correlation(&encode(&bits), soft)
    });
    words.max().unwrap()
}

fn decode(kernel: Kernel, soft: &[i8]) -> Vec<u8> {
    let mut bits = vec![0; soft.len() / 2];
    Viterbi::with_kernel(kernel, bits.len()).decode(soft, &mut bits);
    bits
}

fn decode_exactly(soft: &[i8]) -> Vec<u8> {
    let mut bits = vec![0; soft.len() / 2];
    ExactViterbi::new(bits.len()).decode(soft, &mut bits);
    bits
}

/// Soft bits that the levels of the decoder represent without loss.
fn on_the_levels(steps: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Vec<i8>> {
    proptest::collection::vec(-15i8..=15, steps)
        .prop_map(|levels| levels.iter().map(|&level| 4 * level).collect())
}

proptest! {
    #[test]
    fn no_word_of_the_code_is_nearer_than_that_of_the_exact_decoder(soft in proptest::collection::vec(any::<i8>(), 32)) {
        let decoded = decode_exactly(&soft);
        prop_assert_eq!(&decoded[10..], &[0; 6]);
        prop_assert_eq!(correlation(&encode(&decoded), &soft), best(&soft));
    }

    #[test]
    fn on_its_levels_the_fast_decoder_finds_a_word_as_near(soft in on_the_levels(12..3000)) {
        let (fast, exact) = (decode(Kernel::fastest(), &soft), decode_exactly(&soft));
        let soft = &soft[..2 * fast.len()];
        prop_assert_eq!(correlation(&encode(&fast), soft), correlation(&encode(&exact), soft));
    }

    #[test]
    fn every_kernel_gives_the_same_bits(soft in proptest::collection::vec(any::<i8>(), 0..1500)) {
        let mut decoded = Kernel::available().map(|kernel| decode(kernel, &soft));
        let scalar = decoded.next().unwrap();
        decoded.for_each(|bits| assert_eq!(bits, scalar));
    }

    #[test]
    fn scattered_errors_are_corrected(data in proptest::collection::vec(0u8..2, 100), first in 0usize..20) {
        let bits = [&data[..], &[0; 6]].concat();
        let mut soft: Vec<i8> = encode(&bits).iter().map(|&c| 100 - 200 * i32::from(c)).map(|s| s as i8).collect();
        soft.iter_mut().skip(first).step_by(20).for_each(|s| *s = -*s);
        prop_assert_eq!(&decode_exactly(&soft), &bits);
        Kernel::available().for_each(|kernel| assert_eq!(decode(kernel, &soft), bits));
    }

    #[test]
    fn silence_within_a_block_does_not_mislead_the_way_back(
        data in proptest::collection::vec(0u8..2, 1500), from in 200usize..1200, steps in 100usize..200,
    ) {
        let bits = [&data[..], &[0; 6]].concat();
        let mut soft: Vec<i8> = encode(&bits).iter().map(|&c| 40 - 80 * c as i8).collect();
        soft[2 * from..2 * (from + steps)].fill(0);
        for kernel in Kernel::available() {
            let decoded = decode(kernel, &soft);
            prop_assert_eq!(&decoded[..from], &bits[..from]);
            prop_assert_eq!(&decoded[from + steps..], &bits[from + steps..]);
        }
    }
}

#[test]
fn eight_bits_cost_less_than_a_twentieth_of_a_decibel() {
    let (mut fast_errors, mut exact_errors) = (0, 0);
    let mut noise = Noise(1);
    for _ in 0..FRAMES {
        let (bits, heard) = noise.frame();
        let scaled = |rms: f64| heard.iter().map(|x| (x * rms) as i8).collect::<Vec<_>>();
        let errors = |decoded: &[u8]| decoded.iter().zip(&bits).filter(|(a, b)| a != b).count();
        fast_errors += errors(&decode(Kernel::fastest(), &scaled(f64::from(Viterbi::SOFT_RMS))));
        exact_errors += errors(&decode_exactly(&scaled(f64::from(Viterbi::SOFT_RMS))));
    }
    // Here the error rate falls by a factor of 1.13 in 0.05 dB.
    assert!(exact_errors > 500, "{exact_errors}");
    assert!(fast_errors as f64 <= 1.1 * exact_errors as f64, "{fast_errors} {exact_errors}");
}

#[test]
fn steps_beyond_the_capacity_or_the_shorter_slice_are_left_alone() {
    let soft = [-50; 40];
    let mut bits = [7; 30];
    Viterbi::new(12).decode(&soft, &mut bits);
    assert!(bits[..12].iter().all(|&bit| bit < 2) && bits[12..] == [7; 18]);
    bits.fill(7);
    Viterbi::new(100).decode(&soft, &mut bits);
    assert!(bits[..20].iter().all(|&bit| bit < 2) && bits[20..] == [7; 10]);
}

const FRAMES: usize = 200;

/// Random frames through a line of 2 dB per information bit, scaled to a mean square of one.
struct Noise(u64);

impl Noise {
    fn frame(&mut self) -> (Vec<u8>, Vec<f64>) {
        let mut bits: Vec<u8> = (0..1000).map(|_| (self.next() >> 63) as u8).collect();
        bits.extend([0; 6]);
        let deviation = libm::pow(10.0, -0.1);
        let scale = 1.0 / libm::sqrt(1.0 + deviation * deviation);
        let coded = encode(&bits);
        let sent = coded.iter().map(|&c| 1.0 - 2.0 * f64::from(c));
        let heard = sent.map(|x| scale * (x + deviation * self.normal())).collect();
        (bits, heard)
    }

    fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(self.uniform()));
        radius * libm::cos(core::f64::consts::TAU * self.uniform())
    }

    fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}
