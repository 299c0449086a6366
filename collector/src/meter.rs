//! What the collector knows of one meter.

use crate::columns::Columns;
use crate::one_way::Arrivals;
use crate::progress::Progress;
use crate::sheet::Sheet;
use crate::{CollectorConfig, MeterEntry, MeterKeys, RenewedKeys, SessionFailure};
use alloc::collections::BTreeMap;
use core::time::Duration;
use dlms::client::{Client, ClientAuthentication, ClientConfig, Quirks};
use dlms::cosem::{LogicalName, ScalerUnit};
use dlms::security::{Suite0, SystemTitle};
use plc_core::{Eui64, Instant, ShortAddress, Utc};

/// A registered meter.
#[derive(Debug)]
pub(crate) struct Meter {
    /// Address, keys and counters, kept up to date.
    pub entry: MeterEntry,
    /// How far it has been read.
    pub progress: Progress,
    /// The columns of its load profile, once they were read; forgotten when an answer does not fit them.
    pub columns: Option<Columns>,
    /// When to begin the next session. None when the meter is absent, in session, or UTC is not known.
    pub next: Option<Instant>,
    /// Sessions that have ended well since its clock was last compared; none when it never was.
    pub since_clock_check: Option<u32>,
    /// Invocation counters below it are durable as used; those from `entry.first_invocation_counter` on were not.
    pub reserved_to: u32,
    /// The same for the renewed keys.
    pub renewed_reserved_to: u32,
    /// Sessions that the meter did not open since it is uncertain which keys it has.
    pub unopened: u32,
    /// Of a meter that only pushes: what has arrived.
    pub arrivals: Option<Arrivals>,
    /// Figures for operators.
    pub tally: Tally,
    failures: Failures,
    known: Known,
}

/// What tasks have learnt of a meter.
#[derive(Debug, Default)]
struct Known {
    /// Scalers and units of registers; `None` for those that it does not have.
    scalers: BTreeMap<LogicalName, Option<ScalerUnit>>,
    /// Columns of profiles.
    sheets: BTreeMap<LogicalName, Sheet>,
    /// Up to where profiles were read.
    marks: BTreeMap<LogicalName, Utc>,
}

/// Registers of a meter of which the scaler is remembered.
const SCALERS_MAX: usize = 256;
/// Profiles of a meter that are remembered.
const PROFILES_MAX: usize = 64;

/// Figures of one meter since it was registered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Sessions begun.
    pub sessions: u64,
    /// Sessions failed.
    pub failures: u64,
    /// Sessions begun because an earlier one had failed.
    pub retries: u64,
    /// Captures that were reported as lost.
    pub captures_lost: u64,
    /// Why the last failed session failed.
    pub last_failure: Option<SessionFailure>,
}

/// Failures in a row, counted anew at each boundary.
#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    boundary: Option<Utc>,
    count: u32,
}

impl Meter {
    /// A meter as it was registered.
    pub(crate) fn new(entry: MeterEntry) -> Self {
        Self {
            progress: Progress::new(entry.last_capture),
            arrivals: entry.one_way.then(|| Arrivals::new(entry.last_capture)),
            reserved_to: entry.first_invocation_counter,
            renewed_reserved_to: entry.renewed.map_or(1, |renewed| renewed.first_invocation_counter),
            unopened: 0,
            entry,
            columns: None,
            next: None,
            since_clock_check: None,
            tally: Tally::default(),
            failures: Failures::default(),
            known: Known::default(),
        }
    }

    /// Scaler and unit of a register: `None` when they are not known, `Some(None)` when it has none.
    pub(crate) fn scaler(&self, name: LogicalName) -> Option<Option<ScalerUnit>> {
        self.known.scalers.get(&name).copied()
    }

    /// Notes scaler and unit of a register, or that there are none. Beyond a bound all are learnt anew.
    pub(crate) fn learn_scaler(&mut self, name: LogicalName, scaler: Option<ScalerUnit>) {
        make_room(&mut self.known.scalers, SCALERS_MAX);
        self.known.scalers.insert(name, scaler);
    }

    /// Forgets that registers have no scaler: the answer could not be believed.
    pub(crate) fn forget_absent(&mut self) {
        self.known.scalers.retain(|_, scaler| scaler.is_some());
    }

    /// The columns of a profile.
    pub(crate) fn sheet(&self, source: LogicalName) -> Option<&Sheet> {
        self.known.sheets.get(&source)
    }

    /// Notes the columns of a profile.
    pub(crate) fn learn_sheet(&mut self, source: LogicalName, sheet: Sheet) {
        make_room(&mut self.known.sheets, PROFILES_MAX);
        self.known.sheets.insert(source, sheet);
    }

    /// Forgets the columns of a profile, and the scalers with them.
    pub(crate) fn forget_sheet(&mut self, source: LogicalName) {
        self.known.sheets.remove(&source);
        self.known.scalers.clear();
    }

    /// Up to where a profile was read.
    pub(crate) fn mark(&self, source: LogicalName) -> Option<Utc> {
        self.known.marks.get(&source).copied()
    }

    /// Notes up to where a profile was read.
    pub(crate) fn set_mark(&mut self, source: LogicalName, through: Utc) {
        make_room(&mut self.known.marks, PROFILES_MAX);
        self.known.marks.insert(source, through);
    }

    /// Its clock was set back: what it notes from now on may be older than what was read.
    pub(crate) fn set_back(&mut self, by: Duration) {
        self.known.marks.values_mut().for_each(|mark| *mark = *mark - by);
    }

    /// Whether its clock should be compared in this session.
    pub(crate) fn clock_is_due(&self, config: &CollectorConfig) -> bool {
        config.clock_check > 0 && self.since_clock_check.is_none_or(|sessions| sessions >= config.clock_check)
    }

    /// A session has begun; returns whether it repeats a failed one.
    pub(crate) fn begin(&mut self) {
        self.tally.sessions += 1;
        self.tally.retries += u64::from(self.failures.count > 0);
        self.next = None;
    }

    /// A session for `boundary` has ended well.
    pub(crate) fn succeed(&mut self) {
        self.failures = Failures::default();
        self.since_clock_check = self.since_clock_check.map(|sessions| sessions.saturating_add(1));
    }

    /// A session for `boundary` has failed; returns how many have in a row.
    pub(crate) fn fail(&mut self, boundary: Utc, reason: &SessionFailure) -> u32 {
        if self.failures.boundary != Some(boundary) {
            self.failures = Failures { boundary: Some(boundary), count: 0 };
        }
        self.failures.count += 1;
        self.tally.failures += 1;
        self.tally.last_failure = Some(reason.clone());
        if matches!(reason, SessionFailure::Unexpected(_)) {
            self.columns = None;
        }
        self.failures.count
    }

    /// Whether the next session repeats a failed one.
    pub(crate) fn is_retrying(&self) -> bool {
        self.failures.count > 0
    }

    /// Its keys, as far as is certain.
    pub(crate) const fn keys(&self) -> MeterKeys {
        MeterKeys { encryption: self.entry.encryption_key, authentication: self.entry.authentication_key }
    }

    /// The keys that the next session tries, if they are not those that are certain: the new ones first, then in turn.
    pub(crate) fn on_trial(&self) -> Option<RenewedKeys> {
        self.entry.renewed.filter(|_| self.unopened.is_multiple_of(2))
    }

    /// It is certain which keys it has; what was settled, if anything was.
    pub(crate) fn settle(&mut self, renewed: bool) -> Option<RenewedKeys> {
        let settled = self.entry.renewed.take()?;
        self.unopened = 0;
        if renewed {
            self.entry.encryption_key = settled.keys.encryption;
            self.entry.authentication_key = settled.keys.authentication;
            self.entry.first_invocation_counter = settled.first_invocation_counter;
            self.entry.last_server_counter = None;
            self.reserved_to = self.renewed_reserved_to;
        }
        Some(settled)
    }

    /// The client that opens one push from the meter of this title. It answers nothing, so it needs no counters of its own.
    pub(crate) fn listener(&self, config: &CollectorConfig, server_title: SystemTitle) -> ClientConfig {
        let keys = Suite0::new(&self.entry.encryption_key.0, &self.entry.authentication_key.0);
        let authentication = ClientAuthentication::PreEstablished { keys: Some(keys), server_title };
        let client_sap = config.association.push_sap;
        ClientConfig { client_sap, authentication, ..self.client_config(config) }
    }

    /// The client of a new session. Its challenges come from the invocation counter, which is new each time.
    pub(crate) fn client(&self, config: &CollectorConfig) -> Client {
        let of_meter = self.client_config(config);
        let Some(renewed) = self.on_trial() else {
            return Client::new(of_meter).with_reserved(self.reserved_to);
        };
        let keys = Suite0::new(&renewed.keys.encryption.0, &renewed.keys.authentication.0);
        let first_invocation_counter = renewed.first_invocation_counter;
        let on_trial = ClientConfig {
            authentication: ClientAuthentication::HlsGmac { keys },
            first_invocation_counter,
            last_server_counter: None,
            // Of another kind than under the old keys: challenges are never the same.
            seed: of_meter.seed.derive("renewed", first_invocation_counter.into()),
            ..of_meter
        };
        Client::new(on_trial).with_reserved(self.renewed_reserved_to)
    }

    fn client_config(&self, config: &CollectorConfig) -> ClientConfig {
        let MeterEntry { eui64, first_invocation_counter, last_server_counter, .. } = self.entry;
        let seed =
            config.seed.derive("meter", eui64.as_u64()).derive("session", first_invocation_counter.into());
        let keys = Suite0::new(&self.entry.encryption_key.0, &self.entry.authentication_key.0);
        let association = &config.association;
        ClientConfig {
            client_sap: association.client_sap,
            server_sap: association.server_sap,
            client_title: association.client_title,
            authentication: ClientAuthentication::HlsGmac { keys },
            ciphering: association.ciphering,
            first_invocation_counter,
            counter_block: association.counter_block,
            last_server_counter,
            max_receive_pdu: association.max_receive_pdu,
            max_value_len: association.max_value_len,
            response_timeout: association.response_timeout,
            retries: association.retries,
            request_limit: config.session_max,
            quirks: Quirks::default(),
            seed,
        }
    }
}

fn make_room<T>(map: &mut BTreeMap<LogicalName, T>, most: usize) {
    if map.len() >= most {
        map.clear();
    }
}

/// What a meter is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MeterState {
    /// Not in the network.
    Absent,
    /// Waits for its next session.
    Waiting,
    /// In session.
    InSession,
    /// Waits to be tried again after a failure.
    Retrying,
}

/// A meter as operators see it.
#[derive(Clone, Debug, PartialEq)]
pub struct MeterStatus {
    /// The meter.
    pub eui64: Eui64,
    /// Its address, when it has joined.
    pub short: Option<ShortAddress>,
    /// What it is doing.
    pub state: MeterState,
    /// The latest capture that is stored.
    pub last_capture: Option<Utc>,
    /// Sessions begun since it was registered.
    pub sessions: u64,
    /// Sessions failed.
    pub failures: u64,
    /// Sessions begun because an earlier one had failed.
    pub retries: u64,
    /// Runs of captures that are missing and will be asked for again.
    pub gaps: usize,
    /// Captures that were reported as lost.
    pub captures_lost: u64,
    /// Why the last failed session failed.
    pub last_failure: Option<SessionFailure>,
    /// When the next session begins; none when it waits for something else than time.
    pub next_attempt: Option<Instant>,
    /// Whether that time has come: it waits for the sessions of others to end.
    pub due: bool,
    /// Whether it only pushes, and has no sessions.
    pub one_way: bool,
}

impl Meter {
    /// The meter as operators see it.
    pub(crate) fn status(&self, now: Instant, in_session: bool) -> MeterStatus {
        let state = match self.entry.short {
            None => MeterState::Absent,
            Some(_) if in_session => MeterState::InSession,
            Some(_) if self.is_retrying() => MeterState::Retrying,
            Some(_) => MeterState::Waiting,
        };
        MeterStatus {
            eui64: self.entry.eui64,
            short: self.entry.short,
            state,
            last_capture: self.entry.last_capture,
            sessions: self.tally.sessions,
            failures: self.tally.failures,
            retries: self.tally.retries,
            gaps: self.progress.gaps(),
            captures_lost: self.tally.captures_lost,
            last_failure: self.tally.last_failure.clone(),
            next_attempt: self.next,
            due: self.next.is_some_and(|at| at <= now),
            one_way: self.entry.one_way,
        }
    }
}
