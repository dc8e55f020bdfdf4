//! Whether a watcher may still watch: the session or token it came with is looked at every few
//! seconds, so that a line does not outlive it.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::caller::{Caller, Stands};
use crate::state::AppState;

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(2);
/// For how long the last good answer counts, while the state cannot be asked.
const CREDIT: Duration = Duration::from_secs(60);

/// How a watcher stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// As it came.
    Good,
    /// Its session or token has ended.
    Ended,
    /// It may see other projects than when it came.
    Sees,
    /// Nobody has been able to say for a while.
    Unknown,
}

/// Looks after a watcher for as long as somebody listens to what this tells.
pub(super) fn of(state: AppState, caller: Caller) -> watch::Receiver<Standing> {
    let (tell, told) = watch::channel(Standing::Good);
    tokio::spawn(async move {
        let mut good = Instant::now();
        loop {
            tokio::select! {
                () = tell.closed() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let standing = match caller.stands(&state).await {
                Ok(Stands::Good) => {
                    good = Instant::now();
                    continue;
                }
                Ok(Stands::Sees) => Standing::Sees,
                Ok(Stands::Ended) => Standing::Ended,
                Err(_) if good.elapsed() < CREDIT => continue,
                Err(_) => Standing::Unknown,
            };
            // Whoever listened is gone: all the better.
            let _ = tell.send(standing);
            return;
        }
    });
    told
}
