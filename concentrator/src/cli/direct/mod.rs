//! The commands that ask a meter without a daemon: over TCP, with the wrapper or HDLC.

mod carrier;
mod keys;
mod session;

use super::args::{DirectCommand, GetArgs, MeterArgs, ProfileArgs};
use anyhow::{Context, anyhow};
use dlms::axdr::Data;
use dlms::classes::profile::{Rows, capture_objects};
use dlms::cosem::{AttributeRequest, CaptureObject, ClockStatus, ClockTime, LogicalName, Selector};
use plc_core::Utc;
use serde_json::{Value, json};
use session::Session;
use std::io::{self, Write};

pub(super) fn run(command: &DirectCommand) -> anyhow::Result<()> {
    match command {
        DirectCommand::Get(args) => get(args),
        DirectCommand::Objects(args) => objects(args),
        DirectCommand::Profile(args) => profile(args),
    }
}

fn get(args: &GetArgs) -> anyhow::Result<()> {
    let mut session = Session::open(&args.meter)?;
    let value = session.get(AttributeRequest::new(args.class, args.name, args.attribute))?;
    session.close();
    let value = data(&value)?;
    let line = match args.meter.json {
        true => json!({ "logical_name": args.name.to_string(), "attribute": args.attribute, "value": value.to_string() })
            .to_string(),
        false => value.to_string(),
    };
    Ok(writeln!(io::stdout(), "{line}")?)
}

fn objects(args: &MeterArgs) -> anyhow::Result<()> {
    let mut session = Session::open(args)?;
    let list = session.get(OBJECT_LIST)?;
    session.close();
    let list = data(&list)?;
    let list = list.as_array().ok_or_else(|| anyhow!("object list: expected an array, found {list}"))?;
    let mut out = io::stdout().lock();
    if !args.json {
        writeln!(out, "CLASS  VERSION  NAME")?;
    }
    for element in list.iter() {
        let (class, version, name) =
            listed(&element).ok_or_else(|| anyhow!("object list: not an object: {element}"))?;
        match args.json {
            true => writeln!(
                out,
                "{}",
                json!({ "class": class, "version": version, "logical_name": name.to_string() })
            )?,
            false => writeln!(out, "{class:>5}  {version:>7}  {name}")?,
        }
    }
    Ok(())
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
    session.close();
    let rows = Rows::from_value(&buffer).ok_or_else(|| anyhow!("buffer: not an array of rows"))?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    if !args.meter.json {
        let names: Vec<String> = columns.iter().map(|column| column.logical_name.to_string()).collect();
        writeln!(out, "{}", names.join("\t"))?;
    }
    for row in rows.iter() {
        let cells: Vec<String> = row.zip(&columns).map(|(cell, column)| shown(&cell, column)).collect();
        match args.meter.json {
            true => {
                let cells = columns.iter().zip(cells).map(|(column, cell)| (key(column), Value::from(cell)));
                writeln!(out, "{}", Value::from_iter(cells))?;
            }
            false => writeln!(out, "{}", cells.join("\t"))?,
        }
    }
    Ok(out.flush()?)
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
fn shown(cell: &Data<'_>, column: &CaptureObject) -> String {
    let time = cell.as_clock_time().filter(|_| column.class_id == CaptureObject::CLOCK.class_id);
    time.and_then(|time| time.utc()).map_or_else(|| cell.to_string(), |utc| utc.to_string())
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
