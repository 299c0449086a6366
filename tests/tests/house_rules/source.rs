//! Rust sources as text without comments, literals and tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A source file of a crate.
pub(crate) struct Source {
    /// Relative to the root of the workspace.
    pub(crate) path: String,
    /// The code with comments and literals blanked; as many lines as the file.
    pub(crate) code: String,
    /// The same with test code blanked too; empty for a file that is all tests.
    pub(crate) product: String,
}

/// A function with a body.
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// Line of the keyword, from 1.
    pub(crate) line: usize,
    /// Lines of its body that hold code.
    pub(crate) lines: usize,
}

/// Every source under `src` of every crate of the workspace at `root`, in order of path.
pub(crate) fn read_all(root: &Path) -> Vec<Source> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        collect(&entry.unwrap().path().join("src"), &mut files);
    }
    files.sort();
    let texts: Vec<_> = files.iter().map(|file| blank(&std::fs::read_to_string(file).unwrap())).collect();
    let tests: BTreeSet<_> =
        files.iter().zip(&texts).flat_map(|(file, code)| test_modules(file, code)).collect();
    files.iter().zip(texts).map(|(file, code)| source(root, file, code, &tests)).collect()
}

fn source(root: &Path, file: &Path, code: String, tests: &BTreeSet<PathBuf>) -> Source {
    let is_test = file.ancestors().any(|part| tests.contains(&part.with_extension("")));
    let product = if is_test { String::new() } else { without_tests(&code) };
    let path = file.strip_prefix(root).unwrap().to_string_lossy().into_owned();
    Source { path, code, product }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Paths, without extension, of the modules that `file` declares as tests.
fn test_modules(file: &Path, code: &str) -> Vec<PathBuf> {
    let stem = file.file_stem().unwrap().to_string_lossy();
    let beside = matches!(&*stem, "lib" | "main" | "mod");
    let folder = if beside { file.parent().unwrap().to_owned() } else { file.with_extension("") };
    let declared = test_items(code).into_iter().filter_map(|(from, to)| {
        let item = code[from..to].rsplit(']').next()?.trim().strip_suffix(';')?;
        Some(folder.join(item.split_whitespace().last()?))
    });
    declared.collect()
}

/// Blanks every item under `#[cfg(test)]`.
pub(crate) fn without_tests(code: &str) -> String {
    let mut product = code.as_bytes().to_vec();
    for (from, to) in test_items(code) {
        product[from..to].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    }
    String::from_utf8(product).expect("blanked code is ASCII")
}

fn test_items(code: &str) -> Vec<(usize, usize)> {
    const MARKS: [&str; 2] = ["#[cfg(test)]", "#[cfg(all(test"];
    let mut items = Vec::new();
    let mut from = 0;
    while let Some(at) = MARKS.iter().filter_map(|mark| code[from..].find(mark)).min() {
        let end = item_end(code, from + at);
        items.push((from + at, end));
        from = end;
    }
    items
}

/// Where the item that begins at `from` ends: its closing brace, or a semicolon before any brace.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0usize;
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b';' if depth == 0 => return at + 1,
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// Every function with a body in `code`.
pub(crate) fn functions(code: &str) -> Vec<Function> {
    let starts = words(code).filter(|&(_, word)| word == "fn");
    starts.filter_map(|(at, _)| function(code, at)).collect()
}

fn function(code: &str, at: usize) -> Option<Function> {
    let name = words(&code[at + 2..]).next().filter(|&(gap, _)| code[at + 2..][..gap].trim().is_empty())?.1;
    let open = at + body(&code[at..])?;
    let text = &code[open..item_end(code, open)];
    Some(Function {
        name: name.to_owned(),
        line: code[..at].matches('\n').count() + 1,
        lines: text.lines().filter(|line| !line.trim().is_empty()).count().saturating_sub(2),
    })
}

/// The brace that opens the body of a function, or none for a declaration.
fn body(code: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b';' if depth == 0 => return None,
            b'{' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

/// Identifiers, keywords and numbers with their positions.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + code[at..].find(is_word)?;
        let end = code[start..].find(|c| !is_word(c)).map_or(code.len(), |len| start + len);
        at = end;
        Some((start, &code[start..end]))
    })
}

/// Blanks comments and the insides of string and character literals, byte for byte.
pub(crate) fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    while out.len() < bytes.len() {
        let at = out.len();
        let len = skipped(&text[at..], at.checked_sub(1).map(|before| bytes[before])).max(1);
        let keep = len == 1 && bytes[at].is_ascii();
        let hidden = bytes[at..at + len].iter().map(|&byte| if byte == b'\n' { byte } else { b' ' });
        if keep {
            out.push(bytes[at])
        } else {
            out.extend(hidden)
        }
        while !text.is_char_boundary(out.len()) {
            out.push(b' ');
        }
    }
    String::from_utf8(out).expect("blanked code is ASCII")
}

/// The length of the comment or literal at the start of `text`, 0 if there is none.
fn skipped(text: &str, before: Option<u8>) -> usize {
    let inside_word = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let literal = text.trim_start_matches(['b', 'c']);
    let prefix = text.len() - literal.len();
    match text.as_bytes()[0] {
        b'/' if text.starts_with("//") => text.find('\n').unwrap_or(text.len()),
        b'/' if text.starts_with("/*") => block_comment(text),
        b'"' => quoted(text, '"'),
        b'\'' => character(text),
        b'r' | b'b' | b'c' if inside_word || prefix > 1 => 0,
        b'r' => raw(text),
        b'b' | b'c' if literal.starts_with('r') => add(prefix, raw(literal)),
        b'b' | b'c' if literal.starts_with('"') => add(prefix, quoted(literal, '"')),
        b'b' if literal.starts_with('\'') => add(prefix, character(literal)),
        _ => 0,
    }
}

fn add(prefix: usize, len: usize) -> usize {
    if len == 0 { 0 } else { prefix + len }
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < text.len() {
        let pair = &text.as_bytes()[at..text.len().min(at + 2)];
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {}
        }
        at += if matches!(pair, b"/*" | b"*/") { 2 } else { 1 };
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A character literal, and not a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => quoted(text, '\''),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

fn raw(text: &str) -> usize {
    let hashes = text[1..].bytes().take_while(|&byte| byte == b'#').count();
    if text.as_bytes().get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let from = 2 + hashes;
    text[from..].find(&end).map_or(text.len(), |len| from + len + end.len())
}
