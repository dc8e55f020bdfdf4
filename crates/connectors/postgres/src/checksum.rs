//! The digest of a split, computed by the server.
//!
//! Every row is what the server would send of it in binary, as one record: number of columns, and
//! of each its type, its length (or that it is NULL) and its value. No two rows look the same. Its
//! SHA-256 are strung together in the order of the key, and hashed again.

use syncline_connector::{Digest, ReadTask};
use syncline_sql::Dialect;
use syncline_types::{ErrorKind, Result, TableName};

use crate::connect::Session;
use crate::error;
use crate::split::{self, Piece};

/// The first version with `sha256`.
const SINCE: u32 = 11;

/// The digest of a range of the key. `None` for other pieces, and where the server cannot.
pub(crate) async fn of(session: &Session, read: &ReadTask, piece: Piece) -> Result<Option<Digest>> {
    let Piece::Key { key, only, range } = piece else { return Ok(None) };
    if session.facts.version < SINCE {
        return Ok(None);
    }
    let name: &TableName = &read.table.name;
    let columns: Vec<String> =
        read.table.columns.iter().map(|c| Dialect::Postgres.quote(c.name())).collect();
    let from = split::key_range_sql(name, only, &key, &range, read.filter.as_deref());
    let sql = format!(
        "SELECT pg_catalog.count(*), pg_catalog.encode(pg_catalog.sha256(\
           coalesce(pg_catalog.string_agg(h, ''::pg_catalog.bytea), ''::pg_catalog.bytea)), 'hex') \
         FROM (SELECT pg_catalog.sha256(pg_catalog.record_send(ROW({}))) AS h {from}) r",
        columns.join(", ")
    );
    let row = match session.client.query_one(&sql, &[]).await {
        Ok(row) => row,
        Err(failed) => {
            let failed = error::reading(failed, name, read.filter.is_some());
            // A type without a binary form, a row too large for it: it will be streamed.
            return match failed.kind() {
                ErrorKind::Transient => Err(failed),
                _ => Ok(None),
            };
        }
    };
    let rows: i64 = row.get(0);
    let hash: String = row.get(1);
    Ok(Some(Digest {
        recipe: "postgres sha256 of records in order".into(),
        rows: u64::try_from(rows).unwrap_or_default(),
        hash: hash.into_bytes(),
    }))
}
