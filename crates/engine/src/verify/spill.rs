//! Hashes of rows, sorted on disk: as many as there are rows, in memory that does not grow.
//!
//! Entries are collected up to a limit, sorted and written as a run. To be read, runs are merged;
//! when there are more of them than files should be open at a time, some are merged into one first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use syncline_types::{Code, Error, Result};

/// The hashes of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Entry {
    /// Of its key; of the row, where there is no key.
    pub(crate) key: u128,
    /// Of the row as a whole.
    pub(crate) row: u128,
}

const ENTRY_BYTES: usize = 32;
/// Entries in memory before they are written: 16 MiB.
const RUN_ENTRIES: usize = 1 << 19;
/// Runs merged at a time.
const FAN: usize = 64;
const BUFFER: usize = 64 << 10;

/// Entries on their way to be sorted.
pub(crate) struct Sorter {
    folder: PathBuf,
    limit: usize,
    fan: usize,
    collected: Vec<Entry>,
    runs: Vec<File>,
}

impl Sorter {
    /// Writes its runs into `folder`, as files without a name.
    pub(crate) fn new(folder: &Path) -> Self {
        Self::with(folder, RUN_ENTRIES, FAN)
    }

    pub(crate) fn with(folder: &Path, limit: usize, fan: usize) -> Self {
        Self { folder: folder.to_owned(), limit, fan, collected: Vec::new(), runs: Vec::new() }
    }

    pub(crate) fn extend(&mut self, entries: impl IntoIterator<Item = Entry>) -> Result<()> {
        for entry in entries {
            if self.collected.len() == self.limit {
                self.write_run()?;
            }
            self.collected.push(entry);
        }
        Ok(())
    }

    fn write_run(&mut self) -> Result<()> {
        self.collected.sort_unstable();
        let run = write(&self.folder, self.collected.drain(..).map(Ok))?;
        self.runs.push(run);
        Ok(())
    }

    /// All entries in order, equal ones as often as they were given.
    pub(crate) fn sorted(mut self) -> Result<Sorted> {
        self.collected.sort_unstable();
        while self.runs.len() > self.fan {
            let some: Vec<File> = self.runs.drain(..self.fan).collect();
            let merged = write(&self.folder, Sorted::of(Vec::new(), some)?)?;
            self.runs.push(merged);
        }
        Sorted::of(self.collected, self.runs)
    }
}

/// Entries in order.
pub(crate) struct Sorted {
    runs: Vec<Run>,
    heads: BinaryHeap<Reverse<(Entry, usize)>>,
}

enum Run {
    Memory(std::vec::IntoIter<Entry>),
    Disk(BufReader<File>),
}

impl Sorted {
    fn of(memory: Vec<Entry>, disk: Vec<File>) -> Result<Self> {
        let mut runs = vec![Run::Memory(memory.into_iter())];
        for mut file in disk {
            file.rewind().map_err(failed)?;
            runs.push(Run::Disk(BufReader::with_capacity(BUFFER, file)));
        }
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for (index, run) in runs.iter_mut().enumerate() {
            if let Some(entry) = run.next()? {
                heads.push(Reverse((entry, index)));
            }
        }
        Ok(Self { runs, heads })
    }

    fn pull(&mut self) -> Result<Option<Entry>> {
        let Some(mut head) = self.heads.peek_mut() else { return Ok(None) };
        let Reverse((entry, index)) = *head;
        match self.runs[index].next()? {
            Some(next) => head.0 = (next, index),
            None => drop(std::collections::binary_heap::PeekMut::pop(head)),
        }
        Ok(Some(entry))
    }
}

impl Iterator for Sorted {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        self.pull().transpose()
    }
}

impl Run {
    fn next(&mut self) -> Result<Option<Entry>> {
        match self {
            Run::Memory(entries) => Ok(entries.next()),
            Run::Disk(file) => {
                let mut bytes = [0; ENTRY_BYTES];
                match file.read_exact(&mut bytes) {
                    Ok(()) => Ok(Some(decode(&bytes))),
                    // Runs are of whole entries: less than one is the end.
                    Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
                    Err(e) => Err(failed(e)),
                }
            }
        }
    }
}

fn write(folder: &Path, entries: impl Iterator<Item = Result<Entry>>) -> Result<File> {
    let file = tempfile::tempfile_in(folder).map_err(failed)?;
    let mut out = BufWriter::with_capacity(BUFFER, file);
    for entry in entries {
        let entry = entry?;
        out.write_all(&entry.key.to_be_bytes()).map_err(failed)?;
        out.write_all(&entry.row.to_be_bytes()).map_err(failed)?;
    }
    out.into_inner().map_err(|e| failed(e.into_error()))
}

fn decode(bytes: &[u8; ENTRY_BYTES]) -> Entry {
    let half = |at: usize| {
        let mut half = [0; 16];
        half.copy_from_slice(&bytes[at..at + 16]);
        u128::from_be_bytes(half)
    };
    Entry { key: half(0), row: half(16) }
}

/// An error of a file that rows are put aside in.
pub(crate) fn failed(error: std::io::Error) -> Error {
    let code = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Code::DiskFull,
        _ => Code::StateUnusable,
    };
    Error::new(code, "rows cannot be put aside for comparing")
        .because(error)
        .hint("give a folder with room by --state DIR")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_entry_comes_back_in_order(
            given in prop::collection::vec((0u128..50, any::<u128>()), 0..400),
            limit in 1usize..40,
            fan in 2usize..5,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut given: Vec<Entry> =
                given.into_iter().map(|(key, row)| Entry { key, row: row % 3 }).collect();
            let mut sorter = Sorter::with(folder.path(), limit, fan);
            sorter.extend(given.iter().copied()).unwrap();
            let sorted: Vec<Entry> = sorter.sorted().unwrap().collect::<Result<_>>().unwrap();
            given.sort_unstable();
            prop_assert_eq!(sorted, given);
            // Nothing stays behind, not even after a kill.
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}
