//! What differs between dialects in quoting names and texts.

use std::fmt;

use syncline_types::{Code, Error, Result, TableName};

/// A dialect of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// MySQL and MariaDB.
    Mysql,
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
    /// The standard's own words, for any other reader.
    Ansi,
}

/// Its id.
impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl Dialect {
    /// All of them.
    pub const ALL: [Dialect; 4] =
        [Dialect::Mysql, Dialect::Postgres, Dialect::Sqlite, Dialect::Ansi];

    /// `mysql`, `postgres`, `sqlite` or `ansi`: also the connector id in a field's metadata.
    pub fn id(&self) -> &'static str {
        match self {
            Dialect::Mysql => "mysql",
            Dialect::Postgres => "postgres",
            Dialect::Sqlite => "sqlite",
            Dialect::Ansi => "ansi",
        }
    }

    /// The dialect of that id; `mariadb`, `postgresql` and `sqlite3` are taken too.
    pub fn parse(text: &str) -> Option<Dialect> {
        match text.to_ascii_lowercase().as_str() {
            "mysql" | "mariadb" => Some(Dialect::Mysql),
            "postgres" | "postgresql" => Some(Dialect::Postgres),
            "sqlite" | "sqlite3" => Some(Dialect::Sqlite),
            "ansi" => Some(Dialect::Ansi),
            _ => None,
        }
    }

    /// A name, quoted, whatever is in it. Whether the dialect can hold such a name is for
    /// [`Dialect::check_name`] to say.
    pub fn quote(&self, ident: &str) -> String {
        let mark = if *self == Dialect::Mysql { '`' } else { '"' };
        let mut out = String::with_capacity(ident.len() + 2);
        out.push(mark);
        for c in ident.chars() {
            if c == mark {
                out.push(mark);
            }
            out.push(c);
        }
        out.push(mark);
        out
    }

    /// A table's name, each part quoted: `"schema"."name"`.
    pub fn table(&self, table: &TableName) -> String {
        match &table.schema {
            Some(schema) => format!("{}.{}", self.quote(schema), self.quote(&table.name)),
            None => self.quote(&table.name),
        }
    }

    /// Whether a text can be held: PostgreSQL and the standard have no NUL in texts.
    pub fn holds(&self, text: &str) -> bool {
        match self {
            Dialect::Mysql | Dialect::Sqlite => true,
            Dialect::Postgres | Dialect::Ansi => !text.contains('\0'),
        }
    }

    /// A text as a literal. It stands for the very same text whatever `NO_BACKSLASH_ESCAPES`
    /// (unless MySQL's literal has a backslash or control character in it) or
    /// `standard_conforming_strings` say, and cannot be left from inside.
    ///
    /// For a text that is not [held](Dialect::holds), the literal contains the NUL, which servers
    /// refuse.
    pub fn string(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 2);
        self.push_string(text, &mut out);
        out
    }

    /// As [`Dialect::string`], at the end of `out`.
    pub fn push_string(&self, text: &str, out: &mut String) {
        match self {
            Dialect::Mysql => push_escaped(text, out, |c| match c {
                b'\'' => Some("''"),
                b'\\' => Some("\\\\"),
                b'\0' => Some("\\0"),
                b'\n' => Some("\\n"),
                b'\r' => Some("\\r"),
                0x1a => Some("\\Z"),
                _ => None,
            }),
            Dialect::Postgres if text.contains('\\') => {
                out.push('E');
                push_escaped(text, out, |c| match c {
                    b'\'' => Some("''"),
                    b'\\' => Some("\\\\"),
                    _ => None,
                });
            }
            Dialect::Sqlite if text.contains('\0') => {
                out.push_str("CAST(X'");
                push_hex(text.as_bytes(), out);
                out.push_str("' AS TEXT)");
            }
            _ => push_escaped(text, out, |c| (c == b'\'').then_some("''")),
        }
    }

    /// Whether a table or column can have this name.
    ///
    /// # Errors
    /// [`Code::BadValue`]: too long (PostgreSQL would cut it without a word), or with characters
    /// the dialect's names do not have.
    pub fn check_name(&self, name: &str) -> Result<()> {
        let bad = |why: &str| {
            Err(Error::new(Code::BadValue, format!("{self} takes no name {name:?}: {why}"))
                .hint("give it another name with --to (tables) or --columns (columns)"))
        };
        if name.is_empty() {
            return bad("it is empty");
        }
        if name.contains('\0') {
            return bad("it contains NUL");
        }
        match self {
            Dialect::Mysql if name.chars().count() > 64 => bad("it is longer than 64 characters"),
            Dialect::Mysql if name.ends_with(' ') => bad("it ends with a space"),
            Dialect::Mysql if name.chars().any(|c| c > '\u{ffff}') => {
                bad("it has a character beyond U+FFFF")
            }
            Dialect::Postgres if name.len() > 63 => bad("it is longer than 63 bytes"),
            _ => Ok(()),
        }
    }
}

/// Appends the text in single quotes, bytes replaced as `escape` says (ASCII ones only).
fn push_escaped(text: &str, out: &mut String, escape: impl Fn(u8) -> Option<&'static str>) {
    out.reserve(text.len() + 2);
    out.push('\'');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(instead) = escape(byte) {
            out.push_str(&text[from..at]);
            out.push_str(instead);
            from = at + 1;
        }
    }
    out.push_str(&text[from..]);
    out.push('\'');
}

/// Appends bytes as upper-case hexadecimal digits.
pub(crate) fn push_hex(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_are_read_as_they_are_given() {
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::parse(dialect.id()), Some(dialect));
        }
        assert_eq!(Dialect::parse("oracle"), None);
    }

    #[test]
    fn names_and_texts_cannot_be_left_from_inside() {
        let name = TableName::new("a`b", "c\"; DROP TABLE x; --");
        assert_eq!(Dialect::Mysql.table(&name), "`a``b`.`c\"; DROP TABLE x; --`");
        assert_eq!(Dialect::Postgres.table(&name), "\"a`b\".\"c\"\"; DROP TABLE x; --\"");
        assert_eq!(Dialect::Mysql.string("\\' OR 1=1 -- \n\0"), "'\\\\'' OR 1=1 -- \\n\\0'");
        assert_eq!(Dialect::Postgres.string("it's"), "'it''s'");
        assert_eq!(Dialect::Postgres.string("\\'"), "E'\\\\'''");
        assert_eq!(Dialect::Sqlite.string("a\0b"), "CAST(X'610062' AS TEXT)");
        assert_eq!(Dialect::Ansi.string("\\'"), "'\\'''");
    }

    #[test]
    fn names_are_refused_rather_than_cut() {
        assert!(Dialect::Postgres.check_name(&"é".repeat(31)).is_ok());
        assert!(Dialect::Postgres.check_name(&"é".repeat(32)).is_err());
        assert!(Dialect::Mysql.check_name(&"é".repeat(64)).is_ok());
        assert!(Dialect::Mysql.check_name(&"é".repeat(65)).is_err());
        assert!(Dialect::Mysql.check_name("a😀").is_err());
        assert!(Dialect::Sqlite.check_name(&"x".repeat(500)).is_ok());
        for dialect in Dialect::ALL {
            assert!(dialect.check_name("").is_err());
            assert!(dialect.check_name("a\0").is_err());
        }
    }

    proptest! {
        #[test]
        fn sqlite_reads_back_every_text_and_name(text: String, name in "[^\\x00]{1,20}") {
            let db = rusqlite::Connection::open_in_memory().unwrap();
            let (literal, ident) = (Dialect::Sqlite.string(&text), Dialect::Sqlite.quote(&name));
            let sql = format!("SELECT {literal} AS {ident}");
            let mut statement = db.prepare(&sql).unwrap();
            prop_assert_eq!(statement.column_name(0).unwrap(), name.as_str());
            let back: String = statement.query_row([], |row| row.get(0)).unwrap();
            prop_assert_eq!(back, text);
        }
    }
}
