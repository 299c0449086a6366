//! The numbers of the standards, and nothing else. BB is the Blue Book (interface classes, OBIS).

use dlms::cosem::LogicalName;

/// Load profile with recording period 1 \[BB 6.2.42; confidence A\].
pub(crate) const LOAD_PROFILE: LogicalName = LogicalName([1, 0, 99, 1, 0, 255]);
/// Clock \[BB 6.2.5; confidence A\].
pub(crate) const CLOCK: LogicalName = LogicalName([0, 0, 1, 0, 0, 255]);

/// Image transfer, 0-0:44.0.0.255 \[BB 6.2.39; confidence A\].
pub(crate) const IMAGE_TRANSFER: LogicalName = LogicalName([0, 0, 44, 0, 0, 255]);
/// Active firmware identifier, 1-0:0.2.0.255 \[BB 6.3.2; confidence A\].
pub(crate) const FIRMWARE_VERSION: LogicalName = LogicalName([1, 0, 0, 2, 0, 255]);

/// How often a time may occur in a profile at most: a clock that was set back is no reason for an endless answer \[own choice\].
pub(crate) const SAME_TIME_MAX: u64 = 3;
/// Octets of a date-time as an octet-string, and room \[GB 9.5; confidence A\].
pub(crate) const CLOCK_LEN: usize = 16;

/// Interface classes \[BB 4; confidence A\].
pub(crate) mod class {
    #![allow(missing_docs)]
    pub(crate) const DATA: u16 = 1;
    pub(crate) const REGISTER: u16 = 3;
    pub(crate) const EXTENDED_REGISTER: u16 = 4;
    pub(crate) const DEMAND_REGISTER: u16 = 5;
    pub(crate) const PROFILE_GENERIC: u16 = 7;
    pub(crate) const CLOCK: u16 = 8;
    pub(crate) const IMAGE_TRANSFER: u16 = 18;
}

/// Attributes of the interface classes \[BB 4.3; confidence A\].
pub(crate) mod attribute {
    #![allow(missing_docs)]
    pub(crate) const VALUE: i8 = 2;
    pub(crate) const TIME: i8 = 2;
    pub(crate) const BUFFER: i8 = 2;
    pub(crate) const CAPTURE_OBJECTS: i8 = 3;
    pub(crate) const SCALER_UNIT: i8 = 3;
    /// Of a demand register: attribute 2 is the current average, 3 the last.
    pub(crate) const DEMAND_LAST_AVERAGE: i8 = 3;
    pub(crate) const DEMAND_SCALER_UNIT: i8 = 4;
}

/// Attributes of the image transfer \[BB 4.4.6; confidence A\], and what its procedure leaves open.
pub(crate) mod image {
    #![allow(missing_docs)]
    use core::time::Duration;

    pub(crate) const BLOCK_SIZE: i8 = 2;
    pub(crate) const TRANSFERRED_BLOCKS: i8 = 3;
    pub(crate) const FIRST_NOT_TRANSFERRED: i8 = 4;
    pub(crate) const ENABLED: i8 = 5;
    pub(crate) const STATUS: i8 = 6;
    pub(crate) const TO_ACTIVATE: i8 = 7;
    /// How long a meter is left alone that verifies an image, or restarts with it \[own choice\].
    pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
}

/// Methods of the interface classes \[BB 4.4; confidence A\].
pub(crate) mod method {
    #![allow(missing_docs)]
    pub(crate) const IMAGE_INITIATE: i8 = 1;
    pub(crate) const IMAGE_BLOCK: i8 = 2;
    pub(crate) const IMAGE_VERIFY: i8 = 3;
    pub(crate) const IMAGE_ACTIVATE: i8 = 4;
}

/// Bits of the second alarm register \[IDIS package 2; confidence C\].
pub(crate) mod alarm_2 {
    /// Every voltage is missing.
    pub(crate) const POWER_FAILURE: u32 = 1 << 0;
    /// The supply is back.
    pub(crate) const POWER_RESUMED: u32 = 1 << 1;
}

/// Whether a logical name is a profile status, 0-b:96.10.e.255 \[BB 6.2.30; confidence B\].
pub(crate) const fn is_profile_status(name: LogicalName) -> bool {
    matches!(name.0, [0, _, 96, 10, _, 255])
}

/// Whether a logical name is the code of an event, 0-b:96.11.e.255 \[BB 6.2.31; confidence B\].
pub(crate) const fn is_event_code(name: LogicalName) -> bool {
    matches!(name.0, [0, _, 96, 11, _, 255])
}

/// Whether a logical name is a billing profile of months, 1-b:98.1.z.255 \[BB 6.2.42; confidence B\].
pub(crate) const fn is_monthly(name: LogicalName) -> bool {
    matches!(name.0, [1, _, 98, 1, _, _])
}
