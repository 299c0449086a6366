//! Data between nodes: acknowledgements, segments, repetitions, contention.

use crate::geometry::GEOMETRY;
use crate::line::{Fault, LQI, Line, PAN, Sent, config, join, request, short};
use g3_mac::wire::{Segment, check_fcs};
use g3_mac::{MacInput, Timing};
use plc_core::sap::*;
use plc_core::wire::Reader;
use plc_core::{MacAddress, PanId};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

fn success(handle: u16, retries: u16) -> McpsDataConfirm {
    McpsDataConfirm { handle, status: MacStatus::Success, retries }
}

fn is_ack(sent: &Sent) -> bool {
    sent.psdu().is_none()
}

/// (count, last, contention-free, length) of a frame.
fn segment_of(sent: &Sent) -> Option<(u8, bool, bool, u16)> {
    let (body, _) = check_fcs(sent.psdu()?).unwrap();
    let control = Segment::parse(&mut Reader::new(body)).unwrap().control;
    Some((control.count, control.last, control.contention_free, control.length))
}

#[test]
fn a_unicast_is_delivered_and_acknowledged_by_its_fcs_after_rifs() {
    let mut line = Line::joined(3);
    line.ask(0, request(5, short(1), 40));
    line.run(SOON);
    assert_eq!(line.confirms(0), [success(5, 0)]);
    let heard = line.indications(1);
    assert_eq!(heard.len(), 1);
    assert_eq!(
        (heard[0].src_pan, heard[0].src, heard[0].dst, heard[0].link.lqi()),
        (PAN, short(0), short(1), LQI)
    );
    assert_eq!(heard[0].msdu, request(5, short(1), 40).msdu);
    assert_eq!(heard[0].security, MacSecurity::EncMic32 { key_index: 0 });
    assert!(line.indications(2).is_empty());
    let [frame, ack] = &line.sent[..] else { panic!("one frame and one acknowledgement") };
    let PhyRequest::Ack(named) = &ack.request else { panic!() };
    assert_eq!(named.fcs, check_fcs(frame.psdu().unwrap()).unwrap().1);
    assert_eq!(ack.start, frame.end + Timing::new(&GEOMETRY).rifs);
    let (tx, rx) = (line.macs[0].counters(), line.macs[1].counters());
    assert_eq!((tx.tx_data, tx.tx_frames, rx.rx_data, rx.acks_sent), (1, 1, 1, 1));
    assert_eq!(tx.airtime, frame.end.since(frame.start));
}

#[test]
fn an_msdu_of_400_octets_travels_in_one_contention_free_burst() {
    let mut line = Line::joined(2);
    line.ask(0, request(1, short(1), 400));
    line.run(SOON);
    assert_eq!(line.confirms(0), [success(1, 0)]);
    assert_eq!(line.indications(1)[0].msdu, request(1, short(1), 400).msdu);
    let segments: Vec<_> = line.sent.iter().filter_map(segment_of).collect();
    assert_eq!(
        segments,
        [(0, false, true, 113), (1, false, true, 119), (2, false, true, 119), (3, true, false, 53)]
    );
    let cifs = Timing::new(&GEOMETRY).cifs;
    assert!(
        line.sent.windows(2).filter(|pair| is_ack(&pair[0])).all(|pair| pair[1].start == pair[0].end + cifs)
    );
    let more: Vec<_> = line
        .sent
        .iter()
        .filter_map(|s| if let PhyRequest::Ack(a) = &s.request { Some(a.more_segments) } else { None })
        .collect();
    assert_eq!(more, [true, true, true, false]);
}

#[test]
fn a_lost_segment_is_sent_again() {
    let mut line = Line::joined(2);
    line.fault = Box::new(|_, id, _| if id == 2 { Fault::Lose } else { Fault::None });
    line.ask(0, request(1, short(1), 400));
    line.run(SOON);
    assert_eq!(line.confirms(0), [success(1, 1)]);
    assert_eq!(line.indications(1)[0].msdu.len(), 400);
    let counts: Vec<_> = line.sent.iter().filter_map(segment_of).map(|s| s.0).collect();
    assert_eq!(counts, [0, 1, 1, 2, 3]);
    assert_eq!(line.sent[2].psdu(), line.sent[3].psdu());
    assert_eq!(line.macs[0].counters().csma_no_ack, 1);
}

#[test]
fn a_segment_with_a_wrong_bit_is_not_acknowledged_but_counted() {
    let mut line = Line::joined(2);
    line.fault = Box::new(|_, id, _| if id == 0 { Fault::Flip } else { Fault::None });
    line.ask(0, request(1, short(1), 40));
    line.run(SOON);
    assert_eq!(line.confirms(0), [success(1, 1)]);
    assert_eq!((line.macs[1].counters().bad_crc, line.indications(1).len()), (1, 1));
    assert_eq!(line.sent.iter().filter(|s| is_ack(s)).count(), 1);
}

#[test]
fn with_the_switch_on_a_wrong_bit_is_answered_by_a_nack() {
    let mut configs = vec![config(0), config(1)];
    configs[1].interop.nack = true;
    let mut line = Line::of(configs);
    let now = line.now;
    (0..2).for_each(|n| join(&mut line.macs[usize::from(n)], now, n));
    // The bit flips in the destination address of nobody: octet 10 is behind it.
    line.fault = Box::new(|_, id, _| if id == 0 { Fault::Flip } else { Fault::None });
    line.ask(0, request(1, short(1), 40));
    line.run(SOON);
    let negative: Vec<_> = line
        .sent
        .iter()
        .filter_map(|s| if let PhyRequest::Ack(a) = &s.request { Some(a.negative) } else { None })
        .collect();
    assert_eq!(line.confirms(0), [success(1, 1)]);
    assert_eq!(negative, [true, false]);
    assert_eq!(line.macs[0].counters().csma_no_ack, 0);
}

#[test]
fn a_lost_acknowledgement_makes_a_duplicate_that_is_acknowledged_and_delivered_once() {
    let mut line = Line::joined(2);
    line.fault = Box::new(|sent, id, _| if is_ack(sent) && id == 1 { Fault::Lose } else { Fault::None });
    line.ask(0, request(1, short(1), 40));
    line.run(SOON);
    assert_eq!(line.confirms(0), [success(1, 1)]);
    assert_eq!(line.indications(1).len(), 1);
    assert_eq!(line.macs[1].counters().drops.duplicate, 1);
    assert_eq!(line.sent.iter().filter(|s| is_ack(s)).count(), 2);
}

#[test]
fn silence_is_no_ack_after_all_retries_and_the_next_request_goes_on() {
    let mut line = Line::joined(2);
    line.ask(0, request(1, short(77), 40));
    line.ask(0, request(2, short(1), 40));
    line.run(SOON);
    let no_ack = McpsDataConfirm { handle: 1, status: MacStatus::NoAck, retries: 5 };
    assert_eq!(line.confirms(0), [no_ack, success(2, 0)]);
    assert_eq!(line.sent.iter().filter(|s| !is_ack(s)).count(), 7);
    assert_eq!(line.macs[0].counters().csma_no_ack, 6);
}

#[test]
fn two_senders_contend_and_everything_arrives() {
    let mut line = Line::joined(3);
    for handle in 0..8 {
        line.ask(0, request(handle, short(2), 60));
        line.ask(1, request(handle, short(2), 60));
    }
    line.run(SOON * 3);
    for node in 0..2 {
        let confirms = line.confirms(node);
        assert_eq!(confirms.len(), 8);
        assert!(confirms.iter().all(|c| c.status == MacStatus::Success), "{confirms:?}");
    }
    assert_eq!(line.indications(2).len(), 16);
    let backoffs: u32 = line.macs.iter().map(|mac| mac.counters().backoffs).sum();
    assert!(backoffs > 0, "the senders never noticed each other");
}

#[test]
fn six_nodes_that_all_talk_at_once_all_get_through() {
    let mut line = Line::joined(6);
    for node in 0..6u16 {
        (0..4).for_each(|handle| line.ask(usize::from(node), request(handle, short((node + 1) % 6), 200)));
    }
    line.run(SOON * 6);
    for node in 0..6 {
        assert!(
            line.confirms(node).iter().all(|c| c.status == MacStatus::Success),
            "{:?}",
            line.confirms(node)
        );
        assert_eq!(line.indications(node).len(), 4);
    }
}

#[test]
fn a_burst_is_not_interrupted_by_a_waiting_sender() {
    let mut line = Line::joined(3);
    line.ask(0, request(1, short(2), 400));
    line.run(Duration::from_millis(250));
    line.ask(1, McpsDataRequest { priority: Priority::High, ..request(2, short(2), 20) });
    line.run(SOON);
    let senders: Vec<_> = line.sent.iter().filter(|s| !is_ack(s)).map(|s| s.from).collect();
    assert_eq!(senders, [0, 0, 0, 0, 1]);
    assert_eq!((line.confirms(0), line.confirms(1)), (vec![success(1, 0)], vec![success(2, 0)]));
}

#[test]
fn high_priority_leaves_the_queue_first() {
    let mut line = Line::joined(2);
    (1..=3).for_each(|handle| line.ask(0, request(handle, short(1), 20)));
    line.ask(0, McpsDataRequest { priority: Priority::High, ..request(9, short(1), 20) });
    line.run(SOON);
    let order: Vec<_> = line.confirms(0).iter().map(|c| c.handle).collect();
    assert_eq!(order, [1, 9, 2, 3]);
}

#[test]
fn a_broadcast_reaches_all_without_acknowledgement_also_in_segments() {
    let mut line = Line::joined(3);
    line.ask(0, request(1, MacAddress::BROADCAST, 30));
    line.ask(0, request(2, MacAddress::BROADCAST, 300));
    line.run(SOON);
    assert_eq!(line.confirms(0), [success(1, 0), success(2, 0)]);
    for node in 1..3 {
        let lengths: Vec<_> = line.indications(node).iter().map(|i| i.msdu.len()).collect();
        assert_eq!(lengths, [30, 300]);
        assert_eq!(line.macs[node].counters().rx_data_broadcast, 2);
    }
    assert!(line.sent.iter().all(|s| !is_ack(s)));
}

#[test]
fn a_full_queue_refuses_and_counts() {
    let mut line = Line::joined(2);
    (0..12).for_each(|handle| line.ask(0, request(handle, short(1), 20)));
    // One is under way already, eight wait.
    assert_eq!(
        line.confirms(0).iter().map(|c| (c.handle, c.status)).collect::<Vec<_>>(),
        [9, 10, 11].map(|h| (h, MacStatus::QueueFull))
    );
    line.run(SOON * 2);
    assert_eq!(line.confirms(0).len(), 12);
    assert_eq!(line.macs[0].counters().drops.queue_full, 3);
}

#[test]
fn requests_that_cannot_be_sent_are_confirmed_with_the_reason() {
    let mut line = Line::of(vec![config(0)]);
    let status = |line: &mut Line, request| {
        line.ask(0, request);
        line.confirms(0).last().unwrap().status
    };
    assert_eq!(status(&mut line, request(1, short(1), 9)), MacStatus::NoShortAddress);
    let extended = McpsDataRequest { extended_source: true, ..request(1, short(1), 9) };
    assert_eq!(status(&mut line, extended), MacStatus::SecurityError);
    let now = line.now;
    join(&mut line.macs[0], now, 0);
    let slot_1 =
        McpsDataRequest { security: MacSecurity::EncMic32 { key_index: 1 }, ..request(1, short(1), 9) };
    assert_eq!(status(&mut line, slot_1), MacStatus::UnavailableKey);
    assert!(line.sent.is_empty());
}

#[test]
fn frames_of_another_pan_are_not_for_us() {
    let mut line = Line::joined(2);
    line.give(1, MacInput::Mlme(MlmeRequest::SetPanId(PanId(0x1111))));
    line.ask(0, request(1, short(1), 20));
    line.ask(0, request(2, MacAddress::BROADCAST, 20));
    line.run(SOON);
    assert!(line.indications(1).is_empty());
    assert_eq!(line.macs[1].counters().drops.not_for_us, 7);
}

#[test]
fn a_neighbour_is_spoken_to_with_its_own_parameters_until_it_falls_silent() {
    let mut line = Line::joined(2);
    let tx = TxParameters { modulation: Modulation::Qpsk, ..GEOMETRY.robust() };
    let now = line.now;
    assert!(line.macs[0].set_tx_parameters(now, plc_core::ShortAddress(1), tx));
    assert!(!line.macs[0].set_tx_parameters(
        now,
        plc_core::ShortAddress(1),
        TxParameters { modulation: Modulation::Qam16, ..tx }
    ));
    line.ask(0, request(1, short(1), 200));
    line.run(SOON);
    let used = |line: &Line| match &line.sent.iter().rfind(|s| !is_ack(s)).unwrap().request {
        PhyRequest::Data(data) => data.tx,
        PhyRequest::Ack(_) => unreachable!(),
    };
    assert_eq!((used(&line), line.sent.len()), (tx, 2));
    line.fault = Box::new(|_, _, _| Fault::Lose);
    line.ask(0, request(2, short(1), 20));
    line.run(SOON);
    line.ask(0, request(3, short(1), 20));
    line.run(SOON);
    assert_eq!(used(&line), GEOMETRY.robust());
}

#[test]
fn a_reset_confirms_every_request_and_leaves_the_pan() {
    let mut line = Line::joined(2);
    (0..3).for_each(|handle| line.ask(0, request(handle, short(1), 20)));
    line.give(0, MacInput::Mlme(MlmeRequest::Reset));
    let statuses: Vec<_> = line.confirms(0).iter().map(|c| c.status).collect();
    assert_eq!(statuses, [MacStatus::NoShortAddress; 3]);
    assert_eq!((line.macs[0].short_address(), line.macs[0].pan_id()), (None, PanId::BROADCAST));
    line.run(SOON);
    assert!(line.indications(1).is_empty());
}
