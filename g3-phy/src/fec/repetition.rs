//! Repetition of coded bits, and the combining of their soft values.

/// How copies follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepetitionOrder {
    /// All copies of a bit, then the next bit.
    #[default]
    BitByBit,
    /// The whole block, then the whole block again.
    BlockByBlock,
}

/// Where copy number `copy` of bit number `bit` stands in a stream of `count` bits sent `factor` times each.
pub const fn copy_position(
    order: RepetitionOrder,
    factor: usize,
    count: usize,
    bit: usize,
    copy: usize,
) -> usize {
    match order {
        RepetitionOrder::BitByBit => bit * factor + copy,
        RepetitionOrder::BlockByBlock => copy * count + bit,
    }
}

/// The soft value of a bit from the sum of its `factor` copies: half the sum when there are several, so that noise keeps
/// its resolution and only clear cases saturate.
pub const fn combine(sum: i32, factor: usize) -> i8 {
    let scaled = if factor > 1 { sum * 2 / factor as i32 } else { sum };
    if scaled > 127 {
        127
    } else if scaled < -127 {
        -127
    } else {
        scaled as i8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_fill_every_position_once() {
        for order in [RepetitionOrder::BitByBit, RepetitionOrder::BlockByBlock] {
            let mut seen = [0; 30];
            (0..5).for_each(|bit| (0..6).for_each(|copy| seen[copy_position(order, 6, 5, bit, copy)] += 1));
            assert_eq!(seen, [1; 30]);
        }
        assert_eq!(copy_position(RepetitionOrder::BitByBit, 4, 100, 3, 1), 13);
        assert_eq!(copy_position(RepetitionOrder::BlockByBlock, 4, 100, 3, 1), 103);
    }

    #[test]
    fn combining_saturates_and_keeps_the_sign() {
        assert_eq!(
            (combine(5, 1), combine(-40, 4), combine(4 * 127, 4), combine(-6 * 127, 6)),
            (5, -20, 127, -127)
        );
    }
}
