//! A meter on generated mains, with the truth kept beside it.
#![allow(dead_code)]

use meter::{
    ApplicationInput, ApplicationOutput, Identity, MeterApplication, MeterConfig, MeterKeys, MeterState,
};
use metrology::Ratings;
use plc_core::sap::Key;
use plc_core::{Instant, Machine, Seed, Utc, UtcAnchor};
use std::collections::VecDeque;
use std::f64::consts::{SQRT_2, TAU};

pub(crate) const RATE: u64 = 1000;
pub(crate) const KEYS: MeterKeys = MeterKeys { encryption: Key([0x11; 16]), authentication: Key([0x22; 16]) };
pub(crate) const IDENTITY: Identity = Identity { maker: *b"ABC", serial: 1_234_567_890_123 };

pub(crate) fn config() -> MeterConfig {
    let mut config = MeterConfig::new(IDENTITY, KEYS, Seed::from_u64(1));
    // Days of samples: what needs power quality asks for it.
    config.power_quality = false;
    config.ratings = Ratings { sample_rate_hz: RATE as u32, ..Ratings::household() };
    config
}

/// An application fed without gaps; sample `n` is taken at `n / RATE` seconds.
pub(crate) struct Mains {
    pub(crate) app: MeterApplication,
    pub(crate) samples: u64,
    pub(crate) outputs: VecDeque<ApplicationOutput>,
    /// The true energy in Wh, import and export.
    pub(crate) truth: [f64; 2],
}

impl Mains {
    pub(crate) fn new() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: MeterConfig) -> Self {
        let app = MeterApplication::new(config).expect("a good configuration");
        Self { app, samples: 0, outputs: VecDeque::new(), truth: [0.0; 2] }
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_nanos(self.samples * 1_000_000_000 / RATE)
    }

    pub(crate) fn handle(&mut self, input: ApplicationInput<'_>) {
        self.app.handle(self.now(), input);
        self.outputs.extend(std::iter::from_fn(|| self.app.poll()));
    }

    /// From now on it is `utc`.
    pub(crate) fn set_clock(&mut self, utc: Utc) {
        self.handle(ApplicationInput::Clock(UtcAnchor { at: self.now(), utc }));
    }

    /// `count` samples of 230 V and a resistive load of `watts` (negative: a source), in blocks of `block`.
    pub(crate) fn feed(&mut self, watts: f64, count: u64, block: u64) {
        let second: Vec<_> = (0..RATE).map(|n| Self::pair(watts, n)).collect();
        let end = self.samples + count;
        while self.samples < end {
            let len = block.min(end - self.samples);
            let pairs = (self.samples..self.samples + len).map(|n| second[(n % RATE) as usize]);
            let (u, i): (Vec<_>, Vec<_>) = pairs.unzip();
            self.samples += len;
            self.handle(ApplicationInput::Samples { u: &u, i: &i });
        }
        let wh = watts * count as f64 / RATE as f64 / 3600.0;
        self.truth[usize::from(wh < 0.0)] += wh.abs();
    }

    /// Whole seconds in blocks of 100 ms.
    pub(crate) fn seconds(&mut self, watts: f64, seconds: u64) {
        self.feed(watts, seconds * RATE, RATE / 10);
    }

    /// The same meter after a restart, on the same mains.
    pub(crate) fn restarted(mut self) -> Self {
        let state: MeterState = self.app.state();
        let app = MeterApplication::new(MeterConfig { state, ..config() }).expect("a good configuration");
        Self { app, ..self }
    }

    fn pair(watts: f64, n: u64) -> (i32, i32) {
        let ratings = Ratings::household();
        let sine = (n as f64 * 50.0 / RATE as f64 * TAU + 0.4).sin() * SQRT_2;
        let u = 230.0 * sine / (ratings.u_pv_per_lsb as f64 * 1e-12);
        let i = watts / 230.0 * sine / (ratings.i_pa_per_lsb as f64 * 1e-12);
        (u.round() as i32, i.round() as i32)
    }
}

pub(crate) fn at(day: u8, hour: u8, minute: u8, second: u8) -> Utc {
    Utc::from_civil(2026, 11, day, hour, minute, second).expect("a date")
}
