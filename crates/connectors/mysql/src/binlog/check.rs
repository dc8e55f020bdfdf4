//! Whether a server's log tells all that following needs, and what a person should know of it.

use syncline_connector::Follow;
use syncline_types::{Code, Error, ReferentialAction, Result, TableSchema};

use super::open::About;
use super::start::{End, end, files, no_log};
use crate::catalog;
use crate::native::STORE;
use crate::wire::Conn;

/// Looks at the server and at each table.
pub(crate) async fn check(conn: &mut Conn, follow: &Follow) -> Result<Vec<String>> {
    match look(conn, follow).await {
        // A statement that can be run as it stands.
        Err(error) if error.code() == Code::NoPrivilege => {
            let account = account(conn).await?;
            let hint = error.hint_text().map(|hint| hint.replace("the account", &account));
            Err(match hint {
                Some(hint) => error.hint(hint),
                None => error,
            })
        }
        looked => looked,
    }
}

/// The account as statements name it: `'sync'@'%'`.
async fn account(conn: &mut Conn) -> Result<String> {
    let rows = conn.query("SELECT CURRENT_USER()").await?;
    let text = rows.single().unwrap_or_default();
    let (user, host) = text.rsplit_once('@').unwrap_or((text, "%"));
    let quoted = |text: &str| syncline_sql::Dialect::Mysql.string(text);
    Ok(format!("{}@{}", quoted(user), quoted(host)))
}

async fn look(conn: &mut Conn, follow: &Follow) -> Result<Vec<String>> {
    let about = About::ask(conn).await?;
    if !about.logs {
        return Err(no_log());
    }
    let mut notes = Vec::new();
    settings(conn, &mut notes).await?;
    let end = end(conn, &about).await?;
    databases(&end, follow)?;
    register(conn, &about).await?;
    kept(conn, &mut notes).await?;
    if !about.gtids {
        notes.push(
            "the server has no GTIDs (gtid_mode=ON): following cannot go on at a replica of it"
                .into(),
        );
    }
    for table in &follow.tables {
        of_table(table, follow, &mut notes)?;
        let Some(found) = catalog::table(conn, &table.name).await? else { continue };
        if !found.is_transactional() {
            notes.push(format!(
                "{}: its engine, {}, has no transactions: a snapshot of it shows no one moment",
                table.name, found.engine
            ));
        }
    }
    Ok(notes)
}

/// A global setting; nothing where the server has none of that name.
async fn setting(conn: &mut Conn, name: &str) -> Result<Option<String>> {
    let rows = conn.query(&format!("SHOW GLOBAL VARIABLES LIKE '{name}'")).await?;
    let row = rows.rows.first();
    Ok(row.and_then(|row| rows.get(row, "Value")).map(str::to_owned))
}

async fn settings(conn: &mut Conn, notes: &mut Vec<String>) -> Result<()> {
    let format = setting(conn, "binlog_format").await?.unwrap_or_else(|| "ROW".into());
    if format != "ROW" {
        let text = format!("the binary log has statements, not rows (binlog_format={format})");
        return Err(Error::new(Code::NoChangeLog, text).hint(
            "SET GLOBAL binlog_format=ROW (and in the option file); sessions that are open keep \
             the old format",
        ));
    }
    let image = setting(conn, "binlog_row_image").await?.unwrap_or_else(|| "FULL".into());
    if image != "FULL" {
        notes.push(format!(
            "binlog_row_image={image}: the log tells only some columns of changed rows; old rows \
             are not whole"
        ));
    }
    let metadata = setting(conn, "binlog_row_metadata").await?;
    if metadata.is_none_or(|m| m != "FULL") {
        notes.push(
            "the log does not name columns: they are known by their order and types (SET GLOBAL \
             binlog_row_metadata=FULL makes sure of them)"
                .into(),
        );
    }
    let partial = setting(conn, "binlog_row_value_options").await?.unwrap_or_default();
    if !partial.is_empty() {
        let text = "the log tells changes inside of JSON documents only (PARTIAL_JSON)";
        return Err(
            Error::new(Code::NoChangeLog, text).hint("SET GLOBAL binlog_row_value_options=''")
        );
    }
    Ok(())
}

/// Databases that the server leaves out of its log.
fn databases(end: &End, follow: &Follow) -> Result<()> {
    let listed = |list: &str, name: &str| list.split(',').any(|d| d.trim() == name);
    for table in &follow.tables {
        let name = table.name.schema.as_deref().unwrap_or_default();
        let left_out = !end.only.is_empty() && !listed(&end.only, name);
        if left_out || listed(&end.without, name) {
            let text = format!("database {name} is not in the binary log");
            return Err(Error::new(Code::NoChangeLog, text)
                .hint("remove binlog_do_db and binlog_ignore_db from the server's option file"));
        }
    }
    Ok(())
}

/// Whether the account may read the log: the server forgets the replica with the session.
async fn register(conn: &mut Conn, about: &About) -> Result<()> {
    let number = about.server_id ^ 0x8000_0000;
    match conn.register(number, "syncline", "").await {
        Ok(()) => Ok(()),
        Err(fault) if matches!(fault.number(), Some(1227 | 1045)) => {
            Err(Error::new(Code::NoPrivilege, format!("reading the binary log: {fault}"))
                .hint("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO the account"))
        }
        Err(fault) => Err(fault.into()),
    }
}

/// How much log there is, and for how long.
async fn kept(conn: &mut Conn, notes: &mut Vec<String>) -> Result<()> {
    let files = files(conn).await?;
    let bytes: u64 = files.iter().map(|(_, size)| size).sum();
    let seconds = match setting(conn, "binlog_expire_logs_seconds").await? {
        Some(seconds) if seconds != "0" => seconds.parse().unwrap_or(0.0),
        _ => match setting(conn, "expire_logs_days").await? {
            Some(days) => days.parse::<f64>().unwrap_or(0.0) * 86_400.0,
            None => 0.0,
        },
    };
    let how_long = match seconds > 0.0 {
        true => format!("files are removed after {:.1} days", seconds / 86_400.0),
        false => "files are kept until they are purged by hand".into(),
    };
    let first = files.first().map_or("none", |(name, _)| name);
    notes.push(format!(
        "the binary log goes back to {first} ({} files, {:.1} MB); {how_long}",
        files.len(),
        bytes as f64 / 1e6
    ));
    Ok(())
}

/// What the log does not tell of a table.
fn of_table(table: &TableSchema, follow: &Follow, notes: &mut Vec<String>) -> Result<()> {
    let versioned = table
        .options
        .as_ref()
        .and_then(|o| o.of(STORE))
        .is_some_and(|o| o.to_ascii_uppercase().contains("WITH SYSTEM VERSIONING"));
    if versioned {
        let text = format!("{}: the log of a system-versioned table tells its history", table.name);
        return Err(Error::new(Code::Unsupported, text)
            .hint("leave the table out, or copy it without following"));
    }
    for key in &table.foreign_keys {
        let acts = |action: ReferentialAction| {
            !matches!(action, ReferentialAction::NoAction | ReferentialAction::Restrict)
        };
        let followed = follow.tables.iter().any(|t| t.name == key.references);
        if acts(key.on_delete) || acts(key.on_update) {
            let also = if followed {
                "the target's own foreign key does the same"
            } else {
                "and that table is not followed"
            };
            notes.push(format!(
                "{}: rows that its foreign key to {} changes or deletes (CASCADE, SET NULL) are \
                 not in the log: {also}",
                table.name, key.references
            ));
        }
    }
    Ok(())
}

/// Bytes of the log from a place on; `None` when its file is not there.
pub(crate) fn unread(files: &[(String, u64)], file: &str, offset: u64) -> Option<u64> {
    let at = files.iter().position(|(name, _)| name == file)?;
    let rest: u64 = files[at + 1..].iter().map(|(_, size)| size).sum();
    Some(rest + files[at].1.saturating_sub(offset))
}
