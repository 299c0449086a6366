//! The MAC header: frame control, sequence number, addresses.

use crate::specs::FRAME_VERSION;
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};
use plc_core::{MacAddress, PanId};

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameType {
    /// 0: the answer to a beacon request.
    Beacon,
    /// 1: an MSDU or a segment of it.
    Data,
    /// 3: a MAC command.
    Command,
    /// 2 (acknowledgements, which travel in the frame control header instead) and 4..=7.
    Other(u8),
}

/// The MAC header \[G3 MAC 1.2; confidence A, version C\].
///
/// The PAN of the source is left out on the wire when it equals that of the destination. The reserved
/// bits of the frame control field must be zero: in later standards they change what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mhr {
    /// What the frame is.
    pub frame_type: FrameType,
    /// Whether the payload is secured.
    pub security: bool,
    /// Frame pending.
    pub pending: bool,
    /// Whether an acknowledgement is asked for.
    pub ack_request: bool,
    /// Version bits, 0..=3.
    pub version: u8,
    /// Sequence number, the same for all segments of an MSDU.
    pub dsn: u8,
    /// To whom.
    pub dst: Option<(PanId, MacAddress)>,
    /// From whom.
    pub src: Option<(PanId, MacAddress)>,
}

impl Mhr {
    /// A header without addresses, security or acknowledgement.
    pub const fn new(frame_type: FrameType, dsn: u8) -> Self {
        Self {
            frame_type,
            security: false,
            pending: false,
            ack_request: false,
            version: FRAME_VERSION,
            dsn,
            dst: None,
            src: None,
        }
    }

    /// Reads the header.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let fcf = reader.u16_le()?;
        if fcf & RESERVED != 0 {
            return Err(WireError::Invalid("reserved bits of the frame control field"));
        }
        let dsn = reader.u8()?;
        let dst = parse_dst(reader, fcf >> DST_MODE & 3)?;
        let compressed = (fcf & COMPRESSION != 0).then_some(dst.map(|(pan, _)| pan));
        let src = parse_src(reader, fcf >> SRC_MODE & 3, compressed)?;
        Ok(Self {
            frame_type: FrameType::from_bits((fcf & 7) as u8),
            security: fcf & SECURITY != 0,
            pending: fcf & PENDING != 0,
            ack_request: fcf & ACK_REQUEST != 0,
            version: (fcf >> VERSION & 3) as u8,
            dsn,
            dst,
            src,
        })
    }

    /// Writes the header.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u16_le(self.frame_control())?;
        writer.u8(self.dsn)?;
        if let Some((pan, address)) = self.dst {
            writer.u16_le(pan.0)?;
            address.emit(writer)?;
        }
        if let Some((pan, address)) = self.src {
            if !self.compressed() {
                writer.u16_le(pan.0)?;
            }
            address.emit(writer)?;
        }
        Ok(())
    }

    /// Octets on the wire.
    pub fn wire_len(&self) -> usize {
        let address = |side: Option<(PanId, MacAddress)>| match side {
            None => 0,
            Some((_, MacAddress::Short(_))) => 4,
            Some((_, MacAddress::Extended(_))) => 10,
        };
        3 + address(self.dst) + address(self.src) - if self.compressed() { 2 } else { 0 }
    }

    fn compressed(&self) -> bool {
        matches!((self.dst, self.src), (Some((dst, _)), Some((src, _))) if dst == src)
    }

    fn frame_control(&self) -> u16 {
        let flag = |set, bit| if set { bit } else { 0 };
        u16::from(self.frame_type.bits())
            | flag(self.security, SECURITY)
            | flag(self.pending, PENDING)
            | flag(self.ack_request, ACK_REQUEST)
            | flag(self.compressed(), COMPRESSION)
            | mode(self.dst) << DST_MODE
            | u16::from(self.version & 3) << VERSION
            | mode(self.src) << SRC_MODE
    }
}

impl fmt::Display for Mhr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} dsn {}", self.frame_type, self.dsn)?;
        if let Some((pan, address)) = self.src {
            write!(f, " from {pan}/{address}")?;
        }
        if let Some((pan, address)) = self.dst {
            write!(f, " to {pan}/{address}")?;
        }
        let flags = [(self.security, " secured"), (self.ack_request, " AR"), (self.pending, " pending")];
        flags.iter().filter(|(set, _)| *set).try_for_each(|(_, name)| f.write_str(name))
    }
}

impl FrameType {
    const fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::Beacon,
            1 => Self::Data,
            3 => Self::Command,
            other => Self::Other(other),
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Beacon => 0,
            Self::Data => 1,
            Self::Command => 3,
            Self::Other(other) => other & 7,
        }
    }
}

const fn mode(side: Option<(PanId, MacAddress)>) -> u16 {
    match side {
        None => 0,
        Some((_, MacAddress::Short(_))) => MODE_SHORT,
        Some((_, MacAddress::Extended(_))) => MODE_EXTENDED,
    }
}

fn parse_address(reader: &mut Reader<'_>, mode: u16) -> Result<MacAddress, WireError> {
    match mode {
        MODE_SHORT => MacAddress::parse_short(reader),
        MODE_EXTENDED => MacAddress::parse_extended(reader),
        _ => Err(WireError::Invalid("addressing mode")),
    }
}

fn parse_dst(reader: &mut Reader<'_>, mode: u16) -> Result<Option<(PanId, MacAddress)>, WireError> {
    if mode == 0 {
        return Ok(None);
    }
    Ok(Some((PanId(reader.u16_le()?), parse_address(reader, mode)?)))
}

/// `compressed` holds the PAN of the destination, if there is one, when the own PAN is left out.
fn parse_src(
    reader: &mut Reader<'_>,
    mode: u16,
    compressed: Option<Option<PanId>>,
) -> Result<Option<(PanId, MacAddress)>, WireError> {
    let pan = match (mode, compressed) {
        (0, None) => return Ok(None),
        (0, Some(_)) | (_, Some(None)) => return Err(WireError::Invalid("PAN identifier compression")),
        (_, Some(Some(pan))) => pan,
        (_, None) => PanId(reader.u16_le()?),
    };
    Ok(Some((pan, parse_address(reader, mode)?)))
}

const SECURITY: u16 = 1 << 3;
const PENDING: u16 = 1 << 4;
const ACK_REQUEST: u16 = 1 << 5;
const COMPRESSION: u16 = 1 << 6;
const RESERVED: u16 = 7 << 7;
const DST_MODE: u32 = 10;
const VERSION: u32 = 12;
const SRC_MODE: u32 = 14;
const MODE_SHORT: u16 = 2;
const MODE_EXTENDED: u16 = 3;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::wire::testing::emitted;
    use plc_core::{Eui64, ShortAddress};
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn the_header_of_the_published_frame_is_read() {
        let bytes = [0x69, 0x88, 0x05, 0x1d, 0x78, 0x01, 0x00, 0x00, 0x00];
        let mhr = Mhr::parse(&mut Reader::new(&bytes)).unwrap();
        let (pan, short) = (PanId(0x781D), |n| MacAddress::Short(ShortAddress(n)));
        assert_eq!((mhr.dst, mhr.src), (Some((pan, short(1))), Some((pan, short(0)))));
        assert!(mhr.security && mhr.ack_request && mhr.frame_type == FrameType::Data && mhr.dsn == 5);
        assert_eq!(emitted(|w| mhr.emit(w)), bytes);
        assert_eq!(mhr.to_string(), "Data dsn 5 from 781d/0000 to 781d/0001 secured AR");
    }

    #[test]
    fn a_beacon_request_has_a_destination_only() {
        let mut mhr = Mhr::new(FrameType::Command, 9);
        mhr.dst = Some((PanId::BROADCAST, MacAddress::BROADCAST));
        assert_eq!(emitted(|w| mhr.emit(w)), [0x03, 0x08, 9, 0xFF, 0xFF, 0xFF, 0xFF]);
    }

    #[test]
    fn an_extended_address_is_little_endian() {
        let mut mhr = Mhr::new(FrameType::Data, 0);
        mhr.src = Some((PanId(0x781D), MacAddress::Extended(Eui64::from_u64(0x1122_3344_5566_7788))));
        let bytes = emitted(|w| mhr.emit(w));
        assert_eq!(bytes[3..], [0x1D, 0x78, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]);
    }

    #[test]
    fn compression_without_a_destination_and_reserved_bits_are_refused() {
        for bytes in [[0x41, 0x80, 0, 1, 2, 3, 4], [0x41, 0x08, 0, 1, 2, 3, 4], [0x01, 0x01, 0, 1, 2, 3, 4]] {
            assert!(matches!(Mhr::parse(&mut Reader::new(&bytes)), Err(WireError::Invalid(_))), "{bytes:?}");
        }
    }

    prop_compose! {
        fn side()(mode in 0..3, pan: u16, short: u16, eui: u64) -> Option<(PanId, MacAddress)> {
            match mode {
                0 => None,
                1 => Some((PanId(pan), MacAddress::Short(ShortAddress(short)))),
                _ => Some((PanId(pan), MacAddress::Extended(Eui64::from_u64(eui)))),
            }
        }
    }

    prop_compose! {
        /// Any header.
        pub(crate) fn any_mhr()(
            kind in 0u8..8, flags: [bool; 4], version in 0u8..4, dsn: u8, dst in side(), src in side(),
        ) -> Mhr {
            let mut mhr = Mhr::new(FrameType::from_bits(kind), dsn);
            (mhr.security, mhr.pending, mhr.ack_request) = (flags[0], flags[1], flags[2]);
            (mhr.version, mhr.dst, mhr.src) = (version, dst, src);
            if let (true, Some((pan, _)), Some((own, _))) = (flags[3], dst, &mut mhr.src) {
                *own = pan;
            }
            mhr
        }
    }

    proptest! {
        #[test]
        fn every_header_comes_back(mhr in any_mhr()) {
            let bytes = emitted(|w| mhr.emit(w));
            prop_assert_eq!(bytes.len(), mhr.wire_len());
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(Mhr::parse(&mut reader), Ok(mhr));
            prop_assert_eq!(reader.finish(), Ok(()));
        }

        #[test]
        fn no_octets_panic(bytes: std::vec::Vec<u8>) {
            let _ = Mhr::parse(&mut Reader::new(&bytes));
        }
    }
}
