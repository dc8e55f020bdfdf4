//! The right of this node to work with a state that others can reach, too.
//!
//! A state in a folder is kept by the folder's lock. One in PostgreSQL is kept by a lease that this
//! node renews as long as it lives; when another has taken it over, this node must not go on.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use syncline_store::{Beats, Holder, Store};
use syncline_types::{Code, Error, Result};
use tokio_util::sync::CancellationToken;

/// The file by which a folder is told from all others.
const MARK: &str = "node-id";

/// This node's lease.
pub(crate) struct Lease {
    store: Arc<Store>,
    holder: Holder,
    beats: Beats,
    /// Another has taken it over.
    lost: CancellationToken,
    /// It is let go of.
    over: CancellationToken,
}

impl Lease {
    /// Takes the lease of a state. The lock of `folder` is held by this process. Blocks.
    ///
    /// # Errors
    /// [`Code::InUse`] when another node works with the state.
    pub(crate) fn take(store: &Arc<Store>, node: &str, folder: &Path) -> Result<Self> {
        let beats = Beats::default();
        let holder = Holder {
            id: uuid::Uuid::now_v7().to_string(),
            node: node.to_owned(),
            folder: mark(folder)?,
        };
        if let Some(gone) = store.take_lease(&holder, beats)? {
            tracing::warn!(node = gone, "it has gone without letting go of the state; taken over");
        }
        let (lost, over) = (CancellationToken::new(), CancellationToken::new());
        Ok(Self { store: Arc::clone(store), holder, beats, lost, over })
    }

    /// Renews it until it is let go of. When it is lost, nothing more begins: `leaving` is
    /// cancelled.
    pub(crate) async fn keep(&self, leaving: CancellationToken) {
        let mut beats = tokio::time::interval(self.beats.every);
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut last = Instant::now();
        loop {
            tokio::select! {
                () = self.over.cancelled() => return,
                _ = beats.tick() => {}
            }
            let (store, holder) = (Arc::clone(&self.store), self.holder.clone());
            let renewed = tokio::task::spawn_blocking(move || store.renew_lease(&holder)).await;
            match renewed {
                Ok(Ok(true)) => last = Instant::now(),
                // Let go of while it was being renewed.
                Ok(Ok(false)) if self.over.is_cancelled() => return,
                Ok(Ok(false)) => {
                    tracing::error!("another node has taken the state over; this one stops");
                    leaving.cancel();
                    self.lost.cancel();
                    return;
                }
                // While the state is away nobody can take it over either.
                Ok(Err(error)) => {
                    let silent = last.elapsed().as_secs();
                    tracing::warn!(silent, error = error.chain(), "the lease cannot be renewed");
                }
                Err(_) => return,
            }
        }
    }

    /// Returns once another node has taken it over.
    pub(crate) async fn lost(&self) -> Error {
        self.lost.cancelled().await;
        let message = "another node has taken over the state that this one worked with";
        Error::new(Code::InUse, message)
            .hint("this one was silent for too long; its runs go on at the other node")
    }

    /// Lets another node take it. Blocks.
    pub(crate) fn release(&self) {
        self.over.cancel();
        if let Err(error) = self.store.release_lease(&self.holder) {
            tracing::warn!(error = error.chain(), "the lease cannot be let go of");
        }
    }
}

/// What tells a folder from all others, copies of it and other machines: while its lock is held, no
/// other process of the same mark lives.
fn mark(folder: &Path) -> Result<String> {
    let path = folder.join(MARK);
    let failed = |e: std::io::Error| {
        Error::new(Code::StateUnusable, format!("{}", path.display())).because(e)
    };
    let own = match std::fs::read_to_string(&path) {
        Ok(own) if !own.trim().is_empty() => own.trim().to_owned(),
        _ => {
            let own = uuid::Uuid::now_v7().to_string();
            std::fs::write(&path, &own).map_err(failed)?;
            own
        }
    };
    let file = std::fs::metadata(&path).map_err(failed)?;
    // Without it nothing is known of an earlier process, which is waited out.
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .unwrap_or_else(|_| uuid::Uuid::now_v7().to_string());
    Ok(format!("{own} {}:{} {}", file.dev(), file.ino(), boot.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_told_from_its_copy() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = mark(one.path()).unwrap();
        assert_eq!(mark(one.path()).unwrap(), first);
        std::fs::copy(one.path().join(MARK), other.path().join(MARK)).unwrap();
        assert_ne!(mark(other.path()).unwrap(), first);
    }
}
