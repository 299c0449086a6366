//! What those who watch the box are told: the service manager and Prometheus.

use crate::process::wait_for;
use crate::town::Town;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// Everything that the service manager was told so far.
fn told(socket: &UnixDatagram, so_far: &mut Vec<String>) {
    let mut octets = [0; 4096];
    while let Ok(length) = socket.recv(&mut octets) {
        so_far.extend(String::from_utf8_lossy(&octets[..length]).lines().map(str::to_owned));
    }
}

/// Has the daemon serve its metrics, at a free port.
fn serve_metrics(town: &Town) {
    let path = town.path("daemon.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{config}\n[metrics]\nlisten = \"127.0.0.1:0\"\n")).unwrap();
}

/// The answer; none where the connection is closed without one.
fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: box\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn the_service_manager_hears_that_the_daemon_is_ready_lives_and_stops_and_prometheus_gets_its_page() {
    let town = Town::new(2);
    let socket = UnixDatagram::bind(town.path("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    serve_metrics(&town);
    let notify = town.path("notify");
    let environment = [("NOTIFY_SOCKET", notify.to_str().unwrap()), ("WATCHDOG_USEC", "400000")];
    let mut daemon = town.daemon_with(&environment);
    let page = daemon.says("metrics on http://");
    let address = page.strip_suffix("/metrics").unwrap();
    let mut heard = Vec::new();
    wait_for("everybody has joined, and the watchdog was fed thrice since", || {
        told(&socket, &mut heard);
        let joined =
            heard.iter().position(|line| line == "STATUS=power line served; 2 of 2 meters joined")?;
        let fed = heard[joined..].iter().filter(|line| *line == "WATCHDOG=1").count();
        (fed >= 3).then_some(())
    });
    assert_eq!(heard[0], "READY=1", "before anything else");
    let metrics = get(address, "/metrics").unwrap();
    assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"), "{metrics}");
    assert!(
        metrics.contains("\nconcentrator_power_line_served 1.0\n") && metrics.ends_with("# EOF\n"),
        "{metrics}"
    );
    assert!(get(address, "/").unwrap().starts_with("HTTP/1.1 404 "));
    assert_eq!(daemon.terminate().code, Some(0));
    told(&socket, &mut heard);
    assert_eq!(heard.last().map(String::as_str), Some("STOPPING=1"));
}

#[test]
fn those_who_ask_for_metrics_and_say_nothing_keep_nobody_waiting() {
    let town = Town::new(1);
    serve_metrics(&town);
    let mut daemon = town.daemon();
    let page = daemon.says("metrics on http://");
    let address = page.strip_suffix("/metrics").unwrap();
    let silent: Vec<_> = (0..50).map(|_| TcpStream::connect(address).unwrap()).collect();
    wait_for("a page in spite of fifty silent connections", || {
        get(address, "/metrics").filter(|answer| answer.starts_with("HTTP/1.1 200 OK")).map(drop)
    });
    drop(silent);
    assert_eq!(daemon.terminate().code, Some(0));
}
