//! Reading a meter over a serial line, with and without the opening of mode E. A pair of pseudo-terminals is the line.
#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test")]

use dlms::hdlc::Address;
use dlms::mode_e::{Confirmation, Rate, Responder, ResponderConfig, ResponderInput, ResponderOutput};
use plc_core::{Instant, Machine};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use sim::desk::{DeskConfig, DeskPorts, TestPlan, serve};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A meter behind a connection.
fn meter() -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let ports = DeskPorts { hdlc: Some(listener), ..DeskPorts::default() };
    let hdlc_address = Address::two(1, 17).unwrap();
    let plan = TestPlan::default();
    let config =
        DeskConfig { customer: 3, seed: 1, history_days: 1, hdlc_address, state: None, notified: None, plan };
    std::thread::spawn(move || serve(config, ports, |_, _| ()));
    TcpStream::connect(address).unwrap()
}

/// A line: the end of the meter, and the name of the end of the client.
fn line() -> (File, String) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
    (File::from(controller), name)
}

/// What comes over the line, in pieces. The end of the meter stays open without a client.
fn pieces(mut line: File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 300];
        loop {
            match line.read(&mut buffer) {
                Ok(len) if sender.send(buffer[..len].to_vec()).is_err() => return,
                Ok(_) => {}
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    });
    receiver
}

/// Carries octets between the line and the meter; with a responder, first what opens the line.
fn carry(line: File, mut responder: Option<Responder>) {
    let mut meter = meter();
    let (mut back, mut answers) = (line.try_clone().unwrap(), meter.try_clone().unwrap());
    std::thread::spawn(move || {
        let mut buffer = [0; 300];
        while let Ok(len @ 1..) = answers.read(&mut buffer) {
            back.write_all(&buffer[..len]).unwrap();
        }
    });
    let (inbox, mut line) = (pieces(line.try_clone().unwrap()), line);
    std::thread::spawn(move || {
        for octets in inbox {
            let Some(opening) = &mut responder else {
                meter.write_all(&octets).unwrap();
                continue;
            };
            opening.handle(Instant::from_secs(1), ResponderInput::Octets(&octets));
            let outputs: Vec<_> = std::iter::from_fn(|| opening.poll()).collect();
            for output in outputs {
                match output {
                    ResponderOutput::Octets(octets) => line.write_all(&octets).unwrap(),
                    ResponderOutput::Opened { .. } => responder = None,
                    _ => {}
                }
            }
        }
    });
}

fn run(device: &str, more: &[&str]) -> Output {
    let command = ["dlms", "get", "0.0.42.0.0.255", "--class", "1", "--serial", device, "--physical", "17"];
    Command::new(env!("CARGO_BIN_EXE_concentrator")).args(command).args(more).output().unwrap()
}

#[test]
fn a_meter_is_read_over_a_serial_line() {
    let (end, device) = line();
    carry(end, None);
    let output = run(&device, &[]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "SIM0000000000003\n", "{output:?}");
    let keys = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(keys.path(), TestPlan::default().to_toml()).unwrap();
    let state = keys.path().with_extension("state");
    let secure =
        ["--keys", keys.path().to_str().unwrap(), "--state", state.to_str().unwrap(), "--client", "3"];
    let output = run(&device, &secure);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    std::fs::remove_file(&state).unwrap();
}

#[test]
fn a_line_is_opened_with_mode_e_and_one_that_stays_silent_is_told_from_a_missing_one() {
    let (end, device) = line();
    carry(
        end,
        Some(Responder::new(ResponderConfig {
            address: b"4711".to_vec(),
            maker: *b"SIM",
            name: b"DESK".to_vec(),
            rate: Rate::R9600,
            confirmation: Confirmation::AtInitialRate,
            choice_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(120),
        })),
    );
    let output = run(&device, &["--mode-e", "4711"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "SIM0000000000003\n", "{output:?}");
    let (_silent, device) = line();
    for (device, more, said) in [
        (device.as_str(), &["--mode-e"][..], "error: the meter does not identify itself\n"),
        ("/dev/nothing", &[], "error: /dev/nothing: No such file or directory (os error 2)\n"),
    ] {
        let output = run(device, more);
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(3), said));
    }
    assert_eq!(run("/dev/null", &[]).status.code(), Some(1));
}
