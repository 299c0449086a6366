//! Security setup, version 1 \[BB 4.4.7; confidence B\].
#![allow(missing_docs)]

/// Authenticated and encrypted requests (bits 2, 3) and responses (bits 5, 6).
pub const POLICY_ALL: u8 = 0x6C;
pub const REQUEST_AUTHENTICATED: u8 = 1 << 2;
pub const REQUEST_ENCRYPTED: u8 = 1 << 3;
pub const REQUEST_SIGNED: u8 = 1 << 4;
pub const RESPONSE_AUTHENTICATED: u8 = 1 << 5;
pub const RESPONSE_ENCRYPTED: u8 = 1 << 6;
pub const RESPONSE_SIGNED: u8 = 1 << 7;
/// Bits of the policy that mean nothing.
pub const POLICY_RESERVED: u8 = 0x03;

pub const METHODS: u8 = 8;
pub const ACTIVATE: i8 = 1;
pub const KEY_TRANSFER: i8 = 2;
pub const KEY_AGREEMENT: i8 = 3;
pub const GENERATE_KEY_PAIR: i8 = 4;
pub const GENERATE_REQUEST: i8 = 5;
pub const IMPORT: i8 = 6;
pub const EXPORT: i8 = 7;
pub const REMOVE: i8 = 8;

/// key_id of key_transfer and key_agreement.
pub mod key_id {
    pub const UNICAST: u8 = 0;
    pub const BROADCAST: u8 = 1;
    pub const AUTHENTICATION: u8 = 2;
    pub const MASTER: u8 = 3;
}

/// certificate_entity.
pub mod entity {
    pub const SERVER: u8 = 0;
    pub const CLIENT: u8 = 1;
    pub const AUTHORITY: u8 = 2;
    pub const OTHER: u8 = 3;
}

/// certificate_type, and the use of a key pair.
pub mod key_use {
    pub const SIGNATURE: u8 = 0;
    pub const AGREEMENT: u8 = 1;
    pub const TLS: u8 = 2;
}

/// certificate_identification_type.
pub mod identification {
    pub const BY_ENTITY: u8 = 0;
    pub const BY_SERIAL: u8 = 1;
}

/// Certificates that a server keeps. A bound of this crate.
pub const CERTIFICATES_MAX: usize = 8;
/// Octets of a certificate. A bound of this crate.
pub const CERTIFICATE_LEN_MAX: usize = 1024;
