//! The xDLMS initiate PDUs, and the conformance block in them.

use super::Pdu;
use crate::axdr::{emit_length, length_len, parse_length};
use crate::specs::{apdu_tag, initiate as specs};
use core::fmt;
use core::ops::{BitAnd, BitOr};
use plc_core::wire::{Reader, WireError, Writer};

/// The conformance block: 24 bits, bit 0 the most significant \[GB 9.4.6.1\].
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Conformance(pub u32);

impl Conformance {
    /// general-protection 1.
    pub const GENERAL_PROTECTION: Self = Self::bit(1);
    /// general-block-transfer 2.
    pub const GENERAL_BLOCK_TRANSFER: Self = Self::bit(2);
    /// priority-mgmt-supported 9.
    pub const PRIORITY: Self = Self::bit(9);
    /// block-transfer-with-get-or-read 11.
    pub const BLOCK_GET: Self = Self::bit(11);
    /// block-transfer-with-set-or-write 12.
    pub const BLOCK_SET: Self = Self::bit(12);
    /// block-transfer-with-action 13.
    pub const BLOCK_ACTION: Self = Self::bit(13);
    /// multiple-references 14.
    pub const MULTIPLE_REFERENCES: Self = Self::bit(14);
    /// data-notification 16.
    pub const DATA_NOTIFICATION: Self = Self::bit(16);
    /// access 17.
    pub const ACCESS: Self = Self::bit(17);
    /// get 19.
    pub const GET: Self = Self::bit(19);
    /// set 20.
    pub const SET: Self = Self::bit(20);
    /// selective-access 21.
    pub const SELECTIVE_ACCESS: Self = Self::bit(21);
    /// event-notification 22.
    pub const EVENT_NOTIFICATION: Self = Self::bit(22);
    /// action 23.
    pub const ACTION: Self = Self::bit(23);

    /// What this crate can do.
    pub const OURS: Self = Self(
        Self::GENERAL_PROTECTION.0
            | Self::GENERAL_BLOCK_TRANSFER.0
            | Self::BLOCK_GET.0
            | Self::BLOCK_SET.0
            | Self::BLOCK_ACTION.0
            | Self::MULTIPLE_REFERENCES.0
            | Self::DATA_NOTIFICATION.0
            | Self::ACCESS.0
            | Self::GET.0
            | Self::SET.0
            | Self::SELECTIVE_ACCESS.0
            | Self::EVENT_NOTIFICATION.0
            | Self::ACTION.0,
    );

    const fn bit(number: u32) -> Self {
        Self(1 << (23 - number))
    }

    /// Whether all of `other` is in it.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The three octets of the bit-string.
    pub const fn octets(self) -> [u8; 3] {
        let [_, a, b, c] = self.0.to_be_bytes();
        [a, b, c]
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        if reader.array()? != specs::CONFORMANCE_HEADER {
            return Err(WireError::Invalid("conformance"));
        }
        let [a, b, c] = reader.array()?;
        Ok(Self(u32::from_be_bytes([0, a, b, c])))
    }

    fn emit(self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&specs::CONFORMANCE_HEADER)?;
        writer.bytes(&self.octets())
    }
}

impl BitAnd for Conformance {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Conformance {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Conformance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06x}", self.0)
    }
}

/// initiate-request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitiateRequest<'a> {
    /// dedicated-key for this association alone.
    pub dedicated_key: Option<&'a [u8]>,
    /// response-allowed; true unless said otherwise.
    pub response_allowed: bool,
    /// proposed-quality-of-service.
    pub quality_of_service: Option<u8>,
    /// proposed-dlms-version-number: 6.
    pub version: u8,
    /// What the client can do.
    pub conformance: Conformance,
    /// The largest APDU that the client takes, in octets; 0 for no limit.
    pub max_pdu: u16,
}

impl InitiateRequest<'_> {
    /// A request without dedicated key.
    pub const fn new(conformance: Conformance, max_pdu: u16) -> Self {
        Self {
            dedicated_key: None,
            response_allowed: true,
            quality_of_service: None,
            version: specs::VERSION,
            conformance,
            max_pdu,
        }
    }
}

impl<'a> Pdu<'a> for InitiateRequest<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_tag(reader, apdu_tag::INITIATE_REQUEST)?;
        let dedicated_key = match optional(reader)? {
            false => None,
            true => {
                let len = parse_length(reader)?;
                Some(reader.bytes(len)?)
            }
        };
        let response_allowed = if optional(reader)? { reader.u8()? != 0 } else { true };
        let quality_of_service = if optional(reader)? { Some(reader.u8()?) } else { None };
        let version = reader.u8()?;
        let conformance = Conformance::parse(reader)?;
        let max_pdu = reader.u16_be()?;
        Ok(Self { dedicated_key, response_allowed, quality_of_service, version, conformance, max_pdu })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&[apdu_tag::INITIATE_REQUEST, u8::from(self.dedicated_key.is_some())])?;
        if let Some(key) = self.dedicated_key {
            emit_length(writer, key.len())?;
            writer.bytes(key)?;
        }
        writer.bytes(if self.response_allowed { &[0] } else { &[1, 0] })?;
        emit_optional(writer, self.quality_of_service)?;
        writer.u8(self.version)?;
        self.conformance.emit(writer)?;
        writer.u16_be(self.max_pdu)
    }

    fn wire_len(&self) -> usize {
        let key = self.dedicated_key.map_or(0, |key| length_len(key.len()) + key.len());
        let quality = usize::from(self.quality_of_service.is_some());
        14 + key + quality + usize::from(!self.response_allowed)
    }
}

impl fmt::Display for InitiateRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, conformance, max_pdu, .. } = self;
        write!(f, "initiate-request version {version} conformance {conformance:?} max {max_pdu}")
    }
}

/// initiate-response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitiateResponse {
    /// negotiated-quality-of-service.
    pub quality_of_service: Option<u8>,
    /// negotiated-dlms-version-number: 6.
    pub version: u8,
    /// What both can do.
    pub conformance: Conformance,
    /// The largest APDU that the server takes, in octets.
    pub max_pdu: u16,
    /// vaa-name: 7 for logical names.
    pub vaa_name: u16,
}

impl InitiateResponse {
    /// A response for logical names.
    pub const fn new(conformance: Conformance, max_pdu: u16) -> Self {
        let (version, vaa_name) = (specs::VERSION, specs::VAA_NAME_LN);
        Self { quality_of_service: None, version, conformance, max_pdu, vaa_name }
    }
}

impl<'a> Pdu<'a> for InitiateResponse {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_tag(reader, apdu_tag::INITIATE_RESPONSE)?;
        let quality_of_service = if optional(reader)? { Some(reader.u8()?) } else { None };
        let version = reader.u8()?;
        let conformance = Conformance::parse(reader)?;
        let max_pdu = reader.u16_be()?;
        Ok(Self { quality_of_service, version, conformance, max_pdu, vaa_name: reader.u16_be()? })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u8(apdu_tag::INITIATE_RESPONSE)?;
        emit_optional(writer, self.quality_of_service)?;
        writer.u8(self.version)?;
        self.conformance.emit(writer)?;
        writer.u16_be(self.max_pdu)?;
        writer.u16_be(self.vaa_name)
    }

    fn wire_len(&self) -> usize {
        14 + usize::from(self.quality_of_service.is_some())
    }
}

impl fmt::Display for InitiateResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, conformance, max_pdu, .. } = self;
        write!(f, "initiate-response version {version} conformance {conformance:?} max {max_pdu}")
    }
}

fn optional(reader: &mut Reader<'_>) -> Result<bool, WireError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(WireError::Invalid("presence")),
    }
}

fn emit_optional(writer: &mut Writer<'_>, octet: Option<u8>) -> Result<(), WireError> {
    match octet {
        None => writer.u8(0),
        Some(octet) => writer.bytes(&[1, octet]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use crate::hex::hex;
    use proptest::prelude::*;

    const REQUEST: &str = "01011000112233445566778899AABBCCDDEEFF0000065F1F0400007E1F04B0";
    const RESPONSE: &str = "0800065F1F0400007C1F04000007";

    #[test]
    fn the_published_initiate_pdus_are_understood_and_written_the_same() {
        let bytes = hex(REQUEST);
        let request = InitiateRequest::from_bytes(&bytes).unwrap();
        assert_eq!((request.version, request.max_pdu, request.conformance.0), (6, 0x04B0, 0x00_7E1F));
        assert_eq!(request.dedicated_key.map(<[u8]>::len), Some(16));
        assert_eq!(request.to_vec(), bytes);
        let response = InitiateResponse::from_bytes(&hex(RESPONSE)).unwrap();
        assert_eq!((response.max_pdu, response.vaa_name), (0x0400, 7));
        assert_eq!(response.to_vec(), hex(RESPONSE));
    }

    #[test]
    fn conformance_bits_count_from_the_most_significant() {
        assert_eq!(Conformance::ACTION.octets(), [0, 0, 1]);
        assert_eq!(Conformance::GENERAL_PROTECTION.octets(), [0x40, 0, 0]);
        assert!(Conformance(0x00_7E1F).has(Conformance::GET | Conformance::SET | Conformance::ACTION));
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(request in law::near(&hex(REQUEST)), response in law::near(&hex(RESPONSE))) {
            law::check::<InitiateRequest<'_>>(&request)?;
            law::check::<InitiateResponse>(&response)?;
        }
    }
}
