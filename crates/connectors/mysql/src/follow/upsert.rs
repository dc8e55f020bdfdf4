//! Whole rows: added, or in the place of those with their key.

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use syncline_sql::Dialect;
use syncline_types::{Code, Error, TableSchema, field};

use super::{CALL, StateFollower};
use crate::encode::Rows;
use crate::wire::{Conn, Flavor};
use crate::writer::{Duplicates, Loaded, Place, Trouble};

const SQL: Dialect = Dialect::Mysql;
/// Fewer rows than this go in by one statement, which is one exchange with the server and not two.
const FEW: usize = 16;

impl StateFollower {
    pub(super) async fn insert(&mut self, table: usize, rows: &RecordBatch) -> Result<(), Trouble> {
        let known = &mut self.tables[table];
        let shape = known.shape(&rows.schema(), |_| true)?;
        let rows = known.sorted(&shape.columns, shape.of(rows)?)?;
        let rows = Rows::new(&shape.columns, &shape.targets, &rows)?;
        let place = Place { into: &known.name, columns: &shape.columns, targets: &shape.targets };
        self.feed.allow(&rows).await?;
        match rows.count < FEW {
            true => self.feed.insert(place, &rows, "").await,
            false => self.feed.fill(place, &rows, CALL).await,
        }
    }

    pub(super) async fn upsert(&mut self, table: usize, rows: &RecordBatch) -> Result<(), Trouble> {
        let known = &mut self.tables[table];
        if known.key.is_empty() {
            let text = format!("{} has no key to find its rows by", known.name);
            return Err(Error::bug(text).into());
        }
        let shape = known.shape(&rows.schema(), |_| true)?;
        let rows = known.sorted(&shape.columns, shape.of(rows)?)?;
        let rows = Rows::new(&shape.columns, &shape.targets, &rows)?;
        let place = Place { into: &known.name, columns: &shape.columns, targets: &shape.targets };
        self.feed.allow(&rows).await?;
        if known.replaces(&shape) && rows.count >= FEW && self.feed.may_load() {
            match self.feed.load(place, &rows, Duplicates::Replace).await? {
                Loaded::All => return Ok(()),
                Loaded::Forbidden => {}
                Loaded::Doubtful => {
                    self.feed.conn.exec(&format!("ROLLBACK TO SAVEPOINT {CALL}")).await?;
                }
            }
        }
        let behind = overwrite(&self.feed.conn, &known.name.name, &shape.columns, &known.key);
        let done = self.feed.insert(place, &rows, &behind).await;
        done.map_err(|trouble| met_another(trouble, &known.key))
    }
}

/// What stands behind the values: the row of the same key takes them. One that was met by another
/// unique key would be another row: its key is set to NULL then, which the server refuses.
fn overwrite(conn: &Conn, table: &str, columns: &TableSchema, key: &[String]) -> String {
    // Later MySQL has another word for the new row, and warns at the old one; MariaDB has only the
    // old one.
    let aliased = conn.flavor == Flavor::MySql && conn.version >= (8, 0, 20);
    let new = |name: &str| match aliased {
        true => format!("new.{}", SQL.quote(name)),
        false => format!("VALUES({})", SQL.quote(name)),
    };
    let table = SQL.quote(table);
    let old = |name: &str| format!("{table}.{}", SQL.quote(name));
    let same: Vec<String> = key.iter().map(|k| format!("{} = {}", old(k), new(k))).collect();
    let mut sets = Vec::with_capacity(columns.columns.len());
    for (at, name) in key.iter().enumerate() {
        // Texts may be written otherwise than those they are the same as, and zeros have signs.
        let alike = columns.column(name).is_some_and(|c| {
            matches!(c.field.data_type(), DataType::Utf8 | DataType::Float32 | DataType::Float64)
                && !matches!(field::logical(&c.field), Some("decimal" | "bit"))
        });
        let value = if alike { new(name) } else { old(name) };
        if at == 0 {
            sets.push(format!("{} = IF({}, {value}, NULL)", SQL.quote(name), same.join(" AND ")));
        } else if alike {
            sets.push(format!("{} = {value}", SQL.quote(name)));
        }
    }
    let rest = columns.columns.iter().filter(|c| !key.iter().any(|k| k == c.name()));
    sets.extend(rest.map(|c| format!("{} = {}", SQL.quote(c.name()), new(c.name()))));
    let alias = if aliased { " AS new" } else { "" };
    format!("{alias} ON DUPLICATE KEY UPDATE {}", sets.join(", "))
}

/// A key set to NULL says that a row was met by another unique key.
fn met_another(trouble: Trouble, key: &[String]) -> Trouble {
    match trouble {
        Trouble::Undo(error)
            if error.code() == Code::NotNull
                && key.first().is_some_and(|k| error.message().contains(&format!("'{k}'"))) =>
        {
            let text = "a row with another key has the same values in a unique key";
            Trouble::Undo(Error::new(Code::DuplicateKey, text).because(error))
        }
        other => other,
    }
}
