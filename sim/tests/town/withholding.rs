//! What idle meters are told late changes nothing.

use crate::scenarios::scenario;
use sim::capture::Entry;
use sim::report::Report;
use sim::world::{Tap, World};

/// All reports of a scenario, and what happened to its fifth meter, with and without withholding.
fn both(name: &str) -> [([String; 3], Vec<Entry>); 2] {
    let scenario = scenario(name);
    [false, true].map(|prompt| {
        let mut world = World::tapped(scenario.town.clone(), Tap::new(Some(5), false));
        if prompt {
            world.withhold_nothing();
        }
        world.run_to(world.end());
        world.audit();
        let report = Report::new(&scenario, &world);
        ([report.text(), report.json(), report.html()], world.tap().entries().to_vec())
    })
}

#[test]
fn a_town_of_many_hops_and_of_much_noise_is_the_same_whether_idle_meters_are_told_late_or_at_once() {
    let [late, prompt] = both("jammer");
    assert_eq!(late.0, prompt.0);
    assert!(late.1 == prompt.1, "the captures of a meter differ");
}

#[test]
fn a_town_that_loses_its_power_is_the_same_whether_idle_meters_are_told_late_or_at_once() {
    let [late, prompt] = both("storm");
    assert_eq!(late.0, prompt.0);
    assert!(late.1 == prompt.1, "the captures of a meter differ");
}
