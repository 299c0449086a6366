//! Random numbers: a stream per frame, made from the seed of the run.

pub(crate) use channel::gauss::{Words, ziggurat};
use g3_phy::dsp::Complex;
use plc_core::Seed;

/// The key of the streams of part `name` of a run, at one ratio.
pub(crate) fn key(seed: u64, name: &str, snr_db: f64) -> u64 {
    let step = (snr_db * 1000.0).round() as i64;
    let bytes = Seed::from_u64(seed).derive(name, step as u64).0;
    u64::from_le_bytes(core::array::from_fn(|n| bytes[n]))
}

/// `len` random octets.
pub(crate) fn octets(words: &mut Words, len: usize) -> Vec<u8> {
    (0..len).map(|_| (words.word() >> 56) as u8).collect()
}

/// Gaussian noise of power 1.
pub(crate) fn complex(words: &mut Words) -> Complex<f32> {
    let part = |words: &mut Words| words.gaussian(ziggurat()) * core::f32::consts::FRAC_1_SQRT_2;
    Complex::new(part(words), part(words))
}
