//! Push setup, class 40 version 2 \[BB 4.4.8\]. What is pushed is restricted as its list says; there are no protection parameters,
//! so that a push is protected as the association of its client is.

mod push_object;

pub use push_object::{PushObject, Restriction};

use super::object::{attributes, no_parameter, stored_attributes};
use super::value::structure;
use super::{AnyValue, Effect, Effects, Enumerated, List, Moment, Object, Octets, Value};
use crate::apdu::{ActionResult, DataAccessResult};
use crate::axdr::Data;
use crate::cosem::{ClockTime, LogicalName, Wall};
use crate::specs::objects::{DESTINATION_LEN_MAX, PUSH_OBJECTS_MAX, PUSH_PROTECTIONS_MAX, PUSH_WINDOWS_MAX};
use core::time::Duration;
use plc_core::Instant;

structure! {
    /// send_destination_and_method.
    Destination {
        /// 0 TCP, 1 UDP, ..
        transport: Enumerated,
        /// The address, in the way of the transport.
        address: Octets<DESTINATION_LEN_MAX>,
        /// 0 an APDU.
        message: Enumerated,
    }
}

structure! {
    /// window_element.
    Window {
        /// When it opens; parts may be left open.
        start: ClockTime,
        /// When it closes.
        end: ClockTime,
    }
}

structure! {
    /// repetition_delay.
    RepetitionDelay {
        /// Seconds before the first repetition.
        min: u16,
        /// Hundredths by which each delay is multiplied to make the next.
        exponent: u16,
        /// Seconds that no delay exceeds.
        max: u16,
    }
}

structure! {
    /// confirmation_parameters.
    ConfirmationParameters {
        /// From when on pushes are to be confirmed.
        start: ClockTime,
        /// Seconds between confirmed pushes.
        interval: u32,
    }
}

attributes! {
    /// What is pushed to whom, when, and how often it is tried.
    PushSetup: PUSH_SETUP {
        /// What is pushed.
        [2] objects: List<PushObject, PUSH_OBJECTS_MAX>,
        /// To whom.
        [3] destination: Destination,
        /// When; none for always.
        [4] windows: List<Window, PUSH_WINDOWS_MAX>,
        /// Seconds by which the first attempt is put off at random.
        [5] randomisation_start_interval: u16,
        /// Attempts after the first.
        [6] number_of_retries: u8,
        /// How long between attempts.
        [7] repetition_delay: RepetitionDelay,
        /// The port.
        [8] port_reference: LogicalName,
        /// The client.
        [9] push_client_sap: i8,
        /// How the data are protected besides the association.
        [10] protection_parameters: List<AnyValue, PUSH_PROTECTIONS_MAX>,
        /// 0 unconfirmed, retried on failure; 1 unconfirmed, retried without confirmation of a lower layer; 2 confirmed.
        [11] operation_method: Enumerated,
        /// When confirmation is wanted.
        [12] confirmation_parameters: ConfirmationParameters,
        /// When a push was confirmed last.
        [13] last_confirmation: ClockTime,
    } kept {} volatile {
        /// The attempt that waits, from 0, and when it is due.
        pending: Option<(u8, Instant)>,
    }
}

impl PushSetup {
    /// Pushes nothing to nobody.
    pub fn new(port_reference: LogicalName, push_client_sap: i8) -> Self {
        let unspecified = ClockTime::UNSPECIFIED;
        Self {
            objects: List::default(),
            destination: Destination {
                transport: Enumerated(1),
                address: Octets::default(),
                message: Enumerated(0),
            },
            windows: List::default(),
            randomisation_start_interval: 0,
            number_of_retries: 0,
            repetition_delay: RepetitionDelay { min: 60, exponent: 100, max: 3600 },
            port_reference,
            push_client_sap,
            protection_parameters: List::default(),
            operation_method: Enumerated(0),
            confirmation_parameters: ConfirmationParameters { start: unspecified, interval: 0 },
            last_confirmation: unspecified,
            pending: None,
        }
    }

    /// A push is wanted: its first attempt follows within the randomisation interval, by `random`. One that waits
    /// already goes first.
    pub fn trigger(&mut self, now: Instant, random: u32) {
        let spread_ms = u64::from(self.randomisation_start_interval) * 1000;
        let wait = if spread_ms == 0 { 0 } else { u64::from(random) % (spread_ms + 1) };
        self.pending.get_or_insert((0, now + Duration::from_millis(wait)));
    }

    /// Whether an attempt is to be made now. If it is, the next waits until [`Self::on_delivered`] or its time.
    pub fn step(&mut self, at: &Moment) -> bool {
        let Some((attempt, due)) = self.pending.filter(|(_, due)| *due <= at.now) else { return false };
        if !self.is_open(at.wall) {
            // When a window opens is not known to the second: look again in a minute.
            self.pending = Some((attempt, at.now + CLOSED_WINDOW_WAIT));
            return false;
        }
        let next = attempt.saturating_add(1);
        self.pending =
            (attempt < self.number_of_retries).then(|| (next, due.max(at.now) + self.delay(attempt)));
        true
    }

    /// The push has arrived: nothing is repeated.
    pub fn on_delivered(&mut self, time: Option<ClockTime>) {
        self.pending = None;
        if let Some(time) = time {
            self.last_confirmation = time;
        }
    }

    /// When the next attempt is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.pending.map(|(_, due)| due)
    }

    /// Whether pushes are to be confirmed.
    pub fn is_confirmed(&self) -> bool {
        self.operation_method == Enumerated(2)
    }

    /// How long after attempt `n`, from 0, the next is made.
    fn delay(&self, n: u8) -> Duration {
        let RepetitionDelay { min, exponent, max } = self.repetition_delay;
        let grown =
            (0..n).fold(u64::from(min), |delay, _| (delay * u64::from(exponent) / 100).min(max.into()));
        Duration::from_secs(grown.min(max.into()).max(1))
    }

    fn is_open(&self, wall: Option<Wall>) -> bool {
        let within = |window: &Window| {
            let wall = wall?;
            let on = |time: &ClockTime, days: i64| {
                let day = wall.plus_days(days);
                time.date().names(day).then(|| day.at(&time.time()))?
            };
            // A window begins on one of the days before, and has not ended since.
            let start = (0..WINDOW_DAYS_MAX)
                .find_map(|days| on(&window.start, -days).filter(|&start| start <= wall))?;
            let from = (wall.as_secs() - start.as_secs()) / 86_400;
            let end = (-from - 1..WINDOW_DAYS_MAX)
                .find_map(|days| on(&window.end, days).filter(|&end| end > start))?;
            Some(wall < end)
        };
        self.windows.is_empty() || self.windows.iter().any(|window| within(window) == Some(true))
    }
}

/// Days that a window may last. A bound of this crate.
const WINDOW_DAYS_MAX: i64 = 8;
const PUSH_OBJECT_LIST: i8 = 2;
const CLOSED_WINDOW_WAIT: Duration = Duration::from_secs(60);

impl Object for PushSetup {
    stored_attributes!();

    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        _: &Moment,
        _: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        // What could not be pushed as it says is not taken.
        if attribute == PUSH_OBJECT_LIST
            && let Some(objects) = List::<PushObject, PUSH_OBJECTS_MAX>::from_data(value)
        {
            objects.iter().try_for_each(PushObject::check)?;
        }
        self.store(attribute, value)
    }

    fn invoke(
        &mut self,
        method: i8,
        data: &Data<'_>,
        _: &Moment,
        effects: &mut Effects,
    ) -> Result<(), ActionResult> {
        no_parameter(data)?;
        if method == 1 {
            effects.push(Effect::Push);
        } else {
            self.last_confirmation = ClockTime::UNSPECIFIED;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::test;
    use alloc::vec::Vec;

    fn setup() -> PushSetup {
        let mut setup = PushSetup::new(LogicalName([0, 0, 25, 1, 0, 255]), 1);
        (setup.number_of_retries, setup.randomisation_start_interval) = (3, 10);
        setup.repetition_delay = RepetitionDelay { min: 10, exponent: 200, max: 30 };
        setup
    }

    fn moment(secs: u64) -> Moment {
        Moment { now: Instant::from_secs(secs), ..test::at(11, 22, 10, 0, 0) }
    }

    #[test]
    fn attempts_are_spread_and_repeated_after_growing_delays_until_there_are_none_left() {
        let mut setup = setup();
        setup.trigger(Instant::from_secs(100), 10_000);
        let made: Vec<u64> = (100..400).filter(|&secs| setup.step(&moment(secs))).collect();
        assert_eq!(made, [110, 120, 140, 170]);
        assert_eq!(setup.deadline(), None);
        test::check(&setup, &test::UNSET);
    }

    #[test]
    fn what_was_delivered_is_not_repeated_and_what_waits_is_not_put_off() {
        let mut setup = setup();
        setup.trigger(Instant::from_secs(100), 0);
        setup.trigger(Instant::from_secs(105), 0);
        assert!(setup.step(&moment(100)));
        let time = ClockTime::of_wall(test::at(11, 22, 10, 0, 0).wall.unwrap());
        setup.on_delivered(Some(time));
        assert_eq!((setup.deadline(), setup.last_confirmation), (None, time));
        assert_eq!(setup.invoke(2, &Data::I8(0), &test::UNSET, &mut Effects::default()), Ok(()));
        assert_eq!(setup.last_confirmation, ClockTime::UNSPECIFIED);
    }

    #[test]
    fn nothing_is_pushed_outside_the_windows() {
        let mut setup = setup();
        let daily =
            |hour| ClockTime::from_octets([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, hour, 0, 0, 0, 0x80, 0, 0xFF]);
        setup.windows = List::new(Vec::from([Window { start: daily(22), end: daily(6) }])).unwrap();
        let open = |hour, minute| setup.is_open(test::at(11, 22, hour, minute, 0).wall);
        assert!(open(23, 0) && open(3, 0) && open(22, 0) && open(5, 59));
        assert!(!open(6, 0) && !open(12, 0) && !open(21, 59));
        assert!(!setup.is_open(None));
        setup.trigger(Instant::from_secs(1), 0);
        assert!(!setup.step(&Moment { now: Instant::from_secs(1), ..test::at(11, 22, 12, 0, 0) }));
        assert!(setup.deadline() > Some(Instant::from_secs(1)));
    }
}
