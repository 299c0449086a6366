//! Beacons, asked for and given.

use crate::env::{Env, count};
use crate::mac::MacOutput;
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::sap::{Lqi, MacStatus, MlmeConfirm, MlmeIndication, PanDescriptor};
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

    /// A beacon was heard. In a scan each node is reported once; outside of one, to a node that has not joined, always: what others
    /// have asked for serves it too.
    pub(crate) fn on_beacon(&mut self, descriptor: PanDescriptor, env: &mut Env) {
        let node = (descriptor.pan_id, descriptor.lba);
        let full = self.heard.len() == self.bound;
        if self.phase == Phase::Idle && !env.identity.joined() {
            env.out.push(MacOutput::Mlme(MlmeIndication::BeaconNotify(descriptor)));
            return;
        }
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

/// The beacon that this node owes to a scanning one \[G3 MAC 1.6\].
///
/// The delay is random, so that not all answer at once; who has heard the request well answers in the first half of the
/// window. Where many nodes hear it, most have nothing to add: a beacon is left out once enough nodes that are as close to
/// the coordinator have answered ([`crate::Interop::beacons_enough`]). Otherwise a town would spend its line on beacons:
/// every node that joins is answered by all that have joined before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BeaconAnswer {
    due: Option<Instant>,
    /// Beacons heard since the request, of nodes as close to the coordinator.
    heard: u8,
}

impl BeaconAnswer {
    /// A beacon request was heard. While an answer is pending it answers later requests too.
    pub(crate) fn on_request(&mut self, now: Instant, lqi: Lqi, env: &mut Env) {
        if env.identity.joined() && self.due.is_none() {
            let half = env.config.timing.beacon_window / 2;
            let poor = u32::from(STRONG_LQI.saturating_sub(lqi.0.max(WEAK_LQI)));
            let first = half * poor / u32::from(STRONG_LQI - WEAK_LQI);
            let span = u32::try_from(half.as_micros()).unwrap_or(u32::MAX);
            let delay = first + Duration::from_micros(u64::from(uniform(&mut env.stream, span)));
            *self = Self { due: Some(now + delay), heard: 0 };
        }
    }

    /// Another node has answered; returns whether this one need not any more.
    #[must_use]
    pub(crate) fn on_beacon(&mut self, descriptor: &PanDescriptor, env: &mut Env) -> bool {
        let own = env.identity;
        if descriptor.pan_id != own.pan || descriptor.rc_coord > own.rc_coord || own.coordinator {
            return false;
        }
        self.heard = self.heard.saturating_add(1);
        let enough = env.config.interop.beacons_enough;
        let superfluous = enough > 0 && self.heard >= enough;
        if superfluous && self.due.take().is_some() {
            count(&mut env.counters.beacons_spared);
        }
        superfluous
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
        *self = Self::default();
    }
}

/// Requests heard with this signal are answered in the first half of the window (30 dB).
const STRONG_LQI: u8 = 160;
/// Requests heard with less than this signal are answered in the second half (0 dB).
const WEAK_LQI: u8 = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MacConfig;
    use crate::env::Identity;
    use crate::testing::GEOMETRY;
    use plc_core::{Eui64, Seed};

    fn env(short: u16, rc_coord: u16) -> Env {
        let mut env = Env::new(MacConfig::new(Eui64::from_u64(1), &GEOMETRY, Seed::from_u64(1), 0));
        env.identity =
            Identity { pan: PanId(1), short: ShortAddress(short), rc_coord, coordinator: short == 0 };
        env
    }

    fn beacon(pan: u16, rc_coord: u16) -> PanDescriptor {
        PanDescriptor { pan_id: PanId(pan), lba: ShortAddress(9), lqi: Lqi(90), rc_coord }
    }

    #[test]
    fn only_a_joined_node_answers_and_a_pending_answer_is_not_put_off() {
        let (mut answer, now) = (BeaconAnswer::default(), Instant::from_secs(1));
        let mut alone = Env::new(MacConfig::new(Eui64::from_u64(1), &GEOMETRY, Seed::from_u64(1), 0));
        answer.on_request(now, Lqi(40), &mut alone);
        assert_eq!(answer.deadline(), None);
        let mut env = env(3, 10);
        answer.on_request(now, Lqi(40), &mut env);
        let due = answer.deadline().unwrap();
        assert!(due < now + env.config.timing.beacon_window);
        answer.on_request(now + Duration::from_millis(1), Lqi(200), &mut env);
        assert_eq!(answer.deadline(), Some(due));
        assert!(!answer.expire(due - Duration::from_nanos(1)) && answer.expire(due) && !answer.expire(due));
    }

    #[test]
    fn who_has_heard_the_request_well_answers_in_the_first_half_of_the_window() {
        let (mut env, now) = (env(3, 10), Instant::EPOCH);
        let half = now + env.config.timing.beacon_window / 2;
        let mut first = |lqi| {
            let mut answer = BeaconAnswer::default();
            answer.on_request(now, Lqi(lqi), &mut env);
            answer.deadline().unwrap() < half
        };
        assert!((0..100).all(|_| first(160) && first(255)));
        assert!((0..100).all(|_| !first(40) && !first(0)));
        let between = (0..100).filter(|_| first(100)).count();
        assert!((20..80).contains(&between), "{between} of 100");
    }

    #[test]
    fn an_answer_is_spared_once_enough_nodes_as_close_to_the_coordinator_have_answered() {
        let mut env = env(3, 10);
        let mut answer = BeaconAnswer::default();
        answer.on_request(Instant::EPOCH, Lqi(90), &mut env);
        for (pan, rc_coord) in [(1, 11), (2, 0), (1, 0xFFFF), (1, 10), (1, 0)] {
            assert!(!answer.on_beacon(&beacon(pan, rc_coord), &mut env), "PAN {pan}, cost {rc_coord}");
        }
        assert!(answer.deadline().is_some());
        assert!(answer.on_beacon(&beacon(1, 7), &mut env));
        assert_eq!((answer.deadline(), env.counters.beacons_spared), (None, 1));
        answer.on_request(Instant::EPOCH, Lqi(90), &mut env);
        assert!(!answer.on_beacon(&beacon(1, 7), &mut env), "every request is counted anew");
    }

    #[test]
    fn a_coordinator_always_answers_and_so_does_everybody_without_the_switch() {
        let mut coordinator = env(0, 0);
        let mut plain = env(3, 10);
        plain.config.interop.beacons_enough = 0;
        for env in [&mut coordinator, &mut plain] {
            let mut answer = BeaconAnswer::default();
            answer.on_request(Instant::EPOCH, Lqi(90), env);
            assert!((0..300).all(|_| !answer.on_beacon(&beacon(1, 0), env)));
            assert!(answer.deadline().is_some());
        }
    }

    #[test]
    fn a_beacon_outside_a_scan_is_news_to_who_has_not_joined_alone() {
        let mut alone = Env::new(MacConfig::new(Eui64::from_u64(1), &GEOMETRY, Seed::from_u64(1), 0));
        let mut scan = Scan::new(4);
        for _ in 0..2 {
            scan.on_beacon(beacon(1, 7), &mut alone);
            let told = alone.out.pop();
            assert!(matches!(told, Some(MacOutput::Mlme(MlmeIndication::BeaconNotify(_)))), "{told:?}");
        }
        let mut member = env(3, 10);
        scan.on_beacon(beacon(1, 7), &mut member);
        assert_eq!((member.out.pop(), member.counters.drops.beacon), (None, 1));
    }
}
