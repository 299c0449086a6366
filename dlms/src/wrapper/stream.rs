//! Wrapper PDUs out of the stream of a TCP connection.

use super::Wpdu;
use crate::apdu::{ExceptionResponse, Pdu, ServiceError, StateError};
use crate::specs::wrapper as specs;
use alloc::vec::Vec;
use core::fmt;
use plc_core::wire::Reader;

/// Cuts a stream into wrapper PDUs, in whatever pieces they come.
///
/// A stream that has gone wrong once cannot be found into again: it gives no PDU any more, and the
/// connection should be closed.
#[derive(Debug)]
pub struct WpduStream {
    buffer: Vec<u8>,
    max_apdu_len: usize,
    fault: Option<StreamFault>,
    /// Source and destination of an APDU that is too long.
    refused: Option<(u16, u16)>,
}

/// Why a stream is no stream of wrapper PDUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamFault {
    /// Another version of the wrapper, or no wrapper at all.
    Version(u16),
    /// An APDU longer than the stream takes, in octets.
    TooLong(u16),
}

impl WpduStream {
    /// A stream that has not begun, with APDUs of at most so many octets.
    pub const fn new(max_apdu_len: u16) -> Self {
        Self { buffer: Vec::new(), max_apdu_len: max_apdu_len as usize, fault: None, refused: None }
    }

    /// Takes octets from the front until a wrapper PDU is whole, and returns it, header and all, as a
    /// datagram would bring it. `None` when all octets were taken.
    ///
    /// # Errors
    /// What is wrong with the stream, from the fault on for every call.
    pub fn take(&mut self, octets: &mut &[u8]) -> Result<Option<Vec<u8>>, StreamFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        while !octets.is_empty() {
            let wanted = self.wanted()?;
            let (taken, rest) = octets.split_at(octets.len().min(wanted - self.buffer.len()));
            self.buffer.extend_from_slice(taken);
            *octets = rest;
            if self.wanted()? == self.buffer.len() {
                return Ok(Some(core::mem::take(&mut self.buffer)));
            }
        }
        Ok(None)
    }

    /// Whether the rest of a PDU has yet to come.
    pub const fn is_inside(&self) -> bool {
        !self.buffer.is_empty() && self.fault.is_none()
    }

    /// What a server answers to an APDU longer than the stream takes, before it closes the connection: the exception-response
    /// pdu-too-long, a whole wrapper PDU. `None` while nothing was too long, and where nobody or everybody was meant.
    pub fn refusal(&self) -> Option<Vec<u8>> {
        let (source, destination) = self.refused?;
        if matches!(destination, specs::SAP_NO_STATION | specs::SAP_ALL_STATION) {
            return None;
        }
        let apdu = TOO_LONG.to_vec();
        Some(Wpdu { source: destination, destination: source, apdu: &apdu }.to_vec())
    }

    /// Whether a PDU has begun and not ended.
    pub const fn is_within_pdu(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Octets held, and the most that may be.
    pub const fn occupancy(&self) -> (usize, usize) {
        (self.buffer.len(), specs::HEADER_LEN + self.max_apdu_len)
    }

    /// Octets of the PDU at the front, or of its header while that is not whole.
    fn wanted(&mut self) -> Result<usize, StreamFault> {
        let wanted = total_len(&self.buffer, self.max_apdu_len);
        self.fault = wanted.err();
        if matches!(self.fault, Some(StreamFault::TooLong(_))) {
            self.refused = saps(&self.buffer);
        }
        if self.fault.is_some() {
            self.buffer = Vec::new();
        }
        wanted
    }
}

/// The length that the octets so far promise; a wrong version shows before the header is whole.
fn total_len(octets: &[u8], max_apdu_len: usize) -> Result<usize, StreamFault> {
    let mut reader = Reader::new(octets);
    match reader.u16_be() {
        Ok(specs::VERSION) | Err(_) => {}
        Ok(version) => return Err(StreamFault::Version(version)),
    }
    let len = reader.bytes(SAPS_LEN).and_then(|_| reader.u16_be());
    match len {
        Err(_) => Ok(specs::HEADER_LEN),
        Ok(len) if usize::from(len) > max_apdu_len => Err(StreamFault::TooLong(len)),
        Ok(len) => Ok(specs::HEADER_LEN + usize::from(len)),
    }
}

/// Source and destination of a header that is whole.
fn saps(header: &[u8]) -> Option<(u16, u16)> {
    let mut reader = Reader::new(header);
    reader.u16_be().ok()?;
    Some((reader.u16_be().ok()?, reader.u16_be().ok()?))
}

/// Octets of source and destination.
const SAPS_LEN: usize = 4;
/// More octets than are taken \[GB 9.5; confidence A\].
const TOO_LONG: ExceptionResponse =
    ExceptionResponse { state: StateError::ServiceNotAllowed, service: ServiceError::PduTooLong };

impl fmt::Display for StreamFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "wrapper version {version}, expected {}", specs::VERSION),
            Self::TooLong(len) => write!(f, "an APDU of {len} octets, more than are taken"),
        }
    }
}

impl core::error::Error for StreamFault {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::Pdu;
    use crate::hex::hex;
    use crate::wrapper::Wpdu;
    use proptest::prelude::*;

    /// All PDUs in `chunks`, until the stream goes wrong.
    fn cut(chunks: &[&[u8]]) -> (Vec<Vec<u8>>, Option<StreamFault>) {
        let mut stream = WpduStream::new(1000);
        let mut found = Vec::new();
        for mut chunk in chunks.iter().copied() {
            loop {
                match stream.take(&mut chunk) {
                    Ok(Some(pdu)) => found.push(pdu),
                    Ok(None) => break,
                    Err(fault) => return (found, Some(fault)),
                }
            }
            let (held, most) = stream.occupancy();
            assert!(held <= most);
        }
        (found, None)
    }

    #[test]
    fn two_apdus_in_one_segment_are_two() {
        let (one, two) = (hex("0001000100100002c001"), hex("0001001000010001d8"));
        assert_eq!(cut(&[&[&one[..], &two[..]].concat()]), (alloc::vec![one, two], None));
    }

    #[test]
    fn one_apdu_in_a_hundred_segments_is_one() {
        let pdu = Wpdu { source: 1, destination: 16, apdu: &[7; 92] }.to_vec();
        let chunks: Vec<&[u8]> = pdu.chunks(1).collect();
        assert_eq!(chunks.len(), 100);
        assert_eq!(cut(&chunks), (alloc::vec![pdu.clone()], None));
    }

    #[test]
    fn another_version_ends_the_stream_at_its_second_octet() {
        let good = hex("0001000100100002c001");
        assert_eq!(cut(&[&good, &hex("0002")]), (alloc::vec![good.clone()], Some(StreamFault::Version(2))));
        let mut stream = WpduStream::new(1000);
        assert_eq!(stream.take(&mut &hex("0002")[..]), Err(StreamFault::Version(2)));
        assert_eq!(stream.take(&mut &good[..]), Err(StreamFault::Version(2)), "a stream is lost for good");
    }

    #[test]
    fn a_length_of_65535_is_refused_before_anything_is_stored_and_one_of_0_is_an_empty_apdu() {
        assert_eq!(cut(&[&hex("000100010010ffff")]), (Vec::new(), Some(StreamFault::TooLong(0xFFFF))));
        let (empty, good) = (hex("0001000100100000"), hex("0001000100100002c001"));
        assert_eq!(cut(&[&[&empty[..], &good[..]].concat()]), (alloc::vec![empty, good], None));
    }

    /// What is answered to this header by a stream of at most 1000 octets.
    fn refusal(header: &str) -> Option<Vec<u8>> {
        let mut stream = WpduStream::new(1000);
        let mut taken = Ok(None);
        // Octet by octet: nothing is to be known before the header is whole.
        for octet in hex(header) {
            assert_eq!((taken, stream.refusal()), (Ok(None), None));
            taken = stream.take(&mut &[octet][..]);
        }
        let refusal = stream.refusal();
        assert_eq!(taken.is_err(), refusal.is_some() || !header.ends_with("03e8"));
        refusal
    }

    #[test]
    fn who_sends_too_long_an_apdu_is_told_so_before_a_single_octet_of_it_has_come() {
        assert_eq!(refusal("00010010000103e9"), Some(hex("0001000100100003d80104")));
        assert_eq!(refusal("000100300001ffff"), Some(hex("0001000100300003d80104")));
        assert_eq!(refusal("00010010000103e8"), None, "as long as may be");
        assert_eq!(
            [refusal("000100100000ffff"), refusal("00010010007fffff")],
            [None, None],
            "nobody, everybody"
        );
        let mut stream = WpduStream::new(1000);
        assert!(stream.take(&mut &hex("0002")[..]).is_err());
        assert_eq!(stream.refusal(), None, "whoever speaks no wrapper understands no answer");
    }

    proptest! {
        #[test]
        fn pdus_are_the_same_in_whatever_chunks_they_come(
            apdus in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        ) {
            let pdus: Vec<Vec<u8>> =
                apdus.iter().map(|apdu| Wpdu { source: 1, destination: 16, apdu }.to_vec()).collect();
            let stream = pdus.concat();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            prop_assert_eq!(cut(&chunks), (pdus, None));
        }

        #[test]
        fn whatever_comes_never_panics(chunks in prop::collection::vec(prop::collection::vec(0u8..3, 0..30), 0..8)) {
            let chunks: Vec<&[u8]> = chunks.iter().map(|chunk| &chunk[..]).collect();
            cut(&chunks);
        }
    }
}
