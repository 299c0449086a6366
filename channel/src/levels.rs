//! Volts and decibels, and the ordinary levels of a mains line.

/// Level of a transmitter in its band, dBµV rms: one volt. [EN 50065-1: at most 134 dBµV peak in the whole
/// band and 120 dBµV in any 200 Hz on the artificial network; C]
///
/// A transmit sample is the open-circuit voltage of the transmitter, so a waveform of rms 1.0 is this level.
pub const TRANSMITTER_DBUV: f64 = 120.0;

/// Highest peak level of a wideband transmitter between 9 and 95 kHz, dBµV [EN 50065-1; C].
pub const TRANSMITTER_PEAK_LIMIT_DBUV: f64 = 134.0;

/// Noise of a receiver's own front end in the CENELEC-A band, dBµV rms [C: sensitivities of 36 to 45 are quoted].
pub const FRONT_END_FLOOR_DBUV: f64 = 36.0;

/// Noise of a quiet mains in the CENELEC-A band, dBµV rms [confidence C].
pub const QUIET_MAINS_DBUV: f64 = 50.0;

/// Noise of an ordinary residential mains in the CENELEC-A band, dBµV rms [confidence C].
pub const RESIDENTIAL_MAINS_DBUV: f64 = 62.0;

/// Volts rms of a level in dBµV.
pub fn volts_from_dbuv(dbuv: f64) -> f64 {
    ratio_from_db(dbuv) * 1e-6
}

/// Level in dBµV of volts rms.
pub fn dbuv_from_volts(volts: f64) -> f64 {
    db_from_ratio(volts * 1e6)
}

/// Amplitude ratio of decibels.
pub fn ratio_from_db(db: f64) -> f64 {
    10f64.powf(db / 20.0)
}

/// Decibels of an amplitude ratio; minus infinity for zero.
pub fn db_from_ratio(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_volt_is_a_hundred_and_twenty_dbuv() {
        assert!((volts_from_dbuv(120.0) - 1.0).abs() < 1e-12);
        assert!((dbuv_from_volts(1e-3) - 60.0).abs() < 1e-9);
    }
}
