//! Results as a table, as JSON or as comma-separated values.

use super::args::Format;
use crate::hex::hex;
use dlms::axdr::Data;
use dlms::cosem::{Quantity, ScalerUnit, Unit};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// One field: for people, and for programs.
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) value: Value,
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { value: Value::from(text.clone()), text }
    }

    pub(super) fn number(number: u64) -> Self {
        Self { text: number.to_string(), value: Value::from(number) }
    }

    /// A number with its point, without its unit. Programs get a number if it has all digits, else the text.
    pub(super) fn decimal(quantity: &Quantity) -> Self {
        let scaler_unit = ScalerUnit { unit: Unit::COUNT, ..quantity.scaler_unit };
        let text = Quantity { scaler_unit, ..*quantity }.to_string();
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let exact = text.parse::<i64>().map(Value::from).ok();
        let short = || text.parse::<f64>().ok().filter(|_| digits <= DECIMAL_DIGITS).map(Value::from);
        Self { value: exact.or_else(short).unwrap_or_else(|| Value::from(text.as_str())), text }
    }

    pub(super) fn data(data: &Data<'_>) -> Self {
        Self { text: data.to_string(), value: value(data) }
    }
}

/// Columns and rows.
pub(super) struct Results {
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
    has_head: bool,
}

impl Results {
    pub(super) fn new<T: Into<String>>(columns: impl IntoIterator<Item = T>) -> Self {
        Self { columns: columns.into_iter().map(Into::into).collect(), rows: Vec::new(), has_head: true }
    }

    /// The same without the names of its columns, where they were printed before.
    pub(super) fn without_head(self) -> Self {
        Self { has_head: false, ..self }
    }

    pub(super) fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// The cells of the first row.
    #[cfg(test)]
    pub(super) fn first(&self) -> impl Iterator<Item = &Cell> {
        self.rows.iter().take(1).flatten()
    }

    pub(super) fn print(&self, format: Format) -> io::Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        match format {
            Format::Table => self.table(&mut out)?,
            Format::Json => self.json(&mut out)?,
            Format::Csv => self.csv(&mut out)?,
        }
        out.flush()
    }

    fn table(&self, out: &mut impl Write) -> io::Result<()> {
        let heads = self.columns.iter().map(String::as_str).collect::<Vec<_>>();
        let rows = self.rows.iter().map(|row| row.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>());
        let lines: Vec<_> = self.has_head.then_some(heads).into_iter().chain(rows).collect();
        let width =
            |n: usize| lines.iter().filter_map(|line| line.get(n)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..self.columns.len()).map(|n| width(n).unwrap_or(0)).collect();
        for line in &lines {
            let padded = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            writeln!(out, "{}", padded.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }

    fn json(&self, out: &mut impl Write) -> io::Result<()> {
        for row in &self.rows {
            let fields = self.columns.iter().cloned().zip(row.iter().map(|cell| cell.value.clone()));
            writeln!(out, "{}", Value::Object(Map::from_iter(fields)))?;
        }
        Ok(())
    }

    fn csv(&self, out: &mut impl Write) -> io::Result<()> {
        let line = |cells: &mut dyn Iterator<Item = &str>| cells.map(quoted).collect::<Vec<_>>().join(",");
        if self.has_head {
            write!(out, "{}\r\n", line(&mut self.columns.iter().map(String::as_str)))?;
        }
        for row in &self.rows {
            write!(out, "{}\r\n", line(&mut row.iter().map(|cell| cell.text.as_str())))?;
        }
        Ok(())
    }
}

/// A field of comma-separated values \[RFC 4180\].
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// A value in JSON: numbers and booleans as such, octets in hexadecimal digits, date-times as in the table.
pub(super) fn value(data: &Data<'_>) -> Value {
    match data {
        Data::Null | Data::DontCare => Value::Null,
        Data::Boolean(value) => json!(value),
        Data::Array(elements) | Data::Structure(elements) => {
            elements.iter().map(|element| value(&element)).collect()
        }
        Data::OctetString(octets) => json!(hex(octets)),
        Data::VisibleString(octets) => json!(String::from_utf8_lossy(octets)),
        Data::Utf8String(text) => json!(text),
        Data::F32(value) => json!(value),
        Data::F64(value) => json!(value),
        Data::U64(value) => json!(value),
        other => other.as_i64().map_or_else(|| json!(other.to_string()), |number| json!(number)),
    }
}

/// The digits that a number of JSON keeps, whoever reads it.
const DECIMAL_DIGITS: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(how: impl Fn(&Results, &mut Vec<u8>) -> io::Result<()>) -> String {
        let mut results = Results::new(["name", "value"]);
        results.push(vec![Cell::text("a,b"), Cell::number(7)]);
        results.push(vec![Cell::text("say \"x\""), Cell::data(&Data::OctetString(&[1, 0xFF]))]);
        let mut out = Vec::new();
        how(&results, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_table_has_columns_and_values_with_commas_are_quoted() {
        assert_eq!(printed(Results::table), "name     value\na,b      7\nsay \"x\"  01ff\n");
        assert_eq!(printed(Results::csv), "name,value\r\n\"a,b\",7\r\n\"say \"\"x\"\"\",01ff\r\n");
        assert_eq!(
            printed(Results::json),
            "{\"name\":\"a,b\",\"value\":7}\n{\"name\":\"say \\\"x\\\"\",\"value\":\"01ff\"}\n"
        );
    }
}
