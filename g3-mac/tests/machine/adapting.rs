//! Neighbours tell each other how to speak.

use crate::geometry::GEOMETRY;
use crate::line::{Fault, LQI, Line, PAN, Sent, config, join, request, short};
use g3_mac::wire::{Command, FrameType, Segment, ToneMapLayout, ToneMapResponse, check_fcs};
use g3_mac::{Adaptation, MacConfig, MacInput};
use plc_core::MacAddress;
use plc_core::sap::*;
use plc_core::wire::Reader;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

fn adapting(node: u16) -> MacConfig {
    let mut config = config(node);
    config.interop.tone_map_requests = true;
    config
}

fn line_of(configs: Vec<MacConfig>) -> Line {
    let nodes = configs.len() as u16;
    let mut line = Line::of(configs);
    let now = line.now;
    (0..nodes).for_each(|n| join(&mut line.macs[usize::from(n)], now, n));
    line
}

fn pair() -> Line {
    line_of((0..2).map(adapting).collect())
}

fn data(sent: &Sent) -> Option<&PdDataRequest> {
    match &sent.request {
        PhyRequest::Data(data) => Some(data),
        PhyRequest::Ack(_) => None,
    }
}

/// (type, modulation, whether it asks for a tone map, segment number, its length) of a frame.
fn shape(sent: &Sent) -> Option<(FrameType, Modulation, bool, u8, u16)> {
    let data = data(sent)?;
    let (body, _) = check_fcs(&data.psdu).unwrap();
    let Segment { control, mhr, .. } = Segment::parse(&mut Reader::new(body)).unwrap();
    Some((mhr.frame_type, data.tx.modulation, control.tone_map_request, control.count, control.length))
}

fn shapes(line: &Line, from: usize) -> Vec<(FrameType, Modulation, bool, u8, u16)> {
    line.sent.iter().filter(|s| s.from == from).filter_map(shape).collect()
}

/// Modulations of the data frames of node 0.
fn modulations(line: &Line) -> Vec<Modulation> {
    shapes(line, 0).iter().filter(|s| s.0 == FrameType::Data).map(|s| s.1).collect()
}

fn send(line: &mut Line, handle: u16, len: usize) {
    line.ask(0, request(handle, short(1), len));
    line.run(SOON);
}

/// Loses data frames of node 0 that are denser than `limit`.
fn lose_beyond(line: &mut Line, limit: Modulation) {
    line.fault = Box::new(move |sent, _, _| {
        let dense = sent.from == 0 && data(sent).is_some_and(|data| data.tx.modulation > limit);
        if dense { Fault::Lose } else { Fault::None }
    });
}

#[test]
fn the_first_frame_asks_in_robo_and_the_answer_after_its_acknowledgement_is_obeyed() {
    let mut line = pair();
    send(&mut line, 1, 40);
    send(&mut line, 2, 40);
    let sent: Vec<_> = line.sent.iter().map(|s| (s.from, shape(s).map(|s| (s.0, s.1, s.2)))).collect();
    let (robo, psk8) = (Modulation::Robo, Modulation::Psk8);
    assert_eq!(
        sent,
        [
            (0, Some((FrameType::Data, robo, true))),
            (1, None),
            (1, Some((FrameType::Command, robo, false))),
            (0, None),
            (0, Some((FrameType::Data, psk8, false))),
            (1, None),
        ]
    );
    let (asker, teller) = (line.macs[0].counters(), line.macs[1].counters());
    assert_eq!((asker.tone_map_requests, asker.tone_maps_told), (1, 1));
    assert_eq!((teller.tone_map_responses, teller.tx_command), (1, 1));
    assert_eq!(line.indications(1).len(), 2);
}

#[test]
fn an_answer_is_secured_with_the_key_of_the_question_and_has_the_layout_of_the_band() {
    for seven in [false, true] {
        let mut configs: Vec<_> = (0..2).map(adapting).collect();
        configs[1].interop.seven_octets = seven;
        let mut line = line_of(configs);
        let key = Some(Key([9; 16]));
        (0..2).for_each(|n| line.give(n, MacInput::Mlme(MlmeRequest::SetKey { index: 1, key })));
        let security = MacSecurity::EncMic32 { key_index: 1 };
        line.ask(0, McpsDataRequest { security, ..request(1, short(1), 40) });
        line.run(SOON);
        let answer = line.sent.iter().find(|s| shape(s).is_some_and(|s| s.0 == FrameType::Command)).unwrap();
        let psdu = &data(answer).unwrap().psdu;
        let segment = Segment::parse(&mut Reader::new(check_fcs(psdu).unwrap().0)).unwrap();
        assert_eq!(segment.aux.map(|aux| aux.key_index), Some(1));
        assert_eq!(segment.payload.len(), 1 + 6 + usize::from(seven) + 4);
        assert_eq!(line.macs[0].counters().tone_maps_told, 1);
    }
}

#[test]
fn an_indication_tells_of_the_link_in_both_directions_once_the_neighbour_has_told() {
    let mut line = pair();
    line.levels = Box::new(|from, _| [Lqi(if from == 0 { 100 } else { 80 }); 6]);
    line.ask(1, request(1, short(0), 20));
    line.run(SOON);
    assert_eq!(line.indications(0)[0].link.reverse, None);
    send(&mut line, 2, 20);
    line.ask(1, request(3, short(0), 20));
    line.run(SOON);
    let link = line.indications(0)[1].link;
    let reverse = link.reverse.unwrap();
    assert_eq!((link.forward.lqi, reverse.lqi), (Lqi(80), Lqi(100)));
    assert_eq!((reverse.modulation, reverse.groups_active, reverse.groups), (Modulation::Psk8, 6, 6));
}

#[test]
fn groups_without_signal_are_left_out() {
    let mut line = pair();
    line.levels = Box::new(|_, _| [120, 120, 10, 120, 10, 120].map(Lqi));
    send(&mut line, 1, 40);
    send(&mut line, 2, 40);
    let last = line.sent.iter().filter(|s| s.from == 0).filter_map(data).next_back().unwrap();
    assert_eq!((last.tx.tone_map, last.tx.modulation), (ToneMap(0b10_1011), Modulation::Psk8));
}

#[test]
fn the_gain_that_a_neighbour_asks_for_is_handed_to_the_phy() {
    let mut configs: Vec<_> = (0..2).map(adapting).collect();
    configs[1].adaptation = Adaptation { attenuate_beyond: Some(24), ..Adaptation::default() };
    let mut line = line_of(configs);
    line.levels = Box::new(|_, _| [160, 160, 180, 160, 160, 160].map(Lqi));
    send(&mut line, 1, 40);
    send(&mut line, 2, 40);
    let last = line.sent.iter().filter(|s| s.from == 0).filter_map(data).next_back().unwrap();
    // 30 dB without 9.25, 1.5 and 6 dB are four steps of 3 dB; the third group has 5 dB more, which with
    // the rest of 1.25 dB are two.
    assert_eq!((last.gain.step, last.gain.steps, last.gain.group_steps[2]), (TxStep::ThreeDb, 4, 2));
    let acks = line.sent.iter().filter(|s| data(s).is_none()).count();
    assert_eq!(acks, 3);
}

#[test]
fn when_its_time_is_over_the_entry_is_used_on_and_asked_for_again() {
    let mut line = pair();
    send(&mut line, 1, 40);
    line.run(Duration::from_secs(600));
    send(&mut line, 2, 40);
    send(&mut line, 3, 40);
    let asked: Vec<_> = shapes(&line, 0).iter().map(|s| (s.1, s.2)).collect();
    assert_eq!(asked, [(Modulation::Robo, true), (Modulation::Psk8, true), (Modulation::Psk8, false)]);
    assert_eq!(line.macs[1].counters().tone_map_responses, 2);
}

#[test]
fn a_device_that_joins_neither_asks_nor_is_spoken_to_in_anything_but_robo() {
    let mut line = Line::of((0..2).map(adapting).collect());
    let now = line.now;
    join(&mut line.macs[0], now, 0);
    let clear = |dst| McpsDataRequest { security: MacSecurity::None, ..request(1, dst, 40) };
    line.ask(1, McpsDataRequest { extended_source: true, dst_pan: PAN, ..clear(short(0)) });
    line.run(SOON);
    line.ask(0, clear(MacAddress::Extended(config(1).eui64)));
    line.run(SOON);
    assert_eq!((line.indications(0).len(), line.indications(1).len()), (1, 1));
    assert!(line.sent.iter().filter_map(shape).all(|s| s.1 == Modulation::Robo && !s.2));
}

#[test]
fn broadcasts_stay_in_robo_and_ask_nobody() {
    let mut line = pair();
    send(&mut line, 1, 40);
    line.ask(0, request(2, MacAddress::BROADCAST, 40));
    line.run(SOON);
    let last = line.sent.last().and_then(shape).unwrap();
    assert_eq!((last.1, last.2), (Modulation::Robo, false));
}

#[test]
fn the_rest_of_an_msdu_falls_back_to_robo_and_arrives_whole() {
    let mut line = pair();
    send(&mut line, 1, 40);
    line.sent.clear();
    let mut frames = 0;
    line.fault = Box::new(move |sent, _, _| {
        let dense = sent.from == 0 && data(sent).is_some_and(|data| data.tx.modulation == Modulation::Psk8);
        frames += u32::from(dense);
        if dense && frames > 1 { Fault::Lose } else { Fault::None }
    });
    send(&mut line, 2, 400);
    let sent: Vec<_> =
        shapes(&line, 0).iter().filter(|s| s.0 == FrameType::Data).map(|s| (s.1, s.3, s.4)).collect();
    let (dense, robo) = (Modulation::Psk8, Modulation::Robo);
    assert_eq!(
        sent,
        [(dense, 0, 206), (dense, 1, 198), (dense, 1, 198), (dense, 1, 198), (robo, 1, 119), (robo, 2, 79)]
    );
    assert_eq!(line.indications(1)[1].msdu, request(2, short(1), 400).msdu);
    assert_eq!(line.indications(1).len(), 2);
    let counters = line.macs[0].counters();
    assert_eq!((counters.fallbacks, counters.recuts, counters.drops.stray_ack), (1, 1, 0));
    assert!(line.statuses(1).is_empty());
}

#[test]
fn the_frame_that_falls_back_asks_again() {
    let mut line = pair();
    send(&mut line, 1, 40);
    lose_beyond(&mut line, Modulation::Robo);
    send(&mut line, 2, 40);
    let asked: Vec<_> =
        shapes(&line, 0)[1..].iter().filter(|s| s.0 == FrameType::Data).map(|s| (s.1, s.2)).collect();
    let dense = (Modulation::Psk8, false);
    assert_eq!(asked, [dense, dense, dense, (Modulation::Robo, true)]);
    line.fault = Box::new(|_, _, _| Fault::None);
    line.sent.clear();
    send(&mut line, 3, 40);
    let denser = [Modulation::Robo, Modulation::Psk8];
    assert!(
        !denser.contains(&modulations(&line)[0]),
        "what was asked for meanwhile is used, and is more cautious"
    );
    assert_eq!(line.macs[0].counters().tone_maps_told, 2);
}

/// Sends `len` octets; the receiver gets everything, but its acknowledgements of dense segments from `deaf_from` on are
/// lost.
fn deaf_to_acks(len: usize, deaf_from: u8) -> Line {
    let mut line = pair();
    send(&mut line, 1, 40);
    let mut deaf = false;
    line.fault = Box::new(move |sent, _, _| match data(sent) {
        Some(data) if sent.from == 0 => {
            deaf = data.tx.modulation == Modulation::Psk8 && shape(sent).is_some_and(|s| s.3 >= deaf_from);
            Fault::None
        }
        None if sent.from == 1 && deaf => Fault::Lose,
        _ => Fault::None,
    });
    send(&mut line, 2, len);
    line
}

#[test]
fn a_segment_cut_anew_replaces_the_one_whose_acknowledgements_were_lost() {
    // The first segment of two, the last of two, and the only one.
    for (len, deaf_from, recuts) in [(400, 0, 1), (400, 1, 1), (190, 0, 1), (60, 0, 0)] {
        let line = deaf_to_acks(len, deaf_from);
        let confirms = line.confirms(0);
        assert_eq!(confirms[1].status, MacStatus::Success, "{len} {deaf_from}");
        let heard = line.indications(1);
        assert_eq!(heard.len(), 2, "{len} {deaf_from}: once, and not twice");
        assert_eq!(heard[1].msdu, request(2, short(1), len).msdu);
        assert_eq!(line.macs[0].counters().recuts, recuts, "{len} {deaf_from}");
        assert!(line.statuses(1).is_empty());
    }
}

#[test]
fn without_leave_to_cut_anew_a_long_segment_keeps_its_parameters() {
    let mut configs: Vec<_> = (0..2).map(adapting).collect();
    configs[0].interop.recut = false;
    let mut line = line_of(configs);
    send(&mut line, 1, 40);
    lose_beyond(&mut line, Modulation::Robo);
    send(&mut line, 2, 190);
    assert_eq!(line.confirms(0)[1].status, MacStatus::NoAck);
    assert_eq!(modulations(&line)[1..], [Modulation::Psk8; 6], "recutting was not allowed");
    send(&mut line, 3, 190);
    assert_eq!(line.confirms(0)[2].status, MacStatus::Success, "the entry fell with the failure");
}

#[test]
fn a_line_that_is_worse_than_it_looks_is_given_ever_more_robust_parameters() {
    let mut line = pair();
    line.levels = Box::new(|_, _| [Lqi(110); 6]);
    lose_beyond(&mut line, Modulation::Qpsk);
    for handle in 0..20 {
        send(&mut line, handle, 100);
        line.run(Duration::from_secs(20));
    }
    assert!(line.confirms(0).iter().all(|c| c.status == MacStatus::Success));
    let before = line.macs[0].counters().fallbacks;
    assert!((1..=6).contains(&before), "{before} fall-backs until it was learnt");
    for handle in 20..40 {
        send(&mut line, handle, 100);
    }
    assert_eq!(line.macs[0].counters().fallbacks, before);
    assert_eq!(modulations(&line).last(), Some(&Modulation::Qpsk));
}

#[test]
fn both_ends_adapt_and_everything_arrives_on_a_lossy_line() {
    let mut line = pair();
    let mut stream = plc_core::Seed::from_u64(4).stream();
    line.levels = Box::new(|from, _| [LQI, Lqi(if from == 0 { 60 } else { 20 }), LQI, Lqi(90), Lqi(70), LQI]);
    line.fault =
        Box::new(
            move |_, _, _| {
                if plc_core::seed::uniform(&mut stream, 8) == 0 { Fault::Lose } else { Fault::None }
            },
        );
    for round in 0..30u16 {
        for node in 0..2 {
            line.ask(usize::from(node), request(round, short(1 - node), 10 + 13 * usize::from(round)));
        }
        line.run(SOON);
    }
    for node in 0..2u16 {
        let confirms = line.confirms(usize::from(node));
        assert!(confirms.iter().all(|c| c.status == MacStatus::Success), "{confirms:?}");
        let heard = line.indications(usize::from(node));
        let expected: Vec<_> =
            (0..30).map(|round| request(round, short(node), 10 + 13 * usize::from(round)).msdu).collect();
        assert_eq!(heard.into_iter().map(|i| i.msdu).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn parameters_that_the_band_does_not_have_are_not_taken() {
    let response = ToneMapResponse {
        tx: TxParameters { tone_map: ToneMap(0), ..GEOMETRY.robust() },
        gain: TxGain::default(),
        lqi: LQI,
    };
    let layout = ToneMapLayout::Cenelec { seven: false };
    let mut octets = [0; 16];
    let mut writer = plc_core::wire::Writer::new(&mut octets);
    Command::ToneMapResponse(response).emit(&mut writer, layout).unwrap();
    assert_eq!(GEOMETRY.max_psdu(&response.tx), 0);
    let mut mac = g3_mac::Mac::new(adapting(0));
    assert!(!mac.set_tx_parameters(plc_core::Instant::EPOCH, plc_core::ShortAddress(1), response.tx));
}
