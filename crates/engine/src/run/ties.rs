//! Foreign keys between tables that join a run and those that it follows already. The others are not
//! where the snapshot of those that join stands, neither while these are copied nor before: a key to
//! them cannot hold row by row. So the rows are written without regard to it, and it is looked at when
//! all have met. Where the store holds it all the same for what changes in the tables it ties, these
//! rest meanwhile, and go on with those that join.

use std::collections::BTreeSet;

use syncline_connector::{SetAside, Sink, WriteMode};
use syncline_types::{ForeignKey, ReferentialAction, Result};

use crate::follow::Aside;
use crate::plan::{BoundTable, TablePlan};
use crate::relations::same_table;

/// What becomes of foreign keys between tables that join and others.
#[derive(Default)]
pub(super) struct Ties {
    /// Those that rows of tables that join are written without regard to.
    pub(super) aside: Aside,
    /// The others that rest, by their names at the source.
    pub(super) tied: BTreeSet<String>,
}

impl Ties {
    /// The ties between tables that come and those that are `there`.
    pub(super) async fn between(
        coming: &[BoundTable],
        there: &[TablePlan],
        sink: &dyn Sink,
    ) -> Result<Self> {
        let mut ties = Self::default();
        for new in coming.iter().map(|table| &table.plan) {
            for old in there {
                let holds = ties.set_aside(new, old, sink).await?;
                // Rows of the others may refer to rows that have not been copied yet.
                if holds || keys(old, new).next().is_some() {
                    ties.tied.insert(name(old));
                }
            }
        }
        ties.spread(there);
        Ok(ties)
    }

    /// Sets the keys of a table to another one aside, where that goes; whether one holds even so.
    async fn set_aside(
        &mut self,
        new: &TablePlan,
        old: &TablePlan,
        sink: &dyn Sink,
    ) -> Result<bool> {
        if keys(new, old).next().is_none() {
            return Ok(false);
        }
        if !new.exists || new.write == WriteMode::Replace {
            // Those of a table that is made come last, mostly.
            return Ok(new.exists || sink.relates_at_once());
        }
        let place = sink.sets_aside(&new.target.name).await?;
        let mut holds = place == SetAside::ForRows;
        for key in keys(new, old) {
            // What a key does to rows may be told by no log.
            match place {
                SetAside::Nowhere => holds = true,
                SetAside::Everywhere if acts(key) => holds = true,
                _ => self.aside.entry(name(new)).or_default().push(key.clone()),
            }
        }
        Ok(holds)
    }

    /// Whatever is tied to what rests, rests, too.
    fn spread(&mut self, there: &[TablePlan]) {
        loop {
            let rests = |table: &&TablePlan| self.tied.contains(&name(table));
            let (resting, others): (Vec<_>, Vec<_>) = there.iter().partition(rests);
            let tied = |one: &TablePlan, two: &TablePlan| {
                keys(one, two).next().is_some() || keys(two, one).next().is_some()
            };
            let more: Vec<String> = others
                .into_iter()
                .filter(|other| resting.iter().any(|table| tied(other, table)))
                .map(name)
                .collect();
            if more.is_empty() {
                return;
            }
            self.tied.extend(more);
        }
    }
}

fn name(table: &TablePlan) -> String {
    table.source.name.to_string()
}

/// The foreign keys of a table to another one.
fn keys<'a>(from: &'a TablePlan, to: &'a TablePlan) -> impl Iterator<Item = &'a ForeignKey> {
    let keys = from.definition.foreign_keys.iter();
    keys.filter(|key| same_table(&key.references, &to.target.name))
}

/// Whether rows change, or go, with those that they refer to.
fn acts(key: &ForeignKey) -> bool {
    let acts =
        |action| !matches!(action, ReferentialAction::NoAction | ReferentialAction::Restrict);
    acts(key.on_delete) || acts(key.on_update)
}
