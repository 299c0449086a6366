//! What measured values do: rates count, demand is averaged, limiters and monitors compare.

use super::board::Slot;
use super::events::EventGroup;
use super::rates::counted;
use super::{Objects, Origin, names};
use crate::specs::event;
use alloc::vec::Vec;
use dlms::classes::{DemandRegister, ExtendedRegister, RegisterMonitor, ScriptReference};
use plc_core::Instant;

impl Objects<'_> {
    /// Values have been measured up to `now`.
    pub fn observe(&mut self, now: Instant) {
        self.board.count_power_failure();
        self.note_findings();
        self.count_rates();
        if self.board.push_due.take().is_some() {
            self.trigger(Slot::PushInterval, now);
        }
        self.average(now);
        self.limit(now);
        for slot in [Slot::CurrentMonitor, Slot::VoltageMonitor, Slot::AlarmMonitor] {
            self.monitor(slot, now);
        }
    }

    /// Brings registers and rates up to the last sample.
    pub(crate) fn settle_rates(&mut self) {
        self.measurement.settle();
        self.count_rates();
    }

    /// What was used goes to the registers of the rates in force.
    fn count_rates(&mut self) {
        let total = counted(&self.measurement.ledger());
        let board = &mut *self.board;
        let before = board.counted.replace(total).unwrap_or(total);
        if before == total {
            return;
        }
        // The mask says it of the registers of A+; all other energies follow them.
        for (rate, name) in names::ACTIVE_IMPORT_RATES.into_iter().enumerate() {
            if board.slots.activation.is_active(name) {
                board.rates.credit(rate, &before, &total);
            }
        }
    }

    fn average(&mut self, now: Instant) {
        let Some(utc) = self.measurement.clock().utc(now) else { return };
        let [import, export, q1, q2, _, _, apparent, _] = counted(&self.measurement.ledger());
        let slots = &mut self.board.slots;
        let clock = &slots.clock;
        let step = |demand: &mut DemandRegister, maximum: &mut ExtendedRegister, energy: u64| {
            let before = demand.capture_time;
            demand.step(utc, energy, &|utc| clock.time(utc));
            let captured = demand.capture_time != before;
            captured && maximum.raise(demand.last_average_value, demand.status, demand.capture_time)
        };
        let raised = [
            (Slot::Maximum, step(&mut slots.demand, &mut slots.maximum, import)),
            (Slot::MaximumExport, step(&mut slots.demand_export, &mut slots.maximum_export, export)),
            (
                Slot::MaximumReactive,
                step(&mut slots.demand_reactive, &mut slots.maximum_reactive, q1.wrapping_add(q2)),
            ),
            (Slot::MaximumApparent, step(&mut slots.demand_apparent, &mut slots.maximum_apparent, apparent)),
        ];
        raised.into_iter().filter(|(_, raised)| *raised).for_each(|(slot, _)| self.board.mark(slot));
    }

    fn limit(&mut self, now: Instant) {
        if self.board.slots.limiter.threshold_active.number().is_none() {
            return;
        }
        let monitored = self.board.slots.limiter.monitored_value.clone();
        let Some(value) = self.number(&monitored, now) else { return };
        let exceeded = self.board.slots.limiter.is_exceeded();
        let script = self.board.slots.limiter.observe(value, now);
        if exceeded != self.board.slots.limiter.is_exceeded() {
            self.board.mark(Slot::Limiter);
            if !exceeded {
                self.log(EventGroup::Disconnector, event::LIMIT_EXCEEDED, now);
            }
        }
        self.run_all(script, now);
    }

    fn monitor(&mut self, slot: Slot, now: Instant) {
        let monitored = match self.monitor_mut(slot) {
            Some(monitor) if !monitor.thresholds.is_empty() => monitor.monitored_value.clone(),
            _ => return,
        };
        let Some(value) = self.number(&monitored, now) else { return };
        let scripts = self.monitor_mut(slot).map_or_else(Vec::new, |monitor| monitor.observe(value));
        if !scripts.is_empty() {
            self.board.mark(slot);
        }
        self.run_all(scripts, now);
    }

    fn monitor_mut(&mut self, slot: Slot) -> Option<&mut RegisterMonitor> {
        match slot {
            Slot::CurrentMonitor => Some(&mut self.board.slots.current_monitor),
            Slot::VoltageMonitor => Some(&mut self.board.slots.voltage_monitor),
            Slot::AlarmMonitor => Some(&mut self.board.slots.alarm_monitor),
            _ => None,
        }
    }

    fn run_all(&mut self, scripts: impl IntoIterator<Item = ScriptReference>, now: Instant) {
        for script in scripts {
            self.run(&script, now, Origin::Local, 0);
        }
    }
}
