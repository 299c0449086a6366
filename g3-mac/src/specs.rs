//! The numbers of the standard, each with its section and how sure it is.
//!
//! A: two independent sources agree. B: one source. C: general knowledge.

use core::time::Duration;

/// Octets of the segment control field \[G3 MAC 1.1; confidence A\].
pub const SEGMENT_CONTROL_LEN: usize = 3;
/// Largest segment count of the 6-bit field \[G3 MAC 1.1; confidence A\].
pub const SEGMENT_COUNT_MAX: u8 = 0x3F;
/// Largest segment length of the 10-bit field \[G3 MAC 1.1; confidence A\].
pub const SEGMENT_LENGTH_MAX: u16 = 0x3FF;
/// Octets of the frame check sequence \[G3 MAC 1.1; confidence A\].
pub const FCS_LEN: usize = 2;
/// Octets of the auxiliary security header \[G3 MAC 4; confidence A\].
pub const AUX_HEADER_LEN: usize = 6;
/// Security control: level 5 (ENC-MIC-32), key identifier mode 1 \[G3 MAC 4; confidence A\].
pub const SECURITY_CONTROL: u8 = 0x0D;
/// Octets of the MIC of level 5 \[G3 MAC 4; confidence A\].
pub const MIC_LEN: usize = 4;
/// Slots of the key table \[G3 MAC 1.2; confidence A\].
pub const KEY_SLOTS: usize = 2;
/// Last octet of the CCM* nonce: the security level \[G3 MAC 4; confidence B\].
pub const NONCE_LEVEL: u8 = 0x05;
/// Frame version bits of the frame control field \[G3 MAC 1.2; confidence C\].
pub const FRAME_VERSION: u8 = 0;

/// Command identifier of a beacon request \[G3 MAC 1.4; confidence A\].
pub const COMMAND_BEACON_REQUEST: u8 = 0x07;
/// Command identifier of a tone map response \[G3 MAC 1.4; confidence A\].
pub const COMMAND_TONE_MAP_RESPONSE: u8 = 0x0A;

/// First octet of the superframe specification: no periodic beacons \[G3 MAC 1.6; confidence B\].
pub const SUPERFRAME_ORDERS: u8 = 0xFF;
/// Superframe specification: joining is permitted \[G3 MAC 1.6; confidence B\].
pub const ASSOCIATION_PERMIT: u8 = 0x80;
/// Superframe specification: sent by the PAN coordinator \[G3 MAC 1.6; confidence B\].
pub const PAN_COORDINATOR: u8 = 0x40;
/// Superframe specification: final CAP slot \[G3 MAC 1.6; confidence B\].
pub const FINAL_CAP_SLOT: u8 = 0x0F;
/// macRCCoord of a node that has not joined \[G3 MAC 1.6; confidence A\].
pub const RC_COORD_NOT_JOINED: u16 = 0xFFFF;

/// aSlotTime in symbols \[G3 MAC 2.1; confidence C\].
pub const SLOT_SYMBOLS: u32 = 2;
/// CIFS in symbols \[G3 MAC 2.1; confidence C\].
pub const CIFS_SYMBOLS: u32 = 8;
/// RIFS in symbols \[G3 MAC 2.1; confidence C\].
pub const RIFS_SYMBOLS: u32 = 10;
/// Symbols of a frame control header in EIFS \[G3 MAC 2.1; confidence B\].
pub const FCH_SYMBOLS: u32 = 13;
/// aMaxFrameSize in symbols \[G3 MAC 2.1; confidence B\].
pub const FRAME_SYMBOLS_MAX: u32 = 252;
/// Slots of the contention-free window that opens a contention state \[G3 MAC 2.2; confidence A\].
pub const CFS_SLOTS: u32 = 1;

/// macMinBE 0x4F \[G3 MAC 1.9; confidence A\].
pub const MIN_BE: u8 = 3;
/// macMaxBE 0x47 \[G3 MAC 1.9; confidence A\].
pub const MAX_BE: u8 = 8;
/// macMaxCSMABackoffs 0x4E \[G3 MAC 1.9; confidence A\].
pub const MAX_CSMA_BACKOFFS: u8 = 50;
/// macMaxFrameRetries 0x59 \[G3 MAC 1.9; confidence A\].
pub const MAX_FRAME_RETRIES: u8 = 5;
/// macHighPriorityWindowSize 0x100, slots \[G3 MAC 1.9; confidence A\].
pub const HIGH_PRIORITY_WINDOW_SIZE: u8 = 7;
/// macCSMAFairnessLimit 0x10C \[G3 MAC 1.9; confidence A\].
pub const CSMA_FAIRNESS_LIMIT: u8 = 25;
/// macA 0x112 \[G3 MAC 1.9; confidence A\].
pub const A: u8 = 8;
/// macK 0x113 \[G3 MAC 1.9; confidence A\].
pub const K: u8 = 5;
/// macMinCWAttempts 0x114; another source says 255 \[G3 MAC 1.9; confidence B\].
pub const MIN_CW_ATTEMPTS: u8 = 10;
/// macBeaconRandomizationWindowLength 0x111 \[G3 MAC 1.9; confidence A\].
pub const BEACON_RANDOMIZATION_WINDOW: Duration = Duration::from_secs(12);
/// macDuplicateDetectionTTL 0x78 \[G3 MAC 1.9; confidence A\].
pub const DUPLICATE_DETECTION_TTL: Duration = Duration::from_secs(3);
/// macTMRTTL 0x10D; older editions say two minutes \[G3 MAC 1.9; confidence B\].
pub const TMR_TTL: Duration = Duration::from_secs(600);
/// How long a receiver keeps the segments of an unfinished MSDU. Longer than all the attempts at one
/// segment on a busy line \[own choice; confidence C\].
pub const REASSEMBLY_TIMEOUT: Duration = Duration::from_secs(10);
/// macPOSTableEntryTTL 0x10E \[G3 MAC 1.9; confidence A\].
pub const POS_TABLE_ENTRY_TTL: Duration = Duration::from_secs(255 * 60);
/// macPOSRecentEntryThreshold 0x121 \[G3 MAC 1.9; confidence B\].
pub const POS_RECENT_ENTRY_THRESHOLD: Duration = Duration::from_secs(120 * 60);
/// macCenelecLegacyMode 0x115 and macFCCLegacyMode 0x116 \[G3 MAC 1.9; confidence A\].
pub const LEGACY_MODE: u8 = 1;

/// Foreign PANs remembered as told of \[own choice; confidence C\].
pub const PAN_CONFLICTS: usize = 4;
/// How long a foreign PAN is not told of again \[own choice; confidence C\].
pub const PAN_CONFLICT_INTERVAL: Duration = Duration::from_secs(300);
/// Neighbours whose requests for a tone map may wait for an answer \[own choice; confidence C\].
pub const TONE_MAP_ANSWERS: usize = 8;
/// A request in ROBO this long after an answer means that the neighbour has given up what it was told; before, it may
/// have been under way \[own choice; confidence C\].
pub const CAUTION_AFTER: Duration = Duration::from_secs(10);
/// Quarters of a decibel that each such request costs \[own choice; confidence C\].
pub const CAUTION_STEP: i16 = 8;
/// The most that they may cost together \[own choice; confidence C\].
pub const CAUTION_MAX: i16 = 48;
