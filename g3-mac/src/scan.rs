//! Beacons, asked for and given.

use crate::env::{Env, count};
use crate::mac::MacOutput;
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::sap::{MacStatus, MlmeConfirm, MlmeIndication, PanDescriptor};
use plc_core::seed::uniform;
use plc_core::{Instant, PanId, ShortAddress};

/// An active scan: a beacon request, then beacons for as long as was asked \[G3 MAC 1.6\].
#[derive(Debug)]
pub(crate) struct Scan {
    phase: Phase,
    heard: Vec<(PanId, ShortAddress)>,
    bound: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    /// The beacon request has not left yet.
    Requesting {
        duration: Duration,
    },
    /// Beacons count.
    Listening {
        until: Instant,
    },
}

impl Scan {
    pub(crate) fn new(bound: usize) -> Self {
        let bound = bound.max(1);
        Self { phase: Phase::Idle, heard: Vec::with_capacity(bound), bound }
    }

    /// MLME-SCAN.request; returns whether a beacon request is to be sent.
    pub(crate) fn on_request(&mut self, duration: Duration, env: &mut Env) -> bool {
        if self.phase != Phase::Idle {
            confirm(MacStatus::ScanInProgress, env);
            return false;
        }
        self.heard.clear();
        self.phase = Phase::Requesting { duration };
        true
    }

    /// A beacon was heard; each node is reported once.
    pub(crate) fn on_beacon(&mut self, descriptor: PanDescriptor, env: &mut Env) {
        let node = (descriptor.pan_id, descriptor.lba);
        let full = self.heard.len() == self.bound;
        if self.phase == Phase::Idle || full || self.heard.contains(&node) {
            return count(&mut env.counters.drops.beacon);
        }
        self.heard.push(node);
        env.out.push(MacOutput::Mlme(MlmeIndication::BeaconNotify(descriptor)));
    }

    /// Does what is due; `requesting` says whether the beacon request has not left yet. A request that
    /// could not be sent is followed by listening all the same: others may scan too.
    pub(crate) fn advance(&mut self, now: Instant, requesting: bool, env: &mut Env) -> bool {
        match self.phase {
            Phase::Requesting { duration } if !requesting => {
                self.phase = Phase::Listening { until: now + duration };
                true
            }
            Phase::Listening { until } if until <= now => {
                self.phase = Phase::Idle;
                let found = !self.heard.is_empty();
                confirm(if found { MacStatus::Success } else { MacStatus::NoBeacon }, env);
                true
            }
            _ => false,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Listening { until } => Some(until),
            _ => None,
        }
    }

    /// Gives up without a confirm: the reset that asked for it is the answer.
    pub(crate) fn reset(&mut self) {
        self.phase = Phase::Idle;
        self.heard.clear();
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.heard.capacity() * size_of::<(PanId, ShortAddress)>()
    }

    pub(crate) fn occupancy(&self) -> (usize, usize) {
        (self.heard.len(), self.bound)
    }
}

fn confirm(status: MacStatus, env: &mut Env) {
    env.out.push(MacOutput::MlmeConfirm(MlmeConfirm::Scan(status)));
}

/// The beacon that this node owes to a scanning one, after a random delay so that not all answer at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BeaconAnswer {
    due: Option<Instant>,
}

impl BeaconAnswer {
    /// A beacon request was heard. While an answer is pending it answers later requests too.
    pub(crate) fn on_request(&mut self, now: Instant, env: &mut Env) {
        if env.identity.joined() && self.due.is_none() {
            let window = env.config.timing.beacon_window.as_micros();
            let delay = uniform(&mut env.stream, u32::try_from(window).unwrap_or(u32::MAX));
            self.due = Some(now + Duration::from_micros(u64::from(delay)));
        }
    }

    /// Whether the delay has passed at `now`; says so once.
    pub(crate) fn expire(&mut self, now: Instant) -> bool {
        let due = self.due.is_some_and(|at| at <= now);
        if due {
            self.due = None;
        }
        due
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    pub(crate) fn reset(&mut self) {
        self.due = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MacConfig;
    use crate::env::Identity;
    use crate::testing::GEOMETRY;
    use plc_core::{Eui64, Seed};

    #[test]
    fn only_a_joined_node_answers_and_a_pending_answer_is_not_put_off() {
        let mut env = Env::new(MacConfig::new(Eui64::from_u64(1), &GEOMETRY, Seed::from_u64(1), 0));
        let (mut answer, now) = (BeaconAnswer::default(), Instant::from_secs(1));
        answer.on_request(now, &mut env);
        assert_eq!(answer.deadline(), None);
        env.identity = Identity { pan: PanId(1), short: ShortAddress(3), ..Identity::NONE };
        answer.on_request(now, &mut env);
        let due = answer.deadline().unwrap();
        assert!(due < now + env.config.timing.beacon_window);
        answer.on_request(now + Duration::from_millis(1), &mut env);
        assert_eq!(answer.deadline(), Some(due));
        assert!(!answer.expire(due - Duration::from_nanos(1)) && answer.expire(due) && !answer.expire(due));
    }
}
