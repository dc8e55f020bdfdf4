//! The console: built by npm, checked by npm, and kept built in the tree so that the server needs
//! no Node.js to be compiled.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::steps::succeed;
use crate::test::quietly;
use crate::workspace::root;

/// What the built files were built from, kept beside them.
const FINGERPRINT: &str = "console/dist/sources.sha256";

/// Whether there is an npm to build and check with.
pub(crate) fn can_be_built() -> bool {
    Command::new("npm").arg("--version").output().is_ok_and(|o| o.status.success())
}

fn npm(args: &[&str]) -> Result<(), String> {
    succeed(Command::new("npm").args(args).current_dir(root().join("console")))
}

/// Installs what the console is built with, as the lock file has it.
pub(crate) fn install() -> Result<(), String> {
    let lock = root().join("console/package-lock.json");
    let installed = root().join("console/node_modules/.package-lock.json");
    let modified = |path: &Path| path.metadata().and_then(|m| m.modified()).ok();
    if modified(&installed) >= modified(&lock) && installed.exists() {
        return Ok(());
    }
    println!("will install the console's packages into console/node_modules (npm ci)");
    npm(&["ci", "--no-audit", "--no-fund"])
}

/// Builds it into `console/dist`, from the API's document as it is.
pub(crate) fn build() -> Result<(), String> {
    install()?;
    npm(&["run", "--silent", "types"])?;
    npm(&["run", "--silent", "build"])?;
    std::fs::write(root().join(FINGERPRINT), fingerprint()? + "\n").map_err(|e| e.to_string())?;
    println!("console/dist");
    Ok(())
}

/// Types, lints and unit tests; and the client's types are those of the API's document.
pub(crate) fn check() -> Result<(), String> {
    install()?;
    let types = root().join("console/src/api/schema.d.ts");
    let before = std::fs::read(&types).map_err(|e| format!("{}: {e}", types.display()))?;
    npm(&["run", "--silent", "types"])?;
    if std::fs::read(&types).ok() != Some(before) {
        return Err("console/src/api/schema.d.ts was not current; commit what it is now".to_owned());
    }
    npm(&["run", "--silent", "check"])?;
    npm(&["run", "--silent", "lint"])?;
    npm(&["test", "--silent"])
}

/// Drives it in a real browser, against the real server and real databases. The browser is one of
/// the few things that a distribution has and npm should not.
pub(crate) fn drive(variables: &[(String, String)], program: &Path) -> Result<(), String> {
    let browser = Path::new("/usr/bin/chromium-headless-shell");
    if !browser.exists() {
        println!("will install chromium-headless-shell (Debian package)");
        let mut apt = Command::new("apt-get");
        apt.args(["install", "--yes", "--quiet", "--no-install-recommends"]);
        apt.args(["-o", "DPkg::Lock::Timeout=600", "chromium-headless-shell"]);
        let _ = quietly(&mut apt, root());
    }
    if !browser.exists() {
        println!("SKIPPED console::e2e: no chromium-headless-shell");
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", "e2e"]).current_dir(root().join("console"));
    npm.env("SYNCLINE", program).envs(variables.iter().cloned());
    succeed(&mut npm)
}

/// Fails when the built files were built from something else than what stands in the tree.
pub(crate) fn current() -> Result<(), String> {
    let built = std::fs::read_to_string(root().join(FINGERPRINT)).unwrap_or_default();
    if built.trim() == fingerprint()? {
        return Ok(());
    }
    Err("console/dist is not current; run `cargo xtask gen` and commit".to_owned())
}

/// A hash of everything the built files depend on.
fn fingerprint() -> Result<String, String> {
    let console = root().join("console");
    let mut files = vec![root().join("docs/openapi.json"), root().join("docs/job.schema.json")];
    for name in ["index.html", "package-lock.json", "tsconfig.json", "vite.config.ts"] {
        files.push(console.join(name));
    }
    for folder in ["public", "src"] {
        files_below(&console.join(folder), &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let text = std::fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let name = file.strip_prefix(root()).unwrap_or(&file).to_string_lossy().into_owned();
        hash.update(format!("{name}\0{}\0", text.len()));
        hash.update(&text);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, files)?;
        } else if !path.to_string_lossy().contains(".test.") {
            files.push(path);
        }
    }
    Ok(())
}
