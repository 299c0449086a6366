//! Why a meter is read, or is not: one causal chain.
//!
//! [`Diagnosis`] is told everything that happens to the network and to the sessions, and keeps of each meter a dossier of a fixed
//! size. Asked, it reads the dossiers from the ground up: is the line served, is the meter expected, was it ever heard, has it
//! joined, does what is sent reach it, does it answer, does it prove itself, does it give what it is asked for. The first "no" is the
//! [`Verdict`]; what was seen on the way there is the chain, oldest first, and each verdict comes with advice.
//!
//! Whoever looks at a single meter cannot tell a blown fuse from noise at the transformer. So the rules look at the others too: a
//! meter behind a relay that is silent itself is not to blame, and when most of a feeder fails at once none of its meters is.

mod chain;
mod dossier;
mod rules;
#[cfg(test)]
mod tests;
mod verdict;

pub use verdict::{Finding, Verdict};

use crate::{CollectorEvent, MeterStatus};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use dossier::Dossier;
use plc_core::sap::{AdpStatus, AdpmIndication, Handle, UdpConfirm, UdpIndication, UdpRequest};
use plc_core::{Eui64, ShortAddress, Utc};

/// Strangers that are remembered: devices that ask to join and are not expected.
pub(crate) const STRANGERS_MAX: usize = 64;
/// Datagrams whose confirm is waited for.
const UNCONFIRMED_MAX: usize = 64;

/// What is known of why meters are read or not.
#[derive(Debug)]
pub struct Diagnosis {
    period: Duration,
    meters: BTreeMap<Eui64, Dossier>,
    /// Devices that asked to join and are not expected, with the time of the last attempt.
    strangers: BTreeMap<Eui64, (Utc, u32)>,
    /// Who has which address.
    addresses: BTreeMap<ShortAddress, Eui64>,
    unconfirmed: heapless::Deque<(Handle, ShortAddress), UNCONFIRMED_MAX>,
    ground: Ground,
}

/// What all meters stand on.
#[derive(Clone, Debug, Default)]
struct Ground {
    /// Why the power line is not served.
    line: Option<(Utc, String)>,
    /// Why nothing can be stored.
    store: Option<(Utc, String)>,
    /// Whether the PAN was started.
    network: Option<Utc>,
    /// Whether UTC is known.
    clock: bool,
}

/// Why a meter is read or is not.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The meter.
    pub meter: Eui64,
    /// The first thing that is wrong, or that nothing is.
    pub verdict: Verdict,
    /// What led there, oldest first.
    pub chain: Vec<Finding>,
}

impl Diagnosis {
    /// Nothing has happened yet. Meters are read once each `period`.
    pub const fn new(period: Duration) -> Self {
        let ground = Ground { line: None, store: None, network: None, clock: false };
        Self {
            period,
            meters: BTreeMap::new(),
            strangers: BTreeMap::new(),
            addresses: BTreeMap::new(),
            unconfirmed: heapless::Deque::new(),
            ground,
        }
    }

    /// Meters are read once each `period` from now on.
    pub const fn set_period(&mut self, period: Duration) {
        self.period = period;
    }

    /// This meter is expected. What is known of it stays.
    pub fn on_expected(&mut self, meter: Eui64) {
        self.strangers.remove(&meter);
        self.meters.entry(meter).or_default();
    }

    /// This meter is not expected any more.
    pub fn on_removed(&mut self, meter: Eui64) {
        self.meters.remove(&meter);
        self.addresses.retain(|_, holder| *holder != meter);
    }

    /// The power line is served again, or is not and why.
    pub fn on_line(&mut self, now: Utc, fault: Option<&str>) {
        keep_first(&mut self.ground.line, now, fault);
        if fault.is_some() {
            self.ground.network = None;
        }
    }

    /// What is read can be stored, or cannot and why.
    pub fn on_store(&mut self, now: Utc, fault: Option<&str>) {
        keep_first(&mut self.ground.store, now, fault);
    }

    /// UTC is known.
    pub fn on_clock(&mut self) {
        self.ground.clock = true;
    }

    /// Something has happened in the network.
    pub fn on_network(&mut self, now: Utc, indication: &AdpmIndication) {
        match *indication {
            AdpmIndication::Started { .. } => self.on_started(now),
            AdpmIndication::DeviceJoined { eui64, short } => {
                self.addresses.retain(|_, holder| *holder != eui64);
                self.addresses.insert(short, eui64);
                self.with(eui64, |dossier| dossier.on_joined(now));
            }
            AdpmIndication::DeviceLeft { eui64 } => self.with(eui64, |dossier| dossier.on_left(now)),
            AdpmIndication::DeviceRefused { eui64, reason } => match self.meters.get_mut(&eui64) {
                Some(dossier) => dossier.on_refused(now, reason),
                None => self.on_stranger(now, eui64),
            },
            _ => {}
        }
    }

    /// Somebody has had this meter leave the network; it is not let in again before the network is started anew.
    pub fn on_dismissed(&mut self, now: Utc, meter: Eui64) {
        self.addresses.retain(|_, holder| *holder != meter);
        self.with(meter, |dossier| (dossier.removed, dossier.status) = (Some(now), None));
    }

    /// A datagram goes out.
    pub fn on_sent(&mut self, request: &UdpRequest) {
        if self.unconfirmed.is_full() {
            self.unconfirmed.pop_front();
        }
        // There is room: the oldest has just gone.
        let _ = self.unconfirmed.push_back((request.handle, request.dst));
    }

    /// A datagram has left, or has not.
    pub fn on_confirm(&mut self, now: Utc, confirm: UdpConfirm) {
        let sent = self.unconfirmed.iter().find(|sent| sent.0 == confirm.handle).copied();
        self.unconfirmed.retain(|sent| sent.0 != confirm.handle);
        let Some((_, short)) = sent.filter(|_| confirm.status != AdpStatus::Success) else { return };
        self.with_address(short, |dossier| dossier.on_unsent(now, confirm.status));
    }

    /// A datagram of a meter has arrived.
    pub fn on_heard(&mut self, now: Utc, datagram: &UdpIndication) {
        let (hops, lqi) = (datagram.hops, datagram.lqi.0);
        self.with_address(datagram.src, |dossier| dossier.on_heard(now, hops, lqi));
    }

    /// The first hop on the way from the coordinator to this address.
    pub fn on_route(&mut self, destination: ShortAddress, next_hop: ShortAddress) {
        let relay = self.addresses.get(&next_hop).copied().filter(|_| next_hop != destination);
        self.with_address(destination, |dossier| dossier.relay = relay);
    }

    /// Something has happened in the reading of meters.
    pub fn on_event(&mut self, now: Utc, event: &CollectorEvent) {
        self.with(event.meter(), |dossier| dossier.on_event(now, event));
    }

    /// Where the collector says that a meter stands.
    pub fn on_status(&mut self, status: &MeterStatus) {
        if let Some(short) = status.short {
            self.addresses.insert(short, status.eui64);
        }
        self.with(status.eui64, |dossier| dossier.status = Some(status.clone()));
    }

    /// Why this meter is read at `now`, or is not.
    pub fn explain(&self, now: Utc, meter: Eui64) -> Explanation {
        let verdict = rules::verdict(self, now, meter);
        let chain = chain::chain(self, meter, &verdict);
        Explanation { meter, verdict, chain }
    }

    /// Meters and strangers held, and the most strangers that there may be: meters are bounded by the configuration.
    pub fn occupancy(&self) -> (usize, usize) {
        (self.meters.len() + self.strangers.len(), self.meters.len() + STRANGERS_MAX)
    }

    /// Whoever is expected may join.
    fn on_started(&mut self, now: Utc) {
        self.ground.network = Some(now);
        self.meters.values_mut().for_each(|dossier| dossier.removed = None);
    }

    /// One more attempt of who is not expected; of too many the one that was silent for longest is forgotten.
    fn on_stranger(&mut self, now: Utc, eui64: Eui64) {
        if self.strangers.len() >= STRANGERS_MAX && !self.strangers.contains_key(&eui64) {
            let oldest = self.strangers.iter().min_by_key(|(_, seen)| seen.0).map(|(eui64, _)| *eui64);
            oldest.into_iter().for_each(|oldest| _ = self.strangers.remove(&oldest));
        }
        let seen = self.strangers.entry(eui64).or_insert((now, 0));
        *seen = (now, seen.1.saturating_add(1));
    }

    fn with(&mut self, meter: Eui64, change: impl FnOnce(&mut Dossier)) {
        if let Some(dossier) = self.meters.get_mut(&meter) {
            change(dossier);
        }
    }

    fn with_address(&mut self, short: ShortAddress, change: impl FnOnce(&mut Dossier)) {
        if let Some(meter) = self.addresses.get(&short).copied() {
            self.with(meter, change);
        }
    }
}

/// Keeps since when a fault is there, and its newest words; none when it has gone.
fn keep_first(known: &mut Option<(Utc, String)>, now: Utc, fault: Option<&str>) {
    let since = known.as_ref().map_or(now, |(since, _)| *since);
    *known = fault.map(|words| (since, words.into()));
}
