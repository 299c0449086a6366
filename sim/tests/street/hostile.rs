//! A concentrator whose converter has gone mad.

use crate::concentrator::{Concentrator, FIRST_CAPTURE, config};
use plc_core::Seed;
use plc_core::time::Duration;
use rand_core::Rng;
use sim::feeder::Feeder;
use sim::street::{Street, StreetConfig, StreetError};

/// Samples that no converter should send.
fn madness(block: usize) -> Vec<Vec<f32>> {
    let mut stream = Seed::from_u64(6).stream();
    let mut any_bits = || -> Vec<f32> { (0..block).map(|_| f32::from_bits(stream.next_u32())).collect() };
    let mut blocks: Vec<_> = (0..100).map(|_| any_bits()).collect();
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, -f32::MAX, 1e30, f32::MIN_POSITIVE] {
        blocks.extend(std::iter::repeat_n(vec![value; block], 20));
        blocks.push((0..block).map(|n| if n % 7 == 0 { value } else { 0.0 }).collect());
    }
    blocks
}

#[test]
fn no_sample_of_the_concentrator_makes_a_street_panic_or_deaf() {
    let config = config(2, 9, 30);
    let mut street = Street::new(&config, &Feeder::european_lv()).unwrap();
    let mut received = vec![0.0; street.block()];
    for (n, block) in madness(street.block()).iter().enumerate() {
        street.exchange(Some(block), 0, &mut received);
        if n % 10 == 0 {
            street.exchange(None, [0, 1, 139, 1000, u64::MAX][n / 10 % 5], &mut received);
        }
    }
    let mut concentrator = Concentrator::of(street, 9);
    concentrator.run_until(FIRST_CAPTURE + Duration::from_secs(60), |c| c.joined.len() == 2);
    assert_eq!(concentrator.joined.len(), 2, "{:?}", concentrator.log);
}

#[test]
fn a_street_without_customers_or_blocks_is_not_built() {
    let built = |config| Street::new(&config, &Feeder::european_lv()).map(|_| ());
    for customers in [0, 56] {
        let refused = Err(StreetError::Customers { asked: customers, available: 55 });
        assert_eq!(built(config(customers, 1, 60)), refused);
    }
    for block in [0, 8001] {
        assert_eq!(built(StreetConfig { block, ..config(1, 1, 60) }), Err(StreetError::Block(block)));
    }
}
