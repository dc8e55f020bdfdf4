//! While a set of changes is being applied, the next is read and made ready: in order, a few at
//! most, and what is wrong with it comes after what was before it is durable.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod clocks;
mod script;
#[path = "../wrapped/mod.rs"]
mod wrapped;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field};
use proptest::prelude::*;
use syncline_connector::{Endpoint, Mode, Registry};
use syncline_engine::{Engine, Event, Following, Job, Outcome, Until};
use syncline_store::Store;
use syncline_types::{
    ChangeSet, Code, Commit, Error, LogElement, Op, RowChanges, SchemaChange, SchemaEffect,
    TableName, TableSchema,
};
use tokio::sync::{broadcast, watch};

use script::{Script, Slow, Told, place};
use wrapped::Wrapped;

fn table() -> Arc<TableSchema> {
    let fields = ["id", "v"].map(|name| Field::new(name, DataType::Int64, name == "v"));
    let mut table = TableSchema::new(TableName::bare("t"), fields);
    table.primary_key = vec!["id".into()];
    Arc::new(table)
}

type Model = BTreeMap<i64, i64>;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Act {
    Put(i64, i64),
    Delete(i64),
}

/// One element of a log.
#[derive(Debug, Clone)]
enum Element {
    Set(Vec<Act>),
    Truncate,
    Quiet,
}

/// The log of a table that is empty at first, and the rows it leaves behind.
fn history(elements: &[Element], table: &Arc<TableSchema>) -> (Told, Model) {
    let mut rows = Model::new();
    let mut sets: Vec<Vec<(Op, i64, i64)>> = Vec::new();
    for element in elements {
        let mut told = Vec::new();
        match element {
            Element::Truncate => rows.clear(),
            Element::Quiet => {}
            Element::Set(acts) => {
                for act in acts {
                    match *act {
                        Act::Put(id, v) => {
                            let was = rows.insert(id, v);
                            told.push((if was.is_some() { Op::Update } else { Op::Insert }, id, v));
                        }
                        Act::Delete(id) => {
                            if rows.remove(&id).is_some() {
                                told.push((Op::Delete, id, 0));
                            }
                        }
                    }
                }
            }
        }
        sets.push(told);
    }
    let (elements, table) = (elements.to_vec(), Arc::clone(table));
    let told = move |at: usize| {
        let position = place(at + 1);
        Ok(match elements[at] {
            Element::Set(_) => LogElement::Changes(set(&table, &sets[at], at)),
            Element::Quiet => LogElement::Heartbeat(position),
            Element::Truncate => LogElement::Schema(SchemaChange {
                table: table.name.clone(),
                effect: SchemaEffect::Truncated,
                statement: None,
                position,
                complete: true,
                within: None,
            }),
        })
    };
    (Arc::new(told), rows)
}

fn set(table: &Arc<TableSchema>, told: &[(Op, i64, i64)], at: usize) -> ChangeSet {
    let of = |op: Op| {
        let places = (0..).zip(told).filter(|(_, (o, ..))| *o == op);
        let (order, rows): (Vec<u32>, Vec<_>) = places.map(|(n, row)| (n, *row)).unzip();
        let ids: Int64Array = rows.iter().map(|(_, id, _)| Some(*id)).collect();
        let values: Int64Array = rows.iter().map(|(.., v)| Some(*v)).collect();
        let whole = RecordBatch::try_new(table.arrow(), vec![Arc::new(ids), Arc::new(values)]);
        let (rows, columns) = match op {
            Op::Delete => (whole.unwrap().project(&[0]).unwrap(), Some(Arc::from([0]))),
            _ => (whole.unwrap(), None),
        };
        RowChanges { table: Arc::clone(table), columns, op, rows, order }
    };
    let changes = [Op::Insert, Op::Update, Op::Delete].map(of);
    let end = u32::try_from(told.len()).unwrap();
    ChangeSet {
        changes: changes.into_iter().filter(|rows| !rows.order.is_empty()).collect(),
        rejects: Vec::new(),
        places: end,
        commits: vec![Commit { end, at: None, position: place(at + 1) }],
        complete: true,
        within: None,
    }
}

/// A run from a script into SQLite.
struct Run {
    folder: tempfile::TempDir,
    handed: Arc<AtomicUsize>,
    open: watch::Sender<bool>,
    events: broadcast::Receiver<Event>,
    outcome: tokio::task::JoinHandle<Outcome>,
}

impl Run {
    /// `open`: the target takes rows from the beginning on.
    fn start(
        told: Told,
        places: usize,
        open: bool,
        takes: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (open, opens) = watch::channel(open);
        let handed = Arc::new(AtomicUsize::new(0));
        let script = Script { table: table(), told, places, handed: Arc::clone(&handed) };
        let slow = Slow { open: opens, takes: Arc::new(takes) };
        let target = folder.path().join("target.db");
        rusqlite::Connection::open(&target)
            .unwrap()
            .execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, v INTEGER)")
            .unwrap();
        let target = Endpoint::parse(&format!("slow:{}", target.display())).unwrap();
        let job = Job {
            command: "test".into(),
            mode: Mode::Changes,
            following: Following { until: Until::CaughtUp, ..Following::default() },
            ..Job::new("test", Endpoint::parse("script:x").unwrap(), target)
        };
        let store = Arc::new(Store::open(&folder.path().join("state")).unwrap());
        let registry = Registry::new(vec![Box::new(script), Box::new(Wrapped(slow))]);
        let mut handle = Engine::new(Arc::new(registry), store).start(job, false).unwrap();
        let events = handle.events();
        let outcome = tokio::spawn(async move { handle.wait().await });
        Self { folder, handed, open, events, outcome }
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("target.db")
    }

    fn rows(&self) -> Model {
        let target = rusqlite::Connection::open(self.target()).unwrap();
        let mut select = target.prepare("SELECT id, v FROM t").unwrap();
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

fn element() -> impl Strategy<Value = Element> {
    let act = prop_oneof![
        3 => (0i64..12, any::<i64>()).prop_map(|(id, v)| Act::Put(id, v)),
        1 => (0i64..12).prop_map(Act::Delete),
    ];
    prop_oneof![
        8 => prop::collection::vec(act, 1..12).prop_map(Element::Set),
        1 => Just(Element::Truncate),
        1 => Just(Element::Quiet),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn everything_comes_in_its_order_however_long_each_takes(
        elements in prop::collection::vec(element(), 1..40),
        takes in prop::collection::vec(0u64..3, 8),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (told, expected) = history(&elements, &table());
            let call = AtomicUsize::new(0);
            let takes = move || Duration::from_millis(takes[call.fetch_add(1, SeqCst) % takes.len()]);
            let mut run = Run::start(told, elements.len(), true, takes);
            let outcome = (&mut run.outcome).await.unwrap();
            assert!(matches!(outcome, Outcome::Rested(_)), "{outcome:?}");
            assert_eq!(run.rows(), expected);
        });
    }
}

/// Sets of one row each.
fn plenty(sets: i64) -> Vec<Element> {
    (0..sets).map(|id| Element::Set(vec![Act::Put(id, id)])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_waits_for_a_target_that_stalls_a_few_sets_are_in_memory() {
    // One that is applied, one that is ready, one that waits, one in the reader's hand.
    const HELD: usize = 4;
    let (told, expected) = history(&plenty(100), &table());
    let mut run = Run::start(told, 100, false, || Duration::ZERO);
    let reached = async {
        while run.handed.load(SeqCst) < HELD {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached).await.expect("it is read ahead");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(run.handed.load(SeqCst), HELD);
    assert_eq!(run.rows(), Model::new());
    run.open.send(true).unwrap();
    let outcome = (&mut run.outcome).await.unwrap();
    assert!(matches!(outcome, Outcome::Rested(_)), "{outcome:?}");
    assert_eq!(run.rows(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_next_set_comes_after_this_one_is_durable() {
    for wrong in 0..2 {
        let (told, _) = history(&plenty(3), &table());
        let broken: Told = Arc::new(move |at| match (at, wrong) {
            (0, _) => told(0),
            // The log cannot be read, or what it says cannot be made ready.
            (_, 0) => Err(Error::new(Code::LogUnreadable, "the log is torn")),
            _ => {
                let mut other = (*table()).clone();
                other.columns.pop();
                let Ok(LogElement::Changes(mut set)) = told(at) else { panic!("a set") };
                set.changes[0].table = Arc::new(other);
                Ok(LogElement::Changes(set))
            }
        });
        let mut run = Run::start(broken, 3, true, || Duration::from_millis(100));
        let outcome = (&mut run.outcome).await.unwrap();
        let Outcome::Failed(error, _) = &outcome else { panic!("{outcome:?}") };
        assert_eq!(error.code(), Code::LogUnreadable, "{error:?}");
        assert_eq!(run.rows(), Model::from([(0, 0)]), "case {wrong}");
    }
}
