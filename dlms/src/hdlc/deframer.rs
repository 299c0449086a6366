//! Frames out of a stream of octets.

use super::specs::frame as specs;
use alloc::vec::Vec;

/// Finds frames in a stream by their length: the flag octet may stand anywhere inside a frame.
///
/// A frame is a flag, a format field, as many octets as that says, and a flag, which may be the first
/// of the next frame. What only looks like one is left at its second octet, so that a frame behind it is
/// found; a frame that ends with a flag but fails its checks is left as a whole, so that what stands
/// inside it is never taken for a frame.
#[derive(Debug)]
pub struct Deframer {
    buffer: Vec<u8>,
    start: usize,
    counters: DeframerCounters,
}

/// Octets that are no frame, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeframerCounters {
    /// Octets outside frames, flags not counted.
    pub noise: u64,
    /// Flags behind which no format field of a possible length stood.
    pub false_starts: u64,
    /// Frames without a flag at the end that their length promises.
    pub unclosed: u64,
    /// Frames that were never finished.
    pub incomplete: u64,
}

/// What the octets at the front are.
enum Front {
    /// Not enough octets to tell.
    Unknown,
    /// Nothing: skip one.
    Nothing,
    /// A frame of this length, behind a flag.
    Frame(usize),
}

impl Deframer {
    /// Nothing heard yet.
    pub fn new() -> Self {
        Self { buffer: Vec::with_capacity(CAPACITY), start: 0, counters: DeframerCounters::default() }
    }

    /// Takes octets from the front until a frame is complete, and returns it without its flags.
    /// `None` when all octets were taken.
    pub fn take(&mut self, octets: &mut &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(frame) = self.scan() {
                return Some(frame);
            }
            if octets.is_empty() {
                return None;
            }
            self.fill(octets);
        }
    }

    /// The line has been silent: what was begun will not be finished.
    pub fn on_silence(&mut self) {
        self.counters.incomplete += u64::from(self.is_within_frame());
        self.buffer.clear();
        self.start = 0;
    }

    /// Whether a frame has begun and not ended.
    pub fn is_within_frame(&self) -> bool {
        self.occupancy().0 > 1
    }

    /// What was no frame.
    pub const fn counters(&self) -> &DeframerCounters {
        &self.counters
    }

    /// Octets held, and the most that may be.
    pub const fn occupancy(&self) -> (usize, usize) {
        (self.buffer.len() - self.start, CAPACITY)
    }

    fn fill(&mut self, octets: &mut &[u8]) {
        if self.buffer.len() == CAPACITY || self.start == self.buffer.len() {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let (taken, rest) = octets.split_at(octets.len().min(CAPACITY - self.buffer.len()));
        self.buffer.extend_from_slice(taken);
        *octets = rest;
    }

    fn scan(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.front() {
                Front::Unknown => return None,
                Front::Nothing => self.start += 1,
                Front::Frame(len) => {
                    let frame = self.buffer[self.start + 1..=self.start + len].to_vec();
                    self.start += len + 1;
                    return Some(frame);
                }
            }
        }
    }

    fn front(&mut self) -> Front {
        match self.buffer[self.start..] {
            [] | [specs::FLAG] => Front::Unknown,
            [specs::FLAG, specs::FLAG, ..] => Front::Nothing,
            [specs::FLAG, high, ..] if !is_format(high) => Self::count(&mut self.counters.false_starts),
            [specs::FLAG, _] => Front::Unknown,
            [specs::FLAG, high, low, ..] => self.candidate(u16::from_be_bytes([high, low])),
            _ => Self::count(&mut self.counters.noise),
        }
    }

    /// Judges a flag and a format field of the right type.
    fn candidate(&mut self, format: u16) -> Front {
        let len = usize::from(format & specs::LENGTH_MASK);
        if len < specs::LEN_MIN {
            return Self::count(&mut self.counters.false_starts);
        }
        match self.buffer.get(self.start + len + 1) {
            None => Front::Unknown,
            Some(&specs::FLAG) => Front::Frame(len),
            Some(_) => Self::count(&mut self.counters.unclosed),
        }
    }

    const fn count(counter: &mut u64) -> Front {
        *counter += 1;
        Front::Nothing
    }
}

impl Default for Deframer {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether the first octet of a format field says type 3.
const fn is_format(high: u8) -> bool {
    (high as u16) << 8 & specs::FORMAT_TYPE_MASK == specs::FORMAT_TYPE
}

/// The longest frame and its flags.
const CAPACITY: usize = specs::LEN_MAX + 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hdlc::Frame;
    use crate::hex::hex;
    use proptest::prelude::*;

    /// Every frame in `chunks`.
    fn frames(chunks: &[&[u8]]) -> (Vec<Vec<u8>>, DeframerCounters) {
        let mut deframer = Deframer::new();
        let mut found = Vec::new();
        for mut chunk in chunks.iter().copied() {
            while let Some(frame) = deframer.take(&mut chunk) {
                found.push(frame);
            }
            assert!(chunk.is_empty());
        }
        (found, deframer.counters)
    }

    fn snrm() -> Vec<u8> {
        hex("7ea0070321930f017e")
    }

    #[test]
    fn frames_may_share_a_flag_or_stand_apart() {
        let one = snrm();
        let body = one[1..8].to_vec();
        let shared = [&one[..8], &one[..]].concat();
        let apart = [&one[..], &[0x7E, 0x7E], &one[..]].concat();
        for stream in [shared, apart] {
            let (found, counters) = frames(&[&stream]);
            assert_eq!((found, counters), (alloc::vec![body.clone(); 2], DeframerCounters::default()));
        }
    }

    #[test]
    fn noise_a_false_start_and_an_unclosed_frame_hide_nothing_behind_them() {
        let good = snrm();
        let body = good[1..8].to_vec();
        for (garbage, expected) in [
            ("00ff55", DeframerCounters { noise: 3, ..Default::default() }),
            ("7e5501", DeframerCounters { noise: 2, false_starts: 1, ..Default::default() }),
            // Length 6 and length 0.
            ("7ea006", DeframerCounters { noise: 2, false_starts: 1, ..Default::default() }),
            ("7ea000", DeframerCounters { noise: 2, false_starts: 1, ..Default::default() }),
            // Length 7, but no flag where it ends.
            ("7ea007", DeframerCounters { noise: 2, unclosed: 1, ..Default::default() }),
        ] {
            let stream = [hex(garbage), good.clone()].concat();
            assert_eq!(frames(&[&stream]), (alloc::vec![body.clone()], expected), "{garbage}");
        }
    }

    #[test]
    fn a_silence_ends_what_was_begun() {
        let mut deframer = Deframer::new();
        assert_eq!(deframer.take(&mut &hex("7ea7ff0321")[..]), None);
        assert!(deframer.is_within_frame());
        deframer.on_silence();
        assert!(!deframer.is_within_frame());
        assert_eq!(deframer.counters().incomplete, 1);
        assert!(deframer.take(&mut &snrm()[..]).is_some());
        deframer.on_silence();
        assert_eq!(deframer.counters().incomplete, 1, "a closing flag is no beginning");
    }

    #[test]
    fn a_frame_inside_a_damaged_frame_is_not_taken() {
        let inner = snrm();
        let (destination, source) =
            (crate::hdlc::Address::one(1).unwrap(), crate::hdlc::Address::one(16).unwrap());
        let control = crate::hdlc::Control::from_octet(0x13);
        let outer = Frame { destination, source, control, segmented: false, information: &inner };
        let mut octets = Vec::new();
        assert!(outer.append_to(&mut octets));
        let at = octets.len() - 2;
        octets[at] ^= 1;
        let (found, _) = frames(&[&octets]);
        assert_eq!(found.len(), 1);
        assert!(Frame::read(&found[0]).is_err());
    }

    proptest! {
        /// Frames of random octets, flags among them, with noise between.
        #[test]
        fn frames_are_the_same_in_whatever_chunks_they_come(
            contents in prop::collection::vec(prop::collection::vec(prop_oneof![Just(0x7Eu8), any::<u8>()], 1..60), 1..8),
            noise in prop::collection::vec(any::<u8>(), 0..20),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let (destination, source) = (crate::hdlc::Address::one(1).unwrap(), crate::hdlc::Address::one(16).unwrap());
            let mut stream = noise.clone();
            for information in &contents {
                let control = crate::hdlc::Control::from_octet(0x13);
                Frame { destination, source, control, segmented: false, information }.append_to(&mut stream);
            }
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            let (whole, counters) = frames(&[&stream]);
            let (parts, same_counters) = frames(&chunks);
            prop_assert_eq!(&whole, &parts);
            prop_assert_eq!(counters, same_counters);
            if !noise.contains(&0x7E) {
                let read: Vec<Vec<u8>> = whole.iter().map(|f| Frame::read(f).unwrap().information.to_vec()).collect();
                prop_assert_eq!(read, contents);
            }
        }

        #[test]
        fn whatever_comes_is_bounded(stream in prop::collection::vec(prop_oneof![Just(0x7Eu8), Just(0xA7u8), any::<u8>()], 0..6000)) {
            let mut deframer = Deframer::new();
            let mut octets = &stream[..];
            while let Some(frame) = deframer.take(&mut octets) {
                prop_assert!((7..=2047).contains(&frame.len()));
            }
            let (held, most) = deframer.occupancy();
            prop_assert!(held <= most && deframer.buffer.capacity() == CAPACITY);
        }
    }
}
