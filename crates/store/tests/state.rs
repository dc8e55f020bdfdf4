//! The state: what is kept, what is refused, in SQLite and in PostgreSQL.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use syncline_store::{
    Ask, Beats, Checkpoint, Edit, Holder, JobBody, JobFilter, JobOutline, NewDeadLetter, NewRun,
    Origin, RunFilter, Store, WhenActive,
};
use syncline_testkit::{Database, Kind, Server};
use syncline_types::{Code, Position, RunEvent, RunState};

/// Where a state is: a folder, and a PostgreSQL database if it is there.
struct Place {
    folder: tempfile::TempDir,
    database: Option<Database>,
}

impl Place {
    /// One of each kind that there is.
    fn each() -> Vec<Self> {
        let place = |database| Self { folder: tempfile::tempdir().unwrap(), database };
        let server = Server::shared(Kind::Postgres);
        let databases = [None].into_iter().chain(server.map(|server| Some(server.database())));
        databases.map(place).collect()
    }

    fn open(&self) -> Store {
        match &self.database {
            None => Store::open(self.folder.path()).unwrap(),
            Some(database) => Store::connect(&database.url(), self.folder.path()).unwrap(),
        }
    }
}

fn new_run(id: &str) -> NewRun {
    NewRun {
        id: id.into(),
        job: "fingerprint".into(),
        name: "a copy".into(),
        command: "syncline copy a b".into(),
        spec: "{}".into(),
        source: "a".into(),
        sink: "b".into(),
        ..NewRun::default()
    }
}

fn at(split: u32, seq: u64, done: bool) -> Checkpoint {
    Checkpoint {
        table: 0,
        split,
        position: Position::new(seq, format!("t{seq}")),
        done,
        written: seq,
    }
}

fn letter(split: u32, seq: u64) -> NewDeadLetter {
    NewDeadLetter {
        table: 0,
        split,
        seq,
        source: "t".into(),
        target: "t".into(),
        stage: "write".into(),
        key: "{\"id\":1}".into(),
        code: "E0302".into(),
        reason: "duplicate".into(),
        row_json: "{\"id\":1}".into(),
        row_arrow: vec![1, 2, 3],
    }
}

#[test]
fn a_run_is_found_again_with_its_place() {
    for place in Place::each() {
        {
            let store = place.open();
            store.create_run(&new_run("r1")).unwrap();
            let run = store.take_up("r1").unwrap();
            assert_eq!((run.epoch, run.state), (1, RunState::Running));
            store.save_plan("r1", 1, "{}").unwrap();
            store.checkpoint("r1", 1, &at(0, 10, false)).unwrap();
            store.checkpoint("r1", 1, &at(0, 20, true)).unwrap();
            store.commit_table("r1", 1, 0).unwrap();
            store.commit_table("r1", 1, 0).unwrap();
        }
        let store = place.open();
        let run = store.unfinished("fingerprint").unwrap().unwrap();
        assert_eq!((run.id.as_str(), run.plan.as_deref()), ("r1", Some("{}")));
        assert_eq!(store.checkpoints("r1").unwrap(), vec![at(0, 20, true)]);
        assert_eq!(store.committed_tables("r1").unwrap(), [0]);
        assert_eq!(store.run("r").unwrap().unwrap().id, "r1");
        assert!(store.run("x").unwrap().is_none());
    }
}

#[test]
fn an_earlier_owner_cannot_write_any_more() {
    for place in Place::each() {
        let store = place.open();
        store.create_run(&new_run("r1")).unwrap();
        assert_eq!(store.take_up("r1").unwrap().epoch, 1);
        assert_eq!(store.take_up("r1").unwrap().epoch, 2);
        let refused = [
            store.checkpoint("r1", 1, &at(0, 1, false)).unwrap_err(),
            store.commit_table("r1", 1, 0).unwrap_err(),
            store.save_plan("r1", 1, "{}").unwrap_err(),
            store.transition("r1", 1, RunEvent::Finish, None).unwrap_err(),
        ];
        assert!(refused.iter().all(|e| e.code() == Code::StaleEpoch), "{refused:?}");
        assert!(store.checkpoints("r1").unwrap().is_empty());
    }
}

#[test]
fn a_stopped_run_never_resumes_and_its_history_tells_why() {
    for place in Place::each() {
        let store = place.open();
        store.create_run(&new_run("r1")).unwrap();
        store.take_up("r1").unwrap();
        store.transition("r1", 1, RunEvent::Stop, Some("asked")).unwrap();
        store.transition("r1", 1, RunEvent::Drained, Some("asked")).unwrap();
        assert_eq!(store.take_up("r1").unwrap_err().code(), Code::BadTransition);
        assert!(store.unfinished("fingerprint").unwrap().is_none());
        let states: Vec<RunState> = store.history("r1").unwrap().iter().map(|h| h.state).collect();
        use RunState as S;
        assert_eq!(states, [S::Created, S::Running, S::Stopping, S::Stopped]);
    }
}

#[test]
fn dead_letters_after_a_position_are_forgotten_when_it_is_read_again() {
    for place in Place::each() {
        let store = place.open();
        store.create_run(&new_run("r1")).unwrap();
        store.keep_dead_letters("r1", &[letter(0, 10), letter(0, 20), letter(1, 20)]).unwrap();
        assert_eq!(store.forget_dead_letters("r1", 0, 0, Some(10)).unwrap(), 1);
        assert_eq!(store.count_dead_letters("r1").unwrap(), [(0, 2)]);
        assert_eq!(store.forget_dead_letters("r1", 0, 1, None).unwrap(), 1);
        let kept = store.dead_letters(Some("r1")).unwrap();
        assert_eq!(kept.len(), 1);
        store.mark_replayed(kept[0].id).unwrap();
        assert!(store.dead_letter(kept[0].id).unwrap().unwrap().replayed_at.is_some());
    }
}

#[test]
fn one_process_at_a_time_works_on_a_job() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let held = store.lock("job").unwrap();
    assert_eq!(store.lock("job").err().unwrap().code(), Code::InUse);
    assert!(store.lock("another").is_ok());
    drop(held);
    assert!(store.lock("job").is_ok());
}

fn holder(id: &str, folder: &str) -> Holder {
    Holder { id: id.into(), node: format!("node {id}"), folder: folder.into() }
}

#[test]
fn one_node_at_a_time_has_the_lease_of_a_state() {
    let beats = Beats { every: Duration::from_millis(60), gone: Duration::from_millis(900) };
    for place in Place::each() {
        let (first, second) = (holder("1", "a"), holder("2", "b"));
        let store = place.open();
        assert_eq!(store.take_lease(&first, beats).unwrap(), None);
        // One that gives signs of life keeps it, however long another waits.
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(SeqCst) {
                    assert!(store.renew_lease(&first).unwrap());
                    std::thread::sleep(beats.every);
                }
            });
            let refused = place.open().take_lease(&second, beats).unwrap_err();
            assert_eq!(refused.code(), Code::InUse);
            assert!(refused.message().contains("node 1"), "{refused}");
            stop.store(true, SeqCst);
        });
        // One that is silent is gone; when it comes back, it is told so.
        let gone = place.open().take_lease(&second, beats).unwrap();
        assert_eq!(gone.as_deref(), Some("node 1"));
        assert!(!store.renew_lease(&first).unwrap());
        // What it lets go of then is not its own any more.
        store.release_lease(&first).unwrap();
        assert!(store.renew_lease(&second).unwrap());
        // An earlier process of the same folder is known to be gone: nobody waits for it.
        let patient = Beats { gone: Duration::from_secs(3600), ..beats };
        let again = holder("3", "b");
        assert_eq!(store.take_lease(&again, patient).unwrap().as_deref(), Some("node 2"));
        // One that lets go of it leaves it to the next.
        store.release_lease(&again).unwrap();
        assert_eq!(store.take_lease(&first, patient).unwrap(), None);
    }
}

#[test]
fn of_several_nodes_that_wait_for_a_lease_one_gets_it() {
    let beats = Beats { every: Duration::from_millis(60), gone: Duration::from_millis(300) };
    for place in Place::each() {
        place.open().take_lease(&holder("gone", "a"), beats).unwrap();
        let taken = std::thread::scope(|scope| {
            let take = |n: usize| {
                let place = &place;
                scope.spawn(move || {
                    let id = n.to_string();
                    place.open().take_lease(&holder(&id, &id), beats).is_ok()
                })
            };
            let all: Vec<_> = (0..4).map(take).collect();
            all.into_iter().map(|t| t.join().unwrap()).filter(|taken| *taken).count()
        });
        assert_eq!(taken, 1);
    }
}

fn run_of(job: &str, id: &str) -> NewRun {
    let connections = vec!["shop".to_owned(), "dw".to_owned()];
    let origin = Origin {
        job: job.into(),
        version: 1,
        source_connection: Some("shop".into()),
        sink_connection: Some("dw".into()),
        connections,
        overlaps: true,
        ..Origin::default()
    };
    NewRun { origin: Some(origin), ..new_run(id) }
}

#[test]
fn jobs_are_found_by_what_they_say_and_how_they_went() {
    for place in Place::each() {
        let store = place.open();
        let edit = Edit { author: "me", note: "", project: None };
        for (name, about, source) in [
            ("a", "Nightly", "mysql://h/One"),
            ("b", "50% of it", "postgres://h/two"),
            ("c", "Ärzte", "sqlite:three"),
        ] {
            let body = JobBody {
                spec: "{}".into(),
                yaml: None,
                description: about.into(),
                priority: 0,
                enabled: true,
            };
            let outline = JobOutline {
                mode: "full".into(),
                source: source.into(),
                sink: "stream:".into(),
                schedule: None,
                connections: Vec::new(),
            };
            store.create_job(name, &body, &outline, edit).unwrap();
        }
        let found = |filter: JobFilter| -> Vec<String> {
            store.jobs(&filter, "", 10).unwrap().into_iter().map(|job| job.name).collect()
        };
        let text =
            |text: &str| found(JobFilter { text: Some(text.into()), ..JobFilter::default() });
        assert_eq!(text("NIGHT"), ["a"]);
        assert_eq!(text("/one"), ["a"]);
        assert_eq!(text("h/t"), ["b"]);
        assert_eq!(text("stream"), ["a", "b", "c"]);
        assert_eq!(text("%"), ["b"]);
        assert_eq!(text("Ärzte"), ["c"], "as it is written");
        // The newest run of each counts, not the one before.
        for (job, id, ends) in [("a", "1", true), ("a", "2", false), ("b", "3", true)] {
            store.enqueue(&run_of(job, id), WhenActive::Allow, None).unwrap();
            if ends {
                store.ask(id, Ask::Stop, None).unwrap();
            }
        }
        let state = |states: &[RunState]| {
            found(JobFilter { states: states.to_vec(), ..JobFilter::default() })
        };
        assert_eq!(state(&[RunState::Stopped]), ["b"]);
        assert_eq!(state(&[RunState::Waiting]), ["a"]);
        assert_eq!(state(&[RunState::Waiting, RunState::Stopped]), ["a", "b"]);
        assert!(state(&[RunState::Failed]).is_empty());
        let mut last: Vec<String> = store
            .last_runs_of(&["a", "b", "c", "none"])
            .unwrap()
            .into_iter()
            .map(|r| r.id)
            .collect();
        last.sort();
        assert_eq!(last, ["2", "3"]);
        let run = store.run("2").unwrap().unwrap();
        assert_eq!(run.more.source_connection.as_deref(), Some("shop"));
        assert_eq!(run.more.sink_connection.as_deref(), Some("dw"));
        let named = NewRun { name: "Ärzte".into(), ..run_of("c", "4") };
        store.enqueue(&named, WhenActive::Allow, None).unwrap();
        for text in ["Ärzte", "RZTE"] {
            let filter = RunFilter { text: Some(text.into()), ..RunFilter::default() };
            let found = store.list_runs(&filter, 10).unwrap();
            assert_eq!(
                found.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(),
                ["4"],
                "{text}"
            );
        }
    }
}

#[test]
fn a_folder_that_cannot_be_used_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert_eq!(Store::open(&file).err().unwrap().code(), Code::StateUnusable);
    std::fs::write(folder.path().join("syncline.db"), "this is no database, but long enough")
        .unwrap();
    assert_eq!(Store::open(folder.path()).err().unwrap().code(), Code::StateUnusable);
}

#[test]
fn a_newer_format_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    let database = folder.path().join("syncline.db");
    rusqlite::Connection::open(&database)
        .unwrap()
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    let error = Store::open(folder.path()).err().unwrap();
    assert_eq!(error.code(), Code::StateUnusable);
    assert!(error.message().contains("newer"), "{error}");
}

#[test]
fn several_that_begin_at_once_make_one_state() {
    for place in Place::each() {
        std::thread::scope(|scope| {
            let opened: Vec<_> = (0..6).map(|_| scope.spawn(|| place.open())).collect();
            for (n, store) in opened.into_iter().enumerate() {
                store.join().unwrap().create_run(&new_run(&format!("r{n}"))).unwrap();
            }
        });
        assert_eq!(place.open().runs(None, 100).unwrap().len(), 6);
    }
}

#[test]
fn a_database_that_goes_away_and_comes_back_has_lost_nothing() {
    let Some(server) = Server::own(Kind::Postgres, &[]) else { return };
    let database = server.database();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::connect(&database.url(), folder.path()).unwrap();
    store.create_run(&new_run("r1")).unwrap();
    let epoch = store.take_up("r1").unwrap().epoch;
    for (n, crash) in [(1, false), (2, true)] {
        store.checkpoint("r1", epoch, &at(0, n, false)).unwrap();
        if crash {
            server.kill()
        } else {
            server.stop()
        }
        server.start();
        // Both a reader and the writer find their connections broken here.
        assert_eq!(store.checkpoints("r1").unwrap(), [at(0, n, false)]);
        store.commit_table("r1", epoch, u32::try_from(n).unwrap()).unwrap();
    }
    assert_eq!(store.committed_tables("r1").unwrap(), [1, 2]);
    server.stop();
    let away = store.checkpoints("r1").unwrap_err();
    assert_eq!(away.code(), Code::Busy, "{away:?}");
    let away = store.commit_table("r1", epoch, 3).unwrap_err();
    assert_eq!(away.code(), Code::Busy, "{away:?}");
    server.start();
    assert_eq!(store.committed_tables("r1").unwrap(), [1, 2]);
    store.commit_table("r1", epoch, 3).unwrap();
}

#[test]
fn the_url_of_a_store_is_in_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://me:S3CRET-PASSWORD@127.0.0.1:{closed}/state");
    let error = Store::connect(&url, folder.path()).err().unwrap();
    assert_eq!(error.code(), Code::Busy);
    assert!(!format!("{error:?} {}", error.chain()).contains("S3CRET"), "{error:?}");
}

/// What is old goes, but not what somebody still needs: rows that wait to be replayed, a run that
/// goes on, the last one of a job.
#[test]
fn history_is_forgotten_after_its_time_and_not_what_is_needed() {
    for place in Place::each() {
        let store = place.open();
        for (job, id, ends) in [
            ("a", "1", true),
            ("a", "2", true),
            ("a", "3", true),
            ("a", "4", false),
            ("b", "5", true),
        ] {
            store.enqueue(&run_of(job, id), WhenActive::Allow, None).unwrap();
            if ends {
                store.ask(id, Ask::Stop, None).unwrap();
            }
        }
        store.keep_dead_letters("2", &[letter(0, 1)]).unwrap();
        assert_eq!(store.forget_runs("2000-01-01T00:00:00.000Z", 500).unwrap(), 0);
        // So many at once.
        assert_eq!(store.forget_runs("9999-01-01T00:00:00.000Z", 1).unwrap(), 1);
        assert_eq!(store.forget_runs("9999-01-01T00:00:00.000Z", 500).unwrap(), 1);
        let left: Vec<String> = store.runs(None, 10).unwrap().into_iter().map(|r| r.id).collect();
        assert_eq!(left, ["5", "4", "2"]);
        assert!(store.history("1").unwrap().is_empty());
        assert_eq!(store.forget_runs("9999-01-01T00:00:00.000Z", 500).unwrap(), 0);
    }
}
