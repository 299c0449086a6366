//! A line that is hardly usable, and one that is not.

use crate::concentrator::{Concentrator, FIRST_CAPTURE, config};
use plc_core::time::Duration;
use sim::street::StreetConfig;

/// A street so many seconds after the first capture, with this mean ratio on its worst link.
fn street(customers: usize, snr_db: Option<f64>, seconds: u64) -> Concentrator {
    let mut concentrator = Concentrator::new(&StreetConfig { snr_db, ..config(customers, 5, 60) });
    concentrator.run_until(FIRST_CAPTURE + Duration::from_secs(seconds), |_| false);
    concentrator
}

fn retries(concentrator: &Concentrator) -> u32 {
    let meters = concentrator.street.sites().iter().map(|site| site.meter().node());
    meters.chain([&concentrator.node]).map(|node| node.mac().counters().retries).sum()
}

#[test]
fn on_a_bad_line_frames_are_repeated_and_no_value_is_ever_wrong() {
    let good = street(2, None, 60);
    for db in [-1.0, -2.0] {
        let bad = street(2, Some(db), 120);
        let [few, many] = [&good, &bad].map(retries);
        assert!(many > few, "{db} dB: {many} retries, {few} on a good line");
        assert!(!bad.readings.is_empty(), "{db} dB: {:?}", bad.log);
        for (name, reading) in &bad.readings {
            assert_eq!(good.readings.get(name), Some(reading), "{db} dB");
        }
    }
}

#[test]
fn on_a_line_drowned_in_noise_nothing_joins_and_nothing_is_stored() {
    let drowned = street(1, Some(-15.0), 20);
    assert!(drowned.joined.is_empty() && drowned.readings.is_empty());
    let sites = drowned.street.sites();
    assert!(sites.iter().all(|site| site.meter().node().address().is_none()));
    let sent = |site: &sim::street::Site| site.meter().node().mac().counters().tx_frames;
    assert!(sites.iter().all(|site| sent(site) > 0), "they have tried");
}
