//! Pages that must say what the code says. With `UPDATE_PAGES=1` in the environment they are written instead of compared.

use concentrator::config::Config;
use std::fs;
use std::path::PathBuf;

fn page(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/src").join(name)
}

/// Compares what stands between two lines of a page with what should.
fn holds(name: &str, begin: &str, end: &str, expected: &str) {
    let path = page(name);
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{name}: no {begin:?}"));
    let (found, after) = rest.split_once(end).unwrap_or_else(|| panic!("{name}: no {end:?}"));
    if found == expected {
        return;
    }
    if std::env::var_os("UPDATE_PAGES").is_some() {
        fs::write(&path, format!("{before}{begin}{expected}{end}{after}")).unwrap();
        return;
    }
    panic!(
        "docs/src/{name} does not say what the code says; UPDATE_PAGES=1 cargo test -p system-tests --test house_rules"
    );
}

#[test]
fn the_page_of_the_configuration_is_what_the_program_prints() {
    holds("configuration.md", "```toml\n", "```", &Config::default().to_toml());
}

#[test]
fn the_page_of_operation_lists_every_metric_with_its_meaning() {
    let rows = concentrator::metrics::NAMES;
    let rows: String =
        rows.iter().map(|(name, help)| format!("| `concentrator_{name}` | {help} |\n")).collect();
    let table = format!("\n\n| metric | |\n|---|---|\n{rows}\n");
    holds("operation.md", "<!-- metrics: begin -->", "<!-- metrics: end -->", &table);
}
