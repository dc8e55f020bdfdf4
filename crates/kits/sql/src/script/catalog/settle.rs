//! A table as it is when the whole script is known: with its partitions' rows, and with what it
//! needs before it can be made.

use syncline_types::{
    Column, DefaultValue, Identity, NativeSql, Partition, Requirement, TableName, TableSchema,
    field,
};

use super::super::create::settle_key;
use super::super::reader::same_table;
use super::super::scan::Place;
use super::super::sequence::{Options, count, next_of};
use super::{Entry, Part, ScriptCatalog, ScriptTable};
use crate::Dialect;
use crate::actions::{DOMAIN, is_late};
use crate::ddl::default_sql;

impl ScriptCatalog {
    /// The table that an entry is a part of, however many levels up.
    pub(super) fn root<'a>(&'a self, entry: &'a Entry) -> Option<&'a Entry> {
        let mut found = None;
        let mut at = entry;
        // A script may say nonsense, such as a circle.
        for _ in 0..self.entries.len() {
            let Some((parent, _)) = &at.parent else { break };
            let Some(next) = self.find(parent).map(|at| &self.entries[at]) else { break };
            (found, at) = (Some(next), next);
        }
        found
    }

    pub(super) fn settle(&self, entry: &Entry) -> ScriptTable {
        let mut table = entry.table.clone();
        if entry.inferred {
            table.notes.push("the script has no CREATE TABLE for it: all columns are text".into());
        }
        self.gather(entry, &mut table);
        if !entry.exact {
            if self.dialect() == Dialect::Postgres {
                self.count_columns(&mut table.schema);
            }
            self.require(&mut table.schema);
        }
        settle_key(&mut table.schema, self.dialect());
        table
    }

    /// Makes the partitions' rows the table's own.
    fn gather(&self, whole: &Entry, table: &mut ScriptTable) {
        let root = &whole.table.schema.name;
        let store = self.dialect().id();
        let parts = self
            .entries
            .iter()
            .filter(|e| self.root(e).is_some_and(|found| found.table.schema.name == *root));
        for part in parts {
            let one = &part.table;
            if let (Some((parent, bounds)), Some(partitioning)) =
                (&part.parent, &mut table.schema.partitioning)
            {
                let further = one.schema.partitioning.as_ref().map(|p| p.by.sql.as_str());
                let sql = match further {
                    Some(by) if !bounds.contains(" PARTITION BY ") => {
                        format!("{bounds} PARTITION BY {by}")
                    }
                    _ => bounds.clone(),
                };
                let (name, bounds) = (one.schema.name.clone(), NativeSql::new(store, sql));
                let mut partition = Partition::new(name, parent.clone(), bounds);
                self.set_apart(part, parent, &mut partition, &mut table.notes);
                partitioning.partitions.push(partition);
            }
            table.parts.push(Part { name: one.schema.name.clone(), columns: one.columns.clone() });
            table.rows += one.rows;
            table.bytes += one.bytes;
            table.end = table.end.max(one.end);
            table.marks.clear();
            let earlier = |a: &Place, b: &Place| a.offset <= b.offset;
            table.start = match (table.start.take(), one.start.clone()) {
                (Some(a), Some(b)) => Some(if earlier(&a, &b) { a } else { b }),
                (a, b) => a.or(b),
            };
        }
    }

    /// What a partition has that the table above has not.
    fn set_apart(
        &self,
        part: &Entry,
        parent: &TableName,
        partition: &mut Partition,
        notes: &mut Vec<String>,
    ) {
        let one = &part.table.schema;
        let name = &one.name.name;
        let Some(above) = self.find(parent).map(|at| &self.entries[at].table.schema) else {
            return;
        };
        let there = |index: &&syncline_types::Index| {
            let of = TableName { schema: one.name.schema.clone(), name: index.name.clone() };
            !self.attached.iter().any(|known| same_table(known, &of, self.dialect()))
        };
        partition.indexes = one.indexes.iter().filter(there).cloned().collect();
        let mut actions: Vec<String> =
            one.columns.iter().filter_map(|c| own_filling(c, above.column(c.name())?)).collect();
        let quote = |name: &str| Dialect::Postgres.quote(name);
        if above.primary_key.is_empty() && !one.primary_key.is_empty() {
            let columns: Vec<String> = one.primary_key.iter().map(|c| quote(c)).collect();
            actions.push(format!("ADD PRIMARY KEY ({})", columns.join(", ")));
        }
        for check in one.checks.iter().filter(|c| !above.checks.iter().any(|a| a.name == c.name)) {
            let constraint = check.name.as_deref().unwrap_or_default();
            let begin = format!("ADD CONSTRAINT {} ", quote(constraint));
            if !one.statements.iter().any(|s| s.sql.starts_with(&begin)) {
                actions.push(format!("{begin}CHECK ({})", check.condition.sql));
            }
        }
        // Keys and counters are those of the whole.
        let own = |sql: &&String| {
            !sql.starts_with("SERIAL ")
                && !sql.contains(" PRIMARY KEY ")
                && !sql.starts_with("COMMENT ")
        };
        actions.extend(one.statements.iter().map(|s| &s.sql).filter(own).cloned());
        let native = |sql: String| NativeSql::new(Dialect::Postgres.id(), sql);
        let (late, early): (Vec<String>, Vec<String>) =
            actions.into_iter().partition(|action| is_late(action));
        partition.actions = early.into_iter().map(native).collect();
        partition.late_actions = late.into_iter().map(native).collect();
        for key in &one.foreign_keys {
            let same = |k: &syncline_types::ForeignKey| {
                k.columns == key.columns && k.references == key.references
            };
            if !above.foreign_keys.iter().any(same) {
                notes.push(format!("foreign key {} of partition {name} is not copied", key.name));
            }
        }
        if one.comment.is_some() && one.comment != above.comment {
            notes.push(format!("the comment of partition {name} is not copied"));
        }
        notes.extend(part.table.notes.iter().map(|note| format!("partition {name}: {note}")));
    }

    /// Columns that count by sequences of their own do so at the target.
    fn count_columns(&self, schema: &mut TableSchema) {
        let names: Vec<String> = schema.columns.iter().map(|c| c.name().to_owned()).collect();
        for (at, name) in names.iter().enumerate() {
            let owned = self.sequences.iter().find(|s| {
                let owner = s.options.owner.as_ref();
                owner.is_some_and(|(table, column)| {
                    column == name && same_table(table, &schema.name, Dialect::Postgres)
                })
            });
            let column = &mut schema.columns[at];
            let from = taken_from(column);
            let counts = match owned {
                Some(sequence) if sequence.options.serial => {
                    let own = from
                        .as_ref()
                        .is_some_and(|from| same_table(from, &sequence.name, Dialect::Postgres));
                    own || column.identity.is_some() && from.is_none()
                }
                Some(_) => column.identity.is_some(),
                None => false,
            };
            if let (Some(sequence), true) = (owned, counts) {
                let always = column.identity.is_some_and(|i| i.always);
                column.identity = Some(Identity { always, next: sequence.next() });
                column.default = None;
                let (sequence, options) = (&sequence.name, &sequence.options);
                count(schema, name, sequence, options);
            } else if let Some(from) = from
                && self.find_counter(&from).is_none()
                && self.uses(&from) == 1
            {
                // A definition without its sequence: there is no other that it could be.
                let ty = field::native(&column.field, Dialect::Postgres.id()).map(str::to_owned);
                column.identity = Some(Identity { always: false, next: None });
                column.default = None;
                let options = Options { ty, serial: true, ..Options::default() };
                count(schema, name, &from, &options);
            }
        }
    }

    /// How many columns take their numbers from the sequence.
    fn uses(&self, sequence: &TableName) -> usize {
        let whole = self.entries.iter().filter(|e| e.parent.is_none());
        let columns = whole.flat_map(|e| &e.table.schema.columns);
        let from = columns.filter_map(taken_from);
        from.filter(|name| same_table(name, sequence, self.dialect())).count()
    }

    /// A sequence that a default takes numbers of, with the number it has come to.
    fn sequence(&self, name: &TableName) -> Option<Requirement> {
        let is = |made: &&Requirement| {
            made.kind == "sequence" && same_table(&made.name, name, self.dialect())
        };
        let mut found = self.types.made.iter().find(is)?.clone();
        let counter = self.find_counter(name).map(|at| &self.sequences[at]);
        match self.dialect() {
            Dialect::Mysql => {
                found.name = name.clone();
                if let Some(next) = counter.and_then(|c| c.next()) {
                    found.create.sql.push_str(&format!(" /* next {next} */"));
                }
            }
            _ => {
                if let Some((last, called)) = counter.and_then(|c| c.last) {
                    let text = Dialect::Postgres.string(&Dialect::Postgres.table(&found.name));
                    found
                        .create
                        .sql
                        .push_str(&format!("; SELECT pg_catalog.setval({text}, {last}, {called})"));
                }
            }
        }
        Some(found)
    }

    /// Names what the table needs before it can be made.
    fn require(&self, schema: &mut TableSchema) {
        let store = self.dialect().id();
        for column in &schema.columns {
            let metadata = column.field.metadata();
            let mut texts: Vec<String> = Vec::new();
            texts.extend(metadata.get(field::NATIVE).cloned());
            texts.extend(metadata.get(DOMAIN).cloned());
            texts.extend(metadata.get(field::COLLATION).map(|c| Dialect::Postgres.quote(c)));
            for text in texts {
                for needed in self.types.needed(&text) {
                    if !schema.requires.contains(&needed) {
                        schema.requires.push(needed);
                    }
                }
            }
            if let Some(DefaultValue::Native { store: own, sql }) = &column.default
                && own == store
            {
                let called = next_of(sql).and_then(|name| self.sequence(&name));
                let new = called.filter(|needed| !schema.requires.contains(needed));
                schema.requires.extend(new);
            }
        }
    }
}

/// The sequence that fills a column, where its default says no more than that.
fn taken_from(column: &Column) -> Option<TableName> {
    match &column.default {
        Some(DefaultValue::Native { sql, .. }) if sql.trim_end().ends_with(')') => next_of(sql),
        _ => None,
    }
}

/// The default and NOT NULL of a partition's column, where those of the table above are others.
fn own_filling(column: &Column, above: &Column) -> Option<String> {
    let postgres = Dialect::Postgres;
    let name = postgres.quote(column.name());
    let mut said = Vec::new();
    if !column.field.is_nullable() && above.field.is_nullable() {
        said.push(format!("ALTER COLUMN {name} SET NOT NULL"));
    }
    if column.default != above.default && column.identity.is_none() && above.identity.is_none() {
        said.push(match column.default.as_ref().and_then(|d| default_sql(postgres, column, d)) {
            Some(default) => format!("ALTER COLUMN {name} SET DEFAULT {default}"),
            None => format!("ALTER COLUMN {name} DROP DEFAULT"),
        });
    }
    // Both are actions of one ALTER TABLE.
    (!said.is_empty()).then(|| said.join(", "))
}
