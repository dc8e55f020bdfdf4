//! The engine: where runs are begun, checked and taken up again.

mod copying;
mod driver;
mod ending;
mod following;
mod joining;
mod recorded;
mod ties;

use std::sync::Arc;
use std::time::Instant;

use syncline_connector::{Mode, Registry, Sink, Source};
use syncline_store::{NewRun, RunLock, RunRecord, Store};
use syncline_types::{Code, Error, Result};
use tokio::sync::{broadcast, watch};

use self::driver::Driver;
use crate::control::{Meter, RunHandle, Wish};
use crate::job::{Job, fingerprint};
use crate::plan::{self, Processors};
use crate::progress::RunProgress;
use crate::report::{self, CheckReport};

/// Events kept for a listener that is slow.
const EVENTS: usize = 4_096;

/// Starts and checks runs, with one registry of connectors and one state folder.
pub struct Engine {
    registry: Arc<Registry>,
    store: Arc<Store>,
}

impl Engine {
    /// An engine on these.
    pub fn new(registry: Arc<Registry>, store: Arc<Store>) -> Self {
        Self { registry, store }
    }

    /// The state folder.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The plan of a job and the mapping of every column. Connects, and touches nothing.
    ///
    /// # Errors
    /// Whatever would keep the job from beginning.
    pub async fn check(registry: &Registry, job: &Job) -> Result<CheckReport> {
        check(registry, job).await
    }

    /// Starts a job, or goes on with its unfinished run unless `fresh`.
    ///
    /// # Errors
    /// When the job makes no sense, or the state cannot be used. Stores are connected to later.
    pub fn start(&self, job: Job, fresh: bool) -> Result<RunHandle> {
        let processors = Processors::parse(&job)?;
        let source = source_of(&self.registry, &job)?;
        let sink = sink_of(&self.registry, &job)?;
        let print = fingerprint(&job);
        let lock = self.store.lock(&print)?;
        let unfinished = self.store.unfinished(&print)?;
        let (run, abandoned) = match unfinished {
            Some(run) if !fresh => (run, None),
            abandoned => {
                let new = NewRun {
                    id: uuid::Uuid::now_v7().to_string(),
                    job: print,
                    name: job.name.clone(),
                    command: job.command.clone(),
                    spec: spec_of(&job)?,
                    source: job.source.redacted(),
                    sink: job.sink.redacted(),
                    mode: job.mode.to_string(),
                    origin: None,
                };
                (self.store.create_run(&new)?, abandoned)
            }
        };
        let run = self.store.take_up(&run.id)?;
        if run.state.is_final() {
            return Err(Error::new(
                Code::BadTransition,
                format!("run {} is {}", run.id, run.state),
            ));
        }
        if job.mode.follows() && run.plan.is_some() {
            // The same job may select other tables by now.
            self.store.save_spec(&run.id, run.epoch, &spec_of(&job)?)?;
        }
        Ok(self.launch(run, Ready { job, processors, source, sink, abandoned, lock }))
    }

    /// Sets a run going that has been taken up.
    fn launch(&self, run: RunRecord, ready: Ready) -> RunHandle {
        let (events, first) = broadcast::channel(EVENTS);
        let (wish, wishes) = watch::channel(Wish::Run);
        let progress = Arc::new(RunProgress::new(&run.id, run.totals.cpu_ms));
        let driver = Driver {
            resumed: run.plan.is_some(),
            kept_plan: run.plan,
            run: run.id.clone(),
            epoch: run.epoch,
            store: Arc::clone(&self.store),
            job: Arc::new(ready.job),
            processors: Arc::new(ready.processors),
            source: ready.source,
            sink: ready.sink,
            abandoned: ready.abandoned.map(|a| (a.id, a.plan)),
            wishes,
            events: events.clone(),
            progress: Arc::clone(&progress),
            started: Instant::now(),
            _lock: ready.lock,
        };
        let task = tokio::spawn(progress.metrics.cpu.task(driver.drive()));
        RunHandle {
            id: run.id,
            epoch: run.epoch,
            store: Arc::clone(&self.store),
            wish,
            events,
            first,
            meter: Meter(progress),
            task,
        }
    }
}

/// What a run needs besides its record.
struct Ready {
    job: Job,
    processors: Processors,
    source: Arc<dyn Source>,
    sink: Arc<dyn Sink>,
    /// An unfinished run that is given up for it.
    abandoned: Option<RunRecord>,
    lock: RunLock,
}

fn spec_of(job: &Job) -> Result<String> {
    serde_json::to_string(job).map_err(|e| Error::bug("a job cannot be written").because(e))
}

pub(crate) fn source_of(registry: &Registry, job: &Job) -> Result<Arc<dyn Source>> {
    let connector = registry.get(&job.source.scheme)?;
    let spec = connector.spec();
    if !spec.roles.source.is_empty() && !spec.roles.source.contains(&job.mode) {
        return Err(Error::new(
            Code::Unsupported,
            format!("{} cannot be read in mode {}", spec.title, job.mode),
        ));
    }
    connector.source(&job.source).map(Arc::from)
}

pub(crate) fn sink_of(registry: &Registry, job: &Job) -> Result<Arc<dyn Sink>> {
    registry.get(&job.sink.scheme)?.sink(&job.sink).map(Arc::from)
}

async fn check(registry: &Registry, job: &Job) -> Result<CheckReport> {
    let processors = Processors::parse(job)?;
    let source = source_of(registry, job)?;
    let sink = sink_of(registry, job)?;
    let mut notes = source.check().await?;
    notes.extend(sink.check().await?);
    let plan::Made { tables: mut bound, notes: left_out } =
        plan::make(job, &processors, source.as_ref(), sink.as_ref()).await?;
    notes.extend(left_out);
    let workers = job.speed.workers().min(sink.max_parallel());
    let following = report::following(job, source.as_ref(), sink.as_ref(), &bound).await?;
    let snapshot = if job.mode == Mode::Changes {
        "no rows but those that change".to_owned()
    } else {
        let consistency = source.begin(workers).await?;
        for table in &mut bound {
            let cut = job.speed.cut(workers, sink.as_ref());
            table.plan.splits = source.plan(&table.read, &cut).await?;
        }
        report::snapshot(&consistency)
    };
    source.end().await?;
    let tables = bound
        .iter()
        .map(|t| report::table(job, t, sink.guarantee(&t.write_task("", 0)).describe().to_owned()))
        .collect();
    Ok(CheckReport {
        source: job.source.redacted(),
        sink: job.sink.redacted(),
        notes,
        snapshot,
        parallel: workers,
        following,
        tables,
    })
}
