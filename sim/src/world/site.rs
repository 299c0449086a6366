//! A meter of the town.

use super::config::TownConfig;
use super::layout::Household;
use super::load::{Load, ThreePhaseLoad};
use super::truth::{Put, Truth};
use crate::frame::{FramePhy, Passing};
use dlms::cosem::LogicalName;
use g3_phy::BandPlan;
use meter::{
    ClockShift, Meter, MeterConfig, MeterEvent, MeterInput, MeterKeys, MeterOutput, MeterPersist, MeterState,
    ProfileSizes,
};
use metrology::{Ratings, Registers};
use plc_core::sap::{AdpmIndication, FrameGeometry, Key};
use plc_core::time::Duration;
use plc_core::{Instant, Machine, Seed, Utc, UtcAnchor};
use plc_node::{DeviceConfig, Node, NodeConfig};

/// A meter with what it has kept, its load, and what has become of it.
pub(super) struct Site {
    pub(super) household: Household,
    plan: &'static BandPlan,
    /// None without power.
    meter: Option<Meter<FramePhy>>,
    load: SiteLoad,
    /// Up to when a load of three phases was told.
    told: Instant,
    seed: Seed,
    psk: Key,
    sizes: ProfileSizes,
    anchor: UtcAnchor,
    /// How far its clock is ahead.
    ahead_ms: i64,
    kept: MeterState,
    lives: u64,
    /// What it was given last.
    fed: Put,
    truth: Truth,
    pub(super) log: SiteLog,
}

/// What a meter has to measure.
#[derive(Clone, Debug)]
pub(super) enum SiteLoad {
    /// One phase, whose registers a chip counts.
    One(Load),
    /// Three phases, whose energy the meter counts in closed form.
    Three(Box<ThreePhaseLoad>),
}

impl SiteLoad {
    /// Of a customer whose meter is at this place in the town.
    pub(super) fn new(config: &TownConfig, place: usize, customer: u32) -> Self {
        let (feeder, start) = (&config.feeder, config.start_second());
        if config.mix.has_three_phases(place) {
            Self::Three(Box::new(ThreePhaseLoad::new(feeder, customer, start)))
        } else {
            Self::One(Load::new(feeder, customer, start))
        }
    }

    const fn ratings(&self) -> Ratings {
        match self {
            Self::One(_) => Ratings::household(),
            Self::Three(_) => Ratings::three_phase(),
        }
    }

    const fn keep(&mut self) {
        if let Self::Three(load) = self {
            load.keep();
        }
    }

    const fn lose(&mut self) {
        if let Self::Three(load) = self {
            load.lose();
        }
    }
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
        load: SiteLoad,
        plan: &'static BandPlan,
        anchor: UtcAnchor,
        sizes: ProfileSizes,
        seed: &Seed,
    ) -> Self {
        Self {
            load,
            told: anchor.at,
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
            fed: Put::of(&Registers::default()),
            truth: Truth::default(),
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

    /// Ciphers with another key from its next life on.
    pub(super) fn set_dlms_key(&mut self, key: Key) {
        self.household.identity.encryption_key = key;
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
        // There are no samples to look into.
        (config.power_quality, config.ratings) = (false, self.load.ratings());
        let node = Node::assemble(FramePhy::new(self.plan), device);
        self.meter =
            Some(Meter::new(config, node, now).expect("the profiles were checked with the scenario"));
        self.log.power_on.push(now);
        self.told = now;
        self.report(now);
        self.set_clock(now, self.ahead_ms);
    }

    /// The power goes, and with it everything that was not kept.
    pub(super) fn power_off(&mut self) {
        if let Some(meter) = self.meter.take() {
            self.log.past.add(meter.node());
            self.load.lose();
        }
    }

    /// The clock of the meter goes ahead by so much.
    pub(super) fn shift_clock(&mut self, now: Instant, ahead_ms: i64) {
        // A boundary at the very moment is one of the time before.
        match self.next_boundary().filter(|&at| at <= now) {
            Some(_) => self.count(now),
            None => self.report(now),
        }
        self.set_clock(now, ahead_ms);
        // Without power nobody says so.
        self.ahead_ms = ahead_ms;
    }

    /// When the registers have to be reported next.
    pub(super) fn next_boundary(&self) -> Option<Instant> {
        let row = self.next_row();
        self.meter.as_ref()?;
        let change = match &self.load {
            SiteLoad::One(_) => None,
            SiteLoad::Three(load) => {
                Some(self.anchor.at + Duration::from_millis(load.next_change(self.ms(self.told))))
            }
        };
        row.into_iter().chain(change).min()
    }

    fn next_row(&self) -> Option<Instant> {
        self.meter.as_ref()?.application().measurement().next_boundary()
    }

    /// A boundary, or a change of a load of three phases: reports what has flowed, of which a row is made at a boundary.
    pub(super) fn count(&mut self, now: Instant) {
        let is_row = self.next_row().is_some_and(|at| at <= now);
        let stamp = self.stamp(now, self.ahead_ms);
        self.report(now);
        if is_row {
            self.truth.note(stamp, self.fed.clone());
        }
    }

    fn report(&mut self, now: Instant) {
        let (ms, told) = (self.ms(now), self.ms(self.told));
        match &mut self.load {
            SiteLoad::One(load) => {
                let registers = load.registers(ms);
                self.fed = Put::of(&registers);
                self.handle(now, MeterInput::Registers(registers));
            }
            SiteLoad::Three(load) => {
                // In whole microseconds of the clock, as a meter counts.
                load.flow(told, now.as_nanos() / 1000 - self.told.as_nanos() / 1000);
                let steady = load.steady(told);
                self.fed = load.put(told);
                self.told = now;
                self.handle(now, MeterInput::Steady(&steady));
            }
        }
    }

    /// Milliseconds of the world.
    fn ms(&self, at: Instant) -> u64 {
        at.since(self.anchor.at).as_millis() as u64
    }

    /// How many quantities a row of it has.
    pub(super) fn quantities(&self) -> usize {
        self.fed.quantities()
    }

    /// The newest boundary that a clock so far ahead shows.
    fn stamp(&self, now: Instant, ahead_ms: i64) -> Utc {
        let shown = self.anchor.utc(now).as_millis() + ahead_ms;
        Utc::from_millis(shown).floor(Duration::from_secs(self.sizes.capture_period_s.into()))
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

    /// What is wrong with one of its readings, if anything is.
    pub(super) fn fault(&self, name: LogicalName, stamp: Utc, value: i64) -> Option<String> {
        self.truth.fault(name, stamp, value)
    }

    fn set_clock(&mut self, now: Instant, ahead_ms: i64) {
        let utc = Utc::from_millis(self.anchor.utc(now).as_millis() + ahead_ms);
        self.handle(now, MeterInput::Clock(UtcAnchor { at: now, utc }));
    }

    fn drain(&mut self, now: Instant) {
        while let Some(output) = self.meter.as_mut().and_then(Meter::poll) {
            match output {
                MeterOutput::Persist(record) => {
                    self.kept.keep(&record, &self.sizes);
                    if let MeterPersist::Captured(_) = record {
                        self.load.keep();
                    }
                }
                MeterOutput::Event(MeterEvent::Network(indication)) => self.log.on(now, &indication),
                MeterOutput::Event(MeterEvent::ClockSet(ClockShift::Millis(ms))) => self.on_clock(now, ms),
                MeterOutput::Event(_) => {}
            }
        }
    }

    /// Somebody has set its clock. A boundary that it has jumped over gets its row at once, of what was reported last.
    fn on_clock(&mut self, now: Instant, ms: i64) {
        let before = self.stamp(now, self.ahead_ms);
        self.ahead_ms += ms;
        let after = self.stamp(now, self.ahead_ms);
        if after > before {
            self.truth.note(after, self.fed.clone());
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
