//! A file as a source: what is in it, a snapshot for parallel readers, and even splits.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use syncline_connector::{Consistency, Cut, ReadTask, Source, SplitReader, async_trait};
use syncline_sql::{Dialect, KeyColumn, KeyRange, KeyValue, order_by, predicate};
use syncline_types::{
    Code, Column, Error, Position, Result, Split, TableInfo, TableName, TableSchema,
    TableSelection, did_you_mean,
};

use crate::SqliteOptions;
use crate::catalog::{self, Order, Table};
use crate::database::{Database, changed_meanwhile, map_error};
use crate::density::Density;
use crate::reader::{Marker, PassReader, Place, Rest, Shape, TableReader};
use crate::sample;
use crate::types::{Affinity, Meaning, meaning};

/// Connections that share a snapshot and are not reading just now.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    state: Mutex<PoolState>,
}

#[derive(Debug, Default)]
struct PoolState {
    idle: Vec<Connection>,
    /// Between `begin` and `end`.
    open: bool,
}

impl Pool {
    fn state(&self) -> std::sync::MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Connection> {
        self.state().idle.pop()
    }

    /// Takes a connection back; after the end it is closed.
    pub(crate) fn put(&self, connection: Connection) {
        let mut state = self.state();
        if state.open {
            state.idle.push(connection);
        }
    }

    fn open(&self, connections: Vec<Connection>) {
        *self.state() = PoolState { idle: connections, open: true };
    }

    fn close(&self) {
        *self.state() = PoolState::default();
    }
}

/// What a split is, in its token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Piece {
    v: u32,
    #[serde(flatten)]
    range: Range,
    /// Set where VACUUM may number the rows anew: the file's schema version, which VACUUM counts
    /// up. While it is the same, the rowids are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema_version: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Range {
    /// Rowids after the first bound, up to and including the second.
    Rowid {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        upto: Option<i64>,
    },
    /// Keys of a table WITHOUT ROWID.
    Key(KeyRange),
    /// All of it, in one pass.
    Whole {},
}

/// A file to read from.
pub(crate) struct SqliteSource {
    database: Database,
    options: SqliteOptions,
    pool: Arc<Pool>,
}

impl SqliteSource {
    pub(crate) fn new(path: PathBuf, options: SqliteOptions) -> Self {
        let database = Database::new(path, options.busy_timeout_ms);
        Self { database, options, pool: Arc::default() }
    }

    /// Runs `f` with a connection of the snapshot, or one of its own where there is none.
    fn with_connection<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        tokio::task::block_in_place(|| {
            let connection = self.connection()?;
            let result = f(&connection).map_err(|e| e.at(self.database.display()));
            self.pool.put(connection);
            result
        })
    }

    fn connection(&self) -> Result<Connection> {
        if let Some(connection) = self.pool.take() {
            return Ok(connection);
        }
        if self.pool.state().open {
            tracing::debug!(file = %self.database.display(), "more readers than were announced");
        }
        let connection = self.database.open_reader()?;
        start_snapshot(&connection).map_err(|e| self.database.error(e))?;
        Ok(connection)
    }

    fn open_table(
        &self,
        connection: Connection,
        read: &ReadTask,
        piece: Piece,
        at: Option<&Position>,
    ) -> Result<Box<dyn SplitReader>> {
        let name = &read.table.name;
        let table = Table::load(&connection, &name.name)?
            .ok_or_else(|| Error::new(Code::TableChanged, format!("table {name} is gone")))?;
        let order = table.order(&connection)?;
        check_version(&connection, name, piece.schema_version)?;
        let place = at.map(|p| Place::parse(&p.token)).transpose()?;
        let changed =
            || Error::new(Code::TableChanged, format!("table {name} has got another key"));
        let (rest, marker) = match (piece.range, order) {
            (Range::Rowid { after, upto }, Order::Rowid { name, .. }) => {
                let after = match place {
                    None => after,
                    Some(Place::Row(rowid)) => Some(rowid),
                    Some(_) => return Err(changed()),
                };
                let from = after.map_or(Some(i64::MIN), |rowid| rowid.checked_add(1));
                (Rest::Rowids { name, from, to: upto.unwrap_or(i64::MAX) }, Marker::Rowid)
            }
            (Range::Key(mut range), Order::Key(columns)) => {
                match place {
                    None => {}
                    Some(Place::Key(key)) => range.after = Some(key),
                    Some(_) => return Err(changed()),
                }
                let marker = Marker::Key(columns.len());
                (Rest::Keys { columns, range }, marker)
            }
            (Range::Whole {}, _) => {
                let sql = select(&read.table, read.filter.as_deref());
                let shape = Shape::after(&read.table, Marker::None);
                let reader = PassReader::start(connection, Arc::clone(&self.pool), sql, shape)?;
                return Ok(Box::new(reader));
            }
            _ => return Err(changed()),
        };
        let reader = TableReader {
            connection: Some(connection),
            pool: Arc::clone(&self.pool),
            shape: Shape::after(&read.table, marker),
            rest,
            filter: read.filter.clone(),
            seq: at.map_or(0, |p| p.seq),
            ended: false,
        };
        reader.check()?;
        Ok(Box::new(reader))
    }
}

/// Reads something, so that the connection has its snapshot.
fn start_snapshot(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

fn schema_version(connection: &Connection) -> Result<i64> {
    connection.query_row("PRAGMA schema_version", [], |row| row.get(0)).map_err(map_error)
}

fn check_version(connection: &Connection, table: &TableName, planned: Option<i64>) -> Result<()> {
    match planned {
        Some(planned) if schema_version(connection)? != planned => Err(Error::new(
            Code::CannotResume,
            format!(
                "table {table} has no INTEGER PRIMARY KEY, and the file's schema has changed since \
                 the run began: its rows may have been numbered anew"
            ),
        )
        .hint("start over with --fresh")),
        _ => Ok(()),
    }
}

/// The table's columns in one pass.
fn select(table: &TableSchema, filter: Option<&str>) -> String {
    let quote = |name: &str| Dialect::Sqlite.quote(name);
    let columns: Vec<String> = table.columns.iter().map(|c| quote(c.name())).collect();
    let filter = filter.map(|f| format!(" WHERE ({f}\n)")).unwrap_or_default();
    format!("SELECT {} FROM {}{filter}", columns.join(", "), quote(&table.name.name))
}

/// How many pieces a table of so many rows is worth.
fn pieces(cut: &Cut, rows: u64) -> usize {
    let worth = rows / cut.min_rows.max(1);
    cut.splits.max(1).min(usize::try_from(worth.max(1)).unwrap_or(usize::MAX))
}

fn split(table: &TableName, id: usize, rows: Option<u64>, resumable: bool, piece: &Piece) -> Split {
    Split {
        table: table.clone(),
        id: u32::try_from(id).unwrap_or(u32::MAX),
        rows,
        bytes: None,
        resumable,
        token: serde_json::to_string(piece).unwrap_or_default(),
    }
}

fn whole(table: &TableName, rows: Option<u64>) -> Vec<Split> {
    let piece = Piece { v: 1, range: Range::Whole {}, schema_version: None };
    vec![split(table, 0, rows, false, &piece)]
}

fn plan_rowids(
    connection: &Connection,
    table: &TableName,
    rowid: &str,
    stable: bool,
    cut: &Cut,
) -> Result<Vec<Split>> {
    let quoted = Dialect::Sqlite.quote(&table.name);
    let density = Density::measure(connection, &quoted, rowid, cut.splits).map_err(map_error)?;
    let cuts = density.cuts(pieces(cut, density.rows()));
    let schema_version = if stable { None } else { Some(schema_version(connection)?) };
    let count = cuts.len() + 1;
    let rows = Some(density.rows() / count as u64);
    Ok((0..count)
        .map(|n| {
            let after = n.checked_sub(1).and_then(|n| cuts.get(n)).copied();
            let range = Range::Rowid { after, upto: cuts.get(n).copied() };
            split(table, n, rows, true, &Piece { v: 1, range, schema_version })
        })
        .collect())
}

/// Cuts by a walk along the key, which is the table itself.
fn plan_keys(
    connection: &Connection,
    table: &TableName,
    key: &[KeyColumn],
    cut: &Cut,
) -> Result<Vec<Split>> {
    let quoted = Dialect::Sqlite.quote(&table.name);
    let rows: i64 = connection
        .query_row(&format!("SELECT count(*) FROM {quoted}"), [], |row| row.get(0))
        .map_err(map_error)?;
    let rows = rows.unsigned_abs();
    let count = pieces(cut, rows);
    let step = rows.div_ceil(count as u64);
    let names: Vec<String> = key.iter().map(|c| Dialect::Sqlite.quote(&c.name)).collect();
    let mut cuts: Vec<Vec<KeyValue>> = Vec::new();
    while cuts.len() + 1 < count {
        let after = KeyRange { after: cuts.last().cloned(), upto: None };
        let sql = format!(
            "SELECT {} FROM {quoted} WHERE {} ORDER BY {} LIMIT 1 OFFSET {}",
            names.join(", "),
            predicate(Dialect::Sqlite, key, &after),
            order_by(Dialect::Sqlite, key),
            step - 1
        );
        let mut statement = connection.prepare(&sql).map_err(map_error)?;
        let mut found = statement.query([]).map_err(map_error)?;
        let Some(row) = found.next().map_err(map_error)? else { break };
        cuts.push(Marker::Key(key.len()).key(row)?);
    }
    let count = cuts.len() + 1;
    Ok((0..count)
        .map(|n| {
            let after = n.checked_sub(1).and_then(|n| cuts.get(n)).cloned();
            let range = Range::Key(KeyRange { after, upto: cuts.get(n).cloned() });
            let piece = Piece { v: 1, range, schema_version: None };
            split(table, n, Some(rows / count as u64), true, &piece)
        })
        .collect())
}

#[async_trait]
impl Source for SqliteSource {
    async fn check(&self) -> Result<Vec<String>> {
        self.with_connection(|connection| catalog::list(connection).map(|_| Vec::new()))
    }

    async fn version(&self) -> Result<Option<String>> {
        Ok(Some(format!("SQLite {}", rusqlite::version())))
    }

    async fn left_out(&self) -> Result<Vec<String>> {
        self.with_connection(|connection| Ok(catalog::list(connection)?.notes()))
    }

    async fn discover(&self, selection: &TableSelection) -> Result<Vec<TableInfo>> {
        self.with_connection(|connection| {
            let listing = catalog::list(connection)?;
            for pattern in &selection.include {
                if let Some(name) = pattern.exact(None)
                    && (name.schema.is_some() || !listing.tables.contains(&name.name))
                {
                    return Err(catalog::no_such_table(&name, &listing));
                }
            }
            let mut found = Vec::new();
            for name in &listing.tables {
                if !selection.selects(&TableName::bare(name), None) {
                    continue;
                }
                if let Some(table) = Table::load(connection, name)? {
                    let described = table.describe(connection, self.options.sample_rows);
                    found.push(described.map_err(|e| e.at(name))?);
                }
            }
            Ok(found)
        })
    }

    async fn describe_query(&self, sql: &str) -> Result<TableInfo> {
        self.with_connection(|connection| {
            let refused =
                |e: rusqlite::Error| Error::new(Code::QueryRejected, map_error(e).message());
            let statement = connection.prepare(sql).map_err(refused)?;
            if !statement.readonly() || statement.column_count() == 0 {
                return Err(Error::new(
                    Code::QueryRejected,
                    "the query is not one that reads rows",
                ));
            }
            let named: Vec<(String, Option<String>)> = statement
                .columns()
                .map(|c| (c.name().to_owned(), c.decl_type().map(str::to_owned)))
                .collect();
            drop(statement);
            for (n, (name, _)) in named.iter().enumerate() {
                if named[..n].iter().any(|(other, _)| other == name) {
                    let message = format!("two columns of the query are called {name:?}");
                    return Err(Error::new(Code::QueryRejected, message)
                        .hint("give one of them another name with AS"));
                }
            }
            let mut meanings: Vec<Meaning> =
                named.iter().map(|(_, t)| meaning(t.as_deref().unwrap_or_default())).collect();
            let mut notes =
                vec!["a query is read in one piece, which starts over when interrupted".to_owned()];
            if meanings.iter().any(|m| m.soft) {
                let rows = self.options.sample_rows;
                let seen = sample::look(connection, sql, &meanings, rows)?;
                for ((m, seen), (name, declared)) in meanings.iter_mut().zip(seen).zip(&named) {
                    if m.soft {
                        let declared = declared.as_deref().unwrap_or_default();
                        let settled = seen.settle(m, Affinity::of(declared));
                        notes.extend(sample::note_on(name, declared, m, &settled));
                        *m = settled;
                    }
                }
            }
            let columns = named.iter().zip(&meanings).map(|((name, declared), m)| {
                Column::new(m.field(name, true, declared.as_deref().unwrap_or_default()))
            });
            let schema = TableSchema {
                columns: columns.collect(),
                ..TableSchema::new(TableName::bare("query"), [])
            };
            Ok(TableInfo { schema, rows: None, bytes: None, notes })
        })
    }

    /// In a rollback journal, the first reader keeps writers from committing, so all see the same.
    /// In WAL mode writers go on, and a writer's lock held meanwhile keeps the moment still.
    async fn begin(&self, parallel: usize) -> Result<Consistency> {
        tokio::task::block_in_place(|| {
            let error = |e| self.database.error(e);
            let mut readers = vec![self.database.open_reader()?];
            let mode: String =
                readers[0].query_row("PRAGMA journal_mode", [], |row| row.get(0)).map_err(error)?;
            let mut consistency = Consistency::Snapshot;
            let mut still = None;
            if parallel > 1 && mode.eq_ignore_ascii_case("wal") {
                match self.hold_still() {
                    Ok(writer) => still = Some(writer),
                    Err(e) => {
                        consistency = Consistency::PerSplit(format!(
                            "the file is in WAL mode and cannot be held still for a moment: {}",
                            e.message()
                        ));
                    }
                }
            }
            for _ in 1..parallel.max(1) {
                readers.push(self.database.open_reader()?);
            }
            readers.iter().try_for_each(start_snapshot).map_err(error)?;
            drop(still);
            self.pool.open(readers);
            Ok(consistency)
        })
    }

    async fn plan(&self, read: &ReadTask, cut: &Cut) -> Result<Vec<Split>> {
        self.with_connection(|connection| {
            let name = &read.table.name;
            if read.query.is_some() {
                return Ok(whole(name, None));
            }
            let table = Table::load(connection, &name.name)?;
            let Some(table) = table else {
                return Err(catalog::no_such_table(name, &catalog::list(connection)?));
            };
            for column in &read.table.columns {
                let known = table.columns();
                if !known.iter().any(|c| c.eq_ignore_ascii_case(column.name())) {
                    let near = did_you_mean(column.name(), known.iter().copied());
                    let message = format!("{name} has no column {:?}{near}", column.name());
                    return Err(Error::new(Code::ColumnNotFound, message));
                }
            }
            let splits = match table.order(connection)? {
                Order::Rowid { name: rowid, stable } => {
                    plan_rowids(connection, name, &rowid, stable, cut)
                }
                Order::Key(key) => plan_keys(connection, name, &key, cut),
                Order::None => Ok(whole(name, None)),
            };
            splits.map_err(changed_meanwhile)
        })
    }

    async fn open(
        &self,
        read: &ReadTask,
        split: &Split,
        at: Option<&Position>,
    ) -> Result<Box<dyn SplitReader>> {
        let piece: Piece = serde_json::from_str(&split.token)
            .ok()
            .filter(|piece: &Piece| piece.v == 1)
            .ok_or_else(|| {
                let message = format!("the split {:?} is not one of SQLite", split.token);
                Error::new(Code::CannotResume, message).hint("start over with --fresh")
            })?;
        tokio::task::block_in_place(|| {
            let connection = self.connection()?;
            let opened = match &read.query {
                Some(sql) => self.open_query(connection, read, sql),
                None => self.open_table(connection, read, piece, at),
            };
            opened.map_err(|e| e.at(self.database.display()))
        })
    }

    async fn end(&self) -> Result<()> {
        tokio::task::block_in_place(|| self.pool.close());
        Ok(())
    }
}

impl SqliteSource {
    /// A writer's lock, which keeps others from committing while it is held.
    fn hold_still(&self) -> Result<Connection> {
        let writer = self.database.open_existing_writer()?;
        writer.execute_batch("BEGIN IMMEDIATE").map_err(map_error)?;
        Ok(writer)
    }

    fn open_query(
        &self,
        connection: Connection,
        read: &ReadTask,
        sql: &str,
    ) -> Result<Box<dyn SplitReader>> {
        let refused = |e: rusqlite::Error| Error::new(Code::QueryRejected, map_error(e).message());
        let statement = connection.prepare(sql).map_err(refused)?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        drop(statement);
        let at = read.table.columns.iter().map(|column| {
            names.iter().position(|name| name == column.name()).ok_or_else(|| {
                let message = format!("the query has no column {:?}", column.name());
                Error::new(Code::ColumnNotFound, message)
            })
        });
        let shape =
            Shape { at: at.collect::<Result<_>>()?, ..Shape::after(&read.table, Marker::None) };
        let pool = Arc::clone(&self.pool);
        Ok(Box::new(PassReader::start(connection, pool, sql.to_owned(), shape)?))
    }
}
