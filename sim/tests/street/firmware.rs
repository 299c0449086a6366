//! Firmware for a meter of the street, over its modem, with a power cut on the way.

use crate::concentrator::{Concentrator, FIRST_CAPTURE, PERIOD, config};
use collector::{Answer, OrderEnd};
use plc_core::time::Duration;
use sim::street::firmware::image;

const OCTETS: usize = 8000;
const BLOCKS: usize = OCTETS.div_ceil(512);

#[test]
fn an_image_goes_on_after_a_power_cut_of_the_meter_without_a_block_twice_and_the_meter_is_read_again() {
    let mut concentrator = Concentrator::new(&config(1, 1, 60));
    let (second, third) = (FIRST_CAPTURE + PERIOD, FIRST_CAPTURE + PERIOD * 2);
    concentrator.run_until(second, |c| c.has_read(FIRST_CAPTURE));
    assert!(concentrator.has_read(FIRST_CAPTURE), "{:?}", concentrator.log);
    concentrator.bring(&image(1, "7.1.0", true, OCTETS));
    let blocks = |c: &Concentrator| c.street.sites()[0].image_blocks().len();
    concentrator.run_until(second, |c| blocks(c) >= BLOCKS / 2);
    assert_eq!(blocks(&concentrator), BLOCKS / 2, "{:?}", concentrator.log);
    concentrator.street.cut(0, Duration::from_secs(40));
    concentrator.run_until(third + PERIOD, |c| c.image_end.is_some() && c.has_read(third));
    let end = concentrator.image_end.as_ref();
    let runs = |answer: &Answer| matches!(answer, Answer::Value(version) if version.ends_with(b"7.1.0"));
    let is_new = matches!(end, Some(OrderEnd::Done(answers)) if answers.iter().all(runs));
    assert!(is_new, "{end:?} {:?}", concentrator.log);
    let counts = concentrator.street.sites()[0].image_blocks();
    assert!(counts.len() == BLOCKS && counts.values().all(|&times| times == 1), "{counts:?}");
    assert!(concentrator.has_read(third), "it goes on measuring");
}
