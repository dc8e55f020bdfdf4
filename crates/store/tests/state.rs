//! The state: what is kept, what is refused, in SQLite and in PostgreSQL.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use syncline_store::{Checkpoint, NewDeadLetter, NewRun, Store};
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
