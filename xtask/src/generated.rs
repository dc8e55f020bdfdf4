//! References in `docs/` that are made from the code: errors, connectors, command line, job schema,
//! API; and the built console.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::console;
use crate::steps::succeed;
use crate::test::quietly;
use crate::workspace::{Workspace, cargo, root};

/// `cargo xtask gen [--check]`.
pub(crate) fn run(check: bool) -> Result<(), String> {
    succeed(cargo().args(["build", "--quiet", "--package", "syncline-cli"]))?;
    let workspace = Workspace::load()?;
    if check {
        return current(&workspace);
    }
    write(&workspace)?;
    if console::can_be_built() {
        return console::build();
    }
    println!("console/dist is left as it is: no npm");
    Ok(())
}

/// Writes the references in `docs/`.
fn write(workspace: &Workspace) -> Result<(), String> {
    for (name, text) in references(workspace)? {
        let path = root().join("docs").join(&name);
        std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
        println!("docs/{name}");
    }
    Ok(())
}

/// Fails when a reference, or the built console, is not what the built program would write.
pub(crate) fn current(workspace: &Workspace) -> Result<(), String> {
    let stale: Vec<String> = references(workspace)?
        .into_iter()
        .filter(|(name, text)| {
            std::fs::read(root().join("docs").join(name)).ok().as_ref() != Some(text)
        })
        .map(|(name, _)| format!("docs/{name}"))
        .collect();
    if stale.is_empty() {
        return console::current();
    }
    Err(format!("not current: {}; run `cargo xtask gen` and commit", stale.join(", ")))
}

/// What the program writes, by file name.
fn references(workspace: &Workspace) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let folder = Scratch::new("references")?;
    let mut program = Command::new(workspace.built("syncline"));
    quietly(program.arg("internal-docs").arg(&folder.0), root())?;
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(&folder.0).map_err(|e| e.to_string())?.flatten() {
        let text = std::fs::read(entry.path()).map_err(|e| e.to_string())?;
        found.insert(entry.file_name().to_string_lossy().into_owned(), text);
    }
    if found.is_empty() {
        Err("`syncline internal-docs` wrote nothing".to_owned())
    } else {
        Ok(found)
    }
}

/// A folder that is removed with the value.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
