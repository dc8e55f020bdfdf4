//! The durable parts of a target that is being written, and how they become the target.
//!
//! Beside the target stands a folder `.{file name}.syncline`:
//!
//! | file | what |
//! |---|---|
//! | `lock` | locked by the process at work: another run finds the target in use |
//! | `turn` | locked while a checkpoint is compared and replaced, and for the commit |
//! | `run` | the run's key and epoch, and what the target was when the run began |
//! | `part-00003.0002.data` | rows of split 3: its second segment |
//! | `part-00003.json` | the split's checkpoint: position, and which bytes of which segments are durable |
//! | `commit.json` | which finished files take which names |
//!
//! Segments are only ever written by the writer that made them; one that is opened later (a higher
//! epoch, or after an error) begins a new segment. So whatever a writer that has lost its split
//! still writes lies behind the durable bytes of its own segment, and is never looked at. A
//! checkpoint is written to a temporary file, synced and renamed, after the segments are synced.
//! A process that takes a run over, under a higher epoch, need not wait for the lock of the last.

mod disk;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use syncline_types::{Code, Error, Position, Result};

use crate::location::{Stamp, page_path, pages, parent};
use crate::os_error;

pub(crate) use self::disk::{
    clear, lock, read, remove, remove_file, replace, sync_folder, turn, write_whole,
};

/// Version of the files in the folder.
const VERSION: u32 = 1;

/// Rows of a split, in one file of the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Segment {
    /// Its name in the folder.
    pub(crate) file: String,
    /// Durable bytes of it.
    pub(crate) bytes: u64,
    /// Rows in them.
    pub(crate) rows: u64,
    /// The same before packing.
    pub(crate) unpacked: u64,
    /// The split's page it belongs to, from 0.
    pub(crate) page: u64,
    /// Epoch of the writer that made it: one of an earlier epoch may still be at it.
    pub(crate) epoch: u64,
}

/// What is durable of a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    v: u32,
    /// Of the writer that may go on.
    pub(crate) epoch: u64,
    /// Everything up to here is in the segments.
    pub(crate) position: Option<Position>,
    /// The split is complete.
    pub(crate) done: bool,
    /// In order.
    pub(crate) segments: Vec<Segment>,
}

/// Who writes, and what was there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    v: u32,
    run: String,
    epoch: u64,
    /// The file that the run appends to.
    old: Option<Stamp>,
    /// The last page that was there, in an append to pages.
    last_page: u64,
}

/// What `commit` has made, before it takes its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Outcome {
    v: u32,
    /// Names in the folder, and the page each becomes (0: not paged).
    files: Vec<(String, u64)>,
}

/// A segment as it is put together.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Bytes of it that count.
    pub(crate) bytes: u64,
    /// Nobody else can be writing to it.
    pub(crate) own: bool,
}

/// Makes one file of several.
pub(crate) trait Assemble {
    /// Makes a durable file of `old` and `pieces`, in this order: either `out`, or one of the
    /// pieces itself, and tells which. It may be called again after it was killed at any moment.
    fn assemble(&self, old: Option<&Path>, pieces: &[Piece], out: &Path) -> Result<PathBuf>;
}

/// The folder of a target, locked.
#[derive(Debug)]
pub(crate) struct Folder {
    target: PathBuf,
    paged: bool,
    dir: PathBuf,
    claim: Claim,
    /// Not there for a run that was taken over from a process that may still live.
    _lock: Option<File>,
}

impl Folder {
    /// Takes the folder for a run. What another run left in it is removed. With `append`, what the
    /// target is now is kept in mind.
    ///
    /// # Errors
    /// [`Code::InUse`] when another process is at work on the target.
    pub(crate) fn claim(
        target: &Path,
        paged: bool,
        run: &str,
        epoch: u64,
        append: bool,
    ) -> Result<Self> {
        let dir = Self::of(target);
        let lock = lock(&dir)?;
        let _turn = turn(&dir)?;
        let path = dir.join("run");
        let claim = match (read::<Claim>(&path)?, &lock) {
            (Some(claim), _) if claim.run == run => {
                if claim.epoch > epoch {
                    let message = format!("{} is written by a later owner", target.display());
                    return Err(Error::new(Code::StaleEpoch, message));
                }
                Claim { epoch, ..claim }
            }
            (_, None) => {
                return Err(Error::new(
                    Code::InUse,
                    format!("another process is writing {}", target.display()),
                )
                .hint("wait for it, or choose another target"));
            }
            _ => {
                clear(&dir, |name| name != "lock" && name != "turn")?;
                let appends = append && !paged && target.exists();
                Claim {
                    v: VERSION,
                    run: run.to_owned(),
                    epoch,
                    old: if appends { Some(Stamp::of(target)?) } else { None },
                    last_page: if append && paged {
                        pages(target)?.last().map_or(0, |(n, _)| *n)
                    } else {
                        0
                    },
                }
            }
        };
        replace(&path, &claim)?;
        Ok(Self { target: target.to_owned(), paged, dir, claim, _lock: lock })
    }

    /// Removes what a run has left beside a target, when it is this run's and nobody's of a later
    /// epoch.
    pub(crate) fn discard(target: &Path, run: &str, epoch: u64) -> Result<()> {
        let dir = Self::of(target);
        match read::<Claim>(&dir.join("run")) {
            Ok(Some(claim)) if claim.run == run && claim.epoch <= epoch => remove(&dir),
            // Killed while it was removed: nobody's, unless someone is about to claim it.
            Ok(None) if dir.exists() && lock(&dir)?.is_some() => remove(&dir),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether a run has left something beside a target.
    pub(crate) fn is_of(target: &Path, run: &str) -> bool {
        let claim = read::<Claim>(&Self::of(target).join("run"));
        claim.is_ok_and(|claim| claim.is_some_and(|claim| claim.run == run))
    }

    /// Where the folder of a target is.
    pub(crate) fn of(target: &Path) -> PathBuf {
        let name = target.file_name().map(|n| n.to_string_lossy().into_owned());
        parent(target).join(format!(".{}.syncline", name.unwrap_or_default()))
    }

    /// The file the run appends to, if it does.
    pub(crate) fn appends(&self) -> bool {
        self.claim.old.is_some()
    }

    /// Whether rows go behind others that were there: into the file, or as further pages.
    pub(crate) fn goes_on(&self) -> bool {
        self.claim.old.is_some() || self.claim.last_page > 0
    }

    fn checkpoint_path(&self, split: u32) -> PathBuf {
        self.dir.join(format!("part-{split:05}.json"))
    }

    /// Hands a split to a writer of `epoch`, and removes segments that are not durable.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`] when a writer of a higher epoch has it.
    pub(crate) fn open(&self, split: u32, epoch: u64) -> Result<Checkpoint> {
        let _turn = turn(&self.dir)?;
        let path = self.checkpoint_path(split);
        let found: Option<Checkpoint> = read(&path)?;
        let mut checkpoint = found.unwrap_or(Checkpoint {
            v: VERSION,
            epoch,
            position: None,
            done: false,
            segments: Vec::new(),
        });
        if checkpoint.epoch > epoch {
            return Err(self.stale(split));
        }
        checkpoint.epoch = epoch;
        replace(&path, &checkpoint)?;
        let own = format!("part-{split:05}.");
        let known: Vec<&str> = checkpoint.segments.iter().map(|s| s.file.as_str()).collect();
        clear(&self.dir, |name| {
            name.starts_with(&own) && name.ends_with(".data") && !known.contains(&name)
        })?;
        Ok(checkpoint)
    }

    /// Makes a checkpoint durable. The segments' bytes must be so already.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`] when a writer of a higher epoch has the split.
    pub(crate) fn save(&self, split: u32, checkpoint: &Checkpoint) -> Result<()> {
        let _turn = turn(&self.dir)?;
        let path = self.checkpoint_path(split);
        match read::<Checkpoint>(&path)? {
            Some(now) if now.epoch > checkpoint.epoch => Err(self.stale(split)),
            Some(_) => replace(&path, checkpoint),
            None => Err(Error::new(
                Code::StaleEpoch,
                format!("{}: the parts of this run are gone", self.target.display()),
            )),
        }
    }

    fn stale(&self, split: u32) -> Error {
        Error::new(
            Code::StaleEpoch,
            format!("{}: split {split} is written by a later owner", self.target.display()),
        )
    }

    /// A new file for rows of a split.
    pub(crate) fn segment(&self, split: u32, after: usize) -> Result<(String, File)> {
        for number in after.. {
            let name = format!("part-{split:05}.{number:04}.data");
            let path = self.dir.join(&name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((name, file)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(os_error::of(&path, "make", e)),
            }
        }
        Err(Error::bug("no number is left for a segment"))
    }

    /// Makes new files known by name in their folder, also after a loss of power.
    pub(crate) fn sync(&self) -> Result<()> {
        sync_folder(&self.dir)
    }

    /// The path of a segment.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.join(file)
    }

    /// Puts the parts together and gives them the target's name, page by page.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`] when a process of a higher epoch has the run.
    pub(crate) fn commit(&self, splits: u32, assembly: &dyn Assemble) -> Result<()> {
        let _turn = turn(&self.dir)?;
        let now: Option<Claim> = read(&self.dir.join("run"))?;
        if now.is_none_or(|now| now.run != self.claim.run || now.epoch > self.claim.epoch) {
            let message = format!("{} is written by a later owner", self.target.display());
            return Err(Error::new(Code::StaleEpoch, message));
        }
        let record = self.dir.join("commit.json");
        let outcome: Outcome = match read(&record)? {
            Some(outcome) => outcome,
            None => {
                let outcome = self.assemble(splits, assembly)?;
                self.sync()?;
                replace(&record, &outcome)?;
                outcome
            }
        };
        let mut last = 0;
        for (name, page) in &outcome.files {
            let from = self.dir.join(name);
            let to = if self.paged { page_path(&self.target, *page) } else { self.target.clone() };
            last = last.max(*page);
            match fs::rename(&from, &to) {
                Ok(()) => {}
                // Done before, and killed then.
                Err(e) if e.kind() == io::ErrorKind::NotFound && to.exists() => {}
                Err(e) => return Err(os_error::of(&to, "write", e)),
            }
        }
        if self.paged && self.claim.last_page == 0 {
            // Pages of an earlier, longer output.
            for (number, path) in pages(&self.target)? {
                if number > last {
                    fs::remove_file(&path).map_err(|e| os_error::of(&path, "remove", e))?;
                }
            }
        }
        sync_folder(&parent(&self.target))
    }

    fn assemble(&self, splits: u32, assembly: &dyn Assemble) -> Result<Outcome> {
        // Page of the output → its pieces, in order.
        let mut files: BTreeMap<u64, Vec<Piece>> = BTreeMap::new();
        let mut next = self.claim.last_page + 1;
        for split in 0..splits {
            let checkpoint: Option<Checkpoint> = read(&self.checkpoint_path(split))?;
            let Some(checkpoint) = checkpoint.filter(|c| c.done) else {
                let place = self.target.display();
                return Err(Error::bug(format!("{place}: split {split} is not complete")));
            };
            let (first, mut most) = (next, None);
            for segment in &checkpoint.segments {
                let piece = Piece {
                    path: self.dir.join(&segment.file),
                    bytes: segment.bytes,
                    own: segment.epoch == self.claim.epoch,
                };
                let page = if self.paged { first + segment.page } else { 0 };
                most = most.max(Some(segment.page));
                files.entry(page).or_default().push(piece);
            }
            next = most.map_or(first, |most| first + most + 1);
        }
        if files.is_empty() {
            files.insert(if self.paged { next } else { 0 }, Vec::new());
        }
        let old = match &self.claim.old {
            Some(stamp) => {
                stamp.verify(&self.target)?;
                Some(self.target.as_path())
            }
            None => None,
        };
        let mut outcome = Outcome { v: VERSION, files: Vec::new() };
        for (page, pieces) in &files {
            let out = self.dir.join(format!("page-{page:05}"));
            let made = assembly.assemble(old, pieces, &out)?;
            let name = made.file_name().map(|n| n.to_string_lossy().into_owned());
            outcome.files.push((name.unwrap_or_default(), *page));
        }
        Ok(outcome)
    }
}

/// Puts text together: bytes after bytes. `head` begins a file that has no pieces.
pub(crate) struct Concatenate {
    /// What an empty file holds, packed as the file is.
    pub(crate) head: Vec<u8>,
    /// What goes between the old file and the rows, if it does not end with a line end: that line
    /// end, packed as the file is.
    pub(crate) line_end: Vec<u8>,
    /// Whether the old file's last line has no end.
    pub(crate) old_open: bool,
}

impl Assemble for Concatenate {
    fn assemble(&self, old: Option<&Path>, pieces: &[Piece], out: &Path) -> Result<PathBuf> {
        let at = |path: &Path, e| os_error::of(path, "write", e);
        let (base, rest) = match (old, pieces.split_first()) {
            // The first piece grows to the whole: nothing of it is copied.
            (None, Some((first, rest))) if first.own => {
                let file = OpenOptions::new().write(true).open(&first.path);
                let cut = file.and_then(|file| file.set_len(first.bytes));
                cut.map_err(|e| at(&first.path, e))?;
                (first.path.clone(), rest)
            }
            _ => {
                let make = || -> io::Result<()> {
                    let mut file = File::create(out)?;
                    match old {
                        Some(old) => {
                            io::copy(&mut File::open(old)?, &mut file)?;
                            if self.old_open && !pieces.is_empty() {
                                file.write_all(&self.line_end)?;
                            }
                            Ok(())
                        }
                        None if pieces.is_empty() => file.write_all(&self.head),
                        None => Ok(()),
                    }
                };
                make().map_err(|e| at(out, e))?;
                (out.to_owned(), pieces)
            }
        };
        let append = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).open(&base)?;
            file.seek(SeekFrom::End(0))?;
            for piece in rest {
                let mut source = io::Read::take(File::open(&piece.path)?, piece.bytes);
                if io::copy(&mut source, &mut file)? != piece.bytes {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
                }
            }
            file.sync_all()
        };
        append().map_err(|e| at(&base, e))?;
        Ok(base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Concatenate {
        Concatenate { head: b"head\n".to_vec(), line_end: b"\n".to_vec(), old_open: false }
    }

    fn add(folder: &Folder, split: u32, epoch: u64, texts: &[&str], done: bool) {
        let mut checkpoint = folder.open(split, epoch).unwrap();
        for text in texts {
            let (file, mut out) = folder.segment(split, checkpoint.segments.len()).unwrap();
            out.write_all(text.as_bytes()).unwrap();
            let page = checkpoint.segments.len() as u64;
            let bytes = text.len() as u64;
            checkpoint.segments.push(Segment {
                file,
                bytes,
                rows: 1,
                unpacked: bytes,
                page,
                epoch,
            });
        }
        checkpoint.position = Some(Position::new(texts.len() as u64, "{}"));
        checkpoint.done = done;
        folder.save(split, &checkpoint).unwrap();
    }

    #[test]
    fn a_folder_half_removed_by_a_kill_is_removed_by_the_next_process() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("t.csv");
        let folder = Folder::claim(&target, false, "run1", 1, false).unwrap();
        add(&folder, 0, 1, &["a\n"], true);
        let parts = folder.dir.clone();
        fs::remove_file(parts.join("run")).unwrap();
        // Someone is at it: it may be about to be claimed.
        Folder::discard(&target, "run1", 2).unwrap();
        assert!(parts.exists());
        drop(folder);
        Folder::discard(&target, "run1", 2).unwrap();
        assert!(!parts.exists());
        Folder::discard(&target, "run1", 2).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn parts_become_the_target_in_split_order_and_never_before() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("t.csv");
        let folder = Folder::claim(&target, false, "run1", 1, false).unwrap();
        add(&folder, 1, 1, &["c\n", "d\n"], true);
        assert!(folder.commit(2, &plain()).is_err());
        assert!(!target.exists());
        add(&folder, 0, 1, &["a\n", "b\n"], true);
        // A writer that was killed leaves bytes behind the durable ones.
        let tail = folder.dir.join("part-00000.0000.data");
        OpenOptions::new().append(true).open(tail).unwrap().write_all(b"junk").unwrap();
        folder.commit(2, &plain()).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "a\nb\nc\nd\n");
        folder.commit(2, &plain()).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "a\nb\nc\nd\n");
        remove(&folder.dir).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_commit_killed_anywhere_is_finished_by_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("t.csv");
        fs::write(&target, "old\n").unwrap();
        for append in [false, true] {
            let run = format!("run-{append}");
            let folder = Folder::claim(&target, false, &run, 1, append).unwrap();
            add(&folder, 0, 1, &["a\n"], true);
            add(&folder, 1, 1, &["b\n"], true);
            // Killed after the pieces were put together, before that was recorded.
            folder.assemble(2, &plain()).unwrap();
            folder.assemble(2, &plain()).unwrap();
            folder.commit(2, &plain()).unwrap();
            drop(folder);
            // Killed after the rename, before the folder was removed.
            let folder = Folder::claim(&target, false, &run, 1, append).unwrap();
            folder.commit(2, &plain()).unwrap();
            remove(&folder.dir).unwrap();
            let wanted = if append { "a\nb\na\nb\n" } else { "a\nb\n" };
            assert_eq!(fs::read_to_string(&target).unwrap(), wanted);
        }
    }

    #[test]
    fn later_epochs_fence_off_earlier_writers() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::claim(&dir.path().join("t"), false, "r", 1, false).unwrap();
        let mut old = folder.open(0, 1).unwrap();
        let (file, mut out) = folder.segment(0, 0).unwrap();
        out.write_all(b"x").unwrap();
        let new = folder.open(0, 2).unwrap();
        assert_eq!(new.segments, Vec::new());
        old.segments.push(Segment { file, bytes: 1, rows: 1, unpacked: 1, page: 0, epoch: 1 });
        assert_eq!(folder.save(0, &old).unwrap_err().code(), Code::StaleEpoch);
        assert_eq!(folder.open(0, 1).unwrap_err().code(), Code::StaleEpoch);
        folder.save(0, &new).unwrap();
    }

    #[test]
    fn a_target_has_one_writer_and_another_runs_leftovers_go() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("t");
        let folder = Folder::claim(&target, false, "r1", 1, false).unwrap();
        add(&folder, 0, 1, &["a"], false);
        let second = Folder::claim(&target, false, "r2", 1, false).unwrap_err();
        assert_eq!(second.code(), Code::InUse);
        drop(folder);
        let same = Folder::claim(&target, false, "r1", 1, false).unwrap();
        assert_eq!(same.open(0, 2).unwrap().segments.len(), 1);
        drop(same);
        let other = Folder::claim(&target, false, "r2", 1, false).unwrap();
        assert_eq!(other.open(0, 1).unwrap().segments.len(), 0);
    }

    #[test]
    fn pages_are_numbered_over_all_splits_and_old_ones_do_not_stay() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("t.{page}.sql");
        let names = || -> Vec<String> {
            let pages = pages(&target).unwrap();
            pages.iter().map(|(n, p)| format!("{n}={}", fs::read_to_string(p).unwrap())).collect()
        };
        for run in ["first", "append", "replace"] {
            let folder = Folder::claim(&target, true, run, 1, run == "append").unwrap();
            add(&folder, 0, 1, &["a", "b"], true);
            add(&folder, 1, 1, &[], true);
            let last: &[&str] = if run == "replace" { &[] } else { &["c"] };
            add(&folder, 2, 1, last, true);
            folder.commit(3, &plain()).unwrap();
            remove(&folder.dir).unwrap();
            let wanted: &[&str] = match run {
                "first" => &["1=a", "2=b", "3=c"],
                "append" => &["1=a", "2=b", "3=c", "4=a", "5=b", "6=c"],
                _ => &["1=a", "2=b"],
            };
            assert_eq!(names(), wanted, "{run}");
        }
    }
}
