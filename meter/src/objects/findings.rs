//! What was found about mains and installation: events, counts and alarms.

use super::Objects;
use super::board::AlarmRegister;
use super::events::EventGroup;
use super::quality::{QualityKind, QualityRow};
use crate::measurement::Finding;
use crate::specs::{alarm_2, event};
use metrology::quality::{EventKind, QualityEvent};
use metrology::{Diagnosis, Tamper, Wiring};
use plc_core::Instant;

impl Objects<'_> {
    /// Takes note of all that was found.
    pub(crate) fn note_findings(&mut self) {
        while let Some(finding) = self.measurement.take_finding() {
            match finding {
                Finding::Quality { event, began, ended } => self.on_quality(&event, began, ended),
                Finding::Tamper { event, at } => self.on_tamper(event.tamper, event.appeared, at),
                Finding::Wiring { diagnosis, at } => self.on_wiring(&diagnosis, at),
            }
        }
        self.measurement.note_counts(self.board.quality.counts());
    }

    /// An event of the voltage is over: a row for each phase at its beginning, and one for its end.
    fn on_quality(&mut self, event: &QualityEvent, began: Instant, ended: Instant) {
        self.count_quality(event, began, ended);
        let (code, alarm) = match event.kind {
            EventKind::Dip => (event::UNDERVOLTAGE_L1, alarm_2::BAD_VOLTAGE_QUALITY_L1),
            EventKind::Swell => (event::OVERVOLTAGE_L1, alarm_2::BAD_VOLTAGE_QUALITY_L1),
            EventKind::Interruption => (event::MISSING_VOLTAGE_L1, alarm_2::VOLTAGE_MISSING_L1),
            EventKind::RapidChange => (event::BAD_VOLTAGE_QUALITY_L1, alarm_2::BAD_VOLTAGE_QUALITY_L1),
        };
        let lasted = event.kind != EventKind::RapidChange;
        for phase in self.phases(event.channels) {
            self.log(EventGroup::PowerQuality, code + phase, began);
            self.alarm_2(alarm << phase, ended);
        }
        for phase in self.phases(event.channels).filter(|_| lasted) {
            self.log(EventGroup::PowerQuality, event::NORMAL_VOLTAGE_L1 + phase, ended);
            self.alarm_2(alarm_2::VOLTAGE_NORMAL_L1 << phase, ended);
        }
        if event.kind == EventKind::Interruption {
            self.alarm_2(alarm_2::POWER_FAILURE | alarm_2::POWER_RESUMED, ended);
        }
    }

    fn count_quality(&mut self, event: &QualityEvent, began: Instant, ended: Instant) {
        let (Some(kind), Some(utc)) = (QualityKind::of(event.kind), self.measurement.clock().utc(began))
        else {
            return;
        };
        let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let row = QualityRow {
            kind,
            utc,
            duration_ms: small(ended.since(began).as_millis() as u64),
            magnitude_mv: small(event.extreme_uv / 1000),
            phases: self.phases(event.channels).map(|phase| 1 << phase).sum(),
        };
        self.board.note_quality(row);
    }

    /// Phases, from 0, of the elements in a mask. Of three wires, element 1 has phase 3.
    fn phases(&self, elements: u8) -> impl Iterator<Item = u8> + use<> {
        let three_wires = self.measurement.ratings().wiring == Wiring::ThreePhaseThreeWire;
        let phase = move |element: u8| if three_wires && element == 1 { 2 } else { element };
        (0..3).filter(move |element| elements & 1 << element != 0).map(phase)
    }

    fn on_tamper(&mut self, tamper: Tamper, appeared: bool, at: Instant) {
        let (group, codes, alarm) = signs(tamper);
        self.log(group, if appeared { codes.0 } else { codes.1 }, at);
        if appeared && alarm != 0 {
            self.alarm_2(alarm, at);
        }
    }

    fn on_wiring(&mut self, diagnosis: &Diagnosis, at: Instant) {
        let faulty = diagnosis.names_a_fault(self.measurement.may_export());
        if faulty == core::mem::replace(&mut self.board.wiring_faulty, faulty) {
            return;
        }
        let code = if faulty { event::WIRING_FAULT } else { event::WIRING_CORRECT };
        self.log(EventGroup::Standard, code, at);
        if faulty {
            self.alarm_2(alarm_2::WIRING_FAULT, at);
        }
    }

    /// The supply is lost or back: an event, and an alarm in the place of the other.
    pub(crate) fn on_supply(&mut self, is_there: bool, now: Instant) {
        if !is_there {
            self.board.mark_demands();
        }
        let code = if is_there { event::POWER_UP } else { event::POWER_DOWN };
        self.log(EventGroup::Standard, code, now);
        self.raise_supply(is_there, now);
    }

    /// The same without the event.
    pub(super) fn raise_supply(&mut self, is_there: bool, now: Instant) {
        let [raised, lowered] = if is_there {
            [alarm_2::POWER_RESUMED, alarm_2::POWER_FAILURE]
        } else {
            [alarm_2::POWER_FAILURE, alarm_2::POWER_RESUMED]
        };
        // What was told of an earlier loss is told again.
        self.board.lower_alarm_2(lowered | raised);
        self.alarm_2(raised, now);
    }

    /// The network is there for the first time since the supply is back: the push that had nowhere to go is made again.
    pub(crate) fn tell_of_supply(&mut self, now: Instant) {
        let untold = core::mem::take(&mut self.board.untold);
        if untold && self.board.passes_2(alarm_2::POWER_RESUMED) {
            self.board.slots.push_alarm.trigger(now, 0);
        }
    }

    fn alarm_2(&mut self, bits: u32, at: Instant) {
        self.board.raise_alarm(AlarmRegister::Second, bits, at);
    }
}

/// Where a sign is logged, the codes of its coming and going, and the alarms that it raises.
const fn signs(tamper: Tamper) -> (EventGroup, (u8, u8), u32) {
    use EventGroup::{Fraud, PowerQuality};
    match tamper {
        Tamper::Cover => (Fraud, (event::COVER_REMOVED, event::COVER_CLOSED), 0),
        Tamper::TerminalCover => (Fraud, (event::TERMINAL_COVER_REMOVED, event::TERMINAL_COVER_CLOSED), 0),
        Tamper::Magnet => (Fraud, (event::MAGNET_DETECTED, event::MAGNET_GONE), 0),
        Tamper::Bypass => (Fraud, (event::BYPASS, event::BYPASS_GONE), 0),
        Tamper::ReversedCurrent => {
            (Fraud, (event::CURRENT_REVERSED, event::CURRENT_RESTORED), alarm_2::CURRENT_REVERSAL)
        }
        Tamper::MissingNeutral => {
            (PowerQuality, (event::MISSING_NEUTRAL, event::NEUTRAL_RESTORED), alarm_2::MISSING_NEUTRAL)
        }
        Tamper::PhaseLoss => (PowerQuality, (event::PHASE_LOST, event::PHASE_RESTORED), 0),
        Tamper::ReversedSequence => (
            PowerQuality,
            (event::PHASE_SEQUENCE_REVERSED, event::PHASE_SEQUENCE_RESTORED),
            alarm_2::WRONG_PHASE_SEQUENCE,
        ),
    }
}
