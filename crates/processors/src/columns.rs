//! Which columns there are and what they are called: `select`, `drop`, `rename`; and what becomes
//! of keys and indexes when columns go, change or get other names.

use std::collections::BTreeSet;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use serde_json::{Map, Value};
use syncline_connector::{BoundProcessor, Processor, Step, StepOutput};
use syncline_types::{Code, Error, Result, TableSchema, did_you_mean};

use crate::config::Place;

/// The position of a column, or an error with the nearest name.
pub(crate) fn find(table: &TableSchema, name: &str, place: &Place) -> Result<usize> {
    table.index_of(name).ok_or_else(|| {
        let near = did_you_mean(name, table.columns.iter().map(|c| c.name()));
        let message = format!("{} has no column {name:?}{near}", table.name);
        Error::new(Code::ColumnNotFound, message).at(place)
    })
}

/// No two columns of the same name.
///
/// # Errors
/// [`Code::BadProcessor`].
pub(crate) fn refuse_duplicates(table: &TableSchema, place: &Place) -> Result<()> {
    let mut seen = BTreeSet::new();
    for column in &table.columns {
        if !seen.insert(column.name()) {
            let message = format!("there would be two columns {:?}", column.name());
            return Err(Error::new(Code::BadProcessor, message).at(place));
        }
    }
    Ok(())
}

/// Drops the key and the indexes over columns that are not there any more, or whose values
/// (`changed`) do not tell rows apart as they did.
pub(crate) fn mend_keys(table: &mut TableSchema, changed: &BTreeSet<String>) {
    let names: BTreeSet<&str> = table.columns.iter().map(|c| c.name()).collect();
    let whole = |name: &str| names.contains(name) && !changed.contains(name);
    let key = table.primary_key.iter().all(|name| whole(name));
    let kept: Vec<bool> =
        table.indexes.iter().map(|i| i.parts.iter().all(|p| whole(&p.column))).collect();
    if !key {
        table.primary_key.clear();
    }
    let mut kept = kept.into_iter();
    table.indexes.retain(|_| kept.next().unwrap_or(false));
}

/// A step that takes columns by position.
struct Take {
    columns: Vec<usize>,
    schema: SchemaRef,
}

impl Step for Take {
    fn apply(&self, rows: RecordBatch) -> Result<StepOutput> {
        let columns = self.columns.iter().map(|i| rows.column(*i).clone()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let rows = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|e| Error::bug("chosen columns do not make rows").because(e))?;
        Ok(StepOutput { rows, rejects: Vec::new(), kept: None })
    }
}

fn take(mut output: TableSchema, columns: Vec<usize>) -> BoundProcessor {
    mend_keys(&mut output, &BTreeSet::new());
    let schema = output.arrow();
    BoundProcessor { output, step: Box::new(Take { columns, schema }) }
}

/// `select: [id, email]`: these columns, in this order.
#[derive(Debug)]
pub(crate) struct Select {
    place: Place,
    columns: Vec<String>,
}

impl Select {
    pub(crate) fn new(place: Place, value: &Value) -> Result<Self> {
        let columns = place.names(value)?;
        if columns.is_empty() {
            return Err(Error::new(Code::BadProcessor, "no columns are left").at(&place));
        }
        Ok(Self { place, columns })
    }
}

impl Processor for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn computes_with(&self, _: &TableSchema) -> Result<Option<Vec<String>>> {
        Ok(Some(Vec::new()))
    }

    fn bind(&self, input: &TableSchema) -> Result<BoundProcessor> {
        let columns: Vec<usize> = self
            .columns
            .iter()
            .map(|name| find(input, name, &self.place))
            .collect::<Result<_>>()?;
        let mut output = input.clone();
        output.columns = columns.iter().map(|i| input.columns[*i].clone()).collect();
        refuse_duplicates(&output, &self.place)?;
        Ok(take(output, columns))
    }
}

/// `drop: [secret]`: all columns but these.
#[derive(Debug)]
pub(crate) struct Drop {
    place: Place,
    columns: Vec<String>,
}

impl Drop {
    pub(crate) fn new(place: Place, value: &Value) -> Result<Self> {
        Ok(Self { columns: place.names(value)?, place })
    }
}

impl Processor for Drop {
    fn name(&self) -> &'static str {
        "drop"
    }

    fn computes_with(&self, _: &TableSchema) -> Result<Option<Vec<String>>> {
        Ok(Some(Vec::new()))
    }

    fn bind(&self, input: &TableSchema) -> Result<BoundProcessor> {
        for name in &self.columns {
            find(input, name, &self.place)?;
        }
        let columns: Vec<usize> = (0..input.columns.len())
            .filter(|i| !self.columns.iter().any(|name| name == input.columns[*i].name()))
            .collect();
        if columns.is_empty() {
            return Err(Error::new(Code::BadProcessor, "no columns are left").at(&self.place));
        }
        let mut output = input.clone();
        output.columns = columns.iter().map(|i| input.columns[*i].clone()).collect();
        Ok(take(output, columns))
    }
}

/// `rename: { old: new }`.
#[derive(Debug)]
pub(crate) struct Rename {
    place: Place,
    names: Vec<(String, String)>,
}

impl Rename {
    pub(crate) fn new(place: Place, value: &Value) -> Result<Self> {
        let pairs: &Map<String, Value> = place.object(value)?;
        let mut names = Vec::with_capacity(pairs.len());
        for (old, new) in pairs {
            let place = place.under(old);
            let new = place.text(new)?;
            if new.is_empty() {
                return Err(Error::new(Code::BadValue, "a column needs a name").at(&place));
            }
            names.push((old.clone(), new.to_owned()));
        }
        Ok(Self { place, names })
    }
}

impl Processor for Rename {
    fn name(&self) -> &'static str {
        "rename"
    }

    fn computes_with(&self, _: &TableSchema) -> Result<Option<Vec<String>>> {
        Ok(Some(Vec::new()))
    }

    fn bind(&self, input: &TableSchema) -> Result<BoundProcessor> {
        for (old, _) in &self.names {
            find(input, old, &self.place)?;
        }
        let new_name = |old: &str| {
            let pair = self.names.iter().find(|(from, _)| from == old);
            pair.map_or(old, |(_, to)| to).to_owned()
        };
        let mut output = input.clone();
        for column in &mut output.columns {
            let name = new_name(column.name());
            column.field = column.field.clone().with_name(name);
        }
        for name in &mut output.primary_key {
            *name = new_name(name);
        }
        for part in output.indexes.iter_mut().flat_map(|index| &mut index.parts) {
            part.column = new_name(&part.column);
        }
        refuse_duplicates(&output, &self.place)?;
        Ok(take(output, (0..input.columns.len()).collect()))
    }
}
