//! `concentrator demo`: a street that is read.

use crate::grpc::Client;
use crate::process::{Ended, concentrator};
use crate::table::rows;
use crate::town::{dump, events};
use concentrator_proto::v1;
use sim::feeder::Feeder;
use std::path::Path;
use tonic::Code;

const IMPORT: &str = "1-0:1.8.0*255";
const CLASS_LIMIT_PERCENT: f64 = 1.0;

fn demo(arguments: &[&str]) -> Ended {
    let two = ["demo", "--customers", "2", "--periods", "1", "--listen", "127.0.0.1:0"];
    concentrator(&[&two, arguments].concat()).end()
}

#[test]
fn a_small_street_is_read_right_and_the_demo_exits_zero() {
    let mut demo = concentrator(&["demo", "--customers", "2", "--periods", "1", "--listen", "127.0.0.1:0"]);
    let mut client = Client::new(&demo.says("gRPC:"));
    let mut stream = client.readings();
    let mut readings = vec![stream.next().unwrap()];
    assert!(demo.is_running(), "readings come while it runs");
    // Two meters, two boundaries of the period, import and export.
    readings.extend((1..8).map(|_| stream.next().unwrap()));
    assert_eq!(stream.next().unwrap_err().code(), Code::Unavailable);
    let ended = demo.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let rows = rows(&ended);
    assert_eq!(rows.len(), 2);
    for row in &rows {
        assert_eq!(row.verdict, "ok");
        assert!(row.error_percent().unwrap().abs() <= CLASS_LIMIT_PERCENT, "{row:?}");
        let followed = energy_wh(&readings, &row.meter);
        assert!((followed - row.read.unwrap()).abs() < 0.006, "{row:?}, followed {followed} Wh");
        let profile = profile_wh(&row.meter);
        assert!((row.put_in / profile - 1.0).abs() < 0.002, "{row:?}, by the feeder's profile {profile} Wh");
    }
}

#[test]
fn the_same_seed_gives_the_same_store() {
    let folder = tempfile::tempdir().unwrap();
    let lived = |name: &str, seed: &str| {
        let kept = folder.path().join(name);
        let ended = demo(&["--seed", seed, "--keep", kept.to_str().unwrap()]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let store = kept.join("concentrator.sqlite");
        (ended.out, dump(&store), events(&store))
    };
    let first = lived("first", "7");
    assert_eq!(first.1.len(), 8);
    assert_eq!(lived("again", "7"), first);
    assert_ne!(lived("other", "8").1, first.1);
}

#[test]
fn a_noisy_line_costs_retries_but_never_a_wrong_value() {
    let retries = |ended: &Ended| rows(ended).iter().map(|row| row.retries).sum::<u64>();
    let (clear, noisy) = (demo(&["--seed", "3"]), demo(&["--seed", "3", "--snr", "-6"]));
    assert_eq!((clear.code, noisy.code), (Some(0), Some(0)), "{clear:?} {noisy:?}");
    assert!(retries(&clear) <= 1, "{clear:?}");
    assert!(retries(&noisy) > retries(&clear), "{clear:?} {noisy:?}");
    for snr in ["0", "-4", "-5", "-9"] {
        let ended = demo(&["--snr", snr, "--seed", "3"]);
        let rows = rows(&ended);
        assert_eq!(rows.len(), 2, "{ended:?}");
        let errors: Vec<_> = rows.iter().filter_map(|row| row.error_percent()).collect();
        assert!(errors.iter().all(|error| error.abs() <= CLASS_LIMIT_PERCENT), "{snr} dB: {rows:?}");
        let code = if errors.len() == rows.len() { 0 } else { 1 };
        assert_eq!(ended.code, Some(code), "{snr} dB: {ended:?}");
        assert!(rows.iter().all(|row| row.verdict == if row.read.is_some() { "ok" } else { "unread" }));
    }
}

#[test]
fn what_was_kept_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let (kept, store) = (folder.path().to_str().unwrap(), folder.path().join("concentrator.sqlite"));
    assert_eq!(demo(&["--keep", kept]).code, Some(0));
    let bytes = |path: &Path| std::fs::read(path).unwrap();
    let before = bytes(&store);
    let ended = demo(&["--keep", kept]);
    let expected =
        format!("error: {}: is there already, expected a folder without an earlier demo", store.display());
    assert_eq!((ended.code, ended.err), (Some(1), vec![expected]));
    assert_eq!(bytes(&store), before);
}

/// The energy between the first and the last capture of a meter, Wh.
fn energy_wh(readings: &[v1::Reading], meter: &str) -> f64 {
    let of_meter = |reading: &&v1::Reading| reading.meter_id == meter && reading.obis == IMPORT;
    let values = readings.iter().filter(of_meter).map(|r| r.value as f64 * 10f64.powi(r.scaler));
    let values: Vec<_> = values.collect();
    assert_eq!(values.len(), 2, "captures of {meter}");
    values[1] - values[0]
}

/// What the load profile of the feeder says for the quarter of an hour from 18:00, Wh.
fn profile_wh(meter: &str) -> f64 {
    let customer = meter.strip_prefix("customer-").unwrap().parse().unwrap();
    let feeder = Feeder::european_lv();
    let minutes = &feeder.profile(customer).unwrap()[18 * 60..18 * 60 + 15];
    minutes.iter().sum::<f64>() * 1000.0 / 60.0
}
