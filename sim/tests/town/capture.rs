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
    (write(&text, scenario.town.seed, node, world.tap().entries()), frames)
}

#[test]
fn any_node_does_again_what_it_did_bit_for_bit() {
    for (name, node) in [("restart", 0), ("storm", 1), ("storm", 5), ("rogue", 7), ("jammer", 24)] {
        let (text, _) = capture(name, node);
        let replayed = replay(&text).unwrap_or_else(|error| unreachable!("{name}, node {node}: {error}"));
        assert!(replayed.frames > 5 && replayed.inputs > 100, "{name}: {replayed:?}");
    }
}

#[test]
fn a_replay_notices_another_seed_and_a_capture_that_is_spoilt() {
    let (text, _) = capture("street", 3);
    assert!(replay(&text).is_ok());
    let other = text.replacen("seed 1", "seed 2", 1);
    assert!(matches!(replay(&other), Err(CaptureError::Differs { .. })));
    let spoilt = text.replacen(" tick", " tock", 1);
    assert!(matches!(replay(&spoilt), Err(CaptureError::Line { expected: "an entry", .. })));
    assert!(matches!(replay(""), Err(CaptureError::Line { line: 1, .. })));
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
