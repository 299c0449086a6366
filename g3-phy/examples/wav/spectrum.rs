//! `wav spectrum`: what a modem sends beside and between its carriers.

use crate::args::Args;
use crate::density::{BANDWIDTH_HZ, decibels};
use crate::emission::{Emission, FRAMES};
use crate::noise::Noise;
use crate::{Fault, mode, svg};
use g3_phy::{BandPlan, CENELEC_A, Modem, ModemConfig};
use std::fmt::Write;

/// Distances from the outer carriers at which the text tells a level, in carriers.
const DISTANCES: [usize; 6] = [1, 2, 4, 8, 16, 32];

pub(crate) fn run(mut args: Args) -> Result<String, Fault> {
    let whole = mode::band(&mut args)?;
    let notched = mode::masked(&mut args, whole, "--notch")?;
    let deep = !args.flag("--plain");
    let path = args.file("the SVG file to write")?;
    let plans: Vec<_> = std::iter::once(whole).chain(notched).collect();
    let emissions: Vec<_> = plans.iter().map(|plan| measure(plan, deep)).collect();
    std::fs::write(&path, svg::spectra(&emissions))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(emissions.iter().map(describe).collect())
}

/// The spectrum of frames of random octets, with what makes notches deep or without.
fn measure(plan: &'static BandPlan, deep_notches: bool) -> Emission {
    let config = ModemConfig { deep_notches, ..ModemConfig::of(plan) };
    let (mut modem, mut noise) = (Modem::new(plan, config), Noise::new(1));
    Emission::of(&mut modem, FRAMES, || (noise.uniform() * 256.0) as u8)
}

fn describe(emission: &Emission) -> String {
    let Emission { plan, density, .. } = emission;
    let mut text = format!("{}: the longest frames of ROBO, in {BANDWIDTH_HZ} Hz\n", emission.name());
    let mut line = |name: &str, value: String| _ = writeln!(text, "  {name:<22} {value}");
    let (first, last) = (plan.first_carrier, plan.first_carrier + plan.carriers() - 1);
    let khz = |hz: f64| hz / 1e3;
    let (low, high) = (emission.frequency(first), emission.frequency(last));
    line("carriers", format!("{:.1} to {:.1} kHz", khz(low), khz(high)));
    let (lowest, highest) = emission.flatness_db();
    line("carriers in use", format!("{lowest:+.2} to {highest:+.2} dB around their average"));
    let (from, to) = density.occupied(0.01);
    line("99 % of the power", format!("{:.1} to {:.1} kHz", khz(from), khz(to)));
    for (name, hz) in [("below", low), ("above", high)] {
        let sign = if name == "below" { -1.0 } else { 1.0 };
        let at = |distance: &usize| hz + sign * *distance as f64 * emission.spacing();
        let inside = |distance: &&usize| (0.0..0.5 * f64::from(plan.sample_rate_hz)).contains(&at(distance));
        let level = |distance: &usize| {
            let hz = at(distance);
            format!("{:.1} kHz {:.1} dB", khz(hz), emission.relative_db(hz))
        };
        line(name, DISTANCES.iter().filter(inside).map(level).collect::<Vec<_>>().join(", "));
    }
    if plan.sample_rate_hz == CENELEC_A.sample_rate_hz {
        let highest = |from: f64, to: f64| decibels(density.highest(from, to) / emission.level());
        let [below, above, far] = [highest(0.0, 9e3), highest(95e3, 199e3), highest(148.5e3, 199e3)];
        line(
            "at most",
            format!("below 9 kHz {below:.1} dB, above 95 kHz {above:.1} dB, above 148.5 kHz {far:.1} dB"),
        );
    }
    let total = density.total(0.0, 0.5 * f64::from(plan.sample_rate_hz));
    let margin = decibels(emission.crest.powi(2) * total / 2.0 / density.peak(low, high));
    line("crest factor", format!("{:.1} dB", 20.0 * emission.crest.log10()));
    line("peak in 200 Hz", format!("{margin:.1} dB below the peak of the whole signal"));
    for (from, to) in emission.notches() {
        let depths = (from..=to).map(|k| format!("{:.1}", emission.depth_db(k as f64)));
        line(&format!("notch {from}..{to}"), format!("{} dB deep", depths.collect::<Vec<_>>().join(" ")));
        if from < to {
            let least = emission.least_depth_db(from, to);
            line("", format!("at least {least:.1} dB from {from}.5 to {}.5", to - 1));
        }
    }
    text
}
