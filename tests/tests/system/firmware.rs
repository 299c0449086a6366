//! Firmware for the meters of a street, from a file of the program, through the real daemon, over the emulated line.

use crate::jobs::{ask, joined};
use crate::process::{plcsim, wait_for};
use crate::town::{Town, dump};
use std::path::PathBuf;

/// A signed image of this release in a file of the town.
fn image(town: &Town, release: &str, octets: &str, more: &[&str]) -> PathBuf {
    let path = town.path(release);
    let file = path.to_str().unwrap();
    let arguments = [&["image", "--release", release, "--octets", octets][..], more, &[file]].concat();
    assert_eq!(plcsim(&arguments).end().code, Some(0));
    path
}

#[test]
fn an_image_survives_a_power_cut_of_the_daemon_runs_in_the_end_and_reads_go_on() {
    let town = Town::new(2);
    let file = image(&town, "7.1.0", "20000", &[]);
    let mut first = town.daemon();
    let ids = joined(&mut first, 2);
    let submit = ["jobs", "submit", "firmware", "--image", file.to_str().unwrap(), "--within", "86400"];
    let (code, said) = ask(&first, &[&submit[..], &["--all", "--json"]].concat());
    assert_eq!(code, Some(0), "{said}");
    wait_for("the transfer begun", || {
        let (_, said) = ask(&first, &["jobs", "show", "1"]);
        said.contains(" of 40 blocks").then_some(())
    });
    let before = dump(&town.store()).len();
    first.kill();
    let second = town.daemon();
    let said = wait_for("the job done", || {
        let (_, said) = ask(&second, &["jobs", "show", "1"]);
        (said.contains("finished") || said.contains("halted")).then_some(said)
    });
    assert!(said.contains("2 done, 0 failed"), "{said}");
    assert_eq!(said.matches("done; firmware 7.1.0 runs").count(), 2, "{said}");
    let (code, said) = ask(&second, &["read", "--now", &ids[0]]);
    assert_eq!(code, Some(0), "{said}");
    wait_for("what was captured since", || (dump(&town.store()).len() > before).then_some(()));
    assert_eq!(second.terminate().code, Some(0));
}

#[test]
fn an_image_that_fails_its_self_check_is_rolled_back_and_a_forged_one_never_runs() {
    let town = Town::new(1);
    let broken = image(&town, "8.0.0", "1500", &["--fails"]);
    let forged = image(&town, "8.1.0", "1500", &["--seed", "99"]);
    let sound = image(&town, "8.2.0", "1500", &[]);
    let mut daemon = town.daemon();
    let ids = joined(&mut daemon, 1);
    let run = |file: &PathBuf| {
        let file = file.to_str().unwrap();
        ask(&daemon, &["jobs", "submit", "firmware", "--image", file, &ids[0], "--wait"])
    };
    let (code, said) = run(&broken);
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("rolled back") && !said.contains("firmware 8.0.0 runs"), "{said}");
    let (code, said) = run(&forged);
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("its signature is not right"), "{said}");
    let (code, said) = run(&sound);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("done; firmware 8.2.0 runs"), "{said}");
    // The meter goes on being read after its restarts.
    let (code, said) = ask(&daemon, &["read", "--now", &ids[0]]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(daemon.terminate().code, Some(0));
}
