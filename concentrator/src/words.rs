//! What is said of faults.

use std::error::Error;

/// A fault with what is behind it, in one line. Many say themselves what is behind them; that is not said twice.
pub fn chain(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain() {
        let words = cause.to_string();
        if said.is_empty() {
            said = words;
        } else if !said.ends_with(&words) {
            said.push_str(": ");
            said.push_str(&words);
        }
    }
    said
}

/// What is behind everything else.
pub fn innermost(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, anyhow};
    use thiserror::Error;

    #[derive(Debug, Error)]
    #[error("store: {0}")]
    struct Told(#[from] std::fmt::Error);

    #[test]
    fn each_cause_is_said_once() {
        let inner = std::fmt::Error.to_string();
        let error: Result<(), _> = Err(Told(std::fmt::Error));
        let error = error.context("box").unwrap_err();
        assert_eq!(chain(&error), format!("box: store: {inner}"));
        assert_eq!(chain(&anyhow!("a").context("b").context("c")), "c: b: a");
    }
}
