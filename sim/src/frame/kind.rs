//! What frames on the line are for, as far as their headers show it.

use super::{Body, Frame};
use g3_mac::specs::COMMAND_BEACON_REQUEST;
use g3_mac::wire::{FrameType, Segment, check_fcs};
use plc_core::time::Duration;
use plc_core::wire::Reader;
use plc_core::{MacAddress, PanId};

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FrameKind {
    /// A header alone.
    Acknowledgement,
    /// Asks who is there.
    BeaconRequest,
    /// Answers that.
    Beacon,
    /// Says how its sender shall be spoken to.
    ToneMapResponse,
    /// Between a device that is joining and its agent.
    Joining,
    /// Secured, to one node: routes' replies, relayed joins and readings.
    Unicast,
    /// Secured, to all: mostly searches for routes.
    Broadcast,
    /// None of these.
    Other,
}

impl FrameKind {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Acknowledgement,
        Self::BeaconRequest,
        Self::Beacon,
        Self::ToneMapResponse,
        Self::Joining,
        Self::Unicast,
        Self::Broadcast,
        Self::Other,
    ];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Acknowledgement => "acknowledgement",
            Self::BeaconRequest => "beacon request",
            Self::Beacon => "beacon",
            Self::ToneMapResponse => "tone map response",
            Self::Joining => "joining",
            Self::Unicast => "unicast",
            Self::Broadcast => "broadcast",
            Self::Other => "other",
        }
    }

    fn of_segment(segment: &Segment<'_>) -> Self {
        match segment.mhr.frame_type {
            FrameType::Beacon => Self::Beacon,
            FrameType::Command if segment.payload.first() == Some(&COMMAND_BEACON_REQUEST) => {
                Self::BeaconRequest
            }
            FrameType::Command => Self::ToneMapResponse,
            FrameType::Data => match segment.mhr.dst {
                Some((_, MacAddress::BROADCAST)) => Self::Broadcast,
                _ if segment.mhr.security => Self::Unicast,
                _ => Self::Joining,
            },
            FrameType::Other(_) => Self::Other,
        }
    }
}

/// What the headers of a frame say, read once for all that hear it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// What it is for.
    pub kind: FrameKind,
    /// To whom.
    pub dst: Option<(PanId, MacAddress)>,
    /// From whom.
    pub src: Option<(PanId, MacAddress)>,
    /// Whether the sender keeps the channel.
    pub contention_free: bool,
}

impl Head {
    /// That of `frame`.
    pub fn of(frame: &Frame) -> Self {
        let bare = |kind| Self { kind, dst: None, src: None, contention_free: false };
        let Body::Data { psdu, .. } = &frame.body else { return bare(FrameKind::Acknowledgement) };
        let Ok((body, _)) = check_fcs(psdu) else { return bare(FrameKind::Other) };
        let Ok(segment) = Segment::parse(&mut Reader::new(body)) else { return bare(FrameKind::Other) };
        let (dst, src) = (segment.mhr.dst, segment.mhr.src);
        let contention_free = segment.control.contention_free;
        Self { kind: FrameKind::of_segment(&segment), dst, src, contention_free }
    }

    /// From whom it is, if a member of `pan` with these addresses hears a good frame that is for another member: the MAC
    /// then learns who is about, and no more.
    pub fn passes_by(&self, pan: PanId, own: [MacAddress; 2]) -> Option<(PanId, MacAddress)> {
        let ((to, dst), (from, src)) = (self.dst?, self.src?);
        let foreign = to == pan && from == pan && !dst.is_broadcast();
        (foreign && !own.contains(&dst) && !own.contains(&src)).then_some((from, src))
    }
}

/// How many frames there were of each kind, and how long they lasted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameKinds([(u64, Duration); FrameKind::ALL.len()]);

impl FrameKinds {
    /// Counts a frame that lasts so long.
    pub(super) fn count(&mut self, kind: FrameKind, airtime: Duration) {
        let (frames, time) = &mut self.0[kind as usize];
        *frames += 1;
        *time += airtime;
    }

    /// Each kind with its frames and their time on the line.
    pub fn iter(&self) -> impl Iterator<Item = (FrameKind, u64, Duration)> + '_ {
        FrameKind::ALL.into_iter().map(|kind| {
            let (frames, time) = self.0[kind as usize];
            (kind, frames, time)
        })
    }
}
