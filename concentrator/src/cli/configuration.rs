//! `concentrator config`: what can be said of configuration files without a running concentrator, and what a running one does with them.

use super::dial::{dial, refused};
use super::{ClientArgs, ConfigCommand};
use crate::clock;
use crate::config::{Change, Config, ConfigError, ConfigErrors};
use crate::validity;
use anyhow::Context;
use concentrator_proto::v1;
use concentrator_proto::v1::config_client::ConfigClient;
use plc_core::Utc;
use std::io::{self, Write};
use std::path::Path;
use tonic::transport::Channel;

pub(super) fn run(command: Option<&ConfigCommand>) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match command {
        None | Some(ConfigCommand::Template) => out.write_all(Config::default().to_toml().as_bytes())?,
        Some(ConfigCommand::Check { file, json }) => check(&mut out, file, *json)?,
        Some(ConfigCommand::Show { file: Some(file), client }) => {
            show(&mut out, &Config::load(file)?.shown(), client.json)?;
        }
        Some(ConfigCommand::Show { file: None, client }) => show_running(&mut out, client)?,
        Some(ConfigCommand::Diff { old, new, json }) => diff(&mut out, old, new, *json)?,
        Some(ConfigCommand::Apply { file, confirm, client }) => apply(&mut out, file, *confirm, client)?,
        Some(ConfigCommand::Confirm(client)) => confirm(&mut out, client)?,
        Some(ConfigCommand::Revert(client)) => revert(&mut out, client)?,
    }
    Ok(())
}

fn check(out: &mut impl Write, file: &Path, json: bool) -> anyhow::Result<()> {
    let loaded = Config::load(file);
    if json {
        writeln!(out, "{}", checked(file, &loaded))?;
    }
    let config = loaded?;
    let far = config.backhaul.as_ref().map_or_else(|| String::from("none"), |far| far.head_end.to_string());
    let warnings = warnings(&config);
    if !json {
        for warning in warnings {
            writeln!(out, "{}: warning: {warning}", file.display())?;
        }
        writeln!(out, "{}: no fault; meters {}, head-end {far}", file.display(), config.meters.len())?;
    }
    Ok(())
}

/// What is right as it is written, and will not work now.
fn warnings(config: &Config) -> Vec<String> {
    validity::of(config, clock::utc()).into_values().filter_map(|certificate| certificate.fault).collect()
}

fn checked(file: &Path, loaded: &Result<Config, ConfigErrors>) -> serde_json::Value {
    let faults = loaded.as_ref().err().map_or(&[][..], |errors| &errors.errors);
    let fault = |error: &ConfigError| {
        let line = (error.line > 0).then_some(error.line);
        serde_json::json!({ "line": line, "text": error.text })
    };
    let config = loaded.as_ref().ok();
    serde_json::json!({
        "file": file.display().to_string(),
        "meters": config.map(|config| config.meters.len()),
        "head_end": config.and_then(|config| config.backhaul.as_ref()).map(|far| far.head_end.to_string()),
        "warnings": config.map(warnings).unwrap_or_default(),
        "faults": faults.iter().map(fault).collect::<Vec<_>>(),
    })
}

fn show(out: &mut impl Write, rows: &[(String, String)], json: bool) -> anyhow::Result<()> {
    let width = rows.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    for (key, value) in rows {
        if json {
            writeln!(out, "{}", serde_json::json!({ "key": key, "value": value }))?;
        } else {
            writeln!(out, "{key:width$}  {value}")?;
        }
    }
    Ok(())
}

fn show_running(out: &mut impl Write, client: &ClientArgs) -> anyhow::Result<()> {
    let answer = with(client, async |mut config| config.show_config(v1::ShowConfigRequest {}).await)?;
    let rows: Vec<_> = answer.rows.into_iter().map(|row| (row.key, row.value)).collect();
    show(out, &rows, client.json)?;
    if let Some(until) = answer.trial_until_ms.filter(|_| !client.json) {
        writeln!(out, "on trial until {}", Utc::from_millis(until))?;
    }
    Ok(())
}

fn diff(out: &mut impl Write, old: &Path, new: &Path, json: bool) -> anyhow::Result<()> {
    let changes = Config::load(old)?.changes(&Config::load(new)?);
    let told = |Change { key, old, new, effect }| {
        let effect = effect.as_str().to_owned();
        v1::ConfigChange { key, old, new, effect }
    };
    print(out, &changes.into_iter().map(told).collect::<Vec<_>>(), json)
}

fn apply(out: &mut impl Write, file: &Path, confirm: Option<u32>, client: &ClientArgs) -> anyhow::Result<()> {
    let text = crate::bounded::piped_text(file).with_context(|| format!("file {}", file.display()))?;
    let request = v1::ApplyConfigRequest { text, confirm_s: confirm.unwrap_or(0) };
    let answer = with(client, async |mut config| config.apply_config(request).await)?;
    print(out, &answer.changes, client.json)?;
    if let Some(seconds) = confirm.filter(|_| !client.json) {
        writeln!(out, "on trial for {seconds} s: concentrator config confirm keeps it")?;
    }
    Ok(())
}

fn confirm(out: &mut impl Write, client: &ClientArgs) -> anyhow::Result<()> {
    with(client, async |mut config| config.confirm_config(v1::ConfirmConfigRequest {}).await)?;
    if !client.json {
        writeln!(out, "confirmed")?;
    }
    Ok(())
}

fn revert(out: &mut impl Write, client: &ClientArgs) -> anyhow::Result<()> {
    let answer = with(client, async |mut config| config.revert_config(v1::RevertConfigRequest {}).await)?;
    print(out, &answer.changes, client.json)
}

/// One question to a running concentrator.
fn with<T>(
    client: &ClientArgs,
    question: impl AsyncFnOnce(ConfigClient<Channel>) -> Result<tonic::Response<T>, tonic::Status>,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let config = ConfigClient::new(dial(client).await?);
        Ok(question(config).await.map_err(refused)?.into_inner())
    })
}

fn print(out: &mut impl Write, changes: &[v1::ConfigChange], json: bool) -> anyhow::Result<()> {
    for v1::ConfigChange { key, old, new, effect } in changes {
        if json {
            let line = serde_json::json!({ "key": key, "old": old, "new": new, "effect": effect });
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "{key}: {old} -> {new} ({effect})")?;
        }
    }
    Ok(())
}
