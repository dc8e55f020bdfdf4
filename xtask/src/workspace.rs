//! What cargo knows of the workspace: its folders, crates and their edges.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// The checkout's root: the one `cargo xtask` is called in, also where checkouts share a target
/// folder and with it this program.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let own = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let own = own.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        own.parent().unwrap_or(Path::new(".")).to_owned()
    })
}

/// The cargo that runs this.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// One crate.
pub(crate) struct Crate {
    pub(crate) name: String,
    /// Its folder, from the root: `crates/connectors/mysql`.
    pub(crate) folder: String,
    /// Crates of the workspace it depends on, and whether for its tests alone.
    pub(crate) uses: Vec<(String, bool)>,
}

/// The workspace as `cargo metadata` tells it.
pub(crate) struct Workspace {
    pub(crate) crates: Vec<Crate>,
    pub(crate) target: PathBuf,
}

impl Workspace {
    pub(crate) fn load() -> Result<Self, String> {
        let output = cargo()
            .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
            .output()
            .map_err(|e| format!("cargo metadata: {e}"))?;
        if !output.status.success() {
            return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
        }
        let value: Value = serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())?;
        let packages = value["packages"].as_array().ok_or("no packages")?;
        let target = value["target_directory"].as_str().ok_or("no target folder")?;
        let crates = packages.iter().map(read_crate).collect::<Option<_>>();
        Ok(Self { crates: crates.ok_or("a package cannot be read")?, target: target.into() })
    }

    /// A program that a debug build has made.
    pub(crate) fn built(&self, program: &str) -> PathBuf {
        self.target.join("debug").join(program)
    }
}

fn read_crate(package: &Value) -> Option<Crate> {
    let manifest = Path::new(package["manifest_path"].as_str()?);
    let folder = manifest.parent()?.strip_prefix(root()).ok()?;
    let uses = package["dependencies"].as_array()?.iter().filter(|d| !d["path"].is_null());
    Some(Crate {
        name: package["name"].as_str()?.to_owned(),
        folder: folder.to_str()?.to_owned(),
        uses: uses
            .filter_map(|d| Some((d["name"].as_str()?.to_owned(), d["kind"] == "dev")))
            .collect(),
    })
}
