//! Foreign keys: added when all rows are there, and held against them.
//!
//! A server that checks a foreign key while it is added copies the whole table for it. Added with
//! `foreign_key_checks=0` it is but a note in its dictionary; whether every row fulfils it is asked
//! before, by one join over the keys, which also finds the row to show.

use serde::{Deserialize, Serialize};
use syncline_sql::Dialect;
use syncline_types::{Code, Error, ForeignKey, ReferentialAction, Result, TableName};

use crate::catalog;
use crate::wire::{Conn, Fault, Flavor};

const SQL: Dialect = Dialect::Mysql;

/// A foreign key, and the table it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Related {
    pub(crate) table: TableName,
    pub(crate) key: ForeignKey,
}

impl Related {
    /// Adds it, unless it is there. Its rows have been checked.
    pub(crate) async fn add(&self, conn: &mut Conn) -> Result<()> {
        let there = keys_of(conn, &self.table).await?;
        if there.iter().any(|key| same(key, &self.key)) {
            return Ok(());
        }
        let Self { table, key } = self;
        let name = match key.name.as_str() {
            "" => String::new(),
            name => format!("CONSTRAINT {} ", SQL.quote(name)),
        };
        let mut sql = format!(
            "ALTER TABLE {} ADD {name}FOREIGN KEY ({}) REFERENCES {} ({})",
            SQL.table(table),
            names(&key.columns),
            SQL.table(&key.references),
            names(&key.referenced)
        );
        for (on, action) in [("DELETE", key.on_delete), ("UPDATE", key.on_update)] {
            // MariaDB takes it for NO ACTION where nothing is checked; unsaid, it is what it is.
            let unsaid = conn.flavor == Flavor::MariaDb && action == ReferentialAction::Restrict;
            if !unsaid {
                sql.push_str(&format!(" ON {on} {}", action.sql()));
            }
        }
        unchecked(conn, &sql).await.map_err(|fault| self.at(fault))
    }

    /// Takes it away, where it is.
    pub(crate) async fn drop(&self, conn: &mut Conn) -> Result<()> {
        let there = keys_of(conn, &self.table).await?;
        let Some(key) = there.iter().find(|key| key.name.eq_ignore_ascii_case(&self.key.name))
        else {
            return Ok(());
        };
        let (table, name) = (SQL.table(&self.table), SQL.quote(&key.name));
        let sql = format!("ALTER TABLE {table} DROP FOREIGN KEY {name}");
        unchecked(conn, &sql).await.map_err(|fault| self.at(fault))
    }

    fn at(&self, fault: Fault) -> Error {
        let place = format!("{}, foreign key {}", self.table, self.name());
        match fault.number() {
            Some(1005 | 1170 | 1215 | 1822 | 3780) => {
                let Self { table, key } = self;
                let text = format!(
                    "{place}: ({}) of {table} and ({}) of {} cannot be related: {fault}",
                    key.columns.join(", "),
                    key.referenced.join(", "),
                    key.references
                );
                Error::new(Code::Unsupported, text).hint(
                    "both need the same type and collation, and the one referred to a key; all \
                     rows are loaded: change the columns there, and the run goes on from here",
                )
            }
            _ => Error::from(fault).at(place),
        }
    }

    fn name(&self) -> String {
        match self.key.name.as_str() {
            "" => format!("over ({})", self.key.columns.join(", ")),
            name => name.to_owned(),
        }
    }

    /// Whether every row refers to one that is there.
    ///
    /// # Errors
    /// [`Code::ForeignKey`], with the values of a row that does not.
    pub(crate) async fn check(&self, conn: &mut Conn) -> Result<()> {
        let key = &self.key;
        let from = format!(
            "FROM {} c LEFT JOIN {} p ON {} WHERE {} AND p.{} IS NULL",
            SQL.table(&self.table),
            SQL.table(&key.references),
            pairs(key).map(|(c, p)| format!("p.{p} = c.{c}")).collect::<Vec<_>>().join(" AND "),
            pairs(key).map(|(c, _)| format!("c.{c} IS NOT NULL")).collect::<Vec<_>>().join(" AND "),
            key.referenced.first().map(|c| SQL.quote(c)).unwrap_or_default()
        );
        let shown = self.shown(conn).await?;
        let columns: Vec<String> = shown.iter().map(|c| format!("c.{}", SQL.quote(c))).collect();
        let sql = format!("SELECT {} {from} LIMIT 1", columns.join(", "));
        let rows = conn.query(&sql).await.map_err(|fault| self.at(fault))?;
        let Some(row) = rows.rows.first() else { return Ok(()) };
        let counted = conn.query(&format!("SELECT COUNT(*) {from}")).await?;
        let count = counted.single().unwrap_or("1").to_owned();
        let values: Vec<String> = shown
            .iter()
            .zip(row)
            .map(|(name, value)| format!("{name} = {}", value.as_deref().unwrap_or("NULL")))
            .collect();
        let count = match count.as_str() {
            "1" => "1 row does".to_owned(),
            many => format!("{many} rows do"),
        };
        let text = format!(
            "{}: {count} not fulfil foreign key {}, ({}) of {} ({}): for one, {}",
            self.table,
            self.name(),
            key.columns.join(", "),
            key.references,
            key.referenced.join(", "),
            values.join(", ")
        );
        Err(Error::new(Code::ForeignKey, text)
            .hint("copy the rows referred to as well, or mend or leave out the rows that refer to none; the run then goes on from here"))
    }

    /// The columns that tell a person which row it is: those of its key, and of the foreign key.
    async fn shown(&self, conn: &mut Conn) -> Result<Vec<String>> {
        let found = catalog::table(conn, &self.table).await?;
        let mut shown: Vec<String> = found
            .map(|f| f.info.schema.key().into_iter().map(str::to_owned).collect())
            .unwrap_or_default();
        for column in &self.key.columns {
            if !shown.contains(column) {
                shown.push(column.clone());
            }
        }
        Ok(shown)
    }
}

/// Columns of a foreign key and what each refers to, in quotes.
fn pairs(key: &ForeignKey) -> impl Iterator<Item = (String, String)> {
    key.columns.iter().zip(&key.referenced).map(|(c, p)| (SQL.quote(c), SQL.quote(p)))
}

fn names(columns: &[String]) -> String {
    columns.iter().map(|c| SQL.quote(c)).collect::<Vec<_>>().join(", ")
}

/// Whether two keys say the same, whatever they are called.
fn same(a: &ForeignKey, b: &ForeignKey) -> bool {
    let one = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let all = |a: &[String], b: &[String]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_lowercase() == b.to_lowercase())
    };
    (b.name.is_empty() || one(&a.name, &b.name))
        && all(&a.columns, &b.columns)
        && all(&a.referenced, &b.referenced)
        && one(&a.references.name, &b.references.name)
        && a.references.schema == b.references.schema
}

async fn keys_of(conn: &mut Conn, table: &TableName) -> Result<Vec<ForeignKey>> {
    let found = catalog::table(conn, table).await?;
    Ok(found.map(|f| f.info.schema.foreign_keys).unwrap_or_default())
}

/// Runs a statement without checks of foreign keys.
async fn unchecked(conn: &mut Conn, sql: &str) -> Result<(), Fault> {
    conn.exec("SET SESSION foreign_key_checks=0").await?;
    let done = conn.exec(sql).await;
    conn.exec("SET SESSION foreign_key_checks=1").await?;
    done.map(drop)
}

/// The foreign keys of a table, and those of others that refer to it.
pub(crate) async fn around(conn: &mut Conn, table: &TableName) -> Result<Vec<Related>> {
    let sql = format!(
        "SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE \
         WHERE REFERENCED_TABLE_SCHEMA = {} AND REFERENCED_TABLE_NAME = {}",
        SQL.string(table.schema.as_deref().unwrap_or_default()),
        SQL.string(&table.name)
    );
    let rows = conn.query(&sql).await?;
    let mut tables = vec![table.clone()];
    for row in &rows.rows {
        let part = |name| rows.get(row, name).unwrap_or_default();
        let name = TableName::new(part("TABLE_SCHEMA"), part("TABLE_NAME"));
        if name != *table {
            tables.push(name);
        }
    }
    let mut found = Vec::new();
    for name in tables {
        for key in keys_of(conn, &name).await? {
            if name == *table || key.references == *table {
                found.push(Related { table: name.clone(), key });
            }
        }
    }
    Ok(found)
}
