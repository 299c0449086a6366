//! The actions of a scenario.

use super::seconds;
use super::section::Section;
use crate::feeder::Phase;
use crate::world::{Action, Choice};
use plc_core::time::Duration;

/// What there is to do.
const EXPECTED: &str = "power-off, power-on, crash, cut, noise, quiet, clock, firmware, disk-full, replay, forged-join or full-table";
/// The longest time until an action, seconds.
const AT_MAX_S: f64 = 3600.0 * 24.0 * 366.0;

/// Reads one section: one action, or two where something ends by itself; it begins before the scenario ends.
pub(super) fn read(
    section: &mut Section<'_>,
    (meters, recorders): (usize, usize),
    end: Duration,
) -> Vec<(Duration, Action)> {
    let at = seconds(section.needed("at_s", (0.0, AT_MAX_S)));
    if at >= end {
        let expected = format!("less than the {} s of the scenario", end.as_secs_f64());
        section.fault("at_s", &at.as_secs_f64().to_string(), &expected);
    }
    let kind = section.text("do", "");
    let meter = |section: &mut Section<'_>| section.needed_whole("meter", (1, meters as u64)) as usize;
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
            let node = section.needed_whole("node", (0, meters as u64)) as usize;
            vec![(at, Action::NoiseSource { node, level_db: None })]
        }
        "clock" => {
            let ahead_ms = (section.needed("ahead_s", (-86_400.0, 86_400.0)) * 1e3).round() as i64;
            vec![(at, Action::Clock { meter: meter(section), ahead_ms })]
        }
        "firmware" => vec![(at, {
            let meter = meter(section);
            firmware(section, meter)
        })],
        "disk-full" => {
            let free = at + seconds(section.number("for_s", 600.0, (0.1, AT_MAX_S)));
            vec![(at, Action::DiskFull(true)), (free, Action::DiskFull(false))]
        }
        "replay" => rogue(section, at, recorders, ("frames", 10, 256), |recorder, frames| Action::Replay {
            recorder,
            frames,
        }),
        "forged-join" => rogue(section, at, recorders, ("devices", 10, 256), |recorder, devices| {
            Action::ForgedJoin { recorder, devices }
        }),
        "full-table" => rogue(section, at, recorders, ("neighbours", 200, 1024), |recorder, neighbours| {
            Action::FullTable { recorder, neighbours }
        }),
        other => {
            section.fault("do", &format!("{other:?}"), EXPECTED);
            section.leave();
            Vec::new()
        }
    }
}

/// Firmware for a meter; one that fails its self-check, if it is to.
fn firmware(section: &mut Section<'_>, meter: usize) -> Action {
    let version = section.text("version", "2.0.0");
    if version.is_empty() || version.len() > VERSION_LEN_MAX || version.contains(char::is_whitespace) {
        let expected = format!("1 to {VERSION_LEN_MAX} octets without a space");
        section.fault("version", &format!("{version:?}"), &expected);
    }
    let octets = section.whole("octets", 20_000, (1, 262_144)) as usize;
    let verdict = section.text("self_check", "passes");
    if !["passes", "fails"].contains(&verdict.as_str()) {
        section.fault("self_check", &format!("{verdict:?}"), "passes or fails");
    }
    Action::Firmware { meter, version, octets, passes: verdict == "passes" }
}

/// The name of an image has 64 octets at most.
const VERSION_LEN_MAX: usize = 64;

/// A source of noise, for ever or for some time; all the time or so many milliseconds of each second.
fn noise(section: &mut Section<'_>, at: Duration, meters: usize) -> Vec<(Duration, Action)> {
    let node = section.needed_whole("node", (0, meters as u64)) as usize;
    let level_db = Some(section.needed("level_db", (-100.0, 20.0)));
    let mut actions = vec![(at, Action::NoiseSource { node, level_db })];
    if section.has("for_s") {
        let end = at + seconds(section.number("for_s", 1.0, (0.001, AT_MAX_S)));
        actions.push((end, Action::NoiseSource { node, level_db: None }));
    }
    actions
}

/// Something that a rogue does: which one, and how much (the key, what it is unless told, and the most).
fn rogue(
    section: &mut Section<'_>,
    at: Duration,
    recorders: usize,
    (key, default, most): (&'static str, u64, u64),
    act: impl FnOnce(usize, usize) -> Action,
) -> Vec<(Duration, Action)> {
    let much = section.whole(key, default, (1, most)) as usize;
    if recorders == 0 {
        let found = if section.has("recorder") { "there is no recorder" } else { "missing" };
        section.fault("recorder", found, "one of those that `rogue.recorders` lists");
        return Vec::new();
    }
    let recorder = section.needed_whole("recorder", (1, recorders as u64)) as usize;
    vec![(at, act(recorder - 1, much))]
}

fn choice(section: &mut Section<'_>, meters: usize) -> Choice {
    let given: Vec<_> = WAYS.into_iter().filter(|&way| section.has(way)).collect();
    if let [first, second, ..] = given[..] {
        section.fault(second, &format!("stands beside `{first}`"), "one of node, share, phase and behind");
        section.leave();
        return Choice::Node(0);
    }
    match given.first() {
        Some(&"share") => share(section),
        Some(&"phase") => phase(section),
        Some(&"behind") => {
            let meter = section.needed_whole("behind", (1, meters as u64)) as usize;
            Choice::Behind { meter, metres: section.number("metres", 0.0, (0.0, 5000.0)) }
        }
        _ => Choice::Node(section.needed_whole("node", (0, meters as u64)) as usize),
    }
}

/// The ways to say whose supply is meant.
const WAYS: [&str; 4] = ["node", "share", "phase", "behind"];

fn phase(section: &mut Section<'_>) -> Choice {
    let name = section.text("phase", "");
    let found = Phase::ALL.into_iter().zip(["L1", "L2", "L3"]).find(|(_, known)| *known == name);
    if found.is_none() {
        section.fault("phase", &format!("{name:?}"), "L1, L2 or L3");
    }
    Choice::Phase(found.map_or(Phase::ALL[0], |(phase, _)| phase))
}

fn share(section: &mut Section<'_>) -> Choice {
    let share = section.number("share", 1.0, (0.0, 1.0));
    if share == 0.0 {
        section.fault("share", "0", "more than 0 and at most 1");
    }
    Choice::Share(share)
}
