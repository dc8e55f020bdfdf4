//! Tables that are made from others: partitions, tables like another; and what goes by another
//! name from some place of the script on.

use syncline_types::{NativeSql, Partitioning, Result, TableName, TableSchema};

use super::super::create::Extras;
use super::ScriptCatalog;
use crate::Dialect;

/// Holds a table to the conditions of one that it inherits from, but for those that say otherwise.
pub(super) fn inherit(table: &mut TableSchema, parent: &TableSchema) {
    for check in &parent.checks {
        if table.checks.iter().any(|known| known.name == check.name) {
            continue;
        }
        let name = Dialect::Postgres.quote(check.name.as_deref().unwrap_or_default());
        let begin = format!("ADD CONSTRAINT {name} CHECK ");
        let action = parent.statements.iter().find(|s| s.sql.starts_with(&begin));
        if action.is_some_and(|action| action.sql.contains(" NO INHERIT")) {
            continue;
        }
        table.statements.extend(action.cloned());
        table.checks.push(check.clone());
    }
}

impl ScriptCatalog {
    /// The tables that inherit from one, however many levels down.
    pub(super) fn heirs(&self, table: &TableName) -> Vec<usize> {
        let mut names = vec![table.clone()];
        let mut found: Vec<usize> = Vec::new();
        while let Some(name) = names.pop() {
            for (at, entry) in self.entries.iter().enumerate() {
                let is = |parent: &TableName| super::same_table(parent, &name, self.dialect());
                if entry.inherits.iter().any(is) && !found.contains(&at) {
                    found.push(at);
                    names.push(entry.table.schema.name.clone());
                }
            }
        }
        found
    }

    /// A partition with the columns of its table, and which rows it takes.
    pub(super) fn create_child(
        &mut self,
        name: TableName,
        parent: &TableName,
        bounds: Option<(String, Option<Partitioning>)>,
    ) {
        let Some(at) = self.find(parent) else { return };
        let like = self.entries[at].table.schema.clone();
        let further = bounds.as_ref().and_then(|(_, further)| further.clone());
        let table = TableSchema {
            name: name.clone(),
            indexes: Vec::new(),
            partitioning: further,
            foreign_keys: Vec::new(),
            statements: Vec::new(),
            ..like
        };
        self.create(table, Extras::default());
        if let (Some((bounds, _)), Some(at)) = (bounds, self.find(&name)) {
            self.entries[at].parent = Some((parent.clone(), bounds));
        }
    }

    /// A table with the columns of another, and all else it has if that is said.
    pub(super) fn create_like(
        &mut self,
        name: TableName,
        other: &TableName,
        all: bool,
    ) -> Result<()> {
        let Some(at) = self.find(other) else {
            let what = format!(
                "CREATE TABLE {name} LIKE {other}, which is not in the script, is not read"
            );
            return Err(self.scanner.unsupported(&what));
        };
        let mut table = self.entries[at].table.schema.clone();
        table.name = name;
        table.foreign_keys.clear();
        table.statements.clear();
        if !all {
            table.primary_key.clear();
            table.indexes.clear();
            table.checks.clear();
            (table.comment, table.options, table.partitioning) = (None, None, None);
            for column in &mut table.columns {
                (column.default, column.identity, column.generated) = (None, None, None);
                (column.comment, column.attributes) = (None, None);
            }
        } else if self.dialect() == Dialect::Postgres {
            table.partitioning = None;
            // Names of indexes are the schema's.
            for index in &mut table.indexes {
                index.name = format!("{}_{}", table.name.name, index.name);
            }
        }
        self.create(table, Extras::default());
        Ok(())
    }

    /// Has other tables, sequences and partitions say the new names.
    pub(super) fn renamed(
        &mut self,
        table: &TableName,
        columns: &[(String, String)],
        to: Option<TableName>,
    ) {
        let dialect = self.dialect();
        let is = |name: &TableName| super::same_table(name, table, dialect);
        for entry in &mut self.entries {
            for key in entry.table.schema.foreign_keys.iter_mut().filter(|k| is(&k.references)) {
                for name in &mut key.referenced {
                    if let Some((_, to)) = columns.iter().find(|(from, _)| from == name) {
                        name.clone_from(to);
                    }
                }
                if let Some(to) = &to {
                    key.references = to.clone();
                }
            }
            if let (Some((parent, _)), Some(to)) = (&mut entry.parent, &to)
                && is(parent)
            {
                *parent = to.clone();
            }
        }
        for counter in &mut self.sequences {
            let Some((owner, column)) = &mut counter.options.owner else { continue };
            if !is(owner) {
                continue;
            }
            if let Some((_, to)) = columns.iter().find(|(from, _)| from == column) {
                column.clone_from(to);
            }
            if let Some(to) = &to {
                *owner = to.clone();
            }
        }
        if let Some(to) = to {
            self.current = None;
            if let Some(entry) = self.entries.iter_mut().find(|e| e.table.schema.name == *table) {
                entry.table.schema.name = to;
            }
        }
    }

    /// A comment on an index or a constraint of a table.
    pub(super) fn comment_part(
        &mut self,
        name: &TableName,
        table: Option<TableName>,
        text: Option<String>,
    ) {
        let postgres = Dialect::Postgres;
        let Some(text) = text else { return };
        let (what, at) = match table {
            Some(table) => ("CONSTRAINT", self.open(&table)),
            None => {
                let has = |t: &TableSchema| t.indexes.iter().any(|i| i.name == name.name);
                let exact = |t: &TableSchema| t.name.schema == name.schema && has(t);
                let at = self.entries.iter().position(|e| exact(&e.table.schema));
                ("INDEX", at.filter(|at| !self.entries[*at].exact))
            }
        };
        let Some(at) = at else {
            return self.leave("comments", format!("on {} {}", what.to_lowercase(), name.name));
        };
        let (quoted, text) = (postgres.quote(&name.name), postgres.string(&text));
        let action = format!("COMMENT ON {what} {quoted} IS {text}");
        self.entries[at].table.schema.statements.push(NativeSql::new(postgres.id(), action));
    }
}
