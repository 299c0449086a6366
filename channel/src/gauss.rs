//! Gaussian noise by block number: a ziggurat over a counter-based generator.
//!
//! The ziggurat of Marsaglia and Tsang with 256 layers is exact: its density is the Gaussian one, tails
//! included, up to the resolution of f32. Its uniform numbers come from SplitMix64, whose stream for a block
//! starts at a hash of key and block number: any block may be made first, alone or again.

use std::sync::LazyLock;

/// Samples in a block: the grain of addressability.
pub const BLOCK: usize = 256;

/// A stream of 64-bit words (SplitMix64).
#[derive(Clone, Debug)]
pub struct Words(u64);

impl Words {
    /// The stream of block `block` under `key`.
    pub fn new(key: u64, block: u64) -> Self {
        Self(mix(key ^ mix(block.wrapping_mul(GOLDEN))))
    }

    /// The next word.
    #[inline(always)]
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A uniform number in 0..1, never zero.
    pub fn uniform(&mut self) -> f64 {
        ((self.word() >> 12) as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
    }

    /// An exponentially distributed number of mean one.
    pub fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    /// A Poisson number of mean `mean`, at most `limit`.
    pub fn poisson(&mut self, mean: f64, limit: u32) -> u32 {
        let (floor, mut product, mut count) = ((-mean).exp(), self.uniform(), 0);
        while product > floor && count < limit {
            product *= self.uniform();
            count += 1;
        }
        count
    }

    /// A Gaussian number of mean zero and variance one.
    #[inline(always)]
    pub fn gaussian(&mut self, ziggurat: &Ziggurat) -> f32 {
        loop {
            let word = self.word();
            let layer = (word & 255) as usize;
            let x = ((word >> 32) as i32) as f32 * ziggurat.scale[layer];
            if x.abs() < ziggurat.x[layer + 1] {
                return x;
            }
            if let Some(x) = self.edge(ziggurat, layer, x) {
                return x;
            }
        }
    }

    /// The one case in a hundred: the wedge of a layer, or the tail.
    #[cold]
    fn edge(&mut self, ziggurat: &Ziggurat, layer: usize, x: f32) -> Option<f32> {
        if layer == 0 {
            return Some(self.tail().copysign(x));
        }
        let (outer, inner) =
            (density(f64::from(ziggurat.x[layer])), density(f64::from(ziggurat.x[layer + 1])));
        (outer + self.uniform() * (inner - outer) < density(f64::from(x))).then_some(x)
    }

    /// A number beyond the last layer.
    fn tail(&mut self) -> f32 {
        loop {
            let x = self.exponential() / LAST_LAYER;
            if 2.0 * self.exponential() > x * x {
                return (LAST_LAYER + x) as f32;
            }
        }
    }
}

/// The layers.
#[derive(Debug)]
pub struct Ziggurat {
    /// Right edges, from the base (which includes the tail) to the top.
    x: [f32; 257],
    /// Right edge over 2³¹.
    scale: [f32; 256],
}

/// The layers, made once.
pub fn ziggurat() -> &'static Ziggurat {
    static LAYERS: LazyLock<Ziggurat> = LazyLock::new(Ziggurat::new);
    &LAYERS
}

/// Fills `out` with the white noise of variance one of block `block` under `key`.
pub fn white(key: u64, block: u64, out: &mut [f32; BLOCK]) {
    let layers = ziggurat();
    let mut words = Words::new(key, block);
    for value in out {
        *value = words.gaussian(layers);
    }
}

impl Ziggurat {
    fn new() -> Self {
        let mut edges = [0f64; 257];
        edges[0] = LAYER_AREA / density(LAST_LAYER);
        edges[1] = LAST_LAYER;
        for i in 1..255 {
            edges[i + 1] = (-2.0 * (LAYER_AREA / edges[i] + density(edges[i])).ln()).sqrt();
        }
        let scale = core::array::from_fn(|i| (edges[i] / 2f64.powi(31)) as f32);
        Self { x: edges.map(|edge| edge as f32), scale }
    }
}

/// The Gaussian density without its constant.
fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp()
}

/// A permutation of 64-bit words (the finaliser of SplitMix64).
#[inline(always)]
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// Step of the counter: 2⁶⁴ over the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Right edge of the lowest of 256 layers [Marsaglia-Tsang 2000; A].
const LAST_LAYER: f64 = 3.654_152_885_361_009;

/// Area of each of 256 layers [Marsaglia-Tsang 2000; A].
const LAYER_AREA: f64 = 0.004_928_673_233_974_655;

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCKS: u64 = 16_384;

    fn samples() -> Vec<f32> {
        let mut out = vec![0f32; BLOCKS as usize * BLOCK];
        for (block, part) in (0..).zip(out.as_chunks_mut::<BLOCK>().0) {
            white(7, block, part);
        }
        out
    }

    fn moment(samples: &[f32], power: i32) -> f64 {
        samples.iter().map(|x| f64::from(*x).powi(power)).sum::<f64>() / samples.len() as f64
    }

    #[test]
    fn the_first_eight_moments_are_those_of_a_gaussian() {
        let samples = samples();
        let deviation = (samples.len() as f64).sqrt().recip();
        for (power, mean, variance) in [
            (1, 0.0, 1.0),
            (2, 1.0, 2.0),
            (3, 0.0, 15.0),
            (4, 3.0, 96.0),
            (5, 0.0, 945.0),
            (6, 15.0, 10_170.0),
            (8, 105.0, 2_016_000.0),
        ] {
            let (mean, variance): (f64, f64) = (mean, variance);
            let error = (moment(&samples, power) - mean) / (variance.sqrt() * deviation);
            assert!(error.abs() < 4.0, "moment {power} is off by {error} standard deviations");
        }
    }

    #[test]
    fn the_tails_have_the_right_weight_on_both_sides_of_the_last_layer() {
        let samples = samples();
        for (limit, probability) in [
            (1.0, 0.317_310_5),
            (2.0, 0.045_500_3),
            (3.0, 2.699_796e-3),
            (3.6541, 2.580_6e-4),
            (4.0, 6.334_25e-5),
            (4.5, 6.795_35e-6),
        ] {
            let expected = probability * samples.len() as f64;
            let seen = samples.iter().filter(|x| x.abs() > limit).count() as f64;
            assert!((seen - expected).abs() < 4.0 * expected.sqrt(), "{limit}: {seen} of {expected}");
        }
        let positive = samples.iter().filter(|x| **x > 3.0).count() as f64;
        let negative = samples.iter().filter(|x| **x < -3.0).count() as f64;
        assert!((positive - negative).abs() < 4.0 * (positive + negative).sqrt());
    }

    #[test]
    fn neighbours_are_uncorrelated_within_and_across_blocks() {
        let samples = samples();
        for lag in [1, 2, BLOCK - 1, BLOCK, BLOCK + 1] {
            let sum: f64 = samples.iter().zip(&samples[lag..]).map(|(a, b)| f64::from(a * b)).sum();
            assert!(sum.abs() < 4.5 * (samples.len() as f64).sqrt(), "lag {lag}: {sum}");
        }
    }

    #[test]
    fn a_block_depends_on_its_number_and_key_alone() {
        let block = |key, number| {
            let mut out = [0f32; BLOCK];
            white(key, number, &mut out);
            out
        };
        assert_eq!(block(1, 5), block(1, 5));
        assert_ne!(block(1, 5), block(1, 6));
        assert_ne!(block(1, 5), block(2, 5));
    }

    #[test]
    fn poisson_and_exponential_numbers_have_their_means() {
        let mut words = Words::new(3, 0);
        let poisson: u32 = (0..100_000).map(|_| words.poisson(1.7, 50)).sum();
        assert!((f64::from(poisson) / 1e5 - 1.7).abs() < 0.02);
        let exponential: f64 = (0..100_000).map(|_| words.exponential()).sum();
        assert!((exponential / 1e5 - 1.0).abs() < 0.015);
    }
}
