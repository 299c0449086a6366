//! What a world is built from.

use crate::feeder::{Feeder, Phase};
use crate::frame::{ErrorTable, Noise};
use crate::street::MeterMix;
use g3_phy::{BandPlan, CENELEC_A};
use plc_core::Utc;
use plc_core::time::Duration;

/// A town.
#[derive(Clone, Debug)]
pub struct TownConfig {
    /// Everything random follows from it.
    pub seed: u64,
    /// The feeder that all feeders of the town are copies of.
    pub feeder: Feeder,
    /// Feeders behind the concentrator.
    pub feeders: usize,
    /// Meters in all.
    pub meters: usize,
    /// What meters the customers have.
    pub mix: MeterMix,
    /// The band.
    pub band: &'static BandPlan,
    /// What the receivers lose.
    pub table: ErrorTable,
    /// dB that every link has more or less than its cables give.
    pub offset_db: f64,
    /// UTC at the beginning; a whole second.
    pub start: Utc,
    /// How long it lasts.
    pub duration: Duration,
    /// Meters come to life within this time, each at its own moment.
    pub power_on: Duration,
    /// By how much the crystals of the meters' clocks are off at most, either way, at 25 °C, in thousand-millionths; the cold adds to it.
    /// 0: every clock is right.
    pub drift_ppb: u32,
    /// How long a meter lives on what it has stored when it loses its supply.
    pub hold_up: Duration,
    /// Noise over the day, dB above that of the street.
    pub noise: Noise,
    /// Receivers differ in their noise by up to so many dB either way.
    pub noise_spread_db: f64,
    /// Capture period of the meters.
    pub capture: Duration,
    /// How the meters are read.
    pub reading: ReadingPlan,
    /// Who is not what it should be.
    pub rogue: Rogues,
    /// What befalls the town, in any order.
    pub actions: Vec<(Duration, Action)>,
}

/// Who is not what it should be; meters by their number from 1 on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rogues {
    /// Meters with another key than the concentrator has for them: joins that are forged.
    pub wrong_key: Vec<usize>,
    /// Meters whose DLMS keys are not those that the concentrator knows.
    pub wrong_dlms_keys: Vec<usize>,
    /// Meters that the concentrator does not know.
    pub unknown: Vec<usize>,
    /// Meters beside which a node hangs that records frames, and sends them again or forges others when told to.
    pub recorders: Vec<usize>,
}

/// How meters are read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadingPlan {
    /// Every how long; a multiple of the capture period.
    pub every: Duration,
    /// How long after a boundary reading begins.
    pub delay: Duration,
    /// Sessions begin within this time.
    pub spread: Duration,
    /// Sessions at once.
    pub sessions: usize,
}

/// Something that befalls the town.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// These nodes lose their power; 0 is the concentrator.
    PowerOff(Choice),
    /// These nodes get their power back.
    PowerOn(Choice),
    /// The cable that feeds a meter is cut so many metres from it. All behind it lose their power.
    Cut {
        /// The meter, 1 or more.
        meter: usize,
        /// Metres.
        metres: f64,
    },
    /// A source of noise begins or ends at a meter: so many dB below a transmitter.
    NoiseSource {
        /// The meter, 1 or more; 0 for the busbar.
        node: usize,
        /// dB relative to a transmitter at full level; `None` ends it.
        level_db: Option<f64>,
    },
    /// The clock of a meter goes ahead by so many milliseconds (behind, if negative).
    Clock {
        /// The meter, 1 or more.
        meter: usize,
        /// Milliseconds.
        ahead_ms: i64,
    },
    /// The concentrator is to bring firmware to a meter: an image by the maker of the meters of this seed.
    Firmware {
        /// The meter, 1 or more.
        meter: usize,
        /// What runs when it does.
        version: String,
        /// How long the image is, with its signature.
        octets: usize,
        /// Whether it will pass its self-check.
        passes: bool,
    },
    /// The disk of the concentrator takes nothing more, or does again.
    DiskFull(bool),
    /// A recorder (see [`Rogues`]) sends again the last frames that it has heard, so many of them.
    Replay {
        /// Which one.
        recorder: usize,
        /// Frames.
        frames: usize,
    },
    /// A recorder forges the joins of so many devices, and the beacons and answers that go with them. It knows no key.
    ForgedJoin {
        /// Which one.
        recorder: usize,
        /// Devices.
        devices: usize,
    },
    /// A recorder that has stolen the group key speaks as so many neighbours that do not exist: one request for a route from each.
    FullTable {
        /// Which one.
        recorder: usize,
        /// Neighbours.
        neighbours: usize,
    },
}

/// Some nodes.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// This one.
    Node(usize),
    /// A share of the meters, drawn anew; the same draw under the same name.
    Share(f64),
    /// The meters of one phase that hang on this one: a fuse at the transformer has blown, or a conductor is off.
    Phase(Phase),
    /// The meters behind the cable that is so many metres up the way from a meter: a fuse of the feeder has blown. Signals pass the
    /// fuse, as they couple from one conductor into the others.
    Behind {
        /// The meter, 1 or more.
        meter: usize,
        /// Metres.
        metres: f64,
    },
}

/// 2026-01-14T00:00:00Z, the date that the undated profile day is given.
const START_OF_DAY: i64 = 1_768_348_800;

/// What a tuning-fork crystal is off as it comes, 20 ppm \[data sheets; confidence B\].
const DRIFT_PPB: u32 = 20_000;

impl TownConfig {
    /// Eight meters of one feeder in CENELEC-A, half an hour from 17:55 of a winter day on, as in the street.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            feeder: Feeder::european_lv(),
            feeders: 1,
            meters: 8,
            mix: MeterMix::SinglePhase,
            band: &CENELEC_A,
            table: ErrorTable::of_band(CENELEC_A.name).expect("its table is built in"),
            offset_db: 0.0,
            start: Utc::from_secs(START_OF_DAY + 17 * 3600 + 55 * 60),
            duration: Duration::from_secs(1830),
            power_on: Duration::ZERO,
            drift_ppb: DRIFT_PPB,
            hold_up: meter::specs::HOLD_UP,
            noise: Noise::default(),
            noise_spread_db: 0.0,
            capture: Duration::from_secs(900),
            reading: ReadingPlan::new(),
            rogue: Rogues::default(),
            actions: Vec::new(),
        }
    }

    /// In another band, if there is an error table of it.
    #[must_use]
    pub fn in_band(self, band: &'static BandPlan) -> Option<Self> {
        Some(Self { band, table: ErrorTable::of_band(band.name)?, ..self })
    }

    /// Second of the day at the beginning.
    pub fn start_second(&self) -> u32 {
        self.start.as_secs().rem_euclid(86_400) as u32
    }
}

impl ReadingPlan {
    /// After each quarter of an hour.
    pub const fn new() -> Self {
        Self {
            every: Duration::from_secs(900),
            delay: Duration::from_secs(10),
            spread: Duration::from_secs(30),
            sessions: 2,
        }
    }
}

impl Default for ReadingPlan {
    fn default() -> Self {
        Self::new()
    }
}
