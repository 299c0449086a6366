//! Writing attributes, invoking methods, and what follows from it: scripts act on other objects.

use super::Objects;
use super::board::{AlarmRegister, Caused, Slot};
use super::catalogue::{Content, Place};
use super::events::EventGroup;
use crate::clock::ClockShift;
use crate::profiles::Row;
use crate::specs::{SAMPLE_GAP_MAX, SCRIPT_DEPTH_MAX, alarm, event};
use dlms::apdu::{ActionResult, DataAccessResult};
use dlms::axdr::Data;
use dlms::classes::{
    self, Command, ControlState, Effect, Effects, G3Layer, G3Setup, ImageStatus, ScriptAction,
    ScriptReference, Service,
};
use dlms::cosem::{AttributeRequest, MethodRequest};
use plc_core::{Instant, UtcAnchor};

/// Who wants something done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client, or what a client has scheduled.
    Remote,
    /// The meter itself: a limiter, a monitor.
    Local,
    /// Somebody at the meter.
    Manual,
}

/// What concerns more than the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The clock was set.
    ClockSet(ClockShift),
    /// The circuit was opened or closed.
    Switched {
        /// Whether it is closed.
        connected: bool,
    },
    /// A push is to be made now.
    Push(Slot),
    /// A verified image is to run.
    ImageActivated,
    /// The billing period was closed with this row.
    Closed(Row),
}

impl Objects<'_> {
    pub(super) fn write(
        &mut self,
        request: &AttributeRequest,
        value: &Data<'_>,
        now: Instant,
        origin: Origin,
    ) -> Result<(), DataAccessResult> {
        self.write_at(request, value, now, origin, 0)
    }

    pub(super) fn invoke(
        &mut self,
        request: &MethodRequest,
        parameter: Option<&Data<'_>>,
        now: Instant,
        origin: Origin,
    ) -> Result<(), ActionResult> {
        self.invoke_at(request, parameter, now, origin, 0)
    }

    /// Writes an attribute, `depth` scripts deep.
    fn write_at(
        &mut self,
        request: &AttributeRequest,
        value: &Data<'_>,
        now: Instant,
        origin: Origin,
        depth: u8,
    ) -> Result<(), DataAccessResult> {
        let (place, entry) = self.locate(request.logical_name).ok_or(DataAccessResult::ObjectUndefined)?;
        if entry.class_id != request.class_id {
            return Err(DataAccessResult::ObjectClassInconsistent);
        }
        let Place::Slot(slot) = place else { return Err(DataAccessResult::ReadWriteDenied) };
        Self::check_crediting(slot, value)?;
        self.check_thresholds(slot, request.attribute, value, now)?;
        let (at, mut effects) = (self.moment(now), Effects::default());
        classes::write(self.board.slots.object_mut(slot), request.attribute, value, &at, &mut effects)?;
        self.board.mark(slot);
        self.on_written(slot, now);
        self.follow((slot, effects), now, origin, depth);
        self.board.is_stale = true;
        Ok(())
    }

    /// Thresholds have the type of what they are compared with.
    fn check_thresholds(
        &mut self,
        slot: Slot,
        attribute: i8,
        value: &Data<'_>,
        now: Instant,
    ) -> Result<(), DataAccessResult> {
        let slots = &self.board.slots;
        let (monitored, thresholds) = match (slot, attribute) {
            (Slot::CurrentMonitor, 2) => (&slots.current_monitor.monitored_value, true),
            (Slot::VoltageMonitor, 2) => (&slots.voltage_monitor.monitored_value, true),
            (Slot::AlarmMonitor, 2) => (&slots.alarm_monitor.monitored_value, true),
            (Slot::Limiter, 4 | 5) => (&slots.limiter.monitored_value, false),
            _ => return Ok(()),
        };
        let alike = |is: &Data<'_>| match value {
            Data::Array(all) if thresholds => all.iter().all(|one| one.is_like(is)),
            one => !thresholds && one.is_like(is),
        };
        let monitored = monitored.clone();
        match self.with_value(&monitored, now, alike) {
            Some(true) => Ok(()),
            Some(false) => Err(DataAccessResult::TypeUnmatched),
            None => Err(DataAccessResult::OtherReason),
        }
    }

    /// What clients have written is an event, if it is one that meters log.
    fn on_written(&mut self, slot: Slot, now: Instant) {
        let cleared = |object: &classes::DataObject| object.value.number() == Some(0);
        let slots = &self.board.slots;
        let code = match slot {
            Slot::AlarmRegister if cleared(&slots.alarm_register) => event::ALARM_REGISTER_CLEARED,
            Slot::AlarmRegister2 if cleared(&slots.alarm_register_2) => event::ALARM_REGISTER_CLEARED,
            Slot::ErrorRegister if cleared(&slots.error_register) => event::ERROR_REGISTER_CLEARED,
            Slot::Calendar => event::CALENDAR_PROGRAMMED,
            Slot::Clock => return self.on_zone(now),
            Slot::Activation => return,
            Slot::AlarmRegister | Slot::AlarmDescriptor => return,
            Slot::AlarmRegister2 | Slot::AlarmDescriptor2 => return,
            _ => event::CONFIGURATION_CHANGED,
        };
        self.log(EventGroup::Standard, code, now);
    }

    /// The rules of local time may have changed: rows and schedules follow.
    fn on_zone(&mut self, now: Instant) {
        self.measurement.follow(&self.board.slots.clock);
        self.plan(now);
    }

    /// Invokes a method, `depth` scripts deep.
    fn invoke_at(
        &mut self,
        request: &MethodRequest,
        parameter: Option<&Data<'_>>,
        now: Instant,
        origin: Origin,
        depth: u8,
    ) -> Result<(), ActionResult> {
        let (place, entry) = self.locate(request.logical_name).ok_or(ActionResult::ObjectUndefined)?;
        if entry.class_id != request.class_id {
            return Err(ActionResult::ObjectClassInconsistent);
        }
        match place {
            Place::Slot(slot) => {
                let before = self.board.slots.disconnector.control_state;
                let effects = self.invoke_slot(slot, request.method, parameter, now, origin)?;
                self.board.mark(slot);
                self.note_readiness(before, now);
                self.follow((slot, effects), now, origin, depth);
                self.board.is_stale = true;
                self.check_image(slot)
            }
            Place::Log(group) if request.method == 1 => {
                let utc = self.measurement.clock().utc(now);
                self.board.events.clear(group, utc);
                Ok(())
            }
            Place::Content(Content::MonthlyProfile) if request.method == 2 => self.close(now),
            Place::G3(layer) => self.invoke_network(layer, request.method, parameter, now),
            _ => Err(ActionResult::ReadWriteDenied),
        }
    }

    /// What the meter itself does to the breaker moves it by other rules than what clients do.
    fn invoke_slot(
        &mut self,
        slot: Slot,
        method: i8,
        parameter: Option<&Data<'_>>,
        now: Instant,
        origin: Origin,
    ) -> Result<Effects, ActionResult> {
        if (slot, origin) == (Slot::Disconnector, Origin::Local) {
            let command = if method == 1 { Command::LocalDisconnect } else { Command::LocalReconnect };
            return self.board.command(command).ok_or(ActionResult::OtherReason);
        }
        let (at, mut effects) = (self.moment(now), Effects::default());
        classes::invoke(self.board.slots.object_mut(slot), method, parameter, &at, &mut effects)?;
        Ok(effects)
    }

    fn invoke_network(
        &mut self,
        layer: G3Layer,
        method: i8,
        parameter: Option<&Data<'_>>,
        now: Instant,
    ) -> Result<(), ActionResult> {
        let at = self.moment(now);
        let network = self.network.as_deref_mut().ok_or(ActionResult::ObjectUndefined)?;
        classes::invoke(&mut G3Setup { layer, network }, method, parameter, &at, &mut Effects::default())
    }

    /// Whether an image that was to be verified is what it should be.
    fn check_image(&self, slot: Slot) -> Result<(), ActionResult> {
        let failed = slot == Slot::Image && self.board.slots.image.status == ImageStatus::VerificationFailed;
        if failed { Err(ActionResult::OtherReason) } else { Ok(()) }
    }

    /// Closes the billing period.
    fn close(&mut self, now: Instant) -> Result<(), ActionResult> {
        let row = self.measurement.close(now).ok_or(ActionResult::TemporaryFailure)?;
        self.notes.push(Note::Closed(row));
        Ok(())
    }

    /// Carries out what an object wants done.
    pub(super) fn follow(&mut self, (slot, mut effects): Caused, now: Instant, origin: Origin, depth: u8) {
        for effect in effects.take() {
            match effect {
                Effect::Script(script) => self.run(&script, now, origin, depth),
                Effect::SetTime(utc) => self.set_clock(UtcAnchor { at: now, utc }),
                Effect::Switch { connected } => self.on_switched(connected, now, origin),
                Effect::Push if depth > 0 && slot == Slot::PushInterval => self.trigger_measured(now),
                Effect::Push => self.trigger(slot, now),
                Effect::ImageBegin { size } => self.board.begin_image(size),
                Effect::ImageBlock { offset, octets } => self.board.images.write(offset, octets),
                Effect::ImageVerify => self.verify_image(now),
                Effect::ImageActivate => self.activate_image(now),
                Effect::DemandReset | Effect::DemandNextPeriod => self.on_demand(slot, &effect, now),
                Effect::Accounted { .. } => {}
            }
        }
    }

    /// Executes a script: each of its steps, whatever becomes of the others.
    pub(super) fn run(&mut self, script: &ScriptReference, now: Instant, origin: Origin, depth: u8) {
        if depth >= SCRIPT_DEPTH_MAX {
            return;
        }
        let table = self.board.script_table(script.table);
        let steps = table.and_then(|table| table.actions(script.selector)).map(<[_]>::to_vec);
        for step in steps.unwrap_or_default() {
            let Some(left) = self.steps_left.checked_sub(1) else { return };
            self.steps_left = left;
            self.step_of_script(&step, now, origin, depth + 1);
        }
    }

    fn step_of_script(&mut self, step: &ScriptAction, now: Instant, origin: Origin, depth: u8) {
        let (class_id, logical_name) = (step.class_id, step.logical_name);
        match step.service {
            Service::Nothing => {}
            Service::Write => {
                let attribute = AttributeRequest::new(class_id, logical_name, step.index);
                // A step that fails has no one to tell.
                _ = self.write_at(&attribute, &step.parameter.data(), now, origin, depth);
            }
            Service::Execute => {
                let method = MethodRequest { class_id, logical_name, method: step.index };
                _ = self.invoke_at(&method, Some(&step.parameter.data()), now, origin, depth);
            }
        }
    }

    /// Sets the clock, with all that follows.
    pub fn set_clock(&mut self, anchor: UtcAnchor) {
        let before = self.measurement.clock().utc(anchor.at);
        self.measurement.follow(&self.board.slots.clock);
        let shift = self.measurement.on_clock(anchor);
        if before.is_none() {
            self.log(EventGroup::Standard, event::POWER_UP, anchor.at);
            self.resume_activation(anchor.at);
            if self.board.untold {
                self.raise_supply(true, anchor.at);
            }
        }
        if let (Some(before), true) = (before, is_adjustment(shift)) {
            self.board.events.log(EventGroup::Standard, event::CLOCK_ADJUSTED_OLD, Some(before));
            self.log(EventGroup::Standard, event::CLOCK_ADJUSTED_NEW, anchor.at);
        }
        self.notes.push(Note::ClockSet(shift));
        self.on_clock_moved(shift, anchor.at);
    }

    /// The button of the meter was pressed: it opens a closed circuit and closes one that is ready for it, where the mode of the
    /// disconnector lets it. Returns whether the circuit was moved.
    pub fn press(&mut self, now: Instant) -> bool {
        let command = match self.board.slots.disconnector.control_state {
            ControlState::Connected => Command::ManualDisconnect,
            ControlState::ReadyForReconnection => Command::ManualReconnect,
            ControlState::Disconnected => return false,
        };
        let Some(effects) = self.board.command(command) else { return false };
        self.board.mark(Slot::Disconnector);
        self.follow((Slot::Disconnector, effects), now, Origin::Manual, 0);
        true
    }

    /// A circuit that was locked open and that somebody at the meter may close now: an event of its own, as nothing has moved.
    fn note_readiness(&mut self, before: ControlState, now: Instant) {
        let state = self.board.slots.disconnector.control_state;
        if (before, state) == (ControlState::Disconnected, ControlState::ReadyForReconnection) {
            self.log(EventGroup::Disconnector, event::READY_FOR_RECONNECTION, now);
        }
    }

    fn on_switched(&mut self, connected: bool, now: Instant, origin: Origin) {
        let code = match (connected, origin) {
            (true, Origin::Remote) => event::REMOTE_CONNECTION,
            (false, Origin::Remote) => event::REMOTE_DISCONNECTION,
            (true, Origin::Local) => event::LOCAL_RECONNECTION,
            (false, Origin::Local) => event::LOCAL_DISCONNECTION,
            (true, Origin::Manual) => event::MANUAL_CONNECTION,
            (false, Origin::Manual) => event::MANUAL_DISCONNECTION,
        };
        self.log(EventGroup::Disconnector, code, now);
        self.notes.push(Note::Switched { connected });
    }

    /// What a schedule pushes is as of its time: where that is not measured yet, the next samples are waited for, but not for long.
    fn trigger_measured(&mut self, now: Instant) {
        if self.measurement.is_up_to(now) {
            self.trigger(Slot::PushInterval, now);
        } else {
            self.board.push_due.get_or_insert(now + SAMPLE_GAP_MAX);
        }
    }

    pub(super) fn trigger(&mut self, slot: Slot, now: Instant) {
        let random = self.board.random();
        let waits = self.board.push_mut(slot).is_some_and(|push| push.deadline().is_some());
        if slot == Slot::PushInterval && !waits {
            self.board.held_push = self.push_values(slot, now);
        }
        if let Some(push) = self.board.push_mut(slot) {
            push.trigger(now, random);
        }
    }

    fn on_demand(&mut self, slot: Slot, effect: &Effect, now: Instant) {
        let Some(utc) = self.measurement.clock().utc(now) else { return };
        let clock = self.board.slots.clock.clone();
        let Some(demand) = self.board.demand_mut(slot) else { return };
        match effect {
            Effect::DemandReset => demand.reset(utc, &|utc| clock.time(utc)),
            _ => demand.next_period(utc, &|utc| clock.time(utc)),
        }
    }

    /// Logs an event; an attempt on the meter is an alarm as well.
    pub fn log(&mut self, group: EventGroup, code: u8, now: Instant) {
        let utc = self.measurement.clock().utc(now);
        self.board.events.log(group, code, utc);
        if group == EventGroup::Fraud {
            self.board.raise_alarm(AlarmRegister::First, alarm::FRAUD_ATTEMPT, now);
        }
    }
}

/// Whether the clock has moved by more than a synchronisation does.
pub(super) fn is_adjustment(shift: ClockShift) -> bool {
    let limit = crate::specs::CLOCK_SHIFT_LIMIT.as_millis() as u64;
    matches!(shift, ClockShift::Millis(ms) if ms.unsigned_abs() > limit)
}
