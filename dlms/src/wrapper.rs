//! The wrapper between UDP or TCP and the APDUs \[GB 7.3\].

mod stream;

pub use stream::{StreamFault, WpduStream};

use crate::apdu::Pdu;
use crate::specs::wrapper as specs;
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// A wrapper PDU: one APDU between two service access points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wpdu<'a> {
    /// Port of the sender.
    pub source: u16,
    /// Port of the receiver.
    pub destination: u16,
    /// The APDU.
    pub apdu: &'a [u8],
}

impl<'a> Pdu<'a> for Wpdu<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        if reader.u16_be()? != specs::VERSION {
            return Err(WireError::Invalid("wrapper version"));
        }
        let (source, destination) = (reader.u16_be()?, reader.u16_be()?);
        let len = usize::from(reader.u16_be()?);
        Ok(Self { source, destination, apdu: reader.bytes(len)? })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let len = u16::try_from(self.apdu.len()).map_err(|_| WireError::Invalid("length"))?;
        [specs::VERSION, self.source, self.destination, len]
            .into_iter()
            .try_for_each(|n| writer.u16_be(n))?;
        writer.bytes(self.apdu)
    }

    fn wire_len(&self) -> usize {
        specs::HEADER_LEN + self.apdu.len()
    }
}

impl fmt::Display for Wpdu<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}: {} octets", self.source, self.destination, self.apdu.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use crate::hex::hex;
    use proptest::prelude::*;

    #[test]
    fn other_versions_lengths_that_lie_and_second_apdus_are_refused() {
        let good = hex("0001000100100002c001");
        assert_eq!(Wpdu::from_bytes(&good).map(|pdu| (pdu.source, pdu.destination)), Ok((1, 16)));
        for bad in ["0002000100100002c001", "000100010010ffffc001", "0001000100100001c001", "00010001001000"]
        {
            assert!(Wpdu::from_bytes(&hex(bad)).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(bytes in law::near(&hex("0001000100100002c001"))) {
            law::check::<Wpdu<'_>>(&bytes)?;
        }
    }
}
