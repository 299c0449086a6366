//! How good the modem is on a line: frame error rates over signal-to-noise ratios, beside what theory allows.
//!
//! `cargo run --release -p g3-phy --example waterfall -- --help`
//!
//! A file each: [`options`], [`curves`] (what is measured), [`run`] (ratios, frames, threads), [`link`] (a frame through
//! both modems), [`line`] and [`channels`] (what lies between them), [`reference`], [`noises`], [`anchors`] and [`viterbi`]
//! (the yardstick), [`alone`] (headers and noise), [`stats`], [`plot`], [`table`], [`suite`] and [`special`] (all in order).

mod alone;
mod anchors;
mod channels;
mod curves;
mod line;
mod link;
mod noises;
mod options;
mod plot;
mod progress;
mod random;
mod reference;
mod run;
mod special;
mod stats;
mod suite;
mod table;
mod viterbi;

use options::{Options, USAGE};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match Options::parse(arguments.into_iter()).and_then(|options| suite::run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}\n\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}
