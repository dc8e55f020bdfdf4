//! What the writer knows of its target tables, and the statements prepared for them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::DataType;
use syncline_connector::WriteTask;
use syncline_types::{Code, Error, Result, TableName, TableSchema};
use tokio_postgres::Statement;

use super::statements::{Parameter, Parts, What};
use crate::catalog::{self, TargetColumn};
use crate::connect::Session;
use crate::encode::{Arrays, Encoder};
use crate::error;
use crate::sink::matching;
use crate::types::oid;

/// Statements kept for one table: one for each set of columns that the log tells.
const KEPT: usize = 64;

/// A target table.
pub(super) struct Target {
    pub(super) task: WriteTask,
    /// With its schema.
    pub(super) name: TableName,
    known: Option<Known>,
}

/// What the catalog tells of it.
struct Known {
    /// The task's columns as they are in the target.
    columns: Vec<TargetColumn>,
    /// All it has.
    all: Vec<TargetColumn>,
    /// By place in the task.
    key: Vec<usize>,
    exact_key: bool,
    prepared: HashMap<Shape, Arc<Prepared>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Shape {
    what: What,
    /// By place in the task, in the batch's order.
    columns: Vec<usize>,
    /// Old keys come beside.
    old_keys: bool,
}

/// A statement, and how its parameters are made.
pub(super) struct Prepared {
    pub(super) what: What,
    pub(super) statement: Statement,
    /// The table of the batch's columns, and of old keys behind them.
    pub(super) shape: TableSchema,
    pub(super) types: Vec<crate::types::NativeType>,
    /// Columns that are identities of the target, by place in the batch.
    pub(super) counted: Vec<(usize, catalog::Sequence)>,
}

impl Prepared {
    pub(super) fn arrays(&self) -> Result<Arrays> {
        Arrays::new(&self.shape, &self.types)
    }

    pub(super) fn encoder(&self) -> Result<Encoder> {
        Encoder::new(&self.shape, &self.types, false)
    }
}

impl Target {
    pub(super) fn new(task: WriteTask, name: TableName) -> Self {
        Self { task, name, known: None }
    }

    /// Its definition has changed.
    pub(super) fn forget(&mut self) {
        self.known = None;
    }

    pub(super) fn keyed(&self) -> bool {
        !self.task.table.key().is_empty()
    }

    /// Columns that take no updates, outside of the key.
    pub(super) async fn has_always(&mut self, session: &Session) -> Result<bool> {
        let known = self.known(session).await?;
        let always = known.columns.iter().enumerate().filter(|(_, c)| c.always);
        Ok(always.into_iter().any(|(at, _)| !known.key.contains(&at)))
    }

    async fn known(&mut self, session: &Session) -> Result<&mut Known> {
        if self.known.is_none() {
            self.known = Some(self.look_up(session).await?);
        }
        self.known.as_mut().ok_or_else(|| Error::bug("a table that was just looked up is gone"))
    }

    async fn look_up(&self, session: &Session) -> Result<Known> {
        let Some((relation, all)) = catalog::target(session, &self.name).await? else {
            let message = format!("{}: the table has been dropped during the run", self.name);
            return Err(Error::new(Code::TableChanged, message));
        };
        let table = &self.task.table;
        let columns = matching(table, &self.name, &all)?;
        let place = |name: &str| {
            table.index_of(name).ok_or_else(|| {
                let message = format!("{}: its key has {name:?}, which is not written", self.name);
                Error::new(Code::ColumnMismatch, message)
                    .hint("follow that column, too, or leave the table out")
            })
        };
        let key: Vec<usize> = table.key().into_iter().map(place).collect::<Result<_>>()?;
        let mut exact_key = key.iter().all(|at| exact(&columns[*at], &table.columns[*at]));
        if exact_key {
            let names: Vec<&str> = key.iter().map(|at| columns[*at].name.as_str()).collect();
            exact_key = deterministic(session, relation, &names).await?;
        }
        Ok(Known { columns, all, key, exact_key, prepared: HashMap::new() })
    }

    /// The statement for that batch; `None` when there is nothing to be done.
    pub(super) async fn prepare(
        &mut self,
        session: &Session,
        what: What,
        rows: &RecordBatch,
        old_keys: bool,
    ) -> Result<Option<Arc<Prepared>>> {
        let table = Arc::clone(&self.task.table);
        let place = |name: &String| {
            table.index_of(name).ok_or_else(|| {
                Error::bug(format!("{}: rows have a column {name:?} of their own", table.name))
            })
        };
        let schema = rows.schema();
        let columns: Vec<usize> =
            schema.fields().iter().map(|f| place(f.name())).collect::<Result<_>>()?;
        let shape = Shape { what, columns, old_keys };
        let into = self.name.clone();
        let known = self.known(session).await?;
        if let Some(prepared) = known.prepared.get(&shape) {
            return Ok(Some(Arc::clone(prepared)));
        }
        let Some(prepared) = known.make(session, &table, &into, &shape).await? else {
            return Ok(None);
        };
        let prepared = Arc::new(prepared);
        if known.prepared.len() >= KEPT {
            known.prepared.clear();
        }
        known.prepared.insert(shape, Arc::clone(&prepared));
        Ok(Some(prepared))
    }
}

impl Known {
    async fn make(
        &self,
        session: &Session,
        table: &TableSchema,
        into: &TableName,
        shape: &Shape,
    ) -> Result<Option<Prepared>> {
        let place = table.name.to_string();
        let (what, batch) = (shape.what, &shape.columns);
        let key = self.key.iter().map(|k| batch.iter().position(|c| c == k)).collect();
        let key: Option<Vec<usize>> = key;
        let by_key = !matches!(what, What::Copy | What::Insert | What::DeleteSame);
        let key = match (key, by_key) {
            (Some(key), _) => key,
            (None, false) => Vec::new(),
            (None, true) => return Err(Error::bug(format!("{place}: rows without their key"))),
        };
        if by_key && key.is_empty() {
            return Err(Error::bug(format!("{place}: there is no key to go by")));
        }
        let old: &[usize] = if shape.old_keys { &self.key } else { &[] };
        let all: Vec<usize> = batch.iter().chain(old).copied().collect();
        let sent = TableSchema {
            columns: all.iter().map(|at| table.columns[*at].clone()).collect(),
            ..TableSchema::new(table.name.clone(), [])
        };
        let types: Vec<_> = all.iter().map(|at| self.columns[*at].ty.clone()).collect();
        let arrays = Arrays::new(&sent, &types).map_err(|e| e.at(&place))?;
        let parameters = (0..all.len()).map(|at| {
            let (array, cast) = arrays.types(at);
            Parameter { array, cast }
        });
        let named = |name: &str| batch.iter().any(|at| self.columns[*at].name == name);
        let columns: Vec<&TargetColumn> = batch.iter().map(|at| &self.columns[*at]).collect();
        let parts = Parts {
            into,
            hashed: session.facts.version >= 14 && columns.iter().all(|c| hashable(c)),
            columns,
            key,
            exact_key: self.exact_key,
            parameters: parameters.collect(),
            rest: self.all.iter().filter(|c| !c.generated && !named(&c.name)).collect(),
            version: session.facts.version,
        };
        let format = match what {
            What::Copy => Encoder::new(&sent, &types, false).map_err(|e| e.at(&place))?.format(),
            _ => "",
        };
        let Some(sql) = parts.sql(what, format) else { return Ok(None) };
        let statement = session.client.prepare(&sql).await.map_err(|e| error::of(e, &place))?;
        let counted = batch.iter().enumerate();
        let counted = counted.filter_map(|(n, at)| Some((n, self.columns[*at].sequence.clone()?)));
        let counted = match what {
            What::Copy | What::Insert | What::Upsert | What::Update => counted.collect(),
            _ => Vec::new(),
        };
        Ok(Some(Prepared { what, statement, shape: sent, types, counted }))
    }
}

/// The batch's columns and the old keys, in the statement's order.
pub(super) fn cells(
    prepared: &Prepared,
    rows: &RecordBatch,
    old_keys: Option<&RecordBatch>,
    key: &[&str],
) -> Result<Vec<ArrayRef>> {
    let mut cells: Vec<ArrayRef> = rows.columns().to_vec();
    if let Some(old) = old_keys {
        for name in key {
            let cell = old.column_by_name(name);
            cells.push(Arc::clone(cell.ok_or_else(|| Error::bug("an old key is not whole"))?));
        }
        if old.num_rows() != rows.num_rows() {
            return Err(Error::bug("there is not one old key for each row"));
        }
    }
    let wanted = prepared.shape.columns.iter().map(|c| c.field.data_type());
    if !wanted.eq(cells.iter().map(|c| c.data_type())) {
        let message = format!("{}: a batch of other types than asked for", prepared.shape.name);
        return Err(Error::bug(message));
    }
    Ok(cells)
}

/// The server takes two values for one only when their bytes are the same.
fn exact(column: &TargetColumn, written: &syncline_types::Column) -> bool {
    match column.ty.oid {
        oid::BOOL | oid::INT2 | oid::INT4 | oid::INT8 | oid::OID | oid::UUID | oid::BYTEA => true,
        oid::DATE | oid::TIME | oid::TIMESTAMP | oid::TIMESTAMPTZ => true,
        oid::TEXT | oid::VARCHAR | oid::NAME => true,
        // With one scale for all.
        oid::NUMERIC => {
            matches!(written.field.data_type(), DataType::Decimal128(..) | DataType::Decimal256(..))
        }
        _ => column.ty.members.is_some(),
    }
}

fn hashable(column: &TargetColumn) -> bool {
    const TYPES: &[u32] = &[
        oid::BOOL,
        oid::INT2,
        oid::INT4,
        oid::INT8,
        oid::OID,
        oid::UUID,
        oid::BYTEA,
        oid::DATE,
        oid::TIME,
        oid::TIMESTAMP,
        oid::TIMESTAMPTZ,
        oid::TEXT,
        oid::VARCHAR,
        oid::NAME,
        oid::NUMERIC,
        oid::FLOAT4,
        oid::FLOAT8,
        oid::BPCHAR,
        oid::INTERVAL,
        oid::JSONB,
    ];
    TYPES.contains(&column.ty.oid) || column.ty.members.is_some()
}

/// Texts of these columns are the same only when their bytes are.
async fn deterministic(session: &Session, relation: u32, names: &[&str]) -> Result<bool> {
    let sql = "SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a \
               JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation \
               WHERE a.attrelid = $1 AND a.attname::text = ANY ($2) AND NOT c.collisdeterministic)";
    let row = session.client.query_one(sql, &[&relation, &names]).await;
    Ok(row.map_err(|e| error::of(e, "looking collations up"))?.get(0))
}
