//! The kernels of g3-phy beside those of VOLK, libfec and FFTW: `cargo run --release`.
//!
//! Unsafe code stands here because the peers are C; nothing of it is part of the product.

mod fftw;
mod libfec;
mod race;
mod volk;

use g3_phy::dsp::{Complex, RealFft};
use g3_phy::fec::{CONSTRAINT_TAIL, ConvolutionalEncoder, ReedSolomon, Viterbi};
use race::{Contender, race};

/// Information bits of the frames of the Viterbi decoders.
const BITS: usize = 2000;
/// Octets of the Reed-Solomon code words, and of their parity.
const WORD: usize = 255;
const PARITY: usize = 16;
/// Points of the transform.
const POINTS: usize = 256;

fn main() {
    let turns = std::env::args().nth(1).map_or(400, |turns| turns.parse().expect("the number of turns"));
    viterbi(turns);
    for errors in [0, 4, 8] {
        reed_solomon(turns, errors);
    }
    real_transform(turns);
}

fn viterbi(turns: usize) {
    let (sent, soft) = noisy_frame();
    let symbols: Vec<u8> = soft.iter().map(|&s| (127 - i16::from(s)) as u8).collect();
    let (mut ours, mut volk, mut libfec) =
        (Viterbi::new(BITS + CONSTRAINT_TAIL), volk::Viterbi::new(BITS), libfec::Viterbi::new(BITS));
    let (mut bits, mut volk_bits) = (vec![0; BITS + CONSTRAINT_TAIL], vec![0; BITS]);
    ours.decode(&soft, &mut bits);
    volk.decode(&symbols, &mut volk_bits);
    libfec.decode(&symbols);
    assert!(bits[..BITS] == sent && volk_bits == sent && libfec.bits() == sent, "a decoder is wrong");
    let contenders = vec![
        Contender::new("g3-phy", || ours.decode(&soft, &mut bits)),
        Contender::new("VOLK", || volk.decode(&symbols, &mut volk_bits)),
        Contender::new("libfec", || libfec.decode(&symbols)),
    ];
    race(&format!("Viterbi, K = 7, rate 1/2, {BITS} bits, 8-bit soft bits"), contenders, turns, BITS);
}

/// A frame whose soft bits are noisy, with a few wrong signs.
fn noisy_frame() -> (Vec<u8>, Vec<i8>) {
    let (mut noise, mut encoder) = (Noise(1), ConvolutionalEncoder::new());
    let sent: Vec<u8> = (0..BITS).map(|_| (noise.next() >> 7) as u8 & 1).collect();
    let tail = [0; CONSTRAINT_TAIL];
    let coded: Vec<u8> = sent.iter().chain(&tail).flat_map(|&bit| encoder.push(bit)).collect();
    let mut soft = |bit: u8| {
        let spread = (0..4).map(|_| i32::from(noise.next() as u8) - 128).sum::<i32>() / 5;
        (45 - 90 * i32::from(bit) + spread).clamp(-127, 127) as i8
    };
    let soft = coded.iter().map(|&bit| soft(bit)).collect();
    (sent, soft)
}

fn reed_solomon(turns: usize, errors: usize) {
    let (code, libfec) = (ReedSolomon::new(PARITY), libfec::ReedSolomon::new(PARITY));
    let mut sent: Vec<u8> = (0..WORD).map(|n| (n * 113) as u8).collect();
    code.encode(&mut sent);
    let mut damaged = sent.clone();
    (0..errors).for_each(|n| damaged[n * 29 + 3] ^= 0x11 * (n as u8 + 1));
    let (mut a, mut b) = (sent.clone(), sent.clone());
    let mut ours = || {
        a.copy_from_slice(&damaged);
        assert_eq!(code.decode(&mut a), Ok(errors));
    };
    let mut theirs = || {
        b.copy_from_slice(&damaged);
        assert_eq!(libfec.decode(&mut b), errors as i32);
    };
    ours();
    theirs();
    race(
        &format!("Reed-Solomon ({WORD}, {}), {errors} errors", WORD - PARITY),
        vec![Contender::new("g3-phy", &mut ours), Contender::new("libfec", &mut theirs)],
        turns,
        (WORD - PARITY) * 8,
    );
    assert!(a == sent && b == sent, "a decoder is wrong");
}

fn real_transform(turns: usize) {
    let mut noise = Noise(2);
    let samples: Vec<f32> = (0..POINTS).map(|_| noise.next() as f32 / 65_536.0 - 0.5).collect();
    let mut ours = RealFft::new(POINTS);
    let mut spectrum = vec![Complex::default(); POINTS / 2 + 1];
    let (mut patient, mut measured) =
        (fftw::RealFft::new(&samples, fftw::PATIENT), fftw::RealFft::new(&samples, fftw::MEASURE));
    ours.forward(&samples, &mut spectrum);
    for theirs in [&mut patient, &mut measured] {
        theirs.forward();
        let near = |(a, b): (&Complex<f32>, &[f32; 2])| (a.re - b[0]).hypot(a.im - b[1]) < 1e-4;
        assert!(spectrum.iter().zip(theirs.spectrum()).all(near), "a transform is wrong");
    }
    let contenders = vec![
        Contender::new("g3-phy", || ours.forward(&samples, &mut spectrum)),
        Contender::new("FFTW patient", || patient.forward()),
        Contender::new("FFTW measure", || measured.forward()),
    ];
    race(&format!("real transform of {POINTS} points"), contenders, turns, 0);
}

/// Xorshift: numbers of 16 bits.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> u16 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 >> 8) as u16
    }
}
