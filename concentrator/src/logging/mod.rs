//! The log: on standard error or in the journal of the system, at a rate that no disk has to fear.

mod limit;

pub use limit::{LimitLayer, left_out};

use std::io::IsTerminal;
use std::sync::OnceLock;
use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// How messages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A line with one JSON object.
    Json,
    /// To the journal of the system, each value a field of its own.
    Journald,
}

/// Why there is no log.
#[derive(Debug, Error)]
pub enum LogError {
    /// The filter is not one.
    #[error("{filter:?}: {error}; expected a filter such as \"info\" or \"warn,concentrator=debug\"")]
    Filter {
        /// What was said.
        filter: String,
        /// Why.
        error: ParseError,
    },
    /// The journal cannot be reached.
    #[error("journal of the system: {0}; expected systemd-journald, or log.format = \"text\" or \"json\"")]
    Journal(std::io::Error),
}

impl LogFormat {
    /// The word for it in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Journald => "journald",
        }
    }

    /// The format of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Text, Self::Json, Self::Journald].into_iter().find(|format| format.as_str() == name)
    }

    fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(
        self,
    ) -> Result<Box<dyn Layer<S> + Send + Sync>, LogError> {
        let lines = || fmt::layer().with_writer(std::io::stderr);
        Ok(match self {
            Self::Text => lines().with_ansi(std::io::stderr().is_terminal()).boxed(),
            Self::Json => lines().json().flatten_event(true).boxed(),
            Self::Journald => tracing_journald::layer().map_err(LogError::Journal)?.boxed(),
        })
    }
}

/// Starts the log with a filter such as `info` or `warn,concentrator=debug`. Once per process; a second call
/// changes nothing.
///
/// # Errors
/// The filter is not one; there is no journal.
pub fn start(filter: &str, format: LogFormat) -> Result<(), LogError> {
    let (filter, handle) = reload::Layer::new(parse(filter)?);
    let log = Registry::default().with(filter).with(LimitLayer::default()).with(format.layer()?);
    // Refused when a log is there already.
    if log.try_init().is_ok() {
        let _ = FILTER.set(handle);
    }
    Ok(())
}

/// Logs by another filter from now on.
///
/// # Errors
/// The filter is not one.
pub fn change(filter: &str) -> Result<(), LogError> {
    let parsed = parse(filter)?;
    if let Some(handle) = FILTER.get() {
        // An error would mean that the log is gone; it lives as long as the process.
        let _ = handle.reload(parsed);
    }
    Ok(())
}

fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(filter).map_err(|error| LogError::Filter { filter: filter.to_owned(), error })
}

static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_one_word_each() {
        for format in [LogFormat::Text, LogFormat::Json, LogFormat::Journald] {
            assert_eq!(LogFormat::from_name(format.as_str()), Some(format));
        }
        assert_eq!(LogFormat::from_name("xml"), None);
    }

    #[test]
    fn what_is_no_filter_is_named_with_what_was_expected() {
        let said = start("concentrator=loud", LogFormat::Text).unwrap_err().to_string();
        assert!(said.contains("\"concentrator=loud\"") && said.contains("expected a filter"), "{said}");
    }
}
