//! A table's options, as the servers show them behind its columns.

use syncline_types::{NativeSql, TableSchema};

use super::draft::Ground;
use super::{Read, Unread, charsets};
use crate::script::TokenKind as Kind;
use crate::script::Tokens;

/// Options that are shown, in the order of the servers.
const SHOWN: [&str; 14] = [
    "ENGINE",
    "CHARSET",
    "COLLATE",
    "MIN_ROWS",
    "MAX_ROWS",
    "AVG_ROW_LENGTH",
    "PACK_KEYS",
    "STATS_PERSISTENT",
    "STATS_AUTO_RECALC",
    "STATS_SAMPLE_PAGES",
    "CHECKSUM",
    "DELAY_KEY_WRITE",
    "ROW_FORMAT",
    "KEY_BLOCK_SIZE",
];

/// Options of a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Options {
    /// Those that are known, with their values.
    pairs: Vec<(String, String)>,
    /// All others, as the server shows them.
    rest: String,
    pub(super) comment: Option<Option<String>>,
    pub(super) next: Option<i128>,
    /// What the statement itself says.
    pub(super) charset: Option<String>,
    pub(super) collation: Option<String>,
}

impl Options {
    /// Those of a table that is there.
    pub(super) fn of(table: &TableSchema) -> Self {
        let text = table.options.as_ref().map_or("", |o| o.sql.as_str());
        let mut options = Self::default();
        let mut rest = Vec::new();
        // A text in quotes may hold spaces.
        if text.contains('\'') || text.contains('`') {
            options.rest = text.to_owned();
            return options;
        }
        for word in text.split_whitespace() {
            match word.split_once('=') {
                Some((key, value)) if SHOWN.contains(&key.to_ascii_uppercase().as_str()) => {
                    options.pairs.push((key.to_ascii_uppercase(), value.to_owned()));
                }
                _ if word.eq_ignore_ascii_case("DEFAULT") => {}
                _ => rest.push(word),
            }
        }
        options.rest = rest.join(" ");
        options
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    pub(super) fn set(&mut self, key: &str, value: Option<String>) {
        self.pairs.retain(|(k, _)| k != key);
        self.pairs.extend(value.map(|v| (key.to_owned(), v)));
    }

    /// One option; false when none stands here.
    pub(super) fn read(&mut self, tokens: &mut Tokens<'_>) -> Read<bool> {
        let start = tokens.mark();
        tokens.eat("DEFAULT");
        let key = if tokens.eat_all(&["CHARACTER", "SET"]) || tokens.eat("CHARSET") {
            "CHARSET".to_owned()
        } else {
            let word =
                tokens.peek().filter(|t| t.kind == Kind::Word).map(|t| tokens.lexer.string(t));
            let Some(word) = word else { return Ok(false) };
            tokens.at += 1;
            word.to_ascii_uppercase()
        };
        let known = SHOWN.contains(&key.as_str())
            || matches!(
                key.as_str(),
                "AUTO_INCREMENT"
                    | "COMMENT"
                    | "TYPE"
                    | "PAGE_CHECKSUM"
                    | "TRANSACTIONAL"
                    | "INSERT_METHOD"
            );
        if !known {
            tokens.back_to(start);
            return Ok(false);
        }
        tokens.eat_punct(b'=');
        let token = tokens.bump().ok_or_else(|| Unread::new(format!("{key} has no value")))?;
        let value = tokens.lexer.string(&token);
        match key.as_str() {
            "AUTO_INCREMENT" => self.next = value.parse().ok(),
            "COMMENT" => self.comment = Some(Some(value).filter(|c| !c.is_empty())),
            "CHARSET" => self.charset = Some(charsets::charset_name(&value)),
            "COLLATE" => self.collation = Some(charsets::collation_name(&value)),
            "ENGINE" | "TYPE" => self.set("ENGINE", Some(engine(&value))),
            "ROW_FORMAT" => {
                let value = value.to_ascii_uppercase();
                self.set("ROW_FORMAT", (value != "DEFAULT").then_some(value));
            }
            "MIN_ROWS" | "MAX_ROWS" | "AVG_ROW_LENGTH" | "CHECKSUM" | "DELAY_KEY_WRITE"
            | "KEY_BLOCK_SIZE" => {
                self.set(&key, Some(value).filter(|v| v != "0"));
            }
            "PACK_KEYS" | "STATS_PERSISTENT" | "STATS_AUTO_RECALC" | "STATS_SAMPLE_PAGES" => {
                self.set(&key, Some(value).filter(|v| !v.eq_ignore_ascii_case("DEFAULT")));
            }
            _ => return Err(Unread::new(format!("option {key} is not read"))),
        }
        Ok(true)
    }

    /// The character set and the collation that the table has from now on.
    pub(super) fn settle(&mut self, ground: &Ground<'_>) -> Read<(String, String)> {
        let said = (self.charset.take(), self.collation.take());
        let (charset, collation) = ground.texts(said.0.as_deref(), said.1.as_deref())?;
        self.set("CHARSET", Some(charset.clone()));
        let usual = ground.at.collation(&charset);
        // MySQL shows one that goes without saying only for utf8mb4.
        let shown = ground.maria || charset == "utf8mb4" || usual.as_deref() != Some(&collation);
        self.set("COLLATE", shown.then(|| collation.clone()));
        Ok((charset, collation))
    }

    /// As the servers write them.
    pub(super) fn write(&self, table: &mut TableSchema) {
        let mut words = Vec::new();
        if self.pairs.is_empty() && !self.rest.is_empty() {
            words.push(self.rest.clone());
        } else {
            for key in SHOWN {
                let Some(value) = self.get(key) else { continue };
                let default = if key == "CHARSET" { "DEFAULT " } else { "" };
                words.push(format!("{default}{key}={value}"));
            }
            if !self.rest.is_empty() {
                words.push(self.rest.clone());
            }
        }
        let text = words.join(" ");
        table.options = (!text.is_empty()).then(|| NativeSql::new("mysql", text));
        if let Some(comment) = &self.comment {
            table.comment = comment.clone();
        }
        if let Some(next) = self.next {
            for identity in table.columns.iter_mut().filter_map(|c| c.identity.as_mut()) {
                identity.next = Some(next);
            }
        }
    }

    /// Whether the options of the table that is there can be told from each other.
    pub(super) fn is_known(&self) -> bool {
        !self.pairs.is_empty() || self.rest.is_empty()
    }
}

/// An engine as the servers spell it.
pub(super) fn engine(name: &str) -> String {
    let all = [
        "InnoDB",
        "MyISAM",
        "MEMORY",
        "Aria",
        "ARCHIVE",
        "CSV",
        "BLACKHOLE",
        "ROCKSDB",
        "TokuDB",
        "ndbcluster",
    ];
    let found = all.into_iter().find(|e| e.eq_ignore_ascii_case(name));
    match found {
        Some(engine) => engine.to_owned(),
        None if name.eq_ignore_ascii_case("heap") => "MEMORY".into(),
        None => name.to_owned(),
    }
}
