//! The procedure that finds calibration constants from what a reference standard says.
//!
//! The meter runs with the calibration so far while a source feeds it and the reference. Each step takes the mean of what the
//! meter shows over some windows ([`Average`]) and what the reference shows over the same time ([`Reference`]), and gives a better
//! calibration:
//!
//! 1. [`no_load`]: voltage on, current circuits open: noise of the current channel and crosstalk;
//! 2. [`gain`]: Un and the reference current at power factor 1: gains of voltage and current;
//! 3. [`phase`]: the same at power factor 0.5 (or 1): delay of the current. Without step 4 this holds for all currents;
//! 4. [`point`]: the same at up to [`crate::CURRENT_POINTS`] currents, ascending: what the sensor does there.

use crate::calibration::{CURRENT_POINTS, CurrentPoint, ElementCalibration, GAIN_ONE};
use crate::delay::{DELAY_MAX, DELAY_ONE};
use crate::phasor::Phasor;
use crate::ratings::Ratings;
use crate::specs::YOCTOWATT_PER_UW;
use crate::values::ElementValues;
use ::core::fmt;

/// What a reference standard shows for one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// RMS voltage, in µV.
    pub u_uv: u64,
    /// RMS current, in µA.
    pub i_ua: u64,
    /// Active power, in µW.
    pub active_uw: i64,
    /// Reactive power of the fundamental, in µvar; positive when the current lags.
    pub reactive_uvar: i64,
    /// Frequency, in mHz.
    pub frequency_mhz: u32,
}

/// Mean of what an element shows over some windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Average {
    windows: u32,
    u_uv: u128,
    i_ua: u128,
    i_square: u128,
    active_uw: i128,
    reactive_uvar: i128,
}

impl Average {
    /// Adds the values of one more window.
    pub fn add(&mut self, values: &ElementValues) {
        self.windows += 1;
        self.u_uv += u128::from(values.u_uv);
        self.i_ua += u128::from(values.i_ua);
        self.i_square += u128::from(values.i_ua).pow(2);
        self.active_uw += i128::from(values.active_uw);
        self.reactive_uvar += i128::from(values.reactive_uvar);
    }

    /// Windows so far.
    pub const fn windows(&self) -> u32 {
        self.windows
    }

    fn checked(&self) -> Result<u128, CalibrationError> {
        if self.windows == 0 { Err(CalibrationError::NoWindows) } else { Ok(u128::from(self.windows)) }
    }
}

/// Why a step of the calibration was refused. Nothing is changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalibrationError {
    /// No window was averaged.
    NoWindows,
    /// The reference or the meter shows nothing where there should be something.
    NoSignal,
    /// Meter and reference are so far apart that a constant is out of its range: a wire is wrong, or a part.
    OutOfRange,
    /// There is no such point, or its current is not above that of the one before.
    Point,
}

impl fmt::Display for CalibrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoWindows => "no window was averaged",
            Self::NoSignal => "no voltage, current or power where some was expected",
            Self::OutOfRange => "meter and reference differ by more than a constant can correct",
            Self::Point => "current points must ascend",
        })
    }
}

impl ::core::error::Error for CalibrationError {}

/// Current open, voltage on: noise and crosstalk.
///
/// # Errors
/// [`CalibrationError::NoWindows`], [`CalibrationError::OutOfRange`].
pub fn no_load(
    so_far: &ElementCalibration,
    meter: &Average,
    ratings: &Ratings,
) -> Result<ElementCalibration, CalibrationError> {
    let windows = meter.checked()?;
    let mut next = *so_far;
    let step_square = u128::from(ratings.i_pa_per_lsb).pow(2);
    let noise = meter.i_square / windows * 1_000_000_000_000 / step_square;
    next.current.noise =
        so_far.current.noise.saturating_add(i64::try_from(noise).map_err(|_| CalibrationError::OutOfRange)?);
    let offset = |micro: i128| -> Result<i64, CalibrationError> {
        let mean = micro * 65_536 / windows as i128;
        let scaled = mean.checked_mul(YOCTOWATT_PER_UW as i128).ok_or(CalibrationError::OutOfRange)?;
        i64::try_from(scaled / ratings.yoctowatt_per_lsb2() as i128).map_err(|_| CalibrationError::OutOfRange)
    };
    next.active_offset = so_far.active_offset.saturating_add(offset(meter.active_uw)?);
    next.reactive_offset = so_far.reactive_offset.saturating_add(offset(meter.reactive_uvar)?);
    Ok(next)
}

/// Un and the reference current at power factor 1: gains. The current's comes from the active power, because billing does.
///
/// # Errors
/// See [`CalibrationError`].
pub fn gain(
    so_far: &ElementCalibration,
    meter: &Average,
    reference: &Reference,
) -> Result<ElementCalibration, CalibrationError> {
    let windows = meter.checked()?;
    let mut next = *so_far;
    let (u_ref, u) = (u128::from(reference.u_uv) * windows, meter.u_uv);
    next.voltage.gain = scaled(so_far.voltage.gain, u_ref, u)?;
    let power_ref = u128::try_from(reference.active_uw).map_err(|_| CalibrationError::NoSignal)? * windows;
    let power = u128::try_from(meter.active_uw).map_err(|_| CalibrationError::NoSignal)?;
    // The voltage's part of the power's error is already in the voltage's gain.
    let voltage = u128::from(next.voltage.gain.unsigned_abs());
    let power = power.checked_mul(voltage).ok_or(CalibrationError::OutOfRange)?
        / u128::from(so_far.voltage.gain.unsigned_abs().max(1));
    next.current.gain = scaled(so_far.current.gain, power_ref, power)?;
    Ok(next)
}

/// The same at a known power factor: the delay of the current, alike for all currents.
///
/// # Errors
/// See [`CalibrationError`].
pub fn phase(
    so_far: &ElementCalibration,
    meter: &Average,
    reference: &Reference,
    ratings: &Ratings,
) -> Result<ElementCalibration, CalibrationError> {
    let delay = lacking_delay(meter, reference, ratings)?;
    let mut next = *so_far;
    for point in &mut next.points {
        point.delay = within(point.delay.saturating_add(delay))?;
    }
    Ok(next)
}

/// What the current sensor does at the current of the reference, which becomes point `at`; those after it are dropped.
///
/// # Errors
/// See [`CalibrationError`].
pub fn point(
    so_far: &ElementCalibration,
    at: usize,
    meter: &Average,
    reference: &Reference,
    ratings: &Ratings,
) -> Result<ElementCalibration, CalibrationError> {
    let windows = meter.checked()?;
    let ascends = at == 0 || so_far.points.get(at - 1).is_some_and(|before| before.ua < reference.i_ua);
    if at >= CURRENT_POINTS || !ascends {
        return Err(CalibrationError::Point);
    }
    let used = so_far.at(reference.i_ua);
    let length = |active: i128, reactive: i128| Phasor { re: active as i64, im: reactive as i64 }.magnitude();
    let (count, sums) = (windows as i128, (meter.active_uw, meter.reactive_uvar));
    let apparent = length(sums.0 / count, sums.1 / count);
    let wanted = length(i128::from(reference.active_uw), i128::from(reference.reactive_uvar));
    let delay = lacking_delay(meter, reference, ratings)?;
    let mut next = *so_far;
    next.points[at] = CurrentPoint {
        ua: reference.i_ua,
        gain: scaled(used.gain, u128::from(wanted), u128::from(apparent))?,
        delay: within(used.delay.saturating_add(delay))?,
    };
    let unused = CurrentPoint { ua: 0, ..next.points[at] };
    next.points[at + 1..].fill(unused);
    Ok(next)
}

/// By how much more the current must be delayed for the angle of the reference.
fn lacking_delay(meter: &Average, reference: &Reference, ratings: &Ratings) -> Result<i32, CalibrationError> {
    meter.checked()?;
    let shown = angle(meter.active_uw, meter.reactive_uvar)?;
    let wanted = angle(i128::from(reference.active_uw), i128::from(reference.reactive_uvar))?;
    let turns_q32 = i64::from(wanted.wrapping_sub(shown) as i32);
    let hertz_milli = i128::from(reference.frequency_mhz.max(1));
    let samples = i128::from(turns_q32) * i128::from(ratings.sample_rate_hz) * 1000 * i128::from(DELAY_ONE);
    i32::try_from((samples / hertz_milli) >> 32).map_err(|_| CalibrationError::OutOfRange)
}

fn angle(active: i128, reactive: i128) -> Result<u32, CalibrationError> {
    if active == 0 && reactive == 0 {
        return Err(CalibrationError::NoSignal);
    }
    let shift = 128 - (active.unsigned_abs() | reactive.unsigned_abs()).leading_zeros().min(128);
    let shift = shift.saturating_sub(60);
    Ok(Phasor { re: (active >> shift) as i64, im: (reactive >> shift) as i64 }.angle())
}

fn scaled(gain: i32, wanted: u128, shown: u128) -> Result<i32, CalibrationError> {
    if wanted == 0 || shown == 0 {
        return Err(CalibrationError::NoSignal);
    }
    let product = u128::from(gain.unsigned_abs()).checked_mul(wanted).ok_or(CalibrationError::OutOfRange)?;
    let scaled = i32::try_from((product + shown / 2) / shown).map_err(|_| CalibrationError::OutOfRange)?;
    if scaled < GAIN_ONE / 4 { Err(CalibrationError::OutOfRange) } else { Ok(scaled) }
}

fn within(delay: i32) -> Result<i32, CalibrationError> {
    if delay.abs() <= DELAY_MAX { Ok(delay) } else { Err(CalibrationError::OutOfRange) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: Reference = Reference {
        u_uv: 230_000_000,
        i_ua: 5_000_000,
        active_uw: 575_000_000,
        reactive_uvar: 995_929_214,
        frequency_mhz: 50_000,
    };

    fn shown(values: ElementValues) -> Average {
        let mut average = Average::default();
        (0..7).for_each(|_| average.add(&values));
        average
    }

    #[test]
    fn a_current_that_leads_by_a_tenth_of_a_degree_is_delayed_by_as_much() {
        // 59.9° instead of 60°.
        let meter =
            shown(ElementValues { active_uw: 576_737_335, reactive_uvar: 994_924_132, ..Default::default() });
        let next = phase(&ElementCalibration::default(), &meter, &REFERENCE, &Ratings::household()).unwrap();
        let samples = f64::from(next.points[0].delay) / f64::from(DELAY_ONE);
        assert!((samples * 2.25 - 0.1).abs() < 1e-3, "{samples}");
        let swapped = shown(ElementValues { active_uw: -575_000_000, ..Default::default() });
        let refused = phase(&ElementCalibration::default(), &swapped, &REFERENCE, &Ratings::household());
        assert_eq!(refused, Err(CalibrationError::OutOfRange));
    }

    #[test]
    fn gains_are_what_is_wanted_by_what_is_shown() {
        let reference = Reference { active_uw: 1_150_000_000, reactive_uvar: 0, ..REFERENCE };
        let meter = shown(ElementValues {
            u_uv: 232_300_000,
            active_uw: 1_161_500_000 * 2 / 3,
            ..Default::default()
        });
        let next = gain(&ElementCalibration::default(), &meter, &reference).unwrap();
        assert!((f64::from(next.voltage.gain) / f64::from(GAIN_ONE) * 1.01 - 1.0).abs() < 1e-8);
        assert!((f64::from(next.current.gain) / f64::from(GAIN_ONE) / 1.5 - 1.0).abs() < 1e-6);
        let none = gain(&ElementCalibration::default(), &Average::default(), &reference);
        assert_eq!(none, Err(CalibrationError::NoWindows));
    }

    #[test]
    fn points_ascend() {
        let meter =
            shown(ElementValues { active_uw: 575_000_000, reactive_uvar: 995_929_214, ..Default::default() });
        let ratings = Ratings::household();
        let one = point(&ElementCalibration::default(), 0, &meter, &REFERENCE, &ratings).unwrap();
        assert_eq!(point(&one, 1, &meter, &REFERENCE, &ratings), Err(CalibrationError::Point));
        assert_eq!(one.points[0].ua, 5_000_000);
        assert!((one.points[0].gain - GAIN_ONE).abs() < 4);
    }
}
