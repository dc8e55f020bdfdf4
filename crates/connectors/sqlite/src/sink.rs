//! A file as a target: tables made ready, loaded by one writer at a time, swapped in and indexed.
//!
//! All of a run goes through one connection. Whoever holds it has the file's write lock in this
//! process, so that the pieces of a run never wait for each other's locks. They take turns: a copy and
//! the changes of other tables have the file from the first row of a transaction to its flush.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::Field;
use rusqlite::{Connection, OptionalExtension};
use syncline_connector::{
    ApplyTask, FollowOpened, Guarantee, Opened, Sink, TargetTable, WriteMode, WriteTask,
    async_trait, statement_failed,
};
use syncline_sql::Dialect;
use syncline_types::{Adapted, Code, Error, Result, Split, TableName, TableSchema, field};

use crate::bind;
use crate::catalog::{Table, is_strict};
use crate::database::{Database, map_error};
use crate::follow;
use crate::special::Special;
use crate::tables::{
    bare, check_foreign_keys, make_indexes, make_side, make_table, owner, set_sequence, side_name,
    swap, uses_side, written_name,
};
use crate::types::{Affinity, meaning, with_zeros};
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
    pub(crate) async fn transaction<T>(
        &self,
        f: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
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
        let strict = table.options.as_ref().is_some_and(|o| is_strict(&o.sql));
        for column in &mut table.columns {
            let declared = field::native(&column.field, Dialect::Sqlite.id()).unwrap_or_default();
            let affinity = Affinity::within(declared, strict);
            column.field = with_zeros(column.field.clone(), affinity);
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

    fn defines_in_transaction(&self) -> bool {
        true
    }

    /// They are part of the statement that makes a table.
    fn relates_at_once(&self) -> bool {
        self.shared.options.foreign_keys
    }

    async fn follow(&self, task: &ApplyTask) -> Result<FollowOpened> {
        for table in &task.tables {
            local(&table.table.name)?;
        }
        follow::open(&self.shared, task).await
    }

    async fn unfollow(&self, task: &ApplyTask) -> Result<()> {
        match self.shared.database.exists() {
            true => follow::close(&self.shared, task).await,
            false => Ok(()),
        }
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
