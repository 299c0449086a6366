//! Sensors with their real errors. Each gives what it senses in the unit of its input: volts for volts, amperes for amperes.

use std::f64::consts::TAU;

/// A principle of sensing.
///
/// A sensor sees one sample after the other, `dt` seconds apart, and keeps what state it has: flux, charge, heat. What is slower
/// than a measurement is settled beforehand.
pub trait Sensor: Send {
    /// What comes out for what goes in.
    fn respond(&mut self, input: f64, dt: f64) -> f64;
    /// The temperature around it is `celsius` now and has been for long, with an input of `rms`.
    fn settle(&mut self, celsius: f64, rms: f64);
}

/// The temperature of reference, in °C.
pub const REFERENCE_CELSIUS: f64 = 23.0;

/// A digital sensor without any error.
#[derive(Clone, Debug, Default)]
pub struct Ideal;

impl Sensor for Ideal {
    fn respond(&mut self, input: f64, _: f64) -> f64 {
        input
    }

    fn settle(&mut self, _: f64, _: f64) {}
}

/// A resistive voltage divider.
#[derive(Clone, Debug)]
pub struct Divider {
    /// Error of its ratio at the temperature of reference, parts of one.
    pub ratio_error: f64,
    /// Tracking of its resistors, parts of one per kelvin.
    pub per_kelvin: f64,
    celsius: f64,
}

impl Divider {
    /// A divider at the temperature of reference.
    pub const fn new(ratio_error: f64, per_kelvin: f64) -> Self {
        Self { ratio_error, per_kelvin, celsius: REFERENCE_CELSIUS }
    }
}

impl Sensor for Divider {
    fn respond(&mut self, input: f64, _: f64) -> f64 {
        input * (1.0 + self.ratio_error) * (1.0 + self.per_kelvin * (self.celsius - REFERENCE_CELSIUS))
    }

    fn settle(&mut self, celsius: f64, _: f64) {
        self.celsius = celsius;
    }
}

/// A shunt: its resistance rises with its temperature, to which it adds by its own loss; its inductance turns the phase.
#[derive(Clone, Debug)]
pub struct Shunt {
    /// Resistance, in Ω.
    pub ohm: f64,
    /// Error of the resistance at the temperature of reference, parts of one.
    pub error: f64,
    /// Parts of one per kelvin, element and terminals together.
    pub per_kelvin: f64,
    /// Kelvin per watt of its own loss.
    pub kelvin_per_watt: f64,
    /// Inductance, in H.
    pub henry: f64,
    celsius: f64,
    last: f64,
}

impl Shunt {
    /// A shunt of 250 µΩ on a manganin element: 60 ppm/K with its terminals, 15 K/W, 1 nH [confidence C].
    pub const fn manganin(error: f64) -> Self {
        Self {
            ohm: 250e-6,
            error,
            per_kelvin: 60e-6,
            kelvin_per_watt: 15.0,
            henry: 1e-9,
            celsius: REFERENCE_CELSIUS,
            last: 0.0,
        }
    }
}

impl Sensor for Shunt {
    fn respond(&mut self, input: f64, dt: f64) -> f64 {
        let slope = (input - std::mem::replace(&mut self.last, input)) / dt;
        let heat = 1.0 + self.per_kelvin * (self.celsius - REFERENCE_CELSIUS);
        input * (1.0 + self.error) * heat + slope * self.henry / self.ohm
    }

    fn settle(&mut self, celsius: f64, rms: f64) {
        self.celsius = celsius + self.kelvin_per_watt * self.ohm * rms * rms;
    }
}

/// A current transformer by its magnetising branch: what magnetises the core is missing at the secondary side.
///
/// Flux is the integral of the voltage over winding and burden; the magnetising current follows it along three straight pieces:
/// little permeability at low flux, much in the middle, none in saturation. Ratio and phase error and their dependence on current,
/// saturation and DC follow from that.
#[derive(Clone, Debug)]
pub struct CurrentTransformer {
    /// Error of the ratio of turns, parts of one.
    pub turns_error: f64,
    /// Resistance of winding and burden referred to the primary side, in Ω, at the temperature of reference.
    pub ohm: f64,
    /// Share of the winding (copper) in it.
    pub copper: f64,
    /// Magnetising inductance in the middle of the curve, referred to the primary side, in H.
    pub henry: f64,
    /// Part of it at low flux.
    pub initial: f64,
    /// Flux up to which permeability is low, in V·s.
    pub knee: f64,
    /// Flux of saturation, in V·s.
    pub saturation: f64,
    celsius: f64,
    flux: f64,
}

/// Inductance in saturation as a part of that in the middle.
const SATURATED: f64 = 1e-3;
/// Copper, parts of one per kelvin.
const COPPER_PER_KELVIN: f64 = 3.9e-3;
/// Drift of a burden, parts of one per kelvin [confidence C].
const BURDEN_PER_KELVIN: f64 = 10e-6;

impl CurrentTransformer {
    /// A nanocrystalline core for `amps` RMS: about 0.1° of phase error in the middle and a fifth more at low flux; it saturates at
    /// four times its current, and with less than a hundredth of it as DC [confidence C].
    pub fn nanocrystalline(amps: f64, turns_error: f64) -> Self {
        Self::with_phase(amps, turns_error, 0.1, 0.8)
    }

    /// A core that tolerates DC: 4° of phase error at all currents; it stands half waves of `amps` RMS [confidence C].
    pub fn dc_tolerant(amps: f64, turns_error: f64) -> Self {
        Self { saturation: f64::INFINITY, ..Self::with_phase(amps, turns_error, 4.0, 1.0) }
    }

    fn with_phase(amps: f64, turns_error: f64, degrees: f64, initial: f64) -> Self {
        let ohm = 1.0;
        let henry = ohm / (TAU * 50.0 * degrees.to_radians().tan());
        // Peak of the flux at the rated current.
        let peak = ohm * amps * std::f64::consts::SQRT_2 / (TAU * 50.0);
        Self {
            turns_error,
            ohm,
            copper: 0.3,
            henry,
            initial,
            knee: 0.02 * peak,
            saturation: 4.0 * peak,
            celsius: REFERENCE_CELSIUS,
            flux: 0.0,
        }
    }

    /// Slopes and offsets of the magnetising current by flux, each up to a flux.
    fn pieces(&self) -> [(f64, f64, f64); 3] {
        let (low, middle, high) =
            (1.0 / (self.henry * self.initial), 1.0 / self.henry, 1.0 / (self.henry * SATURATED));
        let at_knee = self.knee * (low - middle);
        let at_saturation =
            if self.saturation.is_finite() { at_knee + self.saturation * (middle - high) } else { 0.0 };
        [(self.knee, low, 0.0), (self.saturation, middle, at_knee), (f64::INFINITY, high, at_saturation)]
    }
}

impl Sensor for CurrentTransformer {
    fn respond(&mut self, input: f64, dt: f64) -> f64 {
        let warm = self.celsius - REFERENCE_CELSIUS;
        let ohm = self.ohm * (1.0 + warm * self.copper * COPPER_PER_KELVIN);
        // Implicit Euler: flux' = flux + dt · ohm · (input - magnetising(flux')); the piece in which the solution lies is the one.
        let driven = self.flux + dt * ohm * input;
        let (size, sign) = (driven.abs(), driven.signum());
        let solve = |&(_, slope, offset): &(f64, f64, f64)| {
            (size - dt * ohm * offset).max(0.0) / (1.0 + dt * ohm * slope)
        };
        let pieces = self.pieces();
        let piece = pieces.iter().find(|piece| solve(piece) <= piece.0).unwrap_or(&pieces[2]);
        let flux = solve(piece);
        self.flux = sign * flux;
        let magnetising = sign * (piece.1 * flux + piece.2);
        (input - magnetising) * (1.0 + self.turns_error) * (1.0 + warm * BURDEN_PER_KELVIN)
    }

    fn settle(&mut self, celsius: f64, _: f64) {
        (self.celsius, self.flux) = (celsius, 0.0);
    }
}

/// A Rogowski coil and its leaky integrator: together a high-pass of first order.
#[derive(Clone, Debug)]
pub struct Rogowski {
    /// Error of the mutual inductance, parts of one.
    pub error: f64,
    /// Drift of it, parts of one per kelvin.
    pub per_kelvin: f64,
    /// Corner of the leak of the integrator, in Hz.
    pub leak_hz: f64,
    celsius: f64,
    last: f64,
    charge: f64,
}

impl Rogowski {
    /// A coil on a stable former: 20 ppm/K, leak at 0.1 Hz [confidence C].
    pub const fn new(error: f64) -> Self {
        Self { error, per_kelvin: 20e-6, leak_hz: 0.1, celsius: REFERENCE_CELSIUS, last: 0.0, charge: 0.0 }
    }
}

impl Sensor for Rogowski {
    fn respond(&mut self, input: f64, dt: f64) -> f64 {
        // The integrator by the trapezium rule, which gives back exactly what the difference took.
        let half = TAU * self.leak_hz * dt / 2.0;
        let slope = input - std::mem::replace(&mut self.last, input);
        self.charge = (self.charge * (1.0 - half) + slope) / (1.0 + half);
        self.charge * (1.0 + self.error) * (1.0 + self.per_kelvin * (self.celsius - REFERENCE_CELSIUS))
    }

    fn settle(&mut self, celsius: f64, _: f64) {
        (self.celsius, self.last, self.charge) = (celsius, 0.0, 0.0);
    }
}

/// An optical sensor by the Faraday effect: light turns with the current, and a polariser makes a sine of the angle.
#[derive(Clone, Debug)]
pub struct Optical {
    /// Angle at one ampere, in radians.
    pub radian_per_ampere: f64,
    /// Drift of the Verdet constant, parts of one per kelvin.
    pub per_kelvin: f64,
    celsius: f64,
}

impl Optical {
    /// A glass that turns by 0.01 rad at `amps` [confidence C].
    pub fn glass(amps: f64) -> Self {
        Self { radian_per_ampere: 0.01 / amps, per_kelvin: 70e-6, celsius: REFERENCE_CELSIUS }
    }
}

impl Sensor for Optical {
    fn respond(&mut self, input: f64, _: f64) -> f64 {
        let verdet = self.radian_per_ampere * (1.0 + self.per_kelvin * (self.celsius - REFERENCE_CELSIUS));
        (2.0 * verdet * input).sin() / (2.0 * self.radian_per_ampere)
    }

    fn settle(&mut self, celsius: f64, _: f64) {
        self.celsius = celsius;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ratio error (parts of one) and lead (degrees) of the fundamental at 50 Hz, after four seconds.
    fn errors(sensor: &mut dyn Sensor, amps: f64, dc: f64) -> (f64, f64) {
        let (dt, mut sine, mut cosine) = (1.0 / 8000.0, 0.0, 0.0);
        for n in 0..40_000 {
            let angle = f64::from(n) * TAU / 160.0;
            let out = sensor.respond(amps * 2f64.sqrt() * angle.sin() + dc, dt);
            if n >= 32_000 {
                sine += out * angle.sin();
                cosine += out * angle.cos();
            }
        }
        (sine.hypot(cosine) / 4000.0 / (amps * 2f64.sqrt()) - 1.0, cosine.atan2(sine).to_degrees())
    }

    #[test]
    fn a_current_transformer_leads_more_at_low_current_and_fails_with_dc() {
        let at = |amps: f64, dc: f64| errors(&mut CurrentTransformer::nanocrystalline(5.0, 0.0), amps, dc);
        let (ratio, lead) = at(5.0, 0.0);
        assert!((lead - 0.1).abs() < 0.005 && ratio.abs() < 1e-3, "{ratio} {lead}");
        let (_, low) = at(0.05, 0.0);
        assert!(low > lead * 1.15 && low < lead * 1.3, "{low}");
        let (ratio, _) = at(5.0, 1.0);
        assert!(ratio < -0.02, "{ratio}");
        let mut tolerant = CurrentTransformer::dc_tolerant(60.0, 0.0);
        let (ratio, lead) = errors(&mut tolerant, 30.0, 19.0);
        assert!((lead - 4.0).abs() < 0.1 && ratio.abs() < 0.01, "{ratio} {lead}");
    }

    #[test]
    fn a_coil_and_its_integrator_lead_by_the_leak_and_ignore_dc() {
        let (ratio, lead) = errors(&mut Rogowski::new(0.002), 3.0, 0.0);
        let leak = (0.1f64 / 50.0).atan().to_degrees();
        assert!((ratio - 0.002).abs() < 1e-4 && (lead - leak).abs() < 0.01, "{ratio} {lead}");
        // A step of DC is forgotten within seconds: what is left of it is a drift.
        let (ratio, lead) = errors(&mut Rogowski::new(0.002), 3.0, 5.0);
        assert!((ratio - 0.002).abs() < 2e-3 && (lead - leak).abs() < 0.1, "{ratio} {lead}");
    }

    #[test]
    fn a_shunt_drifts_with_its_own_heat_and_leads_by_its_inductance() {
        let mut shunt = Shunt::manganin(0.0);
        shunt.settle(REFERENCE_CELSIUS, 60.0);
        let (ratio, lead) = errors(&mut shunt, 60.0, 0.0);
        // 0.9 W · 15 K/W · 60 ppm/K.
        assert!((ratio - 810e-6).abs() < 5e-5, "{ratio}");
        assert!((lead - (TAU * 50.0 * 1e-9 / 250e-6f64).to_degrees()).abs() < 2e-3, "{lead}");
    }

    #[test]
    fn an_optical_sensor_bends_at_its_top() {
        let (low, _) = errors(&mut Optical::glass(100.0), 1.0, 0.0);
        let (high, _) = errors(&mut Optical::glass(100.0), 100.0, 0.0);
        assert!(low.abs() < 1e-6 && (-3e-4..-5e-5).contains(&high), "{low} {high}");
    }
}
