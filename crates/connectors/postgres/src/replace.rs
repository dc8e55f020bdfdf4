//! The end of a replace: what was loaded beside the old table takes its place, in one transaction.
//!
//! Where the old table stands alone, the new one takes its name, with its columns, defaults,
//! constraints, indexes, owner and comment; the names of indexes, constraints and sequences are
//! those of before. Where anything else hangs on the old table (views, grants, triggers, rules,
//! policies, foreign keys, publications, partitions, inheritance, functions that name it …), that
//! table stays, and its rows are exchanged: nothing that hangs on it notices.

use syncline_connector::WriteTask;
use syncline_sql::Dialect;
use syncline_types::{Code, Error, Result, TableName, TableSchema};

use crate::catalog;
use crate::connect::Session;
use crate::error;
use crate::make::finish_table;

/// Makes the table that is loaded, like the one that it will replace: with its columns, checks and
/// primary key, so that bad rows are found while they are written.
pub(crate) async fn make_side(
    session: &Session,
    target: &TableName,
    side: &TableName,
) -> Result<()> {
    let place = format!("making the table to replace {target}");
    refuse_cascades(session, target).await?;
    let quoted = Dialect::Postgres.table(side);
    let like = Dialect::Postgres.table(target);
    let sql = format!(
        "CREATE TABLE {quoted} (LIKE {like} INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS)"
    );
    session.run(&sql, &place).await?;
    let row = session
        .client
        .query_opt(
            "SELECT pg_catalog.pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint \
             WHERE conrelid = $1::text::pg_catalog.regclass AND contype = 'p'",
            &[&like],
        )
        .await
        .map_err(|e| error::of(e, &place))?;
    if let Some(row) = row {
        let definition: String = row.get(0);
        session.run(&format!("ALTER TABLE {quoted} ADD {definition}"), &place).await?;
    }
    Ok(())
}

/// Emptying the table must not empty or change another one.
async fn refuse_cascades(session: &Session, target: &TableName) -> Result<()> {
    let row = session
        .client
        .query_opt(
            "SELECT conrelid::pg_catalog.regclass::pg_catalog.text, conname::text \
             FROM pg_catalog.pg_constraint \
             WHERE confrelid = $1::text::pg_catalog.regclass AND contype = 'f' \
               AND confdeltype IN ('c', 'n', 'd') AND conrelid <> confrelid LIMIT 1",
            &[&Dialect::Postgres.table(target)],
        )
        .await
        .map_err(|e| error::of(e, target))?;
    let Some(row) = row else { return Ok(()) };
    let (table, name): (String, String) = (row.get(0), row.get(1));
    let message = format!(
        "{target} cannot be replaced: the foreign key {name} would delete or change rows of {table}"
    );
    Err(Error::new(Code::Unsupported, message).hint("use --write upsert"))
}

/// Puts the loaded rows in the target's place. The target may have come to be, or gone, since the
/// run began.
pub(crate) async fn swap(
    session: &Session,
    task: &WriteTask,
    target: &TableName,
    side: &TableName,
) -> Result<()> {
    let place = format!("replacing {target}");
    if catalog::target(session, side).await?.is_none() {
        let message = format!("{target}: the table loaded to replace it is gone");
        return Err(Error::new(Code::CannotResume, message).hint("start over with --fresh"));
    }
    if catalog::target(session, target).await?.is_none() {
        let mut table = TableSchema::clone(&task.definition);
        table.name = side.clone();
        finish_table(session, &table, true).await?;
        return rename(session, side, target, &place).await;
    }
    let (old, new) = (Dialect::Postgres.table(target), Dialect::Postgres.table(side));
    session.run(&format!("LOCK TABLE {old} IN ACCESS EXCLUSIVE MODE"), &place).await?;
    if task.exists && stands_alone(session, &old, &new).await? {
        exchange_tables(session, target, side, &place).await
    } else {
        exchange_rows(session, target, side, &place).await
    }
}

/// Whether dropping the table would lose nothing that [`exchange_tables`] does not make again.
async fn stands_alone(session: &Session, old: &str, new: &str) -> Result<bool> {
    const SQL: &str = "
SELECT c.relkind = 'r' AND c.relpersistence = 'p' AND NOT c.relispartition
   AND NOT c.relhasrules AND NOT c.relhastriggers AND NOT c.relrowsecurity
   AND NOT c.relforcerowsecurity AND c.relreplident = 'd' AND c.reloftype = 0
   AND c.reltablespace = 0 AND c.reloptions IS NULL AND c.relacl IS NULL AND s.relacl IS NULL
   AND c.relam = s.relam
   AND pg_catalog.pg_has_role(c.relowner, 'MEMBER')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
                   WHERE a.attrelid = c.oid AND (a.attacl IS NOT NULL
                     OR EXISTS (SELECT FROM pg_catalog.unnest(a.attoptions) o
                                WHERE o LIKE 'n\\_distinct%')))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
                   WHERE i.indrelid = c.oid AND (i.indisexclusion OR i.indisclustered
                     OR NOT i.indisvalid OR ic.reltablespace <> 0))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_seclabel l
                   WHERE l.objoid = c.oid AND l.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass)
   AND NOT EXISTS (
     SELECT FROM pg_catalog.pg_depend d
     LEFT JOIN pg_catalog.pg_class dc
       ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND dc.oid = d.objid
     LEFT JOIN pg_catalog.pg_constraint k
       ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid
     WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid
       AND NOT coalesce(
         d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.deptype = 'i'
         OR d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
         OR k.conrelid = c.oid AND k.contype IN ('p', 'u', 'c', 'n')
         OR dc.relkind IN ('i', 't') OR dc.oid = c.oid
         OR dc.relkind = 'S' AND d.deptype = 'i' AND dc.relacl IS NULL, false))
   AND NOT EXISTS (
     SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_type t ON t.oid = d.refobjid
     WHERE d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
       AND t.oid IN (c.reltype, (SELECT r.typarray FROM pg_catalog.pg_type r WHERE r.oid = c.reltype))
       AND NOT (d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.deptype = 'i'))
FROM pg_catalog.pg_class c, pg_catalog.pg_class s
WHERE c.oid = $1::text::pg_catalog.regclass AND s.oid = $2::text::pg_catalog.regclass";
    let row = session.client.query_one(SQL, &[&old, &new]).await.map_err(|e| error::of(e, old))?;
    Ok(row.get(0))
}

/// The new table takes the old one's name and all that goes with it.
async fn exchange_tables(
    session: &Session,
    target: &TableName,
    side: &TableName,
    place: &str,
) -> Result<()> {
    let (old, new) = (Dialect::Postgres.table(target), Dialect::Postgres.table(side));
    let mut statements: Vec<String> = Vec::new();
    let mut names: Vec<(String, String)> = Vec::new();
    for index in indexes(session, &old, place).await? {
        let Some(name) = index.name_on(&new, names.len(), &mut statements) else {
            // An index written in a way not known here: it stays where it is.
            return exchange_rows(session, target, side, place).await;
        };
        names.push((name, index.name));
    }
    let row = session
        .client
        .query_one(
            "SELECT pg_catalog.pg_get_userbyid(relowner)::text, \
                    pg_catalog.obj_description(oid, 'pg_class') \
             FROM pg_catalog.pg_class WHERE oid = $1::text::pg_catalog.regclass",
            &[&old],
        )
        .await
        .map_err(|e| error::of(e, place))?;
    let (owner, comment): (String, Option<String>) = (row.get(0), row.get(1));
    statements.push(format!("ALTER TABLE {new} OWNER TO {}", Dialect::Postgres.quote(&owner)));
    if let Some(comment) = comment {
        let comment = Dialect::Postgres.string(&comment);
        statements.push(format!("COMMENT ON TABLE {new} IS {comment}"));
    }
    let sequences = sequences(session, target, place).await?;
    let primary = primary_key(session, &old, place).await?;
    statements.push(format!("DROP TABLE {old}"));
    for sql in statements {
        session.run(&sql, place).await?;
    }
    let schema = side.schema.as_deref().unwrap_or_default();
    for (from, to) in names {
        if from == to {
            continue;
        }
        let from = Dialect::Postgres.table(&TableName::new(schema, from));
        let to = Dialect::Postgres.quote(&to);
        session.run(&format!("ALTER INDEX {from} RENAME TO {to}"), place).await?;
    }
    if let (Some(from), Some(to)) = (primary_key(session, &new, place).await?, primary) {
        let (from, to) = (Dialect::Postgres.quote(&from), Dialect::Postgres.quote(&to));
        session.run(&format!("ALTER TABLE {new} RENAME CONSTRAINT {from} TO {to}"), place).await?;
    }
    if let Some((_, columns)) = catalog::target(session, side).await? {
        for column in columns {
            let Some(sequence) = column.sequence else { continue };
            let Some((_, to)) = sequences.iter().find(|(name, _)| *name == column.name) else {
                continue;
            };
            let sql = format!(
                "ALTER SEQUENCE {} RENAME TO {}",
                sequence.name,
                Dialect::Postgres.quote(to)
            );
            session.run(&sql, place).await?;
        }
    }
    let name = Dialect::Postgres.quote(&target.name);
    session.run(&format!("ALTER TABLE {new} RENAME TO {name}"), place).await
}

/// An index of the old table, without its primary key.
struct OldIndex {
    name: String,
    /// What stands after the name and table in its definition, where it is as expected.
    using: Option<String>,
    unique: bool,
    /// The definition of the constraint that it stands for.
    constraint: Option<String>,
    comment: Option<String>,
}

impl OldIndex {
    /// Statements that make it on another table, under a name for the time being.
    fn name_on(&self, table: &str, number: usize, statements: &mut Vec<String>) -> Option<String> {
        let name = format!("_syncline_index_{number}_{:08x}", short_hash(table));
        let quoted = Dialect::Postgres.quote(&name);
        match (&self.constraint, &self.using) {
            (Some(definition), _) => {
                statements
                    .push(format!("ALTER TABLE {table} ADD CONSTRAINT {quoted} {definition}"));
            }
            (None, Some(using)) => {
                let unique = if self.unique { "UNIQUE " } else { "" };
                statements.push(format!("CREATE {unique}INDEX {quoted} ON {table} {using}"));
            }
            (None, None) => return None,
        }
        if let Some(comment) = &self.comment {
            let comment = Dialect::Postgres.string(comment);
            let schema = table.rsplit_once(".\"").map_or("", |(schema, _)| schema);
            statements.push(format!("COMMENT ON INDEX {schema}.{quoted} IS {comment}"));
        }
        Some(name)
    }
}

fn short_hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

async fn indexes(session: &Session, old: &str, place: &str) -> Result<Vec<OldIndex>> {
    // The definition begins with words that are known, so that cutting them off is exact,
    // whatever the names contain.
    const SQL: &str = "
SELECT ic.relname::text, i.indisunique, pg_catalog.pg_get_constraintdef(k.oid),
       pg_catalog.obj_description(ic.oid, 'pg_class'),
       CASE WHEN pg_catalog.starts_with(d.def, d.head)
            THEN pg_catalog.substr(d.def, pg_catalog.length(d.head) + 1) END
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_constraint k
  ON k.conindid = i.indexrelid AND k.conrelid = c.oid AND k.contype IN ('p', 'u')
CROSS JOIN LATERAL (
  SELECT pg_catalog.pg_get_indexdef(ic.oid) AS def,
         'CREATE ' || CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END
         || pg_catalog.format('INDEX %I ON %I.%I ', ic.relname, n.nspname, c.relname) AS head) d
WHERE c.oid = $1::text::pg_catalog.regclass AND NOT i.indisprimary
ORDER BY ic.relname";
    let rows = session.client.query(SQL, &[&old]).await.map_err(|e| error::of(e, place))?;
    let index = |row: &tokio_postgres::Row| OldIndex {
        name: row.get(0),
        unique: row.get(1),
        constraint: row.get(2),
        comment: row.get(3),
        using: row.get(4),
    };
    Ok(rows.iter().map(index).collect())
}

/// The name of the table's primary key, where it has one.
pub(crate) async fn primary_key(
    session: &Session,
    table: &str,
    place: &str,
) -> Result<Option<String>> {
    let row = session
        .client
        .query_opt(
            "SELECT conname::text FROM pg_catalog.pg_constraint \
             WHERE conrelid = $1::text::pg_catalog.regclass AND contype = 'p'",
            &[&table],
        )
        .await
        .map_err(|e| error::of(e, place))?;
    Ok(row.map(|row| row.get(0)))
}

/// Columns that count up, each with the name of its sequence.
async fn sequences(
    session: &Session,
    table: &TableName,
    place: &str,
) -> Result<Vec<(String, String)>> {
    let rows = session
        .client
        .query(
            "SELECT a.attname::text, sc.relname::text FROM pg_catalog.pg_depend d \
             JOIN pg_catalog.pg_class sc ON sc.oid = d.objid AND sc.relkind = 'S' \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
             WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'i' \
               AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass \
               AND d.refobjid = $1::text::pg_catalog.regclass",
            &[&Dialect::Postgres.table(table)],
        )
        .await
        .map_err(|e| error::of(e, place))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The old table stays; its rows go, and those loaded come in.
async fn exchange_rows(
    session: &Session,
    target: &TableName,
    side: &TableName,
    place: &str,
) -> Result<()> {
    refuse_cascades(session, target).await?;
    let (old, new) = (Dialect::Postgres.table(target), Dialect::Postgres.table(side));
    let row = session
        .client
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint \
                            WHERE confrelid = c.oid AND conrelid <> c.oid AND contype = 'f'), \
                    c.relkind = 'r' \
             FROM pg_catalog.pg_class c WHERE c.oid = $1::text::pg_catalog.regclass",
            &[&old],
        )
        .await
        .map_err(|e| error::of(e, place))?;
    let (referenced, plain): (bool, bool) = (row.get(0), row.get(1));
    let only = if plain { "ONLY " } else { "" };
    // A table that foreign keys point to cannot be truncated. Where they can be, they are checked
    // once the new rows are in.
    let empty = match referenced {
        true => format!("SET CONSTRAINTS ALL DEFERRED; DELETE FROM {only}{old}"),
        false => format!("TRUNCATE {only}{old}"),
    };
    session.run(&empty, place).await?;
    let loaded = catalog::target(session, side).await?.map(|(_, columns)| columns);
    let loaded = loaded.unwrap_or_default();
    let columns = catalog::target(session, target).await?.map(|(_, columns)| columns);
    let list: Vec<String> = columns
        .unwrap_or_default()
        .iter()
        .filter(|c| !c.generated && loaded.iter().any(|l| l.name == c.name))
        .map(|c| Dialect::Postgres.quote(&c.name))
        .collect();
    let list = list.join(", ");
    let sql = match list.is_empty() {
        true => format!("INSERT INTO {old} SELECT FROM {new}"),
        false => {
            format!("INSERT INTO {old} ({list}) OVERRIDING SYSTEM VALUE SELECT {list} FROM {new}")
        }
    };
    session.run(&sql, place).await?;
    session.run(&format!("DROP TABLE {new}"), place).await
}

/// The first table of its name: it, its key and its sequences are named as if made under it.
async fn rename(
    session: &Session,
    side: &TableName,
    target: &TableName,
    place: &str,
) -> Result<()> {
    let new = Dialect::Postgres.table(side);
    // Beyond 63 bytes the server would cut the name; then the one it has will do.
    let named = |suffix: &str| Some(format!("{}_{suffix}", target.name)).filter(|n| n.len() <= 63);
    // One that was named is named as it is to be.
    let key = primary_key(session, &new, place).await?.filter(|n| n.starts_with(&side.name));
    if let (Some(from), Some(to)) = (key, named("pkey")) {
        let (from, to) = (Dialect::Postgres.quote(&from), Dialect::Postgres.quote(&to));
        session.run(&format!("ALTER TABLE {new} RENAME CONSTRAINT {from} TO {to}"), place).await?;
    }
    let schema = side.schema.as_deref().unwrap_or_default();
    for (column, sequence) in sequences(session, side, place).await? {
        let Some(to) = named(&format!("{column}_seq")) else { continue };
        let from = Dialect::Postgres.table(&TableName::new(schema, sequence));
        let to = Dialect::Postgres.quote(&to);
        session.run(&format!("ALTER SEQUENCE {from} RENAME TO {to}"), place).await?;
    }
    let to = Dialect::Postgres.quote(&target.name);
    session.run(&format!("ALTER TABLE {new} RENAME TO {to}"), place).await
}
