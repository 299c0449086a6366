//! The collector: who is read when.

mod pushed;

use crate::back_off::{back_off, moment};
use crate::listening::is_push;
use crate::meter::Meter;
use crate::order::{BACKGROUND, ORDERS_MAX, Orders};
use crate::outgoing::Outgoing;
use crate::progress::Asked;
use crate::schedule::{self, Place};
use crate::session::{Desk, Session};
use crate::tasks::{Outcome, Tasks};
use crate::{
    CollectorConfig, CollectorCounters, CollectorEvent, CollectorInput, CollectorOutput, Mark, MeterEntry,
    MeterStatus, Order, OrderEnd, PROFILE_PRIORITY, SessionFailure, Task, TaskFault, TaskStatus, Work,
};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::sap::{AdpStatus, DLMS_PORT, UdpConfirm, UdpIndication};
use plc_core::seed::Stream;
use plc_core::{Eui64, Instant, Machine, ShortAddress, Utc, UtcAnchor};
use pushed::Pushes;

/// Reads the load profiles of many meters, a few at a time.
#[derive(Debug)]
pub struct Collector {
    config: CollectorConfig,
    anchor: Option<UtcAnchor>,
    meters: BTreeMap<Eui64, Meter>,
    sessions: Vec<Session>,
    orders: Orders,
    pushes: Pushes,
    tasks: Tasks,
    /// Whether UTC can be trusted.
    trusted: bool,
    stream: Stream,
    out: Outgoing,
    counters: CollectorCounters,
    now: Instant,
}

impl Collector {
    /// A collector without meters that does not know UTC.
    pub fn new(config: CollectorConfig) -> Self {
        Self {
            anchor: None,
            meters: BTreeMap::new(),
            sessions: Vec::with_capacity(config.sessions + STORING_MAX),
            orders: Orders::default(),
            pushes: Pushes::default(),
            tasks: Tasks::default(),
            trusted: true,
            stream: config.seed.derive("collector", 0).stream(),
            out: Outgoing::new(&config),
            counters: CollectorCounters::default(),
            now: Instant::EPOCH,
            config,
        }
    }

    /// What the collector was told.
    pub fn config(&self) -> &CollectorConfig {
        &self.config
    }

    /// Every registered meter, in order of address.
    pub fn meters(&self) -> impl Iterator<Item = MeterStatus> {
        self.meters.values().map(|meter| meter.status(self.now, self.session_of(meter.entry.eui64).is_some()))
    }

    /// One meter.
    pub fn meter(&self, eui64: Eui64) -> Option<MeterStatus> {
        self.meters.get(&eui64).map(|meter| meter.status(self.now, self.session_of(eui64).is_some()))
    }

    /// Every task, in order of number.
    pub fn tasks(&self) -> impl Iterator<Item = TaskStatus> {
        self.tasks.status()
    }

    /// Sessions under way.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Sessions that have a place on the line now: the others wait for the store.
    pub fn sessions_on_line(&self) -> usize {
        self.sessions.iter().filter(|session| session.is_on_line()).count()
    }

    /// Everything that was dropped.
    pub fn counters(&self) -> CollectorCounters {
        CollectorCounters {
            outputs_dropped: self.out.dropped(),
            datagrams_oversize: self.out.oversize(),
            ..self.counters
        }
    }

    /// Meters, sessions and outputs held, and how many there may be.
    pub fn occupancy(&self) -> (usize, usize) {
        let held =
            self.meters.len() + self.sessions.len() + self.orders.len() + self.tasks.len() + self.out.len();
        let tasks = Tasks::limit(self.config.meters);
        (
            held,
            self.config.meters + self.config.sessions + STORING_MAX + ORDERS_MAX + tasks + self.out.limit(),
        )
    }

    fn on_clock(&mut self, now: Instant, anchor: UtcAnchor) {
        let before = self.anchor.replace(anchor);
        let step = before.map(|before| before.utc(now).as_millis().abs_diff(anchor.utc(now).as_millis()));
        if step.is_none_or(|ms| ms > CLOCK_STEP_MS) {
            let known: Vec<_> = self.meters.keys().copied().collect();
            known.into_iter().for_each(|eui64| self.call_soon(now, eui64));
        }
    }

    fn on_register(&mut self, now: Instant, mut entry: MeterEntry) {
        let eui64 = entry.eui64;
        if let Some(known) = self.meters.get(&eui64) {
            // The same key must never see the same counter again, whatever the driver remembers.
            if known.entry.encryption_key == entry.encryption_key {
                entry.first_invocation_counter =
                    entry.first_invocation_counter.max(known.entry.first_invocation_counter);
            }
            let both = entry.renewed.as_mut().zip(known.entry.renewed);
            if let Some((renewed, known)) = both.filter(|(renewed, known)| renewed.keys == known.keys) {
                let first = renewed.first_invocation_counter.max(known.first_invocation_counter);
                renewed.first_invocation_counter = first;
            }
        } else if self.meters.len() >= self.config.meters {
            self.counters.meters_refused += 1;
            return self.out.event(CollectorEvent::MeterRefused { meter: eui64 });
        }
        self.abandon(now, eui64);
        let short = entry.short.take();
        self.meters.insert(eui64, Meter::new(entry));
        if let Some(short) = short {
            self.on_joined(now, eui64, short);
        }
    }

    fn on_remove(&mut self, now: Instant, eui64: Eui64) {
        self.abandon(now, eui64);
        self.meters.remove(&eui64);
        self.tasks.forget(eui64);
        while let Some(order) = self.orders.of(eui64) {
            self.end_order(&order, OrderEnd::NoMeter);
        }
    }

    /// Ends the session with a meter without a word; its orders that have not begun wait for the next.
    fn abandon(&mut self, now: Instant, eui64: Eui64) {
        let Some(at) = self.sessions.iter().position(|session| session.meter() == eui64) else { return };
        let session = self.sessions.remove(at);
        self.settle(session, &SessionFailure::Left, now);
    }

    fn on_order(&mut self, now: Instant, order: Order) {
        match self.meters.get(&order.meter) {
            None => return self.end_order(&order, OrderEnd::NoMeter),
            Some(meter) if meter.arrivals.is_some() => return self.end_order(&order, OrderEnd::OneWay),
            Some(_) => {}
        }
        if let Err(order) = self.orders.take(now, order) {
            self.end_order(&order, OrderEnd::NoRoom);
        }
    }

    fn on_task(&mut self, task: Task) {
        self.counters.tasks_refused += u64::from(!self.tasks.take(task));
    }

    fn on_mark(&mut self, mark: Mark) {
        if let Some(meter) = self.meters.get_mut(&mark.meter) {
            meter.set_mark(mark.source, mark.through);
        }
    }

    fn end_order(&mut self, order: &Order, end: OrderEnd) {
        self.out.event(CollectorEvent::OrderEnded { meter: order.meter, number: order.number, end });
    }

    fn expire(&mut self, now: Instant) {
        while let Some(order) = self.orders.expired(now) {
            self.end_order(&order, OrderEnd::Expired);
        }
    }

    /// What becomes of the orders and errands of a session that has failed, or ended with nothing left to ask.
    fn settle(&mut self, mut session: Session, reason: &SessionFailure, again: Instant) {
        let outcome = match reason {
            SessionFailure::Left => Outcome::Later,
            failure => Outcome::Again(TaskFault::Session(failure.clone())),
        };
        for task in session.open_tasks() {
            let of = (task, session.meter());
            self.tasks.on_outcome(self.now, of, outcome.clone(), &mut self.stream, &mut self.out);
        }
        if let Some(order) = session.begun_order() {
            self.orders.end();
            self.end_order(&order, OrderEnd::Uncertain(reason.clone()));
        }
        session.into_orders().into_iter().for_each(|order| self.orders.postpone(order, again));
    }

    fn on_joined(&mut self, now: Instant, eui64: Eui64, short: ShortAddress) {
        if !self.meters.contains_key(&eui64) {
            return;
        }
        // An address belongs to whom it was given last.
        let elsewhere: Vec<_> = self
            .meters
            .values()
            .filter(|meter| (meter.entry.short == Some(short)) != (meter.entry.eui64 == eui64))
            .map(|meter| meter.entry.eui64)
            .collect();
        elsewhere.into_iter().for_each(|moved| self.on_left(moved));
        if let Some(meter) = self.meters.get_mut(&eui64) {
            meter.entry.short = Some(short);
        }
        self.call_soon(now, eui64);
    }

    fn on_left(&mut self, eui64: Eui64) {
        if let Some(meter) = self.meters.get_mut(&eui64) {
            meter.entry.short = None;
            meter.next = None;
        }
        if let Some(session) = self.sessions.iter_mut().find(|session| session.meter() == eui64) {
            session.on_left();
        }
    }

    fn on_udp(&mut self, now: Instant, indication: &UdpIndication) {
        let ours = indication.dst_port == DLMS_PORT && indication.src_port == DLMS_PORT;
        if ours && is_push(&self.config, &indication.payload) {
            return self.on_push(now, indication);
        }
        let session = self.sessions.iter_mut().find(|session| ours && session.short() == indication.src);
        match session {
            Some(session) => session.on_datagram(now, &indication.payload),
            None => self.counters.datagrams_stray += 1,
        }
    }

    fn on_udp_confirm(&mut self, confirm: UdpConfirm) {
        // The client of the session repeats what went unanswered, for whatever reason.
        self.counters.datagrams_unsent += u64::from(confirm.status != AdpStatus::Success);
    }

    fn on_stored(&mut self, now: Instant, batch: u64) {
        if self.pushes.on_stored(batch) {
            return;
        }
        match self.sessions.iter().position(|session| session.batch() == Some(batch)) {
            Some(at) => self.with_desk(now, at, |session, desk| session.on_stored(desk)),
            None => match self.tasks.on_stored(now, batch, &mut self.stream, &mut self.out) {
                Some(mark) => mark.into_iter().for_each(|mark| self.on_mark(mark)),
                None => self.counters.batches_late += 1,
            },
        }
    }

    /// Lets sessions speak and end, and begins those that are due, until nothing moves.
    fn pump(&mut self, now: Instant) {
        self.expire(now);
        self.give_up_pushes(now);
        loop {
            let moved = (0..self.sessions.len()).fold(false, |moved, at| self.drain(now, at) | moved);
            let closed = self.close(now);
            let resumed = self.resume(now);
            self.advance(now);
            let begun = self.begin_due(now);
            if !(moved || closed || resumed || begun) {
                return;
            }
        }
    }

    /// Lets runs of tasks begin and end.
    fn advance(&mut self, now: Instant) {
        let Some(anchor) = self.anchor.filter(|_| self.tasks.is_due(now)) else { return };
        // Who only pushes hears nobody.
        let asked = |meter: &&Meter| meter.arrivals.is_none();
        let meters: Vec<_> = self.meters.values().filter(asked).map(|meter| meter.entry.eui64).collect();
        self.tasks.advance(now, &anchor, &meters, &mut self.stream, &mut self.out);
    }

    fn drain(&mut self, now: Instant, at: usize) -> bool {
        let mut moved = false;
        while self.out.has_room() {
            let Some(output) = self.sessions[at].poll() else { break };
            self.with_desk(now, at, |session, desk| session.on_client(output, desk));
            moved = true;
        }
        moved
    }

    fn with_desk(&mut self, now: Instant, at: usize, work: impl FnOnce(&mut Session, &mut Desk<'_>)) {
        let Self { config, anchor, meters, sessions, orders, tasks, stream, out, .. } = self;
        let (session, trusted) = (&mut sessions[at], self.trusted);
        let Some((anchor, meter)) = anchor.as_ref().zip(meters.get_mut(&session.meter())) else { return };
        let utc = anchor.utc(now);
        work(session, &mut Desk { now, utc, config, meter, orders, tasks, trusted, stream, out });
    }

    fn close(&mut self, now: Instant) -> bool {
        let ended = self.sessions.iter().position(|session| session.ended().is_some());
        let Some(session) = ended.map(|at| self.sessions.remove(at)) else { return false };
        match session.ended() {
            Some(Err(reason)) => {
                let reason = reason.clone();
                let again = self.on_failure(now, &session, reason.clone());
                self.settle(session, &reason, again);
            }
            _ => {
                self.on_success(now, &session);
                self.settle(session, &SessionFailure::TimedOut, now);
            }
        }
        self.sessions_on_line() < self.config.sessions
    }

    fn on_success(&mut self, now: Instant, session: &Session) {
        let next = self.after(now, session.meter(), session.boundary());
        let Some(meter) = self.meters.get_mut(&session.meter()) else { return };
        meter.succeed();
        let again = (meter.progress.gaps() > 0).then(|| now + self.config.gap_pause.max(SHORTEST_PAUSE));
        meter.next = next.into_iter().chain(again).min();
        self.out.event(CollectorEvent::MeterRead {
            meter: session.meter(),
            captures: session.captures(),
            last_capture: meter.entry.last_capture,
        });
    }

    /// When the meter may be asked again.
    fn on_failure(&mut self, now: Instant, session: &Session, reason: SessionFailure) -> Instant {
        let next = self.after(now, session.meter(), session.boundary());
        let Some(meter) = self.meters.get_mut(&session.meter()) else { return now };
        let failures = meter.fail(session.boundary(), &reason);
        meter.unopened = meter.unopened.wrapping_add(u32::from(!session.is_opened()));
        let unbelievable = matches!(reason, SessionFailure::Unexpected(_));
        let shortest = if unbelievable { self.config.gap_pause } else { Duration::ZERO }.max(SHORTEST_PAUSE);
        let pause = back_off(&self.config, failures, &mut self.stream).max(shortest);
        let retry = (failures < self.config.attempts).then(|| now + pause);
        let joined = meter.entry.short.is_some();
        meter.next = next.into_iter().chain(retry).min().filter(|_| joined);
        let meter = session.meter();
        self.out.event(CollectorEvent::SessionFailed { meter, reason, failures });
        now + pause
    }

    /// Begins the session that has been due for longest, if one more may be under way; those that repeat a failed one wait for
    /// the others, or meters without power would keep those that have it from being read.
    fn begin_due(&mut self, now: Instant) -> bool {
        let free = self.may_begin();
        let due = |meter: &Meter| {
            let eui64 = meter.entry.eui64;
            let reachable = free && meter.entry.short.is_some() && self.session_of(eui64).is_none();
            let ordered = self.orders.due(now, eui64).filter(|_| reachable);
            if let Some(priority) = ordered.filter(|&priority| priority < BACKGROUND) {
                return Some((u16::from(priority), false, Instant::EPOCH, eui64));
            }
            let planned = |priority: u8, again, at| (PLAN + u16::from(priority), again, at, eui64);
            let profile = meter.next.filter(|&at| free && at <= now);
            let profile = profile.map(|at| planned(PROFILE_PRIORITY, meter.is_retrying(), at));
            let task = self.tasks.due(now, eui64).filter(|_| reachable);
            let task = task.map(|(priority, again, at)| planned(priority, again, at));
            let spare = || ordered.filter(|_| self.has_spare_place()).map(|_| (u16::MAX, true, LAST, eui64));
            profile.into_iter().chain(task).min().or_else(spare)
        };
        let (Some((.., at, eui64)), Some(anchor)) = (self.meters.values().filter_map(due).min(), self.anchor)
        else {
            return false;
        };
        let (next, trusted) = (self.next_period(now, eui64), self.trusted);
        let Self { config, meters, orders, tasks, stream, out, .. } = self;
        let Some(meter) = meters.get_mut(&eui64) else { return false };
        let errands = if meter.entry.short.is_some() { tasks.begin(now, eui64) } else { Vec::new() };
        let due = orders.due(now, eui64).is_some();
        let wanted = if due { orders.begin(eui64, at == LAST) } else { Vec::new() };
        let boundary = if wanted.iter().any(|order| order.work == Work::Read) {
            schedule::latest(config, &anchor, now)
        } else {
            schedule::boundary(config, &anchor, now)
        };
        let question = meter.progress.question(boundary, &Asked::nothing(&meter.progress), config);
        match meter.entry.short.filter(|_| question.is_some() || !wanted.is_empty() || !errands.is_empty()) {
            None => meter.next = next,
            Some(short) => {
                let utc = anchor.utc(now);
                let mut desk = Desk { now, utc, config, meter, orders, tasks, trusted, stream, out };
                self.sessions.push(Session::begin(&mut desk, short, boundary, wanted, errands));
            }
        }
        self.sessions_on_line() < self.config.sessions
    }

    /// Plans a session at a random moment of the spread, if the meter can be reached and none is under way.
    fn call_soon(&mut self, now: Instant, eui64: Eui64) {
        let in_session = self.session_of(eui64).is_some();
        let soon = now + moment(self.config.spread, &mut self.stream);
        let Some(meter) = self.meters.get_mut(&eui64) else { return };
        let is_asked = meter.arrivals.is_none();
        if meter.entry.short.is_some() && self.anchor.is_some() && is_asked && !in_session {
            meter.next = Some(meter.next.map_or(soon, |next| next.min(soon)));
        }
    }

    /// Whether the line has a place for one more session.
    fn has_place(&self) -> bool {
        self.sessions_on_line() < self.config.sessions
    }

    /// Whether the line has a place left when what takes long has taken one.
    fn has_spare_place(&self) -> bool {
        self.sessions_on_line() + 1 < self.config.sessions.max(2)
    }

    /// Whether one more session may begin.
    fn may_begin(&self) -> bool {
        self.has_place() && self.sessions.len() < self.config.sessions + STORING_MAX
    }

    /// Lets a session go on whose readings are durable. They come before those that have not begun.
    fn resume(&mut self, now: Instant) -> bool {
        let stored = self.sessions.iter().position(Session::is_stored).filter(|_| self.has_place());
        let Some(at) = stored else { return false };
        self.with_desk(now, at, |session, desk| session.resume(desk));
        !self.sessions[at].is_stored()
    }

    /// When the boundary after `boundary` is read; it may have passed while a session was under way.
    fn after(&mut self, now: Instant, eui64: Eui64, boundary: Utc) -> Option<Instant> {
        let (anchor, place) = (self.anchor?, self.place_of(eui64));
        Some(schedule::after(&self.config, &anchor, boundary, now, place, &mut self.stream))
    }

    fn next_period(&mut self, now: Instant, eui64: Eui64) -> Option<Instant> {
        let (anchor, place) = (self.anchor?, self.place_of(eui64));
        Some(schedule::next_period(&self.config, &anchor, now, place, &mut self.stream))
    }

    /// Where a meter stands among all.
    fn place_of(&self, eui64: Eui64) -> Place {
        Place { index: self.meters.range(..eui64).count() as u64, of: self.meters.len() as u32 }
    }

    fn session_of(&self, eui64: Eui64) -> Option<&Session> {
        self.sessions.iter().find(|session| session.meter() == eui64)
    }
}

impl Machine for Collector {
    type Input<'a> = CollectorInput<'a>;
    type Output = CollectorOutput;

    fn handle(&mut self, now: Instant, input: CollectorInput<'_>) {
        self.now = now;
        match input {
            CollectorInput::Clock(anchor) => self.on_clock(now, anchor),
            CollectorInput::Register(entry) => self.on_register(now, entry),
            CollectorInput::Remove(eui64) => self.on_remove(now, eui64),
            CollectorInput::Joined { eui64, short } => self.on_joined(now, eui64, short),
            CollectorInput::Left { eui64 } => self.on_left(eui64),
            CollectorInput::Udp(indication) => self.on_udp(now, indication),
            CollectorInput::UdpConfirm(confirm) => self.on_udp_confirm(confirm),
            CollectorInput::Order(order) => self.on_order(now, order),
            CollectorInput::Task(task) => self.on_task(task),
            CollectorInput::RemoveTask(number) => self.tasks.remove(number),
            CollectorInput::Mark(mark) => self.on_mark(mark),
            CollectorInput::ClockTrust(trusted) => self.trusted = trusted,
            CollectorInput::Stored { batch } => self.on_stored(now, batch),
        }
        self.pump(now);
    }

    fn tick(&mut self, now: Instant) {
        self.now = now;
        self.sessions.iter_mut().filter(|session| session.deadline() <= now).for_each(|s| s.tick(now));
        self.pump(now);
    }

    fn deadline(&self) -> Option<Instant> {
        let begins = self.may_begin();
        let due = self.meters.values().filter_map(|meter| meter.next).min().filter(|_| begins);
        let spare = self.has_spare_place();
        let may_begin = |order: &Order| {
            let joined = self.meters.get(&order.meter).is_some_and(|meter| meter.entry.short.is_some());
            let free = joined && self.anchor.is_some() && self.session_of(order.meter).is_none();
            begins && free && (spare || order.priority < BACKGROUND)
        };
        let reachable = |eui64| {
            let joined = self.meters.get(&eui64).is_some_and(|meter| meter.entry.short.is_some());
            begins && joined && self.session_of(eui64).is_none()
        };
        let orders = self.orders.deadline(may_begin);
        let pushes = self.pushes_deadline();
        let tasks = self.tasks.deadline(reachable).filter(|_| self.anchor.is_some());
        let sessions = self.sessions.iter().map(Session::deadline);
        sessions.chain(due).chain(orders).chain(pushes).chain(tasks).min()
    }

    fn poll(&mut self) -> Option<CollectorOutput> {
        if self.out.len() == 0 {
            self.pump(self.now);
        }
        self.out.pop()
    }
}

/// What is planned comes after every order.
const PLAN: u16 = 256;
/// Sessions that may wait for the store, besides those on the line.
const STORING_MAX: usize = 32;
/// Corrections of the clock up to this leave the plan as it is.
const CLOCK_STEP_MS: u64 = 1000;
/// What waits for everything else.
const LAST: Instant = Instant::from_nanos(u64::MAX);
/// However short the configured pause: a failed session and the next never share an instant.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
