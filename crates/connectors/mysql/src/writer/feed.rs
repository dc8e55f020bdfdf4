//! How rows get to the server: by LOAD DATA LOCAL, fed from memory, and by INSERT where that is not
//! allowed or something about a load is off. Every warning is an error here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use syncline_sql::Dialect;
use syncline_types::{Code, Error, ErrorKind, Flaw, Position, Result, TableName, TableSchema};

use crate::checkpoint::Checkpoint;
use crate::encode::{Form, Rows, Target};
use crate::pool::{Lease, Lent, Pool};
use crate::session::{LENIENT_MODE, WRITE_MODE};
use crate::wire::{Conn, Fault};

const SQL: Dialect = Dialect::Mysql;
/// What is gathered before it is sent.
pub(crate) const CHUNK: usize = 512 * 1024;
/// A buffer that grew beyond this for a large row is given back.
const KEEP: usize = 2 * CHUNK;

/// A connection that takes rows.
pub(crate) struct Feed {
    pub(crate) conn: Lease,
    /// LOAD DATA LOCAL is allowed, as far as is known; shared by the sink's writers.
    load: Arc<AtomicBool>,
    /// Largest statement the server takes.
    packet: usize,
    /// A transaction has been begun and not ended.
    pub(crate) in_transaction: bool,
    /// The session takes dates such as 2020-02-31.
    pub(crate) impossible: bool,
    /// The session takes an ENUM's error value, with a warning.
    lenient: bool,
    pub(crate) buffer: Vec<u8>,
}

/// Why rows did not go in.
pub(crate) enum Trouble {
    /// The statement or load is to be undone; the rest of the transaction stands.
    Undo(Error),
    /// The connection is of no use any more.
    Fatal(Error),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        match fault.number() {
            // A deadlock undoes the whole transaction.
            Some(1213) | None => Trouble::Fatal(fault.into()),
            Some(_) => Error::from(fault).into(),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Data => Trouble::Undo(error),
            _ => Trouble::Fatal(error),
        }
    }
}

/// Where rows go: a table, the columns they have there, and how each is written.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) into: &'a TableName,
    pub(crate) columns: &'a TableSchema,
    pub(crate) targets: &'a [Target],
}

impl Place<'_> {
    /// The columns, as a statement lists them.
    pub(crate) fn names(&self) -> String {
        let names: Vec<String> = self.columns.columns.iter().map(|c| SQL.quote(c.name())).collect();
        names.join(", ")
    }

    fn load(&self, duplicates: &str) -> String {
        let mut fields = Vec::with_capacity(self.targets.len());
        let mut sets = Vec::new();
        let converted = self.targets.iter().any(|target| target.convert);
        for (at, (target, column)) in self.targets.iter().zip(&self.columns.columns).enumerate() {
            let name = SQL.quote(column.name());
            if target.convert {
                fields.push(format!("@c{at}"));
                sets.push(format!("{name} = CONVERT(@c{at} USING utf8mb4)"));
            } else if converted && column.identity.is_some() {
                // Beside a SET of other columns MariaDB takes a 0 of the second row on for the
                // next number, unless the column is SET as well.
                fields.push(format!("@c{at}"));
                sets.push(format!("{name} = @c{at}"));
            } else {
                fields.push(name);
            }
        }
        let mut sql = format!(
            "LOAD DATA LOCAL INFILE 'rows' {duplicates} INTO TABLE {} CHARACTER SET binary \
             FIELDS TERMINATED BY '\\t' ENCLOSED BY '' ESCAPED BY '\\\\' \
             LINES STARTING BY '' TERMINATED BY '\\n' ({})",
            SQL.table(self.into),
            fields.join(", ")
        );
        if !sets.is_empty() {
            sql.push_str(&format!(" SET {}", sets.join(", ")));
        }
        sql
    }
}

/// What became of a load.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Loaded {
    /// Every row is in, as it was given.
    All,
    /// Something is off: it is to be undone.
    Doubtful,
    /// The server does not allow it. Nothing happened.
    Forbidden,
}

/// What a load does with a row whose key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duplicates {
    Refuse,
    Replace,
}

impl Feed {
    /// A feed over a connection of its own.
    pub(crate) async fn new(
        mut conn: Conn,
        pool: &Arc<Pool>,
        load: Arc<AtomicBool>,
    ) -> Result<Self> {
        let packet = conn.query("SELECT @@max_allowed_packet").await?;
        let packet = packet.single().and_then(|n| n.parse().ok()).unwrap_or(1 << 20);
        let conn = Lent::returning(conn, pool);
        Ok(Self {
            conn,
            load,
            packet,
            in_transaction: false,
            impossible: false,
            lenient: false,
            buffer: Vec::new(),
        })
    }

    /// Begins a transaction where there is none.
    pub(crate) async fn begin(&mut self) -> Result<()> {
        if !self.in_transaction {
            self.conn.clean = false;
            self.conn.exec("START TRANSACTION").await?;
            self.in_transaction = true;
        }
        Ok(())
    }

    /// Ends the transaction with the position the rows go up to.
    pub(crate) async fn commit(
        &mut self,
        checkpoint: &Checkpoint,
        position: &Position,
        end: bool,
    ) -> Result<()> {
        self.begin().await?;
        if let Err(error) = checkpoint.advance(&mut self.conn, position, end).await {
            // Nothing of this owner's may stay; the connection's end undoes it in any case.
            drop(self.conn.exec("ROLLBACK").await);
            self.in_transaction = false;
            return Err(error);
        }
        self.conn.exec("COMMIT").await?;
        self.in_transaction = false;
        Ok(())
    }

    /// Sets the place that [`Feed::end_step`] goes back to.
    pub(crate) async fn begin_step(&mut self, savepoint: &str) -> Result<()> {
        self.begin().await?;
        self.conn.exec(&format!("SAVEPOINT {savepoint}")).await?;
        Ok(())
    }

    /// Undoes what was done since the savepoint, where that has to be.
    pub(crate) async fn end_step(
        &mut self,
        savepoint: &str,
        done: Result<(), Trouble>,
    ) -> Result<()> {
        match done {
            Ok(()) => Ok(()),
            Err(Trouble::Undo(error)) => {
                self.conn.exec(&format!("ROLLBACK TO SAVEPOINT {savepoint}")).await?;
                Err(error)
            }
            Err(Trouble::Fatal(error)) => Err(error),
        }
    }

    /// Makes the session take what these rows have: dates such as 2020-02-31, an ENUM's error
    /// value. Only for batches that have one, so that expressions of generated columns are computed
    /// as ever.
    pub(crate) async fn allow(&mut self, rows: &Rows<'_>) -> Result<()> {
        let (impossible, lenient) = (rows.impossible, rows.has_error_values());
        if (impossible, lenient) == (self.impossible, self.lenient) {
            return Ok(());
        }
        let mode = if lenient { LENIENT_MODE } else { WRITE_MODE };
        let more = if impossible { ",ALLOW_INVALID_DATES" } else { "" };
        // All warnings are looked at then.
        let listed = if lenient { "65535" } else { "DEFAULT" };
        let sql = format!("SET SESSION sql_mode='{mode}{more}', max_error_count={listed}");
        self.conn.exec(&sql).await?;
        (self.impossible, self.lenient) = (impossible, lenient);
        Ok(())
    }

    /// Whether the session is not as others expect it.
    pub(crate) fn is_changed(&self) -> bool {
        self.impossible || self.lenient
    }

    /// Whether LOAD DATA LOCAL may be tried.
    pub(crate) fn may_load(&self) -> bool {
        self.load.load(Ordering::Relaxed)
    }

    /// Puts new rows into a table: by LOAD DATA, and where that is not sure, by INSERT. A
    /// `savepoint` was set before it.
    pub(crate) async fn fill(
        &mut self,
        place: Place<'_>,
        rows: &Rows<'_>,
        savepoint: &str,
    ) -> Result<(), Trouble> {
        if self.may_load() {
            match self.load(place, rows, Duplicates::Refuse).await? {
                Loaded::All => return Ok(()),
                Loaded::Forbidden => {}
                Loaded::Doubtful => {
                    self.conn.exec(&format!("ROLLBACK TO SAVEPOINT {savepoint}")).await?;
                }
            }
        }
        self.insert(place, rows, "").await
    }

    /// Loads rows. What was off about it is for the caller to undo.
    pub(crate) async fn load(
        &mut self,
        place: Place<'_>,
        rows: &Rows<'_>,
        duplicates: Duplicates,
    ) -> Result<Loaded, Trouble> {
        if rows.has_error_values() {
            return Ok(Loaded::Doubtful);
        }
        let replace = duplicates == Duplicates::Replace;
        match self.conn.load_begin(&place.load(if replace { "REPLACE" } else { "" })).await {
            Ok(()) => {}
            // Switched off at the server (MySQL, MariaDB), or for this client.
            Err(Fault::Server { code: 1148 | 2068 | 3948 | 3950 | 4166, .. }) => {
                self.load.store(false, Ordering::Relaxed);
                return Ok(Loaded::Forbidden);
            }
            Err(fault) => return Err(fault.into()),
        }
        let mut refused = None;
        self.buffer.clear();
        for row in 0..rows.count {
            if let Err(error) = rows.write(row, Form::Load, &mut self.buffer) {
                refused = Some(error);
                break;
            }
            if self.buffer.len() >= CHUNK {
                self.conn.load_data(&self.buffer).await?;
                self.buffer.clear();
            }
        }
        if refused.is_none() && !self.buffer.is_empty() {
            self.conn.load_data(&self.buffer).await?;
        }
        self.trim();
        // The file is ended in order even when a row was refused: the savepoint undoes it.
        let done = self.conn.load_end().await;
        if let Some(error) = refused {
            return Err(error.into());
        }
        let done = match done {
            Ok(done) => done,
            // The strict INSERT will say which row it was.
            Err(fault) => match Trouble::from(fault) {
                Trouble::Undo(_) => return Ok(Loaded::Doubtful),
                fatal => return Err(fatal),
            },
        };
        // "Records: 3  Deleted: 0  Skipped: 0  Warnings: 0", in whatever language.
        let counts: Vec<u64> = done
            .info
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|part| part.parse().ok())
            .collect();
        let right = match *counts.as_slice() {
            [all, gone, 0, 0] if all == rows.count as u64 => replace || gone == 0,
            _ => false,
        };
        let affected = replace || done.affected == rows.count as u64;
        Ok(if right && affected && done.warnings == 0 { Loaded::All } else { Loaded::Doubtful })
    }

    /// Puts rows into a table by INSERT, as many in a statement as its size allows. `behind` stands
    /// behind the values.
    pub(crate) async fn insert(
        &mut self,
        place: Place<'_>,
        rows: &Rows<'_>,
        behind: &str,
    ) -> Result<(), Trouble> {
        let head = format!("INSERT INTO {} ({}) VALUES ", SQL.table(place.into), place.names());
        self.rows(&head, rows, usize::MAX, 2 * CHUNK, behind).await
    }

    /// How large a statement is to be at most, when `bytes` are wanted.
    pub(crate) fn limit(&self, bytes: usize) -> usize {
        self.packet.saturating_sub(1024).min(bytes)
    }

    /// Runs a statement over a list of rows: several, each with at most `most` of them and of about
    /// `bytes` at most.
    pub(crate) async fn rows(
        &mut self,
        head: &str,
        rows: &Rows<'_>,
        most: usize,
        bytes: usize,
        behind: &str,
    ) -> Result<(), Trouble> {
        let limit = self.limit(bytes);
        // Each has a warning, and a statement counts 65,535 of them at most.
        let most = if rows.has_error_values() { most.min(1_000) } else { most };
        let (mut listed, mut wrong) = (0, 0);
        self.buffer.clear();
        for row in 0..rows.count {
            let before = self.buffer.len();
            if before == 0 {
                self.buffer.extend_from_slice(head.as_bytes());
            } else {
                self.buffer.push(b',');
            }
            rows.write(row, Form::Sql, &mut self.buffer)?;
            let own = rows.error_values(row);
            (listed, wrong) = (listed + 1, wrong + own);
            if before > 0 && (listed > most || self.buffer.len() + behind.len() > limit) {
                // This row opens the next statement.
                let next = self.buffer.split_off(before + 1);
                self.buffer.pop();
                self.send(behind, wrong - own).await?;
                self.buffer.extend_from_slice(head.as_bytes());
                self.buffer.extend_from_slice(&next);
                (listed, wrong) = (1, own);
            }
        }
        if !self.buffer.is_empty() {
            self.send(behind, wrong).await?;
        }
        self.trim();
        Ok(())
    }

    /// Sends the statement in the buffer. A warning is an error here: a value was changed. Only
    /// `wrong` values, the error values of an ENUM, have one each.
    pub(crate) async fn send(&mut self, behind: &str, wrong: usize) -> Result<(), Trouble> {
        self.buffer.extend_from_slice(behind.as_bytes());
        if self.buffer.len() >= self.packet {
            let text = format!(
                "a row of {} bytes is larger than the server's max_allowed_packet, {}",
                self.buffer.len(),
                self.packet
            );
            let error = Error::new(Code::OutOfRange, text).flawed(Flaw::TooLong);
            let error = error.hint("raise max_allowed_packet");
            return Err(Trouble::Undo(error));
        }
        let done = self.conn.exec_bytes(&self.buffer).await?;
        self.buffer.clear();
        if done.warnings > 0 || wrong > 0 {
            // Deprecations and remarks on replication change no value.
            const HARMLESS: [u16; 4] = [1287, 1592, 1681, 3719];
            // Data truncated for column …: what an ENUM's error value is taken with.
            const TRUNCATED: u16 = 1265;
            let warnings = self.conn.warnings().await?;
            let all = warnings.len() >= usize::from(done.warnings);
            let serious = || warnings.iter().filter(|(code, _)| !HARMLESS.contains(code));
            let expected = wrong > 0
                && all
                && serious().count() == wrong
                && serious().all(|(code, _)| *code == TRUNCATED);
            // Which one is not expected cannot be told: a row alone has few.
            let said: Vec<String> = serious()
                .take(wrong.min(8) + 1)
                .map(|(code, why)| format!("{why} ({code})"))
                .collect();
            let why = match said.is_empty() {
                _ if expected => None,
                false => Some(said.join("; ")),
                // The server may have been told to keep no texts.
                true if warnings.is_empty() => Some(format!("{} warnings", done.warnings)),
                true => None,
            };
            if let Some(why) = why {
                let text = format!("the server would change a value: {why}");
                return Err(Trouble::Undo(Error::new(Code::Conversion, text)));
            }
        }
        Ok(())
    }

    /// Runs a statement under the same rules.
    pub(crate) async fn strict(&mut self, sql: &str) -> Result<(), Trouble> {
        self.buffer.clear();
        self.buffer.extend_from_slice(sql.as_bytes());
        self.send("", 0).await
    }

    /// Gives a buffer back that a large row made large.
    fn trim(&mut self) {
        self.buffer.clear();
        if self.buffer.capacity() > KEEP {
            self.buffer = Vec::new();
        }
    }
}
