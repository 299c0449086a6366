//! The program of the data concentrator; everything is in the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    concentrator::cli::main()
}
