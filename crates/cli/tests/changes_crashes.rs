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
