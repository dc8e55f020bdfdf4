//! What a run that follows tells of itself, and how it watches the log that the source keeps for it.

use std::time::{Duration, Instant};

use syncline_types::{Code, Error, Position, Result};

use super::part::Part;
use super::settings::{RetentionAction, WhenLost};
use super::stream::Stream;
use crate::courtesy::Claim;
use crate::events::{Changes, Event};

/// How often it is looked how much log the source keeps.
const RETENTION_EVERY: Duration = Duration::from_secs(30);
/// As [`RETENTION_EVERY`], while copies wait for this run.
const CLAIMED_EVERY: Duration = Duration::from_secs(2);
/// How often it is told how far the log is.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How long nothing has to come until it is looked whether anything is left to come.
const QUIET: Duration = Duration::from_secs(3);

/// What was last told.
pub(super) struct Told {
    pub(super) at: Instant,
    pub(super) changes: Changes,
    lag: Option<u64>,
    /// Since when nothing has come.
    quiet: Instant,
    /// Where the log ended after nothing had come for a while.
    end: Option<Position>,
}

impl Told {
    pub(super) fn nothing(at: Instant) -> Self {
        Self { at, changes: Changes::default(), lag: None, quiet: at, end: None }
    }
}

impl Stream<'_> {
    pub(super) async fn tell(&mut self) -> Result<()> {
        let elapsed = self.told.at.elapsed();
        if elapsed < TELL_EVERY {
            return Ok(());
        }
        let mut changes = Changes::default();
        for table in &self.tables.all {
            changes.add(table.moving.progress.changes());
        }
        let new = changes.all() - self.told.changes.all();
        let now = Instant::now();
        (self.told.at, self.told.changes) = (now, changes);
        if new > 0 {
            (self.told.quiet, self.told.end) = (now, None);
        } else {
            self.rests().await?;
            if self.lag == self.told.lag {
                return Ok(());
            }
        }
        self.told.lag = self.lag;
        let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
        let _ = self.log.stretch.events.send(Event::Following {
            run: self.log.stretch.run.clone(),
            inserts: changes.inserts,
            updates: changes.updates,
            deletes: changes.deletes,
            changes_per_second: new * 1_000 / milliseconds,
            lag_ms: self.lag,
            unread_bytes: self.unread,
            position: self.changes.shown(&self.durable),
        });
        Ok(())
    }

    /// Nothing has come for a while: who has read to where the log ended in that time is not behind
    /// any more, whatever the last change was.
    async fn rests(&mut self) -> Result<()> {
        let joins = matches!(self.log.part, Part::Joining { .. });
        let behind = self.lag != Some(0) && self.holds_all_that_came();
        if joins || !behind || self.told.quiet.elapsed() < QUIET {
            return Ok(());
        }
        let end = match self.told.end.take() {
            Some(end) => end,
            None => self.changes.end_of_log().await?,
        };
        if self.changes.reached(&self.read, &end)? {
            self.lag = Some(0);
        } else {
            self.told.end = Some(end);
        }
        Ok(())
    }

    /// Looks now and then how much log the source keeps for this run.
    pub(super) async fn watch_retention(&mut self) -> Result<()> {
        // Others that wait for this run do so no longer than they have to.
        let every = if self.claim.is_some() { CLAIMED_EVERY } else { RETENTION_EVERY };
        if self.looked.is_some_and(|at| at.elapsed() < every) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let retention = self.changes.retention(&self.follow, &self.durable).await?;
        self.unread = retention.unread;
        let Some(limit) = self.log.job.following.retention else { return Ok(()) };
        let held = retention.unread.or(retention.kept).unwrap_or(0);
        if held <= limit.max_bytes {
            if self.claim.take().is_some() {
                self.say("this run has caught up: copies of the same servers go on".to_owned());
            }
            return Ok(());
        }
        let message = format!(
            "the source keeps {held} bytes of log for this run, more than \
             source.retention.max_bytes = {}",
            limit.max_bytes
        );
        match limit.action {
            RetentionAction::Warn => self.say(message),
            RetentionAction::PauseOthers => match &mut self.claim {
                Some(claim) => claim.go_on(),
                None => {
                    self.say(format!("{message}; copies of the same servers wait for it"));
                    self.claim = Some(Claim::on(&self.log.stretch.store, self.log.job));
                }
            },
            // What it takes to copy and to catch up is no less the next time.
            RetentionAction::Release
                if self.log.job.following.when_lost == WhenLost::Resnapshot
                    && !self.log.kept.get().caught_up =>
            {
                self.say(message);
            }
            RetentionAction::Release => {
                return Err(Error::new(Code::RetentionExceeded, message).hint(
                    "the log was let go: copy the tables anew with --fresh, or let that be done \
                     by --when-lost resnapshot",
                ));
            }
        }
        Ok(())
    }

    fn say(&self, message: String) {
        // Nobody listening is fine.
        let _ = self.log.stretch.events.send(Event::Note { message });
    }
}
