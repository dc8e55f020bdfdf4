//! Columns of tables: types, defaults, identities, sequences, and how they are stored.

use std::collections::HashMap;

use syncline_sql::Dialect;
use syncline_sql::actions::{self, Sequence};
use syncline_types::{Column, Generated, Identity, NativeSql, Result, field};
use tokio_postgres::Row;

use super::expressions::{default, unwrapped};
use super::{TYPE_OF, TYPE_WIDTH, base_type, native_type};
use crate::connect::Session;
use crate::types::{COLLATION_SCHEMA, STORE, arrow_field};

/// The columns of a table, and the actions that make them what their definitions do not say.
#[derive(Default)]
pub(super) struct Columns {
    pub(super) columns: Vec<Column>,
    pub(super) actions: Vec<String>,
    /// Columns of which values may be numbers of large objects.
    pub(super) objects: Vec<String>,
}

/// Where the columns after those of the type begin.
const AFTER: usize = 3 + TYPE_WIDTH;

/// The columns of the tables, by oid.
pub(super) async fn columns(session: &Session, oids: &[u32]) -> Result<HashMap<u32, Columns>> {
    let compression = match session.facts.version {
        14.. => "CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END",
        _ => "NULL::text",
    };
    let sql = format!(
        "SELECT a.attrelid, a.attname::text, a.attnotnull, {TYPE_OF},
       co.collname::text, nullif(con.nspname, 'pg_catalog')::text,
       a.attidentity::text, a.attgenerated::text,
       pg_catalog.pg_get_expr(ad.adbin, ad.adrelid),
       pg_catalog.col_description(a.attrelid, a.attnum),
       q.seqrelid IS NOT NULL, q.seqincrement, q.seqstart,
       CASE WHEN q.seqrelid IS NOT NULL
             AND pg_catalog.has_sequence_privilege(q.seqrelid, 'SELECT, USAGE')
            THEN pg_catalog.pg_sequence_last_value(q.seqrelid::pg_catalog.regclass) END,
       q.seqmin, q.seqmax, q.seqcache, q.seqcycle, pg_catalog.format_type(q.seqtypid, NULL),
       (SELECT s.relname::text FROM pg_catalog.pg_class s WHERE s.oid = q.seqrelid),
       (SELECT c.relname::text FROM pg_catalog.pg_class c WHERE c.oid = a.attrelid),
       CASE WHEN a.attstorage <> g.typstorage THEN
         CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN'
                           ELSE 'EXTENDED' END END,
       {compression}, nullif(a.attstattarget, -1)::int4,
       pg_catalog.array_to_string(a.attoptions, ', ')
FROM pg_catalog.pg_attribute a
{}
LEFT JOIN pg_catalog.pg_collation co
  ON co.oid = a.attcollation AND a.attcollation <> g.typcollation
LEFT JOIN pg_catalog.pg_namespace con ON con.oid = co.collnamespace
LEFT JOIN pg_catalog.pg_attrdef ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum
LEFT JOIN LATERAL (
  SELECT s.* FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_sequence s ON s.seqrelid = d.objid
  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i')
  ORDER BY s.seqrelid LIMIT 1) q ON true
WHERE a.attrelid = ANY($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum",
        base_type("a.atttypid", "a.atttypmod")
    );
    let rows = session.query(&sql, &[&oids], "listing columns").await?;
    let mut tables: HashMap<u32, Columns> = HashMap::new();
    for row in &rows {
        let table = tables.entry(row.get(0)).or_default();
        let column = column(row, session.facts.money_scale, &mut table.actions);
        let domain = field::get(&column.field, crate::types::DOMAIN).unwrap_or_default();
        if field::native(&column.field, STORE) == Some("oid") || domain.ends_with(".lo") {
            table.objects.push(column.name().to_owned());
        }
        table.columns.push(column);
    }
    Ok(tables)
}

fn column(row: &Row, money_scale: i8, actions: &mut Vec<String>) -> Column {
    let name: String = row.get(1);
    let ty = native_type(row, 3, row.get(AFTER));
    let mut arrow = arrow_field(&name, !row.get::<_, bool>(2), &ty, money_scale);
    if let Some(schema) = row.get::<_, Option<String>>(AFTER + 1)
        && field::get(&arrow, field::COLLATION).is_some()
    {
        arrow = field::with(arrow, [(COLLATION_SCHEMA, schema)]);
    }
    let (identity, generated): (String, String) = (row.get(AFTER + 2), row.get(AFTER + 3));
    let expression: Option<String> = row.get(AFTER + 4);
    let mut column = Column::new(arrow);
    column.comment = row.get(AFTER + 5);
    let owns_sequence: bool = row.get(AFTER + 6);
    let serial = owns_sequence
        && identity.is_empty()
        && expression.as_ref().is_some_and(|e| e.starts_with("nextval("));
    if !identity.is_empty() || serial {
        column.identity = Some(Identity { always: identity == "a", next: next(row) });
        actions.extend(sequence(row, &name, serial));
    } else if generated.is_empty() {
        column.default = expression.and_then(|e| default(&column.field, &e));
    } else {
        column.generated = expression.map(|sql| Generated {
            expression: NativeSql::new(STORE, unwrapped(&sql)),
            stored: generated == "s",
        });
    }
    attributes(row, &mut column, actions);
    column
}

/// The number the sequence would give.
fn next(row: &Row) -> Option<i128> {
    let (increment, start): (Option<i64>, Option<i64>) = (row.get(AFTER + 7), row.get(AFTER + 8));
    let last: Option<i64> = row.get(AFTER + 9);
    match (last, increment) {
        (Some(last), Some(increment)) => Some(i128::from(last) + i128::from(increment)),
        _ => start.map(i128::from),
    }
}

/// The actions that make the column's sequence what it is: always one for a serial column, which
/// no definition tells from an identity; for an identity where it is not as it comes.
fn sequence(row: &Row, column: &str, serial: bool) -> Vec<String> {
    let number = |at: usize| row.get::<_, Option<i64>>(AFTER + at);
    let read = || {
        Some(Sequence {
            increment: number(7)?,
            start: number(8)?,
            least: number(10)?,
            most: number(11)?,
            cache: number(12)?,
            cycles: row.get::<_, Option<bool>>(AFTER + 13)?,
            ty: row.get::<_, Option<String>>(AFTER + 14)?,
        })
    };
    let (name, table): (Option<String>, String) = (row.get(AFTER + 15), row.get(AFTER + 16));
    let (Some(sequence), Some(name)) = (read(), name) else { return Vec::new() };
    if serial {
        return vec![sequence.serial(column, &name)];
    }
    let named = actions::sequence_name(&table, column, &name);
    named.into_iter().chain(sequence.identity(column)).collect()
}

fn attributes(row: &Row, column: &mut Column, actions: &mut Vec<String>) {
    let (storage, compression): (Option<String>, Option<String>) =
        (row.get(AFTER + 17), row.get(AFTER + 18));
    let words =
        [storage.map(|s| format!("STORAGE {s}")), compression.map(|c| format!("COMPRESSION {c}"))];
    let words: Vec<String> = words.into_iter().flatten().collect();
    if !words.is_empty() {
        column.attributes = Some(NativeSql::new(STORE, words.join(" ")));
    }
    let name = Dialect::Postgres.quote(column.name());
    if let Some(target) = row.get::<_, Option<i32>>(AFTER + 19) {
        actions.push(format!("ALTER COLUMN {name} SET STATISTICS {target}"));
    }
    if let Some(options) = row.get::<_, Option<String>>(AFTER + 20) {
        actions.push(format!("ALTER COLUMN {name} SET ({options})"));
    }
}
