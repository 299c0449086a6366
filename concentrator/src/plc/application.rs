//! What stands above the node: the collector and the store, driven by turns.

mod rekey;
mod storing;

use super::port::{Answer, ApplicationPort, Turn};
use super::trust::ClockNews;
use crate::jobs::Wanted;
use crate::store::{Event, EventKind, LostRange, MAC_FRAME_COUNTER, ProfileMark, Reading, Store, StoreError};
use crate::tasks::TaskChange;
use backhaul::ledger::Reason;
use collector::{
    Collector, CollectorEvent, CollectorInput, CollectorOutput, Mark, MeterEntry, OrderEnd, RunReport, Supply,
};
use dlms::cosem::LogicalName;
use plc_core::sap::{AdpmIndication, AdpmRequest, Key, Persist, UdpConfirm, UdpIndication, UdpRequest};
use plc_core::time::Duration;
use plc_core::{Eui64, Instant, Machine, PanId, ShortAddress, Utc, UtcAnchor};
use plc_node::{DeviceCounter, NodeOutput};
use std::collections::BTreeMap;
use storing::{COMMIT_DELAY, Shortage, Waiting};

/// The counter of route messages in the store.
pub const LOADNG_SEQUENCE: &str = "loadng_sequence";
/// The counter of broadcasts in the store.
pub const BROADCAST_SEQUENCE: &str = "broadcast_sequence";

/// A meter that may join and shall be read.
#[derive(Clone, Debug)]
pub struct MeterAccess {
    /// The meter.
    pub eui64: Eui64,
    /// The key with which it joins.
    pub psk: Key,
    /// The global unicast encryption key of its management association.
    pub encryption_key: Key,
    /// The authentication key of its management association.
    pub authentication_key: Key,
    /// Its master key, where it is known: new keys are transferred under it.
    pub master_key: Option<Key>,
    /// Whether it only pushes.
    pub one_way: bool,
}

/// Told of everything that others may want to see. Called on the application's thread, so it must be short.
pub trait Observer: Send {
    /// A turn begins.
    fn before_turn(&mut self);
    /// A turn is over.
    fn after_turn(&mut self, now: Utc, collector: &Collector);
    /// A datagram of a meter has arrived.
    fn received(&mut self, now: Utc, datagram: &UdpIndication);
    /// A datagram goes to a meter.
    fn sent(&mut self, request: &UdpRequest);
    /// A datagram has left, or has not.
    fn confirmed(&mut self, now: Utc, confirm: UdpConfirm);
    /// An event has become durable.
    fn noted(&mut self);
    /// Readings wait to become durable; these are all that do.
    fn in_hand(&mut self, readings: &[Reading]);
    /// Readings have become durable.
    fn stored(&mut self, readings: &[Reading], newest: crate::store::Cursor);
    /// Values of tasks have become durable; the cursor of the newest.
    fn values_stored(&mut self, newest: crate::store::Cursor);
    /// A run of a task is over.
    fn run_ended(&mut self, now: Utc, report: &RunReport);
    /// The name of a task.
    fn task_name(&mut self, task: u32) -> String;
    /// What is different of the tasks.
    fn tasks(&mut self) -> Vec<TaskChange>;
    /// What is new about the clock; `now` is what it should show.
    fn clock(&mut self, now: Utc) -> ClockNews;
    /// The store takes no readings, and why; or does again.
    fn refused(&mut self, now: Utc, why: Option<&str>);
    /// Something has happened in the network.
    fn network(&mut self, now: Utc, indication: &AdpmIndication);
    /// Something has happened in the reading of meters.
    fn collected(&mut self, now: Utc, event: &CollectorEvent);
    /// What somebody wants of meters, to be done now; `at` is `now` on the clock of the collector.
    fn wanted(&mut self, now: Utc, at: Instant) -> Vec<Wanted>;
    /// When somebody wants something of meters, although nothing else happens before.
    fn wants_turn(&self) -> Option<Utc>;
    /// A meter is told to leave and is not expected any more.
    fn dismissed(&mut self, now: Utc, meter: Eui64);
    /// What this item of a job wanted has ended, without an order.
    fn ended(&mut self, now: Utc, item: i64, end: &OrderEnd);
    /// Something else that the store shall note, if there is.
    fn told(&mut self) -> Option<Event>;
    /// That could not be noted.
    fn not_noted(&mut self, event: Event);
    /// Whether the run shall end.
    fn stop(&mut self) -> bool;
}

/// The collector, the store and who watches them.
pub struct Application<'s, O> {
    collector: Collector,
    store: &'s mut Store,
    anchor: UtcAnchor,
    observer: O,
    /// The meters that are expected.
    access: BTreeMap<Eui64, MeterAccess>,
    management: Vec<AdpmRequest>,
    answer: Answer,
    waiting: Waiting,
    /// Captures of a meter that may be asked for once more after a restart.
    history: (Duration, u32),
    shortage: Shortage,
}

impl<'s, O: Observer> Application<'s, O> {
    /// An application that will start the PAN and admit `meters`, with what the store knows of them.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn new(
        collector: Collector,
        store: &'s mut Store,
        anchor: UtcAnchor,
        pan_id: PanId,
        meters: &[MeterAccess],
        observer: O,
    ) -> Result<Self, StoreError> {
        let management = vec![AdpmRequest::NetworkStart { pan_id }];
        let history = (collector.config().period, collector.config().history);
        let mut application = Self {
            collector,
            store,
            anchor,
            observer,
            access: meters.iter().map(|meter| (meter.eui64, meter.clone())).collect(),
            management,
            answer: Answer::default(),
            waiting: Waiting::default(),
            history,
            shortage: Shortage::default(),
        };
        application.collector.handle(anchor.at, CollectorInput::Clock(anchor));
        application.dismiss_all_but(meters)?;
        meters.iter().try_for_each(|meter| application.admit(meter))?;
        application.export_keys();
        Ok(application)
    }

    /// The collector, for its state.
    pub const fn collector(&self) -> &Collector {
        &self.collector
    }

    /// Who watches.
    pub const fn observer(&self) -> &O {
        &self.observer
    }

    /// Takes turns until the node is gone or the observer says stop. What is in hand then becomes durable.
    ///
    /// # Errors
    /// The store cannot be written: nothing may go on without it.
    pub fn run(&mut self, port: &ApplicationPort) -> Result<(), StoreError> {
        let mut now = self.anchor.at;
        while let Some(turn) = port.turn() {
            now = turn.now;
            self.observer.before_turn();
            let answer = self.turn(turn)?;
            let stop = answer.stop;
            port.answer(answer);
            if stop {
                break;
            }
        }
        self.commit(now)
    }

    /// One turn. Everything that the answer relies on is durable when this returns.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn turn(&mut self, turn: Turn) -> Result<Answer, StoreError> {
        self.answer.management.append(&mut self.management);
        for event in turn.events {
            self.on_node(turn.now, event)?;
            self.drain(turn.now)?;
        }
        if self.collector.deadline().is_some_and(|at| at <= turn.now) {
            self.collector.tick(turn.now);
        }
        self.drain(turn.now)?;
        self.commit_when_due(turn.now)?;
        self.drain(turn.now)?;
        self.carry_out(turn.now)?;
        self.tend_tasks(turn.now)?;
        self.note_told()?;
        self.observer.after_turn(self.anchor.utc(turn.now), &self.collector);
        let wanted = self.observer.wants_turn().map(|at| self.anchor.instant(at).max(turn.now + MOMENT));
        self.answer.deadline =
            self.collector.deadline().into_iter().chain(self.waiting.until).chain(wanted).min();
        self.answer.stop = self.observer.stop();
        if self.answer.stop {
            self.commit(turn.now)?;
        }
        Ok(std::mem::take(&mut self.answer))
    }

    /// Hands on what somebody wants of meters.
    fn carry_out(&mut self, now: Instant) -> Result<(), StoreError> {
        for wanted in self.observer.wanted(self.anchor.utc(now), now) {
            match wanted {
                Wanted::Order(order) => self.collector.handle(now, CollectorInput::Order(order)),
                Wanted::Remove(item, eui64) => {
                    self.answer.management.push(AdpmRequest::Kick { eui64 });
                    self.collector.handle(now, CollectorInput::Remove(eui64));
                    self.observer.dismissed(self.anchor.utc(now), eui64);
                    self.observer.ended(self.anchor.utc(now), item, &OrderEnd::Done(Vec::new()));
                }
                Wanted::Rekey(wanted) => self.rekey(now, &wanted)?,
            }
            self.drain(now)?;
        }
        Ok(())
    }

    /// Hands on what is different of the tasks, and whether the clock is right.
    fn tend_tasks(&mut self, now: Instant) -> Result<(), StoreError> {
        for change in self.observer.tasks() {
            self.collector.handle(
                now,
                match change {
                    TaskChange::Put(task) => CollectorInput::Task(task),
                    TaskChange::Remove(number) => CollectorInput::RemoveTask(number),
                },
            );
            self.drain(now)?;
        }
        let ClockNews { trust, correct } = self.observer.clock(self.anchor.utc(now));
        if let Some(utc) = correct {
            self.anchor = UtcAnchor { at: now, utc };
            self.collector.handle(now, CollectorInput::Clock(self.anchor));
        }
        if let Some(trust) = trust {
            self.collector.handle(now, CollectorInput::ClockTrust(trust.is_ok()));
            let text = trust
                .map_or_else(|why| format!("no clock is set: {why}"), |()| "clocks are set again".into());
            self.record(now, EventKind::Clock, None, text)?;
        }
        self.drain(now)
    }

    /// Tells the meters that are in the network and not expected any more to leave it, which frees their addresses.
    fn dismiss_all_but(&mut self, meters: &[MeterAccess]) -> Result<(), StoreError> {
        let expected = |eui64: Eui64| meters.iter().any(|meter| meter.eui64 == eui64);
        let rows = self.store.reader().meters()?;
        for row in rows.into_iter().filter(|row| row.short_address.is_some() && !expected(row.eui64)) {
            // Known for a moment, so that it can be told; nobody can join with this key in between.
            let (eui64, short) = (row.eui64, row.short_address);
            self.management.push(AdpmRequest::Allow { eui64, psk: Key([0; 16]), short });
            self.management.push(AdpmRequest::Kick { eui64 });
        }
        Ok(())
    }

    /// Lets a meter join and be read, from where the store says that it was.
    fn admit(&mut self, meter: &MeterAccess) -> Result<(), StoreError> {
        let eui64 = meter.eui64;
        self.store.register_meter(eui64, None)?;
        self.store.expect_meter(eui64, self.anchor.utc)?;
        let row = self.store.reader().meter(eui64)?.ok_or(StoreError::UnknownMeter(eui64))?;
        let kept = self.keys(meter)?;
        let counters = self.store.counters(eui64)?;
        let counter = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let entry = MeterEntry {
            eui64,
            short: row.short_address,
            encryption_key: kept.keys.encryption,
            authentication_key: kept.keys.authentication,
            renewed: kept.renewed,
            one_way: meter.one_way,
            first_invocation_counter: counter(counters.invocation),
            last_server_counter: (counters.server > 0).then(|| counter(counters.server)),
            last_capture: self.store.resume_from(eui64, self.history.0, self.history.1)?,
        };
        self.collector.handle(self.anchor.at, CollectorInput::Register(entry));
        for ProfileMark { source, through, .. } in self.store.reader().marks(eui64)? {
            let mark = Mark { meter: eui64, source: LogicalName(source), through };
            self.collector.handle(self.anchor.at, CollectorInput::Mark(mark));
        }
        self.management.push(AdpmRequest::Allow { eui64, psk: meter.psk, short: row.short_address });
        Ok(())
    }

    fn on_node(&mut self, now: Instant, event: NodeOutput) -> Result<(), StoreError> {
        match event {
            NodeOutput::Udp(datagram) => {
                self.observer.received(self.anchor.utc(now), &datagram);
                self.collector.handle(now, CollectorInput::Udp(&datagram));
            }
            NodeOutput::UdpConfirm(confirm) => {
                self.observer.confirmed(self.anchor.utc(now), confirm);
                self.collector.handle(now, CollectorInput::UdpConfirm(confirm));
            }
            NodeOutput::Adpm(indication) => self.on_network(now, indication)?,
            NodeOutput::Persist(record) => self.persist(now, record)?,
        }
        Ok(())
    }

    fn persist(&mut self, now: Instant, record: Persist) -> Result<(), StoreError> {
        match record {
            Persist::MacFrameCounter { reserved_to } => {
                self.store.set_counter(MAC_FRAME_COUNTER, u64::from(reserved_to))
            }
            Persist::LoadngSequence { reserved_to } => {
                self.store.set_counter(LOADNG_SEQUENCE, u64::from(reserved_to))
            }
            Persist::BroadcastSequence { reserved_to } => {
                self.store.set_counter(BROADCAST_SEQUENCE, u64::from(reserved_to))
            }
            Persist::Route(route) => {
                self.waiting.routes.insert(route.destination, route);
                self.wait_until(now + COMMIT_DELAY);
                Ok(())
            }
            Persist::GroupKey { index, key } => self.store.set_group_key(index, key),
            Persist::DeviceAddress { eui64, short } => self.set_address(eui64, short),
            Persist::DeviceRemoved { eui64 } => self.store.set_meter_address(eui64, None),
            Persist::MacDeviceCounter { short, key_index, accept_from } => {
                self.store.set_device_counter(&DeviceCounter { short, key_index, accept_from })
            }
            Persist::MacDeviceCountersVoid { key_index } => self.store.void_device_counters(key_index),
        }
    }

    /// The coordinator gives addresses, so a meter that the store still believes at this one has lost it.
    fn set_address(&mut self, eui64: Eui64, short: ShortAddress) -> Result<(), StoreError> {
        match self.store.set_meter_address(eui64, Some(short)) {
            Err(StoreError::AddressTaken { holder, .. }) => {
                self.store.set_meter_address(holder, None)?;
                self.store.set_meter_address(eui64, Some(short))
            }
            done => done,
        }
    }

    fn on_network(&mut self, now: Instant, indication: AdpmIndication) -> Result<(), StoreError> {
        match indication {
            AdpmIndication::DeviceJoined { eui64, short } => {
                self.collector.handle(now, CollectorInput::Joined { eui64, short });
                self.record(now, EventKind::MeterJoined, Some(eui64), format!("address {short}"))?;
            }
            AdpmIndication::DeviceLeft { eui64 } => {
                self.collector.handle(now, CollectorInput::Left { eui64 });
                self.record(now, EventKind::MeterLost, Some(eui64), "left the network".into())?;
            }
            AdpmIndication::DeviceRefused { eui64, reason } => {
                self.record(now, EventKind::MeterRefused, Some(eui64), format!("{reason:?}"))?;
            }
            _ => {}
        }
        self.observer.network(self.anchor.utc(now), &indication);
        Ok(())
    }

    /// What others have told, with the time at which they have.
    fn note_told(&mut self) -> Result<(), StoreError> {
        while let Some(event) = self.observer.told() {
            if let Err(error) = self.store.append_event(&event) {
                self.observer.not_noted(event);
                return Err(error);
            }
            self.observer.noted();
        }
        Ok(())
    }

    fn record(
        &mut self,
        now: Instant,
        kind: EventKind,
        meter: Option<Eui64>,
        text: String,
    ) -> Result<(), StoreError> {
        self.store.append_event(&Event { time: self.anchor.utc(now), kind, meter, text })?;
        self.observer.noted();
        Ok(())
    }

    /// Carries out what the collector wants, in order.
    fn drain(&mut self, now: Instant) -> Result<(), StoreError> {
        while let Some(output) = self.collector.poll() {
            match output {
                CollectorOutput::Udp(request) => {
                    self.observer.sent(&request);
                    self.answer.datagrams.push(request);
                }
                CollectorOutput::Store(batch) => self.store_batch(now, &batch)?,
                CollectorOutput::StoreValues(batch) => self.store_values(now, &batch)?,
                CollectorOutput::TaskEnded(report) => self.on_run_ended(now, &report)?,
                CollectorOutput::PersistInvocation { meter, reserved_to } => {
                    self.store.set_invocation_counter(meter, u64::from(reserved_to))?;
                }
                CollectorOutput::PersistRenewedInvocation { meter, reserved_to } => {
                    self.store.set_renewed_counter(meter, reserved_to)?;
                }
                CollectorOutput::PersistServerCounter { meter, last } => {
                    self.waiting.counters.insert(meter, last);
                    self.wait_until(now + COMMIT_DELAY);
                }
                CollectorOutput::Event(event) => self.on_collected(now, &event)?,
            }
        }
        Ok(())
    }

    /// A run that has missed somebody is an event.
    fn on_run_ended(&mut self, now: Instant, report: &RunReport) -> Result<(), StoreError> {
        self.observer.run_ended(self.anchor.utc(now), report);
        let RunReport { task, at, done, failed, late, named } = report;
        if *failed + *late == 0 {
            return Ok(());
        }
        let name = self.observer.task_name(*task);
        let mut text = format!("{name}: run of {at}: {done} meters done, {failed} failed, {late} late");
        if !named.is_empty() {
            let named: Vec<_> = named.iter().map(ToString::to_string).collect();
            text += &format!(", among them {}", named.join(" "));
        }
        self.record(now, EventKind::Task, None, text)
    }

    fn on_collected(&mut self, now: Instant, event: &CollectorEvent) -> Result<(), StoreError> {
        if event.is_pushed() {
            // Its counter first: it must not be taken again after a power cut.
            self.commit(now)?;
        }
        if let CollectorEvent::KeysSettled { meter, renewed } = *event {
            self.on_keys_settled(now, meter, renewed)?;
        }
        let lost = match *event {
            CollectorEvent::GapLost { meter, range } => Some((meter, range, Reason::NotGiven)),
            CollectorEvent::NeverPushed { meter, range } => Some((meter, range, Reason::NeverPushed)),
            _ => None,
        };
        if let Some((meter, range, reason)) = lost {
            self.store.record_lost(&LostRange { meter, from: range.from, to: range.to, reason })?;
        }
        if let Some(kind) = kind_of(event) {
            let text = match event {
                CollectorEvent::TaskFailed { task, fault, .. } => {
                    format!("task {}: {fault}", self.observer.task_name(*task))
                }
                event => event.to_string(),
            };
            self.record(now, kind, Some(event.meter()), text)?;
        }
        self.observer.collected(self.anchor.utc(now), event);
        Ok(())
    }
}

/// The shortest time between two turns that nothing but somebody's wish asks for.
const MOMENT: Duration = Duration::from_millis(10);
/// What of the collector's events an operator should find later.
const fn kind_of(event: &CollectorEvent) -> Option<EventKind> {
    match event {
        CollectorEvent::MeterRead { .. }
        | CollectorEvent::OrderProgress { .. }
        | CollectorEvent::KeysSettled { .. }
        | CollectorEvent::OrderEnded { .. } => None,
        CollectorEvent::SessionFailed { .. }
        | CollectorEvent::Gap { .. }
        | CollectorEvent::GapLost { .. }
        | CollectorEvent::NeverPushed { .. }
        | CollectorEvent::TaskFailed { .. }
        | CollectorEvent::UnexpectedValue { .. } => Some(EventKind::ReadFailed),
        CollectorEvent::ClockBeyondLimit { .. }
        | CollectorEvent::ClockDeviation { .. }
        | CollectorEvent::ClockLost { .. }
        | CollectorEvent::ClockSet { .. }
        | CollectorEvent::ClockNotSet { .. } => Some(EventKind::Clock),
        CollectorEvent::MeterRefused { .. } => Some(EventKind::MeterRefused),
        CollectorEvent::Supplied { supply: Supply::Lost, .. } => Some(EventKind::PowerLost),
        CollectorEvent::Supplied { supply: Supply::Back, .. } => Some(EventKind::PowerBack),
        CollectorEvent::Alarmed { .. } | CollectorEvent::PushUnknown { .. } => Some(EventKind::Alarm),
    }
}
