//! How a table is cut: by ranges of its key, found from a sample, or by ranges of its blocks.
//!
//! Key ranges are read in key order. That costs an index scan (or a sort, where the planner finds
//! the table too unordered for one) over a plain scan, and buys a position that means the same in
//! every later snapshot: a killed run goes on from the last durable row. Blocks are read as they
//! lie, which is cheapest, and cannot be resumed inside.

use serde::{Deserialize, Serialize};
use syncline_connector::{Cut, ReadTask};
use syncline_sql::{Dialect, KeyColumn, KeyRange, KeyValue, predicate};
use syncline_types::{Code, Error, Result, Split, TableName};

use crate::connect::Session;
use crate::error;

const VERSION: u8 = 1;

/// Blocks sampled for each split: the share of rows in a split is then within a few percent of
/// even, where neighbours in the table are neighbours in the key, too.
const SAMPLE_BLOCKS: u64 = 400;
/// Splits that are so even. Many more of them need not be: no worker is without work at the end.
const EVEN_SPLITS: u64 = 8;
/// Blocks sampled for each split of many: within a quarter of even.
const FEW_BLOCKS: u64 = 20;
/// Tables of fewer blocks are not sampled but read, keys alone.
const SMALL_BLOCKS: u64 = 2048;

/// A split's token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Token {
    v: u8,
    #[serde(flatten)]
    piece: Piece,
}

/// What a split is a piece of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub(crate) enum Piece {
    /// A range of the key.
    Key {
        /// The key's columns, in order.
        key: Vec<String>,
        /// Tables that inherit from this one are not read with it.
        only: bool,
        #[serde(flatten)]
        range: KeyRange,
    },
    /// Blocks of one table or partition.
    Blocks(Blocks),
    /// All rows of the user's query.
    Query,
}

/// A range of blocks, and what tells that they still hold what they held at the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Blocks {
    /// The table, or the partition, whose blocks they are.
    pub(crate) schema: String,
    pub(crate) name: String,
    /// Its file at the plan: another one means it was rewritten.
    pub(crate) filenode: u32,
    /// First block.
    pub(crate) from: u64,
    /// The block after the last; without one, all there are.
    pub(crate) to: Option<u64>,
    /// The transactions the plan could see (`txid_current_snapshot`).
    pub(crate) snapshot: String,
}

impl Blocks {
    pub(crate) fn table(&self) -> TableName {
        TableName::new(&self.schema, &self.name)
    }

    /// Whether they are all that `table` has, so that they need not fit to those of any other piece.
    pub(crate) fn are_all_of(&self, table: &TableName) -> bool {
        self.table() == *table && self.from == 0 && self.to.is_none()
    }
}

/// A position's token: the key of the last row read, each part as text.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    v: u8,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    key: Vec<String>,
}

/// The token of a position after the row with that key (none for what cannot be resumed).
pub(crate) fn place(key: &[String]) -> String {
    serde_json::json!(Place { v: VERSION, key: key.to_vec() }).to_string()
}

/// The key a position's token names.
pub(crate) fn key_of_place(token: &str) -> Result<Vec<KeyValue>> {
    let place: Place = read_token(token)?;
    if place.v != VERSION {
        return Err(of_newer_version(token));
    }
    Ok(place.key.into_iter().map(KeyValue::Text).collect())
}

/// What a split's token says.
pub(crate) fn piece(split: &Split) -> Result<Piece> {
    let token: Token = read_token(&split.token)?;
    if token.v != VERSION {
        return Err(of_newer_version(&split.token));
    }
    Ok(token.piece)
}

fn read_token<T: for<'de> Deserialize<'de>>(token: &str) -> Result<T> {
    serde_json::from_str(token).map_err(|e| of_newer_version(token).because(e))
}

fn of_newer_version(token: &str) -> Error {
    Error::new(Code::CannotResume, format!("postgres: the position {token} cannot be read"))
        .hint("it was written by another version of Syncline: start over with --fresh")
}

/// What the planner of splits has to know about a table.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) oid: u32,
    pub(crate) partitioned: bool,
    pub(crate) key: Vec<String>,
    pub(crate) rows: Option<u64>,
    pub(crate) bytes: Option<u64>,
}

/// `FROM` of the table: without tables that inherit from it, with its partitions.
pub(crate) fn from_clause(table: &TableName, only: bool) -> String {
    format!("{}{}", if only { "ONLY " } else { "" }, Dialect::Postgres.table(table))
}

/// The user's condition, where there is one; it may end in a comment.
pub(crate) fn where_clause(condition: Option<&str>, filter: Option<&str>) -> String {
    match (condition, filter) {
        (None, None) => String::new(),
        (Some(c), None) => format!(" WHERE {c}"),
        (None, Some(f)) => format!(" WHERE (\n{f}\n)"),
        (Some(c), Some(f)) => format!(" WHERE {c} AND (\n{f}\n)"),
    }
}

/// What is read for a range of the key, from `FROM` on, in key order.
pub(crate) fn key_range_sql(
    table: &TableName,
    only: bool,
    key: &[String],
    range: &KeyRange,
    filter: Option<&str>,
) -> String {
    let columns: Vec<KeyColumn> = key.iter().map(KeyColumn::new).collect();
    let bounded = range.after.is_some() || range.upto.is_some();
    let condition = bounded.then(|| predicate(Dialect::Postgres, &columns, range));
    // Named in full: a bare name would be that of a selected expression, such as the key as text,
    // which sorts in another order.
    let whole = Dialect::Postgres.table(table);
    let order: Vec<String> =
        key.iter().map(|k| format!("{whole}.{}", Dialect::Postgres.quote(k))).collect();
    let order = match order.is_empty() {
        true => String::new(),
        false => format!(" ORDER BY {}", order.join(", ")),
    };
    let condition = where_clause(condition.as_deref(), filter);
    format!("FROM {}{condition}{order}", from_clause(table, only))
}

/// What is read for a range of blocks, from `FROM` on.
///
/// A partition goes by its table's name, which the user's condition may know it by.
pub(crate) fn blocks_sql(table: &TableName, blocks: &Blocks, filter: Option<&str>) -> String {
    let mut condition = String::new();
    if blocks.from > 0 {
        condition = format!("ctid >= '({},0)'::pg_catalog.tid", blocks.from);
    }
    if let Some(to) = blocks.to {
        let and = if condition.is_empty() { "" } else { " AND " };
        condition.push_str(&format!("{and}ctid < '({to},0)'::pg_catalog.tid"));
    }
    let condition = (!condition.is_empty()).then_some(condition.as_str());
    let mut from = from_clause(&blocks.table(), true);
    if blocks.name != table.name {
        from.push_str(&format!(" AS {}", Dialect::Postgres.quote(&table.name)));
    }
    format!("FROM {from}{}", where_clause(condition, filter))
}

/// A split of one piece.
pub(crate) fn make(
    table: &TableName,
    id: usize,
    (rows, bytes): (Option<u64>, Option<u64>),
    piece: Piece,
) -> Split {
    Split {
        table: table.clone(),
        id: u32::try_from(id).unwrap_or(u32::MAX),
        rows,
        bytes,
        resumable: matches!(piece, Piece::Key { .. }),
        token: serde_json::json!(Token { v: VERSION, piece }).to_string(),
    }
}

/// How many splits a table of about that many rows is worth.
pub(crate) fn count(cut: &Cut, rows: u64) -> usize {
    let worth = rows / cut.min_rows.max(1);
    usize::try_from(worth).unwrap_or(usize::MAX).clamp(1, cut.splits.max(1))
}

/// Cuts a table with a key.
pub(crate) async fn by_key(
    session: &Session,
    read: &ReadTask,
    shape: &Shape,
    cut: &Cut,
) -> Result<Vec<Split>> {
    let table = &read.table.name;
    let only = !shape.partitioned;
    let mut rows = shape.rows;
    // What the catalog says is good enough to see that a table is small; the rest is counted by
    // the planner, which knows the size of the file and the condition.
    let small = rows.is_some_and(|n| n < cut.min_rows.saturating_mul(2)) || cut.splits < 2;
    if !small {
        rows = Some(estimate(session, read, only).await?);
    }
    let wanted = if small { 1 } else { count(cut, rows.unwrap_or(0)) };
    let bounds = match wanted {
        0 | 1 => Vec::new(),
        _ => bounds(session, read, shape, wanted).await?,
    };
    let pieces = bounds.len() as u64 + 1;
    let share = (rows.map(|n| n / pieces), shape.bytes.map(|n| n / pieces));
    let mut splits = Vec::with_capacity(bounds.len() + 1);
    let mut after: Option<Vec<KeyValue>> = None;
    for upto in bounds.into_iter().map(Some).chain([None]) {
        let range = KeyRange { after: after.take(), upto: upto.clone() };
        let piece = Piece::Key { key: shape.key.clone(), only, range };
        splits.push(make(table, splits.len(), share, piece));
        after = upto;
    }
    Ok(splits)
}

/// About how many rows will be read, by the server's planner.
async fn estimate(session: &Session, read: &ReadTask, only: bool) -> Result<u64> {
    let sql = format!(
        "EXPLAIN (FORMAT JSON) SELECT 1 FROM {}{}",
        from_clause(&read.table.name, only),
        where_clause(None, read.filter.as_deref())
    );
    let rows = session
        .client
        .simple_query(&sql)
        .await
        .map_err(|e| error::reading(e, &read.table.name, read.filter.is_some()))?;
    let text: String = rows
        .iter()
        .filter_map(|m| match m {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        })
        .collect();
    let plan: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    Ok(plan.pointer("/0/Plan/Plan Rows").and_then(serde_json::Value::as_u64).unwrap_or(0))
}

/// Keys that cut the table into `wanted` pieces of about as many rows: quantiles of the keys of
/// sampled blocks, or of all keys where the table is small. Fewer when there are fewer keys.
async fn bounds(
    session: &Session,
    read: &ReadTask,
    shape: &Shape,
    wanted: usize,
) -> Result<Vec<Vec<KeyValue>>> {
    let table = &read.table.name;
    let blocks: u64 = leaves(session, table, shape).await?.iter().map(|l| l.blocks).sum();
    let splits = wanted as u64;
    let sampled = (SAMPLE_BLOCKS * splits.min(EVEN_SPLITS)).max(FEW_BLOCKS * splits);
    let sample = if blocks <= SMALL_BLOCKS.max(sampled * 2) {
        String::new()
    } else {
        #[allow(clippy::cast_precision_loss)] // a percentage
        let percent = sampled as f64 * 100.0 / blocks as f64;
        format!(" TABLESAMPLE SYSTEM ({percent})")
    };
    let names: Vec<String> = shape.key.iter().map(|k| Dialect::Postgres.quote(k)).collect();
    let texts: Vec<String> = names.iter().map(|n| format!("{n}::pg_catalog.text")).collect();
    let names = names.join(", ");
    let sql = format!(
        "SELECT {texts} FROM (\
           SELECT *, pg_catalog.row_number() OVER (ORDER BY {names}) AS \"_syncline_at\", \
                     pg_catalog.count(*) OVER () AS \"_syncline_of\" \
           FROM (SELECT {names} FROM {from}{sample}{filter}) k) s \
         WHERE \"_syncline_at\" < \"_syncline_of\" \
           AND \"_syncline_at\" * {wanted} / \"_syncline_of\" \
            <> (\"_syncline_at\" - 1) * {wanted} / \"_syncline_of\" \
         ORDER BY \"_syncline_at\"",
        texts = texts.join(", "),
        from = from_clause(table, !shape.partitioned),
        filter = where_clause(None, read.filter.as_deref()),
    );
    let rows = session
        .client
        .query(&sql, &[])
        .await
        .map_err(|e| error::reading(e, table, read.filter.is_some()))?;
    let key = |row: &tokio_postgres::Row| {
        (0..shape.key.len()).map(|at| KeyValue::Text(row.get(at))).collect()
    };
    Ok(rows.iter().map(key).collect())
}

/// A table or partition that has blocks of its own.
struct Leaf {
    schema: String,
    name: String,
    filenode: u32,
    blocks: u64,
}

async fn leaves(session: &Session, table: &TableName, shape: &Shape) -> Result<Vec<Leaf>> {
    const SQL: &str = "
SELECT n.nspname::text, c.relname::text, coalesce(pg_catalog.pg_relation_filenode(c.oid), 0),
       coalesce(pg_catalog.pg_relation_size(c.oid), 0)
         / pg_catalog.current_setting('block_size')::int8
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.oid IN (
  SELECT $1::oid UNION ALL
  SELECT t.relid FROM pg_catalog.pg_partition_tree($1::oid::pg_catalog.regclass) t WHERE $2)
ORDER BY c.oid";
    let rows = session
        .client
        .query(SQL, &[&shape.oid, &shape.partitioned])
        .await
        .map_err(|e| error::reading(e, table, false))?;
    let leaf = |row: &tokio_postgres::Row| Leaf {
        schema: row.get(0),
        name: row.get(1),
        filenode: row.get(2),
        blocks: u64::try_from(row.get::<_, i64>(3)).unwrap_or(0),
    };
    Ok(rows.iter().map(leaf).collect())
}

/// Cuts a table without a key: blocks of it, or of its partitions.
pub(crate) async fn by_blocks(
    session: &Session,
    read: &ReadTask,
    shape: &Shape,
    cut: &Cut,
    snapshot: &str,
) -> Result<Vec<Split>> {
    let table = &read.table.name;
    let leaves = leaves(session, table, shape).await?;
    let blocks: u64 = leaves.iter().map(|l| l.blocks).sum();
    let mut rows = shape.rows;
    if rows.is_none() && cut.splits > 1 {
        rows = Some(estimate(session, read, !shape.partitioned).await?);
    }
    // Before version 14 a condition on ctid is tested on every row of the table.
    let ranges = session.facts.version >= 14;
    let wanted = if ranges { count(cut, rows.unwrap_or(0)) } else { 1 };
    let step = blocks.div_ceil(wanted as u64).max(1);
    let share = |part: u64, of: Option<u64>| of.map(|n| n * part / blocks.max(1));
    let mut splits = Vec::new();
    for leaf in leaves {
        // The last one is open: a block may have been added since the size was read.
        let pieces = if ranges { leaf.blocks.div_ceil(step).max(1) } else { 1 };
        for at in 0..pieces {
            let from = leaf.blocks * at / pieces;
            let to = leaf.blocks * (at + 1) / pieces;
            let sizes = (share(to - from, rows), share(to - from, shape.bytes));
            let piece = Blocks {
                schema: leaf.schema.clone(),
                name: leaf.name.clone(),
                filenode: leaf.filenode,
                from,
                to: (at + 1 < pieces).then_some(to),
                snapshot: snapshot.to_owned(),
            };
            splits.push(make(table, splits.len(), sizes, Piece::Blocks(piece)));
        }
    }
    if splits.is_empty() {
        // A partitioned table without partitions has no rows.
        let piece = Piece::Key { key: Vec::new(), only: false, range: KeyRange::default() };
        splits.push(make(table, 0, (Some(0), Some(0)), piece));
    }
    Ok(splits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_version_1_are_read() {
        let split = |token: &str| Split {
            table: TableName::new("s", "t"),
            id: 0,
            rows: None,
            bytes: None,
            resumable: true,
            token: token.into(),
        };
        let key =
            r#"{"v":1,"by":"key","key":["a","b"],"only":true,"after":[{"text":"1"},{"text":"x"}]}"#;
        let Piece::Key { key, only, range } = piece(&split(key)).unwrap() else { panic!() };
        assert!(only);
        assert_eq!(
            key_range_sql(&TableName::new("s", "t"), only, &key, &range, Some("c = 1 -- x")),
            "FROM ONLY \"s\".\"t\" WHERE (\"a\", \"b\") > ('1', 'x') AND (\nc = 1 -- x\n) \
             ORDER BY \"s\".\"t\".\"a\", \"s\".\"t\".\"b\""
        );
        let blocks = r#"{"v":1,"by":"blocks","schema":"s","name":"t","filenode":1,"from":5,"to":9,"snapshot":"1:1:"}"#;
        let Piece::Blocks(blocks) = piece(&split(blocks)).unwrap() else { panic!() };
        assert_eq!(
            blocks_sql(&blocks.table(), &blocks, None),
            "FROM ONLY \"s\".\"t\" WHERE ctid >= '(5,0)'::pg_catalog.tid \
             AND ctid < '(9,0)'::pg_catalog.tid"
        );
        assert_eq!(piece(&split(r#"{"v":1,"by":"query"}"#)).unwrap(), Piece::Query);
        assert_eq!(key_of_place(r#"{"v":1,"key":["7"]}"#).unwrap(), [KeyValue::Text("7".into())]);
        assert_eq!(
            piece(&split(r#"{"v":2,"by":"query"}"#)).unwrap_err().code(),
            Code::CannotResume
        );
    }

    #[test]
    fn tiny_tables_are_one_split() {
        let cut = Cut { splits: 8, min_rows: 1000, min_bytes: 0 };
        assert_eq!([0, 999, 2000, 1_000_000].map(|rows| count(&cut, rows)), [1, 1, 2, 8]);
    }
}
