//! What is read is what was put in.

use crate::concentrator::{Concentrator, FIRST_CAPTURE, PERIOD, config};
use dlms::cosem::LogicalName;

/// Active energy import, total \[OBIS 1-0:1.8.0\].
const ACTIVE_IMPORT: LogicalName = LogicalName([1, 0, 1, 8, 0, 255]);
/// Largest error of a class 1 meter \[62053-21 7\].
const CLASS_LIMIT: f64 = 0.01;

#[test]
fn two_customers_join_and_what_is_read_of_a_period_is_what_was_put_in() {
    let mut concentrator = Concentrator::new(&config(2, 1, 60));
    let last = FIRST_CAPTURE + PERIOD;
    concentrator.run_until(last + PERIOD, |c| c.has_read(last));
    assert_eq!(concentrator.joined.len(), 2);
    for site in concentrator.street.sites() {
        let wh = |capture| {
            let reading = concentrator.readings[&(site.identity().eui64, ACTIVE_IMPORT, capture)];
            assert_eq!(reading.unit, 30, "Wh");
            reading.value as f64 * 10f64.powi(reading.scaler.into())
        };
        let truth = site.energy_wh(last).unwrap() - site.energy_wh(FIRST_CAPTURE).unwrap();
        let error = (wh(last) - wh(FIRST_CAPTURE)) / truth - 1.0;
        assert!(truth > 1.0 && error.abs() < CLASS_LIMIT, "{truth} Wh, error {error}");
    }
}
