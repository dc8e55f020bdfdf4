//! The command as a person runs it, and what a failure of it must look like.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// The command, with its state in a folder of the test's own.
pub(crate) fn syncline(state: &Path) -> Command {
    let built = || env!("CARGO_BIN_EXE_syncline").into();
    let mut command = Command::new(std::env::var_os("SYNCLINE_BIN").unwrap_or_else(built));
    command.env("SYNCLINE_STATE", state).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Runs the command to its end.
pub(crate) fn run(state: &Path, args: &[&str]) -> Output {
    syncline(state).args(args).output().expect("the command starts")
}

/// Runs the command to its end, which must be a good one; returns standard output.
pub(crate) fn run_well(state: &Path, args: &[&str]) -> String {
    let output = run(state, args);
    assert!(output.status.success(), "{args:?}: {}", shown(&output));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Starts the command with nothing shown.
pub(crate) fn start(state: &Path, args: &[&str]) -> Child {
    let mut command = syncline(state);
    command.args(args).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().expect("the command starts")
}

/// A copy that follows until nothing is left.
pub(crate) fn caught_up<'a>(from: &'a str, to: &'a str) -> [&'a str; 7] {
    ["copy", from, to, "--mode", "full+changes", "--until", "caught-up"]
}

/// What a command printed, for a failure.
pub(crate) fn shown(output: &Output) -> String {
    format!(
        "{}\n--- stdout\n{}\n--- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A temporary folder, also the state's.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// The command failed with this exit code and error code; its error says all of `words`.
#[track_caller]
pub(crate) fn fails(output: &Output, exit: i32, code: &str, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{}", shown(output));
    assert!(stderr.contains(&format!("error {code}")), "no {code}: {}", shown(output));
    for word in words {
        assert!(stderr.contains(word), "no {word:?}: {}", shown(output));
    }
}

/// The dead letters of all runs, oldest first.
pub(crate) fn dead_letters(state: &Path) -> Vec<serde_json::Value> {
    let list = run_well(state, &["dead-letters", "list", "--json"]);
    list.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Waits until the command has said something on standard error.
pub(crate) fn wait_for(child: &mut Child, words: &str) -> String {
    use std::io::Read as _;
    let stderr = child.stderr.as_mut().expect("standard error is piped");
    let mut said = Vec::new();
    let mut byte = [0];
    while stderr.read(&mut byte).expect("standard error is read") == 1 {
        said.push(byte[0]);
        if byte[0] == b'\n' && String::from_utf8_lossy(&said).contains(words) {
            return String::from_utf8_lossy(&said).into_owned();
        }
    }
    panic!("the command ended without {words:?}: {}", String::from_utf8_lossy(&said));
}
