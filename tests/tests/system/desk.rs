//! A meter on a desk that is killed and started again is the same meter.

use crate::process::{Process, concentrator, plcsim, wait_for};
use std::path::Path;

/// A life of the meter of this folder; the words with which `concentrator dlms` reaches it.
struct Life {
    meter: Process,
    address: String,
}

impl Life {
    fn begin(folder: &Path) -> Self {
        let state = folder.join("meter");
        let arguments =
            ["meter", "--wrapper", "127.0.0.1:0", "--days", "2", "--state", state.to_str().unwrap()];
        let mut meter = plcsim(&arguments);
        let address = wait_for("the meter says where it is", || {
            assert!(meter.is_running(), "the meter has ended");
            meter.printed("wrapper = ")
        });
        wait_for("the meter says its clients", || meter.printed("client = 102"));
        Self { meter, address: address.trim_matches('"').to_owned() }
    }

    /// What a command prints, which has to be carried out.
    fn does(&self, what: &[&str], options: &[&str]) -> String {
        let ended = concentrator(&[&["dlms"], what, &["--wrapper", &self.address], options].concat()).end();
        assert_eq!(ended.code, Some(0), "{what:?}: {:?}", ended.err);
        ended.out.join("\n")
    }

    /// The exit code of a command that is refused, and what it says.
    fn refuses(&self, what: &[&str], options: &[&str]) -> (Option<i32>, String) {
        let ended = concentrator(&[&["dlms"], what, &["--wrapper", &self.address], options].concat()).end();
        assert_ne!(ended.code, Some(0), "{what:?}: {:?}", ended.out);
        (ended.code, ended.err.join("\n"))
    }
}

/// The built-in keys of client 1, with another encryption key if one is said.
fn keys(folder: &Path, encryption_key: &str) -> String {
    let path = folder.join(format!("{encryption_key}.toml"));
    let text = format!(
        "encryption_key = \"{encryption_key}\"\nauthentication_key = \"d0d1d2d3d4d5d6d7d8d9dadbdcdddedf\"\n"
    );
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

const KEY: &str = "000102030405060708090a0b0c0d0e0f";
const NEW_KEY: &str = "ffeeddccbbaa99887766554433221100";
/// The new key under the built-in master key \[RFC 3394\], made with another implementation.
const WRAPPED: &str = "d14d1b71d1c000cefc7d598fb221d1c2665ace7e9e8a006c";
const ENERGY: [&str; 4] = ["get", "1.0.1.8.0.255", "--class", "3"];

#[test]
fn a_meter_that_was_killed_goes_on_with_its_counters_rows_logs_and_clock() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (keys, state) = (keys(folder.path(), KEY), path("client.state"));
    let options = ["--keys", &keys, "--state", &state];
    let life = Life::begin(folder.path());
    let profile = ["profile", "--format", "csv"];
    let rows = life.does(&profile, &options);
    life.does(&["set", "0.0.1.0.0.255", "--class", "8", "datetime:2031-01-14T00:00:00Z"], &options);
    life.does(&["set", "0.0.25.9.0.255", "--class", "40", "--attribute", "6", "u8:9"], &options);
    let last = std::fs::read_to_string(&state).unwrap();
    let energy = number(&life.does(&[&ENERGY[..], &["--raw"]].concat(), &options));
    life.meter.kill();

    let life = Life::begin(folder.path());
    assert!(life.does(&["get", "0.0.1.0.0.255", "--class", "8"], &options).starts_with("2031-01-14T00:"));
    let after = life.does(&profile, &options);
    assert!(
        rows.lines().count() > 96 && after.starts_with(rows.as_str()),
        "the rows of the first life: {after}"
    );
    let push = ["get", "0.0.25.9.0.255", "--class", "40", "--attribute", "6", "--raw"];
    assert_eq!(life.does(&push, &options), "9");
    let log = life.does(&["get", "0.0.99.98.0.255", "--class", "7", "--attribute", "7"], &options);
    assert!(number(&log) > 0, "the log still tells of the clock that was set: {log}");
    let measured = number(&life.does(&[&ENERGY[..], &["--raw"]].concat(), &options));
    // A minute of the load is lost at most.
    assert!(measured + 500_000 > energy && measured > 0, "{measured} after {energy}");

    // A client that has forgotten what it has used replays, and is refused; the one that goes on is not.
    std::fs::write(path("old.state"), last).unwrap();
    let (code, said) =
        life.refuses(&ENERGY, &["--keys", &keys, "--state", &path("old.state"), "--timeout", "1"]);
    assert!(matches!(code, Some(3..=5)), "{said}");
    life.does(&ENERGY, &options);
    life.meter.kill();
    let other =
        plcsim(&["meter", "--wrapper", "127.0.0.1:0", "--customer", "2", "--state", &path("meter")]).end();
    assert_eq!(other.code, Some(1));
    assert!(
        other.err.join("").contains("is of the meter 53494d0000000001, expected 53494d0000000002"),
        "{other:?}"
    );
}

#[test]
fn a_key_that_was_changed_stays_changed_when_the_meter_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [old, new] = [KEY, NEW_KEY].map(|key| keys(folder.path(), key));
    let life = Life::begin(folder.path());
    let options = ["--keys", &old, "--state", &path("old.state")];
    let transfer = format!("array(struct(enum:0, octets:{WRAPPED}))");
    life.does(&["action", "0.0.43.0.0.255", "--class", "64", "2", &transfer], &options);
    life.meter.kill();

    let life = Life::begin(folder.path());
    let (code, said) = life.refuses(&ENERGY, &[&options[..], &["--timeout", "1"]].concat());
    assert!(matches!(code, Some(3 | 4)), "the old key: {said}");
    let renewed = ["--keys", &new, "--state", &path("new.state")];
    life.does(&ENERGY, &[&renewed[..], &["--counter", "1"]].concat());
    life.does(&ENERGY, &renewed);
    let (code, said) = life.refuses(&ENERGY, &["--keys", &new, "--state", &path("old.state")]);
    assert_eq!(code, Some(8), "the counters of the old key: {said}");
    let records = std::path::PathBuf::from(path("meter")).join("records");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(records).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "keys are for their owner");
}

fn number(text: &str) -> u64 {
    text.trim().parse().unwrap_or_else(|_| panic!("no number: {text}"))
}
