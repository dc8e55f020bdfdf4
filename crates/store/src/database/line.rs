//! Waiting in line for a connection: those who stand there have no more patience than the one at its
//! head. When that one has waited in vain for a database that is held or away, so have they;
//! otherwise each would wait as long again, one after the other.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Done, Failed, Failure};

/// What fails sooner was no waiting.
const WAITED: Duration = Duration::from_secs(1);

/// A line before one or several connections.
#[derive(Default)]
pub(super) struct Line(Mutex<Option<(Instant, Failure)>>);

impl Line {
    /// Refuses somebody who has stood in line since `since`, when whoever was before has waited in
    /// vain meanwhile.
    pub(super) fn wait_is_over(&self, since: Instant) -> Done<()> {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((gave_up, kind)) if gave_up >= since => {
                Err(Failed::new(kind, "others before have waited in vain"))
            }
            _ => Ok(()),
        }
    }

    /// Takes note of somebody who was at the head of the line since `since`, and has failed.
    pub(super) fn failed(&self, kind: Failure, since: Instant) {
        if matches!(kind, Failure::Busy | Failure::Away) && since.elapsed() >= WAITED {
            let now = Some((Instant::now(), kind));
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
        }
    }
}

/// Does work that may wait for a disk or a server. Where that is in the middle of asynchronous work,
/// the thread's other tasks go on elsewhere meanwhile.
pub(super) fn aside<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stood_in_line_gives_up_with_the_one_before() {
        let line = Line::default();
        let before = Instant::now();
        line.failed(Failure::Busy, before);
        line.wait_is_over(before).unwrap();
        line.failed(Failure::Other, before - WAITED);
        line.wait_is_over(before).unwrap();
        line.failed(Failure::Away, before - WAITED);
        assert_eq!(line.wait_is_over(before).unwrap_err().kind, Failure::Away);
        // Whoever comes now waits anew.
        line.wait_is_over(Instant::now() + Duration::from_nanos(1)).unwrap();
    }
}
