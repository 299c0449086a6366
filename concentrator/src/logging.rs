//! The log, on standard error.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Starts the log with a filter such as `info` or `warn,concentrator=debug`. Once per process; a second call
/// changes nothing.
///
/// # Errors
/// The filter is not one.
pub fn start(filter: &str) -> Result<(), ParseError> {
    let filter = EnvFilter::try_new(filter)?;
    let colours = std::io::stderr().is_terminal();
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    // Refused when a log is there already.
    let _ = log.try_init();
    Ok(())
}
