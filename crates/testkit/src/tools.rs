//! Programs that tests ask for a second opinion: Prometheus, a mail server, a tester of HTTP APIs.
//!
//! Debian packages where apt and root are at hand, and packages of PyPI in a virtual environment of
//! the cache.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::servers::install::{self, cache};

/// A program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Prometheus, with `promtool` (Debian).
    Prometheus,
    /// A mail server that keeps what it is given (PyPI).
    Aiosmtpd,
    /// Makes requests from an OpenAPI document (PyPI).
    Schemathesis,
    /// What OpenTelemetry collectors are sent, for a Python to decode (PyPI).
    OtlpProto,
}

impl Tool {
    /// Every tool.
    pub const ALL: [Tool; 4] =
        [Tool::Prometheus, Tool::Aiosmtpd, Tool::Schemathesis, Tool::OtlpProto];

    /// Its name, which is that of its package.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Prometheus => "prometheus",
            Tool::Aiosmtpd => "aiosmtpd",
            Tool::Schemathesis => "schemathesis",
            Tool::OtlpProto => "opentelemetry-proto",
        }
    }

    /// The tool of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// The folder of its programs.
    ///
    /// # Errors
    /// What is missing.
    pub fn find(self) -> Result<PathBuf, String> {
        let (folder, program) = match self {
            Tool::Prometheus => (PathBuf::from("/usr/bin"), "promtool"),
            Tool::Aiosmtpd => (self.environment().join("bin"), "aiosmtpd"),
            Tool::Schemathesis => (self.environment().join("bin"), "schemathesis"),
            // It has no program of its own: its environment has the Python that knows it.
            Tool::OtlpProto => (self.environment().join("bin"), "python3"),
        };
        match folder.join(program).is_file() {
            true => Ok(folder),
            false => Err(format!("{} is not installed", self.name())),
        }
    }

    /// The folder of its programs, which are installed now where they can be. `None`, said by name,
    /// where they cannot.
    ///
    /// # Panics
    /// When they are required (`SYNCLINE_TEST_REQUIRE=1`) and cannot be had.
    pub fn need(self) -> Option<PathBuf> {
        match self.install() {
            Ok(folder) => Some(folder),
            Err(why) => {
                let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
                let thread = std::thread::current();
                let test = thread.name().unwrap_or("a test").to_owned();
                let required = std::env::var("SYNCLINE_TEST_REQUIRE").as_deref() == Ok("1");
                assert!(!required, "{test} needs {}: {why}", self.name());
                let name = self.name();
                let _ =
                    writeln!(std::io::stderr(), "\nSKIPPED {package}::{test}: no {name}: {why}");
                None
            }
        }
    }

    /// What [`Tool::install`] would do, in words.
    pub fn plan(self) -> String {
        match self {
            Tool::Prometheus => "prometheus: Debian package prometheus".to_owned(),
            Tool::Aiosmtpd | Tool::Schemathesis | Tool::OtlpProto => {
                let name = self.name();
                format!("{name}: PyPI package {name}, in a virtual environment of its own")
            }
        }
    }

    /// Installs it, unless it is here; the folder of its programs.
    ///
    /// # Errors
    /// What could not be done, for people.
    pub fn install(self) -> Result<PathBuf, String> {
        if let Ok(folder) = self.find() {
            return Ok(folder);
        }
        match self {
            Tool::Prometheus => install::apt(&["prometheus"])?,
            Tool::Aiosmtpd | Tool::Schemathesis | Tool::OtlpProto => self.install_from_pypi()?,
        }
        self.find()
    }

    fn environment(self) -> PathBuf {
        cache().join(format!("python-{}", self.name()))
    }

    fn install_from_pypi(self) -> Result<(), String> {
        std::fs::create_dir_all(cache()).map_err(|e| format!("{}: {e}", cache().display()))?;
        // Its scripts name their interpreter by its path: it is made where it stays.
        let place = self.environment();
        let made = self.fill(&place).or_else(|_| {
            // Debian's Python comes without what makes environments.
            install::apt(&["python3-venv"])?;
            self.fill(&place)
        });
        if made.is_err() {
            let _ = std::fs::remove_dir_all(place);
        }
        made
    }

    fn fill(self, place: &Path) -> Result<(), String> {
        let here = place.to_string_lossy().into_owned();
        install::command("python3", &["-m", "venv", "--clear", &here])?;
        let pip = place.join("bin/pip").to_string_lossy().into_owned();
        let quiet = ["install", "--quiet", "--disable-pip-version-check", self.name()];
        install::command(&pip, &quiet).map(drop)
    }
}
