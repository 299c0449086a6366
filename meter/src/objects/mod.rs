//! The COSEM objects: what clients see, which client sees what, and what objects do to each other.

mod acting;
mod activating;
mod board;
mod catalogue;
mod crediting;
mod defaults;
mod events;
mod findings;
mod image;
mod measured;
mod measured_catalogue;
pub mod names;
mod observing;
pub mod one_way;
mod ports;
mod push_host;
mod quality;
mod rates;
mod reading;
mod shown;
mod stepping;

pub use acting::{Note, Origin};
pub(crate) use board::PUSHES;
pub use board::{AlarmRegister, Board, Slot, Slots};
pub use crediting::Crediting;
pub use events::{EventGroup, EventLogs, EventRow, GROUPS, LogRecord};
pub use one_way::OneWay;
pub use ports::HdlcPort;
pub(crate) use push_host::destination_number;
pub use push_host::{DESTINATION_FIRST, PushHost};
pub(crate) use quality::count as count_quality;
pub use quality::{KINDS, QualityBook, QualityKind, QualityRow, Tallies, Tally};
pub use rates::{Counted, RateRegisters};

use crate::config::Identity;
use crate::measurement::Measurement;
use alloc::vec::Vec;
use catalogue::{PUBLIC, Ports};
use dlms::apdu::{ActionResult, DataAccessResult};
use dlms::axdr::{Data, Encoder};
use dlms::classes::{G3Layer, G3Network, G3Setup, Moment, register};
use dlms::cosem::{AttributeRequest, CaptureObject, LogicalName, MethodRequest};
use dlms::server::{Access, AssociationContext, ObjectEntry, ObjectModel};
use dlms::specs::schemas;
use plc_core::{Instant, Utc};

/// The columns of every profile of energy; of three phases and four wires, of the billing profiles.
pub const COLUMNS: [CaptureObject; 4] = [
    CaptureObject::CLOCK,
    CaptureObject::new(schemas::DATA.class_id, names::PROFILE_STATUS, 2),
    CaptureObject::new(register::CLASS_ID, names::ACTIVE_IMPORT, 2),
    CaptureObject::new(register::CLASS_ID, names::ACTIVE_EXPORT, 2),
];

/// The columns of the load profile of three phases and four wires: beside the energies the mains at the boundary, by phase voltage,
/// current, power factor and distortion of the voltage, and how many dips, swells and interruptions there were.
pub const THREE_PHASE_COLUMNS: [CaptureObject; 19] = three_phase_columns();

const fn three_phase_columns() -> [CaptureObject; 19] {
    let mut all = [CaptureObject::CLOCK; 19];
    let mut n = 0;
    while n < COLUMNS.len() {
        all[n] = COLUMNS[n];
        n += 1;
    }
    let mut phase = 1;
    while phase <= 3 {
        let of = [(12, 0), (11, 0), (13, 0), (12, 124)];
        let mut which = 0;
        while which < of.len() {
            let name = names::of_phase(phase, of[which].0, 7, of[which].1);
            all[n] = CaptureObject::new(register::CLASS_ID, name, 2);
            (n, which) = (n + 1, which + 1);
        }
        phase += 1;
    }
    let mut kind = 0;
    while kind < KINDS.len() {
        let name = names::of_phase(0, 12, KINDS[kind].group() + 1, 0);
        all[n] = CaptureObject::new(schemas::DATA.class_id, name, 2);
        (n, kind) = (n + 1, kind + 1);
    }
    all
}

/// The objects of a meter while something happens to them.
#[derive(Debug)]
pub struct Objects<'m> {
    /// Maker and number.
    pub identity: &'m Identity,
    /// The version of the firmware.
    pub firmware: &'m str,
    /// The highest counter accepted from the management client.
    pub receive_counter: Option<u32>,
    /// What is measured.
    pub measurement: &'m mut Measurement,
    /// The objects that have a state of their own.
    pub board: &'m mut Board,
    /// What the network knows of itself, on a network.
    pub network: Option<&'m mut dyn G3Network>,
    /// The HDLC port, if there is one.
    pub hdlc: Option<HdlcPort>,
    /// Clients that are served at the same time.
    pub sessions_max: usize,
    /// What has happened that concerns more than the objects, in its order.
    pub notes: Vec<Note>,
    /// Steps of scripts that may still be executed.
    pub steps_left: u16,
}

impl Objects<'_> {
    /// What `now` is to the objects.
    fn moment(&self, now: Instant) -> Moment {
        self.board.moment(now, self.measurement.clock().utc(now))
    }

    /// The objects of this meter, in their order.
    fn catalogue(&self) -> impl Iterator<Item = &'static catalogue::Known> {
        let ports = Ports { network: self.network.is_some(), hdlc: self.hdlc.is_some() };
        catalogue::all(self.measurement.ratings().wiring, ports)
    }

    /// The object of this name.
    fn locate(&self, name: LogicalName) -> Option<(catalogue::Place, ObjectEntry)> {
        catalogue::find(name, self.measurement.ratings().wiring)
    }
}

impl ObjectModel for Objects<'_> {
    fn object(&self, index: usize, association: &AssociationContext) -> Option<ObjectEntry> {
        let visible = if association.access == Access::Public { PUBLIC } else { usize::MAX };
        let mut all = self.catalogue().take(visible);
        all.nth(index).map(|known| catalogue::granted(known, association.access))
    }

    fn find(&self, logical_name: LogicalName, association: &AssociationContext) -> Option<ObjectEntry> {
        let visible = if association.access == Access::Public { PUBLIC } else { usize::MAX };
        let mut all = self.catalogue().take(visible);
        let found = all.find(|known| known.entry.logical_name == logical_name);
        found.map(|known| catalogue::granted(known, association.access))
    }

    fn utc(&self, now: Instant) -> Option<Utc> {
        self.measurement.clock().utc(now)
    }

    fn get(
        &mut self,
        request: &AttributeRequest,
        association: &AssociationContext,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        self.read(request, association.now, out)
    }

    fn set(
        &mut self,
        request: &AttributeRequest,
        value: &Data<'_>,
        association: &AssociationContext,
    ) -> Result<(), DataAccessResult> {
        if request.selector.is_some() {
            return Err(DataAccessResult::ScopeOfAccessViolated);
        }
        self.write(request, value, association.now, Origin::Remote)
    }

    fn action(
        &mut self,
        request: &MethodRequest,
        parameter: Option<&Data<'_>>,
        association: &AssociationContext,
        out: &mut Encoder<'_>,
    ) -> Result<(), ActionResult> {
        if let Some((catalogue::Place::G3(layer @ G3Layer::Mac), _)) = self.locate(request.logical_name) {
            let network = self.network.as_deref_mut().ok_or(ActionResult::ObjectUndefined)?;
            return G3Setup { layer, network }.ask(request.method, parameter.unwrap_or(&Data::Null), out);
        }
        self.invoke(request, parameter, association.now, Origin::Remote)
    }
}
