//! What a task wants of one meter, question by question.

use crate::lot::{Given, LOT_MAX};
use crate::meter::Meter;
use crate::sheet::{Sheet, number};
use crate::specs::{CLOCK, attribute, class, is_monthly};
use crate::task::PROFILE_PRIORITY;
use crate::tasks::Outcome;
use crate::{CaptureRange, Mark, Task, TaskFault, Unexpected, Value, What};
use alloc::vec::Vec;
use core::time::Duration;
use dlms::apdu::DataAccessResult;
use dlms::axdr::Data;
use dlms::cosem::{AttributeRequest, ClockStatus, ClockTime, LogicalName, ScalerUnit, Selector, Unit};
use plc_core::Utc;

/// What a task wants of one meter.
#[derive(Debug)]
pub(crate) struct Errand {
    task: u32,
    priority: u8,
    what: What,
    stage: Stage,
    /// Whether the meter has given anything.
    given: bool,
    fault: Option<TaskFault>,
}

/// What was asked last.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing.
    Begun,
    /// Scalers of these registers.
    Scalers(Vec<LogicalName>),
    /// These registers; the next one is at this place of the task.
    Registers(Vec<LogicalName>, usize),
    /// The columns of the profile at this place of the task.
    Columns(usize),
    /// Scalers of columns of that profile.
    ColumnScalers(usize, Vec<LogicalName>),
    /// Rows of it.
    Rows(usize, CaptureRange),
    /// The clock.
    Clock,
    /// Everything.
    Over,
}

/// What an answer has brought.
#[derive(Debug, Default)]
pub(crate) struct Brought {
    /// Values to store.
    pub values: Vec<Value>,
    /// The mark that they move.
    pub mark: Option<Mark>,
    /// What cannot be believed.
    pub unexpected: Option<Unexpected>,
    /// The clock, to be compared.
    pub clock: Option<Option<ClockTime>>,
}

/// Who is asked, and when.
pub(crate) struct Scene<'a> {
    /// The meter.
    pub meter: &'a mut Meter,
    /// UTC in the middle between question and answer.
    pub utc: Utc,
}

impl Errand {
    /// The errand of a task.
    pub(crate) fn new(task: &Task) -> Self {
        let Task { number, priority, ref what, .. } = *task;
        let (what, stage) = (what.clone(), Stage::Begun);
        Self { task: number, priority, what, stage, given: false, fault: None }
    }

    /// Which task.
    pub(crate) const fn task(&self) -> u32 {
        self.task
    }

    /// The smallest goes first.
    pub(crate) const fn priority(&self) -> u8 {
        self.priority
    }

    /// Whether it goes before the load profile.
    pub(crate) const fn is_urgent(&self) -> bool {
        self.priority < PROFILE_PRIORITY
    }

    /// What it has come to, when nothing is left to ask.
    pub(crate) fn outcome(self) -> Outcome {
        match self.fault {
            Some(fault @ TaskFault::Denied(_)) if !self.given => Outcome::Failed(fault),
            Some(fault @ (TaskFault::Unexpected(_) | TaskFault::NotStored)) => Outcome::Again(fault),
            _ => Outcome::Done,
        }
    }

    /// The store has no room for what was read.
    pub(crate) fn on_no_room(&mut self) {
        self.fault = Some(TaskFault::NotStored);
    }

    /// What to ask next, at most [`LOT_MAX`]; `None` when nothing is left.
    pub(crate) fn next(&mut self, meter: &Meter, utc: Utc) -> Option<Vec<AttributeRequest>> {
        match self.what.clone() {
            What::Registers(names) => self.next_of_registers(&names, meter),
            What::Rows(sources) => self.next_of_rows(&sources, meter, utc),
            What::Clock => {
                let first = core::mem::replace(&mut self.stage, Stage::Clock) == Stage::Begun;
                first.then(|| [AttributeRequest::new(class::CLOCK, CLOCK, attribute::TIME)].to_vec())
            }
        }
    }

    fn next_of_registers(&mut self, names: &[LogicalName], meter: &Meter) -> Option<Vec<AttributeRequest>> {
        let from = match self.stage {
            Stage::Registers(_, next) => next,
            Stage::Over => return None,
            _ => 0,
        };
        let unscaled: Vec<_> =
            names.iter().copied().filter(|name| meter.scaler(*name).is_none()).take(LOT_MAX).collect();
        if from == 0 && !unscaled.is_empty() {
            let asked = attributes(&unscaled, attribute::SCALER_UNIT);
            self.stage = Stage::Scalers(unscaled);
            return Some(asked);
        }
        let known = names.iter().enumerate().skip(from);
        let known = known.filter(|(_, name)| meter.scaler(**name).is_some_and(|scaler| scaler.is_some()));
        let (places, chunk): (Vec<_>, Vec<_>) = known.take(LOT_MAX).unzip();
        let Some(last) = places.last() else {
            if !self.given && self.fault.is_none() {
                self.fault = Some(TaskFault::Denied(DataAccessResult::ObjectUndefined));
            }
            self.stage = Stage::Over;
            return None;
        };
        let asked = attributes(&chunk, attribute::VALUE);
        self.stage = Stage::Registers(chunk, last + 1);
        Some(asked)
    }

    fn next_of_rows(
        &mut self,
        sources: &[LogicalName],
        meter: &Meter,
        utc: Utc,
    ) -> Option<Vec<AttributeRequest>> {
        let place = match self.stage {
            Stage::Begun => 0,
            Stage::Columns(place) | Stage::ColumnScalers(place, _) => place,
            Stage::Rows(place, _) => place + 1,
            _ => return None,
        };
        let Some(&source) = sources.get(place) else {
            self.stage = Stage::Over;
            return None;
        };
        let of = |attribute| AttributeRequest::new(class::PROFILE_GENERIC, source, attribute);
        let Some(sheet) = meter.sheet(source) else {
            self.stage = Stage::Columns(place);
            return Some([of(attribute::CAPTURE_OBJECTS)].to_vec());
        };
        let unscaled: Vec<_> =
            sheet.scalers().filter(|(name, _)| meter.scaler(*name).is_none()).take(LOT_MAX).collect();
        if !unscaled.is_empty() {
            let (names, asked) = unscaled.into_iter().unzip();
            self.stage = Stage::ColumnScalers(place, names);
            return Some(asked);
        }
        let range = unread(source, meter.mark(source), utc);
        self.stage = Stage::Rows(place, range);
        let clock = |utc| ClockTime::from_utc(utc, 0, ClockStatus::OK);
        let selector = Some(Selector::between(clock(range.from), clock(range.to)));
        Some([AttributeRequest { selector, ..of(attribute::BUFFER) }].to_vec())
    }

    /// The meter has answered what was asked last.
    pub(crate) fn on_answers(&mut self, answers: Vec<Given>, scene: &mut Scene<'_>) -> Brought {
        match (self.stage.clone(), self.what.clone()) {
            (Stage::Scalers(names) | Stage::ColumnScalers(_, names), _) => {
                let brought = learn(&names, &answers, scene.meter);
                self.fault = brought.unexpected.map(TaskFault::Unexpected).or(self.fault.take());
                brought
            }
            (Stage::Registers(names, _), _) => self.on_registers(&names, &answers, scene),
            (Stage::Columns(place), What::Rows(sources)) => self.on_columns(&sources, place, &answers, scene),
            (Stage::Rows(place, range), What::Rows(sources)) => {
                self.on_rows(sources[place], range, &answers, scene)
            }
            (Stage::Clock, _) => self.on_clock(&answers, scene),
            _ => Brought::default(),
        }
    }

    fn on_registers(&mut self, names: &[LogicalName], answers: &[Given], scene: &Scene<'_>) -> Brought {
        let mut brought = Brought::default();
        let (meter, capture) = (scene.meter.entry.eui64, scene.utc);
        for (&name, answer) in names.iter().zip(answers) {
            let Some(Some(ScalerUnit { scaler, unit })) = scene.meter.scaler(name) else { continue };
            let read = answer.as_ref().map(|bytes| Data::from_bytes(bytes).ok().and_then(|d| number(&d)));
            match read {
                Ok(Some(value)) => {
                    let (ordinal, status, unit) = (0, 0, unit.0);
                    let (source, logical_name) = (name, name);
                    let value =
                        Value { meter, source, logical_name, capture, ordinal, value, scaler, unit, status };
                    brought.values.push(value);
                }
                Ok(None) => self.on_unexpected(Unexpected::RowValue, &mut brought),
                Err(denied) => self.on_denied(*denied),
            }
        }
        self.given |= !brought.values.is_empty();
        brought
    }

    fn on_columns(
        &mut self,
        sources: &[LogicalName],
        place: usize,
        answers: &[Given],
        scene: &mut Scene<'_>,
    ) -> Brought {
        let mut brought = Brought::default();
        let sheet = match answers.first() {
            Some(Ok(bytes)) => Data::from_bytes(bytes)
                .map_err(|_| Unexpected::Encoding)
                .and_then(|columns| Sheet::from_data(&columns)),
            Some(Err(denied)) => {
                self.on_denied(*denied);
                self.skip(place);
                return brought;
            }
            None => Err(Unexpected::Encoding),
        };
        match sheet {
            Ok(sheet) => scene.meter.learn_sheet(sources[place], sheet),
            Err(unexpected) => {
                self.on_unexpected(unexpected, &mut brought);
                self.skip(place);
            }
        }
        brought
    }

    fn on_rows(
        &mut self,
        source: LogicalName,
        range: CaptureRange,
        answers: &[Given],
        scene: &mut Scene<'_>,
    ) -> Brought {
        let mut brought = Brought::default();
        let meter = &mut *scene.meter;
        let read = match answers.first() {
            Some(Err(denied)) => {
                self.on_denied(*denied);
                return brought;
            }
            Some(Ok(bytes)) => Data::from_bytes(bytes).map_err(|_| Unexpected::Encoding).and_then(|buffer| {
                let sheet = meter.sheet(source).ok_or(Unexpected::Columns)?;
                sheet.read(&buffer, (meter.entry.eui64, source), range, |name| meter.scaler(name).flatten())
            }),
            None => Err(Unexpected::Encoding),
        };
        match read {
            Ok(entries) => {
                self.given = true;
                let eui64 = meter.entry.eui64;
                brought.mark = entries.newest.map(|through| Mark { meter: eui64, source, through });
                brought.unexpected = (entries.timeless > 0).then_some(Unexpected::RowClock);
                brought.values = entries.values;
            }
            Err(unexpected) => {
                meter.forget_sheet(source);
                self.on_unexpected(unexpected, &mut brought);
            }
        }
        brought
    }

    /// By how much the clock is ahead is a value; a clock that names no instant has none.
    fn on_clock(&mut self, answers: &[Given], scene: &Scene<'_>) -> Brought {
        let mut brought = Brought::default();
        match answers.first() {
            Some(Ok(bytes)) => {
                let clock = Data::from_bytes(bytes).ok().and_then(|data| data.as_clock_time());
                if let Some(told) = clock.and_then(|clock| clock.utc()) {
                    let value = told.as_millis().saturating_sub(scene.utc.as_millis());
                    let (meter, capture) = (scene.meter.entry.eui64, scene.utc);
                    let (source, logical_name, ordinal, status) = (CLOCK, CLOCK, 0, 0);
                    let (scaler, unit) = (-3, Unit::SECOND.0);
                    let value =
                        Value { meter, source, logical_name, capture, ordinal, value, scaler, unit, status };
                    brought.values.push(value);
                }
                self.given = true;
                brought.clock = Some(clock);
            }
            Some(Err(denied)) => self.on_denied(*denied),
            None => self.on_unexpected(Unexpected::Encoding, &mut brought),
        }
        brought
    }

    fn on_unexpected(&mut self, unexpected: Unexpected, brought: &mut Brought) {
        brought.unexpected = Some(unexpected);
        self.fault = Some(TaskFault::Unexpected(unexpected));
    }

    fn on_denied(&mut self, result: DataAccessResult) {
        self.fault.get_or_insert(TaskFault::Denied(result));
    }

    /// Goes on behind a profile that cannot be read.
    fn skip(&mut self, place: usize) {
        let epoch = Utc::default();
        self.stage = Stage::Rows(place, CaptureRange { from: epoch, to: epoch });
    }
}

/// Notes scalers and units; of what has none, that it has none.
fn learn(names: &[LogicalName], answers: &[Given], meter: &mut Meter) -> Brought {
    let mut brought = Brought::default();
    for (name, answer) in names.iter().zip(answers) {
        let data = answer.as_ref().ok().map(|bytes| Data::from_bytes(bytes).ok());
        let scaler = data.as_ref().map(|data| data.as_ref().and_then(ScalerUnit::from_data));
        if scaler == Some(None) {
            brought.unexpected = Some(Unexpected::ScalerUnit);
        }
        meter.learn_scaler(*name, scaler.flatten());
    }
    brought
}

fn attributes(names: &[LogicalName], attribute: i8) -> Vec<AttributeRequest> {
    names.iter().map(|name| AttributeRequest::new(class::REGISTER, *name, attribute)).collect()
}

/// Which rows of a profile to ask for: those since the newest that is held, that second once more, for more may have come in it.
fn unread(source: LogicalName, mark: Option<Utc>, utc: Utc) -> CaptureRange {
    let history = if is_monthly(source) { MONTHS } else { DAYS };
    let from = mark.map_or(utc - history, |mark| mark.min(utc)).floor(SECOND);
    CaptureRange { from, to: utc + AHEAD }
}

/// Meters compare rows with whole seconds, whatever the hundredths of a row say.
const SECOND: Duration = Duration::from_secs(1);
/// How far back a profile is read of which nothing is held \[own choice\].
const DAYS: Duration = Duration::from_secs(62 * 86_400);
/// The same of one with a row a month \[own choice\].
const MONTHS: Duration = Duration::from_secs(460 * 86_400);
/// Clocks of meters may be ahead by so much \[own choice\].
const AHEAD: Duration = Duration::from_secs(86_400);
