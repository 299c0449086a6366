//! Inner loops, once for each kind of processor. All unsafe code of the crate is here.
//!
//! * [`Kernel::run`] compiles any loop again for what the processor has.
//! * The split step of the real transform is written out for AVX2, four points at a time: compilers make registers of half
//!   that length of it, at two and a half times the cost.
//! * The inner loop of the Viterbi decoder is written out for each.
//!
//! Every kernel of the decoder computes the same thing, bit for bit (the scalar one is the definition):
//!
//! * **In place.** The 64 path metrics lie where they are for six steps. Step `k` of a group of six (`k = step mod
//!   6`) puts the new bit where the oldest was, in bit `k` of the position. A position is reached from itself
//!   (*stays*) or from the one that differs in bit `k` (*moves*), on branches with complementary coded bits. So a step
//!   is one exchange of neighbours, four additions, two minima: nothing is sorted back into order.
//! * **Eight bits.** Soft bits become levels from -`LEVEL_MAX` to `LEVEL_MAX`; a branch costs the levels that it
//!   contradicts; a metric is the cost of the best path, of eight bits, in registers from end to end, saturating. Once
//!   per group the least metric of its beginning is taken from all, after five steps, when it is surely known.
//! * **Decisions** are one bit per position, set where the path moves (ties stay), in the order of positions. The way
//!   back flips one bit of the position per step, and every sixth position is six decoded bits.
//!
//! Checked under an emulator for ARM and under Miri with the commands in CONTRIBUTING.md.
#![allow(unsafe_code)]

use super::body::Body;
use super::fft::Complex;
use super::real_fft::{Merge, Split, merge_four, merge_with, split_four, split_with};
use super::trellis::{BOTH, Costs, Decisions, GROUP, PATTERNS, decode_with};
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
use super::trellis::{Patterns, stays};
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
use core::array::from_fn;
use core::fmt;
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
use core::hint::black_box;

/// A way of decoding that this processor has: the same bits from each, at different speeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel(Kind);

// Values are made by `available` alone, so that a `Kernel` proves that the processor has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    Neon,
}

impl Kernel {
    /// What this processor has, slowest first. Without the feature `std`, what the crate was compiled for.
    pub fn available() -> impl DoubleEndedIterator<Item = Self> {
        [
            Some(Kind::Scalar),
            #[cfg(target_arch = "x86_64")]
            has_avx2().then_some(Kind::Avx2),
            #[cfg(target_arch = "x86_64")]
            has_avx512().then_some(Kind::Avx512),
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            Some(Kind::Neon),
        ]
        .into_iter()
        .flatten()
        .map(Self)
    }

    /// The fastest of them.
    pub fn fastest() -> Self {
        Self::available().next_back().unwrap_or(Self(Kind::Scalar))
    }

    /// Runs the body `B` on `input`, compiled for what this processor has.
    #[inline]
    pub(crate) fn run<B: Body<I>, I>(self, input: I) -> B::Output {
        match self.0 {
            // SAFETY: a `Kernel` of these kinds exists only where the processor has the features.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 | Kind::Avx512 => unsafe { avx2::run::<B, I>(input) },
            _ => B::run(input),
        }
    }

    /// Takes a real spectrum out of the transform of half the length.
    pub(super) fn split(self, split: Split<'_>) {
        match self.0 {
            // SAFETY: a `Kernel` of these kinds exists only where the processor has the features.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 | Kind::Avx512 => unsafe { avx2::split(split) },
            _ => split_with(split, split_four),
        }
    }

    /// Puts a real spectrum into the input of the transform of half the length.
    pub(super) fn merge(self, merge: Merge<'_>) {
        match self.0 {
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 | Kind::Avx512 => unsafe { avx2::merge(merge) },
            _ => merge_with(merge, merge_four),
        }
    }

    /// Decodes a block that starts and ends in state zero: two of `soft` per step into one of `bits`. Steps
    /// beyond the shortest of the three slices are left alone.
    pub(crate) fn decode(self, soft: &[i8], decisions: &mut [Decisions], bits: &mut [u8]) {
        let steps = (soft.len() / 2).min(bits.len()).min(decisions.len() * GROUP);
        let (soft, bits) = (&soft[..2 * steps], &mut bits[..steps]);
        let decisions = &mut decisions[..steps.div_ceil(GROUP)];
        match self.0 {
            Kind::Scalar => scalar::decode(soft, decisions, bits),
            // SAFETY: a `Kernel` of this kind exists only where the processor has the features.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { avx2::decode(soft, decisions, bits) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { avx512::decode(soft, decisions, bits) },
            // SAFETY: as above.
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            Kind::Neon => unsafe { neon::decode(soft, decisions, bits) },
        }
    }
}

/// Even samples as real parts, odd ones as imaginary parts, where they are.
pub(super) fn as_points(samples: &[f32]) -> &[Complex<f32>] {
    // SAFETY: a `Complex<f32>` is two `f32` in that order, with their alignment, and half as many cover no more.
    unsafe { core::slice::from_raw_parts(samples.as_ptr().cast(), samples.len() / 2) }
}

/// The same for samples that are to be written.
pub(super) fn as_points_mut(samples: &mut [f32]) -> &mut [Complex<f32>] {
    // SAFETY: as above, and the borrow is passed on.
    unsafe { core::slice::from_raw_parts_mut(samples.as_mut_ptr().cast(), samples.len() / 2) }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "AVX-512",
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            Kind::Neon => "NEON",
        })
    }
}

/// Portable, and the definition of what the others compute.
mod scalar {
    use super::*;

    pub(super) fn decode(soft: &[i8], decisions: &mut [Decisions], bits: &mut [u8]) {
        let mut metrics = [u8::MAX; 64];
        metrics[0] = 0;
        decode_with(soft, decisions, bits, |costs, decisions| group(&mut metrics, costs, decisions));
    }

    #[inline(always)]
    fn group(metrics: &mut [u8; 64], costs: &[Costs; GROUP], decisions: &mut Decisions) {
        let floor = metrics.iter().fold(u8::MAX, |least, &metric| least.min(metric));
        decisions[0] = step::<0>(metrics, costs[0]);
        decisions[1] = step::<1>(metrics, costs[1]);
        decisions[2] = step::<2>(metrics, costs[2]);
        decisions[3] = step::<3>(metrics, costs[3]);
        decisions[4] = step::<4>(metrics, costs[4]);
        metrics.iter_mut().for_each(|metric| *metric -= floor);
        decisions[5] = step::<5>(metrics, costs[5]);
    }

    /// In loops that compilers turn into whatever registers there are.
    #[inline(always)]
    fn step<const K: usize>(metrics: &mut [u8; 64], costs: Costs) -> u64 {
        let all = costs[0] + costs[BOTH];
        let mut neighbours = *metrics;
        exchange::<K>(&mut neighbours);
        let mut moved = [0; 64];
        for position in 0..64 {
            let cost = choose(costs, PATTERNS[K][0][position]);
            let stay = metrics[position].saturating_add(cost);
            let come = neighbours[position].saturating_add(all - cost);
            metrics[position] = stay.min(come);
            moved[position] = u8::from(come < stay);
        }
        pack(&moved)
    }

    /// `costs[pattern]`, without looking up.
    #[inline(always)]
    fn choose(costs: Costs, pattern: u8) -> u8 {
        let (a, b) = ((pattern & 1).wrapping_neg(), (pattern >> 1).wrapping_neg());
        let zero = costs[0] ^ (costs[0] ^ costs[1]) & a;
        let one = costs[2] ^ (costs[2] ^ costs[3]) & a;
        zero ^ (zero ^ one) & b
    }

    /// Exchanges the positions that differ in bit `K`.
    #[inline(always)]
    fn exchange<const K: usize>(metrics: &mut [u8; 64]) {
        for pair in metrics.chunks_exact_mut(2 << K) {
            let (low, high) = pair.split_at_mut(1 << K);
            low.swap_with_slice(high);
        }
    }

    /// The lowest bits of 64 octets.
    #[inline(always)]
    fn pack(octets: &[u8; 64]) -> u64 {
        let bits =
            octets.as_chunks().0.iter().map(|&eight| u64::from_le_bytes(eight).wrapping_mul(GATHER) >> 56);
        bits.rev().fold(0, |word, bits| word << 8 | bits)
    }

    /// Times this, eight octets of 0 or 1 have their bits in the highest octet.
    const GATHER: u64 = 0x0102_0408_1020_4080;
}

/// Two registers of 32 positions each.
#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::super::real_fft::{Four, Turns};
    use super::*;
    use core::arch::x86_64::*;

    #[target_feature(enable = "avx2")]
    pub(super) fn run<B: Body<I>, I>(input: I) -> B::Output {
        B::run(input)
    }

    #[target_feature(enable = "avx2,bmi1,bmi2")]
    pub(super) fn decode(soft: &[i8], decisions: &mut [Decisions], bits: &mut [u8]) {
        let unreached = _mm256_set1_epi8(-1);
        let mut metrics = [_mm256_insert_epi8::<0>(unreached, 0), unreached];
        let patterns = black_box(&PATTERNS);
        decode_with(soft, decisions, bits, |costs, decisions| {
            group(patterns, &mut metrics, costs, decisions)
        });
    }

    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn group(
        patterns: &Patterns<64>,
        metrics: &mut [__m256i; 2],
        costs: &[Costs; GROUP],
        decisions: &mut Decisions,
    ) {
        let floor = least(metrics);
        decisions[0] = step::<0>(&patterns[0], metrics, costs[0]);
        decisions[1] = step::<1>(&patterns[1], metrics, costs[1]);
        decisions[2] = step::<2>(&patterns[2], metrics, costs[2]);
        decisions[3] = step::<3>(&patterns[3], metrics, costs[3]);
        decisions[4] = step::<4>(&patterns[4], metrics, costs[4]);
        *metrics = metrics.map(|metrics| _mm256_sub_epi8(metrics, floor));
        decisions[5] = step::<5>(&patterns[5], metrics, costs[5]);
    }

    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn step<const K: usize>(patterns: &[[u8; 64]; 4], metrics: &mut [__m256i; 2], costs: Costs) -> u64 {
        let costs = _mm256_set1_epi32(i32::from_le_bytes(costs));
        let [low, high] = *metrics;
        let neighbours = if K == 5 { [high, low] } else { [exchange::<K>(low), exchange::<K>(high)] };
        let branch = |flip: usize| _mm256_shuffle_epi8(costs, load(&patterns[flip]));
        let upper = const { stays(K, 32) as usize };
        let (low_stays, low_comes, high_stays, high_comes) = (
            _mm256_adds_epu8(low, branch(0)),
            _mm256_adds_epu8(neighbours[0], branch(BOTH)),
            _mm256_adds_epu8(high, branch(upper)),
            _mm256_adds_epu8(neighbours[1], branch(upper ^ BOTH)),
        );
        *metrics = [_mm256_min_epu8(low_stays, low_comes), _mm256_min_epu8(high_stays, high_comes)];
        !(u64::from(equal(metrics[0], low_stays)) | u64::from(equal(metrics[1], high_stays)) << 32)
    }

    /// Exchanges the positions that differ in bit `K`.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn exchange<const K: usize>(metrics: __m256i) -> __m256i {
        match K {
            0 => _mm256_shuffle_epi8(metrics, load(const { &neighbours(1) })),
            1 => _mm256_shuffle_epi8(metrics, load(const { &neighbours(2) })),
            2 => _mm256_shuffle_epi32::<0b10_11_00_01>(metrics),
            3 => _mm256_shuffle_epi32::<0b01_00_11_10>(metrics),
            _ => _mm256_permute4x64_epi64::<0b01_00_11_10>(metrics),
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn equal(a: __m256i, b: __m256i) -> u32 {
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(a, b)) as u32
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn least(metrics: &[__m256i; 2]) -> __m256i {
        let both = _mm256_min_epu8(metrics[0], metrics[1]);
        _mm256_broadcastb_epi8(least_of_32(both))
    }

    /// The least of 32 octets, in the first octet.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn least_of_32(octets: __m256i) -> __m128i {
        let octets = _mm_min_epu8(_mm256_castsi256_si128(octets), _mm256_extracti128_si256::<1>(octets));
        _mm_minpos_epu16(_mm_min_epu8(octets, _mm_srli_epi16::<8>(octets)))
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn split(job: Split<'_>) {
        split_with(job, |a, b, turns, low, high| {
            let (a, b) = (points(a), mirrored(points(b)));
            let (sums, differences) = (_mm256_add_ps(a, b), _mm256_sub_ps(a, b));
            let halves = _mm256_mul_ps(_mm256_set1_ps(0.5), sums);
            let (along, across) = turned(differences, turns);
            let turned = _mm256_add_ps(along, across);
            store(low, _mm256_add_ps(halves, turned));
            store(high, mirrored(_mm256_sub_ps(halves, turned)));
        });
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn merge(job: Merge<'_>) {
        merge_with(job, |four, turns, ahead, behind| {
            let four = points(four);
            let (along, across) = turned(_mm256_add_ps(four, four), turns);
            let turned = _mm256_sub_ps(along, across);
            store(ahead, _mm256_add_ps(four, turned));
            store(behind, mirrored(_mm256_sub_ps(four, turned)));
        });
    }

    /// The two products whose sum is four points turned.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn turned(four: __m256, turns: Turns<'_, 4>) -> (__m256, __m256) {
        let crossed = _mm256_permute_ps::<0b10_11_00_01>(four);
        (_mm256_mul_ps(pairs(turns.re), four), _mm256_mul_ps(pairs(turns.im), crossed))
    }

    /// Four points in the opposite order, conjugated.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn mirrored(four: __m256) -> __m256 {
        let back = _mm256_permute4x64_pd::<0b00_01_10_11>(_mm256_castps_pd(four));
        let signs = _mm256_castsi256_ps(_mm256_set1_epi64x(i64::MIN));
        _mm256_xor_ps(_mm256_castpd_ps(back), signs)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn points(four: &Four) -> __m256 {
        // SAFETY: the reference covers eight numbers, and this load needs no alignment.
        unsafe { _mm256_loadu_ps(four.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn pairs(four: &[[f32; 2]; 4]) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_loadu_ps(four.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn store(to: &mut Four, four: __m256) {
        // SAFETY: as above.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr().cast(), four) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(octets: &[u8; 64]) -> __m256i {
        // SAFETY: the reference covers the first 32 octets, and this load needs no alignment.
        unsafe { _mm256_loadu_si256(octets.as_ptr().cast()) }
    }
}

/// One register, and decisions straight from its comparisons.
#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::avx2::least_of_32;
    use super::*;
    use core::arch::x86_64::*;

    #[target_feature(enable = "avx512f,avx512bw,avx2,bmi1,bmi2")]
    pub(super) fn decode(soft: &[i8], decisions: &mut [Decisions], bits: &mut [u8]) {
        let mut metrics = _mm512_mask_set1_epi8(_mm512_set1_epi8(-1), 1, 0);
        let patterns = black_box(&PATTERNS);
        decode_with(soft, decisions, bits, |costs, decisions| {
            group(patterns, &mut metrics, costs, decisions)
        });
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx2,bmi1,bmi2")]
    fn group(
        patterns: &Patterns<64>,
        metrics: &mut __m512i,
        costs: &[Costs; GROUP],
        decisions: &mut Decisions,
    ) {
        let floor = least(*metrics);
        decisions[0] = step::<0>(&patterns[0], metrics, costs[0]);
        decisions[1] = step::<1>(&patterns[1], metrics, costs[1]);
        decisions[2] = step::<2>(&patterns[2], metrics, costs[2]);
        decisions[3] = step::<3>(&patterns[3], metrics, costs[3]);
        decisions[4] = step::<4>(&patterns[4], metrics, costs[4]);
        *metrics = _mm512_sub_epi8(*metrics, floor);
        decisions[5] = step::<5>(&patterns[5], metrics, costs[5]);
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn step<const K: usize>(patterns: &[[u8; 64]; 4], metrics: &mut __m512i, costs: Costs) -> u64 {
        let costs = _mm512_set1_epi32(i32::from_le_bytes(costs));
        let branch = |flip: usize| _mm512_shuffle_epi8(costs, load(&patterns[flip]));
        let stays = _mm512_adds_epu8(*metrics, branch(0));
        let comes = _mm512_adds_epu8(exchange::<K>(*metrics), branch(BOTH));
        *metrics = _mm512_min_epu8(stays, comes);
        _mm512_cmplt_epu8_mask(comes, stays)
    }

    /// Exchanges the positions that differ in bit `K`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn exchange<const K: usize>(metrics: __m512i) -> __m512i {
        match K {
            0 => _mm512_shuffle_epi8(metrics, load(const { &neighbours(1) })),
            1 => _mm512_rol_epi32::<16>(metrics),
            2 => _mm512_rol_epi64::<32>(metrics),
            3 => _mm512_shuffle_epi32::<0b01_00_11_10>(metrics),
            4 => _mm512_shuffle_i64x2::<0b10_11_00_01>(metrics, metrics),
            _ => _mm512_shuffle_i64x2::<0b01_00_11_10>(metrics, metrics),
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx2")]
    fn least(metrics: __m512i) -> __m512i {
        let low = _mm512_castsi512_si256(metrics);
        let both = _mm256_min_epu8(low, _mm512_extracti64x4_epi64::<1>(metrics));
        _mm512_broadcastb_epi8(least_of_32(both))
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn load(octets: &[u8; 64]) -> __m512i {
        // SAFETY: the reference covers the 64 octets, and this load needs no alignment.
        unsafe { _mm512_loadu_si512(octets.as_ptr().cast()) }
    }
}

/// Indices of the octets `distance` away, by exchange, for a look-up within each 16 octets.
#[cfg(target_arch = "x86_64")]
const fn neighbours(distance: usize) -> [u8; 64] {
    let mut indices = [0; 64];
    let mut n = 0;
    while n < 64 {
        indices[n] = ((n ^ distance) % 16) as u8;
        n += 1;
    }
    indices
}

/// Four registers of 16 positions each, position `4 n + r` in octet `n` of register `r`: so the decisions of four
/// registers are merged into four bits per octet, and there is no need to gather single bits.
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod neon {
    use super::super::trellis::patterns;
    use super::*;
    use core::arch::aarch64::*;

    type Metrics = [uint8x16_t; 4];

    #[target_feature(enable = "neon")]
    pub(super) fn decode(soft: &[i8], decisions: &mut [Decisions], bits: &mut [u8]) {
        let tables = black_box(&TABLES);
        let unreached = vdupq_n_u8(u8::MAX);
        let mut metrics = [vsetq_lane_u8::<0>(0, unreached), unreached, unreached, unreached];
        decode_with(soft, decisions, bits, |costs, decisions| group(tables, &mut metrics, costs, decisions));
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn group(tables: &Tables, metrics: &mut Metrics, costs: &[Costs; GROUP], decisions: &mut Decisions) {
        let floor = least(metrics);
        decisions[0] = step::<0>(tables, metrics, costs[0]);
        decisions[1] = step::<1>(tables, metrics, costs[1]);
        decisions[2] = step::<2>(tables, metrics, costs[2]);
        decisions[3] = step::<3>(tables, metrics, costs[3]);
        decisions[4] = step::<4>(tables, metrics, costs[4]);
        *metrics = metrics.map(|metrics| vsubq_u8(metrics, floor));
        decisions[5] = step::<5>(tables, metrics, costs[5]);
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn step<const K: usize>(tables: &Tables, metrics: &mut Metrics, costs: Costs) -> u64 {
        let costs = vreinterpretq_u8_u32(vdupq_n_u32(u32::from_le_bytes(costs)));
        let branch = |flip: usize| vqtbl1q_u8(costs, load(&tables.patterns[K][flip]));
        let flips = const { [0, stays(K, 1) as usize, stays(K, 2) as usize, stays(K, 3) as usize] };
        let (stay_costs, come_costs) = (flips.map(&branch), flips.map(|flip| branch(flip ^ BOTH)));
        let neighbours = exchange::<K>(*metrics);
        let stays: Metrics = from_fn(|n| vqaddq_u8(metrics[n], stay_costs[n]));
        let comes: Metrics = from_fn(|n| vqaddq_u8(neighbours[n], come_costs[n]));
        *metrics = from_fn(|n| vminq_u8(stays[n], comes[n]));
        pack(tables, from_fn(|n| vcltq_u8(comes[n], stays[n])))
    }

    /// Exchanges the positions that differ in bit `K`.
    #[inline]
    #[target_feature(enable = "neon")]
    fn exchange<const K: usize>(metrics: Metrics) -> Metrics {
        let [a, b, c, d] = metrics;
        match K {
            0 => [b, a, d, c],
            1 => [c, d, a, b],
            2 => metrics.map(|metrics| vrev16q_u8(metrics)),
            3 => metrics.map(|m| vreinterpretq_u8_u16(vrev32q_u16(vreinterpretq_u16_u8(m)))),
            4 => metrics.map(|m| vreinterpretq_u8_u32(vrev64q_u32(vreinterpretq_u32_u8(m)))),
            _ => metrics.map(|metrics| vextq_u8::<8>(metrics, metrics)),
        }
    }

    /// One bit of each of 64 octets that are all ones or all zeros.
    #[inline]
    #[target_feature(enable = "neon")]
    fn pack(tables: &Tables, octets: Metrics) -> u64 {
        let [a, b, c, d] = octets;
        let (odd_bits, low_pairs) = (load(&tables.odd_bits), load(&tables.low_pairs));
        let nibbles = vbslq_u8(low_pairs, vbslq_u8(odd_bits, a, b), vbslq_u8(odd_bits, c, d));
        let packed = vshrn_n_u16::<4>(vreinterpretq_u16_u8(nibbles));
        vget_lane_u64::<0>(vreinterpret_u64_u8(packed))
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn least(metrics: &Metrics) -> uint8x16_t {
        let [a, b, c, d] = *metrics;
        vdupq_n_u8(vminvq_u8(vminq_u8(vminq_u8(a, b), vminq_u8(c, d))))
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn load(octets: &[u8; 16]) -> uint8x16_t {
        // SAFETY: the reference covers the 16 octets, and this load needs no alignment.
        unsafe { vld1q_u8(octets.as_ptr()) }
    }

    struct Tables {
        patterns: Patterns<16>,
        odd_bits: [u8; 16],
        low_pairs: [u8; 16],
    }

    static TABLES: Tables =
        Tables { patterns: patterns(4), odd_bits: [0b0101_0101; 16], low_pairs: [0b0011_0011; 16] };
}

#[cfg(all(target_arch = "x86_64", feature = "std"))]
fn has_avx2() -> bool {
    use std::is_x86_feature_detected as has;
    has!("avx2") && has!("bmi1") && has!("bmi2")
}

#[cfg(all(target_arch = "x86_64", not(feature = "std")))]
fn has_avx2() -> bool {
    cfg!(all(target_feature = "avx2", target_feature = "bmi1", target_feature = "bmi2"))
}

#[cfg(all(target_arch = "x86_64", feature = "std"))]
fn has_avx512() -> bool {
    use std::is_x86_feature_detected as has;
    has_avx2() && has!("avx512f") && has!("avx512bw")
}

#[cfg(all(target_arch = "x86_64", not(feature = "std")))]
fn has_avx512() -> bool {
    has_avx2() && cfg!(all(target_feature = "avx512f", target_feature = "avx512bw"))
}
