//! What is worth telling of a run.

use crate::frame::FramePhy;
use collector::{CollectorEvent, OrderEnd, Supply};
use plc_core::time::Duration;
use plc_core::{Eui64, Instant, Utc};
use plc_node::Node;
use std::collections::{BTreeMap, BTreeSet};

/// Figures of one node, over all of its lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeFigures {
    /// Data and command frames sent, repetitions included.
    pub frames: u64,
    /// Repetitions among them.
    pub retries: u64,
    /// Acknowledgements sent.
    pub acks: u64,
    /// Frames given up because the channel was busy.
    pub channel_failures: u64,
    /// Transmissions without the acknowledgement that they asked for.
    pub no_ack: u64,
    /// Frames whose counter was not fresh.
    pub replayed: u64,
    /// Frames without the protection that they need, or whose check was wrong.
    pub security: u64,
    /// Frames of others passed on.
    pub forwarded: u64,
    /// Packets and frames dropped by the adaptation layer.
    pub adp_drops: u64,
    /// Time on air.
    pub airtime: Duration,
}

impl NodeFigures {
    /// Adds those of a node.
    pub(super) fn add(&mut self, node: &Node<FramePhy>) {
        let (mac, adp) = (node.mac().counters(), node.adp().counters());
        self.frames += u64::from(mac.tx_frames);
        self.retries += u64::from(mac.retries);
        self.acks += u64::from(mac.acks_sent);
        self.channel_failures += u64::from(mac.csma_fail);
        self.no_ack += u64::from(mac.csma_no_ack);
        self.replayed += u64::from(mac.drops.replayed);
        self.security += u64::from(mac.drops.security);
        self.forwarded += adp.forwarded;
        self.adp_drops += adp.dropped_total();
        self.airtime += mac.airtime;
    }
}

/// What has happened, as the concentrator has seen it.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// When each meter has joined, in turn; by its place.
    pub joins: BTreeMap<usize, Vec<Instant>>,
    /// When meters have left.
    pub leaves: Vec<(usize, Instant)>,
    /// Devices refused.
    pub refused: u64,
    /// Datagrams by hops.
    pub hops: BTreeMap<u8, u64>,
    /// Hops of the newest datagram of each meter.
    pub last_hops: BTreeMap<usize, u8>,
    /// How often the hops of a meter have changed.
    pub hop_changes: u64,
    /// When which meter's capture was stored.
    pub captures: BTreeMap<Utc, BTreeMap<usize, Instant>>,
    /// Sessions that ended well and those that failed.
    pub sessions: (u64, u64),
    /// Why sessions have failed.
    pub failures: BTreeMap<String, u64>,
    /// Clocks that were found wrong.
    pub clock_deviations: u64,
    /// Clocks that were found lost, each time that one was.
    pub clocks_lost: u64,
    /// Clocks that the collector has set.
    pub clocks_set: u64,
    /// The clock that was most wrong at the beginning of a minute: whose, by how many milliseconds ahead, when.
    pub worst_clock: Option<(usize, i64, Instant)>,
    /// How often a meter has lost its supply.
    pub losses: u64,
    /// What meters have said of their supply, in the order in which it came: which, what, when.
    pub supplies: Vec<(Eui64, Supply, Instant)>,
    /// What has become of the firmware that was brought to meters.
    pub images: BTreeMap<Eui64, OrderEnd>,
    /// Captures reported as lost.
    pub captures_lost: u64,
    /// What must not happen, in the order in which it did; the first ones.
    pub violations: Vec<String>,
    /// All of them.
    pub violation_count: u64,
    /// Loops of routes that were seen, and how long the longest stood.
    pub loops: u64,
    /// See [`Self::loops`].
    pub longest_loop: Duration,
    /// Meters that are not genuine.
    pub rogue: BTreeSet<usize>,
    /// Frames that recorders have sent, again or made up.
    pub rogue_frames: u64,
    /// When the concentrator came to life, in turn.
    pub lives: Vec<Instant>,
    /// When the first reading of each of those lives was stored.
    pub first_reading: Vec<Option<Instant>>,
}

/// Violations that are kept with their text.
const VIOLATIONS: usize = 20;

impl Record {
    /// Notes something that must not happen.
    pub(super) fn violate(&mut self, text: String) {
        self.violation_count += 1;
        if self.violations.len() < VIOLATIONS {
            self.violations.push(text);
        }
    }
}

impl Record {
    pub(super) fn on_datagram(&mut self, meter: Option<usize>, hops: u8) {
        *self.hops.entry(hops).or_default() += 1;
        if let Some(meter) = meter {
            let before = self.last_hops.insert(meter, hops);
            self.hop_changes += u64::from(before.is_some_and(|before| before != hops));
        }
    }

    pub(super) fn on_stored(&mut self, now: Instant, meter: usize, capture: Utc) {
        self.captures.entry(capture).or_default().entry(meter).or_insert(now);
        if let Some(first) = self.first_reading.last_mut() {
            first.get_or_insert(now);
        }
    }

    /// The clock of a meter is so far ahead.
    pub(super) fn on_clock(&mut self, meter: usize, ahead_ms: i64, now: Instant) {
        let worst = self.worst_clock.map_or(-1, |(_, ms, _)| i128::from(ms.unsigned_abs()));
        if i128::from(ahead_ms.unsigned_abs()) > worst {
            self.worst_clock = Some((meter, ahead_ms, now));
        }
    }

    pub(super) fn on_life(&mut self, now: Instant) {
        self.lives.push(now);
        self.first_reading.push(None);
    }

    pub(super) fn on_collected(&mut self, now: Instant, event: &CollectorEvent) {
        match event {
            CollectorEvent::MeterRead { .. } => self.sessions.0 += 1,
            CollectorEvent::SessionFailed { reason, .. } => {
                self.sessions.1 += 1;
                *self.failures.entry(reason.to_string()).or_default() += 1;
            }
            CollectorEvent::ClockDeviation { .. } => self.clock_deviations += 1,
            CollectorEvent::ClockLost { .. } => self.clocks_lost += 1,
            CollectorEvent::ClockSet { .. } => self.clocks_set += 1,
            CollectorEvent::GapLost { .. } | CollectorEvent::NeverPushed { .. } => self.captures_lost += 1,
            CollectorEvent::UnexpectedValue { meter, unexpected } => {
                self.violate(format!("{meter}: {unexpected}"));
            }
            CollectorEvent::OrderEnded { meter, end, .. } => _ = self.images.insert(*meter, end.clone()),
            CollectorEvent::Supplied { meter, supply } => self.supplies.push((*meter, *supply, now)),
            CollectorEvent::PushUnknown { meter } => {
                self.violate(format!("{meter}: pushed what nobody knows"))
            }
            CollectorEvent::Gap { .. }
            | CollectorEvent::Alarmed { .. }
            | CollectorEvent::MeterRefused { .. }
            | CollectorEvent::OrderProgress { .. }
            | CollectorEvent::KeysSettled { .. }
            | CollectorEvent::ClockBeyondLimit { .. }
            | CollectorEvent::TaskFailed { .. }
            | CollectorEvent::ClockNotSet { .. } => {}
        }
    }
}

impl std::ops::AddAssign for NodeFigures {
    fn add_assign(&mut self, other: Self) {
        self.frames += other.frames;
        self.retries += other.retries;
        self.acks += other.acks;
        self.channel_failures += other.channel_failures;
        self.no_ack += other.no_ack;
        self.replayed += other.replayed;
        self.security += other.security;
        self.forwarded += other.forwarded;
        self.adp_drops += other.adp_drops;
        self.airtime += other.airtime;
    }
}
