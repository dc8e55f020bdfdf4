//! What the server and the wire say, as Syncline's codes: that decides what is retried, what
//! becomes a dead letter and what fails. Codes are those of the PostgreSQL manual, appendix A.

use std::error::Error as StdError;
use std::fmt::Display;
use std::io;

use syncline_types::{Code, Error, ErrorKind};

/// The code for an SQLSTATE. `message` tells apart what one state stands for.
fn code_of(state: &str, message: &str) -> Code {
    match state {
        "23505" => Code::DuplicateKey,
        "23502" => Code::NotNull,
        "23503" => Code::ForeignKey,
        "22001" | "22003" | "22008" | "22015" | "22026" | "54000" | "54001" => Code::OutOfRange,
        // NUL is the one valid character that PostgreSQL's texts do not have.
        "22021" if message.contains("0x00") => Code::NoEquivalent,
        "22P05" if message.contains("\\u0000") || message.contains("no equivalent") => {
            Code::NoEquivalent
        }
        "22021" => Code::BadEncoding,
        "22P05" => Code::NoEquivalent,
        "22P04" => Code::Bug,
        "3D000" | "3F000" | "57P04" => Code::DatabaseNotFound,
        "42P01" => Code::TableNotFound,
        "42703" => Code::ColumnNotFound,
        "42501" => Code::NoPrivilege,
        "25006" => Code::ReadOnly,
        "53100" => Code::DiskFull,
        "57P01" | "57P02" | "57P05" | "25P03" | "40003" => Code::ConnectionLost,
        "57P03" => Code::Unreachable,
        "57014" | "40001" | "40P01" | "55P03" | "55006" => Code::Busy,
        "XX001" | "XX002" => Code::Corrupt,
        _ => match state.get(..2).unwrap_or_default() {
            "08" => Code::ConnectionLost,
            "22" => Code::Conversion,
            // Constraints, exclusion, views with a check option, and what triggers raise.
            "23" | "44" | "P0" => Code::CheckViolated,
            "28" => Code::AuthFailed,
            "53" => Code::Busy,
            "0A" => Code::Unsupported,
            _ => Code::StoreFailed,
        },
    }
}

fn hint_of(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::AuthFailed => "check user and password, and that pg_hba.conf lets them in",
        Code::NoPrivilege => "grant the account the right, or use another account",
        Code::DiskFull => "make room on the server, then start the same command again: it goes on",
        Code::ReadOnly => "the server is a standby, or the account or database is set read-only",
        _ => return None,
    })
}

/// An error the server or the connection reported while doing what `place` names.
pub(crate) fn of(error: tokio_postgres::Error, place: impl Display) -> Error {
    if let Some(db) = error.as_db_error() {
        let code = code_of(db.code().code(), db.message());
        let mut text = format!("{place}: {}", db.message());
        if let Some(detail) = db.detail() {
            text.push_str(&format!(" ({})", clipped(detail)));
        }
        if let Some(context) = db.where_().filter(|_| code.kind() == ErrorKind::Data) {
            text.push_str(&format!(" [{}]", clipped(context)));
        }
        let result = Error::new(code, text);
        return match (db.hint(), hint_of(code)) {
            (_, Some(own)) => result.hint(own),
            (Some(theirs), None) => result.hint(theirs),
            (None, None) => result,
        };
    }
    let words = error.to_string();
    let code = if error.is_closed() || words.contains("communicating") {
        Code::ConnectionLost
    } else {
        Code::StoreFailed
    };
    Error::new(code, format!("{place}: {words}")).because(error)
}

/// An error that the server sent where no client library took it: by its state and words.
pub(crate) fn replied(
    state: &str,
    message: &str,
    detail: Option<&str>,
    hint: Option<String>,
    place: impl Display,
) -> Error {
    let code = code_of(state, message);
    let detail = detail.map(|d| format!(" ({})", clipped(d))).unwrap_or_default();
    let error = Error::new(code, format!("{place}: {message}{detail}"));
    match (hint_of(code), hint) {
        (Some(own), _) => error.hint(own),
        (None, Some(theirs)) => error.hint(theirs),
        (None, None) => error,
    }
}

/// An error while reading. With SQL of the user's in the statement, what the server does not like
/// is that SQL; without, the table is not any more what it was when the statement was made. No
/// error of a whole statement is about one row.
pub(crate) fn reading(error: tokio_postgres::Error, table: impl Display, user_sql: bool) -> Error {
    let mapped = of(error, table);
    let code = match (mapped.code(), user_sql) {
        (Code::TableNotFound | Code::ColumnNotFound | Code::QueryRejected, true) => {
            Code::QueryRejected
        }
        (Code::TableNotFound | Code::ColumnNotFound, false) => Code::TableChanged,
        (code, true) if code.kind() == ErrorKind::Data || code == Code::StoreFailed => {
            Code::QueryRejected
        }
        (code, false) if code.kind() == ErrorKind::Data => Code::StoreFailed,
        _ => return mapped,
    };
    let again = Error::new(code, mapped.message());
    match mapped.hint_text() {
        Some(hint) => again.hint(hint),
        None => again,
    }
}

/// No socket to the store at `address` could be opened.
pub(crate) fn unreachable(error: io::Error, address: &str) -> Error {
    Error::new(Code::Unreachable, format!("cannot connect to {address}: {error}"))
        .hint(UNREACHABLE)
        .because(error)
}

const UNREACHABLE: &str = "check host, port and network; a server that is starting is waited for";

/// An error while a connection was made to the store at `address`.
pub(crate) fn connecting(error: tokio_postgres::Error, address: &str) -> Error {
    if error.as_db_error().is_some() {
        return of(error, address);
    }
    let words = error.to_string();
    let transport = io_error(&error).is_some_and(|e| e.get_ref().is_none_or(|i| !is_tls(i)));
    let (code, hint) = if words.contains("TLS") && !transport {
        (Code::Tls, "see the options sslmode and sslrootcert")
    } else if words.contains("authentication") || words.contains("configuration") {
        (Code::AuthFailed, "check user and password")
    } else {
        (Code::Unreachable, UNREACHABLE)
    };
    Error::new(code, format!("cannot connect to {address}: {words}")).hint(hint).because(error)
}

fn is_tls(error: &(dyn StdError + Send + Sync + 'static)) -> bool {
    error.downcast_ref::<rustls::Error>().is_some()
        || error.downcast_ref::<rustls::pki_types::InvalidDnsNameError>().is_some()
}

fn io_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        at = error.source();
    }
    None
}

/// Details quote values; a message stays readable.
fn clipped(text: &str) -> String {
    const MOST: usize = 300;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_get_the_kind_that_decides_what_the_engine_does() {
        let kinds = [
            (ErrorKind::Data, "23505 23502 23503 23514 23P01 22001 22003 22P02 22P03 22021 P0001"),
            (ErrorKind::Transient, "57P01 57P02 57P03 08006 40001 40P01 55P03 53300 53200 57014"),
            (ErrorKind::Config, "28P01 28000 3D000 42P01 42703 42501 25006 0A000"),
            (ErrorKind::Permanent, "53100 XX001 42601 58030"),
            (ErrorKind::Bug, "22P04"),
        ];
        for (kind, states) in kinds {
            for state in states.split(' ') {
                assert_eq!(code_of(state, "").kind(), kind, "{state}");
            }
        }
        let nul = "invalid byte sequence for encoding \"UTF8\": 0x00";
        assert_eq!(code_of("22021", nul), Code::NoEquivalent);
    }
}
