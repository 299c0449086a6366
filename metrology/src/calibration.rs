//! Calibration constants, and what they do to the samples of an element.

use crate::dc::{DcBlocker, FRACTION};
use crate::delay::Aligner;
use crate::specs::SAMPLE_MAX;

/// A gain of one.
pub const GAIN_ONE: i32 = 1 << 30;
/// Points of the correction of the current that may depend on the current.
pub const CURRENT_POINTS: usize = 5;

/// Correction of one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelCalibration {
    /// Taken from every sample, in steps.
    pub offset: i32,
    /// Multiplies every sample, with 30 fractional bits: from 0 up to but not including 2.
    pub gain: i32,
    /// Mean square of the noise of the channel itself, taken from the mean square, in squared steps.
    pub noise: i64,
}

/// Correction of a current sensor at one current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrentPoint {
    /// RMS current at which this holds, in µA. Between two points the correction is interpolated.
    pub ua: u64,
    /// Multiplies the gain of the channel, with 30 fractional bits.
    pub gain: i32,
    /// Delays the current against the voltage, of which [`crate::DELAY_ONE`] is a sample.
    pub delay: i32,
}

/// Calibration of one element. The default changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElementCalibration {
    /// Of the voltage.
    pub voltage: ChannelCalibration,
    /// Of the current.
    pub current: ChannelCalibration,
    /// Of the current sensor by the current, ascending; those after the first with a current not above its predecessor's do
    /// not count.
    pub points: [CurrentPoint; CURRENT_POINTS],
    /// Active power without a load (crosstalk), taken from every sample's product: squared steps, 16 fractional bits.
    pub active_offset: i64,
    /// Reactive power without a load, likewise.
    pub reactive_offset: i64,
}

/// Calibration of a meter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calibration {
    /// Of its elements.
    pub elements: [ElementCalibration; 3],
    /// Of the current of the neutral.
    pub neutral: ChannelCalibration,
}

impl Default for ChannelCalibration {
    fn default() -> Self {
        Self { offset: 0, gain: GAIN_ONE, noise: 0 }
    }
}

impl Default for CurrentPoint {
    fn default() -> Self {
        Self { ua: 0, gain: GAIN_ONE, delay: 0 }
    }
}

impl Default for ElementCalibration {
    fn default() -> Self {
        Self {
            voltage: ChannelCalibration::default(),
            current: ChannelCalibration::default(),
            points: [CurrentPoint::default(); CURRENT_POINTS],
            active_offset: 0,
            reactive_offset: 0,
        }
    }
}

impl Calibration {
    /// Whether some element delays its current.
    pub(crate) fn delays(&self) -> bool {
        self.elements.iter().flat_map(|element| &element.points).any(|point| point.delay != 0)
    }
}

impl ElementCalibration {
    /// The correction of the current sensor at a current of `ua`.
    pub fn at(&self, ua: u64) -> CurrentPoint {
        let count = 1 + self.points.windows(2).take_while(|pair| pair[1].ua > pair[0].ua).count();
        let points = &self.points[..count];
        let above = points.partition_point(|point| point.ua <= ua);
        if above == 0 || above == count {
            return CurrentPoint { ua, ..points[above.saturating_sub(1)] };
        }
        let (low, high) = (points[above - 1], points[above]);
        let (part, whole) = (i128::from(ua - low.ua), i128::from(high.ua - low.ua));
        let between = |low: i32, high: i32| {
            let span = i128::from(high) - i128::from(low);
            (i128::from(low) + span * part / whole) as i32
        };
        CurrentPoint { ua, gain: between(low.gain, high.gain), delay: between(low.delay, high.delay) }
    }
}

/// One channel of the converter: offset and gain, then the removal of DC.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    offset: i32,
    gain: i32,
    dc: DcBlocker,
}

impl Channel {
    pub(crate) const fn new(calibration: &ChannelCalibration, sample_rate_hz: u32) -> Self {
        Self { offset: calibration.offset, gain: calibration.gain, dc: DcBlocker::new(sample_rate_hz) }
    }

    /// Sets the gain, with 30 fractional bits.
    pub(crate) const fn set_gain(&mut self, gain: i32) {
        self.gain = gain;
    }

    /// Samples that had to be limited.
    pub(crate) const fn limited(&self) -> u64 {
        self.dc.limited()
    }

    /// The calibrated sample without DC.
    #[inline(always)]
    pub(crate) fn filter(&mut self, sample: i32) -> i32 {
        // A product with the gain, at most two, is at most 2^29 steps; it is not rounded before DC is removed.
        let sample = sample.saturating_sub(self.offset).clamp(-INPUT_MAX - 1, INPUT_MAX);
        self.dc.filter(i64::from(sample) * i64::from(self.gain))
    }
}

/// Samples are limited to this before anything else: eight times what they are limited to afterwards.
const INPUT_MAX: i32 = (1 << 28) - 1;
/// The gain carries the fractional bits of the filter.
const _: () = assert!(GAIN_ONE == 1 << FRACTION);

/// The channels of one element with their calibration.
#[derive(Clone, Debug)]
pub(crate) struct Conditioner {
    calibration: ElementCalibration,
    u: Channel,
    i: Channel,
    /// Present when some element of the meter delays its current: then all are delayed alike.
    aligner: Option<Aligner>,
}

impl Conditioner {
    /// Noise that no channel has, more than the largest sample, is limited to that.
    pub(crate) fn new(mut calibration: ElementCalibration, delays: bool, sample_rate_hz: u32) -> Self {
        for channel in [&mut calibration.voltage, &mut calibration.current] {
            channel.noise = channel.noise.clamp(0, i64::from(SAMPLE_MAX).pow(2));
        }
        let mut conditioner = Self {
            u: Channel::new(&calibration.voltage, sample_rate_hz),
            i: Channel::new(&calibration.current, sample_rate_hz),
            aligner: delays.then(Aligner::new),
            calibration,
        };
        conditioner.follow(0);
        conditioner
    }

    pub(crate) const fn calibration(&self) -> &ElementCalibration {
        &self.calibration
    }

    /// Corrects the sensor as for a current of `ua` from now on.
    pub(crate) fn follow(&mut self, ua: u64) {
        let point = self.calibration.at(ua);
        let gain = (i64::from(self.calibration.current.gain) * i64::from(point.gain)) >> 30;
        self.i.set_gain(gain.clamp(0, i64::from(i32::MAX)) as i32);
        if let Some(aligner) = &mut self.aligner {
            aligner.set(point.delay);
        }
    }

    /// Samples of the voltage and of the current that had to be limited.
    pub(crate) const fn limited(&self) -> (u64, u64) {
        (self.u.limited(), self.i.limited())
    }

    /// The calibrated pair without DC.
    #[inline(never)]
    pub(crate) fn filter(&mut self, u: i32, i: i32) -> (i32, i32) {
        let (u, i) = (self.u.filter(u), self.i.filter(i));
        self.aligner.as_mut().map_or((u, i), |aligner| aligner.filter(u, i))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offset_comes_before_gain() {
        let calibration = ChannelCalibration { offset: 1000, gain: GAIN_ONE / 2 * 3, noise: 0 };
        let mut channel = Channel::new(&calibration, 8000);
        assert_eq!(channel.filter(1000), 0);
        let value = channel.filter(3000);
        assert!((2999..=3000).contains(&value), "{value}");
    }

    #[test]
    fn a_gain_of_one_changes_no_bit() {
        let mut channel = Channel::new(&ChannelCalibration::default(), 8000);
        let mut plain = DcBlocker::new(8000);
        for n in -5000i32..5000 {
            let sample = n.wrapping_mul(747_796_405) >> 8;
            assert_eq!(channel.filter(sample), plain.filter(i64::from(sample) << FRACTION));
        }
    }

    #[test]
    fn between_opposite_extremes_the_correction_is_interpolated_too() {
        let mut element = ElementCalibration::default();
        let point = |ua, extreme| CurrentPoint { ua, gain: extreme, delay: extreme };
        (element.points[0], element.points[1]) = (point(0, i32::MIN), point(u64::MAX, i32::MAX));
        let middle = element.at(u64::MAX / 2);
        assert!(middle.gain.abs() <= 1 && middle.delay.abs() <= 1, "{middle:?}");
    }

    #[test]
    fn between_two_points_the_correction_is_interpolated() {
        let mut element = ElementCalibration::default();
        let point = |ua, gain, delay| CurrentPoint { ua, gain, delay };
        element.points[..3].copy_from_slice(&[
            point(100, 1000, 0),
            point(200, 2000, -50),
            point(1000, 4000, 30),
        ]);
        assert_eq!(element.at(5), point(5, 1000, 0));
        assert_eq!(element.at(150), point(150, 1500, -25));
        assert_eq!(element.at(600), point(600, 3000, -10));
        assert_eq!(element.at(5000), point(5000, 4000, 30));
    }
}
