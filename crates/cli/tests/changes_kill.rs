//! Runs that copy a snapshot and follow the changes, killed at random moments under load: started
//! again with the same command they end with exactly the rows of the source, with a key and
//! without.
//!
//! `SYNCLINE_KILLS` sets the kills of each pair, `SYNCLINE_SOAK_SECONDS` (of `cargo xtask soak`) for
//! how long each pair is killed again and again.

mod following;
mod place;

use std::time::{Duration, Instant};

use following::{Pair, To, Watched, pairs};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use syncline_testkit::servers::Kind;

/// Kills of one pair; the first has more.
const KILLS: usize = 10;
/// Kills between a beginning and its comparison.
const KILLS_OF_TRIAL: usize = 10;

/// Where kills found the command.
#[derive(Debug, Default)]
struct Found {
    before_rows: usize,
    in_snapshot: usize,
    in_stream: usize,
}

/// When killing a pair is to end that begins now, where it goes by time.
fn end() -> Option<Instant> {
    let seconds = std::env::var("SYNCLINE_SOAK_SECONDS").ok()?.parse().ok()?;
    Some(Instant::now() + Duration::from_secs(seconds))
}

fn survive(from: Kind, to: To, kills: usize) {
    let kills = std::env::var("SYNCLINE_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(kills);
    let mut found = Found::default();
    let trials = kills.div_ceil(KILLS_OF_TRIAL);
    let mut done = 0;
    let end = end();
    while done == 0 || end.map_or(done < trials, |end| Instant::now() < end) {
        let seed = rand::random();
        let Some(pair) = Pair::new(from, to, seed) else { return };
        pair.under_load(|_| trial(&pair, seed, &mut found));
        pair.catch_up(&["--quiet"]);
        pair.assert_same();
        pair.verify();
        done += 1;
    }
    assert!(found.in_stream > 0, "{from:?} to {to:?}: no kill met the stream: {found:?}");
    assert!(
        kills < 50 || found.in_snapshot > 0,
        "{from:?} to {to:?}: no kill met the snapshot: {found:?}"
    );
}

/// Kills over one beginning, while the load goes on.
fn trial(pair: &Pair, seed: u64, found: &mut Found) {
    let mut random = SmallRng::seed_from_u64(seed);
    for kill in 0..KILLS_OF_TRIAL {
        let command = pair.copy(&["--rows-per-second", "6000"]);
        let mut run = Watched::start(command, pair);
        // Each may go on for longer, and the last ones get to the stream for sure.
        let longest = 400 + 200 * u64::try_from(kill).unwrap_or(0);
        if kill >= KILLS_OF_TRIAL * 7 / 10 {
            run.wait_for("streaming");
        }
        std::thread::sleep(Duration::from_millis(random.random_range(20..longest)));
        if let Some(status) = run.child.try_wait().expect("the command is looked at") {
            panic!("seed {seed}: {status} without a kill: {}", run.last());
        }
        run.child.kill().expect("the command is killed");
        run.child.wait().expect("the command is gone");
        let phase = if run.saw("streaming") {
            &mut found.in_stream
        } else if run.saw("planned") {
            &mut found.in_snapshot
        } else {
            &mut found.before_rows
        };
        *phase += 1;
    }
}

pairs!(survive {
    mariadb_to_postgres: MariaDb -> To::Server(Kind::Postgres), 50;
    mariadb_to_mariadb: MariaDb -> To::Server(Kind::MariaDb), KILLS;
    mariadb_to_sqlite: MariaDb -> To::Sqlite, KILLS;
    mysql_to_mysql: MySql -> To::Server(Kind::MySql), KILLS;
    postgres_to_postgres: Postgres -> To::Server(Kind::Postgres), 2 * KILLS;
    postgres_to_mysql: Postgres -> To::Server(Kind::MySql), KILLS;
});
