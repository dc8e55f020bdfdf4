//! One process at a time works on a job.

use std::fs::{File, TryLockError};

use syncline_types::{Code, Error, Result};

use crate::Store;

/// Held while a process works on a job; freed when dropped, and by the system when it dies.
pub struct RunLock {
    _file: File,
}

impl Store {
    /// Takes the lock of a job.
    ///
    /// # Errors
    /// [`Code::InUse`] when another process holds it.
    pub fn lock(&self, job: &str) -> Result<RunLock> {
        let path = self.folder().join("locks").join(format!("{job}.lock"));
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| crate::unusable(self.folder(), false, e))?;
        match file.try_lock() {
            Ok(()) => Ok(RunLock { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(Error::new(Code::InUse, "the same job is at work in another process")
                    .hint("wait for it or stop it; --state DIR keeps a second one apart"))
            }
            Err(TryLockError::Error(e)) => Err(crate::unusable(self.folder(), false, e)),
        }
    }
}
