//! Whether tables can be followed exactly, and the statement that mends what is in the way.

use syncline_connector::Follow;
use syncline_sql::Dialect;
use syncline_types::{Code, Error, Result, TableName, TableSchema};

use super::slot::{self, Names};
use super::table::no_old_image;
use crate::connect::Session;
use crate::error;

pub(super) async fn check(
    session: &Session,
    names: &Names,
    follow: &Follow,
) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    settings(session, names).await?;
    for table in &follow.tables {
        columns(session, table)?;
    }
    tables(session, follow, &mut notes).await?;
    publication(session, names, follow).await?;
    retention(session, names, &mut notes).await?;
    Ok(notes)
}

/// What the server has to be set to, and the account to be allowed.
async fn settings(session: &Session, names: &Names) -> Result<()> {
    let place = "checking the server's settings";
    let sql = "SELECT pg_catalog.current_setting('wal_level'),
           pg_catalog.current_setting('max_replication_slots')::int4,
           pg_catalog.current_setting('max_wal_senders')::int4,
           (SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_slots)::int4,
           (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_get_wal_senders())::int4,
           r.rolreplication OR r.rolsuper OR coalesce((
             SELECT pg_catalog.pg_has_role(current_user, p.oid, 'MEMBER')
             FROM pg_catalog.pg_roles p WHERE p.rolname = 'rds_replication'), false),
           current_user::text
         FROM pg_catalog.pg_roles r WHERE r.rolname = current_user";
    let row = session.client.query_one(sql, &[]).await.map_err(|e| error::of(e, place))?;
    let (level, slots, senders): (String, i32, i32) = (row.get(0), row.get(1), row.get(2));
    let (slots_used, senders_used): (i32, i32) = (row.get(3), row.get(4));
    let restart = |setting: &str, value: &str| {
        format!("run: ALTER SYSTEM SET {setting} = {value}; then restart the server")
    };
    if session.facts.standby {
        let message = "the server is a standby, where changes cannot be published";
        return Err(Error::new(Code::NoChangeLog, message).hint("follow the primary"));
    }
    if level != "logical" {
        let message = format!("the server's wal_level is {level}, and has to be logical");
        return Err(Error::new(Code::NoChangeLog, message).hint(restart("wal_level", "logical")));
    }
    let found = slot::look(session, &names.slot).await?;
    match &found {
        Some(found) => found.check(&names.slot)?,
        None if !names.own_slot => return Err(super::no_slot(&names.slot)),
        None if slots_used >= slots => {
            let message = format!("all {slots} replication slots of the server are taken");
            let more = (slots + 10).to_string();
            return Err(Error::new(Code::NoChangeLog, message)
                .hint(restart("max_replication_slots", &more)));
        }
        None => {}
    }
    if senders_used >= senders {
        let message = format!("all {senders} replication connections of the server are taken");
        let more = (senders + 10).to_string();
        return Err(Error::new(Code::NoChangeLog, message).hint(restart("max_wal_senders", &more)));
    }
    if !row.get::<_, bool>(5) {
        let user: String = row.get(6);
        let quoted = Dialect::Postgres.quote(&user);
        let message = format!("the account {user} may not read the server's log");
        return Err(Error::new(Code::NoPrivilege, message)
            .hint(format!("run as a superuser: ALTER ROLE {quoted} REPLICATION;")));
    }
    Ok(())
}

/// Columns that the log does not tell.
fn columns(session: &Session, table: &TableSchema) -> Result<()> {
    let generated: Vec<&str> =
        table.columns.iter().filter(|c| c.generated.is_some()).map(|c| c.name()).collect();
    if generated.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{}: the log of PostgreSQL {} does not tell generated columns ({})",
        table.name,
        session.facts.version,
        generated.join(", ")
    );
    Err(Error::new(Code::Unsupported, message)
        .hint("let the target generate them (--generated keep), or leave them out (--columns)"))
}

/// What is known of a table and of all its partitions.
const TABLES: &str = "
SELECT n.nspname::text, c.relname::text, c.relkind = 'p', c.relpersistence::text,
       ln.nspname::text, l.relname::text, l.relkind = 'p', l.relreplident::text, l.relpersistence::text,
       (SELECT pg_catalog.array_agg(a.attname::text)
        FROM pg_catalog.pg_index i, pg_catalog.pg_attribute a
        WHERE i.indrelid = l.oid AND a.attrelid = l.oid
          AND a.attnum = ANY(i.indkey::int2[]) AND i.indisvalid
          AND CASE l.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident
                                  ELSE false END),
       c.relreplident::text,
       EXISTS (SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                 AND t.typname = 'xml')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT c.oid UNION
  SELECT t.relid FROM pg_catalog.pg_partition_tree(c.oid) t WHERE c.relkind = 'p') p
JOIN pg_catalog.pg_class l ON l.oid = p.oid
JOIN pg_catalog.pg_namespace ln ON ln.oid = l.relnamespace
WHERE (n.nspname::text, c.relname::text) IN
  (SELECT * FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])))
ORDER BY 1, 2, 5, 6";

async fn tables(session: &Session, follow: &Follow, notes: &mut Vec<String>) -> Result<()> {
    let (schemas, names) = slot::columns_of(follow);
    let rows = session.client.query(TABLES, &[&schemas, &names]).await;
    let rows = rows.map_err(|e| error::of(e, "checking the tables"))?;
    let mut partitioned: Option<TableName> = None;
    for row in &rows {
        let name = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        let leaf = TableName::new(row.get::<_, String>(4), row.get::<_, String>(5));
        let Some(table) = follow.tables.iter().find(|t| t.name == name) else { continue };
        let quoted = Dialect::Postgres.table(&leaf);
        if row.get::<_, String>(8) == "u" {
            let message = format!("{leaf} is unlogged: its changes are not in the log");
            return Err(Error::new(Code::NoChangeLog, message)
                .hint(format!("run: ALTER TABLE {quoted} SET LOGGED;")));
        }
        if row.get(2) {
            if session.facts.version < 13 {
                let message = format!(
                    "{name}: PostgreSQL {} does not publish partitioned tables",
                    session.facts.version
                );
                return Err(Error::new(Code::ServerUnsupported, message)
                    .hint("follow its partitions by their names, each as a table of its own"));
            }
            if partitioned.as_ref() != Some(&name) {
                partitioned = Some(name.clone());
                notes.push(format!(
                    "{name}: the log does not tell when a single partition is truncated, \
                     attached, detached or dropped"
                ));
            }
        }
        if leaf == name && row.get(11) {
            notes.push(format!(
                "{name}: the log has xml without the encoding that its declaration names"
            ));
        }
        let whole_table: String = row.get(10);
        let identity: String = row.get(7);
        let holds_rows = !row.get::<_, bool>(6);
        if leaf != name && (whole_table == "f") != (identity == "f") && holds_rows {
            let why = format!("its partition {leaf} has another replica identity than the table");
            let other = if whole_table == "f" { leaf } else { name };
            return Err(no_old_image(&other, &why));
        }
        if holds_rows || leaf == name {
            let told: Option<Vec<String>> = row.get(9);
            identity_fits(table, &leaf, &identity, &told.unwrap_or_default())?;
        }
    }
    Ok(())
}

/// Whether the log tells which row was updated or deleted.
fn identity_fits(
    table: &TableSchema,
    leaf: &TableName,
    identity: &str,
    told: &[String],
) -> Result<()> {
    let key = table.key();
    let why = match identity {
        "f" => return Ok(()),
        _ if key.is_empty() => "it has no key, so that the log has to have whole rows".to_owned(),
        _ if key.iter().all(|k| told.iter().any(|t| t == k)) => return Ok(()),
        "n" => "its replica identity is NOTHING".to_owned(),
        _ if told.is_empty() => format!(
            "it has no primary key, and its replica identity is not the index over {}",
            key.join(", ")
        ),
        _ => format!("its replica identity does not have the key ({})", key.join(", ")),
    };
    Err(no_old_image(leaf, &why))
}

/// Whether the run's publication can be made, or the one given is right.
async fn publication(session: &Session, names: &Names, follow: &Follow) -> Result<()> {
    let place = "checking the publication";
    let tables = slot::present(session, follow).await?;
    if names.own_publication {
        if slot::published(session, &names.publication).await?.is_some() {
            return Ok(());
        }
        let (schemas, tables_) = slot::columns_of(follow);
        let sql = "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
               AND coalesce(bool_and(pg_catalog.pg_has_role(c.relowner, 'USAGE')), true)
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE (n.nspname::text, c.relname::text) IN
           (SELECT * FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])))";
        let row = session.client.query_one(sql, &[&schemas, &tables_]).await;
        if row.map_err(|e| error::of(e, place))?.get(0) {
            return Ok(());
        }
        let statement = slot::publish_statement(session, &names.publication, &tables);
        let message = "the account owns not all of the tables, or may not make a publication";
        return Err(Error::new(Code::NoPrivilege, message).hint(format!(
            "let the owner or a superuser run: {statement}; then add publication={} to the \
             source's URL",
            names.publication
        )));
    }
    let whole = if session.facts.version >= 13 { "pubviaroot" } else { "true" };
    let sql = format!(
        "SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate, {whole}
         FROM pg_catalog.pg_publication WHERE pubname = $1"
    );
    let row = session.client.query_opt(&sql, &[&names.publication]).await;
    let row = row.map_err(|e| error::of(e, place))?;
    let statement = || slot::publish_statement(session, &names.publication, &tables);
    let Some(row) = row else {
        let message = format!("there is no publication {}", names.publication);
        return Err(Error::new(Code::NoChangeLog, message).hint(format!("run: {};", statement())));
    };
    let quoted = Dialect::Postgres.quote(&names.publication);
    if !row.get::<_, bool>(0) {
        let message = format!("publication {} leaves operations out", names.publication);
        return Err(Error::new(Code::NoChangeLog, message).hint(format!(
            "run: ALTER PUBLICATION {quoted} SET (publish = 'insert, update, delete, truncate');"
        )));
    }
    if !row.get::<_, bool>(1) && tables.iter().any(|(_, partitioned)| *partitioned) {
        let message = format!("publication {} tells partitions apart", names.publication);
        return Err(Error::new(Code::NoChangeLog, message).hint(format!(
            "run: ALTER PUBLICATION {quoted} SET (publish_via_partition_root = true);"
        )));
    }
    let published = slot::published(session, &names.publication).await?.unwrap_or_default();
    for (name, _) in &tables {
        if !published.contains(name) {
            let table = Dialect::Postgres.table(name);
            let message = format!("{name} is not in publication {}", names.publication);
            return Err(Error::new(Code::NoChangeLog, message)
                .hint(format!("run: ALTER PUBLICATION {quoted} ADD TABLE {table};")));
        }
    }
    filtered(session, names, follow).await
}

/// Refuses a publication that leaves rows or columns of a table out.
async fn filtered(session: &Session, names: &Names, follow: &Follow) -> Result<()> {
    if session.facts.version < 15 {
        return Ok(());
    }
    let sql = "SELECT schemaname::text, tablename::text, attnames::text[], rowfilter
               FROM pg_catalog.pg_publication_tables WHERE pubname = $1";
    let rows = session.client.query(sql, &[&names.publication]).await;
    for row in rows.map_err(|e| error::of(e, "checking the publication"))? {
        let name = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        let Some(table) = follow.tables.iter().find(|t| t.name == name) else { continue };
        let columns: Vec<String> = row.get(2);
        let lacks = table.columns.iter().find(|c| !columns.iter().any(|n| n == c.name()));
        let what = match (lacks, row.get::<_, Option<String>>(3)) {
            (Some(column), _) => format!("its column {}", column.name()),
            (None, Some(_)) => "some of its rows".to_owned(),
            (None, None) => continue,
        };
        let message = format!("{name}: publication {} leaves {what} out", names.publication);
        return Err(Error::new(Code::NoChangeLog, message)
            .hint("use a publication of whole tables, or none, so that one is made"));
    }
    Ok(())
}

/// How much log is kept.
async fn retention(session: &Session, names: &Names, notes: &mut Vec<String>) -> Result<()> {
    let limit = match session.facts.version {
        13.. => {
            let sql = "SELECT nullif(setting, '-1')::int8 FROM pg_catalog.pg_settings
                       WHERE name = 'max_slot_wal_keep_size'";
            let row = session.client.query_one(sql, &[]).await;
            row.map_err(|e| error::of(e, "checking the log"))?.get::<_, Option<i64>>(0)
        }
        _ => None,
    };
    notes.push(match limit {
        Some(megabytes) => format!(
            "the server keeps at most {megabytes} MB of log for a reader that is behind \
             (max_slot_wal_keep_size); what is beyond is lost to it"
        ),
        None => "the server keeps its log until it has been read, whatever room that takes \
                 (max_slot_wal_keep_size is not set)"
            .to_owned(),
    });
    if let Some(restart) = slot::look(session, &names.slot).await?.and_then(|s| s.restart) {
        let kept = super::flushed(session).await?.0.saturating_sub(restart.0);
        notes.push(format!("slot {} holds back {kept} bytes of log", names.slot));
    }
    Ok(())
}
