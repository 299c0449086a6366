//! Reading a meter on a desk from the shell, with the wrapper and with HDLC.
#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use dlms::hdlc::Address;
use sim::desk::{DeskConfig, DeskPorts, TestPlan, serve};
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A meter on real sockets; the options with which it is reached over each.
fn desk() -> [[String; 2]; 2] {
    let (wrapper, hdlc) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = |listener: &TcpListener| listener.local_addr().unwrap().to_string();
    let options = [["--wrapper".to_owned(), address(&wrapper)], ["--hdlc".to_owned(), address(&hdlc)]];
    let ports = DeskPorts { wrapper: Some(wrapper), hdlc: Some(hdlc), counters: None };
    let hdlc_address = Address::one(1).unwrap();
    let config = DeskConfig {
        customer: 3,
        seed: 1,
        history_days: 2,
        hdlc_address,
        counters: None,
        plan: TestPlan::default(),
    };
    std::thread::spawn(move || serve(config, ports, |_, _| ()));
    options
}

/// The plan of the meter, as a file.
fn keys(folder: &Path) -> PathBuf {
    let path = folder.join("meter.toml");
    std::fs::write(&path, TestPlan::default().to_toml()).unwrap();
    path
}

fn run(what: &[&str], options: &[&str]) -> Output {
    let command = [&["dlms"], what, options].concat();
    Command::new(env!("CARGO_BIN_EXE_concentrator")).args(command).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_meter_is_read_over_either_link_and_no_counter_is_used_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, state) = (keys(folder.path()), folder.path().join("meter.state"));
    let (keys, state_path) = (keys.to_str().unwrap(), state.to_str().unwrap());
    let next = || -> u32 {
        let text = std::fs::read_to_string(&state).unwrap();
        text.split_whitespace().next().unwrap().parse().unwrap()
    };
    let mut last = 0;
    for [link, address] in desk() {
        let options = [link.as_str(), address.as_str(), "--keys", keys, "--state", state_path];
        let energy = stdout(&run(&["get", "1.0.1.8.0.255", "--raw"], &options));
        assert!(energy.trim().parse::<u64>().unwrap() > 0, "{energy}");
        assert!(next() > last, "{} after {last}", next());
        last = next();
        let objects = stdout(&run(&["objects"], &options));
        let has = |objects: &str, start: &str, end: &str| {
            let mut lines = objects.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
            lines.any(|line| line.starts_with(start) && line.ends_with(end))
        };
        assert!(
            has(&objects, "7 1 1-0:99.1.0.255 Profile generic 1 2 3 4 5 6 7 8", " load profile 1"),
            "{objects}"
        );
        assert!(has(&objects, "23 1 0-0:22.0.0.255 ", " HDLC setup"), "{objects}");
        let indian = stdout(&run(&["objects", "--companion", "india", "--client", "1"], &options));
        assert!(has(&indian, "7 1 1-0:99.1.0.255 ", " block load profile"), "{indian}");
        let profile = stdout(&run(&["profile"], &options));
        assert!(profile.lines().count() > 96, "{profile}");
        assert!(
            profile.starts_with(
                "0-0:1.0.0.255/2       0-0:96.10.1.255/2  1-0:1.8.0.255/2 (Wh)  1-0:2.8.0.255/2 (Wh)\n"
            ),
            "{profile}"
        );
        assert!(next() > last);
        last = next();
    }
}

#[test]
fn without_keys_a_meter_shows_what_is_public() {
    for [link, address] in desk() {
        let options = [link.as_str(), address.as_str(), "--json"];
        let name = stdout(&run(&["get", "0.0.42.0.0.255"], &options));
        assert!(name.contains("\"logical_name\":\"0-0:42.0.0.255\""), "{name}");
        let refused = run(&["get", "1.0.1.8.0.255"], &options);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(5));
        assert!(said.starts_with("error: 1-0:1.8.0.255: not among the "), "{said}");
        let refused = run(&["get", "1.0.1.8.0.255", "--class", "3"], &options);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(said, "error: 1-0:1.8.0.255, attribute 2: the meter says object-undefined\n");
    }
}

#[test]
fn what_is_no_meter_is_told_in_one_line() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = run(&["objects"], &["--wrapper", &nobody]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with(&format!("error: {nobody}: ")) && said.ends_with(", expected a meter\n"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(3));
    for wrong in [
        &["--wrapper", "127.0.0.1:1", "--hdlc", "127.0.0.1:1"][..],
        &[],
        &["--hdlc", "127.0.0.1:1", "--state", "s"],
        &["--wrapper", "127.0.0.1:1", "--mode-e"],
    ] {
        assert_eq!(run(&["objects"], wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn every_client_of_the_plan_reads_over_either_link_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let keys = keys(folder.path());
    let forms = |client: u16| match client {
        1 => &["glo", "general-glo", "ded", "general-ded", "general", "general-wrapped"][..],
        3 | 4 => &[
            "glo",
            "general-glo",
            "ded",
            "general-ded",
            "general",
            "general-wrapped",
            "general-one-pass",
            "general-static",
        ],
        _ => &[],
    };
    for [link, address] in desk() {
        for client in [17, 2, 1, 3, 4] {
            let (number, state) = (client.to_string(), folder.path().join(format!("{client}.state")));
            let options = [
                link.as_str(),
                &address,
                "--keys",
                keys.to_str().unwrap(),
                "--state",
                state.to_str().unwrap(),
                "--client",
                &number,
            ];
            let plain = stdout(&run(&["get", "1.0.1.8.0.255", "--raw"], &options));
            let energy: u64 = plain.trim().parse().unwrap();
            for form in forms(client) {
                let seen = stdout(&run(&["get", "1.0.1.8.0.255", "--raw", "--ciphering", form], &options));
                let seen: u64 = seen.trim().parse().unwrap();
                assert!((energy..energy + 50_000).contains(&seen), "{client} {form}: {seen} after {energy}");
            }
        }
    }
}

#[test]
fn a_clock_is_set_and_what_may_not_be_done_is_refused_in_the_words_of_the_standard() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, state) = (keys(folder.path()), folder.path().join("meter.state"));
    let (keys, state) = (keys.to_str().unwrap(), state.to_str().unwrap());
    let [[link, address], _] = desk();
    let options = [link.as_str(), &address, "--keys", keys, "--state", state];
    let set = ["set", "0.0.1.0.0.255", "datetime:2031-01-14T00:00:00Z"];
    assert_eq!(stdout(&run(&set, &options)), "");
    let clock = stdout(&run(&["get", "0.0.1.0.0.255", "--class", "8", "--format", "json"], &options));
    assert!(clock.contains("\"notation\":\"octets:07ef010e"), "{clock}");
    assert!(clock.contains("\"value\":\"2031-01-14T00:0"), "{clock}");
    for (what, code, said) in [
        (
            &["set", "1.0.1.8.0.255", "u64:0"][..],
            5,
            "1-0:1.8.0.255, attribute 2: the meter says read-write-denied",
        ),
        (&["set", "0.0.1.0.0.255", "--class", "8", "u8:1"], 5, "attribute 2: the meter says type-unmatched"),
        (
            &["action", "1.0.1.8.0.255", "1", "i8:0"],
            5,
            "1-0:1.8.0.255, method 1: the meter says read-write-denied",
        ),
        (
            &["get", "1.0.1.8.0.255", "--class", "1"],
            5,
            "attribute 2: the meter says object-class-inconsistent",
        ),
        (
            &["set", "1.0.1.8.0.255", "u8:256"],
            2,
            "at character 4: expected a number from 0 to 255, found \"256\"",
        ),
    ] {
        let refused = run(what, &options);
        let error = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(code), "{error}");
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn wrong_secrets_and_files_without_the_client_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let keys = keys(folder.path());
    let [[link, address], _] = desk();
    let wrong = run(&["objects", "--client", "17", "--password", "87654321"], &[&link, &address]);
    assert_eq!(wrong.status.code(), Some(4));
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert_eq!(
        said,
        "error: the meter refuses the association: rejected-permanent, authentication-failure\n"
    );
    let right = ["objects", "--client", "2", "--password", "12345678", "--auth", "hls-sha256"];
    assert!(stdout(&run(&right, &[&link, &address])).contains("1-0:1.8.0.255"));
    for (client, said) in [("9", "expected a [[client]] with client = 9\n"), ("1", "expected --state,")] {
        let output =
            run(&["objects", "--client", client, "--keys", keys.to_str().unwrap()], &[&link, &address]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().contains(said), "{said}");
    }
}

#[test]
fn a_trace_shows_what_is_ciphered_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, state) = (keys(folder.path()), folder.path().join("meter.state"));
    for [link, address] in desk() {
        for form in ["glo", "ded", "general-wrapped"] {
            let options = [
                link.as_str(),
                &address,
                "--keys",
                keys.to_str().unwrap(),
                "--state",
                state.to_str().unwrap(),
            ];
            let output =
                run(&["get", "0.0.42.0.0.255", "--class", "1", "--trace", "--ciphering", form], &options);
            let trace = String::from_utf8(output.stderr).unwrap();
            assert!(trace.contains("octets in the clear: c001"), "{form}: {trace}");
            assert!(trace.contains("octets:53494d30303030303030303030303033\n"), "{form}: {trace}");
            assert!(
                trace.contains("accepted, authentication-required\n") && !trace.contains("sealed"),
                "{trace}"
            );
        }
    }
}

#[test]
fn a_profile_is_printed_as_csv_and_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let keys = keys(folder.path());
    let [_, [link, address]] = desk();
    let options = [link.as_str(), &address, "--keys", keys.to_str().unwrap(), "--client", "17"];
    let csv = stdout(&run(&["profile", "--format", "csv"], &options));
    assert!(
        csv.starts_with("0-0:1.0.0.255/2,0-0:96.10.1.255/2,1-0:1.8.0.255/2 (Wh),1-0:2.8.0.255/2 (Wh)\r\n"),
        "{csv}"
    );
    let json = stdout(&run(&["profile", "--json"], &options));
    assert_eq!(json.lines().count() + 1, csv.lines().count());
    let row: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert!(
        row["1-0:1.8.0.255/2 (Wh)"].is_f64() && row["0-0:1.0.0.255/2"].as_str().unwrap().ends_with('Z'),
        "{row}"
    );
    assert!(row["0-0:96.10.1.255/2"].as_str().unwrap().starts_with("0x"), "{row}");
    let raw = stdout(&run(&["profile", "--json", "--raw"], &options));
    assert_eq!(raw.lines().count(), json.lines().count());
    let raw: serde_json::Value = serde_json::from_str(raw.lines().next().unwrap()).unwrap();
    assert!(
        raw["0-0:96.10.1.255/2"].is_u64() && raw["0-0:1.0.0.255/2"].as_str().unwrap().len() == 24,
        "{raw}"
    );
    let (counted, shown) = (&raw["1-0:1.8.0.255/2"], &row["1-0:1.8.0.255/2 (Wh)"]);
    assert_eq!(
        counted.as_u64().unwrap(),
        (shown.as_f64().unwrap() * 1000.0).round() as u64,
        "milliwatt-hours"
    );
}

#[test]
fn the_class_of_an_object_comes_from_the_list_of_the_meter_and_its_value_has_a_unit() {
    for [link, address] in desk() {
        let options = [link.as_str(), &address, "--client", "17", "--password", "12345678"];
        let energy = stdout(&run(&["get", "1.0.1.8.0.255"], &options));
        let (number, unit) = energy.trim().split_once(' ').unwrap();
        assert!(number.split_once('.').unwrap().1.len() == 3 && unit == "Wh", "{energy}");
        assert_eq!(stdout(&run(&["get", "0.0.42.0.0.255"], &options)), "SIM0000000000003\n");
        let clock = stdout(&run(&["get", "0.0.1.0.0.255"], &options));
        assert!(clock.starts_with("20") && clock.ends_with("Z\n"), "{clock}");
        let gone = run(&["action", "1.0.77.7.0.255", "1", "i8:0"], &options);
        let said = String::from_utf8(gone.stderr).unwrap();
        assert!(said.contains("1-0:77.7.0.255: not among the ") && gone.status.code() == Some(5), "{said}");
    }
}

/// A listener for one push; where it listens.
fn listener(options: &[&str]) -> (std::process::Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_concentrator"))
        .args(["dlms", "push", "listen", "--wrapper", "127.0.0.1:0", "--count", "1", "--json"])
        .args(options)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    let address = said.trim().strip_prefix("listening on ").unwrap().to_owned();
    (child, address)
}

/// What the interval push of a meter is told with `set`, attribute by attribute.
fn set_up(options: &[&str], attributes: &[(&str, &str)]) {
    for (attribute, value) in attributes {
        let set = ["set", "--class", "40", "--attribute", attribute, "0.0.25.9.0.255", value];
        stdout(&run(&set, options));
    }
}

#[test]
fn a_meter_connects_to_whom_it_pushes_and_learns_that_the_push_was_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, state) = (keys(folder.path()), folder.path().join("meter.state"));
    let (keys, state) = (keys.to_str().unwrap(), state.to_str().unwrap());
    let [[link, address], _] = desk();
    let options = [link.as_str(), address.as_str(), "--keys", keys, "--state", state];
    let last_confirmation = || {
        let get = ["get", "--class", "40", "--attribute", "13", "0.0.25.9.0.255", "--raw"];
        stdout(&run(&get, &options))
    };
    let never = last_confirmation();
    let (child, address) = listener(&["--keys", keys, "--confirm-state", state]);
    let destination = format!("struct(enum:0, octets:\"{address}\", enum:0)");
    set_up(&options, &[("3", &destination), ("11", "enum:2")]);
    stdout(&run(&["action", "--class", "40", "0.0.25.9.0.255", "1"], &options));
    let heard = child.wait_with_output().unwrap();
    let said = String::from_utf8(heard.stdout).unwrap();
    assert!(said.contains("authenticated and encrypted"), "{said}");
    // The meter takes the confirmation in its own time.
    let confirmed = (0..50).any(|_| last_confirmation() != never);
    assert!(confirmed);
}

#[test]
fn a_push_to_a_host_that_is_not_there_is_made_again_as_its_setup_says() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, state) = (keys(folder.path()), folder.path().join("meter.state"));
    let (keys, state) = (keys.to_str().unwrap(), state.to_str().unwrap());
    let [[link, address], _] = desk();
    let options = [link.as_str(), address.as_str(), "--keys", keys, "--state", state];
    // A port that was free a moment ago: the first attempt finds nobody there.
    let there = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let destination = format!("struct(enum:0, octets:\"{there}\", enum:0)");
    let delay = "struct(u16:1, u16:100, u16:1)";
    set_up(&options, &[("3", &destination), ("6", "u8:60"), ("7", delay)]);
    stdout(&run(&["action", "--class", "40", "0.0.25.9.0.255", "1"], &options));
    let listener = TcpListener::bind(there).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[..6], [0, 1, 0, 1, 0, 1], "from the meter for client 1");
    assert_eq!(head[8], 0xDB, "under the global keys, in an envelope that names the meter");
}
