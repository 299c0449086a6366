//! What a meter is told, and what it takes through a restart.

use crate::application::MeterPersist;
use crate::firmware::BootReport;
use crate::journal::{Counter, KeptImage, Profile};
use crate::measurement::MeasurementSetup;
use crate::objects::{
    EventGroup, EventRow, HdlcPort, KINDS, LogRecord, OneWay, QualityRow, RateRegisters, Tallies,
    count_quality,
};
use crate::profiles::{Begins, Mains, ProfileSizes, Row};
use crate::specs;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use dlms::classes::Snapshot;
use dlms::security::{KeyId, PublicKey, SecurityContext, SystemTitle};
use dlms::server::{
    Access, AssociationConfig, SecurityErrors, ServerAuthentication, ServerConfig, ServerPersist,
    ServerRecords,
};
use metrology::{Calibration, Ledger, RatingError, Ratings, TamperLimits, Wiring};
use plc_core::Seed;
use plc_core::sap::{Key, Persist, UDP_PAYLOAD_MAX};
use plc_node::Memory;

/// Who made the meter, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The maker's flag: three capital letters.
    pub maker: [u8; 3],
    /// The serial number. The logical device name shows 13 digits of it, the system title its low 40 bits.
    pub serial: u64,
}

impl Identity {
    /// The logical device name: the maker's flag and 13 digits.
    pub fn logical_device_name(&self) -> [u8; 16] {
        let mut name = [0; 16];
        name[..3].copy_from_slice(&self.maker);
        name[3..].copy_from_slice(&self.device_id());
        name
    }

    /// The serial number as 13 digits.
    pub fn device_id(&self) -> [u8; 13] {
        let mut rest = self.serial;
        let mut digits = [0; 13];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        digits
    }

    /// The system title: the maker's flag and the low 40 bits of the serial number.
    pub fn system_title(&self) -> SystemTitle {
        let mut title = self.serial.to_be_bytes();
        title[..3].copy_from_slice(&self.maker);
        title
    }
}

/// The keys of the management association. Never printed.
#[derive(Clone, Copy, Debug)]
pub struct MeterKeys {
    /// Global unicast encryption key.
    pub encryption: Key,
    /// Global authentication key.
    pub authentication: Key,
}

/// What survives a restart. The driver keeps it (taken at power-down, or kept up with the records that the meter has asked to be made durable, as
/// [`crate::journal`] does) and gives it back in [`MeterConfig::state`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeterState {
    /// All energies.
    pub ledger: Ledger,
    /// Rows of the load profile, oldest first.
    pub load: Vec<Row>,
    /// Rows of the daily billing profile, oldest first.
    pub daily: Vec<Row>,
    /// Rows of the monthly billing profile, oldest first.
    pub monthly: Vec<Row>,
    /// The first send counter of the DLMS server that is certainly unused.
    pub send_counter: u32,
    /// The highest counter accepted from the management client.
    pub receive_counter: Option<u32>,
    /// Keys, policies and certificates that clients have changed, and the highest counters accepted from clients other than
    /// that of management.
    pub security: ServerRecords,
    /// Objects that clients or scripts have changed, each once.
    pub objects: Vec<Snapshot>,
    /// Rows of the logs of events, oldest first.
    pub events: Vec<(EventGroup, EventRow)>,
    /// Energy by rate.
    pub rates: RateRegisters,
    /// How often the voltage was wrong.
    pub tallies: Tallies,
    /// Rows of the logs of power quality, oldest first.
    pub quality: Vec<QualityRow>,
    /// The first frame counter of the MAC that is certainly unused.
    pub frame_counter: u32,
    /// Sequence numbers of the adaptation layer.
    pub node: Memory,
    /// What has come of the image under way.
    pub image: KeptImage,
    /// Trials of images that were begun when the last activation was asked for.
    pub wanted: Option<u8>,
}

impl MeterState {
    /// Takes note of a record that the meter has asked to be made durable, so that the state is never
    /// older than the last of them. Keeps no more rows than `sizes` allows.
    pub fn keep(&mut self, record: &MeterPersist, sizes: &ProfileSizes) {
        match record {
            MeterPersist::Captured(captured) => {
                (self.ledger, self.rates) = (captured.ledger, captured.rates);
                self.keep_row(captured.row, captured.begins, sizes);
            }
            MeterPersist::Totals(totals) => (self.ledger, self.rates) = (totals.ledger, totals.rates),
            MeterPersist::Quality(row) => self.keep_quality(*row),
            MeterPersist::Server(record) => self.keep_server(record),
            MeterPersist::Node(record) => self.keep_node(record),
            MeterPersist::Object(snapshot) => self.keep_object(snapshot),
            MeterPersist::Log(record) => self.keep_log(*record),
            MeterPersist::ImageBegin { size, block_len } => self.image = KeptImage::empty(*size, *block_len),
            MeterPersist::ImageBlock { offset, octets } => self.image.put(*offset, octets),
            MeterPersist::ImageWanted { trials } => self.wanted = Some(*trials),
            MeterPersist::Closed(row) => push(&mut self.monthly, *row, sizes.monthly),
        }
    }

    /// The same for an object: there are no more of them than the meter has.
    pub(crate) fn keep_object(&mut self, snapshot: &Snapshot) {
        let of = |held: &&mut Snapshot| held.logical_name == snapshot.logical_name;
        match self.objects.iter_mut().find(of) {
            Some(held) => *held = snapshot.clone(),
            None => self.objects.push(snapshot.clone()),
        }
    }

    /// The same for a log, which has no more rows than the meter keeps.
    pub(crate) fn keep_log(&mut self, record: LogRecord) {
        match record {
            LogRecord::Cleared(group) => self.events.retain(|(of, _)| *of != group),
            LogRecord::Logged(group, row) => {
                let held = self.events.iter().filter(|(of, _)| *of == group).count();
                let oldest = self.events.iter().position(|(of, _)| *of == group);
                if let (true, Some(oldest)) = (held >= specs::EVENTS_MAX, oldest) {
                    self.events.remove(oldest);
                }
                self.events.push((group, row));
            }
        }
    }

    /// The same for an event of power quality; of each kind there are no more rows than the meter keeps.
    pub(crate) fn keep_quality(&mut self, row: QualityRow) {
        count_quality(&mut self.tallies, &row);
        self.restore_quality_row(row);
    }

    /// A row of a log of power quality as it stood there.
    pub(crate) fn restore_quality_row(&mut self, row: QualityRow) {
        let held = self.quality.iter().filter(|held| held.kind == row.kind).count();
        let oldest = self.quality.iter().position(|held| held.kind == row.kind);
        if let (true, Some(oldest)) = (held >= specs::QUALITY_ROWS_MAX, oldest) {
            self.quality.remove(oldest);
        }
        self.quality.push(row);
        debug_assert!(self.quality.len() <= KINDS.len() * specs::QUALITY_ROWS_MAX);
    }

    /// The same for a record of the node.
    pub(crate) fn keep_node(&mut self, record: &Persist) {
        match record {
            Persist::MacFrameCounter { reserved_to } => self.frame_counter = *reserved_to,
            record => self.node.learn(record),
        }
    }

    /// The same for a record of the DLMS server.
    pub(crate) fn keep_server(&mut self, record: &ServerPersist) {
        match record {
            ServerPersist::SendCounter { reserved_to } => self.send_counter = *reserved_to,
            ServerPersist::ReceiveCounter { client_sap: specs::SAP_MANAGEMENT, last } => {
                self.receive_counter = Some(*last);
            }
            change => {
                // The counters of a new key begin anew.
                if matches!(
                    change,
                    ServerPersist::Key { client_sap: specs::SAP_MANAGEMENT, id: KeyId::Unicast, .. }
                ) {
                    self.receive_counter = None;
                }
                self.security.keep(change);
            }
        }
    }

    /// A row as it stood in a profile.
    pub(crate) fn restore_row(&mut self, profile: Profile, row: Row, sizes: &ProfileSizes) {
        let (rows, limit) = match profile {
            Profile::Load => (&mut self.load, sizes.load),
            Profile::Daily => (&mut self.daily, sizes.daily),
            Profile::Monthly => (&mut self.monthly, sizes.monthly),
        };
        push(rows, row, limit);
    }

    /// A counter has moved on.
    pub(crate) const fn keep_counter(&mut self, counter: Counter, value: u32) {
        match counter {
            Counter::Send => self.send_counter = value,
            Counter::Receive => self.receive_counter = Some(value),
            Counter::Frame => self.frame_counter = value,
            Counter::Loadng => self.node.loadng_sequence = Some(value),
            Counter::Broadcast => self.node.broadcast_sequence = Some(value),
            // It was one octet.
            Counter::Trials => self.wanted = Some((value & 0xFF) as u8),
        }
    }

    fn keep_row(&mut self, row: Row, begins: Begins, sizes: &ProfileSizes) {
        push(&mut self.load, row, sizes.load);
        let row = Row { mains: Mains::default(), ..row };
        if begins.day {
            push(&mut self.daily, row, sizes.daily);
        }
        if begins.month {
            push(&mut self.monthly, row, sizes.monthly);
        }
    }
}

fn push(rows: &mut Vec<Row>, row: Row, limit: usize) {
    if rows.len() >= limit.max(1) {
        rows.remove(0);
    }
    rows.push(row);
}

/// What makes an image one that may be activated.
#[derive(Clone, Debug, Default)]
pub enum ImageCheck {
    /// Nothing: without the key of who makes images, none can be told from a forged one.
    #[default]
    NoKey,
    /// Its last octets are the ECDSA signature of all others by this key.
    Signed(PublicKey),
    /// All of its blocks have come. To be chosen for a bench alone: anybody who manages the meter may run anything.
    Complete,
}

/// What a meter is told.
#[derive(Clone, Debug)]
pub struct MeterConfig {
    /// Maker and number.
    pub identity: Identity,
    /// The version of the firmware, as clients see it.
    pub firmware: Cow<'static, str>,
    /// Ratings and wiring.
    pub ratings: Ratings,
    /// Constants of the channels.
    pub calibration: Calibration,
    /// Whether samples are analysed for power quality: harmonics, dips, swells, interruptions. It takes some 75 kB.
    pub power_quality: bool,
    /// What counts as tampering.
    pub tamper: TamperLimits,
    /// The client that a new meter pushes to. Who is to hear a meter that nobody has opened an association with (its last gasp, or all
    /// that a one-way meter says) is one of [`Self::further`] with [`ServerAuthentication::PreEstablished`].
    pub push_client_sap: i8,
    /// Makes a new meter one that only pushes, unasked and unconfirmed, and hears nobody: see [`crate::objects::one_way`]. Whoever
    /// is to hear it is the client [`Self::push_client_sap`], one of [`Self::further`] with [`ServerAuthentication::PreEstablished`].
    pub one_way: Option<OneWay>,
    /// Alarms of the second register that a new meter pushes: bits of [`specs::alarm_2`].
    pub alarm_filter_2: u32,
    /// The client that is sent an EventNotification \[GB 9.3.10\] with the descriptor of an alarm that the filter lets through, over each
    /// association that it has open and has negotiated the service for; beside the push of alarms. `None`: nobody.
    pub event_notification: Option<u16>,
    /// How long the meter lives without its supply.
    pub hold_up: Duration,
    /// Sizes of the profiles.
    pub profiles: ProfileSizes,
    /// Keys of the management client.
    pub keys: MeterKeys,
    /// The master key of the management client, under which new keys are transferred; without it none are taken.
    pub master_key: Option<Key>,
    /// Associations beside those of the public and of the management client, or in their place where they have the same client.
    /// The receive counter of the ciphered client N is shown at 0-0:43.1.N.255.
    pub further: Vec<AssociationConfig>,
    /// Sessions kept at the same time.
    pub max_sessions: usize,
    /// The largest APDU, in octets; with the wrapper it must fit a datagram.
    pub max_pdu: u16,
    /// The HDLC port, if the meter has one: its objects show it.
    pub hdlc: Option<HdlcPort>,
    /// Whether pushes leave for the host and port that their setup names. A meter on a power line has no way to them.
    pub connects: bool,
    /// How images are checked before they may be activated. By default with a key that is yet to be told: none passes.
    pub image_check: ImageCheck,
    /// Octets of the largest image that is taken.
    pub image_size_max: u32,
    /// What the boot record says, of a meter with two banks ([`crate::Firmware::report`]): it runs an image that is activated on trial,
    /// after a restart. `None`: it has one bank and runs the image at once.
    pub boot: Option<BootReport>,
    /// Entropy: challenges. Another one for every life of the meter.
    pub seed: Seed,
    /// What an earlier life has left.
    pub state: MeterState,
}

impl MeterConfig {
    /// A household meter that has never run.
    pub fn new(identity: Identity, keys: MeterKeys, seed: Seed) -> Self {
        Self {
            identity,
            firmware: Cow::Borrowed(env!("CARGO_PKG_VERSION")),
            ratings: Ratings::household(),
            calibration: Calibration::default(),
            power_quality: true,
            // Who has a contract without export, or a sensor on the neutral, says so.
            tamper: TamperLimits { import_only: false, neutral_measured: false, ..TamperLimits::default() },
            profiles: ProfileSizes::default(),
            keys,
            master_key: None,
            further: Vec::new(),
            max_sessions: specs::SESSIONS_MAX,
            max_pdu: specs::MAX_PDU,
            hdlc: None,
            connects: false,
            image_check: ImageCheck::default(),
            image_size_max: specs::IMAGE_SIZE_MAX,
            boot: None,
            push_client_sap: specs::SAP_MANAGEMENT as i8,
            one_way: None,
            alarm_filter_2: 0,
            event_notification: None,
            hold_up: specs::HOLD_UP,
            seed,
            state: MeterState::default(),
        }
    }

    /// A meter of three phases and four wires that has never run.
    pub fn three_phase(identity: Identity, keys: MeterKeys, seed: Seed) -> Self {
        Self { ratings: Ratings::three_phase(), ..Self::new(identity, keys, seed) }
    }

    /// What is measured and how.
    pub const fn measurement(&self) -> MeasurementSetup {
        MeasurementSetup {
            ratings: self.ratings,
            calibration: self.calibration,
            power_quality: self.power_quality,
            tamper: self.tamper,
            profiles: self.profiles,
        }
    }

    /// Checks what cannot be served.
    ///
    /// # Errors
    /// The first key that is out of range.
    pub fn check(&self) -> Result<(), MeterConfigError> {
        self.ratings.check().map_err(MeterConfigError::Ratings)?;
        let period = self.profiles.capture_period_s;
        if period < specs::CAPTURE_PERIOD_MIN_S || 3600 % period != 0 {
            return Err(MeterConfigError::CapturePeriod(period));
        }
        let pdu = usize::from(self.max_pdu);
        if !(specs::MAX_PDU_MIN..=UDP_PAYLOAD_MAX - specs::WRAPPER_HEADER).contains(&pdu) {
            return Err(MeterConfigError::MaxPdu(self.max_pdu));
        }
        match self.one_way {
            Some(one_way) if !one_way.is_lawful() => Err(MeterConfigError::OneWay(one_way)),
            Some(_) if !self.is_heard_without_association() => {
                Err(MeterConfigError::Unheard(self.push_client_sap))
            }
            _ => Ok(()),
        }
    }

    /// Whether the client that is pushed to needs no association: a meter that hears nobody can open none.
    fn is_heard_without_association(&self) -> bool {
        self.further.iter().any(|further| {
            u16::try_from(self.push_client_sap) == Ok(further.client_sap)
                && matches!(further.authentication, ServerAuthentication::PreEstablished { .. })
        })
    }

    /// The server of this meter.
    pub(crate) fn server(&self) -> ServerConfig {
        let mut config = self.server_as_made();
        self.state.security.restore(&mut config);
        if let Some(last) = self.state.receive_counter {
            config.restore(&ServerPersist::ReceiveCounter { client_sap: specs::SAP_MANAGEMENT, last });
        }
        config
    }

    /// The server of this meter before anybody has changed anything.
    fn server_as_made(&self) -> ServerConfig {
        ServerConfig {
            server_sap: specs::SAP_SERVER,
            server_title: self.identity.system_title(),
            logical_device_name: self.identity.logical_device_name(),
            associations: self.associations(),
            max_pdu: self.max_pdu,
            max_value_len: self.max_value_len(),
            max_sessions: self.max_sessions,
            first_invocation_counter: self.state.send_counter,
            counter_block: specs::COUNTER_BLOCK,
            session_timeout: specs::SESSION_TIMEOUT,
            max_failed_proofs: specs::FAILED_PROOFS_MAX,
            lockout: specs::LOCKOUT,
            security_errors: SecurityErrors::WithCounter,
            seed: self.seed.derive("dlms", 0),
        }
    }

    fn associations(&self) -> Vec<AssociationConfig> {
        let replaced = |own: &AssociationConfig| self.further.iter().any(|f| f.client_sap == own.client_sap);
        let own = [self.public(), self.management()].into_iter().filter(|own| !replaced(own));
        own.chain(self.further.iter().cloned()).collect()
    }

    const fn public(&self) -> AssociationConfig {
        AssociationConfig {
            client_sap: specs::SAP_PUBLIC,
            authentication: ServerAuthentication::None,
            access: Access::Public,
            pre_established: false,
        }
    }

    fn management(&self) -> AssociationConfig {
        let mut keys = SecurityContext::new(&self.keys.encryption.0, &self.keys.authentication.0);
        if let Some(master) = &self.master_key {
            keys = keys.with_master_key(&master.0).expect("a key of suite 0 has 16 octets");
        }
        AssociationConfig {
            client_sap: specs::SAP_MANAGEMENT,
            authentication: ServerAuthentication::HlsGmac { keys, last_client_counter: None },
            access: Access::Management,
            pre_established: false,
        }
    }

    /// The longest value is the whole buffer of a profile, or the list of objects.
    fn max_value_len(&self) -> usize {
        let ProfileSizes { load, daily, monthly, .. } = self.profiles;
        let row_len = match self.ratings.wiring {
            Wiring::ThreePhaseFourWire => specs::ROW_LEN + specs::ROW_MAINS_LEN,
            _ => specs::ROW_LEN,
        };
        load.max(daily).max(monthly).saturating_mul(row_len).saturating_add(specs::OBJECT_LIST_LEN)
    }
}

/// A configuration that cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeterConfigError {
    /// See [`Ratings::check`].
    Ratings(RatingError),
    /// Not a divisor of an hour, or shorter than a minute.
    CapturePeriod(u32),
    /// Too small for an association, or too large for a datagram.
    MaxPdu(u16),
    /// No period that a schedule can hold, or a spread that is not shorter than it.
    OneWay(OneWay),
    /// The client that a meter is to push to which hears nobody, but has no association that stands from the beginning.
    Unheard(i8),
}

impl fmt::Display for MeterConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ratings(error) => write!(f, "ratings: {error}"),
            Self::CapturePeriod(s) => write!(f, "capture period: {s} s, expected a divisor of 3600 from 60"),
            Self::MaxPdu(len) => write!(f, "max_pdu: {len}, expected 128 to 1224"),
            Self::OneWay(OneWay { every_s, spread_s }) => write!(
                f,
                "one_way: every {every_s} s within {spread_s} s, expected a divisor of 86400 from 900 and a shorter spread"
            ),
            Self::Unheard(sap) => {
                write!(f, "push_client_sap: {sap}, expected a pre-established client among the further ones")
            }
        }
    }
}

impl core::error::Error for MeterConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_maker_and_serial() {
        let identity = Identity { maker: *b"ABC", serial: 0x12_3456_7890 };
        assert_eq!(&identity.logical_device_name(), b"ABC0078187493520");
        assert_eq!(identity.system_title(), [b'A', b'B', b'C', 0x12, 0x34, 0x56, 0x78, 0x90]);
    }

    #[test]
    fn what_cannot_be_served_is_named() {
        let identity = Identity { maker: *b"ABC", serial: 1 };
        let keys = MeterKeys { encryption: Key([1; 16]), authentication: Key([2; 16]) };
        let mut config = MeterConfig::new(identity, keys, Seed::from_u64(1));
        assert_eq!(config.check(), Ok(()));
        config.max_pdu = 1225;
        assert_eq!(config.check(), Err(MeterConfigError::MaxPdu(1225)));
        config.profiles.capture_period_s = 1000;
        assert_eq!(config.check(), Err(MeterConfigError::CapturePeriod(1000)));
        config.profiles.capture_period_s = 900;
        config.max_pdu = 1024;
        for (every_s, spread_s) in [(899, 0), (1000, 0), (900, 900), (0, 0)] {
            let one_way = OneWay { every_s, spread_s };
            config.one_way = Some(one_way);
            assert_eq!(config.check(), Err(MeterConfigError::OneWay(one_way)));
        }
        config.one_way = Some(OneWay { every_s: 900, spread_s: 899 });
        assert_eq!(config.check(), Err(MeterConfigError::Unheard(1)), "nobody could hear it");
        config.ratings.ib_ma = 0;
        assert_eq!(config.check(), Err(MeterConfigError::Ratings(RatingError::Reference)));
    }
}
