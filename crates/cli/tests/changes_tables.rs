//! Tables that come to a job which follows changes already: added to the job by a person, or made
//! at a source whose log does not tell of it. They get a snapshot of their own, and end up exactly as
//! the source's, whatever is killed between.

mod following;
mod place;

use std::process::Command;
use std::time::Duration;

use following::{PATIENCE, Pair, To, Watched, dies_at, output_within, pairs, takes_places};
use place::{fails, shown};
use syncline_testkit::servers::Kind;

/// What the job selects first; tables that the others refer to, and tables without a key, come.
const FIRST: &str = "[accounts, seats, line_items]";
/// What it selects later.
const ALL: &str = "[accounts, seats, line_items, words, happenings, parents, children, wide]";

/// Places that a run comes by as tables join it.
const PLACES: &[&str] = &[
    "tables-join",
    "snapshot-opened",
    "joining-planned",
    "table-committed",
    "copy-loaded",
    "others-rest",
    "others-met",
    "tables-related",
    "copy-forgotten",
];

/// The command that runs the job that selects `tables`.
fn job(pair: &Pair, tables: &str, more: &[&str]) -> Command {
    pair.job(tables, "", more)
}

#[track_caller]
fn catch_up(pair: &Pair, tables: &str) {
    pair.job_catches_up(tables);
}

/// How many runs the state has.
fn runs(pair: &Pair) -> usize {
    let state = pair.folder.path().join("state");
    let output = place::run(&state, &["runs", "--json"]);
    assert!(output.status.success(), "{}", shown(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    text.matches("\"spec\"").count().max(text.lines().filter(|l| l.contains("\"id\"")).count())
}

fn tables_are_added(from: Kind, to: To) {
    let Some(pair) = Pair::new(from, to, rand::random()) else { return };
    pair.under_load(|_| {
        let mut run = Watched::start(job(&pair, FIRST, &[]), &pair);
        run.wait_for("streaming");
        run.interrupt();
        let mut run = Watched::start(job(&pair, ALL, &[]), &pair);
        run.wait_for("checkpoint");
        std::thread::sleep(Duration::from_millis(500));
        run.interrupt();
    });
    catch_up(&pair, ALL);
    pair.assert_same();
    assert_eq!(runs(&pair), 1, "the same run goes on");
    // A table that is selected no more stays as it is at the target.
    catch_up(&pair, FIRST);
    pair.source.execute("UPDATE words SET uses = -1");
    catch_up(&pair, FIRST);
    if let Some(target) = &pair.target {
        let touched = target.value("SELECT count(*) FROM words WHERE uses = -1");
        assert_eq!(touched.as_deref(), Some("0"));
    }
}

pairs!(tables_are_added {
    tables_are_added_from_mariadb_to_postgres: MariaDb -> To::Server(Kind::Postgres);
    tables_are_added_from_mysql_to_sqlite: MySql -> To::Sqlite;
    tables_are_added_from_postgres_to_postgres: Postgres -> To::Server(Kind::Postgres);
    tables_are_added_from_postgres17_to_mariadb: Postgres17 -> To::Server(Kind::MariaDb);
});

fn tables_are_added_though_killed(from: Kind, to: To) {
    if !takes_places() {
        return;
    }
    for (seed, place) in (1..).zip(PLACES) {
        let Some(pair) = Pair::new(from, to, seed) else { return };
        pair.under_load(|_| {
            catch_up(&pair, FIRST);
            dies_at(&pair, job(&pair, ALL, &[]), place, 0);
        });
        catch_up(&pair, ALL);
        pair.assert_same();
    }
    // One after the other: the snapshot is opened again and again.
    let Some(pair) = Pair::new(from, to, 99) else { return };
    pair.under_load(|_| {
        catch_up(&pair, FIRST);
        for place in ["joining-planned", "snapshot-opened", "copy-loaded", "overlap-passed"] {
            dies_at(&pair, job(&pair, ALL, &[]), place, 0);
        }
    });
    catch_up(&pair, ALL);
    pair.assert_same();
}

pairs!(tables_are_added_though_killed {
    tables_join_whatever_is_killed_from_mariadb_to_postgres: MariaDb -> To::Server(Kind::Postgres);
    tables_join_whatever_is_killed_from_postgres_to_mysql: Postgres -> To::Server(Kind::MySql);
    tables_join_whatever_is_killed_from_mysql_to_sqlite: MySql -> To::Sqlite;
});

/// The rows of a table that joins are held up; those of the others reach the target all the same.
fn others_go_on(from: Kind, to: Kind) {
    let Some(pair) = Pair::new(from, To::Server(to), rand::random()) else { return };
    let target = pair.target.as_ref().expect("a server");
    catch_up(&pair, FIRST);
    let text = if to.is_mysql() { "longtext" } else { "text" };
    target.execute(&format!(
        "CREATE TABLE words (word varchar(60) NOT NULL PRIMARY KEY, uses int, meaning {text})"
    ));
    // It can be looked at, and nothing can be written to it.
    let mut locker = target.session();
    // Not LOCK TABLES: whoever flushes tables elsewhere on the server waits for its end, and those
    // who look at the table wait behind that.
    locker.execute(match to.is_mysql() {
        true => "BEGIN; SELECT * FROM words FOR UPDATE",
        false => "BEGIN; LOCK TABLE words IN EXCLUSIVE MODE",
    });
    let more = "[accounts, seats, line_items, words]";
    let mut run = Watched::start(job(&pair, more, &[]), &pair);
    run.wait_for("planned");
    run.wait_to_hear("it is copied now");
    for round in 0..3 {
        pair.source.execute(&format!("UPDATE accounts SET note = 'round {round}' WHERE id < 50"));
        pair.source.execute(&format!("UPDATE words SET uses = {round}"));
        let sql = format!("SELECT count(*) FROM accounts WHERE note = 'round {round}'");
        let wanted = pair.source.value(&sql).expect("a count");
        wait_for(&pair, &mut run, &sql, &wanted);
    }
    assert_eq!(target.value("SELECT count(*) FROM words").as_deref(), Some("0"));
    locker.execute("COMMIT");
    let wanted = pair.source.value("SELECT count(*) FROM words").expect("a count");
    wait_for(&pair, &mut run, "SELECT count(*) FROM words WHERE uses = 2", &wanted);
    pair.load(40);
    run.interrupt();
    catch_up(&pair, ALL);
    pair.assert_same();
    // What only the joining needed is gone.
    let sql = "SELECT count(*) FROM _syncline_checkpoint WHERE run LIKE '%+'";
    assert_eq!(target.value(sql).as_deref(), Some("0"));
}

pairs!(others_go_on {
    others_go_on_while_a_table_joins_from_mariadb_to_postgres: MariaDb -> Kind::Postgres;
    others_go_on_while_a_table_joins_from_postgres_to_mysql: Postgres -> Kind::MySql;
    others_go_on_while_a_table_joins_from_postgres17_to_postgres: Postgres17 -> Kind::Postgres;
});

/// A transaction of more rows than are held at once, with a table emptied in it, comes right before
/// the snapshot of a table that joins.
fn a_large_transaction_comes_before(from: Kind, to: To) {
    if !takes_places() {
        return;
    }
    let Some(pair) = Pair::new(from, to, 7) else { return };
    catch_up(&pair, FIRST);
    dies_at(&pair, job(&pair, ALL, &[]), "tables-join", 0);
    let rows: Vec<String> = (0..50_000).map(|n| format!("({n}, 'many', 0.5)")).collect();
    let mut session = pair.source.session();
    session.execute("BEGIN");
    if !from.is_mysql() {
        session.execute("TRUNCATE happenings");
    }
    for rows in rows.chunks(5_000) {
        session.execute(&format!("INSERT INTO happenings VALUES {}", rows.join(", ")));
        session.execute("UPDATE accounts SET note = 'of the large one' WHERE id < 20");
        session.execute("UPDATE words SET uses = uses + 1");
    }
    session.execute("COMMIT");
    catch_up(&pair, ALL);
    pair.assert_same();
    pair.load(30);
    catch_up(&pair, ALL);
    pair.assert_same();
}

pairs!(a_large_transaction_comes_before {
    a_large_transaction_before_tables_join_from_mysql_to_sqlite: MySql -> To::Sqlite;
    a_large_transaction_before_tables_join_from_postgres_to_sqlite: Postgres -> To::Sqlite;
    a_large_transaction_before_tables_join_from_mariadb_to_postgres: MariaDb -> To::Server(Kind::Postgres);
});

/// What is kept of a table stays its own when another one goes.
#[test]
fn a_table_that_is_dropped_takes_no_other_tables_dead_letters() {
    let to = To::Server(Kind::Postgres);
    let Some(pair) = Pair::new(Kind::MariaDb, to, rand::random()) else { return };
    pair.source.execute(
        "CREATE TABLE aaa (id int NOT NULL PRIMARY KEY); \
         CREATE TABLE zzz (id int NOT NULL PRIMARY KEY, day date)",
    );
    let more = ["--max-errors", "10", "--on-schema-change", "drop_table=apply", "--events", "json"];
    let letters = || {
        let mut command = pair.copy(&["--until", "caught-up"]);
        let output = output_within(command.args(more), PATIENCE);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut events =
            said.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
        let end = events.rfind(|event| event["event"] == "finished");
        let end = end.unwrap_or_else(|| panic!("{}", shown(&output)));
        let tables = end["tables"].as_array().expect("tables").clone();
        let bad = tables.into_iter().filter(|table| table["dead_letters"] != 0);
        let bad = bad.map(|t| format!("{} {}", t["target"], t["dead_letters"]));
        bad.collect::<Vec<String>>()
    };
    letters();
    pair.source.execute("SET SESSION sql_mode = ''; INSERT INTO zzz VALUES (1, '0000-00-00')");
    let before = letters();
    assert!(before.len() == 1 && before[0].contains("zzz"), "{before:?}");
    pair.source.execute("DROP TABLE aaa");
    assert_eq!(letters(), before, "as it goes");
    assert_eq!(letters(), before, "started again");
    pair.source.execute("CREATE TABLE later (id int NOT NULL PRIMARY KEY, day date)");
    pair.source.execute("SET SESSION sql_mode = ''; INSERT INTO later VALUES (1, '0000-00-00')");
    let after = letters();
    assert_eq!(after.len(), 2, "{after:?}");
    assert_eq!(letters(), after, "started again");
}

/// Waits until a query of the target gives what it should.
#[track_caller]
fn wait_for(pair: &Pair, run: &mut Watched, sql: &str, wanted: &str) {
    let target = pair.target.as_ref().expect("a server");
    run.wait_while(|_| {
        let rows = target.try_rows(sql);
        let there = rows.as_ref().is_ok_and(|rows| rows.concat() == [Some(wanted.to_owned())]);
        (!there).then(|| format!("{sql}: {rows:?}"))
    });
}

fn tables_are_made(from: Kind, to: To) {
    let Some(pair) = Pair::new(from, to, rand::random()) else { return };
    pair.under_load(|_| {
        let mut run = Watched::start(pair.copy(&[]), &pair);
        run.wait_for("streaming");
        pair.source.execute(
            "CREATE TABLE later (id int NOT NULL PRIMARY KEY, a varchar(10)); \
             INSERT INTO later VALUES (1, 'one'), (2, 'two')",
        );
        wait_for(&pair, &mut run, "SELECT count(*) FROM later", "2");
        pair.source.execute("UPDATE later SET a = 'zwei' WHERE id = 2; DELETE FROM later WHERE id = 1");
        wait_for(&pair, &mut run, "SELECT min(a) FROM later", "zwei");
        // Under another name it is the same table, not a new one.
        pair.source.execute("ALTER TABLE later RENAME TO much_later");
        pair.source.execute("INSERT INTO much_later VALUES (3, 'three')");
        wait_for(&pair, &mut run, "SELECT count(*) FROM much_later", "2");
        // Made while nobody looks.
        run.interrupt();
        pair.source.execute(
            "CREATE TABLE meanwhile (id int NOT NULL PRIMARY KEY); INSERT INTO meanwhile VALUES (7)",
        );
        let mut run = Watched::start(pair.copy(&[]), &pair);
        wait_for(&pair, &mut run, "SELECT count(*) FROM meanwhile", "1");
        run.child.kill().expect("it is killed");
        run.child.wait().expect("it is gone");
    });
    pair.catch_up(&["--quiet"]);
    pair.assert_same();
}

pairs!(tables_are_made {
    tables_made_at_postgres_come_to_postgres: Postgres -> To::Server(Kind::Postgres);
    tables_made_at_postgres_come_to_mariadb: Postgres17 -> To::Server(Kind::MariaDb);
});

#[test]
fn tables_that_are_made_can_be_left_alone() {
    let to = To::Server(Kind::Postgres);
    let Some(pair) = Pair::new(Kind::Postgres, to, rand::random()) else { return };
    let target = pair.target.as_ref().expect("a server");
    let mut run = Watched::start(pair.copy(&["--on-schema-change", "create_table=pause"]), &pair);
    run.wait_for("streaming");
    pair.source.execute("CREATE TABLE later (id int PRIMARY KEY)");
    assert_eq!(run.end(), 1, "{}", run.last());
    let words = run.last();
    assert!(words.contains("E0412") && words.contains("later"), "{words}");
    drop(run);
    // Started again, the decision is taken as made.
    let ignoring = ["--on-schema-change", "create_table=pause", "--until", "4s"];
    let output = output_within(&mut pair.copy(&ignoring), PATIENCE);
    assert!(output.status.success(), "{}", shown(&output));
    assert!(target.try_rows("SELECT * FROM later").is_err());
    // One whose rows the log would not tell apart is named, and its writers are left in peace.
    let mut run = Watched::start(pair.copy(&[]), &pair);
    run.wait_for("streaming");
    pair.source.execute("CREATE TABLE bare (a int); INSERT INTO bare VALUES (1)");
    run.wait_to_hear("REPLICA IDENTITY");
    pair.source.execute("UPDATE bare SET a = 2");
    run.interrupt();
    assert!(target.try_rows("SELECT * FROM bare").is_err());
    // Mended, it comes with the next start.
    pair.source.execute("ALTER TABLE bare REPLICA IDENTITY FULL");
    let mut run = Watched::start(pair.copy(&[]), &pair);
    wait_for(&pair, &mut run, "SELECT a FROM bare", "2");
    run.interrupt();
}

#[test]
fn a_job_that_selects_what_cannot_be_followed_is_refused() {
    let to = To::Server(Kind::Postgres);
    let Some(pair) = Pair::new(Kind::Postgres, to, rand::random()) else { return };
    catch_up(&pair, FIRST);
    pair.source.execute("CREATE TABLE bare (a int)");
    let more = "[accounts, seats, line_items, bare]";
    let mut command = job(&pair, more, &["--until", "caught-up", "--quiet"]);
    fails(&output_within(&mut command, PATIENCE), 1, "E0217", &["bare", "REPLICA IDENTITY"]);
    // Mended, the same command goes on.
    pair.source.execute("ALTER TABLE bare REPLICA IDENTITY FULL; INSERT INTO bare VALUES (5)");
    catch_up(&pair, more);
    let target = pair.target.as_ref().expect("a server");
    assert_eq!(target.value("SELECT a FROM bare").as_deref(), Some("5"));
}

/// Rows that nothing tells apart cannot take each other's place.
#[test]
fn a_table_without_a_key_is_not_upserted() {
    for to in [To::Server(Kind::Postgres), To::Server(Kind::MySql), To::Sqlite] {
        let Some(pair) = Pair::new(Kind::MariaDb, to, 1) else { continue };
        let more = ["--table", "happenings", "--write", "upsert"];
        let refused = output_within(&mut pair.copy(&more), PATIENCE);
        let words = ["happenings: upsert needs a key", "ALTER TABLE", "ADD PRIMARY KEY"];
        fails(&refused, 2, "E0109", &words);
        assert!(pair.target_contents().is_err(), "nothing was touched");
        // With what is said, it goes.
        pair.source.execute("ALTER TABLE happenings ADD id int AUTO_INCREMENT PRIMARY KEY");
        pair.catch_up(&["--quiet", "--table", "happenings", "--write", "upsert"]);
    }
}
