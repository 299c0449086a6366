//! The fundamental of a channel as a phasor, and angles.

/// A sinusoid `re·sin θ + im·cos θ` about the phase θ of the oscillator: `im/re` is the tangent of its lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phasor {
    /// Part in phase, peak value.
    pub re: i64,
    /// Part a quarter of a turn ahead, peak value.
    pub im: i64,
}

/// A third of a turn, a turn being 2^32.
pub const THIRD: u32 = 0x5555_5555;

impl Phasor {
    /// The sum of two.
    pub const fn plus(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }

    /// The difference of two.
    pub const fn minus(self, other: Self) -> Self {
        Self { re: self.re - other.re, im: self.im - other.im }
    }

    /// Turned forwards by a phase, a turn being 2^32.
    pub fn turned(self, phase: u32) -> Self {
        let (s, c) =
            (i128::from(crate::oscillator::sine(phase)), i128::from(crate::oscillator::cosine(phase)));
        let (re, im) = (i128::from(self.re), i128::from(self.im));
        let half = 1 << (crate::oscillator::SINE_FRACTION - 1);
        let scaled = |value: i128| ((value + half) >> crate::oscillator::SINE_FRACTION) as i64;
        Self { re: scaled(re * c - im * s), im: scaled(re * s + im * c) }
    }

    /// Length, in the unit of the parts.
    pub const fn magnitude(self) -> u64 {
        let (re, im) = (self.re.unsigned_abs() as u128, self.im.unsigned_abs() as u128);
        (re * re + im * im).isqrt() as u64
    }

    /// Lead before the sine of phase 0, a turn being 2^32; off by less than 1e-8 of a turn.
    pub fn angle(self) -> u32 {
        if self.re == 0 && self.im == 0 {
            return 0;
        }
        // As large as it goes, so that small phasors have fine angles.
        let room = (self.re.unsigned_abs() | self.im.unsigned_abs()).leading_zeros().saturating_sub(4);
        let (mut x, mut y) = (self.re << room, self.im << room);
        let mut angle = 0u32;
        if x < 0 {
            (x, y, angle) = (-x, -y, 1 << 31);
        }
        for (n, &step) in ARCTANGENTS.iter().enumerate() {
            let (dx, dy) = (x >> n, y >> n);
            if y > 0 {
                (x, y, angle) = (x + dy, y - dx, angle.wrapping_add(step));
            } else {
                (x, y, angle) = (x - dy, y + dx, angle.wrapping_sub(step));
            }
        }
        angle
    }

    /// Twice the mean product with another sinusoid: U·I·cos φ of the peak values.
    pub const fn dot(self, other: Self) -> i128 {
        self.re as i128 * other.re as i128 + self.im as i128 * other.im as i128
    }

    /// Twice the mean product with another sinusoid that has been put a quarter of a turn ahead: U·I·sin φ of the peak values,
    /// positive when the other lags.
    pub const fn cross(self, other: Self) -> i128 {
        self.im as i128 * other.re as i128 - self.re as i128 * other.im as i128
    }
}

/// A phase in thousandths of a degree, 0 to 359 999.
pub(crate) const fn millidegrees(phase: u32) -> i32 {
    (((phase as u64 * 360_000 + (1 << 31)) >> 32) % 360_000) as i32
}

/// A phase in thousandths of a degree, from -180 000 up to but not including 180 000.
pub(crate) const fn signed_millidegrees(phase: u32) -> i32 {
    ((phase as i32 as i64 * 360_000 + (1 << 31)) >> 32) as i32
}

/// Arcus tangent of 2^-n, a turn being 2^32.
const ARCTANGENTS: [u32; 30] = arctangents();

const fn arctangents() -> [u32; 30] {
    let mut table = [1 << 29; 30];
    let mut n = 1;
    while n < table.len() {
        table[n] = arctangent(n as u32);
        n += 1;
    }
    table
}

/// Arcus tangent of 2^-`n`, n from 1: its series, in 62 fractional bits; then from radians to turns.
const fn arctangent(n: u32) -> u32 {
    const TURN_PER_RADIAN_Q62: i128 = 733_972_625_820_500_307;
    let (mut sum, mut k): (i128, u32) = (0, 0);
    while (2 * k + 1) * n < 62 {
        let term = ((1i128 << 62) >> ((2 * k + 1) * n)) / (2 * k as i128 + 1);
        sum += if k.is_multiple_of(2) { term } else { -term };
        k += 1;
    }
    ((sum * TURN_PER_RADIAN_Q62 + (1 << 91)) >> 92) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::TAU;

    fn polar(length: f64, degrees: f64) -> Phasor {
        let angle = degrees.to_radians();
        Phasor { re: (length * angle.cos()).round() as i64, im: (length * angle.sin()).round() as i64 }
    }

    #[test]
    fn angle_and_magnitude_are_those_of_theory() {
        for n in 0..3600 {
            let degrees = f64::from(n) / 10.0;
            let phasor = polar(1e12, degrees);
            let turns = f64::from(phasor.angle()) / 2f64.powi(32);
            let apart = (turns - degrees / 360.0 + 0.5).rem_euclid(1.0) - 0.5;
            assert!(apart.abs() < 1e-8, "{degrees} {turns}");
            assert!(phasor.magnitude().abs_diff(1_000_000_000_000) <= 1);
        }
        assert_eq!(Phasor::default().angle(), 0);
        assert_eq!(millidegrees(Phasor { re: 0, im: -7 }.angle()), 270_000);
        assert_eq!(signed_millidegrees(Phasor { re: 0, im: -7 }.angle()), -90_000);
        assert_eq!(signed_millidegrees(u32::MAX), 0);
    }

    #[test]
    fn a_phasor_turns_forwards() {
        let turned = polar(1e12, 10.0).turned(THIRD);
        let wanted = polar(1e12, 130.0);
        assert!((turned.re - wanted.re).abs() < 1_000_000 && (turned.im - wanted.im).abs() < 1_000_000);
    }

    #[test]
    fn a_lagging_current_gives_positive_reactive_power() {
        let (u, i) = (polar(1e6, 25.0), polar(1e6, 25.0 - 30.0));
        assert!((u.dot(i) as f64 - 1e12 * (TAU / 12.0).cos()).abs() < 1e7);
        assert!((u.cross(i) as f64 - 1e12 * 0.5).abs() < 1e7);
    }
}
