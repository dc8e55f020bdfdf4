//! Jobs that follow changes, for end-to-end tests: a source under load, a target, and the command
//! between them.
#![allow(dead_code, unused_imports)] // each test file uses its own part

pub(crate) mod replay;

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use syncline_testkit::Proxy;
use syncline_testkit::servers::{Database, Kind, Server};
use syncline_testkit::workload::{Contents, Course, Store, Workload, contents, differences};
use tempfile::TempDir;

use crate::place::{run, shown, syncline, text};

/// A test for each pair of stores: `pairs!(test { name: From -> to, more; })`.
macro_rules! pairs {
    ($test:ident { $($name:ident: $from:ident -> $to:expr $(, $more:expr)*;)+ }) => {
        $(#[test] fn $name() { $test(Kind::$from, $to $(, $more)*); })+
    };
}
pub(crate) use pairs;

/// How long anything may take that does not depend on luck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// What changes go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    Server(Kind),
    Sqlite,
}

/// A source with the tables of the load, a target without, and a state folder.
pub(crate) struct Pair {
    pub(crate) from: Kind,
    pub(crate) source: Database,
    pub(crate) target: Option<Database>,
    to: To,
    pub(crate) folder: TempDir,
    /// The state folder, in `folder` unless a test has put it elsewhere.
    pub(crate) state: PathBuf,
    pub(crate) load: Workload,
    /// As the command gets them: maybe through a faulty link.
    pub(crate) urls: (String, String),
}

impl Pair {
    /// On servers that all tests share; `None` when there is none of a kind.
    pub(crate) fn new(from: Kind, to: To, seed: u64) -> Option<Pair> {
        let source = Server::shared(from)?.database();
        let target = match to {
            To::Server(kind) => Some(Server::shared(kind)?.database()),
            To::Sqlite => None,
        };
        Some(Self::between(from, source, to, target, seed))
    }

    /// On servers of the test's own.
    pub(crate) fn on(source: &Server, target: &Server, seed: u64) -> Pair {
        let (from, to) = (source.kind(), To::Server(target.kind()));
        Self::between(from, source.database(), to, Some(target.database()), seed)
    }

    fn between(from: Kind, source: Database, to: To, target: Option<Database>, seed: u64) -> Pair {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let urls = match &target {
            Some(target) => (source.url(), target.url()),
            None => (source.url(), format!("sqlite:{}", folder.path().join("t.db").display())),
        };
        let load =
            Workload { per_second: Some(100), large: 400, ..Workload::new(seed, usize::MAX) };
        load.make(&source, from.is_mysql());
        let state = folder.path().join("state");
        Pair { from, source, target, to, folder, state, load, urls }
    }

    /// Puts a faulty link before the source, the target, or both.
    pub(crate) fn through(&mut self, source: Option<&Proxy>, target: Option<&Proxy>) {
        if let Some(proxy) = source {
            self.urls.0 = self.source.url_through(proxy.port());
        }
        if let (Some(proxy), Some(target)) = (target, &self.target) {
            self.urls.1 = target.url_through(proxy.port());
        }
    }

    /// The command that moves a snapshot, then the changes.
    pub(crate) fn copy(&self, more: &[&str]) -> Command {
        self.command("full+changes", more)
    }

    pub(crate) fn command(&self, mode: &str, more: &[&str]) -> Command {
        let mut command = syncline(&self.state);
        command.args(["copy", &self.urls.0, &self.urls.1, "--mode", mode]);
        command.args(["--parallel", "2", "--split-rows", "100", "--checkpoint-every", "100ms"]);
        command.args(more);
        command
    }

    /// Writes a job with a name, which stays the same when it selects other `tables`; the command
    /// that runs it. `pace` is put into its speed.
    pub(crate) fn job(&self, tables: &str, pace: &str, more: &[&str]) -> Command {
        let file = self.folder.path().join("job.yaml");
        let (source, sink) = (&self.urls.0, &self.urls.1);
        let job = format!(
            "version: 1\nname: grows\nsource: {{ url: \"{source}\", tables: {tables} }}\n\
             sink: {{ url: \"{sink}\" }}\nmode: full+changes\n\
             speed: {{ parallel: 2, split_rows: 100{pace} }}\ncheckpoint: {{ every: 100ms }}\n"
        );
        std::fs::write(&file, job).expect("a job file");
        let mut command = syncline(&self.folder.path().join("state"));
        command.args(["run", text(&file)]).args(more);
        command
    }

    /// Runs the job of these tables until everything is through; it must end well.
    #[track_caller]
    pub(crate) fn job_catches_up(&self, tables: &str) {
        let mut command = self.job(tables, "", &["--until", "caught-up", "--quiet"]);
        let output = output_within(&mut command, PATIENCE);
        assert!(output.status.success(), "seed {}: {}", self.load.seed, shown(&output));
    }

    /// Runs until everything is through; it must end well.
    #[track_caller]
    pub(crate) fn catch_up(&self, more: &[&str]) -> Output {
        let mut command = self.copy(&["--until", "caught-up"]);
        let output = output_within(command.args(more), PATIENCE);
        assert!(output.status.success(), "seed {}: {}", self.load.seed, shown(&output));
        output
    }

    /// Runs the load, in a thread, while `work` goes on.
    pub(crate) fn under_load<T>(&self, work: impl FnOnce(&Course) -> T) -> T {
        let course = Course::default();
        std::thread::scope(|scope| {
            let ends = Ends(&course);
            let load = scope.spawn(|| self.load.run(&self.source, self.from.is_mysql(), &course));
            let done = work(&course);
            drop(ends);
            load.join().expect("the load runs");
            assert!(course.committed() > 0, "the load did nothing");
            done
        })
    }

    /// Runs so many transactions of the load.
    pub(crate) fn load(&self, transactions: usize) {
        self.load_of(transactions, self.load.seed);
    }

    pub(crate) fn load_of(&self, transactions: usize, seed: u64) {
        let load = Workload { seed, transactions, per_second: None, ..self.load.clone() };
        load.run(&self.source, self.from.is_mysql(), &Course::default());
    }

    pub(crate) fn source_contents(&self) -> Contents {
        contents(store(self.from, &self.source)).expect("the source has all tables")
    }

    pub(crate) fn target_contents(&self) -> Result<Contents, String> {
        match (&self.target, self.to) {
            (Some(target), To::Server(kind)) => contents(store(kind, target)),
            _ => contents(Store::Sqlite(&self.folder.path().join("t.db"))),
        }
    }

    /// Source and target hold the same.
    #[track_caller]
    pub(crate) fn assert_same(&self) {
        let target = self.target_contents().unwrap_or_else(|e| panic!("target: {e}"));
        if let Some(text) = differences(&self.source_contents(), &target) {
            panic!("{:?} to {:?}, seed {}:\n{text}", self.from, self.to, self.load.seed);
        }
    }

    /// Waits until source and target hold the same, with a run at work and the load at rest.
    #[track_caller]
    pub(crate) fn wait_same(&self, child: &mut Child) {
        let begun = Instant::now();
        let source = self.source_contents();
        loop {
            let text = match self.target_contents() {
                Ok(target) => differences(&source, &target),
                Err(words) => Some(words),
            };
            let Some(text) = text else { return };
            let ended = child.try_wait().expect("the command is looked at");
            if ended.is_some() || begun.elapsed() > PATIENCE {
                let _ = child.kill();
                panic!("seed {}, {ended:?}: {text}", self.load.seed);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The command that compares finds no difference either.
    #[track_caller]
    pub(crate) fn verify(&self) {
        let output = run(&self.state, &["verify", &self.urls.0, &self.urls.1, "--quiet"]);
        assert!(output.status.success(), "seed {}: {}", self.load.seed, shown(&output));
    }
}

/// Ends a load whatever happens.
struct Ends<'a>(&'a Course);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

pub(crate) fn store(kind: Kind, database: &Database) -> Store<'_> {
    if kind.is_mysql() { Store::MySql(database) } else { Store::Postgres(database) }
}

/// Runs a command to its end, which must come in time.
#[track_caller]
pub(crate) fn output_within(command: &mut Command, limit: Duration) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.expect("the command starts");
    let id = child.id();
    let (send, receive) = std::sync::mpsc::channel();
    let waiter = std::thread::spawn(move || {
        let output = child.wait_with_output();
        let _ = send.send(());
        output
    });
    if receive.recv_timeout(limit).is_err() {
        signal(id, "KILL");
        let output = waiter.join().expect("waited").expect("its output");
        panic!("no end after {limit:?}: {}", shown(&output));
    }
    waiter.join().expect("waited").expect("its output")
}

/// Release builds take no places at which they die.
pub(crate) fn takes_places() -> bool {
    std::env::var_os("SYNCLINE_BIN").is_none_or(|path| path.is_empty())
}

/// Runs a command until it dies at a place, after so many times that it came by and lived.
#[track_caller]
pub(crate) fn dies_at(pair: &Pair, mut command: Command, place: &str, passes: usize) {
    let action = if passes == 0 { "return".to_owned() } else { format!("{passes}*off->return") };
    command.env("FAILPOINTS", format!("{place}={action}"));
    let mut run = Watched::start(command, pair);
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = run.child.try_wait().expect("the command is looked at") {
            break status;
        }
        assert!(begun.elapsed() < PATIENCE, "{place}: it lives on; {}", run.last());
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), None, "{place}: {status} instead of an abort; {}", run.last());
}

/// Runs a command to its end, which must be a good one; the most memory it took at any moment
/// (VmHWM), in bytes.
#[track_caller]
pub(crate) fn peak_of(command: &mut Command, limit: Duration) -> u64 {
    let child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn();
    let mut child = child.expect("the command starts");
    let status = format!("/proc/{}/status", child.id());
    let (mut peak, begun) = (0, Instant::now());
    let ended = loop {
        if let Some(ended) = child.try_wait().expect("the command is waited for") {
            break ended;
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or(0) * 1024);
        if begun.elapsed() > limit {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(ended.success(), "{ended} after {:?}", begun.elapsed());
    assert!(peak > 0, "the peak was never seen");
    peak
}

/// Sends a signal to one process.
pub(crate) fn signal(id: u32, name: &str) {
    let _ = Command::new("kill").args([&format!("-{name}"), &id.to_string()]).status();
}

/// A command at work that writes its events, as JSON, into a file.
pub(crate) struct Watched {
    pub(crate) child: Child,
    events: std::path::PathBuf,
}

impl Watched {
    pub(crate) fn start(mut command: Command, pair: &Pair) -> Watched {
        let events = pair.folder.path().join("events");
        let file = std::fs::File::create(&events).expect("a file");
        let errors = std::fs::File::create(pair.folder.path().join("stderr")).expect("a file");
        command.args(["--events", "json"]).stdout(file).stderr(errors);
        Watched { child: command.spawn().expect("the command starts"), events }
    }

    /// The events so far.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.events).expect("events are read");
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// What it said last, for a failure.
    pub(crate) fn last(&self) -> String {
        let events = self.events();
        let last = events.iter().rev().take(6).rev().map(|event| format!("{event}\n"));
        let errors = std::fs::read_to_string(self.events.with_file_name("stderr"));
        last.collect::<String>() + &errors.unwrap_or_default()
    }

    /// Whether there was such an event.
    pub(crate) fn saw(&self, name: &str) -> bool {
        self.events().iter().any(|event| event["event"] == name)
    }

    /// Waits until something is so, while the command is at work.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        self.wait_while(|run| (!is_so(run)).then(|| what.to_owned()));
    }

    /// Waits as long as something is missing, while the command is at work; what it is, is told.
    #[track_caller]
    pub(crate) fn wait_while(&mut self, mut missing: impl FnMut(&Self) -> Option<String>) {
        let begun = Instant::now();
        while let Some(what) = missing(self) {
            let ended = self.child.try_wait().expect("the command is looked at");
            assert!(
                ended.is_none() && begun.elapsed() < PATIENCE,
                "{what}: not yet; {ended:?}, {}",
                self.last()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for an event.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, name: &str) {
        self.wait_until(&format!("event {name:?}"), |run| run.saw(name));
    }

    /// Waits until an event has such words.
    #[track_caller]
    pub(crate) fn wait_to_hear(&mut self, words: &str) {
        let heard = |run: &Self| run.events().iter().any(|e| e.to_string().contains(words));
        self.wait_until(words, heard);
    }

    /// Waits until it has ended by itself; its exit code.
    #[track_caller]
    pub(crate) fn end(&mut self) -> i32 {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the command is looked at") {
                return status.code().unwrap_or(-1);
            }
            if begun.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("it does not end; {}", self.last());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it as Ctrl-C does; its exit code.
    #[track_caller]
    pub(crate) fn interrupt(&mut self) -> i32 {
        signal(self.child.id(), "INT");
        self.end()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
