//! Gathers rows of the log into Arrow columns, by table, operation and columns.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema};
use syncline_types::{
    ChangeSet, Commit, Error, Op, Position, Reject, Result, RowChanges, TableSchema,
};

use super::cell::Means;
use super::map::Layout;
use super::plan::{Plan, Target};
use crate::decode::build::Build;
use crate::decode::sift::{Bad, sift};

/// Rows of one table to which the same happened.
struct Group {
    layout: Arc<Layout>,
    op: Op,
    columns: Vec<usize>,
    builds: Vec<Build>,
    places: Vec<u32>,
    bad: Vec<Bad>,
}

/// Groups of a plan: `usize::MAX` where it has none.
struct Known {
    plan: Arc<Plan>,
    old: usize,
    new: usize,
}

/// Rows of one table to which the same happened, and those of them that could not be decoded.
pub(crate) type Part = (RowChanges, Vec<Reject>);

/// A stretch of the log in the making.
#[derive(Default)]
pub(crate) struct Set {
    /// Rows before a place that others were taken back to.
    sealed: Vec<Part>,
    groups: Vec<Group>,
    known: Vec<Known>,
    pub(crate) places: u32,
    /// Bytes of the rows in the log.
    pub(crate) bytes: usize,
    commits: Vec<Commit>,
}

impl Set {
    /// The groups that rows of a plan go to: old ones, new ones.
    pub(crate) fn groups(&mut self, plan: &Arc<Plan>) -> (usize, usize) {
        if let Some(known) = self.known.iter().rev().find(|k| Arc::ptr_eq(&k.plan, plan)) {
            return (known.old, known.new);
        }
        let old = self.group(&plan.layout, plan.old.as_ref());
        let new = self.group(&plan.layout, plan.new.as_ref());
        self.known.push(Known { plan: Arc::clone(plan), old, new });
        (old, new)
    }

    fn group(&mut self, layout: &Arc<Layout>, target: Option<&Target>) -> usize {
        let Some(target) = target else { return usize::MAX };
        let same = |g: &Group| {
            Arc::ptr_eq(&g.layout, layout) && g.op == target.op && g.columns == target.columns
        };
        if let Some(at) = self.groups.iter().position(same) {
            return at;
        }
        let builds = target.columns.iter().filter_map(|c| {
            // Layouts are made of columns that have a builder.
            Build::of(&layout.table.columns[*c].field)
        });
        self.groups.push(Group {
            layout: Arc::clone(layout),
            op: target.op,
            columns: target.columns.clone(),
            builds: builds.collect(),
            places: Vec::new(),
            bad: Vec::new(),
        });
        self.groups.len() - 1
    }

    /// Appends a value to a column of a group; `None` is NULL.
    #[inline]
    pub(crate) fn put(&mut self, group: usize, column: usize, means: &Means, bytes: Option<&[u8]>) {
        let Group { builds, bad, places, .. } = &mut self.groups[group];
        let build = &mut builds[column];
        match bytes {
            None => build.null(),
            Some(bytes) => {
                if let Err(misfit) = means.put(build, bytes) {
                    build.null();
                    bad.push(Bad { row: places.len(), column, misfit });
                }
            }
        }
    }

    /// All columns of a row have been put.
    pub(crate) fn end_row(&mut self, group: usize) {
        self.groups[group].places.push(self.places);
        self.places += 1;
    }

    /// A transaction ends here.
    pub(crate) fn commit(&mut self, at: Option<i64>, position: Position) {
        self.commits.push(Commit { end: self.places, at, position });
    }

    /// Whether there is something to be told.
    pub(crate) fn is_empty(&self) -> bool {
        self.places == 0 && self.commits.is_empty()
    }

    /// Takes the rows from a place on out, with that place as their first.
    pub(crate) fn split_off(&mut self, from: u32) -> Result<Vec<Part>> {
        self.known.clear();
        let mut parts = std::mem::take(&mut self.sealed);
        for group in std::mem::take(&mut self.groups) {
            if !group.places.is_empty() {
                parts.push(group.finish()?);
            }
        }
        let mut out = Vec::new();
        for (mut changes, mut rejects) in parts {
            let at = changes.order.partition_point(|place| *place < from);
            let after = changes.order.split_off(at);
            let rows = changes.rows.slice(at, after.len());
            let order = after.into_iter().map(|place| place - from).collect();
            let (mut later, kept): (Vec<Reject>, _) =
                rejects.drain(..).partition(|reject| reject.index >= from);
            later.iter_mut().for_each(|reject| reject.index -= from);
            out.push((RowChanges { rows, order, ..changes.clone() }, later));
            changes.rows = changes.rows.slice(0, at);
            self.sealed.push((changes, kept));
        }
        self.places = from;
        Ok(out)
    }

    /// Puts rows that were taken out at the end.
    pub(crate) fn append(&mut self, parts: Vec<Part>, rows: u32) -> Result<()> {
        // Rows that come later go behind them.
        let nothing = self.split_off(self.places)?;
        drop(nothing);
        for (mut changes, mut rejects) in parts {
            changes.order.iter_mut().for_each(|place| *place += self.places);
            rejects.iter_mut().for_each(|reject| reject.index += self.places);
            self.sealed.push((changes, rejects));
        }
        self.places += rows;
        Ok(())
    }

    /// What was gathered; of the transaction that goes on, a place within it.
    pub(crate) fn finish(self, within: Option<Position>) -> Result<ChangeSet> {
        let mut set = ChangeSet {
            changes: Vec::with_capacity(self.groups.len()),
            rejects: Vec::new(),
            places: self.places,
            commits: self.commits,
            complete: within.is_none(),
            within,
        };
        let mut parts = self.sealed;
        for group in self.groups.into_iter().filter(|g| !g.places.is_empty()) {
            parts.push(group.finish()?);
        }
        for (changes, rejects) in parts {
            let table = Arc::clone(&changes.table);
            if !changes.order.is_empty() {
                set.changes.push(changes);
            }
            set.rejects.extend(rejects.into_iter().map(|r| (Arc::clone(&table), r)));
        }
        Ok(set)
    }
}

impl Group {
    fn finish(mut self) -> Result<Part> {
        let table: &Arc<TableSchema> = &self.layout.table;
        let fields: Vec<Field> =
            self.columns.iter().map(|c| table.columns[*c].field.clone()).collect();
        let mut arrays: Vec<ArrayRef> = self.builds.iter_mut().filter_map(Build::finish).collect();
        let mut rejects = Vec::new();
        if !self.bad.is_empty() {
            let place = table.name.to_string();
            let sifted = sift(&fields, &arrays, self.bad, self.places.len(), &place)?;
            let bad = sifted.good.iter().zip(&self.places).filter(|(g, _)| *g == Some(false));
            let bad: Vec<u32> = bad.map(|(_, place)| *place).collect();
            rejects = sifted.rejects;
            for (reject, place) in rejects.iter_mut().zip(bad) {
                reject.index = place;
            }
            let mut good = sifted.good.iter();
            self.places.retain(|_| good.next().flatten() == Some(true));
            arrays = sifted.kept;
        }
        let without = |(f, a): (&Field, &ArrayRef)| !f.is_nullable() && a.null_count() > 0;
        if let Some(at) = fields.iter().zip(&arrays).position(without) {
            return Err(super::event::unreadable(format!(
                "{}: NULL in column {}, which takes none",
                table.name,
                fields[at].name()
            )));
        }
        let columns = (self.columns.len() < table.columns.len()).then(|| self.columns.into());
        let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
            .map_err(|e| Error::bug(format!("rows of the log do not fit: {e}")))?;
        let changes =
            RowChanges { table: Arc::clone(table), columns, op: self.op, rows, order: self.places };
        Ok((changes, rejects))
    }
}
