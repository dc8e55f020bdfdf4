//! Runs that are recorded first and begun later: what a server needs, whose runs wait for their
//! turn, outlive it, and are stopped when nobody works on them.

use syncline_connector::ApplyTask;
use syncline_store::{NewRun, Origin, RunRecord};
use syncline_types::{Code, Error, Result};

use super::{Engine, Ready, sink_of, source_of, spec_of};
use crate::control::RunHandle;
use crate::follow::{Part, log_of};
use crate::job::{Job, fingerprint};
use crate::plan::{self, Plan, Processors};

impl Engine {
    /// A run of a job, to be recorded by [`syncline_store::Store::enqueue`] and begun by
    /// [`Engine::begin`]. Nothing is connected to.
    ///
    /// # Errors
    /// When the job makes no sense.
    pub fn draft(&self, job: &Job, origin: Origin) -> Result<NewRun> {
        Processors::parse(job)?;
        source_of(&self.registry, job)?;
        sink_of(&self.registry, job)?;
        Ok(NewRun {
            id: uuid::Uuid::now_v7().to_string(),
            job: fingerprint(job),
            name: origin.job.clone(),
            command: job.command.clone(),
            spec: spec_of(job)?,
            source: job.source.redacted(),
            sink: job.sink.redacted(),
            mode: job.mode.to_string(),
            origin: Some(origin),
        })
    }

    /// Begins a recorded run, or goes on with it. `job` is the one it was recorded with, resolved
    /// anew: the secrets of its connections are nowhere else.
    ///
    /// # Errors
    /// [`Code::BadTransition`] when it has ended meanwhile; [`Code::CannotResume`] when `job` is
    /// another one; [`Code::InUse`] when another process works on the job.
    pub fn begin(&self, run: &RunRecord, job: Job) -> Result<RunHandle> {
        same_job(run, &job)?;
        let processors = Processors::parse(&job)?;
        let source = source_of(&self.registry, &job)?;
        let sink = sink_of(&self.registry, &job)?;
        let lock = match run.more.overlaps {
            true => self.store.lock(&run.id)?,
            false => self.store.lock(&run.job)?,
        };
        let given_up = match &run.more.gives_up {
            Some(id) => self.store.run(id)?.filter(|r| !r.state.is_final()),
            None => None,
        };
        let taken = self.store.take_up(&run.id)?;
        if taken.state.is_final() {
            let message = format!("run {} is {}", taken.id, taken.state);
            return Err(Error::new(Code::BadTransition, message));
        }
        let ready = Ready { job, processors, source, sink, abandoned: given_up, lock };
        Ok(self.launch(taken, ready))
    }

    /// Removes what a run that was stopped while nobody worked on it left at its stores, a slot or
    /// a table of positions.
    ///
    /// # Errors
    /// When a store cannot be reached, or refuses.
    pub async fn clean(&self, run: &RunRecord, job: Job) -> Result<()> {
        same_job(run, &job)?;
        let processors = Processors::parse(&job)?;
        let source = source_of(&self.registry, &job)?;
        let sink = sink_of(&self.registry, &job)?;
        let plan = run.plan.as_deref().map(Plan::from_json).transpose()?;
        let tables = plan.map(|p| p.tables).unwrap_or_default().into_iter();
        let bound = tables.filter_map(|t| plan::bind(&job, &processors, t).ok());
        let tasks: Vec<_> = bound.map(|t| t.write_task(&run.id, run.epoch)).collect();
        let removed = async {
            sink.discard(&tasks).await?;
            if job.mode.follows() {
                log_of(source.as_ref())?.unfollow(&run.id).await?;
                for key in Part::keys(&run.id) {
                    let task = ApplyTask { run: key, epoch: run.epoch, tables: tasks.clone() };
                    sink.unfollow(&task).await?;
                }
            }
            Ok(())
        };
        let removed = removed.await;
        for ended in [source.end().await, sink.end().await] {
            if let Err(error) = ended {
                tracing::debug!(error = error.chain(), "closing a store");
            }
        }
        removed
    }
}

fn same_job(run: &RunRecord, job: &Job) -> Result<()> {
    if fingerprint(job) == run.job {
        return Ok(());
    }
    let message = format!("run {} was begun with another source, target or mapping", run.id);
    Err(Error::new(Code::CannotResume, message)
        .hint("start the job anew; or bring its connections back to what they were"))
}
