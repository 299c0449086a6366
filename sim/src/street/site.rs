//! A site: one customer's load, the meter that measures it, and the modem of the meter on the line.

use super::firmware::{self, Banks};
use super::ledger::Ledger;
use super::listener::{LISTENER, listener};
use super::{MeterIdentity, RATE_HZ, StreetConfig, StreetError};
use crate::feeder::Feeder;
use crate::grid::Voltages;
use crate::household::{AMPERES_PER_LSB, Household, RATE, ThreePhaseHousehold, VOLTS_PER_LSB};
use crate::world::Memory;
use g3_phy::{CENELEC_A, Exchange, Modem, ModemConfig};
use meter::objects::OneWay;
use meter::{ImageCheck, Meter, MeterConfig, MeterEvent, MeterInput, MeterKeys, MeterOutput, Ring};
use metrology::{Frame, Ratings};
use plc_core::seed::uniform;
use plc_core::time::Duration;
use plc_core::{Instant, Machine, SampleClock, Seed, Utc, UtcAnchor};
use plc_node::{DeviceConfig, Node, NodeConfig};
use std::collections::BTreeMap;

/// Samples of voltage and current that are handed to the meter at once: a tenth of a second at 8 kHz.
const PIECE: usize = 800;
/// Length of a piece.
const PIECE_TIME: Duration = Duration::from_millis(100);
/// Pieces between two notes of the true energy: a minute.
const PIECES_PER_NOTE: u64 = 600;
/// Events that are kept.
const EVENTS: usize = 1024;

/// Something that happened at a meter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SiteEvent {
    /// When.
    pub at: Utc,
    /// What.
    pub event: MeterEvent,
}

/// One customer.
pub struct Site {
    identity: MeterIdentity,
    meter: Meter<Modem>,
    /// How the meter was built.
    config: MeterConfig,
    banks: Banks,
    memory: Memory,
    /// While it has no power.
    dark: Option<Dark>,
    lives: u64,
    alive_since: Instant,
    seed: Seed,
    load: Load,
    anchor: UtcAnchor,
    /// By how much the crystal of its clock runs fast.
    fast_ppb: i32,
    outgoing: Vec<f32>,
    sends: bool,
    pieces: u64,
    truth: Ledger,
    events: Ring<SiteEvent>,
}

impl Site {
    /// The meter of a customer, at this place among all of them.
    pub(super) fn new(
        (place, customer): (usize, u32),
        feeder: &Feeder,
        config: &StreetConfig,
        (seed, supply): (&Seed, [Voltages; 3]),
        anchor: UtcAnchor,
    ) -> Result<Self, StreetError> {
        let identity = MeterIdentity::new(customer, seed);
        let failed = |reason| StreetError::Meter { customer, reason };
        let three_phases = config.meters.has_three_phases(place);
        let load = Load::of(feeder, customer, (config.start_second, three_phases), (seed, supply))
            .ok_or_else(|| failed(String::from("no such customer")))?;
        let mut built = meter_config(&identity, load.ratings(), seed);
        if config.one_way.contains(&(place + 1)) {
            push_only(&mut built);
        }
        built.image_check = ImageCheck::Signed(firmware::maker(config.seed).public_key());
        let banks = Banks::new(&built.firmware);
        built.boot = Some(banks.report());
        let own = seed.derive("meter", u64::from(customer));
        let mut meter = build_meter(&identity, &built, &own, anchor.at).map_err(failed)?;
        let mut stream = seed.derive("crystal", u64::from(customer)).stream();
        let fast_ppb =
            i64::from(uniform(&mut stream, 2 * config.drift_ppb + 1)) - i64::from(config.drift_ppb);
        let fast_ppb = i32::try_from(fast_ppb).unwrap_or(0);
        meter.handle(anchor.at, MeterInput::ClockRate { fast_ppb });
        meter.handle(anchor.at, MeterInput::Clock(anchor));
        Ok(Self {
            identity,
            meter,
            banks,
            memory: Memory::new(built.profiles),
            dark: None,
            lives: 0,
            seed: own,
            alive_since: anchor.at,
            config: built,
            load,
            anchor,
            fast_ppb,
            outgoing: vec![0.0; config.block],
            sends: false,
            pieces: 0,
            truth: Ledger::new(anchor.utc),
            events: Ring::new(EVENTS),
        })
    }

    /// Who it is.
    pub const fn identity(&self) -> &MeterIdentity {
        &self.identity
    }

    /// The meter.
    pub const fn meter(&self) -> &Meter<Modem> {
        &self.meter
    }

    /// What has happened, oldest first: the newest events, and how many older ones are forgotten.
    pub const fn events(&self) -> &Ring<SiteEvent> {
        &self.events
    }

    /// How often each block of an image has come, by its offset.
    pub const fn image_blocks(&self) -> &BTreeMap<u32, u32> {
        self.memory.blocks()
    }

    /// The energy (Wh) that was put into the samples from the start up to `at`; `None` unless `at` is a whole
    /// number of minutes after the start, has passed, and lies in the last week.
    pub fn energy_wh(&self, at: Utc) -> Option<f64> {
        self.truth.energy_wh(at)
    }

    pub(super) fn is_transmitting(&self) -> bool {
        self.dark.is_none() && self.meter.node().phy().is_transmitting()
    }

    /// When the meter wants to be told the time, whatever the line does.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.dark.as_ref().map_or_else(|| self.meter.deadline(), |dark| Some(dark.until))
    }

    /// The block that the meter sends next.
    pub(super) fn outgoing(&self) -> Option<&[f32]> {
        self.sends.then_some(&self.outgoing)
    }

    pub(super) fn on_block(&mut self, now: Instant, received: &[f32]) {
        self.measure(now);
        if self.is_dark(now) {
            return;
        }
        // Only a frame that was asked for before the block can be in it.
        let may_send = self.is_transmitting();
        let exchange = Exchange::Block { received, transmitted: &mut self.outgoing };
        self.meter.handle(now, MeterInput::Medium(exchange));
        self.sends = may_send && self.outgoing.iter().any(|&sample| sample != 0.0);
        self.after(now);
    }

    pub(super) fn on_gap(&mut self, now: Instant, samples: u64) {
        self.measure(now);
        if self.is_dark(now) {
            return;
        }
        self.meter.handle(now, MeterInput::Medium(Exchange::Gap { samples }));
        self.after(now);
    }

    fn after(&mut self, now: Instant) {
        if self.meter.deadline().is_some_and(|at| at <= now) {
            self.meter.tick(now);
        }
        self.drain(now);
    }

    /// Hands the meter every piece of voltage and current that has ended by `now`.
    fn measure(&mut self, now: Instant) {
        while self.piece_end() <= now {
            let end = self.piece_end();
            let samples = self.load.next_piece();
            // What flows in the dark, and in the piece in which the power comes back, nobody counts.
            let begin = self.anchor.at + PIECE_TIME * self.pieces as u32;
            if self.dark.is_none() && begin >= self.alive_since {
                self.meter.handle(end, samples);
            }
            self.pieces += 1;
            if self.pieces.is_multiple_of(PIECES_PER_NOTE) {
                self.truth.note(self.load.energy_wh());
            }
            self.drain(end);
        }
    }

    fn piece_end(&self) -> Instant {
        self.anchor.at + PIECE_TIME * (self.pieces as u32 + 1)
    }

    /// What the meter wants kept is in its flash before anything else happens; one whose flash takes nothing more is not told so here.
    fn drain(&mut self, now: Instant) {
        let mut activated = false;
        while let Some(output) = self.meter.poll() {
            match output {
                MeterOutput::Event(event) => {
                    activated |= event == MeterEvent::ImageActivated;
                    self.events.push(SiteEvent { at: self.anchor.utc(now), event });
                }
                MeterOutput::Persist(record) => _ = self.memory.keep(&record),
            }
        }
        if activated {
            self.restart(now);
        }
    }

    /// The meter tries the image that it was told to activate. Where nothing can be built of it, what runs goes on.
    fn restart(&mut self, now: Instant) {
        let kept = self.memory.with_image(self.meter.state());
        let utc = self.meter.application().measurement().clock().utc(now);
        if let Ok(application) = self.banks.restart(&self.config, &kept) {
            self.meter.replace_application(now, application);
            // The clock beside the processor has run on.
            self.meter.handle(now, MeterInput::ClockRate { fast_ppb: self.fast_ppb });
            let utc = utc.unwrap_or_else(|| self.anchor.utc(now));
            self.meter.handle(now, MeterInput::Clock(UtcAnchor { at: now, utc }));
        }
    }
}

/// A time without power.
#[derive(Clone, Copy, Debug)]
struct Dark {
    until: Instant,
    /// What the clock beside the processor shows, and when.
    clock: Option<UtcAnchor>,
}

impl Site {
    /// The power goes at once, without a last word, and comes back later.
    pub(super) fn cut(&mut self, now: Instant, length: Duration) {
        let utc = self.meter.application().measurement().clock().utc(now);
        let clock = utc.map(|utc| UtcAnchor { at: now, utc });
        (self.dark, self.sends) = (Some(Dark { until: now + length, clock }), false);
    }

    /// Whether it has no power at `now`; when that has come back, a new life has begun.
    fn is_dark(&mut self, now: Instant) -> bool {
        let Some(dark) = self.dark else { return false };
        if now < dark.until {
            return true;
        }
        // It was built before from the same.
        let Ok(meter) = self.awake(now) else { return true };
        (self.meter, self.dark, self.alive_since) = (meter, None, now);
        self.meter.handle(now, MeterInput::ClockRate { fast_ppb: self.fast_ppb });
        if let Some(clock) = dark.clock {
            self.meter.handle(now, MeterInput::Clock(UtcAnchor { at: now, utc: clock.utc(now) }));
        }
        self.drain(now);
        true
    }

    /// A new life, of what the flash holds.
    fn awake(&mut self, now: Instant) -> Result<Meter<Modem>, String> {
        self.lives += 1;
        let seed = self.seed.derive("life", self.lives);
        let config = MeterConfig {
            state: self.memory.awake(),
            firmware: self.banks.running().to_owned().into(),
            boot: Some(self.banks.report()),
            seed: seed.derive("application", 0),
            ..self.config.clone()
        };
        build_meter(&self.identity, &config, &seed, now)
    }
}

/// The converters of the household's waveforms, as the meter is calibrated to them.
pub(crate) fn ratings() -> Ratings {
    Ratings {
        sample_rate_hz: RATE,
        u_pv_per_lsb: (VOLTS_PER_LSB * 1e12).round() as u64,
        i_pa_per_lsb: (AMPERES_PER_LSB * 1e12).round() as u64,
        ..Ratings::household()
    }
}

/// What a customer's meter sees.
enum Load {
    One { household: Box<Household>, u: Vec<i32>, i: Vec<i32> },
    Three { household: Box<ThreePhaseHousehold>, frames: Vec<Frame> },
}

impl Load {
    fn of(
        feeder: &Feeder,
        customer: u32,
        (start, three_phases): (u32, bool),
        (seed, supply): (&Seed, [Voltages; 3]),
    ) -> Option<Self> {
        if three_phases {
            let household = ThreePhaseHousehold::of(feeder, customer, start, seed)?;
            let household = Box::new(household.with_supply(supply));
            return Some(Self::Three { household, frames: vec![Frame::default(); PIECE] });
        }
        let own = feeder.customer(customer)?.phase.index();
        let [one, two, three] = supply;
        let supply = [one, two, three].into_iter().nth(own)?;
        let household = Box::new(Household::of(feeder, customer, start, seed)?.with_supply(supply));
        Some(Self::One { household, u: vec![0; PIECE], i: vec![0; PIECE] })
    }

    /// The converters, as the meter is calibrated to them.
    fn ratings(&self) -> Ratings {
        match self {
            Self::One { .. } => ratings(),
            Self::Three { .. } => Ratings { wiring: Ratings::three_phase().wiring, ..ratings() },
        }
    }

    fn next_piece(&mut self) -> MeterInput<'_, Modem> {
        match self {
            Self::One { household, u, i } => {
                household.fill(u, i);
                MeterInput::Samples { u, i }
            }
            Self::Three { household, frames } => {
                household.fill(frames);
                MeterInput::Frames(frames)
            }
        }
    }

    fn energy_wh(&self) -> f64 {
        match self {
            Self::One { household, .. } => household.energy_wh(),
            Self::Three { household, .. } => household.energy_wh(),
        }
    }
}

fn meter_config(identity: &MeterIdentity, ratings: Ratings, seed: &Seed) -> MeterConfig {
    let seed = seed.derive("meter", u64::from(identity.customer));
    let keys = MeterKeys { encryption: identity.encryption_key, authentication: identity.authentication_key };
    let mut config = MeterConfig::new(identity.meter, keys, seed.derive("application", 0));
    config.master_key = Some(identity.master_key);
    config.ratings = ratings;
    config
}

/// It pushes its captures to who listens, each at a random moment of the two minutes after it, and hears nobody.
fn push_only(config: &mut MeterConfig) {
    config.further = vec![listener(&config.keys)];
    config.push_client_sap = LISTENER;
    config.one_way = Some(OneWay { every_s: config.profiles.capture_period_s, spread_s: PUSH_SPREAD_S });
}

/// Within so many seconds after its time a push leaves.
const PUSH_SPREAD_S: u16 = 120;

fn build_meter(
    identity: &MeterIdentity,
    config: &MeterConfig,
    seed: &Seed,
    now: Instant,
) -> Result<Meter<Modem>, String> {
    let clock = SampleClock::new(RATE_HZ, now, 0);
    let modem = Modem::new(&CENELEC_A, ModemConfig { clock, ..ModemConfig::default() });
    let device = DeviceConfig {
        eui64: identity.eui64,
        geometry: &CENELEC_A,
        seed: seed.derive("node", 0),
        psk: identity.psk,
        frame_counter: config.state.frame_counter,
    };
    let mut device = NodeConfig::from(device);
    device.adp.memory = config.state.node.clone();
    Meter::new(config.clone(), Node::assemble(modem, device), now).map_err(|error| error.to_string())
}
