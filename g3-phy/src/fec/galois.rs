//! GF(256) with x⁸+x⁴+x³+x²+1 and α = 2, by tables.

/// Primitive polynomial without its highest term's overflow: 0x11D.
const POLYNOMIAL: u16 = 0x11D;

/// Powers of α, twice over so that a sum of two logarithms needs no reduction.
const EXP: [u8; 510] = exp_table();
/// Logarithms to the base α; the entry of zero is never used.
const LOG: [u8; 256] = log_table();

const fn exp_table() -> [u8; 510] {
    let (mut table, mut power, mut n) = ([0; 510], 1u16, 0);
    while n < 510 {
        table[n] = power as u8;
        power <<= 1;
        if power > 0xFF {
            power ^= POLYNOMIAL;
        }
        n += 1;
    }
    table
}

const fn log_table() -> [u8; 256] {
    let (mut table, mut n) = ([0; 256], 0);
    while n < 255 {
        table[EXP[n] as usize] = n as u8;
        n += 1;
    }
    table
}

/// Product.
pub(super) const fn mul(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 { 0 } else { EXP[LOG[a as usize] as usize + LOG[b as usize] as usize] }
}

/// Quotient; `b` must not be zero.
pub(super) const fn div(a: u8, b: u8) -> u8 {
    if a == 0 { 0 } else { EXP[LOG[a as usize] as usize + 255 - LOG[b as usize] as usize] }
}

/// α to the power `n`.
pub(super) const fn alpha(n: usize) -> u8 {
    EXP[n % 255]
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
        }
    }
}
