//! Prints what the line does to the European test feeder: attenuation and signal-to-noise ratio from the
//! transformer to each customer.
//!
//! `cargo run --release -p sim --example feeder [seed]`

use channel::noise::Background;
use channel::{FirDesign, Link, Noise, NoiseSource, Signal, snr};
use plc_core::Seed;
use sim::feeder::{Conditions, Feeder, Place};

const RATE: u32 = 400_000;

fn main() {
    let seed = Seed::from_u64(std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1));
    let feeder = Feeder::european_lv();
    let conditions = Conditions::spread(&feeder, &seed);
    let design = FirDesign::cenelec(64);
    let signal = Signal::cenelec_a();
    println!("customer  phase  metres  junctions  attenuation dB  (lowest..highest)  SNR dB");
    for customer in feeder.customers() {
        let plan = feeder.link_plan(Place::Transformer, Place::Customer(customer.number), &conditions);
        let Some(plan) = plan else { continue };
        let (metres, junctions) = (plan.metres(), plan.hops.len());
        let link = Link::from_path(plan, &design);
        let noise = Background::residential(RATE, &seed.derive("noise", u64::from(customer.number)));
        let ratio =
            snr::mean_db(&signal.snr_db(&link, &Noise::silent().with(NoiseSource::Background(noise))));
        let losses = signal.carriers().map(|hz| link.attenuation_db(hz));
        let (low, high) = losses.fold((f64::INFINITY, 0.0f64), |(low, high), db| (low.min(db), high.max(db)));
        println!(
            "{:8}  {:5}  {metres:6.1}  {junctions:9}  {:14.1}  ({low:6.1}..{high:7.1})  {ratio:6.1}",
            customer.number,
            customer.phase as u8,
            signal.mean_attenuation_db(&link),
        );
    }
}
