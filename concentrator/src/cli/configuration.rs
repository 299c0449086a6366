//! `concentrator config`: what can be said of configuration files without a running concentrator.

use super::ConfigCommand;
use crate::config::Config;
use std::io::{self, Write};
use std::path::Path;

pub(super) fn run(command: Option<&ConfigCommand>) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match command {
        None | Some(ConfigCommand::Template) => out.write_all(Config::default().to_toml().as_bytes())?,
        Some(ConfigCommand::Check { file }) => check(&mut out, file)?,
        Some(ConfigCommand::Show { file }) => show(&mut out, &Config::load(file)?)?,
        Some(ConfigCommand::Diff { old, new }) => diff(&mut out, old, new)?,
    }
    Ok(())
}

fn check(out: &mut impl Write, file: &Path) -> anyhow::Result<()> {
    let config = Config::load(file)?;
    let far = config.backhaul.map_or_else(|| String::from("none"), |far| far.head_end.to_string());
    writeln!(out, "{}: no fault; meters {}, head-end {far}", file.display(), config.meters.len())?;
    Ok(())
}

fn show(out: &mut impl Write, config: &Config) -> anyhow::Result<()> {
    let rows = config.shown();
    let width = rows.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    rows.iter().try_for_each(|(key, value)| writeln!(out, "{key:width$}  {value}"))?;
    Ok(())
}

fn diff(out: &mut impl Write, old: &Path, new: &Path) -> anyhow::Result<()> {
    let changes = Config::load(old)?.changes(&Config::load(new)?);
    changes.iter().try_for_each(|change| writeln!(out, "{change}"))?;
    Ok(())
}
