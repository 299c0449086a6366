//! The numbers of the standards that the objects of a meter need.

use core::time::Duration;

/// Bits of the profile status, the second column of the load profile.
///
/// The layout of the AMR profile status code that IDIS and DSMR meters share; confidence C.
pub mod status {
    /// ERR: a critical error of the meter; the row may be worthless.
    pub const CRITICAL_ERROR: u8 = 1 << 0;
    /// CIV: the clock was invalid during some of the period.
    pub const CLOCK_INVALID: u8 = 1 << 1;
    /// DNV: the values are not valid.
    pub const DATA_NOT_VALID: u8 = 1 << 2;
    /// DST: daylight saving is in force. Never set: the meter lives in UTC.
    pub const DAYLIGHT_SAVING: u8 = 1 << 3;
    /// CAD: the clock was set by more than [`super::CLOCK_SHIFT_LIMIT`] during the period.
    pub const CLOCK_ADJUSTED: u8 = 1 << 5;
    /// PDN: the meter was without power, or without samples, during some of the period.
    pub const POWER_DOWN: u8 = 1 << 7;
}

/// clock_time_shift_limit: a smaller correction of the clock leaves the capture period valid
/// \[IDIS object model 1.0.0.9.11.255; confidence C\].
pub const CLOCK_SHIFT_LIMIT: Duration = Duration::from_secs(9);
/// After the clock was set back, boundaries that have a row already are passed over, but not for longer
/// than this: a clock that was far ahead must not silence the profile. What was captured under a wrong time stays, and
/// the boundary is captured once more \[own choice\].
pub const CLOCK_SET_BACK_MAX: Duration = Duration::from_secs(3600);
/// A day.
pub const DAY: Duration = Duration::from_secs(86_400);
/// Without samples for longer than this, the meter counts as having been without power.
pub const SAMPLE_GAP_MAX: Duration = Duration::from_secs(1);
/// The shortest capture period.
pub const CAPTURE_PERIOD_MIN_S: u32 = 60;

/// Wrapper port of the management logical device \[BB 4.4.4; confidence A\].
pub const SAP_SERVER: u16 = 1;
/// Wrapper port of the management client \[BB 4.4.4; confidence A\].
pub const SAP_MANAGEMENT: u16 = 1;
/// Wrapper port of the public client \[BB 4.4.4; confidence A\].
pub const SAP_PUBLIC: u16 = 16;
/// Octets of the header of the wrapper \[GB 7.3.3; confidence A\].
pub const WRAPPER_HEADER: usize = 8;

/// The largest APDU of a meter unless told otherwise: three or four frames of the line.
pub const MAX_PDU: u16 = 1024;
/// The smallest limit with which an association can be opened.
pub const MAX_PDU_MIN: usize = 128;
/// Sessions kept at the same time.
pub const SESSIONS_MAX: usize = 4;
/// Send counters reserved at a time.
pub const COUNTER_BLOCK: u32 = 1024;
/// A session without a valid request for so long is forgotten.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(600);
/// Failed proofs in a row before an association is locked.
pub const FAILED_PROOFS_MAX: u8 = 5;
/// How long it is locked.
pub const LOCKOUT: Duration = Duration::from_secs(300);
/// Octets of a row of a profile on the wire: 36, and room for larger headers.
pub const ROW_LEN: usize = 40;
/// Octets that the list of objects may take on the wire.
pub const OBJECT_LIST_LEN: usize = 8192;
