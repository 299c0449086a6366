//! Comma-separated text with a header row, and what can be wrong with it.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

/// Why a feeder's tables are refused.
#[derive(Debug, thiserror::Error)]
pub enum FeederError {
    /// A file cannot be read.
    #[error("{}: {error}, expected a readable file", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A table as a whole is not what it should be.
    #[error("{file}: {problem}")]
    Table {
        /// Name of the table.
        file: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A row has too few or too many columns.
    #[error("{file}, line {line}: expected {expected} columns, found {found}")]
    Row {
        /// Name of the table.
        file: &'static str,
        /// Line of the file, from 1.
        line: usize,
        /// Columns of the header.
        expected: usize,
        /// Columns of the row.
        found: usize,
    },
    /// A cell does not hold what its column should.
    #[error("{file}, line {line}, column {column}: expected {expected}, found {found:?}")]
    Cell {
        /// Name of the table.
        file: &'static str,
        /// Line of the file, from 1.
        line: usize,
        /// Name of the column.
        column: String,
        /// What the column holds.
        expected: String,
        /// What the cell holds.
        found: String,
    },
}

/// A table being read.
pub(super) struct Table<'a> {
    file: &'static str,
    columns: Vec<&'a str>,
    lines: Vec<(usize, &'a str)>,
}

/// A row being read.
#[derive(Clone)]
pub(super) struct Row<'t> {
    table: &'t Table<'t>,
    line: usize,
    cells: Vec<&'t str>,
}

impl<'a> Table<'a> {
    /// The table `text`, whose header begins with `columns` and has no others unless `open`.
    pub(super) fn new(
        file: &'static str,
        text: &'a str,
        columns: &[&str],
        open: bool,
    ) -> Result<Self, FeederError> {
        let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let empty =
            || FeederError::Table { file, problem: "expected a header row, found an empty file".into() };
        let (line, header) = lines.next().ok_or_else(empty)?;
        let found: Vec<&str> = header.split(',').map(str::trim).collect();
        if found.len() < columns.len() || (!open && found.len() > columns.len()) {
            return Err(FeederError::Row { file, line, expected: columns.len(), found: found.len() });
        }
        for (wanted, name) in columns.iter().zip(&found) {
            if wanted != name {
                let (column, found) = ((*wanted).to_owned(), (*name).to_owned());
                return Err(FeederError::Cell {
                    file,
                    line,
                    column,
                    expected: "the column's name".into(),
                    found,
                });
            }
        }
        Ok(Self { file, columns: found, lines: lines.collect() })
    }

    /// Number of columns.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// The rows; at most `limit` of them.
    pub(super) fn rows(&self, limit: usize) -> Result<Vec<Row<'_>>, FeederError> {
        if self.lines.len() > limit {
            return Err(self.problem(format!("expected at most {limit} rows, found {}", self.lines.len())));
        }
        self.lines.iter().map(|(line, text)| self.row(*line, text)).collect()
    }

    /// What is wrong with the table as a whole.
    pub(super) fn problem(&self, problem: String) -> FeederError {
        FeederError::Table { file: self.file, problem }
    }

    fn row<'t>(&'t self, line: usize, text: &'t str) -> Result<Row<'t>, FeederError> {
        let cells: Vec<&str> = text.split(',').map(str::trim).collect();
        let (expected, found) = (self.width(), cells.len());
        if expected != found {
            return Err(FeederError::Row { file: self.file, line, expected, found });
        }
        Ok(Row { table: self, line, cells })
    }
}

impl<'t> Row<'t> {
    /// The text of a column.
    pub(super) fn text(&self, column: usize) -> &'t str {
        self.cells[column]
    }

    /// The value of a column, if it parses and `holds`.
    pub(super) fn value<T: FromStr>(
        &self,
        column: usize,
        expected: &str,
        holds: impl FnOnce(&T) -> bool,
    ) -> Result<T, FeederError> {
        self.text(column).parse().ok().filter(holds).ok_or_else(|| self.wrong(column, expected))
    }

    /// A finite number.
    pub(super) fn number(&self, column: usize) -> Result<f64, FeederError> {
        self.value(column, "a finite number", |value: &f64| value.is_finite())
    }

    /// A number above zero up to `most`.
    pub(super) fn positive(&self, column: usize, most: f64) -> Result<f64, FeederError> {
        let holds = |value: &f64| *value > 0.0 && *value <= most;
        self.value(column, &format!("a number above 0 up to {most}"), holds)
    }

    /// A number within `range`.
    pub(super) fn within(&self, column: usize, range: &RangeInclusive<f64>) -> Result<f64, FeederError> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        self.value(column, &expected, |value: &f64| range.contains(value))
    }

    /// What is wrong with a cell.
    pub(super) fn wrong(&self, column: usize, expected: &str) -> FeederError {
        FeederError::Cell {
            file: self.table.file,
            line: self.line,
            column: self.table.columns[column].to_owned(),
            expected: expected.to_owned(),
            found: self.text(column).to_owned(),
        }
    }
}
