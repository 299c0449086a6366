//! Reading a meter on a desk from the shell, with the wrapper and with HDLC.
#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use dlms::hdlc::Address;
use plc_core::Seed;
use sim::desk::{DeskConfig, DeskPorts, TestPlan, serve};
use sim::street::MeterIdentity;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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

fn keys(folder: &Path) -> PathBuf {
    let identity = MeterIdentity::new(3, &Seed::from_u64(1));
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let (encryption, authentication) = (hex(&identity.encryption_key.0), hex(&identity.authentication_key.0));
    let path = folder.join("meter.toml");
    let text = format!("encryption_key = \"{encryption}\"\nauthentication_key = \"{authentication}\"\n");
    std::fs::write(&path, text).unwrap();
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
        let energy = stdout(&run(&["get", "1.0.1.8.0.255"], &options));
        assert!(energy.trim().parse::<u64>().unwrap() > 0, "{energy}");
        assert!(next() > last, "{} after {last}", next());
        last = next();
        let objects = stdout(&run(&["objects"], &options));
        assert!(objects.contains("    7        1  1-0:99.1.0.255\n"), "{objects}");
        let profile = stdout(&run(&["profile"], &options));
        assert!(profile.lines().count() > 96, "{profile}");
        assert!(
            profile.starts_with("0-0:1.0.0.255\t0-0:96.10.1.255\t1-0:1.8.0.255\t1-0:2.8.0.255\n"),
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
        let name = stdout(&run(&["get", "0.0.42.0.0.255", "--class", "1"], &options));
        assert!(name.contains("\"logical_name\":\"0-0:42.0.0.255\""), "{name}");
        let refused = run(&["get", "1.0.1.8.0.255"], &options);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1));
        assert!(said.starts_with("error: 1-0:1.8.0.255, attribute 2: the meter says"), "{said}");
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
    for wrong in [
        &["--wrapper", "127.0.0.1:1", "--hdlc", "127.0.0.1:1"][..],
        &[],
        &["--hdlc", "127.0.0.1:1", "--keys", "k"],
    ] {
        assert_eq!(run(&["objects"], wrong).status.code(), Some(2), "{wrong:?}");
    }
}
