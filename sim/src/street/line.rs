//! The line of a street: links after the feeder's cables between all ports, noise at every port.

use super::{CONCENTRATOR, RATE_HZ, StreetError};
use crate::feeder::{Conditions, Feeder, Place};
use channel::levels::{RESIDENTIAL_MAINS_DBUV, volts_from_dbuv};
use channel::noise::{Background, Bursts, Cyclostationary, Tone};
use channel::{FirDesign, Link, MainsGain, Medium, Noise, NoiseSource, Signal};
use g3_phy::BandPlan;
use g3_phy::g3::specs::FFT_LEN;
use plc_core::Seed;
use rayon::prelude::*;

/// Taps of the response of a link.
const TAPS: usize = 64;
/// How far the gain of a link swings with the mains, dB \[C\].
pub const MAINS_SWING_DB: f64 = 2.0;
/// Mains-synchronous impulses, relative to the background, dB \[C\].
const SYNCHRONOUS_DB: f64 = -6.0;
/// Asynchronous bursts: per second, mean seconds, dB over the background \[C\].
const BURSTS: (f64, f64, f64) = (0.5, 100e-6, 20.0);
/// The fundamental of a switching power supply: Hz, dB over the background \[C\].
const TONE: (f64, f64) = (66_300.0, 3.0);

/// Lays the line: port 0 is the concentrator, port n the n-th customer.
pub(super) fn lay(
    feeder: &Feeder,
    customers: &[u32],
    seed: &Seed,
    snr_db: Option<f64>,
) -> Result<Medium, StreetError> {
    let places: Vec<Place> =
        std::iter::once(Place::Transformer).chain(customers.iter().map(|&n| Place::Customer(n))).collect();
    let conditions = Conditions::spread(feeder, &seed.derive("households", 0));
    let mut medium = Medium::new(RATE_HZ, places.len());
    let design = FirDesign::cenelec(TAPS);
    let ports = 0..places.len();
    let pairs: Vec<_> = ports.clone().flat_map(|from| ports.clone().map(move |to| (from, to))).collect();
    let pairs: Vec<_> = pairs.into_iter().filter(|(from, to)| from != to).collect();
    let lay = |&(from, to): &(usize, usize)| link(feeder, places[from], places[to], &conditions, &design);
    let links: Vec<_> = pairs.par_iter().map(lay).collect();
    for ((from, to), link) in pairs.into_iter().zip(links) {
        medium.connect(from, to, link?);
    }
    let loudness = (0..places.len()).map(|port| noise_of_port(seed, port, RATE_HZ)).collect::<Vec<_>>();
    loudness.into_iter().enumerate().for_each(|(port, noise)| medium.set_noise(port, noise));
    snr_db.into_iter().for_each(|db| set_worst(&mut medium, db));
    Ok(medium)
}

fn link(
    feeder: &Feeder,
    from: Place,
    to: Place,
    conditions: &Conditions,
    design: &FirDesign,
) -> Result<Link, StreetError> {
    let path = feeder.link_plan(from, to, conditions);
    let path = path.ok_or_else(|| StreetError::Line(format!("no way from {from:?} to {to:?}")))?;
    let gain = MainsGain::new(RATE_HZ, MAINS_SWING_DB, 0.0);
    Ok(Link::from_path(path, design).with_mains_gain(gain))
}

/// What a transmitter of a band puts on the line at its ordinary level.
pub fn signal_of_band(plan: &BandPlan) -> Signal {
    let spacing_hz = f64::from(plan.sample_rate_hz) / FFT_LEN as f64;
    let carrier = |n: usize| n as f64 * spacing_hz;
    let (first_hz, last_hz) =
        (carrier(plan.first_carrier), carrier(plan.first_carrier + plan.carriers() - 1));
    Signal { first_hz, last_hz, spacing_hz, ..Signal::cenelec_a() }
}

/// What port number `port` of the street of `seed` hears at `rate` samples per second: background, impulses of the mains, bursts,
/// a power supply.
pub fn noise_of_port(seed: &Seed, port: usize, rate: u32) -> Noise {
    let seed = seed.derive("noise", port as u64);
    let level = |db: f64| volts_from_dbuv(RESIDENTIAL_MAINS_DBUV + db);
    let (per_second, mean_s, burst_db) = BURSTS;
    let phase = f64::from(seed.0[0]) / 256.0;
    Noise::silent()
        .with(NoiseSource::Background(Background::residential(rate, &seed)))
        .with(NoiseSource::Cyclostationary(Cyclostationary::lv14(rate, level(SYNCHRONOUS_DB), phase, &seed)))
        .with(NoiseSource::Bursts(Bursts::new(rate, per_second, mean_s, level(burst_db), &seed)))
        .with(NoiseSource::Tone(Tone::new(rate, TONE.0, level(TONE.1), 0.3, 100.0, &seed)))
}

/// Raises or lowers the background of all ports alike, such that the worst link between the concentrator and
/// a meter, of both directions, has a mean ratio of `db` per carrier against it.
fn set_worst(medium: &mut Medium, db: f64) {
    let signal = Signal::cenelec_a();
    let ratio = |from: usize, to: usize| {
        medium
            .link(from, to)
            .map_or(f64::INFINITY, |link| signal.mean_background_snr_db(link, medium.noise(to)))
    };
    let both = |meter: usize| ratio(CONCENTRATOR, meter).min(ratio(meter, CONCENTRATOR));
    let worst = (CONCENTRATOR + 1..medium.ports()).map(both).fold(f64::INFINITY, f64::min);
    for port in 0..medium.ports() {
        let mut noise = medium.noise(port).clone();
        noise.scale_background(channel::levels::ratio_from_db(worst - db));
        medium.set_noise(port, noise);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use g3_phy::{CENELEC_A, FCC};

    #[test]
    fn the_signal_of_a_band_has_the_frequencies_of_its_carriers() {
        assert_eq!(signal_of_band(&CENELEC_A), Signal::cenelec_a());
        assert_eq!(signal_of_band(&FCC), Signal::fcc_1());
    }
}
