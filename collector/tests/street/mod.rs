//! A collector and real DLMS servers, with a network between them that loses, doubles and delays.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, reason = "shared by tests that use parts of it")]

pub mod image;

use collector::{
    Batch, Collector, CollectorConfig, CollectorEvent, CollectorInput, CollectorOutput, Mark, MeterEntry,
    MeterKeys, Reading, RenewedKeys, RunReport, Value, ValueBatch,
};
use dlms::apdu::{ActionResult, DataAccessResult};
use dlms::axdr::{Data, Encoder};
use dlms::classes::profile::{self, ProfileDescription, RowSource, SortMethod};
use dlms::cosem::{
    AttributeRequest, CaptureObject, ClockStatus, ClockTime, LogicalName, MethodRequest, ScalerUnit, Unit,
};
use dlms::security::Suite0;
use dlms::server::{
    Access, AssociationConfig, AssociationContext, ObjectEntry, ObjectModel, SecurityErrors, Server,
    ServerAuthentication, ServerConfig, ServerOutput, ServerPersist,
};
use plc_core::sap::{DLMS_PORT, Key, UdpIndication, UdpPayload};
use plc_core::seed::{Stream, uniform};
use plc_core::{Eui64, Instant, Machine, Seed, ShortAddress, Utc, UtcAnchor};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub const PERIOD: Duration = Duration::from_secs(900);
pub const PROFILE: LogicalName = LogicalName([1, 0, 99, 1, 0, 255]);
pub const STATUS: LogicalName = LogicalName([0, 0, 96, 10, 1, 255]);
pub const IMPORT: LogicalName = LogicalName([1, 0, 1, 8, 0, 255]);
pub const EXPORT: LogicalName = LogicalName([1, 0, 2, 8, 0, 255]);
/// The voltage that every meter has; and what only those with an even number have.
pub const VOLTAGE: LogicalName = LogicalName([1, 0, 32, 7, 0, 255]);
pub const CURRENT: LogicalName = LogicalName([1, 0, 31, 7, 0, 255]);
pub const LOG: LogicalName = LogicalName([0, 0, 99, 98, 0, 255]);
pub const CODE: LogicalName = LogicalName([0, 0, 96, 11, 0, 255]);
pub const DAILY: LogicalName = LogicalName([1, 0, 98, 2, 0, 255]);
const LOG_COLUMNS: [CaptureObject; 2] = [CaptureObject::CLOCK, CaptureObject::new(1, CODE, 2)];
const DAILY_COLUMNS: [CaptureObject; 2] = [CaptureObject::CLOCK, CaptureObject::new(3, IMPORT, 2)];
const CLOCK: LogicalName = LogicalName([0, 0, 1, 0, 0, 255]);
const COLUMNS: [CaptureObject; 4] = [
    CaptureObject::CLOCK,
    CaptureObject::new(1, STATUS, 2),
    CaptureObject::new(3, IMPORT, 2),
    CaptureObject::new(3, EXPORT, 2),
];
const TITLE: [u8; 8] = *b"MTR\0\0\0\0\x01";

/// Midnight of a summer's day, when the driver's clock began.
pub fn midnight() -> Utc {
    Utc::from_civil(2026, 7, 1, 0, 0, 0).unwrap()
}

pub fn anchor() -> UtcAnchor {
    UtcAnchor { at: Instant::EPOCH, utc: midnight() }
}

pub fn eui64(n: u16) -> Eui64 {
    Eui64::from_u64(0x0200_0000_0000_0000 | u64::from(n))
}

fn keys(n: u16) -> [[u8; 16]; 2] {
    let seed = Seed::from_u64(u64::from(n)).0;
    [seed[..16].try_into().unwrap(), seed[16..].try_into().unwrap()]
}

pub fn entry(n: u16) -> MeterEntry {
    let [encryption, authentication] = keys(n);
    MeterEntry {
        eui64: eui64(n),
        short: None,
        encryption_key: Key(encryption),
        authentication_key: Key(authentication),
        renewed: None,
        first_invocation_counter: 1,
        last_server_counter: None,
        last_capture: None,
        one_way: false,
    }
}

/// The master key of meter `n`.
pub fn master(n: u16) -> Key {
    Key([n as u8 + 1; 16])
}

/// What the register of meter `n` holds at `capture`: what the store must hold in the end.
pub fn truth(n: u16, name: LogicalName, capture: Utc) -> i64 {
    capture.as_secs() / 900 % 100_000 * 7 + i64::from(n) * 1_000_000 + i64::from(name == EXPORT)
}

/// How a meter deceives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Rows beyond those that were asked for.
    OutsideRange,
    /// Times between boundaries.
    Misaligned,
    /// A text where a number belongs.
    Text,
    /// Nothing where a number belongs.
    Empty,
    /// A number where a time belongs.
    NoClock,
    /// Rows with one cell too few.
    ShortRows,
    /// No array at all.
    NoArray,
    /// A clock that says that it is wrong.
    InvalidClock,
    /// Two columns of the same register.
    TwinColumns,
    /// A scaler that is a text.
    WrongScaler,
}

impl Lie {
    pub const ALL: [Self; 10] = [
        Self::OutsideRange,
        Self::Misaligned,
        Self::Text,
        Self::Empty,
        Self::NoClock,
        Self::ShortRows,
        Self::NoArray,
        Self::InvalidClock,
        Self::TwinColumns,
        Self::WrongScaler,
    ];
}

/// The objects of a meter with a load profile that captures at every boundary.
pub struct Objects {
    pub number: u16,
    pub installed: Utc,
    /// Captures that the meter does not have.
    pub missing: BTreeSet<Utc>,
    pub lie: Option<Lie>,
    /// How far its clock is ahead, for the clock object alone.
    pub ahead_ms: i64,
    /// Whether its clock may be set.
    pub clock_opens: bool,
    /// Whether it does not know the time.
    pub clock_lost: bool,
    /// The log of events.
    pub events: Vec<(Utc, u8)>,
    /// Whether registers and profiles of tasks are answered with a text.
    pub nonsense: bool,
    /// Questions for the buffer.
    pub asked: u32,
    /// Questions for the time.
    pub clock_asked: u32,
    /// The place for firmware.
    pub image: image::ImageDouble,
}

/// Rows of a time and a number.
struct Pairs(Vec<(Utc, u64)>);

impl RowSource for Pairs {
    fn rows(&self) -> u32 {
        self.0.len() as u32
    }

    fn key(&self, row: u32, column: usize) -> Option<i64> {
        (column == 0).then(|| self.0[row as usize].0.as_secs())
    }

    fn cell(&self, row: u32, column: usize, out: &mut Encoder<'_>) {
        let (time, number) = self.0[row as usize];
        match column {
            0 => out.clock_time(&ClockTime::from_utc(time, -120, ClockStatus::DAYLIGHT_SAVING)),
            _ => out.u64(number),
        }
    }
}

struct Captured<'a> {
    objects: &'a Objects,
    captures: Vec<Utc>,
}

impl RowSource for Captured<'_> {
    fn rows(&self) -> u32 {
        self.captures.len() as u32
    }

    fn key(&self, row: u32, column: usize) -> Option<i64> {
        (column == 0).then(|| self.captures[row as usize].as_secs())
    }

    fn cell(&self, row: u32, column: usize, out: &mut Encoder<'_>) {
        let capture = self.captures[row as usize];
        let value = |name| truth(self.objects.number, name, capture) as u64;
        match column {
            0 => out.clock_time(&ClockTime::from_utc(capture, -120, ClockStatus::DAYLIGHT_SAVING)),
            1 => out.u8(4),
            2 => out.u64(value(IMPORT)),
            _ => out.u64(value(EXPORT)),
        }
    }
}

impl Objects {
    fn captures(&self, now: Instant) -> Vec<Utc> {
        let last = anchor().utc(now).floor(PERIOD);
        let all = (1..).map(|n| self.installed + PERIOD * n).take_while(|&capture| capture <= last);
        all.filter(|capture| !self.missing.contains(capture)).collect()
    }

    fn profile(
        &self,
        request: &AttributeRequest,
        now: Instant,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        let description = ProfileDescription {
            logical_name: PROFILE,
            capture_objects: &COLUMNS,
            capture_period_s: 900,
            sort_method: SortMethod::Fifo,
            profile_entries: 4000,
        };
        let rows = Captured { objects: self, captures: self.captures(now) };
        profile::encode(request.attribute, request.selector.as_ref(), &description, &rows, out)
    }

    /// What tasks read.
    fn task_profile(
        &self,
        request: &AttributeRequest,
        now: Instant,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        let (columns, rows) = if request.logical_name == LOG {
            (&LOG_COLUMNS, self.events.iter().map(|(time, code)| (*time, u64::from(*code))).collect())
        } else {
            let day = Duration::from_secs(86_400);
            let last = anchor().utc(now).floor(day);
            let days = (0..5).map(|n| last - day * n);
            (&DAILY_COLUMNS, days.map(|at| (at, truth(self.number, IMPORT, at) as u64)).collect())
        };
        let description = ProfileDescription {
            logical_name: request.logical_name,
            capture_objects: columns,
            capture_period_s: 0,
            sort_method: SortMethod::Fifo,
            profile_entries: 100,
        };
        profile::encode(request.attribute, request.selector.as_ref(), &description, &Pairs(rows), out)
    }

    /// Rows that would pass but for one thing.
    fn lying_buffer(&self, lie: Lie, now: Instant, out: &mut Encoder<'_>) {
        let last = anchor().utc(now).floor(PERIOD);
        let (earlier, status) = (last - PERIOD, ClockStatus::OK);
        let clock = |utc, status| ClockTime::from_utc(utc, 0, status);
        let second = Duration::from_secs(1);
        let (first, next) = match lie {
            Lie::OutsideRange => (last, last + PERIOD),
            Lie::Misaligned => (earlier, last - second),
            _ => (earlier, last),
        };
        if lie == Lie::NoArray {
            return out.u32(1);
        }
        out.array(2);
        for utc in [first, next] {
            out.structure(if lie == Lie::ShortRows { 3 } else { 4 });
            match lie {
                Lie::NoClock => out.u32(1),
                Lie::InvalidClock => out.clock_time(&clock(utc, ClockStatus::INVALID)),
                _ => out.clock_time(&clock(utc, status)),
            }
            out.u8(0);
            match lie {
                Lie::Text => out.visible_string("12"),
                Lie::Empty => out.null(),
                _ => out.u32(12),
            }
            if lie != Lie::ShortRows {
                out.u32(0);
            }
        }
    }
}

impl ObjectModel for Objects {
    fn object(&self, index: usize, _: &AssociationContext) -> Option<ObjectEntry> {
        let objects = [
            ObjectEntry::read_only(7, 1, PROFILE, 8),
            ObjectEntry::read_only(8, 0, CLOCK, 9).writable(u32::from(self.clock_opens) << 2),
            ObjectEntry::read_only(3, 0, IMPORT, 3),
            ObjectEntry::read_only(3, 0, EXPORT, 3),
            ObjectEntry::read_only(3, 0, VOLTAGE, 3),
            ObjectEntry::read_only(7, 1, LOG, 8),
            ObjectEntry::read_only(7, 1, DAILY, 8),
            ObjectEntry::read_only(3, 0, CURRENT, 3),
        ];
        let objects = &objects[..objects.len() - usize::from(self.number % 2)];
        let images = image::ImageDouble::entries();
        objects.iter().chain(&images).nth(index).copied()
    }

    fn get(
        &mut self,
        request: &AttributeRequest,
        association: &AssociationContext,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        assert!(association.ciphered, "nothing is asked in clear");
        let now = association.now;
        let is_buffer = request.logical_name == PROFILE && request.attribute == 2;
        self.asked += u32::from(is_buffer);
        match (request.logical_name, request.attribute, self.lie) {
            (VOLTAGE | CURRENT | LOG | DAILY, 2, _) if self.nonsense => out.visible_string("12"),
            (LOG | DAILY, ..) => return self.task_profile(request, now, out),
            (VOLTAGE, 3, _) => ScalerUnit { scaler: -1, unit: Unit(35) }.encode(out),
            (VOLTAGE, 2, _) => out.u16(2300 + self.number),
            (CURRENT, 3, _) => ScalerUnit { scaler: -3, unit: Unit(33) }.encode(out),
            (CURRENT, 2, _) => out.i32(-1234),
            (PROFILE, 3, Some(Lie::TwinColumns)) => {
                out.array(3);
                [COLUMNS[0], COLUMNS[2], COLUMNS[2]].iter().for_each(|column| column.encode(out));
            }
            (IMPORT, 3, Some(Lie::WrongScaler)) => out.visible_string("Wh"),
            (PROFILE, 2, Some(lie)) => self.lying_buffer(lie, now, out),
            (PROFILE, ..) => return self.profile(request, now, out),
            (CLOCK, 2, _) => {
                self.clock_asked += 1;
                let shown = Utc::from_millis(anchor().utc(now).as_millis() + self.ahead_ms);
                let lost = ClockTime::UNSPECIFIED;
                let shown = ClockTime::from_utc(shown, -120, ClockStatus::DAYLIGHT_SAVING);
                out.clock_time(if self.clock_lost { &lost } else { &shown });
            }
            (image::IMAGE_TRANSFER, attribute, _) => return self.image.get(attribute, now, out),
            (image::FIRMWARE, ..) => out.octet_string(&self.image.version),
            (_, 3, _) => ScalerUnit { scaler: -1, unit: Unit::WATT_HOUR }.encode(out),
            _ => return Err(DataAccessResult::ObjectUndefined),
        }
        Ok(())
    }

    fn set(
        &mut self,
        request: &AttributeRequest,
        value: &Data<'_>,
        association: &AssociationContext,
    ) -> Result<(), DataAccessResult> {
        if request.logical_name == image::IMAGE_TRANSFER {
            return self.image.set(request, value, association.now);
        }
        assert_eq!((request.logical_name, request.attribute), (CLOCK, 2));
        let clock = value.as_clock_time().ok_or(DataAccessResult::TypeUnmatched)?;
        let zone = if self.clock_lost { 0 } else { -120 };
        assert_eq!(clock.deviation(), Some(zone), "in the zone of the meter, or in UTC where it tells none");
        self.clock_lost = false;
        let utc = clock.utc().ok_or(DataAccessResult::OtherReason)?;
        self.ahead_ms = utc.as_millis() - anchor().utc(association.now).as_millis();
        Ok(())
    }

    fn action(
        &mut self,
        request: &MethodRequest,
        parameter: Option<&Data<'_>>,
        association: &AssociationContext,
        _: &mut Encoder<'_>,
    ) -> Result<(), ActionResult> {
        match request.logical_name {
            image::IMAGE_TRANSFER => self.image.act(request, parameter, association.now),
            _ => Err(ActionResult::ReadWriteDenied),
        }
    }
}

/// A meter at the other end.
pub struct MeterDouble {
    pub objects: Objects,
    pub server: Server,
    /// Whether it hears and speaks.
    pub alive: bool,
    /// New keys that it has made durable.
    pub keys_taken: u32,
}

impl MeterDouble {
    pub fn new(number: u16) -> Self {
        let [encryption, authentication] = keys(number);
        let keys = Suite0::new(&encryption, &authentication).with_master_key(&master(number).0).unwrap();
        let authentication = ServerAuthentication::HlsGmac { keys, last_client_counter: None };
        let association = AssociationConfig {
            client_sap: 1,
            authentication,
            access: Access::Management,
            pre_established: false,
        };
        let server = Server::new(ServerConfig {
            server_sap: 1,
            server_title: TITLE,
            logical_device_name: *b"MTR0000000000001",
            associations: vec![association],
            max_pdu: 512,
            max_value_len: 64 * 1024,
            max_sessions: 2,
            first_invocation_counter: 1,
            counter_block: 64,
            session_timeout: Duration::from_secs(1800),
            max_failed_proofs: 5,
            lockout: Duration::from_secs(60),
            security_errors: SecurityErrors::WithCounter,
            seed: Seed::from_u64(1000 + u64::from(number)),
        });
        let installed = midnight() - PERIOD * 10;
        let missing = BTreeSet::new();
        let objects = Objects {
            number,
            installed,
            missing,
            lie: None,
            ahead_ms: 0,
            clock_opens: false,
            clock_lost: false,
            events: Vec::new(),
            nonsense: false,
            asked: 0,
            clock_asked: 0,
            image: image::ImageDouble::default(),
        };
        Self { objects, server, alive: true, keys_taken: 0 }
    }
}

/// What the driver keeps of the keys of a meter.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeptKeys {
    pub taken: Option<MeterKeys>,
    pub renewed: Option<RenewedKeys>,
}

/// How bad the network is.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    pub loss_percent: u32,
    pub double_percent: u32,
    pub delay_max_ms: u32,
}

impl Network {
    pub const GOOD: Self = Self { loss_percent: 0, double_percent: 0, delay_max_ms: 100 };
    pub const BAD: Self = Self { loss_percent: 15, double_percent: 15, delay_max_ms: 3000 };
}

enum Parcel {
    ToMeter(ShortAddress, UdpPayload),
    ToCollector(ShortAddress, UdpPayload),
    Stored(u64),
}

/// The collector, its store, the meters, and the network between.
pub struct Street {
    pub collector: Collector,
    pub meters: BTreeMap<u16, MeterDouble>,
    pub network: Network,
    /// Whether the store makes anything durable.
    pub disk_works: bool,
    /// How long that takes.
    pub store_takes: Duration,
    /// The most sessions that were under way at once, and the most meters that were asked at once.
    pub most_sessions: usize,
    pub most_asked: usize,
    pub now: Instant,
    pub stored: BTreeMap<(Eui64, LogicalName, Utc), Reading>,
    pub batches: Vec<Batch>,
    /// What tasks have read, by meter, source, name, time and ordinal; and how often something came again.
    pub values: BTreeMap<(Eui64, LogicalName, LogicalName, Utc, u16), Value>,
    pub again: usize,
    pub marks: BTreeMap<(Eui64, LogicalName), Utc>,
    pub reports: Vec<RunReport>,
    pub events: Vec<(Instant, CollectorEvent)>,
    pub reserved: BTreeMap<Eui64, u32>,
    pub server_counters: BTreeMap<Eui64, u32>,
    /// Outputs after which the concentrator is dead: none of what follows is carried out.
    pub dies_after: Option<usize>,
    dead: bool,
    /// Keys that are durable.
    pub keys: BTreeMap<Eui64, KeptKeys>,
    config: CollectorConfig,
    air: BTreeMap<(Instant, u64), Parcel>,
    /// Meters that have not answered yet.
    asked: BTreeSet<ShortAddress>,
    sequence: u64,
    stream: Stream,
}

impl Street {
    /// Meters `1..=meters` that have joined, and a collector that knows UTC.
    pub fn new(config: CollectorConfig, meters: u16, network: Network) -> Self {
        let mut street = Self {
            collector: Collector::new(config.clone()),
            meters: (1..=meters).map(|n| (n, MeterDouble::new(n))).collect(),
            network,
            disk_works: true,
            store_takes: Duration::from_millis(20),
            most_sessions: 0,
            most_asked: 0,
            now: Instant::EPOCH,
            stored: BTreeMap::new(),
            batches: Vec::new(),
            values: BTreeMap::new(),
            again: 0,
            marks: BTreeMap::new(),
            reports: Vec::new(),
            events: Vec::new(),
            reserved: BTreeMap::new(),
            server_counters: BTreeMap::new(),
            dies_after: None,
            dead: false,
            keys: BTreeMap::new(),
            stream: config.seed.derive("network", 0).stream(),
            config,
            air: BTreeMap::new(),
            asked: BTreeSet::new(),
            sequence: 0,
        };
        street.input(CollectorInput::Clock(anchor()));
        for n in 1..=meters {
            street.input(CollectorInput::Register(entry(n)));
            street.join(n);
        }
        street
    }

    pub fn join(&mut self, n: u16) {
        self.input(CollectorInput::Joined { eui64: eui64(n), short: ShortAddress(n) });
    }

    pub fn leave(&mut self, n: u16) {
        self.input(CollectorInput::Left { eui64: eui64(n) });
    }

    /// The collector loses everything but what was made durable, and begins again.
    pub fn restart(&mut self) {
        self.air.clear();
        self.dead = false;
        self.collector = Collector::new(self.config.clone());
        self.input(CollectorInput::Clock(anchor()));
        for n in self.meters.keys().copied().collect::<Vec<_>>() {
            let of_meter = self.stored.keys().filter(|key| key.0 == eui64(n));
            let kept = self.keys.get(&eui64(n)).copied().unwrap_or_default();
            let as_made = entry(n);
            let configured =
                MeterKeys { encryption: as_made.encryption_key, authentication: as_made.authentication_key };
            let keys = kept.taken.unwrap_or(configured);
            let restored = MeterEntry {
                encryption_key: keys.encryption,
                authentication_key: keys.authentication,
                renewed: kept.renewed,
                short: Some(ShortAddress(n)),
                first_invocation_counter: self.reserved.get(&eui64(n)).copied().unwrap_or(1),
                last_server_counter: self.server_counters.get(&eui64(n)).copied(),
                last_capture: of_meter.map(|key| key.2).max(),
                ..as_made
            };
            self.input(CollectorInput::Register(restored));
        }
        for ((meter, source), through) in self.marks.clone() {
            self.input(CollectorInput::Mark(Mark { meter, source, through }));
        }
    }

    /// Lets everything happen until `hours` after midnight.
    pub fn run_until_hours(&mut self, hours: f64) {
        let end = Instant::EPOCH + Duration::from_secs_f64(hours * 3600.0);
        while let Some(at) = self.next_moment().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            match self.air.first_key_value() {
                Some((&(due, _), _)) if due <= self.now => self.deliver(),
                _ => self.collector.tick(self.now),
            }
            self.drain();
        }
        self.now = end;
    }

    /// Hands an input to the collector, and carries out what it wants.
    pub fn input(&mut self, input: CollectorInput<'_>) {
        self.collector.handle(self.now, input);
        self.drain();
    }

    /// What is stored of a meter, by register.
    pub fn captures(&self, n: u16, name: LogicalName) -> BTreeMap<Utc, i64> {
        let of =
            self.stored.iter().filter(|((meter, register, _), _)| (*meter, *register) == (eui64(n), name));
        of.map(|((.., capture), reading)| (*capture, reading.value)).collect()
    }

    /// Fails unless exactly the captures `from..=to` of meter `n` are stored, with the values that the meter has.
    pub fn assert_complete(&self, n: u16, from: Utc, to: Utc) {
        for name in [IMPORT, EXPORT] {
            let expected: BTreeMap<_, _> = (0..)
                .map(|step| from + PERIOD * step)
                .take_while(|&capture| capture <= to)
                .map(|capture| (capture, truth(n, name, capture)))
                .collect();
            assert_eq!(self.captures(n, name), expected, "meter {n}, {name}");
        }
    }

    pub fn events_of(&self, n: u16, wanted: impl Fn(&CollectorEvent) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| event.meter() == eui64(n) && wanted(event)).count()
    }

    fn next_moment(&self) -> Option<Instant> {
        let air = self.air.first_key_value().map(|(&(at, _), _)| at);
        self.collector.deadline().into_iter().chain(air).min()
    }

    fn deliver(&mut self) {
        match self.air.pop_first() {
            Some((_, Parcel::ToMeter(short, payload))) => self.serve(short, &payload),
            Some((_, Parcel::ToCollector(src, payload))) => {
                self.asked.remove(&src);
                let (src_port, dst_port) = (DLMS_PORT, DLMS_PORT);
                let indication =
                    UdpIndication { src, src_port, dst_port, payload, hops: 1, lqi: plc_core::sap::Lqi(80) };
                self.collector.handle(self.now, CollectorInput::Udp(&indication));
            }
            Some((_, Parcel::Stored(batch))) => {
                self.collector.handle(self.now, CollectorInput::Stored { batch })
            }
            None => {}
        }
    }

    fn serve(&mut self, short: ShortAddress, payload: &[u8]) {
        let Some(meter) = self.meters.get_mut(&short.0).filter(|meter| meter.alive) else { return };
        meter.server.serve(self.now, 0, payload, &mut meter.objects);
        let mut answers = Vec::new();
        while let Some(output) = meter.server.poll() {
            if let ServerOutput::Datagram { bytes, .. } = output {
                answers.push(UdpPayload::from_slice(&bytes).expect("an answer fits a datagram"));
            } else if let ServerOutput::Persist(ServerPersist::Key { .. }) = output {
                meter.keys_taken += 1;
            }
        }
        for payload in answers {
            self.send(|| Parcel::ToCollector(short, payload.clone()));
        }
    }

    fn drain(&mut self) {
        self.most_sessions = self.most_sessions.max(self.collector.sessions());
        while let Some(output) = self.collector.poll() {
            if let Some(left) = &mut self.dies_after {
                match left.checked_sub(1) {
                    Some(fewer) => *left = fewer,
                    None => (self.dies_after, self.dead) = (None, true),
                }
            }
            if self.dead {
                continue;
            }
            match output {
                CollectorOutput::Udp(request) => {
                    assert_eq!((request.src_port, request.dst_port), (DLMS_PORT, DLMS_PORT));
                    self.asked.insert(request.dst);
                    self.most_asked = self.most_asked.max(self.asked.len());
                    self.send(|| Parcel::ToMeter(request.dst, request.payload.clone()));
                }
                CollectorOutput::Store(batch) => self.store(batch),
                CollectorOutput::StoreValues(batch) => self.store_values(batch),
                CollectorOutput::TaskEnded(report) => self.reports.push(report),
                CollectorOutput::PersistInvocation { meter, reserved_to } => {
                    let before = self.reserved.insert(meter, reserved_to);
                    assert!(before.is_none_or(|before| before < reserved_to), "counters never go back");
                }
                CollectorOutput::PersistServerCounter { meter, last } => {
                    self.server_counters.insert(meter, last);
                }
                CollectorOutput::PersistRenewedInvocation { meter, reserved_to } => {
                    let renewed = self.keys.get_mut(&meter).unwrap().renewed.as_mut().unwrap();
                    assert!(renewed.first_invocation_counter < reserved_to, "counters never go back");
                    renewed.first_invocation_counter = reserved_to;
                }
                CollectorOutput::Event(event) => {
                    self.keep_keys(&event);
                    self.events.push((self.now, event));
                }
            }
        }
    }

    /// Keys that a meter has taken are its keys, with counters of their own.
    fn keep_keys(&mut self, event: &CollectorEvent) {
        let CollectorEvent::KeysSettled { meter, renewed } = *event else { return };
        let kept = self.keys.get_mut(&meter).unwrap();
        let settled = kept.renewed.take().unwrap();
        if renewed {
            kept.taken = Some(settled.keys);
            self.reserved.insert(meter, settled.first_invocation_counter);
            self.server_counters.remove(&meter);
        }
    }

    fn store(&mut self, batch: Batch) {
        if !self.disk_works {
            return;
        }
        for reading in &batch.readings {
            let key = (reading.meter, reading.logical_name, reading.capture);
            let before = self.stored.insert(key, *reading);
            assert!(before.is_none_or(|before| before == *reading), "a reading never changes");
        }
        self.later(self.store_takes, Parcel::Stored(batch.number));
        self.batches.push(batch);
    }

    fn store_values(&mut self, batch: ValueBatch) {
        if !self.disk_works {
            return;
        }
        for value in batch.values {
            let key = (value.meter, value.source, value.logical_name, value.capture, value.ordinal);
            let before = self.values.insert(key, value);
            self.again += usize::from(before.is_some());
            assert!(before.is_none_or(|before| before == value), "a value never changes");
        }
        if let Some(Mark { meter, source, through }) = batch.mark {
            self.marks.insert((meter, source), through);
        }
        self.later(self.store_takes, Parcel::Stored(batch.number));
    }

    fn send(&mut self, parcel: impl Fn() -> Parcel) {
        let Network { loss_percent, double_percent, delay_max_ms } = self.network;
        let copies = 1 + u32::from(uniform(&mut self.stream, 100) < double_percent);
        for _ in 0..copies {
            let delay = Duration::from_millis(20 + u64::from(uniform(&mut self.stream, delay_max_ms)));
            if uniform(&mut self.stream, 100) >= loss_percent {
                self.later(delay, parcel());
            }
        }
    }

    fn later(&mut self, delay: Duration, parcel: Parcel) {
        self.sequence += 1;
        self.air.insert((self.now + delay, self.sequence), parcel);
    }
}
