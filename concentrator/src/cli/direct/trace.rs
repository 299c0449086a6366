//! What goes to and fro, taken apart, on standard error.

use super::dissection::Dissector;
use dlms::apdu::Pdu;
use dlms::hdlc::{Deframer, Frame, Function};
use dlms::security::{SecurityContext, SystemTitle};
use dlms::wrapper::{Wpdu, WpduStream};
use std::io::{self, Write};

/// Who has sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    Client,
    Meter,
}

/// An observer of both directions.
pub(super) struct Trace {
    streams: [Stream; 2],
    dissector: Dissector,
}

/// APDUs out of the octets of one direction.
pub(super) enum Stream {
    Wrapper(WpduStream),
    Hdlc { frames: Deframer, joined: Joined },
}

/// The information of frames that belong together.
#[derive(Default)]
pub(super) struct Joined {
    apdu: Vec<u8>,
    /// The number of the last information frame.
    last: Option<u8>,
    /// Whether it has grown too long: the rest of it passes.
    is_spoiled: bool,
}

impl Trace {
    pub(super) fn new(
        is_hdlc: bool,
        keys: Option<&SecurityContext>,
        titles: [Option<SystemTitle>; 2],
    ) -> Self {
        let stream = || Stream::new(is_hdlc);
        Self { streams: [stream(), stream()], dissector: Dissector::new(keys.cloned(), titles) }
    }

    /// Octets as they are sent.
    pub(super) fn on_octets(&mut self, sender: Sender, octets: &[u8]) {
        let text = self.lines(sender, octets);
        // Nobody's reading is no reason to stop.
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// The same of a datagram, which stands alone.
    pub(super) fn on_datagram(&mut self, sender: Sender, octets: &[u8]) {
        self.streams[usize::from(sender == Sender::Meter)] = Stream::new(false);
        self.on_octets(sender, octets);
    }

    /// Something that was noticed.
    #[expect(clippy::unused_self, reason = "only who traces is told")]
    pub(super) fn note(&self, text: &str) {
        let _ = writeln!(io::stderr(), "-- {text}");
    }

    /// What is shown of octets.
    pub(super) fn lines(&mut self, sender: Sender, octets: &[u8]) -> String {
        let arrow = if sender == Sender::Client { "->" } else { "<-" };
        let Self { streams, dissector } = self;
        let stream = &mut streams[usize::from(sender == Sender::Meter)];
        let mut text = String::new();
        let fault = stream.take(octets, |link, apdu| {
            text.push_str(&format!("{arrow} {}\n", link.text));
            if let Some(apdu) = apdu {
                text.push_str(&dissector.tree(sender, apdu));
            }
        });
        if let Some(fault) = fault.err().filter(|fault| !text.contains(fault.as_str())) {
            text.push_str(&format!("{arrow} {fault}\n"));
        }
        text
    }
}

/// A frame or a wrapper PDU.
pub(super) struct Carried {
    /// One line of dissection.
    text: String,
    /// Source and destination of a wrapper PDU.
    pub(super) ports: Option<(u16, u16)>,
}

impl Stream {
    pub(super) fn new(is_hdlc: bool) -> Self {
        match is_hdlc {
            false => Self::Wrapper(WpduStream::new(u16::MAX)),
            true => Self::Hdlc { frames: Deframer::new(), joined: Joined::default() },
        }
    }

    /// Tells of each frame or wrapper PDU, and of the APDU that it completes.
    ///
    /// # Errors
    /// What has come that is neither, behind what was told.
    pub(super) fn take(
        &mut self,
        mut octets: &[u8],
        mut tell: impl FnMut(Carried, Option<&[u8]>),
    ) -> Result<(), String> {
        match self {
            Self::Wrapper(stream) => {
                let none = |fault| format!("octets that are no wrapper PDU: {fault}");
                while let Some(octets) = stream.take(&mut octets).map_err(none)? {
                    if let Ok(wpdu) = Wpdu::from_bytes(&octets) {
                        let ports = Some((wpdu.source, wpdu.destination));
                        tell(Carried { text: wpdu.to_string(), ports }, Some(wpdu.apdu));
                    }
                }
                Ok(())
            }
            Self::Hdlc { frames, joined } => {
                let (before, mut fault) = (noise(frames), None);
                while let Some(octets) = frames.take(&mut octets) {
                    match Frame::read(&octets) {
                        Ok(frame) => {
                            let carried = Carried { text: frame.to_string(), ports: None };
                            tell(carried, joined.take(&frame).as_deref());
                        }
                        Err(wrong) => {
                            let text = format!("no frame: {wrong}");
                            fault = Some(text.clone());
                            tell(Carried { text, ports: None }, None);
                        }
                    }
                }
                let is_noisy = noise(frames) > before;
                let fault =
                    fault.or_else(|| is_noisy.then(|| String::from("octets that are no HDLC frames")));
                fault.map_or(Ok(()), Err)
            }
        }
    }

    /// Whether what comes behind a fault can be heard again.
    pub(super) const fn finds_its_way(&self) -> bool {
        matches!(self, Self::Hdlc { .. })
    }

    /// Whether the rest of a wrapper PDU has yet to come.
    pub(super) const fn is_inside(&self) -> bool {
        matches!(self, Self::Wrapper(stream) if stream.is_inside())
    }
}

/// Octets and flags that have made no frame.
const fn noise(frames: &Deframer) -> u64 {
    let counters = frames.counters();
    counters.noise + counters.false_starts + counters.unclosed + counters.incomplete
}

impl Joined {
    /// The APDU that a frame completes, behind its three octets of LLC. One that is longer than any is dropped.
    fn take(&mut self, frame: &Frame<'_>) -> Option<Vec<u8>> {
        match frame.control.function {
            Function::Information { send, .. } if self.last.replace(send.value()) != Some(send.value()) => {
                self.add(frame.information);
            }
            Function::UnnumberedInformation => self.add(frame.information),
            Function::SetNormalResponseMode | Function::UnnumberedAcknowledge => {
                *self = Self::default();
                return None;
            }
            _ => return None,
        }
        if frame.segmented {
            return None;
        }
        let is_spoiled = std::mem::take(&mut self.is_spoiled);
        let whole = std::mem::take(&mut self.apdu);
        whole.get(LLC_LEN..).filter(|_| !is_spoiled).map(<[u8]>::to_vec)
    }

    fn add(&mut self, information: &[u8]) {
        self.is_spoiled |= self.apdu.len() + information.len() > JOINED_MAX;
        if self.is_spoiled {
            self.apdu = Vec::new();
        } else {
            self.apdu.extend_from_slice(information);
        }
    }
}

/// Octets of an APDU and its LLC at most.
const JOINED_MAX: usize = 1 << 16;
const LLC_LEN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use dlms::hdlc::{Address, Control};

    fn segment(information: &[u8], segmented: bool) -> Frame<'_> {
        let control = Control { function: Function::UnnumberedInformation, poll_final: false };
        let address = Address::one(1).unwrap();
        Frame { destination: address, source: address, control, information, segmented }
    }

    #[test]
    fn segments_without_end_are_not_kept_and_what_comes_behind_them_is_heard() {
        let mut joined = Joined::default();
        let piece = [0; 1024];
        for _ in 0..1000 {
            assert_eq!(joined.take(&segment(&piece, true)), None);
            assert!(joined.apdu.capacity() <= 2 * JOINED_MAX);
        }
        assert_eq!(joined.take(&segment(&piece, false)), None, "the end of what was too long");
        assert_eq!(joined.take(&segment(&[0xE6, 0xE7, 0, 1], true)), None);
        assert_eq!(joined.take(&segment(&[2], false)), Some(vec![1, 2]));
    }
}
