//! What every kernel of the Viterbi decoder shares: the prices of branches, their patterns, and the way back.

use core::array::from_fn;

/// The highest level of a soft bit inside the decoder. Two of them twelve times over, less what the free distance
/// of the code gives back, fit into eight bits.
const LEVEL_MAX: u8 = 15;
/// Soft bits per level, as a shift: [`LEVEL_MAX`] is reached at 58.
const LEVEL_SHIFT: u32 = 2;
/// Steps after which the positions mean again what they meant.
pub(crate) const GROUP: usize = 6;
/// Groups whose branch costs are computed together.
const BLOCK: usize = 8;

/// Parts of a block that are traced back at once.
const STRANDS: usize = 4;
/// Groups behind a part from which its end is guessed.
const OVERLAP: usize = 12;

/// Decisions of six steps, a bit per position.
pub(crate) type Decisions = [u64; GROUP];
/// Costs of the branch with the coded bits `a`, `b`, at index `a + 2 b`.
pub(super) type Costs = [u8; 4];

/// The body of every kernel, compiled again inside each: branch costs, six steps at a time, and the way back.
#[inline(always)]
pub(super) fn decode_with(
    soft: &[i8],
    decisions: &mut [Decisions],
    bits: &mut [u8],
    mut group: impl FnMut(&[Costs; GROUP], &mut Decisions),
) {
    let mut costs = [[[0; 4]; GROUP]; BLOCK];
    for (soft, decisions) in soft.chunks(2 * GROUP * BLOCK).zip(decisions.chunks_mut(BLOCK)) {
        price(soft, &mut costs);
        for (costs, decisions) in costs.iter().zip(decisions) {
            group(costs, decisions);
        }
    }
    trace_back(decisions, bits);
}

/// The costs of the branches of some steps; steps that are not there cost nothing.
#[inline(always)]
fn price(soft: &[i8], costs: &mut [[Costs; GROUP]; BLOCK]) {
    let mut padded = [0; 2 * GROUP * BLOCK];
    let soft = soft.as_array().unwrap_or_else(|| {
        padded[..soft.len()].copy_from_slice(soft);
        &padded
    });
    for (pair, costs) in soft.as_chunks().0.iter().zip(costs.as_flattened_mut()) {
        let [[a_zero, a_one], [b_zero, b_one]] = pair.map(penalties);
        *costs = [a_zero + b_zero, a_one + b_zero, a_zero + b_one, a_one + b_one];
    }
}

/// What it costs to claim that a soft bit is 0, and that it is 1.
#[inline(always)]
fn penalties(soft: i8) -> [u8; 2] {
    let level = |magnitude: u8| ((magnitude + (1 << LEVEL_SHIFT >> 1)) >> LEVEL_SHIFT).min(LEVEL_MAX);
    [level(soft.min(0).unsigned_abs()), level(soft.max(0) as u8)]
}

/// From state zero at the end to the beginning.
#[inline(always)]
fn trace_back(decisions: &[Decisions], bits: &mut [u8]) {
    let (groups, rest) = bits.as_chunks_mut();
    let mut position = 0;
    if let Some(last) = decisions.get(groups.len()) {
        rest.fill(0);
        last[..rest.len()].iter().enumerate().rev().for_each(|(k, &step)| position = back(k, step, position));
    }
    let decisions = &decisions[..groups.len()];
    let strand = groups.len() / STRANDS;
    let alone = if strand < 2 * OVERLAP { 0 } else { STRANDS * strand };
    let position = trace(&decisions[alone..], position, &mut groups[alone..]);
    if alone > 0 {
        trace_strands(&decisions[..alone], position, &mut groups[..alone]);
    }
}

/// Traces all parts of a block at once, because a step back waits for the one before. Where a part ends is guessed
/// first, as paths from anywhere join within some steps; a part whose guess proves wrong is traced again.
#[inline(always)]
fn trace_strands(decisions: &[Decisions], end: u64, bits: &mut [[u8; GROUP]]) {
    let strand = bits.len() / STRANDS;
    let decisions: [_; STRANDS] = from_fn(|n| &decisions[n * strand..][..strand]);
    let bits = quarters(bits, strand);
    let mut positions = [end; STRANDS];
    for n in (0..OVERLAP).rev() {
        for part in 1..STRANDS {
            positions[part - 1] = back_group(&decisions[part][n], positions[part - 1]);
        }
    }
    let ends = positions;
    for n in (0..strand).rev() {
        for part in 0..STRANDS {
            bits[part][n] = bits_of(positions[part]);
            positions[part] = back_group(&decisions[part][n], positions[part]);
        }
    }
    for part in (1..STRANDS).rev() {
        if ends[part - 1] != positions[part] {
            positions[part - 1] = trace(decisions[part - 1], positions[part], bits[part - 1]);
        }
    }
}

#[inline(always)]
fn quarters(bits: &mut [[u8; GROUP]], len: usize) -> [&mut [[u8; GROUP]]; STRANDS] {
    let (first, rest) = bits.split_at_mut(len);
    let (second, rest) = rest.split_at_mut(len);
    let (third, rest) = rest.split_at_mut(len);
    [first, second, third, &mut rest[..len]]
}

/// Traces a part of a block from its end; gives the position at its beginning.
#[inline(always)]
fn trace(decisions: &[Decisions], end: u64, bits: &mut [[u8; GROUP]]) -> u64 {
    decisions.iter().zip(bits).rev().fold(end, |position, (decisions, bits)| {
        *bits = bits_of(position);
        back_group(decisions, position)
    })
}

/// The six bits that came in the six steps up to a position.
#[inline(always)]
fn bits_of(position: u64) -> [u8; GROUP] {
    let [bits @ .., _, _] = SPREAD[position as usize % 64];
    bits
}

/// Six steps back.
#[inline(always)]
fn back_group(decisions: &Decisions, position: u64) -> u64 {
    let [zero, one, two, three, four, five] = *decisions;
    let position = back(3, three, back(4, four, back(5, five, position)));
    back(0, zero, back(1, one, back(2, two, position)))
}

/// A step back: flips bit `k` of the position if that is where its path moved.
#[inline(always)]
fn back(k: usize, moved: u64, position: u64) -> u64 {
    position ^ (moved.wrapping_shr(position as u32) & 1) << k
}

/// The bits of a position, one per octet.
const SPREAD: [[u8; 8]; 64] = {
    let mut spread = [[0; 8]; 64];
    let mut n = 0;
    while n < 8 * 64 {
        spread[n / 8][n % 8] = ((n / 8) >> (n % 8) & 1) as u8;
        n += 1;
    }
    spread
};

/// The coded bits `a + 2 b` on the branch on which a position stays in step `k`: the bit that comes and the bit that
/// goes are equal there, and both generators have both taps, so the five bits between decide.
pub(super) const fn stays(k: usize, position: usize) -> u8 {
    let delays = position << GROUP | position;
    let [one, two, three, five] =
        [delays >> (k + 5), delays >> (k + 4), delays >> (k + 3), delays >> (k + 1)];
    ((one ^ two ^ three) & 1 | ((two ^ three ^ five) & 1) << 1) as u8
}

/// For each step of a group, and for each way to flip the coded bits: [`stays`] of `N` positions, so flipped. For
/// look-ups in [`Costs`].
pub(super) type Patterns<const N: usize> = [[[u8; N]; 4]; GROUP];

/// The patterns of every position.
pub(super) static PATTERNS: Patterns<64> = patterns(1);

/// The patterns of the positions that are multiples of `stride`.
pub(super) const fn patterns<const N: usize>(stride: usize) -> Patterns<N> {
    let mut patterns = [[[0; N]; 4]; GROUP];
    let mut n = 0;
    while n < N * 4 * GROUP {
        let (k, flip, entry) = (n / N / 4, n / N % 4, n % N);
        patterns[k][flip][entry] = stays(k, stride * entry) ^ flip as u8;
        n += 1;
    }
    patterns
}

/// Flips both coded bits: from the branch on which a position stays to the one on which it moves.
pub(super) const BOTH: usize = 3;
