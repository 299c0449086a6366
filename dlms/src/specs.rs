//! The numbers of the standards, and nothing else.
//!
//! BB is the Blue Book (interface classes, OBIS), GB the Green Book (architecture and protocols).

/// Levels of nesting that a value may have. Not a number of the standard: a bound of this crate.
pub const AXDR_DEPTH_MAX: usize = 16;

/// Tags of the common data types \[BB 4.1.5; confidence A\].
pub mod tag {
    #![allow(missing_docs)]
    pub const NULL: u8 = 0;
    pub const ARRAY: u8 = 1;
    pub const STRUCTURE: u8 = 2;
    pub const BOOLEAN: u8 = 3;
    pub const BIT_STRING: u8 = 4;
    pub const I32: u8 = 5;
    pub const U32: u8 = 6;
    pub const OCTET_STRING: u8 = 9;
    pub const VISIBLE_STRING: u8 = 10;
    pub const UTF8_STRING: u8 = 12;
    pub const BCD: u8 = 13;
    pub const I8: u8 = 15;
    pub const I16: u8 = 16;
    pub const U8: u8 = 17;
    pub const U16: u8 = 18;
    pub const COMPACT_ARRAY: u8 = 19;
    pub const I64: u8 = 20;
    pub const U64: u8 = 21;
    pub const ENUM: u8 = 22;
    pub const F32: u8 = 23;
    pub const F64: u8 = 24;
    pub const DATE_TIME: u8 = 25;
    pub const DATE: u8 = 26;
    pub const TIME: u8 = 27;
    pub const DONT_CARE: u8 = 255;
}

/// Columns that a range selector may name. A bound of this crate.
pub const SELECTED_COLUMNS_MAX: usize = 32;
/// Octets that a selector may take: 32 columns of 20 octets and the rest. A bound of this crate.
pub const SELECTOR_LEN_MAX: usize = 1024;

/// Access selectors of profile generic \[BB 4.3.6; confidence A\].
pub mod selector {
    #![allow(missing_docs)]
    pub const RANGE: u8 = 1;
    pub const ENTRY: u8 = 2;
}

/// date-time \[BB 4.1.6.1; confidence A\].
pub mod clock {
    #![allow(missing_docs)]
    pub const YEAR_UNSPECIFIED: u16 = 0xFFFF;
    pub const FIELD_UNSPECIFIED: u8 = 0xFF;
    pub const DEVIATION_UNSPECIFIED: i16 = i16::MIN;
    /// Minutes; the book says ±720, time zones reach 840.
    pub const DEVIATION_MAX_MINUTES: u16 = 840;
    pub const UNSPECIFIED: [u8; 12] =
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x80, 0x00, 0xFF];
}

/// Tags of the xDLMS APDUs \[GB 9.5; confidence A\].
pub mod apdu_tag {
    #![allow(missing_docs)]
    pub const INITIATE_REQUEST: u8 = 0x01;
    pub const INITIATE_RESPONSE: u8 = 0x08;
    pub const CONFIRMED_SERVICE_ERROR: u8 = 0x0E;
    pub const GLO_INITIATE_REQUEST: u8 = 0x21;
    pub const GLO_INITIATE_RESPONSE: u8 = 0x28;
    pub const AARQ: u8 = 0x60;
    pub const AARE: u8 = 0x61;
    pub const RLRQ: u8 = 0x62;
    pub const RLRE: u8 = 0x63;
    pub const GET_REQUEST: u8 = 0xC0;
    pub const SET_REQUEST: u8 = 0xC1;
    pub const ACTION_REQUEST: u8 = 0xC3;
    pub const GET_RESPONSE: u8 = 0xC4;
    pub const SET_RESPONSE: u8 = 0xC5;
    pub const ACTION_RESPONSE: u8 = 0xC7;
    pub const GLO_GET_REQUEST: u8 = 0xC8;
    pub const GLO_SET_REQUEST: u8 = 0xC9;
    pub const GLO_ACTION_REQUEST: u8 = 0xCB;
    pub const GLO_GET_RESPONSE: u8 = 0xCC;
    pub const GLO_SET_RESPONSE: u8 = 0xCD;
    pub const GLO_ACTION_RESPONSE: u8 = 0xCF;
    pub const EXCEPTION_RESPONSE: u8 = 0xD8;
    pub const GENERAL_GLO: u8 = 0xDB;
}

/// Security suite 0 \[GB 9.2.3; confidence A\].
pub mod security {
    #![allow(missing_docs)]
    pub const AUTHENTICATION: u8 = 0x10;
    pub const ENCRYPTION: u8 = 0x20;
    pub const TAG_LEN: usize = 12;
    /// A challenge of HLS, octets.
    pub const CHALLENGE_LEN_MIN: usize = 8;
    pub const CHALLENGE_LEN_MAX: usize = 64;
}
