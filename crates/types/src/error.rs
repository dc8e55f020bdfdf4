//! Errors: one stable code each, with a kind that says how the engine treats it.
//!
//! A message says what happened and where (file and line; table, column, key); the hint says what
//! a person can do. [`Code`] lists every code with its kind and explanation; `syncline explain`
//! and `docs/errors.md` are made from that list. Codes are never reused.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::Flaw;

/// What a fallible function of Syncline returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How the engine treats an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The job, its options or the rights of its accounts are wrong. The run fails before or at
    /// once; exit code 2 when found before the first row.
    Config,
    /// A row is bad. It becomes a dead letter, up to the job's limit.
    Data,
    /// It may go away by itself. Retried with back-off; the run shows *waiting* and why.
    Transient,
    /// It will not go away by itself, and is not a matter of one row. The run fails.
    Permanent,
    /// Something that cannot be has happened: a defect of Syncline.
    Bug,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal, $kind:ident, $title:literal;)+) => {
        /// A stable error code. Its number never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Code {
            /// Every code, in the order of their numbers.
            pub const ALL: &'static [Code] = &[$(Code::$name,)+];

            /// The number, as in `E0207`.
            pub fn number(self) -> u16 {
                match self { $(Code::$name => $number,)+ }
            }

            /// How the engine treats errors of this code.
            pub fn kind(self) -> ErrorKind {
                match self { $(Code::$name => ErrorKind::$kind,)+ }
            }

            /// A few words that name it.
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)+ }
            }

            /// What it means and what to do, as `syncline explain` prints it.
            pub fn explanation(self) -> &'static str {
                match self { $(Code::$name => concat!($($doc, "\n"),+),)+ }
            }
        }
    };
}

codes! {
    /// A command line argument or a combination of them makes no sense.
    /// The message names the argument; `syncline COMMAND --help` lists what there is.
    Usage = 101, Config, "bad usage";
    /// A source or target is neither a URL, nor a file, nor the name of a connection.
    /// Forms: mysql://user@host/db, postgres://user@host/db, sqlite:path.db, data/file.csv, - for
    /// standard input or output. Characters such as @ or / in a password are written %40, %2F.
    BadUrl = 102, Config, "not a store";
    /// No connector of this build handles the URL's scheme or the file's extension.
    /// `syncline connectors` lists those there are.
    UnknownConnector = 103, Config, "no such connector";
    /// A key in a URL, a job file or a processor is not known.
    /// The message gives the place and the nearest known key. Unknown keys are refused because a
    /// misspelt one would otherwise be ignored without a word.
    UnknownKey = 104, Config, "unknown key";
    /// A key is known, and its value has the wrong type or is out of range.
    BadValue = 105, Config, "bad value";
    /// The job file cannot be parsed: syntax, a duplicate key, or nesting that is too deep.
    /// The message gives line and column.
    JobSyntax = 106, Config, "job file cannot be read";
    /// A password or other secret was to come from an environment variable or a file that is not
    /// there or cannot be read.
    SecretMissing = 107, Config, "secret not found";
    /// The connector cannot do what the job asks of it: it has no source, no sink, or not this mode.
    Unsupported = 108, Config, "not supported by the connector";
    /// The target has rows already and no key to tell them from new ones, so appending would
    /// double rows after a second run. Say which is meant with --write append, upsert or replace.
    WriteModeNeeded = 109, Config, "write mode needed";
    /// A processor is configured wrongly, or does not fit the columns it gets.
    BadProcessor = 110, Config, "processor does not fit";
    /// An expression cannot be parsed, or names a column that is not there, or mixes types.
    BadExpression = 111, Config, "bad expression";
    /// Columns of the source and of an existing target table do not fit: one is missing at the
    /// target, or one that the target demands is not given.
    ColumnMismatch = 112, Config, "columns do not fit the target";
    /// No table matches the patterns given.
    NothingSelected = 113, Config, "nothing to copy";
    /// A column's mapping cannot keep every value: the target's type is narrower, or means less.
    /// Values that would change are refused row by row, never changed; what is lost is said by
    /// `syncline check`. Give the column a type (--columns 'name::type'), change the target's, or
    /// say that it is meant with --allow-lossy (errors.allow_lossy in a job file).
    LossyMapping = 114, Config, "mapping loses something";

    /// The server cannot be reached. The run waits and tries again.
    /// Check host, port and network; a server that is starting is waited for.
    Unreachable = 201, Transient, "cannot connect";
    /// The server refused the account: wrong user, password, or host the account may come from.
    AuthFailed = 202, Config, "login refused";
    /// TLS could not be agreed on: a certificate that is not trusted, or a server without TLS.
    Tls = 203, Config, "TLS failed";
    /// An established connection broke. The run waits, connects anew and goes on from the last
    /// durable position.
    ConnectionLost = 204, Transient, "connection lost";
    /// The account may not do what the job needs. The message names the object and the right.
    NoPrivilege = 205, Config, "privilege missing";
    /// The database or schema in the URL does not exist.
    DatabaseNotFound = 206, Config, "no such database";
    /// A table does not exist. The message offers the nearest name.
    TableNotFound = 207, Config, "no such table";
    /// A column does not exist. The message offers the nearest name.
    ColumnNotFound = 208, Config, "no such column";
    /// The server refused a query or condition given by the user.
    QueryRejected = 209, Config, "query refused";
    /// The table was dropped or altered while it was being copied.
    /// Rows written so far are kept. Start over with --fresh once it is at rest.
    TableChanged = 210, Permanent, "table changed during the run";
    /// A source file has changed since the run began, so positions in it mean nothing any more.
    /// Start over with --fresh.
    FileChanged = 211, Permanent, "file changed during the run";
    /// A file or folder does not exist.
    FileNotFound = 212, Config, "no such file";
    /// A deadlock, a lock wait that took too long, or a server too busy. Tried again.
    Busy = 213, Transient, "server busy";
    /// The server is of a version or kind that is not supported.
    ServerUnsupported = 214, Config, "server not supported";
    /// The server keeps no log from which changes could be read row by row: MySQL needs log_bin
    /// with binlog_format=ROW, PostgreSQL wal_level=logical. The hint has the statement or setting.
    NoChangeLog = 215, Config, "changes are not logged";
    /// The place in the log from which to go on is not there any more: the log was purged, or the
    /// slot dropped. What happened since is lost to the log; the tables have to be copied anew:
    /// start over with --fresh, or allow it by --when-lost resnapshot (source.when_lost).
    PositionLost = 216, Permanent, "place in the log is gone";
    /// The log does not tell which row was changed or what it was: a table without a key and
    /// without old images (PostgreSQL: REPLICA IDENTITY NOTHING or DEFAULT without a key).
    NoOldImage = 217, Config, "log does not tell which row";
    /// Another reader uses the same identity at the server: a replication slot that is active, or
    /// a server_id that another replica has.
    LogInUse = 218, Config, "log reader in use";
    /// An event of the log cannot be understood, or does not fit the table it is about. Nothing is
    /// guessed: the run stops before it.
    LogUnreadable = 219, Permanent, "log cannot be understood";
    /// The connection is gone that showed the tables as they were at a known place of the log.
    /// Rows that are still to be read come from a later moment.
    SnapshotLost = 220, Transient, "snapshot lost";

    /// A value cannot be given the target's type without changing it.
    /// Choose another type for the column (--columns 'name::type') or let such rows go to the
    /// dead letters with --max-errors.
    Conversion = 301, Data, "value does not fit the type";
    /// A row with the same key is there already.
    DuplicateKey = 302, Data, "duplicate key";
    /// NULL for a column that does not take it.
    NotNull = 303, Data, "NULL not allowed";
    /// A foreign key points to a row that is not there.
    ForeignKey = 304, Data, "foreign key violated";
    /// A check constraint, domain or trigger of the target refused the row.
    CheckViolated = 305, Data, "refused by the target's rules";
    /// A text, number or date is longer or larger than the target column takes.
    OutOfRange = 306, Data, "too long or out of range";
    /// A line or record of a file cannot be parsed. The message gives file and line.
    Malformed = 307, Data, "malformed record";
    /// Bytes are not valid in the encoding they are said to have.
    BadEncoding = 308, Data, "invalid in this encoding";
    /// A value exists in the source's type and in none of the target's: a zero date, an infinite
    /// timestamp, NUL in a text.
    NoEquivalent = 309, Data, "value without equivalent";

    /// A file is cut short or damaged: its checksum, footer or compressed stream is broken.
    Corrupt = 401, Permanent, "file damaged or cut short";
    /// The target's disk (or the state folder's) is full. Make room and start the same command
    /// again: it continues.
    DiskFull = 402, Permanent, "disk full";
    /// The target cannot be written: read-only server, file system, or folder.
    ReadOnly = 403, Config, "target is read-only";
    /// The state folder cannot be used: not there, not writable, or of a newer version.
    StateUnusable = 404, Config, "state folder unusable";
    /// The same run is at work in another process. Wait for it, or use another --state.
    InUse = 405, Config, "run in use";
    /// Another process has taken the run over; this one must not write any more.
    StaleEpoch = 406, Permanent, "run taken over";
    /// More rows were refused than the job allows. Raise --max-errors, or mend the rows:
    /// the message shows the first of them.
    TooManyErrors = 407, Permanent, "too many bad rows";
    /// The target table does not exist and --create never was given.
    TargetMissing = 408, Config, "target table missing";
    /// The run cannot continue from where it was. Start over with --fresh.
    CannotResume = 409, Permanent, "cannot continue";
    /// What was asked does not go with the state the run is in: a stopped run never resumes.
    BadTransition = 410, Config, "not possible in this state";
    /// The server or file system reported an error that Syncline does not know better.
    /// The message carries its words.
    StoreFailed = 411, Permanent, "store reported an error";
    /// A table's definition changed at the source in a way that the job does not follow by itself.
    /// Do at the target what is right, or set the job's policy for such changes, and start the
    /// same command again: it goes on behind the change.
    SchemaChangeHeld = 412, Permanent, "schema change needs a decision";
    /// The log that the source keeps for this run has grown beyond source.retention.max_bytes.
    RetentionExceeded = 413, Permanent, "source keeps too much log";

    /// The server does not know who asks: no session or token, or one that has ended.
    /// Sign in (`syncline login URL`), or give a token (SYNCLINE_TOKEN).
    NotSignedIn = 501, Config, "not signed in";
    /// The one who asks may not do this: the role or the token's scope does not reach that far.
    Forbidden = 502, Config, "not allowed";
    /// The server has nothing of that name or id.
    NotFound = 503, Config, "not found";
    /// The name is taken.
    NameTaken = 504, Config, "name is taken";
    /// Somebody else has changed it since it was read. Read it again, and decide anew.
    VersionMismatch = 505, Config, "changed in the meantime";
    /// A change must say which version it is made to: the header If-Match with the ETag that came
    /// with it.
    VersionNeeded = 506, Config, "version needed";
    /// Too much was asked in too short a time, or too many sign-ins failed. Wait, as Retry-After
    /// says.
    TooManyRequests = 507, Transient, "too many requests";
    /// What was sent is longer or deeper than the server takes.
    TooLarge = 508, Config, "request too large";
    /// The same Idempotency-Key came with another request before.
    KeyReused = 509, Config, "idempotency key used for something else";
    /// It cannot be removed as long as something refers to it; the message says what.
    StillUsed = 510, Config, "still in use";
    /// Secrets in the store cannot be read with the key the server has.
    /// Start it with the key file they were written with.
    WrongKey = 511, Config, "wrong key for the secrets";
    /// The server's administrator has not opened this file, folder or network to jobs.
    /// See the settings: file roots, and private networks.
    OutOfBounds = 512, Config, "closed to jobs";
    /// The server has an admin already; the link of its first start is used up.
    /// Another admin makes new users, and `SYNCLINE_ADMIN_TOKEN` opens a server whose admins have
    /// forgotten their passwords.
    AlreadySetUp = 513, Config, "already set up";

    /// A defect of Syncline. Please report it with the message and the command.
    Bug = 901, Bug, "defect";
}

impl Code {
    /// The code of that number, from `E0207`, `e207` or `207`.
    pub fn parse(text: &str) -> Option<Code> {
        let digits = text.trim().trim_start_matches(['E', 'e']);
        let number: u16 = digits.parse().ok()?;
        Code::ALL.iter().copied().find(|code| code.number() == number)
    }
}

/// `E0207`.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E{:04}", self.number())
    }
}

/// An error with its code, what happened and where, and what to do.
///
/// A message never contains a secret: connectors name stores by their redacted URL.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    code: Code,
    message: String,
    hint: Option<String>,
    flaw: Option<Flaw>,
    wait: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `code`; the message says what and where, in one sentence without a full stop.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, flaw: None, wait: None, source: None }
    }

    /// Something that cannot be has happened.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(Code::Bug, message)
    }

    /// Adds what a person can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says which kind of bad value it is about, where the code alone does not.
    #[must_use]
    pub fn flawed(mut self, flaw: Flaw) -> Self {
        self.flaw = Some(flaw);
        self
    }

    /// Says after how long it is worth another try, where that is known.
    #[must_use]
    pub fn retry_in(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// Adds the error behind this one.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Puts where it happened before the message: `shop.orders: …`.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// How the engine treats it.
    pub fn kind(&self) -> ErrorKind {
        self.code.kind()
    }

    /// What happened and where, without the errors behind it.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What a person can do about it.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// After how long it is worth another try, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.wait
    }

    /// Which kind of bad value it is about; `None` for an error that is about no value.
    pub fn flaw(&self) -> Option<Flaw> {
        self.flaw.or(match self.code {
            Code::BadEncoding => Some(Flaw::InvalidUtf8),
            Code::OutOfRange => Some(Flaw::OutOfRange),
            Code::Conversion | Code::NoEquivalent | Code::Malformed => Some(Flaw::Other),
            _ => None,
        })
    }

    /// The message with the errors behind it, outermost first, joined by `: `. A cause whose words
    /// already stand in the message is left out.
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut source = self.source();
        while let Some(cause) = source {
            let words = cause.to_string();
            if !words.is_empty() && !text.contains(&words) {
                text.push_str(": ");
                text.push_str(&words);
            }
            source = cause.source();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_ascending() {
        let numbers: Vec<u16> = Code::ALL.iter().map(|c| c.number()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    }

    #[test]
    fn codes_are_read_as_they_are_printed() {
        for code in Code::ALL {
            assert_eq!(Code::parse(&code.to_string()), Some(*code));
        }
        assert_eq!(Code::parse("E9999"), None);
        assert_eq!(Code::parse("nonsense"), None);
    }

    #[test]
    fn chain_names_every_cause_once() {
        let inner = std::io::Error::other("connection reset");
        let error = Error::new(Code::ConnectionLost, "reading shop.orders").because(inner);
        assert_eq!(error.chain(), "reading shop.orders: connection reset");
    }
}
