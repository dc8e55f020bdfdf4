//! Changes of tables at the source, carried over to the target as the job's policies say.

use std::sync::Arc;

use syncline_connector::{DefinitionChange, Follower};
use syncline_sql::alter::{Alteration, alterations, unlogged};
use syncline_types::{
    Code, Error, Result, SchemaChange, SchemaEffect, TableInfo, TableName, TableSchema,
};

use super::part::Part;
use super::settings::{SchemaPolicies, SchemaPolicy};
use super::stream::Stream;
use crate::crash::may_crash;
use crate::events::Event;
use crate::plan::{self, BoundTable, Destination, TablePlan};

/// What is to be done about a change.
struct Verdict {
    policy: SchemaPolicy,
    /// What it does, for people.
    what: String,
}

impl Stream<'_> {
    /// Follows a change of a table's definition.
    ///
    /// # Errors
    /// [`Code::SchemaChangeHeld`] when a person is to decide.
    pub(super) async fn define(&mut self, change: SchemaChange) -> Result<()> {
        let place = self.tables.place(&change.table);
        let created = matches!(change.effect, SchemaEffect::Created(_));
        // One that joins, or that the others have made.
        let elsewhere = place.is_none() && self.is_elsewhere(&change.table);
        if place.is_none() && !created || place.is_some() && created || elsewhere {
            self.passed(&change);
            return Ok(());
        }
        if self.is_told_before(&change)? {
            self.passed(&change);
            return Ok(());
        }
        let verdict = verdict(
            &self.log.job.following.schema_changes,
            place.map(|at| &*self.tables.all[at].followed.source),
            &change,
        );
        let asked = self.log.kept.get().asked.as_ref() == Some(&change.position);
        // Whoever was asked has done it at the target, or says now that it is to be done.
        let answered = asked && !self.is_left_to_us(verdict.policy, place, &change.effect).await?;
        let policy = match verdict.policy {
            SchemaPolicy::Pause if answered => SchemaPolicy::Ignore,
            policy => policy,
        };
        if policy == SchemaPolicy::Pause {
            self.flush_if_complete().await?;
            self.log.kept.change(|state| state.asked = Some(change.position.clone()))?;
            return Err(held(&change, &verdict.what));
        }
        let alone = !self.sink.defines_in_transaction();
        if alone {
            self.flush_if_complete().await?;
        }
        let message = match policy {
            SchemaPolicy::Apply => format!("{}: {} at the target, too", change.table, verdict.what),
            _ => format!("{}: {}; the target stays as it is", change.table, verdict.what),
        };
        let bound = match (answered, &change.effect, place) {
            (true, SchemaEffect::Altered { after, .. }, Some(place)) => {
                Some(self.mended(place, after).await?)
            }
            _ => self.after(place, &change, policy).await?,
        };
        let definition = match (&change.effect, policy) {
            // The target's table is what a person has made of it.
            (SchemaEffect::Altered { .. }, SchemaPolicy::Ignore) if answered => {
                self.said(place, &change.effect, bound.as_ref())?
            }
            (_, SchemaPolicy::Ignore | SchemaPolicy::Pause) => None,
            (SchemaEffect::Truncated, _) => Some(DefinitionChange::Truncate),
            (SchemaEffect::Dropped, _) => Some(DefinitionChange::Drop),
            (effect, _) => self.said(place, effect, bound.as_ref())?,
        };
        let index = place.unwrap_or(self.tables.all.len());
        if let Some(definition) = &definition {
            match &mut self.follower {
                Follower::State(writer) => writer.define(index, definition).await?,
                Follower::Log(writer) => writer.define(&change).await?,
            }
        }
        may_crash!("definition-changed");
        if let (SchemaEffect::Renamed(to), Part::Joining { .. }) = (&change.effect, &self.log.part)
        {
            self.log.kept.renamed(&change.table, &to.name)?;
        }
        if let (SchemaEffect::Dropped, Some(place)) = (&change.effect, place) {
            self.tables.drop(place);
        }
        match (bound, place) {
            (Some(bound), Some(place)) => self.tables.replace(place, bound),
            (Some(bound), None) => self.tables.push(bound),
            (None, _) => {}
        }
        let _ = self.log.stretch.events.send(Event::Note { message });
        self.replanned = true;
        self.passed(&change);
        if alone && change.complete { self.flush().await } else { Ok(()) }
    }

    /// Whether a change that was asked about is to be applied now, and is not done at the target.
    async fn is_left_to_us(
        &mut self,
        policy: SchemaPolicy,
        place: Option<usize>,
        effect: &SchemaEffect,
    ) -> Result<bool> {
        let (SchemaPolicy::Apply, Some(place)) = (policy, place) else { return Ok(false) };
        let plan = &self.tables.all[place].moving.bound.plan;
        let Some(there) = self.sink.describe(&plan.target.name).await? else { return Ok(false) };
        Ok(match effect {
            SchemaEffect::Altered { after, renamed } => {
                let wanted = self.altered(plan, after, renamed)?.definition;
                let names = |table: &TableSchema| {
                    let mut names: Vec<_> =
                        table.columns.iter().map(|c| c.name().to_owned()).collect();
                    names.sort();
                    names
                };
                names(&there.schema) != names(&wanted)
            }
            _ => true,
        })
    }

    /// Whether a table that is made is the business of another part of the run.
    fn is_elsewhere(&self, table: &TableName) -> bool {
        match &self.log.part {
            Part::All => false,
            Part::Others { .. } => self.log.kept.get().joins(table),
            Part::Joining { .. } => !self.log.kept.get().joins(table),
        }
    }

    /// Whether the table was read in a snapshot that stands behind the change.
    fn is_told_before(&self, change: &SchemaChange) -> Result<bool> {
        let state = self.log.kept.get();
        let Some(read_at) = state.read_at.get(&change.table.to_string()) else { return Ok(false) };
        if self.changes.reached(&self.read, read_at)? {
            return Ok(false);
        }
        if change.complete {
            return self.changes.reached(read_at, &change.position);
        }
        if let Some(within) = &change.within {
            return self.changes.reached(read_at, within);
        }
        // Inside of a transaction: whether it ended before the snapshot is not known.
        let text = format!(
            "{}: its definition changed, or it was truncated, near the snapshot it was read in",
            change.table
        );
        Err(Error::new(Code::CannotResume, text).hint("start over with --fresh"))
    }

    /// What comes next stands behind the change.
    fn passed(&mut self, change: &SchemaChange) {
        if change.complete {
            self.read = change.position.clone();
        }
    }

    /// The table as it is bound from now on; `None` when it stays what it is.
    async fn after(
        &mut self,
        place: Option<usize>,
        change: &SchemaChange,
        policy: SchemaPolicy,
    ) -> Result<Option<BoundTable>> {
        let (job, processors) = (self.log.job, self.log.processors);
        match (&change.effect, place) {
            (SchemaEffect::Created(_), _) if policy == SchemaPolicy::Ignore => Ok(None),
            (SchemaEffect::Created(table), _) => {
                let info = TableInfo {
                    schema: (**table).clone(),
                    rows: None,
                    bytes: None,
                    notes: Vec::new(),
                };
                let to = Destination::Sink(self.sink);
                let target = plan::target_name(job, &table.name)?;
                plan::plan_table(job, processors, &to, info, &target).await.map(Some)
            }
            (SchemaEffect::Altered { after, renamed }, Some(place)) => {
                let plan = &self.tables.all[place].moving.bound.plan;
                let plan = match policy {
                    SchemaPolicy::Apply => self.altered(plan, after, renamed)?,
                    _ => unchanged(plan, after, renamed),
                };
                plan::bind(job, processors, plan).map(Some)
            }
            (SchemaEffect::Renamed(after), Some(place)) => {
                let plan = &self.tables.all[place].moving.bound.plan;
                let mut plan = TablePlan { source: (**after).clone(), ..plan.clone() };
                if policy == SchemaPolicy::Apply {
                    let target = plan::target_name(job, &after.name)?;
                    (plan.target.name, plan.definition.name) = (target.clone(), target);
                }
                plan::bind(job, processors, plan).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The table when a person has brought the target's in line with the source's.
    async fn mended(&mut self, place: usize, after: &TableSchema) -> Result<BoundTable> {
        let (job, processors) = (self.log.job, self.log.processors);
        let plan = self.tables.all[place].moving.bound.plan.clone();
        let gone = || {
            Error::new(Code::TableChanged, format!("{} is not there any more", plan.target.name))
        };
        let there = self.sink.describe(&plan.target.name).await?.ok_or_else(gone)?;
        let plan = plan::replanned(job, processors, &plan, after.clone(), there.schema)?;
        plan::bind(job, processors, plan)
    }

    /// The plan of a table whose target is altered like its source.
    fn altered(
        &self,
        plan: &TablePlan,
        after: &TableSchema,
        renamed: &[(String, String)],
    ) -> Result<TablePlan> {
        let job = self.log.job;
        let made = |source: &TableSchema| {
            plan::definition_at(job, self.log.processors, self.sink, source, &plan.target.name)
        };
        let (old, new) = (made(&plan.source)?, made(after)?);
        let renamed = self.target_names(renamed, &old, &new);
        let definition = with_changes(&plan.definition, &old, &new, &renamed);
        plan::replanned(job, self.log.processors, plan, after.clone(), definition)
    }

    /// Renamed columns by the names they have at the target.
    fn target_names(
        &self,
        renamed: &[(String, String)],
        old: &TableSchema,
        new: &TableSchema,
    ) -> Vec<(String, String)> {
        let both =
            |(from, to): &&(String, String)| old.column(from).is_some() && new.column(to).is_some();
        renamed.iter().filter(both).cloned().collect()
    }

    /// The change in the target's terms.
    fn said(
        &self,
        place: Option<usize>,
        effect: &SchemaEffect,
        bound: Option<&BoundTable>,
    ) -> Result<Option<DefinitionChange>> {
        let stretch = self.log.stretch;
        let Some(bound) = bound else { return Ok(None) };
        let task = bound.write_task(&stretch.run, stretch.epoch);
        let Some(place) = place else {
            return Ok((!task.exists).then_some(DefinitionChange::Create(task)));
        };
        let before = &self.tables.all[place].moving.bound.plan.definition;
        Ok(match effect {
            SchemaEffect::Altered { renamed, .. } => Some(DefinitionChange::Alter {
                renamed: self.target_names(renamed, before, &task.definition),
                before: Arc::new(before.clone()),
                after: task,
            }),
            SchemaEffect::Renamed(_) if before.name != task.definition.name => {
                Some(DefinitionChange::Rename { from: before.name.clone(), to: task })
            }
            _ => None,
        })
    }
}

/// The table's plan when only the source has changed: columns that are new there are not copied.
fn unchanged(plan: &TablePlan, after: &TableSchema, renamed: &[(String, String)]) -> TablePlan {
    let mut plan = plan.clone();
    let new = |name: &str| plan.source.column(name).is_none();
    let added: Vec<String> =
        after.columns.iter().map(|c| c.name()).filter(|n| new(n)).map(str::to_owned).collect();
    plan.ignored.retain(|name| after.column(name).is_some());
    plan.ignored.extend(added);
    // A column under a new name is another one to a target that keeps the old.
    let gone: Vec<&str> = renamed.iter().map(|(from, _)| from.as_str()).collect();
    plan.target.columns.retain(|c| after.column(c.name()).is_some() && !gone.contains(&c.name()));
    plan.source = after.clone();
    plan
}

/// A target's definition with what changes from `old` to `new`; what it has beside stays.
fn with_changes(
    definition: &TableSchema,
    old: &TableSchema,
    new: &TableSchema,
    renamed: &[(String, String)],
) -> TableSchema {
    let new_name = |name: &str| {
        let pair = renamed.iter().find(|(from, _)| from == name);
        pair.map_or_else(|| name.to_owned(), |(_, to)| to.clone())
    };
    let mut after = definition.clone();
    after.columns.clear();
    for column in &definition.columns {
        let name = new_name(column.name());
        match (old.column(column.name()), new.column(&name)) {
            // The target's own.
            (None, _) => after.columns.push(column.clone()),
            (Some(_), None) => {}
            (Some(was), Some(is)) => {
                let mut was = was.clone();
                was.field = was.field.with_name(&name);
                let mut same = column.clone();
                same.field = same.field.with_name(&name);
                after.columns.push(if was == *is { same } else { is.clone() });
            }
        }
    }
    for (index, column) in new.columns.iter().enumerate() {
        if after.column(column.name()).is_none() {
            // Behind the one it stands behind in the new definition.
            let at = match index.checked_sub(1) {
                None => 0,
                Some(before) => after
                    .index_of(new.columns[before].name())
                    .map_or(after.columns.len(), |at| at + 1),
            };
            after.columns.insert(at, column.clone());
        }
    }
    if old.primary_key != new.primary_key {
        after.primary_key.clone_from(&new.primary_key);
    } else {
        after.primary_key = definition.primary_key.iter().map(|c| new_name(c)).collect();
    }
    if old.indexes != new.indexes {
        after.indexes.retain(|index| !old.indexes.iter().any(|o| o.name == index.name));
        after.indexes.extend(new.indexes.iter().cloned());
    }
    if old.checks != new.checks {
        after.checks.clone_from(&new.checks);
    }
    if old.comment != new.comment {
        after.comment.clone_from(&new.comment);
    }
    after
}

/// What the job wants done with a change, and what it does.
fn verdict(
    policies: &SchemaPolicies,
    before: Option<&TableSchema>,
    change: &SchemaChange,
) -> Verdict {
    let one = |policy, what: &str| Verdict { policy, what: what.to_owned() };
    let (after, renamed) = match &change.effect {
        SchemaEffect::Created(_) => return one(policies.create_table, "it is made"),
        SchemaEffect::Dropped => return one(policies.drop_table, "it is dropped"),
        SchemaEffect::Truncated => return one(policies.truncate, "it is truncated"),
        SchemaEffect::Renamed(to) => {
            return one(policies.rename_table, &format!("it is renamed to {}", to.name));
        }
        SchemaEffect::Altered { after, renamed } => (after, renamed),
    };
    let Some(before) = before else { return one(SchemaPolicy::Ignore, "it is altered") };
    let steps = alterations(before, after, renamed);
    let mut policy = SchemaPolicy::Apply;
    let mut what = Vec::new();
    for step in &steps {
        what.push(said(step));
        let wanted = match step.kind() {
            "add_column" => policies.add_column,
            "drop_column" => policies.drop_column,
            "modify_column" => policies.modify_column,
            "rename_column" => policies.rename_column,
            _ => policies.indexes,
        };
        policy = match (policy, wanted) {
            (SchemaPolicy::Pause, _) | (_, SchemaPolicy::Pause) => SchemaPolicy::Pause,
            (SchemaPolicy::Ignore, _) | (_, SchemaPolicy::Ignore) => SchemaPolicy::Ignore,
            _ => SchemaPolicy::Apply,
        };
    }
    // Rows that are there got values which no log tells.
    let untold = unlogged(before, after, renamed);
    if let Some(untold) = untold.first()
        && policy == SchemaPolicy::Apply
    {
        return Verdict { policy: SchemaPolicy::Pause, what: untold.clone() };
    }
    what.dedup();
    Verdict { policy, what: what.join(", ") }
}

/// A step, for people: what it does and to which column.
fn said(step: &Alteration) -> String {
    let kind = step.kind().replace('_', " ");
    match step {
        Alteration::DropColumn(name) => format!("{kind} {name}"),
        Alteration::RenameColumn { from, to } => format!("{kind} {from} to {to}"),
        Alteration::ModifyColumn { to: column, .. } | Alteration::AddColumn { column, .. } => {
            format!("{kind} {}", column.name())
        }
        _ => kind,
    }
}

fn held(change: &SchemaChange, what: &str) -> Error {
    let statement = change.statement.as_ref().map(|s| format!(" ({})", s.sql)).unwrap_or_default();
    Error::new(Code::SchemaChangeHeld, format!("{}: {what}{statement}", change.table)).hint(
        "do at the target what is right and start the same command again: it goes on behind the \
         change; or let such changes be applied or ignored: --on-schema-change",
    )
}
