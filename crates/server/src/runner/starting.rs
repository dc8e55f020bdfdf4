//! How runs come to be: recorded by whoever starts a job, set going when their turn comes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use syncline_engine::{Job, JobFile, fingerprint};
use syncline_store::{Ask, Asked, Mark, Origin, RunRecord, Trigger, Wanted, WhenActive};
use syncline_types::{Code, Error, Result, RunState};

use super::{CLEAN, Live, expected, no_job, watching};
use crate::resolving::{self, Place};
use crate::state::{AppState, ended_early};

/// How a job is to be started.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    /// What starts it.
    pub(crate) trigger: Trigger,
    /// Who or what that is, for people.
    pub(crate) by: String,
    /// An unfinished run is given up instead of being gone on with.
    pub(crate) fresh: bool,
    /// Another priority than the job's.
    pub(crate) priority: Option<i64>,
    /// What happens when the job has a run under way.
    pub(crate) when_active: WhenActive,
    /// Up to where the job's schedule is carried out by this.
    pub(crate) mark: Option<Mark>,
}

impl Start {
    /// By a person or a program.
    pub(crate) fn by(name: &str) -> Self {
        Self {
            trigger: Trigger::Api,
            by: format!("started by {name}"),
            fresh: false,
            priority: None,
            when_active: WhenActive::Refuse,
            mark: None,
        }
    }
}

/// What a start came to.
pub(crate) enum Started {
    /// A run of its own.
    New(RunRecord),
    /// The job's unfinished run goes on.
    Continued(RunRecord),
}

impl Started {
    /// The run.
    pub(crate) fn run(self) -> RunRecord {
        match self {
            Self::New(run) | Self::Continued(run) => run,
        }
    }
}

/// Starts a job: its unfinished run goes on where that is what is meant, another is recorded
/// otherwise.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::BadTransition`] when it has a run under way; whatever is wrong with
/// the job.
pub(crate) async fn start(state: &AppState, name: &str, start: Start) -> Result<Started> {
    let job_name = name.to_owned();
    let resolved = resolve(state, name, None).await?;
    let unfinished = state.blocking(move |store| store.resumable_run_of(&job_name)).await?;
    let job = resolved.job;
    if let Some(run) = unfinished.as_ref().filter(|run| goes_on(run, &job, &start)) {
        let (id, by, mark) = (run.id.clone(), start.by.clone(), start.mark.clone());
        let run = resume(state, &id, by, mark).await?;
        return Ok(Started::Continued(run));
    }
    let paused = |run: &RunRecord| {
        run.state == RunState::Paused && run.more.wanted == Wanted::Pause && !start.fresh
    };
    let origin = Origin {
        job: name.to_owned(),
        version: i64::try_from(resolved.version).unwrap_or(i64::MAX),
        trigger: start.trigger,
        reason: Some(start.by),
        priority: start.priority.unwrap_or(i64::from(resolved.priority)),
        overlaps: start.when_active == WhenActive::Allow,
        gives_up: unfinished.filter(|run| !paused(run)).map(|run| run.id),
        connections: resolved.connections,
        source_connection: resolved.source_connection,
        sink_connection: resolved.sink_connection,
        node: state.node.clone(),
    };
    let draft = state.engine.draft(&job, origin)?;
    let (when, mark) = (start.when_active, start.mark);
    let (run, expected) = state
        .blocking(move |store| {
            let run = store.enqueue(&draft, when, mark.as_ref())?;
            let expected = expected(store, &run)?;
            Ok((run, expected))
        })
        .await?;
    state.runner.put(run.clone(), expected);
    Ok(Started::New(run))
}

/// Whether an unfinished run is what is meant by starting its job again.
fn goes_on(run: &RunRecord, job: &Job, start: &Start) -> bool {
    if start.fresh || start.when_active == WhenActive::Allow || fingerprint(job) != run.job {
        return false;
    }
    match run.state {
        // It came to rest by itself; a person's pause is theirs to end.
        RunState::Paused => run.more.wanted == Wanted::Run,
        // What it has copied is of its own day; what follows a log has no other place to go on.
        RunState::Failed => start.trigger == Trigger::Api || job.mode.follows(),
        _ => false,
    }
}

/// Puts a run that rests back into the queue.
pub(super) async fn resume(
    state: &AppState,
    id: &str,
    by: String,
    mark: Option<Mark>,
) -> Result<RunRecord> {
    let id = id.to_owned();
    let (run, expected) = state
        .blocking(move |store| {
            let run = match store.ask(&id, Ask::Resume, Some(&by))? {
                Asked::Done(run) => *run,
                Asked::Moving(run) => {
                    let message = format!("run {} is {}", run.id, run.state);
                    return Err(Error::new(Code::BadTransition, message));
                }
            };
            if let Some(mark) = mark {
                store.set_mark(&mark)?;
            }
            let expected = expected(store, &run)?;
            Ok((run, expected))
        })
        .await?;
    state.runner.put(run.clone(), expected);
    Ok(run)
}

/// Sets a run going whose turn has come.
pub(super) async fn begin(state: AppState, run: RunRecord, expected: Option<Duration>) {
    let id = run.id.clone();
    let Err(error) = try_begin(&state, run.clone(), expected).await else { return };
    match error.code() {
        // Somebody has taken it out of the queue meanwhile.
        Code::BadTransition | Code::NotFound if gone(&state, &id).await => {
            state.runner.drop_queued(&id);
        }
        // A state without room gets some, sooner or later.
        Code::InUse | Code::Busy | Code::DiskFull => state.runner.hold(&id, error.chain()),
        _ => {
            let epoch = run.epoch;
            let failing = id.clone();
            let failed = state.blocking(move |store| store.fail(&failing, epoch, &error)).await;
            if let Err(error) = failed {
                tracing::error!(run = id, error = error.chain(), "a failure cannot be recorded");
                if matches!(error.code(), Code::Busy | Code::DiskFull) {
                    return state.runner.hold(&id, error.chain());
                }
            }
            state.runner.drop_queued(&id);
        }
    }
}

/// Whether a run is not in the queue any more, as the state has it.
async fn gone(state: &AppState, id: &str) -> bool {
    let id = id.to_owned();
    let run = state.blocking(move |store| store.run(&id)).await;
    run.is_ok_and(|run| run.is_none_or(|r| r.state != RunState::Waiting))
}

async fn try_begin(state: &AppState, run: RunRecord, expected: Option<Duration>) -> Result<()> {
    let job = job_of(state, &run).await?;
    let beginning = state.clone();
    let begun = tokio::task::spawn_blocking(move || {
        let handle = beginning.engine.begin(&run, job)?;
        // It is at work already: what cannot be read just now must not let go of it.
        let record = beginning.store.run(&run.id).ok().flatten().unwrap_or(run);
        Ok::<_, Error>((handle, record))
    });
    let (mut handle, record) = begun.await.map_err(|e| ended_early("a run's beginning", &e))??;
    let events = handle.events();
    let samples = state.runner.samples.of(&record.id);
    let live = Arc::new(Live::new(record, handle.control(), handle.meter(), expected, samples));
    let id = live.record.id.clone();
    state.runner.lives().insert(id.clone(), Arc::clone(&live));
    state.runner.queued().remove(&id);
    state.metrics.runs.started(live.job(), &id, handle.meter());
    tokio::spawn(watching::watch(state.clone(), live, handle, events));
    Ok(())
}

/// The job of a run, resolved anew: as it is now where that is the same job, as it was otherwise.
pub(crate) async fn job_of(state: &AppState, run: &RunRecord) -> Result<Job> {
    let name = run.more.job_name.clone().ok_or_else(|| {
        Error::new(Code::CannotResume, format!("run {} is the command line's", run.id))
            .hint("continue it there")
    })?;
    let now = resolve(state, &name, None).await;
    let then = run.more.job_version.and_then(|v| u64::try_from(v).ok());
    match (now, then) {
        (Ok(now), _) if fingerprint(&now.job) == run.job => Ok(now.job),
        (Ok(now), Some(then)) if now.version != then => {
            Ok(resolve(state, &name, Some(then)).await?.job)
        }
        (now, _) => now.map(|now| now.job),
    }
}

/// A version of a job with everything it refers to.
pub(crate) struct Resolved {
    /// Which version it is.
    pub(crate) version: u64,
    /// The job, with its secrets.
    pub(crate) job: Job,
    /// The stored connections it uses.
    pub(crate) connections: Vec<String>,
    /// The stored connection it reads.
    pub(crate) source_connection: Option<String>,
    /// The stored connection it writes to.
    pub(crate) sink_connection: Option<String>,
    /// Which goes first when several wait: the higher one.
    pub(crate) priority: i32,
}

/// A job as it is now, or as it was in a version, ready to run.
///
/// # Errors
/// [`Code::NotFound`]; whatever is wrong with the job.
pub(crate) async fn resolve(
    state: &AppState,
    name: &str,
    version: Option<u64>,
) -> Result<Resolved> {
    let (vault, name) = (Arc::clone(&state.vault), name.to_owned());
    let resolved = state.blocking(move |store| {
        let current = store.job(&name)?.ok_or_else(|| no_job(&name))?;
        let project = current.project;
        let (version, body) = match version.filter(|v| *v != current.version) {
            None => (current.version, current.body),
            Some(old) => {
                let found = store.job_version(&name, old)?.ok_or_else(|| no_job(&name))?;
                (old, found.body)
            }
        };
        let file = JobFile::parse(&body.spec, &format!("job {name:?}"))?;
        let used: BTreeMap<&str, String> = file
            .stored_connections()
            .map(|(side, connection)| (side, connection.to_owned()))
            .collect();
        let connections: BTreeSet<String> = used.values().cloned().collect();
        let (source, sink) = (used.get("source").cloned(), used.get("sink").cloned());
        Ok(Resolved {
            version,
            source_connection: source,
            sink_connection: sink,
            job: resolving::job_of(store, &vault, file, Place { name: &name, project: &project })?,
            connections: connections.into_iter().collect(),
            priority: body.priority,
        })
    });
    resolved.await
}

/// Removes what stopped runs left at their stores, now and then until it is done.
pub(super) async fn clean_up(state: AppState) {
    loop {
        let found = state.blocking(|store| store.left_behind()).await.unwrap_or_default();
        for run in found {
            let cleaned = async {
                let job = job_of(&state, &run).await?;
                state.engine.clean(&run, job).await
            };
            match cleaned.await {
                Err(error) if error.kind() == syncline_types::ErrorKind::Transient => {
                    tracing::warn!(run = run.id, error = error.chain(), "not cleaned up yet");
                    continue;
                }
                Err(error) => {
                    tracing::warn!(run = run.id, error = error.chain(), "left at its stores");
                }
                Ok(()) => {}
            }
            let id = run.id.clone();
            if let Err(error) = state.blocking(move |store| store.cleaned(&id)).await {
                tracing::warn!(run = run.id, error = error.chain(), "cleaned, not recorded");
            }
        }
        tokio::select! {
            () = state.runner.leaving.cancelled() => return,
            () = state.runner.cleaning.notified() => {}
            () = tokio::time::sleep(CLEAN) => {}
        }
    }
}
