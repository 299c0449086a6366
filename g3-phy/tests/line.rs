//! Frames over lines that are worse than white noise, and clocks that differ.

mod common;
use common::*;
use g3_phy::CENELEC_A;
use plc_core::Instant;
use plc_core::sap::*;

const ALL: [Modulation; 4] = [Modulation::Robo, Modulation::Bpsk, Modulation::Qpsk, Modulation::Psk8];

/// A signal-to-noise ratio at which each modulation works with two to three dB to spare.
fn comfortable_db(modulation: Modulation) -> f64 {
    [1.0, 6.0, 9.0, 13.0][modulation as usize]
}

/// Sends `frames` frames of the largest size through `line` and noise; tells how many arrive.
fn delivered(tx: TxParameters, frames: u64, snr_db: f64, line: impl Fn(Vec<f32>) -> Vec<f32>) -> usize {
    let deliver = |seed: u64| {
        let mut noise = Noise::new(seed);
        let sent = psdu(&mut noise, &tx, usize::MAX);
        let mut samples = line(waveform(data(&sent, tx), 500 + 61 * seed as usize));
        noise.add(&mut samples, snr_db);
        let got = received(&listen(&samples));
        got.len() == 1 && got[0].psdu == sent
    };
    (0..frames).filter(|&seed| deliver(seed)).count()
}

fn filtered(taps: &[(usize, f32)]) -> impl Fn(Vec<f32>) -> Vec<f32> {
    move |samples| {
        let echo = |n: usize| taps.iter().filter_map(|&(d, g)| Some(g * samples[n.checked_sub(d)?])).sum();
        (0..samples.len()).map(echo).collect()
    }
}

/// What a clock `ppm` fast samples: sixteen taps of a windowed sinc.
fn resampled(samples: &[f32], ppm: f64) -> Vec<f32> {
    let step = 1.0 / (1.0 + ppm * 1e-6);
    let at = |n: usize| {
        let time = n as f64 * step;
        let first = time as isize - 15;
        let tap = |m: isize| {
            let x = time - m as f64;
            let sinc =
                if x == 0.0 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
            let window = 0.5 + 0.5 * (std::f64::consts::PI * x / 16.0).cos();
            let sample = usize::try_from(m).ok().and_then(|m| samples.get(m)).copied().unwrap_or(0.0);
            f64::from(sample) * sinc * window
        };
        (first..first + 32).map(tap).sum::<f64>() as f32
    };
    (0..samples.len()).map(at).collect()
}

#[test]
fn every_modulation_passes_with_every_number_of_groups() {
    for modulation in ALL {
        for map in [0x3F, 0x01, 0x20, 0x15, 0x1E, 0x2A, 0x3B] {
            let tx = tx(modulation, map);
            assert_eq!(delivered(tx, 1, 15.0, |s| s), 1, "{modulation:?} {map:x}");
        }
    }
}

#[test]
fn clocks_fifty_ppm_apart_pass_the_longest_frames() {
    for modulation in ALL {
        for ppm in [50.0, -50.0] {
            let tx = tx(modulation, 0x3F);
            let line = |samples: Vec<f32>| resampled(&samples, ppm);
            assert!(delivered(tx, 3, comfortable_db(modulation), line) == 3, "{modulation:?} {ppm}");
        }
    }
}

/// Three and a half samples over 116 symbols, which coherent carriers do not forgive unless the receiver follows.
#[test]
fn clocks_fifty_ppm_apart_pass_the_longest_coherent_frames() {
    for modulation in ALL {
        for ppm in [50.0, -50.0] {
            let tx = TxParameters { scheme: ModulationScheme::Coherent, ..tx(modulation, 0x3F) };
            let line = |samples: Vec<f32>| resampled(&samples, ppm);
            assert_eq!(delivered(tx, 3, comfortable_db(modulation), line), 3, "{modulation:?} {ppm}");
        }
    }
}

#[test]
fn clocks_a_hundred_ppm_apart_pass_robo_over_one_group() {
    // 252 symbols on six carriers: the worst lever for tracking.
    let line = |samples: Vec<f32>| resampled(&samples, 100.0);
    assert_eq!(delivered(tx(Modulation::Robo, 0x01), 3, 3.0, line), 3);
}

#[test]
fn echoes_within_the_prefix_do_no_harm() {
    let lines: [&[(usize, f32)]; 3] = [
        &[(0, 1.0), (5, 0.5), (9, -0.3)],
        &[(0, 0.6), (3, 0.6), (10, 0.5)],
        &[(0, 0.5), (4, -0.4), (7, 0.8)],
    ];
    for modulation in ALL {
        for taps in lines {
            let count = delivered(tx(modulation, 0x3F), 3, comfortable_db(modulation) + 6.0, filtered(taps));
            assert_eq!(count, 3, "{modulation:?} {taps:?}");
        }
    }
}

/// Takes `depth_db` off the carriers around `hz` with a notch of two zeros and two poles.
fn notched(hz: f32, width: f32, depth_db: f32) -> impl Fn(Vec<f32>) -> Vec<f32> {
    let w = std::f32::consts::TAU * hz / 400e3;
    let (pole, zero) = (1.0 - width, 1.0 - width * 10f32.powf(-depth_db / 20.0));
    move |samples| {
        let (mut x, mut y) = ([0.0f32; 2], [0.0f32; 2]);
        let filter = |s: f32| {
            let out = s - 2.0 * zero * w.cos() * x[0] + zero * zero * x[1] + 2.0 * pole * w.cos() * y[0]
                - pole * pole * y[1];
            (x, y) = ([s, x[0]], [out, y[0]]);
            out
        };
        samples.into_iter().map(filter).collect()
    }
}

#[test]
fn carriers_twenty_db_down_do_not_kill_a_frame() {
    for modulation in ALL {
        let line = notched(60e3, 0.05, 26.0);
        let count = delivered(tx(modulation, 0x3F), 4, comfortable_db(modulation) + 3.0, line);
        assert_eq!(count, 4, "{modulation:?}");
    }
}

#[test]
fn a_tone_on_one_carrier_does_not_kill_a_frame() {
    for modulation in ALL {
        let tone = |samples: Vec<f32>| -> Vec<f32> {
            // Carrier 40 exactly, 12 dB above the whole signal's share per carrier.
            let sample =
                |n: usize| 0.94 * (std::f32::consts::TAU * 40.0 / 256.0 * (n % 256) as f32 + 0.3).cos();
            samples.iter().enumerate().map(|(n, s)| s + sample(n)).collect()
        };
        assert_eq!(
            delivered(tx(modulation, 0x3F), 4, comfortable_db(modulation) + 1.0, tone),
            4,
            "{modulation:?}"
        );
    }
}

#[test]
fn levels_from_minus_forty_to_plus_forty_db_make_no_difference() {
    for level_db in [-80.0f32, -40.0, 0.0, 40.0, 80.0] {
        let (tx, mut noise) = (tx(Modulation::Qpsk, 0x3F), Noise::new(5));
        let sent = psdu(&mut noise, &tx, 100);
        let mut samples = waveform(data(&sent, tx), 777);
        noise.add(&mut samples, 10.0);
        samples.iter_mut().for_each(|s| *s *= 10f32.powf(level_db / 20.0));
        assert_eq!(received(&listen(&samples))[0].psdu, sent, "{level_db} dB");
    }
}

#[test]
fn a_weak_frame_after_a_strong_one_is_heard() {
    let (tx, mut noise) = (tx(Modulation::Bpsk, 0x3F), Noise::new(6));
    let sent = psdu(&mut noise, &tx, 50);
    let strong = waveform(data(&sent, tx), 100);
    let weak = strong.iter().map(|s| s * 1e-3);
    let mut samples: Vec<f32> = strong.iter().copied().chain(weak).collect();
    samples.iter_mut().for_each(|s| *s += 1e-5 * noise.gauss());
    assert_eq!(received(&listen(&samples)).len(), 2);
}

/// One frame tells it to a decibel, since noise is short; their mean tells whether the scale is right.
#[test]
fn lqi_tells_the_signal_to_noise_ratio() {
    for snr_db in [0.0, 5.0, 10.0, 20.0, 30.0, 40.0] {
        let error = |seed: u64| {
            let (tx, mut noise) = (tx(Modulation::Robo, 0x3F), Noise::new(seed));
            let sent = psdu(&mut noise, &tx, 20);
            let mut samples = waveform(data(&sent, tx), 500);
            noise.add(&mut samples, snr_db);
            let got = received(&listen(&samples)).remove(0);
            assert_eq!(got.group_lqi.len(), CENELEC_A.groups);
            f64::from(got.lqi.snr_db()) - snr_db
        };
        let errors: Vec<f64> = (2..18).map(error).collect();
        assert!(errors.iter().all(|error| error.abs() < 1.0), "{snr_db} dB: {errors:?}");
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        assert!(mean.abs() < 0.3, "{snr_db} dB: {mean:.2} in the mean, {errors:?}");
    }
}

#[test]
fn group_lqi_shows_where_the_line_is_bad() {
    let (tx, mut noise) = (tx(Modulation::Robo, 0x3F), Noise::new(10));
    let sent = psdu(&mut noise, &tx, 20);
    // Between carriers 35 and 40: the third group.
    let mut samples = notched(58.6e3, 0.05, 30.0)(waveform(data(&sent, tx), 500));
    noise.add(&mut samples, 15.0);
    let got = received(&listen(&samples)).remove(0);
    let worst = (0..6).min_by_key(|&g| got.group_lqi[g]);
    assert_eq!(worst, Some(2), "{:?}", got.group_lqi);
    assert!(got.group_lqi[2].snr_db() + 6.0 < got.group_lqi[5].snr_db());
}

#[test]
fn pulses_on_a_few_symbols_do_not_kill_a_frame() {
    let pulses = |mut samples: Vec<f32>| {
        // A burst of 0.3 ms, 20 dB above the signal, each 10 ms.
        let mut noise = Noise::new(77);
        let mut burst = |n: usize, s: &mut f32| {
            if n % 4000 < 120 {
                *s += 10.0 * noise.gauss()
            }
        };
        samples.iter_mut().enumerate().for_each(|(n, s)| burst(n, s));
        samples
    };
    assert!(delivered(tx(Modulation::Robo, 0x3F), 6, 6.0, pulses) >= 5);
    assert!(delivered(tx(Modulation::Bpsk, 0x3F), 6, 12.0, pulses) >= 5);
}

#[test]
fn bursts_of_the_mains_lose_no_frame_wherever_they_strike() {
    // 0.3 ms each 10 ms, 18 dB above the other noise, at every phase: on preamble, header and payload.
    for phase in (0..4000).step_by(125) {
        let bursts = |mut samples: Vec<f32>| {
            let mut noise = Noise::new(phase as u64);
            let struck = samples.iter_mut().enumerate().filter(|(n, _)| (n + phase) % 4000 < 125);
            struck.for_each(|(_, sample)| *sample += 4.0 * noise.gauss());
            samples
        };
        assert_eq!(delivered(tx(Modulation::Robo, 0x3F), 1, 3.0, bursts), 1, "{phase}");
    }
}

#[test]
fn twenty_seconds_of_noise_never_look_like_a_preamble() {
    let (mut noise, mut listener, mut said) = (Noise::new(3), modem(), Vec::new());
    for _ in 0..200 {
        let block: Vec<f32> = (0..40_000).map(|_| noise.gauss()).collect();
        said.extend(listen_with(&mut listener, &block, 4000));
    }
    assert!(said.is_empty(), "{said:?}");
    assert_eq!(listener.counters(), g3_phy::Counters::default());
}

#[test]
fn frames_close_to_each_other_are_all_heard() {
    let (tx, mut noise) = (tx(Modulation::Qpsk, 0x3F), Noise::new(12));
    let mut samples = Vec::new();
    let sent: Vec<Psdu> = (0..5).map(|_| psdu(&mut noise, &tx, 60)).collect();
    for psdu in &sent {
        let frame = waveform(data(psdu, tx), 0);
        let end = frame.iter().rposition(|&s| s != 0.0).unwrap();
        samples.extend(&frame[..end + 40]);
    }
    noise.add(&mut samples, 12.0);
    let got: Vec<Psdu> = received(&listen(&samples)).into_iter().map(|d| d.psdu).collect();
    assert_eq!(got, sent);
}

#[test]
fn times_of_a_frame_are_right_to_a_few_samples() {
    let (tx, mut noise) = (tx(Modulation::Bpsk, 0x3F), Noise::new(21));
    let sent = psdu(&mut noise, &tx, 100);
    let fit = CENELEC_A.fit(&tx, sent.len()).unwrap();
    let mut samples = waveform(data(&sent, tx), 1234);
    // The talker's first block of 500 goes out after the block in which the request was made.
    let start = 1234 + samples[1234..].iter().position(|&s| s != 0.0).unwrap() - 1;
    noise.add(&mut samples, 10.0);
    let said = listen(&samples);
    let got = received(&said).remove(0);
    let expected = Instant::from_nanos(start as u64 * 2500);
    assert!(
        got.started.as_nanos().abs_diff(expected.as_nanos()) < 4 * 2500,
        "{:?} {expected:?}",
        got.started
    );
    assert_eq!(got.ended.since(got.started), fit.duration);
    assert!(said.contains(&PhyIndication::CarrierSense(CarrierSense::Frame {
        ends: got.ended,
        response_expected: true
    })));
}
