//! How a run comes to rest or to its end, and how that is recorded and told.

use syncline_store::{INTERRUPTED, Wanted};
use syncline_types::{Code, Error, Result, RunEvent};

use super::driver::Driver;
use crate::control::Wish;
use crate::events::{Event, Outcome, Summary};
use crate::plan::Plan;

impl Driver {
    /// Removes what a given-up run left at the target, and stops it.
    pub(super) async fn discard(&self, run: &str, plan: Option<&str>) -> Result<()> {
        let epoch = self.store.run(run)?.map_or(0, |r| r.epoch);
        if let Some(plan) = plan.and_then(|p| Plan::from_json(p).ok()) {
            let tasks = self.tasks_of(plan, run, epoch);
            self.sink.discard(&tasks).await?;
            self.unfollow(run, epoch, tasks).await?;
        }
        let why = Some("given up for a fresh start");
        let state = self.store.transition(run, epoch, RunEvent::Stop, why)?;
        if !state.is_final() {
            self.store.transition(run, epoch, RunEvent::Drained, why)?;
        }
        Ok(())
    }

    /// At rest until someone wants something else.
    pub(super) async fn paused(&mut self) -> Result<Wish> {
        self.record(RunEvent::Drained, None)?;
        // A handle that is gone can wish for nothing any more.
        Ok(self.wishes.wait_for(|w| *w != Wish::Pause).await.map_or(Wish::Interrupt, |w| *w))
    }

    pub(super) fn interrupted(&self) -> Outcome {
        // What a person said as they asked for the pause stays with it.
        let kept = self.store.run(&self.run).ok().flatten();
        let said = kept.filter(|run| run.more.wanted == Wanted::Pause).and_then(|run| run.reason);
        match self.record(RunEvent::Drained, said.as_deref().or(Some(INTERRUPTED))) {
            Ok(()) => Outcome::Interrupted(self.summary()),
            Err(error) => Outcome::Failed(error, self.summary()),
        }
    }

    pub(super) async fn stopped(&self) -> Outcome {
        let plan = self.kept_plan().ok().flatten();
        let tasks = plan.map(|p| self.tasks_of(p, &self.run, self.epoch)).unwrap_or_default();
        let removed = async {
            self.sink.discard(&tasks).await?;
            self.unfollow(&self.run, self.epoch, tasks).await
        };
        if let Err(error) = removed.await {
            let message = format!("left behind at the target: {}", error.chain());
            self.announce(Event::Note { message });
        }
        let state = self.store.run(&self.run).ok().flatten().map(|r| r.state);
        if state.is_some_and(|s| !s.is_final())
            && let Err(error) = self.record(RunEvent::Drained, None)
        {
            return Outcome::Failed(error, self.summary());
        }
        Outcome::Stopped(self.summary())
    }

    /// The log is followed as far as the job wants; the same command goes on from there.
    pub(super) fn rested(&self) -> Outcome {
        let at_rest = || {
            self.store.transition(&self.run, self.epoch, RunEvent::Pause, None)?;
            self.record(RunEvent::Drained, Some("followed as far as was asked for"))
        };
        match at_rest() {
            Ok(()) => {
                let summary = self.summary();
                self.announce(Event::Finished(summary.clone()));
                Outcome::Rested(summary)
            }
            Err(error) => self.failed(error),
        }
    }

    pub(super) fn finished(&self) -> Outcome {
        let summary = self.summary();
        match self.record(RunEvent::Finish, None) {
            Ok(()) => {
                self.announce(Event::Finished(summary.clone()));
                Outcome::Finished(summary)
            }
            Err(error) => self.failed(error),
        }
    }

    pub(super) fn failed(&self, error: Error) -> Outcome {
        // Whatever the server advises, it does not know of the run.
        let error = match error.code() {
            Code::TableChanged => error.hint("start over with --fresh once the table is at rest"),
            _ => error,
        };
        // The error that ended the run is the one to show, should recording it fail too.
        let recorded = self.store.save_totals(&self.run, self.epoch, &self.progress.totals());
        match recorded.and_then(|()| self.store.fail(&self.run, self.epoch, &error)) {
            Ok(state) => self.announce(Event::State { run: self.run.clone(), state }),
            Err(second) => {
                tracing::warn!(error = second.chain(), "the failure could not be recorded");
            }
        }
        self.announce(Event::Failed {
            code: error.code().to_string(),
            message: error.chain(),
            hint: error.hint_text().map(str::to_owned),
        });
        Outcome::Failed(error, self.summary())
    }

    fn record(&self, event: RunEvent, reason: Option<&str>) -> Result<()> {
        self.store.save_totals(&self.run, self.epoch, &self.progress.totals())?;
        let state = self.store.transition(&self.run, self.epoch, event, reason)?;
        self.announce(Event::State { run: self.run.clone(), state });
        Ok(())
    }

    pub(super) fn announce(&self, event: Event) {
        // Nobody listening is fine.
        let _ = self.events.send(event);
    }

    pub(super) fn summary(&self) -> Summary {
        let mut summary = self.progress.summary();
        match self.store.changes(&self.run) {
            Ok(changes) => {
                for change in changes {
                    let place = self.progress.place(change.table);
                    if let Some(table) = place.and_then(|at| summary.tables.get_mut(at)) {
                        table.changed.push(change);
                    }
                }
            }
            Err(error) => {
                tracing::warn!(error = error.chain(), "changed values cannot be counted");
            }
        }
        summary
    }
}
