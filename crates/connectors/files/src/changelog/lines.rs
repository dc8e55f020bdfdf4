//! Changes as lines of JSON: `{"op":…,"table":…,"ts":…,"position":…,"before":…,"after":…}`.
//! `before` is there where the log tells it; of both, columns that it does not tell are left out.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;
use syncline_sql::moment;
use syncline_types::{
    ChangeSet, Error, Op, Result, RowChanges, SchemaChange, SchemaEffect, TableName, TableSchema,
};

use super::rows::End;
use crate::jsonl::writer::JsonlEncoder;
use crate::text_types;
use crate::values::RowEncoder;

/// Where a line is cut for what is known once its transaction ends; no JSON has this byte.
const CUT: u8 = 0;

/// A table, and which of its columns are told, where it is not all.
type Told = (TableName, Option<Arc<[usize]>>);

/// Makes the lines, with one encoder for each table and the columns that are told of it.
#[derive(Default)]
pub(super) struct Lines {
    encoders: HashMap<Told, (Arc<TableSchema>, JsonlEncoder)>,
}

/// Rows as JSON objects.
struct Objects {
    text: Vec<u8>,
    /// Where each ends, its line end included.
    ends: Vec<(usize, usize)>,
}

impl Objects {
    fn get(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1].0 };
        &self.text[start..self.ends[row].0 - 1]
    }
}

impl Lines {
    /// The lines of a set in the order in which it happened, each with its place.
    pub(super) fn of(
        &mut self,
        set: &ChangeSet,
        mut each: impl FnMut(&TableName, u32, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut objects = Vec::with_capacity(set.changes.len());
        let mut rows = Vec::new();
        for (number, change) in set.changes.iter().enumerate() {
            objects.push(self.objects(change)?);
            rows.extend(change.order.iter().enumerate().map(|(row, at)| (*at, number, row)));
        }
        rows.sort_unstable();
        let mut line = Vec::new();
        let mut rows = rows.into_iter().peekable();
        while let Some((at, number, row)) = rows.next() {
            let change = &set.changes[number];
            let (mut op, mut old, mut new) = (change.op, None, Some(objects[number].get(row)));
            if op == Op::Before {
                old = new.take();
                let next = rows.next_if(|(place, next, _)| {
                    let next = &set.changes[*next];
                    Some(*place) == at.checked_add(1)
                        && next.op == Op::Update
                        && next.table.name == change.table.name
                });
                if let Some((_, number, row)) = next {
                    (op, new) = (Op::Update, Some(objects[number].get(row)));
                }
            } else if op == Op::Delete {
                old = new.take();
            }
            line.clear();
            line.extend_from_slice(format!("{{\"op\":\"{}\",\"table\":", op.name()).as_bytes());
            text(&change.table.name.to_string(), &mut line)?;
            line.push(CUT);
            for (name, object) in [("before", old), ("after", new)] {
                if let Some(object) = object {
                    line.extend_from_slice(format!(",\"{name}\":").as_bytes());
                    line.extend_from_slice(object);
                }
            }
            line.extend_from_slice(b"}\n");
            each(&change.table.name, at, &line)?;
        }
        Ok(())
    }

    fn objects(&mut self, change: &RowChanges) -> Result<Objects> {
        let key = (change.table.name.clone(), change.columns.clone());
        let known = self.encoders.get(&key).is_some_and(|(t, _)| Arc::ptr_eq(t, &change.table));
        if !known {
            let columns = change.table.columns.iter().enumerate();
            let told = |at: usize| change.columns.as_ref().is_none_or(|c| c.contains(&at));
            let table = TableSchema {
                columns: columns.filter(|(at, _)| told(*at)).map(|(_, c)| c.clone()).collect(),
                ..TableSchema::new(change.table.name.clone(), [])
            };
            let encoder = JsonlEncoder::new(&table)?;
            self.encoders.insert(key.clone(), (Arc::clone(&change.table), encoder));
        }
        let Some((_, encoder)) = self.encoders.get_mut(&key) else {
            return Err(Error::bug("an encoder that was just made is gone"));
        };
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        if change.rows.num_columns() == 0 {
            for row in 1..=change.rows.num_rows() {
                text.extend_from_slice(b"{}\n");
                ends.push((text.len(), row));
            }
        } else {
            encoder.encode(&change.rows, None, &mut text, &mut ends)?;
        }
        Ok(Objects { text, ends })
    }
}

/// A line with the end of its transaction.
pub(super) fn ended(line: &[u8], end: &End, out: &mut Vec<u8>) -> Result<()> {
    let cut = line.iter().position(|byte| *byte == CUT);
    let Some((head, tail)) = cut.map(|at| (&line[..at], &line[at + 1..])) else {
        return Err(Error::bug("a line of a change log without a cut"));
    };
    out.extend_from_slice(head);
    out.extend_from_slice(b",\"ts\":");
    match end.at {
        Some(micros) => {
            let mut when = String::new();
            let (year, month, day) = moment::civil(micros.div_euclid(moment::DAY));
            moment::push_time(micros.rem_euclid(moment::DAY), &mut when);
            out.extend_from_slice(format!("\"{year:04}-{month:02}-{day:02}T{when}Z\"").as_bytes());
        }
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"position\":");
    text(&end.position, out)?;
    out.extend_from_slice(tail);
    Ok(())
}

/// The line that tells of a change of a table's definition, without the end of its transaction.
pub(super) fn definition(change: &SchemaChange, table: &TableName) -> Result<Vec<u8>> {
    let columns = |table: &TableSchema| -> serde_json::Value {
        let column = |c: &syncline_types::Column| json!({ "name": c.name(), "type": kind(c), "nullable": c.field.is_nullable() });
        table.columns.iter().map(column).collect()
    };
    let (what, after, renamed) = match &change.effect {
        SchemaEffect::Created(after) => ("create", Some(after), None),
        SchemaEffect::Altered { after, renamed } => ("alter", Some(after), Some(renamed)),
        SchemaEffect::Renamed(after) => ("rename", Some(after), None),
        SchemaEffect::Truncated => ("truncate", None, None),
        SchemaEffect::Dropped => ("drop", None, None),
    };
    let mut line = format!("{{\"op\":\"{what}\",\"table\":").into_bytes();
    text(&table.to_string(), &mut line)?;
    line.push(CUT);
    let mut rest = serde_json::Map::new();
    if let Some(after) = after {
        if what == "rename" {
            rest.insert("to".into(), json!(after.name.to_string()));
        }
        rest.insert("columns".into(), columns(after));
        rest.insert("key".into(), json!(after.key()));
    }
    if let Some(renamed) = renamed.filter(|renamed| !renamed.is_empty()) {
        rest.insert("renamed".into(), json!(renamed));
    }
    if let Some(statement) = &change.statement {
        rest.insert("statement".into(), json!(statement.sql));
    }
    for (name, value) in rest {
        line.push(b',');
        text(&name, &mut line)?;
        line.push(b':');
        line.extend_from_slice(value.to_string().as_bytes());
    }
    line.extend_from_slice(b"}\n");
    Ok(line)
}

/// A column's type, as the option `types` takes it.
fn kind(column: &syncline_types::Column) -> Option<String> {
    let named = text_types::named(column)?;
    let kind = named.strip_prefix(column.name()).and_then(|rest| rest.strip_prefix(':'));
    Some(kind.map_or(named.clone(), str::to_owned))
}

/// Appends a text as a JSON string.
fn text(text: &str, out: &mut Vec<u8>) -> Result<()> {
    serde_json::to_writer(out, text).map_err(|e| Error::bug("a text is no JSON string").because(e))
}
