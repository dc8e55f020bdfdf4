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
    }
}
