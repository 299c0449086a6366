//! What is printed on the meter, and what one step of its converters is worth.

use crate::specs;
use ::core::fmt;

/// Accuracy class for active energy \[62053-21\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccuracyClass {
    /// 1 %.
    One,
    /// 2 %.
    Two,
}

/// The ratings of a direct connected single-phase meter and the calibration of its converters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratings {
    /// Reference voltage Un, in mV RMS.
    pub un_mv: u32,
    /// Basic current Ib, in mA RMS.
    pub ib_ma: u32,
    /// Maximum current Imax, in mA RMS.
    pub imax_ma: u32,
    /// Accuracy class.
    pub class: AccuracyClass,
    /// Samples per second of both channels, within [`specs::SAMPLE_RATE_HZ`].
    pub sample_rate_hz: u32,
    /// Picovolt per step of the voltage channel, at most [`specs::PICO_PER_LSB_MAX`].
    pub u_pv_per_lsb: u64,
    /// Picoampere per step of the current channel, at most [`specs::PICO_PER_LSB_MAX`].
    pub i_pa_per_lsb: u64,
}

impl Ratings {
    /// A meter 230 V 5(60) A of class 1 with 24-bit converters of ±500 V and ±120 A at 8 kHz.
    pub const fn household() -> Self {
        Self {
            un_mv: 230_000,
            ib_ma: 5_000,
            imax_ma: 60_000,
            class: AccuracyClass::One,
            sample_rate_hz: 8_000,
            u_pv_per_lsb: 59_604_645,
            i_pa_per_lsb: 14_305_115,
        }
    }

    /// Starting current, in µA.
    pub const fn starting_current_ua(&self) -> u64 {
        let per_mille = match self.class {
            AccuracyClass::One => specs::STARTING_CURRENT_CLASS_1_PER_MILLE,
            AccuracyClass::Two => specs::STARTING_CURRENT_CLASS_2_PER_MILLE,
        };
        self.ib_ma as u64 * per_mille as u64
    }

    /// Power below which nothing is registered, in mW: half of the starting power.
    pub const fn creep_threshold_mw(&self) -> u64 {
        (self.un_mv as u64 * self.starting_current_ua()).div_ceil(specs::CREEP_DIVISOR * 1_000_000)
    }

    /// Checks that the arithmetic can serve these ratings.
    ///
    /// # Errors
    /// The first rating that is out of range.
    pub fn check(&self) -> Result<(), RatingError> {
        let steps = [self.u_pv_per_lsb, self.i_pa_per_lsb];
        if !specs::SAMPLE_RATE_HZ.contains(&self.sample_rate_hz) {
            return Err(RatingError::SampleRate);
        }
        if steps.iter().any(|&step| step == 0 || step > specs::PICO_PER_LSB_MAX) {
            return Err(RatingError::Step);
        }
        if self.yoctowatt_per_lsb2() > specs::PICO_SQUARED_MAX {
            return Err(RatingError::StepProduct);
        }
        let ordered = 0 < self.ib_ma && self.ib_ma <= self.imax_ma;
        if self.un_mv == 0 || !ordered { Err(RatingError::Reference) } else { Ok(()) }
    }

    /// What one step of voltage times one step of current is worth, in 1e-24 W.
    pub(crate) const fn yoctowatt_per_lsb2(&self) -> u128 {
        self.u_pv_per_lsb as u128 * self.i_pa_per_lsb as u128
    }
}

/// Why ratings are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RatingError {
    /// The sample rate is outside [`specs::SAMPLE_RATE_HZ`].
    SampleRate,
    /// A step is zero or above [`specs::PICO_PER_LSB_MAX`].
    Step,
    /// The product of both steps is above [`specs::PICO_SQUARED_MAX`].
    StepProduct,
    /// Un or Ib is zero, or Imax is below Ib.
    Reference,
}

impl fmt::Display for RatingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SampleRate => "sample rate out of range",
            Self::Step => "value of a converter step out of range",
            Self::StepProduct => "product of both converter steps too large",
            Self::Reference => "Un, Ib or Imax out of range",
        })
    }
}

impl ::core::error::Error for RatingError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_household_meter_starts_at_20_ma_and_withholds_below_half_of_that() {
        let ratings = Ratings::household();
        assert_eq!(ratings.check(), Ok(()));
        assert_eq!((ratings.starting_current_ua(), ratings.creep_threshold_mw()), (20_000, 2_300));
        let class_2 = Ratings { class: AccuracyClass::Two, ..ratings };
        assert_eq!((class_2.starting_current_ua(), class_2.creep_threshold_mw()), (25_000, 2_875));
    }

    #[test]
    fn ratings_that_the_arithmetic_cannot_serve_are_refused() {
        let good = Ratings::household();
        let check = |bad: Ratings| bad.check().unwrap_err();
        assert_eq!(check(Ratings { sample_rate_hz: 399, ..good }), RatingError::SampleRate);
        assert_eq!(check(Ratings { sample_rate_hz: 12_801, ..good }), RatingError::SampleRate);
        assert_eq!(check(Ratings { i_pa_per_lsb: 0, ..good }), RatingError::Step);
        assert_eq!(check(Ratings { u_pv_per_lsb: (1 << 35) + 1, ..good }), RatingError::Step);
        let both = Ratings { u_pv_per_lsb: 1 << 35, i_pa_per_lsb: (1 << 28) + 1, ..good };
        assert_eq!(check(both), RatingError::StepProduct);
        assert_eq!(check(Ratings { un_mv: 0, ..good }), RatingError::Reference);
        assert_eq!(check(Ratings { imax_ma: 4_999, ..good }), RatingError::Reference);
    }
}
