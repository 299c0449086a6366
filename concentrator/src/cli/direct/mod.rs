//! The commands that ask a meter without a daemon: over TCP with the wrapper or HDLC, or over a serial line.

mod args;
mod carrier;
mod counters;
mod dissection;
mod fault;
mod keys;
mod line;
mod notation;
mod opening;
mod output;
mod push;
mod session;
mod trace;

pub use args::{
    ActionArgs, DirectCommand, GetArgs, ListenArgs, MeterArgs, ObjectArgs, ProfileArgs, PushCommand,
    SecurityArgs, SetArgs,
};
pub(super) use fault::Fault;

use anyhow::{Context, anyhow};
use args::Format;
use dlms::axdr::Data;
use dlms::classes::object_name;
use dlms::classes::profile::{Rows, capture_objects};
use dlms::cosem::{
    AttributeRequest, CaptureObject, ClockStatus, ClockTime, LogicalName, MethodRequest, Selector,
};
use output::{Cell, Results};
use plc_core::Utc;
use session::Session;
use std::io::{self, Write};

pub(super) fn run(command: &DirectCommand) -> anyhow::Result<()> {
    match command {
        DirectCommand::Get(args) => get(args),
        DirectCommand::Set(args) => set(args),
        DirectCommand::Action(args) => action(args),
        DirectCommand::Objects(args) => objects(args),
        DirectCommand::Profile(args) => profile(args),
        DirectCommand::Push(PushCommand::Listen(args)) => push::listen(args),
    }
}

fn get(args: &GetArgs) -> anyhow::Result<()> {
    let ObjectArgs { name, class } = args.object;
    let mut session = Session::open(&args.meter)?;
    let value = session.get(AttributeRequest::new(class, name, args.attribute))?;
    let value = data(&value)?;
    if args.meter.format() == Format::Table {
        return Ok(writeln!(io::stdout(), "{value}")?);
    }
    let mut results = Results::new(["logical_name", "class", "attribute", "value", "notation"]);
    let (name, notation) = (Cell::text(name.to_string()), Cell::text(notation::print(&value)));
    let attribute = Cell { text: args.attribute.to_string(), value: args.attribute.into() };
    results.push(vec![name, Cell::number(class.into()), attribute, Cell::data(&value), notation]);
    Ok(results.print(args.meter.format())?)
}

fn set(args: &SetArgs) -> anyhow::Result<()> {
    let ObjectArgs { name, class } = args.object;
    let mut session = Session::open(&args.meter)?;
    session.set(AttributeRequest::new(class, name, args.attribute), &args.value.0)?;
    Ok(())
}

fn action(args: &ActionArgs) -> anyhow::Result<()> {
    let ObjectArgs { name, class } = args.object;
    let mut session = Session::open(&args.meter)?;
    let method = MethodRequest { class_id: class, logical_name: name, method: args.method };
    let returned = session.action(method, args.parameter.as_ref().map(|parameter| parameter.0.as_slice()))?;
    let Some(returned) = returned else { return Ok(()) };
    let returned = data(&returned)?;
    if args.meter.format() == Format::Table {
        return Ok(writeln!(io::stdout(), "{returned}")?);
    }
    let mut results = Results::new(["value", "notation"]);
    results.push(vec![Cell::data(&returned), Cell::text(notation::print(&returned))]);
    Ok(results.print(args.meter.format())?)
}

fn objects(args: &MeterArgs) -> anyhow::Result<()> {
    let mut session = Session::open(args)?;
    let list = session.get(OBJECT_LIST)?;
    let list = data(&list)?;
    let list = list.as_array().ok_or_else(|| anyhow!("object list: expected an array, found {list}"))?;
    let mut results = Results::new(["class", "version", "logical_name", "name"]);
    for element in list.iter() {
        let (class, version, name) =
            listed(&element).ok_or_else(|| anyhow!("object list: not an object: {element}"))?;
        let meaning = args.companion.map_or_else(|| object_name(name), |family| family.name_of(name));
        let (name, meaning) = (Cell::text(name.to_string()), Cell::text(meaning.unwrap_or_default()));
        results.push(vec![Cell::number(class), Cell::number(version), name, meaning]);
    }
    Ok(results.print(args.format())?)
}

/// Class, version and name of an element of an object list.
fn listed(element: &Data<'_>) -> Option<(u64, u64, LogicalName)> {
    let mut fields = element.as_structure()?.iter();
    let (class, version) = (fields.next()?.as_u64()?, fields.next()?.as_u64()?);
    let name = fields.next()?.as_octets()?.try_into().ok()?;
    Some((class, version, LogicalName(name)))
}

fn profile(args: &ProfileArgs) -> anyhow::Result<()> {
    let mut session = Session::open(&args.meter)?;
    let columns = session.get(AttributeRequest::new(PROFILE_GENERIC, args.name, CAPTURE_OBJECTS))?;
    let columns = capture_objects(&columns).ok_or_else(|| anyhow!("capture objects: none that are known"))?;
    let mut request = AttributeRequest::new(PROFILE_GENERIC, args.name, BUFFER);
    request.selector = range(args.from, args.to);
    let buffer = session.get(request)?;
    let rows = Rows::from_value(&buffer).ok_or_else(|| anyhow!("buffer: not an array of rows"))?;
    let mut results = Results::new(columns.iter().map(key));
    for row in rows.iter() {
        results.push(row.zip(&columns).map(|(cell, column)| shown(&cell, column)).collect());
    }
    Ok(results.print(args.meter.format())?)
}

/// The captures from `from` on and before `to`; all without either.
fn range(from: Option<Utc>, to: Option<Utc>) -> Option<Selector> {
    if from.is_none() && to.is_none() {
        return None;
    }
    let bound = |utc: Utc| ClockTime::from_utc(utc, 0, ClockStatus::OK);
    let last = to.map_or(ClockTime::UNSPECIFIED, |to| bound(Utc::from_millis(to.as_millis() - 1000)));
    Some(Selector::between(from.map_or(ClockTime::UNSPECIFIED, bound), last))
}

/// A cell: a time as one, anything else as the value that it is.
fn shown(cell: &Data<'_>, column: &CaptureObject) -> Cell {
    let time = cell.as_clock_time().filter(|_| column.class_id == CaptureObject::CLOCK.class_id);
    let utc = time.and_then(|time| time.utc());
    utc.map_or_else(|| Cell::data(cell), |utc| Cell::text(utc.to_string()))
}

fn key(column: &CaptureObject) -> String {
    format!("{}/{}", column.logical_name, column.attribute)
}

fn data(octets: &[u8]) -> anyhow::Result<Data<'_>> {
    Data::from_bytes(octets).context("the value of the meter")
}

const OBJECT_LIST: AttributeRequest = AttributeRequest::new(15, LogicalName([0, 0, 40, 0, 0, 255]), 2);
const PROFILE_GENERIC: u16 = 7;
const BUFFER: i8 = 2;
const CAPTURE_OBJECTS: i8 = 3;
