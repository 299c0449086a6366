//! What time alone does: calendars, schedules, emergencies, pushes.

use super::acting::is_adjustment;
use super::board::{PUSHES, SCHEDULES, Slot};
use super::{Note, Objects, Origin};
use crate::clock::ClockShift;
use crate::specs::SCRIPT_DEPTH_MAX;
use alloc::vec::Vec;
use dlms::classes::ScriptReference;
use dlms::cosem::Wall;
use plc_core::Instant;
use plc_core::time::Duration;

impl Objects<'_> {
    /// Carries out all that is due, in the order in which it was due.
    pub fn step(&mut self, now: Instant) {
        let at = self.moment(now);
        if let (Some(utc), Some(wall)) = (at.utc, at.wall) {
            let mut is_due = self.board.is_stale || self.board.next.is_some_and(|next| next <= utc);
            // What scripts change may be due at once, but not for ever.
            for _ in 0..SCRIPT_DEPTH_MAX {
                if is_due {
                    self.board.is_stale = false;
                    self.carry_out(wall, now);
                    self.plan(now);
                    is_due = self.board.is_stale;
                }
            }
            self.board.is_stale = false;
        }
        if self.board.push_due.take_if(|due| *due <= now).is_some() {
            self.trigger(Slot::PushInterval, now);
        }
        for slot in PUSHES {
            let is_due = self.board.push_mut(slot).is_some_and(|push| push.step(&at));
            if is_due {
                self.notes.push(Note::Push(slot));
            }
        }
    }

    fn carry_out(&mut self, wall: Wall, now: Instant) {
        let emergency = self.board.slots.limiter.emergency_profile_active;
        self.board.slots.limiter.step(wall);
        if emergency != self.board.slots.limiter.emergency_profile_active {
            self.board.mark(Slot::Limiter);
        }
        for (_, script) in self.due(wall) {
            self.run(&script, now, Origin::Remote, 0);
        }
    }

    /// What is due, oldest first. Schedules wait while the wall shows again what it has shown.
    fn due(&mut self, wall: Wall) -> Vec<(Wall, ScriptReference)> {
        let board = &mut *self.board;
        let from = board.carried_out.unwrap_or(wall);
        let mut due = Vec::new();
        if from < wall {
            due.extend(SCHEDULES.iter().filter_map(|&slot| board.schedule(slot)?.due(from, wall)));
            due.extend(board.slots.schedule.due(from, wall, &board.slots.special_days));
        }
        board.carried_out = Some(from.max(wall));
        let active = board.slots.calendar.name_active.clone();
        due.extend(board.slots.calendar.step(wall, &board.slots.special_days));
        if active != board.slots.calendar.name_active {
            board.mark(Slot::Calendar);
        }
        due.sort_by_key(|(wall, _)| *wall);
        due
    }

    /// Finds out when something is due next.
    pub(super) fn plan(&mut self, now: Instant) {
        let at = self.moment(now);
        let (Some(utc), Some(wall)) = (at.utc, at.wall) else { return };
        let board = &mut *self.board;
        let slots = &board.slots;
        let after = board.carried_out.unwrap_or(wall).max(wall);
        let schedules = SCHEDULES.iter().filter_map(|&slot| board.schedule(slot)?.next(after));
        let others = [
            slots.calendar.next(wall, &slots.special_days),
            slots.schedule.next(after, &slots.special_days),
            slots.limiter.next(wall),
        ];
        let next = schedules.chain(others.into_iter().flatten()).min();
        let soonest = utc + Duration::from_secs(1);
        board.next = next.map(|next| slots.clock.utc_of(next, utc).max(soonest));
    }

    /// After a synchronisation everything is carried out once. A clock that was set back further carries out again
    /// what comes again; one that was set forward carries out what it has jumped over.
    pub(super) fn on_clock_moved(&mut self, shift: ClockShift, now: Instant) {
        let Some(wall) = self.moment(now).wall else { return };
        let back = is_adjustment(shift) && self.board.carried_out.is_some_and(|done| wall < done);
        if back || shift == ClockShift::First {
            self.board.carried_out = Some(wall);
        }
        self.board.is_stale = true;
    }
}
