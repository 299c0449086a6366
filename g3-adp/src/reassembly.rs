//! Putting fragments back together \[G3 ADP 5.4; RFC 4944 5.3\].

use crate::counters::Drop;
use crate::wire::FragmentHeader;
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::sap::{IPV6_MTU, Ipv6Packet};
use plc_core::{Instant, ShortAddress};

/// What tells one datagram from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    originator: ShortAddress,
    tag: u16,
    size: u16,
}

/// The datagrams that are being put together.
#[derive(Debug)]
pub struct Reassembler {
    contexts: Vec<Context>,
    limit: usize,
    timeout: Duration,
}

impl Reassembler {
    /// Room for `limit` datagrams, each of which waits `timeout` for its next fragment.
    pub fn new(limit: usize, timeout: Duration) -> Self {
        Self { contexts: Vec::with_capacity(limit), limit, timeout }
    }

    /// A fragment has come, uncompressed. Returns the packet that it completes.
    ///
    /// A duplicate is ignored; an overlap discards the datagram; a first fragment with a new tag
    /// discards what its originator has left unfinished.
    ///
    /// # Errors
    /// The reason for which the fragment, or its datagram, was dropped.
    pub fn on_fragment(
        &mut self,
        now: Instant,
        originator: ShortAddress,
        header: FragmentHeader,
        data: &[u8],
    ) -> Result<Option<Ipv6Packet>, Drop> {
        let key = Key { originator, tag: header.tag, size: header.size };
        check_shape(header, data)?;
        let at = self.find_or_open(key, header.offset)?;
        let context = &mut self.contexts[at];
        if context.add(header.offset, data).is_err() {
            self.contexts.swap_remove(at);
            return Err(Drop::BadFragment);
        }
        context.expires = now + self.timeout;
        let done = context.is_complete();
        Ok(done.then(|| self.contexts.swap_remove(at).packet))
    }

    /// When the next datagram is given up.
    pub fn deadline(&self) -> Option<Instant> {
        self.contexts.iter().map(|context| context.expires).min()
    }

    /// Gives up what has waited too long; returns how many datagrams that were.
    pub fn on_tick(&mut self, now: Instant) -> usize {
        let before = self.contexts.len();
        self.contexts.retain(|context| context.expires > now);
        before - self.contexts.len()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.contexts.clear();
    }

    /// Datagrams being put together.
    pub fn len(&self) -> usize {
        self.contexts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.contexts.is_empty()
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.contexts.capacity() * size_of::<Context>()
    }

    fn find_or_open(&mut self, key: Key, offset: u8) -> Result<usize, Drop> {
        if let Some(at) = self.contexts.iter().position(|context| context.key == key) {
            return Ok(at);
        }
        if offset == 0 {
            self.contexts.retain(|context| context.key.originator != key.originator);
        }
        if self.contexts.len() >= self.limit {
            return Err(Drop::ReassemblyFull);
        }
        self.contexts.push(Context::new(key));
        Ok(self.contexts.len() - 1)
    }
}

fn check_shape(header: FragmentHeader, data: &[u8]) -> Result<(), Drop> {
    let (size, start) = (usize::from(header.size), usize::from(header.offset) * 8);
    let end = start + data.len();
    let last = end == size;
    let fits = size <= IPV6_MTU && end <= size && !data.is_empty() && (last || data.len().is_multiple_of(8));
    if fits { Ok(()) } else { Err(Drop::BadFragment) }
}

#[derive(Debug)]
struct Context {
    key: Key,
    expires: Instant,
    packet: Ipv6Packet,
    /// Fragments received: first unit and length in octets.
    parts: heapless::Vec<(u8, u16), MAX_PARTS>,
    received: usize,
}

/// Fragments of one datagram. A sender with the smallest frames needs far fewer.
const MAX_PARTS: usize = 64;

impl Context {
    fn new(key: Key) -> Self {
        let mut packet = Ipv6Packet::new();
        packet.resize(usize::from(key.size), 0).expect("the size was compared with the MTU");
        Self { key, expires: Instant::EPOCH, packet, parts: heapless::Vec::new(), received: 0 }
    }

    fn add(&mut self, offset: u8, data: &[u8]) -> Result<(), ()> {
        let part = (offset, data.len() as u16);
        if self.parts.contains(&part) {
            return Ok(());
        }
        if self.parts.iter().any(|&other| overlap(part, other)) {
            return Err(());
        }
        self.parts.push(part).map_err(|_| ())?;
        let start = usize::from(offset) * 8;
        self.packet[start..start + data.len()].copy_from_slice(data);
        self.received += data.len();
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.received == self.packet.len()
    }
}

fn overlap(a: (u8, u16), b: (u8, u16)) -> bool {
    let range = |(offset, len): (u8, u16)| (u16::from(offset) * 8, u16::from(offset) * 8 + len);
    let ((a0, a1), (b0, b1)) = (range(a), range(b));
    a0 < b1 && b0 < a1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fragment::Fragmenter;
    use crate::iphc::Compressed;
    use crate::wire::{Dispatch, msdu};
    use plc_core::wire::Reader;
    use proptest::prelude::*;

    const ORIGINATOR: ShortAddress = ShortAddress(3);
    const T0: Instant = Instant::from_secs(1);

    fn reassembler() -> Reassembler {
        Reassembler::new(2, Duration::from_secs(60))
    }

    fn header(size: u16, tag: u16, offset: u8) -> FragmentHeader {
        FragmentHeader { size, tag, offset }
    }

    #[test]
    fn a_duplicate_is_ignored_and_an_overlap_discards_the_datagram() {
        let mut r = reassembler();
        assert_eq!(r.on_fragment(T0, ORIGINATOR, header(24, 1, 0), &[1; 8]), Ok(None));
        assert_eq!(r.on_fragment(T0, ORIGINATOR, header(24, 1, 0), &[1; 8]), Ok(None));
        assert_eq!(r.len(), 1);
        assert_eq!(r.on_fragment(T0, ORIGINATOR, header(24, 1, 0), &[1; 16]), Err(Drop::BadFragment));
        assert!(r.is_empty());
    }

    #[test]
    fn a_datagram_is_given_up_a_minute_after_its_last_fragment() {
        let mut r = reassembler();
        r.on_fragment(T0, ORIGINATOR, header(24, 1, 0), &[1; 8]).unwrap();
        let later = T0 + Duration::from_secs(59);
        r.on_fragment(later, ORIGINATOR, header(24, 1, 1), &[1; 8]).unwrap();
        assert_eq!(r.deadline(), Some(later + Duration::from_secs(60)));
        assert_eq!(r.on_tick(later + Duration::from_secs(59)), 0);
        assert_eq!(r.on_tick(later + Duration::from_secs(60)), 1);
    }

    #[test]
    fn a_new_first_fragment_replaces_the_unfinished_datagram_of_its_originator() {
        let mut r = reassembler();
        r.on_fragment(T0, ORIGINATOR, header(24, 1, 0), &[1; 8]).unwrap();
        r.on_fragment(T0, ORIGINATOR, header(24, 2, 0), &[1; 8]).unwrap();
        assert_eq!(r.len(), 1);
        r.on_fragment(T0, ShortAddress(4), header(24, 2, 0), &[1; 8]).unwrap();
        let full = r.on_fragment(T0, ShortAddress(5), header(24, 2, 0), &[1; 8]);
        assert_eq!(full, Err(Drop::ReassemblyFull));
    }

    #[test]
    fn fragments_that_fit_no_datagram_are_refused() {
        let mut r = reassembler();
        let cases = [(1281, 0, 8), (24, 3, 8), (24, 0, 0), (24, 0, 7), (24, 2, 9)];
        for (size, offset, len) in cases {
            let data = [0; 16];
            let got = r.on_fragment(T0, ORIGINATOR, header(size, 1, offset), &data[..len]);
            assert_eq!(got, Err(Drop::BadFragment), "{size} {offset} {len}");
        }
        assert!(r.is_empty());
    }

    #[test]
    fn a_full_packet_with_mesh_header_takes_four_frames() {
        let frames = cut(&[0x55; 1280], 40, 15, 5);
        assert_eq!(frames.len(), 4);
        assert!(frames.iter().all(|frame| frame.len() <= 395));
    }

    fn cut(packet: &[u8], covered: usize, header: usize, overhead: usize) -> Vec<Vec<u8>> {
        let mut front = heapless::Vec::new();
        front.resize(header, 0x60).unwrap();
        let compressed = Compressed { header: front, covered };
        let mut cutter = Fragmenter::new(Ipv6Packet::from_slice(packet).unwrap(), compressed, 0xBEEF);
        let mut frames = Vec::new();
        while !cutter.is_done() {
            frames.push(msdu(|w| cutter.emit_next(w, overhead, overhead)).unwrap().to_vec());
        }
        frames
    }

    proptest! {
        #[test]
        fn any_packet_is_put_together_in_any_order(
            packet in prop::collection::vec(any::<u8>(), 48..=1280), udp: bool, front in 1usize..50, overhead in 0usize..8, order: [u8; 8],
        ) {
            let covered = if udp { 48 } else { 40 };
            let frames = cut(&packet, covered, front, overhead);
            prop_assert!(frames.iter().all(|frame| frame.len() + overhead <= 400));
            if frames.len() == 1 {
                prop_assert_eq!(&frames[0][front..], &packet[covered..]);
                return Ok(());
            }
            let mut parts: Vec<(u8, FragmentHeader, Vec<u8>)> = Vec::new();
            for (n, frame) in frames.iter().enumerate() {
                let mut reader = Reader::new(frame);
                let header = FragmentHeader::parse(&mut reader).unwrap();
                let data = match Dispatch::of(frame[0]) {
                    Dispatch::Frag1 => [&packet[..covered], &reader.rest()[front..]].concat(),
                    _ => reader.rest().to_vec(),
                };
                parts.push((order[n], header, data));
            }
            parts.sort_by_key(|part| (part.1.offset != 0, part.0));
            let mut r = reassembler();
            let mut done = None;
            for (_, header, data) in &parts {
                prop_assert!(done.is_none());
                done = r.on_fragment(T0, ORIGINATOR, *header, data).unwrap();
            }
            let done = done.unwrap();
            prop_assert_eq!(done.as_slice(), &packet[..]);
            prop_assert!(r.is_empty());
        }

        #[test]
        fn random_fragments_never_exceed_the_limit(
            steps in prop::collection::vec((0u16..6, 0u16..64, 0u16..3, any::<u8>(), 0usize..64), 0..60),
        ) {
            let mut r = reassembler();
            for (originator, size, tag, offset, len) in steps {
                let _ = r.on_fragment(T0, ShortAddress(originator), header(size, tag, offset % 8), &[7; 64][..len]);
                prop_assert!(r.len() <= 2);
            }
        }
    }
}
