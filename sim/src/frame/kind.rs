//! What frames on the line are for, as far as their headers show it.

use super::{Body, Frame};
use g3_mac::specs::COMMAND_BEACON_REQUEST;
use g3_mac::wire::{FrameType, Segment, check_fcs};
use plc_core::MacAddress;
use plc_core::time::Duration;
use plc_core::wire::Reader;

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

    /// What `frame` is for.
    pub fn of(frame: &Frame) -> Self {
        match &frame.body {
            Body::Ack { .. } => Self::Acknowledgement,
            Body::Data { psdu, .. } => Self::of_psdu(psdu).unwrap_or(Self::Other),
        }
    }

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

    fn of_psdu(psdu: &[u8]) -> Option<Self> {
        let (body, _) = check_fcs(psdu).ok()?;
        let segment = Segment::parse(&mut Reader::new(body)).ok()?;
        Some(match segment.mhr.frame_type {
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
        })
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
