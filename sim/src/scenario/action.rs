//! The actions of a scenario.

use super::seconds;
use super::section::Section;
use crate::world::{Action, Choice};
use plc_core::time::Duration;

/// The longest time until an action, seconds.
const AT_MAX_S: f64 = 3600.0 * 24.0 * 366.0;

/// Reads one section: one action, or two where something ends by itself.
pub(super) fn read(
    section: &mut Section<'_>,
    (meters, recorders): (usize, usize),
) -> Vec<(Duration, Action)> {
    let at = seconds(section.needed("at_s", (0.0, AT_MAX_S)));
    let kind = section.text("do", "");
    let meter = |section: &mut Section<'_>| section.needed("meter", (1.0, meters as f64)) as usize;
    match kind.as_str() {
        "power-off" => vec![(at, Action::PowerOff(choice(section, meters)))],
        "power-on" => vec![(at, Action::PowerOn(choice(section, meters)))],
        "crash" => {
            let choice = choice(section, meters);
            let back = at + seconds(section.number("for_s", 5.0, (0.1, AT_MAX_S)));
            vec![(at, Action::PowerOff(choice.clone())), (back, Action::PowerOn(choice))]
        }
        "cut" => {
            let (meter, metres) = (meter(section), section.number("metres", 0.0, (0.0, 5000.0)));
            vec![(at, Action::Cut { meter, metres })]
        }
        "noise" => noise(section, at, meters),
        "quiet" => {
            let node = section.needed("node", (0.0, meters as f64)) as usize;
            vec![(at, Action::NoiseSource { node, level_db: None })]
        }
        "clock" => {
            let ahead_ms = (section.needed("ahead_s", (-86_400.0, 86_400.0)) * 1e3).round() as i64;
            vec![(at, Action::Clock { meter: meter(section), ahead_ms })]
        }
        "replay" => {
            let recorder = section.needed("recorder", (1.0, recorders as f64)) as usize;
            let frames = section.number("frames", 10.0, (1.0, 256.0)) as usize;
            vec![(at, Action::Replay { recorder: recorder.saturating_sub(1), frames })]
        }
        other => {
            let expected = "power-off, power-on, crash, cut, noise, quiet, clock or replay";
            section.fault("do", &format!("{other:?}"), expected);
            section.leave();
            Vec::new()
        }
    }
}

/// A source of noise, for ever or for some time; all the time or so many milliseconds of each second.
fn noise(section: &mut Section<'_>, at: Duration, meters: usize) -> Vec<(Duration, Action)> {
    let node = section.needed("node", (0.0, meters as f64)) as usize;
    let level_db = Some(section.needed("level_db", (-100.0, 20.0)));
    let mut actions = vec![(at, Action::NoiseSource { node, level_db })];
    if section.has("for_s") {
        let end = at + seconds(section.number("for_s", 1.0, (0.001, AT_MAX_S)));
        actions.push((end, Action::NoiseSource { node, level_db: None }));
    }
    actions
}

fn choice(section: &mut Section<'_>, meters: usize) -> Choice {
    if section.has("share") {
        return Choice::Share(section.number("share", 0.0, (0.0, 1.0)));
    }
    Choice::Node(section.needed("node", (0.0, meters as f64)) as usize)
}
