//! What is read again and again, by the real daemon, on the emulated line.

use crate::process::{concentrator, wait_for};
use crate::town::{Daemon, Town, events};
use concentrator::store::{Cursor, EventKind, StoreReader, StoredValue};
use serde_json::Value;
use std::collections::BTreeSet;

/// Added to the configuration.
const TASKS: &str = r#"
[[task]]
name = "volts"
read = "instant"
every_s = 120

[[task]]
name = "logs"
read = "events"
every_s = 120
offset_s = 60
"#;

/// The exit code of a command to the daemon, and what it printed.
fn ask(daemon: &Daemon, arguments: &[&str]) -> (Option<i32>, String) {
    let ended = concentrator(&[arguments, &["--address", &daemon.url]].concat()).end();
    (ended.code, [ended.out, ended.err].concat().join("\n"))
}

/// The lines of a command that prints JSON.
fn told(daemon: &Daemon, arguments: &[&str]) -> Vec<Value> {
    let (code, said) = ask(daemon, &[arguments, &["--json"]].concat());
    assert_eq!(code, Some(0), "{said}");
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn task(daemon: &Daemon, name: &str) -> Option<Value> {
    told(daemon, &["tasks"]).into_iter().find(|task| task["name"] == name)
}

fn values(town: &Town) -> Vec<StoredValue> {
    StoreReader::open(&town.store()).unwrap().values(None, Cursor::START, usize::MAX).unwrap()
}

/// A town whose daemon has tasks.
fn town(customers: u8) -> Town {
    let town = Town::new(customers);
    let path = town.path("daemon.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}\n{TASKS}")).unwrap();
    town
}

/// The last meter of a configuration once more, under the name and address of one that is nowhere.
fn nowhere(text: &str) -> String {
    let (_, last) = text.rsplit_once("[[meter]]").unwrap();
    let line = |line: &str| match line.split('=').next().map(str::trim) {
        Some("id") => String::from("id = \"nowhere\""),
        Some("eui64") => String::from("eui64 = \"0202020202020202\""),
        _ => line.to_owned(),
    };
    format!("[[meter]]{}", last.lines().map(line).collect::<Vec<_>>().join("\n"))
}

#[test]
fn tasks_of_the_configuration_bring_instant_values_and_each_event_once_across_a_power_cut() {
    let town = town(2);
    let daemon = town.daemon();
    wait_for("a run with both meters, and events of both", || {
        let done = |name: &str| task(&daemon, name).is_some_and(|task| task["last"]["done"] == 2);
        (done("volts") && done("logs")).then_some(())
    });
    let tasks = told(&daemon, &["tasks"]);
    let names: Vec<_> = tasks.iter().map(|task| task["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["load-profile", "volts", "logs"]);
    assert!(tasks.iter().all(|task| task["configured"] == true && task["next_ms"].is_i64()), "{tasks:?}");
    let newest = told(&daemon, &["values", "--read", "instant", "--newest"]);
    let voltages: Vec<_> = newest.iter().filter(|value| value["what"] == "voltage L1").collect();
    assert_eq!(voltages.len(), 2, "{newest:?}");
    for value in voltages {
        let (number, scaler) = (value["value"].as_i64().unwrap(), value["scaler"].as_i64().unwrap());
        let volts = number as f64 * 10f64.powi(scaler as i32);
        assert!((200.0..260.0).contains(&volts) && value["unit"] == 35, "{value}");
    }
    let id = newest[0]["meter_id"].as_str().unwrap();
    let (code, said) = ask(&daemon, &["meter", id]);
    assert!(code == Some(0), "{said}");
    for words in ["voltage L1", "power factor", "distortion of the voltage L1", "frequency", "event"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(daemon.kill().code, None);
    let before = values(&town);
    let events_before = before.iter().filter(|stored| stored.value.source[1..3] == [0, 99]).count();
    assert!(events_before > 0, "the meters were set up and switched on");

    let daemon = town.daemon();
    wait_for("another run of the logs", || {
        let again = task(&daemon, "logs")?;
        let newest = before.iter().map(|stored| stored.value.received.as_millis()).max()?;
        (again["last"]["done"] == 2 && again["last"]["at_ms"].as_i64()? > newest).then_some(())
    });
    assert_eq!(daemon.terminate().code, Some(0));
    let after = values(&town);
    assert_eq!(after[..before.len()], before, "what was durable stays, with its cursors");
    let name = |stored: &StoredValue| {
        let value = &stored.value;
        (value.meter, value.source, value.logical_name, value.capture, value.ordinal)
    };
    assert_eq!(after.iter().map(name).collect::<BTreeSet<_>>().len(), after.len(), "each once");
}

#[test]
fn tasks_come_rest_and_go_over_the_interface_and_a_run_that_misses_a_meter_is_late() {
    let town = town(2);
    let path = town.path("daemon.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let meters = text.split("[[task]]").next().unwrap();
    std::fs::write(&path, format!("{text}\n{}", nowhere(meters))).unwrap();
    let daemon = town.daemon();
    let add = ["tasks", "add", "clocks", "clock", "--every", "2m", "--offset", "30s"];
    assert_eq!(ask(&daemon, &add).0, Some(0));
    let (code, said) = ask(&daemon, &add);
    assert!(code == Some(1) && said.contains("there is one of that name already"), "{said}");
    let (code, said) = ask(&daemon, &["tasks", "add", "x", "clock", "--every", "59s"]);
    assert!(code == Some(1) && said.contains("period 59 s: expected"), "{said}");
    let (code, said) = ask(&daemon, &["tasks", "add", "x", "clock", "--every", "2m", "nobody"]);
    assert!(code == Some(1) && said.contains("meter \"nobody\": not configured"), "{said}");
    let (code, said) = ask(&daemon, &["tasks", "remove", "volts"]);
    assert!(code == Some(1) && said.contains("stands in the configuration"), "{said}");
    assert_eq!(ask(&daemon, &["tasks", "add", "x"]).0, Some(2));

    wait_for("a run without the meter that is nowhere", || {
        let late = |text: &str| text.contains("2 meters done, 0 failed, 1 late, among them 0202020202020202");
        let found = events(&town.store()).into_iter().map(|stored| stored.event);
        found.into_iter().find(|event| event.kind == EventKind::Task && late(&event.text))
    });
    wait_for("the clocks of both", || {
        let clocks = told(&daemon, &["values", "--read", "clock", "--newest"]);
        (clocks.len() == 2).then_some(())
    });
    assert_eq!(ask(&daemon, &["tasks", "pause", "clocks"]).0, Some(0));
    assert_eq!(task(&daemon, "clocks").unwrap()["state"], "paused");
    wait_for("an event of it", || {
        events(&town.store()).into_iter().find(|stored| stored.event.text.contains("clocks: paused by"))
    });
    assert_eq!(daemon.kill().code, None);

    let daemon = town.daemon();
    let kept = task(&daemon, "clocks").unwrap();
    assert_eq!((&kept["paused"], &kept["configured"]), (&Value::Bool(true), &Value::Bool(false)));
    assert_eq!(ask(&daemon, &["tasks", "resume", "clocks"]).0, Some(0));
    assert_eq!(ask(&daemon, &["tasks", "remove", "clocks"]).0, Some(0));
    assert!(task(&daemon, "clocks").is_none());
    assert_eq!(daemon.terminate().code, Some(0));
    let told: Vec<_> = events(&town.store())
        .into_iter()
        .filter(|stored| stored.event.kind == EventKind::Task)
        .map(|stored| stored.event.text)
        .collect();
    let record = concentrator(&["audit", "list", "--dir", town.path("").to_str().unwrap()]).end();
    for command in ["add-task", "pause-task", "resume-task", "remove-task"] {
        assert!(record.out.iter().any(|line| line.contains(command)), "{command}: {record:?}");
    }
    for words in ["clocks: added by this machine", "clocks: paused by", "clocks: removed by"] {
        assert!(told.iter().any(|text| text.contains(words)), "{words}: {told:?}");
    }
}
