//! The numbers of the standards, and the limits of the arithmetic that follow from them.

/// Starting current of a direct connected class 1 meter, in thousandths of Ib \[62053-21 8.3.3; confidence C\].
pub const STARTING_CURRENT_CLASS_1_PER_MILLE: u32 = 4;
/// Starting current of a direct connected class 2 meter, in thousandths of Ib \[62053-21 8.3.3; confidence C\].
pub const STARTING_CURRENT_CLASS_2_PER_MILLE: u32 = 5;
/// Starting current of a class 1 meter behind transformers, in thousandths of In \[62053-21 8.3.3; confidence C\].
pub const STARTING_CURRENT_CLASS_1_CT_PER_MILLE: u32 = 2;
/// Starting current of a class 2 meter behind transformers, in thousandths of In \[62053-21 8.3.3; confidence C\].
pub const STARTING_CURRENT_CLASS_2_CT_PER_MILLE: u32 = 3;
/// Starting current of classes 0.5S and 0.2S, in thousandths of In \[62053-22 8.3.3; confidence C\].
pub const STARTING_CURRENT_S_PER_MILLE: u32 = 1;
/// The anti-creep threshold as a divisor of the starting power: half of it. Practice of meter ICs;
/// confidence B.
pub const CREEP_DIVISOR: u64 = 2;

/// The frequency that is assumed before one was measured, in Hz.
pub const NOMINAL_HZ: u32 = 50;
/// Whole cycles over which power is averaged and the direction of energy is decided: the basic interval
/// of \[61000-4-30 4.4\] at 50 Hz; confidence B.
pub const CYCLES_PER_WINDOW: u32 = 10;
/// Cycles over which frequency is averaged, about one second. A shorter interval than the ten seconds of
/// \[61000-4-30 5.1\], for a reading that follows.
pub const CYCLES_PER_FREQUENCY: u32 = 50;
/// A window without crossings ends after one part in this many of a second.
pub const WINDOW_TIMEOUT_DIVISOR: u32 = 4;
/// The highest frequency of the mains that is measured, in Hz: crossings that follow faster are noise.
pub const FREQUENCY_MAX_HZ: u32 = 75;
/// The lowest frequency of the mains that is measured, in Hz: a longer gap is a loss of voltage.
pub const FREQUENCY_MIN_HZ: u32 = 40;
/// The voltage must have been below minus this part of Un (its RMS value) before it can cross zero
/// upwards: Un/11, about a sixteenth of the peak.
pub const CROSSING_HYSTERESIS_DIVISOR: u64 = 11;

/// Sample rates at which window sums cannot overflow and cycles are resolved, in Hz.
pub const SAMPLE_RATE_HZ: ::core::ops::RangeInclusive<u32> = 400..=12_800;
/// Samples are limited to this magnitude after the removal of DC: one bit more than the 24-bit converters
/// of meters can give (confidence C) after it.
pub const SAMPLE_MAX: i32 = (1 << 25) - 1;
/// The most samples that a window can hold: eleven cycles of 40 Hz at the highest rate.
/// `SAMPLE_MAX² · WINDOW_SAMPLES_MAX < 2^62`.
pub const WINDOW_SAMPLES_MAX: u32 = 4096;
/// The most that one step of a converter may be worth, in picovolt or picoampere.
pub const PICO_PER_LSB_MAX: u64 = 1 << 35;
/// The most that the product of both steps may be worth, in 1e-24 W:
/// two windows of `2^62` each, and a rest, fit 128 bits.
pub const PICO_SQUARED_MAX: u128 = 1 << 63;

/// 1e-24 J in one milliwatt-hour.
pub const YOCTOJOULE_PER_MWH: u128 = 3_600_000_000_000_000_000_000_000;
/// 1e-24 W in one microwatt.
pub const YOCTOWATT_PER_UW: u128 = 1_000_000_000_000_000_000;

/// The flickermeter of lamps of 230 V at 50 Hz \[61000-4-15\]; corner frequencies in 1e-5 Hz.
pub(crate) mod flicker {
    /// The mean to which the voltage is referred, in ms \[5.3; confidence A\].
    pub(crate) const MEAN_MS: u64 = 27_300;
    /// High-pass of first order \[5.5; confidence A\].
    pub(crate) const HIGH_PASS: i128 = 5_000;
    /// Low-pass of sixth order after Butterworth \[5.5; confidence A\].
    pub(crate) const LOW_PASS: i128 = 3_500_000;
    /// 1/Q of its three sections, in millionths: twice the cosine of 75°, 45° and 15°.
    pub(crate) const BUTTERWORTH_E6: [i128; 3] = [517_638, 1_414_214, 1_931_852];
    /// Lamp, eye and brain: k·ω1·s/(s² + 2λs + ω1²) · (1 + s/ω2)/((1 + s/ω3)(1 + s/ω4)) \[5.6; confidence A\].
    pub(crate) const EYE_GAIN_E5: i128 = 174_802;
    pub(crate) const EYE_LAMBDA: i128 = 405_981;
    pub(crate) const EYE_F1: i128 = 915_494;
    pub(crate) const EYE_F2: i128 = 227_979;
    pub(crate) const EYE_F3: i128 = 122_535;
    pub(crate) const EYE_F4: i128 = 2_190_000;
    /// Smoothing of what is felt, in ms \[5.6; confidence A\].
    pub(crate) const SMOOTHING_MS: u64 = 300;
    /// What is felt with a sinusoidal modulation of 8.8 Hz and 0.250 %, which is just felt \[5.6 table 1; confidence A\]: from
    /// the definition of the filters, with 50 fractional bits.
    pub(crate) const UNIT: u64 = 3_636_763_000;
    /// Weights of Pst in ten-thousandths, each with the shares of time in ten-thousandths over which it means what is exceeded
    /// \[5.7.2; confidence A\].
    pub(crate) const WEIGHTS_E4: [(u16, &[u64]); 5] = [
        (314, &[10]),
        (525, &[70, 100, 150]),
        (657, &[220, 300, 400]),
        (2800, &[600, 800, 1000, 1300, 1700]),
        (800, &[3000, 5000, 8000]),
    ];
    /// Plt that 95 % of a week must keep, in thousandths \[50160 4.2.3; confidence A\].
    pub(crate) const PLT_MAX_PER_MILLE: u32 = 1000;
}
