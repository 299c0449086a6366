//! `typetest`: the type test of the metrology, whole: prints its table and writes its report.
#![forbid(unsafe_code)]

use clap::Parser;
use sim::laboratory::typetest::{DESIGNS, Extent, Report, test};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Run every row of the standards' tables on models of meters.
#[derive(Debug, Parser)]
#[command(name = "typetest", version, about)]
struct Cli {
    /// Write `typetest.html` and `typetest.csv` there.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Only the rows of every day: a few minutes less.
    #[arg(long)]
    short: bool,
    /// Only designs whose name contains this.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("typetest: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every row that was run has passed.
fn run(cli: &Cli) -> Result<bool, String> {
    let extent = if cli.short { Extent::Short } else { Extent::Whole };
    let designs: Vec<_> = DESIGNS.iter().filter(|design| design.name.contains(&cli.only)).collect();
    if designs.is_empty() {
        let names: Vec<_> = DESIGNS.iter().map(|design| design.name).collect();
        return Err(format!("--only {:?}: no such design; there are {names:?}", cli.only));
    }
    let mut tested = Vec::new();
    for design in designs {
        eprintln!("{} ...", design.name);
        tested.push(test(design, extent).map_err(|error| format!("{}: {error}", design.name))?);
    }
    let report = Report { tested };
    print!("{}", report.text());
    if let Some(folder) = &cli.out {
        write(folder, &report).map_err(|error| format!("--out {}: {error}", folder.display()))?;
    }
    Ok(report.passed())
}

fn write(folder: &Path, report: &Report) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("typetest.html"), report.html())?;
    fs::write(folder.join("typetest.csv"), report.csv())
}
