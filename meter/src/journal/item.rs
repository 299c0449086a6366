//! What stands in a journal.

use crate::application::{Captured, MeterPersist, Totals};
use crate::config::MeterState;
use crate::objects::{
    Counted, EventGroup, EventRow, GROUPS, KINDS, LogRecord, QualityRow, RateRegisters, Tallies,
};
use crate::profiles::{Begins, Mains, PhaseValues, ProfileSizes, Row};
use crate::specs::SAP_MANAGEMENT;
use alloc::boxed::Box;
use alloc::vec::Vec;
use dlms::classes::Snapshot;
use dlms::cosem::LogicalName;
use dlms::server::ServerPersist;
use metrology::{Account, Energy, Ledger, Registers};
use plc_core::Utc;
use plc_core::sap::Persist;
use plc_core::wire::{Reader, WireError, Writer};

/// A profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// The load profile.
    Load,
    /// The daily billing profile.
    Daily,
    /// The monthly billing profile.
    Monthly,
}

/// A counter that never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// The first send counter that is certainly unused.
    Send,
    /// The highest counter accepted from the management client.
    Receive,
    /// The first frame counter that is certainly unused.
    Frame,
    /// LOADng, BC0: the first number that is certainly unused.
    Loadng,
    /// The same of broadcasts.
    Broadcast,
    /// Trials of images that were begun when the last activation was asked for.
    Trials,
}

/// One of the things that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A row was captured: it, and all registers.
    Captured(Box<Captured>),
    /// All registers alone.
    Totals(Box<Totals>),
    /// How often the voltage was wrong.
    Tallies(Box<Tallies>),
    /// A row of a profile, as it stands there.
    Row(Profile, Row),
    /// The state of an object.
    Object(Snapshot),
    /// A log has changed.
    Log(LogRecord),
    /// The voltage was wrong: to be logged and counted.
    Quality(QualityRow),
    /// A row of a log of power quality, as it stands there.
    QualityRow(QualityRow),
    /// A counter has moved on.
    Counter(Counter, u32),
}

impl Item {
    /// What is kept of a record; `None`: nothing.
    pub(super) fn of(record: &MeterPersist) -> Option<Self> {
        Some(match record {
            MeterPersist::Captured(captured) => Self::Captured(captured.clone()),
            MeterPersist::Totals(totals) => Self::Totals(totals.clone()),
            MeterPersist::Quality(row) => Self::Quality(*row),
            MeterPersist::Closed(row) => Self::Row(Profile::Monthly, *row),
            MeterPersist::Object(snapshot) => Self::Object(snapshot.clone()),
            MeterPersist::Log(record) => Self::Log(*record),
            MeterPersist::Server(ServerPersist::SendCounter { reserved_to }) => {
                Self::Counter(Counter::Send, *reserved_to)
            }
            MeterPersist::Server(ServerPersist::ReceiveCounter { client_sap: SAP_MANAGEMENT, last }) => {
                Self::Counter(Counter::Receive, *last)
            }
            MeterPersist::Node(Persist::MacFrameCounter { reserved_to }) => {
                Self::Counter(Counter::Frame, *reserved_to)
            }
            MeterPersist::Node(Persist::LoadngSequence { reserved_to }) => {
                Self::Counter(Counter::Loadng, *reserved_to)
            }
            MeterPersist::Node(Persist::BroadcastSequence { reserved_to }) => {
                Self::Counter(Counter::Broadcast, *reserved_to)
            }
            MeterPersist::ImageWanted { trials } => Self::Counter(Counter::Trials, (*trials).into()),
            MeterPersist::ImageBegin { .. } | MeterPersist::ImageBlock { .. } => return None,
            MeterPersist::Server(_) | MeterPersist::Node(_) => return None,
        })
    }

    /// Everything of a state that is kept, as a snapshot.
    pub(super) fn all_of(state: &MeterState) -> Vec<Self> {
        let totals = Totals { ledger: state.ledger, rates: state.rates };
        let mut all = Vec::from([Self::Totals(Box::new(totals)), Self::Tallies(Box::new(state.tallies))]);
        for (profile, rows) in
            [(Profile::Load, &state.load), (Profile::Daily, &state.daily), (Profile::Monthly, &state.monthly)]
        {
            all.extend(rows.iter().map(|row| Self::Row(profile, *row)));
        }
        all.extend(state.objects.iter().cloned().map(Self::Object));
        all.extend(state.events.iter().map(|&(group, row)| Self::Log(LogRecord::Logged(group, row))));
        all.extend(state.quality.iter().copied().map(Self::QualityRow));
        let memory = &state.node;
        let counters = [
            (Counter::Send, Some(state.send_counter)),
            (Counter::Receive, state.receive_counter),
            (Counter::Frame, Some(state.frame_counter)),
            (Counter::Loadng, memory.loadng_sequence),
            (Counter::Broadcast, memory.broadcast_sequence),
            (Counter::Trials, state.wanted.map(u32::from)),
        ];
        all.extend(counters.into_iter().filter_map(|(of, value)| Some(Self::Counter(of, value?))));
        all
    }

    /// What it says becomes so.
    pub(super) fn apply(&self, state: &mut MeterState, sizes: &ProfileSizes) {
        match self {
            Self::Captured(captured) => state.keep(&MeterPersist::Captured(captured.clone()), sizes),
            Self::Totals(totals) => (state.ledger, state.rates) = (totals.ledger, totals.rates),
            Self::Tallies(tallies) => state.tallies = **tallies,
            Self::Row(profile, row) => state.restore_row(*profile, *row, sizes),
            Self::Object(snapshot) => state.keep_object(snapshot),
            Self::Log(record) => state.keep_log(*record),
            Self::Quality(row) => state.keep_quality(*row),
            Self::QualityRow(row) => state.restore_quality_row(*row),
            Self::Counter(counter, value) => state.keep_counter(*counter, *value),
        }
    }

    /// Writes it: at most 1.2 kB, but for the state of an object, which its classes bound.
    ///
    /// # Errors
    /// There is no room.
    pub fn emit(&self, out: &mut Writer<'_>) -> Result<(), WireError> {
        match self {
            Self::Captured(captured) => {
                out.u8(1)?;
                emit_row(&captured.row, out)?;
                out.u8(u8::from(captured.begins.day) | u8::from(captured.begins.month) << 1)?;
                emit_totals(&captured.ledger, &captured.rates, out)
            }
            Self::Totals(totals) => {
                out.u8(2)?;
                emit_totals(&totals.ledger, &totals.rates, out)
            }
            Self::Tallies(tallies) => {
                out.u8(3)?;
                tallies.iter().flatten().try_for_each(|tally| {
                    [tally.count, tally.duration_ms, tally.magnitude_mv]
                        .into_iter()
                        .try_for_each(|n| out.u32_le(n))
                })
            }
            Self::Row(profile, row) => {
                out.u8(4)?;
                out.u8(*profile as u8)?;
                emit_row(row, out)
            }
            Self::Object(snapshot) => emit_object(snapshot, out),
            Self::Log(LogRecord::Cleared(group)) => out.bytes(&[6, group.number()]),
            Self::Log(LogRecord::Logged(group, row)) => {
                out.bytes(&[7, group.number(), row.code])?;
                emit_utc(row.utc, out)
            }
            Self::Quality(row) => emit_quality(8, row, out),
            Self::QualityRow(row) => emit_quality(9, row, out),
            Self::Counter(counter, value) => {
                out.bytes(&[10, *counter as u8])?;
                out.u32_le(*value)
            }
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// It ends too early, or has a code that no item has.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match reader.u8()? {
            1 => {
                let (row, begins) = (parse_row(reader)?, parse_begins(reader)?);
                let Totals { ledger, rates } = parse_totals(reader)?;
                Self::Captured(Box::new(Captured { row, begins, ledger, rates }))
            }
            2 => Self::Totals(Box::new(parse_totals(reader)?)),
            3 => Self::Tallies(Box::new(parse_tallies(reader)?)),
            4 => {
                const PROFILES: [Profile; 3] = [Profile::Load, Profile::Daily, Profile::Monthly];
                let profile = code(&PROFILES, reader, "profile")?;
                Self::Row(profile, parse_row(reader)?)
            }
            5 => parse_object(reader)?,
            6 => Self::Log(LogRecord::Cleared(parse_group(reader)?)),
            7 => {
                let (group, code) = (parse_group(reader)?, reader.u8()?);
                Self::Log(LogRecord::Logged(group, EventRow { code, utc: parse_utc(reader)? }))
            }
            8 => Self::Quality(parse_quality(reader)?),
            9 => Self::QualityRow(parse_quality(reader)?),
            10 => {
                const COUNTERS: [Counter; 6] = [
                    Counter::Send,
                    Counter::Receive,
                    Counter::Frame,
                    Counter::Loadng,
                    Counter::Broadcast,
                    Counter::Trials,
                ];
                Self::Counter(code(&COUNTERS, reader, "counter")?, reader.u32_le()?)
            }
            _ => return Err(WireError::Invalid("item of a journal")),
        })
    }
}

/// The one of `all` whose place is the next octet.
fn code<T: Copy>(all: &[T], reader: &mut Reader<'_>, what: &'static str) -> Result<T, WireError> {
    all.get(usize::from(reader.u8()?)).copied().ok_or(WireError::Invalid(what))
}

fn emit_utc(utc: Utc, out: &mut Writer<'_>) -> Result<(), WireError> {
    out.u64_le(utc.as_millis().cast_unsigned())
}

fn parse_utc(reader: &mut Reader<'_>) -> Result<Utc, WireError> {
    Ok(Utc::from_millis(reader.u64_le()?.cast_signed()))
}

fn parse_group(reader: &mut Reader<'_>) -> Result<EventGroup, WireError> {
    let number = reader.u8()?;
    GROUPS.into_iter().find(|group| group.number() == number).ok_or(WireError::Invalid("group of events"))
}

fn emit_row(row: &Row, out: &mut Writer<'_>) -> Result<(), WireError> {
    emit_utc(row.utc, out)?;
    out.u8(row.status)?;
    out.u64_le(row.import_mwh)?;
    out.u64_le(row.export_mwh)?;
    for phase in &row.mains.phases {
        [phase.u_mv, phase.i_ma, phase.thd_ppm].into_iter().try_for_each(|value| out.u32_le(value))?;
        out.u16_le(phase.factor_per_mille.cast_unsigned())?;
    }
    row.mains.counts.iter().try_for_each(|&count| out.u32_le(count))
}

fn parse_row(reader: &mut Reader<'_>) -> Result<Row, WireError> {
    let (utc, status) = (parse_utc(reader)?, reader.u8()?);
    let (import_mwh, export_mwh) = (reader.u64_le()?, reader.u64_le()?);
    let mut mains = Mains::default();
    for phase in &mut mains.phases {
        let (u_mv, i_ma, thd_ppm) = (reader.u32_le()?, reader.u32_le()?, reader.u32_le()?);
        *phase = PhaseValues { u_mv, i_ma, thd_ppm, factor_per_mille: reader.u16_le()?.cast_signed() };
    }
    for count in &mut mains.counts {
        *count = reader.u32_le()?;
    }
    Ok(Row { utc, status, import_mwh, export_mwh, mains })
}

/// Bit 0: a day; bit 1: a month.
fn parse_begins(reader: &mut Reader<'_>) -> Result<Begins, WireError> {
    match reader.u8()? {
        bits @ 0..=3 => Ok(Begins { day: bits & 1 != 0, month: bits & 2 != 0 }),
        _ => Err(WireError::Invalid("beginning of a day or month")),
    }
}

fn emit_totals(ledger: &Ledger, rates: &RateRegisters, out: &mut Writer<'_>) -> Result<(), WireError> {
    emit_account(&ledger.total, out)?;
    ledger.elements.iter().try_for_each(|account| emit_account(account, out))?;
    rates.by_rate.iter().flatten().try_for_each(|&energy| out.u64_le(energy))
}

fn parse_totals(reader: &mut Reader<'_>) -> Result<Totals, WireError> {
    let mut ledger = Ledger { total: parse_account(reader)?, ..Ledger::default() };
    for account in &mut ledger.elements {
        *account = parse_account(reader)?;
    }
    let mut rates = RateRegisters::default();
    for counted in &mut rates.by_rate {
        let registers: &mut Counted = counted;
        for register in registers {
            *register = reader.u64_le()?;
        }
    }
    Ok(Totals { ledger, rates })
}

fn emit_account(account: &Account, out: &mut Writer<'_>) -> Result<(), WireError> {
    let Account { active, reactive, apparent } = account;
    let [q1, q2, q3, q4] = *reactive;
    let all = [active.import, active.export, q1, q2, q3, q4, apparent.import, apparent.export];
    all.into_iter().try_for_each(|energy| {
        out.u64_le(energy.milliwatt_hours())?;
        out.bytes(&energy.rest().to_le_bytes())
    })
}

fn parse_account(reader: &mut Reader<'_>) -> Result<Account, WireError> {
    let mut all = [Energy::default(); 8];
    for energy in &mut all {
        *energy = Energy::from_parts(reader.u64_le()?, u128::from_le_bytes(reader.array()?));
    }
    let [import, export, q1, q2, q3, q4, apparent_import, apparent_export] = all;
    Ok(Account {
        active: Registers { import, export },
        reactive: [q1, q2, q3, q4],
        apparent: Registers { import: apparent_import, export: apparent_export },
    })
}

fn parse_tallies(reader: &mut Reader<'_>) -> Result<Tallies, WireError> {
    let mut tallies = Tallies::default();
    for tally in tallies.iter_mut().flatten() {
        (tally.count, tally.duration_ms, tally.magnitude_mv) =
            (reader.u32_le()?, reader.u32_le()?, reader.u32_le()?);
    }
    Ok(tallies)
}

fn emit_object(snapshot: &Snapshot, out: &mut Writer<'_>) -> Result<(), WireError> {
    out.u8(5)?;
    out.u16_le(snapshot.class_id)?;
    out.u8(snapshot.version)?;
    out.bytes(&snapshot.logical_name.0)?;
    out.bytes(&snapshot.state)
}

/// The state is all that is left of the record.
fn parse_object(reader: &mut Reader<'_>) -> Result<Item, WireError> {
    let (class_id, version) = (reader.u16_le()?, reader.u8()?);
    let logical_name = LogicalName(reader.array()?);
    Ok(Item::Object(Snapshot { class_id, version, logical_name, state: reader.rest().to_vec() }))
}

fn emit_quality(kind: u8, row: &QualityRow, out: &mut Writer<'_>) -> Result<(), WireError> {
    out.bytes(&[kind, row.kind as u8, row.phases])?;
    emit_utc(row.utc, out)?;
    out.u32_le(row.duration_ms)?;
    out.u32_le(row.magnitude_mv)
}

fn parse_quality(reader: &mut Reader<'_>) -> Result<QualityRow, WireError> {
    let (kind, phases) = (code(&KINDS, reader, "kind of power quality")?, reader.u8()?);
    let utc = parse_utc(reader)?;
    Ok(QualityRow { kind, utc, phases, duration_ms: reader.u32_le()?, magnitude_mv: reader.u32_le()? })
}
