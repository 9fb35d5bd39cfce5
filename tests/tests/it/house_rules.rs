//! `DESIGN.md` section 11's table of who may import what, and the style that a compiler cannot see.

use std::path::{Path, PathBuf};

/// Crates that a part of the source may not name; paths are from the workspace's root.
const FORBIDDEN: &[(&str, &[&str], &[&str])] = &[
    // (folder, crates, except in these folders)
    ("shared/src/domain", &["sqlx", "axum", "apalis", "lettre", "redis", "tokio"], &[]),
    ("shared/src", &["axum", "lettre"], &[]),
    ("shared/src", &["apalis", "apalis_core", "redis"], &["shared/src/queue"]),
    ("shared/src", &["sqlx"], &["shared/src/db"]),
    ("api/src", &["worker", "lettre", "redis", "sqlx"], &[]),
    ("worker/src", &["axum", "sqlx", "redis"], &[]),
    ("src", &["sqlx", "redis", "lettre"], &[]),
];

const SOURCES: &[&str] =
    &["src", "api/src", "shared/src", "worker/src", "tests/src", "tests/tests", "xtask/src"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Every Rust file below a folder, with its path from the root.
fn files(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}

/// Whether a line of code names a crate: `use redis::…`, `redis::Client`, not `crate::redis::…` or a comment.
fn names(line: &str, name: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    }) || code.trim() == format!("use {name};")
}

#[test]
fn each_part_imports_only_what_it_may() {
    let mut broken = Vec::new();
    for (folder, crates, except) in FORBIDDEN {
        for (path, text) in files(folder) {
            if except.iter().any(|inner| path.starts_with(inner)) {
                continue;
            }
            for (number, line) in text.lines().enumerate() {
                let named = crates.iter().filter(|name| names(line, name));
                broken.extend(named.map(|name| format!("{}:{}: {name}", path.display(), number + 1)));
            }
        }
    }
    assert!(broken.is_empty(), "DESIGN.md section 11 forbids:\n{}", broken.join("\n"));
}

#[test]
fn every_file_says_first_what_lives_in_it() {
    let silent: Vec<String> = SOURCES
        .iter()
        .flat_map(|folder| files(folder))
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "no `//!` at the top of:\n{}", silent.join("\n"));
}

#[test]
fn lints_are_expected_with_a_reason_and_never_allowed() {
    let attribute = ["#[al", "low("].concat();
    let mut allowed = Vec::new();
    for (path, text) in SOURCES.iter().flat_map(|folder| files(folder)) {
        let inner = attribute.replace("#[", "#![");
        let lines =
            text.lines().enumerate().filter(|(_, line)| line.contains(&attribute) || line.contains(&inner));
        allowed.extend(lines.map(|(number, _)| format!("{}:{}", path.display(), number + 1)));
    }
    assert!(allowed.is_empty(), "use #[expect(…, reason = \"…\")]:\n{}", allowed.join("\n"));
}

#[test]
fn a_reader_can_hold_a_file_in_mind() {
    let long: Vec<String> = SOURCES
        .iter()
        .flat_map(|folder| files(folder))
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > 450)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "most stay under 300 lines, and none goes so far beyond:\n{}", long.join("\n"));
}
