//! Generated rows: the same ones in any number of pieces, and from anywhere inside of one.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use syncline_connector::{AnyConnector, Budget, Cut, Endpoint, ReadTask, Source};
use syncline_stream::StreamConnector;
use syncline_types::{Code, Element, Position, TableSelection};

const COLUMNS: &str = r#"[
    {"name": "id", "type": "int32", "sequence": -3},
    {"name": "word", "type": "text", "random": [0, 9]},
    {"name": "share", "type": "float64", "random": [-1, 1]},
    {"name": "yes", "type": "bool", "random": [1, 3]},
    {"name": "day", "type": "date", "random": ["2020-01-01", "2020-12-31"]},
    {"name": "at", "type": "timestamp", "random": ["2020-01-01 00:00:00", "2020-01-02 00:00:00"]},
    {"name": "price", "type": "decimal(9,2)", "value": "12.30"},
    {"name": "nothing", "type": "text", "value": null}
]"#;

fn source(rows: u64) -> Box<dyn Source> {
    let mut endpoint = Endpoint::parse("stream:").unwrap();
    endpoint.options =
        BTreeMap::from([("columns".into(), COLUMNS.into()), ("rows".into(), rows.to_string())]);
    AnyConnector::source(&StreamConnector, &endpoint).unwrap()
}

async fn task(source: &dyn Source) -> ReadTask {
    let all = TableSelection::parse(&[] as &[String], &[]).unwrap();
    let table = source.discover(&all).await.unwrap().remove(0).schema;
    ReadTask { table: Arc::new(table), filter: None, query: None }
}

/// All rows, in so many pieces, each broken off and gone on with after every batch.
async fn read(rows: u64, splits: usize, batch: usize) -> RecordBatch {
    let source = source(rows);
    let task = task(&*source).await;
    let cut = Cut { splits, min_rows: 1, min_bytes: 1 };
    let splits = source.plan(&task, &cut).await.unwrap();
    let budget = Budget { rows: batch, bytes: 1 << 20 };
    let mut all = Vec::new();
    for split in &splits {
        let mut at: Option<Position> = None;
        loop {
            let mut reader = source.open(&task, split, at.as_ref()).await.unwrap();
            match reader.next(budget).await.unwrap() {
                Element::EndOfSplit => break,
                Element::Batch(batch) => {
                    at = Some(batch.position.clone());
                    all.push(batch.rows);
                }
            }
        }
    }
    concat_batches(&task.table.arrow(), &all).unwrap()
}

#[tokio::test]
async fn rows_are_the_same_however_they_are_cut() {
    let whole = read(1_000, 1, 1_000).await;
    assert_eq!(whole.num_rows(), 1_000);
    for (splits, batch) in [(1, 7), (3, 100), (16, 1), (5_000, 64)] {
        assert_eq!(read(1_000, splits, batch).await, whole, "{splits} pieces of {batch} rows");
    }
}

#[tokio::test]
async fn no_rows_are_one_empty_piece() {
    assert_eq!(read(0, 4, 10).await.num_rows(), 0);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let refused = |url: &str| {
        let endpoint = Endpoint::parse(url).unwrap();
        AnyConnector::source(&StreamConnector, &endpoint).map(drop).unwrap_err().code()
    };
    assert_eq!(refused("stream:somewhere"), Code::BadUrl);
    assert_eq!(refused("stream:?columns=[]"), Code::BadValue);
    assert_eq!(refused("stream:?rowz=1"), Code::UnknownKey);
    let source = source(5);
    let other = TableSelection::parse(&["strem"], &[]).unwrap();
    let error = source.discover(&other).await.unwrap_err();
    assert!(error.message().contains("did you mean \"stream\""), "{error}");
    let filtered = ReadTask { filter: Some("id > 1".into()), ..task(&*source).await };
    let cut = Cut { splits: 1, min_rows: 1, min_bytes: 1 };
    assert_eq!(source.plan(&filtered, &cut).await.unwrap_err().code(), Code::Unsupported);
}
