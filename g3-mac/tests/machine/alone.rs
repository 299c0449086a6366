//! One MAC whose modem and driver are late, early or wrong.

use crate::geometry::GEOMETRY;
use crate::line::{LQI, Line, config, join, request, short};
use g3_mac::wire::check_fcs;
use g3_mac::{Mac, MacInput, MacOutput, Timing};
use plc_core::sap::*;
use plc_core::{Instant, Machine};
use std::time::Duration;

/// Node 0 with its clock.
struct Alone {
    mac: Mac,
    now: Instant,
}

impl Alone {
    fn new() -> Self {
        let (mut mac, now) = (Mac::new(config(0)), Instant::from_secs(1));
        join(&mut mac, now, 0);
        Self { mac, now }
    }

    fn give(&mut self, input: MacInput) -> Vec<MacOutput> {
        self.mac.handle(self.now, input);
        self.drain()
    }

    fn tick(&mut self, now: Instant) -> Vec<MacOutput> {
        self.now = now;
        self.mac.tick(now);
        self.drain()
    }

    fn drain(&mut self) -> Vec<MacOutput> {
        let outputs = core::iter::from_fn(|| self.mac.poll()).collect();
        assert!(self.mac.deadline().is_none_or(|at| at > self.now));
        outputs
    }

    /// Ticks at deadlines until something is transmitted, and gives the FCS and the end of that.
    fn transmission(&mut self) -> (u16, Instant) {
        loop {
            let at = self.mac.deadline().expect("something is under way").max(self.now);
            for output in self.tick(at) {
                if let MacOutput::Phy(PhyRequest::Data(data)) = output {
                    let fit = GEOMETRY.fit(&data.tx, data.psdu.len()).unwrap();
                    return (check_fcs(&data.psdu).unwrap().1, data.at + fit.duration);
                }
            }
        }
    }

    fn confirm(&mut self, ended: Instant) -> Vec<MacOutput> {
        self.now = self.now.max(ended);
        self.give(MacInput::Phy(PhyIndication::Confirm { status: PdStatus::Success, ended }))
    }

    fn ack(&mut self, fcs: u16) -> Vec<MacOutput> {
        let ack = PdAckIndication { fcs, more_segments: false, negative: false, lqi: LQI, ended: self.now };
        self.give(MacInput::Phy(PhyIndication::Ack(ack)))
    }
}

fn success() -> MacOutput {
    MacOutput::DataConfirm(McpsDataConfirm { handle: 1, status: MacStatus::Success, retries: 0 })
}

/// A frame of node 1 to node 0, as the modem would report it.
fn frame_for_us(ended: Instant) -> PhyIndication {
    let mut line = Line::joined(2);
    line.ask(1, request(1, short(0), 20));
    line.run(Duration::from_secs(9));
    let psdu = line.sent[0].psdu().unwrap().clone();
    let group_lqi = [LQI; 6].into_iter().collect();
    let (tx, started) = (GEOMETRY.robust(), ended - Duration::from_millis(80));
    PhyIndication::Data(PdDataIndication {
        psdu,
        tx,
        response_expected: true,
        lqi: LQI,
        group_lqi,
        phase_difference: PhaseDifference(0),
        corrected_octets: 0,
        started,
        ended,
    })
}

#[test]
fn an_acknowledgement_that_has_begun_when_the_wait_ends_is_heard_out() {
    let (mut node, timing) = (Alone::new(), Timing::new(&GEOMETRY));
    node.give(MacInput::Data(request(1, short(1), 20)));
    let (fcs, ended) = node.transmission();
    node.confirm(ended);
    let wait = ended + timing.ack_wait;
    assert_eq!(node.mac.deadline(), Some(wait));
    node.now = wait - timing.slot;
    node.give(MacInput::Phy(PhyIndication::CarrierSense(CarrierSense::Preamble)));
    assert!(node.tick(wait).is_empty());
    node.now = wait + timing.slot;
    assert_eq!(node.ack(fcs), [success()]);
    assert_eq!(node.mac.counters().csma_no_ack, 0);
}

#[test]
fn a_wait_is_extended_only_once() {
    let (mut node, timing) = (Alone::new(), Timing::new(&GEOMETRY));
    node.give(MacInput::Data(request(1, short(1), 20)));
    let (_, ended) = node.transmission();
    node.confirm(ended);
    let wait = ended + timing.ack_wait;
    for at in [wait - timing.slot, wait] {
        node.tick(at);
        node.give(MacInput::Phy(PhyIndication::CarrierSense(CarrierSense::Preamble)));
    }
    node.tick(wait + timing.ack);
    assert_eq!(node.mac.counters().csma_no_ack, 1);
}

#[test]
fn a_late_acknowledgement_saves_the_repetition() {
    let (mut node, timing) = (Alone::new(), Timing::new(&GEOMETRY));
    node.give(MacInput::Data(request(1, short(1), 20)));
    let (fcs, ended) = node.transmission();
    node.confirm(ended);
    node.tick(ended + timing.ack_wait);
    let confirm = McpsDataConfirm { handle: 1, status: MacStatus::Success, retries: 1 };
    assert_eq!(node.ack(fcs), [MacOutput::DataConfirm(confirm)]);
    assert_eq!(node.mac.deadline(), None);
}

#[test]
fn an_acknowledgement_heard_while_sending_is_none() {
    let mut node = Alone::new();
    node.give(MacInput::Data(request(1, short(1), 20)));
    let (fcs, ended) = node.transmission();
    assert!(node.ack(fcs).is_empty());
    node.confirm(ended);
    assert_eq!(node.ack(fcs), [success()]);
    assert_eq!(node.mac.counters().drops.stray_ack, 1);
}

#[test]
fn a_driver_that_wakes_up_late_makes_one_attempt_not_all() {
    let mut node = Alone::new();
    node.give(MacInput::Data(request(1, short(1), 20)));
    let late = node.now + Duration::from_secs(3600);
    let requests = node.tick(late).into_iter().filter(|o| matches!(o, MacOutput::Phy(_))).count();
    assert_eq!((requests, node.mac.counters().retries), (1, 0));
}

#[test]
fn a_transmission_that_is_never_confirmed_is_tried_again() {
    let mut node = Alone::new();
    node.give(MacInput::Data(request(1, short(1), 20)));
    let first = node.transmission();
    let second = node.transmission();
    assert!(first.0 == second.0 && second.1 > first.1 + Timing::new(&GEOMETRY).eifs);
    assert_eq!((node.mac.counters().drops.phy_refused, node.mac.counters().retries), (1, 1));
}

#[test]
fn times_in_the_future_do_not_stop_the_node() {
    let (mut node, timing) = (Alone::new(), Timing::new(&GEOMETRY));
    let never = node.now + Duration::from_secs(1_000_000);
    node.give(MacInput::Phy(frame_for_us(never)));
    node.give(MacInput::Phy(PhyIndication::Confirm { status: PdStatus::Success, ended: node.now }));
    node.give(MacInput::Phy(PhyIndication::Lost { loss: PhyLoss::Header, ended: never }));
    node.give(MacInput::Data(request(1, short(1), 20)));
    let begun = node.now;
    node.transmission();
    assert!(node.now.since(begun) < timing.eifs + timing.slot * 16);
    let status = PdStatus::Success;
    node.give(MacInput::Phy(PhyIndication::Confirm { status, ended: never }));
    assert!(node.mac.deadline().unwrap() <= node.now + timing.cifs + timing.ack_wait);
}

#[test]
fn an_acknowledgement_that_would_come_too_late_is_not_sent() {
    let (mut node, timing) = (Alone::new(), Timing::new(&GEOMETRY));
    let ended = node.now - (timing.rifs + timing.cifs);
    let in_time = node.give(MacInput::Phy(frame_for_us(ended)));
    assert!(matches!(&in_time[0], MacOutput::Phy(PhyRequest::Ack(ack)) if ack.at == ended + timing.rifs));
    let mut node = Alone::new();
    let outputs = node.give(MacInput::Phy(frame_for_us(ended - timing.slot)));
    assert!(matches!(&outputs[..], [MacOutput::DataIndication(_)]));
    assert_eq!(node.mac.counters().drops.ack, 1);
}

#[test]
fn a_busy_channel_ends_in_channel_access_failure() {
    let mut node = Alone::new();
    node.give(MacInput::Data(request(1, short(1), 20)));
    let failure = McpsDataConfirm { handle: 1, status: MacStatus::ChannelAccessFailure, retries: 0 };
    for attempt in 0..60 {
        // Each time that a slot was drawn, a header announces another frame.
        let slot = node.mac.deadline().unwrap();
        node.now = node.now.max(slot - Duration::from_millis(1));
        let (ends, response_expected) = (node.now + Duration::from_millis(50), false);
        node.give(MacInput::Phy(PhyIndication::CarrierSense(CarrierSense::Frame {
            ends,
            response_expected,
        })));
        if node.tick(slot) == [MacOutput::DataConfirm(failure)] {
            assert_eq!(attempt, 50);
            assert_eq!((node.mac.counters().csma_fail, node.mac.counters().backoffs), (1, 51));
            return;
        }
        node.now = ends;
        node.give(MacInput::Phy(PhyIndication::CarrierSense(CarrierSense::Idle)));
    }
    panic!("the access never failed");
}
