//! Processes that die at each named place between snapshot and log, under load: started again they
//! end with exactly the rows of the source. The places are those of the engine's `crash` module.

mod following;
mod place;

use following::{Pair, To, dies_at, pairs, takes_places};
use syncline_testkit::servers::{Kind, Server};

/// Places that a run comes by on its way to the log, and in it: how often it passes before it dies.
const PLACES: &[(&str, usize)] = &[
    ("snapshot-opened", 0),
    ("plan-kept", 0),
    ("table-committed", 1),
    ("copy-loaded", 0),
    ("tables-related", 0),
    ("copy-forgotten", 0),
    ("log-opened", 0),
    ("set-ready", 1),
    ("set-applied", 1),
    ("log-flushed", 2),
    ("log-recorded", 0),
];

/// A copy killed in its snapshot goes on in a later one, and passes these besides.
const OVERLAP: &[&str] = &["overlap-passed", "log-flushed", "copy-forgotten"];

/// Runs until it dies at a place.
fn die_at(pair: &Pair, place: &str, passes: usize, more: &[&str]) {
    dies_at(pair, pair.copy(more), place, passes);
}

fn survive(from: Kind, to: To) {
    if !takes_places() {
        return;
    }
    for (seed, (place, passes)) in (1..).zip(PLACES) {
        let Some(pair) = Pair::new(from, to, seed) else { return };
        pair.under_load(|_| die_at(&pair, place, *passes, &[]));
        pair.catch_up(&["--quiet"]);
        pair.assert_same();
    }
}

fn survive_overlap(from: Kind, to: To) {
    if !takes_places() {
        return;
    }
    for (seed, place) in (100..).zip(OVERLAP) {
        let Some(pair) = Pair::new(from, to, seed) else { return };
        pair.under_load(|_| {
            die_at(&pair, "copy-loaded", 0, &[]);
            die_at(&pair, place, 0, &[]);
        });
        pair.catch_up(&["--quiet"]);
        pair.assert_same();
    }
}

pairs!(survive {
    mariadb_to_postgres_survives_every_place: MariaDb -> To::Server(Kind::Postgres);
    postgres_to_mariadb_survives_every_place: Postgres -> To::Server(Kind::MariaDb);
});

pairs!(survive_overlap {
    a_snapshot_of_two_moments_survives_from_mariadb_to_postgres: MariaDb -> To::Server(Kind::Postgres);
    a_snapshot_of_two_moments_survives_from_postgres_to_sqlite: Postgres -> To::Sqlite;
});

/// Places around a change of a definition.
const AROUND: &[(&str, usize)] = &[
    ("definition-changed", 0),
    ("log-plan-kept", 0),
    ("definition-changed", 1),
    ("log-flushed", 1),
];

/// Definitions change among the rows, of a table without a key, too. A target that changes its
/// tables outside of any transaction has done so, or not, when the process dies.
fn survive_definitions(from: Kind, to: To) {
    if !takes_places() {
        return;
    }
    for (seed, (place, passes)) in (300..).zip(AROUND) {
        let Some(pair) = Pair::new(from, to, seed) else { return };
        pair.catch_up(&["--quiet"]);
        pair.load(10);
        for statement in [
            "INSERT INTO happenings VALUES (70, 'before', 0.5)",
            "ALTER TABLE happenings ADD COLUMN size int",
            "INSERT INTO happenings VALUES (71, 'between', 0.5, 1), (71, 'between', 0.5, 1)",
            "ALTER TABLE accounts ADD COLUMN colour varchar(20)",
            "UPDATE accounts SET colour = 'red' WHERE id < 100",
            "UPDATE happenings SET size = 2 WHERE kind = 70",
            "INSERT INTO happenings VALUES (72, 'behind', 0.5, 3)",
        ] {
            pair.source.execute(statement);
        }
        die_at(&pair, place, *passes, &[]);
        pair.source.execute("UPDATE accounts SET colour = 'blue' WHERE id < 20");
        pair.catch_up(&["--quiet"]);
        pair.assert_same();
        let target = pair.target.as_ref().expect("a server");
        for rows in [
            "SELECT kind, what, size FROM happenings WHERE kind >= 70 ORDER BY 1, 2, 3",
            "SELECT id, colour FROM accounts WHERE colour IS NOT NULL ORDER BY 1",
        ] {
            assert_eq!(target.rows(rows), pair.source.rows(rows), "{place}, {passes}: {rows}");
        }
    }
}

pairs!(survive_definitions {
    definitions_survive_every_place_from_mariadb_to_mariadb: MariaDb -> To::Server(Kind::MariaDb);
    definitions_survive_every_place_from_mysql_to_postgres: MySql -> To::Server(Kind::Postgres);
    definitions_survive_every_place_from_postgres_to_mysql: Postgres -> To::Server(Kind::MySql);
});

/// The source tells its larger transactions before they have ended.
#[test]
fn what_is_told_early_survives() {
    if !takes_places() {
        return;
    }
    let args = ["-c", "logical_decoding_work_mem=64kB"];
    let (Some(server), Some(target)) =
        (Server::own(Kind::Postgres17, &args), Server::shared(Kind::MariaDb))
    else {
        return;
    };
    let mut told = 0;
    let places = [("copy-loaded", 0), ("set-ready", 3), ("set-applied", 2), ("log-flushed", 3)];
    for (seed, (place, passes)) in (200..).zip(places) {
        let mut pair = Pair::on(&server, target, seed);
        pair.load.large = 4_000;
        pair.under_load(|_| {
            die_at(&pair, place, passes, &[]);
            std::thread::sleep(std::time::Duration::from_secs(1));
        });
        pair.catch_up(&["--quiet"]);
        pair.assert_same();
        let sql = "SELECT coalesce(sum(stream_txns), 0)::text FROM pg_stat_replication_slots";
        told += pair.source.value(sql).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    }
    assert!(told > 0, "nothing was told early");
}
