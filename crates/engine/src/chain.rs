//! The steps between a table's source and its sink, bound to its columns.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Field;
use syncline_connector::{Places, Processor, Step, StepOutput};
use syncline_convert::{Change, Fidelity, Rows, RowsConverter, ValuePolicies, unmarked};
use syncline_types::{Code, Column, Error, Reject, Result, TableSchema, did_you_mean, field};

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
    source_steps: Vec<Link>,
    sink_steps: Vec<Link>,
    /// The columns as they leave the last step.
    pub(crate) output: TableSchema,
}

/// What a step, or all of one side, made of a batch.
pub(crate) struct Applied {
    /// The rows that go on.
    pub(crate) rows: RecordBatch,
    /// Rows that could not be converted.
    pub(crate) rejects: Vec<Reject>,
    /// What policies put in place of bad values.
    pub(crate) changes: Vec<Change>,
    /// Which rows those that go on were, by their places in the batch.
    pub(crate) places: Places,
}

impl Applied {
    /// A batch that nothing has been done to.
    pub(crate) fn untouched(rows: RecordBatch) -> Self {
        Self { rows, rejects: Vec::new(), changes: Vec::new(), places: Places::default() }
    }

    /// Takes in what a step made of the rows.
    pub(crate) fn step(&mut self, mut output: StepOutput) {
        self.places.narrow(self.rows.num_rows(), &mut output.rejects, output.kept);
        self.rows = output.rows;
        self.rejects.extend(output.rejects);
    }

    /// Takes in what a conversion made of the rows.
    pub(crate) fn converted(&mut self, converted: Rows) {
        let Rows { rows, rejects, changes } = converted;
        self.step(StepOutput { rows, rejects, kept: None });
        self.changes.extend(changes);
    }
}

/// One link of the chain.
enum Link {
    /// A processor's step.
    Step(Box<dyn Step>),
    /// Values into other types by the job's policies: those that are no numbers out of columns that
    /// the next step computes with, or what a step does that does nothing else.
    Convert(RowsConverter),
}

impl Chain {
    /// Binds a table's steps.
    ///
    /// # Errors
    /// Of kind config, when a column is missing or a step does not fit.
    pub(crate) fn bind(
        table: &TableSchema,
        columns: Option<&[ColumnMapping]>,
        source: &[&dyn Processor],
        sink: &[&dyn Processor],
        policies: &ValuePolicies,
    ) -> Result<Self> {
        let (read, mapped) = match columns {
            None => (table.clone(), table.clone()),
            Some(columns) => map_columns(table, columns)?,
        };
        let chosen = mapped.columns.len();
        let names = mapped.columns.iter().map(|c| c.name().to_owned()).collect();
        let given = TableSchema { columns: read.columns[..chosen].to_vec(), ..read.clone() };
        let mapping = RowsConverter::new(&given, &mapped)?.with_policies(policies);
        let (after_source, source_steps) = bind_all(mapped, source, policies)?;
        let (output, sink_steps) = bind_all(after_source, sink, policies)?;
        let mapping = (!mapping.is_identity() || columns.is_some()).then_some(mapping);
        Ok(Self { read: Arc::new(read), chosen, names, mapping, source_steps, sink_steps, output })
    }

    /// What the mapping of types does to each column, where it does anything.
    pub(crate) fn mapping_fidelities(&self) -> Option<Vec<Fidelity>> {
        self.mapping.as_ref().map(|m| m.fidelities().cloned().collect())
    }

    /// Odd values that the mapping refuses in each column, where it does anything.
    pub(crate) fn mapping_refused(&self) -> Option<Vec<Vec<String>>> {
        self.mapping.as_ref().map(|m| m.refused().map(<[String]>::to_vec).collect())
    }

    /// What of the policies the conversions of types cannot follow.
    pub(crate) fn unheeded(&self) -> impl Iterator<Item = String> {
        let links = self.source_steps.iter().chain(&self.sink_steps);
        let steps = links.filter_map(|link| match link {
            Link::Convert(converter) => Some(converter),
            Link::Step(_) => None,
        });
        self.mapping.iter().chain(steps).flat_map(RowsConverter::unheeded)
    }

    /// The column as read that a column of the output goes back to, as far as its name tells.
    pub(crate) fn origin(&self, output: &str) -> Option<&Column> {
        let index = self.names.iter().position(|name| name == output)?;
        self.read.columns.get(index)
    }

    /// The name under which a column of the source leaves the chain, as far as names tell.
    pub(crate) fn destination(&self, source: &str) -> Option<&str> {
        let chosen = &self.read.columns[..self.chosen];
        let index = chosen.iter().position(|column| column.name() == source)?;
        self.output.column(&self.names[index]).map(Column::name)
    }

    /// Whether anything besides the choice of columns is done to the rows.
    pub(crate) fn has_steps(&self) -> bool {
        !self.source_steps.is_empty() || !self.sink_steps.is_empty()
    }

    /// Whether rows leave it as they were read.
    pub(crate) fn is_straight(&self) -> bool {
        self.mapping.is_none() && !self.has_steps() && self.chosen == self.read.columns.len()
    }

    /// The steps on the source's side.
    pub(crate) fn apply_source(&self, rows: RecordBatch) -> Result<Applied> {
        let rows = if rows.num_columns() > self.chosen {
            let chosen: Vec<usize> = (0..self.chosen).collect();
            rows.project(&chosen).map_err(|e| Error::bug("choosing columns").because(e))?
        } else {
            rows
        };
        let mut applied = Applied::untouched(rows);
        if let Some(mapping) = &self.mapping {
            let converted = mapping.apply(applied.rows.clone())?;
            applied.converted(converted);
        }
        apply_all(&self.source_steps, applied)
    }

    /// The steps on the sink's side.
    pub(crate) fn apply_sink(&self, rows: RecordBatch) -> Result<Applied> {
        apply_all(&self.sink_steps, Applied::untouched(rows))
    }

    /// The steps of both sides, one behind the other.
    pub(crate) fn apply(&self, rows: RecordBatch) -> Result<Applied> {
        let applied = self.apply_source(rows)?;
        apply_all(&self.sink_steps, applied)
    }
}

fn bind_all(
    mut table: TableSchema,
    processors: &[&dyn Processor],
    policies: &ValuePolicies,
) -> Result<(TableSchema, Vec<Link>)> {
    let mut steps = Vec::with_capacity(processors.len());
    for processor in processors {
        let name = table.name.clone();
        let at = |e: Error| e.at(format!("{} of table {name}", processor.name()));
        let computed = processor.computes_with(&table).map_err(at)?;
        let among = |column: &str| computed.as_ref().is_none_or(|c| c.iter().any(|n| n == column));
        if let Some(plain) = unmarked(&table, among) {
            let unmark = RowsConverter::new(&table, &plain)?.with_policies(policies);
            steps.push(Link::Convert(unmark));
            table = plain;
        }
        let bound = processor.bind(&table).map_err(at)?;
        let mut output = TableSchema { name: name.clone(), ..bound.output };
        forget_native_types(&table, &mut output);
        let link = match processor.converts() {
            true => Link::Convert(
                RowsConverter::new(&table, &output).map_err(at)?.with_policies(policies),
            ),
            false => Link::Step(bound.step),
        };
        table = output;
        steps.push(link);
    }
    Ok((table, steps))
}

/// A column that a step gave another Arrow type is no longer of its store's own type, whatever the
/// step left in its metadata: a sink of the same store would make the old column of it.
fn forget_native_types(before: &TableSchema, after: &mut TableSchema) {
    let native = |c: &Column| c.field.metadata().get(field::NATIVE).cloned();
    for column in &mut after.columns {
        let Some(kept) = native(column) else { continue };
        let same_type = |old: &&Column| old.field.data_type() == column.field.data_type();
        let mut origins = before.columns.iter().filter(|old| native(old).as_ref() == Some(&kept));
        // A type that no column had is the step's own choice.
        if origins.clone().next().is_some() && !origins.any(|old| same_type(&old)) {
            let native = [field::STORE, field::NATIVE, field::CHARSET, field::COLLATION];
            forget(&mut column.field, &native);
        }
    }
}

/// The table for a target to be made of: how its types were found is no matter of the target.
pub(crate) fn settled(mut table: TableSchema) -> TableSchema {
    for column in &mut table.columns {
        forget(&mut column.field, &[field::SAMPLED]);
    }
    table
}

fn forget(field: &mut Field, keys: &[&str]) {
    if keys.iter().any(|key| field::get(field, key).is_some()) {
        let mut metadata = field.metadata().clone();
        metadata.retain(|key, _| !keys.contains(&key.as_str()));
        field.set_metadata(metadata);
    }
}

fn apply_all(links: &[Link], mut applied: Applied) -> Result<Applied> {
    for link in links {
        match link {
            Link::Step(step) => {
                let output = step.apply(applied.rows.clone())?;
                applied.step(output);
            }
            Link::Convert(converter) => {
                let converted = converter.apply(applied.rows.clone())?;
                applied.converted(converted);
            }
        }
    }
    Ok(applied)
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
    use arrow::datatypes::DataType;
    use syncline_connector::{BoundProcessor, StepOutput};
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

    /// A step that turns numbers into text and says no more of it.
    #[derive(Debug)]
    struct Spell;

    impl Processor for Spell {
        fn name(&self) -> &'static str {
            "spell"
        }
        fn bind(&self, input: &TableSchema) -> Result<BoundProcessor> {
            let mut output = input.clone();
            output.columns[0].field =
                output.columns[0].field.clone().with_data_type(DataType::Utf8);
            Ok(BoundProcessor { output, step: Box::new(Unused) })
        }
    }

    struct Unused;

    impl Step for Unused {
        fn apply(&self, _: RecordBatch) -> Result<StepOutput> {
            Err(Error::bug("not for rows"))
        }
    }

    #[test]
    fn a_column_of_another_type_is_no_longer_of_its_stores_type() {
        let mut table = table();
        for (column, native) in table.columns.iter_mut().zip(["bigint", "varchar(9)", "bigint"]) {
            let pairs = [(field::STORE, "mysql".to_owned()), (field::NATIVE, native.to_owned())];
            column.field = field::with(column.field.clone(), pairs);
        }
        let (output, _) = bind_all(table, &[&Spell], &ValuePolicies::default()).unwrap();
        let natives: Vec<_> =
            output.columns.iter().map(|c| field::native(&c.field, "mysql")).collect();
        assert_eq!(natives, [None, Some("varchar(9)"), Some("bigint")]);
    }

    #[test]
    fn a_step_never_computes_with_a_number_that_stands_for_infinity() {
        use arrow::array::{Array, Date32Array};
        let flagged = field::with(
            Field::new("day", DataType::Date32, true),
            [(field::SPECIAL, "infinity".to_owned())],
        );
        let table = TableSchema::new(TableName::bare("t"), [flagged]);
        let days: Arc<dyn Array> = Arc::new(Date32Array::from(vec![0, i32::MAX]));
        let rows = RecordBatch::try_new(table.arrow(), vec![days]).unwrap();
        let apply = |step: serde_json::Value| {
            let steps = syncline_processors::build(&serde_json::json!([step])).unwrap();
            let policies = ValuePolicies::default();
            let steps: Vec<&dyn Processor> = steps.iter().map(AsRef::as_ref).collect();
            let chain = Chain::bind(&table, None, &steps, &[], &policies).unwrap();
            let applied = chain.apply_source(rows.clone()).unwrap();
            (applied.rows.num_rows(), applied.rejects)
        };
        let moved = apply(serde_json::json!({ "rename": { "day": "date" } }));
        assert_eq!((moved.0, moved.1.len()), (2, 0));
        let computed = apply(serde_json::json!({ "filter": "day >= date '1970-01-01'" }));
        assert_eq!((computed.0, computed.1.len()), (1, 1));
        assert_eq!(computed.1[0].error.flaw(), Some(syncline_types::Flaw::Infinity));
        let cast = apply(serde_json::json!({ "cast": { "day": "timestamp" } }));
        assert_eq!((cast.0, cast.1.len()), (1, 1));
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
