//! CREATE TABLE and ALTER TABLE: the tables of a script as they are from there on.

use syncline_types::{Result, TableName, TableSchema};

use super::super::alter::{Beyond, alter};
use super::super::create::Extras;
use super::super::tokens::Tokens;
use super::{ScriptCatalog, parts};
use crate::Dialect;

impl ScriptCatalog {
    /// A table that the script makes.
    pub(super) fn create(&mut self, mut table: TableSchema, extras: Extras) {
        for parent in extras.inherits.iter().rev() {
            if let Some(at) = self.find(parent) {
                let parent = &self.entries[at].table.schema;
                let columns = parent.columns.clone();
                let new = |c: &syncline_types::Column| table.column(c.name()).is_none();
                let mut columns: Vec<_> = columns.into_iter().filter(new).collect();
                for column in &mut columns {
                    // How it is stored, dumps say of each table.
                    column.attributes = None;
                }
                table.columns.splice(0..0, columns);
                parts::inherit(&mut table, parent);
            }
        }
        if let Some(at) = self.entries.iter().position(|e| e.table.schema.name == table.name) {
            let known = &self.entries[at];
            let same = |a: &TableSchema, b: &TableSchema| {
                a.columns.iter().map(|c| c.name()).eq(b.columns.iter().map(|c| c.name()))
            };
            // A page's header says more than its CREATE TABLE.
            if known.table.rows > 0 || known.exact && same(&known.table.schema, &table) {
                return;
            }
            self.entries.remove(at);
            self.current = None;
        }
        for (column, options) in extras.counted {
            self.count(&table.name, column, options);
        }
        let at = self.add(table, false, false);
        if !extras.inherits.is_empty() {
            self.entries[at].inherits.clone_from(&extras.inherits);
            let parents: Vec<String> = extras.inherits.iter().map(ToString::to_string).collect();
            let parents = parents.join(", ");
            self.note(at, format!("it inherits from {parents}: the copy is a table of its own"));
        }
        for note in extras.notes {
            self.note(at, note);
        }
    }

    /// ALTER TABLE, as dumps complete their tables with it.
    pub(super) fn alter(&mut self, name: &TableName) -> Result<()> {
        let Some(at) = self.open(name) else { return Ok(()) };
        let session = self.scanner.session().clone();
        let Some(mut tokens) = Tokens::of(self.scanner.lexer(), &session) else { return Ok(()) };
        let mut schema = self.entries[at].table.schema.clone();
        let columns = schema.columns.len();
        let outcome = alter(&mut tokens, &mut schema, &self.types);
        let counted = std::mem::take(&mut tokens.counted);
        drop(tokens);
        let beyond = match outcome {
            Ok(beyond) => beyond,
            // The dump is cut in the middle of it, as its end will say.
            Err(_) if self.scanner.cut_short() && self.scanner.is_at_end() => return Ok(()),
            Err(what) => return Err(self.scanner.unsupported(&what)),
        };
        if self.dialect() != Dialect::Postgres {
            // The statement that made it no longer says it all.
            schema.statements.clear();
        }
        let reshaped =
            beyond.reshaped || !beyond.columns.is_empty() || schema.columns.len() != columns;
        if (reshaped || beyond.renamed.is_some()) && self.entries[at].table.rows > 0 {
            let what = match schema.columns.len() > columns {
                true => "a column is added behind rows of the table",
                false => "the table or its columns are changed behind rows of the table",
            };
            return Err(self.scanner.unsupported(what));
        }
        for (column, options) in counted {
            self.count(name, column, options);
        }
        let name = self.entries[at].table.schema.name.clone();
        if !beyond.only {
            let heirs = self.heirs(&name);
            if reshaped && !heirs.is_empty() {
                let what =
                    "columns are changed of a table that others inherit from: that is not read";
                return Err(self.scanner.unsupported(what));
            }
            for heir in heirs {
                parts::inherit(&mut self.entries[heir].table.schema, &schema);
            }
        }
        self.altered(at, &name, schema, reshaped, beyond);
        Ok(())
    }

    /// Puts the altered table in the place of what it was.
    fn altered(
        &mut self,
        at: usize,
        name: &TableName,
        schema: TableSchema,
        reshaped: bool,
        beyond: Beyond,
    ) {
        if let Some((part, bounds)) = beyond.partition
            && let Some(at) = self.find(&part)
        {
            self.entries[at].parent = Some((name.clone(), bounds));
        }
        if let Some((options, column)) = beyond.sequence {
            self.count(name, column, options);
        }
        for note in beyond.notes {
            self.note(at, note);
        }
        if let Some(owner) = beyond.owner {
            self.leave("owners", owner);
        }
        if reshaped {
            // Its rows, of which there are none yet, have other columns from here on.
            let known = self.entries.remove(at);
            self.current = None;
            let at = self.add(schema, false, false);
            self.entries[at].table.notes = known.table.notes;
            (self.entries[at].parent, self.entries[at].inherits) = (known.parent, known.inherits);
        } else {
            self.entries[at].table.schema = schema;
        }
        self.renamed(name, &beyond.columns, beyond.renamed);
    }
}
