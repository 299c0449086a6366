//! What an attacker or a broken station on the line may send: each by a test of its own.
#![allow(clippy::unwrap_used, clippy::panic)]

mod serial;
mod world;

use dlms::client::*;
use dlms::hdlc::*;
use plc_core::{Instant, Machine};
use serial::*;
use std::time::Duration;

const NOTHING: [&str; 0] = [];

fn linked() -> Bench {
    Bench::linked(Parameters::symmetric(128, 3))
}

fn intruder() -> Address {
    Address::one(1).unwrap()
}

#[test]
fn a_flag_in_the_payload_neither_ends_a_frame_nor_begins_one() {
    let mut bench = linked();
    let inner = command("DISC P", &[]);
    assert_eq!(bench.ask(&question("I 0 0 P", &[&[0x7E; 10][..], &inner].concat())), ["RR 1 P/F"]);
    assert_eq!(bench.apdus, [[&[0x7E; 10][..], &inner].concat()]);
    assert_eq!(bench.ends, []);
}

#[test]
fn a_frame_inside_a_frame_of_another_station_is_not_taken() {
    let mut bench = linked();
    let elsewhere = between(Address::two(2, 17).unwrap(), intruder(), "UI", &command("DISC P", &[]));
    assert_eq!(bench.ask(&elsewhere), NOTHING);
    assert_eq!((bench.station.counters().not_for_us, bench.ends.len()), (1, 0));
}

#[test]
fn lengths_of_zero_and_2047_cost_no_more_than_a_pause() {
    let mut bench = linked();
    assert_eq!(bench.ask(&[0x7E, 0xA0, 0x00, 0x7E, 0xA7, 0xFF]), NOTHING);
    // What follows is swallowed by the long frame that is promised, until the line is silent.
    assert_eq!(bench.ask(&command("RR 0 P", &[])), NOTHING);
    bench.pause(INTER_OCTET);
    assert_eq!(bench.ask(&command("RR 0 P", &[])), ["RR 0 P/F"]);
    assert_eq!(bench.station.deframer_counters().incomplete, 1);
}

#[test]
fn a_second_client_cannot_take_the_link_over() {
    let mut bench = linked();
    bench.ask(&question("I 0 0 P", &[1]));
    let theirs = between(server_address(), intruder(), "SNRM P", &[]);
    assert_eq!(bench.ask(&theirs), ["DM P/F"]);
    assert_eq!((bench.station.client(), bench.ends.len()), (Some(client_address()), 0));
    for words in ["DISC P", "I 1 0 P", "RR 0 P"] {
        let foreign = between(server_address(), intruder(), words, &[]);
        assert_eq!(bench.ask(&foreign), ["DM P/F"], "{words}");
    }
    assert_eq!(bench.ask(&question("I 1 0 P", &[2])), ["RR 2 P/F"]);
    assert_eq!((bench.apdus.clone(), bench.station.counters().foreign), (vec![vec![1], vec![2]], 4));
}

#[test]
fn a_link_is_free_for_others_when_its_client_is_gone() {
    let mut bench = linked();
    let theirs = between(server_address(), intruder(), "SNRM P", &[]);
    bench.pause(INACTIVITY - Duration::from_secs(1));
    // What a stranger sends keeps nobody's link alive.
    assert_eq!(bench.ask(&theirs), ["DM P/F"]);
    bench.pause(Duration::from_secs(1));
    assert_eq!(bench.ask(&theirs), ["UA P/F, 21 octets"]);
    assert_eq!(bench.station.client(), Some(intruder()));
}

#[test]
fn the_same_client_begins_anew_and_nothing_of_the_old_link_is_left() {
    let mut bench = linked();
    bench.ask(&segment(server_address(), client_address(), "I 0 0", &[0xE6, 0xE6, 0, 9], true));
    bench.send(&[8]);
    bench.ask(&snrm(Parameters::DEFAULT));
    assert_eq!(bench.ends, [LinkEnd::Reopened]);
    assert_eq!(bench.ask(&question("I 0 0 P", &[1])), ["RR 1 P/F"]);
    assert_eq!(bench.apdus, [[1]]);
}

#[test]
fn an_apdu_whose_segments_never_end_holds_no_more_than_the_longest_apdu() {
    let mut bench = linked();
    for n in 0..100u8 {
        let information = if n == 0 { [0xE6; 128] } else { [n; 128] };
        let words = format!("I {} 0 P", n % 8);
        let octets = segment(server_address(), client_address(), &words, &information, true);
        assert_eq!(bench.ask(&octets).len(), 1);
        let (held, most) = bench.station.occupancy();
        assert!(held <= most && most == 2003);
    }
    assert_eq!(bench.ask(&command("I 4 0 P", &[1])), ["RR 5 P/F"]);
    assert_eq!((bench.station.counters().apdu_too_long, bench.apdus.len()), (1, 0));
    assert_eq!(bench.ask(&question("I 5 0 P", &[1])), ["RR 6 P/F"]);
    assert_eq!(bench.apdus, [[1]]);
}

#[test]
fn ui_in_the_middle_of_a_session_moves_nothing() {
    let mut bench = linked();
    bench.ask(&segment(server_address(), client_address(), "I 0 0", &[0xE6, 0xE6, 0, 1], true));
    assert_eq!(bench.ask(&between(server_address(), client_address(), "UI", &[0xE6, 0xE6, 0, 66])), NOTHING);
    assert_eq!(bench.ask(&command("I 1 0 P", &[2])), ["RR 2 P/F"]);
    assert_eq!((bench.apdus.clone(), bench.unnumbered.clone()), (vec![vec![1, 2]], vec![vec![66]]));
}

#[test]
fn an_apdu_without_the_header_of_a_client_is_not_told() {
    let mut bench = linked();
    for (n, information) in [&[0xE6, 0xE7, 0, 1][..], &[0xE6, 0xE6], &[1, 2, 3, 4]].iter().enumerate() {
        bench.ask(&command(&format!("I {n} 0 P"), information));
    }
    bench.ask(&between(server_address(), client_address(), "UI", &[0xE6, 0xE7, 0, 66]));
    assert_eq!(bench.station.counters().llc, 4);
    assert!(bench.apdus.is_empty() && bench.unnumbered.is_empty());
}

#[test]
fn negotiations_that_make_no_sense_open_nothing_and_close_nothing() {
    let mut bench = linked();
    for information in
        [&[0x81][..], &[0x81, 0x80, 3, 7, 1, 0], &[0x81, 0x80, 3, 5, 1, 31], &[0x81, 0x80, 200]]
    {
        assert_eq!(bench.ask(&command("SNRM P", information)), NOTHING);
    }
    assert_eq!((bench.station.counters().parameters, bench.ends.len()), (4, 0));
    assert_eq!(bench.ask(&command("RR 0 P", &[])), ["RR 0 P/F"]);
}

#[test]
fn supervisory_frames_with_information_are_rejected() {
    let mut bench = linked();
    assert_eq!(bench.ask(&command("RR 0 P", &[1, 2])), ["FRMR P/F, 3 octets"]);
    assert_eq!(bench.last_information(), [0x11, 0x00, 0x03]);
}

#[test]
fn a_storm_of_polls_in_one_chunk_is_answered_once() {
    let mut bench = linked();
    bench.send(&[7; 300]);
    let storm: Vec<u8> = (0..500).flat_map(|_| command("RR 0 P", &[])).collect();
    assert_eq!(bench.ask(&storm).len(), 3, "one window");
}

#[test]
fn a_storm_of_questions_in_one_chunk_is_lost_where_there_is_no_room_and_the_rest_comes_again() {
    let mut bench = linked();
    let storm: Vec<u8> = (0..64).flat_map(|n: u8| question(&format!("I {} 0 P", n % 8), &[n])).collect();
    let answers = bench.ask(&storm);
    let heard = bench.apdus.len();
    assert!(heard < 64 && bench.station.counters().overrun == 64 - heard as u64);
    assert_eq!(answers, [format!("RR {} P/F", heard % 8)]);
}

/// A client with an open link, its frames drained.
fn connected() -> (Instant, Primary) {
    let now = Instant::from_secs(1);
    let mut primary = Primary::new(primary_config(Parameters::DEFAULT));
    primary.handle(now, PrimaryInput::Connect);
    while primary.poll().is_some() {}
    primary.handle(now, PrimaryInput::Octets(&answer("UA P", &[])));
    while primary.poll().is_some() {}
    assert!(primary.is_connected());
    (now, primary)
}

/// A frame of the server to the client.
fn answer(words: &str, information: &[u8]) -> Vec<u8> {
    between(client_address(), server_address(), words, information)
}

fn tell(now: Instant, primary: &mut Primary, octets: &[u8]) -> Vec<LinkOutput> {
    primary.handle(now, PrimaryInput::Octets(octets));
    std::iter::from_fn(|| primary.poll()).collect()
}

#[test]
fn a_client_takes_no_frames_of_other_stations_and_none_with_wrong_numbers() {
    let (now, mut primary) = connected();
    primary.handle(now, PrimaryInput::Send(&[1]));
    while primary.poll().is_some() {}
    let theirs = between(client_address(), Address::two(2, 17).unwrap(), "I 0 1 P", &[0xE6, 0xE7, 0, 9]);
    assert_eq!(tell(now, &mut primary, &theirs), []);
    assert_eq!(tell(now, &mut primary, &answer("I 0 5 P", &[0xE6, 0xE7, 0, 9])), []);
    assert_eq!(tell(now, &mut primary, &answer("SNRM P", &[])), []);
    let counters = *primary.counters();
    assert_eq!((counters.not_for_us, counters.receive_number, counters.unexpected), (1, 1, 1));
    let good = tell(now, &mut primary, &answer("I 0 1 P", &[0xE6, 0xE7, 0, 7]));
    assert_eq!(good, [LinkOutput::Apdu(vec![7])]);
}

#[test]
fn a_client_sends_again_when_the_answer_acknowledges_nothing_and_gives_up_in_the_end() {
    let (now, mut primary) = connected();
    primary.handle(now, PrimaryInput::Send(&[1]));
    let LinkOutput::Octets(first) = primary.poll().unwrap() else { panic!("a frame") };
    for _ in 0..8 {
        assert_eq!(tell(now, &mut primary, &answer("RR 0 P", &[])), [LinkOutput::Octets(first.clone())]);
    }
    let end = LinkOutput::Disconnected(LinkEnd::NoAnswer);
    assert_eq!(tell(now, &mut primary, &answer("RR 0 P", &[])), [end]);
}

#[test]
fn a_client_whose_link_the_server_does_not_know_is_told() {
    for (words, end) in [("DM P", LinkEnd::ByPeer), ("FRMR P", LinkEnd::Rejected)] {
        let (now, mut primary) = connected();
        primary.handle(now, PrimaryInput::Send(&[1]));
        while primary.poll().is_some() {}
        assert_eq!(tell(now, &mut primary, &answer(words, &[])), [LinkOutput::Disconnected(end)]);
        assert!(primary.is_down() && primary.deadline().is_none());
    }
    let now = Instant::from_secs(1);
    let mut primary = Primary::new(primary_config(Parameters::DEFAULT));
    primary.handle(now, PrimaryInput::Connect);
    while primary.poll().is_some() {}
    assert_eq!(tell(now, &mut primary, &answer("DM P", &[])), [LinkOutput::Disconnected(LinkEnd::Refused)]);
}

fn hdlc_server(parameters: Parameters) -> HdlcServer {
    HdlcServer::new(HdlcServerConfig {
        server: world::server_config(),
        station: ServerStation::Two(17),
        parameters,
        inactivity_timeout: INACTIVITY,
        inter_octet_timeout: INTER_OCTET,
    })
    .unwrap()
}

/// What a server answers.
fn serve(server: &mut HdlcServer, octets: &[u8]) -> Vec<String> {
    let (now, mut meter) = (Instant::from_secs(1), world::Meter::default());
    server.handle(now, HdlcServerInput::Octets { octets, objects: &mut meter });
    let mut answers = Vec::new();
    while let Some(output) = server.poll() {
        if let HdlcServerOutput::Octets(octets) = output {
            answers.extend(frames(&octets).iter().map(|frame| shown(frame)));
        }
    }
    answers
}

/// AARQ of the public client, and its reading of the energy register.
const AARQ: &str = "601da109060760857405080101be10040e01000000065f1f0400001e1dffff";
const GET: &str = "c001c100030100010800ff0200";

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap()).collect()
}

#[test]
fn ui_reaches_no_session() {
    let mut server = hdlc_server(Parameters::DEFAULT);
    let unnumbered = |apdu: &str| question("UI P", &hex(apdu));
    serve(&mut server, &snrm(Parameters::DEFAULT));
    assert!(serve(&mut server, &question("I 0 0 P", &hex(AARQ)))[0].starts_with("I 0 1"));
    assert_eq!(serve(&mut server, &unnumbered(GET)), NOTHING);
    assert_eq!(serve(&mut server, &unnumbered(AARQ)), NOTHING);
    assert_eq!((server.unserved(), server.server().occupancy().0), (2, 1));
}

#[test]
fn with_the_link_ends_the_association() {
    let mut server = hdlc_server(Parameters::DEFAULT);
    serve(&mut server, &snrm(Parameters::DEFAULT));
    serve(&mut server, &question("I 0 0 P", &hex(AARQ)));
    let value = serve(&mut server, &question("I 1 1 P", &hex(GET)));
    assert_eq!((value, server.server().occupancy().0), (vec!["I 1 2 P/F, 16 octets".to_owned()], 1));
    for ending in [command("DISC P", &[]), snrm(Parameters::DEFAULT)] {
        serve(&mut server, &ending);
        assert_eq!(server.server().occupancy().0, 0);
        serve(&mut server, &snrm(Parameters::DEFAULT));
        // An exception, six octets with the header, and no value.
        assert_eq!(serve(&mut server, &question("I 0 0 P", &hex(GET))), ["I 0 1 P/F, 6 octets"]);
        serve(&mut server, &question("I 1 1 P", &hex(AARQ)));
        assert_eq!(server.server().occupancy().0, 1);
    }
}

#[test]
fn the_address_of_the_client_on_the_link_is_its_access_point() {
    let mut server = hdlc_server(Parameters::DEFAULT);
    // Client 1 must prove itself; the AARQ of the public client opens nothing for it.
    let from_management =
        |words: &str, information: &[u8]| between(server_address(), intruder(), words, information);
    serve(&mut server, &from_management("SNRM P", &[]));
    let aarq = [&[0xE6, 0xE6, 0][..], &hex(AARQ)].concat();
    assert_eq!(serve(&mut server, &from_management("I 0 0 P", &aarq)).len(), 1);
    assert_eq!(server.server().occupancy().0, 0);
    // Client 99 has no association at all.
    let mut server = hdlc_server(Parameters::DEFAULT);
    let stranger = Address::one(99).unwrap();
    serve(&mut server, &between(server_address(), stranger, "SNRM P", &[]));
    let answer = serve(&mut server, &between(server_address(), stranger, "I 0 0 P", &aarq));
    // It is refused, in an AARE of 25 octets behind the LLC header.
    let refused = vec!["I 0 1 P/F, 28 octets".to_owned()];
    assert_eq!((answer, server.server().counters().unknown_client), (refused, 1));
    assert_eq!(server.server().occupancy().0, 0);
}

#[test]
fn access_points_that_no_address_can_name_are_refused() {
    let config = |client_sap, server_sap, server| HdlcClientConfig {
        client: ClientConfig { client_sap, server_sap, ..world::client_config(false, 1) },
        server,
        parameters: Parameters::DEFAULT,
        link_timeout: Duration::from_secs(1),
        link_retries: 1,
        poll_interval: Duration::from_secs(1),
        inter_octet_timeout: INTER_OCTET,
    };
    assert!(HdlcClient::new(config(128, 1, ServerStation::Alone)).is_err());
    assert!(HdlcClient::new(config(16, 128, ServerStation::Two(17))).is_err());
    assert!(HdlcClient::new(config(16, 1, ServerStation::Two(128))).is_err());
    assert!(HdlcClient::new(config(16, 0x4000, ServerStation::Four(17))).is_err());
    assert!(HdlcClient::new(config(127, 0x3FFF, ServerStation::Four(0x3FFF))).is_ok());
}
