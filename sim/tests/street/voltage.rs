//! The voltages of the street against the power flow of its feeder.

use sim::feeder::{Feeder, Phase};
use sim::power_flow::{Demand, PowerFlow, Source};
use sim::street::{MeterMix, Street, StreetConfig};

/// Lets nobody talk for `seconds`.
fn silence(street: &mut Street, seconds: u64) {
    let mut received = vec![0.0; street.block()];
    let end = street.now() + plc_core::time::Duration::from_secs(seconds);
    while street.now() < end {
        street.exchange(None, 40_000, &mut received);
    }
}

#[test]
fn every_meter_measures_the_voltage_that_the_power_flow_gives_its_customer_in_this_minute() {
    let feeder = Feeder::european_lv();
    let flow = PowerFlow::new(&feeder, Source::EUROPEAN_LV);
    let config = StreetConfig { customers: 4, start_second: 9 * 3600 + 24 * 60 + 50, ..StreetConfig::new(1) };
    let mut street = Street::new(&config, &feeder).expect("the street of the feeder");
    for (seconds, minute) in [(8, 564), (6, 565)] {
        silence(&mut street, seconds);
        let solution = flow.solve(&Demand::at_minute(&feeder, minute)).expect("the feeder carries its load");
        for site in street.sites() {
            let row = feeder.customer(site.identity().customer).expect("it exists");
            let fundamental = solution.voltage(row.bus, row.phase).norm();
            let measured = site.meter().application().measurement().values().elements[0].u_uv as f64 / 1e6;
            // The harmonics of a waveform add half a thousandth: 1.5, 2.5 and 1.2 %.
            let expected = fundamental * (1.0f64 + 0.015 * 0.015 + 0.025 * 0.025 + 0.012 * 0.012).sqrt();
            assert!(
                (measured - expected).abs() < 0.05,
                "{minute}, {}: {measured} V, {expected} V",
                row.number
            );
        }
    }
}

#[test]
fn a_meter_of_three_phases_measures_three_voltages_that_are_not_balanced() {
    let feeder = Feeder::european_lv();
    let meters = MeterMix::ThreePhase;
    let config = StreetConfig { customers: 2, start_second: 18 * 3600, meters, ..StreetConfig::new(1) };
    let mut street = Street::new(&config, &feeder).expect("the street of the feeder");
    silence(&mut street, 3);
    for site in street.sites() {
        let values = site.meter().application().measurement().values();
        let volts = Phase::ALL.map(|phase| values.elements[phase.index()].u_uv as f64 / 1e6);
        assert!(volts.iter().all(|volts| (235.0..256.0).contains(volts)), "{volts:?}");
        assert!((volts[0] - volts[1]).abs() > 0.05 || (volts[1] - volts[2]).abs() > 0.05, "{volts:?}");
    }
}
