//! The digest of a split, computed by the server.
//!
//! Every row is its values as bytes, each with its length in front of it, and a mark for NULL: no
//! two rows look the same. The MD5 of each is cut into two numbers, and these are added up. A row
//! that the server cannot make one string of has no MD5; then there is no digest.

use arrow::datatypes::DataType;
use syncline_connector::{Digest, ReadTask};
use syncline_sql::Dialect;
use syncline_types::{ErrorKind, Result, field};

use crate::split::Token;
use crate::wire::Conn;

const SQL: Dialect = Dialect::Mysql;

/// The digest of a range of a key. `None` for tables without one, and for columns whose text is
/// not all there is of their values.
pub(crate) async fn of(conn: &mut Conn, read: &ReadTask, token: &Token) -> Result<Option<Digest>> {
    let Some(key) = token.key().filter(|_| read.query.is_none()) else { return Ok(None) };
    let mut values = Vec::with_capacity(read.table.columns.len());
    for column in &read.table.columns {
        // The text of a FLOAT is rounded.
        if matches!(column.field.data_type(), DataType::Float32 | DataType::Float64)
            || field::logical(&column.field) == Some("geometry")
        {
            return Ok(None);
        }
        let name = SQL.quote(column.name());
        let bytes = match field::logical(&column.field) {
            Some("bit") => format!("HEX({name})"),
            _ => format!("CAST({name} AS BINARY)"),
        };
        values.push(format!("IF({name} IS NULL, '~', CONCAT(LENGTH({bytes}), ':', {bytes}))"));
    }
    let mut conditions = Vec::new();
    if token.range != Default::default() {
        conditions.push(format!("({})", syncline_sql::predicate(SQL, &key.parts(), &token.range)));
    }
    if let Some(filter) = &read.filter {
        conditions.push(format!("({filter}\n)"));
    }
    let condition = match conditions.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conditions.join(" AND ")),
    };
    let index = match read.filter {
        None => format!(" FORCE INDEX ({})", SQL.quote(&key.index)),
        Some(_) => String::new(),
    };
    let part = |from: u32| {
        format!("SUM(CAST(CONV(SUBSTRING(h, {from}, 16), 16, 10) AS UNSIGNED)) AS h{from}")
    };
    // The limit keeps the server from computing each hash once for every use of it.
    let sql = format!(
        "SELECT COUNT(*) AS n, COUNT(h) AS whole, {}, {} \
         FROM (SELECT MD5(CONCAT({})) AS h FROM {}{index}{condition} \
               LIMIT 18446744073709551615) r",
        part(1),
        part(17),
        values.join(", "),
        SQL.table(&read.table.name)
    );
    let rows = match conn.query(&sql).await {
        Ok(rows) => rows,
        Err(fault) => {
            let failed = syncline_types::Error::from(fault);
            return match failed.kind() {
                ErrorKind::Transient => Err(failed),
                _ => Ok(None),
            };
        }
    };
    let Some(row) = rows.rows.first() else { return Ok(None) };
    let count = |name: &str| rows.get(row, name).and_then(|n| n.parse::<u64>().ok());
    let (Some(n), Some(whole)) = (count("n"), count("whole")) else { return Ok(None) };
    if n != whole {
        return Ok(None);
    }
    let sums = ["h1", "h17"].map(|name| rows.get(row, name).unwrap_or("0").to_owned());
    Ok(Some(Digest {
        recipe: "mysql sums of md5".into(),
        rows: n,
        hash: sums.join("+").into_bytes(),
    }))
}
