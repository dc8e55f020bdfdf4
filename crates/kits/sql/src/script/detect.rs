//! The dialect of a script, from marks that only one of them leaves.

use memchr::memmem;

use crate::Dialect;

/// The first line of every page that [`super::PageWriter`] makes, up to the dialect's id.
pub(crate) const PAGE_MARK: &str = "-- Syncline SQL, dialect ";

/// What the second line of such a page begins with, before the table's schema as JSON.
pub(crate) const SCHEMA_MARK: &str = "-- schema ";

/// The dialect of a script by its beginning (some kilobytes are enough), or `None` when nothing in
/// it tells.
pub fn detect(head: &[u8]) -> Option<Dialect> {
    let has = |text: &str| memmem::find(head, text.as_bytes()).is_some();
    if let Some(at) = memmem::find(head, PAGE_MARK.as_bytes()) {
        let rest = &head[at + PAGE_MARK.len()..];
        let id = rest.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        let id = std::str::from_utf8(&rest[..id]).ok().and_then(Dialect::parse);
        if id.is_some() {
            return id;
        }
    }
    let marks: [(Dialect, &[&str]); 3] = [
        (
            Dialect::Postgres,
            &["-- PostgreSQL database", "standard_conforming_strings", "pg_catalog."],
        ),
        (Dialect::Mysql, &["-- MySQL dump", "-- MariaDB dump", "/*!40", "/*!50", "/*M!"]),
        (Dialect::Sqlite, &["PRAGMA foreign_keys=", "INSERT INTO sqlite_sequence"]),
    ];
    let weaker: [(Dialect, &[&str]); 2] = [
        (Dialect::Mysql, &["CREATE TABLE `", "INSERT INTO `", ") ENGINE=", "DELIMITER "]),
        (Dialect::Postgres, &["FROM stdin;", "INSERT INTO public."]),
    ];
    marks
        .iter()
        .chain(&weaker)
        .find(|(_, texts)| texts.iter().any(|text| has(text)))
        .map(|(dialect, _)| *dialect)
        .or_else(|| by_words(head))
}

/// Words that people use in one dialect only, for scripts without any other mark.
const WORDS: [(Dialect, &[&str]); 3] = [
    (
        Dialect::Mysql,
        &[
            "auto_increment",
            "engine=",
            "engine =",
            " unsigned",
            "zerofill",
            " enum(",
            " enum (",
            " set(",
            "tinyint",
            "mediumint",
            "tinytext",
            "mediumtext",
            "longtext",
            "tinyblob",
            "mediumblob",
            "longblob",
            "datetime(",
            "character set",
            "charset",
            "set names",
            "on update current_timestamp",
            "set foreign_key_checks",
            "insert ignore",
            "`",
        ],
    ),
    (
        Dialect::Postgres,
        &[
            "serial",
            "bytea",
            "timestamptz",
            "timetz",
            "jsonb",
            "::",
            "$$",
            "with time zone",
            "without time zone",
            "as enum",
            "as identity",
            "double precision",
            "[]",
            "int4",
            "int8",
            "float8",
            "create extension",
            "create domain",
            "create type",
            "using gin",
            "using gist",
            "set search_path",
            "inherits (",
            "citext",
            "tsvector",
            "int4range",
        ],
    ),
    (Dialect::Sqlite, &["autoincrement", "without rowid", ") strict", "pragma ", "sqlite_"]),
];

/// The dialect whose words are there, when no other's are more.
fn by_words(head: &[u8]) -> Option<Dialect> {
    let text = String::from_utf8_lossy(&unquoted(head)).to_ascii_lowercase();
    let count = |words: &[&str]| words.iter().filter(|word| text.contains(**word)).count();
    let mut found: Vec<(usize, Dialect)> =
        WORDS.iter().map(|(dialect, words)| (count(words), *dialect)).collect();
    found.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    match found.as_slice() {
        [(most, dialect), (next, _), ..] if most > next => Some(*dialect),
        _ => None,
    }
}

/// The text without what stands in single quotes.
fn unquoted(head: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(head.len());
    let mut inside = false;
    for byte in head {
        if *byte == b'\'' {
            inside = !inside;
            out.push(b'\'');
        } else if !inside {
            out.push(*byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_tell_the_dialect() {
        assert_eq!(detect(b"-- Syncline SQL, dialect ansi\n/*!40101"), Some(Dialect::Ansi));
        assert_eq!(detect(b"-- MariaDB dump 10.19"), Some(Dialect::Mysql));
        assert_eq!(detect(b"SET standard_conforming_strings = on;"), Some(Dialect::Postgres));
        assert_eq!(detect(b"PRAGMA foreign_keys=OFF;\nBEGIN"), Some(Dialect::Sqlite));
        assert_eq!(detect(b"INSERT INTO t VALUES (1);"), None);
        assert_eq!(detect(b"INSERT INTO t VALUES ('auto_increment ` jsonb');"), None);
        let words = |text: &str| detect(text.as_bytes());
        assert_eq!(words("create table t (a int unsigned, e ENUM('a'))"), Some(Dialect::Mysql));
        assert_eq!(words("CREATE TABLE t (a SERIAL, b BYTEA)"), Some(Dialect::Postgres));
        assert_eq!(words("create type m as enum ('a')"), Some(Dialect::Postgres));
        assert_eq!(
            words("CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT)"),
            Some(Dialect::Sqlite)
        );
        assert_eq!(words("CREATE TABLE t (a INT, b VARCHAR(9))"), None);
    }
}
