//! The change log: logical replication by way of `pgoutput`, from a slot of the run's own.
//!
//! `slot` keeps what following needs at the server, `check` looks whether it can be had. `socket`
//! and `link` carry the stream, `message` takes it apart, `early` keeps what has not been committed
//! yet, `relation` finds out whose rows they are, `table` and `values` make batches of them, and
//! `reader` hands them on. `watch` finds what becomes of tables and is not in the log. `place` is where one is.
//!
//! The plugin is asked for text, not for binary values: most of PostgreSQL's types are carried in
//! their text form anyway, which the binary form would have to be turned into here, for every type
//! there is. It is also the one form that all versions send.

mod check;
mod early;
mod link;
mod message;
mod place;
mod reader;
mod relation;
mod slot;
mod socket;
mod table;
mod values;
mod watch;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use syncline_connector::{
    ChangeLog, Consistency, Follow, LogReader, Moment, Retention, Start, async_trait,
};
use syncline_sql::Dialect;
use syncline_types::{Code, Error, Position, Result, TableInfo, TableName};

use crate::catalog::{self, Relation};
use crate::connect::Session;
use crate::error;
use crate::source::PostgresSource;

use early::Early;
use link::Link;
use place::{Lsn, Surroundings};
use reader::Reader;
use relation::Tables;
use slot::{Names, Slot};

pub(crate) use socket::{BelowLoan, Lent, Loan};

/// How long a slot is waited for that a reader holds which shows no life: that of a process that
/// was cut off. The server gives it up after `wal_sender_timeout`.
const GHOST: Duration = Duration::from_secs(70);

#[async_trait]
impl ChangeLog for PostgresSource {
    async fn check_log(&self, follow: &Follow) -> Result<Vec<String>> {
        let session = self.scout().await?;
        check::check(&session, &self.names(follow), follow).await
    }

    async fn start(&self, follow: &Follow, from: &Start) -> Result<Position> {
        let names = self.names(follow);
        let session = self.scout().await?;
        let around = surroundings(&session, follow).await?;
        let found = slot::look(&session, &names.slot).await?;
        if let Some(found) = &found {
            found.check(&names.slot)?;
        }
        let at = match (found.and_then(|s| s.confirmed), from) {
            (Some(confirmed), Start::At(text)) => {
                let at = Lsn::parse(text).ok_or_else(|| not_a_place(text))?;
                if at < confirmed {
                    let message = format!(
                        "slot {} has let go of everything before {confirmed}; {at} is gone",
                        names.slot
                    );
                    return Err(slot::lost(message));
                }
                at
            }
            (Some(_), Start::Now) if !names.own_slot => end(&session).await?,
            (Some(confirmed), _) => confirmed,
            (None, Start::At(text)) => {
                let _ = Lsn::parse(text).ok_or_else(|| not_a_place(text))?;
                let message =
                    format!("there is no slot {} that keeps the log from {text} on", names.slot);
                return Err(slot::lost(message).hint(
                    "a slot keeps the log from the moment it is made: give one that was made \
                     before that place, as &slot=NAME",
                ));
            }
            (None, _) if !names.own_slot => return Err(no_slot(&names.slot)),
            (None, _) => {
                slot::publish(&session, &names, follow).await?;
                let (replication, _) = self.connect.open_replication().await?;
                slot::make(&replication, &names.slot, false, false).await?.at
            }
        };
        slot::publish(&session, &names, follow).await?;
        around.at(0, at)
    }

    async fn begin_at(&self, follow: &Follow, _parallel: usize) -> Result<(Consistency, Moment)> {
        let names = self.names(follow);
        let (around, found) = {
            let session = self.scout().await?;
            slot::publish(&session, &names, follow).await?;
            let around = surroundings(&session, follow).await?;
            (around, slot::look(&session, &names.slot).await?)
        };
        let (replication, _) = self.connect.open_replication().await?;
        let made = match &found {
            None if !names.own_slot => return Err(no_slot(&names.slot)),
            None => slot::make(&replication, &names.slot, false, true).await?,
            Some(found) => {
                found.check(&names.slot)?;
                // One for the new snapshot alone; the first goes on to hold the log.
                let sql = "SELECT pg_catalog.pg_backend_pid()";
                let answer = replication.client.simple_query(sql).await;
                let answer = answer.map_err(|e| error::of(e, "opening a snapshot"))?;
                let pid = answer.iter().find_map(|message| match message {
                    tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
                    _ => None,
                });
                let name = format!("syncline_snapshot_{}", pid.unwrap_or("0"));
                let made = slot::make(&replication, &name, true, true).await?;
                // A process that was killed may have left the server at making the slot: it may have
                // become good only behind this snapshot.
                let session = self.scout().await?;
                let holds = slot::look(&session, &names.slot).await?.and_then(|s| s.confirmed);
                if holds.is_none_or(|from| from > made.at) {
                    let text =
                        format!("slot {} does not reach back to the snapshot yet", names.slot);
                    return Err(Error::new(Code::Busy, text));
                }
                made
            }
        };
        let snapshot = made.snapshot.ok_or_else(|| {
            Error::new(Code::StoreFailed, "the server made a slot without its snapshot")
        })?;
        let consistency = self.begin_with(&snapshot).await?;
        drop(replication);
        let low = around.at(0, made.at)?;
        Ok((consistency, Moment { high: low.clone(), low }))
    }

    async fn end_of_log(&self) -> Result<Position> {
        let session = self.scout().await?;
        let system = Some(system(&session).await?);
        let around = Surroundings { system, without: BTreeMap::new() };
        around.at(0, end(&session).await?)
    }

    fn reached(&self, at: &Position, goal: &Position) -> Result<bool> {
        Ok(Surroundings::of(at)?.1 >= Surroundings::of(goal)?.1)
    }

    fn shown(&self, at: &Position) -> String {
        Surroundings::of(at).map_or_else(|_| at.token.clone(), |(_, lsn)| lsn.to_string())
    }

    async fn follow(&self, follow: &Follow, at: &Position) -> Result<Box<dyn LogReader>> {
        let names = self.names(follow);
        let (around, lsn) = Surroundings::of(at)?;
        let (version, oids) = {
            let session = self.scout().await?;
            let published = check_place(&session, &names, &around, lsn).await?;
            let oids = oids(&session, follow).await?;
            let strange = oids.values().find(|name| !published.contains(name));
            if let Some(name) = strange.filter(|_| names.own_publication) {
                let message = format!("{name} was dropped and made again while nobody read");
                return Err(Error::new(Code::TableChanged, message)
                    .hint("start over with --fresh, so that it is copied anew"));
            }
            (session.facts.version, oids)
        };
        let streams = self.connect.streams && !self.fails_early.load(Ordering::Relaxed);
        let publication = Dialect::Postgres.string(&Dialect::Postgres.quote(&names.publication));
        let command = format!(
            "START_REPLICATION SLOT \"{}\" LOGICAL {lsn} \
             ({}, publication_names {publication})",
            names.slot,
            protocol(version, streams)
        );
        // What is durable is told by `committed`; until then the slot stays where it is.
        let link = Link::start(self.connect.clone(), command, Lsn(0)).await?;
        let tables = Tables::new(self.connect.clone(), follow, names.own_publication, oids);
        let fails = streams.then(|| Arc::clone(&self.fails_early));
        let early = Early::new(follow.spill.clone(), fails);
        Ok(Box::new(Reader::new(link, early, tables, around, at, lsn)))
    }

    async fn newcomers(&self, follow: &Follow) -> Result<Vec<TableInfo>> {
        let names = self.names(follow);
        let session = self.scout().await?;
        let all = catalog::relations(&session, None, None).await?;
        let known = |relation: &Relation| follow.tables.iter().any(|t| t.name == relation.name);
        let missing = follow.tables.iter().any(|t| all.iter().all(|r| r.name != t.name));
        if missing && !names.own_publication {
            // It may have another name, which the log has still to come to.
            return Ok(Vec::new());
        }
        // A table that is followed stays in the publication whatever its name becomes.
        let published = slot::published_oids(&session, &names.publication).await?;
        let mut came = self.chosen(&session, &follow.selection, all);
        came.retain(|relation| !known(relation));
        if names.own_publication {
            came.retain(|relation| !published.contains(&relation.oid));
        }
        match came.is_empty() {
            true => Ok(Vec::new()),
            false => catalog::describe(&session, &came).await,
        }
    }

    async fn retention(&self, follow: &Follow, at: &Position) -> Result<Retention> {
        let names = self.names(follow);
        let (_, lsn) = Surroundings::of(at)?;
        let session = self.scout().await?;
        let kept = slot::look(&session, &names.slot).await?.and_then(|s| s.restart);
        let now = flushed(&session).await?;
        Ok(Retention {
            kept: kept.map(|restart| now.0.saturating_sub(restart.0)),
            unread: Some(now.0.saturating_sub(lsn.0)),
        })
    }

    fn tells_generated(&self) -> bool {
        false
    }

    async fn unfollow(&self, run: &str) -> Result<()> {
        let names = Names::of(run, &self.connect);
        let session = self.scout().await?;
        slot::remove(&session, &names).await
    }
}

impl PostgresSource {
    fn names(&self, follow: &Follow) -> Names {
        Names::of(&follow.run, &self.connect)
    }
}

/// What the plugin is asked to speak: the newest that the server has, and large transactions while
/// they go on.
fn protocol(version: u32, streams: bool) -> &'static str {
    match (version, streams) {
        (16.., true) => "proto_version '4', streaming 'on'",
        (15, true) => "proto_version '3', streaming 'on'",
        (14, true) => "proto_version '2', streaming 'on'",
        _ => "proto_version '1'",
    }
}

fn not_a_place(text: &str) -> Error {
    Error::new(Code::BadValue, format!("{text:?} is no place in a PostgreSQL log"))
        .hint("an LSN is two hexadecimal numbers, such as 16/B374D848")
}

fn no_slot(name: &str) -> Error {
    Error::new(Code::NoChangeLog, format!("there is no slot {name}"))
        .hint(format!("run: {}", slot::make_statement(name)))
}

/// What the server says when it does not stream, in the codes of a log.
fn of_slot(error: Error) -> Error {
    let words = error.message().to_owned();
    let gone = ["does not exist", "no longer", "cannot read from", "invalidated", "been removed"];
    match error.code() {
        Code::Busy if words.contains("is active") => {
            Error::new(Code::LogInUse, words).hint("end the other reader of this run")
        }
        Code::StoreFailed if gone.iter().any(|w| words.contains(w)) => slot::lost(words),
        _ => error,
    }
}

/// Up to where the log is durable.
async fn flushed(session: &Session) -> Result<Lsn> {
    let sql = "SELECT CASE WHEN pg_catalog.pg_is_in_recovery()
                      THEN pg_catalog.pg_last_wal_replay_lsn()
                      ELSE pg_catalog.pg_current_wal_flush_lsn() END::text";
    let row = session.client.query_one(sql, &[]).await;
    let row = row.map_err(|e| error::of(e, "looking for the log's end"))?;
    Lsn::of_server(row.get(0))
}

/// Behind everything that has been committed: a mark is written there, so that a reader comes by
/// even when nothing else happens any more.
async fn end(session: &Session) -> Result<Lsn> {
    let sql = "SELECT pg_catalog.pg_logical_emit_message(true, 'syncline', '')::text";
    match session.client.query_one(sql, &[]).await {
        Ok(row) => Lsn::of_server(row.get(0)),
        Err(_) => flushed(session).await,
    }
}

async fn system(session: &Session) -> Result<String> {
    let sql = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()";
    let row = session.client.query_one(sql, &[]).await;
    Ok(row.map_err(|e| error::of(e, "asking for the cluster's number"))?.get(0))
}

/// The cluster, and the columns of tables that are not wanted.
async fn surroundings(session: &Session, follow: &Follow) -> Result<Surroundings> {
    let (schemas, names) = slot::columns_of(follow);
    let sql = "SELECT n.nspname::text, c.relname::text, a.attname::text
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
         WHERE (n.nspname::text, c.relname::text) IN
           (SELECT * FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])))
           AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
         ORDER BY 1, 2, a.attnum";
    let rows = session.client.query(sql, &[&schemas, &names]).await;
    let rows = rows.map_err(|e| error::of(e, "looking columns up"))?;
    let mut without: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in &rows {
        let name = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        let column: String = row.get(2);
        let table = follow.tables.iter().find(|t| t.name == name);
        if table.is_some_and(|t| t.index_of(&column).is_none()) {
            without.entry(name.to_string()).or_default().push(column);
        }
    }
    Ok(Surroundings { system: Some(system(session).await?), without })
}

/// The tables' oids, as far as there are tables of these names now.
async fn oids(session: &Session, follow: &Follow) -> Result<HashMap<u32, TableName>> {
    let (schemas, names) = slot::columns_of(follow);
    let sql = "SELECT c.oid, n.nspname::text, c.relname::text
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE (n.nspname::text, c.relname::text) IN
           (SELECT * FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])))";
    let rows = session.client.query(sql, &[&schemas, &names]).await;
    let rows = rows.map_err(|e| error::of(e, "looking tables up"))?;
    Ok(rows
        .iter()
        .map(|r| (r.get(0), TableName::new(r.get::<_, String>(1), r.get::<_, String>(2))))
        .collect())
}

/// Whether the log can be read from there on without a gap; which tables it has.
async fn check_place(
    session: &Session,
    names: &Names,
    around: &Surroundings,
    at: Lsn,
) -> Result<BTreeSet<TableName>> {
    let here = system(session).await?;
    if around.system.as_ref().is_some_and(|system| *system != here) {
        let message = format!("{at} is a place in the log of another server than this one");
        return Err(slot::lost(message));
    }
    let found = free(session, &names.slot).await?;
    if let Some(confirmed) = found.confirmed.filter(|confirmed| at < *confirmed) {
        let message = format!(
            "the log has to be read from {at} on, and slot {} has let go of everything before \
             {confirmed}",
            names.slot
        );
        return Err(slot::lost(message));
    }
    let end = flushed(session).await?;
    if end < at {
        let message = format!("the server's log ends at {end}, before {at}: it was set back");
        return Err(slot::lost(message));
    }
    let published = slot::published(session, &names.publication).await?;
    published.ok_or_else(|| {
        let message = format!("the publication {} is gone", names.publication);
        match names.own_publication {
            true => slot::lost(message),
            false => Error::new(Code::NoChangeLog, message).hint("make it, or name another"),
        }
    })
}

/// The slot, once nobody reads it. A reader that shows signs of life is not waited for.
async fn free(session: &Session, name: &str) -> Result<Slot> {
    let begun = tokio::time::Instant::now();
    let mut heard: Option<String> = None;
    loop {
        let Some(found) = slot::look(session, name).await? else {
            return Err(slot::lost(format!("slot {name} is gone")));
        };
        found.check(name)?;
        let Some(reader) = found.reader else { return Ok(found) };
        let sql = "SELECT reply_time::text FROM pg_catalog.pg_stat_replication WHERE pid = $1";
        let row = session.client.query_opt(sql, &[&reader]).await;
        let row = row.map_err(|e| error::of(e, "looking for a slot's reader"))?;
        let now: Option<String> = row.and_then(|r| r.get(0));
        let lives = matches!((&heard, &now), (Some(before), Some(now)) if before != now);
        heard = now.or(heard);
        if lives || begun.elapsed() > GHOST {
            let message = format!("slot {name} is being read by process {reader} of the server");
            return Err(Error::new(Code::LogInUse, message).hint(format!(
                "end the other reader of this run, or run: SELECT pg_terminate_backend({reader});"
            )));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
