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
    pub const DELTA_I8: u8 = 28;
    pub const DELTA_I16: u8 = 29;
    pub const DELTA_I32: u8 = 30;
    pub const DELTA_U8: u8 = 31;
    pub const DELTA_U16: u8 = 32;
    pub const DELTA_U32: u8 = 33;
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
    pub const MONTH_DST_END: u8 = 0xFD;
    pub const MONTH_DST_BEGIN: u8 = 0xFE;
    pub const DAY_SECOND_LAST: u8 = 0xFD;
    pub const DAY_LAST: u8 = 0xFE;
    pub const DEVIATION_UNSPECIFIED: i16 = i16::MIN;
    /// Minutes; the book says ±720, time zones reach 840.
    pub const DEVIATION_MAX_MINUTES: u16 = 840;
    /// The most by which shift_time moves a clock \[BB 4.5.1; confidence A\].
    pub const SHIFT_MAX_S: u16 = 900;
    pub const UNSPECIFIED: [u8; 12] =
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x80, 0x00, 0xFF];
}

/// Tags of the xDLMS APDUs \[GB 9.5; confidence A\].
pub mod apdu_tag {
    #![allow(missing_docs)]
    pub const INITIATE_REQUEST: u8 = 0x01;
    pub const INITIATE_RESPONSE: u8 = 0x08;
    pub const CONFIRMED_SERVICE_ERROR: u8 = 0x0E;
    pub const DATA_NOTIFICATION: u8 = 0x0F;
    /// \[confidence B\]
    pub const DATA_NOTIFICATION_CONFIRM: u8 = 0x10;
    pub const GLO_INITIATE_REQUEST: u8 = 0x21;
    pub const GLO_INITIATE_RESPONSE: u8 = 0x28;
    pub const GLO_CONFIRMED_SERVICE_ERROR: u8 = 0x2E;
    pub const DED_INITIATE_REQUEST: u8 = 0x41;
    pub const DED_INITIATE_RESPONSE: u8 = 0x48;
    pub const DED_CONFIRMED_SERVICE_ERROR: u8 = 0x4E;
    pub const AARQ: u8 = 0x60;
    pub const AARE: u8 = 0x61;
    pub const RLRQ: u8 = 0x62;
    pub const RLRE: u8 = 0x63;
    pub const GET_REQUEST: u8 = 0xC0;
    pub const SET_REQUEST: u8 = 0xC1;
    pub const EVENT_NOTIFICATION_REQUEST: u8 = 0xC2;
    pub const ACTION_REQUEST: u8 = 0xC3;
    pub const GET_RESPONSE: u8 = 0xC4;
    pub const SET_RESPONSE: u8 = 0xC5;
    pub const ACTION_RESPONSE: u8 = 0xC7;
    pub const GLO_GET_REQUEST: u8 = 0xC8;
    pub const GLO_SET_REQUEST: u8 = 0xC9;
    pub const GLO_EVENT_NOTIFICATION_REQUEST: u8 = 0xCA;
    pub const GLO_ACTION_REQUEST: u8 = 0xCB;
    pub const GLO_GET_RESPONSE: u8 = 0xCC;
    pub const GLO_SET_RESPONSE: u8 = 0xCD;
    pub const GLO_ACTION_RESPONSE: u8 = 0xCF;
    pub const DED_GET_REQUEST: u8 = 0xD0;
    pub const DED_SET_REQUEST: u8 = 0xD1;
    pub const DED_EVENT_NOTIFICATION_REQUEST: u8 = 0xD2;
    pub const DED_ACTION_REQUEST: u8 = 0xD3;
    pub const DED_GET_RESPONSE: u8 = 0xD4;
    pub const DED_SET_RESPONSE: u8 = 0xD5;
    pub const DED_ACTION_RESPONSE: u8 = 0xD7;
    pub const EXCEPTION_RESPONSE: u8 = 0xD8;
    pub const ACCESS_REQUEST: u8 = 0xD9;
    pub const ACCESS_RESPONSE: u8 = 0xDA;
    pub const GENERAL_GLO: u8 = 0xDB;
    pub const GENERAL_DED: u8 = 0xDC;
    pub const GENERAL_CIPHERING: u8 = 0xDD;
    pub const GENERAL_SIGNING: u8 = 0xDF;
    pub const GENERAL_BLOCK_TRANSFER: u8 = 0xE0;
}

pub mod certificate;
pub mod local_port;
pub mod security;

/// The fields of AARQ, AARE, RLRQ and RLRE \[GB 9.4.2, 11; confidence A\].
pub mod association {
    #![allow(missing_docs)]
    /// 2.16.756.5.8.1
    pub const CONTEXT_PREFIX: [u8; 6] = [0x60, 0x85, 0x74, 0x05, 0x08, 0x01];
    /// 2.16.756.5.8.2
    pub const MECHANISM_PREFIX: [u8; 6] = [0x60, 0x85, 0x74, 0x05, 0x08, 0x02];
    pub const CONTEXT_NAME: u8 = 0xA1;
    pub const CALLING_TITLE: u8 = 0xA6;
    pub const CALLING_REQUIREMENTS: u8 = 0x8A;
    pub const CALLING_MECHANISM: u8 = 0x8B;
    pub const CALLING_VALUE: u8 = 0xAC;
    pub const RESULT: u8 = 0xA2;
    pub const RESULT_SOURCE: u8 = 0xA3;
    pub const SOURCE_USER: u8 = 0xA1;
    pub const SOURCE_PROVIDER: u8 = 0xA2;
    pub const RESPONDING_TITLE: u8 = 0xA4;
    pub const RESPONDING_REQUIREMENTS: u8 = 0x88;
    pub const RESPONDING_MECHANISM: u8 = 0x89;
    pub const RESPONDING_VALUE: u8 = 0xAA;
    pub const CHAR_STRING: u8 = 0x80;
    pub const USER_INFORMATION: u8 = 0xBE;
    pub const RELEASE_REASON: u8 = 0x80;
    /// The bit-string that asks for the authentication functional unit.
    pub const REQUIREMENTS: [u8; 2] = [0x07, 0x80];
    pub const REQUIREMENTS_LEN: usize = 4;
    /// protocol-version.
    pub const PROTOCOL_VERSION: u8 = 0x80;
    /// version1, bit 0 of the bit string.
    pub const VERSION_1: u8 = 0x80;
    /// acse-service-provider: no-reason-given.
    pub const PROVIDER_NO_REASON: u8 = 1;
    /// acse-service-provider: no-common-acse-version.
    pub const NO_COMMON_VERSION: u8 = 2;
    /// implementation-information.
    pub const IMPLEMENTATION: u8 = 0xBD;
    /// called-AP-title and the other names of the called end, in an AARQ.
    pub const CALLED_FIRST: u8 = 0xA2;
    pub const CALLED_LAST: u8 = 0xA5;
    /// calling-AE-qualifier and calling-AP-invocation-identifier, in an AARQ.
    pub const CALLING_REST_FIRST: u8 = 0xA7;
    pub const CALLING_REST_LAST: u8 = 0xA8;
    /// calling-AE-invocation-identifier: the user of the client.
    pub const CALLING_USER: u8 = 0xA9;
    /// responding-AE-qualifier and the invocation identifiers behind the responding title, in an AARE.
    pub const RESPONDING_REST_FIRST: u8 = 0xA5;
    pub const RESPONDING_REST_LAST: u8 = 0xA7;
}

/// Universal tags of BER \[ISO/IEC 8825-1 8; confidence A\].
pub mod ber {
    #![allow(missing_docs)]
    pub const INTEGER: u8 = 0x02;
    pub const OCTET_STRING: u8 = 0x04;
    pub const OBJECT_IDENTIFIER: u8 = 0x06;
}

/// invoke-id-and-priority \[GB 9.5; confidence A\].
pub mod invoke_id {
    #![allow(missing_docs)]
    /// The number of the request.
    pub const NUMBER: u8 = 0x0F;
    /// The service class: the request wants an answer.
    pub const CONFIRMED: u8 = 0x40;
}

/// service-error of an exception-response \[GB 9.5; confidence A\].
pub mod service_error {
    #![allow(missing_docs)]
    pub const OPERATION_NOT_POSSIBLE: u8 = 1;
    pub const SERVICE_NOT_SUPPORTED: u8 = 2;
    pub const OTHER_REASON: u8 = 3;
    pub const PDU_TOO_LONG: u8 = 4;
    pub const DECIPHERING_ERROR: u8 = 5;
    pub const INVOCATION_COUNTER_ERROR: u8 = 6;
}

/// Current association, attribute association_status \[BB 4.4.4; confidence A\].
pub mod association_status {
    #![allow(missing_docs)]
    pub const NON_ASSOCIATED: u8 = 0;
    pub const ASSOCIATED: u8 = 2;
}

/// The initiate PDUs \[GB 9.4.6.1; confidence A\].
pub mod initiate {
    #![allow(missing_docs)]
    pub const VERSION: u8 = 6;
    pub const VAA_NAME_LN: u16 = 7;
    /// \[APPLICATION 31\], length, unused bits.
    pub const CONFORMANCE_HEADER: [u8; 4] = [0x5F, 0x1F, 0x04, 0x00];
    /// A client that takes less cannot hold one block of a protected answer. A choice of this crate: the
    /// book demands 12 \[GB 9.4.6.1; confidence B\].
    pub const CLIENT_MAX_PDU_MIN: u16 = 64;
    /// confirmedServiceError, initiateError, initiate, pdu-size-too-short.
    pub const ERROR_PDU_SIZE: [u8; 4] = [0x0E, 0x01, 0x06, 0x03];
    /// confirmedServiceError, initiateError, initiate, incompatible-conformance.
    pub const ERROR_CONFORMANCE: [u8; 4] = [0x0E, 0x01, 0x06, 0x02];
    /// confirmedServiceError, initiateError, initiate, dlms-version-too-low.
    pub const ERROR_VERSION: [u8; 4] = [0x0E, 0x01, 0x06, 0x01];
}

/// The wrapper \[GB 7.3; confidence A\].
pub mod wrapper {
    #![allow(missing_docs)]
    pub const VERSION: u16 = 1;
    pub const HEADER_LEN: usize = 8;
    pub const SAP_PUBLIC_CLIENT: u16 = 16;
    pub const SAP_MANAGEMENT: u16 = 1;
    /// Destinations that are nobody's, and everybody's: requests for them are not answered \[GB 8.4.5; confidence B\].
    pub const SAP_NO_STATION: u16 = 0;
    pub const SAP_ALL_STATION: u16 = 0x7F;
}

/// The kinds of restriction_element of a push setup \[BB 4.4.8; confidence B\].
pub mod restriction {
    #![allow(missing_docs)]
    pub const NONE: u8 = 0;
    pub const BY_DATE: u8 = 1;
    pub const BY_ENTRY: u8 = 2;
}

/// The choices inside GET, SET and ACTION \[GB 9.5; confidence A\].
pub mod choice {
    #![allow(missing_docs)]
    pub const NORMAL: u8 = 1;
    pub const NEXT: u8 = 2;
    pub const WITH_DATA_BLOCK: u8 = 2;
    pub const WITH_LIST: u8 = 3;
    /// The choices of a set-request.
    pub mod set_request {
        pub const NORMAL: u8 = 1;
        pub const WITH_FIRST_DATA_BLOCK: u8 = 2;
        pub const WITH_DATA_BLOCK: u8 = 3;
        pub const WITH_LIST: u8 = 4;
        pub const WITH_LIST_AND_FIRST_DATA_BLOCK: u8 = 5;
    }
    /// The choices of a set-response.
    pub mod set_response {
        pub const NORMAL: u8 = 1;
        pub const DATA_BLOCK: u8 = 2;
        pub const LAST_DATA_BLOCK: u8 = 3;
        pub const LAST_DATA_BLOCK_WITH_LIST: u8 = 4;
        pub const WITH_LIST: u8 = 5;
    }
    /// The choices of an action-request.
    pub mod action_request {
        pub const NORMAL: u8 = 1;
        pub const NEXT_PBLOCK: u8 = 2;
        pub const WITH_LIST: u8 = 3;
        pub const WITH_FIRST_PBLOCK: u8 = 4;
        pub const WITH_LIST_AND_FIRST_PBLOCK: u8 = 5;
        pub const WITH_PBLOCK: u8 = 6;
    }
    /// The choices of an action-response.
    pub mod action_response {
        pub const NORMAL: u8 = 1;
        pub const WITH_PBLOCK: u8 = 2;
        pub const WITH_LIST: u8 = 3;
        pub const NEXT_PBLOCK: u8 = 4;
    }
    /// The choices of an access-request-specification and of an access-response-specification.
    pub mod access {
        pub const GET: u8 = 1;
        pub const SET: u8 = 2;
        pub const ACTION: u8 = 3;
        pub const GET_WITH_SELECTION: u8 = 4;
        pub const SET_WITH_SELECTION: u8 = 5;
    }
}

/// long-invoke-id-and-priority \[GB 9.5; confidence A\].
pub mod long_invoke_id {
    #![allow(missing_docs)]
    /// The number of the request.
    pub const NUMBER: u32 = 0x00FF_FFFF;
    /// The processing option: break on the first error.
    pub const BREAK_ON_ERROR: u32 = 0x2000_0000;
    /// The service class: the request wants an answer.
    pub const CONFIRMED: u32 = 0x4000_0000;
}

/// Blocks of SET and ACTION \[GB 9.3.7, 9.3.8, 9.5; confidence A\].
pub mod blocks {
    #![allow(missing_docs)]
    /// action-response-with-pblock besides the piece: tag, choice, invoke-id, last, number and the longest
    /// length of a piece.
    pub const PBLOCK_OVERHEAD: usize = 3 + 1 + 4 + 3;
    /// A DataBlock-SA besides the piece.
    pub const DATA_BLOCK_OVERHEAD: usize = 1 + 4 + 3;
}

/// general-block-transfer \[GB 9.3.13, 9.5; confidence A\].
pub mod general_block {
    #![allow(missing_docs)]
    pub const LAST: u8 = 0x80;
    pub const STREAMING: u8 = 0x40;
    pub const WINDOW: u8 = 0x3F;
    /// Tag, control, two numbers and the longest length of a piece.
    pub const OVERHEAD: usize = 1 + 1 + 2 + 2 + 3;
    /// Blocks that we take in one go. A choice of this crate.
    pub const WINDOW_OURS: u8 = 8;
    /// Blocks that we send in one go, whatever the peer would take: what an outbox has room for. A choice of
    /// this crate.
    pub const BURST_MAX: u16 = 8;
}

/// ACCESS \[GB 9.3.9, 9.5\].
pub mod access {
    #![allow(missing_docs)]
    /// The shortest access-request-specification.
    pub const SPECIFICATION_LEN_MIN: usize = 10;
    /// An access-response-specification.
    pub const RESULT_LEN: usize = 2;
}

/// ConfirmedServiceError \[GB 9.5; confidence A\].
pub mod confirmed_error {
    #![allow(missing_docs)]
    pub const INITIATE: u8 = 1;
}

/// GET \[GB 9.3.6, 9.5; confidence A\].
pub mod get {
    #![allow(missing_docs)]
    /// get-response-normal besides the value: tag, choice, invoke-id, result choice.
    pub const NORMAL_OVERHEAD: usize = 4;
    /// get-response-with-datablock besides the piece: tag, choice, invoke-id, last, number, result choice
    /// and the longest length of a piece.
    pub const BLOCK_OVERHEAD: usize = 3 + 1 + 4 + 1 + 3;
    /// get-response-with-list besides the results: tag, choice, invoke-id and a count below 128.
    pub const LIST_OVERHEAD: usize = 4;
    /// The shortest Get-Data-Result: a choice, and a result or a null value.
    pub const RESULT_LEN_MIN: usize = 2;
    /// The shortest cosem-attribute-descriptor with its selection: class, name, attribute, none.
    pub const DESCRIPTOR_LEN_MIN: usize = 10;
    /// Attributes in one list. A bound of this crate: a short request must not cost much.
    pub const LIST_MAX: usize = 32;
}

/// Bounds of this crate for conversations over datagrams; no numbers of the standard.
pub mod conversation {
    #![allow(missing_docs)]
    use core::time::Duration;
    /// How long a datagram may be under way after its twin.
    pub const DUPLICATE_WINDOW: Duration = Duration::from_secs(60);
    /// Requests answered in blocks among which a twin is looked for.
    pub const RECENT_MAX: usize = 8;
    /// Repetitions of a request: those of two requests in a row have different numbers out of 16
    /// (invoke-id, four bits \[GB 9.5; confidence A\]).
    pub const RETRIES_MAX: u8 = 7;
    /// Origins whose failed proofs at an association are remembered; as many again of those whose address nobody has checked.
    pub const FAILING_ORIGINS_MAX: usize = 32;
    /// All others together may fail so many times as often as one before they are heard only slowly.
    pub const GUESSES_FACTOR: u32 = 8;
    /// Pushes of a server that may wait for their confirmation.
    pub const PUSHES_MAX: usize = 8;
    /// Outputs for which a client keeps room when it is told what it did not ask for.
    pub const OUTPUTS_RESERVED: usize = 12;
    /// Outputs of a client or server that may wait for the driver.
    pub const OUTPUTS_MAX: usize = 16;
}

/// Interface classes and well-known names \[BB 4, 6.2; confidence A\].
pub mod classes {
    #![allow(missing_docs)]
    use crate::cosem::LogicalName;
    pub const DATA: u16 = 1;
    pub const REGISTER: u16 = 3;
    pub const PROFILE_GENERIC: u16 = 7;
    pub const CLOCK: u16 = 8;
    pub const ASSOCIATION_LN: u16 = 15;
    pub const SAP_ASSIGNMENT: u16 = 17;
    pub const SECURITY_SETUP: u16 = 64;
    pub const CURRENT_ASSOCIATION: LogicalName = LogicalName([0, 0, 40, 0, 0, 255]);
    pub const SAP_ASSIGNMENT_NAME: LogicalName = LogicalName([0, 0, 41, 0, 0, 255]);
    pub const SECURITY_SETUP_NAME: LogicalName = LogicalName([0, 0, 43, 0, 0, 255]);
    pub const CLOCK_NAME: LogicalName = LogicalName([0, 0, 1, 0, 0, 255]);
}

pub mod companions;
pub mod disconnect_control;
pub mod obis;
pub mod objects;
pub mod schemas;
pub mod security_setup;

/// Access rights in object_list \[BB 4.4.4; confidence A\].
pub mod access_rights {
    #![allow(missing_docs)]
    /// From this version of the class on, modes are bits.
    pub const BITS_SINCE_VERSION: u8 = 3;
    pub const READ: u8 = 0x01;
    pub const WRITE: u8 = 0x02;
    pub const INVOKE: u8 = 0x01;
    pub const AUTHENTICATED_REQUEST: u8 = 0x04;
    pub const ENCRYPTED_REQUEST: u8 = 0x08;
    pub const SIGNED_REQUEST: u8 = 0x10;
    pub const AUTHENTICATED_RESPONSE: u8 = 0x20;
    pub const ENCRYPTED_RESPONSE: u8 = 0x40;
    pub const SIGNED_RESPONSE: u8 = 0x80;
    /// Before: 1 read, 2 write, 3 both, and the same authenticated.
    pub const READ_AND_WRITE: u8 = 3;
    pub const AUTHENTICATED_READ: u8 = 4;
    pub const AUTHENTICATED_BOTH: u8 = 6;
    /// Methods: 1 invoke, 2 the same authenticated.
    pub const AUTHENTICATED_INVOCATION: u8 = 2;
}
