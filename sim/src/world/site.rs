//! A meter of the town.

use super::layout::Household;
use super::load::Metered;
use super::memory::Memory;
use super::timepiece::Timepiece;
use super::truth::{Put, Truth};
use crate::frame::{FramePhy, Passing};
use crate::grid::Supply;
use crate::street::{Banks, LISTENER, listener};
use dlms::cosem::LogicalName;
use dlms::security::PublicKey;
use g3_phy::BandPlan;
use meter::specs::alarm_2;
use meter::{
    ClockShift, ImageCheck, Meter, MeterConfig, MeterEvent, MeterInput, MeterKeys, MeterOutput, MeterPersist,
    MeterState, ProfileSizes,
};
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
    load: Metered,
    /// Up to when the load was told.
    told: Instant,
    seed: Seed,
    psk: Key,
    sizes: ProfileSizes,
    anchor: UtcAnchor,
    hold_up: Duration,
    /// Its clock, which runs on without the supply.
    timepiece: Timepiece,
    /// What the meter has made durable, in its flash.
    memory: Memory,
    banks: Banks,
    maker: PublicKey,
    /// How the life under way was built.
    config: Option<MeterConfig>,
    /// On what it has stored, after the supply was lost.
    on_stored: bool,
    /// It has used that up.
    died: bool,
    lives: u64,
    /// What it was given last.
    fed: Put,
    truth: Truth,
    pub(super) log: SiteLog,
}

/// What has become of a meter.
#[derive(Clone, Debug, Default)]
pub(super) struct SiteLog {
    /// When it has come to life, and when it has joined, in turn.
    pub(super) power_on: Vec<Instant>,
    pub(super) joined: Vec<Instant>,
    pub(super) left: u32,
    /// Records that its flash did not take.
    pub(super) lost_records: u64,
    pub(super) join_failures: u32,
    /// Counters of lives that have ended.
    pub(super) past: super::record::NodeFigures,
}

/// What kind of meter it is.
#[derive(Clone, Debug)]
pub(super) struct Make {
    /// Elements of its metrology: 1 or 3.
    pub(super) elements: usize,
    /// By how much its crystal is off at most.
    pub(super) drift_ppb: u32,
    /// How long it lives without its supply.
    pub(super) hold_up: Duration,
    /// Who signs what it may run.
    pub(super) maker: PublicKey,
}

impl Site {
    pub(super) fn new(
        household: Household,
        make: Make,
        plan: &'static BandPlan,
        anchor: UtcAnchor,
        sizes: ProfileSizes,
        seed: &Seed,
    ) -> Self {
        let Make { elements, drift_ppb, hold_up, maker } = make;
        let seed = seed.derive("meter", u64::from(household.identity.customer));
        Self {
            timepiece: Timepiece::new(drift_ppb, (anchor.at, anchor.utc), &seed.derive("crystal", 0)),
            hold_up,
            load: Metered::new(elements),
            told: anchor.at,
            seed,
            psk: household.identity.psk,
            household,
            plan,
            meter: None,
            sizes,
            anchor,
            memory: Memory::new(sizes),
            banks: Banks::new(FIRMWARE),
            maker,
            config: None,
            on_stored: false,
            died: false,
            lives: 0,
            fed: Metered::new(elements).put(),
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
        (self.on_stored, self.died) = (false, false);
        let kept = self.memory.awake();
        let identity = &self.household.identity;
        let seed = self.seed.derive("life", self.lives);
        self.lives += 1;
        let device = DeviceConfig {
            eui64: identity.eui64,
            geometry: self.plan as &'static dyn FrameGeometry,
            seed: seed.derive("node", 0),
            psk: self.psk,
            frame_counter: kept.frame_counter,
        };
        let mut device = NodeConfig::from(device);
        device.adp.memory = kept.node.clone();
        let keys =
            MeterKeys { encryption: identity.encryption_key, authentication: identity.authentication_key };
        let mut config = MeterConfig::new(identity.meter, keys, seed.derive("application", 0));
        (config.profiles, config.state) = (self.sizes, kept);
        config.further = vec![listener(&config.keys)];
        (config.push_client_sap, config.hold_up) = (LISTENER, self.hold_up);
        config.alarm_filter_2 = alarm_2::POWER_FAILURE | alarm_2::POWER_RESUMED;
        // There are no samples to look into.
        (config.power_quality, config.ratings) = (false, self.load.ratings());
        config.image_check = ImageCheck::Signed(self.maker.clone());
        (config.firmware, config.boot) = (self.banks.running().to_owned().into(), Some(self.banks.report()));
        // What it has kept is told to this life alone.
        let again = MeterConfig { state: MeterState::default(), ..config.clone() };
        self.config = Some(again);
        let node = Node::assemble(FramePhy::new(self.plan), device);
        self.meter =
            Some(Meter::new(config, node, now).expect("the profiles were checked with the scenario"));
        self.log.power_on.push(now);
        self.told = now;
        self.report(now);
        let was_off = self.timepiece.run((now, self.anchor.utc(now)), false);
        self.tell_time(now, was_off);
    }

    /// What the clock beside the processor shows, and how fast it runs.
    fn tell_time(&mut self, now: Instant, fast_ppb: i32) {
        self.handle(now, MeterInput::ClockRate { fast_ppb });
        if let Some(utc) = self.timepiece.utc() {
            self.handle(now, MeterInput::Clock(UtcAnchor { at: now, utc }));
        }
    }

    /// The meter restarts into the image that it was told to activate, or back. Where nothing can be built of it, what runs goes on.
    fn restart(&mut self, now: Instant) {
        self.count(now);
        let (Some(meter), Some(config)) = (&mut self.meter, &self.config) else { return };
        let kept = self.memory.with_image(meter.state());
        let Ok(application) = self.banks.restart(config, &kept) else { return };
        meter.replace_application(now, application);
        self.report(now);
        let fast_ppb = self.timepiece.run((now, self.anchor.utc(now)), !self.on_stored);
        self.tell_time(now, fast_ppb);
    }

    /// The supply is lost: the meter lives on what it has stored.
    pub(super) fn lose_supply(&mut self, now: Instant) {
        self.set_supply(now, Supply::default());
        self.on_stored = true;
        self.handle(now, MeterInput::SupplyLost);
    }

    /// The supply is back before the meter has died.
    pub(super) fn regain_supply(&mut self, now: Instant) {
        self.on_stored = false;
        self.handle(now, MeterInput::SupplyBack);
        self.count(now);
    }

    /// Whether it lives on what it has stored.
    pub(super) const fn is_on_stored(&self) -> bool {
        self.on_stored
    }

    /// Whether what it had stored is used up: its power is to be taken from it.
    pub(super) const fn has_died(&self) -> bool {
        self.died && self.meter.is_some()
    }

    /// The power goes, and with it everything that was not kept.
    pub(super) fn power_off(&mut self, now: Instant) {
        if self.meter.is_some() {
            self.timepiece.run((now, self.anchor.utc(now)), true);
        }
        (self.on_stored, self.died) = (false, false);
        if let Some(meter) = self.meter.take() {
            self.log.past.add(meter.node());
            self.load.lose();
        }
    }

    /// The clock of the meter goes ahead by so much.
    pub(super) fn shift_clock(&mut self, now: Instant, ahead_ms: i64) {
        // A boundary at the very moment is one of the time before.
        self.count(now);
        let utc = Utc::from_millis(self.anchor.utc(now).as_millis() + ahead_ms);
        // Without power nobody says so.
        self.timepiece.set(now, utc);
        self.handle(now, MeterInput::Clock(UtcAnchor { at: now, utc }));
    }

    /// By how many milliseconds its clock is ahead; `None` without power, and while the clock is not set.
    pub(super) fn ahead_ms(&self, now: Instant) -> Option<i64> {
        Some(self.shown(now)?.as_millis() - self.anchor.utc(now).as_millis())
    }

    /// What its clock shows.
    fn shown(&self, now: Instant) -> Option<Utc> {
        self.meter.as_ref()?.application().measurement().clock().utc(now)
    }

    /// Lets its clock run up to now: it may be warmer or colder from now on.
    fn run_clock(&mut self, now: Instant) {
        let is_supplied = self.meter.is_some() && !self.on_stored;
        let fast_ppb = self.timepiece.run((now, self.anchor.utc(now)), is_supplied);
        if self.meter.is_some() {
            self.handle(now, MeterInput::ClockRate { fast_ppb });
        }
    }

    /// When the meter has to be told next what has flowed: at the boundary of a row.
    pub(super) fn next_boundary(&self) -> Option<Instant> {
        let meter = self.meter.as_ref().filter(|_| !self.on_stored)?;
        meter.application().measurement().next_boundary()
    }

    /// How many elements its meter has, and what they see.
    pub(super) const fn supply(&self) -> (usize, &Supply) {
        (self.load.elements(), self.load.supply())
    }

    /// The mains have become another: what has flowed until now is told first.
    pub(super) fn set_supply(&mut self, now: Instant, supply: Supply) {
        self.count(now);
        self.run_clock(now);
        self.load.set_supply(supply);
    }

    /// Tells the meter what has flowed, of which a row is made at a boundary.
    pub(super) fn count(&mut self, now: Instant) {
        let is_row = !self.on_stored && self.next_boundary().is_some_and(|at| at <= now);
        let stamp = self.shown(now).filter(|_| is_row).map(|shown| self.stamp(shown));
        self.report(now);
        if let Some(stamp) = stamp {
            self.truth.note(stamp, self.fed.clone());
        }
    }

    fn report(&mut self, now: Instant) {
        if self.meter.is_none() || self.on_stored {
            return;
        }
        // In whole microseconds of the clock, as a meter counts.
        self.load.flow(now.as_nanos() / 1000 - self.told.as_nanos() / 1000);
        self.told = now;
        self.fed = self.load.put();
        self.handle(now, MeterInput::Steady(&self.load.supply().steady()));
    }

    /// How many quantities a row of it has.
    pub(super) fn quantities(&self) -> usize {
        self.fed.quantities()
    }

    /// The newest boundary at the time that a clock shows.
    fn stamp(&self, shown: Utc) -> Utc {
        shown.floor(Duration::from_secs(self.sizes.capture_period_s.into()))
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

    /// What it has made durable.
    pub(super) const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// What is wrong with one of its readings, if anything is.
    pub(super) fn fault(&self, name: LogicalName, stamp: Utc, value: i64) -> Option<String> {
        self.truth.fault(name, stamp, value)
    }

    fn drain(&mut self, now: Instant) {
        let mut activated = false;
        while let Some(output) = self.meter.as_mut().and_then(Meter::poll) {
            match output {
                MeterOutput::Event(MeterEvent::ImageActivated) => activated = true,
                MeterOutput::Persist(record) => {
                    self.log.lost_records += u64::from(!self.memory.keep(&record));
                    if let MeterPersist::Captured(_) | MeterPersist::Totals(_) = record {
                        self.load.keep();
                    }
                }
                MeterOutput::Event(MeterEvent::Died) => self.died = true,
                MeterOutput::Event(MeterEvent::Network(indication)) => self.log.on(now, &indication),
                MeterOutput::Event(MeterEvent::ClockSet(shift)) => self.on_clock(now, shift),
                MeterOutput::Event(_) => {}
            }
        }
        if activated {
            self.restart(now);
        }
    }

    /// Somebody has set its clock. A boundary that it has jumped over gets its row at once, of what was reported last.
    fn on_clock(&mut self, now: Instant, shift: ClockShift) {
        let Some(shown) = self.shown(now) else { return };
        self.timepiece.set(now, shown);
        let ClockShift::Millis(ms) = shift else { return };
        let before = self.stamp(Utc::from_millis(shown.as_millis() - ms));
        let after = self.stamp(shown);
        if after > before {
            self.truth.note(after, self.fed.clone());
        }
    }
}

/// What a meter runs that was never given anything else.
const FIRMWARE: &str = "1.0.0";

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
