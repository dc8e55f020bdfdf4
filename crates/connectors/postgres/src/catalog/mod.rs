//! What there is, from the server's own catalogs: tables with columns, keys, indexes, defaults,
//! sequences, comments and sizes, and what they need, in a few queries whatever the number of
//! tables.

mod columns;
mod expressions;
mod layout;
mod partitions;
mod requirements;

use arrow::datatypes::Field;
use syncline_types::{Error, NativeSql, Result, TableInfo, TableName, TableSchema};
use tokio_postgres::Row;

use crate::checkpoint;
use crate::connect::Session;
use crate::error;
use crate::types::{NativeType, STORE, arrow_field};

/// A relation that could be copied.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    pub(crate) oid: u32,
    pub(crate) name: TableName,
    /// Cut into partitions, which hold its rows.
    pub(crate) partitioned: bool,
    /// Itself a partition of another table.
    pub(crate) partition: bool,
    /// Has tables that inherit from it.
    pub(crate) parent: bool,
    comment: Option<String>,
    rows: Option<u64>,
    bytes: Option<u64>,
}

const TABLES: &str = "
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind = 'p', c.relispartition,
       c.relkind = 'r' AND c.relhassubclass AND EXISTS
         (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid),
       pg_catalog.obj_description(c.oid, 'pg_class'),
       s.rows::float8, s.bytes::int8
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT CASE WHEN pg_catalog.count(*) = 0 THEN 0
              WHEN bool_and(l.relpages > 0 AND l.reltuples > 0 OR z.main = 0)
              THEN sum(CASE WHEN l.relpages > 0 AND l.reltuples > 0
                            THEN l.reltuples / l.relpages * (z.main / b.size) ELSE 0 END) END AS rows,
         sum(z.main + z.toast) AS bytes
  FROM (SELECT pg_catalog.current_setting('block_size')::int8 AS size) b,
       pg_catalog.pg_class l
       CROSS JOIN LATERAL (
         SELECT coalesce(pg_catalog.pg_relation_size(l.oid), 0) AS main,
                CASE WHEN l.reltoastrelid = 0 THEN 0
                     ELSE coalesce(pg_catalog.pg_relation_size(l.reltoastrelid), 0) END AS toast) z
  WHERE l.relkind = 'r' AND l.oid IN (
    SELECT c.oid WHERE c.relkind = 'r'
    UNION ALL SELECT t.relid FROM pg_catalog.pg_partition_tree(c.oid) t WHERE c.relkind = 'p')) s
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                    AND d.objid = c.oid AND d.deptype = 'e')
  AND ";

const IN_NAME_ORDER: &str = " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

/// Those whose schemas and names stand beside each other in two lists.
const NAMED: &str = "(n.nspname, c.relname) IN
  (SELECT * FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.name[]),
                            pg_catalog.unnest($2::pg_catalog.name[])) named)";

/// Tables, partitions among them, in name order; of one schema or one name, when given.
pub(crate) async fn relations(
    session: &Session,
    schema: Option<&str>,
    name: Option<&str>,
) -> Result<Vec<Relation>> {
    let sql = format!(
        "{TABLES}($1::text IS NULL OR n.nspname = $1) AND ($2::text IS NULL OR c.relname = $2)\
         {IN_NAME_ORDER}"
    );
    let rows = session.query(&sql, &[&schema, &name], "listing tables").await?;
    Ok(found(&rows))
}

/// The tables of these names, each with its schema, as far as they are there; in name order.
pub(crate) async fn relations_named(
    session: &Session,
    names: &[TableName],
) -> Result<Vec<Relation>> {
    let sql = format!("{TABLES}{NAMED}{IN_NAME_ORDER}");
    let (schemas, names) = lists(names);
    let rows = session.query(&sql, &[&schemas, &names], "listing tables").await?;
    Ok(found(&rows))
}

/// Which of these names, each with its schema, something has that is a table or not.
pub(crate) async fn taken(session: &Session, names: &[TableName]) -> Result<Vec<TableName>> {
    let sql = format!(
        "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {NAMED}"
    );
    let (schemas, names) = lists(names);
    let rows = session.query(&sql, &[&schemas, &names], "listing names").await?;
    let name = |row: &Row| TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
    Ok(rows.iter().map(name).collect())
}

fn lists(names: &[TableName]) -> (Vec<&str>, Vec<&str>) {
    names.iter().map(|n| (n.schema.as_deref().unwrap_or_default(), n.name.as_str())).unzip()
}

fn found(rows: &[Row]) -> Vec<Relation> {
    let own = |name: &str| name == checkpoint::TABLE || name.starts_with(checkpoint::SIDE);
    let relations = rows.iter().map(|row| Relation {
        oid: row.get(0),
        name: TableName::new(row.get::<_, String>(1), row.get::<_, String>(2)),
        partitioned: row.get(3),
        partition: row.get(4),
        parent: row.get(5),
        comment: row.get(6),
        rows: row.get::<_, Option<f64>>(7).map(whole),
        bytes: row.get::<_, Option<i64>>(8).and_then(|n| u64::try_from(n).ok()),
    });
    relations.filter(|r| !own(&r.name.name)).collect()
}

#[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)] // saturates, and is an estimate
fn whole(estimate: f64) -> u64 {
    estimate.max(0.0).round() as u64
}

/// The relations with all that belongs to them, in the order given.
pub(crate) async fn describe(session: &Session, relations: &[Relation]) -> Result<Vec<TableInfo>> {
    let oids: Vec<u32> = relations.iter().map(|r| r.oid).collect();
    let mut columns = columns::columns(session, &oids).await?;
    let mut layouts = layout::layouts(session, &oids).await?;
    let mut needs = requirements::requirements(session, &oids).await?;
    let objects = columns.values().any(|c| !c.objects.is_empty()) && large_objects(session).await?;
    let tables = relations.iter().map(|relation| {
        let columns = columns.remove(&relation.oid).unwrap_or_default();
        let layout = layouts.remove(&relation.oid).unwrap_or_default();
        let needs = needs.remove(&relation.oid).unwrap_or_default();
        let mut notes = layout.notes;
        notes.extend(needs.notes);
        if relation.parent {
            notes.push(
                "tables inherit from it; their rows are copied with them, not with it".into(),
            );
        }
        if objects && !columns.objects.is_empty() {
            notes.push(format!(
                "large objects are not carried: the numbers in {} are copied as they are",
                columns.objects.join(", ")
            ));
        }
        let actions = columns.actions.into_iter().chain(layout.actions);
        let schema = TableSchema {
            columns: columns.columns,
            primary_key: layout.primary_key,
            indexes: layout.indexes,
            checks: layout.checks,
            foreign_keys: layout.foreign_keys,
            comment: relation.comment.clone(),
            partitioning: layout.partitioning,
            options: layout.options,
            requires: needs.requires,
            statements: actions.map(|action| NativeSql::new(STORE, action)).collect(),
            ..TableSchema::new(relation.name.clone(), [])
        };
        TableInfo { schema, rows: relation.rows, bytes: relation.bytes, notes }
    });
    Ok(tables.collect())
}

/// Whether there is a relation of that name, which is quoted where it has to be.
pub(crate) async fn has_relation(session: &Session, quoted: &str) -> Result<bool> {
    let sql = "SELECT pg_catalog.to_regclass($1) IS NOT NULL";
    Ok(session.one(sql, &[&quoted], quoted).await?.get(0))
}

/// Whether there are large objects that the account can see.
async fn large_objects(session: &Session) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)";
    let row = session.client.query_one(sql, &[]).await;
    Ok(row.map_err(|e| error::of(e, "looking for large objects"))?.get(0))
}

/// What a type is called and made of, by the oid and modifier of a column, through its domains.
const TYPE_OF: &str = "
       b.oid, b.modifier, t.typname::text, pg_catalog.format_type(b.oid, b.modifier),
       CASE WHEN t.typtype = 'e' THEN (
         SELECT pg_catalog.array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
         FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid) END,
       CASE WHEN g.typtype = 'd' THEN pg_catalog.format_type(g.oid, NULL) END";
/// Columns of it.
const TYPE_WIDTH: usize = 6;

/// The last step of a type's domains, as `b (oid, modifier)`.
fn base_type(oid: &str, modifier: &str) -> String {
    format!(
        "CROSS JOIN LATERAL (
  WITH RECURSIVE base (oid, modifier, depth) AS (
    SELECT {oid}, {modifier}, 0
    UNION ALL
    SELECT d.typbasetype, d.typtypmod, base.depth + 1
    FROM base JOIN pg_catalog.pg_type d ON d.oid = base.oid AND d.typtype = 'd')
  SELECT oid, modifier FROM base ORDER BY depth DESC LIMIT 1) b
JOIN pg_catalog.pg_type t ON t.oid = b.oid
JOIN pg_catalog.pg_type g ON g.oid = {oid}"
    )
}

fn native_type(row: &Row, at: usize, collation: Option<String>) -> NativeType {
    NativeType {
        oid: row.get(at),
        modifier: row.get(at + 1),
        name: row.get(at + 2),
        format: row.get(at + 3),
        members: row.get(at + 4),
        domain: row.get(at + 5),
        collation,
    }
}

/// A column of a target, as far as writing it goes.
#[derive(Debug, Clone)]
pub(crate) struct TargetColumn {
    pub(crate) name: String,
    pub(crate) ty: NativeType,
    /// GENERATED ALWAYS AS IDENTITY.
    pub(crate) always: bool,
    /// Computed from other columns.
    pub(crate) generated: bool,
    /// The sequence that counts it up, quoted, with its schema.
    pub(crate) sequence: Option<Sequence>,
}

/// A sequence that belongs to a column.
#[derive(Debug, Clone)]
pub(crate) struct Sequence {
    /// Quoted, with its schema.
    pub(crate) name: String,
    pub(crate) increment: i64,
    pub(crate) max: i64,
}

/// The columns of a table as they are now, or `None` when there is no such table.
pub(crate) async fn target(
    session: &Session,
    table: &TableName,
) -> Result<Option<(u32, Vec<TargetColumn>)>> {
    let place = table.to_string();
    Ok(targets(session, std::slice::from_ref(table), &place).await?.pop().flatten())
}

/// The columns of tables as they are now, in the order of the names, which all have schemas.
pub(crate) async fn targets(
    session: &Session,
    tables: &[TableName],
    place: &str,
) -> Result<Vec<Option<(u32, Vec<TargetColumn>)>>> {
    let sql = format!(
        "SELECT c.oid, a.attname::text, {TYPE_OF}, a.attidentity::text = 'a',
       a.attgenerated::text <> '', q.name, q.seqincrement, q.seqmax, u.at
FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.name[]), pg_catalog.unnest($2::pg_catalog.name[]))
     WITH ORDINALITY AS u (schema, name, at)
JOIN pg_catalog.pg_namespace n ON n.nspname = u.schema
JOIN pg_catalog.pg_class c
  ON c.relnamespace = n.oid AND c.relname = u.name AND c.relkind IN ('r', 'p')
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
{}
LEFT JOIN LATERAL (
  SELECT s.*, pg_catalog.format('%I.%I', sn.nspname, sc.relname) AS name
  FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_sequence s ON s.seqrelid = d.objid
  JOIN pg_catalog.pg_class sc ON sc.oid = s.seqrelid
  JOIN pg_catalog.pg_namespace sn ON sn.oid = sc.relnamespace
  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjid = c.oid AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i')
  ORDER BY s.seqrelid LIMIT 1) q ON true
ORDER BY u.at, a.attnum",
        base_type("a.atttypid", "a.atttypmod")
            .replace("\nJOIN pg_catalog.pg_type", "\nLEFT JOIN pg_catalog.pg_type")
    );
    let (schemas, names) = lists(tables);
    let rows = session.query(&sql, &[&schemas, &names], place).await?;
    let mut found: Vec<Option<(u32, Vec<TargetColumn>)>> = tables.iter().map(|_| None).collect();
    for row in &rows {
        let at = usize::try_from(row.get::<_, i64>(7 + TYPE_WIDTH) - 1).unwrap_or(usize::MAX);
        let Some(table) = found.get_mut(at) else { continue };
        let (_, columns) = table.get_or_insert_with(|| (row.get(0), Vec::new()));
        // A table without columns has one row all the same.
        if row.get::<_, Option<String>>(1).is_some() {
            columns.push(target_column(row));
        }
    }
    Ok(found)
}

fn target_column(row: &Row) -> TargetColumn {
    TargetColumn {
        name: row.get(1),
        ty: native_type(row, 2, None),
        always: row.get(2 + TYPE_WIDTH),
        generated: row.get(3 + TYPE_WIDTH),
        sequence: row.get::<_, Option<String>>(4 + TYPE_WIDTH).map(|name| Sequence {
            name,
            increment: row.get(5 + TYPE_WIDTH),
            max: row.get(6 + TYPE_WIDTH),
        }),
    }
}

/// What there is beside tables, and is not copied: for people to know.
pub(crate) async fn left_out(session: &Session, schema: Option<&str>) -> Result<Vec<String>> {
    const SQL: &str = "
SELECT c.relkind::text, pg_catalog.count(*)::int8,
       pg_catalog.string_agg(n.nspname || '.' || c.relname, ', ' ORDER BY n.nspname, c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm', 'f') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND ($1::text IS NULL OR n.nspname = $1)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                    AND d.objid = c.oid AND d.deptype = 'e')
GROUP BY c.relkind
UNION ALL
SELECT 'L', pg_catalog.count(*)::int8, '' FROM pg_catalog.pg_largeobject_metadata
HAVING pg_catalog.count(*) > 0
ORDER BY 1";
    let rows = session.query(SQL, &[&schema], "listing views").await?;
    let note = |row: &Row| {
        let (kind, count, names): (String, i64, String) = (row.get(0), row.get(1), row.get(2));
        let what = match kind.as_str() {
            "v" => "view(s)",
            "m" => "materialized view(s)",
            "f" => "foreign table(s)",
            _ => {
                return format!(
                    "{count} large object(s) are not carried; columns that point to them \
                     (type oid) are copied as numbers"
                );
            }
        };
        format!("{count} {what} not copied: {names}")
    };
    Ok(rows.iter().map(note).collect())
}

/// The columns of a query's result, by oid and modifier of their types.
pub(crate) async fn types(session: &Session, columns: &[(String, u32, i32)]) -> Result<Vec<Field>> {
    let oids: Vec<u32> = columns.iter().map(|c| c.1).collect();
    let modifiers: Vec<i32> = columns.iter().map(|c| c.2).collect();
    let sql = format!(
        "SELECT {TYPE_OF}
FROM ROWS FROM (pg_catalog.unnest($1::oid[]), pg_catalog.unnest($2::int4[]))
     WITH ORDINALITY AS u (oid, modifier, at)
{}
ORDER BY u.at",
        base_type("u.oid", "u.modifier")
    );
    let rows = session.query(&sql, &[&oids, &modifiers], "looking types up").await?;
    if rows.len() != columns.len() {
        return Err(Error::bug("a type of the query's result is not in pg_type"));
    }
    let fields = columns.iter().zip(&rows).map(|((name, ..), row)| {
        arrow_field(name, true, &native_type(row, 0, None), session.facts.money_scale)
    });
    Ok(fields.collect())
}
