//! The short form of the chaos: `cargo run --release -p headend --bin chaos -- --rounds 200` is the long one.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::process::Command;

#[test]
fn nothing_is_lost_when_everything_breaks_a_few_times() {
    // The head-end's program stands beside the other.
    assert!(std::path::Path::new(env!("CARGO_BIN_EXE_concentrator-headend")).exists());
    let output =
        Command::new(env!("CARGO_BIN_EXE_chaos")).args(["--rounds", "12", "--seed", "3"]).output().unwrap();
    let (said, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{failed}");
    assert!(said.contains("12 rounds") && said.contains("none missing, none twice"), "{said}");
}
