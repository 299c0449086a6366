//! Register monitor, class 21 \[BB 4.5.6\].

use super::object::{attributes, stored_attributes};
use super::value::structure;
use super::{AnyValue, AttributeReference, Bits, Effects, List, Moment, Object, ScriptReference};
use crate::apdu::DataAccessResult;
use crate::axdr::Data;
use crate::specs::objects::THRESHOLDS_MAX;
use alloc::vec::Vec;

structure! {
    /// action_set: what happens when a threshold is crossed.
    ThresholdActions {
        /// Upwards.
        up: ScriptReference,
        /// Downwards.
        down: ScriptReference,
    }
}

attributes! {
    /// Scripts that are executed when a value crosses thresholds.
    RegisterMonitor: REGISTER_MONITOR {
        /// Of the type of the monitored value.
        [2] thresholds: List<AnyValue, THRESHOLDS_MAX>,
        /// What is monitored.
        [3] monitored_value: AttributeReference,
        /// One per threshold.
        [4] actions: List<ThresholdActions, THRESHOLDS_MAX>,
    } kept {
        /// Above which thresholds the value is.
        above: Bits<THRESHOLDS_MAX>,
    } volatile {}
}

impl RegisterMonitor {
    /// Monitors an attribute, without thresholds.
    pub fn new(monitored_value: AttributeReference) -> Self {
        let above = Bits::zeros(THRESHOLDS_MAX);
        Self { thresholds: List::default(), monitored_value, actions: List::default(), above }
    }

    /// The value is now `value`: the scripts of the thresholds that it has crossed, in their order.
    pub fn observe(&mut self, value: i64) -> Vec<ScriptReference> {
        let mut scripts = Vec::new();
        for (n, (threshold, actions)) in self.thresholds.iter().zip(self.actions.iter()).enumerate() {
            let Some(threshold) = threshold.number() else { continue };
            let (was, is) = (self.above.has(n), value > threshold);
            if was != is {
                self.above.put(n, is);
                scripts.extend(if is { actions.up.some() } else { actions.down.some() });
            }
        }
        scripts
    }

    /// Whether all thresholds are of the type of `value`, the monitored value.
    pub fn fits(&self, value: &Data<'_>) -> bool {
        self.thresholds.iter().all(|threshold| threshold.is_like(value))
    }
}

impl Object for RegisterMonitor {
    stored_attributes!();

    /// The comparison begins anew with other thresholds or another value.
    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        _: &Moment,
        _: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        self.store(attribute, value)?;
        if attribute != 4 {
            self.above = Bits::zeros(THRESHOLDS_MAX);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::{Value, test};
    use crate::cosem::LogicalName;

    fn script(selector: u16) -> ScriptReference {
        ScriptReference { table: LogicalName([0, 0, 10, 0, 106, 255]), selector }
    }

    fn monitor() -> RegisterMonitor {
        let monitored = AttributeReference {
            class_id: 3,
            logical_name: LogicalName([1, 0, 31, 7, 0, 255]),
            attribute: 2,
        };
        let mut monitor = RegisterMonitor::new(monitored);
        let thresholds = List::<_, 9>::new([10u32, 20].iter().map(AnyValue::of).collect()).unwrap();
        let actions =
            [(1, 2), (3, 0)].map(|(up, down)| ThresholdActions { up: script(up), down: script(down) });
        assert_eq!(test::write(&mut monitor, 2, &thresholds.to_value()), Ok(()));
        let actions = List::<_, 9>::new(actions.to_vec()).unwrap();
        assert_eq!(test::write(&mut monitor, 4, &actions.to_value()), Ok(()));
        monitor
    }

    #[test]
    fn crossing_a_threshold_executes_its_script_once() {
        let mut monitor = monitor();
        let mut selectors =
            |value| monitor.observe(value).iter().map(|script| script.selector).collect::<Vec<_>>();
        assert_eq!(selectors(10), []);
        assert_eq!(selectors(11), [1]);
        assert_eq!(selectors(12), []);
        assert_eq!(selectors(25), [3]);
        assert_eq!(selectors(5), [2], "the second has no script downwards");
        assert_eq!(selectors(25), [1, 3]);
        test::check(&monitor, &test::UNSET);
    }

    #[test]
    fn thresholds_have_the_type_of_the_value() {
        let monitor = monitor();
        assert!(monitor.fits(&Data::U32(0)) && !monitor.fits(&Data::I32(0)));
    }
}
