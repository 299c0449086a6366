//! GF(256) with x⁸+x⁴+x³+x²+1 and α = 2, by tables.

/// Primitive polynomial: 0x11D.
const POLYNOMIAL: u16 = 0x11D;

/// Two logarithms of which one is this or more add up to an entry of [`EXP`] that is zero.
const LOG_OF_ZERO: u16 = 510;
/// Powers of α, twice over so that a sum of two logarithms needs no reduction, then zeros.
static EXP: [u8; 1024] = exp_table();
/// Logarithms to the base α.
static LOG: [u16; 256] = log_table();

const fn exp_table() -> [u8; 1024] {
    let (mut table, mut power, mut n) = ([0; 1024], 1u16, 0);
    while n < LOG_OF_ZERO as usize {
        table[n] = power as u8;
        power <<= 1;
        if power > 0xFF {
            power ^= POLYNOMIAL;
        }
        n += 1;
    }
    table
}

const fn log_table() -> [u16; 256] {
    let (exp, mut table, mut n) = (exp_table(), [LOG_OF_ZERO; 256], 0);
    while n < 255 {
        table[exp[n] as usize] = n as u16;
        n += 1;
    }
    table
}

/// Product.
pub(super) const fn mul(a: u8, b: u8) -> u8 {
    EXP[(LOG[a as usize] + LOG[b as usize]) as usize & 1023]
}

/// Quotient; `b` must not be zero.
pub(super) const fn div(a: u8, b: u8) -> u8 {
    if a == 0 { 0 } else { EXP[(LOG[a as usize] + 255 - LOG[b as usize]) as usize & 1023] }
}

/// α to the power `n`.
pub(super) const fn alpha(n: usize) -> u8 {
    EXP[n % 255]
}

/// The logarithm of `a`, which must not be zero.
pub(super) const fn log(a: u8) -> usize {
    LOG[a as usize] as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shift and add: the slow truth.
    fn slow_mul(a: u8, b: u8) -> u8 {
        let mut product = 0u16;
        for bit in (0..8).rev() {
            product <<= 1;
            product ^= if product & 0x100 != 0 { POLYNOMIAL } else { 0 };
            product ^= if b >> bit & 1 == 1 { u16::from(a) } else { 0 };
        }
        product as u8
    }

    #[test]
    fn tables_agree_with_shift_and_add() {
        for a in 0..=255 {
            for b in 0..=255 {
                assert_eq!(mul(a, b), slow_mul(a, b));
                assert!(b == 0 || mul(div(a, b), b) == a);
            }
            assert!(a == 0 || alpha(log(a)) == a);
        }
    }
}
