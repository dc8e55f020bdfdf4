//! Calls the testkit's server program: to install, to keep servers up by hand, to give the tests
//! of all crates the same ones.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::steps::succeed;
use crate::workspace::cargo;

/// The testkit's program.
pub(crate) const PROGRAM: &str = "syncline-test-servers";

/// Builds the program and runs it in the foreground.
pub(crate) fn by_hand(verb: &str, names: &[String]) -> Result<(), String> {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "syncline-testkit", "--bin", PROGRAM, "--"]);
    succeed(command.arg(verb).args(names))
}

/// Installs what is missing. What cannot be had is said, and is no failure.
pub(crate) fn install(program: &Path) -> Result<(), String> {
    succeed(Command::new(program).arg("install"))
}

/// Servers that run until this is dropped.
pub(crate) struct Running {
    child: Child,
    /// `VARIABLE`, `URL`.
    pub(crate) variables: Vec<(String, String)>,
}

impl Running {
    /// Starts all servers that can be had.
    pub(crate) fn start(program: &Path) -> Result<Self, String> {
        Self::start_with(program, &[])
    }

    /// Starts servers with the arguments of the program's `up`.
    pub(crate) fn start_with(program: &Path, args: &[String]) -> Result<Self, String> {
        let mut child = Command::new(program)
            .arg("up")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("{}: {e}", program.display()))?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut running = Self { child, variables: Vec::new() };
        for line in BufReader::new(output).lines() {
            let line = line.map_err(|e| e.to_string())?;
            if line == "READY" {
                return Ok(running);
            }
            println!("{line}");
            if let Some((variable, url)) = line.split_once('=') {
                running.variables.push((variable.to_owned(), url.to_owned()));
            }
        }
        Err("the servers ended before they were ready".to_owned())
    }

    /// The process above all servers.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its standard input closes, and it ends with the servers.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
