//! Bands and modulations by name.

use crate::Fault;
use crate::args::Args;
use g3_phy::g3::ToneMask;
use g3_phy::{BandPlan, CENELEC_A, Interop, Modem, ModemConfig};
use plc_core::sap::{FrameGeometry, Modulation, ModulationScheme, ToneMap, TxParameters};
use plc_core::{Instant, SampleClock};

/// Modulations by the names that the standard gives them.
const MODULATIONS: [(&str, Modulation, ModulationScheme); 9] = [
    ("ROBO", Modulation::Robo, ModulationScheme::Differential),
    ("DBPSK", Modulation::Bpsk, ModulationScheme::Differential),
    ("DQPSK", Modulation::Qpsk, ModulationScheme::Differential),
    ("D8PSK", Modulation::Psk8, ModulationScheme::Differential),
    ("coherent-ROBO", Modulation::Robo, ModulationScheme::Coherent),
    ("BPSK", Modulation::Bpsk, ModulationScheme::Coherent),
    ("QPSK", Modulation::Qpsk, ModulationScheme::Coherent),
    ("8PSK", Modulation::Psk8, ModulationScheme::Coherent),
    ("16QAM", Modulation::Qam16, ModulationScheme::Coherent),
];

/// The band that `--band` names, without the carriers that `--mask` names.
pub(crate) fn band(args: &mut Args) -> Result<&'static BandPlan, Fault> {
    let name = args.value("--band", CENELEC_A.name.to_owned(), "a name")?;
    let plan = BandPlan::named(&name).map_err(|error| format!("--band {name}: {error}"))?;
    Ok(masked(args, plan, "--mask")?.unwrap_or(plan))
}

/// `plan` without the carriers that option `name` lists, if it is given: indices such as 39-49 or 33-40,52.
pub(crate) fn masked(
    args: &mut Args,
    plan: &BandPlan,
    name: &str,
) -> Result<Option<&'static BandPlan>, Fault> {
    let Some(word) = args.option(name)? else { return Ok(None) };
    let wrong = || format!("{name} {word}: expected indices of carriers, such as 39-49 or 39-49,52");
    let mut mask = 0;
    for range in word.split(',') {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let (from, to) = (from.parse().map_err(|_| wrong())?, to.parse().map_err(|_| wrong())?);
        let band = plan.first_carrier..plan.first_carrier + plan.carriers();
        if from > to || !band.contains(&from) || !band.contains(&to) {
            let (first, last) = (band.start, band.end - 1);
            return Err(format!(
                "{name} {range}: expected carriers of {}, from {first} to {last}",
                plan.name
            ));
        }
        mask |= ToneMask::carriers(plan.first_carrier, from, to).0;
    }
    let plan = plan.with_mask(ToneMask(mask)).map_err(|error| format!("{name} {word}: {error}"))?;
    Ok(Some(Box::leak(Box::new(plan))))
}

/// How to send, from `--modulation` and `--tone-map`.
pub(crate) fn tx_parameters(args: &mut Args, plan: &BandPlan) -> Result<TxParameters, Fault> {
    let name = args.value("--modulation", "ROBO".to_owned(), "a name")?;
    let found = MODULATIONS.into_iter().find(|(known, ..)| known.eq_ignore_ascii_case(&name));
    let (_, modulation, scheme) = found.ok_or_else(|| {
        format!("--modulation {name}: expected one of {}", list(MODULATIONS.iter().map(|known| known.0)))
    })?;
    let tx = TxParameters { modulation, scheme, tone_map: tone_map(args, plan)? };
    match plan.max_psdu(&tx) {
        0 => Err(format!("{} knows no {name} with tone map {:?}", plan.name, tx.tone_map)),
        _ => Ok(tx),
    }
}

fn tone_map(args: &mut Args, plan: &BandPlan) -> Result<ToneMap, Fault> {
    let all = ToneMap::all(plan.groups as u32);
    let Some(word) = args.option("--tone-map")? else { return Ok(all) };
    let digits = word.trim_start_matches("0x");
    let map = u32::from_str_radix(digits, 16).ok().map(ToneMap).filter(|&map| plan.is_legal(map));
    map.ok_or_else(|| {
        format!("--tone-map {word}: expected hexadecimal digits from 1 to {:X}, a bit per group", all.0)
    })
}

/// The name of a modulation, as the standard has it.
pub(crate) fn name(tx: &TxParameters) -> &'static str {
    let found = MODULATIONS
        .iter()
        .find(|(_, modulation, scheme)| (tx.modulation, tx.scheme) == (*modulation, *scheme));
    found.map_or("unknown", |known| known.0)
}

/// The reading that `--reading` names by its number.
pub(crate) fn reading(args: &mut Args, plan: &BandPlan) -> Result<Interop, Fault> {
    let most = Interop::readings(plan).count() - 1;
    let number: usize = args.value("--reading", 0, "a whole number")?;
    Interop::readings(plan)
        .nth(number)
        .ok_or_else(|| format!("--reading {number}: expected a whole number from 0 to {most}"))
}

/// A modem for `plan` whose clock begins with the first sample.
pub(crate) fn modem(plan: &'static BandPlan, interop: Interop, level: f32) -> Modem {
    let clock = SampleClock::new(plan.sample_rate_hz, Instant::EPOCH, 0);
    Modem::new(plan, ModemConfig { interop, level, clock, ..ModemConfig::default() })
}

fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
