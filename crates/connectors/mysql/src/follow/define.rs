//! Tables whose definitions change. The servers end a transaction before each such statement: the
//! rows before it have been flushed, and a change that was made and not noted is made again, which
//! changes nothing.

use syncline_connector::{DefinitionChange, WriteTask};
use syncline_sql::Dialect;
use syncline_sql::alter::{alter, drop as drop_table, rename, truncate};
use syncline_types::{Code, Error, ErrorKind, Result, TableName, TableSchema};

use super::StateFollower;
use super::table::Followed;
use crate::catalog;
use crate::indexes::{self, Which};
use crate::relate::Related;
use crate::side::exists;
use crate::wire::Fault;

const SQL: Dialect = Dialect::Mysql;

impl StateFollower {
    pub(super) async fn change(&mut self, table: usize, change: &DefinitionChange) -> Result<()> {
        if self.feed.in_transaction {
            return Err(Error::bug("a definition is to change within a transaction"));
        }
        // What an owner that lost its run did could not be undone.
        self.checkpoint.check(&mut self.feed.conn).await?;
        // A table that is emptied or dropped may be referred to, and columns of foreign keys change
        // on both sides, one after the other: what the source has done is not held against them.
        self.feed.conn.clean = false;
        self.feed.conn.exec("SET SESSION foreign_key_checks=0").await?;
        let done = self.make_change(table, change).await;
        self.feed.conn.exec("SET SESSION foreign_key_checks=1").await?;
        // No row is at fault.
        done.map_err(|e| match e.kind() {
            ErrorKind::Data => {
                let hint = e.hint_text().map(str::to_owned);
                let text = format!("the table's definition cannot change: {}", e.message());
                Error::new(Code::StoreFailed, text).hint(
                    hint.unwrap_or_else(|| "mend the rows, or have the target take them".into()),
                )
            }
            _ => e,
        })
    }

    async fn make_change(&mut self, table: usize, change: &DefinitionChange) -> Result<()> {
        match change {
            DefinitionChange::Create(task) => self.create(table, task).await,
            DefinitionChange::Alter { before, after, renamed } => {
                self.alter(table, before, after, renamed).await
            }
            DefinitionChange::Rename { from, to } => self.rename(table, from, to).await,
            DefinitionChange::Truncate => {
                let name = self.name(table)?;
                match exists(&mut self.feed.conn, &name).await? {
                    true => self.run(&truncate(SQL, &name), &name).await,
                    false => Ok(()),
                }
            }
            DefinitionChange::Drop => {
                let name = self.name(table)?;
                self.forget(table).await?;
                self.run(&drop_table(SQL, &name), &name).await
            }
        }
    }

    async fn run(&mut self, sql: &str, table: &TableName) -> Result<()> {
        match self.feed.conn.exec(sql).await {
            Ok(_) => Ok(()),
            Err(fault @ Fault::Server { code: 1064, .. }) => {
                Err(Error::bug(format!("{table}: {fault}: {sql}")))
            }
            Err(fault) => Err(Error::from(fault).at(table)),
        }
    }

    /// The definition under its full name, with those it refers to under theirs, in the words of
    /// the server at hand.
    fn placed(&self, definition: &TableSchema, name: &TableName) -> Result<TableSchema> {
        let mut table = TableSchema { name: name.clone(), ..definition.clone() };
        for key in &mut table.foreign_keys {
            key.references = self.sink.full(&key.references)?;
        }
        if let Some(server) = self.sink.server() {
            drop(server.fit(&mut table));
        }
        Ok(table)
    }

    /// A table that is there stays as it is.
    async fn create(&mut self, table: usize, task: &WriteTask) -> Result<()> {
        let name = self.sink.full(&task.table.name)?;
        let conn = &mut self.feed.conn;
        if !exists(conn, &name).await? {
            let whole = TableSchema { name: name.clone(), ..(*task.definition).clone() };
            self.sink.create(conn, &whole).await?;
        }
        // Broken off before, it goes on from where it was.
        indexes::build(&mut self.feed.conn, &task.definition, &name, Which::All).await?;
        let whole = self.placed(&task.definition, &name)?;
        for key in whole.foreign_keys {
            let related = Related { table: name.clone(), key };
            related.add(&mut self.feed.conn).await?;
        }
        self.take(table, name, task).await
    }

    /// The table is as the task says from now on.
    async fn take(&mut self, table: usize, name: TableName, task: &WriteTask) -> Result<()> {
        self.forget(table).await?;
        let followed = Followed::find(&mut self.feed.conn, name, task).await?;
        match self.tables.get_mut(table) {
            Some(place) => *place = followed,
            None => self.tables.push(followed),
        }
        Ok(())
    }

    /// Temporary tables of the columns as they were go.
    async fn forget(&mut self, table: usize) -> Result<()> {
        let Some(known) = self.tables.get_mut(table) else { return Ok(()) };
        for name in std::mem::take(&mut known.scratch).into_values().flatten() {
            let sql = format!("DROP TEMPORARY TABLE IF EXISTS {}", SQL.table(&name));
            self.feed.conn.exec(&sql).await?;
        }
        Ok(())
    }

    async fn alter(
        &mut self,
        table: usize,
        before: &TableSchema,
        after: &WriteTask,
        renamed: &[(String, String)],
    ) -> Result<()> {
        let name = self.name(table)?;
        let gone = || Error::new(Code::TableChanged, format!("{name} is not there any more"));
        let found = catalog::table(&mut self.feed.conn, &name).await?.ok_or_else(gone)?;
        let present = found.info.schema;
        let (before, whole) = (self.placed(before, &name)?, self.placed(&after.definition, &name)?);
        let altering = alter(SQL, &present, &before, &whole, renamed)?;
        for note in &altering.notes {
            tracing::debug!(table = %name, "{note}");
        }
        for sql in &altering.statements {
            self.run(sql, &name).await?;
        }
        self.take(table, name, after).await
    }

    async fn rename(&mut self, table: usize, from: &TableName, to: &WriteTask) -> Result<()> {
        let (old, new) = (self.sink.full(from)?, self.sink.full(&to.table.name)?);
        let conn = &mut self.feed.conn;
        if old != new && exists(conn, &old).await? && !exists(conn, &new).await? {
            for sql in rename(SQL, &old, &new) {
                self.run(&sql, &old).await?;
            }
        }
        self.take(table, new, to).await
    }
}
