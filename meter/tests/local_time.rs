//! Days, months and tariffs are those of the wall, over both changes of daylight saving.

mod mains;

use dlms::classes::{Snapshot, WallClock};
use dlms::cosem::ClockTime;
use mains::config;
use meter::objects::names;
use meter::specs::status;
use meter::{
    ApplicationInput, ApplicationOutput, MeterApplication, MeterConfig, MeterPersist, MeterState,
    ProfileSizes, Row,
};
use metrology::{Steady, SteadyElement};
use plc_core::{Instant, Machine, Utc, UtcAnchor};
use std::time::Duration;

const SIZES: ProfileSizes = ProfileSizes { capture_period_s: 900, load: 2000, daily: 40, monthly: 15 };
const EPOCH: Instant = Instant::from_secs(100);

/// One hour ahead of UTC, two from the last Sunday of March to the last of October.
fn paris() -> WallClock {
    let rule =
        |month, hour| ClockTime::from_octets([0xFF, 0xFF, month, 0xFE, 7, hour, 0, 0, 0, 0x80, 0, 0xFF]);
    let mut clock = WallClock::new(1);
    clock.time_zone = -60;
    (clock.daylight_savings_begin, clock.daylight_savings_end) = (rule(3, 2), rule(10, 3));
    (clock.daylight_savings_deviation, clock.daylight_savings_enabled) = (60, true);
    clock
}

fn utc(month: u8, day: u8, hour: u8, minute: u8) -> Utc {
    Utc::from_civil(2026, month, day, hour, minute, 0).expect("a date")
}

/// A meter that lives by a clock, with one kilowatt of load; what it has asked to be made durable is kept beside it.
struct Life {
    app: MeterApplication,
    kept: MeterState,
    /// UTC at [`EPOCH`].
    began: Utc,
}

impl Life {
    fn new(clock: &WallClock, sizes: ProfileSizes, began: Utc) -> Self {
        let state = MeterState { objects: vec![Snapshot::of(names::CLOCK, clock)], ..MeterState::default() };
        let app = MeterApplication::new(MeterConfig { profiles: sizes, state: state.clone(), ..config() })
            .expect("a good configuration");
        let mut life = Self { app, kept: state, began };
        life.handle(began, sizes, ApplicationInput::Clock(UtcAnchor { at: EPOCH, utc: began }));
        life.steady(began, sizes);
        life
    }

    fn handle(&mut self, utc: Utc, sizes: ProfileSizes, input: ApplicationInput<'_>) {
        let ms = u64::try_from(utc.as_millis() - self.began.as_millis()).expect("time goes on");
        self.app.handle(EPOCH + Duration::from_millis(ms), input);
        while let Some(output) = self.app.poll() {
            if let ApplicationOutput::Persist(record @ MeterPersist::Captured(_)) = output {
                self.kept.keep(&record, &sizes);
            }
        }
    }

    fn steady(&mut self, utc: Utc, sizes: ProfileSizes) {
        let element = SteadyElement::sinusoidal(250_000_000, 4_000_000, 1_000_000);
        let steady = Steady::new(50_000, [element, SteadyElement::default(), SteadyElement::default()])
            .expect("small");
        self.handle(utc, sizes, ApplicationInput::Steady(&steady));
    }

    /// Lives in steps of a quarter of an hour.
    fn until(&mut self, from: Utc, to: Utc, sizes: ProfileSizes) {
        let mut now = from;
        while now < to {
            now = now + Duration::from_secs(900);
            self.steady(now, sizes);
        }
    }

    fn times(rows: &[Row]) -> Vec<Utc> {
        rows.iter().map(|row| row.utc).collect()
    }
}

/// Hours at one kilowatt between each row and the next.
fn hours(rows: &[Row]) -> Vec<u64> {
    rows.windows(2).map(|two| (two[1].import_mwh - two[0].import_mwh + 500_000) / 1_000_000).collect()
}

#[test]
fn days_and_months_are_billed_at_local_midnight_when_daylight_saving_begins() {
    let (from, to) = (utc(3, 27, 12, 0), utc(4, 2, 0, 0));
    let mut life = Life::new(&paris(), SIZES, from);
    life.until(from, to, SIZES);
    let state = life.app.state();
    let midnights = [
        utc(3, 27, 23, 0),
        utc(3, 28, 23, 0),
        utc(3, 29, 22, 0),
        utc(3, 30, 22, 0),
        utc(3, 31, 22, 0),
        utc(4, 1, 22, 0),
    ];
    assert_eq!(Life::times(&state.daily), midnights);
    assert_eq!(hours(&state.daily), [24, 23, 24, 24, 24]);
    assert_eq!(Life::times(&state.monthly), [utc(3, 31, 22, 0)]);
    assert_eq!(
        (&life.kept.daily, &life.kept.monthly),
        (&state.daily, &state.monthly),
        "and so they are kept"
    );
}

#[test]
fn the_day_on_which_daylight_saving_ends_has_25_hours() {
    let (from, to) = (utc(10, 23, 12, 0), utc(11, 2, 0, 0));
    let mut life = Life::new(&paris(), SIZES, from);
    life.until(from, to, SIZES);
    let state = life.app.state();
    assert_eq!(hours(&state.daily), [24, 25, 24, 24, 24, 24, 24, 24, 24]);
    assert_eq!(Life::times(&state.monthly), [utc(10, 31, 23, 0)]);
    // Of the quarters that the wall shows twice, each has a row.
    let twice = state.load.iter().filter(|row| (utc(10, 25, 0, 0)..utc(10, 25, 2, 0)).contains(&row.utc));
    assert_eq!(twice.count(), 8);
}

#[test]
fn rows_say_whether_daylight_saving_is_in_force() {
    for (change, before, after) in
        [(utc(3, 29, 1, 0), 0, status::DAYLIGHT_SAVING), (utc(10, 25, 1, 0), status::DAYLIGHT_SAVING, 0)]
    {
        let from = Utc::from_millis(change.as_millis() - 3_600_000);
        let mut life = Life::new(&paris(), SIZES, from);
        life.until(from, change + Duration::from_secs(1800), SIZES);
        let marks: Vec<_> =
            life.app.state().load.iter().map(|row| row.status & status::DAYLIGHT_SAVING).collect();
        assert_eq!(marks, [before, before, before, before, after, after, after]);
    }
}

#[test]
fn a_night_of_the_tariff_lasts_seven_or_nine_hours_when_the_wall_jumps() {
    for (from, to, night) in [
        (utc(3, 28, 21, 0), utc(3, 29, 4, 0), 7),
        (utc(6, 28, 20, 0), utc(6, 29, 4, 0), 8),
        (utc(10, 24, 20, 0), utc(10, 25, 5, 0), 9),
    ] {
        // Three hours of day before, and three after.
        let (begin, end) =
            (Utc::from_millis(from.as_millis() - 10_800_000), to + Duration::from_secs(10_800));
        let mut life = Life::new(&paris(), SIZES, begin);
        life.until(begin, end, SIZES);
        let rates = life.app.state().rates.by_rate.map(|counted| (counted[0] + 500_000) / 1_000_000);
        assert_eq!(rates, [6, night, 0, 0], "{from}");
    }
}

#[test]
fn an_hourly_profile_of_a_zone_with_half_an_hour_has_its_boundaries_at_local_hours() {
    let mut kolkata = WallClock::new(1);
    kolkata.time_zone = -330;
    let sizes = ProfileSizes { capture_period_s: 3600, ..SIZES };
    let from = utc(6, 30, 15, 0);
    let mut life = Life::new(&kolkata, sizes, from);
    life.until(from, utc(6, 30, 20, 0), sizes);
    let state = life.app.state();
    let minutes: Vec<_> =
        state.load.iter().map(|row| (row.utc.civil().hour, row.utc.civil().minute)).collect();
    assert_eq!(minutes, [(15, 30), (16, 30), (17, 30), (18, 30), (19, 30)]);
    assert_eq!(Life::times(&state.daily), [utc(6, 30, 18, 30)], "midnight there");
    assert_eq!(Life::times(&state.monthly), [utc(6, 30, 18, 30)], "and the first of July");
}
