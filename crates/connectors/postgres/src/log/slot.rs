//! What following keeps at the server: a replication slot, which holds the log back for the run,
//! and a publication, which says whose changes go into the stream.

use std::collections::BTreeSet;

use syncline_connector::Follow;
use syncline_sql::Dialect;
use syncline_types::{Code, Error, Result, TableName};
use tokio_postgres::SimpleQueryMessage;

use super::place::Lsn;
use crate::connect::{Connect, Session};
use crate::error;

/// The slot and the publication of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) slot: String,
    pub(super) publication: String,
    /// It is made and removed by us, not given with `?slot=`.
    pub(super) own_slot: bool,
    /// It is made and removed by us, not given with `?publication=`.
    pub(super) own_publication: bool,
}

impl Names {
    pub(super) fn of(run: &str, connect: &Connect) -> Self {
        let own = own_name(run);
        Self {
            own_slot: connect.slot.is_none(),
            own_publication: connect.publication.is_none(),
            slot: connect.slot.clone().unwrap_or_else(|| own.clone()),
            publication: connect.publication.clone().unwrap_or(own),
        }
    }
}

/// A name that a slot may have: lower case letters, digits and underscores. It ends with a hash of
/// the run's name, so that runs of similar names have their own.
fn own_name(run: &str) -> String {
    // FNV-1a: the same in every version, for ever.
    let hash = run.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let legal = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let readable: String = run.chars().map(legal).take(24).collect();
    format!("syncline_{}_{:08x}", readable.trim_matches('_'), hash >> 32)
}

/// A slot as the server shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    /// It can be read by what this connector speaks, from this database.
    pub(super) fits: bool,
    /// The process that reads it.
    pub(super) reader: Option<i32>,
    /// Before it, the log may be gone.
    pub(super) restart: Option<Lsn>,
    /// Before it, nothing is sent any more.
    pub(super) confirmed: Option<Lsn>,
    /// Why it can be read no more.
    pub(super) lost: Option<String>,
}

pub(super) async fn look(session: &Session, name: &str) -> Result<Option<Slot>> {
    let lost = match session.facts.version {
        17.. => "coalesce(invalidation_reason, CASE WHEN wal_status = 'lost' THEN wal_status END)",
        16 => {
            "CASE WHEN wal_status = 'lost' THEN wal_status WHEN conflicting THEN 'conflicting' END"
        }
        13..=15 => "CASE WHEN wal_status = 'lost' THEN wal_status END",
        _ => "NULL::text",
    };
    // What is told when it is prepared is not told again when it is committed.
    let prepares = if session.facts.version >= 14 { "two_phase" } else { "false" };
    let sql = format!(
        "SELECT coalesce(plugin = 'pgoutput' AND database = pg_catalog.current_database() \
                         AND NOT temporary AND NOT {prepares}, false),
           active_pid, restart_lsn::text, confirmed_flush_lsn::text, {lost}
         FROM pg_catalog.pg_replication_slots WHERE slot_name = $1"
    );
    let row = session.client.query_opt(&sql, &[&name]).await;
    let Some(row) = row.map_err(|e| error::of(e, "looking for the slot"))? else { return Ok(None) };
    let lsn = |at: usize| row.get::<_, Option<String>>(at).as_deref().and_then(Lsn::parse);
    Ok(Some(Slot {
        fits: row.get(0),
        reader: row.get(1),
        restart: lsn(2),
        confirmed: lsn(3),
        lost: row.get(4),
    }))
}

impl Slot {
    /// Whether the log can be read with it; the error says why not.
    pub(super) fn check(&self, name: &str) -> Result<()> {
        if !self.fits {
            let message =
                format!("slot {name} is not one of pgoutput in this database, without two_phase");
            return Err(Error::new(Code::BadValue, message).hint(make_statement(name)));
        }
        if let Some(why) = &self.lost {
            let message = format!("the server has given up slot {name} ({why})");
            return Err(lost(message));
        }
        Ok(())
    }
}

/// The statement that makes a slot by hand.
pub(super) fn make_statement(name: &str) -> String {
    let name = Dialect::Postgres.string(name);
    format!("SELECT pg_create_logical_replication_slot({name}, 'pgoutput');")
}

pub(super) fn lost(message: impl Into<String>) -> Error {
    Error::new(Code::PositionLost, message)
        .hint("start over with --fresh, or allow a new snapshot by --when-lost resnapshot")
}

/// A slot that was made on a replication session.
pub(super) struct Made {
    pub(super) at: Lsn,
    /// The snapshot it exported; it can be taken up until the session does anything else.
    pub(super) snapshot: Option<String>,
}

/// Makes a slot; a temporary one goes with the session.
pub(super) async fn make(
    session: &Session,
    name: &str,
    temporary: bool,
    export: bool,
) -> Result<Made> {
    let sql = format!(
        "CREATE_REPLICATION_SLOT \"{name}\"{} LOGICAL pgoutput {}",
        if temporary { " TEMPORARY" } else { "" },
        if export { "EXPORT_SNAPSHOT" } else { "NOEXPORT_SNAPSHOT" },
    );
    let answer = session.client.simple_query(&sql).await.map_err(|e| {
        let error = error::of(e, format!("making the replication slot {name}"));
        match error.code() {
            Code::Busy => error.hint(
                "a slot begins when all transactions that were open have ended: see xact_start in \
                 pg_stat_activity; also, max_replication_slots may be reached",
            ),
            _ => error,
        }
    })?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let row = row.ok_or_else(|| Error::bug("a slot was made without a word"))?;
    Ok(Made {
        at: Lsn::of_server(row.get("consistent_point"))?,
        snapshot: row.get("snapshot_name").map(str::to_owned),
    })
}

/// The tables as a publication takes them: without those that inherit from them, which are
/// followed as tables of their own.
fn listed<'a>(tables: impl Iterator<Item = (&'a TableName, bool)>) -> String {
    let named = tables.map(|(name, partitioned)| {
        let only = if partitioned { "" } else { "ONLY " };
        format!("{only}{}", Dialect::Postgres.table(name))
    });
    named.collect::<Vec<_>>().join(", ")
}

/// The statement that makes the publication.
pub(super) fn publish_statement(
    session: &Session,
    name: &str,
    tables: &[(TableName, bool)],
) -> String {
    let whole = match session.facts.version {
        13.. => ", publish_via_partition_root = true",
        _ => "",
    };
    let tables = match tables {
        [] => String::new(),
        _ => format!(" FOR TABLE {}", listed(tables.iter().map(|(t, p)| (t, *p)))),
    };
    format!(
        "CREATE PUBLICATION {}{tables} WITH (publish = 'insert, update, delete, truncate'{whole})",
        Dialect::Postgres.quote(name)
    )
}

/// The tables of these names that there are, and whether each is partitioned.
pub(super) async fn present(session: &Session, follow: &Follow) -> Result<Vec<(TableName, bool)>> {
    let (schemas, names) = columns_of(follow);
    let sql = "SELECT n.nspname::text, c.relname::text, c.relkind = 'p'
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE (n.nspname::text, c.relname::text) IN
           (SELECT * FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])))
           AND c.relkind IN ('r', 'p')
         ORDER BY 1, 2";
    let rows = session.client.query(sql, &[&schemas, &names]).await;
    let rows = rows.map_err(|e| error::of(e, "looking tables up"))?;
    Ok(rows
        .iter()
        .map(|row| (TableName::new(row.get::<_, String>(0), row.get::<_, String>(1)), row.get(2)))
        .collect())
}

/// Schemas and names of the tables, as two parameters.
pub(super) fn columns_of(follow: &Follow) -> (Vec<String>, Vec<String>) {
    let tables = follow.tables.iter().map(|t| &t.name);
    tables.map(|name| (name.schema.clone().unwrap_or_default(), name.name.clone())).unzip()
}

/// Makes the run's publication, or adds to it the tables that it lacks.
pub(super) async fn publish(session: &Session, names: &Names, follow: &Follow) -> Result<()> {
    if !names.own_publication {
        return Ok(());
    }
    let tables = present(session, follow).await?;
    let place = "making the publication";
    let Some(published) = published(session, &names.publication).await? else {
        let sql = publish_statement(session, &names.publication, &tables);
        return session.run(&sql, place).await.map_err(|e| {
            e.hint(format!(
                "let the tables' owner or a superuser run: {sql}; then give it as &publication={}",
                names.publication
            ))
        });
    };
    let missing: Vec<_> = tables.iter().filter(|(name, _)| !published.contains(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "ALTER PUBLICATION {} ADD TABLE {}",
        Dialect::Postgres.quote(&names.publication),
        listed(missing.into_iter().map(|(t, p)| (t, *p)))
    );
    session.run(&sql, place).await
}

/// The tables of a publication, or `None` when there is none of that name.
pub(super) async fn published(
    session: &Session,
    name: &str,
) -> Result<Option<BTreeSet<TableName>>> {
    let place = "looking for the publication";
    let sql = "SELECT oid FROM pg_catalog.pg_publication WHERE pubname = $1";
    let found = session.client.query_opt(sql, &[&name]).await.map_err(|e| error::of(e, place))?;
    if found.is_none() {
        return Ok(None);
    }
    let sql = "SELECT schemaname::text, tablename::text FROM pg_catalog.pg_publication_tables
               WHERE pubname = $1";
    let rows = session.client.query(sql, &[&name]).await.map_err(|e| error::of(e, place))?;
    let names = rows.iter().map(|r| TableName::new(r.get::<_, String>(0), r.get::<_, String>(1)));
    Ok(Some(names.collect()))
}

/// The numbers of the tables that were put into a publication.
pub(super) async fn published_oids(session: &Session, name: &str) -> Result<BTreeSet<u32>> {
    let sql = "SELECT r.prrelid FROM pg_catalog.pg_publication_rel r
               JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid WHERE p.pubname = $1";
    let rows = session.client.query(sql, &[&name]).await;
    let rows = rows.map_err(|e| error::of(e, "looking for the publication"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Removes what is the run's own. A reader that was just dropped is waited for.
pub(super) async fn remove(session: &Session, names: &Names) -> Result<()> {
    if names.own_slot {
        let place = "removing the replication slot";
        let mut tries = 0;
        while look(session, &names.slot).await?.is_some() {
            let sql = "SELECT pg_catalog.pg_drop_replication_slot($1)";
            let Err(refused) = session.client.execute(sql, &[&names.slot]).await else { break };
            let refused = error::of(refused, place);
            tries += 1;
            if refused.code() != Code::Busy || tries > 50 {
                return Err(refused);
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
    if names.own_publication && published(session, &names.publication).await?.is_some() {
        let name = Dialect::Postgres.quote(&names.publication);
        let sql = format!("DROP PUBLICATION IF EXISTS {name}");
        session.run(&sql, "removing the publication").await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_legal_short_and_each_runs_own() {
        let names: Vec<String> =
            ["a", "A", "orders → shop", "", &"x".repeat(500), &"x".repeat(501)]
                .iter()
                .map(|run| own_name(run))
                .collect();
        for (at, name) in names.iter().enumerate() {
            assert!(name.len() <= 50, "{name}");
            assert!(name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')), "{name}");
            assert!(!names[..at].contains(name), "{name}");
        }
        assert_eq!(own_name("a"), own_name("a"));
    }
}
