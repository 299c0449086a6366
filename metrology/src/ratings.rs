//! What is printed on the meter, and what one step of its converters is worth.

use crate::specs;
use ::core::fmt;

/// Accuracy class for active energy \[62053-21, 62053-22\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccuracyClass {
    /// 1 %.
    One,
    /// 2 %.
    Two,
    /// 0.5S: 0.5 %, from a hundredth of In. Only for transformers.
    HalfS,
    /// 0.2S: 0.2 %, from a hundredth of In. Only for transformers.
    FifthS,
}

/// How the meter is wired: which elements measure what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wiring {
    /// One phase, two wires: one element, and the current of the neutral as a check.
    OnePhaseTwoWire,
    /// Three phases, four wires: three elements, each from a phase to the neutral.
    ThreePhaseFourWire,
    /// Three phases, three wires: two elements (Blondel). Element 0 has the voltage from phase 2 to phase 1 and the
    /// current of phase 1, element 1 the voltage from phase 2 to phase 3 and the current of phase 3.
    ThreePhaseThreeWire,
}

impl Wiring {
    /// Measuring elements.
    pub const fn elements(self) -> usize {
        match self {
            Self::OnePhaseTwoWire => 1,
            Self::ThreePhaseFourWire => 3,
            Self::ThreePhaseThreeWire => 2,
        }
    }
}

/// How the current gets to the meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Through the meter.
    Direct,
    /// Through transformers: what the meter counts is of their secondary side.
    Transformer(TransformerRatios),
}

/// Ratios of the transformers before the meter, primary to secondary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransformerRatios {
    /// Of the voltage: (1, 1) where there is none.
    pub voltage: (u32, u32),
    /// Of the current.
    pub current: (u32, u32),
}

impl Connection {
    /// An amount of the secondary side as one of the primary side, rounded down.
    pub const fn primary(&self, secondary: u64) -> u128 {
        match self {
            Self::Direct => secondary as u128,
            Self::Transformer(TransformerRatios { voltage: (u1, u2), current: (i1, i2) }) => {
                secondary as u128 * (*u1 as u128 * *i1 as u128) / (*u2 as u128 * *i2 as u128)
            }
        }
    }
}

/// How the elements become the total of a polyphase meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Summation {
    /// Sum first, then sign, as a Ferraris meter does: one phase's export offsets the import of the others.
    Vector,
    /// Each phase goes to import or export by its own sign.
    PerPhase,
    /// The magnitudes of all phases are import: against reversed currents.
    Absolute,
}

/// Which apparent power the total counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apparent {
    /// The sum of the products of RMS values of the elements.
    Arithmetic,
    /// The length of active and reactive power.
    Vector,
}

/// The ratings of a meter and what the steps of its converters are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratings {
    /// Reference voltage Un of an element, in mV RMS: phase to neutral, or for three wires phase to phase.
    pub un_mv: u32,
    /// Basic current Ib, or for transformers the rated current In, in mA RMS.
    pub ib_ma: u32,
    /// Maximum current Imax, in mA RMS.
    pub imax_ma: u32,
    /// Accuracy class for active energy.
    pub class: AccuracyClass,
    /// Which elements there are.
    pub wiring: Wiring,
    /// What is between the meter and the line.
    pub connection: Connection,
    /// How the elements become the total.
    pub summation: Summation,
    /// Which apparent power the total counts.
    pub apparent: Apparent,
    /// Pulses of the test output per kWh (and per kvarh).
    pub constant_imp_per_kwh: u32,
    /// Samples per second of all channels, within [`specs::SAMPLE_RATE_HZ`].
    pub sample_rate_hz: u32,
    /// Picovolt per step of the voltage channels, at most [`specs::PICO_PER_LSB_MAX`].
    pub u_pv_per_lsb: u64,
    /// Picoampere per step of the current channels, at most [`specs::PICO_PER_LSB_MAX`].
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
            wiring: Wiring::OnePhaseTwoWire,
            connection: Connection::Direct,
            summation: Summation::Vector,
            apparent: Apparent::Arithmetic,
            constant_imp_per_kwh: 1_000,
            sample_rate_hz: 8_000,
            u_pv_per_lsb: 59_604_645,
            i_pa_per_lsb: 14_305_115,
        }
    }

    /// A direct connected meter 3x230/400 V 5(60) A of class 1, four wires.
    pub const fn three_phase() -> Self {
        Self { wiring: Wiring::ThreePhaseFourWire, ..Self::household() }
    }

    /// A meter 3x230/400 V 5(6) A of class 0.2S behind current transformers 100/5, four wires, with 24-bit converters of ±500 V
    /// and ±12 A.
    pub const fn transformer() -> Self {
        Self {
            imax_ma: 6_000,
            class: AccuracyClass::FifthS,
            connection: Connection::Transformer(TransformerRatios { voltage: (1, 1), current: (100, 5) }),
            constant_imp_per_kwh: 10_000,
            i_pa_per_lsb: 1_430_511,
            ..Self::three_phase()
        }
    }

    /// Starting current, in µA.
    pub const fn starting_current_ua(&self) -> u64 {
        let direct = matches!(self.connection, Connection::Direct);
        let per_mille = match self.class {
            AccuracyClass::One if direct => specs::STARTING_CURRENT_CLASS_1_PER_MILLE,
            AccuracyClass::Two if direct => specs::STARTING_CURRENT_CLASS_2_PER_MILLE,
            AccuracyClass::One => specs::STARTING_CURRENT_CLASS_1_CT_PER_MILLE,
            AccuracyClass::Two => specs::STARTING_CURRENT_CLASS_2_CT_PER_MILLE,
            AccuracyClass::HalfS | AccuracyClass::FifthS => specs::STARTING_CURRENT_S_PER_MILLE,
        };
        self.ib_ma as u64 * per_mille as u64
    }

    /// Power of an element below which nothing is registered, in mW (or mvar, mVA): half of the starting power.
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
        if let Connection::Transformer(TransformerRatios { voltage, current }) = self.connection
            && [voltage.0, voltage.1, current.0, current.1].contains(&0)
        {
            return Err(RatingError::Transformer);
        }
        if self.constant_imp_per_kwh == 0 {
            return Err(RatingError::Constant);
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
    /// A ratio of the transformers has a zero.
    Transformer,
    /// The meter constant is zero.
    Constant,
}

impl fmt::Display for RatingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SampleRate => "sample rate out of range",
            Self::Step => "value of a converter step out of range",
            Self::StepProduct => "product of both converter steps too large",
            Self::Reference => "Un, Ib or Imax out of range",
            Self::Transformer => "zero in the ratio of a transformer",
            Self::Constant => "meter constant of zero",
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
        assert_eq!(check(Ratings { constant_imp_per_kwh: 0, ..good }), RatingError::Constant);
        let ratios = TransformerRatios { voltage: (1, 1), current: (100, 0) };
        let bad = Ratings { connection: Connection::Transformer(ratios), ..good };
        assert_eq!(check(bad), RatingError::Transformer);
        assert_eq!(check(Ratings { imax_ma: 4_999, ..good }), RatingError::Reference);
    }
    #[test]
    fn behind_transformers_the_meter_starts_lower_and_tells_of_the_primary_side() {
        let ratings = Ratings::transformer();
        assert_eq!(ratings.check(), Ok(()));
        assert_eq!((ratings.starting_current_ua(), ratings.creep_threshold_mw()), (5_000, 575));
        assert_eq!(ratings.connection.primary(1_234), 24_680);
        let ratios = TransformerRatios { voltage: (20_000, 100), current: (300, 5) };
        assert_eq!(Connection::Transformer(ratios).primary(u64::MAX), u128::from(u64::MAX) * 12_000);
    }
}
