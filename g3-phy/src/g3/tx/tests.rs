use super::*;
use crate::dsp::Complex;
use crate::g3::{CENELEC_A, Sof};
use crate::ofdm::unit;
use plc_core::sap::{FrameGeometry, Modulation, ToneMap};

const AMPLITUDE: f32 = 0.235_702_26;

/// One frame of DQPSK on the lowest group.
fn frame() -> Vec<f32> {
    let tx = TxParameters { modulation: Modulation::Qpsk, tone_map: ToneMap(1), ..CENELEC_A.robust() };
    let shape = PayloadShape::fitting(&CENELEC_A, &tx, 20).unwrap();
    let units = (shape.symbols / 4) as u16;
    let mut transmitter = Transmitter::new(&CENELEC_A, Interop::default(), 1.0, true);
    let fch = Fch::Sof(Sof { pdc: 1, tx, units, blocks: 1, response_expected: false });
    transmitter.load(&fch, &vec![0x33; shape.psdu_len], &tx, &TxGain::default(), &shape);
    let mut samples = vec![0.0; CENELEC_A.frame_len(shape.symbols) + 1];
    assert_eq!(transmitter.fill(&mut samples), samples.len() - 1);
    samples
}

/// The carrier of index `k` in the 256 samples from `start` on, by definition.
fn carrier(samples: &[f32], start: usize, k: usize) -> Complex<f32> {
    let turn = |n: usize| {
        let angle = -core::f32::consts::TAU * ((k * n) % 256) as f32 / 256.0;
        Complex::new(libm::cosf(angle), libm::sinf(angle))
    };
    (0..256).map(|n| turn(n) * samples[start + n]).sum::<Complex<f32>>() / (128.0 * AMPLITUDE)
}

/// The carrier of index `k` in symbol `symbol` of header and payload: the window begins inside the prefix, before
/// the tail that overlaps with the next symbol, so the phase is that of eleven samples earlier.
fn body(samples: &[f32], symbol: usize, k: usize) -> Complex<f32> {
    let angle = core::f32::consts::TAU * (k * 11) as f32 / 256.0;
    carrier(samples, 2424 + 278 * symbol + 19, k) * Complex::new(libm::cosf(angle), libm::sinf(angle))
}

/// Phase between two symbols in quarters of a circle, which must be a whole number.
fn quarters(now: Complex<f32>, before: Complex<f32>) -> u8 {
    let turn = (now * before.conj()).arg() / core::f32::consts::FRAC_PI_2;
    assert!((turn - turn.round()).abs() < 1e-3, "{turn}");
    (turn.round() as i32).rem_euclid(4) as u8
}

#[test]
fn the_preamble_is_eight_syncp_and_one_and_a_half_inverted() {
    let samples = frame();
    for (c, &phase) in CENELEC_A.preamble.iter().enumerate() {
        let sent = unit(phase) * PREAMBLE_GAIN;
        assert!((carrier(&samples, 256, 23 + c) - sent).norm() < 1e-3);
        assert!((carrier(&samples, 7 * 256, 23 + c) - sent).norm() < 1e-3);
        assert!((carrier(&samples, 8 * 256, 23 + c) + sent).norm() < 1e-3);
    }
    let inverted = |n: usize| (samples[n] + samples[n - 256 * 2]).abs() < 1e-4;
    assert!((9 * 256..9 * 256 + 120).all(inverted));
}

#[test]
fn symbols_follow_each_other_every_278_samples_with_a_cyclic_prefix() {
    let samples = frame();
    for symbol in 0..13 {
        let prefix = 2424 + 278 * symbol;
        assert!((prefix + 8..prefix + 22).all(|n| (samples[n] - samples[n + 256]).abs() < 1e-4), "{symbol}");
    }
}

#[test]
fn the_header_turns_phases_by_half_circles_from_those_of_syncp() {
    let samples = frame();
    let mut before: Vec<_> = CENELEC_A.preamble.iter().map(|&phase| unit(phase)).collect();
    for symbol in 0..13 {
        for (c, before) in before.iter_mut().enumerate() {
            let now = body(&samples, symbol, 23 + c);
            assert!((now.norm() - 1.0).abs() < 1e-3 && quarters(now, *before).is_multiple_of(2));
            *before = now;
        }
    }
}

#[test]
fn carriers_without_data_send_the_dummy_sequence() {
    let (samples, mut sequence) = (frame(), Scrambler::new());
    for symbol in 13..20 {
        for k in 29..59 {
            let dibit = [sequence.bit(), sequence.bit()];
            let expected = [[0, 0], [1, 0], [1, 1], [0, 1]].iter().position(|d| *d == dibit);
            let turned = quarters(body(&samples, symbol, k), body(&samples, symbol - 1, k));
            assert_eq!(Some(usize::from(turned)), expected, "symbol {symbol}, carrier {k}");
        }
    }
}
