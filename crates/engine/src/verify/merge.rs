//! Two streams of rows in the order of their keys, compared row by row: a state machine that is
//! given batches and asks for more. It holds one batch of each side.
//!
//! That the rows do come in the order of their keys, each key once, is seen while they come; where
//! they do not, the caller has to compare in another way.

use std::cell::OnceCell;

use arrow::array::RecordBatch;
use arrow::row::Rows;
use syncline_types::Result;

use super::findings::{At, Findings};
use super::layout::Layout;

/// Rows of one side, ready to be compared.
pub(crate) struct Prepared {
    /// As the target holds them.
    pub(crate) rows: RecordBatch,
    /// As they were read, in the same types.
    pub(crate) raw: RecordBatch,
    /// Their keys.
    pub(crate) keys: Rows,
}

/// What the machine wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// More rows of the source, or its end.
    Source,
    /// More rows of the target, or its end.
    Target,
    /// Nothing: all has been compared.
    Done,
}

/// A side was not in the order of its keys, or had one twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Disorder;

/// Rows compared at once, at most.
const WIDEST: usize = 16_384;
/// Rows compared one by one after a difference, before more are tried at once again.
const NARROW: usize = 64;

/// The comparison of two ordered streams.
pub(crate) struct Merge<'a> {
    layout: &'a Layout,
    source: Cursor,
    target: Cursor,
    /// A row of a key that is at the target takes the old one's place when it is written.
    replaces: bool,
    window: usize,
}

#[derive(Default)]
struct Cursor {
    held: Option<Held>,
    at: usize,
    ended: bool,
    last: Option<Vec<u8>>,
}

struct Held {
    batch: Prepared,
    whole: OnceCell<Rows>,
}

impl Cursor {
    fn left(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.batch.rows.num_rows() - self.at)
    }

    fn feed(&mut self, batch: Prepared) -> Result<(), Disorder> {
        for key in batch.keys.iter() {
            if self.last.as_deref().is_some_and(|last| last >= key.as_ref()) {
                return Err(Disorder);
            }
            let last = self.last.get_or_insert_default();
            last.clear();
            last.extend_from_slice(key.as_ref());
        }
        self.held = Some(Held { batch, whole: OnceCell::new() });
        self.at = 0;
        Ok(())
    }
}

impl Held {
    fn at(&self, row: usize) -> At<'_> {
        At { rows: &self.batch.rows, raw: &self.batch.raw, row }
    }

    fn whole(&self, layout: &Layout) -> Result<&Rows> {
        if let Some(whole) = self.whole.get() {
            return Ok(whole);
        }
        let whole = layout.whole(&self.batch.rows)?;
        Ok(self.whole.get_or_init(|| whole))
    }
}

impl<'a> Merge<'a> {
    pub(crate) fn new(layout: &'a Layout, replaces: bool) -> Self {
        let (source, target) = (Cursor::default(), Cursor::default());
        Self { layout, source, target, replaces, window: WIDEST }
    }

    /// More rows of the source; `None` is its end.
    pub(crate) fn source(&mut self, batch: Option<Prepared>) -> Result<(), Disorder> {
        give(&mut self.source, batch)
    }

    /// More rows of the target; `None` is its end.
    pub(crate) fn target(&mut self, batch: Option<Prepared>) -> Result<(), Disorder> {
        give(&mut self.target, batch)
    }

    /// Compares what is there.
    pub(crate) fn step(&mut self, findings: &mut Findings) -> Result<Step> {
        loop {
            if self.source.left() == 0 && !self.source.ended {
                return Ok(Step::Source);
            }
            if self.target.left() == 0 && !self.target.ended {
                return Ok(Step::Target);
            }
            let (Some(source), Some(target)) = (&self.source.held, &self.target.held) else {
                return self.rest(findings);
            };
            let both = self.source.left().min(self.target.left());
            if both == 0 {
                return self.rest(findings);
            }
            let many = both.min(self.window);
            if equal(source, self.source.at, target, self.target.at, many) {
                findings.counts.equal += many as u64;
                self.source.at += many;
                self.target.at += many;
                self.window = (self.window * 2).min(WIDEST);
            } else {
                self.one_by_one(findings)?;
                self.window = NARROW;
            }
        }
    }

    /// One side is at its end: what the other has left has no counterpart. Its next batch comes
    /// this way again.
    fn rest(&mut self, findings: &mut Findings) -> Result<Step> {
        while self.source.left() > 0 {
            if let Some(held) = &self.source.held {
                findings.missing(self.layout, held.at(self.source.at))?;
            }
            self.source.at += 1;
        }
        while self.target.left() > 0 {
            if let Some(held) = &self.target.held {
                findings.extra(self.layout, held.at(self.target.at))?;
            }
            self.target.at += 1;
        }
        Ok(match (self.source.ended, self.target.ended) {
            (false, _) => Step::Source,
            (true, false) => Step::Target,
            (true, true) => Step::Done,
        })
    }

    fn one_by_one(&mut self, findings: &mut Findings) -> Result<()> {
        let (Some(source), Some(target)) = (&self.source.held, &self.target.held) else {
            return Ok(());
        };
        for _ in 0..NARROW {
            if self.source.left() == 0 || self.target.left() == 0 {
                break;
            }
            let (a, b) = (self.source.at, self.target.at);
            match source.batch.keys.row(a).cmp(&target.batch.keys.row(b)) {
                std::cmp::Ordering::Less => {
                    findings.missing(self.layout, source.at(a))?;
                    self.source.at += 1;
                }
                std::cmp::Ordering::Greater => {
                    findings.extra(self.layout, target.at(b))?;
                    self.target.at += 1;
                }
                std::cmp::Ordering::Equal => {
                    let same = source.whole(self.layout)?.row(a).as_ref()
                        == target.whole(self.layout)?.row(b).as_ref();
                    if same {
                        findings.counts.equal += 1;
                    } else {
                        let (a, b) = (source.at(a), target.at(b));
                        findings.different(self.layout, a, b, self.replaces)?;
                    }
                    self.source.at += 1;
                    self.target.at += 1;
                }
            }
        }
        Ok(())
    }
}

fn give(cursor: &mut Cursor, batch: Option<Prepared>) -> Result<(), Disorder> {
    match batch {
        Some(batch) => cursor.feed(batch),
        None => {
            cursor.ended = true;
            Ok(())
        }
    }
}

/// Whether so many rows are the same, bit by bit, on both sides.
fn equal(source: &Held, a: usize, target: &Held, b: usize, count: usize) -> bool {
    let columns = source.batch.rows.columns().iter().zip(target.batch.rows.columns());
    let mut columns = columns;
    columns.all(|(x, y)| x.slice(a, count) == y.slice(b, count))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array};
    use arrow::datatypes::{DataType, Field, Schema};
    use proptest::prelude::*;

    use super::*;

    fn layout() -> Layout {
        let fields =
            vec![Field::new("k", DataType::Int64, false), Field::new("v", DataType::Float64, true)];
        Layout::new(fields, vec![0], 7).unwrap()
    }

    type Row = (i64, Option<f64>);

    fn prepared(layout: &Layout, rows: &[Row]) -> Prepared {
        let schema = Arc::new(Schema::new(layout.fields.clone()));
        let rows = RecordBatch::try_new(
            schema,
            vec![
                Arc::new(rows.iter().map(|r| r.0).collect::<Int64Array>()),
                Arc::new(rows.iter().map(|r| r.1).collect::<Float64Array>()),
            ],
        )
        .unwrap();
        Prepared { keys: layout.keys(&rows).unwrap(), raw: rows.clone(), rows }
    }

    fn run(source: &[Row], target: &[Row], batch: usize) -> Result<Findings, Disorder> {
        let layout = layout();
        let mut findings = Findings::new("t".into(), 1_000, false);
        let mut merge = Merge::new(&layout, true);
        let (mut source, mut target) = (source.chunks(batch), target.chunks(batch + 1));
        loop {
            match merge.step(&mut findings).unwrap() {
                Step::Source => merge.source(source.next().map(|r| prepared(&layout, r)))?,
                Step::Target => merge.target(target.next().map(|r| prepared(&layout, r)))?,
                Step::Done => return Ok(findings),
            }
        }
    }

    #[test]
    fn zeros_of_both_signs_differ_and_a_nan_is_itself() {
        let found = run(
            &[(1, Some(0.0)), (2, Some(f64::NAN)), (3, None), (4, Some(1.0))],
            &[(1, Some(-0.0)), (2, Some(f64::NAN)), (3, Some(0.0)), (4, Some(1.0))],
            100,
        )
        .unwrap();
        assert_eq!((found.counts.equal, found.counts.different), (2, 2));
        let keys: Vec<&str> = found.shown.iter().map(|d| d.key[0].value.as_str()).collect();
        assert_eq!(keys, ["1", "3"]);
    }

    #[test]
    fn rows_out_of_order_and_doubled_keys_are_noticed() {
        let good = [(1, None), (2, None)];
        for bad in [vec![(2, None), (1, None)], vec![(1, None), (1, None)]] {
            for batch in [1, 10] {
                assert!(run(&bad, &good, batch).is_err());
                assert!(run(&good, &bad, batch).is_err());
            }
        }
    }

    fn side() -> impl Strategy<Value = BTreeMap<i64, Option<f64>>> {
        let value = prop_oneof![Just(None), Just(Some(1.0)), Just(Some(2.0))];
        prop::collection::btree_map(0i64..300, value, 0..300)
    }

    proptest! {
        #[test]
        fn agrees_with_looking_every_row_up(
            source in side(), changes in side(), same in any::<bool>(), batch in 1usize..90
        ) {
            // Either any two tables, or nearly equal ones.
            let mut target = if same { source.clone() } else { BTreeMap::new() };
            target.extend(changes);
            let rows = |side: &BTreeMap<i64, Option<f64>>| -> Vec<Row> {
                side.iter().map(|(k, v)| (*k, *v)).collect()
            };
            let found = run(&rows(&source), &rows(&target), batch).unwrap().counts;
            let equal = source.iter().filter(|(k, v)| target.get(k) == Some(v)).count();
            let missing = source.keys().filter(|k| !target.contains_key(k)).count();
            let extra = target.keys().filter(|k| !source.contains_key(k)).count();
            prop_assert_eq!(found.equal, equal as u64);
            prop_assert_eq!(found.missing, missing as u64);
            prop_assert_eq!(found.extra, extra as u64);
            prop_assert_eq!(found.different as usize, source.len() - equal - missing);
        }
    }
}
