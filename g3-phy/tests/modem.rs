//! The modem as its driver and its MAC see it.

mod common;
use common::*;
use g3_phy::{BandPlan, CENELEC_A, Exchange, LEVEL_MAX, Modem, ModemConfig, ModemInput};
use plc_core::laws::{Subject, check};
use plc_core::sap::*;
use plc_core::{Instant, Machine, SampleClock};
use proptest::prelude::*;
use std::time::Duration;

fn exchange(modem: &mut Modem, received: &[f32]) -> Vec<f32> {
    let mut transmitted = vec![9.0; received.len()];
    let now = Instant::from_nanos((modem.position() + received.len() as u64) * 2500);
    modem.on_medium(now, Exchange::Block { received, transmitted: &mut transmitted });
    transmitted
}

fn drain(modem: &mut Modem) -> Vec<PhyIndication> {
    std::iter::from_fn(|| Phy::poll(modem)).collect()
}

fn ack_at(at: Instant) -> PhyRequest {
    PhyRequest::Ack(PdAckRequest { fcs: 0x5843, more_segments: true, negative: false, at })
}

#[test]
fn a_frame_starts_at_the_exact_sample_and_its_end_is_confirmed() {
    let mut talker = modem();
    let start = Instant::from_nanos(1234 * 2500);
    talker.on_request(Instant::EPOCH, ack_at(start));
    assert!(talker.is_transmitting());
    assert_eq!((talker.next_transmission(), Phy::deadline(&talker)), (Some(start), Some(start)));
    let mut line = vec![0.0; 100];
    (0..130).for_each(|_| line.extend(exchange(&mut talker, &[0.0; 100])));
    // The first sample of the ramp is zero.
    assert_eq!(line.iter().position(|&s| s != 0.0), Some(1235));
    let len = CENELEC_A.frame_len(0);
    assert_eq!(line.iter().rposition(|&s| s != 0.0), Some(1234 + len - 2));
    let ended = Instant::from_nanos((1234 + len as u64) * 2500);
    assert_eq!(drain(&mut talker), [PhyIndication::Confirm { status: PdStatus::Success, ended }]);
    assert!(!talker.is_transmitting());
    assert_eq!(talker.counters().frames_sent, 1);
}

#[test]
fn a_late_request_starts_with_the_next_block() {
    let mut talker = modem();
    exchange(&mut talker, &[0.0; 1000]);
    talker.on_request(Instant::from_nanos(2_500_000), ack_at(Instant::EPOCH));
    assert_eq!(Phy::deadline(&talker), None);
    let block = exchange(&mut talker, &[0.0; 500]);
    assert!(block[1] != 0.0);
}

#[test]
fn the_block_size_does_not_change_what_is_sent() {
    let line = |size: usize| {
        let mut talker = modem();
        talker.on_request(Instant::EPOCH, ack_at(Instant::from_nanos(5000 * 2500)));
        let mut line = vec![0.0; size];
        while line.len() < 12_000 {
            line.extend(exchange(&mut talker, &vec![0.0; size]));
        }
        line.truncate(12_000);
        line
    };
    let whole = line(3000);
    for size in [1, 7, 278, 1000] {
        assert_eq!(line(size), whole, "{size}");
    }
}

#[test]
fn a_second_request_is_refused_and_does_not_disturb_the_first() {
    let mut talker = modem();
    talker.on_request(Instant::EPOCH, ack_at(Instant::EPOCH));
    let now = Instant::from_nanos(77);
    talker.on_request(now, ack_at(now));
    assert_eq!(drain(&mut talker), [PhyIndication::Confirm { status: PdStatus::TxBusy, ended: now }]);
    let mut line = Vec::new();
    (0..20).for_each(|_| line.extend(exchange(&mut talker, &[0.0; 500])));
    assert!(matches!(listen(&line)[1], PhyIndication::Ack(_)));
    assert_eq!(talker.counters().frames_sent, 1);
}

#[test]
fn a_length_that_no_frame_has_is_refused() {
    let mut talker = modem();
    let tx = tx(Modulation::Bpsk, 0x3F);
    let mut psdu = Psdu::new();
    for len in [0, 9, 11, 300] {
        psdu.resize(len, 0).unwrap();
        talker.on_request(Instant::EPOCH, data(&psdu, tx));
        let refused = PhyIndication::Confirm { status: PdStatus::InvalidParameters, ended: Instant::EPOCH };
        assert_eq!(drain(&mut talker), [refused], "{len} octets");
    }
    assert!(!talker.is_transmitting());
}

#[test]
fn the_output_level_is_the_rms_of_header_and_payload() {
    let mut talker = Modem::new(&CENELEC_A, ModemConfig { level: 0.25, ..ModemConfig::default() });
    let tx = tx(Modulation::Qpsk, 0x3F);
    let sent = psdu(&mut Noise::new(1), &tx, 235);
    talker.on_request(Instant::EPOCH, data(&sent, tx));
    let mut line = Vec::new();
    (0..50).for_each(|_| line.extend(exchange(&mut talker, &[0.0; 400])));
    let rms = |s: &[f32]| (s.iter().map(|x| x * x).sum::<f32>() / s.len() as f32).sqrt();
    assert!((rms(&line[2600..19_000]) - 0.25).abs() < 0.01, "{}", rms(&line[2600..19_000]));
    assert!((rms(&line[256..2304]) - 0.25 * 2f32.sqrt()).abs() < 1e-3);
}

#[test]
fn an_acknowledgement_says_what_it_was_given() {
    for (more_segments, negative) in [(false, false), (true, false), (false, true), (true, true)] {
        let request = PdAckRequest { fcs: 0xBEEF, more_segments, negative, at: Instant::EPOCH };
        let mut samples = waveform(PhyRequest::Ack(request), 999);
        Noise::new(4).add(&mut samples, -2.0);
        let said = listen(&samples);
        let [PhyIndication::CarrierSense(CarrierSense::Preamble), PhyIndication::Ack(ack), idle] = &said[..]
        else {
            panic!("{said:?}")
        };
        assert_eq!((ack.fcs, ack.more_segments, ack.negative), (0xBEEF, more_segments, negative));
        assert_eq!(*idle, PhyIndication::CarrierSense(CarrierSense::Idle));
    }
}

#[test]
fn the_block_size_does_not_change_what_is_heard() {
    let (tx, mut noise) = (tx(Modulation::Psk8, 0x37), Noise::new(8));
    let sent = psdu(&mut noise, &tx, 60);
    let mut samples = waveform(data(&sent, tx), 3000);
    samples.extend(waveform(ack_at(Instant::EPOCH), 50));
    noise.add(&mut samples, 12.0);
    let whole = listen_with(&mut modem(), &samples, samples.len());
    assert_eq!(received(&whole)[0].psdu, sent);
    for size in [1, 17, 256, 1000, 5000] {
        assert_eq!(listen_with(&mut modem(), &samples, size), whole, "{size}");
    }
}

#[test]
fn carrier_is_sensed_within_three_syncp() {
    let mut samples = waveform(ack_at(Instant::EPOCH), 2000);
    let start = samples.iter().position(|&s| s != 0.0).unwrap();
    Noise::new(14).add(&mut samples, 0.0);
    let mut listener = modem();
    assert_eq!(listen_with(&mut listener, &samples[..start], 100), []);
    let heard = listen_with(&mut listener, &samples[start..start + 4 * 256], 100);
    assert_eq!(heard, [PhyIndication::CarrierSense(CarrierSense::Preamble)]);
}

#[test]
fn any_number_of_syncp_is_understood() {
    let (tx, mut noise) = (tx(Modulation::Bpsk, 0x3F), Noise::new(15));
    for syncp in [4, 5, 6, 8, 12, 64] {
        let plan: &'static BandPlan = Box::leak(Box::new(CENELEC_A.with_syncp(syncp).unwrap()));
        let mut talker = Modem::new(plan, ModemConfig::default());
        let sent = psdu(&mut noise, &tx, 40);
        talker.on_request(Instant::EPOCH, data(&sent, tx));
        let mut samples = vec![0.0; 300];
        (0..100).for_each(|_| samples.extend(exchange(&mut talker, &[0.0; 500])));
        noise.add(&mut samples, 8.0);
        assert_eq!(received(&listen(&samples))[0].psdu, sent, "{syncp} SYNCP");
    }
}

#[test]
fn the_longest_gap_stops_the_counter_and_the_modem_goes_on() {
    let mut listener = modem();
    listener.on_medium(Instant::EPOCH, Exchange::Gap { samples: 1000 });
    (0..3).for_each(|_| listener.on_medium(Instant::EPOCH, Exchange::Gap { samples: u64::MAX }));
    assert_eq!(listener.position(), 1 << 62);
    let said = listen_with(&mut listener, &waveform(ack_at(Instant::EPOCH), 100), 400);
    assert!(said.iter().any(|i| matches!(i, PhyIndication::Ack(_))), "{said:?}");
}

#[test]
fn a_level_that_is_no_number_is_silence_and_an_endless_one_has_an_end() {
    let peak = |level: f32| {
        let mut talker = Modem::new(&CENELEC_A, ModemConfig { level, ..ModemConfig::default() });
        waveform_of(&mut talker, ack_at(Instant::EPOCH), 0).iter().fold(0f32, |peak, s| peak.max(s.abs()))
    };
    assert_eq!([f32::NAN, -1.0, f32::NEG_INFINITY].map(peak), [0.0; 3]);
    assert_eq!(peak(f32::INFINITY), peak(LEVEL_MAX));
    assert!(peak(LEVEL_MAX).is_finite() && peak(LEVEL_MAX) > LEVEL_MAX);
}

#[test]
fn a_damaged_payload_is_reported_and_never_delivered() {
    let (tx, mut noise) = (tx(Modulation::Psk8, 0x3F), Noise::new(16));
    let sent = psdu(&mut noise, &tx, 200);
    let mut samples = waveform(data(&sent, tx), 600);
    noise.add(&mut samples, 14.0);
    samples[600 + 7000..600 + 14_000].iter_mut().for_each(|s| *s = noise.gauss());
    let mut listener = modem();
    let said = listen_with(&mut listener, &samples, 400);
    assert!(matches!(said[2], PhyIndication::Lost { loss: PhyLoss::Payload, .. }), "{said:?}");
    assert_eq!(said[3], PhyIndication::CarrierSense(CarrierSense::Idle));
    assert_eq!((said.len(), listener.counters().payload_losses), (4, 1));
}

#[test]
fn a_damaged_header_is_reported() {
    let mut samples = waveform(ack_at(Instant::EPOCH), 600);
    let start = samples.iter().position(|&s| s != 0.0).unwrap();
    let mut noise = Noise::new(18);
    samples[start + 2500..start + 6500].iter_mut().for_each(|s| *s = noise.gauss());
    let said = listen(&samples);
    assert!(matches!(said[1], PhyIndication::Lost { loss: PhyLoss::Header, .. }), "{said:?}");
    assert_eq!(said[2], PhyIndication::CarrierSense(CarrierSense::Idle));
}

#[test]
fn noise_in_place_of_a_header_never_passes_for_one() {
    let clean = waveform(ack_at(Instant::EPOCH), 300);
    let start = clean.iter().position(|&s| s != 0.0).unwrap();
    let mut losses = 0;
    for seed in 0..400 {
        let (mut samples, mut noise) = (clean.clone(), Noise::new(seed));
        samples[start + 2432..].iter_mut().for_each(|s| *s = noise.gauss());
        let said = listen(&samples);
        losses +=
            said.iter().filter(|i| matches!(i, PhyIndication::Lost { loss: PhyLoss::Header, .. })).count();
        let passed = |i: &PhyIndication| {
            matches!(i, PhyIndication::Ack(_) | PhyIndication::CarrierSense(CarrierSense::Frame { .. }))
        };
        assert!(!said.iter().any(passed), "{seed}: {said:?}");
    }
    assert_eq!(losses, 400);
}

#[test]
fn a_gap_ends_a_reception_and_the_clock_goes_on() {
    let (tx, mut noise) = (tx(Modulation::Robo, 0x3F), Noise::new(17));
    let sent = psdu(&mut noise, &tx, 60);
    let samples = waveform(data(&sent, tx), 600);
    let mut listener = modem();
    let said = listen_with(&mut listener, &samples[..12_000], 400);
    assert!(
        listener.is_receiving() && matches!(said[1], PhyIndication::CarrierSense(CarrierSense::Frame { .. }))
    );
    listener.on_medium(Instant::EPOCH, Exchange::Gap { samples: 1_000_000 });
    let ended = Instant::from_nanos(1_012_000 * 2500);
    let lost = PhyIndication::Lost { loss: PhyLoss::Payload, ended };
    assert_eq!(drain(&mut listener), [lost, PhyIndication::CarrierSense(CarrierSense::Idle)]);
    let got = received(&listen_with(&mut listener, &samples, 400)).remove(0);
    let expected = Instant::from_nanos((1_012_000 + 600 + 500) * 2500);
    assert_eq!((got.psdu, got.started.since(expected) < Duration::from_micros(10)), (sent, true));
}

#[test]
fn a_frame_that_starts_with_the_first_sample_after_a_gap_is_heard() {
    let samples = waveform(ack_at(Instant::EPOCH), 0);
    let start = samples.iter().position(|&s| s != 0.0).unwrap() - 1;
    let mut listener = modem();
    listener.on_medium(Instant::EPOCH, Exchange::Gap { samples: 100 });
    let end = start + CENELEC_A.frame_len(0);
    let said = listen_with(&mut listener, &samples[start..end], 400);
    assert!(matches!(said[1], PhyIndication::Ack(_)), "{said:?}");
}

#[test]
fn a_modem_does_not_hear_itself_and_hears_the_answer() {
    let mut node = modem();
    node.on_request(Instant::EPOCH, ack_at(Instant::EPOCH));
    let mut line = vec![0.0; 400];
    let answer = waveform(ack_at(Instant::EPOCH), 0);
    let mut heard = Vec::new();
    let (mut later, mut answered) = (Vec::new(), false);
    for _ in 0..60 {
        // Everything that it sends comes back one block later, and then the answer.
        let sent = exchange(&mut node, &line);
        heard.extend(drain(&mut node));
        if !node.is_transmitting() && !answered {
            answered = true;
            later = answer.chunks_exact(400).map(<[f32]>::to_vec).rev().collect();
        }
        line = later.pop().unwrap_or(sent);
    }
    let acks = heard.iter().filter(|i| matches!(i, PhyIndication::Ack(_))).count();
    assert_eq!(
        (acks, node.counters().header_losses, node.counters().false_preambles),
        (1, 0, 0),
        "{heard:?}"
    );
}

#[derive(Clone, Debug)]
enum Step {
    Block(u64, usize, f32),
    Line(usize, usize),
    Gap(u64),
    Ack(u64),
    Data(usize, u32, usize, u64),
}

struct Under;

impl Subject for Under {
    type Machine = Modem;
    type Step = Step;

    fn build(&self) -> Modem {
        let clock = SampleClock::new(400_000, Instant::from_secs(1), 20_000);
        Modem::new(&CENELEC_A, ModemConfig { clock, ..ModemConfig::default() })
    }

    fn apply(&self, modem: &mut Modem, now: Instant, step: &Step) {
        match *step {
            Step::Block(seed, len, scale) => {
                let mut noise = Noise::new(seed);
                let block: Vec<f32> = (0..len).map(|_| noise.gauss() * scale).collect();
                take(modem, now, &block);
            }
            Step::Line(from, len) => {
                let samples = waveform(ack_at(Instant::EPOCH), 100);
                take(modem, now, samples.get(from..from + len).unwrap_or(&samples));
            }
            Step::Gap(samples) if !modem.is_transmitting() => {
                Machine::handle(modem, now, ModemInput::Medium(Exchange::Gap { samples }));
            }
            Step::Gap(_) => {}
            Step::Ack(delay) => {
                let at = now + Duration::from_micros(delay);
                Machine::handle(modem, now, ModemInput::Request(ack_at(at)));
            }
            Step::Data(m, map, len, delay) => {
                let modulation = [Modulation::Robo, Modulation::Bpsk, Modulation::Qpsk, Modulation::Qam16][m];
                let tx = tx(modulation, map);
                let len = CENELEC_A.fit(&tx, len).map_or(len, |fit| fit.psdu_len);
                let request = PdDataRequest {
                    psdu: Noise::new(len as u64).octets(len),
                    tx,
                    gain: TxGain::default(),
                    response_expected: false,
                    at: now + Duration::from_micros(delay),
                };
                Machine::handle(modem, now, ModemInput::Request(PhyRequest::Data(request)));
            }
        }
    }

    fn describe(&self, output: &PhyIndication) -> String {
        format!("{output:?}")
    }

    fn occupancy(&self, modem: &Modem) -> (usize, usize) {
        (usize::from(modem.is_transmitting()), 1)
    }
}

fn take(modem: &mut Modem, now: Instant, received: &[f32]) {
    let mut transmitted = vec![0.0; received.len()];
    let exchange = Exchange::Block { received, transmitted: &mut transmitted };
    Machine::handle(modem, now, ModemInput::Medium(exchange));
    assert!(transmitted.iter().all(|s| s.abs() < 20.0));
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (any::<u64>(), 0usize..5000, 1e-6f32..1e6)
            .prop_map(|(seed, len, scale)| Step::Block(seed, len, scale)),
        (0usize..4000, 2000usize..8000).prop_map(|(from, len)| Step::Line(from, len)),
        (0u64..1_000_000).prop_map(Step::Gap),
        (0u64..50_000).prop_map(Step::Ack),
        (0usize..4, 0u32..70, 0usize..250, 0u64..50_000)
            .prop_map(|(m, map, len, d)| Step::Data(m, map, len, d)),
    ]
}

fn any_sample() -> impl Strategy<Value = f32> {
    prop_oneof![
        any::<f32>(),
        Just(f32::NAN),
        Just(f32::INFINITY),
        Just(f32::MAX),
        Just(f32::MIN_POSITIVE),
        -1f32..1.0
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_laws_of_a_machine_hold(
        steps in proptest::collection::vec(((0u64..30_000).prop_map(Duration::from_micros), step()), 0..30)
    ) {
        prop_assert_eq!(check(&Under, &steps), Ok(()));
    }

    #[test]
    fn no_samples_make_it_panic_or_deliver(
        pattern in proptest::collection::vec(any_sample(), 1..600), cut in 0usize..8000,
    ) {
        // A frame whose samples are spoilt from `cut` on by whatever comes, over and over.
        let mut samples = waveform(ack_at(Instant::EPOCH), 100);
        samples[cut.min(2500)..].iter_mut().zip(pattern.iter().cycle()).for_each(|(s, p)| *s = *p);
        let mut listener = modem();
        let said = listen_with(&mut listener, &samples, 333);
        prop_assert!(received(&said).is_empty());
        // And it still works afterwards.
        listen_with(&mut listener, &[0.0; 100_000], 1000);
        let good = listen_with(&mut listener, &waveform(ack_at(Instant::EPOCH), 100), 1000);
        prop_assert!(good.iter().any(|i| matches!(i, PhyIndication::Ack(_))), "{:?}", good);
    }

    #[test]
    fn carrier_sense_always_ends(seed: u64, cuts in proptest::collection::vec(0usize..9000, 1..6)) {
        let mut noise = Noise::new(seed);
        let mut samples = Vec::new();
        for cut in cuts {
            let frame = waveform(ack_at(Instant::EPOCH), 50);
            samples.extend(&frame[..cut.min(frame.len())]);
        }
        samples.extend([0.0; 80_000]);
        noise.add(&mut samples, 12.0);
        let said = listen(&samples);
        let mut busy = false;
        for indication in &said {
            match indication {
                PhyIndication::CarrierSense(CarrierSense::Preamble) => {
                    prop_assert!(!busy);
                    busy = true;
                }
                PhyIndication::CarrierSense(CarrierSense::Idle) => {
                    prop_assert!(busy);
                    busy = false;
                }
                _ => prop_assert!(busy),
            }
        }
        prop_assert!(!busy);
    }
}
