//! Bounds of the objects of a server. Choices of this crate, no numbers of the standard.
#![allow(missing_docs)]

/// Octets of a value whose type the standard leaves open.
pub const ANY_LEN_MAX: usize = 128;
/// Octets of the name of a calendar, a season, a week or a mask.
pub const NAME_LEN_MAX: usize = 32;
pub const SCRIPTS_MAX: usize = 16;
pub const SCRIPT_ACTIONS_MAX: usize = 8;
pub const SCHEDULE_ENTRIES_MAX: usize = 32;
pub const SPECIAL_DAYS_MAX: usize = 64;
pub const SEASONS_MAX: usize = 12;
pub const WEEKS_MAX: usize = 12;
pub const DAYS_MAX: usize = 16;
pub const DAY_ACTIONS_MAX: usize = 12;
pub const THRESHOLDS_MAX: usize = 8;
/// Every quarter of an hour of a day.
pub const EXECUTION_TIMES_MAX: usize = 96;
pub const PUSH_OBJECTS_MAX: usize = 32;
pub const PUSH_WINDOWS_MAX: usize = 8;
pub const PUSH_PROTECTIONS_MAX: usize = 4;
pub const DESTINATION_LEN_MAX: usize = 64;
pub const GROUPS_MAX: usize = 16;
pub const REGISTERS_MAX: usize = 32;
pub const MASKS_MAX: usize = 16;
pub const ACTORS_MAX: usize = 8;
pub const ARBITRATED_ACTIONS_MAX: usize = 8;
/// Blocks of an image: what the bits of its status may be.
pub const IMAGE_BLOCKS_MAX: usize = 8192;
pub const IMAGE_BLOCK_LEN_MAX: usize = 1024;
pub const IMAGE_IDENTIFICATION_LEN_MAX: usize = 64;
pub const IMAGES_MAX: usize = 1;
pub const SIGNATURE_LEN_MAX: usize = 128;
/// Periods over which a demand register slides.
pub const DEMAND_PERIODS_MAX: u16 = 32;
/// References, collection configurations and the like of an account.
pub const CREDITS_MAX: usize = 8;
pub const CHARGE_TABLE_MAX: usize = 16;
pub const TOKEN_LEN_MAX: usize = 128;
pub const TOKEN_DESCRIPTIONS_MAX: usize = 8;
pub const CURRENCY_LEN_MAX: usize = 8;
/// Days for which a calendar looks ahead or back.
pub const CALENDAR_DAYS_MAX: i64 = 32;
/// Effects that one request may have.
pub const EFFECTS_MAX: usize = 32;
/// Rows of a table of a network layer: those of a coordinator.
pub const NETWORK_ROWS_MAX: usize = 2048;
/// Octets of a password of a local port.
pub const PASSWORD_LEN_MAX: usize = 32;
/// Octets of the version of a firmware.
pub const VERSION_LEN_MAX: usize = 64;
/// Addresses, contexts and prefixes of a node.
pub const ADDRESSES_MAX: usize = 16;
