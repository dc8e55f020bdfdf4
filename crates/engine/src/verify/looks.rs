//! A comparison beside a run that follows changes: what differs is looked at again, once the run has
//! brought to the target all that was in the source's log, until it settles or stands.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use syncline_store::{RunFilter, RunRecord};
use syncline_types::{Result, RunState};

use super::settle::{LOOKS, settle};
use super::{Compared, Verifying};
use crate::run::source_of;

/// How often it is looked how far a run is.
const POLL: Duration = Duration::from_millis(200);
/// Runs that are looked through for the one that brings the rows.
const RUNS: u32 = 1_000;

impl Verifying<'_> {
    /// Compares all tables; where rows are on their way, those that differ again and again.
    pub(super) async fn look(&self, mend: bool) -> Result<Vec<Compared>> {
        let Some(wait) = self.options.settle else {
            let mut tables = self.compare(mend, None).await?;
            tables.iter_mut().for_each(|table| self.show(table));
            return Ok(tables);
        };
        // Whatever this look finds is looked at again before anything is mended.
        let mut tables = self.compare(false, None).await?;
        let differs = |table: &&Compared| table.verdict.counts.wrong() > 0;
        let mut open: BTreeSet<String> = tables.iter().filter(differs).map(name).collect();
        for _ in 1..LOOKS {
            if open.is_empty() {
                break;
            }
            let again = humantime::format_duration(wait);
            self.note(format!("some rows differ; looked at again in {again}"));
            let arrived = self.rows_arrive(wait).await?;
            let looked = self.compare(mend, Some(&open)).await?;
            open.clear();
            for mut table in looked {
                let earlier = tables.iter_mut().find(|t| name(t) == name(&table));
                let Some(earlier) = earlier else { continue };
                self.judge(&earlier.differences, &mut table, arrived)?;
                if table.verdict.counts.moving > 0 {
                    open.insert(name(&table));
                }
                *earlier = table;
            }
            if !arrived {
                break;
            }
        }
        tables.iter_mut().for_each(|table| self.show(table));
        Ok(tables)
    }

    /// What of a table stands, now that it was looked at twice; only that is mended: what moves
    /// would be written over by what was read a moment ago.
    fn judge(
        &self,
        earlier: &[super::Difference],
        table: &mut Compared,
        arrived: bool,
    ) -> Result<()> {
        table.stands = settle(earlier, &mut table.verdict.counts, &table.differences);
        let Some(changes) = table.changes.take() else { return Ok(()) };
        let target = &table.verdict.target;
        match &table.stands {
            _ if !arrived => self.note(format!(
                "{target}: not mended while the run is behind: what differs may be on its way"
            )),
            None => self.note(format!(
                "{target}: not mended, because more rows differ than can be told from those on \
                 their way; bring the run to rest and compare the two stores by their URLs, or \
                 copy the table anew"
            )),
            // One of its rows that has arrived looks like another that has not.
            Some(_) if table.verdict.key.is_empty() && table.verdict.counts.moving > 0 => {
                self.note(format!(
                    "{target}: not mended while {} of its rows are on their way: it has no key",
                    table.verdict.counts.moving
                ));
            }
            Some(stands) => {
                let changes = changes.of(&table.differences, stands)?;
                table.changes = Some(changes).filter(|changes| changes.rows() > 0);
            }
        }
        Ok(())
    }

    /// Waits, and for a run that is at work until it has brought to the target all that the
    /// source's log has by now; `false` when it does not come on.
    async fn rows_arrive(&self, wait: Duration) -> Result<bool> {
        let runs = self.runs_at_work()?;
        let source = source_of(self.registry, self.job)?;
        let Some(log) = source.change_log().filter(|_| !runs.is_empty()) else {
            tokio::time::sleep(wait).await;
            return Ok(true);
        };
        let goal = self.patiently(|| log.end_of_log()).await?;
        if let Err(error) = source.end().await {
            tracing::debug!(error = error.chain(), "closing a store");
        }
        tokio::time::sleep(wait).await;
        let patience = (wait * 10).max(self.job.checkpoint_every * 6);
        let Some(store) = &self.options.store else { return Ok(true) };
        for run in runs {
            let (mut at, mut since) = (None, Instant::now());
            loop {
                let now = store.log_position(&run.id)?;
                if let Some(now) = &now
                    && log.reached(now, &goal)?
                {
                    break;
                }
                if now != at {
                    (at, since) = (now, Instant::now());
                }
                let at_work = store.run(&run.id)?.is_some_and(|run| is_at_work(run.state));
                if !at_work || since.elapsed() > patience {
                    let place = at.map_or_else(|| "its snapshot".to_owned(), |at| log.shown(&at));
                    self.note(format!(
                        "run {} is behind, and does not come on: it is at {place}, and the log of \
                         the source ends at {}",
                        run.id,
                        log.shown(&goal)
                    ));
                    return Ok(false);
                }
                tokio::time::sleep(POLL).await;
            }
        }
        Ok(true)
    }

    /// The runs that bring rows of this source to this target by now.
    fn runs_at_work(&self) -> Result<Vec<RunRecord>> {
        let Some(store) = &self.options.store else { return Ok(Vec::new()) };
        let states = vec![RunState::Running, RunState::Waiting];
        let (source, sink) = (self.job.source.redacted(), self.job.sink.redacted());
        let follows = |run: &RunRecord| {
            let mode = run.more.mode.as_deref();
            mode.is_some_and(|mode| mode.ends_with("changes"))
                && run.source == source
                && run.sink == sink
        };
        let runs = store.list_runs(&RunFilter { states, ..RunFilter::default() }, RUNS)?;
        Ok(runs.into_iter().filter(follows).collect())
    }
}

/// States in which a run may come on.
fn is_at_work(state: RunState) -> bool {
    matches!(state, RunState::Running | RunState::Waiting | RunState::Pausing)
}

fn name(table: &Compared) -> String {
    table.verdict.target.clone()
}
