//! The queue towards the MAC: one frame in flight at a time.

use crate::fragment::Fragmenter;
use crate::specs;
use crate::wire::{self, Bc0Header, MeshHeader};
use alloc::collections::VecDeque;
use plc_core::sap::{
    AdpStatus, AdpdDataConfirm, Handle, MacSecurity, MacStatus, McpsDataConfirm, McpsDataRequest, Msdu,
    Priority,
};
use plc_core::{Eui64, Instant, MacAddress, PanId};

/// A single MAC frame: bootstrapping, or something passed on for others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) extended_source: bool,
    pub(crate) dst_pan: PanId,
    pub(crate) dst: MacAddress,
    pub(crate) msdu: Msdu,
    pub(crate) security: MacSecurity,
    pub(crate) purpose: Purpose,
}

/// Who wants to know how a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Nobody.
    Relay,
    /// The joining device.
    Joining,
    /// The coordinator: this device was told that it is in.
    Accepted(Eui64),
}

/// A packet and where it goes.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) handle: Handle,
    pub(crate) priority: Priority,
    pub(crate) dst_pan: PanId,
    pub(crate) dst: MacAddress,
    pub(crate) mesh: Option<MeshHeader>,
    pub(crate) security: MacSecurity,
    pub(crate) fragmenter: Fragmenter,
}

/// What a confirm has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// A frame.
    Frame(Purpose, MacStatus),
    /// A packet, with its last fragment or with the first that failed.
    Packet(AdpdDataConfirm, MacStatus),
    /// A fragment; more follow.
    Fragment,
}

#[derive(Debug)]
struct InFlight {
    handle: Handle,
    expires: Instant,
    /// `None`: a fragment of the packet at the front.
    purpose: Option<Purpose>,
}

/// Frames first, then packets; packets of high priority first.
#[derive(Debug)]
pub(crate) struct Transmitter {
    frames: VecDeque<Frame>,
    packets: VecDeque<Outgoing>,
    frame_limit: usize,
    packet_limit: usize,
    in_flight: Option<InFlight>,
    next_handle: Handle,
    next_tag: u16,
    next_broadcast: u8,
}

impl Transmitter {
    /// Packets that may wait whatever the configuration says: all of them must be confirmed at once
    /// when the node leaves its PAN.
    const PACKETS_MAX: usize = 16;

    /// Room for so many frames and packets; the first datagram tag and broadcast sequence number are
    /// random, so that a restart does not repeat the last ones.
    pub(crate) fn new(frames: usize, packets: usize, tag: u16, broadcast: u8) -> Self {
        let packet_limit = packets.min(Self::PACKETS_MAX);
        Self {
            frames: VecDeque::with_capacity(frames),
            packets: VecDeque::with_capacity(packet_limit),
            frame_limit: frames,
            packet_limit,
            in_flight: None,
            next_handle: 0,
            next_tag: tag,
            next_broadcast: broadcast,
        }
    }

    /// Queues a frame; returns whether there was room.
    #[must_use]
    pub(crate) fn push_frame(&mut self, frame: Frame) -> bool {
        let room = self.frames.len() < self.frame_limit;
        if room {
            self.frames.push_back(frame);
        }
        room
    }

    /// Whether another packet may be queued.
    pub(crate) fn has_room(&self) -> bool {
        self.packets.len() < self.packet_limit
    }

    /// Queues a packet behind those of its priority, but never before one that has begun.
    pub(crate) fn push_packet(&mut self, packet: Outgoing) {
        let begun = usize::from(self.in_flight.is_some() || self.front_has_begun());
        let high = self.packets.iter().skip(begun).take_while(|p| p.priority == Priority::High).count();
        let at = match packet.priority {
            Priority::High => (begun + high).min(self.packets.len()),
            Priority::Normal => self.packets.len(),
        };
        self.packets.insert(at, packet);
    }

    /// A tag for the next datagram.
    pub(crate) fn take_tag(&mut self) -> u16 {
        let tag = self.next_tag;
        self.next_tag = tag.wrapping_add(1);
        tag
    }

    /// The next request, when nothing is in flight.
    pub(crate) fn next(&mut self, now: Instant) -> Option<McpsDataRequest> {
        if self.in_flight.is_some() {
            return None;
        }
        let (purpose, mut request) = match self.frames.pop_front() {
            Some(frame) => (Some(frame.purpose), request_of_frame(frame)),
            None => (None, self.next_fragment()?),
        };
        request.handle = self.next_handle;
        self.next_handle = self.next_handle.wrapping_add(1);
        self.in_flight =
            Some(InFlight { handle: request.handle, expires: now + specs::CONFIRM_TIMEOUT, purpose });
        Some(request)
    }

    /// The MAC has confirmed. `None`: nothing that is in flight.
    pub(crate) fn on_confirm(&mut self, confirm: McpsDataConfirm) -> Option<Sent> {
        let flight = self.in_flight.take_if(|flight| flight.handle == confirm.handle)?;
        Some(self.ended(flight, confirm.status))
    }

    /// Gives up a frame that was never confirmed.
    pub(crate) fn on_tick(&mut self, now: Instant) -> Option<Sent> {
        let flight = self.in_flight.take_if(|flight| flight.expires <= now)?;
        Some(self.ended(flight, MacStatus::NoAck))
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.in_flight.as_ref().map(|flight| flight.expires)
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

    /// Frames and packets held, and the most that may be.
    pub(crate) fn occupancy(&self) -> (usize, usize) {
        (self.frames.len() + self.packets.len(), self.frame_limit + self.packet_limit)
    }

    fn front_has_begun(&self) -> bool {
        self.packets.front().is_some_and(|packet| packet.fragmenter.has_begun())
    }

    fn next_fragment(&mut self) -> Option<McpsDataRequest> {
        let packet = self.packets.front_mut()?;
        let broadcast = &mut self.next_broadcast;
        let msdu = wire::msdu(|writer| {
            if let Some(mesh) = packet.mesh {
                mesh.emit(writer)?;
            }
            if packet.dst.is_broadcast() {
                Bc0Header { sequence: *broadcast }.emit(writer)?;
                *broadcast = broadcast.wrapping_add(1);
            }
            packet.fragmenter.emit_next(writer)
        });
        Some(McpsDataRequest {
            handle: 0,
            extended_source: false,
            dst_pan: packet.dst_pan,
            dst: packet.dst,
            msdu: msdu.expect("the overhead was counted when the packet was cut"),
            security: packet.security,
            priority: packet.priority,
        })
    }

    fn ended(&mut self, flight: InFlight, status: MacStatus) -> Sent {
        if let Some(purpose) = flight.purpose {
            return Sent::Frame(purpose, status);
        }
        let done = self.packets.front().is_none_or(|packet| packet.fragmenter.is_done());
        if status == MacStatus::Success && !done {
            return Sent::Fragment;
        }
        let handle = self.packets.pop_front().map_or(0, |packet| packet.handle);
        let adp = if status == MacStatus::Success { AdpStatus::Success } else { AdpStatus::DataError };
        Sent::Packet(AdpdDataConfirm { handle, status: adp }, status)
    }
}

fn request_of_frame(frame: Frame) -> McpsDataRequest {
    McpsDataRequest {
        handle: 0,
        extended_source: frame.extended_source,
        dst_pan: frame.dst_pan,
        dst: frame.dst,
        msdu: frame.msdu,
        security: frame.security,
        priority: Priority::Normal,
    }
}
