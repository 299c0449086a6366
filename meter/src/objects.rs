//! The COSEM objects: what clients see, and which client sees what.

use crate::clock::ClockShift;
use crate::config::Identity;
use crate::measurement::Measurement;
use crate::profiles::Row;
use crate::ring::Ring;
use dlms::apdu::DataAccessResult;
use dlms::axdr::{Data, Encoder};
use dlms::classes::profile::{self, ProfileDescription, RowSource, SortMethod};
use dlms::classes::register;
use dlms::cosem::{AttributeRequest, CaptureObject, ClockStatus, ClockTime, LogicalName, ScalerUnit, Unit};
use dlms::server::{Access, AssociationContext, ObjectEntry, ObjectModel};
use plc_core::{Instant, UtcAnchor};

/// The interface class Data.
const DATA: u16 = 1;
/// The interface class Clock.
const CLOCK: u16 = 8;
/// The attribute value of Data and Register, and time of Clock.
const VALUE: i8 = 2;

/// Logical names of the objects \[metering OBIS codes: BB 6; confidence A\].
pub mod names {
    #![allow(missing_docs)]
    use dlms::cosem::LogicalName;
    pub const LOGICAL_DEVICE_NAME: LogicalName = LogicalName([0, 0, 42, 0, 0, 255]);
    pub const DEVICE_ID: LogicalName = LogicalName([0, 0, 96, 1, 0, 255]);
    pub const FIRMWARE: LogicalName = LogicalName([1, 0, 0, 2, 0, 255]);
    pub const RECEIVE_COUNTER: LogicalName = LogicalName([0, 0, 43, 1, 0, 255]);
    pub const CLOCK: LogicalName = LogicalName([0, 0, 1, 0, 0, 255]);
    pub const PROFILE_STATUS: LogicalName = LogicalName([0, 0, 96, 10, 1, 255]);
    pub const ACTIVE_IMPORT: LogicalName = LogicalName([1, 0, 1, 8, 0, 255]);
    pub const ACTIVE_EXPORT: LogicalName = LogicalName([1, 0, 2, 8, 0, 255]);
    pub const POWER_IMPORT: LogicalName = LogicalName([1, 0, 1, 7, 0, 255]);
    pub const POWER_EXPORT: LogicalName = LogicalName([1, 0, 2, 7, 0, 255]);
    pub const VOLTAGE: LogicalName = LogicalName([1, 0, 32, 7, 0, 255]);
    pub const CURRENT: LogicalName = LogicalName([1, 0, 31, 7, 0, 255]);
    pub const FREQUENCY: LogicalName = LogicalName([1, 0, 14, 7, 0, 255]);
    pub const LOAD_PROFILE: LogicalName = LogicalName([1, 0, 99, 1, 0, 255]);
    pub const DAILY_PROFILE: LogicalName = LogicalName([1, 0, 98, 2, 0, 255]);
    pub const MONTHLY_PROFILE: LogicalName = LogicalName([1, 0, 98, 1, 0, 255]);
}

/// The columns of every profile.
pub const COLUMNS: [CaptureObject; 4] = [
    CaptureObject::CLOCK,
    CaptureObject::new(DATA, names::PROFILE_STATUS, VALUE),
    CaptureObject::new(register::CLASS_ID, names::ACTIVE_IMPORT, VALUE),
    CaptureObject::new(register::CLASS_ID, names::ACTIVE_EXPORT, VALUE),
];

/// What an object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    LogicalDeviceName,
    DeviceId,
    Firmware,
    ReceiveCounter,
    ProfileStatus,
    Clock,
    Import,
    Export,
    PowerImport,
    PowerExport,
    Voltage,
    Current,
    Frequency,
    LoadProfile,
    DailyProfile,
    MonthlyProfile,
}

const fn data(name: LogicalName) -> ObjectEntry {
    ObjectEntry::read_only(DATA, 0, name, 2)
}

const fn reading(name: LogicalName) -> ObjectEntry {
    ObjectEntry::read_only(register::CLASS_ID, 0, name, 3).methods(1, 0)
}

const fn rows(name: LogicalName) -> ObjectEntry {
    ObjectEntry::read_only(profile::CLASS_ID, 1, name, 8).methods(2, 0)
}

/// All objects; those that the public client may see come first.
const CATALOGUE: [(Content, ObjectEntry); 16] = [
    (Content::LogicalDeviceName, data(names::LOGICAL_DEVICE_NAME)),
    (Content::ReceiveCounter, data(names::RECEIVE_COUNTER)),
    (Content::Clock, ObjectEntry::read_only(CLOCK, 0, names::CLOCK, 9).methods(6, 0)),
    (Content::DeviceId, data(names::DEVICE_ID)),
    (Content::Firmware, data(names::FIRMWARE)),
    (Content::ProfileStatus, data(names::PROFILE_STATUS)),
    (Content::Import, reading(names::ACTIVE_IMPORT)),
    (Content::Export, reading(names::ACTIVE_EXPORT)),
    (Content::PowerImport, reading(names::POWER_IMPORT)),
    (Content::PowerExport, reading(names::POWER_EXPORT)),
    (Content::Voltage, reading(names::VOLTAGE)),
    (Content::Current, reading(names::CURRENT)),
    (Content::Frequency, reading(names::FREQUENCY)),
    (Content::LoadProfile, rows(names::LOAD_PROFILE)),
    (Content::DailyProfile, rows(names::DAILY_PROFILE)),
    (Content::MonthlyProfile, rows(names::MONTHLY_PROFILE)),
];

/// How many objects of the catalogue the public client may see.
const PUBLIC: usize = 3;

/// The objects of a meter while a request is served.
#[derive(Debug)]
pub struct Objects<'m> {
    /// Maker and number.
    pub identity: &'m Identity,
    /// The version of the firmware.
    pub firmware: &'static str,
    /// The highest counter accepted from the management client.
    pub receive_counter: Option<u32>,
    /// What is measured.
    pub measurement: &'m mut Measurement,
    /// Set by the client: how the clock has moved.
    pub clock_shift: Option<ClockShift>,
}

impl ObjectModel for Objects<'_> {
    fn object(&self, index: usize, association: &AssociationContext) -> Option<ObjectEntry> {
        let manages = association.access == Access::Management;
        let visible = if association.access == Access::Public { PUBLIC } else { CATALOGUE.len() };
        let (content, entry) = *CATALOGUE[..visible].get(index)?;
        let sets_clock = manages && content == Content::Clock;
        Some(if sets_clock { entry.writable(1 << VALUE) } else { entry })
    }

    fn get(
        &mut self,
        request: &AttributeRequest,
        association: &AssociationContext,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        let (content, _) = found(request.logical_name)?;
        match content {
            Content::Clock => self.clock(request.attribute, association.now, out),
            Content::LoadProfile => self.profile(request, self.measurement.profiles().load(), out),
            Content::DailyProfile => self.profile(request, self.measurement.profiles().daily(), out),
            Content::MonthlyProfile => self.profile(request, self.measurement.profiles().monthly(), out),
            _ if request.selector.is_some() => Err(DataAccessResult::ScopeOfAccessViolated),
            _ => self.value(content, request, out),
        }
    }

    fn set(
        &mut self,
        request: &AttributeRequest,
        value: &Data<'_>,
        association: &AssociationContext,
    ) -> Result<(), DataAccessResult> {
        match (found(request.logical_name)?.0, request.attribute) {
            (Content::Clock, VALUE) => self.set_clock(value, association.now),
            _ => Err(DataAccessResult::ReadWriteDenied),
        }
    }
}

impl Objects<'_> {
    fn value(
        &mut self,
        content: Content,
        request: &AttributeRequest,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        let is_value = request.attribute == VALUE;
        match content {
            Content::LogicalDeviceName if is_value => out.octet_string(&self.identity.logical_device_name()),
            Content::DeviceId if is_value => out.octet_string(&self.identity.device_id()),
            Content::Firmware if is_value => out.octet_string(self.firmware.as_bytes()),
            Content::ReceiveCounter if is_value => out.u32(self.receive_counter.unwrap_or(0)),
            Content::ProfileStatus if is_value => out.u8(self.measurement.profiles().status()),
            _ => return self.register(content, request, out),
        }
        Ok(())
    }

    fn register(
        &mut self,
        content: Content,
        request: &AttributeRequest,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        let (value, unit) = self.measured(content).ok_or(DataAccessResult::ObjectUndefined)?;
        let scaler_unit = ScalerUnit { scaler: MILLI, unit };
        let exists = register::encode(request.attribute, request.logical_name, &value, scaler_unit, out);
        if exists { Ok(()) } else { Err(DataAccessResult::ObjectUndefined) }
    }

    /// The value of a register in thousandths of its unit.
    fn measured(&mut self, content: Content) -> Option<(Data<'static>, Unit)> {
        self.measurement.settle();
        let (now, total) = (self.measurement.core().instantaneous(), self.measurement.core().registers());
        Some(match content {
            Content::Import => (Data::U64(total.import.milliwatt_hours()), Unit::WATT_HOUR),
            Content::Export => (Data::U64(total.export.milliwatt_hours()), Unit::WATT_HOUR),
            Content::PowerImport => (unsigned(now.active_power_mw.max(0).unsigned_abs()), Unit::WATT),
            Content::PowerExport => (unsigned(now.active_power_mw.min(0).unsigned_abs()), Unit::WATT),
            Content::Voltage => (unsigned((now.u_uv + 500) / 1000), Unit::VOLT),
            Content::Current => (unsigned((now.i_ua + 500) / 1000), Unit::AMPERE),
            Content::Frequency => (Data::U32(now.frequency_mhz.unwrap_or(0)), Unit::HERTZ),
            _ => return None,
        })
    }

    fn clock(&self, attribute: i8, now: Instant, out: &mut Encoder<'_>) -> Result<(), DataAccessResult> {
        let utc = self.measurement.clock().utc(now);
        let status = if utc.is_some() { ClockStatus::OK } else { ClockStatus::INVALID };
        match attribute {
            VALUE => out.clock_time(&utc.map_or(UNSET, |utc| ClockTime::from_utc(utc, 0, status))),
            3 => out.i16(0),
            4 => out.u8(status.0),
            5 | 6 => out.clock_time(&ClockTime::UNSPECIFIED),
            7 => out.i8(0),
            8 => out.boolean(false),
            9 => out.enumeration(INTERNAL_CRYSTAL),
            _ => return Err(DataAccessResult::ObjectUndefined),
        }
        Ok(())
    }

    fn set_clock(&mut self, value: &Data<'_>, now: Instant) -> Result<(), DataAccessResult> {
        let time = value.as_clock_time().ok_or(DataAccessResult::TypeUnmatched)?;
        let utc = time.utc_assuming(0).ok_or(DataAccessResult::OtherReason)?;
        self.clock_shift = Some(self.measurement.on_clock(UtcAnchor { at: now, utc }));
        Ok(())
    }

    fn profile(
        &self,
        request: &AttributeRequest,
        rows: &Ring<Row>,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        let is_load = request.logical_name == names::LOAD_PROFILE;
        let period = self.measurement.profiles().period().as_secs() as u32;
        let description = ProfileDescription {
            logical_name: request.logical_name,
            capture_objects: &COLUMNS,
            capture_period_s: if is_load { period } else { 0 },
            sort_method: SortMethod::Fifo,
            profile_entries: rows.capacity() as u32,
        };
        profile::encode(request.attribute, request.selector.as_ref(), &description, rows, out)
    }
}

impl RowSource for Ring<Row> {
    fn rows(&self) -> u32 {
        self.len() as u32
    }

    fn key(&self, row: u32, column: usize) -> Option<i64> {
        let row = self.row(row as usize)?;
        match column {
            0 => Some(row.utc.as_secs()),
            1 => Some(row.status.into()),
            2 => i64::try_from(row.import_mwh).ok(),
            _ => i64::try_from(row.export_mwh).ok(),
        }
    }

    fn cell(&self, row: u32, column: usize, out: &mut Encoder<'_>) {
        let Some(row) = self.row(row as usize) else { return out.null() };
        match column {
            0 => out.clock_time(&ClockTime::from_utc(row.utc, 0, ClockStatus::OK)),
            1 => out.u8(row.status),
            2 => out.u64(row.import_mwh),
            _ => out.u64(row.export_mwh),
        }
    }
}

/// The time of a clock that was never set: nothing specified, and the status says why.
const UNSET: ClockTime = {
    let mut octets = ClockTime::UNSPECIFIED.octets();
    octets[11] = ClockStatus::INVALID.0;
    ClockTime::from_octets(octets)
};
/// clock_base 1: internal crystal \[BB 4.5.1; confidence C\].
const INTERNAL_CRYSTAL: u8 = 1;
/// The scaler of every register: thousandths.
const MILLI: i8 = -3;

fn found(name: LogicalName) -> Result<(Content, ObjectEntry), DataAccessResult> {
    let entry = CATALOGUE.iter().find(|(_, entry)| entry.logical_name == name);
    entry.copied().ok_or(DataAccessResult::ObjectUndefined)
}

fn unsigned(value: u64) -> Data<'static> {
    Data::U32(u32::try_from(value).unwrap_or(u32::MAX))
}
