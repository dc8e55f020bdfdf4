//! PostgreSQL as a source: what there is, and which session reads what. The snapshot that all readers
//! share stands in `snapshot`; cutting is left to `split`, reading rows to `reader`.

mod snapshot;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use arrow::array::{AsArray, RecordBatch};
use syncline_connector::{
    ChangeLog, Consistency, Cut, Digest, Packing, ReadTask, Source, SplitReader, async_trait,
};
use syncline_types::{
    Code, Column, Error, Position, Reject, Result, Split, TableInfo, TableName, TableSchema,
    TableSelection, did_you_mean, field,
};
use tokio::sync::Mutex;

pub(crate) use snapshot::{Idle, Reading};

use self::snapshot::{BEGIN, Snapshot};
use crate::catalog::{self, Relation};
use crate::checksum;
use crate::connect::{Connect, Purpose, Session};
use crate::decode;
use crate::error;
use crate::reader::Reader;
use crate::split::{self, Blocks, Piece, Shape};

/// Rows as binary COPY has them.
pub(crate) const PACKED: &str = "postgres-copy";

/// PostgreSQL as a source.
pub(crate) struct PostgresSource {
    pub(crate) connect: Connect,
    /// The session that looks at catalogs before a snapshot is taken.
    scout: Mutex<Option<Session>>,
    snapshot: Mutex<Option<Snapshot>>,
    /// The snapshot belongs to a place in the log: no other may take its place.
    placed: AtomicBool,
    /// The server has failed at telling a transaction before its end: it is asked for no more of
    /// them.
    pub(crate) fails_early: Arc<AtomicBool>,
    idle: Arc<Idle>,
    /// Room for packed rows, from split to split.
    spare: decode::Spare,
    shapes: StdMutex<HashMap<TableName, Shape>>,
    /// Tables without a key that were seen to be as they were at the plan.
    unchanged: Mutex<BTreeSet<(String, TableName)>>,
}

impl PostgresSource {
    pub(crate) fn new(connect: Connect) -> Self {
        Self {
            connect,
            scout: Mutex::default(),
            snapshot: Mutex::default(),
            placed: AtomicBool::new(false),
            fails_early: Arc::default(),
            idle: Arc::default(),
            spare: decode::Spare::default(),
            shapes: StdMutex::default(),
            unchanged: Mutex::default(),
        }
    }

    /// The tables, of all there are, that a selection names or fits.
    pub(crate) fn chosen(
        &self,
        session: &Session,
        selection: &TableSelection,
        all: Vec<Relation>,
    ) -> Vec<Relation> {
        let default = match (&self.connect.schema, selection.include.is_empty()) {
            // Nothing said: all tables of the database.
            (None, true) => None,
            _ => Some(session.facts.schema.as_str()),
        };
        let in_scope = |r: &Relation| {
            !selection.include.is_empty()
                || default.is_none()
                || r.name.schema.as_deref() == default
        };
        let named = |r: &Relation| {
            let names = |p: &syncline_types::Pattern| p.exact(default).as_ref() == Some(&r.name);
            selection.include.iter().any(names)
        };
        all.into_iter()
            .filter(|r| in_scope(r) && selection.selects(&r.name, default))
            .filter(|r| !r.partition || named(r))
            .collect()
    }

    /// Runs `ask` on the session for catalogs, made anew where it broke.
    pub(crate) async fn scout(&self) -> Result<tokio::sync::MappedMutexGuard<'_, Session>> {
        let mut scout = self.scout.lock().await;
        if scout.as_ref().is_none_or(|s| !s.is_open()) {
            *scout = Some(self.connect.open(Purpose::Read).await?);
        }
        tokio::sync::MutexGuard::try_map(scout, Option::as_mut)
            .map_err(|_| Error::bug("a session that was just made is gone"))
    }

    /// What is known of a table since it was found, or is to be found now.
    async fn shape(&self, session: &Session, table: &TableName) -> Result<Shape> {
        let known = self.shapes.lock().unwrap_or_else(PoisonError::into_inner).get(table).cloned();
        if let Some(shape) = known {
            return Ok(shape);
        }
        let schema = table.schema.as_deref();
        let found = catalog::relations(session, schema, Some(&table.name)).await?;
        let Some(relation) = found.first() else {
            let message = format!("{table}: no such table any more");
            return Err(Error::new(Code::TableNotFound, message));
        };
        let info = catalog::describe(session, std::slice::from_ref(relation)).await?;
        let info = info.first().ok_or_else(|| Error::bug("a table without description"))?;
        Ok(self.remember(relation, info))
    }

    fn remember(&self, relation: &Relation, info: &TableInfo) -> Shape {
        let shape = Shape {
            oid: relation.oid,
            partitioned: relation.partitioned,
            key: info.schema.key().into_iter().map(str::to_owned).collect(),
            rows: info.rows,
            bytes: info.bytes,
        };
        let mut shapes = self.shapes.lock().unwrap_or_else(PoisonError::into_inner);
        shapes.insert(relation.name.clone(), shape.clone());
        shape
    }

    /// Block ranges of two snapshots fit together only when no row has been added or moved in
    /// between: a moved row could be missed by both.
    async fn check_unchanged(
        &self,
        reading: &Reading,
        table: &TableName,
        b: &Blocks,
    ) -> Result<()> {
        if reading.sees == b.snapshot {
            return Ok(());
        }
        let mut unchanged = self.unchanged.lock().await;
        let mark = (reading.sees.clone(), b.table());
        if unchanged.contains(&mark) {
            return Ok(());
        }
        // Row versions carry 32 bits of the transaction that made them; the missing ones are those
        // of the next transaction, or one less. Numbers up to 2 are of before all transactions.
        let sql = format!(
            "SELECT coalesce(pg_catalog.pg_relation_filenode({name}::pg_catalog.regclass), 0) <> {file} \
               OR EXISTS (SELECT FROM ONLY {table}, LATERAL (\
                 SELECT pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot()) AS next, \
                        xmin::pg_catalog.text::pg_catalog.int8 AS low) x \
               WHERE x.low > 2 AND NOT pg_catalog.txid_visible_in_snapshot(\
                 x.next - ((x.next - x.low) & 4294967295), '{snapshot}'::pg_catalog.txid_snapshot))",
            name = syncline_sql::Dialect::Postgres
                .string(&syncline_sql::Dialect::Postgres.table(&b.table())),
            file = b.filenode,
            table = syncline_sql::Dialect::Postgres.table(&b.table()),
            snapshot = b.snapshot.replace('\'', ""),
        );
        let row = reading
            .session
            .client
            .query_one(&sql, &[])
            .await
            .map_err(|e| error::reading(e, table, false))?;
        if row.get(0) {
            let message = format!(
                "{table} has no key and has changed since the run began: rows may have moved \
                 between the parts that are copied and those that are not"
            );
            return Err(Error::new(Code::CannotResume, message)
                .hint("start over with --fresh --write replace, or give the table a primary key"));
        }
        unchanged.insert(mark);
        Ok(())
    }

    async fn reader(
        &self,
        read: &ReadTask,
        split: &Split,
        at: Option<&Position>,
        packed: bool,
    ) -> Result<Box<dyn SplitReader>> {
        let piece = split::piece(split)?;
        let reading = self.reading(purpose(read)).await?;
        if let Piece::Blocks(blocks) = &piece
            && !blocks.are_all_of(&read.table.name)
        {
            self.check_unchanged(&reading, &read.table.name, blocks).await?;
        }
        let idle = Arc::clone(&self.idle);
        let spare = packed.then(|| self.spare.clone());
        Ok(Box::new(Reader::open(read, piece, at, reading, idle, spare).await?))
    }

    /// The patterns that name one table must each fit one.
    async fn check_named(
        &self,
        session: &Session,
        selection: &TableSelection,
        relations: &[Relation],
    ) -> Result<()> {
        let default = session.facts.schema.as_str();
        for pattern in &selection.include {
            let Some(name) = pattern.exact(Some(default)) else { continue };
            if relations.iter().any(|r| r.name == name) {
                continue;
            }
            let schema = name.schema.as_deref().unwrap_or(default);
            let row = session
                .client
                .query_opt(
                    "SELECT c.relkind::text FROM pg_catalog.pg_class c \
                     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                     WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('v', 'm', 'f')",
                    &[&schema, &name.name],
                )
                .await
                .map_err(|e| error::of(e, "looking a table up"))?;
            if row.is_some() {
                let message = format!("{name} is a view or foreign table; only tables are copied");
                let select = syncline_sql::Dialect::Postgres.table(&name);
                return Err(Error::new(Code::TableNotFound, message)
                    .hint(format!("copy its rows with --query 'SELECT * FROM {select}'")));
            }
            let bare = |r: &Relation| match r.name.schema.as_deref() {
                Some(schema) if schema == default => r.name.name.clone(),
                _ => r.name.to_string(),
            };
            let names: Vec<String> = relations.iter().map(bare).collect();
            let short = if schema == default { name.name.clone() } else { name.to_string() };
            let near = did_you_mean(&short, names.iter().map(String::as_str));
            let message = format!("{}: no table {name}{near}", self.connect.address);
            return Err(Error::new(Code::TableNotFound, message)
                .hint("`*` stands for any characters; names are taken as the server spells them"));
        }
        Ok(())
    }
}

#[async_trait]
impl Source for PostgresSource {
    async fn check(&self) -> Result<Vec<String>> {
        let session = self.scout().await?;
        let mut notes = session.found.clone();
        if session.facts.standby {
            notes.push("the server is a standby; a long copy may be cancelled by replay".into());
        }
        Ok(notes)
    }

    async fn version(&self) -> Result<Option<String>> {
        let session = self.scout().await?;
        let rows =
            session.query("SHOW server_version", &[], "reading the server's version").await?;
        let version = rows.first().and_then(|row| row.try_get::<_, String>(0).ok());
        // What follows the number is the package's own.
        let number = version.as_deref().and_then(|v| v.split(' ').next());
        Ok(number.map(|number| format!("PostgreSQL {number}")))
    }

    fn keeps_keys(&self) -> bool {
        true
    }

    async fn left_out(&self) -> Result<Vec<String>> {
        let session = self.scout().await?;
        catalog::left_out(&session, self.connect.schema.as_deref()).await
    }

    async fn discover(&self, selection: &TableSelection) -> Result<Vec<TableInfo>> {
        let session = self.scout().await?;
        let all = catalog::relations(&session, None, None).await?;
        self.check_named(&session, selection, &all).await?;
        let chosen = self.chosen(&session, selection, all);
        let infos = catalog::describe(&session, &chosen).await?;
        for (relation, info) in chosen.iter().zip(&infos) {
            self.remember(relation, info);
        }
        Ok(infos
            .into_iter()
            .map(|mut info| {
                if info.schema.key().is_empty() {
                    info.notes.push(
                        "it has no key: a part that is interrupted starts over, and a killed run \
                         goes on only while the table is unchanged"
                            .into(),
                    );
                }
                info
            })
            .collect())
    }

    async fn describe_query(&self, sql: &str) -> Result<TableInfo> {
        let session = self.connect.open(Purpose::ReadUserSql).await?;
        session.run(BEGIN, "the query").await?;
        let statement = session
            .client
            .prepare(&format!("SELECT * FROM (\n{}\n) q", unterminated(sql)))
            .await
            .map_err(|e| error::reading(e, "the query", true))?;
        let columns: Vec<(String, u32, i32)> = statement
            .columns()
            .iter()
            .map(|c| (c.name().to_owned(), c.type_().oid(), c.type_modifier()))
            .collect();
        let mut seen = BTreeSet::new();
        if let Some((name, ..)) = columns.iter().find(|c| !seen.insert(c.0.as_str())) {
            let message = format!("the query has two columns named {name:?}");
            return Err(Error::new(Code::QueryRejected, message).hint("name one of them with AS"));
        }
        let fields = catalog::types(&session, &columns).await?;
        let schema = TableSchema::new(TableName::bare("query"), fields);
        let notes = vec![
            "the rows of a query come in no order to go on from: when interrupted, \
                          it starts over"
                .into(),
        ];
        Ok(TableInfo { schema, rows: None, bytes: None, notes })
    }

    async fn begin(&self, _parallel: usize) -> Result<Consistency> {
        let mut snapshot = self.snapshot.lock().await;
        let (taken, consistency) = self.take_snapshot(None).await?;
        *snapshot = Some(taken);
        self.placed.store(false, Ordering::Relaxed);
        Ok(consistency)
    }

    async fn plan(&self, read: &ReadTask, cut: &Cut) -> Result<Vec<Split>> {
        if read.query.is_some() {
            return Ok(vec![split::make(&read.table.name, 0, (None, None), Piece::Query)]);
        }
        let purpose = purpose(read);
        let reading = self.reading(purpose).await?;
        let shape = self.shape(&reading.session, &read.table.name).await?;
        let session = &reading.session;
        let splits = if shape.key.is_empty() {
            split::by_blocks(session, read, &shape, cut, &reading.sees).await?
        } else {
            split::by_key(session, read, &shape, cut).await?
        };
        self.idle.put(reading);
        Ok(splits)
    }

    async fn open(
        &self,
        read: &ReadTask,
        split: &Split,
        at: Option<&Position>,
    ) -> Result<Box<dyn SplitReader>> {
        self.reader(read, split, at, false).await
    }

    fn packing(&self, read: &ReadTask) -> Option<Packing> {
        // A value that is read as text is not what its type's own column takes.
        let as_it_is = |c: &Column| field::logical(&c.field) != Some("text-of");
        let all = read.table.columns.iter().all(as_it_is);
        all.then(|| Packing { form: PACKED, table: Arc::clone(&read.table) })
    }

    async fn open_packed(
        &self,
        read: &ReadTask,
        split: &Split,
        at: Option<&Position>,
    ) -> Result<Box<dyn SplitReader>> {
        self.reader(read, split, at, true).await
    }

    fn unpack(&self, read: &ReadTask, rows: &RecordBatch) -> Result<(RecordBatch, Vec<Reject>)> {
        decode::unpack(&read.table, rows.column(0).as_binary())
    }

    async fn adopt(&self, read: &ReadTask, split: &Split) -> Result<Option<Split>> {
        let Piece::Key { key, range, .. } = split::piece(split)? else { return Ok(None) };
        let reading = self.reading(purpose(read)).await?;
        let shape = self.shape(&reading.session, &read.table.name).await?;
        self.idle.put(reading);
        if shape.key != key {
            return Ok(None);
        }
        let piece = Piece::Key { key, only: !shape.partitioned, range };
        let (id, size) = (split.id as usize, (split.rows, split.bytes));
        Ok(Some(split::make(&read.table.name, id, size, piece)))
    }

    async fn checksum(&self, read: &ReadTask, split: &Split) -> Result<Option<Digest>> {
        let reading = self.reading(purpose(read)).await?;
        let digest = checksum::of(&reading.session, read, split::piece(split)?).await?;
        // After an error the transaction is of no use any more.
        if digest.is_some() {
            self.idle.put(reading);
        }
        Ok(digest)
    }

    fn change_log(&self) -> Option<&dyn ChangeLog> {
        Some(self)
    }

    async fn end(&self) -> Result<()> {
        *self.snapshot.lock().await = None;
        self.placed.store(false, Ordering::Relaxed);
        *self.scout.lock().await = None;
        self.idle.reset(self.idle.number() + 1);
        Ok(())
    }
}

/// SQL of the user's sees the default schema; ours names everything in full.
fn purpose(read: &ReadTask) -> Purpose {
    if read.filter.is_some() || read.query.is_some() { Purpose::ReadUserSql } else { Purpose::Read }
}

/// A query as it can stand in parentheses.
pub(crate) fn unterminated(sql: &str) -> &str {
    sql.trim_end().trim_end_matches(';').trim_end()
}
