//! Segments become MSDUs again.

use crate::security::SecuredMsdu;
use crate::specs::AUX_HEADER_LEN;
use crate::wire::{AuxHeader, Mhr, Segment};
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::Instant;

/// The longest MAC header, with its security header.
const HEADER_MAX: usize = 3 + 10 + 10 + AUX_HEADER_LEN;

/// A header as it was received: the associated data of the cipher.
type Header = heapless::Vec<u8, HEADER_MAX>;

/// An MSDU as its segments carry it: secured or not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Assembly {
    /// The header of segment 0.
    pub(crate) mhr: Mhr,
    /// The security header of segment 0.
    pub(crate) aux: Option<AuxHeader>,
    /// Both as they were received.
    pub(crate) header: Header,
    /// The payloads of all segments so far.
    pub(crate) msdu: SecuredMsdu,
    /// Whether any segment has asked for a tone map response.
    pub(crate) tone_map_request: bool,
    next: u8,
    /// Where the payload of the latest segment begins.
    latest: usize,
    /// When the latest segment came.
    since: Instant,
}

/// What became of a segment.
#[derive(Debug, PartialEq)]
pub(crate) enum Assembled {
    /// It was the last one.
    Complete(Assembly),
    /// More are to come.
    Partial,
    /// It was not taken.
    Refused(Refusal),
}

/// Why a segment was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its predecessors are not here.
    OutOfOrder,
    /// The MSDU would be longer than the standard allows.
    TooLong,
}

/// Unfinished MSDUs, at most one for each source: a source sends one at a time.
#[derive(Debug)]
pub(crate) struct Reassembly {
    open: Vec<Assembly>,
    bound: usize,
    timeout: Duration,
    unfinished: u32,
}

impl Reassembly {
    pub(crate) fn new(bound: usize, timeout: Duration) -> Self {
        let bound = bound.max(1);
        Self { open: Vec::with_capacity(bound), bound, timeout, unfinished: 0 }
    }

    /// Takes a segment; `header` is its header as received. The latest one again takes its own place: its
    /// acknowledgement was lost, or somebody else had sent the first.
    pub(crate) fn accept(&mut self, now: Instant, segment: &Segment<'_>, header: &[u8]) -> Assembled {
        self.expire(now);
        if segment.control.count == 0 { self.first(now, segment, header) } else { self.later(now, segment) }
    }

    /// MSDUs given up: timed out, superseded or pushed out.
    pub(crate) fn unfinished(&self) -> u32 {
        self.unfinished
    }

    pub(crate) fn clear(&mut self) {
        self.open.clear();
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.open.capacity() * size_of::<Assembly>()
    }

    pub(crate) fn occupancy(&self) -> (usize, usize) {
        (self.open.len(), self.bound)
    }

    fn expire(&mut self, now: Instant) {
        let timeout = self.timeout;
        self.give_up(|assembly| now.since(assembly.since) >= timeout);
    }

    fn give_up(&mut self, stale: impl Fn(&Assembly) -> bool) {
        let before = self.open.len();
        self.open.retain(|assembly| !stale(assembly));
        self.unfinished = self.unfinished.wrapping_add((before - self.open.len()) as u32);
    }

    fn first(&mut self, now: Instant, segment: &Segment<'_>, header: &[u8]) -> Assembled {
        let Some(assembly) = Assembly::begin(now, segment, header) else {
            return Assembled::Refused(Refusal::TooLong);
        };
        self.open.retain(|open| !open.repeats(segment));
        self.give_up(|open| open.mhr.src == segment.mhr.src);
        if segment.control.last {
            return Assembled::Complete(assembly);
        }
        self.make_room();
        self.open.push(assembly);
        Assembled::Partial
    }

    /// The newest burst has the channel and will most likely be finished: the stalest makes room.
    fn make_room(&mut self) {
        if self.open.len() == self.bound {
            let stalest = self.open.iter().map(|assembly| assembly.since).min();
            self.give_up(|assembly| Some(assembly.since) == stalest);
        }
    }

    fn later(&mut self, now: Instant, segment: &Segment<'_>) -> Assembled {
        let Some(at) =
            self.open.iter().position(|open| open.continues_with(segment) || open.repeats(segment))
        else {
            return Assembled::Refused(Refusal::OutOfOrder);
        };
        let assembly = &mut self.open[at];
        if assembly.repeats(segment) {
            assembly.msdu.truncate(assembly.latest);
        }
        assembly.latest = assembly.msdu.len();
        if assembly.msdu.extend_from_slice(segment.payload).is_err() {
            self.open.remove(at);
            return Assembled::Refused(Refusal::TooLong);
        }
        (assembly.next, assembly.since) = (segment.control.count + 1, now);
        assembly.tone_map_request |= segment.control.tone_map_request;
        if segment.control.last { Assembled::Complete(self.open.remove(at)) } else { Assembled::Partial }
    }
}

impl Assembly {
    fn begin(now: Instant, segment: &Segment<'_>, header: &[u8]) -> Option<Self> {
        Some(Self {
            mhr: segment.mhr,
            aux: segment.aux,
            header: Header::from_slice(header).ok()?,
            msdu: SecuredMsdu::from_slice(segment.payload).ok()?,
            tone_map_request: segment.control.tone_map_request,
            next: 1,
            latest: 0,
            since: now,
        })
    }

    /// Same source, destination and DSN \[G3 MAC 1.1\], and the next in order.
    fn continues_with(&self, segment: &Segment<'_>) -> bool {
        self.is_of(segment) && self.next == segment.control.count
    }

    /// The latest segment once more.
    fn repeats(&self, segment: &Segment<'_>) -> bool {
        self.is_of(segment) && self.next == segment.control.count + 1
    }

    fn is_of(&self, segment: &Segment<'_>) -> bool {
        let key = |mhr: &Mhr| (mhr.src, mhr.dst, mhr.dsn);
        key(&self.mhr) == key(&segment.mhr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{FrameType, SegmentControl};
    use plc_core::{MacAddress, PanId, ShortAddress};
    use std::vec;

    fn segment(src: u16, dsn: u8, count: u8, last: bool, payload: &[u8]) -> Segment<'_> {
        let mut mhr = Mhr::new(FrameType::Data, dsn);
        mhr.src = Some((PanId(1), MacAddress::Short(ShortAddress(src))));
        let control = SegmentControl { count, last, length: payload.len() as u16, ..Default::default() };
        Segment { control, mhr, aux: None, payload }
    }

    fn table() -> Reassembly {
        Reassembly::new(2, Duration::from_secs(10))
    }

    const NOW: Instant = Instant::from_secs(1);

    #[test]
    fn segments_in_order_make_the_msdu() {
        let mut table = table();
        assert_eq!(table.accept(NOW, &segment(1, 7, 0, false, &[1, 2]), &[9]), Assembled::Partial);
        assert_eq!(table.accept(NOW, &segment(2, 7, 0, false, &[8]), &[]), Assembled::Partial);
        assert_eq!(table.accept(NOW, &segment(1, 7, 1, false, &[3]), &[]), Assembled::Partial);
        let Assembled::Complete(done) = table.accept(NOW, &segment(1, 7, 2, true, &[4]), &[]) else {
            panic!()
        };
        assert_eq!((done.msdu.as_slice(), done.header.as_slice()), (&[1, 2, 3, 4][..], &[9][..]));
        assert_eq!(table.occupancy(), (1, 2));
    }

    #[test]
    fn the_latest_segment_again_takes_its_own_place() {
        let mut table = table();
        for (count, payload) in [(0, &[1, 2][..]), (0, &[3]), (1, &[4, 5]), (1, &[6])] {
            assert_eq!(table.accept(NOW, &segment(1, 7, count, false, payload), &[]), Assembled::Partial);
        }
        let Assembled::Complete(done) = table.accept(NOW, &segment(1, 7, 2, true, &[7]), &[]) else {
            panic!()
        };
        assert_eq!((done.msdu.as_slice(), done.next, table.unfinished()), (&[3, 6, 7][..], 3, 0));
    }

    #[test]
    fn a_gap_another_dsn_and_a_missing_start_are_refused() {
        let mut table = table();
        let refused = Assembled::Refused(Refusal::OutOfOrder);
        assert_eq!(table.accept(NOW, &segment(1, 7, 1, true, &[]), &[]), refused);
        table.accept(NOW, &segment(1, 7, 0, false, &[]), &[]);
        assert_eq!(table.accept(NOW, &segment(1, 7, 2, true, &[]), &[]), refused);
        assert_eq!(table.accept(NOW, &segment(1, 8, 1, true, &[]), &[]), refused);
    }

    #[test]
    fn room_is_bounded_and_the_stalest_makes_room() {
        let mut table = table();
        let at = |ms| NOW + Duration::from_millis(ms);
        table.accept(at(0), &segment(1, 0, 0, false, &[]), &[]);
        table.accept(at(1), &segment(2, 0, 0, false, &[]), &[]);
        table.accept(at(2), &segment(1, 0, 1, false, &[]), &[]);
        assert_eq!(table.accept(at(3), &segment(3, 0, 0, false, &[]), &[]), Assembled::Partial);
        assert_eq!((table.occupancy(), table.unfinished()), ((2, 2), 1));
        let refused = Assembled::Refused(Refusal::OutOfOrder);
        assert_eq!(table.accept(at(4), &segment(2, 0, 1, true, &[]), &[]), refused);
        assert!(matches!(table.accept(at(4), &segment(1, 0, 2, true, &[]), &[]), Assembled::Complete(_)));
    }

    #[test]
    fn an_unfinished_msdu_times_out_after_its_latest_segment() {
        let mut table = table();
        let at = |secs| NOW + Duration::from_secs(secs);
        table.accept(at(0), &segment(1, 0, 0, false, &[]), &[]);
        assert_eq!(table.accept(at(9), &segment(1, 0, 1, false, &[]), &[]), Assembled::Partial);
        assert_eq!(table.accept(at(18), &segment(1, 0, 2, false, &[]), &[]), Assembled::Partial);
        let refused = Assembled::Refused(Refusal::OutOfOrder);
        assert_eq!(table.accept(at(28), &segment(1, 0, 3, true, &[]), &[]), refused);
        assert_eq!((table.occupancy(), table.unfinished()), ((0, 2), 1));
    }

    #[test]
    fn a_new_msdu_of_a_source_replaces_its_unfinished_one() {
        let mut table = table();
        table.accept(NOW, &segment(1, 7, 0, false, &[]), &[]);
        assert_eq!(table.accept(NOW, &segment(1, 8, 0, false, &[]), &[]), Assembled::Partial);
        assert_eq!((table.occupancy(), table.unfinished()), ((1, 2), 1));
    }

    #[test]
    fn more_than_an_msdu_is_refused_and_forgotten() {
        let mut table = table();
        let long = vec![0; 300];
        table.accept(NOW, &segment(1, 7, 0, false, &long), &[]);
        assert_eq!(
            table.accept(NOW, &segment(1, 7, 1, true, &long), &[]),
            Assembled::Refused(Refusal::TooLong)
        );
        assert_eq!(table.occupancy().0, 0);
    }
}
