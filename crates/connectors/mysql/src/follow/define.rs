//! Tables whose definitions change. The server ends a transaction at each such statement: the
//! engine flushes before and behind. Broken off between the statement and the flush, the change is
//! made again, which changes nothing.

use syncline_connector::{DefinitionChange, WriteTask};
use syncline_sql::Dialect;
use syncline_sql::alter::{alter, drop as drop_table, rename, truncate};
use syncline_types::{Code, Error, Result, TableName, TableSchema};

use super::StateFollower;
use super::table::Followed;
use crate::catalog;
use crate::indexes::{self, Which};

const SQL: Dialect = Dialect::Mysql;

impl StateFollower {
    /// Makes the change.
    pub(super) async fn change(&mut self, table: usize, change: &DefinitionChange) -> Result<()> {
        if self.in_transaction {
            return Err(Error::bug("a definition changes within a transaction"));
        }
        // A truncated table may be referred to, and columns of foreign keys change on both sides,
        // one after the other: what the source has done is not held against them.
        self.feed.conn.clean = false;
        self.feed.conn.exec("SET SESSION foreign_key_checks=0").await?;
        let done = self.make_change(table, change).await;
        self.feed.conn.exec("SET SESSION foreign_key_checks=1").await?;
        done
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
                match self.is_there(&name).await? {
                    true => self.say(&name, &truncate(SQL, &name)).await,
                    false => Ok(()),
                }
            }
            DefinitionChange::Drop => {
                let name = self.name(table)?;
                self.say(&name, &drop_table(SQL, &name)).await
            }
        }
    }

    async fn say(&mut self, table: &TableName, sql: &str) -> Result<()> {
        let done = self.feed.conn.exec(sql).await;
        done.map(drop).map_err(|fault| Error::from(fault).at(table))
    }

    async fn is_there(&mut self, name: &TableName) -> Result<bool> {
        Ok(catalog::table(&mut self.feed.conn, name).await?.is_some())
    }

    /// A table that is there stays as it is.
    async fn create(&mut self, table: usize, task: &WriteTask) -> Result<()> {
        let name = self.sink.full(&task.table.name)?;
        if !self.is_there(&name).await? {
            let whole = TableSchema { name: name.clone(), ..(*task.definition).clone() };
            self.sink.create(&mut self.feed.conn, &whole).await?;
            indexes::build(&mut self.feed.conn, &whole, &name, Which::All).await?;
        }
        self.take(table, name, task).await
    }

    /// From now on the table is written as the task says.
    async fn take(&mut self, table: usize, name: TableName, task: &WriteTask) -> Result<()> {
        let followed = Followed::find(&mut self.feed.conn, name, task).await?;
        match self.tables.get_mut(table) {
            Some(place) => *place = followed,
            None => self.tables.push(followed),
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
        let altering = alter(SQL, &found.info.schema, before, &after.definition, renamed)?;
        for note in &altering.notes {
            tracing::warn!(table = %name, "{note}");
        }
        for sql in &altering.statements {
            self.say(&name, sql).await?;
        }
        self.take(table, name, after).await
    }

    async fn rename(&mut self, table: usize, from: &TableName, to: &WriteTask) -> Result<()> {
        let (old, new) = (self.sink.full(from)?, self.sink.full(&to.table.name)?);
        if self.is_there(&old).await? && !self.is_there(&new).await? {
            for sql in rename(SQL, &old, &new) {
                self.say(&old, &sql).await?;
            }
        }
        self.take(table, new, to).await
    }
}
