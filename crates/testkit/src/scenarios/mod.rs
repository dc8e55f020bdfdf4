//! Scenario folders: a copy from one store to another, told in text files, run with the real
//! program on real servers. `tests/scenarios/README.md` says what a folder holds.

mod script;
mod stage;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use script::Script;
use stage::Stage;

/// Scenarios run at the same time.
const AT_ONCE: usize = 3;

/// Runs every scenario under `folder` with the program at `binary`. The variable `SCENARIO` narrows
/// them to those whose path contains it.
///
/// # Panics
/// When there are none, or one fails; the message names all that do, and says why.
pub fn run_all(binary: &Path, folder: &Path) {
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let cases: Vec<PathBuf> =
        find(folder).into_iter().filter(|case| case.to_string_lossy().contains(&only)).collect();
    assert!(!cases.is_empty(), "no scenarios in {}", folder.display());
    let failures = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let test = std::thread::current().name().unwrap_or("scenarios").to_owned();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            let worker = || {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = run(binary, case) {
                        let name = case.strip_prefix(folder).unwrap_or(case).display();
                        let mut failures = failures.lock().expect("no worker panics with it");
                        failures.push(format!("{name}: {why}"));
                    }
                }
            };
            // The name is what a skipped server is reported under.
            let spawned =
                std::thread::Builder::new().name(test.clone()).spawn_scoped(scope, worker);
            spawned.expect("a thread can be started");
        }
    });
    let failures = failures.into_inner().expect("all workers are done");
    assert!(
        failures.is_empty(),
        "{} of {} scenarios fail\n\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n\n")
    );
}

/// Folders two levels down, in the order of their names.
fn find(folder: &Path) -> Vec<PathBuf> {
    let inside = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    };
    let pairs = inside(folder);
    let mut cases: Vec<PathBuf> = pairs.iter().flat_map(|pair| inside(pair)).collect();
    cases.sort();
    cases
}

/// Runs one scenario; `Err` says which line of it does not hold.
fn run(binary: &Path, case: &Path) -> Result<(), String> {
    let pair = case.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let (source, target) = pair
        .split_once("_to_")
        .ok_or_else(|| format!("the folder {pair:?} is not called <source>_to_<target>"))?;
    let text =
        std::fs::read_to_string(case.join("case.txt")).map_err(|e| format!("case.txt: {e}"))?;
    let script = Script::parse(&text)?;
    match Stage::set(binary, case, source, target)? {
        Some(mut stage) => script.play(&mut stage),
        // A server is not here; it has been said.
        None => Ok(()),
    }
}
