//! Foreign keys: those of tables that a run made, added once all rows are in; those of tables that
//! were there and that no order of loading fulfils, set aside while rows are written.
//!
//! What is set aside is dropped and kept in the checkpoint table in one transaction, so that it
//! is never lost; it comes back in [`relate`], or when the run is discarded. Where rows do not
//! fulfil it, it comes back NOT VALID: new rows are held to it, and the run ends in an error that
//! names a row.

use syncline_sql::{Dialect, foreign_keys};
use syncline_types::{Code, Error, ForeignKey, ReferentialAction, Result, TableName, TableSchema};

use crate::checkpoint::Checkpoints;
use crate::connect::Session;
use crate::error;
use crate::make::{comment_constraints, comments_constraints};
use crate::types::STORE;

/// The definition of a constraint of the table, where there is one of that name, and whether the
/// rows are known to fulfil it.
async fn constraint(
    session: &Session,
    table: &TableName,
    name: &str,
) -> Result<Option<(String, bool)>> {
    let row = session
        .client
        .query_opt(
            "SELECT pg_catalog.pg_get_constraintdef(oid), convalidated \
             FROM pg_catalog.pg_constraint \
             WHERE conrelid = pg_catalog.to_regclass($1) AND conname = $2 AND contype = 'f'",
            &[&Dialect::Postgres.table(table), &name],
        )
        .await
        .map_err(|e| error::of(e, table))?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}

async fn is_partitioned(session: &Session, table: &TableName) -> Result<bool> {
    let sql =
        "SELECT relkind = 'p' FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)";
    let row = session.client.query_opt(sql, &[&Dialect::Postgres.table(table)]).await;
    Ok(row.map_err(|e| error::of(e, table))?.is_some_and(|row| row.get(0)))
}

/// Whether [`add`] has anything to do for a table that this run made.
pub(crate) fn adds(table: &TableSchema) -> bool {
    !table.foreign_keys.is_empty() || comments_constraints(table)
}

/// Adds the foreign keys of a table that this run made; those that are there stay.
pub(crate) async fn add(session: &Session, table: &TableSchema) -> Result<()> {
    for key in &table.foreign_keys {
        let named = key.name.as_str();
        if !named.is_empty() && constraint(session, &table.name, named).await?.is_some() {
            continue;
        }
        let mut said = key.clone();
        let words = said.attributes.as_ref().and_then(|a| a.of(STORE)).unwrap_or_default();
        if words.contains("ON DELETE ") {
            // They say it with the columns it is about.
            said.on_delete = ReferentialAction::NoAction;
        }
        let one = TableSchema { foreign_keys: vec![said], ..table.clone() };
        for sql in foreign_keys(Dialect::Postgres, &one) {
            if let Err(failed) = session.run(&sql, &table.name.to_string()).await {
                // The transaction has failed; the example is looked for outside of it.
                session.run("ROLLBACK", &table.name.to_string()).await?;
                return Err(explained(session, &table.name, &table.key(), key, failed).await);
            }
        }
    }
    comment_constraints(session, table).await
}

/// Drops the foreign keys, and keeps how they are made.
pub(crate) async fn set_aside(
    session: &Session,
    checkpoints: &Checkpoints,
    table: &TableName,
    keys: &[ForeignKey],
) -> Result<()> {
    let quoted = Dialect::Postgres.table(table);
    for key in keys {
        let Some((definition, _)) = constraint(session, table, &key.name).await? else { continue };
        let name = Dialect::Postgres.quote(&key.name);
        checkpoints.keep(session, &key.name, &definition).await?;
        session
            .run(&format!("ALTER TABLE {quoted} DROP CONSTRAINT {name}"), &table.to_string())
            .await
            .map_err(|e| {
                e.hint(
                    "rows of tables that refer to each other in a circle are written with the \
                     foreign key set aside, which takes the owner of the table",
                )
            })?;
    }
    Ok(())
}

/// Brings back what was set aside. The error of the first one that rows do not fulfil.
pub(crate) async fn bring_back(
    session: &Session,
    checkpoints: &Checkpoints,
    table: &TableName,
    keys: &[ForeignKey],
) -> Result<Option<Error>> {
    let quoted = Dialect::Postgres.table(table);
    let place = table.to_string();
    let mut refused = None;
    for (name, definition) in checkpoints.kept(session).await? {
        let constraint_name = Dialect::Postgres.quote(&name);
        let there = constraint(session, table, &name).await?;
        let sql = match there {
            Some((_, true)) => String::new(),
            Some((_, false)) => {
                format!("ALTER TABLE {quoted} VALIDATE CONSTRAINT {constraint_name}")
            }
            None => format!("ALTER TABLE {quoted} ADD CONSTRAINT {constraint_name} {definition}"),
        };
        session.run("SAVEPOINT k", &place).await?;
        let Err(failed) = session.run(&sql, &place).await else {
            checkpoints.let_go(session, &name).await?;
            continue;
        };
        if failed.code() != Code::ForeignKey {
            return Err(failed);
        }
        session.run("ROLLBACK TO k", &place).await?;
        let failed = match keys.iter().find(|k| k.name == name) {
            Some(key) => explained(session, table, &[], key, failed).await,
            None => failed,
        };
        if constraint(session, table, &name).await?.is_none() {
            if is_partitioned(session, table).await? {
                return Err(failed.hint(
                    "a partitioned table takes no foreign key that its rows do not fulfil, so this \
                     one stays set aside: add the missing rows at the target or mend those that \
                     refer to them, then start the same command again",
                ));
            }
            let words = definition.trim_end_matches(" NOT VALID");
            let sql =
                format!("ALTER TABLE {quoted} ADD CONSTRAINT {constraint_name} {words} NOT VALID");
            session.run(&sql, &place).await?;
        }
        refused.get_or_insert(failed);
    }
    Ok(refused)
}

/// The error of a foreign key that rows do not fulfil, with an example of them.
async fn explained(
    session: &Session,
    table: &TableName,
    row_key: &[&str],
    key: &ForeignKey,
    failed: Error,
) -> Error {
    if failed.code() != Code::ForeignKey {
        return failed;
    }
    let example = example(session, table, row_key, key).await.unwrap_or_default();
    let message = format!("foreign key {} of {table}: {}{example}", key.name, failed.message());
    Error::new(Code::ForeignKey, message).hint(
        "add the missing rows at the target or mend those that refer to them, then start the same \
         command again: it goes on",
    )
}

async fn example(
    session: &Session,
    table: &TableName,
    row_key: &[&str],
    key: &ForeignKey,
) -> Option<String> {
    if row_key.is_empty() || key.referenced.len() != key.columns.len() {
        return None;
    }
    let quote = |name: &str| Dialect::Postgres.quote(name);
    let there: Vec<String> =
        key.columns.iter().map(|c| format!("c.{} IS NOT NULL", quote(c))).collect();
    let pairs = key.columns.iter().zip(&key.referenced);
    let equal: Vec<String> =
        pairs.map(|(c, r)| format!("p.{} = c.{}", quote(r), quote(c))).collect();
    let texts: Vec<String> =
        row_key.iter().map(|k| format!("c.{}::pg_catalog.text", quote(k))).collect();
    let sql = format!(
        "SELECT pg_catalog.concat_ws(', ', {}) FROM {} c WHERE {} \
         AND NOT EXISTS (SELECT FROM {} p WHERE {}) LIMIT 1",
        texts.join(", "),
        Dialect::Postgres.table(table),
        there.join(" AND "),
        Dialect::Postgres.table(&key.references),
        equal.join(" AND "),
    );
    let row = session.client.query_opt(&sql, &[]).await.ok()??;
    let value: String = row.get(0);
    Some(format!("; for example the row with ({}) = ({value})", row_key.join(", ")))
}
