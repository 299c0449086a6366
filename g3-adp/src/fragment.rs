//! Cutting a packet into MAC payloads \[G3 ADP 5.4; RFC 4944 5.3\].

use crate::iphc::Compressed;
use crate::wire::FragmentHeader;
use plc_core::sap::{Ipv6Packet, MSDU_MAX};
use plc_core::wire::{WireError, Writer};

/// A packet on its way into MAC payloads.
#[derive(Clone, Debug)]
pub struct Fragmenter {
    packet: Ipv6Packet,
    compressed: Compressed,
    tag: u16,
    /// Octets of the packet that were sent.
    sent: usize,
    /// The same, before the last fragment.
    before: usize,
}

impl Fragmenter {
    /// A packet whose header was compressed to `compressed`; `tag` names it if it needs more than one frame.
    pub fn new(packet: Ipv6Packet, compressed: Compressed, tag: u16) -> Self {
        Self { packet, compressed, tag, sent: 0, before: 0 }
    }

    /// What names the packet.
    pub const fn tag(&self) -> u16 {
        self.tag
    }

    /// Whether something was sent.
    pub const fn has_begun(&self) -> bool {
        self.sent > 0
    }

    /// Whether everything was sent.
    pub fn is_done(&self) -> bool {
        self.sent > 0 && self.sent >= self.packet.len()
    }

    /// The last fragment was lost: it is the next one again.
    pub const fn rewind(&mut self) {
        self.sent = self.before;
    }

    /// Writes the next fragment, or the whole packet when it fits one frame. Other headers take `whole` octets of the
    /// MAC payload when the packet is sent whole, `cut` when it is not.
    ///
    /// # Errors
    /// When the writer has less room than a MAC payload less those octets.
    pub fn emit_next(&mut self, writer: &mut Writer<'_>, whole: usize, cut: usize) -> Result<(), WireError> {
        self.before = self.sent;
        match self.sent {
            0 if self.fits(room(whole)) => self.emit_whole(writer),
            0 => self.emit_first(writer, room(cut)),
            _ => self.emit_later(writer, room(cut)),
        }
    }

    fn fits(&self, room: usize) -> bool {
        self.compressed.header.len() + self.packet.len() - self.compressed.covered <= room
    }

    fn emit_whole(&mut self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&self.compressed.header)?;
        self.emit_up_to(self.compressed.covered, self.packet.len(), writer)
    }

    fn emit_first(&mut self, writer: &mut Writer<'_>, room: usize) -> Result<(), WireError> {
        let header = self.header(0);
        let covered = self.compressed.covered;
        let room = room - header.wire_len() - self.compressed.header.len();
        // Never the whole packet: a first fragment is followed by another.
        let end = floor8(covered + room).min(floor8(self.packet.len() - 1));
        header.emit(writer)?;
        writer.bytes(&self.compressed.header)?;
        self.emit_up_to(covered, end, writer)
    }

    fn emit_later(&mut self, writer: &mut Writer<'_>, room: usize) -> Result<(), WireError> {
        let header = self.header((self.sent / 8) as u8);
        let end = self.packet.len().min(self.sent + floor8(room - header.wire_len()));
        header.emit(writer)?;
        self.emit_up_to(self.sent, end, writer)
    }

    fn emit_up_to(&mut self, from: usize, end: usize, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(self.packet.get(from..end).ok_or(WireError::Truncated)?)?;
        self.sent = end;
        Ok(())
    }

    fn header(&self, offset: u8) -> FragmentHeader {
        FragmentHeader { size: self.packet.len() as u16, tag: self.tag, offset }
    }
}

/// What other headers leave of a MAC payload.
const fn room(overhead: usize) -> usize {
    MSDU_MAX.saturating_sub(overhead)
}

/// The largest multiple of eight that is not above `len`.
const fn floor8(len: usize) -> usize {
    len & !7
}
