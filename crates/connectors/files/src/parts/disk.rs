//! Files of a folder of parts: locked, read, replaced whole, made known by name for good.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use syncline_types::{Code, Error, Result};

use super::VERSION;
use crate::location::parent;
use crate::os_error;

/// Removes a folder of parts; it may be gone.
pub(crate) fn remove(dir: &Path) -> Result<()> {
    // The claim last, so that what a kill leaves is known for whose it is. What cannot be removed
    // here is met again right below.
    let _ = clear(dir, |name| !matches!(name, "run" | "lock" | "turn"));
    match fs::remove_dir_all(dir) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(os_error::of(dir, "remove", e)),
    }
    Ok(())
}

/// Locks a folder for as long as the file lives; `None` when another process has it.
pub(crate) fn lock(dir: &Path) -> Result<Option<File>> {
    loop {
        let Some(file) = lock_file(dir, "lock")? else { continue };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(os_error::of(&dir.join("lock"), "lock", e)),
        }
        if same_file(&file, &dir.join("lock"))? {
            return Ok(Some(file));
        }
    }
}

/// Waits for the turn to look at the folder's files and change them.
pub(crate) fn turn(dir: &Path) -> Result<File> {
    loop {
        let Some(file) = lock_file(dir, "turn")? else { continue };
        file.lock().map_err(|e| os_error::of(&dir.join("turn"), "lock", e))?;
        if same_file(&file, &dir.join("turn"))? {
            return Ok(file);
        }
    }
}

/// Opens a file to lock; `None` when another process has just removed the folder.
pub(super) fn lock_file(dir: &Path, name: &str) -> Result<Option<File>> {
    fs::create_dir_all(dir).map_err(|e| os_error::of(dir, "make", e))?;
    let path = dir.join(name);
    match OpenOptions::new().write(true).create(true).truncate(false).open(&path) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(os_error::of(&path, "make", e)),
    }
}

/// Whether the open file is still the one of that name: its last owner may have removed it between
/// our opening and our locking.
#[cfg(unix)]
pub(super) fn same_file(file: &File, path: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let open = file.metadata().map_err(|e| os_error::of(path, "look at", e))?;
    let named = fs::metadata(path);
    Ok(named.is_ok_and(|named| (named.dev(), named.ino()) == (open.dev(), open.ino())))
}

#[cfg(not(unix))]
pub(super) fn same_file(_: &File, path: &Path) -> Result<bool> {
    // A file that is open cannot be removed there.
    Ok(path.exists())
}

/// Removes the files of a folder whose names fit.
pub(crate) fn clear(dir: &Path, fits: impl Fn(&str) -> bool) -> Result<()> {
    for entry in fs::read_dir(dir).map_err(|e| os_error::of(dir, "list", e))? {
        let entry = entry.map_err(|e| os_error::of(dir, "list", e))?;
        if fits(&entry.file_name().to_string_lossy()) {
            let path = entry.path();
            fs::remove_file(&path).map_err(|e| os_error::of(&path, "remove", e))?;
        }
    }
    Ok(())
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(dir: &Path) -> Result<()> {
    if cfg!(unix) {
        let synced = File::open(dir).and_then(|folder| folder.sync_all());
        synced.map_err(|e| os_error::of(dir, "sync", e))?;
    }
    Ok(())
}

/// Reads one of the small files; `None` when it is not there.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    #[derive(Deserialize)]
    struct Versioned {
        v: u32,
    }
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(os_error::of(path, "read", e)),
    };
    let damaged = |e| {
        Error::new(Code::CannotResume, format!("{} cannot be read", path.display()))
            .hint("start over with --fresh")
            .because(e)
    };
    let version: Versioned = serde_json::from_slice(&text).map_err(damaged)?;
    if version.v > VERSION {
        let message = format!("{} is of a newer version", path.display());
        return Err(Error::new(Code::CannotResume, message).hint("update Syncline"));
    }
    serde_json::from_slice(&text).map(Some).map_err(damaged)
}

/// Writes one of the small files: all of it or nothing, durably.
pub(crate) fn replace<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let text = serde_json::to_vec(value)
        .map_err(|e| Error::bug(format!("cannot write {}", path.display())).because(e))?;
    write_whole(path, &text)
}

/// Makes a small file durable under its name, all of it or nothing.
pub(crate) fn write_whole(path: &Path, text: &[u8]) -> Result<()> {
    let temporary = path.with_extension("tmp");
    let write = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(|e| os_error::of(path, "write", e))?;
    sync_folder(&parent(path))
}

/// Removes a file; it may be gone.
pub(crate) fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(os_error::of(path, "remove", e)),
        _ => Ok(()),
    }
}
