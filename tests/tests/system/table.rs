//! The table that a demo prints.

use crate::process::Ended;

/// A row of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// The meter.
    pub(crate) meter: String,
    /// What went through it, Wh.
    pub(crate) put_in: f64,
    /// What was read of it, Wh.
    pub(crate) read: Option<f64>,
    /// Frames that it had to send again.
    pub(crate) retries: u64,
    /// What the demo makes of it.
    pub(crate) verdict: String,
}

impl Row {
    /// Deviation of what was read from what was put in, %, from the numbers in the table.
    pub(crate) fn error_percent(&self) -> Option<f64> {
        self.read.map(|read| 100.0 * (read - self.put_in) / self.put_in)
    }
}

/// The rows of the table on standard output.
pub(crate) fn rows(demo: &Ended) -> Vec<Row> {
    assert!(demo.out.first().is_some_and(|head| head.starts_with("meter ")), "{demo:?}");
    demo.out[1..].iter().filter(|line| line.starts_with("customer-")).map(|line| row(line)).collect()
}

fn row(line: &str) -> Row {
    let words: Vec<_> = line.split_whitespace().collect();
    Row {
        meter: words[0].to_owned(),
        put_in: words[1].parse().unwrap(),
        read: (words[2] != "-").then(|| words[2].parse().unwrap()),
        retries: words[7].parse().unwrap(),
        verdict: words[8..].join(" "),
    }
}
