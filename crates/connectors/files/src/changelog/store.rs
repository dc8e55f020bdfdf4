//! Where a change log's segments are: written under names of their own in a folder beside the
//! target, and given their final names once the position behind them is durable. One small file
//! holds the position and the names that are still to be given: replacing it is the moment from
//! which the segments are part of the log, so that a process killed before leaves nothing, and the
//! renames of one killed after are made up for by the next.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use syncline_types::{Code, Error, Position, Result};

use crate::location::{pages, parent};
use crate::os_error;
use crate::parts::{clear, lock, read, remove, replace, sync_folder, turn};

const VERSION: u32 = 1;

/// What is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    v: u32,
    run: String,
    epoch: u64,
    position: Option<Position>,
    /// The place of those tables that join the run, while it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    joining: Option<Position>,
    /// Segments that are part of the log; maybe not yet under their names.
    sealed: Vec<Sealed>,
    /// The last number given, by target.
    numbers: BTreeMap<PathBuf, u64>,
}

/// A segment that is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sealed {
    /// Its name in the folder.
    pub(super) part: String,
    /// Where it belongs.
    pub(super) to: PathBuf,
}

/// The folder of a change log.
#[derive(Debug)]
pub(super) struct Store {
    dir: PathBuf,
    run: String,
    /// It is about tables that join the run.
    joins: bool,
    epoch: u64,
    numbers: BTreeMap<PathBuf, u64>,
    parts: u64,
    /// Not there for a run that was taken over from a process that may still live.
    _lock: Option<File>,
}

/// `out/{table}.jsonl` → `out/.{table}.jsonl.changes.syncline`: one folder for all tables.
fn folder(template: &str) -> PathBuf {
    let literal = template.split('{').next().unwrap_or_default();
    let at = literal.rfind('/').map_or(0, |slash| slash + 1);
    let (base, name) = template.split_at(at);
    let name = format!(".{}.changes.syncline", name.replace('/', "%2F"));
    if base.is_empty() { PathBuf::from(name) } else { Path::new(base).join(name) }
}

impl Store {
    /// Takes the log over: segments that belong to it get their names, the others go. What is
    /// durable of the run, or of those of its tables that join it. Segments of both are numbered in
    /// the one folder, by turns: the two are never followed at the same time.
    ///
    /// # Errors
    /// [`Code::InUse`] when another run is at it; [`Code::StaleEpoch`] when a later owner of this
    /// run is.
    pub(super) fn claim(
        template: &str,
        (run, joins): (&str, bool),
        epoch: u64,
    ) -> Result<(Self, Option<Position>)> {
        let dir = folder(template);
        let lock = lock(&dir)?;
        let _turn = turn(&dir)?;
        let path = dir.join("state.json");
        let (position, joining, numbers) = match read::<State>(&path)? {
            Some(state) if state.run == run && state.epoch > epoch => {
                let message = format!("{template}: another process has taken over the run");
                return Err(Error::new(Code::StaleEpoch, message));
            }
            Some(state) if state.run != run && lock.is_none() => {
                return Err(Error::new(
                    Code::InUse,
                    format!("another process is writing the changes of {template}"),
                )
                .hint("wait for it, or choose another target"));
            }
            Some(state) => {
                name_segments(&dir, &state.sealed)?;
                let places = Some((state.position, state.joining)).filter(|_| state.run == run);
                let (position, joining) = places.unwrap_or_default();
                (position, joining, state.numbers)
            }
            None => (None, None, BTreeMap::new()),
        };
        let state = State {
            v: VERSION,
            run: run.to_owned(),
            epoch,
            position: position.clone(),
            joining: joining.clone(),
            sealed: Vec::new(),
            numbers: numbers.clone(),
        };
        replace(&path, &state)?;
        clear(&dir, |name| name.ends_with(".part"))?;
        let run = run.to_owned();
        let held = if joins { joining } else { position };
        Ok((Self { dir, run, joins, epoch, numbers, parts: 0, _lock: lock }, held))
    }

    /// The folder, for what need not be durable.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A new segment: its name in the folder, where it is, and the file.
    pub(super) fn part(&mut self) -> Result<(String, PathBuf, File)> {
        loop {
            self.parts += 1;
            // An owner of before never has one of the same name open.
            let name = format!("{}-{}.part", self.epoch, self.parts);
            let path = self.dir.join(&name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((name, path, file)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(os_error::of(&path, "make", e)),
            }
        }
    }

    /// The path of the next segment of a target, which has `{page}` in it.
    pub(super) fn next(&mut self, target: &Path) -> Result<PathBuf> {
        let there = pages(target)?.last().map_or(0, |(number, _)| *number);
        let number = self.numbers.entry(target.to_owned()).or_default();
        *number = there.max(*number) + 1;
        let name = target.to_string_lossy().replace("{page}", &format!("{number:08}"));
        Ok(PathBuf::from(name))
    }

    /// Makes segments, whose bytes are durable, and the position part of the log.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`] when another owner has the log.
    pub(super) fn commit(&self, sealed: Vec<Sealed>, position: &Position) -> Result<()> {
        if !sealed.is_empty() {
            sync_folder(&self.dir)?;
        }
        let _turn = turn(&self.dir)?;
        self.record(&sealed, position)?;
        name_segments(&self.dir, &sealed)
    }

    /// From here on they are part of it.
    fn record(&self, sealed: &[Sealed], position: &Position) -> Result<()> {
        let path = self.dir.join("state.json");
        let state = read::<State>(&path)?;
        let state = state.filter(|state| state.run == self.run && state.epoch == self.epoch);
        let Some(state) = state else {
            let message = format!("{}: another process has taken over the log", self.dir.display());
            return Err(Error::new(Code::StaleEpoch, message));
        };
        let mut state = State { sealed: sealed.to_vec(), numbers: self.numbers.clone(), ..state };
        let place = if self.joins { &mut state.joining } else { &mut state.position };
        *place = Some(position.clone());
        replace(&path, &state)
    }

    /// Removes what a run has left beside its log, unless a later owner has it; of tables that
    /// joined it, their place.
    pub(super) fn discard(template: &str, (run, joins): (&str, bool), epoch: u64) -> Result<()> {
        let dir = folder(template);
        if !dir.exists() {
            return Ok(());
        }
        let _turn = joins.then(|| turn(&dir)).transpose()?;
        let path = dir.join("state.json");
        let Some(state) = read::<State>(&path)? else { return Ok(()) };
        if state.run != run || state.epoch > epoch {
            return Ok(());
        }
        name_segments(&dir, &state.sealed)?;
        if joins {
            return replace(&path, &State { joining: None, sealed: Vec::new(), ..state });
        }
        remove(&dir)
    }
}

/// Gives segments their names; some may have them already.
fn name_segments(dir: &Path, sealed: &[Sealed]) -> Result<()> {
    let mut folders = Vec::new();
    for Sealed { part, to } in sealed {
        let from = dir.join(part);
        if !from.exists() {
            // Done before, and maybe already taken away by whoever reads the log.
            continue;
        }
        let folder = parent(to);
        fs::create_dir_all(&folder).map_err(|e| os_error::of(&folder, "make", e))?;
        fs::rename(from, to).map_err(|e| os_error::of(to, "write", e))?;
        folders.push(folder);
    }
    folders.dedup();
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const RUN: (&str, bool) = ("run", false);
    const JOINING: (&str, bool) = ("run", true);
    const OTHER: (&str, bool) = ("other", false);

    fn at(seq: u64) -> Position {
        Position::new(seq, "{}")
    }

    fn segment(store: &mut Store, target: &Path, text: &str) -> Sealed {
        let (part, _, mut file) = store.part().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Sealed { part, to: store.next(target).unwrap() }
    }

    fn log(target: &Path) -> Vec<String> {
        let read = |(number, _): (u64, PathBuf)| {
            let path = target.to_string_lossy().replace("{page}", &format!("{number:08}"));
            format!("{number}={}", fs::read_to_string(path).unwrap())
        };
        pages(target).unwrap().into_iter().map(read).collect()
    }

    #[test]
    fn a_log_killed_at_any_step_goes_on_without_a_loss_or_a_second_copy() {
        let dir = tempfile::tempdir().unwrap();
        let template = format!("{}/{{table}}.jsonl", dir.path().display());
        let target = dir.path().join("t/{page}.jsonl");
        let open = |epoch| Store::claim(&template, RUN, epoch).unwrap();
        // Killed with a segment that is being written.
        let (mut store, held) = open(1);
        assert_eq!(held, None);
        segment(&mut store, &target, "lost");
        drop(store);
        let (mut store, held) = open(2);
        assert_eq!(held, None);
        let one = segment(&mut store, &target, "a");
        store.commit(vec![one], &at(1)).unwrap();
        assert_eq!(log(&target), ["1=a"]);
        // Killed once the folders are made.
        segment(&mut store, &target, "lost");
        drop(store);
        // Killed when the position was durable, before a name was given; between two names.
        for given in 0..3 {
            let (mut store, held) = open(3);
            assert_eq!(held, Some(at(1 + given)));
            let two = [segment(&mut store, &target, "b"), segment(&mut store, &target, "c")];
            store.record(&two, &at(2 + given)).unwrap();
            for sealed in two.iter().take(usize::try_from(given).unwrap()) {
                fs::rename(store.dir.join(&sealed.part), &sealed.to).unwrap();
            }
        }
        let (store, held) = open(3);
        assert_eq!(held, Some(at(4)));
        // Names are not given twice, also when the reader has taken segments away.
        assert_eq!(log(&target), ["1=a", "2=b", "3=c", "4=b", "5=c", "6=b", "7=c"]);
        drop(store);
        fs::remove_dir_all(dir.path().join("t")).unwrap();
        let (mut store, _) = open(4);
        let next = segment(&mut store, &target, "d");
        store.commit(vec![next], &at(5)).unwrap();
        assert_eq!(log(&target), ["8=d"]);
        drop(store);
        Store::discard(&template, OTHER, 9).unwrap();
        assert!(folder(&template).exists());
        Store::discard(&template, RUN, 9).unwrap();
        assert!(!folder(&template).exists());
    }

    #[test]
    fn later_owners_fence_off_earlier_ones_and_other_runs_wait() {
        let dir = tempfile::tempdir().unwrap();
        let template = format!("{}/{{table}}.jsonl", dir.path().display());
        let target = dir.path().join("t/{page}.jsonl");
        let (mut old, _) = Store::claim(&template, RUN, 1).unwrap();
        let stale = segment(&mut old, &target, "stale");
        assert_eq!(Store::claim(&template, OTHER, 1).unwrap_err().code(), Code::InUse);
        let (mut new, _) = Store::claim(&template, RUN, 2).unwrap();
        assert_eq!(Store::claim(&template, RUN, 1).unwrap_err().code(), Code::StaleEpoch);
        assert_eq!(old.commit(vec![stale], &at(1)).unwrap_err().code(), Code::StaleEpoch);
        let good = segment(&mut new, &target, "good");
        new.commit(vec![good], &at(2)).unwrap();
        assert_eq!(log(&target), ["1=good"]);
        drop((old, new));
        let (other, held) = Store::claim(&template, OTHER, 1).unwrap();
        assert_eq!((held, log(&target).len()), (None, 1));
        drop(other);
    }

    #[test]
    fn tables_that_join_a_run_have_a_place_of_their_own_and_no_other_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let template = format!("{}/{{table}}.jsonl", dir.path().display());
        let target = dir.path().join("t/{page}.jsonl");
        let write = |key, epoch, text: &str, seq| {
            let (mut store, held) = Store::claim(&template, key, epoch).unwrap();
            let sealed = segment(&mut store, &target, text);
            store.commit(vec![sealed], &at(seq)).unwrap();
            held
        };
        let held = |key| Store::claim(&template, key, 5).unwrap().1;
        assert_eq!(write(RUN, 1, "a", 10), None);
        assert_eq!(write(JOINING, 1, "b", 3), None);
        assert_eq!(write(RUN, 2, "c", 11), Some(at(10)));
        assert_eq!(write(JOINING, 2, "d", 4), Some(at(3)));
        // Killed when the position was durable, before the name was given.
        let (mut store, _) = Store::claim(&template, JOINING, 3).unwrap();
        let sealed = [segment(&mut store, &target, "e")];
        store.record(&sealed, &at(5)).unwrap();
        // They are where the others are.
        Store::discard(&template, JOINING, 3).unwrap();
        drop(store);
        assert_eq!(log(&target), ["1=a", "2=b", "3=c", "4=d", "5=e"]);
        assert_eq!((held(RUN), held(JOINING)), (Some(at(11)), None));
        // An earlier owner takes nothing away.
        assert_eq!(write(JOINING, 6, "f", 1), None);
        Store::discard(&template, JOINING, 5).unwrap();
        Store::discard(&template, RUN, 5).unwrap();
        let (store, held) = Store::claim(&template, JOINING, 6).unwrap();
        assert_eq!(held, Some(at(1)));
        drop(store);
        // Another run has the places of neither.
        assert_eq!(Store::claim(&template, OTHER, 1).unwrap().1, None);
        assert_eq!(Store::claim(&template, JOINING, 7).unwrap().1, None);
    }
}
