//! A file as a target: tables made ready, loaded by one writer at a time, swapped in and indexed.
//!
//! All of a run goes through one connection. Whoever holds it has the file's write lock in this
//! process, so that the pieces of a run never wait for each other's locks.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::Field;
use rusqlite::{Connection, OptionalExtension};
use syncline_connector::{
    Guarantee, Opened, Sink, TargetTable, WriteMode, WriteTask, async_trait, statement_failed,
};
use syncline_sql::{Dialect, create_indexes, create_table};
use syncline_types::{Adapted, Code, Error, Result, Split, TableName, TableSchema, field};

use crate::bind;
use crate::catalog::Table;
use crate::checkpoint::Owner;
use crate::database::{Database, map_error};
use crate::definition;
use crate::reuse;
use crate::special::Special;
use crate::types::meaning;
use crate::writer::{Insert, SqliteWriter};
use crate::{Journal, SqliteOptions};

/// The one connection of a run.
#[derive(Clone)]
pub(crate) struct Shared {
    database: Database,
    options: SqliteOptions,
    connection: Arc<tokio::sync::Mutex<Option<Connection>>>,
}

/// The connection, and with it the right to write. Given back, it leaves no transaction open.
pub(crate) struct Locked(tokio::sync::OwnedMutexGuard<Option<Connection>>);

impl Locked {
    pub(crate) fn connection(&self) -> Result<&Connection> {
        self.0.as_ref().ok_or_else(|| Error::bug("the file has been closed"))
    }

    /// Closes the file, which brings the write-ahead log home.
    fn close(mut self) {
        *self.0 = None;
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        if let Some(connection) = self.0.as_ref().filter(|c| !c.is_autocommit())
            && connection.execute_batch("ROLLBACK").is_err()
        {
            // A connection that cannot roll back is not one to go on with.
            *self.0 = None;
        }
    }
}

impl Shared {
    pub(crate) fn display(&self) -> String {
        self.database.display()
    }

    pub(crate) fn enforces_foreign_keys(&self) -> bool {
        self.options.foreign_keys
    }

    /// Waits for the connection, which is opened at first.
    pub(crate) async fn lock(&self) -> Result<Locked> {
        let mut guard = Arc::clone(&self.connection).lock_owned().await;
        if guard.is_none() {
            *guard = Some(tokio::task::block_in_place(|| self.open())?);
        }
        Ok(Locked(guard))
    }

    fn open(&self) -> Result<Connection> {
        let is_new = !self.database.exists();
        let connection = self.database.open_writer()?;
        let journal = match self.options.journal {
            Journal::Auto if is_new => Some("wal"),
            Journal::Auto => None,
            Journal::Wal => Some("wal"),
            Journal::Delete => Some("delete"),
        };
        let set = || -> rusqlite::Result<()> {
            if let Some(mode) = journal {
                connection.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |_| Ok(()))?;
            }
            let cache = -1024 * i64::from(self.options.cache_mib);
            connection.pragma_update(None, "cache_size", cache)?;
            // A flush is durable when it returns.
            connection.pragma_update(None, "synchronous", "full")?;
            // Side tables take the place of others whatever views and keys point to them.
            connection.pragma_update(None, "legacy_alter_table", true)?;
            connection.pragma_update(None, "foreign_keys", false)
        };
        set().map_err(|e| self.database.error(e))?;
        Ok(connection)
    }

    /// Runs `f` in a transaction of its own.
    async fn transaction<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let locked = self.lock().await?;
        tokio::task::block_in_place(|| {
            let connection = locked.connection()?;
            connection.pragma_update(None, "foreign_keys", false).map_err(map_error)?;
            connection.execute_batch("BEGIN IMMEDIATE").map_err(map_error)?;
            let value = f(connection)?;
            connection.execute_batch("COMMIT").map_err(map_error)?;
            Ok(value)
        })
        .map_err(|e: Error| e.at(self.database.display()))
    }
}

/// A file to write to.
pub(crate) struct SqliteSink {
    shared: Shared,
}

impl SqliteSink {
    pub(crate) fn new(path: PathBuf, options: SqliteOptions) -> Self {
        let database = Database::new(path, options.busy_timeout_ms);
        Self { shared: Shared { database, options, connection: Arc::default() } }
    }
}

/// The field, saying that values of `special` can be kept in it, where they can: as texts.
fn with_special(column: Field, special: &str) -> Field {
    let said = field::with(column.clone(), [(field::SPECIAL, special.to_owned())]);
    if Special::of(&said).is_some() { said } else { column }
}

/// The name in the file: SQLite knows no schemas, but for its own word for the file.
fn local(name: &TableName) -> Result<&str> {
    match &name.schema {
        Some(schema) if !schema.eq_ignore_ascii_case("main") => {
            let message = format!("{name}: a SQLite file has no schemas");
            Err(Error::new(Code::BadValue, message)
                .hint("--to '{table}' or --to '{schema}_{table}' gives a name without"))
        }
        _ => Ok(&name.name),
    }
}

fn owner(task: &WriteTask) -> Owner {
    Owner { run: task.run.clone(), target: task.table.name.name.clone(), epoch: task.epoch }
}

/// Whether rows go into a table beside the one that is there.
fn uses_side(task: &WriteTask) -> bool {
    task.write == WriteMode::Replace && task.exists && !task.empty_at_start
}

/// The name of the table beside: of this run alone, so that another's leftovers are never taken.
fn side_name(task: &WriteTask) -> String {
    format!("_syncline_{}_{}", task.run, task.table.name.name)
}

/// The name rows are written to.
fn written_name(task: &WriteTask) -> String {
    if uses_side(task) { side_name(task) } else { task.table.name.name.clone() }
}

fn exists(connection: &Connection, table: &str) -> Result<bool> {
    connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower(?1)",
            [table],
            |_| Ok(()),
        )
        .optional()
        .map(|found| found.is_some())
        .map_err(map_error)
}

/// The table as SQLite has it: no schema.
fn bare(table: &TableSchema) -> TableSchema {
    TableSchema { name: TableName::bare(&table.name.name), ..table.clone() }
}

fn make_side(connection: &Connection, task: &WriteTask) -> Result<()> {
    let side = side_name(task);
    if owner(task).has_swapped(connection)? || exists(connection, &side)? {
        return Ok(());
    }
    let name = &task.table.name;
    let old = Table::load(connection, &name.name)?
        .ok_or_else(|| Error::new(Code::TableChanged, format!("table {name} is gone")))?;
    let sql = definition::renamed(old.sql(), &Dialect::Sqlite.quote(&side)).ok_or_else(|| {
        Error::new(Code::Unsupported, format!("table {name} cannot be made beside itself"))
    })?;
    connection.execute_batch(&sql).map_err(map_error)
}

/// Makes a table that is not there: by the statement of another file, where that makes the table
/// that is wanted.
fn make_table(connection: &Connection, table: &TableSchema) -> Result<()> {
    if exists(connection, &table.name.name)? {
        return Ok(());
    }
    let sql = match reuse::statements(table) {
        Some(statements) => statements.create,
        None => create_table(Dialect::Sqlite, table),
    };
    connection.execute_batch(&sql).map_err(map_error)
}

/// The side table takes the place of the old one, with its indexes and triggers.
fn swap(connection: &Connection, task: &WriteTask, check_keys: bool) -> Result<()> {
    let owner = owner(task);
    if owner.has_swapped(connection)? {
        return Ok(());
    }
    let name = &task.table.name.name;
    let old = Table::load(connection, name)?.map(|t| t.name().to_owned());
    let name = old.as_ref().unwrap_or(name);
    let made_for: Vec<String> = connection
        .prepare(
            "SELECT sql FROM sqlite_schema WHERE tbl_name = ?1 AND type IN ('index', 'trigger') \
             AND sql IS NOT NULL ORDER BY type, rowid",
        )
        .and_then(|mut s| s.query_map([name], |row| row.get(0))?.collect())
        .map_err(map_error)?;
    let quoted = Dialect::Sqlite.quote(name);
    let side = Dialect::Sqlite.quote(&side_name(task));
    let move_in = format!("DROP TABLE IF EXISTS {quoted}; ALTER TABLE {side} RENAME TO {quoted}");
    // One by one, so that each keeps its text as it was typed.
    for sql in std::iter::once(&move_in).chain(&made_for) {
        connection.execute_batch(sql).map_err(map_error)?;
    }
    if check_keys {
        check_foreign_keys(connection, name)?;
    }
    owner.set_swapped(connection)
}

fn check_foreign_keys(connection: &Connection, table: &str) -> Result<()> {
    let sql = "SELECT \"parent\", count(*), min(\"rowid\") FROM pragma_foreign_key_check(?1) \
               GROUP BY 1 LIMIT 1";
    let broken: Option<(String, i64, Option<i64>)> = connection
        .query_row(sql, [table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
        .map_err(map_error)?;
    match broken {
        None => Ok(()),
        Some((parent, rows, rowid)) => {
            let example = rowid.map(|id| format!(", such as the one of rowid {id}"));
            let message = format!(
                "{table}: {rows} rows point to rows of {parent} that are not there{}",
                example.unwrap_or_default()
            );
            Err(Error::new(Code::ForeignKey, message)
                .hint("copy the tables they point to first, or set foreign_keys=false"))
        }
    }
}

/// Makes the indexes that are not there. Their names share one space with those of tables and of
/// other tables' indexes; one that is taken gets a number.
fn make_indexes(connection: &Connection, table: &TableSchema) -> Result<()> {
    let reused = reuse::statements(table);
    for index in &table.indexes {
        if let Some(reused) = &reused {
            let text = reused.indexes.iter().find(|(name, _)| *name == index.name);
            if let (Some((name, sql)), false) = (text, index.constraint)
                && !is_taken(connection, name)?
            {
                connection.execute_batch(sql).map_err(map_error)?;
                continue;
            }
            // The table's own statement has made it.
            if index.constraint {
                continue;
            }
        }
        for n in 1.. {
            let mut named = index.clone();
            if n > 1 {
                named.name = format!("{}_{n}", index.name);
            }
            let taken: Option<bool> = connection
                .query_row(
                    "SELECT type = 'index' AND lower(tbl_name) = lower(?2) FROM sqlite_schema \
                     WHERE lower(name) = lower(?1)",
                    [&named.name, &table.name.name],
                    |row| row.get(0),
                )
                .optional()
                .map_err(map_error)?;
            match taken {
                Some(true) => break,
                Some(false) => continue,
                None => {}
            }
            let one = TableSchema { indexes: vec![named], ..table.clone() };
            for sql in create_indexes(Dialect::Sqlite, &one)? {
                connection.execute_batch(&sql).map_err(map_error)?;
            }
            break;
        }
    }
    Ok(())
}

fn is_taken(connection: &Connection, name: &str) -> Result<bool> {
    connection
        .query_row("SELECT 1 FROM sqlite_schema WHERE lower(name) = lower(?1)", [name], |_| Ok(()))
        .optional()
        .map(|found| found.is_some())
        .map_err(map_error)
}

/// Makes the next number of an AUTOINCREMENT key at least the source's.
fn set_sequence(connection: &Connection, table: &TableSchema) -> Result<()> {
    let next = table.columns.iter().find_map(|c| c.identity?.next);
    let Some(last) = next.and_then(|next| i64::try_from(next - 1).ok()) else { return Ok(()) };
    let has_sequence = exists(connection, "sqlite_sequence")?;
    if last < 1 || !has_sequence {
        return Ok(());
    }
    let name = &table.name.name;
    let known = connection
        .execute("UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", (name, last))
        .map_err(map_error)?;
    if known == 0 {
        connection
            .execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", (name, last))
            .map_err(map_error)?;
    }
    Ok(())
}

/// The key rows are told apart by, where an upsert has to look for them.
fn conflict_key(task: &WriteTask) -> Result<Option<Vec<&str>>> {
    if task.write != WriteMode::Upsert || task.empty_at_start {
        return Ok(None);
    }
    match task.table.key() {
        key if key.is_empty() => {
            let message = format!("{} has no key for an upsert", task.table.name);
            Err(Error::new(Code::WriteModeNeeded, message)
                .hint("use --write append or --write replace"))
        }
        key => Ok(Some(key)),
    }
}

#[async_trait]
impl Sink for SqliteSink {
    async fn check(&self) -> Result<Vec<String>> {
        let database = &self.shared.database;
        tokio::task::block_in_place(|| {
            if database.exists() {
                let connection = database.open_existing_writer()?;
                let tried = connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK");
                return tried.map(|()| Vec::new()).map_err(|e| database.error(e));
            }
            let folder = database.folder();
            let place = folder.display();
            match std::fs::metadata(folder) {
                Err(e) => {
                    let message = format!("{}: there is no folder {place}", database.display());
                    Err(Error::new(Code::FileNotFound, message).because(e))
                }
                Ok(found) if !found.is_dir() => {
                    Err(Error::new(Code::FileNotFound, format!("{place} is not a folder")))
                }
                Ok(found) if found.permissions().readonly() => {
                    Err(Error::new(Code::ReadOnly, format!("the folder {place} is read-only")))
                }
                Ok(_) => Ok(vec![format!("{} will be made", database.display())]),
            }
        })
    }

    async fn describe(&self, target: &TableName) -> Result<Option<TargetTable>> {
        let name = local(target)?;
        if !self.shared.database.exists() {
            return Ok(None);
        }
        tokio::task::block_in_place(|| {
            let connection = self.shared.database.open_reader()?;
            let Some(table) = Table::load(&connection, name)? else { return Ok(None) };
            let mut schema = table.describe(&connection, self.shared.options.sample_rows)?.schema;
            for column in &mut schema.columns {
                // SQLite enforces no length.
                let mut metadata = column.field.metadata().clone();
                metadata.remove(field::LENGTH);
                column.field = column.field.clone().with_metadata(metadata);
                if Special::of(&column.field).is_none() {
                    for special in [Special::Infinity, Special::Nan] {
                        column.field = with_special(column.field.clone(), special.id());
                    }
                }
            }
            let sql = format!("SELECT 1 FROM {} LIMIT 1", Dialect::Sqlite.quote(table.name()));
            let row = connection.query_row(&sql, [], |_| Ok(())).optional().map_err(map_error)?;
            Ok(Some(TargetTable { schema, empty: row.is_none() }))
        })
        .map_err(|e: Error| e.at(self.shared.display()))
    }

    fn adapt(&self, source: &TableSchema, target: &TableName) -> Result<Adapted> {
        let name = local(target)?;
        let mut source = source.clone();
        for column in &mut source.columns {
            // A column of SQLite that has been given another type on the way is not one any more.
            let Some(native) = field::native(&column.field, "sqlite") else { continue };
            let declared = meaning(native);
            let data_type = column.field.data_type();
            if !bind::takes(data_type) || (!declared.soft && declared.arrow != *data_type) {
                let mut metadata = column.field.metadata().clone();
                metadata.remove(field::NATIVE);
                column.field = column.field.clone().with_metadata(metadata);
            }
        }
        let mut adapted = syncline_sql::adapt(Dialect::Sqlite, &source, &TableName::bare(name))?;
        let table = &mut adapted.table;
        table.name = target.clone();
        for column in &mut table.columns {
            let from = source.column(column.name()).map(|c| &c.field);
            if let Some(special) = from.and_then(|f| field::get(f, field::SPECIAL)) {
                column.field = with_special(column.field.clone(), special);
            }
            // A key of SQLite may hold NULL.
            if let Some(from) = from.filter(|f| field::native(f, Dialect::Sqlite.id()).is_some()) {
                column.field = column.field.clone().with_nullable(from.is_nullable());
            }
        }
        table.statements = source.statements;
        table.statements.retain(|sql| sql.store == Dialect::Sqlite.id());
        Ok(adapted)
    }

    fn guarantee(&self, _task: &WriteTask) -> Guarantee {
        Guarantee::Transactional
    }

    fn max_parallel(&self) -> usize {
        1
    }

    async fn prepare(&self, task: &WriteTask) -> Result<()> {
        local(&task.table.name)?;
        conflict_key(task)?;
        self.shared
            .transaction(|connection| {
                owner(task).check(connection)?;
                if uses_side(task) {
                    return make_side(connection, task);
                }
                if task.exists {
                    return Ok(());
                }
                make_table(connection, &bare(&task.definition))
            })
            .await
            .map_err(|e| e.at(&task.table.name))
    }

    async fn open(&self, task: &WriteTask, split: &Split) -> Result<Opened> {
        let owner = owner(task);
        let key = conflict_key(task)?;
        let held = self.shared.transaction(|c| owner.claim(c, split.id)).await?;
        let writer = SqliteWriter {
            shared: self.shared.clone(),
            owner,
            split: split.id,
            table: Arc::clone(&task.table),
            insert: Insert::new(&written_name(task), &task.table, key.as_deref()),
            later: uses_side(task) || !task.exists || !task.circular.is_empty(),
            locked: None,
        };
        Ok(Opened { writer: Box::new(writer), held })
    }

    async fn commit(&self, task: &WriteTask) -> Result<()> {
        let check_keys = self.shared.options.foreign_keys;
        self.shared
            .transaction(|connection| {
                owner(task).check(connection)?;
                if uses_side(task) {
                    return swap(connection, task, check_keys);
                }
                let table = bare(&task.definition);
                if !task.exists {
                    make_indexes(connection, &table)?;
                    set_sequence(connection, &table)?;
                }
                Ok(())
            })
            .await
            .map_err(|e| e.at(&task.table.name))
    }

    /// SQLite makes foreign keys with the table only; now that all tables are there, their rows
    /// are looked at.
    async fn relate(&self, tasks: &[WriteTask]) -> Result<()> {
        if !self.shared.options.foreign_keys {
            return Ok(());
        }
        self.shared
            .transaction(|connection| {
                let later = |task: &&WriteTask| {
                    let keys =
                        if task.exists { &task.circular } else { &task.definition.foreign_keys };
                    !keys.is_empty()
                };
                tasks.iter().filter(later).try_for_each(|task| {
                    owner(task).check(connection)?;
                    check_foreign_keys(connection, &task.table.name.name)
                })
            })
            .await
    }

    async fn finish(&self, tasks: &[WriteTask]) -> Result<()> {
        self.shared
            .transaction(|connection| {
                tasks.iter().try_for_each(|task| {
                    owner(task).check(connection)?;
                    owner(task).forget(connection)
                })
            })
            .await?;
        let locked = self.shared.lock().await?;
        tokio::task::block_in_place(|| locked.close());
        Ok(())
    }

    async fn discard(&self, tasks: &[WriteTask]) -> Result<()> {
        if !self.shared.database.exists() {
            return Ok(());
        }
        self.shared
            .transaction(|connection| {
                tasks.iter().try_for_each(|task| {
                    owner(task).check(connection)?;
                    let side = Dialect::Sqlite.quote(&side_name(task));
                    connection
                        .execute_batch(&format!("DROP TABLE IF EXISTS {side}"))
                        .map_err(map_error)?;
                    owner(task).forget(connection)
                })
            })
            .await
    }

    async fn execute(&self, statements: &[String]) -> Result<()> {
        for sql in statements {
            let run = self.shared.transaction(|c| c.execute_batch(sql).map_err(map_error)).await;
            run.map_err(|e| statement_failed(sql, e))?;
        }
        Ok(())
    }

    async fn end(&self) -> Result<()> {
        let locked = Arc::clone(&self.shared.connection).lock_owned().await;
        tokio::task::block_in_place(|| Locked(locked).close());
        Ok(())
    }
}
