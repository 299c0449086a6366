//! A numerical oscillator: a phase that follows the mains, and its sine.

/// Fractional bits of [`sine`]: a product with a sample and the sum of a window of them fit 64 bits.
pub(crate) const SINE_FRACTION: u32 = 24;

/// Phase of the mains, a turn being 2^32, advanced by every sample.
#[derive(Clone, Debug)]
pub(crate) struct Oscillator {
    phase: u32,
    step: u32,
}

impl Oscillator {
    /// An oscillator of `hz` at `sample_rate_hz`.
    pub(crate) const fn new(hz: u32, sample_rate_hz: u32) -> Self {
        Self { phase: 0, step: (((hz as u64) << 32) / sample_rate_hz as u64) as u32 }
    }

    /// The phase of the next sample.
    pub(crate) const fn phase(&self) -> u32 {
        self.phase
    }

    /// How far a sample advances it.
    pub(crate) const fn step(&self) -> u32 {
        self.step
    }

    /// To the next sample.
    pub(crate) const fn advance(&mut self) {
        self.phase = self.phase.wrapping_add(self.step);
    }

    /// The mains have turned `cycles` times in `duration` (samples with 16 fractional bits), and the next sample lags the end of
    /// that by `lag` (16 fractional bits), where the phase is `phase`.
    pub(crate) fn lock(&mut self, cycles: u32, duration: u64, phase: u32, lag: u32) {
        if let Some(step) = (u64::from(cycles) << 48).checked_div(duration) {
            self.step = u32::try_from(step).unwrap_or(self.step);
        }
        let since = (u64::from(self.step) * u64::from(lag)) >> 16;
        self.phase = phase.wrapping_add(since as u32);
    }
}

/// Sine of a phase, with [`SINE_FRACTION`] fractional bits; off by less than 4e-7.
pub(crate) fn sine(phase: u32) -> i32 {
    let quadrant = phase >> 30;
    let within = phase & (QUARTER - 1);
    let at = if quadrant & 1 == 0 { within } else { QUARTER - within };
    let (index, rest) = ((at >> REST_BITS) as usize, (at & ((1 << REST_BITS) - 1)) as i64);
    let (low, high) = (SINES[index], SINES[index + 1]);
    let value = low + ((i64::from(high - low) * rest) >> REST_BITS) as i32;
    if quadrant & 2 == 0 { value } else { -value }
}

/// Cosine of a phase.
pub(crate) fn cosine(phase: u32) -> i32 {
    sine(phase.wrapping_add(QUARTER))
}

/// A quarter of a turn.
pub(crate) const QUARTER: u32 = 1 << 30;
const TABLE_BITS: u32 = 10;
const REST_BITS: u32 = 30 - TABLE_BITS;

/// The first quarter of the sine; one more entry stands after its end for the interpolation there.
static SINES: [i32; (1 << TABLE_BITS) + 2] = sines();

const fn sines() -> [i32; (1 << TABLE_BITS) + 2] {
    let mut table = [0; (1 << TABLE_BITS) + 2];
    let mut n = 0;
    while n < table.len() {
        table[n] = exact_sine(n as i128, TABLE_BITS + 2, SINE_FRACTION) as i32;
        n += 1;
    }
    table
}

/// Sine of `n / 2^bits` turns, at most a bit more than a quarter, with `fraction` fractional bits: the series of Taylor in 60
/// fractional bits. For tables, at compile time.
pub(crate) const fn exact_sine(n: i128, bits: u32, fraction: u32) -> i64 {
    const TAU_Q60: i128 = 7_244_019_458_077_122_842;
    let x = (n * TAU_Q60) >> bits;
    let square = (x * x) >> 60;
    let (mut term, mut sum, mut k) = (x, x, 1);
    while k < 12 {
        term = -((term * square) >> 60) / ((2 * k) * (2 * k + 1));
        sum += term;
        k += 1;
    }
    ((sum + (1 << (59 - fraction))) >> (60 - fraction)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::TAU;

    #[test]
    fn the_sine_is_that_of_theory_all_around() {
        for n in 0..100_003u32 {
            let phase = n.wrapping_mul(42_949);
            let angle = f64::from(phase) / 2f64.powi(32) * TAU;
            let scale = f64::from(1 << SINE_FRACTION);
            assert!((f64::from(sine(phase)) / scale - angle.sin()).abs() < 4e-7, "{phase}");
            assert!((f64::from(cosine(phase)) / scale - angle.cos()).abs() < 4e-7, "{phase}");
        }
        assert_eq!(sine(QUARTER), 1 << SINE_FRACTION);
        assert_eq!(sine(3 * QUARTER), -(1 << SINE_FRACTION));
    }

    #[test]
    fn the_phase_is_locked_to_the_crossing() {
        let mut oscillator = Oscillator::new(50, 8000);
        oscillator.lock(10, 1600 << 16, 5, 1 << 15);
        assert_eq!(oscillator.step(), 26_843_545);
        assert_eq!(oscillator.phase(), 5 + 26_843_545 / 2);
        oscillator.advance();
        assert_eq!(oscillator.phase(), 5 + 26_843_545 / 2 + 26_843_545);
    }
}
