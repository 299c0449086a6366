//! Captures and what they are good for.

use super::scenarios::folder;
use sim::capture::{CaptureError, replay, write};
use sim::scenario::Scenario;
use sim::world::{Tap, World};

/// The capture of a node of a scenario that ships, and the frames on the line.
fn capture(name: &str, node: u32) -> (String, Vec<u8>) {
    let text =
        std::fs::read_to_string(folder().join(name).with_extension("toml")).expect("the scenario ships");
    let scenario = Scenario::parse(&text).expect("the scenario is good");
    let mut world = World::tapped(scenario.town.clone(), Tap::new(Some(node), true));
    world.run_to(world.end());
    let frames = world.tap().frames().expect("frames were asked for").bytes().to_vec();
    (write(&text, scenario.town.seed, node, world.tap().entries(), world.now()), frames)
}

#[test]
fn any_node_does_again_what_it_did_bit_for_bit() {
    for (name, node) in [("restart", 0), ("storm", 1), ("storm", 5), ("rogue", 7), ("jammer", 24)] {
        let (text, _) = capture(name, node);
        let replayed = replay(&text).unwrap_or_else(|error| unreachable!("{name}, node {node}: {error}"));
        assert!(replayed.frames > 5 && replayed.inputs > 100, "{name}: {replayed:?}");
    }
}

/// The number of the first line that is `wanted`, and its text.
fn line(text: &str, wanted: impl Fn(&str) -> bool) -> (usize, &str) {
    let all = text.lines().enumerate();
    let (n, line) = all.into_iter().find(|(_, line)| wanted(line)).expect("there is such a line");
    (n + 1, line)
}

/// The capture with a line changed, or left out.
fn with(text: &str, number: usize, line: Option<&str>) -> String {
    let all = text.lines().enumerate();
    let lines = all.filter_map(|(n, old)| if n + 1 == number { line } else { Some(old) });
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_replay_notices_another_seed_and_a_capture_that_is_spoilt() {
    let (text, _) = capture("street", 3);
    assert!(replay(&text).is_ok());
    let other = text.replacen("seed 1", "seed 2", 1);
    assert!(matches!(replay(&other), Err(CaptureError::Differs { .. } | CaptureError::Extra { .. })));
    let (number, _) = line(&text, |line| line.ends_with(" tick"));
    let spoilt = text.replacen(" tick", " tock", 1);
    assert_eq!(replay(&spoilt), Err(CaptureError::Line { line: number, expected: "an entry" }));
    assert!(matches!(replay(""), Err(CaptureError::Line { line: 1, .. })));
    assert!(matches!(replay("\0\u{7f}garbage\n\n"), Err(CaptureError::Line { line: 1, .. })));
    let (number, _) = line(&text, |line| line == "--- entries");
    let headless = with(&text, number, None);
    assert!(matches!(replay(&headless), Err(CaptureError::Line { line: 2, .. })));
}

#[test]
fn a_capture_that_is_cut_off_anywhere_is_noticed_and_so_is_one_that_goes_on() {
    let (text, _) = capture("street", 3);
    let lines = text.lines().count();
    let (whole, _) = text.trim_end().rsplit_once('\n').expect("it has lines");
    assert_eq!(replay(&format!("{whole}\n")), Err(CaptureError::CutOff { line: lines }));
    assert!(matches!(replay(text.trim_end()), Err(CaptureError::CutOff { line }) if line == lines));
    let half: String = text.lines().take(lines / 2).map(|line| format!("{line}\n")).collect();
    assert_eq!(replay(&half), Err(CaptureError::CutOff { line: lines / 2 + 1 }));
    let more = format!("{text}1 tick\n");
    assert!(matches!(replay(&more), Err(CaptureError::Line { line, .. }) if line == lines + 1));
}

#[test]
fn entries_that_are_missing_although_nothing_depends_on_them_are_counted() {
    let (text, _) = capture("street", 3);
    let (number, _) = line(&text, |line| line.ends_with(" false") || line.ends_with(" preamble"));
    let lines = text.lines().count();
    let last = text.lines().last().expect("it has lines");
    let fewer = with(&text, number, None);
    match replay(&fewer) {
        Err(CaptureError::Counts { line, found, told }) => {
            assert_eq!((line, found.0 + 1, found.1), (lines - 1, told.0, told.1));
        }
        Err(CaptureError::Differs { .. } | CaptureError::Extra { .. }) => {}
        other => unreachable!("{other:?}"),
    }
    let wrong = with(&text, lines, Some("--- end 1 2"));
    assert!(matches!(replay(&wrong), Err(CaptureError::Line { line, .. }) if line == lines), "{last}");
    let wrong = with(&text, lines, Some(&last.replacen("--- end ", "--- end 1", 1)));
    assert!(matches!(replay(&wrong), Err(CaptureError::Counts { line, .. }) if line == lines));
}

#[test]
fn a_frame_that_the_node_sends_besides_those_of_the_capture_is_noticed_where_it_should_stand() {
    let (text, _) = capture("street", 3);
    let starts = text.lines().enumerate().filter(|(_, line)| line.contains(" start "));
    let starts: Vec<usize> = starts.map(|(n, _)| n + 1).collect();
    assert!(starts.len() > 20);
    for &number in [starts[0], starts[starts.len() / 2], starts[starts.len() - 1]].iter() {
        let then: u64 = text
            .lines()
            .nth(number - 1)
            .and_then(|line| line.split(' ').next()?.parse().ok())
            .expect("a time");
        match replay(&with(&text, number, None)) {
            Err(CaptureError::Extra { line, at }) => {
                assert_eq!(at, then);
                // Preambles at the very moment of the start may come first.
                assert!((number..number + 3).contains(&line), "{line}, {number}");
            }
            other => unreachable!("{other:?}"),
        }
    }
}

#[test]
fn a_frame_that_the_node_still_has_to_send_at_the_end_is_noticed_too() {
    let (text, _) = capture("street", 3);
    let (number, last) = {
        let all: Vec<&str> = text.lines().collect();
        let n = all.iter().rposition(|line| line.contains(" start ")).expect("it has sent something");
        (n + 1, all[n])
    };
    let at: u64 = last.split(' ').next().and_then(|at| at.parse().ok()).expect("a time");
    let head: String = text.lines().take(number - 1).map(|line| format!("{line}\n")).collect();
    let (_, entries) = head.split_once("--- entries\n").expect("the line is there");
    let (inputs, frames) = (entries.lines().count(), entries.matches(" start ").count());
    let ended = |until: u64| format!("{head}--- end {inputs} {frames} {until}\n");
    assert!(replay(&ended(at)).is_ok(), "its time has not come");
    assert_eq!(replay(&ended(at + 1)), Err(CaptureError::Extra { line: number, at }));
}

#[test]
fn a_time_that_goes_back_and_one_behind_the_end_of_the_scenario_are_noticed() {
    let (text, _) = capture("street", 3);
    let (number, tick) = line(&text, |line| line.ends_with(" tick") && !line.starts_with("0 "));
    let at: u64 = tick.split(' ').next().and_then(|at| at.parse().ok()).expect("a time");
    let twice = with(&text, number, Some(&format!("{tick}\n0 tick")));
    assert_eq!(replay(&twice), Err(CaptureError::Backwards { line: number + 1, at: 0, before: at }));
    let error = replay(&twice).expect_err("time goes back").to_string();
    assert!(error.starts_with(&format!("line {}: 0 ns comes after {at} ns", number + 1)), "{error}");
    for bad in [format!("{} tick", u64::MAX), format!("{at} header {} 1", u64::MAX)] {
        let late = with(&text, number, Some(&bad));
        assert!(
            matches!(replay(&late), Err(CaptureError::Line { line, .. } | CaptureError::Extra { line, .. }) if line == number),
            "{bad}"
        );
    }
    let clock = with(&text, number, Some(&format!("{at} clock {}", i64::MIN)));
    assert!(matches!(replay(&clock), Err(CaptureError::Line { line, .. }) if line == number));
}

#[test]
fn a_pcapng_file_is_made_of_whole_blocks_and_holds_every_frame() {
    let (_, file) = capture("street", 0);
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four octets"));
    let (mut at, mut kinds) = (0, Vec::new());
    while at < file.len() {
        let len = word(at + 4) as usize;
        assert!(len >= 12 && len.is_multiple_of(4) && word(at + len - 4) as usize == len, "block at {at}");
        kinds.push(word(at));
        at += len;
    }
    assert_eq!(kinds[..3], [0x0A0D_0D0A, 1, 1]);
    assert!(kinds.len() > 500 && kinds[3..].iter().all(|&kind| kind == 6));
}

#[test]
fn a_capture_whose_inputs_stand_in_each_others_place_is_refused_or_replayed_but_never_panics() {
    let (text, _) = capture("street", 3);
    let (head, entries) = text.split_once("--- entries\n").expect("the line is there");
    let entries: Vec<(&str, &str)> = entries.lines().filter_map(|line| line.split_once(' ')).collect();
    let mut refused = 0;
    for n in 0..200 {
        // Every input comes at the time of every other sooner or later.
        let (at, from) = (n * 7919 % (entries.len() - 1), n * 104_729 % (entries.len() - 1));
        let what = |n: usize| if n == at { entries[from].1 } else { entries[n].1 };
        let lines = (0..entries.len()).map(|n| format!("{} {}\n", entries[n].0, what(n)));
        refused += usize::from(replay(&format!("{head}--- entries\n{}", lines.collect::<String>())).is_err());
    }
    // Most inputs are preambles and headers that pass by, of which many are alike.
    assert!(refused > 20, "{refused} of 200 were refused");
}
