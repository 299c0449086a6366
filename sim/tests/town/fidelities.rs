//! The same town sample by sample and frame by frame.

use plc_core::time::Duration;
use sim::compare::Comparison;
use sim::world::TownConfig;

#[test]
fn a_town_of_frames_is_one_of_samples_within_the_margins() {
    let mut town = TownConfig::new(1);
    town.duration = Duration::from_secs(25 * 60);
    let both = Comparison::new(&town, |_| ()).expect("the street can be built");
    assert!(both.agrees(), "{both:?}");
    assert!(both.frame.joined == 8 && both.frame.captures.0 >= 8, "{both:?}");
    let apart = both.frame.frames.abs_diff(both.waveform.frames);
    assert!(apart * 10 < both.waveform.frames, "as many frames within a tenth: {both:?}");
}
