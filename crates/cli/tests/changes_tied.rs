//! A table joins a run that follows others, and foreign keys of the target tie it to some of them:
//! rows whose parents came after the others had come to rest, parents that go while their children are
//! copied, and others that have nothing to do with it and go on.

mod following;
mod place;

use std::path::PathBuf;
use std::time::Duration;

use following::{Pair, To, Watched, dies_at, pairs, takes_places};
use syncline_testkit::servers::Kind;

/// What the job selects first, and later.
const FIRST: &str = "[accounts, owners]";
const MORE: &str = "[accounts, owners, many]";
/// At this pace a copy takes minutes, which nobody waits for.
const SLOWLY: &str = ", rows_per_second: 200";
/// Rows of the table that comes.
const MANY: usize = 30_000;
/// Rows of the table it refers to.
const OWNERS: usize = 100;

/// The tables, with a foreign key between them.
fn tables(action: &str) -> String {
    format!(
        "CREATE TABLE owners (id int NOT NULL PRIMARY KEY, name varchar(40)); \
         CREATE TABLE many (id int NOT NULL PRIMARY KEY, owner int NOT NULL, \
         FOREIGN KEY (owner) REFERENCES owners (id){action})"
    )
}

struct Tied {
    pair: Pair,
    file: PathBuf,
}

impl Tied {
    /// With the tables at the target, too.
    fn new(from: Kind, to: To, action: &str) -> Option<Self> {
        let tied = Self::made(from, to, action)?;
        tied.at_target(&tables(action)).expect("tables are made");
        Some(tied)
    }

    /// With nothing at the target.
    fn made(from: Kind, to: To, action: &str) -> Option<Self> {
        let pair = Pair::new(from, to, rand::random())?;
        let tied = Self { file: pair.folder.path().join("t.db"), pair };
        tied.pair.source.execute(&tables(action));
        let owners: Vec<String> = (0..OWNERS).map(|id| format!("({id}, 'first')")).collect();
        tied.at_source(&format!("INSERT INTO owners VALUES {}", owners.join(", ")));
        let many: Vec<String> = (0..MANY).map(|id| format!("({id}, {})", id % OWNERS)).collect();
        for rows in many.chunks(5_000) {
            tied.at_source(&format!("INSERT INTO many VALUES {}", rows.join(", ")));
        }
        Some(tied)
    }

    fn at_source(&self, sql: &str) {
        self.pair.source.execute(sql);
    }

    fn at_target(&self, sql: &str) -> Result<(), String> {
        match &self.pair.target {
            Some(target) => target.try_execute(sql),
            None => {
                let file = rusqlite::Connection::open(&self.file).map_err(|e| e.to_string())?;
                file.busy_timeout(Duration::from_secs(20)).map_err(|e| e.to_string())?;
                file.execute_batch(&format!("PRAGMA foreign_keys = on; {sql}"))
                    .map_err(|e| e.to_string())
            }
        }
    }

    /// A number of the target.
    fn number(&self, sql: &str) -> Option<usize> {
        match &self.pair.target {
            Some(target) => target.try_rows(sql).ok()?.concat().pop()??.parse().ok(),
            None => {
                let file = rusqlite::Connection::open(&self.file).ok()?;
                file.busy_timeout(Duration::from_secs(20)).ok()?;
                file.query_row(sql, [], |row| row.get::<_, i64>(0)).ok()?.try_into().ok()
            }
        }
    }

    fn copied(&self) -> usize {
        self.number("SELECT count(*) FROM many").unwrap_or(0)
    }

    /// An owner comes, with rows of theirs; another one goes, whose rows have gone before.
    fn change(&self, round: usize) {
        let (comes, goes, row) = (500 + round, 10 + round, 100_000 + round);
        self.at_source(&format!("INSERT INTO owners VALUES ({comes}, 'later')"));
        self.at_source(&format!("INSERT INTO many VALUES ({row}, {comes})"));
        self.at_source(&format!("UPDATE many SET owner = {comes} WHERE id % 1000 = {round}"));
        self.at_source(&format!("DELETE FROM many WHERE owner = {goes}"));
        self.at_source(&format!("DELETE FROM owners WHERE id = {goes}"));
        self.at_source(&format!("UPDATE accounts SET note = 'round {round}' WHERE id < 50"));
    }

    /// Both sides hold the same, and the target holds rows to the key.
    #[track_caller]
    fn assert_same(&self) {
        let sql = "SELECT count(*) FROM accounts WHERE note LIKE 'round%'";
        let wanted = self.pair.source.value(sql).and_then(|n| n.parse().ok());
        assert_eq!(self.number(sql), wanted, "seed {}", self.pair.load.seed);
        self.assert_tied_same();
    }

    #[track_caller]
    fn assert_tied_same(&self) {
        for sums in [
            "SELECT count(*) FROM many",
            "SELECT sum(id) FROM many",
            "SELECT sum(id % 997 * owner) FROM many",
            "SELECT count(*) FROM owners",
            "SELECT sum(id) FROM owners",
        ] {
            let wanted = self.pair.source.value(sums).and_then(|n| n.parse().ok());
            assert!(wanted.is_some(), "{sums}");
            assert_eq!(self.number(sums), wanted, "{sums}, seed {}", self.pair.load.seed);
        }
        let orphan = self.at_target("INSERT INTO many VALUES (999999, 999999)");
        assert!(orphan.is_err(), "the foreign key is gone");
    }
}

/// Parents come and go between the place where the others came to rest and the snapshot, and while the
/// copy is under way, and it is killed. `others` tells whether the parents are followed meanwhile.
fn a_child_joins(from: Kind, to: To, action: &str, parents_go_on: bool) {
    if !takes_places() {
        return;
    }
    let Some(tied) = Tied::new(from, to, action) else { return };
    let pair = &tied.pair;
    pair.job_catches_up(FIRST);
    dies_at(pair, pair.job(MORE, "", &[]), "tables-join", 0);
    tied.change(0);
    let mut run = Watched::start(pair.job(MORE, SLOWLY, &[]), pair);
    run.wait_until("the copy is under way", |_| tied.copied() > 0);
    for round in 1..3 {
        tied.change(round);
        let sql = format!("SELECT count(*) FROM accounts WHERE note = 'round {round}'");
        let wanted = pair.source.value(&sql).and_then(|n| n.parse().ok());
        run.wait_until("what is not tied goes on", |_| tied.number(&sql) == wanted);
        let sql = format!("SELECT count(*) FROM owners WHERE id = {}", 500 + round);
        match parents_go_on {
            true => run.wait_until("parents go on", |_| tied.number(&sql) == Some(1)),
            false => assert_eq!(tied.number(&sql), Some(0), "parents rest"),
        }
    }
    let copied = tied.copied();
    assert!(copied < MANY, "the copy was under way: {copied} rows");
    run.child.kill().expect("it is killed");
    drop(run);
    tied.change(3);
    pair.job_catches_up(MORE);
    tied.assert_same();
    tied.change(4);
    pair.job_catches_up(MORE);
    tied.assert_same();
}

pairs!(a_child_joins {
    a_child_joins_from_mariadb_to_postgres: MariaDb -> To::Server(Kind::Postgres), "", true;
    a_child_joins_from_postgres_to_postgres: Postgres -> To::Server(Kind::Postgres17), "", true;
    a_child_joins_from_mysql_to_mariadb: MySql -> To::Server(Kind::MariaDb), "", false;
    a_child_joins_from_mariadb_to_sqlite: MariaDb -> To::Sqlite, "", false;
    a_child_of_cascading_parents_joins_from_mysql_to_mysql: MySql -> To::Server(Kind::MySql), " ON DELETE CASCADE", false;
});

/// Dies at each place that it comes by as a child joins, under changes of both.
fn a_child_joins_whatever_is_killed(from: Kind, to: To) {
    if !takes_places() {
        return;
    }
    let Some(tied) = Tied::new(from, to, "") else { return };
    let pair = &tied.pair;
    pair.job_catches_up(FIRST);
    let places = [
        "tables-join",
        "snapshot-opened",
        "joining-planned",
        "copy-loaded",
        "others-rest",
        "log-flushed",
        "others-met",
        "tables-related",
        "copy-forgotten",
    ];
    for (round, place) in places.into_iter().enumerate() {
        tied.change(round);
        dies_at(pair, pair.job(MORE, "", &[]), place, 0);
    }
    tied.change(places.len());
    pair.job_catches_up(MORE);
    tied.assert_same();
}

pairs!(a_child_joins_whatever_is_killed {
    a_child_joins_postgres_whatever_is_killed: MariaDb -> To::Server(Kind::Postgres);
    a_child_joins_mysql_whatever_is_killed: Postgres -> To::Server(Kind::MySql);
    a_child_joins_sqlite_whatever_is_killed: MySql -> To::Sqlite;
});

/// Nothing goes on that is not tied: all rest, and the key of the new table is looked at when its
/// parents have come.
#[test]
fn a_child_that_sqlite_has_not_yet_joins_its_parents() {
    if !takes_places() {
        return;
    }
    let Some(tied) = Tied::made(Kind::MariaDb, To::Sqlite, "") else { return };
    let pair = &tied.pair;
    pair.job_catches_up("[owners]");
    for (round, place) in ["tables-join", "joining-planned", "copy-loaded"].into_iter().enumerate()
    {
        dies_at(pair, pair.job("[owners, many]", "", &[]), place, 0);
        tied.change(round);
    }
    pair.job_catches_up("[owners, many]");
    tied.assert_tied_same();
    tied.change(4);
    pair.job_catches_up("[owners, many]");
    tied.assert_tied_same();
}
