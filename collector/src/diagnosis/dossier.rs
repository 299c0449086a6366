//! What is known of one meter, in a fixed size.

use crate::{CaptureRange, CollectorEvent, MeterStatus, SessionFailure, Supply};
use plc_core::sap::{AdpStatus, JoinFailure};
use plc_core::{Eui64, Utc};

/// Of one meter.
#[derive(Clone, Debug, Default)]
pub(super) struct Dossier {
    pub joined: Option<Utc>,
    pub left: Option<Utc>,
    /// When it was told to leave; none since it has joined again or may do so.
    pub removed: Option<Utc>,
    /// Refusals since it has last joined, and the last of them.
    pub refusals: u32,
    pub refused: Option<(Utc, JoinFailure)>,
    /// The last datagram: when, over how many hops, how well the last of them was heard.
    pub heard: Option<Heard>,
    /// Datagrams heard since it was last read.
    pub heard_since: u32,
    /// Datagrams that could not be sent since it was last read, and the last of them.
    pub unsent: u32,
    pub last_unsent: Option<(Utc, AdpStatus)>,
    /// The meter that passes its frames on, as the coordinator's route has it; none for a neighbour.
    pub relay: Option<Eui64>,
    pub read: Option<Utc>,
    /// Sessions failed since it was last read, the first and the last of them.
    pub failures: u32,
    pub first_failed: Option<Utc>,
    pub failed: Option<(Utc, SessionFailure)>,
    /// By how many milliseconds its clock was ahead when it was last found wrong, and whether it was set then.
    pub clock: Option<ClockTrouble>,
    /// Captures that it has not given and that are not asked for again, the newest.
    pub lost: Option<(Utc, CaptureRange)>,
    /// When it said that it had lost its supply; none since it has said or shown that it has it.
    pub power_lost: Option<Utc>,
    pub status: Option<MeterStatus>,
}

/// A datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    pub at: Utc,
    pub hops: u8,
    pub lqi: u8,
}

/// A clock that was wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockTrouble {
    pub at: Utc,
    pub ahead_ms: i64,
    pub set: Option<bool>,
}

impl Dossier {
    pub(super) fn on_joined(&mut self, now: Utc) {
        (self.joined, self.left, self.power_lost) = (Some(now), None, None);
        self.removed = None;
        (self.refusals, self.refused) = (0, None);
    }

    pub(super) fn on_left(&mut self, now: Utc) {
        self.left = Some(now);
    }

    pub(super) fn on_refused(&mut self, now: Utc, reason: JoinFailure) {
        self.refusals = self.refusals.saturating_add(1);
        self.refused = Some((now, reason));
    }

    pub(super) fn on_heard(&mut self, at: Utc, hops: u8, lqi: u8) {
        self.heard = Some(Heard { at, hops, lqi });
        self.heard_since = self.heard_since.saturating_add(1);
    }

    pub(super) fn on_unsent(&mut self, now: Utc, status: AdpStatus) {
        self.unsent = self.unsent.saturating_add(1);
        self.last_unsent = Some((now, status));
    }

    pub(super) fn on_event(&mut self, now: Utc, event: &CollectorEvent) {
        match event {
            CollectorEvent::MeterRead { .. } => self.on_read(now),
            CollectorEvent::SessionFailed { reason, .. } => self.on_failed(now, reason),
            CollectorEvent::GapLost { range, .. } | CollectorEvent::NeverPushed { range, .. } => {
                self.lost = Some((now, *range));
            }
            CollectorEvent::ClockDeviation { deviation, ahead, .. } => {
                let ms = i64::try_from(deviation.as_millis()).unwrap_or(i64::MAX);
                let ahead_ms = if *ahead { ms } else { -ms };
                self.clock = Some(ClockTrouble { at: now, ahead_ms, set: None });
            }
            CollectorEvent::ClockSet { by_ms, .. } => self.on_clock(now, -by_ms, true),
            CollectorEvent::ClockNotSet { .. } => {
                let ahead_ms = self.clock.map_or(0, |clock| clock.ahead_ms);
                self.on_clock(now, ahead_ms, false);
            }
            CollectorEvent::Supplied { supply, .. } => {
                self.power_lost = (*supply == Supply::Lost).then_some(now);
            }
            CollectorEvent::Gap { .. }
            | CollectorEvent::Alarmed { .. }
            | CollectorEvent::PushUnknown { .. }
            | CollectorEvent::UnexpectedValue { .. }
            | CollectorEvent::OrderProgress { .. }
            | CollectorEvent::KeysSettled { .. }
            | CollectorEvent::OrderEnded { .. }
            | CollectorEvent::ClockBeyondLimit { .. }
            | CollectorEvent::ClockLost { .. }
            | CollectorEvent::TaskFailed { .. }
            | CollectorEvent::MeterRefused { .. } => {}
        }
    }

    /// Whether it only pushes.
    pub(super) fn is_one_way(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.one_way)
    }

    /// Since when it has not been read although it was tried.
    pub(super) const fn is_failing(&self) -> bool {
        self.failures > 0
    }

    fn on_read(&mut self, now: Utc) {
        (self.read, self.power_lost) = (Some(now), None);
        (self.failures, self.first_failed, self.failed) = (0, None, None);
        (self.heard_since, self.unsent, self.last_unsent) = (0, 0, None);
    }

    fn on_failed(&mut self, now: Utc, reason: &SessionFailure) {
        self.failures = self.failures.saturating_add(1);
        self.first_failed.get_or_insert(now);
        self.failed = Some((now, reason.clone()));
    }

    fn on_clock(&mut self, at: Utc, ahead_ms: i64, set: bool) {
        self.clock = Some(ClockTrouble { at, ahead_ms, set: Some(set) });
    }
}
