//! The messages of the opening.

use super::specs;
use crate::apdu::Pdu;
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// A rate of the line that mode E knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u8);

impl Rate {
    /// 300 bit/s, with which every opening begins.
    pub const INITIAL: Self = Self(specs::RATES[0].0);
    /// 9600 bit/s.
    pub const R9600: Self = Self(specs::RATES[5].0);

    /// The rate of so many bits per second, if mode E knows it.
    pub fn from_bits_per_second(wanted: u32) -> Option<Self> {
        specs::RATES.iter().find(|&&(_, rate)| rate == wanted).map(|&(character, _)| Self(character))
    }

    /// The rate of this character.
    fn from_character(wanted: u8) -> Result<Self, WireError> {
        let known = specs::RATES.iter().any(|&(character, _)| character == wanted);
        if known { Ok(Self(wanted)) } else { Err(WireError::Invalid("rate character")) }
    }

    /// Bits per second.
    pub fn bits_per_second(self) -> u32 {
        specs::RATES.iter().find(|&&(character, _)| character == self.0).map_or(0, |&(_, rate)| rate)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bit/s", self.bits_per_second())
    }
}

/// The request: is a meter there, or this very one?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignOn<'a> {
    /// The address of the meter; empty for whichever is there.
    pub address: &'a [u8],
}

impl<'a> Pdu<'a> for SignOn<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        expect(reader, &[specs::START, specs::REQUEST])?;
        let address = until(reader, specs::END)?;
        expect(reader, &[specs::END, specs::CR, specs::LF])?;
        if address.len() > specs::ADDRESS_LEN_MAX || !address.iter().all(u8::is_ascii_alphanumeric) {
            return Err(WireError::Invalid("meter address"));
        }
        Ok(Self { address })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&[specs::START, specs::REQUEST])?;
        writer.bytes(self.address)?;
        writer.bytes(&[specs::END, specs::CR, specs::LF])
    }

    fn wire_len(&self) -> usize {
        2 + self.address.len() + 3
    }
}

impl fmt::Display for SignOn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sign on, address '{}'", self.address.escape_ascii())
    }
}

/// The identification of a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identification<'a> {
    /// The flag of the maker.
    pub maker: [u8; specs::MAKER_LEN],
    /// The highest rate of the meter.
    pub rate: Rate,
    /// Whether the meter speaks HDLC.
    pub binary_hdlc: bool,
    /// What the meter calls itself, and modes that are not known here.
    pub name: &'a [u8],
}

impl<'a> Pdu<'a> for Identification<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        expect(reader, &[specs::START])?;
        let maker = reader.array()?;
        let rate = Rate::from_character(reader.u8()?)?;
        let rest = until(reader, specs::CR)?;
        expect(reader, &[specs::CR, specs::LF])?;
        let hdlc = rest.strip_prefix(&[specs::ENHANCED, specs::BINARY_HDLC]);
        let name = hdlc.unwrap_or(rest);
        let printable = |text: &[u8]| text.iter().all(|c| (b' '..0x7F).contains(c));
        if !maker.iter().all(u8::is_ascii_alphabetic) || !printable(name) || name.len() > NAME_LEN_MAX {
            return Err(WireError::Invalid("identification"));
        }
        Ok(Self { maker, rate, binary_hdlc: hdlc.is_some(), name })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u8(specs::START)?;
        writer.bytes(&self.maker)?;
        writer.u8(self.rate.0)?;
        if self.binary_hdlc {
            writer.bytes(&[specs::ENHANCED, specs::BINARY_HDLC])?;
        }
        writer.bytes(self.name)?;
        writer.bytes(&[specs::CR, specs::LF])
    }

    fn wire_len(&self) -> usize {
        1 + specs::MAKER_LEN + 1 + if self.binary_hdlc { 2 } else { 0 } + self.name.len() + 2
    }
}

impl fmt::Display for Identification<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hdlc = if self.binary_hdlc { ", HDLC" } else { "" };
        write!(f, "{} '{}', {}{hdlc}", self.maker.escape_ascii(), self.name.escape_ascii(), self.rate)
    }
}

/// The choice of the client, and its confirmation by the meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionSelect {
    /// The protocol: 2 for HDLC.
    pub protocol: u8,
    /// The rate from now on.
    pub rate: Rate,
    /// The mode: 2 for binary.
    pub mode: u8,
}

impl OptionSelect {
    /// HDLC at this rate.
    pub const fn hdlc(rate: Rate) -> Self {
        Self { protocol: specs::BINARY_HDLC, rate, mode: specs::BINARY_HDLC }
    }

    /// Whether this chooses HDLC.
    pub fn is_hdlc(self) -> bool {
        self == Self::hdlc(self.rate)
    }
}

impl<'a> Pdu<'a> for OptionSelect {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        expect(reader, &[specs::ACK])?;
        let (protocol, rate, mode) = (reader.u8()?, Rate::from_character(reader.u8()?)?, reader.u8()?);
        expect(reader, &[specs::CR, specs::LF])?;
        Ok(Self { protocol, rate, mode })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&[specs::ACK, self.protocol, self.rate.0, self.mode, specs::CR, specs::LF])
    }

    fn wire_len(&self) -> usize {
        6
    }
}

impl fmt::Display for OptionSelect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "protocol {:#04x}, mode {:#04x}, {}", self.protocol, self.mode, self.rate)
    }
}

fn expect(reader: &mut Reader<'_>, octets: &[u8]) -> Result<(), WireError> {
    if reader.bytes(octets.len())? == octets { Ok(()) } else { Err(WireError::Invalid("character")) }
}

/// Takes what stands before `end`.
fn until<'a>(reader: &mut Reader<'a>, end: u8) -> Result<&'a [u8], WireError> {
    let mut ahead = *reader;
    let at = ahead.rest().iter().position(|&octet| octet == end).ok_or(WireError::Truncated)?;
    reader.bytes(at)
}

/// A name and one more enhanced mode.
const NAME_LEN_MAX: usize = specs::IDENTIFICATION_LEN_MAX + 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use proptest::prelude::*;

    #[test]
    fn the_messages_of_an_opening_are_read_and_written() {
        let sign_on = SignOn { address: b"12345" };
        assert_eq!(sign_on.to_vec(), b"/?12345!\r\n");
        assert_eq!(SignOn::from_bytes(b"/?!\r\n"), Ok(SignOn { address: b"" }));
        let said = Identification::from_bytes(b"/PLC5\\2METER 1\r\n").unwrap();
        assert_eq!(
            (said.maker, said.rate, said.binary_hdlc, said.name),
            (*b"PLC", Rate::R9600, true, &b"METER 1"[..])
        );
        let old = Identification::from_bytes(b"/ABC0 OLD\r\n").unwrap();
        assert_eq!((old.rate.bits_per_second(), old.binary_hdlc), (300, false));
        assert_eq!(OptionSelect::hdlc(Rate::R9600).to_vec(), [6, b'2', b'5', b'2', 13, 10]);
    }

    #[test]
    fn what_is_no_such_message_is_refused() {
        for bad in [&b"/?12 45!\r\n"[..], b"/?!\r", b"/?!\r\nx", b"/?", b"\\?!\r\n"] {
            assert!(SignOn::from_bytes(bad).is_err(), "{}", bad.escape_ascii());
        }
        for bad in
            [&b"/PL55\\2METER\r\n"[..], b"/PLC9\\2METER\r\n", b"/PLC5\\2MET\x07R\r\n", b"/PLC5\\2METER\r"]
        {
            assert!(Identification::from_bytes(bad).is_err(), "{}", bad.escape_ascii());
        }
        assert!(OptionSelect::from_bytes(b"\x06272\r\n").is_err());
        assert!(SignOn::from_bytes(&[&b"/?"[..], &[b'1'; 33], b"!\r\n"].concat()).is_err());
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(
            sign_on in law::near(b"/?12345!\r\n"),
            identification in law::near(b"/PLC5\\2METER 1\r\n"),
            option in law::near(b"\x06252\r\n"),
        ) {
            law::check::<SignOn<'_>>(&sign_on)?;
            law::check::<Identification<'_>>(&identification)?;
            law::check::<OptionSelect>(&option)?;
        }
    }
}
