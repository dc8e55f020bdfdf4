//! Where a scenario plays: its stores, its folder, and the program.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::conformance::SqlPlace;
use crate::{Kind, Server};

/// Longer than this no scenario may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// One of the two stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Source,
    Target,
}

/// A store that SQL can be sent to, or none: files.
struct Store {
    place: Option<SqlPlace>,
    url: String,
}

/// A scenario's stores and folder, and what the last run said.
pub(super) struct Stage {
    binary: PathBuf,
    folder: tempfile::TempDir,
    source: Store,
    target: Store,
    last: Option<Ended>,
}

struct Ended {
    command: String,
    code: Option<i32>,
    out: String,
    err: String,
}

impl Stage {
    /// Makes the stores, runs `source.sql` and `target.sql`, copies the other files; `None` when a
    /// server is not here.
    pub(super) fn set(
        binary: &Path,
        case: &Path,
        source: &str,
        target: &str,
    ) -> Result<Option<Self>, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let Some(source) = store(source, folder.path(), "source.db")? else { return Ok(None) };
        let Some(target) = store(target, folder.path(), "target.db")? else { return Ok(None) };
        let stage = Self { binary: binary.to_owned(), folder, source, target, last: None };
        for (side, file) in [(Side::Source, "source.sql"), (Side::Target, "target.sql")] {
            if let Ok(sql) = std::fs::read_to_string(case.join(file)) {
                stage.execute(side, &sql).map_err(|e| format!("{file}: {e}"))?;
            }
        }
        for entry in std::fs::read_dir(case).map_err(|e| e.to_string())?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if ["case.txt", "source.sql", "target.sql"].contains(&name.as_str()) {
                continue;
            }
            let mut content = std::fs::read(entry.path()).map_err(|e| format!("{name}: {e}"))?;
            if name.ends_with(".yaml") || name.ends_with(".json") {
                content = stage.filled_in(&String::from_utf8_lossy(&content)).into_bytes();
            }
            std::fs::write(stage.path(&name), content).map_err(|e| format!("{name}: {e}"))?;
        }
        Ok(Some(stage))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn filled_in(&self, text: &str) -> String {
        text.replace("${SOURCE}", &self.source.url).replace("${TARGET}", &self.target.url)
    }

    fn place(&self, side: Side) -> Result<&SqlPlace, String> {
        let store = if side == Side::Source { &self.source } else { &self.target };
        store.place.as_ref().ok_or_else(|| format!("the {side:?} takes no SQL"))
    }

    pub(super) fn execute(&self, side: Side, sql: &str) -> Result<(), String> {
        self.place(side)?.try_execute(sql)
    }

    /// The rows as lines, values with a tab between, NULL as `\N`.
    pub(super) fn query(&self, side: Side, sql: &str) -> Result<Vec<String>, String> {
        let rows = self.place(side)?.try_query(sql)?;
        let text = |value: Option<String>| match value {
            None => "\\N".to_owned(),
            Some(text) => text.replace('\n', "\\n").replace('\t', "\\t"),
        };
        Ok(rows
            .into_iter()
            .map(|r| r.into_iter().map(text).collect::<Vec<_>>().join("\t"))
            .collect())
    }

    /// Runs the program in the scenario's folder, with a state folder of its own.
    pub(super) fn run(&mut self, words: &[String]) -> Result<(), String> {
        let words: Vec<String> = words.iter().map(|word| self.filled_in(word)).collect();
        let mut child = Command::new(&self.binary)
            .args(&words)
            .current_dir(self.folder.path())
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .env_remove("SYNCLINE_STATE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| format!("{}: {e}", self.binary.display()))?;
        let (out, err) = (listener(child.stdout.take()), listener(child.stderr.take()));
        let began = Instant::now();
        let code = loop {
            match child.try_wait().map_err(|e| e.to_string())? {
                Some(status) => break status.code(),
                None if began.elapsed() > PATIENCE => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(format!("not done in {PATIENCE:?}: {}", words.join(" ")));
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let command = words.join(" ");
        let text = |listener: std::thread::JoinHandle<String>| listener.join().unwrap_or_default();
        self.last = Some(Ended { command, code, out: text(out), err: text(err) });
        Ok(())
    }

    pub(super) fn ended_with(&self, code: i32) -> Result<(), String> {
        let last = self.last.as_ref().ok_or("nothing has been run")?;
        if last.code == Some(code) {
            return Ok(());
        }
        let Ended { command, code: got, out, err } = last;
        Err(format!("`{command}` ended with {got:?} instead of {code}\n{out}{err}"))
    }

    pub(super) fn said(&self, error: bool, text: &str) -> Result<(), String> {
        let last = self.last.as_ref().ok_or("nothing has been run")?;
        let (name, words) = if error { ("err", &last.err) } else { ("out", &last.out) };
        if words.contains(text) {
            return Ok(());
        }
        Err(format!("{name} does not say {text:?} but:\n{words}"))
    }
}

fn store(name: &str, folder: &Path, file: &str) -> Result<Option<Store>, String> {
    let place = match (name, Kind::parse(name)) {
        (_, Some(kind)) => match Server::shared(kind) {
            Some(server) => SqlPlace::in_database(server.database(), kind),
            None => return Ok(None),
        },
        ("sqlite", _) => SqlPlace::sqlite(&folder.join(file)),
        ("csv" | "jsonl" | "parquet" | "arrow" | "sql" | "text", _) => {
            return Ok(Some(Store { place: None, url: String::new() }));
        }
        (other, _) => return Err(format!("{other:?} is no kind of store")),
    };
    let url = place.url();
    Ok(Some(Store { place: Some(place), url }))
}

fn listener(from: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut from) = from {
            let _ = from.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
