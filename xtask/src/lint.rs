//! The rules of the house that a program can check.

use std::path::Path;

use crate::test::quietly;
use crate::workspace::{Crate, Workspace, root};

/// Which part of the workspace may depend on which. A part is a crate, or all crates in a folder.
///
/// This is the one place where the edges are written down; the reasons stand in
/// `docs/architecture.md`.
const EDGES: &[(&str, &str, &[&str])] = &[
    ("types", "crates/types", &[]),
    ("connector", "crates/connector", &["types"]),
    ("kits", "crates/kits/", &["types"]),
    ("connectors", "crates/connectors/", &["connector", "types", "kits"]),
    ("processors", "crates/processors", &["connector", "types", "kits"]),
    ("store", "crates/store", &["types", "kits"]),
    ("engine", "crates/engine", &["connector", "processors", "store", "types", "kits"]),
    ("datax", "crates/datax", &["engine", "connector", "types"]),
    (
        "server",
        "crates/server",
        &["engine", "datax", "store", "processors", "connector", "kits", "types"],
    ),
    ("testkit", "crates/testkit", &["connector", "types"]),
    (
        "cli",
        "crates/cli",
        &[
            "server",
            "engine",
            "datax",
            "store",
            "processors",
            "connectors",
            "connector",
            "kits",
            "types",
        ],
    ),
    ("bench", "bench/instructions", &["connectors", "connector", "kits", "types"]),
    ("xtask", "xtask", &[]),
];

/// What tests may use besides.
const FOR_TESTS: &[(&str, &str)] = &[
    ("*", "testkit"),
    // A run needs a store, and SQLite needs no server.
    ("engine", "connectors"),
    ("server", "connectors"),
];

/// Longer than this, without its tests, a file is named in a warning.
const LONG: usize = 500;

/// Runs all rules.
pub(crate) fn run() -> Result<(), String> {
    let workspace = Workspace::load()?;
    let files = tracked_files()?;
    let mut faults = edges(&workspace.crates);
    faults.extend(types_pages(&workspace.crates));
    for file in &files {
        let Ok(text) = std::fs::read_to_string(root().join(file)) else { continue };
        faults.extend(leftovers(file, &text));
        if file.ends_with(".rs") {
            faults.extend(module_doc(file, &text));
            warn_of_length(file, &text);
        }
    }
    if faults.is_empty() {
        println!(
            "{} files, {} crates: nothing to complain of",
            files.len(),
            workspace.crates.len()
        );
        return Ok(());
    }
    for fault in &faults {
        println!("{fault}");
    }
    Err(format!("{} rules broken", faults.len()))
}

fn tracked_files() -> Result<Vec<String>, String> {
    let mut git = std::process::Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let list = quietly(&mut git, root())?;
    Ok(list.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

fn part_of(folder: &str) -> Option<&'static str> {
    let fits = |(_, place, _): &&(&str, &str, &[&str])| match place.strip_suffix('/') {
        Some(parent) => Path::new(folder).parent() == Some(Path::new(parent)),
        None => folder == *place,
    };
    EDGES.iter().find(fits).map(|(part, ..)| *part)
}

fn edges(crates: &[Crate]) -> Vec<String> {
    let mut faults = Vec::new();
    for krate in crates {
        let Some(from) = part_of(&krate.folder) else {
            faults.push(format!("{}: no part in xtask's table of edges", krate.folder));
            continue;
        };
        let allowed = EDGES.iter().find(|(part, ..)| *part == from).map_or(&[][..], |e| e.2);
        for (name, for_tests) in &krate.uses {
            let folder = crates.iter().find(|c| c.name == *name).map_or("", |c| &c.folder);
            let to = part_of(folder).unwrap_or("");
            let for_test =
                |(who, what): &(&str, &str)| (*who == "*" || *who == from) && *what == to;
            let fine = allowed.contains(&to) || (*for_tests && FOR_TESTS.iter().any(for_test));
            if !fine {
                faults.push(format!("{}: {from} may not depend on {name}", krate.folder));
            }
        }
    }
    faults
}

/// Every connector says how native types become Arrow types and back.
fn types_pages(crates: &[Crate]) -> Vec<String> {
    let connectors = crates.iter().filter(|c| part_of(&c.folder) == Some("connectors"));
    connectors
        .map(|c| format!("{}/TYPES.md", c.folder))
        .filter(|page| !root().join(page).is_file())
        .map(|page| format!("{page} is missing"))
        .collect()
}

/// Every module says what it is for.
fn module_doc(file: &str, text: &str) -> Option<String> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    (!first.starts_with("//!")).then(|| format!("{file}:1: a module opens with `//!`"))
}

/// Paths of this machine and addresses of registries have no place in the tree.
fn leftovers(file: &str, text: &str) -> Vec<String> {
    let mut needles: Vec<String> = vec![format!("{}/", root().display())];
    if let Some(parent) = root().parent().filter(|p| p.components().count() > 1) {
        needles.push(format!("{}/", parent.display()));
    }
    let home = std::env::var("HOME").unwrap_or_default();
    if home.len() > 1 {
        needles.push(format!("{home}/"));
    }
    // In two halves, so that this file does not name them.
    needles.extend([["repo.", "maven"].concat(), ["repo1.", "maven"].concat()]);
    let found = |line: &str| {
        let starts = |(at, _): (usize, &str)| {
            let before = line[..at].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && !"./}".contains(c))
        };
        needles.iter().any(|needle| line.match_indices(needle.as_str()).any(starts))
    };
    let faulty = text.lines().enumerate().filter(|(_, line)| found(line));
    faulty
        .map(|(number, _)| format!("{file}:{}: a path or address of one machine", number + 1))
        .collect()
}

fn warn_of_length(file: &str, text: &str) {
    if !file.contains("/src/") {
        return;
    }
    let code = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
    if code > LONG {
        println!("warning: {file}: {code} lines without tests");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn krate(folder: &str, uses: &[(&str, bool)]) -> Crate {
        let name = folder.rsplit('/').next().unwrap().to_owned();
        let uses = uses.iter().map(|(name, dev)| ((*name).to_owned(), *dev)).collect();
        Crate { name, folder: folder.to_owned(), uses }
    }

    #[test]
    fn a_connector_may_not_use_another_one_nor_the_engine() {
        let crates = [
            krate("crates/types", &[]),
            krate("crates/engine", &[("types", false)]),
            krate("crates/testkit", &[]),
            krate("crates/connectors/a", &[("types", false), ("testkit", true)]),
            krate("crates/connectors/b", &[("a", false), ("engine", false), ("testkit", false)]),
            krate("crates/strange", &[]),
        ];
        let faults = edges(&crates);
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert!(faults[3].contains("no part"), "{faults:?}");
    }

    #[test]
    fn machine_paths_and_missing_docs_are_found() {
        let path = format!("see \"{}/x\"", root().display());
        assert_eq!(leftovers("a.md", &path).len(), 1);
        assert!(leftovers("a.md", "crates/work/x and a/b").is_empty());
        assert!(module_doc("a.rs", "use x;\n//! late\n").is_some());
        assert!(module_doc("a.rs", "\n//! fine\n").is_none());
    }
}
