//! The data link layer, test by test as the abstract test suite of the DLMS UA names them. The server
//! is under test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod serial;

use dlms::hdlc::*;
use serial::*;
use std::time::Duration;

const NOTHING: [&str; 0] = [];

fn defaults() -> Parameters {
    Parameters::DEFAULT
}

/// An open link under the defaults.
fn linked() -> Bench {
    Bench::linked(defaults())
}

/// The link is open and expects frame `expected`: nothing that came before has moved it.
fn is_untouched(bench: &mut Bench, expected: u8) {
    assert_eq!(bench.ask(&command("RR 0 P", &[])), [format!("RR {expected} P/F")]);
}

#[test]
fn hdlc_frame_p1_a_link_is_opened_and_closed() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask(&snrm(defaults())), ["UA P/F, 21 octets"]);
    assert_eq!(bench.station.client(), Some(client_address()));
    assert_eq!(bench.ask(&command("DISC P", &[])), ["UA P/F"]);
    assert_eq!((bench.station.client(), bench.ends.clone()), (None, vec![LinkEnd::ByPeer]));
    assert_eq!(bench.ask(&command("DISC P", &[])), ["DM P/F"]);
}

#[test]
fn hdlc_frame_p2_a_pause_inside_a_frame_ends_it_and_a_shorter_one_does_not() {
    let (whole, mut bench) = (snrm(defaults()), Bench::new());
    assert_eq!(bench.ask(&whole[..9]), NOTHING);
    bench.pause(INTER_OCTET - Duration::from_millis(1));
    assert_eq!(bench.ask(&whole[9..]).len(), 1);
    let mut bench = Bench::new();
    assert_eq!(bench.ask(&whole[..9]), NOTHING);
    bench.pause(INTER_OCTET);
    assert_eq!(bench.ask(&whole[9..]), NOTHING);
    assert_eq!(bench.station.deframer_counters().incomplete, 1);
    bench.pause(INTER_OCTET);
    assert_eq!(bench.ask(&whole).len(), 1);
}

#[test]
fn hdlc_frame_p3_a_silent_client_loses_its_link() {
    let mut bench = linked();
    bench.pause(INACTIVITY - Duration::from_millis(1));
    is_untouched(&mut bench, 0);
    bench.pause(INACTIVITY - Duration::from_millis(1));
    assert_eq!(bench.ends, []);
    bench.pause(Duration::from_millis(1));
    assert_eq!(bench.ends, [LinkEnd::Inactive]);
    assert_eq!(bench.ask(&command("RR 0 P", &[])), ["DM P/F"]);
}

#[test]
fn hdlc_frame_n1_a_frame_without_flags_is_none() {
    let mut bench = linked();
    let whole = question("I 0 0 P", &[1]);
    // The closing flag of the frame before may be the opening one: an octet between makes it none.
    assert_eq!(bench.ask(&[&[0x00], &whole[1..]].concat()), NOTHING);
    bench.pause(INTER_OCTET);
    assert_eq!(bench.ask(&[&whole[..whole.len() - 1], &[0x55]].concat()), NOTHING);
    assert_eq!(bench.station.deframer_counters().unclosed, 1);
    bench.pause(INTER_OCTET);
    is_untouched(&mut bench, 0);
    assert!(bench.apdus.is_empty());
}

#[test]
fn hdlc_frame_n2_a_short_frame_is_none() {
    let mut bench = linked();
    for len in 0..7u16 {
        let mut octets = vec![0x7E];
        octets.extend((0xA000 | len).to_be_bytes());
        octets.extend(vec![0x03; usize::from(len.saturating_sub(2))]);
        octets.push(0x7E);
        assert_eq!(bench.ask(&octets), NOTHING, "{len}");
    }
    // Seven octets, but with a server address of two the FCS has no room.
    assert_eq!(bench.ask(&[0x7E, 0xA0, 0x07, 0x02, 0x23, 0x21, 0x93, 0x00, 0x7E]), NOTHING);
    assert_eq!(bench.station.counters().short, 1);
    is_untouched(&mut bench, 0);
}

#[test]
fn hdlc_frame_n3_another_format_type_is_no_frame() {
    let mut bench = linked();
    for kind in (0..16u16).filter(|&kind| kind != 0xA) {
        let octets = raw(kind << 12 | 8, &[0x02, 0x23, 0x21], control("DISC P"), &[]);
        assert_eq!(bench.ask(&octets), NOTHING, "{kind}");
    }
    assert_eq!(bench.station.deframer_counters().false_starts, 15);
    is_untouched(&mut bench, 0);
}

#[test]
fn hdlc_frame_n4_a_length_that_lies_makes_no_frame() {
    for length in [7, 9, 10, 2047] {
        let mut bench = linked();
        let octets = raw(0xA000 | length, &[0x02, 0x23, 0x21], control("DISC P"), &[]);
        assert_eq!(bench.ask(&octets), NOTHING, "{length}");
        bench.pause(INTER_OCTET);
        is_untouched(&mut bench, 0);
    }
    let honest = raw(0xA000 | 8, &[0x02, 0x23, 0x21], control("DISC P"), &[]);
    assert_eq!(linked().ask(&honest), ["UA P/F"]);
}

#[test]
fn hdlc_frame_n5_an_unknown_control_field_is_rejected_until_the_link_is_opened_anew() {
    let mut bench = linked();
    bench.ask(&question("I 0 0 P", &[1]));
    assert_eq!(bench.ask(&raw(0xA008, &[0x02, 0x23, 0x21], 0x19, &[])), ["FRMR P/F, 3 octets"]);
    // The control field, V(R) 1 and V(S) 0, and that the control field is the reason.
    assert_eq!(bench.last_information(), [0x19, 0x20, 0x01]);
    assert_eq!(bench.ask(&question("I 1 0 P", &[2])), ["FRMR P/F, 3 octets"]);
    assert_eq!(bench.apdus, [[1]]);
    assert!(bench.ask(&snrm(defaults()))[0].starts_with("UA"));
    is_untouched(&mut bench, 0);
}

#[test]
fn hdlc_frame_n7_a_wrong_header_check_makes_no_frame() {
    let mut bench = linked();
    let good = question("I 0 0 P", &[1, 2, 3]);
    let mut bad = good[1..good.len() - 3].to_vec();
    bad[6] ^= 1;
    bad.extend(plc_core::crc::hdlc_fcs(&bad).to_le_bytes());
    assert_eq!(bench.ask(&[&[0x7E][..], &bad, &[0x7E]].concat()), NOTHING);
    assert_eq!(bench.station.counters().header_check, 1);
    is_untouched(&mut bench, 0);
}

#[test]
fn hdlc_frame_n8_a_wrong_frame_check_makes_no_frame() {
    let mut bench = linked();
    let mut bad = question("I 0 0 P", &[1, 2, 3]);
    let at = bad.len() - 2;
    bad[at] ^= 1;
    assert_eq!(bench.ask(&bad), NOTHING);
    assert_eq!(bench.station.counters().frame_check, 1);
    is_untouched(&mut bench, 0);
}

#[test]
fn hdlc_address_p1_addresses_of_one_two_and_four_octets_are_answered() {
    for address in [Address::one(1), Address::two(1, 17), Address::four(1, 17), Address::four(0x3FFE, 300)] {
        let address = address.unwrap();
        let mut bench = Bench::with(SecondaryConfig { address, ..secondary_config(defaults()) });
        assert_eq!(bench.ask(&between(address, client_address(), "SNRM P", &[])), ["UA P/F, 21 octets"]);
        let answer = frames(&bench.last_octets).remove(0);
        let answer = Frame::read(&answer).unwrap();
        assert_eq!((answer.source, answer.destination), (address, client_address()));
    }
}

#[test]
fn hdlc_address_n1_a_source_of_two_octets_is_not_answered() {
    let mut bench = Bench::new();
    let source = Address::two(0, 16).unwrap();
    assert_eq!(bench.ask(&between(server_address(), source, "SNRM P", &[])), NOTHING);
    assert_eq!(bench.station.counters().not_for_us, 1);
}

#[test]
fn hdlc_address_n4_an_unknown_destination_is_not_answered() {
    let mut bench = Bench::new();
    for (upper, lower) in [(1, 18), (2, 17), (17, 1)] {
        let destination = Address::two(upper, lower).unwrap();
        assert_eq!(bench.ask(&between(destination, client_address(), "SNRM P", &[])), NOTHING);
    }
    assert_eq!(bench.station.counters().not_for_us, 3);
}

#[test]
fn hdlc_address_n6_one_octet_where_two_or_four_are_due_is_not_answered() {
    for address in [Address::two(1, 1).unwrap(), Address::four(1, 1).unwrap()] {
        let mut bench = Bench::with(SecondaryConfig { address, ..secondary_config(defaults()) });
        let short = Address::one(1).unwrap();
        assert_eq!(bench.ask(&between(short, client_address(), "SNRM P", &[])), NOTHING);
        assert_eq!(bench.ask(&between(address, client_address(), "SNRM P", &[])).len(), 1);
    }
}

#[test]
fn hdlc_address_n7_a_destination_of_three_or_five_octets_is_not_answered() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask(&raw(0xA009, &[0x00, 0x02, 0x23, 0x21], control("SNRM P"), &[])), NOTHING);
    assert_eq!(bench.ask(&raw(0xA00B, &[0, 0, 0, 2, 0x23, 0x21], control("SNRM P"), &[])), NOTHING);
    assert_eq!(bench.station.counters().address, 2);
}

#[test]
fn hdlc_ndm2nrm_p1_no_frame_is_longer_than_was_agreed() {
    for (client, server, agreed) in [(128, 128, 128), (32, 128, 32), (500, 64, 64), (2030, 2030, 2030)] {
        let mut bench = Bench::with(secondary_config(Parameters::symmetric(server, 7)));
        bench.ask(&snrm(Parameters::symmetric(client, 7)));
        assert_eq!(bench.terms.map(|terms| terms.max_info_transmit), Some(agreed));
        bench.send(&vec![7; 4000]);
        let mut lens = Vec::new();
        for round in 0..40u8 {
            bench.ask(&command(&format!("RR {} P", lens.len() % 8), &[]));
            let answered = frames(&bench.last_octets);
            let info = |frame: &Vec<u8>| Frame::read(frame).unwrap().information.len();
            lens.extend(answered.iter().map(info).filter(|&len| len > 0));
            assert!(round < 39);
            if lens.iter().sum::<usize>() >= 4003 {
                break;
            }
        }
        assert!(lens.iter().all(|&len| len <= usize::from(agreed)));
        assert_eq!((lens[0], lens.iter().sum()), (usize::from(agreed), 4003));
    }
}

#[test]
fn hdlc_ndm2nrm_p2_no_more_frames_come_unacknowledged_than_was_agreed() {
    for window in 1..=7u8 {
        let mut bench = Bench::with(secondary_config(Parameters::symmetric(128, 7)));
        bench.ask(&snrm(Parameters { window_receive: window, ..Parameters::symmetric(128, 1) }));
        assert_eq!(bench.terms.map(|terms| terms.window_transmit), Some(window));
        bench.send(&[7; 1500]);
        let answers = bench.ask(&command("RR 0 P", &[]));
        assert_eq!(answers.len(), usize::from(window));
        let finals = answers.iter().filter(|answer| answer.contains("P/F")).count();
        assert!(finals == 1 && answers.last().unwrap().contains("P/F"), "{answers:?}");
    }
}

#[test]
fn a_snrm_that_asks_for_more_than_there_can_be_is_answered_with_what_there_is() {
    let terms = Parameters { max_info_transmit: 128, max_info_receive: 128, ..Parameters::symmetric(128, 3) };
    // Lengths of 65535 octets, windows of 15 and of 255.
    for (lens, window) in [([0xFF, 0xFF], 15), ([0xFF, 0xFF], 255), ([0x07, 0xEF], 8)] {
        let (sent, taken) = ([&[5, 2][..], &lens].concat(), [&[6, 2][..], &lens].concat());
        let windows = [7, 4, 0, 0, 0, window, 8, 4, 0, 0, 0, window];
        let group = [&[0x81, 0x80, 20][..], &sent, &taken, &windows].concat();
        let mut bench = Bench::with(secondary_config(Parameters::symmetric(128, 3)));
        assert_eq!(bench.ask(&command("SNRM P", &group)), ["UA P/F, 21 octets"], "window {window}");
        assert_eq!(bench.terms, Some(terms));
        assert_eq!(Parameters::from_information(&bench.last_information()), Ok(terms));
    }
}

#[test]
fn hdlc_info_p1_questions_are_answered_frame_by_frame() {
    let mut bench = linked();
    for n in 0..20u8 {
        let (ns, next) = (n % 8, (n + 1) % 8);
        assert_eq!(bench.ask(&question(&format!("I {ns} {ns} P"), &[n])), [format!("RR {next} P/F")]);
        bench.send(&[n, n]);
        let answers = bench.ask(&command(&format!("RR {ns} P"), &[]));
        assert_eq!(answers, [format!("I {ns} {next} P/F, 5 octets")]);
        assert_eq!(bench.last_information(), [0xE6, 0xE7, 0, n, n]);
    }
    assert_eq!(bench.apdus, (0..20).map(|n| vec![n]).collect::<Vec<_>>());
}

#[test]
fn hdlc_info_n1_an_information_field_that_is_too_long_is_rejected() {
    let mut bench = linked();
    assert_eq!(bench.ask(&question("I 0 0 P", &[7; 126])), ["FRMR P/F, 3 octets"]);
    assert_eq!(bench.last_information(), [0x10, 0x00, 0x04]);
    assert!(bench.apdus.is_empty());
    let mut bench = linked();
    assert_eq!(bench.ask(&question("I 0 0 P", &[7; 125])), ["RR 1 P/F"]);
    assert_eq!(bench.apdus, [[7; 125]]);
}

#[test]
fn hdlc_info_n2_an_acknowledgement_of_what_was_never_sent_is_rejected() {
    for frame in [question("I 0 1 P", &[7]), command("RR 3 P", &[])] {
        let mut bench = linked();
        assert_eq!(bench.ask(&frame), ["FRMR P/F, 3 octets"]);
        assert_eq!(bench.last_information()[2], 0x08);
        assert!(bench.apdus.is_empty());
        assert_eq!(bench.station.counters().receive_number, 1);
    }
}

#[test]
fn hdlc_info_n3_a_frame_out_of_order_is_answered_with_the_number_that_is_expected() {
    let mut bench = linked();
    assert_eq!(bench.ask(&question("I 0 0 P", &[1])), ["RR 1 P/F"]);
    for wrong in [0, 2, 3, 7] {
        assert_eq!(bench.ask(&question(&format!("I {wrong} 0 P"), &[9])), ["RR 1 P/F"]);
    }
    assert_eq!(bench.ask(&question("I 1 0 P", &[2])), ["RR 2 P/F"]);
    assert_eq!(bench.apdus, [[1], [2]]);
}

#[test]
fn hdlc_ndmop_n1_information_without_link_is_not_taken() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask(&question("I 0 0 P", &[1])), ["DM P/F"]);
    assert_eq!(bench.ask(&question("I 0 0", &[1])), NOTHING);
    assert!(bench.apdus.is_empty());
    assert_eq!(bench.station.counters().unlinked, 2);
}

// The lines of the older public plan.

#[test]
fn what_goes_to_all_stations_is_taken_without_link_and_never_answered() {
    let mut bench = Bench::new();
    for (upper, lower) in [(0x7F, 0x7F), (1, 0x7F), (0x7F, 17)] {
        let all = Address::two(upper, lower).unwrap();
        for words in ["SNRM P", "DISC P", "RR 0 P"] {
            assert_eq!(bench.ask(&between(all, client_address(), words, &[])), NOTHING);
        }
        let unnumbered = between(all, client_address(), "UI P", &[0xE6, 0xE6, 0, 5]);
        assert_eq!(bench.ask(&unnumbered), NOTHING);
    }
    assert_eq!(bench.unnumbered, [[5], [5], [5]]);
    assert_eq!((bench.station.counters().broadcast, bench.station.client()), (9, None));
}

#[test]
fn what_goes_to_no_station_is_met_with_silence() {
    let mut bench = Bench::new();
    for (upper, lower) in [(0, 0), (0, 17), (1, 0)] {
        let nobody = Address::two(upper, lower).unwrap();
        for words in ["SNRM P", "UI P"] {
            assert_eq!(bench.ask(&between(nobody, client_address(), words, &[0xE6, 0xE6, 0, 5])), NOTHING);
        }
    }
    assert!(bench.unnumbered.is_empty());
    let from_nobody = between(server_address(), Address::one(0).unwrap(), "SNRM P", &[]);
    assert_eq!(bench.ask(&from_nobody), NOTHING);
}

#[test]
fn a_snrm_without_information_opens_a_link_under_the_defaults_and_rr_is_answered() {
    let mut bench = Bench::with(secondary_config(Parameters::symmetric(500, 7)));
    assert_eq!(bench.ask(&command("SNRM P", &[])), ["UA P/F, 21 octets"]);
    assert_eq!(bench.terms, Some(Parameters::DEFAULT));
    assert_eq!(bench.ask(&command("RR 0 P", &[])), ["RR 0 P/F"]);
}

#[test]
fn information_of_128_octets_and_a_window_of_two_are_taken() {
    let mut bench = Bench::linked(Parameters::symmetric(128, 2));
    let first = segment(
        server_address(),
        client_address(),
        "I 0 0",
        &[&[0xE6, 0xE6, 0][..], &[1; 125]].concat(),
        true,
    );
    let second = command("I 1 0 P", &[2; 128]);
    assert_eq!(bench.ask(&[first, second].concat()), ["RR 2 P/F"]);
    assert_eq!(bench.apdus, [[vec![1; 125], vec![2; 128]].concat()]);
}

#[test]
fn every_wrong_frame_without_link_is_answered_with_dm_and_changes_nothing() {
    let mut bench = Bench::new();
    for words in ["I 3 5 P", "RR 4 P", "RNR 1 P", "DISC P"] {
        assert_eq!(bench.ask(&command(words, &[])), ["DM P/F"], "{words}");
    }
    for words in ["UA P", "DM P", "FRMR P", "SNRM"] {
        assert_eq!(bench.ask(&command(words, &[])), NOTHING, "{words}");
    }
    assert_eq!((bench.station.counters().unexpected, bench.station.counters().unpolled), (3, 1));
    assert_eq!(bench.ask(&snrm(defaults())).len(), 1);
}

#[test]
fn a_client_that_is_busy_gets_no_frames_and_a_busy_server_takes_none() {
    let mut bench = linked();
    bench.send(&[5]);
    assert_eq!(bench.ask(&command("RNR 0 P", &[])), ["RR 0 P/F"]);
    assert_eq!(bench.ask(&command("RR 0 P", &[])), ["I 0 0 P/F, 4 octets"]);
    let now = bench.now;
    plc_core::Machine::handle(&mut bench.station, now, SecondaryInput::Busy(true));
    assert_eq!(bench.ask(&question("I 0 1 P", &[1])), ["RNR 0 P/F"]);
    plc_core::Machine::handle(&mut bench.station, now, SecondaryInput::Busy(false));
    assert_eq!(bench.ask(&question("I 0 1 P", &[1])), ["RR 1 P/F"]);
    assert_eq!((bench.apdus.clone(), bench.station.counters().busy), (vec![vec![1]], 1));
}

#[test]
fn what_the_client_did_not_hear_is_sent_again_and_nothing_else() {
    let mut bench = Bench::linked(Parameters::symmetric(32, 3));
    bench.send(&[7; 100]);
    let first = bench.ask(&command("RR 0 P", &[]));
    assert_eq!(
        first,
        ["I 0 0, 32 octets of more", "I 1 0, 32 octets of more", "I 2 0 P/F, 32 octets of more"]
    );
    let again = bench.ask(&command("RR 1 P", &[]));
    assert_eq!(again, ["I 1 0, 32 octets of more", "I 2 0, 32 octets of more", "I 3 0 P/F, 7 octets"]);
    assert_eq!(bench.ask(&command("RR 4 P", &[])), ["RR 0 P/F"]);
    assert_eq!(bench.station.counters().resent, 2);
}

#[test]
fn an_answer_that_is_ready_at_once_goes_out_with_the_acknowledgement() {
    use plc_core::Machine;
    let mut station = Secondary::new(secondary_config(defaults()));
    let now = plc_core::Instant::from_secs(1);
    station.handle(now, SecondaryInput::Octets(&snrm(defaults())));
    while station.poll().is_some() {}
    station.handle(now, SecondaryInput::Octets(&question("I 0 0 P", &[1])));
    assert_eq!(station.poll(), Some(LinkOutput::Apdu(vec![1])));
    station.handle(now, SecondaryInput::Send(&[2]));
    let Some(LinkOutput::Octets(octets)) = station.poll() else { panic!("an answer") };
    assert_eq!(shown(&frames(&octets)[0]), "I 0 1 P/F, 4 octets");
    assert_eq!(station.poll(), None);
}

#[test]
fn a_captured_conversation_is_answered_with_the_captured_octets() {
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len() / 2).map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap()).collect()
    };
    use plc_core::Machine;
    let address = Address::one(1).unwrap();
    let mut station = Secondary::new(SecondaryConfig { address, ..secondary_config(defaults()) });
    let now = plc_core::Instant::from_secs(1);
    let mut exchange = |question: &str, apdu: &str| {
        station.handle(now, SecondaryInput::Octets(&hex(question)));
        let mut octets = Vec::new();
        while let Some(output) = station.poll() {
            match output {
                LinkOutput::Apdu(_) => station.handle(now, SecondaryInput::Send(&hex(apdu))),
                LinkOutput::Octets(sent) => octets.extend(sent),
                _ => {}
            }
        }
        octets
    };
    assert_eq!(
        exchange("7ea0070321930f017e", ""),
        hex("7ea01e210373c37a818012050180060180070400000001080400000001533b7e")
    );
    assert_eq!(
        exchange(
            "7ea02b032110fbafe6e600601da109060760857405080101be10040e01000000065f1f0400401e5dffff91237e",
            "6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f0400000018020000 07"
                .replace(' ', "")
                .as_str(),
        ),
        hex(
            "7ea0372103306c7ce6e7006129a109060760857405080101a203020100a305a103020100be10040e0800065f1f0400000018020000073cb07e"
        )
    );
    assert_eq!(
        exchange(
            "7ea0190321326fd8e6e600c001c100080000010000ff0200601a7e",
            "c401c100090c07ea0b160705110700000000090f090c07ea0b160705110700000000090f",
        ),
        hex(
            "7ea030210352596be6e700c401c100090c07ea0b160705110700000000090f090c07ea0b160705110700000000090ff81c7e"
        )
    );
}
