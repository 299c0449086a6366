//! Reading attributes.

use super::Objects;
use super::board::Slot;
use super::catalogue::{Content, Place, TallyPart};
use super::events::EventGroup;
use super::quality::QualityKind;
use super::shown::ShownLog;
use super::{COLUMNS, THREE_PHASE_COLUMNS, names};
use crate::profiles::Row;
use crate::ring::Ring;
use alloc::vec::Vec;
use dlms::apdu::DataAccessResult;
use dlms::axdr::{Data, EncodeFault, Encoder};
use dlms::classes::profile::{self, ProfileDescription, RowSource, SortMethod};
use dlms::classes::{AttributeReference, G3Layer, G3Setup, Object, PushObject, WallClock, register};
use dlms::cosem::{AttributeRequest, Bound, ClockTime, Selector};
use metrology::Wiring;
use plc_core::Instant;

/// The attribute value of Data and Register.
const VALUE: i8 = 2;

impl Objects<'_> {
    pub(super) fn read(
        &mut self,
        request: &AttributeRequest,
        now: Instant,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        let (place, entry) = self.locate(request.logical_name).ok_or(DataAccessResult::ObjectUndefined)?;
        let has_rows = matches!(
            place,
            Place::Log(_)
                | Place::Content(Content::LoadProfile | Content::DailyProfile | Content::MonthlyProfile)
                | Place::Content(Content::QualityLog(_))
        );
        if request.selector.is_some() && !has_rows {
            return Err(DataAccessResult::ScopeOfAccessViolated);
        }
        if !(1..=entry.attributes as i8).contains(&request.attribute) {
            return Err(DataAccessResult::ObjectUndefined);
        }
        match place {
            _ if request.attribute == 1 => out.logical_name(request.logical_name),
            Place::Slot(slot) => {
                let at = self.moment(now);
                return self.board.slots.object(slot).get(request.attribute, &at, out);
            }
            Place::EventCode(group) => out.u8(self.board.events.code(group)),
            Place::Log(group) => return self.log_of(group, request, out),
            Place::G3(layer) => return self.network(layer, request.attribute, now, out),
            Place::Content(content) => return self.content(content, request, out),
        }
        Ok(())
    }

    /// What a push setup pushes, and to whom.
    pub(crate) fn push_body(&mut self, slot: Slot, now: Instant) -> Option<PushBody> {
        let utc = self.measurement.clock().utc(now);
        let time = utc.map(|utc| self.board.slots.clock.time(utc));
        let held = if slot == Slot::PushInterval { self.board.held_push.clone() } else { None };
        let body = held.or_else(|| self.push_values(slot, now))?;
        let push = self.board.push_mut(slot)?;
        let peer = push.destination.address.as_slice().try_into().ok().map(u16::from_be_bytes);
        let (client_sap, confirmed) = (u16::try_from(push.push_client_sap).ok()?, push.is_confirmed());
        Some(PushBody { body, time, peer, client_sap, confirmed })
    }

    /// The value of an attribute and the time, for whoever is notified of it.
    pub(crate) fn event(
        &mut self,
        attribute: &AttributeRequest,
        now: Instant,
    ) -> Option<(Option<ClockTime>, Vec<u8>)> {
        let value = self.encoded(attribute, now).ok()??;
        let utc = self.measurement.clock().utc(now);
        Some((utc.map(|utc| self.board.slots.clock.time(utc)), value))
    }

    /// The values that a push setup lists, as they are now: one structure. `None` when they are more than a push can hold.
    pub(super) fn push_values(&mut self, slot: Slot, now: Instant) -> Option<Vec<u8>> {
        let objects = self.board.push_mut(slot)?.objects.clone();
        let mut body = Vec::new();
        let mut out = Encoder::new(&mut body, PUSH_LEN_MAX);
        out.structure(objects.len());
        for object in objects.iter() {
            match self.pushed(object, now).ok()? {
                Some(value) => out.encoded(&value),
                None => out.null(),
            }
        }
        out.finish().ok().map(|()| body)
    }

    /// What is pushed of an object: the value or the part of it that is wanted, if there is one.
    fn pushed(&mut self, object: &PushObject, now: Instant) -> Result<Option<Vec<u8>>, EncodeFault> {
        let Some(request) = object.request() else { return Ok(None) };
        let Some(value) = self.encoded(&request, now)? else { return Ok(None) };
        let captured = match object.columns_request() {
            None => Vec::new(),
            Some(request) => {
                let columns = self.encoded(&request, now)?;
                let Some(columns) = columns.as_deref().and_then(profile::capture_objects) else {
                    return Ok(None);
                };
                columns
            }
        };
        let mut part = Vec::new();
        let mut out = Encoder::new(&mut part, PUSH_LEN_MAX);
        let Some(()) = object.write_part(&value, &captured, &mut out) else { return Ok(None) };
        out.finish()?;
        Ok(Some(part))
    }

    /// An attribute as it is written; `None` for one that there is not.
    fn encoded(&mut self, request: &AttributeRequest, now: Instant) -> Result<Option<Vec<u8>>, EncodeFault> {
        let mut value = Vec::new();
        let mut out = Encoder::new(&mut value, PUSH_LEN_MAX);
        if self.read(request, now, &mut out).is_err() {
            return Ok(None);
        }
        out.finish()?;
        Ok(Some(value))
    }

    /// An attribute as a number, where it is one: what limiters and monitors look at.
    pub(super) fn number(&mut self, of: &AttributeReference, now: Instant) -> Option<i64> {
        self.with_value(of, now, |data| data.as_i64()).flatten()
    }

    /// What `look` sees in a short attribute.
    pub(super) fn with_value<T>(
        &mut self,
        of: &AttributeReference,
        now: Instant,
        look: impl FnOnce(&Data<'_>) -> T,
    ) -> Option<T> {
        let mut value = Vec::new();
        let mut out = Encoder::new(&mut value, SHORT_LEN_MAX);
        let (_, entry) = self.locate(of.logical_name)?;
        let read = entry.class_id == of.class_id && self.read(&of.request(), now, &mut out).is_ok();
        (read && out.finish().is_ok()).then(|| Data::from_bytes(&value).ok().map(|data| look(&data)))?
    }

    fn content(
        &mut self,
        content: Content,
        request: &AttributeRequest,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        match content {
            Content::LoadProfile => self.profile(request, self.measurement.profiles().load(), out),
            Content::DailyProfile => self.profile(request, self.measurement.profiles().daily(), out),
            Content::MonthlyProfile => self.profile(request, self.measurement.profiles().monthly(), out),
            Content::QualityLog(kind) => self.quality_log(kind, request, out),
            _ => self.value(content, request, out),
        }
    }

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
            Content::FirmwareSignature if is_value => out.octet_string(self.signature()),
            Content::ReceiveCounter if is_value => out.u32(self.receive_counter.unwrap_or(0)),
            Content::ProfileStatus if is_value => out.u8(self.measurement.profiles().status()),
            Content::Tally(kind, phase, TallyPart::Count) if is_value => {
                out.u32(self.board.quality.tally(kind, phase).count);
            }
            Content::Diagnosis if is_value => match self.measurement.diagnosis() {
                Some(diagnosis) => out.octet_string(alloc::format!("{diagnosis}").as_bytes()),
                None => out.octet_string(b""),
            },
            Content::HdlcSetup => return self.hdlc_setup(request.attribute, out),
            Content::UdpSetup => return self.udp_setup(request.attribute, out),
            _ => return self.register(content, request, out),
        }
        Ok(())
    }

    /// The signature of the image that was verified last; none before.
    fn signature(&self) -> &[u8] {
        let images = self.board.slots.image.to_activate.as_slice();
        images.first().map_or(&[], |image| image.signature.as_slice())
    }

    fn register(
        &mut self,
        content: Content,
        request: &AttributeRequest,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        let (value, scaler_unit) = self.register_value(content).ok_or(DataAccessResult::ObjectUndefined)?;
        let exists = register::encode(request.attribute, request.logical_name, &value, scaler_unit, out);
        if exists { Ok(()) } else { Err(DataAccessResult::ObjectUndefined) }
    }

    fn network(
        &mut self,
        layer: G3Layer,
        attribute: i8,
        now: Instant,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        let at = self.moment(now);
        let network = self.network.as_deref_mut().ok_or(DataAccessResult::ObjectUndefined)?;
        G3Setup { layer, network }.get(attribute, &at, out)
    }

    fn log_of(
        &self,
        group: EventGroup,
        request: &AttributeRequest,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        let (clock, columns) = (&self.board.slots.clock, group.columns());
        let rows = ShownLog { rows: self.board.events.rows(group), clock };
        let selector = request.selector.as_ref().map(|selector| as_utc(selector, clock));
        profile::encode(request.attribute, selector.as_ref(), &group.description(&columns), &rows, out)
    }

    fn quality_log(
        &self,
        kind: QualityKind,
        request: &AttributeRequest,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        let (clock, columns) = (&self.board.slots.clock, kind.columns());
        let rows = ShownLog { rows: self.board.quality.rows(kind), clock };
        let selector = request.selector.as_ref().map(|selector| as_utc(selector, clock));
        profile::encode(request.attribute, selector.as_ref(), &kind.description(&columns), &rows, out)
    }

    fn profile(
        &self,
        request: &AttributeRequest,
        rows: &Ring<Row>,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        let is_load = request.logical_name == names::LOAD_PROFILE;
        let four_wires = self.measurement.ratings().wiring == Wiring::ThreePhaseFourWire;
        let shows_mains = is_load && four_wires;
        let period = self.measurement.profiles().period().as_secs() as u32;
        let description = ProfileDescription {
            logical_name: request.logical_name,
            capture_objects: if shows_mains { &THREE_PHASE_COLUMNS } else { &COLUMNS },
            capture_period_s: if is_load { period } else { 0 },
            sort_method: SortMethod::Fifo,
            profile_entries: rows.capacity() as u32,
        };
        let clock = &self.board.slots.clock;
        let selector = request.selector.as_ref().map(|selector| as_utc(selector, clock));
        let shown = ShownRows { rows, clock };
        profile::encode(request.attribute, selector.as_ref(), &description, &shown, out)
    }
}

/// A push that is ready to be sent.
#[derive(Debug)]
pub(crate) struct PushBody {
    pub(crate) body: Vec<u8>,
    pub(crate) time: Option<ClockTime>,
    /// The short address of the destination, where it is one.
    pub(crate) peer: Option<u16>,
    pub(crate) client_sap: u16,
    pub(crate) confirmed: bool,
}

/// Octets of a push: it is one datagram.
const PUSH_LEN_MAX: usize = 900;
/// Octets of a value that a limiter or monitor looks at.
const SHORT_LEN_MAX: usize = 64;

/// A selector whose times without deviation are those of `clock`.
fn as_utc(selector: &Selector, clock: &WallClock) -> Selector {
    let with_zone = |bound: &Bound| match bound {
        Bound::Time(time) if time.deviation().is_none() => {
            Bound::Time(clock.utc(time).map_or(*time, |utc| ClockTime::from_utc(utc, 0, time.status())))
        }
        bound => *bound,
    };
    match selector {
        Selector::Range { restricting, from, to, columns } => Selector::Range {
            restricting: *restricting,
            from: with_zone(from),
            to: with_zone(to),
            columns: columns.clone(),
        },
        other => other.clone(),
    }
}

/// The rows of a profile as a clock shows their times.
struct ShownRows<'r> {
    rows: &'r Ring<Row>,
    clock: &'r WallClock,
}

impl RowSource for ShownRows<'_> {
    fn rows(&self) -> u32 {
        self.rows.len() as u32
    }

    fn key(&self, row: u32, column: usize) -> Option<i64> {
        let row = self.rows.row(row as usize)?;
        match column {
            0 => Some(row.utc.as_secs()),
            1 => Some(row.status.into()),
            2 => i64::try_from(row.import_mwh).ok(),
            3 => i64::try_from(row.export_mwh).ok(),
            column => mains_cell(row, column).as_i64(),
        }
    }

    fn cell(&self, row: u32, column: usize, out: &mut Encoder<'_>) {
        let Some(row) = self.rows.row(row as usize) else { return out.null() };
        match column {
            0 => out.clock_time(&self.clock.time(row.utc)),
            1 => out.u8(row.status),
            2 => out.u64(row.import_mwh),
            3 => out.u64(row.export_mwh),
            column => out.data(&mains_cell(row, column)),
        }
    }
}

/// A column of [`THREE_PHASE_COLUMNS`] behind the energies.
fn mains_cell(row: &Row, column: usize) -> Data<'static> {
    let n = column - COLUMNS.len();
    let Some(phase) = row.mains.phases.get(n / 4) else {
        return row.mains.counts.get(n % 4).map_or(Data::Null, |&count| Data::U32(count));
    };
    match n % 4 {
        0 => Data::U32(phase.u_mv),
        1 => Data::U32(phase.i_ma),
        2 => Data::I32(phase.factor_per_mille.into()),
        _ => Data::U32(phase.thd_ppm),
    }
}
