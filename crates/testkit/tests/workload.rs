//! The load runs on every kind of server, does all it is meant to do, and two stores that were
//! filled alike compare as equal.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use syncline_testkit::workload::{Course, Store, TABLES, Workload, contents, differences};
use syncline_testkit::{Kind, Server};

fn store<'a>(kind: Kind, database: &'a syncline_testkit::Database) -> Store<'a> {
    if kind.is_mysql() { Store::MySql(database) } else { Store::Postgres(database) }
}

fn loads(kind: Kind) {
    let Some(server) = Server::shared(kind) else { return };
    let (one, two) = (server.database(), server.database());
    let load = Workload { large: 600, ..Workload::new(7, 500) };
    load.make(&one, kind.is_mysql());
    load.make(&two, kind.is_mysql());
    let before = contents(store(kind, &one)).unwrap();
    assert_eq!(differences(&before, &contents(store(kind, &two)).unwrap()), None);
    let course = Course::default();
    load.run(&one, kind.is_mysql(), &course);
    let done = (course.committed(), course.rolled_back(), course.refused());
    assert_eq!(done.0 + done.1 + done.2, 500);
    assert!(done.0 > 350 && done.1 > 0, "{done:?}");
    let after = contents(store(kind, &one)).unwrap();
    for table in &TABLES {
        assert_ne!(before[table.name], after[table.name], "{} is left alone", table.name);
        assert!(!after[table.name].is_empty(), "{} is empty", table.name);
    }
    assert!(differences(&before, &after).is_some());
}

#[test]
fn on_mariadb() {
    loads(Kind::MariaDb);
}

#[test]
fn on_mysql() {
    loads(Kind::MySql);
}

#[test]
fn on_postgres() {
    loads(Kind::Postgres);
}
