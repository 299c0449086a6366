//! What a window says, in units.

use crate::ledger::HALF_SQRT_3_Q30;
use crate::phasor::{Phasor, millidegrees, signed_millidegrees};
use crate::ratings::{Ratings, Wiring};
use crate::specs::YOCTOWATT_PER_UW;
use crate::window::{ElementSums, FIT_FRACTION, Finished};

/// Values of the last window of about 200 ms, in short. All zero before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instantaneous {
    /// RMS voltage of element 0, in µV.
    pub u_uv: u64,
    /// RMS current of element 0, in µA.
    pub i_ua: u64,
    /// Total active power, in mW; positive is import.
    pub active_power_mw: i64,
    /// Frequency over the last second, in mHz; `None` while the voltage is below a tenth of Un.
    pub frequency_mhz: Option<u32>,
}

/// Values of one element over the last window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ElementValues {
    /// RMS voltage, in µV.
    pub u_uv: u64,
    /// RMS current, in µA.
    pub i_ua: u64,
    /// Active power, in µW.
    pub active_uw: i64,
    /// Active power of the fundamental, in µW.
    pub fundamental_uw: i64,
    /// Reactive power of the fundamental, in µvar; positive when the current lags.
    pub reactive_uvar: i64,
    /// Apparent power, in µVA.
    pub apparent_uva: u64,
    /// Fundamental of the voltage, RMS in nV, about the phase of the oscillator.
    pub voltage: Phasor,
    /// Fundamental of the current, RMS in nA.
    pub current: Phasor,
}

/// The order in which the phases follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PhaseSequence {
    /// There are not three voltages, or not at about a third of a turn.
    #[default]
    Unknown,
    /// 1, 2, 3.
    Forward,
    /// 1, 3, 2.
    Reversed,
}

/// Values of the last window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// Of the elements; those that the wiring does not have are zero.
    pub elements: [ElementValues; 3],
    /// Total active power, in µW.
    pub active_uw: i64,
    /// Total reactive power of the fundamental, in µvar.
    pub reactive_uvar: i64,
    /// Arithmetic apparent power, in µVA: the sum of the elements, of two elements √3/2 of it.
    pub apparent_arithmetic_uva: u64,
    /// Vector apparent power, in µVA: the length of active and reactive power.
    pub apparent_vector_uva: u64,
    /// RMS current of the neutral as measured, in µA.
    pub neutral_ua: u64,
    /// RMS of the sum of the phase currents, in µA. For one phase, its current; zero for three wires.
    pub residual_ua: u64,
    /// The order of the phases.
    pub sequence: PhaseSequence,
}

impl ElementValues {
    /// Active by apparent power, in thousandths; `None` without a current.
    pub fn power_factor_per_mille(&self) -> Option<i32> {
        per_mille(self.active_uw, self.apparent_uva)
    }

    /// By how much the current lags the voltage, in thousandths of a degree, -180 000 to 180 000; `None` without either.
    pub fn lag_mdeg(&self) -> Option<i32> {
        let present = self.voltage != Phasor::default() && self.current != Phasor::default();
        present.then(|| signed_millidegrees(self.voltage.angle().wrapping_sub(self.current.angle())))
    }
}

impl Values {
    /// Active by arithmetic apparent power, in thousandths; `None` without a current.
    pub fn power_factor_per_mille(&self) -> Option<i32> {
        per_mille(self.active_uw, self.apparent_arithmetic_uva)
    }

    /// By how much the voltage of `element` lags that of element 0, in thousandths of a degree, 0 to 359 999.
    pub fn voltage_lag_mdeg(&self, element: usize) -> i32 {
        let angle = |n: usize| self.elements[n].voltage.angle();
        millidegrees(angle(0).wrapping_sub(angle(element)))
    }

    pub(crate) fn new(window: &Finished, reactive: &[i128; 3], ratings: &Ratings) -> Self {
        let mut values = Self::default();
        let count = ratings.wiring.elements();
        for (n, (sums, &reactive)) in window.elements.iter().zip(reactive).take(count).enumerate() {
            values.elements[n] = element(sums, reactive, window, ratings);
        }
        values.add_up(ratings.wiring);
        values.neutral_ua = rms(window.neutral, window.duration, ratings.i_pa_per_lsb);
        values.residual_ua = match ratings.wiring {
            Wiring::OnePhaseTwoWire => values.elements[0].i_ua,
            Wiring::ThreePhaseFourWire => 4 * rms(window.residual, window.duration, ratings.i_pa_per_lsb),
            Wiring::ThreePhaseThreeWire => 0,
        };
        values.sequence = values.sequence_of(ratings);
        values
    }

    /// The total of the powers of the elements.
    pub(crate) fn add_up(&mut self, wiring: Wiring) {
        let elements = &self.elements[..wiring.elements()];
        self.active_uw = elements.iter().map(|element| element.active_uw).sum();
        self.reactive_uvar = elements.iter().map(|element| element.reactive_uvar).sum();
        let arithmetic: u64 = elements.iter().map(|element| element.apparent_uva).sum();
        self.apparent_arithmetic_uva = match wiring {
            Wiring::ThreePhaseThreeWire => ((u128::from(arithmetic) * HALF_SQRT_3_Q30) >> 30) as u64,
            _ => arithmetic,
        };
        let square = |x: i64| u128::from(x.unsigned_abs()).pow(2);
        self.apparent_vector_uva = (square(self.active_uw) + square(self.reactive_uvar)).isqrt() as u64;
    }

    pub(crate) fn sequence_of(&self, ratings: &Ratings) -> PhaseSequence {
        let least = u64::from(ratings.un_mv) * 1000 / 2;
        let wiring = ratings.wiring;
        if self.elements[..wiring.elements()].iter().any(|element| element.u_uv < least) {
            return PhaseSequence::Unknown;
        }
        // Of three wires, the voltages 1-2 and 3-2 are 300° apart (lag) in a forward system.
        let (second, forward, reversed) = match wiring {
            Wiring::OnePhaseTwoWire => return PhaseSequence::Unknown,
            Wiring::ThreePhaseFourWire => (self.voltage_lag_mdeg(1), 120_000, 240_000),
            Wiring::ThreePhaseThreeWire => (self.voltage_lag_mdeg(1), 300_000, 60_000),
        };
        let third = self.voltage_lag_mdeg(2);
        let near = |angle: i32, wanted: i32| (angle - wanted).abs() <= SEQUENCE_TOLERANCE_MDEG;
        let third_is = |wanted| wiring == Wiring::ThreePhaseThreeWire || near(third, wanted);
        match second {
            angle if near(angle, forward) && third_is(240_000) => PhaseSequence::Forward,
            angle if near(angle, reversed) && third_is(120_000) => PhaseSequence::Reversed,
            _ => PhaseSequence::Unknown,
        }
    }
}

/// √½ with 30 fractional bits.
const HALF_SQRT_2_Q30: i128 = 759_250_125;
/// By how much the angle between two voltages may be off, in thousandths of a degree; confidence C.
const SEQUENCE_TOLERANCE_MDEG: i32 = 20_000;

fn element(sums: &ElementSums, reactive: i128, window: &Finished, ratings: &Ratings) -> ElementValues {
    let (u_uv, i_ua) = (
        rms(sums.uu, window.duration, ratings.u_pv_per_lsb),
        rms(sums.ii, window.duration, ratings.i_pa_per_lsb),
    );
    let samples = u64::from(window.samples) << 16;
    let fundamental = sums.u.dot(sums.i) >> (2 * FIT_FRACTION - 8);
    let fundamental = (fundamental * i128::from(window.samples)) >> 9;
    ElementValues {
        u_uv,
        i_ua,
        active_uw: power_uw(i128::from(sums.ui), window.duration, ratings),
        fundamental_uw: power_uw(fundamental, samples, ratings),
        reactive_uvar: power_uw(reactive, samples, ratings),
        apparent_uva: (u128::from(u_uv) * u128::from(i_ua) / 1_000_000) as u64,
        voltage: nano(sums.u, ratings.u_pv_per_lsb),
        current: nano(sums.i, ratings.i_pa_per_lsb),
    }
}

/// A phasor of peak steps as RMS in 1e-9 of the unit.
fn nano(phasor: Phasor, pico: u64) -> Phasor {
    let scale = |part: i64| {
        let pico_rms = (i128::from(part) * i128::from(pico) * HALF_SQRT_2_Q30) >> (30 + FIT_FRACTION);
        (pico_rms / 1000) as i64
    };
    Phasor { re: scale(phasor.re), im: scale(phasor.im) }
}

/// RMS in millionths of the unit from a sum of squares over `duration` (samples with 16 fractional bits),
/// with a step of `pico` millionths of a millionth.
fn rms(sum: i64, duration: u64, pico: u64) -> u64 {
    let mean_q32 = (u128::from(sum.unsigned_abs()) << 48) / u128::from(duration.max(1));
    let rms_q16 = mean_q32.isqrt();
    ((rms_q16 * u128::from(pico) / 1_000_000) >> 16) as u64
}

/// Mean power in µW from a sum of products over `duration`.
pub(crate) fn power_uw(sum: i128, duration: u64, ratings: &Ratings) -> i64 {
    let total = sum.unsigned_abs() * ratings.yoctowatt_per_lsb2();
    let per_sample_q0 = total / u128::from(duration.max(1));
    let uw = (per_sample_q0 / (YOCTOWATT_PER_UW >> 16)) as i64;
    if sum < 0 { -uw } else { uw }
}

fn per_mille(active: i64, apparent: u64) -> Option<i32> {
    (apparent > 0).then(|| (i128::from(active) * 1000 / i128::from(apparent)).clamp(-1000, 1000) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::ElementCalibration;
    use crate::specs::{SAMPLE_MAX, WINDOW_SAMPLES_MAX};
    use crate::window::Window;

    fn values(window: &Window, end: u32, ratings: &Ratings) -> Values {
        Values::new(&window.finish(end, [&ElementCalibration::default(); 3]), &[0; 3], ratings)
    }

    #[test]
    fn a_full_window_of_the_largest_samples_fits() {
        let mut window = Window::beginning(Some(0));
        (0..WINDOW_SAMPLES_MAX).for_each(|n| {
            window.add::<3>(&[[SAMPLE_MAX, -SAMPLE_MAX]; 3], -SAMPLE_MAX, n << 22);
        });
        let ratings = Ratings { u_pv_per_lsb: 1 << 35, i_pa_per_lsb: 1 << 28, ..Ratings::three_phase() };
        let values = values(&window, 0, &ratings);
        let max = u128::from(SAMPLE_MAX.unsigned_abs());
        let (u, i) = (max << 35, max << 28);
        let uw = (u * i / YOCTOWATT_PER_UW) as i64;
        for element in values.elements {
            assert_eq!((u128::from(element.u_uv), u128::from(element.i_ua)), (u / 1_000_000, i / 1_000_000));
            assert!((element.active_uw + uw).abs() <= uw >> 40, "{} {uw}", element.active_uw);
        }
        assert!(values.residual_ua.abs_diff(3 * (i / 1_000_000) as u64) <= values.residual_ua >> 22);
    }

    #[test]
    fn power_of_one_volt_and_one_ampere_is_one_watt() {
        let ratings =
            Ratings { u_pv_per_lsb: 1_000_000_000, i_pa_per_lsb: 1_000_000_000, ..Ratings::household() };
        let mut window = Window::beginning(Some(1 << 15));
        (0..1600).for_each(|n| window.add::<1>(&[[1000; 2], [0; 2], [0; 2]], 0, n << 24));
        let element = values(&window, 1 << 15, &ratings).elements[0];
        assert_eq!((element.u_uv, element.i_ua, element.active_uw), (1_000_000, 1_000_000, 1_000_000));
    }
}
