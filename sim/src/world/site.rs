//! A meter of the town.

use super::layout::Household;
use super::load::Load;
use crate::feeder::Feeder;
use crate::frame::{FramePhy, Passing};
use g3_phy::BandPlan;
use meter::{Meter, MeterConfig, MeterEvent, MeterInput, MeterKeys, MeterOutput, MeterState, ProfileSizes};
use plc_core::sap::{AdpmIndication, FrameGeometry, Key};
use plc_core::time::Duration;
use plc_core::{Instant, Machine, Seed, UtcAnchor};
use plc_node::{DeviceConfig, Node, NodeConfig};

/// A meter with what it has kept, its load, and what has become of it.
pub(super) struct Site {
    pub(super) household: Household,
    plan: &'static BandPlan,
    /// None without power.
    meter: Option<Meter<FramePhy>>,
    load: Load,
    seed: Seed,
    psk: Key,
    sizes: ProfileSizes,
    anchor: UtcAnchor,
    /// How far its clock is ahead.
    ahead_ms: i64,
    kept: MeterState,
    lives: u64,
    pub(super) log: SiteLog,
}

/// What has become of a meter.
#[derive(Clone, Debug, Default)]
pub(super) struct SiteLog {
    /// When it has come to life, and when it has joined, in turn.
    pub(super) power_on: Vec<Instant>,
    pub(super) joined: Vec<Instant>,
    pub(super) left: u32,
    pub(super) join_failures: u32,
    /// Counters of lives that have ended.
    pub(super) past: super::record::NodeFigures,
}

impl Site {
    pub(super) fn new(
        household: Household,
        feeder: &Feeder,
        plan: &'static BandPlan,
        start: (UtcAnchor, u32),
        sizes: ProfileSizes,
        seed: &Seed,
    ) -> Self {
        let (anchor, start_second) = start;
        Self {
            load: Load::new(feeder, household.customer, start_second),
            seed: seed.derive("meter", u64::from(household.identity.customer)),
            psk: household.identity.psk,
            household,
            plan,
            meter: None,
            sizes,
            anchor,
            ahead_ms: 0,
            kept: MeterState::default(),
            lives: 0,
            log: SiteLog::default(),
        }
    }

    /// The meter, while it has power.
    pub(super) const fn meter(&self) -> Option<&Meter<FramePhy>> {
        self.meter.as_ref()
    }

    /// The node of the meter, while it has power.
    pub(super) fn node(&self) -> Option<&Node<FramePhy>> {
        self.meter.as_ref().map(Meter::node)
    }

    /// Joins with another key from its next life on.
    pub(super) fn set_psk(&mut self, psk: Key) {
        self.psk = psk;
    }

    /// The power comes: a new life, with what the last one has kept.
    pub(super) fn power_on(&mut self, now: Instant) {
        if self.meter.is_some() {
            return;
        }
        let identity = &self.household.identity;
        let seed = self.seed.derive("life", self.lives);
        self.lives += 1;
        let device = DeviceConfig {
            eui64: identity.eui64,
            geometry: self.plan as &'static dyn FrameGeometry,
            seed: seed.derive("node", 0),
            psk: self.psk,
            frame_counter: self.kept.frame_counter,
        };
        let mut device = NodeConfig::from(device);
        device.adp.memory = self.kept.node.clone();
        let keys =
            MeterKeys { encryption: identity.encryption_key, authentication: identity.authentication_key };
        let mut config = MeterConfig::new(identity.meter, keys, seed.derive("application", 0));
        (config.profiles, config.state) = (self.sizes, self.kept.clone());
        let node = Node::assemble(FramePhy::new(self.plan), device);
        self.meter =
            Some(Meter::new(config, node, now).expect("the profiles were checked with the scenario"));
        self.log.power_on.push(now);
        self.count(now);
        self.set_clock(now);
    }

    /// The power goes, and with it everything that was not kept.
    pub(super) fn power_off(&mut self) {
        if let Some(meter) = self.meter.take() {
            self.log.past.add(meter.node());
        }
    }

    /// The clock of the meter goes ahead by so much.
    pub(super) fn shift_clock(&mut self, now: Instant, ahead_ms: i64) {
        self.ahead_ms = ahead_ms;
        self.set_clock(now);
    }

    /// When the registers have to be reported next.
    pub(super) fn next_boundary(&self) -> Option<Instant> {
        self.meter.as_ref()?.application().measurement().next_boundary()
    }

    /// Reports the registers.
    pub(super) fn count(&mut self, now: Instant) {
        let ms = now.since(self.anchor.at).as_millis() as u64;
        let registers = self.load.registers(ms);
        self.handle(now, MeterInput::Registers(registers));
    }

    /// Keeps for later what passes by.
    pub(super) fn withhold(&mut self, now: Instant, event: Passing) {
        if let Some(meter) = &mut self.meter {
            let full = meter.phy_mut().withhold(now, event);
            if full {
                meter.catch_up();
            }
        }
    }

    pub(super) fn handle(&mut self, now: Instant, input: MeterInput<'_, FramePhy>) {
        if let Some(meter) = &mut self.meter {
            meter.handle(now, input);
            self.drain(now);
        }
    }

    pub(super) fn tick(&mut self, now: Instant) {
        if let Some(meter) = &mut self.meter {
            meter.tick(now);
            self.drain(now);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.meter.as_ref()?.deadline()
    }

    /// Whether its clock was never set wrong.
    pub(super) const fn clock_is_right(&self) -> bool {
        self.ahead_ms == 0
    }

    /// Energy from the start to `at`, milliwatt-hours: the truth.
    pub(super) fn truth_mwh(&self, at: Instant) -> u64 {
        self.load.registers(at.since(self.anchor.at).as_millis() as u64).import.milliwatt_hours()
    }

    fn set_clock(&mut self, now: Instant) {
        let utc = self.anchor.utc(now);
        let step = Duration::from_millis(self.ahead_ms.unsigned_abs());
        let utc = if self.ahead_ms < 0 { utc - step } else { utc + step };
        self.handle(now, MeterInput::Clock(UtcAnchor { at: now, utc }));
    }

    fn drain(&mut self, now: Instant) {
        let Some(meter) = &mut self.meter else { return };
        while let Some(output) = meter.poll() {
            match output {
                MeterOutput::Persist(record) => self.kept.keep(&record, &self.sizes),
                MeterOutput::Event(MeterEvent::Network(indication)) => self.log.on(now, &indication),
                MeterOutput::Event(_) => {}
            }
        }
    }
}

impl SiteLog {
    fn on(&mut self, now: Instant, indication: &AdpmIndication) {
        match indication {
            AdpmIndication::Joined { .. } => self.joined.push(now),
            AdpmIndication::JoinFailed(_) => self.join_failures += 1,
            AdpmIndication::Left => self.left += 1,
            _ => {}
        }
    }
}
