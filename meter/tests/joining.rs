//! The meter and its network.

mod alone;
mod mains;

use alone::whole;
use meter::{MeterEvent, MeterOutput};
use plc_core::Machine;

#[test]
fn a_meter_asks_to_join_by_itself_and_keeps_trying() {
    let mut meter = whole();
    let mut failures = 0;
    for _ in 0..100_000 {
        while let Some(output) = meter.poll() {
            failures += usize::from(matches!(output, MeterOutput::Event(MeterEvent::Network(_))));
        }
        let Some(at) = meter.deadline().filter(|_| failures < 3) else { break };
        meter.tick(at);
    }
    assert_eq!(failures, 3, "attempts to join fail one after the other on an empty line");
}
