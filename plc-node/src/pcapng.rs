//! Frames of the line as a pcapng file.

use crate::tap::FrameBody;
use alloc::vec;
use alloc::vec::Vec;
use g3_mac::wire::{Segment, check_fcs};
use plc_core::sap::Psdu;
use plc_core::wire::{Reader, Writer};
use plc_core::{Instant, UtcAnchor};

/// IEEE 802.15.4 without check sequence: header, security header and (ciphered) payload of a segment. What G3 puts before them, the segment
/// control, and behind them, padding and check sequence, is left out.
pub const LINKTYPE_MAC: u16 = 230;
/// DLT_USER0: a frame control header alone, as four octets: 0 for ACK or 1 for NACK, 1 if more segments are expected, FCS with its
/// lower octet first.
pub const LINKTYPE_HEADER: u16 = 147;

/// A file that grows.
#[derive(Debug)]
pub struct Pcapng {
    bytes: Vec<u8>,
}

impl Default for Pcapng {
    fn default() -> Self {
        Self::new()
    }
}

impl Pcapng {
    /// A file without frames: a section and its two interfaces.
    pub fn new() -> Self {
        let mut file = Self { bytes: Vec::new() };
        let mut section = 0x1A2B_3C4D_u32.to_le_bytes().to_vec();
        section.extend([1, 0, 0, 0]);
        section.extend(u64::MAX.to_le_bytes());
        file.block(0x0A0D_0D0A, &section);
        for linktype in [LINKTYPE_MAC, LINKTYPE_HEADER] {
            let mut interface = linktype.to_le_bytes().to_vec();
            interface.extend([0, 0, 0, 0, 0, 0]);
            // if_tsresol: nanoseconds.
            interface.extend([9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
            file.block(1, &interface);
        }
        file
    }

    /// A frame that began so many nanoseconds after 1970-01-01T00:00:00Z. What is no frame of a MAC, or was lost, has no place in the file.
    pub fn add(&mut self, nanos: u64, body: &FrameBody) {
        let Some((interface, octets)) = octets(body) else { return };
        let len = octets.len() as u32;
        let mut packet = Vec::new();
        for word in [interface, (nanos >> 32) as u32, nanos as u32, len, len] {
            packet.extend(word.to_le_bytes());
        }
        packet.extend(&octets);
        self.block(6, &packet);
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was added since this was asked last; the file is the sum of it.
    pub fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.bytes)
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        let padded = body.len().next_multiple_of(4);
        let len = (padded + 12) as u32;
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend(len.to_le_bytes());
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len() + padded - body.len(), 0);
        self.bytes.extend(len.to_le_bytes());
    }
}

/// `at` in nanoseconds after 1970-01-01T00:00:00Z, by the clock of `anchor`; 0 for what is before.
pub fn utc_nanos(anchor: UtcAnchor, at: Instant) -> u64 {
    let since = i128::from(at.as_nanos()) - i128::from(anchor.at.as_nanos());
    u64::try_from(i128::from(anchor.utc.as_millis()) * 1_000_000 + since).unwrap_or(0)
}

fn octets(body: &FrameBody) -> Option<(u32, Vec<u8>)> {
    match body {
        FrameBody::Ack { fcs, more_segments, negative } => {
            let [low, high] = fcs.to_le_bytes();
            Some((1, vec![u8::from(*negative), u8::from(*more_segments), low, high]))
        }
        FrameBody::Data { psdu, .. } => Some((0, mac_octets(psdu)?)),
        FrameBody::Lost(_) => None,
    }
}

fn mac_octets(psdu: &Psdu) -> Option<Vec<u8>> {
    let (body, _) = check_fcs(psdu).ok()?;
    let segment = Segment::parse(&mut Reader::new(body)).ok()?;
    let mut octets = vec![0; psdu.len()];
    let mut writer = Writer::new(&mut octets);
    segment.emit_header(&mut writer).ok()?;
    writer.bytes(segment.payload).ok()?;
    let len = writer.len();
    octets.truncate(len);
    Some(octets)
}
