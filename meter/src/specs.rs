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
    /// DST: daylight saving is in force at the time of the row.
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
/// Failed proofs in a row from one origin before it is heard at an association only now and then.
pub const FAILED_PROOFS_MAX: u8 = 5;
/// In how long it may fail as often again.
pub const LOCKOUT: Duration = Duration::from_secs(300);
/// Octets of a row of a profile on the wire: 36, and room for larger headers.
pub const ROW_LEN: usize = 40;
/// Octets that the mains of three phases add to a row of the load profile: 12 values and 3 counts of 5 octets.
pub const ROW_MAINS_LEN: usize = 75;
/// Octets that the list of objects may take on the wire.
pub const OBJECT_LIST_LEN: usize = 32_768;

/// The scaler of every register but those of distortion: thousandths.
pub const SCALER: i8 = -3;
/// The scaler of distortion in percent: millionths.
pub const DISTORTION_SCALER: i8 = -4;
/// How long a new meter lives on what it has stored when the supply is lost: enough for a push over a slow line [own choice].
pub const HOLD_UP: Duration = Duration::from_secs(10);
/// Rows of each log of power quality.
pub const QUALITY_ROWS_MAX: usize = 50;
/// clock_base 1: internal crystal \[BB 4.5.1; confidence C\].
pub const CLOCK_BASE_CRYSTAL: u8 = 1;
/// control_mode of a new meter: reconnected from afar without anybody at the meter.
pub const CONTROL_MODE: u8 = 4;
/// Seconds over which demand is averaged in a new meter.
pub const DEMAND_PERIOD_S: u32 = 900;
/// Rates of active energy.
pub const RATES: u8 = 4;
/// The hour at which rate 1 begins in a new meter.
pub const DAY_RATE_FROM: u8 = 6;
/// The hour at which rate 2 begins.
pub const NIGHT_RATE_FROM: u8 = 22;
/// Rows of each log of events.
pub const EVENTS_MAX: usize = 100;
/// Octets of a block of an image: one fits the largest APDU with room for its protection.
pub const IMAGE_BLOCK_LEN: u32 = 512;
/// Octets of the largest image unless told otherwise.
pub const IMAGE_SIZE_MAX: u32 = 256 * 1024;
/// Starts that a new image has to pass its self-check [own choice].
pub const TRIALS: u8 = 3;
/// Scripts that may execute scripts, one inside the other.
pub const SCRIPT_DEPTH_MAX: u8 = 4;
/// Steps that one request or moment may execute in all.
pub const SCRIPT_STEPS_MAX: u16 = 64;
/// transport_service of a push destination: TCP, UDP \[BB 4.4.8; confidence B\].
pub const TRANSPORT_TCP: u8 = 0;
/// The same for UDP.
pub const TRANSPORT_UDP: u8 = 1;
/// The shortest period of a meter that only pushes: a schedule holds every quarter of an hour of a day [own choice].
pub const ONE_WAY_PERIOD_MIN_S: u32 = 900;
/// Pushes of such a meter in a day.
pub const ONE_WAY_PERIODS_MAX: usize = 96;
/// How long a client may take to confirm a push.
pub const PUSH_CONFIRMATION: Duration = Duration::from_secs(10);

/// Codes of events.
///
/// The table that IDIS meters share; those from 48 on differ in DSMR. Confidence B to 47, C above.
pub mod event {
    #![allow(missing_docs)]
    pub const POWER_DOWN: u8 = 1;
    pub const POWER_UP: u8 = 2;
    pub const CLOCK_ADJUSTED_OLD: u8 = 4;
    pub const CLOCK_ADJUSTED_NEW: u8 = 5;
    pub const ERROR_REGISTER_CLEARED: u8 = 10;
    pub const ALARM_REGISTER_CLEARED: u8 = 11;
    pub const IMAGE_READY: u8 = 17;
    pub const IMAGE_ACTIVATED: u8 = 18;
    pub const SELF_CHECK_PASSED: u8 = 20;
    pub const TERMINAL_COVER_REMOVED: u8 = 40;
    pub const TERMINAL_COVER_CLOSED: u8 = 41;
    pub const MAGNET_DETECTED: u8 = 42;
    pub const MAGNET_GONE: u8 = 43;
    pub const COVER_REMOVED: u8 = 44;
    pub const COVER_CLOSED: u8 = 45;
    pub const CALENDAR_PROGRAMMED: u8 = 19;
    pub const FAILED_LOGIN: u8 = 46;
    pub const CONFIGURATION_CHANGED: u8 = 47;
    pub const AUTHENTICATION_FAILURE: u8 = 49;
    pub const REPLAY: u8 = 50;
    pub const IMAGE_VERIFICATION_FAILED: u8 = 51;
    pub const READY_FOR_RECONNECTION: u8 = 59;
    pub const MANUAL_DISCONNECTION: u8 = 60;
    pub const MANUAL_CONNECTION: u8 = 61;
    pub const REMOTE_DISCONNECTION: u8 = 62;
    pub const REMOTE_CONNECTION: u8 = 63;
    pub const LOCAL_DISCONNECTION: u8 = 64;
    pub const LIMIT_EXCEEDED: u8 = 65;
    pub const LOCAL_RECONNECTION: u8 = 69;
    /// The first of three, one per phase; so the next five.
    pub const UNDERVOLTAGE_L1: u8 = 76;
    pub const OVERVOLTAGE_L1: u8 = 79;
    pub const MISSING_VOLTAGE_L1: u8 = 82;
    pub const NORMAL_VOLTAGE_L1: u8 = 85;
    pub const PHASE_SEQUENCE_REVERSED: u8 = 88;
    pub const MISSING_NEUTRAL: u8 = 89;
    pub const CURRENT_REVERSED: u8 = 91;
    pub const BAD_VOLTAGE_QUALITY_L1: u8 = 92;
    pub const PUSH_FAILED: u8 = 130;
    /// Of this meter alone, because the table has none: what escapes past the elements; the end of a sign that the table lets only
    /// begin; a phase that is lost; a fault of the wiring, and its end.
    pub const BYPASS: u8 = 200;
    pub const BYPASS_GONE: u8 = 201;
    pub const NEUTRAL_RESTORED: u8 = 202;
    pub const CURRENT_RESTORED: u8 = 203;
    pub const PHASE_SEQUENCE_RESTORED: u8 = 204;
    pub const PHASE_LOST: u8 = 205;
    pub const PHASE_RESTORED: u8 = 206;
    pub const WIRING_FAULT: u8 = 207;
    pub const WIRING_CORRECT: u8 = 208;
    pub const LOG_CLEARED: u8 = 255;
}

/// Numbers of the metering mode. The place is that of IS 15959 (0.0.94.96.19); what the numbers mean is a choice of this meter, as are
/// the register 1-0:128.8.0 and its rule. Confidence C.
pub mod crediting {
    #![allow(missing_docs)]
    pub const IMPORT: i64 = 0;
    pub const NET: i64 = 1;
    pub const SUM: i64 = 2;
    pub const MAGNITUDE: i64 = 3;
    pub const PHASES: i64 = 4;
}

/// Bits of the alarm register \[IDIS object model 0.0.97.98.0.255; confidence C\].
pub mod alarm {
    /// The clock was never set, or lost.
    pub const CLOCK_INVALID: u32 = 1 << 0;
    /// Somebody has tried to get in.
    pub const FRAUD_ATTEMPT: u32 = 1 << 13;
}

/// Bits of the second alarm register \[IDIS object model 0.0.97.98.1.255; confidence C\].
pub mod alarm_2 {
    /// Every voltage is missing.
    pub const POWER_FAILURE: u32 = 1 << 0;
    /// The supply is back.
    pub const POWER_RESUMED: u32 = 1 << 1;
    /// The voltage of L1 is missing; of the other phases the next two bits.
    pub const VOLTAGE_MISSING_L1: u32 = 1 << 2;
    /// The voltage of L1 is normal again; of the other phases the next two bits.
    pub const VOLTAGE_NORMAL_L1: u32 = 1 << 5;
    /// There is current without voltage.
    pub const MISSING_NEUTRAL: u32 = 1 << 8;
    /// Power flows backwards where the contract knows no export.
    pub const CURRENT_REVERSAL: u32 = 1 << 10;
    /// The phases follow each other in the wrong order.
    pub const WRONG_PHASE_SEQUENCE: u32 = 1 << 11;
    /// The voltage of L1 was too low, too high or changed too fast; of the other phases the next two bits.
    pub const BAD_VOLTAGE_QUALITY_L1: u32 = 1 << 14;
    /// Bits of this meter alone: a fault of the wiring.
    pub const WIRING_FAULT: u32 = 1 << 31;
}

/// A tuning-fork crystal \[data sheets of such crystals; confidence B\].
pub(crate) mod crystal {
    /// Where it runs fastest.
    pub(crate) const TURNOVER_MILLI_CELSIUS: i64 = 25_000;
    /// By how much it is slower a kelvin away, times the square of the distance: 0.034 ppm/K².
    pub(crate) const PARABOLA_PPB_PER_K2: i64 = 34;
}
