//! The steps between a table's source and its sink, bound to its columns.

use std::sync::Arc;

use arrow::array::RecordBatch;
use syncline_connector::{Processor, Step, StepOutput};
use syncline_convert::{Fidelity, RowsConverter};
use syncline_types::{Code, Column, Error, Reject, Result, TableSchema, did_you_mean};

use crate::job::ColumnMapping;

/// What a table's rows go through, in order.
pub(crate) struct Chain {
    /// The columns as read: those chosen, then those of the key that were not chosen.
    pub(crate) read: Arc<TableSchema>,
    /// How many of them were chosen.
    chosen: usize,
    /// Names of the chosen columns from then on.
    names: Vec<String>,
    /// Chosen types, where any are.
    mapping: Option<RowsConverter>,
    source_steps: Vec<Box<dyn Step>>,
    sink_steps: Vec<Box<dyn Step>>,
    /// The columns as they leave the last step.
    pub(crate) output: TableSchema,
}

impl Chain {
    /// Binds a table's steps.
    ///
    /// # Errors
    /// Of kind config, when a column is missing or a step does not fit.
    pub(crate) fn bind(
        table: &TableSchema,
        columns: Option<&[ColumnMapping]>,
        source: &[Box<dyn Processor>],
        sink: &[Box<dyn Processor>],
    ) -> Result<Self> {
        let (read, mapped) = match columns {
            None => (table.clone(), table.clone()),
            Some(columns) => map_columns(table, columns)?,
        };
        let chosen = mapped.columns.len();
        let names = mapped.columns.iter().map(|c| c.name().to_owned()).collect();
        let given = TableSchema { columns: read.columns[..chosen].to_vec(), ..read.clone() };
        let mapping = RowsConverter::new(&given, &mapped)?;
        let (after_source, source_steps) = bind_all(mapped, source)?;
        let (output, sink_steps) = bind_all(after_source, sink)?;
        let mapping = (!mapping.is_identity() || columns.is_some()).then_some(mapping);
        Ok(Self { read: Arc::new(read), chosen, names, mapping, source_steps, sink_steps, output })
    }

    /// What the mapping of types does to each column, where it does anything.
    pub(crate) fn mapping_fidelities(&self) -> Option<Vec<Fidelity>> {
        self.mapping.as_ref().map(|m| m.fidelities().cloned().collect())
    }

    /// The column as read that a column of the output goes back to, as far as its name tells.
    pub(crate) fn origin(&self, output: &str) -> Option<&Column> {
        let index = self.names.iter().position(|name| name == output)?;
        self.read.columns.get(index)
    }

    /// Whether anything besides the choice of columns is done to the rows.
    pub(crate) fn has_steps(&self) -> bool {
        !self.source_steps.is_empty() || !self.sink_steps.is_empty()
    }

    /// The steps on the source's side.
    pub(crate) fn apply_source(&self, rows: RecordBatch) -> Result<StepOutput> {
        let mut rejects = Vec::new();
        let rows = if rows.num_columns() > self.chosen {
            let chosen: Vec<usize> = (0..self.chosen).collect();
            rows.project(&chosen).map_err(|e| Error::bug("choosing columns").because(e))?
        } else {
            rows
        };
        let rows = match &self.mapping {
            None => rows,
            Some(mapping) => {
                let (rows, bad) = mapping.convert(rows)?;
                rejects.extend(bad);
                rows
            }
        };
        apply_all(&self.source_steps, rows, rejects)
    }

    /// The steps on the sink's side.
    pub(crate) fn apply_sink(&self, rows: RecordBatch) -> Result<StepOutput> {
        apply_all(&self.sink_steps, rows, Vec::new())
    }
}

fn bind_all(
    mut table: TableSchema,
    processors: &[Box<dyn Processor>],
) -> Result<(TableSchema, Vec<Box<dyn Step>>)> {
    let mut steps = Vec::with_capacity(processors.len());
    for processor in processors {
        let name = table.name.clone();
        let bound = processor
            .bind(&table)
            .map_err(|e| e.at(format!("{} of table {name}", processor.name())))?;
        table = TableSchema { name, ..bound.output };
        steps.push(bound.step);
    }
    Ok((table, steps))
}

fn apply_all(
    steps: &[Box<dyn Step>],
    mut rows: RecordBatch,
    mut rejects: Vec<Reject>,
) -> Result<StepOutput> {
    for step in steps {
        let output = step.apply(rows)?;
        rejects.extend(output.rejects);
        rows = output.rows;
    }
    Ok(StepOutput { rows, rejects })
}

/// The chosen columns, as read and as renamed and typed.
fn map_columns(
    table: &TableSchema,
    columns: &[ColumnMapping],
) -> Result<(TableSchema, TableSchema)> {
    let mut read = Vec::with_capacity(columns.len());
    let mut mapped: Vec<Column> = Vec::with_capacity(columns.len());
    for mapping in columns {
        let column = table.column(&mapping.from).ok_or_else(|| {
            let names = table.columns.iter().map(Column::name);
            let near = did_you_mean(&mapping.from, names);
            Error::new(
                Code::ColumnNotFound,
                format!("{}: no column {:?}{near}", table.name, mapping.from),
            )
        })?;
        if mapped.iter().any(|c| c.name() == mapping.to) {
            return Err(Error::new(
                Code::BadValue,
                format!("{}: two columns are to be named {:?}", table.name, mapping.to),
            ));
        }
        let mut to = column.clone();
        if let Some(kind) = &mapping.kind {
            // A type that is asked for is no longer the source's own.
            to.field = syncline_convert::portable::parse_type(kind)?
                .field(&mapping.to, column.field.is_nullable());
            to.default = None;
            to.identity = None;
        } else {
            to.field = to.field.with_name(&mapping.to);
        }
        to.generated = None;
        read.push(column.clone());
        mapped.push(to);
    }
    let renamed = |name: &String| columns.iter().find(|m| m.from == *name).map(|m| m.to.clone());
    let primary_key: Option<Vec<String>> = table.primary_key.iter().map(renamed).collect();
    let indexes = table.indexes.iter().filter_map(|index| {
        let mut index = index.clone();
        for part in &mut index.parts {
            part.column = renamed(&part.column)?;
        }
        Some(index)
    });
    let mapped = TableSchema {
        columns: mapped,
        primary_key: primary_key.unwrap_or_default(),
        indexes: indexes.collect(),
        ..table.clone()
    };
    // The source reads in the order of its key, and goes on from one, chosen or not.
    for key in table.key() {
        if !read.iter().any(|c| c.name() == key) {
            read.extend(table.column(key).cloned());
        }
    }
    Ok((TableSchema { columns: read, ..table.clone() }, mapped))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, Field};
    use syncline_types::TableName;

    fn table() -> TableSchema {
        let mut table = TableSchema::new(
            TableName::bare("people"),
            [
                Field::new("id", DataType::Int64, false),
                Field::new("mail", DataType::Utf8, true),
                Field::new("born", DataType::Int64, true),
            ],
        );
        table.primary_key = vec!["id".into()];
        table
    }

    fn mapping(from: &str, to: &str, kind: Option<&str>) -> ColumnMapping {
        ColumnMapping { from: from.into(), to: to.into(), kind: kind.map(Into::into) }
    }

    #[test]
    fn chosen_columns_keep_the_key_under_its_new_name() {
        let chosen = [mapping("id", "key", None), mapping("born", "year", Some("int16"))];
        let (read, mapped) = map_columns(&table(), &chosen).unwrap();
        assert_eq!(read.columns.len(), 2);
        assert_eq!(mapped.primary_key, ["key"]);
        assert_eq!(mapped.columns[1].field.data_type(), &DataType::Int16);
    }

    #[test]
    fn a_key_that_is_not_chosen_is_no_key_of_the_target() {
        let (read, mapped) = map_columns(&table(), &[mapping("mail", "email", None)]).unwrap();
        assert!(mapped.primary_key.is_empty());
        assert_eq!(read.columns.iter().map(Column::name).collect::<Vec<_>>(), ["mail", "id"]);
    }

    #[test]
    fn wrong_and_doubled_names_are_refused() {
        let error = map_columns(&table(), &[mapping("mial", "mial", None)]).unwrap_err();
        assert_eq!(error.code(), Code::ColumnNotFound);
        assert!(error.message().contains("did you mean \"mail\"?"), "{error}");
        let twice = [mapping("id", "x", None), mapping("born", "x", None)];
        assert_eq!(map_columns(&table(), &twice).unwrap_err().code(), Code::BadValue);
    }
}
