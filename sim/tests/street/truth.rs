//! What a street knows of the energy that it puts into its meters.

use crate::concentrator::{FIRST_CAPTURE, config};
use plc_core::Seed;
use plc_core::time::Duration;
use sim::feeder::Feeder;
use sim::household::{Household, RATE};
use sim::street::Street;

#[test]
fn the_energy_of_each_minute_is_that_of_the_samples_and_other_times_have_none() {
    let feeder = Feeder::european_lv();
    let config = config(3, 4, 180);
    let mut street = Street::new(&config, &feeder).unwrap();
    let mut received = vec![0.0; street.block()];
    while street.utc() < FIRST_CAPTURE + Duration::from_secs(1) {
        street.exchange(None, u64::MAX, &mut received);
    }
    for site in street.sites() {
        let customer = site.identity().customer;
        let mut household =
            Household::of(&feeder, customer, config.start_second, &Seed::from_u64(4)).unwrap();
        let mut minute = vec![0; 60 * RATE as usize];
        let mut current = minute.clone();
        for n in 0..4 {
            let at = config.start + Duration::from_secs(60 * n);
            // At another voltage it is the same power, cut into segments at another angle.
            let (told, own) = (site.energy_wh(at).expect("a whole minute"), household.energy_wh());
            assert!((told - own).abs() <= 1e-6 * own, "{at}: {told} Wh, {own} Wh");
            household.fill(&mut minute, &mut current);
        }
        assert!(site.energy_wh(FIRST_CAPTURE) > Some(0.0));
        let (ms, minute) = (Duration::from_millis(1), Duration::from_secs(60));
        for at in [FIRST_CAPTURE - ms, FIRST_CAPTURE + ms, config.start - minute, FIRST_CAPTURE + minute] {
            assert_eq!(site.energy_wh(at), None, "{at}");
        }
    }
}
