//! `plcsim calibrate`.

use crate::CalibrateArgs;
use crate::street::Failure;
use sim::calibrate::{Sweep, calibrate};
use std::io::{self, Write};

/// Prints the table; standard error tells of each curve that is done.
pub(crate) fn print(args: &CalibrateArgs) -> Result<(), Failure> {
    let sweep = Sweep { frames: args.frames, seed: args.seed };
    let told = |line: &str| {
        let _ = writeln!(io::stderr(), "{line}");
    };
    let table = calibrate(args.band, sweep, &told);
    let head = format!(
        "What the receiver loses, and what it reports, over the ratio of signal to noise per carrier (Es/N0, dB).\nMade by {} with\n  plcsim calibrate --band {} --frames {} --seed {}",
        args.made_by, args.band.name, args.frames, args.seed
    );
    io::stdout().write_all(table.to_text(&head).as_bytes())?;
    Ok(())
}
