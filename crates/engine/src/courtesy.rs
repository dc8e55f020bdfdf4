//! Copies give way to a run that follows changes and is too far behind: it says so under the names
//! of the servers that it works with, and copies that work with one of them wait until it has caught
//! up. What is said is a locked file in the state folder, so that it ends with the process that
//! says it.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::Duration;

use syncline_connector::Endpoint;
use syncline_store::Store;
use syncline_types::{Result, RunEvent};
use tokio::sync::{broadcast, watch};
use tokio::task::AbortHandle;

use crate::events::Event;
use crate::job::Job;

/// How often a copy looks whether it is to wait.
const EVERY: Duration = Duration::from_millis(500);

/// The servers, or files, that a job works with.
fn places(job: &Job) -> Vec<String> {
    let of = |endpoint: &Endpoint| -> Vec<String> {
        let name = |host: &syncline_connector::Host| match host.port {
            Some(port) => format!("{}:{port}", host.host),
            None => format!("{}:{}", host.host, endpoint.scheme),
        };
        match endpoint.hosts.as_slice() {
            [] => vec![format!("{}:{}", endpoint.scheme, endpoint.path)],
            hosts => hosts.iter().map(name).collect(),
        }
    };
    let mut places = of(&job.source);
    places.extend(of(&job.sink));
    places.sort_unstable();
    places.dedup();
    places
}

fn file(store: &Store, place: &str) -> PathBuf {
    // FNV-1a: a name that any file system takes.
    let hash = place.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    store.folder().join("locks").join(format!("behind-{hash:016x}.lock"))
}

fn open(path: &PathBuf) -> std::io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(path)
}

/// A run says that copies are to wait for it, until this is dropped.
pub(crate) struct Claim {
    /// Its servers, each with the file that says so.
    said: Vec<(PathBuf, Option<File>)>,
}

impl Claim {
    /// Says so of all its servers but those of which another run says it already.
    pub(crate) fn on(store: &Store, job: &Job) -> Self {
        let said = places(job).into_iter().map(|place| (file(store, &place), None)).collect();
        let mut claim = Self { said };
        claim.go_on();
        claim
    }

    /// Says so of those, too, of which another run does so no more, or at which a copy was just
    /// looking: this run is still behind.
    pub(crate) fn go_on(&mut self) {
        for (path, file) in self.said.iter_mut().filter(|(_, file)| file.is_none()) {
            *file = open(path).ok().filter(|file| file.try_lock().is_ok());
        }
    }
}

/// Whether somebody says that copies are to wait which work with one of these.
fn is_claimed(store: &Store, places: &[String]) -> bool {
    let claimed = |place: &String| {
        let path = file(store, place);
        // Most have never been claimed.
        let file = File::options().write(true).open(path).ok();
        file.is_some_and(|f| matches!(f.try_lock_shared(), Err(TryLockError::WouldBlock)))
    };
    places.iter().any(claimed)
}

/// What a copy looks at before it goes on.
#[derive(Clone)]
pub(crate) struct Way(watch::Receiver<bool>);

impl Way {
    /// Waits as long as others go first.
    pub(crate) async fn free(&self) {
        // Nobody who says any more that it is taken is fine.
        let _ = self.0.clone().wait_for(|taken| !taken).await;
    }
}

/// A look now and then whether a copy is to wait. It ends when it is dropped.
pub(crate) struct Lookout {
    pub(crate) way: Way,
    task: AbortHandle,
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The run that looks.
pub(crate) struct Copying {
    pub(crate) run: String,
    pub(crate) epoch: u64,
    pub(crate) store: std::sync::Arc<Store>,
    pub(crate) events: broadcast::Sender<Event>,
}

impl Copying {
    /// Begins to look; it is told, and recorded, when the copy waits.
    pub(crate) fn look_out(self, job: &Job) -> Lookout {
        let places = places(job);
        // Not a row goes before the first look.
        let (taken, way) = watch::channel(is_claimed(&self.store, &places));
        let looking = async move {
            let mut clock = tokio::time::interval(EVERY);
            let mut told = false;
            loop {
                clock.tick().await;
                let now = is_claimed(&self.store, &places);
                taken.send_replace(now);
                if std::mem::replace(&mut told, now) == now {
                    continue;
                }
                if let Err(error) = self.tell(now) {
                    tracing::debug!(error = error.chain(), "waiting for others is not recorded");
                }
            }
        };
        Lookout { way: Way(way), task: tokio::spawn(looking).abort_handle() }
    }

    fn tell(&self, waits: bool) -> Result<()> {
        let event = if waits { RunEvent::Wait } else { RunEvent::Proceed };
        let reason =
            "a run that follows changes of the same server is too far behind, and goes first";
        if waits {
            // Nobody listening is fine.
            let retry_in = EVERY.as_secs_f64();
            let _ = self.events.send(Event::Waiting { reason: reason.to_owned(), retry_in });
        }
        let state = self.store.transition(&self.run, self.epoch, event, waits.then_some(reason))?;
        let _ = self.events.send(Event::State { run: self.run.clone(), state });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_claimed_is_free_again_when_the_claim_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let job = |source: &str, sink: &str| {
            let end = |url| Endpoint::parse(url).unwrap();
            Job::new("j", end(source), end(sink))
        };
        let behind = job("mysql://a:3306/x", "postgres://b/y");
        let claimed = |source: &str, sink: &str| is_claimed(&store, &places(&job(source, sink)));
        assert!(!claimed("mysql://a:3306/z", "sqlite:t.db"));
        let claim = Claim::on(&store, &behind);
        let mut other = Claim::on(&store, &job("mysql://a:3306/x", "sqlite:o.db"));
        assert!(claimed("mysql://a:3306/z", "sqlite:t.db"), "the same server");
        assert!(claimed("mysql://c:3306/z", "postgres://b/y"));
        assert!(!claimed("mysql://c:3306/z", "sqlite:t.db"));
        assert!(claimed("mysql://c:3306/z", "sqlite:o.db"), "the other run's own");
        // One of the two has caught up, and the other has not.
        drop(claim);
        assert!(!claimed("mysql://c:3306/z", "postgres://b/y"));
        other.go_on();
        assert!(claimed("mysql://a:3306/z", "postgres://b/y"), "the other run is still behind");
        drop(other);
        assert!(!claimed("mysql://a:3306/z", "sqlite:o.db"));
    }
}
