//! House rules that the compiler and clippy do not know, as scans of the sources.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod conformance;
mod pages;
mod source;

use source::{Source, blank, functions, read_all, without_tests, words};
use std::path::Path;

#[test]
fn no_file_has_more_than_600_lines_of_product_code() {
    obeyed(|source| {
        let lines = source.product.lines().filter(|line| !line.trim().is_empty()).count();
        (lines > 600).then(|| format!("{lines} lines")).into_iter().collect()
    });
}

#[test]
fn no_function_has_more_than_60_lines() {
    obeyed(|source| long_functions(&source.product));
}

#[test]
fn unsafe_stands_in_the_kernel_file_alone() {
    obeyed(|source| match source.path.as_str() {
        "g3-phy/src/dsp/kernel.rs" => Vec::new(),
        _ => lines_with(&source.code, |line| has_word(line, "unsafe")),
    });
}

#[test]
fn every_crate_but_the_modem_forbids_unsafe_code() {
    let roots = sources().into_iter().filter(|source| source.path.ends_with("/src/lib.rs"));
    let open: Vec<_> = roots
        .filter(|source| {
            !source.path.starts_with("g3-phy/") && !source.code.contains("#![forbid(unsafe_code)]")
        })
        .map(|source| source.path)
        .collect();
    assert!(open.is_empty(), "no `#![forbid(unsafe_code)]` in {open:?}");
}

#[test]
fn the_meter_measures_without_floating_point() {
    obeyed(|source| match source.path.starts_with("metrology/") {
        true => lines_with(&source.product, has_float),
        false => Vec::new(),
    });
}

#[test]
fn nothing_is_unwrapped_outside_tests() {
    obeyed(|source| lines_with(&source.product, |line| line.contains(".unwrap()")));
}

#[test]
fn nothing_is_left_to_do() {
    obeyed(|source| {
        lines_with(&source.code, |line| line.contains("todo!(") || line.contains("unimplemented!("))
    });
    obeyed(|source| lines_with(&source.code, |line| line.contains("#[ignore")));
}

#[test]
fn public_names_say_what_a_thing_is() {
    obeyed(|source| lines_with(&source.product, has_forbidden_name));
}

#[test]
fn the_scan_sees_code_and_nothing_else() {
    let text = "let a = \"unsafe // {\"; // unsafe\n/* unsafe /* { */ */ let b = 'x'; let c: &'a str = r#\"un\"safe\"#;";
    let code = blank(text);
    assert_eq!(code.len(), text.len());
    assert!(!has_word(&code, "unsafe") && !code.contains('{') && !code.contains("safe"), "{code}");
    assert!(code.contains("let b") && code.contains("let c: &'a str"), "{code}");
    assert!(blank("let q = '\"'; unsafe { }").contains("unsafe { }"));
    assert!(blank("b'\\'' + b\"\\\"{\" + unsafe").ends_with("unsafe") && !blank("b\"\\\"{\"").contains('{'));
}

#[test]
fn the_scan_leaves_tests_out() {
    let code = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { x.unwrap() } }\nfn c() {}";
    let product = without_tests(code);
    assert!(product.contains("fn a") && product.contains("fn c") && !product.contains("unwrap"));
    assert_eq!(without_tests("#[cfg(test)]\nmod oracle;\nfn d() {}").trim(), "fn d() {}");
}

#[test]
fn each_planted_fault_is_found() {
    let body = "    x();\n".repeat(61);
    assert_eq!(long_functions(&format!("fn f(a: [u8; 3]) -> B {{\n{body}}}\n")).len(), 1);
    assert_eq!(long_functions(&format!("fn f();\nfn g() {{\n{}}}\n", "    x();\n".repeat(60))).len(), 0);
    assert!(has_float("let x: f32 = y;") && has_float("x * 0.5") && !has_float("self.0.1 + 1..2"));
    for bad in [
        "pub fn get_name(&self)",
        "pub struct PeerManager;",
        "pub(crate) mod util {",
        "pub trait ParseHelper {",
    ] {
        assert!(has_forbidden_name(bad), "{bad}");
    }
    for good in ["pub fn getter(&self)", "fn get_local()", "pub struct Utility;", "pub fn name() -> Managed"]
    {
        assert!(!has_forbidden_name(good), "{good}");
    }
}

/// Fails with every place that breaks `rule`.
fn obeyed(rule: impl Fn(&Source) -> Vec<String>) {
    let found = sources();
    assert!(found.len() > 20, "only {} sources were found", found.len());
    let faults: Vec<_> = found
        .iter()
        .flat_map(|source| rule(source).into_iter().map(move |fault| format!("{}: {fault}", source.path)))
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn sources() -> Vec<Source> {
    read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
}

fn long_functions(code: &str) -> Vec<String> {
    let long = functions(code).into_iter().filter(|function| function.lines > 60);
    long.map(|f| format!("line {}: {} has {} lines", f.line, f.name, f.lines)).collect()
}

fn lines_with(code: &str, fault: impl Fn(&str) -> bool) -> Vec<String> {
    let lines = code.lines().enumerate().filter(|(_, line)| fault(line));
    lines.map(|(n, line)| format!("line {}: {}", n + 1, line.trim())).collect()
}

fn has_word(line: &str, word: &str) -> bool {
    words(line).any(|(_, found)| found == word)
}

fn has_float(line: &str) -> bool {
    has_word(line, "f32") || has_word(line, "f64") || words(line).any(|(at, word)| is_float(line, at, word))
}

/// Whether the number `word` at `at` is followed by a point and a digit, and is not a tuple's field.
fn is_float(line: &str, at: usize, word: &str) -> bool {
    let field = line[..at].ends_with('.');
    let mut rest = line[at + word.len()..].chars();
    let point = rest.next() == Some('.') && rest.next().is_some_and(|c| c.is_ascii_digit());
    !field && word.chars().all(|c| c.is_ascii_digit()) && point
}

fn has_forbidden_name(line: &str) -> bool {
    const ITEMS: [&str; 7] = ["fn", "struct", "enum", "trait", "mod", "type", "const"];
    const ENDINGS: [&str; 3] = ["Manager", "Helper", "Util"];
    const MODULES: [&str; 6] = ["util", "utils", "helper", "helpers", "common", "misc"];
    let found: Vec<_> = words(line).map(|(_, word)| word).collect();
    let is_public = found.first() == Some(&"pub");
    let name = found.windows(2).find(|pair| ITEMS.contains(&pair[0]) && !ITEMS.contains(&pair[1]));
    is_public
        && name.is_some_and(|pair| match pair[0] {
            "mod" => MODULES.contains(&pair[1]),
            "fn" => pair[1].starts_with("get_"),
            _ => ENDINGS.iter().any(|ending| pair[1].trim_end_matches('s').ends_with(ending)),
        })
}
