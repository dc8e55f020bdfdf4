//! PostgreSQL as a sink: tables described, made ready, finished. Rows are written by `writer`,
//! a replaced table is swapped in by `replace`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use syncline_connector::{
    ApplyTask, FollowOpened, Guarantee, Opened, SetAside, Sink, SinkWriter, TargetTable, WriteMode,
    WriteTask, async_trait, statement_failed,
};
use syncline_sql::{Dialect, adapt};
use syncline_types::{
    Adapted, ChangeBatch, Code, Error, Position, Result, Split, TableName, TableSchema,
    did_you_mean,
};
use tokio::sync::Mutex;

use crate::catalog::{self, TargetColumn};
use crate::checkpoint::{Checkpoints, SIDE};
use crate::connect::{Connect, Purpose, Session};
use crate::error;
use crate::follow;
use crate::make;
use crate::ready;
use crate::relate;
use crate::replace;
use crate::sequences;
use crate::writer::{Idle, Plan, Writer};

/// PostgreSQL as a sink.
pub(crate) struct PostgresSink {
    connect: Connect,
    /// The session that describes, makes and finishes tables.
    control: Mutex<Option<Session>>,
    idle: Idle,
    plans: Mutex<HashMap<TableName, Arc<Plan>>>,
    /// The columns of tables that it has just made itself, as the server has them.
    made: StdMutex<HashMap<TableName, Vec<TargetColumn>>>,
}

pub(crate) fn dropped(target: &TableName) -> Error {
    Error::new(Code::TableChanged, format!("{target}: the table has been dropped during the run"))
}

/// The target's name with its schema, the default one where it has none.
pub(crate) fn resolve(session: &Session, name: &TableName) -> TableName {
    let schema = name.schema.clone().unwrap_or_else(|| session.facts.schema.clone());
    TableName::new(schema, &name.name)
}

/// The table that is loaded beside the target: the same one for the same run and target.
fn side(task: &WriteTask, target: &TableName) -> TableName {
    // FNV-1a, 64 bits.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in task.run.bytes().chain([0]).chain(target.name.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    TableName { schema: target.schema.clone(), name: format!("{SIDE}{hash:016x}") }
}

/// The definition with its names in full: the table itself is called `into` for the time being.
pub(crate) fn placed(definition: &TableSchema, target: &TableName, into: TableName) -> TableSchema {
    let mut table = definition.clone();
    for partition in table.partitioning.iter_mut().flat_map(|p| &mut p.partitions) {
        if partition.parent == definition.name {
            partition.parent = into.clone();
        }
        for name in [&mut partition.name, &mut partition.parent] {
            name.schema = name.schema.take().or_else(|| target.schema.clone());
        }
    }
    for key in &mut table.foreign_keys {
        key.references.schema = key.references.schema.take().or_else(|| target.schema.clone());
    }
    table.name = into;
    table
}

/// Where rows of the task go.
pub(crate) fn into(task: &WriteTask, target: &TableName) -> TableName {
    match task.write {
        WriteMode::Replace => side(task, target),
        WriteMode::Append | WriteMode::Upsert => target.clone(),
    }
}

/// Errors while a target is made or finished are about the table, not about one of its rows.
pub(crate) fn of_table(error: Error, doing: &str) -> Error {
    if error.kind() != syncline_types::ErrorKind::Data {
        return error;
    }
    let hint = error.hint_text().map(str::to_owned);
    let whole = Error::new(Code::StoreFailed, format!("{doing}: {}", error.message()));
    match hint {
        Some(hint) => whole.hint(hint),
        None => whole.hint("mend the rows at the source, or have the target take them"),
    }
}

impl PostgresSink {
    pub(crate) fn new(connect: Connect) -> Self {
        Self {
            connect,
            control: Mutex::default(),
            idle: Idle::default(),
            plans: Mutex::default(),
            made: StdMutex::default(),
        }
    }

    /// The session for tables, made anew where it broke.
    async fn control(&self) -> Result<tokio::sync::MappedMutexGuard<'_, Session>> {
        let mut control = self.control.lock().await;
        if control.as_ref().is_none_or(|s| !s.is_open()) {
            *control = Some(self.connect.open(Purpose::Read).await?);
        }
        tokio::sync::MutexGuard::try_map(control, Option::as_mut)
            .map_err(|_| Error::bug("a session that was just made is gone"))
    }

    /// Runs `work` in one transaction of the control session, which is dropped when that fails.
    async fn transaction<T>(&self, work: impl AsyncFnOnce(&Session) -> Result<T>) -> Result<T> {
        let result = async {
            let session = self.control().await?;
            session.run("BEGIN", &self.connect.address).await?;
            let done = work(&session).await?;
            session.run("COMMIT", &self.connect.address).await?;
            Ok(done)
        }
        .await;
        if result.is_err() {
            *self.control.lock().await = None;
        }
        result
    }

    /// The target's columns that the task writes, where they are known: those of the side table are
    /// not the target's.
    async fn written_columns(&self, task: &WriteTask) -> Option<Vec<TargetColumn>> {
        let plans = self.plans.lock().await;
        let known = plans.values().find(|plan| plan.table.name == task.table.name)?;
        (task.write != WriteMode::Replace).then(|| known.columns.clone())
    }

    async fn writing_session(&self) -> Result<Session> {
        let idle = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.retain(Session::is_open);
            idle.pop()
        };
        match idle {
            Some(session) => Ok(session),
            None => self.connect.open(Purpose::Write).await,
        }
    }

    /// How the task's rows go into its table, looked up once a table.
    async fn plan(
        &self,
        session: &Session,
        task: &WriteTask,
        target: &TableName,
    ) -> Result<Arc<Plan>> {
        let into = into(task, target);
        let mut plans = self.plans.lock().await;
        if let Some(plan) = plans.get(&into) {
            return Ok(Arc::clone(plan));
        }
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).remove(&into);
        let found = match made {
            Some(columns) => columns,
            None => match catalog::target(session, &into).await? {
                Some((_, columns)) => columns,
                None => return Err(dropped(target)),
            },
        };
        let merging = task.write == WriteMode::Upsert && !task.empty_at_start;
        let merge: Vec<String> = match merging {
            true => task.table.key().into_iter().map(str::to_owned).collect(),
            false => Vec::new(),
        };
        if merging && merge.is_empty() {
            let message = format!("{target}: there is no key to upsert by");
            return Err(Error::new(Code::WriteModeNeeded, message)
                .hint("use --write append or replace, or give the table a primary key"));
        }
        if let Some(missing) = merge.iter().find(|k| task.table.column(k).is_none()) {
            let message = format!("{target}: its key has {missing:?}, which is not written");
            return Err(Error::new(Code::ColumnMismatch, message)
                .hint("copy that column, too, or use --write append or replace"));
        }
        let plan = Arc::new(Plan {
            into: into.clone(),
            table: Arc::clone(&task.table),
            columns: matching(&task.table, target, &found)?,
            merge,
        });
        plans.insert(into, Arc::clone(&plan));
        Ok(plan)
    }
}

/// The target's columns for the task's, in the task's order.
pub(crate) fn matching(
    table: &TableSchema,
    target: &TableName,
    found: &[TargetColumn],
) -> Result<Vec<TargetColumn>> {
    let find = |column: &syncline_types::Column| {
        let name = column.name();
        let same = found.iter().find(|c| c.name == name).cloned();
        let found = same.ok_or_else(|| {
            let near = did_you_mean(name, found.iter().map(|c| c.name.as_str()));
            Error::new(Code::ColumnNotFound, format!("{target}: no column {name:?}{near}"))
        })?;
        if found.generated {
            let message = format!("{target}: column {name:?} is computed and cannot be written");
            return Err(Error::new(Code::ColumnMismatch, message)
                .hint("leave it out: --columns with the other columns"));
        }
        Ok(found)
    };
    table.columns.iter().map(find).collect()
}

#[async_trait]
impl Sink for PostgresSink {
    async fn check(&self) -> Result<Vec<String>> {
        let session = self.control().await?;
        if session.facts.standby {
            return Err(Error::new(
                Code::ReadOnly,
                format!("{}: the server is a standby and takes no rows", self.connect.address),
            )
            .hint("write to its primary"));
        }
        Ok(session.found.clone())
    }

    async fn describe(&self, target: &TableName) -> Result<Option<TargetTable>> {
        Ok(self.describe_all(std::slice::from_ref(target)).await?.pop().flatten())
    }

    async fn describe_all(&self, targets: &[TableName]) -> Result<Vec<Option<TargetTable>>> {
        let session = self.control().await?;
        let names: Vec<TableName> = targets.iter().map(|t| resolve(&session, t)).collect();
        for name in &names {
            // The server refuses to look for names that it cannot have.
            Dialect::Postgres.check_name(&name.name).map_err(|e| e.at(name))?;
        }
        let relations = catalog::relations_named(&session, &names).await?;
        let place = |name: &TableName| relations.iter().position(|r| r.name == *name);
        let missing: Vec<TableName> =
            names.iter().filter(|name| place(name).is_none()).cloned().collect();
        if !missing.is_empty()
            && let Some(name) = catalog::taken(&session, &missing).await?.first()
        {
            return Err(Error::new(
                Code::Unsupported,
                format!("{name} is there, and is no table: rows can only go into tables"),
            ));
        }
        let mut found: Vec<Option<TargetTable>> = targets.iter().map(|_| None).collect();
        if relations.is_empty() {
            return Ok(found);
        }
        let infos = catalog::describe(&session, &relations).await?;
        for ((found, target), name) in found.iter_mut().zip(targets).zip(&names) {
            let Some(info) = place(name).and_then(|at| infos.get(at)) else { continue };
            let mut schema = info.schema.clone();
            schema.name = target.clone();
            let sql = format!("SELECT NOT EXISTS (SELECT FROM {})", Dialect::Postgres.table(name));
            let row = session.client.query_one(&sql, &[]).await.map_err(|e| error::of(e, name))?;
            *found = Some(TargetTable { schema, empty: row.get(0) });
        }
        Ok(found)
    }

    fn adapt(&self, source: &TableSchema, target: &TableName) -> Result<Adapted> {
        adapt(Dialect::Postgres, source, target)
    }

    fn guarantee(&self, _task: &WriteTask) -> Guarantee {
        Guarantee::Transactional
    }

    async fn prepare(&self, task: &WriteTask) -> Result<()> {
        self.prepare_all(std::slice::from_ref(task)).await
    }

    async fn prepare_all(&self, tasks: &[WriteTask]) -> Result<()> {
        for tasks in ready::stretches(tasks) {
            let made = self.transaction(async |session| ready::make_ready(session, tasks).await);
            let made = made.await.map_err(|e| of_table(e, "making the table ready"))?;
            self.made.lock().unwrap_or_else(PoisonError::into_inner).extend(made);
        }
        Ok(())
    }

    async fn open(&self, task: &WriteTask, split: &Split) -> Result<Opened> {
        let session = self.writing_session().await?;
        let target = resolve(&session, &task.table.name);
        let checkpoints = Checkpoints::new(task, &target);
        let held = checkpoints.take_over(&session, split.id).await?;
        if held.as_ref().is_some_and(|h| h.done) {
            // Nothing is left to write; after a replace the table for it is gone, too.
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
            return Ok(Opened { writer: Box::new(Complete), held });
        }
        let plan = self.plan(&session, task, &target).await?;
        let idle = Arc::clone(&self.idle);
        let writer = Writer::new(session, idle, plan, checkpoints, split.id).await?;
        Ok(Opened { writer: Box::new(writer), held })
    }

    async fn commit(&self, task: &WriteTask) -> Result<()> {
        let known = self.written_columns(task).await;
        let committed = self
            .transaction(async |session| {
                let target = resolve(session, &task.table.name);
                let checkpoints = Checkpoints::new(task, &target);
                if checkpoints.enter(session).await? {
                    return Ok(());
                }
                let settings = format!(
                    "SET LOCAL search_path = pg_catalog, {}, public, pg_temp; \
                     {AT_LEAST_FOR_INDEXES}",
                    Dialect::Postgres.quote(&session.facts.schema)
                );
                session.run(&settings, &self.connect.address).await?;
                if task.write == WriteMode::Replace {
                    replace::swap(session, task, &target, &side(task, &target)).await?;
                } else if !task.exists {
                    let table = placed(&task.definition, &target, target.clone());
                    make::finish_table(session, &table, make::adds_key_late(task)).await?;
                }
                match &known {
                    Some(columns) => {
                        let quoted = Dialect::Postgres.table(&target);
                        if !catalog::has_relation(session, &quoted).await? {
                            return Err(dropped(&target));
                        }
                        sequences::set_on(session, task, &target, columns).await?;
                    }
                    None => sequences::set(session, task, &target).await?,
                }
                checkpoints.finished(session).await
            })
            .await;
        self.plans.lock().await.retain(|_, plan| plan.table.name != task.table.name);
        committed.map_err(|e| of_table(e, "finishing the table"))
    }

    async fn relate(&self, tasks: &[WriteTask]) -> Result<()> {
        let mut refused = None;
        // Of the others nothing was set aside, and nothing is to be added.
        let waiting = |task: &&WriteTask| {
            !task.circular.is_empty() || !task.exists && relate::adds(&task.definition)
        };
        for task in tasks.iter().filter(waiting) {
            let related = self
                .transaction(async |session| {
                    let target = resolve(session, &task.table.name);
                    let checkpoints = Checkpoints::new(task, &target);
                    let keys = &task.circular;
                    let back = relate::bring_back(session, &checkpoints, &target, keys).await?;
                    if back.is_none() && !task.exists {
                        let table = placed(&task.definition, &target, target.clone());
                        relate::add(session, &table).await?;
                    }
                    Ok(back)
                })
                .await;
            match related {
                Ok(back) => refused = refused.or(back),
                Err(error) if error.code() == Code::ForeignKey => {
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        refused.map_or(Ok(()), Err)
    }

    async fn finish(&self, tasks: &[WriteTask]) -> Result<()> {
        if let Some(first) = tasks.first() {
            self.transaction(async |session| {
                let of =
                    |task: &WriteTask| Checkpoints::new(task, &resolve(session, &task.table.name));
                of(first).lock(session).await?;
                let all: Vec<Checkpoints> = tasks.iter().map(of).collect();
                Checkpoints::forget(session, &all).await
            })
            .await?;
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.control.lock().await = None;
        Ok(())
    }

    async fn discard(&self, tasks: &[WriteTask]) -> Result<()> {
        for task in tasks {
            self.transaction(async |session| {
                let target = resolve(session, &task.table.name);
                let checkpoints = Checkpoints::new(task, &target);
                checkpoints.lock(session).await?;
                let side = Dialect::Postgres.table(&side(task, &target));
                session.run(&format!("DROP TABLE IF EXISTS {side}"), &side).await?;
                relate::bring_back(session, &checkpoints, &target, &task.circular).await?;
                Checkpoints::forget(session, &[checkpoints]).await
            })
            .await?;
        }
        self.finish(&[]).await
    }

    fn defines_in_transaction(&self) -> bool {
        true
    }

    /// Dropped, and made again, which takes the owner.
    async fn sets_aside(&self, table: &TableName) -> Result<SetAside> {
        let session = self.control().await?;
        let target = resolve(&session, table);
        let sql = "SELECT pg_catalog.pg_has_role(relowner, 'USAGE') FROM pg_catalog.pg_class \
                   WHERE oid = pg_catalog.to_regclass($1)";
        let named = Dialect::Postgres.table(&target);
        let row = session.client.query_opt(sql, &[&named]).await;
        let row = row.map_err(|e| error::of(e, &target))?;
        Ok(match row.is_some_and(|row| row.get(0)) {
            true => SetAside::Everywhere,
            false => SetAside::Nowhere,
        })
    }

    async fn follow(&self, task: &ApplyTask) -> Result<FollowOpened> {
        follow::open(&self.connect, task).await
    }

    async fn unfollow(&self, task: &ApplyTask) -> Result<()> {
        self.transaction(async |session| {
            for table in &task.tables {
                let target = resolve(session, &table.table.name);
                if catalog::target(session, &target).await?.is_some() {
                    sequences::set(session, table, &target).await?;
                }
            }
            follow::forget(session, task).await
        })
        .await
    }

    async fn execute(&self, statements: &[String]) -> Result<()> {
        // A session of its own, which takes along whatever they set.
        let session = self.connect.open(Purpose::Write).await?;
        let schema = Dialect::Postgres.quote(&session.facts.schema);
        let path = format!("SET search_path = {schema}, public");
        session.run(&path, &self.connect.address).await?;
        for sql in statements {
            let run = session.run(sql, &self.connect.address).await;
            run.map_err(|e| statement_failed(sql, e))?;
        }
        Ok(())
    }

    async fn end(&self) -> Result<()> {
        *self.control.lock().await = None;
        self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
        Ok(())
    }
}

/// The writer of a split that is complete.
struct Complete;

#[async_trait]
impl SinkWriter for Complete {
    async fn write(&mut self, batch: &ChangeBatch) -> Result<()> {
        match batch.rows.num_rows() {
            0 => Ok(()),
            _ => Err(Error::bug("postgres: rows for a split that is complete")),
        }
    }

    async fn flush(&mut self, _position: &Position, _end: bool) -> Result<()> {
        Ok(())
    }
}

/// Indexes are built several times faster in memory.
const AT_LEAST_FOR_INDEXES: &str = "\
    SELECT pg_catalog.set_config('maintenance_work_mem', '256MB', true) \
    WHERE pg_catalog.pg_size_bytes(pg_catalog.current_setting('maintenance_work_mem')) < 268435456";
