//! A table that is followed, and its rows of the stretch of log that is being read.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, StringArray, UInt32Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use syncline_types::{Code, Error, Op, Reject, Result, RowChanges, TableSchema};

use super::message::{Old, Relation, Tuple, Value};
use super::values::Values;
use crate::values::Trouble;

/// Sets of columns that rows of one operation came in, kept from one stretch to the next at most.
const SHAPES_KEPT: usize = 16;

/// A table as its rows come.
pub(super) struct Table {
    pub(super) schema: Arc<TableSchema>,
    pub(super) relation: Relation,
    /// The table's column that each of the relation's is, if it is wanted.
    places: Vec<Option<usize>>,
    /// Whose values tell rows apart, by their index in the relation; empty when none do.
    key: Vec<usize>,
    /// The log tells the key of rows that were updated or deleted.
    keyed: bool,
    old_images: bool,
    groups: Vec<Group>,
}

/// Which columns rows have.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    /// All that the log has.
    Whole,
    /// The key.
    Key,
    /// Those for which true stands, of the relation's.
    Some(Box<[bool]>),
}

/// Rows of one operation and shape.
struct Group {
    op: Op,
    shape: Shape,
    columns: Option<Arc<[usize]>>,
    schema: SchemaRef,
    /// Where the values of each of the relation's columns go.
    slots: Vec<Option<usize>>,
    values: Vec<Values>,
    order: Vec<u32>,
    faults: Vec<ValueFault>,
}

/// A value that the column's Arrow type does not have.
struct ValueFault {
    row: usize,
    column: usize,
    text: String,
    error: Error,
}

impl Table {
    /// The table as the log tells it. `schema` has the types that the relation has; a column that
    /// it has and the relation has not is never told.
    pub(super) fn new(schema: Arc<TableSchema>, relation: Relation, old_images: bool) -> Self {
        let places: Vec<Option<usize>> =
            relation.columns.iter().map(|c| schema.index_of(&c.name)).collect();
        let names = schema.key();
        let mut key: Vec<usize> = names
            .iter()
            .filter_map(|name| relation.columns.iter().position(|c| c.name == *name))
            .filter(|at| places[*at].is_some())
            .collect();
        if key.len() < names.len() {
            key.clear();
        }
        let whole = relation.identity == b'f';
        let keyed = !key.is_empty() && (whole || key.iter().all(|at| relation.columns[*at].key));
        Self { schema, relation, places, key, keyed, old_images, groups: Vec::new() }
    }

    pub(super) fn insert(&mut self, place: u32, new: Tuple<'_>) -> Result<()> {
        let group = self.group(Op::Insert, &Shape::Whole)?;
        self.push(group, place, new.values())
    }

    /// Takes an update, at one place of the set or at two; how many.
    pub(super) fn update(
        &mut self,
        place: u32,
        old: Option<&Old<'_>>,
        new: Tuple<'_>,
    ) -> Result<u32> {
        let first = place;
        let mut place = place;
        let whole = old.filter(|old| old.whole);
        match (whole, old) {
            (Some(old), _) if self.old_images || self.key.is_empty() => {
                let group = self.group(Op::Before, &Shape::Whole)?;
                self.push(group, place, old.row.values())?;
                place += 1;
            }
            _ if !self.keyed => return Err(self.no_old_image()),
            (_, Some(old)) if self.key_changes(old.row, new) => {
                let group = self.group(Op::Before, &Shape::Key)?;
                self.push(group, place, old.row.values())?;
                place += 1;
            }
            _ => {}
        }
        match whole {
            _ if !new.unchanged => {
                let group = self.group(Op::Update, &Shape::Whole)?;
                self.push(group, place, new.values())?;
            }
            Some(old) => {
                let group = self.group(Op::Update, &Shape::Whole)?;
                let values = new.values().zip(old.row.values());
                let filled = values.map(|(n, o)| if n == Value::Unchanged { o } else { n });
                self.push(group, place, filled)?;
            }
            None => {
                let told = new.values().map(|v| v != Value::Unchanged).collect();
                let group = self.group(Op::Update, &Shape::Some(told))?;
                self.push(group, place, new.values())?;
            }
        }
        Ok(place - first + 1)
    }

    pub(super) fn delete(&mut self, place: u32, old: &Old<'_>) -> Result<()> {
        let shape = match old.whole && (self.old_images || self.key.is_empty()) {
            true => Shape::Whole,
            false if !self.keyed => return Err(self.no_old_image()),
            false => Shape::Key,
        };
        let group = self.group(Op::Delete, &shape)?;
        self.push(group, place, old.row.values())
    }

    fn key_changes(&self, old: Tuple<'_>, new: Tuple<'_>) -> bool {
        let mut values = old.values().zip(new.values()).enumerate();
        let mut differs = |at: usize| {
            let found = values.by_ref().find(|(i, _)| *i == at);
            found.is_none_or(|(_, (old, new))| old != new && new != Value::Unchanged)
        };
        let mut key = self.key.clone();
        key.sort_unstable();
        key.into_iter().any(&mut differs)
    }

    fn no_old_image(&self) -> Error {
        no_old_image(&self.schema.name, "the log does not tell which row was changed")
    }

    /// The rows of that operation and shape.
    fn group(&mut self, op: Op, shape: &Shape) -> Result<usize> {
        let found = self.groups.iter().position(|g| g.op == op && g.shape == *shape);
        match found {
            Some(at) => Ok(at),
            None => {
                self.groups.push(self.new_group(op, shape.clone())?);
                Ok(self.groups.len() - 1)
            }
        }
    }

    fn new_group(&self, op: Op, shape: Shape) -> Result<Group> {
        let wanted = |at: usize| match &shape {
            Shape::Whole => true,
            Shape::Key => self.key.contains(&at),
            Shape::Some(told) => told.get(at).copied().unwrap_or_default(),
        };
        let mut columns: Vec<usize> = self
            .places
            .iter()
            .enumerate()
            .filter_map(|(at, place)| place.filter(|_| wanted(at)))
            .collect();
        columns.sort_unstable();
        let slots = self
            .places
            .iter()
            .enumerate()
            .map(|(at, place)| {
                place.filter(|_| wanted(at)).and_then(|p| columns.binary_search(&p).ok())
            })
            .collect();
        let fields: Vec<Field> =
            columns.iter().map(|at| self.schema.columns[*at].field.clone()).collect();
        let values = fields.iter().map(Values::new).collect::<Result<_>>()?;
        let all = columns.len() == self.schema.columns.len();
        Ok(Group {
            op,
            shape,
            columns: (!all).then(|| columns.into()),
            schema: Arc::new(Schema::new(fields)),
            slots,
            values,
            order: Vec::new(),
            faults: Vec::new(),
        })
    }

    fn push<'a>(
        &mut self,
        group: usize,
        place: u32,
        values: impl Iterator<Item = Value<'a>>,
    ) -> Result<()> {
        let group = &mut self.groups[group];
        let mut slots = group.slots.iter();
        for value in values {
            let Some(slot) = slots.next() else { return Err(unfit(&self.schema)) };
            let Some(slot) = *slot else { continue };
            let column = &mut group.values[slot];
            let text = match value {
                Value::Text(text) => text,
                Value::Null | Value::Unchanged => {
                    column.append_null();
                    continue;
                }
            };
            let Err(trouble) = column.append(text) else { continue };
            column.append_null();
            let name = group.schema.field(slot).name();
            let shown = String::from_utf8_lossy(text).into_owned();
            let Trouble::Value(code, why) = trouble else {
                let message = format!(
                    "{}: column {name:?}: the log has {shown:?}, which is no {}",
                    self.schema.name,
                    group.schema.field(slot).data_type()
                );
                return Err(Error::new(Code::LogUnreadable, message));
            };
            let message = format!("{}: column {name:?}: {shown} {why}", self.schema.name);
            let error = Error::new(code, message);
            let row = group.order.len();
            group.faults.push(ValueFault { row, column: slot, text: shown, error });
        }
        if slots.next().is_some() {
            return Err(unfit(&self.schema));
        }
        group.order.push(place);
        Ok(())
    }

    /// Takes out what has come.
    pub(super) fn drain(
        &mut self,
        changes: &mut Vec<RowChanges>,
        rejects: &mut Vec<(Arc<TableSchema>, Reject)>,
    ) -> Result<()> {
        for group in &mut self.groups {
            if group.order.is_empty() {
                continue;
            }
            let (rows, refused) = group.finish()?;
            rejects.extend(refused.into_iter().map(|r| (Arc::clone(&self.schema), r)));
            let Some((rows, order)) = rows else { continue };
            changes.push(RowChanges {
                table: Arc::clone(&self.schema),
                columns: group.columns.clone(),
                op: group.op,
                rows,
                order,
            });
        }
        if self.groups.len() > SHAPES_KEPT {
            self.groups.clear();
        }
        Ok(())
    }
}

fn unfit(table: &TableSchema) -> Error {
    let message = format!("{}: a row of the log has other columns than its table", table.name);
    Error::new(Code::LogUnreadable, message)
}

/// The log does not have what tells rows of a table apart.
pub(super) fn no_old_image(table: &syncline_types::TableName, why: &str) -> Error {
    let quoted = syncline_sql::Dialect::Postgres.table(table);
    Error::new(Code::NoOldImage, format!("{table}: {why}"))
        .hint(format!("run: ALTER TABLE {quoted} REPLICA IDENTITY FULL;"))
}

/// Rows and their places.
type Placed = (RecordBatch, Vec<u32>);

impl Group {
    /// The rows, if there are any, and apart from them those that could not be read.
    fn finish(&mut self) -> Result<(Option<Placed>, Vec<Reject>)> {
        let mut rejects = Vec::new();
        let mut order = std::mem::take(&mut self.order);
        let faults = std::mem::take(&mut self.faults);
        let mut arrays: Vec<ArrayRef> = self.values.iter_mut().map(Values::finish).collect();
        if !faults.is_empty() {
            for group in faults.chunk_by(|a, b| a.row == b.row) {
                rejects.push(self.reject(&arrays, group, order[group[0].row])?);
            }
            let mut keep = vec![true; order.len()];
            for fault in &faults {
                keep[fault.row] = false;
            }
            let mut kept = keep.iter();
            order.retain(|_| kept.next().copied().unwrap_or_default());
            let keep = BooleanArray::from(keep);
            for array in &mut arrays {
                *array = arrow::compute::filter(array, &keep).map_err(arrow_bug)?;
            }
            if order.is_empty() {
                return Ok((None, rejects));
            }
        }
        // A NULL where the table takes none: it has taken them since, or before.
        let takes = |(array, field): (&ArrayRef, &Arc<Field>)| {
            field.is_nullable() || array.null_count() == 0
        };
        let schema = if arrays.iter().zip(self.schema.fields()).all(takes) {
            Arc::clone(&self.schema)
        } else {
            let fields = arrays.iter().zip(self.schema.fields()).map(|(array, field)| {
                let nullable = field.is_nullable() || array.null_count() > 0;
                field.as_ref().clone().with_nullable(nullable)
            });
            Arc::new(Schema::new(fields.collect::<Vec<_>>()))
        };
        let options = RecordBatchOptions::new().with_row_count(Some(order.len()));
        let rows =
            RecordBatch::try_new_with_options(schema, arrays, &options).map_err(arrow_bug)?;
        Ok((Some((rows, order)), rejects))
    }

    /// A row of which values could not be read: those as text, the others as they are.
    fn reject(&self, arrays: &[ArrayRef], faults: &[ValueFault], place: u32) -> Result<Reject> {
        let at = UInt32Array::from(vec![u32::try_from(faults[0].row).unwrap_or(u32::MAX)]);
        let mut fields: Vec<Field> = Vec::with_capacity(arrays.len());
        let mut values: Vec<ArrayRef> = Vec::with_capacity(arrays.len());
        for (column, array) in arrays.iter().enumerate() {
            let field = self.schema.field(column).clone().with_nullable(true);
            match faults.iter().find(|f| f.column == column) {
                Some(fault) => {
                    fields.push(Field::new(field.name(), DataType::Utf8, true));
                    values.push(Arc::new(StringArray::from(vec![fault.text.as_str()])));
                }
                None => {
                    fields.push(field);
                    values.push(arrow::compute::take(array, &at, None).map_err(arrow_bug)?);
                }
            }
        }
        let row = RecordBatch::try_new(Arc::new(Schema::new(fields)), values).map_err(arrow_bug)?;
        let last = &faults[faults.len() - 1].error;
        Ok(Reject { row, index: place, error: Arc::new(Error::new(last.code(), last.message())) })
    }
}

fn arrow_bug(error: arrow::error::ArrowError) -> Error {
    Error::bug("postgres: columns of the log's rows do not fit together").because(error)
}
