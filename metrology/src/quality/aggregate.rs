//! Ten-minute values \[61000-4-30 4.4\], and the verdict of a week \[50160\].

use super::flicker::plt_per_mille;
use super::harmonics::{HARMONICS, Spectrum};
use crate::specs::flicker::PLT_MAX_PER_MILLE;

/// Values over ten minutes: root of the mean square of the windows in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenMinutes {
    /// Windows in it.
    pub windows: u32,
    /// Voltages, in µV.
    pub u_uv: [u64; 3],
    /// Distortion of the voltages (THDS), in millionths of the fundamental.
    pub thd_ppm: [u32; 3],
    /// Harmonics of the voltages, in millionths of the fundamental.
    pub harmonics_ppm: [[u32; HARMONICS + 1]; 3],
    /// Negative by positive sequence of the voltages, in millionths.
    pub unbalance_ppm: u32,
    /// Flicker severity (Pst) of the voltages, in thousandths; `None` before it was measured. Of lamps of 230 V at 50 Hz.
    pub pst_per_mille: [Option<u32>; 3],
    /// A dip, swell or interruption fell into it.
    pub flagged: bool,
}

/// Collects windows for ten minutes.
#[derive(Clone, Debug)]
pub(crate) struct Aggregator {
    windows: u32,
    spectra: u32,
    u_square: [u128; 3],
    thd_square: [u64; 3],
    harmonic_square: [[u64; HARMONICS + 1]; 3],
    unbalance_square: u64,
    flagged: bool,
}

impl Aggregator {
    pub(crate) const fn new() -> Self {
        Self {
            windows: 0,
            spectra: 0,
            u_square: [0; 3],
            thd_square: [0; 3],
            harmonic_square: [[0; HARMONICS + 1]; 3],
            unbalance_square: 0,
            flagged: false,
        }
    }

    /// A window has ended.
    pub(crate) fn on_window(&mut self, u_uv: [u64; 3], unbalance_ppm: u32, flagged: bool) {
        self.windows += 1;
        for (sum, uv) in self.u_square.iter_mut().zip(u_uv) {
            *sum += u128::from(uv).pow(2);
        }
        self.unbalance_square += u64::from(unbalance_ppm).pow(2) >> SQUARE_SHIFT;
        self.flagged |= flagged;
    }

    /// The spectrum of the voltage of `channel` is there; the one of channel 0 comes first.
    pub(crate) fn on_spectrum(&mut self, channel: usize, spectrum: &Spectrum) {
        self.spectra += u32::from(channel == 0);
        let square = |ppm: u32| u64::from(ppm.min(PPM_MAX)).pow(2) >> SQUARE_SHIFT;
        self.thd_square[channel] += square(spectrum.thd_ppm());
        for (order, sum) in self.harmonic_square[channel].iter_mut().enumerate().skip(1) {
            *sum += square(spectrum.harmonic_ppm(order));
        }
    }

    /// Ten minutes are over.
    pub(crate) fn take(&mut self) -> TenMinutes {
        let whole = ::core::mem::replace(self, Self::new());
        let windows = u64::from(whole.windows.max(1));
        let spectra = u64::from(whole.spectra.max(1));
        let root = |sum: u64, count: u64| ((sum / count) << SQUARE_SHIFT).isqrt() as u32;
        TenMinutes {
            windows: whole.windows,
            u_uv: whole.u_square.map(|sum| (sum / u128::from(windows)).isqrt() as u64),
            thd_ppm: whole.thd_square.map(|sum| root(sum, spectra)),
            harmonics_ppm: whole.harmonic_square.map(|orders| orders.map(|sum| root(sum, spectra))),
            unbalance_ppm: root(whole.unbalance_square, windows),
            pst_per_mille: [None; 3],
            flagged: whole.flagged,
        }
    }
}

/// Squares of millionths lose these bits, so that thousands of them fit: a resolution of 16 ppm at zero, less above.
const SQUARE_SHIFT: u32 = 4;
/// Ratios above this count as this.
const PPM_MAX: u32 = 100_000_000;

/// Limits of the voltage in public low-voltage networks, in millionths \[50160 4.2\].
mod limits {
    /// Order and limit of harmonics of the voltage; odd ones confidence A, even ones A for the second and fourth.
    pub(super) const HARMONICS: [(usize, u32); 24] = [
        (2, 20_000),
        (3, 50_000),
        (4, 10_000),
        (5, 60_000),
        (6, 5_000),
        (7, 50_000),
        (8, 5_000),
        (9, 15_000),
        (10, 5_000),
        (11, 35_000),
        (12, 5_000),
        (13, 30_000),
        (14, 5_000),
        (15, 5_000),
        (16, 5_000),
        (17, 20_000),
        (18, 5_000),
        (19, 15_000),
        (20, 5_000),
        (21, 5_000),
        (22, 5_000),
        (23, 15_000),
        (24, 5_000),
        (25, 15_000),
    ];
    /// Total distortion; confidence A.
    pub(super) const THD: u32 = 80_000;
    /// Negative sequence; confidence A.
    pub(super) const UNBALANCE: u32 = 20_000;
    /// Share of the values of a week that must be within, in percent; confidence A.
    pub(super) const SHARE_PERCENT: u32 = 95;
    /// Frequency within 1 % for so many ten-thousandths of the time (of a year, here of the week); confidence A.
    pub(super) const FREQUENCY_SHARE_E4: u64 = 9_950;
}

/// Counts of a week, for the verdict of EN 50160. Flagged values do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Week {
    /// Ten-minute values that counted.
    pub values: u32,
    /// Of them, with a voltage beyond ±10 % of the declared one.
    pub voltage_beyond: u32,
    /// With a voltage above +10 % or below -15 %.
    pub voltage_far_beyond: u32,
    /// With too much unbalance.
    pub unbalance_beyond: u32,
    /// With too much distortion.
    pub thd_beyond: u32,
    /// With a harmonic too large, by its order.
    pub harmonic_beyond: [u32; 26],
    /// Two-hour values of flicker (Plt) that counted: those of twelve ten-minute values in a row.
    pub flicker_values: u32,
    /// Of them, above 1 on any voltage.
    pub flicker_beyond: u32,
    /// Pst of the two hours under way, by voltage, and how many there are.
    pst: [[u32; 12]; 3],
    pst_count: usize,
    /// Ten-second values of the frequency.
    pub frequencies: u64,
    /// Of them, beyond ±1 %.
    pub frequency_beyond: u64,
    /// Of them, beyond -6 % or +4 %.
    pub frequency_far_beyond: u64,
}

/// What a week was like. Each is `true` when it was as the standard wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeekVerdict {
    /// Voltage: 95 % within ±10 %, all within +10 and -15 %.
    pub voltage: bool,
    /// Frequency: 99.5 % within ±1 %, all within +4 and -6 %.
    pub frequency: bool,
    /// Unbalance: 95 % within 2 %.
    pub unbalance: bool,
    /// Distortion: 95 % within 8 %.
    pub thd: bool,
    /// Each harmonic: 95 % within its limit.
    pub harmonics: bool,
    /// Flicker: 95 % of Plt at most 1.
    pub flicker: bool,
}

impl WeekVerdict {
    /// Whether everything was.
    pub const fn passed(&self) -> bool {
        self.voltage && self.frequency && self.unbalance && self.thd && self.harmonics && self.flicker
    }
}

impl Week {
    /// Ten minutes more, of `channels` voltages with a declared value.
    pub fn on_ten_minutes(&mut self, value: &TenMinutes, channels: usize, declared_uv: u64) {
        if value.flagged || value.windows == 0 {
            // Two hours with a gap have no Plt.
            self.pst_count = 0;
            return;
        }
        self.values += 1;
        self.on_flicker(value, channels.min(3));
        let any = |beyond: &dyn Fn(usize) -> bool| u32::from((0..channels.min(3)).any(beyond));
        let percent = |channel: usize| u128::from(value.u_uv[channel]) * 100;
        let of = |share: u64| u128::from(declared_uv) * u128::from(share);
        self.voltage_beyond += any(&|channel| percent(channel) < of(90) || percent(channel) > of(110));
        self.voltage_far_beyond += any(&|channel| percent(channel) < of(85) || percent(channel) > of(110));
        self.unbalance_beyond += u32::from(value.unbalance_ppm > limits::UNBALANCE);
        self.thd_beyond += any(&|channel| value.thd_ppm[channel] > limits::THD);
        for (order, limit) in limits::HARMONICS {
            self.harmonic_beyond[order] += any(&|channel| value.harmonics_ppm[channel][order] > limit);
        }
    }

    fn on_flicker(&mut self, value: &TenMinutes, channels: usize) {
        for (all, pst) in self.pst.iter_mut().zip(value.pst_per_mille).take(channels) {
            let Some(pst) = pst else {
                self.pst_count = 0;
                return;
            };
            all[self.pst_count] = pst;
        }
        self.pst_count += 1;
        if self.pst_count == self.pst[0].len() {
            let above = |pst: &[u32; 12]| plt_per_mille(pst) > PLT_MAX_PER_MILLE;
            self.flicker_values += 1;
            self.flicker_beyond += u32::from(self.pst[..channels].iter().any(above));
            self.pst_count = 0;
        }
    }

    /// A ten-second value of the frequency more, in mHz.
    pub const fn on_frequency(&mut self, mhz: u32) {
        self.frequencies += 1;
        self.frequency_beyond += (mhz < 49_500 || mhz > 50_500) as u64;
        self.frequency_far_beyond += (mhz < 47_000 || mhz > 52_000) as u64;
    }

    /// The verdict so far.
    pub fn verdict(&self) -> WeekVerdict {
        let rare_of = |beyond: u32, values: u32| {
            u64::from(values - beyond.min(values)) * 100
                >= u64::from(values) * u64::from(limits::SHARE_PERCENT)
        };
        let rare = |beyond: u32| rare_of(beyond, self.values);
        let near = (self.frequencies - self.frequency_beyond) * 10_000
            >= self.frequencies * limits::FREQUENCY_SHARE_E4;
        WeekVerdict {
            voltage: rare(self.voltage_beyond) && self.voltage_far_beyond == 0,
            frequency: near && self.frequency_far_beyond == 0,
            unbalance: rare(self.unbalance_beyond),
            thd: rare(self.thd_beyond),
            harmonics: self.harmonic_beyond.iter().all(|&beyond| rare(beyond)),
            flicker: rare_of(self.flicker_beyond, self.flicker_values),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ten_minutes(volts: u64) -> TenMinutes {
        let mut aggregator = Aggregator::new();
        (0..3000).for_each(|_| aggregator.on_window([volts * 1_000_000; 3], 10_000, false));
        aggregator.take()
    }

    #[test]
    fn a_week_may_have_one_value_in_twenty_outside() {
        for (outside, passed) in [(50, true), (51, false)] {
            let mut week = Week::default();
            (0..1008 - outside).for_each(|_| week.on_ten_minutes(&ten_minutes(231), 3, 230_000_000));
            (0..outside).for_each(|_| week.on_ten_minutes(&ten_minutes(200), 3, 230_000_000));
            assert_eq!(week.verdict().voltage, passed, "{outside}");
        }
        let mut week = Week::default();
        (0..1000).for_each(|_| week.on_ten_minutes(&ten_minutes(231), 3, 230_000_000));
        week.on_ten_minutes(&ten_minutes(190), 3, 230_000_000);
        assert!(!week.verdict().voltage, "one below -15 % is too many");
    }

    #[test]
    fn flagged_values_do_not_count() {
        let mut week = Week::default();
        week.on_ten_minutes(&TenMinutes { flagged: true, ..ten_minutes(100) }, 3, 230_000_000);
        assert_eq!(week, Week::default());
        assert!(week.verdict().passed());
    }

    #[test]
    fn a_week_has_84_values_of_plt_of_which_four_may_be_above_one() {
        for (strong, passed) in [(4, true), (5, false)] {
            let mut week = Week::default();
            for hours in 0..84 {
                let pst = if hours < strong { 1001 } else { 1000 };
                let value = TenMinutes { pst_per_mille: [Some(500), Some(pst), Some(0)], ..ten_minutes(231) };
                (0..12).for_each(|_| week.on_ten_minutes(&value, 3, 230_000_000));
            }
            assert_eq!((week.flicker_values, week.flicker_beyond), (84, strong));
            assert_eq!((week.verdict().flicker, week.verdict().passed()), (passed, passed));
        }
    }

    #[test]
    fn two_hours_with_a_flagged_value_have_no_plt() {
        let value = TenMinutes { pst_per_mille: [Some(9000); 3], ..ten_minutes(231) };
        let mut week = Week::default();
        for n in 0..23 {
            week.on_ten_minutes(&TenMinutes { flagged: n == 11, ..value }, 3, 230_000_000);
        }
        assert_eq!(week.flicker_values, 0);
        week.on_ten_minutes(&value, 3, 230_000_000);
        assert_eq!((week.flicker_values, week.flicker_beyond), (1, 1));
    }

    #[test]
    fn means_are_of_squares() {
        let mut aggregator = Aggregator::new();
        aggregator.on_window([100_000_000, 0, 0], 30_000, false);
        aggregator.on_window([700_000_000, 0, 0], 10_000, true);
        let value = aggregator.take();
        assert_eq!((value.u_uv[0], value.flagged, value.windows), (500_000_000, true, 2));
        assert!(value.unbalance_ppm.abs_diff(22_360) <= 1, "{}", value.unbalance_ppm);
        assert_eq!(aggregator.take().windows, 0);
    }

    #[test]
    fn frequency_has_its_own_share() {
        let mut week = Week::default();
        (0..60_000).for_each(|n| week.on_frequency(if n % 250 == 0 { 49_400 } else { 50_010 }));
        assert!(week.verdict().frequency);
        week.on_frequency(46_900);
        assert!(!week.verdict().frequency);
    }
}
