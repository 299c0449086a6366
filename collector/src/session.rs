//! One conversation with one meter.

mod clock;
mod errands;
mod image;
mod procedure;
mod rekey;

use crate::columns::Columns;
use crate::errand::Errand;
use crate::image::ImageStage;
use crate::lot::Given;
use crate::meter::Meter;
use crate::order::{Answer, Denial, Order, OrderEnd, Orders, Step, Work};
use crate::outgoing::Outgoing;
use crate::progress::Asked;
use crate::rows::{Question, Rows};
use crate::specs::{CLOCK, LOAD_PROFILE, attribute, class};
use crate::tasks::Tasks;
use crate::{
    Batch, CaptureRange, CollectorConfig, CollectorEvent, CollectorOutput, SessionFailure, Unexpected,
};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use dlms::apdu::{ActionResult, DataAccessResult};
use dlms::axdr::Data;
use dlms::client::{Client, ClientFailure, ClientInput, ClientOutput};
use dlms::cosem::{AttributeRequest, ClockStatus, ClockTime, ScalerUnit, Selector};
use errands::Errands;
use image::Transfer;
use plc_core::seed::Stream;
use plc_core::{Eui64, Instant, Machine, ShortAddress, Utc};
use rekey::Trial;

/// One conversation with one meter: connect, read what is not known of its profile, read and store captures until
/// nothing is left to ask, release.
#[derive(Debug)]
pub(crate) struct Session {
    meter: Eui64,
    short: ShortAddress,
    client: Client,
    phase: Phase,
    boundary: Utc,
    asked: Asked,
    captures: u32,
    /// When the last request has gone out.
    requested: Instant,
    /// What is wanted besides captures, in order; the first may have begun.
    orders: VecDeque<Order>,
    /// Answers to the steps of the first order.
    answers: Vec<Answer>,
    /// Whether the first order may have changed something in the meter.
    begun: bool,
    /// What tasks want of the meter.
    errands: Errands,
    /// Why the load profile cannot be read, while there are errands that can be done all the same.
    spoiled: Option<SessionFailure>,
    /// The image that is the first order, once its turn has come; its stage and its blocks that were told.
    transfer: Option<Transfer>,
    told: Option<(ImageStage, u32)>,
    /// How far its keys are certain, and whether the meter has opened the association.
    trial: Trial,
    opened: bool,
    /// Whether the clock was looked at in this session: once is enough.
    clock_checked: bool,
    ends: Instant,
}

/// What the session waits for.
#[derive(Debug)]
enum Phase {
    Connecting,
    Reading(Subject, AttributeRequest),
    /// A step of an order is under way.
    Ordered,
    /// A question of an errand is under way.
    OnErrand,
    /// The clock is being set; it was that much ahead, milliseconds.
    SettingClock(i64),
    Storing(Storing),
    /// What was read is durable; the line is taken by others.
    Stored,
    Releasing,
    Ended(Result<(), SessionFailure>),
}

/// What an attribute is read for.
#[derive(Clone, Copy, Debug)]
enum Subject {
    Columns,
    Scaler,
    Clock,
    /// The clock, to set it because that was ordered.
    OrderedClock,
    Captures(CaptureRange),
}

/// A batch that is not durable yet.
#[derive(Debug)]
struct Storing {
    batch: u64,
    asked: CaptureRange,
    captures: Vec<Utc>,
    until: Instant,
}

/// What a session works with besides itself.
pub(crate) struct Desk<'a> {
    /// The time.
    pub now: Instant,
    /// The same as UTC.
    pub utc: Utc,
    /// Limits and habits.
    pub config: &'a CollectorConfig,
    /// The meter of the session.
    pub meter: &'a mut Meter,
    /// The orders that wait.
    pub orders: &'a mut Orders,
    /// The tasks.
    pub tasks: &'a mut Tasks,
    /// Whether UTC can be trusted.
    pub trusted: bool,
    /// Source of jitter.
    pub stream: &'a mut Stream,
    /// Where outputs go.
    pub out: &'a mut Outgoing,
}

impl Session {
    /// Begins a conversation about the captures up to `boundary`, after these orders, and with these errands.
    pub(crate) fn begin(
        desk: &mut Desk<'_>,
        short: ShortAddress,
        boundary: Utc,
        orders: Vec<Order>,
        errands: Vec<Errand>,
    ) -> Self {
        desk.meter.begin();
        let mut client = desk.meter.client(desk.config);
        client.handle(desk.now, ClientInput::Connect);
        Self {
            meter: desk.meter.entry.eui64,
            short,
            client,
            phase: Phase::Connecting,
            boundary,
            asked: Asked::nothing(&desk.meter.progress),
            captures: 0,
            requested: desk.now,
            orders: orders.into(),
            answers: Vec::new(),
            begun: false,
            errands: Errands::new(errands),
            spoiled: None,
            transfer: None,
            told: None,
            trial: Self::on_trial(desk),
            opened: false,
            clock_checked: false,
            ends: desk.now + desk.config.session_max,
        }
    }

    /// With whom.
    pub(crate) fn meter(&self) -> Eui64 {
        self.meter
    }

    /// The address of the meter.
    pub(crate) fn short(&self) -> ShortAddress {
        self.short
    }

    /// The latest captures that the session is about.
    pub(crate) fn boundary(&self) -> Utc {
        self.boundary
    }

    /// Captures that were stored.
    pub(crate) fn captures(&self) -> u32 {
        self.captures
    }

    /// Whether the meter has opened the association.
    pub(crate) const fn is_opened(&self) -> bool {
        self.opened
    }

    /// How the session has ended, if it has.
    pub(crate) fn ended(&self) -> Option<&Result<(), SessionFailure>> {
        if let Phase::Ended(result) = &self.phase { Some(result) } else { None }
    }

    /// The number of the batch that is not durable yet.
    pub(crate) fn batch(&self) -> Option<u64> {
        if let Phase::Storing(storing) = &self.phase { Some(storing.batch) } else { None }
    }

    /// A datagram has arrived from the meter.
    pub(crate) fn on_datagram(&mut self, now: Instant, bytes: &[u8]) {
        self.client.handle(now, ClientInput::Datagram(bytes));
    }

    /// Whether it takes a place on the line: while it waits for the store, and until it may go on, it leaves that to others.
    pub(crate) const fn is_on_line(&self) -> bool {
        !matches!(self.phase, Phase::Storing(_) | Phase::Stored)
    }

    /// Whether it waits for a place on the line to go on.
    pub(crate) const fn is_stored(&self) -> bool {
        matches!(self.phase, Phase::Stored)
    }

    /// The batch has become durable: only now the captures count as read.
    pub(crate) fn on_stored(&mut self, desk: &mut Desk<'_>) {
        match self.take_phase() {
            Phase::Storing(storing) => {
                self.commit(&storing, desk);
                self.phase = Phase::Stored;
            }
            other => self.phase = other,
        }
    }

    /// There is a place on the line: the conversation goes on.
    pub(crate) fn resume(&mut self, desk: &mut Desk<'_>) {
        if self.is_stored() {
            self.proceed(desk);
        }
    }

    /// The order that is under way and may have changed something; it is taken out.
    pub(crate) fn begun_order(&mut self) -> Option<Order> {
        if core::mem::take(&mut self.begun) { self.orders.pop_front() } else { None }
    }

    /// The orders that have not begun.
    pub(crate) fn into_orders(self) -> VecDeque<Order> {
        self.orders
    }

    /// The meter is out of reach.
    pub(crate) fn on_left(&mut self) {
        self.end(Err(SessionFailure::Left));
    }

    /// A deadline has passed.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.client.tick(now);
        match &self.phase {
            Phase::Storing(storing) if storing.until <= now => self.end(Err(SessionFailure::NotStored)),
            _ if self.ends <= now => self.end(Err(SessionFailure::TimedOut)),
            _ => {}
        }
    }

    /// When to tick next.
    pub(crate) fn deadline(&self) -> Instant {
        let storing = if let Phase::Storing(storing) = &self.phase { Some(storing.until) } else { None };
        self.client.deadline().into_iter().chain(storing).fold(self.ends, Instant::min)
    }

    /// What the client says next, unless the session has ended.
    pub(crate) fn poll(&mut self) -> Option<ClientOutput> {
        if self.ended().is_some() { None } else { self.client.poll() }
    }

    /// The client has said something.
    pub(crate) fn on_client(&mut self, output: ClientOutput, desk: &mut Desk<'_>) {
        match output {
            ClientOutput::Persist { reserved_to } => self.on_reserved(reserved_to, desk),
            ClientOutput::ServerCounter(last) => self.on_server_counter(last, desk),
            ClientOutput::Datagram(bytes) => {
                self.note_counter(desk);
                desk.out.datagram(self.short, &bytes);
            }
            ClientOutput::Connected => {
                self.settle_keys(desk);
                self.proceed(desk);
            }
            ClientOutput::Value(value) => self.on_value(&value, desk),
            ClientOutput::AccessResult(result) => self.on_denied(result, desk),
            ClientOutput::ActionResult(result, value) => self.on_acted(result, value, desk),
            ClientOutput::Values(values) => self.on_values(values, desk),
            ClientOutput::Released => self.release(),
            ClientOutput::Failed(failure) => self.on_failed(failure),
            // The answers to requests that are never made here.
            _ => {}
        }
    }

    fn on_value(&mut self, value: &[u8], desk: &mut Desk<'_>) {
        let subject = match self.take_phase() {
            Phase::Reading(subject, _) => subject,
            Phase::Ordered => return self.on_answer(Answer::Value(value.to_vec()), desk),
            Phase::OnErrand => return self.on_given(Ok(value.to_vec()), desk),
            other => return self.phase = other,
        };
        let data = Data::from_bytes(value).map_err(|_| Unexpected::Encoding);
        let read = data.and_then(|data| self.on_data(subject, &data, desk));
        if let Err(unexpected) = read {
            self.on_unexpected(subject, unexpected, desk);
        }
    }

    fn on_values(&mut self, values: Vec<Given>, desk: &mut Desk<'_>) {
        match self.take_phase() {
            Phase::OnErrand => self.on_given_list(values, desk),
            other => self.phase = other,
        }
    }

    fn on_data(&mut self, subject: Subject, data: &Data<'_>, desk: &mut Desk<'_>) -> Result<(), Unexpected> {
        match subject {
            Subject::Columns => desk.meter.columns = Some(Columns::from_data(data)?),
            Subject::Scaler => desk.scale(ScalerUnit::from_data(data).ok_or(Unexpected::ScalerUnit)?),
            Subject::Clock => return self.on_clock(data.as_clock_time(), desk),
            Subject::OrderedClock => return self.on_ordered_clock(data.as_clock_time(), desk),
            Subject::Captures(asked) => {
                let rows = desk.rows(self.meter, asked, data)?;
                self.store(asked, rows, desk);
                return Ok(());
            }
        }
        self.proceed(desk);
        Ok(())
    }

    fn on_acted(&mut self, result: ActionResult, value: Option<Vec<u8>>, desk: &mut Desk<'_>) {
        match (self.take_phase(), result) {
            (Phase::Ordered, ActionResult::Success) => self.on_answer(Answer::Acted(value), desk),
            (Phase::Ordered, denied) => self.on_refusal(Denial::Action(denied), desk),
            (other, _) => self.phase = other,
        }
    }

    /// Reports the end of the first order.
    fn finish_order(&mut self, end: OrderEnd, desk: &mut Desk<'_>) {
        let Some(order) = self.orders.pop_front() else { return };
        (self.answers, self.begun) = (Vec::new(), false);
        desk.orders.end();
        desk.out.event(CollectorEvent::OrderEnded { meter: self.meter, number: order.number, end });
    }

    /// The next request of the orders, if one is left. An order to read ends when nothing is left to read.
    fn next_step(&mut self, desk: &mut Desk<'_>) -> bool {
        loop {
            if self.is_rekeying() {
                if self.next_of_rekey(desk) {
                    return true;
                }
                continue;
            }
            let Some(order) = self.orders.front() else { return false };
            let steps = match &order.work {
                // What is read goes ahead of an image.
                Work::Read | Work::Image(_) | Work::Rekey(_) => return false,
                Work::SetClock => {
                    let request = AttributeRequest::new(class::CLOCK, CLOCK, attribute::TIME);
                    self.request(ClientInput::Get(request.clone()), desk);
                    self.phase = Phase::Reading(Subject::OrderedClock, request);
                    return true;
                }
                Work::Steps(steps) => steps,
            };
            let Some(step) = steps.get(self.answers.len()).cloned() else {
                let answers = core::mem::take(&mut self.answers);
                self.finish_order(OrderEnd::Done(answers), desk);
                continue;
            };
            self.begun |= !matches!(step, Step::Get(_));
            self.ask(&step, desk);
            return true;
        }
    }

    fn request(&mut self, input: ClientInput<'_>, desk: &Desk<'_>) {
        self.requested = desk.now;
        self.client.handle(desk.now, input);
    }

    fn store(&mut self, asked: CaptureRange, rows: Rows, desk: &mut Desk<'_>) {
        let until = desk.now + desk.config.store_max;
        let mut storing = Storing { batch: 0, asked, captures: rows.captures, until };
        if storing.captures.is_empty() {
            self.commit(&storing, desk);
            return self.proceed(desk);
        }
        storing.batch = desk.out.next_batch();
        desk.out.push(CollectorOutput::Store(Batch { number: storing.batch, readings: rows.readings }));
        self.phase = Phase::Storing(storing);
    }

    fn commit(&mut self, storing: &Storing, desk: &mut Desk<'_>) {
        let Desk { config, meter, out, .. } = desk;
        let (eui64, mut lost) = (self.meter, 0);
        let mut report = |finding| lost += out.finding(eui64, finding, config);
        meter.progress.answered(storing.asked, &storing.captures, config, &mut report);
        meter.tally.captures_lost += lost;
        let missing = storing.asked.to == self.boundary && storing.captures.last() != Some(&self.boundary);
        if missing && !self.clock_checked {
            // It is late, or its clock is.
            meter.since_clock_check = None;
        }
        meter.entry.last_capture = meter.entry.last_capture.max(storing.captures.last().copied());
        self.captures += storing.captures.len() as u32;
    }

    /// Asks for what is not known yet, in this order: columns, scalers, the clock, captures; and for the clock once more when the
    /// newest capture is missing.
    fn proceed(&mut self, desk: &mut Desk<'_>) {
        if self.next_step(desk) || self.next_errand(true, desk) {
            return;
        }
        let Some((subject, request)) = self.next_request(desk) else {
            // An image comes behind all that is read.
            let errands = self.spoiled.is_some() || !self.is_read_ordered();
            if errands && self.next_errand(false, desk) {
                return;
            }
            if self.spoiled.is_none() && self.after_captures(desk) {
                return;
            }
            self.client.handle(desk.now, ClientInput::Release);
            self.phase = Phase::Releasing;
            return;
        };
        self.clock_checked |= matches!(subject, Subject::Clock);
        self.request(ClientInput::Get(request.clone()), desk);
        self.phase = Phase::Reading(subject, request);
    }

    /// Whether an order to read is under way.
    fn is_read_ordered(&self) -> bool {
        self.orders.front().is_some_and(|order| !matches!(order.work, Work::Image(_)))
    }

    /// What is behind an order to read comes now; an order to read is done. Whether there is anything.
    fn after_captures(&mut self, desk: &mut Desk<'_>) -> bool {
        let Some(order) = self.orders.front() else { return false };
        if !matches!(order.work, Work::Image(_)) {
            self.finish_order(OrderEnd::Done(Vec::new()), desk);
        } else if self.next_of_image(desk) {
            return true;
        }
        self.proceed(desk);
        true
    }

    fn next_request(&mut self, desk: &Desk<'_>) -> Option<(Subject, AttributeRequest)> {
        if self.spoiled.is_some() {
            return None;
        }
        let Some(columns) = &desk.meter.columns else {
            let of = AttributeRequest::new(class::PROFILE_GENERIC, LOAD_PROFILE, attribute::CAPTURE_OBJECTS);
            return Some((Subject::Columns, of));
        };
        if let Some(scaler) = columns.unscaled() {
            return Some((Subject::Scaler, scaler));
        }
        if desk.meter.clock_is_due(desk.config) && !self.clock_checked {
            return Some((Subject::Clock, AttributeRequest::new(class::CLOCK, CLOCK, attribute::TIME)));
        }
        let range = desk.meter.progress.question(self.boundary, &self.asked, desk.config)?;
        self.asked.note(range);
        Some((Subject::Captures(range), captures_within(range)))
    }

    fn on_unexpected(&mut self, subject: Subject, unexpected: Unexpected, desk: &mut Desk<'_>) {
        let meter = self.meter;
        desk.out.event(CollectorEvent::UnexpectedValue { meter, unexpected });
        match subject {
            // The captures carry their own times.
            Subject::Clock => return self.proceed(desk),
            Subject::OrderedClock => {
                self.finish_order(OrderEnd::NoZone, desk);
                return self.proceed(desk);
            }
            Subject::Captures(asked) => desk.refuse(asked),
            Subject::Columns | Subject::Scaler => {}
        }
        self.spoil(SessionFailure::Unexpected(unexpected), desk);
    }

    /// The load profile cannot be read; what tasks want may be there all the same.
    fn spoil(&mut self, reason: SessionFailure, desk: &mut Desk<'_>) {
        if self.errands.is_empty() {
            return self.end(Err(reason));
        }
        self.spoiled = Some(reason);
        self.proceed(desk);
    }

    /// The meter was left in an orderly way.
    fn release(&mut self) {
        let result = self.spoiled.take().map_or(Ok(()), Err);
        self.end(result);
    }

    fn on_denied(&mut self, result: DataAccessResult, desk: &mut Desk<'_>) {
        match self.take_phase() {
            Phase::SettingClock(ahead_ms) => self.on_clock_set(ahead_ms, result, desk),
            Phase::Ordered if result == DataAccessResult::Success => self.on_answer(Answer::Written, desk),
            Phase::Ordered => self.on_refusal(Denial::Access(result), desk),
            Phase::Reading(Subject::OrderedClock, _) => {
                self.finish_order(OrderEnd::Denied(0, Denial::Access(result)), desk);
                self.proceed(desk);
            }
            Phase::Reading(Subject::Clock, _) => {
                desk.meter.since_clock_check = Some(0);
                self.proceed(desk);
            }
            Phase::OnErrand => self.on_given(Err(result), desk),
            Phase::Reading(_, request) => self.spoil(SessionFailure::Denied { request, result }, desk),
            other => self.phase = other,
        }
    }

    fn on_failed(&mut self, failure: ClientFailure) {
        match self.phase {
            // Everything is stored; whether the meter has heard the farewell does not matter.
            Phase::Releasing => self.release(),
            _ => self.end(Err(SessionFailure::Association(failure))),
        }
    }

    fn end(&mut self, result: Result<(), SessionFailure>) {
        if self.ended().is_none() {
            self.phase = Phase::Ended(result);
        }
    }

    /// The phase, to be consumed into the next one.
    fn take_phase(&mut self) -> Phase {
        core::mem::replace(&mut self.phase, Phase::Connecting)
    }
}

impl Desk<'_> {
    fn scale(&mut self, scaler_unit: ScalerUnit) {
        if let Some(columns) = &mut self.meter.columns {
            columns.scale(scaler_unit);
        }
    }

    fn rows(&self, meter: Eui64, asked: CaptureRange, data: &Data<'_>) -> Result<Rows, Unexpected> {
        let columns = self.meter.columns.as_ref().ok_or(Unexpected::Columns)?;
        Question { meter, asked, period: self.config.period, columns }.read(data)
    }

    fn refuse(&mut self, asked: CaptureRange) {
        let Desk { config, meter, out, .. } = self;
        let (eui64, mut lost) = (meter.entry.eui64, 0);
        let mut report = |finding| lost += out.finding(eui64, finding, config);
        meter.progress.refused(asked, config, &mut report);
        meter.tally.captures_lost += lost;
    }
}

fn captures_within(range: CaptureRange) -> AttributeRequest {
    let clock = |utc| ClockTime::from_utc(utc, 0, ClockStatus::OK);
    let selector = Selector::between(clock(range.from), clock(range.to));
    let buffer = AttributeRequest::new(class::PROFILE_GENERIC, LOAD_PROFILE, attribute::BUFFER);
    AttributeRequest { selector: Some(selector), ..buffer }
}
