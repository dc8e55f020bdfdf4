//! The real `syncline server`, as a child of the test.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Client;
use crate::servers::nursery;

/// The first admin's token of every [`Process`].
pub const ADMIN_TOKEN: &str = "the-admin-token-of-a-test";

/// How long it may take until it listens, and until it has stopped.
const PATIENCE: Duration = Duration::from_secs(60);

/// `syncline server` as a child. It never outlives the test; its state lies in a temporary folder,
/// or where `--store` says.
pub struct Process {
    program: PathBuf,
    folder: tempfile::TempDir,
    args: Vec<String>,
    variables: Vec<(String, String)>,
    /// Where it listened first, and does so again after each start.
    address: Option<String>,
    child: Option<Child>,
    output: Arc<Mutex<Output>>,
}

#[derive(Default)]
struct Output {
    stdout: Vec<String>,
    stderr: String,
}

impl Process {
    /// The program with more arguments after `server`; not started yet.
    ///
    /// # Panics
    /// When there is no temporary folder.
    pub fn new(program: &Path, args: &[&str]) -> Self {
        Self {
            program: program.to_owned(),
            folder: tempfile::tempdir().expect("a temporary folder"),
            args: args.iter().map(|a| (*a).to_owned()).collect(),
            variables: vec![("SYNCLINE_ADMIN_TOKEN".into(), ADMIN_TOKEN.into())],
            address: None,
            child: None,
            output: Arc::default(),
        }
    }

    /// Sets an environment variable for the starts to come; an empty value takes it away.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it, and waits until it listens.
    ///
    /// # Panics
    /// When it does not.
    pub fn start(&mut self) {
        if let Err(printed) = self.try_start() {
            panic!("the server does not start:\n{printed}");
        }
    }

    /// As [`Process::start`], where it may refuse.
    ///
    /// # Errors
    /// What it printed before it ended, or within a minute.
    ///
    /// # Panics
    /// When the program cannot be run at all.
    pub fn try_start(&mut self) -> Result<(), String> {
        assert!(self.child.is_none(), "it runs already");
        *self.output() = Output::default();
        let mut command = nursery::mortal(&self.program, None);
        self.arguments(&mut command);
        let mut child = nursery::spawn(command).expect("the program starts");
        let stdout = child.stdout.take().expect("it is piped");
        let stderr = child.stderr.take().expect("it is piped");
        let (lines, words) = (Arc::clone(&self.output), Arc::clone(&self.output));
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                lock(&lines).stdout.push(line);
            }
        });
        std::thread::spawn(move || gather(stderr, &words));
        self.child = Some(child);
        let begun = Instant::now();
        loop {
            if let Some(address) = self.listening() {
                self.address = Some(address);
                return Ok(());
            }
            let child = self.child.as_mut().expect("it was just started");
            let ended = child.try_wait().expect("a child can be waited for").is_some();
            if ended || begun.elapsed() > PATIENCE {
                // What it printed last may still be on its way.
                std::thread::sleep(Duration::from_millis(200));
                self.kill();
                return Err(self.printed());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn arguments(&self, command: &mut Command) {
        command.arg("server");
        let listens = self.args.iter().any(|arg| arg == "--listen");
        if !listens {
            command.args(["--listen", self.address.as_deref().unwrap_or("127.0.0.1:0")]);
        }
        command.arg("--state").arg(self.folder.path()).args(&self.args);
        command.env("NO_COLOR", "1").env_remove("SYNCLINE_STORE");
        for (name, value) in &self.variables {
            if value.is_empty() {
                command.env_remove(name);
            } else {
                command.env(name, value);
            }
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
    }

    fn listening(&self) -> Option<String> {
        let output = self.output();
        let said = output.stdout.iter().find_map(|line| line.strip_prefix("listening on "))?;
        Some(said.split("://").nth(1)?.trim().trim_end_matches('/').to_owned())
    }

    /// Its URL.
    ///
    /// # Panics
    /// When it has never been started.
    pub fn url(&self) -> String {
        let scheme =
            if self.args.iter().any(|a| a == "--tls-certificate") { "https" } else { "http" };
        format!("{scheme}://{}", self.address.as_deref().expect("it was started"))
    }

    /// A client with the admin's token.
    pub fn client(&self) -> Client {
        Client::new(&self.url()).token(ADMIN_TOKEN)
    }

    /// Its folder: `server/syncline.db` is in it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process id.
    ///
    /// # Panics
    /// When it does not run.
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Kills it at once (`kill -9`).
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to stop (SIGTERM), waits until it has; whether it ended well.
    ///
    /// # Panics
    /// When it does not run, or does not stop within a minute.
    pub fn stop(&mut self) -> bool {
        let mut child = self.child.take().expect("it runs");
        let asked = Command::new("kill").arg(child.id().to_string()).status();
        assert!(asked.is_ok_and(|status| status.success()), "it cannot be asked to stop");
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = child.try_wait().expect("a child can be waited for") {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = child.kill();
        let _ = child.wait();
        panic!("it did not stop:\n{}", self.printed());
    }

    /// Lines on its standard output since its last start.
    pub fn lines(&self) -> Vec<String> {
        self.output().stdout.clone()
    }

    /// All it has printed since its last start.
    pub fn printed(&self) -> String {
        let output = self.output();
        format!("{}\n{}", output.stdout.join("\n"), output.stderr)
    }

    fn output(&self) -> std::sync::MutexGuard<'_, Output> {
        lock(&self.output)
    }
}

fn lock(output: &Mutex<Output>) -> std::sync::MutexGuard<'_, Output> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}

fn gather(mut stderr: impl Read, output: &Mutex<Output>) {
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = stderr.read(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
        lock(output).stderr.push_str(&text);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
