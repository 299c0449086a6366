//! A meter that only pushes, beside one that is read: street, daemon and head-end.

use crate::head_end::{certificates, delivering, start};
use crate::jobs::ask;
use crate::process::{head_end, wait_for};
use crate::town::{Town, dump, events};
use concentrator::store::EventKind;
use std::collections::BTreeMap;

#[test]
fn what_a_meter_pushes_becomes_readings_is_delivered_and_explain_says_that_nobody_asks_it() {
    let town = Town::with(2, &["--one-way", "2"]);
    let (pki, held) = (town.path("pki"), town.path("head.sqlite"));
    certificates(&pki);
    let (head_end_process, address) = start(&pki, &held);
    delivering(&town, &address);
    let config = std::fs::read_to_string(town.path("daemon.toml")).unwrap();
    assert_eq!(config.matches("one_way = true").count(), 1, "{config}");
    let mut daemon = town.daemon();
    let ids: Vec<_> =
        daemon.client.meters().iter().map(|meter| (meter.id.clone(), meter.eui64.clone())).collect();
    let pushes = config.split("[[meter]]").find(|meter| meter.contains("one_way = true")).unwrap();
    let (deaf, other) = if pushes.contains(&ids[0].0) { (&ids[0], &ids[1]) } else { (&ids[1], &ids[0]) };
    let of = |eui64: &str| {
        let mut rows = BTreeMap::new();
        let of_it =
            dump(&town.store()).into_iter().filter(|reading| reading.reading.meter.to_string() == eui64);
        of_it.for_each(|reading| *rows.entry(reading.reading.capture).or_insert(0) += 1);
        rows
    };
    wait_for("two captures of both", || (of(&deaf.1).len() > 1 && of(&other.1).len() > 1).then_some(()));
    let rows = of(&deaf.1);
    assert!(rows.keys().all(|capture| capture.as_secs() % 900 == 0), "at the boundaries: {rows:?}");
    assert!(rows.values().all(|registers| *registers == 2), "import and export of each: {rows:?}");
    let (code, said) = ask(&daemon, &["explain", &deaf.0]);
    assert!(code == Some(0) && said.contains("it only pushes; nobody asks it anything"), "{said}");
    assert!(said.contains("is read as it should be") && said.contains("last pushed"), "{said}");
    let (_, said) = ask(&daemon, &["explain", &other.0]);
    assert!(said.contains("sessions") && !said.contains("only pushes"), "{said}");
    let (_, said) = ask(&daemon, &["read", "--now", &deaf.0]);
    assert!(said.contains("only pushes and hears nobody"), "{said}");
    wait_for("all of it is delivered", || {
        let (_, told) = ask(&daemon, &["backhaul", "--json"]);
        told.contains("\"undelivered\":0").then_some(())
    });
    let theirs = head_end(&["digests", "--store", held.to_str().unwrap(), "--bucket", "900"]).end();
    let has = |id: &str| theirs.out.iter().any(|row| row.contains(id));
    assert!(has(&deaf.1) && has(&other.1), "{theirs:?}");
    let failed = events(&town.store()).into_iter().filter(|event| event.event.kind == EventKind::ReadFailed);
    let deaf = failed.filter(|event| event.event.meter.is_some_and(|meter| meter.to_string() == deaf.1));
    assert_eq!(deaf.count(), 0, "nobody has asked it");
    assert!(daemon.is_running());
    assert_eq!(daemon.terminate().code, Some(0));
    assert_eq!(head_end_process.terminate().code, Some(0));
}
