//! Runs the first command of the README as it stands there, so that it stays true.

use std::process::Command;

use crate::generated::Scratch;
use crate::test::quietly;
use crate::workspace::{Workspace, cargo, root};

const BEGINS: &str = "cargo run --release -- ";

/// Runs the command in an empty folder that holds `examples/`: as it stands there, with a release
/// build, or with the program that is built for the tests.
pub(crate) fn first_command(workspace: &Workspace, release: bool) -> Result<(), String> {
    let readme = root().join("README.md");
    let text = std::fs::read_to_string(&readme).map_err(|e| format!("README.md: {e}"))?;
    let arguments = arguments(&text).ok_or(format!("README.md has no line `{BEGINS}…`"))?;
    println!("{BEGINS}{}", arguments.join(" "));
    let folder = Scratch::new("readme")?;
    std::os::unix::fs::symlink(root().join("examples"), folder.path().join("examples"))
        .map_err(|e| e.to_string())?;
    let mut command = if release {
        let mut command = cargo();
        let manifest = root().join("Cargo.toml");
        command.args(["run", "--release", "--quiet", "--manifest-path"]).arg(manifest).arg("--");
        command
    } else {
        Command::new(workspace.built("syncline"))
    };
    command.args(&arguments).env("XDG_STATE_HOME", folder.path().join("state"));
    let output = quietly(&mut command, folder.path())?;
    println!("{output}");
    let target = arguments.last().and_then(|target| target.strip_prefix("sqlite:"));
    let written = target.map(|name| folder.path().join(name));
    match written.and_then(|path| std::fs::metadata(path).ok()) {
        Some(file) if file.len() > 0 => Ok(()),
        _ => Err("the command succeeded, and its target is not there".to_owned()),
    }
}

/// The arguments of the first such command. They hold no quotes: the README's first lines are to
/// be simple.
fn arguments(readme: &str) -> Option<Vec<&str>> {
    let line = readme.lines().find_map(|line| line.trim().strip_prefix(BEGINS))?;
    // What follows wide space is a remark.
    let command = line.split("  ").next().unwrap_or(line);
    Some(command.split_whitespace().collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_first_command_is_found_without_its_remark() {
        let text = "# X\n\n    cargo run --release -- copy a.csv sqlite:b.db      moves it\n";
        assert_eq!(super::arguments(text).unwrap(), ["copy", "a.csv", "sqlite:b.db"]);
    }
}
