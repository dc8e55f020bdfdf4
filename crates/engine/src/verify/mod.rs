//! Source and target compared under a job's mapping, and the target mended.
//!
//! Both sides are read as sources. Rows of the source go the way they go in a copy, up to the
//! target's types; rows of the target are read in its own; both are then brought into the form in
//! which the target holds them (`normal`), and compared table by table (`compare`): by the servers'
//! checksums, in the order of the key (`merge`), or by sorted hashes (`hashed`, `spill`,
//! `multiset`). The source is never written to.

mod compare;
mod findings;
mod hashed;
mod json;
mod layout;
mod looks;
mod merge;
mod multiset;
mod normal;
mod pair;
mod progress;
mod repair;
mod report;
mod settle;
mod spill;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use syncline_connector::{Consistency, Endpoint, Registry, Sink, Source, WriteMode};
use syncline_types::{Code, Error, ErrorKind, Result, TableInfo, TableName, TableSchema};
use tokio::task::JoinSet;

use crate::job::Job;
use crate::plan::{self, BoundTable, Processors};
use crate::retry::{Decision, Retry};
use crate::run::{sink_of, source_of};

pub use compare::Method;
pub use findings::{ColumnValue, ColumnValues, Counts, Difference, Wrong};
pub use progress::VerifyProgress;
pub use repair::Repaired;
pub use report::{TableVerdict, Verified, VerifyEvent, VerifyOptions};

use compare::How;
use findings::{Changes, Findings};
use pair::{Pair, Side};
use progress::Meter;
use settle::KEPT;

/// Compares what a job copies with what is at its target, and mends the target when asked to.
///
/// # Errors
/// Whatever keeps the two from being compared. That they differ is no error.
pub async fn verify(
    registry: &Registry,
    job: &Job,
    options: &VerifyOptions,
    tell: &(dyn Fn(VerifyEvent) + Send + Sync),
) -> Result<Verified> {
    let began = Instant::now();
    // What happens to rows at the target is none of the comparison's business.
    // A file has the types that it is written with, not those that it looks like.
    let anew = sink_of(registry, job)?.replace_redefines();
    let write = Some(if anew { WriteMode::Replace } else { WriteMode::Append });
    let job = Job { write, create: true, allow_lossy: true, ..job.clone() };
    let verifying = Verifying { registry, job: &job, options, tell, passes: AtomicU32::new(0) };
    let mut verified = Verified { sample: options.sample, ..Verified::default() };
    let mut tables = verifying.look(options.repair).await?;
    if options.repair && tables.iter().any(|t| t.changes.is_some()) {
        verified.repaired = verifying.repair(&mut tables).await?;
        tell(VerifyEvent::Note { message: "comparing again".into() });
        tables = verifying.look(false).await?;
    }
    verified.tables = tables.into_iter().map(|t| t.verdict).collect();
    verified.equal = verified.tables.iter().all(TableVerdict::is_equal);
    verified.seconds = began.elapsed().as_secs_f64();
    tell(VerifyEvent::Verified(verified.clone()));
    Ok(verified)
}

/// How often a comparison tells how far it is.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// A table that has been compared.
struct Compared {
    verdict: TableVerdict,
    pair: Option<Arc<Pair>>,
    differences: Vec<Difference>,
    /// Which of them stand, where others may be on their way; all, where this is not said.
    stands: Option<Vec<bool>>,
    changes: Option<Changes>,
}

struct Verifying<'a> {
    registry: &'a Registry,
    job: &'a Job,
    options: &'a VerifyOptions,
    tell: &'a (dyn Fn(VerifyEvent) + Send + Sync),
    /// How often the tables have been looked at.
    passes: AtomicU32,
}

impl Verifying<'_> {
    /// Tells what differs in a table, and stands.
    fn show(&self, table: &mut Compared) {
        let stands = table.stands.take();
        let mut stands = stands.into_iter().flatten().chain(std::iter::repeat(true));
        table.differences.retain(|_| stands.next().unwrap_or(true));
        table.differences.truncate(self.options.show);
        for difference in &table.differences {
            (self.tell)(VerifyEvent::Difference(difference.clone()));
        }
    }

    /// Compares all tables, or those of these targets, each store in a snapshot of its own.
    async fn compare(&self, mend: bool, only: Option<&BTreeSet<String>>) -> Result<Vec<Compared>> {
        let job = self.job;
        let source = source_of(self.registry, job)?;
        let sink = sink_of(self.registry, job)?;
        let mut bound = self.patiently(|| self.plan(source.as_ref(), sink.as_ref())).await?;
        sink.end().await?;
        bound.retain(|t| only.is_none_or(|only| only.contains(&t.plan.target.name.to_string())));
        let mut stores = Stores { opened: Vec::new(), readers: job.speed.workers() };
        // Said once, not again with the next look.
        if self.passes.load(Relaxed) == 0 {
            for table in &bound {
                for note in &table.plan.notes {
                    self.note(format!("{}: {note}", table.plan.source.name));
                }
            }
        }
        let opened = self.open(bound, &source, &mut stores).await;
        let compared = match opened {
            Ok(tables) => self.all(tables, mend).await,
            Err(error) => Err(error),
        };
        for side in std::iter::once(&source).chain(stores.opened.iter().map(|(_, s)| &s.source)) {
            if let Err(error) = side.end().await {
                tracing::debug!(error = error.chain(), "closing a store");
            }
        }
        compared
    }

    async fn plan(&self, source: &dyn Source, sink: &dyn Sink) -> Result<Vec<BoundTable>> {
        let made = plan::make(self.job, &Processors::parse(self.job)?, source, sink).await?;
        let mut tables = made.tables;
        if sink.replace_redefines() {
            for table in &mut tables {
                let there = sink.describe(&table.plan.target.name).await?;
                table.plan.exists = there.is_some();
                // It has no key by which a row would take another's place.
                table.plan.target.primary_key.clear();
                table.plan.target.indexes.clear();
                table.key.clear();
            }
        }
        Ok(tables)
    }

    /// Opens both sides of every table. Tables without a target come back as they are.
    async fn open(
        &self,
        bound: Vec<BoundTable>,
        source: &Arc<dyn Source>,
        stores: &mut Stores,
    ) -> Result<Vec<Result<Arc<Pair>, BoundTable>>> {
        let left = Arc::new(Side::new(Arc::clone(source), stores.readers));
        let mut found = Vec::with_capacity(bound.len());
        for table in bound {
            if !table.plan.exists {
                let connector = self.registry.get(&self.job.sink.scheme)?;
                connector.read_back(&self.job.sink, &table.plan.target)?;
                found.push((table, None));
                continue;
            }
            let (side, info) = self.target(&table.plan.target, stores).await?;
            found.push((table, Some((side, info))));
        }
        if let Consistency::PerSplit(why) = source.begin(stores.readers).await? {
            self.note(format!("the source is not read in one moment: {why}"));
        }
        for (endpoint, side) in &stores.opened {
            if let Consistency::PerSplit(why) = side.source.begin(stores.readers).await? {
                let place = endpoint.redacted();
                self.note(format!("{place} is not read in one moment: {why}"));
            }
        }
        let store = self.registry.get(&self.job.sink.scheme)?.spec().id;
        let sample = self.options.sample;
        let mut tables = Vec::with_capacity(found.len());
        for (table, target) in found {
            let Some((side, info)) = target else {
                tables.push(Err(table));
                continue;
            };
            let left = Arc::clone(&left);
            tables.push(Ok(Arc::new(Pair::bind(table, &info, store, left, side, sample)?)));
        }
        Ok(tables)
    }

    /// The target as a source, and the table there.
    async fn target(
        &self,
        table: &TableSchema,
        stores: &mut Stores,
    ) -> Result<(Arc<Side>, TableInfo)> {
        let name = &table.name;
        let connector = self.registry.get(&self.job.sink.scheme)?;
        let endpoint = connector.read_back(&self.job.sink, table)?;
        let known = stores.opened.iter().find(|(known, _)| *known == endpoint);
        let side = match known {
            Some((_, side)) => Arc::clone(side),
            None => {
                let source: Arc<dyn Source> = connector
                    .source(&endpoint)
                    .map_err(|e| e.hint("verify reads the target: it has to be a source too"))?
                    .into();
                let side = Arc::new(Side::new(source, stores.readers));
                stores.opened.push((endpoint.clone(), Arc::clone(&side)));
                side
            }
        };
        let place = endpoint.redacted();
        let pattern = pair::only(name)?;
        let mut found = self.patiently(|| side.source.discover(&pattern)).await;
        if name.schema.is_some() && endpoint.hosts.is_empty() {
            let bare = TableName::bare(&name.name);
            if found.as_ref().map_or(true, Vec::is_empty) {
                found = side.source.discover(&pair::only(&bare)?).await;
            }
        }
        let info = found?.into_iter().next().ok_or_else(|| {
            Error::new(Code::TableNotFound, format!("{place}: {name} cannot be read back"))
        })?;
        Ok((side, info))
    }

    /// Compares tables, as many at a time as there are readers.
    async fn all(
        &self,
        tables: Vec<Result<Arc<Pair>, BoundTable>>,
        mend: bool,
    ) -> Result<Vec<Compared>> {
        (self.tell)(VerifyEvent::Comparing {
            tables: tables.iter().map(|t| title(plan_of(t))).collect(),
            rows_estimated: tables.iter().map(|t| plan_of(t).rows).sum(),
        });
        let how = How {
            show: match self.options.settle {
                Some(_) => self.options.show.max(KEPT),
                None => self.options.show,
            },
            keep_extra: self.options.keep_extra,
            mend,
            folder: self.options.folder.clone(),
        };
        let mut meter = Meter::new(self.passes.fetch_add(1, Relaxed) + 1, &tables);
        let mut compared: Vec<Option<Compared>> = Vec::with_capacity(tables.len());
        let mut work = JoinSet::new();
        let at_once = Arc::new(tokio::sync::Semaphore::new(self.job.speed.workers()));
        for (index, table) in tables.into_iter().enumerate() {
            let pair = match table {
                Ok(pair) => pair,
                Err(table) => {
                    compared.push(Some(missing(&table)));
                    continue;
                }
            };
            compared.push(None);
            let (how, at_once) = (how.clone(), Arc::clone(&at_once));
            work.spawn(async move {
                let _turn = at_once.acquire_owned().await;
                let found = compare::table(&pair, &how).await;
                (index, pair, found)
            });
        }
        let mut retries: Vec<Option<Retry>> = (0..compared.len()).map(|_| None).collect();
        let mut ticker = tokio::time::interval(PROGRESS_EVERY);
        ticker.tick().await;
        loop {
            let done = tokio::select! {
                done = work.join_next() => done,
                _ = ticker.tick() => {
                    meter.under_way().into_iter().for_each(self.tell);
                    continue;
                }
            };
            let Some(done) = done else { break };
            let (index, pair, found) =
                done.map_err(|e| Error::bug("a comparison panicked").because(e))?;
            match found {
                Ok((findings, method)) => {
                    compared[index] = Some(finding(pair, findings, method));
                    meter.done(index);
                    meter.event(index).into_iter().for_each(self.tell);
                }
                Err(error) if error.kind() == ErrorKind::Transient => {
                    // The table is compared anew, from its beginning.
                    let retry = retries[index].get_or_insert_with(|| Retry::new(self.job.patience));
                    let wait = self.wait(retry, error)?;
                    let how = how.clone();
                    pair.restarted();
                    work.spawn(async move {
                        tokio::time::sleep(wait).await;
                        let found = compare::table(&pair, &how).await;
                        (index, pair, found)
                    });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(compared.into_iter().flatten().collect())
    }

    /// Mends tables one after the other, in the order of the plan.
    async fn repair(&self, tables: &mut [Compared]) -> Result<Vec<Repaired>> {
        let sink = sink_of(self.registry, self.job)?;
        let run = format!("{}-repair", uuid::Uuid::now_v7());
        let mut all = Vec::new();
        for table in tables {
            let (Some(pair), Some(changes)) = (&table.pair, table.changes.take()) else { continue };
            let spare = self.copies_some() && !self.options.delete_extra;
            let done = repair::table(sink.as_ref(), &run, pair, changes, spare).await;
            let repaired = match done {
                Ok(repaired) => repaired,
                Err(error) => {
                    sink.end().await?;
                    return Err(error.at(&table.verdict.target));
                }
            };
            (self.tell)(VerifyEvent::Repaired(repaired.clone()));
            all.push(repaired);
        }
        sink.end().await?;
        Ok(all)
    }

    /// Whether the job leaves rows of the source out, so that the target may have others.
    fn copies_some(&self) -> bool {
        let job = self.job;
        job.filter.is_some()
            || job.query.is_some()
            || !job.source_processors.is_empty()
            || !job.sink_processors.is_empty()
    }

    /// Tries again what fails for a reason that may go away.
    async fn patiently<T, F>(&self, attempt: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut retry = Retry::new(self.job.patience);
        loop {
            match attempt().await {
                Err(error) if error.kind() == ErrorKind::Transient => {
                    tokio::time::sleep(self.wait(&mut retry, error)?).await;
                }
                ended => return ended,
            }
        }
    }

    fn wait(&self, retry: &mut Retry, error: Error) -> Result<Duration> {
        let Decision::Wait(wait) = retry.failed(0.5) else { return Err(error) };
        (self.tell)(VerifyEvent::Waiting { reason: error.chain(), retry_in: wait.as_secs_f64() });
        Ok(wait)
    }

    fn note(&self, message: String) {
        (self.tell)(VerifyEvent::Note { message });
    }
}

/// Stores that were opened to read targets back.
struct Stores {
    opened: Vec<(Endpoint, Arc<Side>)>,
    readers: usize,
}

fn plan_of(table: &Result<Arc<Pair>, BoundTable>) -> &plan::TablePlan {
    match table {
        Ok(pair) => &pair.bound.plan,
        Err(bound) => &bound.plan,
    }
}

fn title(plan: &plan::TablePlan) -> String {
    format!("{} -> {}", plan.source.name, plan.target.name)
}

fn finding(pair: Arc<Pair>, findings: Findings, method: Method) -> Compared {
    let Findings { counts, shown, changes, .. } = findings;
    let verdict = TableVerdict {
        source: pair.bound.plan.source.name.to_string(),
        target: pair.bound.plan.target.name.to_string(),
        target_missing: false,
        key: pair.key(),
        method,
        counts,
    };
    let changes = changes.filter(|c| c.rows() > 0);
    Compared { verdict, pair: Some(pair), differences: shown, stands: None, changes }
}

fn missing(table: &BoundTable) -> Compared {
    let verdict = TableVerdict {
        source: table.plan.source.name.to_string(),
        target: table.plan.target.name.to_string(),
        target_missing: true,
        ..TableVerdict::default()
    };
    Compared { verdict, pair: None, differences: Vec::new(), stands: None, changes: None }
}
