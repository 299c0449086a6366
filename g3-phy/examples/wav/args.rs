//! The command line: `--name value` options in any order, and one file.

use crate::Fault;
use std::path::PathBuf;
use std::str::FromStr;

/// Words that nobody has asked for yet.
pub(crate) struct Args {
    words: Vec<String>,
}

impl Args {
    pub(crate) fn new(words: impl Iterator<Item = String>) -> Self {
        Self { words: words.collect() }
    }

    /// The first word.
    pub(crate) fn command(&mut self) -> Option<String> {
        (!self.words.is_empty()).then(|| self.words.remove(0))
    }

    /// The value of option `name`, if it is given.
    pub(crate) fn option(&mut self, name: &str) -> Result<Option<String>, Fault> {
        let Some(at) = self.words.iter().position(|word| word == name) else { return Ok(None) };
        self.words.remove(at);
        if at == self.words.len() {
            return Err(format!("{name} stands last: expected a value after it"));
        }
        let value = self.words.remove(at);
        if self.words.iter().any(|word| word == name) {
            return Err(format!("{name} is given twice"));
        }
        Ok(Some(value))
    }

    /// The value of option `name` as a `T`, or `default`; `expected` says what a value looks like.
    pub(crate) fn value<T: FromStr>(&mut self, name: &str, default: T, expected: &str) -> Result<T, Fault> {
        Ok(self.optional(name, expected)?.unwrap_or(default))
    }

    /// The value of option `name` as a `T`, if it is given.
    pub(crate) fn optional<T: FromStr>(&mut self, name: &str, expected: &str) -> Result<Option<T>, Fault> {
        let wrong = |value: &str| format!("{name} {value}: expected {expected}");
        self.option(name)?.map(|value| value.parse().map_err(|_| wrong(&value))).transpose()
    }

    /// Whether `name` is given.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let found = self.words.iter().position(|word| word == name);
        found.map(|at| self.words.remove(at)).is_some()
    }

    /// The one word that is left; `what` says what it is.
    pub(crate) fn file(mut self, what: &str) -> Result<PathBuf, Fault> {
        if let Some(word) = self.words.iter().find(|word| word.starts_with("--")) {
            return Err(format!("unknown option {word}: `wav help` lists the options"));
        }
        match (self.words.pop(), self.words.is_empty()) {
            (Some(word), true) => Ok(word.into()),
            (Some(word), false) => Err(format!("{word:?} is one word too many: expected one file, {what}")),
            (None, _) => Err(format!("no file is named: expected {what}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        Args::new(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_stand_anywhere_and_the_file_remains() {
        let mut args = args("tx --seed 7 out.wav --float");
        assert_eq!(args.command().as_deref(), Some("tx"));
        assert_eq!(args.value("--seed", 1, "a number"), Ok(7u64));
        assert_eq!(args.value("--frames", 3, "a number"), Ok(3usize));
        assert!(args.flag("--float") && !args.flag("--float"));
        assert_eq!(args.file("a file"), Ok("out.wav".into()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let fault = |line: &str| {
            let mut args = args(line);
            args.value("--seed", 1u64, "a whole number").and_then(|_| args.file("a recording")).unwrap_err()
        };
        assert_eq!(fault("x --seed y"), "--seed y: expected a whole number");
        assert_eq!(fault("x --seed"), "--seed stands last: expected a value after it");
        assert_eq!(fault("--seed 1 x --seed 2"), "--seed is given twice");
        assert_eq!(fault(""), "no file is named: expected a recording");
        assert_eq!(fault("a b"), "\"b\" is one word too many: expected one file, a recording");
        assert_eq!(fault("a --sed 1"), "unknown option --sed: `wav help` lists the options");
    }
}
