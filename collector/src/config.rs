//! What the collector is told when it is built.

use alloc::vec::Vec;
use core::time::Duration;
use dlms::client::CipheringForm;
use dlms::cosem::LogicalName;
use dlms::security::SystemTitle;
use plc_core::Seed;

/// Limits and habits of a [`crate::Collector`].
#[derive(Clone, Debug)]
pub struct CollectorConfig {
    /// How often meters capture a row of the load profile. Whole seconds, not zero.
    pub period: Duration,
    /// How often meters are read: after each boundary that is a multiple of this, itself a multiple of `period`. What is shorter than
    /// `period` counts as `period`.
    pub every: Duration,
    /// How long after a boundary the captures of that boundary may be asked for.
    pub delay: Duration,
    /// Sessions of one boundary begin within this time after the delay, each meter at its own random moment.
    pub spread: Duration,
    /// Sessions under way at once, 1 or more.
    pub sessions: usize,
    /// Meters that may be registered.
    pub meters: usize,
    /// Sessions that one meter may fail between two boundaries before it has to wait for the next.
    pub attempts: u32,
    /// Pause after the first failed session; doubles with each further failure.
    pub back_off: Duration,
    /// The longest pause after a failed session.
    pub back_off_max: Duration,
    /// Shortest pause before captures that a meter did not give, or not believably, are asked for again.
    pub gap_pause: Duration,
    /// How often missing captures are asked for in all before they are reported as lost.
    pub gap_attempts: u8,
    /// Captures in one question, 1 or more. Bounds the answer, and with it the batch.
    pub rows: u32,
    /// How far back a meter is read of which nothing is stored, in captures, 1 or more.
    pub history: u32,
    /// The longest time from the beginning of a session to its end.
    pub session_max: Duration,
    /// How long one session goes on with an image, before those that are to be read go ahead. Less than `session_max`.
    pub image_part: Duration,
    /// The longest time that the store may take to make a batch durable.
    pub store_max: Duration,
    /// Every how many sessions the clock of a meter is compared with UTC; 0 for never.
    pub clock_check: u32,
    /// Deviations of a meter's clock up to this are not worth an event. Half the time that question and answer
    /// take is added to it.
    pub clock_tolerance: Duration,
    /// Whether a meter whose clock deviates by more than that is set to UTC.
    pub clock_set: bool,
    /// What meters that only push say behind time and name, in this order.
    pub push_values: Vec<PushedValue>,
    /// How long after its boundary a capture of such a meter may arrive, before it is lost.
    pub push_deadline: Duration,
    /// The largest deviation at which a clock is set without an order; an order may set any.
    pub clock_set_max: Option<Duration>,
    /// How associations are opened.
    pub association: AssociationParameters,
    /// Source of jitter and of the challenges of sessions: fresh entropy for every life of the collector.
    pub seed: Seed,
}

impl CollectorConfig {
    /// A quarter-hourly load profile, read every quarter, and up to 1000 meters on a slow line.
    pub fn new(seed: Seed) -> Self {
        Self {
            period: Duration::from_secs(900),
            every: Duration::ZERO,
            delay: Duration::from_secs(10),
            spread: Duration::from_secs(30),
            sessions: 2,
            meters: 1000,
            attempts: 6,
            back_off: Duration::from_secs(10),
            back_off_max: Duration::from_secs(240),
            gap_pause: Duration::from_secs(120),
            gap_attempts: 8,
            rows: 96,
            history: 96,
            session_max: Duration::from_secs(600),
            image_part: Duration::from_secs(60),
            store_max: Duration::from_secs(120),
            clock_check: 96,
            clock_tolerance: Duration::from_secs(5),
            clock_set: true,
            push_values: PushedValue::ENERGIES.to_vec(),
            push_deadline: Duration::from_secs(86_400),
            clock_set_max: None,
            association: AssociationParameters::default(),
            seed,
        }
    }
}

/// A value that a meter pushes: it comes without scaler and unit, so these are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushedValue {
    /// The register.
    pub logical_name: LogicalName,
    /// Exponent to the base of 10.
    pub scaler: i8,
    /// Unit code \[BB 4.3.2\]; 30 is Wh.
    pub unit: u8,
}

impl PushedValue {
    /// Active energy imported and exported, in mWh: what the meters of this project push.
    pub const ENERGIES: [Self; 2] = [Self::energy(1), Self::energy(2)];

    const fn energy(quantity: u8) -> Self {
        Self { logical_name: LogicalName([1, 0, quantity, 8, 0, 255]), scaler: -3, unit: 30 }
    }
}

impl CollectorConfig {
    /// Time between two boundaries after which meters are read.
    pub(crate) fn every(&self) -> Duration {
        self.every.max(self.period)
    }
}

/// How the collector opens associations with meters: high level security with GMAC, suite 0.
#[derive(Clone, Debug)]
pub struct AssociationParameters {
    /// The wrapper port of the collector; 1 is the management client.
    pub client_sap: u16,
    /// The wrapper port of the client that hears pushes without ever opening an association; 102 is the pre-established client
    /// \[IDIS package 2; confidence C\].
    pub push_sap: u16,
    /// The wrapper port of the logical device in the meter; 1 is the management logical device.
    pub server_sap: u16,
    /// The system title of the collector.
    pub client_title: SystemTitle,
    /// The envelope of ciphered services.
    pub ciphering: CipheringForm,
    /// Invocation counters that are made durable at once; many sessions use up one block.
    pub counter_block: u32,
    /// The largest APDU that the collector takes, in octets. It should fit one datagram.
    pub max_receive_pdu: u16,
    /// The largest attribute that is read, in octets: bounds the answer to a question for captures.
    pub max_value_len: usize,
    /// How long an answer may take.
    pub response_timeout: Duration,
    /// How often an unanswered request is repeated.
    pub retries: u8,
}

impl Default for AssociationParameters {
    /// For answers that take some seconds over several hops.
    fn default() -> Self {
        Self {
            client_sap: 1,
            push_sap: 102,
            server_sap: 1,
            client_title: *b"CON\0\0\0\0\x01",
            ciphering: CipheringForm::default(),
            counter_block: 1024,
            max_receive_pdu: 1024,
            max_value_len: 16 * 1024,
            response_timeout: Duration::from_secs(20),
            retries: 3,
        }
    }
}
