//! What the statements of a script set for those after them: the current schema, how texts are
//! quoted and encoded, the time zone, the client's delimiter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use syncline_types::{Code, Error, Result, TableName};

use super::lexer::{Halt, Kind, Lex, Lexer, Rules, Token};
use crate::Dialect;

/// The encoding of texts in a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Charset {
    /// UTF-8, or ASCII.
    Utf8,
    /// MySQL's `latin1`, which is Windows-1252.
    Windows1252,
    /// ISO 8859-1.
    Latin1,
}

/// The state of the client and the server at a place in a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) rules: Rules,
    /// What ends a statement: `;`, unless MySQL's client was told otherwise.
    pub(crate) delimiter: String,
    /// Where tables without a schema lie.
    pub(crate) schema: Option<String>,
    pub(crate) charset: Charset,
    /// Seconds east of UTC that instants without an offset are in; `None` when not known.
    pub(crate) zone: Option<i32>,
    /// Its bytes were made UTF-8 before they came here, whatever encoding the script names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) decoded: bool,
    /// A dump of MariaDB.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) maria: bool,
    /// User variables that hold settings (`@OLD_SQL_MODE`).
    pub(crate) variables: BTreeMap<String, String>,
}

impl Session {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            delimiter: ";".into(),
            schema: None,
            charset: Charset::Utf8,
            zone: None,
            decoded: false,
            maria: false,
            variables: BTreeMap::new(),
        }
    }

    /// A name as the dialect understands it: PostgreSQL folds what is not quoted.
    pub(crate) fn name(&self, lexer: &Lexer<'_>, token: &Token) -> String {
        let name = lexer.string(token);
        if self.rules.dialect == Dialect::Postgres && token.kind == Kind::Word {
            name.to_lowercase()
        } else {
            name
        }
    }

    /// Whether a token can be a name.
    pub(crate) fn is_name(&self, token: &Token) -> bool {
        matches!(token.kind, Kind::Word | Kind::Name(_))
            || self.rules.dialect == Dialect::Sqlite && matches!(token.kind, Kind::Text(_))
    }

    /// A table's name, with its schema, from the next token on.
    pub(crate) fn table(&self, lexer: &mut Lexer<'_>) -> Lex<TableName> {
        let token = lexer.token()?;
        self.table_from(lexer, token)
    }

    /// A table's name whose first part is `token`.
    pub(crate) fn table_from(&self, lexer: &mut Lexer<'_>, token: Token) -> Lex<TableName> {
        let mut parts = Vec::new();
        let mut token = token;
        loop {
            if !self.is_name(&token) {
                return Err(Halt::Bad("a table's name is missing".into(), token.start));
            }
            parts.push(self.name(lexer, &token));
            if lexer.skip_space()? != Some(b'.') {
                break;
            }
            lexer.pos += 1;
            token = lexer.token()?;
        }
        let name = parts.pop().unwrap_or_default();
        Ok(TableName { schema: parts.pop().or_else(|| self.schema.clone()), name })
    }

    /// `SET …`, behind the word SET.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for an encoding that is not read.
    pub(crate) fn set(&mut self, lexer: &mut Lexer<'_>) -> Result<()> {
        let mut tokens = Vec::new();
        while let Ok(token) = lexer.token() {
            if token.kind == Kind::End {
                break;
            }
            tokens.push(token);
        }
        let comma = |t: &Token| t.kind == Kind::Punct(b',');
        for assignment in tokens.split(comma) {
            self.assign(lexer, assignment)?;
        }
        Ok(())
    }

    fn assign(&mut self, lexer: &Lexer<'_>, tokens: &[Token]) -> Result<()> {
        let skip = |t: &&Token| {
            let scope = ["SESSION", "LOCAL", "GLOBAL"].iter().any(|w| lexer.is(t, w));
            !scope && !matches!(t.kind, Kind::Punct(b':' | b'=' | b'.'))
        };
        let mut words = tokens.iter().filter(skip).map(|t| lexer.string(t));
        let Some(mut name) = words.next().map(|n| n.to_ascii_lowercase()) else { return Ok(()) };
        if matches!(name.as_str(), "@@session" | "@@local" | "@@global") {
            name = words.next().unwrap_or_default().to_ascii_lowercase();
        }
        let name = name.strip_prefix("@@").unwrap_or(&name).to_owned();
        let mut value = words.next().unwrap_or_default();
        if name == "character" && value.eq_ignore_ascii_case("set")
            || name == "time" && value.eq_ignore_ascii_case("zone")
            || value.eq_ignore_ascii_case("to")
        {
            value = words.next().unwrap_or_default();
        }
        if matches!(value.as_str(), "-" | "+") {
            value.push_str(&words.next().unwrap_or_default());
        }
        if let Some(variable) = name.strip_prefix('@') {
            match self.setting(&value.to_ascii_lowercase()) {
                Some(setting) => drop(self.variables.insert(variable.to_owned(), setting)),
                // Settings that change nothing here need not be remembered.
                None if value.starts_with("@@") => {}
                None => drop(self.variables.insert(variable.to_owned(), value)),
            }
            return Ok(());
        }
        if let Some(variable) = value.strip_prefix('@') {
            match self.variables.get(&variable.trim_start_matches('@').to_ascii_lowercase()) {
                Some(known) => value = known.clone(),
                None => return Ok(()),
            }
        }
        self.apply(&name, &value)
    }

    /// The present value of `@@name`, of those that matter here.
    fn setting(&self, name: &str) -> Option<String> {
        let mode = || {
            let quotes = self.rules.ansi_quotes.then_some("ANSI_QUOTES");
            let backslash = (!self.rules.backslash).then_some("NO_BACKSLASH_ESCAPES");
            quotes.into_iter().chain(backslash).collect::<Vec<_>>().join(",")
        };
        let charset = || match self.charset {
            Charset::Utf8 => "utf8mb4",
            Charset::Windows1252 => "latin1",
            Charset::Latin1 => "LATIN1",
        };
        Some(match name.strip_prefix("@@")? {
            "sql_mode" => mode(),
            "time_zone" => self.zone.map_or("SYSTEM".into(), offset_text),
            "character_set_client" => charset().to_owned(),
            _ => return None,
        })
    }

    fn apply(&mut self, name: &str, value: &str) -> Result<()> {
        let dialect = self.rules.dialect;
        match (dialect, name) {
            (Dialect::Mysql, "sql_mode") => {
                let modes = value.to_ascii_uppercase();
                let has = |mode: &str| modes.split(',').any(|m| m.trim() == mode);
                self.rules.backslash = !has("NO_BACKSLASH_ESCAPES");
                const QUOTING: [&str; 7] =
                    ["ANSI_QUOTES", "ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL"];
                self.rules.ansi_quotes = QUOTING.iter().any(|mode| has(mode));
            }
            (Dialect::Mysql, "time_zone") | (Dialect::Postgres, "timezone" | "time") => {
                self.zone = parse_zone(value);
            }
            (Dialect::Mysql, "names" | "character_set_client" | "character" | "charset")
                if !self.decoded =>
            {
                self.charset = match value.to_ascii_lowercase().as_str() {
                    "utf8mb4" | "utf8" | "utf8mb3" | "ascii" | "binary" | "default" => {
                        Charset::Utf8
                    }
                    "latin1" => Charset::Windows1252,
                    _ => return unreadable(value),
                };
            }
            (Dialect::Postgres, "client_encoding" | "names") if !self.decoded => {
                self.charset = match value.to_ascii_uppercase().replace(['-', '_'], "").as_str() {
                    "UTF8" | "UNICODE" | "SQLASCII" | "DEFAULT" => Charset::Utf8,
                    "LATIN1" | "ISO88591" => Charset::Latin1,
                    "WIN1252" => Charset::Windows1252,
                    _ => return unreadable(value),
                };
            }
            (Dialect::Postgres, "standard_conforming_strings") => {
                self.rules.backslash =
                    matches!(value.to_ascii_lowercase().as_str(), "off" | "false");
            }
            (Dialect::Postgres, "search_path") => self.search_path(value),
            _ => {}
        }
        Ok(())
    }

    /// The first schema of a search path is the one that is meant.
    pub(crate) fn search_path(&mut self, path: &str) {
        let first = path.split(',').next().unwrap_or_default().trim().trim_matches('"');
        self.schema = (!first.is_empty() && first != "$user").then(|| first.to_owned());
    }
}

fn unreadable(value: &str) -> Result<()> {
    Err(Error::new(Code::Unsupported, format!("the script's texts are in {value:?}")).hint(
        "name the file's encoding, as in ?charset=gbk; or make the dump in UTF-8: \
             --default-character-set=utf8mb4, or --encoding=UTF8",
    ))
}

/// Seconds east of UTC of `+02:00`, `-5`, `UTC`.
pub(crate) fn parse_zone(text: &str) -> Option<i32> {
    if matches!(text.to_ascii_uppercase().as_str(), "UTC" | "GMT" | "Z" | "ETC/UTC") {
        return Some(0);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..=15).contains(&hours) && (0..60).contains(&minutes))
        .then_some(sign * (hours * 3600 + minutes * 60))
}

fn offset_text(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(dialect: Dialect, statements: &[&str]) -> Session {
        let mut session = Session::new(Rules::of(dialect));
        for text in statements {
            let mut lexer = Lexer::whole(text.as_bytes(), session.rules);
            session.set(&mut lexer).unwrap();
        }
        session
    }

    #[test]
    fn settings_are_saved_and_restored_as_dumps_do() {
        let saved = "@OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO,ANSI_QUOTES' */";
        let mut lexer = Lexer::whole(saved.as_bytes(), Rules::of(Dialect::Mysql));
        lexer.conditional = true;
        let mut session = Session::new(Rules::of(Dialect::Mysql));
        session.set(&mut lexer).unwrap();
        assert!(session.rules.ansi_quotes && session.rules.backslash);
        let mut lexer = Lexer::whole(b"SQL_MODE=@OLD_SQL_MODE", session.rules);
        session.set(&mut lexer).unwrap();
        assert!(!session.rules.ansi_quotes);

        let zone = after(Dialect::Mysql, &["@a=@@TIME_ZONE", "TIME_ZONE='-03:30'"]);
        assert_eq!(zone.zone, Some(-12_600));
        let zone = after(Dialect::Mysql, &["time_zone='+00:00'", "TIME_ZONE=@unknown"]);
        assert_eq!(zone.zone, Some(0));
        let mode = after(Dialect::Mysql, &["SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'"]);
        assert!(!mode.rules.backslash);
    }

    #[test]
    fn encodings_are_known_or_refused() {
        assert_eq!(after(Dialect::Mysql, &["NAMES latin1"]).charset, Charset::Windows1252);
        assert_eq!(
            after(Dialect::Postgres, &["client_encoding = 'LATIN1'"]).charset,
            Charset::Latin1
        );
        let mut session = Session::new(Rules::of(Dialect::Mysql));
        let mut lexer = Lexer::whole(b"NAMES gbk", session.rules);
        assert_eq!(session.set(&mut lexer).unwrap_err().code(), Code::Unsupported);
    }

    #[test]
    fn names_are_folded_and_qualified() {
        let mut session = Session::new(Rules::of(Dialect::Postgres));
        let mut lexer = Lexer::whole(b"Public.\"T.b\" (", session.rules);
        assert_eq!(session.table(&mut lexer).unwrap(), TableName::new("public", "T.b"));
        session.search_path("shop, pg_catalog");
        let mut lexer = Lexer::whole(b"Orders", session.rules);
        assert_eq!(session.table(&mut lexer).unwrap(), TableName::new("shop", "orders"));
    }
}
