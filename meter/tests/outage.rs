//! Outages, with a clock that lasts through them and with one that does not.

mod mains;

use mains::{Mains, at, config};
use meter::specs::status;
use meter::{Crystal, MeterApplication, MeterConfig, RealTimeClock, Reserve};
use plc_core::time::Duration;

/// The status of the rows after an outage of so many seconds that began at 10:20, with a reserve of an hour; the meter is told the time
/// again ten minutes after it was back if its clock was lost.
fn after(outage_s: u64) -> Vec<(plc_core::Utc, u8)> {
    let reserve = Reserve::Battery { lasts: Duration::from_secs(3600) };
    let mut rtc = RealTimeClock::new(Crystal::default(), reserve);
    let mut mains = Mains::new();
    rtc.set(at(22, 10, 10, 0));
    mains.set_clock(at(22, 10, 10, 0));
    mains.seconds(1000.0, 600);
    rtc.run(Duration::from_secs(600), 25_000, true);
    let state = mains.app.state();
    let newest = state.load.len();
    rtc.run(Duration::from_secs(outage_s), 25_000, false);
    mains.samples += outage_s * mains::RATE;
    mains.app = MeterApplication::new(MeterConfig { state, ..config() }).expect("a good configuration");
    if let Some(utc) = rtc.utc() {
        mains.set_clock(utc);
    }
    mains.seconds(1000.0, 600);
    if rtc.utc().is_none() {
        mains.set_clock(at(22, 10, 30, 0) + Duration::from_secs(outage_s));
    }
    mains.seconds(1000.0, 1800);
    mains.app.measurement().profiles().load().iter().skip(newest).map(|row| (row.utc, row.status)).collect()
}

#[test]
fn a_clock_that_lasts_through_an_outage_leaves_the_mark_of_the_outage_alone() {
    let rows = after(1200);
    assert_eq!(rows[0], (at(22, 10, 45, 0), status::POWER_DOWN), "the boundary without samples has no row");
    assert!(rows.len() >= 3 && rows[1..].iter().all(|row| row.1 == 0), "{rows:?}");
}

#[test]
fn a_clock_that_was_lost_marks_the_first_row_after_it_was_set_again() {
    let rows = after(3660);
    assert_eq!(rows[0], (at(22, 11, 45, 0), status::POWER_DOWN | status::CLOCK_INVALID), "{rows:?}");
    assert!(rows.len() >= 2 && rows[1..].iter().all(|row| row.1 == 0), "{rows:?}");
}
