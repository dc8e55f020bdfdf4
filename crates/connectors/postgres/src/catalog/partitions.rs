//! The partitions of a table: tables of their own, which have what the whole has, and may have
//! indexes, constraints and defaults that no other partition has.

use std::collections::HashMap;

use syncline_sql::Dialect;
use syncline_sql::actions::is_late;
use syncline_types::{NativeSql, Partition, Partitioning, Result, TableName};

use super::layout::{Layout, Layouts, Of, constraints, indexes, native, tables};
use crate::connect::Session;

const PARTITIONS: &str = "
SELECT r.root, pg_catalog.pg_get_partkeydef(r.root), n.nspname::text, c.relname::text,
       pn.nspname::text, pc.relname::text,
       pg_catalog.pg_get_expr(c.relpartbound, c.oid)
         || coalesce(' PARTITION BY ' || pg_catalog.pg_get_partkeydef(c.oid), '')
         || coalesce(' WITH (' || pg_catalog.array_to_string(c.reloptions, ', ') || ')', ''),
       c.relkind = 'f', c.oid
FROM pg_catalog.unnest($1::oid[]) r (root)
JOIN pg_catalog.pg_class rc ON rc.oid = r.root AND rc.relkind = 'p'
CROSS JOIN LATERAL pg_catalog.pg_partition_tree(r.root) t
LEFT JOIN pg_catalog.pg_class c ON c.oid = t.relid AND t.level > 0
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class pc ON pc.oid = t.parentrelid
LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace
ORDER BY r.root, t.level, c.relname COLLATE \"C\"";

/// Defaults and NOT NULL that differ from those of the table above.
const COLUMNS: &str = "
SELECT a.attrelid, pg_catalog.quote_ident(a.attname), a.attnotnull AND NOT pa.attnotnull,
       pg_catalog.pg_get_expr(d.adbin, d.adrelid),
       pg_catalog.pg_get_expr(d.adbin, d.adrelid)
         IS DISTINCT FROM pg_catalog.pg_get_expr(pd.adbin, pd.adrelid)
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_inherits i ON i.inhrelid = a.attrelid
JOIN pg_catalog.pg_attribute pa ON pa.attrelid = i.inhparent AND pa.attname = a.attname
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_attrdef pd ON pd.adrelid = pa.attrelid AND pd.adnum = pa.attnum
WHERE a.attrelid = ANY($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attgenerated = '' AND a.attidentity = ''
ORDER BY a.attrelid, a.attnum";

/// Adds their partitions to the layouts.
pub(super) async fn partitions(
    session: &Session,
    oids: &[u32],
    layouts: &mut Layouts,
) -> Result<()> {
    let rows = session.query(PARTITIONS, &[&oids], "listing partitions").await?;
    let found: Vec<u32> = rows.iter().filter_map(|row| row.get(8)).collect();
    let mut own = own(session, &found).await?;
    for row in &rows {
        let layout = layouts.entry(row.get(0)).or_default();
        let by = || native(row.get::<_, String>(1));
        let partitioning = layout
            .partitioning
            .get_or_insert_with(|| Partitioning { by: by(), partitions: Vec::new() });
        let Some(name) = row.get::<_, Option<String>>(3) else { continue };
        if row.get(7) {
            layout.notes.push(format!("partition {name} is a foreign table: it is not made"));
            continue;
        }
        let has = row.get::<_, Option<u32>>(8).and_then(|oid| own.remove(&oid)).unwrap_or_default();
        for key in &has.foreign_keys {
            let key = &key.name;
            layout.notes.push(format!("foreign key {key} of partition {name} is not copied"));
        }
        // What holds for the whole is said there.
        let own: Vec<String> =
            has.notes.iter().filter(|note| !layout.notes.contains(note)).cloned().collect();
        layout.notes.extend(own.iter().map(|note| format!("partition {name}: {note}")));
        let (late_actions, actions) = actions(&has).into_iter().partition(|a| is_late(&a.sql));
        partitioning.partitions.push(Partition {
            name: TableName { schema: row.get(2), name },
            parent: TableName {
                schema: row.get(4),
                name: row.get::<_, Option<String>>(5).unwrap_or_default(),
            },
            bounds: native(row.get::<_, Option<String>>(6).unwrap_or_default()),
            indexes: has.indexes,
            actions,
            late_actions,
        });
    }
    Ok(())
}

/// What each partition has that the table above has not.
async fn own(session: &Session, oids: &[u32]) -> Result<HashMap<u32, Layout>> {
    let mut own = Layouts::new();
    if oids.is_empty() {
        return Ok(own);
    }
    tables(session, oids, &mut own).await?;
    indexes(session, oids, Of::Partitions, &mut own).await?;
    constraints(session, oids, Of::Partitions, &mut own).await?;
    let rows = session.query(COLUMNS, &[&oids], "listing columns of partitions").await?;
    for row in &rows {
        let actions = &mut own.entry(row.get(0)).or_default().actions;
        let column: String = row.get(1);
        if row.get(2) {
            actions.push(format!("ALTER COLUMN {column} SET NOT NULL"));
        }
        match row.get::<_, Option<String>>(3).filter(|_| row.get(4)) {
            Some(default) => {
                actions.push(format!("ALTER COLUMN {column} SET DEFAULT {default}"));
            }
            None if row.get(4) => actions.push(format!("ALTER COLUMN {column} DROP DEFAULT")),
            None => {}
        }
    }
    Ok(own)
}

/// What follows ALTER TABLE to give a partition all of it but its indexes.
fn actions(layout: &Layout) -> Vec<NativeSql> {
    let quote = |name: &str| Dialect::Postgres.quote(name);
    let mut actions = layout.actions.clone();
    if !layout.primary_key.is_empty() && !actions.iter().any(|a| a.contains(" PRIMARY KEY ")) {
        let columns: Vec<String> = layout.primary_key.iter().map(|c| quote(c)).collect();
        actions.insert(0, format!("ADD PRIMARY KEY ({})", columns.join(", ")));
    }
    for check in &layout.checks {
        let name = quote(check.name.as_deref().unwrap_or_default());
        let begin = format!("ADD CONSTRAINT {name} ");
        if !actions.iter().any(|a| a.starts_with(&begin)) {
            actions.push(format!("{begin}CHECK ({})", check.condition.sql));
        }
    }
    actions.into_iter().map(native).collect()
}
