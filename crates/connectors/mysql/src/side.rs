//! `replace`: the table that is loaded beside, and the swap.

use syncline_sql::Dialect;
use syncline_types::{Code, Error, Result, TableName};

use crate::relate::Related;
use crate::wire::{Conn, Fault};

/// What the names of our own tables begin with.
pub(crate) const PREFIX: &str = "_syncline_";

/// Names of the two tables a replacing run needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) target: TableName,
    /// Loaded, then put in the target's place.
    pub(crate) new: TableName,
    /// What the target was, for a moment.
    pub(crate) old: TableName,
}

impl Side {
    /// The names, the same whenever they are asked for.
    pub(crate) fn of(run: &str, target: &TableName) -> Self {
        // FNV-1a, 64 bits: short, and stable for ever.
        let mut hash = 0xCBF2_9CE4_8422_2325_u64;
        for byte in run.bytes().chain([0]).chain(target.name.bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
        let named = |kind: &str| TableName {
            schema: target.schema.clone(),
            name: format!("{PREFIX}{kind}_{hash:016x}"),
        };
        Self { target: target.clone(), new: named("new"), old: named("old") }
    }

    /// Refuses a target that a swap would harm: its triggers do not go along.
    pub(crate) async fn check(&self, conn: &mut Conn) -> Result<()> {
        let schema = Dialect::Mysql.string(self.target.schema.as_deref().unwrap_or_default());
        let name = Dialect::Mysql.string(&self.target.name);
        let sql = format!(
            "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS \
             WHERE EVENT_OBJECT_SCHEMA = {schema} AND EVENT_OBJECT_TABLE = {name}"
        );
        let rows = conn.query(&sql).await?;
        match rows.single() {
            None => Ok(()),
            Some(trigger) => {
                let text =
                    format!("{} cannot be replaced: it has a trigger, {trigger}", self.target);
                Err(Error::new(Code::Unsupported, text)
                    .hint("write with --write upsert, or drop it first"))
            }
        }
    }

    /// Puts the loaded table in the target's place: readers see the old one or the new one.
    /// Done before, it does nothing.
    ///
    /// `related` are the foreign keys of the target and of tables that refer to it. They go with
    /// the old table, and are moved to the new one.
    pub(crate) async fn swap(&self, conn: &mut Conn, related: &[Related]) -> Result<()> {
        conn.exec("SET SESSION foreign_key_checks=0").await?;
        let swapped = self.rename(conn).await;
        conn.exec("SET SESSION foreign_key_checks=1").await?;
        swapped.map_err(|fault| Error::from(fault).at(&self.target))?;
        for related in related {
            if related.table != self.target {
                related.drop(conn).await?;
            }
            related.add(conn).await?;
        }
        Ok(())
    }

    async fn rename(&self, conn: &mut Conn) -> Result<(), Fault> {
        let sql = Dialect::Mysql;
        let (target, new, old) =
            (sql.table(&self.target), sql.table(&self.new), sql.table(&self.old));
        if there(conn, &self.new).await? {
            let rename = if there(conn, &self.target).await? {
                conn.exec(&format!("DROP TABLE IF EXISTS {old}")).await?;
                format!("RENAME TABLE {target} TO {old}, {new} TO {target}")
            } else {
                format!("RENAME TABLE {new} TO {target}")
            };
            conn.exec(&rename).await?;
        }
        conn.exec(&format!("DROP TABLE IF EXISTS {old}")).await?;
        Ok(())
    }

    /// Removes what is left of a run that is given up.
    pub(crate) async fn discard(&self, conn: &mut Conn) -> Result<()> {
        for table in [&self.new, &self.old] {
            conn.exec(&format!("DROP TABLE IF EXISTS {}", Dialect::Mysql.table(table))).await?;
        }
        Ok(())
    }
}

/// The server's lock for swaps of whole tables.
const LOCK: &str = "'syncline: tables are swapped'";

/// Waits until no other table is swapped, by whatever node. The connection's end frees the lock.
pub(crate) async fn lock(conn: &mut Conn) -> Result<()> {
    let taken = conn.query(&format!("SELECT GET_LOCK({LOCK}, 60)")).await?;
    match taken.single() {
        Some("1") => Ok(()),
        _ => Err(Error::new(Code::Busy, "another table is being swapped, for a minute already")),
    }
}

/// Lets the next one swap.
pub(crate) async fn unlock(conn: &mut Conn) -> Result<()> {
    conn.query(&format!("SELECT RELEASE_LOCK({LOCK})")).await?;
    Ok(())
}

/// Whether a table is there.
pub(crate) async fn exists(conn: &mut Conn, table: &TableName) -> Result<bool> {
    there(conn, table).await.map_err(|fault| Error::from(fault).at(table))
}

async fn there(conn: &mut Conn, table: &TableName) -> Result<bool, Fault> {
    match conn.query(&format!("SELECT 1 FROM {} LIMIT 0", Dialect::Mysql.table(table))).await {
        Ok(_) => Ok(true),
        Err(Fault::Server { code: 1146, .. }) => Ok(false),
        Err(fault) => Err(fault),
    }
}
