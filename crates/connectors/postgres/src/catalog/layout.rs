//! What hangs on tables beside columns: constraints, foreign keys, indexes, options.

use std::collections::HashMap;

use syncline_types::{
    Check, ForeignKey, Index, IndexPart, NativeSql, Partitioning, ReferentialAction, Result,
    TableName,
};
use tokio_postgres::Row;

use super::expressions::unwrapped;
use super::partitions::partitions;
use crate::connect::Session;
use crate::types::STORE;

/// What one table has.
#[derive(Default)]
pub(super) struct Layout {
    pub(super) primary_key: Vec<String>,
    pub(super) indexes: Vec<Index>,
    pub(super) checks: Vec<Check>,
    pub(super) foreign_keys: Vec<ForeignKey>,
    pub(super) partitioning: Option<Partitioning>,
    pub(super) options: Option<NativeSql>,
    /// What follows ALTER TABLE to make it the very same; see `make`.
    pub(super) actions: Vec<String>,
    pub(super) notes: Vec<String>,
}

pub(super) type Layouts = HashMap<u32, Layout>;

/// Whose indexes and constraints are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// Tables: all.
    Tables,
    /// Partitions: those that the table above has not.
    Partitions,
}

/// The layouts of the tables, by oid.
pub(super) async fn layouts(session: &Session, oids: &[u32]) -> Result<Layouts> {
    let mut layouts = Layouts::new();
    tables(session, oids, &mut layouts).await?;
    indexes(session, oids, Of::Tables, &mut layouts).await?;
    constraints(session, oids, Of::Tables, &mut layouts).await?;
    comments(session, oids, &mut layouts).await?;
    partitions(session, oids, &mut layouts).await?;
    Ok(layouts)
}

pub(super) fn native(sql: impl Into<String>) -> NativeSql {
    NativeSql::new(STORE, sql)
}

const INDEXES: &str = "
SELECT i.indrelid, ic.relname::text, i.indisprimary, i.indisunique, k.names, k.descending,
       c.oid IS NOT NULL, c.contype::text, pg_catalog.pg_get_constraintdef(c.oid),
       CASE WHEN pg_catalog.starts_with(d.def, d.head)
            THEN pg_catalog.substr(d.def, pg_catalog.length(d.head) + 1) END,
       k.plain, k.listed, c.conname::text, t.relname::text, i.indisclustered, i.indisreplident,
       ic.relispartition
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
LEFT JOIN pg_catalog.pg_constraint c
  ON c.conindid = i.indexrelid AND c.conrelid = t.oid AND c.contype IN ('p', 'u', 'x')
CROSS JOIN LATERAL (
  SELECT pg_catalog.pg_get_indexdef(ic.oid) AS def,
         'CREATE ' || CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END
         || pg_catalog.format('INDEX %I ON %s%I.%I ', ic.relname,
              CASE WHEN ic.relkind = 'I' THEN 'ONLY ' ELSE '' END, n.nspname, t.relname) AS head) d
CROSS JOIN LATERAL (
  SELECT pg_catalog.array_agg(a.attname::text ORDER BY p) AS names,
         pg_catalog.array_agg((i.indoption[p] & 1) = 1 ORDER BY p) AS descending,
         'USING btree (' || pg_catalog.string_agg(pg_catalog.quote_ident(a.attname)
           || CASE WHEN (i.indoption[p] & 1) = 1 THEN ' DESC' ELSE '' END, ', ' ORDER BY p)
         || ')' AS plain,
         '(' || pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY p) || ')'
           AS listed
  FROM pg_catalog.generate_series(0, i.indnkeyatts - 1) p
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[p]) k
WHERE i.indrelid = ANY($1::oid[]) AND i.indislive AND (i.indisvalid OR ic.relkind = 'I')
ORDER BY i.indrelid, ic.relname COLLATE \"C\"";

pub(super) async fn indexes(
    session: &Session,
    oids: &[u32],
    of: Of,
    layouts: &mut Layouts,
) -> Result<()> {
    let rows = session.query(INDEXES, &[&oids], "listing indexes").await?;
    for row in &rows {
        let layout = layouts.entry(row.get(0)).or_default();
        let name: String = row.get(1);
        let quoted = syncline_sql::Dialect::Postgres.quote(&name);
        if row.get(14) {
            layout.actions.push(format!("CLUSTER ON {quoted}"));
        }
        if row.get(15) {
            layout.actions.push(format!("REPLICA IDENTITY USING INDEX {quoted}"));
        }
        if of == Of::Partitions && row.get(16) {
            continue;
        }
        if row.get(2) {
            primary_key(row, layout);
        } else if let Some(index) = index(row, name) {
            layout.indexes.push(index);
        } else {
            layout.notes.push(format!("index {quoted} is not copied: its words are not known"));
        }
    }
    Ok(())
}

/// One that has a name or words of its own is made by an action.
fn primary_key(row: &Row, layout: &mut Layout) {
    layout.primary_key = row.get::<_, Vec<Option<String>>>(4).into_iter().flatten().collect();
    let (definition, listed): (Option<String>, String) = (row.get(8), row.get(11));
    let (name, table): (Option<String>, String) = (row.get(12), row.get(13));
    let (Some(definition), Some(name)) = (definition, name) else { return };
    if definition != format!("PRIMARY KEY {listed}") || name != format!("{table}_pkey") {
        let name = syncline_sql::Dialect::Postgres.quote(&name);
        layout.actions.push(format!("ADD CONSTRAINT {name} {definition}"));
    }
}

fn index(row: &Row, name: String) -> Option<Index> {
    let columns: Vec<Option<String>> = row.get(4);
    let descending: Vec<bool> = row.get(5);
    let (plain, listed): (Option<String>, Option<String>) = (row.get(10), row.get(11));
    // An expression among the columns leaves no text in the aggregate that could be mistaken.
    let whole = columns.iter().all(Option::is_some);
    let part = |(column, descending)| IndexPart { column, prefix: None, descending };
    let parts = columns.into_iter().flatten().zip(descending).map(part).collect();
    let constraint: bool = row.get(6);
    let (words, usual): (Option<String>, Option<String>) = match constraint {
        true => (row.get(8), listed.map(|l| format!("UNIQUE {l}"))),
        false => (row.get(9), plain),
    };
    let words = words?;
    let definition = (!whole || Some(&words) != usual.as_ref()).then(|| native(words));
    // What shares its words with no other store forbids other things than equal columns, too.
    Some(Index { name, parts, unique: row.get(3), constraint, definition })
}

pub(super) async fn constraints(
    session: &Session,
    oids: &[u32],
    of: Of,
    layouts: &mut Layouts,
) -> Result<()> {
    let set_columns = match session.facts.version {
        15.. => {
            "(SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY k.at) \
              FROM pg_catalog.unnest(c.confdelsetcols) WITH ORDINALITY k (n, at) \
              JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n)"
        }
        _ => "NULL::text",
    };
    let names = |key: &str, of: &str| {
        format!(
            "(SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.at)
              FROM pg_catalog.unnest(c.{key}) WITH ORDINALITY k (n, at)
              JOIN pg_catalog.pg_attribute a ON a.attrelid = c.{of} AND a.attnum = k.n)"
        )
    };
    let sql = format!(
        "SELECT c.conrelid, c.conname::text, c.contype::text, pg_catalog.pg_get_constraintdef(c.oid),
       pg_catalog.pg_get_expr(c.conbin, c.conrelid), c.convalidated, c.connoinherit,
       c.condeferrable, c.condeferred, {}, fn.nspname::text, fc.relname::text, {},
       c.confdeltype::text, c.confupdtype::text, c.confmatchtype::text, {set_columns}
FROM pg_catalog.pg_constraint c
JOIN pg_catalog.pg_class t ON t.oid = c.conrelid
LEFT JOIN pg_catalog.pg_class fc ON fc.oid = c.confrelid
LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid = fc.relnamespace
WHERE c.conrelid = ANY($1::oid[]) AND c.contype IN ('c', 'f')
  AND (c.conparentid = 0 OR t.relispartition) AND NOT ($2 AND c.coninhcount > 0)
ORDER BY c.conrelid, c.conname COLLATE \"C\"",
        names("conkey", "conrelid"),
        names("confkey", "confrelid"),
    );
    let rows =
        session.query(&sql, &[&oids, &(of == Of::Partitions)], "listing constraints").await?;
    for row in &rows {
        let layout = layouts.entry(row.get(0)).or_default();
        match row.get::<_, String>(2).as_str() {
            "c" => check(row, layout),
            _ => layout.foreign_keys.push(foreign_key(row)),
        }
    }
    Ok(())
}

/// A check that old rows need not fulfil, or that children do not have, is made by an action.
fn check(row: &Row, layout: &mut Layout) {
    let name: String = row.get(1);
    let condition: String = row.get::<_, Option<String>>(4).unwrap_or_default();
    let (validated, not_inherited): (bool, bool) = (row.get(5), row.get(6));
    if !validated || not_inherited {
        let quoted = syncline_sql::Dialect::Postgres.quote(&name);
        layout.actions.push(format!("ADD CONSTRAINT {quoted} {}", row.get::<_, String>(3)));
    }
    let condition = native(unwrapped(&condition));
    layout.checks.push(Check { name: Some(name), condition, enforced: validated });
}

/// Comments on what the tables have: constraints, and indexes that are no constraints'.
const COMMENTS: &str = "
SELECT c.conrelid, pg_catalog.format('COMMENT ON CONSTRAINT %s IS %L',
         '\"' || pg_catalog.replace(c.conname, '\"', '\"\"') || '\"', d.description)
FROM pg_catalog.pg_constraint c
JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0
  AND d.classoid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
WHERE c.conrelid = ANY($1::oid[])
UNION ALL
SELECT i.indrelid, pg_catalog.format('COMMENT ON INDEX %s IS %L',
         '\"' || pg_catalog.replace(ic.relname, '\"', '\"\"') || '\"', d.description)
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
JOIN pg_catalog.pg_description d ON d.objoid = ic.oid AND d.objsubid = 0
  AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
WHERE i.indrelid = ANY($1::oid[])
ORDER BY 1, 2";

async fn comments(session: &Session, oids: &[u32], layouts: &mut Layouts) -> Result<()> {
    let rows = session.query(COMMENTS, &[&oids], "listing comments").await?;
    for row in &rows {
        layouts.entry(row.get(0)).or_default().actions.push(row.get(1));
    }
    Ok(())
}

fn action(letter: &str) -> ReferentialAction {
    match letter {
        "r" => ReferentialAction::Restrict,
        "c" => ReferentialAction::Cascade,
        "n" => ReferentialAction::SetNull,
        "d" => ReferentialAction::SetDefault,
        _ => ReferentialAction::NoAction,
    }
}

fn foreign_key(row: &Row) -> ForeignKey {
    let (on_delete, on_update): (String, String) = (row.get(13), row.get(14));
    let (deferrable, deferred): (bool, bool) = (row.get(7), row.get(8));
    let set_columns: Option<String> = row.get(16);
    let mut words = Vec::new();
    if row.get::<_, String>(15) == "f" {
        words.push("MATCH FULL".to_owned());
    }
    if let Some(columns) = set_columns {
        words.push(format!("ON DELETE {} ({columns})", action(&on_delete).sql()));
    }
    if deferrable {
        words.push("DEFERRABLE".to_owned());
    }
    if deferred {
        words.push("INITIALLY DEFERRED".to_owned());
    }
    if !row.get::<_, bool>(5) {
        words.push("NOT VALID".to_owned());
    }
    ForeignKey {
        name: row.get(1),
        columns: row.get::<_, Option<Vec<String>>>(9).unwrap_or_default(),
        references: TableName {
            schema: row.get(10),
            name: row.get::<_, Option<String>>(11).unwrap_or_default(),
        },
        referenced: row.get::<_, Option<Vec<String>>>(12).unwrap_or_default(),
        on_delete: action(&on_delete),
        on_update: action(&on_update),
        attributes: (!words.is_empty()).then(|| native(words.join(" "))),
    }
}

const TABLES: &str = "
SELECT c.oid, c.relpersistence = 'u', pg_catalog.array_to_string(c.reloptions, ', '),
       s.spcname::text, c.relreplident::text, c.relrowsecurity, c.relforcerowsecurity,
       (SELECT pg_catalog.string_agg(t.tgname::text, ', ' ORDER BY t.tgname)
        FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
       (SELECT pg_catalog.string_agg(r.rulename::text, ', ' ORDER BY r.rulename)
        FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid),
       (SELECT pg_catalog.string_agg(p.polname::text, ', ' ORDER BY p.polname)
        FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid),
       (SELECT pg_catalog.string_agg(x.stxname::text, ', ' ORDER BY x.stxname)
        FROM pg_catalog.pg_statistic_ext x WHERE x.stxrelid = c.oid),
       (SELECT pg_catalog.string_agg(i.inhparent::pg_catalog.regclass::text, ', ' ORDER BY i.inhseqno)
        FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid AND NOT c.relispartition),
       am.amname::text,
       (SELECT pg_catalog.string_agg(DISTINCT g.name, ', ' ORDER BY g.name)
        FROM (SELECT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(x.grantee)::text END
              FROM pg_catalog.aclexplode(c.relacl) x WHERE x.grantee <> c.relowner
              UNION ALL
              SELECT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(x.grantee)::text END
              FROM pg_catalog.pg_attribute a CROSS JOIN pg_catalog.aclexplode(a.attacl) x
              WHERE a.attrelid = c.oid AND x.grantee <> c.relowner) g (name)),
       CASE WHEN c.relowner <> u.oid THEN pg_catalog.pg_get_userbyid(c.relowner)::text END
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_roles u ON u.rolname = current_user
LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace
LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam AND am.amname <> 'heap'
WHERE c.oid = ANY($1::oid[])";

pub(super) async fn tables(session: &Session, oids: &[u32], layouts: &mut Layouts) -> Result<()> {
    let rows = session.query(TABLES, &[&oids], "listing options of tables").await?;
    for row in &rows {
        let layout = layouts.entry(row.get(0)).or_default();
        let options: Option<String> = row.get(2);
        layout.options = options.map(|o| native(format!("WITH ({o})")));
        if row.get(1) {
            layout.actions.push("SET UNLOGGED".into());
        }
        match row.get::<_, String>(4).as_str() {
            "f" => layout.actions.push("REPLICA IDENTITY FULL".into()),
            "n" => layout.actions.push("REPLICA IDENTITY NOTHING".into()),
            _ => {}
        }
        let notes = &mut layout.notes;
        for (at, what) in [
            (3, "it lies in tablespace {}; the copy lies in the target's own"),
            (7, "triggers are not copied: {}"),
            (8, "rules are not copied: {}"),
            (9, "policies of row-level security are not copied: {}"),
            (10, "extended statistics are not copied: {}"),
            (11, "it inherits from {}: the copy is a table of its own"),
            (12, "its access method {} is not kept: the copy has the target's own"),
            (13, "rights on it are not copied: those of {}"),
            (14, "it belongs to {}; the copy belongs to the account that makes it"),
        ] {
            let names: Option<String> = row.get(at);
            notes.extend(names.map(|names| what.replace("{}", &names)));
        }
        if row.get(5) || row.get(6) {
            notes.push("row-level security is on, and is not for the copy".into());
        }
    }
    Ok(())
}
