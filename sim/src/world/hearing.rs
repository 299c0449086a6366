//! Who is told what of the frames on the line, and when.

use super::Event;
use super::{World, give, tap};
use crate::frame::{Body, FlightId, Frame, FrameEvent, Head, Heard, Passing, Quality};
use plc_core::sap::{PdAckIndication, PdOverheard};
use plc_core::{MacAddress, PanId};
use plc_node::Node;

impl World {
    /// Tells the nodes what they have heard, and the agenda what is due.
    pub(super) fn tell(&mut self, flight: Option<FlightId>) {
        for (at, flight, stage) in self.due.drain(..) {
            self.agenda.push(at, Event::Flight(flight, stage));
        }
        let mut heard = std::mem::take(&mut self.heard);
        for (node, what) in heard.drain(..) {
            if node as usize > self.sites.len() {
                self.overhear(node, &what, flight);
            } else if self.hear(node, &what, flight) {
                self.after(node);
            }
        }
        self.heard = heard;
    }

    /// Returns whether the node was told; not if it is kept for later.
    fn hear(&mut self, node: u32, what: &Heard, flight: Option<FlightId>) -> bool {
        let bearing = self.awaited[node as usize].bearing;
        let head = flight.map(|flight| self.air.head(flight));
        let src = head.and_then(|head| bearing.passes_by(&head));
        let whole = head.is_some_and(|head| bearing.may_be_meant(&head));
        let received = flight.filter(|_| *what == Heard::Received);
        let quality = received.map(|flight| (flight, self.air.quality(flight, node, whole)));
        let received = quality.as_ref().map(|(flight, quality)| (self.air.frame(*flight), quality));
        self.tap.note(self.now, node, || tap::input(what, received));
        if bearing.idle
            && let Some(passing) = passing(what, received, src, head)
        {
            self.sites[node as usize - 1].withhold(self.now, passing);
            return false;
        }
        let event = match *what {
            Heard::Sent => FrameEvent::Sent,
            Heard::Preamble => FrameEvent::Preamble,
            Heard::Header { ends, response_expected } => FrameEvent::Header { ends, response_expected },
            Heard::Lost(loss) => FrameEvent::Lost(loss),
            Heard::FalsePreamble => FrameEvent::FalsePreamble,
            Heard::Received => {
                let Some((frame, quality)) = received else { return false };
                FrameEvent::Received { frame, quality }
            }
        };
        // Not `self.give`: the frame is borrowed from the air while the node changes.
        give(&mut self.concentrator, &mut self.sites, self.now, node, event);
        if *what == Heard::Received {
            self.check_acceptance(node);
        }
        true
    }

    /// What is known of a meter without looking at it, after something has happened to it.
    pub(super) fn bearing(&self, node: u32) -> Bearing {
        let Some(site) = (node as usize).checked_sub(1).and_then(|n| self.sites.get(n)) else {
            return Bearing::default();
        };
        let Some(mac) = site.node().map(Node::mac) else { return Bearing::default() };
        let extended = MacAddress::Extended(site.household.identity.eui64);
        let short = mac.short_address().map_or(extended, MacAddress::Short);
        Bearing { idle: self.withholds && mac.is_idle(), member: Some((mac.pan_id(), [extended, short])) }
    }
}

/// What decides how a node is told what it hears.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bearing {
    /// Whether it may be told later what passes it by.
    idle: bool,
    /// The PAN and the addresses of a meter that has power.
    member: Option<(PanId, [MacAddress; 2])>,
}

impl Bearing {
    /// From whom a frame is that passes it by, which is for another member of its PAN.
    fn passes_by(&self, head: &Head) -> Option<(PanId, MacAddress)> {
        let (pan, own) = self.member?;
        head.passes_by(pan, own)
    }

    /// Whether a frame is for it alone. Of the concentrator that is not known.
    fn may_be_meant(&self, head: &Head) -> bool {
        let dst = head.dst.map(|(_, dst)| dst);
        self.member.is_none_or(|(_, own)| dst.is_some_and(|dst| own.contains(&dst)))
    }
}

/// What passes by, if it does: of a whole frame, `src` says who has sent it to somebody else.
fn passing(
    what: &Heard,
    received: Option<(&Frame, &Quality)>,
    src: Option<(PanId, MacAddress)>,
    head: Option<Head>,
) -> Option<Passing> {
    Some(match *what {
        Heard::Sent => return None,
        Heard::Preamble => Passing::Preamble,
        Heard::Header { ends, response_expected } => Passing::Header { ends, response_expected },
        Heard::Lost(loss) => Passing::Lost(loss),
        Heard::FalsePreamble => Passing::FalsePreamble,
        Heard::Received => {
            let (frame, quality) = received?;
            let (lqi, ended) = (quality.lqi, frame.ends);
            match frame.body {
                Body::Ack { fcs, more_segments, negative } => {
                    Passing::Ack(PdAckIndication { fcs, more_segments, negative, lqi, ended })
                }
                Body::Data { response_expected, .. } => {
                    let (src, contention_free) = (src?, head?.contention_free);
                    Passing::Overheard(PdOverheard { src, response_expected, contention_free, lqi, ended })
                }
            }
        }
    })
}
