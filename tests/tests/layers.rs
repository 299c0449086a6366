//! Arrows point down: the manifests of the workspace against `docs/layers.toml`.
//!
//! Only normal dependencies count. What a crate uses in its own tests is its own affair.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_arrow_between_crates_is_in_the_table() {
    let faults = faults(&table(), &workspace());
    assert!(faults.is_empty(), "docs/layers.toml and the manifests differ:\n{}", faults.join("\n"));
}

#[test]
fn the_table_names_every_package_and_no_other() {
    let named: BTreeSet<_> = table().into_keys().collect();
    let present: BTreeSet<_> = workspace().into_iter().map(|package| package.name).collect();
    assert_eq!(named, present);
}

#[test]
fn the_table_itself_has_no_cycle() {
    let table = table();
    for name in table.keys() {
        assert!(!reaches(&table, name, name, &mut BTreeSet::new()), "{name} reaches itself");
    }
}

#[test]
fn a_crate_without_the_standard_library_says_so_and_allocates_only_if_allowed() {
    for (name, layer) in table() {
        let package = workspace().into_iter().find(|p| p.name == name).expect("the table names packages");
        let lib = std::fs::read_to_string(package.folder.join("src/lib.rs")).unwrap();
        assert_eq!(lib.contains("#![no_std]"), layer.std != "std", "{name}: table says {}", layer.std);
        let allocates = lib.lines().zip(std::iter::once("").chain(lib.lines())).any(|(line, before)| {
            line.trim() == "extern crate alloc;" && !before.trim_start().starts_with("#[cfg(")
        });
        assert!(layer.std != "none" || !allocates, "{name} may not allocate");
    }
}

#[test]
fn an_arrow_that_is_not_in_the_table_is_named() {
    let table = BTreeMap::from([
        ("upper".to_owned(), layer(&["lower"], &[("tool", "extra")])),
        ("lower".to_owned(), layer(&[], &[])),
    ]);
    let edge = |to: &str, optional, features: &[&str]| Edge {
        to: to.into(),
        optional,
        features: features.iter().map(|&f| f.into()).collect(),
    };
    let package = |name: &str, edge| Package { name: name.into(), folder: PathBuf::new(), edges: vec![edge] };
    let verdict = |package| faults(&table, &[package]);
    assert!(verdict(package("upper", edge("lower", false, &[]))).is_empty());
    assert!(verdict(package("upper", edge("tool", true, &["extra"]))).is_empty());
    assert_eq!(verdict(package("lower", edge("upper", false, &[]))), ["lower -> upper: not in the table"]);
    for wrong in [edge("tool", false, &[]), edge("tool", true, &["default"]), edge("tool", true, &[])] {
        assert_eq!(verdict(package("upper", wrong)), ["upper -> tool: only behind its feature `extra`"]);
    }
}

/// A row of the table.
struct Layer {
    std: String,
    may_import: BTreeSet<String>,
    behind: BTreeMap<String, String>,
}

/// A package of the workspace with its arrows.
struct Package {
    name: String,
    folder: PathBuf,
    edges: Vec<Edge>,
}

/// A normal dependency on another package of the workspace.
struct Edge {
    to: String,
    optional: bool,
    /// Features that name the dependency themselves.
    features: BTreeSet<String>,
}

fn faults(table: &BTreeMap<String, Layer>, packages: &[Package]) -> Vec<String> {
    let arrows = packages.iter().flat_map(|package| package.edges.iter().map(move |edge| (package, edge)));
    arrows.filter_map(|(package, edge)| fault(table.get(&package.name), &package.name, edge)).collect()
}

fn fault(layer: Option<&Layer>, from: &str, edge: &Edge) -> Option<String> {
    let to = &edge.to;
    if layer.is_some_and(|layer| layer.may_import.contains(to)) {
        return None;
    }
    let Some(feature) = layer.and_then(|layer| layer.behind.get(to)) else {
        return Some(format!("{from} -> {to}: not in the table"));
    };
    let guarded = edge.optional && edge.features.iter().eq([feature]);
    (!guarded).then(|| format!("{from} -> {to}: only behind its feature `{feature}`"))
}

fn reaches(table: &BTreeMap<String, Layer>, from: &str, to: &str, seen: &mut BTreeSet<String>) -> bool {
    let Some(layer) = table.get(from) else { return false };
    layer
        .may_import
        .iter()
        .chain(layer.behind.keys())
        .any(|next| next == to || (seen.insert(next.clone()) && reaches(table, next, to, seen)))
}

fn table() -> BTreeMap<String, Layer> {
    let text = std::fs::read_to_string(root().join("docs/layers.toml")).unwrap();
    let document: toml::Table = text.parse().unwrap();
    let rows = document["packages"].as_table().unwrap();
    rows.iter().map(|(name, row)| (name.clone(), parse_layer(row))).collect()
}

fn parse_layer(row: &toml::Value) -> Layer {
    let names = row["may_import"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
    let behind = row.get("behind").and_then(toml::Value::as_table).into_iter().flatten();
    Layer {
        std: row["std"].as_str().unwrap().to_owned(),
        may_import: names.collect(),
        behind: behind.map(|(name, feature)| (name.clone(), feature.as_str().unwrap().to_owned())).collect(),
    }
}

fn workspace() -> Vec<Package> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(parse_package).collect()
}

fn parse_package(package: &serde_json::Value) -> Package {
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    let dependencies = package["dependencies"].as_array().unwrap().iter();
    // `kind` is null for a normal dependency; only members of the workspace have a `path`.
    let ours =
        dependencies.filter(|dependency| dependency["kind"].is_null() && dependency["path"].is_string());
    Package {
        name: package["name"].as_str().unwrap().to_owned(),
        folder: manifest.parent().unwrap().to_owned(),
        edges: ours.map(|dependency| parse_edge(package, dependency)).collect(),
    }
}

fn parse_edge(package: &serde_json::Value, dependency: &serde_json::Value) -> Edge {
    let to = dependency["name"].as_str().unwrap().to_owned();
    let enabling = [to.clone(), format!("dep:{to}")];
    let features = package["features"].as_object().unwrap().iter();
    let naming = features.filter(|(_, parts)| {
        parts.as_array().unwrap().iter().any(|part| enabling.iter().any(|name| part.as_str() == Some(name)))
    });
    Edge {
        optional: dependency["optional"].as_bool().unwrap(),
        features: naming.map(|(feature, _)| feature.clone()).collect(),
        to,
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn layer(may_import: &[&str], behind: &[(&str, &str)]) -> Layer {
    Layer {
        std: "std".into(),
        may_import: may_import.iter().map(|&name| name.into()).collect(),
        behind: behind.iter().map(|&(name, feature)| (name.into(), feature.into())).collect(),
    }
}
