use super::*;
use crate::{CaptureRange, MeterState, SessionFailure, Unexpected};
use dlms::apdu::ApduKind;
use dlms::client::{AnswerFault, ClientFailure};
use plc_core::Instant;
use plc_core::sap::{JoinFailure, Lqi, UdpPayload};
use proptest::prelude::*;
use std::string::ToString;
use std::vec::Vec as StdVec;

const PERIOD: Duration = Duration::from_secs(900);

fn at(second: i64) -> Utc {
    Utc::from_secs(1_000_000 + second)
}

fn eui(n: u64) -> Eui64 {
    Eui64::from_u64(n)
}

fn short(n: u64) -> ShortAddress {
    ShortAddress(n as u16)
}

fn status(n: u64, joined: bool, state: MeterState) -> MeterStatus {
    MeterStatus {
        eui64: eui(n),
        short: joined.then_some(short(n)),
        state,
        last_capture: None,
        sessions: 1,
        failures: 0,
        retries: 0,
        gaps: 0,
        captures_lost: 0,
        last_failure: None,
        next_attempt: None,
        due: false,
        one_way: false,
    }
}

/// A network that works, whose meters 1 to `meters` have joined; two sessions at once.
fn running(meters: u64) -> Diagnosis {
    let mut all = Diagnosis::new(PERIOD);
    all.on_clock();
    all.on_network(at(0), &AdpmIndication::Started { pan_id: plc_core::PanId(1) });
    for n in 1..=meters {
        all.on_expected(eui(n));
        all.on_network(at(1), &AdpmIndication::DeviceJoined { eui64: eui(n), short: short(n) });
        all.on_status(&status(n, true, MeterState::Waiting));
    }
    all
}

fn read(all: &mut Diagnosis, second: i64, n: u64) {
    all.on_event(at(second), &CollectorEvent::MeterRead { meter: eui(n), captures: 1, last_capture: None });
}

fn fail(all: &mut Diagnosis, second: i64, n: u64, reason: SessionFailure) {
    all.on_event(at(second), &CollectorEvent::SessionFailed { meter: eui(n), reason, failures: 1 });
}

fn answered(fault: AnswerFault) -> SessionFailure {
    SessionFailure::Association(ClientFailure::Answer(fault))
}

const NO_ANSWER: SessionFailure = SessionFailure::Association(ClientFailure::NoAnswer);

fn hear(all: &mut Diagnosis, second: i64, n: u64) {
    let payload = UdpPayload::new();
    let (src, lqi) = (short(n), Lqi(50));
    all.on_heard(at(second), &UdpIndication { src, src_port: 1, dst_port: 1, payload, hops: 2, lqi });
}

fn give_up(all: &mut Diagnosis, second: i64, n: u64, status: AdpStatus) {
    let request =
        UdpRequest { handle: 7, dst: short(n), src_port: 1, dst_port: 1, payload: UdpPayload::new() };
    all.on_sent(&request);
    all.on_confirm(at(second), UdpConfirm { handle: 7, status });
}

#[test]
fn what_all_stand_on_comes_before_what_a_meter_does() {
    let mut all = Diagnosis::new(PERIOD);
    all.on_expected(eui(1));
    assert_eq!(all.explain(at(0), eui(1)).verdict, Verdict::NetworkNotStarted);
    all.on_network(at(0), &AdpmIndication::Started { pan_id: plc_core::PanId(1) });
    assert_eq!(all.explain(at(0), eui(1)).verdict, Verdict::TimeUnknown);
    all.on_clock();
    assert_eq!(all.explain(at(0), eui(1)).verdict, Verdict::NeverHeard);
    all.on_store(at(5), Some("disk full"));
    assert_eq!(all.explain(at(6), eui(1)).verdict, Verdict::StoreFails);
    all.on_line(at(7), Some("socket gone"));
    all.on_line(at(9), Some("socket gone still"));
    let told = all.explain(at(10), eui(1));
    assert_eq!(told.verdict, Verdict::LineNotServed);
    let line = told.chain.iter().find(|finding| finding.text.starts_with("power line")).unwrap();
    assert_eq!((line.at, line.text.as_str()), (Some(at(7)), "power line: socket gone still"));
    all.on_line(at(11), None);
    all.on_store(at(11), None);
    assert_eq!(
        all.explain(at(12), eui(1)).verdict,
        Verdict::NetworkNotStarted,
        "it begins anew with the line"
    );
}

#[test]
fn who_is_not_expected_is_told_from_who_asks_to_join_all_the_same() {
    let mut all = running(1);
    assert_eq!(all.explain(at(9), eui(77)).verdict, Verdict::NotExpected);
    for n in 0..3 {
        let refused = AdpmIndication::DeviceRefused { eui64: eui(77), reason: JoinFailure::Declined };
        all.on_network(at(10 + n), &refused);
    }
    let told = all.explain(at(20), eui(77));
    assert_eq!(told.verdict, Verdict::Stranger);
    assert!(told.chain.iter().any(|finding| finding.text.contains("3 times")), "{:?}", told.chain);
    all.on_expected(eui(77));
    assert_eq!(all.explain(at(21), eui(77)).verdict, Verdict::NeverHeard);
}

#[test]
fn strangers_are_bounded_and_the_one_that_was_silent_for_longest_is_forgotten() {
    let mut all = running(0);
    for n in 0..200 {
        let refused = AdpmIndication::DeviceRefused { eui64: eui(1000 + n), reason: JoinFailure::Declined };
        all.on_network(at(n as i64), &refused);
    }
    assert_eq!(all.occupancy(), (STRANGERS_MAX, STRANGERS_MAX));
    assert_eq!(all.explain(at(300), eui(1000)).verdict, Verdict::NotExpected);
    assert_eq!(all.explain(at(300), eui(1199)).verdict, Verdict::Stranger);
}

#[test]
fn a_join_that_fails_is_told_by_why_it_fails() {
    let refused = |reason| AdpmIndication::DeviceRefused { eui64: eui(5), reason };
    for (reason, verdict) in
        [(JoinFailure::Declined, Verdict::JoinKeyWrong), (JoinFailure::Timeout, Verdict::JoinInterrupted)]
    {
        let mut all = running(1);
        all.on_expected(eui(5));
        all.on_network(at(5), &refused(reason));
        all.on_network(at(6), &refused(reason));
        assert_eq!(all.explain(at(7), eui(5)).verdict, verdict);
        all.on_network(at(8), &AdpmIndication::DeviceJoined { eui64: eui(5), short: short(5) });
        all.on_status(&status(5, true, MeterState::Waiting));
        assert_eq!(all.explain(at(9), eui(5)).verdict, Verdict::Waiting);
        all.on_network(at(10), &AdpmIndication::DeviceLeft { eui64: eui(5) });
        all.on_status(&status(5, false, MeterState::Absent));
        assert_eq!(all.explain(at(11), eui(5)).verdict, Verdict::Left);
    }
}

#[test]
fn a_meter_that_was_removed_is_told_as_such_until_it_may_join_again() {
    let mut all = running(2);
    (1..=2).for_each(|n| read(&mut all, 10, n));
    all.on_dismissed(at(20), eui(1));
    all.on_network(at(21), &AdpmIndication::DeviceLeft { eui64: eui(1) });
    all.on_network(at(30), &AdpmIndication::DeviceRefused { eui64: eui(1), reason: JoinFailure::Declined });
    let told = all.explain(at(40), eui(1));
    assert_eq!(told.verdict, Verdict::Removed, "{:?}", told.chain);
    assert!(told.chain.iter().any(|finding| finding.text.contains("told to leave")), "{:?}", told.chain);
    assert_eq!(all.explain(at(40), eui(2)).verdict, Verdict::Healthy);
    all.on_network(at(50), &AdpmIndication::Started { pan_id: plc_core::PanId(1) });
    assert_ne!(all.explain(at(51), eui(1)).verdict, Verdict::Removed, "whoever is expected may join");
    all.on_dismissed(at(60), eui(1));
    all.on_network(at(61), &AdpmIndication::DeviceJoined { eui64: eui(1), short: short(1) });
    all.on_status(&status(1, true, MeterState::Waiting));
    assert_eq!(all.explain(at(62), eui(1)).verdict, Verdict::Healthy);
}

#[test]
fn a_meter_that_does_not_answer_is_told_by_what_is_heard_of_it_and_what_is_sent_to_it() {
    for (heard, unsent, verdict) in [
        (false, None, Verdict::Silent),
        (false, Some(AdpStatus::DataError), Verdict::Silent),
        (false, Some(AdpStatus::RouteError), Verdict::Silent),
        (true, Some(AdpStatus::RouteError), Verdict::LinkWeak),
        (true, None, Verdict::LinkWeak),
    ] {
        let mut all = running(8);
        (1..=8).for_each(|n| read(&mut all, 10, n));
        if heard {
            hear(&mut all, 900, 3);
        }
        unsent.into_iter().for_each(|status| give_up(&mut all, 905, 3, status));
        fail(&mut all, 910, 3, NO_ANSWER);
        assert_eq!(all.explain(at(920), eui(3)).verdict, verdict);
        assert_eq!(all.explain(at(920), eui(4)).verdict, Verdict::Healthy, "the others are not to blame");
        read(&mut all, 930, 3);
        assert_eq!(all.explain(at(940), eui(3)).verdict, Verdict::Healthy);
    }
}

#[test]
fn a_meter_behind_others_to_which_no_way_is_found_may_well_have_power() {
    let mut all = running(8);
    (1..=8).for_each(|n| read(&mut all, 10, n));
    all.on_route(short(3), short(2));
    give_up(&mut all, 905, 3, AdpStatus::RouteError);
    fail(&mut all, 910, 3, NO_ANSWER);
    assert_eq!(all.explain(at(920), eui(3)).verdict, Verdict::NoRoute);
}

#[test]
fn a_relay_that_is_silent_is_to_blame_for_who_is_behind_it() {
    let mut all = running(6);
    (1..=6).for_each(|n| read(&mut all, 10, n));
    all.on_route(short(3), short(2));
    all.on_route(short(2), short(2));
    (2..=3).for_each(|n| fail(&mut all, 910, n, NO_ANSWER));
    assert_eq!(all.explain(at(920), eui(3)).verdict, Verdict::RelaySilent { relay: eui(2) });
    assert_eq!(all.explain(at(920), eui(2)).verdict, Verdict::Silent);
    read(&mut all, 930, 2);
    assert_eq!(all.explain(at(940), eui(3)).verdict, Verdict::Silent, "the relay is well again");
}

#[test]
fn when_most_of_those_that_were_tried_fail_the_line_is_to_blame() {
    let mut all = running(8);
    (1..=8).for_each(|n| read(&mut all, 10, n));
    (1..=4).for_each(|n| fail(&mut all, 2000, n, NO_ANSWER));
    assert_eq!(all.explain(at(2010), eui(2)).verdict, Verdict::LineNoisy { failing: 4, tried: 4 });
    (5..=8).for_each(|n| read(&mut all, 2020, n));
    assert_eq!(all.explain(at(2030), eui(2)).verdict, Verdict::Silent, "half of them are read");
    // Failures of another kind do not count.
    fail(&mut all, 2040, 5, SessionFailure::Association(ClientFailure::Authentication));
    assert_eq!(all.explain(at(2050), eui(2)).verdict, Verdict::Silent);
}

#[test]
fn what_a_meter_says_itself_counts_before_the_line() {
    let access = |result| SessionFailure::Denied {
        request: dlms::cosem::AttributeRequest {
            class_id: 7,
            logical_name: dlms::cosem::LogicalName([1, 0, 99, 1, 0, 255]),
            selector: None,
            attribute: 2,
        },
        result,
    };
    for (reason, verdict) in [
        (SessionFailure::Association(ClientFailure::Authentication), Verdict::DlmsKeysDiffer),
        (SessionFailure::Association(ClientFailure::CounterExhausted), Verdict::CountersExhausted),
        (answered(AnswerFault::Replayed(ApduKind(0xCC))), Verdict::CountersReplayed),
        (answered(AnswerFault::Unauthentic(ApduKind(0xCC))), Verdict::DlmsKeysDiffer),
        (answered(AnswerFault::Joined), Verdict::AnswersUnbelievable),
        (access(dlms::apdu::DataAccessResult::ReadWriteDenied), Verdict::AccessDenied),
        (SessionFailure::Unexpected(Unexpected::Clock), Verdict::ClockInvalid),
        (SessionFailure::Unexpected(Unexpected::RowShape), Verdict::AnswersUnbelievable),
        (SessionFailure::NotStored, Verdict::StoreFails),
        (SessionFailure::Left, Verdict::Left),
    ] {
        let mut all = running(3);
        hear(&mut all, 905, 1);
        fail(&mut all, 910, 1, reason.clone());
        (2..=3).for_each(|n| fail(&mut all, 911, n, NO_ANSWER));
        assert_eq!(all.explain(at(920), eui(1)).verdict, verdict, "{reason}");
    }
    let mut all = running(1);
    hear(&mut all, 905, 1);
    fail(&mut all, 910, 1, SessionFailure::TimedOut);
    assert_eq!(all.explain(at(920), eui(1)).verdict, Verdict::TooSlow);
}

#[test]
fn a_meter_that_is_read_may_still_have_had_a_wrong_clock_or_lost_captures() {
    let mut all = running(1);
    let deviation = Duration::from_secs(100);
    all.on_event(at(5), &CollectorEvent::ClockDeviation { meter: eui(1), deviation, ahead: true });
    read(&mut all, 6, 1);
    assert_eq!(all.explain(at(7), eui(1)).verdict, Verdict::ClockWrong);
    all.on_event(at(8), &CollectorEvent::ClockSet { meter: eui(1), by_ms: -100_000 });
    let told = all.explain(at(9), eui(1));
    assert_eq!(told.verdict, Verdict::ClockCorrected);
    let clock = told.chain.iter().find(|finding| finding.text.starts_with("clock")).unwrap();
    assert_eq!(clock.text, "clock: was 100.0 s ahead, and was set");
    let range = CaptureRange { from: at(100), to: at(100) };
    all.on_event(at(8000), &CollectorEvent::GapLost { meter: eui(1), range });
    read(&mut all, 8001, 1);
    assert_eq!(all.explain(at(8002), eui(1)).verdict, Verdict::CapturesLost, "the clock is no news any more");
    read(&mut all, 20_000, 1);
    assert_eq!(all.explain(at(20_001), eui(1)).verdict, Verdict::Healthy);
}

#[test]
fn a_meter_that_only_pushes_is_told_as_one_and_is_silent_when_it_does_not() {
    let mut all = running(2);
    all.on_status(&MeterStatus { one_way: true, ..status(1, true, MeterState::Waiting) });
    let pushes = |all: &Diagnosis, second| {
        let told = all.explain(at(second), eui(1));
        assert!(
            told.chain.iter().any(|finding| finding.text.starts_with("plan: it only pushes")),
            "{told:?}"
        );
        assert!(!told.chain.iter().any(|finding| finding.text.contains("sessions")), "{told:?}");
        told.verdict
    };
    assert_eq!(pushes(&all, 10), Verdict::Waiting, "it has joined a moment ago");
    let late = 2 + 2 * PERIOD.as_secs() as i64;
    assert_eq!(pushes(&all, late), Verdict::Silent, "it should have pushed twice since");
    read(&mut all, late, 1);
    assert_eq!(pushes(&all, late + 1), Verdict::Healthy);
    assert_eq!(pushes(&all, 2 * late), Verdict::Silent);
    assert_eq!(
        all.explain(at(late), eui(2)).verdict,
        Verdict::Waiting,
        "that one is asked, when its turn comes"
    );
}

#[test]
fn who_waits_while_all_sessions_are_taken_knows_his_place() {
    let mut all = running(6);
    let planned = |n: u64, second, due| MeterStatus {
        next_attempt: Some(Instant::from_secs(second)),
        due,
        ..status(n, true, MeterState::Waiting)
    };
    (3..=6).for_each(|n| all.on_status(&planned(n, 100 + n, false)));
    assert_eq!(all.explain(at(10), eui(5)).verdict, Verdict::Waiting);
    (3..=6).for_each(|n| all.on_status(&planned(n, 100 + n, true)));
    all.on_status(&status(1, true, MeterState::InSession));
    assert_eq!(all.explain(at(10), eui(5)).verdict, Verdict::Queued { before: 2 });
    assert_eq!(all.explain(at(10), eui(3)).verdict, Verdict::Queued { before: 0 });
    assert_eq!(all.explain(at(10), eui(1)).verdict, Verdict::InSession);
    // While the others fail, it is the line for which it waits.
    (1..=3).for_each(|n| fail(&mut all, 20, n, NO_ANSWER));
    assert_eq!(all.explain(at(30), eui(5)).verdict, Verdict::LineNoisy { failing: 3, tried: 3 });
}

#[test]
fn the_chain_is_in_the_order_of_time_and_says_what_led_to_the_verdict() {
    let mut all = running(3);
    read(&mut all, 10, 1);
    hear(&mut all, 20, 1);
    give_up(&mut all, 905, 1, AdpStatus::DataError);
    fail(&mut all, 910, 1, NO_ANSWER);
    let told = all.explain(at(920), eui(1));
    let times: StdVec<_> = told.chain.iter().map(|finding| finding.at).collect();
    assert!(times.is_sorted(), "{times:?}");
    let text = told.chain.iter().map(|finding| finding.text.to_string()).collect::<StdVec<_>>().join("\n");
    for part in [
        "network: joined, address 0001",
        "last heard over 2 hops, the last of them at 2.5 dB",
        "1 datagrams to it were given up, last because the next node did not acknowledge",
        "failed 1 times since",
        "captures: none is held",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!told.verdict.advice().is_empty() && !told.verdict.to_string().is_empty());
}

#[derive(Clone, Debug)]
enum Happening {
    Joined(u64),
    Left(u64),
    Refused(u64, bool),
    Read(u64),
    Failed(u64, u8),
    Heard(u64),
    GivenUp(u64),
    Route(u64, u64),
    Status(u64, bool),
}

fn happening() -> impl Strategy<Value = Happening> {
    let meter = || 0u64..12;
    prop_oneof![
        meter().prop_map(Happening::Joined),
        meter().prop_map(Happening::Left),
        (meter(), any::<bool>()).prop_map(|(n, declined)| Happening::Refused(n, declined)),
        meter().prop_map(Happening::Read),
        (meter(), 0u8..6).prop_map(|(n, kind)| Happening::Failed(n, kind)),
        meter().prop_map(Happening::Heard),
        meter().prop_map(Happening::GivenUp),
        (meter(), meter()).prop_map(|(n, hop)| Happening::Route(n, hop)),
        (meter(), any::<bool>()).prop_map(|(n, joined)| Happening::Status(n, joined)),
    ]
}

fn apply(all: &mut Diagnosis, second: i64, happening: &Happening) {
    match *happening {
        Happening::Joined(n) => {
            all.on_network(at(second), &AdpmIndication::DeviceJoined { eui64: eui(n), short: short(n) });
        }
        Happening::Left(n) => all.on_network(at(second), &AdpmIndication::DeviceLeft { eui64: eui(n) }),
        Happening::Refused(n, declined) => {
            let reason = if declined { JoinFailure::Declined } else { JoinFailure::Timeout };
            all.on_network(at(second), &AdpmIndication::DeviceRefused { eui64: eui(n), reason });
        }
        Happening::Read(n) => read(all, second, n),
        Happening::Failed(n, kind) => fail(all, second, n, reason(kind)),
        Happening::Heard(n) => hear(all, second, n),
        Happening::GivenUp(n) => give_up(all, second, n, AdpStatus::DataError),
        Happening::Route(n, hop) => all.on_route(short(n), short(hop)),
        Happening::Status(n, joined) => all.on_status(&status(n, joined, MeterState::Waiting)),
    }
}

fn reason(kind: u8) -> SessionFailure {
    match kind {
        0 => SessionFailure::TimedOut,
        1 => SessionFailure::NotStored,
        2 => SessionFailure::Left,
        3 => SessionFailure::Unexpected(Unexpected::Profile),
        4 => SessionFailure::Association(ClientFailure::Authentication),
        _ => NO_ANSWER,
    }
}

proptest! {
    #[test]
    fn whatever_happens_there_is_a_verdict_and_nothing_grows(happenings in prop::collection::vec(happening(), 0..200)) {
        let mut all = running(8);
        for (second, happening) in happenings.iter().enumerate() {
            apply(&mut all, 10 + second as i64, happening);
            let told = all.explain(at(11 + second as i64), eui(3));
            prop_assert!(told.chain.len() <= 16);
            let (held, most) = all.occupancy();
            prop_assert!(held <= most && held <= 12 + STRANGERS_MAX);
            if let Verdict::RelaySilent { relay } = told.verdict {
                prop_assert!(relay != eui(3));
            }
        }
    }
}
