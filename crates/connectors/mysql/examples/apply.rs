//! How fast changes are applied, and what they cost the server: batches of inserts, upserts,
//! updates of one column and deletes over a table of some 150,000 rows of about 200 bytes.
//!
//! `cargo run --release -p syncline-mysql --example apply -- URL [ROWS A BATCH] [SERVER'S PID]`;
//! the table `applied` of the URL's database is made anew.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement, no part of the product"
)]

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Schema};
use syncline_connector::{
    AnyConnector, Apply, ApplyTask, Endpoint, Follower, WriteMode, WriteTask,
};
use syncline_mysql::MysqlConnector;
use syncline_types::{Position, TableName, TableSchema};

const ROWS: i64 = 150_000;

/// Hundredths of a second of processor time that a process has had.
fn spent(pid: &str) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split(' ').collect();
    [12, 13].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum()
}

fn column(name: &str, data_type: &DataType, ids: &[i64], salt: i64) -> ArrayRef {
    let of = |id: &i64| id + salt;
    match (name, data_type) {
        ("id", _) => Arc::new(Int64Array::from(ids.to_vec())),
        (_, DataType::Int32) => {
            let n = |id| i32::try_from(of(id) % 1_000_000).unwrap();
            Arc::new(ids.iter().map(n).map(Some).collect::<Int32Array>())
        }
        (_, DataType::Decimal128(p, s)) => {
            let values = ids.iter().map(|id| Some(i128::from(of(id) * 37)));
            let values = values.collect::<Decimal128Array>();
            Arc::new(values.with_precision_and_scale(*p, *s).unwrap())
        }
        (_, DataType::Timestamp(..)) => {
            let at = |id| Some(1_700_000_000_000_000 + of(id) * 1_000_007);
            Arc::new(ids.iter().map(at).collect::<TimestampMicrosecondArray>())
        }
        ("name", _) => {
            let text = |id| Some(format!("name {} of {salt}", of(id)));
            Arc::new(ids.iter().map(text).collect::<StringArray>())
        }
        _ => {
            let text = |id| Some(format!("{:040}", of(id) * 7919).repeat(3));
            Arc::new(ids.iter().map(text).collect::<StringArray>())
        }
    }
}

fn batch(table: &TableSchema, columns: &[&str], ids: &[i64], salt: i64) -> RecordBatch {
    let fields: Vec<_> = columns.iter().map(|c| table.column(c).unwrap().field.clone()).collect();
    let arrays = fields.iter().map(|f| column(f.name(), f.data_type(), ids, salt)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("a URL");
    let size: usize = arguments.next().map_or(10_000, |n| n.parse().unwrap());
    let server = arguments.next().unwrap_or_default();
    let sink = AnyConnector::sink(&MysqlConnector, &Endpoint::parse(&url).unwrap()).unwrap();
    let make = "CREATE TABLE applied (id bigint PRIMARY KEY, n int, amount decimal(12,2), \
                name varchar(64), at datetime(6), body text)";
    sink.execute(&["DROP TABLE IF EXISTS applied".into(), make.into()]).await.unwrap();
    let schema = sink.describe(&TableName::bare("applied")).await.unwrap().unwrap().schema;
    let table = Arc::new(schema);
    let write = WriteTask {
        run: "0199aaaa-0000-7000-8000-00000000ab1e".into(),
        epoch: 1,
        table: Arc::clone(&table),
        definition: Arc::clone(&table),
        exists: true,
        empty_at_start: false,
        distinct: false,
        write: WriteMode::Upsert,
        splits: 1,
        circular: Vec::new(),
    };
    let task = ApplyTask { run: write.run.clone(), epoch: 1, tables: vec![write] };
    let Follower::State(mut writer) = sink.follow(&task).await.unwrap().follower else { return };
    let all: Vec<String> = table.columns.iter().map(|c| c.name().to_owned()).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let rising: Vec<i64> = (1..=ROWS).collect();
    // In no order: steps of a number that has no divisor in common with theirs.
    let shuffled: Vec<i64> = (0..ROWS).map(|n| n * 70_001 % ROWS + 1).collect();
    println!("{:24}{:>12}{:>16}{:>16}", "", "rows/s", "client µs/row", "server µs/row");
    let kinds = ["insert", "upsert", "upsert in no order", "update", "delete in no order"];
    for (salt, kind) in (0..).zip(kinds) {
        let ids = if kind.ends_with("order") { &shuffled } else { &rising };
        let steps: Vec<Apply> = ids
            .chunks(size)
            .map(|ids| match kind.split(' ').next().unwrap_or_default() {
                "insert" => Apply::Insert(batch(&table, &all, ids, salt)),
                "update" => {
                    Apply::Update { rows: batch(&table, &["id", "n"], ids, salt), old_keys: None }
                }
                "delete" => Apply::Delete(batch(&table, &["id"], ids, salt)),
                _ => Apply::Upsert(batch(&table, &all, ids, salt)),
            })
            .collect();
        let before = (spent(&server), spent("self"), Instant::now());
        for step in &steps {
            writer.savepoint().await.unwrap();
            writer.apply(0, step).await.unwrap();
            writer.flush(&Position::new(1, "{}")).await.unwrap();
        }
        let seconds = before.2.elapsed().as_secs_f64();
        let micros = |hundredths: u64| hundredths as f64 * 10_000.0 / ROWS as f64;
        println!(
            "{kind:24}{:>12.0}{:>16.2}{:>16.2}",
            ROWS as f64 / seconds,
            micros(spent("self") - before.1),
            micros(spent(&server) - before.0)
        );
    }
    drop(writer);
    sink.unfollow(&task).await.unwrap();
    sink.execute(&["DROP TABLE applied".into()]).await.unwrap();
}
