//! The commands that ask a meter without a daemon: over TCP with the wrapper or HDLC, or over a serial line.

mod args;
mod carrier;
mod certificates;
mod counters;
mod dissection;
mod fault;
mod keys;
mod line;
mod meaning;
mod notation;
mod objects;
mod opening;
mod output;
pub mod parsers;
mod profile;
mod push;
mod session;
mod state;
mod trace;

pub use args::{
    ActionArgs, DirectCommand, GetArgs, ListenArgs, MeterArgs, ObjectArgs, ProfileArgs, PushCommand,
    SecurityArgs, SetArgs,
};
pub(super) use fault::Fault;

use anyhow::Context;
use args::Format;
use dlms::axdr::Data;
use dlms::cosem::{AttributeRequest, CaptureObject, MethodRequest};
use meaning::Meaning;
use objects::class_of;
use output::{Cell, Results};
use session::Session;
use std::io::{self, Write};

pub(super) fn run(command: &DirectCommand) -> anyhow::Result<()> {
    match command {
        DirectCommand::Get(args) => get(args),
        DirectCommand::Set(args) => set(args),
        DirectCommand::Action(args) => action(args),
        DirectCommand::Objects(args) => objects::print(args),
        DirectCommand::Profile(args) => profile::print(args),
        DirectCommand::Push(PushCommand::Listen(args)) => push::listen(args),
    }
}

fn get(args: &GetArgs) -> anyhow::Result<()> {
    let name = args.object.name;
    let mut session = Session::open(&args.meter)?;
    let class = class_of(&mut session, args.object)?;
    let value = session.get(AttributeRequest::new(class, name, args.attribute))?;
    let object = CaptureObject::new(class, name, args.attribute);
    if let Some(certificates) = data(&value)
        .ok()
        .filter(|_| !args.raw && certificates::is_list(&object))
        .and_then(|list| certificates::rows(&list))
    {
        return Ok(certificates.print(args.meter.format())?);
    }
    let meaning = if args.raw { Meaning::Raw } else { Meaning::ask(&mut session, &object)? };
    let value = data(&value)?;
    let (cell, unit) = (meaning.cell(&value), meaning.unit().map(|unit| unit.to_string()));
    if args.meter.format() == Format::Table {
        let unit = unit.map_or_else(String::new, |unit| format!(" {unit}"));
        return Ok(writeln!(io::stdout(), "{}{unit}", cell.text)?);
    }
    let mut results = Results::new(["logical_name", "class", "attribute", "value", "unit", "notation"]);
    let (name, notation) = (Cell::text(name.to_string()), Cell::text(notation::print(&value)));
    let attribute = Cell { text: args.attribute.to_string(), value: args.attribute.into() };
    let unit = Cell::text(unit.unwrap_or_default());
    results.push(vec![name, Cell::number(class.into()), attribute, cell, unit, notation]);
    Ok(results.print(args.meter.format())?)
}

fn set(args: &SetArgs) -> anyhow::Result<()> {
    let name = args.object.name;
    let mut session = Session::open(&args.meter)?;
    let class = class_of(&mut session, args.object)?;
    session.set(AttributeRequest::new(class, name, args.attribute), &args.value.0)?;
    done(args.meter.format())
}

/// Says that the meter has done what it was asked for.
fn done(format: Format) -> anyhow::Result<()> {
    let mut results = Results::new(["result"]);
    results.push(vec![Cell::text("success")]);
    let results = if format == Format::Table { results.without_head() } else { results };
    Ok(results.print(format)?)
}

fn action(args: &ActionArgs) -> anyhow::Result<()> {
    let name = args.object.name;
    let mut session = Session::open(&args.meter)?;
    let class = class_of(&mut session, args.object)?;
    let method = MethodRequest { class_id: class, logical_name: name, method: args.method };
    let returned = session.action(method, args.parameter.as_ref().map(|parameter| parameter.0.as_slice()))?;
    let Some(returned) = returned else { return done(args.meter.format()) };
    let returned = data(&returned)?;
    if args.meter.format() == Format::Table {
        return Ok(writeln!(io::stdout(), "{returned}")?);
    }
    let mut results = Results::new(["value", "notation"]);
    results.push(vec![Cell::data(&returned), Cell::text(notation::print(&returned))]);
    Ok(results.print(args.meter.format())?)
}

fn data(octets: &[u8]) -> anyhow::Result<Data<'_>> {
    Data::from_bytes(octets).context("the value of the meter")
}
