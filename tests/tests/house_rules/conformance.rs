//! The page on conformance says what is there: its tests exist, and the versions of its classes are those that are declared.

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_test_that_the_page_on_conformance_names_is_a_test() {
    let (page, tests) = (page(), tests());
    assert!(tests.contains("hdlc_frame_p1_a_link_is_opened_and_closed"), "no tests were found");
    let missing: Vec<_> = quoted(&page).filter(|name| is_test_name(name) && !tests.contains(*name)).collect();
    assert!(missing.is_empty(), "docs/src/dlms-conformance.md names tests that are not there: {missing:#?}");
    let files = quoted(&page).filter(|name| name.ends_with(".rs"));
    let gone: Vec<_> = files.filter(|file| !root().join(file).is_file()).collect();
    assert!(gone.is_empty(), "docs/src/dlms-conformance.md names files that are not there: {gone:?}");
}

#[test]
fn every_line_of_the_page_on_conformance_has_a_state_and_what_is_said_to_hold_a_test() {
    let page = page();
    let (checklist, _figures) = page.split_once("\n## Figures\n").unwrap();
    let lines: Vec<[&str; 3]> =
        checklist.lines().filter_map(cells).filter(|[name, ..]| *name != "line").collect();
    assert!(lines.len() > 100, "{} lines", lines.len());
    for [line, state, tests] in lines {
        let is_proved = quoted(tests).any(is_test_name);
        let is_lawful = match state {
            "held" | "partly" => is_proved,
            "not" => !tests.is_empty(),
            _ => false,
        };
        assert!(is_lawful, "docs/src/dlms-conformance.md: {line:?} is {state:?}: {tests:?}");
    }
}

#[test]
fn every_class_is_declared_in_the_version_that_the_page_on_conformance_says() {
    let schemas = std::fs::read_to_string(root().join("dlms/src/specs/schemas.rs")).unwrap();
    let declared: Vec<String> = schemas.lines().filter_map(declaration).collect();
    assert!(declared.len() > 20, "{declared:?}");
    let page = page();
    let (_, classes) = page.split_once("| class | version | name |").unwrap();
    let shown: Vec<&str> = classes.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert_eq!(shown, declared, "the table of docs/src/dlms-conformance.md, and dlms/src/specs/schemas.rs");
}

/// `NAME = 8, 0, "Clock": [` as a row of the table.
fn declaration(line: &str) -> Option<String> {
    let (_, numbers) = line.split_once(" = ")?;
    let (numbers, name) = numbers.split_once(", \"")?;
    let (class, version) = numbers.split_once(", ")?;
    let (name, _) = name.split_once("\":")?;
    let is_number = |text: &str| text.parse::<u16>().is_ok();
    (is_number(class) && is_number(version)).then(|| format!("| {class} | {version} | {name} |"))
}

/// Line, state and tests of a row; not of the head of a table, its rule, or the table of classes.
fn cells(row: &str) -> Option<[&str; 3]> {
    let row = row.strip_prefix("| ")?.strip_suffix(" |")?;
    let cells: Vec<&str> = row.splitn(3, " | ").collect();
    let cells: [&str; 3] = cells.try_into().ok()?;
    (cells[0] != "class" && cells[0].parse::<u16>().is_err()).then_some(cells)
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Tests are sentences: they have several words.
fn is_test_name(name: &str) -> bool {
    let is_word =
        name.bytes().all(|octet| octet == b'_' || octet.is_ascii_lowercase() || octet.is_ascii_digit());
    is_word && name.matches('_').count() >= 3
}

/// Every function behind `#[test]`, in all sources and tests of the workspace.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        for folder in ["src", "tests"] {
            collect(&path.join(folder), &mut found);
        }
    }
    found
}

fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let behind = text.split("#[test]").skip(1);
            let names = behind.filter_map(|text| text.split_once("fn ")?.1.split('(').next());
            found.extend(names.map(str::to_owned));
        }
    }
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/src/dlms-conformance.md")).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
