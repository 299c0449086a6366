//! The configuration file, `concentrator.toml`.
//!
//! Every key has a default and is explained in the file that `concentrator config` prints ([`Config::to_toml`]).
//! Everything that is wrong is reported at once, each with its line, key, value and what was expected.

mod backhaul;
mod changes;
mod guard;
mod section;
mod task;
mod template;
#[cfg(test)]
mod tests;
mod trial;
mod value;

pub use self::backhaul::BackhaulConfig;
pub use changes::{Change, Effect};
pub use section::ConfigError;
pub use trial::{Pending, Trial, TrialError};
pub use value::Key128;

use crate::bounded;
use crate::grpc::Access;
use crate::hex;
use crate::jobs::Guard;
use crate::logging::LogFormat;
use crate::store::Limits;
use crate::tasks::Plan;
use crate::uplink::TlsFiles;
use crate::words;
use plc_core::{Eui64, PanId};
use section::{Findings, Section, Show};
use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;
use tracing_subscriber::EnvFilter;

/// Everything that is wrong with a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct ConfigErrors {
    /// The file.
    pub path: PathBuf,
    /// At least one, in the order of the lines.
    pub errors: Vec<ConfigError>,
}

/// The configuration of the concentrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `store.path`: the database.
    pub store_path: PathBuf,
    /// `grpc.listen`: where the interface is served.
    pub listen: SocketAddr,
    /// `grpc.authority`, `certificate`, `key` or `plain_text`: how clients come in; `None` when nothing is said.
    pub access: Option<Access>,
    /// `store.max_mb`, `store.keep_days`: what is kept.
    pub limits: Limits,
    /// `[backhaul]`, if there is a head-end.
    pub backhaul: Option<BackhaulConfig>,
    /// `[plc]`.
    pub plc: PlcConfig,
    /// `[collector]`.
    pub collector: CollectorConfig,
    /// `metrics.listen`: where metrics are served, if at all.
    pub metrics: Option<SocketAddr>,
    /// `log.level`: a filter of `tracing`.
    pub log: String,
    /// `log.format`.
    pub log_format: LogFormat,
    /// `[jobs]`.
    pub guard: Guard,
    /// `[[task]]`, in the order of the file.
    pub tasks: Vec<Plan>,
    /// `[[meter]]`, here and in `meters_file`, ordered by EUI-64.
    pub meters: Vec<MeterConfig>,
}

/// The power line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlcConfig {
    /// The analogue front end: `unix:/path` or `tcp:host:port`.
    pub front_end: String,
    /// The extended address of the concentrator's own node.
    pub eui64: Eui64,
    /// The frequencies.
    pub band: Band,
    /// The identifier of the network to form.
    pub pan_id: PanId,
}

/// The frequencies that the modem uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Band {
    /// G3-PLC in CENELEC band A, 35.9 to 90.6 kHz.
    CenelecA,
}

/// What is read, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectorConfig {
    /// Period at which the meters capture their load profile.
    pub capture_period: Duration,
    /// How long after a capture it is read.
    pub read_delay: Duration,
    /// How often an unanswered request is sent again.
    pub retries: u8,
    /// Meters that are read at the same time.
    pub parallel_sessions: u16,
    /// Whether meters whose clock deviates are set to the time of the concentrator.
    pub set_clocks: bool,
    /// The largest deviation that is corrected without an order.
    pub set_clocks_within: Duration,
    /// The file that is there while the clock of the machine is synchronised, if one says so.
    pub clock_trusted_file: Option<PathBuf>,
}

/// A meter that may join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterConfig {
    /// Its name for people.
    pub id: String,
    /// Its extended address.
    pub eui64: Eui64,
    /// The key with which it joins (EAP-PSK).
    pub psk: Key128,
    /// The DLMS global unicast encryption key.
    pub encryption_key: Key128,
    /// The DLMS authentication key.
    pub authentication_key: Key128,
    /// The DLMS master key, under which new keys are transferred; without it the meter is given none.
    pub master_key: Option<Key128>,
    /// Whether it only pushes: it is never asked, and its keys are those of its pushes.
    pub one_way: bool,
    /// Its DLMS system title.
    pub system_title: [u8; 8],
}

impl Default for Config {
    fn default() -> Self {
        Self {
            store_path: "/var/lib/concentrator/concentrator.sqlite".into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            access: None,
            limits: Limits { head_end: false, ..Limits::default() },
            backhaul: None,
            plc: PlcConfig {
                front_end: String::from("unix:/run/concentrator/front-end.sock"),
                eui64: Eui64::from_u64(0x0251_4D00_00FF_FFFE),
                band: Band::CenelecA,
                pan_id: PanId(0x1001),
            },
            collector: CollectorConfig {
                capture_period: Duration::from_secs(900),
                read_delay: Duration::from_secs(60),
                retries: 3,
                parallel_sessions: 4,
                set_clocks: true,
                set_clocks_within: Duration::from_secs(86_400),
                clock_trusted_file: None,
            },
            metrics: None,
            log: String::from("info"),
            log_format: LogFormat::Text,
            guard: Guard::default(),
            tasks: Vec::new(),
            meters: Vec::new(),
        }
    }
}

impl Band {
    /// The word for it in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CenelecA => "cenelec-a",
        }
    }
}

impl Config {
    /// Reads a file, and the `meters_file` and key files that it names (relative to its folder).
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let text = read(path).map_err(|error| ConfigErrors { path: path.to_owned(), errors: vec![error] })?;
        Self::parse(&text, path)
    }

    /// Reads the text of the file at `path`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigErrors> {
        let (config, findings) = Self::examine(text, folder(path));
        outcome(config, findings, path)
    }

    fn examine(text: &str, folder: &Path) -> (Self, Findings) {
        let mut findings = Findings::new(text);
        let found = &mut findings;
        let mut root = section::parse(text, found);
        let mut config = Self::default();
        config.take_store(&mut root, found);
        config.take_interface(&mut root, folder, found);
        config.backhaul = BackhaulConfig::take(root.section("backhaul", found), folder, found);
        config.limits.head_end = config.backhaul.is_some();
        config.plc.take(root.section("plc", found), found);
        config.collector.take(root.section("collector", found), found);
        config.take_watch(&mut root, found);
        config.guard = guard::take(root.section("jobs", found), found);
        config.take_meters(&mut root, folder, found);
        config.tasks = task::take_all(&mut root, &config.meters, found);
        root.finish(found);
        (config, findings)
    }

    fn take_store(&mut self, root: &mut Section<'_>, found: &mut Findings) {
        let mut store = root.section("store", found);
        set(
            &mut self.store_path,
            store.take("path", "a path", Show::Value, found, |v| value::text(v).map(Into::into)),
        );
        let megabytes = store.take("max_mb", "a number, 8 to 1000000", Show::Value, found, |v| {
            value::integer(v, 8..=1_000_000)
        });
        set(&mut self.limits.octets, megabytes.map(|megabytes| megabytes.unsigned_abs() << 20));
        let days = store
            .take("keep_days", "a number, 1 to 3650", Show::Value, found, |v| value::integer(v, 1..=3650));
        set(&mut self.limits.keep, days.map(|days| Duration::from_secs(days.unsigned_abs() * 86_400)));
        store.finish(found);
    }

    /// The certificates of this box (PEM), by the table that names them.
    pub fn certificates(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let near = match &self.access {
            Some(Access::Mutual(files)) => Some(("grpc", files)),
            _ => None,
        };
        let far = self.backhaul.as_ref().and_then(|far| far.tls.as_ref()).map(|files| ("backhaul", files));
        near.into_iter().chain(far).map(|(table, files)| (table, files.certificate.as_str()))
    }

    fn take_interface(&mut self, root: &mut Section<'_>, folder: &Path, found: &mut Findings) {
        let mut grpc = root.section("grpc", found);
        let span = grpc.span();
        let expected = "an address and a port, such as \"127.0.0.1:50051\"";
        set(
            &mut self.listen,
            grpc.take("listen", expected, Show::Value, found, |v| v.as_str()?.parse().ok()),
        );
        let pem = "the path of a readable PEM file";
        let mut file = |key| grpc.take(key, pem, Show::Value, found, |v| backhaul::read(v, folder));
        let files = (file("authority"), file("certificate"), file("key"));
        let plain = grpc.take("plain_text", "true or false", Show::Value, found, toml::de::DeValue::as_bool);
        grpc.finish(found);
        let some = files.0.is_some() || files.1.is_some() || files.2.is_some();
        self.access = match (files, plain) {
            ((Some(authority), Some(certificate), Some(key)), None | Some(false)) => {
                Some(Access::Mutual(TlsFiles { authority, certificate, key }))
            }
            (_, Some(true)) if !some => Some(Access::PlainText),
            _ => None,
        };
        if let Some(Access::Mutual(files)) = &self.access
            && let Some(fault) = backhaul::unsound(files)
        {
            return found.push(span, format!("grpc: {fault}"));
        }
        let fault = match &self.access {
            Some(Access::PlainText) if !self.listen.ip().is_loopback() => {
                "plain_text = true only with an address of this machine, such as 127.0.0.1:50051"
            }
            None if some => "authority, certificate and key together, and not plain_text = true",
            _ => return,
        };
        found.push(span, format!("grpc: expected {fault}"));
    }

    fn take_watch(&mut self, root: &mut Section<'_>, found: &mut Findings) {
        let mut metrics = root.section("metrics", found);
        let expected = "an address and a port, such as \"127.0.0.1:9469\"";
        let listen = |v: &toml::de::DeValue<'_>| v.as_str()?.parse().ok();
        self.metrics = metrics.take("listen", expected, Show::Value, found, listen);
        metrics.finish(found);
        let mut log = root.section("log", found);
        let expected = "a filter such as \"info\" or \"warn,concentrator=debug\"";
        let filter =
            |v: &toml::de::DeValue<'_>| value::text(v).filter(|filter| EnvFilter::try_new(filter).is_ok());
        set(&mut self.log, log.take("level", expected, Show::Value, found, filter));
        let expected = "\"text\", \"json\" or \"journald\"";
        let format = |v: &toml::de::DeValue<'_>| LogFormat::from_name(v.as_str()?);
        set(&mut self.log_format, log.take("format", expected, Show::Value, found, format));
        log.finish(found);
    }

    fn take_meters(&mut self, root: &mut Section<'_>, folder: &Path, found: &mut Findings) {
        let mut seen = Seen::default();
        for section in root.sections("meter", found) {
            let span = section.span();
            if let Some(meter) = take_meter(section, folder, found) {
                seen.check(&meter).into_iter().for_each(|text| found.push(span.clone(), text));
                self.meters.push(meter);
            }
        }
        let expected = "the path of a readable file of [[meter]] tables";
        let meters = root.take("meters_file", expected, Show::Value, found, |v| {
            let path = folder.join(value::text(v)?);
            read(&path).ok().map(|text| (path, text))
        });
        if let Some((path, text)) = meters {
            self.take_meters_file(&path, &text, &mut seen, found);
        }
        self.meters.sort_unstable_by_key(|meter| meter.eui64);
    }

    /// As the meters of the main file; its errors name the file too.
    fn take_meters_file(&mut self, path: &Path, text: &str, seen: &mut Seen, found: &mut Findings) {
        let mut inner = Findings::new(text);
        let mut root = section::parse(text, &mut inner);
        for section in root.sections("meter", &mut inner) {
            let span = section.span();
            if let Some(meter) = take_meter(section, folder(path), &mut inner) {
                seen.check(&meter).into_iter().for_each(|text| inner.push(span.clone(), text));
                self.meters.push(meter);
            }
        }
        root.finish(&mut inner);
        inner.errors.sort_by_key(|error| error.line);
        let named =
            |error: ConfigError| ConfigError { line: 0, text: format!("{}: {error}", path.display()) };
        found.errors.extend(inner.errors.into_iter().map(named));
    }
}

impl PlcConfig {
    fn take(&mut self, mut section: Section<'_>, found: &mut Findings) {
        let expected = "\"unix:/absolute/path\" or \"tcp:host:port\"";
        set(&mut self.front_end, section.take("front_end", expected, Show::Value, found, value::front_end));
        let expected = "16 hexadecimal digits";
        set(&mut self.eui64, section.take("eui64", expected, Show::Value, found, value::eui64));
        set(
            &mut self.band,
            section.take("band", "\"cenelec-a\"", Show::Value, found, |v| {
                (v.as_str()? == Band::CenelecA.as_str()).then_some(Band::CenelecA)
            }),
        );
        let expected = "a number up to 0xfcff with the bits 0x0300 clear";
        set(&mut self.pan_id, section.take("pan_id", expected, Show::Value, found, value::pan_id));
        section.finish(found);
    }
}

impl CollectorConfig {
    fn take(&mut self, mut section: Section<'_>, found: &mut Findings) {
        let expected = "seconds that divide a day, 60 to 86400";
        set(
            &mut self.capture_period,
            section.take("capture_period_s", expected, Show::Value, found, |v| {
                value::seconds(v, 60..=86_400).filter(|period| 86_400 % period.as_secs() == 0)
            }),
        );
        set(
            &mut self.read_delay,
            section.take("read_delay_s", "seconds, 0 to 86400", Show::Value, found, |v| {
                value::seconds(v, 0..=86_400)
            }),
        );
        set(
            &mut self.retries,
            section.take("retries", "a number, 0 to 20", Show::Value, found, |v| {
                value::integer(v, 0..=20)?.try_into().ok()
            }),
        );
        set(
            &mut self.parallel_sessions,
            section.take("parallel_sessions", "a number, 1 to 64", Show::Value, found, |v| {
                value::integer(v, 1..=64)?.try_into().ok()
            }),
        );
        set(
            &mut self.set_clocks,
            section.take("set_clocks", "true or false", Show::Value, found, toml::de::DeValue::as_bool),
        );
        set(
            &mut self.set_clocks_within,
            section.take("set_clocks_within_s", "seconds, 1 to 2678400", Show::Value, found, |v| {
                value::seconds(v, 1..=2_678_400)
            }),
        );
        let path =
            |v: &toml::de::DeValue<'_>| value::text(v).map(PathBuf::from).filter(|path| path.is_absolute());
        self.clock_trusted_file =
            section.take("clock_trusted_file", "an absolute path", Show::Value, found, path);
        section.finish(found);
    }
}

fn take_meter(mut section: Section<'_>, folder: &Path, found: &mut Findings) -> Option<MeterConfig> {
    let key = "32 hexadecimal digits, or \"file:path\" of a file that holds them";
    let id = section.require("id", "a name of 1 to 64 characters", Show::Value, found, |v| {
        value::text(v).filter(|id| id.chars().count() <= 64 && !id.chars().any(char::is_control))
    });
    let eui64 = section.require("eui64", "16 hexadecimal digits", Show::Value, found, value::eui64);
    let psk = section.require("psk", key, Show::Secret, found, |v| value::key(v, folder));
    let encryption_key =
        section.require("encryption_key", key, Show::Secret, found, |v| value::key(v, folder));
    let authentication_key =
        section.require("authentication_key", key, Show::Secret, found, |v| value::key(v, folder));
    let master_key = section.take("master_key", key, Show::Secret, found, |v| value::key(v, folder));
    let one_way = section
        .take("one_way", "true or false", Show::Value, found, toml::de::DeValue::as_bool)
        .unwrap_or(false);
    let system_title = section
        .take("system_title", "16 hexadecimal digits", Show::Value, found, |v| hex::array(v.as_str()?));
    section.finish(found);
    let eui64 = eui64?;
    Some(MeterConfig {
        id: id?,
        eui64,
        psk: psk?,
        encryption_key: encryption_key?,
        authentication_key: authentication_key?,
        master_key,
        one_way,
        system_title: system_title.unwrap_or(eui64.0),
    })
}

/// Names and addresses that are taken.
#[derive(Default)]
struct Seen {
    ids: BTreeSet<String>,
    eui64s: BTreeSet<Eui64>,
}

impl Seen {
    fn check(&mut self, meter: &MeterConfig) -> Option<String> {
        let MeterConfig { id, eui64, .. } = meter;
        if !self.ids.insert(id.clone()) {
            return Some(format!("meter.id = {id:?}: given twice, expected each id once"));
        }
        let twice = !self.eui64s.insert(*eui64);
        twice.then(|| format!("meter.eui64 = {eui64}: given twice, expected each address once"))
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "configuration {}", self.path.display())?;
        match self.errors.as_slice() {
            [only] => write!(f, ": {}", words::cut(&only.to_string(), LINE)),
            all => {
                let mut named = all.iter().take(NAMED);
                named.try_for_each(|error| write!(f, "\n  {}", words::cut(&error.to_string(), LINE)))?;
                match all.len().saturating_sub(NAMED) {
                    0 => Ok(()),
                    more => write!(f, "\n  and {more} more"),
                }
            }
        }
    }
}

/// Faults that are named one by one.
const NAMED: usize = 20;
/// Characters of one of them at most.
const LINE: usize = 400;

fn outcome(config: Config, findings: Findings, path: &Path) -> Result<Config, ConfigErrors> {
    let mut errors = findings.errors;
    errors.sort_by_key(|error| error.line);
    if errors.is_empty() { Ok(config) } else { Err(ConfigErrors { path: path.to_owned(), errors }) }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |error| ConfigError { line: 0, text: format!("{error}; expected a readable file") };
    bounded::text(path).map_err(unreadable)
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}
