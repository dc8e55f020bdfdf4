//! The least work: `--help`, and a copy of ten rows, as whole commands.

use std::path::Path;

use super::data;
use super::measure::{self, median};
use super::rounds::binary;
use super::servers::quoted;

/// Prints the median seconds and CPU of each.
pub(super) fn run(rounds: usize) -> Result<(), String> {
    let syncline = binary()?;
    let folder = data::folder().join("startup");
    for (name, line) in commands(&syncline, &folder) {
        let mut usages = Vec::new();
        for _ in 0..rounds {
            let _ = std::fs::remove_dir_all(&folder);
            std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
            let ten: String = (0..10).map(|n| format!("{n},name {n}\n")).collect();
            std::fs::write(folder.join("ten.csv"), format!("id,name\n{ten}"))
                .map_err(|e| e.to_string())?;
            usages.push(measure::run(&line, None)?);
        }
        let middle = |of: fn(&measure::Usage) -> f64| median(usages.iter().map(of).collect());
        let least = usages.iter().map(|u| u.seconds).fold(f64::INFINITY, f64::min);
        println!(
            "{name:24} median {:5.0} ms, least {:5.0} ms, CPU {:4.0} ms, peak {:3.0} MiB",
            middle(|u| u.seconds) * 1000.0,
            least * 1000.0,
            middle(|u| u.cpu) * 1000.0,
            middle(|u| u.peak_mib)
        );
    }
    Ok(())
}

fn commands(syncline: &Path, folder: &Path) -> Vec<(&'static str, String)> {
    let place = |name: &str| quoted(&folder.join(name).display().to_string());
    let copy = |target: String| {
        let (program, state) = (syncline.display(), place("state"));
        format!("{program} copy {} {target} --state {state}", place("ten.csv"))
    };
    vec![
        ("bash alone", "true".to_owned()),
        ("--help", format!("{} --help", syncline.display())),
        ("10 rows, CSV to CSV", copy(place("out.csv"))),
        (
            "10 rows, CSV to SQLite",
            copy(quoted(&format!("sqlite:{}", folder.join("o.db").display()))),
        ),
    ]
}
