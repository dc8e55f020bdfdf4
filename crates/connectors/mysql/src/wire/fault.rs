//! What can go wrong on a connection, and which [`Code`] it is.
//!
//! The numbers are those of the servers' own lists (MySQL 8 error reference, MariaDB error codes);
//! the code decides whether the engine retries, sets a row aside or stops.

use std::{fmt, io};

use syncline_types::{Code, Error, Flaw};

/// A failure of one command or of the connection under it.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The stream broke.
    Io(io::Error),
    /// The server refused or failed the command.
    Server { code: u16, state: String, message: String },
    /// The server said something that the protocol does not know.
    Protocol(String),
    /// No connection within the time given.
    Timeout,
    /// TLS cannot be had.
    Tls(String),
    /// A way to log in that is not supported.
    Login(String),
}

impl Fault {
    /// The server's number, when it is the server that refused.
    pub(crate) fn number(&self) -> Option<u16> {
        match self {
            Fault::Server { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// As an error met while connecting to `place`.
    pub(crate) fn connecting(self, place: &str) -> Error {
        match self {
            Fault::Timeout => Error::new(Code::Unreachable, format!("{place}: no answer in time"))
                .hint("check host, port and firewall, or raise connect_timeout"),
            Fault::Tls(why) => Error::new(Code::Tls, format!("{place}: {why}")),
            Fault::Login(why) => Error::new(Code::AuthFailed, format!("{place}: {why}")),
            Fault::Io(e) => Error::new(Code::Unreachable, format!("cannot connect to {place}"))
                .hint("check host and port, and that the server runs")
                .because(e),
            Fault::Server { code, ref message, .. } => match code {
                1044 | 1045 | 1130 | 1251 | 1524 | 1698 | 1820 | 1862 | 3118 | 3159 | 3955
                | 4151 => Error::new(Code::AuthFailed, format!("{place}: {message}"))
                    .hint("check user and password, and the host the account may come from"),
                1043 | 1158..=1161 => Error::new(Code::Unreachable, format!("{place}: {message}")),
                _ => Error::from(self).at(place),
            },
            Fault::Protocol(_) => Error::from(self).at(place),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(e: io::Error) -> Self {
        Fault::Io(e)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Io(e) => write!(f, "{e}"),
            Fault::Server { code, state, message } => write!(f, "{message} ({code}, {state})"),
            Fault::Protocol(why) | Fault::Tls(why) | Fault::Login(why) => f.write_str(why),
            Fault::Timeout => f.write_str("no answer in time"),
        }
    }
}

impl std::error::Error for Fault {}

/// The code for a number of the server, met in a command.
pub(crate) fn code_of(number: u16, message: &str) -> Code {
    match number {
        1044 | 1045 | 1142 | 1143 | 1227 | 1370 | 1371 | 1410 | 3229 => Code::NoPrivilege,
        1049 => Code::DatabaseNotFound,
        1051 | 1146 | 1932 => Code::TableNotFound,
        1054 | 1072 => Code::ColumnNotFound,
        1064 | 1052 | 1060 | 1066 | 1111 | 1222 | 1241 | 1242 | 1305 | 1582 => Code::QueryRejected,
        // Waiting helps: locks, connections, resources, a server on its way up or down.
        1040 | 1203 | 1205 | 1206 | 1213 | 1226 | 1317 | 1614 | 1615 | 1637 | 3101 | 3572 => {
            Code::Busy
        }
        1053
        | 1077..=1080
        | 1152
        | 1158..=1161
        | 1184
        | 1927
        | 2006
        | 2013
        | 2055
        | 3169
        | 4031 => Code::ConnectionLost,
        1412 => Code::TableChanged,
        1022 | 1062 | 1169 | 1586 | 1859 => Code::DuplicateKey,
        1048 | 1263 | 1364 | 3673 => Code::NotNull,
        1216 | 1217 | 1451 | 1452 | 1761 | 1762 => Code::ForeignKey,
        1369 | 1644 | 1748 | 3819 | 4025 => Code::CheckViolated,
        1153 | 1264 | 1301 | 1406 | 1416 | 1690 | 3170 => Code::OutOfRange,
        1265 | 1292 | 1366 | 1367 | 1411 | 1426 | 1525 | 3140 | 3141 | 3144 | 3156 | 3516
        | 3548 | 3617 | 3643 | 4038 | 4079 => Code::Conversion,
        1300 | 3854 | 3988 => Code::BadEncoding,
        1021 | 1114 => Code::DiskFull,
        3 | 14 | 20 | 28 | 1026 | 1030 if message.contains("28") => Code::DiskFull,
        1290 if message.contains("read-only") || message.contains("read_only") => Code::ReadOnly,
        1036 | 1792 | 1836 => Code::ReadOnly,
        _ => Code::StoreFailed,
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Io(e) => Error::new(Code::ConnectionLost, "connection lost").because(e),
            Fault::Timeout => Error::new(Code::Unreachable, "no answer in time"),
            Fault::Tls(why) => Error::new(Code::Tls, why),
            Fault::Login(why) => Error::new(Code::AuthFailed, why),
            Fault::Protocol(why) => {
                Error::new(Code::StoreFailed, format!("unexpected answer of the server: {why}"))
            }
            Fault::Server { code, message, .. } => {
                let error = Error::new(code_of(code, &message), format!("{message} ({code})"));
                let error = match code {
                    1153 | 1301 | 1406 => error.flawed(Flaw::TooLong),
                    _ => error,
                };
                match code {
                    1153 | 1301 => error.hint("raise max_allowed_packet at the server"),
                    1114 => error.hint("make room where the server keeps its data"),
                    1142 | 1143 | 1227 => error.hint("GRANT the right named to the account"),
                    1049 => error.hint("CREATE DATABASE it at the server, or name another"),
                    _ => error,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use syncline_types::ErrorKind;

    use super::*;

    #[test]
    fn kinds_decide_rightly_between_row_and_run() {
        for number in [1048, 1062, 1264, 1292, 1366, 1406, 1452, 3819, 4025] {
            assert_eq!(code_of(number, "").kind(), ErrorKind::Data, "{number}");
        }
        for number in [1040, 1205, 1213, 1053, 2013] {
            assert_eq!(code_of(number, "").kind(), ErrorKind::Transient, "{number}");
        }
        assert_eq!(code_of(1114, ""), Code::DiskFull);
        assert_eq!(code_of(1030, "Got error 28 from storage engine"), Code::DiskFull);
        assert_eq!(code_of(1290, "--read-only option"), Code::ReadOnly);
        assert_eq!(code_of(1290, "--secure-file-priv option"), Code::StoreFailed);
    }
}
