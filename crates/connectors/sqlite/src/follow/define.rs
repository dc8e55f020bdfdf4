//! Tables whose definitions change, in the same transaction as their rows.

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use syncline_connector::{DefinitionChange, WriteTask};
use syncline_sql::Dialect;
use syncline_sql::alter::{Altering, alter, drop as drop_table, rename, truncate};
use syncline_types::{Code, Error, Result, TableName, TableSchema};

use super::StateFollower;
use super::rows::Followed;
use crate::catalog::Table;
use crate::database::map_error;
use crate::tables::{bare, exists, make_indexes, make_table, set_sequence};

impl StateFollower {
    /// Makes the change, as part of the transaction.
    pub(super) fn change(&mut self, table: usize, change: &DefinitionChange) -> Result<()> {
        match change {
            DefinitionChange::Create(task) => self.create(table, task),
            DefinitionChange::Alter { before, after, renamed } => {
                self.alter(table, before, after, renamed)
            }
            DefinitionChange::Rename { from, to } => {
                let connection = self.connection()?;
                let (old, new) = (&from.name, &to.table.name.name);
                // A name that differs in letter case alone is the same table.
                let is_new = exists(connection, new)? && !old.eq_ignore_ascii_case(new);
                if exists(connection, old)? && !is_new && old != new {
                    let from = TableName::bare(old);
                    let to = TableName::bare(new);
                    run(connection, &rename(Dialect::Sqlite, &from, &to), false)?;
                }
                self.take(table, to)
            }
            DefinitionChange::Truncate => {
                let name = self.known(table)?.name().to_owned();
                let connection = self.connection()?;
                match exists(connection, &name)? {
                    true => {
                        let name = TableName::bare(name);
                        run(connection, &[truncate(Dialect::Sqlite, &name)], false)
                    }
                    false => Ok(()),
                }
            }
            DefinitionChange::Drop => {
                let name = TableName::bare(self.known(table)?.name());
                run(self.connection()?, &[drop_table(Dialect::Sqlite, &name)], false)
                    .map_err(|e| e.at(&name))
            }
        }
    }

    fn create(&mut self, table: usize, task: &WriteTask) -> Result<()> {
        let connection = self.connection()?;
        let whole = bare(&task.definition);
        if !exists(connection, &whole.name.name)? {
            make_table(connection, &whole)?;
            make_indexes(connection, &whole)?;
            set_sequence(connection, &whole)?;
        }
        self.take(table, task)
    }

    /// The table is as the task says from now on.
    fn take(&mut self, table: usize, task: &WriteTask) -> Result<()> {
        let followed = Followed::find(self.connection()?, task)?;
        match self.tables.get_mut(table) {
            Some(place) => *place = followed,
            None => self.tables.push(followed),
        }
        Ok(())
    }

    fn alter(
        &mut self,
        table: usize,
        before: &TableSchema,
        after: &WriteTask,
        renamed: &[(String, String)],
    ) -> Result<()> {
        let name = self.known(table)?.name().to_owned();
        let connection = self.connection()?;
        let found = Table::load(connection, &name)?
            .ok_or_else(|| Error::new(Code::TableChanged, format!("table {name} is gone")))?;
        let present = found.describe(connection, 0)?.schema;
        let altering =
            alter(Dialect::Sqlite, &present, &bare(before), &bare(&after.definition), renamed)?;
        let Altering { statements, notes, rebuild } = altering;
        for note in &notes {
            tracing::debug!(table = name, "{note}");
        }
        run(connection, &statements, rebuild).map_err(|e| e.at(&name))?;
        self.take(table, after)
    }
}

/// Runs statements that change definitions. Where a table is made anew under its name, those that
/// refer to it are left alone: foreign keys are switched off at the connection, since the pragma
/// does nothing within a transaction. Otherwise a new name is to be seen by all that use it.
fn run(connection: &Connection, statements: &[String], rebuild: bool) -> Result<()> {
    let set = |setting, on| connection.set_db_config(setting, on).map_err(map_error);
    let enforced =
        connection.db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY).map_err(map_error)?;
    set(DbConfig::SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, rebuild)?;
    if rebuild {
        set(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false)?;
    }
    let done = statements.iter().try_for_each(|sql| connection.execute_batch(sql));
    set(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, enforced)?;
    set(DbConfig::SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, true)?;
    done.map_err(map_error)
}
