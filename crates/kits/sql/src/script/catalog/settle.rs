//! A table as it is when the whole script is known: with its partitions' rows, and with what it
//! needs before it can be made.

use syncline_types::{DefaultValue, NativeSql, Partition, TableSchema, field};

use super::super::create::settle_key;
use super::super::scan::Place;
use super::{DOMAIN, Entry, Part, ScriptCatalog, ScriptTable};

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
                partitioning.partitions.push(Partition::new(name, parent.clone(), bounds));
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

    /// Names what the table needs before it can be made.
    fn require(&self, schema: &mut TableSchema) {
        let store = self.dialect().id();
        for column in &schema.columns {
            let mut texts = Vec::new();
            texts.extend(column.field.metadata().get(field::NATIVE));
            texts.extend(column.field.metadata().get(DOMAIN));
            for text in texts {
                for needed in self.types.needed(text) {
                    if !schema.requires.contains(&needed) {
                        schema.requires.push(needed);
                    }
                }
            }
            if let Some(DefaultValue::Native { store: own, sql }) = &column.default
                && own == store
            {
                let called = self.types.made.iter().filter(|made| {
                    made.kind == "sequence" && sql.contains(&format!("{}'", made.name.name))
                });
                schema.requires.extend(called.cloned());
            }
        }
    }
}
