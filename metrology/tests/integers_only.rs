//! The measurement knows no floating-point number: its sources say so.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn no_source_outside_its_tests_names_a_float() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let sources = sources(&folder);
    assert!(sources.len() >= 15, "only {} sources found", sources.len());
    for path in sources {
        let source = fs::read_to_string(&path).unwrap();
        let product = source.split("#[cfg(test)]").next().unwrap();
        for (n, line) in product.lines().enumerate() {
            let code = line.split("//").next().unwrap();
            let float = code.contains("f32") || code.contains("f64") || has_float_literal(code);
            assert!(!float, "{}:{}: {line}", path.display(), n + 1);
        }
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// A digit, a point, a digit.
fn has_float_literal(code: &str) -> bool {
    code.as_bytes().windows(3).any(|w| w[0].is_ascii_digit() && w[1] == b'.' && w[2].is_ascii_digit())
}
