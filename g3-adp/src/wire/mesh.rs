//! The mesh header and the broadcast header behind it.

use super::Dispatch;
use core::fmt;
use plc_core::ShortAddress;
use plc_core::wire::{Reader, WireError, Writer};

/// Who sent a relayed frame first, and to whom, in short addresses \[G3 ADP 5.2; RFC 4944 5.2; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeshHeader {
    /// Hops that are left, 0..=14 on the wire of G3.
    pub hops_left: u8,
    /// Who sent the packet first.
    pub originator: ShortAddress,
    /// Whom it is for: a node or a group.
    pub destination: ShortAddress,
}

impl MeshHeader {
    /// Both addresses are short ones.
    const SHORT_ADDRESSES: u8 = 0x30;
    /// hopsLeft is in an octet of its own.
    const DEEP_HOPS: u8 = 0x0F;

    /// Reads the header; what follows stays in the reader.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let first = reader.u8()?;
        if first & 0xF0 != Dispatch::MESH | Self::SHORT_ADDRESSES || first & 0x0F == Self::DEEP_HOPS {
            return Err(WireError::Invalid("mesh header"));
        }
        let originator = ShortAddress(reader.u16_be()?);
        Ok(Self { hops_left: first & 0x0F, originator, destination: ShortAddress(reader.u16_be()?) })
    }

    /// Writes the header. More than 14 hops are written as 14.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u8(Dispatch::MESH | Self::SHORT_ADDRESSES | self.hops_left.min(Self::DEEP_HOPS - 1))?;
        writer.u16_be(self.originator.0)?;
        writer.u16_be(self.destination.0)
    }

    /// Octets on the wire.
    pub const fn wire_len(&self) -> usize {
        5
    }
}

impl fmt::Display for MeshHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mesh {} -> {} hops {}", self.originator, self.destination, self.hops_left)
    }
}

/// The sequence number of a broadcast of one originator \[G3 ADP 5.2; RFC 4944 11.1; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bc0Header {
    /// One more with every broadcast frame of the originator.
    pub sequence: u8,
}

impl Bc0Header {
    /// Reads the header; what follows stays in the reader.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        if reader.u8()? != Dispatch::BC0 {
            return Err(WireError::Invalid("BC0"));
        }
        Ok(Self { sequence: reader.u8()? })
    }

    /// Writes the header.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&[Dispatch::BC0, self.sequence])
    }

    /// Octets on the wire.
    pub const fn wire_len(&self) -> usize {
        2
    }
}

impl fmt::Display for Bc0Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broadcast {}", self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_mesh_prefix_of_the_vector_is_reproduced() {
        let header =
            MeshHeader { hops_left: 8, originator: ShortAddress(1), destination: ShortAddress::COORDINATOR };
        let mut buffer = [0; 5];
        header.emit(&mut Writer::new(&mut buffer)).unwrap();
        assert_eq!(buffer, [0xB8, 0, 1, 0, 0]);
    }

    proptest! {
        #[test]
        fn a_mesh_header_comes_back(hops_left in 0u8..15, originator: u16, destination: u16) {
            let header = MeshHeader {
                hops_left,
                originator: ShortAddress(originator),
                destination: ShortAddress(destination),
            };
            let mut buffer = [0; 5];
            header.emit(&mut Writer::new(&mut buffer)).unwrap();
            prop_assert_eq!(MeshHeader::parse(&mut Reader::new(&buffer)), Ok(header));
        }

        #[test]
        fn random_octets_never_panic_the_parsers(bytes: [u8; 5], len in 0usize..6) {
            let bytes = &bytes[..len];
            if let Ok(header) = MeshHeader::parse(&mut Reader::new(bytes)) {
                let mut buffer = [0; 5];
                header.emit(&mut Writer::new(&mut buffer)).unwrap();
                prop_assert_eq!(&buffer[..], bytes);
            }
            if let Ok(header) = Bc0Header::parse(&mut Reader::new(bytes)) {
                prop_assert_eq!(header.sequence, bytes[1]);
            }
        }
    }
}
