//! A line that is hardly usable, and one that is not.

use crate::concentrator::{Concentrator, FIRST_CAPTURE, config};
use plc_core::time::Duration;
use sim::street::StreetConfig;

/// A street of two customers after the first capture, with this mean ratio on its worst link.
fn street(snr_db: Option<f64>, seconds: u64) -> Concentrator {
    let mut concentrator = Concentrator::new(&StreetConfig { snr_db, ..config(2, 5, 60) });
    concentrator.run_until(FIRST_CAPTURE + Duration::from_secs(seconds), |_| false);
    concentrator
}

fn retries(concentrator: &Concentrator) -> u32 {
    let meters = concentrator.street.sites().iter().map(|site| site.meter().node());
    meters.chain([&concentrator.node]).map(|node| node.mac().counters().retries).sum()
}

#[test]
fn on_a_bad_line_frames_are_repeated_and_no_value_is_ever_wrong() {
    let good = street(None, 60);
    let bad = street(Some(-1.0), 200);
    assert!(retries(&bad) > retries(&good), "{} and {}", retries(&bad), retries(&good));
    assert!(!bad.readings.is_empty(), "{:?}", bad.log);
    for (name, reading) in &bad.readings {
        assert_eq!(good.readings.get(name), Some(reading));
    }
}

#[test]
fn on_a_line_drowned_in_noise_nothing_joins_and_nothing_is_stored() {
    let drowned = street(Some(-15.0), 20);
    assert!(drowned.joined.is_empty() && drowned.readings.is_empty());
    let sites = drowned.street.sites();
    assert!(sites.iter().all(|site| site.meter().node().address().is_none()));
    let sent = |site: &sim::street::Site| site.meter().node().mac().counters().tx_frames;
    assert!(sites.iter().all(|site| sent(site) > 0), "they have tried");
}
