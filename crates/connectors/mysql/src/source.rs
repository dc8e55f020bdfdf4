//! The source: what there is, and connections that share one moment.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::datatypes::Field;
use async_trait::async_trait;
use syncline_connector::{ChangeLog, Consistency, Cut, Digest, ReadTask, Source, SplitReader};
use syncline_types::{
    Code, Error, Position, Result, Split, TableInfo, TableName, TableSchema, TableSelection,
};

use crate::binlog::{About, Place as LogPlace};
use crate::key::{self, Key};
use crate::native::{field_of_result, of_flavor};
use crate::pool::{Lent, Pool};
use crate::reader::{Place, Reader, changed};
use crate::select::{Select, key_fields};
use crate::session::{Purpose, Store};
use crate::split::{self, Token};
use crate::wire::Conn;
use crate::{catalog, checksum, snapshot};

/// Reads a MySQL or MariaDB server.
pub(crate) struct MysqlSource {
    pub(crate) store: Store,
    pool: Arc<Pool>,
    /// Tables found, whole: a read may leave columns out that its key needs.
    found: Mutex<HashMap<TableName, catalog::Found>>,
    /// Which snapshot's connections rows are read on, and on no others: where it stands in the log
    /// has been told. 0 when any will do.
    exact: AtomicU64,
}

impl MysqlSource {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            pool: Pool::new(store.clone()),
            store,
            found: Mutex::default(),
            exact: AtomicU64::new(0),
        }
    }

    pub(crate) fn found(&self) -> MutexGuard<'_, HashMap<TableName, catalog::Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection of the snapshot, or a new one where none is left.
    async fn connection(&self) -> Result<Conn> {
        match self.pool.take().await {
            Some(conn) => Ok(conn),
            None => self.store.connect(Purpose::Read).await,
        }
    }

    /// A connection to read rows on.
    ///
    /// # Errors
    /// [`Code::SnapshotLost`] when the snapshot whose place in the log was told is gone: another
    /// would show a later moment.
    async fn reading(&self) -> Result<Conn> {
        let exact = self.exact.load(Ordering::Relaxed);
        if exact == 0 {
            return self.connection().await;
        }
        loop {
            match self.pool.take().await {
                Some(conn) if conn.snapshot == exact => return Ok(conn),
                // It was opened for another question.
                Some(conn) => conn.quit().await,
                None => {
                    let text = "the snapshot's connection was lost";
                    return Err(Error::new(Code::SnapshotLost, text));
                }
            }
        }
    }

    /// The table with all its columns.
    pub(crate) async fn whole(&self, conn: &mut Conn, name: &TableName) -> Result<TableSchema> {
        if let Some(found) = self.found().get(name) {
            return Ok(found.info.schema.clone());
        }
        let gone = || Error::new(Code::TableChanged, format!("table {name} is not there any more"));
        let found = catalog::table(conn, name).await?.ok_or_else(gone)?;
        let schema = found.info.schema.clone();
        self.found().insert(name.clone(), found);
        Ok(schema)
    }

    /// Opens a snapshot for the tables found; with `log`, says between which places of the log it
    /// stands.
    pub(crate) async fn snapshot(
        &self,
        parallel: usize,
        log: Option<&About>,
    ) -> Result<(Consistency, Option<(LogPlace, LogPlace)>)> {
        self.end().await?;
        let (tables, plain) = {
            let found = self.found();
            let mut tables: Vec<TableName> = found.keys().cloned().collect();
            tables.sort();
            let plain = tables.iter().filter(|t| !found[*t].is_transactional());
            let plain: Vec<TableName> = plain.cloned().collect();
            (tables, plain)
        };
        let opened = snapshot::open(&self.store, parallel, &tables, &plain, log).await?;
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        for mut conn in opened.conns {
            conn.snapshot = number;
            self.pool.give(conn);
        }
        self.exact.store(if log.is_some() { number } else { 0 }, Ordering::Relaxed);
        Ok((opened.consistency, opened.moment))
    }

    async fn plan_on(&self, conn: &mut Conn, read: &ReadTask, cut: &Cut) -> Result<Vec<Split>> {
        if let Some(query) = &read.query {
            conn.prepare(query.trim().trim_end_matches(';')).await.map_err(rejected)?;
            return Ok(vec![Split {
                table: read.table.name.clone(),
                id: 0,
                rows: None,
                bytes: None,
                resumable: false,
                token: Token::new(None, Default::default()).write()?,
            }]);
        }
        let table = self.whole(conn, &read.table.name).await?;
        let key = key::of(&table);
        // A filter that the server refuses is found out before row one.
        let fields = key.as_ref().map(|k| key_fields(&table, k)).transpose()?;
        let select = select(read, key.as_ref(), fields.as_deref(), &Default::default());
        let statement = conn.prepare(&select.sql).await.map_err(|fault| match &read.filter {
            Some(_) => rejected(fault).at(&read.table.name),
            None => changed(fault, &read.table.name),
        })?;
        conn.close(&statement).await?;
        split::plan(conn, read, &table, key.as_ref(), cut).await.map_err(|e| e.at(&table.name))
    }
}

/// A query or condition that the server does not take.
fn rejected(fault: crate::wire::Fault) -> Error {
    match fault.number() {
        Some(1054 | 1142 | 1143 | 1146) | None => Error::from(fault),
        Some(_) => Error::new(Code::QueryRejected, fault.to_string()),
    }
}

fn select(
    read: &ReadTask,
    key: Option<&Key>,
    fields: Option<&[Field]>,
    range: &syncline_sql::KeyRange,
) -> Select {
    let ordered = key.zip(fields).map(|(key, fields)| (key, fields, range));
    Select::table(&read.table, ordered, read.filter.as_deref())
}

#[async_trait]
impl Source for MysqlSource {
    async fn check(&self) -> Result<Vec<String>> {
        let mut conn = self.store.connect(Purpose::Read).await?;
        let mut notes = std::mem::take(&mut conn.found);
        notes.insert(0, conn.server());
        conn.quit().await;
        Ok(notes)
    }

    async fn version(&self) -> Result<Option<String>> {
        let conn = self.store.connect(Purpose::Read).await?;
        let version = conn.server();
        conn.quit().await;
        Ok(Some(version))
    }

    fn keeps_keys(&self) -> bool {
        true
    }

    async fn left_out(&self) -> Result<Vec<String>> {
        let Some(database) = self.store.database() else { return Ok(Vec::new()) };
        let mut conn = self.connection().await?;
        let notes = catalog::not_copied(&mut conn, database).await?;
        self.pool.give(conn);
        Ok(notes)
    }

    async fn discover(&self, selection: &TableSelection) -> Result<Vec<TableInfo>> {
        let mut conn = self.connection().await?;
        let tables = catalog::discover(&mut conn, selection, self.store.database()).await?;
        self.pool.give(conn);
        let infos = tables.iter().map(|t| t.info.clone()).collect();
        let mut found = self.found();
        for table in tables {
            found.insert(table.info.schema.name.clone(), table);
        }
        Ok(infos)
    }

    async fn describe_query(&self, sql: &str) -> Result<TableInfo> {
        let mut conn = self.connection().await?;
        let statement = conn.prepare(sql.trim().trim_end_matches(';')).await.map_err(rejected)?;
        let columns = statement.columns.clone();
        conn.close(&statement).await?;
        let flavor = conn.flavor;
        self.pool.give(conn);
        if columns.is_empty() {
            return Err(Error::new(Code::QueryRejected, "the query returns no rows"));
        }
        for (at, column) in columns.iter().enumerate() {
            let twice = |c: &&crate::wire::WireColumn| c.name.eq_ignore_ascii_case(&column.name);
            if columns[..at].iter().any(|c| twice(&c)) {
                let text = format!("two columns of the query are named {:?}", column.name);
                return Err(Error::new(Code::QueryRejected, text).hint("name one with AS"));
            }
        }
        let fields = columns.iter().map(|c| of_flavor(field_of_result(c), flavor));
        Ok(TableInfo {
            schema: TableSchema::new(TableName::bare("query"), fields),
            rows: None,
            bytes: None,
            notes: vec![
                "a query is read as one piece, which starts over when it is broken off".into(),
            ],
        })
    }

    async fn begin(&self, parallel: usize) -> Result<Consistency> {
        Ok(self.snapshot(parallel, None).await?.0)
    }

    async fn plan(&self, read: &ReadTask, cut: &Cut) -> Result<Vec<Split>> {
        let mut conn = Lent::at_work(self.connection().await?, &self.pool);
        let splits = self.plan_on(&mut conn, read, cut).await;
        self.pool.give(Lent::done(conn));
        splits
    }

    async fn open(
        &self,
        read: &ReadTask,
        split: &Split,
        at: Option<&Position>,
    ) -> Result<Box<dyn SplitReader>> {
        let mut conn = self.reading().await?;
        let token = Token::read(&split.token)?;
        let select = if let Some(query) = &read.query {
            let all = conn.prepare(query.trim().trim_end_matches(';')).await.map_err(rejected)?;
            let same = all.columns.iter().map(|c| c.name.as_str());
            let same = same.eq(read.table.columns.iter().map(|c| c.name()));
            conn.close(&all).await?;
            Select::query(&read.table, query, same)
        } else {
            let key = token.key();
            let fields = match &key {
                Some(key) => Some(key_fields(&self.whole(&mut conn, &split.table).await?, key)?),
                None => None,
            };
            let mut range = token.range;
            if let Some(at) = at
                && let Some(after) = Place::read(&at.token)?.key
            {
                range.after = Some(after);
            }
            select(read, key.as_ref(), fields.as_deref(), &range)
        };
        let seq = at.map_or(0, |p| p.seq);
        let pool = Arc::clone(&self.pool);
        Ok(Box::new(Reader::start(pool, conn, Arc::clone(&read.table), select, seq).await?))
    }

    async fn adopt(&self, read: &ReadTask, split: &Split) -> Result<Option<Split>> {
        let token = Token::read(&split.token)?;
        let mut conn = self.connection().await?;
        let table = self.whole(&mut conn, &read.table.name).await;
        self.pool.give(conn);
        let Some(key) = key::of(&table?).filter(|key| key.columns == token.key) else {
            return Ok(None);
        };
        let token = Token::new(Some(&key), token.range).write()?;
        Ok(Some(Split { table: read.table.name.clone(), token, ..split.clone() }))
    }

    async fn checksum(&self, read: &ReadTask, split: &Split) -> Result<Option<Digest>> {
        let mut conn = self.connection().await?;
        let digest = checksum::of(&mut conn, read, &Token::read(&split.token)?).await;
        self.pool.give(conn);
        digest
    }

    fn change_log(&self) -> Option<&dyn ChangeLog> {
        Some(self)
    }

    async fn end(&self) -> Result<()> {
        self.exact.store(0, Ordering::Relaxed);
        self.pool.close().await;
        Ok(())
    }
}
