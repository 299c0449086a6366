//! `plcsim compare`.

use crate::CompareArgs;
use crate::street::Failure;
use plc_core::time::Duration;
use sim::compare::{Comparison, table};
use sim::world::TownConfig;
use std::io::{self, IsTerminal, Write};

/// Runs both and prints the table. Standard error shows how far the slow one has come.
pub(crate) fn print(args: &CompareArgs) -> Result<(), Failure> {
    let seconds = u64::from(args.minutes) * 60;
    let mut comparisons = Vec::new();
    for seed in (args.seed..).take(args.runs as usize) {
        let mut town = TownConfig::new(seed);
        town.meters = usize::from(args.customers);
        town.duration = Duration::from_secs(seconds);
        let terminal = io::stderr().is_terminal();
        let told = |second: u64| {
            if terminal && second.is_multiple_of(10) {
                let _ = write!(io::stderr(), "\rseed {seed}: {second} of {seconds} s ");
            }
        };
        comparisons.push(Comparison::new(&town, told)?);
    }
    io::stdout().write_all(table(&comparisons).as_bytes())?;
    match comparisons.iter().filter(|comparison| !comparison.agrees()).count() {
        0 => Ok(()),
        apart => Err(Failure::Apart(apart)),
    }
}
