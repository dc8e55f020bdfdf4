//! TPC-H once around: MariaDB → PostgreSQL → Parquet → SQLite → CSV → MariaDB, and the last equals
//! the first; then the same with a kill now and then.
//!
//! `SYNCLINE_TPCH_SCALE` chooses the scale (a small one by default); `SYNCLINE_BIN` another build
//! of the command.

mod place;

use std::time::Duration;

use place::{Kind, Place, run_well, shown};
use rand::RngExt as _;
use syncline_testkit::tables::{TPCH, tpch_csv};

/// The tables, as a database designer would make them.
const TABLES: &str = "
CREATE TABLE region (r_regionkey int PRIMARY KEY, r_name char(25) NOT NULL, r_comment varchar(152));
CREATE TABLE nation (n_nationkey int PRIMARY KEY, n_name char(25) NOT NULL, n_regionkey int NOT NULL, n_comment varchar(152));
CREATE TABLE supplier (s_suppkey int PRIMARY KEY, s_name char(25) NOT NULL, s_address varchar(40) NOT NULL, s_nationkey int NOT NULL, s_phone char(15) NOT NULL, s_acctbal decimal(15,2) NOT NULL, s_comment varchar(101) NOT NULL, KEY (s_nationkey));
CREATE TABLE customer (c_custkey int PRIMARY KEY, c_name varchar(25) NOT NULL, c_address varchar(40) NOT NULL, c_nationkey int NOT NULL, c_phone char(15) NOT NULL, c_acctbal decimal(15,2) NOT NULL, c_mktsegment char(10) NOT NULL, c_comment varchar(117) NOT NULL);
CREATE TABLE part (p_partkey int PRIMARY KEY, p_name varchar(55) NOT NULL, p_mfgr char(25) NOT NULL, p_brand char(10) NOT NULL, p_type varchar(25) NOT NULL, p_size int NOT NULL, p_container char(10) NOT NULL, p_retailprice decimal(15,2) NOT NULL, p_comment varchar(23) NOT NULL);
CREATE TABLE partsupp (ps_partkey int NOT NULL, ps_suppkey int NOT NULL, ps_availqty int NOT NULL, ps_supplycost decimal(15,2) NOT NULL, ps_comment varchar(199) NOT NULL, PRIMARY KEY (ps_partkey, ps_suppkey));
CREATE TABLE orders (o_orderkey bigint PRIMARY KEY, o_custkey int NOT NULL, o_orderstatus char(1) NOT NULL, o_totalprice decimal(15,2) NOT NULL, o_orderdate date NOT NULL, o_orderpriority char(15) NOT NULL, o_clerk char(15) NOT NULL, o_shippriority int NOT NULL, o_comment varchar(79) NOT NULL);
CREATE TABLE lineitem (l_orderkey bigint NOT NULL, l_partkey int NOT NULL, l_suppkey int NOT NULL, l_linenumber int NOT NULL, l_quantity decimal(15,2) NOT NULL, l_extendedprice decimal(15,2) NOT NULL, l_discount decimal(15,2) NOT NULL, l_tax decimal(15,2) NOT NULL, l_returnflag char(1) NOT NULL, l_linestatus char(1) NOT NULL, l_shipdate date NOT NULL, l_commitdate date NOT NULL, l_receiptdate date NOT NULL, l_shipinstruct char(25) NOT NULL, l_shipmode char(10) NOT NULL, l_comment varchar(44) NOT NULL, PRIMARY KEY (l_orderkey, l_linenumber));
";

fn scale() -> f64 {
    std::env::var("SYNCLINE_TPCH_SCALE").ok().and_then(|s| s.parse().ok()).unwrap_or(0.01)
}

/// A MariaDB database with the tables, filled.
fn filled() -> Option<Place> {
    let place = Place::new(Kind::MariaDb)?;
    place.database.as_ref()?.execute(TABLES);
    for table in TPCH {
        let csv = place.path(&format!("{table}.csv"));
        let rows = tpch_csv(table, scale(), &csv);
        let (from, to) = (csv.display().to_string(), place.url(table));
        run_well(place.folder.path(), &["copy", &from, &to, "--quiet"]);
        let arrived = place.database.as_ref()?.rows(&format!("SELECT count(*) FROM {table}"));
        assert_eq!(arrived[0][0].as_deref(), Some(rows.to_string().as_str()), "{table}");
    }
    Some(place)
}

/// Asserts that two databases of one server hold the same rows.
fn assert_equal(first: &Place, last: &Place) {
    let database = |place: &'static str| move || panic!("{place} has no database");
    let a = first.database.as_ref().unwrap_or_else(database("the first"));
    let b = last.database.as_ref().unwrap_or_else(database("the last"));
    for table in TPCH {
        let (x, y) = (format!("{}.{table}", a.name()), format!("{}.{table}", b.name()));
        let differing = |x: &str, y: &str| {
            let sql =
                format!("SELECT count(*) FROM (SELECT * FROM {x} EXCEPT ALL SELECT * FROM {y}) d");
            a.rows(&sql)[0][0].clone().unwrap_or_default()
        };
        assert_eq!((differing(&x, &y), differing(&y, &x)), ("0".into(), "0".into()), "{table}");
    }
}

#[test]
fn tpch_goes_once_around_and_comes_back_equal() {
    let (Some(first), Some(second)) = (filled(), Place::new(Kind::Postgres)) else { return };
    let last = Place::new(Kind::MariaDb).unwrap();
    last.database.as_ref().unwrap().execute(TABLES);
    let folder = last.folder.path();
    std::fs::create_dir(folder.join("parquet")).unwrap();
    std::fs::create_dir(folder.join("csv")).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    let hops = [
        (first.url(""), second.url("")),
        (second.url(""), path("parquet/{table}.parquet")),
        (path("parquet/*.parquet"), format!("sqlite:{}", path("tpch.db"))),
        (format!("sqlite:{}", path("tpch.db")), path("csv/{table}.csv")),
        (path("csv/*.csv"), last.url("")),
    ];
    for (from, to) in &hops {
        run_well(folder, &["copy", from, to, "--quiet"]);
    }
    assert_equal(&first, &last);
}

#[test]
fn a_copy_of_tpch_killed_twenty_times_ends_equal() {
    let (Some(first), Some(last)) = (filled(), Place::new(Kind::MariaDb)) else { return };
    let state = tempfile::tempdir().unwrap();
    let rate = format!("{}", (scale() * 6_000_000.0 / 4.0).max(2_000.0) as u64);
    let (from, to) = (first.url(""), last.url(""));
    let args = [
        "copy",
        &from,
        &to,
        "--quiet",
        "--rows-per-second",
        &rate,
        "--checkpoint-every",
        "50ms",
        "--split-rows",
        "2000",
    ];
    let mut random = rand::rng();
    for _ in 0..20 {
        let mut child = place::start(state.path(), &args);
        std::thread::sleep(Duration::from_millis(random.random_range(50..450)));
        let ended = child.try_wait().unwrap();
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(ended.is_none_or(|status| status.success()), "{}", shown(&output));
    }
    run_well(state.path(), &args);
    assert_equal(&first, &last);
    assert_eq!(last.leftovers(), Vec::<String>::new());
}
