//! The queue towards the MAC: one frame in flight at a time.

mod frame;
mod in_flight;
mod outgoing;

pub(crate) use frame::{Chance, Frame, Purpose, Routed, Way};
pub(crate) use in_flight::Sent;
pub(crate) use outgoing::Outgoing;

use crate::specs;
use alloc::collections::VecDeque;
use in_flight::{InFlight, Load};
use plc_core::sap::{AdpStatus, AdpdDataConfirm, Handle, McpsDataConfirm, McpsDataRequest, Priority};
use plc_core::{Instant, MacAddress, ShortAddress};

/// Control frames first, then packets; packets of high priority first. What has no route waits.
#[derive(Debug)]
pub(crate) struct Transmitter {
    frames: VecDeque<Frame>,
    packets: VecDeque<Outgoing>,
    frame_limit: usize,
    packet_limit: usize,
    in_flight: Option<InFlight>,
    next_handle: Handle,
    next_tag: u16,
}

/// Answers which neighbour a frame for a node goes to: `None` when it must wait until one is found.
/// The arguments are the node and the hops that are left.
pub(crate) trait Router: FnMut(ShortAddress, u8) -> Option<ShortAddress> {}

impl<F: FnMut(ShortAddress, u8) -> Option<ShortAddress>> Router for F {}

impl Transmitter {
    /// Packets that may wait whatever the configuration says: all of them must be confirmed at once
    /// when the node leaves its PAN.
    const PACKETS_MAX: usize = 16;

    /// Room for so many frames and packets; the first datagram tag is random, so that a restart does not
    /// repeat the last one.
    pub(crate) fn new(frames: usize, packets: usize, tag: u16) -> Self {
        let packet_limit = Self::packet_limit(packets);
        Self {
            frames: VecDeque::with_capacity(frames),
            packets: VecDeque::with_capacity(packet_limit),
            frame_limit: frames,
            packet_limit,
            in_flight: None,
            next_handle: 0,
            next_tag: tag,
        }
    }

    /// Packets that may wait when the configuration says `packets`.
    pub(crate) fn packet_limit(packets: usize) -> usize {
        packets.min(Self::PACKETS_MAX)
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.frames.capacity() * size_of::<Frame>() + self.packets.capacity() * size_of::<Outgoing>()
    }

    /// Queues a frame; returns whether there was room. Frames that need a route leave a third of it to others, so that
    /// the messages that find routes never wait for them.
    #[must_use]
    pub(crate) fn push_frame(&mut self, frame: Frame) -> bool {
        let routed = self.frames.iter().filter(|frame| frame.way.routed().is_some()).count();
        let full = frame.way.routed().is_some() && routed >= self.frame_limit - self.frame_limit / 3;
        let room = self.frames.len() < self.frame_limit && !full;
        if room {
            self.frames.push_back(frame);
        }
        room
    }

    /// A frame that was in flight goes out again, before all others.
    pub(crate) fn push_again(&mut self, frame: Frame) {
        self.frames.push_front(frame);
    }

    /// Whether another packet may be queued.
    pub(crate) fn has_room(&self) -> bool {
        self.packets.len() < self.packet_limit
    }

    /// Queues a packet behind those of its priority.
    pub(crate) fn push_packet(&mut self, packet: Outgoing) {
        let high = self.packets.iter().take_while(|p| p.priority == Priority::High).count();
        let at = if packet.priority == Priority::High { high } else { self.packets.len() };
        self.packets.insert(at, packet);
    }

    /// A tag for the next datagram.
    pub(crate) fn take_tag(&mut self) -> u16 {
        let tag = self.next_tag;
        self.next_tag = tag.wrapping_add(1);
        tag
    }

    /// The next request, when nothing is in flight. `broadcast` numbers a broadcast.
    pub(crate) fn next(
        &mut self,
        now: Instant,
        router: &mut impl Router,
        broadcast: &mut impl FnMut() -> u8,
    ) -> Option<McpsDataRequest> {
        if self.in_flight.is_some() {
            return None;
        }
        let (load, hop, mut request) = match self.next_frame(router) {
            Some(next) => next,
            None => self.next_fragment(router, broadcast)?,
        };
        request.handle = self.next_handle;
        self.next_handle = self.next_handle.wrapping_add(1);
        let expires = now + specs::CONFIRM_TIMEOUT;
        self.in_flight = Some(InFlight { handle: request.handle, expires, hop, load });
        Some(request)
    }

    /// The MAC has confirmed. `None`: nothing that is in flight.
    pub(crate) fn on_confirm(&mut self, confirm: McpsDataConfirm) -> Option<Sent> {
        let flight = self.in_flight.take_if(|flight| flight.handle == confirm.handle)?;
        Some(flight.ended(confirm.status))
    }

    /// Gives up a frame that was never confirmed.
    pub(crate) fn on_tick(&mut self, now: Instant) -> Option<Sent> {
        let flight = self.in_flight.take_if(|flight| flight.expires <= now)?;
        Some(flight.ended(plc_core::sap::MacStatus::NoAck))
    }

    /// When something is due: the end of what is in flight, or of a pause.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let frames = self.frames.iter().filter_map(|frame| frame.chance.pause());
        let packets = self.packets.iter().filter_map(|packet| packet.chance.pause());
        let expires = self.in_flight.as_ref().map(|flight| flight.expires);
        frames.chain(packets).chain(expires).min()
    }

    /// What has paused for long enough may go.
    pub(crate) fn wake(&mut self, now: Instant) {
        self.frames.iter_mut().for_each(|frame| frame.chance.wake(now));
        self.packets.iter_mut().for_each(|packet| packet.chance.wake(now));
    }

    /// The packet with this tag.
    pub(crate) fn packet(&mut self, tag: u16) -> Option<&mut Outgoing> {
        self.packets.iter_mut().find(|packet| packet.tag() == tag)
    }

    /// Takes out the packet with this tag.
    pub(crate) fn remove_packet(&mut self, tag: u16) -> Option<Outgoing> {
        let at = self.packets.iter().position(|packet| packet.tag() == tag)?;
        self.packets.remove(at)
    }

    /// What waits for a route to this node may go.
    pub(crate) fn release(&mut self, destination: ShortAddress) {
        let packets = self.packets.iter_mut().filter(|packet| packet.destination == destination);
        packets.for_each(|packet| packet.waiting = false);
        let routed = self.frames.iter_mut().filter_map(|frame| frame.way.routed_mut());
        routed
            .filter(|routed| routed.mesh.destination == destination)
            .for_each(|routed| routed.waiting = false);
    }

    /// A packet that waits for a route to this node in vain.
    pub(crate) fn next_failed_packet(&mut self, destination: ShortAddress) -> Option<Handle> {
        let failed = |packet: &Outgoing| packet.waiting && packet.destination == destination;
        let at = self.packets.iter().position(failed)?;
        self.packets.remove(at).map(|packet| packet.handle)
    }

    /// A frame that waits for a route to this node in vain.
    pub(crate) fn next_failed_frame(&mut self, destination: ShortAddress) -> Option<Frame> {
        let failed = |routed: &Routed| routed.waiting && routed.mesh.destination == destination;
        let at = self.frames.iter().position(|frame| frame.way.routed().is_some_and(failed))?;
        self.frames.remove(at)
    }

    /// Forgets every frame, the one in flight too.
    pub(crate) fn clear_frames(&mut self) {
        self.frames.clear();
        self.in_flight = None;
    }

    /// Gives up a packet.
    pub(crate) fn abandon_packet(&mut self) -> Option<AdpdDataConfirm> {
        let packet = self.packets.pop_front()?;
        Some(AdpdDataConfirm { handle: packet.handle, status: AdpStatus::DataError })
    }

    /// Frames and packets held, and the most that may be; a frame that goes out again may be one too many.
    pub(crate) fn occupancy(&self) -> (usize, usize) {
        (self.frames.len() + self.packets.len(), self.frame_limit + self.packet_limit + 1)
    }

    fn next_frame(&mut self, router: &mut impl Router) -> Option<(Load, MacAddress, McpsDataRequest)> {
        for at in 0..self.frames.len() {
            if self.frames[at].chance.pause().is_some() {
                continue;
            }
            if let Some(hop) = self.frames[at].way.resolve(router) {
                let frame = self.frames.remove(at)?;
                let request = frame.request(hop);
                return Some((Load::Frame(frame), hop, request));
            }
        }
        None
    }

    /// Of the packet that has begun, else of the first that may go.
    fn next_fragment(
        &mut self,
        router: &mut impl Router,
        broadcast: &mut impl FnMut() -> u8,
    ) -> Option<(Load, MacAddress, McpsDataRequest)> {
        let begun = |packet: &Outgoing| packet.fragmenter.has_begun();
        let begun = self.packets.iter().position(begun);
        for at in begun.into_iter().chain(0..self.packets.len()) {
            let packet = &mut self.packets[at];
            if let Some(hop) = packet.resolve(router) {
                let request = packet.request(hop, broadcast);
                return Some((Load::Fragment(packet.tag()), hop, request));
            }
        }
        None
    }
}
