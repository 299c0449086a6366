//! What is wanted of meters, by the program, from the real daemon, on the emulated line.

use crate::process::{concentrator, wait_for};
use crate::town::{Daemon, Town, dump};
use concentrator::jobs::audit;
use concentrator_proto::v1::MeterState;

/// The exit code of a command to the daemon, and what it printed.
pub(crate) fn ask(daemon: &Daemon, arguments: &[&str]) -> (Option<i32>, String) {
    let ended = concentrator(&[arguments, &["--address", &daemon.url]].concat()).end();
    (ended.code, [ended.out, ended.err].concat().join("\n"))
}

pub(crate) fn joined(daemon: &mut Daemon, count: usize) -> Vec<String> {
    wait_for("all meters in the network", || {
        let meters = daemon.client.meters();
        let joined = |state| matches!(state, MeterState::Joined | MeterState::Reading);
        let ids: Vec<_> = meters.iter().filter(|m| joined(m.state())).map(|m| m.id.clone()).collect();
        (ids.len() == count).then_some(ids)
    })
}

#[test]
fn a_meter_is_read_at_once_switched_off_and_on_and_every_command_is_on_record() {
    let town = Town::new(2);
    let mut daemon = town.daemon();
    let ids = joined(&mut daemon, 2);
    // A meter that was switched on a moment ago has captured nothing yet.
    wait_for("the first captures of both", || (dump(&town.store()).len() >= 4).then_some(()));
    let (code, said) = ask(&daemon, &["read", "--now", &ids[0]]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("done") && said.contains("active energy import"), "{said}");
    let (code, said) = ask(&daemon, &["jobs", "submit", "disconnect", &ids[1], "--wait", "--key", "off"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the switch is open"), "{said}");
    let (code, said) = ask(&daemon, &["jobs", "submit", "reconnect", &ids[1], "--wait"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = ask(&daemon, &["jobs", "submit", "set-clock", "--all", "--wait"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = ask(&daemon, &["jobs", "submit", "read", &ids[1], "--key", "off"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("used by job 2"), "{said}");
    let (code, said) = ask(&daemon, &["jobs", "submit", "remove", &ids[1], "--wait"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = ask(&daemon, &["explain", &ids[1]]);
    assert!(code == Some(0) && said.contains("removed from the network by a job"), "{code:?} {said}");
    let (code, said) = ask(&daemon, &["meters", "--sort", "worst", "--json"]);
    assert!(code == Some(0) && said.contains("\"available_percent\":"), "{said}");
    assert_eq!(daemon.terminate().code, Some(0));
    let folder = town.store().parent().unwrap().to_owned();
    let proved = concentrator(&["audit", "verify", "--dir", folder.to_str().unwrap()]).end();
    assert_eq!(proved.code, Some(0), "{proved:?}");
    let entries = audit::verify(&folder.join(audit::LOG), &audit::public_key(&folder).unwrap()).unwrap();
    let whats: Vec<_> = entries.iter().map(|entry| entry.what.as_str()).collect();
    assert_eq!(whats.iter().filter(|what| **what == "submit").count(), 5, "{entries:?}");
    assert_eq!(whats.iter().filter(|what| **what == "finished").count(), 5, "{entries:?}");
}

#[test]
fn a_job_survives_a_power_cut_and_is_done_by_the_next_daemon() {
    let town = Town::new(1);
    let mut first = town.daemon();
    let ids = wait_for("a meter of the configuration", || {
        let meters = first.client.meters();
        meters.first().map(|meter| vec![meter.id.clone()])
    });
    let (code, said) = ask(&first, &["jobs", "submit", "read", &ids[0], "--within", "86400", "--json"]);
    assert_eq!(code, Some(0), "{said}");
    first.kill();
    let second = town.daemon();
    wait_for("the job done", || {
        let (_, said) = ask(&second, &["jobs", "show", "1", "--json"]);
        said.contains("\"state\":\"finished\"").then_some(())
    });
    assert_eq!(second.terminate().code, Some(0));
}
