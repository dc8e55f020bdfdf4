//! Tables whose definitions change, in the same transaction as their rows.

use syncline_connector::{DefinitionChange, WriteTask};
use syncline_sql::Dialect;
use syncline_sql::alter::{alter, drop as drop_table, rename, truncate};
use syncline_types::{Code, Error, Result, TableName, TableSchema};

use super::Applier;
use super::tables::Target;
use crate::catalog;
use crate::error;
use crate::make;
use crate::relate;
use crate::sink::{of_table, placed, resolve};

/// As tables are described and made by a full copy: every type is named with its schema.
const IN_FULL: &str = "SET LOCAL search_path = pg_catalog, pg_temp";

impl Applier {
    /// Makes the change, as part of the transaction.
    pub(super) async fn change(&mut self, table: usize, change: &DefinitionChange) -> Result<()> {
        self.begin_call();
        let done = self.say_now(IN_FULL).await;
        let done = match done {
            Ok(()) => self.make_change(table, change).await,
            Err(failed) => Err(failed),
        };
        self.sequences.forget();
        // No row is at fault, and nothing is undone: the writer is to be dropped.
        done.map_err(|e| of_table(e, "changing the table's definition"))?;
        let schema = Dialect::Postgres.quote(&self.session.facts.schema);
        self.say(&format!("SET LOCAL search_path = pg_catalog, {schema}, public, pg_temp"));
        Ok(())
    }

    async fn make_change(&mut self, table: usize, change: &DefinitionChange) -> Result<()> {
        match change {
            DefinitionChange::Create(task) => self.create(table, task).await,
            DefinitionChange::Alter { before, after, renamed } => {
                self.alter(table, before, after, renamed).await
            }
            DefinitionChange::Rename { from, to } => self.rename(table, from, to).await,
            DefinitionChange::Truncate => self.truncate(table).await,
            DefinitionChange::Drop => {
                let name = self.target(table)?.name.clone();
                self.target(table)?.forget();
                let dropped = self
                    .session
                    .run(&drop_table(Dialect::Postgres, &name), &name.to_string())
                    .await;
                dropped.map_err(|e| {
                    e.hint("drop at the target what still depends on the table, then go on")
                })
            }
        }
    }

    async fn is_there(&self, name: &TableName) -> Result<bool> {
        Ok(catalog::target(&self.session, name).await?.is_some())
    }

    /// A table that is there stays as it is.
    async fn create(&mut self, table: usize, task: &WriteTask) -> Result<()> {
        let name = resolve(&self.session, &task.table.name);
        if !self.is_there(&name).await? {
            let session = &self.session;
            make::make_schema(session, name.schema.as_deref().unwrap_or_default()).await?;
            let whole = placed(&task.definition, &name, name.clone());
            make::make_table(session, &whole, &name).await?;
            make::finish_table(session, &whole, true).await?;
            relate::add(session, &whole).await?;
        }
        let target = Target::new(task.clone(), name);
        match self.tables.get_mut(table) {
            Some(place) => *place = target,
            None => self.tables.push(target),
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
        let name = self.target(table)?.name.clone();
        let schema = name.schema.as_deref();
        let relations = catalog::relations(&self.session, schema, Some(&name.name)).await?;
        let described = catalog::describe(&self.session, &relations).await?;
        let Some(present) = described.into_iter().next().map(|info| info.schema) else {
            let message = format!("{name}: the table is not there any more");
            return Err(Error::new(Code::TableChanged, message));
        };
        let whole = placed(&after.definition, &name, name.clone());
        let altering = alter(Dialect::Postgres, &present, before, &whole, renamed)?;
        for note in &altering.notes {
            tracing::debug!(table = %name, "{note}");
        }
        for sql in &altering.statements {
            self.session.run(sql, &name.to_string()).await?;
        }
        *self.target(table)? = Target::new(after.clone(), name);
        Ok(())
    }

    async fn rename(&mut self, table: usize, from: &TableName, to: &WriteTask) -> Result<()> {
        let old = resolve(&self.session, from);
        let new = resolve(&self.session, &to.table.name);
        if self.is_there(&old).await? && !self.is_there(&new).await? {
            let schema = new.schema.as_deref().unwrap_or_default();
            make::make_schema(&self.session, schema).await?;
            for sql in rename(Dialect::Postgres, &old, &new) {
                self.session.run(&sql, &old.to_string()).await?;
            }
        }
        *self.target(table)? = Target::new(to.clone(), new);
        Ok(())
    }

    /// TRUNCATE is refused where other tables refer to the table, even when they are empty.
    async fn truncate(&mut self, table: usize) -> Result<()> {
        let name = self.target(table)?.name.clone();
        if !self.is_there(&name).await? {
            return Ok(());
        }
        let quoted = Dialect::Postgres.table(&name);
        let referred = self
            .session
            .client
            .query_one(
                "SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint \
                 WHERE contype = 'f' AND conrelid <> confrelid \
                 AND confrelid = $1::text::pg_catalog.regclass)",
                &[&quoted],
            )
            .await
            .map_err(|e| error::of(e, &name))?;
        let sql = match referred.get(0) {
            true => format!("DELETE FROM {quoted}"),
            false => truncate(Dialect::Postgres, &name),
        };
        self.session.run(&sql, &name.to_string()).await
    }
}
