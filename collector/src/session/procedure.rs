//! Orders that are more than a list of steps: each answer decides what is asked next.

use super::image::Transfer;
use super::{Desk, Phase, Session};
use crate::order::{Answer, Denial, OrderEnd, Step, Work};
use crate::{CollectorEvent, ImageProgress};
use dlms::client::ClientInput;

/// What an order that decides for itself wants next.
pub(super) enum Verdict {
    /// Ask the meter this.
    Ask(Step),
    /// It has ended, or wants to be ordered again.
    End(OrderEnd),
}

/// What the meter has answered to a step.
pub(super) enum Reply<'a> {
    /// A value was read.
    Value(&'a [u8]),
    /// A value was written.
    Written,
    /// A method was invoked.
    Acted,
    /// It has refused.
    Denied(Denial),
}

impl Session {
    /// Asks a step of an order.
    pub(super) fn ask(&mut self, step: &Step, desk: &Desk<'_>) {
        match step {
            Step::Get(attribute) => self.request(ClientInput::Get(attribute.clone()), desk),
            Step::Set(attribute, value) => self.request(ClientInput::Set(attribute.clone(), value), desk),
            Step::Act(method, value) => self.request(ClientInput::Action(*method, value.as_deref()), desk),
        }
        self.phase = Phase::Ordered;
    }

    /// The meter has carried out a step of an order.
    pub(super) fn on_answer(&mut self, answer: Answer, desk: &mut Desk<'_>) {
        let reply = match &answer {
            Answer::Value(value) => Reply::Value(value),
            Answer::Written => Reply::Written,
            Answer::Acted(_) => Reply::Acted,
        };
        if self.is_rekeying() {
            return self.on_keys_answered(None, desk);
        }
        if !self.on_reply(&reply) {
            self.answers.push(answer);
        }
        self.proceed(desk);
    }

    /// The meter has refused a step of an order.
    pub(super) fn on_refusal(&mut self, denial: Denial, desk: &mut Desk<'_>) {
        if self.is_rekeying() {
            return self.on_keys_answered(Some(denial), desk);
        }
        if !self.on_reply(&Reply::Denied(denial)) {
            self.finish_order(OrderEnd::Denied(self.answers.len(), denial), desk);
        }
        self.proceed(desk);
    }

    /// Whether the first order is one for new keys.
    pub(super) fn is_rekeying(&self) -> bool {
        self.orders.front().is_some_and(|order| matches!(order.work, Work::Rekey(_)))
    }

    /// Whether the first order decides for itself, and has heard this.
    fn on_reply(&mut self, reply: &Reply<'_>) -> bool {
        match (&mut self.transfer, self.orders.front_mut().map(|order| &mut order.work)) {
            (Some(transfer), Some(Work::Image(image))) => transfer.on_reply(image, reply),
            _ => return false,
        }
        true
    }

    /// The next step of an image, the first order; whether there is one in this session.
    pub(super) fn next_of_image(&mut self, desk: &mut Desk<'_>) -> bool {
        let (now, part) = (desk.now, desk.config.image_part);
        let Some(order) = self.orders.front_mut() else { return false };
        let (number, Work::Image(image)) = (order.number, &mut order.work) else { return false };
        let transfer = self.transfer.get_or_insert_with(|| Transfer::new(part));
        let verdict = transfer.next(image, now);
        let ImageProgress { stage, done, .. } = image.progress;
        let is_old = self.told.is_some_and(|(was, told)| was == stage && done < told + TOLD_BLOCKS);
        if !is_old || matches!(verdict, Verdict::End(_)) {
            self.told = Some((stage, done));
            let (meter, progress) = (self.meter, image.progress.clone());
            desk.out.event(CollectorEvent::OrderProgress { meter, number, progress });
        }
        match verdict {
            Verdict::Ask(step) => self.ask(&step, desk),
            Verdict::End(end) => {
                (self.transfer, self.told) = (None, None);
                self.finish_order(end, desk);
                return false;
            }
        }
        true
    }
}

/// Blocks after which it is told how far an image is.
const TOLD_BLOCKS: u32 = 8;
