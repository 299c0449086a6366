//! What may happen between the daemon and its front end.

use crate::process::wait_for;
use crate::town::{Town, dump, events};
use concentrator::store::EventKind;
use concentrator_proto::v1::MeterState;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// A cable between the daemon and its front end, which can be cut.
struct Cable {
    path: PathBuf,
    far: PathBuf,
    ends: Vec<UnixStream>,
}

impl Cable {
    fn new(path: PathBuf, far: PathBuf) -> Self {
        Self { path, far, ends: Vec::new() }
    }

    /// Lays it: waits for the daemon at one end, connects the other one.
    fn lay(&mut self) {
        let listener = UnixListener::bind(&self.path).unwrap();
        let near = listener.accept().unwrap().0;
        let far = UnixStream::connect(&self.far).unwrap();
        carry(&near, &far);
        carry(&far, &near);
        self.ends = vec![near, far];
    }

    fn cut(&mut self) {
        std::fs::remove_file(&self.path).unwrap();
        self.ends.drain(..).for_each(|end| end.shutdown(Shutdown::Both).unwrap());
    }
}

fn carry(from: &UnixStream, to: &UnixStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    // Ends with an error or with nothing more to carry when the cable is cut.
    std::thread::spawn(move || io::copy(&mut from, &mut to));
}

#[test]
fn a_front_end_that_is_gone_for_a_while_costs_no_reading() {
    let town = Town::new(2);
    let mut cable = Cable::new(town.path("cable.sock"), town.socket());
    town.configure(&cable.path);
    let mut daemon = std::thread::scope(|scope| {
        let laid = scope.spawn(|| cable.lay());
        let daemon = town.daemon();
        laid.join().unwrap();
        daemon
    });
    wait_for("the first readings", || (dump(&town.store()).len() >= 4).then_some(()));
    cable.cut();
    let fault =
        wait_for("the fault", || Some(daemon.client.status().fault).filter(|fault| !fault.is_empty()));
    assert!(fault.starts_with(&format!("front end unix:{}: ", cable.path.display())), "{fault}");
    cable.lay();
    wait_for("the end of the fault", || daemon.client.status().fault.is_empty().then_some(()));
    let held = dump(&town.store()).len();
    wait_for("more readings", || (dump(&town.store()).len() >= held + 8).then_some(()));
    let meters = daemon.client.meters();
    assert!(meters.iter().all(|meter| meter.state() != MeterState::Lost), "{meters:?}");
    assert_eq!(daemon.terminate().code, Some(0));
    let kinds: Vec<_> = events(&town.store()).into_iter().map(|stored| stored.event.kind).collect();
    let count = |kind| kinds.iter().filter(|&&found| found == kind).count();
    assert_eq!((count(EventKind::MeterJoined), count(EventKind::ReadFailed)), (2, 0), "{kinds:?}");
    assert!(count(EventKind::PowerLineFault) > 0, "{kinds:?}");
    assert_boundaries_are_whole(&town.store());
}

#[test]
fn a_stranger_behind_the_address_of_the_front_end_is_named() {
    let town = Town::new(1);
    let path = town.path("stranger.sock");
    town.configure(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let mut daemon = town.daemon();
    let mut stranger = listener.accept().unwrap().0;
    stranger.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    let fault =
        wait_for("the fault", || Some(daemon.client.status().fault).filter(|fault| !fault.is_empty()));
    let expected = format!("front end unix:{}: invalid format in its introduction", path.display());
    assert_eq!(fault, expected);
    assert_eq!(daemon.terminate().code, Some(0));
}

#[test]
fn a_front_end_that_talks_nonsense_after_its_introduction_is_dropped() {
    let town = Town::new(1);
    let path = town.path("liar.sock");
    town.configure(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let mut daemon = town.daemon();
    let mut liar = listener.accept().unwrap().0;
    let mut hello = [0; 21];
    UnixStream::connect(town.socket()).unwrap().read_exact(&mut hello).unwrap();
    liar.write_all(&hello).unwrap();
    // A gap of four thousand million samples, which nobody announced.
    liar.write_all(&[0xFF; 4]).unwrap();
    let fault =
        wait_for("the fault", || Some(daemon.client.status().fault).filter(|fault| !fault.is_empty()));
    assert!(fault.contains("a gap of 4294967295 samples, at most "), "{fault}");
    assert!(daemon.is_running());
    assert_eq!(daemon.terminate().code, Some(0));
}

#[test]
fn a_stranger_on_the_socket_of_the_street_is_dropped_and_the_daemon_is_served() {
    let mut town = Town::new(1);
    let mut stranger = UnixStream::connect(town.socket()).unwrap();
    // As silence these are half a second, and then the middle of a number.
    stranger.write_all(&[0x40, 0x0D, 0x03, 0x00, 0x47, 0x45]).unwrap();
    drop(stranger);
    let daemon = town.daemon();
    wait_for("the first readings", || (dump(&town.store()).len() >= 2).then_some(()));
    assert_eq!(daemon.terminate().code, Some(0));
    assert!(town.stands());
    let said = town.end().err;
    assert_eq!(said.iter().filter(|line| line.ends_with("a daemon has come")).count(), 2, "{said:?}");
}

/// Every meter has every boundary from its first to its last, once, and registers that never go back.
fn assert_boundaries_are_whole(store: &Path) {
    let readings = dump(store);
    let mut rows: Vec<_> = readings.iter().map(|stored| stored.reading).collect();
    rows.sort_unstable_by_key(|row| (row.meter, row.logical_name, row.capture));
    for pair in rows.windows(2) {
        let [before, after] = pair else { continue };
        if (before.meter, before.logical_name) == (after.meter, after.logical_name) {
            assert_eq!(after.capture.as_millis() - before.capture.as_millis(), 900_000, "{pair:?}");
            assert!(after.value >= before.value, "{pair:?}");
        }
    }
}

#[test]
fn a_meter_that_is_not_expected_any_more_leaves_and_its_successor_is_read() {
    let town = Town::new(2);
    let whole = std::fs::read_to_string(town.path("daemon.toml")).unwrap();
    for place in [0, 1, 0] {
        town.expect_only(&whole, place);
        let mut daemon = town.daemon();
        let held = dump(&town.store()).len();
        wait_for("readings of the meter that is expected", || {
            (dump(&town.store()).len() > held).then_some(())
        });
        let status = daemon.client.status();
        assert_eq!((status.fault.as_str(), status.joined), ("", 1));
        assert_eq!(daemon.terminate().code, Some(0));
    }
    let readings = dump(&town.store());
    let meters: std::collections::BTreeSet<_> = readings.iter().map(|stored| stored.reading.meter).collect();
    assert_eq!(meters.len(), 2);
}
