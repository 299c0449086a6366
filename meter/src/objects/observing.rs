//! What measured values do: rates count, demand is averaged, limiters and monitors compare.

use super::board::Slot;
use super::events::EventGroup;
use super::{Objects, Origin, names};
use crate::specs::event;
use alloc::vec::Vec;
use dlms::classes::{RegisterMonitor, ScriptReference};
use plc_core::Instant;

impl Objects<'_> {
    /// Values have been measured up to `now`.
    pub fn observe(&mut self, now: Instant) {
        self.board.count_power_failure();
        self.count_rates();
        self.average(now);
        self.limit(now);
        for slot in [Slot::CurrentMonitor, Slot::VoltageMonitor, Slot::AlarmMonitor] {
            self.monitor(slot, now);
        }
    }

    /// What was used goes to the registers of the rates in force.
    fn count_rates(&mut self) {
        let total = self.measurement.core().registers().import.milliwatt_hours();
        let board = &mut *self.board;
        let used = total.saturating_sub(board.counted_mwh.unwrap_or(total));
        board.counted_mwh = Some(total);
        if used == 0 {
            return;
        }
        for (rate, name) in board.rates_mwh.iter_mut().zip(names::ACTIVE_IMPORT_RATES) {
            if board.slots.activation.is_active(name) {
                *rate = rate.saturating_add(used);
            }
        }
    }

    fn average(&mut self, now: Instant) {
        let Some(utc) = self.measurement.clock().utc(now) else { return };
        let energy = self.measurement.core().registers().import.milliwatt_hours();
        let super::Slots { clock, demand, maximum, .. } = &mut self.board.slots;
        let before = demand.capture_time;
        demand.step(utc, energy, &|utc| clock.time(utc));
        let captured = demand.capture_time != before;
        if captured && maximum.raise(demand.last_average_value, demand.status, demand.capture_time) {
            self.board.mark(Slot::Maximum);
        }
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
