//! EAP and the four messages of EAP-PSK.

use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// The code of an EAP message \[RFC 3748 4\]. On the wire of G3 it is shifted left by two bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EapCode {
    /// The server asks.
    Request = 1,
    /// The peer answers.
    Response = 2,
    /// The peer is in.
    Success = 3,
    /// The peer is refused.
    Failure = 4,
}

impl EapCode {
    fn parse(octet: u8) -> Result<Self, WireError> {
        match octet {
            0x04 => Ok(Self::Request),
            0x08 => Ok(Self::Response),
            0x0C => Ok(Self::Success),
            0x10 => Ok(Self::Failure),
            _ => Err(WireError::Invalid("EAP code")),
        }
    }
}

/// A message of the authentication \[G3 LBP 7.1; RFC 3748 4; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EapMessage<'a> {
    /// Request, response, success or failure.
    pub code: EapCode,
    /// Ties a response to its request.
    pub identifier: u8,
    /// What a request or response carries; `None` in success and failure.
    pub psk: Option<PskMessage<'a>>,
}

impl<'a> EapMessage<'a> {
    const HEADER: usize = 4;

    /// Reads the whole message. Its length field must tell the truth.
    pub fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let total = reader.remaining();
        let code = EapCode::parse(reader.u8()?)?;
        let identifier = reader.u8()?;
        if usize::from(reader.u16_be()?) != total {
            return Err(WireError::Invalid("EAP length"));
        }
        let psk = match code {
            EapCode::Request | EapCode::Response => Some(PskMessage::parse(reader)?),
            EapCode::Success | EapCode::Failure => None,
        };
        (*reader).finish()?;
        Ok(Self { code, identifier, psk })
    }

    /// Writes the message.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&[(self.code as u8) << 2, self.identifier])?;
        writer.u16_be(u16::try_from(self.wire_len()).map_err(|_| WireError::NoRoom)?)?;
        self.psk.map_or(Ok(()), |psk| psk.emit(writer))
    }

    /// Octets on the wire.
    pub fn wire_len(&self) -> usize {
        Self::HEADER + self.psk.map_or(0, |psk| psk.wire_len())
    }

    /// What the protected channel authenticates besides itself: the first 22 octets of the message,
    /// with the code as in RFC 3748 \[G3 LBP 7.1; confidence A\]. Zeros when there is no EAP-PSK in it.
    pub fn pchannel_header(&self) -> [u8; 22] {
        let mut header = [0; 22];
        if let Some(psk) = self.psk {
            header[0] = self.code as u8;
            header[1] = self.identifier;
            header[2..4].copy_from_slice(&(self.wire_len() as u16).to_be_bytes());
            header[4] = PskMessage::TYPE;
            header[5] = psk.flags();
            header[6..].copy_from_slice(&psk.rand_s());
        }
        header
    }
}

impl fmt::Display for EapMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EAP {:?} {}", self.code, self.identifier)?;
        self.psk.map_or(Ok(()), |psk| write!(f, " PSK {}", psk.flags() >> 6))
    }
}

/// The four messages of EAP-PSK \[RFC 4764 5; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PskMessage<'a> {
    /// Server: who I am.
    First {
        /// Random number of the server.
        rand_s: [u8; 16],
        /// Its name.
        id_s: &'a [u8],
    },
    /// Peer: who I am, and that I know the key.
    Second {
        /// Random number of the server.
        rand_s: [u8; 16],
        /// Random number of the peer.
        rand_p: [u8; 16],
        /// Proof of the peer.
        mac_p: [u8; 16],
        /// Its name.
        id_p: &'a [u8],
    },
    /// Server: that I know the key, and your parameters.
    Third {
        /// Random number of the server.
        rand_s: [u8; 16],
        /// Proof of the server.
        mac_s: [u8; 16],
        /// Protected channel.
        pchannel: Pchannel<'a>,
    },
    /// Peer: how I took them.
    Fourth {
        /// Random number of the server.
        rand_s: [u8; 16],
        /// Protected channel.
        pchannel: Pchannel<'a>,
    },
}

impl<'a> PskMessage<'a> {
    /// The EAP method type of EAP-PSK.
    const TYPE: u8 = 0x2F;

    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        if reader.u8()? != Self::TYPE {
            return Err(WireError::Invalid("EAP type"));
        }
        let flags = reader.u8()?;
        let rand_s = reader.array()?;
        match flags {
            0x00 => Ok(Self::First { rand_s, id_s: reader.rest() }),
            0x40 => {
                let (rand_p, mac_p) = (reader.array()?, reader.array()?);
                Ok(Self::Second { rand_s, rand_p, mac_p, id_p: reader.rest() })
            }
            0x80 => {
                let mac_s = reader.array()?;
                Ok(Self::Third { rand_s, mac_s, pchannel: Pchannel::parse(reader)? })
            }
            0xC0 => Ok(Self::Fourth { rand_s, pchannel: Pchannel::parse(reader)? }),
            _ => Err(WireError::Invalid("EAP-PSK flags")),
        }
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&[Self::TYPE, self.flags()])?;
        writer.bytes(&self.rand_s())?;
        match self {
            Self::First { id_s, .. } => writer.bytes(id_s),
            Self::Second { rand_p, mac_p, id_p, .. } => {
                writer.bytes(rand_p)?;
                writer.bytes(mac_p)?;
                writer.bytes(id_p)
            }
            Self::Third { mac_s, pchannel, .. } => {
                writer.bytes(mac_s)?;
                pchannel.emit(writer)
            }
            Self::Fourth { pchannel, .. } => pchannel.emit(writer),
        }
    }

    fn wire_len(&self) -> usize {
        18 + match self {
            Self::First { id_s, .. } => id_s.len(),
            Self::Second { id_p, .. } => 32 + id_p.len(),
            Self::Third { pchannel, .. } => 16 + pchannel.wire_len(),
            Self::Fourth { pchannel, .. } => pchannel.wire_len(),
        }
    }

    /// T, the number of the message, in the upper two bits.
    const fn flags(&self) -> u8 {
        match self {
            Self::First { .. } => 0x00,
            Self::Second { .. } => 0x40,
            Self::Third { .. } => 0x80,
            Self::Fourth { .. } => 0xC0,
        }
    }

    const fn rand_s(&self) -> [u8; 16] {
        match *self {
            Self::First { rand_s, .. }
            | Self::Second { rand_s, .. }
            | Self::Third { rand_s, .. }
            | Self::Fourth { rand_s, .. } => rand_s,
        }
    }
}

/// The protected channel \[RFC 4764 3.3; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pchannel<'a> {
    /// Never twice under one session key.
    pub nonce: u32,
    /// Authenticates header and data.
    pub tag: [u8; 16],
    /// Encrypted.
    pub ciphertext: &'a [u8],
}

impl<'a> Pchannel<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        Ok(Self { nonce: reader.u32_be()?, tag: reader.array()?, ciphertext: reader.rest() })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u32_be(self.nonce)?;
        writer.bytes(&self.tag)?;
        writer.bytes(self.ciphertext)
    }

    const fn wire_len(&self) -> usize {
        20 + self.ciphertext.len()
    }
}

/// What the protected channel says once it is open \[RFC 4764 3.3; G3 LBP 7.2; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PchannelContent<'a> {
    /// How the sender sees the authentication.
    pub result: PchannelResult,
    /// Configuration parameters, when there is an extension.
    pub parameters: Option<&'a [u8]>,
}

/// How the sender of a protected channel sees the authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PchannelResult {
    /// Not done.
    Continue = 0x40,
    /// Done, well.
    DoneSuccess = 0x80,
    /// Done, badly.
    DoneFailure = 0xC0,
}

impl<'a> PchannelContent<'a> {
    const EXTENSION: u8 = 0x20;
    /// The extension type of configuration parameters.
    const PARAMETERS: u8 = 0x02;

    /// Reads all of it.
    pub fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let first = reader.u8()?;
        let result = match first & 0xC0 {
            0x40 => PchannelResult::Continue,
            0x80 => PchannelResult::DoneSuccess,
            0xC0 => PchannelResult::DoneFailure,
            _ => return Err(WireError::Invalid("protected result")),
        };
        let parameters = match first & 0x3F {
            0 => None,
            Self::EXTENSION if reader.u8()? == Self::PARAMETERS => Some(reader.rest()),
            _ => return Err(WireError::Invalid("protected extension")),
        };
        (*reader).finish()?;
        Ok(Self { result, parameters })
    }

    /// Writes it.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let Some(parameters) = self.parameters else { return writer.u8(self.result as u8) };
        writer.bytes(&[self.result as u8 | Self::EXTENSION, Self::PARAMETERS])?;
        writer.bytes(parameters)
    }

    /// Octets on the wire.
    pub fn wire_len(&self) -> usize {
        1 + self.parameters.map_or(0, |parameters| 1 + parameters.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::msdu;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_content_of_a_channel_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..40), some: bool, r in 0usize..3) {
            let result = [PchannelResult::Continue, PchannelResult::DoneSuccess, PchannelResult::DoneFailure][r];
            let content = PchannelContent { result, parameters: some.then_some(&bytes[..]) };
            let emitted = msdu(|w| content.emit(w)).unwrap();
            prop_assert_eq!(emitted.len(), content.wire_len());
            prop_assert_eq!(PchannelContent::parse(&mut Reader::new(&emitted)), Ok(content));
            let _ = PchannelContent::parse(&mut Reader::new(&bytes));
        }

        #[test]
        fn every_message_comes_back(
            identifier: u8, rand_s: [u8; 16], rand_p: [u8; 16], tag: [u8; 16], nonce: u32,
            tail in prop::collection::vec(any::<u8>(), 0..64), t in 0..6,
        ) {
            let pchannel = Pchannel { nonce, tag, ciphertext: &tail };
            let (code, psk) = match t {
                0 => (EapCode::Request, Some(PskMessage::First { rand_s, id_s: &tail })),
                1 => (EapCode::Response, Some(PskMessage::Second { rand_s, rand_p, mac_p: tag, id_p: &tail })),
                2 => (EapCode::Request, Some(PskMessage::Third { rand_s, mac_s: rand_p, pchannel })),
                3 => (EapCode::Response, Some(PskMessage::Fourth { rand_s, pchannel })),
                4 => (EapCode::Success, None),
                _ => (EapCode::Failure, None),
            };
            let message = EapMessage { code, identifier, psk };
            let bytes = msdu(|w| message.emit(w)).unwrap();
            prop_assert_eq!(bytes.len(), message.wire_len());
            prop_assert_eq!(EapMessage::parse(&mut Reader::new(&bytes)), Ok(message));
        }

        #[test]
        fn random_octets_never_panic_and_what_is_understood_comes_back(
            mut bytes in prop::collection::vec(any::<u8>(), 4..120), t in 0u8..4,
        ) {
            let len = bytes.len() as u16;
            bytes[0] = if t % 2 == 0 { 0x04 } else { 0x08 };
            bytes[2..4].copy_from_slice(&len.to_be_bytes());
            if let Some(head) = bytes.get_mut(4..6) {
                head.copy_from_slice(&[0x2F, t << 6]);
            }
            if let Ok(message) = EapMessage::parse(&mut Reader::new(&bytes)) {
                prop_assert_eq!(&msdu(|w| message.emit(w)).unwrap()[..], &bytes[..]);
            }
        }
    }
}
