//! `plcsim power-flow`.

use crate::PowerFlowArgs;
use crate::street::Failure;
use sim::feeder::Feeder;
use sim::power_flow::{PowerFlow, Snapshot, Source, buses_csv, customers_csv, day_text};
use std::io::{self, Write};

/// Solves a minute or a day and prints it.
pub(crate) fn print(args: &PowerFlowArgs) -> Result<(), Failure> {
    let feeder = match &args.feeder {
        Some(directory) => Feeder::from_dir(directory)?,
        None => Feeder::european_lv(),
    };
    let flow = PowerFlow::new(&feeder, Source::EUROPEAN_LV.at(args.source));
    let minutes = args.time.map_or(0..1440, |minute| minute..minute + 1);
    let solve = |minute| {
        let collapse = |error| Failure::Collapse { minute, error };
        Snapshot::new(&feeder, &flow, minute).map_err(collapse)
    };
    let snapshots = minutes.map(solve).collect::<Result<Vec<_>, _>>()?;
    let text = match (args.csv, args.buses, args.time) {
        (_, true, _) => buses_csv(&snapshots),
        (true, false, _) => customers_csv(&snapshots),
        (false, false, Some(_)) => snapshots[0].text(),
        (false, false, None) => day_text(&snapshots),
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
