//! Frames as WAV files: writes them, finds and decodes them, tries every reading of the standard on them, and
//! measures the spectrum of what is sent. `wav help` tells how.

mod args;
mod constellation;
mod density;
mod emission;
mod hypotheses;
mod mode;
#[path = "../../tests/common/mod.rs"]
mod noise;
mod receive;
mod recording;
mod spectrum;
mod svg;
mod transmit;

use args::Args;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = run(Args::new(std::env::args().skip(1))).and_then(|text| print(&text));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("wav: {fault}");
            ExitCode::from(2)
        }
    }
}

/// Prints `text`; a reader that has seen enough is no fault.
fn print(text: &str) -> Result<(), Fault> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(format!("cannot print: {error}")),
        _ => Ok(()),
    }
}

/// What went wrong, for people: the thing, what it is, what was expected.
type Fault = String;

fn run(mut args: Args) -> Result<String, Fault> {
    match args.command().as_deref() {
        Some("tx") => transmit::run(args),
        Some("rx") => receive::run(args),
        Some("hypotheses") => hypotheses::run(args),
        Some("spectrum") => spectrum::run(args),
        Some("help" | "--help" | "-h") => Ok(USAGE.to_owned()),
        Some(other) => {
            Err(format!("unknown command {other:?}: expected tx, rx, hypotheses or spectrum\n\n{USAGE}"))
        }
        None => Err(format!("no command\n\n{USAGE}")),
    }
}

const USAGE: &str = "\
usage:
  wav tx [options] OUT.wav          write frames
    --band BAND          CENELEC-A (the default), FCC, FCC-1.a, FCC-1.b or ARIB
    --mask CARRIERS      carriers that send nothing, by index, such as 39-49 or 33-40,52; none by default
    --modulation NAME    ROBO (the default), DBPSK, DQPSK or D8PSK; coherent-ROBO, BPSK, QPSK, 8PSK or, on FCC, 16QAM
    --tone-map HEX       groups of carriers with data, bit 0 the lowest; all by default
    --psdu HEX           the PSDU, filled up with zeros to the next length that a frame can have
    --text STRING        what stands before padding and FCS; random octets by default
    --frames N           how many frames, 20 ms apart (1)
    --snr DB             white noise at this ratio per carrier; none by default
    --seed N             of noise and random octets (1)
    --reading N          which reading of the standard's unclear points, as numbered by hypotheses (0, the default)
    --float              32-bit float samples instead of 16-bit integers
  wav rx [options] IN.wav           find and decode every frame
    --band, --mask       as above
    --reading N          as above
    --constellation OUT.svg
                         draw the data carriers of each frame
  wav hypotheses [options] IN.wav   decode with every reading of the standard's unclear points
    --band, --mask       as above
    --top N              how many of the readings to print (8)
  wav spectrum [options] OUT.svg    measure and draw what is sent beside and between the carriers
    --band, --mask       as above
    --notch CARRIERS     measure and draw the band without these carriers, too
    --plain              without what makes the notch deep

WAV files are mono, 16-bit integer or 32-bit float, at the sample rate of the band:
400000 Hz for CENELEC-A, 1200000 Hz for FCC and ARIB.
";

#[cfg(test)]
mod tests;
