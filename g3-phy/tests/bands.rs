//! Frames of every band and modulation, with masks, gains and two code words.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;
use common::*;
use g3_phy::{ARIB, BandPlan, CENELEC_A, FCC, FCC_1A, FCC_1B, Modem, ModemConfig, ModemInput, ToneMask};
use plc_core::sap::*;
use plc_core::{Instant, Machine, SampleClock};
use std::sync::LazyLock;
use std::time::Duration;

/// CENELEC-A with the carriers of S-FSK silent.
static NOTCHED: LazyLock<BandPlan> =
    LazyLock::new(|| CENELEC_A.with_mask(ToneMask::carriers(23, 39, 49)).unwrap());

fn bands() -> [&'static BandPlan; 6] {
    [&CENELEC_A, &FCC, &ARIB, &FCC_1A, &FCC_1B, &NOTCHED]
}

fn with(plan: &BandPlan, modulation: Modulation, scheme: ModulationScheme) -> TxParameters {
    TxParameters { modulation, scheme, ..plan.robust() }
}

/// What comes out of `samples` at a modem of `plan`.
fn heard(plan: &'static BandPlan, samples: &[f32]) -> Vec<PdDataIndication> {
    received(&listen_with(&mut modem_of(plan), samples, 700))
}

/// Sends `len` octets of noise, or what the frame holds if that is less; returns them and what was heard at
/// `snr_db` per carrier.
fn exchange(
    plan: &'static BandPlan,
    tx: TxParameters,
    len: usize,
    snr_db: f64,
) -> (Psdu, Vec<PdDataIndication>) {
    let mut noise = Noise::new(len as u64);
    let fit = plan.fit(&tx, len.min(plan.max_psdu(&tx))).unwrap();
    let psdu = noise.octets(fit.psdu_len);
    let mut samples = waveform_of(&mut modem_of(plan), data(&psdu, tx), 900);
    let sigma = (256.0 / (2.0 * plan.used_carriers() as f64 * 10f64.powf(snr_db / 10.0))).sqrt() as f32;
    samples.iter_mut().for_each(|s| *s += sigma * noise.gauss());
    (psdu, heard(plan, &samples))
}

#[test]
fn every_differential_modulation_comes_through_in_every_band() {
    for plan in bands() {
        for modulation in [Modulation::Robo, Modulation::Bpsk, Modulation::Qpsk, Modulation::Psk8] {
            let tx = with(plan, modulation, ModulationScheme::Differential);
            let (psdu, heard) = exchange(plan, tx, 100, 15.0);
            assert_eq!(heard.len(), 1, "{} {modulation:?}", plan.name);
            assert_eq!((&heard[0].psdu, heard[0].tx), (&psdu, tx), "{} {modulation:?}", plan.name);
        }
    }
}

#[test]
fn every_coherent_modulation_comes_through_in_every_band() {
    let modulations =
        [Modulation::Robo, Modulation::Bpsk, Modulation::Qpsk, Modulation::Psk8, Modulation::Qam16];
    for plan in bands() {
        for modulation in modulations.into_iter().filter(|m| *m <= plan.modulation_max) {
            let tx = with(plan, modulation, ModulationScheme::Coherent);
            let (psdu, heard) = exchange(plan, tx, 100, 16.0);
            assert_eq!(heard.len(), 1, "{} {modulation:?}", plan.name);
            assert_eq!((&heard[0].psdu, heard[0].tx), (&psdu, tx), "{} {modulation:?}", plan.name);
        }
    }
}

#[test]
fn two_code_words_come_through_as_one_psdu() {
    let tx = with(&FCC, Modulation::Psk8, ModulationScheme::Differential);
    let (psdu, heard) = exchange(&FCC, tx, 478, 18.0);
    assert_eq!((psdu.len(), &heard[0].psdu), (478, &psdu));
}

#[test]
fn the_longest_robo_frame_of_fcc_comes_through() {
    let (psdu, heard) = exchange(&FCC, FCC.robust(), 494, 3.0);
    assert_eq!((psdu.len(), &heard[0].psdu), (494, &psdu));
}

#[test]
fn an_acknowledgement_of_fcc_comes_through() {
    let ack = PdAckRequest { fcs: 0xBEEF, more_segments: true, negative: true, at: Instant::EPOCH };
    let samples = waveform_of(&mut modem_of(&FCC), PhyRequest::Ack(ack), 500);
    let said = listen_with(&mut modem_of(&FCC), &samples, 512);
    let acks: Vec<_> =
        said.iter().filter_map(|i| if let PhyIndication::Ack(a) = i { Some(a) } else { None }).collect();
    assert_eq!(acks.len(), 1);
    assert!(acks[0].fcs == 0xBEEF && acks[0].more_segments && acks[0].negative);
}

#[test]
fn a_frame_with_gains_is_as_much_quieter_and_still_read() {
    let tx = CENELEC_A.robust();
    let psdu = psdu(&mut Noise::new(1), &tx, 20);
    let power = |gain: TxGain| {
        let PhyRequest::Data(request) = data(&psdu, tx) else { unreachable!() };
        let samples = waveform(PhyRequest::Data(PdDataRequest { gain, ..request }), 400);
        assert_eq!(heard(&CENELEC_A, &samples)[0].psdu, psdu);
        samples.iter().map(|s| s * s).sum::<f32>()
    };
    let db = |gain| 10.0 * (power(gain) / power(TxGain::default())).log10();
    assert!((db(TxGain { step: TxStep::ThreeDb, steps: 3, ..TxGain::default() }) + 9.0).abs() < 0.01);
    let mut half = TxGain { step: TxStep::SixDb, ..TxGain::default() };
    half.group_steps[..3].fill(10);
    assert!((db(half) + 3.0).abs() < 0.1, "{}", db(half));
}

#[test]
fn a_gain_beyond_fifteen_steps_is_refused() {
    let tx = CENELEC_A.robust();
    let PhyRequest::Data(request) = data(&psdu(&mut Noise::new(1), &tx, 20), tx) else { unreachable!() };
    let gain = TxGain { steps: 16, ..TxGain::default() };
    let mut modem = modem();
    modem.on_request(Instant::EPOCH, PhyRequest::Data(PdDataRequest { gain, ..request }));
    let confirm = PhyIndication::Confirm { status: PdStatus::InvalidParameters, ended: Instant::EPOCH };
    assert_eq!(Phy::poll(&mut modem), Some(confirm));
}

#[test]
fn the_phase_difference_tells_the_phases_of_a_feeder_apart() {
    let tx = CENELEC_A.robust();
    let psdu = psdu(&mut Noise::new(1), &tx, 20);
    let samples = waveform(data(&psdu, tx), 3000);
    let differences = [0, 3_333, 6_667, 10_000, 13_333, 16_667].map(|late_us| {
        let clock = SampleClock::new(400_000, Instant::EPOCH, 0);
        let mut listener = Modem::new(&CENELEC_A, ModemConfig { clock, ..ModemConfig::default() });
        // The samples begin 3000 samples before the frame, at the sender's sample 0: 7.5 ms earlier by this clock.
        let at = Instant::from_nanos(1) + Duration::from_nanos(7_500_000) + Duration::from_micros(late_us);
        Machine::handle(&mut listener, Instant::EPOCH, ModemInput::ZeroCrossing { at });
        received(&listen_with(&mut listener, &samples, 500))[0].phase_difference
    });
    // Crossings that come later here make the counter here smaller.
    assert_eq!(differences.map(|difference| difference.sector()), [0, 5, 4, 3, 2, 1]);
    for (sixth, difference) in differences.into_iter().enumerate() {
        let expected = (-256.0 * sixth as f32 / 6.0).round() as i16 as u8;
        let error = difference.0.wrapping_sub(expected) as i8;
        assert!(error.abs() <= 2, "{sixth} sixths of a cycle: {} instead of {expected}", difference.0);
    }
}

/// S-FSK in the notch that was cut for it, keyed at random, 20 dB above the whole frame: no tone that could be taken off.
#[test]
fn what_another_system_sends_in_a_notch_does_no_harm() {
    let tx = NOTCHED.robust();
    for seed in 0..6 {
        let mut noise = Noise::new(seed);
        let psdu = noise.octets(NOTCHED.fit(&tx, 40).unwrap().psdu_len);
        let mut samples = waveform_of(&mut modem_of(&NOTCHED), data(&psdu, tx), 900);
        noise.add(&mut samples, 3.0);
        let mut phase = 0.0;
        for bit in samples.chunks_mut(167) {
            let carrier = if noise.uniform() < 0.5 { 42.0 } else { 46.0 };
            for sample in bit {
                phase += std::f32::consts::TAU * carrier / 256.0;
                *sample += 14.0 * phase.cos();
            }
        }
        let got = heard(&NOTCHED, &samples);
        assert_eq!(got.iter().map(|frame| &frame.psdu).collect::<Vec<_>>(), [&psdu], "{seed}");
    }
}

/// The phases are made up: the real ones are not published, and any will do for a line between two who know them.
#[test]
fn every_mode_of_cenelec_b_comes_through_with_phases_that_are_given() {
    static PHASES: [u8; 16] = [2, 1, 0, 15, 14, 12, 10, 7, 4, 1, 14, 9, 5, 15, 9, 3];
    static PLAN: LazyLock<BandPlan> = LazyLock::new(|| BandPlan::cenelec_b(&PHASES).unwrap());
    for scheme in [ModulationScheme::Differential, ModulationScheme::Coherent] {
        for modulation in [Modulation::Robo, Modulation::Bpsk, Modulation::Qpsk, Modulation::Psk8] {
            let tx = with(&PLAN, modulation, scheme);
            let (psdu, heard) = exchange(&PLAN, tx, 100, 16.0);
            assert_eq!(heard.len(), 1, "{modulation:?} {scheme:?}");
            assert_eq!((&heard[0].psdu, heard[0].tx), (&psdu, tx), "{modulation:?} {scheme:?}");
        }
    }
}
