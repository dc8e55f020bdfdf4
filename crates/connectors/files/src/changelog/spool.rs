//! Rows of a transaction whose end has not come yet: nothing of them may be part of the log before.
//! The first of them stay in memory, the others go to a file that has no name.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use syncline_types::Result;

use crate::os_error;

/// Bytes that stay in memory.
const IN_MEMORY: usize = 16 << 20;

/// Pieces of bytes, kept in their order.
pub(super) struct Spool {
    dir: PathBuf,
    memory: Vec<u8>,
    file: Option<File>,
}

impl Spool {
    /// An empty one, that makes its file in `dir`.
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), memory: Vec::new(), file: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.memory.is_empty() && self.file.is_none()
    }

    /// Adds a piece.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<()> {
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.memory.extend_from_slice(&length.to_le_bytes());
        self.memory.extend_from_slice(piece);
        if self.memory.len() < IN_MEMORY {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(nameless(&self.dir)?),
        };
        let written = file.write_all(&self.memory);
        self.memory.clear();
        written.map_err(|e| os_error::of(&self.dir, "write to", e))
    }

    /// Takes all pieces out.
    pub(super) fn drain(&mut self, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let at = |e| os_error::of(&self.dir, "read", e);
        let memory = std::mem::take(&mut self.memory);
        if let Some(mut file) = self.file.take() {
            file.seek(SeekFrom::Start(0)).map_err(at)?;
            let mut file = BufReader::with_capacity(1 << 20, file);
            let mut piece = Vec::new();
            loop {
                let mut length = [0; 8];
                match file.read_exact(&mut length) {
                    Ok(()) => {}
                    Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => break,
                    Err(e) => return Err(at(e)),
                }
                piece.resize(usize::try_from(u64::from_le_bytes(length)).unwrap_or(0), 0);
                file.read_exact(&mut piece).map_err(at)?;
                each(&piece)?;
            }
        }
        let mut rest = memory.as_slice();
        while let Some((length, after)) = rest.split_first_chunk::<8>() {
            let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(0);
            let (piece, after) = after.split_at(length.min(after.len()));
            each(piece)?;
            rest = after;
        }
        Ok(())
    }
}

/// A file that goes away with the process.
fn nameless(dir: &Path) -> Result<File> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = dir.join(format!("syncline-{}-{number}.part", std::process::id()));
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path);
    let file = open.map_err(|e| os_error::of(&path, "make", e))?;
    if cfg!(unix) {
        std::fs::remove_file(&path).map_err(|e| os_error::of(&path, "remove", e))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_out_as_they_went_in_also_from_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(dir.path());
        assert!(spool.is_empty());
        let piece = |n: usize| vec![u8::try_from(n % 251).unwrap(); n * 97 % 100_000];
        for _ in 0..2 {
            for n in 0..1000 {
                spool.push(&piece(n)).unwrap();
            }
            assert!(spool.file.is_some() && !spool.is_empty());
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
            let mut n = 0;
            spool
                .drain(|found| {
                    assert_eq!(found, piece(n));
                    n += 1;
                    Ok(())
                })
                .unwrap();
            assert_eq!(n, 1000);
            assert!(spool.is_empty());
        }
    }
}
