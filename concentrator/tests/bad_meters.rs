//! The command line against meters that answer what they should not, over real connections.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that waits for real programs"
)]

use dlms::hdlc::{Address, Control, Frame, Function};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// An AARE that accepts on the terms that were proposed.
const AARE: [u8; 43] = [
    0x61, 0x29, 0xA1, 0x09, 0x06, 0x07, 0x60, 0x85, 0x74, 0x05, 0x08, 0x01, 0x01, 0xA2, 0x03, 0x02, 0x01,
    0x00, 0xA3, 0x05, 0xA1, 0x03, 0x02, 0x01, 0x00, 0xBE, 0x10, 0x04, 0x0E, 0x08, 0x00, 0x06, 0x5F, 0x1F,
    0x04, 0x00, 0x20, 0x18, 0x1D, 0x04, 0x00, 0x00, 0x07,
];

fn wrapped(apdu: &[u8]) -> Vec<u8> {
    let len = u16::try_from(apdu.len()).unwrap();
    [&[0, 1, 0, 1, 0, 16][..], &len.to_be_bytes(), apdu].concat()
}

/// The next APDU of the client; `None` once it has gone.
fn heard(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut header = [0; 8];
    stream.read_exact(&mut header).ok()?;
    let mut apdu = vec![0; usize::from(u16::from_be_bytes([header[6], header[7]]))];
    stream.read_exact(&mut apdu).ok()?;
    Some(apdu)
}

/// A meter that does this with its first client, and then holds the connection until the client goes.
fn meter(act: impl FnOnce(&mut TcpStream) -> Option<()> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        act(&mut stream);
        while heard(&mut stream).is_some() {}
    });
    address
}

/// A meter that answers the first GET so, given its invoke-id-and-priority.
fn answering(answer: impl Fn(u8) -> Vec<u8> + Send + 'static) -> String {
    meter(move |stream| {
        heard(stream)?;
        stream.write_all(&wrapped(&AARE)).ok()?;
        let get = heard(stream)?;
        stream.write_all(&wrapped(&answer(get[2]))).ok()
    })
}

fn command(address: &str, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_concentrator"));
    // Whoever is to be answered has time for it on a machine that is busy; who waits in vain waits for the limit.
    let seconds = if options.contains(&"--limit") { "1" } else { "10" };
    command.args([
        "dlms",
        "get",
        "--class",
        "1",
        "0.0.42.0.0.255",
        "--timeout",
        seconds,
        "--wrapper",
        address,
    ]);
    command.args(options);
    command
}

fn get(address: &str, options: &[&str]) -> Output {
    command(address, options).output().unwrap()
}

/// What is said on standard error, and the exit code.
fn refused(address: &str) -> (String, i32) {
    let output = get(address, &["--limit", "3"]);
    assert!(output.stdout.is_empty());
    (String::from_utf8(output.stderr).unwrap(), output.status.code().unwrap())
}

#[test]
fn a_wrong_answer_is_named_with_what_was_expected_and_is_no_silence() {
    let truncated = answering(|id| vec![0xC4, 1, id, 0, 9, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]);
    let said = "error: the meter answers, but with a malformed get-response: truncated\n";
    assert_eq!(refused(&truncated), (said.to_owned(), 3));
    let other = answering(|id| vec![0xC5, 1, id, 0]);
    let said = "error: the meter answers, but with set-response, expected get-response\n";
    assert_eq!(refused(&other), (said.to_owned(), 3));
    let silent = answering(|_| Vec::new());
    assert_eq!(refused(&silent), ("error: the meter does not answer\n".to_owned(), 3));
}

#[test]
fn what_is_no_wrapper_is_a_meter_that_cannot_be_understood() {
    let garbage = meter(|stream| stream.write_all(&[0x55; 5000]).ok());
    let said = "error: the meter answers, but with wrapper version 21845, expected 1\n";
    assert_eq!(refused(&garbage), (said.to_owned(), 3));
}

#[test]
fn an_association_on_other_terms_is_refused_as_one() {
    let bare = meter(|stream| stream.write_all(&wrapped(&[&[0x61, 0x17][..], &AARE[2..25]].concat())).ok());
    let said = "error: the meter accepts the association, but on other terms: no user-information, expected an \
                initiate-response\n";
    assert_eq!(refused(&bare), (said.to_owned(), 4));
}

#[test]
fn a_meter_that_sends_without_end_is_left_in_time() {
    let begun = Instant::now();
    let aares = meter(|stream| {
        let flood = wrapped(&AARE).repeat(100);
        loop {
            stream.write_all(&flood).ok()?;
        }
    });
    let (said, code) = refused(&aares);
    assert_eq!(code, 3, "{said}");
    let blocks = meter(|stream| {
        heard(stream)?;
        stream.write_all(&wrapped(&AARE)).ok()?;
        heard(stream)?;
        for number in 1_u16.. {
            let number = number.to_be_bytes();
            stream.write_all(&wrapped(&[0xE0, 0x41, number[0], number[1], 0, 0, 2, 0xC4, 0xC4])).ok()?;
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    });
    let said = "error: the meter sends without end, expected the answer within --limit seconds\n";
    assert_eq!(refused(&blocks), (said.to_owned(), 3));
    assert!(begun.elapsed() < Duration::from_secs(60), "minutes would be no limit: {:?}", begun.elapsed());
}

#[test]
fn a_value_is_printed_before_the_farewell_and_a_farewell_without_answer_is_told_in_the_trace_alone() {
    let address = answering(|id| vec![0xC4, 1, id, 0, 17, 42]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("both");
    // Both streams in one file, so that it shows what came first.
    let file = std::fs::File::options().create(true).append(true).open(&path).unwrap();
    let status =
        command(&address, &["--trace"]).stdout(file.try_clone().unwrap()).stderr(file).status().unwrap();
    let said = std::fs::read_to_string(path).unwrap();
    assert_eq!(status.code(), Some(0), "{said}");
    let at = |what: &str| said.find(what).unwrap_or_else(|| panic!("{what} in {said}"));
    assert!(
        at("\n42") < at("RLRQ") && at("RLRQ") < at("-- release: the meter does not confirm within"),
        "{said}"
    );
    let output = get(&answering(|id| vec![0xC4, 1, id, 0, 17, 42]), &[]);
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn octets_behind_an_answer_are_tolerated_and_told_in_the_trace() {
    let twice = || answering(|id| vec![0xC4, 1, id, 0, 17, 42, 17, 42]);
    let output = get(&twice(), &["--trace"]);
    assert!(output.stdout.starts_with(b"42"));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("-- octets behind the end of 1 answers, tolerated"), "{said}");
    assert_eq!(get(&twice(), &[]).stderr, b"");
}

/// A frame of the meter on an HDLC line, without information.
fn frame(function: Function) -> Vec<u8> {
    let frame = Frame {
        destination: Address::one(16).unwrap(),
        source: Address::one(1).unwrap(),
        control: Control::last(function),
        segmented: false,
        information: &[],
    };
    let mut octets = Vec::new();
    assert!(frame.append_to(&mut octets));
    octets
}

/// A meter with HDLC that answers each burst of octets with the next of these frames.
fn linked(answers: Vec<Function>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 1000];
        for answer in answers {
            if stream.read(&mut buffer).unwrap_or(0) == 0 {
                return;
            }
            stream.write_all(&frame(answer)).unwrap();
        }
        while stream.read(&mut buffer).unwrap_or(0) > 0 {}
    });
    address
}

#[test]
fn why_an_hdlc_link_is_not_there_or_has_ended_is_told() {
    let up = Function::UnnumberedAcknowledge;
    for (answers, said) in [
        (vec![Function::DisconnectedMode], "the meter refuses the HDLC link: DM in answer to SNRM"),
        (
            vec![up, Function::FrameReject],
            "the meter gives up the HDLC link: it has rejected a frame with FRMR",
        ),
        (
            vec![up, Function::DisconnectedMode],
            "the meter has closed the HDLC link: DM in answer to a request",
        ),
    ] {
        let address = linked(answers);
        let command = ["dlms", "get", "--class", "1", "0.0.42.0.0.255", "--hdlc", &address];
        let output = Command::new(env!("CARGO_BIN_EXE_concentrator")).args(command).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), told.as_str()), (Some(3), format!("error: {said}\n").as_str()));
    }
}

/// A meter with a profile of three rows, of which the second and the third leave out what follows from the row before.
fn compressing() -> String {
    meter(|stream| {
        heard(stream)?;
        stream.write_all(&wrapped(&AARE)).ok()?;
        while let Some(request) = heard(stream) {
            let value: &[u8] = match (request[0], request.get(11)) {
                (0xC0, Some(3)) => &[
                    1, 2, 2, 4, 0x12, 0, 8, 9, 6, 0, 0, 1, 0, 0, 255, 15, 2, 0x12, 0, 0, 2, 4, 0x12, 0, 1, 9,
                    6, 1, 0, 2, 8, 0, 255, 15, 2, 0x12, 0, 0,
                ],
                (0xC0, Some(4)) => &[6, 0, 0, 3, 0x84],
                (0xC0, Some(5)) => &[0x16, 1],
                (0xC0, _) => &[
                    1, 3, 2, 2, 9, 12, 0x07, 0xEA, 11, 29, 7, 23, 45, 0, 0, 0, 0, 0, 17, 5, 2, 2, 0, 0, 2, 2,
                    0, 17, 6,
                ],
                _ => return None,
            };
            let answer = [&[0xC4, 1, request[2], 0], value].concat();
            stream.write_all(&wrapped(&answer)).ok()?;
        }
        Some(())
    })
}

#[test]
fn cells_that_a_meter_leaves_out_are_put_back_where_it_is_known_to_leave_them_out() {
    let read = |options: &[&str]| {
        let address = compressing();
        let command = [&["dlms", "profile", "--format", "csv", "--wrapper", &address], options].concat();
        let output = Command::new(env!("CARGO_BIN_EXE_concentrator")).args(command).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let whole = ["2026-11-29T23:45:00Z,5", "2026-11-30T00:00:00Z,5", "2026-11-30T00:15:00Z,6"];
    assert_eq!(read(&["--compressed"]), whole);
    assert_eq!(read(&["--companion", "idis", "--client", "16"]), whole);
    assert_eq!(read(&[])[1..], ["null,null", "null,6"]);
}
