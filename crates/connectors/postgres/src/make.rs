//! Tables made at the target, as whole as their definitions are: first what they need and the
//! table itself, once the rows are in its indexes, then its comments.
//!
//! A definition that comes from PostgreSQL has *actions* among its statements: see
//! [`syncline_sql::actions`].

use syncline_connector::{WriteMode, WriteTask};
use syncline_sql::actions::{self, actions, is_late, primary_key, quoted};
use syncline_sql::{Dialect, comments, create_indexes, create_table, partitions};
use syncline_types::{Code, Error, Index, Requirement, Result, TableName, TableSchema, field};

use crate::catalog;
use crate::connect::Session;
use crate::error;
use crate::replace;
use crate::types::STORE;

/// Creates a table that is described under its final name `target`, with all that is needed
/// before rows come in.
pub(crate) async fn make_table(
    session: &Session,
    table: &TableSchema,
    target: &TableName,
) -> Result<()> {
    let place = format!("creating {target}");
    session.run("SET LOCAL check_function_bodies = off", &place).await?;
    for requirement in &table.requires {
        require(session, requirement).await?;
    }
    make_enums(session, table).await?;
    for partition in table.partitioning.iter().flat_map(|p| &p.partitions) {
        if is_taken(session, &partition.name).await? {
            let message = format!(
                "{target}: there is a table {} already, and it is none of its partitions",
                partition.name
            );
            return Err(Error::new(Code::ColumnMismatch, message)
                .hint("rename or drop it, or copy under another name: --to '{table}_copy'"));
        }
    }
    let bare = actions::bare(table);
    session.client.batch_execute(&create_table(Dialect::Postgres, &bare)).await.map_err(|e| {
        let unknown = e.code() == Some(&tokio_postgres::error::SqlState::UNDEFINED_OBJECT);
        let mapped = error::of(e, &place);
        match unknown {
            true => mapped.hint(
                "create the type, or the extension it comes from, at the target; or give the \
                 column another type: --columns 'name::text'",
            ),
            false => mapped,
        }
    })?;
    let name = Dialect::Postgres.table(&table.name);
    for action in actions(table).filter(|a| !is_late(a)) {
        if let Some(serial) = action.strip_prefix("SERIAL ") {
            make_serial(session, table, target, serial).await?;
            continue;
        }
        if let Some(words) = action.strip_prefix("SEQUENCE NAME ") {
            name_sequence(session, table, target, words).await?;
            continue;
        }
        let action = under_a_free_name(session, table, action).await?;
        session.run(&format!("ALTER TABLE {name} {action}"), &place).await?;
    }
    let compresses = session.facts.version >= 14;
    let known = |action: &&String| compresses || !action.contains(" SET COMPRESSION ");
    for action in actions::storage(table).iter().filter(known) {
        session.run(&format!("ALTER TABLE {name} {action}"), &place).await?;
    }
    for sql in partitions(Dialect::Postgres, table) {
        session.run(&sql, &place).await?;
    }
    Ok(())
}

/// Another name in the same schema.
fn beside(table: &TableName, name: &str) -> TableName {
    TableName { schema: table.schema.clone(), name: name.to_owned() }
}

/// Whether a relation of that name is there.
async fn is_taken(session: &Session, name: &TableName) -> Result<bool> {
    catalog::has_relation(session, &Dialect::Postgres.table(name)).await
}

/// The name, or one like it that no relation has.
async fn free(session: &Session, table: &TableName, name: &str) -> Result<TableName> {
    let mut found = beside(table, name);
    let mut number = 0;
    while is_taken(session, &found).await? {
        number += 1;
        let end = format!("_{number}");
        let mut cut = name.len().min(63 - end.len());
        while !name.is_char_boundary(cut) {
            cut -= 1;
        }
        found.name = format!("{}{end}", &name[..cut]);
    }
    Ok(found)
}

/// An action as it stands; a primary key whose name another relation has gets another one.
async fn under_a_free_name(session: &Session, table: &TableSchema, action: &str) -> Result<String> {
    Ok(match primary_key(action) {
        Some((key, words)) if is_taken(session, &beside(&table.name, &key)).await? => {
            format!("ADD {words}")
        }
        _ => action.to_owned(),
    })
}

async fn make_serial(
    session: &Session,
    table: &TableSchema,
    target: &TableName,
    words: &str,
) -> Result<()> {
    let (column, rest) = quoted(words);
    let (wanted, options) = quoted(rest);
    // Another table that takes numbers of it may have been made before.
    let there = beside(target, &wanted);
    let shared = stands_ready(session, &there, options).await?;
    let sequence = if shared { there } else { free(session, target, &wanted).await? };
    let (name, of) = (Dialect::Postgres.table(&sequence), Dialect::Postgres.table(&table.name));
    let column = Dialect::Postgres.quote(&column);
    let literal = Dialect::Postgres.string(&name);
    let exists = if shared { "IF NOT EXISTS " } else { "" };
    let sql = format!(
        "CREATE SEQUENCE {exists}{name} {options}; \
         ALTER TABLE {of} ALTER COLUMN {column} SET DEFAULT \
           nextval({literal}::pg_catalog.regclass); \
         ALTER SEQUENCE {name} OWNED BY {of}.{column}"
    );
    session.run(&sql, &format!("creating {target}")).await
}

/// Whether there is a sequence of that name and these options which belongs to no column.
async fn stands_ready(session: &Session, name: &TableName, options: &str) -> Result<bool> {
    const SQL: &str = "
SELECT pg_catalog.format('AS %s INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s%s',
         pg_catalog.format_type(s.seqtypid, NULL), s.seqincrement, s.seqmin, s.seqmax, s.seqstart,
         s.seqcache, CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END) = $2
FROM pg_catalog.pg_sequence s
WHERE s.seqrelid = pg_catalog.to_regclass($1)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = s.seqrelid
                  AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                  AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0)";
    let quoted = Dialect::Postgres.table(name);
    let row = session.client.query_opt(SQL, &[&quoted, &options]).await;
    let row = row.map_err(|e| error::of(e, name))?;
    Ok(row.is_some_and(|row| row.get(0)))
}

/// Gives the sequence of an identity its name, unless another relation has it.
async fn name_sequence(
    session: &Session,
    table: &TableSchema,
    target: &TableName,
    words: &str,
) -> Result<()> {
    let (column, rest) = quoted(words);
    let wanted = beside(target, &quoted(rest).0);
    if is_taken(session, &wanted).await? {
        return Ok(());
    }
    let of = Dialect::Postgres.table(&table.name);
    let found = session
        .client
        .query_one("SELECT pg_catalog.pg_get_serial_sequence($1, $2)", &[&of, &column])
        .await
        .map_err(|e| error::of(e, target))?;
    let Some(found) = found.get::<_, Option<String>>(0) else { return Ok(()) };
    let name = Dialect::Postgres.quote(&wanted.name);
    session.run(&format!("ALTER SEQUENCE {found} RENAME TO {name}"), &target.to_string()).await
}

/// Makes what a table needs, where there is none of its name.
async fn require(session: &Session, requirement: &Requirement) -> Result<()> {
    const THERE: &str = "
SELECT CASE $1::text
  WHEN 'extension' THEN EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = $3)
  WHEN 'collation' THEN EXISTS (
    SELECT FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
    WHERE n.nspname = $2 AND c.collname = $3)
  WHEN 'function' THEN EXISTS (
    SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = $2
      AND p.proname::text || '(' || pg_catalog.oidvectortypes(p.proargtypes) || ')' = $3)
  WHEN 'sequence' THEN EXISTS (
    SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $2 AND c.relname = $3)
  ELSE EXISTS (
    SELECT FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE n.nspname = $2 AND t.typname = $3) END";
    let Some(sql) = requirement.create.of(STORE) else { return Ok(()) };
    let (kind, name) = (&requirement.kind, &requirement.name);
    let schema = name.schema.as_deref().unwrap_or_default();
    let place = format!("creating {kind} {name}");
    let there = session.client.query_one(THERE, &[kind, &schema, &name.name]).await;
    if there.map_err(|e| error::of(e, &place))?.get(0) {
        return Ok(());
    }
    make_schema(session, schema).await?;
    session.run(sql, &place).await
}

/// Makes the enumerations that columns of a new table name, where they are missing.
async fn make_enums(session: &Session, table: &TableSchema) -> Result<()> {
    for column in &table.columns {
        let (Some("enum"), Some(native), Some(members)) = (
            field::logical(&column.field),
            field::native(&column.field, STORE),
            field::get(&column.field, field::MEMBERS),
        ) else {
            continue;
        };
        let there = session
            .client
            .query_one("SELECT pg_catalog.to_regtype($1) IS NOT NULL", &[&native])
            .await
            .map_err(|e| error::of(e, native))?;
        if there.get(0) {
            continue;
        }
        let members: Vec<String> = serde_json::from_str(members).unwrap_or_default();
        let members: Vec<String> = members.iter().map(|m| Dialect::Postgres.string(m)).collect();
        // Named as format_type wrote it: quoted where needed, with its schema.
        if let Some((schema, _)) = split_native(native) {
            session.run(&format!("CREATE SCHEMA IF NOT EXISTS {schema}"), native).await?;
        }
        let sql = format!("CREATE TYPE {native} AS ENUM ({})", members.join(", "));
        session.run(&sql, native).await?;
    }
    Ok(())
}

/// `"My".mood` → schema and name, as they are written.
fn split_native(native: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let at = native.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '.' && !quoted
    })?;
    Some((&native[..at.0], &native[at.0 + 1..]))
}

/// Makes the schema, where it is missing.
pub(crate) async fn make_schema(session: &Session, schema: &str) -> Result<()> {
    let there = session
        .client
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)",
            &[&schema],
        )
        .await
        .map_err(|e| error::of(e, schema))?;
    if there.get(0) {
        return Ok(());
    }
    let sql = format!("CREATE SCHEMA IF NOT EXISTS {}", Dialect::Postgres.quote(schema));
    session.run(&sql, schema).await
}

/// Secondary indexes, late actions and comments of a table that this run made; `late_key`: its
/// primary key, too.
pub(crate) async fn finish_table(
    session: &Session,
    table: &TableSchema,
    late_key: bool,
) -> Result<()> {
    let place = format!("finishing {}", table.name);
    if late_key {
        add_key(session, table).await?;
    }
    for index in &table.indexes {
        make_index(session, table, index).await?;
    }
    for partition in table.partitioning.iter().flat_map(|p| &p.partitions) {
        let part = TableSchema { name: partition.name.clone(), ..table.clone() };
        for index in &partition.indexes {
            make_index(session, &part, index).await?;
        }
        for action in partition.late_actions.iter().filter_map(|a| a.of(STORE)) {
            act_late(session, &partition.name, action).await?;
        }
    }
    for action in actions(table).filter(|a| is_late(a)) {
        act_late(session, &table.name, action).await?;
    }
    for sql in comments(Dialect::Postgres, table) {
        session.run(&sql, &place).await?;
    }
    Ok(())
}

/// Whether the primary key comes once the rows are in. Workers that load several stretches of a
/// key at a time find its index slow, and it is built from sorted keys in less than it takes to
/// keep. Where rows might have the same key, it is there from the beginning, and refuses them.
pub(crate) fn adds_key_late(task: &WriteTask) -> bool {
    task.distinct
        && !task.exists
        && task.write == WriteMode::Append
        && task.definition.partitioning.is_none()
}

/// Adds the primary key, where it was to wait for the rows.
async fn add_key(session: &Session, table: &TableSchema) -> Result<()> {
    let (name, place) =
        (Dialect::Postgres.table(&table.name), format!("the primary key of {}", table.name));
    if table.primary_key.is_empty() || replace::primary_key(session, &name, &place).await?.is_some()
    {
        return Ok(());
    }
    let key: Vec<&str> = table.primary_key.iter().map(String::as_str).collect();
    let action = match actions(table).find(|a| primary_key(a).is_some()) {
        Some(action) => under_a_free_name(session, table, action).await?,
        None => {
            let columns: Vec<String> = key.iter().map(|k| Dialect::Postgres.quote(k)).collect();
            format!("ADD PRIMARY KEY ({})", columns.join(", "))
        }
    };
    make_unique(session, table, &format!("ALTER TABLE {name} {action}"), &place, &key).await
}

/// Does what was to wait for the rows and indexes.
async fn act_late(session: &Session, table: &TableName, action: &str) -> Result<()> {
    let of_index = ["CLUSTER ON ", "REPLICA IDENTITY USING INDEX ", "COMMENT ON INDEX "]
        .iter()
        .find_map(|begin| action.strip_prefix(begin));
    if let Some(index) = of_index
        && !has_index(session, table, &quoted(index).0).await?
    {
        // The index got another name, that of the source's being taken.
        return Ok(());
    }
    let of_constraint = action.strip_prefix("COMMENT ON CONSTRAINT ");
    if let Some(constraint) = of_constraint
        && !has_constraint(session, table, &quoted(constraint).0).await?
    {
        // A foreign key comes later; see `relate`.
        return Ok(());
    }
    session.run(&actions::statement(table, action), &format!("finishing {table}")).await
}

async fn has_index(session: &Session, table: &TableName, index: &str) -> Result<bool> {
    let row = session
        .client
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c \
             ON c.oid = i.indexrelid \
             WHERE i.indrelid = pg_catalog.to_regclass($1) AND c.relname = $2)",
            &[&Dialect::Postgres.table(table), &index],
        )
        .await
        .map_err(|e| error::of(e, table))?;
    Ok(row.get(0))
}

async fn has_constraint(session: &Session, table: &TableName, name: &str) -> Result<bool> {
    let row = session
        .client
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint \
             WHERE conrelid = pg_catalog.to_regclass($1) AND conname = $2)",
            &[&Dialect::Postgres.table(table), &name],
        )
        .await
        .map_err(|e| error::of(e, table))?;
    Ok(row.get(0))
}

/// Comments on constraints that are there now.
pub(crate) async fn comment_constraints(session: &Session, table: &TableSchema) -> Result<()> {
    for action in actions(table).filter(|action| comments_constraint(action)) {
        act_late(session, &table.name, action).await?;
    }
    Ok(())
}

/// Whether [`comment_constraints`] has anything to do.
pub(crate) fn comments_constraints(table: &TableSchema) -> bool {
    actions(table).any(comments_constraint)
}

fn comments_constraint(action: &str) -> bool {
    action.starts_with("COMMENT ON CONSTRAINT ")
}

/// A name that another table's index has is not taken from it: this one gets another.
async fn make_index(session: &Session, table: &TableSchema, index: &Index) -> Result<()> {
    let place = format!("index {} of {}", index.name, table.name);
    let mut one = TableSchema { partitioning: None, ..table.clone() };
    let name = free(session, &table.name, &index.name).await?.name;
    one.indexes = vec![Index { name, ..index.clone() }];
    let plain = index.definition.is_none();
    let columns = index.parts.iter().filter(|_| plain).map(|p| p.column.as_str());
    let columns: Vec<&str> = columns.collect();
    for sql in create_indexes(Dialect::Postgres, &one)? {
        make_unique(session, table, &sql, &place, &columns).await?;
    }
    Ok(())
}

/// Makes what may be unique; where rows are in its way, they are told.
async fn make_unique(
    session: &Session,
    table: &TableSchema,
    sql: &str,
    place: &str,
    columns: &[&str],
) -> Result<()> {
    session.run("SAVEPOINT i", place).await?;
    let Err(failed) = session.run(sql, place).await else { return Ok(()) };
    if failed.code() != Code::DuplicateKey {
        return Err(failed);
    }
    session.run("ROLLBACK TO i", place).await?;
    Err(match duplicates(session, table, columns).await? {
        Some(rows) => Error::new(Code::DuplicateKey, format!("{place} is unique: {rows}")),
        None => failed,
    }
    .hint(
        "mend or delete the rows at the target, then start the same command again: it goes on; \
         or start over from a source without them",
    ))
}

/// Which rows are in the way of a unique index over plain columns.
async fn duplicates(
    session: &Session,
    table: &TableSchema,
    unique: &[&str],
) -> Result<Option<String>> {
    if unique.is_empty() {
        return Ok(None);
    }
    let quote = |name: &str| Dialect::Postgres.quote(name);
    let columns: Vec<String> = unique.iter().map(|column| quote(column)).collect();
    let key = table.key();
    let (named, row) = match key.is_empty() {
        true => ("ctid".to_owned(), "ctid::pg_catalog.text".to_owned()),
        false => {
            let texts: Vec<String> =
                key.iter().map(|k| format!("{}::pg_catalog.text", quote(k))).collect();
            (key.join(", "), format!("pg_catalog.concat_ws(', ', {})", texts.join(", ")))
        }
    };
    let texts: Vec<String> = columns.iter().map(|c| format!("{c}::pg_catalog.text")).collect();
    let there: Vec<String> = columns.iter().map(|c| format!("{c} IS NOT NULL")).collect();
    let sql = format!(
        "SELECT pg_catalog.concat_ws(', ', {}), \
                (pg_catalog.array_agg({row}))[1:3], pg_catalog.count(*) \
         FROM {} WHERE {} GROUP BY {} HAVING pg_catalog.count(*) > 1 LIMIT 3",
        texts.join(", "),
        Dialect::Postgres.table(&table.name),
        there.join(" AND "),
        columns.join(", "),
    );
    let rows = session
        .client
        .query(&sql, &[])
        .await
        .map_err(|e| error::of(e, "looking for duplicates"))?;
    let groups: Vec<String> = rows
        .iter()
        .map(|group| {
            let (value, rows, count): (String, Vec<String>, i64) =
                (group.get(0), group.get(1), group.get(2));
            let short: String = value.chars().take(100).collect();
            let rows: Vec<String> = rows.iter().map(|r| format!("({r})")).collect();
            let more = if count > 3 { ", …" } else { "" };
            format!(
                "the {count} rows with ({named}) = {}{more} have the same ({}) = ({short})",
                rows.join(", "),
                unique.join(", "),
            )
        })
        .collect();
    Ok((!groups.is_empty()).then(|| groups.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types_are_parted_outside_of_quotes() {
        assert_eq!(split_native("public.mood"), Some(("public", "mood")));
        assert_eq!(split_native("\"a.b\".\"c.d\""), Some(("\"a.b\"", "\"c.d\"")));
        assert_eq!(split_native("mood"), None);
    }
}
