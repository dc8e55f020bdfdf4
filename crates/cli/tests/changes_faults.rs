//! Following changes while servers die, links break and logs vanish: whatever happens, the target
//! ends as the source is, or the run says what is lost and who has to do what.

mod following;
mod place;

use std::time::Duration;

use following::{Pair, To, Watched, pairs};
use place::fails;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use syncline_testkit::Proxy;
use syncline_testkit::servers::{Kind, Server};

/// Faults of one link.
const FAULTS: usize = 14;

/// A fault of a link, and what it needs to be over.
fn break_link(proxy: &Proxy, random: &mut SmallRng) {
    let pause = |random: &mut SmallRng, longest| {
        std::thread::sleep(Duration::from_millis(random.random_range(20..longest)));
    };
    proxy.resets(random.random_bool(0.5));
    match random.random_range(0..8) {
        0 => proxy.cut(),
        // In the middle of what is being said.
        1 | 2 => proxy.cut_after_received(random.random_range(1..60_000)),
        3 | 4 => proxy.cut_after_sent(random.random_range(1..60_000)),
        5 => {
            proxy.refuse(true);
            proxy.cut();
            pause(random, 600);
            proxy.refuse(false);
        }
        6 => {
            proxy.split(Some(random.random_range(1..40)));
            pause(random, 200);
            proxy.cut();
            proxy.split(None);
        }
        _ => {
            proxy.stall(true);
            pause(random, 500);
            if random.random_bool(0.5) {
                proxy.cut();
            }
            proxy.stall(false);
        }
    }
    pause(random, 400);
}

/// One run, never started again, over a link that breaks again and again.
fn outlives_a_bad_link(from: Kind, to: Kind, at_source: bool) {
    let seed = rand::random();
    let Some(mut pair) = Pair::new(from, To::Server(to), seed) else { return };
    let port = |kind| Server::shared(kind).map(Server::port).expect("a server that is there");
    let proxy = Proxy::before(port(if at_source { from } else { to }));
    if at_source {
        pair.through(Some(&proxy), None);
    } else {
        pair.through(None, Some(&proxy));
    }
    let mut random = SmallRng::seed_from_u64(seed);
    let mut run = Watched::start(pair.copy(&["--retry-for", "60s"]), &pair);
    pair.under_load(|_| {
        run.wait_for("planned");
        for _ in 0..FAULTS {
            break_link(&proxy, &mut random);
            let ended = run.child.try_wait().expect("the command is looked at");
            assert!(ended.is_none(), "seed {seed}: {ended:?}: {}", run.last());
        }
        run.wait_for("streaming");
        for _ in 0..FAULTS {
            break_link(&proxy, &mut random);
        }
    });
    // A fuse that is still lit would burn in the comparison.
    proxy.cut_after_received(u64::MAX);
    proxy.cut_after_sent(u64::MAX);
    pair.wait_same(&mut run.child);
    assert!(run.saw("waiting"), "no fault was felt: the test tests nothing");
    assert_eq!(run.interrupt(), 130);
    pair.verify();
}

pairs!(outlives_a_bad_link {
    a_bad_link_to_a_mariadb_source: MariaDb -> Kind::Postgres, true;
    a_bad_link_to_a_postgres_target: MariaDb -> Kind::Postgres, false;
    a_bad_link_to_a_postgres_source: Postgres -> Kind::MySql, true;
    a_bad_link_to_a_mysql_target: Postgres -> Kind::MySql, false;
});

/// Kills and starts both servers while a run goes on.
fn outlives_its_servers(from: Kind, to: Kind) {
    let seed = rand::random();
    let (Some(source), Some(target)) = (Server::own(from, &[]), Server::own(to, &[])) else {
        return;
    };
    let pair = Pair::on(&source, &target, seed);
    let mut run = Watched::start(pair.copy(&["--retry-for", "60s"]), &pair);
    pair.under_load(|_| {
        run.wait_for("streaming");
        for server in [&source, &target] {
            std::thread::sleep(Duration::from_millis(300));
            server.kill();
            std::thread::sleep(Duration::from_millis(200));
            server.start();
            std::thread::sleep(Duration::from_millis(700));
        }
    });
    pair.wait_same(&mut run.child);
    assert!(run.saw("waiting"), "no server was missed: the test tests nothing");
    assert_eq!(run.interrupt(), 130);
    pair.verify();
}

pairs!(outlives_its_servers {
    mariadb_and_postgres_die_and_come_back: MariaDb -> Kind::Postgres;
    postgres_and_mysql_die_and_come_back: Postgres -> Kind::MySql;
});

#[test]
fn a_slow_target_is_waited_for() {
    let seed = rand::random();
    let Some(mut pair) = Pair::new(Kind::MariaDb, To::Server(Kind::Postgres), seed) else { return };
    let target = Server::shared(Kind::Postgres).expect("it was there");
    let proxy = Proxy::before(target.port());
    pair.through(None, Some(&proxy));
    let mut run = Watched::start(pair.copy(&[]), &pair);
    run.wait_for("streaming");
    proxy.bandwidth(Some(40_000));
    proxy.delay(Duration::from_millis(15));
    pair.under_load(|_| std::thread::sleep(Duration::from_secs(3)));
    proxy.bandwidth(None);
    proxy.delay(Duration::ZERO);
    pair.wait_same(&mut run.child);
    assert_eq!(run.interrupt(), 130);
    pair.verify();
}

/// The log goes on in another file while the run is away.
#[test]
fn a_log_that_is_rotated_is_followed() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let Some(pair) = Pair::new(kind, To::Server(kind), rand::random()) else { return };
        pair.catch_up(&["--quiet"]);
        for seed in 0..3 {
            pair.load_of(15, seed);
            pair.source.execute("FLUSH BINARY LOGS");
        }
        pair.catch_up(&["--quiet"]);
        pair.assert_same();
        // And while it is at work.
        let mut run = Watched::start(pair.copy(&[]), &pair);
        run.wait_for("streaming");
        for seed in 3..6 {
            pair.load_of(15, seed);
            pair.source.execute("FLUSH BINARY LOGS");
        }
        pair.wait_same(&mut run.child);
        assert_eq!(run.interrupt(), 130);
    }
}

/// Makes the place of a run vanish, and sees it found, named, and mended where that is allowed.
fn is_mended_when_the_place_is_lost(pair: &Pair, lose: impl FnOnce()) {
    pair.catch_up(&["--quiet"]);
    pair.load(40);
    lose();
    let lost =
        following::output_within(&mut pair.copy(&["--until", "caught-up"]), following::PATIENCE);
    fails(&lost, 1, "E0216", &["--when-lost resnapshot"]);
    pair.catch_up(&["--quiet", "--when-lost", "resnapshot"]);
    pair.assert_same();
    pair.load_of(40, 5);
    pair.catch_up(&["--quiet", "--when-lost", "resnapshot"]);
    pair.assert_same();
}

#[test]
fn a_purged_log_is_found_and_mended() {
    // Of its own: purging would take the log of other tests.
    for kind in [Kind::MariaDb, Kind::MySql] {
        let Some(server) = Server::own(kind, &[]) else { return };
        let pair = Pair::on(&server, &server, rand::random());
        is_mended_when_the_place_is_lost(&pair, || {
            // A log is kept as long as someone is thought to read it: a reader that has left is
            // noticed when the next event is sent.
            let first = |pair: &Pair| pair.source.rows("SHOW BINARY LOGS")[0][0].clone();
            let before = first(&pair);
            let begun = std::time::Instant::now();
            while first(&pair) == before {
                assert!(begun.elapsed() < following::PATIENCE, "the log is not purged");
                pair.source.execute("FLUSH BINARY LOGS");
                let logs = pair.source.rows("SHOW BINARY LOGS");
                let last = logs.last().and_then(|row| row[0].clone()).expect("a log");
                pair.source.execute(&format!("PURGE BINARY LOGS TO '{last}'"));
                std::thread::sleep(Duration::from_millis(100));
            }
        });
    }
}

#[test]
fn a_dropped_slot_is_found_and_mended() {
    let to = To::Server(Kind::Postgres);
    let Some(pair) = Pair::new(Kind::Postgres, to, rand::random()) else { return };
    is_mended_when_the_place_is_lost(&pair, || {
        let database = pair.source.name();
        let dropped = pair.source.rows(&format!(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots \
             WHERE database = '{database}'"
        ));
        assert_eq!(dropped.len(), 1, "one slot for the run");
    });
}

#[test]
fn a_second_run_of_one_job_is_refused() {
    let Some(pair) = Pair::new(Kind::MariaDb, To::Sqlite, rand::random()) else { return };
    let mut run = Watched::start(pair.copy(&[]), &pair);
    run.wait_for("streaming");
    let second = following::output_within(&mut pair.copy(&["--quiet"]), following::PATIENCE);
    fails(&second, 2, "E0405", &["another process"]);
    pair.load(30);
    pair.wait_same(&mut run.child);
    assert_eq!(run.interrupt(), 130);
}
