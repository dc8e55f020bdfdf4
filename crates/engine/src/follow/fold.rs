//! Many changes of one table as few: of each key, what is left to be done in the end.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::row::{Row, RowConverter, Rows, SortField};
use syncline_types::{Error, Op, Result, TableSchema};

use super::rows::{At, TargetRows, gather, in_order};

/// What is left to be done in one table. Each key is in one of them at most.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    /// Keys of rows that go.
    pub(crate) deletes: Option<RecordBatch>,
    /// Some columns of rows that stay, by the columns.
    pub(crate) updates: Vec<RecordBatch>,
    /// Rows that take the place of others or are added.
    pub(crate) upserts: Vec<RecordBatch>,
    /// Rows that are new.
    pub(crate) inserts: Vec<RecordBatch>,
}

/// What became of one key.
#[derive(Default)]
struct Fate {
    /// A key to be named by.
    at: At,
    /// The first that happened was an insert.
    fresh: bool,
    /// The row, as inserted or as a whole update left it.
    whole: Option<At>,
    /// Updates of some columns since.
    partial: Vec<At>,
    gone: bool,
}

impl Fate {
    /// Where the last value of a column stands.
    fn value(&self, pieces: &[TargetRows], column: usize) -> Option<At> {
        let has = |at: &&At| pieces[at.0].at(column).is_some();
        self.partial.iter().rev().find(has).or(self.whole.as_ref().filter(has)).copied()
    }

    /// The columns that have a value, in the target's order.
    fn columns(&self, pieces: &[TargetRows]) -> Arc<[usize]> {
        match (&self.whole, self.partial.as_slice()) {
            (Some(at), []) | (None, [at]) => Arc::clone(&pieces[at.0].columns),
            (whole, partial) => {
                let all = whole.iter().chain(partial);
                all.flat_map(|at| pieces[at.0].columns.iter().copied())
                    .collect::<BTreeSet<usize>>()
                    .into_iter()
                    .collect()
            }
        }
    }
}

/// Folds the changes of one table by the columns of its key. `exact` tells that the target is just
/// as the source was before them, so that what is inserted is not there yet. `None` when order
/// matters: a row moves to another key and the log does not tell all of it.
pub(crate) fn fold(
    target: &TableSchema,
    key: &[usize],
    pieces: &[TargetRows],
    exact: bool,
) -> Result<Option<Folded>> {
    if key.is_empty() {
        return fold_rows(target, pieces);
    }
    let keys = keys(target, key, pieces)?;
    let order = in_order(pieces);
    let mut fates: Vec<Fate> = Vec::new();
    let mut known: HashMap<Row<'_>, usize> = HashMap::with_capacity(order.len());
    for (index, (place, piece, row)) in order.iter().copied().enumerate() {
        let name = keys[piece].row(row);
        let op = pieces[piece].op;
        if op == Op::Before {
            let next = order
                .get(index + 1)
                .filter(|(at, next, _)| *at == place + 1 && pieces[*next].op == Op::Update);
            if let Some((_, next, row)) = next {
                if keys[*next].row(*row) == name {
                    continue;
                }
                if !pieces[*next].is_whole(target) {
                    return Ok(None);
                }
            }
        }
        let fate = *known.entry(name).or_insert_with(|| {
            fates.push(Fate { at: (piece, row), fresh: op == Op::Insert, ..Fate::default() });
            fates.len() - 1
        });
        let fate = &mut fates[fate];
        match op {
            Op::Delete | Op::Before => {
                fate.gone = true;
                fate.whole = None;
                fate.partial.clear();
            }
            Op::Update if !pieces[piece].is_whole(target) => {
                // What is gone already was taken away by something later in the log.
                if !fate.gone {
                    fate.partial.push((piece, row));
                }
            }
            Op::Insert | Op::Update => {
                fate.gone = false;
                fate.whole = Some((piece, row));
                fate.partial.clear();
            }
        }
    }
    drop(known);
    put(target, key, pieces, &fates, exact).map(Some)
}

/// Folds the changes of a table whose rows have no key: what is there in the end is what was there,
/// with every row that was added and without every row that was taken away, in whatever order.
/// `None` when the log tells only a part of a row.
fn fold_rows(target: &TableSchema, pieces: &[TargetRows]) -> Result<Option<Folded>> {
    if !pieces.iter().all(|piece| piece.is_whole(target)) {
        return Ok(None);
    }
    let all: Vec<usize> = (0..target.columns.len()).collect();
    let names = keys(target, &all, pieces)?;
    let mut open: HashMap<Row<'_>, (Vec<At>, Vec<At>)> = HashMap::new();
    for (_, piece, row) in in_order(pieces) {
        let (added, taken) = open.entry(names[piece].row(row)).or_default();
        let (side, other) = match pieces[piece].op {
            Op::Insert | Op::Update => (added, taken),
            Op::Before | Op::Delete => (taken, added),
        };
        if other.pop().is_none() {
            side.push((piece, row));
        }
    }
    let gathered = |mut rows: Vec<At>| {
        rows.sort_unstable_by_key(|(piece, row)| pieces[*piece].order[*row]);
        gather(target, &all, pieces, rows.len(), |row, _| Some(rows[row]))
    };
    let (added, taken): (Vec<_>, Vec<_>) = open.into_values().unzip();
    let (added, taken) = (added.concat(), taken.concat());
    Ok(Some(Folded {
        deletes: if taken.is_empty() { None } else { Some(gathered(taken)?) },
        inserts: if added.is_empty() { Vec::new() } else { vec![gathered(added)?] },
        ..Folded::default()
    }))
}

/// The keys of each piece's rows, comparable with those of the others.
fn keys(target: &TableSchema, key: &[usize], pieces: &[TargetRows]) -> Result<Vec<Rows>> {
    let failed = |e| Error::bug(format!("{}: comparing keys", target.name)).because(e);
    let fields = key.iter().map(|at| SortField::new(target.columns[*at].field.data_type().clone()));
    let converter = RowConverter::new(fields.collect()).map_err(failed)?;
    let of = |piece: &TargetRows| {
        let columns = piece.project(target, key)?;
        converter.convert_columns(columns.columns()).map_err(failed)
    };
    pieces.iter().map(of).collect()
}

/// Rows that go together: whether they are whole, whether they are new, and their columns.
type Group = (bool, bool, Arc<[usize]>);

fn put(
    target: &TableSchema,
    key: &[usize],
    pieces: &[TargetRows],
    fates: &[Fate],
    exact: bool,
) -> Result<Folded> {
    let mut folded = Folded::default();
    // A row that came and went within the set was never at the target.
    let gone: Vec<&Fate> = fates.iter().filter(|f| f.gone && !(exact && f.fresh)).collect();
    if !gone.is_empty() {
        let rows = gather(target, key, pieces, gone.len(), |row, _| Some(gone[row].at))?;
        folded.deletes = Some(rows);
    }
    // Rows of the same columns to which the same is done, in the order of their first change.
    let mut groups: Vec<(Group, Vec<&Fate>)> = Vec::new();
    let mut found: HashMap<Group, usize> = HashMap::new();
    for fate in fates.iter().filter(|f| !f.gone) {
        let name = (fate.whole.is_some(), exact && fate.fresh, fate.columns(pieces));
        let group = *found.entry(name.clone()).or_insert_with(|| {
            groups.push((name, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(fate);
    }
    for ((whole, new, columns), fates) in groups {
        let value = |row: usize, column: usize| fates[row].value(pieces, column);
        let rows = gather(target, &columns, pieces, fates.len(), value)?;
        match (whole, new) {
            (false, _) => folded.updates.push(rows),
            (true, true) => folded.inserts.push(rows),
            (true, false) => folded.upserts.push(rows),
        }
    }
    Ok(folded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use arrow::array::{Array, AsArray, Int64Array};
    use arrow::datatypes::{DataType, Field, Int64Type};
    use proptest::prelude::*;
    use syncline_types::TableName;

    fn table() -> TableSchema {
        let field = |name: &str, null| Field::new(name, DataType::Int64, null);
        let fields = [field("id", false), field("a", true), field("b", true)];
        let mut table = TableSchema::new(TableName::bare("t"), fields);
        table.primary_key = vec!["id".into()];
        table
    }

    type Model = BTreeMap<i64, (Option<i64>, Option<i64>)>;

    /// One change of a valid history.
    #[derive(Debug, Clone)]
    enum Change {
        Insert(i64, i64, i64),
        Whole(i64, i64, i64),
        Partial(i64, bool, i64),
        Move(i64, i64, i64),
        Delete(i64),
    }

    fn change() -> impl Strategy<Value = Change> {
        let id = 0i64..8;
        prop_oneof![
            (id.clone(), any::<i64>(), any::<i64>()).prop_map(|(k, a, b)| Change::Insert(k, a, b)),
            (id.clone(), any::<i64>(), any::<i64>()).prop_map(|(k, a, b)| Change::Whole(k, a, b)),
            (id.clone(), any::<bool>(), any::<i64>())
                .prop_map(|(k, a, v)| Change::Partial(k, a, v)),
            (id.clone(), id.clone(), any::<i64>()).prop_map(|(k, l, a)| Change::Move(k, l, a)),
            id.prop_map(Change::Delete),
        ]
    }

    /// The operation and the columns of a piece.
    type Kind = (u8, Vec<usize>);
    /// Its rows and their places.
    type Values = (Vec<Vec<i64>>, Vec<u32>);

    /// Pieces of a history, as a log tells it, and the rows it leaves behind.
    struct Told {
        pieces: BTreeMap<Kind, Values>,
        rows: Model,
        place: u32,
    }

    impl Told {
        fn tell(&mut self, op: u8, columns: &[usize], values: Vec<i64>) {
            let piece = self.pieces.entry((op, columns.to_vec())).or_default();
            piece.0.push(values);
            piece.1.push(self.place);
            self.place += 1;
        }

        fn happen(&mut self, change: &Change) {
            match *change {
                Change::Insert(k, a, b) if !self.rows.contains_key(&k) => {
                    self.tell(0, &[0, 1, 2], vec![k, a, b]);
                    self.rows.insert(k, (Some(a), Some(b)));
                }
                Change::Whole(k, a, b) if self.rows.contains_key(&k) => {
                    self.tell(2, &[0, 1, 2], vec![k, a, b]);
                    self.rows.insert(k, (Some(a), Some(b)));
                }
                Change::Partial(k, first, v) if self.rows.contains_key(&k) => {
                    self.tell(2, &[0, if first { 1 } else { 2 }], vec![k, v]);
                    if let Some(row) = self.rows.get_mut(&k) {
                        *(if first { &mut row.0 } else { &mut row.1 }) = Some(v);
                    }
                }
                Change::Move(k, l, a)
                    if self.rows.contains_key(&k) && !self.rows.contains_key(&l) =>
                {
                    let b = self.rows.remove(&k).and_then(|row| row.1).unwrap_or_default();
                    self.tell(1, &[0], vec![k]);
                    self.tell(2, &[0, 1, 2], vec![l, a, b]);
                    self.rows.insert(l, (Some(a), Some(b)));
                }
                Change::Delete(k) if self.rows.remove(&k).is_some() => {
                    self.tell(3, &[0], vec![k]);
                }
                _ => {}
            }
        }

        fn pieces(&self) -> Vec<TargetRows> {
            let table = table();
            let op = [Op::Insert, Op::Before, Op::Update, Op::Delete];
            let piece = |((kind, columns), (values, order)): (&Kind, &Values)| {
                let fields: Vec<Field> =
                    columns.iter().map(|c| table.columns[*c].field.clone()).collect();
                let arrays = (0..columns.len())
                    .map(|c| {
                        let values: Int64Array = values.iter().map(|row| row[c]).collect();
                        Arc::new(values) as Arc<dyn Array>
                    })
                    .collect();
                let schema = Arc::new(arrow::datatypes::Schema::new(fields));
                TargetRows {
                    op: op[*kind as usize],
                    columns: columns.clone().into(),
                    rows: RecordBatch::try_new(schema, arrays).unwrap(),
                    order: order.clone(),
                }
            };
            self.pieces.iter().map(piece).collect()
        }
    }

    fn cells(rows: &RecordBatch) -> Vec<BTreeMap<String, Option<i64>>> {
        let schema = rows.schema();
        (0..rows.num_rows())
            .map(|row| {
                let cell = |(at, field): (usize, &Arc<Field>)| {
                    let column = rows.column(at).as_primitive::<Int64Type>();
                    (field.name().clone(), column.is_valid(row).then(|| column.value(row)))
                };
                schema.fields().iter().enumerate().map(cell).collect()
            })
            .collect()
    }

    /// What a sink does with it.
    fn apply(folded: &Folded, rows: &mut Model) {
        for row in folded.deletes.iter().flat_map(cells) {
            rows.remove(&row["id"].unwrap());
        }
        for row in folded.updates.iter().flat_map(cells) {
            if let Some(there) = rows.get_mut(&row["id"].unwrap()) {
                there.0 = row.get("a").copied().unwrap_or(there.0);
                there.1 = row.get("b").copied().unwrap_or(there.1);
            }
        }
        for row in folded.upserts.iter().flat_map(cells) {
            rows.insert(row["id"].unwrap(), (row["a"], row["b"]));
        }
        for row in folded.inserts.iter().flat_map(cells) {
            let before = rows.insert(row["id"].unwrap(), (row["a"], row["b"]));
            assert_eq!(before, None, "inserted over a row that is there");
        }
    }

    proptest! {
        #[test]
        fn what_is_left_to_do_leads_to_the_same_rows(
            before in prop::collection::vec(change(), 0..20),
            changes in prop::collection::vec(change(), 1..40),
            again in any::<bool>(),
        ) {
            let mut told = Told { pieces: BTreeMap::new(), rows: Model::new(), place: 0 };
            before.iter().for_each(|c| told.happen(c));
            let mut target = told.rows.clone();
            (told.pieces, told.place) = (BTreeMap::new(), 0);
            changes.iter().for_each(|c| told.happen(c));
            let pieces = told.pieces();
            // Behind a snapshot that was taken in between, some of it is at the target already.
            if again {
                target.clone_from(&told.rows);
            }
            let folded = fold(&table(), &[0], &pieces, !again).unwrap().unwrap();
            apply(&folded, &mut target);
            prop_assert_eq!(target, told.rows);
        }
    }

    proptest! {
        #[test]
        fn rows_without_a_key_come_out_as_many_as_they_are(
            changes in prop::collection::vec((any::<bool>(), 0i64..4, 0i64..2), 1..40),
        ) {
            let mut table = table();
            table.primary_key.clear();
            let mut told = Told { pieces: BTreeMap::new(), rows: Model::new(), place: 0 };
            let mut rows: Vec<Vec<i64>> = (0..4).map(|k| vec![k, 0, 0]).collect();
            let mut target = rows.clone();
            for (add, k, a) in changes {
                let row = vec![k, a, 0];
                if add {
                    told.tell(0, &[0, 1, 2], row.clone());
                    rows.push(row);
                } else if let Some(at) = rows.iter().position(|r| *r == row) {
                    told.tell(3, &[0, 1, 2], rows.remove(at));
                }
            }
            let folded = fold(&table, &[], &told.pieces(), true).unwrap().unwrap();
            let plain = |row: BTreeMap<String, Option<i64>>| {
                ["id", "a", "b"].map(|c| row[c].unwrap()).to_vec()
            };
            for row in folded.deletes.iter().flat_map(cells).map(plain) {
                target.remove(target.iter().position(|r| *r == row).expect("a row to delete"));
            }
            target.extend(folded.inserts.iter().flat_map(cells).map(plain));
            target.sort();
            rows.sort();
            prop_assert_eq!(target, rows);
        }
    }

    #[test]
    fn a_row_that_moves_with_only_some_of_its_columns_is_not_folded() {
        let mut told = Told { pieces: BTreeMap::new(), rows: Model::new(), place: 0 };
        told.tell(1, &[0], vec![1]);
        told.tell(2, &[0, 1], vec![2, 5]);
        assert!(fold(&table(), &[0], &told.pieces(), true).unwrap().is_none());
    }
}
