use super::*;
use crate::fec::Scrambler;
use crate::g3::payload::{PayloadCodec, PayloadShape, STEPS_MAX, carried_bits_max};
use crate::g3::{CENELEC_A, Interop};
use crate::ofdm::unit;
use plc_core::Seed;
use plc_core::sap::{FrameGeometry, Modulation, ToneMap, TxParameters};
use plc_core::seed::Stream;
use rand_core::Rng;

fn uniform(stream: &mut Stream) -> f32 {
    (stream.next_u32() as f32 + 0.5) / 4_294_967_296.0
}

/// Complex noise of mean power 1.
fn gauss(stream: &mut Stream) -> Complex<f32> {
    let (radius, angle) =
        (libm::sqrtf(-libm::logf(uniform(stream))), core::f32::consts::TAU * uniform(stream));
    Complex::new(radius * libm::cosf(angle), radius * libm::sinf(angle))
}

/// A block with its pilots on a line with random phases, a clock that is off, noise and perhaps a pulse.
struct Scene {
    shape: PayloadShape,
    tx: TxParameters,
    psdu: Vec<u8>,
    opposite: Vec<bool>,
    reference: Vec<Complex<f32>>,
    pilots: Vec<Complex<f32>>,
    symbols: Vec<Complex<f32>>,
    noise: Vec<f32>,
}

const REFERENCE_AT: f32 = -18.0;

impl Scene {
    fn new(
        (modulation, map): (Modulation, u32),
        (rate, snr_db, pulse): (f32, f32, bool),
        stream: &mut Stream,
    ) -> Self {
        let tx = TxParameters { modulation, tone_map: ToneMap(map), ..CENELEC_A.robust() };
        let shape = PayloadShape::fitting(&CENELEC_A, &tx, 40).unwrap();
        let psdu: Vec<u8> = (0..shape.psdu_len).map(|_| stream.next_u32() as u8).collect();
        let mut sent = vec![0; carried_bits_max(&CENELEC_A)];
        let len = PayloadCodec::new(&CENELEC_A, Interop::default()).encode(
            &psdu,
            &shape,
            Scrambler::new(),
            &mut sent,
        );
        let gains: Vec<_> = (0..36).map(|_| unit(stream.next_u32() as u8)).collect();
        let opposite: Vec<_> = (0..36).map(|_| stream.next_u32() & 1 == 1).collect();
        let noise = libm::powf(10.0, -snr_db / 10.0);
        let mut heard = |n: usize, at: f32, phase: u8, power: f32| {
            let angle = core::f32::consts::TAU * (23 + n) as f32 / 256.0 * rate * at;
            let turn = Complex::new(libm::cosf(angle), libm::sinf(angle));
            gains[n] * turn * unit(phase) + gauss(stream) * libm::sqrtf(noise * power)
        };
        let reference = (0..36).map(|k| heard(k, REFERENCE_AT, 0, 1.0 / 14.0)).collect();
        let pilots = (0..13 * 36).map(|n| heard(n % 36, (n / 36) as f32 - 13.0, 0, 1.0)).collect();
        let keying = Dpsk::new(shape.bits);
        let mut phases: Vec<u8> = opposite.iter().map(|&opposite| if opposite { 8 } else { 0 }).collect();
        let mut bits = sent[..len].chunks_exact(shape.bits);
        let mut symbols = vec![];
        for n in 0..shape.symbols {
            let power = if pulse && n % 20 == 7 { 100.0 } else { 1.0 };
            for (k, phase) in phases.iter_mut().enumerate() {
                if CENELEC_A.is_active(tx.tone_map, k) {
                    let value = bits.next().unwrap().iter().rev().fold(0, |value, bit| value << 1 | bit);
                    *phase = (*phase + keying.shift(value)) % PHASES;
                }
                symbols.push(heard(k, n as f32, *phase, power));
            }
        }
        Self { shape, tx, psdu, opposite, reference, pilots, symbols, noise: vec![noise; 36] }
    }

    fn received<T>(&self, with: impl FnOnce(&Received<'_>) -> T) -> T {
        with(&Received {
            chain: self.shape.chain(&Interop::default()),
            keying: Dpsk::new(self.shape.bits),
            active: &|position| CENELEC_A.is_active(self.tx.tone_map, position),
            opposite: &|position| self.opposite[position],
            symbols: &self.symbols,
            reference: &self.reference,
            reference_scale: 1.0,
            reference_at: REFERENCE_AT,
            reference_weight: 14.0,
            pilots: &self.pilots,
            noise: &self.noise,
        })
    }

    /// The iteration after which the PSDU is right.
    fn iterations(&self) -> Option<usize> {
        let mut turbo = Turbo::new(&CENELEC_A, 252, carried_bits_max(&CENELEC_A), STEPS_MAX);
        let mut codec = PayloadCodec::new(&CENELEC_A, Interop::default());
        self.received(|received| {
            turbo.begin(received);
            (1..=10).find(|_| {
                let found = codec.check(turbo.iterate(received), &self.shape, Scrambler::new());
                found.is_some_and(|found| found.psdu == self.psdu)
            })
        })
    }
}

const MODULATIONS: [(Modulation, f32); 4] =
    [(Modulation::Robo, -4.0), (Modulation::Bpsk, 0.5), (Modulation::Qpsk, 3.5), (Modulation::Psk8, 7.0)];

#[test]
fn blocks_come_back_from_a_line_that_is_hardly_known() {
    let mut stream = Seed::from_u64(1).stream();
    for (modulation, snr_db) in MODULATIONS {
        for (map, ppm) in [(0x3F, 80.0), (0x3F, -80.0), (0x2D, 40.0)] {
            let scene = Scene::new((modulation, map), (ppm * 278e-6, snr_db, false), &mut stream);
            assert!(scene.iterations().is_some(), "{modulation:?} {map:x} {ppm}");
        }
    }
}

#[test]
fn pulses_twenty_db_above_the_noise_are_left_out() {
    let mut stream = Seed::from_u64(2).stream();
    for (modulation, snr_db) in MODULATIONS {
        let scene = Scene::new((modulation, 0x3F), (0.0, snr_db + 1.0, true), &mut stream);
        assert!(scene.iterations().is_some(), "{modulation:?}");
    }
}

#[test]
fn the_clock_is_known_to_twelve_ppm_before_any_bit_is() {
    let mut stream = Seed::from_u64(3).stream();
    for ppm in [-90.0, -30.0, 0.0, 70.0] {
        let scene = Scene::new((Modulation::Robo, 0x3F), (ppm * 278e-6, -4.0, false), &mut stream);
        let mut channel = Channel::new(&CENELEC_A, 252);
        scene.received(|received| channel.assume(received));
        let found = channel.rate() / 278e-6;
        assert!((found - ppm).abs() < 12.0, "{found} {ppm}");
    }
}
