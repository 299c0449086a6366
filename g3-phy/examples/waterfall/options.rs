//! The command line.

use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
waterfall [--quick | --full] [--curve NAME,..] [--out DIR] [--threads N] [--seed S] [--list]

  --quick        up to 400 frames or 40 losses per point, some minutes in all (the default)
  --full         until 100 losses or 20 000 frames per point
  --curve NAME   only curves whose name contains NAME; several, separated by commas
  --out DIR      where CSV, SVG and tables go (default: target/waterfall)
  --threads N    how many threads (default: as many as the machine has); the numbers do not depend on it
  --seed S       seed of all random numbers (default: 1)
  --list         names the curves and ends";

/// What was asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) full: bool,
    /// Parts of names; all curves if empty.
    pub(crate) curves: Vec<String>,
    pub(crate) out: PathBuf,
    pub(crate) threads: usize,
    pub(crate) seed: u64,
    pub(crate) list: bool,
}

impl Options {
    /// Reads the arguments after the program's name; says what is wrong with them.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let (curves, out) = (Vec::new(), PathBuf::from("target/waterfall"));
        let mut options = Self { full: false, curves, out, threads, seed: 1, list: false };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} wants a value"));
            match argument.as_str() {
                "--quick" => options.full = false,
                "--full" => options.full = true,
                "--list" => options.list = true,
                "--curve" => options.curves.extend(value()?.split(',').map(str::to_owned)),
                "--out" => options.out = value()?.into(),
                "--threads" => options.threads = number(&value()?)?.max(1) as usize,
                "--seed" => options.seed = number(&value()?)?,
                other => return Err(format!("{other} is not an option")),
            }
        }
        Ok(options)
    }

    /// Whether the curve called `name` was asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.curves.is_empty() || self.curves.iter().any(|part| name.contains(part.as_str()))
    }
}

fn number(value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("{value} is not a whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read_in_any_order() {
        let options = parse("--threads 3 --curve robo,tone --full --out x --seed 9").unwrap();
        assert!(options.full && options.threads == 3 && options.seed == 9 && options.out == *"x");
        assert!(options.wants("awgn-robo") && options.wants("tone") && !options.wants("awgn-dbpsk"));
        assert!(parse("").unwrap().wants("anything"));
    }

    #[test]
    fn what_is_no_option_is_named() {
        assert_eq!(parse("--fast"), Err("--fast is not an option".into()));
        assert_eq!(parse("--seed x"), Err("x is not a whole number".into()));
        assert_eq!(parse("--out"), Err("--out wants a value".into()));
    }
}
