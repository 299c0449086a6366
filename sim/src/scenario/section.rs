//! A section of a scenario file that notes what is wrong with it.

use toml::{Table, Value};

/// A table of the file, with the keys that were asked for.
pub(super) struct Section<'a> {
    prefix: String,
    table: &'a Table,
    errors: &'a mut Vec<String>,
    known: Vec<&'static str>,
    left: bool,
}

impl<'a> Section<'a> {
    pub(super) fn new(prefix: &str, table: &'a Table, errors: &'a mut Vec<String>) -> Self {
        Self { prefix: prefix.to_owned(), table, errors, known: Vec::new(), left: false }
    }

    /// Notes a fault.
    pub(super) fn fault(&mut self, key: &str, found: &str, expected: &str) {
        self.errors.push(format!("{}{key}: {found}, expected {expected}", self.prefix));
    }

    /// Whatever else stands here is no fault: what it would belong to is not known.
    pub(super) fn leave(&mut self) {
        self.left = true;
    }

    /// Whether the key is there.
    pub(super) fn has(&mut self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    pub(super) fn text(&mut self, key: &'static str, default: &str) -> String {
        match self.value(key) {
            None => default.to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => {
                let found = other.to_string();
                self.fault(key, &found, "a string");
                default.to_owned()
            }
        }
    }

    pub(super) fn number(&mut self, key: &'static str, default: f64, (from, to): (f64, f64)) -> f64 {
        let Some(value) = self.value(key) else { return default };
        match number(value).filter(|number| (from..=to).contains(number)) {
            Some(number) => number,
            None => {
                let found = value.to_string();
                self.fault(key, &found, &format!("a number from {from} to {to}"));
                default
            }
        }
    }

    /// A number that must be there.
    pub(super) fn needed(&mut self, key: &'static str, range: (f64, f64)) -> f64 {
        if !self.has(key) {
            self.fault(key, "missing", &format!("a number from {} to {}", range.0, range.1));
        }
        self.number(key, range.0, range)
    }

    /// A whole number.
    pub(super) fn whole(&mut self, key: &'static str, default: u64, (from, to): (u64, u64)) -> u64 {
        let Some(value) = self.value(key) else { return default };
        let whole = value.as_integer().and_then(|number| u64::try_from(number).ok());
        match whole.filter(|number| (from..=to).contains(number)) {
            Some(number) => number,
            None => {
                let found = value.to_string();
                self.fault(key, &found, &whole_from(from, to));
                default
            }
        }
    }

    /// A whole number that must be there.
    pub(super) fn needed_whole(&mut self, key: &'static str, range: (u64, u64)) -> u64 {
        if !self.has(key) {
            self.fault(key, "missing", &whole_from(range.0, range.1));
        }
        self.whole(key, range.0, range)
    }

    pub(super) fn pairs(
        &mut self,
        key: &'static str,
        expected: &str,
        fits: impl Fn(&(f64, f64)) -> bool,
    ) -> Vec<(f64, f64)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let pair = |value: &Value| match value.as_array().map(Vec::as_slice) {
            Some([a, b]) => Some((number(a)?, number(b)?)).filter(&fits),
            _ => None,
        };
        let pairs = value.as_array().and_then(|list| list.iter().map(pair).collect());
        pairs.unwrap_or_else(|| {
            let found = value.to_string();
            self.fault(key, &found, expected);
            Vec::new()
        })
    }

    /// A list of whole numbers from 1 to `most`.
    pub(super) fn places(&mut self, key: &'static str, most: usize) -> Vec<usize> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let place = |value: &Value| value.as_integer().filter(|place| (1..=most as i64).contains(place));
        let places = value.as_array().and_then(|list| list.iter().map(place).collect::<Option<Vec<_>>>());
        let Some(places) = places else {
            let found = value.to_string();
            self.fault(key, &found, &format!("a list of whole numbers from 1 to {most}"));
            return Vec::new();
        };
        places.into_iter().map(|place| place as usize).collect()
    }

    /// Reads the section `key`, an empty one if it is missing.
    pub(super) fn inside(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_>)) {
        let empty = Table::new();
        let table = match self.value(key) {
            None => &empty,
            Some(Value::Table(table)) => table,
            Some(_) => return self.fault(key, "not a section", "a section"),
        };
        let mut section = Section::new(&format!("{}{key}.", self.prefix), table, self.errors);
        read(&mut section);
        section.finish();
    }

    /// Reads each section of the list `key`.
    pub(super) fn each<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'_>) -> T,
    ) -> Vec<T> {
        let list = match self.value(key) {
            None => return Vec::new(),
            Some(Value::Array(list)) => list,
            Some(_) => {
                self.fault(key, "not a list", "a list of sections");
                return Vec::new();
            }
        };
        let mut all = Vec::new();
        for (n, value) in list.iter().enumerate() {
            let Some(table) = value.as_table() else {
                self.fault(key, "not a section", "a list of sections");
                continue;
            };
            let mut section = Section::new(&format!("{}{key} {}.", self.prefix, n + 1), table, self.errors);
            all.push(read(&mut section));
            section.finish();
        }
        all
    }

    /// Notes the keys that nobody has asked for.
    pub(super) fn finish(&mut self) {
        let strangers: Vec<String> = self
            .table
            .keys()
            .filter(|key| !self.left && !self.known.contains(&key.as_str()))
            .cloned()
            .collect();
        let expected = format!("one of {}", self.known.join(", "));
        strangers.iter().for_each(|key| self.fault(key, "unknown key", &expected));
    }

    fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.table.get(key)
    }
}

fn whole_from(from: u64, to: u64) -> String {
    format!("a whole number from {from} to {to}")
}

fn number(value: &Value) -> Option<f64> {
    let number = value.as_float().or_else(|| value.as_integer().map(|n| n as f64));
    number.filter(|number| number.is_finite())
}
