//! One URL with several hosts: a primary and its replica, each a real server. The one that will do
//! is found, and when it is lost in the middle the copy goes on at the other, exactly.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod place;

use std::process::Child;
use std::time::{Duration, Instant};

use place::{Kind, Place, fails, folder, run, run_well, shown, wait_for};
use syncline_testkit::Proxy;
use syncline_testkit::servers::{Database, Kind as ServerKind, Server};

/// A primary with its replica, and a database that both have.
struct Cluster {
    primary: Server,
    replica: Server,
    kind: ServerKind,
    database: Database,
}

const TABLE: &str = "t";
const ROWS: usize = 8_000;

impl Cluster {
    fn of(kind: ServerKind, fill: bool) -> Option<(Cluster, Option<Vec<String>>)> {
        let primary =
            Server::own(kind, &["--log-slave-updates=ON"][..usize::from(kind.is_mysql())])?;
        let database = primary.database();
        let place = place_of(kind, database);
        if fill {
            place.fill(TABLE, ROWS, true);
        }
        let rows = place.rows(TABLE);
        let database = place.database.unwrap();
        let replica = primary.replica()?;
        replica.catch_up(&primary);
        Some((Cluster { primary, replica, kind, database }, rows))
    }

    /// The URL with these ports, in this order.
    fn url(&self, ports: &[u16]) -> String {
        let one = self.database.url();
        let (head, rest) = one.split_once("127.0.0.1:").unwrap();
        let path = rest.split_once('/').unwrap().1;
        let hosts: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("{head}{}/{path}", hosts.join(","))
    }

    /// What the replica has.
    fn at_the_replica(&self) -> Place {
        place_of(self.kind, self.replica.same(&self.database))
    }
}

fn place_of(kind: ServerKind, database: Database) -> Place {
    let kind = match kind {
        ServerKind::MariaDb => Kind::MariaDb,
        ServerKind::MySql => Kind::MySql,
        _ => Kind::Postgres,
    };
    Place { kind, database: Some(database), folder: folder() }
}

/// Waits for what is to come true; the command is to live until then.
#[track_caller]
fn until(child: &mut Child, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !is() {
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none() && Instant::now() < deadline, "{ended:?}: it does not come true");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Slow enough to be met at work, with checkpoints all the time.
const SLOWLY: [&str; 10] = [
    "--rows-per-second",
    "2000",
    "--split-rows",
    "500",
    "--checkpoint-every",
    "20ms",
    "--table",
    TABLE,
    "--retry-for",
    "120s",
];

/// A port at which nobody listens.
fn nobody() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn a_source_lost_in_the_middle(kind: ServerKind) {
    let Some((cluster, wanted)) = Cluster::of(kind, true) else { return };
    let target = Place::new(Kind::Sqlite).unwrap();
    let state = folder();
    // The first host is down from the beginning, the second goes in the middle.
    let (down, primary) = (nobody(), cluster.primary.port());
    let from = cluster.url(&[down, primary, cluster.replica.port()]);
    let to = target.url(TABLE);
    let said = run_well(state.path(), &["copy", &from, &to, "--table", TABLE, "--dry-run"]);
    assert!(said.contains(&format!("127.0.0.1:{primary} answers")), "{said}");
    assert!(said.contains(&format!("127.0.0.1:{down} is passed over")), "{said}");
    let args: Vec<&str> = ["copy", &from, &to].into_iter().chain(SLOWLY).collect();
    let mut child = place::start(state.path(), &args);
    until(&mut child, || target.rows(TABLE).is_some_and(|rows| !rows.is_empty()));
    cluster.primary.kill();
    let had = target.rows(TABLE).map_or(0, |rows| rows.len());
    assert!(had < ROWS, "{kind:?}: all had come before the loss");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{kind:?}: {}", shown(&output));
    assert!(target.rows(TABLE) == wanted, "{kind:?}: rows differ");
}

fn a_target_lost_in_the_middle(kind: ServerKind) {
    let Some((cluster, _)) = Cluster::of(kind, false) else { return };
    let source = Place::new(Kind::Sqlite).unwrap();
    source.fill(TABLE, ROWS, true);
    let state = folder();
    let from = source.url(TABLE);
    let proxy = Proxy::before(cluster.primary.port());
    // A replica takes no rows: alone it is refused, before the primary it is passed over.
    let alone = cluster.url(&[cluster.replica.port(), cluster.replica.port()]);
    fails(&run(state.path(), &["copy", &from, &alone, "--table", TABLE]), 2, "E0403", &["primary"]);
    let to = cluster.url(&[cluster.replica.port(), proxy.port()]);
    let args: Vec<&str> = ["copy", &from, &to].into_iter().chain(SLOWLY).collect();
    let mut child = place::start(state.path(), &args);
    let here = place_of(kind, cluster.primary.same(&cluster.database));
    until(&mut child, || here.rows(TABLE).is_some_and(|rows| !rows.is_empty()));
    // While there is no primary the run waits, although a host answers.
    proxy.refuse(true);
    proxy.cut();
    wait_for(&mut child, "waiting:");
    cluster.replica.catch_up(&cluster.primary);
    cluster.primary.kill();
    let there = cluster.at_the_replica();
    let taken_over = there.rows(TABLE).unwrap().len();
    assert!(taken_over > 0 && taken_over < ROWS, "{kind:?}: {taken_over} rows");
    cluster.replica.promote();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{kind:?}: {}", shown(&output));
    assert!(there.rows(TABLE) == source.rows(TABLE), "{kind:?}: rows differ");
    assert_eq!(there.leftovers(), Vec::<String>::new());
}

#[test]
fn a_source_of_mariadb_is_read_on_at_its_replica() {
    a_source_lost_in_the_middle(ServerKind::MariaDb);
}

#[test]
fn a_source_of_mysql_is_read_on_at_its_replica() {
    a_source_lost_in_the_middle(ServerKind::MySql);
}

#[test]
fn a_source_of_postgresql_is_read_on_at_its_standby() {
    a_source_lost_in_the_middle(ServerKind::Postgres);
}

#[test]
fn a_target_of_mariadb_is_written_on_at_its_new_primary() {
    a_target_lost_in_the_middle(ServerKind::MariaDb);
}

#[test]
fn a_target_of_mysql_is_written_on_at_its_new_primary() {
    a_target_lost_in_the_middle(ServerKind::MySql);
}

#[test]
fn a_target_of_postgresql_is_written_on_at_its_new_primary() {
    a_target_lost_in_the_middle(ServerKind::Postgres);
}
