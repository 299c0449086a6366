//! A daemon that is given another configuration while it runs.

use crate::process::{concentrator, wait_for};
use crate::town::{Town, events};
use concentrator::store::{EventKind, StoredEvent};
use concentrator_proto::v1::MeterState;

fn told(town: &Town) -> Vec<String> {
    let kinds = |stored: &StoredEvent| stored.event.kind == EventKind::Configuration;
    events(&town.store())
        .iter()
        .filter(|stored| kinds(stored))
        .map(|stored| stored.event.text.clone())
        .collect()
}

#[test]
fn meters_come_and_go_with_the_file_and_nobody_joins_again() {
    let town = Town::new(3);
    let path = town.path("daemon.toml");
    let whole = std::fs::read_to_string(&path).unwrap();
    town.expect_only(&whole, 0);
    let mut daemon = town.daemon();
    wait_for("the only meter is read", || {
        let meters = daemon.client.meters();
        (meters.len() == 1 && meters[0].last_reading_time_ms.is_some()).then_some(())
    });
    std::fs::write(&path, &whole).unwrap();
    daemon.signal("HUP");
    wait_for("all three are read", || {
        let meters = daemon.client.meters();
        (meters.len() == 3 && meters.iter().all(|meter| meter.last_reading_time_ms.is_some())).then_some(())
    });
    let joined = |store: &std::path::Path| {
        events(store).iter().filter(|stored| stored.event.kind == EventKind::MeterJoined).count()
    };
    assert_eq!(joined(&town.store()), 3, "the first did not join again");
    town.expect_only(&whole, 1);
    daemon.signal("HUP");
    wait_for("one is left", || {
        let meters = daemon.client.meters();
        let configured = meters.iter().filter(|meter| meter.state() != MeterState::Expected).count();
        (configured == 1).then_some(())
    });
    assert_eq!(daemon.terminate().code, Some(0));
    let told = told(&town);
    assert!(told[0].contains("unknown -> expected") && told[1].contains("expected -> removed"), "{told:?}");
}

#[test]
fn a_file_that_is_wrong_is_refused_with_the_reason_and_the_old_one_stays() {
    let town = Town::new(1);
    let path = town.path("daemon.toml");
    let whole = std::fs::read_to_string(&path).unwrap();
    let mut daemon = town.daemon();
    wait_for("the meter is read", || daemon.client.meters()[0].last_reading_time_ms);
    std::fs::write(&path, format!("surprise = 1\n{whole}")).unwrap();
    daemon.signal("HUP");
    let refused = wait_for("an event that says so", || told(&town).into_iter().next());
    assert!(
        refused.contains("refused, the old one stays") && refused.contains("surprise: unknown key"),
        "{refused}"
    );
    let newest = daemon.client.meters()[0].last_reading_time_ms;
    wait_for("the meter is read on", || {
        (daemon.client.meters()[0].last_reading_time_ms > newest).then_some(())
    });
    assert_eq!(daemon.terminate().code, Some(0));
}

#[test]
fn files_are_checked_shown_and_compared_without_a_daemon() {
    let town = Town::new(2);
    let path = town.path("daemon.toml");
    let file = path.to_str().unwrap();
    let checked = concentrator(&["config", "check", file]).end();
    assert_eq!((checked.code, checked.out.len()), (Some(0), 1), "{checked:?}");
    assert!(checked.out[0].ends_with("no fault; meters 2, head-end none"), "{checked:?}");
    let text = std::fs::read_to_string(&path).unwrap();
    let key = text.split("psk = \"").nth(1).unwrap().split('"').next().unwrap();
    let shown = concentrator(&["config", "show", file]).end().out.join("\n");
    assert!(shown.contains("collector.retries") && !shown.contains(key), "{shown}");
    let other = town.path("other.toml");
    std::fs::write(&other, text.replacen("read_delay_s = ", "read_delay_s = 1", 1)).unwrap();
    let different = concentrator(&["config", "diff", file, other.to_str().unwrap()]).end();
    assert_eq!(different.out, ["collector.read_delay_s: 10 -> 110 (opens the power line anew)"]);
    let wrong = town.path("wrong.toml");
    std::fs::write(&wrong, "[grpc]\nlisten = 5\n").unwrap();
    let refused = concentrator(&["config", "check", wrong.to_str().unwrap()]).end();
    assert_eq!(refused.code, Some(1));
    assert!(refused.err[0].contains("grpc.listen = 5: expected an address and a port"), "{refused:?}");
}

#[test]
fn a_configuration_from_afar_is_taken_back_unless_it_is_confirmed_and_what_needs_a_restart_is_refused() {
    let town = Town::new(1);
    let path = town.path("daemon.toml");
    let whole = std::fs::read_to_string(&path).unwrap();
    let mut daemon = town.daemon();
    let ask =
        |words: &[&str]| concentrator(&[&["config"], words, &["--address", &daemon.url]].concat()).end();
    let other = town.path("other.toml");
    let file = other.to_str().unwrap();
    std::fs::write(&other, whole.replacen("read_delay_s = 10", "read_delay_s = 20", 1)).unwrap();
    let applied = ask(&["apply", file, "--confirm", "1s"]);
    assert_eq!(applied.code, Some(0), "{applied:?}");
    assert_eq!(applied.out[0], "collector.read_delay_s: 10 -> 20 (opens the power line anew)");
    wait_for("it is taken back", || (std::fs::read_to_string(&path).unwrap() == whole).then_some(()));
    assert_eq!(ask(&["confirm"]).err, ["error: no configuration waits for its confirmation"]);
    assert_eq!(ask(&["apply", file, "--confirm", "10m"]).code, Some(0));
    assert!(ask(&["apply", file]).err[0].contains("waits for its confirmation until"));
    assert_eq!(ask(&["confirm"]).out, ["confirmed"]);
    assert!(std::fs::read_to_string(&path).unwrap().contains("read_delay_s = 20"), "it stays");
    std::fs::write(
        &other,
        whole.replacen("[store]\n", "[store]\nmax_mb = 9\n[metrics]\nlisten = \"127.0.0.1:0\"\n", 1),
    )
    .unwrap();
    let refused = ask(&["apply", file]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    std::fs::write(&other, "surprise = 1\n").unwrap();
    assert!(ask(&["apply", file]).err.join("\n").contains("surprise: unknown key"));
    assert!(std::fs::read_to_string(&path).unwrap().contains("read_delay_s = 20"), "nothing was touched");
    let told = wait_for("events tell of all of it", || Some(told(&town)).filter(|told| told.len() >= 4));
    assert!(told[0].starts_with("from this machine, on trial for 1 s: collector.read_delay_s"), "{told:?}");
    assert!(told[1].contains("nobody has confirmed"), "{told:?}");
    wait_for("the meter is read by it", || daemon.client.meters()[0].last_reading_time_ms);
    assert_eq!(daemon.terminate().code, Some(0));
    let record = concentrator(&["audit", "list", "--dir", town.path("").to_str().unwrap()]).end();
    assert!(record.out.iter().any(|line| line.contains("confirm-config")), "{record:?}");
}
