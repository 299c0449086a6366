//! Which objects there are, and who may do what with them.

use super::board::{SLOTS, Slot};
use super::events::{EventGroup, GROUPS};
use super::names;
use dlms::classes::{G3Layer, Schema};
use dlms::cosem::LogicalName;
use dlms::server::{Access, ObjectEntry};
use dlms::specs::schemas;

/// Where the values of an object come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// From what the meter is or measures.
    Content(Content),
    /// From its own state.
    Slot(Slot),
    /// From a log of events.
    Log(EventGroup),
    /// From the last event of a log.
    EventCode(EventGroup),
    /// From the network.
    G3(G3Layer),
}

/// What an object without a state of its own holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    LogicalDeviceName,
    DeviceId,
    Firmware,
    FirmwareSignature,
    ReceiveCounter,
    ProfileStatus,
    Import,
    Rate(usize),
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

/// How many objects the public client may see: the first of the catalogue.
pub(super) const PUBLIC: usize = 3;
const FIRST: usize = 17 + names::ACTIVE_IMPORT_RATES.len();
const LEN: usize = FIRST + (SLOTS.len() - 1) + 2 * GROUPS.len() + NETWORK;
/// How many objects are there on a network alone: the last of the catalogue.
pub(super) const NETWORK: usize = 3;

/// The objects; those that the public client may see come first.
pub(super) static CATALOGUE: [(Place, ObjectEntry); LEN] = catalogue();

const fn entry(schema: &Schema, name: LogicalName) -> ObjectEntry {
    ObjectEntry::read_only(schema.class_id, schema.version, name, schema.attribute_count())
        .methods(schema.methods.len() as u8, 0)
}

const fn catalogue() -> [(Place, ObjectEntry); LEN] {
    let mut all = [(Place::Slot(Slot::Clock), entry(&schemas::CLOCK, names::CLOCK)); LEN];
    let mut n = 0;
    while n < FIRST {
        all[n] = first(n);
        n += 1;
    }
    let mut slot = 1;
    while slot < SLOTS.len() {
        all[n] = (Place::Slot(SLOTS[slot].0), entry(SLOTS[slot].2, SLOTS[slot].1));
        (n, slot) = (n + 1, slot + 1);
    }
    let mut group = 0;
    while group < GROUPS.len() {
        let of = GROUPS[group];
        all[n] = (Place::Log(of), entry(&schemas::PROFILE_GENERIC, of.log()));
        all[n + 1] = (Place::EventCode(of), entry(&schemas::DATA, names::event_code(of.number())));
        (n, group) = (n + 2, group + 1);
    }
    let layers = [
        (G3Layer::MacCounters, names::G3_MAC_COUNTERS),
        (G3Layer::Mac, names::G3_MAC_SETUP),
        (G3Layer::Adaptation, names::G3_ADAPTATION_SETUP),
    ];
    let mut layer = 0;
    while layer < NETWORK {
        all[n] = (Place::G3(layers[layer].0), entry(layers[layer].0.schema(), layers[layer].1));
        (n, layer) = (n + 1, layer + 1);
    }
    all
}

/// The objects without a state of their own, and the clock.
const fn first(n: usize) -> (Place, ObjectEntry) {
    match n {
        0 => of(Content::LogicalDeviceName, &schemas::DATA, names::LOGICAL_DEVICE_NAME),
        1 => of(Content::ReceiveCounter, &schemas::DATA, names::RECEIVE_COUNTER),
        2 => (Place::Slot(Slot::Clock), entry(&schemas::CLOCK, names::CLOCK)),
        3 => of(Content::DeviceId, &schemas::DATA, names::DEVICE_ID),
        4 => of(Content::Firmware, &schemas::DATA, names::FIRMWARE),
        5 => of(Content::FirmwareSignature, &schemas::DATA, names::FIRMWARE_SIGNATURE),
        6 => of(Content::ProfileStatus, &schemas::DATA, names::PROFILE_STATUS),
        7 => of(Content::Import, &schemas::REGISTER, names::ACTIVE_IMPORT),
        8 => of(Content::Export, &schemas::REGISTER, names::ACTIVE_EXPORT),
        9 => of(Content::PowerImport, &schemas::REGISTER, names::POWER_IMPORT),
        10 => of(Content::PowerExport, &schemas::REGISTER, names::POWER_EXPORT),
        11 => of(Content::Voltage, &schemas::REGISTER, names::VOLTAGE),
        12 => of(Content::Current, &schemas::REGISTER, names::CURRENT),
        13 => of(Content::Frequency, &schemas::REGISTER, names::FREQUENCY),
        14 => of(Content::LoadProfile, &schemas::PROFILE_GENERIC, names::LOAD_PROFILE),
        15 => of(Content::DailyProfile, &schemas::PROFILE_GENERIC, names::DAILY_PROFILE),
        16 => of(Content::MonthlyProfile, &schemas::PROFILE_GENERIC, names::MONTHLY_PROFILE),
        _ => of(Content::Rate(n - 17), &schemas::REGISTER, names::ACTIVE_IMPORT_RATES[n - 17]),
    }
}

const fn of(content: Content, schema: &Schema, name: LogicalName) -> (Place, ObjectEntry) {
    (Place::Content(content), entry(schema, name))
}

/// The object of this name.
pub(super) fn find(name: LogicalName) -> Option<(Place, ObjectEntry)> {
    CATALOGUE.iter().find(|(_, entry)| entry.logical_name == name).copied()
}

/// `entry` as a client sees it: who manages may write and invoke what there is to be, others read.
pub(super) fn granted((place, entry): (Place, ObjectEntry), access: Access) -> ObjectEntry {
    if access != Access::Management {
        return entry;
    }
    let (writable, callable) = match place {
        // A count of the meter is nobody's to write.
        Place::Slot(Slot::PowerFailures) => (0, 0),
        Place::Slot(_) => {
            Schema::of(entry.class_id).map_or((0, 0), |schema| (schema.writable(), schema.callable()))
        }
        Place::Log(_) => (0, 1 << 1),
        Place::Content(Content::MonthlyProfile) => (0, 1 << 2),
        Place::G3(G3Layer::MacCounters) => (0, 1 << 1),
        Place::Content(_) | Place::EventCode(_) | Place::G3(_) => (0, 0),
    };
    entry.writable(writable).methods(entry.methods, callable)
}
