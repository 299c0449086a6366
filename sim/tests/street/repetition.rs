//! The same seed is the same town.

use crate::concentrator::{Concentrator, FIRST_CAPTURE, Readings, config};
use plc_core::time::Duration;
use sim::street::StreetConfig;

/// Reads the first capture of every meter; everything that happened on the way.
fn story(config: &StreetConfig) -> (Readings, Vec<String>) {
    let mut concentrator = Concentrator::new(config);
    concentrator.run_until(FIRST_CAPTURE + Duration::from_secs(120), |c| c.has_read(FIRST_CAPTURE));
    assert!(concentrator.has_read(FIRST_CAPTURE), "{:?}", concentrator.log);
    let mut log = concentrator.site_log();
    log.append(&mut concentrator.log);
    (concentrator.readings, log)
}

#[test]
fn the_same_seed_gives_the_same_outcome_to_the_instant_and_another_seed_another() {
    let first = story(&config(2, 7, 40));
    assert_eq!(first, story(&config(2, 7, 40)));
    let other = story(&config(2, 8, 40));
    assert_ne!(first.0, other.0);
    assert_ne!(first.1, other.1);
}

#[test]
fn jumping_over_silence_changes_no_reading() {
    let jumping = config(1, 3, 40);
    let every_sample = StreetConfig { every_sample: true, ..jumping.clone() };
    assert_eq!(story(&jumping).0, story(&every_sample).0);
}
