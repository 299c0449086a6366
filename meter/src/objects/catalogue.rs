//! Which objects there are, and who may do what with them.

use super::board::{SLOTS, Slot};
use super::events::{EventGroup, GROUPS};
use super::measured_catalogue::{MEASURED, measured};
use super::names;
use super::quality::QualityKind;
use dlms::classes::{G3Layer, LocalPort, Schema};
use dlms::cosem::LogicalName;
use dlms::server::{Access, ObjectEntry};
use dlms::specs::schemas;
use metrology::Wiring;

pub(super) use super::measured_catalogue::{Angle, EnergyKind, Measured, PowerKind, TallyPart};

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
    LoadProfile,
    DailyProfile,
    MonthlyProfile,
    /// The port on which the meter hears HDLC.
    HdlcSetup,
    /// The port on which it hears DLMS over UDP.
    UdpSetup,
    /// What a window or the ledger says.
    Measured(Measured),
    /// An energy of one rate, counted from 0.
    Rate(EnergyKind, usize),
    /// The energy that is paid for.
    Credited,
    /// How often the voltage was wrong: of any phase (0) or of one.
    Tally(QualityKind, u8, TallyPart),
    /// When it was.
    QualityLog(QualityKind),
    /// What is wired wrongly.
    Diagnosis,
}

/// Which meters have an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// All.
    Nothing,
    /// Those with a second or third voltage.
    Polyphase,
    /// Those with a neutral.
    Neutral,
    /// Those with three phases to a neutral.
    FourWires,
    /// Those on a network.
    Network,
    /// Those with an HDLC port.
    Hdlc,
}

/// Ways to reach a meter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) network: bool,
    pub(super) hdlc: bool,
}

impl Needs {
    const fn are_met(self, wiring: Wiring, ports: Ports) -> bool {
        match self {
            Self::Nothing => true,
            Self::Polyphase => !matches!(wiring, Wiring::OnePhaseTwoWire),
            Self::Neutral => !matches!(wiring, Wiring::ThreePhaseThreeWire),
            Self::FourWires => matches!(wiring, Wiring::ThreePhaseFourWire),
            Self::Network => ports.network,
            Self::Hdlc => ports.hdlc,
        }
    }
}

/// An object, and who has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) place: Place,
    pub(super) entry: ObjectEntry,
    pub(super) needs: Needs,
}

/// How many objects the public client may see: the first of the catalogue.
pub(super) const PUBLIC: usize = 3;
const FIRST: usize = 11;
const LEN: usize = FIRST + (SLOTS.len() - 1) + 2 * GROUPS.len() + MEASURED + PORTS.len();
/// Objects that only meters with a port of that kind have.
const PORTS: [(Place, &Schema, LogicalName, Needs); 7] = [
    (Place::Content(Content::HdlcSetup), &schemas::HDLC_SETUP, names::HDLC_SETUP, Needs::Hdlc),
    (Place::Content(Content::UdpSetup), &schemas::TCP_UDP_SETUP, names::UDP_PORT, Needs::Network),
    network(G3Layer::MacAddress, names::MAC_ADDRESS),
    network(G3Layer::Ipv6, names::IPV6_SETUP),
    network(G3Layer::MacCounters, names::G3_MAC_COUNTERS),
    network(G3Layer::Mac, names::G3_MAC_SETUP),
    network(G3Layer::Adaptation, names::G3_ADAPTATION_SETUP),
];

const fn network(layer: G3Layer, name: LogicalName) -> (Place, &'static Schema, LogicalName, Needs) {
    (Place::G3(layer), layer.schema(), name, Needs::Network)
}

/// The objects of all meters; those that the public client may see come first.
static CATALOGUE: [Known; LEN] = catalogue();

pub(super) const fn entry(schema: &Schema, name: LogicalName) -> ObjectEntry {
    let secrets = if schema.class_id == schemas::LOCAL_PORT_SETUP.class_id { LocalPort::SECRETS } else { 0 };
    ObjectEntry::read_only(schema.class_id, schema.version, name, schema.attribute_count())
        .unreadable(secrets)
        .methods(schema.methods.len() as u8, 0)
}

const fn catalogue() -> [Known; LEN] {
    let clock = entry(&schemas::CLOCK, names::CLOCK);
    let mut all = [known(Place::Slot(Slot::Clock), clock); LEN];
    let mut n = 0;
    while n < FIRST {
        all[n] = first(n);
        n += 1;
    }
    let mut slot = 1;
    while slot < SLOTS.len() {
        all[n] = known(Place::Slot(SLOTS[slot].0), entry(SLOTS[slot].2, SLOTS[slot].1));
        (n, slot) = (n + 1, slot + 1);
    }
    let mut group = 0;
    while group < GROUPS.len() {
        let of = GROUPS[group];
        all[n] = known(Place::Log(of), entry(&schemas::PROFILE_GENERIC, of.log()));
        all[n + 1] = known(Place::EventCode(of), entry(&schemas::DATA, names::event_code(of.number())));
        (n, group) = (n + 2, group + 1);
    }
    let mut quantity = 0;
    while quantity < MEASURED {
        all[n] = measured(quantity);
        (n, quantity) = (n + 1, quantity + 1);
    }
    with_ports(all, n)
}

/// The objects of the ports, from `n` on.
const fn with_ports(mut all: [Known; LEN], n: usize) -> [Known; LEN] {
    let mut port = 0;
    while port < PORTS.len() {
        let (place, schema, name, needs) = PORTS[port];
        all[n + port] = Known { place, entry: entry(schema, name), needs };
        port += 1;
    }
    all
}

/// The objects without a state of their own that nothing measures, and the clock.
const fn first(n: usize) -> Known {
    match n {
        0 => of(Content::LogicalDeviceName, &schemas::DATA, names::LOGICAL_DEVICE_NAME),
        1 => of(Content::ReceiveCounter, &schemas::DATA, names::RECEIVE_COUNTER),
        2 => known(Place::Slot(Slot::Clock), entry(&schemas::CLOCK, names::CLOCK)),
        3 => of(Content::DeviceId, &schemas::DATA, names::DEVICE_ID),
        4 => of(Content::Firmware, &schemas::DATA, names::FIRMWARE),
        5 => of(Content::FirmwareSignature, &schemas::DATA, names::FIRMWARE_SIGNATURE),
        6 => of(Content::ProfileStatus, &schemas::DATA, names::PROFILE_STATUS),
        7 => of(Content::LoadProfile, &schemas::PROFILE_GENERIC, names::LOAD_PROFILE),
        10 => of(Content::Credited, &schemas::REGISTER, names::CREDITED),
        8 => of(Content::DailyProfile, &schemas::PROFILE_GENERIC, names::DAILY_PROFILE),
        _ => of(Content::MonthlyProfile, &schemas::PROFILE_GENERIC, names::MONTHLY_PROFILE),
    }
}

const fn known(place: Place, entry: ObjectEntry) -> Known {
    Known { place, entry, needs: Needs::Nothing }
}

const fn of(content: Content, schema: &Schema, name: LogicalName) -> Known {
    known(Place::Content(content), entry(schema, name))
}

/// The objects of a meter of this wiring, in their order.
pub(super) fn all(wiring: Wiring, ports: Ports) -> impl Iterator<Item = &'static Known> {
    CATALOGUE.iter().filter(move |known| known.needs.are_met(wiring, ports))
}

/// The object of this name, where a meter of this wiring has it. Whether there is a port shows when it is asked.
pub(super) fn find(name: LogicalName, wiring: Wiring) -> Option<(Place, ObjectEntry)> {
    let known = CATALOGUE.iter().find(|known| known.entry.logical_name == name)?;
    let ports = Ports { network: true, hdlc: true };
    known.needs.are_met(wiring, ports).then_some((known.place, known.entry))
}

/// `entry` as a client sees it: who manages may write and invoke what there is to be, others read.
pub(super) fn granted(known: &Known, access: Access) -> ObjectEntry {
    let (place, entry) = (known.place, known.entry);
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
        Place::G3(G3Layer::MacCounters | G3Layer::Mac) => (0, 1 << 1),
        Place::Content(_) | Place::EventCode(_) | Place::G3(_) => (0, 0),
    };
    entry.writable(writable).methods(entry.methods, callable)
}
