//! The sums of products over whole cycles, and what they say.

use crate::crossing::Lag;
use crate::ratings::Ratings;
use crate::specs::YOCTOWATT_PER_MW;

/// Values of the last window of about 200 ms. All zero before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instantaneous {
    /// RMS voltage, in µV.
    pub u_uv: u64,
    /// RMS current, in µA.
    pub i_ua: u64,
    /// Active power, in mW; positive is import.
    pub active_power_mw: i64,
    /// Frequency over the last second, in mHz; `None` while the voltage is below a tenth of Un.
    pub frequency_mhz: Option<u32>,
}

/// Sums of products. Cannot overflow: see [`crate::specs::WINDOW_SAMPLES_MAX`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    samples: u32,
    /// By how much the first sample lagged the crossing at which the window began.
    start: Lag,
    uu: i64,
    ii: i64,
    ui: i64,
}

impl Window {
    /// A window whose first sample lags its beginning by `start`.
    pub(crate) fn beginning(start: Lag) -> Self {
        Self { start, ..Self::default() }
    }

    /// Adds one pair of samples, both within ±[`crate::specs::SAMPLE_MAX`].
    pub(crate) fn add(&mut self, u: i32, i: i32) {
        let (u, i) = (i64::from(u), i64::from(i));
        self.uu += u * u;
        self.ii += i * i;
        self.ui += u * i;
        self.samples += 1;
    }

    /// Samples so far.
    pub(crate) const fn samples(&self) -> u32 {
        self.samples
    }

    /// The sum of u·i, in squared steps · samples.
    pub(crate) const fn ui(&self) -> i64 {
        self.ui
    }

    /// What the window says when the next sample lags its end by `end`.
    pub(crate) fn instantaneous(&self, end: Lag, ratings: &Ratings) -> Instantaneous {
        let duration = (u64::from(self.samples) << 16) + u64::from(self.start) - u64::from(end);
        Instantaneous {
            u_uv: rms(self.uu, duration, ratings.u_pv_per_lsb),
            i_ua: rms(self.ii, duration, ratings.i_pa_per_lsb),
            active_power_mw: power_mw(self.ui, duration, ratings),
            frequency_mhz: None,
        }
    }
}

/// RMS in millionths of the unit from a sum of squares over `duration` (samples with 16 fractional bits),
/// with a step of `pico` millionths of a millionth.
fn rms(sum: i64, duration: u64, pico: u64) -> u64 {
    let mean_q32 = (u128::from(sum.unsigned_abs()) << 48) / u128::from(duration.max(1));
    let rms_q16 = mean_q32.isqrt();
    ((rms_q16 * u128::from(pico) / 1_000_000) >> 16) as u64
}

/// Mean power in mW from a sum of products over `duration`.
fn power_mw(ui: i64, duration: u64, ratings: &Ratings) -> i64 {
    let total = u128::from(ui.unsigned_abs()) * ratings.yoctowatt_per_lsb2();
    let per_sample_q0 = total / u128::from(duration.max(1));
    let mw = (per_sample_q0 / (YOCTOWATT_PER_MW >> 16)) as i64;
    if ui < 0 { -mw } else { mw }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specs::{SAMPLE_MAX, WINDOW_SAMPLES_MAX};

    #[test]
    fn a_full_window_of_the_largest_samples_fits() {
        let mut window = Window::beginning(0);
        (0..WINDOW_SAMPLES_MAX).for_each(|_| window.add(SAMPLE_MAX, -SAMPLE_MAX));
        let ratings = Ratings { u_pv_per_lsb: 1 << 35, i_pa_per_lsb: 1 << 28, ..Ratings::household() };
        let values = window.instantaneous(0, &ratings);
        let (u, i) =
            (u128::from(SAMPLE_MAX.unsigned_abs()) << 35, u128::from(SAMPLE_MAX.unsigned_abs()) << 28);
        assert_eq!(u128::from(values.u_uv), u / 1_000_000);
        assert_eq!(u128::from(values.i_ua), i / 1_000_000);
        let mw = (u * i / YOCTOWATT_PER_MW) as i64;
        assert!((values.active_power_mw + mw).abs() <= mw >> 40, "{} {mw}", values.active_power_mw);
    }

    #[test]
    fn power_of_one_volt_and_one_ampere_is_one_watt() {
        let ratings =
            Ratings { u_pv_per_lsb: 1_000_000_000, i_pa_per_lsb: 1_000_000_000, ..Ratings::household() };
        let mut window = Window::beginning(1 << 15);
        (0..1600).for_each(|_| window.add(1000, 1000));
        let values = window.instantaneous(1 << 15, &ratings);
        assert_eq!((values.u_uv, values.i_ua, values.active_power_mw), (1_000_000, 1_000_000, 1000));
    }
}
