//! The sink: tables made ready, writers, and what is done when all rows are in.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use syncline_connector::{
    ApplyTask, FollowOpened, Guarantee, Opened, Sink, TargetTable, WriteMode, WriteTask,
    statement_failed,
};
use syncline_sql::{Dialect, adapt};
use syncline_types::{Adapted, Code, Error, Result, Split, TableName, TableSchema};

use crate::checkpoint::{self, Checkpoint};
use crate::create::making;
use crate::foreign::Server;
use crate::indexes::{self, Which};
use crate::pool::Pool;
use crate::relate::{self, Related};
use crate::session::{Purpose, Store};
use crate::side::{self, Side, exists};
use crate::wire::{Conn, Fault};
use crate::writer::{Plan, Way, Writer};
use crate::{catalog, follow};

const SQL: Dialect = Dialect::Mysql;

/// Writes to a MySQL or MariaDB server.
#[derive(Clone)]
pub(crate) struct MysqlSink {
    store: Store,
    /// Engines of the tables that were described: they decide what can be promised.
    engines: Arc<Mutex<HashMap<TableName, String>>>,
    load: Arc<AtomicBool>,
    pool: Arc<Pool>,
    /// What the server has, once there was a connection.
    server: Arc<OnceLock<Server>>,
}

impl MysqlSink {
    pub(crate) fn new(store: Store) -> Self {
        let load = Arc::new(AtomicBool::new(store.options.load_data));
        let (engines, server) = Default::default();
        Self { pool: Pool::new(store.clone()), store, engines, load, server }
    }

    fn engines(&self) -> MutexGuard<'_, HashMap<TableName, String>> {
        self.engines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Whether LOAD DATA LOCAL is allowed, as far as is known.
    pub(crate) fn may_load(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.load)
    }

    /// What the server has, once there was a connection.
    pub(crate) fn server(&self) -> Option<&Server> {
        self.server.get()
    }

    /// The URL's database.
    pub(crate) fn database(&self) -> Option<&str> {
        self.store.database()
    }

    pub(crate) async fn connect(&self) -> Result<Conn> {
        if let Some(conn) = self.pool.take().await {
            return Ok(conn);
        }
        let mut conn = self.store.connect(Purpose::Write).await?;
        if self.server.get().is_none() {
            let server = Server::of(&mut conn).await?;
            // Another may have asked meanwhile, and was told the same.
            drop(self.server.set(server));
        }
        Ok(conn)
    }

    /// The name with its database, the URL's where it has none.
    pub(crate) fn full(&self, name: &TableName) -> Result<TableName> {
        let database = name.schema.as_deref().or(self.store.database());
        match database {
            Some(database) => Ok(TableName::new(database, &name.name)),
            None => {
                let place = self.store.endpoint.redacted();
                Err(Error::new(Code::DatabaseNotFound, format!("{place} names no database"))
                    .hint("put one behind the host: mysql://user@host/database"))
            }
        }
    }

    /// Whether rows go into a table beside the target.
    fn side(&self, task: &WriteTask) -> Result<Option<Side>> {
        let target = self.full(&task.table.name)?;
        Ok((task.write == WriteMode::Replace).then(|| Side::of(&task.run, &target)))
    }

    fn is_transactional(&self, name: &TableName) -> bool {
        let Ok(full) = self.full(name) else { return true };
        self.engines().get(&full).is_none_or(|engine| catalog::is_transactional(engine))
    }

    /// As the server has it now.
    async fn has_transactions(&self, conn: &mut Conn, table: &TableName) -> Result<bool> {
        let sql = format!(
            "SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} \
             AND TABLE_NAME = {}",
            SQL.string(table.schema.as_deref().unwrap_or_default()),
            SQL.string(&table.name)
        );
        let rows = conn.query(&sql).await?;
        Ok(rows.single().is_none_or(catalog::is_transactional))
    }

    /// How rows get into the table, and by which key.
    async fn way(&self, conn: &mut Conn, task: &WriteTask) -> Result<(Way, Vec<String>)> {
        if task.write != WriteMode::Upsert || task.empty_at_start {
            return Ok((Way::Insert, Vec::new()));
        }
        let full = self.full(&task.table.name)?;
        let gone = || Error::new(Code::TableChanged, format!("{full} is not there any more"));
        let found = catalog::table(conn, &full).await?.ok_or_else(gone)?.info.schema;
        let key: Vec<String> = found.key().into_iter().map(str::to_owned).collect();
        if key.is_empty() {
            let text = format!("{full} has no key to upsert by");
            return Err(Error::new(Code::WriteModeNeeded, text)
                .hint("give it a primary key, or write with --write append or replace"));
        }
        if let Some(name) = key.iter().find(|k| task.table.column(k).is_none()) {
            let text = format!("{full}: its key column {name:?} is not among those written");
            return Err(Error::new(Code::ColumnMismatch, text));
        }
        let primary = usize::from(!found.primary_key.is_empty());
        let unique = primary + found.indexes.iter().filter(|i| i.unique).count();
        Ok((if unique > 1 { Way::Merge } else { Way::Upsert }, key))
    }

    /// Makes a table, in the words of the server at hand, and what it needs before.
    pub(crate) async fn create(&self, conn: &mut Conn, table: &TableSchema) -> Result<()> {
        let mut table = table.clone();
        if let Some(server) = self.server.get() {
            drop(server.fit(&mut table));
        }
        crate::sequence::make(conn, &mut table).await?;
        let mut making = making(&table);
        let mut done = conn.exec(&making.sql).await;
        if matches!(done, Err(Fault::Server { code: 1031 | 1478, .. })) {
            // Options that only a lenient server took once are said again to one.
            if conn.exec("SET SESSION innodb_strict_mode=0").await.is_ok() {
                done = conn.exec(&making.sql).await;
                conn.exec("SET SESSION innodb_strict_mode=1").await?;
            }
        }
        if matches!(done, Err(Fault::Server { code: 3822, .. }))
            && self.server.get().is_some_and(Server::shares_check_names)
        {
            // Another table of the schema has a check of that name: the server chooses one.
            table.statements.clear();
            table.checks.iter_mut().for_each(|check| check.name = None);
            making = crate::create::making(&table);
            done = conn.exec(&making.sql).await;
        }
        done.map_err(|fault| match fault.number() {
            Some(1064) => Error::bug(format!("{}: {fault}: {}", table.name, making.sql)),
            _ => Error::from(fault).at(&table.name),
        })?;
        if !making.same {
            // Nothing says that the rows have no duplicates by this server's rules: those that
            // have are to be found one by one, not when all are in.
            indexes::build(conn, &table, &table.name, Which::Unique).await?;
        }
        Ok(())
    }

    /// The foreign keys of the tables a run has loaded: those to be added, and those only to be
    /// looked at.
    async fn relations(
        &self,
        conn: &mut Conn,
        tasks: &[WriteTask],
    ) -> Result<(Vec<Related>, Vec<Related>)> {
        let (mut added, mut there) = (Vec::new(), Vec::new());
        for task in tasks {
            let table = self.full(&task.table.name)?;
            if !self.has_transactions(conn, &table).await? {
                continue;
            }
            let keys = if task.exists { &task.circular } else { &task.definition.foreign_keys };
            for key in keys {
                let mut key = key.clone();
                key.references = self.full(&key.references)?;
                let related = Related { table: table.clone(), key };
                if task.exists { there.push(related) } else { added.push(related) }
            }
            if task.exists && task.write == WriteMode::Replace {
                there.extend(relate::around(conn, &table).await?);
            }
        }
        Ok((added, there))
    }
}

/// A target that demands columns which are not written cannot be written to: LOAD DATA would put
/// an empty value there.
pub(crate) fn demands(target: &TableSchema, task: &WriteTask) -> Result<()> {
    let demanded = target.columns.iter().find(|c| {
        task.table.column(c.name()).is_none()
            && !c.field.is_nullable()
            && c.default.is_none()
            && c.identity.is_none()
            && c.generated.is_none()
    });
    match demanded {
        None => Ok(()),
        Some(column) => {
            let text = format!("{} demands a value for column {}", target.name, column.name());
            Err(Error::new(Code::ColumnMismatch, text)
                .hint("give the column a default, or map one to it with --columns"))
        }
    }
}

#[async_trait]
impl Sink for MysqlSink {
    async fn check(&self) -> Result<Vec<String>> {
        let mut conn = self.connect().await?;
        let mut notes = vec![conn.server()];
        notes.extend(conn.found.iter().cloned());
        let rows = conn.query("SELECT @@local_infile, @@read_only").await?;
        let row = rows.rows.first().map(Vec::as_slice).unwrap_or_default();
        if rows.get(row, "@@local_infile") == Some("0") && self.store.options.load_data {
            notes.push(
                "local_infile is off: rows go in by INSERT, which is slower \
                 (SET GLOBAL local_infile=1)"
                    .into(),
            );
        }
        if rows.get(row, "@@read_only").is_some_and(|v| v != "0" && v != "OFF") {
            notes.push("the server is read-only for accounts without a right to more".into());
        }
        self.pool.give(conn);
        Ok(notes)
    }

    async fn describe(&self, target: &TableName) -> Result<Option<TargetTable>> {
        let full = self.full(target)?;
        // The server keeps names in three-byte characters, and fails to compare others with them.
        if full.name.contains(|c| c > '\u{FFFF}') {
            return Ok(None);
        }
        let mut conn = self.connect().await?;
        let Some(found) = catalog::table(&mut conn, &full).await? else {
            self.pool.give(conn);
            return Ok(None);
        };
        let sql = format!("SELECT 1 FROM {} LIMIT 1", SQL.table(&full));
        let rows = conn.query(&sql).await.map_err(|e| Error::from(e).at(&full))?;
        self.pool.give(conn);
        self.engines().insert(full, found.engine);
        let mut schema = found.info.schema;
        schema.name = target.clone();
        Ok(Some(TargetTable { schema, empty: rows.rows.is_empty() }))
    }

    fn adapt(&self, source: &TableSchema, target: &TableName) -> Result<Adapted> {
        let mut adapted = adapt(SQL, source, target)?;
        if let Some(server) = self.server.get() {
            adapted.notes.extend(server.fit(&mut adapted.table));
        }
        Ok(adapted)
    }

    fn guarantee(&self, task: &WriteTask) -> Guarantee {
        match self.is_transactional(&task.table.name) || !task.exists {
            true => Guarantee::Transactional,
            false if task.write == WriteMode::Upsert => Guarantee::Upsert,
            false => Guarantee::Append,
        }
    }

    async fn prepare(&self, task: &WriteTask) -> Result<()> {
        let mut conn = self.connect().await?;
        let full = self.full(&task.table.name)?;
        let side = self.side(task)?;
        let database = full.schema.clone().unwrap_or_default();
        if side.is_some()
            && checkpoint::swap_noted(&mut conn, &database, &task.run, &full.name).await?
        {
            // Broken off between the swap and the end of the run: nothing is to be written.
            self.pool.give(conn);
            return Ok(());
        }
        if task.exists {
            let gone = || Error::new(Code::TableChanged, format!("{full} is not there any more"));
            let found = catalog::table(&mut conn, &full).await?.ok_or_else(gone)?;
            demands(&found.info.schema, task)?;
        }
        match side {
            None if task.exists => {}
            None => {
                let table = TableSchema { name: full, ..(*task.definition).clone() };
                self.create(&mut conn, &table).await?;
            }
            Some(side) if task.exists => {
                side.check(&mut conn).await?;
                let (new, target) = (SQL.table(&side.new), SQL.table(&side.target));
                conn.exec(&format!("CREATE TABLE IF NOT EXISTS {new} LIKE {target}"))
                    .await
                    .map_err(|e| Error::from(e).at(&side.target))?;
            }
            Some(side) => {
                let table = TableSchema { name: side.new, ..(*task.definition).clone() };
                self.create(&mut conn, &table).await?;
            }
        }
        self.pool.give(conn);
        Ok(())
    }

    async fn open(&self, task: &WriteTask, split: &Split) -> Result<Opened> {
        let mut conn = self.connect().await?;
        let target = self.full(&task.table.name)?;
        let database = target.schema.clone().unwrap_or_default();
        let into = self.side(task)?.map_or_else(|| target.clone(), |side| side.new);
        let (way, key) = self.way(&mut conn, task).await?;
        let checkpoint = Checkpoint::new(&database, &task.run, &target.name, split.id, task.epoch);
        let held = checkpoint.claim(&mut conn).await?;
        // What a load does wrong could not be undone in a table without transactions.
        let load = match self.has_transactions(&mut conn, &into).await? {
            true => Arc::clone(&self.load),
            false => Arc::default(),
        };
        let table = Arc::clone(&task.table);
        let pool = Arc::clone(&self.pool);
        let unchecked = !task.circular.is_empty();
        let plan = Plan { into, table, key, way, load, pool, unchecked };
        let writer = Box::new(Writer::new(conn, plan, checkpoint).await?);
        Ok(Opened { writer, held })
    }

    async fn commit(&self, task: &WriteTask) -> Result<()> {
        let mut conn = self.connect().await?;
        let full = self.full(&task.table.name)?;
        let side = self.side(task)?;
        let loaded = match &side {
            Some(side) if exists(&mut conn, &side.new).await? => side.new.clone(),
            _ => full.clone(),
        };
        if !task.exists {
            indexes::build(&mut conn, &task.definition, &loaded, Which::All).await?;
        }
        if !task.exists || side.is_some() {
            let next = task.definition.columns.iter().find_map(|c| c.identity?.next);
            if let Some(next) = next.filter(|n| *n > 0) {
                let sql = format!("ALTER TABLE {} AUTO_INCREMENT = {next}", SQL.table(&loaded));
                conn.exec(&sql).await.map_err(|e| Error::from(e).at(&full))?;
            }
        }
        if let Some(side) = side {
            let database = full.schema.clone().unwrap_or_default();
            let (run, epoch) = (&task.run, task.epoch);
            // Each swap moves keys of other tables, which may be swapped at the same time.
            side::lock(&mut conn).await?;
            // What refers to the old table, and what it refers to, has to be the new one's.
            let related = match exists(&mut conn, &side.new).await? {
                true if task.exists => relate::around(&mut conn, &full).await?,
                _ => Vec::new(),
            };
            let bug = |e: serde_json::Error| Error::bug(format!("foreign keys as JSON: {e}"));
            let note = serde_json::to_string(&related).map_err(bug)?;
            let name = &full.name;
            let note = checkpoint::note_swap(&mut conn, &database, run, name, epoch, &note).await?;
            let related: Vec<Related> = serde_json::from_str(&note).map_err(bug)?;
            side.swap(&mut conn, &related).await?;
            side::unlock(&mut conn).await?;
        }
        self.pool.give(conn);
        Ok(())
    }

    async fn relate(&self, tasks: &[WriteTask]) -> Result<()> {
        let mut conn = self.connect().await?;
        let (added, there) = self.relations(&mut conn, tasks).await?;
        for related in added.iter().chain(&there) {
            related.check(&mut conn).await?;
        }
        for related in &added {
            related.add(&mut conn).await?;
        }
        self.pool.give(conn);
        Ok(())
    }

    async fn finish(&self, tasks: &[WriteTask]) -> Result<()> {
        let mut conn = self.connect().await?;
        for (database, run) in self.kept(tasks)? {
            checkpoint::forget(&mut conn, &database, run, false).await?;
        }
        self.pool.give(conn);
        Ok(())
    }

    async fn discard(&self, tasks: &[WriteTask]) -> Result<()> {
        let mut conn = self.connect().await?;
        for task in tasks {
            if let Some(side) = self.side(task)? {
                side.discard(&mut conn).await?;
            }
        }
        for (database, run) in self.kept(tasks)? {
            checkpoint::forget(&mut conn, &database, run, false).await?;
        }
        self.pool.give(conn);
        Ok(())
    }

    async fn follow(&self, task: &ApplyTask) -> Result<FollowOpened> {
        follow::open(self, task).await
    }

    async fn unfollow(&self, task: &ApplyTask) -> Result<()> {
        follow::close(self, task).await
    }

    async fn execute(&self, statements: &[String]) -> Result<()> {
        // A connection of its own, which takes along whatever they set.
        let mut conn = self.store.connect(Purpose::Write).await?;
        for sql in statements {
            conn.query(sql).await.map_err(|e| statement_failed(sql, e.into()))?;
        }
        Ok(())
    }

    async fn end(&self) -> Result<()> {
        self.pool.close().await;
        Ok(())
    }
}

impl MysqlSink {
    /// Where positions of these tasks are kept, each place once.
    fn kept<'a>(&self, tasks: &'a [WriteTask]) -> Result<Vec<(String, &'a str)>> {
        let mut kept = Vec::new();
        for task in tasks {
            let database = self.full(&task.table.name)?.schema.unwrap_or_default();
            let place = (database, task.run.as_str());
            if !kept.contains(&place) {
                kept.push(place);
            }
        }
        Ok(kept)
    }
}
