//! The clock of the meter: compared, and set if that is wanted and allowed.

use super::{Desk, Phase, Session};
use crate::order::{Denial, OrderEnd};
use crate::specs::{CLOCK, CLOCK_LEN, attribute, class};
use crate::{CollectorEvent, Unexpected};
use alloc::vec::Vec;
use core::time::Duration;
use dlms::apdu::DataAccessResult;
use dlms::axdr::Encoder;
use dlms::client::ClientInput;
use dlms::cosem::{AttributeRequest, ClockStatus, ClockTime};

impl Session {
    /// The meter has told its time: in the middle between question and answer, as far as anybody knows. A clock that deviates too
    /// much is set, if that is wanted.
    pub(super) fn on_clock(
        &mut self,
        clock: Option<ClockTime>,
        desk: &mut Desk<'_>,
    ) -> Result<(), Unexpected> {
        let on_the_way = desk.now.since(self.requested) / 2;
        let may = desk.config.clock_set && desk.trusted;
        if let Some(lost) = clock.filter(|clock| may && clock.utc().is_none()) {
            desk.meter.since_clock_check = Some(0);
            desk.out.event(CollectorEvent::ClockLost { meter: self.meter });
            // Under UTC, unless the meter has said where it lives: it names the instant either way.
            self.set_clock(0, lost.deviation().unwrap_or(0), on_the_way, desk);
            return Ok(());
        }
        let wrong = desk.compare(clock, on_the_way)?;
        let zone = clock.and_then(|clock| clock.deviation()).filter(|_| may);
        match wrong.zip(zone) {
            Some((ahead_ms, _)) if desk.is_beyond(ahead_ms) => {
                let (meter, by_ms) = (self.meter, ahead_ms.saturating_neg());
                desk.out.event(CollectorEvent::ClockBeyondLimit { meter, by_ms });
                self.proceed(desk);
            }
            Some((ahead_ms, zone)) => self.set_clock(ahead_ms, zone, on_the_way, desk),
            None => self.proceed(desk),
        }
        Ok(())
    }

    /// The clock shall be set, whatever it tells.
    pub(super) fn on_ordered_clock(
        &mut self,
        clock: Option<ClockTime>,
        desk: &mut Desk<'_>,
    ) -> Result<(), Unexpected> {
        let on_the_way = desk.now.since(self.requested) / 2;
        if !desk.trusted {
            self.finish_order(OrderEnd::NoTrust, desk);
            self.proceed(desk);
            return Ok(());
        }
        let is_lost = clock.is_some_and(|clock| clock.utc().is_none());
        let Some(zone) = clock.and_then(|clock| clock.deviation()).or(is_lost.then_some(0)) else {
            self.finish_order(OrderEnd::NoZone, desk);
            self.proceed(desk);
            return Ok(());
        };
        let told = clock.and_then(|clock| clock.utc()).unwrap_or(desk.utc).as_millis();
        let ahead_ms = told.saturating_sub((desk.utc - on_the_way).as_millis());
        self.begun = true;
        self.set_clock(ahead_ms, zone, on_the_way, desk);
        Ok(())
    }

    /// Sets the clock to the time at which the request will arrive, in the zone that the meter lives in.
    fn set_clock(&mut self, ahead_ms: i64, zone: i16, on_the_way: Duration, desk: &Desk<'_>) {
        let mut value = Vec::new();
        let mut out = Encoder::new(&mut value, CLOCK_LEN);
        out.clock_time(&ClockTime::from_utc(desk.utc + on_the_way, zone, ClockStatus::OK));
        let request = AttributeRequest::new(class::CLOCK, CLOCK, attribute::TIME);
        self.request(ClientInput::Set(request, &value), desk);
        self.phase = Phase::SettingClock(ahead_ms);
    }

    pub(super) fn on_clock_set(&mut self, ahead_ms: i64, result: DataAccessResult, desk: &mut Desk<'_>) {
        let (meter, by_ms) = (self.meter, ahead_ms.saturating_neg());
        if result == DataAccessResult::Success {
            // Whether it has helped is seen in the next session.
            desk.meter.since_clock_check = None;
            desk.meter.set_back(Duration::from_millis(u64::try_from(ahead_ms).unwrap_or(0)));
            desk.out.event(CollectorEvent::ClockSet { meter, by_ms });
        } else {
            desk.out.event(CollectorEvent::ClockNotSet { meter, result });
        }
        if self.begun {
            let end = match result {
                DataAccessResult::Success => OrderEnd::Done(Vec::new()),
                denied => OrderEnd::Denied(0, Denial::Access(denied)),
            };
            self.finish_order(end, desk);
        }
        self.proceed(desk);
    }
}

impl Desk<'_> {
    /// Whether a clock is too wrong to be set without an order.
    fn is_beyond(&self, ahead_ms: i64) -> bool {
        self.config.clock_set_max.is_some_and(|most| u128::from(ahead_ms.unsigned_abs()) > most.as_millis())
    }

    /// By how many milliseconds the clock of the meter is ahead, when its answer was `on_the_way` for so long; `None` if that may
    /// be right: the way there may have taken all of the time that both took, or nothing.
    fn compare(&mut self, clock: Option<ClockTime>, on_the_way: Duration) -> Result<Option<i64>, Unexpected> {
        self.meter.since_clock_check = Some(0);
        let clock = clock.and_then(|clock| clock.utc()).ok_or(Unexpected::Clock)?;
        let told = self.utc - on_the_way;
        let ahead_ms = clock.as_millis().saturating_sub(told.as_millis());
        let deviation = Duration::from_millis(ahead_ms.unsigned_abs());
        if deviation <= self.config.clock_tolerance + on_the_way {
            return Ok(None);
        }
        let (meter, ahead) = (self.meter.entry.eui64, ahead_ms > 0);
        self.out.event(CollectorEvent::ClockDeviation { meter, deviation, ahead });
        Ok(Some(ahead_ms))
    }
}
