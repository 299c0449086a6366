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
    Hdlc { frames: Deframer, apdu: Vec<u8>, last: Option<u8> },
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
        stream.take(octets, |link, apdu| {
            text.push_str(&format!("{arrow} {}\n", link.text));
            if let Some(apdu) = apdu {
                text.push_str(&dissector.tree(sender, apdu));
            }
        });
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
            true => Self::Hdlc { frames: Deframer::new(), apdu: Vec::new(), last: None },
        }
    }

    /// Tells of each frame or wrapper PDU, and of the APDU that it completes.
    pub(super) fn take(&mut self, mut octets: &[u8], mut tell: impl FnMut(Carried, Option<&[u8]>)) {
        match self {
            Self::Wrapper(stream) => {
                while let Ok(Some(octets)) = stream.take(&mut octets) {
                    if let Ok(wpdu) = Wpdu::from_bytes(&octets) {
                        let ports = Some((wpdu.source, wpdu.destination));
                        tell(Carried { text: wpdu.to_string(), ports }, Some(wpdu.apdu));
                    }
                }
            }
            Self::Hdlc { frames, apdu, last } => {
                while let Some(octets) = frames.take(&mut octets) {
                    match Frame::read(&octets) {
                        Ok(frame) => {
                            let carried = Carried { text: frame.to_string(), ports: None };
                            tell(carried, join(&frame, apdu, last).as_deref());
                        }
                        Err(fault) => tell(Carried { text: format!("no frame: {fault}"), ports: None }, None),
                    }
                }
            }
        }
    }
}

/// The APDU that a frame completes, behind its three octets of LLC.
fn join(frame: &Frame<'_>, apdu: &mut Vec<u8>, last: &mut Option<u8>) -> Option<Vec<u8>> {
    match frame.control.function {
        Function::Information { send, .. } if last.replace(send.value()) != Some(send.value()) => {
            apdu.extend_from_slice(frame.information);
        }
        Function::UnnumberedInformation => apdu.extend_from_slice(frame.information),
        Function::SetNormalResponseMode | Function::UnnumberedAcknowledge => {
            *last = None;
            apdu.clear();
            return None;
        }
        _ => return None,
    }
    if frame.segmented {
        return None;
    }
    let whole = std::mem::take(apdu);
    whole.get(LLC_LEN..).map(<[u8]>::to_vec)
}

const LLC_LEN: usize = 3;
