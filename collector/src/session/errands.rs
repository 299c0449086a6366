//! The errands of a session: what tasks want of the meter.

use super::{Desk, Phase, Session};
use crate::errand::{Brought, Errand, Scene};
use crate::lot::{Given, Lot, Question};
use crate::tasks::Outcome;
use crate::{CollectorEvent, CollectorOutput, TaskFault, ValueBatch};
use alloc::collections::VecDeque;
use dlms::apdu::Conformance;
use dlms::client::ClientInput;

/// What tasks want of the meter, the most urgent first, and what of it is asked now.
#[derive(Debug, Default)]
pub(super) struct Errands {
    waiting: VecDeque<Errand>,
    lot: Option<Lot>,
}

impl Errands {
    /// These, in order.
    pub(super) fn new(errands: impl IntoIterator<Item = Errand>) -> Self {
        Self { waiting: errands.into_iter().collect(), lot: None }
    }

    /// Whether none is left.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl Session {
    /// The numbers of the tasks whose errands have not ended.
    pub(crate) fn open_tasks(&self) -> impl Iterator<Item = u32> {
        self.errands.waiting.iter().map(Errand::task)
    }

    /// Asks the next question of the errands, if one is left; only of those that go before the load profile, if `urgent`.
    pub(super) fn next_errand(&mut self, urgent: bool, desk: &mut Desk<'_>) -> bool {
        if self.errands.lot.is_some() {
            return self.ask_lot(desk);
        }
        while let Some(errand) =
            self.errands.waiting.front_mut().filter(|errand| !urgent || errand.is_urgent())
        {
            if let Some(asked) = errand.next(desk.meter, desk.utc) {
                self.errands.lot = Some(Lot::new(asked));
                return self.ask_lot(desk);
            }
            self.finish_errand(desk);
        }
        false
    }

    /// The value of the attribute that was asked for, or why there is none.
    pub(super) fn on_given(&mut self, given: Given, desk: &mut Desk<'_>) {
        if let Some(lot) = &mut self.errands.lot {
            lot.on_one(given);
        }
        self.go_on(desk);
    }

    /// The same of all that were asked for.
    pub(super) fn on_given_list(&mut self, list: alloc::vec::Vec<Given>, desk: &mut Desk<'_>) {
        if let Some(lot) = &mut self.errands.lot {
            lot.on_list(list);
        }
        self.go_on(desk);
    }

    fn go_on(&mut self, desk: &mut Desk<'_>) {
        if !self.ask_lot(desk) {
            self.on_lot(desk);
        }
    }

    /// Asks for what is open of the lot, if anything is.
    fn ask_lot(&mut self, desk: &mut Desk<'_>) -> bool {
        let lists = |conformance: Conformance| conformance.has(Conformance::MULTIPLE_REFERENCES);
        let lists = self.client.server_conformance().is_some_and(lists);
        let input = match self.errands.lot.as_mut().and_then(|lot| lot.next(lists)) {
            None => return false,
            Some(Question::List(asked)) => ClientInput::GetList(asked),
            Some(Question::One(asked)) => ClientInput::Get(asked),
        };
        self.request(input, desk);
        self.phase = Phase::OnErrand;
        true
    }

    /// Everything that was asked is answered.
    fn on_lot(&mut self, desk: &mut Desk<'_>) {
        let on_the_way = desk.now.since(self.requested) / 2;
        let (Some(lot), Some(errand)) = (self.errands.lot.take(), self.errands.waiting.front_mut()) else {
            return self.proceed(desk);
        };
        let mut scene = Scene { meter: desk.meter, utc: desk.utc - on_the_way };
        let brought = errand.on_answers(lot.into_answers(), &mut scene);
        let task = errand.task();
        if let Some(unexpected) = brought.unexpected {
            desk.out.event(CollectorEvent::UnexpectedValue { meter: self.meter, unexpected });
        }
        let clock = brought.clock;
        self.store_values(task, brought, desk);
        match clock {
            // What cannot be compared was told, and is no reason to end.
            Some(clock) if !core::mem::replace(&mut self.clock_checked, true) => {
                if let Err(unexpected) = self.on_clock(clock, desk) {
                    desk.out.event(CollectorEvent::UnexpectedValue { meter: self.meter, unexpected });
                    self.proceed(desk);
                }
            }
            _ => self.proceed(desk),
        }
    }

    fn store_values(&mut self, task: u32, brought: Brought, desk: &mut Desk<'_>) {
        let Brought { values, mark, .. } = brought;
        if values.is_empty() && mark.is_none() {
            return;
        }
        if !desk.tasks.has_room() {
            return self.errands.waiting.front_mut().into_iter().for_each(Errand::on_no_room);
        }
        let number = desk.out.next_batch();
        let until = desk.now + desk.config.store_max;
        desk.tasks.on_storing(task, self.meter, number, mark, until);
        desk.out.push(CollectorOutput::StoreValues(ValueBatch { number, task, values, mark }));
    }

    fn finish_errand(&mut self, desk: &mut Desk<'_>) {
        let Some(errand) = self.errands.waiting.pop_front() else { return };
        let of = (errand.task(), self.meter);
        let outcome = errand.outcome();
        if matches!(outcome, Outcome::Again(TaskFault::Unexpected(_))) {
            desk.meter.forget_absent();
        }
        desk.tasks.on_outcome(desk.now, of, outcome, desk.stream, desk.out);
    }
}
