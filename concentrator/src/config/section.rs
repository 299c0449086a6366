//! A table of the file, taken apart key by key; what is wrong is noted and the default goes on.

use std::fmt;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One thing that is wrong in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Line of the file, from 1; 0: not in the file.
    pub line: usize,
    /// What is wrong with what: key, value and what was expected.
    pub text: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.text),
            line => write!(f, "line {line}: {}", self.text),
        }
    }
}

/// The text of the file and what is wrong in it so far.
#[derive(Debug)]
pub(super) struct Findings {
    /// Where each line begins.
    lines: Vec<usize>,
    pub(super) errors: Vec<ConfigError>,
    /// Every key that was asked for, with its table.
    pub(super) known: Vec<String>,
}

impl Findings {
    pub(super) fn new(text: &str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { lines, errors: Vec::new(), known: Vec::new() }
    }

    pub(super) fn push(&mut self, at: Range<usize>, text: String) {
        let line = self.lines.partition_point(|begin| *begin <= at.start);
        self.errors.push(ConfigError { line, text });
    }
}

/// A table that is being taken apart.
#[derive(Debug)]
pub(super) struct Section<'t> {
    name: &'static str,
    span: Range<usize>,
    table: DeTable<'t>,
    known: Vec<&'static str>,
}

/// Whether a value may be repeated in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    Value,
    /// It is, or may be meant as, a key.
    Secret,
}

impl<'t> Section<'t> {
    pub(super) const fn new(name: &'static str, span: Range<usize>, table: DeTable<'t>) -> Self {
        Self { name, span, table, known: Vec::new() }
    }

    /// The table called `key` of this one, empty when it is not there.
    pub(super) fn section(&mut self, key: &'static str, findings: &mut Findings) -> Self {
        self.known.push(key);
        match self.table.remove(key).map(|value| (value.span(), value.into_inner())) {
            Some((span, DeValue::Table(table))) => Self::new(key, span, table),
            None => Self::new(key, 0..0, DeTable::new()),
            Some((span, _)) => {
                findings.push(span, format!("{key}: expected a table [{key}]"));
                Self::new(key, 0..0, DeTable::new())
            }
        }
    }

    /// The tables `[[key]]` of this one.
    pub(super) fn sections(&mut self, key: &'static str, findings: &mut Findings) -> Vec<Self> {
        self.known.push(key);
        let Some(value) = self.table.remove(key) else { return Vec::new() };
        let (span, value) = (value.span(), value.into_inner());
        let mut sections = Vec::new();
        if let DeValue::Array(array) = value {
            for item in array {
                match (item.span(), item.into_inner()) {
                    (span, DeValue::Table(table)) => sections.push(Self::new(key, span, table)),
                    (span, _) => findings.push(span, format!("{key}: expected a table [[{key}]]")),
                }
            }
        } else {
            findings.push(span, format!("{key}: expected tables [[{key}]]"));
        }
        sections
    }

    /// The value of `key`: `None` when it is not there, or is not what was `expected`, which is noted.
    pub(super) fn take<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        show: Show,
        findings: &mut Findings,
        parse: impl FnOnce(&DeValue<'t>) -> Option<T>,
    ) -> Option<T> {
        self.known.push(key);
        findings.known.push(self.qualified(key));
        let value = self.table.remove(key)?;
        let parsed = parse(value.get_ref());
        if parsed.is_none() {
            let found = match show {
                Show::Value => format!(" = {}", written(value.get_ref())),
                Show::Secret => String::from(" (value not shown)"),
            };
            findings.push(value.span(), format!("{}{found}: expected {expected}", self.qualified(key)));
        }
        parsed
    }

    /// As [`Self::take`], and notes it when the key is not there.
    pub(super) fn require<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        show: Show,
        findings: &mut Findings,
        parse: impl FnOnce(&DeValue<'t>) -> Option<T>,
    ) -> Option<T> {
        if !self.table.contains_key(key) {
            findings
                .push(self.span.clone(), format!("{}: missing, expected {expected}", self.qualified(key)));
        }
        self.take(key, expected, show, findings, parse)
    }

    /// Notes every key that nobody asked for.
    pub(super) fn finish(self, findings: &mut Findings) {
        for key in self.table.keys() {
            let name = self.qualified(key.get_ref());
            let known = self.known.join(", ");
            findings.push(key.span(), format!("{name}: unknown key, expected one of {known}"));
        }
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    fn qualified(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

/// All syntax errors of a text, or its table.
pub(super) fn parse<'t>(text: &'t str, findings: &mut Findings) -> Section<'t> {
    let (table, errors): (Spanned<DeTable<'t>>, _) = DeTable::parse_recoverable(text);
    for error in errors {
        findings.push(error.span().unwrap_or(0..0), error.message().to_owned());
    }
    Section::new("", 0..0, table.into_inner())
}

/// A value as one may have written it.
fn written(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => String::from("[…]"),
        DeValue::Table(_) => String::from("{…}"),
    }
}
