//! A meter on the bench: sensors, converters, core.

use super::band::power_about;
use super::converter::{Chance, Converter};
use super::sensor::{
    CurrentTransformer, Divider, Ideal, Optical, REFERENCE_CELSIUS, Rogowski, Sensor, Shunt,
};
use super::wave::{Load, Player, Wave};
use metrology::{AccuracyClass, Calibration, Frame, Ratings, Wiring};

/// Which sensors of current a specimen has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principle {
    /// Ideal sensors and converters: the digital core alone.
    Ideal,
    /// Shunts.
    Shunt,
    /// Current transformers of nanocrystalline material.
    Transformer,
    /// Current transformers that tolerate DC.
    TransformerDc,
    /// Rogowski coils.
    Rogowski,
    /// Optical sensors.
    Optical,
}

/// What is to be built.
#[derive(Clone, Copy, Debug)]
pub struct Design {
    /// Name in reports.
    pub name: &'static str,
    /// Ratings of the meter.
    pub ratings: Ratings,
    /// Sensors of current.
    pub principle: Principle,
    /// The same seed gives the same parts.
    pub seed: u64,
}

impl Design {
    /// Class 2, one phase, 5(60) A, shunt.
    pub const fn class_2() -> Self {
        let ratings = Ratings { class: AccuracyClass::Two, ..Ratings::household() };
        Self { name: "class 2, 1P2W, shunt", ratings, principle: Principle::Shunt, seed: 2 }
    }

    /// Class 1, four wires, 5(60) A, current transformers that tolerate DC.
    pub const fn class_1() -> Self {
        let principle = Principle::TransformerDc;
        Self { name: "class 1, 3P4W, DC-tolerant CT", ratings: Ratings::three_phase(), principle, seed: 11 }
    }

    /// Class 0.5S, four wires, 5(6) A, Rogowski coils.
    pub const fn class_05s() -> Self {
        let ratings = Ratings { class: AccuracyClass::HalfS, ..Ratings::transformer() };
        Self { name: "class 0.5S, 3P4W, Rogowski", ratings, principle: Principle::Rogowski, seed: 5 }
    }

    /// Class 0.2S, four wires, 5(6) A, current transformers.
    pub const fn class_02s() -> Self {
        let principle = Principle::Transformer;
        Self { name: "class 0.2S, 3P4W, CT", ratings: Ratings::transformer(), principle, seed: 3 }
    }

    /// Class 0.2S, four wires, 5(6) A, Rogowski coils.
    pub const fn class_02s_rogowski() -> Self {
        Self {
            name: "class 0.2S, 3P4W, Rogowski",
            principle: Principle::Rogowski,
            seed: 4,
            ..Self::class_02s()
        }
    }

    /// Class 0.2S, three wires at 3x100 V, 5(6) A, current transformers.
    pub const fn class_02s_three_wires() -> Self {
        let ratings =
            Ratings { wiring: Wiring::ThreePhaseThreeWire, un_mv: 100_000, ..Ratings::transformer() };
        Self { name: "class 0.2S, 3P3W, CT", ratings, principle: Principle::Transformer, seed: 6 }
    }

    /// Class 1 behind transformers, four wires, 5(6) A.
    pub const fn class_1_transformer() -> Self {
        let ratings = Ratings { class: AccuracyClass::One, ..Ratings::transformer() };
        Self { name: "class 1, 3P4W, CT", ratings, principle: Principle::Transformer, seed: 12 }
    }

    /// Class 2 behind transformers, four wires, 5(6) A.
    pub const fn class_2_transformer() -> Self {
        let ratings = Ratings { class: AccuracyClass::Two, ..Ratings::transformer() };
        Self { name: "class 2, 3P4W, CT", ratings, principle: Principle::Transformer, seed: 13 }
    }

    /// Class 1, one phase, optical sensor: another principle behind the same seam.
    pub const fn class_1_optical() -> Self {
        Self {
            name: "class 1, 1P2W, optical",
            ratings: Ratings::household(),
            principle: Principle::Optical,
            seed: 14,
        }
    }

    /// The digital core alone, behind ideal converters. It starts at 0.1 mA, to be tested over four decades below 6 A.
    pub const fn core() -> Self {
        let ratings = Ratings { ib_ma: 100, ..Ratings::transformer() };
        Self { name: "digital core alone", ratings, principle: Principle::Ideal, seed: 1 }
    }
}

/// A current channel or a voltage channel: sensor and converter.
struct Channel {
    sensor: Box<dyn Sensor>,
    converter: Converter,
    player: Option<Player>,
}

impl Channel {
    /// Gets ready for a wave.
    fn settle(&mut self, wave: &Wave, (hz, dt): (f64, f64), celsius: f64, seed: u64) {
        self.sensor.settle(celsius, wave.rms());
        self.converter.reseed(seed);
        self.player = Some(Player::new(wave, hz * dt, self.converter.skew_s * hz));
    }

    /// The next sample times a factor: as it is, and as the sensor sees it.
    fn play(&mut self, dt: f64, factor: f64) -> (f64, f64) {
        let (now, late) = self.player.as_mut().map_or((0.0, 0.0), Player::next_sample);
        (now * factor, self.sensor.respond(late * factor, dt))
    }
}

/// A meter without its core: what makes samples of a load.
pub struct Specimen {
    ratings: Ratings,
    u: Vec<Channel>,
    i: Vec<Channel>,
    /// Error of the clock of the converters, parts of one.
    clock_error: f64,
    /// Part of the voltage, by its full scale, that is seen in the current.
    crosstalk: f64,
    celsius: f64,
    /// What the voltages are multiplied by at the moment.
    dimmed: [f64; 3],
    /// Voltage and current of elements that have edges: their power is not that of the samples.
    edged: [Option<(Wave, Wave)>; 3],
    /// Turns of the mains by sample, and the next sample.
    step: f64,
    index: u64,
}

impl Specimen {
    /// Builds a design: parts with their errors as the seed draws them.
    pub fn new(design: &Design) -> Self {
        let ratings = design.ratings;
        let mut chance = Chance::new(design.seed);
        let elements = ratings.wiring.elements();
        let (u_step, i_step) = (ratings.u_pv_per_lsb as f64 * 1e-12, ratings.i_pa_per_lsb as f64 * 1e-12);
        let real = design.principle != Principle::Ideal;
        let converter = |step: f64, chance: &mut Chance| {
            if real { Converter::real(step, chance) } else { Converter::ideal(step) }
        };
        let channel = |sensor: Box<dyn Sensor>, step: f64, chance: &mut Chance| Channel {
            sensor,
            converter: converter(step, chance),
            player: None,
        };
        let (mut u, mut i) = (Vec::new(), Vec::new());
        for _ in 0..elements {
            u.push(channel(voltage_sensor(real, &mut chance), u_step, &mut chance));
            i.push(channel(current_sensor(design, &mut chance), i_step, &mut chance));
        }
        i.push(channel(current_sensor(design, &mut chance), i_step, &mut chance));
        let (clock_error, crosstalk) =
            if real { (10e-6 * chance.even(), 2e-6 * chance.even()) } else { (0.0, 0.0) };
        Self {
            ratings,
            u,
            i,
            clock_error,
            crosstalk,
            celsius: REFERENCE_CELSIUS,
            dimmed: [1.0; 3],
            edged: [const { None }; 3],
            step: 0.0,
            index: 0,
        }
    }

    /// The ratings.
    pub const fn ratings(&self) -> &Ratings {
        &self.ratings
    }

    /// The specimen has been for long at `celsius` under this load, which begins now; its noise is drawn anew from `seed`.
    pub fn settle(&mut self, load: &Load, celsius: f64, seed: u64) {
        self.celsius = celsius;
        let pace = (load.hz, self.dt());
        (self.step, self.index) = (pace.0 * pace.1, 0);
        for (n, edged) in self.edged.iter_mut().enumerate() {
            let has_edges = load.u[n].gate.is_some() || load.i[n].gate.is_some();
            *edged = has_edges.then(|| (load.u[n].clone(), load.i[n].clone()));
        }
        for (n, channel) in self.u.iter_mut().enumerate() {
            channel.settle(&load.u[n], pace, celsius, seed * 16 + n as u64);
        }
        let elements = self.u.len();
        for (n, channel) in self.i.iter_mut().enumerate() {
            let wave = &load.i[if n == elements { 3 } else { n }];
            channel.settle(wave, pace, celsius, seed * 16 + 8 + n as u64);
        }
    }

    /// Multiplies the voltages by these from the next sample on.
    pub const fn dim(&mut self, factors: [f64; 3]) {
        self.dimmed = factors;
    }

    /// The next sample, and the true power of each element at that moment, in W; of waves with edges that from half a sample before it to
    /// half a sample after it, with all that lies above the band of the converters.
    pub fn sample(&mut self) -> (Frame, [f64; 3]) {
        let (dt, elements) = (self.dt(), self.u.len());
        let (mut frame, mut power, mut leaks) = (Frame::default(), [0.0; 3], 0.0);
        let scale = self.crosstalk * self.ratings.i_pa_per_lsb as f64 / self.ratings.u_pv_per_lsb as f64;
        for (n, channel) in self.u.iter_mut().enumerate() {
            let (u, sensed) = channel.play(dt, self.dimmed[n]);
            frame.u[n] = channel.converter.convert(sensed, self.celsius);
            power[n] = u;
            leaks = if n == 0 { u * scale } else { leaks };
        }
        for (n, channel) in self.i.iter_mut().enumerate() {
            let (i, sensed) = channel.play(dt, 1.0);
            let slot = if n == elements { 3 } else { n };
            frame.i[slot] = channel.converter.convert(sensed + leaks, self.celsius);
            if n < elements {
                power[n] *= i;
            }
        }
        for ((power, edged), factor) in power.iter_mut().zip(&self.edged).zip(self.dimmed) {
            if let Some((u, i)) = edged {
                *power = factor * power_about(self.index, self.step, u, i);
            }
        }
        self.index += 1;
        (frame, power)
    }

    fn dt(&self) -> f64 {
        self.second() / f64::from(self.ratings.sample_rate_hz)
    }

    /// What the specimen's clock takes for a second, in s.
    pub const fn second(&self) -> f64 {
        1.0 + self.clock_error
    }
}

/// A specimen and the constants that calibration has found for it.
pub struct Calibrated {
    /// The design.
    pub design: Design,
    /// Its constants.
    pub calibration: Calibration,
}

fn voltage_sensor(real: bool, chance: &mut Chance) -> Box<dyn Sensor> {
    match real {
        true => Box::new(Divider::new(0.003 * chance.even(), 8e-6 * chance.even())),
        false => Box::new(Ideal),
    }
}

fn current_sensor(design: &Design, chance: &mut Chance) -> Box<dyn Sensor> {
    let amps = f64::from(design.ratings.imax_ma) / 1000.0;
    let error = 0.004 * chance.even();
    match design.principle {
        Principle::Ideal => Box::new(Ideal),
        Principle::Shunt => Box::new(Shunt::manganin(error)),
        Principle::Transformer => Box::new(CurrentTransformer::nanocrystalline(amps, error)),
        Principle::TransformerDc => Box::new(CurrentTransformer::dc_tolerant(amps, error)),
        Principle::Rogowski => Box::new(Rogowski::new(error)),
        Principle::Optical => Box::new(Optical::glass(amps)),
    }
}
