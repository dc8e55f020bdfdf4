//! Runs as they were last recorded, so that watching them asks the state nothing. Those that have
//! ended stay for a while: they are looked at most just then.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use syncline_store::RunRecord;
use syncline_types::RunState;

/// How long a run that has ended is remembered.
const REMEMBERED: Duration = Duration::from_secs(600);
/// How long any run is: after that the state is asked again.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Runs as they were last recorded.
#[derive(Default)]
pub(super) struct Cache(Mutex<HashMap<String, (Instant, RunRecord)>>);

impl Cache {
    fn runs(&self) -> MutexGuard<'_, HashMap<String, (Instant, RunRecord)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what is recorded now.
    pub(super) fn put(&self, runs: Vec<RunRecord>) {
        let now = Instant::now();
        let mut known = self.runs();
        for run in runs {
            known.insert(run.id.clone(), (now, run));
        }
    }

    /// The run of that id.
    pub(super) fn get(&self, id: &str) -> Option<RunRecord> {
        self.runs().get(id).map(|(_, run)| run.clone())
    }

    /// Where a run stands.
    pub(super) fn state_of(&self, id: &str) -> Option<RunState> {
        self.runs().get(id).map(|(_, run)| run.state)
    }

    /// Runs that have not ended, newest first, as far as `fits` says.
    pub(super) fn active(&self, limit: usize, fits: impl Fn(&RunRecord) -> bool) -> Vec<RunRecord> {
        let known = self.runs();
        let ends = |run: &RunRecord| run.state.is_final() || run.state == RunState::Failed;
        let mut runs: Vec<&RunRecord> =
            known.values().map(|(_, run)| run).filter(|run| !ends(run) && fits(run)).collect();
        runs.sort_by(|a, b| b.id.cmp(&a.id));
        runs.into_iter().take(limit).cloned().collect()
    }

    /// What a run waits for, which is no event.
    pub(super) fn waits(&self, id: &str, why: &str) {
        if let Some((_, run)) =
            self.runs().get_mut(id).filter(|(_, r)| r.state == RunState::Waiting)
        {
            run.more.waits_for = Some(why.to_owned());
        }
    }

    /// The runs of a job are in another project from now on.
    pub(super) fn moved(&self, job: &str, project: &str) {
        let of_job = |run: &&mut RunRecord| run.more.job_name.as_deref() == Some(job);
        for run in self.runs().values_mut().map(|(_, run)| run).filter(of_job) {
            project.clone_into(&mut run.more.project);
        }
    }

    /// Forgets a run that is no more.
    pub(super) fn forget(&self, id: &str) {
        self.runs().remove(id);
    }

    /// Forgets what nobody is likely to look at any more.
    pub(super) fn forget_old(&self) {
        self.runs().retain(|_, (since, run)| {
            let limit = match run.state {
                state if state.is_final() || state == RunState::Failed => REMEMBERED,
                _ => LONGEST,
            };
            since.elapsed() < limit
        });
    }
}
