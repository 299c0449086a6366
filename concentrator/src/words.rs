//! What is said of faults.

use std::borrow::Cow;
use std::error::Error;
use std::{fmt, io};

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

/// Whether nobody reads any more what was printed.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref().is_some_and(broken))
}

/// What somebody has sent, in quotation marks, and not more of it than a message has room for.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(QUOTED) {
            None => write!(f, "{:?}", self.0),
            Some((cut, _)) => write!(f, "{:?} … ({} octets)", &self.0[..cut], self.0.len()),
        }
    }
}

/// What another has said, on one line: control characters as they are written in a string, so that nobody forges a line or moves a cursor.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_control() {
            true => plain.extend(letter.escape_default()),
            false => plain.push(letter),
        }
    }
    plain
}

/// The same, and no more of it than somebody reads.
pub fn short(text: &str) -> String {
    plain(&cut(text, SHORT))
}

/// A text, or the beginning of it that has at most so many characters, and a sign that it is cut.
pub fn cut(text: &str, at_most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(at_most) {
        None => Cow::Borrowed(text),
        Some((cut, _)) => Cow::Owned(format!("{} …", &text[..cut])),
    }
}

/// Characters of a sentence of another at most.
const SHORT: usize = 400;
/// Characters of a quotation at most.
const QUOTED: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, anyhow};
    use thiserror::Error;

    #[derive(Debug, Error)]
    #[error("store: {0}")]
    struct Told(#[from] fmt::Error);

    #[test]
    fn a_quotation_is_cut_and_says_so() {
        assert_eq!(Quoted("a\n").to_string(), "\"a\\n\"");
        let long = "ä".repeat(QUOTED + 1);
        assert_eq!(Quoted(&long).to_string(), format!("{:?} … (162 octets)", "ä".repeat(QUOTED)));
        assert_eq!(Quoted(&long[2..]).to_string(), format!("{:?}", &long[2..]));
    }

    #[test]
    fn what_another_says_stays_on_its_line_and_is_cut() {
        assert_eq!(plain("go\n\u{1b}[31mä"), "go\\n\\u{1b}[31mä");
        assert_eq!(short(&"x".repeat(SHORT)), "x".repeat(SHORT));
        assert_eq!(short(&"ä".repeat(SHORT + 1)), "ä".repeat(SHORT) + " …");
    }

    #[test]
    fn each_cause_is_said_once() {
        let inner = fmt::Error.to_string();
        let error: Result<(), _> = Err(Told(fmt::Error));
        let error = error.context("box").unwrap_err();
        assert_eq!(chain(&error), format!("box: store: {inner}"));
        assert_eq!(chain(&anyhow!("a").context("b").context("c")), "c: b: a");
    }
}
