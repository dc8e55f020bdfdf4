//! The control handle: pause keeps the exact place and frees connections, resume goes on from it,
//! stop is final, and a transient error is waited out.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod flaky;
#[path = "../wrapped/mod.rs"]
mod wrapped;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use syncline_connector::{Endpoint, Registry};
use syncline_engine::{Engine, ErrorLimit, Event, Job, Outcome, Speed};
use syncline_sqlite::SqliteConnector;
use syncline_store::Store;
use syncline_testkit::tables::numbered_sqlite;
use syncline_types::{Code, RunState};

use flaky::{Flaky, FlakySink, READING_FAILURES};
use wrapped::Wrapped;

const ROWS: i64 = 3_000;

struct Bench {
    folder: tempfile::TempDir,
    engine: Engine,
}

impl Bench {
    fn new(registry: Registry) -> Self {
        let folder = tempfile::tempdir().unwrap();
        numbered_sqlite(&folder.path().join("source.db"), ROWS, 2);
        let store = Arc::new(Store::open(&folder.path().join("state")).unwrap());
        Self { engine: Engine::new(Arc::new(registry), store), folder }
    }

    fn plain() -> Self {
        Self::new(Registry::new(vec![Box::new(SqliteConnector)]))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A job that takes about a second and a half.
    fn job(&self, source_scheme: &str) -> Job {
        let address = |scheme: &str, name: &str| {
            Endpoint::parse(&format!("{scheme}:{}", self.path(name).display())).unwrap()
        };
        Job {
            command: "test".into(),
            speed: Speed { rows_per_second: std::num::NonZeroU32::new(2_000), ..Speed::default() },
            checkpoint_every: Duration::from_millis(20),
            patience: Some(Duration::from_secs(20)),
            ..Job::new("test", address(source_scheme, "source.db"), address("sqlite", "target.db"))
        }
    }

    fn count(&self) -> i64 {
        count(&self.path("target.db"))
    }
}

fn count(path: &Path) -> i64 {
    let target = rusqlite::Connection::open(path).unwrap();
    target.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap_or(0)
}

/// Waits until the run has announced what `is` looks for.
async fn until(
    events: &mut tokio::sync::broadcast::Receiver<Event>,
    mut is: impl FnMut(&Event) -> bool,
) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            match events.recv().await {
                Ok(event) if is(&event) => return,
                Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(e) => panic!("the run ended first: {e}"),
            }
        }
    });
    waited.await.expect("the event comes");
}

fn is_state(wanted: RunState) -> impl FnMut(&Event) -> bool {
    move |event| matches!(event, Event::State { state, .. } if *state == wanted)
}

fn open_files(of: &Path) -> usize {
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target.starts_with(of) && !target.to_string_lossy().contains("/state/"))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_keeps_its_place_frees_its_connections_and_goes_on() {
    let bench = Bench::plain();
    let mut handle = bench.engine.start(bench.job("sqlite"), false).unwrap();
    let mut events = handle.events();
    until(&mut events, |e| matches!(e, Event::Checkpoint { rows, .. } if *rows > 0)).await;
    assert_eq!(handle.pause().unwrap(), RunState::Pausing);
    until(&mut events, is_state(RunState::Paused)).await;
    assert_eq!(handle.state().unwrap(), RunState::Paused);
    assert_eq!(open_files(bench.folder.path()), 0, "connections are still open");
    let there = bench.count();
    assert!(there > 0 && there < ROWS, "{there} rows at the pause");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(bench.count(), there, "a paused run moved");

    assert_eq!(handle.resume().unwrap(), RunState::Running);
    let Outcome::Finished(summary) = handle.wait().await else { panic!("not finished") };
    assert_eq!((summary.rows_written, bench.count()), (ROWS as u64, ROWS));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_never_resumes_and_leaves_no_positions() {
    let bench = Bench::plain();
    let mut handle = bench.engine.start(bench.job("sqlite"), false).unwrap();
    let mut events = handle.events();
    until(&mut events, |e| matches!(e, Event::Checkpoint { rows, .. } if *rows > 0)).await;
    let id = handle.id().to_owned();
    handle.stop().unwrap();
    assert_eq!(handle.resume().unwrap_err().code(), Code::BadTransition);
    assert!(matches!(handle.wait().await, Outcome::Stopped(_)));
    let store = bench.engine.store();
    assert_eq!(store.run(&id).unwrap().unwrap().state, RunState::Stopped);
    let target = rusqlite::Connection::open(bench.path("target.db")).unwrap();
    let left: i64 = target
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%syncline%'", [], |r| {
            r.get(0)
        })
        .unwrap();
    assert_eq!(left, 0);

    // The same job again is another run.
    let handle = bench.engine.start(bench.job("sqlite"), false).unwrap();
    assert_ne!(handle.id(), id);
    assert!(matches!(handle.wait().await, Outcome::Finished(_)));
    assert_eq!(bench.count(), ROWS);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_is_continued_by_the_same_job() {
    let bench = Bench::plain();
    let mut handle = bench.engine.start(bench.job("sqlite"), false).unwrap();
    let mut events = handle.events();
    until(&mut events, |e| matches!(e, Event::Checkpoint { rows, .. } if *rows > 0)).await;
    let id = handle.id().to_owned();
    handle.interrupt().unwrap();
    assert!(matches!(handle.wait().await, Outcome::Interrupted(_)));
    let before = bench.count() as u64;

    let handle = bench.engine.start(bench.job("sqlite"), false).unwrap();
    assert_eq!(handle.id(), id);
    let Outcome::Finished(summary) = handle.wait().await else { panic!("not finished") };
    assert_eq!(summary.rows_resumed, before);
    assert_eq!((summary.rows_written, bench.count()), (ROWS as u64, ROWS));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_cannot_work_on_one_job() {
    let bench = Bench::plain();
    let handle = bench.engine.start(bench.job("sqlite"), false).unwrap();
    assert_eq!(bench.engine.start(bench.job("sqlite"), false).err().unwrap().code(), Code::InUse);
    handle.stop().unwrap();
    handle.wait().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_connection_is_waited_out_without_loss_or_doubles() {
    let failures = Arc::new(AtomicUsize::new(READING_FAILURES + 1));
    let flaky = Flaky { failures: Arc::clone(&failures) };
    let bench = Bench::new(Registry::new(vec![Box::new(flaky), Box::new(SqliteConnector)]));
    let mut handle = bench.engine.start(bench.job("flaky"), false).unwrap();
    let mut events = handle.events();
    until(
        &mut events,
        |e| matches!(e, Event::Waiting { reason, .. } if reason.contains("the host is down")),
    )
    .await;
    assert_eq!(handle.state().unwrap(), RunState::Waiting);
    until(
        &mut events,
        |e| matches!(e, Event::Waiting { reason, .. } if reason.contains("the line broke")),
    )
    .await;
    let Outcome::Finished(summary) = handle.wait().await else { panic!("not finished") };
    assert_eq!(failures.load(SeqCst), 0, "not every failure happened");
    assert_eq!((summary.rows_read, summary.retries), (ROWS as u64, 4));
    assert_eq!(bench.count(), ROWS);
}

#[tokio::test(flavor = "multi_thread")]
async fn patience_ends_and_the_run_keeps_its_place() {
    let flaky = Flaky { failures: Arc::new(AtomicUsize::new(usize::MAX)) };
    let bench = Bench::new(Registry::new(vec![Box::new(flaky), Box::new(SqliteConnector)]));
    let job = Job { patience: Some(Duration::from_millis(300)), ..bench.job("flaky") };
    let handle = bench.engine.start(job, false).unwrap();
    let id = handle.id().to_owned();
    let Outcome::Failed(error, _) = handle.wait().await else { panic!("not failed") };
    assert_eq!(error.code(), Code::Unreachable);
    assert_eq!(bench.engine.store().run(&id).unwrap().unwrap().state, RunState::Failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_are_found_one_by_one_and_the_rest_arrives() {
    let bench = Bench::plain();
    let target = rusqlite::Connection::open(bench.path("target.db")).unwrap();
    target
        .execute_batch(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL CHECK (v NOT IN ('row 7', 'row 2000')))",
        )
        .unwrap();
    drop(target);
    let fast = Speed::default();
    let strict = Job { speed: fast, ..bench.job("sqlite") };
    let handle = bench.engine.start(strict, false).unwrap();
    let Outcome::Failed(error, _) = handle.wait().await else { panic!("not failed") };
    assert_eq!(error.code(), Code::CheckViolated);

    let errors = ErrorLimit { rows: Some(1), ratio: None };
    let handle =
        bench.engine.start(Job { speed: fast, errors, ..bench.job("sqlite") }, false).unwrap();
    let Outcome::Failed(error, _) = handle.wait().await else { panic!("not failed") };
    assert_eq!(error.code(), Code::TooManyErrors);

    let errors = ErrorLimit { rows: Some(2), ratio: None };
    let handle =
        bench.engine.start(Job { speed: fast, errors, ..bench.job("sqlite") }, false).unwrap();
    let id = handle.id().to_owned();
    let Outcome::Finished(summary) = handle.wait().await else { panic!("not finished") };
    assert_eq!((summary.dead_letters, bench.count()), (2, ROWS - 2));
    let letters = bench.engine.store().dead_letters(Some(&id)).unwrap();
    let keys: Vec<&str> = letters.iter().map(|l| l.key.as_str()).collect();
    assert_eq!(keys, [r#"{"id":"14"}"#, r#"{"id":"4000"}"#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_of_an_attempt_that_failed_count_once() {
    let flaky =
        FlakySink { writes: Arc::new(AtomicUsize::new(2)), flushes: Arc::new(AtomicUsize::new(1)) };
    let wrapped = Wrapped(flaky.clone());
    let bench = Bench::new(Registry::new(vec![Box::new(wrapped), Box::new(SqliteConnector)]));
    let target = rusqlite::Connection::open(bench.path("target.db")).unwrap();
    target
        .execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT CHECK (v <> 'row 7'))")
        .unwrap();
    drop(target);
    let target = format!("flaky-sink:{}", bench.path("target.db").display());
    let job = Job {
        sink: Endpoint::parse(&target).unwrap(),
        speed: Speed::default(),
        errors: ErrorLimit { rows: Some(1), ratio: None },
        // Nothing is kept before the failures come.
        checkpoint_every: Duration::from_secs(3_600),
        ..bench.job("sqlite")
    };
    let handle = bench.engine.start(job, false).unwrap();
    let id = handle.id().to_owned();
    let summary = match handle.wait().await {
        Outcome::Finished(summary) => summary,
        Outcome::Failed(error, _) => panic!("{}", error.chain()),
        _ => panic!("not finished"),
    };
    let left = (flaky.writes.load(SeqCst), flaky.flushes.load(SeqCst));
    assert_eq!((left, summary.retries), ((0, 0), 3), "not every failure happened");
    assert_eq!((summary.dead_letters, bench.count()), (1, ROWS - 1));
    assert_eq!(bench.engine.store().dead_letters(Some(&id)).unwrap().len(), 1);
}
