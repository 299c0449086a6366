//! Reading a meter on a desk from the shell, with the wrapper and with HDLC.
#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use dlms::hdlc::Address;
use sim::desk::{DeskConfig, DeskPorts, TestPlan, serve};
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A meter on real sockets; the options with which it is reached over each.
fn desk() -> [[String; 2]; 2] {
    let [wrapper, hdlc, _] = desk_of(3, Address::one(1).unwrap());
    [wrapper, hdlc]
}

/// The meter of a customer; the options with which it is reached with the wrapper, with HDLC and in datagrams.
fn desk_of(customer: u32, hdlc_address: Address) -> [[String; 2]; 3] {
    desk_with(customer, hdlc_address, TestPlan::default())
}

/// The same with these clients.
fn desk_with(customer: u32, hdlc_address: Address, plan: TestPlan) -> [[String; 2]; 3] {
    let (wrapper, hdlc) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let options = [
        ["--wrapper".to_owned(), wrapper.local_addr().unwrap().to_string()],
        ["--hdlc".to_owned(), hdlc.local_addr().unwrap().to_string()],
        ["--udp".to_owned(), udp.local_addr().unwrap().to_string()],
    ];
    let ports = DeskPorts { wrapper: Some(wrapper), hdlc: Some(hdlc), udp: Some(udp), state: None };
    let config =
        DeskConfig { customer, seed: 1, history_days: 2, hdlc_address, state: None, notified: None, plan };
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

/// The options of a client with the keys and the counters of these files, and with what is said besides.
fn ciphered<'a>(
    link: &'a str,
    address: &'a str,
    keys: &'a str,
    state: &'a str,
    besides: &[&'a str],
) -> Vec<&'a str> {
    [&[link, address, "--keys", keys, "--state", state], besides].concat()
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
        text.lines().find_map(|line| line.strip_prefix("send = ")).unwrap().parse().unwrap()
    };
    let mut last = 0;
    for [link, address] in desk() {
        let options = ciphered(&link, &address, keys, state_path, &[]);
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
    // Nobody at a port for datagrams: the system tells it as soon as one has come back.
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = run(&["objects"], &["--udp", &nobody]);
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
            let options = ciphered(
                &link,
                &address,
                keys.to_str().unwrap(),
                state.to_str().unwrap(),
                &["--client", &number],
            );
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
    let options = ciphered(&link, &address, keys, state, &[]);
    let set = ["set", "0.0.1.0.0.255", "datetime:2031-01-14T00:00:00Z"];
    assert_eq!(stdout(&run(&set, &options)), "success\n");
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
            let options = ciphered(&link, &address, keys.to_str().unwrap(), state.to_str().unwrap(), &[]);
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

/// The refusal of a command: its exit code, and what it says.
fn refused(what: &[&str], options: &[&str]) -> (i32, String) {
    let output = run(what, options);
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_file_of_counters_is_of_one_meter_one_client_and_one_key_and_refused_to_all_others() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, state) = (keys(folder.path()), folder.path().join("meter.state"));
    let (keys, state_path) = (keys.to_str().unwrap(), state.to_str().unwrap());
    let [[link, address], _, _] = desk_of(3, Address::one(1).unwrap());
    let name = ["get", "--class", "1", "0.0.42.0.0.255"];
    let own = ciphered(&link, &address, keys, state_path, &[]);
    let first = run(&name, &own);
    assert_eq!(stdout(&first), "SIM0000000000003\n");
    let said = String::from_utf8(first.stderr).unwrap();
    assert!(
        said.contains("meter.state: new, begins with ") && said.contains("which the meter says"),
        "{said}"
    );
    assert_eq!(run(&name, &own).stderr, b"", "told once");
    let text = std::fs::read_to_string(&state).unwrap();
    assert!(text.contains("client = 1\n") && text.contains("meter = \"53494d0000000003\"\n"), "{text}");
    assert!(!text.contains("000102030405"), "no key: {text}");
    let before = text;
    let [[_, another], _, _] = desk_of(4, Address::one(1).unwrap());
    let (code, said) = refused(&name, &ciphered(&link, &another, keys, state_path, &[]));
    assert_eq!(code, 8, "{said}");
    assert!(
        said.contains("another meter: its system title is 53494d0000000004, expected 53494d0000000003 as ")
            && said.contains("meter.state says"),
        "{said}"
    );
    let (code, said) = refused(&name, &[&own[..], &["--client", "3"]].concat());
    assert_eq!(code, 8, "{said}");
    assert!(said.contains("counters of client 1, expected client 3"), "{said}");
    let other_keys = folder.path().join("other.toml");
    let changed = std::fs::read_to_string(keys).unwrap().replacen("000102030405", "ff0102030405", 1);
    std::fs::write(&other_keys, changed).unwrap();
    let (code, said) =
        refused(&name, &ciphered(&link, &address, other_keys.to_str().unwrap(), state_path, &[]));
    assert_eq!(code, 8, "{said}");
    assert!(said.contains("under another encryption key"), "{said}");
    let send = |text: &str| text.lines().find(|line| line.starts_with("send = ")).map(str::to_owned);
    let kept = std::fs::read_to_string(&state).unwrap();
    assert!(kept.contains("53494d0000000003"), "{kept}");
    assert!(send(&kept) >= send(&before));
    assert_eq!(stdout(&run(&name, &own)), "SIM0000000000003\n", "its own meter still serves it");
}

#[test]
fn a_counter_that_is_wanted_is_never_one_that_was_used_and_a_broken_file_says_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, state) = (keys(folder.path()), folder.path().join("meter.state"));
    let [[link, address], _, _] = desk_of(3, Address::one(1).unwrap());
    let options = ciphered(&link, &address, keys.to_str().unwrap(), state.to_str().unwrap(), &[]);
    let name = ["get", "--class", "1", "0.0.42.0.0.255"];
    stdout(&run(&name, &[&options[..], &["--counter", "1000"]].concat()));
    let (code, said) = refused(&name, &[&options[..], &["--counter", "7"]].concat());
    assert!(code == 1 && said.contains("expected no less; without --counter it goes on by itself"), "{said}");
    let ahead = run(&name, &[&options[..], &["--counter", "5000"]].concat());
    assert_eq!(stdout(&ahead), "SIM0000000000003\n");
    let said = String::from_utf8(ahead.stderr).unwrap();
    assert!(said.contains("goes on with 5000 and not with 1"), "{said}");
    std::fs::write(&state, "send = ").unwrap();
    let (code, said) = refused(&name, &options);
    assert!(code == 1 && said.contains("move it away, and begin a new one with --counter"), "{said}");
    std::fs::write(&state, [0xFF, 0xFE, 0]).unwrap();
    let (code, said) = refused(&name, &options);
    let (expected, way_out) =
        ("expected a file of counters, as this program writes it", "move it away, and begin");
    assert!(code == 1 && said.contains(expected) && said.contains(way_out), "{said}");
    std::fs::remove_file(&state).unwrap();
    std::fs::create_dir(&state).unwrap();
    let (code, said) = refused(&name, &options);
    assert!(code == 1 && said.contains(expected) && said.contains(way_out), "{said}");
    std::fs::remove_dir(&state).unwrap();
    assert_eq!(stdout(&run(&name, &[&options[..], &["--counter", "9000"]].concat())), "SIM0000000000003\n");
}

#[test]
fn a_meter_with_another_title_than_was_said_is_refused_whoever_has_said_it() {
    let folder = tempfile::tempdir().unwrap();
    let keys = keys(folder.path());
    let titled = folder.path().join("titled.toml");
    let text = format!("system_title = \"53494d0000000004\"\n{}", std::fs::read_to_string(&keys).unwrap());
    std::fs::write(&titled, text).unwrap();
    let (titled, state) = (titled.to_str().unwrap(), folder.path().join("s"));
    for [link, address] in desk_of(3, Address::one(1).unwrap()) {
        let name = ["get", "--class", "1", "0.0.42.0.0.255"];
        let flag = [
            link.as_str(),
            &address,
            "--client",
            "2",
            "--password",
            "12345678",
            "--auth",
            "hls-sha256",
            "--meter-title",
        ];
        assert_eq!(stdout(&run(&name, &[&flag[..], &["53494d0000000003"]].concat())), "SIM0000000000003\n");
        let (code, said) = refused(&name, &[&flag[..], &["53494D0000000009"]].concat());
        let expected = "error: another meter: its system title is 53494d0000000003, expected 53494d0000000009 as \
                        --meter-title says\n";
        assert_eq!((code, said.as_str()), (8, expected));
        let file = [link.as_str(), &address, "--keys", titled];
        let ciphered = ["--state", state.to_str().unwrap()];
        for client in [&["--client", "2"][..], &ciphered[..]] {
            let (code, said) = refused(&name, &[&file[..], client].concat());
            assert!(code == 8 && said.contains("expected 53494d0000000004 as "), "{client:?}: {said}");
            assert!(said.contains("titled.toml says"), "{said}");
        }
        assert!(
            !std::fs::read_to_string(&state).unwrap().contains("0000003\""),
            "nothing of a stranger is kept"
        );
    }
}

#[test]
fn a_meter_is_read_in_datagrams_and_at_addresses_of_one_two_and_four_octets() {
    let folder = tempfile::tempdir().unwrap();
    let keys = keys(folder.path());
    let one = Address::one(1).unwrap();
    for (at, words) in [
        (one, &[][..]),
        (one, &["--address-length", "1"]),
        (Address::two(1, 127).unwrap(), &["--physical", "127"]),
        (Address::four(1, 127).unwrap(), &["--physical", "127", "--address-length", "4"]),
        (Address::four(1, 16_382).unwrap(), &["--physical", "16382"]),
    ] {
        let [_, [hdlc, address], _] = desk_of(3, at);
        let options =
            [&[hdlc.as_str(), &address, "--client", "17", "--password", "12345678"], words].concat();
        assert_eq!(stdout(&run(&["get", "0.0.42.0.0.255"], &options)), "SIM0000000000003\n", "{words:?}");
    }
    let [[wrapper, at], [hdlc, link], [udp, address]] = desk_of(3, one);
    let by_name = at.replace("127.0.0.1", "localhost");
    assert_eq!(stdout(&run(&["get", "0.0.42.0.0.255"], &[&wrapper, &by_name])), "SIM0000000000003\n");
    for words in [&["--address-length", "2"][..], &["--address-length", "1", "--physical", "3"]] {
        let (code, said) = refused(&["objects"], &[&[hdlc.as_str(), &link], words].concat());
        assert!(code == 1 && said.contains("--address-length"), "{said}");
    }
    assert_eq!(run(&["objects"], &[&hdlc, &link, "--address-length", "3"]).status.code(), Some(2));
    let state = folder.path().join("udp.state");
    let ciphered = ["--keys", keys.to_str().unwrap(), "--state", state.to_str().unwrap(), "--trace"];
    let profile = run(&["profile"], &[&[udp.as_str(), &address][..], &ciphered].concat());
    assert!(stdout(&profile).lines().count() > 96);
    assert!(!String::from_utf8(profile.stderr).unwrap().contains("sealed"));
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (code, said) = refused(&["objects"], &["--udp", &nobody, "--timeout", "1"]);
    assert_eq!(code, 3, "{said}");
}

#[test]
fn an_association_that_needs_no_opening_serves_who_has_its_keys_and_knows_the_meter() {
    let folder = tempfile::tempdir().unwrap();
    let keys = keys(folder.path());
    for ([link, address], counter) in desk_of(3, Address::one(1).unwrap()).iter().zip(["50", "1050", "2050"])
    {
        let state = folder.path().join(format!("{link}.state"));
        let options = [
            link.as_str(),
            address,
            "--client",
            "102",
            "--keys",
            keys.to_str().unwrap(),
            "--state",
            state.to_str().unwrap(),
            "--counter",
            counter,
        ];
        let (code, said) = refused(&["get", "1.0.1.8.0.255"], &options);
        assert!(code == 1 && said.contains("expected --meter-title, or system_title"), "{said}");
        let titled = [&options[..], &["--meter-title", "53494d0000000003", "--trace"]].concat();
        let read = run(&["get", "1.0.1.8.0.255", "--class", "3"], &titled);
        assert!(stdout(&read).ends_with(" Wh\n"));
        let trace = String::from_utf8(read.stderr).unwrap();
        assert!(trace.contains("octets in the clear: c001") && !trace.contains("AARQ"), "{trace}");
        // Now the file knows the meter; and what was used is not used again.
        let again = run(&["get", "1.0.1.8.0.255", "--class", "3"], &options[..8]);
        assert!(stdout(&again).ends_with(" Wh\n"));
        std::fs::remove_file(&state).unwrap();
        let replayed = [&titled[..titled.len() - 1], &["--timeout", "1"]].concat();
        let (code, said) = refused(&["get", "1.0.1.8.0.255", "--class", "3"], &replayed);
        assert!(code == 3 || code == 5, "counters that were used: {said}");
    }
}

#[test]
fn requests_are_signed_under_suites_1_and_2_and_the_meter_signs_its_answers() {
    let folder = tempfile::tempdir().unwrap();
    let keys = keys(folder.path());
    let [wrapper, hdlc, _] = desk_of(3, Address::one(1).unwrap());
    for ([link, address], client) in [(&wrapper, "3"), (&hdlc, "3"), (&wrapper, "4")] {
        let state = folder.path().join(client);
        let options = [
            link.as_str(),
            address,
            "--client",
            client,
            "--keys",
            keys.to_str().unwrap(),
            "--state",
            state.to_str().unwrap(),
            "--sign",
            "--trace",
        ];
        for form in ["glo", "general-wrapped"] {
            let what = ["get", "0.0.42.0.0.255", "--class", "1", "--ciphering", form];
            let output = run(&what, &options);
            assert_eq!(stdout(&output), "SIM0000000000003\n");
            let trace = String::from_utf8(output.stderr).unwrap();
            assert!(trace.matches("signature: ").count() >= 2, "there and back: {trace}");
        }
    }
    let state = folder.path().join("1");
    let options = ["--keys", keys.to_str().unwrap(), "--state", state.to_str().unwrap(), "--sign"];
    let (code, said) = refused(&["objects"], &[&[wrapper[0].as_str(), &wrapper[1]][..], &options].concat());
    assert!(code == 4 && said.contains("--sign: this form needs keys"), "suite 0 signs nothing: {said}");
}

/// A listener for one push; where it listens.
fn listener(options: &[&str]) -> (std::process::Child, String) {
    listening("--wrapper", &[&["--count", "1"], options].concat())
}

/// A listener over a link; where it listens.
fn listening(link: &str, options: &[&str]) -> (std::process::Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_concentrator"))
        .args(["dlms", "push", "listen", link, "127.0.0.1:0", "--json"])
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
    let options = ciphered(&link, &address, keys, state, &[]);
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
    let options = ciphered(&link, &address, keys, state, &[]);
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

#[test]
fn a_push_in_datagrams_is_confirmed_and_one_that_is_played_again_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, state) = (keys(folder.path()), folder.path().join("meter.state"));
    let (keys, state, heard) = (keys.to_str().unwrap(), state.to_str().unwrap(), folder.path().join("heard"));
    let [[link, address], ..] = desk_of(3, Address::one(1).unwrap());
    let options = ciphered(&link, &address, keys, state, &[]);
    let last_confirmation = || {
        let get = ["get", "--class", "40", "--attribute", "13", "0.0.25.9.0.255", "--raw"];
        stdout(&run(&get, &options))
    };
    let never = last_confirmation();
    let words =
        ["--keys", keys, "--confirm-state", state, "--state", heard.to_str().unwrap(), "--count", "2"];
    let (mut child, address) = listening("--udp", &words);
    let to = |address: &str| format!("struct(enum:1, octets:\"{address}\", enum:0)");
    // On its way the push is recorded: it goes to the test, which carries it on.
    let between = UdpSocket::bind("127.0.0.1:0").unwrap();
    between.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    set_up(&options, &[("3", &to(&between.local_addr().unwrap().to_string())), ("11", "enum:2")]);
    stdout(&run(&["action", "--class", "40", "0.0.25.9.0.255", "1"], &options));
    let mut buffer = [0; 2000];
    let (len, meter) = between.recv_from(&mut buffer).unwrap();
    let push = buffer[..len].to_vec();
    assert_eq!(push[8], 0xDB, "general-glo-ciphering");
    between.send_to(&push, &address).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(said["protection"], "authenticated and encrypted", "{said}");
    assert!(said["value"].is_array() && said["from"].as_str().unwrap().starts_with("127.0.0.1:"), "{said}");
    let (len, _) = between.recv_from(&mut buffer).unwrap();
    assert_eq!(buffer[..8], [0, 1, 0, 1, 0, 1, 0, (len - 8) as u8], "a confirmation for the meter");
    between.send_to(&buffer[..len], meter).unwrap();
    let confirmed = (0..50).any(|_| last_confirmation() != never);
    assert!(confirmed, "the meter takes it on the socket that the push has left from");
    // The same once more, and then one in the clear.
    between.send_to(&push, &address).unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
    let refusal = errors.next().unwrap().unwrap();
    assert!(
        refusal.contains("a push of 53494d0000000003 is refused: its counter was used before"),
        "{refusal}"
    );
    let plain = [0, 1, 0, 1, 0, 1, 0, 8, 0x0F, 0, 0, 0, 1, 0, 17, 5];
    between.send_to(&plain, &address).unwrap();
    let said: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&said["protection"], &said["value"]), (&"none".into(), &5.into()), "{said}");
    assert!(child.wait().unwrap().success());
    // The next listener has heard of it.
    let (mut child, address) = listening("--udp", &words[..6]);
    between.send_to(&push, &address).unwrap();
    let refusal = BufReader::new(child.stderr.as_mut().unwrap()).lines().next().unwrap().unwrap();
    assert!(refusal.contains("its counter was used before"), "{refusal}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_meter_pushes_in_the_clear_to_a_client_without_keys() {
    let plan =
        "[[client]]\nclient = 1\nauthentication = \"lls\"\npassword = \"open\"\naccess = \"management\"\n";
    let plan = TestPlan::from_toml(plan).unwrap();
    let [[link, address], ..] = desk_with(3, Address::one(1).unwrap(), plan);
    let options = [link.as_str(), &address, "--client", "1", "--password", "open"];
    for (transport, link) in [("enum:0", "--wrapper"), ("enum:1", "--udp")] {
        let (child, address) = listening(link, &["--count", "1"]);
        set_up(&options, &[("3", &format!("struct({transport}, octets:\"{address}\", enum:0)"))]);
        stdout(&run(&["action", "--class", "40", "0.0.25.9.0.255", "1"], &options));
        let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["protection"], "none", "{said}");
    }
}

#[test]
fn certificates_of_suites_1_and_2_are_listed_with_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let keys = keys(folder.path());
    let [[link, address], _] = desk();
    for client in ["3", "4"] {
        let state = folder.path().join(client);
        let options =
            ciphered(&link, &address, keys.to_str().unwrap(), state.to_str().unwrap(), &["--client", client]);
        let list = ["get", "--class", "64", "--attribute", "6", "0.0.43.0.0.255"];
        let csv = stdout(&run(&list, &[&options[..], &["--format", "csv"]].concat()));
        let issuer = "CN=plcsim test authority";
        let expected = [
            "entity,use,serial,issuer,subject,subject_alt_name".to_owned(),
            format!("server,digital signature,01,{issuer},CN=53494D0000000003,"),
            format!("server,key agreement,02,{issuer},CN=53494D0000000003,"),
            format!("client,digital signature,03,{issuer},CN=4D4D4D0000BC614E,"),
            format!("client,key agreement,04,{issuer},CN=4D4D4D0000BC614E,"),
        ];
        assert_eq!(csv.lines().collect::<Vec<_>>(), expected);
        let raw = stdout(&run(&list, &[&options[..], &["--raw"]].concat()));
        assert_eq!(raw.lines().count(), 1, "{raw}");
    }
}

#[test]
fn idle_connections_keep_no_meter_from_the_listener_and_garbage_has_a_line() {
    use std::io::Write;
    let (child, address) = listener(&[]);
    let _idle: Vec<_> = (0..300).map(|_| std::net::TcpStream::connect(&address).unwrap()).collect();
    let mut stranger = std::net::TcpStream::connect(&address).unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(stranger.read(&mut [0; 16]).unwrap_or(0), 0, "is closed");
    let mut meter = std::net::TcpStream::connect(&address).unwrap();
    // A wrapper PDU with a DataNotification of the number 5.
    meter.write_all(&[0, 1, 0, 1, 0, 1, 0, 8, 0x0F, 0, 0, 0, 1, 0, 17, 5]).unwrap();
    let output = child.wait_with_output().unwrap();
    let (told, noted) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["value"], 5, "{told}");
    let from = stranger.local_addr().unwrap();
    assert_eq!(noted, format!("{from}: octets that are no wrapper PDU: wrapper version 18245, expected 1\n"));
}
